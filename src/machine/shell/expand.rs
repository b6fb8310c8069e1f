//! Expansion of words: parameters, substitutions, field splitting, file names and quote removal.

use super::ast::{Part, Word};
use super::brace::braces;
use super::glob::{How, glob};
use super::pattern::{ESC, is_pattern, mark, unmark};
use super::words::Stop;
use super::{Flavor, Shell, arith};
use crate::machine::kernel::Sys;

/// How big the result of one word may get, in bytes.
const MAX_BYTES: usize = 64 << 20;

/// What becomes of a word's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Fields: split, then expanded to file names.
    Fields,
    /// One text.
    One,
    /// One text in which quoted characters are marked.
    Pattern,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delimiter {
    None,
    Blank,
    Other,
}

/// An expansion on its way.
pub(super) struct Expander<'s, 'k, 'a> {
    pub sh: &'s mut Shell,
    pub sys: &'k mut Sys<'a>,
    fields: Vec<String>,
    current: Option<String>,
    last: Delimiter,
    ifs: String,
    pub mode: Mode,
    bytes: usize,
}

impl<'s, 'k, 'a> Expander<'s, 'k, 'a> {
    pub fn new(sh: &'s mut Shell, sys: &'k mut Sys<'a>, mode: Mode) -> Self {
        let ifs = sh.vars.get("IFS").map_or_else(|| " \t\n".to_string(), str::to_string);
        sh.progress.rewind();
        Expander { sh, sys, fields: Vec::new(), current: None, last: Delimiter::None, ifs, mode, bytes: 0 }
    }

    /// The fields of a word.
    pub fn fields(mut self, word: &Word) -> Result<Vec<String>, Stop> {
        self.word_parts(word)?;
        self.end_field();
        let Expander { fields, sh, sys, .. } = self;
        finish(sh, sys, fields)
    }

    fn word_parts(&mut self, word: &Word) -> Result<(), Stop> {
        self.parts(&word.parts, false)
    }

    /// A word as one text, marked in `Mode::Pattern`.
    pub fn text(mut self, word: &Word) -> Result<String, Stop> {
        self.word_parts(word)?;
        Ok(self.current.take().unwrap_or_default())
    }

    /// Another word as one text, on the side.
    pub fn side(&mut self, word: &Word, mode: Mode) -> Result<String, Stop> {
        self.side_parts(&word.parts, mode, false)
    }

    fn side_parts(&mut self, parts: &[Part], mode: Mode, quoted: bool) -> Result<String, Stop> {
        let saved = (self.current.take(), std::mem::take(&mut self.fields), self.mode, self.last);
        self.mode = mode;
        let result = self.parts(parts, quoted);
        let text = self.current.take().unwrap_or_default();
        (self.current, self.fields, self.mode, self.last) = saved;
        result.map(|()| text)
    }

    fn splits(&self) -> bool {
        self.mode == Mode::Fields
    }

    pub fn start(&mut self) {
        if self.current.is_none() {
            self.current = Some(String::new());
        }
        self.last = Delimiter::None;
    }

    /// Ends the field at hand, where one has begun.
    pub fn end_field(&mut self) {
        if let Some(field) = self.current.take() {
            self.fields.push(field);
        }
    }

    fn room(&mut self, len: usize) -> Result<(), Stop> {
        self.bytes += len;
        let held = 2 * self.bytes as u64;
        if held > 2 << 20 && held > self.sys.process().memory {
            self.sys.set_memory(held);
        }
        if self.bytes <= MAX_BYTES {
            return Ok(());
        }
        self.sh.complain(self.sys, "out of memory");
        Err(Stop::Exit(2))
    }

    pub fn add_quoted(&mut self, text: &str) -> Result<(), Stop> {
        self.room(text.len())?;
        self.start();
        let marks = self.mode != Mode::One;
        let current = self.current.get_or_insert_default();
        if marks {
            mark(text, current);
        } else {
            current.push_str(text);
        }
        Ok(())
    }

    /// Text of the script itself, outside of quotes.
    fn add_literal(&mut self, text: &str) -> Result<(), Stop> {
        self.room(text.len())?;
        self.start();
        let marks = self.mode != Mode::One && text.contains(ESC);
        let current = self.current.get_or_insert_default();
        if marks {
            current.extend(text.chars().flat_map(|c| (c == ESC).then_some(ESC).into_iter().chain([c])));
        } else {
            current.push_str(text);
        }
        Ok(())
    }

    /// The result of an expansion outside of quotes: split into fields.
    pub fn add_split(&mut self, text: &str) -> Result<(), Stop> {
        if !self.splits() || self.ifs.is_empty() {
            return if text.is_empty() { Ok(()) } else { self.add_literal(text) };
        }
        self.room(text.len())?;
        let ifs = std::mem::take(&mut self.ifs);
        for c in text.chars() {
            if !ifs.contains(c) {
                self.last = Delimiter::None;
                let current = self.current.get_or_insert_default();
                if c == ESC {
                    current.push(ESC);
                }
                current.push(c);
            } else if matches!(c, ' ' | '\t' | '\n') {
                if self.current.is_some() {
                    self.end_field();
                    self.last = Delimiter::Blank;
                }
            } else {
                match self.current.take() {
                    Some(field) => self.fields.push(field),
                    None if self.last == Delimiter::Blank => {}
                    None => self.fields.push(String::new()),
                }
                self.last = Delimiter::Other;
            }
        }
        self.ifs = ifs;
        Ok(())
    }

    pub fn add(&mut self, text: &str, quoted: bool) -> Result<(), Stop> {
        if quoted { self.add_quoted(text) } else { self.add_split(text) }
    }

    /// Several values, as of `$@` (or `$*` with `star`).
    pub fn add_many(&mut self, all: &[String], star: bool, quoted: bool) -> Result<(), Stop> {
        let separator = match self.ifs.chars().next() {
            Some(c) => c.to_string(),
            None => String::new(),
        };
        if quoted && star {
            return self.add_quoted(&all.join(&separator));
        }
        if !self.splits() {
            let joined = all.join(if star { &separator } else { " " });
            return if joined.is_empty() { Ok(()) } else { self.add(&joined, quoted) };
        }
        let mut first = true;
        for value in all {
            if !std::mem::take(&mut first) {
                if quoted || self.current.is_some() {
                    self.end_field();
                }
                self.last = Delimiter::None;
            }
            self.add(value, quoted)?;
        }
        Ok(())
    }

    pub fn parts(&mut self, parts: &[Part], quoted: bool) -> Result<(), Stop> {
        for part in parts {
            self.part(part, quoted)?;
        }
        Ok(())
    }

    /// The word of `${x:-word}`: outside of quotes its own text is split too.
    pub fn chosen(&mut self, parts: &[Part], quoted: bool) -> Result<(), Stop> {
        for part in parts {
            match part {
                Part::Lit(text) if !quoted => self.add_split(text)?,
                part => self.part(part, quoted)?,
            }
        }
        Ok(())
    }

    fn part(&mut self, part: &Part, quoted: bool) -> Result<(), Stop> {
        match part {
            Part::Lit(text) if quoted => self.add_quoted(text),
            Part::Lit(text) => self.add_literal(text),
            Part::Quoted(text) => self.add_quoted(text),
            Part::Double(inner) => {
                let before = (self.fields.len(), self.current.is_some());
                self.parts(inner, true)?;
                let only_lists = !inner.is_empty() && inner.iter().all(is_list);
                if before == (self.fields.len(), self.current.is_some()) && !only_lists {
                    self.start();
                }
                Ok(())
            }
            Part::Param(param) => self.param(param, quoted),
            Part::Subst(unit) => match self.sh.progress.recall() {
                Some(text) => self.add(&text, quoted),
                None => Err(Stop::Subst(unit.clone())),
            },
            Part::Arith(inner) => {
                let text = self.side_parts(inner, Mode::One, true)?;
                let value = match self.sh.progress.recall() {
                    Some(value) => value,
                    None => {
                        let value = self.arithmetic(&text)?.to_string();
                        self.sh.progress.remember(&value);
                        value
                    }
                };
                self.add(&value, quoted)
            }
            Part::Tilde(user) => {
                let home = self.home(user);
                self.add_quoted(&home)
            }
            Part::Process(unit, write) => {
                let path = match self.sh.progress.recall() {
                    Some(path) => path,
                    None => {
                        let path = self.sh.start_process(self.sys, unit, *write).map_err(|_| Stop::Discard(1))?;
                        self.sh.progress.remember(&path);
                        path
                    }
                };
                self.add_quoted(&path)
            }
            Part::Bad(text) => self.bad_substitution(text),
        }
    }

    pub fn bad_substitution<T>(&mut self, text: &str) -> Result<T, Stop> {
        match self.sh.flavor {
            Flavor::Bash => {
                self.sh.complain(self.sys, format!("{text}: bad substitution"));
                Err(Stop::Discard(1))
            }
            Flavor::Dash => {
                self.sh.complain(self.sys, "Bad substitution");
                Err(Stop::Exit(2))
            }
            Flavor::Ash => {
                self.sh.complain(self.sys, "syntax error: bad substitution");
                Err(Stop::Exit(2))
            }
        }
    }

    /// Arithmetic; what is wrong with it is said.
    pub fn arithmetic(&mut self, text: &str) -> Result<i64, Stop> {
        self.sh.arithmetic(self.sys, text)
    }

    fn home(&mut self, user: &str) -> String {
        match user {
            "" => match self.sh.vars.get("HOME") {
                Some(home) => home.to_string(),
                None if self.sh.bash() => {
                    let name = super::init::user_name(self.sys);
                    self.home(&name)
                }
                None => "~".to_string(),
            },
            "+" => self.sh.vars.get("PWD").unwrap_or("~+").to_string(),
            "-" => self.sh.vars.get("OLDPWD").unwrap_or("~-").to_string(),
            name => {
                let passwd = self.sys.read_file("/etc/passwd").map(|b| String::from_utf8_lossy(&b).into_owned());
                let passwd = passwd.unwrap_or_default();
                let line = passwd.lines().map(|l| l.split(':').collect::<Vec<_>>()).find(|l| l.first() == Some(&name));
                line.and_then(|l| l.get(5).map(|h| h.to_string())).unwrap_or_else(|| format!("~{name}"))
            }
        }
    }
}

fn is_list(part: &Part) -> bool {
    match part {
        Part::Param(p) => {
            p.name == "@" && !matches!(p.op, super::ast::ParamOp::Length)
                || matches!(p.index, Some(super::ast::Index::At))
                || matches!(p.op, super::ast::ParamOp::Names(true))
        }
        _ => false,
    }
}

/// File names and the removal of marks.
fn finish(sh: &mut Shell, sys: &mut Sys<'_>, fields: Vec<String>) -> Result<Vec<String>, Stop> {
    let extglob = sh.shopt("extglob");
    let mut out = Vec::with_capacity(fields.len());
    for field in fields {
        if sh.options.noglob || !is_pattern(&field, extglob) {
            out.push(if field.contains(ESC) { unmark(&field) } else { field });
            continue;
        }
        let how = How {
            extglob,
            dotglob: sh.shopt("dotglob"),
            globstar: sh.shopt("globstar"),
            nocase: sh.shopt("nocaseglob"),
            dots: !sh.bash(),
        };
        let found = glob(sys, &field, how);
        if !found.is_empty() {
            out.extend(found);
        } else if sh.shopt("failglob") {
            sh.complain(sys, format!("no match: {}", unmark(&field)));
            return Err(Stop::Discard(1));
        } else if !sh.shopt("nullglob") {
            out.push(unmark(&field));
        }
    }
    Ok(out)
}

impl Shell {
    /// The fields of a word.
    pub(super) fn expand(&mut self, sys: &mut Sys<'_>, word: &Word, out: &mut Vec<String>) -> Result<(), Stop> {
        if let [Part::Lit(text)] = word.parts.as_slice()
            && !word.braces
            && !text.contains(['*', '?', '[', ESC])
            && !(text.contains('('))
        {
            out.push(text.clone());
            return Ok(());
        }
        if word.braces && self.options.braces {
            // All words of it share what its substitutions gave, so they are expanded as one.
            let mut used = 0;
            for word in braces(word) {
                let mut expander = Expander::new(self, sys, Mode::Fields);
                expander.sh.progress.used = used;
                expander.word_parts(&word)?;
                expander.end_field();
                let fields = std::mem::take(&mut expander.fields);
                used = self.progress.used;
                out.extend(finish(self, sys, fields)?);
            }
            return Ok(());
        }
        out.extend(Expander::new(self, sys, Mode::Fields).fields(word)?);
        Ok(())
    }

    /// A word as one text, without splitting.
    pub(super) fn expand_one(&mut self, sys: &mut Sys<'_>, word: &Word) -> Result<String, Stop> {
        if let [Part::Lit(text) | Part::Quoted(text)] = word.parts.as_slice() {
            return Ok(text.clone());
        }
        Expander::new(self, sys, Mode::One).text(word)
    }

    /// Arithmetic; what is wrong with it is said.
    pub(super) fn arithmetic(&mut self, sys: &mut Sys<'_>, text: &str) -> Result<i64, Stop> {
        let flavor = self.flavor;
        let result = arith::evaluate(text, flavor, &mut super::special::Numbers { sh: self, sys });
        result.map_err(|fault| {
            if let arith::Fault::Text(text) = fault {
                self.complain(sys, text);
            }
            if flavor == Flavor::Bash { Stop::Discard(1) } else { Stop::Exit(2) }
        })
    }
}
