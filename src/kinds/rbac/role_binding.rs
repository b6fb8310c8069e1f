//! RoleBinding, and what it shares with ClusterRoleBinding.

use crate::api::k8s::api::rbac::v1::{RoleBinding, RoleRef, Subject};
use crate::api::{ObjectMeta, names};
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::Description;
use crate::kinds::NameRule;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::shared::access::{items, set_text, text};
use crate::kinds::shared::describe::{print_annotations_multiline, print_labels_multiline};
use crate::kinds::shared::faults::Faults;
use crate::kinds::shared::internal::Internal;
use crate::kinds::shared::print;

const GROUP: &str = "rbac.authorization.k8s.io";

/// The columns of bindings.
pub(super) const COLUMNS: &[Column] = &[
    Column::new("NAME"),
    Column::new("ROLE").since(18),
    Column::new("AGE"),
    Column::wide("ROLE").until(17),
    Column::wide("USERS"),
    Column::wide("GROUPS"),
    Column::wide("SERVICEACCOUNTS"),
];

impl Strategy for RoleBinding {
    const NAME: NameRule = NameRule::PathSegment;

    fn set_defaults(&mut self) {
        set_binding_defaults(&mut self.role_ref, &mut self.subjects);
    }

    fn validate(&self) -> Vec<FieldError> {
        validate_binding(&self.role_ref, items(&self.subjects), &["Role", "ClusterRole"])
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut faults = self.validate();
        faults.extend(role_ref_changed(&self.role_ref, &old.role_ref));
        faults
    }

    fn columns() -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        binding_row(&self.metadata, &self.role_ref, items(&self.subjects), context)
    }

    fn describe(&self, d: &mut Description, _context: &PrintContext<'_>) {
        describe_binding(d, &self.metadata, &self.role_ref, items(&self.subjects));
    }
}

/// Users and groups belong to RBAC's own API group.
pub(super) fn set_binding_defaults(role: &mut RoleRef, subjects: &mut Option<Vec<Subject>>) {
    set_text(&mut role.api_group, GROUP);
    for subject in subjects.iter_mut().flatten() {
        if matches!(subject.kind.as_str(), "User" | "Group") {
            set_text(&mut subject.api_group, GROUP);
        }
    }
}

/// Mirrors `ValidateRoleBinding` and `ValidateClusterRoleBinding`; `kinds` are those of the role.
pub(super) fn validate_binding(role: &RoleRef, subjects: &[Subject], kinds: &[&str]) -> Vec<FieldError> {
    let mut faults = Faults::default();
    faults.one_of("roleRef", "apiGroup", text(&role.api_group), &[GROUP]);
    if !kinds.contains(&role.kind.as_str()) {
        faults.0.push(FieldError::not_supported_in_order("roleRef.kind", &role.kind, kinds));
    }
    if faults.require("roleRef", "name", &role.name) {
        faults.all_invalid("roleRef", "name", &role.name, names::path_segment_name(&role.name, false));
    }
    let namespaced = kinds.len() > 1;
    for (i, subject) in subjects.iter().enumerate() {
        validate_subject(subject, namespaced, &format!("subjects[{i}]"), &mut faults);
    }
    faults.0
}

fn validate_subject(subject: &Subject, namespaced: bool, path: &str, faults: &mut Faults) {
    let named = faults.require(path, "name", &subject.name);
    match subject.kind.as_str() {
        "ServiceAccount" => {
            if named {
                faults.all_invalid(path, "name", &subject.name, names::dns1123_subdomain(&subject.name));
            }
            faults.one_of(path, "apiGroup", text(&subject.api_group), &[""]);
            if !namespaced {
                faults.require(path, "namespace", text(&subject.namespace));
            }
        }
        "User" | "Group" => faults.one_of(path, "apiGroup", text(&subject.api_group), &[GROUP]),
        other => {
            let kinds = ["ServiceAccount", "User", "Group"];
            faults.0.push(FieldError::not_supported_in_order(format!("{path}.kind"), other, &kinds));
        }
    }
}

/// A binding keeps its role.
pub(super) fn role_ref_changed(new: &RoleRef, old: &RoleRef) -> Option<FieldError> {
    let plain = |text: &str| Internal::Plain(text.into());
    let whole = Internal::Struct(vec![
        ("APIGroup".into(), plain(text(&new.api_group))),
        ("Kind".into(), plain(&new.kind)),
        ("Name".into(), plain(&new.name)),
    ]);
    (new != old).then(|| FieldError::invalid("roleRef", whole, "cannot change roleRef"))
}

/// The cells of `COLUMNS`.
pub(super) fn binding_row(
    meta: &ObjectMeta,
    role: &RoleRef,
    subjects: &[Subject],
    context: &PrintContext<'_>,
) -> Vec<String> {
    let of = |kind: &str| {
        let all = subjects.iter().filter(|s| s.kind == kind);
        let name = |s: &Subject| match kind {
            "ServiceAccount" => format!("{}/{}", text(&s.namespace), s.name),
            _ => s.name.clone(),
        };
        all.map(name).collect::<Vec<_>>().join(", ")
    };
    let role = format!("{}/{}", role.kind, role.name);
    vec![
        text(&meta.name).to_string(),
        role.clone(),
        print::age(meta, context),
        role,
        of("User"),
        of("Group"),
        of("ServiceAccount"),
    ]
}

/// Mirrors `RoleBindingDescriber` and `ClusterRoleBindingDescriber`.
pub(super) fn describe_binding(d: &mut Description, meta: &ObjectMeta, role: &RoleRef, subjects: &[Subject]) {
    d.field(0, "Name", text(&meta.name));
    print_labels_multiline(d, "Labels", &meta.labels);
    print_annotations_multiline(d, "Annotations", &meta.annotations);
    d.write(0, "Role:\n");
    d.field(1, "Kind", &role.kind);
    d.field(1, "Name", &role.name);
    d.write(0, "Subjects:\n");
    d.write(1, "Kind\tName\tNamespace\n");
    d.write(1, "----\t----\t---------\n");
    for s in subjects {
        d.write(1, format!("{}\t{}\t{}\n", s.kind, s.name, text(&s.namespace)));
    }
}
