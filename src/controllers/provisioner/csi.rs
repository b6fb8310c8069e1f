//! What the external-provisioner makes with a CSI driver.
//!
//! Mirrors `pkg/controller/controller.go` and `topology.go` of kubernetes-csi/external-provisioner; what the driver
//! answers is as `controllers::csi` has it.

use std::collections::{BTreeMap, BTreeSet};

use super::options::{Options, requests_block};
use super::secrets::secrets;
use super::{draw_of, topology};
use crate::api::csi::translation::volume_to_in_tree;
use crate::api::csi::{CsiVolume, csi_name_from_in_tree_name};
use crate::api::k8s::api::core::v1::{CSIPersistentVolumeSource, PersistentVolume, PersistentVolumeSpec};
use crate::api::k8s::api::storage::v1::VolumeAttributesClass;
use crate::api::k8s::apimachinery::pkg::api::resource::Quantity as Text;
use crate::api::names::Draw;
use crate::api::quantity::amount;
use crate::controllers::csi::model::{NewVolume, is_of_sidecars};
use crate::controllers::csi::{Driver, Operation};
use crate::controllers::persistent_volume::helpers::{requested_storage, volume_capacity};
use crate::store::Index;

/// The parameter that names the file system.
const FS_TYPE: &str = "csi.storage.k8s.io/fstype";

/// The finalizer by which the external-provisioner sees to it that what is behind a volume is deleted too.
pub(super) const FINALIZER: &str = "external-provisioner.volume.kubernetes.io/finalizer";

/// On a volume: the secret that its deletion needs.
const ANN_DELETION_SECRET: [&str; 2] = [
    "volume.kubernetes.io/provisioner-deletion-secret-name",
    "volume.kubernetes.io/provisioner-deletion-secret-namespace",
];

fn invalid(text: impl std::fmt::Display) -> String {
    format!("rpc error: code = InvalidArgument desc = {text}")
}

/// Looks whether the driver can make such a volume, and where.
///
/// # Errors
/// What the sidecar or the driver says.
pub(super) fn check(options: &Options<'_>, driver: &Driver) -> Result<(), String> {
    let model = driver.model();
    if !model.csi {
        let modes = options.access_modes();
        return match modes.iter().all(|mode| model.file_modes.contains(&mode.as_str())) {
            true => Ok(()),
            false => Err((model.refuses_mode)("", false)),
        };
    }
    options.check_source_capability(driver)?;
    if attributes_class(options).is_some() && model.modify.is_none() {
        let fault = "controller MODIFY_VOLUME capability is not reported";
        return Err(format!("CSI driver does not support VolumeAttributesClass: {fault}"));
    }
    options.refuse_selector("claim Selector is not supported")?;
    let parameters = parameters(options);
    if parameters.keys().filter(|key| is_fs_type(key)).count() > 1 {
        return Err(format!("fstype specified in parameters with both \"fstype\" and \"{FS_TYPE}\" keys"));
    }
    options.content(driver, false)?;
    topology::requirement(options, driver)
        .map_err(|fault| format!("error generating accessibility requirements: {fault}"))?;
    secrets(options, &parameters)?;
    let is_reserved = |key: &&String| is_of_sidecars(key) && !KNOWN_TO_SIDECARS.contains(&key.as_str());
    if let Some(key) = parameters.keys().find(is_reserved) {
        let fault = format!("found unknown parameter key {key:?} with reserved namespace csi.storage.k8s.io/");
        return Err(format!("failed to strip CSI Parameters of prefixed keys: {fault}"));
    }
    check_attributes(options, driver)?;
    let block = requests_block(options.claim);
    let allowed = if block { model.block_modes } else { model.file_modes };
    if let Some(mode) = options.access_modes().iter().find(|mode| !allowed.contains(&mode.as_str())) {
        return Err(invalid((model.refuses_mode)(mode, block)));
    }
    (model.check_parameters)(&parameters).map_err(invalid)
}

/// The keys that sidecars take out of a class's parameters.
const KNOWN_TO_SIDECARS: &[&str] = &[
    "csi.storage.k8s.io/secret-name",
    "csi.storage.k8s.io/secret-namespace",
    "csi.storage.k8s.io/fstype",
    "csi.storage.k8s.io/provisioner-secret-name",
    "csi.storage.k8s.io/provisioner-secret-namespace",
    "csi.storage.k8s.io/controller-publish-secret-name",
    "csi.storage.k8s.io/controller-publish-secret-namespace",
    "csi.storage.k8s.io/node-stage-secret-name",
    "csi.storage.k8s.io/node-stage-secret-namespace",
    "csi.storage.k8s.io/node-publish-secret-name",
    "csi.storage.k8s.io/node-publish-secret-namespace",
    "csi.storage.k8s.io/controller-expand-secret-name",
    "csi.storage.k8s.io/controller-expand-secret-namespace",
    "csi.storage.k8s.io/node-expand-secret-name",
    "csi.storage.k8s.io/node-expand-secret-namespace",
    "csi.storage.k8s.io/controller-modify-secret-name",
    "csi.storage.k8s.io/controller-modify-secret-namespace",
];

/// Looks whether the driver can give a volume such attributes from the start. Mirrors `prepareProvision`.
fn check_attributes(options: &Options<'_>, driver: &Driver) -> Result<(), String> {
    let Some(name) = attributes_class(options) else { return Ok(()) };
    let Some(class) = options.view.get_as::<VolumeAttributesClass>("", name) else {
        return Err(format!("volumeattributesclasses.storage.k8s.io {name:?} not found"));
    };
    if class.driver_name != driver.name {
        return Err(format!(
            "VAC {name} referenced in PVC is for driver {} which does not match driver name {}",
            class.driver_name, driver.name
        ));
    }
    let none = BTreeMap::new();
    let parameters = class.parameters.as_ref().unwrap_or(&none);
    driver.model().modify.map_or(Ok(()), |modify| modify(parameters, &self::parameters(options)).map_err(invalid))
}

fn attributes_class<'a>(options: &Options<'a>) -> Option<&'a str> {
    let name = options.claim.spec.as_ref()?.volume_attributes_class_name.as_deref();
    name.filter(|name| !name.is_empty())
}

/// The class's parameters as the driver gets them.
fn parameters(options: &Options<'_>) -> BTreeMap<String, String> {
    options.class.parameters.clone().unwrap_or_default()
}

/// Makes the volume.
///
/// # Errors
/// What the driver says.
pub(super) fn make(options: &Options<'_>, driver: &Driver) -> Result<PersistentVolume, String> {
    if let Some(fault) = driver.failure(Operation::Provision) {
        return Err(fault);
    }
    let model = driver.model();
    if !model.csi {
        return Ok(topology::local_volume(options, &format!("/var/openebs/local/{}", options.volume_name)));
    }
    let segment = topology::requirement(options, driver)
        .map_err(|fault| format!("error generating accessibility requirements: {fault}"))?;
    let size = round_up(requested_storage(options.claim).value(), model.granularity);
    let size = size.max(options.content(driver, true)?.map_or(0, |content| content.size()));
    check_room(options, driver, &segment, size)?;
    let parameters = parameters(options);
    let zone = segment.values().next_back().map_or("", String::as_str);
    let mut draw = Draw::new(options.view.seed(), &format!("csi-volume/{}", options.volume_name), 0);
    let handle = (model.handle)(&mut draw, &NewVolume { name: options.volume_name, parameters: &parameters, zone });
    let block = requests_block(options.claim);
    let fs_type = parameters.iter().find(|(key, _)| is_fs_type(key));
    let secrets = secrets(options, &parameters)?;
    let default = model.attach_required.then(|| "ext4".to_string());
    let only_read = options.access_modes() == ["ReadOnlyMany"];
    let source = CSIPersistentVolumeSource {
        driver: driver.name.clone(),
        volume_handle: handle,
        fs_type: if block { None } else { fs_type.map(|(_, v)| v.clone()).or(default) },
        read_only: (only_read && model.attach_required).then_some(true),
        volume_attributes: Some(attributes(options, driver, &parameters)),
        ..secrets.source
    };
    let mut volume = options.volume(PersistentVolumeSpec {
        csi: Some(source),
        node_affinity: topology::node_affinity(driver, &segment),
        volume_mode: options.claim.spec.as_ref().and_then(|s| s.volume_mode.clone()),
        volume_attributes_class_name: options.claim.spec.as_ref().and_then(|s| s.volume_attributes_class_name.clone()),
        ..Default::default()
    });
    let spec = volume.spec.get_or_insert_default();
    spec.capacity = Some([("storage".to_string(), Text(binary_si(size)))].into());
    if model.holds_volumes {
        let annotations = volume.metadata.annotations.get_or_insert_default();
        let secret = secrets.provisioner.unwrap_or_default();
        let values = [secret.name.unwrap_or_default(), secret.namespace.unwrap_or_default()];
        annotations.extend(ANN_DELETION_SECRET.iter().map(|key| key.to_string()).zip(values));
        if spec.persistent_volume_reclaim_policy.as_deref() == Some("Delete") {
            volume.metadata.finalizers = Some(vec![FINALIZER.into()]);
        }
    }
    if csi_name_from_in_tree_name(&options.class.provisioner).is_some() {
        volume_to_in_tree(&mut volume, &options.class.provisioner);
    }
    Ok(volume)
}

/// Whether a parameter names the file system.
fn is_fs_type(key: &str) -> bool {
    key.eq_ignore_ascii_case("fstype") || key == FS_TYPE
}

/// What the driver tells of a new volume, and who made it.
fn attributes(
    options: &Options<'_>,
    driver: &Driver,
    parameters: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut all =
        BTreeMap::from([("storage.kubernetes.io/csiProvisionerIdentity".to_string(), identity(options, driver))]);
    let migrated = csi_name_from_in_tree_name(&options.class.provisioner).is_some();
    match driver.name.as_str() {
        // What becomes part of a volume that the plugin could have made.
        "disk.csi.azure.com" if migrated => {
            let kept = |key: &&String| ["cachingmode", "fstype", "kind"].contains(&key.to_lowercase().as_str());
            all.extend(parameters.iter().filter(|(key, _)| kept(key)).map(|(k, v)| (k.clone(), v.clone())));
        }
        "csi.vsphere.vmware.com" if migrated => {
            let mut draw = draw_of(options.view, &format!("vsphere/{}", options.volume_name));
            let path = format!("[vsanDatastore] {}/{}.vmdk", draw.uid(), options.volume_name);
            all.insert("initialvolumefilepath".into(), path);
        }
        _ => {}
    }
    all
}

/// The disk that a new volume's contents come from, the volume's own, and how large that is; none for an empty volume.
pub(super) fn contents_of(
    options: &Options<'_>,
    driver: &Driver,
    volume: &PersistentVolume,
) -> Option<(String, String, u64)> {
    let from = options.content(driver, true).ok()??.disk()?;
    let size = volume_capacity(volume).value().max(0) as u64;
    Some((from, CsiVolume::of(volume)?.disk(), size))
}

/// Which run of the sidecar made a volume.
fn identity(options: &Options<'_>, driver: &Driver) -> String {
    let mut draw = draw_of(options.view, &format!("identity/{}", driver.name));
    format!("1767225600000-{}-{}", draw.below(10_000), driver.name)
}

/// A size as the storage has it.
pub(crate) fn round_up(bytes: i64, step: i64) -> i64 {
    let step = step.max(1);
    let steps = bytes.max(1).checked_add(step - 1).map_or(i64::MAX / step, |sum| sum / step);
    steps.saturating_mul(step)
}

/// A number of bytes as sidecars write it. Mirrors `NewQuantity` with `BinarySI`.
pub(crate) fn binary_si(bytes: i64) -> String {
    let (mut number, mut unit) = (bytes, 0);
    while number != 0 && number % 1024 == 0 && unit < 6 {
        number /= 1024;
        unit += 1;
    }
    format!("{number}{}", ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].get(unit).unwrap_or(&""))
}

/// How many bytes are left where a volume is; none where nobody counts.
pub(crate) fn room_for(view: &crate::store::View<'_>, driver: &Driver, volume: &PersistentVolume) -> Option<i64> {
    room_left(view, driver, &topology::segment_of(volume))
}

/// How many bytes are left in a segment; none where nobody counts.
pub(crate) fn room_left(
    view: &crate::store::View<'_>,
    driver: &Driver,
    segment: &BTreeMap<String, String>,
) -> Option<i64> {
    if driver.full {
        return Some(0);
    }
    let capacity = driver.capacity?;
    let volumes = names_of(&driver.name).into_iter().flat_map(|name| {
        let of = view.indexed(crate::api::Kind::PersistentVolume, Index::ProvisionedBy, name);
        of.filter_map(|o| o.get::<PersistentVolume>())
    });
    let used = volumes
        .filter(|v| topology::is_in(v, segment))
        .map(|v| amount(v.spec.as_ref().and_then(|s| s.capacity.as_ref()), "storage").map_or(0, |q| q.value()));
    Some(used.fold(capacity, i64::saturating_sub))
}

/// The names under which a driver's volumes were provisioned.
fn names_of(driver: &str) -> BTreeSet<&str> {
    let in_tree =
        ["kubernetes.io/aws-ebs", "kubernetes.io/azure-disk", "kubernetes.io/gce-pd", "kubernetes.io/vsphere-volume"];
    let migrated = in_tree.into_iter().filter(|plugin| csi_name_from_in_tree_name(plugin) == Some(driver));
    migrated.chain([driver]).collect()
}

fn check_room(
    options: &Options<'_>,
    driver: &Driver,
    segment: &BTreeMap<String, String>,
    size: i64,
) -> Result<(), String> {
    match room_left(options.view, driver, segment).is_some_and(|left| left < size) {
        true => {
            let left = room_left(options.view, driver, segment).unwrap_or_default().max(0);
            Err(format!(
                "rpc error: code = ResourceExhausted desc = requested capacity {size} exceeds the {left} bytes that are \
                 available"
            ))
        }
        false => Ok(()),
    }
}
