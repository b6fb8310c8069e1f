//! `cordon` and `uncordon`: whether a node takes new pods.
//!
//! Mirrors `RunCordonOrUncordon` of `k8s.io/kubectl/pkg/cmd/drain/drain.go`.

use std::sync::Arc;

use crate::api::k8s::api::core::v1::Node;
use crate::api::request::PatchType;
use crate::api::{Kind, Object};
use crate::error::Failure;
use crate::kubectl::builder::build::Builder;
use crate::kubectl::print::errors::{self, Fault};
use crate::kubectl::request::{self, DryRun, PROGRAM, Writing};
use crate::kubectl::session::Session;

/// Mark node as unschedulable.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(flatten)]
    nodes: NodeArgs,
}

/// Which nodes a command is about.
#[derive(Debug, Clone, clap::Args)]
pub struct NodeArgs {
    /// The nodes
    #[arg(value_name = "NODE")]
    names: Vec<String>,
    /// Selector (label query) to filter on
    #[arg(short = 'l', long)]
    selector: Option<String>,
    /// Must be "none", "server", or "client"
    #[arg(long, default_value = "none")]
    dry_run: String,
}

/// Runs `cordon`.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let (nodes, dry_run) = args.nodes.find(session, "cordon", |_| Ok(()), 500)?;
    cordon(&nodes, true, dry_run, session);
    Ok(())
}

/// `uncordon`.
pub mod uncordon {
    use super::{Failure, NodeArgs, Session, cordon};

    /// Mark node as schedulable.
    #[derive(Debug, Clone, clap::Args)]
    pub struct Args {
        #[command(flatten)]
        nodes: NodeArgs,
    }

    /// Runs the verb.
    ///
    /// # Errors
    /// kubectl's texts.
    pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
        let (nodes, dry_run) = args.nodes.find(session, "uncordon", |_| Ok(()), 500)?;
        cordon(&nodes, false, dry_run, session);
        Ok(())
    }
}

impl NodeArgs {
    /// The nodes, and `--dry-run`. `check` looks at the verb's other flags; lists are read in pieces of `chunk` objects.
    ///
    /// # Errors
    /// kubectl's texts when none is named, or one is not there.
    pub fn find(
        &self,
        session: &Session<'_>,
        verb: &str,
        check: impl Fn(&Session<'_>) -> Result<(), Failure>,
        chunk: u64,
    ) -> Result<(Vec<Arc<Object>>, DryRun), Failure> {
        let selector = self.selector.as_deref().unwrap_or_default();
        if self.names.is_empty() && self.selector.is_none() {
            return Err(errors::usage(session, verb, &format!("USAGE: {verb} NODE [flags]")));
        }
        if !self.names.is_empty() && !selector.is_empty() {
            let text = "error: cannot specify both a node name and a --selector option";
            return Err(errors::usage(session, verb, text));
        }
        let dry_run = DryRun::parse(&self.dry_run)?;
        check(session)?;
        let builder = Builder {
            args: &self.names,
            default_type: if self.names.is_empty() { "" } else { "nodes" },
            of_type: if selector.is_empty() { "" } else { "nodes" },
            selector,
            single_type: true,
            chunk,
            ..Builder::default()
        };
        let infos = builder.plan(session)?.all(session)?;
        if let Some(other) = infos.iter().find(|info| info.kind() != Kind::Node) {
            let served = other.served;
            let resource = format!("{}/{}, Resource={}", served.group, served.version, served.plural);
            return Err(Failure::error(format!("error: expected resource of type node, got {resource:?}")));
        }
        Ok((infos.into_iter().filter_map(|info| info.object).collect(), dry_run))
    }
}

/// Marks nodes, and says so of each.
pub fn cordon(nodes: &[Arc<Object>], unschedulable: bool, dry_run: DryRun, session: &mut Session<'_>) {
    let word = if unschedulable { "cordon" } else { "uncordon" };
    for node in nodes {
        let spec = node.get::<Node>().and_then(|n| n.spec.as_ref());
        let is = spec.and_then(|s| s.unschedulable).unwrap_or(false);
        let done = if is == unschedulable { format!("already {word}ed") } else { format!("{word}ed") };
        if is != unschedulable
            && dry_run != DryRun::Client
            && let Err(fault) = mark(node, unschedulable, dry_run, session)
        {
            session.ui.err(&format!("error: unable to {word} node {:?}: {fault}\n", node.name()));
            continue;
        }
        session.ui.out(&format!("node/{} {done}{}\n", node.name(), dry_run.suffix()));
    }
}

fn mark(node: &Object, unschedulable: bool, dry_run: DryRun, session: &mut Session<'_>) -> Result<(), Fault> {
    let body = match unschedulable {
        true => r#"{"spec":{"unschedulable":true}}"#,
        false => r#"{"spec":{"unschedulable":null}}"#,
    };
    request::patch(session, node, (PatchType::Strategic, body), &Writing::by(PROGRAM).dry_run(dry_run)).map(|_| ())
}
