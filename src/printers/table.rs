//! Tables as `kubectl get` prints them.
//!
//! Mirrors `HumanReadablePrinter` of `k8s.io/cli-runtime/pkg/printers`. comfy-table lays the columns out; a
//! table whose cells contain tabs has no regular columns in kubectl either and goes through [`TabWriter`].

use std::collections::BTreeMap;

use comfy_table::{Cell, ContentArrangement, presets};

use super::prefix_writer::escape_terminal;
use super::tabwriter::TabWriter;
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
    tabs: TabWriter,
}

/// Prints one table.
pub fn print(table: &Table, options: &Options) -> String {
    TablePrinter::new(options.clone()).print(table)
}

impl TablePrinter {
    /// A printer that has printed nothing yet.
    pub fn new(options: Options) -> TablePrinter {
        let tabs = TabWriter::for_tables();
        TablePrinter { options, last_columns: Vec::new(), printed_headers: false, pending: Vec::new(), tabs }
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
        let lines = std::mem::take(&mut self.pending);
        if let Some(widths) = self.tabs.remembered_mut()
            && let Some(text) = lay_out(&lines, widths)
        {
            return text;
        }
        for line in &lines {
            self.tabs.write(&line.join("\t"));
            self.tabs.write("\n");
        }
        self.tabs.take()
    }
}

/// A cell on one line: what follows a line break is cut off, and control sequences are made visible.
fn printable(cell: &str) -> String {
    match cell.find(['\u{c}', '\n', '\r']) {
        Some(end) => escape_terminal(&cell[..end]) + "...",
        None => escape_terminal(cell),
    }
}

/// A column is at least this wide, and this much wider than its content; mirrors `printers.GetNewTabWriter`.
const MIN_WIDTH: usize = 6;
const PADDING: usize = 3;
/// Stands for a character that comfy-table would measure otherwise than Go, which counts code points.
const STAND_IN: char = '\u{e000}';

/// Lays out lines of equally many cells; none where tabs or excessive widths make them irregular.
fn lay_out(lines: &[Vec<String>], remembered: &mut Vec<usize>) -> Option<String> {
    let columns = lines.first()?.len().checked_sub(1)?;
    let irregular = |cell: &String| cell.contains(['\t', '\u{b}']) || cell.len() > 10_000;
    if lines.iter().any(|line| line.len() != columns + 1 || line.iter().any(irregular)) {
        return None;
    }
    let mut table = comfy_table::Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).force_no_tty();
    let mut originals: Vec<char> = Vec::new();
    let mut widths = vec![MIN_WIDTH; columns];
    for line in lines {
        let cells = line[..columns].iter().enumerate().map(|(i, cell)| {
            widths[i] = widths[i].max(cell.chars().count() + PADDING);
            let ascii = |c: char| match c {
                ' '..='~' => c,
                _ => {
                    originals.push(c);
                    STAND_IN
                }
            };
            Cell::new(cell.chars().map(ascii).collect::<String>())
        });
        let cells: Vec<Cell> = cells.collect();
        table.add_row(cells);
    }
    remembered.resize(remembered.len().max(columns), 0);
    for (i, width) in widths.into_iter().enumerate() {
        remembered[i] = remembered[i].max(width);
        let column = table.column_mut(i)?;
        column.set_padding((0, 0));
        column.set_constraint(comfy_table::ColumnConstraint::Absolute(comfy_table::Width::Fixed(
            u16::try_from(remembered[i]).ok()?,
        )));
    }
    let mut originals = originals.into_iter();
    let mut text = String::new();
    // What ends a line belongs to no column, so nothing pads it. comfy-table has no line for a row without cells.
    let mut aligned = table.lines();
    for line in lines {
        let start = if columns == 0 { String::new() } else { aligned.next()? };
        text.extend(start.chars().map(|c| if c == STAND_IN { originals.next().unwrap_or(c) } else { c }));
        text.push_str(&line[columns]);
        text.push('\n');
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::{Column, Options, Row, Table, TablePrinter, print};
    use crate::printers::tabwriter::TabWriter;
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

    proptest::proptest! {
        #[test]
        fn comfy_table_agrees_with_tabwriter(rows in proptest::collection::vec(
            proptest::collection::vec("[a-z0-9 \u{e9}\u{4f60}\u{1f600}\u{301}\u{e000}-]{0,12}", 4), 1..6)) {
            let mut tabs = TabWriter::for_tables();
            rows.iter().for_each(|row| tabs.write(&format!("{}\n", row.join("\t"))));
            let text = super::lay_out(&rows, &mut Vec::new());
            proptest::prop_assert_eq!(text, Some(tabs.take()));
        }
    }

    #[test]
    fn ten_thousand_rows() {
        let table = pods(&vec![("web-0", "Running", "10.42.1.2"); 10_000]);
        assert_eq!(print(&table, &Options::default()).lines().count(), 10_001);
    }
}
