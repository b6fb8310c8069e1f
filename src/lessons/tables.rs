//! Tells which rows of kubectl's tables are new or say something else than before.

/// One line of the tables, and whether it stands for something that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<'a> {
    /// The line without its end.
    pub text: &'a str,
    /// What became of the row since the tables before.
    pub change: Change,
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing, or the line is no row.
    None,
    /// It was not there before.
    New,
    /// A cell other than its age says something else.
    Changed,
}

/// The lines of `after`, compared with the tables of `before`. Ages grow by themselves and do not count; a row that
/// is younger than the one before is another object of that name.
pub fn compare<'a>(before: &str, after: &'a str) -> Vec<Line<'a>> {
    let before: Vec<Row> = rows(before).into_iter().flatten().collect();
    let mark = |(text, row): (&'a str, Option<Row>)| {
        let change = match &row {
            None => Change::None,
            Some(row) => match before.iter().find(|b| b.name == row.name && b.header == row.header) {
                None => Change::New,
                Some(old) if row.age < old.age => Change::New,
                Some(old) if old.cells != row.cells => Change::Changed,
                Some(_) => Change::None,
            },
        };
        Line { text, change }
    };
    after.lines().zip(rows(after)).map(mark).collect()
}

/// Whether the tables say anything new, ages aside; a row that is gone is something new too.
pub fn differ(before: &str, after: &str) -> bool {
    let left = |text: &str| rows(text).into_iter().flatten().map(|r| r.name).collect::<Vec<_>>();
    left(before) != left(after) || compare(before, after).iter().any(|line| line.change != Change::None)
}

struct Row {
    header: String,
    name: String,
    cells: Vec<String>,
    /// In seconds; 0 where there is no such column.
    age: u64,
}

/// For each line its row, if it is one.
fn rows(text: &str) -> Vec<Option<Row>> {
    let mut columns: Option<(Vec<usize>, Vec<String>)> = None;
    let mut all = Vec::new();
    for line in text.lines() {
        let chars: Vec<char> = line.chars().collect();
        if line.starts_with("NAME ") || line.starts_with("NAMESPACE ") {
            let starts = column_starts(&chars);
            let names = cells(&chars, &starts);
            columns = Some((starts, names));
            all.push(None);
        } else if line.is_empty() {
            columns = None;
            all.push(None);
        } else {
            all.push(columns.as_ref().map(|(starts, names)| {
                let cells = cells(&chars, starts);
                let name = cells[..cells.len().min(if names[0] == "NAMESPACE" { 2 } else { 1 })].join("/");
                let (ages, cells): (Vec<_>, Vec<_>) =
                    names.iter().zip(cells).partition(|(name, _)| matches!(name.as_str(), "AGE" | "LAST SEEN"));
                let age = ages.first().map_or(0, |(_, age)| seconds(age));
                Row { header: names.concat(), name, cells: cells.into_iter().map(|(_, cell)| cell).collect(), age }
            }));
        }
    }
    all
}

/// kubectl's `2m5s` in seconds; 0 for what is no age.
fn seconds(age: &str) -> u64 {
    let (mut total, mut number) = (0_u64, 0_u64);
    for c in age.chars() {
        let unit = match c {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'y' => 365 * 86_400,
            _ => {
                number = number.saturating_mul(10).saturating_add(c.to_digit(10).unwrap_or(0).into());
                continue;
            }
        };
        total = total.saturating_add(number.saturating_mul(unit));
        number = 0;
    }
    total
}

/// Where the cells of a header begin: after two blanks or more.
fn column_starts(header: &[char]) -> Vec<usize> {
    let begins =
        |at: usize| header[at] != ' ' && (at == 0 || (at >= 2 && header[at - 1] == ' ' && header[at - 2] == ' '));
    (0..header.len()).filter(|at| begins(*at)).collect()
}

fn cells(line: &[char], starts: &[usize]) -> Vec<String> {
    let end = |n: usize| starts.get(n + 1).copied().unwrap_or(line.len()).min(line.len());
    let cell = |(n, start): (usize, &usize)| {
        let text: String = line.get(*start..end(n).max(*start)).unwrap_or_default().iter().collect();
        text.trim().to_string()
    };
    starts.iter().enumerate().map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::{Change, compare, differ};

    const BEFORE: &str = "\
NAME                     READY   AGE
statefulset.apps/exsts   1/1     5s

NAME          READY   STATUS    RESTARTS      AGE
pod/exsts-0   1/1     Running   0             5s
pod/exsts-1   0/1     Pending   1 (3s ago)    5s
";

    #[test]
    fn rows_that_only_aged_did_not_change() {
        let older = BEFORE.replace("5s", "9s");
        assert!(!differ(BEFORE, &older));
        assert!(compare(BEFORE, &older).iter().all(|l| l.change == Change::None));
        let after = "\
NAME                     READY   AGE
statefulset.apps/exsts   2/2     19s

NAME          READY   STATUS    RESTARTS     AGE
pod/exsts-0   1/1     Running   0            19s
pod/exsts-2   1/1     Running   0            9s
";
        assert!(differ(BEFORE, after));
        let changes: Vec<Change> = compare(BEFORE, after).into_iter().map(|l| l.change).collect();
        use Change::{Changed, New, None};
        assert_eq!(changes, [None, Changed, None, None, None, New]);
        assert!(differ(BEFORE, ""), "what is gone is a change");
        let reborn = older.replace(
            "pod/exsts-0   1/1     Running   0             9s",
            "pod/exsts-0   1/1     Running   0             2s",
        );
        assert!(differ(BEFORE, &reborn), "a younger pod of the same name is another one");
    }
}
