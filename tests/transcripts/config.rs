//! `kubectl config`: what it says, and what becomes of the kubeconfig.

use insta::assert_snapshot;

use super::Session;

#[test]
fn contexts_are_made_chosen_renamed_and_deleted() {
    assert_snapshot!(Session::new().run(&[
        "kubectl config current-context",
        "kubectl config get-contexts",
        "kubectl config set-context dev --cluster=k3d-deadless --user=admin@k3d-deadless --namespace=kube-system",
        "kubectl config set-context dev --user=jane",
        "kubectl config set-context dev --user=admin@k3d-deadless",
        "kubectl config use-context nope",
        "kubectl config use-context dev",
        "kubectl config use-context",
        "kubectl config get-contexts",
        "kubectl config get-contexts -o name",
        "kubectl config get-contexts dev nope neither",
        "kubectl config get-contexts -o wide",
        "kubectl create configmap here",
        "kubectl get configmap here -n kube-system -o name",
        "kubectl get configmap here -n default",
        "kubectl config set-context --current --namespace=default",
        "kubectl get configmap here",
        "kubectl config set-context",
        "kubectl config set-context dev --current",
        "kubectl config rename-context dev dev2",
        "kubectl config rename-context nope dev",
        "kubectl config rename-context dev2 k3d-deadless",
        "kubectl config current-context",
        "kubectl config delete-context nope",
        "kubectl config delete-context dev2",
        "kubectl config unset current-context",
        "kubectl config current-context",
        "kubectl config delete-user",
        "kubectl config delete-user nope",
        "kubectl config delete-cluster k3d-deadless",
        "kubectl config get-clusters",
        "kubectl config get-users",
    ]), @r#"
    $ kubectl config current-context
    k3d-deadless
    $ kubectl config get-contexts
    CURRENT   NAME           CLUSTER        AUTHINFO             NAMESPACE
    *         k3d-deadless   k3d-deadless   admin@k3d-deadless   
    $ kubectl config set-context dev --cluster=k3d-deadless --user=admin@k3d-deadless --namespace=kube-system
    Context "dev" created.
    $ kubectl config set-context dev --user=jane
    Context "dev" modified.
    $ kubectl config set-context dev --user=admin@k3d-deadless
    Context "dev" modified.
    $ kubectl config use-context nope
    error: no context exists with the name: "nope"
    [exit 1]
    $ kubectl config use-context dev
    Switched to context "dev".
    $ kubectl config use-context
    Set the current-context in a kubeconfig file.

    Aliases:
    use-context, use

    Examples:
      # Use the context for the minikube cluster
      kubectl config use-context minikube

    Usage:
      kubectl config use-context CONTEXT_NAME [options]

    Use "kubectl options" for a list of global command-line options (applies to all commands).
    error: Unexpected args: []
    [exit 1]
    $ kubectl config get-contexts
    CURRENT   NAME           CLUSTER        AUTHINFO             NAMESPACE
    *         dev            k3d-deadless   admin@k3d-deadless   kube-system
              k3d-deadless   k3d-deadless   admin@k3d-deadless   
    $ kubectl config get-contexts -o name
    dev
    k3d-deadless
    $ kubectl config get-contexts dev nope neither
    CURRENT   NAME   CLUSTER        AUTHINFO             NAMESPACE
    *         dev    k3d-deadless   admin@k3d-deadless   kube-system
    context nope not found
    context neither not found
    [exit 1]
    $ kubectl config get-contexts -o wide
    error: --output wide is not available in kubectl config get-contexts; resetting to default output format
    [exit 1]
    $ kubectl create configmap here
    configmap/here created
    $ kubectl get configmap here -n kube-system -o name
    configmap/here
    $ kubectl get configmap here -n default
    Error from server (NotFound): configmaps "here" not found
    [exit 1]
    $ kubectl config set-context --current --namespace=default
    Context "dev" modified.
    $ kubectl get configmap here
    Error from server (NotFound): configmaps "here" not found
    [exit 1]
    $ kubectl config set-context
    error: you must specify a non-empty context name or --current
    [exit 1]
    $ kubectl config set-context dev --current
    error: you cannot specify both a context name and --current
    [exit 1]
    $ kubectl config rename-context dev dev2
    Context "dev" renamed to "dev2".
    $ kubectl config rename-context nope dev
    error: cannot rename the context "nope", it's not in ~/.kube/config
    [exit 1]
    $ kubectl config rename-context dev2 k3d-deadless
    error: cannot rename the context "dev2", the context "k3d-deadless" already exists in ~/.kube/config
    [exit 1]
    $ kubectl config current-context
    dev2
    $ kubectl config delete-context nope
    error: cannot delete context nope, not in ~/.kube/config
    [exit 1]
    $ kubectl config delete-context dev2
    warning: this removed your active context, use "kubectl config use-context" to select a different one
    deleted context dev2 from ~/.kube/config
    $ kubectl config unset current-context
    Property "current-context" unset.
    $ kubectl config current-context
    error: current-context is not set
    [exit 1]
    $ kubectl config delete-user
    error: user to delete is required
    See 'kubectl config delete-user -h' for help and examples
    [exit 1]
    $ kubectl config delete-user nope
    error: cannot delete user nope, not in ~/.kube/config
    [exit 1]
    $ kubectl config delete-cluster k3d-deadless
    deleted cluster k3d-deadless from ~/.kube/config
    $ kubectl config get-clusters
    NAME
    $ kubectl config get-users
    NAME
    admin@k3d-deadless
    "#);
}

#[test]
fn properties_are_set_by_the_way_that_leads_to_them() {
    assert_snapshot!(Session::new().run(&[
        "kubectl config set clusters.my.cluster.server https://1.2.3.4",
        "kubectl config set clusters.my.cluster.insecure-skip-tls-verify maybe",
        "kubectl config set clusters.my.cluster.insecure-skip-tls-verify true",
        "kubectl config set clusters.my.cluster.certificate-authority-data !!",
        "kubectl config set clusters.my.cluster.certificate-authority-data raw --set-raw-bytes",
        "kubectl config set contexts.dev.cluster my.cluster",
        "kubectl config set preferences.colors true",
        "kubectl config set foo bar",
        "kubectl config set clusters.my.cluster.server.foo bar",
        "kubectl config set users.jane.exec.command bar",
        "kubectl config set current-context ''",
        "kubectl config set current-context dev",
        "kubectl config view --minify",
        "kubectl config unset contexts.dev.cluster",
        "kubectl config unset clusters.none.server",
        "kubectl config unset clusters.my.cluster",
        "kubectl config unset preferences",
        "kubectl config view --minify --raw",
    ]), @r#"
    $ kubectl config set clusters.my.cluster.server https://1.2.3.4
    Property "clusters.my.cluster.server" set.
    $ kubectl config set clusters.my.cluster.insecure-skip-tls-verify maybe
    error: strconv.ParseBool: parsing "maybe": invalid syntax
    [exit 1]
    $ kubectl config set clusters.my.cluster.insecure-skip-tls-verify true
    Property "clusters.my.cluster.insecure-skip-tls-verify" set.
    $ kubectl config set clusters.my.cluster.certificate-authority-data !!
    error: error decoding input value: illegal base64 data at input byte 0
    [exit 1]
    $ kubectl config set clusters.my.cluster.certificate-authority-data raw --set-raw-bytes
    Property "clusters.my.cluster.certificate-authority-data" set.
    $ kubectl config set contexts.dev.cluster my.cluster
    Property "contexts.dev.cluster" set.
    $ kubectl config set preferences.colors true
    Property "preferences.colors" set.
    $ kubectl config set foo bar
    error: unable to parse foo after [] at api.Config
    [exit 1]
    $ kubectl config set clusters.my.cluster.server.foo bar
    error: unable to parse one or more field values of clusters.my.cluster.server.foo
    [exit 1]
    $ kubectl config set users.jane.exec.command bar
    error: unable to parse one or more field values of users.jane.exec.command
    [exit 1]
    $ kubectl config set current-context ''
    error: you cannot use set to unset a property
    [exit 1]
    $ kubectl config set current-context dev
    Property "current-context" set.
    $ kubectl config view --minify
    apiVersion: v1
    clusters:
    - cluster:
        certificate-authority-data: DATA+OMITTED
        insecure-skip-tls-verify: true
        server: https://1.2.3.4
      name: my.cluster
    contexts:
    - context:
        cluster: my.cluster
        user: ""
      name: dev
    current-context: dev
    kind: Config
    preferences:
      colors: true
    users: null
    $ kubectl config unset contexts.dev.cluster
    Property "contexts.dev.cluster" unset.
    $ kubectl config unset clusters.none.server
    error: current map key `none` is invalid
    [exit 1]
    $ kubectl config unset clusters.my.cluster
    Property "clusters.my.cluster" unset.
    $ kubectl config unset preferences
    Property "preferences" unset.
    $ kubectl config view --minify --raw
    apiVersion: v1
    clusters: null
    contexts:
    - context:
        cluster: ""
        user: ""
      name: dev
    current-context: dev
    kind: Config
    users: null
    "#);
}

#[test]
fn secrets_are_shown_on_request_only() {
    assert_snapshot!(Session::new().run(&[
        "kubectl config set-credentials jane --token=secret",
        "kubectl config set-credentials jane --token=secret --username=x",
        "kubectl config set-credentials joe --username=joe --password=hidden",
        "kubectl config set-credentials tool --exec-command=tool --exec-api-version=client.authentication.k8s.io/v1 --exec-arg=a,b --exec-env=A=1",
        "kubectl config set-credentials tool --exec-interactive-mode=Sometimes",
        "kubectl config set-credentials tool --exec-interactive-mode=Never --exec-env=B=2 --exec-env=A-",
        "kubectl config set-credentials idp --auth-provider=oidc --auth-provider-arg=id=x --auth-provider-arg=secret=y",
        "kubectl config set-credentials idp --auth-provider-arg=secret-",
        "kubectl config view",
        "kubectl config view -o jsonpath='{.users[?(@.name==\"jane\")].user.token}{\"\\n\"}' --raw",
        "kubectl config view -o json",
        "kubectl config view --template={{.kind}}",
        "kubectl config view -o wide",
        "kubectl config view --merge=false",
        "kubectl config view foo",
    ]), @r#"
    $ kubectl config set-credentials jane --token=secret
    User "jane" set.
    $ kubectl config set-credentials jane --token=secret --username=x
    error: you cannot specify more than one authentication method at the same time: --token, --username/--password
    [exit 1]
    $ kubectl config set-credentials joe --username=joe --password=hidden
    User "joe" set.
    $ kubectl config set-credentials tool --exec-command=tool --exec-api-version=client.authentication.k8s.io/v1 --exec-arg=a,b --exec-env=A=1
    User "tool" set.
    $ kubectl config set-credentials tool --exec-interactive-mode=Sometimes
    error: invalid interactive mode type, can be only IfAvailable, Never, Always
    [exit 1]
    $ kubectl config set-credentials tool --exec-interactive-mode=Never --exec-env=B=2 --exec-env=A-
    User "tool" set.
    $ kubectl config set-credentials idp --auth-provider=oidc --auth-provider-arg=id=x --auth-provider-arg=secret=y
    User "idp" set.
    $ kubectl config set-credentials idp --auth-provider-arg=secret-
    User "idp" set.
    $ kubectl config view
    apiVersion: v1
    clusters:
    - cluster:
        certificate-authority-data: DATA+OMITTED
        server: https://127.0.0.1:6443
      name: k3d-deadless
    contexts:
    - context:
        cluster: k3d-deadless
        user: admin@k3d-deadless
      name: k3d-deadless
    current-context: k3d-deadless
    kind: Config
    users:
    - name: admin@k3d-deadless
      user:
        client-certificate-data: DATA+OMITTED
        client-key-data: DATA+OMITTED
    - name: idp
      user:
        auth-provider:
          config:
            id: x
          name: oidc
    - name: jane
      user:
        token: REDACTED
    - name: joe
      user:
        password: REDACTED
        username: joe
    - name: tool
      user:
        exec:
          apiVersion: client.authentication.k8s.io/v1
          args:
          - a
          - b
          command: tool
          env:
          - name: B
            value: "2"
          interactiveMode: Never
          provideClusterInfo: false
    $ kubectl config view -o jsonpath='{.users[?(@.name=="jane")].user.token}{"\n"}' --raw
    secret
    $ kubectl config view -o json
    {
        "kind": "Config",
        "apiVersion": "v1",
        "clusters": [
            {
                "name": "k3d-deadless",
                "cluster": {
                    "server": "https://127.0.0.1:6443",
                    "certificate-authority-data": "DATA+OMITTED"
                }
            }
        ],
        "users": [
            {
                "name": "admin@k3d-deadless",
                "user": {
                    "client-certificate-data": "DATA+OMITTED",
                    "client-key-data": "DATA+OMITTED"
                }
            },
            {
                "name": "idp",
                "user": {
                    "auth-provider": {
                        "name": "oidc",
                        "config": {
                            "id": "x"
                        }
                    }
                }
            },
            {
                "name": "jane",
                "user": {
                    "token": "REDACTED"
                }
            },
            {
                "name": "joe",
                "user": {
                    "username": "joe",
                    "password": "REDACTED"
                }
            },
            {
                "name": "tool",
                "user": {
                    "exec": {
                        "command": "tool",
                        "args": [
                            "a",
                            "b"
                        ],
                        "env": [
                            {
                                "name": "B",
                                "value": "2"
                            }
                        ],
                        "apiVersion": "client.authentication.k8s.io/v1",
                        "provideClusterInfo": false,
                        "interactiveMode": "Never"
                    }
                }
            }
        ],
        "contexts": [
            {
                "name": "k3d-deadless",
                "context": {
                    "cluster": "k3d-deadless",
                    "user": "admin@k3d-deadless"
                }
            }
        ],
        "current-context": "k3d-deadless"
    }
    $ kubectl config view --template={{.kind}}
    Config$ kubectl config view -o wide
    error: unable to match a printer suitable for the output format "wide", allowed formats are: go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,name,template,templatefile,yaml
    [exit 1]
    $ kubectl config view --merge=false
    error: if merge==false a precise file must be specified
    [exit 1]
    $ kubectl config view foo
    error: unexpected arguments: [foo]
    See 'kubectl config view -h' for help and examples
    [exit 1]
    "#);
}

#[test]
fn what_does_not_exist_is_named() {
    assert_snapshot!(Session::new().run(&[
        "kubectl get pods --context=nope",
        "kubectl get pods --context=nope -n x",
        "kubectl get pods --user=nope",
        "kubectl get pods --cluster=nope",
        "kubectl version --cluster=nope",
        "kubectl version --client --cluster=nope --user=nope --context=nope",
        "kubectl config view --context=nope -o jsonpath={.current-context}",
        "kubectl get pods --as-group=g",
        "kubectl get pods --as-uid=u -n x",
        "kubectl get pods --token=a --username=b",
        "kubectl get pods --client-certificate=/nope",
        "kubectl get pods --certificate-authority=/nope",
        "kubectl get pods --request-timeout=soon",
        "kubectl get pods --kubeconfig=nope",
        "kubectl config current-context --kubeconfig=nope",
    ]), @r#"
    $ kubectl get pods --context=nope
    Error in configuration: context was not found for specified context: nope
    [exit 1]
    $ kubectl get pods --context=nope -n x
    error: context "nope" does not exist
    [exit 1]
    $ kubectl get pods --user=nope
    error: auth info "nope" does not exist
    [exit 1]
    $ kubectl get pods --cluster=nope
    error: no server found for cluster "nope"
    [exit 1]
    $ kubectl version --cluster=nope
    error: cluster "nope" does not exist
    [exit 1]
    $ kubectl version --client --cluster=nope --user=nope --context=nope
    Client Version: v1.36.2
    Kustomize Version: v5.8.1
    $ kubectl config view --context=nope -o jsonpath={.current-context}
    k3d-deadless$ kubectl get pods --as-group=g
    error: requesting uid, groups or user-extra for admin@k3d-deadless without impersonating a user
    [exit 1]
    $ kubectl get pods --as-uid=u -n x
    Error in configuration: requesting uid, groups or user-extra for admin@k3d-deadless without impersonating a user
    [exit 1]
    $ kubectl get pods --token=a --username=b
    error: more than one authentication method found for admin@k3d-deadless; found [token basicAuth], only one is allowed
    [exit 1]
    $ kubectl get pods --client-certificate=/nope
    error: unable to read client-cert /nope for admin@k3d-deadless due to open /nope: no such file or directory
    [exit 1]
    $ kubectl get pods --certificate-authority=/nope
    error: unable to read certificate-authority /nope for k3d-deadless due to open /nope: no such file or directory
    [exit 1]
    $ kubectl get pods --request-timeout=soon
    error: Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a corresponding time unit (e.g. 1s | 2m | 3h)
    [exit 1]
    $ kubectl get pods --kubeconfig=nope
    error: stat nope: no such file or directory
    [exit 1]
    $ kubectl config current-context --kubeconfig=nope
    error: current-context is not set
    [exit 1]
    "#);
}
