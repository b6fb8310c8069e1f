//! Values as Go's reflection sees them.

use std::borrow::Cow;

use serde_json::Value;

use super::super::go_value::type_name;

/// A value, as Go's reflection sees it.
#[derive(Debug, Clone)]
pub(super) enum Val<'a> {
    /// No value: a missing key, or nil where its type is forgotten.
    Invalid,
    /// What a list or map holds: of type `interface {}`, and possibly nil.
    Boxed(&'a Value),
    /// A value of a type of its own; never nil.
    Plain(Cow<'a, Value>),
}

impl<'a> Val<'a> {
    /// The value, unless there is none or it is nil.
    pub(super) fn get(&self) -> Option<&Value> {
        match self {
            Val::Invalid => None,
            Val::Boxed(value) => Some(*value).filter(|v| !v.is_null()),
            Val::Plain(value) => Some(value),
        }
    }

    pub(super) fn truth(&self) -> bool {
        match self.get() {
            None | Some(Value::Null) => false,
            Some(Value::Bool(b)) => *b,
            Some(Value::Number(n)) => n.as_f64() != Some(0.0),
            Some(Value::String(s)) => !s.is_empty(),
            Some(Value::Array(items)) => !items.is_empty(),
            Some(Value::Object(map)) => !map.is_empty(),
        }
    }

    /// The name of its type.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Val::Boxed(_) => "interface {}",
            Val::Plain(value) => type_name(value),
            Val::Invalid => "<nil>",
        }
    }

    /// The same with its own type; nil becomes no value.
    pub(super) fn unbox(self) -> Val<'a> {
        match self {
            Val::Boxed(Value::Null) => Val::Invalid,
            Val::Boxed(value) => Val::Plain(Cow::Borrowed(value)),
            other => other,
        }
    }
}

impl From<Value> for Val<'_> {
    fn from(value: Value) -> Self {
        Val::Plain(Cow::Owned(value))
    }
}

/// What an argument has to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Any,
    Text,
}
