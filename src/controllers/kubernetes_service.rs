//! The service `kubernetes`, which the API server keeps for itself with its endpoints.
//!
//! Mirrors `pkg/controlplane/controller/kubernetesservice`.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::api::k8s::api::core::v1::{
    EndpointAddress, EndpointPort, EndpointSubset, Endpoints, LoadBalancerStatus, Service, ServicePort, ServiceSpec,
    ServiceStatus,
};
use crate::api::k8s::api::discovery::v1::{self as discovery, EndpointConditions, EndpointSlice};
use crate::api::k8s::apimachinery::pkg::util::intstr::IntOrString;
use crate::api::{Duration, Kind, Object, ObjectKey, ObjectMeta, Time, Typed};
use crate::controllers::{Controller, Outcome, Write};
use crate::store::{Change, View};

/// The address of the service: the first one of the network of services.
pub const CLUSTER_IP: Ipv4Addr = Ipv4Addr::new(10, 43, 0, 1);
const ADDRESS: &str = "172.18.0.2";
const PORT: i32 = 6443;
/// How often the API server looks: `EndpointInterval`.
const INTERVAL_SECONDS: i64 = 10;
/// When within that time it does.
const PHASE_SECONDS: i64 = 7;

/// Makes what is missing of them.
pub(super) struct KubernetesServiceController;

impl Controller for KubernetesServiceController {
    fn name(&self) -> &'static str {
        "kubernetes-service"
    }

    fn on_change(&self, _view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        let key = &change.key;
        let kind = matches!(key.kind, Kind::Service | Kind::Endpoints | Kind::EndpointSlice);
        if kind && key.namespace == "default" && key.name == "kubernetes" && change.new.is_none() {
            enqueue(ObjectKey::new(Kind::Service, "default", "kubernetes"));
        }
    }

    fn reconcile(&self, view: &View<'_>, _key: &ObjectKey, now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        let missing: Vec<Object> = objects().into_iter().filter(|o| view.get(&o.key()).is_none()).collect();
        if missing.is_empty() {
            return outcome;
        }
        let interval = Duration::secs(INTERVAL_SECONDS).0;
        let wait = (Duration::secs(PHASE_SECONDS).0 - now.0).rem_euclid(interval);
        if wait > 0 {
            outcome.after(Duration(wait));
            return outcome;
        }
        missing.into_iter().for_each(|object| outcome.write(Write::create(object)));
        outcome
    }
}

/// The service, its endpoints and their slice.
pub fn objects() -> Vec<Object> {
    let meta = |namespace: &str, name: &str, labels: &[(&str, &str)]| ObjectMeta {
        name: Some(name.into()),
        namespace: Some(namespace.into()),
        labels: Some(labels.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect::<BTreeMap<_, _>>())
            .filter(|l| !l.is_empty()),
        ..Default::default()
    };
    let service = Service {
        metadata: meta("default", "kubernetes", &[("component", "apiserver"), ("provider", "kubernetes")]),
        spec: Some(ServiceSpec {
            cluster_ip: Some(CLUSTER_IP.to_string()),
            cluster_ips: Some(vec![CLUSTER_IP.to_string()]),
            internal_traffic_policy: Some("Cluster".into()),
            ip_families: Some(vec!["IPv4".into()]),
            ip_family_policy: Some("SingleStack".into()),
            ports: Some(vec![ServicePort {
                name: Some("https".into()),
                port: 443,
                protocol: Some("TCP".into()),
                target_port: Some(IntOrString::Int(PORT)),
                ..Default::default()
            }]),
            session_affinity: Some("None".into()),
            type_: Some("ClusterIP".into()),
            ..Default::default()
        }),
        status: Some(ServiceStatus { load_balancer: Some(LoadBalancerStatus::default()), ..Default::default() }),
    };
    let endpoints = Endpoints {
        metadata: meta("default", "kubernetes", &[("endpointslice.kubernetes.io/skip-mirror", "true")]),
        subsets: Some(vec![EndpointSubset {
            addresses: Some(vec![EndpointAddress { ip: ADDRESS.into(), ..Default::default() }]),
            ports: Some(vec![EndpointPort {
                name: Some("https".into()),
                port: PORT,
                protocol: Some("TCP".into()),
                ..Default::default()
            }]),
            ..Default::default()
        }]),
    };
    let mut slice = EndpointSlice {
        metadata: meta("default", "kubernetes", &[("kubernetes.io/service-name", "kubernetes")]),
        address_type: "IPv4".into(),
        endpoints: Some(vec![discovery::Endpoint {
            addresses: vec![ADDRESS.into()],
            conditions: Some(EndpointConditions { ready: Some(true), ..Default::default() }),
            ..Default::default()
        }]),
        ports: Some(vec![discovery::EndpointPort {
            name: Some("https".into()),
            port: Some(PORT),
            protocol: Some("TCP".into()),
            ..Default::default()
        }]),
    };
    slice.metadata.generation = Some(1);
    vec![service.into_object(), endpoints.into_object(), slice.into_object()]
}
