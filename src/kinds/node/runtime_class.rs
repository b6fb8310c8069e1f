//! RuntimeClass.

use crate::api::k8s::api::node::v1::RuntimeClass;
use crate::api::names;
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::shared::access::text;
use crate::kinds::shared::meta::FIELD_IMMUTABLE;
use crate::kinds::shared::print;

impl Strategy for RuntimeClass {
    fn validate(&self) -> Vec<FieldError> {
        let wrong = names::dns1123_label(&self.handler);
        wrong.iter().map(|m| FieldError::invalid("handler", &self.handler, m)).collect()
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        match self.handler == old.handler {
            true => Vec::new(),
            false => vec![FieldError::invalid("handler", &self.handler, FIELD_IMMUTABLE)],
        }
    }

    fn columns() -> &'static [Column] {
        const COLUMNS: &[Column] = &[Column::new("NAME"), Column::new("HANDLER"), Column::new("AGE")];
        COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        vec![text(&self.metadata.name).to_string(), self.handler.clone(), print::age(&self.metadata, context)]
    }
}
