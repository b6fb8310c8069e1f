//! Somebody at a terminal: what he types into `exec -it`, and what Ctrl-C and Ctrl-D do.

use insta::assert_snapshot;

use super::Session;

const POD: &str = r#"apiVersion: v1
kind: Pod
metadata: {name: box}
spec: {containers: [{name: c, image: busybox, command: [sleep, "100000"]}]}
"#;

#[test]
fn a_shell_is_typed_into() {
    let mut session = Session::new();
    session.apply(POD);
    session.run(&["kubectl wait --for=condition=Ready pod/box"]);
    // The first end of input is cat's, the second the shell's.
    let typed = session.0.typing(
        "kubectl exec -it box -- sh",
        &["x=5", "echo $((x + 1))", "cat", "heard", "\u{3}", "echo back", "\u{3}", "cat > /tmp/file", "kept"],
    );
    assert_snapshot!(typed, @"
    $ kubectl exec -it box -- sh
    / # x=5
    / # echo $((x + 1))
    6
    / # cat
    heard
    heard
    ^C
    / # echo back
    back
    / # ^C
    / # cat > /tmp/file
    kept
    / #
    ");
    assert_snapshot!(session.run(&["kubectl exec box -- cat /tmp/file"]), @"
    $ kubectl exec box -- cat /tmp/file
    kept
    ");
    let typed =
        session.0.typing("kubectl run -it once --image=busybox --restart=Never --rm -- sh", &["echo hello", "exit 3"]);
    assert_snapshot!(typed, @r#"
    $ kubectl run -it once --image=busybox --restart=Never --rm -- sh
    All commands and output from this session will be recorded in container logs, including credentials and sensitive information passed through the command prompt.
    If you don't see a command prompt, try pressing enter.
    / # echo hello
    hello
    / # exit 3
    Session ended, resume using 'kubectl attach once -c once -n default -i -t' command
    pod "once" deleted from default namespace
    pod default/once terminated (Error)
    [exit 3]
    "#);
}
