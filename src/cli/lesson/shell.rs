//! Runs a lesson's commands in this process, on a cluster of the lesson's own.

use std::path::{Path, PathBuf};

use crate::api::Duration;
use crate::api::printable::printable;
use crate::cli::{Verb, run_where};
use crate::error::{ApiError, Failure};
use crate::host::temporary::Passing;
use crate::host::{self, Attended, Host};
use crate::kubectl::wall::wall_now;
use crate::lessons::library;
use crate::lessons::model::Lesson;
use crate::lessons::shell::{Mark, Reply, Shell};
use crate::lessons::words;
use crate::server::Server;
use crate::sim::{ClockMode, Cluster, Config, parse_version};
use crate::store::file;
use crate::ui::Ui;

/// How old a lesson's cluster is when it begins.
const STANDING: Duration = Duration::secs(300);

/// What passes after each command, as it does when somebody reads: ages are not all alike then.
const READING: Duration = Duration::secs(3);

/// A lesson's cluster and folder.
pub(super) struct LessonShell {
    server: Server,
    folder: PathBuf,
    host: Host,
    /// The folder, if it goes with the shell.
    _passing: Option<Passing>,
}

impl LessonShell {
    /// A cluster in memory and a folder that is removed in the end: for checks and pipes.
    ///
    /// # Errors
    /// The cluster or the folder can't be made.
    pub(super) fn in_memory(lesson: &Lesson) -> Result<Self, Failure> {
        let (passing, folder) = Passing::locked_folder("kstate-lesson-")
            .map_err(|e| Failure::error(format!("cannot make a folder for the lesson: {}", host::reason(&e))))?;
        let cluster = Cluster::new_in_memory(config(lesson), wall_now())?;
        let shell = LessonShell { _passing: Some(passing), ..LessonShell::over(cluster, folder, Attended::No)? };
        shell.prepared(lesson)
    }

    /// A new cluster in the file `state`, in place of one that may be there.
    ///
    /// # Errors
    /// The file can't be written.
    pub(super) fn on_disk(lesson: &Lesson, state: &Path, folder: PathBuf) -> Result<Self, Failure> {
        if state.exists() {
            file::remove(state)?;
        }
        let cluster = Cluster::new_on_disk(state, config(lesson), wall_now())?;
        LessonShell::over(cluster, folder, Attended::Yes)?.prepared(lesson)
    }

    /// The cluster as the last session left it; none if it was removed.
    ///
    /// # Errors
    /// The file is damaged or can't be read.
    pub(super) fn open(state: &Path, folder: PathBuf) -> Result<Option<Self>, Failure> {
        let shell = |cluster| LessonShell::over(cluster, folder, Attended::Yes);
        Cluster::open(state)?.map(shell).transpose()
    }

    fn over(cluster: Cluster, folder: PathBuf, attended: Attended) -> Result<Self, Failure> {
        let host = Host::of_lesson(&folder, attended).map_err(|e| unusable(&folder, &e))?;
        Ok(LessonShell { server: Server::over(cluster), folder, host, _passing: None })
    }

    /// The folder in which the commands run.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Lets the cluster stand for a while, and brings the classes that the lesson's profile asks for.
    fn prepared(mut self, lesson: &Lesson) -> Result<Self, Failure> {
        self.transact(|cluster| cluster.advance(STANDING))?;
        let Some(classes) = &lesson.front.cluster.classes else { return Ok(self) };
        if !classes.iter().any(|c| c == "local-path") {
            self.run("kubectl delete storageclass local-path");
        }
        for class in classes.iter().filter(|c| *c != "local-path") {
            let Some(text) = library::manifest(class).filter(|m| m.contains("kind: StorageClass")) else {
                return Err(Failure::error(format!("{}: there is no storage class {class:?}", lesson.path)));
            };
            self.write_file("class.yaml", text)?;
            self.run("kubectl apply -f class.yaml");
            self.host.files.remove("class.yaml").map_err(|e| unusable(&self.folder, &e))?;
        }
        self.settle()?;
        Ok(self)
    }

    /// Does something with the cluster, whole or not at all.
    fn transact<T>(&mut self, f: impl FnOnce(&mut Cluster) -> Result<T, ApiError>) -> Result<T, Failure> {
        let cluster = self.server.cluster_mut();
        cluster.begin(true, wall_now())?;
        let done = f(cluster).and_then(|done| cluster.commit().map(|()| done));
        Ok(done.inspect_err(|_| cluster.rollback())?)
    }

    fn words(line: &str) -> Result<Vec<String>, String> {
        let words = words::split(line)?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words[..] {
            ["kubectl", ..] => {}
            ["kstate", ..] => {}
            _ => return Err("only kubectl and kstate commands run in a lesson".into()),
        }
        Ok(words.into_iter().map(String::from).collect())
    }
}

/// Whether a verb may run in a lesson.
fn judge(verb: &Verb) -> Result<(), Failure> {
    match verb {
        Verb::Undo(_) => Err(Failure::error("in a lesson, \"back\" goes back")),
        Verb::Lesson(_) | Verb::Cluster(_) => Err(Failure::error("this works outside of a lesson only")),
        _ => Ok(()),
    }
}

impl Shell for LessonShell {
    fn run(&mut self, line: &str) -> Reply {
        let words = match Self::words(line) {
            Ok(words) => words,
            Err(why) => return Reply { output: format!("error: {why}\n"), code: 1 },
        };
        let ui = Ui::captured();
        let code = run_where(&words, &ui, &mut self.server, &self.host, judge);
        if self.host.files.take_refused() {
            ui.err("hint: a lesson sees only the files of its own folder\n");
        }
        // What objects hold, kubectl prints as it is; a lesson's may come from a stranger.
        Reply { output: printable(&ui.take()).into_owned(), code }
    }

    fn settle(&mut self) -> Result<(), Failure> {
        self.transact(|cluster| {
            cluster.settle()?;
            cluster.advance(READING)
        })
    }

    fn write_file(&mut self, name: &str, text: &str) -> Result<(), Failure> {
        self.host.files.write(name, text).map_err(|e| unusable(&self.folder.join(name), &e))
    }

    fn checkpoint(&mut self) -> Result<Mark, Failure> {
        let id = self.transact(|cluster| cluster.note_operation("lesson step"))?;
        Ok(Mark(id.to_string()))
    }

    fn rollback(&mut self, mark: &Mark) -> Result<(), Failure> {
        let found = self.transact(|cluster| {
            let operations = cluster.store().operations()?;
            let at = operations.iter().position(|o| o.id.to_string() == mark.0);
            at.map(|at| cluster.undo(at + 1)).transpose()
        })?;
        let gone = || Failure::error("the cluster no longer remembers that step; kstate lesson --restart starts again");
        found.map(|_| ()).ok_or_else(gone)
    }

    fn watched_tables(&mut self, kinds: &[String]) -> String {
        if kinds.is_empty() {
            return String::new();
        }
        let ui = Ui::captured();
        let words = ["kubectl", "get", &kinds.join(",")].map(String::from);
        run_where(&words, &ui, &mut self.server, &self.host, judge);
        printable(&ui.take_out()).into_owned()
    }
}

fn config(lesson: &Lesson) -> Config {
    let front = &lesson.front;
    let usual = Config::default();
    Config {
        clock: ClockMode::Manual,
        seed: front.seed,
        version: parse_version(&front.kubernetes_version).unwrap_or(usual.version),
        nodes: front.cluster.nodes.clone().unwrap_or(usual.nodes),
        zones: usual.zones,
    }
}

fn unusable(path: &Path, e: &std::io::Error) -> Failure {
    Failure::error(format!("{}: {e}", path.display()))
}

#[cfg(test)]
mod tests;
