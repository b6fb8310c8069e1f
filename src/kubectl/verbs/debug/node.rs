//! A pod on a node that sees what the node sees.

use serde_json::{Value, json};

use super::profiles::Style;
use super::{Made, Options, suffix};
use crate::api::request::{Resource, WriteOptions};
use crate::api::{Kind, ObjectKey};
use crate::kubectl::print::errors::Fault;
use crate::kubectl::session::Session;

impl Options {
    /// Makes a pod that runs in a node's namespaces.
    pub(super) fn visit_node(&self, node: &str, session: &mut Session<'_>) -> Result<Made, Fault> {
        let (pod, container) = self.generate_node_debug_pod(node, session)?;
        let resource = Resource::kind(Kind::Pod).within(&session.namespace);
        let made = session.client.create(resource, pod, WriteOptions::default())?;
        Ok((made.key(), container))
    }

    fn generate_node_debug_pod(&self, node: &str, session: &Session<'_>) -> Result<(Value, String), Fault> {
        let container = match self.args.container.as_str() {
            "" => "debugger",
            named => named,
        };
        let name = free_name(node, session);
        if !self.args.quiet {
            session.ui.out(&format!("Creating debugging pod {name} with container {container} on node {node}.\n"));
        }
        let mut pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": "kubectl-debug"}},
            "spec": {
                "containers": [self.new_container(container)],
                "nodeName": node,
                "restartPolicy": "Never",
                "tolerations": [{"operator": "Exists"}],
            },
        });
        self.profile.apply(&mut pod, container, Style::Node);
        self.apply_custom_profile(&mut pod, "containers", container)?;
        Ok((pod, container.to_string()))
    }
}

/// A name that no pod has yet: the moment may be the same as the last time.
fn free_name(node: &str, session: &Session<'_>) -> String {
    let named = |n| format!("node-debugger-{node}-{}", suffix(session, &format!("node/{node}"), n));
    let key = |name: &str| ObjectKey::new(Kind::Pod, session.namespace.as_str(), name);
    let is_free = |name: &String| !matches!(session.client.find(&key(name)), Ok(Some(_)));
    (0..).map(named).find(is_free).unwrap_or_default()
}
