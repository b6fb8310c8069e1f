//! What Kubernetes accepts as a name, a key, a label or an address, with the words it refuses the others in.
//!
//! Mirrors `k8s.io/apimachinery/pkg/util/validation` and `pkg/api/validate/content`. A check returns what is
//! wrong, one text per fault and nothing for a good value; callers wrap each in a `FieldError::invalid`.

pub mod addresses;
mod draw;

pub use addresses::{cidr, cidr_warnings, ip, ip_warnings, parse_cidr_sloppy, parse_ip_sloppy};
pub use draw::{Draw, fnv32, fnv32a, generate_name, hash_object, safe_encode_string};

const LABEL_FMT: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const LABEL_MSG: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', \
    and must start and end with an alphanumeric character";
const SUBDOMAIN_FMT: &str = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const SUBDOMAIN_MSG: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, \
    '-' or '.', and must start and end with an alphanumeric character";
const UNDERSCORE_SUBDOMAIN_FMT: &str = r"_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*";
const UNDERSCORE_SUBDOMAIN_MSG: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
    characters, '_', '-' or '.', and must start and end with an alphanumeric character";
const DNS1035_FMT: &str = "[a-z]([-a-z0-9]*[a-z0-9])?";
const DNS1035_MSG: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with \
    an alphabetic character, and end with an alphanumeric character";
const WILDCARD_FMT: &str = r"\*\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const WILDCARD_MSG: &str = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, \
    which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";
const KEY_FMT: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const KEY_MSG: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
    alphanumeric character";
const VALUE_FMT: &str = "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?";
const VALUE_MSG: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or \
    '.', and must start and end with an alphanumeric character";
const ENV_NAME_MSG: &str = "a valid environment variable name must consist of alphabetic characters, digits, '_', \
    '-', or '.', and must not start with a digit";
const RELAXED_ENV_NAME_MSG: &str =
    "a valid environment variable name must consist only of printable ASCII characters other than '='";
const CONFIG_KEY_MSG: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";

/// The longest label of DNS, and the longest label value, in bytes.
pub const LABEL_MAX: usize = 63;
/// The longest subdomain of DNS, in bytes.
pub const SUBDOMAIN_MAX: usize = 253;

/// `must be no more than N characters`; mirrors `validation.MaxLenError`.
pub fn max_len_error(max: usize) -> String {
    format!("must be no more than {max} characters")
}

/// What a pattern allows, with examples; mirrors `validation.RegexError`.
pub fn regex_error(message: &str, pattern: &str, examples: &[&str]) -> String {
    let examples: Vec<String> = examples.iter().map(|e| format!("'{e}', ")).collect();
    let head = if examples.is_empty() { " (" } else { " (e.g. " };
    format!("{message}{head}{}regex used for validation is '{pattern}')", examples.join(" or "))
}

/// `must be between LO and HI, inclusive`.
pub fn inclusive_range_error(lo: i64, hi: i64) -> String {
    format!("must be between {lo} and {hi}, inclusive")
}

fn alnum(b: u8) -> bool {
    b.is_ascii_alphanumeric()
}

fn lower(b: u8) -> bool {
    b.is_ascii_lowercase() || b.is_ascii_digit()
}

/// Whether a text is not empty, starts and ends with bytes of `edge` and has only bytes of `inner` between.
fn framed(text: &str, edge: fn(u8) -> bool, inner: fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    match (bytes.first(), bytes.last()) {
        (Some(first), Some(last)) => edge(*first) && edge(*last) && bytes.iter().all(|b| inner(*b)),
        _ => false,
    }
}

fn is_label(text: &str) -> bool {
    framed(text, lower, |b| lower(b) || b == b'-')
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

fn is_key(text: &str) -> bool {
    framed(text, alnum, |b| alnum(b) || matches!(b, b'-' | b'_' | b'.'))
}

/// A fault where the text is too long, and one where it does not match.
fn faults(text: &str, max: usize, matches: bool, explain: impl FnOnce() -> String) -> Vec<String> {
    let mut errs = Vec::new();
    if text.len() > max {
        errs.push(max_len_error(max));
    }
    if !matches {
        errs.push(explain());
    }
    errs
}

/// A label of DNS (RFC 1123): names of namespaces, containers, volumes.
pub fn dns1123_label(text: &str) -> Vec<String> {
    faults(text, LABEL_MAX, is_label(text), || match is_subdomain(text) {
        true => "must not contain dots".into(),
        false => regex_error(LABEL_MSG, LABEL_FMT, &["my-name", "123-abc"]),
    })
}

/// A subdomain of DNS (RFC 1123): most objects' names.
pub fn dns1123_subdomain(text: &str) -> Vec<String> {
    faults(text, SUBDOMAIN_MAX, is_subdomain(text), || regex_error(SUBDOMAIN_MSG, SUBDOMAIN_FMT, &["example.com"]))
}

/// A subdomain with underscores: search domains.
pub fn dns1123_subdomain_with_underscore(text: &str) -> Vec<String> {
    let good = text.split('.').all(|part| {
        let part = part.strip_prefix('_').unwrap_or(part);
        framed(part, lower, |b| lower(b) || matches!(b, b'-' | b'_'))
    });
    faults(text, SUBDOMAIN_MAX, good, || {
        regex_error(UNDERSCORE_SUBDOMAIN_MSG, UNDERSCORE_SUBDOMAIN_FMT, &["example.com"])
    })
}

/// A label of DNS (RFC 1035): services' names.
pub fn dns1035_label(text: &str) -> Vec<String> {
    let good = is_label(text) && text.starts_with(|c: char| c.is_ascii_lowercase());
    faults(text, LABEL_MAX, good, || regex_error(DNS1035_MSG, DNS1035_FMT, &["my-name", "abc-123"]))
}

/// `*.` and a subdomain: hosts of an Ingress.
pub fn wildcard_dns1123_subdomain(text: &str) -> Vec<String> {
    let good = text.strip_prefix("*.").is_some_and(is_subdomain);
    faults(text, SUBDOMAIN_MAX, good, || regex_error(WILDCARD_MSG, WILDCARD_FMT, &["*.example.com"]))
}

/// A subdomain of two parts or more, with or without a final dot: finalizers, conditions of readiness gates.
pub fn fully_qualified_domain_name(text: &str) -> Vec<String> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let errs = dns1123_subdomain(name);
    if !errs.is_empty() {
        return vec![errs.join(",")];
    }
    if !name.contains('.') {
        return vec!["should be a domain with at least two segments separated by dots".into()];
    }
    name.split('.').map(dns1123_label).find(|errs| !errs.is_empty()).map(|errs| errs.join(",")).into_iter().collect()
}

/// A label's key, and any other "qualified name": `[prefix/]name`.
pub fn qualified_name(text: &str) -> Vec<String> {
    let explain = || regex_error(KEY_MSG, KEY_FMT, &["MyName", "my.name", "123-abc"]);
    let mut errs = Vec::new();
    let name = match text.split('/').collect::<Vec<_>>()[..] {
        [name] => name,
        [prefix, name] => {
            if prefix.is_empty() {
                errs.push("prefix part must be non-empty".into());
            } else {
                let bytes = |e: String| e.replace("more than 253 characters", "more than 253 bytes");
                errs.extend(dns1123_subdomain(prefix).into_iter().map(|e| format!("prefix part {}", bytes(e))));
            }
            name
        }
        _ => {
            let tail = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
            return vec![format!("a valid label key {} {tail}", explain())];
        }
    };
    if name.is_empty() {
        errs.push("name part must be non-empty".into());
    } else if name.len() > LABEL_MAX {
        errs.push(format!("name part must be no more than {LABEL_MAX} bytes"));
    }
    if !is_key(name) {
        errs.push(format!("name part {}", explain()));
    }
    errs
}

/// A label's value: empty, or like a name with capitals, underscores and dots.
pub fn label_value(text: &str) -> Vec<String> {
    let mut errs = Vec::new();
    if text.len() > LABEL_MAX {
        errs.push(format!("must be no more than {LABEL_MAX} bytes"));
    }
    if !text.is_empty() && !is_key(text) {
        errs.push(regex_error(VALUE_MSG, VALUE_FMT, &["MyValue", "my_value", "12345"]));
    }
    errs
}

/// An environment variable's name as the strict rule has it.
pub fn env_var_name(text: &str) -> Vec<String> {
    let good = !text.starts_with(|c: char| c.is_ascii_digit()) && is_config_key(text);
    let examples = ["my.env-name", "MY_ENV.NAME", "MyEnvName1"];
    let explain = || regex_error(ENV_NAME_MSG, "[-._a-zA-Z][-._a-zA-Z0-9]*", &examples);
    let mut errs = faults(text, usize::MAX, good, explain);
    errs.extend(ch_dir_prefix(text));
    errs
}

/// An environment variable's name as pods have it since 1.34: printable ASCII without `=`.
pub fn relaxed_env_var_name(text: &str) -> Vec<String> {
    let mut errs = Vec::new();
    if text.is_empty() {
        errs.push("environment variable name must be non-empty".into());
    }
    if !text.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b'=') {
        errs.push(RELAXED_ENV_NAME_MSG.into());
    }
    errs
}

fn is_config_key(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| alnum(b) || matches!(b, b'-' | b'.' | b'_'))
}

/// A key of a ConfigMap or Secret.
pub fn config_map_key(text: &str) -> Vec<String> {
    let examples = ["key.name", "KEY_NAME", "key-name"];
    let explain = || regex_error(CONFIG_KEY_MSG, "[-._a-zA-Z0-9]+", &examples);
    let mut errs = faults(text, SUBDOMAIN_MAX, is_config_key(text), explain);
    errs.extend(ch_dir_prefix(text));
    errs
}

fn ch_dir_prefix(text: &str) -> Option<String> {
    match text {
        "." | ".." => Some(format!("must not be '{text}'")),
        _ if text.starts_with("..") => Some("must not start with '..'".into()),
        _ => None,
    }
}

/// The number of a port.
pub fn port_num(port: i64) -> Vec<String> {
    in_range(port, 1, 65535)
}

/// A number between two bounds, both allowed.
pub fn in_range(n: i64, lo: i64, hi: i64) -> Vec<String> {
    if (lo..=hi).contains(&n) { Vec::new() } else { vec![inclusive_range_error(lo, hi)] }
}

/// A user's or group's number.
pub fn user_id(id: i64) -> Vec<String> {
    in_range(id, 0, i32::MAX.into())
}

/// The name of a port (IANA service name).
pub fn port_name(text: &str) -> Vec<String> {
    let mut errs = Vec::new();
    if text.len() > 15 {
        errs.push(max_len_error(15));
    }
    if text.is_empty() || !text.bytes().all(|b| lower(b) || b == b'-') {
        errs.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".into());
    }
    if !text.bytes().any(|b| b.is_ascii_lowercase()) {
        errs.push("must contain at least one letter (a-z)".into());
    }
    if text.contains("--") {
        errs.push("must not contain consecutive hyphens".into());
    }
    if text.starts_with('-') || text.ends_with('-') {
        errs.push("must not begin or end with a hyphen".into());
    }
    errs
}

/// A percentage, `25%`.
pub fn percent(text: &str) -> Vec<String> {
    let good = text.strip_suffix('%').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    let message = "a valid percent string must be a numeric string followed by an ending '%'";
    faults(text, usize::MAX, good, || regex_error(message, "[0-9]+%", &["1%", "93%"]))
}

/// The name of an HTTP header.
pub fn http_header_name(text: &str) -> Vec<String> {
    let good = !text.is_empty() && text.bytes().all(|b| alnum(b) || b == b'-');
    let message = "a valid HTTP header must consist of alphanumeric characters or '-'";
    faults(text, usize::MAX, good, || regex_error(message, "[-A-Za-z0-9]+", &["X-Header-Name"]))
}

/// A name that only has to fit into a path: RBAC objects. `prefix` is whether more of the name follows.
pub fn path_segment_name(text: &str, prefix: bool) -> Vec<String> {
    if !prefix && matches!(text, "." | "..") {
        return vec![format!("may not be '{text}'")];
    }
    ["/", "%"].into_iter().filter(|bad| text.contains(bad)).map(|bad| format!("may not contain '{bad}'")).collect()
}

/// A `generateName` as the name check sees it: its final dash will not be the last character.
pub fn mask_trailing_dash(text: &str) -> String {
    match text.strip_suffix('-') {
        Some(rest) if !rest.is_empty() => {
            let mut kept = rest.to_string();
            kept.pop();
            kept + "a"
        }
        _ => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        config_map_key, dns1035_label, dns1123_label, dns1123_subdomain, label_value, port_name, qualified_name,
    };

    #[test]
    fn refuses_in_kubernetes_words() {
        insta::assert_snapshot!(dns1123_subdomain("My_Claim").join("\n"), @r"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')");
        insta::assert_snapshot!(dns1123_label("Bad_NS").join("\n"), @"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')");
        insta::assert_snapshot!(qualified_name("bad label!").join("\n"), @"name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')");
        insta::assert_snapshot!(label_value("v v").join("\n"), @"a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')");
        assert_eq!(dns1123_subdomain(&"a".repeat(254)), ["must be no more than 253 characters"]);
        assert_eq!(dns1123_label("a.b"), ["must not contain dots"]);
        assert_eq!(dns1035_label("0a").len(), 1);
        assert_eq!(config_map_key("..").len(), 1);
        assert_eq!(port_name("A--").len(), 4);
        assert_eq!(qualified_name("/"), {
            let mut errs = qualified_name("");
            errs.insert(0, "prefix part must be non-empty".into());
            errs
        });
    }

    #[test]
    fn accepts_good_ones() {
        assert!(dns1123_subdomain("a.b-c.d0").is_empty() && dns1123_label("0").is_empty());
        assert!(qualified_name("kubernetes.io/metadata.name").is_empty() && label_value("").is_empty());
        assert!(config_map_key("key.PROPERTIES_1").is_empty());
    }
}
