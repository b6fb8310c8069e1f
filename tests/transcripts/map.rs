//! What `kstate map` draws.

use insta::assert_snapshot;

use super::Session;

const STORAGE: &str = "\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: waits}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: spare}
spec: {accessModes: [ReadWriteMany], capacity: {storage: 5Gi}, storageClassName: \"\", nfs: {server: 192.168.1.21, path: /x}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 2
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers: [{name: db, image: nginx, volumeMounts: [{name: data, mountPath: /data}]}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 10Mi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: broken}
spec: {containers: [{name: c, image: does-not-exist}]}
---
apiVersion: v1
kind: Pod
metadata: {name: nowhere}
spec: {nodeSelector: {a: b}, containers: [{name: c, image: nginx}]}
";

#[test]
fn nodes_hold_pods_that_mount_claims_of_volumes() {
    let mut session = Session::new();
    assert_snapshot!(session.run(&["kstate map"]), @"
    $ kstate map
    ┌──────────────────────────────────────────────────────────────────────────────┐
    │ ● node/k3d-deadless-agent-0  Ready                                           │
    └──────────────────────────────────────────────────────────────────────────────┘
    ┌──────────────────────────────────────────────────────────────────────────────┐
    │ ● node/k3d-deadless-agent-1  Ready                                           │
    └──────────────────────────────────────────────────────────────────────────────┘
    ┌──────────────────────────────────────────────────────────────────────────────┐
    │ ● node/k3d-deadless-server-0  Ready                                          │
    └──────────────────────────────────────────────────────────────────────────────┘

    Classes
      ● sc/local-path  (default) rancher.io/local-path Delete WaitForFirstConsumer
    ");
    session.apply(STORAGE);
    assert_snapshot!(session.run(&[
        "kstate map",
        "kstate map -n kube-system",
        "kstate map --small 80",
        "kstate map --small 50",
        "kstate map -o mermaid",
        "kstate map -o png",
        "kubectl map",
    ]), @r#"
    $ kstate map
    ┌──────────────────────────────────────────────────────────────────────────────┐
    │ ● node/k3d-deadless-agent-0  Ready                                           │
    │ ● pod/db-0  Running                                                          │
    │   └─ ● pvc/data-db-0  Bound 10Mi RWO                                         │
    │        └─ ● pv/pvc-0bdf0b63…  Bound 10Mi RWO Delete                          │
    └──────────────────────────────────────────────────────────────────────────────┘
    ┌──────────────────────────────────────────────────────────────────────────────┐
    │ ● node/k3d-deadless-agent-1  Ready                                           │
    │ ● pod/db-1  Running                                                          │
    │   └─ ● pvc/data-db-1  Bound 10Mi RWO                                         │
    │        └─ ● pv/pvc-a5957d04…  Bound 10Mi RWO Delete                          │
    └──────────────────────────────────────────────────────────────────────────────┘
    ┌──────────────────────────────────────────────────────────────────────────────┐
    │ ● node/k3d-deadless-server-0  Ready                                          │
    │ ✗ pod/broken  ImagePullBackOff                                               │
    └──────────────────────────────────────────────────────────────────────────────┘

    Pods without a node
      ○ pod/nowhere  Pending

    Claims that no pod mounts
      ○ pvc/waits  Pending 1Gi RWO
        └─ waits for sc/local-path

    Volumes that no claim is bound to
      ● pv/spare  Available 5Gi RWX Retain

    Classes
      ● sc/local-path  (default) rancher.io/local-path Delete WaitForFirstConsumer
    $ kstate map -n kube-system
    ┌──────────────────────────────────────────────────────────────────────────────┐
    │ ● node/k3d-deadless-agent-0  Ready                                           │
    └──────────────────────────────────────────────────────────────────────────────┘
    ┌──────────────────────────────────────────────────────────────────────────────┐
    │ ● node/k3d-deadless-agent-1  Ready                                           │
    └──────────────────────────────────────────────────────────────────────────────┘
    ┌──────────────────────────────────────────────────────────────────────────────┐
    │ ● node/k3d-deadless-server-0  Ready                                          │
    └──────────────────────────────────────────────────────────────────────────────┘

    Volumes that no claim is bound to
      ● pv/spare  Available 5Gi RWX Retain

    Classes
      ● sc/local-path  (default) rancher.io/local-path Delete WaitForFirstConsumer
    $ kstate map --small 80
       POD                         CLAIM             VOLUME            NODE
     ✗ broken ImagePullBackOff                                         server-0
     ● db-0                    ─── data-db-0     ─── pvc-0bdf0b63… ─── agent-0
     ● db-1                    ─── data-db-1     ─── pvc-a5957d04… ─── agent-1
     ○ nowhere Pending                                                 -
     ○ -                           waits Pending     -
     ● -                           -                 spare
    $ kstate map --small 50
       POD          CLAIM        VOLUME       NODE
     ✗ broken …                               server-0
     ● db-0     ─── data-db… ─── pvc-0bd… ─── agent-0
     ● db-1     ─── data-db… ─── pvc-a59… ─── agent-1
     ○ nowhere…                               -
     ○ -            waits P…     -
     ● -            -            spare
    $ kstate map -o mermaid
    flowchart LR
      n0["node/k3d-deadless-agent-0<br/>Ready"]
      n1["node/k3d-deadless-agent-1<br/>Ready"]
      n2["node/k3d-deadless-server-0<br/>Ready"]
      n3["sc/local-path<br/>(default) rancher.io/local-path Delete WaitForFirstConsumer"]
      n4["pv/pvc-0bdf0b63-d92d-45b5-9046-fb52db21dac2<br/>Bound 10Mi RWO Delete"]
      n5["pv/pvc-a5957d04-eafe-4ab0-9d54-b83033f2fb74<br/>Bound 10Mi RWO Delete"]
      n6["pv/spare<br/>Available 5Gi RWX Retain"]
      n7["pvc/data-db-0<br/>Bound 10Mi RWO"]
      n8["pvc/data-db-1<br/>Bound 10Mi RWO"]
      n9["pvc/waits<br/>Pending 1Gi RWO"]
      n10["pod/broken<br/>ImagePullBackOff"]
      n11["pod/db-0<br/>Running"]
      n12["pod/db-1<br/>Running"]
      n13["pod/nowhere<br/>Pending"]
      n4 -->|on| n0
      n4 -->|of class| n3
      n5 -->|on| n1
      n5 -->|of class| n3
      n7 -->|bound| n4
      n8 -->|bound| n5
      n9 -->|wants| n3
      n10 -->|runs on| n2
      n11 -->|runs on| n0
      n11 -->|mounts| n7
      n12 -->|runs on| n1
      n12 -->|mounts| n8
      style n0 fill:#d9f2d9
      style n1 fill:#d9f2d9
      style n2 fill:#d9f2d9
      style n3 fill:#d9f2d9
      style n4 fill:#d9f2d9
      style n5 fill:#d9f2d9
      style n6 fill:#d9f2d9
      style n7 fill:#d9f2d9
      style n8 fill:#d9f2d9
      style n9 fill:#fff3c4
      style n10 fill:#f8d0d0
      style n11 fill:#d9f2d9
      style n12 fill:#d9f2d9
      style n13 fill:#fff3c4
    $ kstate map -o png
    error: unable to match a printer suitable for the output format "png", allowed formats are: dot,json,mermaid,svg
    [exit 1]
    $ kubectl map
    error: unknown command "map" for "kubectl"

    Did you mean this?
    	top
    	cp
    [exit 1]
    "#);
    let json = session.run(&["kstate map -o json"]);
    assert!(json.contains(r#""what": "mounts""#) && json.contains(r#""mood": "bad""#), "{json}");
    let svg = session.run(&["kstate map -o svg"]);
    assert!(svg.contains("<svg ") && svg.contains("pvc/data-db-0") && svg.trim_end().ends_with("</svg>"), "{svg}");
    let dot = session.run(&["kstate map -o dot"]);
    assert!(
        dot.contains(r#""pod/default/db-0" -> "persistentvolumeclaim/default/data-db-0" [label="mounts"]"#),
        "{dot}"
    );
}
