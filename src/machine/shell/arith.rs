//! Arithmetic.

use super::Flavor;
use super::lex::{is_name, is_name_start};

/// How deep an expression may be nested, the contents of variables included.
const MAX_DEPTH: u32 = 100;

/// The variables that an expression reads and writes.
pub(super) trait Names {
    /// A variable's text; empty where it is unset.
    fn read(&mut self, name: &str, index: Option<&str>) -> Result<String, Fault>;
    fn write(&mut self, name: &str, index: Option<&str>, value: i64) -> Result<(), Fault>;
}

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Fault {
    /// What the shell says.
    Text(String),
    /// It has been said already.
    Said,
}

pub(super) struct Arith<'a, N: Names> {
    text: &'a [u8],
    at: usize,
    /// Where the last token began.
    last: usize,
    flavor: Flavor,
    names: &'a mut N,
    /// Above zero where nothing may be changed.
    skip: u32,
    depth: u32,
}

#[derive(Clone, Default)]
struct Val {
    value: i64,
    name: Option<(String, Option<String>)>,
}

impl Val {
    fn of(value: i64) -> Val {
        Val { value, name: None }
    }
}

const ASSIGN: [&str; 11] = ["<<=", ">>=", "*=", "/=", "%=", "+=", "-=", "&=", "^=", "|=", "="];

/// Binary operators by how tightly they bind, loosest first.
const LEVELS: [&[&str]; 10] = [
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

/// The value of an expression.
pub(super) fn evaluate<N: Names>(text: &str, flavor: Flavor, names: &mut N) -> Result<i64, Fault> {
    nested(text, flavor, names, 0)
}

fn nested<N: Names>(text: &str, flavor: Flavor, names: &mut N, depth: u32) -> Result<i64, Fault> {
    let trimmed = text.trim();
    if let Some(number) = simple_number(trimmed) {
        return Ok(number);
    }
    let mut arith = Arith { text: text.as_bytes(), at: 0, last: 0, flavor, names, skip: 0, depth };
    arith.blanks();
    if arith.at == arith.text.len() {
        return match flavor {
            Flavor::Dash => arith.fault("expecting primary"),
            _ => Ok(0),
        };
    }
    let value = arith.comma()?;
    arith.blanks();
    if arith.at < arith.text.len() {
        arith.last = arith.at;
        let b = arith.text[arith.at];
        let what = match flavor {
            Flavor::Dash => "expecting EOF",
            _ if is_name(b) || b"+-*/%<>=!&|^~?:,()#".contains(&b) => "syntax error in expression",
            _ => "syntax error: invalid arithmetic operator",
        };
        return arith.fault(what);
    }
    Ok(value.value)
}

fn simple_number(text: &str) -> Option<i64> {
    let plain = !text.is_empty() && text.len() < 18 && text.bytes().all(|b| b.is_ascii_digit());
    if plain && (text.len() == 1 || !text.starts_with('0')) { text.parse().ok() } else { None }
}

impl<N: Names> Arith<'_, N> {
    fn fault<T>(&self, what: &str) -> Result<T, Fault> {
        let all = String::from_utf8_lossy(self.text);
        Err(Fault::Text(match self.flavor {
            Flavor::Bash => {
                let rest = String::from_utf8_lossy(self.text.get(self.last..).unwrap_or_default()).into_owned();
                format!("{}: {what} (error token is \"{}\")", all.trim_start(), rest.trim_start())
            }
            Flavor::Dash => format!("arithmetic expression: {what}: \"{all}\""),
            Flavor::Ash => match what {
                "division by 0" => "divide by zero".into(),
                "exponent less than 0" => "exponent less than 0".into(),
                "recursion" => "expression recursion loop detected".into(),
                _ => "arithmetic syntax error".into(),
            },
        }))
    }

    fn blanks(&mut self) {
        while self.text.get(self.at).is_some_and(|b| b.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Takes an operator, where it is next and not the beginning of a longer one.
    fn op(&mut self, op: &str, not: &[&str]) -> bool {
        self.blanks();
        let rest = self.text.get(self.at..).unwrap_or_default();
        if !rest.starts_with(op.as_bytes()) || not.iter().any(|n| rest.starts_with(n.as_bytes())) {
            return false;
        }
        self.last = self.at;
        self.at += op.len();
        true
    }

    fn deeper(&mut self) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth <= MAX_DEPTH {
            return Ok(());
        }
        match self.flavor {
            Flavor::Bash => self.fault("expression recursion level exceeded"),
            _ => self.fault("recursion"),
        }
    }

    fn comma(&mut self) -> Result<Val, Fault> {
        let mut value = self.assign()?;
        while self.flavor != Flavor::Dash && self.op(",", &[]) {
            value = self.assign()?;
        }
        Ok(value)
    }

    fn assign(&mut self) -> Result<Val, Fault> {
        self.deeper()?;
        let left = self.ternary()?;
        self.blanks();
        let op = ASSIGN.iter().find(|op| self.op(op, if **op == "=" { &["=="] } else { &[] }));
        let Some(op) = op else {
            self.depth -= 1;
            return Ok(left);
        };
        let Some(name) = left.name.clone() else {
            return match self.flavor {
                Flavor::Dash => self.fault("expecting EOF"),
                _ => self.fault("attempted assignment to non-variable"),
            };
        };
        let right_at = self.at;
        let right = self.assign()?;
        let value = match *op {
            "=" => right.value,
            op => self.apply(&op[..op.len() - 1], left.value, right.value, right_at)?,
        };
        self.store(&name, value)?;
        self.depth -= 1;
        Ok(Val::of(value))
    }

    fn store(&mut self, (name, index): &(String, Option<String>), value: i64) -> Result<(), Fault> {
        if self.skip > 0 { Ok(()) } else { self.names.write(name, index.as_deref(), value) }
    }

    fn ternary(&mut self) -> Result<Val, Fault> {
        let test = self.binary(0)?;
        if !self.op("?", &[]) {
            return Ok(test);
        }
        self.deeper()?;
        let yes = test.value != 0;
        self.skip += u32::from(!yes);
        let first = self.comma()?;
        self.skip -= u32::from(!yes);
        if !self.op(":", &[]) {
            return match self.flavor {
                Flavor::Dash => self.fault("expecting ':'"),
                _ => self.fault("`:' expected for conditional expression"),
            };
        }
        self.skip += u32::from(yes);
        let second = self.assign()?;
        self.skip -= u32::from(yes);
        self.depth -= 1;
        Ok(Val::of(if yes { first.value } else { second.value }))
    }

    fn binary(&mut self, level: usize) -> Result<Val, Fault> {
        let Some(ops) = LEVELS.get(level) else { return self.power() };
        let mut left = self.binary(level + 1)?;
        loop {
            let found = ops.iter().find(|op| {
                let not: &[&str] = match **op {
                    "|" => &["||", "|="],
                    "&" => &["&&", "&="],
                    "^" => &["^="],
                    "<" | ">" => &["<<", ">>", "<=", ">="],
                    "<<" => &["<<="],
                    ">>" => &[">>="],
                    "+" => &["+="],
                    "-" => &["-="],
                    "*" => &["*=", "**"],
                    "/" => &["/="],
                    "%" => &["%="],
                    _ => &[],
                };
                self.op(op, not)
            });
            let Some(op) = found else { return Ok(left) };
            let skips = match *op {
                "&&" => left.value == 0,
                "||" => left.value != 0,
                _ => false,
            };
            self.skip += u32::from(skips);
            let right_at = self.at;
            let right = self.binary(level + 1)?;
            self.skip -= u32::from(skips);
            left = Val::of(match *op {
                "&&" => i64::from(left.value != 0 && right.value != 0),
                "||" => i64::from(left.value != 0 || right.value != 0),
                op => self.apply(op, left.value, right.value, right_at)?,
            });
        }
    }

    fn apply(&mut self, op: &str, a: i64, b: i64, right_at: usize) -> Result<i64, Fault> {
        Ok(match op {
            "+" => a.wrapping_add(b),
            "-" => a.wrapping_sub(b),
            "*" => a.wrapping_mul(b),
            "/" | "%" => {
                if b == 0 {
                    if self.skip > 0 {
                        return Ok(0);
                    }
                    self.last = right_at;
                    return self.fault(if self.flavor == Flavor::Dash { "division by zero" } else { "division by 0" });
                }
                if op == "/" { a.wrapping_div(b) } else { a.wrapping_rem(b) }
            }
            "<<" => a.wrapping_shl(b as u32),
            ">>" => a.wrapping_shr(b as u32),
            "&" => a & b,
            "|" => a | b,
            "^" => a ^ b,
            "==" => i64::from(a == b),
            "!=" => i64::from(a != b),
            "<" => i64::from(a < b),
            ">" => i64::from(a > b),
            "<=" => i64::from(a <= b),
            ">=" => i64::from(a >= b),
            _ => 0,
        })
    }

    fn power(&mut self) -> Result<Val, Fault> {
        let base = self.unary()?;
        if self.flavor == Flavor::Dash || !self.op("**", &["**="]) {
            return Ok(base);
        }
        self.deeper()?;
        let mut exponent = self.power()?.value;
        self.depth -= 1;
        if exponent < 0 {
            return self.fault("exponent less than 0");
        }
        let (mut result, mut square) = (1i64, base.value);
        while exponent > 0 {
            if exponent & 1 == 1 {
                result = result.wrapping_mul(square);
            }
            square = square.wrapping_mul(square);
            exponent >>= 1;
        }
        Ok(Val::of(result))
    }

    fn unary(&mut self) -> Result<Val, Fault> {
        self.deeper()?;
        let steps = self.flavor != Flavor::Dash;
        let value = if steps && (self.op("++", &[]) || self.op("--", &[])) {
            let by = if self.text.get(self.last) == Some(&b'+') { 1 } else { -1 };
            let of = self.unary()?;
            match of.name {
                Some(name) => {
                    let value = of.value.wrapping_add(by);
                    self.store(&name, value)?;
                    Val::of(value)
                }
                None => Val::of(of.value),
            }
        } else if self.op("!", &["!="]) {
            Val::of(i64::from(self.unary()?.value == 0))
        } else if self.op("~", &[]) {
            Val::of(!self.unary()?.value)
        } else if self.op("-", &[]) {
            Val::of(self.unary()?.value.wrapping_neg())
        } else if self.op("+", &[]) {
            Val::of(self.unary()?.value)
        } else {
            self.postfix()?
        };
        self.depth -= 1;
        Ok(value)
    }

    fn postfix(&mut self) -> Result<Val, Fault> {
        let of = self.primary()?;
        let Some(name) = &of.name else { return Ok(of) };
        if self.flavor == Flavor::Dash {
            return Ok(of);
        }
        let by = if self.op("++", &[]) {
            1
        } else if self.op("--", &[]) {
            -1
        } else {
            return Ok(of);
        };
        self.store(name, of.value.wrapping_add(by))?;
        Ok(Val::of(of.value))
    }

    fn primary(&mut self) -> Result<Val, Fault> {
        self.blanks();
        let Some(b) = self.text.get(self.at).copied() else { return self.no_operand() };
        if b == b'(' {
            self.last = self.at;
            self.at += 1;
            let inner = self.comma()?;
            if !self.op(")", &[]) {
                return match self.flavor {
                    Flavor::Dash => self.fault("expecting ')'"),
                    _ => self.fault("missing `)'"),
                };
            }
            return Ok(Val::of(inner.value));
        }
        if b.is_ascii_digit() {
            return self.number().map(Val::of);
        }
        if is_name_start(b) {
            return self.variable();
        }
        self.last = self.at;
        self.no_operand()
    }

    fn no_operand<T>(&self) -> Result<T, Fault> {
        self.fault(if self.flavor == Flavor::Dash { "expecting primary" } else { "syntax error: operand expected" })
    }

    fn number(&mut self) -> Result<i64, Fault> {
        self.last = self.at;
        let from = self.at;
        let part = |b: &u8| is_name(*b) || self.flavor != Flavor::Dash && matches!(b, b'#' | b'@');
        self.at += self.text[from..].iter().take_while(|b| part(b)).count();
        let token = std::str::from_utf8(&self.text[from..self.at]).unwrap_or("0");
        let (radix, digits) = match token.split_once('#') {
            Some((base, digits)) => match base.parse::<u32>() {
                Ok(base @ 2..=64) => (base, digits),
                _ => return self.fault("invalid arithmetic base"),
            },
            None if token.starts_with("0x") || token.starts_with("0X") => (16, &token[2..]),
            None if token.len() > 1 && token.starts_with('0') => (8, &token[1..]),
            None => (10, token),
        };
        let mut value = 0i64;
        for b in digits.bytes() {
            let digit = match b {
                b'0'..=b'9' => u32::from(b - b'0'),
                b'a'..=b'z' => u32::from(b - b'a') + 10,
                b'A'..=b'Z' if radix <= 36 => u32::from(b - b'A') + 10,
                b'A'..=b'Z' => u32::from(b - b'A') + 36,
                b'@' => 62,
                b'_' => 63,
                _ => 64,
            };
            if digit >= radix {
                return match self.flavor {
                    Flavor::Dash => {
                        // What is no digit any more is the next token.
                        self.at = from + token.len() - digits.len()
                            + digits.bytes().take_while(|b| char::from(*b).is_digit(radix)).count();
                        Ok(value)
                    }
                    _ => self.fault("value too great for base"),
                };
            }
            value = value.wrapping_mul(i64::from(radix)).wrapping_add(i64::from(digit));
        }
        Ok(value)
    }

    fn variable(&mut self) -> Result<Val, Fault> {
        self.last = self.at;
        let from = self.at;
        self.at += self.text[from..].iter().take_while(|b| is_name(**b)).count();
        let name = String::from_utf8_lossy(&self.text[from..self.at]).into_owned();
        let mut index = None;
        if self.flavor == Flavor::Bash && self.text.get(self.at) == Some(&b'[') {
            let (start, mut open) = (self.at + 1, 0);
            for (i, b) in self.text[self.at..].iter().enumerate() {
                match b {
                    b'[' => open += 1,
                    b']' => open -= 1,
                    _ => {}
                }
                if open == 0 {
                    index = Some(String::from_utf8_lossy(&self.text[start..self.at + i]).into_owned());
                    self.at += i + 1;
                    break;
                }
            }
        }
        let is_assigned = {
            self.blanks();
            let rest = self.text.get(self.at..).unwrap_or_default();
            rest.first() == Some(&b'=') && rest.get(1) != Some(&b'=')
        };
        if is_assigned || self.skip > 0 {
            return Ok(Val { value: 0, name: Some((name, index)) });
        }
        let text = self.names.read(&name, index.as_deref())?;
        let value = if let Some(number) = simple_number(&text) {
            number
        } else if text.trim().is_empty() {
            0
        } else if self.flavor == Flavor::Dash {
            match parse_number(text.trim()) {
                Some(number) => number,
                None => return Err(Fault::Text(format!("Illegal number: {text}"))),
            }
        } else {
            if self.depth >= MAX_DEPTH {
                self.deeper()?;
            }
            nested(&text, self.flavor, self.names, self.depth + 4)?
        };
        Ok(Val { value, name: Some((name, index)) })
    }
}

/// A number as in C, with a sign.
pub(super) fn parse_number(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = match digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        Some(hex) => (16, hex),
        None if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..]),
        None => (10, digits),
    };
    if digits.is_empty() || digits.starts_with(['+', '-']) {
        return None;
    }
    let value = i128::from_str_radix(digits, radix).ok()?;
    let value = if negative { -value } else { value };
    Some(value.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
}
