//! `api-resources`: what the server offers.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/apiresources/apiresources.go`.

use serde_json::{Value, json};

use crate::error::Failure;
use crate::kubectl::print::errors::usage;
use crate::kubectl::print::output::Format;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::top;
use crate::printers::go_order::Order;
use crate::printers::table::{Column, Options, Row, Table, print};
use crate::server::served::{self, Served};

/// The formats, as the error text lists them.
const FORMATS: &str = "json,kyaml,name,wide,yaml";

/// Print the supported API resources on the server.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[arg(hide = true)]
    rest: Vec<String>,
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
    /// Use the cached list of resources if available
    #[arg(long)]
    cached: bool,
    /// When using the default or custom-column output format, don't print headers
    #[arg(long)]
    no_headers: bool,
    /// Output format: json, yaml, kyaml, name or wide
    #[arg(short = 'o', long, value_name = "FORMAT")]
    output: Option<String>,
    /// If true, keep the managedFields when printing objects in JSON or YAML format
    #[arg(long)]
    show_managed_fields: bool,
}

/// A `metav1.APIResource`.
struct Offered {
    plural: &'static str,
    singular: String,
    short: &'static [&'static str],
    group: &'static str,
    version: &'static str,
    namespaced: bool,
    kind: &'static str,
    verbs: &'static [&'static str],
    categories: &'static [&'static str],
}

impl Offered {
    fn of(served: &Served) -> Offered {
        Offered {
            plural: served.plural,
            singular: served.kind.singular(),
            short: served.short,
            group: served.group,
            version: served.version,
            namespaced: served.namespaced,
            kind: served.kind.name(),
            verbs: served.verbs,
            categories: served.categories,
        }
    }

    /// What a metrics server offers.
    fn measured(plural: &'static str, kind: &'static str, namespaced: bool) -> Offered {
        let (group, version, verbs): (_, _, &[_]) = ("metrics.k8s.io", "v1beta1", &["get", "list"]);
        Offered {
            plural,
            singular: String::new(),
            short: &[],
            group,
            version,
            namespaced,
            kind,
            verbs,
            categories: &[],
        }
    }

    fn api_version(&self) -> String {
        match self.group {
            "" => self.version.to_string(),
            group => format!("{group}/{}", self.version),
        }
    }

    fn to_tree(&self) -> Value {
        let mut tree = json!({
            "name": self.plural,
            "singularName": self.singular,
            "namespaced": self.namespaced,
            "version": self.version,
            "kind": self.kind,
            "verbs": self.verbs,
        });
        let group: &[&str] = if self.group.is_empty() { &[] } else { &[self.group] };
        for (field, words) in [("group", group), ("shortNames", self.short), ("categories", self.categories)] {
            match words {
                [] => {}
                [one] if field == "group" => tree[field] = json!(one),
                _ => tree[field] = json!(words),
            }
        }
        tree
    }
}

/// The order of the fields of `metav1.APIResourceList`.
struct OfTheList;

/// The order of the fields of `metav1.APIResource`.
struct OfAResource;

impl Order for OfTheList {
    fn place(&self, name: &str) -> Option<usize> {
        ["kind", "apiVersion", "groupVersion", "resources"].iter().position(|known| *known == name)
    }

    fn below(&self, name: &str) -> Option<&dyn Order> {
        (name == "resources").then_some(&OfAResource as &dyn Order)
    }
}

impl Order for OfAResource {
    fn place(&self, name: &str) -> Option<usize> {
        let order =
            ["name", "singularName", "namespaced", "group", "version", "kind", "verbs", "shortNames", "categories"];
        order.iter().position(|known| *known == name)
    }

    fn below(&self, _name: &str) -> Option<&dyn Order> {
        None
    }
}

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    if !args.rest.is_empty() {
        let text = format!("unexpected arguments: [{}]", args.rest.join(" "));
        return Err(usage(session, "api-resources", &text));
    }
    let output = args.output.as_deref().unwrap_or_default();
    let format = match output {
        "" => None,
        text => Some(Format::parse(session, text, None, FORMATS)?),
    };
    if !matches!(args.sort_by.as_deref(), None | Some("" | "name" | "kind")) {
        return Err(Failure::error("--sort-by accepts only name or kind"));
    }
    let shown = offered(&args, session);
    let text = match &format {
        None => print_table(&shown, false, args.no_headers),
        Some(Format::Wide) => print_table(&shown, true, args.no_headers),
        Some(Format::Name) => {
            let line = |r: &Offered| match r.group {
                "" => format!("{}\n", r.plural),
                group => format!("{}.{group}\n", r.plural),
            };
            shown.iter().map(line).collect()
        }
        Some(format) => {
            let resources: Vec<Value> = shown.iter().map(Offered::to_tree).collect();
            let resources = if resources.is_empty() { Value::Null } else { json!(resources) };
            let list =
                json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "", "resources": resources});
            format.print_struct(&OfTheList, &list, true)?
        }
    };
    session.ui.out(&text);
    Ok(())
}

/// What is asked for, in order.
fn offered(args: &Args, session: &Session<'_>) -> Vec<Offered> {
    let all = served::resources(&session.client.serving());
    let mut all: Vec<Offered> = all.iter().filter(|r| r.preferred).map(Offered::of).collect();
    if top::is_served(session) {
        all.push(Offered::measured("nodes", "NodeMetrics", false));
        all.push(Offered::measured("pods", "PodMetrics", true));
    }
    let has_all = |wanted: &[String], has: &[&str]| {
        wanted.iter().filter(|word| !word.is_empty()).all(|word| has.contains(&word.as_str()))
    };
    let mut shown: Vec<Offered> = all
        .into_iter()
        .filter(|r| args.api_group.as_deref().is_none_or(|g| r.group == g))
        .filter(|r| args.namespaced.is_none_or(|n| r.namespaced == n))
        .filter(|r| has_all(&args.verbs, r.verbs))
        .filter(|r| has_all(&args.categories, r.categories))
        .collect();
    let by = |r: &Offered| match args.sort_by.as_deref() {
        Some("name") => r.plural,
        Some("kind") => r.kind,
        _ => r.group,
    };
    shown.sort_by(|a, b| (by(a), a.plural).cmp(&(by(b), b.plural)));
    shown
}

fn print_table(shown: &[Offered], wide: bool, no_headers: bool) -> String {
    let mut columns = ["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"].map(Column::new).to_vec();
    columns.extend(["VERBS", "CATEGORIES"].map(Column::wide));
    let row = |r: &Offered| Row {
        cells: vec![
            r.plural.into(),
            r.short.join(","),
            r.api_version(),
            r.namespaced.to_string(),
            r.kind.into(),
            r.verbs.join(","),
            r.categories.join(","),
        ],
        ..Row::default()
    };
    if shown.is_empty() && !no_headers {
        // kubectl writes the headings before it looks for resources.
        let columns = columns.iter().filter(|c| wide || !c.wide_only);
        return format!("{}\n", columns.map(|c| c.name.as_str()).collect::<Vec<_>>().join("   "));
    }
    let options = Options { wide, no_headers, ..Options::default() };
    print(&Table { columns, rows: shown.iter().map(row).collect() }, &options)
}
