//! ClusterRole.

use crate::api::k8s::api::rbac::v1::ClusterRole;
use crate::api::selector::validate_label_selector;
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::Description;
use crate::kinds::NameRule;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::rbac::role::{describe_rules, validate_rules};
use crate::kinds::shared::access::items;
use crate::kinds::shared::faults::Faults;
use crate::kinds::shared::print;

impl Strategy for ClusterRole {
    const NAME: NameRule = NameRule::PathSegment;

    fn validate(&self) -> Vec<FieldError> {
        let mut faults = Faults(validate_rules(items(&self.rules), false));
        if let Some(rule) = &self.aggregation_rule {
            let (path, selectors) = ("aggregationRule.clusterRoleSelectors", items(&rule.cluster_role_selectors));
            if selectors.is_empty() {
                let detail = "at least one clusterRoleSelector required if aggregationRule is non-nil";
                faults.required_for(path, "", detail);
            }
            for (i, selector) in selectors.iter().enumerate() {
                faults.extend(validate_label_selector(selector, &format!("{path}[{i}]")));
            }
        }
        faults.0
    }

    fn columns() -> &'static [Column] {
        print::NAME_AND_CREATED_AT
    }

    fn row(&self, _context: &PrintContext<'_>) -> Vec<String> {
        print::name_and_created_at(&self.metadata)
    }

    fn describe(&self, d: &mut Description, _context: &PrintContext<'_>) {
        describe_rules(d, &self.metadata, items(&self.rules));
    }
}
