//! `rollout status`: how far a rollout is, until it is done.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/rollout/rollout_status.go`.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Which;
use crate::api::k8s::api::apps::v1::Deployment;
use crate::api::request::ListOptions;
use crate::api::{Duration, Object, Time};
use crate::error::{ApiError, Failure};
use crate::kinds::shared::rollout;
use crate::kubectl::builder::build::Builder;
use crate::kubectl::builder::info::Info;
use crate::kubectl::client::{Client, Waited};
use crate::kubectl::flags;
use crate::kubectl::print::errors::Fault;
use crate::kubectl::session::Session;
use crate::server::watch::{EventType, Watch, WatchEvent};

/// The arguments of `rollout status`.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// Watch the status of the rollout until it's done
    #[arg(short = 'w', long, default_value_t = true)]
    watch: bool,
    /// Pin to a specific revision for showing its status. Defaults to 0 (last revision)
    #[arg(long, default_value_t = 0, allow_hyphen_values = true)]
    revision: i64,
    /// The length of time to wait before ending watch, zero means never
    #[arg(long, default_value = "0s", value_parser = flags::duration)]
    timeout: Duration,
}

/// Runs the command.
///
/// # Errors
/// kubectl's texts.
pub(super) fn run(args: &Args, session: &mut Session<'_>) -> Result<(), Failure> {
    args.which.check()?;
    if args.revision < 0 {
        return Err(Failure::error(format!("revision must be a positive integer: {}", args.revision)));
    }
    let plan = Builder { treeless: true, ..args.which.builder() }.plan(session)?;
    let (mut found, mut hint) = (false, None);
    let watched = plan.visit(session, |info, session| {
        found = true;
        watch_status(args, &info, session).map_err(|failure| {
            hint = hint.take().or(failure.hint.clone());
            Fault::of(failure)
        })
    });
    if let Err(fault) = watched {
        return Err(Failure { hint, ..fault.into() });
    }
    if !found {
        super::none_found(session);
    }
    Ok(())
}

/// Prints the status with every change of the object until the rollout is done; the clock jumps meanwhile.
fn watch_status(args: &Args, info: &Info, session: &mut Session<'_>) -> Result<(), Failure> {
    let Some(mut object) = info.object.clone() else { return Ok(()) };
    let timeout = args.timeout;
    let limit = if timeout > Duration::ZERO { timeout } else { Duration::secs(7 * 24 * 3600) };
    let deadline = session.client.now() + limit;
    let options = ListOptions { field_selector: format!("metadata.name={}", object.name()), ..ListOptions::default() };
    let mut watch = session.client.watch(object.kind(), object.namespace(), options)?;
    let mut pending = VecDeque::from([WatchEvent { event: EventType::Added, object: Arc::clone(&object) }]);
    loop {
        while let Some(change) = pending.pop_front() {
            if change.event == EventType::Deleted {
                return Err(Failure::error("object has been deleted"));
            }
            object = change.object;
            let (text, done) = rollout::status(&object, args.revision).map_err(Failure::error)?;
            session.ui.out(&text);
            if done || !args.watch {
                return Ok(());
            }
        }
        let changed = session.client.wait_while_it_helps(deadline, |client| seen(client, &mut watch))?;
        let changed = match changed {
            Waited::Never => match progress_ends(&object).filter(|end| *end <= deadline) {
                // OBSERVATION: nothing gets on by itself, but the rollout's time will be over soon.
                Some(end) if end > session.client.now() && end - session.client.now() <= PATIENCE => {
                    session.client.wait_out(end, |client| seen(client, &mut watch))?
                }
                _ if session.client.has_company() => {
                    let limit = (timeout > Duration::ZERO).then_some(deadline);
                    let failure = never_done(&object, session);
                    let hint = [failure.message.trim_start_matches("error: "), failure.hint.as_deref().unwrap_or("")];
                    let hint = hint.join("; ");
                    let look = |client: &mut Client<'_>| seen(client, &mut watch);
                    session.client.wait_for_company(limit, |_| hint.clone(), look)?
                }
                _ if timeout > Duration::ZERO => {
                    session.client.sleep_until(deadline)?;
                    Waited::Over
                }
                _ => return Err(never_done(&object, session)),
            },
            waited => waited,
        };
        match changed {
            Waited::Done(changes) => pending.extend(changes),
            Waited::Over if session.client.now() < deadline => {}
            Waited::Over | Waited::Never => return Err(Failure::error("timed out waiting for the condition")),
        }
    }
}

fn seen(client: &Client<'_>, watch: &mut Watch) -> Result<Option<Vec<WatchEvent>>, ApiError> {
    Ok(Some(client.events(watch)?).filter(|changes| !changes.is_empty()))
}

/// When a Deployment's rollout will have taken too long.
fn progress_ends(object: &Object) -> Option<Time> {
    let deployment = object.get::<Deployment>()?;
    let deadline = deployment.spec.as_ref()?.progress_deadline_seconds?;
    let conditions = deployment.status.as_ref()?.conditions.as_ref()?;
    let progressing = conditions.iter().find(|c| c.type_ == "Progressing" && c.status == "True")?;
    let since = Time::from_meta(progressing.last_update_time.as_ref()?);
    Some(since + Duration::secs(i64::from(deadline) + 2))
}

/// How long a stuck rollout is watched for its progress deadline; who watches a terminal would not wait longer.
const PATIENCE: Duration = Duration::secs(120);

fn never_done(object: &Object, session: &Session<'_>) -> Failure {
    let kind = object.kind();
    Failure::error(format!("the rollout of {} {:?} will never finish by itself", kind.qualified(), object.name()))
        .hint(format!("see what its pods wait for: {} describe pods -n {}", session.line.program, object.namespace()))
}
