//! `list`: the objects of a kind that selectors let through, whole or in pieces.
//!
//! Mirrors `k8s.io/apiserver/pkg/endpoints/handlers/get.go` (ListResource) and the continue tokens of
//! `k8s.io/apiserver/pkg/storage/continue.go`.

use std::sync::Arc;

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::api::request::{Form, ListOptions};
use crate::api::table::Table;
use crate::api::{Kind, Object};
use crate::error::{ApiError, Reason};
use crate::kinds;
use crate::registry::{Piece, Selection};
use crate::server::{Ask, List, Reply, Server, table};

fn bad_request(text: impl Into<String>) -> ApiError {
    ApiError::new(Reason::BadRequest, text)
}

impl Server {
    /// Answers with objects.
    ///
    /// # Errors
    /// `BadRequest` for selectors that can't be read or name an unknown field, and for odd tokens.
    pub(in crate::server) fn list(&self, ask: &Ask<'_>, options: &ListOptions) -> Result<Reply, ApiError> {
        let mut list = self.select(ask, options)?;
        if ask.accept.form != Form::Object {
            let rules = kinds::rules(list.kind);
            list.items.sort_by(|a, b| rules.row_order(a, b));
            let table = table::build(self, list.kind, &list.items);
            let List { revision, continue_at, remaining, .. } = list;
            return Ok(Reply::Table(Table { revision, continue_at, remaining, ..table }));
        }
        let items = list.items.iter().map(|object| self.with_owners(ask, object)).collect::<Result<_, _>>()?;
        Ok(Reply::List(List { items, ..list }))
    }

    /// The objects of a kind that are selected just now.
    pub(in crate::server) fn present(&self, kind: Kind, namespace: &str, selection: &Selection) -> Vec<Arc<Object>> {
        self.cluster.registry().list(kind, namespace, selection, Piece::ALL)
    }

    pub(in crate::server) fn select(&self, ask: &Ask<'_>, options: &ListOptions) -> Result<List, ApiError> {
        let (kind, namespace) = (ask.served.kind, ask.resource.namespace.as_str());
        let selection =
            Selection::parse(kind, &ask.resource.api_version(), &options.label_selector, &options.field_selector)?;
        check_revision(&options.resource_version)?;
        let revision = self.cluster.revision();
        let start = match options.continue_at.as_str() {
            "" => (String::new(), String::new()),
            token => read_token(token)?,
        };
        let from = (start.0.as_str(), start.1.as_str());
        let limit = Some(options.limit).filter(|limit| *limit > 0).and_then(|limit| usize::try_from(limit).ok());
        // One more than asked for shows where the next piece begins.
        let piece = Piece { from, limit: limit.map(|limit| limit.saturating_add(1)) };
        let registry = self.cluster.registry();
        let mut items: Vec<Arc<Object>> = match self.computed_list(ask) {
            Some(items) => {
                let selected = items?.into_iter().filter(|o| selection.matches(o));
                selected.filter(|o| (o.namespace(), o.name()) >= from).collect()
            }
            None => registry.list(kind, namespace, &selection, piece),
        };
        let (mut continue_at, mut remaining) = (String::new(), None);
        if let Some(limit) = limit.filter(|limit| items.len() > *limit) {
            let next = (items[limit].namespace(), items[limit].name());
            // How many are selected nobody knows without looking at them all; mirrors `GetList` of storage/etcd3.
            let counts = ask.accept.managed_fields && selection.is_everything();
            remaining = counts.then(|| registry.count_from(kind, namespace, next) as u64);
            continue_at = token(kind, &items[limit], revision);
            items.truncate(limit);
        }
        Ok(List { kind, items, revision, continue_at, remaining })
    }
}

/// Mirrors `ParseResourceVersion` as the list handler words it.
pub(in crate::server) fn check_revision(text: &str) -> Result<Option<u64>, ApiError> {
    if text.is_empty() {
        return Ok(None);
    }
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let what = if digits { "value out of range" } else { "invalid syntax" };
    text.parse().map(Some).map_err(|_| {
        bad_request(format!(
            "invalid resource version: resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: {what}"
        ))
    })
}

/// Where the next piece begins, in a form that only the server reads.
fn token(kind: Kind, next: &Arc<Object>, revision: u64) -> String {
    let place = match kind.is_namespaced() {
        true => format!("{}/{}", next.namespace(), next.name()),
        false => next.name().to_string(),
    };
    let token = json!({"v": "meta.k8s.io/v1", "rv": revision, "start": place});
    URL_SAFE_NO_PAD.encode(token.to_string())
}

/// Go's decoder lets the bits that are left over be what they are.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

fn read_token(text: &str) -> Result<(String, String), ApiError> {
    let refused = |what: String| bad_request(format!("invalid continue token: continue key is not valid: {what}"));
    let bytes = LENIENT.decode(text).map_err(|e| refused(e.to_string()))?;
    let token: Value = serde_json::from_slice(&bytes).map_err(|_| {
        let first = bytes.first().copied().map(char::from).unwrap_or_default();
        refused(format!("invalid character {first:?} looking for beginning of value"))
    })?;
    let start = token["start"].as_str().unwrap_or_default();
    if token["v"] != "meta.k8s.io/v1" || start.is_empty() {
        return Err(refused("incorrect encoded start resourceVersion".into()));
    }
    let (namespace, name) = start.split_once('/').unwrap_or(("", start));
    Ok((namespace.to_string(), name.to_string()))
}
