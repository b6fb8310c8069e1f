//! `expose`: a service for the pods of an object.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/expose/expose.go` and `.../pkg/polymorphichelpers`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::api::Kind;
use crate::error::Failure;
use crate::kubectl::builder::build::Builder;
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::builder::info::Info;
use crate::kubectl::overrides::OverrideArgs;
use crate::kubectl::print::errors::Fault;
use crate::kubectl::print::made::{self, MakeArgs, ObjectPrinter, RecordArgs};
use crate::kubectl::request::{DryRun, Writing};
use crate::kubectl::session::Session;
use crate::kubectl::verbs::create::policy::int_or_string;
use crate::manifest::strict::normalise;

/// Expose a resource as a new Kubernetes service.
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
    overrides: OverrideArgs,
    #[command(flatten)]
    record: RecordArgs,
    /// ClusterIP to be assigned to the service, or 'None' for a headless service
    #[arg(long, default_value = "")]
    cluster_ip: String,
    /// Additional external IP address (not managed by Kubernetes) to accept for the service
    #[arg(long, default_value = "")]
    external_ip: String,
    /// Name of the manager used to track field ownership
    #[arg(long, default_value = "kubectl-expose")]
    field_manager: String,
    /// Labels to apply to the service created by this call
    #[arg(short = 'l', long, default_value = "")]
    labels: String,
    /// IP to assign to the LoadBalancer
    #[arg(long, default_value = "")]
    load_balancer_ip: String,
    /// The name for the newly created object
    #[arg(long, default_value = "")]
    name: String,
    /// The port that the service should serve on
    #[arg(long, default_value = "")]
    port: String,
    /// The network protocol for the service to be created
    #[arg(long, default_value = "")]
    protocol: String,
    /// A label selector to use for this service
    #[arg(long, default_value = "")]
    selector: String,
    /// If non-empty, set the session affinity for the service to this
    #[arg(long, default_value = "")]
    session_affinity: String,
    /// Name or number for the port on the container that the service should direct traffic to
    #[arg(long, default_value = "")]
    target_port: String,
    /// Type for this service: ClusterIP, NodePort, LoadBalancer, or ExternalName
    #[arg(long = "type", default_value = "")]
    service_type: String,
}

/// The ports of an object with the protocols of each.
type Ports = Vec<(String, Vec<String>)>;

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let dry_run = DryRun::parse(&args.make.dry_run)?;
    let mut printer = ObjectPrinter::new(&args.make.output, dry_run, session)?;
    let builder = Builder { args: &args.args, files: Some(&args.files), continue_on_error: true, ..Builder::default() };
    let mut derived = Derived {
        selector: args.selector.clone(),
        port: args.port.clone(),
        labels: args.labels.clone(),
        ..Derived::default()
    };
    let outcome = builder
        .plan(session)?
        .visit(session, |info, session| expose(&args, &info, &mut derived, &mut printer, session));
    Ok(outcome?)
}

/// What the flags leave open and an object tells.
///
/// OBSERVATION: what the first of several objects tells counts for all of them.
#[derive(Debug, Default)]
struct Derived {
    selector: String,
    port: String,
    /// The ports of an object that has several; they count more than `port`.
    ports: String,
    protocols: Ports,
    labels: String,
}

impl Derived {
    /// Asks an object for what is still open.
    fn derive(&mut self, args: &Args, kind: Kind, tree: &Value) -> Result<(), String> {
        if self.selector.is_empty() {
            let selector = selector_of(kind, tree)
                .map_err(|e| format!("couldn't retrieve selectors via --selector flag or introspection: {e}"))?;
            self.selector = make_labels(&selector);
        }
        let known = ports_of(kind, tree);
        if self.port.is_empty() {
            match known.as_slice() {
                [] if args.cluster_ip != "None" => {
                    return Err("couldn't find port via --port flag or introspection".into());
                }
                [] => {}
                [(port, _)] => self.port = port.clone(),
                several => {
                    self.ports = several.iter().map(|(port, _)| port.as_str()).collect::<Vec<_>>().join(",");
                }
            }
        }
        if !known.is_empty() {
            self.protocols = known;
        }
        if self.labels.is_empty() {
            self.labels = make_labels(&tree["metadata"]["labels"]);
        }
        Ok(())
    }
}

/// `a=b,c=d`. Mirrors `MakeLabels`.
fn make_labels(labels: &Value) -> String {
    let text = |(key, value): (&String, &Value)| format!("{key}={}", value.as_str().unwrap_or_default());
    labels.as_object().into_iter().flatten().map(text).collect::<Vec<_>>().join(",")
}

fn expose(
    args: &Args,
    info: &Info,
    derived: &mut Derived,
    printer: &mut ObjectPrinter,
    session: &mut Session<'_>,
) -> Result<(), Fault> {
    let kind = info.kind();
    if !matches!(kind, Kind::ReplicationController | Kind::Service | Kind::Pod | Kind::Deployment | Kind::ReplicaSet) {
        return Err(Fault::plain(format!("cannot expose a {}", kind.qualified_kind())));
    }
    derived.derive(args, kind, &info.tree).map_err(Fault::Plain)?;
    let mut service = service(args, &info.name, derived).map_err(Fault::Plain)?;
    made::as_client(Kind::Service, &mut service, session);
    let mut service = args.overrides.apply(Kind::Service, &service).map_err(Fault::of)?;
    args.record.record(session, &mut service);
    normalise(Kind::Service, &mut service);
    if args.make.save_config && printer.dry_run() != DryRun::Client {
        made::save_config(Kind::Service, &mut service);
    }
    let service =
        made::create(session, Kind::Service, &service, &Writing::by(&args.field_manager).dry_run(printer.dry_run()))?;
    printer.print_struct(Kind::Service, &service, "exposed", session)
}

/// Mirrors `createService`; `default_name` is that of the object.
fn service(args: &Args, default_name: &str, derived: &Derived) -> Result<Value, String> {
    const LONGEST: usize = 63;
    if derived.selector.is_empty() {
        return Err("selector must be specified".into());
    }
    let selector = parse_labels(&derived.selector)?;
    let labels = if derived.labels.is_empty() { json!({}) } else { parse_labels(&derived.labels)? };
    let name = match args.name.as_str() {
        "" => default_name.chars().take(LONGEST).collect(),
        name => name.to_string(),
    };
    if name.is_empty() {
        return Err("name must be specified".into());
    }
    let ports = if derived.ports.is_empty() { &derived.port } else { &derived.ports };
    let wanted: Vec<String> = ports.split(',').filter(|_| !ports.is_empty()).map(String::from).collect();
    let mut tree = json!({
        "metadata": {"name": name, "labels": labels},
        "spec": {"selector": selector, "ports": service_ports(args, &wanted, &derived.protocols)?},
    });
    let spec = &mut tree["spec"];
    if !args.external_ip.is_empty() {
        spec["externalIPs"] = json!([args.external_ip]);
    }
    if args.service_type == "LoadBalancer" && !args.load_balancer_ip.is_empty() {
        spec["loadBalancerIP"] = json!(args.load_balancer_ip);
    }
    match args.session_affinity.as_str() {
        "" => {}
        affinity @ ("None" | "ClientIP") => spec["sessionAffinity"] = json!(affinity),
        other => return Err(format!("unknown session affinity: {other}")),
    }
    for (field, text) in [("type", &args.service_type), ("clusterIP", &args.cluster_ip)] {
        if !text.is_empty() {
            spec[field] = json!(text);
        }
    }
    Ok(tree)
}

fn service_ports(args: &Args, wanted: &[String], known: &Ports) -> Result<Vec<Value>, String> {
    let mut ports = Vec::new();
    for (i, text) in wanted.iter().enumerate() {
        let number = atoi(text)?;
        let name = if wanted.len() > 1 { format!("port-{}", i + 1) } else { String::new() };
        let protocols = known.iter().find(|(port, _)| port == text).map(|(_, p)| p.as_slice()).unwrap_or_default();
        let target = match args.target_port.as_str() {
            "" => json!(number),
            target => int_or_string(target),
        };
        let mut add = |name: &str, protocol: &str| {
            ports.push(json!({"name": name, "port": number, "protocol": protocol, "targetPort": target}));
        };
        match protocols {
            _ if !args.protocol.is_empty() => add(&name, &args.protocol),
            [] => add(&name, "TCP"),
            [one] => add(&name, one),
            several => {
                for protocol in several {
                    add(&format!("port-{}-{}", i + 1, protocol.to_lowercase()), protocol);
                }
            }
        }
    }
    Ok(ports)
}

/// The labels that the object's pods have.
fn selector_of(kind: Kind, tree: &Value) -> Result<Value, String> {
    let empty = |v: &Value| v.as_object().is_none_or(serde_json::Map::is_empty);
    let (selector, refusal) = match kind {
        Kind::Pod => (&tree["metadata"]["labels"], "the pod has no labels and cannot be exposed"),
        Kind::Service => (&tree["spec"]["selector"], "the service has no pod selector set"),
        Kind::ReplicationController => return Ok(tree["spec"]["selector"].clone()),
        Kind::Deployment => {
            let refusal = "invalid deployment: no selectors, therefore cannot be exposed";
            (&tree["spec"]["selector"]["matchLabels"], refusal)
        }
        _ => {
            let refusal = "invalid replicaset: no selectors, therefore cannot be exposed";
            (&tree["spec"]["selector"]["matchLabels"], refusal)
        }
    };
    if empty(selector) {
        return Err(refusal.into());
    }
    let expressions = tree["spec"]["selector"]["matchExpressions"].as_array();
    if let Some(expressions) = expressions.filter(|e| !e.is_empty() && !matches!(kind, Kind::Pod | Kind::Service)) {
        let shown: Vec<String> = expressions.iter().map(go_requirement).collect();
        let shown = format!("[{}]", shown.join(" "));
        return Err(format!("couldn't convert expressions - \"{shown}\" to map-based selector format"));
    }
    Ok(selector.clone())
}

/// A requirement as Go's `%+v` prints it.
fn go_requirement(requirement: &Value) -> String {
    let text = |key: &str| requirement[key].as_str().unwrap_or_default();
    let values: Vec<&str> = requirement["values"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    format!("{{Key:{} Operator:{} Values:[{}]}}", text("key"), text("operator"), values.join(" "))
}

fn ports_of(kind: Kind, tree: &Value) -> Ports {
    let list = |v: &Value| v.as_array().cloned().unwrap_or_default();
    let (ports, key) = match kind {
        Kind::Service => (list(&tree["spec"]["ports"]), "port"),
        _ => {
            let spec = if kind == Kind::Pod { &tree["spec"] } else { &tree["spec"]["template"]["spec"] };
            let containers = list(&spec["containers"]);
            (containers.iter().flat_map(|c| list(&c["ports"])).collect(), "containerPort")
        }
    };
    let mut found: Ports = Vec::new();
    for port in ports {
        let number = port[key].to_string();
        let protocol = port["protocol"].as_str().filter(|p| !p.is_empty()).unwrap_or("TCP").to_string();
        match found.iter_mut().find(|(n, _)| *n == number) {
            Some((_, protocols)) => protocols.push(protocol),
            None => found.push((number, vec![protocol])),
        }
    }
    found
}

/// Reads `a=b,c=d`.
///
/// # Errors
/// kubectl's text.
pub fn parse_labels(spec: &str) -> Result<Value, String> {
    let mut labels = BTreeMap::new();
    for pair in spec.split(',') {
        let parts: Vec<&str> = pair.split('=').collect();
        let [key, value] = parts.as_slice() else { return Err(format!("unexpected label spec: {pair}")) };
        if key.is_empty() {
            return Err("unexpected empty label key".into());
        }
        labels.insert(key.to_string(), value.to_string());
    }
    Ok(json!(labels))
}

/// A number; the text of a failure is Go's.
///
/// # Errors
/// What is no number, or too large.
pub fn atoi(text: &str) -> Result<i64, String> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let well = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let what = if well { "value out of range" } else { "invalid syntax" };
    text.parse().map_err(|_| format!("strconv.Atoi: parsing {text:?}: {what}"))
}
