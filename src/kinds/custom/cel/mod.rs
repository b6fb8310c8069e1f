//! Expressions in the Common Expression Language, which the rules of definitions are written in.
//!
//! Mirrors `k8s.io/apiserver/pkg/cel`: the crate `cel` reads and evaluates, and here are the functions that Kubernetes adds,
//! the names that it knows, and its bound on what an expression may cost.

mod library;
mod net;
mod strings;
mod values;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, ListExpr, LiteralValue, operators};
use cel::parser::Parser;
use cel::{Context, ExecutionError};
use serde_json::Value;

/// How deep expressions may be within each other, how deep what is read of one, and how long its text. Mirrors cel-go's
/// `maxRecursionDepth` and `expressionSizeCodePointLimit`, but for what the stack holds.
const DEEPEST: u16 = 48;
const DEEPEST_TREE: usize = 250;
const LONGEST: usize = 8192;

/// How large the stack is on which expressions are read: the crate's parser takes some hundred kilobytes for each pair of
/// parentheses in a build that is not optimized.
const STACK: usize = 256 << 20;

/// How often the loops of one evaluation go round at most, as a stand-in for `PerCallLimit`.
const MOST_ROUNDS: u64 = 1_000_000;

/// What each round of a loop calls.
const TICK: &str = "@tick";

/// A function with the name of one of the language, which counts what it does otherwise.
const SIZE: &str = "@size";

/// What an expression speaks of: names, what they stand for, and the schemas of that.
pub(super) type Scope<'a> = [(&'static str, Option<(&'a Value, &'a Value)>)];

/// An expression that was read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Expression {
    tree: IdedExpr,
    names: BTreeSet<String>,
}

/// What an expression came to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    /// True or false.
    Bool(bool),
    /// A text.
    Text(String),
    /// Something else.
    Other,
}

/// Does something with expressions, which may be deep.
pub(super) fn on_a_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
        let thread = thread.map_err(|e| format!("expressions can't be read: {e}"))?;
        thread.join().map_err(|_| "expressions can't be read".to_string())
    })
}

impl Expression {
    /// Reads an expression that may speak of `variables`, [`on_a_large_stack`].
    ///
    /// # Errors
    /// What can't be read, and names that are not known.
    pub(super) fn compile(text: &str, variables: &[&str]) -> Result<Expression, String> {
        let size = text.chars().count();
        if size > LONGEST {
            return Err(format!("expression code point size exceeds limit: size: {size}, limit {LONGEST}"));
        }
        let parser = Parser::new().enable_optional_syntax(true).max_recursion_depth(DEEPEST);
        let mut tree = parser.parse(text).map_err(|faults| {
            let said = faults.to_string();
            match said.contains("OtherError") {
                true => format!("expression recursion limit exceeded: {DEEPEST}"),
                false => said.trim_end().to_string(),
            }
        })?;
        let known = variables.iter().map(ToString::to_string).collect();
        let mut reader = Reader { known, names: BTreeSet::new(), depth: 0 };
        reader.read(&mut tree)?;
        Ok(Expression { tree, names: reader.names })
    }

    /// Whether the expression speaks of a variable.
    pub(super) fn uses(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// What the expression comes to. A name stands for what the scope has for it, `optional` for that or nothing as an
    /// optional value.
    ///
    /// # Errors
    /// cel-go's words for what went wrong.
    pub(super) fn evaluate(&self, scope: &Scope<'_>, optional: Option<&str>) -> Result<Outcome, String> {
        let mut context = Context::default();
        for (name, value) in scope.iter().filter(|(name, _)| self.uses(name)) {
            match value {
                _ if optional == Some(*name) => context.add_variable_as_val(*name, values::optional(*value)),
                Some((tree, schema)) => context.add_variable_from_value(*name, values::of(tree, schema)),
                None => {}
            }
        }
        library::add_to(&mut context);
        let left = Arc::new(AtomicU64::new(MOST_ROUNDS));
        context.add_function(TICK, move || -> cel::ResolveResult {
            match left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)) {
                Ok(_) => Ok(true.into()),
                Err(_) => Err(ExecutionError::function_error(TICK, "operation cancelled: actual cost limit exceeded")),
            }
        });
        match cel::Value::resolve(&self.tree, &context) {
            Ok(cel::Value::Bool(yes)) => Ok(Outcome::Bool(yes)),
            Ok(cel::Value::String(text)) => Ok(Outcome::Text(text.to_string())),
            Ok(_) => Ok(Outcome::Other),
            Err(fault) => Err(words(&fault)),
        }
    }
}

/// cel-go's words for what went wrong while an expression was evaluated.
fn words(fault: &ExecutionError) -> String {
    match fault {
        ExecutionError::NoSuchKey(key) => format!("no such key: {key}"),
        ExecutionError::DivisionByZero(_) => "division by zero".into(),
        ExecutionError::RemainderByZero(_) => "modulus by zero".into(),
        ExecutionError::Overflow(..) => "integer overflow".into(),
        ExecutionError::IndexOutOfBounds(at) => format!("index out of bounds: {}", values::plain(at)),
        ExecutionError::FunctionError { function, message } => {
            let of_type = match function.as_str() {
                "duration" => "google.protobuf.Duration",
                "timestamp" => "google.protobuf.Timestamp",
                "int" | "uint" | "double" | "bool" => function,
                _ => return message.clone(),
            };
            format!("type conversion error from 'string' to '{of_type}'")
        }
        ExecutionError::UndeclaredReference(name) => format!("no such attribute(s): {name}"),
        ExecutionError::NoSuchOverload
        | ExecutionError::UnsupportedBinaryOperator(..)
        | ExecutionError::ValuesNotComparable(..)
        | ExecutionError::UnsupportedTargetType { .. }
        | ExecutionError::UnexpectedType { .. }
        | ExecutionError::UnsupportedIndex(..)
        | ExecutionError::NotSupportedAsMethod { .. }
        | ExecutionError::InvalidArgumentCount { .. }
        | ExecutionError::MissingArgumentOrTarget => "no such overload".into(),
        other => other.to_string(),
    }
}

/// Reads an expression once: finds out which names it uses, and has its loops counted.
struct Reader {
    /// The names that stand for something where one reads.
    known: Vec<String>,
    names: BTreeSet<String>,
    depth: usize,
}

impl Reader {
    fn read(&mut self, tree: &mut IdedExpr) -> Result<(), String> {
        self.depth += 1;
        if self.depth > DEEPEST_TREE {
            return Err(format!("expression recursion limit exceeded: {DEEPEST_TREE}"));
        }
        let read = self.read_here(tree);
        self.depth -= 1;
        read
    }

    fn read_here(&mut self, tree: &mut IdedExpr) -> Result<(), String> {
        if let Expr::Call(call) = &tree.expr
            && let Some(expanded) = expanded(call)
        {
            tree.expr = expanded;
        }
        match &mut tree.expr {
            Expr::Unspecified | Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) => self.read(&mut select.operand),
            Expr::List(list) => list.elements.iter_mut().try_for_each(|element| self.read(element)),
            Expr::Map(map) => map.entries.iter_mut().try_for_each(|entry| self.entry(&mut entry.expr)),
            Expr::Struct(made) => Err(undeclared(&made.type_name)),
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(comprehension) => {
                self.read(&mut comprehension.iter_range)?;
                self.read(&mut comprehension.accu_init)?;
                let before = self.known.len();
                self.known.extend([comprehension.iter_var.clone(), comprehension.accu_var.clone()]);
                self.known.extend(comprehension.iter_var2.clone());
                self.read(&mut comprehension.loop_cond)?;
                self.read(&mut comprehension.loop_step)?;
                self.read(&mut comprehension.result)?;
                self.known.truncate(before);
                let goes_on = std::mem::take(&mut comprehension.loop_cond);
                let tick = CallExpr { func_name: TICK.into(), ..CallExpr::default() };
                let tick = IdedExpr { id: goes_on.id, expr: Expr::Call(tick) };
                comprehension.loop_cond = IdedExpr {
                    id: goes_on.id,
                    expr: Expr::Call(CallExpr {
                        func_name: operators::LOGICAL_AND.into(),
                        target: None,
                        args: vec![goes_on, tick],
                    }),
                };
                Ok(())
            }
        }
    }

    fn entry(&mut self, entry: &mut EntryExpr) -> Result<(), String> {
        match entry {
            EntryExpr::StructField(field) => self.read(&mut field.value),
            EntryExpr::MapEntry(entry) => {
                self.read(&mut entry.key)?;
                self.read(&mut entry.value)
            }
        }
    }

    fn call(&mut self, call: &mut CallExpr) -> Result<(), String> {
        call.args.iter_mut().try_for_each(|argument| self.read(argument))?;
        if let Some(target) = &mut call.target {
            // `sets.contains(a, b)`: the name before the point is part of the function's.
            if let Expr::Ident(prefix) = &target.expr
                && library::is_qualified(prefix, &call.func_name)
            {
                return Ok(());
            }
            self.read(target)?;
        }
        if call.func_name == "size" {
            call.func_name = SIZE.into();
            return Ok(());
        }
        let is_operator = !call.func_name.starts_with(|c: char| c.is_ascii_alphabetic());
        match is_operator || library::is_known(&call.func_name) {
            true => Ok(()),
            false => Err(undeclared(&call.func_name)),
        }
    }

    fn name(&mut self, name: &str) -> Result<(), String> {
        if self.known.iter().any(|known| known == name) {
            self.names.insert(name.to_string());
            return Ok(());
        }
        // Names of types, and what macros make for themselves.
        let is_own = values::TYPES.contains(&name) || name.starts_with('@') || name.starts_with("__");
        if is_own { Ok(()) } else { Err(undeclared(name)) }
    }
}

/// What `optMap` and `optFlatMap` stand for, which the crate has not:
/// `target.hasValue() ? optional.of(cel.bind(name, target.value(), then)) : optional.none()`. Mirrors cel-go's `optMap`.
fn expanded(call: &CallExpr) -> Option<Expr> {
    let wraps = match call.func_name.as_str() {
        "optMap" => true,
        "optFlatMap" => false,
        _ => return None,
    };
    let (Some(target), [name, then]) = (&call.target, call.args.as_slice()) else { return None };
    let Expr::Ident(name) = &name.expr else { return None };
    let node = |expr: Expr| IdedExpr { id: target.id, expr };
    let made = |func_name: &str, target: Option<IdedExpr>, args: Vec<IdedExpr>| {
        node(Expr::Call(CallExpr { func_name: func_name.into(), target: target.map(Box::new), args }))
    };
    let optional = || Some(node(Expr::Ident("optional".into())));
    let bound = node(Expr::Comprehension(Box::new(ComprehensionExpr {
        iter_range: node(Expr::List(ListExpr::default())),
        iter_var: "@unused".into(),
        iter_var2: None,
        accu_var: name.clone(),
        accu_init: made("value", Some(IdedExpr::clone(target)), Vec::new()),
        loop_cond: node(Expr::Literal(LiteralValue::Boolean(false.into()))),
        loop_step: node(Expr::Ident(name.clone())),
        result: then.clone(),
    })));
    let there = if wraps { made("of", optional(), vec![bound]) } else { bound };
    let has_value = made("hasValue", Some(IdedExpr::clone(target)), Vec::new());
    Some(made(operators::CONDITIONAL, None, vec![has_value, there, made("none", optional(), Vec::new())]).expr)
}

fn undeclared(name: &str) -> String {
    format!("undeclared reference to '{name}' (in container '')")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Expression, Outcome, on_a_large_stack};

    fn said(text: &str) -> String {
        let tree = json!({"n": 3, "f": 1.5, "s": "héllo", "l": [1, 2, 3], "m": {"a": "x"}, "q": "1Gi", "none": null,
            "items": [{"name": "a", "port": 80}, {"name": "b", "port": 443}]});
        let schema = json!({});
        let scope = [("self", Some((&tree, &schema)))];
        let say = || match Expression::compile(text, &["self", "oldSelf"]) {
            Err(fault) => format!("can't be read: {}", fault.lines().next().unwrap_or_default()),
            Ok(expression) => match expression.evaluate(&scope, None) {
                Ok(Outcome::Bool(yes)) => yes.to_string(),
                Ok(Outcome::Text(text)) => format!("{text:?}"),
                Ok(Outcome::Other) => "something else".into(),
                Err(fault) => format!("fails: {fault}"),
            },
        };
        on_a_large_stack(say).expect("a thread")
    }

    #[test]
    fn expressions_of_real_definitions_are_understood() {
        for text in [
            "self.n > 2 && self.n <= 3",
            "self.f > 1 && self.f == 1.5 && self.n == 3.0",
            "has(self.s) && !has(self.nothing)",
            "self.l.all(x, x > 0) && self.l.exists(x, x == 2) && self.l.exists_one(x, x == 3)",
            "self.l.map(x, x * 2) == [2, 4, 6] && self.l.filter(x, x > 1).size() == 2",
            "self.items.all(i, self.items.exists_one(j, i.name == j.name))",
            "self.m.all(key, key.matches('^[a-z]+$'))",
            "size(self.s) == 5 && self.s.size() == 5 && size(self.l) == 3 && self.m.size() == 1",
            "self.s.startsWith('h') && self.s.endsWith('o') && self.s.contains('ll')",
            "'a,b,c'.split(',') == ['a', 'b', 'c'] && 'a,b,c'.split(',', 2) == ['a', 'b,c']",
            "['a', 'b'].join('-') == 'a-b' && ['a', 'b'].join() == 'ab'",
            "'abc'.indexOf('c') == 2 && 'abcabc'.lastIndexOf('b') == 4 && 'abc'.charAt(1) == 'b'",
            "'AbC'.lowerAscii() == 'abc' && 'AbC'.upperAscii() == 'ABC' && ' a '.trim() == 'a'",
            "'hello'.substring(1, 3) == 'el' && 'hello'.substring(3) == 'lo' && 'aXbX'.replace('X', '-', 1) == 'a-bX'",
            "'%s has %d of %.2f'.format(['x', 3, 1.5]) == 'x has 3 of 1.50'",
            "'abc 123'.find('[0-9]+') == '123' && '1 a 2'.findAll('[0-9]') == ['1', '2'] && 'a1b2'.findAll('[0-9]', 1) == ['1']",
            "self.l.isSorted() && self.l.sum() == 6 && self.l.min() == 1 && self.l.max() == 3 && self.l.indexOf(2) == 1",
            "isURL('https://example.com:80/a?x=1') && url('https://example.com:80/a?x=1').getHostname() == 'example.com'",
            "url('https://example.com:80/a?x=1').getPort() == '80' && url('https://h/a').getEscapedPath() == '/a'",
            "isIP('10.0.0.1') && ip('::1').family() == 6 && ip('127.0.0.1').isLoopback() && !isIP('10.0.0')",
            "isCIDR('10.0.0.0/8') && cidr('10.0.0.0/8').containsIP('10.1.2.3') && cidr('10.0.0.0/8').prefixLength() == 8",
            "cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16') && !cidr('10.1.0.0/16').containsCIDR('10.0.0.0/8')",
            "isQuantity(self.q) && quantity(self.q).isGreaterThan(quantity('500Mi')) && quantity('1').add(2).compareTo(quantity('3')) == 0",
            "sets.contains([1, 2], [1]) && sets.equivalent([1, 2], [2, 1, 1]) && sets.intersects([1], [1, 2])",
            "duration('1h') > duration('59m') && timestamp('2026-01-01T00:00:00Z') < timestamp('2026-01-02T00:00:00Z')",
            "type(self.n) == int && type(self.s) == string && int('7') == 7 && string(7) == '7' && double(1) == 1.0",
            "self.?nothing.orValue('x') == 'x' && self.?m.?a.orValue('y') == 'x' && !self.?nothing.hasValue()",
            "optional.of(1).orValue(2) == 1 && optional.none().orValue(2) == 2 && self.?n.optMap(v, v + 1).orValue(0) == 4",
            "'x' in ['x'] && 'a' in self.m && !('b' in self.m)",
            "self.none == null ? true : false",
            r#""\u0061\n" == 'a\n' && r'\d' == "\\d""#,
        ] {
            assert_eq!(said(text), "true", "{text}");
        }
    }

    #[test]
    fn what_is_wrong_with_an_expression_is_said() {
        insta::assert_snapshot!([
            "duration('long') > duration('1h')", "timestamp('x') == timestamp('y')", "int('x') == 1",
            "self.nothing.more", "self.l[7]", "1 / 0 == 1", "9223372036854775807 + 1 > 0", "self.s > 1",
            "missing == 1", "self.missing()", "missing(1)", "self.n >", "self.n == 'x'", "'x'.charAt(9)",
            "ip('nonsense')", "quantity('nonsense')", "Message{}",
            "self.l.all(a, self.l.all(b, self.l.all(c, [1,2,3,4,5,6,7,8,9,10].all(d, [1,2,3,4,5,6,7,8,9,10].all(e, [1,2,3,4,5,6,7,8,9,10].all(f, [1,2,3,4,5,6,7,8,9,10].all(g, [1,2,3,4,5,6,7,8,9,10].all(h, true))))))))",
        ].map(|text| format!("{text:.40}: {}", said(text))).join("\n"), @r#"
        duration('long') > duration('1h'): fails: type conversion error from 'string' to 'google.protobuf.Duration'
        timestamp('x') == timestamp('y'): fails: type conversion error from 'string' to 'google.protobuf.Timestamp'
        int('x') == 1: fails: type conversion error from 'string' to 'int'
        self.nothing.more: fails: no such key: nothing
        self.l[7]: fails: index out of bounds: 7
        1 / 0 == 1: fails: division by zero
        9223372036854775807 + 1 > 0: fails: integer overflow
        self.s > 1: fails: no such overload
        missing == 1: can't be read: undeclared reference to 'missing' (in container '')
        self.missing(): can't be read: undeclared reference to 'missing' (in container '')
        missing(1): can't be read: undeclared reference to 'missing' (in container '')
        self.n >: can't be read: ERROR: <input>:1:9: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}
        self.n == 'x': false
        'x'.charAt(9): fails: index out of range: 9
        ip('nonsense'): fails: IP Address "nonsense" parse error during conversion from string: ParseAddr("nonsense"): unable to parse IP
        quantity('nonsense'): fails: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'
        Message{}: can't be read: undeclared reference to 'Message' (in container '')
        self.l.all(a, self.l.all(b, self.l.all(c: fails: operation cancelled: actual cost limit exceeded
        "#);
    }

    #[test]
    fn whatever_is_written_is_read_or_refused() {
        let pieces = [
            "self", ".", "(", ")", "[", "]", "{", "}", "'a'", "1", "-", "!", "?", ":", "&&", "in", "all", ",", "x",
            "`", "\\", "\"", "é", "\0", "@", "0x", "1e", "b'",
        ];
        let mut seed = 7_u64;
        for _ in 0..1000 {
            let mut text = String::new();
            for _ in 0..seed % 13 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(pieces[(seed >> 33) as usize % pieces.len()]);
            }
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            said(&text);
        }
        said(&"(".repeat(5_000));
        said(&"!".repeat(5_000));
        said(&"[".repeat(5_000));
        said(&format!("{}1{}", "(".repeat(300), ")".repeat(300)));
        said(&vec!["1"; 3000].join(" + "));
        said(&vec!["true"; 3000].join(" && "));
        said(&format!("self{}", ".a".repeat(3000)));
        assert!(said(&vec!["1"; 3000].join(" + ")).contains("exceed"));
    }
}
