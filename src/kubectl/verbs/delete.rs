//! `delete`: by file, name, label or all of a kind; waits until the objects are gone.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/delete`. Where a real kubectl would wait for ever, this one says what holds
//! the object and what would free it.

use crate::api::{Duration, Kind, Object, ObjectKey};
use crate::controllers::{Deletion, Propagation};
use crate::error::{Failure, Reason};
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::builder::resources::Found;
use crate::kubectl::builder::target::{SelectArgs, Target};
use crate::kubectl::print::errors::{self, Fault};
use crate::kubectl::request::DryRun;
use crate::kubectl::session::Session;
use crate::sim::Settled;

/// Delete resources by file names, stdin, resources and names, or by resources and label selector.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// TYPE [NAME...] or TYPE/NAME...
    #[arg(value_name = "TYPE")]
    args: Vec<String>,
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    select: SelectArgs,
    /// Must be "background", "orphan", or "foreground"
    #[arg(long, default_value = "background")]
    cascade: String,
    /// Period of time in seconds given to the resource to terminate gracefully
    #[arg(long, default_value_t = -1, allow_hyphen_values = true)]
    grace_period: i64,
    /// If true, resources are signaled for immediate shutdown
    #[arg(long)]
    now: bool,
    /// If true, immediately remove resources from API and bypass graceful deletion
    #[arg(long)]
    force: bool,
    /// Treat "resource not found" as a successful delete
    #[arg(long)]
    ignore_not_found: bool,
    /// If true, wait for resources to be gone before returning
    #[arg(long, default_value_t = true)]
    wait: bool,
    /// The length of time to wait before giving up on a delete, zero means determine a timeout from the size of the object
    #[arg(long, default_value = "0s")]
    timeout: String,
    /// Output mode. Use "-o name" for shorter output
    #[arg(short = 'o', long, value_name = "FORMAT")]
    output: Option<String>,
    /// Must be "none", "server", or "client"
    #[arg(long, default_value = "none")]
    dry_run: String,
    /// If true, kubectl will ask for confirmation
    #[arg(short = 'i', long)]
    interactive: bool,
}

/// Runs the verb.
///
/// # Errors
/// kubectl's texts; exit 1 when an object can never go by itself.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let dry_run = DryRun::parse(&args.dry_run)?;
    let propagation = match args.cascade.as_str() {
        "background" | "true" => Propagation::Background,
        "orphan" | "false" => Propagation::Orphan,
        "foreground" => Propagation::Foreground,
        other => {
            return Err(Failure::error(format!(
                "invalid cascade value ({other}). Must be \"background\", \"foreground\", or \"orphan\""
            )));
        }
    };
    let grace = grace_period(&args)?;
    let timeout = Duration::parse(&args.timeout).map_err(|e| {
        Failure::error(format!(
            "invalid argument {:?} for \"--timeout\" flag: {e}\nSee '{} delete --help' for usage.",
            args.timeout, session.program
        ))
    })?;
    if !matches!(args.output.as_deref(), None | Some("" | "name")) {
        return Err(Failure::error(format!(
            "unexpected -o output mode: {}. We only support '-o name'",
            args.output.unwrap_or_default()
        )));
    }
    let given = |selector: &Option<String>| selector.as_deref().is_some_and(|s| !s.is_empty());
    // The builder refuses before kubectl's own check of these flags.
    if args.select.all && (given(&args.select.selector) || given(&args.select.field_selector)) {
        return Err(Failure::error("setting 'all' parameter but found a non empty selector. "));
    }
    let target = Target { doing: Some("deleting"), ..args.select.target(&args.args, &args.files) };
    let mut found = target.find(session)?;
    if args.ignore_not_found || args.select.all || given(&args.select.selector) || given(&args.select.field_selector) {
        found.faults.retain(|f| !matches!(f, Fault::Api(e) if e.reason == Reason::NotFound));
    }
    if grace == Some(0) {
        session.ui.err("Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.\n");
    }
    if found.objects.is_empty() && found.faults.is_empty() {
        // OBSERVATION: what was named counts as found, also when it may be absent.
        if !found.named {
            session.ui.out("No resources found\n");
        }
        return Ok(());
    }
    if args.interactive && !confirm(session, &found)? {
        return Ok(());
    }
    let mut faults = std::mem::take(&mut found.faults);
    let mut going: Vec<(ObjectKey, String)> = Vec::new();
    let mut warn_cluster_scope = session.namespace_given && !args.select.all_namespaces;
    for object in &found.objects {
        if warn_cluster_scope && !object.kind().is_namespaced() {
            warn_cluster_scope = false;
            session.ui.err("Warning: deleting cluster-scoped resources, not scoped to the provided namespace\n");
        }
        if dry_run == DryRun::None {
            let deletion = Deletion { key: object.key(), uid: None, grace, propagation };
            let answer = session.authorize_on("delete", &deletion.key);
            if let Err(e) = answer.and_then(|()| session.cluster.delete(&deletion)) {
                if !(e.reason == Reason::NotFound && args.ignore_not_found) {
                    faults.push(e.into());
                }
                continue;
            }
            session.print_warnings();
            going.push((object.key(), object.uid().to_string()));
        }
        session.ui.out(&deleted_line(&args, object, grace, dry_run));
    }
    if args.wait && faults.is_empty() {
        wait_until_gone(&going, timeout, session, &mut faults)?;
    }
    errors::check(faults)
}

fn grace_period(args: &Args) -> Result<Option<i64>, Failure> {
    if args.now {
        if args.grace_period >= 0 {
            return Err(Failure::error("--now and --grace-period cannot be specified together"));
        }
        if args.force {
            return Err(Failure::error("--force and --grace-period greater than 0 cannot be specified together"));
        }
        return Ok(Some(1));
    }
    if args.grace_period == 0 && !args.force {
        // kubectl turns an unforced zero into one second, so that the wait below is honest.
        return Ok(Some(1));
    }
    if args.force && args.grace_period < 0 {
        return Ok(Some(0));
    }
    if args.force && args.grace_period > 0 {
        return Err(Failure::error("--force and --grace-period greater than 0 cannot be specified together"));
    }
    Ok(Some(args.grace_period).filter(|g| *g >= 0))
}

fn confirm(session: &mut Session<'_>, found: &Found) -> Result<bool, Failure> {
    session.ui.out("You are about to delete the following ");
    session.ui.out(&format!("{} resource(s):\n", found.objects.len()));
    for object in &found.objects {
        session.ui.out(&format!("{}/{}\n", object.kind().qualified(), object.name()));
    }
    let ui = session.ui;
    let yes = session.meanwhile(|| ui.confirm("Do you want to continue?", false))??;
    if !yes {
        session.ui.out("deletion is cancelled\n");
    }
    Ok(yes)
}

fn deleted_line(args: &Args, object: &Object, grace: Option<i64>, dry_run: DryRun) -> String {
    let qualified = object.kind().qualified();
    if args.output.as_deref() == Some("name") {
        return format!("{qualified}/{}\n", object.name());
    }
    let operation = if grace == Some(0) { "force deleted" } else { "deleted" };
    // kubectl 1.34 adds `from NAMESPACE namespace` here; the client that we speak as is 1.33.
    format!("{qualified} {:?} {operation}{}\n", object.name(), dry_run.suffix())
}

/// Lets the clock jump until the objects are gone.
fn wait_until_gone(
    going: &[(ObjectKey, String)],
    timeout: Duration,
    session: &mut Session<'_>,
    faults: &mut Vec<Fault>,
) -> Result<(), Failure> {
    let limit = if timeout == Duration::ZERO { Duration::secs(7 * 24 * 3600) } else { timeout };
    let deadline = session.cluster.now() + limit;
    for (key, uid) in going {
        let here = |c: &crate::sim::Cluster| c.view().get(key).is_some_and(|o| o.uid() == uid);
        let ended = session.cluster.run_while(deadline, |c| here(c))?;
        if ended == Settled::Reached {
            continue;
        }
        if timeout != Duration::ZERO {
            let text = format!("timed out waiting for the condition on {}/{}", key.kind.plural(), key.name);
            faults.push(Fault::plain(text));
            return session.checkpoint();
        }
        let object = session.cluster.view().get(key).cloned();
        let (why, free) = object.as_deref().map(|o| what_holds(o, session)).unwrap_or_default();
        let text =
            format!("error: {} {:?} will never go by itself: {why}\nhint: {free}", key.kind.qualified(), key.name);
        session.checkpoint()?;
        faults.push(Fault::plain(text));
    }
    Ok(())
}

/// What keeps an object that is being deleted, and what would let it go.
fn what_holds(object: &Object, session: &Session<'_>) -> (String, String) {
    let finalizers = object.meta().finalizers.clone().unwrap_or_default();
    let (namespace, name) = (object.namespace(), object.name());
    let first = finalizers.first().map(String::as_str).unwrap_or_default();
    let view = session.cluster.view();
    match (object, first) {
        (_, "kubernetes.io/pvc-protection") => {
            let users: Vec<String> = crate::api::Lister::pods_using_claim(&view, namespace, name)
                .iter()
                .map(|p| format!("pod {:?}", p.name()))
                .collect();
            let (verb, pods) = if users.len() == 1 { ("uses", "pod that uses") } else { ("use", "pods that use") };
            let users = users.join(" and ");
            (format!("{first} holds it while {users} {verb} it"), format!("delete the {pods} the claim"))
        }
        (Object::PersistentVolume(pv), "kubernetes.io/pv-protection") => {
            let claim = pv.spec.as_ref().and_then(|s| s.claim_ref.as_ref());
            let claim = claim.map(|c| {
                format!("{}/{}", c.namespace.as_deref().unwrap_or_default(), c.name.as_deref().unwrap_or_default())
            });
            let claim = claim.unwrap_or_default();
            (format!("{first} holds it while claim {claim:?} is bound to it"), format!("delete the claim {claim:?}"))
        }
        (Object::Pod(pod), "") => {
            let node = pod.spec.as_ref().and_then(|s| s.node_name.clone()).unwrap_or_default();
            (
                format!("the kubelet of node {node:?} must end it first, and does not answer"),
                format!("start the node again (kstate node start {node}), or delete with --force"),
            )
        }
        (Object::Namespace(_), _) => (
            "not all that is in it can go".into(),
            format!("see what is left: {} get all,pvc,cm -n {name}", session.program),
        ),
        _ => (
            match finalizers.as_slice() {
                [one] => format!("its finalizer {one} holds it"),
                all => format!("its finalizers {} hold it", all.join(", ")),
            },
            format!(
                "remove the finalizers: {} patch {} {name} --type=merge -p '{{\"metadata\":{{\"finalizers\":null}}}}'",
                session.program,
                short_type(object.kind())
            ),
        ),
    }
}

fn short_type(kind: Kind) -> String {
    kind.short_names().first().map_or_else(|| kind.singular(), |s| s.to_string())
}
