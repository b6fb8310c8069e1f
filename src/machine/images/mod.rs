//! Images: what is in their file systems, what they run, and how their servers answer.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::disk::{Device, Disk, Inode, Node};
use super::kernel::{Sys, Turn, Wait};
use super::net::Reply;
use crate::api::Time;

/// The kernel's version, as `uname -r` prints it.
pub const KERNEL: &str = "5.16.14-arch1-1";

/// What a binary begins with in an image's file system; the tool's name follows.
pub const BINARY: &[u8] = b"\x7fELF\x02\x01\x01\0";

/// The process of an image that serves.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Server {
    /// Waits for ever.
    Idle,
}

impl Server {
    /// Does one piece of work.
    pub fn step(&mut self, _sys: &mut Sys<'_>) -> Turn {
        Turn::Wait(Wait::signal())
    }

    /// Answers what came over a connection to a port that it listens on; empty bytes when one is opened.
    pub fn receive(&mut self, _sys: &mut Sys<'_>, _port: u16, _connection: u64, _bytes: &[u8]) -> Reply {
        Reply { close: true, ..Reply::default() }
    }
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
    if image.contains("busybox") || has_musl(image) { Userland::Busybox } else { Userland::Gnu }
}

/// Whether an image is built with musl, whose texts of errors are other ones.
pub fn has_musl(image: &str) -> bool {
    image.contains("alpine")
}

/// The file system of an image by its full name. An unknown one is a small Linux.
pub fn file_system(_image: &str) -> Arc<Disk> {
    // A stand-in until the images are there: busybox's tree.
    let mut disk = Disk::new(0o755, None, Time(0));
    for dir in ["bin", "dev", "etc", "home", "proc", "root", "sys", "tmp", "usr/bin", "usr/sbin", "var"] {
        let mode = if dir == "tmp" { 0o1777 } else { 0o755 };
        let _ = disk.make_dirs(dir, mode, Time(0));
    }
    let mut put = |path: &str, node: Node, mode: u32| {
        let _ = disk.put(path, Inode::new(node, mode, (0, 0), Time(0)));
    };
    for name in super::tools::names().chain(["sh", "ash"]) {
        let mut binary = BINARY.to_vec();
        binary.extend_from_slice(name.as_bytes());
        put(&format!("bin/{name}"), Node::File(binary.into()), 0o755);
    }
    put(
        "etc/passwd",
        Node::File("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n".into()),
        0o644,
    );
    put("etc/group", Node::File("root:x:0:\nnobody:x:65534:\n".into()), 0o644);
    for (name, device) in [
        ("null", Device::Null),
        ("zero", Device::Zero),
        ("full", Device::Full),
        ("random", Device::Random),
        ("urandom", Device::Random),
        ("tty", Device::Tty),
    ] {
        put(&format!("dev/{name}"), Node::Device(device), 0o666);
    }
    for (name, to) in [
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("fd", "/proc/self/fd"),
    ] {
        put(&format!("dev/{name}"), Node::Link(to.into()), 0o777);
    }
    Arc::new(disk)
}

/// What is known of an image: a stand-in until the images are there.
pub struct Model;

/// What is known of an image.
pub fn find(_: &str) -> Model {
    Model
}

impl Model {
    /// Environment.
    pub fn env(&self) -> Vec<(String, String)> {
        vec![("PATH".into(), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into())]
    }
    /// Entry point.
    pub fn entrypoint(&self) -> Vec<String> {
        Vec::new()
    }
    /// Arguments.
    pub fn cmd(&self) -> Vec<String> {
        vec!["sh".into()]
    }
    /// Working directory.
    pub fn workdir(&self) -> String {
        "/".into()
    }
    /// User and group.
    pub fn user(&self) -> (u32, u32) {
        (0, 0)
    }
}
