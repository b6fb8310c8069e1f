//! ServiceAccount.

use std::sync::Arc;

use crate::api::k8s::api::core::v1::{ObjectReference, Secret, ServiceAccount};
use crate::api::{Kind, Object};
use crate::kinds::Column;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::describe::{describe_events_of, print_annotations_multiline, print_labels_multiline};
use crate::kinds::shared::print;
use crate::kinds::{Description, PrintContext, Strategy, Version};

const TOKEN: &str = "kubernetes.io/service-account-token";
const ACCOUNT: &str = "kubernetes.io/service-account.name";
/// Since 1.35 `describe` tells of no others.
const PULL_SECRETS: &str = "Image pull secrets:";
const MOUNTABLE: &str = "kubernetes.io/enforce-mountable-secrets";

/// A reference to a secret keeps its name only. Mirrors `cleanSecretReferences`.
fn clean_secret_references(account: &mut ServiceAccount) {
    for secret in account.secrets.iter_mut().flatten() {
        *secret = ObjectReference { name: secret.name.take(), ..Default::default() };
    }
}

impl Strategy for ServiceAccount {
    fn prepare_for_create(&mut self) {
        clean_secret_references(self);
    }

    fn prepare_for_update(&mut self, _old: &Self) {
        clean_secret_references(self);
    }

    fn warnings_on_create(&self) -> Vec<String> {
        let warning = format!(
            "metadata.annotations[{MOUNTABLE}]: deprecated in v1.32+; prefer separate namespaces to isolate access to \
             mounted secrets"
        );
        let set = self.metadata.annotations.as_ref().is_some_and(|a| a.contains_key(MOUNTABLE));
        set.then_some(warning).into_iter().collect()
    }

    fn warnings_on_update(&self, old: &Self) -> Vec<String> {
        if old.warnings_on_create().is_empty() { self.warnings_on_create() } else { Vec::new() }
    }

    fn columns() -> &'static [Column] {
        const { &[Column::new("NAME"), Column::new("SECRETS").until(34), Column::new("AGE")] }
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        let secrets = items(&self.secrets).len().to_string();
        vec![text(&self.metadata.name).to_string(), secrets, print::age(&self.metadata, context)]
    }

    fn describe(&self, d: &mut Description, context: &PrintContext<'_>) {
        d.field(0, "Name", text(&self.metadata.name));
        d.field(0, "Namespace", text(&self.metadata.namespace));
        print_labels_multiline(d, "Labels", &self.metadata.labels);
        print_annotations_multiline(d, "Annotations", &self.metadata.annotations);
        if context.version >= Version(35) {
            let names = items(&self.image_pull_secrets).iter().map(|s| s.name.clone()).collect();
            print_names(d, PULL_SECRETS, names);
            describe_events_of(d, &self.metadata, context);
            return;
        }
        let secrets = context.lister.list(Kind::Secret, self.metadata.namespace.as_deref());
        let marked = |name: &str| match secrets.iter().any(|s| s.name() == name) {
            true => name.to_string(),
            false => format!("{name} (not found)"),
        };
        let pull = items(&self.image_pull_secrets).iter().map(|s| marked(&s.name)).collect();
        let mountable = items(&self.secrets).iter().map(|s| marked(text(&s.name))).collect();
        let is_token = |s: &&Arc<Object>| {
            s.get::<Secret>().is_some_and(|s| text(&s.type_) == TOKEN)
                && s.annotation(ACCOUNT) == self.metadata.name.as_deref()
        };
        let tokens = secrets.iter().filter(is_token).map(|s| s.name().to_string()).collect();
        print_names(d, PULL_SECRETS, pull);
        print_names(d, "Mountable secrets: ", mountable);
        print_names(d, "Tokens:            ", tokens);
        describe_events_of(d, &self.metadata, context);
    }
}

fn print_names(d: &mut Description, header: &str, names: Vec<String>) {
    let names = if names.is_empty() { vec!["<none>".to_string()] } else { names };
    let mut head = header.to_string();
    for name in names {
        d.write(0, format!("{head}\t{name}\n"));
        head = " ".repeat(header.len());
    }
}
