//! `kuberc`: shows and changes the file of the user's preferences.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/kuberc`.

use serde_json::{Value, json};

use crate::error::Failure;
use crate::host::go_io_error;
use crate::kubectl::kuberc::{self, API_VERSION, KIND, Location};
use crate::kubectl::print::errors::{sub_command_needed, usage};
use crate::kubectl::print::made::OutputArgs;
use crate::kubectl::print::output::Format;
use crate::kubectl::session::Session;
use crate::manifest::yaml;
use crate::printers::go_order::Order;
use crate::printers::yaml::to_yaml;

const SECTIONS: [&str; 3] = ["defaults", "aliases", "credentialplugin"];
const POLICIES: [&str; 3] = ["AllowAll", "DenyAll", "Allowlist"];
const SWITCHED_OFF: &str = "KUBERC is disabled via KUBERC=off environment variable";

/// Manage kuberc configuration files.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
    /// Arguments that name no command
    #[arg(hide = true)]
    rest: Vec<String>,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum What {
    /// Set values in the kuberc configuration
    Set(SetArgs),
    /// Display the current kuberc configuration
    View(ViewArgs),
}

/// What is set.
#[derive(Debug, Clone, clap::Args)]
struct SetArgs {
    /// Allowlist entry the form field=value
    #[arg(long)]
    allowlist_entry: Vec<String>,
    /// Argument to append to the command
    #[arg(long)]
    appendarg: Vec<String>,
    /// Command to configure
    #[arg(long, default_value = "")]
    command: String,
    /// Path to the kuberc file to use for preferences
    #[arg(long = "kuberc")]
    file: Option<String>,
    /// Alias name
    #[arg(long, default_value = "")]
    name: String,
    /// Flag option in the form flag=value
    #[arg(long)]
    option: Vec<String>,
    /// Allow overwriting existing entries
    #[arg(long)]
    overwrite: bool,
    /// Plugin policy to use for exec credential plugins
    #[arg(long, default_value = "")]
    policy: String,
    /// Argument to prepend to the command
    #[arg(long)]
    prependarg: Vec<String>,
    /// Section to modify
    #[arg(long)]
    section: String,
}

/// How the file is shown.
#[derive(Debug, Clone, clap::Args)]
struct ViewArgs {
    /// Path to the kuberc file to use for preferences
    #[arg(long = "kuberc")]
    file: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    if kuberc::is_disabled(&session.host) {
        return Err(Failure::error(format!("unknown command \"kuberc\" for {:?}", session.line.program)));
    }
    match &args.what {
        Some(What::Set(args)) => set(args, session),
        Some(What::View(args)) => view(args, session),
        None if args.rest.is_empty() => Err(sub_command_needed(session, "kuberc")),
        None => Err(usage(session, "kuberc", &format!("unknown command {:?}", args.rest.join(" ")))),
    }
}

/// The file that is meant; beside kstate's kubeconfig if nobody names one.
fn locate(named: Option<&String>, session: &Session<'_>) -> Result<Location, Failure> {
    let config = session.contexts.access.own.name();
    let folder = config.rfind(['/', '\\']).and_then(|end| config.get(..=end)).unwrap_or_default();
    let located = kuberc::locate(named.cloned(), Some(format!("{folder}kuberc")), &session.host);
    let location = located.map_err(Failure::error)?.ok_or_else(|| Failure::error(SWITCHED_OFF))?;
    if !location.explicit && !session.host.is_person() {
        return Err(Failure::error("a lesson keeps no preferences: name a file of its own with --kuberc"));
    }
    Ok(location)
}

fn view(args: &ViewArgs, session: &Session<'_>) -> Result<(), Failure> {
    let location = locate(args.file.as_ref(), session)?;
    let path = &location.path;
    let read = kuberc::text_if_there(path, &session.host)
        .map_err(|e| Failure::error(format!("error reading kuberc file: {}", go_io_error("open", path, &e))))?;
    let Some(text) = read else {
        if location.explicit {
            return Err(Failure::error(format!("kuberc file not found at {path}")));
        }
        session.ui.out(&format!("kuberc file not found at {path}\n"));
        let question = "Would you like to generate a default kuberc file with recommended options?";
        if !session.ui.is_interactive() {
            session.ui.out(&format!("{question} (y/N): "));
        }
        return match session.ui.confirm(question, false)? {
            true => save(path, &recommended(), session),
            false => Ok(()),
        };
    };
    let tree = parse(&text)?;
    let shown = json!({
        "kind": tree["kind"], "apiVersion": tree["apiVersion"],
        "defaults": or_empty(&tree["defaults"]), "aliases": or_empty(&tree["aliases"]),
    });
    let mut shown = shown;
    for field in ["credentialPluginPolicy", "credentialPluginAllowlist"] {
        if !tree[field].is_null() {
            shown[field] = tree[field].clone();
        }
    }
    let format = args.output.format(session)?.unwrap_or(Format::Yaml);
    let text = match format {
        Format::Name => format!("{}.{}/<unknown>\n", KIND.to_lowercase(), "kubectl.config.k8s.io"),
        format => format.print_struct(&Fields, &shown, args.output.allow_missing_template_keys)?,
    };
    session.ui.out(&text);
    Ok(())
}

fn or_empty(list: &Value) -> Value {
    if list.is_null() { json!([]) } else { list.clone() }
}

/// The order of fields in Go, of a preference and of what is in it.
struct Fields;

impl Order for Fields {
    fn place(&self, name: &str) -> Option<usize> {
        const ORDER: [&str; 12] = [
            "kind",
            "apiVersion",
            "defaults",
            "aliases",
            "credentialPluginPolicy",
            "credentialPluginAllowlist",
            "name",
            "command",
            "prependArgs",
            "appendArgs",
            "options",
            "default",
        ];
        ORDER.iter().position(|field| *field == name)
    }

    fn below(&self, _name: &str) -> Option<&dyn Order> {
        Some(self)
    }
}

fn recommended() -> Value {
    let defaults = |command: &str, flag: &str| json!({"command": command, "options": [option(flag, "true")]});
    json!({
        "apiVersion": API_VERSION, "kind": KIND, "aliases": null,
        "defaults": [defaults("apply", "server-side"), defaults("delete", "interactive")],
    })
}

fn option(name: &str, default: &str) -> Value {
    json!({"name": name, "default": default})
}

fn parse(text: &str) -> Result<Value, Failure> {
    let parsed = yaml::to_json(text).map_err(|e| format!("error converting YAML to JSON: {e}"));
    let tree = parsed.and_then(|tree| match tree.is_object() || tree.is_null() {
        true => Ok(tree),
        false => Err("error unmarshaling JSON: json: cannot unmarshal into Go value of type v1beta1.Preference".into()),
    });
    tree.map_err(|e| Failure::error(format!("error parsing kuberc file: {e}")))
}

/// Mirrors `SavePreference`.
fn save(path: &str, tree: &Value, session: &Session<'_>) -> Result<(), Failure> {
    let files = &session.host.files;
    if let Some(end) = path.rfind(['/', '\\']).filter(|end| *end > 0) {
        let folder = path.get(..end).unwrap_or_default();
        files.make_folders(folder).map_err(|e| {
            Failure::error(format!("failed to create directory {folder}: {}", go_io_error("mkdir", folder, &e)))
        })?;
    }
    let written = files.copy_in(path, to_yaml(tree).as_bytes());
    written.map_err(|e| Failure::error(format!("failed to write kuberc file: {}", go_io_error("open", path, &e))))?;
    session.ui.out(&format!("Updated {path}\n"));
    Ok(())
}

fn set(args: &SetArgs, session: &Session<'_>) -> Result<(), Failure> {
    let location = locate(args.file.as_ref(), session)?;
    check(args).map_err(Failure::error)?;
    let path = &location.path;
    let read = kuberc::text_if_there(path, &session.host)
        .map_err(|e| Failure::error(format!("error reading kuberc file: {}", go_io_error("open", path, &e))))?;
    let mut tree = match read.as_deref() {
        None | Some("") => json!({"apiVersion": API_VERSION, "kind": KIND}),
        Some(text) => parse(text)?,
    };
    if tree.is_null() {
        tree = json!({});
    }
    for field in ["aliases", "defaults"] {
        if tree[field].is_null() {
            tree[field] = Value::Null;
        }
    }
    let options = options(args).map_err(Failure::error)?;
    match args.section.as_str() {
        "defaults" => set_defaults(&mut tree, args, options),
        "aliases" => set_alias(&mut tree, args, options),
        _ => set_policy(&mut tree, args),
    }?;
    save(path, &tree, session)
}

/// Mirrors `SetOptions.Validate`.
fn check(args: &SetArgs) -> Result<(), String> {
    let section = args.section.as_str();
    let [defaults, aliases, plugin] = SECTIONS;
    if !SECTIONS.contains(&section) {
        return Err(format!("--section must be {defaults:?}, {aliases:?}, or {plugin:?}, got: {section}"));
    }
    if section == aliases && args.name.is_empty() {
        return Err(format!("--name is required when --section={aliases}"));
    }
    if section == defaults && !args.name.is_empty() {
        return Err(format!("--name should not be specified when --section={defaults}"));
    }
    if section == defaults && !(args.prependarg.is_empty() && args.appendarg.is_empty()) {
        return Err(format!("--prependarg and --appendarg are only valid for --section={aliases}"));
    }
    if section != plugin {
        return match args.command.is_empty() {
            true => Err(format!("--command is required when --section={aliases} or --section={defaults}")),
            false => Ok(()),
        };
    }
    let [all, none, list] = POLICIES;
    match args.policy.as_str() {
        "" => Err(format!("--policy is required when --section={plugin}")),
        policy if policy == list && args.allowlist_entry.is_empty() => {
            Err(format!("--allowlist-entry is required when --section={plugin} and --policy={list}"))
        }
        policy if policy == list => Ok(()),
        policy if policy != all && policy != none => {
            Err(format!(" --policy must be  {all:?}, {none:?}, or {list:?}, got: {policy}"))
        }
        _ if !args.allowlist_entry.is_empty() => {
            Err(format!("--allowlist-entry may only be used when --section={plugin} and --policy={list}"))
        }
        _ => Ok(()),
    }
}

fn options(args: &SetArgs) -> Result<Vec<Value>, String> {
    let parse = |text: &String| match text.split_once('=') {
        Some((name, value)) => Ok(option(name.trim_start_matches('-'), value)),
        None => Err(format!("invalid option format {text:?}, expected flag=value")),
    };
    args.option.iter().map(parse).collect()
}

/// The entry of a list whose field says so.
fn entry<'a>(tree: &'a mut Value, list: &str, field: &str, text: &str) -> Option<&'a mut Value> {
    tree[list].as_array_mut()?.iter_mut().find(|entry| entry[field] == text)
}

fn push(tree: &mut Value, list: &str, entry: Value) {
    match tree[list].as_array_mut() {
        Some(entries) => entries.push(entry),
        None => tree[list] = json!([entry]),
    }
}

fn set_defaults(tree: &mut Value, args: &SetArgs, options: Vec<Value>) -> Result<(), Failure> {
    let command = &args.command;
    match entry(tree, "defaults", "command", command) {
        Some(_) if !args.overwrite => {
            let text = format!("defaults for command {command:?} already exist, use --overwrite to replace");
            Err(Failure::error(text))
        }
        Some(known) => {
            if !options.is_empty() {
                known["options"] = json!(options);
            }
            Ok(())
        }
        None => {
            let options = if options.is_empty() { Value::Null } else { json!(options) };
            push(tree, "defaults", json!({"command": command, "options": options}));
            Ok(())
        }
    }
}

fn set_alias(tree: &mut Value, args: &SetArgs, options: Vec<Value>) -> Result<(), Failure> {
    let known = entry(tree, "aliases", "name", &args.name);
    if known.is_some() && !args.overwrite {
        return Err(Failure::error(format!("alias {:?} already exists, use --overwrite to replace", args.name)));
    }
    let mut alias = json!({"name": args.name, "command": args.command});
    let lists =
        [("prependArgs", json!(args.prependarg)), ("appendArgs", json!(args.appendarg)), ("options", json!(options))];
    for (field, list) in lists {
        let old = known.as_ref().map(|known| known[field].clone()).unwrap_or_default();
        let is_given = list.as_array().is_some_and(|list| !list.is_empty());
        let list = if is_given { list } else { old };
        if !list.is_null() {
            alias[field] = list;
        }
    }
    match known {
        Some(known) => *known = alias,
        None => push(tree, "aliases", alias),
    }
    Ok(())
}

fn set_policy(tree: &mut Value, args: &SetArgs) -> Result<(), Failure> {
    if args.policy == "Allowlist" {
        let (mut entries, mut faults) = (Vec::new(), Vec::new());
        for pair in args.allowlist_entry.iter().flat_map(|pairs| pairs.split(',')) {
            match pair.split_once('=') {
                None => faults.push(format!("improperly formatted allowlist entry: {pair:?}")),
                Some(("name", _)) => {
                    faults.push("allowlist entry field \"name\" is deprecated, use \"command\" instead".to_string());
                }
                Some(("command", value)) if value.trim().is_empty() => {
                    faults.push("empty value in allowlist entry for field \"command\"".to_string());
                }
                Some(("command", value)) => entries.push(json!({"command": value})),
                Some((field, _)) => faults.push(format!("unrecognized allowlist entry field: {field:?}")),
            }
        }
        match faults.as_slice() {
            [] => tree["credentialPluginAllowlist"] = json!(entries),
            [one] => return Err(Failure::error(one.clone())),
            several => return Err(Failure::raw(several.join("\n"))),
        }
    }
    tree["credentialPluginPolicy"] = json!(args.policy);
    Ok(())
}
