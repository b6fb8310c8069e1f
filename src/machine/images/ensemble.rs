//! What servers that keep one state together share: who they are, who is there, and writes that most of them have.
//!
//! Stands in for ZooKeeper's atomic broadcast and for etcd's Raft: the member with the greatest number among those that
//! are there leads, a write is made where most members take it, and who starts takes what the one knows that has most.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::wire;
use crate::api::Time;
use crate::machine::kernel::Sys;
use crate::machine::net::Reply;

/// A member.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Member {
    /// Its number; the greatest leads.
    pub id: u64,
    /// Its name.
    pub name: String,
    pub host: String,
    pub port: u16,
}

/// What is kept under a name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub value: Vec<u8>,
    pub created: u64,
    pub modified: u64,
    pub made: Time,
    pub changed: Time,
    pub version: u64,
}

/// What all keep.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    pub index: u64,
    pub entries: BTreeMap<String, Entry>,
}

/// A change of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Change {
    Put(String, Vec<u8>, Time),
    Delete(Vec<String>),
}

/// What members say to each other.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Word {
    /// Who is there, and how far?
    Hello,
    Here(u64, u64),
    Fetch,
    Whole(State),
    Take(u64, Change),
    Taken(bool),
}

/// A member's view of it all.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Ensemble {
    pub me: u64,
    pub members: Vec<Member>,
    pub state: State,
    /// The file that it is kept in.
    pub file: String,
}

impl State {
    fn apply(&mut self, change: &Change) {
        self.index += 1;
        match change {
            Change::Put(name, value, now) => {
                let index = self.index;
                let entry = self.entries.entry(name.clone()).or_insert_with(|| Entry {
                    created: index,
                    made: *now,
                    ..Entry::default()
                });
                entry.value.clone_from(value);
                entry.version += 1;
                (entry.modified, entry.changed) = (index, *now);
            }
            Change::Delete(names) => self.entries.retain(|name, _| !names.contains(name)),
        }
    }
}

impl Ensemble {
    /// Takes what was kept, then what others know that is newer.
    pub fn start(&mut self, sys: &mut Sys<'_>) {
        if let Ok(bytes) = sys.read_file(&self.file)
            && let Ok(state) = postcard::from_bytes(&bytes)
        {
            self.state = state;
        }
        self.catch_up(sys);
    }

    /// Takes what another knows that is newer.
    pub fn catch_up(&mut self, sys: &mut Sys<'_>) {
        for member in self.others() {
            if let Some(Word::Here(_, index)) = ask(sys, &member, &Word::Hello)
                && index > self.state.index
                && let Some(Word::Whole(state)) = ask(sys, &member, &Word::Fetch)
            {
                self.state = state;
                self.save(sys);
            }
        }
    }

    fn others(&self) -> Vec<Member> {
        self.members.iter().filter(|m| m.id != self.me).cloned().collect()
    }

    fn save(&self, sys: &mut Sys<'_>) {
        let bytes = postcard::to_stdvec(&self.state).unwrap_or_default();
        let _ = sys.write_file(&self.file, &bytes);
    }

    /// The numbers of the members that are there, this one's among them.
    pub fn present(&self, sys: &mut Sys<'_>) -> Vec<u64> {
        let mut all: Vec<u64> = self
            .others()
            .iter()
            .filter(|m| matches!(ask(sys, m, &Word::Hello), Some(Word::Here(id, _)) if id == m.id))
            .map(|m| m.id)
            .collect();
        all.push(self.me);
        all.sort_unstable();
        all
    }

    /// Who leads, where most are there.
    pub fn leader(&self, sys: &mut Sys<'_>) -> Option<u64> {
        let present = self.present(sys);
        if present.len() > self.members.len() / 2 { present.last().copied() } else { None }
    }

    /// Makes a change; false where too few take it.
    pub fn write(&mut self, sys: &mut Sys<'_>, change: &Change) -> bool {
        self.catch_up(sys);
        let before = self.state.clone();
        self.state.apply(change);
        let mut count = 1;
        for member in self.others() {
            let taken = matches!(ask(sys, &member, &Word::Take(before.index, change.clone())), Some(Word::Taken(true)));
            // Who is behind gets all there is.
            let whole = || Word::Whole(self.state.clone());
            count += usize::from(taken || matches!(ask(sys, &member, &whole()), Some(Word::Taken(true))));
        }
        if count <= self.members.len() / 2 {
            self.state = before;
            return false;
        }
        self.save(sys);
        true
    }

    /// Answers another member.
    pub fn hear(&mut self, sys: &mut Sys<'_>, bytes: &[u8]) -> Reply {
        let answer = match postcard::from_bytes(bytes) {
            Ok(Word::Hello) => Word::Here(self.me, self.state.index),
            Ok(Word::Fetch) => Word::Whole(self.state.clone()),
            Ok(Word::Take(index, change)) if index == self.state.index => {
                self.state.apply(&change);
                self.save(sys);
                Word::Taken(true)
            }
            Ok(Word::Take(..)) => Word::Taken(false),
            Ok(Word::Whole(state)) => {
                let newer = state.index >= self.state.index;
                if newer {
                    self.state = state;
                    self.save(sys);
                }
                Word::Taken(newer)
            }
            _ => return Reply { close: true, ..Reply::default() },
        };
        Reply { bytes: postcard::to_stdvec(&answer).unwrap_or_default(), close: true, ..Reply::default() }
    }
}

fn ask(sys: &mut Sys<'_>, member: &Member, word: &Word) -> Option<Word> {
    let bytes = wire::ask(sys, &member.host, member.port, &postcard::to_stdvec(word).ok()?)?;
    postcard::from_bytes(&bytes).ok()
}
