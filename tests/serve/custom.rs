//! Custom resources: what a definition says, holds at once, over the wire and for kstate's own kubectl.

use serde_json::{Value, json};

use super::client::Served;
use crate::home::Home;

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const WIDGETS: &str = "/apis/example.com/v1/namespaces/default/widgets";

fn definition(color: &Value) -> Value {
    let schema = json!({"type": "object", "properties": {
        "spec": {"type": "object", "required": ["size"], "properties": {
            "size": {"type": "integer", "minimum": 1},
            "color": color,
            "name": {"type": "string", "pattern": "^[a-z]+$"}}},
        "status": {"type": "object", "properties": {
            "size": {"type": "integer"},
            "conditions": {"type": "array", "items": {"type": "object", "properties": {
                "type": {"type": "string"}, "status": {"type": "string"}}}}}}}});
    let version = |name: &str, storage: bool| {
        json!({"name": name, "served": true, "storage": storage, "schema": {"openAPIV3Schema": schema},
            "subresources": {"status": {}, "scale": {
                "specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"}},
            "additionalPrinterColumns": [
                {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
                {"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"}]})
    };
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "shortNames": ["wd"]},
            "versions": [version("v1beta1", false), version("v1", true)]}})
}

fn widget(version: &str, name: &str, spec: &Value) -> String {
    json!({"apiVersion": format!("example.com/{version}"), "kind": "Widget", "metadata": {"name": name}, "spec": spec})
        .to_string()
}

#[test]
fn what_a_definition_says_holds() {
    let home = Home::manual();
    let served = Served::new(&home);
    let red = json!({"type": "string", "enum": ["red", "blue"], "default": "red"});
    let misnamed = definition(&red).to_string().replace("widgets.example.com", "things.example.com");
    assert_eq!(served.post(DEFINITIONS, &misnamed).status, 422);
    assert_eq!(served.get(WIDGETS).status, 404);
    assert_eq!(served.post(DEFINITIONS, &definition(&red).to_string()).status, 201);
    home.ok("clock settle");
    let made = served.post(WIDGETS, &widget("v1", "a", &json!({"size": 2, "nosuch": 1}))).json();
    assert_eq!(made["spec"], json!({"size": 2, "color": "red"}), "{made}");
    let faults = [
        (json!({}), "spec.size: Required value"),
        (json!({"size": 0}), "should be greater than or equal to 1"),
        (json!({"size": 1, "color": "green"}), "Unsupported value: \"green\""),
        (json!({"size": 1, "name": "A"}), "should match '^[a-z]+$'"),
    ];
    for (spec, said) in faults {
        let refused = served.post(WIDGETS, &widget("v1", "b", &spec));
        assert!(
            refused.status == 422 && refused.text().contains(said.replace('"', "\\\"").as_str()),
            "{}",
            refused.text()
        );
    }
    // Every version that is served, its parts, its columns and its schema.
    let older = WIDGETS.replace("v1", "v1beta1");
    assert_eq!(served.get(&format!("{older}/a")).json()["apiVersion"], "example.com/v1beta1");
    assert_eq!(served.post(&older, &widget("v1beta1", "old", &json!({"size": 1}))).status, 201);
    let status =
        json!({"status": {"conditions": [{"type": "Other", "status": "x"}, {"type": "Ready", "status": "True"}]}});
    let merge = [("Content-Type", "application/merge-patch+json")];
    served.ask("PATCH", &format!("{WIDGETS}/a/status"), &merge, &status.to_string());
    let scale = served.ask("PATCH", &format!("{WIDGETS}/a/scale"), &merge, "{\"spec\": {\"replicas\": 5}}").json();
    assert_eq!((scale["kind"].as_str(), scale["spec"]["replicas"].as_i64()), (Some("Scale"), Some(5)));
    let table = served.ask("GET", WIDGETS, &[("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io")], "").json();
    assert_eq!(table["rows"][0]["cells"], json!(["a", 5, "True"]), "{table}");
    let group = served.get("/apis/example.com").json();
    assert_eq!(group["preferredVersion"]["version"], "v1");
    let schema = served.get("/openapi/v3/apis/example.com/v1").json();
    assert!(schema["components"]["schemas"]["com.example.v1.Widget"].is_object());
    // kstate's own kubectl knows it, too.
    assert!(home.ok("get wd a").contains("5"));
    assert!(home.ok("explain widget.spec.size").contains("<integer>"));
    // A definition that changes holds from then on, for what is there as well.
    let blue = json!({"type": "string", "default": "blue"});
    let changed = json!({"spec": {"versions": definition(&blue)["spec"]["versions"]}}).to_string();
    assert_eq!(served.ask("PATCH", &format!("{DEFINITIONS}/widgets.example.com"), &merge, &changed).status, 200);
    assert_eq!(served.post(WIDGETS, &widget("v1", "c", &json!({"size": 1}))).json()["spec"]["color"], "blue");
    assert_eq!(served.get(WIDGETS).json()["items"].as_array().map(Vec::len), Some(3));
    assert!(home.ok("get widgets").contains("old"));
    // It takes its objects along.
    served.ask("DELETE", &format!("{DEFINITIONS}/widgets.example.com"), &[], "");
    home.ok("clock settle");
    assert_eq!(served.get(WIDGETS).status, 404);
}
