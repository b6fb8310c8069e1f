//! Reviews: who somebody is, and what they may do. Nothing is stored of them.
//!
//! Mirrors `pkg/registry/authentication` and `pkg/registry/authorization`.

use std::collections::BTreeSet;

use crate::api::Object;
use crate::api::k8s::api::authentication::v1::{SelfSubjectReviewStatus, TokenReviewStatus, UserInfo};
use crate::api::k8s::api::authorization::v1::{
    NonResourceAttributes, NonResourceRule, ResourceAttributes, ResourceRule, SubjectAccessReviewSpec,
    SubjectAccessReviewStatus, SubjectRulesReviewStatus,
};
use crate::api::k8s::api::rbac::v1::PolicyRule;
use crate::api::user::User;
use crate::error::{ApiError, Reason};
use crate::kinds;
use crate::kinds::rbac::authorizer::{Attributes, allowed, rules_for};
use crate::server::wire::token;
use crate::server::{Ask, Reply, Server};

impl Server {
    /// Answers a review; none for an object that is no review.
    pub(in crate::server) fn review(&self, ask: &Ask<'_>, object: &Object) -> Option<Result<Reply, ApiError>> {
        let mut answer = object.clone();
        let user = &ask.by.user;
        match &mut answer {
            Object::SelfSubjectReview(review) => {
                review.metadata.creation_timestamp = Some(self.now().meta());
                review.status = Some(SelfSubjectReviewStatus { user_info: Some(info(user)) });
            }
            Object::TokenReview(review) if review.spec.token.is_empty() => {
                let text = "token is required for TokenReview in authentication";
                return Some(Err(ApiError::new(Reason::BadRequest, text)));
            }
            Object::TokenReview(review) => {
                if let Some(user) = token::review(self, &review.spec.token) {
                    review.status = Some(TokenReviewStatus {
                        authenticated: Some(true),
                        user: Some(info(&user)),
                        ..Default::default()
                    });
                    return Some(Ok(Reply::Object(answer.into())));
                }
                let error = Some("[invalid bearer token, unknown]".to_string());
                review.status = Some(TokenReviewStatus { error, ..Default::default() });
            }
            Object::SelfSubjectAccessReview(review) => {
                let spec = (&review.spec.resource_attributes, &review.spec.non_resource_attributes);
                review.status = Some(self.judge_for(user, spec));
            }
            Object::SubjectAccessReview(review) => review.status = Some(self.judge_subject(&review.spec)),
            Object::LocalSubjectAccessReview(review) => review.status = Some(self.judge_subject(&review.spec)),
            Object::SelfSubjectRulesReview(review) => {
                let namespace = review.spec.namespace.clone().unwrap_or_default();
                if namespace.is_empty() {
                    return Some(Err(ApiError::new(Reason::BadRequest, "no namespace on request")));
                }
                review.status = Some(self.rules(user, &namespace));
            }
            _ => return None,
        }
        let faults = kinds::rules(object.kind()).validate(object);
        if !faults.is_empty() {
            return Some(Err(ApiError::invalid(&object.kind().qualified_kind(), "", faults)));
        }
        Some(Ok(Reply::Object(answer.into())))
    }

    fn judge_subject(&self, spec: &SubjectAccessReviewSpec) -> SubjectAccessReviewStatus {
        let user = User {
            name: spec.user.clone().unwrap_or_default(),
            uid: spec.uid.clone().unwrap_or_default(),
            groups: spec.groups.iter().flatten().cloned().collect::<BTreeSet<_>>(),
            ..User::default()
        };
        self.judge_for(&user, (&spec.resource_attributes, &spec.non_resource_attributes))
    }

    fn judge_for(
        &self,
        user: &User,
        spec: (&Option<ResourceAttributes>, &Option<NonResourceAttributes>),
    ) -> SubjectAccessReviewStatus {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let attributes = match spec {
            (Some(a), _) => Attributes {
                verb: text(&a.verb),
                group: text(&a.group),
                resource: text(&a.resource),
                subresource: text(&a.subresource),
                namespace: text(&a.namespace),
                name: text(&a.name),
                path: String::new(),
            },
            (None, Some(a)) => Attributes { verb: text(&a.verb), path: text(&a.path), ..Attributes::default() },
            (None, None) => Attributes::default(),
        };
        let view = self.cluster.view();
        let faults = rules_for(&view, user, &attributes.namespace).faults();
        let allowed = allowed(&view, user, &attributes);
        SubjectAccessReviewStatus {
            allowed,
            reason: faults.filter(|_| !allowed).map(|fault| format!("RBAC: {fault}")),
            ..Default::default()
        }
    }

    fn rules(&self, user: &User, namespace: &str) -> SubjectRulesReviewStatus {
        let found = rules_for(&self.cluster.view(), user, namespace);
        let evaluation_error = found.faults();
        let mut all = found.rules;
        if user.is_privileged() {
            // Mirrors the first authorizer of the server, which lets the masters do everything.
            let everything = || Some(vec!["*".to_string()]);
            let resources = PolicyRule {
                verbs: vec!["*".into()],
                api_groups: everything(),
                resources: everything(),
                ..Default::default()
            };
            let urls = PolicyRule { verbs: vec!["*".into()], non_resource_urls: everything(), ..Default::default() };
            all.splice(0..0, [resources, urls]);
        }
        let resource = |rule: &PolicyRule| ResourceRule {
            verbs: rule.verbs.clone(),
            api_groups: rule.api_groups.clone(),
            resources: rule.resources.clone(),
            resource_names: rule.resource_names.clone(),
        };
        let non_resource = |rule: &PolicyRule| NonResourceRule {
            verbs: rule.verbs.clone(),
            non_resource_urls: rule.non_resource_urls.clone(),
        };
        let is_url = |rule: &&PolicyRule| rule.non_resource_urls.as_ref().is_some_and(|urls| !urls.is_empty());
        SubjectRulesReviewStatus {
            resource_rules: all.iter().filter(|rule| !is_url(rule)).map(resource).collect(),
            non_resource_rules: all.iter().filter(is_url).map(non_resource).collect(),
            incomplete: false,
            evaluation_error,
        }
    }
}

fn info(user: &User) -> UserInfo {
    UserInfo {
        username: Some(user.name.clone()),
        uid: Some(user.uid.clone()).filter(|uid| !uid.is_empty()),
        groups: Some(user.listed_groups()),
        extra: (!user.extra.is_empty()).then(|| user.extra.clone()),
    }
}
