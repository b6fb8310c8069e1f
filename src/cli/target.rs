//! The objects that a changing verb is about: named, selected, or those of files.

use std::sync::Arc;

use super::files::FileArgs;
use super::resources::{Found, Query};
use super::session::Session;
use crate::api::ObjectKey;
use crate::error::{ApiError, Failure};

/// What a verb's arguments and flags name.
#[derive(Debug, Clone, Copy, Default)]
pub struct Target<'a> {
    /// The positional arguments that name objects.
    pub args: &'a [String],
    /// `-f`; files go before arguments.
    pub files: &'a FileArgs,
    /// `-l`.
    pub selector: Option<&'a str>,
    /// `--field-selector`.
    pub field_selector: Option<&'a str>,
    /// `--all`.
    pub all: bool,
    /// `-A`.
    pub all_namespaces: bool,
}

const NOTHING_NAMED: &str = "You must provide one or more resources by argument or filename.\n\
     Example resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'";

impl Target<'_> {
    /// Looks the objects up.
    ///
    /// # Errors
    /// When nothing is named or the arguments can't be resolved. What is not there is a fault in `Found`.
    pub fn find(&self, session: &Session<'_>) -> Result<Found, Failure> {
        if self.files.is_empty() {
            if self.args.is_empty() {
                return Err(Failure::error(NOTHING_NAMED));
            }
            let query = Query {
                args: self.args.to_vec(),
                selector: self.selector.map(String::from),
                field_selector: self.field_selector.map(String::from),
                all: self.all,
                all_namespaces: self.all_namespaces,
                types_alone_mean_all: false,
            };
            return Ok(query.find(session)?);
        }
        let (infos, faults) = self.files.read(session, false);
        let mut found = Found { faults, named: true, ..Found::default() };
        for info in infos {
            if !found.kinds.contains(&info.kind) {
                found.kinds.push(info.kind);
            }
            let key = ObjectKey::new(info.kind, info.namespace, info.name);
            match session.cluster.view().get(&key) {
                Some(object) => found.objects.push(Arc::clone(object)),
                None => found.faults.push(ApiError::not_found(&key.kind.resource(), &key.name).into()),
            }
        }
        Ok(found)
    }
}

impl Default for &FileArgs {
    fn default() -> Self {
        static NONE: FileArgs = FileArgs { filename: Vec::new(), recursive: false, kustomize: None };
        &NONE
    }
}
