//! What a verb works with: the terminal, the cluster, and where the user stands.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::api::Duration;
use crate::api::user::User;
use crate::error::Failure;
use crate::kubectl::contexts::Contexts;
use crate::kubectl::read_ahead::ReadAhead;
use crate::kubectl::wall::wall_now;
use crate::sim::Cluster;
use crate::ui::Ui;

/// One command's surroundings.
pub struct Session<'a> {
    /// The terminal, or what stands for it in a lesson.
    pub ui: &'a Ui,
    /// The cluster, within a transaction.
    pub cluster: &'a mut Cluster,
    /// The namespace that names are looked up in.
    pub namespace: String,
    /// Whether the user named it (`-n`).
    pub namespace_given: bool,
    /// `kubectl` or `kstate`: the name that texts speak of.
    pub program: &'static str,
    /// Where relative paths start.
    pub folder: PathBuf,
    /// Whether another process may change the cluster meanwhile (a lesson's can't).
    pub shared: bool,
    /// The contexts, one of which is in use.
    pub contexts: &'a dyn Contexts,
    /// The user that is impersonated (`--as`); none for the cluster's admin.
    pub user: Option<User>,
    /// How long a single request may take (`--request-timeout`); none for as long as it needs.
    pub request_timeout: Option<Duration>,
    /// The help of a command, by the program's name and the command's path.
    pub help: fn(&'static str, &str) -> String,
    /// The command line as `--record` writes it into an annotation.
    pub change_cause: String,
    /// The command line's words after the program's name.
    pub words: Vec<String>,
    /// What other processes wrote for this command.
    pub ahead: ReadAhead,
    /// The server's warnings that were printed: none is printed twice.
    pub warned: BTreeSet<String>,
    /// Whether objects are printed with who owns their fields (`--show-managed-fields`).
    pub shows_managers: Cell<bool>,
}

impl Session<'_> {
    /// A path of the user's.
    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.join(Path::new(path))
    }

    /// Says that `--dry-run` is given in an old form, in the words and the layout of kubectl's log.
    pub fn warn_of_old_dry_run(&self) {
        let flags = self.words.iter().take_while(|w| *w != "--");
        let Some(flag) = flags.filter(|w| *w == "--dry-run" || w.starts_with("--dry-run=")).last() else { return };
        let (line, form, new) = match flag.as_str() {
            "--dry-run" | "--dry-run=unchanged" => (703, "--dry-run is deprecated".to_string(), "--dry-run=client"),
            "--dry-run=true" => (717, format!("{flag} is deprecated (boolean value)"), "--dry-run=client"),
            "--dry-run=false" => (720, format!("{flag} is deprecated (boolean value)"), "--dry-run=none"),
            _ => return,
        };
        let now = self.cluster.now().rfc3339_micro();
        let (month, day, time) = (&now[5..7], &now[8..10], now[11..].trim_end_matches('Z'));
        self.ui
            .err(&format!("W{month}{day} {time}       1 helpers.go:{line}] {form} and can be replaced with {new}.\n"));
    }

    /// Prints the warnings that the server sent.
    pub fn print_warnings(&mut self) {
        let sent = self.cluster.take_warnings();
        self.warn(sent);
    }

    /// Prints warnings, but none twice. Mirrors `WarningWriterOptions.Deduplicate`.
    pub fn warn(&mut self, warnings: impl IntoIterator<Item = String>) {
        for warning in warnings {
            if self.warned.contains(&warning) {
                continue;
            }
            self.ui.err(&format!("Warning: {warning}\n"));
            self.warned.insert(warning);
        }
    }

    /// Makes what was done so far lasting and visible to other processes, says what was said meanwhile, and goes on.
    ///
    /// # Errors
    /// When the state file can't be written or read.
    pub fn checkpoint(&mut self) -> Result<(), Failure> {
        self.cluster.commit()?;
        self.ui.release();
        self.ui.hold();
        self.cluster.begin(true, wall_now())?;
        Ok(())
    }

    /// Does something that takes the user's time, an editor's run, without holding the cluster meanwhile.
    ///
    /// # Errors
    /// When the state file can't be written or read.
    pub fn meanwhile<R>(&mut self, f: impl FnOnce() -> R) -> Result<R, Failure> {
        self.cluster.commit()?;
        let outcome = f();
        self.cluster.begin(true, wall_now())?;
        Ok(outcome)
    }

    /// Ends the transaction, waits a moment of real time and begins anew, to see what others did.
    ///
    /// # Errors
    /// When the state file can't be written or read.
    pub fn wait_for_others(&mut self) -> Result<(), Failure> {
        self.cluster.commit()?;
        self.ui.release();
        std::thread::sleep(std::time::Duration::from_millis(100));
        self.ui.hold();
        self.cluster.begin(false, wall_now())?;
        Ok(())
    }
}
