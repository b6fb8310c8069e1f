//! `create role` and `create clusterrole`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::api::Kind;
use crate::error::Failure;
use crate::kubectl::builder::mapper::{find_kind, no_such_type};
use crate::kubectl::session::Session;
use crate::kubectl::verbs::create::generator::Common;
use crate::server::served::{Served, Serving};

/// Create a role with single rule.
#[derive(Debug, Clone, clap::Args)]
pub struct Role {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    rule: RuleArgs,
}

/// Create a cluster role.
#[derive(Debug, Clone, clap::Args)]
pub struct ClusterRole {
    #[command(flatten)]
    common: Common,
    /// An aggregation label selector for combining ClusterRoles
    #[arg(long, value_delimiter = ',', value_parser = label_pair)]
    aggregation_rule: Vec<(String, String)>,
    /// A partial url that user should have access to
    #[arg(long, value_delimiter = ',')]
    non_resource_url: Vec<String>,
    #[command(flatten)]
    rule: RuleArgs,
}

#[derive(Debug, Clone, clap::Args)]
struct RuleArgs {
    /// Resource that the rule applies to
    #[arg(long, value_delimiter = ',')]
    resource: Vec<String>,
    /// Resource in the white list that the rule applies to, repeat this flag for multiple items
    #[arg(long)]
    resource_name: Vec<String>,
    /// Verb that applies to the resources contained in the rule
    #[arg(long, value_delimiter = ',')]
    verb: Vec<String>,
}

const RESOURCE_VERBS: [&str; 14] = [
    "*",
    "get",
    "delete",
    "list",
    "create",
    "update",
    "patch",
    "watch",
    "proxy",
    "deletecollection",
    "use",
    "bind",
    "escalate",
    "impersonate",
];

const NON_RESOURCE_VERBS: [&str; 8] = ["*", "get", "post", "put", "delete", "patch", "head", "options"];

/// Verbs that make sense for some resources only, as `(verb, group, resource)`.
const SPECIAL_VERBS: [(&str, &str, &str); 10] = [
    ("use", "policy", "podsecuritypolicies"),
    ("use", "extensions", "podsecuritypolicies"),
    ("bind", "rbac.authorization.k8s.io", "roles"),
    ("bind", "rbac.authorization.k8s.io", "clusterroles"),
    ("escalate", "rbac.authorization.k8s.io", "roles"),
    ("escalate", "rbac.authorization.k8s.io", "clusterroles"),
    ("impersonate", "", "users"),
    ("impersonate", "", "serviceaccounts"),
    ("impersonate", "", "groups"),
    ("impersonate", "authentication.k8s.io", "userextras"),
];

/// A resource as `--resource` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Resource {
    group: String,
    name: String,
    sub_resource: String,
}

/// What the flags say, once each.
struct Rule {
    verbs: Vec<String>,
    resources: Vec<Resource>,
    names: Vec<String>,
}

/// Runs `create role`.
///
/// # Errors
/// kubectl's texts.
pub fn role(args: &Role, session: &mut Session<'_>) -> Result<(), Failure> {
    let generator = args.common.start("create role", session)?;
    generator.require_name()?;
    let rule = Rule::read(&args.rule);
    if rule.verbs.is_empty() {
        return Err(Failure::error("at least one verb must be specified"));
    }
    rule.warn_of_verbs(session);
    if rule.resources.is_empty() {
        return Err(Failure::error("at least one resource must be specified"));
    }
    rule.check_resources(&session.client.serving())?;
    generator.finish(session, Kind::Role, json!({"rules": rule.to_rules(&[], &session.client.serving())}), None)
}

/// Runs `create clusterrole`.
///
/// # Errors
/// kubectl's texts.
pub fn cluster_role(args: &ClusterRole, session: &mut Session<'_>) -> Result<(), Failure> {
    let generator = args.common.start("create clusterrole", session)?;
    generator.require_name()?;
    let rule = Rule::read(&args.rule);
    let urls = once(&args.non_resource_url);
    if !args.aggregation_rule.is_empty() {
        let mut labels = json!({});
        for (key, value) in &args.aggregation_rule {
            labels[key] = json!(value);
        }
        if !(urls.is_empty() && rule.verbs.is_empty() && rule.resources.is_empty() && rule.names.is_empty()) {
            return Err(Failure::error(
                "aggregation rule must be specified without nonResourceURLs, verbs, resources or resourceNames",
            ));
        }
        let tree = json!({"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": labels}]}});
        return generator.finish(session, Kind::ClusterRole, tree, None);
    }
    if rule.verbs.is_empty() {
        return Err(Failure::error("at least one verb must be specified"));
    }
    if rule.resources.is_empty() && urls.is_empty() {
        return Err(Failure::error("one of resource or nonResourceURL must be specified"));
    }
    if !rule.resources.is_empty() {
        rule.warn_of_verbs(session);
        rule.check_resources(&session.client.serving())?;
    }
    check_urls(&urls, &rule.verbs).map_err(Failure::error)?;
    generator.finish(
        session,
        Kind::ClusterRole,
        json!({"rules": rule.to_rules(&urls, &session.client.serving())}),
        None,
    )
}

/// Reads `key=value`; mirrors `MapStringString.Set` of `k8s.io/component-base/cli/flag`.
fn label_pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').map(|(key, value)| (key.trim().to_string(), value.trim().to_string()));
    pair.ok_or_else(|| "malformed pair, expect string=string".to_string())
}

fn check_urls(urls: &[String], verbs: &[String]) -> Result<(), String> {
    if let Some(verb) = verbs.iter().find(|v| !urls.is_empty() && !NON_RESOURCE_VERBS.contains(&v.as_str())) {
        return Err(format!("invalid verb: '{verb}' for nonResourceURL"));
    }
    for url in urls.iter().filter(|u| *u != "*") {
        if !url.starts_with('/') {
            return Err("nonResourceURL should start with /".into());
        }
        if url.strip_suffix('*').unwrap_or(url).contains('*') {
            return Err("nonResourceURL only supports wildcard matches when '*' is at the end".into());
        }
    }
    Ok(())
}

fn once(all: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for one in all {
        if !kept.contains(one) {
            kept.push(one.clone());
        }
    }
    kept
}

impl Resource {
    /// Reads `resource[.group][/subresource]`.
    fn read(text: &str) -> Resource {
        let (main, sub_resource) = text.split_once('/').unwrap_or((text, ""));
        let (name, group) = main.split_once('.').unwrap_or((main, ""));
        Resource { group: group.into(), name: name.into(), sub_resource: sub_resource.into() }
    }

    fn served(&self, serving: &Serving) -> Option<Served> {
        match self.group.as_str() {
            "" => find_kind(serving, &self.name),
            // What stands behind the first dot is a group, and no version of one.
            group => find_kind(serving, &format!("{}.{group}", self.name)).filter(|s| s.group.starts_with(group)),
        }
    }

    /// Group and plural as the server has them, or as they were written.
    fn resolved(&self, serving: &Serving) -> (String, String) {
        let as_written = || (self.group.clone(), self.name.clone());
        self.served(serving).map_or_else(as_written, |served| (served.group.into(), served.plural.into()))
    }
}

impl Rule {
    fn read(args: &RuleArgs) -> Rule {
        let all_verbs = args.verb.iter().any(|v| v == "*");
        let verbs = if all_verbs { vec!["*".to_string()] } else { once(&args.verb) };
        let mut resources = Vec::new();
        for text in &args.resource {
            let resource = Resource::read(text);
            // All of everything: what else was named no longer counts.
            if text == "*" {
                resources = vec![resource];
                break;
            }
            resources.push(resource);
        }
        Rule { verbs, resources, names: once(&args.resource_name) }
    }

    fn warn_of_verbs(&self, session: &Session<'_>) {
        for verb in self.verbs.iter().filter(|v| !RESOURCE_VERBS.contains(&v.as_str())) {
            session.ui.err(&format!("Warning: '{verb}' is not a standard resource verb\n"));
        }
    }

    fn check_resources(&self, serving: &Serving) -> Result<(), Failure> {
        for resource in &self.resources {
            if resource.name.is_empty() {
                return Err(Failure::error("resource must be specified if apiGroup/subresource specified"));
            }
            if resource.name == "*" {
                return Ok(());
            }
            let (group, name) = resource.resolved(serving);
            let mut known = resource.served(serving).is_some();
            for verb in &self.verbs {
                let mut places = SPECIAL_VERBS.iter().filter(|(v, _, _)| v == verb).peekable();
                if places.peek().is_none() {
                    continue;
                }
                if !places.any(|(_, g, r)| *g == group && *r == name) {
                    return Err(Failure::error(format!("can not perform '{verb}' on '{name}' in group '{group}'")));
                }
                known = true;
            }
            if !known {
                return Err(match group.as_str() {
                    "" => no_such_type(&name),
                    group => {
                        Failure::raw(format!("the server doesn't have a resource type {name:?} in group {group:?}"))
                    }
                });
            }
        }
        Ok(())
    }

    /// A rule for each API group, and one for the URLs.
    fn to_rules(&self, urls: &[String], serving: &Serving) -> Vec<Value> {
        let mut by_group: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for resource in &self.resources {
            let (group, mut name) = resource.resolved(serving);
            if !resource.sub_resource.is_empty() {
                name = format!("{name}/{}", resource.sub_resource);
            }
            let names = by_group.entry(group).or_default();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let rule = |(group, resources): (String, Vec<String>)| json!({"verbs": self.verbs, "resources": resources, "apiGroups": [group], "resourceNames": self.names});
        let mut rules: Vec<Value> = by_group.into_iter().map(rule).collect();
        if !urls.is_empty() {
            rules.push(json!({"verbs": self.verbs, "nonResourceURLs": urls}));
        }
        rules
    }
}

#[cfg(test)]
mod tests {
    use super::{Rule, RuleArgs, Serving, check_urls};

    #[test]
    fn makes_a_rule_for_each_group() {
        let list = |items: &[&str]| items.iter().map(|i| i.to_string()).collect::<Vec<_>>();
        let args = RuleArgs {
            resource: list(&["pods", "rs.apps", "po/status", "pods"]),
            resource_name: list(&["a", "a"]),
            verb: list(&["get", "list", "get"]),
        };
        let rules = serde_json::to_string(&Rule::read(&args).to_rules(&[], &Serving::of_version(36))).unwrap();
        insta::assert_snapshot!(rules, @r#"[{"apiGroups":[""],"resourceNames":["a"],"resources":["pods","pods/status"],"verbs":["get","list"]},{"apiGroups":["apps"],"resourceNames":["a"],"resources":["replicasets"],"verbs":["get","list"]}]"#);
        assert!(check_urls(&list(&["/logs/*", "*"]), &list(&["get"])).is_ok());
        assert_eq!(
            check_urls(&list(&["/a*b"]), &list(&["get"])).unwrap_err(),
            "nonResourceURL only supports wildcard matches when '*' is at the end"
        );
    }
}
