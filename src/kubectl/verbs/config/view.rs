//! `config view`: the kubeconfig that the files make together.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/config/view.go` and `k8s.io/client-go/tools/clientcmd/api/helpers.go`.

use serde_json::Value;

use crate::error::Failure;
use crate::kubectl::kubeconfig::client::flatten;
use crate::kubectl::kubeconfig::schema::File;
use crate::kubectl::kubeconfig::{Config, Section};
use crate::kubectl::print::output::{Format, OBJECT_FORMATS};
use crate::kubectl::session::Session;

/// Display merged kubeconfig settings or a specified kubeconfig file.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    #[arg(hide = true)]
    rest: Vec<String>,
    /// If true, ignore any errors in templates when a field or map key is missing in the template
    #[arg(long, default_value_t = true)]
    allow_missing_template_keys: bool,
    /// Flatten the resulting kubeconfig file into self-contained output
    #[arg(long)]
    flatten: bool,
    /// Merge the full hierarchy of kubeconfig files
    #[arg(long)]
    merge: Option<bool>,
    /// Remove all information not used by current-context from the output
    #[arg(long)]
    minify: bool,
    /// Output format
    #[arg(short = 'o', long)]
    output: Option<String>,
    /// Display raw byte data and sensitive data
    #[arg(long)]
    raw: bool,
    /// If true, keep the managedFields when printing objects in JSON or YAML format
    #[arg(long)]
    show_managed_fields: bool,
    /// Template string or path to template file to use when -o=go-template, -o=go-template-file
    #[arg(long)]
    template: Option<String>,
}

pub(super) fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    if !args.rest.is_empty() {
        let see = format!("See '{} config view -h' for help and examples", session.line.program);
        return Err(Failure::error(format!("unexpected arguments: [{}]\n{see}", args.rest.join(" "))));
    }
    let access = &session.contexts.access;
    let output = match (args.output.as_deref().unwrap_or_default(), &args.template) {
        ("", Some(template)) if !template.is_empty() => "go-template",
        ("", _) => "yaml",
        (output, _) => output,
    };
    let format = Format::parse(session, output, args.template.as_deref(), OBJECT_FORMATS)?;
    let merge = args.merge.unwrap_or(true);
    if !merge && !access.is_explicit() {
        return Err(Failure::error("if merge==false a precise file must be specified"));
    }
    let mut config = if merge { access.starting_config()? } else { access.read_explicit()? };
    if args.minify {
        if !session.contexts.named.is_empty() {
            config.current_context = session.contexts.named.clone();
        }
        minify(&mut config)?;
    }
    if args.flatten {
        for (section, fields) in [
            (Section::Users, ["client-certificate", "client-key"].as_slice()),
            (Section::Clusters, ["certificate-authority"].as_slice()),
        ] {
            for stanza in config.section_mut(section).values_mut() {
                let base = access.base_of(&stanza.origin);
                fields.iter().try_for_each(|field| flatten(stanza, field, &base, &access.files))?;
            }
        }
    } else if !args.raw {
        redact(&mut config);
    }
    let tree = config.to_tree();
    session.ui.out(&format.print_struct(&File, &tree, args.allow_missing_template_keys)?);
    Ok(())
}

/// Mirrors `MinifyConfig`.
fn minify(config: &mut Config) -> Result<(), Failure> {
    let current = config.current_context.clone();
    if current.is_empty() {
        return Err(Failure::error("current-context must exist in order to minify"));
    }
    let cannot = |what: &str, name: &str| Failure::error(format!("cannot locate {what} {name}"));
    let context = config.contexts.get(&current).cloned().ok_or_else(|| cannot("context", &current))?;
    let (cluster, user) = (context.text("cluster"), context.text("user"));
    if !cluster.is_empty() && !config.clusters.contains_key(cluster) {
        return Err(cannot("cluster", cluster));
    }
    if !user.is_empty() && !config.users.contains_key(user) {
        return Err(cannot("user", user));
    }
    config.clusters.retain(|name, _| name == cluster);
    config.users.retain(|name, _| name == user);
    config.contexts.retain(|name, _| *name == current);
    Ok(())
}

/// Hides what is secret, and shortens data. Mirrors `RedactSecrets` and `ShortenConfig`.
fn redact(config: &mut Config) {
    for section in Section::ALL {
        for stanza in config.section_mut(section).values_mut() {
            for field in section.def().fields {
                let Some(value) = stanza.fields.get_mut(field.name) else { continue };
                if field.name.ends_with("-data") {
                    *value = Value::from("DATA+OMITTED");
                } else if field.secret {
                    *value = Value::from("REDACTED");
                }
            }
        }
    }
}
