//! Reading and writing variables, those included that the shell computes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::arith::{Fault, Names};
use super::vars::{Value, Var};
use super::words::Stop;
use super::{Flavor, Shell};
use crate::machine::kernel::Sys;

/// The shell's variables, as arithmetic sees them.
pub(super) struct Numbers<'s, 'k, 'a> {
    pub sh: &'s mut Shell,
    pub sys: &'k mut Sys<'a>,
}

impl Names for Numbers<'_, '_, '_> {
    fn read(&mut self, name: &str, index: Option<&str>) -> Result<String, Fault> {
        let found = match index {
            None => self.sh.lookup(self.sys, name),
            Some(index) => self.sh.element(self.sys, name, index).map_err(|_| Fault::Said)?,
        };
        match found {
            Some(text) => Ok(text),
            None if self.sh.options.nounset => {
                let what = if self.sh.bash() { "unbound variable" } else { "parameter not set" };
                Err(Fault::Text(format!("{name}: {what}")))
            }
            None => Ok(String::new()),
        }
    }

    fn write(&mut self, name: &str, index: Option<&str>, value: i64) -> Result<(), Fault> {
        let text = value.to_string();
        match index {
            None => self.sh.assign(self.sys, name, &text),
            Some(index) => self.sh.assign_element(self.sys, name, index, &text, false),
        }
        .map_err(|_| Fault::Said)
    }
}

impl Shell {
    /// A parameter's text.
    pub(super) fn lookup(&mut self, sys: &mut Sys<'_>, name: &str) -> Option<String> {
        let first = name.bytes().next()?;
        if first.is_ascii_digit() {
            let n: usize = name.parse().ok()?;
            return if n == 0 { Some(self.name.to_string()) } else { self.args.get(n - 1).cloned() };
        }
        if !first.is_ascii_alphabetic() && (first != b'_' || name.len() == 1) {
            return match first {
                b'?' => Some(self.status.to_string()),
                b'#' => Some(self.args.len().to_string()),
                b'$' => Some(self.pid.to_string()),
                b'!' => self.last_background.map(|p| p.to_string()).or(if self.flavor == Flavor::Ash {
                    Some(String::new())
                } else {
                    None
                }),
                b'-' => Some(self.options.letters(self.flavor)),
                b'_' => Some(if self.flavor == Flavor::Bash {
                    self.last_arg.to_string()
                } else {
                    self.vars.get("_").unwrap_or("").to_string()
                }),
                b'@' | b'*' => Some(self.args.join(" ")),
                _ => None,
            };
        }
        if first.is_ascii_uppercase()
            && let Some(text) = self.computed(sys, name)
        {
            return Some(text);
        }
        if let Some(var) = self.vars.find(name) {
            if var.reference {
                let target = var.text().unwrap_or("").to_string();
                return match target.split_once('[') {
                    Some((of, index)) => self.element(sys, of, index.trim_end_matches(']')).ok().flatten(),
                    None if target != name => self.lookup(sys, &target),
                    None => None,
                };
            }
            return var.text().map(str::to_string);
        }
        None
    }

    /// A variable that the shell computes each time.
    fn computed(&mut self, sys: &mut Sys<'_>, name: &str) -> Option<String> {
        let bash = self.bash();
        match name {
            "LINENO" if self.flavor != Flavor::Dash => Some(self.line.to_string()),
            "RANDOM" if self.flavor != Flavor::Dash => {
                let text = match self.progress.recall() {
                    Some(text) => text,
                    None => {
                        let number = if self.random != 0 {
                            self.random = self.random.wrapping_mul(1_103_515_245).wrapping_add(12345) & 0x7fff_ffff;
                            self.random >> 8
                        } else {
                            sys.random()
                        };
                        let text = (number & 0x7fff).to_string();
                        self.progress.remember(&text);
                        text
                    }
                };
                Some(text)
            }
            "SECONDS" if bash => Some((sys.now() - self.started).as_secs().to_string()),
            "EPOCHSECONDS" if self.flavor != Flavor::Dash => Some((sys.now().0 / 1000).to_string()),
            "EPOCHREALTIME" if self.flavor != Flavor::Dash => {
                Some(format!("{}.{:06}", sys.now().0 / 1000, sys.now().0.rem_euclid(1000) * 1000))
            }
            "SRANDOM" if bash => Some((sys.random() as u32).to_string()),
            "BASH_COMMAND" if bash => Some(self.command.to_string()),
            "BASHPID" if bash => Some(sys.getpid().to_string()),
            "BASH_SUBSHELL" if bash => Some(self.subshells.to_string()),
            "FUNCNAME" | "BASH_SOURCE" | "BASH_LINENO" | "PIPESTATUS" | "DIRSTACK" | "GROUPS" if bash => {
                self.computed_array(sys, name).and_then(|all| all.into_iter().next())
            }
            "BASHOPTS" if bash => Some(self.shopts.iter().cloned().collect::<Vec<_>>().join(":")),
            "SHELLOPTS" if bash => {
                let on = self.options.list(self.flavor).into_iter().filter(|o| o.1).map(|o| o.0);
                Some(on.collect::<Vec<_>>().join(":"))
            }
            _ => None,
        }
    }

    fn computed_array(&self, sys: &Sys<'_>, name: &str) -> Option<Vec<String>> {
        if !self.bash() {
            return None;
        }
        let main = if self.from_c || self.is_from_stdin() { "" } else { &*self.name };
        match name {
            "FUNCNAME" => {
                if !self.calls.iter().any(|c| c.is_function) {
                    return Some(Vec::new());
                }
                let mut all: Vec<String> = self.calls.iter().rev().map(|c| c.name.clone()).collect();
                if !self.from_c && !self.is_from_stdin() {
                    all.push("main".into());
                }
                Some(all)
            }
            "BASH_SOURCE" => {
                let mut all: Vec<String> = self.calls.iter().rev().map(|c| c.source.clone()).collect();
                if !main.is_empty() {
                    all.push(main.into());
                }
                Some(all)
            }
            "BASH_LINENO" => {
                let mut all: Vec<String> = self.calls.iter().rev().map(|c| c.line.to_string()).collect();
                if !main.is_empty() {
                    all.push("0".into());
                }
                Some(all)
            }
            "PIPESTATUS" => Some(self.pipe_status.iter().map(u8::to_string).collect()),
            "DIRSTACK" => {
                let mut all = vec![self.vars.get("PWD").unwrap_or("/").to_string()];
                all.extend(self.dirs.iter().rev().cloned());
                Some(all)
            }
            "GROUPS" => {
                let process = sys.process();
                Some(
                    std::iter::once(process.gid).chain(process.groups.iter().copied()).map(|g| g.to_string()).collect(),
                )
            }
            _ => None,
        }
    }

    /// The name that a reference leads to.
    pub(super) fn target(&self, name: &str) -> String {
        let mut name = name.to_string();
        for _ in 0..8 {
            match self.vars.find(&name) {
                Some(var) if var.reference => match var.text() {
                    Some(text) if !text.is_empty() => name = text.to_string(),
                    _ => break,
                },
                _ => break,
            }
        }
        name
    }

    /// The keys and values of an array.
    pub(super) fn elements(&mut self, sys: &Sys<'_>, name: &str) -> Vec<(String, String)> {
        if let Some(all) = self.computed_array(sys, name) {
            return all.into_iter().enumerate().map(|(k, v)| (k.to_string(), v)).collect();
        }
        let name = self.target(name);
        self.vars.find(&name).map(Var::elements).unwrap_or_default()
    }

    /// An element of an array.
    pub(super) fn element(&mut self, sys: &mut Sys<'_>, name: &str, index: &str) -> Result<Option<String>, Stop> {
        let name = self.target(name);
        if index == "@" || index == "*" {
            let all: Vec<String> = self.elements(sys, &name).into_iter().map(|(_, v)| v).collect();
            return Ok(if all.is_empty() { None } else { Some(all.join(" ")) });
        }
        if let Some(Value::Assoc(all)) = self.vars.find(&name).map(|v| &v.value) {
            return Ok(all.get(index).cloned());
        }
        let at = self.arithmetic(sys, index)?;
        if let Some(all) = self.computed_array(sys, &name) {
            let at = if at < 0 { at + all.len() as i64 } else { at };
            return Ok(usize::try_from(at).ok().and_then(|at| all.get(at).cloned()));
        }
        let Some(var) = self.vars.find(&name) else { return Ok(None) };
        let at = if at < 0 { at.saturating_add(var.next_index()) } else { at };
        Ok(match &var.value {
            Value::Array(all) => all.get(&at).cloned(),
            Value::Text(text) if at == 0 => Some(text.to_string()),
            _ => None,
        })
    }

    /// Says that a variable cannot be changed.
    pub(super) fn refuse(&mut self, sys: &mut Sys<'_>, name: &str) -> Stop {
        if self.bash() {
            self.complain(sys, format!("{name}: readonly variable"));
            Stop::Discard(1)
        } else {
            self.complain(sys, format!("{name}: is read only"));
            Stop::Exit(2)
        }
    }

    /// Assigns a text, as the variable's attributes have it.
    pub(super) fn assign(&mut self, sys: &mut Sys<'_>, name: &str, text: &str) -> Result<(), Stop> {
        let name: &str = &match self.vars.find(name) {
            Some(var) if var.reference => self.target(name),
            _ => name.to_string(),
        };
        if let Some((of, index)) = name.split_once('[') {
            let index = index.trim_end_matches(']');
            return self.assign_element(sys, of, index, text, false);
        }
        let all_export = self.options.allexport;
        let Some(var) = self.vars.find(name) else {
            self.vars.set(name, text);
            if all_export {
                self.vars.entry(name).exported = true;
                self.vars.env_is_old = true;
            }
            self.assigned(sys, name, text);
            return Ok(());
        };
        if var.readonly {
            return Err(self.refuse(sys, name));
        }
        let text = &self.shaped(sys, name, text)?;
        self.vars.set(name, text);
        if all_export {
            self.vars.entry(name).exported = true;
            self.vars.env_is_old = true;
        }
        self.assigned(sys, name, text);
        Ok(())
    }

    /// What an assignment to a variable with a meaning brings about.
    fn assigned(&mut self, sys: &Sys<'_>, name: &str, text: &str) {
        match name {
            "OPTIND" => self.getopts = (text.trim().parse().unwrap_or(1).max(1), 0),
            "RANDOM" => self.random = text.trim().parse::<u64>().unwrap_or(0).wrapping_add(1),
            "SECONDS" => {
                self.started = sys.now() - crate::api::Duration::secs(text.trim().parse().unwrap_or(0));
            }
            "PATH" => self.hashed = Arc::default(),
            _ => {}
        }
    }

    /// A value as the attributes of its variable want it.
    pub(super) fn shaped(&mut self, sys: &mut Sys<'_>, name: &str, text: &str) -> Result<String, Stop> {
        let Some(var) = self.vars.find(name) else { return Ok(text.to_string()) };
        let (integer, lower, upper) = (var.integer, var.lower, var.upper);
        if integer {
            return Ok(self.arithmetic(sys, text)?.to_string());
        }
        Ok(if lower {
            text.to_lowercase()
        } else if upper {
            text.to_uppercase()
        } else {
            text.to_string()
        })
    }

    /// Appends to a variable: `x+=text`.
    pub(super) fn append(&mut self, sys: &mut Sys<'_>, name: &str, text: &str) -> Result<(), Stop> {
        let name = self.target(name);
        let old = self.vars.get(&name).unwrap_or("").to_string();
        let integer = self.vars.find(&name).is_some_and(|v| v.integer);
        let whole = if integer {
            format!("{}+({text})", if old.is_empty() { "0" } else { &old })
        } else {
            format!("{old}{text}")
        };
        self.assign(sys, &name, &whole)
    }

    /// Assigns an element of an array, which is made where it is missing.
    pub(super) fn assign_element(
        &mut self,
        sys: &mut Sys<'_>,
        name: &str,
        index: &str,
        text: &str,
        append: bool,
    ) -> Result<(), Stop> {
        let name = &self.target(name);
        if self.vars.find(name).is_some_and(|v| v.readonly) {
            return Err(self.refuse(sys, name));
        }
        let integer = self.vars.find(name).is_some_and(|v| v.integer);
        if let Some(Value::Assoc(_)) = self.vars.find(name).map(|v| &v.value) {
            let mut text = self.shaped(sys, name, text)?;
            if index.is_empty() {
                self.complain(sys, format!("{name}[]: bad array subscript"));
                return Err(Stop::Discard(1));
            }
            if let Value::Assoc(all) = &mut self.vars.entry(name).value {
                let all = Arc::make_mut(all);
                if append {
                    let old = all.get(index).cloned().unwrap_or_default();
                    text = if integer { sum(&old, &text) } else { old + &text };
                }
                all.insert(index.to_string(), text);
            }
            return Ok(());
        }
        let mut at = self.arithmetic(sys, index)?;
        let mut text = self.shaped(sys, name, text)?;
        if at < 0 {
            at = at.saturating_add(self.vars.find(name).map_or(0, Var::next_index));
        }
        if at < 0 {
            self.complain(sys, format!("{name}[{index}]: bad array subscript"));
            return Err(Stop::Discard(1));
        }
        let var = self.vars.entry(name);
        make_array(var);
        if let Value::Array(all) = &mut var.value {
            let all = Arc::make_mut(all);
            if append {
                let old = all.get(&at).cloned().unwrap_or_default();
                text = if integer { sum(&old, &text) } else { old + &text };
            }
            all.insert(at, text);
        }
        Ok(())
    }

    /// Assigns all elements of an array; those without an index follow the one before.
    pub(super) fn assign_array(
        &mut self,
        sys: &mut Sys<'_>,
        name: &str,
        elements: Vec<(Option<String>, bool, String)>,
        append: bool,
    ) -> Result<(), Stop> {
        let name = &self.target(name);
        if self.vars.find(name).is_some_and(|v| v.readonly) {
            return Err(self.refuse(sys, name));
        }
        let assoc = matches!(self.vars.find(name).map(|v| &v.value), Some(Value::Assoc(_)));
        let var = self.vars.entry(name);
        if assoc {
            if !append {
                var.value = Value::Assoc(Arc::default());
            }
            // Keys and values in turn, where no key is written.
            let mut key: Option<String> = None;
            for (index, append, text) in elements {
                match (index, key.take()) {
                    (Some(index), _) => self.assign_element(sys, name, &index, &text, append)?,
                    (None, None) => key = Some(text),
                    (None, Some(key)) => self.assign_element(sys, name, &key, &text, append)?,
                }
            }
            if let Some(key) = key {
                self.assign_element(sys, name, &key, "", false)?;
            }
            return Ok(());
        }
        let mut next = 0;
        if append {
            next = var.next_index();
            make_array(var);
        } else {
            var.value = Value::Array(Arc::default());
        }
        let integer = var.integer || var.lower || var.upper;
        for (index, append, text) in elements {
            if let Some(index) = index {
                next = self.arithmetic(sys, &index)?;
                self.assign_element(sys, name, &next.to_string(), &text, append)?;
            } else {
                let text = if integer { self.shaped(sys, name, &text)? } else { text };
                if let Value::Array(all) = &mut self.vars.entry(name).value {
                    Arc::make_mut(all).insert(next, text);
                }
            }
            next = next.saturating_add(1);
        }
        Ok(())
    }
}

fn sum(old: &str, text: &str) -> String {
    let number = |t: &str| t.trim().parse::<i64>().unwrap_or(0);
    number(old).wrapping_add(number(text)).to_string()
}

/// Makes a variable an array that holds what it held as its first element.
pub(super) fn make_array(var: &mut Var) {
    match &var.value {
        Value::Array(_) | Value::Assoc(_) => {}
        Value::Text(text) => var.value = Value::Array(Arc::new(BTreeMap::from([(0, text.to_string())]))),
        Value::Unset => var.value = Value::Array(Arc::default()),
    }
}
