//! What `kubectl __complete` proposes, as cobra's scripts ask for it.

use insta::assert_snapshot;

use super::Session;

#[test]
fn types_names_flags_and_values_are_proposed() {
    assert_snapshot!(Session::new().run(&[
        "kubectl create deploy web --image=nginx --replicas=2",
        "kubectl create ns lab",
        "kubectl -n lab create cm settings",
        "kubectl __complete ro",
        "kubectl __complete rollout \"\"",
        "kubectl __complete rollout status \"\"",
        "kubectl __complete rollout status deployment \"\"",
        "kubectl __complete get pers",
        "kubectl __complete get pods,perS",
        "kubectl __complete get pods,persistentvolumec",
        "kubectl __complete get nodes k3d-deadless-agent-0 \"\"",
        "kubectl __complete get deploy/",
        "kubectl __complete get deploy/web \"\" --no-headers",
        "kubectl __complete -n lab get cm se",
        "kubectl __complete get cm -n \"\"",
        "kubectl __complete get cm --namespace=l",
        "kubectl __complete get pods -o js",
        "kubectl __complete get pods --show-",
        "kubectl __complete get pods --show-labels --show-",
        "kubectl __complete apply -f \"\"",
        "kubectl __complete exec de",
        "kubectl __complete drain k3d-deadless-s",
        "kubectl __complete config use-context \"\"",
        "kubectl __complete completion \"\"",
        "kubectl __complete get pods --help \"\"",
        "kubectl __completeNoDesc top \"\"",
        "kubectl __complete nonsense \"\"",
        "kubectl __complete why pod",
        "kstate __complete why pod",
        "kstate __complete node \"\"",
        "kstate __complete lesson static",
    ]), @r#"
    $ kubectl create deploy web --image=nginx --replicas=2
    deployment.apps/web created
    $ kubectl create ns lab
    namespace/lab created
    $ kubectl -n lab create cm settings
    configmap/settings created
    $ kubectl __complete ro
    rollout	Manage the rollout of a resource
    :4
    Completion ended with directive: ShellCompDirectiveNoFileComp
    $ kubectl __complete rollout ""
    history	View rollout history
    pause	Mark the provided resource as paused
    restart	Restart a resource
    resume	Resume a paused resource
    status	Show the status of the rollout
    undo	Undo a previous rollout
    :4
    Completion ended with directive: ShellCompDirectiveNoFileComp
    $ kubectl __complete rollout status ""
    deployment
    daemonset
    statefulset
    :4
    Completion ended with directive: ShellCompDirectiveNoFileComp
    $ kubectl __complete rollout status deployment ""
    web
    :4
    Completion ended with directive: ShellCompDirectiveNoFileComp
    $ kubectl __complete get pers
    persistentvolumeclaims
    persistentvolumes
    :4
    Completion ended with directive: ShellCompDirectiveNoFileComp
    $ kubectl __complete get pods,perS
    :4
    Completion ended with directive: ShellCompDirectiveNoFileComp
    $ kubectl __complete get pods,persistentvolumec
    pods,persistentvolumeclaims
    :4
    Completion ended with directive: ShellCompDirectiveNoFileComp
    $ kubectl __complete get nodes k3d-deadless-agent-0 ""
    k3d-deadless-agent-1
    k3d-deadless-server-0
    :4
    Completion ended with directive: ShellCompDirectiveNoFileComp
    $ kubectl __complete get deploy/
    deploy/web
    :4
    Completion ended with directive: ShellCompDirectiveNoFileComp
    $ kubectl __complete get deploy/web "" --no-headers
    --no-headers	When using the default or custom-column output format, don't print headers (default print headers).
    :4
    Completion ended with directive: ShellCompDirectiveNoFileComp
    $ kubectl __complete -n lab get cm se
    settings
    :4
    Completion ended with directive: ShellCompDirectiveNoFileComp
    $ kubectl __complete get cm -n ""
    default
    kube-node-lease
    kube-public
    kube-system
    lab
    :4
    Completion ended with directive: ShellCompDirectiveNoFileComp
    $ kubectl __complete get cm --namespace=l
    lab
    :4
    Completion ended with directive: ShellCompDirectiveNoFileComp
    $ kubectl __complete get pods -o js
    json
    jsonpath
    jsonpath-as-json
    jsonpath-file
    :4
    Completion ended with directive: ShellCompDirectiveNoFileComp
    $ kubectl __complete get pods --show-
    --show-kind	If present, list the resource type for the requested object(s).
    --show-labels	When printing, show all labels as the last column (default hide labels column)
    --show-managed-fields	If true, keep the managedFields when printing objects in JSON or YAML format.
    :4
    Completion ended with directive: ShellCompDirectiveNoFileComp
    $ kubectl __complete get pods --show-labels --show-
    --show-kind	If present, list the resource type for the requested object(s).
    --show-managed-fields	If true, keep the managedFields when printing objects in JSON or YAML format.
    :4
    Completion ended with directive: ShellCompDirectiveNoFileComp
    $ kubectl __complete apply -f ""
    json
    yaml
    yml
    :8
    Completion ended with directive: ShellCompDirectiveFilterFileExt
    $ kubectl __complete exec de
    deployments/
    :6
    Completion ended with directive: ShellCompDirectiveNoSpace, ShellCompDirectiveNoFileComp
    $ kubectl __complete drain k3d-deadless-s
    k3d-deadless-server-0
    :4
    Completion ended with directive: ShellCompDirectiveNoFileComp
    $ kubectl __complete config use-context ""
    k3d-deadless
    :4
    Completion ended with directive: ShellCompDirectiveNoFileComp
    $ kubectl __complete completion ""
    bash
    fish
    powershell
    zsh
    :4
    Completion ended with directive: ShellCompDirectiveNoFileComp
    $ kubectl __complete get pods --help ""
    :4
    Completion ended with directive: ShellCompDirectiveNoFileComp
    $ kubectl __completeNoDesc top ""
    node
    pod
    :4
    Completion ended with directive: ShellCompDirectiveNoFileComp
    $ kubectl __complete nonsense ""
    [Error] unable to find a command for arguments: [nonsense]
    :0
    Completion ended with directive: ShellCompDirectiveDefault
    $ kubectl __complete why pod
    [Error] unable to find a command for arguments: [why]
    :0
    Completion ended with directive: ShellCompDirectiveDefault
    $ kstate __complete why pod
    pods
    podtemplates
    poddisruptionbudgets.policy
    :4
    Completion ended with directive: ShellCompDirectiveNoFileComp
    $ kstate __complete node ""
    add	Add a node
    disk	List the disks of nodes, put some in, break them or take them out
    exec	Run a command on a node, or on a server that volumes lie on
    label	Label a node; zone and region stand for their well-known labels
    start	The node's kubelet comes back
    stop	The node's kubelet stops answering
    :4
    Completion ended with directive: ShellCompDirectiveNoFileComp
    $ kstate __complete lesson static
    static-pv
    :0
    Completion ended with directive: ShellCompDirectiveDefault
    "#);
}

#[test]
fn containers_are_proposed() {
    assert_snapshot!(Session::new().run(&[
        "kubectl run web --image=nginx",
        "kubectl __complete logs \"\"",
        "kubectl __complete logs web \"\"",
        "kubectl __complete exec web -c \"\"",
        "kubectl __complete exec web -- \"\"",
        "kubectl __complete port-forward w",
    ]), @r#"
    $ kubectl run web --image=nginx
    pod/web created
    $ kubectl __complete logs ""
    web
    daemonsets/
    deployments/
    pods/
    jobs/
    replicasets/
    replicationcontrollers/
    services/
    statefulsets/
    :4
    Completion ended with directive: ShellCompDirectiveNoFileComp
    $ kubectl __complete logs web ""
    web
    :4
    Completion ended with directive: ShellCompDirectiveNoFileComp
    $ kubectl __complete exec web -c ""
    web
    :4
    Completion ended with directive: ShellCompDirectiveNoFileComp
    $ kubectl __complete exec web -- ""
    :4
    Completion ended with directive: ShellCompDirectiveNoFileComp
    $ kubectl __complete port-forward w
    web
    :4
    Completion ended with directive: ShellCompDirectiveNoFileComp
    "#);
}

#[test]
fn scripts_ask_for_it() {
    let shown = Session::new().run(&["kubectl completion bash", "kubectl completion zsh", "kubectl completion fish"]);
    for expected in [
        "complete -o default -F __start_kubectl kubectl",
        "${words[0]} __complete",
        "compdef _kubectl kubectl",
        "complete -c kubectl -f -a '(__kubectl_complete)'",
    ] {
        assert!(shown.contains(expected), "{expected}");
    }
    assert!(!shown.contains("PROGRAM"));
    assert_snapshot!(Session::new().run(&["kubectl completion tcsh"]), @r#"
    $ kubectl completion tcsh
    error: Unsupported shell type "tcsh".
    See 'kubectl completion -h' for help and examples
    [exit 1]
    "#);
}
