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
use crate::api::{Kind, Object, ObjectKey, Time};
use crate::printers::explain::{Subject, render};
use crate::registry::Context;
use crate::sim::{ClockMode, Cluster, Config};

const DEFINITION: &str = r#"{"metadata": {"name": "crontabs.stable.example.com"}, "spec": {
    "group": "stable.example.com", "scope": "Namespaced",
    "names": {"plural": "crontabs", "singular": "crontab", "kind": "CronTab", "shortNames": ["ct"]},
    "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
        "description": "CronTab runs a command now and then.", "type": "object", "properties": {
            "spec": {"type": "object", "description": "What to run.", "properties": {
                "cronSpec": {"type": "string", "description": "When."},
                "replicas": {"type": "integer"},
                "steps": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                    "items": {"type": "object", "properties": {
                        "name": {"type": "string"}, "image": {"type": "string"}}}}}}}}}}]}}"#;

fn cron_tab() -> Kind {
    Kind::intern(KindInfo {
        name: "CronTab",
        group: "stable.example.com",
        version: "v1",
        plural: "crontabs",
        singular: "",
        short_names: &["ct"],
        scope: Scope::Namespaced,
        categories: &[],
        definition: DEFINITION,
    })
}

fn server() -> Server {
    let config = Config { clock: ClockMode::Manual, ..Config::default() };
    let mut server = Server::over(Cluster::new_in_memory(config, Time::default()).unwrap());
    let cluster = server.cluster_mut();
    cluster.begin(true, Time::default()).unwrap();
    cron_tab();
    let definition = Object::from_json(Kind::CustomResourceDefinition, DEFINITION).unwrap();
    cluster.registry_mut().create(definition, &Context::new(&By::cluster())).unwrap();
    cluster.settle().unwrap();
    server
}

fn ask(server: &mut Server, verb: Verb, name: &str, form: Form) -> Response {
    let key = ObjectKey::new(cron_tab(), "default", name);
    server.handle(&Request {
        by: By::client(User::admin("test"), "test"),
        impersonate: None,
        verb,
        target: Target::Resource(Resource::object(&key)),
        accept: Accept { form, managed_fields: true, ..Accept::default() },
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

/// What becomes of a configuration that a manager applies to a deployment or its scale.
fn apply(server: &mut Server, part: &str, (write, force): (WriteOptions, bool), body: &str) -> String {
    let key = ObjectKey::new(Kind::Deployment, "default", "web");
    let response = server.handle(&Request {
        by: By::client(User::admin("test"), "test"),
        impersonate: None,
        verb: Verb::Patch(PatchOptions { write, force }, PatchType::Apply, body.into()),
        target: Target::Resource(Resource::object(&key).part(part)),
        accept: Accept::default(),
    });
    let outcome = match response.outcome {
        Ok(Reply::Tree(scale)) => scale["spec"].to_string(),
        Ok(_) => "applied".into(),
        Err(refused) => refused.standard_message(),
    };
    [response.warnings, vec![outcome]].concat().join("\n")
}

fn manager(name: &str, field_validation: FieldValidation) -> WriteOptions {
    WriteOptions { field_manager: name.into(), field_validation, ..WriteOptions::default() }
}

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  replicas: 2
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: nginx}]}}
";

#[test]
fn a_key_that_stands_twice_in_what_is_applied_is_refused_or_told() {
    let mut server = server();
    let mut apply = |validation| apply(&mut server, "", (manager("me", validation), false), DEPLOYMENT);
    insta::assert_snapshot!(apply(FieldValidation::Strict), @r#"
    Error from server (BadRequest): error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:
      line 6: key "replicas" already set in map
    "#);
    insta::assert_snapshot!(apply(FieldValidation::Warn), @r#"
    line 6: key "replicas" already set in map
    applied
    "#);
    insta::assert_snapshot!(apply(FieldValidation::Ignore), @"applied");
}

#[test]
fn a_scale_is_applied_by_who_owns_the_replicas() {
    let mut server = server();
    let mut apply = |part: &str, name: &str, force, body: &str| {
        apply(&mut server, part, (manager(name, FieldValidation::Ignore), force), body)
    };
    let scale =
        |spec: &str| format!("apiVersion: autoscaling/v1\nkind: Scale\nmetadata: {{name: web}}\nspec: {{{spec}}}\n");
    insta::assert_snapshot!(apply("scale", "me", false, &scale("replicas: 4")), @r#"Error from server (NotFound): deployments.apps "web" not found"#);
    apply("", "me", false, DEPLOYMENT);
    insta::assert_snapshot!(apply("scale", "you", false, &scale("replicas: 4")), @r#"Error from server (Conflict): Apply failed with 1 conflict: conflict with "me": .spec.replicas"#);
    insta::assert_snapshot!(apply("scale", "you", true, &scale("replicas: 4")), @r#"{"replicas":4}"#);
    insta::assert_snapshot!(apply("", "me", false, DEPLOYMENT), @r#"Error from server (Conflict): Apply failed with 1 conflict: conflict with "you" with subresource "scale": .spec.replicas"#);
    insta::assert_snapshot!(apply("scale", "you", false, &scale("replicas: -1")), @r#"The Scale "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0"#);
    insta::assert_snapshot!(apply("scale", "you", false, &scale("copies: 1")), @"Error from server: failed to create typed patch object (default/web; autoscaling/v1, Kind=Scale): .spec.copies: field not declared in schema");
    insta::assert_snapshot!(apply("scale", "you", false, DEPLOYMENT), @"Error from server (BadRequest): Incorrect version specified in apply patch. Specified patch version: apps/v1, expected: autoscaling/v1");
    insta::assert_snapshot!(apply("scale", "you", false, &scale("")), @"{}");
}
