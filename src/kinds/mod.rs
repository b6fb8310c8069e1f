//! What each kind is: defaults, validation, table columns and its `describe`, one file per kind.
//!
//! `Strategy` is what a kind's file implements on the kind's type; `Rules` is the same for callers that
//! hold an `Object` of whatever kind. `KINDS` lists them all.

mod admissionregistration;
mod apiextensions;
pub mod apiregistration;
pub mod apps;
mod authentication;
mod authorization;
pub mod autoscaling;
pub mod batch;
pub mod certificates;
pub mod coordination;
pub mod core;
pub mod discovery;
pub mod flowcontrol;
pub mod networking;
pub mod node;
pub mod policy;
pub mod rbac;
mod resource;
pub mod scheduling;
pub mod shared;

mod custom;
pub mod storage;

mod registry;

pub use registry::{KINDS, Rules, rules};
pub use scheduling::priority_class::SYSTEM_CLASSES;
pub use shared::describe::Description;
pub use shared::print::{Column, PrintContext, Version};

use std::cmp::Ordering;

use crate::api::{Time, Typed};
use crate::error::FieldError;

/// How `metadata.name` of a kind must look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameRule {
    /// `NameIsDNSSubdomain`: most kinds.
    Subdomain,
    /// `NameIsDNSLabel`: namespaces, ...
    Label,
    /// `path.ValidatePathSegmentName`: roles and their bindings.
    PathSegment,
    /// `ValidateIPAddressName`: addresses.
    Address,
}

/// What a kind's file says of it. Mirrors the registry strategies (`pkg/registry/*/strategy.go`),
/// `pkg/apis/*/v1/defaults.go`, `pkg/apis/*/validation` and the printers of one kind.
pub trait Strategy: Typed {
    /// How its names must look.
    const NAME: NameRule = NameRule::Subdomain;
    /// Whether `metadata.generation` counts the changes of its spec.
    const GENERATION: bool = false;
    /// Whether `status` is a subresource: an update leaves it alone, and a status update leaves all else alone.
    const STATUS: bool = false;

    /// Fills in what the manifest leaves out.
    fn set_defaults(&mut self) {}

    /// Warnings of what [`Strategy::prepare_for_create`] is about to change.
    fn warnings_on_prepare(&self) -> Vec<String> {
        Vec::new()
    }

    /// Clears what a client may not set on creation.
    fn prepare_for_create(&mut self) {
        self.reset_status();
    }

    /// What is wrong with a new object, beyond its metadata.
    fn validate(&self) -> Vec<FieldError> {
        Vec::new()
    }

    /// Warnings of a creation, each without the `Warning: ` before it.
    fn warnings_on_create(&self) -> Vec<String> {
        Vec::new()
    }

    /// Takes back what an update may not change silently.
    fn prepare_for_update(&mut self, _old: &Self) {}

    /// What is wrong with the new version of an object, beyond its metadata; includes `validate` where
    /// the original does so.
    fn validate_update(&self, _old: &Self) -> Vec<FieldError> {
        self.validate()
    }

    /// Warnings of an update.
    fn warnings_on_update(&self, _old: &Self) -> Vec<String> {
        self.warnings_on_create()
    }

    /// What is wrong with a new object, or with the new version of `old`, because of the version it was sent in.
    fn validate_version(&self, _api_version: &str, _old: Option<&Self>) -> Vec<FieldError> {
        Vec::new()
    }

    /// What is wrong with a change of status.
    fn validate_status_update(&self, _old: &Self) -> Vec<FieldError> {
        Vec::new()
    }

    /// Takes over the part of another version that a subresource holds: `status`, or what else the kind has.
    fn copy_part(&mut self, _part: &str, from: &Self, _now: Time) {
        self.copy_status(from);
    }

    /// What is wrong with a change of the part that a subresource holds.
    fn validate_part_update(&self, _part: &str, old: &Self) -> Vec<FieldError> {
        self.validate_status_update(old)
    }

    /// The status of a new object.
    fn reset_status(&mut self) {}

    /// Takes over another version's status.
    fn copy_status(&mut self, _from: &Self) {}

    /// Whether the specs are alike, that is, whether `generation` stays.
    fn same_spec(&self, _other: &Self) -> bool {
        true
    }

    /// The table's columns. The first is always the name.
    fn columns() -> &'static [Column] {
        shared::print::NAME_AND_AGE
    }

    /// One row: a cell for each column.
    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        shared::print::name_and_age(self.metadata(), context)
    }

    /// Which of two rows of a list's table comes first, where that is not the order of names.
    fn row_order(&self, _other: &Self) -> Ordering {
        Ordering::Equal
    }

    /// What `kubectl describe` prints.
    fn describe(&self, d: &mut Description, context: &PrintContext<'_>) {
        shared::describe::generic(self, d, context);
    }

    /// The fields that `--field-selector` knows beyond `metadata.name` and `metadata.namespace`.
    fn selectable_fields() -> &'static [&'static str] {
        &[]
    }

    /// The value of one of these fields where it is not simply what stands at that path.
    fn selectable_field(&self, _path: &str) -> Option<String> {
        None
    }
}

/// Writes the methods of a `Strategy` that concern `spec` and `status` for a kind that has both. The status of a new
/// object is none unless it is given.
#[macro_export]
#[doc(hidden)]
macro_rules! spec_and_status {
    () => {
        $crate::spec_and_status!(Default::default());
    };
    ($new:expr) => {
        const STATUS: bool = true;
        fn reset_status(&mut self) {
            self.status = $new;
        }
        fn copy_status(&mut self, from: &Self) {
            self.status = from.status.clone();
        }
        fn same_spec(&self, other: &Self) -> bool {
            self.spec == other.spec
        }
    };
}
