//! Where kstate keeps its state: one folder, one file per cluster.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::error::Failure;
use crate::host::lock::{Lock, lock, try_lock};
use crate::host::{self, private, whole};
use crate::kubectl::kubeconfig::{self, Section, Stanza};
use crate::kubectl::wall::wall_now;
use crate::sim::{Cluster, Config};
use crate::store::file;
use crate::ui::Ui;

/// The name of the cluster that the first command makes.
pub const DEFAULT_CLUSTER: &str = "k3d-deadless";

/// The name of the kubeconfig in kstate's folder. It is made when somebody changes it; until then it holds the clusters.
pub const KUBECONFIG: &str = "config";

/// kstate's folder.
#[derive(Debug, Clone)]
pub struct Home {
    folder: PathBuf,
}

impl Home {
    /// `KSTATE_HOME`, else the platform's data folder.
    ///
    /// # Errors
    /// When neither is known.
    pub fn find() -> Result<Home> {
        let named = std::env::var_os("KSTATE_HOME").filter(|h| !h.is_empty()).map(PathBuf::from);
        let folder = named.or_else(|| dirs::data_dir().map(|d| d.join("kstate")));
        let unknown =
            || Failure::error("no folder for kstate's state is known").hint("set KSTATE_HOME to a folder of your own");
        Ok(Home { folder: folder.ok_or_else(unknown)? })
    }

    /// A file of kstate's own beside the clusters.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The state file of a cluster.
    ///
    /// # Errors
    /// When the name can't be a file's on every system.
    fn cluster_file(&self, name: &str) -> Result<PathBuf> {
        let stem = name.split('.').next().unwrap_or_default().to_ascii_lowercase();
        let is_port = |kind: &str| stem.strip_prefix(kind).is_some_and(|n| matches!(n.as_bytes(), [b'0'..=b'9']));
        let is_device = matches!(stem.as_str(), "con" | "prn" | "aux" | "nul") || is_port("com") || is_port("lpt");
        let fits = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
            && !name.is_empty()
            && !name.starts_with('.')
            && !name.ends_with('.')
            && !is_device;
        match fits {
            true => Ok(self.folder.join("clusters").join(format!("{name}.db"))),
            false => Err(Failure::error(format!(
                "{name:?} can't be a cluster's name: use letters, digits, '-', '_' and '.'"
            ))
            .into()),
        }
    }

    /// Makes the folders.
    ///
    /// # Errors
    /// When they can't be made.
    pub fn prepare(&self) -> Result<()> {
        let folder = self.folder.join("clusters");
        private::create_folder(&folder)
            .map_err(|e| failed(format!("cannot make the folder {}", folder.display()), &e).into())
    }

    /// Keeps other commands from handling whole files, until the lock is dropped, and clears away what killed ones left.
    ///
    /// # Errors
    /// When another holds it for too long, or the folder can't be written.
    pub fn lock(&self) -> Result<Lock> {
        self.prepare()?;
        let lock = locked(&self.folder, "a cluster's file")?;
        self.sweep();
        Ok(lock)
    }

    /// Removes what a killed command left. The lock is held.
    fn sweep(&self) {
        // OBSERVATION: what can't be removed is in nobody's way, and is tried again by the next command.
        let _ = file::clear_away(&self.folder.join("clusters").join("any"));
        let Ok(entries) = std::fs::read_dir(self.folder.join("clusters")) else { return };
        for path in entries.filter_map(|entry| entry.ok().map(|e| e.path())) {
            // An earlier kstate's.
            let left =
                [".new", ".gone", ".new-wal", ".new-shm"].iter().any(|end| path.to_string_lossy().ends_with(end));
            if left && path.is_file() {
                let _ = whole::remove(&path);
            }
        }
    }

    /// The clusters' names, sorted.
    ///
    /// # Errors
    /// When the folder is there and can't be read.
    pub fn clusters(&self) -> Result<Vec<String>, String> {
        let folder = self.folder.join("clusters");
        let entries = match std::fs::read_dir(&folder) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(format!("cannot read the folder {}: {}", folder.display(), host::reason(&e))),
            Ok(entries) => entries,
        };
        let name = |path: &Path| (path.extension()? == "db").then(|| path.file_stem()?.to_str().map(String::from))?;
        let mut names: Vec<String> = entries.filter_map(|e| name(&e.ok()?.path())).collect();
        names.sort();
        Ok(names)
    }

    /// The name of the cluster in use: that of the current context, if it is one of kstate's.
    pub fn current(&self) -> String {
        let config = self.stored_kubeconfig().ok().flatten().unwrap_or_default();
        let context = config.contexts.get(&config.current_context).map_or("", |context| context.text("cluster"));
        match self.has(context) {
            true => context.to_string(),
            false => self.current_by_itself(),
        }
    }

    /// The cluster that was chosen last, whatever the kubeconfig says.
    fn current_by_itself(&self) -> String {
        let text = std::fs::read_to_string(self.file("current")).unwrap_or_default();
        // OBSERVATION: a `cluster delete` that was killed may leave the name of what it removed.
        Some(text.trim()).filter(|name| self.has(name)).unwrap_or(DEFAULT_CLUSTER).to_string()
    }

    /// The namespace of a cluster's own context.
    pub fn namespace_of(&self, cluster: &str) -> String {
        let config = self.stored_kubeconfig().ok().flatten().unwrap_or_default();
        match config.contexts.get(cluster).map_or("", |context| context.text("namespace")) {
            "" => "default".into(),
            namespace => namespace.to_string(),
        }
    }

    /// Whether there is a cluster of that name, or will be on first use.
    pub fn has(&self, name: &str) -> bool {
        name == DEFAULT_CLUSTER || self.cluster_file(name).is_ok_and(|file| file.exists())
    }

    /// Chooses the cluster in use, in the kubeconfig too.
    ///
    /// # Errors
    /// When a file can't be read or written.
    pub fn set_current(&self, name: &str) -> Result<()> {
        let _lock = self.lock()?;
        self.change_kubeconfig(|config| {
            add_cluster(config, name, &self.kubeconfig_name());
            config.current_context = name.to_string();
        })?;
        self.write_locked("current", &format!("{name}\n"))
    }

    fn kubeconfig_name(&self) -> String {
        self.file(KUBECONFIG).display().to_string()
    }

    /// The kubeconfig as it was stored; none if nobody has changed it.
    fn stored_kubeconfig(&self) -> Result<Option<kubeconfig::Config>, String> {
        let file = self.file(KUBECONFIG);
        match host::read::file(&file) {
            Ok(bytes) => kubeconfig::Config::read(&String::from_utf8_lossy(&bytes), &self.kubeconfig_name()).map(Some),
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(e) => Err(kubeconfig::access::go_io_error("open", &self.kubeconfig_name(), &e)),
        }
    }

    /// The kubeconfig: as it was stored, else the clusters.
    ///
    /// # Errors
    /// When the file can't be read, or is no kubeconfig.
    pub fn kubeconfig(&self) -> Result<kubeconfig::Config, String> {
        if let Some(stored) = self.stored_kubeconfig()? {
            return Ok(stored);
        }
        let (mut names, current) = (self.clusters().unwrap_or_default(), self.current_by_itself());
        if names.is_empty() {
            names.push(DEFAULT_CLUSTER.to_string());
        }
        Ok(kubeconfig_of(&names, &current, &self.kubeconfig_name()))
    }

    /// Changes the stored kubeconfig, if there is one.
    fn change_kubeconfig(&self, change: impl FnOnce(&mut kubeconfig::Config)) -> Result<()> {
        // OBSERVATION: one that can't be read is its owner's to repair; the clusters are there all the same.
        let Ok(Some(mut config)) = self.stored_kubeconfig() else { return Ok(()) };
        change(&mut config);
        self.write_locked(KUBECONFIG, &config.to_yaml())
    }

    /// Writes a small file whole or not at all.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        let _lock = self.lock()?;
        self.write_locked(name, text)
    }

    /// The same while the lock is held.
    fn write_locked(&self, name: &str, text: &str) -> Result<()> {
        let path = self.file(name);
        whole::write(&path, text.as_bytes()).map_err(|e| failed(format!("cannot write {}", path.display()), &e).into())
    }

    /// Makes a cluster.
    ///
    /// # Errors
    /// When one of that name exists, the name can't be a file's, or the file can't be written.
    pub fn create(&self, name: &str, config: Config) -> Result<Cluster> {
        let path = self.cluster_file(name)?;
        let _lock = self.lock()?;
        if self.is_taken(&path) {
            return Err(Failure::error(format!("cluster {name:?} already exists"))
                .hint(format!("kstate cluster reset {name} empties it, kstate cluster delete {name} removes it"))
                .into());
        }
        self.make(name, &path, config)
    }

    /// Whether there is a cluster in a file. The lock is held.
    fn is_taken(&self, path: &Path) -> bool {
        if path.exists() && matches!(Cluster::open(path), Ok(None)) {
            // OBSERVATION: what stays is taken up by the new one.
            let _ = file::remove(path);
            return false;
        }
        path.exists()
    }

    /// Makes a cluster where none is. The lock is held.
    fn make(&self, name: &str, path: &Path, config: Config) -> Result<Cluster> {
        let cluster = Cluster::new_on_disk(path, config, wall_now())?;
        self.change_kubeconfig(|config| {
            add_cluster(config, name, &self.kubeconfig_name());
            if config.current_context.is_empty() {
                config.current_context = name.to_string();
            }
        })?;
        Ok(cluster)
    }

    /// Opens a cluster; the default one is made on first use.
    ///
    /// # Errors
    /// When there is no such cluster, or its file can't be read.
    pub fn open(&self, name: &str) -> Result<Cluster> {
        let not_found = || {
            let there = self.clusters().unwrap_or_default().join(", ");
            Failure::error(format!("cluster {name:?} not found"))
                .hint(format!("kstate cluster create {name} makes it; there are: {there}"))
        };
        self.open_if_there(name)?.ok_or_else(|| not_found().into())
    }

    /// The same; none when there is no such cluster.
    ///
    /// # Errors
    /// When its file can't be read.
    pub fn open_if_there(&self, name: &str) -> Result<Option<Cluster>> {
        let path = self.cluster_file(name)?;
        if file::is_being_made(&path)
            && let Some(_lock) = try_lock(&self.folder)
        {
            self.sweep();
        }
        if path.exists() {
            if let Some(cluster) = Cluster::open(&path)? {
                return Ok(Some(cluster));
            }
            // Who removed it was killed, or could not remove the file.
            let _lock = self.lock()?;
            if !self.is_taken(&path) {
                self.forget(name)?;
            }
        }
        if name == DEFAULT_CLUSTER {
            let _lock = self.lock()?;
            if !self.is_taken(&path) {
                return self.make(name, &path, Config::default()).map(Some);
            }
        }
        Ok(path.exists().then(|| Cluster::open(&path)).transpose()?.flatten())
    }

    /// Opens the cluster in use, which the kubeconfig calls `chosen`.
    ///
    /// # Errors
    /// When its file can't be read.
    pub fn open_chosen(&self, chosen: &str) -> Result<Cluster> {
        self.open(chosen).or_else(|e| {
            // What a killed `cluster delete` left in use is forgotten by now.
            let current = self.current();
            if current == chosen { Err(e) } else { self.open(&current) }
        })
    }

    /// Removes a cluster.
    ///
    /// # Errors
    /// When there is none of that name, or its file can't be removed.
    pub fn delete(&self, name: &str) -> Result<()> {
        let path = self.cluster_file(name)?;
        let _lock = self.lock()?;
        let removed = path.exists() && file::remove(&path)?;
        self.forget(name)?;
        match removed {
            true => Ok(()),
            false => Err(Failure::error(format!("cluster {name:?} not found")).into()),
        }
    }

    /// Forgets a cluster that is gone: it is not in use any more, and not in the kubeconfig. The lock is held.
    fn forget(&self, name: &str) -> Result<()> {
        if std::fs::read_to_string(self.file("current")).is_ok_and(|text| text.trim() == name) {
            let _ = whole::remove(&self.file("current"));
        }
        self.change_kubeconfig(|config| {
            config.clusters.remove(name);
            config.contexts.remove(name);
            config.users.remove(&admin_of(name));
            if config.current_context == name {
                let default = config.contexts.contains_key(DEFAULT_CLUSTER);
                config.current_context = if default { DEFAULT_CLUSTER.into() } else { String::new() };
            }
        })
    }
}

/// Keeps other commands from handling whole files in a folder of kstate's; `what` says what files those are.
///
/// # Errors
/// When another holds the lock for too long, or the folder can't be written.
pub fn locked(folder: &Path, what: &str) -> Result<Lock> {
    let say = |holder: &str| Ui::terminal().err(&format!("waiting for {holder}, which handles {what}\n"));
    private::create_folder(folder)
        .and_then(|()| lock(folder, &say))
        .map_err(|e| failed(format!("cannot lock {}", folder.display()), &e).into())
}

/// One sentence of what could not be done, and why.
pub fn failed(what: String, why: &std::io::Error) -> Failure {
    Failure::error(format!("{what}: {}", host::reason(why)))
}

/// The kubeconfig that clusters have by themselves.
pub fn kubeconfig_of(names: &[String], current: &str, origin: &str) -> kubeconfig::Config {
    let mut config = kubeconfig::Config { current_context: current.to_string(), ..kubeconfig::Config::default() };
    for name in names {
        add_cluster(&mut config, name, origin);
    }
    config
}

fn admin_of(name: &str) -> String {
    format!("admin@{name}")
}

/// Adds a cluster, its admin and a context of both, unless there are such.
fn add_cluster(config: &mut kubeconfig::Config, name: &str, origin: &str) {
    let pem = |what: &str| {
        // Nothing is authenticated by them: kubectl's control plane is in its own process.
        let text = format!("-----BEGIN {what}-----\n-----END {what}-----\n");
        serde_json::to_value(k8s_openapi::ByteString(text.into_bytes())).unwrap_or_default()
    };
    let (mut cluster, mut user, mut context) = (Stanza::default(), Stanza::default(), Stanza::default());
    cluster.set("server", "https://127.0.0.1:6443");
    cluster.set("certificate-authority-data", pem("CERTIFICATE"));
    user.set("client-certificate-data", pem("CERTIFICATE"));
    user.set("client-key-data", pem("EC PRIVATE KEY"));
    context.set("cluster", name);
    context.set("user", admin_of(name));
    for (section, key, stanza) in [
        (Section::Clusters, name.to_string(), cluster),
        (Section::Users, admin_of(name), user),
        (Section::Contexts, name.to_string(), context),
    ] {
        let stanza = Stanza { origin: origin.to_string(), ..stanza };
        config.section_mut(section).entry(key).or_insert(stanza);
    }
}
