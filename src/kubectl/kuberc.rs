//! The kuberc file: aliases and defaults of flags that a user prefers.
//!
//! Mirrors `k8s.io/kubectl/pkg/kuberc` and `k8s.io/kubectl/pkg/config`.

use std::io::{self, ErrorKind};

use serde_json::Value;

use crate::host::{Host, go_io_error};
use crate::manifest::stream;

const GROUP: &str = "kubectl.config.k8s.io/";

/// What Kubernetes calls the set of kinds that a kuberc may hold.
const SCHEME: &str = "pkg/config/scheme/scheme.go:30";
/// The version that is written.
pub const API_VERSION: &str = "kubectl.config.k8s.io/v1beta1";
/// The kind.
pub const KIND: &str = "Preference";

/// What a user prefers.
#[derive(Debug, Default)]
pub struct Preference {
    /// The aliases.
    pub aliases: Vec<Alias>,
    /// The defaults of flags.
    pub defaults: Vec<Defaults>,
}

/// Another name of a command.
#[derive(Debug, Default)]
pub struct Alias {
    /// The name.
    pub name: String,
    /// The command.
    pub command: String,
    /// Words that stand before the user's.
    pub prepend: Vec<String>,
    /// Words that stand behind the user's.
    pub append: Vec<String>,
    /// The defaults of its flags.
    pub options: Vec<(String, String)>,
}

/// The defaults of a command's flags.
#[derive(Debug, Default)]
pub struct Defaults {
    /// The command.
    pub command: String,
    /// Flags and their values.
    pub options: Vec<(String, String)>,
}

/// Where the file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Its path.
    pub path: String,
    /// Whether the user named it, so that it has to be there.
    pub explicit: bool,
}

/// Whether there is no such thing as a kuberc. Mirrors the feature gate `KUBECTL_KUBERC`.
pub fn is_disabled(host: &Host) -> bool {
    host.variable_text("KUBECTL_KUBERC").is_some_and(|value| value.eq_ignore_ascii_case("false"))
}

/// What `--kuberc` says among the words of a command line. Mirrors `getExplicitKuberc`.
///
/// # Errors
/// It says nothing.
pub fn explicit(words: &[String]) -> Result<Option<String>, String> {
    let missing = || "kuberc file is not found".to_string();
    for (at, word) in words.iter().enumerate().take_while(|(_, word)| *word != "--") {
        if word == "--kuberc" {
            return words.get(at + 1).cloned().map(Some).ok_or_else(missing);
        }
        if let Some((_, path)) = word.split_once("--kuberc=") {
            let path = path.split('=').next().unwrap_or_default();
            return if path.is_empty() { Err(missing()) } else { Ok(Some(path.to_string())) };
        }
    }
    Ok(None)
}

/// Where the file is: where `--kuberc` says, `KUBERC`, or `usual`; nowhere where that is switched off.
///
/// # Errors
/// It is switched off and named.
pub fn locate(explicit: Option<String>, usual: Option<String>, host: &Host) -> Result<Option<Location>, String> {
    let variable = host.variable_text("KUBERC");
    let explicit = explicit.filter(|path| !path.is_empty());
    if variable.as_deref() == Some("off") {
        let text = "disabling kuberc via KUBERC=off and passing kuberc flag are mutually exclusive";
        return if explicit.is_some() { Err(text.into()) } else { Ok(None) };
    }
    Ok(match explicit.or(variable) {
        Some(path) => Some(Location { path, explicit: true }),
        None => usual.map(|path| Location { path, explicit: false }),
    })
}

/// How much kubectl's log says (`-v`) among the words of a command line. Mirrors `GetLogVerbosity`, which looks no further
/// than the first.
pub fn verbosity(words: &[String]) -> u8 {
    let level =
        words.iter().enumerate().take_while(|(_, word)| *word != "--").find_map(|(at, word)| match word.as_str() {
            "-v" | "--v" => words.get(at + 1).map(String::as_str),
            word if word.contains("-v=") => word.split('=').nth(1).filter(|value| !value.is_empty()),
            _ => None,
        });
    level.and_then(|level| level.parse().ok()).unwrap_or(0)
}

/// From this level on the log tells of a kuberc.
pub const LOGS: u8 = 5;

/// Tells the log something: the place in Kubernetes that it comes from, and the text.
pub type Log<'a> = &'a dyn Fn(&str, &str);

/// Reads the file; none if it says nothing. The text is what is to be said of it. Mirrors `DefaultGetPreferences`.
///
/// # Errors
/// Why it can't be read, if the user named it.
pub fn read(location: &Location, host: &Host, log: Log<'_>) -> Result<(Option<Preference>, String), String> {
    let path = &location.path;
    let fault = match host.files.read(path) {
        Ok(bytes) => match decode(&bytes, path, log) {
            Ok((preference, unknown)) if unknown.is_empty() => return Ok((preference, String::new())),
            Ok((preference, unknown)) => {
                let fields: Vec<String> = unknown.iter().map(|field| format!("unknown field {field:?}")).collect();
                let text = format!("strict decoding error: {}", fields.join(", "));
                return Ok((preference, format!("kuberc: ignoring strict decoding error in {path}: {text}")));
            }
            Err(text) => text,
        },
        // OBSERVATION: where kstate's folder can't be one, the cluster's file says so.
        Err(e) if is_absent(e.kind()) && !location.explicit => return Ok((None, String::new())),
        Err(e) => go_io_error("open", path, &e),
    };
    match location.explicit {
        true => Err(format!("kuberc: {fault}")),
        false => Ok((None, format!("kuberc: no preferences loaded from {path}: {fault}"))),
    }
}

/// The first document that can be used, and its unknown fields. Mirrors `decodePreference`.
fn decode(bytes: &[u8], path: &str, log: Log<'_>) -> Result<(Option<Preference>, Vec<String>), String> {
    let none = || format!("no valid preferences found in {path}, use --v=5 to see details");
    let documents = stream::documents(bytes).map_err(|_| none())?;
    for (at, document) in documents.iter().enumerate() {
        let mut unknown = Vec::new();
        let (version, kind) = (&document.value["apiVersion"], &document.value["kind"]);
        let (version, kind) = (version.as_str().unwrap_or_default(), kind.as_str().unwrap_or_default());
        if let Some(preference) = preference(&document.value, &mut unknown) {
            log("marshal.go:94", &format!("kuberc: using entry {} ({version}) in {path}", at + 1));
            return Ok((Some(preference), unknown));
        }
        if kind != KIND || version.strip_prefix(GROUP).is_none() {
            let fault = format!("no kind {kind:?} is registered for version {version:?} in scheme {SCHEME:?}");
            let text = format!("kuberc: strict decoding error for entry {} in {path}: {fault}", at + 1);
            log("marshal.go:71", &text);
        }
    }
    if !documents.is_empty() {
        return Err(none());
    }
    log("marshal.go:103", &format!("kuberc: no preferences found in {path}"));
    Ok((None, Vec::new()))
}

/// The fields of a struct; others are noted.
struct Fields<'a> {
    tree: &'a Value,
}

impl<'a> Fields<'a> {
    fn of(tree: &'a Value, known: &[&str], path: &str, unknown: &mut Vec<String>) -> Option<Fields<'a>> {
        let map = tree.as_object()?;
        unknown.extend(map.keys().filter(|key| !known.contains(&key.as_str())).map(|key| format!("{path}{key}")));
        Some(Fields { tree })
    }

    fn text(&self, name: &str) -> Option<String> {
        match &self.tree[name] {
            Value::Null => Some(String::new()),
            value => value.as_str().map(str::to_string),
        }
    }

    fn list(&self, name: &str) -> Option<&'a [Value]> {
        match &self.tree[name] {
            Value::Null => Some(&[]),
            value => value.as_array().map(Vec::as_slice),
        }
    }

    fn texts(&self, name: &str) -> Option<Vec<String>> {
        self.list(name)?.iter().map(|item| item.as_str().map(str::to_string)).collect()
    }

    fn options(&self, name: &str, path: &str, unknown: &mut Vec<String>) -> Option<Vec<(String, String)>> {
        let mut options = Vec::new();
        for (at, item) in self.list(name)?.iter().enumerate() {
            let fields = Fields::of(item, &["name", "default"], &format!("{path}{name}[{at}]."), unknown)?;
            options.push((fields.text("name")?, fields.text("default")?));
        }
        Some(options)
    }
}

fn preference(tree: &Value, unknown: &mut Vec<String>) -> Option<Preference> {
    let version = tree["apiVersion"].as_str()?.strip_prefix(GROUP)?;
    let (defaults_name, options_name) = match version {
        "v1beta1" => ("defaults", "options"),
        "v1alpha1" => ("overrides", "flags"),
        _ => return None,
    };
    if tree["kind"].as_str()? != KIND {
        return None;
    }
    let known = ["apiVersion", "kind", "aliases", defaults_name, "credentialPluginPolicy", "credentialPluginAllowlist"];
    let fields = Fields::of(tree, &known, "", unknown)?;
    let mut preference = Preference::default();
    for (at, item) in fields.list(defaults_name)?.iter().enumerate() {
        let path = format!("{defaults_name}[{at}].");
        let fields = Fields::of(item, &["command", options_name], &path, unknown)?;
        let options = fields.options(options_name, &path, unknown)?;
        preference.defaults.push(Defaults { command: fields.text("command")?, options });
    }
    for (at, item) in fields.list("aliases")?.iter().enumerate() {
        let path = format!("aliases[{at}].");
        let known = ["name", "command", "prependArgs", "appendArgs", options_name];
        let fields = Fields::of(item, &known, &path, unknown)?;
        preference.aliases.push(Alias {
            name: fields.text("name")?,
            command: fields.text("command")?,
            prepend: fields.texts("prependArgs")?,
            append: fields.texts("appendArgs")?,
            options: fields.options(options_name, &path, unknown)?,
        });
    }
    Some(preference)
}

/// What a file holds; none if it is not there.
///
/// # Errors
/// The system's reason.
pub fn text_if_there(path: &str, host: &Host) -> io::Result<Option<String>> {
    match host.files.read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

fn is_absent(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory)
}
