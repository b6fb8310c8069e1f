//! Reading templates; mirrors `parser.go` of client-go's jsonpath.

use super::super::go_value::{code_point, unescape};
use super::{JsonPathError, Node, Param};

/// Filters may hold expressions; deeper nesting than this is refused.
const MAX_DEPTH: usize = 50;

/// The top level of a template: texts and lists in turn.
pub(super) fn parse(text: &str) -> Result<Vec<Node>, JsonPathError> {
    parse_template(text, 0)
}

fn error<T>(text: impl Into<String>) -> Result<T, JsonPathError> {
    Err(JsonPathError(text.into()))
}

fn parse_template(text: &str, depth: usize) -> Result<Vec<Node>, JsonPathError> {
    if depth > MAX_DEPTH {
        return error("the expressions are nested too deeply");
    }
    let mut parser = Parser { input: text, at: 0, start: 0, depth };
    let mut root = Vec::new();
    while let Some(offset) = text[parser.at..].find('{') {
        parser.at += offset;
        if parser.at > parser.start {
            root.push(Node::Text(parser.consume().into()));
        }
        parser.at += 1;
        parser.consume();
        root.push(Node::List(parser.action()?));
    }
    parser.at = text.len();
    if parser.at > parser.start {
        root.push(Node::Text(parser.consume().into()));
    }
    Ok(root)
}

/// Reads an expression that stands in no braces of its own; mirrors `parseAction`.
fn parse_action(text: &str, depth: usize) -> Result<Vec<Node>, JsonPathError> {
    match parse_template(&format!("{{{text}}}"), depth + 1)?.into_iter().next() {
        Some(Node::List(nodes)) => Ok(nodes),
        _ => Ok(Vec::new()),
    }
}

fn is_terminator(c: Option<char>) -> bool {
    matches!(c, None | Some(' ' | '\t' | '\r' | '\n' | '.' | ',' | '[' | ']' | '$' | '@' | '{' | '}'))
}

fn is_alphanumeric(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

struct Parser<'a> {
    input: &'a str,
    at: usize,
    /// Where the text that was not consumed yet begins.
    start: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.input[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn consume(&mut self) -> &'a str {
        let text = &self.input[self.start..self.at];
        self.start = self.at;
        text
    }

    /// Whether a backslash stands before the character that was just read.
    fn after_backslash(&self) -> bool {
        self.at >= 2 && self.input.as_bytes()[self.at - 2] == b'\\'
    }

    /// What stands between braces; the left one has been read.
    fn action(&mut self) -> Result<Vec<Node>, JsonPathError> {
        let mut nodes: Vec<Node> = Vec::new();
        loop {
            let rest = self.rest();
            if rest.starts_with('}') {
                self.at += 1;
                self.consume();
                return Ok(nodes);
            }
            if rest.starts_with("[?(") {
                nodes.push(self.filter()?);
                continue;
            }
            if rest.starts_with("..") {
                if nodes.last() == Some(&Node::Recursive) {
                    return error("invalid multiple recursive descent");
                }
                self.at += 2;
                self.consume();
                nodes.push(Node::Recursive);
                if self.peek().is_some_and(is_alphanumeric) {
                    nodes.push(self.field());
                }
                continue;
            }
            match self.next() {
                None | Some('\r' | '\n') => return error("unclosed action"),
                Some(' ' | '@' | '$') => {
                    self.consume();
                }
                Some('[') => nodes.extend(self.array()?),
                Some(quote @ ('"' | '\'')) => nodes.push(self.quoted(quote)?),
                Some('.') => nodes.push(self.field()),
                Some(c) if c == '+' || c == '-' || c.is_numeric() => {
                    self.at -= c.len_utf8();
                    nodes.push(self.number()?);
                }
                Some(c) if is_alphanumeric(c) => nodes.push(self.identifier()),
                Some(c) => return error(format!("unrecognized character in action: {}", code_point(c))),
            }
        }
    }

    fn identifier(&mut self) -> Node {
        while !is_terminator(self.peek()) {
            self.next();
        }
        match self.consume() {
            "true" => Node::Bool(true),
            "false" => Node::Bool(false),
            name => Node::Identifier(name.into()),
        }
    }

    fn number(&mut self) -> Result<Node, JsonPathError> {
        if let Some('+' | '-') = self.peek() {
            self.next();
        }
        while self.peek().is_some_and(|c| c == '.' || c.is_numeric()) {
            self.next();
        }
        let text = self.consume();
        match (text.parse(), text.parse()) {
            (Ok(i), _) => Ok(Node::Int(i)),
            (_, Ok(f)) => Ok(Node::Float(f)),
            _ => error(format!("cannot parse number {text}")),
        }
    }

    fn field(&mut self) -> Node {
        self.consume();
        loop {
            match self.peek() {
                Some('\\') => {
                    self.next();
                    self.next();
                }
                c if is_terminator(c) => break,
                _ => {
                    self.next();
                }
            }
        }
        match self.consume() {
            "*" => Node::Wildcard,
            name => Node::Field(name.replace('\\', "")),
        }
    }

    fn quoted(&mut self, end: char) -> Result<Node, JsonPathError> {
        loop {
            match self.next() {
                None | Some('\n') => return error("unterminated quoted string"),
                Some(c) if c == end && !self.after_backslash() => break,
                Some(_) => {}
            }
        }
        let text = self.consume();
        let inner = text.strip_prefix(end).and_then(|t| t.strip_suffix(end)).unwrap_or_default();
        match unescape(inner, end) {
            Some(text) => Ok(Node::Text(text)),
            None => error(format!("unquote string {text} error invalid syntax")),
        }
    }

    /// An index, a slice, a union or a key in brackets; the left one has been read.
    fn array(&mut self) -> Result<Vec<Node>, JsonPathError> {
        loop {
            match self.next() {
                None | Some('\n') => return error("unterminated array"),
                Some(']') => break,
                Some(_) => {}
            }
        }
        let text = self.consume();
        let text = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or_default();
        let text = if text == "*" { ":" } else { text };
        if text.contains(',') {
            let parts = text.split(',').map(|part| parse_action(&format!("[{}]", part.trim_matches(' ')), self.depth));
            return Ok(vec![Node::Union(parts.collect::<Result<_, _>>()?)]);
        }
        let key = text.strip_prefix('\'').and_then(|t| t.strip_suffix('\''));
        if let Some(key) = key.filter(|key| !key.contains('\'')) {
            return parse_action(&format!(".{key}"), self.depth);
        }
        Ok(vec![Node::Array(slice(text)?)])
    }

    fn filter(&mut self) -> Result<Node, JsonPathError> {
        self.at += 3;
        self.consume();
        let (mut quote, mut closed) = (None, false);
        loop {
            match self.next() {
                None | Some('\n') => return error("unterminated filter"),
                Some(c @ ('"' | '\'')) => match quote {
                    None => quote = Some(c),
                    Some(open) => closed |= c == open && !self.after_backslash(),
                },
                Some(')') if quote.is_some() == closed => break,
                Some(_) => {}
            }
        }
        if self.next() != Some(']') {
            return error("unclosed array expect ]");
        }
        let text = self.consume().strip_suffix(")]").unwrap_or_default();
        let is_operator = |c: char| "!<>=".contains(c);
        let left_end = text.find(is_operator).unwrap_or(text.len());
        let (left, rest) = text.split_at(left_end);
        let right = rest.trim_start_matches(is_operator);
        let mut operator = &rest[..rest.len() - right.len()];
        let mut right = right;
        // The operator gives back its last sign where nothing else is left to compare with.
        if right.is_empty() && operator.len() > 1 {
            right = &rest[operator.len() - 1..];
            operator = &operator[..operator.len() - 1];
        }
        if left.is_empty() || operator.is_empty() || right.is_empty() {
            let left = parse_action(text, self.depth)?;
            return Ok(Node::Filter { left, operator: "exists".into(), right: Vec::new() });
        }
        Ok(Node::Filter {
            left: parse_action(left, self.depth)?,
            operator: operator.into(),
            right: parse_action(right, self.depth)?,
        })
    }
}

/// `START:END:STEP`, each of which may be missing; a single index is a slice of one.
fn slice(text: &str) -> Result<[Param; 3], JsonPathError> {
    let parts: Vec<&str> = text.split(':').collect();
    let well_formed = |part: &&str| part.strip_prefix('-').unwrap_or(part).bytes().all(|b| b.is_ascii_digit());
    if parts.len() > 3 || !parts.iter().all(well_formed) {
        return error(format!("invalid array index {text}"));
    }
    let mut params = [Param::default(); 3];
    for (i, part) in parts.iter().enumerate().filter(|(_, part)| !part.is_empty()) {
        let Ok(value) = part.parse() else { return error(format!("array index {part} is not a number")) };
        params[i] = Param { value, known: true, derived: false };
    }
    if parts.len() == 1 {
        params[1] = Param { value: params[0].value.saturating_add(1), known: true, derived: true };
    }
    Ok(params)
}
