//! The workshop that kstate began with: its tables as its author's k3d cluster (v1.22) printed them, and the same
//! walk on v1.36.

mod newest;
mod of_its_time;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use kstate::api::Duration;
use kstate::printers::yaml::to_yaml;
use serde_json::Value;

use crate::conformance::shell::Shell;

/// The workshop's cluster. What a cluster draws by lot reads as it does in the workshop.
struct Workshop {
    shell: Shell,
    lots: Vec<(String, String)>,
}

impl Workshop {
    fn of_version(minor: u32) -> Workshop {
        let manifests = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests");
        Workshop { shell: Shell::of_version(&manifests, minor), lots: Vec::new() }
    }

    /// Runs a line; what it prints.
    fn run(&mut self, line: &str) -> String {
        let line = self.lots.iter().fold(line.to_string(), |line, (drawn, recorded)| line.replace(recorded, drawn));
        let (output, _) = self.shell.run(&line).expect("a command of ours");
        self.lots.iter().fold(output, |output, (drawn, recorded)| output.replace(drawn, recorded))
    }

    /// Runs lines; the transcript.
    fn transcript(&mut self, lines: &[&str]) -> String {
        lines.iter().map(|line| format!("$ {line}\n{}", self.run(line))).collect()
    }

    fn apply(&mut self, files: &[&str]) {
        for file in files {
            self.run(&format!("kubectl apply -f {file}"));
        }
    }

    /// Lets time pass: hours, minutes, seconds.
    fn pass(&mut self, hours: i64, minutes: i64, seconds: i64) {
        self.shell.advance(Duration::secs((hours * 60 + minutes) * 60 + seconds));
    }

    /// From now on what the command prints reads as recorded.
    fn read_as(&mut self, command: &str, recorded: &str) {
        let (drawn, _) = self.shell.run(command).expect("a command of ours");
        self.lots.push((drawn.trim().to_string(), recorded.to_string()));
    }

    /// `kubectl neat get KIND NAME -o yaml`: an object without what the cluster added.
    fn neat(&mut self, object: &str) -> String {
        let json = self.run(&format!("kubectl get {object} -o json"));
        let mut tree: Value = serde_json::from_str(&json).expect("JSON");
        let drop = |tree: &mut Value, names: &[&str]| {
            let map = tree.as_object_mut().expect("an object");
            map.retain(|name, _| !names.contains(&name.as_str()));
        };
        drop(&mut tree, &["status"]);
        drop(&mut tree["metadata"], &["creationTimestamp", "finalizers", "resourceVersion", "uid"]);
        drop(&mut tree["spec"], &["volumeMode"]);
        to_yaml(&tree)
    }
}

/// A process of the binary on a folder of clusters.
fn kubectl(home: &Path, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kstate"));
    command.args(line.split(' ')).env("KSTATE_HOME", home);
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests"));
    command
}

#[test]
fn one_session_watches_what_another_applies() {
    let home = std::env::temp_dir().join(format!("kstate-workshop-{}", std::process::id()));
    let run = |line: &str| {
        let output = kubectl(&home, line).output().expect("to run");
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    };
    run("cluster create --clock manual");
    run("apply -f dynamic-pvc01.yaml");
    let mut watch = kubectl(&home, "get pvc -w").stdout(Stdio::piped()).spawn().expect("to run");
    let mut lines = BufReader::new(watch.stdout.take().expect("its output")).lines();
    let mut line = || lines.next().expect("a line").expect("text");
    // What it prints after its first lines is what came to be since.
    assert!(line().starts_with("NAME            STATUS    VOLUME   CAPACITY   ACCESS MODES   STORAGECLASS"));
    assert!(line().starts_with("dynamic-pvc01   Pending "));
    run("apply -f dynamic-ngx.yaml");
    run("clock settle");
    while !line().starts_with("dynamic-pvc01   Bound     pvc-") {}
    watch.kill().expect("to end it");
    watch.wait().expect("its end");
    std::fs::remove_dir_all(&home).expect("to remove the clusters");
}
