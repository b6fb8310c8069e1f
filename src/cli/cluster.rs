//! `kstate cluster`: make, list, choose, empty and remove clusters.

use anyhow::Result;

use crate::cli::home::{DEFAULT_CLUSTER, Home};
use crate::error::Failure;
use crate::kubectl::wall::wall_now;
use crate::printers::table::{Column, Options, Row, Table, print};
use crate::sim::{ClockMode, Config, check_nodes, node_and_zone, parse_version};
use crate::ui::Ui;

/// Make, list, choose and remove clusters.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Verb {
    /// Make a cluster and use it
    Create {
        /// Its name
        name: Option<String>,
        #[command(flatten)]
        options: ConfigArgs,
    },
    /// List the clusters
    #[command(alias = "ls")]
    List,
    /// Use a cluster from now on
    Use {
        /// Its name
        name: String,
    },
    /// Remove a cluster and all that is in it
    #[command(alias = "rm")]
    Delete {
        /// Its name
        name: String,
    },
    /// Make a cluster anew, as it was when it was created
    Reset {
        /// Its name; the one in use by default
        name: Option<String>,
    },
}

#[derive(Debug, Clone, clap::Args)]
struct ConfigArgs {
    /// Where its time comes from: real time, or only the commands that move it
    #[arg(long, value_name = "wall|manual", default_value = "wall")]
    clock: String,
    /// The version whose tables it prints, v1.16 to v1.36
    #[arg(long, value_name = "VERSION", default_value = "v1.36")]
    kubernetes_version: String,
    /// What names, uids and lots are drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The nodes' names, the control plane's first; with =ZONE in which zone each is
    #[arg(long, value_name = "A,B=ZONE", value_delimiter = ',')]
    nodes: Vec<String>,
}

/// Runs the verb.
///
/// # Errors
/// What is wrong with a name or an option, or with the state files.
pub fn run(args: Args, home: &Home, ui: &Ui) -> Result<()> {
    match args.verb {
        Verb::Create { name, options } => {
            let name = name.unwrap_or_else(|| DEFAULT_CLUSTER.to_string());
            home.create(&name, options.config()?)?;
            home.set_current(&name)?;
            ui.out(&format!("cluster {name:?} created\n"));
        }
        Verb::List => list(home, ui)?,
        Verb::Use { name } => {
            home.open(&name)?;
            home.set_current(&name)?;
            ui.out(&format!("using cluster {name:?}\n"));
        }
        Verb::Delete { name } => {
            home.delete(&name)?;
            ui.out(&format!("cluster {name:?} deleted\n"));
        }
        Verb::Reset { name } => {
            let name = name.unwrap_or_else(|| home.current());
            home.open(&name)?.reset(wall_now())?;
            ui.out(&format!("cluster {name:?} reset\n"));
        }
    }
    Ok(())
}

fn list(home: &Home, ui: &Ui) -> Result<()> {
    let current = home.current();
    let names = home.clusters().map_err(Failure::error)?;
    if names.is_empty() {
        ui.err("No clusters found; the first command makes one.\n");
        return Ok(());
    }
    let columns = ["CURRENT", "NAME", "VERSION", "CLOCK", "NODES", "SEED"].map(Column::new).to_vec();
    let mut rows = Vec::new();
    for name in names {
        // Another process may have removed it meanwhile.
        let Some(cluster) = home.open_if_there(&name)? else { continue };
        let config = cluster.config().clone();
        let clock = match config.clock {
            ClockMode::Wall => "wall",
            ClockMode::Manual => "manual",
        };
        rows.push(Row {
            cells: vec![
                if name == current { "*".into() } else { String::new() },
                name,
                format!("v1.{}", config.version),
                clock.into(),
                config.nodes.len().to_string(),
                config.seed.to_string(),
            ],
            ..Row::default()
        });
    }
    ui.out(&print(&Table { columns, rows }, &Options::default()));
    Ok(())
}

impl ConfigArgs {
    fn config(&self) -> Result<Config> {
        let clock = match self.clock.as_str() {
            "wall" => ClockMode::Wall,
            "manual" => ClockMode::Manual,
            other => return Err(Failure::error(format!("invalid clock {other:?}: must be wall or manual")).into()),
        };
        let defaults = Config::default();
        let given = self.nodes.iter().map(|text| node_and_zone(text)).collect::<Result<Vec<_>, _>>();
        let given = given.map_err(Failure::error)?;
        let zones = given.iter().filter_map(|(name, zone)| Some((name.clone(), zone.clone()?))).collect();
        let given: Vec<String> = given.into_iter().map(|(name, _)| name).collect();
        let nodes = if given.is_empty() { defaults.nodes } else { given };
        check_nodes(&nodes).map_err(Failure::error)?;
        let version = parse_version(&self.kubernetes_version).map_err(Failure::error)?;
        Ok(Config { clock, seed: self.seed, version, nodes, zones })
    }
}
