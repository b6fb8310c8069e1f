//! What a container printed, line by line, with the time of each; bounded as the kubelet bounds it.

use serde::{Deserialize, Serialize};

use super::{Disks, Sandbox};
use crate::api::Time;
use crate::machine::disk::{Disk, Ino, Inode, Node, ROOT};

/// Mirrors the kubelet's `containerLogMaxSize`: 10 MiB.
pub const MAX_SIZE: usize = 10 << 20;

/// Mirrors the kubelet's `containerLogMaxFiles`.
pub const MAX_FILES: usize = 5;

/// A line, or the part of one that was written at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it was written.
    pub time: Time,
    /// 1 for standard output, 2 for standard error.
    pub stream: u8,
    /// The text; ends with a newline where the line was ended.
    #[serde(with = "bytes")]
    pub text: Vec<u8>,
}

/// What a container printed since that was last written to its pod's log files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// The lines, the oldest first.
    pub fresh: Vec<Entry>,
    /// Their length in bytes.
    length: usize,
}

/// The disk of a pod's logs.
pub fn disk_of(pod_uid: &str) -> String {
    format!("pod/{pod_uid}/logs")
}

/// The file of a container's log, by how often it was started anew; rotated ones have a suffix.
pub fn file_of(container: &str, restarts: i32) -> String {
    format!("{container}/{restarts}.log")
}

impl Log {
    /// Whether it should be moved into files before more comes.
    pub fn is_long(&self) -> bool {
        self.length > 1 << 20 || self.fresh.len() > 1 << 15
    }

    /// Adds what was written, cut into lines. What no file would hold any more is dropped.
    pub fn write(&mut self, time: Time, stream: u8, bytes: &[u8]) {
        self.length += bytes.len();
        for line in bytes.split_inclusive(|b| *b == b'\n') {
            match self.fresh.last_mut() {
                Some(last) if last.stream == stream && last.text.last() != Some(&b'\n') && last.text.len() < LINE => {
                    last.text.extend_from_slice(line);
                }
                _ => self.fresh.push(Entry { time, stream, text: line.to_vec() }),
            }
        }
        // Each line takes some memory of its own.
        if self.length + self.fresh.len() * 64 > 2 * MAX_FILES * MAX_SIZE {
            let mut over = self.length - MAX_FILES * MAX_SIZE;
            let dropped = self.fresh.iter().take_while(|e| {
                let before = over;
                over = over.saturating_sub(e.text.len());
                before > 0
            });
            let count = dropped.count();
            self.fresh.drain(..count);
            self.length = self.fresh.iter().map(|e| e.text.len()).sum();
        }
    }
}

/// How long a part of a line is at most, as containerd cuts it.
const LINE: usize = 16384;

impl Entry {
    /// The time as the runtime writes it.
    pub fn stamp(&self) -> String {
        Entry::stamp_of(self.time)
    }

    fn stamp_of(time: Time) -> String {
        let stamp = jiff::Timestamp::from_millisecond(time.0).unwrap_or_default();
        stamp.strftime("%Y-%m-%dT%H:%M:%S.%3f000000Z").to_string()
    }

    /// Writes the line as the runtime does: time, stream, whether the line is whole, text.
    fn put(&self, stamp: &str, to: &mut Vec<u8>) {
        let whole = self.text.last() == Some(&b'\n');
        let text = self.text.strip_suffix(b"\n").unwrap_or(&self.text);
        let stream = if self.stream == 1 { "stdout" } else { "stderr" };
        for part in [stamp, " ", stream, if whole { " F " } else { " P " }] {
            to.extend_from_slice(part.as_bytes());
        }
        to.extend_from_slice(text);
        to.push(b'\n');
    }

    /// Reads a line that the runtime wrote, without its newline.
    pub fn parse(line: &[u8]) -> Option<Entry> {
        let mut parts = line.splitn(4, |b| *b == b' ');
        let stamp = std::str::from_utf8(parts.next()?).ok()?.parse::<jiff::Timestamp>().ok()?;
        let stream = if parts.next()? == b"stdout" { 1 } else { 2 };
        let whole = parts.next()? == b"F";
        let mut text = parts.next()?.to_vec();
        text.extend(whole.then_some(b'\n'));
        Some(Entry { time: Time(stamp.as_millisecond()), stream, text })
    }
}

impl Sandbox {
    /// Writes what containers printed into the pod's log files, and begins new ones as the kubelet does.
    pub fn keep_logs(&mut self, disks: &mut Disks) {
        if self.logs.values().all(|log| log.fresh.is_empty()) {
            return;
        }
        let Some(disk) = disks.get_mut(&disk_of(&self.id)) else { return };
        for (name, log) in &mut self.logs {
            log.length = 0;
            let restarts = self.containers.get(name).map_or(0, |c| c.kept.restarts);
            let path = file_of(name, restarts);
            let entries = std::mem::take(&mut log.fresh);
            let mut pending = Vec::new();
            let mut stamp = (Time::default(), Entry::stamp_of(Time::default()));
            for entry in &entries {
                if stamp.0 != entry.time {
                    stamp = (entry.time, entry.stamp());
                }
                entry.put(&stamp.1, &mut pending);
                if pending.len() >= MAX_SIZE {
                    append(disk, &path, &pending, entry.time);
                    pending.clear();
                    rotate(disk, name, restarts, entry.time);
                }
            }
            if let Some(last) = entries.last() {
                append(disk, &path, &pending, last.time);
                let size = disk.find(&path).and_then(|ino| disk.get(ino).map(|i| i.len())).unwrap_or(0);
                if size >= MAX_SIZE as u64 {
                    rotate(disk, name, restarts, last.time);
                }
            }
        }
    }
}

fn append(disk: &mut Disk, path: &str, bytes: &[u8], now: Time) {
    let ino =
        disk.find(path).or_else(|_| disk.put(path, Inode::new(Node::File(Default::default()), 0o640, (0, 0), now)));
    let Ok(ino) = ino else { return };
    let end = disk.get(ino).map(Inode::len).unwrap_or(0);
    let _ = disk.write(ino, end, bytes, now);
}

/// Mirrors `containerLogManager.rotateLog`: of the old files the newest are kept.
fn rotate(disk: &mut Disk, container: &str, restarts: i32, now: Time) {
    let Ok(folder) = disk.find(container) else { return };
    let stamp = jiff::Timestamp::from_millisecond(now.0).unwrap_or_default().strftime("%Y%m%d-%H%M%S");
    let base = format!("{restarts}.log");
    let _ = disk.rename((folder, &base), (folder, &format!("{base}.{stamp}.{:03}", now.0.rem_euclid(1000))), now);
    let old: Vec<String> =
        disk.get(folder).and_then(|f| f.entries()).into_iter().flatten().map(|e| e.0.clone()).collect();
    let mut old: Vec<String> = old.into_iter().filter(|n| n.starts_with(&format!("{base}."))).collect();
    old.sort();
    for name in old.iter().take(old.len().saturating_sub(MAX_FILES - 1)) {
        let _ = disk.unlink(folder, name, now);
    }
}

/// How many bytes are kept of the logs of all containers.
pub fn length(disk: &Disk) -> u64 {
    let below = |ino: Ino| disk.get(ino).and_then(Inode::entries).into_iter().flatten().map(|(_, ino)| *ino);
    let files = below(ROOT).flat_map(below);
    files.filter_map(|file| disk.get(file).ok()).map(Inode::len).sum()
}

/// All that is kept of a container's run, the oldest first.
pub fn entries(disk: &Disk, container: &str, restarts: i32) -> Vec<Entry> {
    let base = format!("{restarts}.log");
    let Ok(folder) = disk.find(container).and_then(|ino| disk.get(ino)) else { return Vec::new() };
    let names = folder.entries().into_iter().flatten().map(|e| e.0);
    let mut names: Vec<&String> =
        names.filter(|n| n.strip_prefix(&base).is_some_and(|r| r.is_empty() || r.starts_with('.'))).collect();
    // The one that is written to comes last.
    names.sort_by_key(|n| (n.len() == base.len(), n.to_string()));
    let mut all = Vec::new();
    for name in names {
        let found = disk.find(&format!("{container}/{name}")).and_then(|ino| disk.contents(ino));
        let bytes = found.unwrap_or_default();
        all.extend(bytes.split(|b| *b == b'\n').filter_map(Entry::parse));
    }
    all
}

mod bytes {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::machine::bytes::Bytes;

    pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(bytes)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        Bytes::deserialize(from).map(|b| b.to_vec())
    }
}
