//! Volumes that are copied: a source is never gone while it is, and what goes takes with it what it should.

use std::collections::BTreeMap;

use kstate::api::csi::CsiVolume;
use kstate::api::k8s::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use kstate::api::request::{By, Deletion};
use kstate::api::snapshot::{VolumeSnapshot, VolumeSnapshotContent};
use kstate::api::{Duration, Kind, Object, ObjectKey};
use kstate::controllers::csi::{Driver, Operation};
use kstate::registry::Context;
use kstate::sim::Cluster;
use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::test_runner::TestCaseError;
use proptest::{prop_oneof, proptest};
use serde_json::json;

use super::config;
use super::scenario::{cluster, create, within};

const DRIVER: &str = "disk.csi.example.com";
const BEING_CREATED: &str = "snapshot.storage.kubernetes.io/volumesnapshot-being-created";
const KINDS: [Kind; 4] =
    [Kind::PersistentVolume, Kind::PersistentVolumeClaim, Kind::VolumeSnapshot, Kind::VolumeSnapshotContent];

/// One thing that somebody does.
#[derive(Debug, Clone)]
enum Step {
    Claim { n: u8 },
    Snapshot { n: u8, of: u8, keep: bool },
    Restore { n: u8, of: u8 },
    Clone { n: u8, of: u8 },
    DeleteClaim { n: u8 },
    DeleteSnapshot { n: u8 },
    Fails { on: bool },
    Pass { seconds: u16 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..5u8).prop_map(|n| Step::Claim { n }),
        5 => (0..4u8, 0..5u8, any::<bool>()).prop_map(|(n, of, keep)| Step::Snapshot { n, of, keep }),
        3 => (0..5u8, 0..4u8).prop_map(|(n, of)| Step::Restore { n, of }),
        3 => (0..5u8, 0..5u8).prop_map(|(n, of)| Step::Clone { n, of }),
        4 => (0..5u8).prop_map(|n| Step::DeleteClaim { n }),
        3 => (0..4u8).prop_map(|n| Step::DeleteSnapshot { n }),
        1 => any::<bool>().prop_map(|on| Step::Fails { on }),
        6 => prop_oneof![0..6u16, 20..400u16].prop_map(|seconds| Step::Pass { seconds }),
    ];
    vec(step, 1..25)
}

fn driver(fails: bool) -> Driver {
    let fail = if fails { BTreeMap::from([(Operation::Snapshot, "no".to_string())]) } else { BTreeMap::new() };
    Driver { name: DRIVER.into(), latency: Some(5_000), fail, ..Driver::default() }
}

fn made(kind: Kind, tree: serde_json::Value) -> Object {
    Object::from_tree(kind, tree).expect("an object")
}

fn furnish(c: &mut Cluster) {
    c.add_csi_driver(driver(false)).expect("a driver");
    let class = json!({"metadata": {"name": "disk"}, "provisioner": DRIVER});
    assert!(create(c, made(Kind::StorageClass, class)));
    for policy in ["Delete", "Retain"] {
        let class = json!({"metadata": {"name": policy.to_lowercase()}, "driver": DRIVER, "deletionPolicy": policy});
        assert!(create(c, made(Kind::VolumeSnapshotClass, class)));
    }
    c.settle().expect("to settle");
}

fn claim(n: u8, source: Option<(&str, String)>) -> Object {
    let source = source.map(|(kind, name)| {
        let group = (kind == "VolumeSnapshot").then_some("snapshot.storage.k8s.io");
        json!({"apiGroup": group, "kind": kind, "name": name})
    });
    made(
        Kind::PersistentVolumeClaim,
        json!({"metadata": {"name": format!("claim-{n}"), "namespace": "default"}, "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": "disk", "dataSource": source,
            "resources": {"requests": {"storage": "1Gi"}}}}),
    )
}

fn delete(c: &mut Cluster, kind: Kind, name: String) {
    let found = c.view().get(&ObjectKey::new(kind, "default", name)).cloned();
    if let Some(object) = found {
        let by = By::cluster();
        let _ = c.registry_mut().delete(&Deletion::of(&object), &Context::new(&by));
    }
}

fn carry_out(step: &Step, c: &mut Cluster) {
    match step {
        Step::Claim { n } => _ = create(c, claim(*n, None)),
        Step::Snapshot { n, of, keep } => {
            let class = if *keep { "retain" } else { "delete" };
            let snapshot = json!({"metadata": {"name": format!("snapshot-{n}"), "namespace": "default"}, "spec": {
                "volumeSnapshotClassName": class, "source": {"persistentVolumeClaimName": format!("claim-{of}")}}});
            create(c, made(Kind::VolumeSnapshot, snapshot));
        }
        Step::Restore { n, of } => _ = create(c, claim(*n, Some(("VolumeSnapshot", format!("snapshot-{of}"))))),
        Step::Clone { n, of } => _ = create(c, claim(*n, Some(("PersistentVolumeClaim", format!("claim-{of}"))))),
        Step::DeleteClaim { n } => delete(c, Kind::PersistentVolumeClaim, format!("claim-{n}")),
        Step::DeleteSnapshot { n } => delete(c, Kind::VolumeSnapshot, format!("snapshot-{n}")),
        Step::Fails { on } => c.add_csi_driver(driver(*on)).expect("a driver"),
        Step::Pass { seconds } => c.advance(Duration::secs(i64::from(*seconds))).expect("to let time pass"),
    }
    c.converge().expect("to converge");
}

/// The cluster as it was at the last revision that was looked at.
#[derive(Default)]
struct Model {
    revision: u64,
    objects: BTreeMap<ObjectKey, Object>,
}

impl Model {
    fn follow(&mut self, cluster: &Cluster) -> Result<(), String> {
        let mut news = Vec::new();
        for kind in KINDS {
            news.extend(cluster.store().changes_after(kind, self.revision).map_err(|e| e.to_string())?);
        }
        news.sort_by_key(|(revision, _, _)| *revision);
        for (revision, object, gone) in news {
            let is_new = !self.objects.contains_key(&object.key());
            match gone {
                true => _ = self.objects.remove(&object.key()),
                false => _ = self.objects.insert(object.key(), object.clone()),
            }
            self.revision = revision;
            let at = |fault: String| format!("at revision {revision}: {fault}");
            self.sources_are_there().map_err(at)?;
            if let Some(volume) = object.get::<PersistentVolume>().filter(|_| is_new && !gone) {
                self.was_made_of_what_was_there(volume).map_err(at)?;
            }
        }
        Ok(())
    }

    fn named(&self, kind: Kind, namespace: &str, name: &str) -> Option<&Object> {
        self.objects.get(&ObjectKey::new(kind, namespace, name))
    }

    /// While the driver takes a snapshot that somebody wants, its volume and its claim are there.
    fn sources_are_there(&self) -> Result<(), String> {
        let contents = self.objects.values().filter_map(VolumeSnapshotContent::of);
        for content in contents.filter(|c| c.metadata.annotations.iter().flatten().any(|(k, _)| k == BEING_CREATED)) {
            let reference = &content.fields.spec.volume_snapshot_ref;
            let name = reference.name.as_deref().unwrap_or_default();
            let Some(object) = self.named(Kind::VolumeSnapshot, "default", name).filter(|o| !o.is_terminating()) else {
                continue;
            };
            let snapshot = VolumeSnapshot::of(object).ok_or("no snapshot")?;
            let claim = snapshot.fields.spec.source.persistent_volume_claim_name.unwrap_or_default();
            let handle = content.fields.spec.source.volume_handle.clone().unwrap_or_default();
            let volume = CsiVolume { driver: DRIVER.into(), handle };
            let mut volumes = self.objects.values().filter_map(|o| o.get::<PersistentVolume>());
            if !volumes.any(|v| CsiVolume::of(v).as_ref() == Some(&volume)) {
                return Err(format!("{} is being made of a volume that is gone", content.name()));
            }
            if self.named(Kind::PersistentVolumeClaim, "default", &claim).is_none() {
                return Err(format!("{} is being made of {claim}, which is gone", content.name()));
            }
        }
        Ok(())
    }

    /// What a new volume is made of is there until it is made.
    fn was_made_of_what_was_there(&self, volume: &PersistentVolume) -> Result<(), String> {
        let claim = volume.spec.as_ref().and_then(|s| s.claim_ref.as_ref()).and_then(|r| r.name.as_deref());
        let claim = self.named(Kind::PersistentVolumeClaim, "default", claim.unwrap_or_default());
        let source =
            claim.and_then(|o| o.get::<PersistentVolumeClaim>()).and_then(|c| c.spec.as_ref()?.data_source.clone());
        let Some(source) = source else { return Ok(()) };
        let kind = if source.kind == "VolumeSnapshot" { Kind::VolumeSnapshot } else { Kind::PersistentVolumeClaim };
        match self.named(kind, "default", &source.name) {
            Some(_) => Ok(()),
            None => Err(format!("a volume was made of {} {}, which is gone", source.kind, source.name)),
        }
    }

    /// Once all has come to rest, no claim is held for a copy that nobody makes, and what was to go with its snapshot is
    /// gone.
    fn nothing_is_left(&self) -> Result<(), String> {
        for content in self.objects.values().filter_map(VolumeSnapshotContent::of) {
            let reference = &content.fields.spec.volume_snapshot_ref;
            let name = reference.name.as_deref().unwrap_or_default();
            let snapshot = self.named(Kind::VolumeSnapshot, "default", name).and_then(VolumeSnapshot::of);
            if content.fields.spec.deletion_policy == "Delete" && !snapshot.is_some_and(|s| content.is_of(&s)) {
                return Err(format!("{} outlived its snapshot", content.name()));
            }
        }
        let held = |o: &&Object| o.meta().finalizers.iter().flatten().any(|f| f.contains("pvc-as-source-protection"));
        let claims = self.objects.values().filter(|o| o.kind() == Kind::PersistentVolumeClaim).filter(held);
        for claim in claims {
            let mut snapshots = self.objects.values().filter_map(VolumeSnapshot::of);
            let name = claim.meta().name.as_deref();
            let unready = snapshots
                .any(|s| !s.is_ready() && s.fields.spec.source.persistent_volume_claim_name.as_deref() == name);
            if !unready {
                return Err(format!("{name:?} is held for nothing"));
            }
        }
        Ok(())
    }
}

fn play(steps: &[Step], seed: u64, shuffle: Option<u64>) -> Result<(), String> {
    let mut model = Model::default();
    let mut cluster = cluster(seed, shuffle);
    within(&mut cluster, furnish);
    for (n, step) in steps.iter().enumerate() {
        within(&mut cluster, |c| carry_out(step, c));
        model.follow(&cluster).map_err(|fault| format!("{fault}\nafter {:?}", &steps[..=n]))?;
    }
    within(&mut cluster, |c| {
        c.add_csi_driver(driver(false)).expect("a driver");
        c.advance(Duration::secs(1200)).expect("to let time pass");
        c.settle().expect("to settle");
    });
    model.follow(&cluster).and_then(|()| model.nothing_is_left())
}

proptest! {
    #![proptest_config(config(32))]
    #[test]
    fn what_is_copied_stays_until_it_is_copied(steps in steps(), seed in 0..1000u64) {
        play(&steps, seed, None).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn also_in_any_order_of_the_controllers(steps in steps(), seed in 0..1000u64, shuffle in any::<u64>()) {
        play(&steps, seed, Some(shuffle)).map_err(TestCaseError::fail)?;
    }
}

/// The checks can fail: a model that is told that the source is gone says so.
#[test]
fn a_source_that_is_gone_is_noticed() {
    let mut cluster = cluster(1, None);
    within(&mut cluster, furnish);
    for step in [Step::Claim { n: 0 }, Step::Pass { seconds: 20 }, Step::Snapshot { n: 0, of: 0, keep: false }] {
        within(&mut cluster, |c| carry_out(&step, c));
    }
    let mut model = Model::default();
    assert_eq!(model.follow(&cluster), Ok(()));
    model.objects.retain(|key, _| key.kind != Kind::PersistentVolumeClaim);
    let fault = model.sources_are_there().expect_err("it is gone");
    assert!(fault.ends_with("is being made of claim-0, which is gone"), "{fault}");
}
