//! What kstate's own verbs say to a wrong command line.

use insta::assert_snapshot;

use super::Session;

#[test]
fn own_verbs_speak_for_themselves() {
    assert_snapshot!(Session::new().run(&[
        "kstate undo",
        "kubectl create namespace a",
        "kstate undo 99",
        "kubectl create namespace b",
        "kstate undo 99",
        "kstate undo 0",
        "kstate undo two",
        "kstate undo 2",
        "kubectl undo",
        "kstate lesson a b c",
        "kstate cluster delete",
        "kstate undo --help",
    ]), @r#"
    $ kstate undo
    error: there is nothing to undo
    [exit 1]
    $ kubectl create namespace a
    namespace/a created
    $ kstate undo 99
    error: only the last command can be undone
    [exit 1]
    $ kubectl create namespace b
    namespace/b created
    $ kstate undo 99
    error: only the last 2 commands can be undone
    [exit 1]
    $ kstate undo 0
    error: COUNT must be greater than 0
    [exit 1]
    $ kstate undo two
    error: COUNT must be a number, not "two"
    See 'kstate undo --help' for usage.
    [exit 1]
    $ kstate undo 2
    undone: kubectl create namespace b
    undone: kubectl create namespace a
    $ kubectl undo
    error: unknown command "undo" for "kubectl"
    [exit 1]
    $ kstate lesson a b c
    error: accepts at most 1 arg(s), received 3
    See 'kstate lesson --help' for usage.
    [exit 1]
    $ kstate cluster delete
    error: NAME is required
    See 'kstate cluster delete --help' for usage.
    [exit 1]
    $ kstate undo --help
    Take the last command back.

    Options:
        --list=false:
    	List the commands that can be taken back

    Usage:
      kstate undo [COUNT] [options]

    Use "kstate options" for a list of global command-line options (applies to all commands).
    "#);
}

#[test]
fn what_never_goes_is_told_with_what_holds_it() {
    let mut session = Session::new();
    let pod = |name: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  containers:\n  - {{name: c, image: nginx, \
             volumeMounts: [{{name: v, mountPath: /v}}]}}\n  volumes: [{{name: v, persistentVolumeClaim: {{claimName: data}}}}]\n"
        )
    };
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec:\n  \
        accessModes: [ReadWriteOnce]\n  resources: {requests: {storage: 1Gi}}\n";
    session.apply(&format!("{claim}{}{}", pod("a"), pod("b")));
    assert_snapshot!(session.run(&[
        "kubectl delete pvc data",
        "kubectl delete pod b",
        "kubectl delete pvc data",
        r#"kubectl create configmap kept"#,
        r#"kubectl patch configmap kept -p '{"metadata":{"finalizers":["example.com/a"]}}'"#,
        "kubectl delete configmap kept",
    ]), @r#"
    $ kubectl delete pvc data
    persistentvolumeclaim "data" deleted from default namespace
    error: persistentvolumeclaim "data" will never go by itself: kubernetes.io/pvc-protection holds it while pod "a" and pod "b" use it
    hint: delete the pods that use the claim
    [exit 1]
    $ kubectl delete pod b
    pod "b" deleted from default namespace
    $ kubectl delete pvc data
    persistentvolumeclaim "data" deleted from default namespace
    error: persistentvolumeclaim "data" will never go by itself: kubernetes.io/pvc-protection holds it while pod "a" uses it
    hint: delete the pod that uses the claim
    [exit 1]
    $ kubectl create configmap kept
    configmap/kept created
    $ kubectl patch configmap kept -p '{"metadata":{"finalizers":["example.com/a"]}}'
    configmap/kept patched
    $ kubectl delete configmap kept
    configmap "kept" deleted from default namespace
    error: configmap "kept" will never go by itself: its finalizer example.com/a holds it
    hint: remove the finalizers: kubectl patch cm kept --type=merge -p '{"metadata":{"finalizers":null}}'
    [exit 1]
    "#);
}
