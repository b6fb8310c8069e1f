//! From the replicas that metrics ask for to those that a target gets: stabilised, and changed no faster than is allowed.
//!
//! Mirrors `normalizeDesiredReplicas` and `normalizeDesiredReplicasWithBehaviors` of
//! `pkg/controller/podautoscaler/horizontal.go`.

use serde::{Deserialize, Serialize};

use crate::api::k8s::api::autoscaling::v2::{HPAScalingRules, HorizontalPodAutoscalerBehavior};
use crate::api::{Duration, Time};
use crate::kinds::shared::access::items;

/// `--horizontal-pod-autoscaler-downscale-stabilization`
const DOWNSCALE_STABILISATION_WINDOW: Duration = Duration::secs(300);

const SCALE_UP_LIMIT_FACTOR: f64 = 2.0;
const SCALE_UP_LIMIT_MINIMUM: f64 = 4.0;

/// What the controller remembers of an autoscaler.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Memory {
    /// How many replicas were asked for, and when.
    #[serde(default)]
    recommendations: Vec<(i32, Time)>,
    /// By how many replicas it grew, and when.
    #[serde(default)]
    ups: Vec<(i32, Time)>,
    /// By how many it shrank.
    #[serde(default)]
    downs: Vec<(i32, Time)>,
}

/// The bounds that an autoscaler keeps to, and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub current: i32,
    pub min: i32,
    pub max: i32,
}

/// A reason and a sentence.
pub(super) type Why = (&'static str, &'static str);

/// How many replicas there shall be, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decision {
    /// The replicas.
    pub replicas: i32,
    /// What the condition AbleToScale says.
    pub able: Why,
    /// Whether scaling is limited, and what the condition ScalingLimited says.
    pub limited: (bool, Why),
}

const UP_STABILIZED: Why = (
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
);
const DOWN_STABILIZED: Why = (
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent recommendation",
);
const READY: Why = ("ReadyForNewScale", "recommended size matches current size");
const TOO_FAST: Why = ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate");
const TOO_FAST_DOWN: Why =
    ("ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate");
const TOO_MANY: Why = ("TooManyReplicas", "the desired replica count is more than the maximum replica count");
const TOO_FEW: Why = ("TooFewReplicas", "the desired replica count is less than the minimum replica count");
const WITHIN: Why = ("DesiredWithinRange", "the desired count is within the acceptable range");

impl Memory {
    /// The first look at a target counts as a recommendation to leave it as it is.
    pub(super) fn record_initial(&mut self, current: i32, now: Time) {
        if self.recommendations.is_empty() {
            self.recommendations.push((current, now));
        }
    }

    /// What becomes of what the metrics ask for.
    pub(super) fn normalize(
        &mut self,
        desired: i32,
        bounds: Bounds,
        behavior: Option<&HorizontalPodAutoscalerBehavior>,
        now: Time,
    ) -> Decision {
        let (stabilized, why, (replicas, limit)) = match behavior {
            None => {
                let stabilized = self.stabilize(desired, now);
                (stabilized, DOWN_STABILIZED, within_rules(stabilized, bounds))
            }
            Some(behavior) => {
                let (stabilized, why) = self.stabilize_by(desired, bounds.current, behavior, now);
                (stabilized, why, self.within_rates(stabilized, bounds, behavior, now))
            }
        };
        let able = if stabilized == desired { READY } else { why };
        Decision { replicas, able, limited: (replicas != stabilized, limit) }
    }

    fn remember(&mut self, desired: i32, old: Option<usize>, now: Time) {
        match old.and_then(|at| self.recommendations.get_mut(at)) {
            Some(place) => *place = (desired, now),
            None => self.recommendations.push((desired, now)),
        }
    }

    /// The highest of what was asked for lately. Mirrors `stabilizeRecommendation`.
    fn stabilize(&mut self, desired: i32, now: Time) -> i32 {
        let cutoff = now - DOWNSCALE_STABILISATION_WINDOW;
        let (mut highest, mut old) = (desired, None);
        for (at, (replicas, when)) in self.recommendations.iter().enumerate() {
            if *when < cutoff {
                old = Some(at);
            } else {
                highest = highest.max(*replicas);
            }
        }
        self.remember(desired, old, now);
        highest
    }

    /// Mirrors `stabilizeRecommendationWithBehaviors`.
    fn stabilize_by(
        &mut self,
        desired: i32,
        current: i32,
        behavior: &HorizontalPodAutoscalerBehavior,
        now: Time,
    ) -> (i32, Why) {
        let window = |rules: Option<&HPAScalingRules>, default: Duration| {
            let seconds = rules.and_then(|r| r.stabilization_window_seconds);
            now - seconds.map_or(default, |s| Duration::secs(i64::from(s)))
        };
        let up_cutoff = window(behavior.scale_up.as_ref(), Duration::ZERO);
        let down_cutoff = window(behavior.scale_down.as_ref(), DOWNSCALE_STABILISATION_WINDOW);
        let (mut up, mut down, mut old) = (desired, desired, None);
        for (at, (replicas, when)) in self.recommendations.iter().enumerate() {
            if *when > up_cutoff {
                up = up.min(*replicas);
            }
            if *when > down_cutoff {
                down = down.max(*replicas);
            }
            if *when < up_cutoff && *when < down_cutoff {
                old = Some(at);
            }
        }
        self.remember(desired, old, now);
        let why = if desired >= current { UP_STABILIZED } else { DOWN_STABILIZED };
        (current.max(up).min(down), why)
    }

    /// Mirrors `convertDesiredReplicasWithBehaviorRate`.
    fn within_rates(
        &self,
        desired: i32,
        Bounds { current, min, max }: Bounds,
        behavior: &HorizontalPodAutoscalerBehavior,
        now: Time,
    ) -> (i32, Why) {
        if desired > current {
            let limit = self.limit(current, behavior.scale_up.as_ref(), true, now).max(current);
            let (most, why) = if max > limit { (limit, TOO_FAST) } else { (max, TOO_MANY) };
            if desired > most {
                return (most, why);
            }
        } else if desired < current {
            let limit = self.limit(current, behavior.scale_down.as_ref(), false, now).min(current);
            let (least, why) = if min < limit { (limit, TOO_FAST_DOWN) } else { (min, TOO_FEW) };
            if desired < least {
                return (least, why);
            }
        }
        (desired, WITHIN)
    }

    /// How far a target may go within the periods of policies. Mirrors `calculateScaleUpLimitWithScalingRules` and
    /// `calculateScaleDownLimitWithBehaviors`.
    fn limit(&self, current: i32, rules: Option<&HPAScalingRules>, is_up: bool, now: Time) -> i32 {
        let Some(rules) = rules else { return current };
        let select = rules.select_policy.as_deref().unwrap_or("Max");
        if select == "Disabled" {
            return current;
        }
        let changed = |events: &[(i32, Time)], seconds: i32| {
            let cutoff = now - Duration::secs(i64::from(seconds));
            events.iter().filter(|(_, when)| *when > cutoff).map(|(change, _)| *change).sum::<i32>()
        };
        let proposals = items(&rules.policies).iter().map(|policy| {
            let (grew, shrank) =
                (changed(&self.ups, policy.period_seconds), changed(&self.downs, policy.period_seconds));
            let start = current.saturating_sub(grew).saturating_add(shrank);
            let by = f64::from(policy.value) / 100.0;
            match (policy.type_.as_str(), is_up) {
                ("Pods", true) => start.saturating_add(policy.value),
                ("Pods", false) => start.saturating_sub(policy.value),
                (_, true) => (f64::from(start) * (1.0 + by)).ceil() as i32,
                (_, false) => (f64::from(start) * (1.0 - by)) as i32,
            }
        });
        // The most change is the highest number upwards, the lowest downwards.
        let limit = if (select == "Min") == is_up { proposals.min() } else { proposals.max() };
        limit.unwrap_or(match (select == "Min") == is_up {
            true => i32::MAX,
            false => i32::MIN,
        })
    }

    /// Remembers that a target was given another size. Mirrors `storeScaleEvent`.
    pub(super) fn store_scale_event(
        &mut self,
        behavior: Option<&HorizontalPodAutoscalerBehavior>,
        (before, after): (i32, i32),
        now: Time,
    ) {
        let Some(behavior) = behavior else { return };
        let (events, rules, change) = match after > before {
            true => (&mut self.ups, behavior.scale_up.as_ref(), after - before),
            false => (&mut self.downs, behavior.scale_down.as_ref(), before - after),
        };
        let periods = rules.map_or(&[][..], |r| items(&r.policies)).iter().map(|p| p.period_seconds);
        let cutoff = now - Duration::secs(i64::from(periods.max().unwrap_or(0)));
        events.retain(|(_, when)| *when >= cutoff);
        events.push((change, now));
    }
}

/// Mirrors `convertDesiredReplicasWithRules`.
fn within_rules(desired: i32, Bounds { current, min, max }: Bounds) -> (i32, Why) {
    let limit = (SCALE_UP_LIMIT_FACTOR * f64::from(current)).max(SCALE_UP_LIMIT_MINIMUM) as i32;
    let (most, why) = if max > limit { (limit, TOO_FAST) } else { (max, TOO_MANY) };
    match desired {
        _ if desired < min => (min, TOO_FEW),
        _ if desired > most => (most, why),
        _ => (desired, WITHIN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::k8s::api::autoscaling::v2::HPAScalingPolicy;

    fn at(seconds: i64) -> Time {
        Time(seconds * 1000)
    }

    fn policy(kind: &str, value: i32, period_seconds: i32) -> HPAScalingPolicy {
        HPAScalingPolicy { type_: kind.into(), value, period_seconds }
    }

    fn rules(window: i32, policies: Vec<HPAScalingPolicy>, select: &str) -> HPAScalingRules {
        HPAScalingRules {
            stabilization_window_seconds: Some(window),
            policies: Some(policies),
            select_policy: Some(select.into()),
            tolerance: None,
        }
    }

    const BOUNDS: Bounds = Bounds { current: 2, min: 1, max: 10 };

    #[test]
    fn growth_is_limited_to_four_or_the_double() {
        let mut memory = Memory::default();
        let decision = memory.normalize(9, BOUNDS, None, at(0));
        assert_eq!((decision.replicas, decision.limited), (4, (true, TOO_FAST)));
        let decision = memory.normalize(12, Bounds { current: 6, ..BOUNDS }, None, at(15));
        assert_eq!((decision.replicas, decision.limited), (10, (true, TOO_MANY)));
    }

    #[test]
    fn a_target_shrinks_when_nothing_more_was_asked_for_during_five_minutes() {
        let mut memory = Memory::default();
        memory.record_initial(4, at(0));
        let bounds = Bounds { current: 4, ..BOUNDS };
        let decision = memory.normalize(1, bounds, None, at(15));
        assert_eq!((decision.replicas, decision.able), (4, DOWN_STABILIZED));
        assert_eq!(memory.normalize(1, bounds, None, at(300)).replicas, 4);
        let decision = memory.normalize(1, bounds, None, at(301));
        assert_eq!((decision.replicas, decision.able, decision.limited), (1, READY, (false, WITHIN)));
    }

    #[test]
    fn policies_say_how_fast() {
        let mut memory = Memory::default();
        let behavior = HorizontalPodAutoscalerBehavior {
            scale_up: Some(rules(0, vec![policy("Pods", 1, 60), policy("Percent", 100, 60)], "Min")),
            scale_down: Some(rules(0, vec![policy("Percent", 10, 60)], "Max")),
        };
        let decision = memory.normalize(8, BOUNDS, Some(&behavior), at(0));
        assert_eq!((decision.replicas, decision.limited), (3, (true, TOO_FAST)));
        memory.store_scale_event(Some(&behavior), (2, 3), at(0));
        let bounds = Bounds { current: 3, ..BOUNDS };
        assert_eq!(memory.normalize(8, bounds, Some(&behavior), at(30)).replicas, 3);
        assert_eq!(memory.normalize(8, bounds, Some(&behavior), at(61)).replicas, 4);
        let bounds = Bounds { current: 10, ..BOUNDS };
        let decision = memory.normalize(1, bounds, Some(&behavior), at(400));
        assert_eq!((decision.replicas, decision.limited), (9, (true, TOO_FAST_DOWN)));
    }

    #[test]
    fn who_may_not_shrink_does_not() {
        let behavior = HorizontalPodAutoscalerBehavior {
            scale_up: Some(rules(0, vec![policy("Percent", 100, 15)], "Max")),
            scale_down: Some(rules(0, vec![policy("Percent", 100, 15)], "Disabled")),
        };
        let decision = Memory::default().normalize(1, Bounds { current: 5, ..BOUNDS }, Some(&behavior), at(0));
        assert_eq!((decision.replicas, decision.limited), (5, (true, TOO_FAST_DOWN)));
    }
}
