//! `config set-credentials`: a user's certificate, token, password, or the command that prints them.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/config/set_credentials.go`.

use serde_json::{Map, Value, json};

use super::entries::absolute;
use super::{check_file, embedded, help_and_error};
use crate::error::Failure;
use crate::kubectl::kubeconfig::{Stanza, set as set_field};
use crate::kubectl::session::Session;

/// Set a user entry in kubeconfig.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// The user's name
    names: Vec<String>,
    /// Path to client-certificate file for the user entry in kubeconfig
    #[arg(long)]
    client_certificate: Option<String>,
    /// Path to client-key file for the user entry in kubeconfig
    #[arg(long)]
    client_key: Option<String>,
    /// token for the user entry in kubeconfig
    #[arg(long)]
    token: Option<String>,
    /// username for the user entry in kubeconfig
    #[arg(long)]
    username: Option<String>,
    /// password for the user entry in kubeconfig
    #[arg(long)]
    password: Option<String>,
    /// Auth provider for the user entry in kubeconfig
    #[arg(long)]
    auth_provider: Option<String>,
    /// 'key=value' arguments for the auth provider
    #[arg(long, value_delimiter = ',')]
    auth_provider_arg: Vec<String>,
    /// Command for the exec credential plugin for the user entry in kubeconfig
    #[arg(long)]
    exec_command: Option<String>,
    /// API version of the exec credential plugin for the user entry in kubeconfig
    #[arg(long)]
    exec_api_version: Option<String>,
    /// InteractiveMode of the exec credentials plugin for the user entry in kubeconfig
    #[arg(long)]
    exec_interactive_mode: Option<String>,
    /// ProvideClusterInfo of the exec credentials plugin for the user entry in kubeconfig
    #[arg(long)]
    exec_provide_cluster_info: Option<bool>,
    /// New arguments for the exec credential plugin command for the user entry in kubeconfig
    #[arg(long, value_delimiter = ',')]
    exec_arg: Vec<String>,
    /// 'key=value' environment values for the exec credential plugin
    #[arg(long)]
    exec_env: Vec<String>,
    /// Embed client cert/key for the user entry in kubeconfig
    #[arg(long)]
    embed_certs: Option<bool>,
}

/// Values to set, and names to take away.
type Pairs = (Vec<(String, String)>, Vec<String>);

pub(super) fn set(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let help = |text: &str| help_and_error("set-credentials", text, session);
    let [name] = args.names.as_slice() else {
        return Err(help(&format!("unexpected args: [{}]", args.names.join(" "))));
    };
    let provider = pairs(&args.auth_provider_arg, "auth-provider-arg").map_err(|e| help(&e))?;
    let environment = pairs(&args.exec_env, "exec-env").map_err(|e| help(&e))?;
    validate(name, args, session)?;
    let mut config = session.contexts.access.starting_config()?;
    let user = config.users.entry(name.clone()).or_default();
    set_certificates(args, user, session);
    set_provider(args, user, &provider);
    set_exec(args, user, &environment);
    let given = |value: &Option<String>| value.as_ref().is_some_and(|v| !v.is_empty());
    let (token, basic) = (given(&args.token), given(&args.username) || given(&args.password));
    for (field, value) in [("token", &args.token), ("username", &args.username), ("password", &args.password)] {
        if let Some(value) = value {
            user.set(field, value.as_str());
        }
    }
    // One way to log in drives out the other.
    if basic && !token {
        user.fields.remove("token");
    }
    if token && !basic {
        user.fields.remove("username");
        user.fields.remove("password");
    }
    session.contexts.access.modify(&config, true)?;
    session.ui.out(&format!("User {name:?} set.\n"));
    Ok(())
}

fn validate(name: &str, args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    if name.is_empty() {
        return Err(Failure::error("you must specify a non-empty user name"));
    }
    let text = |flag: &Option<String>| flag.clone().unwrap_or_default();
    if !text(&args.token).is_empty() && !(text(&args.username) + &text(&args.password)).is_empty() {
        return Err(Failure::error(
            "you cannot specify more than one authentication method at the same time: --token, --username/--password",
        ));
    }
    if args.embed_certs == Some(true) {
        let (certificate, key) = (text(&args.client_certificate), text(&args.client_key));
        if certificate.is_empty() && key.is_empty() {
            return Err(Failure::error("you must specify a --client-certificate or --client-key to embed"));
        }
        for (flag, path) in [("client-certificate", certificate), ("client-key", key)] {
            if !path.is_empty() {
                check_file(flag, &path, session)?;
            }
        }
    }
    match args.exec_interactive_mode.as_deref() {
        None | Some("IfAvailable" | "Never" | "Always") => Ok(()),
        Some(_) => Err(Failure::error("invalid interactive mode type, can be only IfAvailable, Never, Always")),
    }
}

fn set_certificates(args: &Args, user: &mut Stanza, session: &Session<'_>) {
    for (field, path) in [("client-certificate", &args.client_certificate), ("client-key", &args.client_key)] {
        let Some(path) = path else { continue };
        let data = format!("{field}-data");
        if args.embed_certs == Some(true) {
            user.set(&data, embedded(path, session));
            user.fields.remove(field);
        } else {
            user.set(field, absolute(path, session));
            user.fields.remove(&data);
        }
    }
}

fn set_provider(args: &Args, user: &mut Stanza, (new, gone): &Pairs) {
    let current = user.fields.get("auth-provider").and_then(|p| p["name"].as_str().map(String::from));
    if let Some(name) = args.auth_provider.as_ref().filter(|name| current.as_ref() != Some(*name)) {
        user.fields.insert("auth-provider".into(), json!({"name": name}));
    }
    let Some(Value::Object(provider)) = user.fields.get_mut("auth-provider") else { return };
    let config = provider.entry("config").or_insert_with(|| json!({}));
    let Value::Object(config) = config else { return };
    gone.iter().for_each(|name| _ = config.remove(name));
    config.extend(new.iter().map(|(name, value)| (name.clone(), json!(value))));
}

fn set_exec(args: &Args, user: &mut Stanza, (new, gone): &Pairs) {
    if let Some(command) = &args.exec_command {
        let exec = user.fields.entry("exec").or_insert_with(|| json!({}));
        exec["command"] = json!(command);
        // Its arguments were the old command's.
        exec.as_object_mut().map(|exec| exec.remove("args"));
    }
    let Some(Value::Object(exec)) = user.fields.get_mut("exec") else { return };
    for (field, value) in [("apiVersion", &args.exec_api_version), ("interactiveMode", &args.exec_interactive_mode)] {
        if let Some(value) = value {
            set_field(exec, field, json!(value));
        }
    }
    if !args.exec_arg.is_empty() {
        exec.insert("args".into(), json!(args.exec_arg));
    }
    if let Some(provide) = args.exec_provide_cluster_info {
        set_field(exec, "provideClusterInfo", json!(provide));
    }
    let mut environment = exec.get("env").and_then(Value::as_array).cloned().unwrap_or_default();
    let named = |variable: &Value, name: &str| variable["name"].as_str() == Some(name);
    environment.retain(|variable| !gone.iter().any(|name| named(variable, name)));
    for (name, value) in new {
        match environment.iter_mut().find(|variable| named(variable, name)) {
            Some(variable) => variable["value"] = json!(value),
            None => environment.push(json!({"name": name, "value": value})),
        }
    }
    set_field(exec, "env", Value::Array(environment));
}

/// `KEY=VALUE` and `KEY-`. Mirrors `ParsePairs` of `k8s.io/kubectl/pkg/cmd/util`.
fn pairs(args: &[String], what: &str) -> Result<Pairs, String> {
    let (mut new, mut gone, mut invalid) = (Map::new(), Vec::new(), Vec::new());
    for arg in args {
        match arg.split_once('=') {
            Some((key, value)) if !key.is_empty() => _ = new.insert(key.to_string(), json!(value)),
            _ => match arg.strip_suffix('-').filter(|key| !key.is_empty()) {
                Some(key) => gone.push(key.to_string()),
                None => invalid.push(arg.as_str()),
            },
        }
    }
    match invalid.as_slice() {
        [] => {
            let new = new.into_iter().filter_map(|(key, value)| Some((key, value.as_str()?.to_string())));
            Ok((new.collect(), gone))
        }
        all => Err(format!("invalid {what} format: {}", all.join(", "))),
    }
}
