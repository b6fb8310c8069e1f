//! kubectl's side of the door: makes requests and prints the server's warnings.
//!
//! Mirrors `k8s.io/cli-runtime/pkg/resource/helper.go` and the REST client below it.

mod waiting;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::log;
use crate::api::request::{
    Accept, By, Connect, DeleteOptions, Form, ListOptions, PatchOptions, PatchType, Request, Resource, Target, Verb,
    WriteOptions,
};
use crate::api::table::Table;
use crate::api::user::User;
use crate::api::{Kind, Lister, Object, ObjectKey, Time};
use crate::error::{ApiError, Reason};
use crate::server::served::Serving;
use crate::server::{Answered, List, Pause, Reply, Response, Server, SessionId, encode, tree_of};
use crate::ui::Ui;
pub use waiting::{RealTime, Waited, begin, nothing_due};

/// The name under which a verb writes that has no `--field-manager`.
pub const PROGRAM: &str = "kubectl";

/// A client of one cluster's server, for one command.
pub struct Client<'a> {
    server: &'a mut Server,
    ui: &'a Ui,
    by: By,
    impersonate: Option<User>,
    /// How much is said of requests (`-v`).
    verbosity: u8,
    /// Whether long answers are compressed on their way, which their headers tell.
    compressed: bool,
    /// The server's warnings that were printed: none is printed twice.
    warned: RefCell<BTreeSet<String>>,
    /// Whether answers must tell who owns which field.
    managed_fields: Cell<bool>,
    wrote: bool,
    /// Whether the server was asked anything.
    asked: Cell<bool>,
    /// Whether another process may change the cluster meanwhile.
    shared: bool,
}

impl<'a> Client<'a> {
    /// A client that speaks as `user`, or as whom that one impersonates.
    pub fn new(server: &'a mut Server, ui: &'a Ui, user: User, impersonate: Option<User>, verbosity: u8) -> Client<'a> {
        let by = By::client(user, PROGRAM);
        let (warned, managed_fields) = (RefCell::default(), Cell::new(false));
        Client {
            server,
            ui,
            by,
            impersonate,
            verbosity,
            compressed: true,
            warned,
            managed_fields,
            wrote: false,
            asked: Cell::new(false),
            shared: false,
        }
    }

    /// The same of a cluster that other processes may change meanwhile, or not.
    pub fn shared(mut self, shared: bool) -> Client<'a> {
        self.shared = shared;
        self
    }

    /// The same, which takes long answers compressed or not (`--disable-compression`).
    pub fn compressed(mut self, compressed: bool) -> Client<'a> {
        self.compressed = compressed;
        self
    }

    /// Whose rights count.
    pub fn user(&self) -> &User {
        self.impersonate.as_ref().unwrap_or(&self.by.user)
    }

    /// Says something in kubectl's log, where it says so much. `place` is the file and line of Kubernetes that it comes from.
    pub fn log(&self, level: u8, place: &str, text: &str) {
        if self.verbosity >= level {
            self.ui.err(&format!("{}\n", log::line('I', self.now(), place, text)));
        }
    }

    /// From now on, has answers tell who owns which field, or not.
    pub fn want_managed_fields(&self, wanted: bool) {
        self.managed_fields.set(wanted);
    }

    /// Whether answers tell who owns which field.
    pub fn wants_managed_fields(&self) -> bool {
        self.managed_fields.get()
    }

    fn request(&self, verb: Verb, target: Target, form: Form) -> Request {
        // A body is logged as the server has it.
        let managed_fields = self.managed_fields.get() || self.verbosity >= log::BODIES;
        let accept = Accept { form, managed_fields, ..Accept::default() };
        Request { by: self.by.clone(), impersonate: self.impersonate.clone(), verb, target, accept }
    }

    fn took(&self, request: &Request, response: Response) -> Result<Reply, ApiError> {
        self.asked.set(true);
        if self.verbosity >= log::LEAST {
            self.ui.err(&log::round_trip(self.verbosity, self.compressed, self.now(), request, &response));
        }
        self.warn(response.warnings);
        response.outcome
    }

    /// Prints warnings, but none twice. Mirrors `WarningWriterOptions.Deduplicate`.
    pub fn warn(&self, warnings: impl IntoIterator<Item = String>) {
        for warning in warnings {
            if self.warned.borrow_mut().insert(warning.clone()) {
                self.ui.err(&format!("Warning: {warning}\n"));
            }
        }
    }

    /// Whether the server was asked anything.
    pub fn has_asked(&self) -> bool {
        self.asked.get()
    }

    /// How many warnings were printed.
    pub fn warnings(&self) -> usize {
        self.warned.borrow().len()
    }

    /// Sends a request that only reads.
    ///
    /// # Errors
    /// The server's refusal.
    pub fn read(&self, verb: Verb, target: Target, form: Form) -> Result<Reply, ApiError> {
        let request = self.request(verb, target, form);
        let response = self.server.read(&request);
        self.took(&request, response)
    }

    /// Sends a request. Between two that write, the cluster gets on a little.
    ///
    /// # Errors
    /// The server's refusal.
    pub fn send(&mut self, verb: Verb, resource: Resource) -> Result<Reply, ApiError> {
        self.send_to(verb, Target::Resource(resource))
    }

    /// The same for anything that the server offers.
    ///
    /// # Errors
    /// The server's refusal.
    pub fn send_to(&mut self, verb: Verb, target: Target) -> Result<Reply, ApiError> {
        if self.wrote {
            self.server.between_requests()?;
        }
        let request = self.request(verb, target, Form::Object);
        self.wrote = request.verb.writes();
        let response = self.server.handle(&request);
        self.took(&request, response)
    }

    /// What is at a path that is no object's, as it goes over a wire.
    ///
    /// # Errors
    /// The server's refusal.
    pub fn document(&mut self, path: String, url: &str) -> Result<Vec<u8>, ApiError> {
        let request = self.request(Verb::Get, Target::Path(path), Form::Object);
        let outcome = self.server.read_document(&request, url).map(Reply::Bytes);
        match self.took(&request, Response { outcome, warnings: Vec::new() })? {
            Reply::Bytes(bytes) => Ok(bytes),
            _ => Ok(Vec::new()),
        }
    }

    /// An object.
    ///
    /// # Errors
    /// `NotFound`, or `Forbidden`.
    pub fn get(&self, key: &ObjectKey) -> Result<Arc<Object>, ApiError> {
        object(self.read(Verb::Get, Target::Resource(Resource::object(key)), Form::Object)?)
    }

    /// An object, if it is there.
    ///
    /// # Errors
    /// `Forbidden`, and whatever else is not that it is not there.
    pub fn find(&self, key: &ObjectKey) -> Result<Option<Arc<Object>>, ApiError> {
        match self.get(key) {
            Ok(object) => Ok(Some(object)),
            Err(refused) if refused.reason == Reason::NotFound => Ok(None),
            Err(refused) => Err(refused),
        }
    }

    /// An object with who owns its fields.
    ///
    /// # Errors
    /// `NotFound`, or `Forbidden`.
    pub fn get_with_owners(&self, key: &ObjectKey) -> Result<Arc<Object>, ApiError> {
        let wanted = self.managed_fields.replace(true);
        let object = self.get(key);
        self.managed_fields.set(wanted);
        object
    }

    /// What is at a resource, as a tree in its version.
    ///
    /// # Errors
    /// The server's refusal.
    pub fn tree_at(&self, resource: Resource) -> Result<Value, ApiError> {
        let reply = self.read(Verb::Get, Target::Resource(resource.clone()), Form::Object)?;
        Ok(encode(&reply, &resource))
    }

    /// Objects of a kind, by namespace and name; an empty namespace stands for all of them.
    ///
    /// # Errors
    /// `Forbidden`, or `BadRequest` for odd selectors.
    pub fn list(&self, kind: Kind, namespace: &str, options: &ListOptions) -> Result<Vec<Arc<Object>>, ApiError> {
        let resource = Resource::kind(kind).within(namespace);
        let mut options = options.clone();
        let mut objects = Vec::new();
        loop {
            let target = Target::Resource(resource.clone());
            let Reply::List(List { items, continue_at, .. }) =
                self.read(Verb::List(options.clone()), target, Form::Object)?
            else {
                return Err(ApiError::internal("the server did not answer with a list"));
            };
            objects.extend(items);
            if continue_at.is_empty() {
                return Ok(objects);
            }
            options.continue_at = continue_at;
        }
    }

    /// Some objects of one kind as the server prints them.
    pub fn table(&self, kind: Kind, objects: &[Arc<Object>]) -> Table {
        self.server.table(kind, objects)
    }

    /// Makes what a tree describes, at the resource that it is posted to.
    ///
    /// # Errors
    /// The server's refusal.
    pub fn create(&mut self, resource: Resource, tree: Value, options: WriteOptions) -> Result<Arc<Object>, ApiError> {
        let everywhere = Resource { name: String::new(), ..resource };
        object(self.send(Verb::Create(options, tree), everywhere)?)
    }

    /// Puts a whole object in another's place.
    ///
    /// # Errors
    /// The server's refusal.
    pub fn update(&mut self, resource: Resource, tree: Value, options: WriteOptions) -> Result<Arc<Object>, ApiError> {
        object(self.send(Verb::Update(options, tree), resource)?)
    }

    /// Changes an object.
    ///
    /// # Errors
    /// The server's refusal.
    pub fn patch(
        &mut self,
        resource: Resource,
        (form, body): (PatchType, &str),
        options: PatchOptions,
    ) -> Result<Arc<Object>, ApiError> {
        object(self.send(Verb::Patch(options, form, body.to_string()), resource)?)
    }

    /// Deletes an object, and tells its uid.
    ///
    /// # Errors
    /// The server's refusal.
    pub fn delete(&mut self, key: &ObjectKey, options: DeleteOptions) -> Result<String, ApiError> {
        Ok(match self.send(Verb::Delete(options), Resource::object(key))? {
            Reply::Object(object) => object.uid().to_string(),
            Reply::Tree(status) => status["details"]["uid"].as_str().unwrap_or_default().to_string(),
            _ => String::new(),
        })
    }

    /// Asks for the eviction of a pod. `grace` is in seconds; none for the pod's own.
    ///
    /// # Errors
    /// `TooManyRequests` when a disruption budget forbids it for now, else the server's refusal.
    pub fn evict(&mut self, pod: &ObjectKey, grace: Option<i64>, dry_run: bool) -> Result<(), ApiError> {
        let mut eviction = json!({
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod.name, "namespace": pod.namespace},
        });
        if let Some(seconds) = grace {
            eviction["deleteOptions"] = json!({"gracePeriodSeconds": seconds});
        }
        let options = WriteOptions { dry_run, ..WriteOptions::default() };
        self.send(Verb::Create(options, eviction), Resource::object(pod).part("eviction")).map(|_| ())
    }

    /// Connects to a part of a pod.
    ///
    /// # Errors
    /// The server's refusal.
    pub fn connect(&mut self, pod: &ObjectKey, connect: Connect) -> Result<Reply, ApiError> {
        let part = match connect {
            Connect::Log(_) => "log",
            Connect::Exec(..) => "exec",
            Connect::Attach(_) => "attach",
            Connect::PortForward(_) => "portforward",
        };
        self.send(Verb::Connect(connect), Resource::object(pod).part(part))
    }

    /// Lets a session go on until it ends, has written something, wants input, or would wait beyond the deadline.
    ///
    /// # Errors
    /// When the state file can't be written.
    pub fn go_on_with(&mut self, id: &SessionId, deadline: Time) -> Result<Pause, ApiError> {
        self.server.go_on_with(id, deadline)
    }

    /// Types into a session; with `end` nothing more will come.
    pub fn type_into(&mut self, id: &SessionId, bytes: &[u8], end: bool) {
        self.server.type_into(id, bytes, end);
    }

    /// Takes what was written to a session.
    pub fn take_output(&mut self, id: &SessionId) -> Vec<(u8, Vec<u8>)> {
        self.server.take_output(id)
    }

    /// Ends a session as Ctrl-C does.
    pub fn interrupt(&mut self, id: &SessionId) {
        self.server.interrupt(id);
    }

    /// Interrupts what is in a session's foreground, as Ctrl-C does. False for a shell at its prompt.
    pub fn interrupt_foreground(&mut self, id: &SessionId) -> bool {
        self.server.interrupt_foreground(id)
    }

    /// Opens a connection to a port of a pod: its number, and what is said at once.
    ///
    /// # Errors
    /// What the node's dialer says.
    pub fn open_forward(&mut self, uid: &str, port: u16) -> Result<(u64, Answered), String> {
        self.server.open_forward(uid, port)
    }

    /// Sends bytes on such a connection; none where no more will come.
    pub fn send_forward(&mut self, connection: u64, bytes: &[u8]) -> Answered {
        self.server.send_forward(connection, bytes)
    }

    /// Closes such a connection.
    pub fn close_forward(&mut self, connection: u64) {
        self.server.close_forward(connection);
    }

    /// The server, for those who are more than its client: kstate's own verbs.
    pub fn server(&self) -> &Server {
        self.server
    }

    /// The same, to change it.
    pub fn server_mut(&mut self) -> &mut Server {
        self.server
    }

    /// The cluster's time.
    pub fn now(&self) -> Time {
        self.server.now()
    }

    /// Which resources the server has.
    pub fn serving(&self) -> Serving {
        self.server.serving()
    }

    /// The Kubernetes minor version of the server: 36 for v1.36.
    pub fn minor(&self) -> u32 {
        self.server.minor()
    }
}

fn object(reply: Reply) -> Result<Arc<Object>, ApiError> {
    match reply {
        Reply::Object(object) => Ok(object),
        _ => Err(ApiError::internal("the server did not answer with an object")),
    }
}

/// What a description looks up beside its object. What can't be had counts as absent, as in kubectl.
impl Lister for Client<'_> {
    fn get(&self, key: &ObjectKey) -> Option<Arc<Object>> {
        Client::get(self, key).ok()
    }

    fn list(&self, kind: Kind, namespace: Option<&str>) -> Vec<Arc<Object>> {
        self.selected(kind, namespace.unwrap_or_default(), String::new())
    }

    fn pods_using_claim(&self, namespace: &str, claim: &str) -> Vec<Arc<Object>> {
        let uses = |pod: &Arc<Object>| crate::api::pod::uses_claim(pod, claim);
        self.selected(Kind::Pod, namespace, String::new()).into_iter().filter(uses).collect()
    }

    fn pods_on_node(&self, node: &str) -> Vec<Arc<Object>> {
        self.selected(Kind::Pod, "", format!("spec.nodeName={node}"))
    }

    fn events_about(&self, uid: &str) -> Vec<Arc<Object>> {
        self.selected(Kind::Event, "", format!("involvedObject.uid={uid}"))
    }

    fn sent(&self, object: &Object) -> Value {
        tree_of(object)
    }
}

impl Client<'_> {
    fn selected(&self, kind: Kind, namespace: &str, field_selector: String) -> Vec<Arc<Object>> {
        let options = ListOptions { field_selector, limit: 500, ..ListOptions::default() };
        Client::list(self, kind, namespace, &options).unwrap_or_default()
    }
}
