//! The machine that runs what is in containers, by itself: its kernel, shell, tools, images and network.
#![allow(missing_docs, dead_code, clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

mod consul;
mod ensembles;
mod images;
mod kernel;
mod lab;
mod mysql_replicas;
mod network;
mod parity;
mod redis_cluster;
mod shell;
mod text;
mod tools;
