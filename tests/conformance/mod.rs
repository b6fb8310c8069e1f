//! Transcripts recorded on a real Kubernetes v1.36.2 control plane, replayed in this process.
//!
//! `differences.txt` lists the commands that are not answered as recorded; a line `# ...` before one says why, as where
//! the recordings' stand-ins for kubelets and provisioners do otherwise than Kubernetes' source. The test fails when an
//! unlisted command differs and when a listed one matches. `KSTATE_UPDATE=1 cargo test conformance` writes the list anew.

mod compare;
pub mod shell;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use kstate::api::Duration;
use shell::Shell;

/// One line of a `session.txt`.
enum Step {
    Command { line: String, expected: String, code: u8 },
    Directive { name: String, argument: String },
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join("conformance")
}

fn parse(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in text.split('\n') {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step::Command { line: command.into(), expected: String::new(), code: 0 });
        } else if let Some(directive) = directive(line) {
            steps.push(directive);
        } else if let Some(Step::Command { expected, code, .. }) = steps.last_mut() {
            match line.strip_prefix("[exit ").and_then(|l| l.strip_suffix(']')).and_then(|n| n.parse().ok()) {
                Some(exit) => *code = exit,
                None => {
                    expected.push_str(line);
                    expected.push('\n');
                }
            }
        }
    }
    steps
}

fn directive(line: &str) -> Option<Step> {
    let rest = line.strip_prefix('%')?;
    let (name, argument) = rest.split_once(' ').unwrap_or((rest, ""));
    let known = ["settle", "sleep", "until", "dead", "undead", "csi"].contains(&name);
    known.then(|| Step::Directive { name: name.into(), argument: argument.into() })
}

/// `KSTATE_SHOW=17 cargo test conformance -- --nocapture` shows where the answers of a case differ.
#[allow(clippy::print_stdout)]
fn show(case: &Path, line: &str, expected: &str, output: &str, (code, exit): (u8, u8)) {
    let name = case.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    if !std::env::var("KSTATE_SHOW").is_ok_and(|wanted| name.starts_with(&wanted)) {
        return;
    }
    println!("$ {line}   [exit {exit}, recorded {code}]");
    println!("{}", compare::difference(expected, output));
}

/// Replays a case and returns the commands whose answers differ, numbered from 1.
fn replay(case: &Path) -> Vec<String> {
    let mut shell = Shell::new(case);
    let text = fs::read_to_string(case.join("session.txt")).expect("a session");
    let mut differing = Vec::new();
    let mut number = 0;
    for step in parse(&text) {
        match step {
            Step::Directive { name, argument } => match name.as_str() {
                "settle" => shell.settle(),
                "sleep" => shell.advance(Duration::secs(argument.trim().parse().expect("seconds"))),
                "until" => {
                    for _ in 0..450 {
                        if shell.run(&argument).is_none_or(|(_, code)| code == 0) {
                            break;
                        }
                        shell.advance(Duration::secs(1));
                    }
                }
                "dead" => shell.set_kubelet(&argument, false),
                "csi" => {
                    let (driver, limit) = argument.split_once(' ').unwrap_or((&argument, ""));
                    let limit = if limit.is_empty() { String::new() } else { format!(" --attach-limit {limit}") };
                    shell.run(&format!("kstate csi add {driver}{limit}"));
                }
                _ => shell.set_kubelet(&argument, true),
            },
            Step::Command { line, expected, code } => {
                number += 1;
                let cut = code == 124 && line.contains("timeout ");
                let line = shell.substitute(&line);
                let Some((output, exit)) = shell.run(&line) else { continue };
                let alike = match cut {
                    // The recorder stopped it: what it had printed by then must be there.
                    true => compare::contains(&output, &expected),
                    false => exit == code && compare::same(&expected, &output, &line),
                };
                if !alike && !expected.contains("<<timeout>>") {
                    show(case, &line, &expected, &output, (code, exit));
                    differing.push(format!("{number}\t{line}"));
                }
                let crooked = compare::crooked_table(&output, &line);
                assert!(
                    crooked.is_none(),
                    "{}: {line}\na table is laid out otherwise than kubectl's: {crooked:?}\n{output}",
                    case.display()
                );
            }
        }
    }
    differing
}

/// The listed commands, each with the lines before it that say why.
fn causes(list: &str) -> BTreeMap<String, String> {
    let mut causes = BTreeMap::new();
    let mut cause = String::new();
    for line in list.lines() {
        match line.starts_with('#') {
            true => cause += &format!("{line}\n"),
            false => drop(causes.insert(line.to_string(), std::mem::take(&mut cause))),
        }
    }
    causes
}

#[test]
fn recorded_commands_are_answered_as_recorded() {
    let mut cases: Vec<PathBuf> =
        fs::read_dir(folder().join("cases")).expect("cases").filter_map(|e| Some(e.ok()?.path())).collect();
    cases.sort();
    let found: BTreeSet<String> = std::thread::scope(|scope| {
        let (first, second) = cases.split_at(cases.len() / 2);
        let run = |part: &[PathBuf]| -> Vec<String> {
            let name = |case: &Path| case.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_string();
            part.iter().flat_map(|c| replay(c).into_iter().map(move |d| format!("{}\t{d}", name(c)))).collect()
        };
        let other = scope.spawn(move || run(second));
        let mut all = run(first);
        all.extend(other.join().expect("the other half of the cases"));
        all.into_iter().collect()
    });
    let list = folder().join("differences.txt");
    let causes = causes(&fs::read_to_string(&list).unwrap_or_default());
    if std::env::var_os("KSTATE_UPDATE").is_some() {
        let cause = |d: &String| causes.get(d).cloned().unwrap_or_default();
        let text: String = found.iter().map(|d| format!("{}{d}\n", cause(d))).collect();
        fs::write(&list, text).expect("the list of differences");
        return;
    }
    let uncaused: Vec<&String> = causes.iter().filter(|(_, why)| why.is_empty()).map(|(command, _)| command).collect();
    assert!(uncaused.is_empty(), "why these differ is not said:\n{uncaused:#?}");
    let listed: BTreeSet<String> = causes.into_keys().collect();
    let new: Vec<&String> = found.difference(&listed).collect();
    let gone: Vec<&String> = listed.difference(&found).collect();
    assert!(new.is_empty(), "these commands are no longer answered as recorded:\n{new:#?}");
    assert!(gone.is_empty(), "these commands match now: take them off {}:\n{gone:#?}", list.display());
}
