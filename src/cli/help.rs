//! Help.

use clap::CommandFactory;

use super::App;

/// The help of a command, `create configmap`.
pub fn text(_program: &'static str, path: &str) -> String {
    let root = App::command();
    let mut command = path.split(' ').fold(&root, |c, name| c.find_subcommand(name).unwrap_or(c)).clone();
    command.render_long_help().to_string().trim_end().to_string()
}
