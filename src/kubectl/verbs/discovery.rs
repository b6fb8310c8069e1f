//! What the server offers: `api-resources`, `api-versions`, `version`.

/// `api-resources`.
pub mod resources {
    use crate::error::Failure;
    use crate::kubectl::session::Session;
    use crate::printers::table::{Column, Options, Row, Table, print};
    use crate::server::served::{self, Served};

    /// Print the supported API resources on the server.
    #[derive(Debug, Clone, clap::Args)]
    pub struct Args {
        /// Limit to resources in the specified API group
        #[arg(long)]
        api_group: Option<String>,
        /// If false, non-namespaced resources will be returned
        #[arg(long)]
        namespaced: Option<bool>,
        /// Limit to resources that support the specified verbs
        #[arg(long, value_delimiter = ',')]
        verbs: Vec<String>,
        /// Limit to resources that belong to the specified categories
        #[arg(long, value_delimiter = ',')]
        categories: Vec<String>,
        /// If non-empty, sort list of resources using specified field: name or kind
        #[arg(long)]
        sort_by: Option<String>,
        /// When using the default or custom-column output format, don't print headers
        #[arg(long)]
        no_headers: bool,
        /// Output format: wide or name
        #[arg(short = 'o', long, value_name = "FORMAT")]
        output: Option<String>,
    }

    /// Runs the verb.
    ///
    /// # Errors
    /// kubectl's texts.
    pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
        let output = args.output.as_deref().unwrap_or_default();
        if !matches!(output, "" | "wide" | "name") {
            return Err(Failure::error(format!("--output {output} is not available")));
        }
        let mut shown: Vec<Served> = served::resources(&session.client.serving())
            .into_iter()
            .filter(|r| r.preferred)
            .filter(|r| args.api_group.as_deref().is_none_or(|g| r.group == g))
            .filter(|r| args.namespaced.is_none_or(|n| r.namespaced == n))
            .filter(|r| args.verbs.iter().all(|v| r.verbs.contains(&v.as_str())))
            .filter(|r| args.categories.iter().all(|c| r.categories.contains(&c.as_str())))
            .collect();
        match args.sort_by.as_deref() {
            None | Some("") => {}
            Some("name") => shown.sort_by_key(|r| r.plural),
            Some("kind") => shown.sort_by_key(|r| r.kind.name()),
            Some(_) => return Err(Failure::error("--sort-by accepts only name or kind")),
        }
        if output == "name" {
            let line = |r: &Served| match r.group {
                "" => format!("{}\n", r.plural),
                group => format!("{}.{group}\n", r.plural),
            };
            session.ui.out(&shown.iter().map(line).collect::<String>());
            return Ok(());
        }
        let mut columns = ["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"].map(Column::new).to_vec();
        columns.extend(["VERBS", "CATEGORIES"].map(Column::wide));
        let rows = shown
            .iter()
            .map(|r| Row {
                cells: vec![
                    r.plural.into(),
                    r.short.join(","),
                    r.api_version(),
                    r.namespaced.to_string(),
                    r.kind.name().into(),
                    r.verbs.join(","),
                    r.categories.join(","),
                ],
                ..Row::default()
            })
            .collect();
        let options = Options { wide: output == "wide", no_headers: args.no_headers, ..Options::default() };
        let table = Table { columns, rows };
        session.ui.out(&match table.rows.is_empty() && !args.no_headers {
            // kubectl writes the headings before it looks for resources.
            true => print_headings(&table, &options),
            false => print(&table, &options),
        });
        Ok(())
    }

    fn print_headings(table: &Table, options: &Options) -> String {
        let columns = table.columns.iter().filter(|c| options.wide || !c.wide_only);
        format!("{}\n", columns.map(|c| c.name.as_str()).collect::<Vec<_>>().join("   "))
    }
}

/// `api-versions`.
pub mod versions {
    use crate::error::Failure;
    use crate::kubectl::session::Session;
    use crate::server::served;

    /// Print the supported API versions on the server, in the form of "group/version".
    #[derive(Debug, Clone, clap::Args)]
    pub struct Args {}

    /// Runs the verb.
    ///
    /// # Errors
    /// None.
    pub fn run(_args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
        let versions = served::versions(&session.client.serving());
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
