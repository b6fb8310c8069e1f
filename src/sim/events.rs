//! The event recorder: equal events are counted, not repeated.
//!
//! Mirrors `k8s.io/client-go/tools/record/events_cache.go`, and for the scheduler, which uses the newer recorder,
//! `k8s.io/client-go/tools/events/event_broadcaster.go`.

use super::Cluster;
use crate::api::k8s::api::core::v1::{Event, EventSeries, EventSource, ObjectReference};
use crate::api::request::By;
use crate::api::{Duration, Kind, Object, ObjectMeta, Time};
use crate::controllers::{About, EventDraft};
use crate::error::ApiError;
use crate::store::Index;
use crate::store::index::event_object;

/// What the message of an event begins with that stands for several.
const COMBINED: &str = "(combined from similar events): ";
/// From that many different messages of one reason on, further ones are combined.
const MAX_SIMILAR: usize = 10;
/// Messages that lie farther apart are not similar.
const SIMILAR_WITHIN: Duration = Duration::secs(600);
/// How many events a source may tell of one object at once, and how long until one more is allowed.
const BURST: i64 = 25;
const ONE_MORE_AFTER: Duration = Duration::secs(300);

/// The components that use the newer recorder.
const NEWER: [&str; 2] = ["default-scheduler", crate::controllers::repair_ip_address::COMPONENT];
/// A series, or an event that stands alone, is over when it was not told for so long (`finishTime`).
const FINISHED_AFTER: Duration = Duration::secs(360);

/// What becomes of an event.
enum Correlated {
    /// It is told too often: nothing.
    Dropped,
    /// It counts up an event, whose message becomes this one.
    Again(Box<Event>, String),
    /// It is a new one with this message.
    New(String),
}

impl Cluster {
    /// Compares an event with those that the same source told of the same object. Mirrors `EventCorrelate`; what the
    /// original keeps in memory is read off the stored events.
    fn correlate(&self, draft: &EventDraft) -> Correlated {
        let stored = self.view().indexed(Kind::Event, Index::EventObject, &event_object(&involved(&draft.about)));
        let told: Vec<&Event> = stored.filter_map(|o| o.get::<Event>()).filter(|e| is_from(e, draft)).collect();
        if is_spam(&told, self.now()) {
            return Correlated::Dropped;
        }
        if let Some(same) = told.iter().find(|e| says_the_same(e, draft)) {
            return Correlated::Again(Box::new((*same).clone()), draft.message.clone());
        }
        let similar: Vec<&Event> = told.into_iter().filter(|e| is_similar(e, draft)).collect();
        if lately(&similar, self.now()) + 1 < MAX_SIMILAR {
            return Correlated::New(draft.message.clone());
        }
        let message = format!("{COMBINED}{}", draft.message);
        match similar.into_iter().find(|e| is_combined(e)) {
            Some(event) => Correlated::Again(Box::new(event.clone()), message),
            None => Correlated::New(message),
        }
    }

    /// Records an event, or counts it up if the same was said of the same object before.
    pub(super) fn record(&mut self, mut draft: EventDraft, by: &By) -> Result<(), ApiError> {
        if NEWER.contains(&draft.component.as_str()) {
            return self.record_in_series(draft, by);
        }
        let now = self.now().meta();
        match self.correlate(&draft) {
            Correlated::Dropped => return Ok(()),
            Correlated::Again(mut event, message) => {
                event.count = Some(event.count.unwrap_or(1) + 1);
                event.last_timestamp = Some(now);
                event.message = Some(message);
                return self.store_mut().put(Object::Event(event)).map(|_| ());
            }
            Correlated::New(message) => draft.message = message,
        }
        let event = Event {
            metadata: self.event_meta(&draft)?,
            involved_object: involved(&draft.about),
            type_: Some(event_type(&draft).to_string()),
            reason: Some(draft.reason),
            message: Some(draft.message),
            source: Some(EventSource {
                component: Some(draft.component.clone()),
                host: Some(draft.host.clone()).filter(|h| !h.is_empty()),
            }),
            reporting_component: Some(draft.component),
            reporting_instance: Some(draft.host).filter(|h| !h.is_empty()),
            first_timestamp: Some(now.clone()),
            last_timestamp: Some(now),
            count: Some(1),
            ..Default::default()
        };
        self.registry.plant(by, Object::from(event)).map(|_| ())
    }

    /// Records an event of the newer kind: the second of a series says so, the further ones are only counted by the
    /// recorder itself. It goes by the object's revision and not by the message. Mirrors `recordToSink`.
    fn record_in_series(&mut self, draft: EventDraft, by: &By) -> Result<(), ApiError> {
        let regarding = involved(&draft.about);
        let is_isomorphic = |e: &&Event| {
            let seen = e.series.as_ref().and_then(|s| s.last_observed_time.as_ref()).or(e.event_time.as_ref());
            e.involved_object == regarding
                && e.reason.as_deref() == Some(&draft.reason)
                && e.type_.as_deref() == Some(event_type(&draft))
                && e.reporting_component.as_deref() == Some(&draft.component)
                && seen.is_some_and(|seen| self.now() - Time::from_micro(seen) <= FINISHED_AFTER)
        };
        let stored = self.view().indexed(Kind::Event, Index::EventObject, &event_object(&regarding));
        let known = stored.filter_map(|o| o.get::<Event>()).find(is_isomorphic).cloned();
        match known {
            Some(event) if event.series.is_some() => Ok(()),
            Some(mut event) => {
                event.series = Some(EventSeries { count: Some(2), last_observed_time: Some(self.now().micro()) });
                self.store_mut().put(Object::from(event)).map(|_| ())
            }
            None => {
                let action = match draft.reason.as_str() {
                    "Scheduled" => "Binding",
                    "Preempted" => "Preempting",
                    reason if reason.starts_with("ClusterIP") => "ClusterIPAllocation",
                    reason if reason.starts_with("IPAddress") => "IPAddressAllocation",
                    _ => "Scheduling",
                };
                let event = Event {
                    metadata: self.event_meta(&draft)?,
                    involved_object: regarding,
                    type_: Some(event_type(&draft).to_string()),
                    action: Some(action.to_string()),
                    reason: Some(draft.reason),
                    message: Some(draft.message),
                    reporting_component: Some(draft.component),
                    reporting_instance: Some(draft.host),
                    event_time: Some(self.now().micro()),
                    ..Default::default()
                };
                self.registry.plant(by, Object::from(event)).map(|_| ())
            }
        }
    }

    /// Name and namespace of a new event. Events about objects of the whole cluster live in the default namespace.
    fn event_meta(&mut self, draft: &EventDraft) -> Result<ObjectMeta, ApiError> {
        let key = &draft.about.key;
        let namespace = if key.namespace.is_empty() { "default" } else { key.namespace.as_str() };
        let n = self.store_mut().next("event")?;
        let nanos = self.now().0.saturating_mul(1_000_000) + (n % 1_000_000) as i64;
        Ok(ObjectMeta {
            name: Some(format!("{}.{nanos:x}", key.name)),
            namespace: Some(namespace.to_string()),
            ..Default::default()
        })
    }
}

/// The reference to the object that an event is about.
fn involved(about: &About) -> ObjectReference {
    ObjectReference {
        api_version: Some(about.key.kind.api_version()),
        kind: Some(about.key.kind.name().to_string()),
        name: Some(about.key.name.clone()),
        namespace: Some(about.key.namespace.clone()).filter(|n| !n.is_empty()),
        uid: Some(about.uid.clone()).filter(|u| !u.is_empty()),
        resource_version: Some(about.resource_version.clone()).filter(|v| !v.is_empty()),
        field_path: Some(about.field_path.clone()).filter(|f| !f.is_empty()),
    }
}

fn event_type(draft: &EventDraft) -> &'static str {
    if draft.warning { "Warning" } else { "Normal" }
}

fn is_from(event: &Event, draft: &EventDraft) -> bool {
    let (source, about) = (event.source.as_ref(), &draft.about.key);
    // Some sources leave the uid out.
    if event.involved_object.name.as_deref() != Some(&about.name)
        || event.involved_object.namespace.as_deref().unwrap_or_default() != about.namespace
    {
        return false;
    }
    source.and_then(|s| s.component.as_deref()) == Some(&draft.component)
        && source.and_then(|s| s.host.as_deref()).unwrap_or_default() == draft.host
}

fn is_similar(event: &Event, draft: &EventDraft) -> bool {
    event.reason.as_deref() == Some(&draft.reason) && (event.type_.as_deref() == Some("Warning")) == draft.warning
}

fn says_the_same(event: &Event, draft: &EventDraft) -> bool {
    is_similar(event, draft)
        && event.message.as_deref() == Some(&draft.message)
        && event.involved_object.field_path.as_deref().unwrap_or_default() == draft.about.field_path
}

fn is_combined(event: &Event) -> bool {
    event.message.as_deref().is_some_and(|m| m.starts_with(COMBINED))
}

fn last_told(event: &Event) -> Time {
    event.last_timestamp.as_ref().map(Time::from_meta).unwrap_or_default()
}

/// Whether a source has used up what it may tell of an object. Mirrors `EventSourceObjectSpamFilter`.
fn is_spam(told: &[&Event], now: Time) -> bool {
    let used: i64 = told.iter().map(|e| i64::from(e.count.unwrap_or(1))).sum();
    let first = told.iter().filter_map(|e| e.first_timestamp.as_ref().map(Time::from_meta)).min().unwrap_or(now);
    used >= BURST + (now - first).0 / ONE_MORE_AFTER.0
}

/// How many different messages there were since the last long pause.
fn lately(similar: &[&Event], now: Time) -> usize {
    let mut events: Vec<&&Event> = similar.iter().collect();
    events.sort_by_key(|e| std::cmp::Reverse(last_told(e)));
    let mut after = now;
    let mut messages = 0;
    for event in events {
        let at = last_told(event);
        if after - at > SIMILAR_WITHIN {
            break;
        }
        after = at;
        messages += usize::from(!is_combined(event));
    }
    messages
}

#[cfg(test)]
mod tests {
    use crate::api::request::By;
    use crate::api::{Kind, ObjectKey, Time};
    use crate::controllers::{About, EventDraft};
    use crate::sim::{Cluster, Config};

    fn told(messages: impl Iterator<Item = String>) -> Vec<String> {
        let mut cluster = Cluster::new_in_memory(Config::default(), Time(0)).unwrap();
        cluster.begin(true, Time(0)).unwrap();
        let about = About {
            key: ObjectKey::new(Kind::Deployment, "default", "web"),
            uid: "u".into(),
            resource_version: String::new(),
            field_path: String::new(),
        };
        for message in messages {
            cluster
                .record(
                    EventDraft::normal(about.clone(), "deployment-controller", "Scaled", message),
                    &By::controller("deployment-controller"),
                )
                .unwrap();
        }
        let events = cluster.view().list_as::<crate::api::k8s::api::core::v1::Event>();
        let mut lines: Vec<String> = events
            .filter(|e| e.involved_object.uid.as_deref() == Some("u"))
            .map(|e| format!("{} x{}", e.message.clone().unwrap_or_default(), e.count.unwrap_or(0)))
            .collect();
        lines.sort();
        lines
    }

    #[test]
    fn equal_events_are_counted_and_many_similar_ones_combined() {
        let messages = (0..14).flat_map(|n| [format!("m{n:02}"), "m00".to_string()]);
        insta::assert_snapshot!(told(messages).join("\n"), @r"
        (combined from similar events): m12 x4
        m00 x13
        m01 x1
        m02 x1
        m03 x1
        m04 x1
        m05 x1
        m06 x1
        m07 x1
        m08 x1
        ");
    }

    #[test]
    fn a_flood_stops_at_twenty_five() {
        let all: usize = told((0..10_000).map(|n| format!("m{n}"))).len();
        assert_eq!(all, 10);
    }
}
