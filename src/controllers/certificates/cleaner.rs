//! Deletes requests for certificates that were decided an hour ago, or waited for a day.
//!
//! Mirrors `pkg/controller/certificates/cleaner/cleaner.go`. A certificate outlasts its request, so that the rule on
//! expired ones never comes first.

use crate::api::k8s::api::certificates::v1::CertificateSigningRequest;
use crate::api::{Duration, Kind, ObjectKey, Time};
use crate::controllers::{Controller, Deletion, Outcome, Write};
use crate::kinds::certificates::certificate_signing_request::{APPROVED, DENIED, FAILED, conditions, is_issued};
use crate::store::{Change, View};

/// How often all requests are looked at.
const POLLING_INTERVAL: Duration = Duration::secs(3600);
/// How long what was signed, denied or failed stays.
const DECIDED_EXPIRATION: Duration = Duration::secs(3600);
/// How long what nobody has decided or signed stays.
const PENDING_EXPIRATION: Duration = Duration::secs(24 * 3600);

/// See the module.
pub(in crate::controllers) struct CsrCleaner;

impl Controller for CsrCleaner {
    fn name(&self) -> &'static str {
        "certificatesigningrequest-cleaner-controller"
    }

    fn on_change(&self, _view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        if change.key.kind == Kind::CertificateSigningRequest && change.new.is_some() {
            enqueue(change.key.clone());
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        let Some(object) = view.get(key) else { return outcome };
        let Some(end) = object.get::<CertificateSigningRequest>().and_then(deadline) else { return outcome };
        if end >= now {
            // Only what is older than that goes.
            outcome.recurring(end - now + Duration::secs(1));
            return outcome;
        }
        let wait = (-now.0).rem_euclid(POLLING_INTERVAL.0);
        match wait > 0 {
            true => outcome.recurring(Duration(wait)),
            false => outcome.write(Write::Delete(Deletion::of(object))),
        }
        outcome
    }
}

/// Until when a request stays.
fn deadline(csr: &CertificateSigningRequest) -> Option<Time> {
    if conditions(csr).is_empty() {
        return csr.metadata.creation_timestamp.as_ref().map(|made| Time::from_meta(made) + PENDING_EXPIRATION);
    }
    let ends = conditions(csr).iter().filter_map(|condition| {
        let span = match condition.type_.as_str() {
            DENIED | FAILED => DECIDED_EXPIRATION,
            APPROVED if is_issued(csr) => DECIDED_EXPIRATION,
            APPROVED => PENDING_EXPIRATION,
            _ => return None,
        };
        condition.last_update_time.as_ref().map(|time| Time::from_meta(time) + span)
    });
    ends.min()
}
