//! `kstate fault`: what goes wrong in real clusters, by one command each, to look at what comes of it.

use crate::api::k8s::api::core::v1::PersistentVolumeClaim;
use crate::api::{Duration, Kind, ObjectKey};
use crate::error::{ApiError, Failure};
use crate::kubectl::session::Session;
use crate::printers::table::{Column, Options, Row, Table, print};

/// How long a slow driver takes to attach a volume.
const SLOW: &str = "5m";

/// A fault: its name, what it is of, and what it is.
const FAULTS: &[(&str, &str, &str)] = &[
    ("attachment-orphaned", "volume", "A volume was removed by force while it was attached"),
    ("attach-slow", "driver", "Attaching a volume takes very long"),
    ("backend-full", "driver", "Nothing is left of its storage"),
    ("claim-deleted", "volume", "Its claim was removed by force, and the volume kept"),
    ("disk-deleted", "volume", "It was deleted in the driver's storage"),
    ("driver-removed", "driver", "It was uninstalled while its volumes are in use"),
];

/// List faults, and bring one about.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Verb {
    /// List the faults that there are
    #[command(alias = "ls")]
    List,
    /// Bring a fault about; undo takes it back
    Add {
        /// Its name
        name: String,
        /// The driver or volume; pvc/NAME for the volume of a claim
        target: String,
        /// How long attach-slow takes
        #[arg(long, value_name = "DURATION", default_value = SLOW)]
        latency: String,
    },
}

impl Args {
    /// Whether something is to be changed, not only looked at.
    pub fn changes(&self) -> bool {
        !matches!(self.verb, Verb::List)
    }
}

/// Runs the verb.
///
/// # Errors
/// When there is no such fault, driver or volume.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let (name, target, latency) = match args.verb {
        Verb::List => {
            list(session);
            return Ok(());
        }
        Verb::Add { name, target, latency } => (name, target, latency),
    };
    let Some((name, of, _)) = FAULTS.iter().find(|(known, ..)| *known == name) else {
        let all: Vec<&str> = FAULTS.iter().map(|(name, ..)| *name).collect();
        return Err(Failure::error(format!("invalid fault {name:?}: must be one of {}", all.join(", "))));
    };
    let target = if *of == "volume" { volume_of(&target, session)? } else { target };
    let cluster = session.client.server_mut().cluster_mut();
    let kind = match *name {
        "attach-slow" => {
            let latency = Duration::parse(&latency).map_err(|e| Failure::error(e.to_string()))?;
            if latency < Duration::ZERO {
                return Err(Failure::error("invalid latency: must not be negative"));
            }
            cluster.slow_attach(&target, latency)?;
            "csidriver.storage.k8s.io"
        }
        "backend-full" => {
            cluster.fill_backend(&target)?;
            "csidriver.storage.k8s.io"
        }
        "driver-removed" => {
            cluster.remove_csi_driver(&target)?;
            "csidriver.storage.k8s.io"
        }
        "disk-deleted" => {
            cluster.delete_volume_of_driver(&target)?;
            "persistentvolume"
        }
        "attachment-orphaned" => {
            cluster.orphan_attachment(&target)?;
            "persistentvolume"
        }
        _ => {
            cluster.delete_claim_of(&target)?;
            "persistentvolume"
        }
    };
    session.ui.out(&format!("{kind}/{target} {name}\n"));
    Ok(())
}

/// The persistent volume that is meant: by its name, or as the one of a claim.
fn volume_of(target: &str, session: &Session<'_>) -> Result<String, Failure> {
    let (kind, name) = target.split_once('/').unwrap_or(("pv", target));
    match kind {
        "pv" | "persistentvolume" | "persistentvolumes" => Ok(name.to_string()),
        "pvc" | "persistentvolumeclaim" | "persistentvolumeclaims" => {
            let key = ObjectKey::new(Kind::PersistentVolumeClaim, session.namespace.clone(), name);
            let Some(claim) = session.client.server().cluster().view().get(&key) else {
                return Err(ApiError::not_found("persistentvolumeclaims", name).into());
            };
            let volume = claim.get::<PersistentVolumeClaim>().and_then(|c| c.spec.as_ref()?.volume_name.clone());
            let volume = volume.filter(|volume| !volume.is_empty());
            volume.ok_or_else(|| Failure::error(format!("persistentvolumeclaim {name:?} is not bound")))
        }
        _ => Err(Failure::error(format!("invalid target {target:?}: must be a volume, or pvc/NAME"))),
    }
}

fn list(session: &Session<'_>) {
    let columns = ["NAME", "OF", "WHAT"].map(Column::new).into();
    let row = |(name, of, what): &(&str, &str, &str)| Row {
        cells: vec![name.to_string(), of.to_string(), what.to_string()],
        ..Row::default()
    };
    let table = Table { columns, rows: FAULTS.iter().map(row).collect() };
    session.ui.out(&print(&table, &Options::default()));
}
