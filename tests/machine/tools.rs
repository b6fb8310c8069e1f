//! The tools for files and processes: what the real ones print, command by command.
//!
//! `tests/files/cases.txt` and `tests/system/cases.txt` hold scenarios, one command a line, each scenario in an empty
//! folder; `cases.json` beside them holds what Debian's tools and its busybox put out for them.

use std::collections::BTreeMap;

use kstate::api::{Duration, Time};
use kstate::machine::disk::{Disk, Inode, Node};
use kstate::machine::kernel::mounts::{Mount, Source};
use kstate::machine::kernel::{ContainerSpec, Disks, Sandbox};
use kstate::machine::net::Nowhere;
use serde::Deserialize;

const NOW: Time = Time(1_796_040_000_000);

#[derive(Deserialize)]
struct Step {
    run: Vec<String>,
    #[serde(default)]
    stdin: String,
    #[serde(default)]
    out: String,
    #[serde(default)]
    err: String,
    #[serde(default)]
    code: i32,
}

struct Machine {
    sandbox: Sandbox,
    disks: Disks,
}

impl Machine {
    fn new(image: &str) -> Machine {
        let mut disks = Disks::default();
        let mut root = Disk::over_image(image);
        let file = |text: &str| Inode::new(Node::File(text.into()), 0o644, (0, 0), NOW);
        root.put(
            "/etc/passwd",
            file("root:x:0:0:root:/root:/bin/bash\nlp:x:7:7:lp:/var/spool/lpd:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"),
        )
        .unwrap();
        root.put("/etc/group", file("root:x:0:\nnews:x:9:\nnogroup:x:65534:\n")).unwrap();
        root.make_dirs("/mnt", 0o755, NOW).unwrap();
        disks.all.insert("root".into(), root);
        let mut sandbox = Sandbox::new("uid", "vm", 42, NOW);
        let mount = |at: &str, what: Source| Mount {
            at: at.into(),
            what,
            read_only: false,
            device: "overlay".into(),
            fs_type: "overlay".into(),
            options: String::new(),
        };
        let env: BTreeMap<String, String> =
            [("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), ("HOME", "/root")]
                .map(|(k, v)| (k.to_string(), v.to_string()))
                .into();
        let spec = ContainerSpec {
            name: "main".into(),
            image: image.into(),
            args: vec!["sleep".into(), "infinity".into()],
            env: env.into(),
            cwd: "/mnt".into(),
            mounts: vec![mount("/", Source::Disk("root".into(), 0)), mount("/proc", Source::Proc)],
            ..ContainerSpec::default()
        };
        sandbox.start_container(spec, &mut disks, NOW).unwrap();
        Machine { sandbox, disks }
    }

    fn run(&mut self, args: &[String], stdin: &str) -> (String, String, i32) {
        let now = self.sandbox.now;
        if args[0] == "write" {
            let inode = Inode::new(Node::File(args[2].as_str().into()), 0o644, (0, 0), now);
            self.disks.all.get_mut("root").unwrap().put(&format!("/mnt/{}", args[1]), inode).unwrap();
            return Default::default();
        }
        let (pid, session) = match self.sandbox.exec("main", args.to_vec(), (true, false), &mut self.disks, now) {
            Ok(started) => started,
            Err(fault) => return (String::new(), fault.0, 127),
        };
        self.sandbox.type_into(session, stdin.as_bytes(), true);
        for _ in 0..10_000 {
            let ran = self.sandbox.run(&mut self.disks, &mut Nowhere, now + Duration::secs(100));
            if !ran.ended {
                break;
            }
            if self.sandbox.exited.contains_key(&pid) {
                break;
            }
        }
        let (mut out, mut err) = (Vec::new(), Vec::new());
        for (stream, bytes) in self.sandbox.take_output(session) {
            if stream == 1 { out.extend(bytes) } else { err.extend(bytes) }
        }
        let code = self.sandbox.take_exit(pid, session).map_or(-1, |s| s.code());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let err = text(&err);
        let err = err.split("BusyBox v1").next().unwrap_or("").to_string();
        (text(&out), err, code)
    }
}

/// Whether the order of what a command prints is that of folders on a real disk.
fn is_unordered(run: &[String]) -> bool {
    ["find", "du"].contains(&run[0].as_str())
        || ["chmod", "chown", "rm", "cp"].contains(&run[0].as_str()) && run[1].contains('v')
}

fn in_order(text: &str) -> Vec<&str> {
    let mut all: Vec<&str> = text.split(['\n', '\0', ' ']).collect();
    all.sort_unstable();
    all
}

/// Runs all scenarios of an area; what differs is printed, and more than `allowed` differences fail.
fn compare(area: &str, allowed: usize) {
    let text = std::fs::read_to_string(format!("tests/machine/{area}/cases.json")).unwrap();
    let all: BTreeMap<String, Vec<Vec<Step>>> = serde_json::from_str(&text).unwrap();
    // What is left out: options that Debian's busybox is built without, and what depends on the clock.
    let known = std::fs::read_to_string(format!("tests/machine/{area}/known.txt")).unwrap_or_default();
    let known: Vec<&str> = known.lines().collect();
    let (mut cases, mut wrong) = (0, 0);
    for (userland, scenarios) in &all {
        let image = if userland == "gnu" { "example/tools" } else { "busybox" };
        for steps in scenarios {
            let mut machine = Machine::new(image);
            for step in steps {
                let (out, err, code) = machine.run(&step.run, &step.stdin);
                cases += 1;
                let same_out = out == step.out || is_unordered(&step.run) && in_order(&out) == in_order(&step.out);
                let name = format!("{userland}: {}", step.run.join(" "));
                if known.iter().any(|k| *k == name) {
                    continue;
                }
                if !same_out || err != step.err || code != step.code {
                    wrong += 1;
                    println!("--- {name}");
                    for (name, got, want) in [("out", &out, &step.out), ("err", &err, &step.err)] {
                        if got != want {
                            println!("{name} got:  {got:?}\n{name} want: {want:?}");
                        }
                    }
                    if code != step.code {
                        println!("code got {code} want {}", step.code);
                    }
                }
            }
        }
    }
    println!("{area}: {cases} commands, {wrong} differ");
    assert!(wrong <= allowed, "{wrong} of {cases} commands differ");
}

#[test]
fn files_as_the_real_tools() {
    compare("files", 0);
}

#[test]
fn system_as_the_real_tools() {
    compare("system", 0);
}

#[test]
fn scripts_as_the_real_shells() {
    let text = std::fs::read_to_string("tests/machine/system/scripts.json").unwrap();
    let all: BTreeMap<String, Vec<(String, String, String, i32)>> = serde_json::from_str(&text).unwrap();
    let mut wrong = 0;
    for (userland, scripts) in &all {
        for (script, out, err, code) in scripts {
            let mut machine = Machine::new(if userland == "gnu" { "example/tools" } else { "busybox" });
            let got = machine.run(&["sh".into(), "-c".into(), script.clone()], "");
            let want = (out.clone(), err.clone(), *code);
            if got != want {
                wrong += 1;
                println!("--- {userland}: {script}\n got {got:?}\nwant {want:?}");
            }
        }
    }
    assert_eq!(wrong, 0);
}
