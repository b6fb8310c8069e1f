//! Event.

use crate::api::k8s::api::core::v1::Event;
use crate::api::time;
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::shared::access::{set_text, text};

impl Strategy for Event {
    fn set_defaults(&mut self) {
        set_text(&mut self.type_, "Normal");
    }

    fn validate(&self) -> Vec<FieldError> {
        let own = text(&self.metadata.namespace);
        let involved = text(&self.involved_object.namespace);
        let agree = match (self.event_time.is_some(), involved) {
            (false, "") => own.is_empty() || own == "default",
            (false, involved) => own == involved,
            (true, "") => own == "default" || own == "kube-system",
            (true, _) => true,
        };
        match agree {
            true => Vec::new(),
            false => vec![FieldError::invalid("involvedObject.namespace", involved, "does not match event.namespace")],
        }
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

/// Who said it, and where. Mirrors `formatEventSource`.
fn format_event_source(event: &Event) -> String {
    let source = event.source.as_ref();
    let first = |a: Option<&String>, b: Option<&String>| a.filter(|s| !s.is_empty()).or(b).cloned().unwrap_or_default();
    let component = first(source.and_then(|s| s.component.as_ref()), event.reporting_component.as_ref());
    let host = first(source.and_then(|s| s.host.as_ref()), event.reporting_instance.as_ref());
    if host.is_empty() { component } else { format!("{component}, {host}") }
}
