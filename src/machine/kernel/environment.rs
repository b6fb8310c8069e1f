//! The environment of a process, in the order in which it was put together, and what the runtime adds for its user.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Disks, Pid, Sandbox, Sys};

/// Variables in their order, as `execve` passes them on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Variables(Vec<(String, String)>);

impl Variables {
    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&String> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    /// Gives a variable a value: in its place if it has one, else at the end.
    pub fn insert(&mut self, name: String, value: String) {
        match self.0.iter_mut().find(|(n, _)| *n == name) {
            Some(known) => known.1 = value,
            None => self.0.push((name, value)),
        }
    }

    /// Takes a variable away.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(n, _)| n != name);
    }

    /// All, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &String)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// The terminal's type, as the runtime names it for a command that it gives a terminal: before the home, which comes
    /// last.
    pub(super) fn name_terminal(&mut self) {
        if self.get("TERM").is_none() {
            let at = self.0.iter().position(|(n, _)| n == "HOME").unwrap_or(self.0.len());
            self.0.insert(at, ("TERM".into(), "xterm".into()));
        }
    }
}

impl FromIterator<(String, String)> for Variables {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(all: I) -> Variables {
        let mut variables = Variables::default();
        variables.extend(all);
        variables
    }
}

impl Extend<(String, String)> for Variables {
    fn extend<I: IntoIterator<Item = (String, String)>>(&mut self, all: I) {
        all.into_iter().for_each(|(name, value)| self.insert(name, value));
    }
}

impl<const N: usize> From<[(String, String); N]> for Variables {
    fn from(all: [(String, String); N]) -> Variables {
        all.into_iter().collect()
    }
}

impl From<BTreeMap<String, String>> for Variables {
    fn from(all: BTreeMap<String, String>) -> Variables {
        // Each name is there once.
        Variables(all.into_iter().collect())
    }
}

impl Sandbox {
    /// The home that the runtime looks up in the container's own `/etc/passwd` for the user that it runs as, where the
    /// environment names none. Mirrors runc's `finalizeNamespace`.
    pub(super) fn look_up_home(&mut self, container: &str, pid: Pid, disks: &mut Disks) {
        let mut nowhere = crate::machine::net::Nowhere;
        let home = crate::machine::tools::home(&mut Sys::new(self, disks, &mut nowhere, pid));
        let Some(process) = self.processes.get_mut(&pid) else { return };
        if process.env.get("HOME").is_none_or(|h| h.is_empty()) {
            Arc::make_mut(&mut process.env).insert("HOME".into(), home);
        }
        if let Some(of) = self.containers.get_mut(container) {
            of.env = process.env.clone();
        }
    }
}
