//! `create configmap`.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use serde_json::{Map, Value, json};

use crate::api::{Kind, names};
use crate::error::Failure;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::create::generator::Common;
use crate::kubectl::verbs::create::{hash, sources};

/// Create a config map based on a file, directory, or specified literal value.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: Common,
    /// Append a hash of the configmap to its name
    #[arg(long)]
    append_hash: bool,
    /// The path to a file to read lines of key=val pairs from
    #[arg(long, value_delimiter = ',')]
    from_env_file: Vec<String>,
    /// A file, or a folder of files, with an optional key before it
    #[arg(long, value_delimiter = ',')]
    from_file: Vec<String>,
    /// A key and literal value to insert (i.e. mykey=somevalue)
    #[arg(long)]
    from_literal: Vec<String>,
}

/// Runs the generator.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: &Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let generator = args.common.start("create configmap", session)?;
    generator.require_name()?;
    if !args.from_env_file.is_empty() && (!args.from_file.is_empty() || !args.from_literal.is_empty()) {
        return Err(Failure::error("from-env-file cannot be combined with from-file or from-literal"));
    }
    let (data, binary) = collect(args, &generator.name, session).map_err(Failure::error)?;
    let mut name = generator.name.clone();
    if args.append_hash {
        name = format!("{name}-{}", hash::of_config_map(&name, &data, &binary));
    }
    let mut tree = json!({"metadata": {"name": name}});
    if !data.is_empty() {
        tree["data"] = Value::Object(data);
    }
    if !binary.is_empty() {
        tree["binaryData"] = Value::Object(binary);
    }
    generator.finish(session, Kind::ConfigMap, tree, Some("failed to create configmap: "))
}

type Data = Map<String, Value>;

fn collect(args: &Args, name: &str, session: &Session<'_>) -> Result<(Data, Data), String> {
    let mut entries: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut add = |(key, value): sources::Entry| {
        let faults = names::config_map_key(&key);
        if !faults.is_empty() {
            return Err(format!("{key:?} is not a valid key name for a ConfigMap: {}", faults.join(",")));
        }
        if let Some(there) = entries.get(&key) {
            let place = if std::str::from_utf8(there).is_ok() { "Data" } else { "BinaryData" };
            let text = "another key by that name already exists in";
            return Err(format!("cannot add key {key:?}, {text} {place} for ConfigMap {name:?}"));
        }
        entries.insert(key, value);
        Ok(())
    };
    for source in &args.from_file {
        sources::file(session, source)?.into_iter().try_for_each(&mut add)?;
    }
    for source in &args.from_literal {
        add(sources::literal(source)?)?;
    }
    for source in &args.from_env_file {
        sources::env_file(session, source, "config")?.into_iter().try_for_each(&mut add)?;
    }
    let (mut data, mut binary) = (Map::new(), Map::new());
    for (key, value) in entries {
        match String::from_utf8(value) {
            Ok(text) => data.insert(key, Value::String(text)),
            Err(e) => binary.insert(key, json!(ByteString(e.into_bytes()))),
        };
    }
    Ok((data, binary))
}
