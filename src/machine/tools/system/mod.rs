//! What looks at and changes processes and the machine: `ps`, `kill`, `date`, `env` and the like.

use serde::{Deserialize, Serialize};

use super::{Start, Started};
use crate::machine::kernel::{Sys, Turn};

mod accounts;
mod basic;
pub mod client;
mod crictl;
mod cron;
mod date;
mod identity;
mod kill;
mod memory;
mod ps;
mod random;
mod refused;
mod run;
mod sleep;
mod stress;
mod wait;
mod xargs;

/// The tools of this group, by name in order.
pub(super) const TOOLS: &[(&str, Start)] = &[
    ("[", basic::test),
    ("addgroup", accounts::add_group),
    ("adduser", accounts::add_user),
    ("apk", refused::apk),
    ("apt", refused::apt),
    ("apt-get", refused::apt),
    ("arch", identity::arch),
    ("busybox", random::busybox),
    ("cal", date::cal),
    ("chpasswd", accounts::chpasswd),
    ("chroot", run::chroot),
    ("chrt", run::ionice),
    ("clear", identity::clear),
    ("crictl", crictl::crictl),
    ("crond", cron::crond),
    ("crontab", cron::crontab),
    ("date", date::date),
    ("delgroup", accounts::remove),
    ("deluser", accounts::remove),
    ("dmesg", memory::dmesg),
    ("dnf", refused::yum),
    ("dnsdomainname", identity::domain),
    ("dumb-init", wait::init),
    ("echo", basic::echo),
    ("emacs", refused::editor),
    ("env", run::env),
    ("false", basic::falsity),
    ("free", memory::free),
    ("fuser", memory::fuser),
    ("getconf", memory::getconf),
    ("gosu", run::gosu),
    ("groupadd", accounts::add_group),
    ("groupdel", accounts::remove),
    ("groups", identity::groups),
    ("hostid", identity::hostid),
    ("hostname", identity::hostname),
    ("id", identity::id),
    ("ionice", run::ionice),
    ("kill", kill::kill),
    ("killall", kill::killall),
    ("logger", memory::logger),
    ("logname", identity::logname),
    ("lscpu", memory::lscpu),
    ("lsof", memory::lsof),
    ("microdnf", refused::yum),
    ("nano", refused::editor),
    ("nice", run::nice),
    ("nohup", run::nohup),
    ("nologin", random::nologin),
    ("npm", refused::npm),
    ("nproc", memory::nproc),
    ("nsenter", run::nsenter),
    ("openssl", random::openssl),
    ("passwd", accounts::passwd),
    ("pgrep", ps::pgrep),
    ("pidof", ps::pidof),
    ("pip", refused::pip),
    ("pip3", refused::pip),
    ("pkill", kill::pkill),
    ("printenv", run::printenv),
    ("printf", basic::printf),
    ("ps", ps::ps),
    ("renice", run::renice),
    ("reset", identity::clear),
    ("setpriv", run::setpriv),
    ("setsid", run::setsid),
    ("sleep", sleep::sleep),
    ("stress", stress::start),
    ("stress-ng", stress::start),
    ("stty", identity::stty),
    ("su", run::su),
    ("su-exec", run::gosu),
    ("sudo", run::sudo),
    ("sysctl", memory::sysctl),
    ("test", basic::test),
    ("time", wait::time),
    ("timeout", wait::timeout),
    ("tini", wait::init),
    ("top", ps::top),
    ("tput", identity::tput),
    ("true", basic::truth),
    ("tty", identity::tty),
    ("uname", identity::uname),
    ("uptime", memory::uptime),
    ("useradd", accounts::add_user),
    ("userdel", accounts::remove),
    ("users", identity::nobody),
    ("usleep", sleep::usleep),
    ("uuidgen", random::uuidgen),
    ("vi", refused::editor),
    ("vim", refused::editor),
    ("w", identity::nobody),
    ("watch", wait::watch),
    ("who", identity::nobody),
    ("whoami", identity::whoami),
    ("xargs", xargs::start),
    ("yum", refused::yum),
];

/// A tool of this group that lasts longer than one step.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Running {
    /// `sleep`
    Sleep(sleep::Sleep),
    /// `timeout`
    Timeout(wait::Timeout),
    /// `time`
    Clock(wait::Clock),
    /// `watch`
    Watch(wait::Watch),
    /// `tini`
    Init(wait::Init),
    /// `xargs`
    Xargs(Box<xargs::Xargs>),
    /// `stress`
    Stress(Box<stress::Stress>),
    /// `crond`
    Cron(cron::Cron),
    /// What asks somebody outside.
    Client(Box<client::Client>),
}

impl Running {
    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        match self {
            Running::Sleep(tool) => tool.step(sys),
            Running::Timeout(tool) => tool.step(sys),
            Running::Clock(tool) => tool.step(sys),
            Running::Watch(tool) => tool.step(sys),
            Running::Init(tool) => tool.step(sys),
            Running::Xargs(tool) => tool.step(sys),
            Running::Stress(tool) => tool.step(sys),
            Running::Cron(tool) => tool.step(sys),
            Running::Client(tool) => tool.step(sys),
        }
    }
}

/// Goes on with a tool of this group.
fn runs(tool: Running) -> Started {
    Started::Runs(super::Running::System(tool))
}
