//! What a verb works with: the terminal, the server, the user's files, and where the user stands.

use std::io;

use super::client::Client;
use super::contexts::Contexts;
use super::read_ahead::ReadAhead;
use crate::api::{Kind, Object, ObjectKey};
use crate::host::Host;
use crate::server::{tree_of, tree_with_owners};
use crate::ui::Ui;

/// One command's surroundings.
pub struct Session<'a> {
    /// The terminal, or what stands for it in a lesson.
    pub ui: &'a Ui,
    /// The way to the API server.
    pub client: Client<'a>,
    /// The namespace that names are looked up in.
    pub namespace: String,
    /// Whether the user named it (`-n`).
    pub namespace_given: bool,
    /// The command line.
    pub line: CommandLine,
    /// The machine, as far as the command may see it.
    pub host: Host,
    /// What other processes wrote for this command.
    pub ahead: ReadAhead,
    /// The kubeconfig, and what was chosen from it.
    pub contexts: Contexts<'a>,
    /// How long a single request may take (`--request-timeout`); none for as long as it needs.
    pub request_timeout: Option<crate::api::Duration>,
    /// Whether another process may change the cluster meanwhile (a lesson's can't).
    pub shared: bool,
    /// Whether warnings make the command fail (`--warnings-as-errors`).
    pub warnings_as_errors: bool,
}

/// The command line that a verb is part of.
pub struct CommandLine {
    /// `kubectl` or `kstate`: the name that texts speak of.
    pub program: &'static str,
    /// The words after the program's name.
    pub words: Vec<String>,
    /// The command line as `--record` writes it into an annotation.
    pub change_cause: String,
    /// The help of a command in the language of the host, by the program's name and the command's path.
    pub help: fn(&Host, &'static str, &str) -> String,
}

impl Session<'_> {
    /// The content of a file that the command line names.
    ///
    /// # Errors
    /// When it can't be read, may not be seen, or has no end.
    pub fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        self.ahead.file(path).map_or_else(|| self.host.files.read(path), Ok)
    }

    /// Standard input to its end.
    ///
    /// # Errors
    /// When it can't be read, or has no end.
    pub fn stdin(&self) -> io::Result<Vec<u8>> {
        self.ahead.stdin().map_or_else(|| self.ui.input(), Ok)
    }

    /// The key of a name in the session's namespace, or in none.
    pub fn key(&self, kind: Kind, name: &str) -> ObjectKey {
        let namespace = if kind.is_namespaced() { self.namespace.as_str() } else { "" };
        ObjectKey::new(kind, namespace, name)
    }

    /// An object as `-o json` and `-o yaml` show it: with who owns its fields if that was asked for.
    pub fn tree(&self, object: &Object) -> serde_json::Value {
        match self.client.wants_managed_fields() {
            true => tree_with_owners(object),
            false => tree_of(object),
        }
    }

    /// Says in kubectl's log that `--dry-run` is given in an old form. Mirrors `GetDryRunStrategy`.
    pub fn warn_of_old_forms(&self) {
        let given = |name: &str| {
            let flags = self.line.words.iter().take_while(|w| *w != "--").filter_map(|w| w.strip_prefix(name));
            flags.filter(|value| value.is_empty() || value.starts_with('=')).last().map(|v| v.trim_start_matches('='))
        };
        let is_true = |value: &str| match value {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
            _ => None,
        };
        let boolean = |flag: &str, value: &str, new: &str| {
            format!("--{flag}={value} is deprecated (boolean value) and can be replaced with --{flag}={new}.")
        };
        if let Some(value) = given("--dry-run") {
            let warning = match (value, is_true(value)) {
                ("" | "unchanged", _) => {
                    Some((719, "--dry-run is deprecated and can be replaced with --dry-run=client.".to_string()))
                }
                (_, Some(true)) => Some((733, boolean("dry-run", value, "client"))),
                (_, Some(false)) => Some((736, boolean("dry-run", value, "none"))),
                _ => None,
            };
            if let Some((line, text)) = warning {
                self.ui.err(&format!("{}\n", self.log_line('W', &format!("helpers.go:{line}"), &text)));
            }
        }
    }

    /// A line of kubectl's log: how grave it is, when, where in kubectl, and what. Mirrors `k8s.io/klog`.
    pub fn log_line(&self, severity: char, place: &str, text: &str) -> String {
        super::log::line(severity, self.client.now(), place, text)
    }
}
