//! Rollouts as `kubectl rollout` speaks of them: how far one is, which there were, and how to go back.
//!
//! Mirrors `k8s.io/kubectl/pkg/polymorphichelpers`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::k8s::api::apps::v1::{ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet};
use crate::api::k8s::api::core::v1::PodTemplateSpec;
use crate::api::object::controller_of;
use crate::api::printable::escape_terminal;
use crate::api::selector::label_selector_matches;
use crate::api::{Kind, LabelSelector, Object, Time};
use crate::kinds::Description;
use crate::kinds::apps::deployment::get_all_replica_sets;
use crate::kinds::core::pod;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::workload::{LABEL_POD_TEMPLATE_HASH, equal_ignore_hash};
use crate::kinds::{PrintContext, Version};

const ANN_CHANGE_CAUSE: &str = "kubernetes.io/change-cause";
const ANN_REVISION: &str = "deployment.kubernetes.io/revision";
/// Annotations that stay the Deployment's own when it is rolled back.
const ANNOTATIONS_TO_SKIP: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    ANN_REVISION,
    "deployment.kubernetes.io/revision-history",
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
    "deprecated.deployment.rollback.to",
];

/// What `rollout status` prints of an object, and whether the rollout is done. `revision` 0 means whichever runs.
///
/// # Errors
/// kubectl's text when the rollout has failed, or has no status.
pub fn status(object: &Object, revision: i64) -> Result<(String, bool), String> {
    match object {
        Object::Deployment(d) => deployment_status(d, revision),
        Object::DaemonSet(d) => daemon_set_status(d),
        Object::StatefulSet(s) => stateful_set_status(s),
        other => Err(format!("no status viewer has been implemented for {}", other.kind().qualified_kind())),
    }
}

fn deployment_status(d: &Deployment, revision: i64) -> Result<(String, bool), String> {
    let name = text(&d.metadata.name);
    if revision > 0 {
        let running = number(d.metadata.annotations.as_ref());
        if running != Some(revision) {
            let running = running.unwrap_or(0);
            return Err(format!("desired revision ({revision}) is different from the running revision ({running})"));
        }
    }
    let status = d.status.clone().unwrap_or_default();
    if d.metadata.generation.unwrap_or(0) > status.observed_generation.unwrap_or(0) {
        return Ok(("Waiting for deployment spec update to be observed...\n".into(), false));
    }
    let progressing = items(&status.conditions).iter().find(|c| c.type_ == "Progressing");
    if progressing.is_some_and(|c| text(&c.reason) == "ProgressDeadlineExceeded") {
        return Err(format!("deployment {name:?} exceeded its progress deadline"));
    }
    let wanted = d.spec.as_ref().and_then(|s| s.replicas).unwrap_or(0);
    let (all, updated) = (status.replicas.unwrap_or(0), status.updated_replicas.unwrap_or(0));
    let available = status.available_replicas.unwrap_or(0);
    let waiting = |what: String| Ok((format!("Waiting for deployment {name:?} rollout to finish: {what}...\n"), false));
    if updated < wanted {
        return waiting(format!("{updated} out of {wanted} new replicas have been updated"));
    }
    if all > updated {
        return waiting(format!("{} old replicas are pending termination", all - updated));
    }
    if available < updated {
        return waiting(format!("{available} of {updated} updated replicas are available"));
    }
    Ok((format!("deployment {name:?} successfully rolled out\n"), true))
}

fn only_rolling_update() -> String {
    "rollout status is only available for RollingUpdate strategy type".into()
}

fn daemon_set_status(d: &DaemonSet) -> Result<(String, bool), String> {
    let name = text(&d.metadata.name);
    let strategy = d.spec.as_ref().and_then(|s| s.update_strategy.as_ref());
    if strategy.and_then(|s| s.type_.as_deref()) != Some("RollingUpdate") {
        return Err(only_rolling_update());
    }
    let status = d.status.clone().unwrap_or_default();
    if d.metadata.generation.unwrap_or(0) > status.observed_generation.unwrap_or(0) {
        return Ok(("Waiting for daemon set spec update to be observed...\n".into(), false));
    }
    let wanted = status.desired_number_scheduled;
    let updated = status.updated_number_scheduled.unwrap_or(0);
    let available = status.number_available.unwrap_or(0);
    let waiting = |what: String| Ok((format!("Waiting for daemon set {name:?} rollout to finish: {what}...\n"), false));
    if updated < wanted {
        return waiting(format!("{updated} out of {wanted} new pods have been updated"));
    }
    if available < wanted {
        return waiting(format!("{available} of {wanted} updated pods are available"));
    }
    Ok((format!("daemon set {name:?} successfully rolled out\n"), true))
}

fn stateful_set_status(s: &StatefulSet) -> Result<(String, bool), String> {
    let (spec, status) = (s.spec.clone().unwrap_or_default(), s.status.clone().unwrap_or_default());
    let strategy = spec.update_strategy.unwrap_or_default();
    if text(&strategy.type_) != "RollingUpdate" {
        return Err(only_rolling_update());
    }
    let observed = status.observed_generation.unwrap_or(0);
    if observed == 0 || s.metadata.generation.unwrap_or(0) > observed {
        return Ok(("Waiting for statefulset spec update to be observed...\n".into(), false));
    }
    let (wanted, ready) = (spec.replicas.unwrap_or(0), status.ready_replicas.unwrap_or(0));
    let updated = status.updated_replicas.unwrap_or(0);
    if ready < wanted {
        return Ok((format!("Waiting for {} pods to be ready...\n", wanted - ready), false));
    }
    if let Some(rolling) = strategy.rolling_update {
        let new = wanted - rolling.partition.unwrap_or(0);
        return Ok(match updated < new {
            true => (
                format!(
                    "Waiting for partitioned roll out to finish: {updated} out of {new} new pods have been updated...\n"
                ),
                false,
            ),
            false => (format!("partitioned roll out complete: {updated} new pods have been updated...\n"), true),
        });
    }
    let (current, update) = (text(&status.current_revision), text(&status.update_revision));
    if update != current {
        let rest = format!("to complete {updated} pods at revision {update}...\n");
        return Ok((format!("waiting for statefulset rolling update {rest}"), false));
    }
    let n = status.current_replicas.unwrap_or(0);
    Ok((format!("statefulset rolling update complete {n} pods at revision {current}...\n"), true))
}

/// One past rollout.
#[derive(Debug, Clone)]
pub struct Revision {
    /// The pod template.
    pub template: PodTemplateSpec,
    /// What it was made by; empty for unknown.
    pub change_cause: String,
    /// The ReplicaSet or ControllerRevision that holds it.
    pub keeper: Arc<Object>,
    /// Whose kubectl shows it.
    pub version: Version,
}

/// The rollouts of an object by their numbers.
///
/// # Errors
/// kubectl's text for a kind that has none.
pub fn history(object: &Object, context: &PrintContext<'_>) -> Result<BTreeMap<i64, Revision>, String> {
    match object {
        Object::Deployment(d) => Ok(deployment_history(d, context)),
        Object::DaemonSet(d) => Ok(controlled_history(object, d.spec.as_ref().map(|s| &s.selector), context)),
        Object::StatefulSet(s) => Ok(controlled_history(object, s.spec.as_ref().map(|s| &s.selector), context)),
        Object::ReplicaSet(_)
        | Object::ReplicationController(_)
        | Object::Pod(_)
        | Object::Job(_)
        | Object::CronJob(_) => {
            Err(format!("no history viewer has been implemented for {:?}", object.kind().qualified_kind()))
        }
        other => Err(format!(
            "error retrieving history for {:?}, no visitor method exists for {{{} {}}}",
            other.kind().qualified_kind(),
            other.kind().group(),
            other.kind().name()
        )),
    }
}

fn number(annotations: Option<&BTreeMap<String, String>>) -> Option<i64> {
    match annotations.and_then(|a| a.get(ANN_REVISION)) {
        None => Some(0),
        Some(text) => text.parse().ok(),
    }
}

fn cause(annotations: Option<&BTreeMap<String, String>>) -> String {
    annotations.and_then(|a| a.get(ANN_CHANGE_CAUSE)).cloned().unwrap_or_default()
}

fn deployment_history(d: &Deployment, context: &PrintContext<'_>) -> BTreeMap<i64, Revision> {
    let (old, new) = get_all_replica_sets(d, context);
    let mut history = BTreeMap::new();
    for rs in old.into_iter().chain(new) {
        let Some(revision) = number(rs.metadata.annotations.as_ref()) else { continue };
        let change_cause = cause(rs.metadata.annotations.as_ref());
        let mut template = rs.spec.as_ref().and_then(|s| s.template.clone()).unwrap_or_default();
        if !change_cause.is_empty() {
            let annotations = template.metadata.get_or_insert_default().annotations.get_or_insert_default();
            annotations.insert(ANN_CHANGE_CAUSE.into(), change_cause);
        }
        let shown = template.metadata.as_ref().and_then(|m| m.annotations.as_ref());
        let change_cause = cause(shown);
        let (keeper, version) = (Arc::new(rs.into()), context.version);
        history.insert(revision, Revision { template, change_cause, keeper, version });
    }
    history
}

fn controlled_history(
    owner: &Object,
    selector: Option<&LabelSelector>,
    context: &PrintContext<'_>,
) -> BTreeMap<i64, Revision> {
    let mut history = BTreeMap::new();
    for keeper in context.lister.list(Kind::ControllerRevision, Some(owner.namespace())) {
        let ours = controller_of(keeper.meta()).is_some_and(|c| c.uid == owner.uid());
        if !ours || !label_selector_matches(selector, keeper.meta().labels.as_ref()) {
            continue;
        }
        let Some(revision) = keeper.get::<ControllerRevision>() else { continue };
        let (number, change_cause) = (revision.revision, cause(keeper.meta().annotations.as_ref()));
        let template = template_of(revision).unwrap_or_default();
        history.insert(number, Revision { template, change_cause, keeper, version: context.version });
    }
    history
}

/// The pod template that a ControllerRevision holds.
pub fn template_of(revision: &ControllerRevision) -> Option<PodTemplateSpec> {
    let mut template = revision.data.as_ref()?.0.get("spec")?.get("template")?.clone();
    template.as_object_mut()?.remove("$patch");
    serde_json::from_value(template).ok()
}

/// The patch that brings an object back to a pod template, which its ControllerRevisions hold. Mirrors `getPatch`.
pub fn revision_data(template: &PodTemplateSpec) -> Value {
    let mut template = serde_json::to_value(template).unwrap_or_default();
    if let Some(fields) = template.as_object_mut() {
        fields.insert("$patch".into(), json!("replace"));
    }
    json!({"spec": {"template": template}})
}

/// The text of `rollout history`: all rollouts, or the template of one.
///
/// # Errors
/// kubectl's text when there is no such rollout.
pub fn view_history(history: &BTreeMap<i64, Revision>, revision: i64) -> Result<String, String> {
    if history.is_empty() {
        return Ok("No rollout history found.".into());
    }
    if revision > 0 {
        let found = history.get(&revision).ok_or("unable to find the specified revision")?;
        return Ok(print_template(found));
    }
    let mut lines = String::from("REVISION  CHANGE-CAUSE\n");
    let width = history.keys().map(|n| n.to_string().len()).max().unwrap_or(0).max("REVISION".len()) + 2;
    if width > "REVISION".len() + 2 {
        lines = format!("{:<width$}CHANGE-CAUSE\n", "REVISION");
    }
    for (number, revision) in history {
        let cause = if revision.change_cause.is_empty() { "<none>" } else { &revision.change_cause };
        lines.push_str(&format!("{number:<width$}{cause}\n"));
    }
    Ok(lines)
}

/// A rollout's template as `describe` has it, with tabs between the cells.
pub fn print_template(revision: &Revision) -> String {
    let mut d = Description::new();
    pod::describe_pod_template(&mut d, &revision.template, revision.version);
    d.parts.into_iter().map(|(level, text)| format!("{}{}", "  ".repeat(level), escape_terminal(&text))).collect()
}

/// The same of the template that one would come back to, as it is kept.
pub fn print_kept_template(revision: &Revision) -> String {
    let kept = revision.keeper.get::<ReplicaSet>().and_then(|rs| rs.spec.as_ref()?.template.clone());
    print_template(&Revision { template: kept.unwrap_or_else(|| revision.template.clone()), ..revision.clone() })
}

/// What going back comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Rollback {
    /// Nothing: the object has that template already.
    Skipped(String),
    /// A JSON patch, for Deployments.
    JsonPatch(Value),
    /// A strategic merge patch, for the others.
    Strategic(Value),
}

/// The rollout to go back to: of that number, or for 0 the one before the newest.
///
/// # Errors
/// kubectl's texts when there is none.
pub fn find_rollback<'a>(
    object: &Object,
    history: &'a BTreeMap<i64, Revision>,
    revision: i64,
) -> Result<&'a Revision, String> {
    if revision != 0 {
        let missing = || format!("unable to find specified revision {revision} in history");
        return history.get(&revision).ok_or_else(missing);
    }
    history.values().rev().nth(1).ok_or_else(|| match object {
        Object::Deployment(_) => format!("no rollout history found for deployment {:?}", object.name()),
        _ => "no last revision to roll back to".into(),
    })
}

/// How to go back to a rollout. Mirrors `Rollback` of each kind.
///
/// # Errors
/// kubectl's text for a paused Deployment.
pub fn rollback(object: &Object, to: &Revision, revision: i64) -> Result<Rollback, String> {
    let skipped = format!("skipped rollback (current template already matches revision {revision})");
    let Object::Deployment(d) = object else {
        let data = to.keeper.get::<ControllerRevision>().and_then(|r| r.data.clone()).map(|d| d.0).unwrap_or_default();
        let present = match object {
            Object::StatefulSet(s) => s.spec.as_ref().map(|s| revision_data(&s.template)),
            Object::DaemonSet(s) => s.spec.as_ref().map(|s| revision_data(&s.template)),
            _ => None,
        };
        return Ok(if present.as_ref() == Some(&data) {
            Rollback::Skipped(skipped)
        } else {
            Rollback::Strategic(data)
        });
    };
    let spec = d.spec.clone().unwrap_or_default();
    if spec.paused == Some(true) {
        return Err(
            "you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again"
                .into(),
        );
    }
    let Object::ReplicaSet(rs) = &*to.keeper else { return Ok(Rollback::Skipped(skipped)) };
    let mut template = rs.spec.as_ref().and_then(|s| s.template.clone()).unwrap_or_default();
    if equal_ignore_hash(&template, &spec.template) {
        return Ok(Rollback::Skipped(skipped));
    }
    if let Some(labels) = template.metadata.as_mut().and_then(|m| m.labels.as_mut()) {
        labels.remove(LABEL_POD_TEMPLATE_HASH);
    }
    let skip = |key: &String| ANNOTATIONS_TO_SKIP.contains(&key.as_str());
    let kept = d.metadata.annotations.iter().flatten().filter(|(key, _)| skip(key));
    let restored = rs.metadata.annotations.iter().flatten().filter(|(key, _)| !skip(key));
    let annotations: BTreeMap<&String, &String> = kept.chain(restored).collect();
    Ok(Rollback::JsonPatch(json!([
        {"op": "replace", "path": "/spec/template", "value": template},
        {"op": "replace", "path": "/metadata/annotations", "value": annotations},
    ])))
}

/// The change that restarts all pods; none for a kind that can't be restarted that way.
///
/// # Errors
/// kubectl's texts.
pub fn restart_patch(object: &Object, now: Time) -> Result<Value, String> {
    let at = now.rfc3339();
    match object {
        Object::Deployment(d) if is_paused(d) => {
            return Err("can't restart paused deployment (run rollout resume first)".into());
        }
        Object::Deployment(_) | Object::StatefulSet(_) | Object::DaemonSet(_) => {}
        _ => return Err("restarting is not supported".into()),
    }
    let annotations = json!({"kubectl.kubernetes.io/restartedAt": at});
    Ok(json!({"spec": {"template": {"metadata": {"annotations": annotations}}}}))
}

/// The change that pauses a Deployment, or with `false` lets it go on.
///
/// # Errors
/// kubectl's texts.
pub fn pause_patch(object: &Object, pause: bool) -> Result<Value, String> {
    match (object, pause) {
        (Object::Deployment(d), true) if is_paused(d) => Err("is already paused".into()),
        (Object::Deployment(d), false) if !is_paused(d) => Err("is not paused".into()),
        (Object::Deployment(_), true) => Ok(json!({"spec": {"paused": true}})),
        (Object::Deployment(_), false) => Ok(json!({"spec": {"paused": null}})),
        (_, true) => Err("pausing is not supported".into()),
        (_, false) => Err("resuming is not supported".into()),
    }
}

fn is_paused(d: &Deployment) -> bool {
    d.spec.as_ref().and_then(|s| s.paused) == Some(true)
}
