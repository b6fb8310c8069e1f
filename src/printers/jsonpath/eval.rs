//! Carrying templates out; mirrors `jsonpath.go` of client-go's jsonpath.

use std::borrow::Cow;

use serde_json::Value;

use super::super::go_value::{sprint, type_name};
use super::{Found, JsonPathError, Node, Param};

/// So many values may be looked at; real templates on real clusters stay far below.
const MAX_STEPS: usize = if cfg!(test) { 300_000 } else { 8_000_000 };
/// Ranges inside of ranges.
const MAX_RANGES: usize = 200;

fn error<T>(text: impl Into<String>) -> Result<T, JsonPathError> {
    Err(JsonPathError(text.into()))
}

pub(super) fn find_results<'a>(
    root: &[Node],
    data: &'a Value,
    allow_missing_keys: bool,
) -> Result<Vec<Vec<Found<'a>>>, JsonPathError> {
    let mut evaluator =
        Evaluator { root, allow_missing_keys, begin_range: 0, in_range: 0, end_range: 0, last_end: None, steps: 0 };
    evaluator.run(Cow::Borrowed(data), 0)
}

struct Evaluator<'n> {
    root: &'n [Node],
    allow_missing_keys: bool,
    /// Ranges met whose loop has not begun.
    begin_range: usize,
    /// Loops that are under way.
    in_range: usize,
    /// Ends met whose loop has not been left.
    end_range: usize,
    /// The piece that held the last end.
    last_end: Option<usize>,
    steps: usize,
}

impl Evaluator<'_> {
    fn step(&mut self, values: usize) -> Result<(), JsonPathError> {
        self.steps = self.steps.saturating_add(values + 1);
        if self.steps > MAX_STEPS {
            return error("the template looks at too many values");
        }
        Ok(())
    }

    /// Carries out the pieces from `start` on; a range does so for each of its values up to its end.
    fn run<'a>(&mut self, data: Found<'a>, start: usize) -> Result<Vec<Vec<Found<'a>>>, JsonPathError> {
        if self.in_range > MAX_RANGES {
            return error("the ranges are nested too deeply");
        }
        let mut all = Vec::new();
        let mut i = start;
        while i < self.root.len() {
            let found = self.walk(vec![data.clone()], &self.root[i])?;
            if self.end_range > 0 && self.end_range <= self.in_range {
                self.end_range -= 1;
                self.last_end = Some(i);
                break;
            }
            if self.begin_range > 0 {
                self.begin_range -= 1;
                self.in_range += 1;
                if found.is_empty() {
                    // The end has to be found even so.
                    self.run(Cow::Owned(Value::Null), i + 1)?;
                }
                for value in found {
                    all.extend(self.run(value, i + 1)?);
                }
                self.in_range -= 1;
                i = match self.last_end {
                    Some(end) if end > i => end,
                    _ => i,
                };
            } else {
                all.push(found);
            }
            i += 1;
        }
        Ok(all)
    }

    fn walk<'a>(&mut self, input: Vec<Found<'a>>, node: &Node) -> Result<Vec<Found<'a>>, JsonPathError> {
        self.step(input.len())?;
        let each = |value: Value| Ok(input.iter().map(|_| Cow::Owned(value.clone())).collect());
        match node {
            Node::List(nodes) => self.walk_all(input, nodes),
            Node::Text(text) => Ok(vec![Cow::Owned(Value::from(text.as_str()))]),
            Node::Int(i) => each(Value::from(*i)),
            Node::Float(f) => each(Value::from(*f)),
            Node::Bool(b) => each(Value::from(*b)),
            Node::Field(name) => self.field(input, name),
            Node::Array(params) => self.array(input, params),
            Node::Filter { left, operator, right } => self.filter(input, left, operator, right),
            Node::Wildcard => Ok(input.iter().flat_map(|value| children(value)).collect()),
            Node::Recursive => {
                let mut all = Vec::new();
                self.descend(input, &mut all)?;
                Ok(all)
            }
            Node::Union(parts) => {
                let mut all = Vec::new();
                for part in parts {
                    all.extend(self.walk_all(input.clone(), part)?);
                }
                Ok(all)
            }
            Node::Identifier(name) => match name.as_str() {
                "range" => {
                    self.begin_range += 1;
                    Ok(input)
                }
                "end" if self.in_range > 0 => {
                    self.end_range += 1;
                    Ok(Vec::new())
                }
                "end" => error("not in range, nothing to end"),
                other => error(format!("unrecognized identifier {other}")),
            },
        }
    }

    fn walk_all<'a>(&mut self, input: Vec<Found<'a>>, nodes: &[Node]) -> Result<Vec<Found<'a>>, JsonPathError> {
        nodes.iter().try_fold(input, |values, node| self.walk(values, node))
    }

    fn field<'a>(&mut self, input: Vec<Found<'a>>, name: &str) -> Result<Vec<Found<'a>>, JsonPathError> {
        if input.is_empty() {
            return Ok(input);
        }
        let found: Vec<Found<'a>> = input
            .into_iter()
            .filter_map(|value| match value {
                Cow::Borrowed(Value::Object(map)) => map.get(name).map(Cow::Borrowed),
                _ => None,
            })
            .collect();
        if found.is_empty() && !self.allow_missing_keys {
            return error(format!("{name} is not found"));
        }
        Ok(found)
    }

    fn array<'a>(&mut self, input: Vec<Found<'a>>, params: &[Param; 3]) -> Result<Vec<Found<'a>>, JsonPathError> {
        let mut all = Vec::new();
        for value in input {
            let items = match value {
                Cow::Borrowed(Value::Array(items)) => items,
                other if other.is_null() => continue,
                other => return error(format!("{} is not array or slice", type_name(&other))),
            };
            let length = items.len() as i64;
            let [start, end, step] = *params;
            let start = match start {
                Param { known: true, value, .. } if value < 0 => value.saturating_add(length),
                Param { known: true, value, .. } => value,
                _ => 0,
            };
            let end = match end {
                Param { known: true, value, derived } if value < 0 || (value == 0 && derived) => {
                    value.saturating_add(length)
                }
                Param { known: true, value, .. } => value,
                _ => length,
            };
            if start == end {
                return Ok(all);
            }
            if !(0..length).contains(&start) {
                return error(format!("array index out of bounds: index {start}, length {length}"));
            }
            if !(0..=length).contains(&end) {
                let last = end.saturating_sub(1);
                return error(format!("array index out of bounds: index {last}, length {length}"));
            }
            if start > end {
                return error(format!("starting index {start} is greater than ending index {end}"));
            }
            if step.known && step.value <= 0 {
                return error("step must be > 0");
            }
            let step = if step.known { usize::try_from(step.value).unwrap_or(usize::MAX) } else { 1 };
            let slice = &items[start as usize..end as usize];
            self.step(slice.len())?;
            all.extend(slice.iter().step_by(step).map(Cow::Borrowed));
        }
        Ok(all)
    }

    fn filter<'a>(
        &mut self,
        input: Vec<Found<'a>>,
        left: &[Node],
        operator: &str,
        right: &[Node],
    ) -> Result<Vec<Found<'a>>, JsonPathError> {
        let mut all = Vec::new();
        for value in input {
            let Cow::Borrowed(Value::Array(items)) = value else {
                return error(format!("{} is not array or slice and cannot be filtered", sprint(&value)));
            };
            for item in items {
                let here = vec![Cow::Borrowed(item)];
                let lefts = self.walk_all(here.clone(), left);
                if operator == "exists" {
                    // Go looks at what it had before the error, which is something unless a key was missing.
                    let exists = match lefts {
                        Ok(found) => !found.is_empty(),
                        Err(e) => !e.0.ends_with(" is not found"),
                    };
                    if exists {
                        all.push(Cow::Borrowed(item));
                    }
                    continue;
                }
                let Some(left) = single(lefts?)? else { continue };
                let Some(right) = single(self.walk_all(here, right)?)? else { continue };
                if compare(&left, operator, &right)? {
                    all.push(Cow::Borrowed(item));
                }
            }
        }
        Ok(all)
    }

    /// Every value that holds others, and what it holds, from the outside in.
    fn descend<'a>(&mut self, input: Vec<Found<'a>>, all: &mut Vec<Found<'a>>) -> Result<(), JsonPathError> {
        for value in input {
            let inner = children(&value);
            if !inner.is_empty() {
                self.step(inner.len())?;
                all.push(value);
                self.descend(inner, all)?;
            }
        }
        Ok(())
    }
}

/// What a value holds. A string holds its bytes, as in Go.
fn children<'a>(value: &Found<'a>) -> Vec<Found<'a>> {
    match value {
        Cow::Borrowed(Value::Array(items)) => items.iter().map(Cow::Borrowed).collect(),
        Cow::Borrowed(Value::Object(map)) => map.values().map(Cow::Borrowed).collect(),
        text => text.as_str().unwrap_or_default().bytes().map(|b| Cow::Owned(Value::from(b))).collect(),
    }
}

fn single(found: Vec<Found<'_>>) -> Result<Option<Found<'_>>, JsonPathError> {
    match found.len() {
        0 | 1 => Ok(found.into_iter().next()),
        _ => error("can only compare one element at a time"),
    }
}

/// Mirrors the comparisons of Go's templates.
fn compare(left: &Value, operator: &str, right: &Value) -> Result<bool, JsonPathError> {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let known = ["<", ">", "==", "!=", "<=", ">="];
    if !known.contains(&operator) {
        return error(format!("unrecognized filter operator {operator}"));
    }
    let ordering = match (left, right) {
        (Value::Bool(a), Value::Bool(b)) if operator == "==" || operator == "!=" => Some(a.cmp(b)),
        (Value::Bool(_), Value::Bool(_)) => return error("invalid type for comparison"),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Number(a), Value::Number(b)) if a.is_i64() && b.is_i64() => Some(a.as_i64().cmp(&b.as_i64())),
        (Value::Number(a), Value::Number(b)) if !a.is_i64() && !b.is_i64() => a.as_f64().partial_cmp(&b.as_f64()),
        (Value::Null | Value::Array(_) | Value::Object(_), _)
        | (_, Value::Null | Value::Array(_) | Value::Object(_)) => {
            return error("invalid type for comparison");
        }
        _ => return error("incompatible types for comparison"),
    };
    Ok(match operator {
        "<" => ordering == Some(Less),
        "<=" => matches!(ordering, Some(Less | Equal)),
        ">" => ordering == Some(Greater),
        ">=" => matches!(ordering, Some(Greater | Equal)),
        "==" => ordering == Some(Equal),
        _ => ordering != Some(Equal),
    })
}
