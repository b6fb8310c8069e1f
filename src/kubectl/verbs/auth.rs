//! `auth can-i` and `auth whoami`.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/auth`.

use crate::api::k8s::api::rbac::v1::PolicyRule;
use crate::error::Failure;
use crate::kinds::shared::access::items;
use crate::kubectl::builder::resources::find_kind;
use crate::kubectl::session::Session;
use crate::printers::table::{Column, Options, Row, Table, print};
use crate::server::authorize::{Attributes, allowed, rules_for, rules_of_kubectl};

/// Inspect authorization.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Verb {
    /// Check whether an action is allowed
    CanI {
        /// VERB TYPE, VERB TYPE/NAME or VERB NONRESOURCEURL
        args: Vec<String>,
        /// If true, check the specified action in all namespaces
        #[arg(short = 'A', long)]
        all_namespaces: bool,
        /// If true, suppress output and just return the exit code
        #[arg(short = 'q', long)]
        quiet: bool,
        /// If true, prints all allowed actions
        #[arg(long)]
        list: bool,
        /// SubResource such as pod/log or deployment/scale
        #[arg(long, default_value = "")]
        subresource: String,
    },
    /// Experimental: Check self subject attributes
    Whoami,
}

const KNOWN_VERBS: [&str; 18] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "use",
    "bind",
    "escalate",
    "impersonate",
    "sign",
    "approve",
    "attest",
    "proxy",
    "*",
    "post",
];

/// Runs the verb.
///
/// # Errors
/// kubectl's texts; exit 1 when the answer is no.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    match args.verb {
        Verb::CanI { list: true, args, .. } if !args.is_empty() => {
            Err(Failure::error("list option must be specified with no arguments"))
        }
        Verb::CanI { list: true, .. } => list(session),
        Verb::CanI { args, all_namespaces, quiet, subresource, .. } => {
            can_i(&args, all_namespaces, quiet, &subresource, session)
        }
        Verb::Whoami => {
            let admin = || {
                (format!("admin@{}", session.contexts.current()), "[system:masters system:authenticated]".to_string())
            };
            let (user, groups) = session.user.as_ref().map_or_else(admin, |u| (u.name.clone(), u.groups()));
            let row = |a: &str, b: &str| Row { cells: vec![a.into(), b.into()], ..Row::default() };
            let table = Table {
                columns: ["ATTRIBUTE", "VALUE"].map(Column::new).to_vec(),
                rows: vec![row("Username", &user), row("Groups", &groups)],
            };
            session.ui.out(&print(&table, &Options::default()));
            Ok(())
        }
    }
}

fn can_i(args: &[String], all: bool, quiet: bool, subresource: &str, session: &Session<'_>) -> Result<(), Failure> {
    let [verb, what] = args else {
        return Err(Failure::error(
            "you must specify two arguments: verb resource or verb resource/resourceName.\nSee 'kubectl auth can-i -h' for help and examples.",
        ));
    };
    let warn = |text: String| session.ui.err(&format!("Warning: {text}\n\n"));
    let mut request = Attributes {
        verb: verb.clone(),
        group: String::new(),
        resource: what.clone(),
        namespace: if all { String::new() } else { session.namespace.clone() },
        name: String::new(),
    };
    if !what.starts_with('/') {
        let (resource, name) = what.split_once('/').unwrap_or((what, ""));
        request.name = name.to_string();
        match find_kind(resource) {
            Some(kind) => {
                request.resource = kind.plural().to_string();
                request.group = kind.group().to_string();
                if !kind.is_namespaced() && !all {
                    warn(match kind.group() {
                        "" => format!("resource '{}' is not namespace scoped", kind.plural()),
                        group => format!("resource '{}' is not namespace scoped in group '{group}'", kind.plural()),
                    });
                }
            }
            None if resource == "*" => request.resource = "*".into(),
            None => {
                request.resource = resource.to_string();
                let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
                warn(match group {
                    "" => format!("the server doesn't have a resource type '{resource}'"),
                    group => format!("the server doesn't have a resource type '{resource}' in group '{group}'"),
                });
            }
        }
        if !KNOWN_VERBS.contains(&verb.as_str()) {
            warn(format!("verb '{verb}' is not a known verb"));
        }
    }
    if !subresource.is_empty() {
        request.resource = format!("{}/{subresource}", request.resource);
    }
    let yes = session.user.as_ref().is_none_or(|user| allowed(&session.cluster.view(), user, &request));
    if !quiet {
        session.ui.out(if yes { "yes\n" } else { "no\n" });
    }
    if yes { Ok(()) } else { Err(Failure::silent(1)) }
}

fn list(session: &Session<'_>) -> Result<(), Failure> {
    let rules = match &session.user {
        Some(user) => rules_for(&session.cluster.view(), user, &session.namespace),
        None => rules_of_kubectl(&session.cluster.view(), &session.namespace),
    };
    let mut compact = compact_rules(&rules);
    compact.sort_by_key(go_text);
    let go_list = |list: &[String]| format!("[{}]", list.join(" "));
    let row = |rule: &PolicyRule| {
        let (resources, groups) = (items(&rule.resources), items(&rule.api_groups));
        let resource = match (resources, groups.first().map(String::as_str)) {
            ([], _) => String::new(),
            ([resource, ..], None | Some("")) => resource.clone(),
            ([resource, ..], Some(group)) => format!("{resource}.{group}"),
        };
        let cells = vec![
            resource,
            go_list(items(&rule.non_resource_urls)),
            go_list(items(&rule.resource_names)),
            go_list(&rule.verbs),
        ];
        Row { cells, ..Row::default() }
    };
    // kubectl writes these headings itself, so that they are no capitals.
    let headings = ["Resources", "Non-Resource URLs", "Resource Names", "Verbs"];
    let first = Row { cells: headings.map(String::from).to_vec(), ..Row::default() };
    let rows = std::iter::once(first).chain(compact.iter().map(row)).collect();
    let table = Table { columns: headings.map(Column::new).to_vec(), rows };
    session.ui.out(&print(&table, &Options { no_headers: true, ..Options::default() }));
    Ok(())
}

/// One rule for each resource or path, with all verbs that some rule has for it; a path stands for each of its verbs
/// alone. Mirrors `BreakdownRule` and `CompactRules` of `k8s.io/kubectl/pkg/util/rbac`.
fn compact_rules(rules: &[PolicyRule]) -> Vec<PolicyRule> {
    let mut of_resource: Vec<PolicyRule> = Vec::new();
    let mut of_path = Vec::new();
    for rule in rules {
        let names = items(&rule.resource_names);
        let names = if names.is_empty() { vec![None] } else { names.iter().map(|n| Some(vec![n.clone()])).collect() };
        for (group, resource) in
            items(&rule.api_groups).iter().flat_map(|g| items(&rule.resources).iter().map(move |r| (g, r)))
        {
            for name in &names {
                let single = PolicyRule {
                    api_groups: Some(vec![group.clone()]),
                    resources: Some(vec![resource.clone()]),
                    resource_names: name.clone(),
                    ..Default::default()
                };
                let at = of_resource.iter().position(|r| PolicyRule { verbs: Vec::new(), ..r.clone() } == single);
                let at = at.unwrap_or_else(|| {
                    of_resource.push(single);
                    of_resource.len() - 1
                });
                for verb in &rule.verbs {
                    if !of_resource[at].verbs.contains(verb) {
                        of_resource[at].verbs.push(verb.clone());
                    }
                }
            }
        }
        for url in items(&rule.non_resource_urls) {
            let single = |verb: &String| PolicyRule {
                non_resource_urls: Some(vec![url.clone()]),
                verbs: vec![verb.clone()],
                ..Default::default()
            };
            of_path.extend(rule.verbs.iter().map(single));
        }
    }
    of_path.into_iter().chain(of_resource).collect()
}

/// A rule as Go prints it, by which kubectl sorts.
fn go_text(rule: &PolicyRule) -> String {
    let list = |list: &Option<Vec<String>>| items(list).join(" ");
    format!(
        "&PolicyRule{{Verbs:[{}],APIGroups:[{}],Resources:[{}],ResourceNames:[{}],NonResourceURLs:[{}],}}",
        rule.verbs.join(" "),
        list(&rule.api_groups),
        list(&rule.resources),
        list(&rule.resource_names),
        list(&rule.non_resource_urls)
    )
}
