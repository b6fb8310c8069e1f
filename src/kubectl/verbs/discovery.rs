//! What the server offers: `api-resources`, `api-versions`, `version`, `cluster-info`.

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
        let mut shown: Vec<Served> = served::resources(session.client.minor())
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
        let versions = served::versions(session.client.minor());
        let lines: String = versions.iter().map(|v| format!("{v}\n")).collect();
        session.ui.out(&lines);
        Ok(())
    }
}

/// `version`.
pub mod version {
    use serde_json::json;

    use crate::error::Failure;
    use crate::kubectl::session::Session;
    use crate::printers::{json as json_printer, yaml};

    /// The kubectl whose texts kstate speaks.
    const CLIENT: &str = "v1.33.1";
    const KUSTOMIZE: &str = "v5.6.0";

    /// Print the client and server version information.
    #[derive(Debug, Clone, clap::Args)]
    pub struct Args {
        /// If true, shows client version only (no server required)
        #[arg(long)]
        pub client: bool,
        /// One of 'yaml' or 'json'
        #[arg(short = 'o', long, value_name = "FORMAT")]
        output: Option<String>,
    }

    /// Runs the verb.
    ///
    /// # Errors
    /// kubectl's text for another output format.
    pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
        let minor = session.client.minor();
        let server = format!("v1.{minor}.2");
        match args.output.as_deref().filter(|o| !o.is_empty()) {
            None => {
                let mut text = format!("Client Version: {CLIENT}\nKustomize Version: {KUSTOMIZE}\n");
                if !args.client {
                    text.push_str(&format!("Server Version: {server}\n"));
                }
                session.ui.out(&text);
            }
            Some(format @ ("json" | "yaml")) => {
                let info = |version: &str, minor: &str| json!({"major": "1", "minor": minor, "gitVersion": version, "platform": "linux/amd64"});
                let mut tree = json!({"clientVersion": info(CLIENT, "33"), "kustomizeVersion": KUSTOMIZE});
                if !args.client {
                    tree["serverVersion"] = info(&server, &minor.to_string());
                }
                session.ui.out(&if format == "json" { json_printer::to_pretty(&tree) } else { yaml::to_yaml(&tree) });
            }
            Some(_) => return Err(Failure::error("--output must be 'yaml' or 'json'")),
        }
        if !args.client && minor.abs_diff(33) > 1 {
            session.ui.err(&format!(
                "WARNING: version difference between client (1.33) and server (1.{minor}) exceeds the supported minor version skew of +/-1\n"
            ));
        }
        Ok(())
    }
}

/// `cluster-info`.
pub mod cluster_info {
    use crate::error::Failure;
    use crate::kubectl::session::Session;

    /// Display cluster information.
    #[derive(Debug, Clone, clap::Args)]
    pub struct Args {}

    /// Runs the verb.
    ///
    /// # Errors
    /// None.
    pub fn run(_args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
        session.ui.out(
            "Kubernetes control plane is running at https://127.0.0.1:6443\n\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.\n",
        );
        Ok(())
    }
}
