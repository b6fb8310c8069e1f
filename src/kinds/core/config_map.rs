//! ConfigMap.

use std::collections::BTreeMap;

use crate::api::k8s::api::core::v1::ConfigMap;
use crate::api::names;
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::Description;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::shared::access::text;
use crate::kinds::shared::describe::{describe_events_of, print_annotations_multiline, print_labels_multiline};
use crate::kinds::shared::faults::Faults;
use crate::kinds::shared::print;

/// How many bytes a ConfigMap or a Secret may hold.
pub(super) const MAX_SIZE: usize = 1024 * 1024;
/// Said of what an immutable object may not change.
pub(super) const IMMUTABLE: &str = "field is immutable when `immutable` is set";

impl Strategy for ConfigMap {
    fn validate(&self) -> Vec<FieldError> {
        let mut faults = Faults::default();
        let (text_data, binary) = (self.data.clone().unwrap_or_default(), self.binary_data.clone().unwrap_or_default());
        for key in text_data.keys() {
            let path = format!("data[{key}]");
            faults.all_invalid(&path, "", key, names::config_map_key(key));
            if binary.contains_key(key) {
                faults.invalid(&path, "", key, "duplicate of key present in binaryData");
            }
        }
        for key in binary.keys() {
            faults.all_invalid(&format!("binaryData[{key}]"), "", key, names::config_map_key(key));
        }
        let size =
            text_data.values().map(String::len).sum::<usize>() + binary.values().map(|v| v.0.len()).sum::<usize>();
        if size > MAX_SIZE {
            // The fault is the whole object's: its path is empty, in Go's words.
            faults.0.push(FieldError::too_long("[]", MAX_SIZE));
        }
        faults.0
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut faults = Faults::default();
        if old.immutable == Some(true) {
            let changed = [
                ("immutable", self.immutable != Some(true)),
                ("data", self.data != old.data),
                ("binaryData", self.binary_data != old.binary_data),
            ];
            for (name, _) in changed.into_iter().filter(|(_, changed)| *changed) {
                faults.forbidden("", name, IMMUTABLE);
            }
        }
        faults.extend(self.validate());
        faults.0
    }

    fn columns() -> &'static [Column] {
        const { &[Column::new("NAME"), Column::new("DATA"), Column::new("AGE")] }
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        let count = self.data.as_ref().map_or(0, BTreeMap::len) + self.binary_data.as_ref().map_or(0, BTreeMap::len);
        vec![text(&self.metadata.name).to_string(), count.to_string(), print::age(&self.metadata, context)]
    }

    fn describe(&self, d: &mut Description, context: &PrintContext<'_>) {
        d.field(0, "Name", text(&self.metadata.name));
        d.field(0, "Namespace", text(&self.metadata.namespace));
        print_labels_multiline(d, "Labels", &self.metadata.labels);
        print_annotations_multiline(d, "Annotations", &self.metadata.annotations);
        d.write(0, "\nData\n====\n");
        for (key, value) in self.data.iter().flatten() {
            d.write(0, format!("{key}:\n----\n"));
            d.write(0, format!("{value}\n"));
            d.write(0, "\n");
        }
        d.write(0, "\nBinaryData\n====\n");
        for (key, value) in self.binary_data.iter().flatten() {
            d.write(0, format!("{key}: {} bytes\n", value.0.len()));
        }
        d.write(0, "\n");
        describe_events_of(d, &self.metadata, context);
    }
}
