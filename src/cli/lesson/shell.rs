//! Runs a lesson's commands in this process, on a cluster of the lesson's own.

use std::path::{Component, Path, PathBuf};

use crate::api::printable::printable;
use crate::api::{Duration, Time};
use crate::cli::lesson::desk::{Desk, Next};
use crate::cli::{Verb, complete, map, run_where};
use crate::error::{ApiError, Failure};
use crate::host::{Attended, Host, reason};
use crate::kubectl::wall::wall_now;
use crate::lessons::library;
use crate::lessons::model::Lesson;
use crate::lessons::shell::{Audience, Mark, Reply, Shell};
use crate::machine::shell as machine_shell;
use crate::machine::tools;
use crate::machine::tools::client::{Answer, Asked};
use crate::server::Server;
use crate::sim::{ClockMode, Cluster, Config, parse_version};
use crate::store::file;
use crate::ui::{Completions, Ui};

/// How old a lesson's cluster is when it begins.
const STANDING: Duration = Duration::secs(300);

/// What passes after each command, as it does when somebody reads: ages are not all alike then.
pub(super) const READING: Duration = Duration::secs(3);

/// How much of the cluster's time one line takes at most, how often it does something and how often it draws its screen,
/// where nobody is there to end it.
const LONGEST: Duration = Duration::secs(86_400);
const MOST_ROUNDS: usize = 1000;
const MOST_SCREENS: usize = 3;

/// What begins a screen of `watch`.
const SCREEN: &str = "\u{1b}[H\u{1b}[J";

/// How often who can't go on is interrupted, before the shell is started anew.
const MOST_TRIES: usize = 3;

/// The exit code of what was interrupted.
const INTERRUPTED: u8 = 130;

/// The programs whose work is done here.
const PROGRAMS: [&str; 3] = ["kubectl", "kstate", "k"];

/// A lesson's cluster and desk.
pub(super) struct LessonShell<'a> {
    server: Server,
    desk: Desk,
    /// The host's folder with the lesson's files, if somebody is to reach them from outside.
    folder: Option<PathBuf>,
    /// The terminal of who is there.
    terminal: Option<&'a Ui>,
    lesson: &'a Lesson,
    /// The file of the cluster, if it has one.
    state: Option<PathBuf>,
}

/// Nobody is there.
struct Nobody;

impl Audience for Nobody {
    fn hear(&mut self, _: &str) {}

    fn pause(&mut self, _: i64) {}

    fn interrupts(&mut self) -> bool {
        false
    }

    fn types(&mut self) -> Option<String> {
        None
    }
}

impl<'a> LessonShell<'a> {
    /// A cluster in memory, and a desk whose files are nowhere else: for checks and pipes.
    ///
    /// # Errors
    /// The cluster can't be made.
    pub(super) fn in_memory(lesson: &'a Lesson) -> Result<Self, Failure> {
        LessonShell::over(cluster(lesson, None)?, lesson, (None, None, None))?.prepared()
    }

    /// A new cluster in the file `state`, in place of one that may be there.
    ///
    /// # Errors
    /// The file can't be written.
    pub(super) fn on_disk(
        lesson: &'a Lesson,
        state: &Path,
        folder: PathBuf,
        terminal: &'a Ui,
    ) -> Result<Self, Failure> {
        let place = (Some(state.to_path_buf()), Some(folder), Some(terminal));
        LessonShell::over(cluster(lesson, Some(state))?, lesson, place)?.prepared()
    }

    /// The cluster as the last session left it; none if it was removed.
    ///
    /// # Errors
    /// The file is damaged or can't be read.
    pub(super) fn open(
        lesson: &'a Lesson,
        state: &Path,
        folder: PathBuf,
        terminal: &'a Ui,
    ) -> Result<Option<Self>, Failure> {
        let place = (Some(state.to_path_buf()), Some(folder), Some(terminal));
        Cluster::open(state)?.map(|cluster| LessonShell::over(cluster, lesson, place)).transpose()
    }

    fn over(
        cluster: Cluster,
        lesson: &'a Lesson,
        (state, folder, terminal): (Option<PathBuf>, Option<PathBuf>, Option<&'a Ui>),
    ) -> Result<Self, Failure> {
        let desk = Desk::new(lesson.front.seed, cluster.now(), folder.clone())?;
        Ok(LessonShell { server: Server::over(cluster), desk, folder, terminal, lesson, state })
    }

    /// The host's folder with the lesson's files, where there is one.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Lets the cluster stand for a while, and brings the classes that the lesson's profile asks for.
    fn prepared(mut self) -> Result<Self, Failure> {
        let lesson = self.lesson;
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
            self.desk.remove("class.yaml");
            self.desk.bring_out()?;
        }
        self.settle()?;
        Ok(self)
    }

    fn transact<T>(&mut self, f: impl FnOnce(&mut Cluster) -> Result<T, ApiError>) -> Result<T, Failure> {
        transact(&mut self.server, f)
    }

    fn now(&mut self) -> Time {
        self.server.cluster_mut().now()
    }

    /// Does what a program at the desk wants to have done.
    fn answer(&mut self, pid: u32, asked: &Asked) -> Answer {
        let words = words(asked);
        let attended = if self.terminal.is_some() { Attended::Yes } else { Attended::No };
        let host = Host::of_desk(self.desk.seen_by(pid), attended);
        // Who types into a container does so at the terminal itself.
        if asked.terminal
            && types_into(&words)
            && let Some(ui) = self.terminal
        {
            let code = run_where(&words, ui, &mut self.server, &host, judge);
            return Answer { output: Vec::new(), code };
        }
        let mut ui = Ui::captured().with_input(&String::from_utf8_lossy(&asked.input));
        if let Some(terminal) = self.terminal {
            ui = ui.as_wide_as(terminal);
        }
        let code = run_where(&words, &ui, &mut self.server, &host, judge);
        Answer { output: ui.take_parts(), code }
    }

    /// Runs what was typed, until the shell is at its prompt again.
    fn go_on(&mut self, audience: &mut dyn Audience) -> Result<Reply, Failure> {
        let (mut begun, mut rounds, mut output) = (self.now(), 0, String::new());
        let (mut tries, mut screens) = (0, 0);
        loop {
            let (text, next) = self.desk.go_on();
            rounds += 1;
            screens += text.matches(SCREEN).count();
            if !text.is_empty() {
                // What objects hold, kubectl prints as it is; a lesson's may come from a stranger.
                let text = shown(&text);
                audience.hear(&text);
                output += &text;
            }
            let goes_on = !matches!(next, Next::Prompt(_) | Next::Ended);
            let is_long = self.terminal.is_none()
                && (rounds > MOST_ROUNDS || screens > MOST_SCREENS || self.now() > begun + LONGEST);
            if goes_on && (is_long || audience.interrupts()) || matches!(next, Next::Stuck) {
                if !matches!(next, Next::Stuck) {
                    // A terminal has shown the keys itself.
                    let keys = if self.terminal.is_some() { "\n" } else { "^C\n" };
                    audience.hear(keys);
                    output += keys;
                }
                self.desk.interrupt();
                tries += 1;
                if tries > MOST_TRIES {
                    self.desk.start_shell()?;
                    return Ok(Reply { output, code: INTERRUPTED });
                }
                (begun, rounds, screens) = (self.now(), 0, 0);
                continue;
            }
            match next {
                Next::Call(pid, asked) => {
                    let answer = self.answer(pid, &asked);
                    self.desk.answer(pid, answer);
                    let now = self.now();
                    self.desk.set_time(now, false);
                }
                Next::Prompt(prompt) => return Ok(Reply { output, code: prompt.status }),
                Next::Ended => {
                    let code = self.desk.take_exit();
                    self.desk.start_shell()?;
                    return Ok(Reply { output, code });
                }
                Next::Sleeps(until) => {
                    let span = until - self.now();
                    if span > Duration(0) {
                        audience.pause(span.0);
                        self.transact(|cluster| cluster.advance(span))?;
                    }
                    let now = self.now();
                    self.desk.set_time(now.max(until), false);
                }
                Next::Reads => match audience.types() {
                    Some(line) => self.desk.type_text(&line),
                    None => self.desk.end_input(),
                },
                Next::Stuck => {}
            }
        }
    }

    fn try_run(&mut self, line: &str, audience: &mut dyn Audience) -> Result<Reply, Failure> {
        if machine_shell::is_unfinished(line) {
            let output = "bash: syntax error: unexpected end of file\n".to_string();
            audience.hear(&output);
            return Ok(Reply { output, code: 2 });
        }
        let now = self.now();
        self.desk.set_time(now, true);
        if let Some(ui) = self.terminal {
            self.desk.set_size(ui.width(), ui.height());
        }
        self.desk.bring_in()?;
        self.desk.type_text(line);
        let reply = self.go_on(audience)?;
        self.desk.bring_out()?;
        Ok(reply)
    }
}

/// Does something with the cluster, whole or not at all.
fn transact<T>(server: &mut Server, f: impl FnOnce(&mut Cluster) -> Result<T, ApiError>) -> Result<T, Failure> {
    let cluster = server.cluster_mut();
    cluster.begin(true, wall_now())?;
    let done = f(cluster).and_then(|done| cluster.commit().map(|()| done));
    Ok(done.inspect_err(|_| cluster.rollback())?)
}

/// Lets the cluster's clock run until nothing is due any more, and a moment longer.
pub(super) fn settle(server: &mut Server) -> Result<(), Failure> {
    transact(server, |cluster| {
        cluster.settle()?;
        cluster.advance(READING)
    })
}

/// The words of a program's command line, by the name that it is known by.
pub(super) fn words(asked: &Asked) -> Vec<String> {
    let name = asked.args.first().and_then(|name| name.rsplit('/').next()).unwrap_or_default();
    let name = if name == "kstate" { "kstate" } else { "kubectl" };
    std::iter::once(name.to_string()).chain(asked.args.iter().skip(1).cloned()).collect()
}

/// Whether a command has somebody type into a container.
fn types_into(words: &[String]) -> bool {
    let streams = words.iter().any(|w| matches!(w.as_str(), "exec" | "attach" | "run" | "debug"));
    let mut own = words.iter().take_while(|w| *w != "--");
    streams && own.any(|w| matches!(w.as_str(), "-it" | "-ti" | "-i" | "--stdin" | "-itq"))
}

/// What may go to a terminal. A screen that is drawn anew begins a new paragraph instead.
pub(super) fn shown(text: &str) -> String {
    let text = text.replace(SCREEN, "\n").replace("\u{1b}[H\u{1b}[2J", "").replace("\u{1b}[3J", "");
    printable(&text.replace("\r\n", "\n")).into_owned()
}

/// Whether a verb may run in a lesson.
pub(in crate::cli) fn judge(verb: &Verb) -> Result<(), Failure> {
    match verb {
        Verb::Undo(_) => Err(Failure::error("in a lesson, \"back\" goes back")),
        Verb::Lesson(_) | Verb::Cluster(_) | Verb::Shell(_) => {
            Err(Failure::error("this works outside of a lesson only"))
        }
        _ => Ok(()),
    }
}

/// Runs commands that nobody hears: what they print.
fn asking<'s>(server: &'s mut Server, host: &'s Host) -> impl FnMut(&[String]) -> String + 's {
    |words| {
        let ui = Ui::captured();
        run_where(words, &ui, server, host, judge);
        ui.take_out()
    }
}

impl Shell for LessonShell<'_> {
    fn run(&mut self, line: &str) -> Reply {
        self.run_for(line, &mut Nobody)
    }

    fn run_for(&mut self, line: &str, audience: &mut dyn Audience) -> Reply {
        self.try_run(line, audience).unwrap_or_else(|failure| {
            let output = format!("{}\n", failure.message);
            audience.hear(&output);
            Reply { output, code: failure.code }
        })
    }

    fn knows(&mut self, line: &str) -> bool {
        let first = line.split(|c: char| c.is_whitespace() || ";|&<>".contains(c)).next().unwrap_or_default();
        let is_path = |c: char| c == '/' || c == '=' || c == '(' || c == '$' || c == '"' || c == '\'';
        PROGRAMS.contains(&first)
            || first.contains(is_path)
            || tools::find(first).is_some()
            || machine_shell::words().any(|word| word == first)
    }

    fn is_unfinished(&self, line: &str) -> bool {
        machine_shell::is_unfinished(line)
    }

    fn complete(&mut self, line: &str) -> (usize, Vec<(String, String)>) {
        let host = Host::of_desk(self.desk.seen(), Attended::No);
        let mut ask = asking(&mut self.server, &host);
        let Completions { start, candidates } = complete::line(line, &host.files, &mut ask);
        (start, candidates)
    }

    fn edit(&mut self, file: &str) -> Result<(), Failure> {
        let host = Host::of_desk(self.desk.seen(), Attended::Yes);
        let (Some(folder), Some(_), Some(programs)) = (self.folder.clone(), self.terminal, host.programs()) else {
            return Err(Failure::error(format!("no editor is started for {file}: nobody is at the terminal")));
        };
        if !Path::new(file).components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(Failure::error(format!("{file} is no file of the lesson's folder")));
        }
        self.desk.bring_out()?;
        let editor = programs.named_by(&["KUBE_EDITOR", "VISUAL", "EDITOR"]).unwrap_or_else(|| "vi".into());
        let mut words = editor.split_whitespace();
        let program = words.next().unwrap_or("vi");
        let started = programs.command(program).args(words).arg(folder.join(file)).status();
        started.map_err(|e| Failure::error(format!("cannot start {program}: {}", reason(&e))))?;
        self.desk.bring_in()
    }

    fn picture(&mut self, width: usize) -> Option<String> {
        let host = Host::of_desk(self.desk.seen(), Attended::No);
        let mut ask = asking(&mut self.server, &host);
        map::small(width, &mut ask)
    }

    fn restart(&mut self) -> Result<(), Failure> {
        let cluster = cluster(self.lesson, self.state.as_deref())?;
        let place = (self.state.clone(), self.folder.clone(), self.terminal);
        *self = LessonShell::over(cluster, self.lesson, place)?.prepared()?;
        Ok(())
    }

    fn settle(&mut self) -> Result<(), Failure> {
        settle(&mut self.server)
    }

    fn write_file(&mut self, name: &str, text: &str) -> Result<(), Failure> {
        self.desk.bring_in()?;
        self.desk.write(name, text.as_bytes());
        self.desk.bring_out()
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
        let host = Host::of_desk(self.desk.seen(), Attended::No);
        run_where(&words, &ui, &mut self.server, &host, judge);
        printable(&ui.take_out()).into_owned()
    }
}

/// A new cluster, in that file in place of one that may be there.
fn cluster(lesson: &Lesson, state: Option<&Path>) -> Result<Cluster, Failure> {
    let Some(state) = state else { return Ok(Cluster::new_in_memory(config(lesson), wall_now())?) };
    if state.exists() {
        file::remove(state)?;
    }
    Ok(Cluster::new_on_disk(state, config(lesson), wall_now())?)
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

#[cfg(test)]
mod tests;
