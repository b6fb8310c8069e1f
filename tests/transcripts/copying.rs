//! `kubectl cp`, `attach`, `run -i` and `logs -f`: files and streams between here and a container.

use std::fs;
use std::path::PathBuf;

use insta::assert_snapshot;

use super::Session;
use crate::conformance::shell::Shell;

/// A folder of its own, with a few files.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("kstate-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("site/empty")).unwrap();
    fs::create_dir_all(folder.join("site/sub")).unwrap();
    fs::write(folder.join("site/index.html"), "<h1>hello</h1>\n").unwrap();
    fs::write(folder.join("site/sub/data.bin"), [0_u8, 159, 146, 150, b'\n']).unwrap();
    folder
}

const POD: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: box}
spec:
  containers:
  - {name: a, image: busybox, command: [sh, -c, "mkdir /out; ln -s a /out/link; echo one > /out/a; exec sleep 10000"]}
  - {name: b, image: nginx}
"#;

#[test]
fn files_are_copied_both_ways() {
    let folder = folder("cp");
    let mut session = Session(Shell::new(&folder));
    session.apply(POD);
    assert_snapshot!(session.run(&[
        "kubectl cp site box:/srv",
        "kubectl exec box -c a -- find /srv",
        "kubectl exec box -c a -- od -c /srv/sub/data.bin",
        "kubectl cp site box:/tmp",
        "kubectl exec box -c a -- ls /tmp/site",
        "kubectl cp site/index.html default/box:/usr/share/nginx/html -c b",
        "kubectl exec box -c a -- wget -qO- localhost",
        "kubectl cp site/index.html box:/tmp/renamed --no-preserve -c a",
        "kubectl exec box -c a -- cat /tmp/renamed",
        "kubectl cp box:/out back",
        "kubectl cp box:/srv/sub/data.bin data.bin",
        "kubectl cp -c b box:/etc/nginx/conf.d conf",
    ]), @r#"
    $ kubectl cp site box:/srv
    Defaulted container "a" out of: a, b
    $ kubectl exec box -c a -- find /srv
    /srv
    /srv/empty
    /srv/index.html
    /srv/sub
    /srv/sub/data.bin
    $ kubectl exec box -c a -- od -c /srv/sub/data.bin
    0000000  \0 237 222 226  \n
    0000005
    $ kubectl cp site box:/tmp
    Defaulted container "a" out of: a, b
    $ kubectl exec box -c a -- ls /tmp/site
    empty
    index.html
    sub
    $ kubectl cp site/index.html default/box:/usr/share/nginx/html -c b
    $ kubectl exec box -c a -- wget -qO- localhost
    <h1>hello</h1>
    $ kubectl cp site/index.html box:/tmp/renamed --no-preserve -c a
    $ kubectl exec box -c a -- cat /tmp/renamed
    <h1>hello</h1>
    $ kubectl cp box:/out back
    Defaulted container "a" out of: a, b
    tar: removing leading '/' from member names
    warning: skipping symlink: "back/link" -> "a" (consider using "kubectl exec -n "" "box" -- tar cf - "/out" | tar xf -")
    $ kubectl cp box:/srv/sub/data.bin data.bin
    Defaulted container "a" out of: a, b
    tar: removing leading '/' from member names
    $ kubectl cp -c b box:/etc/nginx/conf.d conf
    tar: Removing leading `/' from member names
    "#);
    assert_eq!(fs::read_to_string(folder.join("back/a")).unwrap(), "one\n");
    assert!(!folder.join("back/link").exists());
    assert_eq!(fs::read(folder.join("data.bin")).unwrap(), [0_u8, 159, 146, 150, b'\n']);
    assert!(folder.join("conf/default.conf").exists());
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_cp_refuses() {
    let folder = folder("cp-refused");
    let mut session = Session(Shell::new(&folder));
    session.apply(POD);
    assert_snapshot!(session.run(&[
        "kubectl cp site",
        "kubectl cp site other",
        "kubectl cp box:/a box:/b",
        "kubectl cp box: here",
        "kubectl cp :a here",
        "kubectl cp a/b/c:d here",
        "kubectl cp nope box:/tmp",
        "kubectl cp nope:/tmp here",
        "kubectl cp box:/nope here",
        "kubectl cp box:/out/a site",
        "kubectl cp site/index.html box:/no/such/folder",
        "kubectl cp box:/out here -c c",
    ]), @r#"
    $ kubectl cp site
    error: source and destination are required
    [exit 1]
    $ kubectl cp site other
    error: one of src or dest must be a remote file specification
    [exit 1]
    $ kubectl cp box:/a box:/b
    error: one of src or dest must be a local file specification
    [exit 1]
    $ kubectl cp box: here
    error: filepath can not be empty
    [exit 1]
    $ kubectl cp :a here
    error: filespec must match the canonical format: [[namespace/]pod:]file/path
    [exit 1]
    $ kubectl cp a/b/c:d here
    error: filespec must match the canonical format: [[namespace/]pod:]file/path
    [exit 1]
    $ kubectl cp nope box:/tmp
    error: nope doesn't exist in local filesystem
    [exit 1]
    $ kubectl cp nope:/tmp here
    Error from server (NotFound): pods "nope" not found
    [exit 1]
    $ kubectl cp box:/nope here
    Defaulted container "a" out of: a, b
    tar: removing leading '/' from member names
    tar: /nope: No such file or directory
    tar: error exit delayed from previous errors
    command terminated with exit code 1
    [exit 1]
    $ kubectl cp box:/out/a site
    Defaulted container "a" out of: a, b
    tar: removing leading '/' from member names
    error: open site: is a directory
    [exit 1]
    $ kubectl cp site/index.html box:/no/such/folder
    Defaulted container "a" out of: a, b
    tar: can't change directory to '/no/such': No such file or directory
    command terminated with exit code 1
    [exit 1]
    $ kubectl cp box:/out here -c c
    error: container c is not valid for pod box out of: a, b
    [exit 1]
    "#);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn who_attaches_hears_the_container() {
    let mut session = Session::new();
    assert_snapshot!(session.run(&[
        "kubectl run once -i --rm --image=busybox --restart=Never -- echo hi",
        "kubectl run code -iq --rm --image=busybox --restart=Never -- sh -c 'echo out; echo err >&2; exit 9'",
        "kubectl run ticks --image=busybox -- sh -c 'n=0; while [ $n -lt 4 ]; do n=$((n+1)); echo $n; sleep 2; done'",
        "kubectl attach ticks",
        "kubectl run shell -i --image=busybox --attach=false -- sh",
    ]), @r#"
    $ kubectl run once -i --rm --image=busybox --restart=Never -- echo hi
    All commands and output from this session will be recorded in container logs, including credentials and sensitive information passed through the command prompt.
    If you don't see a command prompt, try pressing enter.
    hi
    pod "once" deleted from default namespace
    $ kubectl run code -iq --rm --image=busybox --restart=Never -- sh -c 'echo out; echo err >&2; exit 9'
    out
    err
    pod default/code terminated (Error)
    [exit 9]
    $ kubectl run ticks --image=busybox -- sh -c 'n=0; while [ $n -lt 4 ]; do n=$((n+1)); echo $n; sleep 2; done'
    pod/ticks created
    $ kubectl attach ticks
    All commands and output from this session will be recorded in container logs, including credentials and sensitive information passed through the command prompt.
    If you don't see a command prompt, try pressing enter.
    2
    3
    4
    $ kubectl run shell -i --image=busybox --attach=false -- sh
    pod/shell created
    "#);
    assert_snapshot!(
        session.0.feed("kubectl run typed -i --rm --image=busybox --restart=Never -- sh", "echo a\nexit 3\n"),
        @r#"
    All commands and output from this session will be recorded in container logs, including credentials and sensitive information passed through the command prompt.
    If you don't see a command prompt, try pressing enter.
    a
    pod "typed" deleted from default namespace
    pod default/typed terminated (Error)
    "#
    );
    assert_snapshot!(session.0.feed("kubectl attach -i shell", "echo from here\nexit\n"), @"
    All commands and output from this session will be recorded in container logs, including credentials and sensitive information passed through the command prompt.
    If you don't see a command prompt, try pressing enter.
    from here
    ");
    assert_snapshot!(session.run(&[
        "kubectl get pods",
        "kubectl logs shell --previous",
        "kubectl attach nope",
        "kubectl attach shell -c nope",
        "kubectl attach",
        "kubectl attach a b c",
        "kubectl attach -it shell",
    ]), @r#"
    $ kubectl get pods
    NAME    READY   STATUS    RESTARTS     AGE
    shell   1/1     Running   1 (0s ago)   2s
    ticks   1/1     Running   1 (2s ago)   11s
    $ kubectl logs shell --previous
    from here
    $ kubectl attach nope
    Error from server (NotFound): pods "nope" not found
    [exit 1]
    $ kubectl attach shell -c nope
    error: cannot attach to the container: container nope is not valid for pod shell out of: shell
    [exit 1]
    $ kubectl attach
    error: at least 1 argument is required for attach
    [exit 1]
    $ kubectl attach a b c
    error: expected POD, TYPE/NAME, or TYPE NAME, (at most 2 arguments) saw 3: [a b c]
    [exit 1]
    $ kubectl attach -it shell
    error: Unable to use a TTY - container shell did not allocate one
    All commands and output from this session will be recorded in container logs, including credentials and sensitive information passed through the command prompt.
    If you don't see a command prompt, try pressing enter.
    "#);
}

const LOGS: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: chatty, labels: {app: chat}}
spec:
  restartPolicy: Never
  initContainers: [{name: i, image: busybox, command: [echo, begun]}]
  containers:
  - {name: a, image: busybox, command: [sh, -c, "for n in 1 2 3; do echo a$n; sleep 2; done"]}
  - {name: b, image: busybox, command: [sh, -c, "sleep 1; for n in 1 2 3; do echo b$n >&2; sleep 2; done"]}
---
apiVersion: v1
kind: Pod
metadata: {name: quiet, labels: {app: chat}, annotations: {kubectl.kubernetes.io/default-container: none}}
spec:
  containers: [{name: c, image: busybox, command: [sleep, "1000"]}, {name: d, image: does-not-exist}]
"#;

#[test]
fn several_logs_are_followed_at_once() {
    let mut session = Session::new();
    session.0.feed("kubectl apply -f -", LOGS);
    assert_snapshot!(session.run(&[
        "kubectl logs chatty --all-containers -f --prefix",
        "kubectl logs chatty",
        "kubectl logs chatty i",
        "kubectl logs -l app=chat -f --all-containers --max-log-requests 3",
        "kubectl logs -l app=chat --all-containers --tail 1",
        "kubectl logs -l app=chat --all-containers --tail 1 --ignore-errors --prefix",
        "kubectl logs chatty quiet extra",
        "kubectl logs",
        "kubectl logs chatty -c a b",
        "kubectl logs chatty a --all-containers",
        "kubectl logs chatty -c nope",
        "kubectl logs chatty -p -c a",
        "kubectl logs quiet",
        "kubectl logs quiet -c d",
        "kubectl logs chatty --tail=-2",
        "kubectl logs chatty --since=1s --since-time=2026-01-01T00:00:00Z",
        "kubectl logs chatty --limit-bytes=-1",
    ]), @r#"
    $ kubectl logs chatty --all-containers -f --prefix
    container "i" in pod "chatty" is waiting to start: PodInitializing
    [pod/chatty/i] begun
    container "a" in pod "chatty" is waiting to start: PodInitializing
    container "a" in pod "chatty" is waiting to start: PodInitializing
    [pod/chatty/a] a1
    [pod/chatty/b] b1
    [pod/chatty/a] a2
    [pod/chatty/b] b2
    [pod/chatty/a] a3
    [pod/chatty/b] b3
    $ kubectl logs chatty
    Defaulted container "a" out of: a, b, i (init)
    a1
    a2
    a3
    $ kubectl logs chatty i
    begun
    $ kubectl logs -l app=chat -f --all-containers --max-log-requests 3
    error: you are attempting to follow 5 log streams, but maximum allowed concurrency is 3, use --max-log-requests to increase the limit
    [exit 1]
    $ kubectl logs -l app=chat --all-containers --tail 1
    begun
    a3
    b3
    Error from server (BadRequest): container "d" in pod "quiet" is waiting to start: trying and failing to pull image
    [exit 1]
    $ kubectl logs -l app=chat --all-containers --tail 1 --ignore-errors --prefix
    [pod/chatty/i] begun
    [pod/chatty/a] a3
    [pod/chatty/b] b3
    error: container "d" in pod "quiet" is waiting to start: trying and failing to pull image
    $ kubectl logs chatty quiet extra
    error: expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.
    POD or TYPE/NAME is a required argument for the logs command
    See 'kubectl logs -h' for help and examples
    [exit 1]
    $ kubectl logs
    error: expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.
    POD or TYPE/NAME is a required argument for the logs command
    See 'kubectl logs -h' for help and examples
    [exit 1]
    $ kubectl logs chatty -c a b
    error: only one of -c or an inline [CONTAINER] arg is allowed
    [exit 1]
    $ kubectl logs chatty a --all-containers
    error: --all-containers=true should not be specified with container name a
    [exit 1]
    $ kubectl logs chatty -c nope
    error: container nope is not valid for pod chatty out of: a, b, i (init)
    [exit 1]
    $ kubectl logs chatty -p -c a
    Error from server (BadRequest): previous terminated container "a" in pod "chatty" not found
    [exit 1]
    $ kubectl logs quiet
    Default container name "none" not found in pod quiet
    Defaulted container "c" out of: c, d
    $ kubectl logs quiet -c d
    Error from server (BadRequest): container "d" in pod "quiet" is waiting to start: trying and failing to pull image
    [exit 1]
    $ kubectl logs chatty --tail=-2
    error: --tail must be greater than or equal to -1
    [exit 1]
    $ kubectl logs chatty --since=1s --since-time=2026-01-01T00:00:00Z
    error: at most one of `sinceTime` or `sinceSeconds` may be specified
    [exit 1]
    $ kubectl logs chatty --limit-bytes=-1
    error: --limit-bytes must be greater than 0
    [exit 1]
    "#);
}
