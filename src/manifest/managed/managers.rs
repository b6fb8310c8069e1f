//! Who owns which fields: what a write takes from whom, and what an applied configuration may change.
//!
//! Mirrors `sigs.k8s.io/structured-merge-diff/merge` and `k8s.io/apimachinery/pkg/util/managedfields/internal`.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::set::FieldSet;
use super::typed::{Place, compare, field_set, merge, remove, with_named_fields};
use crate::api::k8s::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry, Time as MetaTime};
use crate::api::{Kind, Time, schema};
use crate::error::{ApiError, FieldError, Reason};

/// Fields that nobody owns. Mirrors `stripMetaManager`.
const NOBODYS: &[&[&str]] = &[
    &["apiVersion"],
    &["kind"],
    &["metadata"],
    &["metadata", "name"],
    &["metadata", "namespace"],
    &["metadata", "creationTimestamp"],
    &["metadata", "selfLink"],
    &["metadata", "uid"],
    &["metadata", "clusterName"],
    &["metadata", "generation"],
    &["metadata", "managedFields"],
    &["metadata", "resourceVersion"],
];

/// How many managers that don't apply an object has at most.
const MAX_UPDATE_MANAGERS: usize = 10;

/// The manager of what others wrote long ago.
const OLD_UPDATES: &str = "ancient-changes";

/// How a manager came by its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// It applied them.
    Apply,
    /// It wrote them in any other way.
    Update,
}

/// What tells managers apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Manager {
    /// Its name: `kubectl-client-side-apply`, `kube-controller-manager`.
    pub name: String,
    /// How it writes.
    pub operation: Operation,
    /// The version that it wrote in; empty for one that applies.
    pub api_version: String,
    /// The subresource that it wrote to: `status`, `scale`; empty for the object itself.
    pub subresource: String,
}

impl Manager {
    /// One that writes the object, or a subresource of it, in the stored version.
    pub fn updating(kind: Kind, name: &str, subresource: &str) -> Manager {
        Manager {
            name: name.to_string(),
            operation: Operation::Update,
            api_version: kind.api_version(),
            subresource: subresource.to_string(),
        }
    }

    /// One that applies.
    pub fn applying(name: &str, subresource: &str) -> Manager {
        Manager {
            name: name.to_string(),
            operation: Operation::Apply,
            api_version: String::new(),
            subresource: subresource.to_string(),
        }
    }
}

impl fmt::Display for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.name)?;
        if !self.subresource.is_empty() {
            write!(f, " with subresource {:?}", self.subresource)?;
        }
        if self.operation == Operation::Update {
            write!(f, " using {}", self.api_version)?;
        }
        Ok(())
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Owned {
    set: FieldSet,
    api_version: String,
    time: Option<MetaTime>,
}

impl Owned {
    fn seconds(&self) -> i64 {
        self.time.as_ref().map_or(0, |t| Time::from_meta(t).0.div_euclid(1000))
    }
}

/// Fields that an applied configuration would take from others.
#[derive(Debug, Clone)]
pub struct Conflicts(BTreeMap<Manager, FieldSet>);

impl Conflicts {
    /// Those that are not in a set of fields; none when all are.
    pub fn beyond(&self, allowed: &FieldSet) -> Option<Conflicts> {
        let rest = self.0.iter().map(|(manager, set)| (manager.clone(), set.difference(allowed)));
        let rest: BTreeMap<_, _> = rest.filter(|(_, set)| !set.is_empty()).collect();
        (!rest.is_empty()).then_some(Conflicts(rest))
    }

    /// The same as they are seen in another version.
    pub fn seen_in(self, api_version: &str) -> Conflicts {
        let seen = |(manager, set)| (Manager { api_version: api_version.to_string(), ..manager }, set);
        Conflicts(self.0.into_iter().map(seen).collect())
    }
}

impl From<Conflicts> for ApiError {
    fn from(conflicts: Conflicts) -> ApiError {
        let all: Vec<(&Manager, Vec<String>)> = conflicts.0.iter().map(|(m, set)| (m, set.paths())).collect();
        let text = match &all[..] {
            [(manager, paths)] if paths.len() == 1 => {
                format!("Apply failed with 1 conflict: conflict with {manager}: {}", paths[0])
            }
            _ => {
                let lines = all.iter().map(|(manager, paths)| {
                    let paths: String = paths.iter().map(|path| format!("\n- {path}")).collect();
                    format!("conflicts with {manager}:{paths}")
                });
                let count: usize = all.iter().map(|(_, paths)| paths.len()).sum();
                format!("Apply failed with {count} conflicts: {}", lines.collect::<Vec<_>>().join("\n"))
            }
        };
        // Mirrors `NewApplyConflict`: one cause for each field.
        let cause = |manager: &Manager, path: &String| {
            FieldError::new("FieldManagerConflict", path, format!("conflict with {manager}"))
        };
        let causes = all.iter().flat_map(|(manager, paths)| paths.iter().map(move |path| cause(manager, path)));
        ApiError { causes: causes.collect(), ..ApiError::new(Reason::Conflict, text) }
    }
}

/// The managers of an object and their fields.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Managers(BTreeMap<Manager, Owned>);

/// Where the objects of a kind stand in the schema.
pub fn place_of(kind: Kind) -> Place {
    Place::Object(schema::of(kind))
}

/// The fields that a write to the object or to a subresource leaves alone. Mirrors `GetResetFields`.
pub fn reset_fields(has_status: bool, subresource: &str) -> FieldSet {
    match subresource {
        "status" => FieldSet::of_names(&[&["spec"]]),
        _ if has_status => FieldSet::of_names(&[&["status"]]),
        _ => FieldSet::default(),
    }
}

impl Managers {
    /// Reads `metadata.managedFields`.
    pub fn decode(entries: &[ManagedFieldsEntry]) -> Managers {
        let read = |entry: &ManagedFieldsEntry| {
            let api_version = entry.api_version.clone().unwrap_or_default();
            let applies = entry.operation.as_deref() == Some("Apply");
            let manager = Manager {
                name: entry.manager.clone().unwrap_or_default(),
                operation: if applies { Operation::Apply } else { Operation::Update },
                api_version: if applies { String::new() } else { api_version.clone() },
                subresource: entry.subresource.clone().unwrap_or_default(),
            };
            let set = FieldSet::from_fields_v1(entry.fields_v1.as_ref().map_or(&Value::Null, |f| &f.0));
            (manager, Owned { set, api_version, time: entry.time.clone() })
        };
        Managers(entries.iter().map(read).collect())
    }

    /// Writes `metadata.managedFields`, those that apply first.
    pub fn encode(&self) -> Vec<ManagedFieldsEntry> {
        let mut all: Vec<(&Manager, &Owned)> = self.0.iter().collect();
        all.sort_by_key(|(manager, owned)| {
            let (name, version) = (&manager.name, &owned.api_version);
            (manager.operation, owned.seconds(), name.clone(), version.clone(), manager.subresource.clone())
        });
        let write = |(manager, owned): (&Manager, &Owned)| ManagedFieldsEntry {
            api_version: Some(owned.api_version.clone()),
            fields_type: Some("FieldsV1".into()),
            fields_v1: Some(FieldsV1(owned.set.to_fields_v1())),
            manager: Some(manager.name.clone()),
            operation: Some(format!("{:?}", manager.operation)),
            subresource: Some(manager.subresource.clone()).filter(|s| !s.is_empty()),
            time: owned.time.clone(),
        };
        all.into_iter().map(write).collect()
    }

    /// Notes that a manager wrote `new` over `live`, but for the fields that such a write leaves alone.
    pub fn update(&mut self, kind: Kind, live: &Value, new: &Value, manager: Manager, reset: &FieldSet, now: Time) {
        let changes = compare(live, new, place_of(kind)).without(reset);
        let taken = changes.modified.union(&changes.added);
        for owned in self.0.values_mut() {
            owned.set = owned.set.difference(&taken).difference(&changes.removed);
        }
        let own = taken.difference(&FieldSet::of_names(NOBODYS));
        self.grant(kind, manager, &own, now);
        self.drop_idle();
        self.cap();
    }

    /// Adds fields to a manager's.
    fn grant(&mut self, kind: Kind, manager: Manager, fields: &FieldSet, now: Time) {
        if fields.is_empty() {
            return;
        }
        let empty = || Owned { set: FieldSet::default(), api_version: kind.api_version(), time: None };
        let owned = self.0.entry(manager).or_insert_with(empty);
        owned.set = owned.set.union(fields);
        owned.time = Some(now.meta());
    }

    /// Gives what nobody owns to those who most likely wrote it, where what they wrote one by one is not known any
    /// more: the status to one, the rest to another. What is not there any more belongs to nobody.
    pub fn fill(&mut self, kind: Kind, object: &Value, whole: (Manager, Time), status: (Manager, Time)) {
        let all = field_set(object, place_of(kind)).difference(&FieldSet::of_names(NOBODYS));
        let mut free = all.clone();
        for owned in self.0.values_mut() {
            owned.set = owned.set.intersection(&all);
            free = free.difference(&owned.set);
        }
        let rest = free.without(&FieldSet::of_names(&[&["status"]]));
        self.grant(kind, status.0, &free.difference(&rest), status.1);
        self.grant(kind, whole.0, &rest, whole.1);
        self.drop_idle();
    }

    /// Keeps the ten newest of those who don't apply; older ones become one. Mirrors `capUpdateManagers`.
    fn cap(&mut self) {
        let mut updaters: Vec<(i64, Manager)> = self
            .0
            .iter()
            .filter(|(m, _)| m.operation == Operation::Update)
            .map(|(m, owned)| (owned.seconds(), m.clone()))
            .collect();
        if updaters.len() <= MAX_UPDATE_MANAGERS {
            return;
        }
        updaters.sort();
        let merged = updaters.len() - MAX_UPDATE_MANAGERS + 1;
        let oldest: Vec<Owned> = updaters[..merged].iter().filter_map(|(_, m)| self.0.remove(m)).collect();
        let set = oldest.iter().fold(FieldSet::default(), |all, owned| all.union(&owned.set));
        if let Some((last, (_, manager))) = oldest.last().zip(updaters.first()) {
            let bucket = Manager { name: OLD_UPDATES.into(), subresource: String::new(), ..manager.clone() };
            self.0.insert(bucket, Owned { set, api_version: last.api_version.clone(), time: last.time.clone() });
        }
    }

    /// Applies a configuration: what the object becomes, none when it stays as it is.
    ///
    /// # Errors
    /// The fields that others own with other values, unless they are to be taken by force.
    pub fn apply(
        &mut self,
        kind: Kind,
        live: &Value,
        config: &Value,
        manager: &Manager,
        (reset, force): (&FieldSet, bool),
        now: Time,
    ) -> Result<Option<Value>, Conflicts> {
        let place = place_of(kind);
        let mut managers = self.clone();
        let last = managers.0.get(manager).map(|owned| owned.set.clone());
        let set = field_set(config, place).without(reset);
        let time = managers.0.get(manager).and_then(|owned| owned.time.clone());
        managers.0.insert(manager.clone(), Owned { set, api_version: kind.api_version(), time });
        let merged = merge(live, config, place);
        let new = match last.filter(|last| !last.is_empty()) {
            Some(last) => managers.prune(merged, &last, place),
            None => merged,
        };
        let changes = compare(live, &new, place).without(reset);
        let taken = changes.modified.union(&changes.added);
        let others = managers.0.iter().filter(|(other, _)| *other != manager);
        let conflicts: BTreeMap<Manager, FieldSet> = others
            .map(|(other, owned)| (other.clone(), owned.set.intersection(&taken)))
            .filter(|(_, set)| !set.is_empty())
            .collect();
        if !force && !conflicts.is_empty() {
            return Err(Conflicts(conflicts));
        }
        for (other, owned) in &mut managers.0 {
            if other != manager {
                owned.set = owned.set.difference(&taken).difference(&changes.removed);
            }
        }
        if let Some(owned) = managers.0.get_mut(manager) {
            owned.set = owned.set.difference(&FieldSet::of_names(NOBODYS));
        }
        managers.drop_idle();
        let same = *live == new;
        if (!same || !managers.owns_as(self))
            && let Some(owned) = managers.0.get_mut(manager)
        {
            owned.time = Some(now.meta());
        }
        *self = managers;
        Ok((!same).then_some(new))
    }

    /// Takes out what was applied last time, is not applied now and belongs to nobody else.
    fn prune(&self, merged: Value, last: &FieldSet, place: Place) -> Value {
        let named = |set: &FieldSet| with_named_fields(set, place);
        let owned = self.0.values().fold(FieldSet::default(), |all, owned| all.union(&owned.set));
        let all = named(&field_set(&merged, place));
        let pruned = remove(&merged, &named(last), place);
        let kept = named(&field_set(&pruned, place)).union(&named(&owned));
        let pruned = remove(&merged, &all.difference(&kept), place);
        let gone = all.difference(&named(&field_set(&pruned, place)));
        remove(&merged, &gone.intersection(&named(last)), place)
    }

    /// Makes what client-side apply owns part of what a manager applies. Mirrors `csaupgrade.UpgradeManagedFields`.
    /// The answer says whether there was anything to do.
    pub fn upgrade(&mut self, client_side: &[String], name: &str) -> bool {
        let old: Vec<Manager> = self
            .0
            .keys()
            .filter(|m| m.operation == Operation::Update && m.subresource.is_empty() && client_side.contains(&m.name))
            .cloned()
            .collect();
        for manager in &old {
            let Some(owned) = self.0.remove(manager) else { continue };
            match self.0.get_mut(&Manager::applying(name, "")) {
                Some(applied) => applied.set = applied.set.union(&owned.set),
                None => {
                    self.0.insert(Manager::applying(name, ""), owned);
                }
            }
        }
        !old.is_empty()
    }

    /// The names of the managers that own a field by one operation.
    pub fn owners(&self, operation: Operation, path: &[&str]) -> Vec<String> {
        let owners = self.0.iter().filter(|(m, owned)| m.operation == operation && owned.set.has(path));
        owners.map(|(m, _)| m.name.clone()).collect()
    }

    /// Whether everybody owns the same as in another record.
    fn owns_as(&self, other: &Managers) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().all(|(m, owned)| other.0.get(m).is_some_and(|before| before.set == owned.set))
    }

    fn drop_idle(&mut self) {
        self.0.retain(|_, owned| !owned.set.is_empty());
    }
}
