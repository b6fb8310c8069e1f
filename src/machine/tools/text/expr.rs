//! `expr`.

use super::input::is_utf8;
use super::regex::{Flags, Regex};
use crate::machine::images::Userland;
use crate::machine::kernel::Sys;
use crate::machine::tools::Started;

/// How deeply parentheses may be nested.
const MAX_DEPTH: usize = 100;

struct Parser<'a> {
    words: &'a [String],
    at: usize,
    depth: usize,
    gnu: bool,
    utf8: bool,
}

type Result<T> = std::result::Result<T, String>;

/// `expr EXPRESSION`
pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let gnu = sys.userland() == Userland::Gnu;
    let mut words = args.get(1..).unwrap_or_default();
    if words.first().is_some_and(|w| w == "--") {
        words = &words[1..];
    }
    if words.is_empty() {
        sys.err(match gnu {
            true => "expr: missing operand\nTry 'expr --help' for more information.\n",
            false => "expr: too few arguments\n",
        });
        return Started::Exit(2);
    }
    let utf8 = is_utf8(sys);
    let mut parser = Parser { words, at: 0, depth: 0, gnu, utf8 };
    let value = parser.or().and_then(|value| match parser.words.get(parser.at) {
        None => Ok(value),
        Some(word) if gnu => Err(format!("syntax error: unexpected argument '{word}'")),
        Some(_) => Err("syntax error".into()),
    });
    match value {
        Ok(value) => {
            sys.out(format!("{value}\n"));
            Started::Exit(u8::from(is_null(&value)))
        }
        Err(text) => {
            sys.err(format!("expr: {text}\n"));
            Started::Exit(2)
        }
    }
}

fn number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

fn is_null(value: &str) -> bool {
    value.is_empty() || number(value) == Some(0)
}

impl Parser<'_> {
    fn eat(&mut self, words: &[&str]) -> Option<String> {
        let word = self.words.get(self.at).filter(|w| words.contains(&w.as_str()))?;
        self.at += 1;
        Some(word.clone())
    }

    fn or(&mut self) -> Result<String> {
        let mut left = self.and()?;
        while self.eat(&["|"]).is_some() {
            let right = self.and()?;
            if is_null(&left) {
                left = if is_null(&right) { "0".into() } else { right };
            }
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<String> {
        let mut left = self.comparison()?;
        while self.eat(&["&"]).is_some() {
            let right = self.comparison()?;
            if is_null(&left) || is_null(&right) {
                left = "0".into();
            }
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Result<String> {
        let mut left = self.sum()?;
        while let Some(op) = self.eat(&["<", "<=", "=", "==", "!=", ">=", ">"]) {
            let right = self.sum()?;
            let order = match (number(&left), number(&right)) {
                (Some(a), Some(b)) => a.cmp(&b),
                _ => left.as_bytes().cmp(right.as_bytes()),
            };
            let is = match op.as_str() {
                "<" => order.is_lt(),
                "<=" => order.is_le(),
                "!=" => order.is_ne(),
                ">=" => order.is_ge(),
                ">" => order.is_gt(),
                _ => order.is_eq(),
            };
            left = u8::from(is).to_string();
        }
        Ok(left)
    }

    fn numbers(&self, left: &str, right: &str) -> Result<(i64, i64)> {
        let text = if self.gnu { "non-integer argument" } else { "non-numeric argument" };
        Ok((number(left).ok_or(text)?, number(right).ok_or(text)?))
    }

    fn sum(&mut self) -> Result<String> {
        let mut left = self.product()?;
        while let Some(op) = self.eat(&["+", "-"]) {
            let right = self.product()?;
            let (a, b) = self.numbers(&left, &right)?;
            left = if op == "+" { a.wrapping_add(b) } else { a.wrapping_sub(b) }.to_string();
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<String> {
        let mut left = self.matching()?;
        while let Some(op) = self.eat(&["*", "/", "%"]) {
            let right = self.matching()?;
            let (a, b) = self.numbers(&left, &right)?;
            if b == 0 && op != "*" {
                return Err("division by zero".into());
            }
            left = match op.as_str() {
                "*" => a.wrapping_mul(b),
                "/" => a.wrapping_div(b),
                _ => a.wrapping_rem(b),
            }
            .to_string();
        }
        Ok(left)
    }

    fn matching(&mut self) -> Result<String> {
        let mut left = self.unary()?;
        while self.eat(&[":"]).is_some() {
            let pattern = self.unary()?;
            left = self.matched(&left, &pattern)?;
        }
        Ok(left)
    }

    fn matched(&self, text: &str, pattern: &str) -> Result<String> {
        let flags = Flags { utf8: self.utf8, ..Flags::default() };
        let regex = Regex::new(pattern.as_bytes(), flags).map_err(|fault| match self.gnu {
            true => fault.text().to_string(),
            false => format!("bad regex '{pattern}': {}", fault.text()),
        })?;
        let found = regex.match_at_start(text.as_bytes());
        let len = |span: (usize, usize)| match self.utf8 {
            true => text.get(span.0..span.1).map_or(0, |t| t.chars().count()),
            false => span.1 - span.0,
        };
        Ok(match (found, regex.groups()) {
            (Some(found), 1..) => String::from_utf8_lossy(found.text(text.as_bytes(), 1)).into_owned(),
            (None, 1..) => String::new(),
            (Some(found), _) => len((0, found.end())).to_string(),
            (None, _) => "0".into(),
        })
    }

    fn unary(&mut self) -> Result<String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("syntax error".into());
        }
        let value = self.primary();
        self.depth -= 1;
        value
    }

    fn primary(&mut self) -> Result<String> {
        let Some(word) = self.words.get(self.at) else {
            return Err(match (self.gnu, self.at.checked_sub(1).and_then(|at| self.words.get(at))) {
                (true, Some(before)) => format!("syntax error: missing argument after '{before}'"),
                _ => "syntax error".into(),
            });
        };
        self.at += 1;
        let more = self.at < self.words.len();
        match word.as_str() {
            "(" => {
                let value = self.or()?;
                match self.eat(&[")"]) {
                    Some(_) => Ok(value),
                    None if self.gnu => match self.words.get(self.at.saturating_sub(1)) {
                        Some(before) => Err(format!("syntax error: expecting ')' after '{before}'")),
                        None => Err("syntax error".into()),
                    },
                    None => Err("syntax error".into()),
                }
            }
            "+" if self.gnu && more => {
                self.at += 1;
                Ok(self.words.get(self.at - 1).cloned().unwrap_or_default())
            }
            "length" if more => {
                let text = self.unary()?;
                Ok(if self.utf8 { text.chars().count() } else { text.len() }.to_string())
            }
            "match" if more => {
                let text = self.unary()?;
                let pattern = self.unary()?;
                self.matched(&text, &pattern)
            }
            "index" if more => {
                let text = self.unary()?;
                let chars = self.unary()?;
                Ok(text.bytes().position(|b| chars.as_bytes().contains(&b)).map_or(0, |p| p + 1).to_string())
            }
            "substr" if more => {
                let text = self.unary()?;
                let (from, len) = (self.unary()?, self.unary()?);
                let (Some(from), Some(len)) = (number(&from), number(&len)) else { return Ok(String::new()) };
                if from < 1 || len < 1 {
                    return Ok(String::new());
                }
                let bytes: Vec<u8> = text.bytes().skip(from as usize - 1).take(len as usize).collect();
                Ok(String::from_utf8_lossy(&bytes).into_owned())
            }
            ")" if self.gnu => Err("syntax error: unexpected ')'".into()),
            _ => Ok(word.clone()),
        }
    }
}
