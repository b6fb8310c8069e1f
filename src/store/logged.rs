//! A revision as the log tells it, for those who follow what happens.

use std::sync::Arc;

use crate::api::Object;

/// A revision of the log.
#[derive(Debug)]
pub struct Logged {
    /// The revision.
    pub revision: u64,
    /// The object; one that the revision removed as it was last.
    pub object: Arc<Object>,
    /// Whether the revision removed it.
    pub gone: bool,
    /// Whether there was something in its place.
    pub replaced: bool,
    /// What that was, as it is stored.
    pub(super) before: Option<String>,
}

impl Logged {
    /// What was in its place; none too where that was dropped from the log since.
    pub fn before(&self) -> Option<Arc<Object>> {
        Object::from_stored(self.object.kind(), self.before.as_deref()?).ok().map(Arc::new)
    }
}
