//! The slice of all kinds, and `Strategy` for objects whose kind is known only at run time.

use std::cmp::Ordering;
use std::marker::PhantomData;

use crate::api::{Kind, Object, Time};
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::Description;
use crate::kinds::NameRule;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;

/// `Strategy` of whatever kind. Every method that is handed an object of another kind leaves it alone.
pub trait Rules: Sync {
    /// See `Strategy::NAME`.
    fn name_rule(&self) -> NameRule;
    /// See `Strategy::GENERATION`.
    fn has_generation(&self) -> bool;
    /// See `Strategy::STATUS`.
    fn has_status(&self) -> bool;
    /// See `Strategy::set_defaults`.
    fn set_defaults(&self, object: &mut Object);
    /// See `Strategy::warnings_on_prepare`.
    fn warnings_on_prepare(&self, object: &Object) -> Vec<String>;
    /// See `Strategy::prepare_for_create`.
    fn prepare_for_create(&self, object: &mut Object);
    /// See `Strategy::validate`.
    fn validate(&self, object: &Object) -> Vec<FieldError>;
    /// See `Strategy::warnings_on_create`.
    fn warnings_on_create(&self, object: &Object) -> Vec<String>;
    /// See `Strategy::prepare_for_update`.
    fn prepare_for_update(&self, object: &mut Object, old: &Object);
    /// See `Strategy::validate_update`.
    fn validate_update(&self, object: &Object, old: &Object) -> Vec<FieldError>;
    /// See `Strategy::warnings_on_update`.
    fn warnings_on_update(&self, object: &Object, old: &Object) -> Vec<String>;
    /// See `Strategy::validate_version`.
    fn validate_version(&self, object: &Object, old: Option<&Object>, api_version: &str) -> Vec<FieldError>;
    /// See `Strategy::copy_part`.
    fn copy_part(&self, object: &mut Object, part: &str, from: &Object, now: Time);
    /// See `Strategy::validate_part_update`.
    fn validate_part_update(&self, object: &Object, part: &str, old: &Object) -> Vec<FieldError>;
    /// See `Strategy::copy_status`.
    fn copy_status(&self, object: &mut Object, from: &Object);
    /// See `Strategy::same_spec`.
    fn same_spec(&self, object: &Object, other: &Object) -> bool;
    /// See `Strategy::columns`.
    fn columns(&self) -> &'static [Column];
    /// See `Strategy::row`.
    fn row(&self, object: &Object, context: &PrintContext<'_>) -> Vec<String>;
    /// See `Strategy::row_order`.
    fn row_order(&self, object: &Object, other: &Object) -> Ordering;
    /// See `Strategy::describe`.
    fn describe(&self, object: &Object, d: &mut Description, context: &PrintContext<'_>);
    /// See `Strategy::selectable_fields`.
    fn selectable_fields(&self) -> &'static [&'static str];
    /// See `Strategy::selectable_field`.
    fn selectable_field(&self, object: &Object, path: &str) -> Option<String>;
}

struct Of<T>(PhantomData<fn() -> T>);

impl<T: Strategy> Rules for Of<T> {
    fn name_rule(&self) -> NameRule {
        T::NAME
    }
    fn has_generation(&self) -> bool {
        T::GENERATION
    }
    fn has_status(&self) -> bool {
        T::STATUS
    }
    fn set_defaults(&self, object: &mut Object) {
        object.get_mut::<T>().into_iter().for_each(T::set_defaults);
    }
    fn warnings_on_prepare(&self, object: &Object) -> Vec<String> {
        object.get::<T>().map(T::warnings_on_prepare).unwrap_or_default()
    }
    fn prepare_for_create(&self, object: &mut Object) {
        object.get_mut::<T>().into_iter().for_each(T::prepare_for_create);
    }
    fn validate(&self, object: &Object) -> Vec<FieldError> {
        object.get::<T>().map(T::validate).unwrap_or_default()
    }
    fn warnings_on_create(&self, object: &Object) -> Vec<String> {
        object.get::<T>().map(T::warnings_on_create).unwrap_or_default()
    }
    fn prepare_for_update(&self, object: &mut Object, old: &Object) {
        if let (Some(object), Some(old)) = (object.get_mut::<T>(), old.get::<T>()) {
            object.prepare_for_update(old);
        }
    }
    fn validate_update(&self, object: &Object, old: &Object) -> Vec<FieldError> {
        pair::<T>(object, old).map(|(new, old)| new.validate_update(old)).unwrap_or_default()
    }
    fn warnings_on_update(&self, object: &Object, old: &Object) -> Vec<String> {
        pair::<T>(object, old).map(|(new, old)| new.warnings_on_update(old)).unwrap_or_default()
    }
    fn validate_version(&self, object: &Object, old: Option<&Object>, api_version: &str) -> Vec<FieldError> {
        let old = old.and_then(|old| old.get::<T>());
        object.get::<T>().map(|new| new.validate_version(api_version, old)).unwrap_or_default()
    }
    fn copy_part(&self, object: &mut Object, part: &str, from: &Object, now: Time) {
        if let (Some(object), Some(from)) = (object.get_mut::<T>(), from.get::<T>()) {
            object.copy_part(part, from, now);
        }
    }
    fn validate_part_update(&self, object: &Object, part: &str, old: &Object) -> Vec<FieldError> {
        pair::<T>(object, old).map(|(new, old)| new.validate_part_update(part, old)).unwrap_or_default()
    }
    fn copy_status(&self, object: &mut Object, from: &Object) {
        if let (Some(object), Some(from)) = (object.get_mut::<T>(), from.get::<T>()) {
            object.copy_status(from);
        }
    }
    fn same_spec(&self, object: &Object, other: &Object) -> bool {
        pair::<T>(object, other).is_none_or(|(a, b)| a.same_spec(b))
    }
    fn columns(&self) -> &'static [Column] {
        T::columns()
    }
    fn row(&self, object: &Object, context: &PrintContext<'_>) -> Vec<String> {
        object.get::<T>().map(|o| o.row(context)).unwrap_or_default()
    }
    fn row_order(&self, object: &Object, other: &Object) -> Ordering {
        pair::<T>(object, other).map_or(Ordering::Equal, |(object, other)| object.row_order(other))
    }
    fn describe(&self, object: &Object, d: &mut Description, context: &PrintContext<'_>) {
        if let Some(object) = object.get::<T>() {
            object.describe(d, context);
        }
    }
    fn selectable_fields(&self) -> &'static [&'static str] {
        T::selectable_fields()
    }
    fn selectable_field(&self, object: &Object, path: &str) -> Option<String> {
        object.get::<T>().and_then(|o| o.selectable_field(path))
    }
}

fn pair<'a, T: Strategy>(a: &'a Object, b: &'a Object) -> Option<(&'a T, &'a T)> {
    Some((a.get::<T>()?, b.get::<T>()?))
}

macro_rules! define_rules {
    ($($variant:ident, $($module:ident)::+, $group:literal, $version:literal, $plural:literal, [$($short:literal),*], $scope:ident, [$($category:literal),*];)*) => {
        /// The rules of every kind that kstate has a type for, in the order of `Kind::ALL`.
        pub const KINDS: &[&dyn Rules] =
            &[$(&Of::<k8s_openapi::$($module)::+::$variant>(PhantomData)),*];
    };
}
crate::for_each_kind!(define_rules);

/// The rules of a kind.
pub fn rules(kind: Kind) -> &'static dyn Rules {
    KINDS.get(kind.index()).copied().unwrap_or_else(|| crate::kinds::custom::custom_rules(kind))
}
