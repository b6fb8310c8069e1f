//! What stands in for a container runtime: it makes a pod's kernel, its containers' file systems, and starts them.
//!
//! Mirrors `pkg/kubelet/kuberuntime` down to where containerd and runc begin.

mod contents;
pub(super) mod environment;
mod mounts;
mod shown;
mod spec;
mod start;

pub(super) use contents::{Payload, is_up_to_date, payload, write_atomically};
pub(super) use mounts::{block_device, disk_of_volume, mounted};
pub(super) use start::{Plan, Started, kept_of, start_container};
