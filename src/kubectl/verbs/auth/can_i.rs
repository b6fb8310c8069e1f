//! `auth can-i`: whether one may do something, or all that one may do.

use serde_json::json;

use super::rules::{compact_rules, go_text};
use crate::api::Kind;
use crate::api::k8s::api::rbac::v1::PolicyRule;
use crate::error::Failure;
use crate::kinds::shared::access::items;
use crate::kubectl::builder::mapper::find_kind;
use crate::kubectl::session::Session;
use crate::printers::table::{Column, Options, Row, Table, print};
use crate::server::served::Served;

/// Check whether an action is allowed.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
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
    /// If true, prints allowed actions without headers
    #[arg(long)]
    no_headers: bool,
    /// SubResource such as pod/log or deployment/scale
    #[arg(long, default_value = "")]
    subresource: String,
}

/// The verbs that a request for a resource may have.
const RESOURCE_VERBS: [&str; 16] = [
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
    "impersonate",
    "*",
    "approve",
    "sign",
    "escalate",
    "attest",
];

/// The verbs that a request for another path may have.
const URL_VERBS: [&str; 8] = ["get", "put", "post", "head", "options", "delete", "patch", "*"];

/// What rules speak of though no server lists it.
const NON_STANDARD_RESOURCES: [&str; 2] = ["users", "groups"];

const TWO_ARGUMENTS: &str = "you must specify two arguments: verb resource or verb resource/resourceName.\n\
     See 'kubectl auth can-i -h' for help and examples.";

pub(super) fn run(args: &Args, session: &mut Session<'_>) -> Result<(), Failure> {
    if args.list {
        if !args.args.is_empty() {
            return Err(Failure::error("list option must be specified with no arguments"));
        }
        if args.quiet || args.all_namespaces || !args.subresource.is_empty() {
            let text = "list option can't be specified with neither quiet, all-namespaces nor subresource options";
            return Err(Failure::error(text));
        }
        return list(args, session);
    }
    let [verb, what] = args.args.as_slice() else { return Err(Failure::error(TWO_ARGUMENTS)) };
    let spec = match what.starts_with('/') {
        true => json!({"nonResourceAttributes": {"verb": verb, "path": what}}),
        false => resource_attributes(args, verb, what, session),
    };
    if what.starts_with('/') {
        if !args.subresource.is_empty() {
            return Err(Failure::error("--subresource can not be used with NonResourceURL"));
        }
        if !URL_VERBS.contains(&verb.as_str()) {
            warn(session, &format!("verb '{verb}' is not a known verb"));
        }
    }
    if args.no_headers {
        return Err(Failure::error("--no-headers cannot be set without --list specified"));
    }
    let answer = super::review(session, Kind::SelfSubjectAccessReview, spec)?;
    let status = &answer["status"];
    let allowed = status["allowed"].as_bool().unwrap_or(false);
    if !args.quiet {
        let mut text = if allowed { "yes" } else { "no" }.to_string();
        let reasons = ["reason", "evaluationError"].iter().filter_map(|field| status[*field].as_str());
        if !allowed {
            reasons.filter(|r| !r.is_empty()).for_each(|reason| text += &format!(" - {reason}"));
        }
        session.ui.out(&format!("{text}\n"));
    }
    if allowed { Ok(()) } else { Err(Failure::silent(1)) }
}

fn warn(session: &Session<'_>, text: &str) {
    session.ui.err(&format!("Warning: {text}\n\n"));
}

fn resource_attributes(args: &Args, verb: &str, what: &str, session: &Session<'_>) -> serde_json::Value {
    let (resource, name) = what.split_once('/').unwrap_or((what, ""));
    let served = resource_for(resource, session);
    if let Some(served) = &served
        && !args.all_namespaces
        && !served.namespaced
    {
        let plural = served.plural;
        warn(
            session,
            &match served.group {
                "" => format!("resource '{plural}' is not namespace scoped"),
                group => format!("resource '{plural}' is not namespace scoped in group '{group}'"),
            },
        );
    }
    if !args.all_namespaces && !RESOURCE_VERBS.contains(&verb) {
        warn(session, &format!("verb '{verb}' is not a known verb"));
    }
    let (group, plural) = served.map_or(("", resource), |s| (s.group, s.plural));
    json!({"resourceAttributes": {
        "namespace": if args.all_namespaces { "" } else { session.namespace.as_str() },
        "verb": verb,
        "group": group,
        "resource": plural,
        "subresource": args.subresource,
        "name": name,
    }})
}

/// What the server offers under a name; one that it doesn't know is asked about as it is.
fn resource_for(name: &str, session: &Session<'_>) -> Option<Served> {
    if name == "*" {
        return None;
    }
    let found = find_kind(&session.client.serving(), name);
    let lower = name.to_lowercase();
    if found.is_none() && !NON_STANDARD_RESOURCES.contains(&lower.as_str()) {
        let (resource, group) = lower.split_once('.').unwrap_or((&lower, ""));
        warn(
            session,
            &match group {
                "" => format!("the server doesn't have a resource type '{resource}'"),
                group => format!("the server doesn't have a resource type '{resource}' in group '{group}'"),
            },
        );
    }
    found
}

fn list(args: &Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let namespace = session.namespace.clone();
    let answer = super::review(session, Kind::SelfSubjectRulesReview, json!({"namespace": namespace}))?;
    let status = &answer["status"];
    if status["incomplete"].as_bool().unwrap_or(false) {
        let why = status["evaluationError"].as_str().unwrap_or_default();
        session.ui.err(&format!("Warning: the list may be incomplete: {why}\n"));
    }
    let of = |field: &str| status[field].as_array().cloned().unwrap_or_default();
    let all = of("resourceRules").into_iter().chain(of("nonResourceRules"));
    let rules: Vec<PolicyRule> = all.filter_map(|rule| serde_json::from_value(rule).ok()).collect();
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
    let first = (!args.no_headers).then_some(first);
    let rows = first.into_iter().chain(compact.iter().map(row)).collect();
    let table = Table { columns: headings.map(Column::new).to_vec(), rows };
    session.ui.out(&print(&table, &Options { no_headers: true, ..Options::default() }));
    Ok(())
}
