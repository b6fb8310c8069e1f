//! `autoscale`: a HorizontalPodAutoscaler for an object that can be scaled.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/autoscale/autoscale.go`.

use serde_json::{Value, json};

use crate::api::{Kind, Quantity};
use crate::error::Failure;
use crate::kubectl::builder::build::Builder;
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::builder::info::Info;
use crate::kubectl::print::errors::Fault;
use crate::kubectl::print::made::{self, MakeArgs, ObjectPrinter, RecordArgs};
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
    #[arg(long)]
    cpu_percent: Option<i32>,
    /// Target CPU utilization over all the pods
    #[arg(long, default_value = "")]
    cpu: String,
    /// Target memory utilization over all the pods
    #[arg(long, default_value = "")]
    memory: String,
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

/// What a metric is held against.
#[derive(Debug, PartialEq)]
enum Target {
    /// A percentage of what is requested.
    Utilization(i32),
    /// An amount.
    Average(String),
}

const DEPRECATED: &str = "Flag --cpu-percent has been deprecated, Use --cpu with percentage or resource quantity format (e.g., \
     '70%' for utilization or '500m' for milliCPU).\n";

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    if args.cpu_percent.is_some() && session.client.minor() >= 34 {
        session.ui.err(DEPRECATED);
    }
    let dry_run = DryRun::parse(&args.make.dry_run)?;
    args.check().map_err(Failure::error)?;
    let builder = Builder { args: &args.args, files: Some(&args.files), continue_on_error: true, ..Builder::default() };
    let mut count = 0;
    builder.plan(session)?.visit(session, |info, session| {
        autoscale(&args, dry_run, &info, session)?;
        count += 1;
        Ok(())
    })?;
    if count == 0 { Err(Failure::error("no objects passed to autoscale")) } else { Ok(()) }
}

impl Args {
    fn percent(&self) -> i32 {
        self.cpu_percent.unwrap_or(-1)
    }

    /// Mirrors `Validate`.
    fn check(&self) -> Result<(), String> {
        if self.max < 1 {
            return Err(format!("--max=MAXPODS is required and must be at least 1, max: {}", self.max));
        }
        if self.max < self.min {
            let (max, min) = (self.max, self.min);
            return Err(format!("--max=MAXPODS must be larger or equal to --min=MINPODS, max: {max}, min: {min}"));
        }
        if self.percent() > 0 && !self.cpu.is_empty() {
            return Err("--cpu-percent and --cpu are mutually exclusive".into());
        }
        for (input, resource) in [(&self.cpu, "cpu"), (&self.memory, "memory")] {
            if !input.is_empty() {
                parse_resource_input(input, resource)?;
            }
        }
        Ok(())
    }
}

/// `70%`, `500m`, or a number in the resource's usual unit. Mirrors `parseResourceInput`.
fn parse_resource_input(input: &str, resource: &str) -> Result<Target, String> {
    let input = input.trim();
    if input.is_empty() {
        return Err("empty input".into());
    }
    if let Some(percent) = input.strip_suffix('%') {
        let value = percent.parse::<i32>().ok().filter(|value| *value >= 0);
        return value.map(Target::Utilization).ok_or_else(|| format!("invalid percentage value: {percent}"));
    }
    let unit = if resource == "cpu" { "m" } else { "Mi" };
    let text = match input.parse::<f64>() {
        Ok(number) => format!("{number}{unit}"),
        Err(_) => input.to_string(),
    };
    match Quantity::parse(&text) {
        Ok(quantity) => Ok(Target::Average(quantity.to_string())),
        Err(e) if input.parse::<f64>().is_ok() => Err(e.to_string()),
        Err(_) => Err(format!("invalid resource {resource} value: {input}")),
    }
}

/// A metric of a resource as v2 has it.
fn metric(resource: &str, target: Target) -> Value {
    let target = match target {
        Target::Utilization(percent) => json!({"type": "Utilization", "averageUtilization": percent}),
        Target::Average(amount) => json!({"type": "AverageValue", "averageValue": amount}),
    };
    json!({"type": "Resource", "resource": {"name": resource, "target": target}})
}

fn autoscale(args: &Args, dry_run: DryRun, info: &Info, session: &mut Session<'_>) -> Result<(), Fault> {
    let kind = info.kind();
    if !info.served.subresources.iter().any(|part| part.name == "scale") {
        let (group, version, plural) = (info.served.group, info.served.version, info.served.plural);
        return Err(Fault::plain(format!(
            "cannot autoscale a {}: could not find scale subresource for {group}/{version}, Resource={plural} in \
             discovery information",
            kind.name()
        )));
    }
    let scaler = scaler(args, info).map_err(|text| {
        Fault::plain(format!("failed to create HorizontalPodAutoscaler using autoscaling/v2 API: {text}"))
    })?;
    let Err(refused) = make(args, dry_run, scaler.clone(), session) else { return Ok(()) };
    if session.client.minor() < 34 {
        return Err(refused);
    }
    // OBSERVATION: kubectl tries v1 then, and is in its own way where no --cpu is given.
    let incompatible = |why: String| {
        let text = "failed to create autoscaling/v2 HPA and the configuration is incompatible with autoscaling/v1";
        Fault::plain(format!("{text}: {why}"))
    };
    let target = parse_resource_input(&args.cpu, "cpu").map_err(incompatible)?;
    let compatible = args.memory.is_empty() && (args.percent() >= 0 || matches!(target, Target::Utilization(_)));
    if !compatible {
        return Err(incompatible("%!w(<nil>)".into()));
    }
    let mut bare = scaler;
    if let Some(spec) = bare["spec"].as_object_mut() {
        spec.remove("metrics");
    }
    if args.percent() >= 0 {
        bare["spec"]["metrics"] = json!([metric("cpu", Target::Utilization(args.percent()))]);
    }
    make(args, dry_run, bare, session)
}

/// Mirrors `createHorizontalPodAutoscalerV2`.
fn scaler(args: &Args, info: &Info) -> Result<Value, String> {
    let name = if args.name.is_empty() { &info.name } else { &args.name };
    let mut spec = json!({
        "scaleTargetRef": {"apiVersion": info.api_version(), "kind": info.kind().name(), "name": info.name},
        "maxReplicas": args.max,
    });
    if args.min > 0 {
        spec["minReplicas"] = json!(args.min);
    }
    let mut metrics = Vec::new();
    if args.percent() > 0 {
        metrics.push(metric("cpu", Target::Utilization(args.percent())));
    }
    for (input, resource) in [(&args.cpu, "cpu"), (&args.memory, "memory")] {
        if !input.is_empty() {
            metrics.push(metric(resource, parse_resource_input(input, resource)?));
        }
    }
    if !metrics.is_empty() {
        spec["metrics"] = json!(metrics);
    }
    Ok(json!({"metadata": {"name": name}, "spec": spec}))
}

/// Sends an autoscaler and prints it. Mirrors `handleHPA`.
fn make(args: &Args, dry_run: DryRun, mut tree: Value, session: &mut Session<'_>) -> Result<(), Fault> {
    let scaler = Kind::HorizontalPodAutoscaler;
    made::as_client(scaler, &mut tree, session);
    args.record.record(session, &mut tree);
    normalise(scaler, &mut tree);
    if args.make.save_config && dry_run != DryRun::Client {
        made::save_config(scaler, &mut tree);
    }
    let done = if dry_run == DryRun::Client { "created" } else { "autoscaled" };
    let tree = made::create(session, scaler, &tree, &Writing::by(&args.field_manager).dry_run(dry_run))?;
    // What is wrong with the form is found out only now.
    ObjectPrinter::late(&args.make.output, dry_run, session).print_struct(scaler, &tree, done, session)
}

#[cfg(test)]
mod tests {
    use super::{Target, parse_resource_input};

    #[test]
    fn reads_targets() {
        assert_eq!(parse_resource_input("70%", "cpu"), Ok(Target::Utilization(70)));
        assert_eq!(parse_resource_input("500", "cpu"), Ok(Target::Average("500m".into())));
        assert_eq!(parse_resource_input("200", "memory"), Ok(Target::Average("200Mi".into())));
        assert_eq!(parse_resource_input("1Gi", "memory"), Ok(Target::Average("1Gi".into())));
        assert_eq!(parse_resource_input("-1%", "cpu").unwrap_err(), "invalid percentage value: -1");
        assert_eq!(parse_resource_input("x", "cpu").unwrap_err(), "invalid resource cpu value: x");
    }
}
