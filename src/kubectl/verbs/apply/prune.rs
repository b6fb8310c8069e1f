//! `apply --prune` and `diff --prune`: what was applied once and is no longer in the manifests goes.
//!
//! Mirrors `prune.go` of `k8s.io/kubectl/pkg/cmd/apply` and `.../diff`, and `k8s.io/kubectl/pkg/util/prune`.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::api::Object;
use crate::api::request::{DeleteOptions, Form, ListOptions, Propagation, Resource, Target, Verb};
use crate::error::{ApiError, Failure};
use crate::kubectl::annotation::LAST_APPLIED;
use crate::kubectl::builder::files::served_kind;
use crate::kubectl::builder::info::Info;
use crate::kubectl::print::errors::Fault;
use crate::kubectl::print::made::ObjectPrinter;
use crate::kubectl::request::DryRun;
use crate::kubectl::session::Session;
use crate::server::Reply;
use crate::server::served::Served;

/// The types that are looked at if none are named. Mirrors `defaultNamespacedPruneResources` and
/// `defaultNonNamespacedPruneResources`.
const DEFAULT: [(&str, &str); 16] = [
    ("v1", "ConfigMap"),
    ("v1", "Endpoints"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "Pod"),
    ("v1", "ReplicationController"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("batch/v1", "Job"),
    ("batch/v1", "CronJob"),
    ("networking.k8s.io/v1", "Ingress"),
    ("apps/v1", "DaemonSet"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "ReplicaSet"),
    ("apps/v1", "StatefulSet"),
    ("v1", "Namespace"),
    ("v1", "PersistentVolume"),
];

const DEPRECATED: &str = "Deprecated: kubectl apply will no longer prune non-namespaced resources by default when used with the --namespace flag \
     in a future release. To preserve the current behaviour, list the resources you want to target explicitly in the \
     --prune-allowlist flag.";

/// The types of `--prune-allowlist`, `core/v1/ConfigMap`. Mirrors `ParseResources`.
///
/// # Errors
/// kubectl's texts for what is no type, and for one that the server does not have.
pub fn parse_resources(list: &[String], session: &Session<'_>) -> Result<Vec<Served>, Failure> {
    let parse = |text: &String| {
        let parts: Vec<&str> = text.split('/').collect();
        let [group, version, kind] = parts[..] else {
            return Err(Failure::error(format!(
                "invalid GroupVersionKind format: {text}, please follow <group/version/kind>"
            )));
        };
        let api_version = match group {
            "core" | "" => version.to_string(),
            group => format!("{group}/{version}"),
        };
        find(&api_version, kind, session).map_err(Failure::error)
    };
    list.iter().map(parse).collect()
}

fn find(api_version: &str, kind: &str, session: &Session<'_>) -> Result<Served, String> {
    served_kind(&session.client.serving(), api_version, kind)
        .ok_or_else(|| format!("no matches for kind {kind:?} in version {api_version:?}"))
}

/// What was applied before and is no longer among the manifests.
pub struct Pruner<'a> {
    /// The types of `--prune-allowlist`; empty for the usual ones.
    pub types: &'a [Served],
    /// `-l`.
    pub selector: &'a str,
}

/// What manifests name: it stays, and so tell the namespaces where to look.
#[derive(Debug, Default)]
pub struct Visited {
    namespaces: BTreeSet<String>,
    uids: BTreeSet<String>,
}

impl Visited {
    /// Whether an object was among them.
    pub fn has(&self, uid: &str) -> bool {
        self.uids.contains(uid)
    }

    /// Notes an object as the server has it, or one that is not there.
    pub fn mark(&mut self, info: &Info) {
        if info.served.namespaced {
            self.namespaces.insert(info.namespace.clone());
        }
        self.uids.extend(info.tree["metadata"]["uid"].as_str().map(String::from));
    }
}

impl Pruner<'_> {
    /// Visits what is to go: of namespaced types in the namespaces of what was visited, then of the others. Mirrors
    /// `pruneAll`.
    ///
    /// # Errors
    /// The server's refusals and those of `f`, with what was about to be pruned.
    pub fn visit(
        &self,
        visited: &Visited,
        session: &mut Session<'_>,
        mut f: impl FnMut(Info, &mut Session<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let (namespaced, others): (Vec<_>, Vec<_>) =
            self.types(session)?.into_iter().partition(|served| served.namespaced);
        // OBSERVATION: kubectl takes the namespaces in no order.
        let places = visited.namespaces.iter().flat_map(|n| namespaced.iter().map(move |served| (n.as_str(), served)));
        for (namespace, served) in places.chain(others.iter().map(|served| ("", served))) {
            self.visit_type(namespace, *served, visited, session, &mut f).map_err(|fault| {
                let what = if served.namespaced { "namespaced" } else { "nonNamespaced" };
                let (group, version, kind) = (served.group, served.version, served.kind.name());
                Fault::plain(format!("error pruning {what} object {group}/{version}, Kind={kind}: {fault}"))
            })?;
        }
        Ok(())
    }

    /// Mirrors `GetRESTMappings`.
    fn types(&self, session: &Session<'_>) -> Result<Vec<Served>, Fault> {
        if !self.types.is_empty() {
            return Ok(self.types.to_vec());
        }
        // OBSERVATION: it always says so, since there always is a namespace, if only `default`.
        session.ui.err(&format!("{}\n", session.log_line('W', "prune.go:71", DEPRECATED)));
        let found = |(api_version, kind): (&str, &str)| {
            find(api_version, kind, session).map_err(|text| {
                let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
                let namespaced = !matches!(kind, "Namespace" | "PersistentVolume");
                Fault::plain(format!(
                    "error retrieving RESTMappings to prune: invalid resource {group}/{version}, Kind={kind}, \
                     Namespaced={namespaced}: {text}"
                ))
            })
        };
        DEFAULT.into_iter().map(found).collect()
    }

    fn visit_type(
        &self,
        namespace: &str,
        served: Served,
        visited: &Visited,
        session: &mut Session<'_>,
        f: &mut impl FnMut(Info, &mut Session<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let options = ListOptions { label_selector: self.selector.to_string(), ..ListOptions::default() };
        let place = Resource::kind(served.kind).of_version(&served.api_version()).within(namespace);
        let Reply::List(list) = session.client.read(Verb::List(options), Target::Resource(place), Form::Object)? else {
            return Err(ApiError::internal("the server did not answer with a list").into());
        };
        let gone =
            |object: &Arc<Object>| object.annotation(LAST_APPLIED).is_some() && !visited.uids.contains(object.uid());
        for object in list.items.into_iter().filter(gone) {
            f(Info::of(served, object, session), session)?;
        }
        Ok(())
    }
}

/// How what is pruned goes.
pub(super) struct Deletion {
    /// What becomes of dependents.
    pub(super) propagation: Propagation,
    /// `--grace-period`; negative for the objects' own.
    pub(super) grace_period: i64,
    /// Whether anything is deleted.
    pub(super) dry_run: DryRun,
}

impl Deletion {
    /// Deletes one object and says so.
    ///
    /// # Errors
    /// The server's refusal.
    pub(super) fn prune(
        &self,
        info: &Info,
        printer: &mut ObjectPrinter,
        session: &mut Session<'_>,
    ) -> Result<(), Fault> {
        if self.dry_run != DryRun::Client {
            let options = DeleteOptions {
                grace_period: Some(self.grace_period).filter(|grace| *grace >= 0),
                propagation: Some(self.propagation),
                dry_run: self.dry_run == DryRun::Server,
                ..DeleteOptions::default()
            };
            session.client.send(Verb::Delete(options), info.whole())?;
        }
        // What is wrong with the form is not said.
        _ = printer.print(&info.tree, "pruned", session);
        Ok(())
    }
}
