//! Ingress.

mod describe;
mod validation;

use std::collections::BTreeSet;

use crate::api::k8s::api::networking::v1::Ingress;
use crate::api::object::annotation_of;
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::Description;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::core::service::clip_addresses;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::print;

/// Names the class of an ingress from before `spec.ingressClassName`.
pub(crate) const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";
/// How many hosts a table shows.
const MAX_HOSTS: usize = 3;

impl Strategy for Ingress {
    crate::spec_and_status!();
    const GENERATION: bool = true;

    fn validate(&self) -> Vec<FieldError> {
        let mut faults = validation::validate_ingress(self, None);
        let class = self.spec.as_ref().and_then(|s| s.ingress_class_name.as_deref());
        if let (Some(annotation), Some(class)) = (annotation_of(&self.metadata, CLASS_ANNOTATION), class)
            && annotation != class
        {
            let field = format!("annotations.{CLASS_ANNOTATION}");
            let detail = "must match `ingressClassName` when both are specified";
            faults.push(FieldError::invalid(field, annotation, detail));
        }
        faults
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        validation::validate_ingress(self, Some(old))
    }

    fn warnings_on_create(&self) -> Vec<String> {
        let named = self.spec.as_ref().is_some_and(|s| s.ingress_class_name.is_some());
        match annotation_of(&self.metadata, CLASS_ANNOTATION) {
            Some(_) if !named => {
                vec![format!(
                    "annotation {CLASS_ANNOTATION:?} is deprecated, please use 'spec.ingressClassName' instead"
                )]
            }
            _ => Vec::new(),
        }
    }

    fn warnings_on_update(&self, _old: &Self) -> Vec<String> {
        Vec::new()
    }

    fn columns() -> &'static [Column] {
        const {
            &[
                Column::new("NAME"),
                Column::new("CLASS").since(18),
                Column::new("HOSTS"),
                Column::new("ADDRESS"),
                Column::new("PORTS"),
                Column::new("AGE"),
            ]
        }
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        let spec = self.spec.clone().unwrap_or_default();
        vec![
            text(&self.metadata.name).to_string(),
            spec.ingress_class_name.clone().unwrap_or("<none>".into()),
            hosts(self),
            clip_addresses(addresses(self)),
            if items(&spec.tls).is_empty() { "80".into() } else { "80, 443".into() },
            print::age(&self.metadata, context),
        ]
    }

    fn describe(&self, d: &mut Description, context: &PrintContext<'_>) {
        describe::describe_ingress(self, d, context);
    }
}

/// The HOSTS cell. Mirrors `formatHosts`.
fn hosts(ingress: &Ingress) -> String {
    let rules = ingress.spec.as_ref().map(|s| items(&s.rules)).unwrap_or_default();
    let mut list = Vec::new();
    let mut more = false;
    for rule in rules {
        more |= list.len() == MAX_HOSTS;
        if !more && !text(&rule.host).is_empty() {
            list.push(text(&rule.host));
        }
    }
    match (list.is_empty(), more) {
        (true, _) => "*".into(),
        (_, true) => format!("{} + {} more...", list.join(","), rules.len() - MAX_HOSTS),
        (_, false) => list.join(","),
    }
}

/// Where the load balancer answers, in alphabetical order.
fn addresses(ingress: &Ingress) -> String {
    let balancer = ingress.status.as_ref().and_then(|s| s.load_balancer.as_ref());
    let points = balancer.map(|b| items(&b.ingress)).unwrap_or_default();
    let address = |ip, host| if text(ip).is_empty() { text(host) } else { text(ip) };
    let all: BTreeSet<&str> = points.iter().map(|p| address(&p.ip, &p.hostname)).filter(|a| !a.is_empty()).collect();
    all.into_iter().collect::<Vec<_>>().join(",")
}
