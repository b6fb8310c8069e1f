//! Builds a template's tree; mirrors the parser of Go's `text/template/parse`.

use std::collections::BTreeMap;
use std::fmt;

use super::super::go_value::{quote, unescape};
use super::funcs::is_function;
use super::lex::{Item, Kind, lex};
use super::tree::{Branch, Command, Node, Operand, Pipe, Term};
use super::{NAME, TemplateError};

/// Parentheses, conditions and loops may be nested this deeply.
const MAX_DEPTH: usize = 150;

/// The trees of a text by name: the text's own, and what it defines.
pub(super) fn parse(text: &str) -> Result<BTreeMap<String, Vec<Node>>, TemplateError> {
    let mut parser = Parser {
        items: lex(text),
        at: 0,
        fetched: 0,
        action_line: 0,
        vars: vec!["$".into()],
        range_depth: 0,
        depth: 0,
        trees: BTreeMap::new(),
    };
    let root = parser.root()?;
    parser.add(NAME, root)?;
    Ok(parser.trees)
}

type Parsed<T> = Result<T, TemplateError>;

/// What a list of nodes ended with.
enum End {
    End,
    Else,
}

struct Parser {
    items: Vec<Item>,
    at: usize,
    /// How far the lexer has been read; errors name the line of that token.
    fetched: usize,
    action_line: usize,
    vars: Vec<String>,
    range_depth: usize,
    depth: usize,
    trees: BTreeMap<String, Vec<Node>>,
}

fn is_empty_tree(nodes: &[Node]) -> bool {
    nodes.iter().all(|node| matches!(node, Node::Text(text) if text.trim().is_empty()))
}

impl Parser {
    fn error<T>(&self, text: impl fmt::Display) -> Parsed<T> {
        let line = self.items.get(self.fetched).map_or(1, |item| item.line);
        Err(TemplateError(format!("template: {NAME}:{line}: {text}")))
    }

    fn unexpected<T>(&self, item: &Item, context: &str) -> Parsed<T> {
        if item.kind != Kind::Error {
            return self.error(format!("unexpected {} in {context}", item.describe()));
        }
        if self.action_line == 0 || self.action_line == item.line {
            return self.error(&item.text);
        }
        let of_action = if item.text.ends_with(" action") { "" } else { " in action" };
        self.error(format!("{}{of_action} started at {NAME}:{}", item.text, self.action_line))
    }

    fn peek(&mut self) -> Item {
        self.fetched = self.fetched.max(self.at).min(self.items.len().saturating_sub(1));
        match self.items.get(self.at) {
            Some(item) => item.clone(),
            // Behind an error there is nothing more.
            None => Item { kind: Kind::Eof, pos: 0, line: 1, text: String::new() },
        }
    }

    fn next(&mut self) -> Item {
        let item = self.peek();
        self.at += 1;
        item
    }

    fn next_non_space(&mut self) -> Item {
        loop {
            let item = self.next();
            if item.kind != Kind::Space {
                return item;
            }
        }
    }

    fn peek_non_space(&mut self) -> Item {
        while self.peek().kind == Kind::Space {
            self.at += 1;
        }
        self.peek()
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Parsed<Item> {
        let item = self.next_non_space();
        if item.kind == kind { Ok(item) } else { self.unexpected(&item, context) }
    }

    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == MAX_DEPTH {
            return self.error("max expression depth exceeded");
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn add(&mut self, name: &str, tree: Vec<Node>) -> Parsed<()> {
        match self.trees.get(name) {
            Some(old) if !is_empty_tree(old) => {
                if !is_empty_tree(&tree) {
                    return self.error(format!("template: multiple definition of template {}", quote(name)));
                }
            }
            _ => {
                self.trees.insert(name.into(), tree);
            }
        }
        Ok(())
    }

    fn root(&mut self) -> Parsed<Vec<Node>> {
        let mut nodes = Vec::new();
        while self.peek().kind != Kind::Eof {
            if self.peek().kind == Kind::LeftDelim {
                let start = self.at;
                self.next();
                if self.next_non_space().is_keyword("define") {
                    self.definition()?;
                    continue;
                }
                self.at = start;
            }
            match self.text_or_action()? {
                Ok(node) => nodes.push(node),
                Err(End::End) => return self.error("unexpected {{end}}"),
                Err(End::Else) => return self.error("unexpected {{else}}"),
            }
        }
        Ok(nodes)
    }

    fn definition(&mut self) -> Parsed<()> {
        let context = "define clause";
        let item = self.next_non_space();
        let name = self.template_name(&item, context)?;
        self.expect(Kind::RightDelim, context)?;
        let tree = self.separate(context)?;
        self.add(&name, tree)
    }

    /// A list with variables of its own, up to its end.
    fn separate(&mut self, context: &str) -> Parsed<Vec<Node>> {
        let vars = std::mem::replace(&mut self.vars, vec!["$".into()]);
        let range_depth = std::mem::take(&mut self.range_depth);
        let (nodes, end) = self.list()?;
        if let End::Else = end {
            return self.error(format!("unexpected {{{{else}}}} in {context}"));
        }
        (self.vars, self.range_depth) = (vars, range_depth);
        Ok(nodes)
    }

    fn list(&mut self) -> Parsed<(Vec<Node>, End)> {
        self.deeper(|parser| {
            let mut nodes = Vec::new();
            while parser.peek_non_space().kind != Kind::Eof {
                match parser.text_or_action()? {
                    Ok(node) => nodes.push(node),
                    Err(end) => return Ok((nodes, end)),
                }
            }
            parser.error("unexpected EOF")
        })
    }

    fn text_or_action(&mut self) -> Parsed<Result<Node, End>> {
        let item = self.next_non_space();
        match item.kind {
            Kind::Text => Ok(Ok(Node::Text(item.text))),
            Kind::LeftDelim => {
                self.action_line = item.line;
                let action = self.action();
                self.action_line = 0;
                action
            }
            _ => self.unexpected(&item, "input"),
        }
    }

    fn action(&mut self) -> Parsed<Result<Node, End>> {
        let item = self.next_non_space();
        if item.kind == Kind::Keyword {
            match item.text.as_str() {
                "block" => return self.block().map(Ok),
                "break" | "continue" => return self.leave(&item.text).map(Ok),
                "else" => {
                    let next = self.peek_non_space();
                    if !next.is_keyword("if") && !next.is_keyword("with") {
                        self.expect(Kind::RightDelim, "else")?;
                    }
                    return Ok(Err(End::Else));
                }
                "end" => return self.expect(Kind::RightDelim, "end").map(|_| Err(End::End)),
                "if" => return Ok(Ok(Node::If(self.branch("if")?))),
                "range" => return Ok(Ok(Node::Range(self.branch("range")?))),
                "with" => return Ok(Ok(Node::With(self.branch("with")?))),
                "template" => return self.template().map(Ok),
                _ => {}
            }
        }
        self.at -= 1;
        Ok(Ok(Node::Action(self.pipeline("command", Kind::RightDelim)?)))
    }

    fn leave(&mut self, word: &str) -> Parsed<Node> {
        let item = self.next_non_space();
        if item.kind != Kind::RightDelim {
            return self.unexpected(&item, &format!("{{{{{word}}}}}"));
        }
        if self.range_depth == 0 {
            return self.error(format!("{{{{{word}}}}} outside {{{{range}}}}"));
        }
        Ok(if word == "break" { Node::Break } else { Node::Continue })
    }

    fn branch(&mut self, context: &str) -> Parsed<Branch> {
        self.deeper(|parser| {
            let vars = parser.vars.len();
            let pipe = parser.pipeline(context, Kind::RightDelim)?;
            let in_range = usize::from(context == "range");
            parser.range_depth += in_range;
            let (list, end) = parser.list()?;
            parser.range_depth -= in_range;
            let mut otherwise = Vec::new();
            if let End::Else = end {
                let next = parser.peek();
                if context != "range" && next.is_keyword(context) {
                    // `{{else if}}` stands for `{{else}}{{if}}`, with one end for both.
                    parser.next();
                    let branch = parser.branch(context)?;
                    otherwise.push(if context == "if" { Node::If(branch) } else { Node::With(branch) });
                } else {
                    let (nodes, end) = parser.list()?;
                    otherwise = nodes;
                    if let End::Else = end {
                        return parser.error("expected end; found {{else}}");
                    }
                }
            }
            parser.vars.truncate(vars);
            Ok(Branch { pipe, list, otherwise })
        })
    }

    fn block(&mut self) -> Parsed<Node> {
        let context = "block clause";
        let item = self.next_non_space();
        let name = self.template_name(&item, context)?;
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        let tree = self.separate(context)?;
        self.add(&name, tree)?;
        Ok(Node::Template { pos: item.pos, name, pipe: Some(pipe) })
    }

    fn template(&mut self) -> Parsed<Node> {
        let context = "template clause";
        let item = self.next_non_space();
        let name = self.template_name(&item, context)?;
        let mut pipe = None;
        if self.next_non_space().kind != Kind::RightDelim {
            self.at -= 1;
            pipe = Some(self.pipeline(context, Kind::RightDelim)?);
        }
        Ok(Node::Template { pos: item.pos, name, pipe })
    }

    fn template_name(&mut self, item: &Item, context: &str) -> Parsed<String> {
        match item.kind {
            Kind::Quoted | Kind::RawText => self.unquote(item),
            _ => self.unexpected(item, context),
        }
    }

    fn unquote(&self, item: &Item) -> Parsed<String> {
        let inner = &item.text[1..item.text.len() - 1];
        let text = match item.kind {
            Kind::RawText => Some(inner.replace('\r', "")),
            _ => unescape(inner, '"'),
        };
        text.map_or_else(|| self.error("invalid syntax"), Ok)
    }

    fn pipeline(&mut self, context: &str, end: Kind) -> Parsed<Pipe> {
        let pos = self.peek_non_space().pos;
        let mut pipe = Pipe { pos, is_assign: false, decl: Vec::new(), cmds: Vec::new() };
        while self.peek_non_space().kind == Kind::Variable {
            let start = self.at;
            let name = self.next().text;
            let next = self.peek_non_space();
            if matches!(next.kind, Kind::Assign | Kind::Declare) {
                pipe.is_assign = next.kind == Kind::Assign;
                self.next_non_space();
                self.vars.push(name.clone());
                pipe.decl.push(name);
                break;
            }
            if next.kind != Kind::Char || next.text != "," {
                self.at = start;
                break;
            }
            self.next_non_space();
            self.vars.push(name.clone());
            pipe.decl.push(name);
            if context != "range" || pipe.decl.len() > 1 {
                return self.error(format!("too many declarations in {context}"));
            }
            if !matches!(self.peek_non_space().kind, Kind::Variable | Kind::RightDelim | Kind::RightParen) {
                return self.error("range can only initialize variables");
            }
        }
        loop {
            let item = self.next_non_space();
            match item.kind {
                kind if kind == end => break,
                Kind::Bool
                | Kind::CharConstant
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::RawText
                | Kind::Quoted
                | Kind::Variable
                | Kind::LeftParen => {}
                Kind::Keyword if item.text == "nil" => {}
                _ => return self.unexpected(&item, context),
            }
            self.at -= 1;
            let command = self.command()?;
            pipe.cmds.push(command);
        }
        if pipe.cmds.is_empty() {
            return self.error(format!("missing value for {context}"));
        }
        for (i, command) in pipe.cmds.iter().enumerate().skip(1) {
            let first = command.args.first().map(|operand| &operand.term);
            if let Some(
                Term::Bool(_) | Term::Dot | Term::Nil | Term::Int { .. } | Term::Float { .. } | Term::Text { .. },
            ) = first
            {
                return self.error(format!("non executable command in pipeline stage {}", i + 1));
            }
        }
        Ok(pipe)
    }

    fn command(&mut self) -> Parsed<Command> {
        let mut command = Command { pos: self.peek_non_space().pos, args: Vec::new() };
        loop {
            self.peek_non_space();
            command.args.extend(self.operand()?);
            let item = self.next();
            match item.kind {
                Kind::Space => {}
                Kind::RightDelim | Kind::RightParen => {
                    self.at -= 1;
                    break;
                }
                Kind::Pipe => break,
                _ => return self.unexpected(&item, "operand"),
            }
        }
        if command.args.is_empty() {
            return self.error("empty command");
        }
        Ok(command)
    }

    fn operand(&mut self) -> Parsed<Option<Operand>> {
        let Some(mut operand) = self.term()? else { return Ok(None) };
        let next = self.peek();
        if next.kind != Kind::Field {
            return Ok(Some(operand));
        }
        let mut more = Vec::new();
        while self.peek().kind == Kind::Field {
            more.push(self.next().text[1..].to_string());
        }
        operand = match operand.term {
            // As in Go, the place of a chain is that of its second part.
            Term::Field(mut fields) => {
                fields.extend(more);
                Operand { pos: next.pos, term: Term::Field(fields) }
            }
            Term::Variable(name, mut fields) => {
                fields.extend(more);
                Operand { pos: next.pos, term: Term::Variable(name, fields) }
            }
            Term::Pipe(_) | Term::Function(_) | Term::Chain(..) => {
                Operand { pos: next.pos, term: Term::Chain(Box::new(operand), more) }
            }
            _ => {
                let text = quote(&operand.to_string());
                return self.error(format!("unexpected . after term {text}"));
            }
        };
        Ok(Some(operand))
    }

    fn term(&mut self) -> Parsed<Option<Operand>> {
        let item = self.next_non_space();
        let text = item.text.clone();
        let term = match item.kind {
            Kind::Identifier if !is_function(&text) => {
                return self.error(format!("function {} not defined", quote(&text)));
            }
            Kind::Identifier => Term::Function(text),
            Kind::Dot => Term::Dot,
            Kind::Keyword if text == "nil" => Term::Nil,
            Kind::Variable if !self.vars.contains(&text) => {
                return self.error(format!("undefined variable {}", quote(&text)));
            }
            Kind::Variable => Term::Variable(text, Vec::new()),
            Kind::Field => Term::Field(vec![text[1..].to_string()]),
            Kind::Bool => Term::Bool(text == "true"),
            Kind::CharConstant => match unescape(&text[1..text.len() - 1], '\'').map(|s| (s.chars().count(), s)) {
                Some((1, s)) => Term::Int { value: s.chars().next().map_or(0, |c| i64::from(u32::from(c))), text },
                _ => return self.error(format!("malformed character constant: {text}")),
            },
            Kind::Number => match number(&text) {
                Some(term) => term,
                None => return self.error(format!("illegal number syntax: {}", quote(&text))),
            },
            Kind::LeftParen => {
                let pipe = self.deeper(|parser| parser.pipeline("parenthesized pipeline", Kind::RightParen))?;
                Term::Pipe(pipe)
            }
            Kind::Quoted | Kind::RawText => Term::Text { text: self.unquote(&item)?, quoted: text },
            _ => {
                self.at -= 1;
                return Ok(None);
            }
        };
        Ok(Some(Operand { pos: item.pos, term }))
    }
}

fn number(text: &str) -> Option<Term> {
    let digits = text.replace('_', "").to_ascii_lowercase();
    let unsigned = digits.strip_prefix(['-', '+']).unwrap_or(&digits);
    let sign = if digits.starts_with('-') { "-" } else { "" };
    let radix = |prefix: &str, radix| {
        unsigned.strip_prefix(prefix).and_then(|d| i64::from_str_radix(&format!("{sign}{d}"), radix).ok())
    };
    let value = radix("0x", 16).or_else(|| radix("0o", 8)).or_else(|| radix("0b", 2));
    let octal = || unsigned.len() > 1 && unsigned.starts_with('0') && unsigned.bytes().all(|b| b.is_ascii_digit());
    let value = value.or_else(|| if octal() { radix("0", 8) } else { digits.parse().ok() });
    let text = text.to_string();
    match (value, digits.parse::<f64>()) {
        (Some(value), _) => Some(Term::Int { text, value }),
        (None, Ok(value)) if digits.contains(['.', 'e']) && value.is_finite() => Some(Term::Float { text, value }),
        _ => None,
    }
}
