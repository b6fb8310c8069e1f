//! Where an object comes from and what changed it, for `buildMetadata`.
//!
//! Mirrors `resource/origin.go` of `sigs.k8s.io/kustomize/api`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Failed;
use super::loader::join;
use super::resource::Resource;

/// The annotation that says where an object comes from.
pub(super) const ORIGIN: &str = "config.kubernetes.io/origin";
/// The annotation that lists what changed an object.
pub(super) const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";

/// A generator or a transformer.
#[derive(Debug, Clone)]
struct Configured {
    /// The file that configures it.
    file: String,
    kind: String,
    name: String,
    namespace: String,
}

/// Where an object comes from: a file, or a part of a kustomization.
#[derive(Debug, Clone, Default)]
pub(super) struct Origin {
    pub(super) path: String,
    /// The generator or transformer.
    configured: Option<Configured>,
}

impl Origin {
    /// The origin of what a path below this one leads to.
    pub(super) fn below(&self, path: &str) -> Origin {
        Origin { path: join(&self.path, path), configured: None }
    }

    /// The origin of what a kustomization here makes by itself.
    pub(super) fn configured(&self, file: &str, by: &'static str) -> Origin {
        let (file, kind) = (join(&self.path, file), by.to_string());
        let configured = Configured { file, kind, name: String::new(), namespace: String::new() };
        Origin { path: String::new(), configured: Some(configured) }
    }

    /// The origin of what an object configures, if that one's own is known.
    pub(super) fn of_plugin(resource: &Resource) -> Option<Origin> {
        let own = resource.annotations().remove(ORIGIN)?;
        let file = own.lines().find_map(|line| line.strip_prefix("path: ")).unwrap_or_default().to_string();
        let (kind, name) = (resource.kind().to_string(), resource.name().to_string());
        let configured = Configured { file, kind, name, namespace: resource.namespace().to_string() };
        Some(Origin { path: String::new(), configured: Some(configured) })
    }

    fn lines(&self) -> Vec<String> {
        match &self.configured {
            None if self.path.is_empty() => Vec::new(),
            None => vec![format!("path: {}", self.path)],
            Some(by) => {
                let mut lines = vec![format!("configuredIn: {}", by.file), "configuredBy:".into()];
                lines.push("  apiVersion: builtin".into());
                lines.push(format!("  kind: {}", by.kind));
                for (field, text) in [("name", &by.name), ("namespace", &by.namespace)] {
                    if !text.is_empty() {
                        let text = crate::printers::yaml::to_yaml(&Value::from(text.as_str()));
                        lines.push(format!("  {field}: {}", text.trim_end()));
                    }
                }
                lines
            }
        }
    }

    pub(super) fn text(&self) -> String {
        let lines = self.lines();
        match lines.is_empty() {
            true => "{}\n".into(),
            false => lines.into_iter().map(|line| line + "\n").collect(),
        }
    }
}

/// Notes the origin of objects that have none.
pub(super) fn add_origin(resources: &mut [Resource], origin: &Origin) -> Result<(), Failed> {
    let text = origin.text();
    resources
        .iter_mut()
        .filter(|r| !r.annotations().contains_key(ORIGIN))
        .try_for_each(|r| r.set_annotation(ORIGIN, &text))
}

/// Notes what changed the objects. One without an origin was made by it.
pub(super) fn add_transformation(resources: &mut [Resource], origin: &Origin) -> Result<(), Failed> {
    for resource in resources {
        let annotations: BTreeMap<String, String> = resource.annotations();
        if !annotations.contains_key(ORIGIN) {
            resource.set_annotation(ORIGIN, &origin.text())?;
            continue;
        }
        let mut text = annotations.get(TRANSFORMATIONS).cloned().unwrap_or_default();
        for (i, line) in origin.lines().into_iter().enumerate() {
            text.push_str(if i == 0 { "- " } else { "  " });
            text.push_str(&line);
            text.push('\n');
        }
        resource.set_annotation(TRANSFORMATIONS, &text)?;
    }
    Ok(())
}
