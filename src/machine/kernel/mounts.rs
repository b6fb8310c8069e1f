//! What is mounted where in a container, and how a path is walked.

use serde::{Deserialize, Serialize};

use crate::machine::disk::{DiskId, Ino};

/// A file system in a container's tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// The absolute path that it is at; `/` for the root.
    pub at: String,
    /// What it shows.
    pub what: Source,
    /// Whether writing is refused.
    pub read_only: bool,
    /// The device, as `mount` and `df` print it: `overlay`, `/dev/sda1`, `192.168.1.21:/nfsdata`.
    pub device: String,
    /// The type, as `mount` prints it: `overlay`, `ext4`, `nfs4`, `tmpfs`, `proc`.
    pub fs_type: String,
    /// The options, as `mount` prints them, without `ro` and `rw`.
    pub options: String,
}

/// What places below `/sys` begin with, among those that are made when they are read.
pub const SYS: &str = "/sys:";

/// What a mount shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// A disk from one of its inodes on: a folder, or a file with `subPath`.
    Disk(DiskId, Ino),
    /// `/proc`: made when it is read.
    Proc,
    /// `/sys`: made when it is read.
    Sys,
}

/// A place that a path led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// An inode on a disk.
    Inode(DiskId, Ino),
    /// A path below `/proc`; one below `/sys` begins with [`SYS`].
    Proc(String),
}

/// Where a path leads.
#[derive(Debug, Clone)]
pub struct Found {
    /// What is there; none where only the last name is missing.
    pub place: Option<Place>,
    /// The folder that holds the last name. The root's own is the root.
    pub folder: Place,
    /// The last name; empty for the root.
    pub name: String,
    /// The absolute path without links.
    pub path: String,
    /// Whether the mount refuses writing.
    pub read_only: bool,
}
