//! What a request to the API server is: who asks, which verb with which options, of what, and in which form.
//!
//! Requests are values: kubectl's verbs, a lesson's step, HTTP and a process in a container all make the same ones.

use serde_json::Value;

use super::user::User;
use super::{Kind, Object, ObjectKey, Time};
use crate::error::FieldError;

/// On whose behalf something is written, and under which name the fields are owned that it sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// Whose rights count.
    pub user: User,
    /// The program, or the part of the control plane.
    pub agent: Agent,
}

/// What speaks to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Agent {
    /// A client, by the name of its fields' manager: `kubectl-create`.
    Client(String),
    /// A controller, by its name.
    Controller(&'static str),
    /// The cluster itself, while it is made.
    Cluster,
}

impl By {
    /// A client's program, with the rights of a user.
    pub fn client(user: User, manager: &str) -> By {
        By { user, agent: Agent::Client(manager.to_string()) }
    }

    /// A controller. It has the rights that it needs.
    pub fn controller(name: &'static str) -> By {
        By { user: User::component("system:kube-controller-manager"), agent: Agent::Controller(name) }
    }

    /// The cluster itself, while it is made.
    pub fn cluster() -> By {
        By { user: User::component("system:apiserver"), agent: Agent::Cluster }
    }
}

/// What happens to fields that a kind does not have; kubectl's `--validate`. Mirrors `fieldValidation`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FieldValidation {
    /// They are refused.
    Strict,
    /// They are dropped with a warning: what the server does unless it is asked for something else.
    #[default]
    Warn,
    /// They are dropped.
    Ignore,
}

/// How something is created or replaced. Mirrors `metav1.CreateOptions` and `UpdateOptions`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WriteOptions {
    /// Go all the way but store nothing.
    pub dry_run: bool,
    /// Under which name the fields are owned; empty for the client's own name.
    pub field_manager: String,
    /// What happens to unknown fields.
    pub field_validation: FieldValidation,
    /// What the request says of these and means nothing, as its server refuses it.
    pub faults: Vec<FieldError>,
}

/// The forms of a patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchType {
    /// `application/strategic-merge-patch+json`.
    Strategic,
    /// `application/merge-patch+json`.
    Merge,
    /// `application/json-patch+json`.
    Json,
    /// `application/apply-patch+yaml`: server-side apply.
    Apply,
}

impl PatchType {
    /// The media type under which a patch of this form is sent.
    pub fn media_type(self) -> &'static str {
        match self {
            PatchType::Strategic => "application/strategic-merge-patch+json",
            PatchType::Merge => "application/merge-patch+json",
            PatchType::Json => "application/json-patch+json",
            PatchType::Apply => "application/apply-patch+yaml",
        }
    }
}

/// How something is patched. Mirrors `metav1.PatchOptions`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PatchOptions {
    /// As for every write.
    pub write: WriteOptions,
    /// Take fields from other managers (server-side apply only).
    pub force: bool,
}

/// What happens to the dependents of a deleted object. Mirrors `metav1.DeletionPropagation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Propagation {
    /// The object goes at once, its dependents after it.
    #[default]
    Background,
    /// The dependents go first.
    Foreground,
    /// The dependents stay, without this owner.
    Orphan,
}

impl Propagation {
    /// The name under which a request asks for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Propagation::Background => "Background",
            Propagation::Foreground => "Foreground",
            Propagation::Orphan => "Orphan",
        }
    }
}

/// How something is deleted. Mirrors `metav1.DeleteOptions`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// Grace period in seconds; none for the object's own.
    pub grace_period: Option<i64>,
    /// What happens to its dependents; none for what the kind does by default.
    pub propagation: Option<Propagation>,
    /// Only if it still has this uid.
    pub uid: Option<String>,
    /// Only if it still has this resourceVersion.
    pub resource_version: Option<String>,
    /// Go all the way but delete nothing.
    pub dry_run: bool,
    /// What the request says of these and means nothing, as its server refuses it.
    pub faults: Vec<FieldError>,
}

/// A deletion: what, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// What to delete.
    pub key: ObjectKey,
    /// Only if it still has this uid.
    pub uid: Option<String>,
    /// Only if it still has this resourceVersion.
    pub resource_version: Option<String>,
    /// Grace period in seconds; none for the object's own.
    pub grace: Option<i64>,
    /// What happens to its dependents.
    pub propagation: Propagation,
}

impl Deletion {
    /// A deletion in the background, with the object's own grace period, of this very object.
    pub fn of(object: &Object) -> Deletion {
        Deletion {
            key: object.key(),
            uid: Some(object.uid().to_string()),
            resource_version: None,
            grace: None,
            propagation: Propagation::Background,
        }
    }

    /// The same with a grace period, in seconds.
    pub fn grace(mut self, seconds: i64) -> Deletion {
        self.grace = Some(seconds);
        self
    }
}

/// Which objects are listed or watched, and from when on. Mirrors `metav1.ListOptions`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListOptions {
    /// `app=web,tier!=db`; empty for all.
    pub label_selector: String,
    /// `metadata.name=web`; empty for all.
    pub field_selector: String,
    /// At most so many; 0 for all.
    pub limit: u64,
    /// Where the last list of these options ended; empty for the beginning.
    pub continue_at: String,
    /// The revision that the answer must not be older than, or that a watch begins at; empty for the newest.
    pub resource_version: String,
}

/// What of a container's log is wanted. Mirrors `v1.PodLogOptions`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// The container.
    pub container: String,
    /// Go on as long as it writes.
    pub follow: bool,
    /// The log of the container that ran before this one.
    pub previous: bool,
    /// At most so many bytes; 0 for all.
    pub limit_bytes: i64,
    /// Only what is younger than so many seconds.
    pub since_seconds: Option<i64>,
    /// Only what was written after this time.
    pub since_time: Option<Time>,
    /// Only so many lines at the end.
    pub tail_lines: Option<i64>,
    /// Begin each line with its time.
    pub timestamps: bool,
}

/// How a process in a container is spoken to. Mirrors `v1.PodExecOptions` and `v1.PodAttachOptions`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamOptions {
    /// The container.
    pub container: String,
    /// Whether standard input goes to it.
    pub stdin: bool,
    /// Whether it is a terminal's, and errors come with the output.
    pub tty: bool,
}

/// A connection to a part of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connect {
    /// `pods/log`: what a container printed.
    Log(LogOptions),
    /// `pods/exec`: a command, and its arguments.
    Exec(StreamOptions, Vec<String>),
    /// `pods/attach`: to the process that runs.
    Attach(StreamOptions),
    /// `pods/portforward`: to these ports.
    PortForward(Vec<u16>),
}

/// A verb with its options and its body.
#[derive(Debug, Clone, PartialEq)]
pub enum Verb {
    /// One object.
    Get,
    /// Objects.
    List(ListOptions),
    /// Changes of objects.
    Watch(ListOptions),
    /// A new object, or a subresource that is posted.
    Create(WriteOptions, Value),
    /// A whole object in place of another.
    Update(WriteOptions, Value),
    /// A change, as it was sent.
    Patch(PatchOptions, PatchType, String),
    /// An object goes.
    Delete(DeleteOptions),
    /// Many go at once.
    DeleteCollection(DeleteOptions, ListOptions),
    /// A stream to or from a part of an object.
    Connect(Connect),
}

impl Verb {
    /// The name that rules speak of, `deletecollection`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Verb::Get | Verb::Connect(Connect::Log(_)) => "get",
            Verb::List(_) => "list",
            Verb::Watch(_) => "watch",
            Verb::Create(..) | Verb::Connect(_) => "create",
            Verb::Update(..) => "update",
            Verb::Patch(..) => "patch",
            Verb::Delete(_) => "delete",
            Verb::DeleteCollection(..) => "deletecollection",
        }
    }

    /// The method under which it goes over the wire.
    pub fn method(&self) -> &'static str {
        match self {
            Verb::Get | Verb::List(_) | Verb::Watch(_) | Verb::Connect(_) => "GET",
            Verb::Create(..) => "POST",
            Verb::Update(..) => "PUT",
            Verb::Patch(..) => "PATCH",
            Verb::Delete(_) | Verb::DeleteCollection(..) => "DELETE",
        }
    }

    /// Whether it can change something.
    pub fn writes(&self) -> bool {
        !matches!(self, Verb::Get | Verb::List(_) | Verb::Watch(_))
    }
}

/// What a request is about. Mirrors `RequestInfo` of `k8s.io/apiserver/pkg/endpoints/request`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A resource of the API.
    Resource(Resource),
    /// Something else that the server offers, by its path: `/version`.
    Path(String),
}

/// A resource that a request is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resource {
    /// The API group; empty for the core's.
    pub group: String,
    /// The group's version.
    pub version: String,
    /// The resource in the plural, `pods`.
    pub plural: String,
    /// The namespace; empty for none, or for all of them.
    pub namespace: String,
    /// The object's name; empty for none in particular.
    pub name: String,
    /// The part of the object, `status`; empty for the whole.
    pub subresource: String,
}

impl Resource {
    /// An object of a kind, in the version that is stored.
    pub fn object(key: &ObjectKey) -> Resource {
        Resource { namespace: key.namespace.clone(), name: key.name.clone(), ..Resource::kind(key.kind) }
    }

    /// All objects of a kind, in the version that is stored.
    pub fn kind(kind: Kind) -> Resource {
        Resource {
            group: kind.group().to_string(),
            version: kind.version().to_string(),
            plural: kind.plural().to_string(),
            ..Resource::default()
        }
    }

    /// The same in a namespace.
    pub fn within(self, namespace: &str) -> Resource {
        Resource { namespace: namespace.to_string(), ..self }
    }

    /// A part of it.
    pub fn part(self, subresource: &str) -> Resource {
        Resource { subresource: subresource.to_string(), ..self }
    }

    /// The same in the version that an `apiVersion` names.
    pub fn of_version(self, api_version: &str) -> Resource {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Resource { group: group.to_string(), version: version.to_string(), ..self }
    }

    /// `v1`, `apps/v1`.
    pub fn api_version(&self) -> String {
        match self.group.as_str() {
            "" => self.version.clone(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// Its path, `/apis/apps/v1/namespaces/default/statefulsets/web/scale`.
    pub fn path(&self) -> String {
        let mut path = match self.group.as_str() {
            "" => format!("/api/{}", self.version),
            group => format!("/apis/{group}/{}", self.version),
        };
        if !self.namespace.is_empty() {
            path += &format!("/namespaces/{}", self.namespace);
        }
        for part in [&self.plural, &self.name, &self.subresource] {
            if !part.is_empty() {
                path += &format!("/{part}");
            }
        }
        path
    }
}

/// The form in which an answer is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Form {
    /// Objects.
    #[default]
    Object,
    /// `meta.k8s.io/v1` Table: the rows that a kubectl prints.
    Table,
    /// The same with the whole objects beside the rows (`includeObject=Object`).
    WholeTable,
}

/// In which form an answer is wanted, and whether it must tell what takes work to find out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Accept {
    /// Objects, or a table of them.
    pub form: Form,
    /// Whether it is worked out who owns which field (`metadata.managedFields`), and how many objects follow a piece of
    /// a list: for those who will show it.
    pub managed_fields: bool,
    /// Whether the owners of what is read are left to who writes the answer, since their text may be known by then.
    pub owners_later: bool,
}

/// A request to the API server.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Who asks.
    pub by: By,
    /// As whom they want to be taken; none for themselves.
    pub impersonate: Option<User>,
    /// What they want.
    pub verb: Verb,
    /// Of what.
    pub target: Target,
    /// In which form.
    pub accept: Accept,
}
