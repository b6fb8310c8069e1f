//! `kstate serve`: what clients are told over the wire, and what they can't do to it.

mod client;
mod custom;
mod told;

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use client::{Served, hear, hear_until, say, value_in};
use serde_json::json;

use crate::home::Home;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn map(name: &str) -> String {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"k": "v"}}).to_string()
}

#[test]
fn nobody_is_let_in_without_a_token() {
    let home = Home::manual();
    let served = Served::new(&home);
    for token in ["", "Bearer", "Bearer wrong", "Basic YTpi", &format!("Bearer {}x", served.token)] {
        for target in [MAPS, "/version", "/healthz", "/openapi/v3", "/nosuch"] {
            let refused = served.ask("GET", target, &[("Authorization", token)], "");
            assert_eq!((refused.status, refused.json()["message"].as_str()), (401, Some("Unauthorized")), "{target}");
        }
    }
    assert_eq!(served.get("/readyz").text(), "ok");
    assert_eq!(served.get("/nosuch").text(), "404 page not found\n");
    // The token of a service account is as good as its account's rights, until the account goes.
    let made = served.post("/api/v1/namespaces/default/serviceaccounts/default/token", "{}").json();
    let token = made["status"]["token"].as_str().expect("a token").to_string();
    let as_account = |target: &str| {
        let bearer = format!("Bearer {token}");
        served.ask("GET", target, &[("Authorization", &bearer)], "")
    };
    assert_eq!(as_account("/version").status, 200);
    let refused = as_account(MAPS);
    assert_eq!(refused.status, 403);
    let said = "cannot list resource \"configmaps\" in API group \"\" in the namespace \"default\"";
    assert!(refused.text().contains("system:serviceaccount:default:default"), "{}", refused.text());
    assert!(refused.json()["message"].as_str().is_some_and(|text| text.ends_with(said)), "{}", refused.text());
    let mut forged = token.clone();
    forged.pop();
    let refused = served.ask("GET", "/version", &[("Authorization", &format!("Bearer {forged}"))], "");
    assert_eq!(refused.status, 401);
    served.ask("DELETE", "/api/v1/namespaces/default/serviceaccounts/default", &[], "");
    assert_eq!(as_account("/version").status, 401);
}

#[test]
fn an_object_comes_in_the_form_that_was_asked_for() {
    let home = Home::manual();
    let served = Served::new(&home);
    let made = served.post(MAPS, &map("a"));
    assert_eq!((made.status, made.header("content-type")), (201, "application/json".into()));
    assert_eq!(made.json()["metadata"]["managedFields"][0]["manager"], "test");
    let as_form = |accept: &str, target: &str| served.ask("GET", target, &[("Accept", accept)], "");
    let one = format!("{MAPS}/a");
    let table = as_form("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", &one).json();
    assert_eq!(table["rows"][0]["cells"], json!(["a", "1", "0s"]).clone(), "{table}");
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    assert_eq!(table["columnDefinitions"][0]["format"], "name");
    let partial = as_form("application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io", &one).json();
    assert_eq!((partial["kind"].as_str(), partial.get("data")), (Some("PartialObjectMetadata"), None));
    let yaml = as_form("application/yaml", &one);
    assert!(yaml.text().starts_with("apiVersion: v1\ndata:\n  k: v\nkind: ConfigMap\n"), "{}", yaml.text());
    let proto = as_form("application/vnd.kubernetes.protobuf", &one);
    assert!(proto.body.starts_with(b"k8s\0"));
    let back = served.ask("PUT", &one, &[("Content-Type", "application/vnd.kubernetes.protobuf")], "");
    assert_eq!(back.status, 400);
    assert_eq!(as_form("application/vnd.kubernetes.protobuf,application/json", &one).json()["kind"], "ConfigMap");
    assert_eq!(as_form("text/html", &one).status, 406);
    let list = served.get(&format!("{MAPS}?limit=1")).json();
    assert_eq!(
        (list["kind"].as_str(), list["metadata"]["remainingItemCount"].as_u64()),
        (Some("ConfigMapList"), Some(2))
    );
    let warned = served.post(&format!("{MAPS}?dryRun=All"), &map("b").replace("\"data\"", "\"nosuch\""));
    assert_eq!((warned.status, warned.header("warning")), (201, "299 - \"unknown field \\\"nosuch\\\"\"".into()));
}

#[test]
fn a_watch_sees_what_another_process_writes() {
    let home = Home::manual();
    let served = Served::new(&home);
    let seen = "fieldSelector=metadata.name=seen";
    let mut watch = served.follow(&format!("{MAPS}?watch=1&timeoutSeconds=20&{seen}"));
    let began = Instant::now();
    home.ok("create configmap seen --from-literal=a=b");
    let event = watch.next().expect("an event");
    assert_eq!((event["type"].as_str(), event["object"]["metadata"]["name"].as_str()), (Some("ADDED"), Some("seen")));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let revision = event["object"]["metadata"]["resourceVersion"].as_str().expect("a revision").to_string();
    home.ok("label configmap seen l=1");
    home.ok("delete configmap seen");
    for what in ["MODIFIED", "DELETED"] {
        assert_eq!(watch.next().expect("an event")["type"], what);
    }
    // Who comes back with what he saw last misses nothing; a selector makes of a change what it is to it.
    let rest = format!("{MAPS}?watch=1&timeoutSeconds=1&resourceVersion={revision}&{seen}");
    let types = |target: &str| {
        let mut lines = served.follow(target);
        std::iter::from_fn(|| lines.next())
            .map(|e| e["type"].as_str().unwrap_or_default().to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(types(&rest), ["MODIFIED", "DELETED"]);
    assert_eq!(types(&format!("{rest}&labelSelector=l")), ["ADDED", "DELETED"]);
    assert_eq!(types(&format!("{rest}&allowWatchBookmarks=true")).last().map(String::as_str), Some("BOOKMARK"));
    let initial = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let root = "fieldSelector=metadata.name=kube-root-ca.crt";
    let mut lines = served.follow(&format!("{MAPS}?watch=1&timeoutSeconds=1&{initial}&{root}"));
    assert_eq!(lines.next().expect("what is there")["type"], "ADDED");
    let mark = lines.next().expect("a bookmark");
    assert_eq!(mark["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    assert_eq!(served.get(&format!("{MAPS}?watch=1&sendInitialEvents=true")).status, 422);
}

#[test]
fn a_process_in_a_container_is_spoken_to_over_a_web_socket() {
    let home = Home::manual();
    home.ok("run web --image=nginx --port=80");
    home.ok("run bad --image=does-not-exist:1");
    home.ok("clock settle");
    let served = Served::new(&home);
    let exec = "/api/v1/namespaces/default/pods/web/exec?stdout=true&stderr=true";
    let (head, mut socket) = served
        .web_socket(&format!("{exec}&command=sh&command=-c&command=echo%20hi%3B%20exit%203"), "v5.channel.k8s.io");
    assert!(head.starts_with("HTTP/1.1 101") && head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    let heard = hear(&mut socket);
    assert_eq!(heard[0], (1, "hi\n".into()));
    assert!(heard[1].0 == 3 && heard[1].1.contains("\"reason\":\"NonZeroExitCode\""), "{heard:?}");
    let (_, mut socket) = served.web_socket(&format!("{exec}&stdin=true&command=cat"), "v5.channel.k8s.io");
    say(&mut socket, 0, b"typed\n");
    say(&mut socket, 255, &[0]);
    assert_eq!(hear(&mut socket), [(1, "typed\n".into()), (3, "{\"metadata\":{},\"status\":\"Success\"}".into())]);
    let ports = "/api/v1/namespaces/default/pods/web/portforward?ports=80";
    let (_, mut socket) = served.web_socket(ports, "v4.channel.k8s.io");
    say(&mut socket, 0, b"GET / HTTP/1.0\r\n\r\n");
    let heard = hear(&mut socket);
    assert!(heard[0].0 == 0 && heard[0].1.contains("HTTP/1.1 200 OK"), "{heard:?}");
    // Without an upgrade, to nobody, and in a protocol that is not spoken.
    assert_eq!(served.get(exec).status, 400);
    let (head, _) = served.web_socket("/api/v1/namespaces/default/pods/nosuch/exec?command=a", "v5.channel.k8s.io");
    assert!(head.starts_with("HTTP/1.1 404"), "{head}");
    // What the kubelet finds is said in a session.
    let bad = "/api/v1/namespaces/default/pods/bad/exec?stdout=true&command=a";
    let (head, mut socket) = served.web_socket(bad, "v5.channel.k8s.io");
    let heard = hear(&mut socket);
    assert!(head.starts_with("HTTP/1.1 101") && heard[0].0 == 3, "{head} {heard:?}");
    assert!(heard[0].1.contains("container not found (\\\"bad\\\")"), "{heard:?}");
    let (head, _) = served.web_socket(exec, "base64.nosuch");
    assert!(head.starts_with("HTTP/1.1 400"), "{head}");
    assert!(served.get("/api/v1/namespaces/default/pods/web/log").text().contains("start worker process"));
}

/// `kubectl port-forward` speaks SPDY inside a WebSocket: these are the first frames that one sent.
#[test]
fn a_port_is_forwarded_over_spdy() {
    let home = Home::manual();
    home.ok("run web --image=nginx --port=80");
    home.ok("clock settle");
    let served = Served::new(&home);
    let forward = "/api/v1/namespaces/default/pods/web/portforward";
    let (head, mut socket) = served.web_socket(forward, "SPDY/3.1+portforward.k8s.io");
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    let bytes = |hex: &str| {
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("a byte");
        (0..hex.len()).step_by(2).map(byte).collect::<Vec<u8>>()
    };
    let streams = [
        "800300010000003c00000001000000000000\
         78f9e3c6a7c202253a703a2b294a4dcc851625aca9a0808614cb45a024cc64610024398b209198094adc8c0600000000ffff",
        "800300010000001f0000000300000000000002c963680595428944e8442fbd182b00000000ffff",
    ];
    for stream in streams.map(bytes) {
        say(&mut socket, stream[0], &stream[1..]);
    }
    let request = b"GET / HTTP/1.0\r\n\r\n";
    let length = u8::try_from(request.len()).expect("a short request");
    say(&mut socket, 0, &[&[0, 0, 3, 0, 0, 0, length][..], request].concat());
    let heard = hear_until(&mut socket, "</html>");
    assert!(heard.iter().any(|(_, text)| text.contains("HTTP/1.1 200 OK")), "{heard:?}");
    // Who says goodbye is let go.
    say(&mut socket, 0x80, &[3, 0, 7, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
    hear(&mut socket);
    // Who names no protocol hears which there is; a WebSocket's own channels need a port.
    let upgrade = [("Connection", "Upgrade, close"), ("Upgrade", "SPDY/3.1")];
    assert_eq!(served.ask("POST", forward, &upgrade, "").status, 403);
    let (head, _) = served.web_socket(forward, "v4.channel.k8s.io");
    assert!(head.starts_with("HTTP/1.1 400"), "{head}");
}

#[test]
fn what_is_too_much_is_refused_and_nobody_else_is_slowed() {
    let home = Home::manual();
    let served = Served::new(&home);
    let much = format!("{{\"data\": {{\"k\": \"{}\"}}}}", "x".repeat(3 << 20));
    let refused = served.post(MAPS, &much);
    assert_eq!((refused.status, refused.json()["reason"].as_str()), (413, Some("RequestEntityTooLarge")));
    let long = "x".repeat(300 << 10);
    assert_eq!(served.ask("GET", MAPS, &[("X-Long", &long)], "").status, 431);
    for target in ["/api/v1/namespaces/../../etc", "/api/v1/namespaces/%2e%2e/pods", "//api//v1", "/api/v1/pods/%zz"] {
        let status = served.get(target).status;
        assert!((400..500).contains(&status) || status == 200, "{target}: {status}");
    }
    // Half a request, and none at all: others are answered meanwhile.
    let mut half = served.connect();
    half.write_all(b"POST /api/v1/namespaces/default/configmaps HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
        .expect("to send");
    let idle: Vec<_> =
        (0..50).map(|_| std::net::TcpStream::connect(("127.0.0.1", served.port)).expect("to connect")).collect();
    let mut noise = std::net::TcpStream::connect(("127.0.0.1", served.port)).expect("to connect");
    noise.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("to send");
    let began = Instant::now();
    assert_eq!(served.post(MAPS, &map("quick")).status, 201);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    drop((half, idle));
    let _ = noise.read(&mut [0; 16]);
    // What was acknowledged lasts, whatever ends the server.
    drop(served);
    assert!(home.ok("get configmap quick").contains("quick"));
}

#[test]
fn a_command_runs_with_a_kubeconfig_of_its_own() {
    let home = Home::manual();
    home.write("look.sh", "grep -c server: $KUBECONFIG; exit 7\n");
    let run = home.run("serve -- sh look.sh");
    assert_eq!((run.code, run.out.as_str()), (Some(7), "1\n"));
    let none = home.run("kubeconfig");
    assert_eq!(none.code, Some(1));
    assert!(none.err.contains("no server runs for cluster \"k3d-deadless\""), "{none:?}");
    let exposed = home.run("serve --bind 0.0.0.0");
    assert_eq!(exposed.code, Some(1));
    assert!(exposed.err.contains("--yes-expose"), "{exposed:?}");
}

#[test]
fn certificates_and_token_stay() {
    let home = Home::manual();
    let look = || {
        let _served = Served::new(&home);
        let kubeconfig = home.ok("kubeconfig");
        (value_in(&kubeconfig, "certificate-authority-data"), value_in(&kubeconfig, "token"))
    };
    assert_eq!(look(), look());
}
