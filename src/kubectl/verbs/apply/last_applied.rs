//! `apply view-last-applied`, `set-last-applied` and `edit-last-applied`: the annotation that `apply` compares with.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/apply/apply_*_last_applied.go`.

use serde_json::{Value, json};

use crate::api::request::{Form, PatchType, Verb};
use crate::error::Failure;
use crate::kubectl::annotation::LAST_APPLIED;
use crate::kubectl::builder::build::Builder;
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::print::errors::{Fault, usage};
use crate::kubectl::print::made::{ObjectPrinter, OutputArgs, RecordArgs};
use crate::kubectl::request::{DryRun, Validate, Writing};
use crate::kubectl::session::Session;
use crate::kubectl::verbs::edit;
use crate::printers::json::to_compact;
use crate::printers::yaml::to_yaml;

/// What can be done with the annotation.
#[allow(clippy::enum_variant_names)] // the variants are the subcommands' names
#[derive(Debug, Clone, clap::Subcommand)]
pub enum LastApplied {
    /// Edit latest last-applied-configuration annotations of a resource/object
    EditLastApplied(EditArgs),
    /// Set the last-applied-configuration annotation on a live object to match the contents of a file
    SetLastApplied(SetArgs),
    /// View the latest last-applied-configuration annotations of a resource/object
    ViewLastApplied(ViewArgs),
}

/// View the latest last-applied-configuration annotations by type/name or file.
#[derive(Debug, Clone, clap::Args)]
pub struct ViewArgs {
    /// TYPE NAME or TYPE/NAME
    #[arg(value_name = "TYPE")]
    args: Vec<String>,
    #[command(flatten)]
    files: FileArgs,
    /// Select all resources in the namespace of the specified resource types
    #[arg(long)]
    all: bool,
    /// Output format. Must be one of (yaml, json)
    #[arg(short = 'o', long, value_name = "FORMAT", default_value = "yaml")]
    output: String,
    /// Selector (label query) to filter on
    #[arg(short = 'l', long, default_value = "")]
    selector: String,
}

/// Set the latest last-applied-configuration annotations by setting it to match the contents of a file.
#[derive(Debug, Clone, clap::Args)]
pub struct SetArgs {
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    output: OutputArgs,
    /// Will create 'last-applied-configuration' annotations if current objects doesn't have one
    #[arg(long)]
    create_annotation: bool,
    /// Must be "none", "server", or "client"
    #[arg(long, default_value = "none")]
    dry_run: String,
}

/// Edit the latest last-applied-configuration annotations of resources from the default editor.
#[derive(Debug, Clone, clap::Args)]
pub struct EditArgs {
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
    #[arg(long, default_value = "kubectl-client-side-apply")]
    field_manager: String,
    /// Must be one of: strict (or true), warn, ignore (or false)
    #[arg(long, default_value = "strict")]
    validate: String,
    /// Defaults to the line ending native to your platform
    #[arg(long)]
    windows_line_endings: Option<bool>,
}

/// Runs one of the three.
///
/// # Errors
/// kubectl's texts.
pub fn run(what: &LastApplied, session: &mut Session<'_>) -> Result<(), Failure> {
    match what {
        LastApplied::EditLastApplied(args) => edit(args, session),
        LastApplied::SetLastApplied(args) => set(args, session),
        LastApplied::ViewLastApplied(args) => view(args, session),
    }
}

fn view(args: &ViewArgs, session: &mut Session<'_>) -> Result<(), Failure> {
    if args.all && !args.selector.trim().is_empty() {
        let selector = &args.selector;
        let text = format!("found non-empty label selector {selector:?} with previously set 'all' parameter. ");
        return Err(Failure::error(text));
    }
    let builder = Builder {
        args: &args.args,
        files: Some(&args.files),
        selector: &args.selector,
        all: args.all,
        // OBSERVATION: types alone are enough where a namespace was named.
        types_alone: session.namespace_given,
        latest: true,
        ..Builder::default()
    };
    let mut texts = Vec::new();
    builder.plan(session)?.visit(session, |info, _| {
        match info.tree["metadata"]["annotations"][LAST_APPLIED].as_str() {
            Some(text) => texts.push(text.to_string()),
            // An object that an argument names is passed over in silence.
            None if info.source.is_empty() => {}
            None => {
                let (name, source) = (&info.name, &info.source);
                return Err(Fault::plain(format!(
                    "error when no last-applied-configuration annotation found on resource: {name}\n {source:?}: <nil>"
                )));
            }
        }
        Ok(())
    })?;
    for text in texts {
        match args.output.as_str() {
            "json" => session.ui.out(&indented(&text)),
            "yaml" => {
                let tree = serde_json::from_str(&text).map_err(Failure::error)?;
                session.ui.out(&to_yaml(&tree));
            }
            other => {
                let text = format!("Unexpected -o output mode: {other}, the flag 'output' must be one of yaml|json");
                return Err(usage(session, "apply view-last-applied", &text));
            }
        }
    }
    Ok(())
}

/// JSON with two spaces for each level, its keys in the order in which they stand. Mirrors Go's `json.Indent`.
fn indented(text: &str) -> String {
    let (mut out, mut level, mut quoted, mut escaped) = (String::new(), 0_usize, false, false);
    let mut before = ' ';
    for c in text.trim_end().chars() {
        if quoted {
            out.push(c);
            (quoted, escaped) = (escaped || c != '"', !escaped && c == '\\');
            continue;
        }
        let break_line = |out: &mut String, level: usize| out.push_str(&format!("\n{}", "  ".repeat(level)));
        match c {
            ' ' | '\n' | '\t' | '\r' => continue,
            '}' | ']' => {
                level = level.saturating_sub(1);
                if !matches!(before, '{' | '[') {
                    break_line(&mut out, level);
                }
                out.push(c);
            }
            _ => {
                if matches!(before, '{' | '[') {
                    break_line(&mut out, level);
                }
                out.push(c);
                match c {
                    '{' | '[' => level += 1,
                    ',' => break_line(&mut out, level),
                    ':' => out.push(' '),
                    _ => quoted = c == '"',
                }
            }
        }
        before = c;
    }
    out + &text[text.trim_end().len()..]
}

fn set(args: &SetArgs, session: &mut Session<'_>) -> Result<(), Failure> {
    let dry_run = DryRun::parse(&args.dry_run)?;
    let mut printer = ObjectPrinter::new(&args.output, dry_run, session)?;
    let mut changes = Vec::new();
    Builder { files: Some(&args.files), ..Builder::default() }.plan(session)?.visit(session, |mut info, session| {
        let wanted = info.tree.clone();
        info.get(Form::Object, session).map_err(|fault| match fault.is_not_found() {
            true => fault,
            false => {
                let what = format!("retrieving current configuration of:\n{}\nfrom server for:", info.described());
                fault.when(&what, &info.source)
            }
        })?;
        match info.tree["metadata"]["annotations"][LAST_APPLIED].as_str() {
            None if !args.create_annotation => {
                return Err(Fault::plain(format!(
                    "no last-applied-configuration annotation found on resource: {}, to create the annotation, run the \
                     command with --create-annotation",
                    info.name
                )));
            }
            Some(old) if serde_json::from_str::<Value>(old).is_ok_and(|old| old == wanted) => {
                session.ui.out(&format!("set-last-applied {}: no changes required.\n", info.name));
            }
            _ => changes.push((info, format!("{}\n", to_compact(&wanted)))),
        }
        Ok(())
    })?;
    for (mut info, text) in changes {
        if dry_run != DryRun::Client {
            let body = to_compact(&json!({"metadata": {"annotations": {LAST_APPLIED: text}}}));
            let options = Writing::by("").dry_run(dry_run).validate(Validate::Warn).patch_options();
            let verb = Verb::Patch(options, PatchType::Merge, body);
            let reply = session.client.send(verb, info.whole())?;
            info.refresh(reply, session)?;
        }
        printer.print(&info.tree, "configured", session)?;
    }
    Ok(())
}

fn edit(args: &EditArgs, session: &mut Session<'_>) -> Result<(), Failure> {
    let printer = ObjectPrinter::late(&args.output, DryRun::None, session);
    let options = edit::Options {
        record: &args.record,
        field_manager: &args.field_manager,
        output_patch: false,
        save_config: false,
        subresource: "",
        validate: Validate::parse(&args.validate)?,
        windows_line_endings: args.windows_line_endings.unwrap_or(cfg!(windows)),
    };
    edit::last_applied(&args.args, &args.files, &options, printer, session)
}

#[cfg(test)]
mod tests {
    use super::indented;

    #[test]
    fn indents_without_sorting() {
        insta::assert_snapshot!(indented(r#"{"b":{"x":[],"y":{}},"a":["1,{\"",2]}"#), @r#"
        {
          "b": {
            "x": [],
            "y": {}
          },
          "a": [
            "1,{\"",
            2
          ]
        }
        "#);
    }
}
