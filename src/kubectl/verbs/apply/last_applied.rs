//! `apply view-last-applied`, `set-last-applied` and `edit-last-applied`: the annotation that `apply` compares with.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/apply/apply_*_last_applied.go`.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::Object;
use crate::api::request::PatchType;
use crate::error::Failure;
use crate::kubectl::annotation::LAST_APPLIED;
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::builder::target::Target;
use crate::kubectl::print::errors::{self, usage};
use crate::kubectl::print::made::OutputArgs;
use crate::kubectl::print::made::print_created;
use crate::kubectl::request::{self, DryRun, PROGRAM, Writing};
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

fn view(args: &ViewArgs, session: &Session<'_>) -> Result<(), Failure> {
    let selector = Some(args.selector.as_str()).filter(|s| !s.is_empty());
    let target = Target { args: &args.args, files: &args.files, selector, all: args.all, ..Target::default() };
    let found = target.find(session)?;
    if let Some(fault) = found.faults.into_iter().next() {
        return Err(fault.into());
    }
    // OBSERVATION: an object without the annotation is passed over in silence.
    for text in found.objects.iter().filter_map(|o| o.annotation(LAST_APPLIED)) {
        match args.output.as_str() {
            "json" => session.ui.out(&indented(text)),
            "yaml" => {
                let tree = serde_json::from_str(text).map_err(Failure::error)?;
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
    let format = args.output.format(session)?;
    let (infos, faults) = args.files.read(session, false);
    errors::check(faults)?;
    let mut changes = Vec::new();
    for info in &infos {
        let live = session.client.get(&info.key())?;
        let text = format!("{}\n", to_compact(&info.tree));
        match live.annotation(LAST_APPLIED) {
            None if !args.create_annotation => {
                return Err(Failure::error(format!(
                    "no last-applied-configuration annotation found on resource: {}, to create the annotation, run the \
                     command with --create-annotation",
                    info.name
                )));
            }
            Some(old) if serde_json::from_str::<Value>(old).is_ok_and(|old| old == info.tree) => {
                session.ui.out(&format!("set-last-applied {}: no changes required.\n", info.name));
            }
            _ => changes.push((live, text)),
        }
    }
    for (live, text) in changes {
        let mut shown = Arc::clone(&live);
        if dry_run != DryRun::Client {
            shown = annotate(&live, &text, &Writing::by(PROGRAM).dry_run(dry_run), session)?;
        }
        print_created(session, &session.tree(&shown), format.as_ref(), dry_run, "configured", true)?;
    }
    Ok(())
}

fn annotate(
    live: &Object,
    text: &str,
    writing: &Writing<'_>,
    session: &mut Session<'_>,
) -> Result<Arc<Object>, errors::Fault> {
    let body = to_compact(&json!({"metadata": {"annotations": {LAST_APPLIED: text}}}));
    request::patch(session, live, (PatchType::Merge, &body), writing)
}

fn edit(args: &EditArgs, session: &mut Session<'_>) -> Result<(), Failure> {
    let format = args.output.format(session)?;
    let found = Target { args: &args.args, files: &args.files, ..Target::default() }.find(session)?;
    errors::check(found.faults)?;
    let annotated: Vec<Arc<Object>> =
        found.objects.into_iter().filter(|o| o.annotation(LAST_APPLIED).is_some()).collect();
    if annotated.is_empty() {
        return Err(Failure::error(
            "no last-applied-configuration annotation found on resources, to create the annotation, use command \
             `kubectl apply set-last-applied --create-annotation`",
        ));
    }
    let crlf = args.windows_line_endings.unwrap_or(cfg!(windows));
    for live in annotated {
        let text = live.annotation(LAST_APPLIED).unwrap_or_default();
        let tree: Value = serde_json::from_str(text).map_err(Failure::error)?;
        for info in edit::once(edit::LAST_APPLIED_HEADER, &tree, &args.output, crlf, session)? {
            let text = format!("{}\n", to_compact(&info.tree));
            let object = annotate(&live, &text, &Writing::by(&args.field_manager), session)?;
            print_created(session, &session.tree(&object), format.as_ref(), DryRun::None, "edited", true)?;
        }
    }
    Ok(())
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
