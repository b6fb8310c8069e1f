//! Which cluster, user and namespace a command works with: the kubeconfig with what the command line says instead.
//!
//! Mirrors `DirectClientConfig` of `k8s.io/client-go/tools/clientcmd/client_config.go` and `validation.go`.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::access::{ConfigAccess, go_io_error};
use super::{Config, Fields, Section, Stanza, paths, set};
use crate::api::Duration;
use crate::error::Failure;
use crate::host::files::Files;

/// What the command line says instead of the kubeconfig. Mirrors `ConfigOverrides`.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--context`
    pub context: String,
    /// `--cluster`
    pub cluster: String,
    /// `--user`
    pub user: String,
    /// `-n`
    pub namespace: String,
    /// Fields of the user, `--token`.
    pub auth: Fields,
    /// Fields of the cluster, `--server`.
    pub server: Fields,
    /// `--request-timeout`
    pub timeout: String,
}

impl Overrides {
    /// Sets a field of the user, if there is something in it.
    pub fn set_auth(&mut self, field: &str, value: impl Into<Value>) {
        set(&mut self.auth, field, value.into());
    }

    /// Sets a field of the cluster, if there is something in it.
    pub fn set_server(&mut self, field: &str, value: impl Into<Value>) {
        set(&mut self.server, field, value.into());
    }
}

/// Who is impersonated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Impersonation {
    /// The user's name; empty for nobody.
    pub user: String,
    /// Its uid.
    pub uid: String,
    /// Its groups.
    pub groups: Vec<String>,
    /// What else is said of it, by key.
    pub extra: BTreeMap<String, Vec<String>>,
}

/// What a command works with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chosen {
    /// The context's name; empty for none.
    pub context: String,
    /// The cluster's name; empty for none.
    pub cluster: String,
    /// The user's name; empty for none.
    pub user: String,
    /// Who is impersonated.
    pub impersonate: Impersonation,
    /// How long a request may take; none for as long as it needs.
    pub timeout: Option<Duration>,
}

/// What is wrong with a kubeconfig. Mirrors `errConfigurationInvalid` and `errContextNotFound`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// One thing, found while something was looked up.
    Plain(String),
    /// What checks found.
    Invalid(Vec<Invalid>),
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invalid {
    /// There is no context of that name.
    ContextNotFound(String),
    /// Anything else.
    Other(String),
}

impl Invalid {
    fn text(&self) -> String {
        match self {
            Invalid::ContextNotFound(name) => format!("context was not found for specified context: {name}"),
            Invalid::Other(text) => text.clone(),
        }
    }
}

impl Fault {
    /// What kubectl prints. `collected` says that the command collects errors before it prints them: then even a single
    /// one keeps its heading. Mirrors `checkErr`.
    pub fn failure(&self, collected: bool) -> Failure {
        const HEADING: &str = "Error in configuration: ";
        match self {
            Fault::Plain(text) => Failure::error(text),
            Fault::Invalid(found) => match found.as_slice() {
                [Invalid::Other(text)] if !collected => Failure::error(text),
                [one] => Failure::raw(format!("{HEADING}{}", one.text())),
                many => {
                    let lines: String = many.iter().map(|one| format!("\n* {}", one.text())).collect();
                    Failure::raw(format!("{HEADING}{lines}"))
                }
            },
        }
    }
}

/// A kubeconfig and what the command line says.
pub struct ClientConfig<'a> {
    access: &'a ConfigAccess<'a>,
    config: Config,
    overrides: Overrides,
}

impl<'a> ClientConfig<'a> {
    /// Reads the files.
    ///
    /// # Errors
    /// What is wrong with them; `stat FILE: no such file or directory` if the one that `--kubeconfig` names is not there.
    pub fn load(access: &'a ConfigAccess<'a>, overrides: Overrides) -> Result<ClientConfig<'a>, Failure> {
        let missing = || Failure::error(format!("stat {}: no such file or directory", access.explicit));
        let mut config = access.load()?.ok_or_else(missing)?;
        for section in Section::ALL {
            for stanza in config.section_mut(section).values_mut().filter(|s| !s.origin.is_empty()) {
                let base = access.base_of(&stanza.origin);
                paths::resolve(section, stanza, &base);
            }
        }
        Ok(ClientConfig { access, config, overrides })
    }

    /// The context's name, and whether the command line says it.
    fn context_name(&self) -> (&str, bool) {
        match self.overrides.context.as_str() {
            "" => (&self.config.current_context, false),
            name => (name, true),
        }
    }

    fn context(&self) -> Result<Stanza, String> {
        let (name, required) = self.context_name();
        let found = self.config.contexts.get(name);
        if found.is_none() && required {
            return Err(format!("context {name:?} does not exist"));
        }
        let mut context = found.cloned().unwrap_or_default();
        for (field, value) in [
            ("cluster", &self.overrides.cluster),
            ("user", &self.overrides.user),
            ("namespace", &self.overrides.namespace),
        ] {
            if !value.is_empty() {
                context.set(field, value.as_str());
            }
        }
        Ok(context)
    }

    /// The name of the user or the cluster: of the command line, else of the context.
    fn name(&self, named: &str, field: &str) -> (String, bool) {
        match named {
            "" => (self.context().map(|c| c.text(field).to_string()).unwrap_or_default(), false),
            name => (name.to_string(), true),
        }
    }

    fn user_name(&self) -> (String, bool) {
        self.name(&self.overrides.user, "user")
    }

    fn cluster_name(&self) -> (String, bool) {
        self.name(&self.overrides.cluster, "cluster")
    }

    fn user(&self) -> Result<Stanza, String> {
        let (name, required) = self.user_name();
        let found = self.config.users.get(&name);
        if found.is_none() && required {
            return Err(format!("auth info {name:?} does not exist"));
        }
        let mut user = found.cloned().unwrap_or_default();
        user.fields.extend(self.overrides.auth.clone());
        // What the command line names is not to be mixed with what the file holds.
        for field in ["client-key", "client-certificate"] {
            if self.overrides.auth.contains_key(field) {
                user.fields.remove(&format!("{field}-data"));
            }
        }
        Ok(user)
    }

    fn cluster(&self) -> Result<Stanza, String> {
        let (name, required) = self.cluster_name();
        let found = self.config.clusters.get(&name);
        if found.is_none() && required {
            return Err(format!("cluster {name:?} does not exist"));
        }
        let mut cluster = found.cloned().unwrap_or_default();
        let overrides = &self.overrides.server;
        if overrides.contains_key("insecure-skip-tls-verify") || overrides.contains_key("certificate-authority") {
            for field in ["insecure-skip-tls-verify", "certificate-authority", "certificate-authority-data"] {
                cluster.fields.remove(field);
            }
        }
        if overrides.contains_key("server") {
            cluster.fields.remove("tls-server-name");
        }
        cluster.fields.extend(overrides.clone());
        if cluster.text("server").is_empty() {
            cluster.set("server", "http://localhost:8080");
        }
        Ok(cluster)
    }

    /// Mirrors `ConfirmUsable`.
    fn confirm_usable(&self) -> Result<(), Fault> {
        let mut found = Vec::new();
        let (name, _) = self.context_name();
        if !name.is_empty() && !self.config.contexts.contains_key(name) {
            found.push(Invalid::ContextNotFound(name.to_string()));
        }
        let user = self.user().unwrap_or_default();
        found.extend(self.check_user(&self.user_name().0, &user).into_iter().map(Invalid::Other));
        let cluster = self.cluster().unwrap_or_default();
        found.extend(self.check_cluster(&self.cluster_name().0, &cluster).into_iter().map(Invalid::Other));
        if found.is_empty() { Ok(()) } else { Err(Fault::Invalid(found)) }
    }

    /// The namespace, and whether the command line names it.
    ///
    /// # Errors
    /// What is wrong with the context, the user or the cluster, unless the command line names a namespace.
    pub fn namespace(&self) -> Result<(String, bool), Fault> {
        if !self.overrides.namespace.is_empty() {
            return Ok((self.overrides.namespace.clone(), true));
        }
        self.confirm_usable()?;
        let context = self.context().map_err(Fault::Plain)?;
        Ok(match context.text("namespace") {
            "" => ("default".into(), false),
            namespace => (namespace.to_string(), false),
        })
    }

    /// What to work with.
    ///
    /// # Errors
    /// A user, a context or a cluster that does not exist, and what is wrong with those that do.
    pub fn choose(&self) -> Result<Chosen, Fault> {
        let user = self.user().map_err(Fault::Plain)?;
        self.context().map_err(Fault::Plain)?;
        self.cluster().map_err(Fault::Plain)?;
        self.confirm_usable()?;
        let texts = |list: Option<&Value>| -> Vec<String> {
            let list = list.and_then(Value::as_array).into_iter().flatten();
            list.filter_map(Value::as_str).map(String::from).collect()
        };
        let extra = user.fields.get("as-user-extra").and_then(Value::as_object).into_iter().flatten();
        Ok(Chosen {
            context: self.context_name().0.to_string(),
            cluster: self.cluster_name().0,
            user: self.user_name().0,
            impersonate: Impersonation {
                user: user.text("as").to_string(),
                uid: user.text("as-uid").to_string(),
                groups: texts(user.fields.get("as-groups")),
                extra: extra.map(|(key, values)| (key.clone(), texts(Some(values)))).collect(),
            },
            timeout: parse_timeout(&self.overrides.timeout).map_err(|e| Fault::Plain(e.to_string()))?,
        })
    }

    fn unreadable(&self, path: &str) -> Option<String> {
        self.access.files.check_readable(path).err().map(|e| go_io_error("open", path, &e))
    }

    /// Mirrors `validateAuthInfo`.
    fn check_user(&self, name: &str, user: &Stanza) -> Vec<String> {
        let mut found = Vec::new();
        let has = |field: &str| user.fields.contains_key(field);
        let mut methods = Vec::new();
        if has("token") {
            methods.push("token");
        }
        if has("username") || has("password") {
            methods.push("basicAuth");
        }
        if has("client-certificate") || has("client-certificate-data") {
            if has("client-certificate") && has("client-certificate-data") {
                found.push(format!(
                    "client-cert-data and client-cert are both specified for {name}. client-cert-data will override."
                ));
            }
            if has("client-key") && has("client-key-data") {
                found.push(format!(
                    "client-key-data and client-key are both specified for {name}; client-key-data will override"
                ));
            }
            if !has("client-key") && !has("client-key-data") {
                found.push(format!(
                    "client-key-data or client-key must be specified for {name} to use the clientCert authentication method."
                ));
            }
            for (field, short) in [("client-certificate", "client-cert"), ("client-key", "client-key")] {
                let path = user.text(field);
                if let Some(why) = Some(path).filter(|p| !p.is_empty()).and_then(|p| self.unreadable(p)) {
                    found.push(format!("unable to read {short} {path} for {name} due to {why}"));
                }
            }
        }
        if let Some(Value::Object(exec)) = user.fields.get("exec") {
            found.extend(check_exec(name, exec, has("auth-provider")));
        }
        if methods.len() > 1 {
            let methods = methods.join(" ");
            found.push(format!(
                "more than one authentication method found for {name}; found [{methods}], only one is allowed"
            ));
        }
        if (has("as-uid") || has("as-groups") || has("as-user-extra")) && !has("as") {
            found.push(format!("requesting uid, groups or user-extra for {name} without impersonating a user"));
        }
        found
    }

    /// Mirrors `validateClusterInfo`.
    fn check_cluster(&self, name: &str, cluster: &Stanza) -> Vec<String> {
        let mut found = Vec::new();
        if cluster.text("server").is_empty() {
            found.push(match name {
                "" => "default cluster has no server defined".into(),
                name => format!("no server found for cluster {name:?}"),
            });
        }
        let proxy = cluster.text("proxy-url");
        let scheme = proxy.split_once(':').map_or("", |(scheme, _)| scheme);
        if !proxy.is_empty() && !matches!(scheme, "http" | "https" | "socks5") {
            found.push(format!(
                "invalid 'proxy-url' {proxy:?} for cluster {name:?}: unsupported scheme {scheme:?}, must be http, https, or socks5"
            ));
        }
        let authority = cluster.text("certificate-authority");
        if !authority.is_empty() && cluster.fields.contains_key("certificate-authority-data") {
            found.push(format!(
                "certificate-authority-data and certificate-authority are both specified for {name}. \
                 certificate-authority-data will override."
            ));
        }
        if let Some(why) = Some(authority).filter(|p| !p.is_empty()).and_then(|p| self.unreadable(p)) {
            found.push(format!("unable to read certificate-authority {authority} for {name} due to {why}"));
        }
        found
    }
}

fn check_exec(name: &str, exec: &Map<String, Value>, has_provider: bool) -> Vec<String> {
    let mut found = Vec::new();
    let text = |field: &str| exec.get(field).and_then(Value::as_str).unwrap_or_default();
    let to_use = format!("for {name} to use exec authentication plugin");
    if has_provider {
        found.push(format!("authProvider cannot be provided in combination with an exec plugin for {name}"));
    }
    if text("command").is_empty() {
        found.push(format!("command must be specified {to_use}"));
    }
    if text("apiVersion").is_empty() {
        found.push(format!("apiVersion must be specified {to_use}"));
    }
    for variable in exec.get("env").and_then(Value::as_array).into_iter().flatten() {
        if variable["name"].as_str().unwrap_or_default().is_empty() {
            found.push(format!("env variable name must be specified {to_use}"));
        }
    }
    match text("interactiveMode") {
        "" => found.push(format!("interactiveMode must be specified {to_use}")),
        "Never" | "IfAvailable" | "Always" => {}
        mode => found.push(format!("invalid interactiveMode for {name}: {mode:?}")),
    }
    found
}

/// Mirrors `ParseTimeout`; none for no limit.
fn parse_timeout(text: &str) -> Result<Option<Duration>, &'static str> {
    let span = match text.parse::<u32>() {
        _ if text.is_empty() => return Ok(None),
        Ok(seconds) => Ok(Duration::secs(seconds.into())),
        Err(_) => Duration::parse(text),
    };
    span.map(|span| Some(span).filter(|span| *span > Duration::ZERO)).map_err(|_| {
        "Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a corresponding \
         time unit (e.g. 1s | 2m | 3h)"
    })
}

/// A file's text as `--flatten` takes it in. Mirrors `FlattenContent`.
///
/// # Errors
/// When the data is there already, or the file can't be read.
pub fn flatten(stanza: &mut Stanza, field: &str, base: &Path, files: &Files) -> Result<(), Failure> {
    let path = stanza.text(field).to_string();
    if path.is_empty() {
        return Ok(());
    }
    let data = format!("{field}-data");
    if stanza.fields.contains_key(&data) {
        return Err(Failure::error("cannot have values for both path and contents"));
    }
    let path = paths::absolute(&path, base);
    let bytes = files.read(&path).map_err(|e| Failure::error(go_io_error("open", &path, &e)))?;
    stanza.set(&data, serde_json::to_value(k8s_openapi::ByteString(bytes)).unwrap_or_default());
    stanza.fields.remove(field);
    Ok(())
}
