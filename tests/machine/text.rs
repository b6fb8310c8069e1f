//! The tools for text: what the real ones print, case by case.
//!
//! `tests/machine/text/cases.json` holds commands with what Debian's tools and busybox put out for them, over the files in
//! `tests/machine/text/fix`.

use std::path::Path;

use kstate::api::{Duration, Time};
use kstate::machine::disk::{Disk, Inode, Node};
use kstate::machine::kernel::mounts::{Mount, Source};
use kstate::machine::kernel::{ContainerSpec, Disks, Sandbox};
use kstate::machine::net::Nowhere;

const NOW: Time = Time(1_774_000_000_000);

fn mount(at: &str, what: Source) -> Mount {
    let name = || "overlay".to_string();
    Mount { at: at.into(), what, read_only: false, device: name(), fs_type: name(), options: String::new() }
}

fn lay_down(disk: &mut Disk, from: &Path, to: &str) {
    disk.make_dirs(to, 0o755, NOW).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{to}/{}", path.file_name().unwrap().to_string_lossy());
        if path.is_dir() {
            lay_down(disk, &path, &name);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            disk.put(&name, Inode::new(Node::File(bytes.into()), 0o644, (0, 0), NOW)).unwrap();
        }
    }
}

struct Machine {
    root: Disk,
    image: String,
}

impl Machine {
    fn new(image: &str) -> Machine {
        let mut root = Disk::over_image(image);
        lay_down(&mut root, Path::new("tests/machine/text/fix"), "/work");
        Machine { root, image: image.into() }
    }

    /// Runs a command; with `cuts`, the sandbox is put away and read again every so many milliseconds.
    fn run(
        &self,
        args: &[String],
        env: &[(String, String)],
        stdin: &[u8],
        cuts: Option<i64>,
    ) -> (Vec<u8>, Vec<u8>, i32) {
        let mut disks = Disks::default();
        let mut root = self.root.clone();
        // A tool that the image lacks is there all the same: images are looked at elsewhere.
        let mut binary = kstate::machine::images::BINARY.to_vec();
        binary.extend_from_slice(args[0].as_bytes());
        let inode = Inode::new(Node::File(binary.into()), 0o755, (0, 0), NOW);
        root.put(&format!("/usr/local/bin/{}", args[0]), inode).unwrap();
        disks.all.insert("root".into(), root);
        let mut sandbox = Sandbox::new("uid", "host", 42, NOW);
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        let mut all: std::collections::BTreeMap<String, String> =
            [("PATH", path), ("HOME", "/root")].map(|(k, v)| (k.to_string(), v.to_string())).into();
        all.extend(env.iter().cloned());
        let spec = ContainerSpec {
            name: "main".into(),
            image: self.image.clone(),
            args: args.to_vec(),
            env: all.into(),
            cwd: "/work".into(),
            mounts: vec![mount("/", Source::Disk("root".into(), 0)), mount("/proc", Source::Proc)],
            stdin: true,
            ..ContainerSpec::default()
        };
        if let Err(fault) = sandbox.start_container(spec, &mut disks, NOW) {
            return (Vec::new(), fault.0.into_bytes(), 127);
        }
        let session = sandbox.containers["main"].session.unwrap();
        let session = sandbox.sessions.get_mut(&session).unwrap();
        session.stdin.extend(stdin);
        session.stdin_open = false;
        let end = NOW + Duration::secs(600);
        let mut to = NOW;
        while sandbox.containers["main"].ended.is_none() && to < end {
            to = cuts.map_or(end, |cuts| to + Duration::millis(cuts));
            sandbox.run(&mut disks, &mut Nowhere, to);
            if cuts.is_some() {
                let bytes = postcard::to_allocvec(&sandbox).unwrap();
                sandbox = postcard::from_bytes(&bytes).unwrap();
            }
        }
        let (mut out, mut err) = (Vec::new(), Vec::new());
        for entry in &sandbox.logs["main"].fresh {
            if entry.stream == 1 { &mut out } else { &mut err }.extend_from_slice(&entry.text);
        }
        (out, err, sandbox.containers["main"].ended.as_ref().map_or(-1, |e| e.status.code()))
    }
}

fn latin(bytes: &[u8]) -> String {
    bytes.iter().map(|b| char::from(*b)).collect()
}

/// Of busybox's usage only that it is there counts.
fn without_usage(text: String) -> String {
    match text.find("BusyBox v") {
        Some(at) => text[..at + 8].trim_end().to_string(),
        None => text,
    }
}

fn check(image: &str, cuts: Option<i64>, every: usize) {
    let cases: serde_json::Value = serde_json::from_str(include_str!("text/cases.json")).unwrap();
    let machine = Machine::new(image);
    let mut wrong = Vec::new();
    let of_image = cases.as_array().unwrap().iter().filter(|c| c["image"] == image);
    for case in of_image.step_by(every) {
        let text = |key: &str| case[key].as_str().unwrap_or_default().to_string();
        let strings = |key: &str| -> Vec<String> {
            case[key].as_array().into_iter().flatten().filter_map(|a| a.as_str()).map(str::to_string).collect()
        };
        let env: Vec<(String, String)> = strings("env")
            .iter()
            .filter_map(|e| e.split_once('='))
            .map(|(k, v)| (k.to_string(), v.to_string()))
            .collect();
        let args = strings("args");
        let stdin: Vec<u8> = text("stdin").chars().map(|c| c as u8).collect();
        let (out, err, code) = machine.run(&args, &env, &stdin, cuts);
        let got = (latin(&out), without_usage(latin(&err)), i64::from(code));
        let real = (text("out"), text("err"), case["code"].as_i64().unwrap());
        if got != real {
            wrong.push(format!("{args:?}\n  real {real:?}\n  got  {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn debian_prints_what_the_real_tools_print() {
    check("debian", None, 1);
}

#[test]
fn busybox_prints_what_the_real_one_prints() {
    check("busybox", None, 1);
}

#[test]
fn tools_go_on_after_they_were_put_away() {
    check("debian", Some(1), 7);
    check("busybox", Some(1), 11);
}
