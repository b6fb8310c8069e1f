//! `autoscaling/v1`, which knows no metric but the CPU's utilization and keeps the rest in annotations.
//!
//! Mirrors `pkg/apis/autoscaling/v1/conversion.go`.

use serde_json::{Map, Value, json};

const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const CURRENT_METRICS: &str = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";

/// The utilization, in percent, that an autoscaler of the first version aims at when it names no metric.
const DEFAULT_CPU_UTILIZATION: i64 = 80;

/// A metric's fields in the order of the first version's struct: their names there, and where the second has them.
type Fields = &'static [(&'static str, &'static str)];

/// What a metric asks for: its type, the field that holds it, and that one's fields.
const SOURCES: [(&str, &str, Fields); 5] = [
    (
        "Object",
        "object",
        &[
            ("target", "/describedObject"),
            ("metricName", "/metric/name"),
            ("targetValue", "/target/value"),
            ("selector", "/metric/selector"),
            ("averageValue", "/target/averageValue"),
        ],
    ),
    (
        "Pods",
        "pods",
        &[
            ("metricName", "/metric/name"),
            ("targetAverageValue", "/target/averageValue"),
            ("selector", "/metric/selector"),
        ],
    ),
    (
        "Resource",
        "resource",
        &[
            ("name", "/name"),
            ("targetAverageUtilization", "/target/averageUtilization"),
            ("targetAverageValue", "/target/averageValue"),
        ],
    ),
    (
        "ContainerResource",
        "containerResource",
        &[
            ("name", "/name"),
            ("targetAverageUtilization", "/target/averageUtilization"),
            ("targetAverageValue", "/target/averageValue"),
            ("container", "/container"),
        ],
    ),
    (
        "External",
        "external",
        &[
            ("metricName", "/metric/name"),
            ("metricSelector", "/metric/selector"),
            ("targetValue", "/target/value"),
            ("targetAverageValue", "/target/averageValue"),
        ],
    ),
];

/// An autoscaler of the first version, in Go's normal form, as the second has it.
pub(super) fn to_stored(mut tree: Value) -> Value {
    let mut kept = take_annotations(&mut tree);
    let mut annotation = |name: &str| kept.remove(name).and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let mut metrics: Vec<Value> = list(annotation(METRICS)).iter().map(|m| from_flat(m, "target")).collect();
    if let Some(percent) = take(&mut tree, "spec", "targetCPUUtilizationPercentage") {
        metrics.push(cpu_metric("target", percent));
    }
    if metrics.is_empty() {
        metrics.push(cpu_metric("target", DEFAULT_CPU_UTILIZATION.into()));
    }
    tree["spec"]["metrics"] = Value::Array(metrics);
    if let Some(behavior) = annotation(BEHAVIOR) {
        tree["spec"]["behavior"] = rename_keys(&behavior, |key| with_first(key, char::to_ascii_lowercase));
    }
    let percent = take(&mut tree, "status", "currentCPUUtilizationPercentage");
    let current = list(annotation(CURRENT_METRICS));
    if !current.is_empty() {
        tree["status"]["currentMetrics"] = current.iter().map(|m| from_flat(m, "current")).collect();
    } else if let Some(percent) = percent {
        tree["status"]["currentMetrics"] = Value::Array(vec![cpu_metric("current", percent)]);
    }
    if let Some(conditions) = annotation(CONDITIONS) {
        tree["status"]["conditions"] = conditions;
    }
    tree
}

/// An autoscaler of the second version, as the first has it.
pub(super) fn from_stored(mut tree: Value) -> Value {
    take_annotations(&mut tree);
    let mut kept: Vec<(&str, String)> = Vec::new();
    let metrics = list(take(&mut tree, "spec", "metrics"));
    if let Some(percent) = metrics.iter().find_map(cpu_utilization) {
        tree["spec"]["targetCPUUtilizationPercentage"] = percent;
    }
    let others: Vec<String> =
        metrics.iter().filter(|m| cpu_utilization(m).is_none()).map(|m| to_flat(m, "target")).collect();
    if !others.is_empty() {
        kept.push((METRICS, format!("[{}]", others.join(","))));
    }
    let current = list(take(&mut tree, "status", "currentMetrics"));
    if let Some(percent) = current.iter().find_map(|m| m.pointer("/resource/current/averageUtilization")) {
        tree["status"]["currentCPUUtilizationPercentage"] = percent.clone();
    }
    if !current.is_empty() {
        let current: Vec<String> = current.iter().map(|m| to_flat(m, "current")).collect();
        kept.push((CURRENT_METRICS, format!("[{}]", current.join(","))));
    }
    if let Some(behavior) = take(&mut tree, "spec", "behavior") {
        kept.push((BEHAVIOR, behavior_text(&behavior)));
    }
    let conditions = list(take(&mut tree, "status", "conditions"));
    if !conditions.is_empty() {
        let order = ["type", "status", "lastTransitionTime", "reason", "message"];
        let conditions: Vec<String> = conditions.iter().map(|c| in_order(c, &order)).collect();
        kept.push((CONDITIONS, format!("[{}]", conditions.join(","))));
    }
    for (name, text) in kept {
        tree["metadata"]["annotations"][name] = text.into();
    }
    tree
}

fn list(value: Option<Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

fn take(tree: &mut Value, part: &str, field: &str) -> Option<Value> {
    tree.get_mut(part)?.as_object_mut()?.remove(field)
}

/// Takes the annotations out in which the first version keeps what it has no fields for.
fn take_annotations(tree: &mut Value) -> std::collections::BTreeMap<String, String> {
    let mut taken = std::collections::BTreeMap::new();
    let Some(Value::Object(annotations)) = tree.pointer_mut("/metadata/annotations") else { return taken };
    for name in [METRICS, CURRENT_METRICS, CONDITIONS, BEHAVIOR] {
        if let Some(Value::String(text)) = annotations.remove(name) {
            taken.insert(name.to_string(), text);
        }
    }
    taken
}

fn cpu_metric(side: &str, percent: Value) -> Value {
    let value = match side {
        "target" => json!({"type": "Utilization", "averageUtilization": percent}),
        _ => json!({"averageUtilization": percent}),
    };
    json!({"type": "Resource", "resource": {"name": "cpu", side: value}})
}

fn cpu_utilization(metric: &Value) -> Option<Value> {
    let resource = metric.get("resource").filter(|r| r["name"] == "cpu" && metric["type"] == "Resource")?;
    resource.pointer("/target/averageUtilization").cloned()
}

/// The name of a field on the side of the status, where the source says `target`.
fn on_side(name: &str, side: &str) -> String {
    match name {
        // The object that a metric is of has that name on both sides.
        "target" => name.to_string(),
        name => name.replace("target", side),
    }
}

/// A metric of the first version as the second has it; `side` is `target` or `current`.
fn from_flat(flat: &Value, side: &str) -> Value {
    let mut metric = json!({"type": flat["type"].clone()});
    for (kind, key, fields) in SOURCES {
        let Some(source) = flat.get(key) else { continue };
        let mut nested = Value::Object(Map::new());
        for (name, place) in fields {
            let Some(value) = source.get(on_side(name, side)) else { continue };
            let mut here = &mut nested;
            for part in place.replace("/target/", &format!("/{side}/")).split('/').skip(1) {
                here = &mut here[part];
            }
            *here = value.clone();
        }
        if side == "target" {
            let target = &mut nested["target"];
            let form = match (kind, target.get("averageUtilization"), target.get("averageValue")) {
                ("Resource" | "ContainerResource", Some(_), _) => "Utilization",
                ("External", ..) if target.get("value").is_some() => "Value",
                ("Object", _, None) => "Value",
                _ => "AverageValue",
            };
            target["type"] = form.into();
        }
        metric[key] = nested;
    }
    metric
}

/// A metric as the first version writes it into an annotation.
fn to_flat(metric: &Value, side: &str) -> String {
    let mut parts = vec![format!("\"type\":{}", text_of(&metric["type"]))];
    for (kind, key, fields) in SOURCES {
        let Some(source) = metric.get(key) else { continue };
        let mut inner = Vec::new();
        for (name, place) in fields {
            let value = source.pointer(&place.replace("/target/", &format!("/{side}/")));
            // What the first version holds by value is printed even when it is not set.
            let always = matches!(
                (kind, *name, side),
                ("Object", "targetValue", _)
                    | ("Pods", "targetAverageValue", _)
                    | ("External", "targetValue", "current")
            ) || (side == "current" && kind.ends_with("Resource") && *name == "targetAverageValue");
            let text = match value {
                Some(value) if *name == "target" => in_order(value, &["kind", "name", "apiVersion"]),
                Some(value) => text_of(value),
                None if always => "\"0\"".to_string(),
                None => continue,
            };
            inner.push(format!("\"{}\":{text}", on_side(name, side)));
        }
        parts.push(format!("\"{key}\":{{{}}}", inner.join(",")));
    }
    format!("{{{}}}", parts.join(","))
}

/// The behavior under the names of the server's internal struct, as the annotation has it.
fn behavior_text(behavior: &Value) -> String {
    let rules = |side: &str| -> String {
        let Some(rules) = behavior.get(side) else { return "null".to_string() };
        let policies: Vec<String> = list(rules.get("policies").cloned())
            .iter()
            .map(|p| {
                in_order(
                    &rename_keys(p, |k| with_first(k, char::to_ascii_uppercase)),
                    &["Type", "Value", "PeriodSeconds"],
                )
            })
            .collect();
        let policies = if policies.is_empty() { "null".to_string() } else { format!("[{}]", policies.join(",")) };
        let value = |name: &str| rules.get(name).map_or("null".to_string(), text_of);
        format!(
            "{{\"StabilizationWindowSeconds\":{},\"SelectPolicy\":{},\"Policies\":{policies},\"Tolerance\":{}}}",
            value("stabilizationWindowSeconds"),
            value("selectPolicy"),
            value("tolerance")
        )
    };
    format!("{{\"ScaleUp\":{},\"ScaleDown\":{}}}", rules("scaleUp"), rules("scaleDown"))
}

fn with_first(key: &str, change: fn(&char) -> char) -> String {
    let mut chars = key.chars();
    chars.next().map(|c| change(&c)).into_iter().chain(chars).collect()
}

/// Renames the keys of objects, at every depth; nulls go.
fn rename_keys(value: &Value, rename: fn(&str) -> String) -> Value {
    match value {
        Value::Object(map) => {
            map.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (rename(k), rename_keys(v, rename))).collect()
        }
        Value::Array(items) => items.iter().map(|v| rename_keys(v, rename)).collect(),
        other => other.clone(),
    }
}

/// An object's JSON with these keys in this order, as Go writes a struct.
fn in_order(object: &Value, keys: &[&str]) -> String {
    let pairs: Vec<String> = keys.iter().filter_map(|k| Some(format!("\"{k}\":{}", text_of(object.get(k)?)))).collect();
    format!("{{{}}}", pairs.join(","))
}

/// JSON text as Go writes it, with `<`, `>` and `&` escaped.
fn text_of(value: &Value) -> String {
    value.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::api::Kind;
    use crate::manifest::versions::{from_stored, to_stored};

    #[test]
    fn autoscalers_keep_in_annotations_what_the_first_version_has_no_fields_for() {
        let kind = Kind::HorizontalPodAutoscaler;
        let first = json!({"apiVersion": "autoscaling/v1", "metadata": {"name": "a"}, "spec": {"maxReplicas": 10, "targetCPUUtilizationPercentage": 50}});
        let stored = to_stored(kind, "autoscaling/v1", &first);
        insta::assert_snapshot!(stored["spec"], @r#"{"maxReplicas":10,"metrics":[{"resource":{"name":"cpu","target":{"averageUtilization":50,"type":"Utilization"}},"type":"Resource"}]}"#);
        assert_eq!(from_stored(kind, "autoscaling/v1", stored), first);

        let rich = json!({"apiVersion": "autoscaling/v2", "metadata": {"name": "a"}, "spec": {
            "behavior": {"scaleDown": {"policies": [{"type": "Pods", "value": 4, "periodSeconds": 60}]}},
            "metrics": [
                {"type": "Object", "object": {"describedObject": {"kind": "Service", "name": "s"}, "metric": {"name": "hits"}, "target": {"type": "Value", "value": "10k"}}},
                {"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}}},
            ],
        }, "status": {"conditions": [{"message": "ok", "status": "True", "type": "AbleToScale"}]}});
        let first = from_stored(kind, "autoscaling/v1", rich.clone());
        let annotations = first["metadata"]["annotations"].as_object().unwrap();
        let lines: Vec<String> = annotations.values().map(|v| v.as_str().unwrap().to_string()).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        {"ScaleUp":null,"ScaleDown":{"StabilizationWindowSeconds":null,"SelectPolicy":null,"Policies":[{"Type":"Pods","Value":4,"PeriodSeconds":60}],"Tolerance":null}}
        [{"type":"AbleToScale","status":"True","message":"ok"}]
        [{"type":"Object","object":{"target":{"kind":"Service","name":"s"},"metricName":"hits","targetValue":"10k"}},{"type":"Resource","resource":{"name":"memory","targetAverageValue":"1Gi"}}]
        "#);
        let mut back = to_stored(kind, "autoscaling/v1", &first);
        back["metadata"].as_object_mut().unwrap().remove("annotations");
        assert_eq!(back, rich);
    }
}
