//! `debug`: containers to look into pods and nodes with.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/debug/debug.go`.

mod attach;
mod copy;
mod node;
mod profiles;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::api::k8s::api::core::v1::Pod;
use crate::api::names::Draw;
use crate::api::request::{PatchOptions, PatchType, Resource};
use crate::api::{Kind, ObjectKey, schema};
use crate::error::{Failure, Reason};
use crate::host::reason;
use crate::kinds::core::pod::is_image_reference;
use crate::kubectl::builder::build::Builder;
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::print::errors::Fault;
use crate::kubectl::session::Session;
use crate::manifest::{merge, strict, yaml};
use crate::printers::json::to_compact;

use profiles::{Keep, Profile, Style};

/// Create debugging sessions for troubleshooting workloads and nodes.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// POD, or TYPE/NAME
    #[arg(value_name = "POD")]
    args: Vec<String>,
    /// The command and its arguments
    #[arg(value_name = "COMMAND", last = true)]
    command: Vec<String>,
    /// Everything after -- will be passed to the new container as Args instead of Command
    #[arg(long)]
    arguments_only: bool,
    /// If true, wait for the container to start running, and then attach
    #[arg(long)]
    attach: Option<bool>,
    /// Container name to use for debug container
    #[arg(short = 'c', long, default_value = "", hide_default_value = true)]
    container: String,
    /// Create a copy of the target Pod with this name
    #[arg(long, default_value = "", hide_default_value = true)]
    copy_to: String,
    /// Path to a JSON or YAML file containing a partial container spec
    #[arg(long, default_value = "", hide_default_value = true)]
    custom: String,
    /// Environment variables to set in the container
    #[arg(long)]
    env: Vec<String>,
    /// Identifying the resource to debug
    #[arg(short = 'f', long, value_name = "FILENAME", value_delimiter = ',')]
    filename: Vec<String>,
    /// Container image to use for debug container
    #[arg(long, default_value = "", hide_default_value = true)]
    image: String,
    /// The image pull policy for the container
    #[arg(long, default_value = "", hide_default_value = true)]
    image_pull_policy: String,
    /// If true, keep the original pod annotations
    #[arg(long)]
    keep_annotations: bool,
    /// Run the init containers for the pod
    #[arg(long)]
    keep_init_containers: Option<bool>,
    /// If true, keep the original pod labels
    #[arg(long)]
    keep_labels: bool,
    /// If true, keep the original pod liveness probes
    #[arg(long)]
    keep_liveness: bool,
    /// If true, keep the original pod readiness probes
    #[arg(long)]
    keep_readiness: bool,
    /// If true, keep the original startup probes
    #[arg(long)]
    keep_startup: bool,
    /// Options are "general", "baseline", "restricted", "netadmin" or "sysadmin"
    #[arg(long, default_value = "general")]
    profile: String,
    /// If true, suppress informational messages
    #[arg(short = 'q', long)]
    quiet: bool,
    /// When used with '--copy-to', delete the original Pod
    #[arg(long)]
    replace: bool,
    /// When used with '--copy-to', schedule the copy of target Pod on the same node
    #[arg(long)]
    same_node: bool,
    /// A list of name=image pairs for changing container images
    #[arg(long)]
    set_image: Vec<String>,
    /// When used with '--copy-to', enable process namespace sharing in the copy
    #[arg(long)]
    share_processes: Option<bool>,
    /// Keep stdin open on the container(s) in the pod, even if nothing is attached
    #[arg(short = 'i', long)]
    stdin: bool,
    /// When using an ephemeral container, target processes in this container name
    #[arg(long, default_value = "", hide_default_value = true)]
    target: String,
    /// Allocate a TTY for the debugging container
    #[arg(short = 't', long)]
    tty: bool,
}

/// What the flags come to. Mirrors `DebugOptions`.
struct Options {
    args: Args,
    attach: bool,
    env: Vec<Value>,
    set_images: BTreeMap<String, String>,
    profile: Profile,
    custom: Option<Value>,
}

/// The pod that was made or changed, and its container; empty where no container is to be attached to.
type Made = (ObjectKey, String);

/// Runs the verb.
///
/// # Errors
/// kubectl's texts, and the server's refusal.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let options = Options::complete(args, session)?;
    options.validate(session)?;
    let files = FileArgs { filename: options.args.filename.clone(), ..FileArgs::default() };
    let builder = Builder { args: &options.args.args, default_type: "pods", files: Some(&files), ..Builder::default() };
    let mut session_ended = Ok(());
    let visited = builder.plan(session)?.visit(session, |info, session| {
        let (pod, container) = match info.kind() {
            Kind::Node => options.visit_node(&info.name, session)?,
            Kind::Pod if !options.args.copy_to.is_empty() => options.debug_by_copy(&info.tree, session)?,
            Kind::Pod => options.debug_by_ephemeral_container(&info.tree, &info.namespace, session)?,
            kind => {
                let text = format!("{}, Kind={}", info.api_version(), kind.name());
                let text = if info.api_version().contains('/') { text } else { format!("/{text}") };
                return Err(Fault::plain(format!("{text:?} not supported by debug")));
            }
        };
        match options.attach && !container.is_empty() {
            true => options.handle_attach_pod(&pod, &container, session).map_err(|failure| {
                let fault = Fault::plain(failure.message.clone());
                session_ended = Err(failure);
                fault
            }),
            false => Ok(()),
        }
    });
    session_ended?;
    Ok(visited?)
}

impl Options {
    fn complete(args: Args, session: &Session<'_>) -> Result<Options, Failure> {
        let pairs = |flag: &str, values: &[String]| {
            string_to_string(values).map_err(|pair| {
                let all = values.join(",");
                let text =
                    format!("invalid argument {all:?} for \"--{flag}\" flag: {pair} must be formatted as key=value");
                Failure::error(format!("{text}\nSee '{} debug --help' for usage.", session.line.program))
            })
        };
        let env = pairs("env", &args.env)?;
        let set_images = pairs("set-image", &args.set_image)?;
        let keep = Keep {
            labels: args.keep_labels,
            annotations: args.keep_annotations,
            liveness: args.keep_liveness,
            readiness: args.keep_readiness,
            startup: args.keep_startup,
            init_containers: args.keep_init_containers.unwrap_or(true),
        };
        let profile = Profile::parse(&args.profile, keep).map_err(Failure::error)?;
        let custom = if args.custom.is_empty() { None } else { Some(custom_profile(&args.custom, session)?) };
        Ok(Options {
            attach: args.attach.unwrap_or(args.stdin),
            env: env.into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect(),
            set_images,
            profile,
            custom,
            args,
        })
    }

    /// Mirrors `DebugOptions.Validate`.
    fn validate(&self, session: &Session<'_>) -> Result<(), Failure> {
        let args = &self.args;
        if let Some(fault) = self.fault() {
            return Err(Failure::error(fault));
        }
        if !args.target.is_empty() {
            if !args.copy_to.is_empty() {
                let text = "--target is incompatible with --copy-to. Use --share-processes instead.";
                return Err(Failure::error(text));
            }
            if !args.quiet {
                session.ui.out(&format!(
                    "Targeting container {:?}. If you don't see processes from this container it may be because the \
                     container runtime doesn't support this feature.\n",
                    args.target
                ));
            }
        }
        if args.tty && !args.stdin {
            return Err(Failure::error("-i/--stdin is required for containers with -t/--tty=true"));
        }
        let fixed = ["name", "command", "image", "lifecycle", "volumeDevices"];
        let is_set = |value: &Value| !matches!(value, Value::Null) && *value != json!("") && *value != json!([]);
        if self.custom.iter().any(|custom| fixed.iter().any(|field| is_set(&custom[*field]))) {
            let text = "name, command, image, lifecycle and volume devices are not modifiable via custom profile";
            return Err(Failure::error(text));
        }
        if args.profile == "legacy" {
            session.ui.err(
                "--profile=legacy is deprecated and planned to be removed in v1.39. It is recommended to specify other \
                 profile, for example \"--profile=general\".\n",
            );
        }
        Ok(())
    }

    fn fault(&self) -> Option<String> {
        let args = &self.args;
        let (image, container, commands) = (!args.image.is_empty(), !args.container.is_empty(), &args.command);
        let changes = !self.set_images.is_empty();
        let invalid = |image: &str| !is_image_reference(image);
        let text = if self.attach && args.attach.is_some() && !image && !container {
            "you must specify --container or create a new container using --image in order to attach."
        } else if !args.copy_to.is_empty() && !image && !changes && commands.is_empty() {
            "you must specify --image, --set-image or command arguments."
        } else if !args.copy_to.is_empty() && !commands.is_empty() && !container && !image {
            "you must specify an existing container or a new image when specifying args."
        } else if args.copy_to.is_empty() && args.replace {
            "--replace may only be used with --copy-to."
        } else if args.copy_to.is_empty() && args.same_node {
            "--same-node may only be used with --copy-to."
        } else if args.copy_to.is_empty() && changes {
            "--set-image may only be used with --copy-to."
        } else if args.copy_to.is_empty() && !image {
            "you must specify --image when not using --copy-to."
        } else if image && invalid(&args.image) {
            return Some(format!("invalid image name {:?}: invalid reference format", args.image));
        } else if args.args.is_empty() && args.filename.is_empty() {
            "NAME or filename is required for debug"
        } else if !matches!(args.image_pull_policy.as_str(), "Always" | "IfNotPresent" | "Never" | "") {
            return Some(format!("invalid image pull policy: {}", args.image_pull_policy));
        } else {
            let (name, image) = self.set_images.iter().find(|(_, image)| invalid(image))?;
            return Some(format!("invalid image name {image:?} for container {name:?}: invalid reference format"));
        };
        Some(text.into())
    }

    /// Adds an ephemeral container to a pod.
    fn debug_by_ephemeral_container(
        &self,
        pod: &Value,
        namespace: &str,
        session: &mut Session<'_>,
    ) -> Result<Made, Fault> {
        let (changed, name) = self.generate_debug_container(pod, session)?;
        self.display_warning(find(&changed, &name), pod, session);
        let patch = merge::two_way_strategic(Kind::Pod, pod, &changed)
            .map_err(|e| Fault::plain(format!("error creating patch to add debug container: {e}")))?;
        let pod_name = pod["metadata"]["name"].as_str().unwrap_or_default();
        let key = ObjectKey::new(Kind::Pod, namespace, pod_name);
        let resource = Resource::object(&key).part("ephemeralcontainers");
        let body = to_compact(&patch);
        match session.client.patch(resource, (PatchType::Strategic, &body), PatchOptions::default()) {
            Ok(_) => Ok((key, name)),
            // A server without the subresource does not know the pod's name.
            Err(e) if e.reason == Reason::NotFound && !e.message.contains(pod_name) => {
                let text =
                    format!("ephemeral containers are disabled for this cluster (error from server: {:?})", e.message);
                Err(Fault::plain(&text))
            }
            Err(refused) => Err(refused.into()),
        }
    }

    /// The pod with one more ephemeral container, and its name.
    fn generate_debug_container(&self, pod: &Value, session: &Session<'_>) -> Result<(Value, String), Fault> {
        let name = self.compute_debug_container_name(pod, session);
        let mut container = self.new_container(&name);
        if !self.args.target.is_empty() {
            container["targetContainerName"] = json!(self.args.target);
        }
        let mut changed = pod.clone();
        push(&mut changed["spec"]["ephemeralContainers"], container);
        self.profile.apply(&mut changed, &name, Style::Ephemeral);
        self.apply_custom_profile(&mut changed, "ephemeralContainers", &name)?;
        Ok((changed, name))
    }

    /// A container for debugging as the flags describe it.
    fn new_container(&self, name: &str) -> Value {
        let args = &self.args;
        let mut container = json!({
            "name": name,
            "image": args.image,
            "resources": {},
            "terminationMessagePolicy": "File",
        });
        if !args.command.is_empty() {
            container[if args.arguments_only { "args" } else { "command" }] = json!(args.command);
        }
        if !self.env.is_empty() {
            container["env"] = json!(self.env);
        }
        if !args.image_pull_policy.is_empty() {
            container["imagePullPolicy"] = json!(args.image_pull_policy);
        }
        if args.stdin {
            container["stdin"] = json!(true);
        }
        if args.tty {
            container["tty"] = json!(true);
        }
        container
    }

    /// Changes a container as the file of `--custom` says.
    fn apply_custom_profile(&self, pod: &mut Value, list: &str, name: &str) -> Result<(), Fault> {
        let Some(custom) = &self.custom else { return Ok(()) };
        let there = pod["spec"][list].as_array().into_iter().flatten().any(|c| c["name"] == json!(name));
        if !there {
            let (what, pod) = (if list == "containers" { "" } else { "ephemeral " }, &pod["metadata"]["name"]);
            let pod = pod.as_str().unwrap_or_default();
            return Err(Fault::plain(format!("unable to find the {name} {what}container in the pod {pod}")));
        }
        let mut custom = custom.clone();
        custom["name"] = json!(name);
        let patch = json!({"spec": {list: [custom]}});
        *pod = merge::strategic_merge_patch(Kind::Pod, pod, &patch)
            .map_err(|e| Fault::plain(format!("error creating three way patch to add debug container: {e}")))?;
        Ok(())
    }

    /// Warns where a profile gives what the pod's user can't use.
    fn display_warning(&self, container: Option<&Value>, pod: &Value, session: &Session<'_>) {
        let Some(context) = container.map(|c| &c["securityContext"]).filter(|c| !c.is_null()) else { return };
        let user = |context: &Value| context["runAsUser"].as_i64();
        if user(&pod["spec"]["securityContext"]).is_none_or(|uid| uid == 0) || user(context) == Some(0) {
            return;
        }
        let added = context["capabilities"]["add"].as_array().is_some_and(|all| !all.is_empty());
        if context["privileged"] == json!(true) || added {
            session.ui.err(
                "Warning: Non-root user is configured for the entire target Pod, and some capabilities granted by debug \
                 profile may not work. Please consider using \"--custom\" with a custom profile that specifies \
                 \"securityContext.runAsUser: 0\".\n",
            );
        }
    }

    /// The name of the new container: that of `--container`, or one that the pod has not.
    fn compute_debug_container_name(&self, pod: &Value, session: &Session<'_>) -> String {
        if !self.args.container.is_empty() {
            return self.args.container.clone();
        }
        let purpose = format!("debugger/{}/{}", pod["metadata"]["uid"], self.args.copy_to);
        let mut names = (0..).map(|n| format!("debugger-{}", suffix(session, &purpose, n)));
        let name = names.find(|name| find(pod, name).is_none()).unwrap_or_default();
        if !self.args.quiet {
            session.ui.out(&format!("Defaulting debug container name to {name}.\n"));
        }
        name
    }
}

/// Five letters that nobody has thought of.
fn suffix(session: &Session<'_>, purpose: &str, n: u64) -> String {
    Draw::new(session.client.now().0.unsigned_abs(), purpose, n).suffix()
}

/// A container of a pod by its name, whatever its sort.
fn find<'a>(pod: &'a Value, name: &str) -> Option<&'a Value> {
    profiles::LISTS
        .iter()
        .flat_map(|list| pod["spec"][*list].as_array().into_iter().flatten())
        .find(|c| c["name"] == json!(name))
}

/// Adds to a list that may not be there yet.
fn push(list: &mut Value, item: Value) {
    match list.as_array_mut() {
        Some(list) => list.push(item),
        None => *list = json!([item]),
    }
}

/// The values of a flag of pairs. Mirrors pflag's `stringToStringValue`.
fn string_to_string(values: &[String]) -> Result<BTreeMap<String, String>, String> {
    let mut pairs = BTreeMap::new();
    for value in values {
        let parts: Vec<&str> = match value.matches('=').count() {
            0 => return Err(value.clone()),
            1 => vec![value.trim_matches('"')],
            _ => value.split(',').map(|part| part.trim_matches('"')).collect(),
        };
        for part in parts {
            let (key, value) = part.split_once('=').ok_or_else(|| part.to_string())?;
            pairs.insert(key.to_string(), value.to_string());
        }
    }
    Ok(pairs)
}

/// The part of a container that a file describes.
fn custom_profile(path: &str, session: &Session<'_>) -> Result<Value, Failure> {
    let bytes = session.read(path).map_err(|e| {
        let text = format!("must pass a container spec json file for custom profile: open {path}: {}", reason(&e));
        Failure::error(text)
    })?;
    let text = String::from_utf8_lossy(&bytes);
    let invalid = |e: String| Failure::error(format!("{path} does not contain a valid container spec: {e}"));
    let tree = match serde_json::from_str(&text) {
        Ok(tree) => tree,
        Err(_) => yaml::to_json(&text).map_err(|e| invalid(format!("error converting YAML to JSON: {e}")))?,
    };
    let Some(def) = schema::named("io.k8s.api.core.v1.Container") else { return Ok(tree) };
    let decoded = strict::decode_as(def, &tree);
    decoded.map(|(tree, _)| tree).map_err(|e| invalid(format!("error unmarshaling JSON: while decoding JSON: {e}")))
}

/// The state of a container of a pod. Mirrors `getContainerStatusByName`.
fn status<'a>(pod: &'a Pod, name: &str) -> Option<&'a crate::api::k8s::api::core::v1::ContainerStatus> {
    let status = pod.status.as_ref()?;
    let lists = [&status.init_container_statuses, &status.container_statuses, &status.ephemeral_container_statuses];
    lists.into_iter().flatten().flatten().find(|s| s.name == name)
}
