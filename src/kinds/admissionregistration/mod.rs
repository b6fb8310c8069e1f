//! The kinds of `admissionregistration.k8s.io`: who else has a say in what is written.
//!
//! They are kept and checked as a real server does; nobody is asked: kstate calls no webhooks, and neither compiles nor
//! evaluates the expressions of policies.

mod matching;
mod mutating_admission_policy;
mod policy;
mod validating_admission_policy;
mod webhook;
mod webhook_configuration;

/// What names of configurations end with that a server reads from files.
const STATIC_SUFFIX: &str = ".static.k8s.io";

/// Mirrors `WarningsForStaticSuffix`.
fn warn_of_suffix(meta: &crate::api::ObjectMeta) -> Vec<String> {
    let is_static = meta.name.as_deref().is_some_and(|name| name.ends_with(STATIC_SUFFIX));
    let warning = format!(
        "metadata.name: names ending with {STATIC_SUFFIX:?} are reserved for static manifest-based configurations and \
         cannot be managed via the API"
    );
    is_static.then_some(warning).into_iter().collect()
}
