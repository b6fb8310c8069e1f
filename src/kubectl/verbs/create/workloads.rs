//! `create deployment`, `create job` and `create cronjob`.

use serde_json::{Value, json};

use crate::api::Kind;
use crate::api::names::Draw;
use crate::error::Failure;
use crate::kubectl::builder::build::Builder;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::create::generator::Common;

/// Create a deployment with the specified name.
#[derive(Debug, Clone, clap::Args)]
pub struct Deployment {
    #[command(flatten)]
    common: Common,
    /// Image names to run; a deployment can have several
    #[arg(long, required = true, value_delimiter = ',')]
    image: Vec<String>,
    /// The containerPort that this deployment exposes
    #[arg(long, default_value = "-1")]
    port: i32,
    /// Number of replicas to create
    #[arg(short = 'r', long, default_value = "1")]
    replicas: i32,
}

/// Create a job with the specified name.
#[derive(Debug, Clone, clap::Args)]
pub struct Job {
    #[command(flatten)]
    common: Common,
    /// The name of the resource to create a Job from (only cronjob is supported)
    #[arg(long, default_value = "")]
    from: String,
    /// Image name to run
    #[arg(long, default_value = "")]
    image: String,
}

/// Create a cron job with the specified name.
#[derive(Debug, Clone, clap::Args)]
pub struct CronJob {
    #[command(flatten)]
    common: Common,
    /// Image name to run
    #[arg(long, required = true)]
    image: String,
    /// The job's restart policy: OnFailure or Never
    #[arg(long, default_value = "")]
    restart: String,
    /// A schedule in the Cron format the job should be run with
    #[arg(long, required = true)]
    schedule: String,
}

/// Runs `create deployment`.
///
/// # Errors
/// kubectl's texts.
pub fn deployment(args: &Deployment, session: &mut Session<'_>) -> Result<(), Failure> {
    let generator = args.common.start("create deployment", session)?;
    if args.image.len() > 1 && !generator.command.is_empty() {
        return Err(Failure::error("cannot specify multiple --image options and command"));
    }
    let container = |image: &String| {
        let name = container_name(image, session);
        json!({"name": name, "image": image, "command": generator.command})
    };
    let mut containers: Vec<Value> = args.image.iter().filter(|image| !image.is_empty()).map(container).collect();
    if let Some(first) = containers.first_mut().filter(|_| args.port >= 0) {
        first["ports"] = json!([{"containerPort": args.port}]);
    }
    let labels = json!({"app": generator.name});
    let tree = json!({
        "metadata": {"labels": labels},
        "spec": {
            "replicas": args.replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        },
    });
    generator.finish(session, Kind::Deployment, tree, Some("failed to create deployment: "))
}

/// The image's name without registry and tag; what a container can't be called is replaced, with a random suffix.
fn container_name(image: &str, _session: &Session<'_>) -> String {
    let name = image.rsplit('/').next().unwrap_or_default();
    let name = name.split(':').next().unwrap_or_default();
    let name = name.split('@').next().unwrap_or_default();
    if !name.contains(['_', '.']) {
        return name.to_string();
    }
    let purpose = format!("container/{image}");
    let suffix = Draw::new(0, &purpose, 0).suffix();
    format!("{}-{suffix}", name.replace(['_', '.'], "-"))
}

/// Runs `create job`.
///
/// # Errors
/// kubectl's texts.
pub fn job(args: &Job, session: &mut Session<'_>) -> Result<(), Failure> {
    let generator = args.common.start("create job", session)?;
    if args.image.is_empty() == args.from.is_empty() {
        return Err(Failure::error("either --image or --from must be specified"));
    }
    if !generator.command.is_empty() && !args.from.is_empty() {
        return Err(Failure::error("cannot specify --from and command"));
    }
    let tree = match args.from.as_str() {
        "" => json!({"spec": {"template": pod_template(&generator.name, &args.image, generator.command, "Never")}}),
        from => from_cron_job(from, session)?,
    };
    generator.finish(session, Kind::Job, tree, Some("failed to create job: "))
}

fn from_cron_job(from: &str, session: &Session<'_>) -> Result<Value, Failure> {
    let args = [from.to_string()];
    let infos = Builder { args: &args, latest: true, ..Builder::default() }.plan(session)?.all(session)?;
    let [source] = infos.as_slice() else { return Err(Failure::error("from must be an existing cronjob")) };
    if source.kind() != Kind::CronJob {
        let (version, kind) = (source.served.version, source.kind().name());
        return Err(Failure::error(format!("unknown object type *{version}.{kind}")));
    }
    let tree = &source.tree;
    let template = &tree["spec"]["jobTemplate"];
    let mut annotations = json!({"cronjob.kubernetes.io/instantiate": "manual"});
    for (key, value) in template["metadata"]["annotations"].as_object().into_iter().flatten() {
        annotations[key] = value.clone();
    }
    let owner = json!({
        "apiVersion": Kind::CronJob.api_version(),
        "kind": "CronJob",
        "name": source.name,
        "uid": tree["metadata"]["uid"],
        "controller": true,
    });
    Ok(json!({
        "metadata": {
            "annotations": annotations,
            "labels": template["metadata"]["labels"],
            "ownerReferences": [owner],
        },
        "spec": template["spec"],
    }))
}

/// Runs `create cronjob`.
///
/// # Errors
/// kubectl's texts.
pub fn cron_job(args: &CronJob, session: &mut Session<'_>) -> Result<(), Failure> {
    let generator = args.common.start("create cronjob", session)?;
    let restart = if args.restart.is_empty() { "OnFailure" } else { &args.restart };
    let name = &generator.name;
    let template = pod_template(name, &args.image, generator.command, restart);
    let job = json!({"metadata": {"name": name}, "spec": {"template": template}});
    let tree = json!({"spec": {"schedule": args.schedule, "jobTemplate": job}});
    generator.finish(session, Kind::CronJob, tree, Some("failed to create cronjob: "))
}

fn pod_template(name: &str, image: &str, command: &[String], restart: &str) -> Value {
    let container = json!({"name": name, "image": image, "command": command});
    json!({"spec": {"containers": [container], "restartPolicy": restart}})
}
