//! Images: what is in their file systems, what they run, and how their servers answer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};

use super::disk::Disk;
use super::errno::Errno;
use super::kernel::{OpenOptions, Program, Sys, Turn};
use super::net::{Peer, Reply, Sent};

pub mod base;
mod busybox_httpd;
mod cassandra;
mod consul;
mod desk;
mod ensemble;
mod etcd;
mod hello;
mod httpd;
mod idle;
mod in_cluster;
mod kafka;
mod known;
mod minio;
pub mod model;
mod mongo;
mod mysql;
mod names;
mod nginx;
mod perl;
mod php;
mod plain;
mod postgres;
pub mod provisioner;
mod redis;
pub mod reference;
mod resting;
mod sql;
pub mod tree;
mod typed;
mod wire;
mod zookeeper;

pub use desk::DESK;
pub use model::Model;
pub use reference::Reference;
pub use resting::{Resting, resting};

/// The kernel's version, as `uname -r` prints it.
pub const KERNEL: &str = "5.16.14-arch1-1";

/// When and how it was built, as `uname -v` prints it.
pub const KERNEL_BUILD: &str = "#1 SMP PREEMPT Fri, 11 Mar 2022 17:40:36 +0000";

/// What a binary begins with in an image's file system; the tool's name follows.
pub const BINARY: &[u8] = b"\x7fELF\x02\x01\x01\0";

/// How many images are remembered before all are forgotten.
const MAX_CACHED: usize = 512;

/// The process of an image that serves.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Server {
    /// Waits for ever.
    Idle(idle::Idle),
    /// Runs the scripts of nginx' entry point.
    NginxEntry(nginx::Entry),
    /// nginx' master, which also serves.
    Nginx(Box<nginx::Nginx>),
    /// Apache.
    Httpd(Box<httpd::Httpd>),
    /// A small program that says who it is.
    Hello(Box<hello::Hello>),
    /// Redis.
    Redis(Box<redis::Redis>),
    /// Its client.
    RedisCli(Box<redis::cli::Cli>),
    /// MySQL.
    Mysql(Box<mysql::Mysql>),
    /// Its client.
    MysqlClient(Box<mysql::MysqlClient>),
    /// `xbstream -x`
    Unstream(Box<mysql::backup::Unstream>),
    /// PostgreSQL.
    Postgres(Box<postgres::Postgres>),
    /// Its client.
    Psql(Box<postgres::Psql>),
    /// Consul's agent.
    Consul(Box<consul::Consul>),
    /// `consul leave`.
    ConsulLeave(Box<consul::cli::Leaving>),
    /// etcd.
    Etcd(Box<etcd::Etcd>),
    /// ZooKeeper.
    Zookeeper(Box<zookeeper::Zookeeper>),
    /// MongoDB.
    Mongo(Box<mongo::Mongo>),
    /// Kafka.
    Kafka(Box<kafka::Kafka>),
    /// MinIO.
    Minio(Box<minio::Minio>),
    /// Cassandra.
    Cassandra(Box<cassandra::Cassandra>),
    /// Redis' Sentinel.
    Sentinel(Box<redis::sentinel::Sentinel>),
    /// A provisioner of volumes.
    Provisioner(Box<provisioner::Provisioner>),
    /// Its client at a terminal.
    ZkCli(Box<zookeeper::ZkCli>),
    /// A server that only starts, listens and ends.
    Plain(Box<plain::Plain>),
    /// busybox' `httpd`.
    BusyboxHttpd(Box<busybox_httpd::BusyboxHttpd>),
}

impl Server {
    /// Does one piece of work.
    pub fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        match self {
            Server::Idle(server) => server.step(sys),
            Server::NginxEntry(server) => server.step(sys),
            Server::Nginx(server) => server.step(sys),
            Server::Httpd(server) => server.step(sys),
            Server::Hello(server) => server.step(sys),
            Server::Redis(server) => server.step(sys),
            Server::RedisCli(server) => server.step(sys),
            Server::Mysql(server) => server.step(sys),
            Server::MysqlClient(server) => server.step(sys),
            Server::Unstream(tool) => tool.step(sys),
            Server::Postgres(server) => server.step(sys),
            Server::Psql(server) => server.step(sys),
            Server::Consul(server) => server.step(sys),
            Server::ConsulLeave(client) => client.step(sys),
            Server::Etcd(server) => server.step(sys),
            Server::Zookeeper(server) => server.step(sys),
            Server::Mongo(server) => server.step(sys),
            Server::Kafka(server) => server.step(sys),
            Server::Minio(server) => server.step(sys),
            Server::Cassandra(server) => server.step(sys),
            Server::Sentinel(server) => server.step(sys),
            Server::Provisioner(server) => server.step(sys),
            Server::ZkCli(client) => client.step(sys),
            Server::Plain(server) => server.step(sys),
            Server::BusyboxHttpd(server) => server.step(sys),
        }
    }

    /// Answers what happens on a connection to a port that it listens on.
    pub fn receive(&mut self, sys: &mut Sys<'_>, port: u16, peer: &Peer, sent: Sent<'_>) -> Reply {
        // Whoever sends no more has been answered: servers hang up then.
        if sent == Sent::Bytes(b"") {
            self.receive(sys, port, peer, Sent::Closed);
            return Reply { close: true, ..Reply::default() };
        }
        match self {
            Server::Idle(_)
            | Server::NginxEntry(_)
            | Server::RedisCli(_)
            | Server::MysqlClient(_)
            | Server::Unstream(_)
            | Server::ConsulLeave(_)
            | Server::ZkCli(_)
            | Server::Psql(_) => Reply { close: true, ..Reply::default() },
            Server::Mysql(server) => server.receive(sys, port, peer, sent),
            Server::Postgres(server) => server.receive(sys, port, peer, sent),
            Server::Consul(server) => server.receive(sys, port, peer, sent),
            Server::Etcd(server) => server.receive(sys, port, peer, sent),
            Server::Zookeeper(server) => server.receive(sys, port, peer, sent),
            Server::Mongo(server) => server.receive(sys, port, peer, sent),
            Server::Kafka(server) => server.receive(sys, port, peer, sent),
            Server::Minio(server) => server.receive(sys, port, peer, sent),
            Server::Cassandra(server) => server.receive(sys, port, peer, sent),
            Server::Sentinel(server) => server.receive(sys, port, peer, sent),
            Server::Provisioner(server) => server.receive(sys, port, peer, sent),
            Server::Plain(server) => server.receive(sys, port, peer, sent),
            Server::BusyboxHttpd(server) => server.receive(sys, peer, sent),
            Server::Nginx(server) => server.receive(sys, port, peer, sent),
            Server::Httpd(server) => server.receive(sys, port, peer, sent),
            Server::Hello(server) => server.receive(sys, port, peer, sent),
            Server::Redis(server) => server.receive(sys, port, peer, sent),
        }
    }
}

/// How a program of an image begins.
pub enum Begun {
    /// It is through, with that exit code.
    Exit(u8),
    /// It serves.
    Serves(Server),
    /// It becomes another command, as an entry point does.
    Becomes(Vec<String>),
}

/// Starts a program of an image with its arguments, the first being its name.
pub type Begin = fn(&mut Sys<'_>, &[String]) -> Begun;

/// The programs that images bring, by the names in their binaries.
const PROGRAMS: [&[(&str, Begin)]; 20] = [
    known::PROGRAMS,
    consul::PROGRAMS,
    etcd::PROGRAMS,
    zookeeper::PROGRAMS,
    idle::PROGRAMS,
    nginx::PROGRAMS,
    httpd::PROGRAMS,
    busybox_httpd::PROGRAMS,
    perl::PROGRAMS,
    php::PROGRAMS,
    hello::PROGRAMS,
    redis::PROGRAMS,
    mysql::PROGRAMS,
    postgres::PROGRAMS,
    plain::PROGRAMS,
    provisioner::PROGRAMS,
    mongo::PROGRAMS,
    kafka::PROGRAMS,
    minio::PROGRAMS,
    cassandra::PROGRAMS,
];

/// The program of a name.
pub fn program(name: &str) -> Option<Begin> {
    PROGRAMS.iter().flat_map(|group| group.iter()).find(|(n, _)| *n == name).map(|(_, begin)| *begin)
}

/// Whether a binary of that name can be run.
fn is_program(name: &str) -> bool {
    matches!(name, "sh" | "ash" | "dash" | "bash" | "hush" | "busybox")
        || super::tools::find(name).is_some()
        || program(name).is_some()
}

/// Whose tools an image holds: their options and texts differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Userland {
    /// busybox, as in the images `busybox` and `alpine`.
    Busybox,
    /// GNU's coreutils and the rest of Debian.
    Gnu,
}

/// Whose tools an image holds.
pub fn userland(image: &str) -> Userland {
    find(image).base.userland()
}

/// Whether an image is built with musl, whose texts of errors are other ones.
pub fn has_musl(image: &str) -> bool {
    find(image).base.has_musl()
}

/// The image of a reference. One that the machine does not know is a small Debian.
pub fn find(reference: &str) -> Arc<Model> {
    static KNOWN: OnceLock<Mutex<BTreeMap<String, Arc<Model>>>> = OnceLock::new();
    let mut known = KNOWN.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(model) = known.get(reference) {
        return model.clone();
    }
    if known.len() >= MAX_CACHED {
        known.clear();
    }
    let model = Arc::new(known::model(&Reference::parse(reference)));
    known.insert(reference.to_string(), model.clone());
    model
}

/// The file system of an image.
pub fn file_system(image: &str) -> Arc<Disk> {
    static LAID: OnceLock<Mutex<BTreeMap<String, Arc<Disk>>>> = OnceLock::new();
    let mut laid = LAID.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(disk) = laid.get(image) {
        return disk.clone();
    }
    if laid.len() >= MAX_CACHED {
        laid.clear();
    }
    let mut tree = tree::Tree::default();
    find(image).lay(&mut tree);
    let disk = Arc::new(tree.disk);
    laid.insert(image.to_string(), disk.clone());
    disk
}

/// All images that the machine knows, in order of names.
pub fn list() -> Vec<Arc<Model>> {
    let mut all: Vec<Arc<Model>> = known::references().map(find).collect();
    all.sort_by_key(|m| m.name);
    all
}

/// Writes a line of a log to where its path leads: a stream where it is a link to one.
fn write_log(sys: &mut Sys<'_>, path: &str, text: &str) {
    match sys.readlink(path).as_deref().unwrap_or(path) {
        "/dev/stdout" | "/proc/self/fd/1" | "/proc/1/fd/1" => sys.out(text),
        "/dev/stderr" | "/proc/self/fd/2" | "/proc/1/fd/2" => sys.err(text),
        _ => {
            if let Ok(fd) = sys.open(path, OpenOptions::APPEND) {
                let _ = sys.write(fd, text.as_bytes());
                let _ = sys.close(fd);
            }
        }
    }
}

/// An error as servers write it: its number and the C library's text.
fn numbered(sys: &Sys<'_>, fault: Errno) -> String {
    let number = match fault {
        Errno::Perm => 1,
        Errno::NoEnt => 2,
        Errno::Io => 5,
        Errno::Access => 13,
        Errno::Exist => 17,
        Errno::NotDir => 20,
        Errno::IsDir => 21,
        Errno::NoSpace => 28,
        Errno::ReadOnly => 30,
        Errno::NameTooLong => 36,
        Errno::AddrInUse => 98,
        Errno::NetUnreach => 101,
        Errno::ConnReset => 104,
        Errno::TimedOut => 110,
        Errno::ConnRefused => 111,
        Errno::HostUnreach => 113,
        _ => 22,
    };
    format!("{number}: {}", sys.text(fault))
}

/// Starts a child that runs a command. Its number in the container.
fn spawn(sys: &mut Sys<'_>, command: &[String]) -> Result<u32, Errno> {
    sys.fork(Program::Command(command.to_vec()))
}
