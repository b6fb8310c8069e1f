//! Redirections: done, and undone where the command runs in the shell itself.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ast::{Node, NodeId, Redir, RedirOp, Unit};
use super::vm::{Flow, Frame};
use super::words::{Progress, Stop};
use super::{Flavor, Shell};
use crate::machine::errno::Errno;
use crate::machine::kernel::files::On;
use crate::machine::kernel::sys::Kind;
use crate::machine::kernel::{Fd, OpenOptions, Sys};

/// Descriptors that were covered, each with the copy of what it was.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Saved(pub Vec<(Fd, Option<Fd>)>);

impl Shell {
    /// Expands the targets of redirections. They are handed back when all are there.
    pub(super) fn targets(&mut self, sys: &mut Sys<'_>, unit: &Unit, redirs: &[Redir]) -> Result<Vec<String>, Stop> {
        while let Some(redir) = redirs.get(self.progress.item as usize) {
            let text = match redir.op {
                RedirOp::Doc(slot) => match unit.docs.get(slot as usize) {
                    Some(word) => self.expand_one(sys, word)?,
                    None => String::new(),
                },
                RedirOp::HereString => self.expand_one(sys, &redir.target)? + "\n",
                _ if self.bash() => {
                    let mut out = Vec::new();
                    self.expand(sys, &redir.target, &mut out)?;
                    if out.len() != 1 {
                        let text = redir
                            .target
                            .literal()
                            .map(str::to_string)
                            .unwrap_or_else(|| super::simple::source_of(&redir.target));
                        self.complain(sys, format!("{text}: ambiguous redirect"));
                        return Err(Stop::Discard(1));
                    }
                    out.pop().unwrap_or_default()
                }
                _ => self.expand_one(sys, &redir.target)?,
            };
            self.progress.done.push(text);
            self.progress.next();
        }
        Ok(self.progress.finish())
    }

    /// The redirections of a compound command.
    pub(super) fn redirect_compound(&mut self, sys: &mut Sys<'_>, unit: &Arc<Unit>, id: NodeId) -> Flow {
        let Node::Redirected(inner, redirs) = unit.node(id) else { return Flow::Go };
        match self.targets(sys, unit, redirs) {
            Err(Stop::Discard(code)) if self.bash() => {
                self.progress = Progress::default();
                self.status = code;
                self.finished(sys)
            }
            Err(stop) => self.interrupted(sys, stop, Frame::Redirect(id)),
            Ok(targets) => match self.redirect(sys, redirs, &targets) {
                Ok(saved) => {
                    self.push(Frame::Restore(saved));
                    self.push(Frame::Run(*inner));
                    Flow::Go
                }
                Err(code) => {
                    self.status = code;
                    self.finished(sys)
                }
            },
        }
    }

    /// Does redirections; what they cover is handed back. What fails is said, and all before it undone.
    pub(super) fn redirect(&mut self, sys: &mut Sys<'_>, redirs: &[Redir], targets: &[String]) -> Result<Saved, u8> {
        let mut saved = Saved::default();
        for (redir, target) in redirs.iter().zip(targets) {
            if let Err(text) = self.redirect_one(sys, redir, target, &mut saved) {
                self.line = redir.line;
                self.complain(sys, text);
                self.undo(sys, saved);
                return Err(if self.flavor == Flavor::Dash { 2 } else { 1 });
            }
        }
        Ok(saved)
    }

    /// Keeps what a descriptor is, before it becomes something else.
    pub(super) fn cover(&mut self, sys: &mut Sys<'_>, fd: Fd, saved: &mut Saved) {
        if saved.0.iter().any(|(f, _)| *f == fd) {
            return;
        }
        let copy = sys.dup_from(fd, 10).ok();
        self.kept.extend(copy);
        saved.0.push((fd, copy));
    }

    fn redirect_one(
        &mut self,
        sys: &mut Sys<'_>,
        redir: &Redir,
        target: &str,
        saved: &mut Saved,
    ) -> Result<(), String> {
        let mut fd = redir.fd.unwrap_or(redir.op.default_fd());
        if let Some(name) = &redir.name {
            if matches!(redir.op, RedirOp::DupIn | RedirOp::DupOut) && target == "-" {
                fd = self
                    .vars
                    .get(name)
                    .and_then(|v| v.parse().ok())
                    .ok_or_else(|| format!("{name}: ambiguous redirect"))?;
            } else {
                fd = (10..).find(|fd| sys.open_file(*fd).is_err()).unwrap_or(10);
                self.vars.set(name, &fd.to_string());
                let opened = self.open_target(sys, redir.op, target, fd)?;
                if let Some(opened) = opened {
                    let _ = sys.dup2(opened, fd);
                    let _ = sys.close(opened);
                }
                return Ok(());
            }
        }
        if let RedirOp::DupIn | RedirOp::DupOut = redir.op {
            return self.duplicate(sys, redir, target, fd, saved);
        }
        let opened = self.open_target(sys, redir.op, target, fd)?;
        let Some(mut opened) = opened else { return Ok(()) };
        if opened == fd {
            // It was closed before, and will be again.
            if !saved.0.iter().any(|(f, _)| *f == fd) {
                saved.0.push((fd, None));
            }
        } else {
            self.cover(sys, fd, saved);
            if matches!(redir.op, RedirOp::Both | RedirOp::BothAppend) && opened == 2 {
                opened = sys.dup_from(opened, 10).unwrap_or(opened);
            }
            let _ = sys.dup2(opened, fd);
            let _ = sys.close(opened);
        }
        if let RedirOp::Both | RedirOp::BothAppend = redir.op {
            self.cover(sys, 2, saved);
            let _ = sys.dup2(fd, 2);
        }
        Ok(())
    }

    /// `n>&m`, `n>&-` and `n>&m-`
    fn duplicate(
        &mut self,
        sys: &mut Sys<'_>,
        redir: &Redir,
        target: &str,
        fd: Fd,
        saved: &mut Saved,
    ) -> Result<(), String> {
        if target == "-" {
            self.cover(sys, fd, saved);
            let _ = sys.close(fd);
            return Ok(());
        }
        let (number, moves) = match target.strip_suffix('-') {
            Some(rest) => (rest, true),
            None => (target, false),
        };
        let Ok(from) = number.parse::<Fd>() else {
            return match self.flavor {
                Flavor::Bash
                    if redir.op == RedirOp::DupOut && redir.fd.is_none_or(|f| f == 1) && redir.fd.is_none() =>
                {
                    let redir = Redir { op: RedirOp::Both, ..redir.clone() };
                    self.redirect_one(sys, &redir, target, saved)
                }
                Flavor::Bash => Err(format!("{target}: ambiguous redirect")),
                Flavor::Dash => Err("Syntax error: Bad fd number".into()),
                Flavor::Ash => Err("syntax error: bad fd number".into()),
            };
        };
        let hidden = self.kept.contains(&from);
        if hidden || sys.open_file(from).is_err() {
            let text = sys.text(Errno::BadFd);
            return Err(match self.flavor {
                Flavor::Bash | Flavor::Dash | Flavor::Ash => format!("{from}: {text}"),
            });
        }
        if from != fd {
            self.cover(sys, fd, saved);
            let _ = sys.dup2(from, fd);
            if moves {
                self.cover(sys, from, saved);
                let _ = sys.close(from);
            }
        }
        Ok(())
    }

    fn open_target(&mut self, sys: &mut Sys<'_>, op: RedirOp, target: &str, _fd: Fd) -> Result<Option<Fd>, String> {
        let how = match op {
            RedirOp::In => OpenOptions::READ,
            RedirOp::ReadWrite => OpenOptions { write: true, create: true, ..OpenOptions::READ },
            RedirOp::Append | RedirOp::BothAppend => OpenOptions::APPEND,
            RedirOp::Doc(_) | RedirOp::HereString => {
                let text = On::Text(target.as_bytes().to_vec().into());
                return Ok(Some(sys.install(text, (true, false, false), "")));
            }
            RedirOp::Out | RedirOp::Both if self.options.noclobber => {
                if sys.stat(target).is_ok_and(|s| s.kind == Kind::File) {
                    return Err(match self.flavor {
                        Flavor::Bash => format!("{target}: cannot overwrite existing file"),
                        Flavor::Dash => format!("cannot create {target}: File exists"),
                        Flavor::Ash => format!("can't create {target}: File exists"),
                    });
                }
                OpenOptions::WRITE
            }
            _ => OpenOptions::WRITE,
        };
        if self.bash() && target.is_empty() {
            return Err(format!(": {}", sys.text(Errno::NoEnt)));
        }
        sys.open(target, how).map(Some).map_err(|fault| {
            let text = sys.text(fault);
            let writes = how.write;
            match (self.flavor, fault) {
                (Flavor::Bash, _) => format!("{target}: {text}"),
                (Flavor::Dash, Errno::NoEnt | Errno::NotDir) if writes => format!(
                    "cannot create {target}: {}",
                    if fault == Errno::NoEnt { "Directory nonexistent" } else { text }
                ),
                (Flavor::Dash, _) if writes => format!("cannot create {target}: {text}"),
                (Flavor::Dash, Errno::NoEnt) => format!("cannot open {target}: No such file"),
                (Flavor::Dash, _) => format!("cannot open {target}: {text}"),
                (Flavor::Ash, Errno::NoEnt) if writes => format!("can't create {target}: nonexistent directory"),
                (Flavor::Ash, _) if writes => format!("can't create {target}: {text}"),
                (Flavor::Ash, Errno::NoEnt) => format!("can't open {target}: no such file"),
                (Flavor::Ash, _) => format!("can't open {target}: {text}"),
            }
        })
    }

    /// Undoes redirections.
    pub(super) fn undo(&mut self, sys: &mut Sys<'_>, saved: Saved) {
        for (fd, copy) in saved.0.into_iter().rev() {
            match copy {
                Some(copy) => {
                    let _ = sys.dup2(copy, fd);
                    let _ = sys.close(copy);
                    self.kept.retain(|f| *f != copy);
                }
                None => {
                    let _ = sys.close(fd);
                }
            }
        }
    }

    /// Leaves redirections as they are, as `exec` does.
    pub(super) fn keep(&mut self, sys: &mut Sys<'_>, saved: Saved) {
        for copy in saved.0.into_iter().filter_map(|(_, copy)| copy) {
            let _ = sys.close(copy);
            self.kept.retain(|f| *f != copy);
        }
    }
}
