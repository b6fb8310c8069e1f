//! `kstate csi`: the CSI drivers of a cluster, and what those that are known can do.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::api::{Duration, Quantity, names};
use crate::controllers::csi::model::{Expansion, ROX, RWO, RWOP, RWX};
use crate::controllers::csi::{self, Driver, MODELS, Model, Operation};
use crate::error::Failure;
use crate::kubectl::print::output::{Format, GET_FORMATS};
use crate::kubectl::session::Session;
use crate::printers::table::{Column, Options, Row, Table, print};

/// List, add and remove CSI drivers.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Verb {
    /// List the drivers of the cluster, and those that can be added by name
    #[command(alias = "ls")]
    List {
        /// wide: what each can do; or a form as of kubectl get: name, json, yaml, jsonpath, custom-columns, ...
        #[arg(short = 'o', long, value_name = "FORM")]
        output: Option<String>,
    },
    /// Deploy a driver, or change its settings; what does not fail any more is left out
    Add(AddArgs),
    /// Take a driver away; what it made stays
    #[command(alias = "rm")]
    Remove {
        /// Its name
        name: String,
    },
}

#[derive(Debug, Clone, clap::Args)]
struct AddArgs {
    /// Its name, such as ebs.csi.aws.com
    name: String,
    /// The zones in which its storage is; nodes without a zone are put into them in turn
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    zones: Vec<String>,
    /// The nodes on which it runs; all by default
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    nodes: Vec<String>,
    /// How much storage there is behind it, in each place
    #[arg(long, value_name = "QUANTITY")]
    capacity: Option<String>,
    /// What a driver can do of which nothing is known: rwo, rox, rwx, rwop, block, attach, expand, expand=offline, clone,
    /// snapshot, modify, capacity, topology=zone or topology=node; what is not named it can't
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    capabilities: Vec<String>,
    /// How many volumes a node takes
    #[arg(long, value_name = "N")]
    attach_limit: Option<i32>,
    /// What goes wrong: provision, attach, mount, expand, snapshot or modify, with =TEXT what it says then
    #[arg(long, value_name = "OPERATION[=TEXT]")]
    fail: Vec<String>,
    /// Its volumes grow only while no pod uses them
    #[arg(long)]
    offline_expansion: bool,
    /// How long it takes for each thing
    #[arg(long, value_name = "DURATION")]
    latency: Option<String>,
}

impl Args {
    /// Whether the cluster is to be changed, not only looked at.
    pub fn changes(&self) -> bool {
        !matches!(self.verb, Verb::List { .. })
    }
}

/// Runs the verb.
///
/// # Errors
/// When an option can't be read, or there is no such driver or node.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    match args.verb {
        Verb::List { output } => match output.as_deref() {
            None => list(session, false),
            Some(form) => match Format::parse(session, form, None, GET_FORMATS)? {
                Format::Wide => list(session, true),
                form => list_as(session, &form)?,
            },
        },
        Verb::Add(args) => {
            let name = args.name.clone();
            let cluster = session.client.server_mut().cluster_mut();
            let there = csi::driver(&cluster.view(), &name);
            let made = object_name(&name);
            let done = if there.is_some() { "configured" } else { "added" };
            cluster.add_csi_driver(args.driver(there.unwrap_or_default())?)?;
            session.ui.out(&format!("{made} {done}\n"));
        }
        Verb::Remove { name } => {
            session.client.server_mut().cluster_mut().remove_csi_driver(&name)?;
            session.ui.out(&format!("{} removed\n", object_name(&name)));
        }
    }
    Ok(())
}

/// What stands for a driver in the cluster: its CSIDriver, or, of a provisioner that is none, its name alone.
fn object_name(name: &str) -> String {
    match (Driver { name: name.to_string(), ..Driver::default() }).model().csi {
        true => format!("csidriver.storage.k8s.io/{name}"),
        false => format!("provisioner {name}"),
    }
}

impl AddArgs {
    /// The driver with what is asked for; what is not stays as it was, but for what goes wrong.
    fn driver(self, there: Driver) -> Result<Driver, Failure> {
        if let Some(fault) = names::dns1123_subdomain(&self.name).first().filter(|_| self.name != "openebs.io/local") {
            return Err(Failure::error(format!("invalid driver name {:?}: {fault}", self.name)));
        }
        for zone in &self.zones {
            if let Some(fault) = names::label_value(zone).first() {
                return Err(Failure::error(format!("invalid zone {zone:?}: {fault}")));
            }
        }
        let capacity = self.capacity.as_deref().map(|text| {
            let quantity = Quantity::parse(text).ok().filter(|q| q.sign() >= 0);
            quantity.map(|q| q.value()).ok_or_else(|| Failure::error(format!("invalid capacity {text:?}")))
        });
        if let Some(limit) = self.attach_limit.filter(|limit| *limit < 0) {
            return Err(Failure::error(format!("invalid attach limit {limit}: must not be negative")));
        }
        let latency = self.latency.as_deref().map(|text| {
            let span = Duration::parse(text).map_err(|e| Failure::error(e.to_string()))?;
            match span < Duration::ZERO {
                true => Err(Failure::error(format!("invalid latency {text:?}: must not be negative"))),
                false => Ok(span.0),
            }
        });
        let fail = self.fail.iter().map(|text| {
            let (name, said) = text.split_once('=').unwrap_or((text, ""));
            let known = Operation::ALL.iter().find(|(known, _)| *known == name);
            let Some((name, operation)) = known else {
                let all: Vec<&str> = Operation::ALL.iter().map(|(name, _)| *name).collect();
                return Err(Failure::error(format!("invalid operation {name:?}: must be one of {}", all.join(", "))));
            };
            let said = if said.is_empty() { format!("{name} failed") } else { said.to_string() };
            Ok((*operation, said))
        });
        let stated = csi::stated::parse(&self.capabilities).map_err(|word| {
            let all = csi::stated::WORDS.join(", ");
            Failure::error(format!("invalid capability {word:?}: must be one of {all}"))
        })?;
        if !stated.is_empty() && MODELS.iter().any(|model| model.name == self.name) {
            return Err(Failure::error(format!("what {} can do is known: see 'kstate csi list -o wide'", self.name)));
        }
        let stated = stated.into_iter().map(String::from).collect::<Vec<_>>();
        let or = |given: &Vec<String>, there: Vec<String>| if given.is_empty() { there } else { given.clone() };
        Ok(Driver {
            fail: fail.collect::<Result<_, Failure>>()?,
            name: self.name.clone(),
            zones: or(&self.zones, there.zones),
            nodes: or(&self.nodes, there.nodes),
            capacity: capacity.transpose()?.or(there.capacity),
            attach_limit: self.attach_limit.or(there.attach_limit),
            offline_expansion: self.offline_expansion || there.offline_expansion,
            latency: latency.transpose()?.or(there.latency),
            attach_latency: None,
            full: false,
            capabilities: Some(stated).filter(|words| !words.is_empty()).or(there.capabilities),
        })
    }
}

fn list(session: &Session<'_>, wide: bool) {
    let columns = ["NAME", "ADDED", "ZONES", "NODES", "CAPACITY", "ATTACH-LIMIT", "FAILS"];
    let more = [
        "RWO",
        "ROX",
        "RWX",
        "RWOP",
        "BLOCK",
        "EXPANSION",
        "CLONE",
        "SNAPSHOT",
        "MODIFY",
        "ATTACH",
        "TOPOLOGY",
        "IN-TREE",
    ];
    let shown = columns.iter().chain(more.iter().filter(|_| wide));
    let columns = shown.map(|name| Column::new(*name)).collect();
    let rows = known_drivers(session).into_iter().map(|(driver, added)| {
        let mut cells = vec![driver.name.clone(), if added { "yes" } else { "no" }.to_string()];
        cells.extend(settings(&driver, added));
        if wide {
            cells.extend(abilities(driver.model()));
        }
        Row { cells, ..Row::default() }
    });
    let table = Table { columns, rows: rows.collect() };
    session.ui.out(&print(&table, &Options::default()));
}

/// The drivers in a form of kubectl's.
fn list_as(session: &Session<'_>, form: &Format) -> Result<(), Failure> {
    let known = known_drivers(session);
    let text = match form {
        Format::Name => known.iter().map(|(driver, _)| format!("{}\n", object_name(&driver.name))).collect(),
        form => {
            let trees: Vec<Value> = known.iter().map(|(driver, added)| tree(driver, *added)).collect();
            form.print(&trees, true, true)?
        }
    };
    session.ui.out(&text);
    Ok(())
}

/// A driver's settings, and what it can do, as fields.
fn tree(driver: &Driver, added: bool) -> Value {
    let model = driver.model();
    let expansion = match driver.expansion() {
        Expansion::Online => "Online",
        Expansion::Offline => "Offline",
        Expansion::No => "No",
    };
    let fail: BTreeMap<&str, &String> =
        Operation::ALL.iter().filter_map(|(name, operation)| Some((*name, driver.fail.get(operation)?))).collect();
    json!({
        "apiVersion": "kstate/v1",
        "kind": "Driver",
        "metadata": {"name": driver.name},
        "spec": {
            "added": added,
            "zones": driver.zones,
            "nodes": driver.nodes,
            "capacity": driver.capacity.map(crate::controllers::provisioner::binary_si),
            "attachLimit": driver.attach_limit(),
            "fail": fail,
        },
        "status": {
            "accessModes": model.file_modes,
            "blockAccessModes": model.block_modes,
            "expansion": expansion,
            "clone": model.clone,
            "snapshot": model.snapshot,
            "modify": model.modify.is_some(),
            "attachRequired": model.attach_required,
            "topologyKeys": model.topology_keys,
            "inTree": model.in_tree,
        },
    })
}

/// The drivers of the cluster and those that are known, by name, each with whether the cluster has it.
fn known_drivers(session: &Session<'_>) -> Vec<(Driver, bool)> {
    let view = session.client.server().cluster().view();
    let added = csi::drivers(&view);
    let known = MODELS.iter().filter(|m| !added.contains_key(m.name));
    let known = known.map(|m| (Driver { name: m.name.to_string(), ..Driver::default() }, false));
    let mut all: Vec<(Driver, bool)> = added.values().map(|driver| (driver.clone(), true)).chain(known).collect();
    all.sort_by(|a, b| a.0.name.cmp(&b.0.name));
    all
}

fn settings(driver: &Driver, added: bool) -> Vec<String> {
    let list = |list: &[String], none: &str| if list.is_empty() { none.to_string() } else { list.join(",") };
    let mut fails: Vec<String> = driver
        .fail
        .keys()
        .map(|operation| {
            let known = Operation::ALL.iter().find(|(_, o)| o == operation);
            known.map_or(String::new(), |(name, _)| name.to_string())
        })
        .collect();
    fails.extend(driver.full.then(|| "full".to_string()));
    fails.extend(driver.attach_latency.map(|_| "slow".to_string()));
    vec![
        list(&driver.zones, "<none>"),
        list(&driver.nodes, if added { "<all>" } else { "<none>" }),
        driver.capacity.map_or("<unlimited>".into(), crate::controllers::provisioner::binary_si),
        driver.attach_limit().map_or("<none>".into(), |limit| limit.to_string()),
        list(&fails, "<none>"),
    ]
}

/// What a driver can do, as the table of access modes in the documentation has it.
fn abilities(model: &Model) -> Vec<String> {
    let mode = |mode: &str| {
        match (model.file_modes.contains(&mode), model.block_modes.contains(&mode)) {
            (true, _) => "yes",
            (false, true) => "block only",
            (false, false) => "-",
        }
        .to_string()
    };
    let yes = |yes: bool| if yes { "yes" } else { "-" }.to_string();
    let expansion = match model.expansion {
        Expansion::Online => "online",
        Expansion::Offline => "offline",
        Expansion::No => "-",
    };
    let mut cells: Vec<String> = [RWO, ROX, RWX, RWOP].into_iter().map(mode).collect();
    cells.extend([
        yes(!model.block_modes.is_empty()),
        expansion.to_string(),
        yes(model.clone),
        yes(model.snapshot),
        yes(model.modify.is_some()),
        yes(model.attach_required),
        if model.topology_keys.is_empty() { "-".into() } else { model.topology_keys.join(",") },
        if model.in_tree.is_empty() { "-".to_string() } else { model.in_tree.to_string() },
    ]);
    cells
}
