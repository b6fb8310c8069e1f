//! Paths and modes of files within volumes.

use crate::api::k8s::api::core::v1::KeyToPath;
use crate::kinds::shared::faults::{Faults, at};

/// Said of the bits of a file's mode.
pub(super) const FILE_MODE: &str = "must be a number between 0 and 0777 (octal), both inclusive";

/// The bits of a file's mode.
pub(super) fn validate_mode(mode: Option<i32>, path: &str, name: &str, faults: &mut Faults) {
    if let Some(mode) = mode.filter(|mode| !(0..=0o777).contains(mode)) {
        faults.invalid(path, name, mode, FILE_MODE);
    }
}

/// Which key becomes which file.
pub(super) fn validate_key_to_path(item: &KeyToPath, path: &str, faults: &mut Faults) {
    faults.require(path, "key", &item.key);
    faults.require(path, "path", &item.path);
    local_non_reserved_path(&item.path, &at(path, "path"), faults);
    validate_mode(item.mode, path, "mode", faults);
}

/// A path must not lead upwards. Mirrors `validatePathNoBacksteps`.
pub(super) fn no_backsteps(target: &str, path: &str, faults: &mut Faults) {
    if target.split('/').any(|part| part == "..") {
        faults.invalid(path, "", target, "must not contain '..'");
    }
}

/// A path must be relative and not lead upwards. Mirrors `validateLocalDescendingPath`.
pub(super) fn local_descending_path(target: &str, path: &str, faults: &mut Faults) {
    if target.starts_with('/') {
        faults.invalid(path, "", target, "must be a relative path");
    }
    no_backsteps(target, path, faults);
}

/// Mirrors `ValidateLocalNonReservedPath`.
pub(super) fn local_non_reserved_path(target: &str, path: &str, faults: &mut Faults) {
    local_descending_path(target, path, faults);
    if target.starts_with("..") && !target.starts_with("../") {
        faults.invalid(path, "", target, "must not start with '..'");
    }
}
