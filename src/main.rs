//! The `kstate` binary: hands the arguments over and maps the outcome to an exit code.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Objects are many small pieces, that large commands take up and let go of by the million.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(kstate::cli::main(std::env::args_os().collect()))
}
