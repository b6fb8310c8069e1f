//! Why something that was deleted is still there: who holds it.

use super::repair::{in_namespace, on, quoted};
use super::{Candidate, Mend, Rule, Verdict, type_of};
use crate::api::k8s::api::core::v1::{Namespace, PersistentVolume, PersistentVolumeClaim};
use crate::api::{Kind, Object, ObjectKey};
use crate::controllers::csi;
use crate::controllers::persistent_volume::helpers::claim_key;
use crate::controllers::pv_protection::PV_PROTECTION_FINALIZER;
use crate::controllers::pvc_protection::{PVC_PROTECTION_FINALIZER, holders};
use crate::store::{Index, View};

const CLAIM_IN_USE: Rule = (
    "A claim that is deleted stays until no pod uses it, and a volume until no claim is bound to it.",
    "concepts/storage/persistent-volumes/#storage-object-in-use-protection",
);
const FINALIZER: Rule = (
    "An object that is deleted stays until its last finalizer is removed, which is the task of whoever put it there.",
    "concepts/overview/working-with-objects/finalizers/",
);
const NAMESPACE: Rule = (
    "A namespace that is deleted stays until everything in it is gone.",
    "concepts/overview/working-with-objects/namespaces/",
);

/// Who holds an object that is being deleted.
pub(super) fn explain(view: &View<'_>, object: &Object) -> Verdict {
    match object {
        Object::PersistentVolumeClaim(claim) if has(object, PVC_PROTECTION_FINALIZER) => {
            claim_in_use(view, object, claim)
        }
        Object::PersistentVolume(volume) if has(object, PV_PROTECTION_FINALIZER) => volume_in_use(view, object, volume),
        Object::Namespace(namespace) => namespace_in_use(view, object, namespace),
        _ => held(view, object),
    }
}

fn has(object: &Object, finalizer: &str) -> bool {
    object.meta().finalizers.iter().flatten().any(|f| f == finalizer)
}

fn claim_in_use(view: &View<'_>, object: &Object, claim: &PersistentVolumeClaim) -> Verdict {
    let pods = holders(view, claim);
    if pods.is_empty() {
        return held(view, object);
    }
    let names: Vec<&str> = pods.iter().map(|pod| pod.name()).collect();
    let text = format!("It was deleted, and goes when no pod uses it any more: {} still does.", names.join(", "));
    let seen =
        pods.iter().map(|pod| Candidate::new("pod", pod.name(), vec![format!("uses the claim {}", object.name())]));
    let mut mends: Vec<Mend> = Vec::new();
    for pod in &pods {
        let mend = match super::pod::owner(view, pod) {
            Some(owner) if scales(owner.kind()) => {
                let (kind, name) = (type_of(owner.kind()), owner.name());
                Mend::line(format!("kubectl scale{} {kind} {name} --replicas=0", in_namespace(owner)))
            }
            Some(owner) => Mend::line(on(owner, "delete")),
            None => Mend::line(on(pod, "delete")),
        };
        if !mends.contains(&mend) {
            mends.push(mend);
        }
    }
    Verdict::of(object, "Terminating", text).rule(CLAIM_IN_USE).seen(seen).mend(mends)
}

fn scales(kind: Kind) -> bool {
    matches!(kind, Kind::Deployment | Kind::StatefulSet | Kind::ReplicaSet | Kind::ReplicationController)
}

fn volume_in_use(view: &View<'_>, object: &Object, volume: &PersistentVolume) -> Verdict {
    let claim = volume.spec.as_ref().and_then(|s| s.claim_ref.as_ref());
    let bound = volume.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Bound");
    let claim = claim.filter(|_| bound).and_then(|r| {
        let key = ObjectKey::new(Kind::PersistentVolumeClaim, r.namespace.clone()?, r.name.clone()?);
        view.get(&key)
    });
    let Some(claim) = claim else { return held(view, object) };
    let inner = claim.get::<PersistentVolumeClaim>();
    let text = format!(
        "It was deleted, and goes when the claim {} that is bound to it is gone.",
        inner.map(claim_key).unwrap_or_default()
    );
    let verdict = Verdict::of(object, "Terminating", text).rule(CLAIM_IN_USE);
    let seen = [Candidate::new("pvc", claim.name(), vec!["is bound to it".into()])];
    let verdict = verdict.seen(seen).mend([Mend::line(format!("{} --wait=false", on(claim, "delete")))]);
    match inner.map(|inner| holders(view, inner)).filter(|pods| !pods.is_empty()) {
        Some(_) => {
            let cause = inner.map(|inner| claim_in_use(view, claim, inner)).unwrap_or_default();
            verdict.seen(cause.candidates).mend(cause.mend)
        }
        None => verdict,
    }
}

fn namespace_in_use(view: &View<'_>, object: &Object, namespace: &Namespace) -> Verdict {
    let name = object.name();
    let mut left: Vec<&Object> = Vec::new();
    for kind in Kind::known().filter(|k| k.is_namespaced()) {
        left.extend(view.list_in(kind, name).map(|o| o.as_ref()));
    }
    let stuck: Vec<&&Object> =
        left.iter().filter(|o| o.meta().finalizers.as_ref().is_some_and(|f| !f.is_empty())).collect();
    let finalizers = namespace.spec.as_ref().and_then(|s| s.finalizers.clone()).unwrap_or_default();
    if stuck.is_empty() && left.is_empty() {
        let text = format!("It was deleted and is empty; it is held by {}.", finalizers.join(", "));
        let line = format!("kubectl patch namespace {name} --type=merge -p '{{\"spec\":{{\"finalizers\":[]}}}}'");
        return Verdict::of(object, "Terminating", text).rule(FINALIZER).mend([Mend::line(line)]);
    }
    let text = format!("It was deleted, and {} of its objects are still there.", left.len());
    let seen = left.iter().filter(|o| !matches!(o.kind(), Kind::Event)).take(50).map(|o| {
        let why = o.meta().finalizers.iter().flatten().map(|f| format!("is held by {f}")).collect::<Vec<_>>();
        let why = if why.is_empty() { vec!["is on its way out".to_string()] } else { why };
        Candidate::new(&type_of(o.kind()), o.name(), why)
    });
    let mends: Vec<Mend> = stuck.iter().filter(|o| o.is_terminating()).flat_map(|o| explain(view, o).mend).collect();
    Verdict {
        well: mends.is_empty(),
        ..Verdict::of(object, "Terminating", text).rule(NAMESPACE).seen(seen).mend(mends)
    }
}

/// Held by finalizers that nobody here is known to be about to remove.
fn held(view: &View<'_>, object: &Object) -> Verdict {
    let finalizers: Vec<String> = object.meta().finalizers.clone().unwrap_or_default();
    if finalizers.is_empty() {
        return Verdict::well(object, "Terminating", "It was deleted and is about to go.").rule(FINALIZER);
    }
    let known = csi::drivers(view);
    let owner = |finalizer: &String| {
        let of_driver = known.keys().find(|driver| finalizer.ends_with(&driver.replace('.', "-")));
        match (finalizer.strip_prefix("external-attacher/"), of_driver) {
            (Some(_), Some(driver)) => format!("is removed by the attacher of {driver} when the volume is detached"),
            (Some(driver), None) => {
                format!("was put there by the attacher of {driver}, a driver that is not here any more")
            }
            _ => "is removed by whoever put it there".to_string(),
        }
    };
    let attached: Vec<&Object> = match object.kind() {
        Kind::PersistentVolume => {
            view.indexed(Kind::VolumeAttachment, Index::AttachmentVolume, object.name()).map(|o| o.as_ref()).collect()
        }
        _ => Vec::new(),
    };
    let text = format!("It was deleted, and is held by {}.", finalizers.join(", "));
    let seen: Vec<Candidate> = finalizers.iter().map(|f| Candidate::new("finalizer", f, vec![owner(f)])).collect();
    let attachments = attached
        .iter()
        .map(|a| Candidate::new("volumeattachment", a.name(), vec!["attaches it to a node still".into()]));
    let verdict = Verdict::of(object, "Terminating", text).rule(FINALIZER).seen(seen).seen(attachments);
    let free = |object: &Object| {
        let change = quoted(r#"{"metadata":{"finalizers":null}}"#);
        Mend::line(format!("{} --type=merge -p {change}", on(object, "patch")))
    };
    let gone = attached.iter().filter(|a| a.meta().finalizers.as_ref().is_some_and(|f| !f.is_empty()));
    let gone: Vec<Mend> =
        gone.flat_map(|a| [Mend::line(format!("{} --wait=false", on(a, "delete"))), free(a)]).collect();
    verdict.mend(gone).mend([free(object)])
}
