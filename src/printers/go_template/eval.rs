//! Carries templates out; mirrors Go's `text/template/exec.go`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::super::go_value::{quote, sprint, type_name};
use super::funcs;
use super::tree::{Branch, Command, Node, Operand, Pipe, Term};
use super::value::{Val, Wanted};
use super::{NAME, TemplateError};

/// Templates within templates. Go stops at 100,000, whose text the error keeps; what gets that far has no end.
const MAX_DEPTH: usize = 100;
/// So many steps may be taken and bytes printed.
const MAX_WORK: usize = if cfg!(test) { 1_000_000 } else { 20_000_000 };

/// Where errors happen.
#[derive(Clone, Copy)]
enum Place<'t> {
    Pipe(&'t Pipe),
    Command(&'t Command),
    Operand(&'t Operand),
    Template(usize, &'t str, Option<&'t Pipe>),
}

/// Whether a loop goes on.
#[derive(PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
}

pub(super) type Step<T> = Result<T, TemplateError>;

pub(super) fn execute(
    text: &str,
    trees: &BTreeMap<String, Vec<Node>>,
    data: &Value,
    allow_missing_keys: bool,
) -> Result<String, (String, TemplateError)> {
    let data = Val::Plain(Cow::Borrowed(data));
    let mut state = State {
        text,
        trees,
        name: NAME,
        place: None,
        vars: vec![("$", data.clone())],
        depth: 0,
        work: 0,
        out: String::new(),
        allow_missing_keys,
    };
    let tree = trees.get(NAME).map(Vec::as_slice).unwrap_or_default();
    match state.walk_all(&data, tree) {
        Ok(_) => Ok(state.out),
        Err(e) => Err((state.out, e)),
    }
}

struct State<'t, 'a> {
    text: &'t str,
    trees: &'t BTreeMap<String, Vec<Node>>,
    /// The template that is carried out.
    name: &'t str,
    place: Option<Place<'t>>,
    vars: Vec<(&'t str, Val<'a>)>,
    depth: usize,
    work: usize,
    out: String,
    allow_missing_keys: bool,
}

impl<'t, 'a> State<'t, 'a> {
    fn error<T>(&self, text: impl fmt::Display) -> Step<T> {
        let name = self.name;
        let Some(place) = self.place else { return Err(TemplateError(format!("template: {name}: {text}"))) };
        let (pos, context) = match place {
            Place::Pipe(pipe) => (pipe.pos, pipe.to_string()),
            Place::Command(command) => (command.pos, command.to_string()),
            Place::Operand(operand) => (operand.pos, operand.to_string()),
            Place::Template(pos, name, pipe) => {
                let pipe = pipe.map(|p| format!(" {p}")).unwrap_or_default();
                (pos, format!("{{{{template {}{pipe}}}}}", quote(name)))
            }
        };
        let before = self.text.get(..pos).unwrap_or_default();
        let line = 1 + before.matches('\n').count();
        let column = before.rfind('\n').map_or(pos, |newline| pos - newline - 1);
        let name = quote(name);
        Err(TemplateError(format!("template: {NAME}:{line}:{column}: executing {name} at <{context}>: {text}")))
    }

    fn at(&mut self, place: Place<'t>) {
        self.place = Some(place);
    }

    fn step(&mut self, work: usize) -> Step<()> {
        self.work = self.work.saturating_add(work + 1);
        if self.work > MAX_WORK {
            return self.error("the template does too much work");
        }
        Ok(())
    }

    fn print(&mut self, text: &str) -> Step<()> {
        self.step(text.len())?;
        self.out.push_str(text);
        Ok(())
    }

    fn walk_all(&mut self, dot: &Val<'a>, nodes: &'t [Node]) -> Step<Flow> {
        for node in nodes {
            let flow = self.walk(dot, node)?;
            if flow != Flow::On {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    fn walk(&mut self, dot: &Val<'a>, node: &'t Node) -> Step<Flow> {
        self.step(0)?;
        match node {
            Node::Text(text) => self.print(text)?,
            Node::Action(pipe) => {
                let value = self.pipeline(dot, pipe)?;
                if pipe.decl.is_empty() {
                    let text = value.get().map_or_else(|| "<no value>".into(), sprint);
                    self.print(&text)?;
                }
            }
            Node::If(branch) | Node::With(branch) => {
                let mark = self.vars.len();
                let value = self.pipeline(dot, &branch.pipe)?;
                let flow = match (value.truth(), node) {
                    (true, Node::With(_)) => self.walk_all(&value, &branch.list),
                    (true, _) => self.walk_all(dot, &branch.list),
                    (false, _) => self.walk_all(dot, &branch.otherwise),
                };
                self.vars.truncate(mark);
                return flow;
            }
            Node::Range(branch) => {
                let mark = self.vars.len();
                let flow = self.range(dot, branch);
                self.vars.truncate(mark);
                return flow;
            }
            Node::Template { pos, name, pipe } => self.template(dot, *pos, name, pipe.as_ref())?,
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::On)
    }

    fn range(&mut self, dot: &Val<'a>, branch: &'t Branch) -> Step<Flow> {
        let value = self.pipeline(dot, &branch.pipe)?;
        let mark = self.vars.len();
        let mut empty = true;
        let mut round = |state: &mut Self, index: Val<'a>, element: Val<'a>| {
            empty = false;
            state.step(0)?;
            let variables = branch.pipe.decl.len();
            if branch.pipe.is_assign {
                // Variables that were there before: the element goes to the last one named.
                let values = [index.clone(), element.clone()];
                for (name, value) in branch.pipe.decl.iter().zip(&values[2 - variables.min(2)..]) {
                    state.set(name, value.clone())?;
                }
            } else {
                if variables > 0 {
                    state.vars[mark - 1].1 = element.clone();
                }
                if variables > 1 {
                    state.vars[mark - 2].1 = index;
                }
            }
            let flow = state.walk_all(&element, &branch.list)?;
            state.vars.truncate(mark);
            Ok(flow != Flow::Break)
        };
        match &value {
            Val::Plain(Cow::Borrowed(Value::Array(items))) => {
                for (i, item) in items.iter().enumerate() {
                    if !round(self, Val::from(Value::from(i)), Val::Boxed(item))? {
                        break;
                    }
                }
            }
            Val::Plain(Cow::Borrowed(Value::Object(map))) => {
                for (key, item) in map {
                    if !round(self, Val::from(Value::from(key.as_str())), Val::Boxed(item))? {
                        break;
                    }
                }
            }
            other => match other.get() {
                None => {}
                Some(Value::Number(n)) if n.is_i64() => {
                    for i in 0..n.as_i64().unwrap_or_default() {
                        if !round(self, Val::from(Value::from(i)), Val::from(Value::from(i)))? {
                            break;
                        }
                    }
                }
                Some(Value::Array(items)) => {
                    // A list that a function made.
                    for (i, item) in items.iter().enumerate() {
                        if !round(self, Val::from(Value::from(i)), Val::from(item.clone()))? {
                            break;
                        }
                    }
                }
                Some(value) => return self.error(format!("range can't iterate over {}", sprint(value))),
            },
        }
        if empty {
            return self.walk_all(dot, &branch.otherwise);
        }
        Ok(Flow::On)
    }

    fn template(&mut self, dot: &Val<'a>, pos: usize, name: &'t str, pipe: Option<&'t Pipe>) -> Step<()> {
        self.at(Place::Template(pos, name, pipe));
        let Some(tree) = self.trees.get(name) else {
            return self.error(format!("template {} not defined", quote(name)));
        };
        if self.depth == MAX_DEPTH {
            return self.error("exceeded maximum template depth (100000)");
        }
        let dot = match pipe {
            Some(pipe) => self.pipeline(dot, pipe)?,
            None => Val::Invalid,
        };
        let vars = std::mem::replace(&mut self.vars, vec![("$", dot.clone())]);
        let outer = std::mem::replace(&mut self.name, name);
        self.depth += 1;
        self.walk_all(&dot, tree)?;
        self.depth -= 1;
        (self.vars, self.name) = (vars, outer);
        Ok(())
    }

    fn set(&mut self, name: &str, value: Val<'a>) -> Step<()> {
        match self.vars.iter_mut().rev().find(|(n, _)| *n == name) {
            Some((_, old)) => {
                *old = value;
                Ok(())
            }
            None => self.error(format!("undefined variable: {name}")),
        }
    }

    fn pipeline(&mut self, dot: &Val<'a>, pipe: &'t Pipe) -> Step<Val<'a>> {
        self.at(Place::Pipe(pipe));
        let mut value = None;
        for command in &pipe.cmds {
            value = Some(self.command(dot, command, value)?.unbox());
        }
        let value = value.unwrap_or(Val::Invalid);
        for name in &pipe.decl {
            if pipe.is_assign {
                self.set(name, value.clone())?;
            } else {
                self.vars.push((name, value.clone()));
            }
        }
        Ok(value)
    }

    fn command(&mut self, dot: &Val<'a>, command: &'t Command, last: Option<Val<'a>>) -> Step<Val<'a>> {
        self.step(0)?;
        let Some(first) = command.args.first() else { return Ok(Val::Invalid) };
        let has_args = command.args.len() > 1 || last.is_some();
        match &first.term {
            Term::Function(name) => return self.call(dot, name, Ok(command), &command.args[1..], last),
            Term::Field(_) | Term::Chain(..) => return self.operand(dot, first, has_args),
            Term::Variable(_, fields) if !fields.is_empty() => return self.operand(dot, first, has_args),
            Term::Pipe(_) => {}
            _ => self.at(Place::Operand(first)),
        }
        if has_args {
            return self.error(format!("can't give argument to non-function {first}"));
        }
        if let Term::Nil = first.term {
            return self.error("nil is not a command");
        }
        self.operand(dot, first, false)
    }

    /// The value of an operand; `has_args` where arguments follow, which no field takes.
    fn operand(&mut self, dot: &Val<'a>, operand: &'t Operand, has_args: bool) -> Step<Val<'a>> {
        self.at(Place::Operand(operand));
        match &operand.term {
            Term::Dot => Ok(dot.clone()),
            Term::Nil => Ok(Val::Invalid),
            Term::Bool(b) => Ok(Val::from(Value::from(*b))),
            Term::Int { value, .. } => Ok(Val::from(Value::from(*value))),
            Term::Float { value, .. } => Ok(Val::from(Value::from(*value))),
            Term::Text { text, .. } => Ok(Val::from(Value::from(text.as_str()))),
            Term::Field(fields) => self.fields(dot.clone(), fields, has_args),
            Term::Variable(name, fields) => {
                let value = self.vars.iter().rev().find(|(n, _)| n == name).map(|(_, value)| value.clone());
                match value {
                    Some(value) => self.fields(value, fields, has_args),
                    None => self.error(format!("undefined variable: {name}")),
                }
            }
            Term::Function(name) => self.call(dot, name, Err(operand), &[], None),
            Term::Pipe(pipe) => self.pipeline(dot, pipe),
            Term::Chain(inner, fields) => {
                let value = self.operand(dot, inner, false)?;
                self.fields(value, fields, has_args)
            }
        }
    }

    fn fields(&mut self, mut value: Val<'a>, fields: &[String], has_args: bool) -> Step<Val<'a>> {
        for (i, field) in fields.iter().enumerate() {
            let has_args = has_args && i + 1 == fields.len();
            value = match value {
                Val::Invalid if self.allow_missing_keys => Val::Invalid,
                Val::Invalid => return self.error(format!("nil data; no entry for key {}", quote(field))),
                Val::Boxed(Value::Null) => {
                    return self.error(format!("nil pointer evaluating interface {{}}.{field}"));
                }
                Val::Boxed(Value::Object(map)) | Val::Plain(Cow::Borrowed(Value::Object(map))) => {
                    if has_args {
                        return self.error(format!("{field} is not a method but has arguments"));
                    }
                    match map.get(field) {
                        Some(value) => Val::Boxed(value),
                        None if self.allow_missing_keys => Val::Invalid,
                        None => return self.error(format!("map has no entry for key {}", quote(field))),
                    }
                }
                other => {
                    let kind = other.type_name();
                    return self.error(format!("can't evaluate field {field} in type {kind}"));
                }
            };
        }
        Ok(value)
    }

    /// Calls a function; `of` is the command that it is the head of, or the operand that it is.
    fn call(
        &mut self,
        dot: &Val<'a>,
        name: &'t str,
        of: Result<&'t Command, &'t Operand>,
        args: &'t [Operand],
        last: Option<Val<'a>>,
    ) -> Step<Val<'a>> {
        self.at(match of {
            Ok(command) => Place::Operand(&command.args[0]),
            Err(operand) => Place::Operand(operand),
        });
        let given = args.len() + usize::from(last.is_some());
        let (least, variadic) = funcs::arity(name);
        if variadic && given < least {
            return self.error(format!("wrong number of args for {name}: want at least {least} got {}", args.len()));
        }
        if !variadic && given != least {
            return self.error(format!("wrong number of args for {name}: want {least} got {given}"));
        }
        if name == "and" || name == "or" {
            // Later arguments are not looked at once the answer is clear.
            let mut value = Val::Invalid;
            for arg in args {
                value = self.operand(dot, arg, false)?;
                if value.truth() == (name == "or") {
                    return Ok(value);
                }
            }
            return Ok(last.unwrap_or(value));
        }
        let mut values = Vec::with_capacity(given);
        for (i, arg) in args.iter().enumerate() {
            let wanted = funcs::wanted(name, i);
            values.push(self.argument(dot, arg, wanted)?);
        }
        if let Some(last) = last {
            let wanted = funcs::wanted(name, values.len());
            values.push(self.check(last, wanted)?);
        }
        let size = values.iter().filter_map(Val::get).filter_map(Value::as_str).map(str::len).sum();
        self.step(size)?;
        funcs::call(name, &values).or_else(|text| {
            self.at(match of {
                Ok(command) => Place::Command(command),
                Err(operand) => Place::Operand(operand),
            });
            self.error(format!("error calling {name}: {text}"))
        })
    }

    fn argument(&mut self, dot: &Val<'a>, operand: &'t Operand, wanted: Wanted) -> Step<Val<'a>> {
        if wanted == Wanted::Text {
            self.at(Place::Operand(operand));
            match &operand.term {
                Term::Nil => return self.error("cannot assign nil to string"),
                Term::Bool(_) | Term::Int { .. } | Term::Float { .. } => {
                    return self.error(format!("expected string; found {operand}"));
                }
                _ => {}
            }
        }
        let value = self.operand(dot, operand, false)?;
        self.check(value, wanted)
    }

    fn check(&self, value: Val<'a>, wanted: Wanted) -> Step<Val<'a>> {
        match (wanted, value.get()) {
            (Wanted::Any, _) | (Wanted::Text, Some(Value::String(_))) => Ok(value),
            (Wanted::Text, Some(other)) => {
                self.error(format!("wrong type for value; expected string; got {}", type_name(other)))
            }
            (Wanted::Text, None) => match value {
                Val::Boxed(_) => self.error("wrong type for value; expected string; got interface {}"),
                _ => self.error("invalid value; expected string"),
            },
        }
    }
}
