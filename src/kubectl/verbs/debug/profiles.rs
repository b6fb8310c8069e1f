//! What a debugging container is given beyond its image: the profiles.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/debug/profiles.go`.

use serde_json::{Value, json};

/// The lists of a pod's containers, in the order in which they are visited.
pub(super) const LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// What is debugged how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// A pod, by an ephemeral container.
    Ephemeral,
    /// A pod, by a copy of it.
    Copy,
    /// A node.
    Node,
}

/// What a copy keeps of its pod.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keep {
    pub(super) labels: bool,
    pub(super) annotations: bool,
    pub(super) liveness: bool,
    pub(super) readiness: bool,
    pub(super) startup: bool,
    pub(super) init_containers: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Legacy,
    General,
    Baseline,
    Restricted,
    Netadmin,
    Sysadmin,
}

/// A profile.
#[derive(Debug, Clone, Copy)]
pub(super) struct Profile {
    name: Name,
    keep: Keep,
}

impl Profile {
    /// The profile of a name.
    ///
    /// # Errors
    /// kubectl's text for another one.
    pub(super) fn parse(name: &str, keep: Keep) -> Result<Profile, String> {
        let name = match name {
            "legacy" => Name::Legacy,
            "general" => Name::General,
            "baseline" => Name::Baseline,
            "restricted" => Name::Restricted,
            "netadmin" => Name::Netadmin,
            "sysadmin" => Name::Sysadmin,
            other => return Err(format!("unknown profile: {other}")),
        };
        Ok(Profile { name, keep })
    }

    /// Applies the profile to a container of a pod.
    pub(super) fn apply(&self, pod: &mut Value, name: &str, style: Style) {
        if style == Style::Copy {
            self.take_away(pod);
        }
        let container = Container { pod, name };
        match (self.name, style) {
            (Name::Legacy, Style::Node) => container.mount_root().use_host_namespaces(),
            (Name::Legacy, _) => {}
            (Name::General, Style::Node) => container.mount_root().clear_context().use_host_namespaces(),
            (Name::General, _) => _ = container.add_capability("SYS_PTRACE"),
            (Name::Baseline, _) => _ = container.clear_context(),
            (Name::Restricted, _) => container.clear_context().restrict(),
            (Name::Netadmin, style) => {
                let container = container.add_capability("NET_ADMIN").add_capability("NET_RAW");
                if style == Style::Node {
                    container.use_host_namespaces();
                }
            }
            (Name::Sysadmin, style) => {
                let container = container.set("privileged", json!(true));
                if style == Style::Node {
                    container.mount_root().use_host_namespaces();
                }
            }
        }
        if style == Style::Copy && self.name != Name::Legacy && pod["spec"]["shareProcessNamespace"].is_null() {
            pod["spec"]["shareProcessNamespace"] = json!(true);
        }
    }

    /// Takes away what a copy is not to keep.
    fn take_away(&self, pod: &mut Value) {
        let keep = &self.keep;
        let remove = |of: &mut Value, field: &str| _ = of.as_object_mut().map(|fields| fields.remove(field));
        if self.name == Name::Legacy {
            return remove(&mut pod["metadata"], "labels");
        }
        let probes =
            [("livenessProbe", keep.liveness), ("readinessProbe", keep.readiness), ("startupProbe", keep.startup)];
        for (field, _) in [("labels", keep.labels), ("annotations", keep.annotations)].iter().filter(|f| !f.1) {
            remove(&mut pod["metadata"], field);
        }
        for container in pod["spec"]["containers"].as_array_mut().into_iter().flatten() {
            probes.iter().filter(|(_, kept)| !kept).for_each(|(probe, _)| remove(container, probe));
        }
        if !keep.init_containers {
            remove(&mut pod["spec"], "initContainers");
        }
    }
}

/// A container of a pod that is changed.
struct Container<'a> {
    pod: &'a mut Value,
    name: &'a str,
}

impl<'a> Container<'a> {
    fn find(&mut self, lists: &[&str]) -> Option<&mut Value> {
        let spec = self.pod["spec"].as_object_mut()?;
        let mut of = spec.iter_mut().filter(|(list, _)| lists.contains(&list.as_str())).map(|(_, list)| list);
        of.find_map(|list| list.as_array_mut()?.iter_mut().find(|c| c["name"] == json!(self.name)))
    }

    /// Mounts the node's root at `/host`.
    fn mount_root(mut self) -> Container<'a> {
        let volume = json!({"name": "host-root", "hostPath": {"path": "/"}});
        super::push(&mut self.pod["spec"]["volumes"], volume);
        if let Some(container) = self.find(&["containers"]) {
            super::push(&mut container["volumeMounts"], json!({"mountPath": "/host", "name": "host-root"}));
        }
        self
    }

    fn use_host_namespaces(self) {
        for namespace in ["hostNetwork", "hostPID", "hostIPC"] {
            self.pod["spec"][namespace] = json!(true);
        }
    }

    fn clear_context(mut self) -> Container<'a> {
        if let Some(fields) = self.find(&LISTS).and_then(Value::as_object_mut) {
            fields.remove("securityContext");
        }
        self
    }

    fn set(mut self, field: &str, value: Value) -> Container<'a> {
        if let Some(container) = self.find(&LISTS) {
            container["securityContext"][field] = value;
        }
        self
    }

    fn add_capability(mut self, capability: &str) -> Container<'a> {
        if let Some(container) = self.find(&LISTS) {
            super::push(&mut container["securityContext"]["capabilities"]["add"], json!(capability));
        }
        self
    }

    fn restrict(self) {
        self.set("runAsNonRoot", json!(true))
            .set("capabilities", json!({"drop": ["ALL"]}))
            .set("allowPrivilegeEscalation", json!(false))
            .set("seccompProfile", json!({"type": "RuntimeDefault"}));
    }
}
