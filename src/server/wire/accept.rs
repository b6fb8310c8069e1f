//! In which form an answer is wanted: the `Accept` header, clause by clause.
//!
//! Mirrors `NegotiateMediaTypeOptions` of `k8s.io/apiserver/pkg/endpoints/handlers/negotiation` and the discovery's
//! `wrapped` handlers.

use super::read::PROTOBUF;
use crate::error::{ApiError, Reason};

/// How an answer is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/json`
    #[default]
    Json,
    /// `application/yaml`
    Yaml,
    /// `application/vnd.kubernetes.protobuf`
    Protobuf,
}

impl Media {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Media::Json => "application/json",
            Media::Yaml => "application/yaml",
            Media::Protobuf => PROTOBUF,
        }
    }
}

/// What an answer is made into.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum As {
    /// What it is.
    #[default]
    Itself,
    /// A `meta.k8s.io` Table, of `v1` or `v1beta1`.
    Table(&'static str),
    /// `PartialObjectMetadata`, or a list of them.
    Partial(&'static str),
    /// The groups of discovery with all that is in them.
    Discovery(&'static str),
}

/// What was agreed on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Agreed {
    pub(super) media: Media,
    pub(super) form: As,
}

/// What a request is about, as far as it counts for what can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// One object.
    One,
    /// Many, listed or watched.
    Many,
    /// `/api` and `/apis`.
    Groups,
    /// Something else.
    Other,
}

/// One clause of the header.
struct Clause<'a> {
    main: &'a str,
    sub: &'a str,
    quality: f64,
    parameters: Vec<(&'a str, &'a str)>,
}

fn clauses(header: &str) -> Vec<Clause<'_>> {
    let mut all: Vec<Clause<'_>> = header
        .split(',')
        .filter_map(|part| {
            let mut words = part.split(';').map(str::trim);
            let media = words.next()?;
            let (main, sub) = media.split_once('/').unwrap_or((media, "*"));
            let parameters: Vec<(&str, &str)> =
                words.filter_map(|w| w.split_once('=')).map(|(n, v)| (n.trim(), v.trim().trim_matches('"'))).collect();
            let quality = parameters.iter().find(|(n, _)| *n == "q").and_then(|(_, v)| v.parse().ok()).unwrap_or(1.0);
            (!main.is_empty()).then_some(Clause { main, sub, quality, parameters })
        })
        .collect();
    // Who is named more closely comes first among equals; the sort keeps their order otherwise.
    all.sort_by(|a, b| b.quality.total_cmp(&a.quality));
    all
}

/// What is agreed on; `NotAcceptable` where nothing of what is accepted can be had.
pub(super) fn negotiate(header: &str, about: About) -> Result<Agreed, ApiError> {
    if header.trim().is_empty() {
        return Ok(Agreed::default());
    }
    let agreed: Vec<Agreed> = clauses(header).iter().filter_map(|clause| of_clause(clause, about)).collect();
    // OBSERVATION: who takes JSON too is answered in it, whatever stands first.
    let readable = agreed.iter().find(|a| a.media != Media::Protobuf);
    readable.or(agreed.first()).copied().ok_or_else(not_acceptable)
}

fn of_clause(clause: &Clause<'_>, about: About) -> Option<Agreed> {
    let media = match (clause.main, clause.sub) {
        ("*", "*") | ("application", "*" | "json") => Media::Json,
        ("application", "yaml") => Media::Yaml,
        ("application", "vnd.kubernetes.protobuf") if about != About::Groups => Media::Protobuf,
        _ => return None,
    };
    let of = |name: &str| clause.parameters.iter().find(|(n, _)| *n == name).map(|(_, v)| *v).unwrap_or_default();
    let version = match of("v") {
        "v1" => "v1",
        "v1beta1" => "v1beta1",
        "v2" => "v2",
        "v2beta1" => "v2beta1",
        "" => "",
        _ => return None,
    };
    let form = match (of("as"), of("g"), about) {
        ("", _, _) => As::Itself,
        ("Table", "meta.k8s.io", About::One | About::Many) if matches!(version, "v1" | "v1beta1") => As::Table(version),
        ("PartialObjectMetadata", "meta.k8s.io", About::One)
        | ("PartialObjectMetadataList", "meta.k8s.io", About::Many)
            if matches!(version, "v1" | "v1beta1") =>
        {
            As::Partial(version)
        }
        // What a watch tells of is one object after the other.
        ("PartialObjectMetadata", "meta.k8s.io", About::Many) if matches!(version, "v1" | "v1beta1") => {
            As::Partial(version)
        }
        ("APIGroupDiscoveryList", "apidiscovery.k8s.io", About::Groups) if matches!(version, "v2" | "v2beta1") => {
            As::Discovery(version)
        }
        _ => return None,
    };
    Some(Agreed { media, form })
}

/// 406, in the server's words.
fn not_acceptable() -> ApiError {
    let text = "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, \
         application/vnd.kubernetes.protobuf, application/json;stream=watch, \
         application/vnd.kubernetes.protobuf;stream=watch";
    ApiError::new(Reason::NotAcceptable, text)
}

#[cfg(test)]
mod tests {
    use super::{About, Agreed, As, Media, negotiate};

    #[test]
    fn takes_the_first_that_it_has() {
        let agreed = |header: &str, about| negotiate(header, about).unwrap();
        let table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        assert_eq!(agreed(table, About::Many).form, As::Table("v1"));
        assert_eq!(agreed(table, About::Other), Agreed::default());
        assert_eq!(agreed("application/vnd.kubernetes.protobuf,application/json", About::Many), Agreed::default());
        assert_eq!(agreed("text/html, application/yaml;q=0.5, */*;q=0.1", About::One).media, Media::Yaml);
        assert_eq!(agreed("", About::One), Agreed::default());
        assert!(negotiate("text/nonsense", About::Many).is_err());
        assert!(negotiate("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io", About::One).is_err());
    }
}
