//! Objects as the server wrote them out: who lists or watches the same ones again is told the same text.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::write;
use crate::api::Object;
use crate::api::request::Resource;
use crate::server::Server;

/// How many bytes of texts are kept; then all are dropped, and it begins anew.
const MOST: usize = 32 << 20;

/// The texts of versions of objects, each with who owns its fields.
#[derive(Default)]
pub(in crate::server) struct Texts(RefCell<Kept>);

#[derive(Default)]
struct Kept {
    /// By revision and `apiVersion`.
    known: BTreeMap<(u64, String), Rc<str>>,
    bytes: usize,
    /// The cluster whose revisions these are.
    incarnation: Option<String>,
}

/// An object as JSON on one line, as whoever gets or watches it reads it.
pub(super) fn of(server: &Server, object: &Arc<Object>, resource: &Resource) -> Rc<str> {
    let revision = object.revision();
    // What is not committed yet may never have been, and heartbeats are no new versions.
    let beats = matches!(&**object, Object::Node(_) | Object::Lease(_));
    if beats || revision == 0 || !server.cluster.store().lasts(revision) {
        return write::owned(server, object, resource).into();
    }
    let incarnation = server.cluster.incarnation();
    let key = (revision, resource.api_version());
    let kept = &server.texts.0;
    if kept.borrow().incarnation == incarnation
        && let Some(known) = kept.borrow().known.get(&key)
    {
        return Rc::clone(known);
    }
    let text: Rc<str> = write::owned(server, object, resource).into();
    let mut kept = kept.borrow_mut();
    if kept.incarnation != incarnation || kept.bytes + text.len() > MOST {
        *kept = Kept { incarnation, ..Kept::default() };
    }
    kept.bytes += text.len();
    kept.known.insert(key, Rc::clone(&text));
    text
}
