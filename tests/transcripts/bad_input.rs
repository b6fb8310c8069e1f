//! What containers do that want too much: loops, fork bombs, output and lines without end, full memory, read-only roots.

use insta::assert_snapshot;

use super::Session;
use crate::conformance::shell::Shell;

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
    ]), @"
    $ kubectl exec idle -- sh -c 'seq 1 100000 | wc -l'
    100000
    $ kubectl exec idle -- sh -c 'seq 1 1000000 | tail -n 1'
    1000000
    $ kubectl exec idle -- sh -c 'head -c 20000000 /dev/zero | gzip -c | gunzip -c | wc -c'
    20000000
    $ kubectl exec idle -- sh -c 'dd if=/dev/zero bs=32M count=1 2>/dev/null | wc -c'
    33554432
    ");
}

#[test]
fn functions_without_end_fill_the_stack() {
    assert_snapshot!(idle().run(&[
        "kubectl exec idle -- sh -c 'f() { f; }; f; echo never'",
        "kubectl exec deb -- bash -c 'f() { f; }; f; echo never'",
        "kubectl exec deb -- sh -c 'f() { f; }; f; echo never'",
        "kubectl exec deb -- bash -c 'f() { [ $1 = 0 ] || f $(($1-1)); }; f 3000; echo $?'",
        r#"kubectl exec deb -- bash -c 'trap "kill -USR1 $$" USR1; kill -USR1 $$; echo never'"#,
    ]), @r#"
    $ kubectl exec idle -- sh -c 'f() { f; }; f; echo never'
    command terminated with exit code 139
    [exit 139]
    $ kubectl exec deb -- bash -c 'f() { f; }; f; echo never'
    command terminated with exit code 139
    [exit 139]
    $ kubectl exec deb -- sh -c 'f() { f; }; f; echo never'
    sh: 1: Maximum function recursion depth (1000) reached
    command terminated with exit code 2
    [exit 2]
    $ kubectl exec deb -- bash -c 'f() { [ $1 = 0 ] || f $(($1-1)); }; f 3000; echo $?'
    0
    $ kubectl exec deb -- bash -c 'trap "kill -USR1 $$" USR1; kill -USR1 $$; echo never'
    command terminated with exit code 139
    [exit 139]
    "#);
}

#[test]
fn a_root_that_cannot_be_written() {
    assert_snapshot!(idle().run(&[
        "kubectl exec deb -- touch /x",
        "kubectl exec deb -- sh -c 'echo x > /etc/resolv.conf'",
        "kubectl exec deb -- sh -c 'echo x > /dev/shm/x; echo x > /dev/termination-log; cat /dev/shm/x'",
        "kubectl exec deb -- sh -c 'mount | grep overlay'",
        "kubectl exec idle -- sh -c 'echo x > /dev/full'",
    ]), @"
    $ kubectl exec deb -- touch /x
    touch: cannot touch '/x': Read-only file system
    command terminated with exit code 1
    [exit 1]
    $ kubectl exec deb -- sh -c 'echo x > /etc/resolv.conf'
    sh: 1: cannot create /etc/resolv.conf: Read-only file system
    command terminated with exit code 2
    [exit 2]
    $ kubectl exec deb -- sh -c 'echo x > /dev/shm/x; echo x > /dev/termination-log; cat /dev/shm/x'
    x
    $ kubectl exec deb -- sh -c 'mount | grep overlay'
    overlay on / type overlay (ro,relatime)
    $ kubectl exec idle -- sh -c 'echo x > /dev/full'
    sh: write error: No space left on device
    command terminated with exit code 1
    [exit 1]
    ");
}

#[test]
fn what_cannot_be_executed() {
    assert_snapshot!(idle().run(&[
        "kubectl exec idle -- /etc",
        "kubectl exec idle -- /etc/passwd",
        "kubectl exec idle -- /etc/nope",
        "kubectl exec idle -- ''",
    ]), @r#"
    $ kubectl exec idle -- /etc
    error: Internal error occurred: error executing command in container: failed to exec in container: failed to start exec "3ddc0a2f4929215595d61f42b150996bc0532d55c2a68002708ec57dafc9d143": OCI runtime exec failed: exec failed: unable to start container process: exec: "/etc": is a directory: unknown
    [exit 1]
    $ kubectl exec idle -- /etc/passwd
    error: Internal error occurred: error executing command in container: failed to exec in container: failed to start exec "3ddc0a2f4929215595d61f42b150996bc0532d55c2a68002708ec57dafc9d143": OCI runtime exec failed: exec failed: unable to start container process: exec: "/etc/passwd": permission denied: unknown
    [exit 1]
    $ kubectl exec idle -- /etc/nope
    error: Internal error occurred: error executing command in container: failed to exec in container: failed to start exec "3ddc0a2f4929215595d61f42b150996bc0532d55c2a68002708ec57dafc9d143": OCI runtime exec failed: exec failed: unable to start container process: exec: "/etc/nope": stat /etc/nope: no such file or directory: unknown
    [exit 1]
    $ kubectl exec idle -- ''
    error: Internal error occurred: error executing command in container: failed to exec in container: failed to start exec "3ddc0a2f4929215595d61f42b150996bc0532d55c2a68002708ec57dafc9d143": OCI runtime exec failed: exec failed: unable to start container process: exec: "": executable file not found in $PATH: unknown
    [exit 1]
    "#);
}

#[test]
fn names_that_lead_out_are_cut() {
    let folder = std::env::temp_dir().join(format!("kstate-names-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut session = Session(Shell::new(&folder));
    session.apply(IDLE);
    session.run(&["kstate clock advance 5s"]);
    assert_snapshot!(session.run(&[
        "kubectl exec idle -- sh -c 'tar cf - ../etc/group /etc/../etc/passwd ../../etc/hosts | tar tf -'",
        "kubectl cp idle:../../etc/group group",
        "kubectl get --raw '/api/v1/namespaces/default/pods/idle/log?tailLines=-1'",
        "kubectl get --raw /api/v1/namespaces/default/pods/idle/log",
    ]), @r#"
    $ kubectl exec idle -- sh -c 'tar cf - ../etc/group /etc/../etc/passwd ../../etc/hosts | tar tf -'
    tar: removing leading '../' from member names
    etc/group
    etc/passwd
    etc/hosts
    $ kubectl cp idle:../../etc/group group
    tar: removing leading '../../' from member names
    $ kubectl get --raw '/api/v1/namespaces/default/pods/idle/log?tailLines=-1'
    The PodLogOptions "idle" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0
    [exit 1]
    $ kubectl get --raw /api/v1/namespaces/default/pods/idle/log
    "#);
    assert!(std::fs::read_to_string(folder.join("group")).is_ok_and(|text| text.starts_with("root:x:0:")));
    let _ = std::fs::remove_dir_all(&folder);
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
    ]), @r#"
    $ kstate clock advance 2m
    2026-01-01T00:02:05Z (manual)
    $ kubectl get pods
    NAME    READY   STATUS      RESTARTS   AGE
    awk     0/1     OOMKilled   0          2m
    deb     1/1     Running     0          2m5s
    grep    0/1     OOMKilled   0          2m
    idle    1/1     Running     0          2m5s
    shell   0/1     OOMKilled   0          2m
    small   0/1     Completed   0          2m
    sort    0/1     OOMKilled   0          2m
    tail    0/1     OOMKilled   0          2m
    $ kubectl exec idle -- awk 'BEGIN { while (1) a[i++] = i }'
    awk: out of memory
    command terminated with exit code 1
    [exit 1]
    $ kubectl exec idle -- sh -c 'echo x | sed ":a;s/x/xx/g;ba"'
    sed: out of memory
    command terminated with exit code 1
    [exit 1]
    $ kubectl exec idle -- sh -c 'read x < /dev/zero'
    hint: the command would never end by itself; it was interrupted after an hour on the cluster's clock
    [exit 130]
    "#);
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
  nodeName: k3d-deadless-agent-0
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
        "kstate clock advance 4h",
        "kubectl get pods",
        "kubectl logs commands -c beside --tail=1",
        "kubectl exec commands -c c -- cat /now",
        "kubectl logs output --tail=1",
        "kstate node exec k3d-deadless-agent-0 -- sh -c 'ls /var/log/pods/*output*/c | wc -l'",
        "kubectl delete pod bomb output files commands --now",
        "kubectl get pods",
    ]), @r#"
    $ kstate clock advance 10s
    2026-01-01T00:00:15Z (manual)
    $ kstate clock advance 4h
    2026-01-01T04:00:15Z (manual)
    $ kubectl get pods
    NAME       READY   STATUS    RESTARTS   AGE
    bomb       1/1     Running   0          4h
    commands   2/2     Running   0          4h
    deb        1/1     Running   0          4h
    files      1/1     Running   0          4h
    idle       1/1     Running   0          4h
    output     1/1     Running   0          4h
    $ kubectl logs commands -c beside --tail=1
    14406
    $ kubectl exec commands -c c -- cat /now
    Thu Jan  1 04:00:13 UTC 2026
    $ kubectl logs output --tail=1
    y
    $ kstate node exec k3d-deadless-agent-0 -- sh -c 'ls /var/log/pods/*output*/c | wc -l'
    5
    $ kubectl delete pod bomb output files commands --now
    pod "bomb" deleted from default namespace
    pod "output" deleted from default namespace
    pod "files" deleted from default namespace
    pod "commands" deleted from default namespace
    $ kubectl get pods
    NAME   READY   STATUS    RESTARTS   AGE
    deb    1/1     Running   0          4h
    idle   1/1     Running   0          4h
    "#);
    // A debug build takes some ten times as long as the real one.
    assert!(begun.elapsed().as_secs() < 120, "{:?}", begun.elapsed());
}
