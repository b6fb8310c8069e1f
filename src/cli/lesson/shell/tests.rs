//! What a hostile lesson tries.

use std::any::TypeId;
use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::{Command, CommandFactory};

use super::LessonShell;
use crate::cli::{App, run_on};
use crate::host::temporary::Passing;
use crate::lessons::model::Lesson;
use crate::lessons::parse::parse;
use crate::lessons::shell::Shell;
use crate::server::Server;
use crate::sim::Cluster;
use crate::ui::Ui;

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

fn lesson() -> Lesson {
    parse("x.md", "---\ntitle: T\nsummary: S.\nminutes: 5\n---\n## One\n\nWords.\n").expect("a lesson")
}

fn shell() -> LessonShell<'static> {
    LessonShell::in_memory(Box::leak(Box::new(lesson()))).expect("a shell")
}

/// A shell whose files lie in a folder of the host too.
fn shell_in(folder: &Path) -> LessonShell<'static> {
    let lesson = Box::leak(Box::new(lesson()));
    let cluster = super::cluster(lesson, None).expect("a cluster");
    LessonShell::over(cluster, lesson, (None, Some(folder.to_path_buf()), None)).expect("a shell")
}

/// A folder with the secret, and a lesson's folder in which links lead there.
fn victim(lesson: &Path) -> (Passing, Vec<String>) {
    let folder = Passing::folder("kstate-secret-").expect("a folder");
    folder.write("secret.yaml", SECRET).expect("a file");
    let outside = folder.path().join("secret.yaml");
    let leaf = folder.path().file_name().expect("a name").to_string_lossy().into_owned();
    let mut paths = vec![outside.display().to_string(), format!("../{leaf}/secret.yaml")];
    if link(&outside, &lesson.join("link.yaml")) && link(folder.path(), &lesson.join("linked")) {
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
    let place = Passing::folder("kstate-lesson-").expect("a folder");
    let (_folder, paths) = victim(place.path());
    let mut shell = shell_in(place.path());
    for line in ["kubectl create deploy web --image=nginx", "kubectl run web --image=nginx"] {
        assert_eq!(shell.run(line).code, 0, "{line}");
    }
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
    for path in &paths {
        for line in
            [format!("cat {path}"), format!("cat < {path}"), format!("cp -r {path} x; cat x"), format!(". {path}")]
        {
            assert!(!shows(&shell.run(&line).output, &secrets), "{line} shows it");
        }
    }
    for look in
        ["env", "ls -laR / | cat", "kubectl get cm,secrets,ns,deploy,pods -A -o yaml", "kubectl config view --raw"]
    {
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
fn nothing_of_the_host_is_there() {
    let mut shell = shell();
    let here = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let reply = shell.run(&format!("kubectl apply -f {here}/Cargo.toml; ls {here}"));
    assert_eq!(
        reply.output.replace(&here, "HERE"),
        "error: the path \"HERE/Cargo.toml\" does not exist\nls: cannot access 'HERE': No such file or directory\n"
    );
    assert_eq!(shell.run("cat /etc/hostname; whoami; pwd").output, "desk\nlearner\n/lesson\n");
    shell.write_file("ca.crt", "x").expect("a file");
    shell.run("kubectl config set-cluster c --certificate-authority=ca.crt");
    let shown = shell.run("kubectl config view -o jsonpath={.clusters[0].cluster}").output;
    insta::assert_snapshot!(shown, @r#"{"certificate-authority":"/lesson/ca.crt","server":""}"#);
}

/// What pages of workshops type.
#[test]
fn the_prompt_is_a_shell() {
    let mut shell = shell();
    let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: tcm}\ndata: {a: '1'}\n";
    shell.write_file("tcm.yaml", manifest).expect("a file");
    for (line, goes_on) in [("echo a \\", true), ("echo a\\", true), ("echo a # b \\", false), ("echo 'a' \\\\", false)]
    {
        assert_eq!(shell.is_unfinished(line), goes_on, "{line}");
    }
    let mut shown = String::new();
    for line in [
        "kubectl api-resources | awk 'NR==1 || /PersistentVolume/'",
        "cat tcm.yaml | kubectl apply -f -",
        "cat <<EOF | kubectl apply -f -\napiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: c, image: nginx}]}\nEOF",
        "for i in 1 2 3; do k create cm cm$i --from-literal=a=$i; done",
        "kubectl wait --for=condition=Ready pod/web",
        "kubectl get pods | grep -v Running",
        "kubectl get pod web -o json | jq .spec.nodeName",
        "kubectl get cm -o json | jq -r '.items[] | select(.data.a) | [.metadata.name, .data.a] | @tsv' | sort -r | head -n 2",
        "NODE=$(kubectl get pod web -o jsonpath='{.spec.nodeName}')",
        "echo \"on $NODE\"; kubectl get node $NODE -o name",
        "kubectl get pod web -o yaml > web.yaml; grep -c nodeName web.yaml; ls",
        "sed 's/tcm/tcm2/' tcm.yaml > /tmp/b.yaml && kubectl apply -f /tmp/b.yaml",
        "kubectl apply -f <(kubectl create cm x --from-literal=a=b --dry-run=client -o yaml)",
        "echo hello | kubectl exec -i web -- cat",
        "kubectl get pod nope 2>/dev/null || echo \"nothing: $?\"",
        "kubectl get pod nope 2>&1 | wc -l",
        "kubectl get cm --no-headers -o custom-columns=N:.metadata.name | xargs -n 2 echo | head -n 1",
        "date; sleep 90; date",
        "cd /tmp; echo 'a: b' > c.txt; kubectl create cm here --from-file=c.txt; cd ~; pwd",
        "watch kubectl get cm x -o name",
        "while :; do kubectl get ns default > /dev/null; done",
        "jq -n 'def f: f; f'",
        "kubectl get pods -o json | jq '.items[",
        "kubectl get cm \\\n  x -o na\\\nme",
        "foo",
        "echo $?; exit 3",
        "echo $i still here",
    ] {
        let reply = shell.run(line);
        let code = if reply.code == 0 { String::new() } else { format!("[exit {}]\n", reply.code) };
        shown += &format!("$ {line}\n{}{code}", reply.output);
    }
    insta::assert_snapshot!(shown, @r#"
    $ kubectl api-resources | awk 'NR==1 || /PersistentVolume/'
    NAME                                SHORTNAMES   APIVERSION                        NAMESPACED   KIND
    persistentvolumeclaims              pvc          v1                                true         PersistentVolumeClaim
    persistentvolumes                   pv           v1                                false        PersistentVolume
    $ cat tcm.yaml | kubectl apply -f -
    configmap/tcm created
    $ cat <<EOF | kubectl apply -f -
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec: {containers: [{name: c, image: nginx}]}
    EOF
    pod/web created
    $ for i in 1 2 3; do k create cm cm$i --from-literal=a=$i; done
    configmap/cm1 created
    configmap/cm2 created
    configmap/cm3 created
    $ kubectl wait --for=condition=Ready pod/web
    pod/web condition met
    $ kubectl get pods | grep -v Running
    NAME   READY   STATUS    RESTARTS   AGE
    $ kubectl get pod web -o json | jq .spec.nodeName
    "k3d-deadless-agent-1"
    $ kubectl get cm -o json | jq -r '.items[] | select(.data.a) | [.metadata.name, .data.a] | @tsv' | sort -r | head -n 2
    tcm	1
    cm3	3
    $ NODE=$(kubectl get pod web -o jsonpath='{.spec.nodeName}')
    $ echo "on $NODE"; kubectl get node $NODE -o name
    on k3d-deadless-agent-1
    node/k3d-deadless-agent-1
    $ kubectl get pod web -o yaml > web.yaml; grep -c nodeName web.yaml; ls
    1
    tcm.yaml  web.yaml
    $ sed 's/tcm/tcm2/' tcm.yaml > /tmp/b.yaml && kubectl apply -f /tmp/b.yaml
    configmap/tcm2 created
    $ kubectl apply -f <(kubectl create cm x --from-literal=a=b --dry-run=client -o yaml)
    configmap/x created
    $ echo hello | kubectl exec -i web -- cat
    hello
    $ kubectl get pod nope 2>/dev/null || echo "nothing: $?"
    nothing: 1
    $ kubectl get pod nope 2>&1 | wc -l
    1
    $ kubectl get cm --no-headers -o custom-columns=N:.metadata.name | xargs -n 2 echo | head -n 1
    cm1 cm2
    xargs: echo: terminated by signal 13
    $ date; sleep 90; date
    Thu Jan  1 00:05:01 UTC 2026
    Thu Jan  1 00:06:31 UTC 2026
    $ cd /tmp; echo 'a: b' > c.txt; kubectl create cm here --from-file=c.txt; cd ~; pwd
    configmap/here created
    /lesson
    $ watch kubectl get cm x -o name

    Every 2.0s: kubectl get cm x -o name                    Thu Jan  1 00:06:31 2026

    configmap/x

    Every 2.0s: kubectl get cm x -o name                    Thu Jan  1 00:06:33 2026

    configmap/x

    Every 2.0s: kubectl get cm x -o name                    Thu Jan  1 00:06:35 2026

    configmap/x

    Every 2.0s: kubectl get cm x -o name                    Thu Jan  1 00:06:37 2026

    ^C

    [exit 130]
    $ while :; do kubectl get ns default > /dev/null; done
    ^C

    [exit 130]
    $ jq -n 'def f: f; f'
    jq: error: f calls itself, which is not supported here
    jq: 1 compile error
    [exit 3]
    $ kubectl get pods -o json | jq '.items[
    bash: syntax error: unexpected end of file
    [exit 2]
    $ kubectl get cm \
      x -o na\
    me
    configmap/x
    $ foo
    bash: foo: command not found
    [exit 127]
    $ echo $?; exit 3
    127
    exit
    [exit 3]
    $ echo $i still here
    still here
    "#);
}

#[test]
fn files_go_both_ways_between_the_desk_and_its_folder() {
    let place = Passing::folder("kstate-lesson-").expect("a folder");
    let mut shell = shell_in(place.path());
    shell.write_file("a.yaml", "a: 1\n").expect("a file");
    let read = |name: &str| std::fs::read_to_string(place.path().join(name)).ok();
    assert_eq!(read("a.yaml").as_deref(), Some("a: 1\n"));
    shell.run("echo b > b.txt; mkdir c; cp a.yaml c/; rm a.yaml");
    assert_eq!(
        (read("a.yaml"), read("b.txt").as_deref(), read("c/a.yaml").as_deref()),
        (None, Some("b\n"), Some("a: 1\n"))
    );
    std::fs::write(place.path().join("b.txt"), "changed\n").expect("a file");
    std::fs::remove_file(place.path().join("c/a.yaml")).expect("it goes");
    assert_eq!(shell.run("cat b.txt; ls c").output, "changed\n");
}

/// Somebody works on a lesson's cluster in a second terminal, by `kstate shell`.
#[test]
fn two_terminals_see_each_other_and_undo_nothing() {
    let place = Passing::folder("kstate-lesson-").expect("a folder");
    let lesson = Box::leak(Box::new(lesson()));
    let state = place.path().join("cluster.db");
    let cluster = super::cluster(lesson, Some(&state)).expect("a cluster");
    let mut shell = LessonShell::over(cluster, lesson, (None, None, None)).expect("a shell");
    assert_eq!(shell.run("kubectl create cm first").code, 0);
    let mark = shell.checkpoint().expect("a mark");
    let other = |line: &str| {
        let mut server = Server::over(Cluster::open(&state).expect("a cluster").expect("it is there"));
        let words: Vec<String> = line.split(' ').map(String::from).collect();
        let ui = Ui::captured();
        let code = run_on(&words, &ui, &mut server, place.path());
        super::settle(&mut server).expect("it settles");
        server.leave();
        (code, ui.take())
    };
    assert_eq!(other("kubectl get cm first -o name"), (0, "configmap/first\n".into()));
    assert_eq!(other("kubectl create cm second").0, 0);
    assert_eq!(shell.run("kubectl get cm second -o name").output, "configmap/second\n");
    assert_eq!(shell.run("kubectl create cm third").code, 0);
    assert_eq!(other("kubectl get cm third -o name").0, 0);
    shell.rollback(&mark).expect("it goes back");
    assert_eq!(shell.run("kubectl get cm -o name | grep -c -e second -e third").output, "0\n");
    assert_eq!(other("kubectl get cm first -o name").0, 0);
    shell.restart().expect("it begins again");
    assert_eq!(shell.run("kubectl get cm first").code, 1);
}

#[test]
fn tab_completes_commands_types_names_and_files() {
    let mut shell = shell();
    shell.write_file("static-pv01.yaml", "a: b\n").expect("a file");
    let mut complete = |line: &str| {
        let (start, candidates) = shell.complete(line);
        let texts: Vec<String> = candidates.into_iter().map(|(text, _)| text).collect();
        format!("{}[{}]", &line[..start], texts.join("|"))
    };
    assert_eq!(complete("kub"), "[kubectl ]");
    assert_eq!(complete("k api-r"), "k [api-resources ]");
    assert_eq!(complete("kubectl get pods | sor"), "kubectl get pods | [sort ]");
    assert_eq!(
        complete("kubectl describe nodes k3d-deadless-ag"),
        "kubectl describe nodes [k3d-deadless-agent-0 |k3d-deadless-agent-1 ]"
    );
    assert_eq!(complete("kubectl apply -f st"), "kubectl apply -f [static-pv01.yaml ]");
    assert_eq!(complete("cat < st"), "cat < [static-pv01.yaml ]");
    assert_eq!(complete("echo $(kubectl get persistentvolumec"), "echo $(kubectl get [persistentvolumeclaims ]");
    assert_eq!(complete("kubectl get pods --no-h"), "kubectl get pods [--no-headers ]");
    assert_eq!(complete("kstate why pvc/"), "kstate why []");
}
