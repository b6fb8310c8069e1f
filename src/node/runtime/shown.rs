//! What `mount` and `df` print of a volume: the device, the type, and the options that its mount was asked for.

use crate::api::csi::CsiVolume;
use crate::api::k8s::api::core::v1::PersistentVolume;

/// The device, the type and the options of a mount.
pub(super) type Shown = (String, String, String);

/// What the kernel says of an NFS mount.
const NFS: &str = "relatime,vers=4.2,hard,proto=tcp";

/// Where the monitors of a Ceph cluster are that Rook deploys.
const MONITORS: &str = "10.43.96.11:6789,10.43.96.12:6789,10.43.96.13:6789";

/// A folder of an NFS server.
pub(super) fn nfs(server: &str, path: &str, asked: &[String]) -> Shown {
    let options = with_options(NFS, asked);
    let old = options.split(',').any(|o| o.starts_with("vers=3") || o.starts_with("vers=2"));
    (format!("{server}:{path}"), if old { "nfs" } else { "nfs4" }.to_string(), options)
}

/// A persistent volume that is a device or a driver's.
pub(super) fn volume(volume: &PersistentVolume) -> Shown {
    let spec = volume.spec.as_ref();
    let asked = spec.and_then(|s| s.mount_options.as_deref()).unwrap_or_default();
    let fs_type = spec.and_then(|s| {
        let of_csi = s.csi.as_ref().and_then(|csi| csi.fs_type.clone());
        of_csi.or_else(|| s.iscsi.as_ref().and_then(|iscsi| iscsi.fs_type.clone()))
    });
    let fs_type = fs_type.filter(|t| !t.is_empty()).unwrap_or_else(|| "ext4".into());
    let device = |name: &str| (name.to_string(), fs_type.clone(), with_options("relatime", asked));
    let Some(csi) = CsiVolume::of(volume) else {
        return device(if spec.is_some_and(|s| s.iscsi.is_some()) { "/dev/sdb" } else { "/dev/vdb" });
    };
    match csi.driver.as_str() {
        "driver.longhorn.io" => device(&format!("/dev/longhorn/{}", csi.handle)),
        "nfs.csi.k8s.io" => {
            let mut parts = csi.handle.split('#').map(|part| part.trim_matches('/'));
            let (server, share, folder) = (parts.next(), parts.next(), parts.next());
            let path: String = [share, folder]
                .into_iter()
                .flatten()
                .filter(|part| !part.is_empty())
                .map(|part| format!("/{part}"))
                .collect();
            nfs(server.unwrap_or_default(), &path, asked)
        }
        name if name.ends_with("rbd.csi.ceph.com") => device("/dev/rbd0"),
        name if name.ends_with("cephfs.csi.ceph.com") => {
            // The handle ends with the uid by which the subvolume is named.
            let parts: Vec<&str> = csi.handle.split('-').collect();
            let uid = parts.get(parts.len().saturating_sub(5)..).unwrap_or_default().join("-");
            let path = format!("{MONITORS}:/volumes/csi/csi-vol-{uid}");
            let options = "relatime,name=csi-cephfs-node,secret=<hidden>,acl";
            (path, "ceph".into(), with_options(options, asked))
        }
        _ => device("/dev/vdb"),
    }
}

/// The options that a mount has, with those that it was asked for: these come in the place of what they exclude.
fn with_options(has: &str, asked: &[String]) -> String {
    let mut all: Vec<String> = has.split(',').map(String::from).collect();
    for option in asked.iter().flat_map(|o| o.split(',')).map(str::trim) {
        let (key, value) = option.split_once('=').map_or((option, None), |(key, value)| (key, Some(value)));
        let (key, option) = match (key, value) {
            // What decides nothing that is shown, or is shown otherwise.
            ("" | "defaults" | "rw" | "ro" | "_netdev" | "nofail" | "auto" | "bg" | "fg", _) => continue,
            ("noatime" | "relatime" | "strictatime", None) => ("relatime", option.to_string()),
            ("hard" | "soft" | "softerr", None) => ("hard", option.to_string()),
            ("tcp" | "udp" | "rdma", None) => ("proto", format!("proto={option}")),
            // The newest minor version that both sides know.
            ("vers" | "nfsvers", Some("4")) => ("vers", "vers=4.2".to_string()),
            ("vers" | "nfsvers", Some(version)) => ("vers", format!("vers={version}")),
            (key, _) => (key, option.to_string()),
        };
        let same = |there: &&mut String| {
            let there = there.split('=').next().unwrap_or_default();
            let there = match there {
                "noatime" | "strictatime" => "relatime",
                "soft" | "softerr" => "hard",
                other => other,
            };
            there == key
        };
        match all.iter_mut().find(same) {
            Some(there) => *there = option,
            None => all.push(option),
        }
    }
    all.join(",")
}

#[cfg(test)]
mod tests {
    use super::nfs;

    #[test]
    fn what_a_mount_was_asked_for_takes_the_place_of_what_it_has() {
        let asked = ["tcp", "nfsvers=4.1", "soft,noatime", "timeo=600"].map(String::from);
        let (device, fs_type, options) = nfs("10.0.0.9", "/srv", &asked);
        assert_eq!((device.as_str(), fs_type.as_str()), ("10.0.0.9:/srv", "nfs4"));
        assert_eq!(options, "noatime,vers=4.1,soft,proto=tcp,timeo=600");
        assert_eq!(nfs("a", "/", &["vers=3".to_string()]).1, "nfs");
    }
}
