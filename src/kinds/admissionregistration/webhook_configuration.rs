//! ValidatingWebhookConfiguration and MutatingWebhookConfiguration.
//!
//! Mirrors `pkg/registry/admissionregistration/{validating,mutating}webhookconfiguration`.

use super::matching::set_scope;
use super::warn_of_suffix;
use super::webhook::{Hook, validate_hooks};
use crate::api::k8s::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, RuleWithOperations, ValidatingWebhookConfiguration, WebhookClientConfig,
};
use crate::api::{LabelSelector, ObjectMeta};
use crate::error::FieldError;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::print;
use crate::kinds::{Column, PrintContext, Strategy};

const COLUMNS: &[Column] = &[
    Column::new("NAME"),
    Column::new("CREATED AT").until(17),
    Column::new("WEBHOOKS").since(18),
    Column::new("AGE").since(18),
];

fn row(meta: &ObjectMeta, webhooks: usize, context: &PrintContext<'_>) -> Vec<String> {
    vec![text(&meta.name).into(), print::created_at(meta), webhooks.to_string(), print::age(meta, context)]
}

/// What webhooks of both sorts are given when they leave it out.
fn set_hook_defaults(
    (failure, matching): (&mut Option<String>, &mut Option<String>),
    (namespaces, objects): (&mut Option<LabelSelector>, &mut Option<LabelSelector>),
    timeout: &mut Option<i32>,
    rules: &mut Option<Vec<RuleWithOperations>>,
    client: &mut WebhookClientConfig,
) {
    failure.get_or_insert_with(|| "Fail".into());
    matching.get_or_insert_with(|| "Equivalent".into());
    namespaces.get_or_insert_default();
    objects.get_or_insert_default();
    timeout.get_or_insert(10);
    rules.iter_mut().flatten().for_each(|rule| set_scope(&mut rule.scope));
    if let Some(service) = &mut client.service {
        service.port.get_or_insert(443);
    }
}

impl Strategy for ValidatingWebhookConfiguration {
    const GENERATION: bool = true;

    fn set_defaults(&mut self) {
        for hook in self.webhooks.iter_mut().flatten() {
            set_hook_defaults(
                (&mut hook.failure_policy, &mut hook.match_policy),
                (&mut hook.namespace_selector, &mut hook.object_selector),
                &mut hook.timeout_seconds,
                &mut hook.rules,
                &mut hook.client_config,
            );
        }
    }

    fn validate(&self) -> Vec<FieldError> {
        let hooks = items(&self.webhooks).iter().map(|hook| Hook {
            name: &hook.name,
            rules: items(&hook.rules).iter().map(Into::into).collect(),
            failure_policy: &hook.failure_policy,
            match_policy: &hook.match_policy,
            side_effects: &hook.side_effects,
            timeout_seconds: hook.timeout_seconds,
            namespace_selector: hook.namespace_selector.as_ref(),
            object_selector: hook.object_selector.as_ref(),
            reinvocation_policy: None,
            client_config: &hook.client_config,
            match_conditions: items(&hook.match_conditions),
            review_versions: &hook.admission_review_versions,
        });
        validate_hooks(hooks).0
    }

    fn warnings_on_create(&self) -> Vec<String> {
        warn_of_suffix(&self.metadata)
    }

    fn same_spec(&self, other: &Self) -> bool {
        self.webhooks == other.webhooks
    }

    fn columns() -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        row(&self.metadata, items(&self.webhooks).len(), context)
    }
}

impl Strategy for MutatingWebhookConfiguration {
    const GENERATION: bool = true;

    fn set_defaults(&mut self) {
        for hook in self.webhooks.iter_mut().flatten() {
            set_hook_defaults(
                (&mut hook.failure_policy, &mut hook.match_policy),
                (&mut hook.namespace_selector, &mut hook.object_selector),
                &mut hook.timeout_seconds,
                &mut hook.rules,
                &mut hook.client_config,
            );
            hook.reinvocation_policy.get_or_insert_with(|| "Never".into());
        }
    }

    fn validate(&self) -> Vec<FieldError> {
        let hooks = items(&self.webhooks).iter().map(|hook| Hook {
            name: &hook.name,
            rules: items(&hook.rules).iter().map(Into::into).collect(),
            failure_policy: &hook.failure_policy,
            match_policy: &hook.match_policy,
            side_effects: &hook.side_effects,
            timeout_seconds: hook.timeout_seconds,
            namespace_selector: hook.namespace_selector.as_ref(),
            object_selector: hook.object_selector.as_ref(),
            reinvocation_policy: hook.reinvocation_policy.as_deref(),
            client_config: &hook.client_config,
            match_conditions: items(&hook.match_conditions),
            review_versions: &hook.admission_review_versions,
        });
        validate_hooks(hooks).0
    }

    fn warnings_on_create(&self) -> Vec<String> {
        warn_of_suffix(&self.metadata)
    }

    fn same_spec(&self, other: &Self) -> bool {
        self.webhooks == other.webhooks
    }

    fn columns() -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        row(&self.metadata, items(&self.webhooks).len(), context)
    }
}
