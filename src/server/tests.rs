//! A kind that the cluster was taught is answered as the others are.

use serde_json::{Value, json};

use super::{Reply, Response, Server, tree_of};
use crate::api::kind::{KindInfo, Scope};
use crate::api::request::{
    Accept, By, FieldValidation, Form, ListOptions, PatchOptions, PatchType, Request, Resource, Target, Verb,
    WriteOptions,
};
use crate::api::schema;
use crate::api::user::User;
use crate::api::{Kind, ObjectKey, Time};
use crate::printers::explain::{Subject, render};
use crate::sim::{ClockMode, Cluster, Config};

const SCHEMA: &str = r#"{"description": "CronTab runs a command now and then.", "type": "object", "properties": {
    "spec": {"type": "object", "description": "What to run.", "properties": {
        "cronSpec": {"type": "string", "description": "When."},
        "replicas": {"type": "integer"},
        "steps": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
            "items": {"type": "object", "properties": {"name": {"type": "string"}, "image": {"type": "string"}}}}}}}}"#;

fn cron_tab() -> Kind {
    Kind::intern(KindInfo {
        name: "CronTab",
        group: "stable.example.com",
        version: "v1",
        plural: "crontabs",
        short_names: &["ct"],
        scope: Scope::Namespaced,
        categories: &[],
        schema: SCHEMA,
    })
}

fn server() -> Server {
    let config = Config { clock: ClockMode::Manual, ..Config::default() };
    let mut server = Server::over(Cluster::new_in_memory(config, Time::default()).unwrap());
    server.begin(true, Time::default()).unwrap();
    server
}

fn ask(server: &mut Server, verb: Verb, name: &str, form: Form) -> Response {
    let key = ObjectKey::new(cron_tab(), "default", name);
    server.handle(&Request {
        by: By::client(User::admin("test"), "test"),
        impersonate: None,
        verb,
        target: Target::Resource(Resource::object(&key)),
        accept: Accept { form, managed_fields: true },
    })
}

fn tree(response: Response) -> Value {
    match response.outcome.unwrap() {
        Reply::Object(object) => tree_of(&object),
        reply => panic!("{reply:?}"),
    }
}

fn manifest(spec: Value) -> Value {
    json!({"apiVersion": "stable.example.com/v1", "kind": "CronTab", "metadata": {"name": "c"}, "spec": spec})
}

#[test]
fn a_taught_kind_is_decoded_strictly_patched_applied_and_shown() {
    let mut server = server();
    let strict = WriteOptions { field_validation: FieldValidation::Strict, ..WriteOptions::default() };
    let odd = manifest(json!({"cronSpec": "* * * * *", "replica": 1}));
    let refused = ask(&mut server, Verb::Create(strict, odd.clone()), "", Form::Object).outcome.unwrap_err();
    assert!(refused.message.contains(r#"unknown field "spec.replica""#), "{refused}");
    let created = ask(&mut server, Verb::Create(WriteOptions::default(), odd), "", Form::Object);
    assert_eq!(created.warnings, [r#"unknown field "spec.replica""#]);
    assert_eq!(tree(created)["spec"], json!({"cronSpec": "* * * * *"}));

    let merge = Verb::Patch(PatchOptions::default(), PatchType::Merge, r#"{"spec":{"replicas":2}}"#.into());
    let patched = tree(ask(&mut server, merge, "c", Form::Object));
    assert_eq!((&patched["spec"]["replicas"], &patched["metadata"]["generation"]), (&json!(2), &json!(2)));

    // Each applier owns its own item of a list that is a map.
    let apply = |server: &mut Server, manager: &str, step: &str| {
        let write = WriteOptions { field_manager: manager.into(), ..WriteOptions::default() };
        let body = manifest(json!({"steps": [{"name": step, "image": "busybox"}]})).to_string();
        tree(ask(server, Verb::Patch(PatchOptions { write, force: false }, PatchType::Apply, body), "c", Form::Object))
    };
    apply(&mut server, "one", "a");
    let applied = apply(&mut server, "two", "b");
    let steps = json!([{"name": "a", "image": "busybox"}, {"name": "b", "image": "busybox"}]);
    assert_eq!(applied["spec"]["steps"], steps);

    let table = ask(&mut server, Verb::List(ListOptions::default()), "", Form::Table).outcome.unwrap();
    let Reply::Table(table) = table else { panic!("no table") };
    assert_eq!(table.columns.iter().map(|c| c.name).collect::<Vec<_>>(), ["NAME", "AGE"]);
    assert_eq!(table.rows[0].cells[0], "c");

    let options = ListOptions { field_selector: "metadata.name=other".into(), ..ListOptions::default() };
    let Reply::List(list) = ask(&mut server, Verb::List(options), "", Form::Object).outcome.unwrap() else { panic!() };
    assert!(list.items.is_empty());
    assert!(ask(&mut server, Verb::Delete(Default::default()), "c", Form::Object).outcome.is_ok());
    assert!(ask(&mut server, Verb::Get, "c", Form::Object).outcome.is_err());
}

#[test]
fn a_taught_kind_is_explained_from_its_schema() {
    let def = schema::of(cron_tab());
    let subject = Subject { def, kind: "CronTab", api_version: "stable.example.com/v1" };
    let text = render(&subject, &["spec"], false).map_err(|e| e.message).unwrap();
    insta::assert_snapshot!(text, @"
    GROUP:      stable.example.com
    KIND:       CronTab
    VERSION:    v1

    FIELD: spec <Object>


    DESCRIPTION:
        What to run.
        
    FIELDS:
      cronSpec	<string>
        When.

      replicas	<integer>
        <no description>

      steps	<[]Object>
        <no description>
    ");
}
