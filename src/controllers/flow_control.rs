//! Keeps the FlowSchemas and priority levels that the server makes, and says which FlowSchemas hang in the air.
//!
//! Mirrors `pkg/registry/flowcontrol` (ensurer, rest) and the status that `k8s.io/apiserver/pkg/util/flowcontrol` keeps.

use crate::api::k8s::api::flowcontrol::v1::{FlowSchema, FlowSchemaCondition, PriorityLevelConfiguration};
use crate::api::{Duration, Kind, Object, ObjectKey, ObjectMeta, Time, Typed};
use crate::controllers::{Controller, Deletion, Outcome, Write};
use crate::kinds::flowcontrol::bootstrap::{self, AUTO_UPDATE};
use crate::kinds::shared::access::text;
use crate::store::{Change, View};

/// How often the server looks whether its own objects are as they should be.
const INTERVAL: Duration = Duration::secs(60);

/// See the module.
pub(super) struct FlowControlController;

impl Controller for FlowControlController {
    fn name(&self) -> &'static str {
        "priority-and-fairness-config-producer"
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        let key = &change.key;
        match key.kind {
            Kind::FlowSchema => enqueue(key.clone()),
            Kind::PriorityLevelConfiguration => {
                enqueue(key.clone());
                if change.old.is_none() || change.new.is_none() {
                    let of_level = |schema: &&FlowSchema| level_of(schema) == key.name;
                    let schemas = view.list_as::<FlowSchema>().filter(of_level);
                    schemas.for_each(|s| enqueue(ObjectKey::cluster(Kind::FlowSchema, text(&s.metadata.name))));
                }
            }
            _ => {}
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        let there = view.get(key);
        let repair = match key.kind {
            Kind::FlowSchema => repair_flow_schema(there.and_then(|o| o.get::<FlowSchema>()), &key.name),
            _ => repair_level(there.and_then(|o| o.get::<PriorityLevelConfiguration>()), &key.name),
        };
        if let Some(repair) = repair {
            // The server looks once a minute.
            let wait = (-now.0).rem_euclid(INTERVAL.0);
            match wait > 0 {
                true => outcome.recurring(Duration(wait)),
                false => outcome.write(repair),
            }
        }
        if let Some(schema) = there.and_then(|o| o.get::<FlowSchema>()) {
            sync_status(view, schema, now, &mut outcome);
        }
        outcome
    }
}

fn level_of(schema: &FlowSchema) -> &str {
    schema.spec.as_ref().map_or("", |spec| spec.priority_level_configuration.name.as_str())
}

/// What the server does with an object that it made, or that says it is one of those.
#[derive(Debug, PartialEq)]
enum Should {
    Stay,
    /// Its spec, and with the flag its annotation, become what they were.
    Update(&'static str),
    Go,
}

/// Mirrors `ensureStrategy.ReviveAndUpdate` and `RemoveUnwantedObjects`. `known` is whether the server makes an object
/// of that name, and `same` whether its spec is the one that there is.
fn judge(meta: &ObjectMeta, known: bool, same: bool) -> Should {
    let annotation = meta.annotations.as_ref().and_then(|all| all.get(AUTO_UPDATE)).map(String::as_str);
    if !known {
        return if annotation == Some("true") { Should::Go } else { Should::Stay };
    }
    let mandatory = bootstrap::is_mandatory(text(&meta.name));
    // A suggested object whose annotation is gone is kept as long as nobody has changed its spec.
    let keeps = mandatory || annotation.map_or(meta.generation == Some(1), |value| value == "true");
    let wanted = if keeps { "true" } else { "false" };
    match annotation == Some(wanted) && (same || !keeps) {
        true => Should::Stay,
        false => Should::Update(wanted),
    }
}

fn annotate(meta: &mut ObjectMeta, value: &str) {
    meta.annotations.get_or_insert_default().insert(AUTO_UPDATE.into(), value.into());
}

fn repair_flow_schema(there: Option<&FlowSchema>, name: &str) -> Option<Write> {
    let known = bootstrap::flow_schemas().into_iter().find(|schema| text(&schema.metadata.name) == name);
    let Some(object) = there else { return known.map(|known| Write::create(known.into_object())) };
    let same = known.as_ref().is_none_or(|known| known.spec == object.spec);
    match judge(&object.metadata, known.is_some(), same) {
        Should::Stay => None,
        Should::Go => Some(Write::Delete(Deletion::of(&object.clone().into_object()))),
        Should::Update(value) => {
            let mut updated = object.clone();
            annotate(&mut updated.metadata, value);
            if value == "true" {
                updated.spec = known.and_then(|known| known.spec);
            }
            Some(Write::update(updated.into_object()))
        }
    }
}

fn repair_level(there: Option<&PriorityLevelConfiguration>, name: &str) -> Option<Write> {
    let known = bootstrap::priority_level_configurations().into_iter().find(|l| text(&l.metadata.name) == name);
    let Some(object) = there else { return known.map(|known| Write::create(known.into_object())) };
    let same = known.as_ref().is_none_or(|known| {
        // Of the level that lets everything through, the shares are the admin's to choose.
        let exempt = |level: &PriorityLevelConfiguration| level.spec.as_ref().and_then(|s| s.exempt.clone());
        known.spec == object.spec || exempt(known).is_some() && exempt(object).is_some()
    });
    match judge(&object.metadata, known.is_some(), same) {
        Should::Stay => None,
        Should::Go => Some(Write::Delete(Deletion::of(&object.clone().into_object()))),
        Should::Update(value) => {
            let mut updated = object.clone();
            annotate(&mut updated.metadata, value);
            if value == "true" && !same {
                updated.spec = known.and_then(|known| known.spec);
            }
            Some(Write::update(updated.into_object()))
        }
    }
}

/// Whether a FlowSchema's priority level is there, as a condition.
pub fn dangling(level: &str, exists: bool, now: Time) -> FlowSchemaCondition {
    let references = format!("This FlowSchema references the PriorityLevelConfiguration object named {level:?}");
    let (status, reason, message) = match exists {
        true => ("False", "Found", format!("{references} and it exists")),
        false => ("True", "NotFound", format!("{references} but there is no such object")),
    };
    FlowSchemaCondition {
        type_: Some("Dangling".into()),
        status: Some(status.into()),
        reason: Some(reason.into()),
        message: Some(message),
        last_transition_time: Some(now.meta()),
    }
}

/// Mirrors `presyncFlowSchemaStatus`.
fn sync_status(view: &View<'_>, schema: &FlowSchema, now: Time, outcome: &mut Outcome) {
    let level = level_of(schema);
    let wanted = dangling(level, view.get_as::<PriorityLevelConfiguration>("", level).is_some(), now);
    let mut updated = schema.clone();
    let conditions = updated.status.get_or_insert_default().conditions.get_or_insert_default();
    let is_same = |c: &FlowSchemaCondition| {
        (&c.type_, &c.status, &c.reason, &c.message) == (&wanted.type_, &wanted.status, &wanted.reason, &wanted.message)
    };
    if conditions.iter().any(is_same) {
        return;
    }
    conditions.retain(|c| c.type_ != wanted.type_);
    conditions.push(wanted);
    let updated: Object = updated.into_object();
    outcome.write(Write::update_status(updated));
}
