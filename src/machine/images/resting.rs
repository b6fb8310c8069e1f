//! What the processes of images use while nobody asks anything of them.
//!
//! Facts: what `kubectl top pod` shows of them, idle and freshly started, rounded.

use serde::{Deserialize, Serialize};

use super::Reference;

/// What a container uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resting {
    /// Microseconds of a processor a second while it has nothing to do.
    pub cpu: u32,
    /// Bytes of memory, beside what is counted for each process.
    pub memory: u64,
    /// Microseconds of a processor for a request.
    pub request: u32,
}

/// What a request takes where nothing else is known: one to an application that works it out, in microseconds.
const REQUEST: u32 = 5000;

const MI: u64 = 1 << 20;

/// By the last part of an image's name: microseconds of a processor a second, and bytes of memory beside what is counted
/// for each process.
const KNOWN: &[(&str, u32, u64)] = &[
    ("nginx", 0, 6 * MI),
    ("nginx-slim", 0, 6 * MI),
    ("nginx-unprivileged", 0, 6 * MI),
    ("httpd", 150, 9 * MI),
    ("hpa-example", 1000, 9 * MI),
    ("php", 100, 9 * MI),
    ("redis", 2000, 3 * MI),
    ("mysql", 6000, 420 * MI),
    ("mariadb", 1000, 90 * MI),
    ("postgres", 1000, 28 * MI),
    ("mongo", 6000, 150 * MI),
    ("memcached", 200, 2 * MI),
    ("etcd", 9000, 30 * MI),
    ("consul", 8000, 40 * MI),
    ("zookeeper", 2000, 85 * MI),
    ("kafka", 9000, 350 * MI),
    ("minio", 1500, 80 * MI),
    ("rabbitmq", 5000, 120 * MI),
    ("metrics-server", 4000, 18 * MI),
    ("coredns", 2000, 14 * MI),
    ("traefik", 1500, 40 * MI),
    ("nfs-subdir-external-provisioner", 1500, 10 * MI),
    ("nfs-client-provisioner", 1500, 10 * MI),
    ("nfs-provisioner", 2000, 25 * MI),
    ("local-path-provisioner", 1000, 12 * MI),
];

/// What a request takes, in microseconds, where that is known.
const REQUESTS: &[(&str, u32)] = &[
    ("nginx", 200),
    ("nginx-slim", 200),
    ("nginx-unprivileged", 200),
    ("httpd", 300),
    ("hpa-example", super::httpd::BUSY as u32 * 1000),
    ("redis", 50),
    ("memcached", 30),
];

/// What an image uses.
pub fn resting(image: &str) -> Resting {
    let reference = Reference::parse(image);
    let name = reference.name();
    let name = name.strip_prefix("mirrored-").unwrap_or(name);
    let request = REQUESTS.iter().find(|(known, _)| *known == name).map_or(REQUEST, |(_, request)| *request);
    let (cpu, memory) =
        KNOWN.iter().find(|(known, ..)| *known == name).map_or((0, 0), |(_, cpu, memory)| (*cpu, *memory));
    Resting { cpu, memory, request }
}
