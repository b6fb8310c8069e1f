//! ControllerRevision.

use serde_json::Value;

use crate::api::Kind;
use crate::api::k8s::api::apps::v1::ControllerRevision;
use crate::api::object::controller_of;
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::shared::access::text;
use crate::kinds::shared::meta::{FIELD_IMMUTABLE, validate_nonnegative};
use crate::kinds::shared::print;

const COLUMNS: &[Column] =
    &[Column::new("NAME"), Column::new("CONTROLLER"), Column::new("REVISION"), Column::new("AGE")];

impl Strategy for ControllerRevision {
    fn validate(&self) -> Vec<FieldError> {
        let mut faults: Vec<FieldError> = validate_nonnegative(self.revision, "revision").into_iter().collect();
        match self.data.as_ref().map(|d| &d.0) {
            None | Some(Value::Null) => faults.push(FieldError::required("data", "data is mandatory")),
            Some(Value::Object(_)) => {}
            Some(_) => faults.push(FieldError::required("data", "data must be a valid JSON object")),
        }
        faults
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut faults: Vec<FieldError> = validate_nonnegative(self.revision, "revision").into_iter().collect();
        if self.data != old.data {
            faults.push(FieldError::invalid("data", self.data.as_ref().map(|d| &d.0), FIELD_IMMUTABLE));
        }
        faults
    }

    fn columns() -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        let controller = controller_of(&self.metadata).map(|c| {
            let group = c.api_version.split_once('/').map_or("", |(group, _)| group);
            let kind = Kind::from_group_kind(group, &c.kind).map(Kind::qualified);
            let unknown = || match group {
                "" => c.kind.to_lowercase(),
                group => format!("{}.{group}", c.kind.to_lowercase()),
            };
            format!("{}/{}", kind.unwrap_or_else(unknown), c.name)
        });
        vec![
            text(&self.metadata.name).to_string(),
            controller.unwrap_or_else(|| "<none>".into()),
            self.revision.to_string(),
            print::age(&self.metadata, context),
        ]
    }
}
