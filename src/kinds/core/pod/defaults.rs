//! What a pod's manifest leaves out. Mirrors `pkg/apis/core/v1/defaults.go` and `zz_generated.defaults.go`.

use crate::api::k8s::api::core::v1::{
    Container, DownwardAPIVolumeFile, EphemeralContainer, HTTPGetAction, LifecycleHandler, ObjectFieldSelector, Pod,
    PodSpec, PodTemplateSpec, Probe, ResourceFieldSelector, ResourceRequirements, Volume,
};
use crate::api::k8s::apimachinery::pkg::api::resource::Quantity;
use crate::kinds::core::persistent_volume_claim::set_persistent_volume_claim_spec_defaults;
use crate::kinds::core::pod::image::tag_of;
use crate::kinds::core::pod::resources;
use crate::kinds::shared::access::{set_resource_list_defaults, set_text, text};

const DEFAULT_MODE: i32 = 0o644;

/// Defaults of a pod, beyond those of any pod spec. Mirrors `SetObjectDefaults_Pod`.
pub(super) fn set_pod_defaults(pod: &mut Pod) {
    let spec = pod.spec.get_or_insert_default();
    let containers = spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten());
    for c in containers {
        request_what_is_limited(c.resources.get_or_insert_default());
    }
    resources::set_pod_level_defaults(spec);
    spec.enable_service_links.get_or_insert(true);
    if spec.host_network == Some(true) {
        let containers = spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten());
        for port in containers.flat_map(|c| c.ports.iter_mut().flatten()) {
            if port.host_port.unwrap_or(0) == 0 {
                port.host_port = Some(port.container_port);
            }
        }
    }
    set_pod_spec_defaults(spec);
}

/// A limit without a request is a request too.
fn request_what_is_limited(resources: &mut ResourceRequirements) {
    let Some(limits) = resources.limits.as_ref().filter(|l| !l.is_empty()) else { return };
    let requests = resources.requests.get_or_insert_default();
    for (name, amount) in limits {
        requests.entry(name.clone()).or_insert_with(|| amount.clone());
    }
}

/// Defaults of a controller's template.
pub fn set_pod_template_defaults(template: &mut PodTemplateSpec) {
    template.metadata.get_or_insert_default();
    set_pod_spec_defaults(template.spec.get_or_insert_default());
}

/// Defaults of every pod spec, in a pod or in a template. Mirrors `SetDefaults_PodSpec` and what it contains.
pub fn set_pod_spec_defaults(spec: &mut PodSpec) {
    set_text(&mut spec.dns_policy, "ClusterFirst");
    set_text(&mut spec.restart_policy, "Always");
    spec.security_context.get_or_insert_default();
    spec.termination_grace_period_seconds.get_or_insert(30);
    set_text(&mut spec.scheduler_name, "default-scheduler");
    unify_service_account(spec);
    spec.volumes.iter_mut().flatten().for_each(set_volume_defaults);
    spec.init_containers.iter_mut().flatten().for_each(set_container_defaults);
    spec.containers.iter_mut().for_each(set_container_defaults);
    spec.ephemeral_containers.iter_mut().flatten().for_each(set_ephemeral_container_defaults);
    set_resource_list_defaults(&mut spec.overhead);
    if let Some(resources) = &mut spec.resources {
        set_resource_list_defaults(&mut resources.limits);
        set_resource_list_defaults(&mut resources.requests);
    }
}

/// `serviceAccount` is the old name of `serviceAccountName`, and always the same.
/// Mirrors `Convert_v1_PodSpec_To_core_PodSpec` and back.
fn unify_service_account(spec: &mut PodSpec) {
    if text(&spec.service_account_name).is_empty() {
        spec.service_account_name = spec.service_account.take().filter(|name| !name.is_empty());
    }
    spec.service_account = spec.service_account_name.clone();
}

macro_rules! container_defaults {
    ($name:ident, $type:ty) => {
        fn $name(c: &mut $type) {
            if text(&c.image_pull_policy).is_empty() {
                c.image_pull_policy = Some(pull_policy(text(&c.image)));
            }
            set_text(&mut c.termination_message_path, "/dev/termination-log");
            set_text(&mut c.termination_message_policy, "File");
            for port in c.ports.iter_mut().flatten() {
                set_text(&mut port.protocol, "TCP");
            }
            for e in c.env.iter_mut().flatten() {
                let Some(from) = &mut e.value_from else { continue };
                from.field_ref.iter_mut().for_each(set_field_ref_defaults);
                from.resource_field_ref.iter_mut().for_each(set_resource_field_ref_defaults);
                from.file_key_ref.iter_mut().for_each(|f| {
                    f.optional.get_or_insert(false);
                });
            }
            let resources = c.resources.get_or_insert_default();
            set_resource_list_defaults(&mut resources.limits);
            set_resource_list_defaults(&mut resources.requests);
            let probes = [&mut c.liveness_probe, &mut c.readiness_probe, &mut c.startup_probe];
            probes.into_iter().flatten().for_each(set_probe_defaults);
            if let Some(lifecycle) = &mut c.lifecycle {
                let handlers = [&mut lifecycle.post_start, &mut lifecycle.pre_stop];
                handlers.into_iter().flatten().for_each(set_handler_defaults);
            }
        }
    };
}
container_defaults!(set_container_defaults, Container);
container_defaults!(set_ephemeral_container_defaults, EphemeralContainer);

/// `Always` for an image without tag and digest, or with the tag `latest`.
fn pull_policy(image: &str) -> String {
    let policy = if tag_of(image).as_deref() == Some("latest") { "Always" } else { "IfNotPresent" };
    policy.to_string()
}

fn set_field_ref_defaults(selector: &mut ObjectFieldSelector) {
    set_text(&mut selector.api_version, "v1");
}

/// A divisor is no pointer in Go, so a left out one is `0`.
fn set_resource_field_ref_defaults(selector: &mut ResourceFieldSelector) {
    selector.divisor.get_or_insert_with(|| Quantity("0".into()));
}

fn set_probe_defaults(probe: &mut Probe) {
    for (field, value) in [
        (&mut probe.timeout_seconds, 1),
        (&mut probe.period_seconds, 10),
        (&mut probe.success_threshold, 1),
        (&mut probe.failure_threshold, 3),
    ] {
        if field.unwrap_or(0) == 0 {
            *field = Some(value);
        }
    }
    probe.http_get.iter_mut().for_each(set_http_get_defaults);
    probe.grpc.iter_mut().for_each(|grpc| {
        grpc.service.get_or_insert_default();
    });
}

fn set_handler_defaults(handler: &mut LifecycleHandler) {
    handler.http_get.iter_mut().for_each(set_http_get_defaults);
}

fn set_http_get_defaults(get: &mut HTTPGetAction) {
    set_text(&mut get.path, "/");
    set_text(&mut get.scheme, "HTTP");
}

fn set_downward_defaults(file: &mut DownwardAPIVolumeFile) {
    file.field_ref.iter_mut().for_each(set_field_ref_defaults);
    file.resource_field_ref.iter_mut().for_each(set_resource_field_ref_defaults);
}

fn set_volume_defaults(v: &mut Volume) {
    if crate::kinds::core::pod::volumes::source_count(v) == 0 {
        v.empty_dir = Some(Default::default());
    }
    if let Some(image) = &mut v.image
        && text(&image.pull_policy).is_empty()
    {
        image.pull_policy = Some(pull_policy(text(&image.reference)));
    }
    if let Some(path) = &mut v.host_path {
        path.type_.get_or_insert_default();
    }
    if let Some(secret) = &mut v.secret {
        secret.default_mode.get_or_insert(DEFAULT_MODE);
    }
    if let Some(map) = &mut v.config_map {
        map.default_mode.get_or_insert(DEFAULT_MODE);
    }
    if let Some(downward) = &mut v.downward_api {
        downward.default_mode.get_or_insert(DEFAULT_MODE);
        downward.items.iter_mut().flatten().for_each(set_downward_defaults);
    }
    if let Some(projected) = &mut v.projected {
        projected.default_mode.get_or_insert(DEFAULT_MODE);
        for source in projected.sources.iter_mut().flatten() {
            if let Some(downward) = &mut source.downward_api {
                downward.items.iter_mut().flatten().for_each(set_downward_defaults);
            }
            if let Some(token) = &mut source.service_account_token {
                token.expiration_seconds.get_or_insert(3600);
            }
        }
    }
    set_network_volume_defaults(v);
    if let Some(template) = v.ephemeral.as_mut().and_then(|e| e.volume_claim_template.as_mut()) {
        template.metadata.get_or_insert_default();
        template.spec.resources.get_or_insert_default();
        set_persistent_volume_claim_spec_defaults(&mut template.spec);
    }
}

fn set_network_volume_defaults(v: &mut Volume) {
    if let Some(iscsi) = &mut v.iscsi {
        set_text(&mut iscsi.iscsi_interface, "default");
    }
    if let Some(rbd) = &mut v.rbd {
        set_text(&mut rbd.pool, "rbd");
        set_text(&mut rbd.user, "admin");
        set_text(&mut rbd.keyring, "/etc/ceph/keyring");
    }
    if let Some(disk) = &mut v.azure_disk {
        disk.caching_mode.get_or_insert_with(|| "ReadWrite".into());
        disk.fs_type.get_or_insert_with(|| "ext4".into());
        disk.read_only.get_or_insert(false);
        disk.kind.get_or_insert_with(|| "Shared".into());
    }
    if let Some(sio) = &mut v.scale_io {
        set_text(&mut sio.storage_mode, "ThinProvisioned");
        set_text(&mut sio.fs_type, "xfs");
    }
}
