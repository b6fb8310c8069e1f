//! Makes the claims of pods' generic ephemeral volumes, each owned by its pod.
//!
//! Mirrors `pkg/controller/volume/ephemeral/controller.go`.

use crate::api::k8s::api::core::v1::{PersistentVolumeClaim, Pod, Volume};
use crate::api::object::new_controller_ref;
use crate::api::{Kind, Object, ObjectKey, ObjectMeta, Time};
use crate::controllers::{About, Action, Controller, EventDraft, Outcome, Write};
use crate::error::ApiError;
use crate::store::{Change, Index, View};

/// Who says the events.
const COMPONENT: &str = "ephemeral_volume";

/// See the module.
pub struct EphemeralVolumeController;

impl Controller for EphemeralVolumeController {
    fn name(&self) -> &'static str {
        "ephemeral-volume"
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        match (change.key.kind, &change.old, &change.new) {
            (Kind::Pod, _, Some(pod)) if has_ephemeral_volume(pod) && scheduler_has_looked(pod) => {
                enqueue(change.key.clone());
            }
            // OBSERVATION: the claim of a pod that lives was deleted; it is made again.
            (Kind::PersistentVolumeClaim, Some(_), None) => {
                let key = format!("{}/{}", change.key.namespace, change.key.name);
                let pods = view.indexed(Kind::Pod, Index::PodClaim, &key);
                pods.filter(|pod| has_ephemeral_volume(pod)).for_each(|pod| enqueue(pod.key()));
            }
            _ => {}
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, _now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        let Some(object) = view.get(key).filter(|pod| !pod.is_terminating()) else { return outcome };
        for volume in volumes(object) {
            if let Err(reason) = handle_volume(view, object, volume, &mut outcome) {
                // OBSERVATION: the volumes after it wait until this one gets on.
                outcome.actions.extend(failed(object, volume, reason));
                break;
            }
        }
        outcome
    }
}

/// Tells why a volume has no claim, and gives up for now.
fn failed(pod: &Object, volume: &Volume, reason: String) -> Vec<Action> {
    let message = format!("ephemeral volume {}: {reason}", volume.name);
    let event = EventDraft::warning(About::object(pod), COMPONENT, "FailedBinding", message);
    vec![Action::Event(event), Action::Fail(ApiError::internal(reason))]
}

/// Makes a volume's claim, unless it is there.
fn handle_volume(view: &View<'_>, pod: &Object, volume: &Volume, outcome: &mut Outcome) -> Result<(), String> {
    let template = volume.ephemeral.as_ref().and_then(|e| e.volume_claim_template.as_ref());
    let Some(template) = template else { return Ok(()) };
    let name = format!("{}-{}", pod.name(), volume.name);
    let key = ObjectKey::new(Kind::PersistentVolumeClaim, pod.namespace(), &name);
    if let Some(claim) = view.get(&key) {
        if claim.controller().is_none_or(|owner| owner.uid != pod.uid()) {
            // OBSERVATION: somebody else's claim has the name.
            let (namespace, pod) = (pod.namespace(), pod.name());
            return Err(format!("PVC {namespace}/{name} was not created for pod {namespace}/{pod} (pod is not owner)"));
        }
        // OBSERVATION: the claim was made before.
        return Ok(());
    }
    let meta = template.metadata.clone().unwrap_or_default();
    let claim = PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(name.clone()),
            namespace: Some(pod.namespace().to_string()),
            annotations: meta.annotations,
            labels: meta.labels,
            owner_references: Some(vec![new_controller_ref(pod)]),
            ..Default::default()
        },
        spec: Some(template.spec.clone()),
        status: None,
    };
    let (pod, volume) = (pod.clone(), volume.clone());
    outcome.push(Write::create(claim).then(move |answer| match answer {
        Ok(_) => Vec::new(),
        Err(error) => failed(&pod, &volume, format!("create PVC {name}: {error}")),
    }));
    Ok(())
}

fn has_ephemeral_volume(pod: &std::sync::Arc<Object>) -> bool {
    volumes(pod).iter().any(|v| v.ephemeral.is_some())
}

/// Whether the scheduler knows of a pod. It is faster than a claim can be made, and says that it waits for it.
fn scheduler_has_looked(pod: &Object) -> bool {
    let Some(pod) = pod.get::<Pod>() else { return false };
    let spec = pod.spec.as_ref();
    let mut conditions = pod.status.iter().flat_map(|s| s.conditions.iter().flatten());
    conditions.any(|c| c.type_ == "PodScheduled")
        || spec.is_some_and(|s| s.node_name.as_ref().is_some_and(|n| !n.is_empty()))
        || spec.and_then(|s| s.scheduler_name.as_deref()) != Some("default-scheduler")
}

fn volumes(pod: &Object) -> &[Volume] {
    pod.get::<Pod>().and_then(|p| p.spec.as_ref()).and_then(|s| s.volumes.as_deref()).unwrap_or_default()
}
