//! An object that a verb is about: where it is, and what is known of it.
//!
//! Mirrors `Info` of `k8s.io/cli-runtime/pkg/resource/visitor.go`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::request::{Form, Resource, Target, Verb};
use crate::api::table::Row as TableRow;
use crate::api::{Kind, Object, ObjectKey};
use crate::error::{ApiError, Reason};
use crate::kubectl::print::errors::Fault;
use crate::kubectl::session::Session;
use crate::manifest::versions::from_stored;
use crate::printers::table::Row;
use crate::server::Reply;
use crate::server::served::Served;

/// An object that arguments or files name, with its content once that is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Info {
    /// What the server offers of it.
    pub served: Served,
    /// The namespace; empty for cluster-wide kinds.
    pub namespace: String,
    /// Its name; empty if a manifest has none.
    pub name: String,
    /// The file as kubectl names it in texts, its path or `STDIN`; empty for what arguments name.
    pub source: String,
    /// The content, in the version that `served` speaks of; null as long as it is not known.
    pub tree: Value,
    /// The object as the server sent it last, where it is a whole object.
    pub object: Option<Arc<Object>>,
    /// The server's row without labels, where nothing else of the object is kept.
    pub row: Option<Row>,
    /// The part that is meant, `status`; empty for the whole.
    pub subresource: String,
    /// Whether `object` does, and `tree` stays unknown.
    pub treeless: bool,
}

impl Info {
    /// An object of which only the place is known.
    pub fn named(served: Served, namespace: &str, name: &str) -> Info {
        Info {
            served,
            namespace: if served.namespaced { namespace.into() } else { String::new() },
            name: name.into(),
            source: String::new(),
            tree: Value::Null,
            object: None,
            row: None,
            subresource: String::new(),
            treeless: false,
        }
    }

    /// An object of the cluster.
    pub fn of(served: Served, object: Arc<Object>, session: &Session<'_>) -> Info {
        Info {
            tree: from_stored(served.kind, &served.api_version(), session.tree(&object)),
            object: Some(Arc::clone(&object)),
            ..Info::named(served, object.namespace(), object.name())
        }
    }

    /// An object of the cluster whose content nobody looks at as a tree.
    pub fn treeless(served: Served, object: Arc<Object>) -> Info {
        let named = Info::named(served, object.namespace(), object.name());
        Info { object: Some(object), treeless: true, ..named }
    }

    /// An object of the cluster of which only the cells of the server's row are kept.
    pub fn row(served: Served, row: TableRow) -> Info {
        let named = Info::named(served, row.object.namespace(), row.object.name());
        let row = Row { cells: row.cells, namespace: named.namespace.clone(), labels: BTreeMap::new() };
        Info { row: Some(row), treeless: true, ..named }
    }

    /// An object of the cluster of which only what names it is kept.
    pub fn name_only(served: Served, object: &Object) -> Info {
        let tree = json!({
            "apiVersion": served.api_version(),
            "kind": served.kind.name(),
            "metadata": {"name": object.name(), "namespace": object.namespace()},
        });
        Info { tree, ..Info::named(served, object.namespace(), object.name()) }
    }

    /// Makes its tree from the object, where that is known and the tree is wanted.
    pub fn unfold(&mut self, session: &Session<'_>) {
        if let Some(object) = self.object.as_ref().filter(|_| self.tree.is_null() && !self.treeless) {
            self.tree = from_stored(self.served.kind, &self.served.api_version(), session.tree(object));
        }
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.served.kind
    }

    /// Its `apiVersion`; a manifest's may be another version than the stored one.
    pub fn api_version(&self) -> String {
        self.served.api_version()
    }

    /// What names it.
    pub fn key(&self) -> ObjectKey {
        ObjectKey::new(self.served.kind, self.namespace.clone(), self.name.clone())
    }

    /// Where it is, without the part that is meant.
    pub fn whole(&self) -> Resource {
        self.served.resource_of(&self.key())
    }

    /// Where it is.
    pub fn resource(&self) -> Resource {
        self.whole().part(&self.subresource)
    }

    /// `pods/web`: roughly its kind and name. Mirrors `ObjectName`.
    pub fn object_name(&self) -> String {
        format!("{}/{}", self.served.plural, self.name)
    }

    /// What the server knows of it now becomes its content. Mirrors `Info.Get`.
    ///
    /// # Errors
    /// The server's refusal; of an object that is not there, that its namespace isn't either.
    pub fn get(&mut self, form: Form, session: &Session<'_>) -> Result<(), Fault> {
        check_name(&self.name)?;
        let reply = session.client.read(Verb::Get, Target::Resource(self.resource()), form);
        let reply = reply.map_err(|refused| self.or_its_namespace(refused, session))?;
        Ok(self.refresh(reply, session)?)
    }

    fn or_its_namespace(&self, refused: ApiError, session: &Session<'_>) -> ApiError {
        if refused.reason != Reason::NotFound || matches!(self.namespace.as_str(), "" | "default") {
            return refused;
        }
        match session.client.get(&ObjectKey::new(Kind::Namespace, "", self.namespace.clone())) {
            Err(other) if other.reason == Reason::NotFound => other,
            _ => refused,
        }
    }

    /// An answer of the server becomes its content. Mirrors `Info.Refresh`.
    ///
    /// # Errors
    /// When the answer is no object.
    pub fn refresh(&mut self, reply: Reply, session: &Session<'_>) -> Result<(), ApiError> {
        match reply {
            Reply::Object(object) => self.refresh_object(object, session),
            Reply::Table(table) => {
                let row = table.rows.into_iter().next();
                let row = row.ok_or_else(|| ApiError::internal("the server did not answer with an object"))?;
                self.refresh_object(row.object, session);
            }
            Reply::Tree(tree) => (self.tree, self.object) = (tree, None),
            _ => return Err(ApiError::internal("the server did not answer with an object")),
        }
        Ok(())
    }

    /// An object of the server becomes its content.
    pub fn refresh_object(&mut self, object: Arc<Object>, session: &Session<'_>) {
        if !self.treeless {
            self.tree = from_stored(self.served.kind, &self.served.api_version(), session.tree(&object));
        }
        (self.name, self.namespace) = (object.name().into(), object.namespace().into());
        self.object = Some(object);
    }

    /// How kubectl names it within longer texts. Mirrors `Info.String`.
    pub fn described(&self) -> String {
        let (group, version) = (self.served.group, self.served.version);
        let place = format!("{group}/{version}, Resource={}", self.served.plural);
        let kind = format!("{group}/{version}, Kind={}", self.served.kind.name());
        let (name, namespace) = (&self.name, &self.namespace);
        format!("Resource: {place:?}, GroupVersionKind: {kind:?}\nName: {name:?}, Namespace: {namespace:?}")
    }
}

/// Refuses names that have no place in a path. Mirrors `Request.Name` of `k8s.io/client-go/rest`.
///
/// # Errors
/// The client's texts.
pub fn check_name(name: &str) -> Result<(), Fault> {
    if name.is_empty() {
        return Err(Fault::plain("resource name may not be empty"));
    }
    let mut faults = Vec::new();
    if name == "." || name == ".." {
        faults.push(format!("may not be '{name}'"));
    } else {
        let odd = ['/', '%'].into_iter().filter(|c| name.contains(*c));
        faults.extend(odd.map(|c| format!("may not contain '{c}'")));
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Fault::plain(format!("invalid resource name {name:?}: [{}]", faults.join(" ")))),
    }
}
