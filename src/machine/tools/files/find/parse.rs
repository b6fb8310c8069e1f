//! Reading the expression of a `find`.

use super::Options;
use super::expr::{Action, Bits, Expr, Number, Test};
use crate::machine::kernel::Sys;
use crate::machine::tools::common::{fail, is_gnu, parse_mode, quote, tool_name};
use crate::machine::tools::options::usage;
use crate::machine::tools::text::regex::{Flags, Regex};
use crate::machine::tools::{date_input, dates, users};

/// How deep parentheses may go.
const DEEPEST: usize = 60;

struct Parser<'a, 's, 'k> {
    sys: &'s mut Sys<'k>,
    command: &'a [String],
    args: &'a [String],
    at: usize,
    parts: Vec<Expr>,
    options: &'a mut Options,
    acts: bool,
    /// Whether patterns are in extended syntax.
    extended: bool,
    /// The first argument that is no global option, and the last that was read.
    first_test: Option<String>,
    last: String,
    depth: usize,
}

/// Reads an expression; faults are said.
pub(super) fn parse<'a>(
    sys: &mut Sys<'_>,
    command: &'a [String],
    args: &'a [String],
    options: &'a mut Options,
) -> Result<Vec<Expr>, u8> {
    let mut parser = Parser {
        sys,
        command,
        args,
        at: 0,
        parts: Vec::new(),
        options,
        acts: false,
        extended: false,
        first_test: None,
        last: String::new(),
        depth: 0,
    };
    let whole = if args.is_empty() { parser.test(Test::True) } else { parser.list()? };
    if parser.at < parser.args.len() {
        return Err(parser.say("invalid expression; you have too many ')'", "unrecognized: )"));
    }
    if !parser.acts {
        let print = parser.push(Expr::Action(Action::Print));
        parser.push(Expr::And(vec![whole, print]));
    } else if whole + 1 != parser.parts.len() {
        parser.push(Expr::And(vec![whole]));
    }
    Ok(parser.parts)
}

impl Parser<'_, '_, '_> {
    fn say(&mut self, gnu: &str, busybox: &str) -> u8 {
        let name = tool_name(self.sys, self.command);
        if is_gnu(self.sys) {
            self.sys.err(format!("{name}: {gnu}\n"));
        } else {
            self.sys.err(format!("{name}: {busybox}\n"));
            if busybox.starts_with("unrecognized") {
                self.sys.err(usage("find"));
            }
        }
        1
    }

    fn push(&mut self, expr: Expr) -> usize {
        self.parts.push(expr);
        self.parts.len() - 1
    }

    fn test(&mut self, test: Test) -> usize {
        self.push(Expr::Test(test))
    }

    fn peek(&self) -> Option<&str> {
        self.args.get(self.at).map(String::as_str)
    }

    fn value(&mut self, of: &str) -> Result<String, u8> {
        match self.args.get(self.at) {
            Some(value) => {
                self.at += 1;
                Ok(value.clone())
            }
            None => Err(self.say(&format!("missing argument to `{of}'"), &format!("{of} requires an argument"))),
        }
    }

    fn list(&mut self) -> Result<usize, u8> {
        let mut all = vec![self.or()?];
        while self.peek() == Some(",") {
            self.at += 1;
            all.push(self.or()?);
        }
        Ok(if all.len() == 1 { all[0] } else { self.push(Expr::List(all)) })
    }

    fn or(&mut self) -> Result<usize, u8> {
        let mut all = vec![self.and()?];
        while matches!(self.peek(), Some("-o" | "-or")) {
            self.at += 1;
            if matches!(self.peek(), None | Some(")")) {
                return Err(self.say("expected an expression after '-o'", "-o requires an argument"));
            }
            all.push(self.and()?);
        }
        Ok(if all.len() == 1 { all[0] } else { self.push(Expr::Or(all)) })
    }

    fn and(&mut self) -> Result<usize, u8> {
        let mut all = vec![self.not()?];
        loop {
            match self.peek() {
                Some("-a" | "-and") => {
                    self.at += 1;
                    all.push(self.not()?);
                }
                None | Some("-o" | "-or" | ")" | ",") => break,
                Some(_) => all.push(self.not()?),
            }
        }
        Ok(if all.len() == 1 { all[0] } else { self.push(Expr::And(all)) })
    }

    fn not(&mut self) -> Result<usize, u8> {
        let mut negated = false;
        while matches!(self.peek(), Some("!" | "-not")) {
            self.at += 1;
            negated = !negated;
        }
        let part = self.primary()?;
        Ok(if negated { self.push(Expr::Not(part)) } else { part })
    }

    fn primary(&mut self) -> Result<usize, u8> {
        let Some(word) = self.args.get(self.at).cloned() else {
            return Err(self.say("expected an expression after '!'", "unrecognized: !"));
        };
        self.at += 1;
        if word == "(" {
            self.depth += 1;
            if self.depth > DEEPEST {
                return Err(self.say("invalid expression; too deep", "too deep"));
            }
            if self.peek() == Some(")") {
                return Err(self.say("invalid expression; empty parentheses are not allowed.", "unrecognized: )"));
            }
            let inner = self.list()?;
            if self.peek() != Some(")") {
                return Err(self.say(
                    "invalid expression; I was expecting to find a ')' somewhere but did not see one.",
                    "unpaired '('",
                ));
            }
            self.at += 1;
            self.depth -= 1;
            return Ok(inner);
        }
        let made = self.predicate(&word)?;
        self.last = word;
        Ok(made)
    }

    fn global(&mut self, word: &str) {
        if let (Some(before), true) = (self.first_test.clone(), is_gnu(self.sys) && self.sys.is_tty(0)) {
            let name = tool_name(self.sys, self.command);
            self.sys.err(format!(
                "{name}: warning: you have specified the global option {word} after the argument {before}, but global \
                 options are not positional, i.e., {word} affects tests specified before it as well as those specified \
                 after it.  Please specify global options before other arguments.\n"
            ));
        }
    }

    fn number(&mut self, of: &str) -> Result<Number, u8> {
        let value = self.value(of)?;
        match Number::parse(&value) {
            Some(number) => Ok(number),
            None => {
                let digits = value.trim_start_matches(['+', '-']);
                let busybox = format!("invalid number '{digits}'");
                Err(self.say(&format!("invalid argument `{value}' to `{of}'"), &busybox))
            }
        }
    }

    fn action(&mut self, action: Action) -> usize {
        self.acts |= !matches!(action, Action::Prune | Action::Quit);
        self.push(Expr::Action(action))
    }

    fn predicate(&mut self, word: &str) -> Result<usize, u8> {
        let gnu = is_gnu(self.sys);
        let mut is_global = true;
        let made = match word {
            "-maxdepth" | "-mindepth" => {
                self.global(word);
                let value = self.value(word)?;
                let Ok(depth) = value.parse() else {
                    return Err(self.say(
                        &format!("Expected a positive decimal integer argument to {word}, but got {}", quote(&value)),
                        &format!("invalid number '{value}'"),
                    ));
                };
                match word {
                    "-maxdepth" => self.options.max = Some(depth),
                    _ => self.options.min = depth,
                }
                self.test(Test::True)
            }
            "-depth" | "-d" => {
                self.global(word);
                self.options.depth_first = true;
                self.test(Test::True)
            }
            "-xdev" | "-mount" => {
                self.options.same_disk = true;
                self.test(Test::True)
            }
            "-follow" => {
                self.options.follow = true;
                self.test(Test::True)
            }
            "-noleaf" | "-ignore_readdir_race" | "-noignore_readdir_race" | "-daystart" | "-warn" | "-nowarn"
                if gnu =>
            {
                self.test(Test::True)
            }
            "-regextype" if gnu => {
                let kind = self.value(word)?;
                self.extended =
                    !["emacs", "findutils-default", "posix-basic", "sed", "grep", "ed"].contains(&kind.as_str());
                self.test(Test::True)
            }
            _ => {
                is_global = false;
                self.positional(word, gnu)?
            }
        };
        if !is_global && self.first_test.is_none() {
            self.first_test = Some(word.to_string());
        }
        Ok(made)
    }

    fn positional(&mut self, word: &str, gnu: bool) -> Result<usize, u8> {
        let test = match word {
            "-true" => Test::True,
            "-false" => Test::False,
            "-name" => Test::Name(self.value(word)?, false),
            "-iname" => Test::Name(self.value(word)?, true),
            "-path" | "-wholename" => Test::Path(self.value(word)?, false),
            "-ipath" | "-iwholename" => Test::Path(self.value(word)?, true),
            "-lname" if gnu => Test::LinkName(self.value(word)?, false),
            "-ilname" if gnu => Test::LinkName(self.value(word)?, true),
            "-regex" | "-iregex" => {
                let pattern = self.value(word)?;
                let pattern = if gnu && !self.extended { from_emacs(&pattern) } else { pattern };
                Test::Regex(pattern, (word == "-iregex", self.extended))
            }
            "-type" | "-xtype" => self.kind(word)?,
            "-size" => self.size()?,
            "-mtime" | "-ctime" | "-atime" => Test::Age(self.number(word)?, 86400, true),
            "-mmin" | "-cmin" | "-amin" => Test::Age(self.number(word)?, 60, false),
            "-newer" | "-cnewer" | "-anewer" => {
                let path = self.value(word)?;
                Test::Newer(self.stat(&path)?.modified)
            }
            w if gnu && w.starts_with("-newer") && w.len() == 8 => {
                let value = self.value(word)?;
                if w.ends_with('t') {
                    let zone = dates::zone(self.sys);
                    match date_input::gnu(&value, self.sys.now(), &zone) {
                        Some(time) => Test::Newer(time),
                        None => {
                            let text =
                                format!("I cannot figure out how to interpret {} as a date or time", quote(&value));
                            return Err(self.say(&text, ""));
                        }
                    }
                } else {
                    Test::Newer(self.stat(&value)?.modified)
                }
            }
            "-empty" => Test::Empty,
            "-perm" => self.perm()?,
            "-user" => {
                let name = self.value(word)?;
                match users::uid_of(self.sys, &name) {
                    Some(uid) => Test::User(uid),
                    None => {
                        let text = format!("{} is not the name of a known user", quote(&name));
                        return Err(self.say(&text, &format!("unknown user {name}")));
                    }
                }
            }
            "-group" => {
                let name = self.value(word)?;
                match users::gid_of(self.sys, &name) {
                    Some(gid) => Test::Group(gid),
                    None => {
                        let text = format!("{} is not the name of an existing group", quote(&name));
                        return Err(self.say(&text, &format!("unknown group {name}")));
                    }
                }
            }
            "-uid" if gnu => Test::Uid(self.number(word)?),
            "-gid" if gnu => Test::Gid(self.number(word)?),
            "-nouser" if gnu => Test::NoUser,
            "-nogroup" if gnu => Test::NoGroup,
            "-links" => Test::Links(self.number(word)?),
            "-inum" => Test::Inode(self.number(word)?),
            "-samefile" => {
                let path = self.value(word)?;
                let stat = self.stat(&path)?;
                Test::Same(stat.disk, stat.ino)
            }
            "-readable" if gnu => Test::Access(4),
            "-writable" if gnu => Test::Access(2),
            "-executable" => Test::Access(1),
            "-fstype" if gnu => Test::FsType(self.value(word)?),
            "-print" => return Ok(self.action(Action::Print)),
            "-print0" => return Ok(self.action(Action::Print0)),
            "-printf" if gnu => {
                let format = self.value(word)?;
                return Ok(self.action(Action::Printf(format)));
            }
            "-fprint" | "-fprint0" if gnu => {
                let file = self.value(word)?;
                let _ = self.sys.write_file(&file, b"");
                return Ok(self.action(Action::FilePrint(file, if word == "-fprint" { '\n' } else { '\0' })));
            }
            "-ls" if gnu => return Ok(self.action(Action::Ls)),
            "-prune" => return Ok(self.action(Action::Prune)),
            "-quit" => return Ok(self.action(Action::Quit)),
            "-delete" => {
                self.options.depth_first = true;
                return Ok(self.action(Action::Delete));
            }
            "-exec" | "-execdir" | "-ok" | "-okdir" => return self.exec(word),
            _ => return Err(self.unknown(word)),
        };
        Ok(self.test(test))
    }

    fn unknown(&mut self, word: &str) -> u8 {
        if word == ")" {
            return self.say("invalid expression; you have too many ')'", "unrecognized: )");
        }
        if word.starts_with('-') {
            return self.say(&format!("unknown predicate `{word}'"), &format!("unrecognized: {word}"));
        }
        let code = self.say(&format!("paths must precede expression: `{word}'"), &format!("unrecognized: {word}"));
        if is_gnu(self.sys) && self.sys.lstat(word).is_ok() && !self.last.is_empty() {
            let text = format!("possible unquoted pattern after predicate `{}'?", self.last);
            return self.say(&text, "");
        }
        code
    }

    fn stat(&mut self, path: &str) -> Result<crate::machine::kernel::sys::Stat, u8> {
        self.sys.stat(path).map_err(|fault| {
            fail(self.sys, self.command, &quote(path), &format!("can't stat '{path}'"), fault);
            1
        })
    }

    fn kind(&mut self, word: &str) -> Result<Test, u8> {
        let value = self.value(word)?;
        let letters: String = value.split(',').collect();
        match letters.chars().find(|c| !"fdlpscb".contains(*c)) {
            Some(c) => Err(self
                .say(&format!("Unknown argument to {word}: {c}"), &format!("invalid argument '{value}' to '{word}'"))),
            None => Ok(Test::Type(letters, word == "-xtype")),
        }
    }

    fn size(&mut self) -> Result<Test, u8> {
        let value = self.value("-size")?;
        let last = value.chars().last().unwrap_or('0');
        let (digits, unit) = match last {
            'c' => (&value[..value.len() - 1], 1),
            'w' => (&value[..value.len() - 1], 2),
            'b' => (&value[..value.len() - 1], 512),
            'k' => (&value[..value.len() - 1], 1 << 10),
            'M' => (&value[..value.len() - 1], 1 << 20),
            'G' => (&value[..value.len() - 1], 1 << 30),
            _ => (value.as_str(), 512),
        };
        match Number::parse(digits) {
            Some(number) => Ok(Test::Size(number, unit)),
            None => {
                let gnu = if last.is_alphabetic() && !"cwbkMG".contains(last) {
                    format!("invalid -size type `{last}'")
                } else {
                    format!("Invalid argument `{value}' to -size")
                };
                let busybox = format!("invalid number '{}'", value.trim_start_matches(['+', '-']));
                Err(self.say(&gnu, &busybox))
            }
        }
    }

    fn perm(&mut self) -> Result<Test, u8> {
        let value = self.value("-perm")?;
        let (bits, mode) = match value.as_bytes().first() {
            Some(b'-') => (Bits::All, &value[1..]),
            Some(b'/') => (Bits::Any, &value[1..]),
            Some(b'+') if !is_gnu(self.sys) => (Bits::Any, &value[1..]),
            _ => (Bits::Exactly, value.as_str()),
        };
        match parse_mode(mode, 0, false, 0) {
            Some(mode) => Ok(Test::Perm(mode, bits)),
            None => Err(self.say(&format!("invalid mode {}", quote(&value)), &format!("invalid mode '{value}'"))),
        }
    }

    fn exec(&mut self, word: &str) -> Result<usize, u8> {
        let mut command: Vec<String> = Vec::new();
        loop {
            let Some(arg) = self.args.get(self.at).cloned() else {
                return Err(self.say(&format!("missing argument to `{word}'"), &format!("{word} requires an argument")));
            };
            self.at += 1;
            if arg == ";" {
                break;
            }
            if arg == "+" && command.last().is_some_and(|l| l == "{}") {
                command.pop();
                return Ok(self.action(Action::ExecAll(command)));
            }
            command.push(arg);
        }
        if command.is_empty() {
            return Err(self.say(&format!("missing argument to `{word}'"), &format!("{word} requires an argument")));
        }
        if word.starts_with("-ok") {
            return Ok(self.action(Action::Ask(command)));
        }
        Ok(self.action(Action::Exec(command, word.ends_with("dir"))))
    }
}

/// Whether a regular expression matches a whole path.
pub(super) fn regex_matches(pattern: &str, path: &str, (fold, extended): (bool, bool)) -> bool {
    let flags = Flags { extended, icase: fold, ..Flags::default() };
    Regex::new(pattern.as_bytes(), flags).is_ok_and(|r| r.matches_whole(path.as_bytes()))
}

/// A pattern in the syntax of Emacs as a basic one: its `+` and `?` are operators without backslashes.
fn from_emacs(pattern: &str) -> String {
    let mut out = String::new();
    let mut in_set = false;
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                out.push(c);
                out.extend(chars.next());
            }
            '[' => {
                in_set = true;
                out.push(c);
                for first in ['^', ']'] {
                    out.extend(chars.next_if_eq(&first));
                }
            }
            ']' => {
                in_set = false;
                out.push(c);
            }
            '+' | '?' if !in_set && !out.is_empty() => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}
