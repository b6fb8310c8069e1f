//! What is wrong with a pod's volumes. Mirrors `ValidateVolumes` and `validateVolumeSource`.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::k8s::api::core::v1::{CSIVolumeSource, HostPathVolumeSource, KeyToPath, Volume};
use crate::api::{Quantity, names};
use crate::error::FieldError;
use crate::kinds::core::persistent_volume_claim::validate_persistent_volume_claim_template;
use crate::kinds::core::pod::image::validate_pull_policy;
use crate::kinds::core::pod::validation::paths::{
    local_descending_path, no_backsteps, validate_key_to_path, validate_mode,
};
use crate::kinds::core::pod::validation::{projected, vendor};
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::faults::{Faults, at};

const TOO_MANY_TYPES: &str = "may not specify more than 1 volume type";

/// The volumes that are all right, by name, and the faults of the others. `pod` is the pod's name where there is one.
pub(super) fn validate_volumes<'a>(
    volumes: &'a [Volume],
    pod: Option<&str>,
    path: &str,
) -> (BTreeMap<&'a str, &'a Volume>, Vec<FieldError>) {
    let pod = pod.filter(|name| !name.is_empty());
    let made: BTreeSet<String> =
        volumes.iter().filter(|v| v.ephemeral.is_some()).filter_map(|v| Some(format!("{}-{}", pod?, v.name))).collect();
    let (mut good, mut all) = (BTreeMap::new(), Faults::default());
    for (i, v) in volumes.iter().enumerate() {
        let path = format!("{path}[{i}]");
        let mut faults = Faults::default();
        validate_source(v, pod, &path, &mut faults);
        if faults.require(&path, "name", &v.name) {
            faults.all_invalid(&path, "name", &v.name, names::dns1123_label(&v.name));
        }
        if good.contains_key(v.name.as_str()) {
            faults.duplicate(&path, "name", &v.name);
        }
        if faults.0.is_empty() {
            good.insert(v.name.as_str(), v);
        }
        all.extend(faults.0);
        if let Some(claim) = v.persistent_volume_claim.as_ref().filter(|c| made.contains(&c.claim_name)) {
            let detail = "must not reference a PVC that gets created for an ephemeral volume";
            all.invalid(&at(&path, "persistentVolumeClaim"), "claimName", &claim.claim_name, detail);
        }
    }
    (good, all.0)
}

/// The sources of one volume as they are looked at: the first is checked, the others are too many.
struct Sources<'a> {
    path: &'a str,
    seen: bool,
    faults: &'a mut Faults,
}

impl Sources<'_> {
    /// The source and its path, if it is there and the first.
    fn next<'s, T>(&mut self, name: &str, source: &'s Option<T>) -> Option<(&'s T, String)> {
        let source = source.as_ref()?;
        if self.seen {
            self.faults.forbidden(self.path, name, TOO_MANY_TYPES);
            return None;
        }
        self.seen = true;
        Some((source, at(self.path, name)))
    }
}

fn validate_source(v: &Volume, pod: Option<&str>, path: &str, faults: &mut Faults) {
    let mut sources = Sources { path, seen: false, faults };
    let s = &mut sources;
    if let Some((dir, path)) = s.next("emptyDir", &v.empty_dir)
        && dir.size_limit.as_ref().and_then(|q| Quantity::parse(&q.0).ok()).is_some_and(|q| q.sign() < 0)
    {
        s.faults.forbidden(&path, "sizeLimit", "SizeLimit field must be a valid resource quantity");
    }
    if let Some((host, path)) = s.next("hostPath", &v.host_path) {
        validate_host_path(host, &path, s.faults);
    }
    if let Some((git, path)) = s.next("gitRepo", &v.git_repo) {
        s.faults.require(&path, "repository", &git.repository);
        local_descending_path(text(&git.directory), &at(&path, "directory"), s.faults);
    }
    if let Some((disk, _)) = s.next("gcePersistentDisk", &v.gce_persistent_disk) {
        let path = at(path, "persistentDisk");
        s.faults.require(&path, "pdName", &disk.pd_name);
        vendor::validate_partition(disk.partition, &path, s.faults);
    }
    if let Some((disk, path)) = s.next("awsElasticBlockStore", &v.aws_elastic_block_store) {
        s.faults.require(&path, "volumeID", &disk.volume_id);
        vendor::validate_partition(disk.partition, &path, s.faults);
    }
    if let Some((secret, path)) = s.next("secret", &v.secret) {
        s.faults.require(&path, "secretName", text(&secret.secret_name));
        validate_items(secret.default_mode, items(&secret.items), &path, s.faults);
    }
    if let Some((nfs, path)) = s.next("nfs", &v.nfs) {
        s.faults.require(&path, "server", &nfs.server);
        s.faults.require(&path, "path", &nfs.path);
        if !nfs.path.starts_with('/') {
            s.faults.invalid(&path, "path", &nfs.path, "must be an absolute path");
        }
    }
    if let Some((iscsi, path)) = s.next("iscsi", &v.iscsi) {
        vendor::validate_iscsi(iscsi, &path, s.faults);
    }
    vendor::validate_iscsi_name(v, path, s.faults);
    if let Some((gluster, path)) = s.next("glusterfs", &v.glusterfs) {
        s.faults.require(&path, "endpoints", &gluster.endpoints);
        s.faults.require(&path, "path", &gluster.path);
    }
    if let Some((flocker, path)) = s.next("flocker", &v.flocker) {
        vendor::validate_flocker(flocker, &path, s.faults);
    }
    if let Some((claim, path)) = s.next("persistentVolumeClaim", &v.persistent_volume_claim) {
        s.faults.require(&path, "claimName", &claim.claim_name);
    }
    if let Some((rbd, path)) = s.next("rbd", &v.rbd) {
        if rbd.monitors.is_empty() {
            s.faults.required(&path, "monitors");
        }
        s.faults.require(&path, "image", &rbd.image);
    }
    if let Some((cinder, path)) = s.next("cinder", &v.cinder) {
        s.faults.require(&path, "volumeID", &cinder.volume_id);
        cinder.secret_ref.iter().for_each(|r| {
            s.faults.require(&path, "secretRef.name", &r.name);
        });
    }
    // The field's name is spelled in two ways.
    if let Some((ceph, _)) = s.next("cephFS", &v.cephfs)
        && ceph.monitors.is_empty()
    {
        s.faults.required(&at(path, "cephfs"), "monitors");
    }
    if let Some((quobyte, path)) = s.next("quobyte", &v.quobyte) {
        vendor::validate_quobyte(quobyte, &path, s.faults);
    }
    // Misspelled in the original.
    if let Some((downward, _)) = s.next("downwarAPI", &v.downward_api) {
        projected::validate_downward(downward, &at(path, "downwardAPI"), s.faults);
    }
    validate_more_sources(v, s);
    if let Some((ephemeral, path)) = s.next("ephemeral", &v.ephemeral) {
        match &ephemeral.volume_claim_template {
            None => s.faults.required(&path, "volumeClaimTemplate"),
            Some(t) => s.faults.extend(validate_persistent_volume_claim_template(t, &at(&path, "volumeClaimTemplate"))),
        }
        validate_claim_name(v, pod, &at(s.path, "name"), s.faults);
    }
    if let Some((image, path)) = s.next("image", &v.image) {
        // A template may leave the image to whoever makes the pod.
        if pod.is_some() {
            s.faults.require(&path, "reference", text(&image.reference));
        }
        validate_pull_policy(text(&image.pull_policy), &at(&path, "pullPolicy"), s.faults);
    }
    if !s.seen {
        s.faults.required_for(path, "", "must specify a volume type");
    }
}

fn validate_more_sources(v: &Volume, s: &mut Sources<'_>) {
    if let Some((fc, path)) = s.next("fc", &v.fc) {
        vendor::validate_fc(fc, &path, s.faults);
    }
    if let Some((flex, path)) = s.next("flexVolume", &v.flex_volume) {
        vendor::validate_flex(flex, &path, s.faults);
    }
    if let Some((map, path)) = s.next("configMap", &v.config_map) {
        s.faults.require(&path, "name", &map.name);
        validate_items(map.default_mode, items(&map.items), &path, s.faults);
    }
    if let Some((azure, path)) = s.next("azureFile", &v.azure_file) {
        s.faults.require(&path, "secretName", &azure.secret_name);
        s.faults.require(&path, "shareName", &azure.share_name);
    }
    if let Some((sphere, path)) = s.next("vsphereVolume", &v.vsphere_volume) {
        s.faults.require(&path, "volumePath", &sphere.volume_path);
    }
    if let Some((photon, path)) = s.next("photonPersistentDisk", &v.photon_persistent_disk) {
        s.faults.require(&path, "pdID", &photon.pd_id);
    }
    if let Some((portworx, path)) = s.next("portworxVolume", &v.portworx_volume) {
        s.faults.require(&path, "volumeID", &portworx.volume_id);
    }
    if let Some((disk, path)) = s.next("azureDisk", &v.azure_disk) {
        vendor::validate_azure_disk(disk, &path, s.faults);
    }
    if let Some((storageos, path)) = s.next("storageos", &v.storageos) {
        vendor::validate_storage_os(storageos, &path, s.faults);
    }
    if let Some((projected, path)) = s.next("projected", &v.projected) {
        projected::validate(projected, &path, s.faults);
    }
    if let Some((sio, path)) = s.next("scaleIO", &v.scale_io) {
        s.faults.require(&path, "gateway", &sio.gateway);
        s.faults.require(&path, "system", &sio.system);
        s.faults.require(&path, "volumeName", text(&sio.volume_name));
    }
    if let Some((csi, path)) = s.next("csi", &v.csi) {
        validate_csi(csi, &path, s.faults);
    }
}

/// The claim that will be made for an ephemeral volume is called after the pod and the volume.
fn validate_claim_name(v: &Volume, pod: Option<&str>, path: &str, faults: &mut Faults) {
    let Some(pod) = pod.filter(|_| !v.name.is_empty()) else { return };
    let claim = format!("{pod}-{}", v.name);
    for message in names::dns1123_subdomain(&claim) {
        faults.invalid(path, "", &v.name, &format!("PVC name {claim:?}: {message}"));
    }
}

fn validate_host_path(s: &HostPathVolumeSource, path: &str, faults: &mut Faults) {
    if !faults.require(path, "path", &s.path) {
        return;
    }
    no_backsteps(&s.path, &at(path, "path"), faults);
    let types = ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];
    faults.one_of(path, "type", text(&s.type_), &types);
}

fn validate_csi(s: &CSIVolumeSource, path: &str, faults: &mut Faults) {
    if faults.require(path, "driver", &s.driver) {
        if s.driver.len() > 63 {
            faults.0.push(FieldError::too_long(at(path, "driver"), 63));
        }
        faults.all_invalid(path, "driver", &s.driver, names::dns1123_subdomain(&s.driver.to_lowercase()));
    }
    if let Some(secret) = &s.node_publish_secret_ref {
        if secret.name.is_empty() {
            faults.required(path, "nodePublishSecretRef.name");
        } else {
            faults.all_invalid(path, "name", &secret.name, names::dns1123_subdomain(&secret.name));
        }
    }
}

/// The mode of files, and which key becomes which file.
fn validate_items(mode: Option<i32>, items: &[KeyToPath], path: &str, faults: &mut Faults) {
    validate_mode(mode, path, "defaultMode", faults);
    for (i, item) in items.iter().enumerate() {
        validate_key_to_path(item, &format!("{path}.items[{i}]"), faults);
    }
}
