//! The vocabulary: objects, kinds and keys, quantities, selectors, time and names.
//!
//! Imports nothing of kstate but `error`.

pub mod csi;
pub mod definition;
pub mod digest;
pub mod go_sort;
pub mod kind;
pub mod names;
pub mod object;
pub mod pod;
pub mod printable;
pub mod quantity;
pub mod request;
pub mod resources;
pub mod scalar;
pub mod schema;
pub mod selector;
pub mod snapshot;
pub mod table;
pub mod time;
pub mod user;
pub mod version;
pub mod x509;

pub use kind::{Kind, Scope};
pub use object::{Lister, Object, ObjectKey, Typed};
pub use quantity::Quantity;
pub use time::{Duration, Time};

/// The types of Kubernetes' own API, as k8s-openapi has them.
pub use k8s_openapi as k8s;
/// `metadata` of every object.
pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};
