//! The provisioners that run in a cluster, and what those for NFS make: the Ganesha server and the client provisioner.

use super::options::Options;
use super::{draw_of, local_path};
use crate::api::Kind;
use crate::api::k8s::api::core::v1::{NFSVolumeSource, PersistentVolume, PersistentVolumeSpec};
use crate::store::Index;

/// A provisioner that runs in the cluster.
pub(super) struct Backend {
    /// The name that classes give.
    pub(super) provisioner: &'static str,
    /// The name of its pod; a `-` at the end is followed by five letters.
    pub(super) pod: &'static str,
    /// What it refuses before it does anything.
    check: fn(&Options<'_>) -> Result<(), String>,
    make: fn(&Options<'_>) -> Result<PersistentVolume, String>,
}

/// The provisioners of a cluster: k3s' own, and those of the workshops.
pub(super) const PROVISIONERS: &[Backend] = &[
    Backend {
        provisioner: local_path::NAME,
        pod: "local-path-provisioner-84bb864455-",
        check: local_path::check,
        make: local_path::make,
    },
    Backend {
        provisioner: "cluster.local/nfs-server-provisioner",
        pod: "nfs-server-provisioner-0",
        check: |options| {
            options.refuse_selector("error validating options for volume: claim.Spec.Selector is not supported")
        },
        make: nfs_server,
    },
    Backend { provisioner: "xgp", ..NFS_CLIENT },
    Backend { provisioner: "bdqn", ..NFS_CLIENT },
];

/// The provisioner that makes folders on an NFS server outside, by whatever name.
const NFS_CLIENT: Backend = Backend {
    provisioner: "",
    pod: "nfs-client-provisioner-6b8fd6b9f4-",
    check: |options| options.refuse_selector("claim Selector is not supported"),
    make: nfs_client,
};

/// The export of the workshops' NFS server, on which the client provisioner makes folders.
const NFS_EXPORT: (&str, &str) = ("192.168.1.21", "/nfsdata");

impl Backend {
    /// Looks whether it can make such a volume, before it begins.
    ///
    /// # Errors
    /// Why it can't.
    pub(super) fn check(&self, options: &Options<'_>) -> Result<(), String> {
        (self.check)(options)
    }

    /// Makes a volume, but for what all provisioners add alike.
    ///
    /// # Errors
    /// Why the provisioner can't.
    pub(super) fn provision(&self, options: &Options<'_>) -> Result<PersistentVolume, String> {
        (self.make)(options)
    }

    /// Whether it does its work in a pod on the volume's node.
    pub(super) fn works_on_node(&self) -> bool {
        self.provisioner == local_path::NAME
    }
}

/// An export of the NFS server in the cluster; mirrors kubernetes-sigs/nfs-ganesha-server-and-external-provisioner.
fn nfs_server(options: &Options<'_>) -> Result<PersistentVolume, String> {
    let mut draw = draw_of(options.view, "nfs-server");
    let (third, fourth, identity) = (draw.below(256), 1 + draw.below(254), draw.uid());
    let exports = options.view.count(Kind::PersistentVolume, Index::ProvisionedBy, &options.class.provisioner);
    let (id, path) = (exports + 1, format!("/export/{}", options.volume_name));
    let block = format!(
        "\nEXPORT\n{{\n\tExport_Id = {id};\n\tPath = {path};\n\tPseudo = {path};\n\tAccess_Type = RW;\n\tSquash = \
         no_root_squash;\n\tSecType = sys;\n\tFilesystem_id = {id}.{id};\n\tFSAL {{\n\t\tName = VFS;\n\t}}\n}}\n"
    );
    let mut volume = options.volume(PersistentVolumeSpec {
        nfs: Some(NFSVolumeSource { server: format!("10.43.{third}.{fourth}"), path, read_only: None }),
        ..Default::default()
    });
    let annotations = [
        ("EXPORT_block", block),
        ("Export_Id", id.to_string()),
        ("Project_Id", "0".into()),
        ("Project_block", String::new()),
        ("Provisioner_Id", identity),
        ("kubernetes.io/createdby", "nfs-dynamic-provisioner".into()),
    ];
    volume.metadata.annotations = Some(annotations.into_iter().map(|(k, v)| (k.to_string(), v)).collect());
    Ok(volume)
}

/// A folder on an NFS server outside; mirrors kubernetes-retired/external-storage nfs-client.
fn nfs_client(options: &Options<'_>) -> Result<PersistentVolume, String> {
    let (server, export) = NFS_EXPORT;
    let folder = format!("{}-{}-{}", options.namespace(), options.claim_name(), options.volume_name);
    Ok(options.volume(PersistentVolumeSpec {
        nfs: Some(NFSVolumeSource { server: server.into(), path: format!("{export}/{folder}"), read_only: None }),
        ..Default::default()
    }))
}
