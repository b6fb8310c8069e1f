//! `edit`: change objects in the user's editor.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/util/editor`.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::api::request::{PatchType, Verb};
use crate::api::{Kind, ObjectKey};
use crate::error::{ApiError, Failure, Reason};
use crate::kubectl::builder::files::{FileArgs, Info, read_text};
use crate::kubectl::builder::parts::{self, Part, Parts};
use crate::kubectl::print::errors;
use crate::kubectl::print::made::{self, OutputArgs, RecordArgs};
use crate::kubectl::print::output::{Format, name_of};
use crate::kubectl::request::{DryRun, Validate, Writing};
use crate::kubectl::session::Session;
use crate::manifest::merge;
use crate::manifest::yaml;
use crate::printers::json::{to_compact, to_pretty};
use crate::printers::yaml::to_yaml;

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

const HEADER: &str = "# Please edit the object below. Lines beginning with a '#' will be ignored,\n\
     # and an empty file will abort the edit. If an error occurs while saving this file will be\n\
     # reopened with the relevant failures.\n#\n";

/// Why the file is opened again.
struct Complaint {
    head: String,
    others: Vec<String>,
}

/// What became of a round.
#[derive(Default)]
struct Round {
    complaints: Vec<Complaint>,
    retryable: bool,
    not_found: bool,
}

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let validate = Validate::parse(&args.validate)?;
    let format = args.output.format(session)?;
    let Parts { parts, faults } = parts::find(&args.args, &args.files, &args.subresource, true, session)?;
    errors::check(faults)?;
    if parts.is_empty() {
        return Err(Failure::error("edit cancelled, no objects found"));
    }
    let mut editing = Editing { args: &args, validate, format, parts, file: None };
    let outcome = editing.run(session);
    if let (Err(failure), Some(file)) = (&outcome, &editing.file)
        && !failure.message.is_empty()
        && file.exists()
    {
        session.ui.err(&format!("A copy of your changes has been stored to {:?}\n", file.display().to_string()));
    }
    outcome
}

/// Lets the user edit a manifest before it is sent; nothing comes back if they leave it as it is.
///
/// # Errors
/// What is wrong with the editor, or with what was saved.
pub fn before_create(
    info: &Info,
    output: &OutputArgs,
    crlf: bool,
    session: &mut Session<'_>,
) -> Result<Vec<Info>, Failure> {
    once(HEADER, &info.tree, output, crlf, session)
}

/// What stands above a last-applied annotation that is edited.
pub const LAST_APPLIED_HEADER: &str = "# Please edit the 'last-applied-configuration' annotations below.\n\
     # Lines beginning with a '#' will be ignored, and an empty file will abort the edit.\n#\n";

/// Opens the editor once on an object that need not be the cluster's.
///
/// # Errors
/// What is wrong with the editor, or with what was saved.
pub fn once(
    header: &str,
    tree: &Value,
    output: &OutputArgs,
    crlf: bool,
    session: &mut Session<'_>,
) -> Result<Vec<Info>, Failure> {
    let as_json = output.output.as_deref() == Some("json");
    let original = if as_json { to_pretty(tree) } else { to_yaml(tree) };
    let text = if as_json { original.clone() } else { header.to_string() + &original };
    let text = if crlf { text.replace('\n', "\r\n") } else { text };
    let program = session.line.program;
    let (edited, file) =
        session.client.meanwhile(|| launch(program, if as_json { "json" } else { "yaml" }, &text))??;
    if content(&original) == content(&edited) {
        forget(&file);
        session.ui.err("Edit cancelled, no changes made.\n");
        return Ok(Vec::new());
    }
    let (infos, faults) = read_text(session, "edited-file", &edited);
    if !faults.is_empty() {
        session.ui.err(&format!("A copy of your changes has been stored to {:?}\n", file.display().to_string()));
    } else {
        forget(&file);
    }
    errors::check(faults)?;
    Ok(infos)
}

struct Editing<'a> {
    args: &'a Args,
    validate: Validate,
    format: Option<Format>,
    parts: Vec<Part>,
    /// The file of the last round, as long as it is worth keeping.
    file: Option<PathBuf>,
}

impl Editing<'_> {
    fn run(&mut self, session: &mut Session<'_>) -> Result<(), Failure> {
        let as_json = self.format == Some(Format::Json);
        let original = self.printed(as_json);
        let (mut round, mut edited) = (Round::default(), String::new());
        let mut again = false;
        loop {
            let header = if as_json { String::new() } else { header(&round.complaints) };
            let text = if again { header + &without_comments(&edited) } else { header + &original };
            let before = edited;
            let program = session.line.program;
            let crlf = self.args.windows_line_endings.unwrap_or(cfg!(windows));
            let text = if crlf { text.replace('\n', "\r\n") } else { text };
            let last = self.file.take();
            let launched =
                session.client.meanwhile(|| launch(program, if as_json { "json" } else { "yaml" }, &text))?;
            self.file = last;
            let (saved, file) = launched?;
            edited = saved;
            if again && content(&before) == content(&edited) {
                if let Some(old) = self.file.replace(file) {
                    forget(&old);
                }
                return Err(Failure::error("Edit cancelled, no valid changes were saved."));
            }
            if let Some(old) = self.file.replace(file) {
                forget(&old);
            }
            if let Err(text) = check_shape(&edited) {
                round = Round::default();
                let text = format!("Invalid value: \"The edited file failed validation\": {text}");
                round.refuse(&self.parts[0].key, vec![format!("<nil>: {text}")], session);
                again = true;
                continue;
            }
            if content(&original) == content(&edited) {
                self.drop_file();
                session.ui.err("Edit cancelled, no changes made.\n");
                return Ok(());
            }
            if !edited.lines().any(|l| !l.trim().is_empty() && !l.trim().starts_with('#')) {
                self.drop_file();
                session.ui.err("Edit cancelled, saved file was empty.\n");
                return Ok(());
            }
            round = Round::default();
            let (mut infos, faults) = read_text(session, "edited-file", &edited);
            if let Some(fault) = faults.into_iter().next() {
                let head = format!("The edited file had a syntax error: {}", fault.message());
                round.complaints.push(Complaint { head, others: Vec::new() });
                again = true;
                continue;
            }
            for info in &mut infos {
                check_namespace(info, session)?;
                if self.args.save_config {
                    made::save_config(info.kind, &mut info.tree);
                }
                self.args.record.record(session, &mut info.tree);
                self.save(info, &mut round, session)?;
            }
            let shown = self.file.as_ref().map(|f| f.display().to_string()).unwrap_or_default();
            if round.retryable {
                session.ui.err(&format!("You can run `{program} replace -f {shown}` to try this update again.\n"));
                return Err(Failure::silent(1));
            }
            if round.not_found {
                let text = format!("The edits you made on deleted resources have been saved to {shown:?}\n");
                session.ui.err(&text);
                return Err(Failure::silent(1));
            }
            if round.complaints.is_empty() {
                self.drop_file();
                return Ok(());
            }
            again = true;
        }
    }

    /// The text that is edited: the object, or a list of several.
    fn printed(&self, as_json: bool) -> String {
        let trees: Vec<Value> = self.parts.iter().map(|part| part.tree.clone()).collect();
        let tree = match trees.as_slice() {
            [one] => one.clone(),
            several => json!({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": several}),
        };
        if as_json { to_pretty(&tree) } else { to_yaml(&tree) }
    }

    fn drop_file(&mut self) {
        if let Some(file) = self.file.take() {
            forget(&file);
        }
    }

    /// Sends what was changed of one object.
    fn save(&self, info: &Info, round: &mut Round, session: &mut Session<'_>) -> Result<(), Failure> {
        let uid = info.tree["metadata"]["uid"].as_str().unwrap_or_default();
        let Some(part) = self.parts.iter().find(|p| p.tree["metadata"]["uid"] == uid) else {
            return Err(Failure::error(format!("no original object found for {}", name_of(&info.tree))));
        };
        if part.tree == info.tree {
            return self.print(&info.tree, "skipped", session);
        }
        let patch = merge::two_way_strategic(part.key.kind, &part.tree, &info.tree)
            .map_err(|e| Failure::from(ApiError::from(e)))?;
        if merge::changes_identity(&patch) {
            return Err(Failure::error("At least one of apiVersion, kind and name was changed"));
        }
        let body = to_compact(&patch);
        if self.args.output_patch {
            session.ui.out(&format!("Patch: {body}\n"));
        }
        let writing = Writing::by(&self.args.field_manager).validate(self.validate);
        let verb = Verb::Patch(writing.patch_options(), PatchType::Strategic, body);
        let sent = session.client.send(verb, part.resource());
        match sent.and_then(|reply| part.now(reply, session)) {
            Ok(edited) => self.print(&edited.tree, "edited", session),
            Err(refused) => {
                round.add(&refused, &part.key, session);
                Ok(())
            }
        }
    }

    fn print(&self, tree: &Value, done: &str, session: &Session<'_>) -> Result<(), Failure> {
        crate::kubectl::print::made::print_created(session, tree, self.format.as_ref(), DryRun::None, done, true)
    }
}

impl Round {
    /// Takes a refusal down: what can be set right is asked again, the rest ends the edit.
    fn add(&mut self, e: &ApiError, object: &ObjectKey, session: &Session<'_>) {
        let shown = format!("{} {:?}", object.kind.resource(), object.name);
        match e.reason {
            Reason::Invalid => {
                let causes = e.causes.iter().map(ToString::to_string).collect();
                self.refuse(object, causes, session);
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

    fn refuse(&mut self, object: &ObjectKey, others: Vec<String>, session: &Session<'_>) {
        let shown = format!("{} {:?}", object.kind.resource(), object.name);
        session.ui.err(&format!("error: {shown} is invalid\n"));
        self.complaints.push(Complaint { head: format!("{shown} was not valid"), others });
    }
}

fn check_namespace(info: &Info, session: &Session<'_>) -> Result<(), Failure> {
    if !info.kind.is_namespaced() || info.namespace == session.namespace || info.kind == Kind::Namespace {
        return Ok(());
    }
    Err(Failure::error(format!(
        "the namespace from the provided object {:?} does not match the namespace {:?}. You must pass \
         '--namespace={}' to perform this operation.",
        info.namespace, session.namespace, info.namespace
    )))
}

fn header(complaints: &[Complaint]) -> String {
    let mut text = HEADER.to_string();
    for complaint in complaints {
        let colon = if complaint.others.is_empty() { "" } else { ":" };
        text.push_str(&format!("# {}{colon}\n", commented(&complaint.head)));
        for other in &complaint.others {
            text.push_str(&format!("# * {}\n", commented(other)));
        }
        text.push_str("#\n");
    }
    text
}

/// A text of several lines, each of which is a comment.
fn commented(text: &str) -> String {
    text.trim_end_matches('\n').replace('\n', "\n# ")
}

/// The text without the lines that are comments.
fn without_comments(text: &str) -> String {
    let is_comment = |l: &str| l.trim().starts_with('#') && !l.trim().starts_with("#!");
    text.split('\n').filter(|l| !is_comment(l)).collect::<Vec<_>>().join("\n")
}

/// What a text says, whatever its form; a text that says nothing readable stands for itself.
fn content(text: &str) -> Result<Value, String> {
    parse(text).map_err(|_| without_comments(text))
}

fn parse(text: &str) -> Result<Value, String> {
    match crate::manifest::stream::is_json(text) {
        true => serde_json::from_str(text).map_err(|e| e.to_string()),
        false => yaml::to_json(text).map_err(|e| e.to_string()),
    }
}

/// The check that kubectl makes before it reads the objects: something with a version and a kind.
fn check_shape(text: &str) -> Result<(), String> {
    let tree = parse(text)?;
    let Some(fields) = tree.as_object() else { return Err("invalid object to validate".into()) };
    let mut missing = Vec::new();
    for key in ["apiVersion", "kind"] {
        match fields.get(key) {
            None | Some(Value::Null) => missing.push(format!("{key} not set")),
            Some(Value::String(_)) => {}
            Some(_) => missing.push(format!("{key} isn't string type")),
        }
    }
    match missing.as_slice() {
        [] => Ok(()),
        [one] => Err(one.clone()),
        several => Err(format!("[{}]", several.join(", "))),
    }
}

fn forget(file: &Path) {
    // What can't be removed stays in the folder for temporary files.
    _ = std::fs::remove_file(file);
}

/// Writes the text to a new file, runs the editor on it, and reads it again.
fn launch(program: &str, extension: &str, text: &str) -> Result<(String, PathBuf), Failure> {
    let path = write_new_file(program, extension, text)?;
    let editor = ["KUBE_EDITOR", "EDITOR"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()))
        .unwrap_or_else(|| if cfg!(windows) { "notepad" } else { "vi" }.to_string());
    let shown = path.display().to_string();
    let words: Vec<String> = if editor.contains(['"', '\'', '\\']) && editor.contains(' ') {
        // Quotes are the shell's to read.
        let default = if cfg!(windows) { "cmd" } else { "/bin/bash" };
        let shell = std::env::var("SHELL").ok().filter(|s| !s.is_empty()).unwrap_or_else(|| default.to_string());
        let flag = if shell == "cmd" { "/C" } else { "-c" };
        vec![shell, flag.to_string(), format!("{editor} {shown:?}")]
    } else {
        editor.split(' ').map(String::from).chain([shown]).collect()
    };
    let named = format!("{editor:?}");
    match Command::new(&words[0]).args(&words[1..]).status() {
        Ok(status) if status.success() => {}
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            forget(&path);
            return Err(Failure::error(format!("unable to launch the editor {named}")));
        }
        _ => return Err(Failure::error(format!("there was a problem with the editor {named}"))),
    }
    let text = std::fs::read_to_string(&path).map_err(|e| Failure::error(format!("{}: {e}", path.display())))?;
    Ok((text.replace("\r\n", "\n"), path))
}

fn write_new_file(program: &str, extension: &str, text: &str) -> Result<PathBuf, Failure> {
    let folder = std::env::temp_dir();
    for n in 0.. {
        let path = folder.join(format!("{program}-edit-{}{n}.{extension}", std::process::id()));
        let opened = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
        match opened.and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes())) {
            Ok(()) => return Ok(path),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(Failure::error(format!("open {}: {e}", path.display()))),
        }
    }
    Err(Failure::error("there is no name left for a temporary file"))
}

#[cfg(test)]
mod tests {
    use super::{Complaint, check_shape, content, header};

    #[test]
    fn comments_do_not_count() {
        assert_eq!(content("# x\na: 1\n"), content("a: 1"));
        assert_ne!(content("a: 1"), content("a: 2"));
        assert_eq!(check_shape("a: 1").unwrap_err(), "[apiVersion not set, kind not set]");
        assert_eq!(check_shape("# all\n").unwrap_err(), "invalid object to validate");
    }

    #[test]
    fn the_header_says_what_was_wrong() {
        let others = vec!["spec.clusterIP: Invalid value: \"x\": field is immutable".to_string()];
        let complaint = Complaint { head: "services \"svc1\" was not valid".into(), others };
        insta::assert_snapshot!(header(&[complaint]), @r#"
        # Please edit the object below. Lines beginning with a '#' will be ignored,
        # and an empty file will abort the edit. If an error occurs while saving this file will be
        # reopened with the relevant failures.
        #
        # services "svc1" was not valid:
        # * spec.clusterIP: Invalid value: "x": field is immutable
        #
        "#);
    }
}
