//! Which cluster of kstate's, and which namespace, a command line means.

use std::cell::RefCell;
use std::io;

use crate::api::user::User;
use crate::cli::global::Global;
use crate::cli::home::{self, Home};
use crate::error::Failure;
use crate::host::Host;
use crate::kubectl::contexts::Contexts;
use crate::kubectl::kubeconfig::Config;
use crate::kubectl::kubeconfig::access::{ConfigAccess, OwnFile};
use crate::kubectl::kubeconfig::client::{Chosen, ClientConfig};

/// The commands that ask for the namespace before anything else, so that what is wrong with the kubeconfig is found by the
/// checks of that. kubectl has no rule for it.
const NAMESPACE_FIRST: [&str; 33] = [
    "annotate",
    "apply edit-last-applied",
    "apply set-last-applied",
    "apply view-last-applied",
    "attach",
    "auth reconcile",
    "cp",
    "create token",
    "debug",
    "delete",
    "describe",
    "edit",
    "events",
    "exec",
    "get",
    "label",
    "logs",
    "patch",
    "port-forward",
    "rollout history",
    "rollout pause",
    "rollout restart",
    "rollout resume",
    "rollout status",
    "rollout undo",
    "scale",
    "set image",
    "set resources",
    "set selector",
    "set serviceaccount",
    "set subject",
    "taint",
    "top pod",
];

/// Those that collect what is wrong before they print it.
const COLLECTING: [&str; 12] = [
    "annotate",
    "apply edit-last-applied",
    "apply view-last-applied",
    "delete",
    "describe",
    "edit",
    "get",
    "label",
    "patch",
    "set resources",
    "set serviceaccount",
    "set subject",
];

/// What a command line means.
pub struct Standing<'a> {
    /// The kubeconfig and what was chosen from it.
    pub contexts: Contexts<'a>,
    /// The namespace.
    pub namespace: String,
    /// Whether the command line names it.
    pub namespace_given: bool,
}

impl<'a> Standing<'a> {
    /// Looks up what the flags and the kubeconfig say. `path` is the command, `set image`; `needs_cluster` says whether it
    /// looks at a cluster at all; `environment` are the files that `KUBECONFIG` names.
    ///
    /// # Errors
    /// client-go's texts for a kubeconfig that is wrong, and for what it doesn't hold.
    pub fn find(
        global: &Global,
        program: &str,
        path: &str,
        needs_cluster: bool,
        own: &'a dyn OwnFile,
        environment: Vec<String>,
        host: &Host,
    ) -> Result<Standing<'a>, Failure> {
        let overrides = global.overrides(program);
        let named = overrides.context.clone();
        let access = ConfigAccess {
            explicit: global.kubeconfig.clone().unwrap_or_default(),
            environment,
            own,
            files: host.files.clone(),
        };
        if !needs_cluster {
            let contexts = Contexts { access, chosen: Chosen::default(), named };
            let namespace_given = !overrides.namespace.is_empty();
            return Ok(Standing { contexts, namespace: overrides.namespace, namespace_given });
        }
        let collects = COLLECTING.contains(&path) && !overrides.namespace.is_empty();
        let (chosen, (namespace, namespace_given)) = {
            let client = ClientConfig::load(&access, overrides)?;
            if NAMESPACE_FIRST.contains(&path) {
                client.namespace().map_err(|fault| fault.failure(false))?;
            }
            let chosen = client.choose().map_err(|fault| fault.failure(collects))?;
            (chosen, client.namespace().map_err(|fault| fault.failure(false))?)
        };
        Ok(Standing { contexts: Contexts { access, chosen, named }, namespace, namespace_given })
    }

    /// The user that is impersonated; none for the cluster's admin.
    pub fn user(&self) -> Option<User> {
        let impersonate = &self.contexts.chosen.impersonate;
        Some(impersonate).filter(|i| !i.user.is_empty()).map(|i| User {
            // Keys go over the wire as the names of headers, which the server reads in small letters.
            extra: i.extra.iter().map(|(key, values)| (key.to_lowercase(), values.clone())).collect(),
            ..User::impersonated(&i.user, &i.uid, &i.groups)
        })
    }
}

/// The files that `KUBECONFIG` names, each once.
pub fn environment(host: &Host) -> Vec<String> {
    let mut files = Vec::new();
    for file in host.paths("KUBECONFIG").iter().map(|file| file.to_string_lossy().into_owned()) {
        if !files.contains(&file) {
            files.push(file);
        }
    }
    files
}

impl OwnFile for Home {
    fn name(&self) -> String {
        self.file(home::KUBECONFIG).display().to_string()
    }

    fn read(&self) -> Result<Config, String> {
        self.kubeconfig()
    }

    fn write(&self, text: &str) -> io::Result<()> {
        Home::write(self, home::KUBECONFIG, text).map_err(|e| io::Error::other(format!("{e:#}")))
    }
}

/// The kubeconfig of a lesson or a test, which its cluster keeps.
pub struct Kept {
    text: RefCell<Option<String>>,
    changed: RefCell<Option<String>>,
}

impl Kept {
    /// What the cluster keeps; none for a cluster that is as it was made.
    pub fn new(text: Option<String>) -> Kept {
        Kept { text: RefCell::new(text), changed: RefCell::new(None) }
    }

    /// What was written, once.
    pub fn take_changed(&self) -> Option<String> {
        self.changed.take()
    }
}

impl OwnFile for Kept {
    fn name(&self) -> String {
        "~/.kube/config".into()
    }

    fn read(&self) -> Result<Config, String> {
        match self.text.borrow().as_deref() {
            Some(text) => Config::read(text, &self.name()),
            None => Ok(home::kubeconfig_of(&[home::DEFAULT_CLUSTER.to_string()], home::DEFAULT_CLUSTER, &self.name())),
        }
    }

    fn write(&self, text: &str) -> io::Result<()> {
        self.text.replace(Some(text.to_string()));
        self.changed.replace(Some(text.to_string()));
        Ok(())
    }
}
