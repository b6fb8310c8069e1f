//! Objects of one kind as a table, as the server makes it and kubectl lays it out.

use std::sync::Arc;

use crate::api::time::human_duration;
use crate::api::{Kind, Object, Time, table as api};
use crate::kubectl::session::Session;
use crate::printers::table::{Column, Options, Row, Table};

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

/// The server's table as the printer takes it.
pub fn printable(table: &api::Table) -> Table {
    let column = |c: &api::ColumnDefinition| Column {
        name: c.name.to_string(),
        wide_only: c.priority > 0,
        is_name: c.name == "NAME",
    };
    Table { columns: table.columns.iter().map(column).collect(), rows: table.rows.iter().map(printable_row).collect() }
}

/// The server's row as the printer takes it.
fn printable_row(row: &api::Row) -> Row {
    Row {
        cells: row.cells.clone(),
        namespace: row.object.namespace().to_string(),
        labels: row.object.meta().labels.clone().unwrap_or_default(),
    }
}

/// Rows of one kind that the server sent, as a table.
pub fn print_rows(session: &Session<'_>, kind: Kind, rows: Vec<Row>, layout: &Layout) -> String {
    let Table { columns, .. } = printable(&session.client.table(kind, &[]));
    crate::printers::table::print(&Table { columns, rows }, &options(kind, layout))
}

/// Some objects of one kind as a table.
pub fn print(session: &Session<'_>, kind: Kind, objects: &[Arc<Object>], layout: &Layout) -> String {
    let table = printable(&session.client.table(kind, objects));
    crate::printers::table::print(&table, &options(kind, layout))
}

/// The same where the server is not asked for a table: names and ages alone. Mirrors `defaultHandlerEntry` of
/// `k8s.io/cli-runtime/pkg/printers/tableprinter.go`.
pub fn print_names(session: &Session<'_>, kind: Kind, objects: &[Arc<Object>], layout: &Layout) -> String {
    let now = session.client.now();
    let row = |object: &Arc<Object>| {
        let made = object.meta().creation_timestamp.as_ref().map(Time::from_meta);
        let age = made.map_or("<unknown>".to_string(), |made| human_duration(now - made));
        Row {
            cells: vec![object.name().to_string(), age],
            namespace: object.namespace().to_string(),
            labels: object.meta().labels.clone().unwrap_or_default(),
        }
    };
    let name = Column { is_name: true, ..Column::new("NAME") };
    let table = Table { columns: vec![name, Column::new("AGE")], rows: objects.iter().map(row).collect() };
    crate::printers::table::print(&table, &options(kind, layout))
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
