//! Generated scenarios: what must hold whatever is done, in which order ever the controllers work.

mod attach;
mod commands;
mod invariants;
mod scenario;
mod snapshots;

use invariants::Model;
use kstate::api::k8s::api::core::v1::PersistentVolumeClaim;
use kstate::api::{Kind, Object};
use kstate::sim::Cluster;
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any};
use proptest::test_runner::TestCaseError;
use proptest::{prop_assert_eq, proptest};
use scenario::{Act, acts, cluster, create, stateful_set, within};

fn fail(acts: &[Act], done: usize) -> impl Fn(String) -> TestCaseError {
    let told = format!("{:?}", &acts[..=done.min(acts.len() - 1)]);
    move |what| TestCaseError::fail(format!("{what}\nafter {told}"))
}

/// Notes what a deletion takes along by the user's own wish.
fn note_deletion(act: &Act, cluster: &Cluster, model: &mut Model) {
    let Act::Delete { kind, n, ordinal, .. } = *act else { return };
    let Some(key) = act.victim(cluster, kind, n, ordinal) else { return };
    let uid = cluster.view().get(&key).map(|o| o.uid().to_string());
    model.deleted.extend(uid);
}

/// Plays a scenario, and follows every revision.
fn play(acts: &[Act], seed: u64, shuffle: Option<u64>) -> Result<Model, TestCaseError> {
    let mut cluster = cluster(seed, shuffle);
    let mut model = Model::default();
    for (n, act) in acts.iter().enumerate() {
        note_deletion(act, &cluster, &mut model);
        within(&mut cluster, |c| act.carry_out(c));
        model.follow(&cluster).map_err(fail(acts, n))?;
    }
    for node in 0..3 {
        within(&mut cluster, |c| Act::Kubelet { node, running: true }.carry_out(c));
    }
    // A node that was lost is back after its next heartbeat, and what waited for it goes on.
    within(&mut cluster, |c| Act::Pass { seconds: 600 }.carry_out(c));
    within(&mut cluster, |c| c.settle().expect("to settle"));
    model.follow(&cluster).map_err(fail(acts, acts.len()))?;
    model.settled().map_err(fail(acts, acts.len()))?;
    Ok(model)
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 400, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(48))]
    #[test]
    fn nothing_is_bound_twice_lost_or_out_of_order(acts in acts(), seed in 0..1000u64) {
        play(&acts, seed, None)?;
    }

    #[test]
    fn the_same_holds_in_whatever_order_the_controllers_work(acts in acts(), seed in 0..1000u64, shuffle in any::<u64>()) {
        play(&acts, seed, Some(shuffle))?;
    }
}

proptest! {
    #![proptest_config(config(32))]
    /// StatefulSets end the same, in whatever order the controllers work.
    #[test]
    fn stateful_sets_end_the_same_in_any_order(
        sets in vec((1..5u8, any::<bool>(), any::<bool>()), 1..3), scales in vec((0..2usize, 0..5u8), 0..4), shuffle in any::<u64>(),
    ) {
        let ends = [None, Some(shuffle)].map(|shuffle| {
            let mut cluster = cluster(1, shuffle);
            let mut model = Model::default();
            within(&mut cluster, |c| {
                for (n, (replicas, parallel, template)) in sets.iter().enumerate() {
                    let set = stateful_set(&format!("set-{n}"), *replicas, *parallel, *template);
                    assert!(create(c, set));
                }
            });
            for (n, replicas) in &scales {
                within(&mut cluster, |c| Act::Scale { n: *n as u8, replicas: *replicas }.carry_out(c));
            }
            within(&mut cluster, |c| c.settle().expect("to settle"));
            model.follow(&cluster).and_then(|()| model.settled()).map(|()| model.outcome())
        });
        prop_assert_eq!(&ends[0], &ends[1]);
        prop_assert_eq!(ends[0].as_ref().err(), None);
    }
}

/// The checks can fail: a model that is told of a wrong step says so.
#[test]
fn a_second_binding_is_noticed() {
    let mut cluster = cluster(1, None);
    within(&mut cluster, |c| {
        Act::Volume { n: 0, gi: 1, class: 0, node: None, retain: true }.carry_out(c);
        for n in 0..2 {
            Act::Claim { n, gi: 1, class: 0 }.carry_out(c);
        }
        c.settle().expect("to settle");
    });
    let other = cluster.view().list(Kind::PersistentVolumeClaim).find(|o| {
        o.get::<PersistentVolumeClaim>().is_some_and(|c| c.spec.as_ref().is_none_or(|s| s.volume_name.is_none()))
    });
    let mut other = Object::clone(other.expect("a claim that waits"));
    if let Some(c) = other.get_mut::<PersistentVolumeClaim>() {
        c.spec.get_or_insert_default().volume_name = Some("volume-0".into());
        c.status.get_or_insert_default().phase = Some("Bound".into());
    }
    let mut model = Model::default();
    assert_eq!(model.follow(&cluster), Ok(()));
    assert!(model.step(&other, false).is_err_and(|e| e.starts_with("volume-0 is bound to claim-")));
}
