//! `find`.

mod expr;
mod parse;
mod printf;

use serde::{Deserialize, Serialize};

use super::{Running, runs};
use crate::machine::kernel::sys::{Kind, Stat};
use crate::machine::kernel::{Pid, Program, Status, Sys, Turn, Wait};
use crate::machine::tools::common::{fail, is_gnu, join, last_name, quote};
use crate::machine::tools::options::base;
use crate::machine::tools::{Started, look_up};
use expr::{Action, Expr, Test};

/// How many files are looked at in a step.
const BATCH: usize = 32;

/// How many names one `-exec ... +` gets at most, and of how many bytes.
const MOST_NAMES: usize = 4096;
const MOST_BYTES: usize = 128 << 10;

/// A `find` on its way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Find {
    args: Vec<String>,
    /// The expression's parts; the last is the whole.
    expr: Vec<Expr>,
    options: Options,
    /// The paths that are left, the next one last.
    roots: Vec<String>,
    /// What is left below the present one, the next last.
    stack: Vec<Place>,
    /// The file that is being looked at, while a command runs for it, with what its actions gave.
    current: Option<Place>,
    memo: Vec<(usize, bool)>,
    prune: bool,
    /// The command that runs, and the action that it is for; none for one of `+`.
    child: Option<(Pid, Option<usize>)>,
    /// Names for each `-exec ... +`.
    gathered: Vec<(usize, Vec<String>, usize)>,
    /// Whether all is looked at, and only gathered names are left.
    over: bool,
    code: u8,
}

/// A file to look at.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Place {
    path: String,
    /// The operand that it is below.
    root: String,
    depth: usize,
    /// Whether its contents have been looked at.
    after: bool,
    disk: String,
}

/// What holds for all files.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Options {
    min: usize,
    max: Option<usize>,
    depth_first: bool,
    follow: bool,
    follow_operands: bool,
    same_disk: bool,
}

/// `find [-HLP] [PATH]... [EXPRESSION]`
pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let mut options = Options::default();
    let mut at = 1;
    while let Some(arg) = args.get(at) {
        match arg.as_str() {
            "-L" => options.follow = true,
            "-H" => options.follow_operands = true,
            "-P" => (options.follow, options.follow_operands) = (false, false),
            _ => break,
        }
        at += 1;
    }
    let starts = |a: &String| a.starts_with('-') && a.len() > 1 || a == "(" || a == "!";
    let end = args[at..].iter().position(starts).map_or(args.len(), |n| at + n);
    let mut roots: Vec<String> = args[at..end].iter().rev().cloned().collect();
    if roots.is_empty() {
        roots.push(".".into());
    }
    let expr = match parse::parse(sys, args, &args[end..], &mut options) {
        Ok(expr) => expr,
        Err(code) => return Started::Exit(code),
    };
    runs(Running::Find(Box::new(Find {
        args: args.to_vec(),
        expr,
        options,
        roots,
        stack: Vec::new(),
        current: None,
        memo: Vec::new(),
        prune: false,
        child: None,
        gathered: Vec::new(),
        over: false,
        code: 0,
    })))
}

/// What looking at a file came to.
enum Outcome {
    Value(bool),
    /// A command has been started; its end decides.
    Waits,
    Quit,
}

impl Find {
    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        if let Some((pid, action)) = self.child {
            match sys.wait_child(Some(pid)) {
                Ok(None) => return Turn::Wait(Wait::child()),
                Ok(Some((_, status))) => self.ended(action, status == Status::Code(0)),
                Err(_) => self.ended(action, false),
            }
        }
        for _ in 0..BATCH {
            if sys.is_dead() {
                return Turn::Exit(Status::Code(1));
            }
            if self.child.is_some() {
                return Turn::Again;
            }
            if self.current.is_none() && !self.next(sys) {
                return self.finish(sys);
            }
            let Some(place) = self.current.clone() else { continue };
            match self.look(sys, &place) {
                Outcome::Waits => return Turn::Again,
                Outcome::Quit => {
                    (self.over, self.current) = (true, None);
                    self.stack.clear();
                    self.roots.clear();
                }
                Outcome::Value(_) => {
                    self.memo.clear();
                    self.current = None;
                    if !place.after && !self.options.depth_first {
                        self.open(sys, &place);
                    }
                    self.prune = false;
                }
            }
        }
        Turn::Again
    }

    fn ended(&mut self, action: Option<usize>, success: bool) {
        self.child = None;
        match action {
            Some(action) => self.memo.push((action, success)),
            None if !success => self.code = 1,
            None => {}
        }
    }

    /// Runs what is left of `-exec ... +`, and ends.
    fn finish(&mut self, sys: &mut Sys<'_>) -> Turn {
        match self.gathered.pop() {
            Some((action, names, _)) => {
                self.run_gathered(sys, action, names);
                Turn::Again
            }
            None => Turn::Exit(Status::Code(self.code)),
        }
    }

    /// Takes the next file; false at the end.
    fn next(&mut self, sys: &mut Sys<'_>) -> bool {
        let place = match self.stack.pop() {
            Some(place) => place,
            None => {
                let Some(path) = self.roots.pop() else { return false };
                Place { root: path.clone(), path, depth: 0, after: false, disk: String::new() }
            }
        };
        let stat = match self.stat(sys, &place) {
            Ok(stat) => stat,
            Err(fault) => {
                fail(sys, &self.args, &quote(&place.path), &place.path, fault);
                self.code = 1;
                return true;
            }
        };
        let place = if place.disk.is_empty() { Place { disk: stat.disk.clone(), ..place } } else { place };
        if self.options.same_disk && stat.disk != place.disk && place.depth > 0 {
            return true;
        }
        if self.options.depth_first && !place.after && stat.kind == Kind::Dir && self.may_open(&place) {
            self.stack.push(Place { after: true, ..place.clone() });
            self.push_entries(sys, &place);
            return true;
        }
        if place.depth < self.options.min {
            if !place.after {
                self.open(sys, &place);
            }
            return true;
        }
        self.current = Some(place);
        true
    }

    fn stat(&self, sys: &Sys<'_>, place: &Place) -> Result<Stat, crate::machine::errno::Errno> {
        let follow = self.options.follow || self.options.follow_operands && place.depth == 0;
        match if follow { sys.stat(&place.path) } else { sys.lstat(&place.path) } {
            Err(_) if follow => sys.lstat(&place.path),
            other => other,
        }
    }

    fn may_open(&self, place: &Place) -> bool {
        self.options.max.is_none_or(|max| place.depth < max)
    }

    fn open(&mut self, sys: &mut Sys<'_>, place: &Place) {
        let is_dir = self.stat(sys, place).is_ok_and(|s| s.kind == Kind::Dir);
        if is_dir && !self.prune && self.may_open(place) {
            self.push_entries(sys, place);
        }
    }

    fn push_entries(&mut self, sys: &mut Sys<'_>, place: &Place) {
        match sys.read_dir(&place.path) {
            Ok(entries) => {
                for (name, _) in entries.into_iter().rev() {
                    self.stack.push(Place {
                        path: join(&place.path, &name),
                        depth: place.depth + 1,
                        after: false,
                        ..place.clone()
                    });
                }
            }
            Err(fault) => {
                fail(sys, &self.args, &quote(&place.path), &place.path, fault);
                self.code = 1;
            }
        }
    }

    fn look(&mut self, sys: &mut Sys<'_>, place: &Place) -> Outcome {
        let Ok(stat) = self.stat(sys, place) else { return Outcome::Value(false) };
        let Some(whole) = self.expr.len().checked_sub(1) else { return Outcome::Value(false) };
        self.eval(sys, whole, place, &stat)
    }

    /// Works an expression out. Parts come before what they are part of, so that this goes no deeper than it was
    /// parsed.
    fn eval(&mut self, sys: &mut Sys<'_>, at: usize, place: &Place, stat: &Stat) -> Outcome {
        let Some(expr) = self.expr.get(at).cloned() else { return Outcome::Value(false) };
        match expr {
            Expr::Not(part) => match self.eval(sys, part, place, stat) {
                Outcome::Value(value) => Outcome::Value(!value),
                other => other,
            },
            Expr::And(parts) | Expr::Or(parts) | Expr::List(parts) => {
                let mut value = false;
                for part in parts {
                    match self.eval(sys, part, place, stat) {
                        Outcome::Value(v) => value = v,
                        other => return other,
                    }
                    match self.expr.get(at) {
                        Some(Expr::And(_)) if !value => break,
                        Some(Expr::Or(_)) if value => break,
                        _ => {}
                    }
                }
                Outcome::Value(value)
            }
            Expr::Test(test) => Outcome::Value(test.holds(sys, place, stat)),
            Expr::Action(action) => {
                if let Some((_, value)) = self.memo.iter().find(|m| m.0 == at) {
                    return Outcome::Value(*value);
                }
                let outcome = self.act(sys, at, &action, place, stat);
                if let Outcome::Value(value) = outcome {
                    self.memo.push((at, value));
                }
                outcome
            }
        }
    }

    fn act(&mut self, sys: &mut Sys<'_>, at: usize, action: &Action, place: &Place, stat: &Stat) -> Outcome {
        let path = &place.path;
        match action {
            Action::Print => sys.out(format!("{path}\n")),
            Action::Print0 => sys.out(format!("{path}\0")),
            Action::Printf(format) => {
                let text = printf::expand(sys, format, place, stat);
                sys.out(text);
            }
            Action::FilePrint(file, end) => {
                let how = crate::machine::kernel::OpenOptions::APPEND;
                if let Ok(fd) = sys.open(file, how) {
                    let _ = sys.write(fd, format!("{path}{end}").as_bytes());
                    let _ = sys.close(fd);
                }
            }
            Action::Ls => {
                let text = printf::listing(sys, path, stat);
                sys.out(text);
            }
            Action::Prune => self.prune = true,
            Action::Quit => return Outcome::Quit,
            Action::Delete => {
                if last_name(path) == "." {
                    return Outcome::Value(true);
                }
                let removed = if stat.kind == Kind::Dir { sys.rmdir(path) } else { sys.unlink(path) };
                if let Err(fault) = removed {
                    let gnu = format!("cannot delete {}", quote(path));
                    fail(sys, &self.args, &gnu, path, fault);
                    self.code = 1;
                    return Outcome::Value(false);
                }
            }
            Action::Exec(command, in_folder) => {
                let (name, folder) = match in_folder {
                    true => (
                        format!("./{}", last_name(path)),
                        Some(crate::machine::tools::common::parent(path).to_string()),
                    ),
                    false => (path.clone(), None),
                };
                let args: Vec<String> = command.iter().map(|a| a.replace("{}", &name)).collect();
                match self.spawn(sys, args, folder) {
                    Some(pid) => {
                        self.child = Some((pid, Some(at)));
                        return Outcome::Waits;
                    }
                    None => return Outcome::Value(false),
                }
            }
            Action::Ask(command) => {
                let name = command.first().map_or("", String::as_str);
                let text = if is_gnu(sys) { format!("< {name} ... {path} > ? ") } else { format!("{name} {path} ?") };
                sys.err(text);
                return Outcome::Value(false);
            }
            Action::ExecAll(_) => {
                let found = self.gathered.iter().position(|g| g.0 == at);
                let slot = found.unwrap_or_else(|| {
                    self.gathered.insert(0, (at, Vec::new(), 0));
                    0
                });
                let mut full = None;
                if let Some((_, names, bytes)) = self.gathered.get_mut(slot) {
                    names.push(path.clone());
                    *bytes += path.len() + 1;
                    if names.len() >= MOST_NAMES || *bytes >= MOST_BYTES {
                        full = Some(std::mem::take(names));
                        *bytes = 0;
                    }
                }
                if let Some(names) = full {
                    self.memo.push((at, true));
                    self.run_gathered(sys, at, names);
                    if self.child.is_some() {
                        return Outcome::Waits;
                    }
                }
            }
        }
        Outcome::Value(true)
    }

    fn run_gathered(&mut self, sys: &mut Sys<'_>, action: usize, names: Vec<String>) {
        let Some(Expr::Action(Action::ExecAll(command))) = self.expr.get(action).cloned() else { return };
        if names.is_empty() {
            return;
        }
        let args = command.into_iter().chain(names).collect();
        match self.spawn(sys, args, None) {
            Some(pid) => self.child = Some((pid, None)),
            None => self.code = 1,
        }
    }

    fn spawn(&mut self, sys: &mut Sys<'_>, args: Vec<String>, folder: Option<String>) -> Option<Pid> {
        let name = args.first().cloned().unwrap_or_default();
        if let Err(fault) = look_up(sys, &name) {
            let gnu = quote(&name);
            fail(sys, &self.args, &gnu, &name, fault);
            return None;
        }
        let child = match sys.fork(Program::Command(args.clone())) {
            Ok(child) => child,
            Err(fault) => {
                fail(sys, &self.args, "cannot fork", base("vfork"), fault);
                self.code = 1;
                return None;
            }
        };
        let _ = sys.as_child(child, |sys| {
            sys.process_mut().args = args;
            folder.map_or(Ok(()), |folder| sys.chdir(&folder))
        });
        Some(child)
    }
}

impl Test {
    fn kind_of(sys: &Sys<'_>, path: &str, stat: &Stat, follow: bool) -> Kind {
        if follow { sys.stat(path).map_or(stat.kind, |s| s.kind) } else { stat.kind }
    }
}
