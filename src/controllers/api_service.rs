//! Says whether versions of the API that others serve can be reached.
//!
//! Mirrors `k8s.io/kube-aggregator/pkg/controllers/status`. Behind kstate's services nobody answers but a metrics
//! server, so the last check of others, a request for the version's resources, fails.

use crate::api::k8s::api::core::v1::{Pod, Service};
use crate::api::k8s::api::discovery::v1::EndpointSlice;
use crate::api::k8s::kube_aggregator::pkg::apis::apiregistration::v1::{
    APIService, APIServiceCondition, APIServiceSpec,
};
use crate::api::{Duration, Kind, Object, ObjectKey, Time, Typed};
use crate::controllers::{Controller, Outcome, Write};
use crate::kinds::apiregistration::api_service::{AVAILABLE, local_status};
use crate::kinds::shared::access::{items, text};
use crate::store::{Change, View};

/// The label that says whose slice an EndpointSlice is.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// How often what can't be reached is tried again.
const CHECK: Duration = Duration::secs(30);

/// See the module.
pub(super) struct AvailableController;

impl Controller for AvailableController {
    fn name(&self) -> &'static str {
        "apiservice-status-controller"
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        let key = &change.key;
        let service = match key.kind {
            Kind::APIService => return enqueue(key.clone()),
            Kind::Service => key.name.clone(),
            Kind::EndpointSlice => {
                let labels = change.new.as_ref().or(change.old.as_ref()).and_then(|o| o.meta().labels.as_ref());
                labels.and_then(|labels| labels.get(SERVICE_NAME)).cloned().unwrap_or_default()
            }
            _ => return,
        };
        for api in view.list_as::<APIService>() {
            let reference = api.spec.as_ref().and_then(|spec| spec.service.as_ref());
            if reference.is_some_and(|r| (text(&r.namespace), text(&r.name)) == (&*key.namespace, &*service)) {
                enqueue(ObjectKey::cluster(Kind::APIService, text(&api.metadata.name)));
            }
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        let Some(api) = view.get(key).and_then(|o| o.get::<APIService>()) else { return outcome };
        let Some((status, reason, message)) = judge(view, api) else {
            let there = api.status.as_ref().map_or(&[][..], |s| items(&s.conditions));
            if !there.iter().any(|c| c.type_ == AVAILABLE && c.reason.as_deref() == Some("Local")) {
                let mut updated = api.clone();
                updated.status = Some(local_status(Some(now.meta())));
                outcome.write(Write::update_status(updated.into_object()));
            }
            return outcome;
        };
        if status == "False" && api.spec.as_ref().is_some_and(is_of_metrics) {
            // It may begin to listen at any time.
            outcome.recurring(CHECK);
        }
        let mut updated = api.clone();
        let conditions = updated.status.get_or_insert_default().conditions.get_or_insert_default();
        let old = conditions.iter().position(|c| c.type_ == AVAILABLE);
        let was = old.map(|at| conditions[at].clone());
        // A change of the reason alone is no transition.
        let since = was.as_ref().filter(|c| c.status == status).and_then(|c| c.last_transition_time.clone());
        let condition = APIServiceCondition {
            type_: AVAILABLE.into(),
            status: status.into(),
            reason: Some(reason.into()),
            message: Some(message),
            last_transition_time: since.or_else(|| Some(now.meta())),
        };
        if was.as_ref() == Some(&condition) {
            return outcome;
        }
        match old {
            Some(at) => conditions[at] = condition,
            None => conditions.push(condition),
        }
        let updated: Object = updated.into_object();
        outcome.write(Write::update_status(updated));
        outcome
    }
}

/// What is to be said of a version: status, reason and message; none for one that the server serves itself.
fn judge(view: &View<'_>, api: &APIService) -> Option<(&'static str, &'static str, String)> {
    let spec = api.spec.as_ref()?;
    let reference = spec.service.as_ref()?;
    let (namespace, name, port) = (text(&reference.namespace), text(&reference.name), reference.port.unwrap_or(443));
    let Some(service) = view.get_as::<Service>(namespace, name) else {
        return Some(("False", "ServiceNotFound", format!("service/{name} in {namespace:?} is not present")));
    };
    let service = service.spec.clone().unwrap_or_default();
    if service.type_.as_deref() == Some("ClusterIP") {
        let Some(listening) = items(&service.ports).iter().find(|p| p.port == port) else {
            let message = format!("service/{name} in {namespace:?} is not listening on port {port}");
            return Some(("False", "ServicePortError", message));
        };
        let slices: Vec<&EndpointSlice> = view
            .list_in(Kind::EndpointSlice, namespace)
            .filter_map(|o| o.get::<EndpointSlice>())
            .filter(|s| s.metadata.labels.as_ref().and_then(|l| l.get(SERVICE_NAME)).is_some_and(|of| of == name))
            .collect();
        if slices.is_empty() {
            let message = format!("cannot find endpointslices for service/{name} in {namespace:?}");
            return Some(("False", "EndpointsNotFound", message));
        }
        let port_name = text(&listening.name);
        if is_of_metrics(spec) && slices.iter().any(|slice| has_metrics_server(view, slice)) {
            return Some(("True", "Passed", "all checks passed".into()));
        }
        if !slices.iter().any(|slice| is_active(slice, port_name)) {
            let message = format!(
                "endpointslices for service/{name} in {namespace:?} have no addresses with port name {port_name:?}"
            );
            return Some(("False", "MissingEndpoints", message));
        }
    }
    let path = match text(&spec.group) {
        "" => format!("/api/{}", text(&spec.version)),
        group => format!("/apis/{group}/{}", text(&spec.version)),
    };
    let address = text(&service.cluster_ip);
    let url = format!("https://{address}:{port}{path}");
    let fault = format!("Get {url:?}: dial tcp {address}:{port}: connect: connection refused");
    Some(("False", "FailedDiscoveryCheck", format!("failing or missing response from {url}: {fault}")))
}

fn is_of_metrics(spec: &APIServiceSpec) -> bool {
    (text(&spec.group), text(&spec.version)) == ("metrics.k8s.io", "v1beta1")
}

/// Whether a metrics server is behind an endpoint that is ready.
fn has_metrics_server(view: &View<'_>, slice: &EndpointSlice) -> bool {
    let namespace = text(&slice.metadata.namespace);
    let ready = items(&slice.endpoints).iter().filter(|e| e.conditions.as_ref().and_then(|c| c.ready).unwrap_or(true));
    let mut pods = ready.filter_map(|e| view.get_as::<Pod>(namespace, e.target_ref.as_ref()?.name.as_deref()?));
    let ports = || items(&slice.ports).iter().filter_map(|p| u16::try_from(p.port?).ok());
    pods.any(|pod| {
        let listens = |port| view.sandbox(text(&pod.metadata.uid)).is_some_and(|s| s.listeners.contains_key(&port));
        let containers = pod.spec.iter().flat_map(|s| &s.containers);
        containers.into_iter().any(|c| text(&c.image).contains("metrics-server")) && ports().any(listens)
    })
}

/// Mirrors `hasAvailableEndpoint`.
fn is_active(slice: &EndpointSlice, port: &str) -> bool {
    let ready = items(&slice.endpoints).iter();
    let mut ready = ready.map(|e| e.conditions.as_ref().and_then(|c| c.ready).unwrap_or(true));
    ready.any(|ready| ready) && items(&slice.ports).iter().any(|p| text(&p.name) == port && p.port.is_some())
}
