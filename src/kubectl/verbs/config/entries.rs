//! Clusters and contexts: `config set-cluster`, `set-context`, `use-context`, `rename-context`, `delete-cluster` and so on.

use super::{check_file, embedded, unexpected_args};
use crate::error::Failure;
use crate::kubectl::kubeconfig::paths;
use crate::kubectl::kubeconfig::{Section, Stanza};
use crate::kubectl::session::Session;

/// Set a cluster entry in kubeconfig.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ClusterArgs {
    /// The cluster's name
    names: Vec<String>,
    /// server for the cluster entry in kubeconfig
    #[arg(long)]
    server: Option<String>,
    /// tls-server-name for the cluster entry in kubeconfig
    #[arg(long)]
    tls_server_name: Option<String>,
    /// insecure-skip-tls-verify for the cluster entry in kubeconfig
    #[arg(long)]
    insecure_skip_tls_verify: Option<bool>,
    /// Path to certificate-authority file for the cluster entry in kubeconfig
    #[arg(long)]
    certificate_authority: Option<String>,
    /// embed-certs for the cluster entry in kubeconfig
    #[arg(long)]
    embed_certs: Option<bool>,
    /// proxy-url for the cluster entry in kubeconfig
    #[arg(long)]
    proxy_url: Option<String>,
}

/// Mirrors `set_cluster.go`.
pub(super) fn set_cluster(args: &ClusterArgs, session: &Session<'_>) -> Result<(), Failure> {
    let [name] = args.names.as_slice() else { return Err(unexpected_args("set-cluster", &args.names, session)) };
    if name.is_empty() {
        return Err(Failure::error("you must specify a non-empty cluster name"));
    }
    let authority = args.certificate_authority.as_deref().unwrap_or_default();
    let embed = args.embed_certs == Some(true);
    if args.insecure_skip_tls_verify == Some(true) && !authority.is_empty() {
        return Err(Failure::error("you cannot specify a certificate authority and insecure mode at the same time"));
    }
    if embed && authority.is_empty() {
        return Err(Failure::error("you must specify a --certificate-authority to embed"));
    }
    if embed {
        check_file("certificate-authority", authority, session)?;
    }
    let mut config = session.contexts.access.starting_config()?;
    let cluster = config.clusters.entry(name.clone()).or_default();
    if let Some(server) = &args.server {
        cluster.set("server", server.as_str());
        cluster.fields.remove("tls-server-name");
    }
    if let Some(server_name) = &args.tls_server_name {
        cluster.set("tls-server-name", server_name.as_str());
    }
    if let Some(insecure) = args.insecure_skip_tls_verify {
        cluster.set("insecure-skip-tls-verify", insecure);
        if insecure {
            cluster.fields.remove("certificate-authority");
            cluster.fields.remove("certificate-authority-data");
        }
    }
    if args.certificate_authority.is_some() {
        if embed {
            cluster.set("certificate-authority-data", embedded(authority, session));
            cluster.fields.remove("insecure-skip-tls-verify");
            cluster.fields.remove("certificate-authority");
        } else {
            cluster.set("certificate-authority", absolute(authority, session));
            cluster.fields.remove("insecure-skip-tls-verify");
            cluster.fields.remove("certificate-authority-data");
        }
    }
    if let Some(proxy) = &args.proxy_url {
        cluster.set("proxy-url", proxy.as_str());
    }
    session.contexts.access.modify(&config, true)?;
    session.ui.out(&format!("Cluster {name:?} set.\n"));
    Ok(())
}

/// A path of the user's from the root. Mirrors `filepath.Abs`, to which nothing is the folder itself.
pub(super) fn absolute(path: &str, session: &Session<'_>) -> String {
    paths::clean(&session.host.files.absolute(path)).to_string_lossy().into_owned()
}

/// Set a context entry in kubeconfig.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ContextArgs {
    /// The context's name
    names: Vec<String>,
    /// Modify the current context
    #[arg(long)]
    current: bool,
    /// cluster for the context entry in kubeconfig
    #[arg(long)]
    cluster: Option<String>,
    /// user for the context entry in kubeconfig
    #[arg(long)]
    user: Option<String>,
    /// namespace for the context entry in kubeconfig
    #[arg(short = 'n', long)]
    namespace: Option<String>,
}

/// Mirrors `set_context.go`.
pub(super) fn set_context(args: &ContextArgs, session: &Session<'_>) -> Result<(), Failure> {
    let name = match args.names.as_slice() {
        [] => "",
        [name] => name.as_str(),
        more => return Err(unexpected_args("set-context", more, session)),
    };
    if name.is_empty() && !args.current {
        return Err(Failure::error("you must specify a non-empty context name or --current"));
    }
    if !name.is_empty() && args.current {
        return Err(Failure::error("you cannot specify both a context name and --current"));
    }
    let mut config = session.contexts.access.starting_config()?;
    let name = if args.current { config.current_context.clone() } else { name.to_string() };
    if name.is_empty() {
        return Err(Failure::error("no current context is set"));
    }
    let exists = config.contexts.contains_key(&name);
    let context = config.contexts.entry(name.clone()).or_default();
    for (field, value) in [("cluster", &args.cluster), ("user", &args.user), ("namespace", &args.namespace)] {
        if let Some(value) = value {
            context.set(field, value.as_str());
        }
    }
    session.contexts.access.modify(&config, true)?;
    session.ui.out(&format!("Context {name:?} {}.\n", if exists { "modified" } else { "created" }));
    Ok(())
}

/// Mirrors `use_context.go`.
pub(super) fn use_context(names: &[String], session: &Session<'_>) -> Result<(), Failure> {
    let [name] = names else { return Err(unexpected_args("use-context", names, session)) };
    let mut config = session.contexts.access.starting_config()?;
    if name.is_empty() {
        return Err(Failure::error("empty context names are not allowed"));
    }
    if !config.contexts.contains_key(name) {
        return Err(Failure::error(format!("no context exists with the name: {name:?}")));
    }
    config.current_context = name.clone();
    session.contexts.access.modify(&config, true)?;
    session.ui.out(&format!("Switched to context {name:?}.\n"));
    Ok(())
}

/// Mirrors `rename_context.go`.
pub(super) fn rename_context(names: &[String], session: &Session<'_>) -> Result<(), Failure> {
    let [old, new] = names else { return Err(unexpected_args("rename-context", names, session)) };
    if new.is_empty() {
        return Err(Failure::error("You must specify a new non-empty context name"));
    }
    let access = &session.contexts.access;
    let mut config = access.starting_config()?;
    let file = access.default_file();
    let Some(context) = config.contexts.get(old).cloned() else {
        return Err(Failure::error(format!("cannot rename the context {old:?}, it's not in {file}")));
    };
    if config.contexts.contains_key(new) {
        return Err(Failure::error(format!(
            "cannot rename the context {old:?}, the context {new:?} already exists in {file}"
        )));
    }
    config.contexts.insert(new.clone(), context);
    config.contexts.remove(old);
    if config.current_context == *old {
        config.current_context = new.clone();
    }
    access.modify(&config, true)?;
    session.ui.out(&format!("Context {old:?} renamed to {new:?}.\n"));
    Ok(())
}

/// Mirrors `delete_cluster.go`, `delete_context.go` and `delete_user.go`.
pub(super) fn delete(section: Section, names: &[String], session: &Session<'_>) -> Result<(), Failure> {
    let what = match section {
        Section::Clusters => "cluster",
        Section::Contexts => "context",
        Section::Users => "user",
    };
    let access = &session.contexts.access;
    let mut config = access.starting_config()?;
    let [name] = names else {
        let path = format!("config delete-{what}");
        if section == Section::Users {
            let see = format!("See '{} {path} -h' for help and examples", session.line.program);
            return Err(Failure::error(format!("user to delete is required\n{see}")));
        }
        session.ui.out(&format!("{}\n", (session.line.help)(&session.host, session.line.program, &path)));
        return Ok(());
    };
    let file = access.default_file();
    let gone: Option<Stanza> = config.section_mut(section).remove(name);
    if gone.is_none() {
        return Err(Failure::error(format!("cannot delete {what} {name}, not in {file}")));
    }
    if section == Section::Contexts && config.current_context == *name {
        session.ui.err(
            "warning: this removed your active context, use \"kubectl config use-context\" to select a different one\n",
        );
    }
    access.modify(&config, true)?;
    session.ui.out(&format!("deleted {what} {name} from {file}\n"));
    Ok(())
}
