//! The tables of `top`. Mirrors `metrics_printer.go`.

use serde_json::Value;

use crate::api::Quantity;
use crate::printers::tabwriter::TabWriter;

/// What something uses.
#[derive(Debug, Clone)]
pub(super) struct Usage {
    /// Processors.
    pub cpu: Quantity,
    /// Bytes.
    pub memory: Quantity,
}

impl Usage {
    /// Nothing.
    pub(super) const NONE: Usage = Usage { cpu: Quantity::ZERO, memory: Quantity::ZERO };

    /// The `usage` of a metric.
    pub(super) fn of(tree: &Value) -> Usage {
        let amount = |name: &str| Quantity::parse(tree[name].as_str().unwrap_or("0")).unwrap_or(Quantity::ZERO);
        Usage { cpu: amount("cpu"), memory: amount("memory") }
    }

    pub(super) fn plus(self, other: Usage) -> Usage {
        Usage { cpu: self.cpu + other.cpu, memory: self.memory + other.memory }
    }

    /// What sorts after it comes first.
    pub(super) fn rank(&self, sort_by: &str) -> std::cmp::Reverse<i64> {
        std::cmp::Reverse(match sort_by {
            "cpu" => self.cpu.milli_value(),
            "memory" => self.memory.value(),
            _ => 0,
        })
    }

    /// `250m`
    pub(super) fn cpu(&self) -> String {
        format!("{}m", self.cpu.milli_value())
    }

    /// `12Mi`
    pub(super) fn memory(&self) -> String {
        format!("{}Mi", self.memory.value() / (1024 * 1024))
    }
}

/// Lines of cells in columns as kubectl lays them out.
pub(super) struct Lines(TabWriter);

impl Lines {
    pub(super) fn new() -> Lines {
        Lines(TabWriter::remembering(6, 3, Vec::new()))
    }

    /// Adds a line: each cell has its end, the last one too.
    pub(super) fn line<T: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = T>) {
        for cell in cells {
            self.0.write(cell.as_ref());
            self.0.write("\t");
        }
        self.0.write("\n");
    }

    pub(super) fn text(mut self) -> String {
        self.0.flush();
        self.0.take()
    }
}
