//! No command line and no manifest makes kstate panic.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use kstate::api::{Kind, Time};
use kstate::cli;
use kstate::server::Server;
use kstate::sim::{ClockMode, Cluster, Config};
use kstate::ui::Ui;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any};
use proptest::sample::select;
use proptest::test_runner::TestCaseError;
use proptest::{prop_oneof, proptest, string};

const VERBS: &[&str] = &[
    "annotate",
    "api-resources",
    "api-versions",
    "apply",
    "attach",
    "auth",
    "autoscale",
    "cluster-info",
    "completion",
    "config",
    "cordon",
    "cp",
    "create",
    "delete",
    "describe",
    "diff",
    "drain",
    "events",
    "exec",
    "explain",
    "expose",
    "get",
    "label",
    "logs",
    "options",
    "patch",
    "plugin",
    "port-forward",
    "replace",
    "rollout",
    "run",
    "scale",
    "set",
    "taint",
    "top",
    "uncordon",
    "version",
    "wait",
    "clock",
    "node",
    "undo",
    "why",
    "help",
];

const WORDS: &[&str] = &[
    // Verbs of verbs.
    "status",
    "history",
    "undo",
    "restart",
    "pause",
    "resume",
    "image",
    "env",
    "resources",
    "can-i",
    "view",
    "set-context",
    "configmap",
    "secret",
    "generic",
    "tls",
    "namespace",
    "deployment",
    "service",
    "clusterip",
    "job",
    "role",
    "quota",
    "stop",
    "start",
    "advance",
    "settle",
    "list",
    "whoami",
    "bash",
    // Kinds and objects.
    "pods",
    "po",
    "pod/exsts-0",
    "pv",
    "pvc",
    "pv,pvc,sc",
    "sts",
    "statefulset/exsts",
    "deploy",
    "deployment/web",
    "nodes",
    "node/k3d-deadless-agent-0",
    "k3d-deadless-agent-0",
    "sc",
    "all",
    "events",
    "ns",
    "default",
    "cm",
    "configmap/cm",
    "static-pv01",
    "pv/static-pv01",
    "exsts",
    "web",
    "nothing",
    "pods.v1.",
    "deployments.v1.apps",
    "statefulsets.apps",
    "exsts-0",
    "pod/exsts-0/log",
    "pv.spec.capacity",
    "pods.spec.containers",
    "horizontalpodautoscalers",
    "csidrivers",
    "events.events.k8s.io",
    "/",
    ",",
    "a/b/c",
    "",
    "-",
    "--",
    "=",
    "a=b",
    "a=b,c!=d",
    "a-",
    "tier-",
    "key=value:NoSchedule",
    "key:NoExecute-",
    "nginx=nginx:2",
    "cpu=1,memory=2Gi",
    "{}",
    "{",
    "[{\"op\":\"remove\",\"path\":\"/spec\"}]",
    "{\"spec\":{\"replicas\":3}}",
    "{\"spec\":null}",
    "{\"metadata\":{\"finalizers\":[\"a/b\"]}}",
    "[{\"op\":\"add\",\"path\":\"/metadata/labels/x~1y\",\"value\":\"z\"}]",
    "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"exsts\",\"$patch\":\"delete\"}]}}}}",
    "0",
    "1",
    "3",
    "-1",
    "99999999999999999999",
    "1h",
    "1d",
    "-5s",
    "9223372036854775807ns",
    "100000h",
    "0x10",
    "1e3",
    "v1",
    "true",
    "λ",
    "\u{0}",
    "\u{202e}",
    "a\nb",
];

const FLAGS: &[&str] = &[
    "-n",
    "-n=default",
    "--namespace",
    "-A",
    "--all-namespaces",
    "-o",
    "-o=yaml",
    "-ojson",
    "-o=wide",
    "-o=name",
    "-o=jsonpath={.items[*].metadata.name}",
    "-o=jsonpath={",
    "-o=jsonpath={range .items[*]}{.metadata.name}{end}",
    "-o=jsonpath={.items[-1:5:0]}",
    "-o=jsonpath={.items[?(@.metadata.name=='x')]}",
    "-o=jsonpath={..name}",
    "-o=custom-columns=A:.metadata.name,B:.spec.x[0]",
    "-o=custom-columns=",
    "-o=go-template={{.items}}",
    "-o=go-template={{range .items}}{{.metadata.name}}{{end}}",
    "-o=go-template={{index .items 99}}",
    "-o=go-template={{printf \"%*d\" 99999999 1}}",
    "-o=jsonpath-as-json={.items}",
    "-l",
    "-l=app=exsts",
    "-l=a in (b",
    "-l=!a",
    "--selector",
    "--field-selector=metadata.name=exsts-0",
    "--field-selector=spec.nodeName!=",
    "--field-selector",
    "-f",
    "-f=-",
    "-f=nowhere.yaml",
    "-f=.",
    "-k=.",
    "-R",
    "--all",
    "--wait=false",
    "--wait",
    "--now",
    "--force",
    "--grace-period=0",
    "--grace-period=-2",
    "--cascade=orphan",
    "--cascade=foreground",
    "--cascade=x",
    "--timeout=1s",
    "--timeout=x",
    "--dry-run",
    "--dry-run=server",
    "--dry-run=client",
    "--replicas=3",
    "--replicas=-1",
    "--replicas=x",
    "--current-replicas=1",
    "--resource-version=0",
    "--show-labels",
    "--show-kind",
    "--show-managed-fields",
    "-L=app",
    "--sort-by=.metadata.name",
    "--sort-by={",
    "--sort-by=.spec.x[0]",
    "--no-headers",
    "--watch",
    "-w",
    "--watch-only",
    "--chunk-size=1",
    "--ignore-not-found",
    "--raw=/api/v1/pods",
    "--raw=x",
    "--overwrite",
    "--list",
    "--type=merge",
    "--type=json",
    "--type=strategic",
    "--type=x",
    "-p",
    "--patch",
    "--subresource=status",
    "--subresource=x",
    "--for=delete",
    "--for=condition=Ready",
    "--for=condition",
    "--for=jsonpath={.status.phase}=Bound",
    "--for=jsonpath={.x",
    "--for=create",
    "--for=",
    "--recursive",
    "--api-version=apps/v1",
    "--api-version=x",
    "--server-side",
    "--force-conflicts",
    "--field-manager=x",
    "--prune",
    "--validate=ignore",
    "--validate=x",
    "--image=nginx",
    "--from-literal=a=b",
    "--from-literal=a",
    "--from-file=x",
    "--tcp=80:80",
    "--tcp=x",
    "--port=80",
    "--to-revision=1",
    "--to-revision=-1",
    "--revision=1",
    "--min=1",
    "--max=2",
    "--ignore-daemonsets",
    "--delete-emptydir-data",
    "--types=Warning",
    "--limits=cpu=1",
    "--requests=memory=x",
    "--record",
    "--save-config",
    "-v=9",
    "--context=x",
    "--cluster=x",
    "--as=x",
    "--request-timeout=1",
    "-h",
    "--help",
    "--output-version=v1",
    "--kustomize",
    "--no-such-flag",
    "-z",
    "---",
    "--=x",
];

const MANIFESTS: &[&str] = &[
    include_str!("../../manifests/exsts-vct.yaml"),
    include_str!("../../manifests/static-pv01.yaml"),
    include_str!("../../manifests/static-pvc01.yaml"),
    include_str!("../../manifests/cm-mount.yaml"),
    include_str!("../../manifests/dynamic-ngx.yaml"),
    include_str!("../../manifests/nfs.yaml"),
    include_str!("../../manifests/exsts-svc.yaml"),
];

/// What takes the place of a part of a manifest.
const PIECES: &[&str] = &[
    "",
    "null",
    "~",
    "[]",
    "{}",
    "- ",
    ":",
    "0",
    "-1",
    "1e400",
    "0644",
    "\"",
    "'",
    "|\n",
    ">-\n  x",
    "&a",
    "*a",
    "<<: *a",
    "!!binary x",
    "\t",
    "---\n",
    "...\n",
    "%YAML 9",
    "[[[[[[[[",
    "{{{{",
    "? ",
    "#",
    "@",
    "`",
    "\u{0}",
    "\u{feff}",
    "Gi",
    "1Gi",
    "-1Gi",
    "99999999999999999999Ei",
    "kind: List\nitems: [1]\n",
    "kind: Node",
    "name: A_b",
    "2147483648",
    "λ",
    "true",
    "1970-01-01T00:00:00Z",
    "creationTimestamp: x",
    "replicas: -5",
    "replicas: 1.5",
    "app: 1",
];

fn manifest() -> impl Strategy<Value = String> {
    let cut = (any::<proptest::sample::Index>(), any::<proptest::sample::Index>(), 0..40usize, select(PIECES));
    (select(MANIFESTS), vec(cut, 0..4)).prop_map(|(text, cuts)| {
        let mut chars: Vec<char> = text.chars().collect();
        for (at, _, length, piece) in cuts {
            let start = at.index(chars.len().max(1)).min(chars.len());
            let end = (start + length).min(chars.len());
            chars.splice(start..end, piece.chars());
        }
        chars.into_iter().collect()
    })
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => select(WORDS).prop_map(String::from),
        8 => select(FLAGS).prop_map(String::from),
        1 => string::string_regex("[ -~]{0,12}").expect("a pattern"),
        1 => any::<String>(),
    ]
}

/// The words of a command, and what it reads.
fn command() -> impl Strategy<Value = (Vec<String>, String)> {
    let free = (select(VERBS), vec(word(), 0..6)).prop_map(|(verb, words)| {
        let mut all = vec![verb.to_string()];
        all.extend(words);
        all
    });
    let from_input = (
        select(&["apply", "create", "delete", "replace", "get", "describe", "patch", "diff", "scale"][..]),
        vec(word(), 0..3),
    )
        .prop_map(|(verb, words)| {
            let mut all = vec![verb.to_string(), "-f".into(), "-".into()];
            all.extend(words);
            all
        });
    let words = prop_oneof![3 => free, 2 => from_input];
    let input = prop_oneof![3 => manifest(), 1 => any::<String>(), 1 => Just(String::new())];
    (words, input)
}

fn workshop() -> Server {
    let config = Config { clock: ClockMode::Manual, ..Config::default() };
    let mut server = Server::over(Cluster::new_in_memory(config, Time::default()).expect("a cluster"));
    let manifests = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests");
    for line in ["apply -f exsts-vct.yaml -f static-pv01.yaml", "create deployment web --image=nginx"] {
        let words: Vec<String> = std::iter::once("kubectl").chain(line.split_whitespace()).map(String::from).collect();
        assert_eq!(cli::run_on(&words, &Ui::captured(), &mut server, &manifests), 0);
    }
    server
}

proptest! {
    #![proptest_config(super::config(64))]
    #[test]
    fn no_command_line_panics(commands in vec(command(), 1..10)) {
        let mut server = workshop();
        for (words, input) in &commands {
            let words: Vec<String> = std::iter::once("kstate".to_string()).chain(words.iter().cloned()).collect();
            let ui = Ui::captured().with_input(input);
            let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
            let ran = catch_unwind(AssertUnwindSafe(|| cli::run_on(&words, &ui, &mut server, folder)));
            if ran.is_err() {
                return Err(TestCaseError::fail(format!("{words:?} panics with the input {input:?}")));
            }
            // Whatever was said, the cluster must go on.
            let cluster = server.cluster_mut();
            let count = cluster.begin(false, Time::default()).map(|()| cluster.view().list(Kind::Namespace).count());
            if count.is_err() || cluster.commit().is_err() {
                return Err(TestCaseError::fail(format!("{words:?} leaves the cluster unusable: {count:?}")));
            }
        }
    }
}
