//! The timers of the work queue.

use std::collections::BTreeMap;

use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::{Db, What};
use crate::api::{Kind, ObjectKey, Time};
use crate::error::ApiError;

/// A pending entry of the work queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timer {
    /// The controller that wants to come back.
    pub controller: String,
    /// Kind of the key to look at.
    pub kind: String,
    /// Namespace of the key.
    pub namespace: String,
    /// Name of the key.
    pub name: String,
    /// When, in milliseconds on the cluster's clock.
    pub due: i64,
    /// The order among timers that are due at once.
    pub seq: u64,
    /// Whether it is a heartbeat, resync or backoff: nothing that a settled cluster waits for.
    pub recurring: bool,
    /// How often in a row it failed; sets the backoff.
    pub failures: u32,
}

impl Timer {
    /// A timer for a key.
    pub fn new(controller: &str, key: &ObjectKey, due: Time, seq: u64, recurring: bool, failures: u32) -> Timer {
        Timer {
            controller: controller.to_string(),
            kind: key.kind.stored_name(),
            namespace: key.namespace.clone(),
            name: key.name.clone(),
            due: due.0,
            seq,
            recurring,
            failures,
        }
    }

    /// The key to look at; none when the kind is unknown to this version.
    pub fn key(&self) -> Option<ObjectKey> {
        Some(ObjectKey::new(Kind::from_stored_name(&self.kind)?, self.namespace.clone(), self.name.clone()))
    }

    /// What names it.
    fn path(&self) -> String {
        format!("{}/{}/{}/{}", self.controller, self.kind, self.namespace, self.name)
    }

    fn text(&self) -> String {
        // A timer is plain data: it always has a text.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Db {
    pub(in crate::store) fn timers(&self) -> Result<Vec<Timer>, ApiError> {
        let sql =
            "SELECT controller, kind, namespace, name, due, seq, recurring, failures FROM timer ORDER BY due, seq";
        self.rows(sql, [], |r| {
            Ok(Timer {
                controller: r.get(0)?,
                kind: r.get(1)?,
                namespace: r.get(2)?,
                name: r.get(3)?,
                due: r.get(4)?,
                seq: r.get::<_, i64>(5)? as u64,
                recurring: r.get(6)?,
                failures: r.get(7)?,
            })
        })
    }

    /// Makes these the pending timers; only what differs is written.
    pub(in crate::store) fn set_timers(&self, timers: &[Timer]) -> Result<(), ApiError> {
        let stored: BTreeMap<String, Timer> = self.timers()?.into_iter().map(|t| (t.path(), t)).collect();
        let wanted: BTreeMap<String, &Timer> = timers.iter().map(|t| (t.path(), t)).collect();
        for (path, timer) in stored.iter().filter(|(path, _)| !wanted.contains_key(*path)) {
            self.journal(What::Timer, path, Some(&timer.text()))?;
            self.remove_timer(timer)?;
        }
        for (path, timer) in &wanted {
            let before = stored.get(path);
            if before != Some(timer) {
                self.journal(What::Timer, path, before.map(Timer::text).as_deref())?;
                self.put_timer(timer)?;
            }
        }
        Ok(())
    }

    pub(super) fn put_timer(&self, t: &Timer) -> Result<(), ApiError> {
        self.execute(
            "INSERT OR REPLACE INTO timer VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![t.controller, t.kind, t.namespace, t.name, t.due, t.seq as i64, t.recurring, t.failures],
        )
        .map(|_| ())
    }

    fn remove_timer(&self, t: &Timer) -> Result<(), ApiError> {
        let sql = "DELETE FROM timer WHERE controller = ?1 AND kind = ?2 AND namespace = ?3 AND name = ?4";
        self.execute(sql, params![t.controller, t.kind, t.namespace, t.name]).map(|_| ())
    }
}
