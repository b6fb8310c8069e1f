//! Compiles awk's trees into code that can be put away at any instruction.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::arrays::arrays;
use super::ast::{Arith, Builtin, Comparison, Expr, Function, Lvalue, Pattern, Program, Redirect, Source, Stmt};
use crate::machine::bytes::Bytes;
use crate::machine::tools::text::regex::{Flags, Regex};

/// The variables that awk itself knows, in the order of their numbers.
pub const SPECIAL: [&str; 16] = [
    "NF", "NR", "FNR", "FS", "OFS", "ORS", "RS", "FILENAME", "SUBSEP", "RSTART", "RLENGTH", "CONVFMT", "OFMT", "ARGC",
    "ENVIRON", "ARGV",
];

/// An array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ArrayRef {
    Global(usize),
    Local(usize),
}

/// Where a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    Global(usize),
    Local(usize),
    /// A field, whose number is on the stack.
    Field,
    /// An element, whose subscript is on the stack.
    Element(ArrayRef),
}

/// One instruction.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Op {
    Number(f64),
    Text(Bytes),
    Get(Place),
    Set(Place),
    Update(Place, Arith),
    Step(Place, f64, bool),
    Pop,
    Jump(usize),
    JumpIf(usize),
    JumpUnless(usize),
    Bool,
    Not,
    Minus,
    Plus,
    Arith(Arith),
    Compare(Comparison),
    Concat,
    /// Matches the record.
    MatchRecord(usize),
    /// Matches a text; with a constant pattern, or one on the stack.
    Match(Option<usize>, bool),
    /// Joins so many values into a subscript.
    Subscript(usize),
    In(ArrayRef),
    Delete(ArrayRef),
    DeleteAll(ArrayRef),
    Array(ArrayRef),
    ForBegin(ArrayRef),
    /// Puts the next key on the stack, or goes on behind the loop.
    ForNext(usize),
    ForEnd,
    Call(usize, usize),
    Return,
    Builtin(Builtin, usize),
    /// `sub` and `gsub`: where the text is, and the pattern where it is constant.
    Substitute(bool, Option<Place>, Option<usize>),
    /// `split`, whether a separator is given, and it where it is constant.
    Split(bool, Option<usize>),
    /// `match` with its pattern where it is constant.
    MatchFunction(Option<usize>),
    Getline(GetlineFrom, Option<Place>),
    Print(usize, Redirect),
    Printf(usize, Redirect),
    Range(usize),
    SetRange(usize, bool),
    Next,
    NextFile,
    Exit(bool),
    /// Reads the next record, or goes to the end.
    Record(usize),
    Halt,
}

/// What `getline` reads from; a name is on the stack where it is not the main input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum GetlineFrom {
    Main,
    File,
    Command,
}

/// A compiled program.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Code {
    pub ops: Vec<Op>,
    pub regexes: Vec<Regex>,
    /// The names of global variables.
    pub globals: Vec<String>,
    pub arrays: Vec<bool>,
    pub functions: Vec<Compiled>,
    pub ranges: usize,
    /// Where records are read, and where `END` begins.
    pub main: usize,
    pub end: usize,
}

/// A compiled function.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Compiled {
    pub name: String,
    pub at: usize,
    /// Which parameters are arrays.
    pub params: Vec<bool>,
}

struct Loop {
    breaks: Vec<usize>,
    continues: Vec<usize>,
}

struct Compiler<'a> {
    code: Code,
    numbers: BTreeMap<String, usize>,
    functions: &'a [Function],
    params: Vec<String>,
    param_arrays: Vec<bool>,
    loops: Vec<Loop>,
    flags: Flags,
    gnu: bool,
    in_function: bool,
}

type Done<T = ()> = Result<T, String>;

/// Compiles a program.
///
/// # Errors
/// What is wrong with it.
pub fn compile(program: &Program, flags: Flags, gnu: bool) -> Done<Code> {
    let (global_arrays, param_arrays) = arrays(program);
    let mut compiler = Compiler {
        code: Code::default(),
        numbers: BTreeMap::new(),
        functions: &program.functions,
        params: Vec::new(),
        param_arrays: Vec::new(),
        loops: Vec::new(),
        flags,
        gnu,
        in_function: false,
    };
    for name in SPECIAL {
        compiler.global(name);
    }
    for name in &global_arrays {
        let number = compiler.global(name);
        compiler.code.arrays[number] = true;
    }
    for (n, function) in program.functions.iter().enumerate() {
        let params = param_arrays.get(n).cloned().unwrap_or_default();
        compiler.code.functions.push(Compiled { name: function.name.clone(), at: 0, params });
    }
    for (pattern, body) in &program.rules {
        if let (Pattern::Begin, Some(body)) = (pattern, body) {
            compiler.stmt(body)?;
        }
    }
    let reads = program.rules.iter().any(|(p, _)| !matches!(p, Pattern::Begin));
    let main = compiler.here();
    compiler.code.main = main;
    let record = reads.then(|| compiler.push(Op::Record(0)));
    for (pattern, body) in &program.rules {
        compiler.rule(pattern, body.as_ref())?;
    }
    if reads {
        compiler.push(Op::Jump(main));
    }
    compiler.code.end = compiler.here();
    if let Some(record) = record {
        compiler.patch(record);
    }
    for (pattern, body) in &program.rules {
        if let (Pattern::End, Some(body)) = (pattern, body) {
            compiler.stmt(body)?;
        }
    }
    compiler.push(Op::Halt);
    for (n, function) in program.functions.iter().enumerate() {
        compiler.function(n, function)?;
    }
    Ok(compiler.code)
}

impl Compiler<'_> {
    fn here(&self) -> usize {
        self.code.ops.len()
    }

    fn push(&mut self, op: Op) -> usize {
        self.code.ops.push(op);
        self.code.ops.len() - 1
    }

    /// Lets a jump lead to the next instruction.
    fn patch(&mut self, at: usize) {
        let here = self.here();
        if let Some(Op::Jump(to) | Op::JumpIf(to) | Op::JumpUnless(to) | Op::ForNext(to) | Op::Record(to)) =
            self.code.ops.get_mut(at)
        {
            *to = here;
        }
    }

    fn global(&mut self, name: &str) -> usize {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.code.globals.len();
        self.numbers.insert(name.to_string(), number);
        self.code.globals.push(name.to_string());
        self.code.arrays.push(name == "ENVIRON" || name == "ARGV");
        number
    }

    fn rule(&mut self, pattern: &Pattern, body: Option<&Stmt>) -> Done {
        let mut skips = Vec::new();
        match pattern {
            Pattern::Begin | Pattern::End => return Ok(()),
            Pattern::Always => {}
            Pattern::When(condition) => {
                self.expr(condition)?;
                skips.push(self.push(Op::JumpUnless(0)));
            }
            Pattern::Range(first, last) => {
                let number = self.code.ranges;
                self.code.ranges += 1;
                self.push(Op::Range(number));
                let open = self.push(Op::JumpIf(0));
                self.expr(first)?;
                skips.push(self.push(Op::JumpUnless(0)));
                self.push(Op::SetRange(number, true));
                self.patch(open);
                self.expr(last)?;
                let goes_on = self.push(Op::JumpUnless(0));
                self.push(Op::SetRange(number, false));
                self.patch(goes_on);
            }
        }
        match body {
            Some(body) => self.stmt(body)?,
            None => drop(self.push(Op::Print(0, Redirect::No))),
        }
        skips.into_iter().for_each(|at| self.patch(at));
        Ok(())
    }

    fn function(&mut self, number: usize, function: &Function) -> Done {
        let at = self.here();
        let Some(compiled) = self.code.functions.get_mut(number) else { return Ok(()) };
        compiled.at = at;
        self.params.clone_from(&function.params);
        self.param_arrays.clone_from(&compiled.params);
        self.in_function = true;
        self.stmt(&function.body)?;
        self.push(Op::Text(Bytes::default()));
        self.push(Op::Return);
        self.in_function = false;
        self.params.clear();
        self.param_arrays.clear();
        Ok(())
    }

    fn regex(&mut self, pattern: &[u8]) -> Done<usize> {
        let regex = Regex::new(pattern, self.flags).map_err(|fault| {
            let text = String::from_utf8_lossy(pattern);
            match self.gnu {
                true => format!("line 1: regular expression compile failed ({})\n{text}", fault.text()),
                false => format!("bad regex '{text}': {}", fault.text()),
            }
        })?;
        self.code.regexes.push(regex);
        Ok(self.code.regexes.len() - 1)
    }

    fn array(&mut self, name: &str) -> Done<ArrayRef> {
        if let Some(at) = self.params.iter().position(|p| p == name) {
            return Ok(ArrayRef::Local(at));
        }
        let number = self.global(name);
        self.code.arrays[number] = true;
        Ok(ArrayRef::Global(number))
    }

    fn is_array(&self, name: &str) -> bool {
        match self.params.iter().position(|p| p == name) {
            Some(at) => self.param_arrays.get(at).copied().unwrap_or(false),
            None => self.numbers.get(name).is_some_and(|n| self.code.arrays.get(*n).copied().unwrap_or(false)),
        }
    }

    /// The place of an lvalue; what it needs is put on the stack.
    fn place(&mut self, lvalue: &Lvalue) -> Done<Place> {
        Ok(match lvalue {
            Lvalue::Name(name) => match self.params.iter().position(|p| p == name) {
                Some(at) => Place::Local(at),
                None => Place::Global(self.global(name)),
            },
            Lvalue::Field(index) => {
                self.expr(index)?;
                Place::Field
            }
            Lvalue::Element(name, subscripts) => {
                self.subscript(subscripts)?;
                Place::Element(self.array(name)?)
            }
        })
    }

    fn subscript(&mut self, subscripts: &[Expr]) -> Done {
        for subscript in subscripts {
            self.expr(subscript)?;
        }
        self.push(Op::Subscript(subscripts.len()));
        Ok(())
    }

    // --- Statements -----------------------------------------------------------------------------------------------

    fn stmt(&mut self, stmt: &Stmt) -> Done {
        match stmt {
            Stmt::Expr(expr) => {
                self.expr(expr)?;
                self.push(Op::Pop);
            }
            Stmt::Print(args, redirect, to) => {
                args.iter().chain(to.iter()).try_for_each(|e| self.expr(e))?;
                self.push(Op::Print(args.len(), *redirect));
            }
            Stmt::Printf(args, redirect, to) => {
                args.iter().chain(to.iter()).try_for_each(|e| self.expr(e))?;
                self.push(Op::Printf(args.len(), *redirect));
            }
            Stmt::If(condition, then, otherwise) => {
                self.expr(condition)?;
                let skip = self.push(Op::JumpUnless(0));
                self.stmt(then)?;
                if let Some(otherwise) = otherwise {
                    let end = self.push(Op::Jump(0));
                    self.patch(skip);
                    self.stmt(otherwise)?;
                    self.patch(end);
                } else {
                    self.patch(skip);
                }
            }
            Stmt::While(condition, body) => {
                let begin = self.here();
                self.expr(condition)?;
                let end = self.push(Op::JumpUnless(0));
                self.looped(body, |c, continues| {
                    continues.into_iter().for_each(|at| c.lead(at, begin));
                    c.push(Op::Jump(begin));
                    c.patch(end);
                    Ok(())
                })?;
            }
            Stmt::Do(body, condition) => {
                let begin = self.here();
                self.looped(body, |c, continues| {
                    continues.into_iter().for_each(|at| c.patch(at));
                    c.expr(condition)?;
                    c.push(Op::JumpIf(begin));
                    Ok(())
                })?;
            }
            Stmt::For(first, condition, step, body) => {
                if let Some(first) = first {
                    self.stmt(first)?;
                }
                let begin = self.here();
                let end = match condition {
                    Some(condition) => {
                        self.expr(condition)?;
                        Some(self.push(Op::JumpUnless(0)))
                    }
                    None => None,
                };
                self.looped(body, |c, continues| {
                    continues.into_iter().for_each(|at| c.patch(at));
                    if let Some(step) = step {
                        c.stmt(step)?;
                    }
                    c.push(Op::Jump(begin));
                    end.into_iter().for_each(|at| c.patch(at));
                    Ok(())
                })?;
            }
            Stmt::ForIn(lvalue, array, body) => {
                let array = self.array(array)?;
                self.push(Op::ForBegin(array));
                let begin = self.here();
                let next = self.push(Op::ForNext(0));
                self.for_key(lvalue)?;
                self.looped(body, |c, continues| {
                    continues.into_iter().for_each(|at| c.lead(at, begin));
                    c.push(Op::Jump(begin));
                    c.patch(next);
                    Ok(())
                })?;
                self.push(Op::ForEnd);
            }
            Stmt::Block(all) => all.iter().try_for_each(|s| self.stmt(s))?,
            Stmt::Next => drop(self.push(Op::Next)),
            Stmt::NextFile => drop(self.push(Op::NextFile)),
            Stmt::Exit(code) => {
                if let Some(code) = code {
                    self.expr(code)?;
                }
                self.push(Op::Exit(code.is_some()));
            }
            Stmt::Return(value) => {
                match value {
                    Some(value) => self.expr(value)?,
                    None => drop(self.push(Op::Text(Bytes::default()))),
                }
                self.push(Op::Return);
            }
            Stmt::Break => {
                let at = self.push(Op::Jump(0));
                match self.loops.last_mut() {
                    Some(inner) => inner.breaks.push(at),
                    None => return Err("line 1: misplaced break".into()),
                }
            }
            Stmt::Continue => {
                let at = self.push(Op::Jump(0));
                match self.loops.last_mut() {
                    Some(inner) => inner.continues.push(at),
                    None => return Err("line 1: misplaced continue".into()),
                }
            }
            Stmt::Delete(name, subscripts) => {
                match subscripts {
                    Some(subscripts) => {
                        self.subscript(subscripts)?;
                        let array = self.array(name)?;
                        self.push(Op::Delete(array))
                    }
                    None => {
                        let array = self.array(name)?;
                        self.push(Op::DeleteAll(array))
                    }
                };
            }
        }
        Ok(())
    }

    fn for_key(&mut self, lvalue: &Lvalue) -> Done {
        match lvalue {
            Lvalue::Name(_) => {
                let place = self.place(lvalue)?;
                self.push(Op::Set(place));
                self.push(Op::Pop);
                Ok(())
            }
            _ => Err("line 1: syntax error at or near in".into()),
        }
    }

    fn lead(&mut self, at: usize, to: usize) {
        if let Some(op) = self.code.ops.get_mut(at) {
            *op = Op::Jump(to);
        }
    }

    /// A loop's body, and what comes behind it; `break` leads behind all.
    fn looped(&mut self, body: &Stmt, tail: impl FnOnce(&mut Self, Vec<usize>) -> Done) -> Done {
        self.loops.push(Loop { breaks: Vec::new(), continues: Vec::new() });
        let done = self.stmt(body);
        let Some(inner) = self.loops.pop() else { return done };
        done?;
        tail(self, inner.continues)?;
        inner.breaks.into_iter().for_each(|at| self.patch(at));
        Ok(())
    }

    // --- Expressions ----------------------------------------------------------------------------------------------

    fn expr(&mut self, expr: &Expr) -> Done {
        match expr {
            Expr::Number(value) => drop(self.push(Op::Number(*value))),
            Expr::Text(text) => drop(self.push(Op::Text(text.clone().into()))),
            Expr::Regex(pattern) => {
                let regex = self.regex(pattern)?;
                self.push(Op::MatchRecord(regex));
            }
            Expr::Value(Lvalue::Name(name)) if self.is_array(name) => {
                let array = self.array(name)?;
                self.push(Op::Array(array));
            }
            Expr::Value(lvalue) => {
                let place = self.place(lvalue)?;
                self.push(Op::Get(place));
            }
            Expr::Assign(lvalue, value) => {
                let place = self.place(lvalue)?;
                self.expr(value)?;
                self.push(Op::Set(place));
            }
            Expr::Update(lvalue, arith, value) => {
                let place = self.place(lvalue)?;
                self.expr(value)?;
                self.push(Op::Update(place, *arith));
            }
            Expr::Step(lvalue, by, behind) => {
                let place = self.place(lvalue)?;
                self.push(Op::Step(place, *by, *behind));
            }
            Expr::If(condition, then, otherwise) => {
                self.expr(condition)?;
                let skip = self.push(Op::JumpUnless(0));
                self.expr(then)?;
                let end = self.push(Op::Jump(0));
                self.patch(skip);
                self.expr(otherwise)?;
                self.patch(end);
            }
            Expr::And(a, b) => {
                self.expr(a)?;
                let not = self.push(Op::JumpUnless(0));
                self.expr(b)?;
                self.push(Op::Bool);
                let end = self.push(Op::Jump(0));
                self.patch(not);
                self.push(Op::Number(0.0));
                self.patch(end);
            }
            Expr::Or(a, b) => {
                self.expr(a)?;
                let is = self.push(Op::JumpIf(0));
                self.expr(b)?;
                self.push(Op::Bool);
                let end = self.push(Op::Jump(0));
                self.patch(is);
                self.push(Op::Number(1.0));
                self.patch(end);
            }
            Expr::In(subscripts, name) => {
                self.subscript(subscripts)?;
                let array = self.array(name)?;
                self.push(Op::In(array));
            }
            Expr::Match(text, pattern, not) => {
                self.expr(text)?;
                let regex = self.pattern(pattern)?;
                self.push(Op::Match(regex, *not));
            }
            Expr::Arith(how, a, b) => {
                self.expr(a)?;
                self.expr(b)?;
                self.push(Op::Arith(*how));
            }
            Expr::Compare(how, a, b) => {
                self.expr(a)?;
                self.expr(b)?;
                self.push(Op::Compare(*how));
            }
            Expr::Concat(a, b) => {
                self.expr(a)?;
                self.expr(b)?;
                self.push(Op::Concat);
            }
            Expr::Not(a) => {
                self.expr(a)?;
                self.push(Op::Not);
            }
            Expr::Minus(a) => {
                self.expr(a)?;
                self.push(Op::Minus);
            }
            Expr::Plus(a) => {
                self.expr(a)?;
                self.push(Op::Plus);
            }
            Expr::Group(inner) => self.expr(inner)?,
            Expr::List(_) => return Err("line 1: syntax error at or near ,".into()),
            Expr::Call(name, args) => self.call(name, args)?,
            Expr::Builtin(builtin, args) => self.builtin(*builtin, args)?,
            Expr::Getline(source, to) => {
                let place = match to {
                    Some(to) => Some(self.place(to)?),
                    None => None,
                };
                let from = match source {
                    Source::Main => GetlineFrom::Main,
                    Source::File(name) => {
                        self.expr(name)?;
                        GetlineFrom::File
                    }
                    Source::Command(command) => {
                        self.expr(command)?;
                        GetlineFrom::Command
                    }
                };
                self.push(Op::Getline(from, place));
            }
        }
        Ok(())
    }

    /// A pattern: its number where it is constant; else it is put on the stack.
    fn pattern(&mut self, pattern: &Expr) -> Done<Option<usize>> {
        match pattern {
            Expr::Regex(pattern) => self.regex(pattern).map(Some),
            Expr::Group(inner) if matches!(**inner, Expr::Regex(_)) => self.pattern(inner),
            other => self.expr(other).map(|()| None),
        }
    }

    fn call(&mut self, name: &str, args: &[Expr]) -> Done {
        let Some(number) = self.functions.iter().position(|f| f.name == name) else {
            return Err(match self.gnu {
                true => format!("line {}: function {name} never defined", self.code.functions.len().max(1) + 1),
                false => "cmd. line:1: Call to undefined function".into(),
            });
        };
        let params = self.code.functions.get(number).map(|f| f.params.clone()).unwrap_or_default();
        if args.len() > params.len() {
            return Err(match self.gnu {
                true => format!("line 1: too many arguments in call to {name}"),
                false => "cmd. line:1: Too many arguments in call".into(),
            });
        }
        for (n, arg) in args.iter().enumerate() {
            match (arg, params.get(n)) {
                (Expr::Value(Lvalue::Name(name)), Some(true)) => {
                    let array = self.array(name)?;
                    self.push(Op::Array(array));
                }
                _ => self.expr(arg)?,
            }
        }
        self.push(Op::Call(number, args.len()));
        Ok(())
    }

    fn builtin(&mut self, builtin: Builtin, args: &[Expr]) -> Done {
        let wrong = |name: &str| Err(format!("line 1: wrong number of arguments in call to {name}"));
        match (builtin, args) {
            (Builtin::Sub | Builtin::Gsub, [pattern, with, rest @ ..]) if rest.len() < 2 => {
                let target = match rest.first() {
                    Some(Expr::Value(lvalue)) => Some(self.place(lvalue)?),
                    Some(Expr::Group(inner)) => match &**inner {
                        Expr::Value(lvalue) => Some(self.place(lvalue)?),
                        _ => None,
                    },
                    Some(_) => None,
                    None => {
                        self.push(Op::Number(0.0));
                        Some(Place::Field)
                    }
                };
                if target.is_none() {
                    // Not something that can be changed: its value is put aside.
                    rest.iter().try_for_each(|e| self.expr(e))?;
                }
                let regex = self.pattern(pattern)?;
                self.expr(with)?;
                self.push(Op::Substitute(builtin == Builtin::Gsub, target, regex));
            }
            (Builtin::Sub | Builtin::Gsub, _) => return wrong("sub"),
            (Builtin::Split, [text, Expr::Value(Lvalue::Name(name)), rest @ ..]) if rest.len() < 3 => {
                self.expr(text)?;
                let array = self.array(name)?;
                self.push(Op::Array(array));
                let regex = match rest.first() {
                    Some(separator) => self.pattern(separator)?,
                    None => None,
                };
                self.push(Op::Split(!rest.is_empty(), regex));
            }
            (Builtin::Split, _) => return wrong("split"),
            (Builtin::Match, [text, pattern, ..]) => {
                self.expr(text)?;
                let regex = self.pattern(pattern)?;
                self.push(Op::MatchFunction(regex));
            }
            (Builtin::Match, _) => return wrong("match"),
            (Builtin::Gensub, [pattern, rest @ ..]) if (2..=3).contains(&rest.len()) => {
                match pattern {
                    Expr::Regex(pattern) => drop(self.push(Op::Text(pattern.clone().into()))),
                    other => self.expr(other)?,
                }
                rest.iter().try_for_each(|e| self.expr(e))?;
                self.push(Op::Builtin(builtin, args.len()));
            }
            (Builtin::Substr, _) if !(2..=3).contains(&args.len()) => return wrong("substr"),
            (Builtin::Index | Builtin::Atan2, _) if args.len() != 2 => return wrong("index"),
            (Builtin::Sprintf, []) => return wrong("sprintf"),
            _ => {
                args.iter().try_for_each(|e| self.expr(e))?;
                self.push(Op::Builtin(builtin, args.len()));
            }
        }
        Ok(())
    }
}
