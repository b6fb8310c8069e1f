//! The event recorder: equal events are counted, not repeated.
//!
//! Mirrors `k8s.io/client-go/tools/record/events_cache.go`.

use super::Cluster;
use crate::api::k8s::api::core::v1::{Event, EventSource, ObjectReference};
use crate::api::{Kind, Object, ObjectMeta};
use crate::controllers::EventDraft;
use crate::error::ApiError;
use crate::store::Index;

impl Cluster {
    /// Records an event, or counts it up if the same was said of the same object before.
    pub(super) fn record(&mut self, draft: EventDraft) -> Result<(), ApiError> {
        let known = self
            .view()
            .indexed(Kind::Event, Index::EventObject, &draft.about.uid)
            .find(|o| matches!(&***o, Object::Event(e) if says_the_same(e, &draft)))
            .cloned();
        let now = self.now.meta();
        if let Some(Object::Event(event)) = known.as_deref() {
            let mut event = event.clone();
            event.count = Some(event.count.unwrap_or(1) + 1);
            event.last_timestamp = Some(now);
            self.store.put(Object::Event(event))?;
            return Ok(());
        }
        let about = &draft.about;
        // Events about objects of the whole cluster live in the default namespace.
        let namespace = if about.key.namespace.is_empty() { "default" } else { about.key.namespace.as_str() };
        let n = self.store.next("event")?;
        let nanos = self.now.0 * 1_000_000 + (n % 1_000_000) as i64;
        let event = Event {
            metadata: ObjectMeta {
                name: Some(format!("{}.{nanos:x}", about.key.name)),
                namespace: Some(namespace.to_string()),
                ..Default::default()
            },
            involved_object: ObjectReference {
                api_version: Some(about.key.kind.api_version()),
                kind: Some(about.key.kind.name().to_string()),
                name: Some(about.key.name.clone()),
                namespace: Some(about.key.namespace.clone()).filter(|n| !n.is_empty()),
                uid: Some(about.uid.clone()),
                resource_version: Some(about.resource_version.clone()).filter(|v| !v.is_empty()),
                field_path: Some(about.field_path.clone()).filter(|f| !f.is_empty()),
            },
            type_: Some(if draft.warning { "Warning" } else { "Normal" }.to_string()),
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
        self.plant(Object::Event(event)).map(|_| ())
    }
}

fn says_the_same(event: &Event, draft: &EventDraft) -> bool {
    let source = event.source.as_ref();
    event.reason.as_deref() == Some(&draft.reason)
        && event.message.as_deref() == Some(&draft.message)
        && (event.type_.as_deref() == Some("Warning")) == draft.warning
        && source.and_then(|s| s.component.as_deref()) == Some(&draft.component)
        && source.and_then(|s| s.host.as_deref()).unwrap_or_default() == draft.host
        && event.involved_object.field_path.as_deref().unwrap_or_default() == draft.about.field_path
}
