//! Folders on an NFS server, after `docs/driver-parameters.md` and `pkg/nfs` of kubernetes-csi/csi-driver-nfs.
//!
//! Nothing is attached. Sizes are not enforced.

use crate::controllers::csi::model::{ANY, Expansion, Model, ROX, RWO, RWOP, RWX, only};

const PARAMETERS: &[&str] =
    &["server", "share", "subDir", "mountPermissions", "onDelete", "mountOptions", "pvc/namespace"];

pub(super) static DRIVER: Model = Model {
    name: "nfs.csi.k8s.io",
    documents: "https://github.com/kubernetes-csi/csi-driver-nfs/blob/master/docs/driver-parameters.md",
    attach_required: false,
    fs_group_policy: "File",
    file_modes: &[RWO, ROX, RWX, RWOP],
    block_modes: &[],
    refuses_mode: |_, _| "block volume capability not supported".into(),
    expansion: Expansion::Online,
    node_expansion: false,
    topology_keys: &[],
    granularity: 1,
    check_parameters: |parameters| {
        only(parameters, PARAMETERS, |key| format!("invalid parameter \"{key}\" in storage class"))?;
        match parameters.keys().any(|key| key.eq_ignore_ascii_case("server")) {
            true => Ok(()),
            false => Err("server is a required parameter".into()),
        }
    },
    handle: |_, volume| {
        let of = |key: &str| volume.parameters.get(key).map_or("", String::as_str).trim_matches('/');
        format!("{}#{}#{}##", of("server"), of("share"), volume.name)
    },
    snapshot_handle: |_, snapshot| {
        let parts: Vec<&str> = snapshot.volume.split('#').collect();
        let of = |n: usize| parts.get(n).copied().unwrap_or_default();
        format!("{}#{}#{name}#{name}.tar.gz#{}", of(0), of(1), of(2), name = snapshot.name)
    },
    modify: None,
    pod: "csi-nfs-controller-5c7d8b9f6b-",
    holds_volumes: true,
    ..ANY
};
