//! Lets references follow the objects whose names changed.
//!
//! Mirrors `filters/nameref` and `accumulator/namereferencetransformer.go` of `sigs.k8s.io/kustomize/api`.

use super::Failed;
use super::config::NameReference;
use super::field_spec::{self, FieldSpec};
use super::id::{Gvk, NOT_A_NAMESPACE, ResId};
use super::node::{Node, Scalar};
use super::res_map::show_yaml;
use super::resource::Resource;

/// Lets all references follow.
pub(super) fn fix(resources: &mut [Resource], references: &[NameReference]) -> Result<(), Failed> {
    let first_ids: Vec<ResId> = resources.iter().map(Resource::original_id).collect();
    for (place, first) in first_ids.iter().enumerate() {
        let fields = references.iter().flat_map(|r| r.referrers.iter().map(move |spec| (&r.gvk, spec)));
        let fields: Vec<(&Gvk, &FieldSpec)> = fields.filter(|(_, spec)| first.gvk.is_selected(&spec.gvk)).collect();
        if fields.is_empty() {
            continue;
        }
        let candidates = candidates(resources, place)?;
        for (target, spec) in fields {
            fix_field(resources, place, &candidates, target, spec)?;
        }
    }
    Ok(())
}

/// The objects that one may refer to. Mirrors `SubsetThatCouldBeReferencedByResource`.
fn candidates(resources: &[Resource], place: usize) -> Result<Vec<usize>, Failed> {
    let Some(referrer) = resources.get(place) else { return Ok(Vec::new()) };
    let id = referrer.id();
    if id.cluster_scoped {
        return Ok((0..resources.len()).collect());
    }
    let namespaces = namespaces_of_subjects(referrer)?;
    let may = |other: &Resource| {
        let other_id = other.id();
        other_id.cluster_scoped || other_id.is_in_namespace_of(&id) || namespaces.iter().any(|n| n == other.namespace())
    };
    Ok(resources.iter().enumerate().filter(|(_, other)| may(other)).map(|(place, _)| place).collect())
}

fn namespaces_of_subjects(referrer: &Resource) -> Result<Vec<String>, Failed> {
    let subjects =
        referrer.node.as_ref().filter(|_| referrer.kind() == "RoleBinding").and_then(|n| n.field("subjects"));
    let mut namespaces = Vec::new();
    for subject in subjects.map(Node::items).unwrap_or_default() {
        let Some(namespace) = subject.field("namespace") else { continue };
        if subject.field("kind").is_some_and(|kind| kind.text() == "ServiceAccount") {
            if namespace.is_null() {
                let text = format!("Invalid Input: namespace is blank for resource \"{}\"\n", referrer.id());
                return Err(Failed::new(text));
            }
            namespaces.push(namespace.text().to_string());
        }
    }
    Ok(namespaces)
}

fn fix_field(
    resources: &mut [Resource],
    place: usize,
    candidates: &[usize],
    target: &Gvk,
    spec: &FieldSpec,
) -> Result<(), Failed> {
    let Some(mut node) = resources.get_mut(place).and_then(|referrer| referrer.node.clone()) else { return Ok(()) };
    let mut referrals = Vec::new();
    let finder = Finder { resources, place, candidates, target, path: &spec.path };
    let id = finder.referrer().map(Resource::id).unwrap_or_default();
    let spec = FieldSpec { gvk: id.gvk.clone(), ..spec.clone() };
    let before = node.clone();
    let fixed = field_spec::apply(&mut node, &spec, None, &mut |field| finder.set(field, &mut referrals));
    fixed.map_err(|e| e.within(&format!("updating name reference in '{}' field of '{id}'", spec.path)))?;
    if let Some(referrer) = resources.get_mut(place).filter(|_| node != before) {
        referrer.node = Some(node);
    }
    for referral in referrals {
        if let Some(referral) = resources.get_mut(referral) {
            referral.add_referrer(&id)?;
        }
    }
    Ok(())
}

struct Finder<'a> {
    resources: &'a [Resource],
    place: usize,
    candidates: &'a [usize],
    /// The kind that is referred to.
    target: &'a Gvk,
    path: &'a str,
}

impl Finder<'_> {
    fn referrer(&self) -> Option<&Resource> {
        self.resources.get(self.place)
    }

    fn set(&self, field: &mut Node, referrals: &mut Vec<usize>) -> Result<(), Failed> {
        if field.is_null() {
            return Ok(());
        }
        match field {
            Node::List(items) => items.iter_mut().filter(|item| !item.is_null()).try_for_each(|item| match item {
                Node::List(_) => Err(Failed::new("node is expected to be either a string or a map of string")),
                item => self.set(item, referrals),
            }),
            Node::Scalar(_) => self.set_scalar(field, referrals),
            Node::Map(_) => self.set_map(field, referrals),
        }
    }

    fn set_scalar(&self, field: &mut Node, referrals: &mut Vec<usize>) -> Result<(), Failed> {
        let Some(place) = self.find(field.text(), self.candidates, |a, b| a.name() == b.name())? else { return Ok(()) };
        let Some(referral) = self.resources.get(place) else { return Ok(()) };
        referrals.push(place);
        if referral.name() == field.text() {
            return Ok(());
        }
        field.set(Scalar::new(referral.name()))
    }

    fn set_map(&self, field: &mut Node, referrals: &mut Vec<usize>) -> Result<(), Failed> {
        let Some(name) = field.field("name").map(|name| name.text().to_string()) else {
            return Err(Failed::new("path config error; no 'name' field in node"));
        };
        let candidates = match field.field("namespace").map(Node::text) {
            None => self.candidates.to_vec(),
            Some(namespace) => self.in_namespace(namespace),
        };
        let same = |a: &Resource, b: &Resource| a.name() == b.name() && a.namespace() == b.namespace();
        let Some(place) = self.find(&name, &candidates, same)? else { return Ok(()) };
        let Some(referral) = self.resources.get(place) else { return Ok(()) };
        referrals.push(place);
        if referral.name() == name && referral.namespace().is_empty() {
            return Ok(());
        }
        field.set_field("name", Some(Node::scalar(referral.name())), false)?;
        if referral.namespace().is_empty() {
            return Ok(());
        }
        field.set_field("namespace", Some(Node::scalar(referral.namespace())), false)
    }

    /// The candidates that lay in a namespace at first, else those that lie there now.
    fn in_namespace(&self, namespace: &str) -> Vec<usize> {
        let lies = |id: ResId| id.effective_namespace() == namespace && namespace != NOT_A_NAMESPACE;
        let pick = |id: fn(&Resource) -> ResId| {
            let places = self.candidates.iter().copied();
            places.filter(|place| self.resources.get(*place).is_some_and(|r| lies(id(r)))).collect::<Vec<_>>()
        };
        let first = pick(Resource::original_id);
        if first.is_empty() { pick(Resource::id) } else { first }
    }

    /// The one object that was known by a name. Mirrors `selectReferral`.
    fn find(
        &self,
        name: &str,
        candidates: &[usize],
        same: impl Fn(&Resource, &Resource) -> bool,
    ) -> Result<Option<usize>, Failed> {
        let Some(referrer) = self.referrer() else { return Ok(None) };
        let id = referrer.id();
        let role = self.role_of(referrer);
        let known: Vec<(usize, &Resource)> =
            candidates.iter().filter_map(|place| Some((*place, self.resources.get(*place)?))).collect();
        let is_meant = |resource: &Resource| {
            let previous = resource.previous_ids();
            previous.iter().any(|p| p.name == name)
                && previous.iter().any(|p| p.gvk.is_selected(self.target))
                && role.as_ref().is_none_or(|role| previous.iter().any(|p| p.gvk.is_selected(role)))
                && (id.cluster_scoped
                    || resource.id().cluster_scoped
                    || resource.kind() == "ServiceAccount"
                    || id.is_in_namespace_of(&resource.id()))
        };
        let mut found: Vec<(usize, &Resource)> = known.into_iter().filter(|(_, r)| is_meant(r)).collect();
        if found.len() > 1 || found.is_empty() {
            found.retain(|(_, resource)| resource.has_affixes_of(referrer, true));
            if found.len() > 1 {
                found.retain(|(_, resource)| resource.has_affixes_of(referrer, false));
            }
        }
        match found.as_slice() {
            [] => Ok(None),
            [(place, _)] => Ok(Some(*place)),
            [(place, first), rest @ ..] if rest.iter().all(|(_, other)| same(first, other)) => Ok(Some(*place)),
            several => Err(too_many(referrer, several)),
        }
    }

    /// The kind of role that a binding names, if it is a role that is looked for.
    fn role_of(&self, referrer: &Resource) -> Option<Gvk> {
        let role = referrer.node.as_ref().filter(|_| self.path.ends_with("roleRef/name"))?.field("roleRef")?;
        let (group, kind) = (role.field("apiGroup")?.text(), role.field("kind")?.text());
        Some(Gvk { group: group.into(), version: String::new(), kind: kind.into() })
    }
}

fn too_many(referrer: &Resource, several: &[(usize, &Resource)]) -> Failed {
    let ids: Vec<String> = several.iter().map(|(_, r)| r.id().to_string()).collect();
    let shown: String = several
        .iter()
        .enumerate()
        .map(|(i, (_, resource))| format!("--- possible referral {i}:\n{}\n", show_yaml(resource)))
        .collect();
    let (ids, referrer) = (ids.join(", "), show_yaml(referrer));
    let head = format!("\n**** Too many possible referral targets to referrer:\n{referrer}\n");
    Failed::new(format!("found multiple possible referrals: {ids}\n{head}{shown}"))
}
