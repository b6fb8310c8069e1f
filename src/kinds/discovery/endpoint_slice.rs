//! EndpointSlice.

use crate::api::names::addresses::parse_ip_sloppy;
use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::api::k8s::api::discovery::v1::{EndpointPort, EndpointSlice};
use crate::api::names;
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::Description;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::describe::{
    describe_events_of, print_annotations_multiline, print_labels_multiline, string_or_none,
};
use crate::kinds::shared::meta::FIELD_IMMUTABLE;
use crate::kinds::shared::print;

/// How many endpoints and ports a cell or line names.
pub(in crate::kinds) const MAX_SHOWN: usize = 3;

impl Strategy for EndpointSlice {
    const GENERATION: bool = true;

    fn set_defaults(&mut self) {
        for port in self.ports.iter_mut().flatten() {
            port.name.get_or_insert_default();
            port.protocol.get_or_insert_with(|| "TCP".into());
        }
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut faults = validate_address_type(self);
        faults.extend(validate_endpoints(self));
        faults.extend(validate_ports(self.ports.as_deref().unwrap_or_default()));
        faults
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut faults = self.validate();
        if self.address_type != old.address_type {
            faults.push(FieldError::invalid("addressType", &self.address_type, FIELD_IMMUTABLE));
        }
        faults
    }

    fn same_spec(&self, other: &Self) -> bool {
        self.endpoints == other.endpoints
            && self.ports == other.ports
            && self.address_type == other.address_type
            && self.metadata.labels == other.metadata.labels
    }

    fn columns() -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column::new("NAME"),
            Column::new("ADDRESSTYPE"),
            Column::new("PORTS"),
            Column::new("ENDPOINTS"),
            Column::new("AGE"),
        ];
        COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        let port = |p: &EndpointPort| match (p.port, &p.name) {
            (Some(number), _) => number.to_string(),
            (None, Some(name)) => name.clone(),
            (None, None) => "*".into(),
        };
        let ports: Vec<String> = items(&self.ports).iter().map(port).collect();
        let addresses: Vec<String> = items(&self.endpoints).iter().flat_map(|e| e.addresses.iter().cloned()).collect();
        vec![
            text(&self.metadata.name).to_string(),
            self.address_type.clone(),
            list_with_more(&ports),
            list_with_more(&addresses),
            print::age(&self.metadata, context),
        ]
    }

    fn describe(&self, d: &mut Description, context: &PrintContext<'_>) {
        let meta = &self.metadata;
        d.field(0, "Name", text(&meta.name));
        d.field(0, "Namespace", text(&meta.namespace));
        print_labels_multiline(d, "Labels", &meta.labels);
        print_annotations_multiline(d, "Annotations", &meta.annotations);
        d.field(0, "AddressType", &self.address_type);
        let ports = items(&self.ports);
        if ports.is_empty() {
            d.write(0, "Ports: <unset>\n");
        } else {
            d.write(0, "Ports:\n");
            d.write(1, "Name\tPort\tProtocol\n");
            d.write(1, "----\t----\t--------\n");
            for port in ports {
                let name = Some(text(&port.name)).filter(|n| !n.is_empty()).unwrap_or("<unset>");
                let number = port.port.map_or("<unset>".into(), |n| n.to_string());
                d.write(1, format!("{name}\t{number}\t{}\n", text(&port.protocol)));
            }
        }
        if items(&self.endpoints).is_empty() {
            d.write(0, "Endpoints: <none>\n");
        } else {
            d.write(0, "Endpoints:\n");
            for endpoint in items(&self.endpoints) {
                d.field(1, "- Addresses", string_or_none(&endpoint.addresses.join(", ")));
                d.write(2, "Conditions:\n");
                let ready = endpoint.conditions.as_ref().and_then(|c| c.ready);
                d.field(3, "Ready", ready.map_or("<unset>".into(), |r| r.to_string()));
                d.field(2, "Hostname", endpoint.hostname.as_deref().unwrap_or("<unset>"));
                if let Some(target) = &endpoint.target_ref {
                    d.field(2, "TargetRef", format!("{}/{}", text(&target.kind), text(&target.name)));
                }
                d.field(2, "NodeName", endpoint.node_name.as_deref().unwrap_or("<unset>"));
                d.field(2, "Zone", endpoint.zone.as_deref().unwrap_or("<unset>"));
            }
        }
        describe_events_of(d, meta, context);
    }
}

/// The first three, and how many more there are. Mirrors `listWithMoreString`.
fn list_with_more(all: &[String]) -> String {
    match all.len() {
        0 => "<unset>".into(),
        n if n <= MAX_SHOWN => all.join(","),
        n => format!("{} + {} more...", all[..MAX_SHOWN].join(","), n - MAX_SHOWN),
    }
}

/// The ready endpoints of a service's slices, of one of its ports or of all. Mirrors `formatEndpointSlices`.
pub fn format_endpoint_slices(slices: &[&EndpointSlice], port_name: Option<&str>) -> String {
    if slices.is_empty() {
        return "<none>".into();
    }
    let mut list: Vec<String> = Vec::new();
    let (mut more, mut count) = (false, 0);
    for slice in slices {
        let ports = items(&slice.ports);
        let numbers: Vec<Option<i32>> = match ports.is_empty() {
            true => vec![None],
            false => {
                let wanted = ports.iter().filter(|p| port_name.is_none_or(|name| text(&p.name) == name));
                wanted.map(|p| Some(p.port.unwrap_or(0))).collect()
            }
        };
        for number in numbers {
            for endpoint in items(&slice.endpoints) {
                more |= list.len() == MAX_SHOWN;
                if endpoint.conditions.as_ref().and_then(|c| c.ready) == Some(false) {
                    continue;
                }
                let address = endpoint.addresses.first().cloned().unwrap_or_default();
                if !more {
                    list.push(number.map_or(address.clone(), |port| host_port(&address, port)));
                }
                count += 1;
            }
        }
    }
    match more {
        true => format!("{} + {} more...", list.join(","), count - MAX_SHOWN as i64),
        false => list.join(","),
    }
}

/// `10.42.0.2:80`, `[fd00::1]:80`. Mirrors `net.JoinHostPort`.
pub fn host_port(address: &str, port: i32) -> String {
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}

fn validate_address_type(slice: &EndpointSlice) -> Vec<FieldError> {
    match slice.address_type.as_str() {
        "" => vec![FieldError::required("addressType", "")],
        "IPv4" | "IPv6" | "FQDN" => Vec::new(),
        other => vec![FieldError::not_supported("addressType", other, &["FQDN", "IPv4", "IPv6"])],
    }
}

fn validate_endpoints(slice: &EndpointSlice) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if items(&slice.endpoints).len() > 1000 {
        faults.push(FieldError::too_many("endpoints", items(&slice.endpoints).len(), 1000));
        return faults;
    }
    for (i, endpoint) in items(&slice.endpoints).iter().enumerate() {
        let field = format!("endpoints[{i}].addresses");
        if endpoint.addresses.is_empty() {
            faults.push(FieldError::required(&field, "must contain at least 1 address"));
        }
        if endpoint.addresses.len() > 100 {
            faults.push(FieldError::too_many(&field, endpoint.addresses.len(), 100));
        }
        for (k, address) in endpoint.addresses.iter().enumerate() {
            let field = format!("{field}[{k}]");
            match slice.address_type.as_str() {
                "FQDN" => {
                    let wrong = names::fully_qualified_domain_name(address);
                    faults.extend(wrong.iter().map(|m| FieldError::invalid(&field, address, m)));
                }
                "IPv4" | "IPv6" => faults.extend(validate_endpoint_ip(address, &field)),
                _ => {}
            }
        }
        if let Some(host) = &endpoint.hostname {
            let wrong = names::dns1123_label(host);
            let field = format!("endpoints[{i}].hostname");
            faults.extend(wrong.iter().map(|m| FieldError::invalid(&field, host, m)));
        }
    }
    faults
}

fn validate_ports(ports: &[EndpointPort]) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for (i, port) in ports.iter().enumerate() {
        let name = text(&port.name);
        if !name.is_empty() {
            let field = format!("ports[{i}].name");
            faults.extend(names::dns1123_label(name).iter().map(|m| FieldError::invalid(&field, name, m)));
        }
        if !seen.insert(name) {
            faults.push(FieldError::duplicate("ports", name));
        }
        let field = format!("ports[{i}].protocol");
        match text(&port.protocol) {
            "TCP" | "UDP" | "SCTP" => {}
            "" => faults.push(FieldError::required(field, "")),
            other => faults.push(FieldError::not_supported(field, other, &["SCTP", "TCP", "UDP"])),
        }
    }
    faults
}

/// What may not be an address of an endpoint. Mirrors `ValidateEndpointIP`.
pub(crate) fn validate_endpoint_ip(ip: &str, field: &str) -> Vec<FieldError> {
    let Some(parsed) = parse_ip_sloppy(ip) else {
        return vec![FieldError::invalid(field, ip, "must be a valid IP address")];
    };
    let (link_local, link_local_multicast) = match parsed {
        IpAddr::V4(v4) => (v4.is_link_local(), v4.octets()[..3] == [224, 0, 0]),
        IpAddr::V6(v6) => (v6.segments()[0] & 0xffc0 == 0xfe80, v6.segments()[0] & 0xff0f == 0xff02),
    };
    let refusals = [
        (parsed.is_unspecified(), format!("may not be unspecified ({ip})")),
        (parsed.is_loopback(), "may not be in the loopback range (127.0.0.0/8, ::1/128)".into()),
        (link_local, "may not be in the link-local range (169.254.0.0/16, fe80::/10)".into()),
        (link_local_multicast, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)".into()),
    ];
    refusals.iter().filter(|(holds, _)| *holds).map(|(_, detail)| FieldError::invalid(field, ip, detail)).collect()
}
