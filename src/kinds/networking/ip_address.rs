//! IPAddress: an address that is given out, and to whom: to a service, as a rule.
//!
//! Mirrors `pkg/registry/networking/ipaddress/strategy.go` and `pkg/apis/networking/validation`.

use std::net::IpAddr;

use crate::api::k8s::api::core::v1::Service;
use crate::api::k8s::api::networking::v1::{IPAddress, IPAddressSpec, ParentReference};
use crate::api::{ObjectMeta, names};
use crate::error::FieldError;
use crate::kinds::shared::access::text;
use crate::kinds::shared::describe::{describe_events_of, print_annotations_multiline, print_labels_multiline};
use crate::kinds::shared::faults::Faults;
use crate::kinds::shared::internal::Internal;
use crate::kinds::shared::meta::FIELD_IMMUTABLE;
use crate::kinds::{Column, Description, NameRule, PrintContext, Strategy};

/// The label that says of which family an address is.
pub const FAMILY: &str = "ipaddress.kubernetes.io/ip-family";
/// The label that says who gave an address out.
pub const MANAGED_BY: &str = "ipaddress.kubernetes.io/managed-by";
/// What gives services their addresses. Mirrors `ipallocator.ControllerName`.
pub const ALLOCATOR: &str = "ipallocator.k8s.io";

// The server makes a cell with the age too, for which it has no column.
const COLUMNS: &[Column] = &[Column::new("NAME"), Column::new("PARENTREF")];

impl Strategy for IPAddress {
    const NAME: NameRule = NameRule::Address;

    fn validate(&self) -> Vec<FieldError> {
        let (parent, path) = (&self.spec.parent_ref, "spec.parentRef");
        let mut faults = Faults::default();
        if *parent == ParentReference::default() {
            faults.required("spec", "parentRef");
            return faults.0;
        }
        let (group, namespace) = (text(&parent.group), text(&parent.namespace));
        if !group.is_empty() {
            faults.all_invalid(path, "group", group, names::dns1123_subdomain(group));
        }
        for (field, value) in [("resource", &parent.resource), ("name", &parent.name)] {
            if faults.require(path, field, value) {
                faults.all_invalid(path, field, value, names::path_segment_name(value, false));
            }
        }
        if !namespace.is_empty() {
            faults.all_invalid(path, "namespace", namespace, names::path_segment_name(namespace, false));
        }
        faults.0
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut faults = self.validate();
        if self.spec.parent_ref != old.spec.parent_ref {
            let value = Internal::of("ParentReference", &self.spec.parent_ref);
            faults.push(FieldError::invalid("spec.parentRef", value, FIELD_IMMUTABLE));
        }
        faults
    }

    fn columns() -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, _context: &PrintContext<'_>) -> Vec<String> {
        let parent = &self.spec.parent_ref;
        let resource = match text(&parent.group) {
            "" => parent.resource.to_lowercase(),
            group => format!("{}.{group}", parent.resource).to_lowercase(),
        };
        let place = match text(&parent.namespace) {
            "" => resource,
            namespace => format!("{resource}/{namespace}"),
        };
        vec![text(&self.metadata.name).into(), format!("{place}/{}", parent.name)]
    }

    /// Mirrors `describeIPAddressV1`.
    fn describe(&self, d: &mut Description, context: &PrintContext<'_>) {
        let (meta, parent) = (&self.metadata, &self.spec.parent_ref);
        d.field(0, "Name", text(&meta.name));
        print_labels_multiline(d, "Labels", &meta.labels);
        print_annotations_multiline(d, "Annotations", &meta.annotations);
        d.write(0, "Parent Reference:\n");
        d.field(1, "Group", text(&parent.group));
        d.field(1, "Resource", &parent.resource);
        d.field(1, "Namespace", text(&parent.namespace));
        d.field(1, "Name", &parent.name);
        describe_events_of(d, meta, context);
    }
}

/// The address that a service is given, in one of the forms of its text. Mirrors `newIPAddress`.
pub fn of_service(address: IpAddr, service: &Service) -> IPAddress {
    let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
    let labels = [(FAMILY, family), (MANAGED_BY, ALLOCATOR)];
    IPAddress {
        metadata: ObjectMeta {
            name: Some(address.to_string()),
            labels: Some(labels.into_iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()),
            ..Default::default()
        },
        spec: IPAddressSpec {
            parent_ref: ParentReference {
                group: None,
                resource: "services".into(),
                namespace: service.metadata.namespace.clone(),
                name: text(&service.metadata.name).into(),
            },
        },
    }
}
