//! Go's text templates, as far as `-o go-template` users write them.
//!
//! Mirrors Go's `text/template` with what kubectl adds (`exists`, `base64decode`). Left out: complex numbers,
//! methods and functions as values, which JSON does not have.

mod eval;
mod format;
mod funcs;
mod lex;
mod parse;
mod tree;
mod value;

use std::collections::BTreeMap;

use serde_json::Value;

use super::go_order::Order;
use super::go_value::{quote, sprint};
use super::{PrintFailure, json};

/// The name that kubectl gives its template.
const NAME: &str = "output";

/// Why a template cannot be read or carried out, in Go's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TemplateError(pub String);

/// A template that has been read.
#[derive(Debug, Clone, PartialEq)]
pub struct GoTemplate {
    text: String,
    trees: BTreeMap<String, Vec<tree::Node>>,
    allow_missing_keys: bool,
}

impl GoTemplate {
    /// Reads a template. Missing keys print `<no value>` unless they are forbidden.
    ///
    /// # Errors
    /// Go's texts: `template: output:1: unclosed action`, `template: output:1: function "x" not defined`, ...
    pub fn parse(text: &str) -> Result<GoTemplate, TemplateError> {
        Ok(GoTemplate { text: text.into(), trees: parse::parse(text)?, allow_missing_keys: true })
    }

    /// Whether a key that is not there prints `<no value>` (the default) or is an error.
    #[must_use]
    pub fn allow_missing_keys(mut self, allow: bool) -> GoTemplate {
        self.allow_missing_keys = allow;
        self
    }

    /// The template's output for an object.
    ///
    /// # Errors
    /// What was printed before the error, and the error.
    pub fn execute(&self, data: &Value) -> Result<String, (String, TemplateError)> {
        eval::execute(&self.text, &self.trees, data, self.allow_missing_keys)
    }

    /// The output of `-o go-template` for an object; of a struct Go shows the fields in the order of their declaration when
    /// the template fails.
    ///
    /// # Errors
    /// `error executing template "...": template: output:1:2: executing "output" at <...>: ...`, after what had been printed
    /// by then and what kubectl adds for debugging.
    pub fn print_in(&self, order: Option<&dyn Order>, data: &Value) -> Result<String, PrintFailure> {
        self.execute(data).map_err(|(printed, e)| {
            let (template, raw, object) = (&self.text, json::to_compact_in(order, data), sprint(data));
            let output = format!(
                "{printed}Error executing template: {e}. Printing more information for debugging the template:\n\
                 \ttemplate was:\n\t\t{template}\n\traw data was:\n\t\t{raw}\n\tobject given to template engine \
                 was:\n\t\t{object}\n\n"
            );
            PrintFailure { output, message: format!("error executing template {}: {e}", quote(template)) }
        })
    }
}

#[cfg(test)]
mod tests;
