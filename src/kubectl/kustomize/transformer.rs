//! The transformers of a kustomization, those of its fields and those that it configures as objects of their own.
//!
//! Mirrors `internal/target/kusttarget_configplugin.go` and `internal/plugins/loader` of `sigs.k8s.io/kustomize/api`,
//! without plugins that are programs.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Failed;
use super::config::Config;
use super::field_spec::{FieldSpec, merge_all, merge_one};
use super::kustomization::{
    Generator, Image, Kustomization, Label, Patch, PatchOptions, Replacement, Replica, Selector, Texts,
};
use super::loader::Loader;
use super::patches::{self, Loaded};
use super::res_map::drop_empty;
use super::resource::Resource;
use super::transformers::{self, Affix, Namespacing, Subjects};
use super::{generators, read, replacements};

/// A transformer that is ready to work.
pub(super) enum Transformer {
    StrategicPatches(Vec<Resource>),
    Patch(Loaded),
    Namespace(Namespacing, Vec<FieldSpec>),
    Prefix(String, Vec<FieldSpec>),
    Suffix(String, Vec<FieldSpec>),
    Labels(Texts, Vec<FieldSpec>),
    Annotations(Texts, Vec<FieldSpec>),
    JsonPatch(Loaded),
    Replicas(Replica, Vec<FieldSpec>),
    Image(Image, Vec<FieldSpec>),
    Replacements(Vec<Replacement>),
    Hashes,
}

impl Transformer {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Transformer::StrategicPatches(_) => "PatchStrategicMergeTransformer",
            Transformer::Patch(_) => "PatchTransformer",
            Transformer::Namespace(..) => "NamespaceTransformer",
            Transformer::Prefix(..) => "PrefixTransformer",
            Transformer::Suffix(..) => "SuffixTransformer",
            Transformer::Labels(..) => "LabelTransformer",
            Transformer::Annotations(..) => "AnnotationsTransformer",
            Transformer::JsonPatch(_) => "PatchJson6902Transformer",
            Transformer::Replicas(..) => "ReplicaCountTransformer",
            Transformer::Image(..) => "ImageTagTransformer",
            Transformer::Replacements(_) => "ReplacementTransformer",
            Transformer::Hashes => "HashTransformer",
        }
    }

    pub(super) fn apply(&self, resources: &mut Vec<Resource>) -> Result<(), Failed> {
        match self {
            Transformer::StrategicPatches(patches) => patches::apply_listed(resources, patches),
            Transformer::Patch(patch) => patches::apply(resources, patch),
            Transformer::Namespace(namespacing, specs) => transformers::set_namespace(resources, namespacing, specs),
            Transformer::Prefix(text, specs) => transformers::add_affix(resources, Affix::Prefix, text, specs),
            Transformer::Suffix(text, specs) => transformers::add_affix(resources, Affix::Suffix, text, specs),
            Transformer::Labels(texts, specs) | Transformer::Annotations(texts, specs) => {
                transformers::set_texts(resources, texts, specs)
            }
            Transformer::JsonPatch(patch) => patches::apply_json(resources, patch),
            Transformer::Replicas(replica, specs) => transformers::set_replicas(resources, replica, specs),
            Transformer::Image(image, specs) => transformers::set_image(resources, image, specs),
            Transformer::Replacements(list) => {
                replacements::apply(resources, list)?;
                drop_empty(resources);
                Ok(())
            }
            Transformer::Hashes => transformers::add_hashes(resources),
        }
    }
}

/// What the fields of a kustomization do, in kustomize's order.
pub(super) fn of_fields(k: &Kustomization, loader: &Loader<'_>, config: &Config) -> Result<Vec<Transformer>, Failed> {
    let mut list = Vec::new();
    if !k.patches_strategic_merge.is_empty() {
        list.push(Transformer::StrategicPatches(patches::load_strategic(loader, &k.patches_strategic_merge)?));
    }
    for patch in &k.patches {
        list.push(Transformer::Patch(patches::load(loader, patch)?));
    }
    if !k.namespace.is_empty() {
        list.push(Transformer::Namespace(Namespacing::to(&k.namespace), config.namespace.clone()));
    }
    if !k.name_prefix.is_empty() {
        list.push(Transformer::Prefix(k.name_prefix.clone(), config.name_prefix.clone()));
    }
    if !k.name_suffix.is_empty() {
        list.push(Transformer::Suffix(k.name_suffix.clone(), config.name_suffix.clone()));
    }
    for label in &k.labels {
        let specs = label_specs(label, config).map_err(|e| e.within("failed to merge labels"))?;
        list.push(Transformer::Labels(label.pairs.clone(), specs));
    }
    if !k.labels.is_empty() || !k.common_labels.is_empty() {
        list.push(Transformer::Labels(k.common_labels.clone(), config.common_labels.clone()));
    }
    if !k.common_annotations.is_empty() {
        list.push(Transformer::Annotations(k.common_annotations.clone(), config.common_annotations.clone()));
    }
    for patch in &k.patches_json6902 {
        list.push(Transformer::JsonPatch(patches::load_json(loader, patch)?));
    }
    list.extend(k.replicas.iter().map(|replica| Transformer::Replicas(replica.clone(), config.replicas.clone())));
    list.extend(k.images.iter().map(|image| Transformer::Image(image.clone(), config.images.clone())));
    if !k.replacements.is_empty() {
        list.push(Transformer::Replacements(replacements::load(loader, &k.replacements)?));
    }
    Ok(list)
}

/// Where an entry of `labels` sets its labels.
fn label_specs(label: &Label, config: &Config) -> Result<Vec<FieldSpec>, Failed> {
    let mut specs = label.fields.clone();
    merge_all(&mut specs, &config.labels)?;
    if label.include_selectors {
        merge_all(&mut specs, &config.common_labels)?;
        return Ok(specs);
    }
    if label.include_templates {
        merge_all(&mut specs, &config.template_labels).map_err(|e| e.within("failed to merge template fieldSpec"))?;
    }
    let own = FieldSpec { path: "metadata/labels".into(), create_if_not_present: true, ..FieldSpec::default() };
    merge_one(&mut specs, own)?;
    Ok(specs)
}

/// The object that configures a transformer or a generator.
struct Plugin<'a> {
    resource: &'a Resource,
    tree: Value,
}

impl Plugin<'_> {
    /// Only those that kustomize has itself are run.
    fn of(resource: &Resource) -> Result<Plugin<'_>, Failed> {
        let gvk = resource.gvk();
        if !(gvk.group.is_empty() && gvk.version == "builtin") {
            let text = format!("external plugins disabled; unable to load external plugin '{}'", gvk.kind);
            return Err(Failed::new(text));
        }
        let tree = resource.node.as_ref().map(|node| node.value()).transpose()?.unwrap_or_default();
        Ok(Plugin { resource, tree })
    }

    fn failed(&self, e: Failed) -> Failed {
        e.within(&format!("plugin {} fails configuration", self.resource.original_id()))
    }

    fn field<T: DeserializeOwned + Default>(&self, name: &str) -> Result<T, Failed> {
        match &self.tree[name] {
            Value::Null => Ok(T::default()),
            value => serde_json::from_value(value.clone())
                .map_err(|e| Failed::new(format!("error unmarshaling JSON: while decoding JSON: json: {e}"))),
        }
    }

    /// Where names are changed, which has to be said.
    fn name_specs(&self) -> Result<Vec<FieldSpec>, Failed> {
        match self.tree["fieldSpecs"].is_null() {
            true => Err(Failed::new("fieldSpecs is not expected to be nil")),
            false => self.field("fieldSpecs"),
        }
    }

    fn unknown(&self) -> Failed {
        Failed::new(format!("unable to load builtin {}", self.resource.gvk()))
    }
}

/// The transformers that an object configures; `PrefixSuffixTransformer` is two.
pub(super) fn of_object(resource: &Resource, loader: &Loader<'_>) -> Result<Vec<Transformer>, Failed> {
    let plugin = Plugin::of(resource)?;
    if matches!(resource.kind(), "ConfigMapGenerator" | "SecretGenerator") {
        return Err(Failed::new(format!("plugin {} not a transformer", resource.original_id())));
    }
    configured(&plugin, loader).map_err(|e| plugin.failed(e))?.ok_or_else(|| plugin.unknown())
}

fn configured(plugin: &Plugin<'_>, loader: &Loader<'_>) -> Result<Option<Vec<Transformer>>, Failed> {
    let specs = || plugin.field("fieldSpecs");
    Ok(Some(vec![match plugin.resource.kind() {
        "AnnotationsTransformer" => Transformer::Annotations(plugin.field("annotations")?, specs()?),
        "LabelTransformer" => Transformer::Labels(plugin.field("labels")?, specs()?),
        "PrefixTransformer" => Transformer::Prefix(plugin.field("prefix")?, plugin.name_specs()?),
        "SuffixTransformer" => Transformer::Suffix(plugin.field("suffix")?, plugin.name_specs()?),
        "PrefixSuffixTransformer" => {
            let prefix = Transformer::Prefix(plugin.field("prefix")?, plugin.name_specs()?);
            return Ok(Some(vec![prefix, Transformer::Suffix(plugin.field("suffix")?, plugin.name_specs()?)]));
        }
        "NamespaceTransformer" => {
            let mode: String = plugin.field("setRoleBindingSubjects")?;
            let subjects = match mode.as_str() {
                "" | "defaultOnly" => Subjects::Default,
                "allServiceAccounts" => Subjects::All,
                "none" => Subjects::None,
                other => {
                    let text = format!("invalid value {other:?} for setRoleBindingSubjects: must be one of");
                    return Err(Failed::new(format!("{text} \"defaultOnly\", \"none\" or \"allServiceAccounts\"")));
                }
            };
            let namespace = plugin.resource.namespace().to_string();
            Transformer::Namespace(
                Namespacing { namespace, unset_only: plugin.field("unsetOnly")?, subjects },
                specs()?,
            )
        }
        "ImageTagTransformer" => Transformer::Image(plugin.field("imageTag")?, specs()?),
        "ReplicaCountTransformer" => Transformer::Replicas(plugin.field("replica")?, specs()?),
        "ReplacementTransformer" => {
            let listed: Vec<Replacement> = plugin.field("replacements")?;
            Transformer::Replacements(replacements::load(loader, &listed)?)
        }
        "PatchTransformer" => Transformer::Patch(patches::load_one(loader, &plugin.patch("patch")?)?),
        "PatchJson6902Transformer" => Transformer::JsonPatch(patches::load_one_json(loader, &plugin.patch("jsonOp")?)?),
        "PatchStrategicMergeTransformer" => {
            let paths: Vec<String> = plugin.field("paths")?;
            let inline: String = plugin.field("patches")?;
            if paths.is_empty() && inline.is_empty() {
                return Err(Failed::new("empty file path and empty patch content"));
            }
            let mut loaded = patches::load_paths(loader, &paths)?;
            loaded.extend(read::objects(inline.as_bytes())?.into_iter().map(Resource::new));
            Transformer::StrategicPatches(loaded)
        }
        "HashTransformer" => Transformer::Hashes,
        _ => return Ok(None),
    }]))
}

impl Plugin<'_> {
    fn patch(&self, text: &str) -> Result<Patch, Failed> {
        let target: Option<Selector> = self.field("target")?;
        let options: PatchOptions = self.field("options")?;
        let shown = crate::printers::yaml::to_yaml(&self.tree);
        Ok(Patch { path: self.field("path")?, patch: self.field(text)?, target, options, shown })
    }
}

fn not_loaded(e: Failed) -> Failed {
    e.within("failed to load generator").within("loading generator plugins")
}

/// The object that another configures.
pub(super) fn generated(resource: &Resource, loader: &Loader<'_>) -> Result<Resource, Failed> {
    let plugin = Plugin::of(resource).map_err(not_loaded)?;
    let kind = match resource.kind() {
        "ConfigMapGenerator" => "ConfigMap",
        "SecretGenerator" => "Secret",
        "HelmChartInflationGenerator" => {
            return Err(not_loaded(plugin.failed(Failed::new("must specify --enable-helm"))));
        }
        "IAMPolicyGenerator" => return service_account(&plugin),
        _ if configured(&plugin, loader).is_ok_and(|found| found.is_none()) => {
            return Err(not_loaded(plugin.unknown()));
        }
        _ => return Err(not_loaded(Failed::new(format!("plugin {} not a generator", resource.original_id())))),
    };
    let parsed: Result<Generator, _> = serde_json::from_value(plugin.tree.clone());
    let mut generator = parsed.map_err(|e| {
        not_loaded(plugin.failed(Failed::new(format!("error unmarshaling JSON: while decoding JSON: json: {e}"))))
    })?;
    if generator.name.is_empty() {
        generator.name = resource.name().into();
    }
    if generator.namespace.is_empty() {
        generator.namespace = resource.namespace().into();
    }
    generators::generate(kind, &generator, loader)
}

/// The service account that stands for one of a cloud.
fn service_account(plugin: &Plugin<'_>) -> Result<Resource, Failed> {
    #[derive(Default, serde::Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Account {
        name: String,
        project_id: String,
        namespace: String,
    }
    let cloud: String = plugin.field("cloud").map_err(not_loaded)?;
    let ours: Account = plugin.field("kubernetesService").map_err(not_loaded)?;
    let theirs: Account = plugin.field("serviceAccount").map_err(not_loaded)?;
    if cloud != "gke" {
        return Err(Failed::new(format!("cloud provider {cloud} not supported yet")));
    }
    let account = format!("{}@{}.iam.gserviceaccount.com", theirs.name, theirs.project_id);
    let namespace =
        if ours.namespace.is_empty() { String::new() } else { format!("\n  namespace: {}", ours.namespace) };
    let text = format!(
        "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  annotations:\n    iam.gke.io/gcp-service-account: {account}\n  \
         name: {}{namespace}\n",
        ours.name
    );
    let made = read::objects(text.as_bytes())?.into_iter().next();
    made.map(Resource::new).ok_or_else(|| Failed::new("no service account"))
}
