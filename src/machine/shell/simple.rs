//! Simple commands: words, redirections and assignments, then a function, a builtin or a program.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ast::{Assign, Element, Node, NodeId, Part, Simple, Unit, Value, Word};
use super::builtins::{self, Done};
use super::quote;
use super::redirect::Saved;
use super::vars::Var;
use super::vm::{Act, Flow, Frame, Kind};
use super::words::{Progress, Stop};
use super::{Call, Shell};
use crate::machine::kernel::Sys;

/// The elements of an array as they are assigned: index, whether it appends, text.
pub(super) type Elements = Vec<(Option<String>, bool, String)>;

/// How far a simple command has come.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SimpleState {
    pub node: NodeId,
    stage: Stage,
    argv: Vec<String>,
    /// Arrays among the arguments of `declare` and the like, by the argument's place.
    arrays: Vec<(u32, Elements)>,
    /// What one assignment has gathered so far.
    elements: Elements,
    pub targets: Vec<String>,
    pub assigned: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    Words,
    Targets,
    Assigns,
}

/// What a name in command position is.
pub(super) enum Found {
    Function(Arc<Unit>),
    Builtin(&'static builtins::Builtin),
    External,
}

impl SimpleState {
    pub fn new(node: NodeId) -> SimpleState {
        SimpleState {
            node,
            stage: Stage::Words,
            argv: Vec::new(),
            arrays: Vec::new(),
            elements: Vec::new(),
            targets: Vec::new(),
            assigned: Vec::new(),
        }
    }
}

/// How a word was written, as far as a message needs it.
pub(super) fn source_of(word: &Word) -> String {
    let one = |part: &Part| match part {
        Part::Lit(text) | Part::Quoted(text) => text.clone(),
        Part::Param(param) if param.text.is_empty() => format!("${}", param.name),
        Part::Param(param) => param.text.clone(),
        _ => String::new(),
    };
    word.parts
        .iter()
        .map(|p| if let Part::Double(inner) = p { inner.iter().map(one).collect() } else { one(p) })
        .collect()
}

impl Shell {
    /// Runs a simple command from where it has come to.
    pub(super) fn simple(&mut self, sys: &mut Sys<'_>, unit: &Arc<Unit>, mut state: Box<SimpleState>) -> Flow {
        let Node::Simple(simple) = unit.node(state.node) else { return Flow::Go };
        match self.prepare(sys, unit, simple, &mut state) {
            Ok(()) => self.run_simple(sys, simple, state),
            Err(Stop::Subst(unit)) => {
                self.push(Frame::Simple(state));
                self.substitute(sys, &unit)
            }
            Err(Stop::Discard(code)) if self.bash() && state.stage == Stage::Targets => {
                self.progress = Progress::default();
                self.status = code;
                self.finished(sys)
            }
            Err(stop) => self.stopped(sys, stop),
        }
    }

    fn prepare(
        &mut self,
        sys: &mut Sys<'_>,
        unit: &Unit,
        simple: &Simple,
        state: &mut SimpleState,
    ) -> Result<(), Stop> {
        if state.stage == Stage::Words {
            while let Some(word) = simple.words.get(self.progress.item as usize) {
                match &word.assign {
                    None => {
                        let from = self.progress.done.len();
                        let mut done = std::mem::take(&mut self.progress.done);
                        let expanded = self.expand(sys, word, &mut done);
                        if expanded.is_err() {
                            done.truncate(from);
                        }
                        self.progress.done = done;
                        expanded?;
                    }
                    Some(assign) => {
                        self.progress.rewind();
                        let place = self.progress.done.len() as u32;
                        let text = self.argument(sys, assign, place, state)?;
                        self.progress.done.push(text);
                    }
                }
                self.progress.next();
            }
            state.argv = self.progress.finish();
            state.stage = Stage::Targets;
        }
        if state.stage == Stage::Targets {
            if !simple.redirs.is_empty() {
                state.targets = self.targets(sys, unit, &simple.redirs)?;
            }
            state.stage = Stage::Assigns;
        }
        while let Some(assign) = simple.assigns.get(self.progress.item as usize) {
            self.progress.rewind();
            self.one_assignment(sys, assign, state)?;
            self.progress.next();
        }
        self.progress.finish();
        Ok(())
    }

    /// An argument that is an assignment.
    fn argument(
        &mut self,
        sys: &mut Sys<'_>,
        assign: &Assign,
        place: u32,
        state: &mut SimpleState,
    ) -> Result<String, Stop> {
        let plus = if assign.append { "+" } else { "" };
        let index = match &assign.index {
            Some(index) => format!("[{}]", self.expand_more(sys, index)?),
            None => String::new(),
        };
        match &assign.value {
            Value::Word(word) => {
                let text = self.expand_more(sys, word)?;
                Ok(format!("{}{index}{plus}={text}", assign.name))
            }
            Value::Array(all, _) => {
                let elements = self.array(sys, all)?;
                state.arrays.push((place, elements));
                Ok(format!("{}{plus}", assign.name))
            }
        }
    }

    /// A word as one text, in the same try as the one before.
    fn expand_more(&mut self, sys: &mut Sys<'_>, word: &Word) -> Result<String, Stop> {
        let used = self.progress.used;
        let expander = super::expand::Expander::new(self, sys, super::expand::Mode::One);
        expander.sh.progress.used = used;
        if word.parts.as_slice().is_empty() {
            return Ok(String::new());
        }
        expander.text(word)
    }

    /// The elements of `(...)`.
    fn array(&mut self, sys: &mut Sys<'_>, all: &[Element]) -> Result<Elements, Stop> {
        let mut elements = Vec::new();
        for element in all {
            match &element.index {
                Some(index) => {
                    let index = self.expand_more(sys, index)?;
                    let text = self.expand_more(sys, &element.word)?;
                    elements.push((Some(index), element.append, text));
                }
                None => {
                    let used = self.progress.used;
                    let mut out = Vec::new();
                    self.progress.rewind();
                    // `expand` begins a try by itself, so what this one has used is kept apart.
                    let memo = self.progress.memo.clone();
                    self.progress.memo.drain(..used.min(memo.len()));
                    let expanded = self.expand(sys, &element.word, &mut out);
                    let mut whole: Vec<String> = memo[..used.min(memo.len())].to_vec();
                    whole.append(&mut self.progress.memo);
                    self.progress.memo = whole;
                    self.progress.used += used;
                    expanded?;
                    elements.extend(out.into_iter().map(|text| (None, false, text)));
                }
            }
        }
        Ok(elements)
    }

    fn one_assignment(&mut self, sys: &mut Sys<'_>, assign: &Assign, state: &mut SimpleState) -> Result<(), Stop> {
        let alone = state.argv.is_empty();
        match &assign.value {
            Value::Array(all, text) => {
                let elements = self.array(sys, all)?;
                if self.options.xtrace {
                    self.trace(sys, &format!("{}{}={text}", assign.name, if assign.append { "+" } else { "" }));
                }
                self.assign_array(sys, &assign.name, elements, assign.append)
            }
            Value::Word(word) => {
                let index = match &assign.index {
                    Some(index) => Some(self.expand_more(sys, index)?),
                    None => None,
                };
                let text = self.expand_more(sys, word)?;
                if self.options.xtrace && (alone || self.bash()) {
                    let plus = if assign.append { "+" } else { "" };
                    let at = index.as_ref().map(|i| format!("[{i}]")).unwrap_or_default();
                    if self.bash() {
                        self.trace(sys, &format!("{}{at}{plus}={}", assign.name, quote::traced(&text, self.flavor)));
                    }
                }
                if !alone {
                    let text = if assign.append {
                        self.vars.get(&assign.name).unwrap_or("").to_string() + &text
                    } else {
                        text
                    };
                    state.assigned.push((assign.name.clone(), text));
                    return Ok(());
                }
                if self.options.xtrace && !self.bash() {
                    state.assigned.push((assign.name.clone(), text.clone()));
                }
                match index {
                    Some(index) => self.assign_element(sys, &assign.name, &index, &text, assign.append),
                    None if assign.append => self.append(sys, &assign.name, &text),
                    None => self.assign(sys, &assign.name, &text),
                }
            }
        }
    }

    fn run_simple(&mut self, sys: &mut Sys<'_>, simple: &Simple, mut state: Box<SimpleState>) -> Flow {
        let substituted = std::mem::take(&mut self.progress).status;
        self.line = simple.line;
        if self.options.xtrace {
            self.trace_command(sys, &state, simple);
        }
        if state.argv.is_empty() {
            self.status = substituted.unwrap_or(0);
            if !simple.redirs.is_empty() {
                match self.redirect(sys, &simple.redirs, &state.targets) {
                    Ok(saved) => self.undo(sys, saved),
                    Err(code) => self.status = code,
                }
            }
            self.finished(sys);
            return Flow::Yield;
        }
        let argv = std::mem::take(&mut state.argv);
        if let Some(last) = argv.last().filter(|_| self.bash()) {
            self.last_arg = last.as_str().into();
        }
        let found = self.find(&argv[0], true);
        self.dispatch(sys, simple, *state, argv, found)
    }

    fn trace_command(&mut self, sys: &mut Sys<'_>, state: &SimpleState, simple: &Simple) {
        let mut all: Vec<String> = Vec::new();
        if !self.bash() {
            for (name, text) in &state.assigned {
                all.push(format!("{name}={}", quote::traced(text, self.flavor)));
            }
        }
        all.extend(state.argv.iter().map(|a| quote::traced(a, self.flavor)));
        if !all.is_empty() {
            self.trace(sys, &all.join(" "));
        }
        // bash shows what `export` assigns once more.
        if self.bash() && matches!(state.argv.first().map(String::as_str), Some("export" | "readonly")) {
            let texts = state.argv.iter().skip(1).filter_map(|a| a.split_once('='));
            let count = simple.words.iter().filter(|w| w.assign.is_some()).count();
            let lines: Vec<String> =
                texts.take(count).map(|(n, v)| format!("{n}={}", quote::traced(v, self.flavor))).collect();
            lines.iter().for_each(|line| self.trace(sys, line));
        }
    }

    /// What a command's name stands for.
    pub(super) fn find(&self, name: &str, functions: bool) -> Found {
        let builtin = builtins::find(self.flavor, name);
        if let Some(builtin) = builtin.filter(|b| b.special && (!self.bash() || self.options.posix)) {
            return Found::Builtin(builtin);
        }
        if functions && let Some(body) = self.functions.get(name) {
            return Found::Function(body.clone());
        }
        builtin.map_or(Found::External, Found::Builtin)
    }

    fn dispatch(
        &mut self,
        sys: &mut Sys<'_>,
        simple: &Simple,
        mut state: SimpleState,
        mut argv: Vec<String>,
        mut found: Found,
    ) -> Flow {
        let mut plain = false;
        // `command` and `builtin` only change how the rest is looked up.
        while let Found::Builtin(builtin) = &found {
            let skip = match builtin.name {
                "command" => match builtins::command_words(&argv) {
                    Some(skip) => skip,
                    None => break,
                },
                "builtin" if argv.len() > 1 => 1 + usize::from(argv[1] == "--"),
                _ => break,
            };
            let is_builtin = builtin.name == "builtin";
            if argv.len() <= skip {
                break;
            }
            argv.drain(..skip);
            state.arrays.iter_mut().for_each(|a| a.0 = a.0.saturating_sub(skip as u32));
            plain = true;
            found = self.find(&argv[0], false);
            if is_builtin && !matches!(found, Found::Builtin(_)) {
                self.builtin = Some("builtin".into());
                self.complain(sys, format!("{}: not a shell builtin", argv[0]));
                self.builtin = None;
                self.status = 1;
                return self.finished(sys);
            }
        }
        match found {
            Found::External => self.external(sys, simple, state, argv),
            Found::Function(body) => {
                let saved = match self.redirect(sys, &simple.redirs, &state.targets) {
                    Ok(saved) => saved,
                    Err(code) => return self.failed_redirect(sys, code, false),
                };
                self.surround(saved);
                if let Err(stop) = self.temporary(sys, &state.assigned) {
                    return self.stopped(sys, stop);
                }
                self.call(sys, argv, body)
            }
            Found::Builtin(builtin) => {
                let special = builtin.special && !self.bash() && !plain;
                let saved = match self.redirect(sys, &simple.redirs, &state.targets) {
                    Ok(saved) => saved,
                    Err(code) => return self.failed_redirect(sys, code, special),
                };
                if builtin.name == "exec" {
                    if argv.len() > 1 {
                        return self.exec(sys, argv, saved, &state.assigned);
                    }
                    self.keep(sys, saved);
                    self.status = 0;
                    for (name, text) in &state.assigned {
                        if let Err(stop) = self.assign(sys, name, text) {
                            return self.stopped(sys, stop);
                        }
                    }
                    return Flow::Yield;
                }
                self.surround(saved);
                let assigned = if special {
                    state.assigned.iter().try_for_each(|(name, text)| self.assign(sys, name, text))
                } else {
                    self.temporary(sys, &state.assigned)
                };
                if let Err(stop) = assigned {
                    return self.stopped(sys, stop);
                }
                self.builtin = Some(builtin.name.into());
                let done = (builtin.run)(self, sys, &argv, &mut state.arrays);
                match done {
                    Done::Code(code) => {
                        self.builtin = None;
                        self.status = code;
                        Flow::Yield
                    }
                    Done::Fatal(code) => {
                        self.builtin = None;
                        self.status = code;
                        if special && !self.options.interactive { self.exit(sys, code) } else { Flow::Yield }
                    }
                    Done::Stop(stop) => {
                        self.builtin = None;
                        self.stopped(sys, stop)
                    }
                    Done::Flow(flow) => {
                        self.builtin = None;
                        flow
                    }
                }
            }
        }
    }

    pub(super) fn failed_redirect(&mut self, sys: &mut Sys<'_>, code: u8, special: bool) -> Flow {
        self.status = code;
        if special && !self.options.interactive {
            return self.exit(sys, code);
        }
        self.finished(sys)
    }

    /// The frames around a command that runs in the shell itself.
    pub(super) fn surround(&mut self, saved: Saved) {
        self.push(Frame::Check);
        if !saved.0.is_empty() {
            self.push(Frame::Restore(saved));
        }
    }

    /// Assignments that hold for one command.
    fn temporary(&mut self, sys: &mut Sys<'_>, assigned: &[(String, String)]) -> Result<(), Stop> {
        if assigned.is_empty() {
            return Ok(());
        }
        let mut before: Vec<(String, Option<Var>)> = Vec::new();
        let mut result = Ok(());
        for (name, text) in assigned {
            before.push((name.clone(), self.vars.find(name).cloned()));
            result = self.assign(sys, name, text);
            if result.is_err() {
                break;
            }
            self.vars.entry(name).exported = true;
            self.vars.env_is_old = true;
        }
        self.push(Frame::Temporary(before));
        result
    }

    pub(super) fn call(&mut self, sys: &mut Sys<'_>, mut argv: Vec<String>, body: Arc<Unit>) -> Flow {
        if self.is_too_deep() {
            self.complain(sys, "Maximum function recursion depth (1000) reached");
            return self.exit(sys, 2);
        }
        let name = argv.remove(0);
        let source = self.function_files.get(&name).cloned().unwrap_or_else(|| self.main_source());
        let call = Call { name, line: self.line, source, is_function: true };
        let args = std::mem::replace(&mut self.args, Arc::new(argv));
        let root = body.root;
        let kind = Kind::Function { args, locals: Vec::new(), getopts: self.getopts, options: None };
        if !self.bash() {
            self.getopts = (1, 0);
        }
        Arc::make_mut(&mut self.calls).push(call);
        self.enter(Act { kind, unit: body, frames: vec![Frame::Run(root)] });
        Flow::Yield
    }

    /// The script's file, as `BASH_SOURCE` names it.
    pub(super) fn main_source(&self) -> String {
        if self.from_c {
            "environment".into()
        } else if self.is_from_stdin() {
            "main".into()
        } else {
            self.name.to_string()
        }
    }
}
