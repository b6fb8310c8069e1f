//! `config`: looks at kubeconfig files and changes them.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/config`.

mod credentials;
mod entries;
mod list;
mod property;
mod view;

use serde_json::Value;

use crate::error::Failure;
use crate::kubectl::kubeconfig::Section;
use crate::kubectl::kubeconfig::access::go_io_error;
use crate::kubectl::session::Session;

/// Modify kubeconfig files.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

/// Words of a command that has no use for any.
#[derive(Debug, Clone, clap::Args)]
struct Rest {
    #[arg(hide = true)]
    rest: Vec<String>,
}

/// Words that name what a command works on.
#[derive(Debug, Clone, clap::Args)]
struct Names {
    /// Names
    names: Vec<String>,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Verb {
    /// Display the current-context
    CurrentContext(Rest),
    /// Delete the specified cluster from the kubeconfig
    DeleteCluster(Names),
    /// Delete the specified context from the kubeconfig
    DeleteContext(Names),
    /// Delete the specified user from the kubeconfig
    DeleteUser(Names),
    /// Display clusters defined in the kubeconfig
    GetClusters(Rest),
    /// Describe one or many contexts
    GetContexts(list::Args),
    /// Display users defined in the kubeconfig
    GetUsers(Rest),
    /// Rename a context from the kubeconfig file
    RenameContext(Names),
    /// Set an individual value in a kubeconfig file
    Set(property::Args),
    /// Set a cluster entry in kubeconfig
    SetCluster(entries::ClusterArgs),
    /// Set a context entry in kubeconfig
    SetContext(entries::ContextArgs),
    /// Set a user entry in kubeconfig
    SetCredentials(credentials::Args),
    /// Unset an individual value in a kubeconfig file
    Unset(Names),
    /// Set the current-context in a kubeconfig file
    #[command(alias = "use")]
    UseContext(Names),
    /// Display merged kubeconfig settings or a specified kubeconfig file
    View(view::Args),
}

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    match args.verb {
        Verb::CurrentContext(_) => list::current_context(session),
        Verb::DeleteCluster(args) => entries::delete(Section::Clusters, &args.names, session),
        Verb::DeleteContext(args) => entries::delete(Section::Contexts, &args.names, session),
        Verb::DeleteUser(args) => entries::delete(Section::Users, &args.names, session),
        Verb::GetClusters(_) => list::names(Section::Clusters, session),
        Verb::GetContexts(args) => list::contexts(&args, session),
        Verb::GetUsers(_) => list::names(Section::Users, session),
        Verb::RenameContext(args) => entries::rename_context(&args.names, session),
        Verb::Set(args) => property::set(&args, session),
        Verb::SetCluster(args) => entries::set_cluster(&args, session),
        Verb::SetContext(args) => entries::set_context(&args, session),
        Verb::SetCredentials(args) => credentials::set(&args, session),
        Verb::Unset(args) => property::unset(&args.names, session),
        Verb::UseContext(args) => entries::use_context(&args.names, session),
        Verb::View(args) => view::run(&args, session),
    }
}

/// The help, and then what is wrong. Mirrors `helpErrorf`.
fn help_and_error(command: &str, text: &str, session: &Session<'_>) -> Failure {
    session
        .ui
        .out(&format!("{}\n", (session.line.help)(&session.host, session.line.program, &format!("config {command}"))));
    Failure::error(text)
}

/// `Unexpected args: [a b]`, after the help.
fn unexpected_args(command: &str, args: &[String], session: &Session<'_>) -> Failure {
    help_and_error(command, &format!("Unexpected args: [{}]", args.join(" ")), session)
}

/// A file's bytes as a kubeconfig holds them; none of a file that can't be read, which was looked at before.
fn embedded(path: &str, session: &Session<'_>) -> Value {
    let bytes = session.read(path).unwrap_or_default();
    match bytes.is_empty() {
        true => Value::Null,
        false => serde_json::to_value(k8s_openapi::ByteString(bytes)).unwrap_or_default(),
    }
}

/// Refuses a file that is not there.
fn check_file(flag: &str, path: &str, session: &Session<'_>) -> Result<(), Failure> {
    match session.host.files.file_type(path) {
        Ok(_) => Ok(()),
        Err(e) => Err(Failure::error(format!("could not stat {flag} file {path}: {}", go_io_error("stat", path, &e)))),
    }
}
