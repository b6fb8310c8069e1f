//! The machine that kstate runs on: files without an end, modes, folders that pass, editors, interrupts.
#![cfg(unix)]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::home::Home;

const CONFIG_MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v}\n";

/// A program in the home's folder, named by its path.
fn script(home: &Home, text: &str) -> String {
    let path = home.path().join("program.sh");
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
    path.display().to_string()
}

/// A folder for what passes, with nothing in it.
fn passing(home: &Home) -> std::path::PathBuf {
    let folder = home.path().join("tmp");
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn what_has_no_end_is_refused_with_one_error() {
    let home = Home::manual();
    home.write("a.yaml", CONFIG_MAP);
    home.ok("apply -f a.yaml");
    std::os::unix::fs::symlink("/dev/zero", home.path().join("work/zero.md")).expect("a link");
    for (line, error) in [
        ("apply -f /dev/zero", "error: read /dev/zero: "),
        ("create cm z --from-file=/dev/zero", "error: read /dev/zero: "),
        ("create cm z --from-env-file=/dev/zero", "error: read /dev/zero: "),
        ("create secret tls z --cert=/dev/zero --key=/dev/zero", "error: read /dev/zero: "),
        ("patch cm a --patch-file=/dev/zero", "error: read /dev/zero: "),
        ("get cm -o go-template-file=/dev/zero", "error: read /dev/zero: "),
        (
            "get cm -o go-template-file --template=/dev/zero",
            "error: error reading --template /dev/zero, read /dev/zero: ",
        ),
        ("get cm --kubeconfig=/dev/zero", "error: error loading config file \"/dev/zero\": read /dev/zero: "),
        ("lesson check zero.md", "error: zero.md can't be read: "),
    ] {
        let answer = home.run(line);
        assert_eq!(answer.err, format!("{error}more than 128 MiB, which is the most that is read\n"), "{line}");
        assert_eq!((answer.code, answer.out.as_str()), (Some(1), ""), "{line}");
    }
    for line in ["apply -f -", "create --raw /api/v1/namespaces/default/configmaps -f -", "set env deploy/x -"] {
        let input = fs::File::open("/dev/zero").expect("a device");
        let output = home.command(line).stdin(input).output().expect("to run kstate");
        let error = "error: read /dev/stdin: more than 128 MiB, which is the most that is read\n";
        assert_eq!(String::from_utf8_lossy(&output.stderr), error, "{line}");
    }
}

#[test]
fn a_pipe_is_read_when_somebody_writes_and_given_up_when_nobody_does() {
    let home = Home::manual();
    let pipe = home.path().join("work/pipe.yaml");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    let waiting = home.command("apply -f pipe.yaml").stdout(Stdio::piped()).spawn().expect("to start kstate");
    // The cluster is free while it waits.
    home.ok("create cm meanwhile");
    fs::OpenOptions::new().write(true).open(&pipe).expect("a reader").write_all(CONFIG_MAP.as_bytes()).expect("a text");
    let output = waiting.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "configmap/a created\n");
    let begun = Instant::now();
    let answer = home.run("apply -f pipe.yaml");
    assert_eq!(answer.err, "error: open pipe.yaml: nobody writes to this pipe, for 10 seconds now\n");
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[test]
fn an_editor_gets_a_file_of_its_own_that_goes() {
    let home = Home::manual();
    home.write("a.yaml", CONFIG_MAP);
    home.ok("apply -f a.yaml");
    let tmp = passing(&home);
    let look = script(&home, "stat -c '%a %n' \"$1\" 2>/dev/null || stat -f '%Lp %N' \"$1\"");
    let edit = |editor: &str| {
        let mut command = home.command("edit cm a");
        let output = command.env("KUBE_EDITOR", editor).env("TMPDIR", &tmp).output().expect("to run kstate");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let (one, other) = (edit(&look), edit(&look));
    assert!(one.starts_with("600 ") && one.contains("kstate-edit-") && one.trim_end().ends_with(".yaml"), "{one}");
    assert_ne!(one, other, "nobody can know the name before");
    edit(&script(&home, "exit 3"));
    assert_eq!(names(&tmp), Vec::<String>::new());
}

#[test]
fn a_diff_program_gets_folders_of_its_own_that_go() {
    let home = Home::manual();
    home.write("a.yaml", CONFIG_MAP);
    let tmp = passing(&home);
    let look = script(&home, "ls -ld \"$1\" \"$2\" | cut -c1-10; ls -l \"$2\" | tail -n 1 | cut -c1-10; exit 1");
    let mut command = home.command("diff -f a.yaml");
    let output = command.env("KUBECTL_EXTERNAL_DIFF", look).env("TMPDIR", &tmp).output().expect("to run kstate");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "drwx------\ndrwx------\n-rw-------\n");
    assert_eq!((output.status.code(), names(&tmp)), (Some(1), Vec::new()));
}

#[test]
fn a_check_starts_no_program() {
    let home = Home::new();
    let ran = home.path().join("ran");
    let program = script(&home, &format!("touch {}", ran.display()));
    fs::copy(&program, home.path().join("kubectl-foo")).expect("a plugin");
    let text = format!(
        "---\ntitle: T\nsummary: S.\nminutes: 5\n---\n## One\n\n```yaml file=a.yaml\n{CONFIG_MAP}```\n```console\n$ kubectl \
         apply -f a.yaml\n$ kubectl edit cm a\n$ kubectl diff -f a.yaml\n$ kubectl foo\n$ kubectl create foo\n$ kubectl \
         apply edit-last-applied cm/a\n```\n"
    );
    home.write("evil.md", &text);
    for line in ["lesson check evil.md", "lesson evil.md --auto", "lesson evil.md"] {
        let mut command = home.command(line);
        for name in ["KUBE_EDITOR", "EDITOR", "VISUAL", "KUBECTL_EXTERNAL_DIFF", "SHELL"] {
            command.env(name, &program);
        }
        let path = format!("{}:{}", home.path().display(), std::env::var("PATH").expect("a path"));
        let output = command.env("PATH", path).output().expect("to run kstate");
        assert!(!ran.exists(), "{line}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn a_check_makes_no_folder() {
    let home = Home::new();
    let tmp = passing(&home);
    let console = "```console\n$ kubectl get ns -o name > ns.txt; wc -l ns.txt\n4 ns.txt\n```\n";
    home.write("short.md", &format!("---\ntitle: T\nsummary: S.\nminutes: 5\n---\n## One\n\n{console}"));
    let ended = home.command("lesson check short.md").env("TMPDIR", &tmp).stdout(Stdio::null()).status();
    assert!(ended.expect("to run").success());
    assert_eq!(names(&tmp), Vec::<String>::new());
}

#[test]
fn nothing_that_a_lesson_says_is_obeyed_by_a_terminal() {
    let home = Home::new();
    let raw = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}2J\u{202e}\u{7f}";
    let entities = "&#27;]0;owned&#7;&#27;[2J&#x9b;2J&#x202e;";
    let quoted = r#""\e]0;owned\a\e[2J\u009b2J\u202E""#;
    let config_map = format!(
        "```yaml file=a.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{k: {quoted}}}\n```\n"
    );
    let bodies = [
        format!("{raw} {entities}"),
        format!("## H{raw}{entities}\n\nx"),
        format!("`{raw}` **{raw}** [a{entities}](http://x/{entities}) <b>{raw}</b> ![{raw}](http://{raw})"),
        format!("```text\n{raw}\n```\n\n    {raw}\n\n> {raw}\n\n- {entities}\n\n|a|b|\n|-|-|\n|{raw}|{entities}|\n"),
        format!("```yaml file=a.yaml\na: \"{raw}\"\n# {raw}\n```\n"),
        format!("```{raw}\nx\n```\n"),
        format!("```yaml file={raw}.yaml\nx\n```\n"),
        format!(
            "```quiz\nquestion: {quoted}\noptions:\n  a: {quoted}\n  b: B\nanswer: a\nhint: {quoted}\nwhy: {quoted}\n```\n"
        ),
        format!("```quiz\nquestion: Q\noptions: {{a: A, b: B}}\nanswer: {quoted}\nwhy: W\n```\n"),
        format!("```console\n$ kubectl get ns -o name\n{raw}\n```\n"),
        format!("```console\n$ kubectl get ns {raw}\n```\n"),
        format!(
            "{config_map}```console\n$ kubectl apply -f a.yaml\n$ kubectl get cm a -o jsonpath={{.data.k}}\n$ kubectl get cm a -o go-template={{{{.data.k}}}}\n```\n"
        ),
    ];
    let fronts = [
        "title: T\nsummary: S.\nminutes: 5\n".to_string(),
        format!("title: {quoted}\nsummary: {quoted}\nminutes: 5\n"),
        format!("title: T\nsummary: S.\nminutes: {quoted}\n"),
        format!("title: T\nsummary: S.\nminutes: 5\n{quoted}: 1\n"),
        format!("title: T\nsummary: S.\nminutes: 5\ncluster: {{nodes: [{quoted}]}}\n"),
        format!("title: T\nsummary: S.\nminutes: 5\ncluster: {{classes: [{quoted}]}}\n"),
        format!("title: T\nsummary: S.\nminutes: 5\nwatch: [{quoted}]\n"),
        format!("title: T\nsummary: S.\nminutes: 5\nkubernetesVersion: {quoted}\n"),
    ];
    let usual = fronts[0].clone();
    let lessons = bodies.iter().map(|body| (&usual, body)).chain(fronts.iter().map(|front| (front, &bodies[0])));
    for (front, body) in lessons {
        let text = format!(
            "---\n{front}---\n\nIntro {raw}.\n\n## One\n\n{body}\n\n```console\n$ kubectl get ns -o name\n```\n"
        );
        home.write("evil.md", &text);
        home.write("evil\u{1b}[2J.md", &text);
        for line in
            ["lesson evil.md --auto", "lesson check evil.md", "lesson check .", "lesson evil\u{1b}[2J.md --auto"]
        {
            let answer = home.run(line);
            let said = answer.out + &answer.err;
            let obeyed = |c: char| c != '\n' && c != '\t' && (c.is_control() || c == '\u{202e}');
            assert!(!said.contains(obeyed), "{line} of {text:?} says {said:?}");
            assert!(!said.is_empty());
        }
    }
}
