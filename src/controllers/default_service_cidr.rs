//! The ServiceCIDR `kubernetes`, which the API server makes from its flags.
//!
//! Mirrors `pkg/controlplane/controller/defaultservicecidr`.

use crate::api::k8s::api::networking::v1::{ServiceCIDR, ServiceCIDRSpec};
use crate::api::{Duration, Kind, ObjectKey, ObjectMeta, Time, Typed};
use crate::controllers::{Controller, Outcome, Write};
use crate::kinds::networking::service_cidr::{DEFAULT, DEFAULT_NETWORK};
use crate::store::{Change, View};

/// How often the API server looks: `DefaultEndpointReconcilerInterval`.
const INTERVAL_SECONDS: i64 = 10;
/// When within that time it does.
const PHASE_SECONDS: i64 = 3;

/// Makes it again when it is gone.
pub(super) struct DefaultServiceCidrController;

impl Controller for DefaultServiceCidrController {
    fn name(&self) -> &'static str {
        "kubernetes-service-cidr-controller"
    }

    fn on_change(&self, _view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        if change.key.kind == Kind::ServiceCIDR && change.key.name == DEFAULT && change.new.is_none() {
            enqueue(change.key.clone());
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        if view.get(key).is_some() {
            return outcome;
        }
        let interval = Duration::secs(INTERVAL_SECONDS).0;
        let wait = (Duration::secs(PHASE_SECONDS).0 - now.0).rem_euclid(interval);
        if wait > 0 {
            outcome.recurring(Duration(wait));
            return outcome;
        }
        outcome.write(Write::create(service_cidr().into_object()));
        outcome
    }
}

/// The ServiceCIDR as it is made; whether it is ready is said by another controller.
pub fn service_cidr() -> ServiceCIDR {
    ServiceCIDR {
        metadata: ObjectMeta { name: Some(DEFAULT.into()), ..Default::default() },
        spec: Some(ServiceCIDRSpec { cidrs: Some(vec![DEFAULT_NETWORK.into()]) }),
        status: None,
    }
}
