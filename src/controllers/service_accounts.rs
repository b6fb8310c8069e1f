//! What every namespace gets: the account `default`, and the certificates that its pods mount.
//!
//! Mirrors `pkg/controller/serviceaccount/serviceaccounts_controller.go` and
//! `pkg/controller/certificates/rootcacertpublisher`.

use std::collections::BTreeMap;

use crate::api::k8s::api::core::v1::{ConfigMap, Namespace, ServiceAccount};
use crate::api::{Kind, ObjectKey, ObjectMeta, Time};
use crate::controllers::{Controller, Outcome, Write};
use crate::store::{Change, View};

const DESCRIPTION: &str = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal \
    endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across \
    distributions of Kubernetes clusters.";
/// Nothing in this cluster speaks TLS; the text only has the form of a certificate.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMIIBdzCCAR2gAwIBAgIBADAKBggqhkjOPQQDAjAjMSEwHwYDVQQDDBhrM3Mtc2Vy\n\
    dmVyLWNhQDE3NjcyMjU2MDAwHhcNMjYwMTAxMDAwMDAwWhcNMzUxMjMwMDAwMDAw\n-----END CERTIFICATE-----\n";

/// Keeps them there.
pub(super) struct ServiceAccountsController;

impl Controller for ServiceAccountsController {
    fn name(&self) -> &'static str {
        "serviceaccount"
    }

    fn on_change(&self, _view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        match change.key.kind {
            Kind::Namespace => enqueue(change.key.clone()),
            // One of them is gone or changed: look at its namespace again.
            Kind::ServiceAccount | Kind::ConfigMap if change.old.is_some() => {
                enqueue(ObjectKey::cluster(Kind::Namespace, &change.key.namespace));
            }
            _ => {}
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, _now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        let Some(namespace) = view.get(key).filter(|o| !o.is_terminating()).and_then(|o| o.get::<Namespace>()) else {
            return outcome;
        };
        if namespace.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Terminating") {
            return outcome;
        }
        let meta = |name: &str| ObjectMeta {
            name: Some(name.to_string()),
            namespace: Some(key.name.clone()),
            ..Default::default()
        };
        let missing = |kind, name: &str| view.get(&ObjectKey::new(kind, &key.name, name)).is_none();
        if missing(Kind::ServiceAccount, "default") {
            outcome.write(Write::create(ServiceAccount { metadata: meta("default"), ..Default::default() }));
        }
        // The recorded control plane has a second one, which nobody fills.
        for (name, file, content, annotation) in [
            ("kube-root-ca.crt", "ca.crt", CERTIFICATE, ("kubernetes.io/description", DESCRIPTION)),
            ("openshift-service-ca.crt", "service-ca.crt", "", ("service.beta.openshift.io/inject-cabundle", "true")),
        ] {
            if missing(Kind::ConfigMap, name) {
                let annotations: BTreeMap<_, _> = [(annotation.0.to_string(), annotation.1.to_string())].into();
                let data: BTreeMap<_, _> = [(file.to_string(), content.to_string())].into();
                outcome.write(Write::create(ConfigMap {
                    metadata: ObjectMeta { annotations: Some(annotations), ..meta(name) },
                    data: Some(data),
                    ..Default::default()
                }));
            }
        }
        outcome
    }
}
