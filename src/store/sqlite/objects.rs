//! The newest revision of each object, and what is found by it: members of indexes, numbers, the load of nodes.

use std::collections::BTreeMap;

use rusqlite::params;

use super::{DERIVED, Db, LAYOUT};
use crate::api::{Kind, Object, ObjectKey};
use crate::error::ApiError;
use crate::store::index::{self, Entries, Index};
use crate::store::load::{NodeLoad, Place};

const CURRENT: &str = "FROM current c JOIN revision r ON r.rev = c.rev WHERE c.kind = ?1";

impl Db {
    pub(in crate::store) fn object(&self, kind: Kind, namespace: &str, name: &str) -> Result<Option<Object>, ApiError> {
        let sql = format!("SELECT r.object {CURRENT} AND c.namespace = ?2 AND c.name = ?3");
        let texts: Vec<String> = self.rows(&sql, params![kind.stored_name(), namespace, name], |r| r.get(0))?;
        texts.first().map(|text| Object::from_stored(kind, text)).transpose()
    }

    pub(in crate::store) fn objects(&self, kind: Kind) -> Result<Vec<Object>, ApiError> {
        let sql = format!("SELECT r.object {CURRENT}");
        self.read_objects(kind, &sql, params![kind.stored_name()])
    }

    pub(in crate::store) fn objects_in(&self, kind: Kind, namespace: &str) -> Result<Vec<Object>, ApiError> {
        let sql = format!("SELECT r.object {CURRENT} AND c.namespace = ?2");
        self.read_objects(kind, &sql, params![kind.stored_name(), namespace])
    }

    /// The objects of a kind, or of a namespace of it, from a place on in the order of namespaces and names.
    pub(in crate::store) fn objects_from(
        &self,
        kind: Kind,
        within: Option<&str>,
        (namespace, name): (&str, &str),
        limit: usize,
        telltale: Option<&str>,
    ) -> Result<Vec<Object>, ApiError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        // CROSS JOIN: the rows come in the order of the outer table's key, and no more are read than asked for.
        let from = "SELECT r.object FROM current c CROSS JOIN revision r ON r.rev = c.rev
                    WHERE c.kind = ?1 AND (?5 IS NULL OR instr(r.object, ?5))";
        match within {
            Some(within) => {
                let sql = format!("{from} AND c.namespace = ?2 AND c.name >= ?3 ORDER BY c.name LIMIT ?4");
                self.read_objects(kind, &sql, params![kind.stored_name(), within, name, limit, telltale])
            }
            None => {
                let sql = format!("{from} AND (c.namespace, c.name) >= (?2, ?3) ORDER BY c.namespace, c.name LIMIT ?4");
                self.read_objects(kind, &sql, params![kind.stored_name(), namespace, name, limit, telltale])
            }
        }
    }

    /// How many objects of a kind, or of a namespace of it, come from a place on.
    pub(in crate::store) fn count_from(
        &self,
        kind: Kind,
        within: Option<&str>,
        (namespace, name): (&str, &str),
    ) -> Result<usize, ApiError> {
        let count = "SELECT COUNT(*) FROM current WHERE kind = ?1";
        let n = match within {
            Some(within) => {
                let sql = format!("{count} AND namespace = ?2 AND name >= ?3");
                self.number(&sql, params![kind.stored_name(), within, name])?
            }
            None => {
                let sql = format!("{count} AND (namespace, name) >= (?2, ?3)");
                self.number(&sql, params![kind.stored_name(), namespace, name])?
            }
        };
        Ok(n.unwrap_or(0) as usize)
    }

    fn read_objects(&self, kind: Kind, sql: &str, with: impl rusqlite::Params) -> Result<Vec<Object>, ApiError> {
        let mut objects = Vec::new();
        let mut fault = None;
        // Each text is read where SQLite holds it, so that many objects cost no copy each.
        self.rows(sql, with, |r| {
            let text = r.get_ref(0)?.as_str()?;
            match Object::from_stored(kind, text) {
                Ok(object) => objects.push(object),
                Err(e) => fault = Some(e),
            }
            Ok(())
        })?;
        fault.map_or(Ok(objects), Err)
    }

    /// The keys of the objects of a kind that were stored last before a revision.
    pub(in crate::store) fn written_before(&self, kind: Kind, revision: u64) -> Result<Vec<ObjectKey>, ApiError> {
        let sql = "SELECT namespace, name FROM current WHERE kind = ?1 AND rev < ?2";
        let revision = i64::try_from(revision).unwrap_or(i64::MAX);
        self.rows(sql, params![kind.stored_name(), revision], |r| {
            Ok(ObjectKey::new(kind, r.get::<_, String>(0)?, r.get::<_, String>(1)?))
        })
    }

    /// The members of a bucket with their ranks, in no order.
    pub(in crate::store) fn members(
        &self,
        kind: Kind,
        index: Index,
        bucket: &str,
    ) -> Result<Vec<(u128, Object)>, ApiError> {
        let sql = "SELECT m.rank, r.object FROM member m
                   JOIN current c ON c.kind = m.kind AND c.namespace = m.namespace AND c.name = m.name
                   JOIN revision r ON r.rev = c.rev WHERE m.idx = ?1 AND m.bucket = ?2 AND m.kind = ?3";
        let rows: Vec<(Vec<u8>, String)> =
            self.rows(sql, params![index as i64, bucket, kind.stored_name()], |r| Ok((r.get(0)?, r.get(1)?)))?;
        rows.iter().map(|(rank, text)| Ok((rank_of(rank), Object::from_stored(kind, text)?))).collect()
    }

    pub(in crate::store) fn count_members(&self, kind: Kind, index: Index, bucket: &str) -> Result<usize, ApiError> {
        let sql = "SELECT COUNT(*) FROM member WHERE idx = ?1 AND bucket = ?2 AND kind = ?3";
        let n = self.number(sql, params![index as i64, bucket, kind.stored_name()])?;
        Ok(n.unwrap_or(0) as usize)
    }

    /// The kinds of which an index's bucket has members.
    pub(in crate::store) fn kinds_with(&self, index: Index, bucket: &str) -> Result<Vec<Kind>, ApiError> {
        let sql = "SELECT DISTINCT kind FROM member WHERE idx = ?1 AND bucket = ?2";
        let names: Vec<String> = self.rows(sql, params![index as i64, bucket], |r| r.get(0))?;
        Ok(names.iter().filter_map(|name| Kind::from_stored_name(name)).collect())
    }

    /// How many objects of a kind are stored, in a namespace or in all.
    pub(in crate::store) fn tally(&self, kind: Kind, namespace: Option<&str>) -> Result<usize, ApiError> {
        let n = match namespace {
            None => {
                self.number("SELECT COALESCE(SUM(n), 0) FROM tally WHERE kind = ?1", params![kind.stored_name()])?
            }
            Some(namespace) => self.number(
                "SELECT n FROM tally WHERE kind = ?1 AND namespace = ?2",
                params![kind.stored_name(), namespace],
            )?,
        };
        Ok(n.unwrap_or(0) as usize)
    }

    /// Stores what became of an object, and where it stands in indexes.
    pub(in crate::store) fn settle_object(
        &self,
        key: &ObjectKey,
        revision: Option<u64>,
        before: &Entries,
        now: &Entries,
    ) -> Result<(), ApiError> {
        let kind = key.kind.stored_name();
        match revision {
            Some(revision) => self.execute(
                "INSERT OR REPLACE INTO current VALUES (?1, ?2, ?3, ?4)",
                params![kind, key.namespace, key.name, revision as i64],
            )?,
            None => self.execute(
                "DELETE FROM current WHERE kind = ?1 AND namespace = ?2 AND name = ?3",
                params![kind, key.namespace, key.name],
            )?,
        };
        for (index, bucket, rank) in before.iter().filter(|entry| !now.contains(entry)) {
            let sql = "DELETE FROM member WHERE idx = ?1 AND bucket = ?2 AND kind = ?3 AND rank = ?4
                       AND namespace = ?5 AND name = ?6";
            self.execute(sql, params![*index as i64, bucket, kind, bytes_of(*rank), key.namespace, key.name])?;
        }
        for (index, bucket, rank) in now.iter().filter(|entry| !before.contains(entry)) {
            let sql = "INSERT OR REPLACE INTO member VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            self.execute(sql, params![*index as i64, bucket, kind, bytes_of(*rank), key.namespace, key.name])?;
        }
        Ok(())
    }

    pub(in crate::store) fn add_to_tally(&self, kind: Kind, namespace: &str, more: i64) -> Result<(), ApiError> {
        let sql = "INSERT INTO tally VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET n = n + ?3";
        self.execute(sql, params![kind.stored_name(), namespace, more]).map(|_| ())
    }

    /// What the pods in a place ask for in sum.
    pub(in crate::store) fn load(&self, place: &Place) -> Result<Option<NodeLoad>, ApiError> {
        let sql = "SELECT load FROM load WHERE node = ?1 AND bound = ?2";
        let texts: Vec<String> = self.rows(sql, params![place.node, place.bound], |r| r.get(0))?;
        let read = |text: &String| serde_json::from_str(text).map_err(|e| self.damaged(&e.to_string()));
        texts.first().map(read).transpose()
    }

    pub(in crate::store) fn set_load(&self, place: &Place, load: Option<&NodeLoad>) -> Result<(), ApiError> {
        let Some(load) = load else {
            let sql = "DELETE FROM load WHERE node = ?1 AND bound = ?2";
            return self.execute(sql, params![place.node, place.bound]).map(|_| ());
        };
        let text = serde_json::to_string(load).map_err(|e| ApiError::internal(e.to_string()))?;
        let sql = "INSERT OR REPLACE INTO load VALUES (?1, ?2, ?3)";
        self.execute(sql, params![place.node, place.bound, text]).map(|_| ())
    }

    /// Brings a file of an earlier layout up to this one.
    pub(super) fn upgrade(self) -> Result<Db, ApiError> {
        self.check(self.connection.execute_batch("BEGIN IMMEDIATE"))?;
        // Another process may have done it meanwhile.
        let layout = self.number("PRAGMA user_version", [])?;
        if layout == Some(1) {
            self.check(self.connection.execute_batch(DERIVED))?;
        }
        if layout < Some(3) {
            self.check(self.connection.execute_batch(super::blobs::BLOBS))?;
        }
        if layout < Some(LAYOUT) {
            self.check(self.connection.execute_batch("DELETE FROM member; DELETE FROM tally; DELETE FROM load"))?;
            self.derive()?;
            self.check(self.connection.pragma_update(None, "user_version", LAYOUT))?;
        }
        self.check(self.connection.execute_batch("COMMIT"))?;
        Ok(self)
    }

    /// Works out from the objects what follows from them.
    fn derive(&self) -> Result<(), ApiError> {
        let mut tally: BTreeMap<(Kind, String), i64> = BTreeMap::new();
        let mut loads: BTreeMap<Place, NodeLoad> = BTreeMap::new();
        for kind in Kind::known() {
            for object in self.objects(kind)? {
                let entries = index::entries_of(kind, &object);
                self.settle_object(&object.key(), Some(object.revision()), &Entries::new(), &entries)?;
                *tally.entry((kind, object.namespace().to_string())).or_default() += 1;
                if let Object::Pod(pod) = &object
                    && let Some(place) = Place::of(pod)
                {
                    loads.entry(place).or_default().count(pod, true);
                }
            }
        }
        for ((kind, namespace), n) in tally {
            self.add_to_tally(kind, &namespace, n)?;
        }
        loads.iter().try_for_each(|(place, load)| self.set_load(place, Some(load)))
    }
}

/// A rank as it is stored, so that ranks compare as their bytes do; empty for the least, which most have.
fn bytes_of(rank: u128) -> Vec<u8> {
    if rank == 0 { Vec::new() } else { rank.to_be_bytes().to_vec() }
}

fn rank_of(bytes: &[u8]) -> u128 {
    bytes.try_into().map_or(0, u128::from_be_bytes)
}
