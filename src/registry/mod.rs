//! What every kind's endpoint does: create, update, delete, apply, and the subresources, with who owns which field.
//!
//! Mirrors `k8s.io/apiserver/pkg/registry/generic/registry`. Users' requests and controllers' writes pass here alike;
//! who writes and how is handed over by value.

mod addresses;
mod apply;
mod delete;
mod eviction;
mod list;
mod ownership;
mod store;
mod subresources;

pub use apply::{Applied, check_applied};
pub use list::{Piece, Selection};

use std::sync::Arc;

use crate::admission;
use crate::api::request::By;
use crate::api::{Kind, Object, Time};
use crate::error::ApiError;
use crate::kinds::{PrintContext, Version};
use crate::store::{Store, View};

/// The objects of a cluster, behind the rules of their kinds.
pub struct Registry {
    store: Store,
    seed: u64,
    version: Version,
    now: Time,
}

/// What a write is made with beside its object.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Who writes.
    pub by: &'a By,
    /// The name in the request's path, where that may lead to an object that is not there; else empty.
    pub name: &'a str,
    /// The subresource that is written to; empty for the object itself.
    pub subresource: &'a str,
    /// The version in which the object was sent; empty for the stored one.
    pub api_version: &'a str,
    /// Go all the way but store nothing.
    pub dry_run: bool,
}

impl<'a> Context<'a> {
    /// A write to an object itself, that lasts.
    pub fn new(by: &'a By) -> Context<'a> {
        Context { by, name: "", subresource: "", api_version: "", dry_run: false }
    }

    /// The same for an object that is made under that name if it is not there.
    pub fn named(self, name: &'a str) -> Context<'a> {
        Context { name, ..self }
    }

    /// The same for a subresource.
    pub fn part(self, subresource: &'a str) -> Context<'a> {
        Context { subresource, ..self }
    }

    /// The same for an object that was sent in that version.
    pub fn sent_in(self, api_version: &'a str) -> Context<'a> {
        Context { api_version, ..self }
    }

    /// The same, storing nothing if `dry_run`.
    pub fn dry_run(self, dry_run: bool) -> Context<'a> {
        Context { dry_run, ..self }
    }
}

/// What a write gives back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The object as stored, or as it would be; after a deletion as it was last.
    pub object: Arc<Object>,
    /// What the writer is told, each without the `Warning: ` before it.
    pub warnings: Vec<String>,
}

impl Answer {
    fn plain(object: Arc<Object>) -> Answer {
        Answer { object, warnings: Vec::new() }
    }
}

impl Registry {
    /// The registry of a store, before anything of it was read.
    pub fn new(store: Store, seed: u64, version: u32) -> Registry {
        Registry { store, seed, version: Version(version), now: Time::default() }
    }

    /// The cluster's time, which objects are stamped with.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Moves the cluster's time.
    pub fn set_now(&mut self, now: Time) {
        self.now = now;
    }

    /// What is.
    pub fn view(&self) -> View<'_> {
        self.store.view()
    }

    /// The store below.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Closes the file as the process ends.
    pub fn leave(self) {
        self.store.leave();
    }

    /// The store below, for what is no object: transactions, timers, settings.
    pub fn store_mut(&mut self) -> &mut Store {
        &mut self.store
    }

    /// The store alone: the registry ends.
    pub fn into_store(self) -> Store {
        self.store
    }

    /// What rows and descriptions are made with.
    pub fn with_print_context<R>(&self, f: impl FnOnce(&PrintContext<'_>) -> R) -> R {
        let view = self.view();
        f(&PrintContext { now: self.now, version: self.version, lister: &view, show_events: true })
    }

    /// What the server warns of on every request for a kind that is deprecated.
    pub fn deprecation(&self, kind: Kind) -> Option<String> {
        let text = match kind {
            Kind::ComponentStatus if self.version.0 >= 19 => "v1 ComponentStatus is deprecated in v1.19+",
            Kind::Endpoints if self.version.0 >= 33 => {
                "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"
            }
            _ => return None,
        };
        Some(text.to_string())
    }

    fn admission_request<'a>(&'a self, context: &Context<'a>) -> admission::Request<'a> {
        admission::Request {
            view: self.view(),
            now: self.now,
            seed: self.seed,
            user: &context.by.user,
            name: context.name,
            subresource: context.subresource,
            api_version: context.api_version,
        }
    }

    fn live(&self, key: &crate::api::ObjectKey) -> Result<Arc<Object>, ApiError> {
        self.view().get(key).cloned().ok_or_else(|| ApiError::not_found(&key.kind.resource(), &key.name))
    }
}
