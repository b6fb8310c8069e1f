//! Which pods of a large set a look found in order, so that the next one need not look at all of them as closely.

use std::collections::BTreeSet;

use super::identity::{name, start_ordinal};
use crate::api::k8s::api::apps::v1::StatefulSet;
use crate::api::k8s::api::core::v1::Pod;
use crate::api::{Duration, Object, ObjectKey, Time};
use crate::store::View;

/// The number of pods from which on it pays.
const LARGE: usize = 50;

/// The most pods that may be amiss among those that are remembered as in order.
const FEW: usize = 100;

/// After that time all are looked at again, since what hangs on the pods may have changed: their claims.
const LASTS: Duration = Duration::secs(60);

/// The first pods of a set, which were ready, available and as the set wants them, claims included, but for a few. As long
/// as neither they nor the set's spec have changed they are so still.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct InOrder {
    /// Whose pods: the set's uid and generation.
    set: (String, i64),
    /// How many.
    pods: usize,
    /// The places of those among them that were not in order.
    but: BTreeSet<usize>,
    /// The store's revision at that look.
    revision: u64,
    /// When they were last looked at one by one.
    since: Time,
}

impl InOrder {
    fn note(set: &ObjectKey) -> String {
        format!("statefulset-in-order/{}/{}", set.namespace, set.name)
    }

    fn set_of(set: &Object) -> (String, i64) {
        (set.uid().to_string(), set.meta().generation.unwrap_or(0))
    }

    /// What the last look found; nothing where the set has changed since, or it is too long ago.
    pub(super) fn load(view: &View<'_>, set: &Object, now: Time) -> InOrder {
        let read = || {
            let mut words = view.note(&InOrder::note(&set.key()))?.split(' ');
            Some(InOrder {
                set: (words.next()?.to_string(), words.next()?.parse().ok()?),
                pods: words.next()?.parse().ok()?,
                revision: words.next()?.parse().ok()?,
                since: Time(words.next()?.parse().ok()?),
                but: words.map(|place| place.parse().ok()).collect::<Option<_>>()?,
            })
        };
        read().filter(|found| found.set == InOrder::set_of(set) && now - found.since < LASTS).unwrap_or_default()
    }

    /// The place of a pod that was in order and has not changed since.
    pub(super) fn place_of(&self, set: &StatefulSet, pod: &Pod) -> Option<usize> {
        if self.pods == 0 {
            return None;
        }
        let revision: u64 = pod.metadata.resource_version.as_ref()?.parse().ok()?;
        let ordinal = pod.metadata.name.as_ref()?.strip_prefix(name(set))?.strip_prefix('-')?;
        let place = ordinal.parse::<i64>().ok()? - i64::from(start_ordinal(set));
        usize::try_from(place)
            .ok()
            .filter(|place| revision <= self.revision && *place < self.pods && !self.but.contains(place))
    }

    /// What is known after a further look, which found the first `pods` in order but for those at some places.
    pub(super) fn followed_by(
        &self,
        set: &Object,
        (pods, but): (usize, BTreeSet<usize>),
        revision: u64,
        now: Time,
    ) -> InOrder {
        let since = if self.pods > 0 { self.since } else { now };
        let set = InOrder::set_of(set);
        match but.len() <= FEW {
            true => InOrder { set, pods, but, revision, since },
            false => InOrder { set, ..InOrder::default() },
        }
    }

    /// Takes back what was noted of a set that is gone.
    pub(super) fn forgotten(view: &View<'_>, set: &ObjectKey) -> Option<(String, String)> {
        let note = InOrder::note(set);
        view.note(&note).is_some().then(|| (note, String::new()))
    }

    /// The note of it, and its name; none for small sets.
    pub(super) fn noted(&self, view: &View<'_>, set: &Object) -> Option<(String, String)> {
        if self.pods < LARGE {
            return InOrder::forgotten(view, &set.key());
        }
        let (uid, generation) = &self.set;
        let mut text = format!("{uid} {generation} {} {} {}", self.pods, self.revision, self.since.0);
        self.but.iter().for_each(|place| text.push_str(&format!(" {place}")));
        Some((InOrder::note(&set.key()), text))
    }
}
