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
mod token;
mod workloads;

use crate::error::Failure;
use crate::kubectl::annotation::create_or_update_annotation;
use crate::kubectl::builder::build::Builder;
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::print::errors::usage;
use crate::kubectl::print::made::{ObjectPrinter, OutputArgs, RecordArgs};
use crate::kubectl::raw;
use crate::kubectl::request::{DryRun, Validate, Writing};
use crate::kubectl::session::Session;
use crate::kubectl::verbs::edit;
use crate::kubectl::verbs::replace::create_one;

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
    windows_line_endings: Option<bool>,
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
    Token(token::Args),
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
        Generator::Token(args) => token::run(args, session),
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
    let dry_run = DryRun::parse(&args.dry_run)?;
    let validate = Validate::parse(&args.validate)?;
    let mut printer = ObjectPrinter::new(&args.output, dry_run, session)?;
    check_flags(&args)?;
    if !args.raw.is_empty() {
        return raw::run("POST", &args.raw, args.files.filename.first(), session);
    }
    if args.edit {
        return edit::before_create(&args.edits(validate), &args.files, printer, session);
    }
    let builder = Builder {
        files: Some(&args.files),
        selector: &args.selector,
        continue_on_error: true,
        validate,
        ..Builder::default()
    };
    let plan = builder.plan(session)?;
    let writing = Writing::by(&args.field_manager).dry_run(dry_run).validate(validate);
    let mut count = 0;
    plan.visit(session, |mut info, session| {
        create_or_update_annotation(args.save_config, &mut info.tree);
        args.record.record(session, &mut info.tree);
        if dry_run != DryRun::Client {
            create_one(&mut info, &writing, session).map_err(|fault| fault.when("creating", &info.source))?;
        }
        count += 1;
        printer.print(&info.tree, "created", session)
    })?;
    if count == 0 { Err(Failure::error("no objects passed to create")) } else { Ok(()) }
}

impl Args {
    /// How manifests are edited before they are sent.
    fn edits(&self, validate: Validate) -> edit::Options<'_> {
        edit::Options {
            record: &self.record,
            field_manager: "kubectl-create",
            output_patch: false,
            save_config: self.save_config,
            subresource: "",
            validate,
            windows_line_endings: self.windows_line_endings.unwrap_or(cfg!(windows)),
        }
    }
}

/// Mirrors `CreateOptions.Validate`.
fn check_flags(args: &Args) -> Result<(), Failure> {
    if args.files.is_empty() {
        return Err(Failure::error("must specify one of -f and -k"));
    }
    if args.raw.is_empty() {
        return Ok(());
    }
    if args.edit {
        return Err(Failure::error("--raw and --edit are mutually exclusive"));
    }
    raw::check_file(&args.files.filename)?;
    let refusal = if args.files.recursive {
        "--raw and --recursive are mutually exclusive"
    } else if !args.selector.is_empty() {
        "--raw and --selector (-l) are mutually exclusive"
    } else if args.output.output.as_deref().is_some_and(|o| !o.is_empty()) {
        "--raw and --output are mutually exclusive"
    } else {
        return raw::check_uri(&args.raw);
    };
    Err(Failure::error(refusal))
}
