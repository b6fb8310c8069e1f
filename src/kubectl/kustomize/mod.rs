//! Builds kustomizations: what `kubectl kustomize` prints and `-k` reads.
//!
//! Mirrors `sigs.k8s.io/kustomize/api` v0.21 as kubectl uses it: without plugins that are programs, Helm and
//! the network. The way is
//! `loader` (files) -> `kustomization` (what a file says) -> `target` (resources, generators, components, transformers,
//! folder by folder) -> what has to wait for all names: hashes, `name_reference`, `variables` -> `sort`.

mod config;
mod decode;
mod defaults;
mod field_spec;
mod generators;
mod id;
mod kustomization;
mod loader;
mod name_reference;
mod node;
mod origin;
mod patches;
mod path_matcher;
mod read;
mod replacements;
mod res_map;
mod resource;
mod schema;
mod selector;
mod sort;
mod strategic;
mod target;
mod transformer;
mod transformers;
mod variables;

use std::fmt;

use serde_json::Value;

pub use self::loader::FileSystem;
use self::target::Target;

/// The release whose builds these are.
pub const VERSION: &str = "v5.8.1";

/// Why a kustomization can't be built, in kustomize's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    text: String,
}

impl Failed {
    fn new(text: impl Into<String>) -> Failed {
        Failed { text: text.into() }
    }

    /// The same with what was being done.
    fn within(self, what: &str) -> Failed {
        Failed { text: format!("{what}: {}", self.text) }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failed {}

/// In which order objects come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reorder {
    /// By kind, if the kustomization does not say.
    Legacy,
    /// As they were read, if the kustomization does not say.
    None,
}

/// How a kustomization is built.
#[derive(Debug, Clone)]
pub struct Options {
    /// The order of objects.
    pub reorder: Reorder,
    /// Whether `reorder` was asked for, which is warned of where the kustomization says another.
    pub reorder_given: bool,
    /// Whether every file has to lie below its kustomization.
    pub root_only: bool,
    /// Whether objects are labelled as kustomize's.
    pub managed_by_label: bool,
}

/// What is said beside the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// A line as it stands.
    Plain(String),
    /// A line of the log.
    Logged(String),
}

/// What became of a kustomization.
#[derive(Debug, Default)]
pub struct Built {
    /// The objects.
    pub objects: Vec<Value>,
    /// What is said of deprecated fields, also where the build fails.
    pub warnings: Vec<Warning>,
}

/// Builds the kustomization of a folder. Warnings are noted in `built` as they come.
///
/// # Errors
/// What makes it impossible, in kustomize's words.
pub fn build(files: &dyn FileSystem, path: &str, options: &Options, built: &mut Built) -> Result<(), Failed> {
    let loader = loader::Loader::at(files, path, options.root_only)?;
    let mut target = Target::load(loader, &mut built.warnings)?;
    let mut resources = target.make_customized(&mut built.warnings)?;
    let kustomization = &target.kustomization;
    match &kustomization.sort_options {
        Some(sort) => {
            if options.reorder_given {
                built.warnings.push(Warning::Logged(sort::WARNING.into()));
            }
            sort::sort(&mut resources, sort)?;
        }
        None if options.reorder == Reorder::Legacy => sort::sort(&mut resources, &sort::legacy())?,
        None => {}
    }
    let has = |name: &str| kustomization.build_metadata.iter().any(|m| m == name);
    if options.managed_by_label || has("managedByLabel") {
        transformers::add_managed_by_label(&mut resources, &format!("kustomize-{VERSION}"))?;
    }
    let (origins, transformations) = (has("originAnnotations"), has("transformerAnnotations"));
    for resource in resources.iter_mut() {
        resource.remove_build_annotations()?;
        resource.remove_tracking(!origins, !transformations)?;
        if let Some(node) = &resource.node {
            let value = node.value().map_err(|e| e.within("map[string]interface {}(nil)"));
            built.objects.push(value?);
        }
    }
    Ok(())
}

/// Whether kustomize knows an object's kind to lie outside of namespaces.
pub fn is_cluster_scoped(object: &Value) -> bool {
    let text = |name: &str| object[name].as_str().unwrap_or_default();
    id::Gvk::new(text("apiVersion"), text("kind")).is_cluster_scoped()
}

/// The objects as one text, as `kubectl kustomize` prints it.
pub fn to_yaml(objects: &[Value]) -> String {
    objects.iter().map(crate::printers::yaml::to_yaml).collect::<Vec<_>>().join("---\n")
}
