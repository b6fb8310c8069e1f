//! What ConfigMaps, Secrets and the downward API put into volumes: the files, and the links that change all at once.
//!
//! Mirrors `pkg/volume/{configmap,secret,downwardapi,projected}` and `pkg/volume/util/atomic_writer.go`.

use std::collections::BTreeMap;

use crate::api::Time;
use crate::api::k8s::api::core::v1::{
    ConfigMap, DownwardAPIVolumeFile, KeyToPath, Node, Pod, ProjectedVolumeSource, Secret, Volume,
};
use crate::machine::disk::{Disk, Inode, ROOT};
use crate::store::View;

use super::environment::{field_value, resource_value};

/// A file's contents and mode by its path in the volume.
pub(in crate::node) type Payload = BTreeMap<String, (Vec<u8>, u32)>;

/// What a volume of a pod's own is to hold; none for one that is not made of objects.
pub(in crate::node) fn payload(view: &View<'_>, node: &Node, pod: &Pod, volume: &Volume) -> Option<Payload> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let mut files = Payload::new();
    if let Some(source) = &volume.config_map {
        let mode = source.default_mode.unwrap_or(0o644) as u32;
        add_config_map(view, namespace, &source.name, &source.items, mode, &mut files);
    } else if let Some(source) = &volume.secret {
        let mode = source.default_mode.unwrap_or(0o644) as u32;
        let name = source.secret_name.as_deref().unwrap_or_default();
        add_secret(view, namespace, name, &source.items, mode, &mut files);
    } else if let Some(source) = &volume.downward_api {
        let mode = source.default_mode.unwrap_or(0o644) as u32;
        add_downward(node, pod, source.items.as_deref().unwrap_or_default(), mode, &mut files);
    } else if let Some(source) = &volume.projected {
        add_projected(view, node, pod, source, &mut files);
    } else {
        return None;
    }
    Some(files)
}

fn add_projected(view: &View<'_>, node: &Node, pod: &Pod, projected: &ProjectedVolumeSource, files: &mut Payload) {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let mode = projected.default_mode.unwrap_or(0o644) as u32;
    for source in projected.sources.iter().flatten() {
        if let Some(map) = &source.config_map {
            add_config_map(view, namespace, &map.name, &map.items, mode, files);
        }
        if let Some(secret) = &source.secret {
            add_secret(view, namespace, &secret.name, &secret.items, mode, files);
        }
        if let Some(downward) = &source.downward_api {
            add_downward(node, pod, downward.items.as_deref().unwrap_or_default(), mode, files);
        }
        if let Some(token) = &source.service_account_token {
            let account = pod.spec.as_ref().and_then(|s| s.service_account_name.as_deref()).unwrap_or("default");
            let text = crate::node::runtime::start::service_account_token(view.seed(), namespace, account, pod);
            files.insert(token.path.clone(), (text.into_bytes(), mode));
        }
    }
}

fn add_config_map(
    view: &View<'_>,
    namespace: &str,
    name: &str,
    items: &Option<Vec<KeyToPath>>,
    mode: u32,
    files: &mut Payload,
) {
    let Some(map) = view.get_as::<ConfigMap>(namespace, name) else { return };
    let text = map.data.iter().flatten().map(|(k, v)| (k.as_str(), v.as_bytes()));
    let binary = map.binary_data.iter().flatten().map(|(k, v)| (k.as_str(), v.0.as_slice()));
    add_keys(text.chain(binary), items, mode, files);
}

fn add_secret(
    view: &View<'_>,
    namespace: &str,
    name: &str,
    items: &Option<Vec<KeyToPath>>,
    mode: u32,
    files: &mut Payload,
) {
    let Some(secret) = view.get_as::<Secret>(namespace, name) else { return };
    let data = secret.data.iter().flatten().map(|(k, v)| (k.as_str(), v.0.as_slice()));
    add_keys(data, items, mode, files);
}

fn add_keys<'a>(
    data: impl Iterator<Item = (&'a str, &'a [u8])>,
    items: &Option<Vec<KeyToPath>>,
    mode: u32,
    files: &mut Payload,
) {
    match items {
        None => files.extend(data.map(|(key, value)| (key.to_string(), (value.to_vec(), mode)))),
        Some(items) => {
            let data: BTreeMap<&str, &[u8]> = data.collect();
            for item in items {
                if let Some(value) = data.get(item.key.as_str()) {
                    let mode = item.mode.map_or(mode, |m| m as u32);
                    files.insert(item.path.clone(), (value.to_vec(), mode));
                }
            }
        }
    }
}

fn add_downward(node: &Node, pod: &Pod, items: &[DownwardAPIVolumeFile], mode: u32, files: &mut Payload) {
    let none = Default::default();
    for item in items {
        let text = match (&item.field_ref, &item.resource_field_ref) {
            (Some(field), _) => field_value(node, pod, field),
            (None, Some(resource)) => resource_value(node, pod, &none, resource),
            (None, None) => None,
        };
        let mode = item.mode.map_or(mode, |m| m as u32);
        files.insert(item.path.clone(), (text.unwrap_or_default().into_bytes(), mode));
    }
}

/// Writes a payload as the kubelet does: into a folder named by the time, which `..data` leads to, so that all files
/// change at once. Nothing is done where the volume holds just that. Mirrors `AtomicWriter.Write`.
pub(in crate::node) fn write_atomically(disk: &mut Disk, files: &Payload, group: Option<u32>, now: Time) {
    if is_up_to_date(disk, files) {
        return;
    }
    let stamp = jiff::Timestamp::from_millisecond(now.0).unwrap_or_default().strftime("%Y_%m_%d_%H_%M_%S");
    let folder = format!("..{stamp}.{:09}", (now.0.unsigned_abs().wrapping_mul(7_368_787)) % 1_000_000_000);
    let owner = (0, group.unwrap_or(0));
    let old = disk.find("..data").ok().and_then(|ino| match &disk.get(ino).ok()?.node {
        crate::machine::disk::Node::Link(to) => Some(to.clone()),
        _ => None,
    });
    let _ = disk.make_dirs(&folder, 0o755, now);
    for (path, (contents, mode)) in files {
        let mode = mode | if group.is_some() { (mode & 0o700) >> 3 } else { 0 };
        let file = crate::machine::disk::Node::File(contents.clone().into());
        let _ = disk.put(&format!("{folder}/{path}"), Inode::new(file, mode, owner, now));
    }
    let link = |to: &str| Inode::new(crate::machine::disk::Node::Link(to.to_string()), 0o777, owner, now);
    let _ = disk.put("..data", link(&folder));
    let firsts: std::collections::BTreeSet<&str> = files.keys().map(|p| p.split('/').next().unwrap_or(p)).collect();
    for first in &firsts {
        let _ = disk.put(first, link(&format!("..data/{first}")));
    }
    let names: Vec<String> =
        disk.get(ROOT).and_then(|r| r.entries().cloned()).into_iter().flatten().map(|e| e.0).collect();
    for name in names {
        if name.starts_with("..") {
            continue;
        }
        if !firsts.contains(name.as_str()) {
            let _ = disk.unlink(ROOT, &name, now);
        }
    }
    if let Some(old) = old.filter(|old| *old != folder)
        && let Ok(ino) = disk.find(&old)
    {
        let _ = disk.clear(ino, now);
        let _ = disk.rmdir(ROOT, &old, now);
    }
}

/// Whether a volume holds just that.
pub(in crate::node) fn is_up_to_date(disk: &Disk, files: &Payload) -> bool {
    let Ok(data) = disk.find("..data").and_then(|ino| disk.get(ino)) else { return false };
    let crate::machine::disk::Node::Link(folder) = &data.node else { return false };
    let same = |path: &String, contents: &[u8]| {
        let found = disk.find(&format!("{folder}/{path}")).and_then(|ino| disk.contents(ino));
        found.is_ok_and(|there| there[..] == *contents)
    };
    let names = disk.get(ROOT).and_then(|r| r.entries()).map(|e| e.keys().filter(|n| !n.starts_with("..")).count());
    let firsts: std::collections::BTreeSet<&str> = files.keys().map(|p| p.split('/').next().unwrap_or(p)).collect();
    names == Ok(firsts.len()) && files.iter().all(|(path, (contents, _))| same(path, contents))
}
