//! Holes that no verb and no subresource may have: whatever is asked, without rights it is refused and tells nothing,
//! a dry run stores nothing, and what the server warns of is said.

mod commands;
mod requests;

use kstate::api::request::{
    Accept, By, Connect, DeleteOptions, ListOptions, LogOptions, PatchOptions, PatchType, Request, Resource,
    StreamOptions, Target, Verb, WriteOptions,
};
use kstate::api::user::User;
use kstate::api::{Kind, ObjectKey, Time};
use kstate::manifest::stream;
use kstate::server::served::{self, Served};
use kstate::server::{Response, Server};
use kstate::sim::{ClockMode, Cluster, Config};
use serde_json::{Value, json};

const OBJECTS: &str = include_str!("objects.yaml");

/// A server in a transaction of its own.
struct Api(Server);

/// Something that can be asked.
#[derive(Debug, Clone)]
struct Ask {
    verb: Verb,
    resource: Resource,
}

impl Ask {
    fn name(&self) -> String {
        let form = match &self.verb {
            Verb::Patch(_, form, _) => format!(" ({form:?})"),
            _ => String::new(),
        };
        format!("{}{form} {}", self.verb.as_str(), self.resource.path())
    }
}

impl Api {
    /// A cluster as it is made.
    fn new() -> Api {
        let config = Config { clock: ClockMode::Manual, ..Config::default() };
        let mut server = Server::over(Cluster::new_in_memory(config, Time::default()).expect("a cluster"));
        server.cluster_mut().begin(true, Time::default()).expect("to begin");
        Api(server)
    }

    /// The same with an object of every kind that can be stored.
    fn with_everything() -> Api {
        let mut api = Api::new();
        for (served, tree) in objects() {
            if served.verbs.contains(&"get") {
                let ask = Ask { verb: Verb::Create(WriteOptions::default(), tree), resource: within(&served) };
                let response = api.ask(&admin(), &ask);
                assert!(response.outcome.is_ok(), "{}: {response:?}", ask.name());
            }
        }
        api
    }

    fn ask(&mut self, user: &User, ask: &Ask) -> Response {
        let request = Request {
            by: By::client(user.clone(), "test"),
            impersonate: None,
            verb: ask.verb.clone(),
            target: Target::Resource(ask.resource.clone()),
            accept: Accept::default(),
        };
        if let Verb::Watch(_) = ask.verb {
            let outcome = self.0.watch(&request).map(|_| kstate::server::Reply::Text(String::new()));
            return Response { warnings: Vec::new(), outcome };
        }
        self.0.handle(&request)
    }

    /// An object as it is by now; the tree itself for what is not stored.
    fn live(&mut self, served: &Served, tree: &Value) -> Value {
        let name = tree["metadata"]["name"].as_str().unwrap_or_default();
        let ask = Ask { verb: Verb::Get, resource: Resource { name: name.into(), ..within(served) } };
        match self.ask(&admin(), &ask).outcome {
            Ok(kstate::server::Reply::Object(object)) => kstate::server::tree_of(&object),
            _ => tree.clone(),
        }
    }

    fn revision(&self) -> u64 {
        self.0.cluster().revision()
    }
}

fn admin() -> User {
    User::admin("test")
}

fn nobody() -> User {
    User { name: "nobody".into(), ..User::default() }
}

/// The objects of the file, each with what is served of its kind.
fn objects() -> Vec<(Served, Value)> {
    let documents = stream::documents(OBJECTS.as_bytes()).expect("readable objects");
    let of = |tree: Value| {
        let (version, kind) =
            (tree["apiVersion"].as_str().unwrap_or_default(), tree["kind"].as_str().unwrap_or_default());
        let all = served::resources(&served::Serving::of_version(36)).into_iter();
        let found = all.filter(|s| s.api_version() == version).find(|s| s.kind.name() == kind);
        (found.unwrap_or_else(|| panic!("nobody serves {kind} of {version}")), tree)
    };
    documents.into_iter().map(|d| of(d.value)).collect()
}

/// Where new objects of a kind go.
fn within(served: &Served) -> Resource {
    let key = ObjectKey::new(served.kind, if served.namespaced { "default" } else { "" }, "");
    served.resource_of(&key)
}

/// All that can be asked of a kind with an object of it, with the options that `dry_run` says; `live` is the object as
/// the server has it.
fn asks(served: &Served, tree: &Value, live: &Value, dry_run: bool) -> Vec<Ask> {
    let write = || WriteOptions { dry_run, field_manager: "test".into(), ..WriteOptions::default() };
    let patch = || PatchOptions { write: write(), force: true };
    let name = tree["metadata"]["name"].as_str().unwrap_or_default();
    let all = within(served);
    let one = Resource { name: name.into(), ..all.clone() };
    let label = json!({"metadata": {"labels": {"hole": "yes"}}}).to_string();
    let add = json!([{"op": "add", "path": "/metadata/labels", "value": {"hole": "yes"}}]).to_string();
    let apply = json!({"apiVersion": served.api_version(), "kind": served.kind.name(),
        "metadata": {"name": name, "labels": {"hole": "yes"}}})
    .to_string();
    let not_forced = || PatchOptions { write: write(), force: false };
    let patches = || {
        vec![
            Verb::Patch(not_forced(), PatchType::Strategic, label.clone()),
            Verb::Patch(not_forced(), PatchType::Merge, label.clone()),
            Verb::Patch(not_forced(), PatchType::Json, add.clone()),
        ]
    };
    let delete = || DeleteOptions { dry_run, ..DeleteOptions::default() };
    let mut asks = Vec::new();
    let mut add_ask = |verb: Verb, resource: &Resource| asks.push(Ask { verb, resource: resource.clone() });
    for verb in served.verbs {
        match *verb {
            "get" => add_ask(Verb::Get, &one),
            "list" => add_ask(Verb::List(ListOptions::default()), &all),
            "watch" => add_ask(Verb::Watch(ListOptions::default()), &all),
            "create" => add_ask(Verb::Create(write(), tree.clone()), &all),
            "update" => add_ask(Verb::Update(write(), live.clone()), &one),
            "delete" => add_ask(Verb::Delete(delete()), &one),
            "deletecollection" => {
                let which = ListOptions { field_selector: format!("metadata.name={name}"), ..ListOptions::default() };
                add_ask(Verb::DeleteCollection(delete(), which), &all);
            }
            "patch" => {
                patches().into_iter().for_each(|verb| add_ask(verb, &one));
                add_ask(Verb::Patch(patch(), PatchType::Apply, apply.clone()), &one);
            }
            other => panic!("a verb of which the test knows nothing: {other}"),
        }
    }
    for part in served.subresources {
        let resource = one.clone().part(part.name);
        for verb in part.verbs {
            match (part.name, *verb) {
                ("binding", _) => {
                    let target = json!({"kind": "Node", "name": "k3d-deadless-agent-0"});
                    let binding =
                        json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": target});
                    add_ask(Verb::Create(write(), binding), &resource);
                }
                ("eviction", _) => {
                    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}});
                    add_ask(Verb::Create(write(), eviction), &resource);
                }
                ("token", _) => {
                    let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
                    add_ask(Verb::Create(write(), request), &resource);
                }
                ("log", _) => {
                    let options = LogOptions { container: "c".into(), ..LogOptions::default() };
                    add_ask(Verb::Connect(Connect::Log(options)), &resource);
                }
                ("exec", "create") => {
                    let options = StreamOptions { container: "c".into(), ..StreamOptions::default() };
                    add_ask(Verb::Connect(Connect::Exec(options, vec!["ls".into()])), &resource);
                }
                ("attach", "create") => {
                    let options = StreamOptions { container: "c".into(), ..StreamOptions::default() };
                    add_ask(Verb::Connect(Connect::Attach(options)), &resource);
                }
                ("portforward", "create") => add_ask(Verb::Connect(Connect::PortForward(vec![80])), &resource),
                ("exec" | "attach" | "portforward", _) => {}
                ("proxy", "create") => add_ask(Verb::Create(write(), json!({})), &resource),
                ("proxy", "delete") => add_ask(Verb::Delete(delete()), &resource),
                (_, "get") => add_ask(Verb::Get, &resource),
                ("scale", "update") => {
                    let scale = json!({"apiVersion": "autoscaling/v1", "kind": "Scale",
                        "metadata": {"name": name, "namespace": "default"}, "spec": {"replicas": 1}});
                    add_ask(Verb::Update(write(), scale), &resource);
                }
                ("scale", "patch") => {
                    let replicas = json!({"spec": {"replicas": 1}}).to_string();
                    add_ask(Verb::Patch(not_forced(), PatchType::Merge, replicas), &resource);
                }
                (_, "update") => add_ask(Verb::Update(write(), live.clone()), &resource),
                (_, "patch") => {
                    patches().into_iter().for_each(|verb| add_ask(verb, &resource));
                    add_ask(Verb::Patch(patch(), PatchType::Apply, apply.clone()), &resource);
                }
                (part, verb) => panic!("a part of which the test knows nothing: {verb} {part}"),
            }
        }
    }
    asks
}

/// Kinds that everybody may ask about themselves, though not whoever is in no group.
fn is_stored(kind: Kind) -> bool {
    served::of_kind(36, kind).is_some_and(|s| s.verbs.contains(&"get"))
}
