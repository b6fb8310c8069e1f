//! Whole state files: all of one or nothing, whoever is killed, whatever is left, whoever has one open.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::home::{Answer, Home};

fn file_of(home: &Home, cluster: &str) -> PathBuf {
    home.path().join("clusters").join(format!("{cluster}.db"))
}

fn is_sound(home: &Home, cluster: &str) {
    let file = Connection::open(file_of(home, cluster)).expect("to open");
    let found: String = file.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("to check");
    assert_eq!(found, "ok");
}

/// What lies in kstate's folder for clusters.
fn clusters(home: &Home) -> Vec<String> {
    let entries = fs::read_dir(home.path().join("clusters")).expect("the folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_cluster_that_is_deleted_ends_for_whoever_has_it_open() {
    let home = Home::new();
    home.ok("get nodes");
    home.ok("cluster create x");
    let mut watch = home.spawn("get cm -w --cluster x");
    // It watches once it has printed what is there.
    let mut first = String::new();
    let mut out = BufReader::new(watch.stdout.take().expect("a pipe"));
    out.read_line(&mut first).expect("to read");
    home.ok("cluster delete x");
    assert_eq!(watch.wait().expect("to wait").code(), Some(1));
    home.ok("cluster create x");
    home.ok("create cm two --cluster x");
    assert!(home.ok("get cm -o name --cluster x").contains("/two\n"));
    is_sound(&home, "x");
}

#[test]
fn a_cluster_is_taken_up_anew_in_a_file_that_others_hold() {
    let home = Home::new();
    home.ok("get nodes");
    home.ok("cluster create x");
    home.ok("create cm old --cluster x");
    let held = Connection::open(file_of(&home, "x")).expect("to open");
    held.query_row("SELECT COUNT(*) FROM revision", [], |row| row.get::<_, i64>(0)).expect("to read");
    home.ok("cluster delete x");
    let Answer { err, code, .. } = home.run("get cm --cluster x");
    assert_eq!(code, Some(1));
    assert!(err.starts_with("error: cluster \"x\" not found\n"), "{err}");
    home.ok("cluster create x --clock manual");
    home.ok("create cm new --cluster x");
    drop(held);
    let there = home.ok("get cm -o name --cluster x");
    assert!(there.contains("/new\n") && !there.contains("/old\n"), "{there}");
    assert!(home.ok("cluster list").contains("manual"));
    is_sound(&home, "x");
}

#[test]
fn a_new_cluster_does_not_take_on_the_log_of_an_old_one() {
    let home = Home::new();
    home.ok("get nodes");
    home.ok("cluster create x");
    let (file, kept) = (file_of(&home, "x"), home.path().join("kept"));
    let log = file.with_extension("db-wal");
    // A reader keeps the log from being put into the file.
    let reader = Connection::open(&file).expect("to open");
    reader.execute_batch("BEGIN; SELECT COUNT(*) FROM revision").expect("to read");
    home.ok("create cm old --cluster x");
    fs::copy(&log, &kept).expect("a log");
    drop(reader);
    home.ok("cluster delete x");
    fs::rename(&kept, &log).expect("the log of a deleted cluster");
    home.ok("cluster create x");
    assert!(!home.ok("get cm -o name --cluster x").contains("/old\n"));
    is_sound(&home, "x");
}

#[test]
fn whatever_a_killed_command_left_is_cleared_away() {
    for line in ["cluster create x", "cluster delete x", "cluster use x", "get nodes"] {
        for step in 0..6u64 {
            let home = Home::new();
            if line != "get nodes" {
                home.ok("get nodes");
            }
            if !matches!(line, "get nodes" | "cluster create x") {
                home.ok("cluster create x");
            }
            let mut child = home.spawn(line);
            std::thread::sleep(Duration::from_millis(step * 4));
            child.kill().expect("to kill it");
            child.wait().expect("to wait");
            assert_eq!(home.ok("get nodes --no-headers --cluster k3d-deadless").lines().count(), 3);
            assert_eq!(home.ok("get nodes --no-headers").lines().count(), 3, "{line}");
            for name in clusters(&home) {
                assert!(name.starts_with("k3d-deadless.db") || name.starts_with("x.db"), "{line} left {name}");
            }
            if !file_of(&home, "x").exists() {
                home.ok("cluster create x");
            }
        }
    }
}

#[test]
fn what_stands_where_a_new_file_is_made_is_no_hindrance() {
    let home = Home::new();
    let making = home.path().join("clusters").join("making");
    fs::create_dir_all(&making).expect("a folder");
    fs::write(making.join("k3d-deadless.db"), "junk").expect("to write");
    fs::write(home.path().join("clusters").join("k3d-deadless.1.new"), "junk").expect("to write");
    fs::write(home.path().join("current"), "gone\n").expect("to write");
    home.ok("get nodes");
    assert_eq!(clusters(&home), ["k3d-deadless.db"]);
}

#[cfg(unix)]
#[test]
fn where_the_disk_is_full_a_new_cluster_is_whole_or_not_there() {
    for blocks in [0, 8, 64, 256, 512, 700, 900, 1200] {
        let home = Home::new();
        let Some(Answer { err, code, .. }) = home.run_limited(blocks, "get nodes") else { return };
        if code != Some(0) {
            assert!(err.starts_with("error: cannot ") && err.lines().count() == 1, "{blocks}: {err}");
            assert_eq!(clusters(&home), [] as [&str; 0], "{blocks}: {err}");
        }
        assert_eq!(home.ok("get nodes --no-headers").lines().count(), 3);
        is_sound(&home, "k3d-deadless");
    }
}

#[cfg(unix)]
#[test]
fn an_update_that_fails_leaves_the_authors_file() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let lesson =
        "---\ntitle: T\nsummary: S.\nminutes: 5\n---\n\n## One\n\n```console\n$ kubectl get cm\nold\n```\n\nEnd.\n";
    home.write("mine.md", lesson);
    let file = home.path().join("work").join("mine.md");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o664)).expect("a mode");
    let Some(Answer { err, code, .. }) = home.run_limited(0, "lesson check --update mine.md") else { return };
    assert_eq!((code, err.starts_with("error: cannot write mine.md: ")), (Some(1), true), "{err}");
    assert_eq!(fs::read_to_string(&file).expect("the lesson"), lesson);
    home.ok("lesson check --update mine.md");
    assert_ne!(fs::read_to_string(&file).expect("the lesson"), lesson);
    assert_eq!(fs::metadata(&file).expect("the lesson").permissions().mode() & 0o777, 0o664);
    home.ok("lesson check mine.md");
}

#[test]
fn who_only_reads_never_waits_and_who_writes_says_for_whom() {
    let home = Home::new();
    home.ok("create deployment web --image=nginx");
    let held = Connection::open(home.state()).expect("to open");
    held.execute_batch("BEGIN IMMEDIATE").expect("to lock");
    fs::write(format!("{}-writer", home.state().display()), "process 7 (kstate clock advance 1h)").expect("to write");
    // Its controllers have something to do, and can't yet.
    std::thread::sleep(Duration::from_millis(300));
    let began = Instant::now();
    assert!(home.ok("get deployments").contains("web"));
    assert!(began.elapsed() < Duration::from_secs(2));
    let Answer { err, .. } = home.run("create cm one --request-timeout=1500ms");
    assert!(err.starts_with("waiting for process 7 (kstate clock advance 1h), which writes to the cluster\n"), "{err}");
    held.execute_batch("ROLLBACK").expect("to unlock");
    home.ok("create cm one");
    assert_eq!(clusters(&home).iter().filter(|name| name.ends_with("-writer")).count(), 0);
}

#[test]
fn long_work_leaves_others_their_turn() {
    let home = Home::manual();
    home.ok("create deployment web --image=nginx --replicas=40");
    home.ok("clock settle");
    // Many hours of three nodes' leases.
    let mut long = home.spawn("clock advance 200h");
    std::thread::sleep(Duration::from_millis(300));
    let mut turns = 0;
    while long.try_wait().expect("to ask").is_none() {
        let began = Instant::now();
        home.ok(&format!("create cm turn-{turns}"));
        assert!(began.elapsed() < Duration::from_secs(10));
        turns += 1;
    }
    assert!(long.wait().expect("to wait").success());
    assert_eq!(home.ok("get cm -o name").matches("/turn-").count(), turns);
    is_sound(&home, "k3d-deadless");
}

#[test]
fn a_cluster_has_as_many_nodes_as_kubernetes_is_built_for() {
    let home = Home::new();
    let names = |most: usize| (0..most).map(|n| format!("n{n}")).collect::<Vec<_>>().join(",");
    let Answer { err, code, .. } = home.run(&format!("cluster create many --nodes {}", names(5_001)));
    assert_eq!(
        (err.as_str(), code),
        ("error: 5001 nodes are too many: a cluster is made with 5000 at most\n", Some(1))
    );
    let Answer { err, .. } = home.run("cluster create many --nodes a,b,a");
    assert_eq!(err, "error: node \"a\" is named twice\n");
}

#[test]
fn what_fails_before_its_first_request_changes_nothing() {
    let home = Home::manual();
    home.ok("create cm one");
    let state = |home: &Home| (home.ok("clock"), home.ok("undo --list"), home.everything());
    let before = state(&home);
    assert_eq!(home.run("create -f missing.yaml").code, Some(1));
    assert_eq!(state(&home), before);
}
