//! What runs inside containers: processes, a shell, tools, disks and a network, all of them data.
//!
//! A pod is a [`kernel::Sandbox`]: its processes are state machines that serialise, so that a container goes on from
//! one kstate command to the next. Nothing here reaches the host: no file, no clock, no environment, no socket.

pub mod bytes;
pub mod disk;
pub mod errno;
pub mod images;
pub mod kernel;
pub mod net;
pub mod shell;
pub mod tools;
