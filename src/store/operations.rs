//! The commands that changed the cluster, and the way back from them.

use std::sync::Arc;

use super::sqlite::{Operation, Past};
use super::{Store, same_content};
use crate::error::ApiError;

impl Store {
    /// Notes that a command begins, so that `undo` can come back to here.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn begin_operation(&mut self, command: &str) -> Result<u64, ApiError> {
        self.save_small()?;
        self.db.begin_operation(command, self.revision)
    }

    /// Forgets an operation that changed nothing.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn forget_operation(&mut self, operation: u64) -> Result<(), ApiError> {
        self.save_small()?;
        self.db.forget_operation(operation)
    }

    /// The operations, newest first.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn operations(&self) -> Result<Vec<Operation>, ApiError> {
        self.db.operations()
    }

    /// Brings back the state as it was before an operation: objects as new revisions, clock, timers and sequences.
    ///
    /// Revisions only grow, so that who watches sees what is undone as changes. What comes back has the past that it
    /// had, as if what is undone had never been.
    ///
    /// # Errors
    /// When there is no such operation, or the file can't be written.
    pub fn undo_to(&mut self, operation: u64) -> Result<(), ApiError> {
        self.save_small()?;
        for Past { key, previous, object } in self.db.written_since(operation)? {
            let there = self.table(key.kind).get(&self.db, &key.namespace, &key.name)?.cloned();
            match object {
                None => _ = self.remove(&key)?,
                Some(object) if there.is_some_and(|there| same_content(&there, &object)) => {}
                Some(mut object) => {
                    let revision = self.revision + 1;
                    object.meta_mut().resource_version = Some(revision.to_string());
                    let object = Arc::new(object);
                    let (table, db) = self.table_mut(key.kind);
                    db.append(previous, revision, &key, Some(&object.to_json()))?;
                    let old = table.replace(db, &key, Arc::clone(&object))?;
                    self.loads.change(&self.db, old.as_ref(), Some(&object))?;
                    self.note_revision(key.kind, revision);
                }
            }
        }
        self.db.undo_operations(operation)?;
        self.settings.forget();
        self.settings.load(&self.db)?;
        self.sequences.get_mut().forget();
        // Whoever has to act on what is there again is woken by the timers that are there again.
        self.changes.clear();
        Ok(())
    }
}
