//! `create`: make objects from manifests, or from flags by a generator.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/create`; each generator is one file.

mod binding;
mod config_map;
mod generator;
mod hash;
mod ingress;
mod key_pair;
pub mod policy;
mod role;
mod secret;
mod service;
mod simple;
pub mod sources;
mod workloads;

use serde_json::Value;

use crate::error::Failure;
use crate::kubectl::annotation::with_last_applied;
use crate::kubectl::builder::files::{FileArgs, Info, retain_selected};
use crate::kubectl::print::errors::{self, Fault, usage};
use crate::kubectl::print::made::{OutputArgs, RecordArgs, print_created};
use crate::kubectl::request::{DryRun, Validate, Writing, resource_of};
use crate::kubectl::session::Session;
use crate::kubectl::verbs::edit;

/// Create a resource from a file or from stdin.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    generator: Option<Generator>,
    /// Arguments that name no generator
    #[arg(hide = true)]
    rest: Vec<String>,
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    record: RecordArgs,
    /// Edit the API resource before creating
    #[arg(long)]
    edit: bool,
    /// Name of the manager used to track field ownership
    #[arg(long, default_value = "kubectl-create")]
    field_manager: String,
    /// Raw URI to POST to the server
    #[arg(long, default_value = "")]
    raw: String,
    /// Selector (label query) to filter on
    #[arg(short = 'l', long, default_value = "")]
    selector: String,
    /// Only relevant if --edit=true
    #[arg(long)]
    windows_line_endings: bool,
    /// Must be "none", "server", or "client"
    #[arg(long, default_value = "none")]
    dry_run: String,
    /// Must be one of: strict (or true), warn, ignore (or false)
    #[arg(long, default_value = "strict")]
    validate: String,
    /// If true, the configuration of current object will be saved in its annotation
    #[arg(long)]
    save_config: bool,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Generator {
    /// Create a cluster role
    #[command(name = "clusterrole")]
    ClusterRole(role::ClusterRole),
    /// Create a cluster role binding for a particular cluster role
    #[command(name = "clusterrolebinding")]
    ClusterRoleBinding(binding::ClusterRoleBinding),
    /// Create a config map from a local file, directory or literal value
    #[command(name = "configmap", visible_alias = "cm")]
    ConfigMap(config_map::Args),
    /// Create a cron job with the specified name
    #[command(name = "cronjob", visible_alias = "cj")]
    CronJob(workloads::CronJob),
    /// Create a deployment with the specified name
    #[command(visible_alias = "deploy")]
    Deployment(workloads::Deployment),
    /// Create an ingress with the specified name
    #[command(visible_alias = "ing")]
    Ingress(ingress::Args),
    /// Create a job with the specified name
    Job(workloads::Job),
    /// Create a namespace with the specified name
    #[command(visible_alias = "ns")]
    Namespace(simple::Namespace),
    /// Create a pod disruption budget with the specified name
    #[command(name = "poddisruptionbudget", visible_alias = "pdb")]
    PodDisruptionBudget(policy::PodDisruptionBudget),
    /// Create a priority class with the specified name
    #[command(name = "priorityclass", visible_alias = "pc")]
    PriorityClass(policy::PriorityClass),
    /// Create a quota with the specified name
    #[command(visible_alias = "resourcequota")]
    Quota(policy::Quota),
    /// Create a role with single rule
    Role(role::Role),
    /// Create a role binding for a particular role or cluster role
    #[command(name = "rolebinding")]
    RoleBinding(binding::RoleBinding),
    /// Create a secret using a specified subcommand
    Secret(secret::Args),
    /// Create a service using a specified subcommand
    #[command(visible_alias = "svc")]
    Service(service::Args),
    /// Create a service account with the specified name
    #[command(name = "serviceaccount", visible_alias = "sa")]
    ServiceAccount(simple::ServiceAccount),
    /// Request a service account token
    Token(simple::Token),
}

fn generate(generator: &Generator, session: &mut Session<'_>) -> Result<(), Failure> {
    match generator {
        Generator::ClusterRole(args) => role::cluster_role(args, session),
        Generator::ClusterRoleBinding(args) => binding::cluster_role_binding(args, session),
        Generator::ConfigMap(args) => config_map::run(args, session),
        Generator::CronJob(args) => workloads::cron_job(args, session),
        Generator::Deployment(args) => workloads::deployment(args, session),
        Generator::Ingress(args) => ingress::run(args, session),
        Generator::Job(args) => workloads::job(args, session),
        Generator::Namespace(args) => simple::namespace(args, session),
        Generator::PodDisruptionBudget(args) => policy::pod_disruption_budget(args, session),
        Generator::PriorityClass(args) => policy::priority_class(args, session),
        Generator::Quota(args) => policy::quota(args, session),
        Generator::Role(args) => role::role(args, session),
        Generator::RoleBinding(args) => binding::role_binding(args, session),
        Generator::Secret(args) => secret::run(args, session),
        Generator::Service(args) => service::run(args, session),
        Generator::ServiceAccount(args) => simple::service_account(args, session),
        Generator::Token(args) => simple::token(args, session),
    }
}

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    if let Some(generator) = &args.generator {
        return generate(generator, session);
    }
    if !args.rest.is_empty() {
        return Err(usage(session, "create", &format!("Unexpected args: [{}]", args.rest.join(" "))));
    }
    if args.files.is_empty() {
        return Err(Failure::error("must specify one of -f and -k"));
    }
    let dry_run = DryRun::parse(&args.dry_run)?;
    let validate = Validate::parse(&args.validate)?;
    let format = args.output.format(session)?;
    if !args.raw.is_empty() {
        return Err(Failure::error("--raw is not offered by kstate: there is no API server to post to"));
    }
    let (mut infos, mut faults) = args.files.read(session, validate != Validate::Ignore);
    retain_selected(&mut infos, &args.selector)?;
    if args.edit {
        let mut edited = Vec::new();
        for info in infos {
            edited.extend(edit::before_create(&info, &args.output, args.windows_line_endings, session)?);
        }
        if edited.is_empty() {
            return errors::check(faults);
        }
        infos = edited;
    }
    infos.iter_mut().for_each(|info| args.record.record(session, &mut info.tree));
    if infos.is_empty() && faults.is_empty() {
        return Err(Failure::error("no objects passed to create"));
    }
    let mut first = true;
    for info in &infos {
        let writing = Writing::by(&args.field_manager).dry_run(dry_run).validate(validate);
        match create_one(&args, info, &writing, session) {
            Ok(tree) => {
                print_created(session, &tree, format.as_ref(), dry_run, "created", first)?;
                first = false;
            }
            Err(fault) => faults.push(fault.when("creating", &info.source)),
        }
    }
    errors::check(faults)
}

fn create_one(args: &Args, info: &Info, writing: &Writing<'_>, session: &mut Session<'_>) -> Result<Value, Fault> {
    let tree = if args.save_config { with_last_applied(&info.tree) } else { info.tree.clone() };
    if writing.dry_run == DryRun::Client {
        return Ok(tree);
    }
    let resource = resource_of(&info.key(), &info.api_version);
    let object = session.client.create(resource, tree, writing.options())?;
    Ok(session.tree_in(&object, &info.api_version))
}
