//! Who asks: the cluster's admin, or somebody that is impersonated.

use std::collections::BTreeSet;

/// Who asks: a user and its groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its name; `system:serviceaccount:NAMESPACE:NAME` for a service account.
    pub name: String,
    /// The groups that it belongs to.
    pub groups: BTreeSet<String>,
}

impl User {
    /// A user that is impersonated, with the groups that were named.
    pub fn impersonated(name: &str, groups: &[String]) -> User {
        let mut all: BTreeSet<String> = groups.iter().cloned().collect();
        let account = name.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'));
        if let Some((namespace, _)) = account.filter(|_| groups.is_empty()) {
            all.insert("system:serviceaccounts".into());
            all.insert(format!("system:serviceaccounts:{namespace}"));
        }
        all.insert(if name == "system:anonymous" { "system:unauthenticated" } else { "system:authenticated" }.into());
        User { name: name.to_string(), groups: all }
    }

    /// The groups as Go prints a list.
    pub fn groups(&self) -> String {
        format!("[{}]", self.groups.iter().cloned().collect::<Vec<_>>().join(" "))
    }
}
