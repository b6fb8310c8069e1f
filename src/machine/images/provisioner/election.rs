//! The lock by which one of several provisioners of a name is the one that works: an Endpoints object with an annotation.
//!
//! Mirrors `tools/leaderelection` of client-go with the lock `endpoints`. Nobody renews it: it lasts as long as its pod,
//! and who finds another's waits for the time after which one that is not renewed counts as left.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{AGENT, Provisioner, patience};
use crate::api::{Duration, Time};
use crate::machine::images::in_cluster::{self, Question};
use crate::machine::kernel::Sys;

/// The annotation that says who leads.
const ANN: &str = "control-plane.alpha.kubernetes.io/leader";

/// `DefaultLeaseDuration`
const LEASE: Duration = Duration::secs(15);

/// `DefaultRetryPeriod`, with its jitter.
const RETRY: Duration = Duration::millis(3200);

/// What a candidate knows of the lock.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Election {
    begun: bool,
    /// The record of another, and since when it has been that.
    seen: Option<(String, Time)>,
    tries: u32,
}

fn stamp(now: Time) -> String {
    jiff::Timestamp::from_millisecond(now.0).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl Election {
    /// Tries to get the lock; how long it waits before it tries again, or none once it has it.
    pub(super) fn go_on(&mut self, of: &Provisioner, sys: &mut Sys<'_>) -> Option<Duration> {
        let namespace = of.settings.get("POD_NAMESPACE").cloned().unwrap_or_else(|| "default".into());
        let name = of.name.replace('/', "-");
        let [wanted, had, ..] = of.lines().lock;
        if !self.begun {
            self.begun = true;
            of.say(sys, 'I', wanted, &format!("attempting to acquire leader lease  {namespace}/{name}..."));
        }
        match self.acquire(of, sys, &namespace, &name) {
            Ok(lock) => {
                of.say(sys, 'I', had, &format!("successfully acquired lease {namespace}/{name}"));
                tell(of, sys, &lock);
                None
            }
            Err(wait) => Some(wait),
        }
    }

    fn acquire(&mut self, of: &Provisioner, sys: &mut Sys<'_>, namespace: &str, name: &str) -> Result<Value, Duration> {
        let [_, _, _, read, make, update] = of.lines().lock;
        let now = sys.now();
        let folder = format!("/api/v1/namespaces/{namespace}/endpoints");
        let path = format!("{folder}/{name}");
        let mut fail = |sys: &mut Sys<'_>, place: &str, text: String| {
            of.say(sys, 'E', place, &text);
            self.tries += 1;
            Err(patience(RETRY, self.tries))
        };
        let found = match in_cluster::ask(sys, &Question::get(AGENT, &path)) {
            Ok(answer) => answer,
            Err(fault) => {
                let text = format!("error retrieving resource lock {namespace}/{name}: {}", fault.text());
                return fail(sys, read, text);
            }
        };
        let record = |transitions: u64, since: &str| {
            json!({
                "holderIdentity": of.identity, "leaseDurationSeconds": LEASE.0 / 1000, "acquireTime": since,
                "renewTime": stamp(now), "leaderTransitions": transitions,
            })
            .to_string()
        };
        if found.status == 404 {
            let lock = json!({
                "apiVersion": "v1", "kind": "Endpoints",
                "metadata": {"name": name, "namespace": namespace, "annotations": {ANN: record(0, &stamp(now))}},
            });
            let question = Question { agent: AGENT, method: "POST", path: &folder, body: Some(lock) };
            return match in_cluster::ask(sys, &question) {
                Ok(answer) if answer.status == 201 => Ok(answer.tree),
                Ok(answer) => {
                    fail(sys, make, format!("error initially creating leader election record: {}", answer.message()))
                }
                Err(fault) => {
                    fail(sys, make, format!("error initially creating leader election record: {}", fault.text()))
                }
            };
        }
        if found.status != 200 {
            let text = format!("error retrieving resource lock {namespace}/{name}: {}", found.message());
            return fail(sys, read, text);
        }
        let mut lock = found.tree;
        let text = lock["metadata"]["annotations"][ANN].as_str().unwrap_or_default().to_string();
        let old: Value = serde_json::from_str(&text).unwrap_or_default();
        let holder = old["holderIdentity"].as_str().unwrap_or_default();
        if !holder.is_empty() && holder != of.identity {
            match &self.seen {
                Some((seen, since)) if *seen == text && now >= *since + LEASE => {}
                Some((seen, since)) if *seen == text => return Err(*since + LEASE - now),
                _ => {
                    self.seen = Some((text, now));
                    return Err(LEASE);
                }
            }
        }
        let transitions = old["leaderTransitions"].as_u64().unwrap_or(0) + 1;
        lock["metadata"]["annotations"][ANN] = json!(record(transitions, &stamp(now)));
        let question = Question { agent: AGENT, method: "PUT", path: &path, body: Some(lock) };
        match in_cluster::ask(sys, &question) {
            Ok(answer) if answer.status == 200 => Ok(answer.tree),
            Ok(answer) => fail(sys, update, format!("Failed to update lock: {}", answer.message())),
            Err(fault) => fail(sys, update, format!("Failed to update lock: {}", fault.text())),
        }
    }
}

/// The event that somebody leads; in the log, and with the server if it takes it.
fn tell(of: &Provisioner, sys: &mut Sys<'_>, lock: &Value) {
    let [_, _, place, ..] = of.lines().lock;
    let meta = &lock["metadata"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let (namespace, name) = (text(&meta["namespace"]), text(&meta["name"]));
    let (uid, version) = (text(&meta["uid"]), text(&meta["resourceVersion"]));
    let message = format!("{} became leader", of.identity);
    let about = format!(
        "v1.ObjectReference{{Kind:\"Endpoints\", Namespace:\"{namespace}\", Name:\"{name}\", UID:\"{uid}\", \
         APIVersion:\"v1\", ResourceVersion:\"{version}\", FieldPath:\"\"}}"
    );
    of.say(sys, 'I', place, &format!("Event({about}): type: 'Normal' reason: 'LeaderElection' {message}"));
    let now = stamp(sys.now());
    let event = json!({
        "apiVersion": "v1", "kind": "Event",
        "metadata": {"name": format!("{name}.{:x}", sys.random()), "namespace": namespace},
        "involvedObject": {
            "kind": "Endpoints", "namespace": namespace, "name": name, "uid": uid, "apiVersion": "v1",
            "resourceVersion": version,
        },
        "reason": "LeaderElection", "message": message, "source": {"component": of.component()},
        "firstTimestamp": now, "lastTimestamp": now, "count": 1, "type": "Normal",
    });
    let path = format!("/api/v1/namespaces/{namespace}/events");
    let question = Question { agent: AGENT, method: "POST", path: &path, body: Some(event) };
    if let Ok(answer) = in_cluster::ask(sys, &question)
        && answer.status == 403
    {
        let text = format!("Server rejected event '&v1.Event{{...}}': '{}' (will not retry!)", answer.message());
        of.say(sys, 'E', "event.go:260", &text);
    }
}
