//! What is known of an image: how it starts, who runs in it, and what lies in it beyond its base.

use super::base::Base;
use super::reference::Reference;
use super::tree::Tree;
use crate::machine::kernel::Signal;

/// An image.
#[derive(Debug, Clone)]
pub struct Model {
    /// The name under which the machine knows it: `nginx`; `unknown` for what it does not know.
    pub name: &'static str,
    /// What of it is modelled, in a sentence.
    pub about: &'static str,
    /// Where the facts are from.
    pub facts: &'static str,
    /// What it is built on.
    pub base: Base,
    /// `ENTRYPOINT`
    pub(super) entrypoint: Vec<String>,
    /// `CMD`
    pub(super) cmd: Vec<String>,
    /// `ENV`, in order; `PATH` is the first.
    pub(super) env: Vec<(String, String)>,
    /// `WORKDIR`; empty for `/`.
    pub(super) cwd: String,
    /// `USER` as written: `101`, `nobody`, `65532:65532`; empty for root.
    pub(super) user: String,
    /// `EXPOSE`
    pub(super) ports: Vec<u16>,
    /// `VOLUME`
    pub(super) volumes: Vec<String>,
    /// `STOPSIGNAL`
    pub stop_signal: Signal,
    /// The size of its layers, as a registry holds them, in bytes.
    pub size: u64,
    /// The version of what it is there for; empty where it has none.
    pub version: String,
    pub(super) extra: Vec<Extra>,
}

/// What an image has beyond its base.
#[derive(Debug, Clone)]
pub(super) enum Extra {
    File(String, String, u32, (u32, u32)),
    Dir(String, u32, (u32, u32)),
    Link(String, String),
    Program(String, String),
    Tools(&'static str),
    User(&'static str, u32, u32, &'static str, &'static str, &'static str),
}

/// The search path that Docker gives where the image has none.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|w| (*w).to_string()).collect()
}

impl Model {
    /// An image that is its base only.
    pub fn on(base: Base) -> Model {
        Model {
            name: "",
            about: "",
            facts: "",
            size: base.size(),
            base,
            entrypoint: Vec::new(),
            cmd: Vec::new(),
            env: vec![("PATH".into(), PATH.into())],
            cwd: String::new(),
            user: String::new(),
            ports: Vec::new(),
            volumes: Vec::new(),
            stop_signal: Signal::TERM,
            version: String::new(),
            extra: Vec::new(),
        }
    }

    /// On the base that the tag of an official image asks for: Alpine's or Debian's.
    pub fn tagged(reference: &Reference) -> Model {
        Model::on(Base::of_tag(reference))
    }

    /// `ENTRYPOINT`
    #[must_use]
    pub fn enters(mut self, words: &[&str]) -> Model {
        self.entrypoint = owned(words);
        self
    }

    /// `CMD`
    #[must_use]
    pub fn runs(mut self, words: &[&str]) -> Model {
        self.cmd = owned(words);
        self
    }

    /// `ENV`
    #[must_use]
    pub fn sets(mut self, name: &str, value: impl Into<String>) -> Model {
        let value = value.into();
        match self.env.iter_mut().find(|(n, _)| n == name) {
            Some(known) => known.1 = value,
            None => self.env.push((name.into(), value)),
        }
        self
    }

    /// `WORKDIR`
    #[must_use]
    pub fn cwd(mut self, path: &str) -> Model {
        self.cwd = path.into();
        self
    }

    /// `USER`
    #[must_use]
    pub fn runs_as(mut self, user: &str) -> Model {
        self.user = user.into();
        self
    }

    /// `EXPOSE`
    #[must_use]
    pub fn exposes(mut self, ports: &[u16]) -> Model {
        self.ports = ports.to_vec();
        self
    }

    /// `VOLUME`
    #[must_use]
    pub fn keeps(mut self, paths: &[&str]) -> Model {
        self.volumes = owned(paths);
        self
    }

    /// `STOPSIGNAL`
    #[must_use]
    pub fn stops_with(mut self, signal: Signal) -> Model {
        self.stop_signal = signal;
        self
    }

    /// The size of the layers beyond the base's.
    #[must_use]
    pub fn adds(mut self, bytes: u64) -> Model {
        self.size += bytes;
        self
    }

    /// The version of what it is there for.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Model {
        self.version = version.into();
        self
    }

    /// A file of root's.
    #[must_use]
    pub fn file(self, path: &str, text: impl Into<String>) -> Model {
        self.file_of(path, text, 0o644, (0, 0))
    }

    /// A file.
    #[must_use]
    pub fn file_of(mut self, path: &str, text: impl Into<String>, mode: u32, owner: (u32, u32)) -> Model {
        self.extra.push(Extra::File(path.into(), text.into(), mode, owner));
        self
    }

    /// A folder.
    #[must_use]
    pub fn dir(mut self, path: &str, mode: u32, owner: (u32, u32)) -> Model {
        self.extra.push(Extra::Dir(path.into(), mode, owner));
        self
    }

    /// A symbolic link.
    #[must_use]
    pub fn link(mut self, path: &str, to: &str) -> Model {
        self.extra.push(Extra::Link(path.into(), to.into()));
        self
    }

    /// A binary at a path that is one of the machine's programs.
    #[must_use]
    pub fn program(mut self, path: &str, name: &str) -> Model {
        self.extra.push(Extra::Program(path.into(), name.into()));
        self
    }

    /// Tools in `/usr/bin` beyond those of the base, by name, with spaces between.
    #[must_use]
    pub fn tools(mut self, names: &'static str) -> Model {
        self.extra.push(Extra::Tools(names));
        self
    }

    /// A user with a group of the same name.
    #[must_use]
    pub fn account(mut self, name: &'static str, uid: u32, gid: u32, home: &'static str, shell: &'static str) -> Model {
        self.extra.push(Extra::User(name, uid, gid, "", home, shell));
        self
    }

    /// `ENTRYPOINT`
    pub fn entrypoint(&self) -> Vec<String> {
        self.entrypoint.clone()
    }

    /// `CMD`
    pub fn cmd(&self) -> Vec<String> {
        self.cmd.clone()
    }

    /// `ENV`, `PATH` first.
    pub fn env(&self) -> Vec<(String, String)> {
        self.env.clone()
    }

    /// `WORKDIR`, or `/`.
    pub fn workdir(&self) -> String {
        if self.cwd.is_empty() { "/".into() } else { self.cwd.clone() }
    }

    /// `EXPOSE`
    pub fn ports(&self) -> &[u16] {
        &self.ports
    }

    /// `VOLUME`
    pub fn volumes(&self) -> &[String] {
        &self.volumes
    }

    /// `USER` as it is written; empty for root.
    pub fn user_name(&self) -> &str {
        &self.user
    }

    /// The user and group that it runs as, by its own `/etc/passwd`.
    pub fn user(&self) -> (u32, u32) {
        let (user, group) = self.user.split_once(':').unwrap_or((&self.user, ""));
        let named = |name: &str| {
            self.extra.iter().find_map(|e| match e {
                Extra::User(n, uid, gid, ..) if *n == name => Some((*uid, *gid)),
                _ => None,
            })
        };
        let (uid, gid) = match user {
            "" | "root" => (0, 0),
            "nobody" => (65534, 65534),
            "nonroot" => (65532, 65532),
            name => name.parse().ok().map(|uid| (uid, 0)).or_else(|| named(name)).unwrap_or((1000, 1000)),
        };
        (uid, if group.is_empty() { gid } else { group.parse().unwrap_or(gid) })
    }

    /// Lays its file system down.
    pub(super) fn lay(&self, tree: &mut Tree) {
        self.base.lay(tree);
        for extra in &self.extra {
            match extra {
                Extra::File(path, text, mode, owner) => tree.file_of(path, text, *mode, *owner),
                Extra::Dir(path, mode, owner) => tree.dir_of(path, *mode, *owner),
                Extra::Link(path, to) => tree.link(path, to),
                Extra::Program(path, name) => drop(tree.program(path, name)),
                Extra::Tools(names) => {
                    for name in names.split_whitespace().filter(|n| super::is_program(n)) {
                        tree.program(&format!("/usr/bin/{name}"), name);
                    }
                }
                Extra::User(name, uid, gid, about, home, shell) => tree.user(name, *uid, *gid, about, home, shell),
            }
        }
    }
}
