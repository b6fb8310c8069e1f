//! Every verb and every subresource of every kind, asked of the server itself.

use std::collections::BTreeSet;

use kstate::api::request::{DeleteOptions, FieldValidation, ListOptions, PatchOptions, PatchType, Verb, WriteOptions};
use kstate::error::Reason;
use kstate::server::served;
use serde_json::{Value, json};

use super::{Api, Ask, admin, asks, is_stored, nobody, objects, within};

fn report(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn every_kind_is_tried() {
    let tried: BTreeSet<&str> = objects().iter().map(|(served, _)| served.kind.name()).collect();
    let all = served::resources(&served::Serving::of_version(36))
        .into_iter()
        .filter(|s| s.preferred && s.verbs.contains(&"create"));
    let missing: Vec<&str> =
        all.map(|s| s.kind.name()).filter(|name| !tried.contains(name) && *name != "Binding").collect();
    assert!(missing.is_empty(), "objects.yaml lacks {missing:?}");
}

#[test]
fn who_has_no_rights_is_refused_and_told_nothing() {
    let mut api = Api::with_everything();
    let mut faults = Vec::new();
    for (served, tree) in objects() {
        for ask in asks(&served, &tree, &api.live(&served, &tree), false) {
            let before = api.revision();
            let response = api.ask(&nobody(), &ask);
            let resource = match ask.resource.subresource.as_str() {
                "" => served.plural.to_string(),
                part => format!("{}/{part}", served.plural),
            };
            let says = format!(
                "User \"nobody\" cannot {} resource \"{resource}\" in API group \"{}\"",
                ask.verb.as_str(),
                served.group
            );
            match &response.outcome {
                Err(refused) if refused.reason == Reason::Forbidden && refused.message.contains(&says) => {}
                other => faults.push(format!("{}: {other:?}", ask.name())),
            }
            if api.revision() != before || !response.warnings.is_empty() {
                faults.push(format!("{} stores or warns: {:?}", ask.name(), response.warnings));
            }
        }
    }
    report(faults);
}

/// The right that a request needs, and no other, is enough for it.
#[test]
fn who_has_just_the_right_is_let_in() {
    let mut api = Api::with_everything();
    let create = |api: &mut Api, kind: &str, tree: Value| {
        let served = served::resources(&served::Serving::of_version(36))
            .into_iter()
            .find(|s| s.kind.name() == kind)
            .expect("a kind");
        let ask = Ask { verb: Verb::Create(WriteOptions::default(), tree), resource: within(&served) };
        let response = api.ask(&admin(), &ask);
        assert!(response.outcome.is_ok(), "{response:?}");
    };
    let mut faults = Vec::new();
    let mut n = 0;
    for (served, tree) in objects() {
        for ask in asks(&served, &tree, &api.live(&served, &tree), true) {
            n += 1;
            let (user, role) = (format!("user-{n}"), format!("role-{n}"));
            let resource = match ask.resource.subresource.as_str() {
                "" => served.plural.to_string(),
                part => format!("{}/{part}", served.plural),
            };
            let rule = |resource, verb| json!({"apiGroups": [served.group], "resources": [resource], "verbs": [verb]});
            let mut rules = vec![rule(resource.as_str(), ask.verb.as_str())];
            if ask.resource.subresource == "approval" {
                rules.push(rule("signers", "approve"));
            }
            // Who writes roles and bindings must also have what they give, or be let give it.
            match served.plural {
                roles @ ("roles" | "clusterroles") => rules.push(rule(roles, "escalate")),
                "rolebindings" | "clusterrolebindings" => {
                    rules.extend(["roles", "clusterroles"].map(|roles| rule(roles, "bind")));
                }
                _ => {}
            }
            create(&mut api, "ClusterRole", json!({"metadata": {"name": role}, "rules": rules}));
            let group = "rbac.authorization.k8s.io";
            let subjects = json!([{"apiGroup": group, "kind": "User", "name": user}]);
            let role_ref = json!({"apiGroup": group, "kind": "ClusterRole", "name": role});
            create(
                &mut api,
                "ClusterRoleBinding",
                json!({"metadata": {"name": role}, "subjects": subjects, "roleRef": role_ref}),
            );
            let user = kstate::api::user::User { name: user, ..Default::default() };
            if let Err(refused) = &api.ask(&user, &ask).outcome
                && refused.reason == Reason::Forbidden
            {
                faults.push(format!("{}: {}", ask.name(), refused.message));
            }
        }
    }
    report(faults);
}

#[test]
fn a_dry_run_goes_all_the_way_and_stores_nothing() {
    let (mut empty, mut full) = (Api::new(), Api::with_everything());
    let mut faults = Vec::new();
    for (served, tree) in objects() {
        for ask in asks(&served, &tree, &full.live(&served, &tree), true) {
            let fresh = matches!(ask.verb, Verb::Create(..)) && ask.resource.subresource.is_empty();
            let api = if fresh && is_stored(served.kind) { &mut empty } else { &mut full };
            let before = (api.revision(), api.0.cluster().store().settings_changed());
            let response = api.ask(&admin(), &ask);
            // Nobody answers behind a proxy.
            if let Err(refused) = &response.outcome
                && !matches!(ask.verb, Verb::Connect(_))
                && ask.resource.subresource != "proxy"
            {
                faults.push(format!("{}: {}", ask.name(), refused.message));
            }
            if (api.revision(), api.0.cluster().store().settings_changed()) != before {
                faults.push(format!("{} is stored", ask.name()));
            }
        }
    }
    report(faults);
}

#[test]
fn what_the_server_finds_odd_is_said() {
    let (mut empty, mut full) = (Api::new(), Api::with_everything());
    let mut faults = Vec::new();
    for (served, mut tree) in objects() {
        tree["nope"] = json!(1);
        let odd = json!({"nope": 1}).to_string();
        let mut live = full.live(&served, &tree);
        live["nope"] = json!(1);
        for ask in asks(&served, &tree, &live, true) {
            let odd_patch = |options: &PatchOptions, form| Verb::Patch(options.clone(), form, odd.clone());
            let verb = match &ask.verb {
                Verb::Patch(options, PatchType::Strategic, _) => odd_patch(options, PatchType::Strategic),
                Verb::Patch(options, PatchType::Merge, _) => odd_patch(options, PatchType::Merge),
                Verb::Create(options, body) | Verb::Update(options, body) if body.get("nope").is_some() => {
                    let options = WriteOptions { field_validation: FieldValidation::Warn, ..options.clone() };
                    match ask.verb {
                        Verb::Create(..) => Verb::Create(options, body.clone()),
                        _ => Verb::Update(options, body.clone()),
                    }
                }
                _ => continue,
            };
            if matches!(ask.resource.subresource.as_str(), "scale" | "proxy") {
                continue;
            }
            let fresh = matches!(verb, Verb::Create(..)) && is_stored(served.kind);
            let api = if fresh { &mut empty } else { &mut full };
            let ask = Ask { verb, ..ask };
            let response = api.ask(&admin(), &ask);
            if !response.warnings.iter().any(|w| w.contains("unknown field \"nope\"")) {
                faults.push(format!("{}: {:?} {:?}", ask.name(), response.warnings, response.outcome.err()));
            }
        }
    }
    report(faults);
}

/// What is not served, or doesn't take the verb, or is of another kind, is refused with its own reason.
#[test]
fn requests_that_make_no_sense_have_each_their_reason() {
    let mut api = Api::with_everything();
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}});
    let resource = |path: &str| kstate::server::request_info::resource(path).expect("a resource");
    let mut said = String::new();
    let write = WriteOptions::default;
    let applied = |version: &str, kind: &str, name: &str| {
        let write = WriteOptions { field_manager: "test".into(), ..WriteOptions::default() };
        let body = json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}}).to_string();
        Verb::Patch(PatchOptions { write, force: false }, PatchType::Apply, body)
    };
    for (verb, path) in [
        (Verb::Get, "/apis/apps/v1/namespaces/default/pods/x"),
        (Verb::Get, "/apis/apps/v9/namespaces/default/deployments/x"),
        (Verb::Get, "/apis/nope.io/v1/things/x"),
        (Verb::Get, "/api/v1/namespaces/default/pods/x/scale"),
        (Verb::Get, "/api/v1/pods/x"),
        (Verb::Update(write(), pod.clone()), "/api/v1/componentstatuses/x"),
        (Verb::Get, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews/x"),
        (Verb::Create(write(), pod.clone()), "/api/v1/namespaces/default/configmaps"),
        (
            Verb::Create(write(), json!({"apiVersion": "v1", "kind": "ConfigMap"})),
            "/api/v1/namespaces/default/configmaps",
        ),
        (Verb::Create(write(), json!([1])), "/api/v1/namespaces/default/configmaps"),
        (
            Verb::Update(write(), json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "y"}})),
            "/api/v1/namespaces/default/configmaps/x",
        ),
        (
            Verb::Patch(PatchOptions::default(), PatchType::Apply, "{}".into()),
            "/api/v1/namespaces/default/configmaps/x",
        ),
        (
            Verb::Patch(PatchOptions { force: true, ..PatchOptions::default() }, PatchType::Merge, "{}".into()),
            "/api/v1/namespaces/default/configmaps/x",
        ),
        (Verb::Patch(PatchOptions::default(), PatchType::Merge, "{".into()), "/api/v1/namespaces/default/configmaps/x"),
        (Verb::Create(write(), pod.clone()), "/api/v1/namespaces/default/pods/x"),
        (Verb::Create(write(), pod.clone()), "/api/v1/pods"),
        (Verb::DeleteCollection(DeleteOptions::default(), ListOptions::default()), "/api/v1/pods"),
        (Verb::Update(write(), pod.clone()), "/api/v1/namespaces/default/pods"),
        (applied("v1", "ConfigMap", "y"), "/api/v1/namespaces/default/configmaps/x"),
        (applied("v1", "Secret", "x"), "/api/v1/namespaces/default/configmaps/x"),
        (applied("v2", "ConfigMap", "x"), "/api/v1/namespaces/default/configmaps/x"),
        (
            Verb::Update(write(), json!({"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "x"}})),
            "/apis/apps/v1/namespaces/default/deployments/x/scale",
        ),
    ] {
        let before = api.revision();
        let ask = Ask { verb, resource: resource(path) };
        let refused = api.ask(&admin(), &ask).outcome.expect_err(path);
        assert_eq!(api.revision(), before);
        said += &format!(
            "{} {} {:?}: {}\n",
            ask.name(),
            kstate::server::code(refused.reason),
            refused.reason,
            refused.message
        );
    }
    insta::assert_snapshot!(said, @r#"
    get /apis/apps/v1/namespaces/default/pods/x 404 NotFound: the server could not find the requested resource
    get /apis/apps/v9/namespaces/default/deployments/x 404 NotFound: the server could not find the requested resource
    get /apis/nope.io/v1/things/x 404 NotFound: the server could not find the requested resource
    get /api/v1/namespaces/default/pods/x/scale 404 NotFound: the server could not find the requested resource
    get /api/v1/pods/x 404 NotFound: the server could not find the requested resource
    update /api/v1/componentstatuses/x 405 MethodNotAllowed: the server does not allow this method on the requested resource
    get /apis/authorization.k8s.io/v1/selfsubjectaccessreviews/x 404 NotFound: the server could not find the requested resource
    create /api/v1/namespaces/default/configmaps 400 BadRequest: Pod in version "v1" cannot be handled as a ConfigMap: converting (v1.Pod) to (core.ConfigMap): unknown conversion
    create /api/v1/namespaces/default/configmaps 422 Invalid: ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required
    create /api/v1/namespaces/default/configmaps 400 BadRequest: ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal array into Go value of type v1.ConfigMap
    update /api/v1/namespaces/default/configmaps/x 400 BadRequest: the name of the object (y) does not match the name on the URL (x)
    patch (Apply) /api/v1/namespaces/default/configmaps/x 422 Invalid: PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch
    patch (Merge) /api/v1/namespaces/default/configmaps/x 422 Invalid: PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch
    patch (Merge) /api/v1/namespaces/default/configmaps/x 400 BadRequest: error decoding patch: unexpected end of JSON input
    create /api/v1/namespaces/default/pods/x 405 MethodNotAllowed: the server does not allow this method on the requested resource
    create /api/v1/pods 405 MethodNotAllowed: the server does not allow this method on the requested resource
    deletecollection /api/v1/pods 405 MethodNotAllowed: the server does not allow this method on the requested resource
    update /api/v1/namespaces/default/pods 405 MethodNotAllowed: the server does not allow this method on the requested resource
    patch (Apply) /api/v1/namespaces/default/configmaps/x 400 BadRequest: the name of the object (y) does not match the name on the URL (x)
    patch (Apply) /api/v1/namespaces/default/configmaps/x 400 BadRequest: Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): unknown conversion
    patch (Apply) /api/v1/namespaces/default/configmaps/x 400 BadRequest: Incorrect version specified in apply patch. Specified patch version: v2, expected: v1
    update /apis/apps/v1/namespaces/default/deployments/x/scale 400 BadRequest: Deployment in version "v1" cannot be handled as a Scale: converting (v1.Deployment) to (autoscaling.Scale): unknown conversion
    "#);
}

/// A `Scale` that can't be read scales nothing.
#[test]
fn a_scale_is_read_strictly() {
    let mut api = Api::with_everything();
    let path = "/apis/apps/v1/namespaces/default/deployments/x/scale";
    let resource = kstate::server::request_info::resource(path).expect("a resource");
    let write = || WriteOptions { field_validation: FieldValidation::Strict, ..WriteOptions::default() };
    let patch = |body: &str| Verb::Patch(PatchOptions { write: write(), force: false }, PatchType::Merge, body.into());
    let scale = json!({"metadata": {"name": "x"}, "spec": {"replicas": 1.5}});
    let mut said = String::new();
    for verb in [
        patch(r#"{"spec": {"replicas": "5"}}"#),
        patch(r#"{"spec": {"replcas": 5}}"#),
        patch("5"),
        Verb::Update(write(), scale),
        Verb::Update(write(), json!({"metadata": {"name": "y"}, "spec": {"replicas": 1}})),
    ] {
        let before = api.revision();
        let refused = api.ask(&admin(), &Ask { verb, resource: resource.clone() }).outcome.expect_err(path);
        assert_eq!(api.revision(), before);
        // What was patched is shown before that.
        let text = refused.message.rsplit("}\": ").next().unwrap_or_default();
        said += &format!("{:?}: {text}\n", refused.reason);
    }
    insta::assert_snapshot!(said, @r#"
    Invalid: json: cannot unmarshal string into Go struct field ScaleSpec.spec.replicas of type int32
    Invalid: strict decoding error: unknown field "spec.replcas"
    BadRequest: error decoding patch: json: cannot unmarshal number into Go value of type map[string]interface {}
    BadRequest: Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal number 1.5 into Go struct field ScaleSpec.spec.replicas of type int32
    BadRequest: the name of the object (y) does not match the name on the URL (x)
    "#);
}

/// Who may change the part of a request for a certificate that says it is approved may not do so unless the signer lets
/// them, by whichever verb.
#[test]
fn nobody_approves_for_a_signer_who_may_not() {
    let mut api = Api::with_everything();
    let (served, tree) = objects().into_iter().find(|(s, _)| s.plural == "certificatesigningrequests").expect("one");
    let create = |api: &mut Api, kind: &str, tree: Value| {
        let served = served::resources(&served::Serving::of_version(36))
            .into_iter()
            .find(|s| s.kind.name() == kind)
            .expect("a kind");
        let ask = Ask { verb: Verb::Create(WriteOptions::default(), tree), resource: within(&served) };
        assert!(api.ask(&admin(), &ask).outcome.is_ok());
    };
    let (group, everything) = ("rbac.authorization.k8s.io", json!(["*"]));
    let rule =
        json!({"apiGroups": [served.group], "resources": ["certificatesigningrequests/approval"], "verbs": everything});
    create(&mut api, "ClusterRole", json!({"metadata": {"name": "approver"}, "rules": [rule]}));
    let subjects = json!([{"apiGroup": group, "kind": "User", "name": "approver"}]);
    let role_ref = json!({"apiGroup": group, "kind": "ClusterRole", "name": "approver"});
    let binding = json!({"metadata": {"name": "approver"}, "subjects": subjects, "roleRef": role_ref});
    create(&mut api, "ClusterRoleBinding", binding);
    let user = kstate::api::user::User { name: "approver".into(), ..Default::default() };
    let mut faults = Vec::new();
    for ask in asks(&served, &tree, &api.live(&served, &tree), false) {
        if ask.resource.subresource != "approval" || matches!(ask.verb, Verb::Get) {
            continue;
        }
        match api.ask(&user, &ask).outcome {
            Err(refused) if refused.message.contains("user not permitted to approve requests with signerName") => {}
            other => faults.push(format!("{}: {other:?}", ask.name())),
        }
    }
    report(faults);
}
