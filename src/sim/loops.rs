//! All control loops, those of the nodes included, by name.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::controllers::{self, Controller};
use crate::node;

/// The loops by name.
pub(super) fn all() -> &'static BTreeMap<&'static str, &'static dyn Controller> {
    static ALL: OnceLock<BTreeMap<&'static str, &'static dyn Controller>> = OnceLock::new();
    ALL.get_or_init(|| controllers::CONTROLLERS.iter().chain(node::CONTROLLERS).map(|c| (c.name(), *c)).collect())
}

/// The static name of a controller; none for one that this version doesn't have.
pub(super) fn controller_name(name: &str) -> Option<&'static str> {
    all().get_key_value(name).map(|(n, _)| *n)
}
