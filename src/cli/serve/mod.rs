//! `kstate serve`: the Kubernetes API of a cluster over HTTPS, for kubectl, helm, operators and other clients.

mod kept;

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::cli::home::{Home, failed};
use crate::error::Failure;
use crate::host::{self, Host, interrupt, sockets};
use crate::kubectl::wall::wall_now;
use crate::serve;
use crate::server::Server;
use crate::ui::Ui;
use kept::Kept;

/// Serve the cluster's API over HTTPS, until Ctrl-C or as long as a command runs.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The port to listen on; 0 for any that is free
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    bind: String,
    /// Listen where other machines can reach it
    #[arg(long)]
    yes_expose: bool,
    /// A command that runs with KUBECONFIG set; the server ends with it, and with its exit code
    #[arg(value_name = "COMMAND", last = true)]
    command: Vec<String>,
}

/// Print a kubeconfig for the cluster's running server.
#[derive(Debug, Clone, clap::Args)]
pub struct KubeconfigArgs {}

/// Serves.
///
/// # Errors
/// What is wrong with an option, an address or a file; and the exit code of the command.
pub fn run(args: &Args, named: (Option<&str>, Option<&str>), home: &Home, host: &Host, ui: &Ui) -> Result<()> {
    let (cluster, kubeconfig) = named;
    let ip = address(args)?;
    let name = cluster.map_or_else(|| home.current(), String::from);
    let mut server = Server::over(home.open(&name)?);
    let kept = Kept::of(home, &name, ip)?;
    let (at, listening) = serve::listen(ip, args.port, &kept.certificates)
        .map_err(|e| failed(format!("cannot listen on {ip} port {}", args.port), &e))?;
    let text = kept.kubeconfig(&name, at);
    let own = kept.note(&text)?;
    let file = kubeconfig.map_or(own, PathBuf::from);
    if kubeconfig.is_some() {
        host::whole::write(&file, text.as_bytes())
            .map_err(|e| failed(format!("cannot write {}", file.display()), &e))?;
    }
    let interrupts = interrupt::catch();
    let mut child = None;
    if args.command.is_empty() {
        let (url, file) = (kept::url(at), file.display());
        ui.out(&format!("serving cluster {name:?} at {url}; KUBECONFIG={file}\n"));
    } else {
        child = Some(RefCell::new(start(&args.command, &file, host)?));
    }
    let code = Cell::new(0);
    let stop = || {
        let ended = child.as_ref().and_then(|child| child.borrow_mut().try_wait().ok().flatten());
        if let Some(status) = ended {
            code.set(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1));
        }
        ended.is_some() || interrupts.take() && child.is_none()
    };
    let served = serve::run(&mut server, kept.keys.clone(), &listening, wall_now, stop);
    kept.forget();
    server.leave();
    served?;
    match code.get() {
        0 => Ok(()),
        code => Err(Failure::silent(code).into()),
    }
}

/// Where to listen.
fn address(args: &Args) -> Result<IpAddr> {
    let bind = if args.bind == "localhost" { "127.0.0.1" } else { &args.bind };
    let ip: IpAddr = bind.parse().map_err(|_| Failure::error(format!("--bind {bind:?} is no IP address")))?;
    match ip.is_loopback() || args.yes_expose {
        true => Ok(ip),
        false => Err(Failure::error(format!("--bind {ip} lets other machines reach the cluster"))
            .hint("who has the token of its kubeconfig may do everything there; if that is meant, add --yes-expose")
            .into()),
    }
}

/// Starts the command.
fn start(words: &[String], kubeconfig: &Path, host: &Host) -> Result<host::Child> {
    let programs = host.programs().ok_or_else(|| Failure::error("no programs are started here"))?;
    let whole = host.files.absolute(kubeconfig);
    let (first, rest) = words.split_first().ok_or_else(|| Failure::error("no command"))?;
    let started = programs.command(first).args(rest).env("KUBECONFIG", whole).spawn();
    Ok(started.map_err(|e| failed(format!("cannot run {first}"), &e))?)
}

/// Prints the kubeconfig of a server that runs.
///
/// # Errors
/// When none does.
pub fn kubeconfig(cluster: Option<&str>, home: &Home, ui: &Ui) -> Result<()> {
    let name = cluster.map_or_else(|| home.current(), String::from);
    let none = || {
        Failure::error(format!("no server runs for cluster {name:?}"))
            .hint(format!("kstate serve --cluster {name} starts one"))
    };
    let text = kept::noted(home, &name).ok_or_else(none)?;
    let runs = kept::address_in(&text).is_some_and(sockets::answers);
    if !runs {
        return Err(none().into());
    }
    ui.out(&text);
    Ok(())
}
