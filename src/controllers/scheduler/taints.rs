//! Taints and tolerations.
//!
//! Mirrors `k8s.io/component-helpers/scheduling/corev1/helpers.go` and `Toleration.ToleratesTaint`.

use crate::api::k8s::api::core::v1::{Taint, Toleration};

/// The taint of a cordoned node.
pub(crate) const TAINT_NODE_UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// Whether a toleration tolerates a taint.
pub(crate) fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let effect = toleration.effect.as_deref().unwrap_or_default();
    let key = toleration.key.as_deref().unwrap_or_default();
    if (!effect.is_empty() && effect != taint.effect) || (!key.is_empty() && key != taint.key) {
        return false;
    }
    let (mine, theirs) = (toleration.value.as_deref().unwrap_or_default(), taint.value.as_deref().unwrap_or_default());
    match toleration.operator.as_deref().unwrap_or_default() {
        "" | "Equal" => mine == theirs,
        "Exists" => true,
        "Gt" => compare(mine, theirs).is_some_and(|(mine, theirs)| theirs > mine),
        "Lt" => compare(mine, theirs).is_some_and(|(mine, theirs)| theirs < mine),
        _ => false,
    }
}

fn compare(a: &str, b: &str) -> Option<(i64, i64)> {
    Some((a.parse().ok()?, b.parse().ok()?))
}

/// Whether one of the tolerations tolerates a taint.
pub(crate) fn is_tolerated(tolerations: Option<&Vec<Toleration>>, taint: &Taint) -> bool {
    tolerations.into_iter().flatten().any(|t| tolerates(t, taint))
}

/// The first taint that keeps new pods away and is not tolerated.
pub(crate) fn find_untolerated<'a>(
    taints: Option<&'a Vec<Taint>>,
    tolerations: Option<&Vec<Toleration>>,
) -> Option<&'a Taint> {
    let hard = taints.into_iter().flatten().filter(|t| matches!(t.effect.as_str(), "NoSchedule" | "NoExecute"));
    hard.into_iter().find(|t| !is_tolerated(tolerations, t))
}
