//! Lays lines of cells out in columns, as kubectl's tables are: at least six wide, three blanks between, never narrower
//! than before.
//!
//! Mirrors `printers.GetNewTabWriter` of `k8s.io/cli-runtime`. comfy-table lays out what is a table. A cell with a tab or a
//! line break in it is several cells to Go; where they end up, only elastic tab stops say ([`TabWriter`]).

use comfy_table::{Cell, ContentArrangement, presets};

use super::tabwriter::TabWriter;

/// A column is at least this wide, and this much wider than its content.
const MIN_WIDTH: usize = 6;
const PADDING: usize = 3;

/// How many lines are laid out at once.
const PIECE: usize = 500;

/// Stands for a character that comfy-table would measure otherwise than Go, which counts code points.
const STAND_IN: char = '\u{e000}';

/// Columns that are never narrower than before.
#[derive(Debug, Clone, Default)]
pub struct Columns {
    widths: Vec<usize>,
}

impl Columns {
    /// The lines' text. What ends a line belongs to no column, so nothing pads it.
    pub fn lay_out(&mut self, lines: &[Vec<String>]) -> String {
        if let Some(text) = self.lay_out_table(lines) {
            return text;
        }
        let mut tabs = TabWriter::remembering(MIN_WIDTH, PADDING, std::mem::take(&mut self.widths));
        for line in lines {
            tabs.write(&line.join("\t"));
            tabs.write("\n");
        }
        let text = tabs.take();
        self.widths = tabs.into_widths();
        text
    }

    /// Lines of equally many cells; none where tabs, line breaks or excessive widths make them irregular.
    fn lay_out_table(&mut self, lines: &[Vec<String>]) -> Option<String> {
        let columns = lines.first()?.len().checked_sub(1)?;
        let irregular = |cell: &String| cell.contains(['\t', '\u{b}', '\n', '\u{c}']) || cell.len() > 10_000;
        if lines.iter().any(|line| line.len() != columns + 1 || line.iter().any(irregular)) {
            return None;
        }
        // A line without tabs ends all columns.
        if columns == 0 {
            return Some(lines.iter().map(|line| format!("{}\n", line[0])).collect());
        }
        self.widths.resize(self.widths.len().max(columns), 0);
        for line in lines {
            for (width, cell) in self.widths.iter_mut().zip(&line[..columns]) {
                *width = (*width).max(MIN_WIDTH).max(cell.chars().count() + PADDING);
            }
        }
        let widths: Vec<u16> = self.widths.iter().map_while(|width| u16::try_from(*width).ok()).collect();
        let widths = widths.get(..columns)?;
        let mut text = String::new();
        // A long table in pieces, whose widths are known: the crate takes some kilobytes for a line.
        for piece in lines.chunks(PIECE) {
            lay_out_piece(piece, widths, &mut text)?;
        }
        Some(text)
    }
}

/// Adds lines whose columns are so wide.
fn lay_out_piece(lines: &[Vec<String>], widths: &[u16], text: &mut String) -> Option<()> {
    let mut table = comfy_table::Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).force_no_tty();
    let mut originals: Vec<char> = Vec::new();
    for line in lines {
        let cells = line[..widths.len()].iter().map(|cell| {
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
    for (i, width) in widths.iter().enumerate() {
        let column = table.column_mut(i)?;
        column.set_padding((0, 0));
        column.set_constraint(comfy_table::ColumnConstraint::Absolute(comfy_table::Width::Fixed(*width)));
    }
    let mut originals = originals.into_iter();
    let mut aligned = table.lines();
    for line in lines {
        let start = aligned.next()?;
        text.extend(start.chars().map(|c| if c == STAND_IN { originals.next().unwrap_or(c) } else { c }));
        text.push_str(&line[widths.len()]);
        text.push('\n');
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::{Columns, MIN_WIDTH, PADDING};
    use crate::printers::tabwriter::TabWriter;

    proptest::proptest! {
        #[test]
        fn a_table_is_laid_out_as_by_elastic_tab_stops(rows in proptest::collection::vec(
            proptest::collection::vec("[a-z0-9 \u{e9}\u{4f60}\u{1f600}\u{301}\u{e000}-]{0,12}", 4), 1..6)) {
            let mut tabs = TabWriter::remembering(MIN_WIDTH, PADDING, Vec::new());
            rows.iter().for_each(|row| tabs.write(&format!("{}\n", row.join("\t"))));
            let text = Columns::default().lay_out_table(&rows);
            proptest::prop_assert_eq!(text, Some(tabs.take()));
        }
    }

    #[test]
    fn columns_never_narrow() {
        let line = |cells: [&str; 2]| cells.map(String::from).to_vec();
        let mut columns = Columns::default();
        assert_eq!(columns.lay_out(&[line(["long-name", "1s"])]), "long-name   1s\n");
        assert_eq!(columns.lay_out(&[line(["x", "2s"])]), "x           2s\n");
        assert_eq!(columns.lay_out(&[line(["a\tb", "3s"])]), "a           b     3s\n");
        assert_eq!(columns.lay_out(&[line(["x", "4s"])]), "x           4s\n");
    }
}
