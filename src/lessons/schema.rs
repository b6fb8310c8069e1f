//! The JSON schema of a lesson's front matter, for editors.

use serde_json::Value;

use super::model::FrontMatter;

/// The schema.
pub fn front_matter() -> Value {
    schemars::schema_for!(FrontMatter).to_value()
}
