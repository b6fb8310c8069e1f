//! `delete`: by file, name, label or all of a kind; waits until the objects are gone.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/delete`. Where a real kubectl would wait for ever, this one says what holds
//! the object and what would free it.

use crate::api::request::{DeleteOptions, Propagation};
use crate::api::{Duration, Kind, Lister, Object, ObjectKey};
use crate::error::{ApiError, Failure, Reason};
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::builder::resources::{Query, Target};
use crate::kubectl::builder::target::{FILES_AND_NAMES, NOTHING_NAMED, SelectArgs};
use crate::kubectl::client::Waited;
use crate::kubectl::print::errors::{self, Fault};
use crate::kubectl::request::DryRun;
use crate::kubectl::session::Session;
use crate::server::served::Served;

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
        "background" | "1" | "t" | "T" | "true" | "TRUE" | "True" => Propagation::Background,
        "orphan" | "0" | "f" | "F" | "false" | "FALSE" | "False" => Propagation::Orphan,
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
            args.timeout, session.line.program
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
    let mut found = find(&args, session)?;
    if args.ignore_not_found || args.select.all || given(&args.select.selector) || given(&args.select.field_selector) {
        found.faults.retain(|f| !is_missing(f));
    }
    if grace == Some(0) {
        session.ui.err("Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.\n");
    }
    if found.items.is_empty() && found.faults.is_empty() {
        session.ui.out("No resources found\n");
        return Ok(());
    }
    if args.interactive && !confirm(session, &mut found)? {
        return Ok(());
    }
    let mut faults = std::mem::take(&mut found.faults);
    let mut going: Vec<(ObjectKey, String)> = Vec::new();
    let mut warn_cluster_scope = session.namespace_given && !args.select.all_namespaces;
    let options = DeleteOptions {
        grace_period: grace,
        propagation: Some(propagation),
        dry_run: dry_run == DryRun::Server,
        ..DeleteOptions::default()
    };
    for item in &found.items {
        if warn_cluster_scope && !item.key.kind.is_namespaced() {
            warn_cluster_scope = false;
            session.ui.err("Warning: deleting cluster-scoped resources, not scoped to the provided namespace\n");
        }
        if dry_run != DryRun::Client {
            match session.client.delete_at(item.served.resource_of(&item.key), options.clone()) {
                Ok(uid) => going.push((item.key.clone(), uid)),
                Err(e) if e.reason == Reason::NotFound && args.ignore_not_found => continue,
                Err(e) => {
                    faults.push(item.fault(e));
                    continue;
                }
            }
        }
        session.ui.out(&printed(&args, item, grace, dry_run, session.client.minor()));
    }
    if args.wait && faults.is_empty() && dry_run == DryRun::None {
        wait_until_gone(&going, timeout, session, &mut faults)?;
    }
    errors::check(faults)
}

/// Something to be deleted; it need not be there.
struct Item {
    key: ObjectKey,
    /// As what it was named.
    served: Served,
    /// The file that names it; empty for none.
    source: String,
}

impl Item {
    fn fault(&self, e: ApiError) -> Fault {
        match self.source.as_str() {
            "" => e.into(),
            source => Fault::from(e).when("deleting", source),
        }
    }
}

/// What shall be deleted, and what could not be found out.
struct Doomed {
    items: Vec<Item>,
    faults: Vec<Fault>,
}

/// What the arguments name. What is named is not asked for first: the deletion says whether it is there.
fn find(args: &Args, session: &Session<'_>) -> Result<Doomed, Failure> {
    if !args.files.is_empty() {
        if !args.args.is_empty() {
            return Err(Failure::error(FILES_AND_NAMES));
        }
        let (infos, faults) = args.files.read(session, false);
        let items = infos
            .iter()
            .map(|info| Item { key: info.key(), served: info.served, source: info.source.clone() })
            .collect();
        return Ok(Doomed { items, faults });
    }
    if args.args.is_empty() {
        return Err(Failure::error(NOTHING_NAMED));
    }
    let query = Query {
        args: args.args.clone(),
        selector: args.select.selector.clone(),
        field_selector: args.select.field_selector.clone(),
        all: args.select.all,
        all_namespaces: args.select.all_namespaces,
        types_alone_mean_all: false,
    };
    let item = |key: ObjectKey, served: Served| Item { key, served, source: String::new() };
    Ok(match query.target(session.client.minor())? {
        Target::Names(names) => {
            let (mut items, mut faults) = (Vec::new(), Vec::new());
            for (served, name) in names {
                match name.is_empty() {
                    true => faults.push(Fault::plain("resource name may not be empty")),
                    false => items.push(item(session.key(served.kind, &name), served)),
                }
            }
            Doomed { items, faults }
        }
        Target::Kinds(_) => {
            let found = query.find(session)?;
            let items = found.objects.iter().filter_map(|o| Some(item(o.key(), *found.version_of(o)?))).collect();
            Doomed { items, faults: found.faults }
        }
    })
}

fn is_missing(fault: &Fault) -> bool {
    matches!(fault, Fault::Api(e) if e.reason == Reason::NotFound)
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

/// Shows what would go, and asks. Only what is there is shown, and only that is deleted.
fn confirm(session: &mut Session<'_>, doomed: &mut Doomed) -> Result<bool, Failure> {
    let (mut there, mut faults) = (Vec::new(), Vec::new());
    for item in std::mem::take(&mut doomed.items) {
        match session.client.get(&item.key) {
            Ok(_) => there.push(item),
            Err(e) => faults.push(e.into()),
        }
    }
    doomed.items = there;
    errors::check(faults)?;
    session.ui.out(&format!("You are about to delete the following {} resource(s):\n", doomed.items.len()));
    for item in &doomed.items {
        session.ui.out(&format!("{}/{}\n", item.served.qualified(), item.key.name));
    }
    let ui = session.ui;
    let yes = match ui.is_interactive() {
        true => session.client.meanwhile(|| ui.confirm("Do you want to continue?", false))??,
        false => {
            ui.out("Do you want to continue? (y/N): ");
            let input = session.client.meanwhile(|| ui.input())?.unwrap_or_default();
            String::from_utf8_lossy(&input).split_whitespace().next().is_some_and(|a| a.eq_ignore_ascii_case("y"))
        }
    };
    if !yes {
        session.ui.out("deletion is cancelled\n");
    }
    Ok(yes)
}

/// `pod "web" deleted from default namespace`.
pub fn deleted_line(key: &ObjectKey, minor: u32) -> String {
    line_of(&key.kind.qualified(), key, "deleted", "", minor)
}

fn line_of(qualified: &str, key: &ObjectKey, operation: &str, suffix: &str, minor: u32) -> String {
    // The client of a cluster before v1.34 does not say from where.
    let place = match key.kind.is_namespaced() && minor >= 34 {
        true => format!(" from {} namespace", key.namespace),
        false => String::new(),
    };
    format!("{qualified} {:?} {operation}{place}{suffix}\n", key.name)
}

fn printed(args: &Args, item: &Item, grace: Option<i64>, dry_run: DryRun, minor: u32) -> String {
    if args.output.as_deref() == Some("name") {
        return format!("{}/{}\n", item.served.qualified(), item.key.name);
    }
    let operation = if grace == Some(0) { "force deleted" } else { "deleted" };
    line_of(&item.served.qualified(), &item.key, operation, dry_run.suffix(), minor)
}

/// Lets the clock jump until the objects are gone.
fn wait_until_gone(
    going: &[(ObjectKey, String)],
    timeout: Duration,
    session: &mut Session<'_>,
    faults: &mut Vec<Fault>,
) -> Result<(), Failure> {
    let deadline = session.client.deadline(timeout);
    for (key, uid) in going {
        match session.client.wait_until_gone((key, uid), deadline) {
            Ok(Waited::Done(())) => {}
            // Who may not look does not wait.
            Err(e) if matches!(e.reason, Reason::Forbidden | Reason::MethodNotAllowed) => {}
            Err(e) => return Err(e.into()),
            Ok(Waited::Over) => {
                let text = format!("timed out waiting for the condition on {}/{}", key.kind.plural(), key.name);
                faults.push(Fault::plain(text));
                return session.client.checkpoint();
            }
            Ok(Waited::Never) => {
                let object = session.client.get(key).ok();
                let (why, free) = object.as_deref().map(|o| what_holds(o, session)).unwrap_or_default();
                let text = format!(
                    "error: {} {:?} will never go by itself: {why}\nhint: {free}",
                    key.kind.qualified(),
                    key.name
                );
                session.client.checkpoint()?;
                faults.push(Fault::plain(text));
            }
        }
    }
    Ok(())
}

/// What keeps an object that is being deleted, and what would let it go.
fn what_holds(object: &Object, session: &Session<'_>) -> (String, String) {
    let finalizers = object.meta().finalizers.clone().unwrap_or_default();
    let (namespace, name) = (object.namespace(), object.name());
    let first = finalizers.first().map(String::as_str).unwrap_or_default();
    match (object, first) {
        (_, "kubernetes.io/pvc-protection") => {
            let users: Vec<String> = session
                .client
                .pods_using_claim(namespace, name)
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
            format!("see what is left: {} get all,pvc,cm -n {name}", session.line.program),
        ),
        _ => (
            match finalizers.as_slice() {
                [one] => format!("its finalizer {one} holds it"),
                all => format!("its finalizers {} hold it", all.join(", ")),
            },
            format!(
                "remove the finalizers: {} patch {} {name} --type=merge -p '{{\"metadata\":{{\"finalizers\":null}}}}'",
                session.line.program,
                short_type(object.kind())
            ),
        ),
    }
}

fn short_type(kind: Kind) -> String {
    kind.short_names().first().map_or_else(|| kind.singular(), |s| s.to_string())
}
