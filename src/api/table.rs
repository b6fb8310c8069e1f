//! Objects as rows: what the server sends to a client that prints.
//!
//! Mirrors `metav1.Table`.

use std::sync::Arc;

use super::{Kind, Object};

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnDefinition {
    /// Its heading, as kubectl prints it.
    pub name: &'static str,
    /// 0 for a column that is always shown; 1 for one that `-o wide` adds.
    pub priority: i32,
}

/// One object's row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The cells, one for each column.
    pub cells: Vec<String>,
    /// The object.
    pub object: Arc<Object>,
}

/// Objects of one kind as rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// The kind.
    pub kind: Kind,
    /// The columns, the wide ones included.
    pub columns: Vec<ColumnDefinition>,
    /// The rows, in the order of the objects.
    pub rows: Vec<Row>,
    /// The revision at which the list was true; 0 for a table that is no list's.
    pub revision: u64,
    /// Where the next piece begins; empty when this is the last.
    pub continue_at: String,
    /// How many objects follow, where that is known.
    pub remaining: Option<u64>,
}
