//! Running nodes: an explicit stack of frames, each of which can be put away between two steps.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Flavor;
use super::Shell;
use super::ast::{ArmEnd, Cond, Link, Node, NodeId, Unit, Word};
use super::builtins::Active;
use super::jobs::Waiting;
use super::redirect::Saved;
use super::simple::SimpleState;
use super::source::Source;
use super::vars::Var;
use super::words::{Progress, Stop};
use crate::api::Time;
use crate::machine::kernel::{Fd, Pid, Signal, Status, Sys, Turn};

/// How many frames are run in one step while nothing leaves the process.
const PER_STEP: u32 = 24;

/// How many functions, sourced files and traps may be within each other: beyond, a real shell's stack is full.
const MAX_ACTS: usize = 8000;

/// How many functions dash lets be within each other. Mirrors `MAX_RECURSION` of its `eval.c`.
const MAX_FUNCTIONS: usize = 1000;

/// What runs within a shell: the main script, a function, a sourced file, a trap.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Act {
    pub kind: Kind,
    pub unit: Arc<Unit>,
    pub frames: Vec<Frame>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Kind {
    /// Text that is parsed command by command.
    Source(Box<Source>),
    /// A function: the arguments and variables that it covers.
    Function {
        args: Arc<Vec<String>>,
        locals: Vec<(String, Option<Var>)>,
        getopts: (usize, usize),
        options: Option<Box<super::options::Options>>,
    },
    /// The body of a subshell.
    Child,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Frame {
    Run(NodeId),
    List(NodeId, u32),
    AndOr(NodeId, u32),
    Negate,
    /// The test of that arm runs.
    If(NodeId, u32),
    While {
        node: NodeId,
        testing: bool,
        status: u8,
    },
    /// The words are being expanded.
    ForWords(NodeId),
    For {
        node: NodeId,
        items: Arc<Vec<String>>,
        next: u32,
    },
    /// 0: the first expression, 1: the test, 2: the step.
    ForArith(NodeId, u8),
    Select {
        node: NodeId,
        items: Arc<Vec<String>>,
        menu: bool,
        input: Vec<u8>,
    },
    Case(NodeId),
    /// The body of that arm runs.
    Arm(NodeId, u32),
    Test(NodeId),
    Arith(NodeId),
    /// The targets of a compound command's redirections are being expanded.
    Redirect(NodeId),
    /// Redirections to undo.
    Restore(Saved),
    /// Variables to put back.
    Temporary(Vec<(String, Option<Var>)>),
    /// A function or builtin has ended: a failure counts.
    Check,
    /// A function's trap of `RETURN` has run.
    Leave,
    /// The trap of `ERR` has run; `set -e` comes next.
    ErrExit,
    Simple(Box<SimpleState>),
    Wait(Waiting),
    /// A command substitution's output comes in.
    Collect {
        fd: Fd,
        pid: Pid,
        bytes: Vec<u8>,
    },
    /// A builtin that lasts.
    Builtin(Box<Active>),
    Time {
        since: Time,
        cpu: u64,
        posix: bool,
    },
}

/// How a frame went.
pub(super) enum Flow {
    /// On with the next one.
    Go,
    /// The kernel has its turn first.
    Yield,
    Turn(Turn),
}

pub(super) fn step(sh: &mut Shell, sys: &mut Sys<'_>) -> Turn {
    for _ in 0..PER_STEP {
        match sh.advance(sys) {
            Flow::Go => {}
            Flow::Yield => return Turn::Again,
            Flow::Turn(turn) => return turn,
        }
        if sys.is_dead() {
            return Turn::Again;
        }
    }
    Turn::Again
}

impl Frame {
    pub fn is_loop(&self) -> bool {
        matches!(self, Frame::While { .. } | Frame::For { .. } | Frame::ForArith(..) | Frame::Select { .. })
    }
}

impl Shell {
    pub(super) fn push(&mut self, frame: Frame) {
        if let Some(act) = self.acts.last_mut() {
            act.frames.push(frame);
        }
    }

    pub(super) fn enter(&mut self, act: Act) {
        self.acts.push(act);
    }

    /// Whether a function would be one too many within each other.
    pub(super) fn is_too_deep(&self) -> bool {
        self.flavor == Flavor::Dash && self.calls.len() >= MAX_FUNCTIONS
    }

    fn advance(&mut self, sys: &mut Sys<'_>) -> Flow {
        if self.acts.len() > MAX_ACTS {
            return Flow::Turn(Turn::Exit(Status::Killed(Signal::SEGV)));
        }
        while let Some(signal) = sys.take_signal() {
            if let Some(flow) = self.signalled(sys, signal) {
                return flow;
            }
        }
        if !self.caught.is_empty() && self.at_boundary() && self.run_trap() {
            return Flow::Go;
        }
        let Some(act) = self.acts.last_mut() else { return self.at_end() };
        let Some(frame) = act.frames.pop() else { return self.act_ended(sys) };
        let unit = act.unit.clone();
        self.frame(sys, &unit, frame)
    }

    /// Whether a trap may run now: between two commands.
    fn at_boundary(&self) -> bool {
        !self.in_expansion()
            && match self.acts.last().map(|a| a.frames.last()) {
                Some(None) => true,
                Some(Some(frame)) => {
                    matches!(
                        frame,
                        Frame::Run(_)
                            | Frame::List(..)
                            | Frame::AndOr(..)
                            | Frame::While { .. }
                            | Frame::For { .. }
                            | Frame::ForArith(..)
                            | Frame::Check
                            | Frame::If(..)
                            | Frame::Negate
                    )
                }
                None => false,
            }
    }

    fn in_expansion(&self) -> bool {
        !self.progress.memo.is_empty() || self.progress.item > 0
    }

    fn frame(&mut self, sys: &mut Sys<'_>, unit: &Arc<Unit>, frame: Frame) -> Flow {
        match frame {
            Frame::Run(id) => self.begin(sys, unit, id),
            Frame::List(id, next) => self.list(sys, unit, id, next),
            Frame::AndOr(id, next) => {
                let Node::AndOr(all) = unit.node(id) else { return Flow::Go };
                let Some((link, node)) = all.get(next as usize) else { return Flow::Go };
                let goes = next == 0 || (self.status == 0) == (*link == Link::And);
                let last = next as usize + 1 >= all.len();
                if !last {
                    self.push(Frame::AndOr(id, next + 1));
                }
                if goes {
                    self.push(Frame::Run(*node));
                }
                Flow::Go
            }
            Frame::Negate => {
                self.status = u8::from(self.status == 0);
                Flow::Go
            }
            Frame::If(id, arm) => {
                let Node::If { arms, otherwise } = unit.node(id) else { return Flow::Go };
                if self.status == 0 {
                    if let Some((_, body)) = arms.get(arm as usize) {
                        self.push(Frame::Run(*body));
                    }
                } else if let Some((test, _)) = arms.get(arm as usize + 1) {
                    self.push(Frame::If(id, arm + 1));
                    self.push(Frame::Run(*test));
                } else {
                    match otherwise {
                        Some(body) => self.push(Frame::Run(*body)),
                        None => self.status = 0,
                    }
                }
                Flow::Go
            }
            Frame::While { node: id, testing, status } => {
                let Node::While { until, test, body } = unit.node(id) else { return Flow::Go };
                if !testing {
                    let status = self.status;
                    self.push(Frame::While { node: id, testing: true, status });
                    self.push(Frame::Run(*test));
                } else if (self.status == 0) != *until {
                    self.push(Frame::While { node: id, testing: false, status: 0 });
                    self.push(Frame::Run(*body));
                } else {
                    self.status = status;
                }
                Flow::Go
            }
            Frame::ForWords(id) => self.for_words(sys, unit, id),
            Frame::For { node: id, items, next } => {
                let Node::For { name, body, line, text, .. } = unit.node(id) else { return Flow::Go };
                let Some(item) = items.get(next as usize).cloned() else { return Flow::Go };
                self.line = *line;
                if self.options.xtrace && self.bash() {
                    self.trace(sys, text);
                }
                if !super::lex::is_identifier(name) {
                    self.complain(sys, format!("`{name}': not a valid identifier"));
                    self.status = 1;
                    return Flow::Go;
                }
                if let Err(stop) = self.assign(sys, name, &item) {
                    return self.stopped(sys, stop);
                }
                self.push(Frame::For { node: id, items, next: next + 1 });
                self.push(Frame::Run(*body));
                Flow::Go
            }
            Frame::ForArith(id, stage) => self.for_arith(sys, unit, id, stage),
            Frame::Select { node, items, menu, input } => self.select(sys, unit, node, items, menu, input),
            Frame::Case(id) => self.case(sys, unit, id, None),
            Frame::Arm(id, arm) => {
                let Node::Case { arms, .. } = unit.node(id) else { return Flow::Go };
                match arms.get(arm as usize).map(|a| a.end) {
                    Some(ArmEnd::Fall) => {
                        if let Some(next) = arms.get(arm as usize + 1) {
                            self.push(Frame::Arm(id, arm + 1));
                            if let Some(body) = next.body {
                                self.push(Frame::Run(body));
                            }
                        }
                        Flow::Go
                    }
                    Some(ArmEnd::Next) => self.case(sys, unit, id, Some(arm + 1)),
                    _ => Flow::Go,
                }
            }
            Frame::Test(id) => {
                let Node::Test { test, line } = unit.node(id) else { return Flow::Go };
                self.line = *line;
                self.progress.rewind();
                match self.cond(sys, test, 0) {
                    Ok(status) => {
                        self.progress = Progress::default();
                        self.status = status;
                        self.finished(sys)
                    }
                    Err(stop) => self.interrupted(sys, stop, Frame::Test(id)),
                }
            }
            Frame::Arith(id) => {
                let Node::Arith { word, line } = unit.node(id) else { return Flow::Go };
                self.line = *line;
                match self.arith_word(sys, word, true) {
                    Ok(value) => {
                        self.progress = Progress::default();
                        self.status = u8::from(value == 0);
                        self.finished(sys)
                    }
                    Err(Stop::Discard(_)) => {
                        self.progress = Progress::default();
                        self.status = 1;
                        self.finished(sys)
                    }
                    Err(stop) => self.interrupted(sys, stop, Frame::Arith(id)),
                }
            }
            Frame::Redirect(id) => self.redirect_compound(sys, unit, id),
            Frame::Restore(saved) => {
                self.undo(sys, saved);
                Flow::Go
            }
            Frame::Temporary(vars) => {
                for (name, var) in vars.into_iter().rev() {
                    self.vars.restore(&name, var);
                }
                Flow::Go
            }
            Frame::Check => self.finished(sys),
            Frame::Leave => {
                self.leave(sys);
                Flow::Go
            }
            Frame::ErrExit => {
                let code = self.status;
                if code == 0 { Flow::Go } else { self.exit(sys, code) }
            }
            Frame::Simple(state) => self.simple(sys, unit, state),
            Frame::Wait(waiting) => self.wait_foreground(sys, waiting),
            Frame::Collect { fd, pid, bytes } => self.collect(sys, fd, pid, bytes),
            Frame::Builtin(active) => self.go_on(sys, *active),
            Frame::Time { since, cpu, posix } => {
                self.report_time(sys, since, cpu, posix);
                Flow::Go
            }
        }
    }

    /// Begins a node.
    fn begin(&mut self, sys: &mut Sys<'_>, unit: &Arc<Unit>, id: NodeId) -> Flow {
        match unit.node(id) {
            Node::Nothing => self.status = 0,
            Node::Simple(simple) => {
                self.line = simple.line;
                if self.bash() && !self.in_trap {
                    self.command = simple.text.as_str().into();
                }
                if !self.processes.is_empty() {
                    self.close_processes(sys);
                }
                if self.options.noexec && !self.options.interactive {
                    return Flow::Go;
                }
                if self.traps.contains_key("DEBUG") && !self.in_trap && self.run_named_trap("DEBUG") {
                    // The trap runs first; the command after it.
                    let at = self.acts.len().saturating_sub(2);
                    if let Some(act) = self.acts.get_mut(at) {
                        act.frames.push(Frame::Simple(Box::new(SimpleState::new(id))));
                    }
                    return Flow::Go;
                }
                return self.simple(sys, unit, Box::new(SimpleState::new(id)));
            }
            Node::List(_) => return self.list(sys, unit, id, 0),
            Node::AndOr(_) => self.push(Frame::AndOr(id, 0)),
            Node::Group(inner) => self.push(Frame::Run(*inner)),
            Node::Subshell(inner, _) => return self.subshell(sys, unit, *inner),
            Node::Pipeline { .. } => return self.pipeline(sys, unit, id),
            Node::If { arms, .. } => {
                self.push(Frame::If(id, 0));
                if let Some((test, _)) = arms.first() {
                    self.push(Frame::Run(*test));
                }
            }
            Node::While { test, .. } => {
                self.push(Frame::While { node: id, testing: true, status: 0 });
                self.push(Frame::Run(*test));
            }
            Node::For { line, .. } | Node::Select { line, .. } => {
                self.line = *line;
                self.push(Frame::ForWords(id));
            }
            Node::ForArith { .. } => self.push(Frame::ForArith(id, 0)),
            Node::Case { line, .. } => {
                self.line = *line;
                self.push(Frame::Case(id));
            }
            Node::Function { name, body } => {
                self.status = 0;
                Arc::make_mut(&mut self.functions).insert(name.clone(), body.clone());
                let file = self.calls.last().map(|c| c.source.clone());
                if let Some(file) = file {
                    Arc::make_mut(&mut self.function_files).insert(name.clone(), file);
                } else if self.function_files.contains_key(name) {
                    Arc::make_mut(&mut self.function_files).remove(name);
                }
            }
            Node::Test { .. } => self.push(Frame::Test(id)),
            Node::Arith { .. } => self.push(Frame::Arith(id)),
            Node::Redirected(..) => self.push(Frame::Redirect(id)),
        }
        Flow::Go
    }

    fn list(&mut self, sys: &mut Sys<'_>, unit: &Arc<Unit>, id: NodeId, next: u32) -> Flow {
        let Node::List(items) = unit.node(id) else { return Flow::Go };
        let Some(item) = items.get(next as usize) else { return Flow::Go };
        if next as usize + 1 < items.len() {
            self.push(Frame::List(id, next + 1));
        }
        if item.background {
            return self.background(sys, unit, item.node, &item.text);
        }
        self.begin(sys, unit, item.node)
    }

    fn for_words(&mut self, sys: &mut Sys<'_>, unit: &Arc<Unit>, id: NodeId) -> Flow {
        let (Node::For { words, .. } | Node::Select { words, .. }) = unit.node(id) else { return Flow::Go };
        let items = match words {
            None => self.args.clone(),
            Some(words) => {
                while let Some(word) = words.get(self.progress.item as usize) {
                    let mut out = Vec::new();
                    if let Err(stop) = self.expand(sys, word, &mut out) {
                        return self.interrupted(sys, stop, Frame::ForWords(id));
                    }
                    self.progress.done.append(&mut out);
                    self.progress.next();
                }
                Arc::new(std::mem::take(&mut self.progress).done)
            }
        };
        self.status = 0;
        self.push(match unit.node(id) {
            Node::Select { .. } => Frame::Select { node: id, items, menu: true, input: Vec::new() },
            _ => Frame::For { node: id, items, next: 0 },
        });
        Flow::Go
    }

    fn for_arith(&mut self, sys: &mut Sys<'_>, unit: &Arc<Unit>, id: NodeId, stage: u8) -> Flow {
        let Node::ForArith { parts, body, line } = unit.node(id) else { return Flow::Go };
        self.line = *line;
        let word = &parts[usize::from(stage.min(2))];
        let empty = word.parts.iter().all(|p| matches!(p, super::ast::Part::Quoted(t) if t.trim().is_empty()));
        let value = if empty { Ok(1) } else { self.arith_word(sys, word, true) };
        match value {
            Ok(value) => {
                self.progress = Progress::default();
                match stage {
                    1 if value == 0 => {}
                    1 => {
                        self.status = 0;
                        self.push(Frame::ForArith(id, 2));
                        self.push(Frame::Run(*body));
                    }
                    _ => {
                        if stage == 0 {
                            self.status = 0;
                        }
                        self.push(Frame::ForArith(id, 1));
                    }
                }
                Flow::Go
            }
            Err(Stop::Discard(_)) => {
                self.progress = Progress::default();
                self.status = 1;
                Flow::Go
            }
            Err(stop) => self.interrupted(sys, stop, Frame::ForArith(id, stage)),
        }
    }

    /// The value of `((...))`.
    fn arith_word(&mut self, sys: &mut Sys<'_>, word: &Word, trace: bool) -> Result<i64, Stop> {
        let text = self.expand_one(sys, word)?;
        if trace && self.options.xtrace {
            self.trace(sys, &format!("(( {} ))", text.trim_end_matches('\n')));
        }
        self.builtin = Some("((".into());
        let value = self.arithmetic(sys, &text);
        self.builtin = None;
        value
    }

    fn case(&mut self, sys: &mut Sys<'_>, unit: &Arc<Unit>, id: NodeId, from: Option<u32>) -> Flow {
        let Node::Case { word, arms, text, .. } = unit.node(id) else { return Flow::Go };
        self.progress.rewind();
        if self.options.xtrace && self.bash() && from.is_none() && self.progress.memo.is_empty() {
            self.trace(sys, text);
        }
        let result = self.matching_arm(sys, word, arms, from);
        match result {
            Err(stop) => self.interrupted(sys, stop, Frame::Case(id)),
            Ok(found) => {
                self.progress = Progress::default();
                if from.is_none() {
                    self.status = 0;
                }
                if let Some(at) = found {
                    let arm = &arms[at];
                    if arm.end != ArmEnd::Break {
                        self.push(Frame::Arm(id, at as u32));
                    }
                    match arm.body {
                        Some(body) => self.push(Frame::Run(body)),
                        None => self.status = 0,
                    }
                }
                Flow::Go
            }
        }
    }

    fn matching_arm(
        &mut self,
        sys: &mut Sys<'_>,
        word: &Word,
        arms: &[super::ast::Arm],
        from: Option<u32>,
    ) -> Result<Option<usize>, Stop> {
        let text = self.expand_one(sys, word)?;
        let lower = self.shopt("nocasematch");
        let text = if lower { text.to_lowercase() } else { text };
        let chars: Vec<char> = text.chars().collect();
        for (at, arm) in arms.iter().enumerate().skip(from.unwrap_or(0) as usize) {
            for pattern in &arm.patterns {
                let used = self.progress.used;
                let pattern = {
                    let expander = super::expand::Expander::new(self, sys, super::expand::Mode::Pattern);
                    expander.sh.progress.used = used;
                    expander.text(pattern)?
                };
                let pattern = if lower { pattern.to_lowercase() } else { pattern };
                if super::pattern::Pattern::new(&pattern, self.shopt("extglob")).matches(&chars) {
                    return Ok(Some(at));
                }
            }
        }
        Ok(None)
    }

    /// `[[ ]]`: 0 for true, 1 for false, 2 for what makes no sense.
    fn cond(&mut self, sys: &mut Sys<'_>, test: &Cond, depth: u32) -> Result<u8, Stop> {
        if depth > 100 {
            return Ok(2);
        }
        Ok(match test {
            Cond::Not(inner) => match self.cond(sys, inner, depth + 1)? {
                0 => 1,
                1 => 0,
                other => other,
            },
            Cond::And(a, b) => match self.cond(sys, a, depth + 1)? {
                0 => self.cond(sys, b, depth + 1)?,
                other => other,
            },
            Cond::Or(a, b) => match self.cond(sys, a, depth + 1)? {
                0 => 0,
                _ => self.cond(sys, b, depth + 1)?,
            },
            other => self.primary(sys, other)?,
        })
    }
}
