//! What the NFS provisioners that run as pods make of claims, and what they leave of volumes.
//!
//! Mirrors `cmd/nfs-subdir-external-provisioner/provisioner.go` and `pkg/volume` of
//! nfs-ganesha-server-and-external-provisioner.

use std::collections::{BTreeMap, BTreeSet};

use super::options::Options;
use super::pods::Served;
use crate::api::k8s::api::core::v1::{Endpoints, NFSVolumeSource, PersistentVolume, PersistentVolumeSpec, Service};
use crate::api::k8s::api::storage::v1::StorageClass;
use crate::api::object::annotation_of;
use crate::controllers::{Action, Outcome};
use crate::store::{View, Which, folders};

/// Where the client has the export mounted.
const MOUNT_PATH: &str = "/persistentvolumes";

/// Where the server keeps its folders.
const EXPORT: &str = "/export";

/// On a volume of the server's: who made it, its block and number among the exports.
const ANN_PROVISIONER: &str = "Provisioner_Id";
const ANN_EXPORT_BLOCK: &str = "EXPORT_block";
const ANN_EXPORT_ID: &str = "Export_Id";

/// What the service of a server must lead to, in the order in which Go prints it.
const PORTS: [(i32, &str); 12] = [
    (111, "TCP"),
    (111, "UDP"),
    (662, "TCP"),
    (662, "UDP"),
    (875, "TCP"),
    (875, "UDP"),
    (2049, "TCP"),
    (2049, "UDP"),
    (20048, "TCP"),
    (20048, "UDP"),
    (32803, "TCP"),
    (32803, "UDP"),
];

/// `filepath.Join`: a path below a folder, as short as it can be written.
fn join(folder: &str, rest: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(rest.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// Looks whether it can make such a volume, before it begins.
///
/// # Errors
/// Why it can't.
pub(super) fn check(served: &Served, options: &Options<'_>) -> Result<(), String> {
    if served.which() != Which::NfsServer {
        return options.refuse_selector("claim Selector is not supported");
    }
    let invalid = |text: String| Err(format!("error validating options for volume: {text}"));
    for (name, value) in options.class.parameters.iter().flatten() {
        match name.to_lowercase().as_str() {
            "gid" if value.eq_ignore_ascii_case("none") || value.parse::<u64>().is_ok_and(|gid| gid != 0) => {}
            "gid" => {
                return invalid(format!(
                    "invalid value for parameter gid: {value}. valid values are: 'none' or a non-zero integer"
                ));
            }
            "rootsquash" if parse_bool(value).is_some() => {}
            "rootsquash" => {
                return invalid(format!(
                    "invalid value for parameter rootSquash: {value}. valid values are: 'true' or 'false'"
                ));
            }
            "mountoptions" => {}
            _ => return invalid(format!("invalid parameter: \"{name}\"")),
        }
    }
    options.refuse_selector("error validating options for volume: claim.Spec.Selector is not supported")?;
    server_of(served, options.view)
        .map(|_| ())
        .map_err(|fault| format!("error getting NFS server IP for volume: {fault}"))
}

/// `strconv.ParseBool`
fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// The volume, but for what is only known once its folder is made.
///
/// # Errors
/// Why it can't be made.
pub(super) fn make(served: &Served, options: &Options<'_>) -> Result<PersistentVolume, String> {
    let (server, path) = match served.which() {
        Which::NfsServer => (server_of(served, options.view)?, join(EXPORT, options.volume_name)),
        which => {
            let folder = folder_of(which, options);
            (served.setting("NFS_SERVER").to_string(), join(served.setting("NFS_PATH"), &folder))
        }
    };
    Ok(options.volume(PersistentVolumeSpec {
        nfs: Some(NFSVolumeSource { server, path, read_only: None }),
        ..Default::default()
    }))
}

/// The folder's name: the namespace's, the claim's and the volume's, or what the class's pattern says.
fn folder_of(which: Which, options: &Options<'_>) -> String {
    let usual = [options.namespace(), options.claim_name(), options.volume_name].join("-");
    let pattern = options.class.parameters.as_ref().and_then(|p| p.get("pathPattern"));
    let Some(pattern) = pattern.filter(|_| which == Which::NfsSubdir) else { return usual };
    let meta = &options.claim.metadata;
    let (mut path, mut rest) = (String::new(), pattern.as_str());
    while let Some((before, after)) = rest.split_once("${.PVC.") {
        let Some((field, after)) = after.split_once('}') else {
            path.push_str(before);
            path.push_str("${.PVC.");
            rest = after;
            continue;
        };
        path.push_str(before);
        let of = |all: &Option<BTreeMap<String, String>>, key: &str| {
            all.as_ref().and_then(|all| all.get(key).cloned()).unwrap_or_default()
        };
        path.push_str(&match (field.strip_prefix("labels."), field.strip_prefix("annotations."), field) {
            (Some(key), ..) => of(&meta.labels, key),
            (_, Some(key), _) => of(&meta.annotations, key),
            (_, _, "name") => options.claim_name().to_string(),
            (_, _, "namespace") => options.namespace().to_string(),
            _ => String::new(),
        });
        rest = after;
    }
    path.push_str(rest);
    if path.is_empty() { usual } else { path }
}

/// The address under which the server is reached. Mirrors `getServer`.
fn server_of(served: &Served, view: &View<'_>) -> Result<String, String> {
    let (node, ip) = (served.setting("NODE_NAME"), served.setting("POD_IP"));
    let (service, namespace) = (served.setting("SERVICE_NAME"), served.setting("POD_NAMESPACE"));
    match () {
        () if !node.is_empty() => return Ok(node.into()),
        () if ip.is_empty() => {
            return Err(
                "pod IP env POD_IP must be set even if intent is to use service cluster IP as NFS server IP".into()
            );
        }
        () if service.is_empty() => return Ok(ip.into()),
        () => {}
    }
    let place = format!("SERVICE_NAME={service} in namespace POD_NAMESPACE={namespace}");
    let may = |resource: &str| served.forbidden(view, "get", resource, (namespace, service)).is_none();
    let found = view.get_as::<Service>(namespace, service).filter(|_| may("services"));
    let Some(found) = found.and_then(|s| s.spec.as_ref()) else { return Err(format!("error getting service {place}")) };
    let endpoints = view.get_as::<Endpoints>(namespace, service).filter(|_| may("endpoints"));
    let Some(endpoints) = endpoints else { return Err(format!("error getting endpoints for service {place}")) };
    let expected: BTreeSet<(i32, String)> = PORTS.iter().map(|(port, protocol)| (*port, (*protocol).into())).collect();
    let is_valid = endpoints.subsets.iter().flatten().any(|subset| {
        let mut addresses = subset.addresses.iter().flatten();
        let only_this = addresses.next().is_some_and(|a| a.ip == ip) && addresses.next().is_none();
        let ports = subset.ports.iter().flatten();
        let ports: BTreeSet<_> = ports.map(|p| (p.port, p.protocol.clone().unwrap_or_else(|| "TCP".into()))).collect();
        only_this && ports == expected
    });
    if !is_valid {
        let ports: Vec<String> = PORTS.iter().map(|(port, protocol)| format!("{{{port} {protocol}}}:true")).collect();
        return Err(format!(
            "service SERVICE_NAME={service} is not valid; check that it has for ports map[{}] exactly one endpoint, this \
             pod's IP POD_IP={ip}",
            ports.join(" ")
        ));
    }
    match found.cluster_ip.as_deref() {
        Some("None") | None => Err(format!("service SERVICE_NAME={service} is valid but it doesn't have a cluster IP")),
        Some(ip) => Ok(ip.into()),
    }
}

/// Makes a volume's folder in the provisioner's container, and what follows: the volume is complete then, or there is a
/// reason why not.
pub(super) fn work(
    served: &Served,
    options: &Options<'_>,
    mut volume: PersistentVolume,
    then: impl FnOnce(Result<PersistentVolume, String>) -> Vec<Action> + 'static,
    outcome: &mut Outcome,
) {
    let (uid, container) = served.place();
    let path = volume.spec.as_ref().and_then(|s| s.nfs.as_ref()).map(|nfs| nfs.path.clone()).unwrap_or_default();
    let parameter = |name: &str| {
        let mut all = options.class.parameters.iter().flatten();
        all.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
    };
    let squash = match parameter("rootSquash").as_deref().and_then(parse_bool) {
        Some(true) => "root_id_squash",
        _ => "no_root_squash",
    };
    let has_group = parameter("gid").is_some_and(|gid| !gid.eq_ignore_ascii_case("none"));
    let identity = served.setting("identity").to_string();
    let is_server = served.which() == Which::NfsServer;
    let inside = if is_server { path.clone() } else { join(MOUNT_PATH, below(&path, served.setting("NFS_PATH"))) };
    outcome.machine(move |store, now| {
        let made = store.as_container(&uid, &container, now, |sys| {
            if !is_server {
                let made = folders::make_folder(sys, &inside, 0o777);
                return made.map_err(|why| format!("unable to create directory to provision new pv: {why}"));
            }
            if folders::is_there(sys, &inside) {
                return Err("error creating directory for volume: the path already exists".into());
            }
            let mode = if has_group { 0o2071 } else { 0o2777 };
            folders::make_folder(sys, &inside, mode)
                .map_err(|why| format!("error creating directory for volume: {why}"))?;
            let (block, id) = folders::add_export(sys, &inside, squash)
                .map_err(|why| format!("error creating export for volume: {why}"))?;
            let annotations = [
                (ANN_EXPORT_BLOCK, block),
                (ANN_EXPORT_ID, id.to_string()),
                ("Project_Id", "0".into()),
                ("Project_block", String::new()),
                (ANN_PROVISIONER, identity.clone()),
                ("kubernetes.io/createdby", "nfs-dynamic-provisioner".into()),
            ];
            let all = volume.metadata.annotations.get_or_insert_default();
            all.extend(annotations.map(|(name, value)| (name.to_string(), value)));
            Ok(())
        });
        match made {
            Some(answer) => then(answer.map(|()| volume)),
            None => Vec::new(),
        }
    });
}

/// What of a path is below another.
fn below<'a>(path: &'a str, folder: &str) -> &'a str {
    path.strip_prefix(folder.trim_end_matches('/')).unwrap_or(path)
}

/// Does with a volume's folder what is to become of it when the volume is deleted, in the provisioner's container, and what
/// follows from that.
///
/// # Errors
/// Why it isn't this one's to delete.
pub(super) fn dispose(
    served: &Served,
    view: &View<'_>,
    volume: &PersistentVolume,
    then: impl FnOnce(Result<(), String>) -> Vec<Action> + 'static,
    outcome: &mut Outcome,
) -> Result<(), String> {
    let (uid, container) = served.place();
    let name = volume.metadata.name.clone().unwrap_or_default();
    let is_server = served.which() == Which::NfsServer;
    if is_server {
        let (mine, its) = (served.setting("identity"), annotation_of(&volume.metadata, ANN_PROVISIONER));
        if its != Some(mine) {
            return Err(format!(
                "volume deletion ignored: this provisioner id {mine} didn't provision volume \"{name}\" and so can't \
                 delete it; id {} did & can",
                its.unwrap_or_default()
            ));
        }
    }
    let block = annotation_of(&volume.metadata, ANN_EXPORT_BLOCK).unwrap_or_default().to_string();
    let path = volume.spec.as_ref().and_then(|s| s.nfs.as_ref()).map(|nfs| nfs.path.clone()).unwrap_or_default();
    let inside = match is_server {
        true => join(EXPORT, &name),
        false => format!("{MOUNT_PATH}{}", below(&path, served.setting("NFS_PATH"))),
    };
    let class = volume.spec.as_ref().and_then(|s| s.storage_class_name.clone()).unwrap_or_default();
    let fate = fate(served.which(), view, &class);
    let archived =
        format!("{MOUNT_PATH}/archived-{}", path.trim_end_matches('/').rsplit('/').next().unwrap_or_default());
    outcome.machine(move |store, now| {
        let done = store.as_container(&uid, &container, now, |sys| {
            if is_server {
                folders::remove_folder(sys, &inside)
                    .map_err(|why| format!("error deleting volume's backing path: {why}"))?;
                folders::remove_export(sys, &block);
                return Ok(());
            }
            if !folders::is_there(sys, &inside) {
                return Ok(());
            }
            match fate? {
                Fate::Deleted => folders::remove_folder(sys, &inside),
                Fate::Kept => Ok(()),
                Fate::Archived => folders::archive_folder(sys, &inside, &archived),
            }
        });
        done.map(then).unwrap_or_default()
    });
    Ok(())
}

/// What becomes of a folder.
enum Fate {
    Deleted,
    Kept,
    Archived,
}

/// What the class says of that: `onDelete`, else `archiveOnDelete`, else it is archived.
fn fate(which: Which, view: &View<'_>, class: &str) -> Result<Fate, String> {
    if class.is_empty() {
        return Err("volume has no storage class".into());
    }
    let Some(class) = view.get_as::<StorageClass>("", class) else {
        return Err(format!("storageclasses.storage.k8s.io \"{class}\" not found"));
    };
    let parameter = |name: &str| class.parameters.as_ref().and_then(|p| p.get(name)).map(String::as_str);
    match parameter("onDelete").filter(|_| which == Which::NfsSubdir) {
        Some("delete") => return Ok(Fate::Deleted),
        Some("retain") => return Ok(Fate::Kept),
        _ => {}
    }
    let Some(archive) = parameter("archiveOnDelete") else { return Ok(Fate::Archived) };
    match parse_bool(archive) {
        Some(true) => Ok(Fate::Archived),
        Some(false) => Ok(Fate::Deleted),
        None => Err(format!("strconv.ParseBool: parsing {}: invalid syntax", crate::api::scalar::quote(archive))),
    }
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn paths_are_as_short_as_they_can_be() {
        assert_eq!(join("/ifs/kubernetes/", "./a//b/../c"), "/ifs/kubernetes/c".replace("/c", "/a/c"));
        assert_eq!(join("/a", "../../../b"), "/b");
    }
}
