//! awk's own functions.

use super::ast::Builtin;
use super::code::Place;
use super::fields::split_by;
use super::io::{ended, spawn};
use super::random::Random;
use super::run::{MAX_TEXT, Trap};
use super::value::{Array, ELEMENT, Value};
use super::{Awk, CONVFMT, RLENGTH, RSTART};
use crate::machine::bytes::Bytes;
use crate::machine::kernel::Sys;
use crate::machine::tools::text::format::Directive;

impl Awk {
    /// Calls a function whose arguments are on the stack. They stay there while it waits.
    pub(super) fn builtin(&mut self, sys: &mut Sys<'_>, builtin: Builtin, count: usize) -> Result<(), Trap> {
        let from = self.stack.len().saturating_sub(count);
        match builtin {
            Builtin::System => return self.system(sys),
            Builtin::Close => return self.close(sys),
            _ => {}
        }
        let args = self.stack.split_off(from);
        let none = Value::None;
        let arg = |n: usize| args.get(n).unwrap_or(&none);
        let number = |n: usize| arg(n).number();
        let text = |awk: &Awk, n: usize| awk.text_of(args.get(n).unwrap_or(&Value::None));
        let bits = |n: usize| number(n) as i64 as u64;
        let result = match builtin {
            Builtin::Atan2 => Value::Number(number(0).atan2(number(1))),
            Builtin::Cos => Value::Number(number(0).cos()),
            Builtin::Sin => Value::Number(number(0).sin()),
            Builtin::Exp => Value::Number(number(0).exp()),
            Builtin::Log => {
                let value = number(0).ln();
                // C's logarithm of a negative number is a negative NaN.
                Value::Number(if value.is_nan() { -f64::NAN.abs() } else { value })
            }
            Builtin::Sqrt => {
                let value = number(0).sqrt();
                Value::Number(if value.is_nan() { -f64::NAN.abs() } else { value })
            }
            Builtin::Int => Value::Number(number(0).trunc()),
            Builtin::Rand => Value::Number(self.rand()),
            Builtin::Srand => {
                let seed = if args.is_empty() { (sys.now().0 / 1000) as f64 } else { number(0) };
                let before = std::mem::replace(&mut self.seed, seed);
                self.random = Random::new(seed as i64 as u32);
                Value::Number(before)
            }
            Builtin::Index => {
                let (text, what) = (text(self, 0), text(self, 1));
                let found = crate::machine::tools::text::regex::find_bytes(&text, &what);
                let found = found.filter(|_| self.gnu || !what.is_empty());
                Value::Number(found.map_or(0.0, |at| at as f64 + 1.0))
            }
            Builtin::Length => match args.first() {
                None => Value::Number(self.whole().len() as f64),
                Some(Value::Array(id)) => Value::Number(self.arrays.get(id).map_or(0, Array::len) as f64),
                Some(value) => Value::Number(self.text_of(value).len() as f64),
            },
            Builtin::Substr => {
                let length = args.get(2).map(Value::number);
                Value::text(substr(&text(self, 0), number(1), length, self.gnu))
            }
            Builtin::Tolower => Value::text(text(self, 0).to_ascii_lowercase()),
            Builtin::Toupper => Value::text(text(self, 0).to_ascii_uppercase()),
            Builtin::Sprintf => {
                let format = text(self, 0);
                let done = self.format(&format, args.get(1..).unwrap_or_default());
                Value::text(done.map_err(|fault| self.format_fault(&format, "sprintf", fault))?)
            }
            Builtin::Fflush => {
                self.flush_all(sys);
                Value::Number(0.0)
            }
            Builtin::Systime => Value::Number((sys.now().0.div_euclid(1000)) as f64),
            Builtin::Strftime => {
                let format = match args.first() {
                    Some(_) => String::from_utf8_lossy(&text(self, 0)).into_owned(),
                    None => "%a %b %e %H:%M:%S %Z %Y".into(),
                };
                let seconds = if args.len() > 1 { number(1) as i64 } else { sys.now().0.div_euclid(1000) };
                let utc = arg(2).is_true();
                Value::text(strftime(sys, &format, seconds, utc).into_bytes())
            }
            Builtin::Mktime => Value::Number(mktime(sys, &String::from_utf8_lossy(&text(self, 0)))),
            Builtin::Gensub => {
                let (pattern, with, how) = (text(self, 0), text(self, 1), text(self, 2));
                let target = if args.len() > 3 { text(self, 3) } else { self.whole() };
                Value::text(self.gensub(&pattern, &with, &how, &target))
            }
            Builtin::And => Value::Number((bits(0) & bits(1)) as f64),
            Builtin::Or => Value::Number((bits(0) | bits(1)) as f64),
            Builtin::Xor => Value::Number((bits(0) ^ bits(1)) as f64),
            Builtin::Compl => Value::Number(f64::from(!(bits(0) as u32))),
            Builtin::Lshift => Value::Number(bits(0).checked_shl(bits(1) as u32).unwrap_or(0) as f64),
            Builtin::Rshift => Value::Number(bits(0).checked_shr(bits(1) as u32).unwrap_or(0) as f64),
            Builtin::System | Builtin::Close | Builtin::Split | Builtin::Match | Builtin::Sub | Builtin::Gsub => {
                Value::None
            }
        };
        self.push(result);
        Ok(())
    }

    fn rand(&mut self) -> f64 {
        if self.gnu {
            return f64::from(self.random.next()) / 2_147_483_647.0;
        }
        // busybox mixes three numbers; the last one is the high part.
        let (_, low, high) = (self.random.next(), self.random.next(), self.random.next());
        f64::from(high) / 2_147_483_648.0 + f64::from(low) / 2_147_483_648.0 / 2_147_483_648.0
    }

    fn system(&mut self, sys: &mut Sys<'_>) -> Result<(), Trap> {
        if self.waits_for.is_none() {
            self.flush_all(sys);
            let command = self.stack.last().cloned().unwrap_or_default();
            let command = String::from_utf8_lossy(&self.text_of(&command)).into_owned();
            let pid = spawn(sys, &command).map_err(|fault| Trap::Fatal(sys.text(fault).into()))?;
            for fd in self.streams.values().map(|s| s.fd).filter(|fd| *fd > 2) {
                let _ = sys.child_close(pid, fd);
            }
            self.waits_for = Some(pid);
        }
        if let Some(pid) = self.waits_for {
            let status = ended(sys, pid).map_err(Trap::Wait)?;
            self.waits_for = None;
            drop(self.pop());
            self.push_number(f64::from(status));
        }
        Ok(())
    }

    fn close(&mut self, sys: &mut Sys<'_>) -> Result<(), Trap> {
        if self.waits_for.is_none() {
            let name = self.stack.last().cloned().unwrap_or_default();
            let name = self.text_of(&name);
            let mut any = false;
            for begin in [&b"<|"[..], b"<", b"|", b">"] {
                let Some(mut stream) = self.streams.remove(&[begin, &name[..]].concat()) else { continue };
                any = true;
                if let Some(out) = &mut stream.out {
                    let _ = out.flush(sys);
                }
                if stream.fd > 2 {
                    let _ = sys.close(stream.fd);
                }
                self.waits_for = stream.pid;
            }
            if self.waits_for.is_none() {
                drop(self.pop());
                self.push_number(if any { 0.0 } else { -1.0 });
                return Ok(());
            }
        }
        if let Some(pid) = self.waits_for {
            let status = ended(sys, pid).map_err(Trap::Wait)?;
            self.waits_for = None;
            drop(self.pop());
            self.push_number(f64::from(status));
        }
        Ok(())
    }

    /// `sub` and `gsub`.
    pub(super) fn substitute(
        &mut self,
        global: bool,
        place: Option<Place>,
        pattern: Option<usize>,
    ) -> Result<(), Trap> {
        let with = self.pop_text();
        let regex = self.pattern(pattern)?;
        let key = match place {
            Some(place) => self.pop_key(place),
            None => None,
        };
        let text = match place {
            Some(Place::Field) => {
                let number = key.as_ref().map_or(0.0, Value::number);
                let value = self.field(number.max(0.0) as usize);
                self.text_of(&value)
            }
            Some(place) => {
                let value = self.value_at(place, key.as_ref())?;
                self.text_of(&value)
            }
            None => self.pop_text(),
        };
        let mut out = Vec::with_capacity(text.len() + 16);
        let (mut count, mut copied, mut from) = (0, 0, 0);
        let mut before = None;
        while let Some(found) = regex.find_at(&text, from).filter(|_| out.len() <= MAX_TEXT) {
            let (start, end) = (found.start(), found.end());
            let empty_behind = start == end && before == Some(start);
            if !empty_behind {
                count += 1;
                out.extend_from_slice(text.get(copied..start).unwrap_or_default());
                put_in(&mut out, &with, text.get(start..end).unwrap_or_default());
                copied = end;
                before = Some(end);
                if !global {
                    break;
                }
            }
            from = if start == end { end + 1 } else { end };
        }
        out.extend_from_slice(text.get(copied..).unwrap_or_default());
        self.made += out.len();
        if out.len() > MAX_TEXT {
            return Err(Trap::Fatal("out of memory".into()));
        }
        if let (Some(place), true) = (place, count > 0) {
            self.set(place, key.as_ref(), Value::text(out))?;
        }
        self.push_number(f64::from(count));
        Ok(())
    }

    fn value_at(&mut self, place: Place, key: Option<&Value>) -> Result<Value, Trap> {
        match place {
            Place::Global(number) => Ok(self.globals.get(number).cloned().unwrap_or_default()),
            Place::Local(at) => {
                let base = self.frames.last().map_or(0, |f| f.base);
                Ok(self.stack.get(base + at).cloned().unwrap_or_default())
            }
            Place::Field => Ok(Value::None),
            Place::Element(array) => {
                let id = self.array_id(array)?;
                let key = self.text_of(key.unwrap_or(&Value::None));
                let moves = self.gnu;
                Ok(self.arrays.get_mut(&id).map(|a| a.element(&key, moves).clone()).unwrap_or_default())
            }
        }
    }

    /// `split`: the text and the array are on the stack, and the separator where it is not constant.
    pub(super) fn split_function(&mut self, given: bool, pattern: Option<usize>) -> Result<(), Trap> {
        let separator = match (given, pattern) {
            (true, Some(number)) => Err(self.code.regexes.get(number).cloned()),
            (true, None) => Ok(self.pop_text()),
            (false, _) => {
                let fs = self.globals[super::FS].clone();
                Ok(self.text_of(&fs))
            }
        };
        let Value::Array(id) = self.pop() else { return Err(Trap::Fatal("split: not an array".into())) };
        let text = self.pop_text();
        let pieces = match separator {
            Ok(separator) => self.split_text(&text, &separator, false),
            Err(Some(regex)) if !text.is_empty() => split_by(&text, &regex),
            Err(_) => Vec::new(),
        };
        let moves = self.gnu;
        let count = pieces.len();
        self.made += count * ELEMENT;
        if let Some(array) = self.arrays.get_mut(&id) {
            array.clear();
            for (n, piece) in pieces.into_iter().enumerate() {
                let key = Bytes::from((n + 1).to_string().into_bytes());
                *array.element(&key, moves) = Value::input(piece);
            }
        }
        self.push_number(count as f64);
        Ok(())
    }

    /// `match`: sets `RSTART` and `RLENGTH`.
    pub(super) fn match_function(&mut self, pattern: Option<usize>) -> Result<(), Trap> {
        let regex = self.pattern(pattern)?;
        let text = self.pop_text();
        let (start, len) = match regex.find(&text) {
            Some(found) => (found.start() as f64 + 1.0, (found.end() - found.start()) as f64),
            None => (0.0, -1.0),
        };
        self.globals[RSTART] = Value::Number(start);
        self.globals[RLENGTH] = Value::Number(len);
        self.push_number(start);
        Ok(())
    }

    fn gensub(&mut self, pattern: &[u8], with: &[u8], how: &[u8], text: &[u8]) -> Vec<u8> {
        let Some(regex) = self.regex_of(pattern) else { return text.to_vec() };
        let all = matches!(how.first(), Some(b'g' | b'G'));
        let wanted: usize = String::from_utf8_lossy(how).parse().unwrap_or(1).max(1);
        let mut out = Vec::new();
        let (mut count, mut copied, mut from) = (0, 0, 0);
        let mut before = None;
        while let Some(found) = regex.find_at(text, from) {
            let (start, end) = (found.start(), found.end());
            if !(start == end && before == Some(start)) {
                count += 1;
                before = Some(end);
                if all || count == wanted {
                    out.extend_from_slice(text.get(copied..start).unwrap_or_default());
                    let mut rest = with.iter().copied().peekable();
                    while let Some(b) = rest.next() {
                        match (b, rest.peek()) {
                            (b'&', _) => out.extend_from_slice(found.text(text, 0)),
                            (b'\\', Some(d @ b'0'..=b'9')) => {
                                out.extend_from_slice(found.text(text, usize::from(d - b'0')));
                                rest.next();
                            }
                            (b'\\', Some(_)) => out.extend(rest.next()),
                            _ => out.push(b),
                        }
                    }
                    copied = end;
                    if !all {
                        break;
                    }
                }
            }
            from = if start == end { end + 1 } else { end };
        }
        out.extend_from_slice(text.get(copied..).unwrap_or_default());
        out
    }

    /// `sprintf`.
    pub(super) fn format(&self, format: &[u8], args: &[Value]) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        let mut at = 0;
        let mut given = args.iter();
        while let Some(b) = format.get(at).copied() {
            at += 1;
            if b != b'%' {
                out.push(b);
                continue;
            }
            if format.get(at) == Some(&b'%') {
                out.push(b'%');
                at += 1;
                continue;
            }
            let rest = format.get(at..).unwrap_or_default();
            let parsed = Directive::parse(rest, || given.next().map_or(0.0, Value::number) as i64);
            let Some((directive, len)) = parsed else {
                out.push(b'%');
                continue;
            };
            at += len;
            let value = match given.next() {
                Some(value) => value.clone(),
                None if self.gnu => return Err("not enough arguments".into()),
                None => Value::None,
            };
            self.directive(&mut out, &directive, &value)?;
            if out.len() > MAX_TEXT {
                return Err("out of memory".into());
            }
        }
        Ok(out)
    }

    fn directive(&self, out: &mut Vec<u8>, directive: &Directive, value: &Value) -> Result<(), String> {
        let number = value.number();
        match directive.conversion {
            b'd' | b'i' => {
                let whole = match self.gnu {
                    true => number.clamp(-2_147_483_647.0, 2_147_483_647.0) as i64,
                    false if number.abs() < 2_147_483_648.0 => number as i64,
                    false => i64::from(i32::MIN),
                };
                out.extend_from_slice(directive.signed(i128::from(whole)).as_bytes());
            }
            b'o' | b'x' | b'X' | b'u' => {
                let whole = match self.gnu {
                    true => number.clamp(0.0, 4_294_967_295.0) as u32,
                    false => number as i64 as u32,
                };
                out.extend_from_slice(directive.unsigned(u64::from(whole)).as_bytes());
            }
            b'e' | b'E' | b'f' | b'F' | b'g' | b'G' => out.extend_from_slice(directive.float(number).as_bytes()),
            b'c' => {
                let byte = match value {
                    Value::Text(text) => text.first().copied(),
                    Value::Both(text, _) => text.first().copied(),
                    other => Some(other.number() as i64 as u8),
                };
                let text: Vec<u8> = byte.into_iter().collect();
                out.extend_from_slice(&Directive { precision: None, ..directive.clone() }.string(&text, false));
            }
            b's' => {
                let text = match value {
                    Value::Number(n) => self.number_text(*n, CONVFMT),
                    other => self.text_of(other),
                };
                out.extend_from_slice(&directive.string(&text, false));
            }
            _ if self.gnu => return Err("bad conversion".into()),
            _ => return Err("Invalid format specifier".into()),
        }
        Ok(())
    }
}

/// Puts a replacement in: `&` is the match, `\&` itself.
fn put_in(out: &mut Vec<u8>, with: &[u8], found: &[u8]) {
    let mut rest = with.iter().copied().peekable();
    while let Some(b) = rest.next() {
        match (b, rest.peek()) {
            (b'\\', Some(b'&' | b'\\')) => out.extend(rest.next()),
            (b'&', _) => out.extend_from_slice(found),
            _ => out.push(b),
        }
    }
}

/// The part of a text from a place on, counted from one.
fn substr(text: &[u8], start: f64, length: Option<f64>, gnu: bool) -> Vec<u8> {
    if start.is_nan() || length.is_some_and(f64::is_nan) {
        return Vec::new();
    }
    let start = start.trunc();
    // A start before the text takes nothing off the length; mawk even adds to it.
    let more = if start < 0.0 && gnu { -start } else { 0.0 };
    let end = length.map_or(f64::INFINITY, |l| start.max(1.0) + l.trunc() + more);
    let from = start.max(1.0) - 1.0;
    let to = (end - 1.0).min(text.len() as f64);
    if to <= from {
        return Vec::new();
    }
    text.get(from as usize..to as usize).unwrap_or_default().to_vec()
}

fn zone(sys: &Sys<'_>) -> jiff::tz::TimeZone {
    let name = sys.env("TZ").unwrap_or_default();
    jiff::tz::TimeZone::get(name.trim_start_matches(':')).unwrap_or(jiff::tz::TimeZone::UTC)
}

fn strftime(sys: &Sys<'_>, format: &str, seconds: i64, utc: bool) -> String {
    let zone = if utc { jiff::tz::TimeZone::UTC } else { zone(sys) };
    let Ok(time) = jiff::Timestamp::from_second(seconds) else { return String::new() };
    jiff::fmt::strtime::format(format, &time.to_zoned(zone)).unwrap_or_else(|_| format.to_string())
}

/// `YYYY MM DD HH MM SS` as a time; -1 for what is none.
fn mktime(sys: &Sys<'_>, text: &str) -> f64 {
    let parts: Vec<i64> = text.split_whitespace().map_while(|p| p.parse().ok()).collect();
    let [year, month, day, hour, minute, second, ..] = parts[..] else { return -1.0 };
    let part = |n: i64| i8::try_from(n).ok();
    let civil = || {
        let year = i16::try_from(year).ok()?;
        jiff::civil::DateTime::new(year, part(month)?, part(day)?, part(hour)?, part(minute)?, part(second)?, 0).ok()
    };
    let Some(civil) = civil() else { return -1.0 };
    civil.to_zoned(zone(sys)).map_or(-1.0, |z| z.timestamp().as_second() as f64)
}
