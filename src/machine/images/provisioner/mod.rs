//! The provisioners of volumes that run as pods: they read their settings, look whether they may do their work, take the
//! lock where they have one, and tell the cluster then whom they serve.
//!
//! Facts: kubernetes-sigs/nfs-subdir-external-provisioner and the nfs-client provisioner of kubernetes-retired/external-storage,
//! kubernetes-sigs/nfs-ganesha-server-and-external-provisioner, rancher/local-path-provisioner: their programs, their
//! Dockerfiles, and what they print. What they make is made by `controllers::provisioner`.

mod election;
pub mod folders;
mod lines;
mod local_path;
mod nfs;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::base::Base;
use super::in_cluster::{self, Fault, Question};
use super::reference::Reference;
use super::wire::uuid;
use super::{Begin, Begun, Model, Server};
use crate::api::{Duration, Time};
use crate::machine::kernel::process::Disposition;
use crate::machine::kernel::{Signal, Status, Sys, Turn, Wait};
use crate::machine::net::http::Civil;
use crate::machine::net::{Peer, Reply, Sent};
pub use lines::{Lines, lines};

/// Which program it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Which {
    /// nfs-client-provisioner: folders on a server outside. The first of them had no lock of their own.
    #[default]
    NfsClient,
    /// Its later builds, with a lock.
    NfsClientLocked,
    /// nfs-subdir-external-provisioner, which follows it.
    NfsSubdir,
    /// nfs-ganesha-server-and-external-provisioner: folders of its own, which it serves.
    NfsServer,
    /// local-path-provisioner: folders on nodes.
    LocalPath,
}

/// A provisioner that runs, as the cluster is told of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provisions {
    /// The name that classes give.
    pub name: String,
    /// Who says its events: `NAME_POD_UID`.
    pub component: String,
    /// Which program it is.
    pub which: Which,
    /// Its container.
    pub container: String,
    /// How often that was started anew.
    pub restarts: i32,
    /// Its settings: what its environment or its files say that a volume depends on.
    pub settings: BTreeMap<String, String>,
}

/// How such a program names itself to the API server.
const AGENT: &str = "provisioner/v0.0.0";

/// What it lists before it begins: kinds, paths.
const LISTS: [(&str, &str); 3] = [
    ("PersistentVolumeClaim", "/api/v1/persistentvolumeclaims?limit=1"),
    ("PersistentVolume", "/api/v1/persistentvolumes?limit=1"),
    ("StorageClass", "/apis/storage.k8s.io/v1/storageclasses?limit=1"),
];

/// The first wait of a reflector that may not list, which doubles, and the longest.
const BACKOFF: (Duration, Duration) = (Duration::millis(800), Duration::secs(30));

/// After how many tries in vain one stands for ten, so that what can't be for hours costs little.
const MANY: u32 = 20;

pub(super) const IMAGES: &[&str] = &[
    "nfs-client-provisioner",
    "nfs-subdir-external-provisioner",
    "nfs-provisioner",
    "local-path-provisioner",
    "mirrored-local-path-provisioner",
];

fn which(reference: &Reference) -> Which {
    match reference.name() {
        "nfs-subdir-external-provisioner" => Which::NfsSubdir,
        "nfs-client-provisioner" if reference.path.contains("open-ali") => Which::NfsClient,
        "nfs-client-provisioner" => Which::NfsClientLocked,
        "nfs-provisioner" => Which::NfsServer,
        _ => Which::LocalPath,
    }
}

/// The images.
pub(super) fn model(reference: &Reference) -> Model {
    let name = reference.name();
    match which(reference) {
        Which::NfsClient | Which::NfsClientLocked => Model::on(Base::Alpine((3, 6)))
            .version("3.1.0")
            .enters(&["/nfs-client-provisioner"])
            .program("/nfs-client-provisioner", "provisioner")
            .adds(40_000_000),
        Which::NfsSubdir => Model::on(Base::Distroless)
            .version(if reference.tag.starts_with('v') { &reference.tag[1..] } else { "4.0.2" })
            .enters(&["/nfs-subdir-external-provisioner"])
            .program(&format!("/{name}"), "provisioner")
            .adds(17_000_000),
        Which::NfsServer => Model::on(Base::RedHat(30))
            .version(if reference.tag.starts_with('v') { &reference.tag[1..] } else { "4.0.8" })
            .enters(&["/nfs-server-provisioner"])
            .program("/nfs-server-provisioner", "provisioner")
            .program("/nfs-provisioner", "provisioner")
            .dir("/export", 0o755, (0, 0))
            .exposes(&[2049, 20048, 111, 662, 875, 32803])
            .adds(110_000_000),
        Which::LocalPath => Model::on(Base::Alpine((3, 21)))
            .version(if reference.tag.starts_with('v') { &reference.tag[1..] } else { "0.0.37" })
            .runs(&["local-path-provisioner"])
            .program("/usr/bin/local-path-provisioner", "provisioner")
            .adds(30_000_000),
    }
}

fn start(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let which = which(&Reference::parse(sys.image()));
    Begun::Serves(Server::Provisioner(Box::new(Provisioner { which, args: args.to_vec(), ..Provisioner::default() })))
}

pub(super) const PROGRAMS: &[(&str, Begin)] = &[("provisioner", start)];

/// How far it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
enum Stage {
    /// It reads its settings.
    #[default]
    Settings,
    /// It waits for its server until then.
    Server(Time),
    /// It wants the lock.
    Lock,
    /// It lists what it is to watch: which lists it has, and when it tries again.
    Lists,
    /// It runs.
    Runs,
}

/// One of them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Provisioner {
    which: Which,
    args: Vec<String>,
    stage: Stage,
    /// The name that classes give.
    name: String,
    /// `POD_UID`
    identity: String,
    settings: BTreeMap<String, String>,
    election: election::Election,
    /// Which of the lists it has.
    listed: [bool; 3],
    /// How often it tried the rest.
    tries: u32,
}

/// A line of klog's.
pub fn klog(now: Time, severity: char, place: &str, text: &str) -> String {
    let c = Civil::of(now);
    format!("{severity}{:02}{:02} {}.{:03}000       1 {place}] {text}\n", c.month, c.day, c.clock(), c.milli)
}

/// A line of logrus'.
pub fn logrus(now: Time, level: &str, text: &str) -> String {
    let c = Civil::of(now);
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("time=\"{}T{}Z\" level={level} msg=\"{text}\"\n", c.date(), c.clock())
}

/// A wait that grows with the tries in vain.
fn patience(wait: Duration, tries: u32) -> Duration {
    if tries > MANY { wait * 10 } else { wait }
}

impl Provisioner {
    fn lines(&self) -> &'static Lines {
        lines(self.which)
    }

    fn say(&self, sys: &mut Sys<'_>, severity: char, place: &str, text: &str) {
        let line = klog(sys.now(), severity, place, text);
        sys.err(line);
    }

    /// `glog.Fatal`
    fn fatal(&self, sys: &mut Sys<'_>, place: &str, text: &str) -> u8 {
        self.say(sys, 'F', place, text);
        255
    }

    /// `NAME_POD_UID`
    fn component(&self) -> String {
        format!("{}_{}", self.name, self.identity)
    }

    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        if self.stage == Stage::Settings && self.identity.is_empty() {
            sys.set_disposition(Signal::TERM, Some(Disposition::Catch));
            sys.set_disposition(Signal::INT, Some(Disposition::Catch));
            let uid = uuid(sys);
            self.identity = format!("{}_{uid}", sys.sandbox.hostname);
        }
        if let Some(signal) = sys.take_signal() {
            return Turn::Exit(Status::Code(self.ends(sys, signal)));
        }
        match self.go_on(sys) {
            Ok(Some(wait)) => Turn::Wait(Wait::until(sys.now() + wait)),
            Ok(None) if self.stage == Stage::Runs => Turn::Wait(Wait::signal()),
            Ok(None) => Turn::Again,
            Err(code) => Turn::Exit(Status::Code(code)),
        }
    }

    /// Go's runtime ends a program with 2 at a signal that it doesn't catch itself.
    fn ends(&self, sys: &mut Sys<'_>, signal: Signal) -> u8 {
        if self.which != Which::LocalPath {
            return 2;
        }
        let name = if signal == Signal::INT { "interrupt" } else { "terminated" };
        self.say(sys, 'I', "main.go:70", &format!("Receive {name} to exit"));
        0
    }

    /// Does the next thing; how long it waits then.
    fn go_on(&mut self, sys: &mut Sys<'_>) -> Result<Option<Duration>, u8> {
        match self.stage {
            Stage::Settings => {
                match self.which {
                    Which::NfsServer => {
                        nfs::serve(self, sys)?;
                        self.stage = Stage::Server(sys.now() + nfs::COMES_UP);
                        return Ok(Some(nfs::COMES_UP));
                    }
                    Which::LocalPath => local_path::settings(self, sys)?,
                    _ => nfs::client_settings(self, sys)?,
                }
                self.is_in_cluster(sys)?;
                self.stage = Stage::Lock;
            }
            Stage::Server(until) if sys.now() < until => return Ok(Some(until - sys.now())),
            Stage::Server(_) => {
                self.is_in_cluster(sys)?;
                nfs::own_identity(self, sys)?;
                self.stage = Stage::Lock;
            }
            Stage::Lock => {
                if self.has_lock() {
                    let mut election = std::mem::take(&mut self.election);
                    let wait = election.go_on(self, sys);
                    self.election = election;
                    if let Some(wait) = wait {
                        return Ok(Some(wait));
                    }
                }
                let (place, text) = (self.lines().starting, "Starting provisioner controller");
                self.announce(sys, place, text);
                self.stage = Stage::Lists;
            }
            Stage::Lists => {
                if let Some(wait) = self.list(sys) {
                    return Ok(Some(wait));
                }
                let (place, text) = (self.lines().started, "Started provisioner controller");
                self.announce(sys, place, text);
                self.stage = Stage::Runs;
                let container = sys.process().container.clone();
                let restarts = sys.container().kept.restarts;
                let (name, component, settings) = (self.name.clone(), self.component(), self.settings.clone());
                let which = self.which;
                sys.sandbox.told.push(Provisions { name, component, which, container, restarts, settings });
            }
            Stage::Runs => {}
        }
        Ok(None)
    }

    fn announce(&self, sys: &mut Sys<'_>, place: &str, text: &str) {
        let component = self.component();
        let text = match self.which {
            Which::LocalPath => format!("\"{text}\" component=\"{component}\""),
            _ => format!("{text} {component}!"),
        };
        self.say(sys, 'I', place, &text);
    }

    fn has_lock(&self) -> bool {
        match self.which {
            Which::NfsClientLocked | Which::NfsSubdir => {
                !self.settings.get("ENABLE_LEADER_ELECTION").is_some_and(|value| is_false(value))
            }
            Which::NfsClient | Which::NfsServer | Which::LocalPath => false,
        }
    }

    /// Whether there is an API server that it may ask; it asks for the version.
    fn is_in_cluster(&self, sys: &mut Sys<'_>) -> Result<(), u8> {
        let fault = match in_cluster::ask(sys, &Question::get(AGENT, "/version")) {
            Ok(_) => return Ok(()),
            Err(fault) => fault,
        };
        let (config, version) = self.lines().fatal;
        Err(match (&fault, self.which) {
            (Fault::Refused { .. }, Which::LocalPath) => return Ok(()),
            (_, Which::LocalPath) => local_path::fatal(sys, &format!("unable to get client config: {}", fault.text())),
            (Fault::Refused { .. }, _) => {
                self.fatal(sys, version, &format!("Error getting server version: {}", fault.text()))
            }
            (_, _) => self.fatal(sys, config, &format!("Failed to create config: {}", fault.text())),
        })
    }

    /// Lists what it is to watch; how long it waits before it tries again.
    fn list(&mut self, sys: &mut Sys<'_>) -> Option<Duration> {
        let (place, reflector) = self.lines().reflector;
        for (at, (kind, path)) in LISTS.iter().enumerate() {
            if self.listed.get(at) == Some(&true) {
                continue;
            }
            let why = match in_cluster::ask(sys, &Question::get(AGENT, path)) {
                Ok(answer) if answer.status == 200 => {
                    self.listed.get_mut(at).into_iter().for_each(|listed| *listed = true);
                    continue;
                }
                Ok(answer) => answer.message().to_string(),
                Err(fault) => fault.text(),
            };
            let text = match self.which {
                Which::LocalPath => {
                    let why = format!("failed to list *v1.{kind}: {why}").replace('"', "\\\"");
                    let head = "\"Failed to watch\" err=";
                    format!("{head}\"{why}\" logger=\"UnhandledError\" reflector=\"{reflector}\" type=\"*v1.{kind}\"")
                }
                _ => format!("{reflector}: Failed to list *v1.{kind}: {why}"),
            };
            self.say(sys, 'E', place, &text);
        }
        if self.listed.iter().all(|listed| *listed) {
            return None;
        }
        let wait = Duration(BACKOFF.0.0 << self.tries.min(6)).min(BACKOFF.1);
        self.tries += 1;
        Some(patience(wait, self.tries))
    }

    /// A health endpoint, where it has one; a client of the server's volumes speaks to the disks.
    pub(super) fn receive(&mut self, _: &mut Sys<'_>, _: u16, _: &Peer, sent: Sent<'_>) -> Reply {
        let Sent::Bytes(bytes) = sent else { return Reply::default() };
        if self.which != Which::LocalPath {
            return Reply { close: true, ..Reply::default() };
        }
        local_path::health(&String::from_utf8_lossy(bytes))
    }
}

/// What `strconv.ParseBool` takes for false.
fn is_false(text: &str) -> bool {
    matches!(text, "0" | "f" | "F" | "false" | "FALSE" | "False")
}
