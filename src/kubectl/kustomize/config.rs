//! Where transformers work: kustomize's own places, and those that `configurations` and `crds` add.
//!
//! Mirrors `sigs.k8s.io/kustomize/api/internal/plugins/builtinconfig` and `accumulator/loadconfigfromcrds.go`.

use serde::Deserialize;
use serde_json::Value;

use super::Failed;
use super::decode::{self, Field as F, Kind as K};
use super::field_spec::{FieldSpec, merge_all, merge_one};
use super::id::Gvk;
use super::kustomization::FIELD_SPECS;
use super::loader::Loader;
use super::sort::rank;
use crate::manifest::yaml;

/// The fields that refer to objects of a kind by their name.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct NameReference {
    #[serde(flatten)]
    pub(super) gvk: Gvk,
    #[serde(rename = "fieldSpecs")]
    pub(super) referrers: Vec<FieldSpec>,
}

/// Where each transformer works.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Config {
    pub(super) name_prefix: Vec<FieldSpec>,
    pub(super) name_suffix: Vec<FieldSpec>,
    pub(super) namespace: Vec<FieldSpec>,
    pub(super) common_labels: Vec<FieldSpec>,
    pub(super) labels: Vec<FieldSpec>,
    pub(super) template_labels: Vec<FieldSpec>,
    pub(super) common_annotations: Vec<FieldSpec>,
    pub(super) name_reference: Vec<NameReference>,
    pub(super) var_reference: Vec<FieldSpec>,
    pub(super) images: Vec<FieldSpec>,
    pub(super) replicas: Vec<FieldSpec>,
}

const NAME_REFERENCE: &[F] = &[
    F("group", "Gvk.", K::Text),
    F("version", "Gvk.", K::Text),
    F("kind", "Gvk.", K::Text),
    F("fieldSpecs", "", FIELD_SPECS),
];
const CONFIG: &[F] = &[
    F("namePrefix", "", FIELD_SPECS),
    F("nameSuffix", "", FIELD_SPECS),
    F("namespace", "", FIELD_SPECS),
    F("commonLabels", "", FIELD_SPECS),
    F("labels", "", FIELD_SPECS),
    F("templateLabels", "", FIELD_SPECS),
    F("commonAnnotations", "", FIELD_SPECS),
    F("nameReference", "", K::List(&K::Struct("NameBackReferences", NAME_REFERENCE))),
    F("varReference", "", FIELD_SPECS),
    F("images", "", FIELD_SPECS),
    F("replicas", "", FIELD_SPECS),
];

impl Config {
    /// Kustomize's own places and those of `configurations`.
    pub(super) fn read(loader: &Loader<'_>, paths: &[String]) -> Result<Config, Failed> {
        let mut config = super::defaults::config();
        let mut more = Config::default();
        for path in paths {
            let text = String::from_utf8_lossy(&loader.load(path)?).into_owned();
            let value = yaml::to_json(&text).map_err(|e| Failed::new(format!("error converting YAML to JSON: {e}")))?;
            let value = decode::normal(&value, "TransformerConfig", CONFIG)
                .map_err(|e| e.within("error unmarshaling JSON: while decoding JSON"))?;
            let mut read: Config = serde_json::from_value(value).map_err(|e| Failed::new(e.to_string()))?;
            read.sort();
            more.merge(&read)?;
        }
        if !paths.is_empty() {
            config.merge(&more)?;
        }
        Ok(config)
    }

    fn lists(&mut self) -> [(&'static str, &mut Vec<FieldSpec>); 10] {
        [
            ("NamePrefix", &mut self.name_prefix),
            ("NameSuffix", &mut self.name_suffix),
            ("NameSpace", &mut self.namespace),
            ("CommonAnnotations", &mut self.common_annotations),
            ("CommonLabels", &mut self.common_labels),
            ("Labels", &mut self.labels),
            ("TemplateLabels", &mut self.template_labels),
            ("VarReference", &mut self.var_reference),
            ("Images", &mut self.images),
            ("Replicas", &mut self.replicas),
        ]
    }

    /// By kind, as kustomize orders objects.
    pub(super) fn sort(&mut self) {
        let key = |gvk: &Gvk| (rank(&gvk.kind), gvk.sort_text());
        for (_, list) in self.lists() {
            list.sort_by_cached_key(|spec| key(&spec.gvk));
        }
        self.name_reference.sort_by_cached_key(|reference| key(&reference.gvk));
    }

    /// Adds another's places.
    pub(super) fn merge(&mut self, other: &Config) -> Result<(), Failed> {
        let mut other = other.clone();
        for ((name, mine), (_, others)) in self.lists().into_iter().zip(other.lists()) {
            merge_all(mine, others).map_err(|e| e.within(&format!("failed to merge {name} fieldSpec")))?;
        }
        for reference in &other.name_reference {
            self.merge_reference(reference).map_err(|e| e.within("failed to merge NameReference fieldSpec"))?;
        }
        self.sort();
        Ok(())
    }

    fn merge_reference(&mut self, other: &NameReference) -> Result<(), Failed> {
        match self.name_reference.iter_mut().find(|known| known.gvk == other.gvk) {
            Some(known) => merge_all(&mut known.referrers, &other.referrers),
            None => {
                self.name_reference.push(other.clone());
                Ok(())
            }
        }
    }

    /// The places that the definitions of `crds` mark.
    pub(super) fn of_definitions(loader: &Loader<'_>, paths: &[String]) -> Result<Config, Failed> {
        let mut config = Config::default();
        for path in paths {
            let text = String::from_utf8_lossy(&loader.load(path)?).into_owned();
            let definitions = yaml::to_json(&text)
                .map_err(|e| Failed::new(format!("unable to parse open API definition from '{path}': {e}")))?;
            let Some(types) = definitions.as_object() else { continue };
            for (name, definition) in types {
                let properties = &definition["Schema"]["properties"];
                if ["kind", "apiVersion", "metadata"].iter().all(|field| properties.get(field).is_some()) {
                    let kind = name.rsplit('.').next().unwrap_or_default();
                    let mut found = Config::default();
                    let gvk = Gvk { kind: kind.into(), ..Gvk::default() };
                    found.add_definition(&gvk, &definitions, name, &mut Vec::new())?;
                    config.merge(&found)?;
                }
            }
        }
        Ok(config)
    }

    /// Mirrors `loadCrdIntoConfig`.
    fn add_definition(
        &mut self,
        gvk: &Gvk,
        definitions: &Value,
        name: &str,
        path: &mut Vec<String>,
    ) -> Result<(), Failed> {
        let properties = definitions[name]["Schema"]["properties"].as_object();
        if path.len() > 32 {
            return Ok(());
        }
        for (field, property) in properties.into_iter().flatten() {
            path.push(field.clone());
            let spec = |path: &[String]| FieldSpec { gvk: gvk.clone(), path: path.join("/"), ..FieldSpec::default() };
            let text = |name: &str| property.get(name).and_then(Value::as_str);
            if text("x-kubernetes-annotation").is_some() {
                merge_one(&mut self.common_annotations, spec(path))?;
            }
            if text("x-kubernetes-label-selector").is_some() {
                merge_one(&mut self.common_labels, spec(path))?;
            }
            if text("x-kubernetes-identity").is_some() {
                merge_one(&mut self.name_prefix, spec(path))?;
            }
            let (version, kind) = (text("x-kubernetes-object-ref-api-version"), text("x-kubernetes-object-ref-kind"));
            if let (Some(version), Some(kind)) = (version, kind) {
                path.push(text("x-kubernetes-object-ref-name-key").unwrap_or("name").into());
                let target = Gvk { group: String::new(), version: version.into(), kind: kind.into() };
                self.merge_reference(&NameReference { gvk: target, referrers: vec![spec(path)] })?;
                path.pop();
            }
            if let Some(target) = text("$ref") {
                self.add_definition(gvk, definitions, target, path)?;
            }
            path.pop();
        }
        Ok(())
    }
}
