//! What names an object among those of its kind.

use std::borrow::Borrow;
use std::sync::Arc;

use crate::api::Object;

/// Between namespace and name: it is in neither, and comes before everything that is.
const BETWEEN: char = '\0';

/// Namespace and name as one text, which sorts as the two do. The maps of a large cluster are looked up all the time:
/// so a key takes little room, costs one comparison, and is shared by all maps that hold it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name(Arc<str>);

/// The text by which a name is looked up.
pub(super) fn joined(namespace: &str, name: &str) -> String {
    let mut text = String::with_capacity(namespace.len() + BETWEEN.len_utf8() + name.len());
    text.push_str(namespace);
    text.push(BETWEEN);
    text.push_str(name);
    text
}

impl Name {
    pub(super) fn new(namespace: &str, name: &str) -> Name {
        Name::from(joined(namespace, name))
    }

    pub(super) fn of(object: &Object) -> Name {
        Name::new(object.namespace(), object.name())
    }

    /// A name that no other comes before.
    pub(super) fn least() -> Name {
        Name::new("", "")
    }

    fn parts(&self) -> (&str, &str) {
        self.0.split_once(BETWEEN).unwrap_or(("", &self.0))
    }

    pub(super) fn namespace(&self) -> &str {
        self.parts().0
    }

    pub(super) fn name(&self) -> &str {
        self.parts().1
    }
}

impl From<String> for Name {
    fn from(joined: String) -> Name {
        Name(joined.into())
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}
