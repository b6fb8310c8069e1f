//! Reads awk programs into trees.

use super::ast::{Arith, Builtin, Comparison, Expr, Function, Lvalue, Pattern, Program, Redirect, Source, Stmt};
use super::lex::{Lexer, Token, Word};

/// How deeply expressions and statements may be nested.
const MAX_DEPTH: usize = 150;

struct Parser<'a> {
    lexer: Lexer<'a>,
    token: Token,
    /// Where the token begins, and its line.
    start: usize,
    line: usize,
    depth: usize,
    /// Whether `>` is a redirection here.
    no_greater: bool,
    /// Whether `in` ends the expression.
    no_in: bool,
    in_function: bool,
    /// Whether in `BEGIN` or `END`.
    in_special: bool,
    gnu: bool,
}

type Parsed<T> = Result<T, String>;

/// Reads a program.
///
/// # Errors
/// What is wrong with it, with the line, as mawk or busybox says it.
pub fn parse(text: &[u8], gnu: bool) -> Parsed<Program> {
    let lexer = Lexer { text, at: 0, line: 1, gnu };
    let mut parser = Parser {
        lexer,
        token: Token::Newline,
        start: 0,
        line: 1,
        depth: 0,
        no_greater: false,
        no_in: false,
        in_function: false,
        in_special: false,
        gnu,
    };
    parser.advance()?;
    let mut program = Program::default();
    parser.terminators()?;
    while parser.token != Token::End {
        parser.item(&mut program)?;
        parser.terminators()?;
    }
    Ok(program)
}

impl Parser<'_> {
    fn advance(&mut self) -> Parsed<()> {
        self.line = self.lexer.line;
        let (token, start) = self.lexer.next().map_err(|text| match self.gnu {
            true if text.starts_with("runaway") => format!("line {}: {text}", self.lexer.line),
            true => format!("{}: {text}", self.lexer.line),
            false if text.starts_with("runaway") => format!("cmd. line:{}: Unexpected end of string", self.lexer.line),
            false => format!("cmd. line:{}: Unexpected token", self.lexer.line),
        })?;
        (self.token, self.start) = (token, start);
        Ok(())
    }

    fn fault<T>(&self, _wanted: &str) -> Parsed<T> {
        if !self.gnu {
            return Err(format!("cmd. line:{}: Unexpected token", self.line));
        }
        let near = match &self.token {
            Token::End | Token::Newline => "end of line".to_string(),
            _ => {
                String::from_utf8_lossy(self.lexer.text.get(self.start..self.lexer.at).unwrap_or_default()).into_owned()
            }
        };
        let near = if self.token == Token::End && self.line > 1 { "end of file".to_string() } else { near };
        Err(format!("line {}: syntax error at or near {near}", self.line))
    }

    fn missing<T>(&self, what: &str) -> Parsed<T> {
        if !self.gnu {
            return self.fault(what);
        }
        let near = match &self.token {
            Token::End | Token::Newline => "end of line".to_string(),
            _ => {
                String::from_utf8_lossy(self.lexer.text.get(self.start..self.lexer.at).unwrap_or_default()).into_owned()
            }
        };
        Err(format!("line {}: missing {what} near {near}", self.line))
    }

    fn is(&self, op: &str) -> bool {
        matches!(&self.token, Token::Op(o) if *o == op)
    }

    fn is_word(&self, word: Word) -> bool {
        self.token == Token::Word(word)
    }

    fn eat(&mut self, op: &str) -> Parsed<bool> {
        let is = self.is(op);
        if is {
            self.advance()?;
        }
        Ok(is)
    }

    fn expect(&mut self, op: &'static str) -> Parsed<()> {
        match self.eat(op)? {
            true => Ok(()),
            false if op == ")" => self.missing(op),
            false => self.fault(op),
        }
    }

    fn newlines(&mut self) -> Parsed<()> {
        while self.token == Token::Newline {
            self.advance()?;
        }
        Ok(())
    }

    fn terminators(&mut self) -> Parsed<()> {
        while self.token == Token::Newline || self.is(";") {
            self.advance()?;
        }
        Ok(())
    }

    fn deeper(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err("program too deeply nested".into()) } else { Ok(()) }
    }

    fn item(&mut self, program: &mut Program) -> Parsed<()> {
        if self.is_word(Word::Function) {
            self.advance()?;
            let name = match &self.token {
                Token::Name(name, _) => name.clone(),
                _ => return self.fault("name"),
            };
            self.advance()?;
            self.expect("(")?;
            let mut params = Vec::new();
            while !self.is(")") {
                let Token::Name(param, _) = &self.token else { return self.fault("parameter") };
                params.push(param.clone());
                self.advance()?;
                if !self.eat(",")? {
                    break;
                }
                self.newlines()?;
            }
            self.expect(")")?;
            self.newlines()?;
            self.in_function = true;
            let body = self.block()?;
            self.in_function = false;
            program.functions.push(Function { name, params, body });
            return Ok(());
        }
        let pattern = match &self.token {
            Token::Word(Word::Begin) => {
                self.advance()?;
                Pattern::Begin
            }
            Token::Word(Word::End) => {
                self.advance()?;
                Pattern::End
            }
            Token::Op("{") => Pattern::Always,
            _ => {
                let first = self.expr()?;
                if self.eat(",")? {
                    self.newlines()?;
                    Pattern::Range(first, self.expr()?)
                } else {
                    Pattern::When(first)
                }
            }
        };
        if matches!(pattern, Pattern::Begin | Pattern::End) && !self.is("{") {
            return self.fault("{");
        }
        self.in_special = matches!(pattern, Pattern::Begin | Pattern::End);
        let body = if self.is("{") { Some(self.block()?) } else { None };
        self.in_special = false;
        if body.is_none() && self.token != Token::Newline && !self.is(";") && self.token != Token::End {
            return self.fault("end");
        }
        program.rules.push((pattern, body));
        if self.gnu && self.is("}") {
            return Err(format!("line {}: extra '}}'", self.line));
        }
        Ok(())
    }

    fn block(&mut self) -> Parsed<Stmt> {
        self.expect("{")?;
        let mut all = Vec::new();
        self.terminators()?;
        while !self.is("}") {
            if self.token == Token::End {
                return match self.gnu {
                    true => Err(format!("line {}: missing }} near end of file", self.line + 1)),
                    false => self.fault("}"),
                };
            }
            all.push(self.statement()?);
            self.terminators()?;
        }
        self.expect("}")?;
        Ok(Stmt::Block(all))
    }

    fn statement(&mut self) -> Parsed<Stmt> {
        self.deeper()?;
        let stmt = self.statement_inner();
        self.depth -= 1;
        stmt
    }

    fn statement_inner(&mut self) -> Parsed<Stmt> {
        let Token::Word(word) = self.token else {
            if self.is("{") {
                return self.block();
            }
            if self.is(";") {
                self.advance()?;
                return Ok(Stmt::Block(Vec::new()));
            }
            let stmt = self.simple()?;
            self.end_simple()?;
            return Ok(stmt);
        };
        match word {
            Word::If => {
                self.advance()?;
                let condition = self.condition()?;
                let then = self.body()?;
                let mut otherwise = None;
                let saved = (self.lexer.at, self.lexer.line, self.token.clone(), self.start, self.line);
                self.terminators()?;
                if self.is_word(Word::Else) {
                    self.advance()?;
                    self.newlines()?;
                    otherwise = Some(Box::new(self.statement()?));
                } else {
                    (self.lexer.at, self.lexer.line, self.token, self.start, self.line) = saved;
                }
                Ok(Stmt::If(condition, Box::new(then), otherwise))
            }
            Word::While => {
                self.advance()?;
                let condition = self.condition()?;
                if self.is(";") {
                    self.advance()?;
                    return Ok(Stmt::While(condition, Box::new(Stmt::Block(Vec::new()))));
                }
                let body = self.body()?;
                Ok(Stmt::While(condition, Box::new(body)))
            }
            Word::Do => {
                self.advance()?;
                self.newlines()?;
                let body = self.statement()?;
                self.terminators()?;
                if !self.is_word(Word::While) {
                    return self.fault("while");
                }
                self.advance()?;
                self.expect("(")?;
                let condition = self.whole(|p| p.expr())?;
                self.expect(")")?;
                self.end_simple()?;
                Ok(Stmt::Do(Box::new(body), condition))
            }
            Word::For => self.for_statement(),
            _ => {
                let stmt = self.simple()?;
                self.end_simple()?;
                Ok(stmt)
            }
        }
    }

    fn end_simple(&mut self) -> Parsed<()> {
        match &self.token {
            Token::Newline | Token::Op(";") => self.advance(),
            Token::Op("}") | Token::End => Ok(()),
            Token::Word(Word::Else) => Ok(()),
            _ => self.fault("end of statement"),
        }
    }

    fn condition(&mut self) -> Parsed<Expr> {
        self.expect("(")?;
        let condition = self.whole(|p| p.expr())?;
        self.expect(")")?;
        Ok(condition)
    }

    fn body(&mut self) -> Parsed<Stmt> {
        self.newlines()?;
        self.statement()
    }

    /// Reads something where `>` and `in` mean what they mean by themselves.
    fn whole<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        let saved = (self.no_greater, self.no_in);
        (self.no_greater, self.no_in) = (false, false);
        let result = read(self);
        (self.no_greater, self.no_in) = saved;
        result
    }

    fn for_statement(&mut self) -> Parsed<Stmt> {
        self.advance()?;
        self.expect("(")?;
        let mut first = None;
        if !self.is(";") {
            // `(name in array)` looks like an expression: it is one until the parenthesis ends.
            self.no_in = true;
            let stmt = self.simple();
            self.no_in = false;
            let stmt = stmt?;
            if self.is_word(Word::In) {
                let Stmt::Expr(Expr::Value(lvalue)) = stmt else { return self.fault("name") };
                self.advance()?;
                let Token::Name(array, _) = self.token.clone() else { return self.fault("name") };
                self.advance()?;
                self.expect(")")?;
                let body = self.body()?;
                return Ok(Stmt::ForIn(lvalue, array, Box::new(body)));
            }
            first = Some(Box::new(stmt));
        }
        self.expect(";")?;
        self.newlines()?;
        let condition = if self.is(";") { None } else { Some(self.whole(|p| p.expr())?) };
        self.expect(";")?;
        self.newlines()?;
        let step = if self.is(")") { None } else { Some(Box::new(self.simple()?)) };
        self.expect(")")?;
        let body = if self.is(";") {
            self.advance()?;
            Stmt::Block(Vec::new())
        } else {
            self.body()?
        };
        Ok(Stmt::For(first, condition, step, Box::new(body)))
    }

    fn simple(&mut self) -> Parsed<Stmt> {
        let Token::Word(word) = self.token else { return Ok(Stmt::Expr(self.expr()?)) };
        let ends = |p: &Self| matches!(&p.token, Token::Newline | Token::End | Token::Op(";" | "}"));
        match word {
            Word::Print | Word::Printf => {
                self.advance()?;
                let saved = std::mem::replace(&mut self.no_greater, true);
                let args = self.print_args();
                self.no_greater = saved;
                let mut args = args?;
                if let [Expr::List(_)] = args[..]
                    && let Some(Expr::List(inner)) = args.pop()
                {
                    args = inner;
                }
                let (redirect, to) = self.redirect()?;
                if word == Word::Print {
                    return Ok(Stmt::Print(args, redirect, to));
                }
                if args.is_empty() {
                    return self.fault("format");
                }
                Ok(Stmt::Printf(args, redirect, to))
            }
            Word::Next => {
                self.proper("next")?;
                self.advance()?;
                Ok(Stmt::Next)
            }
            Word::NextFile => {
                self.proper("nextfile")?;
                self.advance()?;
                Ok(Stmt::NextFile)
            }
            Word::Exit => {
                self.advance()?;
                Ok(Stmt::Exit(if ends(self) { None } else { Some(self.expr()?) }))
            }
            Word::Return => {
                if !self.in_function && self.gnu {
                    return Err(format!("line {}: return outside function body", self.line));
                }
                self.advance()?;
                Ok(Stmt::Return(if ends(self) { None } else { Some(self.expr()?) }))
            }
            Word::Break => {
                self.advance()?;
                Ok(Stmt::Break)
            }
            Word::Continue => {
                self.advance()?;
                Ok(Stmt::Continue)
            }
            Word::Delete => {
                self.advance()?;
                let grouped = self.eat("(")?;
                let Token::Name(name, _) = self.token.clone() else { return self.fault("array") };
                self.advance()?;
                let subscripts = if self.is("[") { Some(self.subscripts()?) } else { None };
                if grouped {
                    self.expect(")")?;
                }
                Ok(Stmt::Delete(name, subscripts))
            }
            Word::Getline => Ok(Stmt::Expr(self.expr()?)),
            _ => self.fault("statement"),
        }
    }

    fn proper(&self, what: &str) -> Parsed<()> {
        match self.in_special && self.gnu {
            true => Err(format!("line {}: improper use of {what}", self.line)),
            false => Ok(()),
        }
    }

    fn print_args(&mut self) -> Parsed<Vec<Expr>> {
        let mut args = Vec::new();
        if matches!(&self.token, Token::Newline | Token::End | Token::Op(";" | "}" | ">" | ">>" | "|")) {
            return Ok(args);
        }
        loop {
            args.push(self.expr()?);
            if !self.eat(",")? {
                return Ok(args);
            }
            self.newlines()?;
        }
    }

    fn redirect(&mut self) -> Parsed<(Redirect, Option<Expr>)> {
        let redirect = match &self.token {
            Token::Op(">") => Redirect::File,
            Token::Op(">>") => Redirect::Append,
            Token::Op("|") => Redirect::Pipe,
            _ => return Ok((Redirect::No, None)),
        };
        self.advance()?;
        let saved = std::mem::replace(&mut self.no_greater, true);
        let to = self.ternary();
        self.no_greater = saved;
        Ok((redirect, Some(to?)))
    }

    fn subscripts(&mut self) -> Parsed<Vec<Expr>> {
        self.expect("[")?;
        let list = self.whole(|p| p.list("]"))?;
        self.expect("]")?;
        if list.is_empty() { self.fault("subscript") } else { Ok(list) }
    }

    fn list(&mut self, end: &str) -> Parsed<Vec<Expr>> {
        let mut all = Vec::new();
        while !self.is(end) {
            all.push(self.expr()?);
            if !self.eat(",")? {
                break;
            }
            self.newlines()?;
        }
        Ok(all)
    }

    // --- Expressions, from the loosest binding on -----------------------------------------------------------------

    fn expr(&mut self) -> Parsed<Expr> {
        self.deeper()?;
        let expr = self.ternary();
        self.depth -= 1;
        expr
    }

    fn ternary(&mut self) -> Parsed<Expr> {
        let condition = self.or()?;
        if self.is("?") {
            self.advance()?;
            self.newlines()?;
            let then = self.expr()?;
            self.newlines()?;
            self.expect(":")?;
            self.newlines()?;
            let otherwise = self.expr()?;
            return Ok(Expr::If(Box::new(condition), Box::new(then), Box::new(otherwise)));
        }
        let Token::Op(op) = self.token else { return Ok(condition) };
        let arith = match op {
            "=" => None,
            "+=" => Some(Arith::Add),
            "-=" => Some(Arith::Sub),
            "*=" => Some(Arith::Mul),
            "/=" => Some(Arith::Div),
            "%=" => Some(Arith::Mod),
            "^=" => Some(Arith::Pow),
            _ => return Ok(condition),
        };
        self.assignment(condition, arith)
    }

    /// An assignment whose left side was read; it takes the last operand, as in `a && b = c`.
    fn assignment(&mut self, left: Expr, arith: Option<Arith>) -> Parsed<Expr> {
        match left {
            Expr::Value(lvalue) => {
                self.advance()?;
                self.newlines()?;
                let value = Box::new(self.expr()?);
                Ok(match arith {
                    None => Expr::Assign(lvalue, value),
                    Some(arith) => Expr::Update(lvalue, arith, value),
                })
            }
            Expr::And(a, b) => Ok(Expr::And(a, Box::new(self.assignment(*b, arith)?))),
            Expr::Or(a, b) => Ok(Expr::Or(a, Box::new(self.assignment(*b, arith)?))),
            Expr::Not(a) => Ok(Expr::Not(Box::new(self.assignment(*a, arith)?))),
            Expr::Compare(how, a, b) => Ok(Expr::Compare(how, a, Box::new(self.assignment(*b, arith)?))),
            Expr::Match(a, b, not) => Ok(Expr::Match(a, Box::new(self.assignment(*b, arith)?), not)),
            Expr::Concat(a, b) => Ok(Expr::Concat(a, Box::new(self.assignment(*b, arith)?))),
            Expr::Arith(how, a, b) => Ok(Expr::Arith(how, a, Box::new(self.assignment(*b, arith)?))),
            Expr::Minus(a) => Ok(Expr::Minus(Box::new(self.assignment(*a, arith)?))),
            _ => self.fault("lvalue"),
        }
    }

    fn or(&mut self) -> Parsed<Expr> {
        let mut left = self.and()?;
        while self.eat("||")? {
            self.newlines()?;
            left = Expr::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Parsed<Expr> {
        let mut left = self.membership()?;
        while self.eat("&&")? {
            self.newlines()?;
            left = Expr::And(Box::new(left), Box::new(self.membership()?));
        }
        Ok(left)
    }

    fn membership(&mut self) -> Parsed<Expr> {
        let mut left = self.matching()?;
        while self.is_word(Word::In) && !self.no_in {
            self.advance()?;
            let Token::Name(array, _) = self.token.clone() else { return self.fault("array") };
            self.advance()?;
            let subscripts = match left {
                Expr::List(list) => list,
                other => vec![other],
            };
            left = Expr::In(subscripts, array);
        }
        Ok(left)
    }

    fn matching(&mut self) -> Parsed<Expr> {
        let mut left = self.comparison()?;
        loop {
            let not = match &self.token {
                Token::Op("~") => false,
                Token::Op("!~") => true,
                _ => return Ok(left),
            };
            self.advance()?;
            left = Expr::Match(Box::new(left), Box::new(self.comparison()?), not);
        }
    }

    fn comparison(&mut self) -> Parsed<Expr> {
        let mut left = self.concat()?;
        loop {
            let how = match &self.token {
                Token::Op("<") => Comparison::Less,
                Token::Op("<=") => Comparison::LessEqual,
                Token::Op("==") => Comparison::Equal,
                Token::Op("!=") => Comparison::NotEqual,
                Token::Op(">") if !self.no_greater => Comparison::Greater,
                Token::Op(">=") => Comparison::GreaterEqual,
                Token::Op("|") => {
                    // Only `| getline` goes on here; else it is print's.
                    let saved = (self.lexer.at, self.lexer.line, self.start, self.line);
                    self.advance()?;
                    if !self.is_word(Word::Getline) {
                        (self.lexer.at, self.lexer.line, self.start, self.line) = saved;
                        self.token = Token::Op("|");
                        return Ok(left);
                    }
                    self.advance()?;
                    let to = self.optional_lvalue()?;
                    left = Expr::Getline(Source::Command(Box::new(left)), to);
                    continue;
                }
                _ => return Ok(left),
            };
            self.advance()?;
            left = Expr::Compare(how, Box::new(left), Box::new(self.concat()?));
        }
    }

    fn concat(&mut self) -> Parsed<Expr> {
        let mut left = self.additive()?;
        while self.starts_operand() {
            left = Expr::Concat(Box::new(left), Box::new(self.additive()?));
        }
        Ok(left)
    }

    fn starts_operand(&self) -> bool {
        match &self.token {
            Token::Number(_) | Token::Text(_) | Token::Name(..) | Token::Builtin(_) => true,
            Token::Op(op) => matches!(*op, "$" | "(" | "!" | "-" | "+" | "++" | "--"),
            _ => false,
        }
    }

    fn additive(&mut self) -> Parsed<Expr> {
        let mut left = self.multiplicative()?;
        loop {
            let how = match &self.token {
                Token::Op("+") => Arith::Add,
                Token::Op("-") => Arith::Sub,
                _ => return Ok(left),
            };
            self.advance()?;
            left = Expr::Arith(how, Box::new(left), Box::new(self.multiplicative()?));
        }
    }

    fn multiplicative(&mut self) -> Parsed<Expr> {
        let mut left = self.unary()?;
        loop {
            let how = match &self.token {
                Token::Op("*") => Arith::Mul,
                Token::Op("/") => Arith::Div,
                Token::Op("%") => Arith::Mod,
                _ => return Ok(left),
            };
            self.advance()?;
            left = Expr::Arith(how, Box::new(left), Box::new(self.unary()?));
        }
    }

    fn unary(&mut self) -> Parsed<Expr> {
        self.deeper()?;
        let expr = match &self.token {
            Token::Op("!") => {
                self.advance()?;
                self.unary().map(|e| Expr::Not(Box::new(e)))
            }
            Token::Op("-") => {
                self.advance()?;
                self.unary().map(|e| Expr::Minus(Box::new(e)))
            }
            Token::Op("+") => {
                self.advance()?;
                self.unary().map(|e| Expr::Plus(Box::new(e)))
            }
            _ => self.power(),
        };
        self.depth -= 1;
        expr
    }

    fn power(&mut self) -> Parsed<Expr> {
        let base = self.postfix()?;
        if self.eat("^")? {
            // To the right, signs bind closer.
            let exponent = self.unary()?;
            return Ok(Expr::Arith(Arith::Pow, Box::new(base), Box::new(exponent)));
        }
        Ok(base)
    }

    fn postfix(&mut self) -> Parsed<Expr> {
        let expr = self.primary()?;
        if let Expr::Value(lvalue) = &expr {
            let step = match &self.token {
                Token::Op("++") => 1.0,
                Token::Op("--") => -1.0,
                _ => return Ok(expr),
            };
            let lvalue = lvalue.clone();
            self.advance()?;
            return Ok(Expr::Step(lvalue, step, true));
        }
        Ok(expr)
    }

    fn optional_lvalue(&mut self) -> Parsed<Option<Box<Lvalue>>> {
        let starts = matches!(&self.token, Token::Name(_, false) | Token::Op("$"))
            || matches!(&self.token, Token::Name(_, true));
        if !starts {
            return Ok(None);
        }
        match self.primary()? {
            Expr::Value(lvalue) => Ok(Some(Box::new(lvalue))),
            _ => self.fault("lvalue"),
        }
    }

    fn primary(&mut self) -> Parsed<Expr> {
        match self.token.clone() {
            Token::Number(value) => {
                self.advance()?;
                Ok(Expr::Number(value))
            }
            Token::Text(text) => {
                self.advance()?;
                Ok(Expr::Text(text))
            }
            Token::Op("/" | "/=") => {
                self.lexer.at = self.start + 1;
                let regex = self.lexer.regex().map_err(|text| match self.gnu {
                    true => format!("line {}: {text} {}", self.line, "/"),
                    false => format!("cmd. line:{}: Unexpected end of string", self.line),
                })?;
                self.advance()?;
                Ok(Expr::Regex(regex))
            }
            Token::Op("$") => {
                self.advance()?;
                self.deeper()?;
                let index = match &self.token {
                    Token::Op("++" | "--") => self.primary()?,
                    Token::Op("-") => {
                        self.advance()?;
                        Expr::Minus(Box::new(self.primary()?))
                    }
                    _ => self.primary()?,
                };
                self.depth -= 1;
                Ok(Expr::Value(Lvalue::Field(Box::new(index))))
            }
            Token::Op("++" | "--") => {
                let step = if self.is("++") { 1.0 } else { -1.0 };
                self.advance()?;
                match self.primary()? {
                    Expr::Value(lvalue) => Ok(Expr::Step(lvalue, step, false)),
                    _ => self.fault("lvalue"),
                }
            }
            Token::Op("(") => {
                self.advance()?;
                let mut list = self.whole(|p| p.list(")"))?;
                self.expect(")")?;
                match list.len() {
                    0 => self.fault("expression"),
                    1 => Ok(Expr::Group(Box::new(list.remove(0)))),
                    _ => Ok(Expr::List(list)),
                }
            }
            Token::Op("-") => {
                self.advance()?;
                Ok(Expr::Minus(Box::new(self.primary()?)))
            }
            Token::Op("!") => {
                self.advance()?;
                Ok(Expr::Not(Box::new(self.primary()?)))
            }
            Token::Word(Word::Getline) => {
                self.advance()?;
                let to = self.optional_lvalue()?;
                if self.eat("<")? {
                    let file = self.postfix()?;
                    return Ok(Expr::Getline(Source::File(Box::new(file)), to));
                }
                Ok(Expr::Getline(Source::Main, to))
            }
            Token::Builtin(builtin) => {
                self.advance()?;
                let args = if self.eat("(")? {
                    let args = self.whole(|p| p.list(")"))?;
                    self.expect(")")?;
                    args
                } else if builtin == Builtin::Length {
                    Vec::new()
                } else {
                    return self.fault("(");
                };
                Ok(Expr::Builtin(builtin, args))
            }
            Token::Name(name, called) => {
                self.advance()?;
                if called {
                    self.expect("(")?;
                    let args = self.whole(|p| p.list(")"))?;
                    self.expect(")")?;
                    return Ok(Expr::Call(name, args));
                }
                if self.is("[") {
                    let subscripts = self.subscripts()?;
                    return Ok(Expr::Value(Lvalue::Element(name, subscripts)));
                }
                Ok(Expr::Value(Lvalue::Name(name)))
            }
            _ => self.fault("expression"),
        }
    }
}
