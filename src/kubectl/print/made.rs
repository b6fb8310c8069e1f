//! Objects that a verb makes from its flags: how they are sent to the server, recorded and printed.
//!
//! kubectl works on Go structs here, not on manifests: what it prints has the structs' empty fields.
//! Mirrors `CreateSubcommandOptions` of `k8s.io/kubectl/pkg/cmd/create/create.go` and
//! `k8s.io/cli-runtime/pkg/genericclioptions` (PrintFlags, RecordFlags).

use serde_json::{Value, json};

use crate::api::request::{PatchType, Resource, Verb};
use crate::api::{Kind, schema};
use crate::error::Failure;
use crate::kubectl::annotation::LAST_APPLIED;
use crate::kubectl::builder::info::Info;
use crate::kubectl::print::errors::Fault;
use crate::kubectl::print::output::{Format, OBJECT_FORMATS, name_of};
use crate::kubectl::request::{DryRun, Writing};
use crate::kubectl::session::Session;
use crate::manifest::strict::normalise;
use crate::printers::json as json_printer;

/// `-o`, `--template` and what goes with them.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct OutputArgs {
    /// If true, ignore any errors in templates when a field or map key is missing in the template
    #[arg(long, default_value_t = true)]
    pub allow_missing_template_keys: bool,
    /// Output format
    #[arg(short = 'o', long, value_name = "FORMAT")]
    pub output: Option<String>,
    /// If true, keep the managedFields when printing objects in JSON or YAML format
    #[arg(long)]
    pub show_managed_fields: bool,
    /// Template string or path to template file to use when -o=go-template, -o=go-template-file
    #[arg(long)]
    pub template: Option<String>,
}

impl OutputArgs {
    /// Whether `-o` was given. Mirrors `OutputFlagSpecified`.
    pub fn is_given(&self) -> bool {
        self.output.is_some()
    }

    /// The form that was asked for; none for the plain line.
    ///
    /// # Errors
    /// kubectl's texts for an unknown format or a missing template.
    pub fn format(&self, session: &Session<'_>) -> Result<Option<Format>, Failure> {
        let output = match self.output.as_deref().filter(|o| !o.is_empty()) {
            Some(output) => output,
            None if self.template.as_deref().is_some_and(|t| !t.is_empty()) => "go-template",
            None => return Ok(None),
        };
        session.client.want_managed_fields(self.show_managed_fields);
        Format::parse(session, output, self.template.as_deref(), OBJECT_FORMATS).map(Some)
    }
}

/// What verbs take that make objects.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct MakeArgs {
    /// The form that it is printed in.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Must be "none", "server", or "client"
    #[arg(long, default_value = "none")]
    pub dry_run: String,
    /// If true, the configuration of current object will be saved in its annotation
    #[arg(long)]
    pub save_config: bool,
}

/// `--record`, which writes the command line into an annotation.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct RecordArgs {
    /// Record current kubectl command in the resource annotation
    #[arg(long, hide = true)]
    pub record: bool,
}

/// The annotation that `--record` writes.
pub const CHANGE_CAUSE: &str = "kubernetes.io/change-cause";

impl RecordArgs {
    /// Writes the command line into the object, if that was asked for.
    pub fn record(&self, session: &Session<'_>, tree: &mut Value) {
        let cause = self.record.then(|| session.line.change_cause.clone());
        Self::write(cause.as_deref(), tree);
    }

    /// Writes the command line into an object that was just changed, if that was asked for; the object is then as the
    /// server sends it. What goes wrong with that is not said. Mirrors `MakeRecordMergePatch`.
    pub fn record_on(&self, info: &mut Info, writing: &Writing<'_>, session: &mut Session<'_>) {
        let known = info.tree["metadata"]["annotations"][CHANGE_CAUSE].as_str();
        if !self.record || known == Some(session.line.change_cause.as_str()) {
            return;
        }
        let body = json!({"metadata": {"annotations": {CHANGE_CAUSE: session.line.change_cause.clone()}}}).to_string();
        let verb = Verb::Patch(writing.patch_options(), PatchType::Merge, body);
        if let Ok(reply) = session.client.send(verb, info.resource()) {
            _ = info.refresh(reply, session);
        }
    }

    /// Writes a command line into the object, if there is one.
    pub fn write(cause: Option<&str>, tree: &mut Value) {
        let Some(cause) = cause else { return };
        let annotations = &mut tree["metadata"]["annotations"];
        if !annotations.is_object() {
            *annotations = json!({});
        }
        annotations[CHANGE_CAUSE] = json!(cause);
    }
}

/// Prints objects one after the other: the plain line that says what was done, or the form that was asked for.
///
/// Mirrors `PrintFlags.ToPrinter`, and what `PrintFlagsWithDryRunStrategy` adds.
#[derive(Debug, Clone)]
pub struct ObjectPrinter {
    format: Option<Format>,
    /// The form as it was given.
    given: String,
    dry_run: DryRun,
    allow_missing_keys: bool,
    /// Whether something was printed before: documents of YAML are told apart.
    more: bool,
    /// Whether each object has a printer of its own, so that nothing tells documents of YAML apart.
    each: bool,
    /// What is wrong with the form, where that is said only when something is to be printed.
    broken: Option<Failure>,
}

impl ObjectPrinter {
    /// The printer that the flags ask for.
    ///
    /// # Errors
    /// kubectl's texts for a bad value of `-o` or a missing template.
    pub fn new(output: &OutputArgs, dry_run: DryRun, session: &Session<'_>) -> Result<ObjectPrinter, Failure> {
        let allow_missing_keys = output.allow_missing_template_keys;
        let format = output.format(session)?;
        let given = output.output.clone().unwrap_or_default();
        Ok(ObjectPrinter { format, given, dry_run, allow_missing_keys, more: false, each: false, broken: None })
    }

    /// The same for verbs that make a printer when they print, each time: what is wrong with the form is found out late.
    pub fn late(output: &OutputArgs, dry_run: DryRun, session: &Session<'_>) -> ObjectPrinter {
        let (format, broken) = match output.format(session) {
            Ok(format) => (format, None),
            Err(failure) => (None, Some(failure)),
        };
        let allow_missing_keys = output.allow_missing_template_keys;
        let given = output.output.clone().unwrap_or_default();
        ObjectPrinter { format, given, dry_run, allow_missing_keys, more: false, each: true, broken }
    }

    /// `--dry-run`.
    pub fn dry_run(&self) -> DryRun {
        self.dry_run
    }

    /// Whether the object itself is shown, and not only its name.
    pub fn shows_object(&self) -> bool {
        self.broken.is_some() || !matches!(self.format, None | Some(Format::Name))
    }

    /// Refuses a form that objects can't be edited in.
    ///
    /// # Errors
    /// kubectl's text.
    pub fn check_editable(&self) -> Result<(), Failure> {
        match self.given.as_str() {
            "" | "json" | "kyaml" | "yaml" => Ok(()),
            other => Err(Failure::error(format!(
                "unable to match a printer suitable for the output format {other:?}, allowed formats are: json,kyaml,yaml"
            ))),
        }
    }

    /// Whether objects are shown as YAML.
    pub fn is_yaml(&self) -> bool {
        self.format == Some(Format::Yaml)
    }

    /// Whether objects are shown as JSON.
    pub fn is_json(&self) -> bool {
        self.format == Some(Format::Json)
    }

    /// Prints an object; `operation` is the plain line's verb, `created`.
    ///
    /// # Errors
    /// What is wrong with a template.
    pub fn print(&mut self, tree: &Value, operation: &str, session: &Session<'_>) -> Result<(), Fault> {
        if let Some(failure) = &self.broken {
            return Err(Fault::of(failure.clone()));
        }
        let text = match &self.format {
            None if operation.is_empty() => format!("{}\n", name_of(tree)),
            None => format!("{} {operation}{}\n", name_of(tree), self.dry_run.suffix()),
            Some(Format::Name) => format!("{}\n", name_of(tree)),
            Some(format) => {
                let between = if *format == Format::Yaml && self.more && !self.each { "---\n" } else { "" };
                let printed = format.print_with(std::slice::from_ref(tree), false, true, self.allow_missing_keys);
                format!("{between}{}", printed.map_err(|failure| fault(failure, session))?)
            }
        };
        self.more = true;
        session.ui.out(&text);
        Ok(())
    }

    /// Prints an object that kubectl holds as a Go struct: its fields come in the order of their declaration.
    ///
    /// # Errors
    /// What is wrong with a template.
    pub fn print_struct(
        &mut self,
        kind: Kind,
        tree: &Value,
        operation: &str,
        session: &Session<'_>,
    ) -> Result<(), Fault> {
        let mut tree = tree.clone();
        normalise(kind, &mut tree);
        match &self.format {
            Some(format @ (Format::Json | Format::Kyaml | Format::GoTemplate(_))) => {
                let printed = format.print_struct(schema::of(kind), &tree, self.allow_missing_keys);
                session.ui.out(&printed.map_err(|failure| fault(failure, session))?);
                Ok(())
            }
            _ => self.print(&tree, operation, session),
        }
    }

    /// Prints several objects as one: a single one as itself, more as a `List`.
    ///
    /// # Errors
    /// What is wrong with a template.
    pub fn print_all(&mut self, trees: &[Value], session: &Session<'_>) -> Result<(), Fault> {
        match trees {
            [] => Ok(()),
            [one] => self.print(one, "", session),
            // It holds a list of its own, which says less than the one of `get`.
            several => {
                let list = json!({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": several});
                self.print(&list, "", session)
            }
        }
    }
}

/// What is wrong with a template, once it is said what it printed before.
fn fault(failure: Failure, session: &Session<'_>) -> Fault {
    session.ui.out(&failure.printed);
    Fault::of(failure)
}

/// Gives a tree its type, and its namespace if the user named one; the rest becomes what kubectl's structs hold.
pub fn as_client(kind: Kind, tree: &mut Value, session: &Session<'_>) {
    tree["apiVersion"] = json!(kind.api_version());
    tree["kind"] = json!(kind.name());
    if kind.is_namespaced() && session.namespace_given {
        tree["metadata"]["namespace"] = json!(session.namespace);
    }
    normalise(kind, tree);
}

/// Writes the last-applied annotation as `--save-config` does.
pub fn save_config(kind: Kind, tree: &mut Value) {
    if let Some(annotations) = tree["metadata"]["annotations"].as_object_mut() {
        annotations.remove(LAST_APPLIED);
    }
    normalise(kind, tree);
    let text = format!("{}\n", json_printer::to_compact_as_go(kind, tree));
    if !tree["metadata"]["annotations"].is_object() {
        tree["metadata"]["annotations"] = json!({});
    }
    tree["metadata"]["annotations"][LAST_APPLIED] = json!(text);
}

/// Creates an object that the client made, and gives it back as the client then holds it.
///
/// # Errors
/// The server's refusal.
pub fn create(session: &mut Session<'_>, kind: Kind, tree: &Value, writing: &Writing<'_>) -> Result<Value, Fault> {
    if writing.dry_run == DryRun::Client {
        return Ok(tree.clone());
    }
    let mut resource = Resource::kind(kind);
    if kind.is_namespaced() {
        let written = tree["metadata"]["namespace"].as_str().filter(|n| !n.is_empty());
        resource = resource.within(written.unwrap_or(&session.namespace));
    }
    let object = session.client.create(resource, tree.clone(), writing.options())?;
    let mut tree = session.tree(&object);
    normalise(kind, &mut tree);
    Ok(tree)
}
