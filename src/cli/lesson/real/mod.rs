//! `kstate lesson check --on kubectl`: a lesson's commands run by the real kubectl against a real cluster.
//!
//! The lines run at a desk as everywhere, by the machine's own shell and tools; only what they ask of kubectl is asked of the
//! real one, as far as the gate lets it. Its objects live in a namespace of their own; what it makes outside of namespaces is
//! removed in the end. What differs from cluster to cluster (ages, uids, addresses, random names, nodes) counts as equal where
//! its shape is.

mod gate;
mod served;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Result;
use regex_lite::Regex;
use served::Served;

use super::desk::{Desk, FOLDER, Next};
use super::shell::{READING, shown, words};
use crate::cli::home::failed;
use crate::error::Failure;
use crate::host::moment::{Stopwatch, rest};
use crate::host::temporary::Passing;
use crate::kubectl::wall::wall_now;
use crate::lessons::check::{self, Difference};
use crate::lessons::model::Lesson;
use crate::lessons::shell::{Mark, Reply, Shell};
use crate::lessons::{self};
use crate::machine::tools::client::{Answer, Asked};
use crate::ui::Ui;

/// The kinds outside of namespaces that a lesson of ours makes.
const CLUSTER_WIDE: &str = "pv,sc,clusterroles,clusterrolebindings,priorityclasses";

/// Those inside of them.
const NAMESPACED: &str =
    "sts,deploy,rs,ds,jobs,cronjobs,pods,pvc,svc,cm,secrets,hpa,pdb,roles,rolebindings,networkpolicies";

/// What marks a namespace as one that was made here.
const OURS: &str = "app.kubernetes.io/managed-by=kstate";

/// How long a cluster may take to come to rest, and how often it is looked at.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOKS_EVERY: Duration = Duration::from_millis(700);

/// How long one command may take: one that waits for what does not come is ended.
const ONE_COMMAND: Duration = Duration::from_secs(90);

/// How long somebody looks at a watch before he ends it.
const ONE_LOOK: Duration = Duration::from_millis(900);

/// How often who does not end is interrupted, before the shell is started anew.
const MOST_TRIES: usize = 3;

/// Where lessons are to be played.
pub(super) enum Real {
    /// On a cluster that somebody has, under the name of its context.
    Context(String),
    /// On each lesson's own cluster, served for a real kubectl.
    Served,
}

impl Real {
    /// The cluster that `kubectl` or `kubectl=CONTEXT` means, once somebody has said that it may be used.
    ///
    /// # Errors
    /// There is no kubectl, no such context or no cluster, or nobody agrees.
    pub(super) fn find(ui: &Ui, on: &str, agreed: bool) -> Result<Real> {
        let context = match on.split_once('=') {
            None if on == "kubectl" => asked(&["config", "current-context"])?.trim().to_string(),
            Some(("kubectl", context)) if !context.is_empty() => context.to_string(),
            _ => return Err(Failure::error(format!("--on takes kubectl or kubectl=CONTEXT, not {on:?}")).into()),
        };
        let version = asked(&["--context", &context, "version"])?;
        let server = version.lines().find_map(|line| line.strip_prefix("Server Version: ")).unwrap_or("unknown");
        let question = format!("Run the lessons against the cluster of the context {context:?} (Kubernetes {server})?");
        match agreed || (ui.is_interactive() && ui.confirm(&question, false)?) {
            true => Ok(Real::Context(context)),
            false => Err(Failure::error(format!(
                "the cluster of the context {context:?} is not used unless somebody agrees"
            ))
            .hint("--yes says so beforehand")
            .into()),
        }
    }

    /// A shell for a lesson: in a new namespace where the cluster is somebody's.
    ///
    /// # Errors
    /// The cluster refuses, the server does not start, or a folder can't be made.
    pub(super) fn shell(&self, lesson: &Lesson, ui: &Ui) -> Result<RealShell> {
        let folder = Passing::folder("kstate-lesson-").map_err(|e| failed("a folder for the lesson".into(), &e))?;
        let desk = Desk::new(lesson.front.seed, wall_now(), Some(folder.path().to_path_buf()))?;
        let mut shell = RealShell {
            desk,
            kubeconfig: None,
            flags: Vec::new(),
            namespace: String::new(),
            folder,
            served: None,
            before: BTreeSet::new(),
            text: lesson.source.clone(),
            skipped: 0,
        };
        match self {
            Real::Context(context) => shell.move_in(context, lesson)?,
            Real::Served => shell.served = Some(Served::start(lesson, ui)?),
        }
        Ok(shell)
    }
}

/// What kubectl answers.
fn asked(args: &[&str]) -> Result<String> {
    let output = Command::new("kubectl").args(args).stdin(Stdio::null()).output();
    let output = output.map_err(|e| failed("kubectl can't be run".into(), &e))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_string();
            Err(Failure::error(format!("kubectl {}: {said}", args.join(" "))).into())
        }
    }
}

/// A desk at which kubectl means the real one, its cluster and a namespace.
pub(super) struct RealShell {
    desk: Desk,
    /// A copy of the user's kubeconfig that names the cluster and the namespace, with nothing else in it.
    kubeconfig: Option<Passing>,
    /// What kubectl is given when it is asked beside the lesson.
    flags: Vec<String>,
    /// The namespace of its own; none on a cluster of its own.
    namespace: String,
    folder: Passing,
    served: Option<Served>,
    /// What was there before the lesson.
    before: BTreeSet<String>,
    /// The lesson's text: what it does not name is somebody else's.
    text: String,
    skipped: usize,
}

impl RealShell {
    /// Makes a namespace, unless the lesson speaks of the one that is there.
    fn move_in(&mut self, context: &str, lesson: &Lesson) -> Result<()> {
        self.flags = vec!["--context".into(), context.into()];
        let names_default = ["namespace: default", "-n default", "default/"].iter().any(|s| lesson.source.contains(s));
        self.namespace = match names_default {
            true => "default".into(),
            false => format!("kstate-{}", lesson.name.chars().take(50).collect::<String>()),
        };
        if !names_default {
            let there = |more: &[&str]| {
                let get = ["get", "namespace", "-o", "name", "--field-selector"];
                let named = format!("metadata.name={}", self.namespace);
                self.kubectl(&[&get[..], &[&named], more].concat())
            };
            if there(&[])? != there(&["-l", OURS])? {
                let text = format!("the cluster has a namespace {:?} that is not a lesson's", self.namespace);
                return Err(Failure::error(text).hint("the lesson would take its place: rename one of them").into());
            }
            self.kubectl(&["delete", "namespace", &self.namespace, "--ignore-not-found"])?;
            self.kubectl(&["create", "namespace", &self.namespace])?;
            self.kubectl(&["label", "namespace", &self.namespace, OURS])?;
            // A pod needs its account.
            let account = ["get", "serviceaccount", "default", "-n", &self.namespace];
            let began = Stopwatch::start();
            while self.kubectl(&account).is_err() && began.passed() < PATIENCE {
                rest(LOOKS_EVERY);
            }
        }
        self.kubeconfig = Some(self.copied()?);
        self.flags.extend(["-n".into(), self.namespace.clone()]);
        self.before = self.here()?;
        Ok(())
    }

    /// What the user's kubeconfig holds of the context, with the lesson's namespace in it.
    fn copied(&self) -> Result<Passing> {
        let text = self.kubectl(&["config", "view", "--raw", "--minify", "--flatten"])?;
        let copy = Passing::file("kstate-kubeconfig-", ".yaml", &text)
            .map_err(|e| failed("a copy of the kubeconfig can't be made".into(), &e))?;
        let path = copy.path().display().to_string();
        let namespace = format!("--namespace={}", self.namespace);
        asked(&["--kubeconfig", &path, "config", "set-context", "--current", &namespace])?;
        Ok(copy)
    }

    fn kubectl(&self, args: &[&str]) -> Result<String> {
        let flags: Vec<&str> = self.flags.iter().map(String::as_str).collect();
        asked(&[&flags[..], args].concat())
    }

    /// What is there that a lesson may leave behind.
    fn here(&self) -> Result<BTreeSet<String>> {
        let all = format!("{CLUSTER_WIDE},{NAMESPACED}");
        Ok(self.kubectl(&["get", &all, "-o", "name"])?.lines().map(str::to_string).collect())
    }

    /// Takes away what the lesson left behind. The answer is how many commands were not for kubectl.
    pub(super) fn leave(self) -> usize {
        if self.served.is_some() {
            return self.skipped;
        }
        // OBSERVATION: what can't be removed is somebody else's to see to; the lesson's verdict stands.
        if let Ok(now) = self.here() {
            let is_named = |name: &&String| name.split_once('/').is_some_and(|(_, name)| self.text.contains(name));
            // What others made meanwhile stays; what came of the lesson's own objects goes with them.
            for name in now.difference(&self.before).filter(is_named) {
                let _ = self.kubectl(&["delete", name, "--wait=false", "--ignore-not-found"]);
            }
        }
        if self.namespace != "default" {
            let _ = self.kubectl(&["delete", "namespace", &self.namespace, "--wait=false"]);
        }
        self.skipped
    }

    /// Runs a line until the shell is at its prompt again.
    fn output(&mut self, line: &str) -> Result<Reply, Failure> {
        self.desk.set_time(wall_now(), true);
        self.desk.bring_in()?;
        self.desk.type_text(line);
        let (mut began, mut tries, mut output) = (Stopwatch::start(), 0, String::new());
        let code = loop {
            let (text, next) = self.desk.go_on();
            output += &shown(&text);
            let ends = matches!(next, Next::Prompt(_) | Next::Ended);
            if matches!(next, Next::Stuck) || !ends && began.passed() > ONE_COMMAND {
                self.desk.interrupt();
                tries += 1;
                if tries > MOST_TRIES {
                    self.desk.start_shell()?;
                    break 130;
                }
                began = Stopwatch::start();
                continue;
            }
            match next {
                Next::Call(pid, asked) => {
                    let answer = self.answer(pid, &asked)?;
                    self.desk.answer(pid, answer);
                    self.desk.set_time(wall_now(), false);
                }
                Next::Prompt(prompt) => break prompt.status,
                Next::Ended => {
                    let code = self.desk.take_exit();
                    self.desk.start_shell()?;
                    break code;
                }
                Next::Sleeps(until) => {
                    let span = (until - wall_now()).0.clamp(0, 1000);
                    rest(Duration::from_millis(u64::try_from(span).unwrap_or(0)));
                    self.desk.set_time(wall_now(), false);
                }
                Next::Reads => self.desk.end_input(),
                Next::Stuck => {}
            }
        };
        self.desk.bring_out()?;
        let output = if self.namespace.is_empty() { output } else { output.replace(&self.namespace, "default") };
        Ok(Reply { output, code })
    }

    /// Has the real kubectl do what a program at the desk wants; kstate's own verbs go to the lesson's own cluster.
    fn answer(&mut self, pid: u32, asked: &Asked) -> Result<Answer, Failure> {
        let words = words(asked);
        let refused = |text: String| Answer { output: vec![(true, text)], code: 1 };
        let is_own = words.first().is_some_and(|name| name == "kstate");
        if !is_own && let Some(text) = gate::refusal(&words) {
            return Ok(refused(text));
        }
        self.desk.bring_out()?;
        if !self.kustomizations_stay_here() {
            return Ok(refused("error: a kustomization of a lesson names its own files alone\n".into()));
        }
        let mut command = match (&self.served, is_own) {
            (Some(served), true) => served.own(),
            (None, true) => return Ok(refused("kstate: there is none on a real cluster\n".into())),
            (_, false) => Command::new("kubectl"),
        };
        let cwd = self.desk.cwd_of(pid);
        let place = self.folder.path().join(cwd.strip_prefix(FOLDER).unwrap_or(Path::new("")));
        command.args(&words[1..]).current_dir(place).env("KUBE_EDITOR", "false").env_remove("KUBECTL_EXTERNAL_DIFF");
        match (&self.served, &self.kubeconfig) {
            (Some(served), _) if !is_own => _ = command.env("KUBECONFIG", served.home.path().join("kubeconfig")),
            (None, Some(copy)) => _ = command.env("KUBECONFIG", copy.path()),
            _ => {}
        }
        let unrun = |e| failed_to_run(&e);
        let (output, code) = run(command, asked, follows(&words)).map_err(unrun)?;
        self.desk.bring_in()?;
        Ok(Answer { output, code })
    }

    fn kustomizations_stay_here(&self) -> bool {
        let is_one = |name: &str| matches!(name, "kustomization.yaml" | "kustomization.yml" | "Kustomization");
        self.desk.texts_named(is_one).iter().all(|text| gate::stays_here(text))
    }

    fn state(&self) -> String {
        let all = format!("{CLUSTER_WIDE},{NAMESPACED}");
        let fields = "-o=jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.resourceVersion}{\"\\n\"}{end}";
        self.kubectl(&["get", &all, fields]).unwrap_or_default()
    }
}

fn failed_to_run(error: &std::io::Error) -> Failure {
    Failure::error(format!("kubectl can't be run: {}", crate::host::reason(error)))
}

/// Runs a program as one at the desk: what it put out, and its exit code. At a terminal both streams are one, in order.
fn run(mut command: Command, asked: &Asked, is_watch: bool) -> std::io::Result<(Vec<(bool, String)>, u8)> {
    let folder = Passing::folder("kstate-answer-")?;
    let [input, printed, said] = ["input", "printed", "said"].map(|name| folder.path().join(name));
    std::fs::write(&input, &asked.input)?;
    let out = std::fs::File::create(&printed)?;
    let err = if asked.terminal { out.try_clone()? } else { std::fs::File::create(&said)? };
    command.stdin(std::fs::File::open(&input)?).stdout(out).stderr(err);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn()?;
    let patience = if is_watch { ONE_LOOK } else { ONE_COMMAND };
    let began = Stopwatch::start();
    let status = loop {
        match child.try_wait()? {
            Some(status) => break status.code(),
            None if began.passed() > patience => {
                end(&mut child)?;
                break is_watch.then_some(0);
            }
            None => rest(Duration::from_millis(5)),
        }
    };
    let text = |path| std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let mut output = vec![(false, text(&printed)?)];
    if !asked.terminal {
        output.push((true, text(&said)?));
    }
    Ok((output, status.and_then(|code| u8::try_from(code).ok()).unwrap_or(130)))
}

/// Whether a command ends when somebody has seen enough.
fn follows(words: &[String]) -> bool {
    let own = || words.iter().take_while(|word| *word != "--");
    let is_watch = |word: &String| {
        matches!(word.as_str(), "-w" | "--watch" | "--watch=true" | "--watch-only" | "-f=true" | "--follow" | "-ow")
    };
    own().any(is_watch) || own().any(|word| word == "logs") && own().any(|word| word == "-f")
}

/// Ends a program and what it started.
fn end(child: &mut Child) -> std::io::Result<()> {
    if cfg!(unix) {
        let group = format!("-{}", child.id());
        Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status()?;
    }
    // OBSERVATION: it may be gone already.
    let _ = child.kill();
    child.wait().map(|_| ())
}

/// Whether a line is for kstate alone.
fn is_own(line: &str) -> bool {
    line.split(['|', ';', '&', '(']).any(|part| part.split_whitespace().next() == Some("kstate"))
}

/// What stands for a command that was not run.
const SKIPPED: &str = "\u{0}skipped";

impl Shell for RealShell {
    fn run(&mut self, line: &str) -> Reply {
        if self.served.is_none() && is_own(line) {
            self.skipped += 1;
            return Reply { output: SKIPPED.into(), code: 0 };
        }
        self.output(line)
            .unwrap_or_else(|failure| Reply { output: format!("{}\n", failure.message), code: failure.code })
    }

    fn knows(&mut self, line: &str) -> bool {
        matches!(line.split_whitespace().next(), Some("kubectl" | "k"))
    }

    fn restart(&mut self) -> Result<(), Failure> {
        Err(Failure::error("a real cluster has no beginning to go back to"))
    }

    fn settle(&mut self) -> Result<(), Failure> {
        if let Some(served) = &self.served {
            let reading = format!("{}ms", READING.0);
            for words in [&["clock", "settle"][..], &["clock", "advance", &reading]] {
                let ended = served.own().args(words).stdout(Stdio::null()).status();
                ended.map_err(|e| failed("kstate's own clock".into(), &e))?;
            }
            return Ok(());
        }
        let began = Stopwatch::start();
        let mut before = self.state();
        while began.passed() < PATIENCE {
            rest(LOOKS_EVERY);
            let now = self.state();
            if now == before {
                return Ok(());
            }
            before = now;
        }
        Ok(())
    }

    fn write_file(&mut self, name: &str, text: &str) -> Result<(), Failure> {
        self.desk.bring_in()?;
        self.desk.write(name, text.as_bytes());
        self.desk.bring_out()
    }

    fn checkpoint(&mut self) -> Result<Mark, Failure> {
        Ok(Mark(String::new()))
    }

    fn rollback(&mut self, _mark: &Mark) -> Result<(), Failure> {
        Err(Failure::error("a real cluster does not go back"))
    }

    fn watched_tables(&mut self, _kinds: &[String]) -> String {
        String::new()
    }
}

/// How a reply of a real cluster differs from what a lesson says, if it does in more than what clusters draw by lot.
pub(super) fn compare(command: &lessons::Command, reply: &Reply) -> Option<Difference> {
    if reply.output == SKIPPED {
        return None;
    }
    let expected = lessons::Command { expected: shapes(&command.expected), ..command.clone() };
    check::compare(&expected, &Reply { output: shapes(&reply.output), code: reply.code })
}

/// A text with what differs from cluster to cluster replaced by words for it, and columns by two blanks.
fn shapes(text: &str) -> String {
    const PATTERNS: [(&str, &str); 10] = [
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uid>"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
        (r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b", "<ip>"),
        (r"<invalid>|\b(\d+[dhms])+\b", "<age>"),
        (r"-[bcdf-hj-np-tv-z2-9]{8,10}-[bcdf-hj-np-tv-z2-9]{5}\b", "-<random>"),
        (r"\bk3d-[a-z0-9-]+|\b(agent|server|node|kind|minikube)-[a-z0-9-]*\d\b", "<node>"),
        (r#"(resourceVersion"?: ?)"\d+""#, "$1<version>"),
        (r":3\d{4}\b", ":<port>"),
        // A kubectl before 1.34 does not say from where.
        (r"( deleted) from [a-z0-9-]+ namespace\b", "$1"),
        (r" {2,}", "  "),
    ];
    let mut text = text.to_string();
    for (pattern, with) in PATTERNS {
        if let Ok(pattern) = Regex::new(pattern) {
            text = pattern.replace_all(&text, with).into_owned();
        }
    }
    text.split('\n').map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::{is_own, shapes};

    #[test]
    fn what_clusters_draw_by_lot_has_one_shape() {
        let one = "NAME     STATUS   AGE\npvc-5f0c3b9e-0000-4000-8000-00000000aaaa   Bound   3m2s   10.43.0.1\n";
        let two = "NAME   STATUS   AGE\npvc-11112222-3333-4444-8555-666677778888   Bound   7s     10.0.0.9  \n";
        assert_eq!(shapes(one), shapes(two));
        assert_ne!(shapes(one), shapes(&two.replace("Bound", "Lost")));
        assert!(is_own("kubectl get pv | kstate x") && is_own("kstate clock settle") && !is_own("kubectl get pv"));
    }
}
