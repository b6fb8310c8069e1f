//! `kstate why`: why something is as it is, and what mends it.

use crate::error::Failure;
use crate::kubectl::builder::build::Builder;
use crate::kubectl::session::Session;
use crate::why::{self, Mend, Verdict};

/// Say why something is as it is: the verdict, every candidate with the rule that rejects it, and the command that mends it.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// What to ask about, such as pvc/web or pod web-0
    #[arg(value_name = "TYPE/NAME", required = true)]
    target: Vec<String>,
    /// json: the verdict for programs
    #[arg(short = 'o', long, value_name = "json")]
    output: Option<String>,
}

/// Runs the verb.
///
/// # Errors
/// When there is no such object.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let as_json = wants_json(args.output.as_deref())?;
    let default_type = if args.target.len() == 1 { "pods" } else { "" };
    let builder = Builder { args: &args.target, default_type, ..Builder::default() };
    let (found, fault) = builder.plan(session)?.infos(session);
    let mut verdicts = Vec::new();
    for object in found.into_iter().filter_map(|info| info.object) {
        let cluster = session.client.server().cluster();
        verdicts.push(why::explain(&cluster.view(), &object, cluster.now()));
    }
    if let Some(fault) = fault.filter(|_| verdicts.is_empty()) {
        return Err(fault.into());
    }
    if as_json {
        session.ui.out(&json(&verdicts));
        return Ok(());
    }
    for (n, verdict) in verdicts.iter().enumerate() {
        let gap = if n > 0 { "\n" } else { "" };
        session.ui.out(&format!("{gap}{}", shown(verdict, session.ui.width())));
    }
    Ok(())
}

/// Whether `-o json` was asked for.
///
/// # Errors
/// When another form was.
pub(super) fn wants_json(output: Option<&str>) -> Result<bool, Failure> {
    match output {
        None => Ok(false),
        Some("json") => Ok(true),
        Some(other) => Err(Failure::error(format!(
            "unable to match a printer suitable for the output format {other:?}, allowed formats are: json"
        ))),
    }
}

/// Verdicts for programs: one as it is, several as a list.
pub(super) fn json(verdicts: &[Verdict]) -> String {
    let text = match verdicts {
        [one] => serde_json::to_string_pretty(one),
        all => serde_json::to_string_pretty(all),
    };
    format!("{}\n", text.unwrap_or_default())
}

/// A verdict as a page of that width.
pub(super) fn shown(verdict: &Verdict, width: usize) -> String {
    let width = width.clamp(40, 100);
    let state = if verdict.state.is_empty() { String::new() } else { format!(": {}", verdict.state) };
    let mut out = format!("{}{state}\n\n{}", verdict.subject, wrapped(&verdict.verdict, "  ", width));
    if !verdict.candidates.is_empty() {
        out.push('\n');
        let longest = verdict.candidates.iter().map(|c| c.name.chars().count()).max().unwrap_or(0).min(40);
        for candidate in &verdict.candidates {
            let mark = if candidate.suits { "+" } else { "-" };
            let reasons = if candidate.suits { "suits".to_string() } else { candidate.reasons.join("; ") };
            let name = format!("{:longest$}", candidate.name);
            let indent = " ".repeat(4 + longest + 3);
            let text = wrapped(&reasons, &indent, width);
            out.push_str(&format!("  {mark} {name}   {}", text.trim_start()));
        }
    }
    if !verdict.rule.is_empty() {
        out.push_str(&format!("\n{}  {}\n", wrapped(&verdict.rule, "  ", width), verdict.page));
    }
    if !verdict.mend.is_empty() {
        let what = if verdict.well { "What it waits for:" } else { "What mends it:" };
        out.push_str(&format!("\n  {what}\n"));
        verdict.mend.iter().for_each(|mend| out.push_str(&line_of(mend)));
    }
    out
}

fn line_of(mend: &Mend) -> String {
    match &mend.stdin {
        None => format!("    {}\n", mend.command),
        Some(text) => format!("    {} <<'EOF'\n{text}EOF\n", mend.command),
    }
}

/// Words in lines of that width, each begun by the indent.
fn wrapped(text: &str, indent: &str, width: usize) -> String {
    let mut out = String::new();
    let mut line = indent.to_string();
    for word in text.split_whitespace() {
        let begun = line.trim_start() != "";
        if begun && line.chars().count() + 1 + word.chars().count() > width {
            out.push_str(&format!("{line}\n"));
            line = indent.to_string();
        }
        if line.len() > indent.len() {
            line.push(' ');
        }
        line.push_str(word);
    }
    out.push_str(&format!("{line}\n"));
    out
}
