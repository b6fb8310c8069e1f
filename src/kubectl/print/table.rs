//! Objects of one kind as a table, as the server makes it and kubectl lays it out.

use std::sync::Arc;

use crate::api::{Kind, Object};
use crate::kinds;
use crate::printers::table::{Column, Options, Row, Table};
use crate::sim::Cluster;

/// What a table shows besides its cells.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    /// `-o wide`.
    pub wide: bool,
    /// The kind before each name: `pod/web`.
    pub with_kind: bool,
    /// A first column with the namespace.
    pub with_namespace: bool,
    /// The line of headings.
    pub headers: bool,
    /// A last column with all labels.
    pub show_labels: bool,
    /// Columns with the values of these labels.
    pub label_columns: Vec<String>,
}

/// The table of some objects of one kind.
pub fn build(cluster: &Cluster, kind: Kind, objects: &[&Arc<Object>]) -> Table {
    let rules = kinds::rules(kind);
    cluster.with_print_context(|context| {
        let shown: Vec<bool> = rules.columns().iter().map(|c| c.exists_in(context.version)).collect();
        let columns = rules.columns().iter().zip(&shown).filter(|(_, s)| **s);
        let columns = columns
            .map(|(c, _)| Column { name: c.name.to_string(), wide_only: c.wide, is_name: c.name == "NAME" })
            .collect();
        let row = |object: &&Arc<Object>| Row {
            cells: rules.row(object, context).into_iter().zip(&shown).filter(|(_, s)| **s).map(|(c, _)| c).collect(),
            namespace: object.namespace().to_string(),
            labels: object.meta().labels.clone().unwrap_or_default(),
        };
        Table { columns, rows: objects.iter().map(row).collect() }
    })
}

/// The table as text.
pub fn print(cluster: &Cluster, kind: Kind, objects: &[&Arc<Object>], layout: &Layout) -> String {
    crate::printers::table::print(&build(cluster, kind, objects), &options(kind, layout))
}

/// The layout as the printer takes it.
pub fn options(kind: Kind, layout: &Layout) -> Options {
    Options {
        no_headers: !layout.headers,
        wide: layout.wide,
        with_namespace: layout.with_namespace && kind.is_namespaced(),
        with_kind: layout.with_kind.then(|| kind.qualified()),
        column_labels: layout.label_columns.clone(),
        show_labels: layout.show_labels,
    }
}
