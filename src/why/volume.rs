//! Why a volume is free, released, failed or taken.

use serde_json::json;

use super::claim;
use super::repair::patch;
use super::{Candidate, Mend, Rule, Verdict};
use crate::api::k8s::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use crate::api::{Kind, Object, ObjectKey, Time};
use crate::controllers::persistent_volume::explain::{Mismatch, mismatches};
use crate::store::View;

const RECLAIM: Rule = (
    "When a claim is gone, its volume's reclaim policy says what becomes of it: Delete takes it away, Retain keeps it, data \
     and all, and gives it to nobody.",
    "concepts/storage/persistent-volumes/#reclaiming",
);
const BINDING: Rule = (
    "A volume waits until a claim comes that it suits; one volume serves one claim.",
    "concepts/storage/persistent-volumes/#binding",
);
const RESERVED: Rule = (
    "A volume whose claimRef names a claim is kept for it; the binding is complete when the claim agrees.",
    "concepts/storage/persistent-volumes/#reserving-a-persistentvolume",
);

/// Why a volume is as it is.
pub(super) fn explain(view: &View<'_>, object: &Object, volume: &PersistentVolume, now: Time) -> Verdict {
    let phase = volume.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or("Pending");
    let claim_ref = volume.spec.as_ref().and_then(|s| s.claim_ref.as_ref());
    let of = |part: Option<&String>| part.cloned().unwrap_or_default();
    let (namespace, name) =
        (of(claim_ref.and_then(|r| r.namespace.as_ref())), of(claim_ref.and_then(|r| r.name.as_ref())));
    let key = format!("{namespace}/{name}");
    let claim = view.get(&ObjectKey::new(Kind::PersistentVolumeClaim, namespace.as_str(), name.as_str()));
    let policy = volume.spec.as_ref().and_then(|s| s.persistent_volume_reclaim_policy.as_deref()).unwrap_or("Retain");
    match phase {
        "Bound" => Verdict::well(object, "Bound", format!("It is bound to the claim {key}.")).rule(BINDING),
        "Released" => {
            let text = match policy {
                "Retain" => {
                    format!("Its claim {key} is gone, and its policy is Retain: the data is kept, and nobody gets it.")
                }
                _ => format!("Its claim {key} is gone, and its policy {policy} has not been carried out."),
            };
            let again = r#"[{"op":"remove","path":"/spec/claimRef"}]"#;
            let line = format!("kubectl patch pv {} --type=json -p '{again}'", object.name());
            let message = volume.status.as_ref().and_then(|s| s.message.clone()).filter(|m| !m.is_empty());
            let seen = message.map(|m| Candidate::new("pv", object.name(), vec![m]));
            Verdict::of(object, "Released", text).rule(RECLAIM).seen(seen).mend([Mend::line(line)])
        }
        "Failed" => {
            let message = volume.status.as_ref().and_then(|s| s.message.clone()).unwrap_or_default();
            let text = format!("Its claim {key} is gone, and carrying out its policy {policy} failed: {message}");
            let retain = patch(object, &json!({"spec": {"persistentVolumeReclaimPolicy": "Retain"}}));
            Verdict::of(object, "Failed", text).rule(RECLAIM).mend([retain])
        }
        _ if claim_ref.is_none() => free(view, object, volume),
        _ => match claim {
            None => {
                let text = format!("It is kept for the claim {key}, which is not there (yet).");
                Verdict::well(object, "Available", text).rule(RESERVED)
            }
            Some(claim) => {
                let Some(inner) = claim.get::<PersistentVolumeClaim>() else { return Verdict::default() };
                let why: Vec<String> = mismatches(volume, inner).iter().map(Mismatch::text).collect();
                if why.is_empty() {
                    let text = format!("It is kept for the claim {key}, and suits it; the binder is at it.");
                    return Verdict::well(object, "Available", text).rule(RESERVED);
                }
                let text = format!("It is kept for the claim {key}, and does not suit it.");
                let verdict = Verdict::of(object, "Available", text).rule(RESERVED);
                let verdict = verdict.seen([Candidate::new("pv", object.name(), why)]);
                verdict.mend(claim::explain(view, claim, inner, now).mend)
            }
        },
    }
}

/// Which claims it would suit.
fn free(view: &View<'_>, object: &Object, volume: &PersistentVolume) -> Verdict {
    let pending = view
        .list_as::<PersistentVolumeClaim>()
        .filter(|claim| claim.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or("Pending") == "Pending");
    let seen = pending.map(|claim| {
        let why = mismatches(volume, claim).iter().map(Mismatch::text).collect();
        Candidate::new("pvc", claim.metadata.name.as_deref().unwrap_or_default(), why)
    });
    let text = "It is free: no claim that waits suits it and may have it.";
    Verdict::well(object, "Available", text).rule(BINDING).seen(seen.collect::<Vec<_>>())
}
