//! hostPath volumes: what must be at the path, and what is made there.
//!
//! Mirrors `pkg/volume/hostpath`.

use crate::api::k8s::api::core::v1::HostPathVolumeSource;
use crate::node::disk::{Disk, FileType};

/// Checks that the path is what the volume's type says, or makes it so.
pub(super) fn set_up(source: &HostPathVolumeSource, disk: &mut Disk<'_>) -> Result<(), String> {
    let path = source.path.as_str();
    if path.split('/').any(|part| part == "..") {
        return Err(format!("invalid HostPath `{path}`: must not contain '..'"));
    }
    let must_be = |kind: FileType, words: &str, disk: &Disk<'_>| match disk.file_type(path) == Some(kind) {
        true => Ok(()),
        false => Err(format!("hostPath type check failed: {path} is not {words}")),
    };
    match source.type_.as_deref().unwrap_or_default() {
        // The container runtime makes a folder of what is not there.
        "" if disk.file_type(path).is_none() => disk.make_directory(path),
        "" => Ok(()),
        "DirectoryOrCreate" if disk.file_type(path).is_none() => disk.make_directory(path),
        "DirectoryOrCreate" | "Directory" => must_be(FileType::Directory, "a directory", disk),
        "FileOrCreate" if disk.file_type(path).is_none() => disk.make_file(path),
        "FileOrCreate" | "File" => must_be(FileType::File, "a file", disk),
        "Socket" => must_be(FileType::Socket, "a socket file", disk),
        "CharDevice" => must_be(FileType::CharDevice, "a character device", disk),
        "BlockDevice" => must_be(FileType::BlockDevice, "a block device", disk),
        other => Err(format!("{other} is an invalid volume type")),
    }
}
