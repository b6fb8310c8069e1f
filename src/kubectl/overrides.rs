//! `--overrides`: a patch on an object that a verb has made, before it is sent.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/util/override_options.go`.

use serde_json::Value;

use crate::api::Kind;
use crate::error::Failure;
use crate::manifest::merge;

/// `--overrides` and `--override-type`.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct OverrideArgs {
    /// The method used to override the generated object: json, merge, or strategic
    #[arg(long, default_value = "merge")]
    override_type: String,
    /// An inline JSON override for the generated object
    #[arg(long, default_value = "")]
    overrides: String,
}

impl OverrideArgs {
    /// The object with the patch applied.
    ///
    /// # Errors
    /// A patch that can't be read or does not fit.
    pub fn apply(&self, kind: Kind, tree: &Value) -> Result<Value, Failure> {
        if self.overrides.is_empty() {
            return Ok(tree.clone());
        }
        let parse = || serde_json::from_str::<Value>(&self.overrides);
        match self.override_type.as_str() {
            "" | "merge" => match parse() {
                Ok(patch) => Ok(merge::json_merge_patch(tree, &patch)),
                Err(_) => Err(Failure::error("Invalid JSON Patch")),
            },
            "strategic" => {
                let patch = parse().map_err(|_| Failure::error("invalid JSON document"))?;
                merge::strategic_merge_patch(kind, tree, &patch).map_err(Failure::error)
            }
            "json" => {
                let patch = parse().map_err(Failure::error)?;
                merge::json_patch(tree, &patch).map_err(Failure::error)
            }
            other => Err(Failure::error(format!("invalid override type: {other}"))),
        }
    }
}
