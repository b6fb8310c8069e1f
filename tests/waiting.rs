//! Waiting while somebody works at another terminal: on a wall clock a wait goes on in real time, on a manual one it ends.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::home::Home;

/// A command that waits while others run.
struct Waiting {
    child: std::process::Child,
    began: Instant,
}

impl Waiting {
    fn begin(home: &Home, line: &str) -> Waiting {
        let child = home.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("to start kstate");
        Waiting { child, began: Instant::now() }
    }

    /// Output, errors and exit code, and how many seconds it took.
    fn end(self) -> (String, String, Option<i32>, f64) {
        let output = self.child.wait_with_output().expect("to end");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        (text(output.stdout), text(output.stderr), output.status.code(), self.began.elapsed().as_secs_f64())
    }
}

fn a_moment() {
    std::thread::sleep(Duration::from_millis(1500));
}

const HELD: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: held, finalizers: [example.org/held]}\n";

const BIG: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  progressDeadlineSeconds: 86400\n  \
                   selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n      \
                   containers: [{name: c, image: nginx, resources: {requests: {cpu: 100}}}]\n";

const GENERIC: &str = "hint: nothing that is due in the cluster ends this wait; it goes on for what another terminal may do \
                       (Ctrl-C ends it)\n";

#[test]
fn what_another_terminal_makes_ends_a_wait_for_it() {
    let home = Home::new();
    let waiting = Waiting::begin(&home, "wait --for=create configmap/late --timeout=60s");
    a_moment();
    // Nobody holds the cluster meanwhile.
    home.ok("create configmap late");
    let (out, err, code, _) = waiting.end();
    assert_eq!((out.as_str(), err.as_str(), code), ("configmap/late condition met\n", GENERIC, Some(0)));
}

#[test]
fn what_another_terminal_lets_go_ends_a_delete_and_a_wait_for_it() {
    let home = Home::new();
    home.write("held.yaml", HELD);
    home.ok("create -f held.yaml");
    let (delete, wait) = (
        Waiting::begin(&home, "delete configmap held"),
        Waiting::begin(&home, "wait --for=delete configmap/held --timeout=60s"),
    );
    a_moment();
    home.ok(r#"patch configmap held --type=merge -p {"metadata":{"finalizers":null}}"#);
    let (out, err, code, _) = delete.end();
    assert_eq!((out.as_str(), code), ("configmap \"held\" deleted from default namespace\n", Some(0)));
    assert!(
        err.starts_with("hint: configmap \"held\" will not go by itself: its finalizer example.org/held holds it; ")
    );
    let (out, err, code, _) = wait.end();
    assert_eq!((out.as_str(), err.as_str(), code), ("configmap/held condition met\n", GENERIC, Some(0)));
}

#[test]
fn what_another_terminal_mends_ends_the_watch_of_a_rollout() {
    let home = Home::new();
    home.write("big.yaml", BIG);
    home.ok("create -f big.yaml");
    home.ok("clock settle");
    let waiting = Waiting::begin(&home, "rollout status deployment web");
    a_moment();
    home.ok("set resources deployment/web --requests=cpu=1");
    let (out, err, code, _) = waiting.end();
    assert!(out.ends_with("deployment \"web\" successfully rolled out\n"), "{out}");
    assert!(err.starts_with("hint: the rollout of deployment.apps \"web\" will never finish by itself; "), "{err}");
    assert_eq!(code, Some(0));
}

#[test]
fn a_wait_in_vain_lasts_its_time_on_a_wall_clock_and_none_on_a_manual_one() {
    let wall = Home::new();
    let manual = Home::manual();
    for home in [&wall, &manual] {
        home.write("held.yaml", HELD);
        home.ok("create -f held.yaml");
        home.ok("delete configmap held --wait=false");
    }
    for (line, fault) in [
        ("wait --for=create configmap/late --timeout=2s", "error: timed out waiting for the condition\n"),
        (
            "wait --for=delete configmap/held --timeout=2s",
            "error: timed out waiting for the condition on configmaps/held\n",
        ),
        ("delete configmap held --timeout=2s", "error: timed out waiting for the condition on configmaps/held\n"),
    ] {
        let (_, err, code, took) = Waiting::begin(&wall, line).end();
        assert!(err.starts_with("hint: ") && err.ends_with(fault), "{line}: {err}");
        assert_eq!(code, Some(1));
        assert!((2.0..10.0).contains(&took), "{line}: {took} s");
        let (_, err, code, took) = Waiting::begin(&manual, line).end();
        assert_eq!((err.as_str(), code), (fault, Some(1)), "{line}");
        assert!(took < 2.0, "{line}: {took} s");
    }
}
