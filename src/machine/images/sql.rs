//! A little SQL: what lessons on state ask of MySQL and PostgreSQL.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A table: its columns with their types, and its rows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Names and types.
    pub columns: Vec<(String, String)>,
    /// The rows; none for NULL.
    pub rows: Vec<Vec<Option<String>>>,
    next: i64,
}

/// A database: its tables by name.
pub type Database = BTreeMap<String, Table>;

/// All databases of a server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Databases {
    /// By name.
    pub all: BTreeMap<String, Database>,
}

/// What a statement came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Rows under their columns.
    Rows(Vec<String>, Vec<Vec<Option<String>>>),
    /// So many rows were changed; the command's name.
    Done(String, usize),
    /// Another database is used from now on.
    Use(String),
    /// It failed.
    Failed(Fault),
}

/// Why a statement failed.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// It is not understood from there on.
    Syntax(String),
    /// No such table.
    NoTable(String),
    /// It is there already.
    TableExists(String),
    /// No such database.
    NoDatabase(String),
    /// It is there already.
    DatabaseExists(String),
    /// No database was chosen.
    NoneChosen,
    /// No such column.
    NoColumn(String),
    /// The numbers of columns and values differ.
    Count,
    /// A key is there already: its value and the column.
    Duplicate(String, String),
}

/// Takes a text apart at semicolons outside of quotes.
pub fn statements(text: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut quote = None;
    for c in text.chars() {
        match (quote, c) {
            (None, ';') => all.push(String::new()),
            (None, '\'' | '"' | '`') => {
                quote = Some(c);
                if let Some(last) = all.last_mut() {
                    last.push(c);
                }
            }
            (q, c) => {
                if q == Some(c) {
                    quote = None;
                }
                if let Some(last) = all.last_mut() {
                    last.push(c);
                }
            }
        }
    }
    all.into_iter().map(|s| s.trim().to_string()).filter(|s| !s.is_empty() && !s.starts_with("--")).collect()
}

/// A word of a statement.
#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
}

fn tokens(text: &str) -> Vec<Token> {
    let mut all = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(&c) = chars.peek() {
        if c.is_whitespace() {
            chars.next();
        } else if matches!(c, '\'' | '"' | '`') {
            chars.next();
            let mut word = String::new();
            while let Some(d) = chars.next() {
                if d == c {
                    if chars.peek() == Some(&c) {
                        chars.next();
                        word.push(c);
                        continue;
                    }
                    break;
                }
                if d == '\\' && c != '`' {
                    word.extend(chars.next());
                    continue;
                }
                word.push(d);
            }
            all.push(if c == '\'' { Token::Text(word) } else { Token::Word(word) });
        } else if c.is_alphanumeric() || matches!(c, '_' | '.' | '@' | '%') {
            let mut word = String::new();
            while let Some(&d) =
                chars.peek().filter(|d| d.is_alphanumeric() || matches!(**d, '_' | '.' | '@' | '%' | '$'))
            {
                word.push(d);
                chars.next();
            }
            all.push(Token::Word(word));
        } else {
            all.push(Token::Sign(c));
            chars.next();
        }
    }
    all
}

struct Reader {
    all: Vec<Token>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<&Token> {
        self.all.get(self.at)
    }

    fn word(&mut self) -> Option<String> {
        match self.peek()? {
            Token::Word(word) | Token::Text(word) => {
                let word = word.clone();
                self.at += 1;
                Some(word)
            }
            Token::Sign(_) => None,
        }
    }

    /// Whether the next words are those, which are taken then.
    fn takes(&mut self, words: &str) -> bool {
        let count = words.split(' ').count();
        let fits = words
            .split(' ')
            .enumerate()
            .all(|(i, w)| matches!(self.all.get(self.at + i), Some(Token::Word(word)) if word.eq_ignore_ascii_case(w)));
        if fits {
            self.at += count;
        }
        fits
    }

    fn sign(&mut self, sign: char) -> bool {
        let fits = self.peek() == Some(&Token::Sign(sign));
        self.at += usize::from(fits);
        fits
    }

    fn is_end(&self) -> bool {
        self.at >= self.all.len()
    }

    fn syntax(&self) -> Outcome {
        let near = match self.peek() {
            Some(Token::Word(word)) => word.clone(),
            Some(Token::Text(text)) => format!("'{text}'"),
            Some(Token::Sign(sign)) => sign.to_string(),
            None => String::new(),
        };
        Outcome::Failed(Fault::Syntax(near))
    }

    /// A value: a text, a number, NULL, NOW().
    fn value(&mut self, now: &str) -> Option<Option<String>> {
        if self.sign('-') {
            return self.word().map(|w| Some(format!("-{w}")));
        }
        if self.takes("null") || self.takes("default") {
            return Some(None);
        }
        let is_word = matches!(self.peek(), Some(Token::Word(_)));
        let word = self.word()?;
        if is_word && self.sign('(') {
            while !self.sign(')') {
                if self.is_end() {
                    return None;
                }
                self.at += 1;
            }
            return Some(Some(now.to_string()));
        }
        if is_word && word.eq_ignore_ascii_case("current_timestamp") {
            return Some(Some(now.to_string()));
        }
        Some(Some(word))
    }
}

fn bare(name: &str) -> String {
    name.rsplit('.').next().unwrap_or(name).to_string()
}

/// A condition: columns and what they are to be.
type Condition = Vec<(String, char, Option<String>)>;

fn condition(reader: &mut Reader, now: &str) -> Option<Condition> {
    let mut all = Vec::new();
    if !reader.takes("where") {
        return Some(all);
    }
    loop {
        let column = bare(&reader.word()?);
        let sign = match () {
            () if reader.sign('=') => '=',
            () if reader.sign('<') => {
                if reader.sign('=') {
                    'l'
                } else if reader.sign('>') {
                    '!'
                } else {
                    '<'
                }
            }
            () if reader.sign('>') => {
                if reader.sign('=') {
                    'g'
                } else {
                    '>'
                }
            }
            () if reader.sign('!') && reader.sign('=') => '!',
            () if reader.takes("like") => '~',
            () if reader.takes("is not") => '!',
            () if reader.takes("is") => '=',
            () => return None,
        };
        all.push((column, sign, reader.value(now)?));
        if !reader.takes("and") {
            return Some(all);
        }
    }
}

fn holds(table: &Table, row: &[Option<String>], condition: &Condition) -> Result<bool, Fault> {
    for (column, sign, wanted) in condition {
        let at = table
            .columns
            .iter()
            .position(|(c, _)| c.eq_ignore_ascii_case(column))
            .ok_or_else(|| Fault::NoColumn(column.clone()))?;
        let value = row.get(at).cloned().flatten();
        let order = match (
            value.as_ref().and_then(|v| v.parse::<f64>().ok()),
            wanted.as_ref().and_then(|v| v.parse::<f64>().ok()),
        ) {
            (Some(a), Some(b)) => a.partial_cmp(&b),
            _ => value.partial_cmp(wanted),
        };
        let fits = match (sign, order) {
            ('=', _) => value == *wanted || order == Some(std::cmp::Ordering::Equal),
            ('!', _) => value != *wanted,
            ('<', Some(o)) => o.is_lt(),
            ('>', Some(o)) => o.is_gt(),
            ('l', Some(o)) => o.is_le(),
            ('g', Some(o)) => o.is_ge(),
            ('~', _) => {
                let (value, pattern) = (value.unwrap_or_default(), wanted.clone().unwrap_or_default());
                let inner = pattern.trim_matches('%');
                match (pattern.starts_with('%'), pattern.ends_with('%')) {
                    (true, true) => value.contains(inner),
                    (true, false) => value.ends_with(inner),
                    (false, true) => value.starts_with(inner),
                    (false, false) => value == inner,
                }
            }
            _ => false,
        };
        if !fits {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Databases {
    /// Runs a statement on the database that is used.
    pub fn run(&mut self, statement: &str, used: &str, now: &str) -> Outcome {
        let mut reader = Reader { all: tokens(statement), at: 0 };
        let r = &mut reader;
        if r.takes("create database") || r.takes("create schema") {
            let quiet = r.takes("if not exists");
            let Some(name) = r.word() else { return r.syntax() };
            if self.all.contains_key(&name) {
                return if quiet {
                    Outcome::Done("CREATE DATABASE".into(), 1)
                } else {
                    Outcome::Failed(Fault::DatabaseExists(name))
                };
            }
            self.all.insert(name, Database::new());
            return Outcome::Done("CREATE DATABASE".into(), 1);
        }
        if r.takes("drop database") || r.takes("drop schema") {
            let quiet = r.takes("if exists");
            let Some(name) = r.word() else { return r.syntax() };
            return match self.all.remove(&name) {
                None if !quiet => Outcome::Failed(Fault::NoDatabase(name)),
                _ => Outcome::Done("DROP DATABASE".into(), 0),
            };
        }
        if r.takes("use") {
            let Some(name) = r.word() else { return r.syntax() };
            return if self.all.contains_key(&name) {
                Outcome::Use(name)
            } else {
                Outcome::Failed(Fault::NoDatabase(name))
            };
        }
        if r.takes("show databases") || r.takes("show schemas") {
            let rows = self.all.keys().map(|n| vec![Some(n.clone())]).collect();
            return Outcome::Rows(vec!["Database".into()], rows);
        }
        for quiet in [
            "create user",
            "alter user",
            "grant",
            "revoke",
            "flush",
            "set",
            "begin",
            "start transaction",
            "commit",
            "rollback",
            "create role",
            "alter role",
            "create extension",
            "analyze",
            "vacuum",
            "lock",
            "unlock",
            "create index",
            "reset",
            "stop",
            "change",
            "start",
        ] {
            if r.takes(quiet) {
                return Outcome::Done(quiet.to_ascii_uppercase(), 0);
            }
        }
        if r.takes("select") {
            return self.select(r, used, now);
        }
        // The rest is on one database; a name may say which.
        let named = |name: &str| name.split_once('.').map_or(used.to_string(), |(d, _)| d.to_string());
        if r.takes("show tables") {
            let Some(database) = self.all.get(used) else { return Outcome::Failed(Fault::NoneChosen) };
            let rows = database.keys().map(|n| vec![Some(n.clone())]).collect();
            return Outcome::Rows(vec![format!("Tables_in_{used}")], rows);
        }
        if r.takes("create table") {
            let quiet = r.takes("if not exists");
            let Some(name) = r.word() else { return r.syntax() };
            let of = if name.starts_with("public.") { used.to_string() } else { named(&name) };
            let Some(database) = self.all.get_mut(&of) else { return Outcome::Failed(Fault::NoneChosen) };
            let name = bare(&name);
            if database.contains_key(&name) {
                return if quiet {
                    Outcome::Done("CREATE TABLE".into(), 0)
                } else {
                    Outcome::Failed(Fault::TableExists(name))
                };
            }
            if !r.sign('(') {
                return r.syntax();
            }
            let mut table = Table { next: 1, ..Table::default() };
            loop {
                let skip = ["primary key", "key", "unique", "constraint", "foreign key", "index", "check"]
                    .iter()
                    .any(|k| r.takes(k));
                let column = if skip { None } else { r.word() };
                let mut kind = String::new();
                let mut depth = 0;
                loop {
                    match r.peek() {
                        None => return r.syntax(),
                        Some(Token::Sign('(')) => {
                            depth += 1;
                            kind.push('(');
                        }
                        Some(Token::Sign(')')) if depth == 0 => break,
                        Some(Token::Sign(')')) => {
                            depth -= 1;
                            kind.push(')');
                        }
                        Some(Token::Sign(',')) if depth == 0 => break,
                        Some(Token::Sign(sign)) => kind.push(*sign),
                        Some(Token::Word(word) | Token::Text(word)) => {
                            if !kind.is_empty() && !kind.ends_with(['(', ',']) {
                                kind.push(' ');
                            }
                            kind.push_str(&word.to_ascii_lowercase());
                        }
                    }
                    r.at += 1;
                }
                if let Some(column) = column {
                    table.columns.push((column, kind));
                }
                if !r.sign(',') {
                    break;
                }
            }
            if !r.sign(')') {
                return r.syntax();
            }
            database.insert(name, table);
            return Outcome::Done("CREATE TABLE".into(), 0);
        }
        if r.takes("drop table") {
            let quiet = r.takes("if exists");
            let Some(name) = r.word() else { return r.syntax() };
            let Some(database) = self.all.get_mut(&named(&name)) else { return Outcome::Failed(Fault::NoneChosen) };
            return match database.remove(&bare(&name)) {
                None if !quiet => Outcome::Failed(Fault::NoTable(bare(&name))),
                _ => Outcome::Done("DROP TABLE".into(), 0),
            };
        }
        let kind = match () {
            () if r.takes("insert into") || r.takes("replace into") => 'i',
            () if r.takes("delete from") => 'd',
            () if r.takes("truncate table") || r.takes("truncate") => 't',
            () if r.takes("update") => 'u',
            () if r.takes("describe") || r.takes("desc") || r.takes("show columns from") => 'c',
            () => return r.syntax(),
        };
        let Some(name) = r.word() else { return r.syntax() };
        let of = if self.all.contains_key(&named(&name)) { named(&name) } else { used.to_string() };
        let Some(database) = self.all.get_mut(&of) else { return Outcome::Failed(Fault::NoneChosen) };
        let Some(table) = database.get_mut(&bare(&name)) else { return Outcome::Failed(Fault::NoTable(bare(&name))) };
        match kind {
            'i' => insert(r, table, now),
            't' => {
                table.rows.clear();
                table.next = 1;
                Outcome::Done("TRUNCATE TABLE".into(), 0)
            }
            'd' => {
                let Some(condition) = condition(r, now) else { return r.syntax() };
                let mut gone = 0;
                let mut fault = None;
                let shape = Table { columns: table.columns.clone(), ..Table::default() };
                table.rows.retain(|row| match holds(&shape, row, &condition) {
                    Ok(true) => {
                        gone += 1;
                        false
                    }
                    Ok(false) => true,
                    Err(why) => {
                        fault = Some(why);
                        true
                    }
                });
                fault.map_or(Outcome::Done("DELETE".into(), gone), Outcome::Failed)
            }
            'u' => update(r, table, now),
            _ => {
                let names = ["Field", "Type", "Null", "Key", "Default", "Extra"].map(String::from).to_vec();
                let rows = table.columns.iter().map(|(name, kind)| {
                    let key = if kind.contains("primary key") { "PRI" } else { "" };
                    let null = if kind.contains("not null") || key == "PRI" { "NO" } else { "YES" };
                    let extra = if kind.contains("auto_increment") { "auto_increment" } else { "" };
                    let short = kind.split(' ').next().unwrap_or_default().to_string();
                    vec![Some(name.clone()), Some(short), Some(null.into()), Some(key.into()), None, Some(extra.into())]
                });
                Outcome::Rows(names, rows.collect())
            }
        }
    }

    fn select(&mut self, r: &mut Reader, used: &str, now: &str) -> Outcome {
        let mut columns: Vec<(String, String)> = Vec::new();
        loop {
            let mut text = String::new();
            let mut depth = 0;
            let mut is_text = false;
            loop {
                match r.peek() {
                    None => break,
                    Some(Token::Sign(',')) if depth == 0 => break,
                    Some(Token::Word(w))
                        if depth == 0 && (w.eq_ignore_ascii_case("from") || w.eq_ignore_ascii_case("as")) =>
                    {
                        break;
                    }
                    Some(Token::Sign(sign)) => {
                        depth += match sign {
                            '(' => 1,
                            ')' => -1,
                            _ => 0,
                        };
                        text.push(*sign);
                    }
                    Some(Token::Word(w)) => text.push_str(w),
                    Some(Token::Text(t)) => {
                        is_text = true;
                        text.push_str(t);
                    }
                }
                r.at += 1;
            }
            let shown = if r.takes("as") { r.word().unwrap_or_default() } else { text.clone() };
            columns.push((if is_text { format!("'{text}") } else { text }, shown));
            if !r.sign(',') {
                break;
            }
        }
        if !r.takes("from") {
            if !r.is_end() {
                return r.syntax();
            }
            let row = columns.iter().map(|(c, _)| constant(c, used, now)).collect();
            return Outcome::Rows(columns.into_iter().map(|(_, s)| s).collect(), vec![row]);
        }
        let Some(name) = r.word() else { return r.syntax() };
        let of = name.split_once('.').map_or(used.to_string(), |(d, _)| d.to_string());
        let of = if self.all.contains_key(&of) { of } else { used.to_string() };
        let Some(database) = self.all.get(&of) else { return Outcome::Failed(Fault::NoneChosen) };
        let Some(table) = database.get(&bare(&name)) else { return Outcome::Failed(Fault::NoTable(bare(&name))) };
        let Some(condition) = condition(r, now) else { return r.syntax() };
        let mut rows: Vec<&Vec<Option<String>>> = Vec::new();
        for row in &table.rows {
            match holds(table, row, &condition) {
                Ok(true) => rows.push(row),
                Ok(false) => {}
                Err(fault) => return Outcome::Failed(fault),
            }
        }
        if r.takes("order by") {
            let column = bare(&r.word().unwrap_or_default());
            let Some(at) = table.columns.iter().position(|(c, _)| c.eq_ignore_ascii_case(&column)) else {
                return Outcome::Failed(Fault::NoColumn(column));
            };
            let number = |row: &[Option<String>]| row[at].as_ref().and_then(|v| v.parse::<f64>().ok());
            rows.sort_by(|a, b| match (number(a), number(b)) {
                (Some(x), Some(y)) => x.total_cmp(&y),
                _ => a[at].cmp(&b[at]),
            });
            if r.takes("desc") {
                rows.reverse();
            } else {
                r.takes("asc");
            }
        }
        if r.takes("limit") {
            let count = r.word().and_then(|w| w.parse().ok()).unwrap_or(usize::MAX);
            rows.truncate(count);
        }
        if !r.is_end() {
            return r.syntax();
        }
        let is_count = |c: &str| c.to_ascii_lowercase().replace(' ', "").starts_with("count(");
        if columns.iter().any(|(c, _)| is_count(c)) {
            let row = columns.iter().map(|(c, _)| if is_count(c) { Some(rows.len().to_string()) } else { None });
            return Outcome::Rows(columns.iter().map(|(_, s)| s.clone()).collect(), vec![row.collect()]);
        }
        let mut picked: Vec<(usize, String)> = Vec::new();
        for (column, shown) in &columns {
            if column == "*" {
                picked.extend(table.columns.iter().enumerate().map(|(at, (n, _))| (at, n.clone())));
                continue;
            }
            match table.columns.iter().position(|(c, _)| c.eq_ignore_ascii_case(&bare(column))) {
                Some(at) => picked.push((at, bare(shown))),
                None => return Outcome::Failed(Fault::NoColumn(column.clone())),
            }
        }
        let rows = rows.into_iter().map(|row| picked.iter().map(|(at, _)| row.get(*at).cloned().flatten()).collect());
        Outcome::Rows(picked.iter().map(|(_, n)| n.clone()).collect(), rows.collect())
    }
}

/// What an expression without a table is.
fn constant(text: &str, used: &str, now: &str) -> Option<String> {
    if let Some(text) = text.strip_prefix('\'') {
        return Some(text.to_string());
    }
    match text.to_ascii_lowercase().as_str() {
        "now()" | "current_timestamp" | "current_timestamp()" => Some(now.to_string()),
        "database()" | "current_database()" => Some(used.to_string()).filter(|u| !u.is_empty()),
        "null" => None,
        lower => match lower.split_once('+') {
            Some((a, b)) => match (a.parse::<i64>(), b.parse::<i64>()) {
                (Ok(a), Ok(b)) => Some(a.wrapping_add(b).to_string()),
                _ => Some(text.to_string()),
            },
            None => Some(text.to_string()),
        },
    }
}

fn insert(r: &mut Reader, table: &mut Table, now: &str) -> Outcome {
    let mut wanted: Vec<usize> = (0..table.columns.len()).collect();
    if r.sign('(') {
        wanted.clear();
        loop {
            let Some(name) = r.word() else { return r.syntax() };
            match table.columns.iter().position(|(c, _)| c.eq_ignore_ascii_case(&bare(&name))) {
                Some(at) => wanted.push(at),
                None => return Outcome::Failed(Fault::NoColumn(name)),
            }
            if !r.sign(',') {
                break;
            }
        }
        if !r.sign(')') {
            return r.syntax();
        }
    }
    if !r.takes("values") && !r.takes("value") {
        return r.syntax();
    }
    let mut count = 0;
    loop {
        if !r.sign('(') {
            return r.syntax();
        }
        let mut values = Vec::new();
        loop {
            let Some(value) = r.value(now) else { return r.syntax() };
            values.push(value);
            if !r.sign(',') {
                break;
            }
        }
        if !r.sign(')') {
            return r.syntax();
        }
        if values.len() != wanted.len() {
            return Outcome::Failed(Fault::Count);
        }
        let mut row: Vec<Option<String>> = vec![None; table.columns.len()];
        for (at, value) in wanted.iter().zip(values) {
            row[*at] = value;
        }
        for (at, (name, kind)) in table.columns.iter().enumerate() {
            if row[at].is_none()
                && (kind.contains("auto_increment") || kind.contains("serial") || kind.contains("generated"))
            {
                row[at] = Some(table.next.to_string());
                table.next += 1;
            } else if row[at].is_none() && kind.contains("current_timestamp")
                || row[at].is_none() && kind.contains("now(")
            {
                row[at] = Some(now.to_string());
            } else if let Some(number) =
                row[at].as_ref().and_then(|v| v.parse::<i64>().ok()).filter(|_| kind.contains("auto_increment"))
            {
                table.next = table.next.max(number + 1);
            }
            if kind.contains("primary key") && row[at].is_some() && table.rows.iter().any(|r| r[at] == row[at]) {
                return Outcome::Failed(Fault::Duplicate(row[at].clone().unwrap_or_default(), name.clone()));
            }
        }
        if table.rows.len() < 1_000_000 {
            table.rows.push(row);
        }
        count += 1;
        if !r.sign(',') {
            break;
        }
    }
    Outcome::Done("INSERT".into(), count)
}

fn update(r: &mut Reader, table: &mut Table, now: &str) -> Outcome {
    if !r.takes("set") {
        return r.syntax();
    }
    let mut changes = Vec::new();
    loop {
        let Some(name) = r.word() else { return r.syntax() };
        let Some(at) = table.columns.iter().position(|(c, _)| c.eq_ignore_ascii_case(&bare(&name))) else {
            return Outcome::Failed(Fault::NoColumn(name));
        };
        if !r.sign('=') {
            return r.syntax();
        }
        let Some(value) = r.value(now) else { return r.syntax() };
        changes.push((at, value));
        if !r.sign(',') {
            break;
        }
    }
    let Some(condition) = condition(r, now) else { return r.syntax() };
    let shape = Table { columns: table.columns.clone(), ..Table::default() };
    let mut count = 0;
    for row in &mut table.rows {
        match holds(&shape, row, &condition) {
            Ok(true) => {
                count += 1;
                for (at, value) in &changes {
                    row[*at].clone_from(value);
                }
            }
            Ok(false) => {}
            Err(fault) => return Outcome::Failed(fault),
        }
    }
    Outcome::Done("UPDATE".into(), count)
}

/// What a client and a server say to each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Wire {
    /// Who asks: user, password, database.
    Login(String, String, String),
    /// A statement.
    Statement(String),
    /// He is in.
    Welcome,
    /// Rows under their columns, with whether each is a number.
    Rows(Vec<(String, bool)>, Vec<Vec<Option<String>>>),
    /// So many rows were changed.
    Done(String, u64),
    /// Another database is used.
    Uses(String),
    /// It failed: the whole text.
    Failed(String),
    /// Rows as a client shows them for its own commands: a title, and what stands below them if it isn't their number.
    Titled(String, Vec<(String, bool)>, Vec<Vec<Option<String>>>, Option<String>),
}

impl Wire {
    /// As it goes over the wire: its length and itself.
    pub fn bytes(&self) -> Vec<u8> {
        let body = postcard::to_stdvec(self).unwrap_or_default();
        [&(body.len() as u32).to_be_bytes()[..], &body].concat()
    }

    /// Takes one off a buffer; none where more is needed. What is none is a failure.
    pub fn take(buffer: &mut Vec<u8>) -> Option<Wire> {
        let head: [u8; 4] = buffer.get(..4)?.try_into().ok()?;
        let length = u32::from_be_bytes(head) as usize;
        if length > 64 << 20 {
            buffer.clear();
            return Some(Wire::Failed("Packets out of order".into()));
        }
        let body = buffer.get(4..4 + length)?.to_vec();
        buffer.drain(..4 + length);
        Some(postcard::from_bytes(&body).unwrap_or(Wire::Failed("Malformed packet".into())))
    }
}

/// Rows with whether their columns hold numbers only.
pub fn rows(names: Vec<String>, rows: Vec<Vec<Option<String>>>) -> Wire {
    let is_number = |at: usize| {
        let mut values = rows.iter().filter_map(|r| r.get(at)?.as_ref()).peekable();
        values.peek().is_some() && values.all(|v| v.parse::<f64>().is_ok())
    };
    let columns = names.into_iter().enumerate().map(|(at, name)| (name, is_number(at))).collect();
    Wire::Rows(columns, rows)
}

/// Lines that are written one after the other, each group after a while.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Script {
    /// How long each is waited for, in milliseconds; the stream; the text. `@` stands for the time.
    pub todo: std::collections::VecDeque<(i64, u8, String)>,
    due: Option<crate::api::Time>,
}

impl Script {
    /// Adds a piece.
    pub fn add(&mut self, after: i64, stream: u8, text: impl Into<String>) {
        self.todo.push_back((after, stream, text.into()));
    }

    /// Writes what is due; when the next one is, or none at the end.
    pub fn step(
        &mut self,
        sys: &mut crate::machine::kernel::Sys<'_>,
        stamp: fn(crate::api::Time) -> String,
    ) -> Option<crate::api::Time> {
        while let Some((after, stream, text)) = self.todo.front().cloned() {
            let due = *self.due.get_or_insert(sys.now() + crate::api::Duration(after));
            if sys.now() < due {
                return Some(due);
            }
            self.todo.pop_front();
            self.due = None;
            let text = text.replace('@', &stamp(sys.now()));
            if stream == 2 { sys.err(text) } else { sys.out(text) }
        }
        None
    }
}
