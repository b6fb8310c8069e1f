//! The table `go.txt`: what the Go struct tags say of single fields.

use std::collections::BTreeMap;
use std::sync::OnceLock;

/// How a strategic merge patch treats a field; mirrors the tags `patchStrategy` and `patchMergeKey`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PatchStrategy {
    /// Lists are merged instead of replaced.
    pub merge: bool,
    /// The object is replaced as a whole.
    pub replace: bool,
    /// Keys that the patch does not list in `$retainKeys` are dropped.
    pub retain_keys: bool,
    /// The key by which items of a list are the same; a merged list without one holds scalars.
    pub merge_key: Option<&'static str>,
}

/// How a Go struct declares a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GoFacts {
    /// It is a pointer, so absent and zero are different things.
    pub pointer: bool,
    /// It is left out when empty (structs held by value never are).
    pub omit_empty: bool,
    /// It is left out when zero.
    pub omit_zero: bool,
    /// The Go name of its type, where it is not the plain one.
    pub named: Option<&'static str>,
    /// The embedded struct that declares it.
    pub embedded: Option<&'static str>,
    /// How patches treat it.
    pub patch: PatchStrategy,
}

/// What the rules need to know of a field's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Scalar,
    Struct,
    Special,
    Container,
}

fn table() -> &'static BTreeMap<&'static str, &'static str> {
    static TABLE: OnceLock<BTreeMap<&'static str, &'static str>> = OnceLock::new();
    TABLE.get_or_init(|| {
        include_str!("go.txt").lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split_once(' ')).collect()
    })
}

/// The exceptions of one type.
pub(super) struct TypeFacts {
    fields: BTreeMap<&'static str, &'static str>,
    embedded: Vec<(&'static str, bool, Vec<&'static str>)>,
    is_object: bool,
}

impl TypeFacts {
    /// Those of the type with that short name, `core.v1.PodSpec`; `is_object` says that it has `metadata`, `kind` and `apiVersion`.
    pub(super) fn of(short: &str, is_object: bool) -> TypeFacts {
        let mut facts = TypeFacts { fields: BTreeMap::new(), embedded: Vec::new(), is_object };
        for token in table().get(short).copied().unwrap_or_default().split(' ').filter(|t| !t.is_empty()) {
            if let Some((embedded, list)) = token.strip_prefix('+').and_then(|t| t.split_once('(')) {
                let list = list.trim_end_matches(')');
                let all_but = list.starts_with('-');
                facts.embedded.push((embedded, all_but, list.trim_start_matches('-').split(',').collect()));
            } else {
                let end = name_end(token);
                facts.fields.insert(&token[..end], &token[end..]);
            }
        }
        facts
    }

    /// Whether the published schema requires a field of which k8s-openapi says `required`.
    pub(super) fn required(&self, name: &str, required: bool) -> bool {
        let marks = self.fields.get(name).copied().unwrap_or_default();
        // k8s-openapi requires the metadata of every object.
        let required = required && !(self.is_object && name == "metadata");
        (required || marks.starts_with('+')) && !marks.starts_with('-')
    }

    /// What holds for one field.
    pub(super) fn field(&self, name: &str, required: bool, shape: Shape) -> GoFacts {
        let rest = self.fields.get(name).copied().unwrap_or_default();
        let (rest, patch) = match rest.split_once('~') {
            Some((rest, patch)) => (rest, patch_strategy(patch)),
            None => (rest, PatchStrategy::default()),
        };
        let (marks, named) = match rest.split_once(':') {
            Some((marks, named)) => (marks, Some(named)),
            None => (rest, None),
        };
        let by_name = shape == Shape::Struct && matches!(name, "metadata" | "spec" | "status");
        let by_value = marks.contains('=') || by_name && !marks.contains('*');
        GoFacts {
            pointer: match shape {
                Shape::Container => false,
                Shape::Scalar => marks.contains('*'),
                Shape::Struct | Shape::Special if required => marks.contains('*'),
                Shape::Struct | Shape::Special => !by_value,
            },
            omit_empty: if required { marks.contains('?') } else { !marks.contains('!') },
            omit_zero: marks.contains('0'),
            named,
            embedded: self.embedded(name),
            patch,
        }
    }

    fn embedded(&self, name: &str) -> Option<&'static str> {
        if self.is_object && matches!(name, "apiVersion" | "kind") {
            return Some("TypeMeta");
        }
        self.embedded.iter().find(|(_, all_but, list)| *all_but != list.contains(&name)).map(|(t, _, _)| *t)
    }
}

/// Where a field's name ends and its marks begin. A `-` within a name is none of the marks.
fn name_end(token: &str) -> usize {
    let bytes = token.as_bytes();
    let is_name = |i: usize| match bytes[i] {
        b'0' => false,
        b'$' => true,
        b'-' => bytes.get(i + 1).is_some_and(u8::is_ascii_alphabetic),
        c => c.is_ascii_alphanumeric(),
    };
    (0..bytes.len()).find(|i| !is_name(*i)).unwrap_or(bytes.len())
}

fn patch_strategy(text: &'static str) -> PatchStrategy {
    let (strategies, key) = match text.split_once('(') {
        Some((strategies, key)) => (strategies, Some(key.trim_end_matches(')'))),
        None => (text, None),
    };
    let has = |s: &str| strategies.split(',').any(|x| x == s);
    PatchStrategy { merge: has("merge"), replace: has("replace"), retain_keys: has("retainKeys"), merge_key: key }
}
