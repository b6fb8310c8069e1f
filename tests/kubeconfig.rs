//! kubeconfig files: those that users name, and the one that kstate keeps for its clusters.

use insta::assert_snapshot;

use crate::home::Home;

/// Runs lines as `kubectl`, or as `kstate` where they begin so; `variables` are set for each.
pub fn run(home: &Home, variables: &[(&str, &str)], lines: &[&str]) -> String {
    let mut transcript = String::new();
    for line in lines {
        let (program, words) = match line.strip_prefix("kstate ") {
            Some(words) => ("kstate", words),
            None => ("kubectl", *line),
        };
        let mut command = home.command(words);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::arg0(&mut command, program);
        command.envs(variables.iter().copied());
        let output = command.output().expect("to run it");
        let folder = home.path().display().to_string();
        let said = [output.stderr, output.stdout].concat();
        transcript += &format!("$ {program} {words}\n{}", String::from_utf8_lossy(&said).replace(&folder, "HOME"));
        match output.status.code() {
            Some(0) => {}
            code => transcript += &format!("[exit {}]\n", code.unwrap_or(-1)),
        }
    }
    transcript
}

fn read(home: &Home, file: &str) -> String {
    std::fs::read_to_string(home.path().join("work").join(file)).unwrap_or_else(|e| format!("{e}\n"))
}

#[cfg(unix)]
#[test]
fn a_contexts_cluster_is_the_one_that_is_worked_on() {
    let home = Home::manual();
    assert_snapshot!(run(&home, &[], &[
        "kstate cluster create other --clock manual",
        "create configmap in-other",
        "config get-contexts",
        "--context k3d-deadless get configmap in-other",
        "--cluster k3d-deadless get configmap in-other",
        "--context other get configmap in-other -o name",
        "config set-context away --cluster=k3d-deadless --user=admin@other --namespace=kube-system",
        "config use-context away",
        "get configmap in-other",
        "kstate --cluster other get configmap in-other -o name",
        "kstate --cluster nope get pods",
        "config set-context far --cluster=elsewhere --user=admin@other",
        "--context far get configmap in-other",
        "kstate cluster use other",
        "config get-contexts",
        "get configmap in-other -o name",
        "kstate cluster delete other",
        "config get-contexts",
        "config delete-context k3d-deadless",
        "kstate cluster create third --clock manual",
        "config get-clusters",
        "kstate cluster use k3d-deadless",
        "config current-context",
    ]), @r#"
    $ kstate cluster create other --clock manual
    cluster "other" created
    $ kubectl create configmap in-other
    configmap/in-other created
    $ kubectl config get-contexts
    CURRENT   NAME           CLUSTER        AUTHINFO             NAMESPACE
              k3d-deadless   k3d-deadless   admin@k3d-deadless   
    *         other          other          admin@other          
    $ kubectl --context k3d-deadless get configmap in-other
    Error from server (NotFound): configmaps "in-other" not found
    [exit 1]
    $ kubectl --cluster k3d-deadless get configmap in-other
    Error from server (NotFound): configmaps "in-other" not found
    [exit 1]
    $ kubectl --context other get configmap in-other -o name
    configmap/in-other
    $ kubectl config set-context away --cluster=k3d-deadless --user=admin@other --namespace=kube-system
    Context "away" created.
    $ kubectl config use-context away
    Switched to context "away".
    $ kubectl get configmap in-other
    Error from server (NotFound): configmaps "in-other" not found
    [exit 1]
    $ kstate --cluster other get configmap in-other -o name
    configmap/in-other
    $ kstate --cluster nope get pods
    error: cluster "nope" not found
    hint: kstate cluster create nope makes it; there are: k3d-deadless, other
    [exit 1]
    $ kubectl config set-context far --cluster=elsewhere --user=admin@other
    Context "far" created.
    $ kubectl --context far get configmap in-other
    Error from server (NotFound): configmaps "in-other" not found
    [exit 1]
    $ kstate cluster use other
    using cluster "other"
    $ kubectl config get-contexts
    CURRENT   NAME           CLUSTER        AUTHINFO             NAMESPACE
              away           k3d-deadless   admin@other          kube-system
              far            elsewhere      admin@other          
              k3d-deadless   k3d-deadless   admin@k3d-deadless   
    *         other          other          admin@other          
    $ kubectl get configmap in-other -o name
    configmap/in-other
    $ kstate cluster delete other
    cluster "other" deleted
    $ kubectl config get-contexts
    CURRENT   NAME           CLUSTER        AUTHINFO             NAMESPACE
              away           k3d-deadless   admin@other          kube-system
              far            elsewhere      admin@other          
    *         k3d-deadless   k3d-deadless   admin@k3d-deadless   
    $ kubectl config delete-context k3d-deadless
    warning: this removed your active context, use "kubectl config use-context" to select a different one
    deleted context k3d-deadless from HOME/config
    $ kstate cluster create third --clock manual
    cluster "third" created
    $ kubectl config get-clusters
    NAME
    k3d-deadless
    third
    $ kstate cluster use k3d-deadless
    using cluster "k3d-deadless"
    $ kubectl config current-context
    k3d-deadless
    "#);
}

#[cfg(unix)]
#[test]
fn files_that_are_named_are_read_and_written() {
    let home = Home::manual();
    assert_snapshot!(run(&home, &[("KUBECONFIG", "a:b:a")], &[
        "config view",
        "config set-cluster k3d-deadless --server=https://x --certificate-authority=ca.crt",
        "config set-credentials jane --token=t --kubeconfig=a",
        "config set-context c --cluster=k3d-deadless --user=jane --namespace=kube-system",
        "config use-context c",
        "get sa default -o name",
        "config view -o jsonpath={.users[0].user}",
        "config set-cluster deep --certificate-authority=deep/in/ca.crt --kubeconfig=deep/in/config",
        "config view --kubeconfig=deep/in/config",
        "config view --kubeconfig=deep/in/config --flatten",
        "config get-contexts --kubeconfig=nope",
        "get pods --kubeconfig=nope",
    ]), @r#"
    $ kubectl config view
    apiVersion: v1
    clusters: null
    contexts: null
    current-context: ""
    kind: Config
    users: null
    $ kubectl config set-cluster k3d-deadless --server=https://x --certificate-authority=ca.crt
    Cluster "k3d-deadless" set.
    $ kubectl config set-credentials jane --token=t --kubeconfig=a
    User "jane" set.
    $ kubectl config set-context c --cluster=k3d-deadless --user=jane --namespace=kube-system
    Context "c" created.
    $ kubectl config use-context c
    Switched to context "c".
    $ kubectl get sa default -o name
    error: unable to read certificate-authority HOME/work/ca.crt for k3d-deadless due to open HOME/work/ca.crt: no such file or directory
    [exit 1]
    $ kubectl config view -o jsonpath={.users[0].user}
    {"token":"REDACTED"}$ kubectl config set-cluster deep --certificate-authority=deep/in/ca.crt --kubeconfig=deep/in/config
    Cluster "deep" set.
    $ kubectl config view --kubeconfig=deep/in/config
    apiVersion: v1
    clusters:
    - cluster:
        certificate-authority: ca.crt
        server: ""
      name: deep
    contexts: null
    current-context: ""
    kind: Config
    users: null
    $ kubectl config view --kubeconfig=deep/in/config --flatten
    error: open HOME/work/deep/in/ca.crt: no such file or directory
    [exit 1]
    $ kubectl config get-contexts --kubeconfig=nope
    CURRENT   NAME   CLUSTER   AUTHINFO   NAMESPACE
    $ kubectl get pods --kubeconfig=nope
    error: stat nope: no such file or directory
    [exit 1]
    "#);
    assert_snapshot!(read(&home, "a"), @r#"
    apiVersion: v1
    clusters: null
    contexts:
    - context:
        cluster: k3d-deadless
        namespace: kube-system
        user: jane
      name: c
    current-context: c
    kind: Config
    users:
    - name: jane
      user:
        token: t
    "#);
    assert_snapshot!(read(&home, "b"), @r#"
    apiVersion: v1
    clusters:
    - cluster:
        certificate-authority: ca.crt
        server: https://x
      name: k3d-deadless
    contexts: null
    current-context: ""
    kind: Config
    users: null
    "#);
    home.write("a.lock", "");
    assert_snapshot!(run(&home, &[("KUBECONFIG", "a")], &["config delete-user jane"]), @r#"
    $ kubectl config delete-user jane
    error: open a.lock: file exists
    [exit 1]
    "#);
}

#[cfg(unix)]
#[test]
fn what_is_wrong_with_a_file_is_said_in_gos_words() {
    let home = Home::manual();
    let mut transcript = String::new();
    for text in [
        "a: b: c\n",
        "[1]\n",
        "apiVersion: v1\nkind: Pod\n",
        "apiVersion: v-1\nkind: Config\n",
        "clusters: 3\n",
        "clusters: [{name: a, cluster: {server: 3}}]\n",
        "users: [{name: a, user: {exec: {args: 3}}}]\n",
        "clusters: [{name: a, cluster: {certificate-authority-data: x}}]\n",
        "contexts: [{name: a}, {name: a}]\n",
        "current-context: x\n",
    ] {
        home.write("broken", text);
        transcript += &format!("# {}\n", text.trim_end().replace('\n', ", "));
        transcript += &run(&home, &[], &["get pods --kubeconfig=broken"]);
    }
    home.write("broken", "");
    transcript += &run(&home, &[], &["get ns default -o name --kubeconfig=broken", "config view --kubeconfig=broken"]);
    home.write("broken", "users: [{name: u, user: {as: jane}}]\n");
    transcript += &run(&home, &[], &["auth can-i get pods --kubeconfig=broken --user=u"]);
    assert_snapshot!(transcript, @r#"
    # a: b: c
    $ kubectl get pods --kubeconfig=broken
    error: error loading config file "broken": yaml: mapping values are not allowed in this context
    [exit 1]
    # [1]
    $ kubectl get pods --kubeconfig=broken
    error: error loading config file "broken": couldn't get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }
    [exit 1]
    # apiVersion: v1, kind: Pod
    $ kubectl get pods --kubeconfig=broken
    error: error loading config file "broken": no kind "Pod" is registered for version "v1" in scheme "k8s.io/client-go/tools/clientcmd/api/latest/latest.go:50"
    [exit 1]
    # apiVersion: v-1, kind: Config
    $ kubectl get pods --kubeconfig=broken
    error: error loading config file "broken": no kind "Config" is registered for version "v-1" in scheme "k8s.io/client-go/tools/clientcmd/api/latest/latest.go:50"
    [exit 1]
    # clusters: 3
    $ kubectl get pods --kubeconfig=broken
    error: error loading config file "broken": json: cannot unmarshal number into Go struct field Config.clusters of type []v1.NamedCluster
    [exit 1]
    # clusters: [{name: a, cluster: {server: 3}}]
    $ kubectl get pods --kubeconfig=broken
    error: error loading config file "broken": json: cannot unmarshal number into Go struct field Cluster.clusters.cluster.server of type string
    [exit 1]
    # users: [{name: a, user: {exec: {args: 3}}}]
    $ kubectl get pods --kubeconfig=broken
    error: error loading config file "broken": json: cannot unmarshal number into Go struct field ExecConfig.users.user.exec.args of type []string
    [exit 1]
    # clusters: [{name: a, cluster: {certificate-authority-data: x}}]
    $ kubectl get pods --kubeconfig=broken
    error: error loading config file "broken": illegal base64 data at input byte 0
    [exit 1]
    # contexts: [{name: a}, {name: a}]
    $ kubectl get pods --kubeconfig=broken
    error: error loading config file "broken": error converting *[]NamedContext into *map[string]*api.Context: duplicate name "a" in list: [{a {   []}} {a {   []}}]
    [exit 1]
    # current-context: x
    $ kubectl get pods --kubeconfig=broken
    Error in configuration: context was not found for specified context: x
    [exit 1]
    $ kubectl get ns default -o name --kubeconfig=broken
    namespace/default
    $ kubectl config view --kubeconfig=broken
    apiVersion: v1
    clusters: null
    contexts: null
    current-context: ""
    kind: Config
    users: null
    $ kubectl auth can-i get pods --kubeconfig=broken --user=u
    no
    [exit 1]
    "#);
}

#[cfg(unix)]
#[test]
fn plugins_stand_for_commands_that_kubectl_has_not() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::manual();
    let folder = home.path().join("work");
    for name in ["kubectl-foo", "kubectl-foo-bar_baz", "kubectl-create-thing", "kubectl-get"] {
        home.write(name, "#!/bin/sh\necho \"${0##*/}: $*\"\n");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.join(name), mode).expect("to make it a program");
    }
    home.write("kubectl-plain", "");
    let path = format!("{}:/usr/bin:/bin", folder.display());
    let path = [("PATH", path.as_str())];
    assert_snapshot!(run(&home, &path, &[
        "foo a -b",
        "foo bar-baz c",
        "create thing x",
        "create nothing x",
        "bar",
        "-n x foo",
        "get ns default -o name",
        "plain",
    ]), @r#"
    $ kubectl foo a -b
    kubectl-foo: a -b
    $ kubectl foo bar-baz c
    kubectl-foo-bar_baz: c
    $ kubectl create thing x
    kubectl-create-thing: x
    $ kubectl create nothing x
    error: Unexpected args: [nothing x]
    See 'kubectl create -h' for help and examples
    [exit 1]
    $ kubectl bar
    error: unknown command "bar" for "kubectl"
    [exit 1]
    $ kubectl -n x foo
    Error: flags cannot be placed before plugin name: -n
    [exit 1]
    $ kubectl get ns default -o name
    namespace/default
    $ kubectl plain
    error: unknown command "plain" for "kubectl"

    Did you mean this?
    	explain
    	drain
    	plugin
    [exit 1]
    "#);
    let only = [("PATH", path[0].1.split(':').next().unwrap_or_default())];
    assert_snapshot!(run(&home, &only, &["plugin list", "plugin list --name-only"]), @r#"
    $ kubectl plugin list
      - warning: kubectl-create-thing overwrites existing command: "kubectl create"
      - warning: kubectl-get overwrites existing command: "kubectl get"
      - warning: HOME/work/kubectl-plain identified as a kubectl plugin, but it is not executable
    error: 3 plugin warnings were found
    The following compatible plugins are available:

    HOME/work/kubectl-create-thing
    HOME/work/kubectl-foo
    HOME/work/kubectl-foo-bar_baz
    HOME/work/kubectl-get
    HOME/work/kubectl-plain
    [exit 1]
    $ kubectl plugin list --name-only
      - warning: kubectl-create-thing overwrites existing command: "kubectl create"
      - warning: kubectl-get overwrites existing command: "kubectl get"
      - warning: HOME/work/kubectl-plain identified as a kubectl plugin, but it is not executable
    error: 3 plugin warnings were found
    The following compatible plugins are available:

    kubectl-create-thing
    kubectl-foo
    kubectl-foo-bar_baz
    kubectl-get
    kubectl-plain
    [exit 1]
    "#);
    let help = run(&home, &path, &["help"]);
    assert!(help.contains("  foo           The command foo is a plugin installed by the user\n"), "{help}");
}

#[cfg(unix)]
#[test]
fn versions_too_far_apart_are_warned_of() {
    let home = Home::new();
    home.ok("cluster create --kubernetes-version v1.22");
    assert_snapshot!(run(&home, &[], &[
        "version",
        "version --warnings-as-errors",
        "version --client -o yaml",
        "version -o json",
        "get pods --match-server-version",
        "version -o xml",
        "version a b",
    ]), @r#"
    $ kubectl version
    Warning: version difference between client (1.36) and server (1.22) exceeds the supported minor version skew of +/-1
    Client Version: v1.36.2
    Kustomize Version: v5.8.1
    Server Version: v1.22.2
    $ kubectl version --warnings-as-errors
    error: version difference between client (1.36) and server (1.22) exceeds the supported minor version skew of +/-1
    Client Version: v1.36.2
    Kustomize Version: v5.8.1
    Server Version: v1.22.2
    [exit 1]
    $ kubectl version --client -o yaml
    clientVersion:
      buildDate: "1970-01-01T00:00:00Z"
      compiler: gc
      gitCommit: ""
      gitTreeState: clean
      gitVersion: v1.36.2
      goVersion: go1.26.4
      major: "1"
      minor: "36"
      platform: linux/amd64
    kustomizeVersion: v5.8.1

    $ kubectl version -o json
    Warning: version difference between client (1.36) and server (1.22) exceeds the supported minor version skew of +/-1
    {
      "clientVersion": {
        "major": "1",
        "minor": "36",
        "gitVersion": "v1.36.2",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "go1.26.4",
        "compiler": "gc",
        "platform": "linux/amd64"
      },
      "kustomizeVersion": "v5.8.1",
      "serverVersion": {
        "major": "1",
        "minor": "22",
        "gitVersion": "v1.22.2",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "go1.26.4",
        "compiler": "gc",
        "platform": "linux/amd64"
      }
    }
    $ kubectl get pods --match-server-version
    error: server version (version.Info{Major:"1", Minor:"22", EmulationMajor:"", EmulationMinor:"", MinCompatibilityMajor:"", MinCompatibilityMinor:"", GitVersion:"v1.22.2", GitCommit:"", GitTreeState:"clean", BuildDate:"1970-01-01T00:00:00Z", GoVersion:"go1.26.4", Compiler:"gc", Platform:"linux/amd64"}) differs from client version (version.Info{Major:"1", Minor:"36", EmulationMajor:"", EmulationMinor:"", MinCompatibilityMajor:"", MinCompatibilityMinor:"", GitVersion:"v1.36.2", GitCommit:"", GitTreeState:"clean", BuildDate:"1970-01-01T00:00:00Z", GoVersion:"go1.26.4", Compiler:"gc", Platform:"linux/amd64"})!
    [exit 1]
    $ kubectl version -o xml
    error: --output must be 'yaml' or 'json'
    [exit 1]
    $ kubectl version a b
    error: extra arguments: [a b]
    [exit 1]
    "#);
}
