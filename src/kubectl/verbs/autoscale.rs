//! `autoscale`: a HorizontalPodAutoscaler for an object that can be scaled.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/autoscale/autoscale.go`.

use serde_json::json;

use crate::api::{Kind, Object};
use crate::error::Failure;
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::builder::target::Target;
use crate::kubectl::print::errors::{self, Fault};
use crate::kubectl::print::made::{self, MakeArgs, Printer, RecordArgs};
use crate::kubectl::request::{DryRun, Writing};
use crate::kubectl::session::Session;
use crate::manifest::strict::normalise;

/// Creates an autoscaler that automatically chooses and sets the number of pods that run in a Kubernetes cluster.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// TYPE NAME or TYPE/NAME
    #[arg(value_name = "TYPE")]
    args: Vec<String>,
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    make: MakeArgs,
    #[command(flatten)]
    record: RecordArgs,
    /// The target average CPU utilization (represented as a percent of requested CPU) over all the pods
    #[arg(long, default_value = "-1")]
    cpu_percent: i32,
    /// Name of the manager used to track field ownership
    #[arg(long, default_value = "kubectl-autoscale")]
    field_manager: String,
    /// The upper limit for the number of pods that can be set by the autoscaler
    #[arg(long, required = true)]
    max: i32,
    /// The lower limit for the number of pods that can be set by the autoscaler
    #[arg(long, default_value = "-1")]
    min: i32,
    /// The name for the newly created object
    #[arg(long, default_value = "")]
    name: String,
}

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    if args.max < 1 {
        let text = format!("--max=MAXPODS is required and must be at least 1, max: {}", args.max);
        return Err(Failure::error(text));
    }
    if args.max < args.min {
        return Err(Failure::error(format!(
            "--max=MAXPODS must be larger or equal to --min=MINPODS, max: {}, min: {}",
            args.max, args.min
        )));
    }
    DryRun::parse(&args.make.dry_run)?;
    let found = Target { args: &args.args, files: &args.files, ..Target::default() }.find(session)?;
    let mut faults = found.faults;
    for object in &found.objects {
        if let Err(fault) = autoscale(&args, object, session) {
            faults.push(fault);
        }
    }
    errors::check(faults)
}

fn autoscale(args: &Args, object: &Object, session: &mut Session<'_>) -> Result<(), Fault> {
    let kind = object.kind();
    if !matches!(kind, Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::ReplicationController) {
        let (group, version, plural) = (kind.group(), kind.version(), kind.plural());
        return Err(Fault::plain(format!(
            "cannot autoscale a {}: could not find scale subresource for {group}/{version}, Resource={plural} in \
             discovery information",
            kind.name()
        )));
    }
    let printer = Printer::new(&args.make.output, &args.make.dry_run, session).map_err(|f| Fault::Plain(f.message))?;
    let name = if args.name.is_empty() { object.name() } else { &args.name };
    let mut spec = json!({
        "scaleTargetRef": {"apiVersion": kind.api_version(), "kind": kind.name(), "name": object.name()},
        "maxReplicas": args.max,
    });
    if args.min > 0 {
        spec["minReplicas"] = json!(args.min);
    }
    if args.cpu_percent >= 0 {
        let target = json!({"type": "Utilization", "averageUtilization": args.cpu_percent});
        spec["metrics"] = json!([{"type": "Resource", "resource": {"name": "cpu", "target": target}}]);
    }
    let scaler = Kind::HorizontalPodAutoscaler;
    let mut tree = json!({"metadata": {"name": name}, "spec": spec});
    made::as_client(scaler, &mut tree, session);
    // kubectl leaves the namespace to the server, also when it was named.
    if let Some(metadata) = tree["metadata"].as_object_mut() {
        metadata.remove("namespace");
    }
    args.record.record(session, &mut tree);
    normalise(scaler, &mut tree);
    if args.make.save_config && printer.dry_run() != DryRun::Client {
        made::save_config(scaler, &mut tree);
    }
    let done = if printer.dry_run() == DryRun::Client { "created" } else { "autoscaled" };
    let tree = made::create(session, scaler, &tree, &Writing::by(&args.field_manager).dry_run(printer.dry_run()))?;
    printer.print(session, scaler, &tree, done).map_err(|f| Fault::Plain(f.message))
}
