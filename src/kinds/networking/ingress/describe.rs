//! `kubectl describe ingress`. Mirrors `describeIngressV1`.

use std::sync::Arc;

use crate::api::k8s::api::core::v1::Service;
use crate::api::k8s::api::discovery::v1::EndpointSlice;
use crate::api::k8s::api::networking::v1::{Ingress, IngressBackend, IngressServiceBackend};
use crate::api::{Kind, Object, ObjectKey};
use crate::kinds::Description;
use crate::kinds::PrintContext;
use crate::kinds::discovery::endpoint_slice::format_endpoint_slices;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::describe::{describe_events_of, print_annotations_multiline, print_labels_multiline};

pub(super) fn describe_ingress(ingress: &Ingress, d: &mut Description, context: &PrintContext<'_>) {
    let meta = &ingress.metadata;
    let spec = ingress.spec.clone().unwrap_or_default();
    let namespace = text(&meta.namespace);
    d.field(0, "Name", text(&meta.name));
    print_labels_multiline(d, "Labels", &meta.labels);
    d.field(0, "Namespace", namespace);
    d.field(0, "Address", crate::kinds::networking::ingress::addresses(ingress));
    d.field(0, "Ingress Class", spec.ingress_class_name.as_deref().unwrap_or("<none>"));
    let default = spec.default_backend.as_ref().map_or("<default>".into(), |b| backend_text(b, namespace, context));
    d.field(0, "Default backend", &default);
    if !items(&spec.tls).is_empty() {
        d.write(0, "TLS:\n");
    }
    for tls in items(&spec.tls) {
        let hosts = items(&tls.hosts).join(",");
        match text(&tls.secret_name) {
            "" => d.write(1, format!("SNI routes {hosts}\n")),
            secret => d.write(1, format!("{secret} terminates {hosts}\n")),
        }
    }
    d.write(0, "Rules:\n  Host\tPath\tBackends\n");
    d.write(1, "----\t----\t--------\n");
    let mut none = true;
    for rule in items(&spec.rules) {
        let Some(http) = &rule.http else { continue };
        none = false;
        let host = Some(text(&rule.host)).filter(|h| !h.is_empty()).unwrap_or("*");
        d.write(1, format!("{host}\t\n"));
        for path in &http.paths {
            d.write(2, format!("\t{} \t{}\n", text(&path.path), backend_text(&path.backend, namespace, context)));
        }
    }
    if none {
        d.write(1, format!("*\t*\t{default}\n"));
    }
    print_annotations_multiline(d, "Annotations", &meta.annotations);
    describe_events_of(d, meta, context);
}

/// `web:80 (10.42.0.5:8080)`. Mirrors `describeBackendV1`.
fn backend_text(backend: &IngressBackend, namespace: &str, context: &PrintContext<'_>) -> String {
    if let Some(to) = &backend.service {
        return format!("{} ({})", service_text(to), endpoints_text(to, namespace, context));
    }
    match &backend.resource {
        Some(resource) => {
            let group = resource.api_group.as_deref().unwrap_or("<none>");
            format!("APIGroup: {group}, Kind: {}, Name: {}", resource.kind, resource.name)
        }
        None => String::new(),
    }
}

fn service_text(to: &IngressServiceBackend) -> String {
    let port = to.port.clone().unwrap_or_default();
    let port = port.number.filter(|n| *n != 0).map_or(text(&port.name).to_string(), |n| n.to_string());
    format!("{}:{port}", to.name)
}

fn endpoints_text(to: &IngressServiceBackend, namespace: &str, context: &PrintContext<'_>) -> String {
    let key = ObjectKey::new(Kind::Service, namespace, &to.name);
    let Some(service) = context.lister.get(&key) else {
        return format!("<error: services {:?} not found>", to.name);
    };
    let wanted = to.port.clone().unwrap_or_default();
    let ports = service.get::<Service>().and_then(|s| s.spec.as_ref()).map(|s| items(&s.ports)).unwrap_or_default();
    let named = !text(&wanted.name).is_empty();
    let mut fits = ports.iter().filter(|p| match wanted.number.filter(|n| *n != 0) {
        Some(number) => number == p.port || (named && wanted.name == p.name),
        None => named && wanted.name == p.name,
    });
    let name = fits.next_back().map(|p| text(&p.name)).unwrap_or_default();
    let all: Vec<Arc<Object>> = context.lister.list(Kind::EndpointSlice, Some(namespace));
    let of_service = all.iter().filter(|o| o.label("kubernetes.io/service-name") == Some(to.name.as_str()));
    let slices: Vec<&EndpointSlice> = of_service.filter_map(|o| o.get::<EndpointSlice>()).collect();
    format_endpoint_slices(&slices, Some(name))
}
