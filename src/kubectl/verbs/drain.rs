//! `drain`: cordons a node and evicts its pods.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/drain` and `k8s.io/kubectl/pkg/drain`. Where a real kubectl would try for ever,
//! this one says why it is of no use.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::k8s::api::core::v1::Pod;
use crate::api::object::controller_of;
use crate::api::request::{DeleteOptions, ListOptions};
use crate::api::selector::Selector;
use crate::api::{Duration, Kind, Object, ObjectKey, Time};
use crate::error::{ApiError, Failure, Reason};
use crate::kinds::core::pod::is_terminal;
use crate::kinds::shared::access::items;
use crate::kubectl::client::{Client, Waited};
use crate::kubectl::flags;
use crate::kubectl::request::DryRun;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::cordon::{NodeArgs, cordon};

/// Drain node in preparation for maintenance.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(flatten)]
    nodes: NodeArgs,
    /// Continue even if there are pods that do not declare a controller
    #[arg(long)]
    force: bool,
    /// Ignore DaemonSet-managed pods
    #[arg(long)]
    ignore_daemonsets: bool,
    /// Continue even if there are pods using emptyDir (local data that will be deleted when the node is drained)
    #[arg(long)]
    delete_emptydir_data: bool,
    /// Period of time in seconds given to each pod to terminate gracefully. If negative, the default value specified in the pod will be used
    #[arg(long, default_value_t = -1, allow_hyphen_values = true)]
    grace_period: i64,
    /// The length of time to wait before giving up, zero means infinite
    #[arg(long, default_value = "0s", value_parser = flags::duration)]
    timeout: Duration,
    /// Label selector to filter pods on the node
    #[arg(long, default_value = "", hide_default_value = true)]
    pod_selector: String,
    /// Force drain to use delete, even if eviction is supported. This will bypass checking PodDisruptionBudgets, use with caution
    #[arg(long)]
    disable_eviction: bool,
    /// If pod DeletionTimestamp older than N seconds, skip waiting for the pod. Seconds must be greater than 0 to skip
    #[arg(long, default_value_t = 0, allow_hyphen_values = true)]
    skip_wait_for_delete_timeout: i64,
    /// Return large lists in chunks rather than all at once
    #[arg(long, default_value_t = 500, allow_hyphen_values = true)]
    chunk_size: i64,
}

/// How long kubectl waits before it asks a disruption budget again.
const RETRY: Duration = Duration::secs(5);
/// How long a drain without a timeout may take at most.
const FOREVER: Duration = Duration::secs(7 * 24 * 3600);

const DAEMON_SET_FATAL: &str = "DaemonSet-managed Pods (use --ignore-daemonsets to ignore)";
const LOCAL_STORAGE_FATAL: &str = "Pods with local storage (use --delete-emptydir-data to override)";
// The verb is doubled in kubectl too.
const UNMANAGED_FATAL: &str = "cannot delete Pods that declare no controller (use --force to override)";

/// Runs the verb.
///
/// # Errors
/// kubectl's texts; exit 1 when a pod can never be evicted.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let chunk = args.chunk_size.max(0).unsigned_abs();
    let check = |_: &Session<'_>| match Selector::parse(&args.pod_selector) {
        Ok(_) => Ok(()),
        Err(_) => Err(Failure::error("--pod-selector=<pod_selector> must be a valid label selector")),
    };
    let (nodes, dry_run) = args.nodes.find(session, "drain", check, chunk)?;
    let timeout = args.timeout;
    let drain = Drain { args, dry_run, timeout };
    cordon(&nodes, true, dry_run, session);
    let mut fatal: Vec<Vec<String>> = Vec::new();
    let mut remaining: Vec<&str> = Vec::new();
    let mut hint = None;
    for node in &nodes {
        match drain.node(node.name(), session)? {
            Ok(()) => session.ui.out(&format!("node/{} drained{}\n", node.name(), dry_run.suffix())),
            Err(stopped) => {
                let all = aggregate(&stopped.errors);
                let text = format!(
                    "error: unable to drain node {:?} due to error: {all}, continuing command...\n",
                    node.name()
                );
                session.ui.err(&text);
                fatal.push(stopped.errors);
                remaining.push(node.name());
                hint = hint.or(stopped.hint);
            }
        }
    }
    if remaining.is_empty() {
        return Ok(());
    }
    session.ui.err("There are pending nodes to be drained:\n");
    remaining.iter().for_each(|name| session.ui.err(&format!(" {name}\n")));
    // The faults of the only node are told one by one, those of each of several in one line.
    let lines: Vec<String> = match fatal.as_slice() {
        [one] => one.clone(),
        all => all.iter().map(|errors| aggregate(errors)).collect(),
    };
    Err(Failure { hint, ..Failure::raw(lines.join("\n")) })
}

/// Several errors as one. Mirrors `Aggregate.Error`.
fn aggregate(errors: &[String]) -> String {
    let mut all: Vec<&str> = errors.iter().map(String::as_str).collect();
    all.dedup();
    match all.as_slice() {
        [one] => one.to_string(),
        many => format!("[{}]", many.join(", ")),
    }
}

/// Why a node was not drained.
struct Stopped {
    errors: Vec<String>,
    hint: Option<String>,
}

/// The pods that shall go, and what to warn of.
type Chosen = (Vec<Arc<Object>>, Vec<String>);

/// What is to become of a pod.
enum Fate {
    Skip,
    Go,
    GoWith(String),
    StayWith(String),
    Forbid(String),
}

/// How far the eviction of a pod has got.
enum Progress {
    Try(Time),
    Leaving,
    Done(Result<(), String>),
}

struct Job {
    /// The pod as it was seen last.
    pod: Arc<Object>,
    progress: Progress,
}

struct Drain {
    args: Args,
    dry_run: DryRun,
    timeout: Duration,
}

impl Drain {
    /// Drains one node.
    fn node(&self, node: &str, session: &mut Session<'_>) -> Result<Result<(), Stopped>, Failure> {
        let (pods, warnings) = match self.pods_for_deletion(node, session) {
            Ok(found) => found,
            Err(errors) => return Ok(Err(Stopped { errors, hint: None })),
        };
        if !warnings.is_empty() {
            session.ui.err(&format!("Warning: {}\n", warnings.join("; ")));
        }
        if self.dry_run == DryRun::Client {
            for pod in &pods {
                session.ui.out(&format!("evicting pod {}/{} (dry run)\n", pod.namespace(), pod.name()));
            }
            return Ok(Ok(()));
        }
        let stopped = match self.remove(node, &pods, session)? {
            None => return Ok(Ok(())),
            Some(stopped) => stopped,
        };
        if let Ok((pending, _)) = self.pods_for_deletion(node, session)
            && !pending.is_empty()
        {
            let all = aggregate(&stopped.errors);
            session.ui.err(&format!("There are pending pods in node {node:?} when an error occurred: {all}\n"));
            pending.iter().for_each(|pod| session.ui.err(&format!("pod/{}\n", pod.name())));
        }
        Ok(Err(stopped))
    }

    /// The pods that shall go, and what to warn of; or why none may go.
    fn pods_for_deletion(&self, node: &str, session: &Session<'_>) -> Result<Chosen, Vec<String>> {
        let mut pods = Vec::new();
        let mut warnings: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut errors: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let options = ListOptions {
            label_selector: self.args.pod_selector.clone(),
            field_selector: format!("spec.nodeName={node}"),
            limit: self.args.chunk_size.max(0).unsigned_abs(),
            ..ListOptions::default()
        };
        let all = session.client.list(Kind::Pod, "", &options).map_err(|refused| vec![refused.message])?;
        for object in &all {
            let Some(pod) = object.get::<Pod>() else { continue };
            let path = format!("{}/{}", object.namespace(), object.name());
            match self.fate(object, pod, &session.client) {
                Fate::Skip => {}
                Fate::Go => pods.push(Arc::clone(object)),
                Fate::GoWith(warning) => {
                    pods.push(Arc::clone(object));
                    warnings.entry(warning).or_default().push(path);
                }
                Fate::StayWith(warning) => warnings.entry(warning).or_default().push(path),
                Fate::Forbid(error) => errors.entry(error).or_default().push(path),
            }
        }
        let lines = |by_text: BTreeMap<String, Vec<String>>, before: &str| {
            by_text.into_iter().map(|(text, pods)| format!("{before}{text}: {}", pods.join(", "))).collect::<Vec<_>>()
        };
        match errors.is_empty() {
            true => Ok((pods, lines(warnings, ""))),
            false => Err(lines(errors, "cannot delete ")),
        }
    }

    /// Mirrors `makeFilters`: the first filter that keeps a pod decides, else the last one.
    fn fate(&self, object: &Object, pod: &Pod, client: &Client<'_>) -> Fate {
        if self.waits_no_more(object, client.now()) {
            return Fate::Skip;
        }
        let controller = controller_of(&pod.metadata);
        let terminal = is_terminal(pod);
        if let Some(owner) = controller.filter(|c| c.kind == "DaemonSet" && c.api_version == "apps/v1" && !terminal) {
            let key = ObjectKey::new(Kind::DaemonSet, object.namespace(), &owner.name);
            match client.get(&key) {
                Ok(_) => {}
                // OBSERVATION: the warning of this filter is lost, since the filters after it say that all is well.
                Err(missing) if missing.reason == Reason::NotFound && self.args.force => return Fate::Go,
                Err(refused) => return Fate::Forbid(refused.message),
            }
            return match self.args.ignore_daemonsets {
                true => Fate::StayWith("ignoring DaemonSet-managed Pods".into()),
                false => Fate::Forbid(DAEMON_SET_FATAL.into()),
            };
        }
        if object.annotation("kubernetes.io/config.mirror").is_some() {
            return Fate::Skip;
        }
        let volumes = pod.spec.as_ref().map(|s| items(&s.volumes)).unwrap_or_default();
        if volumes.iter().any(|v| v.empty_dir.is_some()) && !terminal && !self.args.delete_emptydir_data {
            return Fate::Forbid(LOCAL_STORAGE_FATAL.into());
        }
        match (controller.is_some() || terminal, self.args.force) {
            (true, _) => Fate::Go,
            (false, true) => Fate::GoWith("deleting Pods that declare no controller".into()),
            (false, false) => Fate::Forbid(UNMANAGED_FATAL.into()),
        }
    }

    /// Whether a pod has been going for so long that nobody waits for it.
    fn waits_no_more(&self, object: &Object, now: Time) -> bool {
        self.patience_ends(object).is_some_and(|end| now >= end)
    }

    /// From when on nobody waits for a pod that is going.
    fn patience_ends(&self, object: &Object) -> Option<Time> {
        let limit = self.args.skip_wait_for_delete_timeout;
        let since = Time::from_meta(object.meta().deletion_timestamp.as_ref()?);
        (limit > 0).then(|| since + Duration::secs(limit + 1))
    }

    /// Asks for the pods' eviction until all are gone. What stopped it, if something did.
    fn remove(&self, node: &str, pods: &[Arc<Object>], session: &mut Session<'_>) -> Result<Option<Stopped>, Failure> {
        let start = session.client.now();
        let limit = (self.timeout != Duration::ZERO).then(|| start + self.timeout);
        let job = |pod: &Arc<Object>| Job { pod: Arc::clone(pod), progress: Progress::Try(start) };
        let mut jobs: Vec<Job> = pods.iter().map(job).collect();
        let mut hint = None;
        // How many times in a row everything was refused while nothing moved.
        let mut in_vain = 0;
        loop {
            for job in &mut jobs {
                self.advance(job, limit, session)?;
                if let Progress::Done(Err(_)) = job.progress
                    && self.args.disable_eviction
                {
                    // OBSERVATION: the first pod that can't be deleted ends it all.
                    let progress = std::mem::replace(&mut job.progress, Progress::Leaving);
                    return Ok(stopped(progress, hint));
                }
            }
            if jobs.iter().all(|j| matches!(j.progress, Progress::Done(_))) {
                break;
            }
            let next = jobs.iter().filter_map(|j| self.next_look(j)).chain(limit).min();
            let leaving: Vec<(ObjectKey, String)> = jobs
                .iter()
                .filter(|j| matches!(j.progress, Progress::Leaving))
                .map(|j| (j.pod.key(), j.pod.uid().to_string()))
                .collect();
            let mut looked_at = None;
            let gone = |client: &mut Client<'_>| {
                let removals = Some(client.removals(Kind::Pod));
                if std::mem::replace(&mut looked_at, removals) == removals {
                    return Ok(None);
                }
                for (key, uid) in &leaving {
                    if client.find(key)?.is_none_or(|o| o.uid() != uid) {
                        return Ok(Some(()));
                    }
                }
                Ok(None)
            };
            let waited = session.client.wait_while_it_helps(next.unwrap_or(start + FOREVER), gone)?;
            in_vain = if waited == Waited::Never { in_vain + 1 } else { 0 };
            if waited == Waited::Never
                && let Some(next) = next
            {
                session.client.sleep_until(next)?;
            }
            if in_vain > 0 && limit.is_none() && (next.is_none() || in_vain > 1) {
                hint = Some(give_up(&mut jobs, node, session));
                break;
            }
        }
        let errors =
            jobs.into_iter().filter_map(|j| stopped(j.progress, None)).flat_map(|s| s.errors).collect::<Vec<_>>();
        Ok((!errors.is_empty()).then_some(Stopped { errors, hint }))
    }

    /// When something must be done about a pod even if nothing happens to it.
    fn next_look(&self, job: &Job) -> Option<Time> {
        match job.progress {
            Progress::Try(at) => Some(at),
            Progress::Leaving => self.patience_ends(&job.pod),
            Progress::Done(_) => None,
        }
    }

    /// Takes the next step with one pod, if its time has come.
    fn advance(&self, job: &mut Job, limit: Option<Time>, session: &mut Session<'_>) -> Result<(), Failure> {
        let now = session.client.now();
        let over = limit.is_some_and(|limit| now >= limit);
        match job.progress {
            Progress::Try(at) if at <= now || over => {
                job.progress = self.request(&job.pod, over, session);
                if let Some(pod) = session.client.find(&job.pod.key())?.filter(|p| p.uid() == job.pod.uid()) {
                    job.pod = pod;
                }
            }
            Progress::Leaving => job.progress = self.look(&job.pod, over, session)?,
            _ => {}
        }
        Ok(())
    }

    /// Looks whether a pod that was asked to go is gone. Mirrors `waitForDelete`.
    fn look(&self, pod: &Object, over: bool, session: &mut Session<'_>) -> Result<Progress, Failure> {
        let (namespace, name) = (pod.namespace(), pod.name());
        let Some(live) = session.client.find(&pod.key())?.filter(|o| o.uid() == pod.uid()) else {
            let done = if self.args.disable_eviction { "deleted" } else { "evicted" };
            session.ui.out(&format!("pod/{name} {done}{}\n", self.dry_run.suffix()));
            return Ok(Progress::Done(Ok(())));
        };
        if self.waits_no_more(&live, session.client.now()) {
            let seconds = self.args.skip_wait_for_delete_timeout;
            let text = format!("pod {name:?} has DeletionTimestamp older than {seconds} seconds, skipping\n");
            session.ui.out(&text);
            return Ok(Progress::Done(Ok(())));
        }
        Ok(match (over, self.args.disable_eviction) {
            (false, _) => Progress::Leaving,
            (true, true) => Progress::Done(Err("context deadline exceeded".into())),
            (true, false) => Progress::Done(Err(format!(
                "error when waiting for pod {name:?} in namespace {namespace:?} to terminate: context deadline exceeded"
            ))),
        })
    }

    /// Asks the server to let a pod go.
    fn request(&self, pod: &Object, over: bool, session: &mut Session<'_>) -> Progress {
        let (namespace, name) = (pod.namespace(), pod.name());
        let grace = Some(self.args.grace_period).filter(|g| *g >= 0);
        let dry_run = self.dry_run == DryRun::Server;
        if self.args.disable_eviction {
            let options = DeleteOptions { grace_period: grace, dry_run, ..DeleteOptions::default() };
            return match session.client.delete(&pod.key(), options) {
                Ok(_) if dry_run => Progress::Done(Ok(())),
                Ok(_) => Progress::Leaving,
                Err(e) if e.reason == Reason::NotFound => Progress::Leaving,
                Err(e) => Progress::Done(Err(e.message)),
            };
        }
        let suffix = if dry_run { " (server dry run)" } else { "" };
        session.ui.out(&format!("evicting pod {namespace}/{name}{suffix}\n"));
        let failed = |e: &str| Progress::Done(Err(format!("error when evicting pods/{name:?} -n {namespace:?}: {e}")));
        if over {
            return failed(&format!("global timeout reached: {}", self.timeout));
        }
        let retry = |what: &str, e: &ApiError, session: &Session<'_>| {
            session.ui.err(&format!("error when evicting {what} (will retry after {RETRY}): {e}\n"));
            Progress::Try(session.client.now() + RETRY)
        };
        let ends = |e: &ApiError| e.reason == Reason::Forbidden && e.has_cause("NamespaceTerminating");
        match session.client.evict(&pod.key(), grace, dry_run) {
            Ok(()) if dry_run => Progress::Done(Ok(())),
            Ok(()) => Progress::Leaving,
            Err(e) if e.reason == Reason::NotFound => Progress::Done(Ok(())),
            Err(e) if e.reason == Reason::TooManyRequests => {
                retry(&format!("pods/{name:?} -n {namespace:?}"), &e, session)
            }
            // The whole namespace goes: no eviction can succeed, and the pod goes without one.
            Err(e) if ends(&e) && pod.is_terminating() => Progress::Leaving,
            Err(e) if ends(&e) => retry(&format!("pod {name:?} from terminating namespace {namespace:?}"), &e, session),
            Err(e) => failed(&e.message),
        }
    }
}

fn stopped(progress: Progress, hint: Option<String>) -> Option<Stopped> {
    match progress {
        Progress::Done(Err(error)) => Some(Stopped { errors: vec![error], hint }),
        _ => None,
    }
}

/// Ends the jobs that can never end by themselves, and says what would help.
fn give_up(jobs: &mut [Job], node: &str, session: &Session<'_>) -> String {
    let mut hint = String::new();
    for job in jobs {
        let (namespace, name) = (job.pod.namespace(), job.pod.name());
        let error = match job.progress {
            Progress::Done(_) => continue,
            Progress::Try(_) => {
                hint = format!(
                    "no retry can succeed as things are: {} get pdb -A shows the budget; raise the replicas or change it",
                    session.line.program
                );
                format!(
                    "error when evicting pods/{name:?} -n {namespace:?}: Cannot evict pod as it would violate the pod's \
                     disruption budget."
                )
            }
            Progress::Leaving => {
                hint = format!(
                    "the kubelet of node {node:?} does not answer, or a finalizer holds the pod: kstate node start {node}, \
                     or delete the pod with --force"
                );
                format!("error when waiting for pod {name:?} in namespace {namespace:?} to terminate: it will never go")
            }
        };
        job.progress = Progress::Done(Err(error));
    }
    hint
}
