//! `logs`, `exec`, `attach`, `cp`, `port-forward` and `top`: what needs containers that run or metrics.
//!
//! A pod of kstate has no process behind it yet; these verbs say so in the words of a kubectl that finds none.

use super::session::Session;
use crate::api::k8s::api::core::v1::Pod;
use crate::error::{ApiError, Failure};

/// Arguments that are taken as they come.
#[derive(Debug, Clone, clap::Args)]
pub struct PodArgs {
    /// POD, or TYPE/NAME
    #[arg(value_name = "POD", allow_hyphen_values = true, trailing_var_arg = true)]
    args: Vec<String>,
}

impl PodArgs {
    /// Those that name a pod.
    pub fn of(name: &str) -> PodArgs {
        PodArgs { args: vec![name.to_string()] }
    }

    /// The first word that is no flag, without a `pod/` before it.
    fn pod(&self) -> Option<&str> {
        let first = self.args.iter().find(|a| !a.starts_with('-'))?;
        Some(first.split_once('/').map_or(first.as_str(), |(_, name)| name))
    }

    /// What is wrong with the words, however the pod may be.
    fn refused(&self, verb: &str) -> Option<&'static str> {
        let dashes = self.args.iter().position(|a| a == "--");
        let words = self.args.iter().take(dashes.unwrap_or(self.args.len()));
        let plain: Vec<_> = words.filter(|a| !a.starts_with('-')).collect();
        let flags = self.args.iter().take(dashes.unwrap_or(self.args.len())).any(|a| a.starts_with('-'));
        match verb {
            "exec" if dashes.is_none() && plain.len() > 1 && !flags => Some(
                "exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead\n\
                 See 'kubectl exec -h' for help and examples",
            ),
            "exec" if dashes.is_none_or(|at| at + 1 == self.args.len()) && !flags => {
                Some("you must specify at least one command for the container")
            }
            "logs" if plain.len() > 2 && !flags => Some(
                "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\n\
                 POD or TYPE/NAME is a required argument for the logs command\n\
                 See 'kubectl logs -h' for help and examples",
            ),
            "port-forward" if plain.len() < 2 && !flags => Some(
                "TYPE/NAME and list of ports are required for port-forward\n\
                 See 'kubectl port-forward -h' for help and examples",
            ),
            _ => None,
        }
    }

    fn container(&self, session: &Session<'_>, name: &str) -> Option<String> {
        let flag = self.args.iter().position(|a| a == "-c" || a == "--container");
        if let Some(named) = flag.and_then(|at| self.args.get(at + 1)) {
            return Some(named.clone());
        }
        let pod = session.cluster.view().get_as::<Pod>(&session.namespace, name)?;
        Some(pod.spec.as_ref()?.containers.first()?.name.clone())
    }
}

/// The failure of a verb that needs a running container.
pub fn no_container(verb: &str, args: &PodArgs, session: &Session<'_>) -> Failure {
    let Some(name) = args.pod() else {
        return Failure::error(match verb {
            "logs" => "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs command\nSee 'kubectl logs -h' for help and examples".to_string(),
            "exec" => "pod, type/name or --filename must be specified".to_string(),
            "attach" => "at least 1 argument is required for attach\nSee 'kubectl attach -h' for help and examples".to_string(),
            _ => "TYPE/NAME and list of ports are required for port-forward\nSee 'kubectl port-forward -h' for help and examples".to_string(),
        });
    };
    if let Some(refusal) = args.refused(verb) {
        return Failure::error(refusal);
    }
    if session.cluster.view().get_as::<Pod>(&session.namespace, name).is_none() {
        let missing = ApiError::not_found("pods", name);
        return match verb {
            "logs" => Failure::raw(format!(
                "error: error from server (NotFound): pods {name:?} not found in namespace {:?}",
                session.namespace
            )),
            _ => missing.into(),
        };
    }
    let container = args.container(session, name).unwrap_or_default();
    match verb {
        "logs" => Failure::raw(format!(
            "Error from server (BadRequest): container {container:?} in pod {name:?} is not available"
        )),
        _ => Failure::error(format!(
            "Internal error occurred: unable to upgrade connection: container not found (\"{container}\")"
        )),
    }
    .hint("kstate's containers run no processes")
}

macro_rules! needs_container {
    ($($module:ident, $verb:literal, $help:literal;)*) => {
        $(
            #[doc = concat!("`", $verb, "`.")]
            pub mod $module {
                use super::{PodArgs, Session, no_container};
                use crate::error::Failure;

                #[doc = $help]
                #[derive(Debug, Clone, clap::Args)]
                pub struct Args {
                    #[command(flatten)]
                    args: PodArgs,
                }

                /// Runs the verb.
                ///
                /// # Errors
                /// Always: there is no such container.
                pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
                    Err(no_container($verb, &args.args, session))
                }
            }
        )*
    };
}

needs_container! {
    logs, "logs", "Print the logs for a container in a pod.";
    exec, "exec", "Execute a command in a container.";
    attach, "attach", "Attach to a running container.";
    port_forward, "port-forward", "Forward one or more local ports to a pod.";
}

/// `cp`.
pub mod cp {
    use super::Session;
    use crate::error::Failure;

    /// Copy files and directories to and from containers.
    #[derive(Debug, Clone, clap::Args)]
    pub struct Args {
        /// FILE POD:PATH, or POD:PATH FILE
        args: Vec<String>,
        /// The container
        #[arg(short = 'c', long)]
        container: Option<String>,
    }

    /// Runs the verb.
    ///
    /// # Errors
    /// Always: there is no such container.
    pub fn run(args: Args, session: &mut Session<'_>) -> Result<(), Failure> {
        let [from, to] = args.args.as_slice() else {
            return Err(Failure::error("source and destination are required"));
        };
        let Some((pod, _)) = [from, to].into_iter().find_map(|a| a.split_once(':')) else {
            return Err(Failure::error("one of src or dest must be a local file specification"));
        };
        let mut words = vec![pod.rsplit('/').next().unwrap_or(pod).to_string()];
        if let Some(container) = args.container {
            words.extend(["-c".to_string(), container]);
        }
        Err(super::no_container("exec", &super::PodArgs { args: words }, session))
    }
}

/// `top`.
pub mod top {
    use super::Session;
    use crate::error::Failure;

    /// Display resource (CPU/memory) usage.
    #[derive(Debug, Clone, clap::Args)]
    pub struct Args {
        /// node, or pod
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    }

    /// Runs the verb.
    ///
    /// # Errors
    /// Always: the cluster has no metrics server.
    pub fn run(_args: Args, _session: &mut Session<'_>) -> Result<(), Failure> {
        Err(Failure::error("Metrics API not available"))
    }
}
