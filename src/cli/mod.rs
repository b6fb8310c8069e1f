//! The command line: each verb is one file with its arguments (whose doc comments are the help) and a `run`.

mod argv;
mod check;
mod clock;
mod cluster;
mod complete;
mod completion;
mod csi;
mod execute;
mod fault;
mod global;
mod help;
mod home;
mod image;
mod kubeconfig;
mod kuberc;
mod lesson;
mod load;
mod map;
mod node;
mod parse;
mod plugin;
mod proxy;
mod serve;
mod undo;
mod usage;
mod why;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory, Parser, Subcommand};

use crate::error::{ApiError, Failure};
use crate::host::{Attended, Host, go_io_error};
use crate::kubectl::session::Session;
use crate::kubectl::verbs;
use crate::server::Server;
use crate::ui::Ui;
use execute::{Place, execute};
use global::Global;
use home::Home;
use kubeconfig::{Kept, Standing};
use lesson::own_shell as shell;
use parse::Parse;

/// kstate runs a Kubernetes control plane for storage and state in one process, and speaks kubectl.
#[derive(Debug, Parser)]
#[command(name = "kstate", version, disable_help_subcommand = true, infer_subcommands = false)]
struct App {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

/// The same as far as it goes for every verb.
#[derive(Debug, Parser)]
#[command(name = "kstate", version, disable_help_subcommand = true, infer_subcommands = false)]
struct AnyVerb {
    #[command(flatten)]
    _global: Global,
}

/// The verbs of kstate's own, which kubectl doesn't know.
const OWN_VERBS: [&str; 15] = [
    "check",
    "cluster",
    "lesson",
    "clock",
    "csi",
    "fault",
    "load",
    "map",
    "node",
    "image",
    "kubeconfig",
    "serve",
    "shell",
    "undo",
    "why",
];

/// Whether a verb may change the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Reads,
    /// It has something run in a container: no object changes by that, so there is nothing to take back.
    Runs,
    Writes,
}

/// Lists the verbs that work on one cluster: variant, name, module, whether kubectl has it too, and whether it may change the cluster.
macro_rules! verbs {
    ($($variant:ident, $name:literal, $($module:ident)::+, $kubectl:literal, $access:ident;)*) => {
        #[derive(Debug, Subcommand)]
        enum Verb {
            Cluster(cluster::Args),
            Kubeconfig(serve::KubeconfigArgs),
            Lesson(lesson::Args),
            Serve(serve::Args),
            Shell(shell::Args),
            $(#[command(name = $name)] $variant($($module)::+::Args),)*
        }

        /// What adds its arguments to the command of each verb.
        const ARGUMENTS: &[(&str, fn(Command) -> Command)] = &[
            ("cluster", <cluster::Args as clap::Args>::augment_args),
            ("kubeconfig", <serve::KubeconfigArgs as clap::Args>::augment_args),
            ("lesson", <lesson::Args as clap::Args>::augment_args),
            ("serve", <serve::Args as clap::Args>::augment_args),
            ("shell", <shell::Args as clap::Args>::augment_args),
            $(($name, <$($module)::+::Args as clap::Args>::augment_args),)*
        ];

        impl Verb {
            fn is_kubectl(&self) -> bool {
                match self { $(Verb::$variant(_) => $kubectl,)* _ => false }
            }

            fn usual_access(&self) -> Access {
                match self { $(Verb::$variant(_) => Access::$access,)* _ => Access::Reads }
            }

            fn run(self, session: &mut Session<'_>) -> Result<(), Failure> {
                match self {
                    $(Verb::$variant(args) => $($module)::+::run(args, session),)*
                    _ => Err(Failure::error("this is not for within a lesson")),
                }
            }
        }
    };
}

verbs! {
    Annotate, "annotate", verbs::annotate, true, Writes;
    ApiResources, "api-resources", verbs::api_resources, true, Reads;
    ApiVersions, "api-versions", verbs::discovery::versions, true, Reads;
    Apply, "apply", verbs::apply, true, Writes;
    Attach, "attach", verbs::containers::attach, true, Runs;
    Auth, "auth", verbs::auth, true, Reads;
    Autoscale, "autoscale", verbs::autoscale, true, Writes;
    Check, "check", check, false, Writes;
    Certificate, "certificate", verbs::certificate, true, Writes;
    ClusterInfo, "cluster-info", verbs::cluster_info, true, Reads;
    Completion, "completion", completion, true, Reads;
    Config, "config", verbs::config, true, Writes;
    Cordon, "cordon", verbs::cordon, true, Writes;
    Cp, "cp", verbs::containers::cp, true, Runs;
    Create, "create", verbs::create, true, Writes;
    Debug, "debug", verbs::debug, true, Writes;
    Delete, "delete", verbs::delete, true, Writes;
    Describe, "describe", verbs::describe, true, Reads;
    Diff, "diff", verbs::diff, true, Reads;
    Drain, "drain", verbs::drain, true, Writes;
    Edit, "edit", verbs::edit, true, Writes;
    Events, "events", verbs::events, true, Reads;
    Explain, "explain", verbs::explain, true, Reads;
    Exec, "exec", verbs::containers::exec, true, Runs;
    Expose, "expose", verbs::expose, true, Writes;
    Get, "get", verbs::get, true, Reads;
    Help, "help", help, true, Reads;
    Kuberc, "kuberc", verbs::kuberc, true, Reads;
    Kustomize, "kustomize", verbs::kustomize, true, Reads;
    Label, "label", verbs::label, true, Writes;
    Logs, "logs", verbs::containers::logs, true, Reads;
    Options, "options", help::options, true, Reads;
    Patch, "patch", verbs::patch, true, Writes;
    Plugin, "plugin", plugin, true, Reads;
    PortForward, "port-forward", verbs::containers::port_forward, true, Reads;
    Proxy, "proxy", proxy, true, Reads;
    Replace, "replace", verbs::replace, true, Writes;
    Rollout, "rollout", verbs::rollout, true, Writes;
    Run, "run", verbs::run, true, Writes;
    Scale, "scale", verbs::scale, true, Writes;
    Set, "set", verbs::set, true, Writes;
    Taint, "taint", verbs::taint, true, Writes;
    Top, "top", verbs::top, true, Reads;
    Uncordon, "uncordon", verbs::cordon::uncordon, true, Writes;
    Version, "version", verbs::discovery::version, true, Reads;
    Wait, "wait", verbs::wait, true, Writes;
    Clock, "clock", clock, false, Writes;
    Csi, "csi", csi, false, Writes;
    Fault, "fault", fault, false, Writes;
    Load, "load", load, false, Writes;
    Map, "map", map, false, Writes;
    Node, "node", node, false, Writes;
    Image, "image", image, false, Reads;
    Undo, "undo", undo, false, Writes;
    Why, "why", why, false, Reads;
}

impl Verb {
    /// Whether it looks at a cluster; then the kubeconfig must be in order.
    fn needs_cluster(&self) -> bool {
        match self {
            Verb::Config(_) | Verb::Kuberc(_) | Verb::Kustomize(_) | Verb::Image(_) => false,
            Verb::Version(args) => !args.client,
            _ => true,
        }
    }

    /// Whether it may change the cluster.
    fn access(&self) -> Access {
        match self {
            Verb::Auth(args) if args.writes() => Access::Writes,
            verb => verb.usual_access(),
        }
    }

    /// Whether `undo` offers to take it back: not what only shows something, and not `undo` itself.
    fn can_be_undone(&self) -> bool {
        match self {
            Verb::Undo(_) | Verb::Check(_) | Verb::Map(_) => false,
            Verb::Clock(args) => args.moves(),
            Verb::Csi(args) => args.changes(),
            Verb::Fault(args) => args.changes(),
            Verb::Node(args) => args.changes(),
            _ => true,
        }
    }
}

impl App {
    /// The grammar of a line that calls one verb, or none that there is: to build that of all takes longer than most
    /// commands do.
    fn command_for(words: &[String]) -> Command {
        let root = AnyVerb::command().subcommand_required(true).arg_required_else_help(true);
        let called = argv::first_word(words, &root, &root).map(|at| words[at].as_str());
        match ARGUMENTS.iter().find(|(name, _)| called == Some(name)) {
            Some((name, arguments)) => root.subcommand(arguments(Command::default().name(name))),
            None => root,
        }
    }

    /// kstate's own verbs act on a cluster from outside, where no role reaches: nobody can do so as somebody else.
    fn check_impersonation(&self) -> Result<(), Failure> {
        match self.verb.is_kubectl() || !self.global.impersonates() {
            true => Ok(()),
            false => {
                Err(Failure::error("impersonation is for kubectl's commands: this one acts on the cluster as a whole"))
            }
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
        (Err(error), _) => report(&failure_of(error), &ui),
    }
}

/// What the command ends with: at this edge errors of every type meet.
fn failure_of(error: anyhow::Error) -> Failure {
    let refused = |error: anyhow::Error| error.downcast::<ApiError>().map(Failure::from);
    error.downcast().or_else(refused).unwrap_or_else(|other| Failure::error(format!("{other:#}")))
}

/// Prints a failure and returns its exit code.
fn report(failure: &Failure, ui: &Ui) -> u8 {
    if !failure.printed.is_empty() {
        ui.out(&failure.printed);
    }
    if !failure.message.is_empty() {
        // As kubectl's `fatal`: a line that ends already needs no other end.
        let end = if failure.message.ends_with('\n') { "" } else { "\n" };
        ui.err(&format!("{}{end}", failure.message));
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

fn start(args: &[String], ui: &Ui) -> anyhow::Result<()> {
    let program = program(args.first());
    let folder = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    let host = Host::of_person(folder.clone());
    if let Some(asked @ ("__complete" | "__completeNoDesc")) = args.get(1).map(String::as_str) {
        let mut ask = |words: &[String]| {
            let ui = Ui::captured();
            // OBSERVATION: what can't be looked up, nothing is proposed for.
            let _ = start(words, &ui);
            ui.take_out()
        };
        complete::print((program, &host), args.get(2..).unwrap_or_default(), asked == "__complete", ui, &mut ask);
        return Ok(());
    }
    let Parse { app, path } = parse::parse(program, args.get(1..).unwrap_or_default(), &host, ui)?;
    app.check_impersonation()?;
    let home = Home::find()?;
    match app.verb {
        Verb::Cluster(args) => return cluster::run(args, &home, ui),
        Verb::Lesson(args) => return lesson::run(&args, ui, &home, &folder),
        Verb::Serve(args) => {
            let named = (app.global.cluster.as_deref(), app.global.kubeconfig.as_deref());
            return serve::run(&args, named, &home, &host, ui);
        }
        Verb::Kubeconfig(_) => return serve::kubeconfig(app.global.cluster.as_deref(), &home, ui),
        Verb::Shell(args) => return shell::run(&args, ui, &home, &host),
        // These speak of kstate, not of a cluster, and must not make one.
        Verb::Completion(args) => return Ok(completion::print(&args, program, ui)?),
        Verb::Help(args) => {
            help::print(&args, program, &host, ui);
            return Ok(());
        }
        Verb::Options(_) => {
            help::options::print(program, &host, ui);
            return Ok(());
        }
        Verb::Plugin(args) => return Ok(plugin::print(&args, (program, help::text), &host, ui)?),
        _ => {}
    }
    if let Some(key) = host.variable_text(shell::VARIABLE).filter(|_| app.global.cluster.is_none()) {
        return lesson::run_in(&key, &home, |server| run_in_lesson(app, &path, args, server, (ui, program, host)));
    }
    let named = app.global.cluster.clone().filter(|name| program == "kstate" && !name.is_empty());
    let needs_cluster = app.verb.needs_cluster();
    let (looks, files) = (needs_cluster && named.is_none(), kubeconfig::environment(&host));
    let mut standing = Standing::find(&app.global, program, &path, looks, &home, files, &host)?;
    if !standing.namespace_given
        && let Some(name) = &named
    {
        standing.namespace = home.namespace_of(name);
    }
    let chosen = &standing.contexts.chosen.cluster;
    let cluster = match named {
        Some(name) => home.open(&name)?,
        // Who works on a kubeconfig alone means no cluster; who chose one that kstate doesn't have means the one in use.
        None if needs_cluster && home.has(chosen) => home.open_chosen(chosen)?,
        None => home.open_chosen(&home.current())?,
    };
    let mut server = Server::over(cluster);
    let place = Place { ui, program, host, shared: true, kept: None };
    let outcome = execute(app, args, &mut server, standing, &place);
    server.leave();
    Ok(outcome?)
}

/// Runs the words of a command line on a cluster that is not the user's own (a lesson's, a test's) and returns
/// the exit code. The first word is the name that the binary would be called by; nothing is seen of the machine but the
/// files of `folder`.
pub fn run_on(words: &[String], ui: &Ui, server: &mut Server, folder: &Path) -> u8 {
    match Host::of_lesson(folder, Attended::No) {
        Ok(host) => run_where(words, ui, server, &host, any_verb),
        Err(e) => report(&Failure::error(go_io_error("open", &folder.display().to_string(), &e)), ui),
    }
}

fn any_verb(_: &Verb) -> Result<(), Failure> {
    Ok(())
}

/// The same where not every verb may run: what is judged is the verb that was understood, wherever it stands in the line.
fn run_where(
    words: &[String],
    ui: &Ui,
    server: &mut Server,
    host: &Host,
    judge: impl FnOnce(&Verb) -> Result<(), Failure>,
) -> u8 {
    let program = program(words.first());
    if let Some(asked @ ("__complete" | "__completeNoDesc")) = words.get(1).map(String::as_str) {
        let mut ask = |words: &[String]| {
            let ui = Ui::captured();
            run_where(words, &ui, server, host, any_verb);
            ui.take_out()
        };
        complete::print((program, host), words.get(2..).unwrap_or_default(), asked == "__complete", ui, &mut ask);
        return 0;
    }
    let kept = Kept::new(server.cluster_mut().kubeconfig());
    let place = Place { ui, program, host: host.clone(), shared: false, kept: Some(&kept) };
    let outcome = parse::parse(program, words.get(1..).unwrap_or_default(), host, ui).and_then(|parse| {
        let Parse { app, path } = parse;
        judge(&app.verb)?;
        app.check_impersonation()?;
        let (looks, files) = (app.verb.needs_cluster(), kubeconfig::environment(host));
        let standing = Standing::find(&app.global, program, &path, looks, &kept, files, host)?;
        execute(app, words, server, standing, &place)
    });
    outcome.map_or_else(|failure| report(&failure, ui), |()| 0)
}

/// Runs a command that somebody typed in a shell of his own on a lesson's cluster.
fn run_in_lesson(
    app: App,
    path: &str,
    args: &[String],
    server: &mut Server,
    (ui, program, host): (&Ui, &'static str, Host),
) -> Result<(), Failure> {
    lesson::judge(&app.verb)?;
    let kept = Kept::new(server.cluster_mut().kubeconfig());
    let looks = app.verb.needs_cluster();
    let files = kubeconfig::environment(&host);
    let standing = Standing::find(&app.global, program, path, looks, &kept, files, &host)?;
    let place = Place { ui, program, host: host.clone(), shared: true, kept: Some(&kept) };
    execute(app, args, server, standing, &place)
}
