//! What is written out once and told to many: it is the newest, and the same to all.

use serde_json::{Value, json};

use super::client::Served;
use super::{MAPS, map};
use crate::home::Home;

fn without_kind(mut object: Value) -> Value {
    let fields = object.as_object_mut().expect("an object");
    fields.remove("kind");
    fields.remove("apiVersion");
    object
}

#[test]
fn whoever_gets_lists_or_watches_is_told_the_same() {
    let home = Home::manual();
    let served = Served::new(&home);
    let (one, named) = (format!("{MAPS}/a"), "fieldSelector=metadata.name=a");
    assert_eq!(served.post(MAPS, &map("a")).status, 201);
    let revision = served.get(&one).json()["metadata"]["resourceVersion"].as_str().expect("a revision").to_string();
    let watch = format!("{MAPS}?watch=1&timeoutSeconds=20&resourceVersion={revision}");
    let mut watches = [watch.clone(), format!("{watch}&{named}"), format!("{watch}&labelSelector=l")];
    let mut watches = watches.each_mut().map(|target| served.follow(target));
    // The command's write is seen by a server that has told of the object before, and so is who owns what of it.
    home.ok("label configmap a l=1");
    let got = served.get(&one).json();
    assert_eq!(got["metadata"]["labels"], json!({"l": "1"}));
    let owners = |object: &Value| -> Vec<String> {
        let entries = object["metadata"]["managedFields"].as_array().expect("entries");
        entries.iter().map(|e| e["manager"].as_str().expect("a manager").to_string()).collect()
    };
    assert_eq!(owners(&got), ["kubectl-label", "test"]);
    for (watch, what) in watches.iter_mut().zip(["MODIFIED", "MODIFIED", "ADDED"]) {
        let event = watch.next().expect("an event");
        assert_eq!((event["type"].as_str(), &event["object"]), (Some(what), &got));
    }
    let item = || served.get(&format!("{MAPS}?{named}")).json()["items"][0].clone();
    assert_eq!(item(), without_kind(got.clone()));
    assert_eq!(served.get(&one).text(), served.get(&one).text());
    // What leaves a selection is told as it was; others see what it became, under the same revision.
    home.ok("label configmap a l-");
    let got = served.get(&one).json();
    let events = watches.each_mut().map(|watch| watch.next().expect("an event"));
    assert_eq!((events[0]["type"].as_str(), &events[0]["object"]), (Some("MODIFIED"), &got));
    assert_eq!((events[1]["type"].as_str(), &events[1]["object"]), (Some("MODIFIED"), &got));
    assert_eq!(
        (events[2]["type"].as_str(), &events[2]["object"]["metadata"]["labels"]["l"]),
        (Some("DELETED"), &json!("1"))
    );
    assert_eq!(events[2]["object"]["metadata"]["resourceVersion"], got["metadata"]["resourceVersion"]);
    assert_eq!(item(), without_kind(got));
    // What is taken back is a new version.
    home.ok("undo");
    assert_eq!(served.get(&one).json()["metadata"]["labels"], json!({"l": "1"}));
    // A trial leaves nothing behind that anybody is told.
    let patch = [("Content-Type", "application/merge-patch+json")];
    let tried = served.ask("PATCH", &format!("{one}?dryRun=All"), &patch, "{\"data\":{\"k\":\"tried\"}}").json();
    assert_eq!(tried["data"]["k"], "tried");
    let kept = served.ask("PATCH", &one, &patch, "{\"data\":{\"k\":\"kept\"}}").json();
    assert_eq!((kept["data"]["k"].as_str(), &served.get(&one).json()), (Some("kept"), &kept));
}

#[test]
fn a_json_patch_has_its_bounds() {
    let home = Home::manual();
    let served = Served::new(&home);
    assert_eq!(served.post(MAPS, &map("a")).status, 201);
    let patch = |steps: usize| {
        let body = Value::from(vec![json!({"op": "add", "path": "/data/k", "value": "w"}); steps]).to_string();
        served.ask("PATCH", &format!("{MAPS}/a"), &[("Content-Type", "application/json-patch+json")], &body)
    };
    assert_eq!(patch(10_000).json()["data"]["k"], "w");
    let refused = patch(10_001);
    let said = "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001";
    assert_eq!((refused.status, refused.json()["message"].as_str()), (413, Some(said)));
}

#[test]
fn what_is_not_stored_comes_as_tables_too() {
    let home = Home::manual();
    home.ok("create deployment web --image=nginx --replicas=2");
    home.ok("clock settle");
    let served = Served::new(&home);
    let table = |target: &str| {
        let answer =
            served.ask("GET", target, &[("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io")], "").json();
        let columns = answer["columnDefinitions"].as_array().cloned().unwrap_or_default();
        let cells = answer["rows"][0]["cells"].as_array().cloned().unwrap_or_default();
        (columns.iter().map(|c| c["name"].clone()).collect::<Vec<_>>(), cells)
    };
    let (columns, cells) = table("/apis/apps/v1/namespaces/default/deployments/web/scale");
    assert_eq!(
        (json!(columns), &cells[..3]),
        (json!(["Name", "Desired", "Available", "Age"]), &[json!("web"), json!(2), json!(2)][..])
    );
    let (columns, _) = table("/apis/apiregistration.k8s.io/v1/apiservices");
    assert_eq!(json!(columns), json!(["Name", "Service", "Available", "Age"]));
    // Documents keep the order in which Go declares their fields.
    let text = served.get("/apis/apps/v1").text();
    let begins = "{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"groupVersion\":\"apps/v1\",\"resources\":[{\"name\":\"controllerrevisions\",\"singularName\"";
    assert!(text.starts_with(begins), "{text}");
    let types = served.get("/openapi/v3/api/v1").json();
    let quantity = &types["components"]["schemas"]["io.k8s.apimachinery.pkg.api.resource.Quantity"]["description"];
    assert!(quantity.as_str().is_some_and(|text| text.starts_with("Quantity is a fixed-point")), "{quantity}");
}
