//! What a role or binding of the cluster lacks of one that is wished for, and how it gets there.
//!
//! Mirrors `k8s.io/component-helpers/auth/rbac/reconciliation`.

use serde_json::{Value, json};

use crate::api::k8s::api::rbac::v1::{PolicyRule, Subject};
use crate::api::request::{DeleteOptions, Resource, Verb, WriteOptions};
use crate::api::{Kind, ObjectKey};
use crate::error::{ApiError, Reason};
use crate::kinds::rbac::covers::uncovered;
use crate::kubectl::builder::info::{Info, check_name};
use crate::kubectl::print::errors::Fault;
use crate::kubectl::session::Session;
use crate::manifest::strict::normalise;

/// The annotation by which an object opts out.
const AUTO_UPDATE: &str = "rbac.authorization.kubernetes.io/autoupdate";

/// How roles and bindings are brought together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reconciler {
    /// Whether anything is written.
    pub(super) confirm: bool,
    /// Whether what is not wished for goes.
    pub(super) remove_extra: bool,
}

/// What has to be done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Operation {
    #[default]
    None,
    Create,
    Update,
    Recreate,
}

/// What was found, and what was made of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Reconciled {
    /// The role or binding as it then is, or would be.
    pub(super) object: Value,
    pub(super) operation: Operation,
    /// Whether the object opted out, so that nothing was done.
    pub(super) protected: bool,
    pub(super) missing_rules: Vec<PolicyRule>,
    pub(super) extra_rules: Vec<PolicyRule>,
    pub(super) missing_subjects: Vec<Subject>,
    pub(super) extra_subjects: Vec<Subject>,
}

impl Reconciler {
    /// Brings the cluster's object to what is wished for. Tried again as long as it comes and goes meanwhile. Mirrors
    /// `Run` of both kinds of options.
    ///
    /// # Errors
    /// The server's refusal.
    pub(super) fn run(&self, expected: &Info, session: &mut Session<'_>) -> Result<Reconciled, Fault> {
        let is_role = matches!(expected.kind(), Kind::Role | Kind::ClusterRole);
        let mut wanted = expected.tree.clone();
        normalise(expected.kind(), &mut wanted);
        for _ in 0..if is_role { 3 } else { 4 } {
            let existing = match existing(expected, session) {
                Ok(object) => object,
                Err(refused) if refused.reason == Reason::NotFound => Value::Null,
                Err(refused) => return Err(refused.into()),
            };
            let mut result = match (existing.is_null(), is_role) {
                (true, _) => absent(&wanted),
                (false, true) => self.role(&existing, &wanted),
                (false, false) => self.binding(&existing, &wanted),
            };
            if result.protected || !self.confirm || result.operation == Operation::None {
                return Ok(result);
            }
            if let Some(object) = perform(&result, expected, &existing, session)? {
                result.object = object;
                return Ok(result);
            }
        }
        Err(Fault::plain("exceeded maximum attempts"))
    }

    /// Mirrors `computeReconciledRole`.
    fn role(&self, existing: &Value, expected: &Value) -> Reconciled {
        let mut result = merged(existing, expected);
        let (is, wanted) = (rules(existing), rules(expected));
        let aggregation = |tree: &Value| tree.get("aggregationRule").filter(|rule| rule.is_object()).cloned();
        let (had, wants) = (aggregation(existing), aggregation(expected));
        // The rules of aggregated roles are others'.
        if had.is_none() || wants.is_none() {
            result.extra_rules = uncovered(&wanted, &is);
        }
        result.missing_rules = uncovered(&is, &wanted);
        let (missing, extra) = (!result.missing_rules.is_empty(), !result.extra_rules.is_empty());
        if !self.remove_extra && missing {
            let all: Vec<PolicyRule> = is.into_iter().chain(result.missing_rules.clone()).collect();
            result.set("rules", json!(all));
        } else if self.remove_extra && (missing || extra) {
            result.set("rules", expected["rules"].clone());
        }
        let lacking = |of: &Option<Value>, besides: &Option<Value>| {
            let selectors = |rule: &Option<Value>| {
                let list = rule.as_ref().and_then(|rule| rule["clusterRoleSelectors"].as_array().cloned());
                list.unwrap_or_default()
            };
            let known = selectors(besides);
            selectors(of).into_iter().filter(|one| !known.contains(one)).collect::<Vec<Value>>()
        };
        let (missing, extra) = (lacking(&wants, &had), lacking(&had, &wants));
        if wants.is_none() && had.is_some() {
            result.set("aggregationRule", Value::Null);
        } else if !self.remove_extra && !missing.is_empty() {
            let mut all = lacking(&had, &None);
            all.extend(missing);
            result.set("aggregationRule", json!({"clusterRoleSelectors": all}));
        } else if self.remove_extra && !(missing.is_empty() && extra.is_empty()) {
            result.set("aggregationRule", wants.unwrap_or_default());
        }
        result
    }

    /// Mirrors `computeReconciledRoleBinding`.
    fn binding(&self, existing: &Value, expected: &Value) -> Reconciled {
        let mut result = merged(existing, expected);
        if existing["roleRef"] != expected["roleRef"] {
            result.object = expected.clone();
            result.operation = Operation::Recreate;
            return result;
        }
        let (is, wanted) = (subjects(existing), subjects(expected));
        result.missing_subjects = besides(&wanted, &is);
        result.extra_subjects = besides(&is, &wanted);
        let (missing, extra) = (!result.missing_subjects.is_empty(), !result.extra_subjects.is_empty());
        if !self.remove_extra && missing {
            let all: Vec<Subject> = is.into_iter().chain(result.missing_subjects.clone()).collect();
            result.set("subjects", json!(all));
        } else if self.remove_extra && (missing || extra) {
            result.set("subjects", expected["subjects"].clone());
        }
        result
    }
}

impl Reconciled {
    /// Changes a field, or takes it away.
    fn set(&mut self, field: &str, value: Value) {
        self.operation = Operation::Update;
        match (value, self.object.as_object_mut()) {
            (Value::Null, Some(fields)) => _ = fields.remove(field),
            (value, Some(fields)) => _ = fields.insert(field.into(), value),
            _ => {}
        }
    }
}

fn existing(expected: &Info, session: &Session<'_>) -> Result<Value, ApiError> {
    if expected.kind().is_namespaced() && expected.namespace.is_empty() {
        // Such a place is not served at all.
        return Err(ApiError::new(Reason::NotFound, "the server could not find the requested resource"));
    }
    let mut tree = session.client.tree_at(expected.whole())?;
    normalise(expected.kind(), &mut tree);
    Ok(tree)
}

/// An object that is not there yet.
fn absent(expected: &Value) -> Reconciled {
    Reconciled {
        object: expected.clone(),
        operation: Operation::Create,
        missing_rules: rules(expected),
        missing_subjects: subjects(expected),
        ..Reconciled::default()
    }
}

/// The object of the cluster with the annotations and labels of both.
fn merged(existing: &Value, expected: &Value) -> Reconciled {
    let protected = existing["metadata"]["annotations"][AUTO_UPDATE] == "false";
    let mut result = Reconciled { object: existing.clone(), protected, ..Reconciled::default() };
    for field in ["annotations", "labels"] {
        let own = existing["metadata"][field].as_object();
        let mut all = expected["metadata"][field].as_object().cloned().unwrap_or_default();
        all.extend(own.cloned().unwrap_or_default());
        if Some(&all) != own && !all.is_empty() {
            result.object["metadata"][field] = Value::Object(all);
            result.operation = Operation::Update;
        }
    }
    result
}

fn rules(tree: &Value) -> Vec<PolicyRule> {
    serde_json::from_value(tree["rules"].clone()).unwrap_or_default()
}

fn subjects(tree: &Value) -> Vec<Subject> {
    serde_json::from_value(tree["subjects"].clone()).unwrap_or_default()
}

/// The subjects of one list that another lacks, each once.
fn besides(list: &[Subject], other: &[Subject]) -> Vec<Subject> {
    let mut found: Vec<Subject> = Vec::new();
    for subject in list {
        if !other.contains(subject) && !found.contains(subject) {
            found.push(subject.clone());
        }
    }
    found
}

/// Writes what was worked out; none if the object came or went meanwhile.
fn perform(
    result: &Reconciled,
    expected: &Info,
    existing: &Value,
    session: &mut Session<'_>,
) -> Result<Option<Value>, Fault> {
    if result.operation == Operation::Recreate {
        let uid = existing["metadata"]["uid"].as_str().map(String::from);
        let options = DeleteOptions { uid, ..DeleteOptions::default() };
        match session.client.send(Verb::Delete(options), expected.whole()) {
            Ok(_) => {}
            Err(refused) if refused.reason == Reason::NotFound => {}
            Err(refused) if refused.reason == Reason::Conflict => return Ok(None),
            Err(refused) => return Err(refused.into()),
        }
    }
    let (verb, meanwhile) = match result.operation {
        Operation::Update => (Verb::Update(WriteOptions::default(), result.object.clone()), Reason::NotFound),
        _ => {
            if expected.kind().is_namespaced() {
                ensure_namespace(&expected.namespace, session)?;
            }
            (Verb::Create(WriteOptions::default(), result.object.clone()), Reason::AlreadyExists)
        }
    };
    let creates = meanwhile == Reason::AlreadyExists;
    let place = if creates { Resource { name: String::new(), ..expected.whole() } } else { expected.whole() };
    let mut info = expected.clone();
    match session.client.send(verb, place) {
        Ok(reply) => info.refresh(reply, session)?,
        Err(refused) if refused.reason == meanwhile => return Ok(None),
        Err(refused) => return Err(refused.into()),
    }
    Ok(Some(info.tree))
}

/// Makes a namespace that is not there, if one may. Mirrors `tryEnsureNamespace`.
fn ensure_namespace(name: &str, session: &mut Session<'_>) -> Result<(), Fault> {
    check_name(name)?;
    match session.client.tree_at(Resource::object(&ObjectKey::new(Kind::Namespace, "", name))) {
        Ok(_) => return Ok(()),
        Err(refused) if matches!(refused.reason, Reason::NotFound | Reason::Forbidden) => {}
        Err(refused) => return Err(refused.into()),
    }
    let tree = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "spec": {}, "status": {}});
    match session.client.send(Verb::Create(WriteOptions::default(), tree), Resource::kind(Kind::Namespace)) {
        Ok(_) => Ok(()),
        Err(refused) if matches!(refused.reason, Reason::AlreadyExists | Reason::Forbidden) => Ok(()),
        Err(refused) => Err(refused.into()),
    }
}
