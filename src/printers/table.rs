//! Tables as `kubectl get` prints them.
//!
//! Mirrors `HumanReadablePrinter` of `k8s.io/cli-runtime/pkg/printers`.

use std::collections::BTreeMap;

use super::columns::Columns;
use crate::api::printable::escape_terminal;
use crate::api::selector::format_labels;

/// A column's heading and when it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The name; printed in capitals.
    pub name: String,
    /// Whether only `-o wide` shows it.
    pub wide_only: bool,
    /// Whether it holds the object's name, which `--show-kind` puts the kind before.
    pub is_name: bool,
}

impl Column {
    /// A column that is always shown.
    pub fn new(name: impl Into<String>) -> Column {
        Column { name: name.into(), wide_only: false, is_name: false }
    }

    /// The column of the object's name.
    pub fn name() -> Column {
        Column { is_name: true, ..Column::new("Name") }
    }

    /// A column that only `-o wide` shows.
    pub fn wide(name: impl Into<String>) -> Column {
        Column { wide_only: true, ..Column::new(name) }
    }
}

/// One object's line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Row {
    /// The cells, one for each column.
    pub cells: Vec<String>,
    /// The object's namespace; empty for those of the cluster.
    pub namespace: String,
    /// The object's labels.
    pub labels: BTreeMap<String, String>,
}

/// What a kind says about some of its objects.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    /// The columns, the wide ones included.
    pub columns: Vec<Column>,
    /// The rows, in the order that they are printed in.
    pub rows: Vec<Row>,
}

/// Which parts of tables are printed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// `--no-headers`
    pub no_headers: bool,
    /// `-o wide`
    pub wide: bool,
    /// A first column NAMESPACE (`-A`).
    pub with_namespace: bool,
    /// What `--show-kind` puts before the name: `pod`, `statefulset.apps`.
    pub with_kind: Option<String>,
    /// `-L`: a column for each of these labels.
    pub column_labels: Vec<String>,
    /// `--show-labels`
    pub show_labels: bool,
}

/// Prints tables one after the other, as a watch does: headers once, columns never narrower than before.
#[derive(Debug, Clone)]
pub struct TablePrinter {
    options: Options,
    last_columns: Vec<Column>,
    printed_headers: bool,
    /// Lines that are laid out together at the next flush.
    pending: Vec<Vec<String>>,
    columns: Columns,
}

/// Prints one table.
pub fn print(table: &Table, options: &Options) -> String {
    TablePrinter::new(options.clone()).print(table)
}

impl TablePrinter {
    /// A printer that has printed nothing yet.
    pub fn new(options: Options) -> TablePrinter {
        let (last_columns, pending, columns) = (Vec::new(), Vec::new(), Columns::default());
        TablePrinter { options, last_columns, printed_headers: false, pending, columns }
    }

    /// Prints a table.
    pub fn print(&mut self, table: &Table) -> String {
        self.add(table, None);
        self.flush()
    }

    /// Prints a table of what happened to an object: `ADDED`, `MODIFIED`, `DELETED` or `ERROR`
    /// (`--output-watch-events`).
    pub fn print_event(&mut self, table: &Table, event: &str) -> String {
        self.add(table, Some(event));
        self.flush()
    }

    /// Takes a table's lines, to be laid out with those that follow. The headers come with the first rows of a
    /// set of columns.
    pub fn add(&mut self, table: &Table, event: Option<&str>) {
        if table.columns != self.last_columns {
            self.last_columns.clone_from(&table.columns);
            self.printed_headers = false;
        }
        if table.rows.is_empty() {
            return;
        }
        if !self.printed_headers && !self.options.no_headers {
            let header = self.header(table, event.is_some());
            self.pending.push(header);
        }
        self.printed_headers = true;
        for row in &table.rows {
            let line = self.line(table, row, event);
            self.pending.push(line);
        }
    }

    fn header(&self, table: &Table, with_event: bool) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        names.extend(with_event.then(|| "EVENT".to_string()));
        names.extend(self.options.with_namespace.then(|| "NAMESPACE".to_string()));
        let shown = table.columns.iter().filter(|c| self.options.wide || !c.wide_only);
        names.extend(shown.map(|c| c.name.to_uppercase()));
        let label = |key: &String| key.rsplit('/').next().unwrap_or_default().to_uppercase();
        names.extend(self.options.column_labels.iter().map(label));
        names.extend(self.options.show_labels.then(|| "LABELS".to_string()));
        names
    }

    fn line(&self, table: &Table, row: &Row, event: Option<&str>) -> Vec<String> {
        let options = &self.options;
        let mut line: Vec<String> = Vec::new();
        line.extend(event.map(|event| format!("{event:<8}")));
        line.extend(options.with_namespace.then(|| row.namespace.clone()));
        let name_column = table.columns.iter().position(|c| c.is_name);
        for (i, (column, cell)) in table.columns.iter().zip(&row.cells).enumerate() {
            if column.wide_only && !options.wide {
                continue;
            }
            line.push(match &options.with_kind {
                Some(kind) if name_column == Some(i) => printable(&format!("{kind}/{cell}")),
                _ => printable(cell),
            });
        }
        line.extend(options.column_labels.iter().map(|key| row.labels.get(key).cloned().unwrap_or_default()));
        line.extend(options.show_labels.then(|| format_labels(&row.labels)));
        line
    }

    /// Lays out what was added since the last flush.
    pub fn flush(&mut self) -> String {
        self.columns.lay_out(&std::mem::take(&mut self.pending))
    }
}

/// A cell on one line: what follows a line break is cut off, and control sequences are made visible.
fn printable(cell: &str) -> String {
    match cell.find(['\u{c}', '\n', '\r']) {
        Some(end) => escape_terminal(&cell[..end]) + "...",
        None => escape_terminal(cell),
    }
}

#[cfg(test)]
mod tests {
    use super::{Column, Options, Row, Table, TablePrinter, print};
    use std::collections::BTreeMap;

    fn pods(rows: &[(&str, &str, &str)]) -> Table {
        let row = |(name, status, ip): &(&str, &str, &str)| Row {
            cells: vec![name.to_string(), status.to_string(), "5s".into(), ip.to_string()],
            namespace: "default".into(),
            labels: BTreeMap::from([("app".to_string(), name[..1].to_string())]),
        };
        Table {
            columns: vec![Column::name(), Column::new("Status"), Column::new("Age"), Column::wide("IP")],
            rows: rows.iter().map(row).collect(),
        }
    }

    #[test]
    fn options_add_columns() {
        let table = pods(&[("web-0", "Running", "10.42.1.2"), ("b", "Init:0/1", "<none>")]);
        assert_eq!(
            print(&table, &Options::default()),
            "NAME    STATUS     AGE\nweb-0   Running    5s\nb       Init:0/1   5s\n"
        );
        let everything = Options {
            wide: true,
            with_namespace: true,
            with_kind: Some("pod".into()),
            column_labels: vec!["app".into(), "example.com/tier".into()],
            show_labels: true,
            no_headers: false,
        };
        let expected = "NAMESPACE   NAME        STATUS     AGE   IP          APP   TIER   LABELS\n\
                        default     pod/web-0   Running    5s    10.42.1.2   w            app=w\n\
                        default     pod/b       Init:0/1   5s    <none>      b            app=b\n";
        assert_eq!(print(&table, &everything), expected);
        let bare = Options { no_headers: true, ..Options::default() };
        assert_eq!(print(&table, &bare), "web-0   Running    5s\nb       Init:0/1   5s\n");
        assert_eq!(print(&pods(&[]), &Options::default()), "");
    }

    #[test]
    fn empty_last_cells_leave_the_padding_before_them() {
        let table = pods(&[("web-0", "Running", "")]);
        let options = Options { column_labels: vec!["x".into()], ..Options::default() };
        assert_eq!(print(&table, &options), "NAME    STATUS    AGE   X\nweb-0   Running   5s    \n");
    }

    #[test]
    fn a_watch_never_narrows() {
        let mut printer = TablePrinter::new(Options::default());
        assert_eq!(printer.print(&pods(&[("web-0", "Running", "")])), "NAME    STATUS    AGE\nweb-0   Running   5s\n");
        assert_eq!(printer.print(&pods(&[("b", "Pending", "")])), "b       Pending   5s\n");
        assert_eq!(printer.print(&pods(&[("b", "Terminating", "")])), "b       Terminating   5s\n");
        assert_eq!(printer.print(&pods(&[("b", "Error", "")])), "b       Error         5s\n");
        let mut events = TablePrinter::new(Options::default());
        let printed = events.print_event(&pods(&[("b", "Error", "")]), "ADDED");
        assert_eq!(printed, "EVENT      NAME   STATUS   AGE\nADDED      b      Error    5s\n");
    }

    #[test]
    fn cells_stay_on_their_line() {
        let table = pods(&[("a\u{1b}[1m", "two\nlines", ""), ("b", "tab\tbed", "")]);
        assert_eq!(
            print(&table, &Options::default()),
            "NAME     STATUS   AGE\na^[[1m   two...   5s\nb        tab      bed   5s\n"
        );
    }

    #[test]
    fn ten_thousand_rows() {
        let table = pods(&vec![("web-0", "Running", "10.42.1.2"); 10_000]);
        assert_eq!(print(&table, &Options::default()).lines().count(), 10_001);
    }
}
