//! Verbs of kubectl's that kstate has not: each says what it is that there is not.

macro_rules! absent {
    ($($module:ident, $help:literal, $why:literal;)*) => {
        $(
            #[doc = $help]
            pub mod $module {
                use crate::kubectl::session::Session;
                use crate::error::Failure;

                #[doc = $help]
                #[derive(Debug, Clone, clap::Args)]
                pub struct Args {
                    /// Arguments that are taken as they come
                    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
                    rest: Vec<String>,
                }

                /// Runs the verb.
                ///
                /// # Errors
                /// Always.
                pub fn run(_args: Args, _session: &mut Session<'_>) -> Result<(), Failure> {
                    Err(Failure::error($why))
                }
            }
        )*
    };
}

absent! {
    proxy, "Run a proxy to the Kubernetes API server.", "kstate has no API server to reach by the network: its control plane runs within each command";
}
