//! The secrets that a driver needs for each of its calls, as the parameters of a class name them.
//!
//! Mirrors `getSecretReference`, `verifyAndGetSecretNameAndNamespaceTemplate` and `getCredentials` of
//! `pkg/controller/controller.go` of kubernetes-csi/external-provisioner.

use std::collections::{BTreeMap, BTreeSet};

use super::options::Options;
use crate::api::k8s::api::core::v1::{CSIPersistentVolumeSource, Secret, SecretReference};
use crate::api::names::{dns1123_label, dns1123_subdomain};

const PREFIX: &str = "csi.storage.k8s.io/";

/// A call: its name in messages, what its keys begin with, and what they began with once.
type Call = (&'static str, &'static str, &'static str);

const DEFAULT: Call = ("Default", "", "");
const PROVISIONER: Call = ("Provisioner", "provisioner-", "csiProvisioner");
const CONTROLLER_PUBLISH: Call = ("ControllerPublish", "controller-publish-", "csiControllerPublish");
const NODE_STAGE: Call = ("NodeStage", "node-stage-", "csiNodeStage");
const NODE_PUBLISH: Call = ("NodePublish", "node-publish-", "csiNodePublish");
const CONTROLLER_EXPAND: Call = ("ControllerExpand", "controller-expand-", "");
const NODE_EXPAND: Call = ("NodeExpand", "node-expand-", "");

/// The secrets of a volume.
#[derive(Default)]
pub(super) struct Secrets {
    /// The one that making and deleting it needs.
    pub(super) provisioner: Option<SecretReference>,
    /// The volume's source with the others.
    pub(super) source: CSIPersistentVolumeSource,
}

/// Finds the secrets that a class names for a volume, and looks whether the one for making it is there.
///
/// # Errors
/// What is wrong with the parameters, or that there is no such secret.
pub(super) fn secrets(options: &Options<'_>, parameters: &BTreeMap<String, String>) -> Result<Secrets, String> {
    let of = |call: Call| reference(options, parameters, call);
    let provisioner = of(PROVISIONER)?;
    if let Some(secret) = &provisioner {
        let (namespace, name) = (text(&secret.namespace), text(&secret.name));
        if options.view.get_as::<Secret>(namespace, name).is_none() {
            let fault = format!("secrets {name:?} not found");
            return Err(format!("error getting secret {name} in namespace {namespace}: {fault}"));
        }
    }
    let source = CSIPersistentVolumeSource {
        controller_publish_secret_ref: of(CONTROLLER_PUBLISH)?,
        node_stage_secret_ref: of(NODE_STAGE)?,
        node_publish_secret_ref: of(NODE_PUBLISH)?,
        controller_expand_secret_ref: of(CONTROLLER_EXPAND)?,
        node_expand_secret_ref: of(NODE_EXPAND)?,
        ..Default::default()
    };
    Ok(Secrets { provisioner, source })
}

fn text(part: &Option<String>) -> &str {
    part.as_deref().unwrap_or_default()
}

fn reference(
    options: &Options<'_>,
    parameters: &BTreeMap<String, String>,
    call: Call,
) -> Result<Option<SecretReference>, String> {
    let failed = |fault| format!("failed to get name and namespace template from params: {fault}");
    let mut found = templates(parameters, call).map_err(failed)?;
    if found.is_none() {
        let failed = |fault| format!("failed to get default name and namespace template from params: {fault}");
        found = templates(parameters, DEFAULT).map_err(failed)?;
    }
    let Some((name, namespace)) = found else { return Ok(None) };
    let claim = &options.claim.metadata;
    let mut tokens = BTreeMap::from([
        ("pv.name".to_string(), options.volume_name.to_string()),
        ("pvc.namespace".to_string(), options.namespace().to_string()),
    ]);
    let namespace = resolved(namespace, &tokens, "namespace", dns1123_label)?;
    tokens.insert("pvc.name".into(), options.claim_name().to_string());
    let annotations = claim.annotations.iter().flatten();
    tokens.extend(annotations.map(|(k, v)| (format!("pvc.annotations['{k}']"), v.clone())));
    let name = resolved(name, &tokens, "secret", dns1123_subdomain)?;
    Ok(Some(SecretReference { name: Some(name), namespace: Some(namespace) }))
}

/// The name and the namespace that a class gives for a call.
fn templates(parameters: &BTreeMap<String, String>, call: Call) -> Result<Option<(&str, &str)>, String> {
    let (called, key, deprecated) = call;
    let find = |end: &str, old_end: &str| {
        let old = (!deprecated.is_empty()).then(|| parameters.get(&format!("{deprecated}{old_end}"))).flatten();
        let new = parameters.get(&format!("{PREFIX}{key}secret-{end}"));
        (old.or(new).map(String::as_str), old.is_some() && new.is_some())
    };
    let ((name, name_twice), (namespace, namespace_twice)) =
        (find("name", "SecretName"), find("namespace", "SecretNamespace"));
    if name_twice || namespace_twice {
        return Err(format!("{called} secrets specified in parameters with both \"csi\" and \"{PREFIX}\" keys"));
    }
    match (name, namespace) {
        (None, None) => Ok(None),
        (Some(""), Some(_)) | (Some(_), Some("")) => {
            Err(format!("{called} secrets specified in parameters but value of either namespace or name is empty"))
        }
        (Some(name), Some(namespace)) => Ok(Some((name, namespace))),
        _ => Err(format!("either name and namespace for {called} secrets specified, Both must be specified")),
    }
}

fn resolved(
    template: &str,
    tokens: &BTreeMap<String, String>,
    what: &str,
    check: fn(&str) -> Vec<String>,
) -> Result<String, String> {
    let value = expand(template, tokens).map_err(|fault| format!("error resolving value {template:?}: {fault}"))?;
    match check(&value).is_empty() {
        true => Ok(value),
        false if value != template => {
            Err(format!("{template:?} resolved to {value:?} which is not a valid {what} name"))
        }
        false => Err(format!("{template:?} is not a valid {what} name")),
    }
}

/// Puts tokens into a template. Mirrors Go's `os.Expand` with `resolveTemplate`.
fn expand(template: &str, tokens: &BTreeMap<String, String>) -> Result<String, String> {
    let (mut made, mut rest, mut missing) = (String::new(), template, BTreeSet::new());
    while let Some((before, after)) = rest.split_once('$') {
        made.push_str(before);
        let is_word = |c: char| c == '_' || c.is_ascii_alphanumeric();
        let (token, end) = if let Some(inner) = after.strip_prefix('{') {
            match inner.split_once('}') {
                Some((token, end)) => (token, end),
                None => ("", inner),
            }
        } else {
            let length = after.find(|c| !is_word(c)).unwrap_or(after.len());
            after.split_at(length)
        };
        rest = end;
        match tokens.get(token) {
            Some(value) => made.push_str(value),
            None if token.is_empty() => made.push_str(if after.starts_with('{') { "" } else { "$" }),
            None => _ = missing.insert(token),
        }
    }
    made.push_str(rest);
    match missing.is_empty() {
        true => Ok(made),
        false => {
            let names: Vec<String> = missing.iter().map(|name| format!("{name:?}")).collect();
            Err(format!("invalid tokens: [{}]", names.join(" ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::expand;

    #[test]
    fn tokens_are_put_in() {
        let tokens = [("pvc.name".to_string(), "data".to_string())].into();
        assert_eq!(expand("x-${pvc.name}-y", &tokens).as_deref(), Ok("x-data-y"));
        assert_eq!(expand("${pvc.nome}", &tokens), Err("invalid tokens: [\"pvc.nome\"]".to_string()));
        assert_eq!(expand("a$", &tokens).as_deref(), Ok("a$"));
        assert_eq!(expand("a${b", &tokens).as_deref(), Ok("ab"));
    }
}
