//! Runs `bc` programs.

use std::collections::BTreeMap;

use super::decimal::Decimal;
use super::parse::{Expr, Parser, Stmt, Token, tokens};

/// How many expressions a program may evaluate.
const BUDGET: u64 = 2_000_000;

/// How deeply functions may call each other.
const MAX_CALLS: usize = 200;

type Function = (Vec<String>, Vec<String>, Vec<Stmt>);

/// What a program has made of its variables.
pub struct Machine {
    names: BTreeMap<String, Decimal>,
    elements: BTreeMap<(String, i64), Decimal>,
    functions: BTreeMap<String, Function>,
    scale: usize,
    ibase: u32,
    obase: u32,
    last: Decimal,
    budget: u64,
    calls: usize,
    zero: bool,
}

/// What ends a statement before its time.
enum Stop {
    Break,
    Continue,
    Return(Decimal),
    Quit,
    Fault(String),
}

type Done<T> = Result<T, Stop>;

fn fault<T>(text: &str) -> Done<T> {
    Err(Stop::Fault(text.into()))
}

impl Machine {
    /// With `-l` numbers have twenty places.
    pub fn new(library: bool) -> Machine {
        Machine {
            names: BTreeMap::new(),
            elements: BTreeMap::new(),
            functions: BTreeMap::new(),
            scale: if library { 20 } else { 0 },
            ibase: 10,
            obase: 10,
            last: Decimal::default(),
            budget: BUDGET,
            calls: 0,
            zero: false,
        }
    }

    /// Runs a program. The exit code.
    pub fn run(&mut self, text: &str, gnu: bool, out: &mut Vec<u8>, errors: &mut String) -> u8 {
        let mut parser = Parser::new(tokens(text));
        loop {
            parser.newlines();
            if parser.at >= parser.tokens.len() {
                return 0;
            }
            let line = parser.line();
            let begin = parser.at;
            let stmt = parser.statement();
            let ended = matches!(parser.peek(), None | Some(Token::Newline | Token::Op(";")));
            let Some(stmt) = stmt.filter(|_| ended) else {
                if !gnu {
                    let near = match parser.tokens.get(parser.at.max(begin)).map(|(t, _)| t) {
                        Some(Token::Bad(c)) => format!("bad character '{c}'"),
                        Some(Token::Name(name)) => format!("bad expression at '{name}'"),
                        Some(Token::Op(op)) => format!("bad expression at '{op}'"),
                        _ => "bad expression".to_string(),
                    };
                    errors.push_str(&format!("bc: {near}\n"));
                    return 1;
                }
                // The newline that came too early has been counted.
                let line = line + usize::from(parser.peek() == Some(&Token::Newline) && parser.line() == line);
                let illegal = parser
                    .tokens
                    .get(begin..=parser.at)
                    .and_then(|all| all.iter().find_map(|(t, _)| if let Token::Bad(c) = t { Some(*c) } else { None }));
                match illegal {
                    Some(c) => errors.push_str(&format!("(standard_in) {line}: illegal character: {c}\n")),
                    None => errors.push_str(&format!("(standard_in) {line}: syntax error\n")),
                }
                parser.skip_line();
                continue;
            };
            match self.stmt(&stmt, out) {
                Ok(()) | Err(Stop::Break | Stop::Continue | Stop::Return(_)) => {}
                Err(Stop::Quit) => return 0,
                Err(Stop::Fault(text)) if gnu => {
                    errors.push_str(&format!("Runtime error (func=(main), adr=3): {text}\n"));
                }
                Err(Stop::Fault(text)) => {
                    errors.push_str(&format!("bc: {}\n", text.to_lowercase()));
                    return 1;
                }
            }
        }
    }

    fn put(&mut self, value: &Decimal, out: &mut Vec<u8>, newline: bool) {
        let text = value.show(self.obase, self.zero);
        // Long numbers are broken, as the real one does.
        let mut rest = text.as_str();
        while rest.len() > 69 {
            out.extend_from_slice(&rest.as_bytes()[..68]);
            out.extend_from_slice(b"\\\n");
            rest = &rest[68..];
        }
        out.extend_from_slice(rest.as_bytes());
        if newline {
            out.push(b'\n');
        }
        self.last = value.clone();
    }

    fn stmt(&mut self, stmt: &Stmt, out: &mut Vec<u8>) -> Done<()> {
        self.spend()?;
        match stmt {
            Stmt::Expr(expr) => {
                let value = self.expr(expr, out)?;
                if !matches!(expr, Expr::Assign(..)) {
                    self.put(&value, out, true);
                }
            }
            Stmt::Text(text) => out.extend_from_slice(text.as_bytes()),
            Stmt::Print(all) => {
                for item in all {
                    match item {
                        Stmt::Text(text) => {
                            let text = text
                                .replace("\\n", "\n")
                                .replace("\\t", "\t")
                                .replace("\\q", "\"")
                                .replace("\\\\", "\\");
                            out.extend_from_slice(text.as_bytes());
                        }
                        Stmt::Expr(expr) => {
                            let value = self.expr(expr, out)?;
                            self.put(&value, out, false);
                        }
                        _ => {}
                    }
                }
            }
            Stmt::Block(all) => all.iter().try_for_each(|s| self.stmt(s, out))?,
            Stmt::If(condition, then, otherwise) => {
                if !self.expr(condition, out)?.is_zero() {
                    self.stmt(then, out)?;
                } else if let Some(otherwise) = otherwise {
                    self.stmt(otherwise, out)?;
                }
            }
            Stmt::While(condition, body) => {
                while !self.expr(condition, out)?.is_zero() {
                    match self.stmt(body, out) {
                        Err(Stop::Break) => break,
                        Ok(()) | Err(Stop::Continue) => {}
                        other => return other,
                    }
                }
            }
            Stmt::For(first, condition, step, body) => {
                if let Some(first) = first {
                    self.expr(first, out)?;
                }
                loop {
                    let goes_on = match condition {
                        Some(condition) => !self.expr(condition, out)?.is_zero(),
                        None => true,
                    };
                    if !goes_on {
                        break;
                    }
                    match self.stmt(body, out) {
                        Err(Stop::Break) => break,
                        Ok(()) | Err(Stop::Continue) => {}
                        other => return other,
                    }
                    if let Some(step) = step {
                        self.expr(step, out)?;
                    }
                }
            }
            Stmt::Define(name, params, autos, body) => {
                self.functions.insert(name.clone(), (params.clone(), autos.clone(), body.clone()));
            }
            Stmt::Return(value) => {
                let value = match value {
                    Some(value) => self.expr(value, out)?,
                    None => Decimal::default(),
                };
                return Err(Stop::Return(value));
            }
            Stmt::Break => return Err(Stop::Break),
            Stmt::Continue => return Err(Stop::Continue),
            Stmt::Quit => return Err(Stop::Quit),
        }
        Ok(())
    }

    fn spend(&mut self) -> Done<()> {
        match self.budget.checked_sub(1) {
            Some(left) => {
                self.budget = left;
                Ok(())
            }
            None => Err(Stop::Quit),
        }
    }

    fn expr(&mut self, expr: &Expr, out: &mut Vec<u8>) -> Done<Decimal> {
        self.spend()?;
        Ok(match expr {
            Expr::Number(text) => Decimal::parse(text, self.ibase),
            Expr::Name(_) | Expr::Element(..) => self.get(expr, out)?,
            Expr::Minus(inner) => self.expr(inner, out)?.negated(),
            Expr::Not(inner) => Decimal::from(i64::from(self.expr(inner, out)?.is_zero())),
            Expr::Assign(place, op, value) => {
                let mut value = self.expr(value, out)?;
                if *op != '=' {
                    let before = self.get(place, out)?;
                    value = self.binary(&op.to_string(), &before, &value)?;
                }
                self.set(place, value.clone(), out)?;
                value
            }
            Expr::Step(place, by, behind) => {
                let before = self.get(place, out)?;
                let after = before.add(&Decimal::from(*by));
                self.set(place, after.clone(), out)?;
                if *behind { before } else { after }
            }
            Expr::Binary(op, a, b) => {
                let a = self.expr(a, out)?;
                let b = self.expr(b, out)?;
                self.binary(op, &a, &b)?
            }
            Expr::Call(name, args) => {
                let mut values = Vec::new();
                for arg in args {
                    values.push(self.expr(arg, out)?);
                }
                self.call(name, values, out)?
            }
        })
    }

    fn binary(&self, op: &str, a: &Decimal, b: &Decimal) -> Done<Decimal> {
        let is = |is: bool| Ok(Decimal::from(i64::from(is)));
        let order = || a.compare(b);
        match op {
            "+" => Ok(a.add(b)),
            "-" => Ok(a.sub(b)),
            "*" => a.mul(b, self.scale).map_or_else(|| fault("Number too long"), Ok),
            "/" => a.div(b, self.scale).map_or_else(|| fault("Divide by zero"), Ok),
            "%" => a.rem(b, self.scale).map_or_else(|| fault("Modulo by zero"), Ok),
            "^" => a.pow(b.whole(), self.scale).map_or_else(|| fault("Divide by zero"), Ok),
            "==" => is(order().is_eq()),
            "!=" => is(order().is_ne()),
            "<" => is(order().is_lt()),
            ">" => is(order().is_gt()),
            "<=" => is(order().is_le()),
            ">=" => is(order().is_ge()),
            "&&" => is(!a.is_zero() && !b.is_zero()),
            _ => is(!a.is_zero() || !b.is_zero()),
        }
    }

    fn get(&mut self, place: &Expr, out: &mut Vec<u8>) -> Done<Decimal> {
        Ok(match place {
            Expr::Name(name) => match name.as_str() {
                "scale" => Decimal::from(self.scale as i64),
                "ibase" => Decimal::from(i64::from(self.ibase)),
                "obase" => Decimal::from(i64::from(self.obase)),
                "last" => self.last.clone(),
                _ => self.names.get(name).cloned().unwrap_or_default(),
            },
            Expr::Element(name, index) => {
                let index = self.expr(index, out)?.whole();
                self.elements.get(&(name.clone(), index)).cloned().unwrap_or_default()
            }
            _ => Decimal::default(),
        })
    }

    fn set(&mut self, place: &Expr, value: Decimal, out: &mut Vec<u8>) -> Done<()> {
        match place {
            Expr::Name(name) => match name.as_str() {
                "scale" => self.scale = value.whole().clamp(0, 2000) as usize,
                "ibase" => self.ibase = value.whole().clamp(2, 36) as u32,
                "obase" => self.obase = value.whole().clamp(2, 999) as u32,
                "last" => self.last = value,
                _ => drop(self.names.insert(name.clone(), value)),
            },
            Expr::Element(name, index) => {
                let index = self.expr(index, out)?.whole();
                self.elements.insert((name.clone(), index), value);
            }
            _ => {}
        }
        Ok(())
    }

    fn call(&mut self, name: &str, values: Vec<Decimal>, out: &mut Vec<u8>) -> Done<Decimal> {
        let first = values.first().cloned().unwrap_or_default();
        let Some((params, autos, body)) = self.functions.get(name).cloned() else {
            return match name {
                "sqrt" => first.sqrt(self.scale).map_or_else(|| fault("Square root of a negative number"), Ok),
                "length" => Ok(Decimal::from(first.len() as i64)),
                "scale" => Ok(Decimal::from(first.scale as i64)),
                "s" | "c" | "a" | "l" | "e" => Ok(self.library(name, &first)),
                _ => fault(&format!("Function {name} not defined.")),
            };
        };
        if self.calls >= MAX_CALLS {
            return fault("Function nesting too deep");
        }
        let locals: Vec<&String> = params.iter().chain(&autos).collect();
        let saved: Vec<Option<Decimal>> = locals.iter().map(|n| self.names.get(*n).cloned()).collect();
        for (n, local) in locals.iter().enumerate() {
            self.names.insert((*local).clone(), values.get(n).cloned().unwrap_or_default());
        }
        self.calls += 1;
        let result = body.iter().try_for_each(|s| self.stmt(s, out));
        self.calls -= 1;
        for (local, value) in locals.into_iter().zip(saved) {
            match value {
                Some(value) => self.names.insert(local.clone(), value),
                None => self.names.remove(local),
            };
        }
        match result {
            Ok(()) => Ok(Decimal::default()),
            Err(Stop::Return(value)) => Ok(value),
            Err(other) => Err(other),
        }
    }

    /// The functions of `-l`, by their series.
    fn library(&self, name: &str, x: &Decimal) -> Decimal {
        let scale = self.scale + 8;
        let mul = |a: &Decimal, b: &Decimal| a.mul(b, usize::MAX).unwrap_or_default().truncated(scale);
        let div = |a: &Decimal, b: &Decimal| a.div(b, scale).unwrap_or_default();
        let int = Decimal::from;
        // A series whose terms each come out of the one before.
        let series = |first: Decimal, next: &dyn Fn(&Decimal, i64) -> Decimal| {
            let (mut sum, mut term) = (first.clone(), first);
            for n in 1..2000 {
                term = next(&term, n);
                if term.truncated(scale).is_zero() {
                    break;
                }
                sum = sum.add(&term);
            }
            sum
        };
        let square = mul(x, x);
        let result = match name {
            "e" => {
                let halvings = 12;
                let small = div(x, &int(1 << halvings));
                let mut value = series(int(1), &|term, n| div(&mul(term, &small), &int(n)));
                for _ in 0..halvings {
                    value = mul(&value, &value);
                }
                value
            }
            "s" => series(x.clone(), &|term, n| div(&mul(term, &square), &int(2 * n * (2 * n + 1))).negated()),
            "c" => series(int(1), &|term, n| div(&mul(term, &square), &int((2 * n - 1) * 2 * n)).negated()),
            "l" => {
                if x.compare(&int(0)).is_le() {
                    return int(-1_000_000_000);
                }
                let (mut value, mut factor) = (x.clone(), 1i64);
                while value.compare(&int(2)).is_gt() || value.compare(&div(&int(1), &int(2))).is_lt() {
                    value = value.sqrt(scale).unwrap_or_default();
                    factor = factor.saturating_mul(2);
                    if factor > 1 << 40 {
                        break;
                    }
                }
                let ratio = div(&value.sub(&int(1)), &value.add(&int(1)));
                let by = mul(&ratio, &ratio);
                let (mut sum, mut power) = (ratio.clone(), ratio);
                for n in 1..2000 {
                    power = mul(&power, &by);
                    let term = div(&power, &int(2 * n + 1));
                    if term.is_zero() {
                        break;
                    }
                    sum = sum.add(&term);
                }
                mul(&sum, &int(factor.saturating_mul(2)))
            }
            _ => {
                // The arc tangent, of a smaller argument.
                let (mut value, mut factor) = (x.clone(), 1i64);
                for _ in 0..6 {
                    let root = int(1).add(&mul(&value, &value)).sqrt(scale).unwrap_or_default();
                    value = div(&value, &int(1).add(&root));
                    factor *= 2;
                }
                let by = mul(&value, &value);
                let (mut sum, mut power) = (value.clone(), value);
                for n in 1..2000 {
                    power = mul(&power, &by).negated();
                    let term = div(&power, &int(2 * n + 1));
                    if term.is_zero() {
                        break;
                    }
                    sum = sum.add(&term);
                }
                mul(&sum, &int(factor))
            }
        };
        result.truncated(self.scale)
    }
}
