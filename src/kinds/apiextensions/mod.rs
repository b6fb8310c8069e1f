//! The kinds of `apiextensions.k8s.io`.
//!
//! Mirrors `k8s.io/apiextensions-apiserver/pkg/registry/customresourcedefinition/strategy.go` and `pkg/apis/apiextensions/v1`
//! (defaults, validation).

use crate::api::k8s::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceConversion, CustomResourceDefinition, CustomResourceDefinitionStatus,
};
use crate::error::FieldError;
use crate::kinds::custom::validate_schema;
use crate::kinds::shared::print::{NAME_AND_CREATED_AT, name_and_created_at};
use crate::kinds::{Column, PrintContext, Strategy};

impl Strategy for CustomResourceDefinition {
    const GENERATION: bool = true;
    const STATUS: bool = true;

    fn set_defaults(&mut self) {
        let names = &mut self.spec.names;
        if names.singular.as_deref().unwrap_or_default().is_empty() {
            names.singular = Some(names.kind.to_lowercase());
        }
        if names.list_kind.as_deref().unwrap_or_default().is_empty() {
            names.list_kind = Some(format!("{}List", names.kind));
        }
        let none = || CustomResourceConversion { strategy: "None".into(), webhook: None };
        self.spec.conversion.get_or_insert_with(none);
    }

    fn validate(&self) -> Vec<FieldError> {
        let spec = &self.spec;
        let mut faults = Vec::new();
        let name = self.metadata.name.as_deref().unwrap_or_default();
        if name != format!("{}.{}", spec.names.plural, spec.group) {
            let text = "must be spec.names.plural+\".\"+spec.group";
            faults.push(FieldError::invalid("metadata.name", name, text));
        }
        if !["Cluster", "Namespaced"].contains(&spec.scope.as_str()) {
            faults.push(FieldError::not_supported("spec.scope", spec.scope.as_str(), &["Cluster", "Namespaced"]));
        }
        for (at, version) in spec.versions.iter().enumerate() {
            if version.schema.as_ref().is_none_or(|schema| schema.open_api_v3_schema.is_none()) {
                let field = format!("spec.versions[{at}].schema.openAPIV3Schema");
                faults.push(FieldError::required(&field, "schemas are required"));
            }
        }
        for (at, version) in spec.versions.iter().enumerate() {
            let schema = version.schema.as_ref().and_then(|schema| schema.open_api_v3_schema.as_ref());
            let schema = schema.and_then(|schema| serde_json::to_value(schema).ok()).unwrap_or_default();
            // OBSERVATION: a schema that all versions share is told of at the place where old definitions had it.
            let path = match spec.versions.len() {
                1 => "spec.validation.openAPIV3Schema".to_string(),
                _ => format!("spec.versions[{at}].schema.openAPIV3Schema"),
            };
            faults.extend(validate_schema(&schema, &path));
        }
        if spec.versions.iter().filter(|version| version.storage).count() != 1 {
            let text = "must have exactly one version marked as storage version";
            faults.push(FieldError::invalid_as("spec.versions", text));
        }
        faults
    }

    fn reset_status(&mut self) {
        let stored = self.spec.versions.iter().filter(|v| v.storage).map(|v| v.name.clone());
        self.status =
            Some(CustomResourceDefinitionStatus { stored_versions: Some(stored.collect()), ..Default::default() });
    }

    fn copy_status(&mut self, from: &Self) {
        self.status = from.status.clone();
    }

    fn same_spec(&self, other: &Self) -> bool {
        self.spec == other.spec
    }

    fn columns() -> &'static [Column] {
        NAME_AND_CREATED_AT
    }

    fn row(&self, _context: &PrintContext<'_>) -> Vec<String> {
        name_and_created_at(&self.metadata)
    }
}
