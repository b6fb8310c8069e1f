//! Writes YAML as `kubectl get -o yaml` does, byte for byte.
//!
//! Lists stand at their key's level, strings are quoted only where a bare word would mean something else, text of
//! several lines is a literal block, and long lines are folded behind column 80.
//! Mirrors `emitterc.go`, `encode.go` and `sorter.go` of `go.yaml.in/yaml/v2` as `sigs.k8s.io/yaml` uses them.

mod keys;
mod style;

use std::fmt::Write;

use serde_json::{Map, Number, Value};

use self::keys::sorted;
use self::style::{Style, choose_style, is_break, is_printable};
use super::json;
use crate::api::scalar::{Scalar, resolve, yaml_float};

/// Lines are folded at the first space behind this column.
const BEST_WIDTH: usize = 80;
/// A key of more bytes than this is written in the long form, `? key`.
const SIMPLE_KEY_BYTES: usize = 128;

/// The document as kubectl prints it, with a final newline and without `---`.
pub fn to_yaml(value: &Value) -> String {
    let mut emitter = Emitter { out: String::new(), column: 0, indent: -1, whitespace: true, indention: true };
    emitter.node(value, false);
    emitter.write_indent();
    emitter.out
}

struct Emitter {
    out: String,
    /// Characters since the last line break.
    column: usize,
    /// Columns that a new line starts with; -1 before the document's own node.
    indent: isize,
    /// The last thing written was white space, so that an indicator needs none before it.
    whitespace: bool,
    /// Only indentation and `-`, `?`, `:` indicators are on this line so far.
    indention: bool,
}

impl Emitter {
    fn node(&mut self, value: &Value, in_mapping: bool) {
        match value {
            Value::Null => self.plain_word("null"),
            Value::Bool(b) => self.plain_word(if *b { "true" } else { "false" }),
            Value::Number(n) => self.plain_word(&number(n)),
            Value::String(s) => self.string(s, false),
            Value::Array(items) if items.is_empty() => self.flow_pair("[", "]"),
            Value::Object(map) if map.is_empty() => self.flow_pair("{", "}"),
            Value::Array(items) => self.sequence(items, in_mapping),
            Value::Object(map) => self.mapping(map),
        }
    }

    fn flow_pair(&mut self, open: &str, close: &str) {
        self.indicator(open, true, true, false);
        self.indicator(close, false, false, false);
    }

    fn sequence(&mut self, items: &[Value], in_mapping: bool) {
        let outer = self.indent;
        self.increase_indent(false, in_mapping && !self.indention);
        for item in items {
            self.write_indent();
            self.indicator("-", true, false, true);
            self.node(item, false);
        }
        self.indent = outer;
    }

    fn mapping(&mut self, map: &Map<String, Value>) {
        let outer = self.indent;
        self.increase_indent(false, false);
        for (key, value) in sorted(map) {
            self.write_indent();
            let multiline = key.chars().any(is_break);
            if !multiline && key.len() <= SIMPLE_KEY_BYTES {
                self.string(key, true);
                self.indicator(":", false, false, false);
            } else {
                self.indicator("?", true, false, true);
                self.string(key, false);
                self.write_indent();
                self.indicator(":", true, false, true);
            }
            self.node(value, true);
        }
        self.indent = outer;
    }

    fn string(&mut self, s: &str, simple_key: bool) {
        let style = choose_style(s, simple_key);
        let outer = self.indent;
        self.increase_indent(true, false);
        match style {
            Style::Plain => self.plain(s, !simple_key),
            Style::SingleQuoted => self.single_quoted(s, !simple_key),
            Style::DoubleQuoted => self.double_quoted(s, !simple_key),
            Style::Literal => self.literal(s),
        }
        self.indent = outer;
    }

    fn plain_word(&mut self, word: &str) {
        self.indicator(word, true, false, false);
    }

    fn plain(&mut self, s: &str, fold: bool) {
        if !self.whitespace {
            self.put(' ');
        }
        let mut spaces = false;
        let mut chars = s.chars().peekable();
        while let Some(c) = chars.next() {
            let before_space = chars.peek() == Some(&' ');
            if c == ' ' && fold && !spaces && self.column > BEST_WIDTH && !before_space {
                self.write_indent();
            } else {
                self.put(c);
            }
            spaces = c == ' ';
        }
        self.whitespace = false;
        self.indention = false;
    }

    fn single_quoted(&mut self, s: &str, fold: bool) {
        self.indicator("'", true, false, false);
        let mut spaces = false;
        let mut breaks = false;
        let mut chars = s.char_indices().peekable();
        while let Some((i, c)) = chars.next() {
            if c == ' ' {
                let inner = i > 0 && chars.peek().is_some_and(|(_, next)| *next != ' ');
                if fold && !spaces && self.column > BEST_WIDTH && inner {
                    self.write_indent();
                } else {
                    self.put(c);
                }
                spaces = true;
            } else if is_break(c) {
                if !breaks && c == '\n' {
                    self.put('\n');
                }
                self.put(c);
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                if c == '\'' {
                    self.put(c);
                }
                self.put(c);
                self.indention = false;
                spaces = false;
                breaks = false;
            }
        }
        self.indicator("'", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn double_quoted(&mut self, s: &str, fold: bool) {
        // OBSERVATION: the check for a byte order mark looks at the start of the text whatever the position, so
        // a text that starts with one is escaped throughout.
        let escape_all = s.starts_with('\u{feff}');
        self.indicator("\"", true, false, false);
        let mut spaces = false;
        let mut chars = s.char_indices().peekable();
        while let Some((i, c)) = chars.next() {
            let next = chars.peek().map(|(_, next)| *next);
            if escape_all || !is_printable(c) || is_break(c) || c == '"' || c == '\\' {
                self.escaped(c);
                spaces = false;
            } else if c == ' ' && fold && !spaces && self.column > BEST_WIDTH && i > 0 && next.is_some() {
                self.write_indent();
                if next == Some(' ') {
                    self.put('\\');
                }
                spaces = true;
            } else {
                self.put(c);
                spaces = c == ' ';
            }
        }
        self.indicator("\"", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn escaped(&mut self, c: char) {
        let code = u32::from(c);
        let short = match c {
            '\0' => Some('0'),
            '\u{7}' => Some('a'),
            '\u{8}' => Some('b'),
            '\t' => Some('t'),
            '\n' => Some('n'),
            '\u{b}' => Some('v'),
            '\u{c}' => Some('f'),
            '\r' => Some('r'),
            '\u{1b}' => Some('e'),
            '"' => Some('"'),
            '\\' => Some('\\'),
            '\u{85}' => Some('N'),
            '\u{a0}' => Some('_'),
            '\u{2028}' => Some('L'),
            '\u{2029}' => Some('P'),
            _ => None,
        };
        let mut text = String::from("\\");
        // Writing to a String cannot fail.
        let _ = match short {
            Some(short) => write!(text, "{short}"),
            None if code <= 0xff => write!(text, "x{code:02X}"),
            None if code <= 0xffff => write!(text, "u{code:04X}"),
            None => write!(text, "U{code:08X}"),
        };
        for c in text.chars() {
            self.put(c);
        }
    }

    fn literal(&mut self, s: &str) {
        self.indicator("|", true, false, false);
        if s.starts_with([' ', '\n', '\u{2028}', '\u{2029}']) {
            self.indicator("2", false, false, false);
        }
        let mut backwards = s.chars().rev();
        match (backwards.next().is_some_and(is_break), backwards.next()) {
            (false, _) => self.indicator("-", false, false, false),
            (true, None) => self.indicator("+", false, false, false),
            (true, Some(c)) if is_break(c) => self.indicator("+", false, false, false),
            (true, Some(_)) => {}
        }
        self.put('\n');
        self.indention = true;
        self.whitespace = true;
        let mut breaks = true;
        for c in s.chars() {
            if is_break(c) {
                self.put(c);
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                self.put(c);
                self.indention = false;
                breaks = false;
            }
        }
    }

    fn increase_indent(&mut self, flow: bool, indentless: bool) {
        if self.indent < 0 {
            self.indent = if flow { 2 } else { 0 };
        } else if !indentless {
            self.indent += 2;
        }
    }

    /// Starts a new line unless this one is still blank up to the indentation, then fills up to that.
    fn write_indent(&mut self) {
        let indent = usize::try_from(self.indent).unwrap_or(0);
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.put('\n');
        }
        while self.column < indent {
            self.put(' ');
        }
        self.whitespace = true;
        self.indention = true;
    }

    fn indicator(&mut self, text: &str, need_whitespace: bool, is_whitespace: bool, is_indention: bool) {
        if need_whitespace && !self.whitespace {
            self.put(' ');
        }
        for c in text.chars() {
            self.put(c);
        }
        self.whitespace = is_whitespace;
        self.indention = self.indention && is_indention;
    }

    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column = if is_break(c) { 0 } else { self.column + 1 };
    }
}

/// kubectl marshals to JSON first and reads that as YAML, so a float that is whole comes out as an integer.
fn number(n: &Number) -> String {
    let text = json::number(n);
    match resolve(&text) {
        Scalar::Int(n) => n.to_string(),
        Scalar::Float(f) => yaml_float(f),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::to_yaml;

    #[test]
    fn strings_are_quoted_only_where_a_bare_word_would_mean_something_else() {
        let value = json!([
            "",
            "plain",
            "with: colon",
            "a:b",
            "yes",
            "Off",
            "0644",
            "1:30",
            "1.5",
            "2001-01-01",
            "null",
            "- x",
            "-x",
            "*",
            "a #b",
            "a#b",
            "tab\there",
            "it's",
            " lead",
            "trail ",
            "---",
            "é",
            "\u{1f600}",
            "100m",
            "<<",
            "%x",
            "?"
        ]);
        insta::assert_snapshot!(to_yaml(&value), @r#"
        - ""
        - plain
        - 'with: colon'
        - a:b
        - "yes"
        - "Off"
        - "0644"
        - "1:30"
        - "1.5"
        - "2001-01-01"
        - "null"
        - '- x'
        - -x
        - '*'
        - 'a #b'
        - a#b
        - "tab\there"
        - it's
        - ' lead'
        - 'trail '
        - '---'
        - é
        - "\U0001F600"
        - 100m
        - <<
        - '%x'
        - '?'
        "#);
    }

    #[test]
    fn blocks_lists_and_nesting_are_laid_out_as_kubectl_does() {
        let value = json!({
            "script": "#!/bin/sh\necho\n",
            "kept": "a\n\n",
            "stripped": "a\nb",
            "indented": "  a\nb\n",
            "broken": "a \nb\n",
            "list": [["a", ["b"]], {"x": 1, "y": {"z": []}}, {}, null],
            "nested": {"items": [{"name": "n", "ports": [80]}]},
            "a\nb": "c",
        });
        insta::assert_snapshot!(to_yaml(&value), @r#"
        ? |-
          a
          b
        : c
        broken: "a \nb\n"
        indented: |2
            a
          b
        kept: |+
          a

        list:
        - - a
          - - b
        - x: 1
          "y":
            z: []
        - {}
        - null
        nested:
          items:
          - name: "n"
            ports:
            - 80
        script: |
          #!/bin/sh
          echo
        stripped: |-
          a
          b
        "#);
        assert_eq!(to_yaml(&Value::Null), "null\n");
        assert_eq!(to_yaml(&json!("a\n")), "|\n  a\n");
    }

    #[test]
    fn keys_are_sorted_naturally() {
        let value = json!({"b": 1, "a10": 2, "a9": 3, "A": 4, "10": 5, "9": 6, "a.b": 7, "ab": 8, "a-b": 9, "v1.10": 0, "v1.2": 0});
        insta::assert_snapshot!(to_yaml(&value), @r#"
        "9": 6
        "10": 5
        A: 4
        a-b: 9
        a.b: 7
        a9: 3
        a10: 2
        ab: 8
        b: 1
        v1.2: 0
        v1.10: 0
        "#);
    }

    #[test]
    fn long_lines_are_folded_behind_column_80() {
        let words =
            "0/3 nodes are available: persistentvolumeclaim \"x\" not found. preemption: 0/3 nodes are available";
        let value = json!({"message": words, "quoted": format!("{words}\t"), "spec": {"single": format!("- {words}")}});
        insta::assert_snapshot!(to_yaml(&value), @r#"
        message: '0/3 nodes are available: persistentvolumeclaim "x" not found. preemption:
          0/3 nodes are available'
        quoted: "0/3 nodes are available: persistentvolumeclaim \"x\" not found. preemption:
          0/3 nodes are available\t"
        spec:
          single: '- 0/3 nodes are available: persistentvolumeclaim "x" not found. preemption:
            0/3 nodes are available'
        "#);
    }

    #[test]
    fn numbers_go_through_json_first() {
        let value = json!({"a": 1000.0, "b": 1e20, "c": 1234567.5, "d": u64::MAX, "e": -0.0});
        insta::assert_snapshot!(to_yaml(&value), @r#"
        a: 1000
        b: 1e+20
        c: 1.2345675e+06
        d: 18446744073709551615
        e: 0
        "#);
    }
}
