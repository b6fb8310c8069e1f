//! `kstate check`: what would become of manifests, before anything is applied.

use clap::Parser;

use super::why::{json, shown};
use crate::api::{Duration, ObjectKey};
use crate::error::Failure;
use crate::kubectl::builder::build::Builder;
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::apply;
use crate::kubectl::wall::wall_now;
use crate::why;

/// How long the cluster goes on before one looks: images are pulled, volumes made, probes answered by then.
const UNTIL: Duration = Duration::secs(180);

/// Say what would not work if manifests were applied: what never binds, attaches, is scheduled or starts, and why.
///
/// They are applied to the cluster as it is, three minutes pass, and all of it is taken back. Ends with 1 if something
/// does not work.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(flatten)]
    files: FileArgs,
    /// json: the verdicts for programs
    #[arg(short = 'o', long, value_name = "json")]
    output: Option<String>,
}

/// `apply` as a command line of its own.
#[derive(Debug, Parser)]
struct Apply {
    #[command(flatten)]
    args: apply::Args,
}

/// Runs the verb.
///
/// # Errors
/// When the manifests can't be read or are refused, and when something of theirs would not work.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let as_json = super::why::wants_json(args.output.as_deref())?;
    if args.files.is_empty() {
        return Err(Failure::error("must specify one of -f and -k"));
    }
    let builder = Builder { files: Some(&args.files), continue_on_error: true, ..Builder::default() };
    let (infos, fault) = builder.plan(session)?.infos(session);
    if let Some(fault) = fault {
        return Err(fault.into());
    }
    let keys: Vec<ObjectKey> = infos.iter().map(|i| ObjectKey::new(i.served.kind, &*i.namespace, &*i.name)).collect();
    let tried = try_out(&args.files, &keys, session);
    // Whatever came of it, nothing of it stays.
    let cluster = session.client.server_mut().cluster_mut();
    cluster.rollback();
    cluster.begin(true, wall_now())?;
    let verdicts = tried?;
    if as_json {
        session.ui.out(&json(&verdicts));
    }
    let faulty: Vec<&why::Verdict> = verdicts.iter().filter(|verdict| !verdict.well).collect();
    if !as_json {
        for (n, verdict) in faulty.iter().enumerate() {
            let gap = if n > 0 { "\n" } else { "" };
            session.ui.out(&format!("{gap}{}", shown(verdict, session.ui.width())));
        }
        if faulty.is_empty() {
            session.ui.out(&format!("{} objects: all of it works\n", verdicts.len()));
        }
    }
    if faulty.is_empty() { Ok(()) } else { Err(Failure::silent(1)) }
}

/// Applies the manifests, lets time pass, and asks why each object is as it is.
fn try_out(files: &FileArgs, keys: &[ObjectKey], session: &mut Session<'_>) -> Result<Vec<why::Verdict>, Failure> {
    let mut words = vec!["apply".to_string(), "--server-side".into(), "--force-conflicts".into()];
    words.extend(files.filename.iter().map(|file| format!("--filename={file}")));
    words.extend(files.kustomize.iter().map(|folder| format!("--kustomize={folder}")));
    words.extend(files.recursive.then(|| "--recursive".to_string()));
    let apply = Apply::try_parse_from(words).map_err(|e| Failure::error(e.to_string()))?;
    apply::run(apply.args, session)?;
    // What apply says of each object is of no interest here.
    session.ui.discard();
    session.ui.hold();
    let cluster = session.client.server_mut().cluster_mut();
    cluster.converge()?;
    cluster.advance(UNTIL)?;
    let (view, now) = (cluster.view(), cluster.now());
    let objects = keys.iter().filter_map(|key| view.get(key));
    Ok(objects.map(|object| why::explain(&view, object, now)).collect())
}
