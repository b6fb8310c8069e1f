//! `diff`: what `apply` would change, as `diff -u -N` of the live objects and the merged ones prints it.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/diff/diff.go`. kubectl writes both to folders and runs a program on them;
//! kstate compares by itself unless `KUBECTL_EXTERNAL_DIFF` names a program.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use similar::TextDiff;

use crate::api::Kind;
use crate::api::names::Draw;
use crate::api::request::Form;
use crate::error::{Failure, Reason};
use crate::host::temporary::Passing;
use crate::host::{self, Programs};
use crate::kubectl::annotation::bare;
use crate::kubectl::builder::build::Builder;
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::builder::info::Info;
use crate::kubectl::print::errors::{Fault, usage};
use crate::kubectl::request::{DryRun, Validate, Writing};
use crate::kubectl::session::Session;
use crate::kubectl::verbs::apply::patcher::Patcher;
use crate::kubectl::verbs::apply::prune::{self, Pruner, Visited};
use crate::kubectl::verbs::apply::server_side;
use crate::kubectl::verbs::replace::create_one;
use crate::printers::yaml::to_yaml;

/// Diff configurations specified by file name or stdin between the current online configuration, and the
/// configuration as it would be if applied.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Arguments that are not taken
    #[arg(hide = true)]
    rest: Vec<String>,
    #[command(flatten)]
    files: FileArgs,
    /// Number of objects to process in parallel when diffing against the live version
    #[arg(long, default_value = "1")]
    concurrency: i64,
    /// Name of the manager used to track field ownership
    #[arg(long)]
    field_manager: Option<String>,
    /// If true, server-side apply will force the changes against conflicts
    #[arg(long)]
    force_conflicts: bool,
    /// Include resources that would be deleted by pruning
    #[arg(long)]
    prune: bool,
    /// Overwrite the default allowlist with <group/version/kind> for --prune
    #[arg(long)]
    prune_allowlist: Vec<String>,
    /// Selector (label query) to filter on
    #[arg(short = 'l', long, default_value = "")]
    selector: String,
    /// If true, apply runs in the server instead of the client
    #[arg(long)]
    server_side: bool,
    /// If true, include managed fields in the diff
    #[arg(long)]
    show_managed_fields: bool,
    /// If true, do not mask secret values in the diff
    #[arg(long)]
    show_secrets: bool,
}

/// A file's text in each of the two folders.
type Files = BTreeMap<String, (String, String)>;

/// Runs the verb.
///
/// # Errors
/// Exit code 1 where there are differences; kubectl's texts with exit code 2 for anything else.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let differs = compare(&args, session).map_err(|failure| Failure { code: 2, ..failure })?;
    if differs { Err(Failure::silent(1)) } else { Ok(()) }
}

fn compare(args: &Args, session: &mut Session<'_>) -> Result<bool, Failure> {
    if !args.rest.is_empty() {
        return Err(usage(session, "diff", &format!("Unexpected args: [{}]", args.rest.join(" "))));
    }
    if args.files.is_empty() {
        return Err(Failure::error("must specify one of -f and -k"));
    }
    if args.force_conflicts && !args.server_side {
        return Err(Failure::error("--force-conflicts only works with --server-side"));
    }
    session.client.want_managed_fields(args.show_managed_fields);
    let prunable = match args.prune {
        true => prune::parse_resources(&args.prune_allowlist, session)?,
        false => Vec::new(),
    };
    let builder = Builder { files: Some(&args.files), selector: &args.selector, ..Builder::default() };
    let (mut files, mut visited) = (Files::new(), Visited::default());
    let compared = builder.plan(session)?.visit(session, |info, session| {
        let name = file_name(&info);
        let shown = shown(&info);
        let both = versions(args, info, &mut visited, session).inspect_err(|fault| {
            if fault.reason() == Some(Reason::Conflict) {
                // It asked some more times, and in the end without the version that it had seen.
                let text = format!("Object ({shown}) keeps changing, diffing without lock");
                session.ui.err(&format!("{}\n", session.log_line('W', "diff.go:723", &text)));
            }
        })?;
        files.insert(name, both);
        Ok(())
    });
    if args.prune {
        let pruner = Pruner { types: &prunable, selector: &args.selector };
        // OBSERVATION: of what would go, who owns which field is shown in any case, and what Secrets hold.
        session.client.want_managed_fields(true);
        let pruned = pruner.visit(&visited, session, |info, _| {
            files.insert(file_name(&info), (to_yaml(&info.tree), String::new()));
            Ok(())
        });
        if let Err(fault) = pruned {
            let text = format!("pruning failed and could not be evaluated err: {fault}");
            session.ui.err(&format!("{}\n", session.log_line('W', "diff.go:760", &text)));
        }
    }
    compared?;
    let programs = session.host.programs();
    match programs.and_then(|programs| Some((programs, programs.named_by(&["KUBECTL_EXTERNAL_DIFF"])?))) {
        Some((programs, program)) => run_program(programs, &program, &files),
        None => Ok(print(&files, session)),
    }
}

/// The object as it is and as it would be, as YAML; empty where it is not there.
fn versions(
    args: &Args,
    mut info: Info,
    visited: &mut Visited,
    session: &mut Session<'_>,
) -> Result<(String, String), Fault> {
    let local = info.clone();
    let there = match info.get(Form::Object, session) {
        Ok(()) => true,
        Err(fault) if fault.is_not_found() => false,
        Err(fault) => return Err(fault),
    };
    let mut live = if there { info.tree.clone() } else { Value::Null };
    visited.mark(&Info { tree: live.clone(), ..info.clone() });
    let manager = args.field_manager.as_deref();
    let manager = manager.unwrap_or(if args.server_side { server_side::MANAGER } else { "kubectl-client-side-apply" });
    // The server's own way with unknown fields: a warning.
    let writing = Writing::by(manager).dry_run(DryRun::Server).validate(Validate::Warn);
    if args.server_side {
        let object = server_side::send(&local, "", args.force_conflicts, &writing, session)?;
        info.refresh_object(object, session);
    } else if there {
        let modified = bare(&local.tree);
        let patcher = Patcher { overwrite: true, openapi: true, force: None, locked: true, writing: &writing };
        patcher.patch(&mut info, &modified, session).map_err(|(_, fault)| fault)?;
    } else {
        info.tree = local.tree;
        create_one(&mut info, &writing, session)?;
    }
    if !live["metadata"]["deletionTimestamp"].is_null() {
        let name = &info.name;
        session.ui.err(&format!("Warning: Detected changes to resource {name} which is currently being deleted.\n"));
    }
    let mut merged = info.tree;
    let hidden = info.served.kind == Kind::Secret && !args.show_secrets;
    if hidden {
        mask(&mut live, &mut merged);
    }
    Ok(match (there, hidden) {
        // OBSERVATION: a Secret that is not there is printed as Go prints a pointer to nothing.
        (false, true) => ("null\n".to_string(), to_yaml(&merged)),
        (false, false) => (String::new(), to_yaml(&merged)),
        (true, _) => (to_yaml(&live), to_yaml(&merged)),
    })
}

/// Hides what Secrets hold, but not that it changes.
fn mask(live: &mut Value, merged: &mut Value) {
    let data = |tree: &Value| tree.get("data").and_then(Value::as_object).cloned().unwrap_or_default();
    let (old, new) = (data(live), data(merged));
    for (key, value) in &old {
        let changes = new.get(key).is_some_and(|n| n != value);
        live["data"][key] = json!(if changes { "*** (before)" } else { "***" });
    }
    for (key, value) in &new {
        let changes = old.get(key).is_some_and(|o| o != value);
        merged["data"][key] = json!(if changes { "*** (after)" } else { "***" });
    }
}

/// `/v1, Kind=ConfigMap: settings`.
fn shown(info: &Info) -> String {
    let (group, version) = (info.served.group, info.served.version);
    format!("{group}/{version}, Kind={}: {}", info.kind().name(), info.name)
}

/// `apps.v1.Deployment.default.web`.
fn file_name(info: &Info) -> String {
    let version = info.api_version().replace('/', ".");
    format!("{version}.{}.{}.{}", info.kind().name(), info.namespace, info.name)
}

/// Prints what differs as `diff -u -N LIVE MERGED` does, and says whether anything did.
fn print(files: &Files, session: &Session<'_>) -> bool {
    // Numbers as Go's os.MkdirTemp draws them; the cluster's time draws ours.
    let number = |which: &str| Draw::new(session.client.now().0.unsigned_abs(), which, 0).below(1 << 32);
    let (from, to) = (format!("/tmp/LIVE-{}", number("LIVE")), format!("/tmp/MERGED-{}", number("MERGED")));
    let now = session.client.now().rfc3339_micro().replace('T', " ").replace('Z', "000 +0000");
    let mut differs = false;
    for (name, (live, merged)) in files.iter().filter(|(_, (live, merged))| live != merged) {
        differs = true;
        let (old, new) = (format!("{from}/{name}"), format!("{to}/{name}"));
        let diff = TextDiff::from_lines(live.as_str(), merged.as_str());
        let hunks = diff.unified_diff().context_radius(3).to_string();
        session.ui.out(&format!("diff -u -N {old} {new}\n--- {old}\t{now}\n+++ {new}\t{now}\n{hunks}"));
    }
    differs
}

/// Writes both folders and runs the user's own program on them.
fn run_program(programs: Programs, program: &str, files: &Files) -> Result<bool, Failure> {
    let outcome = Passing::folder("LIVE-").and_then(|from| {
        let to = Passing::folder("MERGED-")?;
        for (name, (live, merged)) in files {
            from.write(name, live)?;
            to.write(name, merged)?;
        }
        let mut words = program.split(' ');
        let mut command = programs.command(words.next().unwrap_or_default());
        let valid = |w: &&str| !w.is_empty() && w.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'=');
        command.args(words.filter(valid)).arg(from.path()).arg(to.path()).status()
    });
    let name = program.split(' ').next().unwrap_or_default();
    match outcome.map(|status| status.code()) {
        Ok(Some(0)) => Ok(false),
        Ok(Some(1)) => Ok(true),
        Ok(Some(code)) => Err(Failure::error(format!("failed to run {name:?}: exit status {code}"))),
        Ok(None) => Err(Failure::error(format!("failed to run {name:?}: it was interrupted"))),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            // As Go says it of a name and of a path.
            Err(Failure::error(match name.contains('/') {
                true => format!("failed to run {name:?}: fork/exec {name}: no such file or directory"),
                false => format!("failed to run {name:?}: executable file not found in $PATH"),
            }))
        }
        Err(e) => Err(Failure::error(format!("failed to run {name:?}: {}", host::reason(&e)))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::mask;

    #[test]
    fn secrets_show_only_that_they_change() {
        let mut live = json!({"data": {"a": "MQ==", "b": "MQ=="}});
        let mut merged = json!({"data": {"a": "Mg==", "b": "MQ==", "c": "MQ=="}});
        mask(&mut live, &mut merged);
        assert_eq!(live, json!({"data": {"a": "*** (before)", "b": "***"}}));
        assert_eq!(merged, json!({"data": {"a": "*** (after)", "b": "***", "c": "***"}}));
        let mut new = json!({"data": {"a": "MQ=="}});
        mask(&mut Value::Null, &mut new);
        assert_eq!(new, json!({"data": {"a": "***"}}));
    }
}
