//! What a kustomization does to all objects: names, namespaces, labels, annotations, images, replicas and hashes.
//!
//! Mirrors the transformers of `internal/builtins` and their `filters` of `sigs.k8s.io/kustomize/api`.

use regex_lite::Regex;

use super::Failed;
use super::field_spec::{self, Create, FieldSpec};
use super::generators::hash;
use super::id::Gvk;
use super::kustomization::{Image, Replica, Texts};
use super::node::{Kind, Node, Scalar, Tag};
use super::res_map::{show, with_any_id, with_id};
use super::resource::Resource;

fn nodes(resources: &mut [Resource]) -> impl Iterator<Item = &mut Node> {
    resources.iter_mut().filter_map(|resource| resource.node.as_mut())
}

/// Sets labels or annotations at all places.
pub(super) fn set_texts(resources: &mut [Resource], texts: &Texts, specs: &[FieldSpec]) -> Result<(), Failed> {
    let create = Some(Create { kind: Kind::Map, tag: Tag::Empty });
    for node in nodes(resources) {
        for (key, text) in texts {
            let group = node.next_group();
            for spec in specs {
                let set = &mut |field: &mut Node| field.set_shared_field(key, text, group);
                field_spec::apply(node, spec, create, set)?;
            }
        }
    }
    Ok(())
}

/// Labels objects as made by kustomize.
pub(super) fn add_managed_by_label(resources: &mut [Resource], text: &str) -> Result<(), Failed> {
    let labels = [("app.kubernetes.io/managed-by".to_string(), text.to_string())].into();
    let spec = FieldSpec { path: "metadata/labels".into(), create_if_not_present: true, ..FieldSpec::default() };
    set_texts(resources, &labels, &[spec])
}

/// Which end of a name something is put to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Affix {
    Prefix,
    Suffix,
}

/// Prefixes or suffixes names.
pub(super) fn add_affix(
    resources: &mut [Resource],
    affix: Affix,
    text: &str,
    specs: &[FieldSpec],
) -> Result<(), Failed> {
    let create = Some(Create { kind: Kind::Scalar, tag: Tag::Str });
    for resource in resources {
        let gvk = resource.original_id().gvk;
        let is_service = gvk.group == "apiregistration.k8s.io" && gvk.kind == "APIService";
        if is_service || matches!(gvk.kind.as_str(), "CustomResourceDefinition" | "Namespace") {
            continue;
        }
        for spec in specs.iter().filter(|spec| gvk.is_selected(&spec.gvk)) {
            if spec.path == "metadata/name" {
                match affix {
                    Affix::Prefix => resource.add_prefix(text)?,
                    Affix::Suffix => resource.add_suffix(text)?,
                }
                resource.store_previous_id()?;
            }
            let Some(node) = &mut resource.node else { continue };
            field_spec::apply(node, spec, create, &mut |field| {
                let whole = match affix {
                    Affix::Prefix => format!("{text}{}", field.text()),
                    Affix::Suffix => format!("{}{text}", field.text()),
                };
                field.set(Scalar::new(&whole))
            })?;
        }
    }
    Ok(())
}

/// Whose namespaces are set in the bindings of roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subjects {
    /// Those of accounts that are called `default`.
    Default,
    /// Those of all accounts.
    All,
    None,
}

/// A namespace, and where it is set.
#[derive(Debug, Clone)]
pub(super) struct Namespacing {
    pub(super) namespace: String,
    /// Whether what is set stays.
    pub(super) unset_only: bool,
    pub(super) subjects: Subjects,
}

impl Namespacing {
    /// A namespace as a kustomization's field sets it.
    pub(super) fn to(namespace: &str) -> Namespacing {
        Namespacing { namespace: namespace.into(), unset_only: false, subjects: Subjects::Default }
    }

    fn set(&self, field: &mut Node) -> Result<(), Failed> {
        match self.unset_only && !field.text_unless_null().is_empty() {
            true => Ok(()),
            false => field.set(Scalar::string(&self.namespace)),
        }
    }
}

/// Sets the namespace of objects that can have one, and of what refers to it.
pub(super) fn set_namespace(
    resources: &mut [Resource],
    namespacing: &Namespacing,
    specs: &[FieldSpec],
) -> Result<(), Failed> {
    if namespacing.namespace.is_empty() {
        return Ok(());
    }
    for place in 0..resources.len() {
        let Some(resource) = resources.get_mut(place).filter(|resource| !resource.is_empty()) else { continue };
        resource.store_previous_id()?;
        let (gvk, cluster_scoped) = (resource.gvk(), resource.id().cluster_scoped);
        if let Some(node) = &mut resource.node {
            set_namespace_of(node, &gvk, cluster_scoped, namespacing, specs)?;
        }
        let id = resource.id();
        let same = with_id(resources, &id);
        if same.len() != 1 {
            let shown: Vec<String> = same.iter().filter_map(|place| resources.get(*place)).map(show).collect();
            let text = format!("namespace transformation produces ID conflict: [{}]", shown.join(" "));
            return Err(Failed::new(text));
        }
    }
    Ok(())
}

fn set_namespace_of(
    node: &mut Node,
    gvk: &Gvk,
    cluster_scoped: bool,
    namespacing: &Namespacing,
    specs: &[FieldSpec],
) -> Result<(), Failed> {
    let set = &mut |field: &mut Node| namespacing.set(field);
    if !cluster_scoped {
        let path = "metadata/namespace".into();
        let spec = FieldSpec { path, create_if_not_present: true, ..FieldSpec::default() };
        field_spec::apply(node, &spec, Some(Create { kind: Kind::Scalar, tag: Tag::Empty }), set)?;
    }
    let is_binding = |kind: &str| matches!(kind, "RoleBinding" | "ClusterRoleBinding");
    if is_binding(&gvk.kind) {
        let subjects = node.field_mut("subjects").filter(|subjects| !subjects.is_null());
        if let Some(subjects) = subjects {
            subjects.expect(Kind::List)?;
            let Node::List(subjects) = subjects else { return Ok(()) };
            for subject in subjects {
                subject.expect(Kind::Map)?;
                let is = |field: &str, text: &str| subject.field(field).is_some_and(|node| node.text() == text);
                let is_meant = match namespacing.subjects {
                    Subjects::Default => is("name", "default"),
                    Subjects::All => is("kind", "ServiceAccount"),
                    Subjects::None => false,
                };
                if is_meant {
                    if let Some(field) = subject.field_or("namespace", Kind::Scalar)? {
                        set(field)?;
                    }
                }
            }
        }
    }
    let create = Some(Create { kind: Kind::Scalar, tag: Tag::Str });
    for spec in specs {
        let skipped = spec.path == "metadata/namespace"
            || spec.path == "metadata/name" && gvk.api_version() != "v1"
            || is_binding(&gvk.kind) && is_binding(&spec.gvk.kind) && spec.path == "subjects/namespace";
        if !skipped {
            let applied = field_spec::apply(node, spec, create, set);
            applied.map_err(|e| match e.to_string().contains("wrong node kind") {
                true => e.within("namespace field specs must target scalar nodes"),
                false => e.within("namespace transformation failed"),
            })?;
        }
    }
    Ok(())
}

/// Gives images other names, tags or digests.
pub(super) fn set_image(resources: &mut [Resource], image: &Image, specs: &[FieldSpec]) -> Result<(), Failed> {
    let pattern = format!("^{}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$", image.name);
    let Ok(pattern) = Regex::new(&pattern) else { return Ok(()) };
    let set = &mut |field: &mut Node| {
        field.expect(Kind::Scalar)?;
        match pattern.is_match(field.text()) {
            true => field.set(Scalar::new(&renamed(field.text(), image))),
            false => Ok(()),
        }
    };
    for node in nodes(resources) {
        if node.field("kind").is_some_and(|kind| kind.text() == "CustomResourceDefinition") {
            continue;
        }
        walk_containers(node, set)?;
        for spec in specs {
            field_spec::apply(node, spec, None, set)?;
        }
    }
    Ok(())
}

/// Mirrors `findFieldsFilter`: containers anywhere.
fn walk_containers(node: &mut Node, set: &mut dyn FnMut(&mut Node) -> Result<(), Failed>) -> Result<(), Failed> {
    match node {
        Node::Map(fields) => {
            for (name, field) in fields.iter_mut() {
                walk_containers(field, set)?;
                let Node::List(items) = field else { continue };
                if !matches!(name.as_str(), "containers" | "initContainers") {
                    continue;
                }
                for item in items.iter_mut() {
                    item.expect(Kind::Map)?;
                    if let Some(image) = item.field_mut("image") {
                        set(image)?;
                    }
                }
            }
            Ok(())
        }
        Node::List(items) => items.iter_mut().try_for_each(|item| walk_containers(item, set)),
        Node::Scalar(_) => Ok(()),
    }
}

/// Name, tag and digest of an image. Mirrors `image.Split`.
fn split_image(image: &str) -> (&str, &str, &str) {
    let start = image.find('/').filter(|at| *at > 0).unwrap_or(0);
    let (host, rest) = image.split_at(start);
    let (named, digest) = rest.split_once('@').unwrap_or((rest, ""));
    let (name, tag) = named.split_once(':').unwrap_or((named, ""));
    (image.get(..host.len() + name.len()).unwrap_or(image), tag, digest)
}

fn renamed(text: &str, image: &Image) -> String {
    let (name, mut tag, mut digest) = split_image(text);
    let name = if image.new_name.is_empty() { name } else { &image.new_name };
    let suffixed = format!("{tag}{}", image.tag_suffix);
    match (image.new_tag.as_str(), image.digest.as_str()) {
        ("", "") if image.tag_suffix.is_empty() => {}
        ("", "") => (tag, digest) = (&suffixed, ""),
        (new_tag, new_digest) => (tag, digest) = (new_tag, new_digest),
    }
    let mut renamed = name.to_string();
    if !tag.is_empty() {
        renamed.push(':');
        renamed.push_str(tag);
    }
    if !digest.is_empty() {
        renamed.push('@');
        renamed.push_str(digest);
    }
    renamed
}

/// Sets how many replicas the objects of a name have.
pub(super) fn set_replicas(resources: &mut [Resource], replica: &Replica, specs: &[FieldSpec]) -> Result<(), Failed> {
    let create = Some(Create { kind: Kind::Scalar, tag: Tag::Int });
    let mut found = false;
    for spec in specs {
        let places = with_any_id(resources, |id| id.name == replica.name && id.gvk.is_selected(&spec.gvk));
        for place in places {
            found = true;
            let Some(node) = resources.get_mut(place).and_then(|resource| resource.node.as_mut()) else { continue };
            field_spec::apply(node, spec, create, &mut |field| {
                field.set(Scalar::tagged(&replica.count.to_string(), Tag::Int))
            })?;
        }
    }
    if found {
        return Ok(());
    }
    let kinds: Vec<String> = specs.iter().map(|spec| spec.gvk.to_string()).collect();
    let (name, kinds) = (&replica.name, kinds.join(" "));
    Err(Failed::new(format!("resource with name {name} does not match a config with the following GVK [{kinds}]")))
}

/// Adds the hash of what generated objects hold to their names.
pub(super) fn add_hashes(resources: &mut [Resource]) -> Result<(), Failed> {
    for resource in resources.iter_mut().filter(|resource| resource.needs_hash()) {
        let Some(hash) = resource.node.as_ref().map(hash).transpose()? else { continue };
        resource.store_previous_id()?;
        let name = format!("{}-{hash}", resource.name());
        resource.set_name(&name)?;
    }
    Ok(())
}
