//! Elastic tab stops: text with tabs laid out in columns, exactly as Go's `text/tabwriter` does.
//!
//! A cell is text that a tab ends; what follows a line's last tab belongs to no column. Cells of neighbouring
//! lines form a column block, which ends at the first line that has no such cell. Widths count characters.
//!
//! No table crate knows of such blocks, and what `describe` prints is made of nothing else: its columns begin and end at
//! any line, depending on the lines around it. Plain tables are not laid out here but by comfy-table (`columns`).

/// Collects text and lays it out when it is flushed.
#[derive(Debug, Clone)]
pub struct TabWriter {
    min_width: usize,
    padding: usize,
    /// The widest that each column has been; only where widths are remembered.
    remembered: Option<Vec<usize>>,
    /// Lines that wait for their layout; the last one is being written.
    lines: Vec<Vec<String>>,
    cell: String,
    out: String,
}

impl TabWriter {
    /// Columns are at least `min_width` wide, blanks included, and `padding` blanks wider than their content.
    pub fn new(min_width: usize, padding: usize) -> TabWriter {
        let lines = vec![Vec::new()];
        TabWriter { min_width, padding, remembered: None, lines, cell: String::new(), out: String::new() }
    }

    /// The same, and a column is never narrower than it has been, here or in `widths`.
    pub fn remembering(min_width: usize, padding: usize, widths: Vec<usize>) -> TabWriter {
        TabWriter { remembered: Some(widths), ..TabWriter::new(min_width, padding) }
    }

    /// Adds text; tabs end cells, line breaks end lines.
    pub fn write(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '\t' | '\u{b}' => self.end_cell(),
                '\n' | '\u{c}' => {
                    self.end_cell();
                    let single = self.lines.last().is_some_and(|line| line.len() == 1);
                    self.lines.push(Vec::new());
                    // A line without tabs ends all columns, so what came before it is settled.
                    if c == '\u{c}' || single {
                        self.flush();
                    }
                }
                _ => self.cell.push(c),
            }
        }
    }

    fn end_cell(&mut self) {
        let cell = std::mem::take(&mut self.cell);
        if let Some(line) = self.lines.last_mut() {
            line.push(cell);
        }
    }

    /// Lays out what was written so far; columns do not reach over a flush.
    pub fn flush(&mut self) {
        if !self.cell.is_empty() {
            self.end_cell();
        }
        let lines = std::mem::replace(&mut self.lines, vec![Vec::new()]);
        let widths = self.column_widths(&lines);
        let last = lines.len().saturating_sub(1);
        for (i, (line, widths)) in lines.iter().zip(&widths).enumerate() {
            for (j, cell) in line.iter().enumerate() {
                self.out.push_str(cell);
                if let Some(width) = widths.get(j) {
                    let pad = width.saturating_sub(cell.chars().count());
                    self.out.extend(std::iter::repeat_n(' ', pad));
                }
            }
            if i < last {
                self.out.push('\n');
            }
        }
    }

    /// For each line the widths of its columns.
    fn column_widths(&mut self, lines: &[Vec<String>]) -> Vec<Vec<usize>> {
        let mut widths: Vec<Vec<usize>> = lines.iter().map(|line| Vec::with_capacity(line.len())).collect();
        // How many lines have a column shrinks from column to column; only those are looked at again.
        let mut wide: Vec<usize> = (0..lines.len()).filter(|&i| lines[i].len() > 1).collect();
        let mut column = 0;
        while !wide.is_empty() {
            for block in wide.chunk_by(|a, b| a + 1 == *b) {
                let content = block.iter().map(|&i| lines[i][column].chars().count()).max().unwrap_or(0);
                let width = self.remember(column, self.min_width.max(content + self.padding));
                block.iter().for_each(|&i| widths[i].push(width));
            }
            column += 1;
            wide.retain(|&i| lines[i].len() > column + 1);
        }
        widths
    }

    fn remember(&mut self, column: usize, width: usize) -> usize {
        let Some(remembered) = &mut self.remembered else { return width };
        if remembered.len() <= column {
            remembered.resize(column + 1, 0);
        }
        remembered[column] = remembered[column].max(width);
        remembered[column]
    }

    /// The widths that were remembered.
    pub fn into_widths(self) -> Vec<usize> {
        self.remembered.unwrap_or_default()
    }

    /// Flushes and gives what has been laid out since the last time.
    pub fn take(&mut self) -> String {
        self.flush();
        std::mem::take(&mut self.out)
    }
}

#[cfg(test)]
mod tests {
    use super::TabWriter;

    /// Lays out one text with the settings that `describe` uses: no least width, two blanks between columns.
    fn tabbed(text: &str) -> String {
        let mut writer = TabWriter::new(0, 2);
        writer.write(text);
        writer.take()
    }

    #[test]
    fn blocks_end_where_a_line_lacks_the_cell() {
        // The example of Go's documentation.
        let mut writer = TabWriter::new(0, 1);
        writer.write("aaaa\tbbb\td\naa\tb\tdd\na\t\naa\tcccc\teee\n");
        assert_eq!(writer.take(), "aaaa bbb d\naa   b   dd\na    \naa   cccc eee\n");
    }

    #[test]
    fn a_line_joins_the_block_above_it() {
        let text = "Name:\tx\nLabels:\tapp=y\n\tzone=z\nVolumes:\n  data:\n    SizeLimit:\t<unset>\nQoS:\tB";
        insta::assert_snapshot!(tabbed(text), @"
        Name:    x
        Labels:  app=y
                 zone=z
        Volumes:
          data:
            SizeLimit:  <unset>
        QoS:            B
        ");
    }

    #[test]
    fn remembers_widths() {
        let mut writer = TabWriter::remembering(6, 3, Vec::new());
        writer.write("NAME\tAGE\nlong-name\t1s\n");
        assert_eq!(writer.take(), "NAME        AGE\nlong-name   1s\n");
        writer.write("x\t2s\n");
        assert_eq!(writer.take(), "x           2s\n");
    }

    #[test]
    fn many_tabs_are_no_trouble() {
        assert_eq!(tabbed(&"\t".repeat(20_000)).len(), 2 * 19_999);
    }
}
