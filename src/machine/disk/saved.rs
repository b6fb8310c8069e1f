//! How a disk is kept: its tree in one piece, and the contents of large files by their hash, in pieces.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Disk, DiskId, Ino, Inode, Node};
use crate::machine::bytes::Bytes;

/// The hash of a piece of contents.
pub type Hash = [u8; 32];

/// Up to this length contents stay in the tree.
const IN_TREE: usize = 1024;

/// The length of a piece, so that a file that grows is not kept anew as a whole.
const PIECE: usize = 32 * 1024;

#[derive(Serialize, Deserialize)]
struct Saved {
    disk: Disk,
    /// The files whose contents are kept elsewhere, with the hashes of their pieces.
    large: BTreeMap<Ino, Vec<Hash>>,
}

/// Puts a disk away: its tree, and the hashes of the pieces that `keep` was given.
pub fn save<E>(disk: &Disk, keep: &mut dyn FnMut(&Hash, &[u8]) -> Result<(), E>) -> Result<(Vec<u8>, Vec<Hash>), E> {
    let mut saved = Saved { disk: disk.clone(), large: BTreeMap::new() };
    for (ino, inode) in &mut saved.disk.inodes {
        let Node::File(bytes) = &mut inode.node else { continue };
        if bytes.len() <= IN_TREE {
            continue;
        }
        let mut hashes = Vec::new();
        for piece in bytes.chunks(PIECE) {
            let hash: Hash = Sha256::digest(piece).into();
            keep(&hash, piece)?;
            hashes.push(hash);
        }
        *bytes = Bytes::default();
        saved.large.insert(*ino, hashes);
    }
    let refers = saved.large.values().flatten().copied().collect();
    Ok((postcard::to_stdvec(&saved).unwrap_or_default(), refers))
}

/// Takes a disk up again; none for what is damaged.
pub fn load(bytes: &[u8], fetch: &mut dyn FnMut(&Hash) -> Option<Vec<u8>>) -> Option<Disk> {
    let Saved { mut disk, large } = postcard::from_bytes(bytes).ok()?;
    for (ino, hashes) in large {
        let mut whole = Vec::new();
        for hash in &hashes {
            whole.extend(fetch(hash)?);
        }
        if let Some(Inode { node, .. }) = disk.inodes.get_mut(&ino) {
            *node = Node::File(whole.into());
        }
    }
    disk.restore();
    Some(disk)
}

/// The disks of a pod's own: they end with it.
pub fn is_of_pod(id: &DiskId, uid: &str) -> bool {
    id.strip_prefix("pod/").is_some_and(|rest| rest.strip_prefix(uid).is_some_and(|rest| rest.starts_with('/')))
}
