//! The provisioners that run in a cluster, and what those for NFS make: the Ganesha server and the client provisioner.

use super::{draw_of, local_path};
use crate::api::k8s::api::core::v1::{
    NFSVolumeSource, Node, PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec,
};
use crate::api::k8s::api::storage::v1::StorageClass;
use crate::api::k8s::apimachinery::pkg::api::resource::Quantity as Text;
use crate::api::{Kind, ObjectMeta};
use crate::controllers::persistent_volume::helpers::requested_storage;
use crate::store::{Index, View};

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

/// What a volume is made from.
pub(super) struct Options<'a> {
    pub(super) view: &'a View<'a>,
    pub(super) claim: &'a PersistentVolumeClaim,
    pub(super) class: &'a StorageClass,
    pub(super) node: Option<&'a Node>,
    pub(super) volume_name: &'a str,
}

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

impl Options<'_> {
    pub(super) fn refuse_selector(&self, refusal: &str) -> Result<(), String> {
        match self.claim.spec.as_ref().is_some_and(|s| s.selector.is_some()) {
            true => Err(refusal.to_string()),
            false => Ok(()),
        }
    }

    pub(super) fn namespace(&self) -> &str {
        self.claim.metadata.namespace.as_deref().unwrap_or_default()
    }

    pub(super) fn claim_name(&self) -> &str {
        self.claim.metadata.name.as_deref().unwrap_or_default()
    }

    pub(super) fn access_modes(&self) -> Vec<String> {
        self.claim.spec.as_ref().and_then(|s| s.access_modes.clone()).unwrap_or_default()
    }

    /// A volume of the size, modes, options and policy that are asked for.
    pub(super) fn volume(&self, spec: PersistentVolumeSpec) -> PersistentVolume {
        let size = Text(requested_storage(self.claim).to_string());
        PersistentVolume {
            metadata: ObjectMeta::default(),
            spec: Some(PersistentVolumeSpec {
                access_modes: Some(self.access_modes()),
                capacity: Some([("storage".to_string(), size)].into()),
                mount_options: self.class.mount_options.clone(),
                persistent_volume_reclaim_policy: self.class.reclaim_policy.clone(),
                ..spec
            }),
            status: None,
        }
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
