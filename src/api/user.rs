//! Who asks: a name and the groups that it belongs to.

use std::collections::{BTreeMap, BTreeSet};

/// The group whose members may do everything, whatever the roles say.
pub const MASTERS: &str = "system:masters";

/// The group of everybody whom the server knows.
pub const AUTHENTICATED: &str = "system:authenticated";

/// Who asks. Mirrors `user.Info` of `k8s.io/apiserver/pkg/authentication/user`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct User {
    /// Its name; `system:serviceaccount:NAMESPACE:NAME` for a service account.
    pub name: String,
    /// What tells it from another one of its name; empty for none.
    pub uid: String,
    /// The groups that it belongs to.
    pub groups: BTreeSet<String>,
    /// What else is known of it, by key.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl User {
    /// The cluster's admin, whom the kubeconfig of a new cluster names.
    pub fn admin(context: &str) -> User {
        User::member(&format!("admin@{context}"), &[MASTERS])
    }

    /// A part of the control plane, which may do what it does.
    pub fn component(name: &str) -> User {
        User::member(name, &[MASTERS])
    }

    fn member(name: &str, groups: &[&str]) -> User {
        let groups = groups.iter().chain(&[AUTHENTICATED]).map(|g| g.to_string()).collect();
        User { name: name.to_string(), groups, ..User::default() }
    }

    /// A user that is impersonated, with the groups that were named. Mirrors `WithImpersonation`: a service account
    /// without groups has those of its kind, and everybody but the anonymous user is authenticated.
    pub fn impersonated(name: &str, uid: &str, groups: &[String]) -> User {
        let mut all: BTreeSet<String> = groups.iter().cloned().collect();
        let account = name.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'));
        if let Some((namespace, _)) = account.filter(|_| groups.is_empty()) {
            all.insert("system:serviceaccounts".into());
            all.insert(format!("system:serviceaccounts:{namespace}"));
        }
        all.insert(if name == "system:anonymous" { "system:unauthenticated" } else { AUTHENTICATED }.into());
        User { name: name.to_string(), uid: uid.to_string(), groups: all, extra: BTreeMap::new() }
    }

    /// The groups in the order in which the server tells them: that of everybody whom it knows comes last, since it is
    /// added to those that a client brings. Mirrors `AuthenticatedGroupAdder`.
    pub fn listed_groups(&self) -> Vec<String> {
        let (last, mut all): (Vec<_>, Vec<_>) = self.groups.iter().cloned().partition(|group| group == AUTHENTICATED);
        all.extend(last);
        all
    }

    /// Whether no role is asked for what it does. Mirrors `NewPrivilegedGroups(user.SystemPrivilegedGroup)`.
    pub fn is_privileged(&self) -> bool {
        self.groups.contains(MASTERS)
    }
}
