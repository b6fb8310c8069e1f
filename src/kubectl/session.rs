//! What a verb works with: the terminal, the server, the user's files, and where the user stands.

use std::path::{Path, PathBuf};

use super::client::Client;
use super::contexts::Contexts;
use super::read_ahead::ReadAhead;
use crate::api::{Kind, Object, ObjectKey};
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
    /// The user's files.
    pub disk: Disk,
    /// The contexts, one of which is in use.
    pub contexts: &'a dyn Contexts,
    /// How long a single request may take (`--request-timeout`); none for as long as it needs.
    pub request_timeout: Option<crate::api::Duration>,
    /// Whether another process may change the cluster meanwhile (a lesson's can't).
    pub shared: bool,
}

/// The command line that a verb is part of.
pub struct CommandLine {
    /// `kubectl` or `kstate`: the name that texts speak of.
    pub program: &'static str,
    /// The words after the program's name.
    pub words: Vec<String>,
    /// The command line as `--record` writes it into an annotation.
    pub change_cause: String,
    /// The help of a command, by the program's name and the command's path.
    pub help: fn(&'static str, &str) -> String,
}

/// The files that a command may read.
pub struct Disk {
    /// Where relative paths start.
    pub folder: PathBuf,
    /// What other processes wrote for this command.
    pub ahead: ReadAhead,
}

impl Disk {
    /// A path of the user's.
    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.join(Path::new(path))
    }
}

impl Session<'_> {
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

    /// Says that `--dry-run` is given in an old form, in the words and the layout of kubectl's log.
    pub fn warn_of_old_dry_run(&self) {
        let flags = self.line.words.iter().take_while(|w| *w != "--");
        let Some(flag) = flags.filter(|w| *w == "--dry-run" || w.starts_with("--dry-run=")).last() else { return };
        let (line, form, new) = match flag.as_str() {
            "--dry-run" | "--dry-run=unchanged" => (703, "--dry-run is deprecated".to_string(), "--dry-run=client"),
            "--dry-run=true" => (717, format!("{flag} is deprecated (boolean value)"), "--dry-run=client"),
            "--dry-run=false" => (720, format!("{flag} is deprecated (boolean value)"), "--dry-run=none"),
            _ => return,
        };
        let now = self.client.now().rfc3339_micro();
        let (month, day, time) = (&now[5..7], &now[8..10], now[11..].trim_end_matches('Z'));
        self.ui
            .err(&format!("W{month}{day} {time}       1 helpers.go:{line}] {form} and can be replaced with {new}.\n"));
    }
}
