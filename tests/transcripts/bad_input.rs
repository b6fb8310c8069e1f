//! What containers do that want too much: loops, fork bombs, output and lines without end, full memory, read-only roots.

use insta::assert_snapshot;

use super::Session;

const IDLE: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: idle}
spec:
  containers: [{name: c, image: busybox, command: [sleep, infinity]}]
---
apiVersion: v1
kind: Pod
metadata: {name: deb}
spec:
  containers:
  - {name: c, image: debian, command: [sleep, infinity], securityContext: {readOnlyRootFilesystem: true}}
"#;

fn idle() -> Session {
    let mut session = Session::new();
    session.0.feed("kubectl apply -f -", IDLE);
    session.run(&["kstate clock advance 5s"]);
    session
}

#[test]
fn a_pipe_that_was_full_is_read_on() {
    assert_snapshot!(idle().run(&[
        "kubectl exec idle -- sh -c 'seq 1 100000 | wc -l'",
        "kubectl exec idle -- sh -c 'seq 1 1000000 | tail -n 1'",
        "kubectl exec idle -- sh -c 'head -c 20000000 /dev/zero | gzip -c | gunzip -c | wc -c'",
        "kubectl exec idle -- sh -c 'dd if=/dev/zero bs=32M count=1 2>/dev/null | wc -c'",
    ]), @"");
}

#[test]
fn functions_without_end_fill_the_stack() {
    assert_snapshot!(idle().run(&[
        "kubectl exec idle -- sh -c 'f() { f; }; f; echo never'",
        "kubectl exec deb -- bash -c 'f() { f; }; f; echo never'",
        "kubectl exec deb -- sh -c 'f() { f; }; f; echo never'",
        "kubectl exec deb -- bash -c 'f() { [ $1 = 0 ] || f $(($1-1)); }; f 3000; echo $?'",
        r#"kubectl exec deb -- bash -c 'trap "kill -USR1 $$" USR1; kill -USR1 $$; echo never'"#,
    ]), @"");
}

#[test]
fn a_root_that_cannot_be_written() {
    assert_snapshot!(idle().run(&[
        "kubectl exec deb -- touch /x",
        "kubectl exec deb -- sh -c 'echo x > /etc/resolv.conf'",
        "kubectl exec deb -- sh -c 'echo x > /dev/shm/x; echo x > /dev/termination-log; cat /dev/shm/x'",
        "kubectl exec deb -- sh -c 'mount | grep overlay'",
        "kubectl exec idle -- sh -c 'echo x > /dev/full'",
    ]), @"");
}

#[test]
fn what_cannot_be_executed() {
    assert_snapshot!(idle().run(&[
        "kubectl exec idle -- /etc",
        "kubectl exec idle -- /etc/passwd",
        "kubectl exec idle -- /etc/nope",
        "kubectl exec idle -- ''",
    ]), @"");
}

#[test]
fn names_that_lead_out_are_cut() {
    assert_snapshot!(idle().run(&[
        "kubectl exec idle -- sh -c 'tar cf - ../etc/group /etc/../etc/passwd ../../etc/hosts | tar tf -'",
        "kubectl cp idle:../../etc/group group",
        "kubectl get --raw '/api/v1/namespaces/default/pods/idle/log?tailLines=-1'",
        "kubectl get --raw /api/v1/namespaces/default/pods/idle/log",
    ]), @"");
}

#[test]
fn lines_without_end_take_all_memory() {
    let mut session = idle();
    let pod = |name: &str, command: &str| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {{restartPolicy: Never, containers: [{{name: \
             c, image: debian, command: [sh, -c, '{command}'], resources: {{limits: {{memory: 64Mi}}}}}}]}}}}\n---\n"
        )
    };
    let pods = [
        pod("tail", "tail /dev/zero"),
        pod("grep", "grep x /dev/zero"),
        pod("sort", "yes | sort"),
        pod("awk", r"awk ''BEGIN { while (1) a[i++] = i }''"),
        pod("shell", "a=x; while :; do a=$a$a; done"),
        pod("small", "tail -n 2 /etc/passwd | sort"),
    ];
    session.0.feed("kubectl apply -f -", &pods.concat());
    assert_snapshot!(session.run(&[
        "kstate clock advance 2m",
        "kubectl get pods",
        "kubectl exec idle -- awk 'BEGIN { while (1) a[i++] = i }'",
        r#"kubectl exec idle -- sh -c 'echo x | sed ":a;s/x/xx/g;ba"'"#,
        "kubectl exec idle -- sh -c 'read x < /dev/zero'",
    ]), @"");
}

const LOOPS: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: bomb}
spec:
  containers: [{name: c, image: bash, command: [bash, -c, ":(){ :|:& }; :; sleep infinity"]}]
---
apiVersion: v1
kind: Pod
metadata: {name: output}
spec:
  containers: [{name: c, image: busybox, command: ["yes"]}]
---
apiVersion: v1
kind: Pod
metadata: {name: files}
spec:
  containers: [{name: c, image: busybox, command: [sh, -c, "while :; do i=$((i+1)); echo $i > /tmp/f$i; done"]}]
---
apiVersion: v1
kind: Pod
metadata: {name: commands}
spec:
  containers:
  - {name: c, image: busybox, command: [sh, -c, "while :; do date > /now; done"]}
  - {name: beside, image: busybox, command: [sh, -c, "while sleep 1; do i=$((i+1)); echo $i; done"]}
"#;

#[test]
fn loops_are_thinned_out_and_let_others_go_on() {
    let mut session = idle();
    session.0.feed("kubectl apply -f -", LOOPS);
    let begun = std::time::Instant::now();
    assert_snapshot!(session.run(&[
        "kstate clock advance 10s",
        "kstate clock advance 24h",
        "kubectl get pods",
        "kubectl logs commands -c beside --tail=1",
        "kubectl exec commands -c c -- cat /now",
        "kubectl logs output --tail=1",
        "kstate node exec k3d-deadless-agent-0 -- sh -c 'ls /var/log/pods/*output*/c'",
        "kubectl delete pod bomb output files commands --now",
        "kubectl get pods",
    ]), @"");
    // A debug build takes some ten times as long as the real one.
    assert!(begun.elapsed().as_secs() < 120, "{:?}", begun.elapsed());
}
