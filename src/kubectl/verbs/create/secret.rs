//! `create secret`: generic, docker-registry and tls.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use serde_json::{Map, Value, json};

use crate::api::{Kind, names};
use crate::error::Failure;
use crate::host::reason;
use crate::kubectl::print::errors::{sub_command_needed, usage};
use crate::kubectl::session::Session;
use crate::kubectl::verbs::create::generator::{Common, Generator};
use crate::kubectl::verbs::create::{hash, key_pair, sources};
use crate::printers::json::to_compact;

/// Create a secret with specified type.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    secret: Option<Secret>,
    /// Arguments that name no type of secret
    #[arg(hide = true)]
    rest: Vec<String>,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Secret {
    /// Create a secret for use with a Docker registry
    DockerRegistry(DockerRegistry),
    /// Create a secret from a local file, directory, or literal value
    Generic(Generic),
    /// Create a TLS secret
    Tls(Tls),
}

/// Create a secret based on a file, directory, or specified literal value.
#[derive(Debug, Clone, clap::Args)]
struct Generic {
    #[command(flatten)]
    common: Common,
    /// Append a hash of the secret to its name
    #[arg(long)]
    append_hash: bool,
    /// The path to a file to read lines of key=val pairs from
    #[arg(long, value_delimiter = ',')]
    from_env_file: Vec<String>,
    /// A file, or a folder of files, with an optional key before it
    #[arg(long, value_delimiter = ',')]
    from_file: Vec<String>,
    /// A key and literal value to insert (i.e. mykey=somevalue)
    #[arg(long)]
    from_literal: Vec<String>,
    /// The type of secret to create
    #[arg(long = "type")]
    secret_type: Option<String>,
}

/// Create a new secret for use with Docker registries.
#[derive(Debug, Clone, clap::Args)]
struct DockerRegistry {
    #[command(flatten)]
    common: Common,
    /// Append a hash of the secret to its name
    #[arg(long)]
    append_hash: bool,
    /// Email for Docker registry
    #[arg(long, default_value = "")]
    docker_email: String,
    /// Password for Docker registry authentication
    #[arg(long, default_value = "")]
    docker_password: String,
    /// Server location for Docker registry
    #[arg(long, default_value = "https://index.docker.io/v1/")]
    docker_server: String,
    /// Username for Docker registry authentication
    #[arg(long, default_value = "")]
    docker_username: String,
    /// A file in Docker's own format
    #[arg(long, value_delimiter = ',')]
    from_file: Vec<String>,
}

/// Create a TLS secret from the given public/private key pair.
#[derive(Debug, Clone, clap::Args)]
struct Tls {
    #[command(flatten)]
    common: Common,
    /// Append a hash of the secret to its name
    #[arg(long)]
    append_hash: bool,
    /// Path to PEM encoded public key certificate
    #[arg(long, default_value = "")]
    cert: String,
    /// Path to private key associated with given certificate
    #[arg(long, default_value = "")]
    key: String,
}

const DOCKER_KEY: &str = ".dockerconfigjson";

/// Runs the generator.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: &Args, session: &mut Session<'_>) -> Result<(), Failure> {
    match &args.secret {
        Some(Secret::Generic(args)) => generic(args, session),
        Some(Secret::DockerRegistry(args)) => docker_registry(args, session),
        Some(Secret::Tls(args)) => tls(args, session),
        None if args.rest.is_empty() => Err(sub_command_needed(session, "create secret")),
        None => Err(usage(session, "create secret", &format!("unknown command {:?}", args.rest.join(" ")))),
    }
}

fn generic(args: &Generic, session: &mut Session<'_>) -> Result<(), Failure> {
    let generator = args.common.start("create secret generic", session)?;
    generator.require_name()?;
    if !args.from_env_file.is_empty() && (!args.from_file.is_empty() || !args.from_literal.is_empty()) {
        return Err(Failure::error("from-env-file cannot be combined with from-file or from-literal"));
    }
    let mut data = Data::default();
    let mut collect = || -> Result<(), String> {
        for source in &args.from_literal {
            data.add(sources::literal(source)?)?;
        }
        for source in &args.from_file {
            sources::file(session, source)?.into_iter().try_for_each(|e| data.add(e))?;
        }
        for source in &args.from_env_file {
            sources::env_file(session, source, "secret")?.into_iter().try_for_each(|e| data.add(e))?;
        }
        Ok(())
    };
    collect().map_err(Failure::error)?;
    data.finish(generator, session, args.secret_type.as_deref().unwrap_or_default(), args.append_hash)
}

fn docker_registry(args: &DockerRegistry, session: &mut Session<'_>) -> Result<(), Failure> {
    let generator = args.common.start("create secret docker-registry", session)?;
    generator.require_name()?;
    let (user, password) = (&args.docker_username, &args.docker_password);
    let mut data = Data::default();
    if args.from_file.is_empty() {
        if user.is_empty() || password.is_empty() || args.docker_server.is_empty() {
            return Err(Failure::error(
                "either --from-file or the combination of --docker-username, --docker-password and --docker-server is required",
            ));
        }
        let content = docker_config(user, password, &args.docker_email, &args.docker_server);
        data.add((DOCKER_KEY.into(), content.into_bytes())).map_err(Failure::error)?;
    }
    for source in &args.from_file {
        let source = if source.contains('=') { source.clone() } else { format!("{DOCKER_KEY}={source}") };
        let mut entries = sources::file(session, &source).map_err(Failure::error)?.into_iter();
        entries.try_for_each(|e| data.add(e)).map_err(Failure::error)?;
    }
    data.finish(generator, session, "kubernetes.io/dockerconfigjson", args.append_hash)
}

/// Docker's `config.json`, fields in the order of kubectl's struct.
fn docker_config(user: &str, password: &str, email: &str, server: &str) -> String {
    let text = |s: &str| to_compact(&json!(s));
    let mut entry = format!("\"username\":{},\"password\":{}", text(user), text(password));
    if !email.is_empty() {
        entry.push_str(&format!(",\"email\":{}", text(email)));
    }
    let auth = to_compact(&json!(ByteString(format!("{user}:{password}").into_bytes())));
    format!("{{\"auths\":{{{}:{{{entry},\"auth\":{auth}}}}}}}", text(server))
}

fn tls(args: &Tls, session: &mut Session<'_>) -> Result<(), Failure> {
    let generator = args.common.start("create secret tls", session)?;
    if args.key.is_empty() || args.cert.is_empty() {
        return Err(Failure::error("key and cert must be specified"));
    }
    let read = |shown: &str| {
        let content = session.read(shown);
        content.map_err(|e| Failure::error(format!("Cannot read file {shown}, open {shown}: {}", reason(&e))))
    };
    let (cert, key) = (read(&args.cert)?, read(&args.key)?);
    key_pair::check(&cert, &key).map_err(Failure::error)?;
    let mut data = Data::default();
    data.add(("tls.crt".into(), cert)).and_then(|()| data.add(("tls.key".into(), key))).map_err(Failure::error)?;
    data.finish(generator, session, "kubernetes.io/tls", args.append_hash)
}

/// A secret's keys and values.
#[derive(Default)]
struct Data(BTreeMap<String, Vec<u8>>);

impl Data {
    fn add(&mut self, (key, value): sources::Entry) -> Result<(), String> {
        let faults = names::config_map_key(&key);
        if !faults.is_empty() {
            return Err(format!("{key:?} is not valid key name for a Secret {}", faults.join(";")));
        }
        if self.0.contains_key(&key) {
            return Err(format!("cannot add key {key}, another key by that name already exists"));
        }
        self.0.insert(key, value);
        Ok(())
    }

    fn finish(
        self,
        generator: Generator<'_>,
        session: &mut Session<'_>,
        secret_type: &str,
        append_hash: bool,
    ) -> Result<(), Failure> {
        let data: Map<String, Value> = self.0.into_iter().map(|(k, v)| (k, json!(ByteString(v)))).collect();
        let mut name = generator.name.clone();
        if append_hash {
            name = format!("{name}-{}", hash::of_secret(&name, secret_type, &data));
        }
        let mut tree = json!({"metadata": {"name": name}, "data": data});
        if !secret_type.is_empty() {
            tree["type"] = json!(secret_type);
        }
        generator.finish(session, Kind::Secret, tree, Some("failed to create secret "))
    }
}

#[cfg(test)]
mod tests {
    use super::docker_config;

    #[test]
    fn docker_config_is_kubectls() {
        insta::assert_snapshot!(docker_config("tiger", "pass", "", "https://index.docker.io/v1/"), @r#"{"auths":{"https://index.docker.io/v1/":{"username":"tiger","password":"pass","auth":"dGlnZXI6cGFzcw=="}}}"#);
    }
}
