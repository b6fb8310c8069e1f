//! Endpoints.

use crate::api::k8s::api::core::v1::{EndpointAddress, EndpointPort, Endpoints};
use crate::api::names::{self, addresses};
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::Description;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::discovery::endpoint_slice::{MAX_SHOWN, host_port, validate_endpoint_ip};
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::describe::{
    describe_events_of, print_annotations_multiline, print_labels_multiline, string_or_none,
};
use crate::kinds::shared::print;

impl Strategy for Endpoints {
    fn set_defaults(&mut self) {
        for port in self.subsets.iter_mut().flatten().flat_map(|s| s.ports.iter_mut().flatten()) {
            port.protocol.get_or_insert_with(|| "TCP".into());
        }
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        for (i, subset) in items(&self.subsets).iter().enumerate() {
            let path = format!("subsets[{i}]");
            let (ready, unready) = (items(&subset.addresses), items(&subset.not_ready_addresses));
            if ready.is_empty() && unready.is_empty() {
                faults.push(FieldError::required(&path, "must specify `addresses` or `notReadyAddresses`"));
            }
            for (name, list) in [("addresses", ready), ("notReadyAddresses", unready)] {
                for (k, address) in list.iter().enumerate() {
                    faults.extend(validate_address(address, &format!("{path}.{name}[{k}]")));
                }
            }
            let ports = items(&subset.ports);
            for (k, port) in ports.iter().enumerate() {
                faults.extend(validate_port(port, ports.len() > 1, &format!("{path}.ports[{k}]")));
            }
        }
        faults
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        if self.subsets == old.subsets { Vec::new() } else { self.validate() }
    }

    fn columns() -> &'static [Column] {
        const COLUMNS: &[Column] = &[Column::new("NAME"), Column::new("ENDPOINTS"), Column::new("AGE")];
        COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        vec![text(&self.metadata.name).to_string(), format_endpoints(self), print::age(&self.metadata, context)]
    }

    fn describe(&self, d: &mut Description, context: &PrintContext<'_>) {
        let meta = &self.metadata;
        d.field(0, "Name", text(&meta.name));
        d.field(0, "Namespace", text(&meta.namespace));
        print_labels_multiline(d, "Labels", &meta.labels);
        print_annotations_multiline(d, "Annotations", &meta.annotations);
        d.write(0, "Subsets:\n");
        let ips = |list: &[EndpointAddress]| {
            let all: Vec<&str> = list.iter().map(|a| a.ip.as_str()).collect();
            string_or_none(&all.join(",")).to_string()
        };
        for subset in items(&self.subsets) {
            d.field(1, "Addresses", ips(items(&subset.addresses)));
            d.field(1, "NotReadyAddresses", ips(items(&subset.not_ready_addresses)));
            let ports = items(&subset.ports);
            if !ports.is_empty() {
                d.write(1, "Ports:\n");
                d.write(2, "Name\tPort\tProtocol\n");
                d.write(2, "----\t----\t--------\n");
                for port in ports {
                    let name = Some(text(&port.name)).filter(|n| !n.is_empty()).unwrap_or("<unset>");
                    d.write(2, format!("{name}\t{}\t{}\n", port.port, text(&port.protocol)));
                }
            }
            d.write(0, "\n");
        }
        describe_events_of(d, meta, context);
    }
}

/// Mirrors `formatEndpoints`.
fn format_endpoints(endpoints: &Endpoints) -> String {
    let subsets = items(&endpoints.subsets);
    if subsets.is_empty() {
        return "<none>".into();
    }
    let mut all: Vec<String> = Vec::new();
    for subset in subsets {
        let addresses = items(&subset.addresses).iter().map(|a| &a.ip);
        match items(&subset.ports) {
            [] => all.extend(addresses.cloned()),
            ports => {
                for port in ports {
                    all.extend(addresses.clone().map(|ip| host_port(ip, port.port)));
                }
            }
        }
    }
    match all.len() > MAX_SHOWN {
        true => format!("{} + {} more...", all[..MAX_SHOWN].join(","), all.len() - MAX_SHOWN),
        false => all.join(","),
    }
}

fn validate_address(address: &EndpointAddress, path: &str) -> Vec<FieldError> {
    let field = format!("{path}.ip");
    let mut faults: Vec<FieldError> =
        addresses::ip(&address.ip).iter().map(|m| FieldError::invalid(&field, &address.ip, m)).collect();
    if let Some(host) = address.hostname.as_deref().filter(|h| !h.is_empty()) {
        let field = format!("{path}.hostname");
        faults.extend(names::dns1123_label(host).iter().map(|m| FieldError::invalid(&field, host, m)));
    }
    if let Some(node) = &address.node_name {
        let field = format!("{path}.nodeName");
        faults.extend(names::dns1123_subdomain(node).iter().map(|m| FieldError::invalid(&field, node, m)));
    }
    faults.extend(validate_endpoint_ip(&address.ip, &field));
    faults
}

fn validate_port(port: &EndpointPort, require_name: bool, path: &str) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let field = format!("{path}.name");
    match text(&port.name) {
        "" if require_name => faults.push(FieldError::required(field, "")),
        "" => {}
        name => faults.extend(names::dns1123_label(name).iter().map(|m| FieldError::invalid(&field, name, m))),
    }
    let field = format!("{path}.port");
    faults.extend(names::port_num(port.port.into()).iter().map(|m| FieldError::invalid(&field, port.port, m)));
    let field = format!("{path}.protocol");
    match text(&port.protocol) {
        "TCP" | "UDP" | "SCTP" => {}
        "" => faults.push(FieldError::required(field, "")),
        other => faults.push(FieldError::not_supported(field, other, &["SCTP", "TCP", "UDP"])),
    }
    faults
}
