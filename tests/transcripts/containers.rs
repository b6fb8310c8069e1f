//! How `exec`, `attach`, `logs`, `port-forward` and `cp` come from what is named to a container, and what they say of it.

use insta::assert_snapshot;
use kstate::api::Duration;

use super::Session;

const OBJECTS: &str = r#"
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 2
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      initContainers: [{name: prepare, image: busybox}]
      containers:
      - {name: db, image: postgres, ports: [{name: sql, containerPort: 5432}, {name: dns, containerPort: 53, protocol: UDP}]}
      - {name: watcher, image: busybox}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: none}
spec:
  replicas: 0
  selector: {matchLabels: {app: none}}
  template:
    metadata: {labels: {app: none}}
    spec: {containers: [{name: c, image: nginx}]}
---
apiVersion: v1
kind: Service
metadata: {name: db}
spec:
  selector: {app: db}
  ports: [{name: main, port: 80, targetPort: sql}, {name: dns, port: 53, protocol: UDP}]
---
apiVersion: v1
kind: Pod
metadata: {name: one}
spec: {nodeName: k3d-deadless-agent-0, containers: [{name: c, image: nginx}]}
---
apiVersion: v1
kind: Pod
metadata: {name: broken}
spec: {containers: [{name: c, image: does-not-exist}]}
---
apiVersion: v1
kind: Pod
metadata: {name: homeless}
spec: {nodeSelector: {disk: fast}, containers: [{name: c, image: nginx}]}
"#;

fn session() -> Session {
    let mut session = Session::new();
    session.apply(OBJECTS);
    session.0.advance(Duration::secs(60));
    session
}

#[test]
fn exec_finds_a_container_or_says_why_not() {
    assert_snapshot!(session().run(&[
        "kubectl exec",
        "kubectl exec one",
        "kubectl exec one ls",
        "kubectl exec one --pod-running-timeout=0s -- ls",
        "kubectl exec a,b/c -- ls",
        "kubectl exec deploy/nope -- ls",
        "kubectl exec deploy/none -- ls",
        "kubectl exec svc/kubernetes -- ls",
        "kubectl exec cm/kube-root-ca.crt -- ls",
        "kubectl exec sts/db -- ls",
        "kubectl exec -it svc/db -q -- sh",
        "kubectl exec one -c nope -- ls",
        "kubectl exec homeless -- ls",
        "kubectl exec broken -- ls",
        "kubectl exec one --as jane -- ls",
        "kubectl create role looker --verb=get --resource=pods",
        "kubectl create rolebinding looker --role=looker --user=jane",
        "kubectl exec one --as jane -- ls",
        "kubectl logs one --as jane",
    ]), @r#"
    $ kubectl exec
    error: pod, type/name or --filename must be specified
    [exit 1]
    $ kubectl exec one
    error: you must specify at least one command for the container
    [exit 1]
    $ kubectl exec one ls
    error: exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead
    See 'kubectl exec -h' for help and examples
    [exit 1]
    $ kubectl exec one --pod-running-timeout=0s -- ls
    error: --pod-running-timeout must be higher than zero
    See 'kubectl exec -h' for help and examples
    [exit 1]
    $ kubectl exec a,b/c -- ls
    error: arguments in resource/name form must have a single resource and name
    [exit 1]
    $ kubectl exec deploy/nope -- ls
    Error from server (NotFound): deployments.apps "nope" not found
    [exit 1]
    $ kubectl exec deploy/none -- ls
    error: timed out waiting for the condition
    [exit 1]
    $ kubectl exec svc/kubernetes -- ls
    error: cannot attach to *v1.Service: invalid service 'kubernetes': Service is defined without a selector
    [exit 1]
    $ kubectl exec cm/kube-root-ca.crt -- ls
    error: cannot attach to *v1.ConfigMap: selector for *v1.ConfigMap not implemented
    [exit 1]
    $ kubectl exec sts/db -- ls
    Defaulted container "db" out of: db, watcher, prepare (init)
    error: Internal error occurred: unable to upgrade connection: container not found ("db")
    [exit 1]
    $ kubectl exec -it svc/db -q -- sh
    error: Internal error occurred: unable to upgrade connection: container not found ("db")
    [exit 1]
    $ kubectl exec one -c nope -- ls
    error: container nope is not valid for pod one out of: c
    [exit 1]
    $ kubectl exec homeless -- ls
    error: unable to upgrade connection: pod homeless does not have a host assigned
    [exit 1]
    $ kubectl exec broken -- ls
    error: Internal error occurred: unable to upgrade connection: container not found ("c")
    [exit 1]
    $ kubectl exec one --as jane -- ls
    Error from server (Forbidden): pods "one" is forbidden: User "jane" cannot get resource "pods" in API group "" in the namespace "default"
    [exit 1]
    $ kubectl create role looker --verb=get --resource=pods
    role.rbac.authorization.k8s.io/looker created
    $ kubectl create rolebinding looker --role=looker --user=jane
    rolebinding.rbac.authorization.k8s.io/looker created
    $ kubectl exec one --as jane -- ls
    error: unable to upgrade connection: pods "one" is forbidden: User "jane" cannot create resource "pods/exec" in API group "" in the namespace "default"
    [exit 1]
    $ kubectl logs one --as jane
    Error from server (Forbidden): pods "one" is forbidden: User "jane" cannot get resource "pods/log" in API group "" in the namespace "default"
    [exit 1]
    "#);
}

#[test]
fn attach_and_run_say_what_they_do() {
    assert_snapshot!(session().run(&[
        "kubectl attach",
        "kubectl attach a b c",
        "kubectl attach sts db",
        "kubectl attach -it one",
        "kubectl attach one -c nope",
        "kubectl attach homeless -q",
        "kubectl run shell -it --rm --image=busybox",
        "kubectl run stuck --attach --image=does-not-exist",
    ]), @r#"
    $ kubectl attach
    error: at least 1 argument is required for attach
    [exit 1]
    $ kubectl attach a b c
    error: expected POD, TYPE/NAME, or TYPE NAME, (at most 2 arguments) saw 3: [a b c]
    [exit 1]
    $ kubectl attach sts db
    Defaulted container "db" out of: db, watcher, prepare (init)
    All commands and output from this session will be recorded in container logs, including credentials and sensitive information passed through the command prompt.
    If you don't see a command prompt, try pressing enter.
    error: Internal error occurred: unable to upgrade connection: container db not found in pod db-0_default
    [exit 1]
    $ kubectl attach -it one
    error: Unable to use a TTY - container c did not allocate one
    All commands and output from this session will be recorded in container logs, including credentials and sensitive information passed through the command prompt.
    If you don't see a command prompt, try pressing enter.
    hint: the command would never end by itself; it was interrupted after an hour on the cluster's clock
    [exit 130]
    $ kubectl attach one -c nope
    error: cannot attach to the container: container nope is not valid for pod one out of: c
    [exit 1]
    $ kubectl attach homeless -q
    error: unable to upgrade connection: pod homeless does not have a host assigned
    [exit 1]
    $ kubectl run shell -it --rm --image=busybox
    Unable to use a TTY - input is not a terminal or the right kind of file
    All commands and output from this session will be recorded in container logs, including credentials and sensitive information passed through the command prompt.
    If you don't see a command prompt, try pressing enter.
    / # 
    pod "shell" deleted from default namespace
    $ kubectl run stuck --attach --image=does-not-exist
    error: timed out waiting for the condition
    [exit 1]
    "#);
}

#[test]
fn logs_of_objects_and_of_containers_that_wait() {
    let mut session = session();
    assert_snapshot!(session.run(&[
        "kubectl logs",
        "kubectl logs pods one two",
        "kubectl logs one two -c three",
        "kubectl logs one -l app=db",
        "kubectl logs deploy/nope",
        "kubectl logs deploy/none",
        "kubectl logs sts/db",
        "kubectl logs sts/db -c nope",
        "kubectl logs sts/db --all-pods --all-containers --ignore-errors",
        "kubectl logs -l app=db --prefix",
        "kubectl logs -l app=db --all-containers -f",
        "kubectl logs -l app=nope",
        "kubectl logs one -p",
        "kubectl logs one --since=1s --since-time=2026-01-01T00:00:00Z",
        "kubectl logs one --since=x",
        "kubectl logs one --since=100ms",
        "kubectl logs homeless",
        "kubectl logs broken",
    ]), @r#"
    $ kubectl logs
    error: expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.
    POD or TYPE/NAME is a required argument for the logs command
    See 'kubectl logs -h' for help and examples
    [exit 1]
    $ kubectl logs pods one two
    error: expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.
    POD or TYPE/NAME is a required argument for the logs command
    See 'kubectl logs -h' for help and examples
    [exit 1]
    $ kubectl logs one two -c three
    error: only one of -c or an inline [CONTAINER] arg is allowed
    [exit 1]
    $ kubectl logs one -l app=db
    error: only a selector (-l) or a POD name is allowed
    See 'kubectl logs -h' for help and examples
    [exit 1]
    $ kubectl logs deploy/nope
    error: error from server (NotFound): deployments.apps "nope" not found in namespace "default"
    [exit 1]
    $ kubectl logs deploy/none
    error: timed out waiting for the condition
    [exit 1]
    $ kubectl logs sts/db
    Found 2 pods, using pod/db-0
    Defaulted container "db" out of: db, watcher, prepare (init)
    Error: Database is uninitialized and superuser password is not specified.
           You must specify POSTGRES_PASSWORD to a non-empty value for the
           superuser. For example, "-e POSTGRES_PASSWORD=password" on "docker run".

           You may also use "POSTGRES_HOST_AUTH_METHOD=trust" to allow all
           connections without a password. This is *not* recommended.

           See PostgreSQL documentation about "trust":
           https://www.postgresql.org/docs/current/auth-trust.html
    $ kubectl logs sts/db -c nope
    Found 2 pods, using pod/db-0
    error: container nope is not valid for pod db-0 out of: db, watcher, prepare (init)
    [exit 1]
    $ kubectl logs sts/db --all-pods --all-containers --ignore-errors
    [pod/db-0/db] Error: Database is uninitialized and superuser password is not specified.
    [pod/db-0/db]        You must specify POSTGRES_PASSWORD to a non-empty value for the
    [pod/db-0/db]        superuser. For example, "-e POSTGRES_PASSWORD=password" on "docker run".
    [pod/db-0/db] 
    [pod/db-0/db]        You may also use "POSTGRES_HOST_AUTH_METHOD=trust" to allow all
    [pod/db-0/db]        connections without a password. This is *not* recommended.
    [pod/db-0/db] 
    [pod/db-0/db]        See PostgreSQL documentation about "trust":
    [pod/db-0/db]        https://www.postgresql.org/docs/current/auth-trust.html
    [pod/db-1/db] Error: Database is uninitialized and superuser password is not specified.
    [pod/db-1/db]        You must specify POSTGRES_PASSWORD to a non-empty value for the
    [pod/db-1/db]        superuser. For example, "-e POSTGRES_PASSWORD=password" on "docker run".
    [pod/db-1/db] 
    [pod/db-1/db]        You may also use "POSTGRES_HOST_AUTH_METHOD=trust" to allow all
    [pod/db-1/db]        connections without a password. This is *not* recommended.
    [pod/db-1/db] 
    [pod/db-1/db]        See PostgreSQL documentation about "trust":
    [pod/db-1/db]        https://www.postgresql.org/docs/current/auth-trust.html
    $ kubectl logs -l app=db --prefix
    Defaulted container "db" out of: db, watcher, prepare (init)
    Defaulted container "db" out of: db, watcher, prepare (init)
    [pod/db-0/db] Error: Database is uninitialized and superuser password is not specified.
    [pod/db-0/db]        You must specify POSTGRES_PASSWORD to a non-empty value for the
    [pod/db-0/db]        superuser. For example, "-e POSTGRES_PASSWORD=password" on "docker run".
    [pod/db-0/db] 
    [pod/db-0/db]        You may also use "POSTGRES_HOST_AUTH_METHOD=trust" to allow all
    [pod/db-0/db]        connections without a password. This is *not* recommended.
    [pod/db-0/db] 
    [pod/db-0/db]        See PostgreSQL documentation about "trust":
    [pod/db-0/db]        https://www.postgresql.org/docs/current/auth-trust.html
    [pod/db-1/db] Error: Database is uninitialized and superuser password is not specified.
    [pod/db-1/db]        You must specify POSTGRES_PASSWORD to a non-empty value for the
    [pod/db-1/db]        superuser. For example, "-e POSTGRES_PASSWORD=password" on "docker run".
    [pod/db-1/db] 
    [pod/db-1/db]        You may also use "POSTGRES_HOST_AUTH_METHOD=trust" to allow all
    [pod/db-1/db]        connections without a password. This is *not* recommended.
    [pod/db-1/db] 
    [pod/db-1/db]        See PostgreSQL documentation about "trust":
    [pod/db-1/db]        https://www.postgresql.org/docs/current/auth-trust.html
    $ kubectl logs -l app=db --all-containers -f
    error: you are attempting to follow 6 log streams, but maximum allowed concurrency is 5, use --max-log-requests to increase the limit
    [exit 1]
    $ kubectl logs -l app=nope
    No resources found in default namespace.
    $ kubectl logs one -p
    Error from server (BadRequest): previous terminated container "c" in pod "one" not found
    [exit 1]
    $ kubectl logs one --since=1s --since-time=2026-01-01T00:00:00Z
    error: at most one of `sinceTime` or `sinceSeconds` may be specified
    [exit 1]
    $ kubectl logs one --since=x
    error: invalid argument "x" for "--since" flag: time: invalid duration "x"
    See 'kubectl logs --help' for usage.
    [exit 1]
    $ kubectl logs one --since=100ms
    The PodLogOptions "one" is invalid: sinceSeconds: Invalid value: 0: must be greater than 0
    [exit 1]
    $ kubectl logs homeless
    $ kubectl logs broken
    Error from server (BadRequest): container "c" in pod "broken" is waiting to start: trying and failing to pull image
    [exit 1]
    "#);
    let fresh = "apiVersion: v1\nkind: Pod\nmetadata: {name: fresh}\nspec: {containers: [{name: c, image: redis}]}\n";
    session.0.feed("kubectl apply -f -", fresh);
    let (logs, _) = session.0.run("kubectl logs fresh").expect("a command of ours");
    assert_snapshot!(logs, @r#"Error from server (BadRequest): container "c" in pod "fresh" is waiting to start: ContainerCreating"#);
}

#[test]
fn ports_and_files_are_checked_before_they_go() {
    assert_snapshot!(session().run(&[
        "kubectl port-forward one",
        "kubectl port-forward svc/db 8080",
        "kubectl port-forward svc/db 8080:http",
        "kubectl port-forward svc/db :dns",
        "kubectl port-forward svc/db 8080:main",
        "kubectl port-forward sts/db sql",
        "kubectl port-forward one 70000:80",
        "kubectl port-forward one 80 --address nowhere",
        "kubectl port-forward one 80 --address=",
        "kubectl port-forward homeless 80",
        "kubectl cp a",
        "kubectl cp a b",
        "kubectl cp one:a one:b",
        "kubectl cp one: b",
        "kubectl cp a/b/c:d e",
        "kubectl cp /tmp/no-such-file one:/tmp",
        "kubectl cp Cargo.toml nope:/tmp",
        "kubectl cp kube-system/one:/tmp/x x",
        "kubectl cp Cargo.toml one:/tmp",
        "kubectl cp db-0:/tmp/x x",
    ]), @r#"
    $ kubectl port-forward one
    error: TYPE/NAME and list of ports are required for port-forward
    See 'kubectl port-forward -h' for help and examples
    [exit 1]
    $ kubectl port-forward svc/db 8080
    error: Service db does not have a service port 8080
    [exit 1]
    $ kubectl port-forward svc/db 8080:http
    error: Service 'db' does not have a named port 'http'
    [exit 1]
    $ kubectl port-forward svc/db :dns
    error: UDP protocol is not supported for dns
    [exit 1]
    $ kubectl port-forward svc/db 8080:main
    error: port-forward opens sockets of this machine: that is not for within a lesson
    [exit 1]
    $ kubectl port-forward sts/db sql
    error: port-forward opens sockets of this machine: that is not for within a lesson
    [exit 1]
    $ kubectl port-forward one 70000:80
    error: error parsing local port '70000': strconv.ParseUint: parsing "70000": value out of range
    [exit 1]
    $ kubectl port-forward one 80 --address nowhere
    error: nowhere is not a valid IP
    [exit 1]
    $ kubectl port-forward one 80 --address=
    error: you must specify at least 1 address
    [exit 1]
    $ kubectl port-forward homeless 80
    error: unable to forward port because pod is not running. Current status=Pending
    [exit 1]
    $ kubectl cp a
    error: source and destination are required
    [exit 1]
    $ kubectl cp a b
    error: one of src or dest must be a remote file specification
    [exit 1]
    $ kubectl cp one:a one:b
    error: one of src or dest must be a local file specification
    [exit 1]
    $ kubectl cp one: b
    error: filepath can not be empty
    [exit 1]
    $ kubectl cp a/b/c:d e
    error: filespec must match the canonical format: [[namespace/]pod:]file/path
    [exit 1]
    $ kubectl cp /tmp/no-such-file one:/tmp
    error: /tmp/no-such-file doesn't exist in local filesystem
    [exit 1]
    $ kubectl cp Cargo.toml nope:/tmp
    Error from server (NotFound): pods "nope" not found
    [exit 1]
    $ kubectl cp kube-system/one:/tmp/x x
    Error from server (NotFound): pods "one" not found
    [exit 1]
    $ kubectl cp Cargo.toml one:/tmp
    $ kubectl cp db-0:/tmp/x x
    Defaulted container "db" out of: db, watcher, prepare (init)
    error: Internal error occurred: unable to upgrade connection: container not found ("db")
    [exit 1]
    "#);
}

#[test]
fn pods_that_ended_and_nodes_that_are_off() {
    let mut session = session();
    session.0.set_kubelet("k3d-deadless-agent-0", false);
    assert_snapshot!(session.run(&[
        r#"kubectl exec -i one -- sh -c "echo a b""#,
        "kubectl attach one",
        "kubectl logs one --tail=3 -f",
        "kubectl port-forward one 80",
        r#"kubectl patch pod one --subresource=status -p '{"status":{"phase":"Succeeded"}}'"#,
        "kubectl exec one -- ls",
        "kubectl attach one",
        "kubectl port-forward one 80",
    ]), @r#"
    $ kubectl exec -i one -- sh -c "echo a b"
    error: Internal error occurred: error sending request: Post "https://k3d-deadless-agent-0:10250/exec/default/one/c?command=sh&command=-c&command=echo+a+b&error=1&input=1&output=1": dial tcp: lookup k3d-deadless-agent-0: no such host
    [exit 1]
    $ kubectl attach one
    All commands and output from this session will be recorded in container logs, including credentials and sensitive information passed through the command prompt.
    If you don't see a command prompt, try pressing enter.
    error: Internal error occurred: error sending request: Post "https://k3d-deadless-agent-0:10250/attach/default/one/c?error=1&output=1": dial tcp: lookup k3d-deadless-agent-0: no such host
    [exit 1]
    $ kubectl logs one --tail=3 -f
    Get "https://k3d-deadless-agent-0:10250/containerLogs/default/one/c?follow=true&tailLines=3": dial tcp: lookup k3d-deadless-agent-0: no such host
    Get "https://k3d-deadless-agent-0:10250/containerLogs/default/one/c?follow=true&tailLines=3": dial tcp: lookup k3d-deadless-agent-0: no such host
    Get "https://k3d-deadless-agent-0:10250/containerLogs/default/one/c?follow=true&tailLines=3": dial tcp: lookup k3d-deadless-agent-0: no such host
    Get "https://k3d-deadless-agent-0:10250/containerLogs/default/one/c?follow=true&tailLines=3": dial tcp: lookup k3d-deadless-agent-0: no such host
    Get "https://k3d-deadless-agent-0:10250/containerLogs/default/one/c?follow=true&tailLines=3": dial tcp: lookup k3d-deadless-agent-0: no such host
    Get "https://k3d-deadless-agent-0:10250/containerLogs/default/one/c?follow=true&tailLines=3": dial tcp: lookup k3d-deadless-agent-0: no such host
    Get "https://k3d-deadless-agent-0:10250/containerLogs/default/one/c?follow=true&tailLines=3": dial tcp: lookup k3d-deadless-agent-0: no such host
    Get "https://k3d-deadless-agent-0:10250/containerLogs/default/one/c?follow=true&tailLines=3": dial tcp: lookup k3d-deadless-agent-0: no such host
    Get "https://k3d-deadless-agent-0:10250/containerLogs/default/one/c?follow=true&tailLines=3": dial tcp: lookup k3d-deadless-agent-0: no such host
    Get "https://k3d-deadless-agent-0:10250/containerLogs/default/one/c?follow=true&tailLines=3": dial tcp: lookup k3d-deadless-agent-0: no such host
    Get "https://k3d-deadless-agent-0:10250/containerLogs/default/one/c?follow=true&tailLines=3": dial tcp: lookup k3d-deadless-agent-0: no such host
    Get "https://k3d-deadless-agent-0:10250/containerLogs/default/one/c?follow=true&tailLines=3": dial tcp: lookup k3d-deadless-agent-0: no such host
    Get "https://k3d-deadless-agent-0:10250/containerLogs/default/one/c?follow=true&tailLines=3": dial tcp: lookup k3d-deadless-agent-0: no such host
    Get "https://k3d-deadless-agent-0:10250/containerLogs/default/one/c?follow=true&tailLines=3": dial tcp: lookup k3d-deadless-agent-0: no such host
    Get "https://k3d-deadless-agent-0:10250/containerLogs/default/one/c?follow=true&tailLines=3": dial tcp: lookup k3d-deadless-agent-0: no such host
    Get "https://k3d-deadless-agent-0:10250/containerLogs/default/one/c?follow=true&tailLines=3": dial tcp: lookup k3d-deadless-agent-0: no such host
    Get "https://k3d-deadless-agent-0:10250/containerLogs/default/one/c?follow=true&tailLines=3": dial tcp: lookup k3d-deadless-agent-0: no such host
    Get "https://k3d-deadless-agent-0:10250/containerLogs/default/one/c?follow=true&tailLines=3": dial tcp: lookup k3d-deadless-agent-0: no such host
    Get "https://k3d-deadless-agent-0:10250/containerLogs/default/one/c?follow=true&tailLines=3": dial tcp: lookup k3d-deadless-agent-0: no such host
    Get "https://k3d-deadless-agent-0:10250/containerLogs/default/one/c?follow=true&tailLines=3": dial tcp: lookup k3d-deadless-agent-0: no such host
    error: context deadline exceeded
    [exit 1]
    $ kubectl port-forward one 80
    error: error upgrading connection: error dialing backend: dial tcp: lookup k3d-deadless-agent-0: no such host
    [exit 1]
    $ kubectl patch pod one --subresource=status -p '{"status":{"phase":"Succeeded"}}'
    pod/one patched
    $ kubectl exec one -- ls
    error: cannot exec into a container in a completed pod; current phase is Succeeded
    [exit 1]
    $ kubectl attach one
    error: cannot attach a container in a completed pod; current phase is Succeeded
    [exit 1]
    $ kubectl port-forward one 80
    error: unable to forward port because pod is not running. Current status=Succeeded
    [exit 1]
    "#);
}
