//! `-o`: yaml, json, name, jsonpath, go-template and custom columns, for any objects.
//!
//! Mirrors `k8s.io/cli-runtime/pkg/genericclioptions` (PrintFlags) and `k8s.io/kubectl/pkg/cmd/get/get_flags.go`.

use serde_json::{Value, json};

use crate::error::Failure;
use crate::host::go_io_error;
use crate::kubectl::session::Session;
use crate::printers::PrintFailure;
use crate::printers::custom_columns::CustomColumns;
use crate::printers::go_order::Order;
use crate::printers::go_template::GoTemplate;
use crate::printers::jsonpath::{JsonPath, JsonPathError};
use crate::printers::{json as json_printer, kyaml, yaml};

/// A form that objects are printed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// `-o json`.
    Json,
    /// `-o yaml`.
    Yaml,
    /// `-o kyaml`.
    Kyaml,
    /// `-o name`.
    Name,
    /// `-o wide`: the table with more columns.
    Wide,
    /// `-o jsonpath=TEMPLATE`.
    JsonPath(String),
    /// `-o jsonpath-as-json=TEMPLATE`.
    JsonPathAsJson(String),
    /// `-o go-template=TEMPLATE`.
    GoTemplate(String),
    /// `-o custom-columns=SPEC`.
    CustomColumns(String),
    /// `-o custom-columns-file=FILE`, with the file's text.
    CustomColumnsFile(String),
}

/// The formats that `get` offers, as its error text lists them.
pub const GET_FORMATS: &str = "custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,\
     jsonpath-as-json,jsonpath-file,kyaml,name,template,templatefile,wide,yaml";

/// The formats of verbs that print the object that they made.
pub const OBJECT_FORMATS: &str = "go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,name,template,\
     templatefile,yaml";

impl Format {
    /// Reads the value of `-o`. `allowed` is the list of the error text; `template` is the value of `--template`.
    ///
    /// # Errors
    /// kubectl's texts for an unknown format, a missing template or a file that can't be read.
    pub fn parse(session: &Session<'_>, text: &str, template: Option<&str>, allowed: &str) -> Result<Format, Failure> {
        let unknown = || {
            Failure::error(format!(
                "unable to match a printer suitable for the output format {text:?}, allowed formats are: {allowed}"
            ))
        };
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_string())),
            None => (text, None),
        };
        let file = |what: &str, path: Option<String>| -> Result<String, Failure> {
            let path = path.filter(|v| !v.is_empty()).ok_or_else(|| match what {
                "template" => Failure::error("custom-columns format specified but no custom columns given"),
                _ => Failure::error("template format specified but no template given"),
            })?;
            let bytes = session.read(&path);
            let bytes = bytes.map_err(|e| format!("error reading {what} {path}, {}", go_io_error("open", &path, &e)));
            Ok(String::from_utf8_lossy(&bytes.map_err(Failure::error)?).into_owned())
        };
        // OBSERVATION: `-o jsonpath=X --template Y` is no form: the value is looked at only without a template.
        let either = |value: Option<String>| match template.filter(|t| !t.is_empty()) {
            Some(_) if value.is_some() => Err(unknown()),
            Some(template) => Ok(Some(template.to_string())),
            None => Ok(value.filter(|v| !v.is_empty())),
        };
        let given = |value: Option<String>| {
            either(value)?.ok_or_else(|| Failure::error("template format specified but no template given"))
        };
        let offered = allowed.split(',').any(|f| f == name);
        Ok(match name {
            _ if !offered => return Err(unknown()),
            "json" if value.is_none() => Format::Json,
            "yaml" if value.is_none() => Format::Yaml,
            "kyaml" if value.is_none() => Format::Kyaml,
            "name" if value.is_none() => Format::Name,
            "wide" if value.is_none() => Format::Wide,
            "jsonpath" => Format::JsonPath(given(value)?),
            "jsonpath-as-json" => Format::JsonPathAsJson(given(value)?),
            "jsonpath-file" => Format::JsonPath(file("--template", either(value)?)?),
            "go-template" | "template" => Format::GoTemplate(given(value)?),
            "go-template-file" | "templatefile" => Format::GoTemplate(file("--template", either(value)?)?),
            "custom-columns" => Format::CustomColumns(
                value
                    .filter(|v| !v.is_empty())
                    .ok_or_else(|| Failure::error("custom-columns format specified but no custom columns given"))?,
            ),
            "custom-columns-file" => Format::CustomColumnsFile(file("template", value)?),
            _ => return Err(unknown()),
        })
    }

    /// Whether a template prints managed fields: only JSON and YAML leave them out by themselves.
    ///
    /// # Errors
    /// What is wrong with the template.
    pub fn reaches_managers(&self, trees: &[Value], as_list: bool, missing: bool) -> Result<bool, Failure> {
        const MARK: &str = "kstate/managed-fields";
        match self {
            Format::Json | Format::Yaml | Format::Kyaml | Format::Name | Format::Wide => return Ok(false),
            Format::JsonPath(text)
            | Format::JsonPathAsJson(text)
            | Format::GoTemplate(text)
            | Format::CustomColumns(text)
            | Format::CustomColumnsFile(text) => {
                if text.contains("managedFields") {
                    return Ok(true);
                }
            }
        }
        // A template may also print what they are part of.
        let mut marked = trees.to_vec();
        marked.iter_mut().for_each(|tree| tree["metadata"]["managedFields"] = json!(MARK));
        Ok(match self.print_with(&marked, as_list, false, missing) {
            Ok(text) => text.contains(MARK),
            // What is wrong with the template is found again when it is printed, and told with what it was to print.
            Err(failure) => failure.message.contains(MARK) || failure.printed.contains(MARK),
        })
    }

    /// Prints trees: a single object as itself, several as a List where the form has one.
    ///
    /// # Errors
    /// What is wrong with a template or does not fit the objects.
    pub fn print(&self, trees: &[Value], as_list: bool, headers: bool) -> Result<String, Failure> {
        self.print_with(trees, as_list, headers, true)
    }

    /// The same; `missing` says whether a template may name fields that are not there.
    ///
    /// # Errors
    /// What is wrong with a template or does not fit the objects.
    pub fn print_with(&self, trees: &[Value], as_list: bool, headers: bool, missing: bool) -> Result<String, Failure> {
        let whole = || match (trees, as_list) {
            ([one], false) => one.clone(),
            _ => list_of(trees),
        };
        self.print_tree(None, trees, &whole, headers, missing)
    }

    /// The same for what kubectl holds as a Go struct, whose fields come in the order of their declaration.
    ///
    /// # Errors
    /// What is wrong with a template or does not fit the struct.
    pub fn print_struct(&self, order: &dyn Order, tree: &Value, missing: bool) -> Result<String, Failure> {
        self.print_tree(Some(order), std::slice::from_ref(tree), &|| tree.clone(), true, missing)
    }

    fn print_tree(
        &self,
        order: Option<&dyn Order>,
        trees: &[Value],
        whole: &dyn Fn() -> Value,
        headers: bool,
        missing: bool,
    ) -> Result<String, Failure> {
        Ok(match (self, order) {
            (Format::Json, Some(order)) => json_printer::to_pretty_in(order, &whole()),
            (Format::Kyaml, Some(order)) => kyaml::to_kyaml_in(order, &whole()),
            _ => return self.print_sorted(order, trees, whole, headers, missing),
        })
    }

    fn print_sorted(
        &self,
        order: Option<&dyn Order>,
        trees: &[Value],
        whole: &dyn Fn() -> Value,
        headers: bool,
        missing: bool,
    ) -> Result<String, Failure> {
        Ok(match self {
            Format::Json => json_printer::to_pretty(&whole()),
            Format::Yaml => yaml::to_yaml(&whole()),
            Format::Kyaml => kyaml::to_kyaml(&whole()),
            Format::Name => trees.iter().map(|t| format!("{}\n", name_of(t))).collect(),
            Format::JsonPath(template) => jsonpath(template, missing)?.print(&whole()).map_err(template_error)?,
            Format::JsonPathAsJson(template) => {
                jsonpath(template, missing)?.json_output(true).print(&whole()).map_err(template_error)?
            }
            Format::GoTemplate(template) => {
                let parsed = GoTemplate::parse(template);
                let parsed = parsed.map_err(|e| Failure::error(format!("error parsing template {template}, {e}")))?;
                parsed.allow_missing_keys(missing).print_in(order, &whole()).map_err(print_failure)?
            }
            Format::CustomColumns(_) | Format::CustomColumnsFile(_) => match custom_columns(self, headers)? {
                Some(mut columns) => columns.print(trees).map_err(print_failure)?,
                None => String::new(),
            },
            Format::Wide => String::new(),
        })
    }
}

/// The printer of a format of custom columns; none for another format.
///
/// # Errors
/// What is wrong with the columns.
pub fn custom_columns(format: &Format, headers: bool) -> Result<Option<CustomColumns>, Failure> {
    match format {
        Format::CustomColumns(spec) => CustomColumns::from_spec(spec, !headers).map(Some).map_err(template_error),
        Format::CustomColumnsFile(text) => CustomColumns::from_template(text).map(Some).map_err(template_error),
        _ => Ok(None),
    }
}

fn jsonpath(template: &str, allow_missing_keys: bool) -> Result<JsonPath, Failure> {
    let parsed = JsonPath::parse(template);
    let parsed = parsed.map_err(|e| Failure::error(format!("error parsing jsonpath {template}, {e}")))?;
    Ok(parsed.allow_missing_keys(allow_missing_keys))
}

/// What is wrong, after what had been printed.
pub fn print_failure(failure: PrintFailure) -> Failure {
    Failure::error(failure.message).after(failure.output)
}

fn template_error(e: JsonPathError) -> Failure {
    Failure::error(e)
}

/// The `List` of kubectl around several objects.
pub fn list_of(trees: &[Value]) -> Value {
    json!({"apiVersion": "v1", "items": trees, "kind": "List", "metadata": {"resourceVersion": ""}})
}

/// `pod/web`, `statefulset.apps/web`.
pub fn name_of(tree: &Value) -> String {
    let (version, kind) = (tree["apiVersion"].as_str().unwrap_or_default(), tree["kind"].as_str().unwrap_or_default());
    let group = version.split_once('/').map_or(String::new(), |(g, _)| format!(".{g}"));
    let name = tree["metadata"]["name"].as_str().filter(|n| !n.is_empty()).unwrap_or("<unknown>");
    format!("{}{group}/{name}", kind.to_ascii_lowercase())
}
