//! Where in their programs' source the provisioners' lines of log come from: the libraries that each is built with.

use super::Which;

/// The places by what is said there.
pub struct Lines {
    /// Fatal: no configuration; no version of the server.
    pub(super) fatal: (&'static str, &'static str),
    /// The lock: wanted, had, its event, can't be read, can't be made, can't be updated.
    pub(super) lock: [&'static str; 6],
    /// "Starting provisioner controller"
    pub(super) starting: &'static str,
    /// "Started provisioner controller"
    pub(super) started: &'static str,
    /// A reflector that may not list, and what it is called.
    pub(super) reflector: (&'static str, &'static str),
    /// Events that are logged.
    pub event: &'static str,
    /// Provisioning: started, failed to get something, provisioned, succeeded.
    pub provision: [&'static str; 4],
    /// Storing the volume: tried, done, failed.
    pub store: [&'static str; 3],
    /// Deleting: started, failed, deleted, the object deleted, succeeded.
    pub delete: [&'static str; 5],
}

/// sig-storage-lib-external-provisioner 6.0.0 with client-go 0.18.
const SUBDIR: Lines = Lines {
    fatal: ("provisioner.go:235", "provisioner.go:247"),
    lock: [
        "leaderelection.go:242",
        "leaderelection.go:252",
        "event.go:278",
        "leaderelection.go:325",
        "leaderelection.go:331",
        "leaderelection.go:367",
    ],
    starting: "controller.go:820",
    started: "controller.go:869",
    reflector: ("reflector.go:178", "pkg/mod/k8s.io/client-go@v0.18.0/tools/cache/reflector.go:125"),
    event: "event.go:278",
    provision: ["controller.go:1317", "controller.go:1349", "controller.go:1420", "controller.go:1437"],
    store: ["volume_store.go:212", "volume_store.go:219", "volume_store.go:224"],
    delete: [
        "controller.go:1450",
        "controller.go:1473",
        "controller.go:1478",
        "controller.go:1524",
        "controller.go:1526",
    ],
};

/// external-storage's library of 2018.
const CLIENT: Lines = Lines {
    fatal: ("provisioner.go:169", "provisioner.go:181"),
    lock: [
        "leaderelection.go:185",
        "leaderelection.go:194",
        "event.go:221",
        "leaderelection.go:234",
        "leaderelection.go:240",
        "leaderelection.go:268",
    ],
    starting: "controller.go:631",
    started: "controller.go:680",
    reflector: (
        "reflector.go:205",
        "github.com/kubernetes-incubator/external-storage/lib/controller/controller.go:496",
    ),
    event: "event.go:221",
    provision: ["controller.go:987", "controller.go:1015", "controller.go:1087", "controller.go:1149"],
    store: ["controller.go:1101", "controller.go:1108", "controller.go:1113"],
    delete: [
        "controller.go:1158",
        "controller.go:1179",
        "controller.go:1186",
        "controller.go:1196",
        "controller.go:1199",
    ],
};

/// sig-storage-lib-external-provisioner 4.0.0 with client-go of 2019.
const SERVER: Lines = Lines {
    fatal: ("main.go:118", "main.go:129"),
    starting: "controller.go:769",
    started: "controller.go:818",
    reflector: (
        "reflector.go:125",
        "github.com/kubernetes-sigs/nfs-ganesha-server-and-external-provisioner/vendor/k8s.io/client-go/informers/factory.go:133",
    ),
    event: "event.go:258",
    provision: ["controller.go:1196", "controller.go:1228", "controller.go:1278", "controller.go:1295"],
    store: ["volume_store.go:187", "volume_store.go:194", "volume_store.go:199"],
    delete: [
        "controller.go:1308",
        "controller.go:1331",
        "controller.go:1336",
        "controller.go:1382",
        "controller.go:1384",
    ],
    ..SUBDIR
};

/// sig-storage-lib-external-provisioner 11 with a client-go that logs by keys.
const LOCAL_PATH: Lines = Lines {
    starting: "controller.go:838",
    started: "controller.go:887",
    reflector: ("reflector.go:205", "k8s.io/client-go/tools/cache/reflector.go:285"),
    event: "event.go:377",
    ..SUBDIR
};

/// The places of a program.
pub fn lines(which: Which) -> &'static Lines {
    match which {
        Which::NfsClient | Which::NfsClientLocked => &CLIENT,
        Which::NfsSubdir => &SUBDIR,
        Which::NfsServer => &SERVER,
        Which::LocalPath => &LOCAL_PATH,
    }
}
