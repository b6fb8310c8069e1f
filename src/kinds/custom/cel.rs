//! The part of the Common Expression Language that the rules of definitions at hand are written in.
//!
//! Mirrors `github.com/google/cel-spec/doc/langdef.md`: logic, comparisons, `in`, `?:`, fields, indexes, `has`, `size`,
//! and the functions of strings that take no pattern. What else there is can't be read and says so.

use std::cmp::Ordering;
use std::iter::Peekable;
use std::str::Chars;

use serde_json::Value;

/// How deep expressions may be within each other.
const DEEPEST: usize = 64;

/// What a rule speaks of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    /// `self`
    pub(super) this: &'a Value,
    /// `oldSelf`
    pub(super) old: Option<&'a Value>,
}

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    Literal(Value),
    Name(String),
    Field(Box<Expression>, String),
    Index(Box<Expression>, Box<Expression>),
    Not(Box<Expression>),
    Binary(Box<Expression>, &'static str, Box<Expression>),
    If(Box<[Expression; 3]>),
    /// A function, what it is called on, and what with.
    Call(&'static str, Vec<Expression>),
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Number(i64),
    Sign(&'static str),
}

const SIGNS: &[&str] =
    &["&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "(", ")", "[", "]", ".", ",", "?", ":", "-"];
const FUNCTIONS: &[&str] = &["has", "size", "startsWith", "endsWith", "contains"];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = if first.is_ascii_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            (Token::Word(rest[..end].to_string()), &rest[end..])
        } else if first.is_ascii_digit() {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let number = rest[..end].parse().map_err(|_| format!("invalid int literal {}", &rest[..end]))?;
            (Token::Number(number), &rest[end..])
        } else if first == '\'' || first == '"' {
            let mut chars = rest[1..].chars().peekable();
            let word = quoted(&mut chars, first)?;
            let left: usize = chars.map(char::len_utf8).sum();
            (Token::Text(word), &rest[rest.len() - left..])
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            (Token::Sign(sign), &rest[sign.len()..])
        } else {
            return Err(format!("Syntax error: token recognition error at: '{first}'"));
        };
        tokens.push(token);
        rest = after.trim_start();
    }
    Ok(tokens)
}

fn quoted(chars: &mut Peekable<Chars<'_>>, end: char) -> Result<String, String> {
    let mut word = String::new();
    while let Some(next) = chars.next() {
        match next {
            c if c == end => return Ok(word),
            '\\' => word.push(chars.next().unwrap_or('\\')),
            c => word.push(c),
        }
    }
    Err("Syntax error: unterminated string".into())
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

/// The operators between two expressions, by how loosely they bind.
const LEVELS: &[&[&str]] = &[&["||"], &["&&"], &["==", "!=", "<=", ">=", "<", ">", "in"]];

impl Parser {
    fn take(&mut self, sign: &str) -> bool {
        let is = match self.tokens.get(self.at) {
            Some(Token::Sign(there)) => *there == sign,
            Some(Token::Word(there)) => there == sign,
            _ => false,
        };
        self.at += usize::from(is);
        is
    }

    fn expect(&mut self, sign: &str) -> Result<(), String> {
        match self.take(sign) {
            true => Ok(()),
            false => Err(format!("Syntax error: expecting '{sign}'")),
        }
    }

    fn whole(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("expression recursion limit exceeded".into());
        }
        let condition = self.binary(0)?;
        let expression = match self.take("?") {
            false => condition,
            true => {
                let yes = self.whole()?;
                self.expect(":")?;
                Expression::If(Box::new([condition, yes, self.whole()?]))
            }
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn binary(&mut self, level: usize) -> Result<Expression, String> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        while let Some(operator) = operators.iter().find(|operator| self.take(operator)) {
            left = Expression::Binary(Box::new(left), operator, Box::new(self.binary(level + 1)?));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expression, String> {
        let mut negations = 0;
        while self.take("!") {
            negations += 1;
        }
        let inner = self.member()?;
        Ok(if negations % 2 == 1 { Expression::Not(Box::new(inner)) } else { inner })
    }

    fn member(&mut self) -> Result<Expression, String> {
        let mut inner = self.primary()?;
        loop {
            if self.take(".") {
                let Some(Token::Word(name)) = self.tokens.get(self.at).cloned() else {
                    return Err("Syntax error: expecting a field".into());
                };
                self.at += 1;
                inner = match self.take("(") {
                    true => Expression::Call(function(&name)?, self.arguments(vec![inner])?),
                    false => Expression::Field(Box::new(inner), unescape(&name)),
                };
            } else if self.take("[") {
                inner = Expression::Index(Box::new(inner), Box::new(self.whole()?));
                self.expect("]")?;
            } else {
                return Ok(inner);
            }
        }
    }

    fn primary(&mut self) -> Result<Expression, String> {
        if self.take("(") {
            let inner = self.whole()?;
            self.expect(")")?;
            return Ok(inner);
        }
        let negative = self.take("-");
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        match token {
            Some(Token::Number(number)) => Ok(Expression::Literal((if negative { -number } else { number }).into())),
            _ if negative => Err("found no matching overload for '-_'".into()),
            Some(Token::Text(text)) => Ok(Expression::Literal(text.into())),
            Some(Token::Word(word)) if self.take("(") => {
                Ok(Expression::Call(function(&word)?, self.arguments(Vec::new())?))
            }
            Some(Token::Word(word)) => Ok(match word.as_str() {
                "true" => Expression::Literal(true.into()),
                "false" => Expression::Literal(false.into()),
                "null" => Expression::Literal(Value::Null),
                "self" | "oldSelf" => Expression::Name(word),
                other => return Err(format!("undeclared reference to '{other}' (in container '')")),
            }),
            Some(Token::Sign(sign)) => Err(format!("Syntax error: mismatched input '{sign}'")),
            None => Err("Syntax error: mismatched input '<EOF>'".into()),
        }
    }

    fn arguments(&mut self, mut arguments: Vec<Expression>) -> Result<Vec<Expression>, String> {
        if self.take(")") {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.whole()?);
            if !self.take(",") {
                self.expect(")")?;
                return Ok(arguments);
            }
        }
    }
}

fn function(name: &str) -> Result<&'static str, String> {
    let known = FUNCTIONS.iter().copied().find(|known| *known == name);
    known.ok_or_else(|| format!("undeclared reference to '{name}' (in container '')"))
}

/// A field whose name is a word of the language, `__namespace__`. Mirrors `cel.Unescape` of `k8s.io/apiserver`.
fn unescape(name: &str) -> String {
    let inner = name.strip_prefix("__").and_then(|rest| rest.strip_suffix("__")).filter(|word| !word.is_empty());
    let plain = inner.filter(|word| word.chars().all(|c| c.is_ascii_lowercase())).map(String::from);
    plain.unwrap_or_else(|| {
        let signs = [("__dot__", "."), ("__dash__", "-"), ("__slash__", "/"), ("__underscores__", "__")];
        signs.iter().fold(name.to_string(), |name, (word, sign)| name.replace(word, sign))
    })
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// What can't be read in it.
    pub(super) fn parse(text: &str) -> Result<Expression, String> {
        let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
        let expression = parser.whole()?;
        match parser.tokens.get(parser.at) {
            None => Ok(expression),
            Some(_) => Err("Syntax error: extraneous input".into()),
        }
    }

    /// Whether it speaks of something.
    pub(super) fn uses(&self, name: &str) -> bool {
        match self {
            Expression::Literal(_) => false,
            Expression::Name(there) => there == name,
            Expression::Field(inner, _) | Expression::Not(inner) => inner.uses(name),
            Expression::Index(a, b) | Expression::Binary(a, _, b) => a.uses(name) || b.uses(name),
            Expression::If(parts) => parts.iter().any(|part| part.uses(name)),
            Expression::Call(_, arguments) => arguments.iter().any(|argument| argument.uses(name)),
        }
    }

    /// Whether it is true.
    ///
    /// # Errors
    /// What of it can't be worked out.
    pub(super) fn holds(&self, scope: &Scope<'_>) -> Result<bool, String> {
        self.value(scope)?.as_bool().ok_or_else(|| "no such overload".to_string())
    }

    fn value(&self, scope: &Scope<'_>) -> Result<Value, String> {
        Ok(match self {
            Expression::Literal(value) => value.clone(),
            Expression::Name(name) if name == "self" => scope.this.clone(),
            Expression::Name(_) => scope.old.cloned().unwrap_or_default(),
            Expression::Field(inner, name) => {
                let inner = inner.value(scope)?;
                inner.get(name).cloned().ok_or_else(|| format!("no such key: {name}"))?
            }
            Expression::Index(inner, at) => match (inner.value(scope)?, at.value(scope)?) {
                (Value::Object(map), Value::String(key)) => {
                    map.get(&key).cloned().ok_or_else(|| format!("no such key: {key}"))?
                }
                (Value::Array(items), Value::Number(n)) => {
                    let at = n.as_u64().and_then(|n| usize::try_from(n).ok());
                    at.and_then(|at| items.get(at)).cloned().ok_or_else(|| format!("index out of bounds: {n}"))?
                }
                _ => return Err("no such overload".into()),
            },
            Expression::Not(inner) => (!inner.holds(scope)?).into(),
            // What is decided by one side alone needs no other, whichever side that is.
            Expression::Binary(a, "||", b) => either(true, a, b, scope)?,
            Expression::Binary(a, "&&", b) => either(false, a, b, scope)?,
            Expression::Binary(a, operator, b) => compare(&a.value(scope)?, operator, &b.value(scope)?)?.into(),
            Expression::If(parts) => {
                let [condition, yes, no] = parts.as_ref();
                if condition.holds(scope)? { yes.value(scope)? } else { no.value(scope)? }
            }
            Expression::Call("has", arguments) => match arguments.as_slice() {
                [Expression::Field(inner, name)] => inner.value(scope)?.get(name).is_some_and(|v| !v.is_null()).into(),
                _ => return Err("invalid argument to has() macro".into()),
            },
            Expression::Call(function, arguments) => {
                let values: Result<Vec<Value>, String> = arguments.iter().map(|a| a.value(scope)).collect();
                call(function, &values?)?
            }
        })
    }
}

fn either(decides: bool, a: &Expression, b: &Expression, scope: &Scope<'_>) -> Result<Value, String> {
    let (a, b) = (a.holds(scope), b.holds(scope));
    match (&a, &b) {
        (Ok(x), _) if *x == decides => Ok(decides.into()),
        (_, Ok(x)) if *x == decides => Ok(decides.into()),
        (Ok(_), Ok(_)) => Ok((!decides).into()),
        _ => a.and(b).map(Value::from),
    }
}

fn compare(a: &Value, operator: &str, b: &Value) -> Result<bool, String> {
    if operator == "in" {
        return match b {
            Value::Array(items) => Ok(items.contains(a)),
            Value::Object(map) => Ok(a.as_str().is_some_and(|key| map.contains_key(key))),
            _ => Err("no such overload".into()),
        };
    }
    let order = match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64().partial_cmp(&b.as_f64()),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        _ => None,
    };
    let ordered = |fits: fn(Ordering) -> bool| order.map(fits).ok_or_else(|| "no such overload".to_string());
    match operator {
        "==" => Ok(order.map_or(a == b, Ordering::is_eq)),
        "!=" => Ok(order.map_or(a != b, Ordering::is_ne)),
        "<" => ordered(Ordering::is_lt),
        "<=" => ordered(Ordering::is_le),
        ">" => ordered(Ordering::is_gt),
        _ => ordered(Ordering::is_ge),
    }
}

fn call(function: &str, arguments: &[Value]) -> Result<Value, String> {
    Ok(match (function, arguments) {
        ("size", [Value::String(text)]) => text.chars().count().into(),
        ("size", [Value::Array(items)]) => items.len().into(),
        ("size", [Value::Object(map)]) => map.len().into(),
        ("startsWith", [Value::String(text), Value::String(part)]) => text.starts_with(part.as_str()).into(),
        ("endsWith", [Value::String(text), Value::String(part)]) => text.ends_with(part.as_str()).into(),
        ("contains", [Value::String(text), Value::String(part)]) => text.contains(part.as_str()).into(),
        _ => return Err("no such overload".into()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Expression, Scope};

    fn answer(text: &str) -> String {
        let this = json!({"a": "x", "n": 2, "namespace": "ns", "list": [1, 2], "map": {"k": true}});
        let scope = Scope { this: &this, old: None };
        match Expression::parse(text).and_then(|e| e.holds(&scope)) {
            Ok(yes) => yes.to_string(),
            Err(fault) => fault,
        }
    }

    #[test]
    fn expressions_are_worked_out() {
        let cases = [
            ("self.a == 'x' && size(self.a) > 0", "true"),
            ("!has(self.b) || self.b == 1", "true"),
            ("self.b == 1 || self.n == 2", "true"),
            ("self.b == 1 && true", "no such key: b"),
            ("has(self.__namespace__)", "true"),
            ("self.n in self.list && 'k' in self.map", "true"),
            ("self.list[0] < self.list[1] ? self.map['k'] : false", "true"),
            ("self.list[5] == 1", "index out of bounds: 5"),
            ("self.a.startsWith(\"x\") && self.list.size() == 2", "true"),
            ("self.a", "no such overload"),
            ("!!(-1 < 0)", "true"),
            ("self.a.matches('x')", "undeclared reference to 'matches' (in container '')"),
            ("self.", "Syntax error: expecting a field"),
            ("", "Syntax error: mismatched input '<EOF>'"),
        ];
        for (text, expected) in cases {
            assert_eq!(answer(text), expected, "{text}");
        }
        assert_eq!(answer(&"(".repeat(10_000)), "expression recursion limit exceeded");
    }
}
