//! What one command may take: huge numbers, pipes from another kstate, names of files that are not kstate's.

use std::process::{Command, Stdio};

use insta::assert_snapshot;

use crate::home::Home;

/// Pipes one kstate into another.
fn pipe(home: &Home, left: &str, right: &str) -> (String, Option<i32>) {
    let mut writer = home.command(left).stdout(Stdio::piped()).spawn().expect("to start kstate");
    let from = writer.stdout.take().expect("a pipe");
    let output = home.command(right).stdin(from).output().expect("to run kstate");
    writer.wait().expect("to end");
    (
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr),
        output.status.code(),
    )
}

#[test]
fn two_kstates_in_a_pipe_do_not_wait_for_each_other() {
    let home = Home::new();
    for n in 0..8 {
        let create = format!("create configmap a{n} --from-literal=k=v --dry-run=client -o yaml");
        let created = (format!("configmap/a{n} created\n"), Some(0));
        assert_eq!(pipe(&home, &create, "apply -f -"), created);
        assert_eq!(pipe(&home, "get configmap -o yaml", "replace -f -").1, Some(0));
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_named_as_a_file_is_read_before_the_cluster_is_taken() {
    let home = Home::manual();
    let script = "\"$0\" apply -f <(sleep 0.3; \"$0\" create configmap a --from-literal=k=v --dry-run=client -o yaml)";
    let mut bash = Command::new("bash");
    bash.args(["-c", script, env!("CARGO_BIN_EXE_kstate")]).env("KSTATE_HOME", home.path());
    let Ok(output) = bash.output() else { return };
    assert_eq!(String::from_utf8_lossy(&output.stdout), "configmap/a created\n");
}

#[test]
fn huge_numbers_are_borne() {
    let home = Home::manual();
    let set = |name: &str, more: &str| {
        format!(
            "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: {name}}}\nspec:\n  serviceName: x\n  \
             podManagementPolicy: Parallel\n{more}  selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    \
             metadata: {{labels: {{app: {name}}}}}\n    spec:\n      terminationGracePeriodSeconds: 9223372036854775807\n      \
             containers:\n      - name: c\n        image: busybox\n        resources: {{requests: {{cpu: 9223372036854775807, \
             memory: 9223372036854775807}}}}\n"
        )
    };
    home.write("high.yaml", &set("high", "  replicas: 3\n  ordinals: {start: 2147483646}\n"));
    home.write("many.yaml", &set("many", "  replicas: 2147483647\n"));
    home.ok("apply -f high.yaml");
    home.ok("clock settle");
    home.ok("apply -f many.yaml");
    home.ok("create deployment web --image=nginx");
    home.ok("scale deployment web --replicas=2147483647");
    assert_eq!(home.ok("get pods --no-headers").lines().count(), 5_000);
    home.ok("delete statefulset --all --cascade=orphan");
    home.ok("delete deployment web --cascade=orphan");
    assert_eq!(home.run("delete pod high-2147483646 --grace-period=9223372036854775807 --wait=false").code, Some(0));
    let far = home.run("clock advance 2500000h");
    assert_snapshot!(far.err, @"error: the cluster's clock ends in the year 2255");
}

#[test]
fn a_clusters_name_is_no_path() {
    let home = Home::new();
    home.write("victim.db", "mine");
    let victim = home.path().join("work/victim").display().to_string();
    for line in ["cluster delete", "cluster use", "cluster reset", "cluster create"] {
        let answer = home.run(&format!("{line} {victim}"));
        assert_eq!(answer.code, Some(1), "{line}");
        assert!(answer.err.contains("can't be a cluster's name"), "{line}: {}", answer.err);
    }
    assert_snapshot!(home.run("--cluster ../work/victim get pv").err, @r#"error: "../work/victim" can't be a cluster's name: use letters, digits, '-', '_' and '.'"#);
    assert_snapshot!(home.run("cluster create con.x").err, @r#"error: "con.x" can't be a cluster's name: use letters, digits, '-', '_' and '.'"#);
}

#[test]
fn what_auth_reconcile_makes_is_undone_too() {
    let home = Home::manual();
    home.write(
        "role.yaml",
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: reads, namespace: default}\nrules: []\n",
    );
    home.ok("create configmap a");
    home.ok("auth reconcile -f role.yaml");
    home.ok("auth can-i get pods");
    assert_snapshot!(home.ok("undo"), @"undone: kstate auth reconcile -f role.yaml");
    home.ok("get configmap a");
}

#[test]
fn undo_passes_over_what_changed_nothing() {
    let home = Home::manual();
    home.ok("create configmap a");
    home.ok("create configmap b --dry-run=client");
    home.ok("create configmap b --dry-run=server");
    home.ok("config view");
    home.ok("label configmap a x=y --dry-run=server");
    assert_snapshot!(home.ok("undo"), @"undone: kstate create configmap a");
    assert_eq!(home.run("get configmap a").code, Some(1));
}

#[test]
fn a_reset_cluster_is_the_one_that_was_made() {
    let home = Home::manual();
    let new = home.everything();
    home.ok("create configmap a");
    home.ok("clock advance 1h");
    home.ok("cluster reset");
    assert_eq!(home.everything(), new);
    assert_eq!(home.run("undo").code, Some(1));
}

#[test]
fn time_that_a_command_lets_pass_is_not_skipped() {
    let home = Home::manual();
    home.write(
        "each.yaml",
        "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: each}\nspec:\n  schedule: '* * * * *'\n  \
        successfulJobsHistoryLimit: 100\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          \
        restartPolicy: Never\n          containers: [{name: c, image: busybox, command: [date]}]\n",
    );
    home.ok("apply -f each.yaml");
    home.ok("clock advance 1h");
    assert_eq!(home.ok("get jobs --no-headers").lines().count(), 60);
}

#[test]
fn a_stateful_set_in_order_stops_at_the_first_pod_that_has_no_room() {
    let home = Home::manual();
    home.write(
        "db.yaml",
        "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec:\n  serviceName: db\n  replicas: 1000000\n  \
         selector: {matchLabels: {app: db}}\n  template:\n    metadata: {labels: {app: db}}\n    spec: {containers: \
         [{name: c, image: nginx, resources: {requests: {cpu: 2}}}]}\n",
    );
    home.ok("apply -f db.yaml");
    home.ok("clock settle");
    let pods = home.ok("get pods --no-headers");
    let states: Vec<&str> = pods.lines().filter_map(|line| line.split_whitespace().nth(2)).collect();
    let (last, others) = states.split_last().expect("pods");
    assert_eq!((*last, others.len()), ("Pending", 6), "{pods}");
    assert!(others.iter().all(|state| *state == "Running"), "{pods}");
    assert_eq!(home.ok("get sts -o jsonpath={.items[0].status.replicas}"), "7");
    home.ok("scale sts db --replicas=1000");
    home.ok("scale sts db --replicas=2");
    home.ok("clock settle");
    assert_eq!(home.ok("get pods --no-headers").lines().count(), 2);
}

/// Pods that are told to go as soon as they are there, and that their owner makes anew each time.
fn evicted(home: &Home, seconds: u32) {
    home.write(
        "web.yaml",
        &format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  replicas: 4\n  selector: \
             {{matchLabels: {{app: web}}}}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    spec: {{tolerations: \
             [{{operator: Exists, effect: NoExecute, tolerationSeconds: {seconds}}}], containers: [{{name: c, image: \
             nginx}}]}}\n"
        ),
    );
    home.ok("apply -f web.yaml");
    home.ok("taint nodes --all x=y:NoExecute");
}

#[test]
fn a_cluster_that_comes_to_no_rest_says_so() {
    let home = Home::manual();
    evicted(&home, 1);
    let settled = home.run("clock settle");
    assert_eq!(settled.code, Some(0));
    let hint = "hint: the cluster comes to no rest: taint-eviction of node/k3d-deadless-";
    assert!(settled.err.starts_with(hint), "{}", settled.err);
    assert!(settled.out.starts_with("2026-01-01T00:00:"), "{}", settled.out);
}

#[test]
fn an_owner_whose_pods_go_as_they_come_makes_them_more_seldom() {
    let home = Home::manual();
    evicted(&home, 0);
    home.ok("clock settle");
    home.ok("clock advance 1h");
    // A wait that nothing bounds ends, too.
    home.ok("delete deployment web");
    home.ok("clock settle");
    assert_eq!(home.run("get pods").err, "No resources found in default namespace.\n");
}

#[test]
fn a_very_long_wait_is_not_stepped_through() {
    let home = Home::manual();
    home.write(
        "stuck.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: stuck}\nspec: {containers: [{name: c, image: does-not-exist}]}\n---\n\
         apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: waits}\nspec: {accessModes: [ReadWriteOnce], \
         storageClassName: none, resources: {requests: {storage: 1Gi}}}\n",
    );
    home.ok("apply -f stuck.yaml");
    let began = std::time::Instant::now();
    let waited = home.run("wait --for=condition=Ready pod/stuck --timeout=100000h");
    assert_eq!(waited.err, "error: timed out waiting for the condition on pods/stuck\n");
    assert!(home.ok("clock").starts_with("2037-05-2"), "{}", home.ok("clock"));
    let waited = home.run("wait --for=create configmap/never --timeout=100000h");
    assert_eq!(waited.err, "error: timed out waiting for the condition\n");
    // A day's recurring work, in a build that is not optimized, and not that of eleven years.
    assert!(began.elapsed().as_secs() < 200, "{:?}", began.elapsed());
}

#[test]
fn a_large_set_still_sees_what_changes_of_its_pods() {
    for policy in ["OrderedReady", "Parallel"] {
        a_large_set_sees_what_changes(policy);
    }
}

fn a_large_set_sees_what_changes(policy: &str) {
    let home = Home::manual();
    home.write(
        "db.yaml",
        &format!(
            "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: db}}\nspec:\n  serviceName: db\n  replicas: 55\n  \
         podManagementPolicy: {policy}\n  selector: {{matchLabels: {{app: db}}}}\n  template:\n    metadata: {{labels: {{app: db}}}}\n    spec: {{containers: \
         [{{name: c, image: nginx}}]}}\n"
        ),
    );
    home.ok("apply -f db.yaml");
    home.ok("clock settle");
    let status = "get sts db -o jsonpath={.status.replicas}/{.status.readyReplicas}/{.status.updatedReplicas}";
    assert_eq!(home.ok(status), "55/55/55");
    let uid = home.ok("get pod db-3 -o jsonpath={.metadata.uid}");
    home.ok("delete pod db-3");
    home.ok("label pod db-5 statefulset.kubernetes.io/pod-name=x --overwrite");
    home.ok("clock settle");
    assert_eq!(home.ok(status), "55/55/55");
    assert_ne!(home.ok("get pod db-3 -o jsonpath={.metadata.uid}"), uid);
    assert_eq!(home.ok(r"get pod db-5 -o jsonpath={.metadata.labels.statefulset\.kubernetes\.io/pod-name}"), "db-5");
    home.ok("label pod db-9 app=other --overwrite");
    home.ok("clock settle");
    // Its name is taken by a pod that is no longer the set's.
    assert_eq!(home.ok(status), "54/54/54");
    home.ok("delete pod db-9");
    home.ok("scale sts db --replicas=57");
    home.ok("clock settle");
    assert_eq!(home.ok(status), "57/57/57");
    home.ok("scale sts db --replicas=1");
    home.ok("clock settle");
    assert_eq!(home.ok(status), "1/1/1");
    home.ok("delete sts db");
}
