//! The syntax tree of a script: nodes in an arena, words in them as trees.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The place of a node in its unit.
pub(super) type NodeId = u32;

/// A piece of a script that was parsed at once: a complete command, the body of a function or of a substitution.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Unit {
    pub nodes: Vec<Node>,
    pub root: NodeId,
    /// The bodies of here-documents.
    pub docs: Vec<Word>,
    /// The source text, where somebody may ask for it.
    pub text: String,
}

const NOTHING: Node = Node::Nothing;

impl Unit {
    pub fn node(&self, id: NodeId) -> &Node {
        self.nodes.get(id as usize).unwrap_or(&NOTHING)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Node {
    Nothing,
    Simple(Simple),
    Pipeline { commands: Vec<NodeId>, negate: bool, timed: Option<bool>, text: String },
    AndOr(Vec<(Link, NodeId)>),
    List(Vec<Item>),
    Group(NodeId),
    Subshell(NodeId, String),
    If { arms: Vec<(NodeId, NodeId)>, otherwise: Option<NodeId> },
    While { until: bool, test: NodeId, body: NodeId },
    For { line: u32, name: String, words: Option<Vec<Word>>, body: NodeId, text: String },
    Select { line: u32, name: String, words: Option<Vec<Word>>, body: NodeId },
    ForArith { line: u32, parts: Box<[Word; 3]>, body: NodeId },
    Case { line: u32, word: Word, arms: Vec<Arm>, text: String },
    Function { name: String, body: Arc<Unit> },
    Test { line: u32, test: Cond },
    Arith { line: u32, word: Word },
    Redirected(NodeId, Vec<Redir>),
}

/// How a command follows the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Link {
    And,
    Or,
}

/// A command in a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Item {
    pub node: NodeId,
    pub background: bool,
    /// The source, for the table of jobs.
    pub text: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Simple {
    pub line: u32,
    pub assigns: Vec<Assign>,
    pub words: Vec<Word>,
    pub redirs: Vec<Redir>,
    /// The source, for bash's messages.
    pub text: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Assign {
    pub name: String,
    pub index: Option<Word>,
    pub append: bool,
    pub value: Value,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Value {
    Word(Word),
    /// With the source, for traces.
    Array(Vec<Element>, String),
}

/// An element of `a=(...)`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Element {
    pub index: Option<Word>,
    pub append: bool,
    pub word: Word,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Arm {
    pub patterns: Vec<Word>,
    pub body: Option<NodeId>,
    pub end: ArmEnd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ArmEnd {
    Break,
    Fall,
    Next,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Redir {
    pub fd: Option<u32>,
    /// `{name}>`: the shell picks the descriptor.
    pub name: Option<String>,
    pub op: RedirOp,
    pub target: Word,
    pub line: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum RedirOp {
    In,
    Out,
    Append,
    ReadWrite,
    Clobber,
    DupIn,
    DupOut,
    Both,
    BothAppend,
    /// A here-document: its number in the unit.
    Doc(u32),
    HereString,
}

impl RedirOp {
    /// The descriptor that it is for where none is written.
    pub fn default_fd(self) -> u32 {
        match self {
            RedirOp::In | RedirOp::ReadWrite | RedirOp::DupIn | RedirOp::Doc(_) | RedirOp::HereString => 0,
            _ => 1,
        }
    }
}

/// A word before expansion.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Word {
    pub parts: Vec<Part>,
    /// Whether a command substitution is somewhere in it.
    pub has_subst: bool,
    /// Whether it can be the object of brace expansion.
    pub braces: bool,
    /// The assignment that it is as an argument of `export` and the like.
    pub assign: Option<Box<Assign>>,
}

impl Word {
    pub fn of(parts: Vec<Part>) -> Word {
        Word { parts, ..Word::default() }
    }

    /// Its text, where it is one that no quote or expansion is in.
    pub fn literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Lit(text)] => Some(text),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Part {
    /// Text without quotes.
    Lit(String),
    /// Text in quotes.
    Quoted(String),
    /// What is in double quotes.
    Double(Vec<Part>),
    Param(Box<Param>),
    Subst(Arc<Unit>),
    Arith(Vec<Part>),
    /// `~` with a user's name or none.
    Tilde(String),
    /// `<(...)`, or `>(...)` where true.
    Process(Arc<Unit>, bool),
    /// A parameter expansion that makes no sense, as it was written.
    Bad(String),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Param {
    pub name: String,
    pub indirect: bool,
    pub index: Option<Index>,
    pub op: ParamOp,
    /// As it was written, for messages.
    pub text: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Index {
    At,
    Star,
    Expr(Word),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum ParamOp {
    None,
    Length,
    /// `-`, `=`, `+` or `?`, with a colon or without.
    Default {
        colon: bool,
        kind: char,
        word: Word,
    },
    Trim {
        suffix: bool,
        longest: bool,
        word: Word,
    },
    /// `anchor` is `#`, `%`, or a space for none.
    Replace {
        all: bool,
        anchor: char,
        pattern: Word,
        with: Word,
    },
    Case {
        upper: bool,
        all: bool,
        pattern: Word,
    },
    Slice {
        from: Word,
        len: Option<Word>,
    },
    At(char),
    /// `${!prefix*}`; true for `@`.
    Names(bool),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Cond {
    Not(Box<Cond>),
    And(Box<Cond>, Box<Cond>),
    Or(Box<Cond>, Box<Cond>),
    Unary(String, Word),
    Binary(Word, String, Word),
    Word(Word),
}
