//! What consensus keeps: the keys and voters, and the files of the data folder.
//!
//! Facts: the documentation of Consul's data folder and of recovery with `peers.json`.

use super::raft::Change;
use super::{Consul, Entry, State, Voter};
use crate::machine::kernel::{Status, Sys, Turn};

impl State {
    pub(super) fn apply(&mut self, change: &Change) {
        self.index += 1;
        match change {
            Change::Put(key, value, flags) => {
                let created = self.keys.get(key).map_or(self.index, |e| e.created);
                let entry = Entry { value: value.clone(), flags: *flags, created, modified: self.index };
                self.keys.insert(key.clone(), entry);
            }
            Change::Delete(key) => drop(self.keys.remove(key)),
            Change::DeleteTree(prefix) => self.keys.retain(|k, _| !k.starts_with(prefix.as_str())),
            Change::Voters(voters) => self.voters.clone_from(voters),
            Change::Noop => {}
        }
    }
}

impl Consul {
    /// Reads what was kept.
    pub(super) fn load(&mut self, sys: &mut Sys<'_>) -> Result<(), Turn> {
        let data = self.settings.data.clone();
        let new_id = |sys: &mut Sys<'_>| {
            let (a, b) = (sys.random(), sys.random());
            format!(
                "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
                a >> 32,
                (a >> 16) & 0xffff,
                a & 0xffff,
                b >> 48,
                b & 0xffff_ffff_ffff
            )
        };
        if data.is_empty() {
            self.id = new_id(sys);
            return Ok(());
        }
        let file = format!("{data}/node-id");
        self.id = match sys.read_file(&file) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).trim().to_string(),
            Err(_) => {
                let id = new_id(sys);
                let made = sys.mkdir(&data, 0o755);
                let _ = made;
                if let Err(fault) = sys.write_file(&file, id.as_bytes()) {
                    let why = sys.text(fault).to_lowercase();
                    self.say(
                        sys,
                        "ERROR",
                        &format!("agent: Error starting agent: error=\"failed to setup node ID: open {file}: {why}\""),
                    );
                    return Err(Turn::Exit(Status::Code(1)));
                }
                id
            }
        };
        for folder in ["raft", "serf"] {
            let made = sys.mkdir(&format!("{data}/{folder}"), 0o755);
            let _ = made;
        }
        if let Ok(bytes) = sys.read_file(&format!("{data}/raft/raft.db"))
            && let Ok((term, voted, state)) = postcard::from_bytes::<(u64, u64, State)>(&bytes)
        {
            (self.term, self.voted, self.state) = (term, voted, state);
        }
        // Manual recovery, as the documentation has it.
        let peers = format!("{data}/raft/peers.json");
        if let Ok(bytes) = sys.read_file(&peers) {
            self.say(sys, "INFO", "agent.server: found peers.json file, recovering Raft configuration...");
            let tree: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
            let voters = tree.as_array().into_iter().flatten().map(|peer| {
                let address = peer.get("address").unwrap_or(peer).as_str().unwrap_or_default();
                let ip = address.split(':').next().unwrap_or_default().to_string();
                let id = peer.get("id").and_then(|i| i.as_str()).unwrap_or(&self.id).to_string();
                let name = self
                    .state
                    .voters
                    .iter()
                    .find(|v| v.id == id)
                    .map_or(self.settings.node.clone(), |v| v.name.clone());
                Voter { id, name, ip }
            });
            self.state.voters = voters.collect();
            let gone = sys.unlink(&peers);
            let _ = gone;
            self.unsaved = true;
            self.say(sys, "INFO", "agent.server: deleted peers.json file after successful recovery");
        }
        Ok(())
    }

    pub(super) fn save(&mut self, sys: &mut Sys<'_>) {
        if self.settings.data.is_empty() || !self.settings.server {
            return;
        }
        let bytes = postcard::to_stdvec(&(self.term, self.voted, &self.state)).unwrap_or_default();
        let file = format!("{}/raft/raft.db", self.settings.data);
        if let Err(fault) = sys.write_file(&file, &bytes) {
            let why = sys.text(fault).to_lowercase();
            self.say(sys, "ERROR", &format!("agent.server.raft: failed to commit logs: error=\"write {file}: {why}\""));
        }
    }
}
