//! Longhorn, after its documentation ("Storage Class Parameters", "ReadWriteMany (RWX) Volume", "Volume Expansion").
//!
//! A file system for many nodes is served by a share manager; devices for many are for live migration. Sizes go in
//! steps of 2 MiB.

use crate::controllers::csi::model::{ANY, Expansion, MI, Model, ROX, RWO, RWOP, RWX};

pub(super) static DRIVER: Model = Model {
    name: "driver.longhorn.io",
    documents: "https://longhorn.io/docs/latest/references/storage-class-parameters/",
    pod_info_on_mount: true,
    file_modes: &[RWO, ROX, RWX, RWOP],
    block_modes: &[RWO, RWX, RWOP],
    refuses_mode: |mode, _| {
        let mode = if mode == ROX { "MULTI_NODE_READER_ONLY" } else { "MULTI_NODE_MULTI_WRITER" };
        format!("access mode {mode} is not supported for block volumes")
    },
    // Since 1.4 with engines of that version.
    expansion: Expansion::Online,
    topology_keys: &[],
    granularity: 2 * MI,
    check_parameters: |parameters| {
        let replicas = parameters.get("numberOfReplicas");
        if let Some(replicas) = replicas.filter(|n| n.parse::<u32>().is_err()) {
            let fault = format!("strconv.Atoi: parsing {replicas:?}: invalid syntax");
            return Err(format!("invalid parameter numberOfReplicas: {fault}"));
        }
        Ok(())
    },
    handle: |_, volume| volume.name.to_string(),
    snapshot_handle: |_, snapshot| format!("snap://{}/{}", snapshot.volume, snapshot.name),
    modify: None,
    pod: "csi-provisioner-6c6798d8cf-",
    holds_volumes: true,
    ..ANY
};
