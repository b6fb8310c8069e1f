//! Scripts that real dash, bash and busybox sh run too, where they are installed: output, errors and exit code must be
//! the same.
//!
//! `tests/parity/*.txt` hold the scripts. A line `=== abd [-c|stdin]` begins each and tells which shells run it
//! (ash, bash, dash), from a file unless said otherwise.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kstate::api::{Duration, Time};
use kstate::machine::disk::{Disk, Inode, Node};
use kstate::machine::kernel::mounts::{Mount, Source};
use kstate::machine::kernel::{ContainerSpec, Disks, Sandbox};
use kstate::machine::net::Nowhere;

const NOW: Time = Time(1_774_000_000_000);
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct Case {
    place: String,
    shells: String,
    how: String,
    script: String,
}

#[derive(Debug, PartialEq)]
struct Came {
    out: String,
    err: String,
    code: i32,
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machine/parity");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let mut all: Vec<Case> = Vec::new();
    for file in files.iter().filter(|f| f.extension().is_some_and(|e| e == "txt")) {
        for (number, line) in std::fs::read_to_string(file).unwrap().split_inclusive('\n').enumerate() {
            match line.strip_prefix("=== ") {
                Some(head) => {
                    let mut words = head.split_whitespace().map(String::from);
                    all.push(Case {
                        place: format!("{}:{}", file.file_name().unwrap().to_string_lossy(), number + 1),
                        shells: words.next().unwrap_or_default(),
                        how: words.next().unwrap_or_default(),
                        script: String::new(),
                    });
                }
                None => all.last_mut().unwrap().script.push_str(line),
            }
        }
    }
    all
}

fn latin(bytes: &[u8]) -> String {
    bytes.iter().map(|b| char::from(*b)).collect()
}

/// Numbers of processes and times differ from run to run.
fn normal(text: String) -> String {
    let line = |line: &str| -> String {
        if let Some((before, rest)) = line.split_once(": line ")
            && let Some((number, message)) = rest.split_once(':')
        {
            let message = message.trim_start();
            let digits = message.len() - message.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            if digits > 0 && message[digits..].starts_with(' ') {
                return format!("{before}: line {number}: PID{}", &message[digits..]);
            }
        }
        line.to_string()
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

fn args(case: &Case, name: &str) -> Vec<String> {
    let mut all = vec![name.to_string()];
    match case.how.as_str() {
        "-c" => all.extend(["-c".into(), case.script.trim_end_matches('\n').to_string()]),
        "stdin" => {}
        _ => all.push("t.sh".into()),
    }
    all
}

fn real(case: &Case, shell: char, tools: &Path) -> Option<Came> {
    let folder = tools.join(format!("work-{shell}-{}", case.place.replace([':', '.'], "-")));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("t.sh"), &case.script).unwrap();
    let (program, name, path) = match shell {
        'a' => (tools.join("bin/sh"), "sh", format!("{}:{PATH}", tools.join("bin").display())),
        'b' => (PathBuf::from("/usr/bin/bash"), "bash", PATH.to_string()),
        _ => (PathBuf::from("/usr/bin/dash"), "dash", PATH.to_string()),
    };
    let all = args(case, name);
    let mut command = Command::new(&program);
    command.arg0(name).args(&all[1..]).current_dir(&folder).env_clear().env("PATH", path).env("HOME", "/root");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().ok()?;
    let mut stdin = child.stdin.take().unwrap();
    if case.how == "stdin" {
        let _ = stdin.write_all(case.script.as_bytes());
    }
    drop(stdin);
    let output = child.wait_with_output().ok()?;
    let _ = std::fs::remove_dir_all(&folder);
    let code = output.status.code().or(output.status.signal().map(|s| 128 + s)).unwrap_or(-1);
    Some(Came { out: latin(&output.stdout), err: normal(latin(&output.stderr)), code })
}

fn ours(case: &Case, shell: char) -> Came {
    let (image, name) = match shell {
        'a' => ("busybox", "sh"),
        'b' => ("debian", "bash"),
        _ => ("debian", "dash"),
    };
    let mut root = Disk::over_image(image);
    root.put("/work/t.sh", Inode::new(Node::File(case.script.as_bytes().to_vec().into()), 0o644, (0, 0), NOW)).unwrap();
    let mut disks = Disks::default();
    disks.all.insert("root".into(), root);
    let mut sandbox = Sandbox::new("uid", "host", 42, NOW);
    let mount = |at: &str, what: Source| Mount {
        at: at.into(),
        what,
        read_only: false,
        device: "overlay".into(),
        fs_type: "overlay".into(),
        options: String::new(),
    };
    let spec = ContainerSpec {
        name: "main".into(),
        image: image.into(),
        args: args(case, name),
        env: BTreeMap::from([("PATH", PATH), ("HOME", "/root")].map(|(k, v)| (k.to_string(), v.to_string()))).into(),
        cwd: "/work".into(),
        mounts: vec![mount("/", Source::Disk("root".into(), 0)), mount("/proc", Source::Proc)],
        stdin: true,
        ..ContainerSpec::default()
    };
    sandbox.start_container(spec, &mut disks, NOW).unwrap();
    let session = sandbox.containers["main"].session.unwrap();
    let session = sandbox.sessions.get_mut(&session).unwrap();
    if case.how == "stdin" {
        session.stdin.extend(case.script.bytes());
    }
    session.stdin_open = false;
    sandbox.run(&mut disks, &mut Nowhere, NOW + Duration::secs(600));
    let (mut out, mut err) = (Vec::new(), Vec::new());
    for entry in &sandbox.logs["main"].fresh {
        if entry.stream == 1 { &mut out } else { &mut err }.extend_from_slice(&entry.text);
    }
    let code = sandbox.containers["main"].ended.as_ref().map_or(-1, |e| e.status.code());
    Came { out: latin(&out), err: normal(latin(&err)), code }
}

/// A folder in which busybox is `sh`, `cat` and so on; none where it is not installed.
fn tools() -> Option<PathBuf> {
    let folder = std::env::temp_dir().join(format!("parity-{}", std::process::id()));
    let names = [
        "sh", "cat", "ls", "sed", "sort", "grep", "head", "cut", "wc", "seq", "sleep", "touch", "mkdir", "chmod", "rm",
        "tail", "tr", "env", "date", "tee", "uname", "expr", "cp", "find", "mktemp", "awk", "rmdir", "which", "id",
    ];
    std::fs::create_dir_all(folder.join("bin")).ok()?;
    for name in names {
        let _ = std::os::unix::fs::symlink("/usr/bin/busybox", folder.join("bin").join(name));
    }
    Some(folder)
}

#[test]
fn scripts_run_as_in_the_real_shells() {
    let installed = |shell: &char| {
        let path = match shell {
            'a' => "/usr/bin/busybox",
            'b' => "/usr/bin/bash",
            _ => "/usr/bin/dash",
        };
        Path::new(path).exists()
    };
    let shells: Vec<char> = "abd".chars().filter(installed).collect();
    if shells.is_empty() {
        eprintln!("skipped: no real shell is installed");
        return;
    }
    let folder = tools().unwrap();
    let all = cases();
    let todo: Vec<(&Case, char)> =
        all.iter().flat_map(|c| c.shells.chars().filter(|s| shells.contains(s)).map(move |s| (c, s))).collect();
    assert!(all.len() >= 300, "only {} scripts", all.len());
    let failures = std::sync::Mutex::new(Vec::new());
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some((case, shell)) = todo.get(at) else { return };
                    let ours = ours(case, *shell);
                    // Where processes race in a busy host the real one gets some more tries.
                    let mut came = real(case, *shell, &folder);
                    for _ in 0..5 {
                        if came.as_ref().is_none_or(|c| *c == ours) {
                            break;
                        }
                        came = real(case, *shell, &folder);
                    }
                    if let Some(real) = came.filter(|c| *c != ours) {
                        let text =
                            format!("{} [{shell}]\n{}\n  real {real:?}\n  ours {ours:?}", case.place, case.script);
                        failures.lock().unwrap().push(text);
                    }
                }
            });
        }
    });
    let _ = std::fs::remove_dir_all(&folder);
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), todo.len(), failures.join("\n"));
}
