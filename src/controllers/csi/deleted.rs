//! Volumes that somebody has deleted in a driver's storage behind the cluster's back, and what drivers say of them.
//!
//! Deleting such a volume succeeds: drivers take what is not there for deleted. Texts: `ControllerPublishVolume` of
//! kubernetes-sigs/aws-ebs-csi-driver with the error of EC2's API, and of kubernetes-sigs/azuredisk-csi-driver; others as
//! the CSI specification asks for: NOT_FOUND.

use std::collections::BTreeSet;

use crate::api::csi::CsiVolume;
use crate::api::names::Draw;
use crate::store::View;

/// The note that names them, as nodes' statuses name volumes.
const NOTE: &str = "csi-deleted-volumes";

fn deleted(view: &View<'_>) -> BTreeSet<String> {
    view.note(NOTE).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// Whether a volume is gone.
pub fn is_deleted(view: &View<'_>, volume: &CsiVolume) -> bool {
    view.note(NOTE).is_some() && deleted(view).contains(&volume.unique_name())
}

/// The note that says that one more volume is gone: its name and its text.
pub fn with_deleted(view: &View<'_>, volume: &CsiVolume) -> (&'static str, String) {
    let mut all = deleted(view);
    all.insert(volume.unique_name());
    (NOTE, serde_json::to_string(&all).unwrap_or_default())
}

/// What a driver answers that is asked to attach a volume which is gone to a node that it calls `node`.
pub fn attach_fault(view: &View<'_>, volume: &CsiVolume, node: &str) -> String {
    let handle = &volume.handle;
    match volume.driver.as_str() {
        "ebs.csi.aws.com" => format!(
            "rpc error: code = Internal desc = Could not attach volume {handle:?} to node {node:?}: could not attach \
             volume {handle:?} to node {node:?}: {}",
            ec2_fault(view, volume, "AttachVolume")
        ),
        "disk.csi.azure.com" => format!(
            "rpc error: code = NotFound desc = Volume not found, failed with error: disk {} not found",
            handle.rsplit('/').next().unwrap_or_default()
        ),
        _ => not_found(volume),
    }
}

/// What a driver answers that is asked to make a volume larger which is gone.
pub fn expand_fault(view: &View<'_>, volume: &CsiVolume) -> String {
    match volume.driver.as_str() {
        "ebs.csi.aws.com" => format!(
            "rpc error: code = Internal desc = Could not resize volume {:?}: {}",
            volume.handle,
            ec2_fault(view, volume, "DescribeVolumes")
        ),
        _ => not_found(volume),
    }
}

/// What a node plugin answers that is asked to mount one.
pub fn mount_fault(volume: &CsiVolume) -> String {
    not_found(volume)
}

fn not_found(volume: &CsiVolume) -> String {
    format!("rpc error: code = NotFound desc = volume {} not found", volume.handle)
}

fn ec2_fault(view: &View<'_>, volume: &CsiVolume, operation: &str) -> String {
    let request = Draw::new(view.seed(), &format!("ec2/{operation}/{}", volume.handle), 0).uid();
    format!(
        "operation error EC2: {operation}, https response error StatusCode: 400, RequestID: {request}, api error \
         InvalidVolume.NotFound: The volume '{}' does not exist.",
        volume.handle
    )
}
