//! `test` and `[`: what they ask of files, texts and numbers.

use super::{Arrays, Done};
use crate::machine::kernel::Sys;
use crate::machine::kernel::sys::Kind;
use crate::machine::shell::words::Stop;
use crate::machine::shell::{Flavor, Shell, ast::Cond, param, pattern};
use crate::machine::tools::regex::{Flags, Regex};

/// Whose `test` it is: messages differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voice {
    Bash,
    Dash,
    Busybox,
    Coreutils,
}

/// What a shell can be asked besides.
pub(crate) trait Host {
    /// Whether a variable is set (`-v`).
    fn is_set(&self, name: &str) -> bool;
    /// Whether an option is on (`-o`).
    fn is_on(&self, name: &str) -> bool;
}

/// No shell.
pub(crate) struct Nobody;

impl Host for Nobody {
    fn is_set(&self, _: &str) -> bool {
        false
    }
    fn is_on(&self, _: &str) -> bool {
        false
    }
}

impl Host for Shell {
    fn is_set(&self, name: &str) -> bool {
        self.has(name)
    }
    fn is_on(&self, name: &str) -> bool {
        self.options.list(self.flavor).iter().any(|(n, on)| *n == name && *on)
    }
}

const UNARY: &str = "bcdefghkLnNoOGprsStuvRwxz";
const BINARY: [&str; 15] =
    ["=", "==", "!=", "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef", "=~"];

struct Test<'t, 'k, 'a> {
    args: &'t [String],
    at: usize,
    sys: &'k Sys<'a>,
    voice: Voice,
    host: &'t dyn Host,
    depth: u32,
    /// Whether it is busybox's `[[`, which knows patterns.
    double: bool,
}

/// Whether what the arguments ask is so.
///
/// # Errors
/// What is wrong with the question.
pub(crate) fn evaluate(sys: &Sys<'_>, args: &[String], voice: Voice, host: &dyn Host) -> Result<bool, String> {
    let mut test = Test { args, at: 0, sys, voice, host, depth: 0, double: false };
    if voice == Voice::Bash || voice == Voice::Coreutils {
        return test.by_count(args);
    }
    test.dash()
}

fn is_unary(voice: Voice, word: &str) -> bool {
    let letter = word.strip_prefix('-').filter(|l| l.len() == 1);
    letter.is_some_and(|l| UNARY.contains(l) && (voice == Voice::Bash || !"vRoN".contains(l)))
}

impl Test<'_, '_, '_> {
    fn is_binary(&self, word: &str) -> bool {
        match word {
            "=~" => self.double,
            "==" => self.voice != Voice::Dash,
            word => BINARY.contains(&word),
        }
    }

    /// POSIX's rules by the number of arguments, as bash has them.
    fn by_count(&mut self, args: &[String]) -> Result<bool, String> {
        match args {
            [] => Ok(false),
            [one] => Ok(!one.is_empty()),
            [not, one] if not == "!" => Ok(one.is_empty()),
            [op, one] => {
                if is_unary(self.voice, op) {
                    self.unary(op, one)
                } else {
                    Err(format!("{op}: unary operator expected"))
                }
            }
            [a, op, b] if self.is_binary(op) => self.binary(a, op, b),
            [a, op, b] if op == "-a" => Ok(!a.is_empty() && !b.is_empty()),
            [a, op, b] if op == "-o" => Ok(!a.is_empty() || !b.is_empty()),
            [not, rest @ ..] if not == "!" && rest.len() <= 3 => self.by_count(rest).map(|r| !r),
            [open, one, close] if open == "(" && close == ")" => Ok(!one.is_empty()),
            [_, op, _] => Err(format!("{op}: binary operator expected")),
            [open, one, two, close] if open == "(" && close == ")" => self.by_count(&[one.clone(), two.clone()]),
            _ => {
                let result = self.or()?;
                if self.at < self.args.len() {
                    return Err("too many arguments".into());
                }
                Ok(result)
            }
        }
    }

    /// dash's and busybox's rules.
    fn dash(&mut self) -> Result<bool, String> {
        let mut args = self.args;
        let mut negate = false;
        match args {
            [] => return Ok(false),
            [a, op, b] if self.is_binary(op) => return self.binary(a, op, b),
            [not, rest @ ..] if not == "!" && matches!(rest.len(), 2 | 3) => {
                if let [a, op, b] = rest
                    && self.is_binary(op)
                {
                    return self.binary(a, op, b).map(|r| !r);
                }
                (args, negate) = (rest, true);
            }
            [open, inner @ .., close] if open == "(" && close == ")" && matches!(inner.len(), 1 | 2) => args = inner,
            _ => {}
        }
        self.args = args;
        let result = self.or()?;
        if self.at < self.args.len() {
            let what = match self.voice {
                Voice::Dash => format!("{}: unexpected operator", self.args[self.at.saturating_sub(1)]),
                _ => format!("{}: unknown operand", self.args[self.at]),
            };
            return Err(what);
        }
        Ok(result != negate)
    }

    fn peek(&self) -> Option<&str> {
        self.args.get(self.at).map(String::as_str)
    }

    fn or(&mut self) -> Result<bool, String> {
        self.depth += 1;
        if self.depth > 100 {
            return Err("too many arguments".into());
        }
        let mut result = self.and()?;
        while self.peek() == Some("-o") {
            self.at += 1;
            result |= self.and()?;
        }
        self.depth -= 1;
        Ok(result)
    }

    fn and(&mut self) -> Result<bool, String> {
        let mut result = self.not()?;
        while self.peek() == Some("-a") {
            self.at += 1;
            result &= self.not()?;
        }
        Ok(result)
    }

    fn not(&mut self) -> Result<bool, String> {
        let mut negate = false;
        while self.peek() == Some("!")
            && !(self.args.get(self.at + 1).is_some_and(|a| self.is_binary(a)) && self.at + 2 < self.args.len())
        {
            if self.at + 1 >= self.args.len() {
                break;
            }
            self.at += 1;
            negate = !negate;
        }
        Ok(self.primary()? != negate)
    }

    fn primary(&mut self) -> Result<bool, String> {
        let Some(first) = self.peek().map(str::to_string) else {
            return match self.voice {
                Voice::Dash => Ok(false),
                _ => Err("argument expected".into()),
            };
        };
        let next = self.args.get(self.at + 1).cloned();
        if let Some(op) = next.as_deref().filter(|n| self.is_binary(n)) {
            let Some(right) = self.args.get(self.at + 2) else {
                return Err(match self.voice {
                    Voice::Dash | Voice::Busybox => format!("{op}: argument expected"),
                    _ => "argument expected".into(),
                });
            };
            self.at += 3;
            return self.binary(&first, op, &right.clone());
        }
        if first == "(" {
            self.at += 1;
            let result = self.or()?;
            if self.peek() != Some(")") {
                return Err(match self.voice {
                    Voice::Dash | Voice::Busybox => "closing paren expected".into(),
                    _ => "`)' expected".into(),
                });
            }
            self.at += 1;
            return Ok(result);
        }
        if is_unary(self.voice, &first) {
            if let Some(operand) = next {
                self.at += 2;
                return self.unary(&first, &operand);
            }
            if matches!(self.voice, Voice::Dash | Voice::Busybox) && self.args.len() > 1 {
                return Err(format!("{first}: argument expected"));
            }
        }
        self.at += 1;
        Ok(!first.is_empty())
    }

    fn unary(&self, op: &str, operand: &str) -> Result<bool, String> {
        Ok(match op {
            "-n" => !operand.is_empty(),
            "-z" => operand.is_empty(),
            "-v" => self.host.is_set(operand),
            "-o" => self.host.is_on(operand),
            "-t" => {
                let fd = self.number(operand)?;
                u32::try_from(fd).is_ok_and(|fd| self.sys.is_tty(fd))
            }
            "-R" => false,
            op => file(self.sys, op, operand),
        })
    }

    fn number(&self, text: &str) -> Result<i64, String> {
        let trimmed = text.trim();
        let digits = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
        let ok = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let value = trimmed.strip_prefix('+').unwrap_or(trimmed).parse::<i64>();
        match (ok, value) {
            (true, Ok(value)) => Ok(value),
            (true, Err(_)) if self.voice == Voice::Busybox => Err(format!("{text}: out of range")),
            _ => Err(match self.voice {
                Voice::Bash => format!("{text}: integer expression expected"),
                Voice::Dash => format!("Illegal number: {text}"),
                Voice::Busybox if trimmed.is_empty() => "bad number".into(),
                Voice::Busybox => format!("{text}: bad number"),
                Voice::Coreutils => format!("invalid integer '{text}'"),
            }),
        }
    }

    fn binary(&self, a: &str, op: &str, b: &str) -> Result<bool, String> {
        Ok(match op {
            "=" | "==" | "!=" if self.double => pattern::Pattern::new(b, false).matches_str(a) == (op != "!="),
            "=~" => {
                let flags = Flags { extended: true, utf8: true, ..Flags::default() };
                Regex::new(b.as_bytes(), flags).is_ok_and(|r| r.is_match(a.as_bytes()))
            }
            "=" | "==" => a == b,
            "!=" => a != b,
            "<" => a < b,
            ">" => a > b,
            "-nt" | "-ot" | "-ef" => {
                compare_files(self.sys, a, op, b, matches!(self.voice, Voice::Dash | Voice::Busybox))
            }
            op => {
                let (a, b) = (self.number(a)?, self.number(b)?);
                compare(a, op, b)
            }
        })
    }
}

fn compare(a: i64, op: &str, b: i64) -> bool {
    match op {
        "-eq" => a == b,
        "-ne" => a != b,
        "-lt" => a < b,
        "-le" => a <= b,
        "-gt" => a > b,
        _ => a >= b,
    }
}

fn compare_files(sys: &Sys<'_>, a: &str, op: &str, b: &str, strict: bool) -> bool {
    let (a, b) = (sys.stat(a).ok(), sys.stat(b).ok());
    match (op, a, b) {
        ("-nt", Some(a), Some(b)) => a.modified > b.modified,
        ("-ot", Some(a), Some(b)) => a.modified < b.modified,
        ("-ef", Some(a), Some(b)) => a.disk == b.disk && a.ino == b.ino,
        ("-nt", Some(_), None) | ("-ot", None, Some(_)) => !strict,
        _ => false,
    }
}

/// What `-f` and the like ask of a file.
fn file(sys: &Sys<'_>, op: &str, path: &str) -> bool {
    if matches!(op, "-h" | "-L") {
        return sys.lstat(path).is_ok_and(|s| s.kind == Kind::Link);
    }
    let Ok(stat) = sys.stat(path) else { return false };
    match op {
        "-e" | "-a" => true,
        "-f" => stat.kind == Kind::File,
        "-d" => stat.kind == Kind::Dir,
        "-p" => stat.kind == Kind::Fifo,
        "-S" => stat.kind == Kind::Socket,
        "-b" => stat.kind == Kind::BlockDevice,
        "-c" => stat.kind == Kind::CharDevice,
        "-s" => stat.size > 0,
        "-r" => sys.access(path, 4).is_ok(),
        "-w" => sys.access(path, 2).is_ok(),
        "-x" => sys.access(path, 1).is_ok(),
        "-u" => stat.mode & 0o4000 != 0,
        "-g" => stat.mode & 0o2000 != 0,
        "-k" => stat.mode & 0o1000 != 0,
        "-O" => stat.uid == sys.process().uid,
        "-G" => stat.gid == sys.process().gid,
        "-N" => false,
        _ => false,
    }
}

pub(super) fn builtin(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    let mut rest = &args[1..];
    let bracket = args[0].as_str();
    if bracket != "test" {
        let close = if bracket == "[[" { "]]" } else { "]" };
        if rest.last().map(String::as_str) != Some(close) {
            match sh.flavor {
                Flavor::Bash => sh.complain(sys, "missing `]'"),
                Flavor::Dash => sh.complain(sys, "missing ]"),
                Flavor::Ash => sys.err(format!("sh: missing {close}\n")),
            }
            return Done::Code(2);
        }
        rest = &rest[..rest.len() - 1];
    }
    let voice = match sh.flavor {
        Flavor::Bash => Voice::Bash,
        Flavor::Dash => Voice::Dash,
        Flavor::Ash => Voice::Busybox,
    };
    let result = match bracket {
        "[[" => Test { args: rest, at: 0, sys, voice, host: sh, depth: 0, double: true }.dash(),
        _ => evaluate(sys, rest, voice, sh),
    };
    match result {
        Ok(result) => Done::Code(u8::from(!result)),
        Err(text) => {
            if voice == Voice::Busybox {
                sys.err(format!("sh: {text}\n"))
            } else {
                sh.complain(sys, text)
            }
            Done::Code(2)
        }
    }
}

impl Shell {
    /// Whether a variable, or an element of an array, is set.
    pub(in crate::machine::shell) fn has(&self, name: &str) -> bool {
        use crate::machine::shell::vars::Value;
        let (name, index) = match name.split_once('[') {
            Some((name, rest)) => (name, rest.strip_suffix(']')),
            None => (name, None),
        };
        let target = self.target(name);
        let Some(var) = self.vars.find(&target) else { return false };
        match (&var.value, index) {
            (Value::Unset, _) => false,
            (Value::Text(_), None) => true,
            (Value::Text(_), Some(index)) => index == "0" || index == "@",
            (Value::Array(all), None) => all.contains_key(&0),
            (Value::Array(all), Some("@" | "*")) => !all.is_empty(),
            (Value::Array(all), Some(index)) => index.parse::<i64>().is_ok_and(|i| {
                let i = if i < 0 { i + var.next_index() } else { i };
                all.contains_key(&i)
            }),
            (Value::Assoc(all), None) => all.contains_key("0"),
            (Value::Assoc(all), Some("@" | "*")) => !all.is_empty(),
            (Value::Assoc(all), Some(index)) => all.contains_key(index),
        }
    }

    /// A question of `[[ ]]` that is no `&&`, `||` or `!`.
    pub(in crate::machine::shell) fn primary(&mut self, sys: &mut Sys<'_>, test: &Cond) -> Result<u8, Stop> {
        let traced = |sh: &Shell, text: &str| crate::machine::shell::quote::traced(text, sh.flavor);
        let truth = match test {
            Cond::Word(word) => {
                let text = self.one(sys, word)?;
                if self.options.xtrace {
                    let text = traced(self, &text);
                    self.trace(sys, &format!("[[ -n {text} ]]"));
                }
                !text.is_empty()
            }
            Cond::Unary(op, word) => {
                let text = self.one(sys, word)?;
                if self.options.xtrace {
                    let text = traced(self, &text);
                    self.trace(sys, &format!("[[ -{op} {text} ]]"));
                }
                let test = Test { args: &[], at: 0, sys, voice: Voice::Bash, host: self, depth: 0, double: false };
                let result = test.unary(&format!("-{op}"), &text);
                match result {
                    Ok(truth) => truth,
                    Err(text) => {
                        self.complain(sys, format!("[[: {text}"));
                        return Ok(2);
                    }
                }
            }
            Cond::Binary(left, op, right) => {
                let left = self.one(sys, left)?;
                match op.as_str() {
                    "=" | "==" | "!=" => {
                        let marked = self.pattern_of(sys, right)?;
                        if self.options.xtrace {
                            let shown = crate::machine::shell::quote::traced(&left, self.flavor);
                            let right: String =
                                marked.chars().map(|c| if c == pattern::ESC { '\\' } else { c }).collect();
                            self.trace(sys, &format!("[[ {shown} {op} {right} ]]"));
                        }
                        let nocase = self.shopt("nocasematch");
                        let (text, marked) =
                            if nocase { (left.to_lowercase(), marked.to_lowercase()) } else { (left, marked) };
                        pattern::Pattern::new(&marked, true).matches_str(&text) == (op != "!=")
                    }
                    "=~" => {
                        let marked = self.pattern_of(sys, right)?;
                        let regex = param::regex_of(&marked);
                        if self.options.xtrace {
                            let shown = crate::machine::shell::quote::traced(&left, self.flavor);
                            self.trace(sys, &format!("[[ {shown} =~ {regex} ]]"));
                        }
                        return self.matches_regex(sys, &left, &regex);
                    }
                    op => {
                        let right = self.one(sys, right)?;
                        if self.options.xtrace {
                            let (l, r) = (traced(self, &left), traced(self, &right));
                            self.trace(sys, &format!("[[ {l} {op} {r} ]]"));
                        }
                        match op {
                            "<" => left < right,
                            ">" => left > right,
                            "-nt" | "-ot" | "-ef" => compare_files(sys, &left, op, &right, false),
                            op => {
                                self.builtin = Some("[[".into());
                                let a = self.arithmetic(sys, &left);
                                let b = self.arithmetic(sys, &right);
                                self.builtin = None;
                                match (a, b) {
                                    (Ok(a), Ok(b)) => compare(a, op, b),
                                    _ => return Ok(1),
                                }
                            }
                        }
                    }
                }
            }
            _ => false,
        };
        Ok(u8::from(!truth))
    }

    fn one(&mut self, sys: &mut Sys<'_>, word: &crate::machine::shell::ast::Word) -> Result<String, Stop> {
        self.next_word(sys, word, crate::machine::shell::expand::Mode::One)
    }

    fn pattern_of(&mut self, sys: &mut Sys<'_>, word: &crate::machine::shell::ast::Word) -> Result<String, Stop> {
        self.next_word(sys, word, crate::machine::shell::expand::Mode::Pattern)
    }

    /// Another word of the same try.
    fn next_word(
        &mut self,
        sys: &mut Sys<'_>,
        word: &crate::machine::shell::ast::Word,
        mode: crate::machine::shell::expand::Mode,
    ) -> Result<String, Stop> {
        let used = self.progress.used;
        let expander = crate::machine::shell::expand::Expander::new(self, sys, mode);
        expander.sh.progress.used = used;
        expander.text(word)
    }
}
