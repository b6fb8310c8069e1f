//! What each provisioner makes: rancher's local-path, the NFS Ganesha server, and the NFS client provisioner.

use super::draw_of;
use crate::api::k8s::api::core::v1::{
    HostPathVolumeSource, NFSVolumeSource, Node, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm,
    PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec, VolumeNodeAffinity,
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
    make: fn(&Options<'_>) -> Result<PersistentVolume, String>,
}

/// The provisioners of a cluster: k3s' own, and those of the workshops.
pub(super) const PROVISIONERS: &[Backend] = &[
    Backend { provisioner: "rancher.io/local-path", pod: "local-path-provisioner-84bb864455-", make: local_path },
    Backend { provisioner: "cluster.local/nfs-server-provisioner", pod: "nfs-server-provisioner-0", make: nfs_server },
    Backend { provisioner: "xgp", pod: "nfs-client-provisioner-6b8fd6b9f4-", make: nfs_client },
    Backend { provisioner: "bdqn", pod: "nfs-client-provisioner-6b8fd6b9f4-", make: nfs_client },
];

/// Where k3s keeps local-path volumes.
const LOCAL_PATH: &str = "/var/lib/rancher/k3s/storage";
/// The export of the workshops' NFS server, on which the client provisioner makes folders.
const NFS_CLIENT: (&str, &str) = ("192.168.1.21", "/nfsdata");

/// What a volume is made from.
pub(super) struct Options<'a> {
    pub(super) view: &'a View<'a>,
    pub(super) claim: &'a PersistentVolumeClaim,
    pub(super) class: &'a StorageClass,
    pub(super) node: Option<&'a Node>,
    pub(super) volume_name: &'a str,
}

impl Backend {
    /// Makes a volume, but for what all provisioners add alike.
    ///
    /// # Errors
    /// Why the provisioner can't.
    pub(super) fn provision(&self, options: &Options<'_>) -> Result<PersistentVolume, String> {
        (self.make)(options)
    }
}

impl Options<'_> {
    fn namespace(&self) -> &str {
        self.claim.metadata.namespace.as_deref().unwrap_or_default()
    }

    fn claim_name(&self) -> &str {
        self.claim.metadata.name.as_deref().unwrap_or_default()
    }

    fn access_modes(&self) -> Vec<String> {
        self.claim.spec.as_ref().and_then(|s| s.access_modes.clone()).unwrap_or_default()
    }

    fn volume(&self, spec: PersistentVolumeSpec) -> PersistentVolume {
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

/// A folder on the selected node; mirrors rancher/local-path-provisioner.
fn local_path(options: &Options<'_>) -> Result<PersistentVolume, String> {
    if options.claim.spec.as_ref().is_some_and(|s| s.selector.is_some()) {
        return Err("claim.Spec.Selector is not supported".into());
    }
    if options.access_modes().iter().any(|m| m != "ReadWriteOnce" && m != "ReadWriteOncePod") {
        return Err("Only support ReadWriteOnce access mode".into());
    }
    let Some(node) = options.node else {
        return Err("configuration error, no node was specified".into());
    };
    let hostname = node.metadata.labels.as_ref().and_then(|l| l.get("kubernetes.io/hostname"));
    let hostname = hostname.or(node.metadata.name.as_ref()).cloned().unwrap_or_default();
    let here = NodeSelectorRequirement {
        key: "kubernetes.io/hostname".into(),
        operator: "In".into(),
        values: Some(vec![hostname]),
    };
    let term = NodeSelectorTerm { match_expressions: Some(vec![here]), ..Default::default() };
    let folder = format!("{}_{}_{}", options.volume_name, options.namespace(), options.claim_name());
    Ok(options.volume(PersistentVolumeSpec {
        host_path: Some(HostPathVolumeSource {
            path: format!("{LOCAL_PATH}/{folder}"),
            type_: Some("DirectoryOrCreate".into()),
        }),
        node_affinity: Some(VolumeNodeAffinity { required: Some(NodeSelector { node_selector_terms: vec![term] }) }),
        volume_mode: options.claim.spec.as_ref().and_then(|s| s.volume_mode.clone()),
        ..Default::default()
    }))
}

/// An export of the NFS server in the cluster; mirrors kubernetes-sigs/nfs-ganesha-server-and-external-provisioner.
fn nfs_server(options: &Options<'_>) -> Result<PersistentVolume, String> {
    if options.claim.spec.as_ref().is_some_and(|s| s.selector.is_some()) {
        return Err("error validating options for volume: claim.Spec.Selector is not supported".into());
    }
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
    if options.claim.spec.as_ref().is_some_and(|s| s.selector.is_some()) {
        return Err("claim Selector is not supported".into());
    }
    let (server, export) = NFS_CLIENT;
    let folder = format!("{}-{}-{}", options.namespace(), options.claim_name(), options.volume_name);
    Ok(options.volume(PersistentVolumeSpec {
        nfs: Some(NFSVolumeSource { server: server.into(), path: format!("{export}/{folder}"), read_only: None }),
        ..Default::default()
    }))
}
