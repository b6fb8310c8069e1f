//! What the server offers: `api-versions`, `version`.

/// `api-versions`.
pub mod versions {
    use crate::error::Failure;
    use crate::kubectl::print::errors::usage;
    use crate::kubectl::session::Session;
    use crate::kubectl::verbs::top;
    use crate::server::served;

    /// Print the supported API versions on the server, in the form of "group/version".
    #[derive(Debug, Clone, clap::Args)]
    pub struct Args {
        #[arg(hide = true)]
        rest: Vec<String>,
    }

    /// Runs the verb.
    ///
    /// # Errors
    /// For arguments.
    pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
        if !args.rest.is_empty() {
            return Err(usage(session, "api-versions", &format!("unexpected arguments: [{}]", args.rest.join(" "))));
        }
        let mut versions = served::versions(&session.client.serving());
        versions.extend(top::is_served(session).then(|| "metrics.k8s.io/v1beta1".to_string()));
        versions.sort();
        let lines: String = versions.iter().map(|v| format!("{v}\n")).collect();
        session.ui.out(&lines);
        Ok(())
    }
}

/// `version`.
pub mod version {
    use serde_json::json;

    use crate::api::version::Info;
    use crate::error::Failure;
    use crate::kubectl::session::Session;
    use crate::kubectl::version::{self, CLIENT_MINOR, Fields, KUSTOMIZE};
    use crate::printers::{json as json_printer, yaml};

    /// Print the client and server version information.
    #[derive(Debug, Clone, clap::Args)]
    pub struct Args {
        #[arg(hide = true)]
        rest: Vec<String>,
        /// If true, shows client version only (no server required)
        #[arg(long)]
        pub client: bool,
        /// One of 'yaml' or 'json'
        #[arg(short = 'o', long, value_name = "FORMAT")]
        output: Option<String>,
    }

    /// Runs the verb. Mirrors `k8s.io/kubectl/pkg/cmd/version`.
    ///
    /// # Errors
    /// kubectl's texts for arguments and for another output format; with `--warnings-as-errors`, versions that are too far
    /// apart.
    pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
        if !args.rest.is_empty() && !args.client {
            return Err(Failure::error(format!("extra arguments: [{}]", args.rest.join(" "))));
        }
        let client = version::client();
        let minor = session.client.minor();
        let server = (!args.client).then(|| Info::server(minor));
        let tree = || {
            let mut tree = json!({"clientVersion": client.to_tree(), "kustomizeVersion": KUSTOMIZE});
            if let Some(server) = &server {
                tree["serverVersion"] = server.to_tree();
            }
            tree
        };
        session.ui.out(&match args.output.as_deref().unwrap_or_default() {
            "" => {
                let line = |server: &Info| format!("Server Version: {}\n", server.git_version());
                let client = format!("Client Version: {}\nKustomize Version: {KUSTOMIZE}\n", client.git_version());
                client + &server.as_ref().map(line).unwrap_or_default()
            }
            "json" => json_printer::to_indented_in(&Fields, &tree(), "  "),
            "yaml" => format!("{}\n", yaml::to_yaml(&tree())),
            _ => return Err(Failure::error("--output must be 'yaml' or 'json'")),
        });
        if server.is_some() && minor.abs_diff(CLIENT_MINOR) > 1 {
            let text = format!(
                "version difference between client (1.{CLIENT_MINOR}) and server (1.{minor}) exceeds the supported minor \
                 version skew of +/-1"
            );
            if session.warnings_as_errors {
                return Err(Failure::error(text));
            }
            session.ui.err(&format!("Warning: {text}\n"));
        }
        Ok(())
    }
}
