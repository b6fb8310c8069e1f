//! ServiceCIDR: a network that services are given addresses of.
//!
//! Mirrors `pkg/registry/networking/servicecidr/strategy.go`, `pkg/apis/networking/validation` and
//! `pkg/api/servicecidr`.

use std::net::IpAddr;

use crate::api::k8s::api::networking::v1::{ServiceCIDR, ServiceCIDRSpec};
use crate::api::names::addresses::{Network, broadcast, canonical_cidr, contains, parse_cidr_sloppy};
use crate::api::time::rfc1123z;
use crate::error::FieldError;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::describe::{describe_events_of, print_annotations_multiline, print_labels_multiline};
use crate::kinds::shared::internal::Internal;
use crate::kinds::shared::meta::FIELD_IMMUTABLE;
use crate::kinds::shared::print;
use crate::kinds::{Column, Description, PrintContext, Strategy};

/// The ServiceCIDR that the API server makes from its flags.
pub const DEFAULT: &str = "kubernetes";
/// The network of services of a cluster as k3s makes it.
pub const DEFAULT_NETWORK: &str = "10.43.0.0/16";
/// The condition of a network that addresses may be taken of.
pub const READY: &str = "Ready";

const COLUMNS: &[Column] = &[Column::new("NAME"), Column::new("CIDRS"), Column::new("AGE")];

impl Strategy for ServiceCIDR {
    crate::spec_and_status!();

    fn validate(&self) -> Vec<FieldError> {
        validate_spec(&self.spec.clone().unwrap_or_default())
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let (new, old) = (networks(self), networks(old));
        let immutable = |i: usize| FieldError::invalid(format!("spec.cidrs[{i}]"), &new[i], FIELD_IMMUTABLE);
        match (old.len(), new.len()) {
            (before, now) if before == now => (0..now).filter(|i| old[*i] != new[*i]).map(immutable).collect(),
            // OBSERVATION: a second network is added, of the other family.
            (1, 2) => {
                let mut faults: Vec<_> = (0..1).filter(|i| old[*i] != new[*i]).map(immutable).collect();
                faults.extend(self.validate());
                faults
            }
            _ => vec![FieldError::invalid("spec.cidrs", new, FIELD_IMMUTABLE)],
        }
    }

    fn columns() -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        vec![text(&self.metadata.name).into(), networks(self).join(","), print::age(&self.metadata, context)]
    }

    /// Mirrors `describeServiceCIDRV1`.
    fn describe(&self, d: &mut Description, context: &PrintContext<'_>) {
        let meta = &self.metadata;
        d.field(0, "Name", text(&meta.name));
        print_labels_multiline(d, "Labels", &meta.labels);
        print_annotations_multiline(d, "Annotations", &meta.annotations);
        d.field(0, "CIDRs", networks(self).join(", "));
        let conditions = self.status.as_ref().map_or(&[][..], |s| items(&s.conditions));
        if !conditions.is_empty() {
            d.write(0, "Status:\n");
            d.write(0, "Conditions:\n");
            d.write(1, "Type\tStatus\tLastTransitionTime\tReason\tMessage\n");
            d.write(1, "----\t------\t------------------\t------\t-------\n");
        }
        for c in conditions {
            let at = rfc1123z(Some(&c.last_transition_time));
            d.write(1, format!("{}\t{}\t{at}\t{}\t{}\n", c.type_, c.status, c.reason, c.message));
        }
        describe_events_of(d, meta, context);
    }
}

/// The networks of a ServiceCIDR, as they are written.
pub fn networks(cidr: &ServiceCIDR) -> &[String] {
    cidr.spec.as_ref().map_or(&[], |spec| items(&spec.cidrs))
}

/// The same as networks.
pub fn parsed_networks(cidr: &ServiceCIDR) -> impl Iterator<Item = Network> {
    networks(cidr).iter().filter_map(|text| parse_cidr_sloppy(text).map(|(_, network, length)| (network, length)))
}

/// Whether a service can have an address of a ServiceCIDR. Mirrors `PrefixContainsIP`: the first address of a network
/// and the last one of an IPv4 network are nobody's.
pub fn contains_address(cidr: &ServiceCIDR, address: IpAddr) -> bool {
    let inside =
        |network: Network| contains(network, address) && address != network.0 && broadcast(network) != Some(address);
    parsed_networks(cidr).any(inside)
}

/// Whether addresses may be taken of a ServiceCIDR. Mirrors `isReady` of `ipallocator`.
pub fn is_ready(cidr: &ServiceCIDR) -> bool {
    let conditions = cidr.status.as_ref().map_or(&[][..], |s| items(&s.conditions));
    let ready = conditions.iter().find(|c| c.type_ == READY).is_none_or(|c| c.status == "True");
    ready && cidr.metadata.deletion_timestamp.is_none()
}

/// Mirrors `validateServiceCIDRSpec`.
fn validate_spec(spec: &ServiceCIDRSpec) -> Vec<FieldError> {
    let (field, all) = ("spec.cidrs", items(&spec.cidrs));
    if all.is_empty() {
        return vec![FieldError::required(field, "at least one CIDR required")];
    }
    if all.len() > 2 {
        let value = Internal::of("ServiceCIDRSpec", spec);
        return vec![FieldError::invalid(field, value, "may only hold up to 2 values")];
    }
    let of = |(i, network): (usize, &String)| {
        let wrong = canonical_cidr(network);
        wrong.into_iter().map(|e| FieldError::invalid(format!("{field}[{i}]"), network, &e)).collect::<Vec<_>>()
    };
    let mut faults: Vec<FieldError> = all.iter().enumerate().flat_map(of).collect();
    let family = |network: &String| parse_cidr_sloppy(network).map(|(address, ..)| address.is_ipv4());
    if let [one, other] = all
        && family(one).is_some()
        && family(one) == family(other)
    {
        let detail = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64";
        faults.push(FieldError::invalid(field, all, detail));
    }
    faults
}
