//! Where in objects a transformer works: paths that lead through lists by themselves, for some kinds or all.
//!
//! Mirrors `types.FieldSpec` and `filters/fieldspec` of `sigs.k8s.io/kustomize/api`.

use serde::Deserialize;

use super::Failed;
use super::id::{Gvk, ResId, parse_group_version};
use super::node::{Kind, Node, Scalar, Tag};
use super::path_matcher::split_path;
use super::resource::id_of;

/// A path, in the objects of some kinds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct FieldSpec {
    #[serde(flatten)]
    pub(super) gvk: Gvk,
    pub(super) path: String,
    #[serde(rename = "create")]
    pub(super) create_if_not_present: bool,
}

/// What is made at a path where nothing is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Create {
    pub(super) kind: Kind,
    /// What a null becomes.
    pub(super) tag: Tag,
}

/// Adds a spec, unless another covers it.
///
/// # Errors
/// Both differ in whether the field is made.
pub(super) fn merge_one(specs: &mut Vec<FieldSpec>, spec: FieldSpec) -> Result<(), Failed> {
    let covers = |known: &&FieldSpec| known.gvk.is_selected(&spec.gvk) && known.path == spec.path;
    match specs.iter().find(covers) {
        Some(known) if known.create_if_not_present != spec.create_if_not_present => {
            Err(Failed::new("conflicting fieldspecs"))
        }
        Some(_) => Ok(()),
        None => {
            specs.push(spec);
            Ok(())
        }
    }
}

/// Adds specs one by one.
pub(super) fn merge_all(specs: &mut Vec<FieldSpec>, more: &[FieldSpec]) -> Result<(), Failed> {
    more.iter().try_for_each(|spec| merge_one(specs, spec.clone()))
}

/// Calls `set` on what a path leads to in an object.
pub(super) fn apply(
    object: &mut Node,
    spec: &FieldSpec,
    create: Option<Create>,
    set: &mut dyn FnMut(&mut Node) -> Result<(), Failed>,
) -> Result<(), Failed> {
    if !is_match_gvk(&spec.gvk, object) {
        return Ok(());
    }
    let path = split_path(&spec.path, '/');
    let create = create.filter(|_| spec.create_if_not_present);
    let walked = Walk { create }.walk(object, &path, set);
    walked.map_err(|e| {
        let id = id_of(object);
        let id = ResId::previous(id.gvk, &id.name, &id.namespace);
        e.within(&format!("considering field '{}' of object {id}", spec.path))
    })
}

fn is_match_gvk(gvk: &Gvk, object: &Node) -> bool {
    let text = |name| object.field(name).map_or("", Node::text);
    let (group, version) = parse_group_version(text("apiVersion"));
    Gvk { group: group.into(), version: version.into(), kind: text("kind").into() }.is_selected(gvk)
}

struct Walk {
    create: Option<Create>,
}

impl Walk {
    fn walk(
        &self,
        node: &mut Node,
        path: &[String],
        set: &mut dyn FnMut(&mut Node) -> Result<(), Failed>,
    ) -> Result<(), Failed> {
        let Some(part) = path.first() else { return set(node) };
        if node.is_null() {
            return Ok(());
        }
        match node {
            Node::List(items) => {
                for item in items {
                    self.walk(item, path, set)
                        .map_err(|e| e.within(&format!("visit traversal on path: [{}]", path.join(" "))))?;
                }
                Ok(())
            }
            Node::Map(_) => self.walk_field(node, part, path, set),
            Node::Scalar(_) => Err(Failed::new("expected sequence or mapping node")),
        }
    }

    fn walk_field(
        &self,
        node: &mut Node,
        part: &str,
        path: &[String],
        set: &mut dyn FnMut(&mut Node) -> Result<(), Failed>,
    ) -> Result<(), Failed> {
        let name = part.strip_suffix("[]").unwrap_or(part);
        let is_list = name != part;
        if name.is_empty() {
            return Err(Failed::new("cannot set or create an empty field name"));
        }
        let (made, kind) = match self.create {
            _ if is_list => (None, Some((Kind::List, Tag::Empty))),
            None => (None, None),
            Some(create) if path.len() <= 1 => (Some(create.kind), Some((create.kind, create.tag))),
            Some(_) => (Some(Kind::Map), Some((Kind::Map, Tag::Empty))),
        };
        let field = match made {
            Some(kind) => node.field_or(name, kind)?,
            None => node.field_mut(name),
        };
        let Some(field) = field else { return Ok(()) };
        if let (true, Some((kind, tag))) = (field.is_null(), kind) {
            *field = match kind {
                Kind::Scalar => Node::Scalar(Scalar::tagged(field.text(), tag)),
                kind => kind.empty(),
            };
        }
        self.walk(field, path.get(1..).unwrap_or_default(), set)
    }
}
