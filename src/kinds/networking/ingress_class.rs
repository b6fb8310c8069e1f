//! IngressClass.

use crate::api::ObjectMeta;
use crate::api::k8s::api::networking::v1::{IngressClass, IngressClassParametersReference};
use crate::api::names;
use crate::api::object::annotation_of;
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::Description;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::Version;
use crate::kinds::shared::access::{set_text, text};
use crate::kinds::shared::describe::{describe_events_of, print_annotations_multiline, print_labels_multiline};
use crate::kinds::shared::faults::Faults;
use crate::kinds::shared::meta::FIELD_IMMUTABLE;
use crate::kinds::shared::print;

/// Marks the class of ingresses that name none.
const IS_DEFAULT: &str = "ingressclass.kubernetes.io/is-default-class";
/// How long a controller's name may be.
const MAX_CONTROLLER: usize = 250;
/// What the path of a controller's name may hold, as the API server prints it.
const HTTP_PATH: &str = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";

impl Strategy for IngressClass {
    const GENERATION: bool = true;

    fn set_defaults(&mut self) {
        if let Some(parameters) = self.spec.as_mut().and_then(|s| s.parameters.as_mut()) {
            set_text(&mut parameters.scope, "Cluster");
        }
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut faults = Faults::default();
        let spec = self.spec.clone().unwrap_or_default();
        let controller = text(&spec.controller);
        if controller.len() > MAX_CONTROLLER {
            faults.extend([FieldError::too_long("spec.controller", MAX_CONTROLLER)]);
        }
        validate_controller(controller, &mut faults);
        if let Some(parameters) = &spec.parameters {
            validate_parameters(parameters, "spec.parameters", &mut faults);
        }
        faults.0
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut faults = Faults::default();
        let controller = |class: &Self| class.spec.as_ref().and_then(|s| s.controller.clone()).unwrap_or_default();
        if controller(self) != controller(old) {
            faults.invalid("spec", "controller", controller(self), FIELD_IMMUTABLE);
        }
        faults.extend(self.validate());
        faults.0
    }

    fn same_spec(&self, other: &Self) -> bool {
        self.spec == other.spec
    }

    fn columns() -> &'static [Column] {
        const { &[Column::new("NAME"), Column::new("CONTROLLER"), Column::new("PARAMETERS"), Column::new("AGE")] }
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        let spec = self.spec.clone().unwrap_or_default();
        let default = if is_default(&self.metadata) && context.version >= Version(36) { " (default)" } else { "" };
        let parameters = spec.parameters.as_ref().map(|p| match &p.api_group {
            Some(group) => format!("{}.{group}/{}", p.kind, p.name),
            None => format!("{}/{}", p.kind, p.name),
        });
        vec![
            format!("{}{default}", text(&self.metadata.name)),
            text(&spec.controller).to_string(),
            parameters.unwrap_or("<none>".into()),
            print::age(&self.metadata, context),
        ]
    }

    fn describe(&self, d: &mut Description, context: &PrintContext<'_>) {
        let spec = self.spec.clone().unwrap_or_default();
        d.field(0, "Name", text(&self.metadata.name));
        print_labels_multiline(d, "Labels", &self.metadata.labels);
        print_annotations_multiline(d, "Annotations", &self.metadata.annotations);
        d.field(0, "Controller", text(&spec.controller));
        if let Some(parameters) = &spec.parameters {
            d.write(0, "Parameters:\n");
            if let Some(group) = &parameters.api_group {
                d.field(1, "APIGroup", group);
            }
            d.field(1, "Kind", &parameters.kind);
            d.field(1, "Name", &parameters.name);
        }
        describe_events_of(d, &self.metadata, context);
    }
}

/// Whether a class is for ingresses that name none.
pub fn is_default(meta: &ObjectMeta) -> bool {
    annotation_of(meta, IS_DEFAULT) == Some("true")
}

/// The class of ingresses that name none: the youngest default. Mirrors `getDefaultClass`.
pub fn get_default_class<'a>(classes: impl Iterator<Item = &'a IngressClass>) -> Option<&'a IngressClass> {
    let defaults = classes.filter(|c| is_default(&c.metadata));
    defaults.max_by(|a, b| {
        let (a, b) = (&a.metadata, &b.metadata);
        a.creation_timestamp.cmp(&b.creation_timestamp).then_with(|| b.name.cmp(&a.name))
    })
}

/// Mirrors `IsDomainPrefixedPath`.
fn validate_controller(controller: &str, faults: &mut Faults) {
    let path = "spec.controller";
    if !faults.require(path, "", controller) {
        return;
    }
    match controller.split_once('/') {
        Some((host, rest)) if !host.is_empty() && !rest.is_empty() => {
            faults.all_invalid(path, "", host, names::dns1123_subdomain(host));
            let allowed = |c: char| c.is_ascii_alphanumeric() || "/-._~%!$&'()*+,;=:".contains(c);
            if !rest.chars().all(allowed) {
                faults.invalid(path, "", rest, &names::regex_error("Invalid path", HTTP_PATH, &[]));
            }
        }
        _ => faults.invalid(path, "", controller, "must be a domain-prefixed path (such as \"acme.io/foo\")"),
    }
}

/// Faults of what names an object of any kind. Mirrors `validateIngressTypedLocalObjectReference`.
pub(super) fn validate_reference(group: Option<&str>, kind: &str, name: &str, path: &str, faults: &mut Faults) {
    if let Some(group) = group {
        faults.all_invalid(path, "apiGroup", group, names::dns1123_subdomain(group));
    }
    for (field, value) in [("kind", kind), ("name", name)] {
        if faults.require(path, field, value) {
            faults.all_invalid(path, field, value, names::path_segment_name(value, false));
        }
    }
}

fn validate_parameters(parameters: &IngressClassParametersReference, path: &str, faults: &mut Faults) {
    validate_reference(parameters.api_group.as_deref(), &parameters.kind, &parameters.name, path, faults);
    let scope = text(&parameters.scope);
    match (scope, &parameters.namespace) {
        ("Namespace", None) => faults.required_for(path, "namespace", "`parameters.scope` is set to 'Namespace'"),
        ("Namespace", Some(ns)) => faults.all_invalid(path, "namespace", ns, names::dns1123_label(ns)),
        ("Cluster", Some(_)) => faults.forbidden(path, "namespace", "`parameters.scope` is set to 'Cluster'"),
        _ => faults.one_of(path, "scope", scope, &["Cluster", "Namespace"]),
    }
}
