//! The timers of the work queue.

use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::{Db, What};
use crate::api::{Kind, ObjectKey, Time};
use crate::error::ApiError;

/// A place in the order of timers: when, and the number among those of one time.
pub type Place = (i64, i64);

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
            kind: key.kind.stored_name().into_owned(),
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

    /// Its place in the order of timers.
    pub fn place(&self) -> Place {
        (self.due, self.seq as i64)
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

const COLUMNS: &str = "SELECT controller, kind, namespace, name, due, seq, recurring, failures FROM timer";

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Timer> {
    Ok(Timer {
        controller: row.get(0)?,
        kind: row.get(1)?,
        namespace: row.get(2)?,
        name: row.get(3)?,
        due: row.get(4)?,
        seq: row.get::<_, i64>(5)? as u64,
        recurring: row.get(6)?,
        failures: row.get(7)?,
    })
}

impl Db {
    pub(in crate::store) fn timers_after(
        &self,
        after: Option<Place>,
        progress: bool,
        limit: usize,
    ) -> Result<Vec<Timer>, ApiError> {
        let (due, seq) = after.unwrap_or((i64::MIN, i64::MIN));
        let which = if progress { "NOT recurring AND" } else { "" };
        let sql = format!("{COLUMNS} WHERE {which} (due, seq) > (?1, ?2) ORDER BY due, seq LIMIT ?3");
        self.rows(&sql, params![due, seq, limit as i64], read)
    }

    pub(in crate::store) fn timers_before(&self, before: Option<Place>, limit: usize) -> Result<Vec<Timer>, ApiError> {
        let (due, seq) = before.unwrap_or((i64::MAX, i64::MAX));
        let sql = format!("{COLUMNS} WHERE (due, seq) < (?1, ?2) ORDER BY due DESC, seq DESC LIMIT ?3");
        self.rows(&sql, params![due, seq, limit as i64], read)
    }

    pub(in crate::store) fn timer(&self, controller: &str, key: &ObjectKey) -> Result<Option<Timer>, ApiError> {
        let sql = format!("{COLUMNS} WHERE controller = ?1 AND kind = ?2 AND namespace = ?3 AND name = ?4");
        let found = self.rows(&sql, params![controller, key.kind.stored_name(), key.namespace, key.name], read)?;
        Ok(found.into_iter().next())
    }

    pub(in crate::store) fn greatest_timer_seq(&self, counted: u64) -> Result<u64, ApiError> {
        let greatest = self.number("SELECT COALESCE(MAX(seq % ?1), 0) FROM timer", params![counted as i64])?;
        Ok(greatest.unwrap_or(0) as u64)
    }

    pub(in crate::store) fn change_timer(&self, before: Option<&Timer>, now: Option<&Timer>) -> Result<(), ApiError> {
        let Some(path) = now.or(before).map(Timer::path) else { return Ok(()) };
        self.journal(What::Timer, &path, before.map(Timer::text).as_deref())?;
        match (before, now) {
            (_, Some(timer)) => self.put_timer(timer),
            (Some(timer), None) => self.remove_timer(timer),
            (None, None) => Ok(()),
        }
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
