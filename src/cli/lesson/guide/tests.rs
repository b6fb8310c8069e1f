//! Sessions of a learner, typed line by line.

use crate::cli::lesson::guide::{End, Guide};
use crate::error::Failure;
use crate::lessons::model::Lesson;
use crate::lessons::parse::parse;
use crate::lessons::progress::Reached;
use crate::lessons::shell::{Mark, Reply, Shell};
use crate::ui::Ui;

/// A cluster of which only the names of its pods are known: `kubectl run NAME` adds one.
#[derive(Default)]
struct Pods(Vec<String>);

impl Shell for Pods {
    fn run(&mut self, line: &str) -> Reply {
        match line.strip_prefix("kubectl run ").or(line.strip_prefix("k run ")) {
            Some(name) => {
                self.0.push(name.to_string());
                Reply { output: format!("pod/{name} created\n"), code: 0 }
            }
            None => Reply { output: format!("{}\n", self.0.join(" ")), code: 0 },
        }
    }

    fn knows(&mut self, line: &str) -> bool {
        line.starts_with("kubectl ") || line.starts_with("k ")
    }

    fn restart(&mut self) -> Result<(), Failure> {
        self.0.clear();
        Ok(())
    }

    fn settle(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn write_file(&mut self, _: &str, _: &str) -> Result<(), Failure> {
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<Mark, Failure> {
        Ok(Mark(self.0.join(",")))
    }

    fn rollback(&mut self, mark: &Mark) -> Result<(), Failure> {
        self.0 = mark.0.split(',').filter(|p| !p.is_empty()).map(String::from).collect();
        Ok(())
    }

    fn watched_tables(&mut self, _: &[String]) -> String {
        let rows: String = self.0.iter().map(|p| format!("{p}   1/1\n")).collect();
        format!("NAME   READY\n{rows}")
    }
}

fn lesson() -> Lesson {
    let text = "---\ntitle: Pods\nsummary: S.\nminutes: 5\n---\nHello.\n\n## One\n\nRun it.\n\n```console\n$ kubectl run a\npod/a created\n```\n\n## Two\n\n```quiz\nquestion: How many?\noptions:\n  a: None\n  b: Two\n  c: Three\nanswer: b\nhint: Count.\nwhy: One and one.\n```\n\n```console\n$ kubectl run b\npod/b created\n$ kubectl get pods\na b\n```\n";
    parse("pods.md", text).expect("a lesson")
}

fn session(lesson: &Lesson, shell: &mut Pods, reached: Reached, lines: &[&str]) -> (End, Reached, String) {
    let ui = Ui::captured().answering(lines);
    let mut last = reached.clone();
    let mut save = |r: &Reached| {
        last = r.clone();
        Ok(())
    };
    let guide = Guide {
        ui: &ui,
        lesson,
        shell,
        reached,
        save: &mut save,
        folder: "files".into(),
        call: "pods".into(),
        touched: false,
        remember: &mut |_, _| Ok(()),
        begin_at: None,
        whole: None,
    };
    let end = guide.run().expect("a session");
    (end, last, ui.take())
}

#[test]
fn a_wrong_answer_a_command_of_ones_own_a_step_back_a_quit_and_a_resume() {
    let (lesson, mut shell) = (lesson(), Pods::default());
    let lines = ["", "", "k run mine", "", "a", "x", "c", "b", "", "back", "b", "", "quit"];
    let (end, reached, shown) = session(&lesson, &mut shell, Reached::start(&lesson), &lines);
    assert_eq!((end, reached.step, reached.block, reached.command), (End::Left, 1, 1, 1));
    assert_eq!(shell.0, ["a", "mine", "b"]);
    insta::assert_snapshot!(shown.trim(), @"
    Pods                                                          5 minutes, 2 steps
    ────────────────────────────────────────────────────────────────────────────────

    Hello.

    Enter runs the command that is shown. You may type any other command instead, as
    often as you like: the prompt is a shell, and TAB completes. `help` says what
    else there is.


    One                                                                       1 of 2
    ────────────────────────────────────────────────────────────────────────────────

    Run it.

    $ kubectl run a
    pod/a created

    The cluster now:
    NAME   READY
    a   1/1

    $ k run mine
    pod/mine created

    Two                                                                       2 of 2
    ────────────────────────────────────────────────────────────────────────────────

    ? How many?
        a) None
        b) Two
        c) Three

    a, b or c? a

    Not a. Count.

    a, b or c? x
    A letter, please; hint, question or answer; or a command, if you would rather look first.
    a, b or c? c

    Not c.

    `answer` tells it, if you would rather read it.

    a, b or c? b

    Right.

    One and one.

    $ kubectl run b
    pod/b created
    $ back

    Back; the cluster is as it was then.

    Two                                                                       2 of 2
    ────────────────────────────────────────────────────────────────────────────────

    ? How many?
        a) None
        b) Two
        c) Three

    a, b or c? b

    Right.

    One and one.

    $ kubectl run b
    pod/b created
    $ quit

    Until next time. kstate lesson pods goes on from here.
    ");
    let again = ["kubectl run x", "back", "quit"];
    let place = Reached { step: 1, marks: vec![Mark(String::new()), Mark("a,mine".into())], ..Reached::start(&lesson) };
    let (_, undone, _) = session(&lesson, &mut Pods(vec!["a".into()]), place, &again);
    assert_eq!(undone.step, 1, "a command of one's own is taken back first");
    let (end, reached, shown) = session(&lesson, &mut shell, reached, &["", ""]);
    assert_eq!((end, reached.finished), (End::Finished, true));
    assert!(shown.contains("\n$ kubectl get pods\na mine b\n"), "{shown}");
}

#[test]
fn there_is_nothing_before_the_beginning() {
    let (lesson, mut shell) = (lesson(), Pods::default());
    let (_, _, shown) = session(&lesson, &mut shell, Reached::start(&lesson), &["back", "", "back", "quit"]);
    assert_eq!(shown.matches("This is the beginning.\n").count(), 1);
    assert_eq!(shown.matches("This is the first step.\n").count(), 1);
}

#[test]
fn a_session_that_goes_on_shows_what_the_rest_speaks_of() {
    let (lesson, mut shell) = (lesson(), Pods(vec!["a".into(), "b".into()]));
    let marks = vec![Mark(String::new()), Mark("a".into())];
    let place = Reached { step: 1, block: 1, command: 1, marks, ..Reached::start(&lesson) };
    let (_, _, shown) = session(&lesson, &mut shell, place, &["quit"]);
    insta::assert_snapshot!(shown.trim(), @r"
    Two                                                                       2 of 2
    ────────────────────────────────────────────────────────────────────────────────

    ? How many?
        a) None
        b) Two
        c) Three

    It is b: Two

    One and one.

    $ kubectl run b (done)
    $ quit

    Until next time. kstate lesson pods goes on from here.
    ");
}

#[test]
fn a_task_is_solved_by_what_the_cluster_became() {
    let text = "---\ntitle: Pods\nsummary: S.\nminutes: 5\nlearnt: [Pods have names]\n---\n## One\n\n```console hidden\n$ kubectl run \
                hid\n```\n```task\ntask: Run a pod b.\ncheck:\n- run: kubectl get pods\n  is: \"[..]b[..]\"\n  else: There \
                are only {}.\nhints: [Think of run., Its name is b.]\nsolution: [kubectl run b]\nwhy: A pod is run by its name.\n```\n";
    let lesson = parse("pods.md", text).expect("a lesson");
    let mut shell = Pods::default();
    let lines = ["", "", "hint", "kubectl run a", "", "kubectl run bb", "", "quit"];
    let (end, _, shown) = session(&lesson, &mut shell, Reached::start(&lesson), &lines);
    assert_eq!(end, End::Finished);
    let task = shown.find("! Run a pod").map_or("", |at| &shown[at..]);
    insta::assert_snapshot!(task, @r#"
    ! Run a pod b.


    Not yet: There are only hid.
    $ hint

    Think of run.
    $ kubectl run a
    pod/a created

    Not yet: There are only hid a.
    $ kubectl run bb
    pod/bb created

    Solved.

    A pod is run by its name.

    The cluster now:
    NAME   READY
    hid   1/1
    a   1/1
    bb   1/1


    What to remember:

    - Pods have names

    Done. That was "Pods".
    "#);
    let faults = crate::lessons::check::check(&lesson, &mut Pods::default()).expect("a report").faults;
    assert_eq!(faults, [""; 0]);
    let broken = text.replace("[kubectl run b]", "[kubectl get a]");
    let lesson = parse("pods.md", &broken).expect("a lesson");
    let faults = crate::lessons::check::check(&lesson, &mut Pods::default()).expect("a report").faults;
    insta::assert_snapshot!(faults.join("\n"), @r#"
    the task "Run a pod b." is not solved by its solution: There are only hid.
    $ kubectl get a
    hid
    "#);
}
