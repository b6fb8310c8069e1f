//! Which files a kubeconfig is read from and written to.
//!
//! Mirrors `PathOptions`, `ClientConfigLoadingRules` and `ModifyConfig` of `k8s.io/client-go/tools/clientcmd`.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::{Config, Section, Stanza, paths};
use crate::error::Failure;
use crate::host::files::Files;
pub use crate::host::go_io_error;

/// The kubeconfig that kstate keeps itself: it is used where kubectl would use the one in the user's home folder.
pub trait OwnFile {
    /// Its name, as texts print it.
    fn name(&self) -> String;

    /// What is in it.
    ///
    /// # Errors
    /// When it can't be read, or is no kubeconfig.
    fn read(&self) -> Result<Config, String>;

    /// Replaces its text.
    ///
    /// # Errors
    /// When it can't be written.
    fn write(&self, text: &str) -> io::Result<()>;
}

/// The files in question.
pub struct ConfigAccess<'a> {
    /// `--kubeconfig`; empty for none.
    pub explicit: String,
    /// The files that `KUBECONFIG` names, each once.
    pub environment: Vec<String>,
    /// What is used if neither names any.
    pub own: &'a dyn OwnFile,
    /// The files that the command may see.
    pub files: Files,
}

impl ConfigAccess<'_> {
    /// The files whose stanzas become one kubeconfig, in order.
    pub fn precedence(&self) -> Vec<String> {
        if self.is_explicit() {
            return vec![self.explicit.clone()];
        }
        match self.environment.is_empty() {
            false => self.environment.clone(),
            true => vec![self.own.name()],
        }
    }

    /// Whether one file alone counts.
    pub fn is_explicit(&self) -> bool {
        !self.explicit.is_empty()
    }

    /// The file that new stanzas are written to.
    pub fn default_file(&self) -> String {
        let files = self.precedence();
        let exists = |file: &&String| **file == self.own.name() || self.files.exists(file);
        files.iter().find(exists).or(files.last()).cloned().unwrap_or_default()
    }

    /// The folder that the paths in a file count from.
    pub fn base_of(&self, file: &str) -> PathBuf {
        let file = paths::clean(&self.files.absolute(file));
        file.parent().map(Path::to_path_buf).unwrap_or_default()
    }

    /// Reads one file; none if there is no such file. Mirrors `LoadFromFile`.
    ///
    /// # Errors
    /// The texts of the operating system, of goyaml, or of what decodes.
    pub fn read(&self, file: &str) -> Result<Option<Config>, String> {
        if file == self.own.name() {
            return self.own.read().map(Some);
        }
        match self.files.read(file) {
            Ok(bytes) => Config::read(&String::from_utf8_lossy(&bytes), file).map(Some),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(go_io_error("open", file, &e)),
        }
    }

    /// The file that `--kubeconfig` names alone.
    ///
    /// # Errors
    /// When it can't be read, or is no kubeconfig.
    pub fn read_explicit(&self) -> Result<Config, Failure> {
        let missing = || go_io_error("open", &self.explicit, &ErrorKind::NotFound.into());
        self.read(&self.explicit).and_then(|config| config.ok_or_else(missing)).map_err(Failure::error)
    }

    /// Reads all files and makes them one; none if the file that `--kubeconfig` names is not there. Mirrors
    /// `ClientConfigLoadingRules.Load`.
    ///
    /// # Errors
    /// What is wrong with the files, all that is.
    pub fn load(&self) -> Result<Option<Config>, Failure> {
        let mut faults = Vec::new();
        let mut configs = Vec::new();
        for file in self.precedence().into_iter().filter(|file| !file.is_empty()) {
            match self.read(&file) {
                Ok(Some(config)) => configs.push(config),
                Ok(None) if self.is_explicit() => return Ok(None),
                Ok(None) => {}
                Err(e) => faults.push(format!("error loading config file \"{file}\": {e}")),
            }
        }
        match faults.as_slice() {
            [] => Ok(Some(merge(configs))),
            [one] => Err(Failure::error(one)),
            many => Err(Failure::raw(many.join("\n"))),
        }
    }

    /// What `kubectl config` starts from: a missing file is an empty one. Mirrors `GetStartingConfig`.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub fn starting_config(&self) -> Result<Config, Failure> {
        Ok(self.load()?.unwrap_or_default())
    }

    /// Writes what is new or gone to the files that it stands in. With `relativize`, paths of files below a kubeconfig's
    /// folder count from there. Mirrors `ModifyConfig`.
    ///
    /// # Errors
    /// When a file can't be read, written, or is being written by another process.
    pub fn modify(&self, new: &Config, relativize: bool) -> Result<(), Failure> {
        let _locks = self.lock().map_err(Failure::error)?;
        let old = self.starting_config()?;
        if old.current_context != new.current_context {
            self.write_current_context(&new.current_context).map_err(Failure::error)?;
        }
        if old.preferences != new.preferences {
            self.write_preferences(new).map_err(Failure::error)?;
        }
        for section in Section::ALL {
            for (name, stanza) in new.section(section) {
                if old.section(section).get(name) != Some(stanza) {
                    self.write_stanza(section, name, stanza, relativize).map_err(Failure::error)?;
                }
            }
        }
        for section in Section::ALL {
            for (name, stanza) in old.section(section) {
                if !new.section(section).contains_key(name) {
                    let change = |config: &mut Config| _ = config.section_mut(section).remove(name);
                    self.rewrite(&self.file_of(stanza), change).map_err(Failure::error)?;
                }
            }
        }
        Ok(())
    }

    fn file_of(&self, stanza: &Stanza) -> String {
        if stanza.origin.is_empty() { self.default_file() } else { stanza.origin.clone() }
    }

    fn write_stanza(&self, section: Section, name: &str, stanza: &Stanza, relativize: bool) -> Result<(), String> {
        let file = self.file_of(stanza);
        let mut stanza = Stanza { origin: file.clone(), ..stanza.clone() };
        if relativize {
            paths::relativize(section, &mut stanza, &self.base_of(&file))?;
        }
        self.rewrite(&file, |config| _ = config.section_mut(section).insert(name.to_string(), stanza))
    }

    /// Mirrors `writeCurrentContext`: a name goes to the file for what is new, none is taken out where there is one.
    fn write_current_context(&self, name: &str) -> Result<(), String> {
        let change = |config: &mut Config| config.current_context = name.to_string();
        if self.is_explicit() || !name.is_empty() {
            return self.rewrite(&self.default_file(), change);
        }
        for file in self.precedence() {
            if self.read(&file)?.is_some_and(|config| !config.current_context.is_empty()) {
                return self.rewrite(&file, change);
            }
        }
        Err("no config found to write context".into())
    }

    /// Mirrors `writePreferences`.
    fn write_preferences(&self, new: &Config) -> Result<(), String> {
        for file in self.precedence() {
            if self.is_explicit() || self.read(&file)?.unwrap_or_default().preferences != new.preferences {
                return self.rewrite(&file, |config| config.preferences = new.preferences.clone());
            }
        }
        Err("no config found to write preferences".into())
    }

    /// Changes one file, which is made if it isn't there.
    fn rewrite(&self, file: &str, change: impl FnOnce(&mut Config)) -> Result<(), String> {
        let mut config = self.read(file)?.unwrap_or_default();
        change(&mut config);
        let text = config.to_yaml();
        let written = match file == self.own.name() {
            true => self.own.write(&text),
            false => self.files.write(file, &text),
        };
        written.map_err(|e| go_io_error("open", file, &e))
    }

    /// Keeps other kubectls from writing the files meanwhile. Mirrors `lockFile`.
    fn lock(&self) -> Result<Vec<Lock<'_>>, String> {
        let mut files = self.precedence();
        files.sort();
        let mut locks = Vec::new();
        for file in files.iter().filter(|file| **file != self.own.name()) {
            let name = format!("{file}.lock");
            self.files.create_new(&name).map_err(|e| go_io_error("open", &name, &e))?;
            locks.push(Lock { files: &self.files, name });
        }
        Ok(locks)
    }
}

/// A lock's file, which goes when it is dropped.
struct Lock<'a> {
    files: &'a Files,
    name: String,
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        let _ = self.files.remove(&self.name);
    }
}

/// Of stanzas of one name the first counts, and of everything else the first that is set.
fn merge(configs: Vec<Config>) -> Config {
    let mut merged = Config::default();
    for config in configs.into_iter().rev() {
        for section in Section::ALL {
            merged.section_mut(section).extend(config.section(section).clone());
        }
        merged.preferences.extend(config.preferences);
        merged.extensions.extend(config.extensions);
        if !config.current_context.is_empty() {
            merged.current_context = config.current_context;
        }
    }
    merged
}
