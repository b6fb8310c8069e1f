//! The `kstate` binary: hands the arguments over and maps the outcome to an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(kstate::cli::main(std::env::args_os().collect()))
}
