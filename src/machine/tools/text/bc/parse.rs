//! Reads `bc` programs.

/// An expression.
#[derive(Debug, Clone)]
pub enum Expr {
    Number(String),
    Name(String),
    Element(String, Box<Expr>),
    Call(String, Vec<Expr>),
    Assign(Box<Expr>, char, Box<Expr>),
    Step(Box<Expr>, i64, bool),
    Binary(&'static str, Box<Expr>, Box<Expr>),
    Minus(Box<Expr>),
    Not(Box<Expr>),
}

/// A statement.
#[derive(Debug, Clone)]
pub enum Stmt {
    Expr(Expr),
    Text(String),
    Print(Vec<Stmt>),
    Block(Vec<Stmt>),
    If(Expr, Box<Stmt>, Option<Box<Stmt>>),
    While(Expr, Box<Stmt>),
    For(Option<Expr>, Option<Expr>, Option<Expr>, Box<Stmt>),
    Define(String, Vec<String>, Vec<String>, Vec<Stmt>),
    Return(Option<Expr>),
    Break,
    Continue,
    Quit,
}

/// A token.
#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    Number(String),
    Name(String),
    Text(String),
    Op(&'static str),
    Newline,
    /// Something that cannot be read.
    Bad(char),
}

const OPS: &[&str] = &[
    "++", "--", "+=", "-=", "*=", "/=", "%=", "^=", "==", "<=", ">=", "!=", "&&", "||", "+", "-", "*", "/", "%", "^",
    "=", "<", ">", "!", "(", ")", "[", "]", "{", "}", ",", ";",
];

/// Takes a text apart; each token with its line.
pub fn tokens(text: &str) -> Vec<(Token, usize)> {
    let text = text.replace("\\\n", "");
    let mut out = Vec::new();
    let mut line = 1;
    let mut rest = text.as_str();
    while let Some(c) = rest.chars().next() {
        if c == '\n' {
            out.push((Token::Newline, line));
            line += 1;
            rest = &rest[1..];
        } else if c.is_whitespace() {
            rest = &rest[c.len_utf8()..];
        } else if c == '#' {
            rest = rest.find('\n').map_or("", |at| &rest[at..]);
        } else if let Some(comment) = rest.strip_prefix("/*") {
            let end = comment.find("*/").map_or(comment.len(), |at| at + 2);
            line += comment[..end].matches('\n').count();
            rest = &comment[end..];
        } else if c == '"' {
            let body = &rest[1..];
            let end = body.find('"').unwrap_or(body.len());
            out.push((Token::Text(body[..end].to_string()), line));
            line += body[..end].matches('\n').count();
            rest = body.get(end + 1..).unwrap_or("");
        } else if c.is_ascii_digit() || c.is_ascii_uppercase() || c == '.' {
            let len =
                rest.find(|c: char| !c.is_ascii_digit() && !c.is_ascii_uppercase() && c != '.').unwrap_or(rest.len());
            out.push((Token::Number(rest[..len].to_string()), line));
            rest = &rest[len..];
        } else if c.is_ascii_lowercase() {
            let len =
                rest.find(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != '_').unwrap_or(rest.len());
            out.push((Token::Name(rest[..len].to_string()), line));
            rest = &rest[len..];
        } else if let Some(op) = OPS.iter().find(|op| rest.starts_with(**op)) {
            out.push((Token::Op(op), line));
            rest = &rest[op.len()..];
        } else {
            out.push((Token::Bad(c), line));
            rest = &rest[c.len_utf8()..];
        }
    }
    out.push((Token::Newline, line));
    out
}

/// Reads statements out of tokens.
pub struct Parser {
    pub tokens: Vec<(Token, usize)>,
    pub at: usize,
    depth: usize,
}

type Parsed<T> = Option<T>;

impl Parser {
    /// Begins at the first token.
    pub fn new(tokens: Vec<(Token, usize)>) -> Parser {
        Parser { tokens, at: 0, depth: 0 }
    }

    /// The token at hand.
    pub fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(t, _)| t)
    }

    /// The line of the token at hand.
    pub fn line(&self) -> usize {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(1, |(_, line)| *line)
    }

    fn is(&self, op: &str) -> bool {
        matches!(self.peek(), Some(Token::Op(o)) if *o == op)
    }

    fn eat(&mut self, op: &str) -> bool {
        let is = self.is(op);
        self.at += usize::from(is);
        is
    }

    fn expect(&mut self, op: &str) -> Parsed<()> {
        self.eat(op).then_some(())
    }

    fn word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Name(n)) if n == word)
    }

    /// Passes over newlines.
    pub fn newlines(&mut self) {
        while self.peek() == Some(&Token::Newline) || self.is(";") {
            self.at += 1;
        }
    }

    /// Passes over the rest of a line that cannot be read.
    pub fn skip_line(&mut self) {
        while self.peek().is_some_and(|t| *t != Token::Newline) {
            self.at += 1;
        }
    }

    /// The next statement; none where it cannot be read.
    pub fn statement(&mut self) -> Parsed<Stmt> {
        self.depth += 1;
        let stmt = if self.depth > 100 { None } else { self.statement_inner() };
        self.depth -= 1;
        stmt
    }

    fn body(&mut self) -> Parsed<Box<Stmt>> {
        while self.peek() == Some(&Token::Newline) {
            self.at += 1;
        }
        self.statement().map(Box::new)
    }

    fn statement_inner(&mut self) -> Parsed<Stmt> {
        if let Some(Token::Text(text)) = self.peek() {
            let text = text.clone();
            self.at += 1;
            return Some(Stmt::Text(text));
        }
        if self.eat("{") {
            let mut all = Vec::new();
            self.newlines();
            while !self.eat("}") {
                all.push(self.statement()?);
                self.newlines();
            }
            return Some(Stmt::Block(all));
        }
        let Some(Token::Name(name)) = self.peek().cloned() else { return self.expr().map(Stmt::Expr) };
        match name.as_str() {
            "quit" | "halt" => {
                self.at += 1;
                Some(Stmt::Quit)
            }
            "break" => {
                self.at += 1;
                Some(Stmt::Break)
            }
            "continue" => {
                self.at += 1;
                Some(Stmt::Continue)
            }
            "return" => {
                self.at += 1;
                let ends = matches!(self.peek(), None | Some(Token::Newline | Token::Op(";" | "}")));
                Some(Stmt::Return(if ends { None } else { Some(self.expr()?) }))
            }
            "print" => {
                self.at += 1;
                let mut all = Vec::new();
                loop {
                    all.push(match self.peek().cloned() {
                        Some(Token::Text(text)) => {
                            self.at += 1;
                            Stmt::Text(text)
                        }
                        _ => Stmt::Expr(self.expr()?),
                    });
                    if !self.eat(",") {
                        return Some(Stmt::Print(all));
                    }
                }
            }
            "if" => {
                self.at += 1;
                self.expect("(")?;
                let condition = self.expr()?;
                self.expect(")")?;
                let then = self.body()?;
                let saved = self.at;
                self.newlines();
                if self.word("else") {
                    self.at += 1;
                    return Some(Stmt::If(condition, then, Some(self.body()?)));
                }
                self.at = saved;
                Some(Stmt::If(condition, then, None))
            }
            "while" => {
                self.at += 1;
                self.expect("(")?;
                let condition = self.expr()?;
                self.expect(")")?;
                Some(Stmt::While(condition, self.body()?))
            }
            "for" => {
                self.at += 1;
                self.expect("(")?;
                let first = if self.is(";") { None } else { Some(self.expr()?) };
                self.expect(";")?;
                let condition = if self.is(";") { None } else { Some(self.expr()?) };
                self.expect(";")?;
                let step = if self.is(")") { None } else { Some(self.expr()?) };
                self.expect(")")?;
                Some(Stmt::For(first, condition, step, self.body()?))
            }
            "define" => self.define(),
            _ => self.expr().map(Stmt::Expr),
        }
    }

    fn define(&mut self) -> Parsed<Stmt> {
        self.at += 1;
        if self.word("void") {
            self.at += 1;
        }
        let Some(Token::Name(name)) = self.peek().cloned() else { return None };
        self.at += 1;
        self.expect("(")?;
        let params = self.names()?;
        self.expect(")")?;
        self.newlines();
        self.expect("{")?;
        self.newlines();
        let mut autos = Vec::new();
        if self.word("auto") {
            self.at += 1;
            autos = self.names()?;
        }
        let mut body = Vec::new();
        self.newlines();
        while !self.eat("}") {
            body.push(self.statement()?);
            self.newlines();
        }
        Some(Stmt::Define(name, params, autos, body))
    }

    fn names(&mut self) -> Parsed<Vec<String>> {
        let mut out = Vec::new();
        while let Some(Token::Name(name)) = self.peek().cloned() {
            self.at += 1;
            if self.eat("[") {
                self.expect("]")?;
            }
            out.push(name);
            if !self.eat(",") {
                break;
            }
        }
        Some(out)
    }

    fn expr(&mut self) -> Parsed<Expr> {
        self.depth += 1;
        let expr = if self.depth > 100 { None } else { self.level(0) };
        self.depth -= 1;
        expr
    }

    /// Operators from the loosest binding on.
    fn level(&mut self, level: usize) -> Parsed<Expr> {
        const LEVELS: [&[&str]; 5] =
            [&["||"], &["&&"], &["==", "!=", "<", ">", "<=", ">="], &["+", "-"], &["*", "/", "%"]];
        let Some(ops) = LEVELS.get(level) else { return self.power() };
        if level == 1 && self.eat("!") {
            return self.level(1).map(|e| Expr::Not(Box::new(e)));
        }
        let mut left = self.level(level + 1)?;
        while let Some(Token::Op(op)) = self.peek().cloned() {
            if !ops.contains(&op) {
                break;
            }
            self.at += 1;
            left = Expr::Binary(op, Box::new(left), Box::new(self.level(level + 1)?));
        }
        Some(left)
    }

    fn power(&mut self) -> Parsed<Expr> {
        let base = self.unary()?;
        if self.eat("^") {
            self.depth += 1;
            let exponent = if self.depth > 100 { None } else { self.power() };
            self.depth -= 1;
            return Some(Expr::Binary("^", Box::new(base), Box::new(exponent?)));
        }
        Some(base)
    }

    fn unary(&mut self) -> Parsed<Expr> {
        if self.eat("-") {
            self.depth += 1;
            let inner = if self.depth > 100 { None } else { self.unary() };
            self.depth -= 1;
            return Some(Expr::Minus(Box::new(inner?)));
        }
        for (op, by) in [("++", 1), ("--", -1)] {
            if self.eat(op) {
                return Some(Expr::Step(Box::new(self.primary()?), by, false));
            }
        }
        let primary = self.primary()?;
        if matches!(primary, Expr::Name(_) | Expr::Element(..)) {
            for (op, by) in [("++", 1), ("--", -1)] {
                if self.eat(op) {
                    return Some(Expr::Step(Box::new(primary), by, true));
                }
            }
            for (op, letter) in
                [("=", '='), ("+=", '+'), ("-=", '-'), ("*=", '*'), ("/=", '/'), ("%=", '%'), ("^=", '^')]
            {
                if self.eat(op) {
                    return Some(Expr::Assign(Box::new(primary), letter, Box::new(self.expr()?)));
                }
            }
        }
        Some(primary)
    }

    fn primary(&mut self) -> Parsed<Expr> {
        match self.peek().cloned()? {
            Token::Number(text) => {
                self.at += 1;
                Some(Expr::Number(text))
            }
            Token::Op("(") => {
                self.at += 1;
                let inner = self.expr()?;
                self.expect(")")?;
                // In parentheses an assignment is a value like others.
                Some(Expr::Binary("+", Box::new(inner), Box::new(Expr::Number("0".into()))))
            }
            Token::Name(name) => {
                self.at += 1;
                if self.eat("(") {
                    let mut args = Vec::new();
                    while !self.is(")") {
                        args.push(self.expr()?);
                        if !self.eat(",") {
                            break;
                        }
                    }
                    self.expect(")")?;
                    return Some(Expr::Call(name, args));
                }
                if self.eat("[") {
                    let index = self.expr()?;
                    self.expect("]")?;
                    return Some(Expr::Element(name, Box::new(index)));
                }
                Some(Expr::Name(name))
            }
            _ => None,
        }
    }
}
