//! What looks at and changes files: `ls`, `cp`, `find`, `df` and the like.

use serde::{Deserialize, Serialize};

use super::{Start, Started};
use crate::machine::kernel::{Sys, Turn};

mod copy;
mod dd;
mod find;
pub(in crate::machine::tools) mod glob;
mod link;
mod lock;
mod ls;
mod make;
mod mount;
mod paths;
mod perms;
mod remove;
mod size;
mod stat;
mod tree;
mod usage;

/// The tools of this group, by name in order.
pub(super) const TOOLS: &[(&str, Start)] = &[
    ("basename", paths::basename),
    ("blkid", mount::blkid),
    ("chattr", mount::chattr),
    ("chgrp", perms::chgrp),
    ("chmod", perms::chmod),
    ("chown", perms::chown),
    ("cp", copy::cp),
    ("dd", dd::start),
    ("df", usage::df),
    ("dir", ls::start),
    ("dirname", paths::dirname),
    ("du", usage::du),
    ("fallocate", size::fallocate),
    ("fdisk", mount::fdisk),
    ("find", find::start),
    ("findmnt", mount::findmnt),
    ("flock", lock::start),
    ("fsync", usage::sync),
    ("install", copy::install),
    ("link", link::link),
    ("ln", link::ln),
    ("losetup", mount::losetup),
    ("ls", ls::start),
    ("lsattr", mount::lsattr),
    ("lsblk", mount::lsblk),
    ("mkdir", make::mkdir),
    ("mkfifo", make::mkfifo),
    ("mkfs", mount::mkfs),
    ("mkfs.ext4", mount::mkfs),
    ("mkfs.xfs", mount::mkfs),
    ("mknod", make::mknod),
    ("mkswap", mount::mkfs),
    ("mktemp", size::mktemp),
    ("mount", mount::mount),
    ("mountpoint", mount::mountpoint),
    ("mv", copy::mv),
    ("pwd", paths::pwd),
    ("readlink", paths::readlink),
    ("realpath", paths::realpath),
    ("rm", remove::rm),
    ("rmdir", make::rmdir),
    ("shred", size::shred),
    ("stat", stat::start),
    ("sync", usage::sync),
    ("touch", make::touch),
    ("tree", tree::start),
    ("truncate", size::truncate),
    ("umount", mount::umount),
    ("unlink", make::unlink),
    ("vdir", ls::start),
    ("which", paths::which),
];

/// A tool of this group that lasts longer than one step.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Running {
    /// `dd`
    Dd(Box<dd::Dd>),
    /// `find`
    Find(Box<find::Find>),
    /// `flock`
    Lock(lock::Lock),
}

impl Running {
    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        match self {
            Running::Dd(tool) => tool.step(sys),
            Running::Find(tool) => tool.step(sys),
            Running::Lock(tool) => tool.step(sys),
        }
    }
}

/// Goes on with a tool of this group.
fn runs(tool: Running) -> Started {
    Started::Runs(super::Running::Files(tool))
}
