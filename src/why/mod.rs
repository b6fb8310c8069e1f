//! Why something is as it is: a verdict, each candidate with the rule that rejected it, the rule in one sentence, and the
//! command that mends it.
//!
//! The controllers themselves are asked: their reconciles are pure, and where they stop at the first reason an `explain`
//! stands beside them. Nothing is read out of texts.

mod claim;
mod containers;
mod deletion;
mod pod;
mod repair;
mod volume;
mod workload;

use serde::Serialize;

use crate::api::{Kind, Object, Time};
use crate::controllers::{Action, Controller};
use crate::store::View;

/// The answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// What was asked about: `persistentvolumeclaim/web`.
    pub subject: String,
    /// Its state in a word: `Pending`, `Terminating`, `Released`.
    pub state: String,
    /// Whether anything is to be mended.
    pub well: bool,
    /// The verdict in a sentence or two.
    pub verdict: String,
    /// What was looked at, and what came of it.
    pub candidates: Vec<Candidate>,
    /// The rule behind it in one sentence.
    pub rule: String,
    /// Where the Kubernetes documentation says so.
    pub page: String,
    /// The commands that mend it, one after the other; none where only time or a decision helps.
    pub mend: Vec<Mend>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// `pv/small`, `node/agent-0`, `pod/web-0`.
    pub name: String,
    /// Whether it does.
    pub suits: bool,
    /// The rules that reject it, or what speaks for it.
    pub reasons: Vec<String>,
}

/// A command that mends something.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Mend {
    /// The command line.
    pub command: String,
    /// What goes to its standard input, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdin: Option<String>,
}

impl Mend {
    fn line(command: impl Into<String>) -> Mend {
        Mend { command: command.into(), stdin: None }
    }

    fn with(command: impl Into<String>, stdin: String) -> Mend {
        Mend { command: command.into(), stdin: Some(stdin) }
    }
}

impl Candidate {
    fn new(kind: &str, name: &str, reasons: Vec<String>) -> Candidate {
        Candidate { name: format!("{kind}/{name}"), suits: reasons.is_empty(), reasons }
    }
}

/// A rule with its page.
type Rule = (&'static str, &'static str);

const DOCS: &str = "https://kubernetes.io/docs/";

impl Verdict {
    fn of(object: &Object, state: &str, verdict: impl Into<String>) -> Verdict {
        Verdict {
            subject: format!("{}/{}", type_of(object.kind()), object.name()),
            state: state.to_string(),
            verdict: verdict.into(),
            ..Verdict::default()
        }
    }

    fn well(object: &Object, state: &str, verdict: impl Into<String>) -> Verdict {
        Verdict { well: true, ..Verdict::of(object, state, verdict) }
    }

    fn rule(mut self, rule: Rule) -> Verdict {
        (self.rule, self.page) = (rule.0.to_string(), format!("{DOCS}{}", rule.1));
        self
    }

    fn seen(mut self, candidates: impl IntoIterator<Item = Candidate>) -> Verdict {
        self.candidates.extend(candidates);
        self
    }

    fn mend(mut self, mends: impl IntoIterator<Item = Mend>) -> Verdict {
        self.mend.extend(mends);
        self
    }

    /// The verdict on what an object waits for, told as its own.
    fn because(mut self, cause: Verdict) -> Verdict {
        self.verdict = format!("{} {}", self.verdict, cause.verdict);
        self.candidates.extend(cause.candidates);
        self.mend.extend(cause.mend);
        if !cause.rule.is_empty() {
            (self.rule, self.page) = (cause.rule, cause.page);
        }
        self
    }
}

/// The type as a command line names it.
fn type_of(kind: Kind) -> String {
    if kind.is_built_in() { kind.singular() } else { kind.qualified() }
}

/// Says why an object is as it is.
pub fn explain(view: &View<'_>, object: &Object, now: Time) -> Verdict {
    if object.is_terminating() && object.kind() != Kind::Pod {
        return deletion::explain(view, object);
    }
    match object {
        Object::PersistentVolumeClaim(claim) => claim::explain(view, object, claim, now),
        Object::PersistentVolume(volume) => volume::explain(view, object, volume, now),
        Object::Pod(pod) => pod::explain(view, object, pod, now),
        _ => workload::explain(view, object, now),
    }
}

/// What a controller would say and do of an object now: the events, with their reason and message.
fn events_of(controller: &dyn Controller, view: &View<'_>, object: &Object, now: Time) -> Vec<(bool, String, String)> {
    let outcome = controller.reconcile(view, &object.key(), now);
    let events = outcome.actions.into_iter().filter_map(|action| match action {
        Action::Event(draft) => Some((draft.warning, draft.reason, draft.message)),
        _ => None,
    });
    events.collect()
}
