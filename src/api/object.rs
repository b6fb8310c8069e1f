//! An object of any kind, typed, and the key that names it.

use std::fmt;

use k8s_openapi::Metadata;
use serde_json::{Map, Value};

use super::{Kind, ObjectMeta};
use crate::error::{ApiError, Reason};

/// The annotation in which kubectl keeps what was applied last.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The finalizer that makes the garbage collector delete the dependents first.
pub const FINALIZER_FOREGROUND: &str = "foregroundDeletion";

/// The finalizer that makes the garbage collector set the dependents free first.
pub const FINALIZER_ORPHAN: &str = "orphan";

/// What names an object: its kind, namespace (empty for cluster-wide kinds) and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// The object's kind.
    pub kind: Kind,
    /// The namespace; empty for kinds of the cluster.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl ObjectKey {
    /// The key of a namespaced object (an empty namespace for a cluster-wide kind).
    pub fn new(kind: Kind, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        ObjectKey { kind, namespace: namespace.into(), name: name.into() }
    }

    /// The key of an object that lives in no namespace.
    pub fn cluster(kind: Kind, name: impl Into<String>) -> Self {
        Self::new(kind, "", name)
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{}/{}", self.kind.qualified(), self.name)
        } else {
            write!(f, "{}/{}/{}", self.kind.qualified(), self.namespace, self.name)
        }
    }
}

/// A k8s-openapi type that is one of our kinds.
pub trait Typed: Metadata<Ty = ObjectMeta> + Clone + Sized {
    /// Its kind.
    const OF: Kind;
    /// The object's content if it is of this kind.
    fn of(object: &Object) -> Option<&Self>;
    /// The same, to change it.
    fn of_mut(object: &mut Object) -> Option<&mut Self>;
    /// Wraps it.
    fn into_object(self) -> Object;
}

/// An object of a kind that kstate has no type for: its metadata, and a tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Custom {
    /// Its kind.
    pub kind: Kind,
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// Everything else but `apiVersion` and `kind`.
    pub fields: Map<String, Value>,
}

impl Custom {
    fn from_tree(kind: Kind, tree: Value) -> serde_json::Result<Custom> {
        let mut fields: Map<String, Value> = serde_json::from_value(tree)?;
        fields.remove("apiVersion");
        fields.remove("kind");
        let metadata = fields.remove("metadata").map(serde_json::from_value).transpose()?.unwrap_or_default();
        Ok(Custom { kind, metadata, fields })
    }

    fn to_tree(&self) -> Value {
        let mut tree = self.fields.clone();
        tree.insert("apiVersion".into(), self.kind.api_version().into());
        tree.insert("kind".into(), self.kind.name().into());
        tree.insert("metadata".into(), serde_json::to_value(&self.metadata).unwrap_or_default());
        Value::Object(tree)
    }
}

macro_rules! define_object {
    ($($variant:ident, $($module:ident)::+, $group:literal, $version:literal, $plural:literal, [$($short:literal),*], $scope:ident, [$($category:literal),*];)*) => {
        /// An object of one of our kinds.
        ///
        /// Boxed, since the largest kind takes ten times the room of most, and objects are handed from one to the next.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Object {
            $(#[doc = concat!("`", $plural, "`")] $variant(Box<k8s_openapi::$($module)::+::$variant>),)*
            /// An object of a kind that the cluster was taught.
            Custom(Box<Custom>),
        }

        impl Object {
            /// The object's kind.
            pub fn kind(&self) -> Kind {
                match self {
                    $(Object::$variant(_) => Kind::$variant,)*
                    Object::Custom(o) => o.kind,
                }
            }

            /// Its metadata.
            pub fn meta(&self) -> &ObjectMeta {
                match self {
                    $(Object::$variant(o) => &o.metadata,)*
                    Object::Custom(o) => &o.metadata,
                }
            }

            /// Its metadata, to change it.
            pub fn meta_mut(&mut self) -> &mut ObjectMeta {
                match self {
                    $(Object::$variant(o) => &mut o.metadata,)*
                    Object::Custom(o) => &mut o.metadata,
                }
            }

            /// Reads an object of a known kind from JSON text.
            pub fn from_json(kind: Kind, text: &str) -> serde_json::Result<Object> {
                // By way of the tree: a reader of text of its own for every type takes a tenth of the build.
                Object::from_tree(kind, serde_json::from_str(text)?)
            }

            /// Reads an object of a known kind from a JSON tree. `apiVersion` and `kind` are not looked at.
            pub fn from_tree(kind: Kind, tree: Value) -> serde_json::Result<Object> {
                Ok(match kind {
                    $(Kind::$variant => Object::$variant(serde_json::from_value(tree)?),)*
                    custom => Object::Custom(Box::new(Custom::from_tree(custom, tree)?)),
                })
            }

            /// The object as JSON text, as the store keeps it.
            pub fn to_json(&self) -> String {
                let text = match self {
                    $(Object::$variant(o) => serde_json::to_string(o),)*
                    Object::Custom(o) => return o.to_tree().to_string(),
                };
                text.unwrap_or_default()
            }

            /// The object as a JSON tree with sorted keys, as `-o yaml` and patches see it.
            pub fn to_tree(&self) -> Value {
                let tree = match self {
                    $(Object::$variant(o) => serde_json::to_value(o),)*
                    Object::Custom(o) => return o.to_tree(),
                };
                tree.unwrap_or_default()
            }
        }

        $(
            impl Typed for k8s_openapi::$($module)::+::$variant {
                const OF: Kind = Kind::$variant;
                fn of(object: &Object) -> Option<&Self> {
                    match object { Object::$variant(o) => Some(o), _ => None }
                }
                fn of_mut(object: &mut Object) -> Option<&mut Self> {
                    match object { Object::$variant(o) => Some(o), _ => None }
                }
                fn into_object(self) -> Object {
                    Object::$variant(Box::new(self))
                }
            }

            impl From<k8s_openapi::$($module)::+::$variant> for Object {
                fn from(o: k8s_openapi::$($module)::+::$variant) -> Object {
                    Object::$variant(Box::new(o))
                }
            }
        )*
    };
}
crate::for_each_kind!(define_object);

impl Object {
    /// The object's content if it is a `T`.
    pub fn get<T: Typed>(&self) -> Option<&T> {
        T::of(self)
    }

    /// The object's content, to change it, if it is a `T`.
    pub fn get_mut<T: Typed>(&mut self) -> Option<&mut T> {
        T::of_mut(self)
    }

    /// What names it.
    pub fn key(&self) -> ObjectKey {
        ObjectKey::new(self.kind(), self.namespace(), self.name())
    }

    /// Its name; empty before a `generateName` was resolved.
    pub fn name(&self) -> &str {
        self.meta().name.as_deref().unwrap_or_default()
    }

    /// Its namespace; empty for cluster-wide kinds.
    pub fn namespace(&self) -> &str {
        self.meta().namespace.as_deref().unwrap_or_default()
    }

    /// Its uid; empty before it was created.
    pub fn uid(&self) -> &str {
        self.meta().uid.as_deref().unwrap_or_default()
    }

    /// The revision that it was read at; 0 before it was created.
    pub fn revision(&self) -> u64 {
        self.meta().resource_version.as_deref().and_then(|v| v.parse().ok()).unwrap_or(0)
    }

    /// Whether its deletion has begun and waits for finalizers, a grace period or both.
    pub fn is_terminating(&self) -> bool {
        is_terminating(self.meta())
    }

    /// The value of a label.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.meta().labels.as_ref()?.get(key).map(String::as_str)
    }

    /// The value of an annotation.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        annotation_of(self.meta(), key)
    }

    /// The owner that controls it.
    pub fn controller(&self) -> Option<&super::OwnerReference> {
        controller_of(self.meta())
    }

    /// Reads what the store wrote.
    ///
    /// # Errors
    /// `InternalError` when the text is damaged.
    pub fn from_stored(kind: Kind, text: &str) -> Result<Object, ApiError> {
        Object::from_json(kind, text).map_err(|e| {
            ApiError::new(Reason::InternalError, format!("the state file holds a damaged {}: {e}", kind.name()))
        })
    }
}

/// The value of an annotation in an object's metadata.
pub fn annotation_of<'a>(meta: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    meta.annotations.as_ref()?.get(key).map(String::as_str)
}

/// Whether an object's deletion has begun.
pub fn is_terminating(meta: &ObjectMeta) -> bool {
    meta.deletion_timestamp.is_some()
}

/// The owner reference with `controller: true`; mirrors `metav1.GetControllerOf`.
pub fn controller_of(meta: &ObjectMeta) -> Option<&super::OwnerReference> {
    meta.owner_references.as_ref()?.iter().find(|o| o.controller == Some(true))
}

/// The owner reference that makes `owner` the controller of an object; mirrors `metav1.NewControllerRef`.
pub fn new_controller_ref(owner: &Object) -> super::OwnerReference {
    super::OwnerReference {
        api_version: owner.kind().api_version(),
        kind: owner.kind().name().to_string(),
        name: owner.name().to_string(),
        uid: owner.uid().to_string(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// What `describe` and `get` need to look up beside the object they show; the store's view implements it.
pub trait Lister {
    /// The object of that key.
    fn get(&self, key: &ObjectKey) -> Option<std::sync::Arc<Object>>;
    /// The objects of a kind, in one namespace or in all, by namespace and name.
    fn list(&self, kind: Kind, namespace: Option<&str>) -> Vec<std::sync::Arc<Object>>;
    /// The pods that use a claim.
    fn pods_using_claim(&self, namespace: &str, claim: &str) -> Vec<std::sync::Arc<Object>>;
    /// The pods that are bound to a node.
    fn pods_on_node(&self, node: &str) -> Vec<std::sync::Arc<Object>>;
    /// The events about the object of that uid.
    fn events_about(&self, uid: &str) -> Vec<std::sync::Arc<Object>>;
    /// An object as a server sends it.
    fn sent(&self, object: &Object) -> Value {
        object.to_tree()
    }
}
