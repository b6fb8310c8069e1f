//! Programs: found in `PATH`, started as children, or what the shell becomes.

use std::sync::Arc;

use super::ast::Simple;
use super::redirect::Saved;
use super::simple::SimpleState;
use super::vm::Flow;
use super::{Flavor, Shell};
use crate::machine::errno::Errno;
use crate::machine::images::BINARY;
use crate::machine::kernel::sys::Kind as FileKind;
use crate::machine::kernel::{Program, Sys, Turn};

impl Shell {
    /// Where a program is: its path, or the fault of the search.
    pub(super) fn search(&self, sys: &Sys<'_>, name: &str) -> Result<String, Errno> {
        let runs = |path: &str| -> Result<(), Errno> {
            match sys.stat_and_access(path, 1)? {
                (FileKind::Dir, _) => Err(Errno::IsDir),
                (_, true) => Ok(()),
                (_, false) => Err(Errno::Access),
            }
        };
        if name.contains('/') {
            return runs(name).map(|()| name.to_string());
        }
        if name.is_empty() {
            return Err(Errno::NoEnt);
        }
        let path = self.vars.get("PATH").unwrap_or("");
        let mut fault = Errno::NoEnt;
        for folder in path.split(':') {
            let at = if folder.is_empty() { format!("./{name}") } else { format!("{folder}/{name}") };
            match runs(&at) {
                Ok(()) => return Ok(at),
                Err(Errno::Access) => fault = Errno::Access,
                Err(_) => {}
            }
        }
        Err(fault)
    }

    /// The same, with what is remembered of the last search for it.
    fn search_hashed(&self, sys: &Sys<'_>, name: &str) -> Result<String, Errno> {
        match self.hashed.get(name) {
            Some((path, _)) if path != name => match self.search(sys, path) {
                Ok(path) => Ok(path),
                Err(_) => self.search(sys, name),
            },
            _ => self.search(sys, name),
        }
    }

    /// Says why a program cannot run; its exit code.
    pub(super) fn cannot_run(&mut self, sys: &mut Sys<'_>, name: &str, fault: Errno) -> u8 {
        let text = sys.text(fault);
        let found = fault != Errno::NoEnt && fault != Errno::NotDir;
        let has_slash = name.contains('/');
        let message = match self.flavor {
            Flavor::Bash if !found && !has_slash => format!("{name}: command not found"),
            Flavor::Bash => format!("{name}: {}", if fault == Errno::IsDir { "Is a directory" } else { text }),
            Flavor::Dash | Flavor::Ash if fault == Errno::NoEnt => format!("{name}: not found"),
            _ => format!("{name}: {}", if fault == Errno::IsDir { sys.text(Errno::Access) } else { text }),
        };
        self.complain(sys, message);
        if !found && (fault == Errno::NoEnt || !has_slash) { 127 } else { 126 }
    }

    /// The command line that runs a file: that of a shell where it is a script without `#!`.
    pub(super) fn command_line(&mut self, sys: &mut Sys<'_>, path: &str, argv: Vec<String>) -> Result<Vec<String>, u8> {
        let head = match sys.read_file(path) {
            Ok(bytes) => bytes,
            Err(_) => return Ok(argv),
        };
        if head.starts_with(BINARY) {
            return Ok(argv);
        }
        if let Some(line) = head.strip_prefix(b"#!") {
            let line =
                String::from_utf8_lossy(line.split(|b| *b == b'\n').next().unwrap_or_default()).trim().to_string();
            let interpreter = line.split_whitespace().next().unwrap_or("").to_string();
            if let Err(fault) = sys.stat(&interpreter).and_then(|_| sys.access(&interpreter, 1)) {
                let text = sys.text(fault);
                let name = &argv[0];
                return Err(match self.flavor {
                    Flavor::Bash => {
                        let shown =
                            if interpreter.ends_with('\r') { interpreter.replace('\r', "^M") } else { interpreter };
                        if fault == Errno::NoEnt && !self.options.interactive {
                            self.complain(sys, format!("{name}: cannot execute: required file not found"));
                            127
                        } else {
                            self.complain(sys, format!("{name}: {shown}: bad interpreter: {text}"));
                            126
                        }
                    }
                    _ => self.cannot_run(sys, name, fault),
                });
            }
            return Ok(argv);
        }
        if head.iter().take(80).take_while(|b| **b != b'\n').any(|b| *b == 0) {
            let name = argv[0].clone();
            let text = sys.text(Errno::NoExec);
            if self.bash() {
                self.complain(sys, format!("{name}: cannot execute binary file: {text}"));
                return Err(126);
            }
        }
        let shell = match self.flavor {
            Flavor::Bash => "bash",
            Flavor::Dash => "dash",
            Flavor::Ash => "sh",
        };
        let mut line = vec![shell.to_string(), path.to_string()];
        line.extend(argv.into_iter().skip(1));
        Ok(line)
    }

    pub(super) fn external(
        &mut self,
        sys: &mut Sys<'_>,
        simple: &Simple,
        state: SimpleState,
        argv: Vec<String>,
    ) -> Flow {
        let saved = match self.redirect(sys, &simple.redirs, &state.targets) {
            Ok(saved) => saved,
            Err(code) => return self.failed_redirect(sys, code, false),
        };
        let path_before = state.assigned.iter().find(|a| a.0 == "PATH").map(|(_, path)| {
            let before = self.vars.find("PATH").cloned();
            self.vars.set("PATH", path);
            before
        });
        let mut at = None;
        let found = match self.search_hashed(sys, &argv[0]) {
            Ok(path) => {
                at = Some((path.clone(), argv.len()));
                if !argv[0].contains('/') && (self.options.hashall || !self.bash()) {
                    let entry = Arc::make_mut(&mut self.hashed).entry(argv[0].clone()).or_insert((path.clone(), 0));
                    *entry = (path.clone(), entry.1 + 1);
                }
                self.command_line(sys, &path, argv)
            }
            Err(Errno::NoEnt) if self.functions.contains_key("command_not_found_handle") && self.bash() => {
                let Some(body) = self.functions.get("command_not_found_handle").cloned() else { return Flow::Go };
                let mut all = vec!["command_not_found_handle".to_string()];
                all.extend(argv);
                self.surround(saved);
                return self.call(sys, all, body);
            }
            Err(fault) => Err(self.cannot_run(sys, &argv[0], fault)),
        };
        if let Some(before) = path_before {
            self.vars.restore("PATH", before);
        }
        let argv = match found {
            Ok(argv) => argv,
            Err(code) => {
                self.undo(sys, saved);
                self.status = code;
                self.finished(sys);
                return Flow::Yield;
            }
        };
        if self.is_last() {
            self.keep(sys, saved);
            return self.become_program(sys, argv, &state.assigned);
        }
        self.sync_env(sys);
        let text = simple.text.clone();
        // A script without `#!` has become the argument of a shell.
        let program = match at.filter(|(_, len)| *len == argv.len()) {
            Some((path, _)) => Program::Found(path, argv),
            None => Program::Command(argv),
        };
        let forked = self.spawn(sys, program);
        self.undo(sys, saved);
        let Ok(pid) = forked else { return self.cannot_fork(sys) };
        if !state.assigned.is_empty()
            && let Some(process) = sys.process_of(pid)
        {
            let env = Arc::make_mut(&mut process.env);
            for (name, text) in state.assigned {
                env.insert(name, text);
            }
        }
        self.foreground(pid, text)
    }

    /// The process becomes a program.
    pub(super) fn become_program(
        &mut self,
        sys: &mut Sys<'_>,
        argv: Vec<String>,
        assigned: &[(String, String)],
    ) -> Flow {
        self.sync_env(sys);
        for (name, text) in assigned {
            sys.set_env(name, Some(text.clone()));
        }
        self.close_processes(sys);
        for fd in std::mem::take(&mut self.kept) {
            let _ = sys.close(fd);
        }
        Flow::Turn(Turn::Exec(argv))
    }

    /// `exec command`
    pub(super) fn exec(
        &mut self,
        sys: &mut Sys<'_>,
        mut argv: Vec<String>,
        saved: Saved,
        assigned: &[(String, String)],
    ) -> Flow {
        argv.remove(0);
        let (mut clean, mut zero) = (false, None);
        if self.flavor != Flavor::Dash {
            while let Some(option) = argv.first().filter(|a| a.starts_with('-') && a.len() > 1).cloned() {
                argv.remove(0);
                match option.as_str() {
                    "--" => break,
                    "-a" if !argv.is_empty() => zero = Some(argv.remove(0)),
                    "-c" if self.bash() => clean = true,
                    "-l" if self.bash() => {}
                    _ => {
                        self.builtin = Some("exec".into());
                        self.complain(sys, format!("{option}: invalid option"));
                        if self.bash() {
                            sys.err("exec: usage: exec [-cl] [-a name] [command [argument ...]] [redirection ...]\n");
                        }
                        self.builtin = None;
                        self.undo(sys, saved);
                        self.status = 2;
                        return self.finished(sys);
                    }
                }
            }
        } else if argv.first().is_some_and(|a| a == "--") {
            argv.remove(0);
        }
        let Some(name) = argv.first().cloned() else { return Flow::Go };
        let result = match self.search(sys, &name) {
            Ok(path) => self.command_line(sys, &path, argv),
            Err(fault) => {
                let text = sys.text(fault);
                match self.flavor {
                    Flavor::Bash if fault == Errno::NoEnt && !name.contains('/') => {
                        self.complain(sys, format!("exec: {name}: not found"));
                        Err(127)
                    }
                    Flavor::Bash => {
                        let text = if fault == Errno::IsDir {
                            "cannot execute: Is a directory".to_string()
                        } else if fault == Errno::Access {
                            "cannot execute: Permission denied".to_string()
                        } else {
                            text.to_string()
                        };
                        self.complain(sys, format!("{name}: {text}"));
                        Err(if fault == Errno::NoEnt { 127 } else { 126 })
                    }
                    _ => {
                        self.builtin = Some("exec".into());
                        let code = self.cannot_run(sys, &name, fault);
                        self.builtin = None;
                        Err(code)
                    }
                }
            }
        };
        match result {
            Ok(argv) => {
                let _ = zero;
                if clean {
                    sys.process_mut().env = Arc::default();
                    self.vars.env_is_old = false;
                }
                self.keep(sys, saved);
                self.become_program(sys, argv, assigned)
            }
            Err(code) => {
                self.undo(sys, saved);
                self.status = code;
                if self.options.interactive || self.shopt("execfail") {
                    return self.finished(sys);
                }
                self.exit(sys, code)
            }
        }
    }
}
