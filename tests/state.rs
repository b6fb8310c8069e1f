//! State files: nothing acknowledged is lost, nothing is half done, and what is wrong with a file is said clearly.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::home::{Answer, Home};

const PAIRS: usize = 12;

/// Volumes and claims that fit each other.
fn pairs() -> String {
    let pair = |n: usize| {
        format!(
            "apiVersion: v1\nkind: PersistentVolume\nmetadata: {{name: pv-{n}}}\nspec:\n  capacity: {{storage: 1Gi}}\n  \
             accessModes: [ReadWriteOnce]\n  storageClassName: manual\n  hostPath: {{path: /tmp/pv-{n}}}\n---\n\
             apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: claim-{n}}}\nspec:\n  \
             accessModes: [ReadWriteOnce]\n  storageClassName: manual\n  resources: {{requests: {{storage: 1Gi}}}}\n"
        )
    };
    (0..PAIRS).map(pair).collect::<Vec<_>>().join("---\n")
}

/// A claim of its own and a pod that uses it.
const CLAIM: &str = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec:\n  \
    accessModes: [ReadWriteOnce]\n  storageClassName: local-path\n  resources: {requests: {storage: 1Gi}}\n";
const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - name: web\n    \
    image: nginx\n    volumeMounts: [{name: data, mountPath: /data}]\n  volumes:\n  - name: data\n    \
    persistentVolumeClaim: {claimName: data}\n";

/// The lines that a child prints, as they come.
fn lines(child: &mut Child) -> Receiver<String> {
    let (sender, receiver) = channel();
    let out = child.stdout.take().expect("a pipe");
    std::thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Waits until a line comes that `is_it`, and gives the lines up to it.
fn until(lines: &Receiver<String>, is_it: impl Fn(&str) -> bool) -> Vec<String> {
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut seen = Vec::new();
    while let Ok(line) = lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        seen.push(line);
        if seen.last().is_some_and(|l| is_it(l)) {
            return seen;
        }
    }
    panic!("it was not printed; this was: {seen:#?}");
}

/// Asserts that both sides of every binding agree, and says how many there are.
fn bindings(home: &Home) -> usize {
    let columns = "-o custom-columns=P:.status.phase,N:.metadata.name";
    let claims = home.ok(&format!("get pvc --no-headers {columns},V:.spec.volumeName"));
    let volumes = home.ok(&format!("get pv --no-headers {columns},C:.spec.claimRef.name"));
    let read = |text: &str| -> BTreeMap<String, (String, String)> {
        let row = |line: &str| {
            let cells: Vec<&str> = line.split_whitespace().collect();
            (cells[1].to_string(), (cells[0].to_string(), cells[2].to_string()))
        };
        text.lines().map(row).collect()
    };
    let (claims, volumes) = (read(&claims), read(&volumes));
    for (name, (phase, volume)) in claims.iter().filter(|(_, (phase, _))| phase == "Bound") {
        assert_eq!(volumes.get(volume), Some(&(phase.clone(), name.clone())), "{name}");
    }
    claims.values().filter(|(phase, _)| phase == "Bound").count()
}

#[test]
fn a_killed_process_loses_nothing_acknowledged_and_leaves_nothing_half_done() {
    let home = Home::manual();
    home.write("pairs.yaml", &pairs());
    let began = Instant::now();
    home.ok("apply -f pairs.yaml");
    let usual = began.elapsed();
    assert_eq!(bindings(&home), PAIRS);
    let operations = home.ok("undo --list").lines().count();
    home.ok("undo");
    let (mut killed, mut survived) = (0, 0);
    for step in 0..24u32 {
        let mut child = home.spawn("apply -f pairs.yaml");
        // From before it has begun until after it has ended.
        std::thread::sleep(usual * step / 20);
        child.kill().expect("to kill it");
        let mut said = String::new();
        child.stdout.take().expect("a pipe").read_to_string(&mut said).expect("to read");
        child.wait().expect("to wait");
        let there = home.ok("get pv,pvc -o name").lines().count();
        assert!(there == 0 || there == 2 * PAIRS, "{there} objects of {}", 2 * PAIRS);
        assert!(there >= said.lines().count(), "acknowledged and lost: {said}");
        assert_eq!(bindings(&home), there / 2);
        assert_eq!(home.ok("undo --list").lines().count(), operations - usize::from(there == 0));
        match there {
            0 => killed += 1,
            _ => {
                survived += 1;
                home.ok("undo");
            }
        }
    }
    assert!(killed > 0, "no attempt was killed in time, {survived} survived");
}

#[test]
fn a_process_killed_while_the_first_cluster_is_made_leaves_no_broken_one() {
    for step in 0..8u64 {
        let home = Home::new();
        let mut child = home.spawn("get nodes");
        std::thread::sleep(Duration::from_millis(step * 5));
        child.kill().expect("to kill it");
        child.wait().expect("to wait");
        assert_eq!(home.ok("get nodes --no-headers").lines().count(), 3);
    }
}

fn watch_sees_what_another_process_does(home: &Home) {
    home.write("claim.yaml", CLAIM);
    home.write("pod.yaml", POD);
    let mut watch = home.spawn("get pvc -w");
    let lines = lines(&mut watch);
    home.ok("apply -f claim.yaml");
    until(&lines, |l| l.starts_with("data ") && l.contains("Pending"));
    home.ok("apply -f pod.yaml");
    home.ok("wait --for=jsonpath={.status.phase}=Bound pvc/data");
    until(&lines, |l| l.starts_with("data ") && l.contains("Bound"));
    watch.kill().expect("to end the watch");
    watch.wait().expect("to wait");
}

#[test]
fn a_watch_sees_what_another_process_does_on_a_manual_clock() {
    watch_sees_what_another_process_does(&Home::manual());
}

#[test]
fn a_watch_sees_what_another_process_does_on_a_wall_clock() {
    watch_sees_what_another_process_does(&Home::new());
}

#[test]
fn a_watch_sees_what_another_process_undoes() {
    let home = Home::manual();
    let mut watch = home.spawn("get configmaps -w --output-watch-events --no-headers");
    let lines = lines(&mut watch);
    home.ok("create configmap first --from-literal=n=1");
    until(&lines, |l| l.starts_with("ADDED") && l.contains("first"));
    home.ok("undo");
    home.ok("create configmap second --from-literal=n=1");
    until(&lines, |l| l.starts_with("DELETED") && l.contains("first"));
    until(&lines, |l| l.starts_with("ADDED") && l.contains("second"));
    watch.kill().expect("to end the watch");
    watch.wait().expect("to wait");
}

#[test]
fn a_watch_ends_when_its_requests_time_is_over() {
    for home in [Home::manual(), Home::new()] {
        home.ok("create configmap one --from-literal=n=1");
        let shown = home.ok("get configmaps one -w --no-headers --request-timeout=1");
        assert!(shown.starts_with("one ") && shown.lines().count() == 1, "{shown}");
        let refused = home.run("get configmaps -w --request-timeout=soon");
        assert_eq!((refused.code, refused.err.starts_with("error: Invalid timeout value.")), (Some(1), true));
    }
}

#[test]
fn a_watch_sees_things_happen_as_real_time_goes_by() {
    let home = Home::new();
    home.write(
        "pod.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: c, image: nginx}]}\n",
    );
    let mut watch = home.spawn("get pods -w");
    let lines = lines(&mut watch);
    home.ok("apply -f pod.yaml");
    let seen = until(&lines, |l| l.starts_with("web ") && l.contains("1/1"));
    assert!(seen.iter().any(|l| l.contains("ContainerCreating")), "{seen:?}");
    watch.kill().expect("to end the watch");
    watch.wait().expect("to wait");
}

#[test]
fn writers_in_several_processes_take_turns() {
    // The new home's cluster is made by whichever comes first.
    for home in [Home::manual(), Home::new()] {
        writers_take_turns(&home);
    }
}

fn writers_take_turns(home: &Home) {
    let mut children: Vec<Child> =
        (0..6).map(|n| home.spawn(&format!("create configmap map-{n} --from-literal=n={n}"))).collect();
    for child in &mut children {
        assert!(child.wait().expect("to wait").success());
    }
    assert_eq!(home.ok("get configmaps -o name").lines().filter(|l| l.contains("map-")).count(), 6);
}

/// Runs a reading and a writing command, which must both fail with one error that contains `text`, and asserts that
/// the state file stays as it is.
fn is_refused(home: &Home, text: &str) {
    let before = fs::read(home.state()).expect("the state file");
    home.write("claim.yaml", CLAIM);
    for line in ["get pv,pvc,sc", "apply -f claim.yaml", "clock advance 1s", "undo"] {
        let Answer { out, err, code } = home.run(line);
        assert_eq!((out.as_str(), code), ("", Some(1)), "{line}: {err}");
        assert!(err.starts_with("error: ") && err.contains(text) && err.lines().count() == 1, "{line}: {err}");
    }
    assert!(fs::read(home.state()).expect("the state file") == before, "{text}: the file was changed");
}

#[test]
fn a_file_that_is_no_state_file_is_refused() {
    let home = Home::manual();
    fs::write(home.state(), "once upon a time ".repeat(1000)).expect("to write");
    is_refused(&home, "is damaged: file is not a database");
    fs::write(home.state(), "").expect("to write");
    is_refused(&home, "is damaged: it holds no cluster");
}

#[test]
fn a_truncated_state_file_is_refused() {
    let home = Home::manual();
    let whole = fs::read(home.state()).expect("the state file");
    fs::write(home.state(), &whole[..whole.len() / 2]).expect("to write");
    is_refused(&home, "is damaged: ");
}

#[test]
fn a_damaged_object_is_named_and_nothing_is_shown_in_its_place() {
    let home = Home::manual();
    let file = Connection::open(home.state()).expect("to open");
    file.execute("UPDATE revision SET object = substr(object, 2) WHERE kind = 'StorageClass'", []).expect("to damage");
    drop(file);
    let Answer { out, err, code } = home.run("get sc");
    assert_eq!((out.as_str(), code), ("", Some(1)));
    assert!(err.starts_with("error: the state file holds a damaged StorageClass: "), "{err}");
    assert_eq!(home.ok("get nodes --no-headers").lines().count(), 3);
}

#[test]
fn a_newer_state_file_is_refused() {
    let home = Home::manual();
    let file = Connection::open(home.state()).expect("to open");
    file.pragma_update(None, "user_version", 99).expect("to change");
    drop(file);
    is_refused(&home, "was written by a newer kstate; this one can't read it");
}

#[test]
fn a_locked_state_file_is_waited_for_and_then_refused() {
    let home = Home::manual();
    home.write("claim.yaml", CLAIM);
    let file = Connection::open(home.state()).expect("to open");
    file.execute_batch("BEGIN IMMEDIATE").expect("to lock");
    // Who only reads is not kept waiting.
    assert_eq!(home.ok("get nodes --no-headers").lines().count(), 3);
    let Answer { out, err, code } = home.run("apply -f claim.yaml --request-timeout=2s");
    assert_eq!((out.as_str(), code), ("", Some(1)));
    let locked = format!("error: the state file {} is locked by another process\n", home.state().display());
    assert_eq!(err, format!("waiting for another process, which writes to the cluster\n{locked}"));
    file.execute_batch("ROLLBACK").expect("to unlock");
    home.ok("apply -f claim.yaml");
}

#[test]
fn an_unwritable_home_is_named() {
    let home = Home::new();
    home.write("file", "");
    // A folder can't be made below a file, whoever asks.
    let below = home.path().join("work").join("file");
    let output = home.command("get nodes").env("KSTATE_HOME", &below).output().expect("to run kstate");
    let err = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1));
    assert!(err.starts_with(&format!("error: cannot make the folder {}", below.display())), "{err}");
    assert_eq!(err.lines().count(), 1);
}

#[cfg(unix)]
fn permit(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("to set permissions");
}

/// Permissions mean nothing to root.
#[cfg(unix)]
fn is_root(home: &Home) -> bool {
    let probe = home.path().join("probe");
    fs::write(&probe, "").expect("to write");
    permit(&probe, 0o400);
    fs::OpenOptions::new().write(true).open(&probe).is_ok()
}

#[cfg(unix)]
#[test]
fn a_read_only_state_file_is_refused_for_writing() {
    let home = Home::manual();
    if is_root(&home) {
        return;
    }
    home.write("claim.yaml", CLAIM);
    permit(&home.state(), 0o400);
    let Answer { out, err, code } = home.run("apply -f claim.yaml");
    assert_eq!((out.as_str(), code), ("", Some(1)));
    assert!(err.starts_with("error: cannot write the state file ") && err.lines().count() == 1, "{err}");
    permit(&home.state(), 0o000);
    let Answer { out, err, code } = home.run("get nodes");
    assert_eq!((out.as_str(), code), ("", Some(1)));
    assert!(err.starts_with("error: cannot open the state file ") && err.lines().count() == 1, "{err}");
}

#[cfg(unix)]
#[test]
fn a_full_disk_leaves_the_cluster_as_it_was() {
    let home = Home::manual();
    home.write("pairs.yaml", &pairs());
    let before = home.everything();
    let size = fs::metadata(home.state()).expect("the state file").len();
    let Some(Answer { out, err, code }) = home.run_limited(size / 512 / 4, "apply -f pairs.yaml") else { return };
    assert_eq!((out.len(), code), (0, Some(1)), "{err}");
    assert!(err.starts_with("error: ") && err.contains("the state file") && err.lines().count() == 1, "{err}");
    assert_eq!(home.everything(), before);
    home.ok("apply -f pairs.yaml");
    assert_eq!(bindings(&home), PAIRS);
}

/// A pod that counts the seconds, on its disk and in its log.
const COUNTER: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: counter}\nspec:\n  containers:\n  - name: c\n    \
    image: busybox\n    command: [sh, -c, 'x=0; while sleep 1; do x=$((x+1)); echo $x; echo $x >> /data/all; done']\n    \
    volumeMounts: [{name: data, mountPath: /data}]\n  volumes:\n  - name: data\n    persistentVolumeClaim: {claimName: data}\n";

#[test]
fn a_pod_goes_on_whenever_a_command_is_killed() {
    let home = Home::manual();
    home.write("counter.yaml", &format!("{CLAIM}---\n{COUNTER}"));
    home.ok("apply -f counter.yaml");
    home.ok("wait --for=condition=Ready pod/counter");
    let began = Instant::now();
    home.ok("clock advance 2m");
    let usual = began.elapsed();
    let mut last = 0;
    for step in 0..8u32 {
        let command = match step % 2 {
            0 => "clock advance 2m",
            _ => "exec counter -- timeout 20 cat /dev/urandom",
        };
        let mut child = home.spawn(command);
        std::thread::sleep(usual * step / 6);
        child.kill().expect("to kill it");
        child.wait().expect("to wait");
        let (file, log) = (home.ok("exec counter -- cat /data/all"), home.ok("logs counter"));
        let counted: Vec<u32> = file.lines().map(|l| l.parse().expect("a number")).collect();
        assert_eq!(counted, (1..=counted.len() as u32).collect::<Vec<_>>(), "step {step}");
        assert_eq!(file, log, "step {step}");
        assert!(counted.len() >= last, "step {step}: {} after {last}", counted.len());
        last = counted.len();
        home.ok("clock advance 3s");
        let next = home.ok("exec counter -- cat /data/all").lines().count();
        assert!((2..=4).contains(&(next - last)), "step {step}: {next} after {last}");
    }
}

#[test]
fn what_runs_in_pods_is_the_same_every_time() {
    let run = || {
        let home = Home::manual();
        home.write("counter.yaml", &format!("{CLAIM}---\n{COUNTER}"));
        let commands = [
            "apply -f counter.yaml",
            "clock advance 90s",
            "exec counter -- ls -la /data /etc",
            "exec counter -- cat /proc/uptime /proc/sys/kernel/random/uuid",
            "exec counter -- mktemp",
            "exec counter -- ps",
            "logs counter --timestamps --tail=3",
            "get pod counter -o yaml",
            "delete pod counter",
            "apply -f counter.yaml",
            "clock advance 1h",
            "exec counter -- tail -n 2 /data/all",
            "get events",
        ];
        commands.map(|c| home.ok(c))
    };
    assert_eq!(run(), run());
}
