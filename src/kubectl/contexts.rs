//! Where a command stands among clusters: the kubeconfig, and what was chosen from it.

use super::kubeconfig::access::ConfigAccess;
use super::kubeconfig::client::Chosen;

/// The kubeconfig, and what was chosen from it.
pub struct Contexts<'a> {
    /// The files.
    pub access: ConfigAccess<'a>,
    /// The context, the cluster and the user; those that `kubectl config` works with are not chosen.
    pub chosen: Chosen,
    /// `--context`; empty for none.
    pub named: String,
}

impl Contexts<'_> {
    /// The name of the cluster in use.
    pub fn current(&self) -> String {
        self.chosen.cluster.clone()
    }
}
