//! Running one verb as one transaction.

use super::global::Global;
use super::kubeconfig::{Kept, Standing};
use super::{Access, App, argv, help};
use crate::api::user::User;
use crate::api::version::Info;
use crate::error::Failure;
use crate::host::Host;
use crate::kubectl::client::{self, Client};
use crate::kubectl::read_ahead::ReadAhead;
use crate::kubectl::session::{CommandLine, Session};
use crate::kubectl::version;
use crate::server::Server;
use crate::sim::Cluster;
use crate::ui::Ui;

/// Where a command runs.
pub(super) struct Place<'a> {
    pub(super) ui: &'a Ui,
    pub(super) program: &'static str,
    pub(super) host: Host,
    pub(super) shared: bool,
    /// The kubeconfig that the cluster keeps, in a lesson or a test.
    pub(super) kept: Option<&'a Kept>,
}

/// Runs one verb as one transaction: what it did lasts, and what is due now is done. What it says is said once that
/// is stored; if it can't be, only the reason is.
pub(super) fn execute(
    app: App,
    args: &[String],
    server: &mut Server,
    standing: Standing<'_>,
    place: &Place<'_>,
) -> Result<(), Failure> {
    place.ui.hold();
    match transact(app, args, server, standing, place) {
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
fn transact(
    app: App,
    args: &[String],
    server: &mut Server,
    standing: Standing<'_>,
    place: &Place<'_>,
) -> Result<Result<(), Failure>, Failure> {
    let words = args.get(1..).unwrap_or_default();
    let ahead = ReadAhead::of(words, place.ui, &place.host.files).map_err(Failure::error)?;
    let access = app.verb.access();
    let writes = access == Access::Writes;
    client::begin(server, place.ui, access != Access::Reads, standing.contexts.chosen.timeout)?;
    let cluster = server.cluster_mut();
    let mut operation = None;
    if writes && app.verb.can_be_undone() {
        operation = Some(cluster.note_operation(&format!("{} {}", place.program, words.join(" ")))?);
    }
    // A kubectl that only let time pass did nothing that one would take back.
    let moves_clock = !app.verb.is_kubectl();
    let state = |c: &Cluster| (c.revision(), c.store().settings_changed(), Some(c.now()).filter(|_| moves_clock));
    let before = state(cluster);
    let takes_time = writes && app.verb.is_kubectl();
    let mut session = session(&app.global, words, (server, standing), place, ahead);
    session.warn_of_old_forms();
    let mut outcome = match app.global.matches_server_version() {
        true => check_versions(&session),
        false => Ok(()),
    };
    outcome = outcome.and_then(|()| app.verb.run(&mut session));
    if session.warnings_as_errors && outcome.is_ok() {
        outcome = match session.client.warnings() {
            0 => Ok(()),
            1 => Err(Failure::error("1 warning received")),
            n => Err(Failure::error(format!("{n} warnings received"))),
        };
    }
    // What fails before the first request takes none of the cluster's time.
    let takes_time = takes_time && session.client.has_asked();
    let cluster = server.cluster_mut();
    if let Some(text) = place.kept.and_then(Kept::take_changed) {
        cluster.set_kubeconfig(&text);
    }
    let changed = state(cluster) != before;
    if access != Access::Reads {
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
    (server, standing): (&'a mut Server, Standing<'a>),
    place: &Place<'a>,
    ahead: ReadAhead,
) -> Session<'a> {
    let change_cause = match words.iter().any(|word| word.starts_with("--record")) {
        true => argv::change_cause(place.program, words, &<App as clap::CommandFactory>::command()),
        false => String::new(),
    };
    let (user, impersonate) = (User::admin(&standing.contexts.current()), standing.user());
    Session {
        ui: place.ui,
        client: Client::new(server, place.ui, user, impersonate, global.verbosity())
            .shared(place.shared)
            .compressed(global.takes_compressed()),
        namespace_given: standing.namespace_given,
        namespace: standing.namespace,
        line: CommandLine { program: place.program, words: words.to_vec(), change_cause, help: help::text },
        host: place.host.clone(),
        ahead,
        request_timeout: standing.contexts.chosen.timeout,
        contexts: standing.contexts,
        shared: place.shared,
        warnings_as_errors: global.warnings_as_errors(),
    }
}

/// Mirrors `MatchesServerVersion` of `k8s.io/client-go/discovery`.
fn check_versions(session: &Session<'_>) -> Result<(), Failure> {
    let (client, server) = (version::client(), Info::server(session.client.minor()));
    match client.git_version() == server.git_version() {
        true => Ok(()),
        false => Err(Failure::error(format!(
            "server version ({}) differs from client version ({})!\n",
            server.go_syntax(),
            client.go_syntax()
        ))),
    }
}
