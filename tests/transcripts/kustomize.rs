//! `-k`: what a kustomization holds is applied, shown, compared and deleted as files are.

use insta::assert_snapshot;

use super::Session;

#[test]
fn a_kustomization_is_taken_as_a_file_is() {
    let mut session = Session::new();
    assert_snapshot!(session.run(&[
        "kubectl apply -k tests/kustomize/generator-behaviors",
        "kubectl get -k tests/kustomize/generator-behaviors",
        "kubectl diff -k tests/kustomize/generator-behaviors",
        "kubectl describe -k tests/kustomize/config-map-files",
        "kubectl delete -k tests/kustomize/generator-behaviors",
        "kubectl create -k tests/kustomize/folders --dry-run=client",
    ]), @r#"
    $ kubectl apply -k tests/kustomize/generator-behaviors
    configmap/over-merged-55f7kg2cf8 created
    configmap/over-plain created
    configmap/over-replaced-9m94kf28mm created
    secret/over-login-hm4t729thm created
    pod/over-p created
    $ kubectl get -k tests/kustomize/generator-behaviors
    NAME                                 DATA   AGE
    configmap/over-merged-55f7kg2cf8     3      1s
    configmap/over-plain                 1      1s
    configmap/over-replaced-9m94kf28mm   1      1s

    NAME                           TYPE     DATA   AGE
    secret/over-login-hm4t729thm   Opaque   2      1s

    NAME         READY   STATUS    RESTARTS   AGE
    pod/over-p   1/1     Running   0          1s
    $ kubectl diff -k tests/kustomize/generator-behaviors
    $ kubectl describe -k tests/kustomize/config-map-files
    Error from server (NotFound): configmaps "environment-f24t7267c5" not found
    Error from server (NotFound): configmaps "environment-old-f24t7267c5" not found
    Error from server (NotFound): configmaps "files-2b82c6ctck" not found
    [exit 1]
    $ kubectl delete -k tests/kustomize/generator-behaviors
    configmap "over-merged-55f7kg2cf8" deleted from default namespace
    configmap "over-plain" deleted from default namespace
    configmap "over-replaced-9m94kf28mm" deleted from default namespace
    secret "over-login-hm4t729thm" deleted from default namespace
    pod "over-p" deleted from default namespace
    $ kubectl create -k tests/kustomize/folders --dry-run=client
    service/top-base-web created (dry run)
    service/top-db created (dry run)
    deployment.apps/top-base-web created (dry run)
    statefulset.apps/top-db created (dry run)
    "#);
}

#[test]
fn flags_of_a_build() {
    let mut session = Session::new();
    assert_snapshot!(session.run(&[
        "kubectl kustomize a b",
        "kubectl kustomize tests/kustomize/sort-fifo --reorder=x",
        "kubectl kustomize tests/kustomize/sort-fifo --reorder=legacy",
        "kubectl kustomize tests/kustomize/name-of-digits --enable-managedby-label",
        "kubectl kustomize tests/kustomize/name-of-digits --load-restrictor=all",
        "kubectl kustomize tests/kustomize/name-of-digits --enable-helm",
        "kubectl kustomize tests/kustomize/faults/helm --enable-helm",
        "kubectl kustomize https://github.com/example/repository",
        "kubectl apply -k tests/kustomize/vars -f x.yaml",
        "kubectl apply -k tests/kustomize/vars --dry-run=client",
    ]), @r#"
    $ kubectl kustomize a b
    error: specify one path to kustomization.yaml
    [exit 1]
    $ kubectl kustomize tests/kustomize/sort-fifo --reorder=x
    Flag --reorder has been deprecated, use the new 'sortOptions' field in kustomization.yaml instead.
    error: illegal flag value --reorder x; legal values: [legacy none]
    [exit 1]
    $ kubectl kustomize tests/kustomize/sort-fifo --reorder=legacy
    Flag --reorder has been deprecated, use the new 'sortOptions' field in kustomization.yaml instead.
    I0101 00:00:00.000000       1 log.go:244] Warning: Sorting order is set both in 'kustomization.yaml' ('sortOptions') and in a CLI flag ('--reorder'). Using the kustomization file over the CLI flag.
    apiVersion: v1
    kind: ConfigMap
    metadata:
      name: b
    ---
    apiVersion: v1
    kind: Service
    metadata:
      name: s
    ---
    apiVersion: v1
    kind: ConfigMap
    metadata:
      name: a
    ---
    apiVersion: apps/v1
    kind: Deployment
    metadata:
      name: d
    ---
    apiVersion: v1
    kind: Namespace
    metadata:
      name: "n"
    ---
    apiVersion: v1
    kind: Secret
    metadata:
      name: x
    $ kubectl kustomize tests/kustomize/name-of-digits --enable-managedby-label
    Flag --enable-managedby-label has been deprecated, The flag `enable-managedby-label` has been deprecated. Use the `managedByLabel` option in the `buildMetadata` field instead.
    apiVersion: v1
    data:
      a: b
    kind: ConfigMap
    metadata:
      labels:
        app.kubernetes.io/managed-by: kustomize-v5.8.1
      name: "123"
    $ kubectl kustomize tests/kustomize/name-of-digits --load-restrictor=all
    error: illegal flag value --load-restrictor all; legal values: [LoadRestrictionsRootOnly LoadRestrictionsNone]
    [exit 1]
    $ kubectl kustomize tests/kustomize/name-of-digits --enable-helm
    apiVersion: v1
    data:
      a: b
    kind: ConfigMap
    metadata:
      name: "123"
    $ kubectl kustomize tests/kustomize/faults/helm --enable-helm
    error: --enable-helm: kstate starts no programs to build a kustomization
    [exit 1]
    $ kubectl kustomize https://github.com/example/repository
    error: unable to load 'https://github.com/example/repository': kstate does not use the network
    [exit 1]
    $ kubectl apply -k tests/kustomize/vars -f x.yaml
    error: only one of -f or -k can be specified
    [exit 1]
    $ kubectl apply -k tests/kustomize/vars --dry-run=client
    # Warning: 'vars' is deprecated. Please use 'replacements' instead. [EXPERIMENTAL] Run 'kustomize edit fix' to update your Kustomization automatically.
    service/v-web created (dry run)
    deployment.apps/v-web created (dry run)
    "#);
}
