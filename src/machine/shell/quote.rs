//! Texts quoted so that a shell reads them back.

use super::Flavor;
use super::vars::{Value, Var};

/// In single quotes: `a'b` is `'a'\''b'`.
pub(super) fn single(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// In double quotes, as `declare -p` shows values.
pub(super) fn double(text: &str) -> String {
    if has_control(text) {
        return ansi(text);
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '$' | '`') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

fn has_control(text: &str) -> bool {
    text.chars().any(|c| c.is_control())
}

/// `$'...'`
pub(super) fn ansi(text: &str) -> String {
    let mut out = String::from("$'");
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            '\u{1b}' => out.push_str("\\E"),
            '\'' => out.push_str("\\'"),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => out.push_str(&format!("\\{:03o}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

/// As `${x@Q}` shows it.
pub(super) fn reusable(text: &str) -> String {
    if has_control(text) { ansi(text) } else { single(text) }
}

/// As `printf %q` shows it.
pub(super) fn backslashed(text: &str) -> String {
    if text.is_empty() {
        return "''".into();
    }
    if has_control(text) {
        return ansi(text);
    }
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.chars().enumerate() {
        let special = " !\"$&'()*,;<>?[\\]^`{|}".contains(c) || at == 0 && matches!(c, '#' | '~');
        if special {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A word of a trace (`set -x`).
pub(super) fn traced(text: &str, flavor: Flavor) -> String {
    match flavor {
        Flavor::Dash => text.to_string(),
        Flavor::Ash => ash(text, false),
        Flavor::Bash => {
            if text.is_empty() {
                "''".into()
            } else if has_control(text) {
                // Tabs and newlines are shown as they are.
                if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
                    ansi(text)
                } else {
                    single(text)
                }
            } else if text.contains([
                ' ', '\'', '"', '\\', '|', '&', ';', '(', ')', '<', '>', '!', '{', '}', '*', '[', '?', ']', '^', '$',
                '`',
            ]) || text.starts_with(['#', '~'])
            {
                single(text)
            } else {
                text.to_string()
            }
        }
    }
}

/// As busybox quotes: single quotes, and double ones around single quotes.
pub(super) fn ash(text: &str, always: bool) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./+:,@]".contains(c);
    const RESERVED: [&str; 14] =
        ["if", "then", "else", "elif", "fi", "case", "esac", "for", "in", "while", "until", "do", "done", "function"];
    if !always && text.chars().all(plain) && !RESERVED.contains(&text) {
        return text.to_string();
    }
    let mut out = String::new();
    let mut rest = text;
    if rest.is_empty() && always {
        return "''".into();
    }
    while !rest.is_empty() {
        let len = rest.find('\'').unwrap_or(rest.len());
        if len > 0 {
            out.push_str(&format!("'{}'", &rest[..len]));
        }
        rest = &rest[len..];
        let quotes = rest.len() - rest.trim_start_matches('\'').len();
        if quotes > 0 {
            out.push_str(&format!("\"{}\"", &rest[..quotes]));
        }
        rest = &rest[quotes..];
    }
    out
}

/// A value as `set` and `export -p` list it.
pub(super) fn listed(text: &str, flavor: Flavor) -> String {
    match flavor {
        Flavor::Bash => {
            let plain = |c: char| !" '\"\\|&;()<>!{}*[?]^$`\n\t~#=".contains(c) && !c.is_control();
            if text.is_empty() {
                String::new()
            } else if has_control(text) {
                ansi(text)
            } else if text.chars().all(plain)
                || !text.contains([
                    ' ', '\'', '"', '\\', '|', '&', ';', '(', ')', '<', '>', '!', '{', '}', '*', '[', '?', ']', '^',
                    '$', '`',
                ]) && !text.starts_with(['~', '#'])
            {
                text.to_string()
            } else {
                single(text)
            }
        }
        Flavor::Dash | Flavor::Ash => {
            // Single quotes, and double ones around single quotes.
            ash(text, true)
        }
    }
}

/// The letters of a variable's attributes, as `declare` takes them.
pub(super) fn attributes(var: &Var) -> String {
    let mut out = String::new();
    match var.value {
        Value::Array(_) => out.push('a'),
        Value::Assoc(_) => out.push('A'),
        _ => {}
    }
    for (on, letter) in [
        (var.integer, 'i'),
        (var.lower, 'l'),
        (var.reference, 'n'),
        (var.readonly, 'r'),
        (var.upper, 'u'),
        (var.exported, 'x'),
    ] {
        if on {
            out.push(letter);
        }
    }
    out
}

/// A variable as `declare -p` shows it; with `short` as `${x@A}` does.
pub(super) fn declaration(name: &str, var: &Var, short: bool) -> String {
    let letters = attributes(var);
    let value = match &var.value {
        Value::Unset => String::new(),
        Value::Text(text) if short => format!("={}", reusable(text)),
        Value::Text(text) => format!("={}", double(text)),
        Value::Array(_) | Value::Assoc(_) => format!("={}", elements(var)),
    };
    if short && letters.is_empty() {
        return format!("{name}{value}");
    }
    format!("declare -{} {name}{value}", if letters.is_empty() { "-" } else { &letters })
}

/// `([0]="a" [1]="b")`
pub(super) fn elements(var: &Var) -> String {
    let assoc = matches!(var.value, Value::Assoc(_));
    let all = var.elements();
    let mut out: Vec<String> = Vec::new();
    for (key, value) in all {
        let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:,%+=".contains(c));
        let key = if !assoc || plain { key } else { double(&key) };
        out.push(format!("[{key}]={}", double(&value)));
    }
    if assoc && !out.is_empty() { format!("({} )", out.join(" ")) } else { format!("({})", out.join(" ")) }
}
