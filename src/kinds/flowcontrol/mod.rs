//! The kinds of `flowcontrol.apiserver.k8s.io`: which requests the server answers first when there are too many.
//!
//! Nothing here queues requests: kstate answers one at a time. The objects are what a real server keeps.

pub mod bootstrap;
mod flow_schema;
mod priority_level_configuration;

/// The object that lets the cluster's admins through whatever the load: a FlowSchema, and its priority level.
pub(super) const EXEMPT: &str = "exempt";

/// What is wrong with conditions, of which only the types are looked at. Mirrors `ValidateFlowSchemaStatus`.
fn validate_conditions<'a>(types: impl Iterator<Item = &'a str>) -> Vec<crate::error::FieldError> {
    use crate::error::FieldError;
    let mut seen = std::collections::BTreeSet::new();
    let mut faults = Vec::new();
    for (i, name) in types.enumerate() {
        let field = format!("status.conditions[{i}].type");
        if !seen.insert(name) {
            faults.push(FieldError::duplicate(&field, name));
        }
        if name.is_empty() {
            faults.push(FieldError::required(&field, ""));
        }
    }
    faults
}
