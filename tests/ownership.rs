//! Who owns which field, and what server-side apply makes of it.

use std::path::Path;

use insta::assert_snapshot;
use kstate::api::Duration;
use serde_json::Value;

use crate::conformance::shell::Shell;

const WEB: &str = "
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: nginx:1.25
        ports:
        - containerPort: 80
";

fn shell() -> Shell {
    Shell::new(Path::new(env!("CARGO_MANIFEST_DIR")))
}

/// The managers of an object: name, operation, version and subresource, and their fields without `f:` and quotes.
fn managers(shell: &mut Shell, object: &str) -> String {
    let (json, _) = shell.run(&format!("kubectl get {object} -o json --show-managed-fields")).expect("kubectl");
    let tree: Value = serde_json::from_str(&json).expect("JSON");
    let entries = tree["metadata"]["managedFields"].as_array().expect("entries");
    let entry = |e: &Value| {
        let text = |field: &str| e[field].as_str().unwrap_or_default();
        assert_eq!(text("fieldsType"), "FieldsV1");
        let at = text("time").get(11..19).expect("a time");
        let head = [text("manager"), text("operation"), text("apiVersion"), text("subresource"), at].join(" ");
        let fields = short(&e["fieldsV1"]);
        let mut lines = vec![head];
        for word in fields.split(' ') {
            match lines.last_mut() {
                Some(line) if line.starts_with("  ") && line.len() + word.len() < 110 => *line += &format!(" {word}"),
                _ => lines.push(format!("  {word}")),
            }
        }
        lines.join("\n") + "\n"
    };
    entries.iter().map(entry).collect()
}

fn short(fields: &Value) -> String {
    let one = |(key, below): (&String, &Value)| {
        let key = key.trim_start_matches("f:").replace(['"', '{', '}'], "");
        match short(below) {
            none if none.is_empty() => key,
            below => format!("{key}({below})"),
        }
    };
    fields.as_object().into_iter().flatten().map(one).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_writer_is_known_by_what_it_wrote() {
    let mut shell = shell();
    shell.feed("kubectl apply -f -", WEB);
    shell.advance(Duration::secs(20));
    assert_snapshot!(managers(&mut shell, "deployment web"), @r"
    kubectl-client-side-apply Update apps/v1  00:00:00
      metadata(annotations(. kubectl.kubernetes.io/last-applied-configuration)) spec(progressDeadlineSeconds
      replicas revisionHistoryLimit selector strategy(rollingUpdate(. maxSurge maxUnavailable) type)
      template(metadata(labels(. app)) spec(containers(k:name:web(. image imagePullPolicy name ports(.
      k:containerPort:80,protocol:TCP(. containerPort protocol)) resources terminationMessagePath
      terminationMessagePolicy)) dnsPolicy restartPolicy schedulerName securityContext
      terminationGracePeriodSeconds)))
    kube-controller-manager Update apps/v1 status 00:00:01
      metadata(annotations(deployment.kubernetes.io/revision)) status(availableReplicas conditions(.
      k:type:Available(. lastTransitionTime lastUpdateTime message reason status type) k:type:Progressing(.
      lastTransitionTime lastUpdateTime message reason status type)) observedGeneration readyReplicas replicas
      terminatingReplicas updatedReplicas)
    ");
    shell.run("kubectl scale deployment web --replicas 3");
    shell.run("kubectl label deployment web tier=front");
    shell.run("kubectl set image deployment/web web=nginx:1.26");
    assert_snapshot!(managers(&mut shell, "deployment web"), @r"
    kubectl-client-side-apply Update apps/v1  00:00:00
      metadata(annotations(. kubectl.kubernetes.io/last-applied-configuration)) spec(progressDeadlineSeconds
      revisionHistoryLimit selector strategy(rollingUpdate(. maxSurge maxUnavailable) type)
      template(metadata(labels(. app)) spec(containers(k:name:web(. imagePullPolicy name ports(.
      k:containerPort:80,protocol:TCP(. containerPort protocol)) resources terminationMessagePath
      terminationMessagePolicy)) dnsPolicy restartPolicy schedulerName securityContext
      terminationGracePeriodSeconds)))
    kube-controller-manager Update apps/v1 status 00:00:20
      metadata(annotations(deployment.kubernetes.io/revision)) status(availableReplicas conditions(.
      k:type:Available(. lastTransitionTime lastUpdateTime message reason status type) k:type:Progressing(.
      lastTransitionTime lastUpdateTime message reason status type)) observedGeneration readyReplicas replicas
      terminatingReplicas unavailableReplicas updatedReplicas)
    kubectl Update apps/v1 scale 00:00:20
      spec(replicas)
    kubectl-label Update apps/v1  00:00:20
      metadata(labels(. tier))
    kubectl-set Update apps/v1  00:00:20
      spec(template(spec(containers(k:name:web(image)))))
    ");
}

#[test]
fn pods_and_volumes_are_owned_by_those_who_made_them() {
    let mut shell = shell();
    shell.run("kubectl apply -f manifests/exsts-svc.yaml -f manifests/exsts-vct.yaml");
    shell.advance(Duration::secs(20));
    assert_snapshot!(managers(&mut shell, "pod exsts-0"), @r"
    kube-controller-manager Update v1  00:00:00
      metadata(generateName labels(. app apps.kubernetes.io/pod-index controller-revision-hash
      statefulset.kubernetes.io/pod-name) ownerReferences(. k:uid:631ba7a9-64d4-417d-84fa-5020793d3e56))
      spec(containers(k:name:exsts(. args command image imagePullPolicy name resources(. limits(. cpu memory)
      requests(. cpu memory)) terminationMessagePath terminationMessagePolicy volumeMounts(. k:mountPath:/dadada(.
      mountPath name)))) dnsPolicy enableServiceLinks hostname restartPolicy schedulerName securityContext
      subdomain terminationGracePeriodSeconds volumes(. k:name:exsts-vct(. name persistentVolumeClaim(.
      claimName))))
    kube-scheduler Update v1 status 00:00:00
      status(nominatedNodeName)
    kubelet Update v1 status 00:00:02
      status(conditions(k:type:ContainersReady(. lastProbeTime lastTransitionTime observedGeneration status type)
      k:type:Initialized(. lastProbeTime lastTransitionTime observedGeneration status type)
      k:type:PodReadyToStartContainers(. lastProbeTime lastTransitionTime observedGeneration status type)
      k:type:PodScheduled(observedGeneration) k:type:Ready(. lastProbeTime lastTransitionTime observedGeneration
      status type)) containerStatuses hostIP hostIPs observedGeneration phase podIP podIPs(. k:ip:10.42.0.2(. ip))
      startTime)
    ");
    assert_snapshot!(managers(&mut shell, "pvc exsts-vct-exsts-0"), @r"
    kube-scheduler Update v1  00:00:00
      metadata(annotations(. volume.kubernetes.io/selected-node))
    kube-controller-manager Update v1  00:00:01
      metadata(annotations(pv.kubernetes.io/bind-completed pv.kubernetes.io/bound-by-controller
      volume.beta.kubernetes.io/storage-provisioner volume.kubernetes.io/storage-provisioner) labels(. app))
      spec(accessModes resources(requests(. storage)) storageClassName volumeMode volumeName)
    kube-controller-manager Update v1 status 00:00:01
      status(accessModes capacity(. storage) phase)
    ");
    assert_snapshot!(managers(&mut shell, "svc exsts-svc"), @r"
    kubectl-client-side-apply Update v1  00:00:00
      metadata(annotations(. kubectl.kubernetes.io/last-applied-configuration) labels(. app)) spec(clusterIP
      internalTrafficPolicy selector sessionAffinity type)
    ");
    let (volume, _) = shell.run("kubectl get pv -o name").expect("kubectl");
    assert_snapshot!(managers(&mut shell, volume.trim()), @r"
    kube-controller-manager Update v1 status 00:00:01
      status(phase)
    local-path-provisioner Update v1  00:00:01
      metadata(annotations(. local.path.provisioner/selected-node pv.kubernetes.io/provisioned-by))
      spec(accessModes capacity(. storage) claimRef(. apiVersion kind name namespace resourceVersion uid) local(.
      path) nodeAffinity(. required) persistentVolumeReclaimPolicy storageClassName volumeMode)
    ");
    let (yaml, _) = shell.run("kubectl get pvc exsts-vct-exsts-0 -o yaml").expect("kubectl");
    assert!(!yaml.contains("managedFields"));
}

#[test]
fn fields_are_merged_by_their_owners() {
    let mut shell = shell();
    assert_snapshot!(shell.feed("kubectl apply --server-side -f -", WEB), @"deployment.apps/web serverside-applied");
    shell.advance(Duration::secs(5));
    assert_snapshot!(shell.feed("kubectl apply --server-side -f -", WEB), @"deployment.apps/web serverside-applied");
    assert_snapshot!(managers(&mut shell, "deployment web").lines().next().unwrap_or_default(), @"kubectl Apply apps/v1  00:00:00");
    shell.run("kubectl scale deployment web --replicas 5");
    // Somebody else scaled it, so applying two replicas is a conflict.
    assert_snapshot!(shell.feed("kubectl apply --server-side -f -", WEB), @r#"
    error: Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas
    Please review the fields above--they currently have other managers. Here
    are the ways you can resolve this warning:
    * If you intend to manage all of these fields, please re-run the apply
      command with the `--force-conflicts` flag.
    * If you do not intend to manage all of the fields, please edit your
      manifest to remove references to the fields that should keep their
      current managers.
    * You may co-own fields by updating your manifest to match the existing
      value; in this case, you'll become the manager if the other manager(s)
      stop managing the field (remove it from their configuration).
    See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts
    "#);
    // Who does not say how many leaves the number alone.
    let silent = WEB.replace("  replicas: 2\n", "");
    assert_snapshot!(shell.feed("kubectl apply --server-side -f -", &silent), @"deployment.apps/web serverside-applied");
    assert_snapshot!(shell.run("kubectl get deployment web -o jsonpath={.spec.replicas}").unwrap().0, @"5");
    assert_snapshot!(shell.feed("kubectl apply --server-side --force-conflicts -f -", WEB), @"deployment.apps/web serverside-applied");
    assert_snapshot!(shell.run("kubectl get deployment web -o jsonpath={.spec.replicas}").unwrap().0, @"2");

    // A second manager adds a container and a label, then gives both up.
    let more = "
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {team: blue}
spec:
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: log
        image: busybox
";
    assert_snapshot!(shell.feed("kubectl apply --server-side --field-manager=blue -f -", more), @"deployment.apps/web serverside-applied");
    let names = "kubectl get deployment web -o jsonpath='{.metadata.labels} {.spec.template.spec.containers[*].name}'";
    assert_snapshot!(shell.run(names).unwrap().0, @r#"{"team":"blue"} web log"#);
    let less = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}}";
    assert_snapshot!(shell.feed("kubectl apply --server-side --field-manager=blue -f -", less), @"deployment.apps/web serverside-applied");
    assert_snapshot!(shell.run(names).unwrap().0, @" web");
    // Two conflicts at once.
    let other = WEB.replace("nginx:1.25", "nginx:1.26").replace("replicas: 2", "replicas: 4");
    assert_snapshot!(shell.feed("kubectl apply --server-side --field-manager=red -f -", &other), @r#"
    error: Apply failed with 2 conflicts: conflicts with "kubectl":
    - .spec.replicas
    - .spec.template.spec.containers[name="web"].image
    Please review the fields above--they currently have other managers. Here
    are the ways you can resolve this warning:
    * If you intend to manage all of these fields, please re-run the apply
      command with the `--force-conflicts` flag.
    * If you do not intend to manage all of the fields, please edit your
      manifest to remove references to the fields that should keep their
      current managers.
    * You may co-own fields by updating your manifest to match the existing
      value; in this case, you'll become the manager if the other manager(s)
      stop managing the field (remove it from their configuration).
    See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts
    "#);
    let twice = WEB.replace("        ports:\n", "      - name: web\n        ports:\n");
    assert_snapshot!(shell.feed("kubectl apply --server-side -f -", &twice), @r#"Error from server: failed to create typed patch object (default/web; apps/v1, Kind=Deployment): .spec.template.spec.containers: duplicate entries for key [name="web"]"#);
    let odd =
        WEB.replace("replicas: 2", "replicas: two").replace("image: nginx:1.25", "image: {a: 1}\n        tty: [x, y]");
    assert_snapshot!(shell.feed("kubectl apply --server-side -f -", &odd), @r#"
    Error from server: failed to create typed patch object (default/web; apps/v1, Kind=Deployment): errors:
      .spec.replicas: expected numeric (int or float), got string
      .spec.template.spec.containers[name="web"].image: expected string, got &value.valueUnstructured{Value:map[string]interface {}{"a":1}}
      .spec.template.spec.containers[name="web"].tty: expected boolean, got &{[x true]}
    "#);
    let unknown = WEB.replace("replicas", "replica");
    assert_snapshot!(shell.feed("kubectl apply --server-side -f -", &unknown), @"Error from server: failed to create typed patch object (default/web; apps/v1, Kind=Deployment): .spec.replica: field not declared in schema");
    assert_snapshot!(shell.feed("kubectl apply --server-side --dry-run=server -f -", WEB), @"deployment.apps/web serverside-applied (server dry run)");
}

#[test]
fn what_is_shown_names_the_owners_only_when_asked() {
    let mut shell = shell();
    let map = "{apiVersion: v1, kind: ConfigMap, metadata: {name: m, labels: {a: b}}, data: {x: one}}";
    assert_snapshot!(shell.feed("kubectl create --dry-run=server -f - -o yaml --show-managed-fields", map), @r#"
    apiVersion: v1
    data:
      x: one
    kind: ConfigMap
    metadata:
      creationTimestamp: "2026-01-01T00:00:00Z"
      labels:
        a: b
      managedFields:
      - apiVersion: v1
        fieldsType: FieldsV1
        fieldsV1:
          f:data:
            .: {}
            f:x: {}
          f:metadata:
            f:labels:
              .: {}
              f:a: {}
        manager: kubectl-create
        operation: Update
        time: "2026-01-01T00:00:00Z"
      name: m
      namespace: default
      uid: b4a69643-1930-49f3-ab01-88ce8ada3a35
    "#);
    assert_snapshot!(shell.feed("kubectl apply --server-side -f - -o yaml --show-managed-fields", map), @r#"
    apiVersion: v1
    data:
      x: one
    kind: ConfigMap
    metadata:
      creationTimestamp: "2026-01-01T00:00:00Z"
      labels:
        a: b
      managedFields:
      - apiVersion: v1
        fieldsType: FieldsV1
        fieldsV1:
          f:data:
            f:x: {}
          f:metadata:
            f:labels:
              f:a: {}
        manager: kubectl
        operation: Apply
        time: "2026-01-01T00:00:00Z"
      name: m
      namespace: default
      resourceVersion: "216"
      uid: b4a69643-1930-49f3-ab01-88ce8ada3a35
    "#);
    let mut run = |line: &str| shell.run(line).expect("kubectl").0;
    assert_snapshot!(run("kubectl label configmap m c=d -o yaml --show-managed-fields"), @r#"
    apiVersion: v1
    data:
      x: one
    kind: ConfigMap
    metadata:
      creationTimestamp: "2026-01-01T00:00:00Z"
      labels:
        a: b
        c: d
      managedFields:
      - apiVersion: v1
        fieldsType: FieldsV1
        fieldsV1:
          f:data:
            f:x: {}
          f:metadata:
            f:labels:
              f:a: {}
        manager: kubectl
        operation: Apply
        time: "2026-01-01T00:00:00Z"
      name: m
      namespace: default
      resourceVersion: "216"
      uid: b4a69643-1930-49f3-ab01-88ce8ada3a35
    "#);
    assert_snapshot!(run("kubectl get configmap m -o yaml"), @r#"
    apiVersion: v1
    data:
      x: one
    kind: ConfigMap
    metadata:
      creationTimestamp: "2026-01-01T00:00:00Z"
      labels:
        a: b
        c: d
      name: m
      namespace: default
      resourceVersion: "217"
      uid: b4a69643-1930-49f3-ab01-88ce8ada3a35
    "#);
    // Templates see all that the server sent.
    assert_snapshot!(run("kubectl get configmap m -o jsonpath='{.metadata.managedFields[*].manager}'"), @"kubectl kubectl-label");
    assert_snapshot!(run("kubectl get configmap m -o jsonpath={.metadata}"), @r#"{"creationTimestamp":"2026-01-01T00:00:00Z","labels":{"a":"b","c":"d"},"managedFields":[{"apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:data":{"f:x":{}},"f:metadata":{"f:labels":{"f:a":{}}}},"manager":"kubectl","operation":"Apply","time":"2026-01-01T00:00:00Z"},{"apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:metadata":{"f:labels":{"f:c":{}}}},"manager":"kubectl-label","operation":"Update","time":"2026-01-01T00:00:00Z"}],"name":"m","namespace":"default","resourceVersion":"217","uid":"b4a69643-1930-49f3-ab01-88ce8ada3a35"}"#);
    assert_snapshot!(run("kubectl get configmap m -o custom-columns=OWNER:.metadata.managedFields[0].manager"), @r"
    OWNER
    kubectl
    ");
    let changed = map.replace("x: one", "x: two");
    assert_snapshot!(shell.feed("kubectl diff --server-side --field-manager=ci -f -", &changed), @r#"
    W0101 00:00:00.300000       1 diff.go:723] Object (/v1, Kind=ConfigMap: m) keeps changing, diffing without lock
    Error from server (Conflict): Apply failed with 1 conflict: conflict with "kubectl": .data.x
    "#);
    let diff = shell.feed("kubectl diff --server-side --show-managed-fields -f -", &changed);
    assert_snapshot!(diff.lines().skip(3).map(|line| format!("{line}\n")).collect::<String>(), @r#"
    @@ -1,6 +1,6 @@
     apiVersion: v1
     data:
    -  x: one
    +  x: two
     kind: ConfigMap
     metadata:
       creationTimestamp: "2026-01-01T00:00:00Z"
    "#);
    assert_snapshot!(shell.feed("kubectl apply --server-side --field-manager= -f -", map), @r#"The PatchOptions "" is invalid: fieldManager: Required value: is required for apply patch"#);
    let owned = map.replace("name: m,", "name: m, managedFields: [{manager: me}],");
    assert_snapshot!(shell.feed("kubectl apply --server-side -f -", &owned), @"Error from server (BadRequest): metadata.managedFields must be nil");
    let web = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, status: {replicas: 7}}";
    assert_snapshot!(shell.feed("kubectl apply --server-side --subresource=status -f -", web), @r#"Error from server (NotFound): deployments.apps "web" not found"#);
    shell.feed("kubectl apply -f -", WEB);
    assert_snapshot!(shell.feed("kubectl apply --server-side --subresource=status --field-manager=me -f -", web), @r#"
    error: Apply failed with 1 conflict: conflict with "kube-controller-manager" with subresource "status" using apps/v1: .status.replicas
    Please review the fields above--they currently have other managers. Here
    are the ways you can resolve this warning:
    * If you intend to manage all of these fields, please re-run the apply
      command with the `--force-conflicts` flag.
    * If you do not intend to manage all of the fields, please edit your
      manifest to remove references to the fields that should keep their
      current managers.
    * You may co-own fields by updating your manifest to match the existing
      value; in this case, you'll become the manager if the other manager(s)
      stop managing the field (remove it from their configuration).
    See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts
    "#);
}

#[test]
fn what_nobody_has_an_eye_on_is_owned_from_the_first_apply_on() {
    let mut shell = shell();
    let map = "{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {x: one}}";
    shell.feed("kubectl create -f -", map);
    let reset = r#"[{"op":"replace","path":"/metadata/managedFields","value":[{}]}]"#;
    let owners = "kubectl get configmap m -o jsonpath={.metadata.managedFields[*].manager}";
    let mut run = |line: &str| shell.run(line).expect("kubectl").0;
    assert_snapshot!(run(&format!("kubectl patch configmap m --type=json -p '{reset}'")), @"configmap/m patched");
    assert_snapshot!(run("kubectl label configmap m a=b"), @"configmap/m labeled");
    assert_snapshot!(run(owners), @r"");
    assert_snapshot!(shell.feed("kubectl apply --server-side -f -", map), @"configmap/m serverside-applied");
    assert_snapshot!(managers(&mut shell, "configmap m"), @r"
    kubectl Apply v1  00:00:00
      data(x)
    before-first-apply Update v1  00:00:00
      data(. x) metadata(labels(. a))
    ");
    let owned = shell.run("kubectl get configmap m -o json --show-managed-fields").expect("kubectl").0;
    let owned = owned.replace("before-first-apply", "somebody").replace("\"one\"", "\"two\"");
    assert_snapshot!(shell.feed("kubectl replace -f -", &owned), @"configmap/m replaced");
    assert_snapshot!(managers(&mut shell, "configmap m"), @r"
    kubectl-replace Update v1  00:00:00
      data(x)
    somebody Update v1  00:00:00
      data metadata(labels(. a))
    ");
    shell.run(r#"kubectl patch configmap m --type=merge -p '{"metadata":{"managedFields":[{}]}}'"#);
    assert_snapshot!(shell.run(owners).expect("kubectl").0, @r"");
}

#[test]
fn server_side_apply_takes_over_from_client_side_apply() {
    let mut shell = shell();
    shell.feed("kubectl apply -f -", WEB);
    shell.advance(Duration::secs(5));
    let changed =
        WEB.replace("replicas: 2", "replicas: 3").replace("        ports:\n        - containerPort: 80\n", "");
    assert_snapshot!(shell.feed("kubectl apply --server-side -f -", &changed), @"deployment.apps/web serverside-applied");
    assert_snapshot!(managers(&mut shell, "deployment web"), @r"
    kubectl Apply apps/v1  00:00:05
      spec(replicas selector template(metadata(labels(app)) spec(containers(k:name:web(. image name)))))
    kubectl-last-applied Apply apps/v1  00:00:05
      metadata(annotations(kubectl.kubernetes.io/last-applied-configuration))
    kube-controller-manager Update apps/v1 status 00:00:05
      metadata(annotations(deployment.kubernetes.io/revision)) status(availableReplicas conditions(.
      k:type:Available(. lastTransitionTime lastUpdateTime message reason status type) k:type:Progressing(.
      lastTransitionTime lastUpdateTime message reason status type)) observedGeneration readyReplicas replicas
      terminatingReplicas unavailableReplicas updatedReplicas)
    ");
    let what = "kubectl get deployment web -o jsonpath='{.spec.replicas} {.spec.template.spec.containers[0].ports}'";
    assert_snapshot!(shell.run(what).unwrap().0, @"3");
    let annotation = r"kubectl get deployment web -o jsonpath='{.metadata.annotations.kubectl\.kubernetes\.io/last-applied-configuration}'";
    assert_snapshot!(shell.run(annotation).unwrap().0, @r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"default"},"spec":{"replicas":3,"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"image":"nginx:1.25","name":"web"}]}}}}"#);
    // Another manager does not take over: it meets a conflict.
    shell.feed("kubectl apply -f -", &WEB.replace("name: web\nspec", "name: api\nspec"));
    let other = changed.replace("name: web\nspec", "name: api\nspec");
    assert_snapshot!(shell.feed("kubectl apply --server-side --field-manager=ci -f -", &other), @r#"
    error: Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using apps/v1: .spec.replicas
    Please review the fields above--they currently have other managers. Here
    are the ways you can resolve this warning:
    * If you intend to manage all of these fields, please re-run the apply
      command with the `--force-conflicts` flag.
    * If you do not intend to manage all of the fields, please edit your
      manifest to remove references to the fields that should keep their
      current managers.
    * You may co-own fields by updating your manifest to match the existing
      value; in this case, you'll become the manager if the other manager(s)
      stop managing the field (remove it from their configuration).
    See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts
    "#);
}
