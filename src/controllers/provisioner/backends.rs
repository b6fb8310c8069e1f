//! The provisioners that run in a cluster: those that each has, those of drivers, and those that run as pods.

use super::options::Options;
use super::pods::{Served, is_wanted, serving};
use super::{csi, draw_of, local_path, nfs};
use crate::api::csi::csi_name_from_in_tree_name;
use crate::api::k8s::api::core::v1::{NFSVolumeSource, PersistentVolume, PersistentVolumeSpec};
use crate::api::{Duration, Kind};
use crate::controllers::csi::{Driver, driver_of_provisioner};
use crate::store::{Index, View, Which};

/// A provisioner that runs in the cluster.
pub(super) enum Provisioner {
    /// One of those that each cluster has.
    Own(&'static Backend),
    /// That of a driver that was added.
    Driver(Driver),
    /// One that runs in a pod.
    Pod(Box<Served>),
}

/// How long making or deleting a volume takes in a helper pod.
const HELPER_TIME: Duration = Duration::secs(1);

impl Provisioner {
    /// The one that classes call so, or whose driver took over from the plugin of that name.
    pub(super) fn named(view: &View<'_>, name: &str) -> Option<Provisioner> {
        let own = PROVISIONERS.iter().find(|b| b.provisioner == name);
        // OBSERVATION: k3s runs its own in any case; which of the two was first would be chance.
        if let Some(own) = own.filter(|own| own.provisioner == local_path::NAME) {
            return Some(Provisioner::Own(own));
        }
        if let Some(served) = serving(view, name) {
            return Some(Provisioner::Pod(Box::new(served)));
        }
        let own = own.filter(|_| !is_wanted(view, name)).map(Provisioner::Own);
        own.or_else(|| driver_of_provisioner(view, name).map(Provisioner::Driver))
    }

    /// The name that it provisions under.
    pub(super) fn name(&self) -> &str {
        match self {
            Provisioner::Own(backend) => backend.provisioner,
            Provisioner::Driver(driver) => &driver.name,
            Provisioner::Pod(served) => served.name(),
        }
    }

    /// Whether it provisions for a class.
    pub(super) fn serves(&self, provisioner: &str) -> bool {
        self.name() == provisioner || self.name() == csi_name_from_in_tree_name(provisioner).unwrap_or(provisioner)
    }

    /// The name of its pod; a `-` at the end is followed by five letters.
    pub(super) fn pod(&self) -> &str {
        match self {
            Provisioner::Own(backend) => backend.pod,
            Provisioner::Driver(driver) => driver.model().pod,
            Provisioner::Pod(_) => "",
        }
    }

    /// Looks whether it can make such a volume, before it begins.
    ///
    /// # Errors
    /// Why it can't.
    pub(super) fn check(&self, options: &Options<'_>) -> Result<(), String> {
        match self {
            Provisioner::Own(backend) => (backend.check)(options),
            Provisioner::Driver(driver) => csi::check(options, driver),
            Provisioner::Pod(served) => match served.which() {
                Which::LocalPath => local_path::check_with(options, served.setting("config")),
                _ => nfs::check(served, options),
            },
        }
    }

    /// Makes a volume, but for what all provisioners add alike.
    ///
    /// # Errors
    /// Why the provisioner can't.
    pub(super) fn provision(&self, options: &Options<'_>) -> Result<PersistentVolume, String> {
        match self {
            Provisioner::Own(backend) => (backend.make)(options),
            Provisioner::Driver(driver) => csi::make(options, driver),
            Provisioner::Pod(served) => match served.which() {
                Which::LocalPath => local_path::make_with(options, served.setting("config")),
                _ => nfs::make(served, options),
            },
        }
    }

    /// Whether it makes raw devices.
    pub(super) fn supports_block(&self) -> bool {
        matches!(self, Provisioner::Driver(driver) if driver.model().csi)
    }

    /// Whether its volumes are in places that it knows.
    pub(super) fn supports_topology(&self) -> bool {
        matches!(self, Provisioner::Driver(driver) if driver.model().csi && !driver.model().topology_keys.is_empty())
    }

    /// Whether it does its work in a pod on the volume's node.
    pub(super) fn works_on_node(&self) -> bool {
        match self {
            Provisioner::Own(backend) => backend.provisioner == local_path::NAME,
            Provisioner::Driver(driver) => !driver.model().csi,
            Provisioner::Pod(served) => served.which() == Which::LocalPath,
        }
    }

    /// How long making or deleting a volume takes.
    pub(super) fn latency(&self) -> Duration {
        match self {
            Provisioner::Own(_) | Provisioner::Pod(_) => HELPER_TIME,
            Provisioner::Driver(driver) => driver.latency(),
        }
    }

    /// The CSI driver that it works with.
    pub(super) fn driver(&self) -> Option<&Driver> {
        match self {
            Provisioner::Driver(driver) if driver.model().csi => Some(driver),
            _ => None,
        }
    }

    /// Whether the volumes of classes with the policy Delete are held until what is behind them is deleted.
    pub(super) fn is_csi(&self) -> bool {
        self.supports_block()
    }
}

/// A provisioner that each cluster has.
pub(super) struct Backend {
    /// The name that classes give.
    pub(super) provisioner: &'static str,
    /// The name of its pod; a `-` at the end is followed by five letters.
    pub(super) pod: &'static str,
    /// What it refuses before it does anything.
    check: fn(&Options<'_>) -> Result<(), String>,
    make: fn(&Options<'_>) -> Result<PersistentVolume, String>,
}

/// The provisioners of a cluster: k3s' own, and the workshops', which the recordings have even where no pod runs them:
/// they stand in as long as nobody has one of theirs.
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
