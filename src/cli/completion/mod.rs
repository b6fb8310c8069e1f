//! `completion`: a shell's completion script. For all but PowerShell it asks `__complete` what a word could be.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::App;
use crate::error::Failure;
use crate::kubectl::session::Session;
use crate::ui::Ui;

/// Output shell completion code for the specified shell (bash, zsh, fish, or powershell).
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// bash, zsh, fish or powershell
    #[arg(value_name = "SHELL")]
    shells: Vec<String>,
}

/// Runs the verb.
///
/// # Errors
/// kubectl's texts.
pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
    print(&args, session.line.program, session.ui)
}

/// Prints the script.
///
/// # Errors
/// kubectl's texts for a missing or unknown shell.
pub fn print(args: &Args, program: &'static str, ui: &Ui) -> Result<(), Failure> {
    let usage = |text: String| Failure::error(format!("{text}\nSee '{program} completion -h' for help and examples"));
    let shell = match args.shells.as_slice() {
        [] => return Err(usage("Shell not specified.".into())),
        [one] => one,
        _ => return Err(usage("Too many arguments. Expected only the shell type.".into())),
    };
    let script = match shell.as_str() {
        "bash" => include_str!("bash.sh").replace("PROGRAM", program),
        "zsh" => include_str!("zsh.sh").replace("PROGRAM", program),
        "fish" => include_str!("fish.fish").replace("PROGRAM", program),
        "powershell" => {
            let mut script = Vec::new();
            clap_complete::generate(Shell::PowerShell, &mut App::command(), program, &mut script);
            String::from_utf8_lossy(&script).into_owned()
        }
        other => return Err(usage(format!("Unsupported shell type {other:?}."))),
    };
    ui.out(&script);
    Ok(())
}
