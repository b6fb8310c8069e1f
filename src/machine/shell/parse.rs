//! The grammar: from tokens to nodes.

use std::borrow::Cow;
use std::sync::Arc;

use super::Flavor;
use super::ast::{Assign, Element, Item, Link, Node, NodeId, Redir, RedirOp, Simple, Unit, Value, Word};
use super::lex::{Fault, Parsed, Parser, Pending, Token, Until, is_identifier, is_name, is_name_start};

/// Builtins whose arguments can be assignments.
const DECLARING: [&str; 6] = ["declare", "export", "local", "readonly", "typeset", "alias"];

/// What ends a list in command position.
const ENDING: [&str; 8] = ["do", "done", "elif", "else", "esac", "fi", "then", "}"];

impl Parser<'_> {
    pub fn unexpected<T>(&mut self, expected: Option<&'static str>) -> Parsed<T> {
        let line = self.span.2;
        let flavor = self.dialect.flavor;
        let what = match self.peek()? {
            Token::End => Fault::End(expected),
            Token::Newline => Fault::Unexpected("newline".into(), expected),
            Token::Op(op) if flavor != Flavor::Bash && op.starts_with(['<', '>']) => {
                Fault::Unexpected("redirection".into(), expected)
            }
            Token::Op(op) => Fault::Unexpected(format!("\"{op}\""), expected),
            Token::Number(_) | Token::FdName(_) if flavor != Flavor::Bash => {
                Fault::Unexpected("redirection".into(), expected)
            }
            _ => {
                let raw = self.raw();
                let reserved = ENDING.contains(&raw) || ["!", "if", "for", "while", "case", "in", "{"].contains(&raw);
                Fault::Unexpected(
                    if reserved || flavor == Flavor::Bash { format!("\"{raw}\"") } else { "word".into() },
                    expected,
                )
            }
        };
        let fault: Parsed<T> = self.error(what);
        fault.map_err(|f| if f.at_end || flavor != Flavor::Bash { f } else { super::lex::SyntaxError { line, ..f } })
    }

    pub fn node(&mut self, node: Node) -> NodeId {
        self.unit.nodes.push(node);
        self.unit.nodes.len() as NodeId - 1
    }

    pub fn skip_newlines(&mut self) -> Parsed<()> {
        while matches!(self.peek()?, Token::Newline) {
            self.token = None;
        }
        Ok(())
    }

    /// The next complete command: a line, as far as what it begins reaches. None at the end of the text.
    pub fn complete(&mut self) -> Parsed<Option<Arc<Unit>>> {
        self.unit = Unit::default();
        self.skip_newlines()?;
        if matches!(self.peek()?, Token::End) {
            return Ok(None);
        }
        let root = self.list(true)?;
        match self.peek()? {
            Token::Newline => self.token = None,
            Token::End => {}
            _ => return self.unexpected(None),
        }
        let mut unit = std::mem::take(&mut self.unit);
        unit.root = root;
        Ok(Some(Arc::new(unit)))
    }

    /// Commands, or none, up to something that ends them.
    pub fn optional_list(&mut self) -> Parsed<NodeId> {
        self.skip_newlines()?;
        if matches!(self.peek()?, Token::End) || self.is_op(")")? {
            return Ok(self.node(Node::Nothing));
        }
        self.list(false)
    }

    /// Commands, at least one, after newlines.
    pub fn compound_list(&mut self) -> Parsed<NodeId> {
        self.skip_newlines()?;
        if matches!(self.peek()?, Token::End) {
            // What is missing is said by who asked.
            return Ok(self.node(Node::Nothing));
        }
        self.list(false)
    }

    fn ends_list(&mut self) -> Parsed<bool> {
        Ok(match self.peek()? {
            Token::End | Token::Newline => true,
            Token::Op(op) => matches!(*op, ")" | ";;" | ";&" | ";;&"),
            Token::Word(_) => ENDING.contains(&self.raw()),
            _ => false,
        })
    }

    fn list(&mut self, one_line: bool) -> Parsed<NodeId> {
        let mut items: Vec<Item> = Vec::new();
        loop {
            self.peek()?;
            let start = self.span.0;
            let node = self.and_or()?;
            self.peek()?;
            let end = self.span.0;
            let background = self.is_op("&")?;
            let text = if background { self.text(start, end).trim().to_string() } else { String::new() };
            items.push(Item { node, background, text });
            match self.peek()? {
                Token::Op(";" | "&") => self.token = None,
                Token::Newline if !one_line => {}
                _ => break,
            }
            if one_line {
                if matches!(self.peek()?, Token::Newline | Token::End) {
                    break;
                }
            } else {
                self.skip_newlines()?;
            }
            if self.ends_list()? {
                break;
            }
        }
        Ok(match items.as_slice() {
            [Item { node, background: false, .. }] => *node,
            _ => self.node(Node::List(items)),
        })
    }

    fn and_or(&mut self) -> Parsed<NodeId> {
        let first = self.pipeline()?;
        let mut all = vec![(Link::And, first)];
        loop {
            let link = match self.peek()? {
                Token::Op("&&") => Link::And,
                Token::Op("||") => Link::Or,
                _ => break,
            };
            self.token = None;
            self.skip_newlines()?;
            let next = self.pipeline()?;
            all.push((link, next));
        }
        Ok(if all.len() == 1 { first } else { self.node(Node::AndOr(all)) })
    }

    fn pipeline(&mut self) -> Parsed<NodeId> {
        self.deeper()?;
        let (mut negate, mut timed) = (false, None);
        let bash = self.bash();
        self.peek()?;
        let start = self.span.0;
        loop {
            match self.raw_word()? {
                Some("!") => negate = !negate,
                Some("time") if bash && timed.is_none() => {
                    self.token = None;
                    timed = Some(self.raw_word()? == Some("-p"));
                    if timed != Some(true) {
                        continue;
                    }
                }
                _ => break,
            }
            self.token = None;
        }
        let bare = (timed.is_some() || negate && self.bash()) && (self.ends_list()? || self.is_op(";")?);
        let first = if bare { self.node(Node::Nothing) } else { self.command()? };
        let mut commands = vec![first];
        loop {
            let both = match self.peek()? {
                Token::Op("|") => false,
                Token::Op("|&") => true,
                _ => break,
            };
            self.token = None;
            if both {
                self.join_errors(&mut commands);
            }
            self.skip_newlines()?;
            let next = self.command()?;
            commands.push(next);
        }
        self.depth -= 1;
        if commands.len() == 1 && !negate && timed.is_none() {
            return Ok(first);
        }
        self.peek()?;
        let text = self.text(start, self.span.0).trim().to_string();
        Ok(self.node(Node::Pipeline { commands, negate, timed, text }))
    }

    /// `|&`: standard error goes the same way.
    fn join_errors(&mut self, commands: &mut [NodeId]) {
        let target = Word::of(vec![super::ast::Part::Lit("1".into())]);
        let redir = Redir { fd: Some(2), name: None, op: RedirOp::DupOut, target, line: self.line };
        let Some(last) = commands.last_mut() else { return };
        match self.unit.nodes.get_mut(*last as usize) {
            Some(Node::Simple(simple)) => simple.redirs.push(redir),
            Some(Node::Redirected(_, redirs)) => redirs.push(redir),
            _ => {
                let inner = *last;
                *last = self.node(Node::Redirected(inner, vec![redir]));
            }
        }
    }

    pub fn command(&mut self) -> Parsed<NodeId> {
        self.deeper()?;
        let more = self.expand_alias()?;
        let start = self.span.0;
        let node = match self.compound()? {
            Some(node) => {
                self.peek()?;
                let end = self.span.0;
                if let Some(Node::Subshell(_, text)) = self.unit.nodes.get_mut(node as usize) {
                    *text = String::from_utf8_lossy(self.src.get(start..end).unwrap_or_default()).trim().to_string();
                }
                let mut redirs = Vec::new();
                while let Some(redir) = self.redirection()? {
                    redirs.push(redir);
                }
                if redirs.is_empty() { node } else { self.node(Node::Redirected(node, redirs)) }
            }
            None => self.simple(more)?,
        };
        self.depth -= 1;
        Ok(node)
    }

    /// Puts an alias's text in the place of its name. Whether the next word is looked at too.
    fn expand_alias(&mut self) -> Parsed<bool> {
        if self.dialect.aliases.is_none() {
            return Ok(false);
        }
        let mut more = false;
        loop {
            let Some(raw) = self.raw_word()?.map(str::to_string) else { return Ok(more) };
            let Some(text) = self.dialect.aliases.as_ref().and_then(|a| a.get(&raw)).cloned() else { return Ok(more) };
            let (start, end, line) = self.span;
            if self.active.iter().any(|(name, until)| *name == raw && start < *until) || self.active.len() > 100 {
                return Ok(more);
            }
            more = text.ends_with([' ', '\t']);
            let mut src = self.src.to_vec();
            src.splice(start..end, text.bytes());
            self.grown += text.len() as isize - (end - start) as isize;
            self.src = Cow::Owned(src);
            self.active.push((raw, start + text.len() + 1));
            (self.pos, self.line, self.token) = (start, line, None);
        }
    }

    fn simple(&mut self, mut alias_next: bool) -> Parsed<NodeId> {
        self.peek()?;
        let start = self.span.0;
        let mut simple = Simple { line: self.span.2, ..Simple::default() };
        let (mut declaring, mut double) = (false, false);
        loop {
            if let Some(redir) = self.redirection()? {
                simple.redirs.push(redir);
                continue;
            }
            if simple.words.is_empty() && !simple.assigns.is_empty() || alias_next && !simple.words.is_empty() {
                alias_next = self.expand_alias()?;
            }
            if double && let Token::Op(op @ ("&&" | "||")) = self.peek()? {
                // busybox has no grammar of its own for `[[ ]]`: those are operators of `test` in it.
                let text = if *op == "&&" { "-a" } else { "-o" };
                self.token = None;
                simple.words.push(Word::of(vec![super::ast::Part::Lit(text.into())]));
                continue;
            }
            if !matches!(self.peek()?, Token::Word(_)) {
                break;
            }
            if (simple.words.is_empty() || declaring)
                && let Some(assign) = self.assignment()?
            {
                if simple.words.is_empty() {
                    simple.assigns.push(assign);
                } else {
                    let has_subst = assign_has_subst(&assign);
                    simple.words.push(Word { assign: Some(Box::new(assign)), has_subst, ..Word::default() });
                }
                continue;
            }
            let raw_name = self.raw().to_string();
            let Token::Word(word) = self.take()? else { break };
            if simple.words.is_empty() {
                double = raw_name == "[[" && self.dialect.flavor == Flavor::Ash;
                declaring = DECLARING.contains(&raw_name.as_str());
                if simple.assigns.is_empty() && simple.redirs.is_empty() && self.is_op("(")? {
                    return self.function(raw_name);
                }
            } else if raw_name == "]]" {
                double = false;
            } else if simple.words.len() == 1 && matches!(simple.words[0].literal(), Some("command" | "builtin")) {
                declaring = DECLARING.contains(&raw_name.as_str());
            }
            simple.words.push(word);
        }
        if simple.words.is_empty() && simple.assigns.is_empty() && simple.redirs.is_empty() {
            return self.unexpected(None);
        }
        if self.bash() {
            self.peek()?;
            simple.text = self.text(start, self.span.0).trim().to_string();
        }
        Ok(self.node(Node::Simple(simple)))
    }

    fn function(&mut self, name: String) -> Parsed<NodeId> {
        self.token = None;
        if !self.is_op(")")? {
            return self.unexpected(if self.bash() { None } else { Some(")") });
        }
        self.token = None;
        let ok = if self.bash() { !name.contains(['$', '`', '"', '\'']) } else { is_identifier(&name) };
        if !ok {
            return match self.dialect.flavor {
                Flavor::Bash => self.error(Fault::Other(format!("`{name}': not a valid identifier"))),
                Flavor::Dash => self.error(Fault::Other("Bad function name".into())),
                Flavor::Ash => self.error(Fault::Other("bad function name".into())),
            };
        }
        self.function_body(name)
    }

    /// The body, which is a unit of its own: it outlives the line that it is on.
    pub fn function_body(&mut self, name: String) -> Parsed<NodeId> {
        self.skip_newlines()?;
        let start = self.span.0;
        let outer = std::mem::take(&mut self.unit);
        if self.bash() && !self.begins_compound()? {
            return self.unexpected(None);
        }
        let root = self.command()?;
        self.peek()?;
        let text = self.text(start, self.span.0).trim_end().to_string();
        let mut unit = std::mem::replace(&mut self.unit, outer);
        (unit.root, unit.text) = (root, text);
        Ok(self.node(Node::Function { name, body: Arc::new(unit) }))
    }

    /// An assignment, where the word that was peeked is one.
    pub fn assignment(&mut self) -> Parsed<Option<Assign>> {
        let (start, _, line) = self.span;
        let rest = self.src.get(start..).unwrap_or_default();
        if !rest.first().copied().is_some_and(is_name_start) {
            return Ok(None);
        }
        let len = rest.iter().take_while(|b| is_name(**b)).count();
        let bash = self.bash();
        let name = self.text(start, start + len);
        let (pos, old_line) = (self.pos, self.line);
        let at = |i: usize| self.src.get(start + len + i).copied().unwrap_or(0);
        let (append, skip) = match (at(0), at(1)) {
            (b'=', _) => (false, 1),
            (b'+', b'=') if bash => (true, 2),
            (b'[', _) if bash => (false, 0),
            _ => return Ok(None),
        };
        let token = self.token.take();
        self.pos = start + len + skip;
        self.line = line;
        let mut assign = Assign { name, index: None, append, value: Value::Word(Word::default()) };
        if skip == 0 {
            self.pos += 1;
            let index = self.word(Until::Bracket);
            let after = (self.at(1), self.at(2));
            match (index, after) {
                (Ok(index), (b'=', _) | (b'+', b'=')) => {
                    assign.append = after.0 == b'+';
                    self.pos += 2 + usize::from(assign.append);
                    assign.index = Some(index);
                }
                _ => {
                    (self.pos, self.line, self.token) = (pos, old_line, token);
                    return Ok(None);
                }
            }
        }
        assign.value = if bash && self.at(0) == b'(' && assign.index.is_none() {
            self.pos += 1;
            let start = self.pos - 1;
            let all = self.elements()?;
            let text = self.text(start, self.pos);
            Value::Array(all, text)
        } else {
            Value::Word(self.assigned()?)
        };
        Ok(Some(assign))
    }

    fn elements(&mut self) -> Parsed<Vec<Element>> {
        let mut all = Vec::new();
        loop {
            self.skip_newlines()?;
            if self.is_op(")")? {
                self.token = None;
                return Ok(all);
            }
            match self.peek()? {
                Token::Word(_) => {}
                Token::End => return self.error(Fault::Unterminated("(")),
                _ => return self.unexpected(None),
            }
            if self.raw().starts_with('[') {
                let (pos, line, token) = (self.pos, self.line, self.token.take());
                (self.pos, self.line) = (self.span.0 + 1, self.span.2);
                let index = self.word(Until::Bracket);
                let after = (self.at(1), self.at(2));
                if let (Ok(index), (b'=', _) | (b'+', b'=')) = (index, after) {
                    let append = after.0 == b'+';
                    self.pos += 2 + usize::from(append);
                    let word = self.assigned()?;
                    all.push(Element { index: Some(index), append, word });
                    continue;
                }
                (self.pos, self.line, self.token) = (pos, line, token);
            }
            let Token::Word(word) = self.take()? else { continue };
            all.push(Element { index: None, append: false, word });
        }
    }

    /// A redirection ends before its target.
    fn no_target<T>(&mut self) -> Parsed<T> {
        if self.bash() && !self.dialect.more && matches!(self.peek()?, Token::End) {
            return self.error(Fault::Unexpected("newline".into(), None));
        }
        self.unexpected(None)
    }

    /// A redirection, where one is next.
    fn redirection(&mut self) -> Parsed<Option<Redir>> {
        let (mut fd, mut name) = (None, None);
        match self.peek()? {
            Token::Number(n) => fd = Some(*n),
            Token::FdName(n) => name = Some(n.clone()),
            Token::Op(op) if op.starts_with(['<', '>']) || op.starts_with("&>") => {}
            _ => return Ok(None),
        }
        if fd.is_some() || name.is_some() {
            self.token = None;
        }
        let line = self.span.2;
        let Token::Op(op) = self.take()? else { return self.unexpected(None) };
        let mut redir_op = match op {
            "<" => RedirOp::In,
            ">" => RedirOp::Out,
            ">>" => RedirOp::Append,
            "<>" => RedirOp::ReadWrite,
            ">|" => RedirOp::Clobber,
            "<&" => RedirOp::DupIn,
            ">&" => RedirOp::DupOut,
            "&>" => RedirOp::Both,
            "&>>" => RedirOp::BothAppend,
            "<<<" => RedirOp::HereString,
            "<<" | "<<-" => {
                let slot = self.unit.docs.len() as u32;
                self.unit.docs.push(Word::default());
                self.skip_blanks();
                let from = self.pos;
                if !matches!(self.peek()?, Token::Word(_)) {
                    return self.no_target();
                }
                let raw = self.text(from.max(self.span.0), self.span.1);
                self.token = None;
                let quoted = raw.contains(['\'', '"', '\\']);
                let end = if quoted { raw.replace(['\'', '"', '\\'], "") } else { raw };
                self.pending.push(Pending { line, slot, end, strip: op == "<<-", quoted });
                return Ok(Some(Redir { fd, name, op: RedirOp::Doc(slot), target: Word::default(), line }));
            }
            _ => return self.unexpected(None),
        };
        if !matches!(self.peek()?, Token::Word(_)) {
            return self.no_target();
        }
        let Token::Word(target) = self.take()? else { return self.unexpected(None) };
        // `>&file` sends both streams there.
        let is_fd =
            target.literal().is_none_or(|t| t == "-" || t.trim_end_matches('-').bytes().all(|b| b.is_ascii_digit()));
        if redir_op == RedirOp::DupOut && fd.is_none() && self.dialect.flavor != Flavor::Dash && !is_fd {
            redir_op = RedirOp::Both;
        } else if matches!(redir_op, RedirOp::DupOut | RedirOp::DupIn) && !is_fd && !self.bash() {
            let text = if self.dialect.flavor == Flavor::Dash { "Bad fd number" } else { "bad fd number" };
            return self.error(Fault::Other(text.into()));
        }
        Ok(Some(Redir { fd, name, op: redir_op, target, line }))
    }
}

fn assign_has_subst(assign: &Assign) -> bool {
    let of = |w: &Word| w.has_subst;
    assign.index.as_ref().is_some_and(of)
        || match &assign.value {
            Value::Word(word) => word.has_subst,
            Value::Array(all, _) => all.iter().any(|e| e.word.has_subst || e.index.as_ref().is_some_and(of)),
        }
}
