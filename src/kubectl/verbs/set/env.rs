//! `set env`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::api::{Kind, names};
use crate::error::Failure;
use crate::host::go_io_error;
use crate::kubectl::builder::build::Builder;
use crate::kubectl::builder::info::Info;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::set::change::{Change, Common, SelectorArg, containers, pod_spec, selects};
use crate::kubectl::verbs::set::references;

/// Update environment variables on a pod template.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    selector: SelectorArg,
    /// The names of containers in the selected pod templates to change - may use wildcards
    #[arg(short = 'c', long, default_value = "*")]
    containers: String,
    /// Specify a key-value pair for an environment variable to set into each container
    #[arg(short = 'e', long)]
    env: Vec<String>,
    /// The name of a resource from which to inject environment variables
    #[arg(long, default_value = "")]
    from: String,
    /// Comma-separated list of keys to import from specified resource
    #[arg(long, value_delimiter = ',')]
    keys: Vec<String>,
    /// If true, display the environment and any changes in the standard format
    #[arg(long)]
    list: bool,
    /// If true, allow environment to be overwritten
    #[arg(long, default_value_t = true)]
    overwrite: bool,
    /// Prefix to append to variable names
    #[arg(long, default_value = "")]
    prefix: String,
    /// If true, show secret or configmap references when listing variables
    #[arg(long)]
    resolve: bool,
}

/// What the arguments ask for.
#[derive(Default)]
struct Wanted {
    set: Vec<Value>,
    remove: Vec<String>,
    /// Whether `-` asked for what standard input has.
    from_stdin: bool,
}

/// Runs the command.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: &Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let (common, selector) = (&args.common, args.selector.selector.as_str());
    if common.all && !selector.is_empty() {
        return Err(Failure::error("cannot set --all and --selector at the same time"));
    }
    let (resources, pairs) = split(&common.args)?;
    let printer = common.printer(session)?;
    common.check_local(&printer)?;
    let refusal = if common.files.filename.is_empty() && resources.is_empty() {
        "one or more resources must be specified as <resource> <name> or <resource>/<name>"
    } else if args.list && common.output.output.as_deref().is_some_and(|o| !o.is_empty()) {
        "--list and --output may not be specified together"
    } else if !args.keys.is_empty() && args.from.is_empty() {
        "when specifying --keys, a configmap or secret must be provided with --from"
    } else {
        ""
    };
    if !refusal.is_empty() {
        return Err(Failure::error(refusal));
    }
    let mut wanted = parse(args.env.iter().chain(pairs), session)?;
    if !args.from.is_empty() {
        import(args, selector, &mut wanted, session)?;
    }
    for variable in &mut wanted.set {
        variable["name"] = json!(format!("{}{}", args.prefix, variable["name"].as_str().unwrap_or_default()));
    }
    let builder = Builder { stdin_in_use: wanted.from_stdin, ..common.builder(resources, selector) };
    let mut change = common.find(builder, printer, session)?;
    if args.list {
        return list(args, &change, &wanted, session);
    }
    let ui = session.ui;
    change.run(
        session,
        |info, tree, _| {
            if !update(args, info, tree, &wanted)? {
                ui.err(&no_container(args, info));
            }
            Ok(true)
        },
        "failed to patch env update to pod template: ",
        "env updated",
    )
}

fn no_container(args: &Args, info: &Info) -> String {
    let selector = &args.containers;
    format!("Warning: {}/{} does not have any containers matching {selector:?}\n", info.kind().name(), info.name)
}

/// Splits resources from environment arguments, `KEY=VALUE` and `KEY-`.
fn split(args: &[String]) -> Result<(&[String], &[String]), Failure> {
    let is_env = |a: &String| a.split_once('=').is_some_and(|(k, _)| !k.is_empty()) || a.ends_with('-');
    let at = args.iter().position(is_env).unwrap_or(args.len());
    let (resources, pairs) = args.split_at(at);
    if pairs.iter().all(is_env) {
        return Ok((resources, pairs));
    }
    let text = format!("all resources must be specified before environment changes: {}", args.join(" "));
    Err(Failure::error(text))
}

fn parse<'a>(specs: impl Iterator<Item = &'a String>, session: &Session<'_>) -> Result<Wanted, Failure> {
    let mut wanted = Wanted::default();
    let mut given = Vec::new();
    for spec in specs {
        if spec == "-" {
            wanted.from_stdin = true;
            let input = session.stdin();
            let input = input.map_err(|e| Failure::error(go_io_error("read", "/dev/stdin", &e)))?;
            for line in String::from_utf8_lossy(&input).lines() {
                let line = line.split('#').next().unwrap_or_default();
                if let Some((name, value)) = line.split_once('=') {
                    wanted.set.push(json!({"name": name, "value": value}));
                }
            }
        } else if let Some((name, value)) = spec.split_once('=') {
            let faults = names::env_var_name(name);
            if !faults.is_empty() {
                return Err(Failure::error(format!("{name:?} is not a valid key name: {}", faults.join(";"))));
            }
            given.push(name.to_string());
            wanted.set.push(json!({"name": name, "value": value}));
        } else if let Some(name) = spec.strip_suffix('-') {
            wanted.remove.push(name.to_string());
        } else {
            return Err(Failure::error(format!("unknown environment variable: {spec}")));
        }
    }
    if wanted.remove.iter().any(|r| given.contains(r)) {
        let text = "can not both modify and remove the same environment variable in the same command";
        return Err(Failure::error(text));
    }
    Ok(wanted)
}

/// Adds a reference to each key of the ConfigMaps and Secrets that `--from` names.
fn import(args: &Args, selector: &str, wanted: &mut Wanted, session: &Session<'_>) -> Result<(), Failure> {
    let common = &args.common;
    let from = [args.from.clone()];
    let builder = Builder { stdin_in_use: wanted.from_stdin, ..common.builder(&from, selector) };
    for info in builder.plan(session)?.all(session)? {
        let field = match info.kind() {
            Kind::Secret => "secretKeyRef",
            Kind::ConfigMap => "configMapKeyRef",
            _ => return Err(Failure::error("unsupported resource specified in --from")),
        };
        for key in info.tree["data"].as_object().into_iter().flatten().map(|(k, _)| k) {
            if !args.keys.is_empty() && !args.keys.contains(key) {
                continue;
            }
            let name: String =
                key.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
            if name != *key {
                session.ui.err(&format!("Warning: key {key} transferred to {name}\n"));
            }
            wanted.set.push(json!({"name": name, "valueFrom": {field: {"name": info.name, "key": key}}}));
        }
    }
    Ok(())
}

/// Changes the containers that `--containers` means; false if there are none.
fn update(args: &Args, item: &Info, tree: &mut Value, wanted: &Wanted) -> Result<bool, String> {
    let spec = pod_spec(item.kind(), tree)?;
    let mut found = false;
    for list in ["containers", "initContainers"] {
        let named = |c: &Value| selects(&args.containers, c["name"].as_str().unwrap_or_default());
        for container in containers(spec, list).filter(|c| named(c)) {
            found = true;
            let existing = container["env"].as_array().cloned().unwrap_or_default();
            if !args.overwrite {
                refuse_overwrites(&existing, &wanted.set)?;
            }
            container["env"] = json!(merged(&existing, wanted));
        }
    }
    Ok(found)
}

fn refuse_overwrites(existing: &[Value], set: &[Value]) -> Result<(), String> {
    for wanted in set {
        let there = existing.iter().find(|e| e["name"] == wanted["name"]);
        if let Some(there) =
            there.filter(|t| t["value"].as_str().unwrap_or_default() != wanted["value"].as_str().unwrap_or_default())
        {
            let text = |key: &str| there[key].as_str().unwrap_or_default();
            return Err(format!(
                "'{}' already has a value ({}), and --overwrite is false",
                text("name"),
                text("value")
            ));
        }
    }
    Ok(())
}

/// What was there, with new values in the old places, then what is new. Removal wins.
fn merged(existing: &[Value], wanted: &Wanted) -> Vec<Value> {
    let mut covered: Vec<Value> = wanted.remove.iter().map(|r| json!(r)).collect();
    let mut out = Vec::new();
    for variable in existing {
        if covered.contains(&variable["name"]) {
            continue;
        }
        match wanted.set.iter().find(|s| s["name"] == variable["name"]) {
            Some(newer) => {
                covered.push(variable["name"].clone());
                out.push(newer.clone());
            }
            None => out.push(variable.clone()),
        }
    }
    for variable in &wanted.set {
        if !covered.contains(&variable["name"]) {
            covered.push(variable["name"].clone());
            out.push(variable.clone());
        }
    }
    out
}

/// `--list`: the variables as they would be.
fn list(args: &Args, change: &Change<'_>, wanted: &Wanted, session: &Session<'_>) -> Result<(), Failure> {
    for item in &change.infos {
        let mut tree = item.tree.clone();
        match update(args, item, &mut tree, wanted) {
            Ok(true) => {}
            Ok(false) => session.ui.err(&no_container(args, item)),
            // OBSERVATION: with --list kubectl drops the faults of single objects.
            Err(_) => continue,
        }
        let Ok(spec) = pod_spec(item.kind(), &mut tree) else { continue };
        for list in ["containers", "initContainers"] {
            for container in containers(spec, list) {
                let name = container["name"].as_str().unwrap_or_default();
                if selects(&args.containers, name) {
                    session.ui.out(&format!("# {} {}, container {name}\n", item.kind().name(), item.name));
                    list_container(args, item, container, session);
                }
            }
        }
    }
    Ok(())
}

fn list_container(args: &Args, item: &Info, container: &Value, session: &Session<'_>) {
    let mut unresolved: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for variable in container["env"].as_array().into_iter().flatten() {
        let name = variable["name"].as_str().unwrap_or_default();
        let Some(source) = variable.get("valueFrom") else {
            session.ui.out(&format!("{name}={}\n", variable["value"].as_str().unwrap_or_default()));
            continue;
        };
        let resolved = args.resolve.then(|| references::value(source, &item.tree, container, session));
        if let Some(Ok(value)) = &resolved {
            session.ui.out(&format!("{name}={value}\n"));
            continue;
        }
        session.ui.out(&format!("# {name} from {}\n", references::text(source)));
        if let Some(Err(text)) = resolved {
            unresolved.entry(text).or_default().push(name.to_string());
        }
    }
    let mut lines: Vec<String> = unresolved
        .into_iter()
        .map(|(text, mut names)| {
            names.sort();
            format!("error retrieving reference for {}: {text}\n", names.join(", "))
        })
        .collect();
    lines.sort();
    lines.iter().for_each(|line| session.ui.err(line));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Wanted, merged};

    #[test]
    fn new_values_take_the_old_places() {
        let existing = [json!({"name": "A", "value": "1"}), json!({"name": "B", "value": "2"}), json!({"name": "C"})];
        let wanted = Wanted {
            set: vec![json!({"name": "D", "value": "4"}), json!({"name": "B", "value": "x"})],
            remove: vec!["A".into()],
            from_stdin: false,
        };
        let names: Vec<String> = merged(&existing, &wanted).iter().map(|v| v["name"].to_string()).collect();
        assert_eq!(names.join(" "), r#""B" "C" "D""#);
    }
}
