//! What an awk program consists of.

/// Where a value can be put.
#[derive(Debug, Clone)]
pub enum Lvalue {
    Name(String),
    Field(Box<Expr>),
    Element(String, Vec<Expr>),
}

/// An expression.
#[derive(Debug, Clone)]
pub enum Expr {
    Number(f64),
    Text(Vec<u8>),
    /// `/.../`: by itself a match of the record.
    Regex(Vec<u8>),
    Value(Lvalue),
    Assign(Lvalue, Box<Expr>),
    Update(Lvalue, Arith, Box<Expr>),
    /// `++` or `--` by a step; behind its operand or before it.
    Step(Lvalue, f64, bool),
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    In(Vec<Expr>, String),
    Match(Box<Expr>, Box<Expr>, bool),
    Arith(Arith, Box<Expr>, Box<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    Concat(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    Minus(Box<Expr>),
    Plus(Box<Expr>),
    Call(String, Vec<Expr>),
    Builtin(Builtin, Vec<Expr>),
    Getline(Source, Option<Box<Lvalue>>),
    /// In parentheses.
    Group(Box<Expr>),
    /// Several in parentheses.
    List(Vec<Expr>),
}

/// Where `getline` reads.
#[derive(Debug, Clone)]
pub enum Source {
    Main,
    File(Box<Expr>),
    Command(Box<Expr>),
}

/// An operation on numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Arith {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Comparison {
    Less,
    LessEqual,
    Equal,
    NotEqual,
    Greater,
    GreaterEqual,
}

/// A function of awk's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Builtin {
    Atan2,
    Close,
    Cos,
    Exp,
    Fflush,
    Gensub,
    Gsub,
    Index,
    Int,
    Length,
    Log,
    Match,
    Mktime,
    Rand,
    Sin,
    Split,
    Sprintf,
    Sqrt,
    Srand,
    Strftime,
    Sub,
    Substr,
    System,
    Systime,
    Tolower,
    Toupper,
    And,
    Or,
    Xor,
    Compl,
    Lshift,
    Rshift,
}

/// Where output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Redirect {
    No,
    File,
    Append,
    Pipe,
}

/// A statement.
#[derive(Debug, Clone)]
pub enum Stmt {
    Expr(Expr),
    Print(Vec<Expr>, Redirect, Option<Expr>),
    Printf(Vec<Expr>, Redirect, Option<Expr>),
    If(Expr, Box<Stmt>, Option<Box<Stmt>>),
    While(Expr, Box<Stmt>),
    Do(Box<Stmt>, Expr),
    For(Option<Box<Stmt>>, Option<Expr>, Option<Box<Stmt>>, Box<Stmt>),
    ForIn(Lvalue, String, Box<Stmt>),
    Block(Vec<Stmt>),
    Next,
    NextFile,
    Exit(Option<Expr>),
    Return(Option<Expr>),
    Break,
    Continue,
    Delete(String, Option<Vec<Expr>>),
}

/// What starts an action.
#[derive(Debug, Clone)]
pub enum Pattern {
    Begin,
    End,
    Always,
    When(Expr),
    Range(Expr, Expr),
}

/// A function that a program defines.
#[derive(Debug, Clone)]
pub struct Function {
    pub name: String,
    pub params: Vec<String>,
    pub body: Stmt,
}

/// A program.
#[derive(Debug, Clone, Default)]
pub struct Program {
    pub rules: Vec<(Pattern, Option<Stmt>)>,
    pub functions: Vec<Function>,
}
