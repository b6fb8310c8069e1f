//! The YAML printer and the YAML reader against each other.

use kstate::manifest::yaml::to_json;
use kstate::printers::yaml::to_yaml;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};
use serde_json::{Map, Value};

/// As kubectl printed it on a real cluster: folded at tabs and spaces, blocks, quotes where they are needed.
const RECORDED: &str = r#"apiVersion: v1
kind: PersistentVolume
metadata:
  annotations:
    EXPORT_block: "\nEXPORT\n{\n\tExport_Id = 1;\n\tPath = /export/pvc-66a8f36b-2d55-4fc7-aca5-13e4809134e4;\n\tPseudo
      = /export/pvc-66a8f36b-2d55-4fc7-aca5-13e4809134e4;\n\tAccess_Type = RW;\n\tSquash
      = no_root_squash;\n\tSecType = sys;\n\tFilesystem_id = 1.1;\n\tFSAL {\n\t\tName
      = VFS;\n\t}\n}\n"
    Export_Id: "1"
    Project_block: ""
    kubectl.kubernetes.io/last-applied-configuration: |
      {"apiVersion":"v1","kind":"PersistentVolume","metadata":{"annotations":{},"name":"static-pv01"}}
    pv.kubernetes.io/bound-by-controller: "yes"
  creationTimestamp: "2026-11-20T22:08:41Z"
  finalizers:
  - kubernetes.io/pv-protection
  name: pvc-66a8f36b-2d55-4fc7-aca5-13e4809134e4
spec:
  accessModes:
  - ReadWriteMany
  capacity:
    storage: 100Mi
  nfs:
    path: /export
    server: 10.43.138.238
  nodeAffinity:
    required:
      nodeSelectorTerms:
      - matchExpressions:
        - key: kubernetes.io/hostname
          operator: In
          values:
          - k3d-deadless-server-0
status:
  conditions:
  - message: 'the HPA was unable to compute the replica count: failed to get cpu utilization:
      unable to get metrics for resource cpu: no metrics returned from resource metrics
      API'
  phase: Bound
"#;

#[test]
fn what_a_cluster_printed_is_printed_again() {
    let value = to_json(RECORDED).expect("kubectl printed it");
    assert_eq!(to_yaml(&value), RECORDED);
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "Z",
        "9",
        "0",
        " ",
        "  ",
        ": ",
        " #",
        "- ",
        "'",
        "\"",
        "\n",
        "\n\n",
        "\t",
        "\\",
        "é",
        "\u{85}",
        "\u{2028}",
        "😀",
        "\u{feff}",
        "\r",
        "?",
        ".",
        "yes",
        "null",
        "*",
        "&",
        "!",
        "%",
        "@",
        "{",
        "]",
        ",",
        "|",
        ">",
        "---",
        "some longer words that fold ",
        "1:30",
        "2001-01-01",
        "\u{0}",
        "0x",
        "1e3",
        "=",
    ]);
    prop_oneof![
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat()),
        any::<String>().prop_filter("no merge key", |s| s != "<<"),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => text().prop_map(Value::String),
        1 => any::<i64>().prop_map(Value::from),
        1 => (any::<i32>(), 1..20u8).prop_map(|(n, d)| Value::from(f64::from(n) + f64::from(d) / 32.0)),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(text(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_is_written_is_read_back(value in value()) {
        let text = to_yaml(&value);
        prop_assert_eq!(to_json(&text), Ok(value), "{}", text);
    }
}
