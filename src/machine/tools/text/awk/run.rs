//! Runs awk's code.

use super::ast::{Arith, Comparison};
use super::code::{ArrayRef, Op, Place};
use super::io::ended;
use super::value::{Array, ELEMENT, Value};
use super::{Awk, CONVFMT, FILENAME, FNR, Frame, NF, NR, SUBSEP};
use crate::machine::bytes::Bytes;
use crate::machine::kernel::{Status, Sys, Turn, Wait};
use crate::machine::tools::text::driver::finish;
use crate::machine::tools::text::format::Directive;

/// How many instructions a step runs.
const OPS: u32 = 600;

/// How deeply functions may call each other.
const MAX_CALLS: usize = 5000;

/// The most that a text may hold.
pub const MAX_TEXT: usize = 32 << 20;

/// The most that all values may take.
const MAX_HELD: usize = 96 << 20;

/// How much a step makes at most before it is over.
const MAX_MADE: usize = 1 << 20;

/// Why running stops for now.
pub(super) enum Trap {
    Wait(Wait),
    Fatal(String),
    Exit,
}

impl From<String> for Trap {
    fn from(text: String) -> Trap {
        Trap::Fatal(text)
    }
}

impl Awk {
    /// Does one bounded piece of work.
    pub fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        let mut turn = Turn::Again;
        let made = self.made;
        for _ in 0..OPS {
            if self.halting {
                turn = self.halt(sys);
                break;
            }
            let Some(op) = self.code.ops.get(self.at).cloned() else {
                self.halting = true;
                continue;
            };
            self.at += 1;
            match self.op(sys, op) {
                Ok(()) => {}
                Err(Trap::Wait(wait)) => {
                    self.at -= 1;
                    turn = Turn::Wait(wait);
                    break;
                }
                Err(Trap::Exit) => self.halting = true,
                Err(Trap::Fatal(text)) => {
                    self.flush_all(sys);
                    self.say_fatal(sys, &text);
                    self.code_of_exit = if self.gnu { 2 } else { 1 };
                    self.halting = true;
                }
            }
            if self.out.waiting() > 65536 || self.made - made > MAX_MADE {
                break;
            }
        }
        if self.made > MAX_MADE.max(self.held / 2) && !self.halting {
            (self.made, self.held) = (0, self.measure());
            sys.set_memory(self.held as u64);
            if self.held > MAX_HELD {
                self.flush_all(sys);
                self.say_fatal(sys, "out of memory");
                self.code_of_exit = if self.gnu { 2 } else { 1 };
                self.halting = true;
            }
        }
        finish(sys, &self.name, &mut self.out, turn)
    }

    fn say_fatal(&mut self, sys: &mut Sys<'_>, text: &str) {
        if text == "out of memory" {
            sys.err(format!("{}: {text}\n", self.name));
            return;
        }
        if !self.gnu {
            sys.err(format!("{}: cmd. line:1: {text}\n", self.name));
            return;
        }
        if text.starts_with("cannot open") || text.starts_with("read error") {
            sys.err(format!("{}: {text}\n", self.name));
            return;
        }
        let [name, fnr, nr] = [FILENAME, FNR, NR].map(|n| {
            let value = self.globals[n].clone();
            String::from_utf8_lossy(&self.text_of(&value)).into_owned()
        });
        sys.err(format!("{}: run time error: {text}\n\tFILENAME=\"{name}\" FNR={fnr} NR={nr}\n", self.name));
    }

    /// What all values take, in bytes.
    fn measure(&self) -> usize {
        let values: usize = self.stack.iter().chain(&self.globals).map(Value::held).sum();
        values + self.arrays.values().map(Array::held).sum::<usize>()
    }

    /// Flushes and closes all, waits for commands, and exits.
    fn halt(&mut self, sys: &mut Sys<'_>) -> Turn {
        let _ = self.out.flush(sys);
        for mut stream in std::mem::take(&mut self.streams).into_values() {
            if let Some(out) = &mut stream.out {
                let _ = out.flush(sys);
            }
            if stream.fd > 2 {
                let _ = sys.close(stream.fd);
            }
            self.closing.extend(stream.pid.filter(|_| stream.out.is_some()));
        }
        while let Some(pid) = self.closing.last() {
            if let Err(wait) = ended(sys, *pid) {
                return Turn::Wait(wait);
            }
            self.closing.pop();
        }
        Turn::Exit(Status::Code(self.code_of_exit))
    }

    /// Writes out what is gathered everywhere, before another program runs.
    pub(super) fn flush_all(&mut self, sys: &mut Sys<'_>) {
        let _ = self.out.flush(sys);
        for stream in self.streams.values_mut() {
            if let Some(out) = &mut stream.out {
                let _ = out.flush(sys);
            }
        }
    }

    // --- Values ---------------------------------------------------------------------------------------------------

    /// A number as a text by a format such as `%.6g`.
    pub(super) fn number_text(&self, number: f64, format: usize) -> Bytes {
        let limit = if self.gnu { 2_147_483_647.0 } else { 9.2e18 };
        if number.fract() == 0.0 && number.abs() <= limit {
            return Bytes::from((number as i64).to_string().into_bytes());
        }
        let format = match self.globals.get(format) {
            Some(Value::Text(text) | Value::Both(text, _)) => text.clone(),
            _ => Bytes::from("%.6g"),
        };
        if &format[..] == b"%.6g" {
            let directive = Directive { precision: Some(6), conversion: b'g', ..Directive::default() };
            return Bytes::from(directive.float(number).into_bytes());
        }
        self.format(&format, &[Value::Number(number)]).unwrap_or_default().into()
    }

    pub(super) fn text_of(&self, value: &Value) -> Bytes {
        match value {
            Value::None | Value::Array(_) => Bytes::default(),
            Value::Number(n) => self.number_text(*n, CONVFMT),
            Value::Text(text) | Value::Both(text, _) => text.clone(),
        }
    }

    pub(super) fn pop(&mut self) -> Value {
        self.stack.pop().unwrap_or_default()
    }

    pub(super) fn pop_text(&mut self) -> Bytes {
        let value = self.pop();
        self.text_of(&value)
    }

    pub(super) fn push(&mut self, value: Value) {
        self.stack.push(value);
    }

    pub(super) fn push_number(&mut self, number: f64) {
        self.stack.push(Value::Number(number));
    }

    pub(super) fn array_id(&self, array: ArrayRef) -> Result<u32, Trap> {
        let value = match array {
            ArrayRef::Global(number) => self.globals.get(number),
            ArrayRef::Local(at) => self.stack.get(self.base() + at),
        };
        match value {
            Some(Value::Array(id)) => Ok(*id),
            _ => Err(Trap::Fatal("scalar used as array".into())),
        }
    }

    fn base(&self) -> usize {
        self.frames.last().map_or(0, |f| f.base)
    }

    pub(super) fn set_global(&mut self, number: usize, value: Value) {
        match number {
            NF => self.set_nf(value),
            _ => {
                if let Some(global) = self.globals.get_mut(number) {
                    *global = value;
                }
            }
        }
    }

    fn field_number(&self, value: &Value) -> Result<usize, Trap> {
        let number = value.number();
        if number < 0.0 {
            return Err(Trap::Fatal(match self.gnu {
                true => format!("negative field index ${}", number as i64),
                false => "Access to negative field".into(),
            }));
        }
        Ok(number as usize)
    }

    /// The value at a place, whose key is given where it has one.
    fn get(&mut self, place: Place, key: Option<&Value>) -> Result<Value, Trap> {
        Ok(match place {
            Place::Global(number) => {
                if number == NF {
                    self.need_fields();
                }
                self.globals.get(number).cloned().unwrap_or_default()
            }
            Place::Local(at) => self.stack.get(self.base() + at).cloned().unwrap_or_default(),
            Place::Field => {
                let number = self.field_number(key.unwrap_or(&Value::None))?;
                self.field(number)
            }
            Place::Element(array) => {
                let id = self.array_id(array)?;
                let key = self.text_of(key.unwrap_or(&Value::None));
                let moves = self.gnu;
                self.made += ELEMENT + key.len();
                self.arrays.get_mut(&id).map(|a| a.element(&key, moves).clone()).unwrap_or_default()
            }
        })
    }

    pub(super) fn set(&mut self, place: Place, key: Option<&Value>, value: Value) -> Result<(), Trap> {
        let value = match value {
            Value::Array(_) => return Err(Trap::Fatal("array used as scalar".into())),
            other => other,
        };
        match place {
            Place::Global(number) => self.set_global(number, value),
            Place::Local(at) => {
                let at = self.base() + at;
                if let Some(local) = self.stack.get_mut(at) {
                    *local = value;
                }
            }
            Place::Field => {
                let number = self.field_number(key.unwrap_or(&Value::None))?;
                self.set_field(number, value)?;
            }
            Place::Element(array) => {
                let id = self.array_id(array)?;
                let key = self.text_of(key.unwrap_or(&Value::None));
                let moves = self.gnu;
                self.made += ELEMENT + key.len();
                if let Some(array) = self.arrays.get_mut(&id) {
                    *array.element(&key, moves) = value;
                }
            }
        }
        Ok(())
    }

    /// Takes a place's key off the stack, where it has one.
    pub(super) fn pop_key(&mut self, place: Place) -> Option<Value> {
        matches!(place, Place::Field | Place::Element(_)).then(|| self.pop())
    }

    pub(super) fn arith(&self, how: Arith, a: f64, b: f64) -> Result<f64, Trap> {
        if b == 0.0 && matches!(how, Arith::Div | Arith::Mod) && !self.gnu {
            return Err(Trap::Fatal("Division by zero".into()));
        }
        Ok(match how {
            Arith::Add => a + b,
            Arith::Sub => a - b,
            Arith::Mul => a * b,
            Arith::Div => a / b,
            Arith::Mod => a % b,
            Arith::Pow => a.powf(b),
        })
    }

    fn compare(&self, how: Comparison, a: &Value, b: &Value) -> bool {
        let order = match a.is_numeric() && b.is_numeric() {
            true => match a.number().partial_cmp(&b.number()) {
                Some(order) => order,
                None => return how == Comparison::NotEqual,
            },
            false => self.text_of(a)[..].cmp(&self.text_of(b)[..]),
        };
        match how {
            Comparison::Less => order.is_lt(),
            Comparison::LessEqual => order.is_le(),
            Comparison::Equal => order.is_eq(),
            Comparison::NotEqual => order.is_ne(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterEqual => order.is_ge(),
        }
    }

    /// A constant pattern, or the one on the stack.
    pub(super) fn pattern(&mut self, constant: Option<usize>) -> Result<super::Regex, Trap> {
        match constant {
            Some(number) => self.code.regexes.get(number).cloned().ok_or_else(|| Trap::Fatal("no such pattern".into())),
            None => {
                let pattern = self.pop_text();
                match self.regex_of(&pattern) {
                    Some(regex) => Ok(regex),
                    None => {
                        let fault = super::Regex::new(&pattern, self.flags).err().map_or("", |f| f.text());
                        let text = String::from_utf8_lossy(&pattern);
                        Err(Trap::Fatal(match self.gnu {
                            true => format!("regular expression compile failed ({fault})\n{text}"),
                            false => format!("bad regex '{text}': {fault}"),
                        }))
                    }
                }
            }
        }
    }

    // --- Instructions ---------------------------------------------------------------------------------------------

    fn op(&mut self, sys: &mut Sys<'_>, op: Op) -> Result<(), Trap> {
        match op {
            Op::Number(value) => self.push_number(value),
            Op::Text(text) => self.push(Value::Text(text)),
            Op::Get(place) => {
                let key = self.pop_key(place);
                let value = self.get(place, key.as_ref())?;
                self.push(value);
            }
            Op::Set(place) => {
                let value = self.pop();
                let key = self.pop_key(place);
                self.set(place, key.as_ref(), value.clone())?;
                self.push(value);
            }
            Op::Update(place, how) => {
                let by = self.pop().number();
                let key = self.pop_key(place);
                let before = self.get(place, key.as_ref())?.number();
                let value = Value::Number(self.arith(how, before, by)?);
                self.set(place, key.as_ref(), value.clone())?;
                self.push(value);
            }
            Op::Step(place, by, behind) => {
                let key = self.pop_key(place);
                let before = self.get(place, key.as_ref())?.number();
                self.set(place, key.as_ref(), Value::Number(before + by))?;
                self.push_number(if behind { before } else { before + by });
            }
            Op::Pop => drop(self.pop()),
            Op::Jump(to) => self.at = to,
            Op::JumpIf(to) => {
                if self.pop().is_true() {
                    self.at = to;
                }
            }
            Op::JumpUnless(to) => {
                if !self.pop().is_true() {
                    self.at = to;
                }
            }
            Op::Bool => {
                let is = self.pop().is_true();
                self.push_number(f64::from(u8::from(is)));
            }
            Op::Not => {
                let is = self.pop().is_true();
                self.push_number(f64::from(u8::from(!is)));
            }
            Op::Minus => {
                let value = -self.pop().number();
                self.push_number(value);
            }
            Op::Plus => {
                let value = self.pop().number();
                self.push_number(value);
            }
            Op::Arith(how) => {
                let (b, a) = (self.pop().number(), self.pop().number());
                let value = self.arith(how, a, b)?;
                self.push_number(value);
            }
            Op::Compare(how) => {
                let (b, a) = (self.pop(), self.pop());
                let is = self.compare(how, &a, &b);
                self.push_number(f64::from(u8::from(is)));
            }
            Op::Concat => {
                let (b, a) = (self.pop_text(), self.pop_text());
                if a.len() + b.len() > MAX_TEXT {
                    return Err(Trap::Fatal("out of memory".into()));
                }
                self.made += a.len() + b.len();
                self.push(Value::text([&a[..], &b[..]].concat()));
            }
            Op::MatchRecord(number) => {
                let record = self.whole();
                let is = self.code.regexes.get(number).is_some_and(|r| r.is_match(&record));
                self.push_number(f64::from(u8::from(is)));
            }
            Op::Match(constant, not) => {
                let regex = self.pattern(constant)?;
                let text = self.pop_text();
                self.push_number(f64::from(u8::from(regex.is_match(&text) != not)));
            }
            Op::Subscript(1) => {
                let key = self.pop_text();
                self.push(Value::Text(key));
            }
            Op::Subscript(count) => {
                let separator = self.globals[SUBSEP].clone();
                let separator = self.text_of(&separator);
                let values = self.stack.split_off(self.stack.len().saturating_sub(count));
                let texts: Vec<Bytes> = values.iter().map(|v| self.text_of(v)).collect();
                let key = texts.iter().map(|t| &t[..]).collect::<Vec<&[u8]>>().join(&separator[..]);
                self.push(Value::text(key));
            }
            Op::In(array) => {
                let id = self.array_id(array)?;
                let key = self.pop_text();
                let is = self.arrays.get(&id).is_some_and(|a| a.contains(&key));
                self.push_number(f64::from(u8::from(is)));
            }
            Op::Delete(array) => {
                let id = self.array_id(array)?;
                let key = self.pop_text();
                if let Some(array) = self.arrays.get_mut(&id) {
                    array.remove(&key);
                }
            }
            Op::DeleteAll(array) => {
                let id = self.array_id(array)?;
                if let Some(array) = self.arrays.get_mut(&id) {
                    array.clear();
                }
            }
            Op::Array(array) => {
                let id = self.array_id(array)?;
                self.push(Value::Array(id));
            }
            Op::ForBegin(array) => {
                let id = self.array_id(array)?;
                let mut keys = self.arrays.get(&id).map(|a| a.keys(self.gnu)).unwrap_or_default();
                keys.reverse();
                self.loops.push(keys);
            }
            Op::ForNext(end) => match self.loops.last_mut().and_then(Vec::pop) {
                Some(key) => self.push(Value::input(key)),
                None => self.at = end,
            },
            Op::ForEnd => drop(self.loops.pop()),
            Op::Call(number, count) => self.call(number, count)?,
            Op::Return => self.returned(),
            Op::Builtin(builtin, count) => self.builtin(sys, builtin, count)?,
            Op::Substitute(global, place, constant) => self.substitute(global, place, constant)?,
            Op::Split(given, constant) => self.split_function(given, constant)?,
            Op::MatchFunction(constant) => self.match_function(constant)?,
            Op::Getline(from, place) => self.getline(sys, from, place)?,
            Op::Print(count, redirect) => self.print(sys, count, redirect)?,
            Op::Printf(count, redirect) => self.printf(sys, count, redirect)?,
            Op::Range(number) => {
                let open = self.ranges.get(number).copied().unwrap_or(false);
                self.push_number(f64::from(u8::from(open)));
            }
            Op::SetRange(number, open) => {
                if let Some(range) = self.ranges.get_mut(number) {
                    *range = open;
                }
            }
            Op::Next => {
                self.unwind();
                self.at = self.code.main;
            }
            Op::NextFile => {
                self.unwind();
                if let Some(reader) = self.main.take()
                    && reader.fd > 2
                {
                    let _ = sys.close(reader.fd);
                }
                self.at = self.code.main;
            }
            Op::Exit(given) => {
                if given {
                    self.code_of_exit = self.pop().number() as i64 as u8;
                }
                self.unwind();
                if self.in_end {
                    return Err(Trap::Exit);
                }
                self.in_end = true;
                self.at = self.code.end;
            }
            Op::Record(end) => match self.next_record(sys)? {
                Some(record) => {
                    self.count_record();
                    self.set_record(record.into());
                }
                None => {
                    self.in_end = true;
                    self.at = end;
                }
            },
            Op::Halt => return Err(Trap::Exit),
        }
        Ok(())
    }

    fn unwind(&mut self) {
        while !self.frames.is_empty() {
            self.push(Value::None);
            self.returned();
        }
        self.stack.clear();
        self.loops.clear();
    }

    fn call(&mut self, number: usize, count: usize) -> Result<(), Trap> {
        let Some(function) = self.code.functions.get(number) else {
            return Err(Trap::Fatal("no such function".into()));
        };
        if self.frames.len() >= MAX_CALLS {
            return Err(Trap::Fatal("function call nesting too deep".into()));
        }
        let (to, params) = (function.at, function.params.clone());
        let base = self.stack.len().saturating_sub(count);
        let mut own = Vec::new();
        for is_array in params.iter().skip(count) {
            let value = if *is_array {
                let id = self.new_array();
                own.push(id);
                Value::Array(id)
            } else {
                Value::None
            };
            self.push(value);
        }
        self.frames.push(Frame { back: self.at, base, loops: self.loops.len(), own });
        self.at = to;
        Ok(())
    }

    fn returned(&mut self) {
        let value = self.pop();
        let Some(frame) = self.frames.pop() else { return };
        self.stack.truncate(frame.base);
        self.loops.truncate(frame.loops);
        for id in frame.own {
            self.arrays.remove(&id);
        }
        self.push(value);
        self.at = frame.back;
    }
}
