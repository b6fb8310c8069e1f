//! The flags that every verb takes.
//!
//! Mirrors `ConfigFlags` of `k8s.io/cli-runtime/pkg/genericclioptions` and `NewKubectlCommand` of `k8s.io/kubectl/pkg/cmd`.

use std::collections::BTreeMap;

use crate::api::Duration;
use crate::kubectl::kubeconfig::client::Overrides;

/// The flags that every verb takes.
#[derive(Debug, Clone, clap::Args)]
pub struct Global {
    /// If present, the namespace scope for this CLI request
    #[arg(short = 'n', long)]
    pub namespace: Option<String>,
    /// The cluster to work on
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,
    /// Group to impersonate for the operation
    #[arg(long, value_name = "GROUP")]
    as_group: Vec<String>,
    /// UID to impersonate for the operation
    #[arg(long, value_name = "UID")]
    as_uid: Option<String>,
    /// User extras to impersonate for the operation
    #[arg(long, value_name = "KEY=VALUE")]
    as_user_extra: Vec<String>,
    #[command(flatten)]
    connection: Connection,
    /// The name of the kubeconfig context to use
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Path to the kubeconfig file to use for CLI requests
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<String>,
    /// Path to the kuberc file to use for preferences
    #[arg(long, value_name = "FILE")]
    kuberc: Option<String>,
    /// Username to impersonate for the operation
    #[arg(long = "as", value_name = "USER")]
    impersonate: Option<String>,
    /// The length of time to wait before giving up on a single server request
    #[arg(long, value_name = "DURATION")]
    request_timeout: Option<String>,
    /// The name of the kubeconfig user to use
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Number for the log level verbosity
    #[arg(short = 'v', long = "v", value_name = "LEVEL")]
    verbosity: Option<i32>,
}

/// What kubectl needs to reach a server. It is checked as kubectl checks it, and of no further use: the control plane is in
/// the process.
#[derive(Debug, Clone, clap::Args)]
struct Connection {
    /// Default cache directory
    #[arg(long, value_name = "FOLDER")]
    cache_dir: Option<String>,
    /// Path to a cert file for the certificate authority
    #[arg(long, value_name = "FILE")]
    certificate_authority: Option<String>,
    /// Path to a client certificate file for TLS
    #[arg(long, value_name = "FILE")]
    client_certificate: Option<String>,
    /// Path to a client key file for TLS
    #[arg(long, value_name = "FILE")]
    client_key: Option<String>,
    /// If true, opt-out of response compression for all requests to the server
    #[arg(long)]
    disable_compression: bool,
    /// If true, the server's certificate will not be checked for validity
    #[arg(long)]
    insecure_skip_tls_verify: bool,
    /// Maximum number of seconds between log flushes
    #[arg(long, default_value = "5s", value_parser = flush_frequency)]
    log_flush_frequency: Duration,
    /// Require server version to match client version
    #[arg(long)]
    match_server_version: bool,
    /// Password for basic authentication to the API server
    #[arg(long)]
    password: Option<String>,
    /// Name of profile to capture
    #[arg(long, default_value = "none")]
    profile: String,
    /// Name of the file to write the profile to
    #[arg(long, default_value = "profile.pprof")]
    profile_output: String,
    /// The address and port of the Kubernetes API server
    #[arg(short = 's', long)]
    server: Option<String>,
    /// Server name to use for server certificate validation
    #[arg(long)]
    tls_server_name: Option<String>,
    /// Bearer token for authentication to the API server
    #[arg(long)]
    token: Option<String>,
    /// Username for basic authentication to the API server
    #[arg(long)]
    username: Option<String>,
    /// Comma-separated list of pattern=N settings for file-filtered logging
    #[arg(long)]
    vmodule: Option<String>,
    /// Treat warnings received from the server as errors and exit with a non-zero exit code
    #[arg(long)]
    warnings_as_errors: bool,
}

/// It comes from another flag library, which says no more of what it can't read.
fn flush_frequency(text: &str) -> Result<Duration, &'static str> {
    Duration::parse(text).map_err(|_| "parse error")
}

impl Global {
    /// Whether somebody else is to be asked for than who asks.
    pub fn impersonates(&self) -> bool {
        let given = |flag: &Option<String>| flag.as_deref().is_some_and(|text| !text.is_empty());
        given(&self.impersonate) || given(&self.as_uid) || !self.as_group.is_empty() || !self.as_user_extra.is_empty()
    }

    /// How much kubectl's log says (`-v`).
    pub fn verbosity(&self) -> u8 {
        self.verbosity.and_then(|level| level.try_into().ok()).unwrap_or(0)
    }

    /// Whether long answers may be compressed.
    pub fn takes_compressed(&self) -> bool {
        !self.connection.disable_compression
    }

    /// Whether the client and the server must be of one version.
    pub fn matches_server_version(&self) -> bool {
        self.connection.match_server_version
    }

    /// Whether warnings of the server make the command fail.
    pub fn warnings_as_errors(&self) -> bool {
        self.connection.warnings_as_errors
    }

    /// What the flags say instead of the kubeconfig. Mirrors `toRawKubeConfigLoader`.
    pub fn overrides(&self, program: &str) -> Overrides {
        let text = |flag: &Option<String>| flag.clone().unwrap_or_default();
        let (connection, mut overrides) = (&self.connection, Overrides::default());
        overrides.context = text(&self.context);
        overrides.user = text(&self.user);
        overrides.namespace = text(&self.namespace);
        overrides.timeout = text(&self.request_timeout);
        if program == "kubectl" {
            overrides.cluster = text(&self.cluster);
        }
        for (field, flag) in [
            ("client-certificate", &connection.client_certificate),
            ("client-key", &connection.client_key),
            ("token", &connection.token),
            ("as", &self.impersonate),
            ("as-uid", &self.as_uid),
            ("username", &connection.username),
            ("password", &connection.password),
        ] {
            overrides.set_auth(field, text(flag));
        }
        overrides.set_auth("as-groups", self.as_group.clone());
        let mut extra: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (key, value) in self.as_user_extra.iter().filter_map(|pair| pair.split_once('=')) {
            extra.entry(key).or_default().push(value);
        }
        if !extra.is_empty() {
            overrides.set_auth("as-user-extra", serde_json::json!(extra));
        }
        for (field, flag) in [
            ("server", &connection.server),
            ("tls-server-name", &connection.tls_server_name),
            ("certificate-authority", &connection.certificate_authority),
        ] {
            overrides.set_server(field, text(flag));
        }
        overrides.set_server("insecure-skip-tls-verify", connection.insecure_skip_tls_verify);
        overrides
    }
}
