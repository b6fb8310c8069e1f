//! `kustomize`: prints what a kustomization comes to.
//!
//! Mirrors `sigs.k8s.io/kustomize/kustomize/v5/commands/build` as kubectl has it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::error::Failure;
use crate::host::files::FileType;
use crate::host::go_io_error;
use crate::kubectl::builder::kustomization::build;
use crate::kubectl::kustomize::{Options, Reorder, to_yaml};
use crate::kubectl::session::Session;
use crate::printers;

const ROOT_ONLY: &str = "LoadRestrictionsRootOnly";
const NO_RESTRICTIONS: &str = "LoadRestrictionsNone";

/// Build a kustomization target from a directory or URL.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The folder
    #[arg(value_name = "DIR")]
    folders: Vec<String>,
    /// Use the uid and gid of the command executor to run the function in the container
    #[arg(long)]
    as_current_user: bool,
    /// Enable kustomize plugins
    #[arg(long)]
    enable_alpha_plugins: bool,
    /// Enable use of the Helm chart inflator generator
    #[arg(long)]
    enable_helm: bool,
    /// Enable adding app.kubernetes.io/managed-by
    #[arg(long, hide = true)]
    enable_managedby_label: bool,
    /// A list of environment variables to be used by functions
    #[arg(short = 'e', long, value_name = "ENV")]
    env: Vec<String>,
    /// Kubernetes api versions used by Helm for Capabilities.APIVersions
    #[arg(long)]
    helm_api_versions: Vec<String>,
    /// Helm command (path to executable)
    #[arg(long, default_value = "helm")]
    helm_command: String,
    /// Enable debug output from the Helm chart inflator generator
    #[arg(long)]
    helm_debug: bool,
    /// Kubernetes version used by Helm for Capabilities.KubeVersion
    #[arg(long, default_value = "")]
    helm_kube_version: String,
    /// If set to 'LoadRestrictionsNone', local kustomizations may load files from outside their root
    #[arg(long, default_value = ROOT_ONLY)]
    load_restrictor: String,
    /// A list of storage options read from the filesystem
    #[arg(long)]
    mount: Vec<String>,
    /// Enable network access for functions that declare it
    #[arg(long)]
    network: bool,
    /// The docker network to run the container in
    #[arg(long, default_value = "bridge")]
    network_name: String,
    /// If specified, write output to this path
    #[arg(short = 'o', long, default_value = "")]
    output: String,
    /// Reorder the resources just before output
    #[arg(long, hide = true)]
    reorder: Option<String>,
}

/// Runs `kustomize`.
///
/// # Errors
/// Why it can't be built, in kustomize's words.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    warn_of_old_flags(&args, session);
    let folder = match args.folders.as_slice() {
        [] => ".",
        [folder] => folder,
        _ => return Err(Failure::error("specify one path to kustomization.yaml")),
    };
    if !matches!(args.load_restrictor.as_str(), ROOT_ONLY | NO_RESTRICTIONS | "") {
        let text = format!("illegal flag value --load-restrictor {}", args.load_restrictor);
        return Err(Failure::error(format!("{text}; legal values: [{ROOT_ONLY} {NO_RESTRICTIONS}]")));
    }
    let reorder = match args.reorder.as_deref() {
        None | Some("legacy") => Reorder::Legacy,
        Some("none") => Reorder::None,
        Some(other) => {
            let text = format!("illegal flag value --reorder {other}; legal values: [legacy none]");
            return Err(Failure::error(text));
        }
    };
    if args.enable_alpha_plugins {
        return Err(no_programs("--enable-alpha-plugins"));
    }
    let options = Options {
        reorder,
        reorder_given: args.reorder.is_some(),
        root_only: args.load_restrictor != NO_RESTRICTIONS,
        managed_by_label: args.enable_managedby_label,
    };
    let objects = build(session, folder, &options).map_err(|text| match args.enable_helm {
        // Where nothing needs it, the flag changes nothing.
        true if text.contains("must specify --enable-helm") => no_programs("--enable-helm"),
        _ => Failure::error(text),
    })?;
    if args.output.is_empty() {
        session.ui.out(&to_yaml(&objects));
        return Ok(());
    }
    let files = &session.host.files;
    let write = |path: &str, text: &str| {
        files.copy_in(path, text.as_bytes()).map_err(|e| Failure::error(go_io_error("open", path, &e)))
    };
    if files.file_type(&args.output).is_ok_and(|kind| kind == FileType::Folder) {
        let folder = args.output.trim_end_matches('/');
        return individual_files(&objects)
            .iter()
            .try_for_each(|(name, object)| write(&format!("{folder}/{name}"), &printers::yaml::to_yaml(object)));
    }
    write(&args.output, &to_yaml(&objects))
}

fn no_programs(flag: &str) -> Failure {
    Failure::error(format!("{flag}: kstate starts no programs to build a kustomization"))
}

fn warn_of_old_flags(args: &Args, session: &Session<'_>) {
    if args.reorder.is_some() {
        let instead = "use the new 'sortOptions' field in kustomization.yaml instead.";
        session.ui.err(&format!("Flag --reorder has been deprecated, {instead}\n"));
    }
    if args.enable_managedby_label {
        let instead = "The flag `enable-managedby-label` has been deprecated. Use the `managedByLabel` option in the \
                       `buildMetadata` field instead.";
        session.ui.err(&format!("Flag --enable-managedby-label has been deprecated, {instead}\n"));
    }
}

/// The files of a folder, one for each object. Mirrors `WriteIndividualFiles`.
fn individual_files(objects: &[Value]) -> Vec<(String, &Value)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_lowercase();
    let namespace = |object: &Value| match text(&object["metadata"]["namespace"]).as_str() {
        "" => "default".to_string(),
        namespace => namespace.to_string(),
    };
    let is_in_one = |object: &&Value| !crate::kubectl::kustomize::is_cluster_scoped(object);
    let namespaces: BTreeSet<String> = objects.iter().filter(is_in_one).map(namespace).collect();
    objects
        .iter()
        .map(|object| {
            let (version, kind) = (text(&object["apiVersion"]).replace('/', "_"), text(&object["kind"]));
            let name = format!("{version}_{kind}_{}.yaml", text(&object["metadata"]["name"]));
            let is_apart = namespaces.len() > 1 && is_in_one(&object);
            (if is_apart { format!("{}_{name}", namespace(object)) } else { name }, object)
        })
        .collect()
}
