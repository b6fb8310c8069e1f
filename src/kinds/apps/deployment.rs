//! Deployment.

use crate::api::k8s::api::apps::v1::{
    Deployment, DeploymentSpec, DeploymentStatus, DeploymentStrategy, ReplicaSet, RollingUpdateDeployment,
};
use crate::api::k8s::apimachinery::pkg::util::intstr::IntOrString;
use crate::api::object::controller_of;
use crate::api::selector::{Selector, label_selector_matches};
use crate::api::{Kind, time};
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::Description;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::core::pod::{self, int_or_string};
use crate::kinds::shared::access::{items, set_text, text};
use crate::kinds::shared::describe::{describe_events_of, print_annotations_multiline, print_labels_multiline};
use crate::kinds::shared::internal::Internal;
use crate::kinds::shared::meta::FIELD_IMMUTABLE;
use crate::kinds::shared::print;
use crate::kinds::shared::workload::{
    by_creation, container_cells, describe_conditions, equal_ignore_hash, int_or_percent_value,
    is_not_more_than_100_percent, nonnegative, validate_positive_int_or_percent, validate_selector,
    validate_template_for_replica_set, warn_of_name,
};

const COLUMNS: &[Column] = &[
    Column::new("NAME"),
    Column::new("READY"),
    Column::new("UP-TO-DATE"),
    Column::new("AVAILABLE"),
    Column::new("AGE"),
    Column::wide("CONTAINERS"),
    Column::wide("IMAGES"),
    Column::wide("SELECTOR"),
];

impl Strategy for Deployment {
    const STATUS: bool = true;
    const GENERATION: bool = true;

    fn set_defaults(&mut self) {
        let Some(spec) = &mut self.spec else { return };
        spec.replicas.get_or_insert(1);
        let strategy = spec.strategy.get_or_insert_default();
        set_text(&mut strategy.type_, "RollingUpdate");
        if text(&strategy.type_) == "RollingUpdate" {
            let rolling = strategy.rolling_update.get_or_insert_default();
            let quarter = || IntOrString::String("25%".into());
            rolling.max_unavailable.get_or_insert_with(quarter);
            rolling.max_surge.get_or_insert_with(quarter);
        }
        spec.revision_history_limit.get_or_insert(10);
        spec.progress_deadline_seconds.get_or_insert(600);
        pod::set_pod_template_defaults(&mut spec.template);
    }

    fn validate(&self) -> Vec<FieldError> {
        self.spec.as_ref().map(validate_spec).unwrap_or_default()
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut faults = self.validate();
        let selector = |d: &Deployment| d.spec.as_ref().map(|s| s.selector.clone());
        if selector(self) != selector(old) {
            faults.push(FieldError::invalid("spec.selector", selector(self), FIELD_IMMUTABLE));
        }
        faults
    }

    fn warnings_on_create(&self) -> Vec<String> {
        let template = self.spec.as_ref().map(|s| pod::warnings_for_pod_template(&s.template, "spec.template"));
        warn_of_name(&self.metadata).into_iter().chain(template.unwrap_or_default()).collect()
    }

    fn warnings_on_update(&self, old: &Self) -> Vec<String> {
        let template = self.spec.as_ref().map(|s| pod::warnings_for_pod_template(&s.template, "spec.template"));
        if self.same_spec(old) { Vec::new() } else { template.unwrap_or_default() }
    }

    fn reset_status(&mut self) {
        self.status = Some(DeploymentStatus::default());
    }

    fn copy_status(&mut self, from: &Self) {
        self.status = from.status.clone();
    }

    /// Annotations count too, since they are copied to ReplicaSets.
    fn same_spec(&self, other: &Self) -> bool {
        self.spec == other.spec && self.metadata.annotations == other.metadata.annotations
    }

    fn columns() -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        let spec = self.spec.as_ref();
        let status = self.status.clone().unwrap_or_default();
        let [names, images] = container_cells(spec.map(|s| &s.template));
        let selector = Selector::from_label_selector(spec.map(|s| &s.selector));
        vec![
            text(&self.metadata.name).to_string(),
            format!("{}/{}", status.ready_replicas.unwrap_or(0), spec.and_then(|s| s.replicas).unwrap_or(0)),
            status.updated_replicas.unwrap_or(0).to_string(),
            status.available_replicas.unwrap_or(0).to_string(),
            print::age(&self.metadata, context),
            names,
            images,
            selector.map_or("<invalid>".into(), |s| s.to_string()),
        ]
    }

    fn describe(&self, d: &mut Description, context: &PrintContext<'_>) {
        describe_deployment(self, d, context);
    }
}

/// Mirrors `ValidateDeploymentSpec`.
fn validate_spec(spec: &DeploymentSpec) -> Vec<FieldError> {
    let mut faults = Vec::new();
    faults.extend(nonnegative(spec.replicas, "spec.replicas"));
    faults.extend(validate_selector(&spec.selector, "spec.selector", "deployment"));
    faults.extend(validate_template_for_replica_set(&spec.selector, &spec.template, "spec.template"));
    faults.extend(spec.strategy.as_ref().map(validate_strategy).unwrap_or_default());
    faults.extend(nonnegative(spec.min_ready_seconds, "spec.minReadySeconds"));
    faults.extend(nonnegative(spec.revision_history_limit, "spec.revisionHistoryLimit"));
    if let Some(deadline) = spec.progress_deadline_seconds {
        let path = "spec.progressDeadlineSeconds";
        faults.extend(nonnegative(Some(deadline), path));
        if deadline <= spec.min_ready_seconds.unwrap_or(0) {
            faults.push(FieldError::invalid(path, deadline, "must be greater than minReadySeconds"));
        }
    }
    faults
}

fn validate_strategy(strategy: &DeploymentStrategy) -> Vec<FieldError> {
    let path = "spec.strategy";
    match (text(&strategy.type_), &strategy.rolling_update) {
        ("Recreate", None) => Vec::new(),
        ("Recreate", Some(_)) => {
            let detail = "may not be specified when strategy `type` is 'Recreate'";
            vec![FieldError::forbidden(format!("{path}.rollingUpdate"), detail)]
        }
        ("RollingUpdate", Some(rolling)) => validate_rolling_update(rolling, &format!("{path}.rollingUpdate")),
        ("RollingUpdate", None) => {
            let detail = "this should be defaulted and never be nil";
            vec![FieldError::required(format!("{path}.rollingUpdate"), detail)]
        }
        _ => {
            let strategy = Internal::of("DeploymentStrategy", strategy);
            vec![FieldError::not_supported(path, strategy, &["Recreate", "RollingUpdate"])]
        }
    }
}

/// Mirrors `ValidateRollingUpdateDeployment`.
fn validate_rolling_update(rolling: &RollingUpdateDeployment, path: &str) -> Vec<FieldError> {
    let none = IntOrString::Int(0);
    let unavailable = rolling.max_unavailable.as_ref().unwrap_or(&none);
    let surge = rolling.max_surge.as_ref().unwrap_or(&none);
    let field = format!("{path}.maxUnavailable");
    let mut faults = validate_positive_int_or_percent(unavailable, &field);
    faults.extend(validate_positive_int_or_percent(surge, &format!("{path}.maxSurge")));
    if int_or_percent_value(unavailable) == 0 && int_or_percent_value(surge) == 0 {
        faults.push(FieldError::invalid(&field, unavailable, "may not be 0 when `maxSurge` is 0"));
    }
    faults.extend(is_not_more_than_100_percent(unavailable, &field));
    faults
}

/// A Deployment's ReplicaSets, the old ones and the new one, each from old to new. Mirrors `GetAllReplicaSets`.
pub fn get_all_replica_sets(d: &Deployment, context: &PrintContext<'_>) -> (Vec<ReplicaSet>, Option<ReplicaSet>) {
    let Some(spec) = &d.spec else { return (Vec::new(), None) };
    let mut sets: Vec<ReplicaSet> = context
        .lister
        .list(Kind::ReplicaSet, d.metadata.namespace.as_deref())
        .iter()
        .filter(|o| controller_of(o.meta()).is_some_and(|c| Some(&c.uid) == d.metadata.uid.as_ref()))
        .filter(|o| label_selector_matches(Some(&spec.selector), o.meta().labels.as_ref()))
        .filter_map(|o| o.get::<ReplicaSet>().cloned())
        .collect();
    sets.sort_by(by_creation);
    let is_new = |rs: &ReplicaSet| {
        let template = rs.spec.as_ref().and_then(|s| s.template.as_ref());
        template.is_some_and(|t| equal_ignore_hash(t, &spec.template))
    };
    let new = sets.iter().position(is_new).map(|i| sets.remove(i));
    (sets, new)
}

/// Mirrors `describeDeployment`.
fn describe_deployment(deployment: &Deployment, d: &mut Description, context: &PrintContext<'_>) {
    let (meta, spec) = (&deployment.metadata, deployment.spec.clone().unwrap_or_default());
    let status = deployment.status.clone().unwrap_or_default();
    let selector = Selector::from_label_selector(Some(&spec.selector)).unwrap_or_else(|_| Selector::nothing());
    d.field(0, "Name", text(&meta.name));
    d.field(0, "Namespace", text(&meta.namespace));
    d.field(0, "CreationTimestamp", time::rfc1123z(meta.creation_timestamp.as_ref()));
    print_labels_multiline(d, "Labels", &meta.labels);
    print_annotations_multiline(d, "Annotations", &meta.annotations);
    d.field(0, "Selector", &selector);
    let counts = format!(
        "{} desired | {} updated | {} total | {} available | {} unavailable",
        spec.replicas.unwrap_or(0),
        status.updated_replicas.unwrap_or(0),
        status.replicas.unwrap_or(0),
        status.available_replicas.unwrap_or(0),
        status.unavailable_replicas.unwrap_or(0)
    );
    d.field(0, "Replicas", counts);
    let strategy = spec.strategy.clone().unwrap_or_default();
    d.field(0, "StrategyType", text(&strategy.type_));
    d.field(0, "MinReadySeconds", spec.min_ready_seconds.unwrap_or(0));
    if let Some(rolling) = &strategy.rolling_update {
        let shown = |v: &Option<IntOrString>| v.as_ref().map_or("<nil>".into(), int_or_string);
        let (unavailable, surge) = (shown(&rolling.max_unavailable), shown(&rolling.max_surge));
        d.field(0, "RollingUpdateStrategy", format!("{unavailable} max unavailable, {surge} max surge"));
    }
    pod::describe_pod_template(d, &spec.template, context.version);
    let conditions = items(&status.conditions).iter();
    describe_conditions(d, conditions.map(|c| (c.type_.as_str(), c.status.as_str(), &c.reason)));
    let (old, new) = get_all_replica_sets(deployment, context);
    if !old.is_empty() || new.is_some() {
        d.field(0, "OldReplicaSets", print_replica_sets(old.iter()));
        d.field(0, "NewReplicaSet", print_replica_sets(new.iter()));
    }
    describe_events_of(d, meta, context);
}

/// Mirrors `printReplicaSetsByLabels`.
fn print_replica_sets<'a>(sets: impl Iterator<Item = &'a ReplicaSet>) -> String {
    let shown = |rs: &ReplicaSet| {
        let is = rs.status.as_ref().map_or(0, |s| s.replicas);
        let wanted = rs.spec.as_ref().and_then(|s| s.replicas).unwrap_or(0);
        format!("{} ({is}/{wanted} replicas created)", text(&rs.metadata.name))
    };
    let all: Vec<String> = sets.map(shown).collect();
    if all.is_empty() { "<none>".into() } else { all.join(", ") }
}
