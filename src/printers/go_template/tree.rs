//! A template's tree, and how error texts spell its parts.

use std::fmt;

/// Something that is printed or carried out.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Text(String),
    Action(Pipe),
    If(Branch),
    With(Branch),
    Range(Branch),
    Template { pos: usize, name: String, pipe: Option<Pipe> },
    Break,
    Continue,
}

/// A condition or loop.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Branch {
    pub(super) pipe: Pipe,
    pub(super) list: Vec<Node>,
    pub(super) otherwise: Vec<Node>,
}

/// Commands each of which gets the result of the one before, and the variables that get the last one's.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pipe {
    pub(super) pos: usize,
    pub(super) is_assign: bool,
    pub(super) decl: Vec<String>,
    pub(super) cmds: Vec<Command>,
}

/// A function with its arguments, or a single value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Command {
    pub(super) pos: usize,
    pub(super) args: Vec<Operand>,
}

/// A value or what makes one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Operand {
    pub(super) pos: usize,
    pub(super) term: Term,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Term {
    Dot,
    Nil,
    Bool(bool),
    Int {
        text: String,
        value: i64,
    },
    Float {
        text: String,
        value: f64,
    },
    Text {
        quoted: String,
        text: String,
    },
    /// `.a.b`
    Field(Vec<String>),
    /// `$x.a.b`; the name with its dollar.
    Variable(String, Vec<String>),
    Function(String),
    Pipe(Pipe),
    /// Fields of what is no field or variable itself: `(pipe).a.b`.
    Chain(Box<Operand>, Vec<String>),
}

fn dotted(fields: &[String]) -> String {
    fields.iter().map(|f| format!(".{f}")).collect()
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.term {
            Term::Dot => f.write_str("."),
            Term::Nil => f.write_str("nil"),
            Term::Bool(b) => write!(f, "{b}"),
            Term::Int { text, .. } | Term::Float { text, .. } => f.write_str(text),
            Term::Text { quoted, .. } => f.write_str(quoted),
            Term::Field(fields) => f.write_str(&dotted(fields)),
            Term::Variable(name, fields) => write!(f, "{name}{}", dotted(fields)),
            Term::Function(name) => f.write_str(name),
            Term::Pipe(pipe) => write!(f, "({pipe})"),
            Term::Chain(inner, fields) => write!(f, "{inner}{}", dotted(fields)),
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.args.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.decl.is_empty() {
            write!(f, "{} {} ", self.decl.join(", "), if self.is_assign { "=" } else { ":=" })?;
        }
        f.write_str(&self.cmds.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | "))
    }
}
