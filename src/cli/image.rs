//! `kstate image`: the images that containers can run here, what of each is modelled, and where the facts are from.

use crate::error::Failure;
use crate::kubectl::session::Session;
use crate::machine::images::{self, Model};

/// Show the images that the machine of the pods has models of.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Verb {
    /// List the models
    List,
    /// Show what an image is here
    Show {
        /// The image, as a pod names it
        name: String,
    },
}

/// Runs the verb.
///
/// # Errors
/// None: an image that nobody knows is a small Debian.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    let text = match args.verb {
        Verb::List => list(),
        Verb::Show { name } => show(&name, &images::find(&name)),
    };
    session.ui.out(&text);
    Ok(())
}

fn list() -> String {
    let all = images::list();
    let width = all.iter().map(|m| m.name.chars().count()).max().unwrap_or(0).max(4);
    let mut out = format!("{:width$}   WHAT IT DOES HERE\n", "NAME");
    for model in all {
        out.push_str(&format!("{:width$}   {}\n", model.name, model.about));
    }
    out
}

fn show(name: &str, model: &Model) -> String {
    let join = |words: &[String]| if words.is_empty() { "<none>".to_string() } else { words.join(" ") };
    let mut lines = vec![("Image", name.to_string())];
    if model.name == "unknown" {
        lines.push(("Model", "none: a small Debian whose own command waits; other commands run".into()));
    } else {
        lines.push(("Model", model.name.to_string()));
        lines.push(("Does", model.about.to_string()));
        lines.push(("Facts from", model.facts.to_string()));
    }
    if !model.version.is_empty() {
        lines.push(("Version", model.version.clone()));
    }
    lines.push(("Entrypoint", join(&model.entrypoint())));
    lines.push(("Command", join(&model.cmd())));
    lines.push(("Working folder", model.workdir()));
    let user = model.user_name();
    lines.push(("User", if user.is_empty() { "root".into() } else { user.to_string() }));
    let ports: Vec<String> = model.ports().iter().map(ToString::to_string).collect();
    lines.push(("Ports", join(&ports)));
    lines.push(("Volumes", join(model.volumes())));
    let variables: Vec<String> = model.env().into_iter().map(|(n, v)| format!("{n}={v}")).collect();
    let mut out: String = lines.iter().map(|(n, v)| format!("{:<16}{v}\n", format!("{n}:"))).collect();
    for (at, variable) in variables.iter().enumerate() {
        let title = if at == 0 { "Environment:" } else { "" };
        out.push_str(&format!("{title:<16}{variable}\n"));
    }
    out
}
