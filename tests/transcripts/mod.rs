//! Short sessions with the answers that Kubernetes' source has for them, where no recording looks.

mod access;
mod app_armor;
mod attach;
mod autoscaling;
mod bad_input;
mod builder;
mod changes;
mod client;
mod command_line;
mod completion;
mod config;
mod consul;
mod containers;
mod copying;
mod csi;
mod debug;
mod delete;
mod describe;
mod disks;
mod door;
mod explain;
mod faults;
mod growing;
mod images;
mod kinds;
mod kustomize;
mod lifecycle;
mod limits;
mod load;
mod local;
mod local_path_pods;
mod log;
mod map;
mod mounts;
mod mysql_replicas;
mod names;
mod network_policy;
mod nfs_provisioners;
mod node_disks;
mod nodes;
mod own_verbs;
mod pod_security;
mod pod_status;
mod printing;
mod prompts;
mod provisioner;
mod quota;
mod redis_cluster;
mod remounting;
mod reports;
mod retries;
mod roles;
mod running;
mod scheduling;
mod security_context;
mod selectors;
mod services;
mod snapshots;
mod stated;
mod stores;
mod targets;
mod terminal;
mod topology;
mod tutorials;
mod typing;
mod verbs;
mod volume_attributes;
mod workshops;
mod zookeeper;

use std::path::Path;

use crate::conformance::shell::Shell;

/// A session on a new cluster. It settles after each command.
struct Session(Shell);

impl Session {
    fn new() -> Session {
        Session(Shell::new(Path::new(env!("CARGO_MANIFEST_DIR"))))
    }

    /// Applies manifests.
    fn apply(&mut self, manifests: &str) -> String {
        let output = self.0.feed("kubectl apply -f -", manifests);
        self.0.settle();
        output
    }

    /// Runs lines without letting the cluster settle between them.
    fn run_now(&mut self, lines: &[&str]) -> String {
        let mut transcript = String::new();
        for line in lines {
            let (output, _) = self.0.run(line).expect("a command of ours");
            transcript += &format!("$ {line}\n{output}");
        }
        transcript
    }

    /// Runs lines; what they print, one after the other, with the exit codes of those that fail as lessons have them.
    fn run(&mut self, lines: &[&str]) -> String {
        let mut transcript = String::new();
        for line in lines {
            let (output, code) = self.0.run(line).expect("a command of ours");
            transcript += &format!("$ {line}\n{output}");
            if code != 0 {
                transcript += &format!("[exit {code}]\n");
            }
            self.0.settle();
        }
        transcript
    }
}
