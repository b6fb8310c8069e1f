//! How many replicas metrics ask for.

use std::collections::BTreeMap;

use super::*;
use crate::api::ObjectMeta;
use crate::api::k8s::api::core::v1::{PodCondition, PodSpec, PodStatus, ResourceRequirements};
use crate::api::k8s::apimachinery::pkg::api::resource::Quantity;

const NOW: Time = Time(3_600_000);

/// A pod that requests a processor, in a phase, ready or not since then, started then (in seconds before now).
fn pod(name: &str, phase: &str, ready: bool, since: i64, started: i64) -> Pod {
    let before = |seconds: i64| Some((NOW - Duration::secs(seconds)).meta());
    Pod {
        metadata: ObjectMeta { name: Some(name.into()), ..Default::default() },
        spec: Some(PodSpec {
            containers: vec![Container {
                name: "app".into(),
                resources: Some(ResourceRequirements {
                    requests: Some(BTreeMap::from([("cpu".into(), Quantity("1".into()))])),
                    ..Default::default()
                }),
                ..Default::default()
            }],
            ..Default::default()
        }),
        status: Some(PodStatus {
            phase: Some(phase.into()),
            start_time: before(started),
            conditions: Some(vec![PodCondition {
                type_: "Ready".into(),
                status: if ready { "True" } else { "False" }.into(),
                last_transition_time: before(since),
                ..Default::default()
            }]),
            ..Default::default()
        }),
    }
}

fn up(name: &str) -> Pod {
    pod(name, "Running", true, 1000, 1000)
}

fn ask(current: i32, target: i32, pods: &[Pod], used: &[(&'static str, i64)]) -> Result<(i32, Option<i32>), String> {
    let question = Question {
        current,
        aim: Aim::Utilization(target),
        resource: "cpu",
        container: "",
        tolerances: Tolerances { scale_down: 0.1, scale_up: 0.1 },
        now: NOW,
    };
    let of = |(name, value): &(&'static str, i64)| {
        (*name, PodMetric { timestamp: NOW, window: Duration::secs(15), value: *value })
    };
    let pods: Vec<&Pod> = pods.iter().collect();
    question.replicas(&pods, used.iter().map(of).collect()).map(|p| (p.replicas, p.utilization))
}

#[test]
fn the_ratio_is_rounded_up() {
    let pods = [up("a"), up("b"), up("c")];
    assert_eq!(ask(3, 30, &pods, &[("a", 300), ("b", 500), ("c", 700)]), Ok((5, Some(50))));
    assert_eq!(ask(3, 50, &pods, &[("a", 100), ("b", 200), ("c", 300)]), Ok((2, Some(20))));
}

#[test]
fn what_is_nearly_right_stays() {
    let pods = [up("a"), up("b")];
    assert_eq!(ask(2, 100, &pods, &[("a", 1090), ("b", 1090)]), Ok((2, Some(109))));
    assert_eq!(ask(2, 100, &pods, &[("a", 1110), ("b", 1110)]), Ok((3, Some(111))));
}

#[test]
fn what_is_not_measured_dampens_both_ways() {
    let pods = [up("a"), up("b"), up("c")];
    // Growing, it counts as using nothing; shrinking, as using all.
    assert_eq!(ask(3, 50, &pods, &[("a", 1000), ("b", 1000)]), Ok((4, Some(100))));
    assert_eq!(ask(3, 100, &pods, &[("a", 300), ("b", 300)]), Ok((2, Some(30))));
    assert_eq!(ask(3, 50, &pods, &[("a", 600), ("b", 600)]), Ok((3, Some(60))));
}

#[test]
fn pods_that_are_not_ready_count_as_using_nothing() {
    let pods = [up("a"), up("b"), pod("c", "Pending", false, 10, 10)];
    assert_eq!(ask(3, 50, &pods, &[("a", 1000), ("b", 1000)]), Ok((4, Some(100))));
    // Ready for less than a window, within the first five minutes.
    let fresh = [up("a"), pod("b", "Running", true, 10, 20)];
    assert_eq!(ask(2, 50, &fresh, &[("a", 1000), ("b", 4000)]), Ok((2, Some(100))));
    let only = [pod("b", "Running", true, 10, 20)];
    let fault = "did not receive metrics for targeted pods (pods might be unready)";
    assert_eq!(ask(1, 50, &only, &[("b", 4000)]), Err(fault.to_string()));
}

#[test]
fn pods_that_are_going_are_left_out() {
    let mut gone = up("b");
    gone.metadata.deletion_timestamp = Some(NOW.meta());
    let pods = [up("a"), gone, pod("c", "Failed", false, 10, 1000)];
    assert_eq!(ask(3, 50, &pods, &[("a", 500), ("b", 5000), ("c", 5000)]), Ok((3, Some(50))));
}

#[test]
fn a_request_must_be_there() {
    let mut bare = up("a");
    bare.spec.as_mut().unwrap().containers[0].resources = None;
    let fault = "missing request for cpu in container app of Pod a";
    assert_eq!(ask(1, 50, &[bare], &[("a", 500)]), Err(fault.to_string()));
}
