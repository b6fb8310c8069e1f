//! Where kstate keeps its state: one folder, one file per cluster.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::Failure;
use crate::sim::{Cluster, Config};

use crate::kubectl::wall::wall_now;

/// The name of the cluster that the first command makes.
pub const DEFAULT_CLUSTER: &str = "k3d-deadless";

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
    pub fn find() -> Result<Home, Failure> {
        let named = std::env::var_os("KSTATE_HOME").filter(|h| !h.is_empty()).map(PathBuf::from);
        let folder = named.or_else(|| dirs::data_dir().map(|d| d.join("kstate")));
        let folder = folder.ok_or_else(|| {
            Failure::error("no folder for kstate's state is known").hint("set KSTATE_HOME to a folder of your own")
        })?;
        Ok(Home { folder })
    }

    /// A file of kstate's own beside the clusters.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The state file of a cluster.
    ///
    /// # Errors
    /// When the name can't be a file's on every system.
    fn cluster_file(&self, name: &str) -> Result<PathBuf, Failure> {
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
            ))),
        }
    }

    /// Makes the folders.
    ///
    /// # Errors
    /// When they can't be made.
    pub fn prepare(&self) -> Result<(), Failure> {
        let folder = self.folder.join("clusters");
        std::fs::create_dir_all(&folder)
            .map_err(|e| Failure::error(format!("cannot make the folder {}: {e}", folder.display())))
    }

    /// The clusters' names, sorted.
    pub fn clusters(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.folder.join("clusters")) else { return Vec::new() };
        let name = |path: &Path| (path.extension()? == "db").then(|| path.file_stem()?.to_str().map(String::from))?;
        let mut names: Vec<String> = entries.filter_map(|e| name(&e.ok()?.path())).collect();
        names.sort();
        names
    }

    /// The name of the cluster in use.
    pub fn current(&self) -> String {
        let text = std::fs::read_to_string(self.file("current")).unwrap_or_default();
        match text.trim() {
            "" => DEFAULT_CLUSTER.to_string(),
            name => name.to_string(),
        }
    }

    /// Chooses the cluster in use.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn set_current(&self, name: &str) -> Result<(), Failure> {
        self.write("current", &format!("{name}\n"))
    }

    /// Writes a small file whole or not at all.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        self.prepare()?;
        let (path, new) = (self.file(name), self.file(&format!("{name}.new")));
        std::fs::write(&new, text)
            .and_then(|()| std::fs::rename(&new, &path))
            .map_err(|e| Failure::error(format!("cannot write {}: {e}", path.display())))
    }

    /// Makes a cluster.
    ///
    /// # Errors
    /// When one of that name exists, the name can't be a file's, or the file can't be written.
    pub fn create(&self, name: &str, config: Config) -> Result<Cluster, Failure> {
        let path = self.cluster_file(name)?;
        if path.exists() {
            return Err(Failure::error(format!("cluster {name:?} already exists"))
                .hint(format!("kstate cluster reset {name} empties it, kstate cluster delete {name} removes it")));
        }
        self.prepare()?;
        // Made beside its place and moved there whole: another process sees all of it or nothing.
        let new = path.with_extension(format!("{}.new", std::process::id()));
        let made = Cluster::new_on_disk(&new, config, wall_now());
        let moved = made.map(drop).map_err(Failure::from).and_then(|()| {
            put_in_place(&new, &path).map_err(|e| Failure::error(format!("cannot write {}: {e}", path.display())))
        });
        for leftover in [new.clone(), beside(&new, "-wal"), beside(&new, "-shm")] {
            let _ = std::fs::remove_file(leftover);
        }
        moved?;
        Ok(Cluster::open(&path)?)
    }

    /// Opens a cluster; the default one is made on first use.
    ///
    /// # Errors
    /// When there is no such cluster, or its file can't be read.
    pub fn open(&self, name: &str) -> Result<Cluster, Failure> {
        let path = self.cluster_file(name)?;
        if !path.exists() {
            if name == DEFAULT_CLUSTER {
                return self.create(name, Config::default()).or_else(|e| match path.exists() {
                    true => Ok(Cluster::open(&path)?),
                    false => Err(e),
                });
            }
            return Err(Failure::error(format!("cluster {name:?} not found"))
                .hint(format!("kstate cluster create {name} makes it; there are: {}", self.clusters().join(", "))));
        }
        Ok(Cluster::open(&path)?)
    }

    /// Removes a cluster.
    ///
    /// # Errors
    /// When there is none of that name, or its file can't be removed.
    pub fn delete(&self, name: &str) -> Result<(), Failure> {
        let path = self.cluster_file(name)?;
        if !path.exists() {
            return Err(Failure::error(format!("cluster {name:?} not found")));
        }
        let remove = |path: &Path| match std::fs::remove_file(path) {
            Err(e) if e.kind() != ErrorKind::NotFound => {
                Err(Failure::error(format!("cannot remove {}: {e}", path.display())))
            }
            _ => Ok(()),
        };
        // Under another name first: a new cluster of this name must not meet what is beside the old one.
        let gone = path.with_extension(format!("{}.gone", std::process::id()));
        std::fs::rename(&path, &gone).map_err(|e| Failure::error(format!("cannot remove {}: {e}", path.display())))?;
        for file in [beside(&path, "-wal"), beside(&path, "-shm"), gone] {
            remove(&file)?;
        }
        if self.current() == name {
            let _ = std::fs::remove_file(self.file("current"));
        }
        Ok(())
    }
}

/// Gives a file its name, unless another process was faster: what that one has stored meanwhile must not be replaced.
fn put_in_place(new: &Path, path: &Path) -> std::io::Result<()> {
    match std::fs::hard_link(new, path) {
        Err(e) if e.kind() != ErrorKind::AlreadyExists => std::fs::rename(new, path),
        linked => linked,
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(suffix);
    PathBuf::from(name)
}
