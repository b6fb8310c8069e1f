//! The same commands give the same bytes, `undo` gives back the very bytes of before, and clocks only go forward.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use kstate::api::Time;
use kstate::cli;
use kstate::server::Server;
use kstate::sim::{ClockMode, Cluster, Config};
use kstate::ui::Ui;
use rusqlite::Connection;

use crate::home::Home;

/// A walk through most of what there is: names and uids that are drawn, scheduling, provisioning, scaling, a stopped
/// node, refusals, undo and time.
const WALK: &str = "
kubectl get nodes,ns,sc -o yaml
kubectl create -f tcm.yaml
kubectl apply -f cm-mount.yaml
kubectl get events
kubectl apply -f static-pv01.yaml
kubectl get pv
kubectl apply -f static-pvc01.yaml
kubectl get pv,pvc -o wide
kubectl apply -f static-busy.yaml
kubectl describe pvc
kstate clock advance 4s
kubectl get all
kubectl apply -f static-pv01.yaml
kubectl create -f static-pv01.yaml
kubectl apply -f dynamic-pvc01.yaml
kubectl describe pvc
kubectl apply -f dynamic-ngx.yaml
kstate clock settle
kubectl get pods,pv,pvc -o wide
kubectl apply -f exsts-svc.yaml
kubectl apply -f exsts-vct.yaml
kubectl scale statefulset exsts --replicas=3
kubectl rollout status statefulset exsts
kubectl get pods,pvc,endpoints
kubectl delete pod exsts-1
kubectl get pods -o yaml
kstate clock settle
kubectl get pods -o jsonpath={.items[*].metadata.uid}
kubectl scale statefulset exsts --replicas=1
kstate clock settle
kubectl get pvc -o name
kubectl label pods --all tier=data
kubectl annotate pv --all note=x
kubectl get pods --show-labels
kubectl create deployment web --image=nginx --replicas=4
kubectl rollout status deployment web
kubectl get pods -o wide
kubectl set image deployment/web nginx=nginx:2
kubectl rollout status deployment web
kubectl rollout history deployment web
kubectl get rs,controllerrevisions
kstate node stop k3d-deadless-agent-0
kstate clock advance 6m
kubectl get nodes,pods -o wide
kstate node start k3d-deadless-agent-0
kstate clock settle
kubectl get nodes,pods -o wide
kstate undo
kstate undo 2
kubectl get pods -o yaml
kubectl delete statefulset exsts
kubectl delete pvc --all --wait=false
kubectl get pvc
kubectl delete pods --all
kstate clock settle
kubectl get pv,pvc
kubectl get nothing
kubectl patch pv static-pv01 -p {\"spec\":{\"claimRef\":null}}
kubectl get pv -o yaml
kubectl create namespace other
kubectl delete namespace other
kubectl events
kubectl get events -A -o yaml
kstate undo --list
kstate clock
";

fn walk() -> impl Iterator<Item = &'static str> {
    WALK.lines().filter(|l| !l.is_empty())
}

fn with_manifests(home: Home) -> Home {
    let manifests = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests");
    for entry in fs::read_dir(manifests).expect("the manifests") {
        let path = entry.expect("a manifest").path();
        let name = path.file_name().and_then(|n| n.to_str()).expect("a name");
        home.write(name, &fs::read_to_string(&path).expect("a manifest"));
    }
    home
}

/// The walk in one process: each command with its answer.
fn walk_in_memory(home: &Home) -> Vec<String> {
    let config = Config { clock: ClockMode::Manual, ..Config::default() };
    let cluster = Cluster::new_in_memory(config, Time::default()).expect("a cluster");
    let mut server = Server::over(cluster);
    let folder = home.path().join("work");
    walk()
        .map(|line| {
            let ui = Ui::captured();
            let words: Vec<String> = line.split_whitespace().map(String::from).collect();
            let code = cli::run_on(&words, &ui, &mut server, &folder);
            format!("$ {line}\n{}[exit {code}]\n", ui.take())
        })
        .collect()
}

#[test]
fn the_same_commands_give_the_same_bytes_in_one_process_and_in_many() {
    let home = with_manifests(Home::manual());
    assert!(walk().count() >= 60);
    let once = walk_in_memory(&home);
    assert_eq!(once, walk_in_memory(&home));
    for (line, expected) in walk().zip(&once) {
        let (program, words) = line.split_once(' ').expect("a command");
        let mut command = home.command(words);
        // The name that the binary is called by.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::arg0(&mut command, program);
        let output = command.output().expect("to run kstate");
        let code = output.status.code().unwrap_or(-1);
        let said = format!("{}{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
        let answer = format!("$ {line}\n{said}[exit {code}]\n");
        let sorted = |text: &str| {
            // Two streams have no order between them.
            let mut lines: Vec<String> = text.lines().map(String::from).collect();
            lines.sort();
            lines
        };
        if cfg!(unix) {
            assert_eq!(sorted(&answer), sorted(expected), "{program} {words}");
        }
    }
}

/// All that there is, but for the revisions, which only grow.
fn without_revisions(home: &Home) -> String {
    let all = home.everything();
    all.lines().filter(|l| !l.trim().starts_with("resourceVersion:")).map(|l| format!("{l}\n")).collect()
}

/// The same without what is derived from uids, and in an order that has nothing to do with them.
fn without_uids(home: &Home) -> String {
    let is_uid = |text: &str| {
        let part = |n: usize| text.split('-').nth(n).map_or(0, str::len);
        [part(0), part(1), part(2), part(3)] == [8, 4, 4, 4]
    };
    let word = |word: &str| {
        let at = (0..word.len()).find(|at| word.is_char_boundary(*at) && is_uid(&word[*at..]) && word.len() - at >= 36);
        at.map_or(word.to_string(), |at| format!("{}UID{}", &word[..at], &word[at + 36..]))
    };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    let mut lines: Vec<String> = without_revisions(home).lines().map(line).collect();
    lines.sort();
    lines.join("\n")
}

#[test]
fn undo_brings_back_the_same_content_step_by_step() {
    let home = with_manifests(Home::manual());
    let steps = [
        "apply -f static-pv01.yaml",
        "apply -f static-pvc01.yaml -f static-busy.yaml",
        "clock advance 90s",
        "apply -f exsts-svc.yaml -f exsts-vct.yaml",
        "clock settle",
        "scale statefulset exsts --replicas=2",
        "node stop k3d-deadless-agent-1",
        "clock advance 7m",
        "delete pvc --all --wait=false",
        "clock advance 30s",
    ];
    let mut before = Vec::new();
    for step in steps {
        before.push((step, without_revisions(&home), home.ok("clock")));
        home.ok(step);
    }
    let end = without_uids(&home);
    for (step, yaml, clock) in before.iter().rev() {
        assert_eq!(home.ok("undo"), format!("undone: kstate {step}\n"));
        assert!(without_revisions(&home) == *yaml, "undoing {step:?} does not bring back what was");
        assert_eq!(home.ok("clock"), *clock);
    }
    // The same again gives the same: what is drawn and what is due came back, too. Only uids are never drawn again.
    steps.iter().for_each(|step| _ = home.ok(step));
    assert_eq!(without_uids(&home), end, "the same commands after an undo end otherwise");
    assert_eq!(home.ok(&format!("undo {}", steps.len())).lines().count(), steps.len());
    assert!(without_revisions(&home) == before[0].1, "undoing all at once does not bring back what was");
}

fn clock(home: &Home) -> Time {
    let text = home.ok("clock");
    let (time, _) = text.split_once(' ').expect("a time");
    Time::parse_rfc3339(time).unwrap_or_else(|| panic!("{text}"))
}

/// Puts the wall clock of a cluster forward or back behind its back, as if the computer had slept or its clock was set.
fn shift_wall_clock(home: &Home, by: kstate::api::Duration) {
    let file = Connection::open(home.state()).expect("to open");
    let sql = "UPDATE setting SET value = CAST(value + ?1 AS TEXT) WHERE name = 'offset'";
    assert_eq!(file.execute(sql, [by.0]).expect("to change"), 1);
}

#[test]
fn a_wall_clock_follows_real_time_and_never_runs_backwards() {
    let home = Home::new();
    let mut last = clock(&home);
    for _ in 0..5 {
        std::thread::sleep(Duration::from_millis(300));
        let now = clock(&home);
        assert!(now >= last);
        last = now;
    }
    home.ok("clock advance 1h");
    let advanced = clock(&home);
    assert!(advanced >= last + kstate::api::Duration::secs(3600));
    // Somebody sets the computer's clock back.
    shift_wall_clock(&home, kstate::api::Duration::secs(-1800));
    assert!(clock(&home) >= advanced);
    // An undo turns it back, and from there it goes on.
    assert_eq!(home.ok("undo"), "undone: kstate clock advance 1h\n");
    let undone = clock(&home);
    assert!(undone < advanced);
    std::thread::sleep(Duration::from_millis(1100));
    assert!(clock(&home) > undone, "the clock stands still after an undo");
}

#[test]
fn a_long_gap_is_caught_up_quickly() {
    let home = with_manifests(Home::new());
    home.write(
        "stuck.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: stuck}\nspec: {containers: [{name: c, image: does-not-exist}]}\n---\n\
         apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: waits}\nspec: {accessModes: [ReadWriteOnce], \
         storageClassName: none, resources: {requests: {storage: 1Gi}}}\n",
    );
    home.ok("apply -f stuck.yaml -f exsts-vct.yaml");
    home.ok("clock settle");
    let before = clock(&home);
    shift_wall_clock(&home, kstate::api::Duration::secs(30 * 86_400));
    let began = Instant::now();
    let pods = home.ok("get pods --no-headers");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(pods.contains("exsts-0 ") && pods.contains("1/1") && pods.contains("30d"), "{pods}");
    assert!(clock(&home) >= before + kstate::api::Duration::secs(30 * 86_400));
    let events = home.ok("get events --no-headers").lines().count();
    assert!(events < 100, "{events} events");
}

/// Puts the time at which the cluster was seen last an hour on, as a real clock that was wrong once has done.
fn was_ahead(home: &Home) {
    let file = Connection::open(home.state()).expect("to open");
    let sql = "UPDATE setting SET value = CAST(value + 3600000 AS TEXT) WHERE name = 'now'";
    assert_eq!(file.execute(sql, []).expect("to change"), 1);
}

#[test]
fn a_clock_that_was_ahead_once_does_not_stand_still() {
    let home = Home::new();
    assert!(home.ok("clock").ends_with(" (wall)\n"));
    was_ahead(&home);
    // A command that only reads has to do something about it, too.
    home.ok("get nodes");
    assert!(home.ok("clock").ends_with(" ahead of real time)\n"));
    home.ok("create deployment web --image=nginx");
    let before = clock(&home);
    std::thread::sleep(Duration::from_millis(3500));
    assert!(clock(&home) >= before + kstate::api::Duration::secs(3), "the clock stands still");
    let pods = home.ok("get pods --no-headers");
    assert!(pods.contains("1/1") && pods.contains("Running"), "{pods}");
    home.ok("clock advance 1h");
    assert!(home.ok("clock").contains(" (wall, 1h59m"), "{}", home.ok("clock"));
}

#[test]
fn events_go_an_hour_after_they_were_told_last() {
    let home = Home::manual();
    home.ok("create deployment web --image=does-not-exist");
    home.ok("clock advance 30m");
    let at = |reason: &str| {
        let lines = home.ok("get events --no-headers");
        lines.lines().filter(|line| line.split_whitespace().nth(2) == Some(reason)).count()
    };
    assert_eq!((at("ScalingReplicaSet"), at("Scheduled"), at("BackOff")), (1, 1, 1));
    home.ok("clock advance 25m");
    assert_eq!((at("ScalingReplicaSet"), at("Scheduled"), at("BackOff")), (1, 1, 1));
    home.ok("clock advance 10m");
    // What is told again and again stays.
    assert_eq!((at("ScalingReplicaSet"), at("Scheduled"), at("BackOff")), (0, 0, 1));
    home.ok("undo");
    assert_eq!((at("ScalingReplicaSet"), at("Scheduled"), at("BackOff")), (1, 1, 1));
    home.ok("delete deployment web");
    home.ok("clock advance 2h");
    assert_eq!(home.run("get events").err, "No resources found in default namespace.\n");
}
