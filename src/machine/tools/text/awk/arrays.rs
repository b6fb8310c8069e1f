//! Finds out which names of an awk program are arrays.

use std::collections::BTreeSet;

use super::ast::{Builtin, Expr, Function, Lvalue, Pattern, Program, Source, Stmt};

/// Finds out which global names and which parameters are arrays, by how they are used.
pub(super) fn arrays(program: &Program) -> (BTreeSet<String>, Vec<Vec<bool>>) {
    let mut finder = Finder {
        functions: &program.functions,
        globals: BTreeSet::new(),
        params: program.functions.iter().map(|f| vec![false; f.params.len()]).collect(),
        current: None,
        changed: true,
    };
    while std::mem::take(&mut finder.changed) {
        finder.current = None;
        for (pattern, body) in &program.rules {
            match pattern {
                Pattern::When(e) => finder.expr(e),
                Pattern::Range(a, b) => {
                    finder.expr(a);
                    finder.expr(b);
                }
                _ => {}
            }
            body.iter().for_each(|s| finder.stmt(s));
        }
        for (n, function) in program.functions.iter().enumerate() {
            finder.current = Some(n);
            finder.stmt(&function.body);
        }
    }
    (finder.globals, finder.params)
}

struct Finder<'a> {
    functions: &'a [Function],
    globals: BTreeSet<String>,
    params: Vec<Vec<bool>>,
    current: Option<usize>,
    changed: bool,
}

impl Finder<'_> {
    fn is_array(&mut self, name: &str) {
        if let Some(current) = self.current
            && let Some(at) = self.functions.get(current).and_then(|f| f.params.iter().position(|p| p == name))
        {
            if let Some(is) = self.params.get_mut(current).and_then(|p| p.get_mut(at)) {
                self.changed |= !*is;
                *is = true;
            }
            return;
        }
        self.changed |= self.globals.insert(name.to_string());
    }

    /// Whether a name is known to be an array where it stands.
    fn known(&self, name: &str) -> bool {
        if let Some(current) = self.current
            && let Some(at) = self.functions.get(current).and_then(|f| f.params.iter().position(|p| p == name))
        {
            return self.params.get(current).and_then(|p| p.get(at)).copied().unwrap_or(false);
        }
        self.globals.contains(name)
    }

    fn lvalue(&mut self, lvalue: &Lvalue) {
        match lvalue {
            Lvalue::Name(_) => {}
            Lvalue::Field(e) => self.expr(e),
            Lvalue::Element(name, subscripts) => {
                self.is_array(name);
                subscripts.iter().for_each(|e| self.expr(e));
            }
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::Number(_) | Expr::Text(_) | Expr::Regex(_) => {}
            Expr::Value(l) | Expr::Step(l, ..) => self.lvalue(l),
            Expr::Assign(l, e) | Expr::Update(l, _, e) => {
                self.lvalue(l);
                self.expr(e);
            }
            Expr::If(a, b, c) => [a, b, c].iter().for_each(|e| self.expr(e)),
            Expr::And(a, b)
            | Expr::Or(a, b)
            | Expr::Match(a, b, _)
            | Expr::Arith(_, a, b)
            | Expr::Compare(_, a, b)
            | Expr::Concat(a, b) => [a, b].iter().for_each(|e| self.expr(e)),
            Expr::In(subscripts, name) => {
                self.is_array(name);
                subscripts.iter().for_each(|e| self.expr(e));
            }
            Expr::Not(e) | Expr::Minus(e) | Expr::Plus(e) | Expr::Group(e) => self.expr(e),
            Expr::List(all) => all.iter().for_each(|e| self.expr(e)),
            Expr::Call(name, args) => {
                let callee = self.functions.iter().position(|f| f.name == *name);
                for (n, arg) in args.iter().enumerate() {
                    let Expr::Value(Lvalue::Name(arg)) = arg else {
                        self.expr(arg);
                        continue;
                    };
                    let Some(callee) = callee else { continue };
                    match self.params.get(callee).and_then(|p| p.get(n)).copied() {
                        Some(true) => self.is_array(arg),
                        Some(false) if self.known(arg) => {
                            // An array handed on makes the parameter one.
                            if let Some(is) = self.params.get_mut(callee).and_then(|p| p.get_mut(n)) {
                                *is = true;
                                self.changed = true;
                            }
                        }
                        _ => {}
                    }
                }
            }
            Expr::Builtin(builtin, args) => {
                if let (Builtin::Split, Some(Expr::Value(Lvalue::Name(name)))) = (builtin, args.get(1)) {
                    self.is_array(name);
                }
                args.iter().for_each(|e| self.expr(e));
            }
            Expr::Getline(source, to) => {
                if let Source::File(e) | Source::Command(e) = source {
                    self.expr(e);
                }
                to.iter().for_each(|l| self.lvalue(l));
            }
        }
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::Expr(e) | Stmt::Exit(Some(e)) | Stmt::Return(Some(e)) => self.expr(e),
            Stmt::Print(args, _, to) | Stmt::Printf(args, _, to) => {
                args.iter().chain(to.iter()).for_each(|e| self.expr(e));
            }
            Stmt::If(e, then, otherwise) => {
                self.expr(e);
                self.stmt(then);
                otherwise.iter().for_each(|s| self.stmt(s));
            }
            Stmt::While(e, body) | Stmt::Do(body, e) => {
                self.expr(e);
                self.stmt(body);
            }
            Stmt::For(first, condition, step, body) => {
                first.iter().chain(step.iter()).for_each(|s| self.stmt(s));
                condition.iter().for_each(|e| self.expr(e));
                self.stmt(body);
            }
            Stmt::ForIn(lvalue, name, body) => {
                self.lvalue(lvalue);
                self.is_array(name);
                self.stmt(body);
            }
            Stmt::Block(all) => all.iter().for_each(|s| self.stmt(s)),
            Stmt::Delete(name, subscripts) => {
                self.is_array(name);
                subscripts.iter().flatten().for_each(|e| self.expr(e));
            }
            Stmt::Next | Stmt::NextFile | Stmt::Exit(None) | Stmt::Return(None) | Stmt::Break | Stmt::Continue => {}
        }
    }
}
