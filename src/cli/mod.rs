//! The command line: each verb is one file with its arguments (whose doc comments are the help) and a `run`.

mod argv;
mod clock;
mod cluster;
mod completion;
mod help;
mod home;
mod lesson;
mod node;
mod plugin;
mod undo;
mod usage;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::api::Duration;
use crate::api::user::User;
use crate::error::Failure;
use crate::kubectl::client::Client;
use crate::kubectl::contexts::Contexts;
use crate::kubectl::read_ahead::ReadAhead;
use crate::kubectl::session::{CommandLine, Disk, Session};
use crate::kubectl::verbs;
use crate::kubectl::wall::wall_now;
use crate::server::Server;
use crate::sim::Cluster;
use crate::ui::Ui;
use home::Home;

/// kstate runs a Kubernetes control plane for storage and state in one process, and speaks kubectl.
#[derive(Debug, Parser)]
#[command(name = "kstate", version, disable_help_subcommand = true, infer_subcommands = false)]
struct App {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

/// The flags that every verb takes.
#[derive(Debug, Clone, clap::Args)]
struct Global {
    /// If present, the namespace scope for this CLI request
    #[arg(short = 'n', long, global = true)]
    namespace: Option<String>,
    /// The cluster to work on
    #[arg(long, global = true, value_name = "NAME")]
    cluster: Option<String>,
    /// Group to impersonate for the operation
    #[arg(long, global = true, value_name = "GROUP")]
    as_group: Vec<String>,
    /// UID to impersonate for the operation
    #[arg(long, global = true, value_name = "UID")]
    as_uid: Option<String>,
    #[command(flatten)]
    connection: Connection,
    /// The name of the kubeconfig context to use
    #[arg(long, global = true, value_name = "NAME")]
    context: Option<String>,
    /// Path to the kubeconfig file to use for CLI requests
    #[arg(long, global = true, value_name = "FILE")]
    kubeconfig: Option<String>,
    /// Username to impersonate for the operation
    #[arg(long = "as", global = true, value_name = "USER")]
    impersonate: Option<String>,
    /// The length of time to wait before giving up on a single server request
    #[arg(long, global = true, value_name = "DURATION")]
    request_timeout: Option<String>,
    /// Number for the log level verbosity
    #[arg(short = 'v', long = "v", global = true, value_name = "LEVEL")]
    verbosity: Option<String>,
}

/// What kubectl needs to reach a server. kstate takes it and has no use for it: its control plane is in the process.
#[derive(Debug, Clone, clap::Args)]
struct Connection {
    /// Default cache directory
    #[arg(long, global = true, value_name = "FOLDER")]
    cache_dir: Option<String>,
    /// Path to a cert file for the certificate authority
    #[arg(long, global = true, value_name = "FILE")]
    certificate_authority: Option<String>,
    /// Path to a client certificate file for TLS
    #[arg(long, global = true, value_name = "FILE")]
    client_certificate: Option<String>,
    /// Path to a client key file for TLS
    #[arg(long, global = true, value_name = "FILE")]
    client_key: Option<String>,
    /// If true, opt-out of response compression for all requests to the server
    #[arg(long, global = true)]
    disable_compression: bool,
    /// If true, the server's certificate will not be checked for validity
    #[arg(long, global = true)]
    insecure_skip_tls_verify: bool,
    /// Maximum number of seconds between log flushes
    #[arg(long, global = true, default_value = "5s")]
    log_flush_frequency: String,
    /// Require server version to match client version
    #[arg(long, global = true)]
    match_server_version: bool,
    /// Password for basic authentication to the API server
    #[arg(long, global = true)]
    password: Option<String>,
    /// Name of profile to capture
    #[arg(long, global = true, default_value = "none")]
    profile: String,
    /// Name of the file to write the profile to
    #[arg(long, global = true, default_value = "profile.pprof")]
    profile_output: String,
    /// The address and port of the Kubernetes API server
    #[arg(short = 's', long, global = true)]
    server: Option<String>,
    /// Server name to use for server certificate validation
    #[arg(long, global = true)]
    tls_server_name: Option<String>,
    /// Bearer token for authentication to the API server
    #[arg(long, global = true)]
    token: Option<String>,
    /// Username for basic authentication to the API server
    #[arg(long, global = true)]
    username: Option<String>,
    /// Comma-separated list of pattern=N settings for file-filtered logging
    #[arg(long, global = true)]
    vmodule: Option<String>,
    /// Treat warnings received from the server as errors and exit with a non-zero exit code
    #[arg(long, global = true)]
    warnings_as_errors: bool,
}

/// Whether a verb may change the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Reads,
    Writes,
}

/// Lists the verbs that work on one cluster: variant, module, whether kubectl has it too, and whether it may change the cluster.
macro_rules! verbs {
    ($($(#[$attr:meta])* $variant:ident, $($module:ident)::+, $kubectl:literal, $access:ident;)*) => {
        #[derive(Debug, Subcommand)]
        enum Verb {
            Cluster(cluster::Args),
            Lesson(lesson::Args),
            $($(#[$attr])* $variant($($module)::+::Args),)*
        }

        impl Verb {
            fn is_kubectl(&self) -> bool {
                match self { $(Verb::$variant(_) => $kubectl,)* Verb::Cluster(_) | Verb::Lesson(_) => false }
            }

            fn access(&self) -> Access {
                match self { $(Verb::$variant(_) => Access::$access,)* Verb::Cluster(_) | Verb::Lesson(_) => Access::Reads }
            }

            fn run(self, session: &mut Session<'_>) -> Result<(), Failure> {
                match self {
                    $(Verb::$variant(args) => $($module)::+::run(args, session),)*
                    Verb::Cluster(_) | Verb::Lesson(_) => Err(Failure::error("this is not for within a lesson")),
                }
            }
        }
    };
}

verbs! {
    Annotate, verbs::annotate, true, Writes;
    ApiResources, verbs::discovery::resources, true, Reads;
    ApiVersions, verbs::discovery::versions, true, Reads;
    Apply, verbs::apply, true, Writes;
    Attach, verbs::containers::attach, true, Reads;
    Auth, verbs::auth, true, Reads;
    Autoscale, verbs::autoscale, true, Writes;
    Certificate, verbs::absent::certificate, true, Reads;
    ClusterInfo, verbs::discovery::cluster_info, true, Reads;
    Completion, completion, true, Reads;
    Config, verbs::config, true, Writes;
    Cordon, verbs::cordon, true, Writes;
    Cp, verbs::containers::cp, true, Reads;
    Create, verbs::create, true, Writes;
    Debug, verbs::absent::debug, true, Reads;
    Delete, verbs::delete, true, Writes;
    Describe, verbs::describe, true, Reads;
    Diff, verbs::diff, true, Reads;
    Drain, verbs::drain, true, Writes;
    Edit, verbs::edit, true, Writes;
    Events, verbs::events, true, Reads;
    Explain, verbs::explain, true, Reads;
    Exec, verbs::containers::exec, true, Reads;
    Expose, verbs::expose, true, Writes;
    Get, verbs::get, true, Reads;
    Help, help, true, Reads;
    Kustomize, verbs::absent::kustomize, true, Reads;
    Label, verbs::label, true, Writes;
    Logs, verbs::containers::logs, true, Reads;
    Options, help::options, true, Reads;
    Patch, verbs::patch, true, Writes;
    Plugin, plugin, true, Reads;
    PortForward, verbs::containers::port_forward, true, Reads;
    Proxy, verbs::absent::proxy, true, Reads;
    Replace, verbs::replace, true, Writes;
    Rollout, verbs::rollout, true, Writes;
    Run, verbs::run, true, Writes;
    Scale, verbs::scale, true, Writes;
    Set, verbs::set, true, Writes;
    Taint, verbs::taint, true, Writes;
    Top, verbs::containers::top, true, Reads;
    Uncordon, verbs::cordon::uncordon, true, Writes;
    Version, verbs::discovery::version, true, Reads;
    Wait, verbs::wait, true, Writes;
    Clock, clock, false, Writes;
    Node, node, false, Writes;
    Undo, undo, false, Writes;
}

impl Verb {
    /// Whether `undo` offers to take it back: not what only shows something, and not `undo` itself.
    fn can_be_undone(&self) -> bool {
        match self {
            Verb::Undo(_) => false,
            Verb::Clock(args) => args.moves(),
            _ => true,
        }
    }
}

/// Runs the command line and returns the exit code.
pub fn main(args: Vec<OsString>) -> u8 {
    let ui = Ui::terminal();
    let args: Vec<String> = args.into_iter().map(|a| a.to_string_lossy().into_owned()).collect();
    match (start(&args, &ui), ui.write_error()) {
        // OBSERVATION: what could not be said must not pass for success.
        (Ok(()), Some(fault)) => report(&Failure::error(format!("write /dev/stdout: {fault}")), &ui),
        (Ok(()), None) => 0,
        (Err(failure), _) => report(&failure, &ui),
    }
}

/// Prints a failure and returns its exit code.
fn report(failure: &Failure, ui: &Ui) -> u8 {
    if !failure.message.is_empty() {
        ui.err(&format!("{}\n", failure.message));
    }
    if let Some(hint) = &failure.hint {
        ui.err(&format!("hint: {hint}\n"));
    }
    failure.code
}

/// The name that the binary was called by.
fn program(argv0: Option<&String>) -> &'static str {
    let stem = argv0.map(Path::new).and_then(Path::file_stem).and_then(|s| s.to_str()).unwrap_or_default();
    if stem == "kubectl" { "kubectl" } else { "kstate" }
}

fn start(args: &[String], ui: &Ui) -> Result<(), Failure> {
    let program = program(args.first());
    let app = parse(program, args.get(1..).unwrap_or_default(), ui)?;
    let home = Home::find()?;
    let folder = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    match app.verb {
        Verb::Cluster(args) => return cluster::run(args, &home, ui),
        Verb::Lesson(args) => return lesson::run(&args, ui, &home, &folder),
        // These speak of kstate, not of a cluster, and must not make one.
        Verb::Completion(args) => return completion::print(&args, program, ui),
        Verb::Help(args) => {
            help::print(&args, program, ui);
            return Ok(());
        }
        Verb::Options(_) => {
            help::options::print(program, ui);
            return Ok(());
        }
        Verb::Plugin(args) => return plugin::print(&args, program, ui),
        _ => {}
    }
    check_config(&app.global, &home.clusters())?;
    let named = app.global.cluster.clone().or_else(|| app.global.context.clone());
    let name = named.filter(|n| !n.is_empty()).unwrap_or_else(|| home.current());
    let mut server = Server::over(home.open(&name)?);
    let place = Place { ui, program, folder, shared: true, contexts: &InHome { home: &home, name } };
    execute(app, args, &mut server, &place)
}

/// Runs the words of a command line on a cluster that is not the user's own (a lesson's, a test's) and returns
/// the exit code. The first word is the name that the binary would be called by.
pub fn run_on(words: &[String], ui: &Ui, server: &mut Server, folder: &Path) -> u8 {
    let program = program(words.first());
    let place = Place { ui, program, folder: folder.to_path_buf(), shared: false, contexts: &OnlyOne };
    let outcome =
        parse(program, words.get(1..).unwrap_or_default(), ui).and_then(|app| execute(app, words, server, &place));
    outcome.map_or_else(|failure| report(&failure, ui), |()| 0)
}

/// The clusters of kstate's folder as contexts.
struct InHome<'a> {
    home: &'a Home,
    name: String,
}

impl Contexts for InHome<'_> {
    fn names(&self) -> Vec<String> {
        self.home.clusters()
    }

    fn current(&self) -> String {
        self.name.clone()
    }

    fn choose(&self, name: &str) -> Result<(), Failure> {
        self.home.set_current(name)
    }
}

/// The single context of a lesson or a test.
struct OnlyOne;

impl Contexts for OnlyOne {
    fn names(&self) -> Vec<String> {
        vec![self.current()]
    }

    fn current(&self) -> String {
        home::DEFAULT_CLUSTER.to_string()
    }

    fn choose(&self, _name: &str) -> Result<(), Failure> {
        Ok(())
    }
}

/// Where a command runs.
struct Place<'a> {
    ui: &'a Ui,
    program: &'static str,
    folder: PathBuf,
    shared: bool,
    contexts: &'a dyn Contexts,
}

/// Runs one verb as one transaction: what it did lasts, and what is due now is done. What it says is said once that
/// is stored; if it can't be, only the reason is.
fn execute(app: App, args: &[String], server: &mut Server, place: &Place<'_>) -> Result<(), Failure> {
    place.ui.hold();
    match transact(app, args, server, place) {
        Ok(outcome) => {
            place.ui.release();
            outcome
        }
        Err(fault) => {
            server.cluster_mut().rollback();
            place.ui.discard();
            Err(fault)
        }
    }
}

/// The transaction's own outcome, and within it the verb's.
fn transact(app: App, args: &[String], server: &mut Server, place: &Place<'_>) -> Result<Result<(), Failure>, Failure> {
    check_config(&app.global, &place.contexts.names())?;
    let request_timeout = request_timeout(&app.global)?;
    let words = args.get(1..).unwrap_or_default();
    let ahead = ReadAhead::of(words, place.ui, &place.folder)
        .map_err(|e| Failure::error(format!("cannot read the input: {e}")))?;
    let writes = app.verb.access() == Access::Writes;
    let cluster = server.cluster_mut();
    cluster.begin(writes, wall_now())?;
    let mut operation = None;
    if writes && app.verb.can_be_undone() {
        operation = Some(cluster.note_operation(&format!("{} {}", place.program, words.join(" ")))?);
    }
    // A kubectl that only let time pass did nothing that one would take back.
    let moves_clock = !app.verb.is_kubectl();
    let state = |c: &Cluster| (c.revision(), c.store().settings_changed(), Some(c.now()).filter(|_| moves_clock));
    let before = state(cluster);
    let takes_time = writes && app.verb.is_kubectl();
    let standing = cluster.default_namespace();
    let mut session = session(&app.global, words, (server, standing), place, ahead);
    session.request_timeout = request_timeout;
    session.warn_of_old_dry_run();
    let outcome = app.verb.run(&mut session);
    let cluster = server.cluster_mut();
    let changed = state(cluster) != before;
    if writes {
        // What was refused left nothing behind; what was acknowledged before it, lasts.
        cluster.converge()?;
    }
    if let Some(operation) = operation.filter(|_| !changed) {
        cluster.forget_operation(operation)?;
    }
    if takes_time {
        cluster.take_command_time()?;
    }
    cluster.commit()?;
    Ok(outcome)
}

/// What a verb works with.
fn session<'a>(
    global: &Global,
    words: &[String],
    (server, standing): (&'a mut Server, Option<String>),
    place: &Place<'a>,
    ahead: ReadAhead,
) -> Session<'a> {
    let impersonate = global.impersonate.as_ref().map(|name| {
        let uid = global.as_uid.as_deref().unwrap_or_default();
        User::impersonated(name, uid, &global.as_group)
    });
    let verbosity = global.verbosity.as_deref().and_then(|v| v.parse().ok()).unwrap_or(0);
    let user = User::admin(&place.contexts.current());
    let change_cause = match words.iter().any(|word| word.starts_with("--record")) {
        true => argv::change_cause(place.program, words, &App::command()),
        false => String::new(),
    };
    Session {
        ui: place.ui,
        client: Client::new(server, place.ui, user, impersonate, verbosity),
        namespace_given: global.namespace.is_some(),
        namespace: global.namespace.clone().or(standing).unwrap_or_else(|| "default".into()),
        line: CommandLine { program: place.program, words: words.to_vec(), change_cause, help: help::text },
        disk: Disk { folder: place.folder.clone(), ahead },
        contexts: place.contexts,
        request_timeout: None,
        shared: place.shared,
    }
}

/// Mirrors `ParseTimeout` of `client-go/tools/clientcmd`.
fn request_timeout(global: &Global) -> Result<Option<Duration>, Failure> {
    let Some(text) = global.request_timeout.as_deref() else { return Ok(None) };
    let span = match text.parse::<u32>() {
        Ok(seconds) => Ok(Duration::secs(seconds.into())),
        Err(_) => Duration::parse(text),
    };
    match span {
        Ok(span) => Ok(Some(span).filter(|span| *span > Duration::ZERO)),
        Err(_) => Err(Failure::error(
            "Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a \
             corresponding time unit (e.g. 1s | 2m | 3h)",
        )),
    }
}

fn check_config(global: &Global, contexts: &[String]) -> Result<(), Failure> {
    if let Some(file) = &global.kubeconfig
        && !Path::new(file).exists()
    {
        return Err(Failure::error(format!("stat {file}: no such file or directory")));
    }
    match global.context.as_deref() {
        None | Some("" | home::DEFAULT_CLUSTER) => Ok(()),
        Some(name) if contexts.iter().any(|c| c == name) => Ok(()),
        Some(other) => {
            Err(Failure::raw(format!("Error in configuration: context was not found for specified context: {other}")))
        }
    }
}

fn parse(program: &'static str, args: &[String], ui: &Ui) -> Result<App, Failure> {
    let mut command = argv::as_pflag(App::command().name(program).bin_name(program));
    let line = argv::Line::read(args, &command);
    let words = std::iter::once(program.to_string()).chain(line.words().cloned());
    let outcome = command.try_get_matches_from_mut(words).and_then(|matches| App::from_arg_matches(&matches));
    let app = outcome.map_err(|e| usage::failure(&e, program, &line, &command, ui))?;
    if program == "kubectl" && !app.verb.is_kubectl() {
        return Err(usage::unknown_command(args.first().map(String::as_str).unwrap_or_default(), program));
    }
    if line.rest.iter().take_while(|a| *a != "--").any(|a| a == "--record" || a.starts_with("--record=")) {
        ui.err("Flag --record has been deprecated, --record will be removed in the future\n");
    }
    Ok(app)
}
