//! Component statuses: whether the control plane's parts are well, as the server finds out when somebody asks.
//!
//! Mirrors `pkg/registry/core/componentstatus` and `printComponentStatus`.

use crate::api::k8s::api::core::v1::ComponentStatus;
use crate::kinds::shared::access::items;
use crate::kinds::{Column, PrintContext, Strategy};

impl Strategy for ComponentStatus {
    fn columns() -> &'static [Column] {
        const COLUMNS: &[Column] =
            &[Column::new("NAME"), Column::new("STATUS"), Column::new("MESSAGE"), Column::new("ERROR")];
        COLUMNS
    }

    fn row(&self, _context: &PrintContext<'_>) -> Vec<String> {
        let healthy = items(&self.conditions).iter().find(|c| c.type_ == "Healthy");
        let text = |text: Option<&String>| text.cloned().unwrap_or_default();
        let status = match healthy.map(|c| c.status.as_str()) {
            Some("True") => "Healthy",
            Some("False") => "Unhealthy",
            _ => "Unknown",
        };
        vec![
            self.metadata.name.clone().unwrap_or_default(),
            status.into(),
            text(healthy.and_then(|c| c.message.as_ref())),
            text(healthy.and_then(|c| c.error.as_ref())),
        ]
    }
}
