//! The grammar of compound commands.

use super::Flavor;
use super::ast::{Arm, ArmEnd, Cond, Node, NodeId, Word};
use super::lex::{Fault, Parsed, Parser, Token, Until, is_identifier};

const UNARY: &str = "abcdefghknoprstuvwxzGLNORS";

impl Parser<'_> {
    fn is_word(&mut self, word: &str) -> Parsed<bool> {
        Ok(self.raw_word()? == Some(word))
    }

    fn expect(&mut self, word: &'static str) -> Parsed<()> {
        if !self.is_word(word)? {
            return self.unexpected(Some(word));
        }
        self.token = None;
        Ok(())
    }

    /// Whether a compound command is next.
    pub fn begins_compound(&mut self) -> Parsed<bool> {
        if self.is_op("(")? {
            return Ok(true);
        }
        const FIRST: [&str; 8] = ["{", "if", "while", "until", "for", "case", "select", "[["];
        Ok(self.raw_word()?.is_some_and(|w| FIRST.contains(&w)))
    }

    /// A compound command, where one is next.
    pub fn compound(&mut self) -> Parsed<Option<NodeId>> {
        if self.is_op("(")? {
            if self.bash()
                && self.at(0) == b'('
                && let Some(node) = self.arithmetic()?
            {
                return Ok(Some(node));
            }
            self.token = None;
            let inner = self.compound_list()?;
            if !self.is_op(")")? {
                return self.unexpected(Some(")"));
            }
            self.token = None;
            return Ok(Some(self.node(Node::Subshell(inner, String::new()))));
        }
        let (bash, flavor) = (self.bash(), self.dialect.flavor);
        let Some(raw) = self.raw_word()? else { return Ok(None) };
        let node = match raw {
            "{" => {
                self.token = None;
                let inner = self.compound_list()?;
                self.expect("}")?;
                Node::Group(inner)
            }
            "if" => return self.if_command().map(Some),
            "while" | "until" => {
                let until = raw == "until";
                self.token = None;
                let test = self.compound_list()?;
                let body = self.do_group()?;
                Node::While { until, test, body }
            }
            "for" => return self.for_command().map(Some),
            "select" if bash => return self.for_command().map(Some),
            "case" => return self.case_command().map(Some),
            "function" if flavor != Flavor::Dash => {
                self.token = None;
                let Token::Word(_) = self.peek()? else { return self.unexpected(None) };
                let name = self.raw().to_string();
                self.token = None;
                if self.is_op("(")? {
                    self.token = None;
                    if !self.is_op(")")? {
                        return self.unexpected(None);
                    }
                    self.token = None;
                }
                return self.function_body(name).map(Some);
            }
            "[[" if bash => {
                let line = self.span.2;
                self.token = None;
                let test = self.cond_or()?;
                self.expect("]]")?;
                Node::Test { line, test }
            }
            "then" | "else" | "elif" | "fi" | "do" | "done" | "esac" | "}" => return self.unexpected(None),
            "in" | "]]" => return Ok(None),
            _ => return Ok(None),
        };
        Ok(Some(self.node(node)))
    }

    /// `((...))`; none where that turns out to be nested subshells.
    fn arithmetic(&mut self) -> Parsed<Option<NodeId>> {
        let (pos, line) = (self.pos, self.line);
        let token = self.token.take();
        self.pos += 1;
        let word = self.word(Until::Arith);
        match word {
            Ok(word) if self.at(0) == b')' && self.at(1) == b')' => {
                self.pos += 2;
                Ok(Some(self.node(Node::Arith { line, word })))
            }
            _ => {
                (self.pos, self.line, self.token) = (pos, line, token);
                Ok(None)
            }
        }
    }

    fn if_command(&mut self) -> Parsed<NodeId> {
        self.token = None;
        let mut arms = Vec::new();
        loop {
            let test = self.compound_list()?;
            self.expect("then")?;
            let body = self.compound_list()?;
            arms.push((test, body));
            if !self.is_word("elif")? {
                break;
            }
            self.token = None;
        }
        let mut otherwise = None;
        if self.is_word("else")? {
            self.token = None;
            otherwise = Some(self.compound_list()?);
        }
        self.expect("fi")?;
        Ok(self.node(Node::If { arms, otherwise }))
    }

    fn do_group(&mut self) -> Parsed<NodeId> {
        self.expect("do")?;
        let body = self.compound_list()?;
        self.expect("done")?;
        Ok(body)
    }

    fn for_command(&mut self) -> Parsed<NodeId> {
        let select = self.is_word("select")?;
        let start = self.span.0;
        self.token = None;
        self.skip_blanks();
        let line = self.line;
        if self.bash() && self.starts("((") {
            return self.for_arith(line);
        }
        let is_name = matches!(self.peek()?, Token::Word(_)) && (self.bash() || is_identifier(self.raw()));
        if !is_name {
            return match self.dialect.flavor {
                Flavor::Bash => self.unexpected(None),
                Flavor::Dash => self.error(Fault::Other("Bad for loop variable".into())),
                Flavor::Ash => self.error(Fault::Other("bad for loop variable".into())),
            };
        }
        let name = self.raw().to_string();
        self.token = None;
        let (mut words, mut text) = (None, String::new());
        let semicolon = self.is_op(";")?;
        if semicolon {
            self.token = None;
        }
        self.skip_newlines()?;
        if !semicolon && self.is_word("in")? {
            self.token = None;
            let mut all = Vec::new();
            while matches!(self.peek()?, Token::Word(_)) {
                let Token::Word(word) = self.take()? else { break };
                all.push(word);
            }
            text = self.text(start, self.span.0).trim().to_string();
            if self.is_op(";")? {
                self.token = None;
            } else if !matches!(self.peek()?, Token::Newline) {
                return self.unexpected(if self.bash() { None } else { Some("do") });
            }
            words = Some(all);
            self.skip_newlines()?;
        }
        let body = if self.bash() && self.is_word("{")? {
            self.token = None;
            let body = self.compound_list()?;
            self.expect("}")?;
            body
        } else {
            self.do_group()?
        };
        Ok(self.node(if select {
            Node::Select { line, name, words, body }
        } else {
            if !self.bash() {
                text.clear();
            } else if text.is_empty() {
                text = format!("for {name} in \"$@\"");
            }
            Node::For { line, name, words, body, text }
        }))
    }

    fn for_arith(&mut self, line: u32) -> Parsed<NodeId> {
        self.pos += 2;
        let first = self.word(Until::ForArith)?;
        let mut rest = Vec::new();
        for _ in 0..2 {
            if self.at(0) != b';' {
                return self.error(Fault::Other("arithmetic expression required".into()));
            }
            self.pos += 1;
            rest.push(self.word(Until::ForArith)?);
        }
        if !self.starts("))") {
            return self.error(Fault::Unterminated(")"));
        }
        self.pos += 2;
        let (step, test) = (rest.pop().unwrap_or_default(), rest.pop().unwrap_or_default());
        if self.is_op(";")? {
            self.token = None;
        }
        self.skip_newlines()?;
        let body = if self.is_word("{")? {
            self.token = None;
            let body = self.compound_list()?;
            self.expect("}")?;
            body
        } else {
            self.do_group()?
        };
        Ok(self.node(Node::ForArith { line, parts: Box::new([first, test, step]), body }))
    }

    fn case_command(&mut self) -> Parsed<NodeId> {
        let (start, line) = (self.span.0, self.span.2);
        self.token = None;
        let Token::Word(_) = self.peek()? else { return self.unexpected(None) };
        let Token::Word(word) = self.take()? else { return self.unexpected(None) };
        self.skip_newlines()?;
        self.expect("in")?;
        let text = if self.bash() { self.text(start, self.span.1) } else { String::new() };
        let mut arms = Vec::new();
        loop {
            self.skip_newlines()?;
            if self.is_word("esac")? {
                self.token = None;
                break;
            }
            if self.is_op("(")? {
                self.token = None;
            }
            let mut patterns = Vec::new();
            loop {
                if !matches!(self.peek()?, Token::Word(_)) {
                    return self.unexpected(if self.bash() { None } else { Some(")") });
                }
                let Token::Word(pattern) = self.take()? else { break };
                patterns.push(pattern);
                if self.is_op("|")? {
                    self.token = None;
                    continue;
                }
                break;
            }
            if !self.is_op(")")? {
                return self.unexpected(Some(")"));
            }
            self.token = None;
            self.skip_newlines()?;
            let empty = matches!(self.peek()?, Token::Op(";;" | ";&" | ";;&")) || self.is_word("esac")?;
            let body = if empty { None } else { Some(self.compound_list()?) };
            let end = match self.peek()? {
                Token::Op(";&") => Some(ArmEnd::Fall),
                Token::Op(";;&") => Some(ArmEnd::Next),
                Token::Op(";;") => Some(ArmEnd::Break),
                _ => None,
            };
            arms.push(Arm { patterns, body, end: end.unwrap_or(ArmEnd::Break) });
            if end.is_some() {
                self.token = None;
            } else {
                if !self.is_word("esac")? {
                    return self.unexpected(Some(";;"));
                }
                self.token = None;
                break;
            }
        }
        Ok(self.node(Node::Case { line, word, arms, text }))
    }

    // --- [[ ]] ----------------------------------------------------------------------------------------------------

    fn cond_or(&mut self) -> Parsed<Cond> {
        self.deeper()?;
        let mut left = self.cond_and()?;
        loop {
            self.skip_newlines()?;
            if !self.is_op("||")? {
                break;
            }
            self.token = None;
            left = Cond::Or(Box::new(left), Box::new(self.cond_and()?));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn cond_and(&mut self) -> Parsed<Cond> {
        let mut left = self.cond_not()?;
        loop {
            self.skip_newlines()?;
            if !self.is_op("&&")? {
                return Ok(left);
            }
            self.token = None;
            left = Cond::And(Box::new(left), Box::new(self.cond_not()?));
        }
    }

    fn cond_not(&mut self) -> Parsed<Cond> {
        self.skip_newlines()?;
        let mut negated = false;
        while self.is_word("!")? {
            self.token = None;
            negated = !negated;
        }
        let inner = if self.is_op("(")? {
            self.token = None;
            let inner = self.cond_or()?;
            if !self.is_op(")")? {
                return self.unexpected(Some(")"));
            }
            self.token = None;
            inner
        } else {
            self.cond_primary()?
        };
        Ok(if negated { Cond::Not(Box::new(inner)) } else { inner })
    }

    fn cond_word(&mut self) -> Parsed<Word> {
        if self.raw_word()?.is_some_and(|w| w != "]]")
            && let Token::Word(word) = self.take()?
        {
            return Ok(word);
        }
        self.cond_fault()
    }

    fn cond_fault<T>(&mut self) -> Parsed<T> {
        self.unexpected(None)
    }

    fn cond_primary(&mut self) -> Parsed<Cond> {
        let raw = self.raw_word()?.unwrap_or("").to_string();
        let left = self.cond_word()?;
        let is_unary = raw.len() == 2 && raw.starts_with('-') && UNARY.contains(&raw[1..]);
        if is_unary {
            let binary_next = matches!(self.raw_word()?, Some("==" | "=" | "!=" | "]]"));
            if !binary_next && matches!(self.peek()?, Token::Word(_)) {
                return Ok(Cond::Unary(raw[1..].to_string(), self.cond_word()?));
            }
        }
        let op = match self.peek()? {
            Token::Op(op @ ("<" | ">")) => op.to_string(),
            Token::Word(_) => self.raw().to_string(),
            Token::Op(")" | "&&" | "||") | Token::Newline => return Ok(Cond::Word(left)),
            _ => return self.cond_fault(),
        };
        match op.as_str() {
            "]]" => return Ok(Cond::Word(left)),
            "=~" => {
                self.token = None;
                self.skip_blanks();
                let right = self.word(Until::Regex)?;
                return Ok(Cond::Binary(left, op, right));
            }
            "==" | "=" | "!=" => {
                self.token = None;
                let before = std::mem::replace(&mut self.dialect.extglob, true);
                let right = self.cond_word();
                self.dialect.extglob = before;
                return Ok(Cond::Binary(left, op, right?));
            }
            "<" | ">" | "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge" | "-nt" | "-ot" | "-ef" => {}
            _ => return self.error(Fault::Other("conditional binary operator expected".into())),
        }
        self.token = None;
        Ok(Cond::Binary(left, op, self.cond_word()?))
    }
}
