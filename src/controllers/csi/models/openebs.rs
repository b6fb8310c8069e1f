//! OpenEBS' local hostpath volumes, after openebs/dynamic-localpv-provisioner.
//!
//! No CSI driver: a provisioner whose volumes are of type `local`, on the node of the first pod.

use crate::controllers::csi::model::{ANY, Expansion, Model, RWO, RWOP};

pub(super) static DRIVER: Model = Model {
    name: "openebs.io/local",
    documents: "https://github.com/openebs/dynamic-localpv-provisioner/blob/develop/docs/quickstart.md",
    csi: false,
    attach_required: false,
    file_modes: &[RWO, RWOP],
    block_modes: &[],
    refuses_mode: |_, _| "Only support ReadWriteOnce access mode".into(),
    expansion: Expansion::No,
    node_expansion: false,
    clone: false,
    snapshot: false,
    modify: None,
    topology_keys: &["kubernetes.io/hostname"],
    granularity: 1,
    pod: "openebs-localpv-provisioner-64d86b6c5d-",
    holds_volumes: false,
    ..ANY
};
