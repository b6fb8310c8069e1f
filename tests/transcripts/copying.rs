//! `kubectl cp`, `attach` and `run -i`: files and streams between here and a container.

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
