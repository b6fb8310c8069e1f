//! `kstate node disk`: the disks of nodes beside the one that each runs from.

use crate::api::k8s::api::core::v1::Node;
use crate::api::{Kind, ObjectKey, Quantity};
use crate::controllers::provisioner::binary_si;
use crate::error::{ApiError, Failure};
use crate::kubectl::session::Session;
use crate::node::disk::{clean, is_usual};
use crate::node::node_disks::State;
use crate::printers::table::{Column, Options, Row, Table, print};
use crate::sim::NewDisk;

/// Where disks are mounted unless a path is given.
const FOLDER: &str = "/mnt/disks";

/// List the disks of nodes, put some in, break them or take them out.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Verb {
    /// List disks, and the folders that local volumes lie in
    #[command(alias = "ls")]
    List {
        /// Of this node only
        node: Option<String>,
    },
    /// Put a new disk in
    Add {
        /// The node
        node: String,
        /// Its name: it is mounted at /mnt/disks/NAME; ssd1, ssd2 and so on by default
        name: Option<String>,
        /// How much its file system holds
        #[arg(long, value_name = "QUANTITY", default_value = "10Gi")]
        size: String,
        /// Where it is mounted, in place of /mnt/disks/NAME
        #[arg(long, value_name = "PATH", conflicts_with = "name")]
        path: Option<String>,
        /// Not mounted, but linked there as a raw device
        #[arg(long)]
        block: bool,
    },
    /// A disk answers with errors
    Break {
        /// The node
        node: String,
        /// The disk's name or path
        name: String,
    },
    /// A disk works again, with what is on it
    Repair {
        /// The node
        node: String,
        /// The disk's name or path
        name: String,
    },
    /// Take a disk out, with all that is on it
    #[command(alias = "rm")]
    Remove {
        /// The node
        node: String,
        /// The disk's name or path
        name: String,
    },
}

impl Args {
    /// Whether something is to be changed, not only looked at.
    pub(super) fn changes(&self) -> bool {
        !matches!(self.verb, Verb::List { .. })
    }
}

/// Runs the verb.
///
/// # Errors
/// When there is no such node or disk, or the path is taken.
pub(super) fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    match args.verb {
        Verb::List { node } => list(session, node.as_deref()),
        Verb::Add { node, name, size, path, block } => {
            let size = Quantity::parse(&size).ok().filter(|q| q.sign() > 0).map(|q| q.value());
            let size = size.ok_or_else(|| Failure::error("invalid size: must be greater than zero"))?;
            let cluster = session.client.server_mut().cluster_mut();
            let free = || {
                let taken = cluster.node_disks(&node);
                let names = (1..).map(|n| format!("{FOLDER}/ssd{n}"));
                names.into_iter().find(|path| !taken.contains_key(path)).unwrap_or_default()
            };
            let path = path.or_else(|| name.map(|name| format!("{FOLDER}/{name}"))).unwrap_or_else(free);
            let path = checked(&path)?;
            cluster.add_node_disk(&node, &path, NewDisk { size, block })?;
            said(session, &node, &path, "added");
            Ok(())
        }
        Verb::Break { node, name } => change(session, &node, &name, State::Broken, "broken"),
        Verb::Repair { node, name } => change(session, &node, &name, State::Healthy, "repaired"),
        Verb::Remove { node, name } => change(session, &node, &name, State::Gone, "removed"),
    }
}

/// A path at which a disk can be.
fn checked(path: &str) -> Result<String, Failure> {
    let plain = clean(path);
    let fault = match () {
        () if !path.starts_with('/') => "must be an absolute path",
        () if path.split('/').any(|part| part == "..") => "must not contain '..'",
        () if path.len() > 1024 || path.chars().any(char::is_control) => "is no path",
        () if is_usual(&plain) => "the node needs it itself",
        () => return Ok(plain),
    };
    Err(Failure::error(format!("invalid path {path:?}: {fault}")))
}

fn said(session: &Session<'_>, node: &str, path: &str, done: &str) {
    session.ui.out(&format!("disk {path} of node/{node} {done}\n"));
}

fn change(session: &mut Session<'_>, node: &str, name: &str, state: State, done: &str) -> Result<(), Failure> {
    let path = if name.starts_with('/') { checked(name)? } else { checked(&format!("{FOLDER}/{name}"))? };
    let cluster = session.client.server_mut().cluster_mut();
    let named = |(at, _): &(&String, _)| at.rsplit('/').next() == Some(name);
    let disks = cluster.node_disks(node);
    let elsewhere = disks.iter().find(named).map(|(at, _)| at.clone());
    let path = if disks.contains_key(&path) { path } else { elsewhere.unwrap_or(path) };
    cluster.change_node_disk(node, &path, state)?;
    said(session, node, &path, done);
    Ok(())
}

fn list(session: &Session<'_>, only: Option<&str>) -> Result<(), Failure> {
    let cluster = session.client.server().cluster();
    let view = cluster.view();
    if let Some(node) = only.filter(|node| view.get(&ObjectKey::cluster(Kind::Node, *node)).is_none()) {
        return Err(ApiError::not_found("nodes", node).into());
    }
    let nodes = view.list_as::<Node>().filter_map(|node| node.metadata.name.as_deref());
    let nodes = nodes.filter(|name| only.is_none_or(|only| only == *name));
    let mut rows = Vec::new();
    for node in nodes {
        for (path, disk) in cluster.node_disks(node) {
            let status = match disk.state {
                State::Healthy => "Healthy",
                State::Broken => "Broken",
                State::Gone => "Gone",
            };
            let size = if disk.size > 0 { binary_si(disk.size) } else { "<none>".into() };
            let mode = if disk.block { "Block" } else { "Filesystem" };
            let volume = cluster.local_volume_at(node, &path).unwrap_or_else(|| "<none>".into());
            let cells = vec![node.into(), path, disk.device, size, mode.into(), status.into(), volume];
            rows.push(Row { cells, ..Row::default() });
        }
    }
    if rows.is_empty() {
        session.ui.err("No disks found\n");
        return Ok(());
    }
    let columns = ["NODE", "PATH", "DEVICE", "SIZE", "MODE", "STATUS", "VOLUME"].map(Column::new).into();
    session.ui.out(&print(&Table { columns, rows }, &Options::default()));
    Ok(())
}
