//! Event: that something happened to an object.
//!
//! Mirrors `pkg/registry/core/event/strategy.go` and `pkg/apis/core/validation/events.go`.

use serde::Serialize;

use crate::api::k8s::api::core::v1::{Event, ObjectReference};
use crate::api::{names, time};
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::shared::access::{set_text, text};
use crate::kinds::shared::faults::Faults;
use crate::kinds::shared::internal::Internal;
use crate::kinds::shared::meta::FIELD_IMMUTABLE;

/// The version with names and rules of its own.
const NEWER: &str = "events.k8s.io/v1";
const INSTANCE_LENGTH_LIMIT: usize = 128;
const ACTION_LENGTH_LIMIT: usize = 128;
const REASON_LENGTH_LIMIT: usize = 128;
const NOTE_LENGTH_LIMIT: usize = 1024;

impl Strategy for Event {
    fn set_defaults(&mut self) {
        set_text(&mut self.type_, "Normal");
    }

    /// The core group's version is lenient with what is old, the newer one with nothing.
    fn validate_version(&self, api_version: &str, old: Option<&Self>) -> Vec<FieldError> {
        let mut faults = Faults::default();
        let is_newer = api_version == NEWER;
        validate_legacy(self, if is_newer { "reportingController" } else { "reportingComponent" }, &mut faults);
        match (is_newer, old) {
            (true, None) => validate_create(self, &mut faults),
            (true, Some(old)) => validate_update(self, old, &mut faults),
            (false, _) => {}
        }
        faults.0
    }

    fn columns() -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column::new("LAST SEEN"),
            Column::new("TYPE"),
            Column::new("REASON"),
            Column::new("OBJECT"),
            Column::wide("SUBOBJECT"),
            Column::wide("SOURCE"),
            Column::new("MESSAGE"),
            Column::wide("FIRST SEEN"),
            Column::wide("COUNT"),
            Column::wide("NAME"),
        ];
        COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        let first = match &self.first_timestamp {
            Some(_) => time::translate_timestamp_since(self.first_timestamp.as_ref(), context.now),
            None => time::translate_micro_timestamp_since(self.event_time.as_ref(), context.now),
        };
        let (last, count) = match (&self.series, &self.last_timestamp) {
            (Some(series), _) => {
                let last = time::translate_micro_timestamp_since(series.last_observed_time.as_ref(), context.now);
                (last, series.count.unwrap_or(0))
            }
            (None, Some(_)) => {
                let last = time::translate_timestamp_since(self.last_timestamp.as_ref(), context.now);
                (last, self.count.filter(|n| *n != 0).unwrap_or(1))
            }
            (None, None) => (first.clone(), self.count.filter(|n| *n != 0).unwrap_or(1)),
        };
        let kind = text(&self.involved_object.kind).to_lowercase();
        let target = match text(&self.involved_object.name) {
            "" => kind,
            name => format!("{kind}/{name}"),
        };
        vec![
            last,
            text(&self.type_).to_string(),
            text(&self.reason).to_string(),
            target,
            text(&self.involved_object.field_path).to_string(),
            format_event_source(self),
            text(&self.message).trim().to_string(),
            first,
            count.to_string(),
            text(&self.metadata.name).to_string(),
        ]
    }

    fn selectable_fields() -> &'static [&'static str] {
        &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ]
    }

    fn selectable_field(&self, path: &str) -> Option<String> {
        let involved = &self.involved_object;
        let source = self.source.as_ref().and_then(|s| s.component.as_ref());
        let value = match path {
            "involvedObject.kind" => involved.kind.as_ref(),
            "involvedObject.namespace" => involved.namespace.as_ref(),
            "involvedObject.name" => involved.name.as_ref(),
            "involvedObject.uid" => involved.uid.as_ref(),
            "involvedObject.apiVersion" => involved.api_version.as_ref(),
            "involvedObject.resourceVersion" => involved.resource_version.as_ref(),
            "involvedObject.fieldPath" => involved.field_path.as_ref(),
            "reason" => self.reason.as_ref(),
            "reportingComponent" => self.reporting_component.as_ref(),
            "source" => source.filter(|s| !s.is_empty()).or(self.reporting_component.as_ref()),
            "type" => self.type_.as_ref(),
            _ => return None,
        };
        Some(value.cloned().unwrap_or_default())
    }
}

/// Mirrors `legacyValidateEvent`; `controller` is what the version calls who reports it.
fn validate_legacy(event: &Event, controller: &str, faults: &mut Faults) {
    let own = text(&event.metadata.namespace);
    let involved = text(&event.involved_object.namespace);
    let agree = match (event.event_time.is_some(), involved) {
        (false, "") => own.is_empty() || own == "default",
        (false, involved) => own == involved,
        (true, "") => own == "default" || own == "kube-system",
        (true, _) => true,
    };
    if !agree {
        faults.invalid("involvedObject", "namespace", involved, "does not match event.namespace");
    }
    if event.event_time.is_some() {
        let reporter = text(&event.reporting_component);
        if reporter.is_empty() {
            faults.0.push(FieldError::required(controller, ""));
        }
        let odd = names::qualified_name(reporter);
        faults.extend(odd.iter().map(|fault| FieldError::invalid(controller, reporter, fault)));
        let limited = |faults: &mut Faults, field: &str, value: &str, limit: usize| {
            if value.len() > limit {
                faults.0.push(FieldError::invalid(field, "", &format!("can have at most {limit} characters")));
            }
        };
        for (field, value, limit) in [
            ("reportingInstance", text(&event.reporting_instance), INSTANCE_LENGTH_LIMIT),
            ("action", text(&event.action), ACTION_LENGTH_LIMIT),
            ("reason", text(&event.reason), REASON_LENGTH_LIMIT),
        ] {
            if value.is_empty() {
                faults.0.push(FieldError::required(field, ""));
            }
            limited(faults, field, value, limit);
        }
        limited(faults, "message", text(&event.message), NOTE_LENGTH_LIMIT);
    }
    let odd = names::dns1123_subdomain(own);
    faults.extend(odd.iter().map(|fault| FieldError::invalid("namespace", own, fault)));
}

/// Mirrors `ValidateEventCreate` for what is sent in the newer version.
fn validate_create(event: &Event, faults: &mut Faults) {
    validate_series(event, faults);
    if event.event_time.is_none() {
        faults.0.push(FieldError::required("eventTime", ""));
    }
    let kind = text(&event.type_);
    if !["Normal", "Warning"].contains(&kind) {
        faults.0.push(FieldError::invalid("type", "", &format!("has invalid value: {kind}")));
    }
    let source = event.source.clone().unwrap_or_default();
    let is_set = [
        ("firstTimestamp", event.first_timestamp.is_some()),
        ("lastTimestamp", event.last_timestamp.is_some()),
        ("count", event.count.is_some_and(|n| n != 0)),
        ("source", !text(&source.component).is_empty() || !text(&source.host).is_empty()),
    ];
    let set = is_set.into_iter().filter(|(_, is_set)| *is_set);
    faults.extend(set.map(|(field, _)| FieldError::invalid(field, "", "needs to be unset")));
}

/// Mirrors `ValidateEventUpdate` for what is sent in the newer version: a series alone may go on.
fn validate_update(new: &Event, old: &Event, faults: &mut Faults) {
    if new.series != old.series {
        validate_series(new, faults);
    }
    let reference = |object: &ObjectReference| Internal::of("ObjectReference", object);
    let related = |event: &Event| event.related.as_ref().map(reference);
    let source = |event: &Event| Internal::of("EventSource", &event.source.clone().unwrap_or_default());
    let text = |field: &Option<String>| text(field).to_string();
    fixed("involvedObject", &reference(&new.involved_object), &reference(&old.involved_object), faults);
    fixed("reason", &text(&new.reason), &text(&old.reason), faults);
    fixed("message", &text(&new.message), &text(&old.message), faults);
    fixed("source", &source(new), &source(old), faults);
    fixed("firstTimestamp", &new.first_timestamp, &old.first_timestamp, faults);
    fixed("lastTimestamp", &new.last_timestamp, &old.last_timestamp, faults);
    fixed("count", &new.count.unwrap_or(0), &old.count.unwrap_or(0), faults);
    fixed("reason", &text(&new.reason), &text(&old.reason), faults);
    fixed("type", &text(&new.type_), &text(&old.type_), faults);
    fixed("eventTime", &new.event_time, &old.event_time, faults);
    fixed("action", &text(&new.action), &text(&old.action), faults);
    fixed("related", &related(new), &related(old), faults);
    fixed("reportingController", &text(&new.reporting_component), &text(&old.reporting_component), faults);
    fixed("reportingInstance", &text(&new.reporting_instance), &text(&old.reporting_instance), faults);
}

fn fixed<T: Serialize + PartialEq>(field: &str, new: &T, old: &T, faults: &mut Faults) {
    if new != old {
        faults.0.push(FieldError::invalid(field, new, FIELD_IMMUTABLE));
    }
}

/// Mirrors `validateV1EventSeries`.
fn validate_series(event: &Event, faults: &mut Faults) {
    let Some(series) = &event.series else { return };
    if series.count.unwrap_or(0) < 2 {
        faults.0.push(FieldError::invalid("series.count", "", "should be at least 2"));
    }
    if series.last_observed_time.is_none() {
        faults.0.push(FieldError::required("series.lastObservedTime", ""));
    }
}

/// Who said it, and where. Mirrors `formatEventSource`.
fn format_event_source(event: &Event) -> String {
    let source = event.source.as_ref();
    let first = |a: Option<&String>, b: Option<&String>| a.filter(|s| !s.is_empty()).or(b).cloned().unwrap_or_default();
    let component = first(source.and_then(|s| s.component.as_ref()), event.reporting_component.as_ref());
    let host = first(source.and_then(|s| s.host.as_ref()), event.reporting_instance.as_ref());
    if host.is_empty() { component } else { format!("{component}, {host}") }
}
