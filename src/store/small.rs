//! Settings and sequences: what is no object, is read and changed all the time, and is stored when the transaction ends.
//!
//! Controllers note of many things for a moment only; what was noted and forgotten within a transaction costs no row.

use std::collections::{BTreeMap, BTreeSet};

use super::Store;
use super::sqlite::Db;
use crate::error::ApiError;

/// The settings as the transaction has them.
#[derive(Default)]
pub(super) struct Settings {
    values: BTreeMap<String, String>,
    /// Those that the file does not have yet, with the values that it has.
    unsaved: BTreeMap<String, Option<String>>,
    changed: u64,
    /// Whether they are those of the file's newest state.
    is_current: bool,
}

impl Settings {
    /// Forgets what was read, and what was not stored.
    pub(super) fn forget(&mut self) {
        self.unsaved.clear();
        self.is_current = false;
    }

    /// Takes them from the file unless they are those of its newest state.
    pub(super) fn load(&mut self, db: &Db) -> Result<(), ApiError> {
        if !self.is_current {
            self.values = db.settings()?;
            self.unsaved.clear();
            self.is_current = true;
        }
        Ok(())
    }

    fn set(&mut self, name: &str, value: &str) {
        let now = Some(value).filter(|value| !value.is_empty());
        if self.values.get(name).map(String::as_str) == now {
            return;
        }
        let before = match now {
            Some(value) => self.values.insert(name.to_string(), value.to_string()),
            None => self.values.remove(name),
        };
        if !self.unsaved.contains_key(name) {
            self.unsaved.insert(name.to_string(), before);
        }
        self.changed += 1;
    }

    fn save(&mut self, db: &Db) -> Result<(), ApiError> {
        for (name, before) in std::mem::take(&mut self.unsaved) {
            match (self.values.get(&name), before) {
                (now, before) if now == before.as_ref() => {}
                (Some(value), before) => db.set_setting(&name, value, before.as_deref())?,
                (None, Some(before)) => db.remove_setting(&name, &before)?,
                (None, None) => {}
            }
        }
        Ok(())
    }
}

/// How often the transaction drew from sequences.
#[derive(Default)]
pub(super) struct Sequences {
    /// Those that the file does not have yet: how often they were drawn from, by now and as the file has it.
    unsaved: BTreeMap<String, (u64, u64)>,
    /// The beginnings of purposes that the file has no sequence of.
    none: BTreeSet<String>,
}

impl Sequences {
    /// Forgets what was read, and what was not stored.
    pub(super) fn forget(&mut self) {
        self.unsaved.clear();
        self.none.clear();
    }

    fn save(&mut self, db: &Db) -> Result<(), ApiError> {
        for (purpose, (now, before)) in std::mem::take(&mut self.unsaved) {
            self.none.remove(beginning_of(&purpose));
            db.set_sequence(&purpose, now, before)?;
        }
        Ok(())
    }

    fn drawn(&mut self, db: &Db, purpose: &str) -> Result<u64, ApiError> {
        if let Some((now, _)) = self.unsaved.get(purpose) {
            return Ok(*now);
        }
        // OBSERVATION: each new object asks for the sequence of its name, and hardly any name was there before.
        let beginning = beginning_of(purpose);
        if self.none.contains(beginning) {
            return Ok(0);
        }
        let drawn = db.drawn(purpose)?;
        if drawn == 0 && !beginning.is_empty() && !db.is_drawn_below(beginning)? {
            self.none.insert(beginning.to_string());
        }
        Ok(drawn)
    }
}

/// The purpose up to its last part, the slash included.
fn beginning_of(purpose: &str) -> &str {
    purpose.rfind('/').map_or("", |at| &purpose[..=at])
}

impl Store {
    /// The next number of a named sequence, from 0: what seeded names are drawn with.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn next(&mut self, purpose: &str) -> Result<u64, ApiError> {
        let n = self.drawn(purpose)?;
        match self.sequences.get_mut().unsaved.get_mut(purpose) {
            Some((now, _)) => *now = n + 1,
            None => _ = self.sequences.get_mut().unsaved.insert(purpose.to_string(), (n + 1, n)),
        }
        Ok(n)
    }

    /// How often the sequence was drawn from, without drawing.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn drawn(&self, purpose: &str) -> Result<u64, ApiError> {
        self.sequences.borrow_mut().drawn(&self.db, purpose)
    }

    /// A named setting of the cluster.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.values.get(name).map(String::as_str)
    }

    /// How often a setting was given another value since the store was opened.
    pub fn settings_changed(&self) -> u64 {
        self.settings.changed
    }

    /// Changes a named setting; an empty value removes it.
    pub fn set_setting(&mut self, name: &str, value: &str) {
        self.settings.set(name, value);
    }

    /// Stores the settings and sequences that changed, so that what follows can build on the file.
    pub(super) fn save_small(&mut self) -> Result<(), ApiError> {
        self.settings.save(&self.db)?;
        self.sequences.get_mut().save(&self.db)
    }
}
