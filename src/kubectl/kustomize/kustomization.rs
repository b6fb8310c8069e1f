//! What a kustomization file says.
//!
//! Mirrors `sigs.k8s.io/kustomize/api/types`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::decode::{self, Field as F, Kind as K};
use super::field_spec::FieldSpec;
use super::id::{Gvk, ResId};
use super::{Failed, Warning};
use crate::manifest::yaml;

pub(super) type Texts = BTreeMap<String, String>;

const EDIT_FIX: &str = "Run 'kustomize edit fix' to update your Kustomization automatically.";

/// Deprecated fields, what replaces them, and what is said before the advice.
const DEPRECATED: [(&str, &str, &str); 6] = [
    ("bases", "resources", ""),
    ("commonLabels", "labels", ""),
    ("imageTags", "images", ""),
    ("patchesJson6902", "patches", ""),
    ("patchesStrategicMerge", "patches", ""),
    ("vars", "replacements", "[EXPERIMENTAL] "),
];

/// A kustomization file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Kustomization {
    #[serde(rename = "apiVersion")]
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) openapi: Texts,
    pub(super) name_prefix: String,
    pub(super) name_suffix: String,
    pub(super) namespace: String,
    pub(super) common_labels: Texts,
    pub(super) labels: Vec<Label>,
    pub(super) common_annotations: Texts,
    pub(super) patches_strategic_merge: Vec<String>,
    #[serde(rename = "patchesJson6902")]
    pub(super) patches_json6902: Vec<Patch>,
    pub(super) patches: Vec<Patch>,
    pub(super) images: Vec<Image>,
    image_tags: Vec<Image>,
    pub(super) replacements: Vec<Replacement>,
    pub(super) replicas: Vec<Replica>,
    pub(super) vars: Vec<Var>,
    pub(super) sort_options: Option<SortOptions>,
    pub(super) resources: Vec<String>,
    pub(super) components: Vec<String>,
    pub(super) crds: Vec<String>,
    bases: Vec<String>,
    pub(super) config_map_generator: Vec<Generator>,
    pub(super) secret_generator: Vec<Generator>,
    pub(super) generator_options: Option<GeneratorOptions>,
    pub(super) configurations: Vec<String>,
    pub(super) generators: Vec<String>,
    pub(super) transformers: Vec<String>,
    pub(super) validators: Vec<String>,
    pub(super) build_metadata: Vec<String>,
    #[serde(skip)]
    /// The first Helm chart, as texts show it.
    pub(super) chart: Option<String>,
}

/// Labels that are added, and where.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Label {
    pub(super) pairs: Texts,
    pub(super) include_selectors: bool,
    pub(super) include_templates: bool,
    pub(super) fields: Vec<FieldSpec>,
}

/// A patch of either kind, and what it changes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Patch {
    pub(super) path: String,
    pub(super) patch: String,
    pub(super) target: Option<Selector>,
    pub(super) options: PatchOptions,
    /// The entry as it was written, for texts.
    #[serde(skip)]
    pub(super) shown: String,
}

/// What a patch may change beyond the rest.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PatchOptions {
    pub(super) allow_name_change: bool,
    pub(super) allow_kind_change: bool,
}

/// Which objects are meant; each part is a regular expression.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Selector {
    #[serde(flatten)]
    pub(super) id: ResId,
    pub(super) annotation_selector: String,
    pub(super) label_selector: String,
}

/// Another name, tag or digest of an image.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Image {
    pub(super) name: String,
    pub(super) new_name: String,
    pub(super) tag_suffix: String,
    pub(super) new_tag: String,
    pub(super) digest: String,
}

/// How many replicas something has.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Replica {
    pub(super) name: String,
    pub(super) count: i64,
}

/// A field that is copied to others.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Replacement {
    pub(super) source: Option<Source>,
    pub(super) targets: Option<Vec<Target>>,
    pub(super) source_value: Option<String>,
    pub(super) path: String,
}

/// Where a value is read.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Source {
    #[serde(flatten)]
    pub(super) id: ResId,
    pub(super) field_path: String,
    pub(super) options: Option<FieldOptions>,
}

/// Where a value is written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Target {
    pub(super) select: Option<Selector>,
    pub(super) reject: Vec<Selector>,
    pub(super) field_paths: Vec<String>,
    pub(super) options: Option<FieldOptions>,
}

/// Which part of a field is meant.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct FieldOptions {
    pub(super) delimiter: String,
    pub(super) index: i64,
    pub(super) create: bool,
}

/// A variable: a field of an object, to stand for `$(NAME)`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Var {
    pub(super) name: String,
    pub(super) objref: ObjectReference,
    pub(super) fieldref: FieldReference,
}

/// The object of a variable.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ObjectReference {
    pub(super) api_version: String,
    #[serde(flatten)]
    pub(super) gvk: Gvk,
    pub(super) name: String,
    pub(super) namespace: String,
}

/// The field of a variable.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct FieldReference {
    pub(super) field_path: String,
}

/// In which order objects are printed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct SortOptions {
    pub(super) order: String,
    pub(super) legacy_sort_options: Option<LegacySortOptions>,
}

/// The kinds that come first and last.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct LegacySortOptions {
    pub(super) order_first: Vec<String>,
    pub(super) order_last: Vec<String>,
}

/// A ConfigMap or a Secret that is made of files and texts.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Generator {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) behavior: String,
    pub(super) literals: Vec<String>,
    pub(super) files: Vec<String>,
    pub(super) envs: Vec<String>,
    env: String,
    pub(super) options: Option<GeneratorOptions>,
    #[serde(rename = "type")]
    pub(super) type_: String,
}

/// What generated objects get.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct GeneratorOptions {
    pub(super) labels: Texts,
    pub(super) annotations: Texts,
    pub(super) disable_name_suffix_hash: bool,
    pub(super) immutable: bool,
}

const TEXT_LIST: K = K::List(&K::Text);
const FIELD_SPEC: &[F] = &[
    F("group", "Gvk.", K::Text),
    F("version", "Gvk.", K::Text),
    F("kind", "Gvk.", K::Text),
    F("path", "", K::Text),
    F("create", "", K::Bool),
];
pub(super) const FIELD_SPECS: K = K::List(&K::Struct("FieldSpec", FIELD_SPEC));
const SELECTOR: &[F] = &[
    F("group", "ResId.Gvk.", K::Text),
    F("version", "ResId.Gvk.", K::Text),
    F("kind", "ResId.Gvk.", K::Text),
    F("name", "ResId.", K::Text),
    F("namespace", "ResId.", K::Text),
    F("annotationSelector", "", K::Text),
    F("labelSelector", "", K::Text),
];
const PATCH: &[F] = &[
    F("path", "", K::Text),
    F("patch", "", K::Text),
    F("target", "", K::Struct("Selector", SELECTOR)),
    F("options", "", K::Struct("PatchArgs", &[F("allowNameChange", "", K::Bool), F("allowKindChange", "", K::Bool)])),
];
const IMAGE: &[F] = &[
    F("name", "", K::Text),
    F("newName", "", K::Text),
    F("tagSuffix", "", K::Text),
    F("newTag", "", K::Text),
    F("digest", "", K::Text),
];
const FIELD_OPTIONS: K = K::Struct(
    "FieldOptions",
    &[
        F("delimiter", "", K::Text),
        F("index", "", K::Number("int")),
        F("encoding", "", K::Text),
        F("create", "", K::Bool),
    ],
);
const SOURCE: &[F] = &[
    F("group", "ResId.Gvk.", K::Text),
    F("version", "ResId.Gvk.", K::Text),
    F("kind", "ResId.Gvk.", K::Text),
    F("name", "ResId.", K::Text),
    F("namespace", "ResId.", K::Text),
    F("fieldPath", "", K::Text),
    F("options", "", FIELD_OPTIONS),
];
const TARGET: &[F] = &[
    F("select", "", K::Struct("Selector", SELECTOR)),
    F("reject", "", K::List(&K::Struct("Selector", SELECTOR))),
    F("fieldPaths", "", TEXT_LIST),
    F("options", "", FIELD_OPTIONS),
];
pub(super) const REPLACEMENT: &[F] = &[
    F("source", "Replacement.", K::Struct("SourceSelector", SOURCE)),
    F("targets", "Replacement.", K::List(&K::Struct("TargetSelector", TARGET))),
    F("sourceValue", "Replacement.", K::Text),
    F("path", "", K::Text),
];
const OBJECT_REFERENCE: &[F] = &[
    F("apiVersion", "", K::Text),
    F("group", "Gvk.", K::Text),
    F("version", "Gvk.", K::Text),
    F("kind", "Gvk.", K::Text),
    F("name", "", K::Text),
    F("namespace", "", K::Text),
];
const VAR: &[F] = &[
    F("name", "", K::Text),
    F("objref", "", K::Struct("Target", OBJECT_REFERENCE)),
    F("fieldref", "", K::Struct("FieldSelector", &[F("fieldPath", "", K::Text)])),
];
const SORT_OPTIONS: &[F] = &[
    F("order", "", K::Text),
    F(
        "legacySortOptions",
        "",
        K::Struct("LegacySortOptions", &[F("orderFirst", "", TEXT_LIST), F("orderLast", "", TEXT_LIST)]),
    ),
];
const GENERATOR_OPTIONS: K = K::Struct(
    "GeneratorOptions",
    &[
        F("labels", "", K::Texts),
        F("annotations", "", K::Texts),
        F("disableNameSuffixHash", "", K::Bool),
        F("immutable", "", K::Bool),
    ],
);
const CONFIG_MAP: &[F] = &[
    F("namespace", "GeneratorArgs.", K::Text),
    F("name", "GeneratorArgs.", K::Text),
    F("behavior", "GeneratorArgs.", K::Text),
    F("literals", "GeneratorArgs.KvPairSources.", TEXT_LIST),
    F("files", "GeneratorArgs.KvPairSources.", TEXT_LIST),
    F("envs", "GeneratorArgs.KvPairSources.", TEXT_LIST),
    F("env", "GeneratorArgs.KvPairSources.", K::Text),
    F("options", "GeneratorArgs.", GENERATOR_OPTIONS),
];
const SECRET: &[F] = &[
    F("namespace", "GeneratorArgs.", K::Text),
    F("name", "GeneratorArgs.", K::Text),
    F("behavior", "GeneratorArgs.", K::Text),
    F("literals", "GeneratorArgs.KvPairSources.", TEXT_LIST),
    F("files", "GeneratorArgs.KvPairSources.", TEXT_LIST),
    F("envs", "GeneratorArgs.KvPairSources.", TEXT_LIST),
    F("env", "GeneratorArgs.KvPairSources.", K::Text),
    F("options", "GeneratorArgs.", GENERATOR_OPTIONS),
    F("type", "", K::Text),
];
const LABEL: &[F] = &[
    F("pairs", "", K::Texts),
    F("includeSelectors", "", K::Bool),
    F("includeTemplates", "", K::Bool),
    F("fields", "", FIELD_SPECS),
];
const METADATA: &[F] =
    &[F("name", "", K::Text), F("namespace", "", K::Text), F("labels", "", K::Texts), F("annotations", "", K::Texts)];
const KUSTOMIZATION: &[F] = &[
    F("kind", "TypeMeta.", K::Text),
    F("apiVersion", "TypeMeta.", K::Text),
    F("metadata", "", K::Struct("ObjectMeta", METADATA)),
    F("openapi", "", K::Texts),
    F("namePrefix", "", K::Text),
    F("nameSuffix", "", K::Text),
    F("namespace", "", K::Text),
    F("commonLabels", "", K::Texts),
    F("labels", "", K::List(&K::Struct("Label", LABEL))),
    F("commonAnnotations", "", K::Texts),
    F("patchesStrategicMerge", "", TEXT_LIST),
    F("patchesJson6902", "", K::List(&K::Struct("Patch", PATCH))),
    F("patches", "", K::List(&K::Struct("Patch", PATCH))),
    F("images", "", K::List(&K::Struct("Image", IMAGE))),
    F("imageTags", "", K::List(&K::Struct("Image", IMAGE))),
    F("replacements", "", K::List(&K::Struct("ReplacementField", REPLACEMENT))),
    F("replicas", "", K::List(&K::Struct("Replica", &[F("name", "", K::Text), F("count", "", K::Number("int64"))]))),
    F("vars", "", K::List(&K::Struct("Var", VAR))),
    F("sortOptions", "", K::Struct("SortOptions", SORT_OPTIONS)),
    F("resources", "", TEXT_LIST),
    F("components", "", TEXT_LIST),
    F("crds", "", TEXT_LIST),
    F("bases", "", TEXT_LIST),
    F("configMapGenerator", "", K::List(&K::Struct("ConfigMapArgs", CONFIG_MAP))),
    F("secretGenerator", "", K::List(&K::Struct("SecretArgs", SECRET))),
    F("helmGlobals", "", K::Ignored),
    F("helmCharts", "", K::Ignored),
    F("helmChartInflationGenerator", "", K::Ignored),
    F("generatorOptions", "", GENERATOR_OPTIONS),
    F("configurations", "", TEXT_LIST),
    F("generators", "", TEXT_LIST),
    F("transformers", "", TEXT_LIST),
    F("validators", "", TEXT_LIST),
    F("buildMetadata", "", TEXT_LIST),
];

/// The kind of a component's file.
pub(super) const COMPONENT: &str = "Component";
const VERSION: &str = "kustomize.config.k8s.io/v1beta1";
const COMPONENT_VERSION: &str = "kustomize.config.k8s.io/v1alpha1";

impl Kustomization {
    /// Reads a file that lies in `folder`, and notes which of its fields are deprecated.
    pub(super) fn read(text: &str, folder: &str, warnings: &mut Vec<Warning>) -> Result<Kustomization, Failed> {
        let invalid = |e: Failed| e.within("invalid Kustomization");
        let value = yaml::to_json(text).map_err(|e| invalid(Failed::new(e.to_string())))?;
        let value = decode::normal(&value, "Kustomization", KUSTOMIZATION).map_err(invalid)?;
        for (field, other, mark) in DEPRECATED {
            if value.get(field).is_some() {
                let text =
                    format!("# Warning: '{field}' is deprecated. Please use '{other}' instead. {mark}{EDIT_FIX}");
                warnings.push(Warning::Plain(text));
            }
        }
        let is_empty =
            |value: &Value| value.as_object().is_some_and(|m| m.keys().all(|k| k == "kind" || k == "apiVersion"));
        if is_empty(&value) {
            return Err(Failed::new("kustomization.yaml is empty"));
        }
        let listed = |field: &str| value.get(field).and_then(Value::as_array).into_iter().flatten();
        let shown: Vec<String> = listed("patches").map(show).collect();
        let shown_json: Vec<String> = listed("patchesJson6902").map(show_json_patch).collect();
        let chart =
            ["helmCharts", "helmChartInflationGenerator"].iter().find_map(|field| value.get(field)?.get(0)).map(show);
        let mut read: Kustomization = serde_json::from_value(value).map_err(|e| invalid(Failed::new(e.to_string())))?;
        read.chart = chart;
        let patches = read.patches.iter_mut().zip(shown);
        patches.chain(read.patches_json6902.iter_mut().zip(shown_json)).for_each(|(patch, shown)| patch.shown = shown);
        read.fix();
        read.check(folder)?;
        Ok(read)
    }

    /// Fills in what is left out, and takes deprecated fields for those that replace them.
    fn fix(&mut self) {
        if self.kind.is_empty() {
            self.kind = "Kustomization".into();
        }
        if self.api_version.is_empty() {
            self.api_version = if self.kind == COMPONENT { COMPONENT_VERSION } else { VERSION }.into();
        }
        self.resources.append(&mut self.bases);
        self.images.append(&mut self.image_tags);
        for generator in self.config_map_generator.iter_mut().chain(&mut self.secret_generator) {
            if !generator.env.is_empty() {
                generator.envs.push(std::mem::take(&mut generator.env));
            }
        }
    }

    fn check(&self, folder: &str) -> Result<(), Failed> {
        let mut faults = Vec::new();
        if self.kind != "Kustomization" && self.kind != COMPONENT {
            faults.push("kind should be Kustomization or Component".to_string());
        }
        let wanted = if self.kind == COMPONENT { COMPONENT_VERSION } else { VERSION };
        if self.api_version != wanted {
            faults.push(format!("apiVersion for {} should be {wanted}", self.kind));
        }
        if faults.is_empty() {
            return Ok(());
        }
        Err(Failed::new(format!("Failed to read kustomization file under {folder}:\n{}", faults.join("\n"))))
    }
}

/// An entry as texts show it, without what is empty.
fn show(entry: &Value) -> String {
    let fields = entry.as_object().into_iter().flatten().filter(|(_, value)| value.as_str() != Some(""));
    crate::printers::yaml::to_yaml(&Value::Object(fields.map(|(k, v)| (k.clone(), v.clone())).collect()))
}

fn show_json_patch(entry: &Value) -> String {
    let mut entry = entry.clone();
    if let Some(fields) = entry.as_object_mut() {
        if let Some(patch) = fields.remove("patch") {
            fields.insert("jsonOp".into(), patch);
        }
        fields.remove("options");
    }
    show(&entry)
}
