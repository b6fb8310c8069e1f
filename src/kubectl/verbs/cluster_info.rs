//! `cluster-info`: where the control plane is; and `cluster-info dump`: what is to be known of what went wrong.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/clusterinfo`.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::k8s::api::core::v1::Pod;
use crate::api::request::{Connect, ListOptions, LogOptions, Resource, Target, Verb};
use crate::api::schema::{self, TypeDef};
use crate::api::{Duration, Kind, Object};
use crate::error::{Failure, Reason};
use crate::host::go_io_error;
use crate::kubectl::print::made::OutputArgs;
use crate::kubectl::print::output::Format;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::containers::{check_timeout, pods};
use crate::printers::go_order::Order;
use crate::server::{List, Reply, tree_of, tree_with_owners};

/// What is dumped of a namespace, in order, and what its file is called.
const KINDS: [(Kind, &str); 7] = [
    (Kind::Event, "events"),
    (Kind::ReplicationController, "replication-controllers"),
    (Kind::Service, "services"),
    (Kind::DaemonSet, "daemonsets"),
    (Kind::Deployment, "deployments"),
    (Kind::ReplicaSet, "replicasets"),
    (Kind::Pod, "pods"),
];

/// Display cluster information.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
    /// Words that nobody looks at
    #[arg(hide = true)]
    rest: Vec<String>,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum What {
    /// Dump relevant information for debugging and diagnosis
    Dump(DumpArgs),
}

/// What is dumped, and where to.
#[derive(Debug, Clone, clap::Args)]
struct DumpArgs {
    #[command(flatten)]
    output: OutputArgs,
    /// If true, dump all namespaces. If true, --namespaces is ignored
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// A comma separated list of namespaces to dump
    #[arg(long, value_delimiter = ',')]
    namespaces: Vec<String>,
    /// Where to output the files. If empty or '-' uses stdout
    #[arg(long, default_value = "")]
    output_directory: String,
    /// The length of time to wait until at least one pod is running
    #[arg(long, default_value = "20s", value_parser = Duration::parse)]
    pod_running_timeout: Duration,
}

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    match args.what {
        Some(What::Dump(args)) => dump(&args, session),
        None => {
            session.ui.out(
                "Kubernetes control plane is running at https://127.0.0.1:6443\n\nTo further debug and diagnose cluster \
                 problems, use 'kubectl cluster-info dump'.\n",
            );
            Ok(())
        }
    }
}

fn dump(args: &DumpArgs, session: &mut Session<'_>) -> Result<(), Failure> {
    check_timeout(args.pod_running_timeout).map_err(Failure::error)?;
    let format = args.output.format(session)?.unwrap_or(Format::Json);
    let mut dump = Dump { args, format, printed: 0 };
    dump.list(session, Kind::Node, "", "nodes")?;
    let namespaces = if args.all_namespaces {
        let all = session.client.list(Kind::Namespace, "", &ListOptions::default())?;
        all.iter().map(|namespace| namespace.name().to_string()).collect()
    } else if args.namespaces.is_empty() {
        vec!["kube-system".to_string(), session.namespace.clone()]
    } else {
        args.namespaces.clone()
    };
    for namespace in &namespaces {
        let mut pods = Vec::new();
        for (kind, name) in KINDS {
            pods = dump.list(session, kind, namespace, &format!("{namespace}/{name}"))?;
        }
        for pod in pods.iter().filter_map(|object| object.get::<Pod>()) {
            dump.logs(session, pod, namespace)?;
        }
    }
    if dump.is_written() {
        session.ui.out(&format!("Cluster info dumped to {}\n", args.output_directory));
    }
    Ok(())
}

struct Dump<'a> {
    args: &'a DumpArgs,
    format: Format,
    /// Lists printed so far: YAML documents are set apart, be they in one file or in several.
    printed: usize,
}

/// The fields of a list in Go.
struct ListOrder(&'static TypeDef);

impl Order for ListOrder {
    fn place(&self, name: &str) -> Option<usize> {
        ["kind", "apiVersion", "metadata", "items"].iter().position(|field| *field == name)
    }

    fn below(&self, name: &str) -> Option<&dyn Order> {
        (name == "items").then_some(self.0 as &dyn Order)
    }
}

impl Dump<'_> {
    /// Whether files are written.
    fn is_written(&self) -> bool {
        !matches!(self.args.output_directory.as_str(), "" | "-")
    }

    fn list(
        &mut self,
        session: &Session<'_>,
        kind: Kind,
        namespace: &str,
        name: &str,
    ) -> Result<Vec<Arc<Object>>, Failure> {
        let target = Target::Resource(Resource::kind(kind).within(namespace));
        let (mut items, mut version) = (Vec::new(), 0);
        if let Reply::List(List { items: listed, revision, .. }) =
            session.client.read(Verb::List(ListOptions::default()), target, crate::api::request::Form::Object)?
        {
            (items, version) = (listed, revision);
        }
        let tree = |object: &Arc<Object>| {
            let mut tree = match self.args.output.show_managed_fields {
                true => tree_with_owners(object),
                false => tree_of(object),
            };
            if let Some(fields) = tree.as_object_mut() {
                fields.retain(|name, _| name != "kind" && name != "apiVersion");
            }
            tree
        };
        let list = json!({
            "kind": format!("{}List", kind.name()),
            "apiVersion": kind.api_version(),
            "metadata": {"resourceVersion": version.to_string()},
            "items": items.iter().map(tree).collect::<Vec<Value>>(),
        });
        let order = ListOrder(schema::of(kind));
        let missing = self.args.output.allow_missing_template_keys;
        let mut text = self.format.print_struct(&order, &list, missing)?;
        if self.printed > 0 && matches!(self.format, Format::Yaml) {
            text.insert_str(0, "---\n");
        }
        self.printed += 1;
        let extension = match self.format {
            Format::Json => ".json",
            Format::Yaml => ".yaml",
            _ => ".txt",
        };
        self.write(session, name, extension, text.as_bytes())?;
        Ok(items)
    }

    fn logs(&self, session: &mut Session<'_>, pod: &Pod, namespace: &str) -> Result<(), Failure> {
        let key = pods::key(pod);
        let spec = pod.spec.as_ref();
        let containers =
            spec.into_iter().flat_map(|spec| spec.init_containers.iter().flatten().chain(&spec.containers));
        let mut text = Vec::new();
        for container in containers {
            let of = format!("logs for container {} of pod {namespace}/{}", container.name, key.name);
            text.extend(format!("==== START {of} ====\n").into_bytes());
            let options = LogOptions { container: container.name.clone(), ..LogOptions::default() };
            match session.client.connect(&key, Connect::Log(options)) {
                Ok(Reply::Bytes(log)) => text.extend(log),
                Ok(_) => {}
                Err(refused) => {
                    let what = match refused.reason {
                        // OBSERVATION: it has read the answer when it looks for what the server says in it.
                        Reason::BadRequest => {
                            let rejected = "the server rejected our request for an unknown reason";
                            format!("{rejected} (get pods {})", key.name)
                        }
                        _ => refused.message,
                    };
                    text.extend(format!("Request log error: {what}\n").into_bytes());
                }
            }
            text.extend(format!("==== END {of} ====\n").into_bytes());
        }
        self.write(session, &format!("{namespace}/{}/logs", key.name), ".txt", &text)
    }

    /// Mirrors `setupOutputWriter`.
    fn write(&self, session: &Session<'_>, name: &str, extension: &str, text: &[u8]) -> Result<(), Failure> {
        if !self.is_written() {
            session.ui.out_bytes(text);
            return Ok(());
        }
        let path = format!("{}/{name}{extension}", self.args.output_directory.trim_end_matches('/'));
        let files = &session.host.files;
        let folder = path.rsplit_once('/').map_or(".", |(folder, _)| folder);
        files.make_folders(folder).map_err(|e| Failure::error(go_io_error("mkdir", folder, &e)))?;
        files.copy_in(&path, text).map_err(|e| Failure::error(go_io_error("open", &path, &e)))
    }
}
