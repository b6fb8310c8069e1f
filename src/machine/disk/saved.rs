//! How a disk is kept: its tree in one piece, and the contents of large files by their hash, in pieces.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::api::digest::sha256;

use super::{Disk, DiskId, Ino, Inode, Node};

/// The hash of a piece of contents.
pub type Hash = [u8; 32];

/// Up to this length contents stay in the tree.
const IN_TREE: usize = 1024;

/// What stands behind the tree of a disk that is broken.
const BROKEN: u8 = 1;

#[derive(Serialize, Deserialize)]
struct Saved {
    disk: Disk,
    /// The files whose contents are kept elsewhere, with the hashes of their pieces.
    large: BTreeMap<Ino, Vec<(u64, Hash)>>,
}

/// Puts a disk away: its tree, and the hashes of the pieces that `keep` was given.
pub fn save<E>(disk: &Disk, keep: &mut dyn FnMut(&Hash, &[u8]) -> Result<(), E>) -> Result<(Vec<u8>, Vec<Hash>), E> {
    let mut saved = Saved { disk: disk.clone(), large: BTreeMap::new() };
    for (ino, inode) in &mut saved.disk.inodes {
        let Node::File(contents) = &mut inode.node else { continue };
        if contents.stored() <= IN_TREE {
            continue;
        }
        // In pieces, so that a file that grows is not kept anew as a whole.
        let mut hashes = Vec::new();
        for (number, piece) in contents.take_pieces() {
            let hash: Hash = sha256(&piece);
            keep(&hash, &piece)?;
            hashes.push((number, hash));
        }
        saved.large.insert(*ino, hashes);
    }
    let refers = saved.large.values().flatten().map(|p| p.1).collect();
    let mut bytes = postcard::to_stdvec(&saved).unwrap_or_default();
    // Behind the tree, where what was put away before disks could break has nothing.
    bytes.extend(disk.broken.then_some(BROKEN));
    Ok((bytes, refers))
}

/// Takes a disk up again; none for what is damaged.
pub fn load(bytes: &[u8], fetch: &mut dyn FnMut(&Hash) -> Option<Vec<u8>>) -> Option<Disk> {
    let (Saved { mut disk, large }, rest) = postcard::take_from_bytes::<Saved>(bytes).ok()?;
    disk.broken = rest == [BROKEN];
    for (ino, hashes) in large {
        let Some(Inode { node: Node::File(contents), .. }) = disk.inodes.get_mut(&ino) else { continue };
        for (number, hash) in &hashes {
            contents.put_piece(*number, fetch(hash)?.into());
        }
    }
    disk.restore();
    Some(disk)
}

/// The disks of a pod's own: they end with it.
pub fn is_of_pod(id: &DiskId, uid: &str) -> bool {
    id.strip_prefix("pod/").is_some_and(|rest| rest.strip_prefix(uid).is_some_and(|rest| rest.starts_with('/')))
}
