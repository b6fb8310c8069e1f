//! A list of faults that grows as a check goes on.

use serde::Serialize;

use crate::error::FieldError;

/// What is wrong so far.
#[derive(Default)]
pub(crate) struct Faults(pub(crate) Vec<FieldError>);

impl Faults {
    /// Adds what another check found.
    pub(crate) fn extend(&mut self, more: impl IntoIterator<Item = FieldError>) {
        self.0.extend(more);
    }

    /// A field that must be there.
    pub(crate) fn required(&mut self, path: &str, name: &str) {
        self.0.push(FieldError::required(at(path, name), ""));
    }

    /// A text that must not be empty. Whether it is not.
    pub(crate) fn require(&mut self, path: &str, name: &str, value: &str) -> bool {
        if value.is_empty() {
            self.required(path, name);
        }
        !value.is_empty()
    }

    /// A field that must be there, and why.
    pub(crate) fn required_for(&mut self, path: &str, name: &str, detail: &str) {
        self.0.push(FieldError::required(at(path, name), detail));
    }

    /// A value that will not do.
    pub(crate) fn invalid(&mut self, path: &str, name: &str, value: impl Serialize, detail: &str) {
        self.0.push(FieldError::invalid(at(path, name), value, detail));
    }

    /// A value with several faults.
    pub(crate) fn all_invalid(&mut self, path: &str, name: &str, value: &str, details: Vec<String>) {
        self.0.extend(details.iter().map(|detail| FieldError::invalid(at(path, name), value, detail)));
    }

    /// A field that may not be there.
    pub(crate) fn forbidden(&mut self, path: &str, name: &str, detail: &str) {
        self.0.push(FieldError::forbidden(at(path, name), detail));
    }

    /// A value that came before.
    pub(crate) fn duplicate(&mut self, path: &str, name: &str, value: impl Serialize) {
        self.0.push(FieldError::duplicate(at(path, name), value));
    }

    /// A value that must be one of some, told in alphabetical order.
    pub(crate) fn one_of(&mut self, path: &str, name: &str, value: &str, supported: &[&str]) {
        if !supported.contains(&value) {
            self.0.push(FieldError::not_supported(at(path, name), value, supported));
        }
    }

    /// A value that must be there and one of some, told in the order given.
    pub(crate) fn one_of_in_order(&mut self, path: &str, name: &str, value: &str, supported: &[&str]) {
        if value.is_empty() {
            self.required(path, name);
        } else if !supported.contains(&value) {
            self.0.push(FieldError::not_supported_in_order(at(path, name), value, supported));
        }
    }
}

/// A field's path; an empty name is the path itself.
pub(crate) fn at(path: &str, name: &str) -> String {
    match (path, name) {
        (_, "") => path.to_string(),
        ("", _) => name.to_string(),
        _ => format!("{path}.{name}"),
    }
}
