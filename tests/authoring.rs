//! The guide for authors: its examples are lessons, and they are true. And the author's commands, as one types them.

use std::fs;

use crate::home::Home;

/// The lessons that the guide shows.
fn examples() -> Vec<String> {
    let guide = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/authoring.md")).expect("the guide");
    let mut parts = guide.split("````");
    parts.next();
    parts.step_by(2).filter_map(|part| part.strip_prefix("markdown\n")).map(str::to_string).collect()
}

#[test]
fn the_guides_examples_pass_their_checks() {
    let home = Home::new();
    let examples = examples();
    assert!(!examples.is_empty());
    for (number, example) in examples.iter().enumerate() {
        let name = format!("example-{number}.md");
        home.write(&name, example);
        let answer = home.run(&format!("lesson check --strict {name}"));
        assert_eq!(answer.code, Some(0), "{answer:?}");
    }
}

#[test]
fn a_lesson_is_begun_recorded_and_put_into_a_course() {
    let home = Home::new();
    assert!(home.ok("lesson new first").starts_with("first.md written"));
    assert!(home.run("lesson new first").err.contains("first.md is there already"));
    assert!(home.run("lesson new Not-A-Name").err.contains("is no name for a lesson"));
    let mut record = home.command("lesson record second");
    home.write("typed", "kubectl create cm a\nkubectl get cm nosuch\n");
    let typed = fs::File::open(home.path().join("work/typed")).expect("the file");
    assert!(record.stdin(typed).output().expect("to run kstate").status.success());
    home.write("course.yaml", "title: Mine\nlessons: [second, first]\n");
    let listed = home.ok("lesson .");
    assert!(listed.find("Second") < listed.find("First"), "{listed}");
    assert_eq!(home.ok("lesson check .").lines().count(), 2);
    home.write("course.yaml", "title: Mine\nlessons: [second, third]\n");
    let answer = home.run("lesson check .");
    assert!(answer.code == Some(1) && answer.err.contains("third.md"), "{answer:?}");
    let shelf = home.path().join("work");
    let mut list = home.command("lesson list");
    let listed = list.env("KSTATE_LESSON_PATH", &shelf).output().expect("to run kstate");
    assert!(!listed.status.success(), "a course with a lesson that is not there says so");
    home.write("course.yaml", "title: Mine\nlessons: [second]\n");
    let mut list = home.command("lesson list");
    let listed = list.env("KSTATE_LESSON_PATH", &shelf).output().expect("to run kstate");
    assert!(String::from_utf8_lossy(&listed.stdout).contains("Second"), "{listed:?}");
}

/// The binary under the name kubectl stands for the real one; on the PATH it is the only thing that a lesson reaches.
#[cfg(unix)]
#[test]
fn a_real_cluster_is_used_when_somebody_agrees() {
    let home = Home::manual();
    let bin = home.path().join("bin");
    fs::create_dir(&bin).expect("a folder");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_kstate"), bin.join("kubectl")).expect("a link");
    home.ok("lesson new first");
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let check = |flags: &str| {
        let mut command = home.command(&format!("lesson check {flags} first.md"));
        let output = command.env("PATH", &path).output().expect("to run kstate");
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code(), text)
    };
    let (code, text) = check("--on kubectl");
    assert!(code == Some(1) && text.contains("is not used unless somebody agrees"), "{text}");
    let (code, text) = check("--on kubectl=nosuch --yes");
    assert!(code == Some(1) && text.contains("nosuch"), "{text}");
    let (code, text) = check("--on kubectl --yes");
    assert!(code == Some(0) && text.starts_with("ok      first"), "{text}");
    home.ok("clock advance 2m");
    home.ok("create namespace kstate-first");
    let (code, text) = check("--on kubectl --yes");
    assert!(code == Some(1) && text.contains("that is not a lesson's"), "{text}");
    home.ok("delete namespace kstate-first");
    // A lesson is data there, too: its lines reach no program, no file and no variable of the host.
    let lesson = fs::read_to_string(home.path().join("work/first.md")).expect("the lesson");
    let mark = home.path().join("mark");
    let lines = format!(
        "```console\n$ echo \"${{KSTATE_HOME:-none}}\"; touch {0}; ls {0} /usr/bin/git; kubectl create cm x --from-file=/etc/hostname\nnothing\n",
        mark.display()
    );
    home.write("first.md", &lesson.replacen("```console\n", &lines, 1));
    let (code, text) = check("--on kubectl --yes");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("none") && text.contains("\"/etc/hostname\" does not exist"), "{text}");
    assert!(text.contains("/usr/bin/git': No such file") && !mark.exists(), "{text}");
    // Nothing is left behind, once the cluster has had its time.
    home.ok("clock advance 2m");
    assert!(!home.ok("get pv,ns -o name").contains("first") && !home.ok("get pv -o name").contains("my-volume"));
}
