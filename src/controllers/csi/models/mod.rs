//! The drivers that are known by name, a file each.

mod azure_disk;
mod ceph;
mod ebs;
mod gce_pd;
mod hostpath;
mod longhorn;
mod nfs;
mod openebs;
mod vsphere;

use super::model::{ANY, Model};

/// The drivers of which it is known what they can do.
pub static MODELS: &[&Model] = &[
    &azure_disk::DRIVER,
    &vsphere::DRIVER,
    &longhorn::DRIVER,
    &ebs::DRIVER,
    &hostpath::DRIVER,
    &nfs::DRIVER,
    &openebs::DRIVER,
    &gce_pd::DRIVER,
    &ceph::CEPHFS,
    &ceph::RBD,
];

static OTHER: Model = ANY;

/// The model of a name; of another one, what any driver is taken to be able to do.
pub(super) fn of(name: &str) -> &'static Model {
    MODELS.iter().copied().find(|model| model.name == name).unwrap_or(&OTHER)
}

#[cfg(test)]
mod tests {
    use super::MODELS;

    #[test]
    fn each_driver_stands_there_once_and_says_where_its_facts_are_from() {
        for (n, model) in MODELS.iter().enumerate() {
            assert!(MODELS.iter().skip(n + 1).all(|other| other.name != model.name), "{}", model.name);
            assert!(model.documents.starts_with("https://"), "{}", model.name);
            assert!(!model.file_modes.is_empty(), "{}", model.name);
        }
    }
}
