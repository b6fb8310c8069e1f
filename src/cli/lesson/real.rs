//! `kstate lesson check --on kubectl`: a lesson's commands run by the real kubectl against a real cluster.
//!
//! Its objects live in a namespace of their own; what it makes outside of namespaces is removed in the end. What differs from
//! cluster to cluster (ages, uids, addresses, random names, nodes) counts as equal where its shape is.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use anyhow::Result;
use regex_lite::Regex;

use crate::cli::home::failed;
use crate::error::Failure;
use crate::host::moment::{Stopwatch, rest};
use crate::host::temporary::Passing;
use crate::lessons::check::{self, Difference};
use crate::lessons::model::Lesson;
use crate::lessons::shell::{Mark, Reply, Shell};
use crate::lessons::{self};
use crate::ui::Ui;

/// The kinds outside of namespaces that a lesson of ours makes.
const CLUSTER_WIDE: &str = "pv,sc,clusterroles,clusterrolebindings,priorityclasses";

/// How long a cluster may take to come to rest, and how often it is looked at.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOKS_EVERY: Duration = Duration::from_millis(700);

/// A cluster that may be used.
pub(super) struct Real {
    context: String,
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
        let real = Real { context };
        let version = asked(&["--context", &real.context, "version"])?;
        let server = version.lines().find_map(|line| line.strip_prefix("Server Version: ")).unwrap_or("unknown");
        let context = &real.context;
        let question = format!("Run the lessons against the cluster of the context {context:?} (Kubernetes {server})?");
        match agreed || (ui.is_interactive() && ui.confirm(&question, false)?) {
            true => Ok(real),
            false => Err(Failure::error(format!(
                "the cluster of the context {context:?} is not used unless somebody agrees"
            ))
            .hint("--yes says so beforehand")
            .into()),
        }
    }

    /// A shell for a lesson, in a new namespace.
    ///
    /// # Errors
    /// The cluster refuses, or the folder can't be made.
    pub(super) fn shell(&self, lesson: &Lesson) -> Result<RealShell> {
        let namespace = format!("kstate-{}", lesson.name.chars().take(50).collect::<String>());
        let folder = Passing::folder("kstate-lesson-").map_err(|e| failed("a folder for the lesson".into(), &e))?;
        let mut shell =
            RealShell { context: self.context.clone(), namespace, folder, before: BTreeSet::new(), skipped: 0 };
        shell.begin()?;
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

/// Runs commands by a shell of the host in which kubectl means the cluster and the namespace.
pub(super) struct RealShell {
    context: String,
    namespace: String,
    folder: Passing,
    /// What was there outside of namespaces before the lesson.
    before: BTreeSet<String>,
    skipped: usize,
}

impl RealShell {
    fn begin(&mut self) -> Result<()> {
        self.kubectl(&["delete", "namespace", &self.namespace, "--ignore-not-found"])?;
        self.kubectl(&["create", "namespace", &self.namespace])?;
        // A pod needs its account.
        let began = Stopwatch::start();
        while self.kubectl(&["get", "serviceaccount", "default", "-n", &self.namespace]).is_err()
            && began.passed() < PATIENCE
        {
            rest(LOOKS_EVERY);
        }
        self.before = self.cluster_wide()?;
        Ok(())
    }

    fn kubectl(&self, args: &[&str]) -> Result<String> {
        asked(&[&["--context", &self.context][..], args].concat())
    }

    fn cluster_wide(&self) -> Result<BTreeSet<String>> {
        Ok(self.kubectl(&["get", CLUSTER_WIDE, "-o", "name"])?.lines().map(str::to_string).collect())
    }

    /// Takes away what the lesson left behind. The answer is how many commands were not for kubectl.
    pub(super) fn leave(self) -> usize {
        // OBSERVATION: what can't be removed is somebody else's to see to; the lesson's verdict stands.
        let _ = self.kubectl(&["delete", "namespace", &self.namespace, "--wait=false"]);
        if let Ok(now) = self.cluster_wide() {
            for name in now.difference(&self.before) {
                let _ = self.kubectl(&["delete", name, "--wait=false", "--ignore-not-found"]);
            }
        }
        self.skipped
    }

    fn output(&self, line: &str) -> std::io::Result<Output> {
        // A namespace that a command names itself comes later and counts.
        let kubectl =
            format!("kubectl() {{ command kubectl --context {} -n {} \"$@\"; }}", self.context, self.namespace);
        let script = format!("{kubectl}\nk() {{ kubectl \"$@\"; }}\nexec 2>&1\n{line}");
        Command::new("sh").args(["-c", &script]).current_dir(self.folder.path()).stdin(Stdio::null()).output()
    }

    fn state(&self) -> String {
        let all = format!("all,pvc,{CLUSTER_WIDE}");
        let fields = "-o=jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.resourceVersion}{\"\\n\"}{end}";
        self.kubectl(&["get", &all, "-n", &self.namespace, fields]).unwrap_or_default()
    }
}

/// Whether a line is for kstate alone.
fn is_own(line: &str) -> bool {
    line.split(['|', ';', '&', '(']).any(|part| part.split_whitespace().next() == Some("kstate"))
}

/// What stands for a command that was not run.
const SKIPPED: &str = "\u{0}skipped";

impl Shell for RealShell {
    fn run(&mut self, line: &str) -> Reply {
        if is_own(line) {
            self.skipped += 1;
            return Reply { output: SKIPPED.into(), code: 0 };
        }
        match self.output(line) {
            Ok(output) => {
                let text = String::from_utf8_lossy(&output.stdout).replace(&self.namespace, "default");
                Reply { output: text, code: output.status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1) }
            }
            Err(e) => Reply { output: format!("a shell (sh) can't be run: {e}\n"), code: 127 },
        }
    }

    fn knows(&mut self, line: &str) -> bool {
        matches!(line.split_whitespace().next(), Some("kubectl" | "k"))
    }

    fn restart(&mut self) -> Result<(), Failure> {
        Err(Failure::error("a real cluster has no beginning to go back to"))
    }

    fn settle(&mut self) -> Result<(), Failure> {
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
        let file: PathBuf = self.folder.path().join(name);
        std::fs::write(&file, text).map_err(|e| failed(format!("cannot write {name}"), &e))
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
    const PATTERNS: [(&str, &str); 9] = [
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uid>"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
        (r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b", "<ip>"),
        (r"\b(\d+[dhms])+\b", "<age>"),
        (r"-[bcdf-hj-np-tv-z2-9]{8,10}-[bcdf-hj-np-tv-z2-9]{5}\b", "-<random>"),
        (r"\bk3d-[a-z0-9-]+|\b(agent|server|node|kind|minikube)-[a-z0-9-]*\d\b", "<node>"),
        (r#"(resourceVersion"?: ?)"\d+""#, "$1<version>"),
        (r":3\d{4}\b", ":<port>"),
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
