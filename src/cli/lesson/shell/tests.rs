//! What a hostile lesson tries.

use std::any::TypeId;
use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::{Command, CommandFactory};

use super::LessonShell;
use crate::cli::App;
use crate::host::temporary::Passing;
use crate::lessons::parse::parse;
use crate::lessons::shell::Shell;

/// What must not be seen, in a form that each flag takes for something: a manifest, a patch, a template, a variable.
const SECRET: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: top-secret-content}\ndata: {k: top-secret-content}\n";
const MARK: &str = "top-secret-content";

/// The flags that take the path of a file, as such or within their value.
const FILE_FLAGS: [&str; 16] = [
    "cache-dir",
    "cert",
    "certificate-authority",
    "client-certificate",
    "client-key",
    "filename",
    "from-env-file",
    "from-file",
    "key",
    "kubeconfig",
    "kuberc",
    "kustomize",
    "output",
    "patch-file",
    "profile-output",
    "template",
];

/// The forms of `-o` that take a file.
const FORMS: [&str; 5] = ["go-template-file", "templatefile", "jsonpath-file", "custom-columns-file", "jsonpath"];

/// What stands before the flags of a command so that it gets as far as its files.
const ARGUMENTS: &[(&str, &str)] = &[
    ("annotate", "ns default a=b"),
    ("autoscale", "deploy web --max=3"),
    ("config set-cluster", "c --embed-certs"),
    ("config set-credentials", "c --embed-certs"),
    ("cp", "Cargo.toml web:/x"),
    ("create configmap", "x --dry-run=client -o yaml"),
    ("create secret docker-registry", "x --dry-run=client -o yaml"),
    ("create secret generic", "x --dry-run=client -o yaml"),
    ("create secret tls", "x"),
    ("edit", "ns default"),
    ("expose", "pod web --port=80"),
    ("get", "ns default"),
    ("label", "ns default a=b"),
    ("patch", "ns default"),
    ("scale", "deploy/web --replicas=1"),
    ("set env", "deploy/web"),
    ("set image", "deploy/web *=nginx"),
    ("taint", "node k3d-deadless-agent-0 a=b:NoSchedule"),
    ("wait", "ns/default --for=create"),
];

fn shell() -> LessonShell {
    let text = "---\ntitle: T\nsummary: S.\nminutes: 5\n---\n## One\n\nWords.\n";
    LessonShell::in_memory(&parse("x.md", text).expect("a lesson")).expect("a shell")
}

/// A folder with the secret, and a lesson beside it in whose folder links lead there.
fn victim(shell: &LessonShell) -> (Passing, Vec<String>) {
    let folder = Passing::folder("kstate-secret-").expect("a folder");
    folder.write("secret.yaml", SECRET).expect("a file");
    let outside = folder.path().join("secret.yaml");
    let leaf = folder.path().file_name().expect("a name").to_string_lossy().into_owned();
    let mut paths = vec![outside.display().to_string(), format!("../{leaf}/secret.yaml")];
    if link(&outside, &shell.folder().join("link.yaml")) && link(folder.path(), &shell.folder().join("linked")) {
        paths.extend(["link.yaml".to_string(), "linked/secret.yaml".to_string()]);
    }
    paths.push("/proc/self/environ".into());
    (folder, paths)
}

#[cfg(unix)]
fn link(to: &Path, from: &Path) -> bool {
    std::os::unix::fs::symlink(to, from).is_ok()
}

#[cfg(windows)]
fn link(to: &Path, from: &Path) -> bool {
    // Not everybody may make links there.
    let link = if to.is_dir() { std::os::windows::fs::symlink_dir } else { std::os::windows::fs::symlink_file };
    link(to, from).is_ok()
}

/// Each command with those of its own flags that take a text.
fn flags(command: &Command, path: &str, found: &mut Vec<(String, String)>) {
    for arg in command.get_arguments().filter(|arg| arg.get_action().takes_values()) {
        let is_text = arg.get_value_parser().type_id() == TypeId::of::<String>();
        if let Some(long) = arg.get_long().filter(|_| is_text) {
            found.push((path.to_string(), long.to_string()));
        }
    }
    for below in command.get_subcommands() {
        flags(below, format!("{path} {}", below.get_name()).trim(), found);
    }
}

/// Whether a text holds the secret or what only this process's environment holds, as it is or in base64.
fn shows(text: &str, secrets: &[String]) -> bool {
    let coded = |secret: &str| {
        (0..3).any(|skip| {
            let whole = STANDARD.encode(&secret.as_bytes()[skip..]);
            text.contains(&whole[..whole.len() / 4 * 4 - 4])
        })
    };
    secrets.iter().any(|secret| text.contains(secret.as_str()) || coded(secret))
}

/// The lines that try a flag with a path.
fn lines(command: &str, flag: &str, path: &str) -> Vec<String> {
    // What all commands take is tried with one.
    let command = if command.is_empty() { "get" } else { command };
    let arguments = match flag {
        "filename" => "",
        _ => ARGUMENTS.iter().find(|(name, _)| *name == command).map_or("", |(_, arguments)| *arguments),
    };
    let values: Vec<String> = match flag {
        "output" => FORMS.iter().map(|form| format!("{form}={path}")).collect(),
        "from-file" => vec![path.to_string(), format!("k={path}")],
        _ => vec![path.to_string()],
    };
    values.iter().map(|value| format!("kubectl {command} {arguments} --{flag}={value}")).collect()
}

#[test]
fn no_flag_leads_out_of_the_folder() {
    let mut shell = shell();
    for line in ["kubectl create deploy web --image=nginx", "kubectl run web --image=nginx"] {
        assert_eq!(shell.run(line).code, 0, "{line}");
    }
    let (_folder, paths) = victim(&shell);
    let target = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let secrets = [MARK.to_string(), target];
    let mut found = Vec::new();
    flags(&App::command(), "", &mut found);
    let mut leaks = Vec::new();
    for (command, flag) in &found {
        // Of flags that take no file today, one path is enough to tell that they still don't.
        let paths = if FILE_FLAGS.contains(&flag.as_str()) { &paths[..] } else { &paths[..1] };
        for line in paths.iter().flat_map(|path| lines(command, flag, path)) {
            if shows(&shell.run(&line).output, &secrets) {
                leaks.push(line);
            }
        }
    }
    for look in ["kubectl get cm,secrets,ns,deploy,pods -A -o yaml", "kubectl config view --raw"] {
        assert!(!shows(&shell.run(look).output, &secrets), "{look} shows it");
    }
    assert_eq!(leaks, Vec::<String>::new());

    // What is in the folder is read by these very lines: they get as far as their files.
    shell.write_file("inside.yaml", &SECRET.replace(MARK, "inside-content")).expect("a file");
    let inside = ["inside-content".to_string()];
    let reads = |(command, flag): &&(String, String)| {
        lines(command, flag, "inside.yaml").iter().any(|line| shows(&shell.run(line).output, &inside))
    };
    let shown: BTreeSet<&str> = found.iter().filter(reads).map(|(_, flag)| flag.as_str()).collect();
    assert!(["filename", "from-file", "output", "patch-file"].iter().all(|flag| shown.contains(flag)), "{shown:?}");
    for flag in FILE_FLAGS {
        assert!(found.iter().any(|(_, known)| known == flag), "no command has --{flag}");
    }
}

#[test]
fn a_lesson_sees_no_environment_and_starts_nothing() {
    let mut shell = shell();
    // cargo sets it for each test.
    shell.write_file("names.env", "CARGO_PKG_NAME\nOWN=1\n").expect("a file");
    shell.write_file("a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n").expect("a file");
    shell.run("kubectl create cm env --from-env-file=names.env");
    let data = shell.run("kubectl get cm env -o jsonpath={.data}").output;
    assert_eq!(data, r#"{"CARGO_PKG_NAME":"","OWN":"1"}"#);
    let nobody = "error: no editor is started where nobody is at the terminal\n";
    for line in ["kubectl edit ns default", "kubectl create --edit -f a.yaml", "kubectl edit -f a.yaml -o json"] {
        shell.run("kubectl apply -f a.yaml");
        let reply = shell.run(line);
        assert!(reply.output.ends_with(nobody) && reply.code == 1, "{line}: {reply:?}");
        shell.run("kubectl delete cm a");
    }
    assert_eq!(shell.run("kubectl plugin list").output, "error: unable to find any kubectl plugins in your PATH\n");
}

#[test]
fn what_a_lesson_may_run_is_judged_by_the_verb_wherever_it_stands() {
    let mut shell = shell();
    assert_eq!(shell.run("kubectl create cm a").code, 0);
    for line in ["undo", "-v=1 undo", "-v 1 undo", "--v=1 undo", "-n default undo", "--namespace x undo 1", "undo -v=1"]
    {
        let reply = shell.run(&format!("kstate {line}"));
        assert_eq!((reply.output.as_str(), reply.code), ("error: in a lesson, \"back\" goes back\n", 1), "{line}");
    }
    for line in ["lesson list", "-v=1 lesson check", "-n x cluster list", "cluster -v=1 delete k3d-deadless"] {
        let reply = shell.run(&format!("kstate {line}"));
        assert_eq!(reply.output, "error: this works outside of a lesson only\n", "{line}");
    }
    assert_eq!(shell.run("kubectl get cm a -o name").output, "configmap/a\n");
}

#[test]
fn who_tries_to_leave_the_folder_is_told_that_nothing_is_there_and_why() {
    let mut shell = shell();
    insta::assert_snapshot!(shell.run("kubectl apply -f /etc/hostname").output, @r#"
    error: the path "/etc/hostname" does not exist
    hint: a lesson sees only the files of its own folder
    "#);
    insta::assert_snapshot!(shell.run("kubectl create cm x --from-file=../x").output, @"
    error: error reading ../x: no such file or directory
    hint: a lesson sees only the files of its own folder
    ");
    insta::assert_snapshot!(shell.run("kubectl get ns --kubeconfig=/etc/hostname").output, @"
    error: stat /etc/hostname: no such file or directory
    hint: a lesson sees only the files of its own folder
    ");
    insta::assert_snapshot!(shell.run("kubectl config set-cluster c --kubeconfig=../stolen").output, @"
    error: open ../stolen.lock: no such file or directory
    hint: a lesson sees only the files of its own folder
    ");
    shell.write_file("ca.crt", "x").expect("a file");
    shell.run("kubectl config set-cluster c --certificate-authority=ca.crt");
    let shown = shell.run("kubectl config view -o jsonpath={.clusters[0].cluster}").output;
    let shown = shown.replace(r"C:\\lesson\\", "/lesson/");
    insta::assert_snapshot!(shown, @r#"{"certificate-authority":"/lesson/ca.crt","server":""}"#);
}

#[cfg(unix)]
#[test]
fn the_passing_folder_is_for_nobody_else_and_goes() {
    use std::os::unix::fs::PermissionsExt;
    let (one, other) = (shell(), shell());
    let folder = one.folder().to_path_buf();
    assert_ne!(folder, other.folder());
    assert_eq!(std::fs::metadata(&folder).expect("a folder").permissions().mode() & 0o777, 0o700);
    drop(one);
    assert!(!folder.exists());
}
