//! Image references as the container registries' library reads them.
//!
//! Mirrors `ParseImageName` of `pkg/util/parsers` and `github.com/distribution/reference`.

use crate::kinds::shared::faults::Faults;

/// The tag of an image: `latest` where it has neither tag nor digest, empty for one with a digest only;
/// none when the text is no image reference.
pub(super) fn tag_of(image: &str) -> Option<String> {
    let (rest, digest) = match image.split_once('@') {
        Some((rest, digest)) if is_digest(digest) => (rest, true),
        Some(_) => return None,
        None => (image, false),
    };
    // A colon after the last slash begins a tag; one before it is a registry's port.
    let (name, tag) = match rest.rfind(':') {
        Some(at) if !rest[at..].contains('/') => (&rest[..at], Some(&rest[at + 1..])),
        _ => (rest, None),
    };
    if !is_name(name) || tag.is_some_and(|t| !is_tag(t)) {
        return None;
    }
    Some(match tag {
        Some(tag) => tag.to_string(),
        None if digest => String::new(),
        None => "latest".into(),
    })
}

/// Whether a text is an image reference, with or without tag and digest.
pub fn is_image_reference(image: &str) -> bool {
    tag_of(image).is_some()
}

fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    (1..=128).contains(&tag.len())
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|b| word(b) || b == b'.' || b == b'-')
}

fn is_digest(digest: &str) -> bool {
    digest.split_once(':').is_some_and(|(algorithm, hex)| {
        algorithm.starts_with(|c: char| c.is_ascii_alphabetic())
            && algorithm.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'.' | b'_' | b'-'))
            && hex.len() >= 32
            && hex.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

fn is_name(name: &str) -> bool {
    let mut parts = name.split('/').peekable();
    let first = parts.peek().copied().unwrap_or_default();
    let domain = name.contains('/')
        && (first.contains(['.', ':']) || first == "localhost" || first != first.to_ascii_lowercase());
    if domain {
        parts.next();
        let (host, port) = first.split_once(':').unwrap_or((first, "0"));
        if !port.bytes().all(|b| b.is_ascii_digit()) || !host.split('.').all(is_domain_part) {
            return false;
        }
    }
    parts.all(is_path_part)
}

fn is_domain_part(part: &str) -> bool {
    !part.is_empty()
        && !part.starts_with('-')
        && !part.ends_with('-')
        && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// Small letters and digits, with single `.`, `_`, a double `__` or dashes between them.
fn is_path_part(part: &str) -> bool {
    let alnum = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    part.starts_with(alnum)
        && part.ends_with(alnum)
        && part.split(alnum).all(|gap| matches!(gap, "" | "." | "_" | "__") || gap.bytes().all(|b| b == b'-'))
}

/// When to pull an image.
pub(in crate::kinds::core::pod) fn validate_pull_policy(policy: &str, path: &str, faults: &mut Faults) {
    faults.one_of_in_order(path, "", policy, &["Always", "IfNotPresent", "Never"]);
}

#[cfg(test)]
mod tests {
    use super::tag_of;

    #[test]
    fn reads_tags() {
        let tags = [
            "busybox",
            "busybox:1.36",
            "reg:5000/a/b",
            "reg:5000/a/b:v1",
            "Bad",
            "a__b/c",
            "a..b",
            "nginx@sha256:0123456789012345678901234567890123456789012345678901234567890123",
        ];
        let tags: Vec<String> = tags.iter().map(|t| tag_of(t).unwrap_or("?".into())).collect();
        assert_eq!(tags, ["latest", "1.36", "latest", "v1", "?", "latest", "?", ""]);
    }
}
