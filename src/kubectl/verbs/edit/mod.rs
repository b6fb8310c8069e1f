//! `edit`: change objects in the user's editor; also before they are created, and what `apply` keeps of them.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/util/editor/editoptions.go`.

mod editor;
mod text;

use serde_json::{Value, json};

use crate::api::request::{PatchType, Verb};
use crate::error::{ApiError, Failure, Reason};
use crate::host::temporary::Passing;
use crate::kubectl::annotation::{LAST_APPLIED, create_or_update_annotation};
use crate::kubectl::builder::build::Builder;
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::builder::info::Info;
use crate::kubectl::print::errors::Fault;
use crate::kubectl::print::made::{ObjectPrinter, OutputArgs, RecordArgs};
use crate::kubectl::print::output::name_of;
use crate::kubectl::request::{DryRun, Validate, Writing};
use crate::kubectl::session::Session;
use crate::kubectl::verbs::replace::create_one;
use crate::manifest::merge;
use crate::printers::json::{to_compact, to_pretty};
use crate::printers::yaml::to_yaml;
use editor::launch;
use text::{Complaint, HEADER, LAST_APPLIED_HEADER, check_shape, content, has_lines, header, without_comments};

/// Edit a resource from the default editor.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// TYPE NAME or TYPE/NAME
    #[arg(value_name = "TYPE")]
    args: Vec<String>,
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    record: RecordArgs,
    /// Name of the manager used to track field ownership
    #[arg(long, default_value = "kubectl-edit")]
    field_manager: String,
    /// Output the patch if the resource is edited
    #[arg(long)]
    output_patch: bool,
    /// If true, the configuration of current object will be saved in its annotation
    #[arg(long)]
    save_config: bool,
    /// If specified, edit will operate on the subresource of the requested object
    #[arg(long, default_value = "")]
    subresource: String,
    /// Must be one of: strict (or true), warn, ignore (or false)
    #[arg(long, default_value = "strict")]
    validate: String,
    /// Defaults to the line ending native to your platform
    #[arg(long)]
    windows_line_endings: Option<bool>,
}

/// How objects are edited and sent.
#[derive(Debug)]
pub struct Options<'a> {
    /// `--record`.
    pub record: &'a RecordArgs,
    /// `--field-manager`.
    pub field_manager: &'a str,
    /// `--output-patch`.
    pub output_patch: bool,
    /// `--save-config`.
    pub save_config: bool,
    /// `--subresource`.
    pub subresource: &'a str,
    /// `--validate`.
    pub validate: Validate,
    /// `--windows-line-endings`.
    pub windows_line_endings: bool,
}

/// What is edited. Mirrors `EditMode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Objects of the cluster.
    Normal,
    /// What `apply` keeps of objects of the cluster.
    Apply,
    /// Objects that will be created.
    BeforeCreate,
}

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let printer = ObjectPrinter::late(&args.output, DryRun::None, session);
    let builder = Builder { subresource: &args.subresource, ..of_the_cluster(&args.args, &args.files) };
    let plan = builder.plan(session)?;
    let options = Options {
        record: &args.record,
        field_manager: &args.field_manager,
        output_patch: args.output_patch,
        save_config: args.save_config,
        subresource: &args.subresource,
        validate: Validate::parse(&args.validate)?,
        windows_line_endings: args.windows_line_endings.unwrap_or(cfg!(windows)),
    };
    let infos = plan.all(session)?;
    if infos.is_empty() {
        return Err(Failure::error("edit cancelled, no objects found"));
    }
    Editing { mode: Mode::Normal, options: &options, printer, infos, file: None }.run(session)
}

fn of_the_cluster<'a>(args: &'a [String], files: &'a FileArgs) -> Builder<'a> {
    Builder { args, files: Some(files), types_alone: true, latest: true, continue_on_error: true, ..Builder::default() }
}

/// Lets the user edit manifests, one after the other, before they are sent.
///
/// # Errors
/// kubectl's texts.
pub fn before_create(
    options: &Options<'_>,
    files: &FileArgs,
    printer: ObjectPrinter,
    session: &mut Session<'_>,
) -> Result<(), Failure> {
    let plan = Builder { files: Some(files), continue_on_error: true, ..Builder::default() }.plan(session)?;
    let outcome = plan.visit(session, |info, session| {
        let infos = vec![info];
        let mut editing = Editing { mode: Mode::BeforeCreate, options, printer: printer.clone(), infos, file: None };
        editing.run(session).map_err(Fault::of)
    });
    Ok(outcome?)
}

/// Lets the user edit what `apply` keeps of objects.
///
/// # Errors
/// kubectl's texts.
pub fn last_applied(
    args: &[String],
    files: &FileArgs,
    options: &Options<'_>,
    printer: ObjectPrinter,
    session: &mut Session<'_>,
) -> Result<(), Failure> {
    let plan = of_the_cluster(args, files).plan(session)?;
    let mut infos = Vec::new();
    for info in plan.all(session)? {
        let Some(text) = info.tree["metadata"]["annotations"][LAST_APPLIED].as_str() else { continue };
        infos.extend(read(text, session)?.into_iter().next());
    }
    if infos.is_empty() {
        return Err(Failure::error(
            "no last-applied-configuration annotation found on resources, to create the annotation, use command `kubectl \
             apply set-last-applied --create-annotation`",
        ));
    }
    Editing { mode: Mode::Apply, options, printer, infos, file: None }.run(session)
}

/// The objects of a text that was edited.
fn read(text: &str, session: &Session<'_>) -> Result<Vec<Info>, Fault> {
    let builder = Builder { text: Some(("edited-file", text)), continue_on_error: true, ..Builder::default() };
    match builder.plan(session)?.infos(session) {
        (infos, None) => Ok(infos),
        (_, Some(fault)) => Err(fault),
    }
}

/// What became of a round.
#[derive(Default)]
struct Round {
    complaints: Vec<Complaint>,
    retryable: bool,
    not_found: bool,
}

/// One object, or several in a list, in the editor.
struct Editing<'a> {
    mode: Mode,
    options: &'a Options<'a>,
    printer: ObjectPrinter,
    infos: Vec<Info>,
    /// The file of the last round, as long as it is worth keeping.
    file: Option<Passing>,
}

impl Editing<'_> {
    fn run(&mut self, session: &mut Session<'_>) -> Result<(), Failure> {
        let outcome = self.rounds(session);
        if let (Err(failure), Some(file)) = (&outcome, self.file.take()) {
            let (is_there, file) = (file.is_there(), file.keep());
            if is_there && !failure.message.is_empty() {
                let shown = file.display().to_string();
                session.ui.err(&format!("A copy of your changes has been stored to {shown:?}\n"));
            }
        }
        outcome
    }

    fn rounds(&mut self, session: &mut Session<'_>) -> Result<(), Failure> {
        self.printer.check_editable()?;
        let as_json = self.printer.is_json();
        let original = self.printed(as_json);
        let (mut round, mut edited, mut again) = (Round::default(), String::new(), false);
        loop {
            let first = if self.mode == Mode::Apply { LAST_APPLIED_HEADER } else { HEADER };
            let header = if as_json { String::new() } else { header(first, &round.complaints) };
            let text = if again { header + &without_comments(&edited) } else { header + &original };
            let before = edited;
            edited = self.edit(&text, as_json, session)?;
            if again && content(&before) == content(&edited) {
                return Err(Failure::error("Edit cancelled, no valid changes were saved."));
            }
            if let Err(text) = check_shape(&edited) {
                round = Round::default();
                let text = format!("Invalid value: \"The edited file failed validation\": {text}");
                round.refuse(&self.infos[0], vec![format!("<nil>: {text}")], session);
                again = true;
                continue;
            }
            if content(&original) == content(&edited) {
                self.file = None;
                session.ui.err("Edit cancelled, no changes made.\n");
                return Ok(());
            }
            if !has_lines(&edited) {
                self.file = None;
                session.ui.err("Edit cancelled, saved file was empty.\n");
                return Ok(());
            }
            round = Round::default();
            let infos = match read(&edited, session) {
                Ok(infos) => infos,
                Err(fault) => {
                    let head = format!("The edited file had a syntax error: {}", fault.message());
                    round.complaints.push(Complaint { head, others: Vec::new() });
                    again = true;
                    continue;
                }
            };
            self.save_all(infos, &mut round, session)?;
            let shown = self.file.as_ref().map(|f| f.path().display().to_string()).unwrap_or_default();
            if round.retryable {
                let program = session.line.program;
                session.ui.err(&format!("You can run `{program} replace -f {shown}` to try this update again.\n"));
                return Err(Failure::silent(1));
            }
            if round.not_found {
                let text = format!("The edits you made on deleted resources have been saved to {shown:?}\n");
                session.ui.err(&text);
                return Err(Failure::silent(1));
            }
            if round.complaints.is_empty() {
                self.file = None;
                return Ok(());
            }
            again = true;
        }
    }

    /// Opens the editor on a text, and gives what was saved.
    fn edit(&mut self, text: &str, as_json: bool, session: &mut Session<'_>) -> Result<String, Failure> {
        let program = session.line.program;
        let text = if self.options.windows_line_endings { text.replace('\n', "\r\n") } else { text.to_string() };
        let extension = if as_json { "json" } else { "yaml" };
        let host = session.host.clone();
        let (saved, file) = session.client.meanwhile(|| launch(&host, program, extension, &text))??;
        self.file = Some(file);
        Ok(saved)
    }

    /// The text that is edited: the object, or a list of several.
    fn printed(&self, as_json: bool) -> String {
        let mut trees: Vec<Value> = self.infos.iter().map(|info| info.tree.clone()).collect();
        for metadata in trees.iter_mut().filter_map(|tree| tree["metadata"].as_object_mut()) {
            metadata.remove("managedFields");
        }
        let tree = match trees.as_slice() {
            [one] => one.clone(),
            several => json!({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": several}),
        };
        if as_json { to_pretty(&tree) } else { to_yaml(&tree) }
    }

    /// Sends what was changed. What was refused is asked again in the next round.
    fn save_all(&mut self, mut infos: Vec<Info>, round: &mut Round, session: &mut Session<'_>) -> Result<(), Failure> {
        for info in &infos {
            check_namespace(info, session)?;
        }
        for info in &mut infos {
            if self.options.save_config {
                create_or_update_annotation(true, &mut info.tree);
            }
            self.options.record.record(session, &mut info.tree);
        }
        for info in infos {
            match self.mode {
                Mode::Normal => self.patch(info, round, session)?,
                Mode::Apply => self.annotate(info, session)?,
                Mode::BeforeCreate => self.create(info, session)?,
            }
        }
        Ok(())
    }

    /// The object as it was before it was edited.
    fn original(&self, info: &Info) -> Result<&Info, Failure> {
        let uid = &info.tree["metadata"]["uid"];
        let same = |i: &&Info| i.tree["metadata"]["uid"] == *uid;
        self.infos
            .iter()
            .find(same)
            .ok_or_else(|| Failure::error(format!("no original object found for {}", name_of(&info.tree))))
    }

    /// Mirrors `visitToPatch`.
    fn patch(&mut self, mut info: Info, round: &mut Round, session: &mut Session<'_>) -> Result<(), Failure> {
        let original = self.original(&info)?;
        let mut before = original.tree.clone();
        if let Some(metadata) = before["metadata"].as_object_mut() {
            metadata.remove("managedFields");
        }
        if before == info.tree {
            return Ok(self.printer.print(&info.tree, "skipped", session)?);
        }
        let patch =
            merge::two_way_strategic(info.kind(), &before, &info.tree).map_err(|e| Failure::from(ApiError::from(e)))?;
        if merge::changes_identity(&patch) {
            return Err(Failure::error("At least one of apiVersion, kind and name was changed"));
        }
        let body = to_compact(&patch);
        if self.options.output_patch {
            session.ui.out(&format!("Patch: {body}\n"));
        }
        let writing = Writing::by(self.options.field_manager).validate(self.options.validate);
        let form = if info.kind().is_built_in() { PatchType::Strategic } else { PatchType::Merge };
        let verb = Verb::Patch(writing.patch_options(), form, body);
        let resource = info.whole().part(self.options.subresource);
        match session.client.send(verb, resource).and_then(|reply| info.refresh(reply, session)) {
            Ok(()) => Ok(self.printer.print(&info.tree, "edited", session)?),
            Err(refused) => {
                round.add(&refused, &info, session);
                Ok(())
            }
        }
    }

    /// Mirrors `visitToApplyEditPatch`.
    fn annotate(&mut self, info: Info, session: &mut Session<'_>) -> Result<(), Failure> {
        if self.original(&info)?.tree == info.tree {
            return Ok(self.printer.print(&info.tree, "skipped", session)?);
        }
        let text = format!("{}\n", to_compact(&info.tree));
        let body = json!({"metadata": {"annotations": {LAST_APPLIED: text}}}).to_string();
        let writing = Writing::by(self.options.field_manager).validate(self.options.validate);
        let verb = Verb::Patch(writing.patch_options(), PatchType::Merge, body);
        session.client.send(verb, info.whole().part(self.options.subresource))?;
        Ok(self.printer.print(&info.tree, "edited", session)?)
    }

    /// Mirrors `visitToCreate`.
    fn create(&mut self, mut info: Info, session: &mut Session<'_>) -> Result<(), Failure> {
        let writing = Writing::by(self.options.field_manager).validate(self.options.validate);
        create_one(&mut info, &writing, session)?;
        Ok(self.printer.print(&info.tree, "created", session)?)
    }
}

impl Round {
    /// Takes a refusal down: what can be set right is asked again, the rest ends the edit.
    fn add(&mut self, e: &ApiError, info: &Info, session: &Session<'_>) {
        let shown = format!("{} {:?}", info.served.resource(), info.name);
        match e.reason {
            Reason::Invalid => {
                let causes = e.causes.iter().map(ToString::to_string).collect();
                self.refuse(info, causes, session);
            }
            Reason::NotFound => {
                self.not_found = true;
                session.ui.err(&format!("error: {shown} could not be found on the server\n"));
            }
            _ => {
                self.retryable = true;
                session.ui.err(&format!("error: {shown} could not be patched: {}\n", e.message));
            }
        }
    }

    fn refuse(&mut self, info: &Info, others: Vec<String>, session: &Session<'_>) {
        let shown = format!("{} {:?}", info.served.resource(), info.name);
        session.ui.err(&format!("error: {shown} is invalid\n"));
        self.complaints.push(Complaint { head: format!("{shown} was not valid"), others });
    }
}

/// The namespace may not have been changed. Mirrors `RequireNamespace`.
fn check_namespace(info: &Info, session: &Session<'_>) -> Result<(), Failure> {
    if !info.served.namespaced || info.namespace == session.namespace {
        return Ok(());
    }
    Err(Failure::error(format!(
        "the namespace from the provided object {:?} does not match the namespace {:?}. You must pass \
         '--namespace={}' to perform this operation.",
        info.namespace, session.namespace, info.namespace
    )))
}
