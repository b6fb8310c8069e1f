//! `apply --prune --applyset`: an object keeps the list of what was applied with it, and what is no longer applied goes.
//!
//! Mirrors `applyset.go` and `applyset_pruner.go` of `k8s.io/kubectl/pkg/cmd/apply`.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::prune::{Deletion, Visited};
use crate::api::request::{Form, ListOptions, PatchOptions, PatchType, Resource, Target, Verb};
use crate::api::{Kind, Object};
use crate::error::{ApiError, Failure, Reason};
use crate::kubectl::builder::info::Info;
use crate::kubectl::builder::mapper::find_kind;
use crate::kubectl::print::errors::Fault;
use crate::kubectl::print::made::ObjectPrinter;
use crate::kubectl::request::{DryRun, Writing};
use crate::kubectl::session::Session;
use crate::kubectl::version;
use crate::printers::json::to_compact;
use crate::server::Reply;
use crate::server::served::{self, Served};

const TOOLING: &str = "applyset.kubernetes.io/tooling";
const NAMESPACES: &str = "applyset.kubernetes.io/additional-namespaces";
const KINDS: &str = "applyset.kubernetes.io/contains-group-kinds";
const OLD_RESOURCES: &str = "applyset.kubernetes.io/contains-group-resources";
const ID: &str = "applyset.kubernetes.io/id";
const PART_OF: &str = "applyset.kubernetes.io/part-of";
const IS_PARENT_TYPE: &str = "applyset.kubernetes.io/is-parent-type";

/// The tool that these sets belong to.
const TOOL: &str = "kubectl";
const MANAGER: &str = "kubectl-applyset";

/// Whether the flag is there. Mirrors the feature gate `KUBECTL_APPLYSET`.
pub fn is_enabled(session: &Session<'_>) -> bool {
    session.host.variable_text("KUBECTL_APPLYSET").is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// A set of applied objects.
pub struct ApplySet {
    /// The type of the object that keeps the list.
    parent: Served,
    name: String,
    namespace: String,
    /// What the list says.
    kinds: BTreeMap<String, Served>,
    namespaces: BTreeSet<String>,
    /// What it is to say.
    new_kinds: BTreeMap<String, Served>,
    new_namespaces: BTreeSet<String>,
}

/// `Deployment.apps`.
fn group_kind(served: &Served) -> String {
    match served.group {
        "" => served.kind.name().to_string(),
        group => format!("{}.{group}", served.kind.name()),
    }
}

impl ApplySet {
    /// The set of the object that `--applyset` names. Mirrors `ParseApplySetParentRef`.
    ///
    /// # Errors
    /// It names none that could keep a list.
    pub fn new(reference: &str, session: &Session<'_>) -> Result<ApplySet, Failure> {
        let invalid = |what: &str| Failure::error(format!("invalid parent reference {reference:?}: {what}"));
        let (resource, name) = reference.split_once('/').unwrap_or(("secrets", reference));
        if name.is_empty() {
            return Err(invalid("name cannot be blank"));
        }
        let serving = session.client.serving();
        let Some(parent) = find_kind(&serving, resource) else {
            let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
            return Err(invalid(&format!("no matches for {group}/, Resource={resource}")));
        };
        // OBSERVATION: only a namespace that the command line names counts.
        let is_inside = session.namespace_given && parent.namespaced;
        let namespace = if is_inside { session.namespace.clone() } else { String::new() };
        Ok(ApplySet {
            parent,
            name: name.to_string(),
            namespace,
            kinds: BTreeMap::new(),
            namespaces: BTreeSet::new(),
            new_kinds: BTreeMap::new(),
            new_namespaces: BTreeSet::new(),
        })
    }

    /// Whether the object may keep a list.
    ///
    /// # Errors
    /// It may not.
    pub fn validate(&self, session: &Session<'_>) -> Result<(), Failure> {
        let mut faults = Vec::new();
        if self.parent.namespaced && self.namespace.is_empty() {
            faults.push("namespace is required to use namespace-scoped ApplySet".to_string());
        }
        if !self.is_builtin() {
            let options = ListOptions { label_selector: IS_PARENT_TYPE.into(), ..ListOptions::default() };
            let listed = session.client.list(Kind::CustomResourceDefinition, "", &options);
            let allowed = listed.unwrap_or_else(|refused| {
                let text = format!("identifying allowed custom resource parent types: {}", refused.message);
                faults.push(text);
                Vec::new()
            });
            let name = self.parent.resource();
            if !allowed.iter().any(|definition| definition.name() == name) {
                let (group, version, plural) = (self.parent.group, self.parent.version, self.parent.plural);
                faults.push(format!(
                    "resource \"{group}/{version}, Resource={plural}\" is not permitted as an ApplySet parent"
                ));
            }
        }
        match faults.as_slice() {
            [] => Ok(()),
            [one] => Err(Failure::error(one.clone())),
            several => Err(Failure::error(format!("[{}]", several.join(", ")))),
        }
    }

    fn is_builtin(&self) -> bool {
        self.parent.group.is_empty() && matches!(self.parent.plural, "secrets" | "configmaps")
    }

    fn id(&self) -> String {
        let whole = format!("{}.{}.{}.{}", self.name, self.namespace, self.parent.kind.name(), self.parent.group);
        format!("applyset-{}-v1", URL_SAFE_NO_PAD.encode(Sha256::digest(whole)))
    }

    /// As `--applyset` names it.
    fn shown(&self) -> String {
        format!("{}.{}/{}", self.parent.plural, self.parent.group, self.name)
    }

    fn resource(&self) -> Resource {
        let resource = Resource::kind(self.parent.kind).of_version(&self.parent.api_version());
        Resource { name: self.name.clone(), ..resource.within(&self.namespace) }
    }

    /// Labels manifests as members.
    ///
    /// # Errors
    /// One has the label already.
    pub fn add_labels(&self, infos: &mut [Info]) -> Result<(), Fault> {
        for info in infos {
            if !info.tree["metadata"]["labels"].is_object() {
                info.tree["metadata"]["labels"] = json!({});
            }
            let label = &mut info.tree["metadata"]["labels"][PART_OF];
            if !label.is_null() {
                return Err(Fault::plain(format!("ApplySet label {PART_OF:?} already set in input data")));
            }
            *label = json!(self.id());
        }
        Ok(())
    }

    /// Reads the list, and writes what it and the manifests name: so nothing is lost where the rest fails.
    ///
    /// # Errors
    /// The object is another's, or can't be read or written.
    pub fn before_apply(
        &mut self,
        infos: &[Info],
        writing: &Writing<'_>,
        session: &mut Session<'_>,
    ) -> Result<(), Fault> {
        self.fetch_parent(session)?;
        for info in infos {
            self.new_kinds.insert(group_kind(&info.served), info.served);
            if info.served.namespaced && !info.namespace.is_empty() {
                self.new_namespaces.insert(info.namespace.clone());
            }
        }
        let kinds = self.kinds.keys().chain(self.new_kinds.keys()).cloned().collect();
        let namespaces = self.namespaces.union(&self.new_namespaces).cloned().collect();
        self.update_parent(&kinds, &namespaces, writing, session)
    }

    fn fetch_parent(&mut self, session: &Session<'_>) -> Result<(), Fault> {
        let shown = format!("{:?}", self.shown());
        let tree = match session.client.tree_at(self.resource()) {
            Ok(tree) => tree,
            Err(e) if e.reason == Reason::NotFound && self.is_builtin() => return Ok(()),
            Err(e) if e.reason == Reason::NotFound => {
                return Err(Fault::plain("custom resource ApplySet parents cannot be created automatically"));
            }
            Err(e) => {
                return Err(Fault::plain(format!("failed to fetch ApplySet parent object {shown}: {}", e.message)));
            }
        };
        let text = |field: &str, name: &str| tree["metadata"][field][name].as_str().map(str::to_string);
        let Some(tooling) = text("annotations", TOOLING) else {
            let what = format!("already exists and is missing required annotation {TOOLING:?}");
            return Err(Fault::plain(format!("ApplySet parent object {shown} {what}")));
        };
        let tool = tooling.rsplit_once('/').map_or(tooling.as_str(), |(tool, _)| tool);
        if tool != TOOL {
            let what = format!("already exists and is managed by tooling {tool:?} instead of {TOOL:?}");
            return Err(Fault::plain(format!("ApplySet parent object {shown} {what}")));
        }
        let id = self.id();
        match text("labels", ID) {
            Some(found) if found == id => {}
            Some(found) => {
                let what = format!("exists and has incorrect value for label {ID:?} (got: {found}, want: {id})");
                return Err(Fault::plain(format!("ApplySet parent object {shown} {what}")));
            }
            None => {
                let what = format!("exists and does not have required label {ID}");
                return Err(Fault::plain(format!("ApplySet parent object {shown} {what}")));
            }
        }
        self.kinds = kinds(&tree, session)
            .map_err(|what| Fault::plain(format!("parsing ApplySet annotation on {shown}: {what}")))?;
        let namespaces = text("annotations", NAMESPACES).unwrap_or_default();
        self.namespaces = namespaces.split(',').filter(|n| !n.is_empty()).map(str::to_string).collect();
        if self.parent.namespaced {
            self.namespaces.insert(self.namespace.clone());
        }
        Ok(())
    }

    fn update_parent(
        &self,
        kinds: &BTreeSet<String>,
        namespaces: &BTreeSet<String>,
        writing: &Writing<'_>,
        session: &mut Session<'_>,
    ) -> Result<(), Fault> {
        if writing.dry_run == DryRun::Client {
            return Ok(());
        }
        let join = |texts: Vec<&String>| texts.into_iter().cloned().collect::<Vec<_>>().join(",");
        let others = namespaces.iter().filter(|namespace| **namespace != self.namespace).collect();
        let mut metadata = json!({
            "name": self.name,
            "labels": {ID: self.id()},
            "annotations": {
                TOOLING: format!("{TOOL}/{}", version::client().git_version()),
                KINDS: join(kinds.iter().collect()),
                NAMESPACES: join(others),
            },
        });
        if !self.namespace.is_empty() {
            metadata["namespace"] = json!(self.namespace);
        }
        let patch = json!({
            "kind": self.parent.kind.name(), "apiVersion": self.parent.api_version(), "metadata": metadata,
        });
        let patch = to_compact(&patch);
        let own = Writing { manager: MANAGER, ..*writing };
        let mut send = |force| {
            let options = PatchOptions { force, ..own.patch_options() };
            session.client.patch(self.resource(), (PatchType::Apply, patch.as_str()), options)
        };
        let sent: Result<_, ApiError> = match send(false) {
            Err(e) if e.reason == Reason::Conflict => {
                let forced = send(true);
                let text = format!(
                    "WARNING: failed to update ApplySet: {}\nApplySet field manager {MANAGER} should own these fields. \
                     Retrying with conflicts forced.",
                    e.message
                );
                session.ui.err(&format!("{}\n", session.log_line('W', "applyset.go:485", &text)));
                forced
            }
            sent => sent,
        };
        sent.map(drop).map_err(|e| Fault::plain(format!("failed to update ApplySet: {}", e.message)))
    }

    /// Deletes the members that were not applied, and writes the new list.
    ///
    /// # Errors
    /// The server's refusals.
    pub(super) fn prune(
        &self,
        visited: &Visited,
        deletion: &Deletion,
        printer: &mut ObjectPrinter,
        writing: &Writing<'_>,
        session: &mut Session<'_>,
    ) -> Result<(), Fault> {
        let mut gone = Vec::new();
        for served in self.kinds.values() {
            let everywhere = [String::new()].into();
            let places = if served.namespaced { &self.namespaces } else { &everywhere };
            for namespace in places {
                gone.extend(self.members(*served, namespace, visited, session)?);
            }
        }
        for info in &gone {
            let name = match info.namespace.as_str() {
                "" => info.name.clone(),
                namespace => format!("{namespace}/{}", info.name),
            };
            deletion.prune(info, printer, session).map_err(|fault| {
                Fault::plain(format!("pruning {} {name}: {}", group_kind(&info.served), fault.message()))
            })?;
        }
        let kinds = self.new_kinds.keys().cloned().collect();
        self.update_parent(&kinds, &self.new_namespaces, writing, session).map_err(|fault| {
            Fault::plain(format!("apply and prune succeeded, but ApplySet update failed: {}", fault.message()))
        })
    }

    fn members(
        &self,
        served: Served,
        namespace: &str,
        visited: &Visited,
        session: &Session<'_>,
    ) -> Result<Vec<Info>, Fault> {
        let options = ListOptions { label_selector: format!("{PART_OF}={}", self.id()), ..ListOptions::default() };
        let place = Resource::kind(served.kind).of_version(&served.api_version()).within(namespace);
        let listed = session.client.read(Verb::List(options), Target::Resource(place), Form::Object);
        let Reply::List(list) = listed.map_err(|e| {
            let (group, version, kind) = (served.group, served.version, served.kind.name());
            let what = format!("listing {group}/{version}, Kind={kind} objects for pruning");
            Fault::plain(format!("{what}: {}", e.message))
        })?
        else {
            return Err(ApiError::internal("the server did not answer with a list").into());
        };
        let is_gone = |object: &&std::sync::Arc<Object>| !visited.has(object.uid());
        Ok(list.items.iter().filter(is_gone).map(|object| Info::of(served, object.clone(), session)).collect())
    }
}

/// The kinds that a list names. Mirrors `parseKindAnnotation`.
fn kinds(tree: &Value, session: &Session<'_>) -> Result<BTreeMap<String, Served>, String> {
    let annotation = |name: &str| tree["metadata"]["annotations"][name].as_str();
    let serving = session.client.serving();
    let mut found = BTreeMap::new();
    match (annotation(KINDS), annotation(OLD_RESOURCES)) {
        (Some(list), _) => {
            for text in list.split(',').filter(|text| !text.is_empty()) {
                let (kind, group) = text.split_once('.').unwrap_or((text, ""));
                let known = serving.kinds().find(|k| k.name() == kind && k.group() == group);
                let served = known.and_then(|kind| served::versions_of(kind, serving.minor).into_iter().next());
                let served = served.ok_or_else(|| {
                    let missing = format!("no matches for kind {kind:?} in group {group:?}");
                    format!("could not find mapping for kind in {KINDS:?} annotation: {missing}")
                })?;
                found.insert(group_kind(&served), served);
            }
        }
        (None, Some(list)) if !list.is_empty() => {
            for text in list.split(',').filter(|text| !text.is_empty()) {
                let served = find_kind(&serving, text).ok_or_else(|| {
                    let (resource, group) = text.split_once('.').unwrap_or((text, ""));
                    let missing = format!("no matches for {group}/, Resource={resource}");
                    format!("invalid group resource in {OLD_RESOURCES:?} annotation: {missing}")
                })?;
                found.insert(group_kind(&served), served);
            }
        }
        _ => return Err(format!("kubectl requires the {KINDS:?} annotation to be set on all ApplySet parent objects")),
    }
    Ok(found)
}
