//! THE API server: every request, from kubectl's verbs, from a lesson or over a wire, is a value that `handle` answers.
//!
//! One straight line for all of them: who asks and may they; what is it about and is that served; decode the body
//! strictly; the verb; and the answer in the form that was asked for.
//! Mirrors `k8s.io/apiserver/pkg/endpoints` (filters and handlers).

pub mod authorize;
mod codec;
mod columns;
mod discovery;
mod door;
mod heartbeats;
mod metrics;
mod openapi;
pub mod request_info;
pub mod served;
mod status;
mod subresources;
mod table;
#[cfg(test)]
mod tests;
mod time;
mod verbs;
pub mod watch;
pub mod wire;

use std::sync::Arc;

use serde_json::Value;

pub use codec::{encode, tree_of, tree_with_owners};
pub use status::{code, status};
pub use time::{Passed, Wait};

use crate::api::definition;
use crate::api::request::{Accept, By, Form, Request, Resource, Target, Verb};
use crate::api::table::Table;
use crate::api::{Kind, Object, Time};
use crate::error::{ApiError, Reason};
use crate::kinds::rbac::authorizer::Attributes;
use crate::sim::Cluster;
pub use crate::sim::{Answered, Pause, SessionId};
pub use crate::sim::{ClockMode, Config, check_nodes, parse_version};
use served::{Served, Serving};

/// The API server of a cluster, within one transaction at a time.
pub struct Server {
    cluster: Cluster,
    /// How those are known who come over a wire, where it is served.
    keys: Option<wire::Keys>,
    texts: wire::Texts,
}

/// What the server answers.
#[derive(Debug)]
pub struct Response {
    /// What the client is told beside the answer, each without the `Warning: ` before it.
    pub warnings: Vec<String>,
    /// The answer, or why there is none.
    pub outcome: Result<Reply, ApiError>,
}

/// An answer.
#[derive(Debug, Clone)]
pub enum Reply {
    /// An object, as stored or as it would be.
    Object(Arc<Object>),
    /// Objects.
    List(List),
    /// Objects as a kubectl prints them.
    Table(Table),
    /// Something that is not stored: a `Scale`, a review, a document of discovery.
    Tree(Value),
    /// Words that are no JSON: `ok`.
    Text(String),
    /// What a container printed.
    Bytes(Vec<u8>),
    /// A session with a process in a container.
    Session(SessionId),
    /// The way to the ports of a pod, by the pod's uid.
    Forward(String),
}

/// Objects of one kind.
#[derive(Debug, Clone)]
pub struct List {
    /// The kind.
    pub kind: Kind,
    /// The objects, by namespace and name.
    pub items: Vec<Arc<Object>>,
    /// The revision at which the list was true.
    pub revision: u64,
    /// Where the next piece begins; empty when this is the last.
    pub continue_at: String,
    /// How many objects follow, where that is known.
    pub remaining: Option<u64>,
}

/// What a handler is given beside the request itself.
struct Ask<'a> {
    /// Who counts as asking.
    by: &'a By,
    /// What is served there.
    served: &'a Served,
    resource: &'a Resource,
    accept: Accept,
}

impl Server {
    /// The server of a cluster.
    pub fn over(mut cluster: Cluster) -> Server {
        cluster.set_door(door::answer);
        Server { cluster, keys: None, texts: wire::Texts::default() }
    }

    /// From here on is served over a wire, to those who have these keys.
    pub fn serve_to(&mut self, keys: wire::Keys) {
        self.keys = Some(keys);
    }

    /// What the tokens of service accounts are signed with, where the cluster is served.
    fn secret(&self) -> Option<String> {
        self.keys.as_ref().map(|keys| keys.secret.clone())
    }

    /// Closes the cluster's file as the process ends. What it held in memory goes with the process.
    pub fn leave(self) {
        self.cluster.leave();
    }

    /// The cluster below: its clock, its transactions.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The cluster below: its clock, its transactions.
    pub fn cluster_mut(&mut self) -> &mut Cluster {
        &mut self.cluster
    }

    /// The cluster's time.
    pub fn now(&self) -> Time {
        self.cluster.now()
    }

    /// The Kubernetes minor version that the cluster is of: 36 for v1.36.
    pub fn minor(&self) -> u32 {
        self.cluster.config().version
    }

    /// Which resources it has.
    pub fn serving(&self) -> Serving {
        Serving::of(self.minor(), &self.cluster.view())
    }

    /// Answers a request.
    pub fn handle(&mut self, request: &Request) -> Response {
        if !request.verb.writes() {
            return self.read(request);
        }
        let mut warnings = Vec::new();
        let outcome = self.judge(request).and_then(|by| {
            let (served, resource) = self.find(request, &mut warnings)?;
            let ask = Ask { by: &by, served: &served, resource, accept: request.accept };
            self.write(&ask, &request.verb, &mut warnings)
        });
        respond(outcome, warnings)
    }

    /// Answers a request that only reads: `get` or `list`.
    pub fn read(&self, request: &Request) -> Response {
        let mut warnings = Vec::new();
        let outcome = self.judge(request).and_then(|by| {
            if let Target::Path(path) = &request.target {
                return discovery::get(self, path);
            }
            if let Target::Resource(resource) = &request.target
                && let Some(answer) = metrics::answer(self, resource, &request.verb)
            {
                return answer;
            }
            let (served, resource) = self.find(request, &mut warnings)?;
            let ask = Ask { by: &by, served: &served, resource, accept: request.accept };
            match &request.verb {
                Verb::Get => self.get(&ask),
                Verb::List(options) => self.list(&ask, options),
                _ => Err(method_not_allowed()),
            }
        });
        respond(outcome, warnings)
    }

    /// Who counts as asking, if they may.
    fn judge(&self, request: &Request) -> Result<By, ApiError> {
        let view = self.cluster.view();
        let by = authorize::authenticate(&view, request)?;
        authorize::authorize(&view, &by.user, &Attributes::of(request))?;
        Ok(by)
    }

    /// What the request is about, if it is served and takes the verb.
    fn find<'r>(&self, request: &'r Request, warnings: &mut Vec<String>) -> Result<(Served, &'r Resource), ApiError> {
        let Target::Resource(resource) = &request.target else { return Err(method_not_allowed()) };
        let served = served::find(&self.serving(), resource).ok_or_else(not_served)?;
        let named = !resource.name.is_empty();
        if !served.namespaced && !resource.namespace.is_empty() {
            return Err(not_served());
        }
        // No path leads to one object without its namespace, nor to one of a kind that is only posted.
        let has_names = ["get", "update", "patch", "delete"].iter().any(|verb| served.verbs.contains(verb));
        if named && (served.namespaced && resource.namespace.is_empty() || !has_names) {
            return Err(not_served());
        }
        if !served.takes(&resource.subresource, request.verb.as_str()) || !fits(&served, resource, &request.verb) {
            return Err(method_not_allowed());
        }
        if resource.subresource == "proxy" {
            return Err(self.unreachable(resource, served.kind));
        }
        warnings.extend(self.cluster.registry().deprecation(served.kind));
        warnings.extend(definition::deprecation(served.kind, served.version));
        Ok((served, resource))
    }

    fn write(&mut self, ask: &Ask<'_>, verb: &Verb, warnings: &mut Vec<String>) -> Result<Reply, ApiError> {
        match verb {
            Verb::Create(options, body) if ask.resource.subresource.is_empty() => {
                self.create(ask, options, body, warnings)
            }
            Verb::Create(options, body) => self.post(ask, options, body, warnings),
            Verb::Update(options, body) => self.update(ask, options, body, warnings),
            Verb::Patch(options, form, body) => self.patch(ask, options, (*form, body), warnings),
            Verb::Delete(options) => self.delete(ask, options, warnings),
            Verb::DeleteCollection(options, which) => self.delete_collection(ask, options, which, warnings),
            Verb::Connect(connect) => self.connect(ask, connect),
            Verb::Get | Verb::List(_) | Verb::Watch(_) => Err(method_not_allowed()),
        }
    }

    /// Some objects of one kind as rows; the objects may be versions that a watch has seen.
    pub fn table(&self, kind: Kind, objects: &[Arc<Object>]) -> Table {
        table::build(self, kind, objects)
    }

    /// An object in the form that was asked for.
    fn shown(&self, ask: &Ask<'_>, object: &Arc<Object>) -> Result<Reply, ApiError> {
        if ask.accept.form != Form::Object {
            return Ok(Reply::Table(table::build(self, object.kind(), std::slice::from_ref(object))));
        }
        self.with_owners(ask, object).map(Reply::Object)
    }

    /// An object with who owns its fields, if that was asked for.
    fn with_owners(&self, ask: &Ask<'_>, object: &Arc<Object>) -> Result<Arc<Object>, ApiError> {
        match ask.accept.managed_fields && !ask.accept.owners_later {
            true => self.cluster.registry().with_owners(object).map(|object| self.beating(object)),
            false => Ok(self.beating(Arc::clone(object))),
        }
    }
}

/// Whether the path of a whole resource takes the verb: new objects are posted to a namespace and not to a name, and
/// only the objects of one namespace are deleted together. Mirrors `registerResourceHandlers`.
fn fits(served: &Served, resource: &Resource, verb: &Verb) -> bool {
    let named = !resource.name.is_empty();
    let is_everywhere = served.namespaced && resource.namespace.is_empty();
    match verb {
        _ if !resource.subresource.is_empty() => true,
        Verb::Create(..) | Verb::DeleteCollection(..) => !named && !is_everywhere,
        Verb::Update(..) | Verb::Patch(..) | Verb::Delete(_) => named,
        _ => true,
    }
}

fn respond(outcome: Result<Reply, ApiError>, mut warnings: Vec<String>) -> Response {
    let outcome = outcome.map_err(|mut refusal| {
        warnings.append(&mut refusal.warnings);
        refusal
    });
    Response { warnings, outcome }
}

/// 404: what nobody serves.
pub fn not_served() -> ApiError {
    ApiError::new(Reason::NotFound, "the server could not find the requested resource")
}

/// 405: what is served and doesn't take the verb.
pub fn method_not_allowed() -> ApiError {
    ApiError::new(Reason::MethodNotAllowed, "the server does not allow this method on the requested resource")
}
