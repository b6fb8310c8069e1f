//! NetworkPolicy.

use crate::api::k8s::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
};
use crate::api::k8s::apimachinery::pkg::util::intstr::IntOrString;
use crate::api::names;
use crate::api::names::addresses::{self, parse_cidr_sloppy};
use crate::api::selector::{format_label_selector, validate_label_selector};
use crate::api::time::Time;
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::Description;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::core::pod::int_or_string;
use crate::kinds::shared::access::{items, set_text, text};
use crate::kinds::shared::describe::{print_annotations_multiline, print_labels_multiline, string_or_none};
use crate::kinds::shared::faults::Faults;
use crate::kinds::shared::print;

/// A rule of one direction: its ports, and whom it lets in or where it lets go.
type Rule<'a> = (&'a [NetworkPolicyPort], &'a [NetworkPolicyPeer]);

impl Strategy for NetworkPolicy {
    const GENERATION: bool = true;

    fn set_defaults(&mut self) {
        let spec = self.spec.get_or_insert_default();
        let into = spec.ingress.iter_mut().flatten().flat_map(|r| r.ports.iter_mut());
        let out = spec.egress.iter_mut().flatten().flat_map(|r| r.ports.iter_mut());
        for port in into.chain(out).flatten() {
            set_text(&mut port.protocol, "TCP");
        }
        if items(&spec.policy_types).is_empty() {
            let egress = (!items(&spec.egress).is_empty()).then(|| "Egress".to_string());
            spec.policy_types = Some(["Ingress".to_string()].into_iter().chain(egress).collect());
        }
    }

    fn validate(&self) -> Vec<FieldError> {
        validate_policy(self, None)
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        validate_policy(self, old.spec.as_ref())
    }

    fn warnings_on_create(&self) -> Vec<String> {
        let none = NetworkPolicySpec::default();
        let spec = self.spec.as_ref().unwrap_or(&none);
        let mut warnings = Vec::new();
        for (direction, peers, rules) in [("ingress", "from", rules_in(spec)), ("egress", "to", rules_out(spec))] {
            for (i, (_, of)) in rules.into_iter().enumerate() {
                for (k, block) in of.iter().enumerate().filter_map(|(k, peer)| Some((k, peer.ip_block.as_ref()?))) {
                    let path = format!("spec.{direction}[{i}].{peers}[{k}].ipBlock");
                    let warned = addresses::cidr_warnings(&block.cidr);
                    warnings.extend(warned.iter().map(|w| format!("{path}.cidr: {w}")));
                    for (n, except) in items(&block.except).iter().enumerate() {
                        let warned = addresses::cidr_warnings(except);
                        warnings.extend(warned.iter().map(|w| format!("{path}.except[{n}]: {w}")));
                    }
                }
            }
        }
        warnings
    }

    fn same_spec(&self, other: &Self) -> bool {
        self.spec == other.spec
    }

    fn columns() -> &'static [Column] {
        const { &[Column::new("NAME"), Column::new("POD-SELECTOR"), Column::new("AGE")] }
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        let selector = self.spec.clone().unwrap_or_default().pod_selector.unwrap_or_default();
        vec![
            text(&self.metadata.name).to_string(),
            format_label_selector(Some(&selector)),
            print::age(&self.metadata, context),
        ]
    }

    fn describe(&self, d: &mut Description, _context: &PrintContext<'_>) {
        let meta = &self.metadata;
        let spec = self.spec.clone().unwrap_or_default();
        d.field(0, "Name", text(&meta.name));
        d.field(0, "Namespace", text(&meta.namespace));
        let created = meta.creation_timestamp.as_ref().map(|t| Time::from_meta(t).rfc3339());
        let created = created.map(|t| t.replace('T', " ").replace('Z', " +0000 UTC"));
        d.field(0, "Created on", created.unwrap_or_default());
        print_labels_multiline(d, "Labels", &meta.labels);
        print_annotations_multiline(d, "Annotations", &meta.annotations);
        d.write(0, "Spec:\n");
        d.write(1, "PodSelector: ");
        let selector = spec.pod_selector.clone().unwrap_or_default();
        let everything = selector.match_labels.as_ref().is_none_or(|l| l.is_empty());
        if everything && items(&selector.match_expressions).is_empty() {
            d.write(2, "<none> (Allowing the specific traffic to all pods in this namespace)\n");
        } else {
            d.write(2, format!("{}\n", format_label_selector(Some(&selector))));
        }
        for (kind, word, peers, rules) in
            [("Ingress", "ingress", "From", rules_in(&spec)), ("Egress", "egress", "To", rules_out(&spec))]
        {
            if items(&spec.policy_types).iter().any(|t| t == kind) {
                d.write(1, format!("Allowing {word} traffic:\n"));
                describe_rules(d, word, peers, &rules);
            } else {
                d.write(1, format!("Not affecting {word} traffic\n"));
            }
        }
        d.write(1, format!("Policy Types: {}\n", string_or_none(&items(&spec.policy_types).join(", "))));
    }
}

fn rules_in(spec: &NetworkPolicySpec) -> Vec<Rule<'_>> {
    items(&spec.ingress).iter().map(|r| (items(&r.ports), items(&r.from))).collect()
}

fn rules_out(spec: &NetworkPolicySpec) -> Vec<Rule<'_>> {
    items(&spec.egress).iter().map(|r| (items(&r.ports), items(&r.to))).collect()
}

/// Mirrors `printNetworkPolicySpecIngressFrom` and its twin.
fn describe_rules(d: &mut Description, direction: &str, peers: &str, rules: &[Rule<'_>]) {
    let indent = "    ";
    if rules.is_empty() {
        d.write(0, format!("{indent}<none> (Selected pods are isolated for {direction} connectivity)\n"));
    }
    for (i, (ports, of)) in rules.iter().enumerate() {
        if ports.is_empty() {
            d.write(0, format!("{indent}To Port: <any> (traffic allowed to all ports)\n"));
        }
        for port in *ports {
            let number = port.port.as_ref().map_or("<nil>".into(), int_or_string);
            let protocol = port.protocol.as_deref().unwrap_or("TCP");
            d.write(
                0,
                match port.end_port {
                    Some(end) => format!("{indent}To Port Range: {number}-{end}/{protocol}\n"),
                    None => format!("{indent}To Port: {number}/{protocol}\n"),
                },
            );
        }
        if of.is_empty() {
            let what = if peers == "From" { "source" } else { "destination" };
            d.write(0, format!("{indent}{peers}: <any> (traffic not restricted by {what})\n"));
        }
        for peer in *of {
            d.write(0, format!("{indent}{peers}:\n"));
            let selectors = [("NamespaceSelector", &peer.namespace_selector), ("PodSelector", &peer.pod_selector)];
            for (name, selector) in selectors.into_iter().filter(|(_, s)| s.is_some()) {
                d.write(1, format!("{indent}{name}: {}\n", format_label_selector(selector.as_ref())));
            }
            if let (None, None, Some(block)) = (&peer.namespace_selector, &peer.pod_selector, &peer.ip_block) {
                d.write(1, format!("{indent}IPBlock:\n"));
                d.write(2, format!("{indent}CIDR: {}\n", block.cidr));
                d.write(2, format!("{indent}Except: {}\n", items(&block.except).join(", ")));
            }
        }
        if i + 1 < rules.len() {
            d.write(0, format!("{indent}----------\n"));
        }
    }
}

/// Mirrors `ValidateNetworkPolicySpec` of `pkg/apis/networking/validation/validation.go`.
fn validate_policy(policy: &NetworkPolicy, old: Option<&NetworkPolicySpec>) -> Vec<FieldError> {
    let mut faults = Faults::default();
    let spec = policy.spec.clone().unwrap_or_default();
    let known: Vec<&str> = old.map(cidrs).unwrap_or_default();
    faults.extend(validate_label_selector(&spec.pod_selector.clone().unwrap_or_default(), "spec.podSelector"));
    for (direction, peers, rules) in [("ingress", "from", rules_in(&spec)), ("egress", "to", rules_out(&spec))] {
        for (i, (ports, of)) in rules.into_iter().enumerate() {
            for (k, port) in ports.iter().enumerate() {
                validate_port(port, &format!("spec.{direction}[{i}].ports[{k}]"), &mut faults);
            }
            for (k, peer) in of.iter().enumerate() {
                validate_peer(peer, &known, &format!("spec.{direction}[{i}].{peers}[{k}]"), &mut faults);
            }
        }
    }
    let types = items(&spec.policy_types);
    if types.len() > 2 {
        faults.invalid("spec", "policyTypes", types, "may not specify more than two policyTypes");
    } else {
        for (i, kind) in types.iter().enumerate() {
            faults.one_of("spec", &format!("policyTypes[{i}]"), kind, &["Egress", "Ingress"]);
        }
    }
    faults.0
}

/// The address ranges of a policy, which its next version may keep though they be faulty.
fn cidrs(spec: &NetworkPolicySpec) -> Vec<&str> {
    let peers = items(&spec.ingress).iter().flat_map(|r| items(&r.from));
    let peers = peers.chain(items(&spec.egress).iter().flat_map(|r| items(&r.to)));
    let blocks = peers.filter_map(|p| p.ip_block.as_ref());
    blocks.flat_map(|b| [b.cidr.as_str()].into_iter().chain(items(&b.except).iter().map(String::as_str))).collect()
}

fn validate_port(port: &NetworkPolicyPort, path: &str, faults: &mut Faults) {
    if let Some(protocol) = &port.protocol {
        faults.one_of(path, "protocol", protocol, &["SCTP", "TCP", "UDP"]);
    }
    let number = |faults: &mut Faults, name: &str, n: i32| {
        for detail in names::port_num(n.into()) {
            faults.invalid(path, name, n, &detail);
        }
    };
    match (&port.port, port.end_port) {
        (Some(IntOrString::Int(first)), end) => {
            number(faults, "port", *first);
            if let Some(end) = end {
                if end < *first {
                    faults.invalid(path, "endPort", *first, "must be greater than or equal to `port`");
                }
                number(faults, "endPort", end);
            }
        }
        (Some(IntOrString::String(name)), end) => {
            if let Some(end) = end {
                faults.invalid(path, "endPort", end, "may not be specified when `port` is non-numeric");
            }
            faults.all_invalid(path, "port", name, names::port_name(name));
        }
        (None, Some(end)) => {
            faults.invalid(path, "endPort", end, "may not be specified when `port` is not specified");
        }
        (None, None) => {}
    }
}

fn validate_peer(peer: &NetworkPolicyPeer, known: &[&str], path: &str, faults: &mut Faults) {
    for (name, selector) in [("podSelector", &peer.pod_selector), ("namespaceSelector", &peer.namespace_selector)] {
        if let Some(selector) = selector {
            faults.extend(validate_label_selector(selector, &format!("{path}.{name}")));
        }
    }
    if let Some(block) = &peer.ip_block {
        validate_ip_block(block, known, &format!("{path}.ipBlock"), faults);
    }
    let selectors = peer.pod_selector.is_some() || peer.namespace_selector.is_some();
    match (selectors, &peer.ip_block) {
        (false, None) => faults.required_for(path, "", "must specify a peer"),
        (true, Some(_)) => faults.forbidden(path, "", "may not specify both ipBlock and another peer"),
        _ => {}
    }
}

/// Mirrors `ValidateIPBlock`.
fn validate_ip_block(block: &IPBlock, known: &[&str], path: &str, faults: &mut Faults) {
    if !faults.require(path, "cidr", &block.cidr) {
        return;
    }
    if !known.contains(&block.cidr.as_str()) {
        faults.all_invalid(path, "cidr", &block.cidr, addresses::cidr(&block.cidr));
    }
    let Some((_, network, bits)) = parse_cidr_sloppy(&block.cidr) else { return };
    for (i, except) in items(&block.except).iter().enumerate() {
        let name = format!("except[{i}]");
        if !known.contains(&except.as_str()) {
            faults.all_invalid(path, &name, except, addresses::cidr(except));
        }
        let Some((_, inner, inner_bits)) = parse_cidr_sloppy(except) else { continue };
        let within = parse_cidr_sloppy(&format!("{inner}/{bits}")).is_some_and(|(_, masked, _)| masked == network);
        if !within || bits >= inner_bits {
            faults.invalid(path, &name, except, "must be a strict subset of `cidr`");
        }
    }
}
