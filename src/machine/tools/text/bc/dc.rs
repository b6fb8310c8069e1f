//! `dc`: the reverse Polish one.

use std::collections::BTreeMap;

use super::decimal::Decimal;
use crate::machine::kernel::Sys;
use crate::machine::tools::text::gather::Call;

/// A value on the stack.
#[derive(Debug, Clone)]
enum Value {
    Number(Decimal),
    Text(String),
}

struct Machine<'o> {
    stack: Vec<Value>,
    registers: BTreeMap<char, Vec<Value>>,
    scale: usize,
    ibase: u32,
    obase: u32,
    out: &'o mut Vec<u8>,
    errors: String,
    budget: u32,
    quit: bool,
}

/// `dc [-e SCRIPT] FILE...`
pub fn dc(sys: &mut Sys<'_>, call: &mut Call<'_>, out: &mut Vec<u8>) -> u8 {
    let mut machine = Machine {
        stack: Vec::new(),
        registers: BTreeMap::new(),
        scale: 0,
        ibase: 10,
        obase: 10,
        out,
        errors: String::new(),
        budget: 1_000_000,
        quit: false,
    };
    let scripts: Vec<String> = call.options.values('e').map(str::to_string).collect();
    for script in scripts {
        machine.run(&script, 0);
    }
    let text = String::from_utf8_lossy(&call.all()).into_owned();
    machine.run(&text, 0);
    let failed = !machine.errors.is_empty() && !call.gnu;
    let errors = machine.errors;
    sys.err(errors);
    u8::from(failed)
}

impl Machine<'_> {
    fn fault(&mut self, text: &str) {
        self.errors.push_str(&format!("dc: {text}\n"));
    }

    fn pop(&mut self) -> Option<Value> {
        let value = self.stack.pop();
        if value.is_none() {
            self.fault("stack empty");
        }
        value
    }

    fn number(&mut self) -> Option<Decimal> {
        match self.pop()? {
            Value::Number(number) => Some(number),
            Value::Text(_) => {
                self.fault("non-numeric value");
                None
            }
        }
    }

    fn binary(&mut self, op: char) {
        if self.stack.len() < 2 {
            return self.fault("stack empty");
        }
        let (Some(b), Some(a)) = (self.number(), self.number()) else { return };
        let result = match op {
            '+' => Some(a.add(&b)),
            '-' => Some(a.sub(&b)),
            '*' => a.mul(&b, self.scale),
            '/' => a.div(&b, self.scale),
            '%' => a.rem(&b, self.scale),
            _ => a.pow(b.whole(), self.scale),
        };
        match result {
            Some(value) => self.stack.push(Value::Number(value)),
            None => {
                self.fault("divide by zero");
                self.stack.extend([Value::Number(a), Value::Number(b)]);
            }
        }
    }

    fn show(&self, value: &Value) -> String {
        match value {
            Value::Number(number) => number.show(self.obase, false),
            Value::Text(text) => text.clone(),
        }
    }

    fn run(&mut self, text: &str, depth: usize) {
        if depth > 100 {
            return self.fault("recursion too deep");
        }
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            self.budget = self.budget.saturating_sub(1);
            if self.budget == 0 || self.quit {
                return;
            }
            match c {
                '0'..='9' | 'A'..='F' | '.' | '_' => {
                    let mut digits = if c == '_' { String::new() } else { c.to_string() };
                    while let Some(d) = chars.next_if(|d| d.is_ascii_digit() || ('A'..='F').contains(d) || *d == '.') {
                        digits.push(d);
                    }
                    let number = Decimal::parse(&digits, self.ibase);
                    self.stack.push(Value::Number(if c == '_' { number.negated() } else { number }));
                }
                '[' => {
                    let (mut body, mut open) = (String::new(), 1);
                    for d in chars.by_ref() {
                        open += i32::from(d == '[') - i32::from(d == ']');
                        if open == 0 {
                            break;
                        }
                        body.push(d);
                    }
                    self.stack.push(Value::Text(body));
                }
                '+' | '-' | '*' | '/' | '%' | '^' => self.binary(c),
                'p' | 'n' | 'P' => match (c, self.stack.last().cloned()) {
                    (_, None) => self.fault("stack empty"),
                    (c, Some(value)) => {
                        let text = self.show(&value);
                        self.out.extend_from_slice(text.as_bytes());
                        match c {
                            'p' => self.out.push(b'\n'),
                            _ => drop(self.stack.pop()),
                        }
                    }
                },
                'f' => {
                    let lines: String = self.stack.iter().rev().map(|v| format!("{}\n", self.show(v))).collect();
                    self.out.extend_from_slice(lines.as_bytes());
                }
                'c' => self.stack.clear(),
                'd' => match self.stack.last().cloned() {
                    Some(value) => self.stack.push(value),
                    None => self.fault("stack empty"),
                },
                'r' => {
                    let len = self.stack.len();
                    if len >= 2 {
                        self.stack.swap(len - 1, len - 2);
                    }
                }
                'k' => self.scale = self.number().map_or(self.scale, |n| n.whole().clamp(0, 2000) as usize),
                'i' => self.ibase = self.number().map_or(self.ibase, |n| n.whole().clamp(2, 16) as u32),
                'o' => self.obase = self.number().map_or(self.obase, |n| n.whole().clamp(2, 999) as u32),
                'K' => self.stack.push(Value::Number(Decimal::from(self.scale as i64))),
                'I' => self.stack.push(Value::Number(Decimal::from(i64::from(self.ibase)))),
                'O' => self.stack.push(Value::Number(Decimal::from(i64::from(self.obase)))),
                'z' => self.stack.push(Value::Number(Decimal::from(self.stack.len() as i64))),
                'v' => {
                    let root = self.number().and_then(|n| n.sqrt(self.scale));
                    match root {
                        Some(root) => self.stack.push(Value::Number(root)),
                        None => self.fault("square root of negative number"),
                    }
                }
                's' | 'S' | 'l' | 'L' => {
                    let Some(name) = chars.next() else { return };
                    self.register(c, name);
                }
                'x' => {
                    if let Some(Value::Text(body)) = self.stack.last().cloned() {
                        self.stack.pop();
                        self.run(&body, depth + 1);
                    }
                }
                '<' | '>' | '=' | '!' => {
                    let not = c == '!';
                    let op = if not { chars.next().unwrap_or('=') } else { c };
                    let Some(name) = chars.next() else { return };
                    let (Some(a), Some(b)) = (self.number(), self.number()) else { continue };
                    let order = a.compare(&b);
                    let is = match op {
                        '<' => order.is_lt(),
                        '>' => order.is_gt(),
                        _ => order.is_eq(),
                    };
                    let register = self.registers.get(&name).and_then(|r| r.last()).cloned();
                    if let (true, Some(Value::Text(body))) = (is != not, register) {
                        self.run(&body, depth + 1);
                    }
                }
                'q' => self.quit = true,
                '#' => while chars.next().is_some_and(|d| d != '\n') {},
                _ if c.is_whitespace() => {}
                _ => self.fault(&format!("'{c}' ({:#o}) unimplemented", u32::from(c))),
            }
        }
    }

    fn register(&mut self, op: char, name: char) {
        match op {
            's' | 'S' => {
                let Some(value) = self.pop() else { return };
                let register = self.registers.entry(name).or_default();
                if op == 's' {
                    register.pop();
                }
                register.push(value);
            }
            'l' => {
                let value = self.registers.get(&name).and_then(|r| r.last()).cloned();
                self.stack.push(value.unwrap_or(Value::Number(Decimal::default())));
            }
            _ => {
                if let Some(value) = self.registers.get_mut(&name).and_then(Vec::pop) {
                    self.stack.push(value);
                }
            }
        }
    }
}
