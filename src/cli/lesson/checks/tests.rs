//! Checks of lessons, and how they are said.

use std::fs;

use super::{Args, run};
use crate::cli::failure_of;
use crate::error::Failure;
use crate::lessons::library;
use crate::ui::Ui;

#[test]
fn every_lesson_says_what_the_cluster_says_and_fits_a_small_terminal() {
    let names: Vec<String> = library::lessons().map(|(name, _)| name.to_string()).collect();
    let ui = Ui::captured();
    let args = Args { names, strict: true, ..Args::default() };
    let outcome = run(&ui, std::env::temp_dir().as_path(), &args).map_err(failure_of);
    assert_eq!(outcome, Ok(()), "{}", ui.take());
}

#[test]
fn a_changed_byte_fails_and_an_update_takes_it_back() {
    let text = "---\ntitle: T\nsummary: S.\nminutes: 5\n---\n\n## One\n\n```yaml file=tcm.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: tcm\n```\n\n```console\n$ kubectl create -f tcm.yaml\nconfigmap/tcm created\n$ kubectl create -f tcm.yaml\nError from server (AlreadyExists): error when creating \"tcm.yaml\": configmaps \"tcm\" already exists\n[exit 1]\n```\n\nThe end.\n";
    let check = |text: &str, update: bool| checked("changed", text, &Args { update, ..Args::default() });
    assert_eq!(check(text, false), (Ok(()), "ok      mine           (2 commands)\n".into(), text.into()));
    let changed = text.replace("tcm created", "tcm Created");
    let (outcome, shown, _) = check(&changed, false);
    assert_eq!(outcome, Err(Failure::silent(1)));
    insta::assert_snapshot!(shown, @r#"
    FAILED  mine           (1 of 2 commands differ)
    mine.md:17: output of "kubectl create -f tcm.yaml" differs
    --- expected
    +++ printed
    @@ -1 +1 @@
    -configmap/tcm Created
    +configmap/tcm created
    "#);
    assert_eq!(check(&changed, true), (Ok(()), "updated mine           (1 of 2 commands)\n".into(), text.into()));
}

const FRONT: &str = "---\ntitle: T\nsummary: S.\nminutes: 5\n---\n\n## One\n\n";

/// A folder with one lesson; what a check of it says.
fn checked(name: &str, text: &str, args: &Args) -> (Result<(), Failure>, String, String) {
    let folder = std::env::temp_dir().join(format!("kstate-checks-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("mine.md"), text).expect("a lesson");
    let ui = Ui::captured();
    let args = Args { names: vec!["mine.md".to_string()], ..args.clone() };
    let outcome = run(&ui, &folder, &args).map_err(failure_of);
    let left = fs::read_to_string(folder.join("mine.md")).expect("a lesson");
    fs::remove_dir_all(&folder).expect("the folder goes");
    (outcome, ui.take(), left)
}

#[test]
fn a_command_that_newly_fails_is_not_written_down_unless_one_says_so() {
    let text = format!("{FRONT}```console\n$ kubectl get pv nosuch\nNAME   CAPACITY\n```\n");
    let args = Args { update: true, ..Args::default() };
    let (outcome, shown, left) = checked("failing", &text, &args);
    assert_eq!((outcome, left), (Err(Failure::silent(1)), text.clone()));
    assert!(shown.contains("line 10: \"kubectl get pv nosuch\" did not fail and ends with 1 now"), "{shown}");
    let (outcome, _, left) = checked("accepted", &text, &Args { accept_failures: true, ..args });
    assert_eq!(outcome, Ok(()));
    assert!(left.contains("persistentvolumes \"nosuch\" not found\n[exit 1]\n"), "{left}");
}

#[test]
fn one_cause_has_one_report() {
    let text = format!(
        "{FRONT}```console\n$ kubectl create cm a\nconfigmap/b created\n$ kubectl get cm b -o name\nconfigmap/b\n```\n"
    );
    let (_, shown, _) = checked("cause", &text, &Args::default());
    insta::assert_snapshot!(shown, @r#"
    FAILED  mine           (2 of 2 commands differ)
    mine.md:10: output of "kubectl create cm a" differs
    --- expected
    +++ printed
    @@ -1 +1 @@
    -configmap/b created
    +configmap/a created
    mine.md: 1 more may follow from that; --all shows them
    "#);
    let (_, shown, _) = checked("causes", &text, &Args { all: true, ..Args::default() });
    assert_eq!(shown.matches(" differs\n").count(), 2, "{shown}");
}

#[test]
fn warnings_are_faults_for_who_is_strict() {
    let wide = "x".repeat(80);
    let text = format!(
        "{FRONT}```bash\nkubectl get pv\n```\n\n```console\n$ kubectl create cm {wide} -o name\nconfigmap/{wide}\n```\n"
    );
    let (outcome, shown, _) = checked("warned", &text, &Args::default());
    assert_eq!(outcome, Ok(()), "{shown}");
    assert!(shown.contains("mine.md:9: warning: a `bash` block is only shown"), "{shown}");
    let (outcome, shown, _) = checked("strict", &text, &Args { strict: true, ..Args::default() });
    assert_eq!(outcome, Err(Failure::silent(1)));
    assert!(shown.contains("mine.md:14: warning: the command is wider than 80 columns"), "{shown}");
}

#[test]
fn programs_are_told_in_their_own_forms() {
    let text = format!("{FRONT}```console\n$ kubectl create cm a -o name\nconfigmap/<b>\n```\n");
    let args = Args { output: super::report::Form::Json, ..Args::default() };
    let (_, shown, _) = checked("json", &text, &args);
    insta::assert_snapshot!(shown, @r#"
    {
      "lessons": [
        {
          "commands": 1,
          "differences": [
            {
              "command": "kubectl create cm a -o name",
              "diff": "--- expected\n+++ printed\n@@ -1 +1 @@\n-configmap/<b>\n+configmap/a\n",
              "line": 10
            }
          ],
          "faults": [],
          "file": "mine.md",
          "name": "mine",
          "ok": false,
          "skipped": 0,
          "updated": false,
          "warnings": []
        }
      ],
      "ok": false
    }
    "#);
    let args = Args { output: super::report::Form::Junit, ..Args::default() };
    let (_, shown, _) = checked("junit", &text, &args);
    let took = regex_lite::Regex::new("time=\"[0-9.]+\"").expect("a pattern");
    insta::assert_snapshot!(took.replace_all(&shown, "time=\"0\""), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuite name="kstate lesson check" tests="1" failures="1" time="0">
      <testcase name="mine" classname="lessons" file="mine.md" time="0">
        <failure message="mine.md:10: output of &quot;kubectl create cm a -o name&quot; differs">mine.md:10: output of &quot;kubectl create cm a -o name&quot; differs
    --- expected
    +++ printed
    @@ -1 +1 @@
    -configmap/&lt;b&gt;
    +configmap/a
    </failure>
      </testcase>
    </testsuite>
    "#);
}
