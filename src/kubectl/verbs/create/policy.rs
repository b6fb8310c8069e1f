//! `create quota`, `create poddisruptionbudget` and `create priorityclass`.

use serde_json::{Value, json};

use crate::api::Kind;
use crate::api::quantity::Quantity;
use crate::api::selector::{Operator, Selector};
use crate::error::Failure;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::create::generator::Common;

/// Create a resource quota with the specified name, hard limits, and optional scopes.
#[derive(Debug, Clone, clap::Args)]
pub struct Quota {
    #[command(flatten)]
    common: Common,
    /// A comma-delimited set of resource=quantity pairs that define a hard limit
    #[arg(long, default_value = "")]
    hard: String,
    /// A comma-delimited set of quota scopes that must all match each object tracked by the quota
    #[arg(long, default_value = "")]
    scopes: String,
}

/// Create a pod disruption budget with the specified name, selector, and desired minimum available pods.
#[derive(Debug, Clone, clap::Args)]
pub struct PodDisruptionBudget {
    #[command(flatten)]
    common: Common,
    /// The maximum number or percentage of unavailable pods this budget requires
    #[arg(long, default_value = "")]
    max_unavailable: String,
    /// The minimum number or percentage of available pods this budget requires
    #[arg(long, default_value = "")]
    min_available: String,
    /// A label selector to use for this budget
    #[arg(long, default_value = "")]
    selector: String,
}

/// Create a priority class with the specified name, value, globalDefault and description.
#[derive(Debug, Clone, clap::Args)]
pub struct PriorityClass {
    #[command(flatten)]
    common: Common,
    /// When this priority class should be used
    #[arg(long, default_value = "")]
    description: String,
    /// Whether this PriorityClass should be considered as the default priority
    #[arg(long)]
    global_default: bool,
    /// The policy for preempting pods with lower priority
    #[arg(long, default_value = "PreemptLowerPriority")]
    preemption_policy: String,
    /// The value of this priority class
    #[arg(long, default_value = "0")]
    value: i32,
}

/// Runs `create quota`.
///
/// # Errors
/// kubectl's texts.
pub fn quota(args: &Quota, session: &mut Session<'_>) -> Result<(), Failure> {
    let generator = args.common.start("create quota", session)?;
    generator.require_name()?;
    let mut spec = json!({});
    for statement in args.hard.split(',').filter(|_| !args.hard.is_empty()) {
        let parts: Vec<&str> = statement.split('=').collect();
        let [resource, amount] = parts.as_slice() else {
            let text = format!("Invalid argument syntax {statement}, expected <resource>=<value>");
            return Err(Failure::error(text));
        };
        Quantity::parse(amount).map_err(Failure::error)?;
        spec["hard"][resource] = json!(amount);
    }
    if !args.scopes.is_empty() {
        let scopes: Vec<&str> = args.scopes.split(',').collect();
        if scopes.contains(&"") {
            return Err(Failure::error("invalid resource quota scope \"\""));
        }
        spec["scopes"] = json!(scopes);
    }
    generator.finish(session, Kind::ResourceQuota, json!({"spec": spec}), Some("failed to create quota: "))
}

/// Runs `create poddisruptionbudget`.
///
/// # Errors
/// kubectl's texts.
pub fn pod_disruption_budget(args: &PodDisruptionBudget, session: &mut Session<'_>) -> Result<(), Failure> {
    let generator = args.common.start("create poddisruptionbudget", session)?;
    generator.require_name()?;
    let (min, max) = (args.min_available.as_str(), args.max_unavailable.as_str());
    let amount = |text: &str| {
        let digits = text.strip_suffix('%').unwrap_or(text);
        text.is_empty() || (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
    };
    let refusal = match (min, max) {
        _ if args.selector.is_empty() => "a selector must be specified",
        ("", "") => "one of min-available or max-unavailable must be specified",
        (min, max) if !min.is_empty() && !max.is_empty() => {
            "min-available and max-unavailable cannot be both specified"
        }
        (min, _) if !amount(min) => "invalid format specified for min-available",
        (_, max) if !amount(max) => "invalid format specified for max-unavailable",
        _ => "",
    };
    if !refusal.is_empty() {
        return Err(Failure::error(refusal));
    }
    let mut spec = json!({"selector": label_selector(&args.selector).map_err(Failure::error)?});
    if min.is_empty() {
        spec["maxUnavailable"] = int_or_string(max);
    } else {
        spec["minAvailable"] = int_or_string(min);
    }
    let failed = "failed to create poddisruptionbudgets: ";
    generator.finish(session, Kind::PodDisruptionBudget, json!({"spec": spec}), Some(failed))
}

/// Runs `create priorityclass`.
///
/// # Errors
/// kubectl's texts.
pub fn priority_class(args: &PriorityClass, session: &mut Session<'_>) -> Result<(), Failure> {
    let generator = args.common.start("create priorityclass", session)?;
    let tree = json!({
        "value": args.value,
        "globalDefault": args.global_default,
        "description": args.description,
        "preemptionPolicy": args.preemption_policy,
    });
    generator.finish(session, Kind::PriorityClass, tree, Some("failed to create priorityclass: "))
}

/// A number if it is one, else a text. Mirrors `intstr.Parse`.
pub fn int_or_string(text: &str) -> Value {
    text.parse::<i32>().map_or_else(|_| json!(text), |n| json!(n))
}

/// A selector's text as the struct that objects hold. Mirrors `metav1.ParseToLabelSelector`.
///
/// # Errors
/// Go's text for what can't be read or has no place in the struct.
pub fn label_selector(text: &str) -> Result<Value, String> {
    let parsed = Selector::parse(text).map_err(|e| format!("couldn't parse the selector string \"{text}\": {e}"))?;
    let mut selector = json!({});
    let mut expressions = Vec::new();
    for requirement in parsed.requirements() {
        let operator = match requirement.operator {
            Operator::Equals | Operator::DoubleEquals => {
                let [value] = requirement.values.as_slice() else {
                    return Err("equals operator must have exactly one value".into());
                };
                selector["matchLabels"][&requirement.key] = json!(value);
                continue;
            }
            Operator::In => "In",
            Operator::NotIn => "NotIn",
            Operator::Exists => "Exists",
            Operator::DoesNotExist => "DoesNotExist",
            Operator::GreaterThan => return Err("\"gt\" isn't supported in label selectors".into()),
            Operator::LessThan => return Err("\"lt\" isn't supported in label selectors".into()),
            Operator::NotEquals => return Err("\"!=\" is not a valid label selector operator".into()),
        };
        expressions.push(json!({"key": requirement.key, "operator": operator, "values": requirement.values}));
    }
    if !expressions.is_empty() {
        selector["matchExpressions"] = json!(expressions);
    }
    Ok(selector)
}

#[cfg(test)]
mod tests {
    use super::label_selector;

    #[test]
    fn selectors_become_structs() {
        let text = label_selector("app=web,tier in (b,a),!old").unwrap().to_string();
        insta::assert_snapshot!(text, @r#"{"matchExpressions":[{"key":"old","operator":"DoesNotExist","values":[]},{"key":"tier","operator":"In","values":["a","b"]}],"matchLabels":{"app":"web"}}"#);
        assert_eq!(label_selector("a!=b").unwrap_err(), "\"!=\" is not a valid label selector operator");
    }
}
