//! How fast kstate is: `cargo bench`. The README states the medians with the machine they were taken on.
//!
//! Every cluster lies in a state file, as a user's does. What is built before the clock starts is only the cluster.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::{env, fs};

use divan::Bencher;
use kstate::api::request::By;
use kstate::api::user::User;
use kstate::api::{Kind, Object, Time};
use kstate::cli;
use kstate::registry::Context;
use kstate::server::Server;
use kstate::sim::{ClockMode, Cluster, Config};
use kstate::store::Index;
use kstate::ui::Ui;
use serde_json::json;

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    divan::main();
    MANY.lock().expect("the clusters").clear();
}

/// A folder of its own that goes when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("kstate-bench-{}-{n}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A cluster on a manual clock.
struct Bench {
    server: Server,
    _folder: Folder,
}

impl Bench {
    fn new(nodes: Vec<String>) -> Bench {
        let folder = Folder::new();
        let config = Config { clock: ClockMode::Manual, nodes, ..Config::default() };
        let cluster = Cluster::new_on_disk(&folder.0.join("cluster.db"), config, Time::default()).expect("a cluster");
        Bench { server: Server::over(cluster), _folder: folder }
    }

    fn workshop() -> Bench {
        Bench::new(Config::default().nodes)
    }

    /// So many nodes that `pods` pods fit on them.
    fn for_pods(pods: usize) -> Bench {
        Bench::new((0..pods.div_ceil(110)).map(|n| format!("node-{n}")).collect())
    }

    fn kubectl(&mut self, line: &str) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests");
        let words: Vec<String> = line.split_whitespace().map(String::from).collect();
        let ui = Ui::captured();
        let code = cli::run_on(&words, &ui, &mut self.server, &folder);
        assert_eq!(code, 0, "{line}: {}", ui.take());
    }

    fn count(&mut self, kind: Kind, pointer: &str, value: &str) -> usize {
        let cluster = self.server.cluster_mut();
        cluster.begin(false, Time::default()).expect("to begin");
        let objects = cluster.view().list(kind);
        let count = objects.filter(|o| o.to_tree().pointer(pointer).is_some_and(|v| v == value)).count();
        cluster.commit().expect("to end");
        count
    }
}

fn object(kind: Kind, tree: serde_json::Value) -> Object {
    Object::from_tree(kind, tree).expect("an object")
}

/// Runs the binary, whose clusters are in a folder.
fn kstate(home: &Folder, words: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kstate"));
    let output = command.args(words).env("KSTATE_HOME", &home.0).output().expect("to run kstate");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The clusters with so many ConfigMaps, each made once.
static MANY: Mutex<BTreeMap<usize, Arc<Folder>>> = Mutex::new(BTreeMap::new());

fn with_config_maps(n: usize) -> Arc<Folder> {
    let make = || {
        let home = Folder::new();
        kstate(&home, &["cluster", "create", "k3d-deadless", "--clock", "manual"]);
        let config_map = |n| {
            let labels = format!("{{app: a{}}}", n % 100);
            format!(
                "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{n}, labels: {labels}}}\ndata: {{a: b}}\n"
            )
        };
        let file = home.0.join("many.yaml");
        // The one that the benchmarks are about is there in either case.
        fs::write(&file, (0..n.max(1)).map(config_map).collect::<String>()).expect("a manifest");
        kstate(&home, &["create", "-f", &file.display().to_string()]);
        Arc::new(home)
    };
    Arc::clone(MANY.lock().expect("the clusters").entry(n).or_insert_with(make))
}

/// A command about one object, as a process, in a cluster with one object and with 100,000.
#[divan::bench(
    args = [
        "get 1", "get 100000", "describe 1", "describe 100000", "create 1", "create 100000",
        "label 1", "label 100000", "delete 1", "delete 100000",
    ],
    sample_count = 50,
)]
fn one_object_of(bencher: Bencher, case: &str) {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let (verb, n) = case.split_once(' ').expect("a verb and a number");
    let home = with_config_maps(n.parse().expect("a number"));
    let prepare = || {
        let name = format!("new-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        if verb == "delete" {
            kstate(&home, &["create", "cm", &name]);
        }
        name
    };
    bencher.with_inputs(prepare).bench_local_refs(|name| match verb {
        "create" | "delete" => kstate(&home, &[verb, "cm", name]),
        "label" => kstate(&home, &["label", "cm", "c0", "--overwrite", &format!("n={name}")]),
        _ => kstate(&home, &[verb, "cm", "c0"]),
    });
}

/// `kstate get cm` as a process: all of 100,000 as a table, and the thousand of a label.
#[divan::bench(args = ["", "-lapp=a7", "-oname"], sample_count = 5)]
fn get_of_100_000(bencher: Bencher, flag: &str) {
    let home = with_config_maps(100_000);
    let words: Vec<&str> = ["get", "cm", flag].into_iter().filter(|word| !word.is_empty()).collect();
    bencher.bench_local(|| kstate(&home, &words));
}

/// A process that does nothing, to compare the next ones with.
#[cfg(unix)]
#[divan::bench(sample_count = 200)]
fn start_of_true(bencher: Bencher) {
    bencher.bench_local(|| Command::new("true").output().expect("to run true"));
}

/// `kstate --version` as a process.
#[divan::bench(sample_count = 200)]
fn start_of_kstate(bencher: Bencher) {
    let home = Folder::new();
    bencher.bench_local(|| kstate(&home, &["--version"]));
}

/// A cluster of 2,000 nodes is made.
#[divan::bench(sample_count = 3)]
fn make_2_000_nodes(bencher: Bencher) {
    bencher.bench_local(|| Bench::new((0..2_000).map(|n| format!("node-{n}")).collect()));
}

/// One `kstate get pv,pvc,sc` as a process, on the workshop's cluster with a bound claim.
#[divan::bench(sample_count = 100)]
fn get_as_a_process(bencher: Bencher) {
    let home = Folder::new();
    let manifests = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests");
    let run = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kstate"));
        let output = command.args(words).env("KSTATE_HOME", &home.0).current_dir(&manifests).output();
        assert!(output.expect("to run kstate").status.success(), "{words:?}");
    };
    run(&["apply", "-f", "static-pv01.yaml", "-f", "static-pvc01.yaml", "-f", "static-busy.yaml"]);
    run(&["apply", "-f", "exsts-svc.yaml", "-f", "exsts-vct.yaml"]);
    run(&["clock", "settle"]);
    bencher.bench_local(|| run(&["get", "pv,pvc,sc"]));
}

/// `kubectl apply` of the workshop's StatefulSet, three replicas, until they run.
#[divan::bench(sample_count = 50)]
fn apply_and_settle_three_replicas(bencher: Bencher) {
    bencher.with_inputs(Bench::workshop).bench_local_refs(|bench| {
        bench.kubectl("kubectl apply -f exsts-svc.yaml -f exsts-vct.yaml");
        bench.kubectl("kubectl scale statefulset exsts --replicas=3");
        bench.kubectl("kstate clock settle");
    });
}

/// So many volumes and as many claims are created, in one command each, and bound.
#[divan::bench(args = [1_000, 10_000], sample_count = 5)]
fn bind_static_volumes(bencher: Bencher, n: usize) {
    bencher.with_inputs(Bench::workshop).bench_local_refs(|bench| {
        create_all(bench.server.cluster_mut(), (0..n).map(volume));
        create_all(bench.server.cluster_mut(), (0..n).map(claim));
        assert_eq!(bound(bench.server.cluster()), n);
    });
}

fn create_all(cluster: &mut Cluster, objects: impl Iterator<Item = Object>) {
    cluster.begin(true, Time::default()).expect("to begin");
    cluster.note_operation("kubectl apply").expect("to note");
    for object in objects {
        let by = By::client(User::admin("bench"), "kubectl");
        cluster.registry_mut().create(object, &Context::new(&by)).expect("to create");
    }
    cluster.settle().expect("to settle");
    cluster.commit().expect("to commit");
}

/// Claims of which a volume is bound to none are those that wait.
fn bound(cluster: &Cluster) -> usize {
    let view = cluster.view();
    view.list(Kind::PersistentVolumeClaim).count() - view.count(Kind::PersistentVolumeClaim, Index::ClaimVolume, "")
}

fn volume(n: usize) -> Object {
    object(
        Kind::PersistentVolume,
        json!({
            "metadata": {"name": format!("static-{n}")},
            "spec": {
                "capacity": {"storage": format!("{}Mi", 100 + n * 7 % 1000)},
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "manual",
                "hostPath": {"path": format!("/tmp/static-{n}")},
            },
        }),
    )
}

fn claim(n: usize) -> Object {
    object(
        Kind::PersistentVolumeClaim,
        json!({
            "metadata": {"name": format!("claim-{n}"), "namespace": "default"},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "manual",
                "resources": {"requests": {"storage": "100Mi"}},
            },
        }),
    )
}

/// A Parallel StatefulSet with a claim template is created and settles: every pod runs, every claim is bound.
#[divan::bench(args = [1_000, 10_000], sample_count = 3)]
fn run_a_parallel_stateful_set(bencher: Bencher, n: usize) {
    bencher.with_inputs(|| Bench::for_pods(n)).bench_local_refs(|bench| {
        create_all(bench.server.cluster_mut(), std::iter::once(stateful_set(n)));
        assert_eq!(bound(bench.server.cluster()), n);
    });
    let mut bench = Bench::for_pods(n);
    create_all(bench.server.cluster_mut(), std::iter::once(stateful_set(n)));
    assert_eq!(bench.count(Kind::Pod, "/status/phase", "Running"), n);
    assert_eq!(bench.count(Kind::PersistentVolumeClaim, "/status/phase", "Bound"), n);
    assert_eq!(bench.count(Kind::PersistentVolume, "/status/phase", "Bound"), n);
}

fn stateful_set(replicas: usize) -> Object {
    object(
        Kind::StatefulSet,
        json!({
            "metadata": {"name": "many", "namespace": "default"},
            "spec": {
                "replicas": replicas,
                "serviceName": "many",
                "podManagementPolicy": "Parallel",
                "selector": {"matchLabels": {"app": "many"}},
                "template": {
                    "metadata": {"labels": {"app": "many"}},
                    "spec": {"containers": [{
                        "name": "busybox",
                        "image": "busybox",
                        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                    }]},
                },
                "volumeClaimTemplates": [{
                    "metadata": {"name": "data"},
                    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
                }],
            },
        }),
    )
}

/// `kstate lesson check` as a process: every lesson is replayed and compared.
#[divan::bench(sample_count = 10)]
fn check_all_lessons(bencher: Bencher) {
    bencher.bench_local(|| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kstate"));
        let output = command.args(["lesson", "check"]).output().expect("to run kstate");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    });
}
