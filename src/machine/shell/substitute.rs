//! Command and process substitutions.

use std::sync::Arc;

use super::ast::{Node, RedirOp, Unit};
use super::jobs::Waiting;
use super::vm::{Flow, Frame};
use super::{Flavor, Shell};
use crate::machine::errno::Errno;
use crate::machine::kernel::{Fd, Input, Pid, Program, Sys, Turn, Wait};

/// How many bytes a command substitution takes.
const MAX_OUTPUT: usize = 64 << 20;

impl Shell {
    /// Runs what a substitution holds; its output comes back as what the expansion remembers.
    pub(super) fn substitute(&mut self, sys: &mut Sys<'_>, unit: &Arc<Unit>) -> Flow {
        if let Some(file) = self.only_reads(unit) {
            return self.read_file(sys, &file);
        }
        let (out, inn) = sys.pipe();
        let forked = self.fork(sys, unit, unit.root, false);
        let Ok(pid) = forked else { return self.cannot_fork(sys) };
        let bash = self.bash();
        if let Some(Program::Shell(shell)) = sys.process_of(pid).and_then(|p| p.program.as_mut()) {
            shell.tested = false;
            shell.substitutions += 1;
            if bash && !shell.shopt("inherit_errexit") && !shell.options.posix {
                shell.options.errexit = false;
            }
        }
        let _ = sys.as_child(pid, |sys| {
            sys.dup2(inn, 1)?;
            sys.close(inn)?;
            sys.close(out)
        });
        let _ = sys.close(inn);
        self.push(Frame::Collect { fd: out, pid, bytes: Vec::new() });
        Flow::Yield
    }

    /// `$(< file)`: the word, where it is no more than that.
    pub(super) fn only_reads(&self, unit: &Unit) -> Option<super::ast::Word> {
        if self.flavor == Flavor::Dash {
            return None;
        }
        let Node::Simple(simple) = unit.node(unit.root) else { return None };
        match simple.redirs.as_slice() {
            [redir]
                if redir.op == RedirOp::In
                    && redir.fd.is_none()
                    && simple.words.is_empty()
                    && simple.assigns.is_empty() =>
            {
                (!redir.target.has_subst && self.bash()).then(|| redir.target.clone())
            }
            _ => None,
        }
    }

    pub(super) fn read_file(&mut self, sys: &mut Sys<'_>, word: &super::ast::Word) -> Flow {
        let progress = std::mem::take(&mut self.progress);
        let name = self.expand_one(sys, word);
        self.progress = progress;
        let Ok(name) = name else { return Flow::Go };
        let mut status = 0;
        let bytes = match sys.read_file(&name) {
            Ok(bytes) => bytes.to_vec(),
            Err(fault) => {
                let text = sys.text(fault);
                self.complain(sys, format!("{name}: {text}"));
                status = 1;
                Vec::new()
            }
        };
        self.came(&bytes, status);
        Flow::Go
    }

    /// The output of a substitution is there.
    pub(super) fn came(&mut self, bytes: &[u8], status: u8) {
        let bytes: Vec<u8> = bytes.iter().copied().filter(|b| *b != 0).collect();
        let text = String::from_utf8_lossy(&bytes);
        self.progress.memo.push(text.trim_end_matches('\n').to_string());
        self.progress.status = Some(status);
        self.status = status;
    }

    pub(super) fn collect(&mut self, sys: &mut Sys<'_>, fd: Fd, pid: Pid, mut bytes: Vec<u8>) -> Flow {
        match sys.read(fd, 65536) {
            Ok(Input::Bytes(more)) => {
                if bytes.len() < MAX_OUTPUT {
                    bytes.extend(more);
                }
                self.push(Frame::Collect { fd, pid, bytes });
                Flow::Yield
            }
            Ok(Input::Wait) => {
                self.push(Frame::Collect { fd, pid, bytes });
                Flow::Turn(Turn::Wait(Wait::input(fd)))
            }
            Ok(Input::End) | Err(_) => {
                let _ = sys.close(fd);
                self.came(&bytes, 0);
                let waiting = Waiting { children: vec![(pid, None)], substitution: true, ..Waiting::default() };
                self.push(Frame::Wait(waiting));
                Flow::Go
            }
        }
    }

    /// A process substitution: its path.
    pub(super) fn start_process(&mut self, sys: &mut Sys<'_>, unit: &Arc<Unit>, write: bool) -> Result<String, Errno> {
        let (out, inn) = sys.pipe();
        let (mine, its, at) = if write { (inn, out, 0) } else { (out, inn, 1) };
        let pid = self.fork(sys, unit, unit.root, false)?;
        let others = self.processes.clone();
        sys.as_child(pid, |sys| {
            sys.dup2(its, at)?;
            sys.close(its)?;
            sys.close(mine)?;
            for (fd, _) in others {
                let _ = sys.close(fd);
            }
            Ok(())
        })?;
        sys.close(its)?;
        let fd = (10..=63).rev().find(|fd| sys.open_file(*fd).is_err()).unwrap_or(mine);
        if fd != mine {
            sys.dup2(mine, fd)?;
            sys.close(mine)?;
        }
        self.processes.push((fd, self.acts.len() as u32));
        self.last_background = Some(pid);
        Ok(format!("/dev/fd/{fd}"))
    }

    /// Closes the pipes of process substitutions.
    pub(super) fn close_processes(&mut self, sys: &mut Sys<'_>) {
        let depth = self.acts.len() as u32;
        let (old, kept) = std::mem::take(&mut self.processes).into_iter().partition(|p| p.1 >= depth);
        self.processes = kept;
        let old: Vec<(Fd, u32)> = old;
        for (fd, _) in old {
            let _ = sys.close(fd);
        }
    }
}
