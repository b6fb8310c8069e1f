//! The deletion of what was found, for `delete` and for those who replace objects by force.
//!
//! Mirrors `DeleteResult` of `k8s.io/kubectl/pkg/cmd/delete/delete.go`.

use super::holds::what_holds;
use crate::api::Duration;
use crate::api::request::{DeleteOptions, Propagation, Verb};
use crate::error::{Failure, Reason};
use crate::kubectl::builder::build::Plan;
use crate::kubectl::builder::info::{Info, check_name};
use crate::kubectl::client::{Client, Waited};
use crate::kubectl::print::errors::Fault;
use crate::kubectl::request::DryRun;
use crate::kubectl::session::Session;
use crate::server::Reply;

/// Waits that have no end of their own end after a week.
const WEEK: Duration = Duration::secs(168 * 3600);

/// How objects are deleted.
#[derive(Debug, Clone)]
pub struct Deleting {
    /// `--cascade`.
    pub propagation: Propagation,
    /// `--grace-period` in seconds; negative for the object's own.
    pub grace_period: i64,
    /// Whether to wait until the objects are gone.
    pub wait: bool,
    /// How long to wait; zero for as long as it takes.
    pub timeout: Duration,
    /// `--dry-run`.
    pub dry_run: DryRun,
    /// Whether only names are printed.
    pub names: bool,
    /// Whether nothing is printed of what goes.
    pub quiet: bool,
    /// Whether to warn of cluster-wide objects, that the namespace which was named says nothing of.
    pub warn_cluster_scope: bool,
    /// What was shown to the user, where they were asked: only that goes.
    pub shown: Option<Vec<Info>>,
}

/// Reads `--cascade`, and warns of its old values. Mirrors `parseCascadingFlag`.
///
/// # Errors
/// kubectl's text.
pub fn parse_cascading_flag(text: &str, session: &Session<'_>) -> Result<Propagation, Failure> {
    let (propagation, new) = match text {
        "background" => return Ok(Propagation::Background),
        "orphan" => return Ok(Propagation::Orphan),
        "foreground" => return Ok(Propagation::Foreground),
        "1" | "t" | "T" | "true" | "TRUE" | "True" => (Propagation::Background, "background"),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => (Propagation::Orphan, "orphan"),
        other => {
            return Err(Failure::error(format!(
                "invalid cascade value ({other}). Must be \"background\", \"foreground\", or \"orphan\""
            )));
        }
    };
    session.ui.err(&format!(
        "warning: --cascade={text} is deprecated (boolean value) and can be replaced with --cascade={new}.\n"
    ));
    Ok(propagation)
}

impl Deleting {
    /// Deletes what a plan finds, and waits until it is gone if that was asked for.
    ///
    /// # Errors
    /// What could not be deleted, and what does not go.
    pub fn delete(&self, plan: &Plan<'_>, session: &mut Session<'_>) -> Result<(), Failure> {
        let mut warn = self.warn_cluster_scope;
        let mut going = Vec::new();
        let mut found = 0;
        plan.visit(session, |info, session| {
            let same = |other: &&Info| other.served == info.served && other.key() == info.key();
            if self.shown.as_ref().is_some_and(|shown| !shown.iter().any(|i| same(&i))) {
                return Ok(());
            }
            found += 1;
            if warn && !info.served.namespaced {
                session.client.warn(["deleting cluster-scoped resources, not scoped to the provided namespace".into()]);
                warn = false;
            }
            if self.dry_run != DryRun::Client {
                let uid = self.send(&info, session).map_err(|fault| fault.when("deleting", &info.source))?;
                session.ui.out(&self.line(&info, session));
                going.push((info, uid));
            } else {
                session.ui.out(&self.line(&info, session));
            }
            Ok(())
        })?;
        if found == 0 {
            session.ui.out("No resources found\n");
            return Ok(());
        }
        match self.wait && self.dry_run == DryRun::None {
            true => self.wait_until_gone(&going, session),
            false => Ok(()),
        }
    }

    /// Deletes an object, and tells its uid.
    fn send(&self, info: &Info, session: &mut Session<'_>) -> Result<String, Fault> {
        check_name(&info.name)?;
        let options = DeleteOptions {
            grace_period: Some(self.grace_period).filter(|grace| *grace >= 0),
            propagation: Some(self.propagation),
            dry_run: self.dry_run == DryRun::Server,
            ..DeleteOptions::default()
        };
        Ok(match session.client.send(Verb::Delete(options), info.whole())? {
            Reply::Object(object) => object.uid().to_string(),
            Reply::Tree(status) => status["details"]["uid"].as_str().unwrap_or_default().to_string(),
            _ => String::new(),
        })
    }

    /// `pod "web" deleted from default namespace`.
    fn line(&self, info: &Info, session: &Session<'_>) -> String {
        let qualified = info.served.qualified();
        if self.quiet {
            return String::new();
        }
        if self.names {
            return format!("{qualified}/{}\n", info.name);
        }
        let operation = if self.grace_period == 0 { "force deleted" } else { "deleted" };
        // The client of a cluster before v1.34 does not say from where.
        let place = match info.served.namespaced && session.client.minor() >= 34 {
            true => format!(" from {} namespace", info.namespace),
            false => String::new(),
        };
        format!("{qualified} {:?} {operation}{place}{}\n", info.name, self.dry_run.suffix())
    }

    /// Lets the clock jump until the objects are gone.
    fn wait_until_gone(&self, going: &[(Info, String)], session: &mut Session<'_>) -> Result<(), Failure> {
        let timeout = if self.timeout == Duration::ZERO { WEEK } else { self.timeout };
        // On a cluster where nothing happens any more, a week's wait would only be a wait.
        let deadline = session.client.deadline(self.timeout);
        let mut held: Vec<String> = Vec::new();
        let program = session.line.program;
        for (info, uid) in going {
            let key = info.key();
            let held_by = |client: &Client<'_>| {
                let object = client.get(&key).ok();
                object.as_deref().map(|o| what_holds(o, client, program)).unwrap_or_default()
            };
            let hint = |client: &Client<'_>| {
                let (why, free) = held_by(client);
                format!("{} {:?} will not go by itself: {why}; {free}", key.kind.qualified(), key.name)
            };
            match session.client.wait_until_gone((&key, uid), deadline, hint) {
                Ok(Waited::Done(())) => {}
                // Who may not look does not wait.
                Err(e) if matches!(e.reason, Reason::Forbidden | Reason::MethodNotAllowed) => return Ok(()),
                Err(e) => return Err(e.into()),
                Ok(Waited::Never) if timeout >= WEEK => {
                    let (why, free) = held_by(&session.client);
                    let kind = key.kind.qualified();
                    held.push(format!("error: {kind} {:?} will never go by itself: {why}\nhint: {free}", key.name));
                    session.client.checkpoint()?;
                }
                Ok(Waited::Over | Waited::Never) => {
                    session.client.checkpoint()?;
                    let text = format!("timed out waiting for the condition on {}", info.object_name());
                    return Err(Failure::error(text));
                }
            }
        }
        if held.is_empty() { Ok(()) } else { Err(Failure::raw(held.join("\n"))) }
    }
}
