//! The binder at work in a cluster.

use proptest::prelude::{ProptestConfig, Strategy, prop_oneof, proptest};
use serde_json::{Value, json};

use crate::api::k8s::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use crate::api::request::Deletion;
use crate::api::{Duration, Kind, Lister, Object, ObjectKey, Time};
use crate::kinds::rules;
use crate::sim::{ClockMode, Cluster, Config};

fn cluster() -> Cluster {
    let config = Config { clock: ClockMode::Manual, ..Config::default() };
    let mut cluster = Cluster::new_in_memory(config, Time(0)).unwrap();
    cluster.begin(true, Time(0)).unwrap();
    cluster
}

fn create(cluster: &mut Cluster, kind: Kind, tree: Value) {
    let object = Object::from_tree(kind, tree).unwrap();
    cluster.create(object).unwrap();
    cluster.converge().unwrap();
}

fn volume(name: &str, size: &str, more: Value) -> Value {
    let mut spec = json!({
        "capacity": {"storage": size},
        "accessModes": ["ReadWriteOnce"],
        "hostPath": {"path": format!("/mnt/{name}")},
    });
    merge(&mut spec, more);
    json!({"metadata": {"name": name}, "spec": spec})
}

fn claim(name: &str, size: &str, more: Value) -> Value {
    let mut spec = json!({
        "resources": {"requests": {"storage": size}},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "",
    });
    merge(&mut spec, more);
    json!({"metadata": {"name": name, "namespace": "default"}, "spec": spec})
}

fn merge(into: &mut Value, from: Value) {
    for (key, value) in from.as_object().into_iter().flatten() {
        into[key] = value.clone();
    }
}

/// The rows of a kind's table without names' column headings and ages.
fn table(cluster: &Cluster, kind: Kind) -> String {
    let columns = rules(kind).columns();
    let row = |o: &Object| {
        let cells = cluster.registry().with_print_context(|c| rules(kind).row(o, c));
        let kept = columns.iter().zip(cells).filter(|(c, _)| c.name != "AGE" && !c.wide).map(|(_, cell)| cell);
        kept.filter(|cell| !cell.is_empty() && cell != "<unset>").collect::<Vec<_>>().join(" ")
    };
    Lister::list(&cluster.view(), kind, None).iter().map(|o| row(o)).collect::<Vec<_>>().join("\n")
}

fn both(cluster: &Cluster) -> String {
    let tables = [Kind::PersistentVolume, Kind::PersistentVolumeClaim].map(|kind| table(cluster, kind));
    tables.join("\n").trim().to_string()
}

fn events(cluster: &Cluster) -> String {
    let all = Lister::list(&cluster.view(), Kind::Event, None);
    let mut lines: Vec<String> = all
        .iter()
        .filter_map(|o| match o.as_ref() {
            Object::Event(e) => Some(format!(
                "{} x{} {}: {}",
                e.involved_object.name.clone()?,
                e.count?,
                e.reason.clone()?,
                e.message.clone()?
            )),
            _ => None,
        })
        .collect();
    lines.sort();
    lines.join("\n")
}

fn delete(cluster: &mut Cluster, kind: Kind, name: &str) {
    let namespace = if kind.is_namespaced() { "default" } else { "" };
    let object = cluster.view().get(&ObjectKey::new(kind, namespace, name)).cloned().unwrap();
    cluster.delete(&Deletion::of(&object)).unwrap();
    cluster.settle().unwrap();
}

#[test]
fn takes_the_smallest_volume_with_the_fewest_modes() {
    let mut c = cluster();
    create(
        &mut c,
        Kind::PersistentVolume,
        volume("small-rwx", "1Gi", json!({"accessModes": ["ReadWriteOnce", "ReadWriteMany"]})),
    );
    create(&mut c, Kind::PersistentVolume, volume("large", "5Gi", json!({})));
    create(&mut c, Kind::PersistentVolume, volume("medium", "2Gi", json!({})));
    create(&mut c, Kind::PersistentVolume, volume("block", "1Gi", json!({"volumeMode": "Block"})));
    create(&mut c, Kind::PersistentVolumeClaim, claim("c1", "1Gi", json!({})));
    create(&mut c, Kind::PersistentVolumeClaim, claim("c2", "10Mi", json!({"accessModes": ["ReadWriteMany"]})));
    create(&mut c, Kind::PersistentVolumeClaim, claim("c3", "6Gi", json!({})));
    insta::assert_snapshot!(both(&c), @r"
    block 1Gi RWO Retain Available
    large 5Gi RWO Retain Available
    medium 2Gi RWO Retain Bound default/c1
    small-rwx 1Gi RWO,RWX Retain Bound default/c2
    c1 Bound medium 2Gi RWO
    c2 Bound small-rwx 1Gi RWO,RWX
    c3 Pending
    ");
    c.advance(Duration::secs(31)).unwrap();
    insta::assert_snapshot!(events(&c), @"c3 x3 FailedBinding: no persistent volumes available for this claim and no storage class is set");
}

#[test]
fn a_lost_volume_comes_back() {
    let mut c = cluster();
    create(&mut c, Kind::PersistentVolume, volume("v", "1Gi", json!({})));
    create(&mut c, Kind::PersistentVolumeClaim, claim("c", "1Gi", json!({})));
    // The volume goes though it is bound: someone takes its finalizer away.
    let key = ObjectKey::cluster(Kind::PersistentVolume, "v");
    let object = c.view().get(&key).cloned().unwrap();
    c.delete(&Deletion::of(&object)).unwrap();
    insta::assert_snapshot!(both(&c), @r"
    v 1Gi RWO Retain Terminating default/c
    c Bound v 1Gi RWO
    ");
    let mut object = Object::clone(c.view().get(&key).unwrap());
    object.meta_mut().finalizers = None;
    c.update(object).unwrap();
    c.converge().unwrap();
    insta::assert_snapshot!(both(&c), @"c Lost v 0");
    create(&mut c, Kind::PersistentVolume, volume("v", "1Gi", json!({})));
    insta::assert_snapshot!(both(&c), @r"
    v 1Gi RWO Retain Available
    c Lost v 0
    ");
    c.advance(Duration::secs(16)).unwrap();
    insta::assert_snapshot!(both(&c), @r"
    v 1Gi RWO Retain Bound default/c
    c Bound v 1Gi RWO
    ");
    insta::assert_snapshot!(events(&c), @"c x1 ClaimLost: Bound claim has lost its PersistentVolume. Data on the volume is lost!");
}

#[test]
fn a_claim_that_goes_while_it_is_being_bound_releases_its_volume() {
    let mut c = cluster();
    create(&mut c, Kind::PersistentVolume, volume("v", "1Gi", json!({})));
    let object = Object::from_tree(Kind::PersistentVolumeClaim, claim("c", "1Gi", json!({}))).unwrap();
    c.create(object).unwrap();
    c.run_until(c.now()).unwrap();
    insta::assert_snapshot!(both(&c), @r"
    v 1Gi RWO Retain Bound default/c
    c Pending
    ");
    delete(&mut c, Kind::PersistentVolumeClaim, "c");
    insta::assert_snapshot!(both(&c), @"v 1Gi RWO Retain Released default/c");
}

#[test]
fn policies() {
    let mut c = cluster();
    for (name, path, policy) in
        [("keep", "/tmp/x", "Retain"), ("gone", "/tmp/y", "Delete"), ("fail", "/mnt/z", "Delete")]
    {
        let more = json!({"hostPath": {"path": path}, "persistentVolumeReclaimPolicy": policy});
        create(&mut c, Kind::PersistentVolume, volume(name, "1Gi", more));
        create(&mut c, Kind::PersistentVolumeClaim, claim(name, "1Gi", json!({"volumeName": name})));
    }
    for name in ["keep", "gone", "fail"] {
        delete(&mut c, Kind::PersistentVolumeClaim, name);
    }
    insta::assert_snapshot!(both(&c), @r"
    fail 1Gi RWO Delete Failed default/fail
    keep 1Gi RWO Retain Released default/keep
    ");
    insta::assert_snapshot!(events(&c), @"fail x1 VolumeFailedDelete: host_path deleter only supports /tmp/.+ but received provided /mnt/z");
    // A claim of the same name does not get the volume back before its claimRef is free.
    create(&mut c, Kind::PersistentVolumeClaim, claim("keep", "1Gi", json!({})));
    c.settle().unwrap();
    insta::assert_snapshot!(table(&c, Kind::PersistentVolumeClaim), @"keep Pending");
    let mut object = Object::clone(c.view().get(&ObjectKey::cluster(Kind::PersistentVolume, "keep")).unwrap());
    object.get_mut::<PersistentVolume>().unwrap().spec.as_mut().unwrap().claim_ref = None;
    c.update(object).unwrap();
    c.advance(Duration::secs(16)).unwrap();
    insta::assert_snapshot!(table(&c, Kind::PersistentVolumeClaim), @"keep Bound keep 1Gi RWO");
}

#[test]
fn provisions_when_the_scheduler_has_chosen_a_node() {
    let mut c = cluster();
    create(&mut c, Kind::PersistentVolumeClaim, claim("c", "10Mi", json!({"storageClassName": "local-path"})));
    insta::assert_snapshot!(both(&c), @"c Pending local-path");
    let key = ObjectKey::new(Kind::PersistentVolumeClaim, "default", "c");
    let mut object = Object::clone(c.view().get(&key).unwrap());
    let annotations = object.meta_mut().annotations.get_or_insert_default();
    annotations.insert("volume.kubernetes.io/selected-node".into(), "k3d-deadless-agent-0".into());
    c.update(object).unwrap();
    c.converge().unwrap();
    insta::assert_snapshot!(both(&c), @"c Pending local-path");
    c.settle().unwrap();
    let uid = c.view().get(&key).unwrap().uid().to_string();
    insta::assert_snapshot!(both(&c).replace(&uid, "UID"), @r"
    pvc-UID 10Mi RWO Delete Bound default/c local-path
    c Bound pvc-UID 10Mi RWO local-path
    ");
    delete(&mut c, Kind::PersistentVolumeClaim, "c");
    assert_eq!(both(&c), "");
}

#[test]
fn work_grows_with_the_claims_alone() {
    let mut c = cluster();
    let n = 300;
    for i in 0..n {
        let object = Object::from_tree(Kind::PersistentVolume, volume(&format!("v{i}"), "1Gi", json!({}))).unwrap();
        c.create(object).unwrap();
    }
    for i in 0..n {
        let tree = claim(&format!("c{i}"), "1Gi", json!({}));
        let object = Object::from_tree(Kind::PersistentVolumeClaim, tree).unwrap();
        c.create(object).unwrap();
    }
    c.settle().unwrap();
    let bound = c.view().list_as::<PersistentVolumeClaim>().filter(|c| super::phase_of_claim(c) == "Bound").count();
    assert_eq!(bound, n);
    // A volume and a claim each: created, made available or bound, and the binding's four writes.
    assert_eq!(c.revision() as usize - cluster().revision() as usize, n * 7);
}

/// What a user may do to claims and volumes, each named by a small number.
#[derive(Debug, Clone)]
enum Step {
    Volume { name: u8, size: u8, policy: u8, reserved_for: Option<u8> },
    Claim { name: u8, size: u8, volume: Option<u8> },
    DeleteClaim(u8),
    DeleteVolume(u8),
    FreeVolume(u8),
    Wait(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let name = 0..4u8;
    prop_oneof![
        (name.clone(), 1..4u8, 0..3u8, proptest::option::of(name.clone()))
            .prop_map(|(name, size, policy, reserved_for)| Step::Volume { name, size, policy, reserved_for }),
        (name.clone(), 1..4u8, proptest::option::of(name.clone())).prop_map(|(name, size, volume)| Step::Claim {
            name,
            size,
            volume
        }),
        name.clone().prop_map(Step::DeleteClaim),
        name.clone().prop_map(Step::DeleteVolume),
        name.prop_map(Step::FreeVolume),
        (0..20u8).prop_map(Step::Wait),
    ]
}

fn take(c: &mut Cluster, step: &Step) {
    let volume_key = |n: u8| ObjectKey::cluster(Kind::PersistentVolume, format!("v{n}"));
    let claim_key = |n: u8| ObjectKey::new(Kind::PersistentVolumeClaim, "default", format!("c{n}"));
    let mut make = |kind, tree| {
        let object = Object::from_tree(kind, tree).unwrap();
        // The name may be taken.
        let _ = c.create(object);
    };
    match step {
        Step::Volume { name, size, policy, reserved_for } => {
            let policy = ["Retain", "Delete", "Recycle"][usize::from(*policy)];
            let mut more = json!({"persistentVolumeReclaimPolicy": policy, "hostPath": {"path": "/tmp/x"}});
            if let Some(claim) = reserved_for {
                more["claimRef"] = json!({"namespace": "default", "name": format!("c{claim}")});
            }
            make(Kind::PersistentVolume, volume(&format!("v{name}"), &format!("{size}Gi"), more));
        }
        Step::Claim { name, size, volume } => {
            let more = volume.map_or(json!({}), |v| json!({"volumeName": format!("v{v}")}));
            make(Kind::PersistentVolumeClaim, claim(&format!("c{name}"), &format!("{size}Gi"), more));
        }
        Step::DeleteClaim(n) | Step::DeleteVolume(n) => {
            let key = if matches!(step, Step::DeleteClaim(_)) { claim_key(*n) } else { volume_key(*n) };
            if let Some(object) = c.view().get(&key).cloned() {
                c.delete(&Deletion::of(&object)).unwrap();
            }
        }
        Step::FreeVolume(n) => {
            if let Some(object) = c.view().get(&volume_key(*n)).cloned() {
                let mut object = Object::clone(&object);
                object.get_mut::<PersistentVolume>().unwrap().spec.as_mut().unwrap().claim_ref = None;
                c.update(object).unwrap();
            }
        }
        Step::Wait(seconds) => c.advance(Duration::secs((*seconds).into())).unwrap(),
    }
}

/// What must hold at any time: a bound volume knows its claim, and a claim is bound to what it names.
fn check(c: &Cluster) {
    let view = c.view();
    for volume in view.list_as::<PersistentVolume>().filter(|v| super::phase_of_volume(v) == "Bound") {
        assert!(volume.spec.as_ref().unwrap().claim_ref.is_some(), "a volume is bound to nothing");
    }
    for claim in view.list_as::<PersistentVolumeClaim>().filter(|c| super::phase_of_claim(c) == "Bound") {
        assert!(claim.spec.as_ref().unwrap().volume_name.is_some(), "a claim is bound to nothing");
    }
}

/// What must hold once the binder has looked at all: a volume is the data of one claim, and nobody waits for what is
/// there. Before that, a volume whose claimRef a user removed may have a second claim.
fn check_at_rest(c: &Cluster) {
    let view = c.view();
    let mut taken = std::collections::BTreeSet::new();
    for claim in view.list_as::<PersistentVolumeClaim>() {
        let volume_name = claim.spec.as_ref().and_then(|s| s.volume_name.clone()).unwrap_or_default();
        let volume = view.get_as::<PersistentVolume>("", &volume_name);
        match super::phase_of_claim(claim) {
            "Bound" => {
                let volume = volume.expect("a bound claim has a volume");
                let claim_ref = volume.spec.as_ref().and_then(|s| s.claim_ref.as_ref()).unwrap();
                assert!(taken.insert(volume_name.clone()), "{volume_name} is bound twice");
                assert_eq!((&claim_ref.uid, super::phase_of_volume(volume)), (&claim.metadata.uid, "Bound"));
            }
            "Pending" if volume_name.is_empty() => {
                let found = super::find_matching_volume(&view, claim, None, &Default::default(), false);
                assert!(
                    found.is_none(),
                    "{:?} waits beside {:?}",
                    claim.metadata.name,
                    found.map(|v| &v.metadata.name)
                );
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_volume_is_ever_bound_twice(steps in proptest::collection::vec(step(), 1..24)) {
        let mut c = cluster();
        for step in &steps {
            take(&mut c, step);
            c.converge().unwrap();
            check(&c);
        }
        c.advance(Duration::secs(90)).unwrap();
        c.settle().unwrap();
        check(&c);
        check_at_rest(&c);
    }
}
