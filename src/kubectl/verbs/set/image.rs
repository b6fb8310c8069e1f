//! `set image`.

use std::collections::BTreeMap;

use serde_json::json;

use crate::error::Failure;
use crate::kubectl::print::errors::{self, Fault};
use crate::kubectl::print::made::RecordArgs;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::pairs;
use crate::kubectl::verbs::set::change::{Common, SelectorArg, containers, pod_spec};

/// Update existing container image(s) of resources.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    selector: SelectorArg,
    #[command(flatten)]
    record: RecordArgs,
}

/// Runs the command.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: &Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let common = &args.common;
    let printer = common.printer(session)?;
    let (resources, pairs) = pairs::split(&common.args, "image")?;
    let images = images(pairs)?;
    common.check_files(resources)?;
    let selector = args.selector.selector.as_str();
    let local = common.check_local(&printer);
    let mut change = common.find(common.builder(resources, selector), printer, session)?;
    let mut faults = Vec::new();
    if common.all && !selector.is_empty() {
        faults.push(Fault::plain("cannot set --all and --selector at the same time"));
    }
    if images.is_empty() {
        faults.push(Fault::plain("at least one image update is required"));
    } else if images.len() > 1 && images.contains_key("*") {
        let text =
            "all containers are already specified by *, but saw more than one container_name=container_image pairs";
        faults.push(Fault::plain(text));
    }
    faults.extend(local.err().map(Fault::of));
    errors::check(faults)?;
    let cause = args.record.record.then(|| session.line.change_cause.clone());
    change.run(
        session,
        |info, tree, faults| {
            let spec = pod_spec(info.kind(), tree)?;
            for (name, image) in &images {
                let mut found = false;
                for list in ["initContainers", "containers"] {
                    for container in containers(spec, list).filter(|c| name == "*" || c["name"] == json!(name)) {
                        container["image"] = json!(image);
                        found = true;
                    }
                }
                if !found {
                    faults.push(Fault::plain(format!("error: unable to find container named {name:?}")));
                }
            }
            RecordArgs::write(cause.as_deref(), tree);
            Ok(true)
        },
        "failed to patch image update to pod template: ",
        "image updated",
    )
}

/// Reads `CONTAINER=IMAGE`. Mirrors `ParsePairs`.
fn images(pairs: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let (mut images, mut invalid) = (BTreeMap::new(), Vec::new());
    for pair in pairs {
        match pair.split_once('=').filter(|(name, _)| !name.is_empty()) {
            Some((name, image)) => _ = images.insert(name.to_string(), image.to_string()),
            None => invalid.push(pair.as_str()),
        }
    }
    match invalid.is_empty() {
        true => Ok(images),
        false => Err(Failure::error(format!("invalid image format: {}", invalid.join(", ")))),
    }
}
