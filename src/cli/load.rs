//! `kstate load`: put load on pods, as if somebody used them, and take it off again.

use crate::api::{Duration, Kind, Quantity};
use crate::error::Failure;
use crate::kubectl::builder::build::Builder;
use crate::kubectl::session::Session;
use crate::printers::table::{Column, Options, Row, Table, print};
use crate::sim::metrics::load::Load;

/// Put load on a pod, or on the pods of a workload or a service.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// What to load, such as pod/web-0, deploy/web or svc/web; none to list the loads
    #[arg(value_name = "TARGET")]
    target: Vec<String>,
    /// Processors, such as 400m: on all of its pods together, as requests would be
    #[arg(long, value_name = "AMOUNT")]
    cpu: Option<String>,
    /// Memory, such as 200Mi: on each of its pods
    #[arg(long, value_name = "AMOUNT")]
    memory: Option<String>,
    /// Requests, such as 50/s: what they take, its images say
    #[arg(long, value_name = "RATE")]
    requests: Option<String>,
    /// For how long, such as 5m; else until it is taken off
    #[arg(long = "for", value_name = "DURATION")]
    lasts: Option<String>,
    /// Take the load off
    #[arg(long, conflicts_with_all = ["cpu", "memory", "requests", "lasts"])]
    off: bool,
}

/// Runs the verb.
///
/// # Errors
/// When there is no such target, or an amount can't be read.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    if args.target.is_empty() {
        if args.off || args.cpu.is_some() || args.memory.is_some() || args.requests.is_some() {
            return Err(Failure::error("load needs a target, such as deploy/web"));
        }
        list(session);
        return Ok(());
    }
    let default_type = if args.target.len() == 1 { "pods" } else { "" };
    let builder = Builder { args: &args.target, default_type, single_type: true, ..Builder::default() };
    let info = builder.plan(session)?.object(session)?;
    let object = info.and_then(|info| info.object).ok_or_else(|| Failure::error("expected a resource"))?;
    let (kind, key) = (object.kind(), object.key());
    let name = format!("{}/{}", kind.singular(), key.name);
    if !has_pods(kind) {
        return Err(Failure::error(format!("{} has no pods of its own to load", kind.singular())));
    }
    if args.off {
        return match session.client.server_mut().cluster_mut().take_load(&key) {
            true => {
                session.ui.out(&format!("load taken off {name}\n"));
                Ok(())
            }
            false => Err(Failure::error(format!("there is no load on {name}"))),
        };
    }
    let now = session.client.now();
    let amount = |text: &Option<String>, flag: &str| match text.as_deref() {
        None => Ok(Quantity::ZERO),
        Some(text) => Quantity::parse(text)
            .ok()
            .filter(|q| q.sign() >= 0)
            .ok_or_else(|| Failure::error(format!("--{flag}={text}: not an amount"))),
    };
    let (cpu, memory) = (amount(&args.cpu, "cpu")?.milli_value(), amount(&args.memory, "memory")?.value());
    let requests = args.requests.as_deref().map(rate).transpose()?.unwrap_or(0);
    if cpu == 0 && memory == 0 && requests == 0 {
        return Err(Failure::error("what load? Give --cpu, --memory or --requests; --off takes it off"));
    }
    let until = match &args.lasts {
        None => None,
        Some(text) => {
            let span = Duration::parse(text).map_err(|e| Failure::error(e.to_string()))?;
            if span <= Duration::ZERO {
                return Err(Failure::error(format!("--for={text}: load lasts for some time")));
            }
            Some((now + span).0)
        }
    };
    let load = Load {
        kind: kind.name().to_string(),
        namespace: key.namespace,
        name: key.name,
        cpu,
        memory,
        requests,
        since: now.0,
        until,
    };
    session.client.server_mut().cluster_mut().put_load(load);
    session.ui.out(&format!("load put on {name}\n"));
    Ok(())
}

fn has_pods(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Pod
            | Kind::Deployment
            | Kind::ReplicaSet
            | Kind::StatefulSet
            | Kind::DaemonSet
            | Kind::ReplicationController
            | Kind::Service
    )
}

/// `50/s`, `50`, `30/m`, in thousandths a second.
fn rate(text: &str) -> Result<i64, Failure> {
    let (number, unit) = text.split_once('/').unwrap_or((text, "s"));
    let seconds = match unit {
        "s" => Some(1.0),
        "m" => Some(60.0),
        "h" => Some(3600.0),
        _ => None,
    };
    let number: Option<f64> = number.parse().ok().filter(|n: &f64| n.is_finite() && *n >= 0.0);
    match (number, seconds) {
        (Some(number), Some(seconds)) => Ok((number / seconds * 1000.0).min(1e12) as i64),
        _ => Err(Failure::error(format!("--requests={text}: a rate is such as 50/s"))),
    }
}

fn list(session: &Session<'_>) {
    let loads = session.client.server().cluster().loads();
    if loads.is_empty() {
        session.ui.err("No load on anything.\n");
        return;
    }
    let columns = ["NAMESPACE", "TARGET", "CPU", "MEMORY", "REQUESTS", "FOR"].map(Column::new).to_vec();
    let now = session.client.now();
    let shown = |amount: i64, text: String| if amount == 0 { "<none>".to_string() } else { text };
    let row = |load: &Load| Row {
        cells: vec![
            load.namespace.clone(),
            format!("{}/{}", load.kind.to_lowercase(), load.name),
            shown(load.cpu, format!("{}m", load.cpu)),
            shown(load.memory, format!("{}Mi", load.memory / (1 << 20))),
            shown(load.requests, format!("{}/s", load.requests as f64 / 1000.0)),
            load.until.map_or_else(|| "<none>".into(), |until| Duration(until - now.0).to_string()),
        ],
        ..Row::default()
    };
    let rows = loads.iter().map(row).collect();
    session.ui.out(&print(&Table { columns, rows }, &Options::default()));
}
