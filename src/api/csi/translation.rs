//! What was in the tree once, as the drivers have it that took over: classes and volumes, there and back.
//!
//! Mirrors `k8s.io/csi-translation-lib` (`translate.go` and `plugins/`).

use std::collections::{BTreeMap, BTreeSet};

use crate::api::k8s::api::core::v1::{
    AWSElasticBlockStoreVolumeSource, AzureDiskVolumeSource, AzureFilePersistentVolumeSource,
    CSIPersistentVolumeSource, CinderPersistentVolumeSource, GCEPersistentDiskVolumeSource, NodeSelector,
    NodeSelectorRequirement, NodeSelectorTerm, PersistentVolume, SecretReference, TopologySelectorLabelRequirement,
    TopologySelectorTerm, Volume, VsphereVirtualDiskVolumeSource,
};
use crate::api::k8s::api::storage::v1::StorageClass;
use crate::api::object::annotation_of;

const ZONE: &str = "topology.kubernetes.io/zone";
const REGION: &str = "topology.kubernetes.io/region";
const BETA_ZONE: &str = "failure-domain.beta.kubernetes.io/zone";
const BETA_REGION: &str = "failure-domain.beta.kubernetes.io/region";
/// Between the zones of a volume that is in several, in its label.
const ZONES: &str = "__";
const FS_TYPE: &str = "csi.storage.k8s.io/fstype";
/// What a disk of which nobody knows where it is begins with.
pub(super) const ZONAL_DISK: &str = "projects/UNSPECIFIED/zones/UNSPECIFIED/disks/";
/// By what the driver for vSphere tells where it made a disk.
const INITIAL_PATH: &str = "initialvolumefilepath";
const RESOURCE_GROUP: &str = "kubernetes.io/azure-file-resource-group";

const AWS: &str = "kubernetes.io/aws-ebs";
const AZURE_DISK: &str = "kubernetes.io/azure-disk";
const AZURE_FILE: &str = "kubernetes.io/azure-file";
const CINDER: &str = "kubernetes.io/cinder";
const GCE: &str = "kubernetes.io/gce-pd";
const PORTWORX: &str = "kubernetes.io/portworx-volume";
const VSPHERE: &str = "kubernetes.io/vsphere-volume";

/// The plugins that are no more, with the drivers that took over and these drivers' keys for zones.
const PLUGINS: [(&str, &str, &str); 7] = [
    (AWS, "ebs.csi.aws.com", "topology.ebs.csi.aws.com/zone"),
    (AZURE_DISK, "disk.csi.azure.com", "topology.disk.csi.azure.com/zone"),
    (AZURE_FILE, "file.csi.azure.com", ""),
    (CINDER, "cinder.csi.openstack.org", "topology.cinder.csi.openstack.org/zone"),
    (GCE, "pd.csi.storage.gke.io", "topology.gke.io/zone"),
    (PORTWORX, "pxd.portworx.com", ""),
    (VSPHERE, "csi.vsphere.vmware.com", "topology.csi.vmware.com/zone"),
];

/// The CSI driver that took over a provisioner in the tree; none for one that was not taken over.
pub fn csi_name_from_in_tree_name(plugin: &str) -> Option<&'static str> {
    PLUGINS.iter().find(|(name, ..)| *name == plugin).map(|(_, driver, _)| *driver)
}

fn zone_key(plugin: &str) -> &'static str {
    PLUGINS.iter().find(|(name, ..)| *name == plugin).map_or("", |(.., key)| key)
}

/// The plugin that a volume was of.
pub fn plugin_of(volume: &PersistentVolume) -> Option<&'static str> {
    let spec = volume.spec.as_ref()?;
    Some(match () {
        () if spec.aws_elastic_block_store.is_some() => AWS,
        () if spec.azure_disk.is_some() => AZURE_DISK,
        () if spec.azure_file.is_some() => AZURE_FILE,
        () if spec.cinder.is_some() => CINDER,
        () if spec.gce_persistent_disk.is_some() => GCE,
        () if spec.portworx_volume.is_some() => PORTWORX,
        () if spec.vsphere_volume.is_some() => VSPHERE,
        () => return None,
    })
}

/// The driver that has a pod's own volume.
pub(super) fn driver_of_inline(volume: &Volume) -> Option<&'static str> {
    csi_name_from_in_tree_name(match () {
        () if volume.aws_elastic_block_store.is_some() => AWS,
        () if volume.azure_disk.is_some() => AZURE_DISK,
        () if volume.azure_file.is_some() => AZURE_FILE,
        () if volume.cinder.is_some() => CINDER,
        () if volume.gce_persistent_disk.is_some() => GCE,
        () if volume.portworx_volume.is_some() => PORTWORX,
        () if volume.vsphere_volume.is_some() => VSPHERE,
        () => return None,
    })
}

/// A volume's id as Amazon has it: `aws://us-east-1a/vol-1` and `vol-1` are one volume. Mirrors
/// `KubernetesVolumeIDToEBSVolumeID`.
pub(super) fn ebs_volume_id(id: &str) -> &str {
    match id.strip_prefix("aws://") {
        Some(rest) => rest.rsplit('/').next().unwrap_or_default(),
        None => id,
    }
}

/// The storage account that a secret is named after. Mirrors `getStorageAccountName`.
pub(super) fn storage_account(secret: &str) -> &str {
    let named = secret.split_once("azure-storage-account-").and_then(|(_, rest)| rest.rsplit_once("-secret"));
    named.map_or(secret, |(account, _)| account)
}

/// The driver of a volume from the tree, and what that calls it.
pub(super) fn handle_of(volume: &PersistentVolume) -> Option<(&'static str, String)> {
    let spec = volume.spec.as_ref()?;
    let plugin = plugin_of(volume)?;
    let handle = if let Some(source) = &spec.aws_elastic_block_store {
        ebs_volume_id(&source.volume_id).to_string()
    } else if let Some(source) = &spec.gce_persistent_disk {
        gce_handle(volume, &source.pd_name)
    } else if let Some(source) = &spec.azure_disk {
        source.disk_uri.clone()
    } else if let Some(source) = &spec.azure_file {
        let of_claim = spec.claim_ref.as_ref().and_then(|c| c.namespace.as_deref());
        let namespace = source.secret_namespace.as_deref().or(of_claim).unwrap_or("default");
        let group = annotation_of(&volume.metadata, RESOURCE_GROUP).unwrap_or_default();
        let (account, name) =
            (storage_account(&source.secret_name), volume.metadata.name.as_deref().unwrap_or_default());
        format!("{group}#{account}#{}#{name}#{namespace}", source.share_name)
    } else if let Some(source) = &spec.cinder {
        source.volume_id.clone()
    } else if let Some(source) = &spec.portworx_volume {
        source.volume_id.clone()
    } else {
        spec.vsphere_volume.as_ref()?.volume_path.clone()
    };
    Some((csi_name_from_in_tree_name(plugin)?, handle))
}

fn gce_handle(volume: &PersistentVolume, disk: &str) -> String {
    let labels = volume.metadata.labels.as_ref();
    let label = |key: &str| labels.and_then(|l| l.get(key)).map(String::as_str).filter(|zones| !zones.is_empty());
    let zones: Vec<&str> = label(BETA_ZONE).or(label(ZONE)).map(|z| z.split(ZONES).collect()).unwrap_or_default();
    match zones.as_slice() {
        [] => format!("{ZONAL_DISK}{disk}"),
        [zone] => format!("projects/UNSPECIFIED/zones/{zone}/disks/{disk}"),
        zones => match gce_region(zones) {
            Some(region) => format!("projects/UNSPECIFIED/regions/{region}/disks/{disk}"),
            None => format!("{ZONAL_DISK}{disk}"),
        },
    }
}

/// A class of a plugin from the tree as its driver understands it; none for any other class. Mirrors
/// `TranslateInTreeStorageClassToCSI`.
///
/// # Errors
/// Where the class says in two ways where its volumes are to be.
pub fn class_to_csi(class: &StorageClass) -> Option<Result<StorageClass, String>> {
    csi_name_from_in_tree_name(&class.provisioner)?;
    Some(translate_class(class))
}

fn translate_class(class: &StorageClass) -> Result<StorageClass, String> {
    let (plugin, mut translated) = (class.provisioner.as_str(), class.clone());
    if matches!(plugin, AZURE_FILE | PORTWORX) {
        return Ok(translated);
    }
    let (key, zonal) = (zone_key(plugin), matches!(plugin, AWS | AZURE_DISK | GCE));
    let (mut parameters, mut generated) = (BTreeMap::new(), None);
    for (name, value) in class.parameters.iter().flatten() {
        let (name, value) = (name.clone(), value.clone());
        match name.to_lowercase().as_str() {
            "fstype" if plugin != AZURE_DISK => _ = parameters.insert(FS_TYPE.to_string(), value),
            "zone" if zonal => generated = Some(vec![value]),
            "zones" if zonal => generated = Some(value.split(',').map(String::from).collect()),
            "iopspergb" if plugin == AWS => {
                // The plugin raised what was too little for so small a volume.
                parameters.insert(name, value);
                parameters.insert("allowautoiopspergbincrease".into(), "true".into());
            }
            "storagepolicyname" if plugin == VSPHERE => _ = parameters.insert("storagepolicyname".into(), value),
            known if plugin == VSPHERE => {
                if VSPHERE_PARAMETERS.contains(&known) {
                    parameters.insert(format!("{known}-migrationparam"), value);
                }
            }
            _ => _ = parameters.insert(name, value),
        }
    }
    if plugin == VSPHERE {
        parameters.insert("csimigration".into(), "true".into());
    }
    let allowed = class.allowed_topologies.as_deref().unwrap_or_default();
    translated.allowed_topologies = match generated {
        Some(_) if !allowed.is_empty() => {
            return Err("cannot simultaneously set allowed topologies and zone/zones parameters".into());
        }
        Some(values) => {
            let expression = TopologySelectorLabelRequirement { key: key.into(), values };
            Some(vec![TopologySelectorTerm { match_label_expressions: Some(vec![expression]) }])
        }
        None => Some(allowed.iter().map(|term| translate_term(term, key)).collect()),
    };
    if plugin == AZURE_DISK {
        // What the plugin called fault domains, in regions without zones, is no zone to the driver.
        let terms = translated.allowed_topologies.iter_mut().flatten();
        let expressions = terms.flat_map(|t| t.match_label_expressions.iter_mut().flatten()).filter(|e| e.key == key);
        let is_number = |value: &&mut String| !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
        expressions.flat_map(|e| e.values.iter_mut()).filter(is_number).for_each(String::clear);
    }
    translated.allowed_topologies = translated.allowed_topologies.filter(|terms| !terms.is_empty());
    translated.parameters = Some(parameters);
    Ok(translated)
}

/// What the driver for vSphere takes of the plugin's parameters, each under another name.
const VSPHERE_PARAMETERS: [&str; 8] = [
    "datastore",
    "diskformat",
    "hostfailurestotolerate",
    "forceprovisioning",
    "cachereservation",
    "diskstripes",
    "objectspacereservation",
    "iopslimit",
];

/// Mirrors `translateAllowedTopologies`.
fn translate_term(term: &TopologySelectorTerm, key: &str) -> TopologySelectorTerm {
    let mut term = term.clone();
    for expression in term.match_label_expressions.iter_mut().flatten() {
        if matches!(expression.key.as_str(), ZONE | BETA_ZONE) {
            expression.key = key.to_string();
        }
    }
    term
}

/// A volume from the tree as its driver has it; none for any other. Mirrors `TranslateInTreePVToCSI`.
pub fn volume_to_csi(volume: &PersistentVolume) -> Option<PersistentVolume> {
    let plugin = plugin_of(volume)?;
    let (driver, volume_handle) = handle_of(volume)?;
    let mut translated = volume.clone();
    let key = zone_key(plugin);
    match plugin {
        AWS | CINDER | GCE => topology_to_csi(&mut translated, key, None),
        VSPHERE => topology_to_csi(&mut translated, key, Some("topology.csi.vmware.com/region")),
        _ => {}
    }
    let spec = translated.spec.as_mut()?;
    let mut csi = CSIPersistentVolumeSource { driver: driver.into(), volume_handle, ..Default::default() };
    if let Some(source) = spec.aws_elastic_block_store.take() {
        (csi.fs_type, csi.read_only) = (source.fs_type, source.read_only);
    } else if let Some(source) = spec.gce_persistent_disk.take() {
        (csi.fs_type, csi.read_only) = (source.fs_type, source.read_only);
        spec.access_modes = spec.access_modes.take().map(|modes| backward_compatible_access_modes(&modes));
    } else if let Some(source) = spec.azure_disk.take() {
        (csi.fs_type, csi.read_only) = (source.fs_type, source.read_only);
    } else if let Some(source) = spec.azure_file.take() {
        csi.read_only = source.read_only;
        let of_claim = spec.claim_ref.as_ref().and_then(|c| c.namespace.clone());
        let namespace = source.secret_namespace.or(of_claim);
        csi.node_stage_secret_ref = Some(SecretReference { name: Some(source.secret_name), namespace });
    } else if let Some(source) = spec.cinder.take() {
        (csi.fs_type, csi.read_only) = (source.fs_type, source.read_only);
    } else if let Some(source) = spec.portworx_volume.take() {
        (csi.fs_type, csi.read_only) = (source.fs_type, source.read_only);
    } else if let Some(source) = spec.vsphere_volume.take() {
        csi.fs_type = source.fs_type;
    }
    spec.csi = Some(csi);
    Some(translated)
}

/// The plugin never looked at modes: to the driver each volume is one that it can attach.
fn backward_compatible_access_modes(modes: &[String]) -> Vec<String> {
    let only_read = !modes.is_empty() && modes.iter().all(|mode| mode == "ReadOnlyMany");
    vec![if only_read { "ReadOnlyMany" } else { "ReadWriteOnce" }.to_string()]
}

/// A volume of a driver as its plugin would have made it. Mirrors `TranslateCSIPVToInTree`.
pub fn volume_to_in_tree(volume: &mut PersistentVolume, plugin: &str) {
    let key = zone_key(plugin);
    match plugin {
        AWS => topology_to_in_tree(volume, key, Some(aws_region)),
        GCE => topology_to_in_tree(volume, key, Some(gce_region)),
        CINDER | VSPHERE => topology_to_in_tree(volume, key, None),
        _ => {}
    }
    let Some(spec) = &mut volume.spec else { return };
    let Some(csi) = spec.csi.take() else { return };
    let attribute = |name: &str| {
        let mut all = csi.volume_attributes.iter().flatten();
        all.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, v)| v.clone()).filter(|v| !v.is_empty())
    };
    let (fs_type, read_only) = (csi.fs_type.clone(), csi.read_only.filter(|set| *set));
    let partition = attribute("partition").and_then(|n| n.parse().ok());
    let handle = csi.volume_handle.clone();
    let last = || handle.rsplit('/').next().unwrap_or_default().to_string();
    match plugin {
        AWS => {
            let source = AWSElasticBlockStoreVolumeSource { volume_id: handle, fs_type, read_only, partition };
            spec.aws_elastic_block_store = Some(source);
        }
        GCE => {
            let pd_name = last();
            spec.gce_persistent_disk = Some(GCEPersistentDiskVolumeSource { pd_name, fs_type, read_only, partition });
        }
        AZURE_DISK => {
            spec.azure_disk = Some(AzureDiskVolumeSource {
                disk_name: last(),
                disk_uri: handle,
                fs_type: attribute("fstype").or(Some(fs_type.unwrap_or_default())),
                read_only: Some(read_only.unwrap_or_default()),
                kind: Some("Managed".into()),
                caching_mode: attribute("cachingmode"),
            });
        }
        AZURE_FILE => {
            let parts: Vec<&str> = handle.split('#').collect();
            let part = |n: usize| parts.get(n).copied().unwrap_or_default();
            let secret = csi.node_stage_secret_ref.as_ref();
            spec.azure_file = Some(AzureFilePersistentVolumeSource {
                share_name: attribute("sharename").unwrap_or_else(|| part(2).to_string()),
                secret_name: secret
                    .and_then(|s| s.name.clone())
                    .unwrap_or_else(|| format!("azure-storage-account-{}-secret", part(1))),
                secret_namespace: secret.and_then(|s| s.namespace.clone()).or(Some("default".into())),
                read_only,
            });
        }
        CINDER => {
            spec.cinder =
                Some(CinderPersistentVolumeSource { volume_id: handle, fs_type, read_only, secret_ref: None });
        }
        VSPHERE => {
            let volume_path = attribute(INITIAL_PATH).unwrap_or_default();
            spec.vsphere_volume = Some(VsphereVirtualDiskVolumeSource { volume_path, fs_type, ..Default::default() });
        }
        _ => spec.csi = Some(csi),
    }
}

fn terms(volume: &PersistentVolume) -> &[NodeSelectorTerm] {
    let affinity = volume.spec.as_ref().and_then(|s| s.node_affinity.as_ref());
    affinity.and_then(|a| a.required.as_ref()).map_or(&[], |r| &r.node_selector_terms)
}

fn terms_mut(volume: &mut PersistentVolume) -> &mut [NodeSelectorTerm] {
    let affinity = volume.spec.as_mut().and_then(|s| s.node_affinity.as_mut());
    affinity.and_then(|a| a.required.as_mut()).map_or(&mut [], |r| &mut r.node_selector_terms)
}

/// The values that a volume's affinity has for a key. Mirrors `getTopologyValues`.
fn values_of(volume: &PersistentVolume, key: &str) -> Vec<String> {
    let expressions = terms(volume).iter().flat_map(|t| t.match_expressions.iter().flatten());
    let values = expressions.filter(|e| e.key == key).flat_map(|e| e.values.iter().flatten());
    values.cloned().collect::<BTreeSet<String>>().into_iter().collect()
}

/// Mirrors `replaceTopology`.
fn replace_key(volume: &mut PersistentVolume, old: &str, new: &str) {
    let expressions = terms_mut(volume).iter_mut().flat_map(|t| t.match_expressions.iter_mut().flatten());
    expressions.filter(|e| e.key == old).for_each(|e| e.key = new.to_string());
}

/// The labels by which a volume says where it is: today's or those of earlier versions. Mirrors `getTopologyLabel`.
fn labels_of(volume: &PersistentVolume) -> (&'static str, &'static str) {
    let in_affinity = |key: &str| !values_of(volume, key).is_empty();
    let in_labels = |key: &str| volume.metadata.labels.as_ref().is_some_and(|l| l.contains_key(key));
    match () {
        () if in_affinity(ZONE) => (ZONE, REGION),
        () if in_affinity(BETA_ZONE) => (BETA_ZONE, BETA_REGION),
        () if in_labels(ZONE) => (ZONE, REGION),
        () if in_labels(BETA_ZONE) => (BETA_ZONE, BETA_REGION),
        () => (ZONE, REGION),
    }
}

/// Mirrors `translateTopologyFromInTreeToCSI`, and the same for vSphere, which has a key for regions too.
fn topology_to_csi(volume: &mut PersistentVolume, key: &str, region_key: Option<&str>) {
    let (zone, region) = labels_of(volume);
    move_key(volume, zone, key);
    match region_key {
        Some(region_key) => move_key(volume, region, region_key),
        None if region == BETA_REGION => replace_key(volume, region, REGION),
        None => {}
    }
}

/// Has a volume's affinity speak of a place under another key; where it doesn't, the volume's label says the place.
fn move_key(volume: &mut PersistentVolume, label: &'static str, key: &str) {
    if !values_of(volume, label).is_empty() {
        return replace_key(volume, label, key);
    }
    let Some(value) = volume.metadata.labels.as_ref().and_then(|l| l.get(label)) else { return };
    let zones: BTreeSet<String> =
        value.split(ZONES).map(|zone| zone.trim().to_string()).filter(|zone| !zone.is_empty()).collect();
    if zones.is_empty() {
        return;
    }
    let expression = NodeSelectorRequirement {
        key: key.to_string(),
        operator: "In".into(),
        values: Some(zones.into_iter().collect()),
    };
    let spec = volume.spec.get_or_insert_default();
    let required = spec
        .node_affinity
        .get_or_insert_default()
        .required
        .get_or_insert_with(|| NodeSelector { node_selector_terms: Vec::new() });
    if required.node_selector_terms.is_empty() {
        required.node_selector_terms.push(NodeSelectorTerm::default());
    }
    for term in &mut required.node_selector_terms {
        term.match_expressions.get_or_insert_default().push(expression.clone());
    }
}

/// Mirrors `translateTopologyFromCSIToInTree`.
fn topology_to_in_tree(volume: &mut PersistentVolume, key: &str, region_of: Option<fn(&[&str]) -> Option<String>>) {
    let (zone, region) = labels_of(volume);
    replace_key(volume, key, zone);
    if zone == ZONE && key.contains("vmware") {
        // What the driver's own documents call the keys.
        replace_key(volume, "topology.csi.vmware.com/k8s-zone", zone);
        replace_key(volume, "topology.csi.vmware.com/k8s-region", region);
        replace_key(volume, "topology.csi.vmware.com/region", region);
    }
    for term in terms_mut(volume) {
        let expressions = term.match_expressions.get_or_insert_default();
        if expressions.iter().any(|e| e.key == region) {
            continue;
        }
        let of_zone = expressions.iter().filter(|e| e.key == zone).flat_map(|e| e.values.iter().flatten());
        let zones: Vec<&str> = of_zone.map(String::as_str).collect();
        // OBSERVATION: the original fails for zones that no such cloud has; here such a zone is in no region.
        if let Some(value) = region_of.and_then(|region_of| region_of(&zones)) {
            let values = Some(vec![value]);
            expressions.push(NodeSelectorRequirement { key: region.into(), operator: "In".into(), values });
        }
    }
    let (zones, regions) = (values_of(volume, zone), values_of(volume, region));
    let labels = volume.metadata.labels.get_or_insert_default();
    if let [only] = regions.as_slice() {
        labels.entry(region.to_string()).or_insert_with(|| only.clone());
    }
    if !zones.is_empty() {
        labels.entry(zone.to_string()).or_insert_with(|| zones.join(ZONES));
    }
    if labels.is_empty() {
        volume.metadata.labels = None;
    }
}

fn only_one(regions: BTreeSet<String>) -> Option<String> {
    let mut all = regions.into_iter();
    all.next().filter(|_| all.next().is_none())
}

/// Mirrors `getAwsRegionFromZones`.
fn aws_region(zones: &[&str]) -> Option<String> {
    let region = |zone: &&str| {
        let parts: Vec<&str> = zone.split('-').collect();
        let last = parts.last().copied().unwrap_or_default();
        match parts.len() {
            3 | 4 if last.len() == 2 && last.is_ascii() => Some(zone.get(..zone.len().checked_sub(1)?)?.to_string()),
            5 | 7 => Some(parts.get(..3)?.join("-")),
            _ => None,
        }
    };
    only_one(zones.iter().map(region).collect::<Option<BTreeSet<String>>>()?)
}

/// Mirrors `gceGetRegionFromZones`.
fn gce_region(zones: &[&str]) -> Option<String> {
    let region = |zone: &&str| {
        let parts: Vec<&str> = zone.split('-').collect();
        (parts.len() == 3).then(|| parts.get(..2).map(|p| p.join("-"))).flatten()
    };
    only_one(zones.iter().map(region).collect::<Option<BTreeSet<String>>>()?)
}

#[cfg(test)]
mod tests {
    use super::{aws_region, gce_region, storage_account};

    #[test]
    fn regions_follow_from_zones() {
        assert_eq!(aws_region(&["us-west-2a"]).as_deref(), Some("us-west-2"));
        assert_eq!(aws_region(&["us-gov-east-1a"]).as_deref(), Some("us-gov-east-1"));
        assert_eq!(aws_region(&["us-west-2-lax-1a"]).as_deref(), Some("us-west-2"));
        assert_eq!(aws_region(&["us-east-1-wl1-bos-wlz-1"]).as_deref(), Some("us-east-1"));
        assert_eq!(aws_region(&["us-west-2a", "eu-west-1a"]), None);
        assert_eq!(aws_region(&["a"]), None);
        assert_eq!(gce_region(&["us-central1-a", "us-central1-b"]).as_deref(), Some("us-central1"));
        assert_eq!(gce_region(&[]), None);
    }

    #[test]
    fn a_secret_names_its_account() {
        assert_eq!(storage_account("azure-storage-account-abc-secret"), "abc");
        assert_eq!(storage_account("mine"), "mine");
    }
}
