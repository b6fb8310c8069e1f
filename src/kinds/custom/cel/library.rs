//! The functions that Kubernetes and its extensions add to the language.
//!
//! Mirrors `k8s.io/apiserver/pkg/cel/library` and `github.com/google/cel-go/ext`, as `environment/base.go` puts them together.

use std::cmp::Ordering;
use std::sync::Arc;

use cel::{Context, ExecutionError, FunctionContext, Value};

use super::{SIZE, net, strings};
use crate::api::quantity::Quantity;

type Answer = Result<Value, ExecutionError>;

/// The functions of the language itself.
const STANDARD: &[&str] = &[
    "all",
    "exists",
    "exists_one",
    "filter",
    "map",
    "has",
    "matches",
    "contains",
    "startsWith",
    "endsWith",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "bool",
    "dyn",
    "type",
    "timestamp",
    "duration",
    "getFullYear",
    "getMonth",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
    "orValue",
    "or",
    "value",
    "hasValue",
    "optMap",
    "optFlatMap",
    "min",
    "max",
    "size",
];

/// The functions that are added, by the part that answers them.
const ADDED: &[(fn(&str, &[Value]) -> Answer, &[&str])] = &[
    (
        strings::call,
        &[
            "charAt",
            "format",
            "indexOf",
            "join",
            "lastIndexOf",
            "lowerAscii",
            "quote",
            "replace",
            "split",
            "substring",
            "trim",
            "upperAscii",
            "find",
            "findAll",
        ],
    ),
    (lists, &["isSorted", "sum", "min", "max", "distinct", "flatten", "reverse", "slice", "sort", "first", "last"]),
    (
        net::call,
        &[
            "isURL",
            "url",
            "getScheme",
            "getHost",
            "getHostname",
            "getPort",
            "getEscapedPath",
            "getQuery",
            "isIP",
            "ip",
            "family",
            "isCanonical",
            "isUnspecified",
            "isLoopback",
            "isLinkLocalMulticast",
            "isLinkLocalUnicast",
            "isGlobalUnicast",
            "isCIDR",
            "cidr",
            "containsIP",
            "containsCIDR",
            "masked",
            "prefixLength",
        ],
    ),
    (
        quantities,
        &[
            "isQuantity",
            "quantity",
            "sign",
            "isInteger",
            "asInteger",
            "asApproximateFloat",
            "isGreaterThan",
            "isLessThan",
            "compareTo",
            "add",
            "sub",
        ],
    ),
];

/// Functions whose names have a point.
const QUALIFIED: &[(&str, &str)] = &[
    ("sets", "contains"),
    ("sets", "equivalent"),
    ("sets", "intersects"),
    ("lists", "range"),
    ("strings", "quote"),
    ("ip", "isCanonical"),
    ("optional", "of"),
    ("optional", "none"),
    ("optional", "ofNonZeroValue"),
];

/// Whether there is a function of that name.
pub(super) fn is_known(name: &str) -> bool {
    STANDARD.contains(&name) || ADDED.iter().any(|(_, names)| names.contains(&name))
}

/// Whether `prefix.name` is one function's name.
pub(super) fn is_qualified(prefix: &str, name: &str) -> bool {
    QUALIFIED.contains(&(prefix, name))
}

/// Adds them.
pub(super) fn add_to(context: &mut Context<'_>) {
    for (call, names) in ADDED {
        for name in *names {
            let (call, name) = (*call, *name);
            context.add_function(name, move |asked: &FunctionContext| call(name, &arguments(asked)?));
        }
    }
    for (prefix, name) in QUALIFIED.iter().filter(|(prefix, _)| *prefix != "optional") {
        let name = format!("{prefix}.{name}");
        let asked = name.clone();
        context.add_function(&name, move |context: &FunctionContext| qualified(&asked, &arguments(context)?));
    }
    context.add_function(SIZE, |asked: &FunctionContext| size(&arguments(asked)?));
}

/// What a function is called on, and what with.
fn arguments(asked: &FunctionContext<'_, '_>) -> Result<Vec<Value>, ExecutionError> {
    asked.this.iter().chain(&asked.args).map(|value| Value::try_from(value.as_ref())).collect()
}

fn size(of: &[Value]) -> Answer {
    let size = match of {
        [Value::String(text)] => text.chars().count(),
        [Value::Bytes(bytes)] => bytes.len(),
        [Value::List(items)] => items.len(),
        [Value::Map(map)] => map.map.len(),
        _ => return Err(ExecutionError::NoSuchOverload),
    };
    Ok(Value::Int(size as i64))
}

fn qualified(name: &str, of: &[Value]) -> Answer {
    let among = |some: &[Value], all: &[Value]| some.iter().all(|one| all.contains(one));
    match (name, of) {
        ("sets.contains", [Value::List(all), Value::List(some)]) => Ok(among(some, all).into()),
        ("sets.equivalent", [Value::List(a), Value::List(b)]) => Ok((among(a, b) && among(b, a)).into()),
        ("sets.intersects", [Value::List(a), Value::List(b)]) => Ok(a.iter().any(|one| b.contains(one)).into()),
        ("lists.range", [Value::Int(n)]) => {
            let most = usize::try_from(*n).unwrap_or(0).min(100_000);
            Ok(Value::List(Arc::new((0..most as i64).map(Value::Int).collect())))
        }
        ("strings.quote", [text]) => strings::call("quote", std::slice::from_ref(text)),
        ("ip.isCanonical", [text]) => net::call("ip.isCanonical", std::slice::from_ref(text)),
        _ => Err(ExecutionError::NoSuchOverload),
    }
}

/// How two values of one type compare.
fn compare(a: &Value, b: &Value) -> Result<Ordering, ExecutionError> {
    a.partial_cmp(b).ok_or(ExecutionError::NoSuchOverload)
}

fn lists(name: &str, of: &[Value]) -> Answer {
    let [Value::List(items), rest @ ..] = of else { return Err(ExecutionError::NoSuchOverload) };
    let list = |items: Vec<Value>| Ok(Value::List(Arc::new(items)));
    let empty = |what: &str| ExecutionError::function_error(what, format!("{what} called on empty list"));
    match (name, rest) {
        ("isSorted", []) => {
            let mut sorted = true;
            for pair in items.windows(2) {
                sorted &= compare(&pair[0], &pair[1])? != Ordering::Greater;
            }
            Ok(sorted.into())
        }
        ("sum", []) => items
            .iter()
            .try_fold(None, |sum: Option<Value>, item| {
                Ok(Some(match sum {
                    None => item.clone(),
                    Some(sum) => (sum + item.clone())?,
                }))
            })
            .map(|sum| sum.unwrap_or(Value::Int(0))),
        ("min" | "max", []) => {
            let wanted = if name == "min" { Ordering::Less } else { Ordering::Greater };
            let mut best = items.first().ok_or_else(|| empty(name))?;
            for item in items.iter() {
                if compare(item, best)? == wanted {
                    best = item;
                }
            }
            Ok(best.clone())
        }
        ("distinct", []) => {
            let mut kept: Vec<Value> = Vec::new();
            items.iter().for_each(|item| {
                if !kept.contains(item) {
                    kept.push(item.clone())
                }
            });
            list(kept)
        }
        ("flatten", []) => list(
            items
                .iter()
                .flat_map(|item| match item {
                    Value::List(inner) => inner.to_vec(),
                    other => vec![other.clone()],
                })
                .collect(),
        ),
        ("reverse", []) => list(items.iter().rev().cloned().collect()),
        ("slice", [Value::Int(from), Value::Int(to)]) => {
            let part =
                usize::try_from(*from).ok().zip(usize::try_from(*to).ok()).and_then(|(from, to)| items.get(from..to));
            part.map_or_else(
                || Err(ExecutionError::function_error(name, format!("cannot slice({from}, {to}), invalid range"))),
                |part| list(part.to_vec()),
            )
        }
        ("sort", []) => {
            let mut sorted = items.to_vec();
            for pair in sorted.windows(2) {
                compare(&pair[0], &pair[1])?;
            }
            sorted.sort_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
            list(sorted)
        }
        ("first", []) => items.first().cloned().ok_or_else(|| empty(name)),
        ("last", []) => items.last().cloned().ok_or_else(|| empty(name)),
        _ => Err(ExecutionError::NoSuchOverload),
    }
}

/// The place of an item in a list, from its beginning or its end; -1 for none.
pub(super) fn place(items: &[Value], item: &Value, last: bool) -> Value {
    let at = if last { items.iter().rposition(|i| i == item) } else { items.iter().position(|i| i == item) };
    Value::Int(at.map_or(-1, |at| at as i64))
}

/// What a quantity is called within an expression: its canonical text behind a mark, so that equal ones are equal.
const QUANTITY: &str = "quantity\0";

fn quantities(name: &str, of: &[Value]) -> Answer {
    let fault = |text: &str| ExecutionError::function_error(name, text);
    let parse = |text: &str| {
        let why = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
        Quantity::parse(text).map_err(|_| fault(why))
    };
    let read = |value: &Value| match value {
        Value::String(text) => match text.strip_prefix(QUANTITY) {
            Some(text) => parse(text),
            None => Err(ExecutionError::NoSuchOverload),
        },
        Value::Int(n) => parse(&n.to_string()),
        _ => Err(ExecutionError::NoSuchOverload),
    };
    let whole = |q: &Quantity| Quantity::parse(&q.value().to_string()).is_ok_and(|whole| whole == *q);
    let made = |q: Quantity| Ok(Value::String(Arc::new(format!("{QUANTITY}{q}"))));
    match (name, of) {
        ("isQuantity", [Value::String(text)]) => Ok(parse(text).is_ok().into()),
        ("quantity", [Value::String(text)]) => parse(text).and_then(made),
        ("sign", [q]) => read(q).map(|q| Value::Int(q.sign().into())),
        ("isInteger", [q]) => read(q).map(|q| whole(&q).into()),
        ("asInteger", [q]) => {
            let q = read(q)?;
            whole(&q).then(|| Value::Int(q.value())).ok_or_else(|| fault("cannot convert value to integer"))
        }
        ("asApproximateFloat", [q]) => read(q).map(|q| Value::Float(q.as_f64())),
        ("isGreaterThan", [a, b]) => Ok((read(a)? > read(b)?).into()),
        ("isLessThan", [a, b]) => Ok((read(a)? < read(b)?).into()),
        ("compareTo", [a, b]) => Ok(Value::Int(read(a)?.cmp(&read(b)?) as i64)),
        ("add", [a, b]) => made(read(a)?.plus(read(b)?)),
        ("sub", [a, b]) => made(read(a)?.minus(read(b)?)),
        _ => Err(ExecutionError::NoSuchOverload),
    }
}
