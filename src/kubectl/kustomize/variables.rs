//! Variables: `$(NAME)` in some fields becomes what a field of an object holds.
//!
//! Mirrors `filters/refvar` and `types/var.go` of `sigs.k8s.io/kustomize/api`.

use std::collections::{BTreeMap, BTreeSet};

use super::Failed;
use super::field_spec::{self, FieldSpec};
use super::id::{Gvk, ResId};
use super::kustomization::{ObjectReference, Var};
use super::node::{Node, Scalar, Tag};
use super::path_matcher::{get, split_field_path};
use super::res_map::with_any_id;
use super::resource::Resource;

/// The variables of a build by their names.
pub(super) type Vars = BTreeMap<String, Var>;

impl ObjectReference {
    fn gvk(&self) -> Gvk {
        let mut gvk = self.gvk.clone();
        match self.api_version.split('/').collect::<Vec<_>>().as_slice() {
            [""] => {}
            [version] => gvk.version = (*version).into(),
            [group, version] => {
                gvk.group = (*group).into();
                gvk.version = (*version).into();
            }
            _ => {}
        }
        gvk
    }
}

/// A variable as Go prints the struct.
fn show(var: &Var) -> String {
    let path = if var.fieldref.field_path.is_empty() { "metadata.name" } else { &var.fieldref.field_path };
    format!("{{{} {} {{{path}}}}}", var.name, var.objref.gvk())
}

/// Adds a kustomization's variables, and notes them with the objects that they read.
pub(super) fn merge(vars: &mut Vars, resources: &mut [Resource], more: &[Var]) -> Result<(), Failed> {
    for var in more {
        let (gvk, object) = (var.objref.gvk(), &var.objref);
        let id = ResId::previous(gvk, &object.name, &object.namespace);
        let exact = !id.namespace.is_empty();
        let found = with_any_id(resources, |known| if exact { known.is(&id) } else { known.has_kind_and_name_of(&id) });
        match found.as_slice() {
            [] => {}
            [place] => {
                if let Some(resource) = resources.get_mut(*place) {
                    resource.variables.push(var.name.clone());
                }
            }
            _ => {
                let (count, var) = (found.len(), show(var));
                let text = format!("found {count} resId matches for var {var} (unable to disambiguate)");
                return Err(Failed::new(text));
            }
        }
    }
    more.iter().try_for_each(|var| add(vars, var))
}

/// All variables as Go prints a list of them.
pub(super) fn show_all(vars: &[Var]) -> String {
    let shown = vars.iter().map(|var| {
        let (gvk, path) = (&var.objref.gvk, &var.fieldref.field_path);
        format!("{{{} {gvk} {{{path}}}}}", var.name)
    });
    format!("[{}]", shown.collect::<Vec<_>>().join(" "))
}

/// Adds a variable, whose name must be new.
pub(super) fn add(vars: &mut Vars, var: &Var) -> Result<(), Failed> {
    match vars.contains_key(&var.name) {
        true => Err(Failed::new(format!("var '{}' already encountered", var.name))),
        false => {
            vars.insert(var.name.clone(), var.clone());
            Ok(())
        }
    }
}

/// Replaces variables in the fields that may hold some; the names of those that nothing holds.
pub(super) fn resolve(resources: &mut [Resource], vars: &Vars, specs: &[FieldSpec]) -> Result<Vec<String>, Failed> {
    let mut values = BTreeMap::new();
    for var in vars.values() {
        values.insert(var.name.clone(), value(resources, var)?);
    }
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let mut used = BTreeSet::new();
    for node in resources.iter_mut().filter_map(|resource| resource.node.as_mut()) {
        for spec in specs {
            field_spec::apply(node, spec, None, &mut |field| set(field, &values, &mut used))?;
        }
        node.settle_shared();
    }
    Ok(values.into_keys().filter(|name| !used.contains(name)).collect())
}

fn value(resources: &[Resource], var: &Var) -> Result<Node, Failed> {
    let Some(resource) = resources.iter().find(|resource| resource.variables.contains(&var.name)) else {
        let text = format!("var '{}' cannot be mapped to a field in the set of known resources", show(var));
        return Err(Failed::new(text));
    };
    let path = if var.fieldref.field_path.is_empty() { "metadata.name" } else { &var.fieldref.field_path };
    let path: Vec<String> = split_field_path(path).iter().flat_map(|part| split_index(part)).collect();
    let found = resource.node.as_ref().and_then(|node| get(node, &path).ok().flatten());
    let missing = || format!("field specified in var '{}' not found in corresponding resource", show(var));
    found.cloned().ok_or_else(|| Failed::new(missing()))
}

/// `ports[0]` is `ports` and `0`.
fn split_index(part: &str) -> Vec<String> {
    let index = part.strip_suffix(']').and_then(|p| p.rsplit_once('['));
    match index.filter(|(_, index)| !index.is_empty() && index.bytes().all(|b| b.is_ascii_digit())) {
        Some(("", index)) => vec![index.into()],
        Some((name, index)) => vec![name.into(), index.into()],
        None => vec![part.into()],
    }
}

fn set(field: &mut Node, values: &BTreeMap<String, Node>, used: &mut BTreeSet<String>) -> Result<(), Failed> {
    match field {
        Node::Scalar(scalar) => {
            if scalar.tag != Tag::Null && scalar.is_string() {
                scalar.become_like(replace(&scalar.text, values, used));
            }
        }
        Node::Map(fields) => {
            for value in fields.values_mut() {
                if let Node::Scalar(scalar) = value {
                    if scalar.is_string() {
                        scalar.become_like(replace(&scalar.text, values, used));
                    }
                }
            }
        }
        Node::List(items) => {
            for item in items {
                match item {
                    Node::Scalar(scalar) if scalar.is_string() => {
                        scalar.become_like(replace(&scalar.text, values, used));
                    }
                    _ => return Err(Failed::new("invalid value type expect a string")),
                }
            }
        }
    }
    Ok(())
}

/// Mirrors `DoReplacements`: a text that is a variable and nothing else takes its type.
fn replace(text: &str, values: &BTreeMap<String, Node>, used: &mut BTreeSet<String>) -> Scalar {
    let mut replaced = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('$') {
        replaced.push_str(before);
        rest = behind;
        if let Some(escaped) = rest.strip_prefix('$') {
            replaced.push('$');
            rest = escaped;
            continue;
        }
        let variable = rest.strip_prefix('(').and_then(|inner| inner.split_once(')'));
        let Some((name, behind)) = variable else {
            replaced.push('$');
            continue;
        };
        rest = behind;
        match values.get(name) {
            Some(Node::Scalar(value)) => {
                used.insert(name.to_string());
                if text.len() == name.len() + 3 {
                    return typed(value);
                }
                replaced.push_str(&value.text);
            }
            _ => {
                replaced.push_str("$(");
                replaced.push_str(name);
                replaced.push(')');
            }
        }
    }
    replaced.push_str(rest);
    Scalar::string(&replaced)
}

fn typed(value: &Scalar) -> Scalar {
    match value.tag {
        Tag::Int | Tag::Bool | Tag::Float => Scalar::tagged(&value.text, value.tag),
        _ => Scalar::string(&value.text),
    }
}
