//! `-f`: which files a command line names, and what documents they hold.
//!
//! Mirrors `FilenameParam`, `FileVisitor` and `StreamVisitor` of `k8s.io/cli-runtime/pkg/resource`.

use std::io::ErrorKind;
use std::path::Path;

use serde_json::Value;

use super::files::{FileArgs, served_kind};
use super::info::Info;
use super::{kustomization, shape};
use crate::host::files::{FileType, Files};
use crate::host::{go_io_error, reason};
use crate::kubectl::kustomize::{self, Options, Reorder};
use crate::kubectl::print::errors::Fault;
use crate::kubectl::request::Validate;
use crate::kubectl::session::Session;
use crate::manifest::{stream, strict};
use crate::printers::json::to_compact;
use crate::server::served::{self, Served, Serving};

/// The extensions of the files of a folder that are read.
const EXTENSIONS: [&str; 3] = ["json", "yaml", "yml"];

/// What kubectl says where two would read standard input.
pub(super) const STDIN_USED_TWICE: &str = "standard input cannot be used for multiple arguments";

/// Where documents come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// Standard input.
    Stdin,
    /// A file, as the user named it.
    File(String),
    /// A kustomization's folder.
    Kustomization(String),
    /// A text that was edited, and what it is called in texts.
    Text(&'static str, String),
}

/// What `-f`, `-R` and `-k` name.
#[derive(Debug, Default)]
pub(super) struct Paths {
    pub(super) sources: Vec<Source>,
    /// Whether a folder with several files, or a pattern, is among them.
    pub(super) dir: bool,
    /// Whether standard input is among them.
    pub(super) stream: bool,
    /// Whether one file was named by itself.
    pub(super) single: bool,
}

/// How documents are read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reading {
    /// How what can't be valid is refused before anything else is looked at.
    pub(super) validate: Validate,
    /// Whether the server is not asked what it has.
    pub(super) local: bool,
}

/// What comes next while documents are read.
#[derive(Debug)]
pub(super) enum Step {
    Info(Box<Info>),
    /// A document that can't be understood; those after it are read.
    Fault(Fault),
    /// Items of a list follow.
    ListBegins,
    /// No more items of that list.
    ListEnds,
    /// What makes it impossible to read on.
    End(Fault),
}

impl FileArgs {
    /// Looks the files up.
    pub(super) fn paths(&self, session: &Session<'_>) -> Result<Paths, Vec<Fault>> {
        let mut faults = Vec::new();
        if self.kustomize.is_some() {
            if !self.filename.is_empty() {
                faults.push(Fault::plain("only one of -f or -k can be specified"));
            }
            if self.recursive {
                faults.push(Fault::plain("the -k flag can't be used with -f or -R"));
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut paths = Paths::default();
        for name in &self.filename {
            match name.as_str() {
                "-" if paths.stream => {
                    faults.push(Fault::plain(STDIN_USED_TWICE));
                }
                "-" => {
                    paths.stream = true;
                    paths.sources.push(Source::Stdin);
                }
                url if url.starts_with("http://") || url.starts_with("https://") => {
                    faults.push(Fault::plain(format!("unable to read URL {url:?}: kstate does not use the network")));
                }
                name => match expand_if_file_pattern(session, name) {
                    Ok(matches) => {
                        paths.single |= !self.recursive && matches.len() == 1;
                        self.add_all(&matches, session, &mut paths, &mut faults);
                    }
                    Err(fault) => faults.push(fault),
                },
            }
        }
        if let Some(folder) = &self.kustomize {
            paths.sources.push(Source::Kustomization(folder.clone()));
        }
        if faults.is_empty() { Ok(paths) } else { Err(faults) }
    }

    /// Mirrors `Builder.Path`.
    fn add_all(&self, matches: &[String], session: &Session<'_>, paths: &mut Paths, faults: &mut Vec<Fault>) {
        for name in matches {
            let Ok(kind) = session.host.files.file_type(name) else {
                faults.push(Fault::plain(format!("the path {name:?} does not exist")));
                continue;
            };
            let mut files = Vec::new();
            match kind {
                FileType::Folder => self.files_below(&session.host.files, name, &mut files),
                _ => files.push(name.clone()),
            }
            paths.dir |= files.len() > 1;
            paths.sources.extend(files.into_iter().map(Source::File));
        }
        if paths.sources.is_empty() && faults.is_empty() {
            let text =
                format!("error reading [{}]: recognized file extensions are [.json .yaml .yml]", matches.join(" "));
            faults.push(Fault::plain(text));
        }
    }

    /// The files of a folder in name order, those with a manifest's extension only.
    fn files_below(&self, host: &Files, folder: &str, files: &mut Vec<String>) {
        let shown = folder.trim_end_matches('/');
        let Ok(entries) = host.list(folder) else {
            // To open it as a file tells why it can't be read.
            files.push(shown.to_string());
            return;
        };
        for entry in entries {
            let Some(leaf) = entry.name.to_str() else { continue };
            let shown = match shown {
                "." => leaf.to_string(),
                _ => format!("{shown}/{leaf}"),
            };
            // OBSERVATION: a link to a folder is not followed.
            if entry.is_folder {
                if self.recursive {
                    self.files_below(host, &shown, files);
                }
            } else if Path::new(leaf).extension().and_then(|e| e.to_str()).is_some_and(|e| EXTENSIONS.contains(&e)) {
                files.push(shown);
            }
        }
    }
}

/// The files that a pattern such as `*.json` stands for; a name that is there stands for itself.
fn expand_if_file_pattern(session: &Session<'_>, pattern: &str) -> Result<Vec<String>, Fault> {
    if session.host.files.exists(pattern) {
        return Ok(vec![pattern.to_string()]);
    }
    let matches = glob(session, pattern);
    match matches.is_empty() {
        true => Err(Fault::plain(format!("the path {pattern:?} does not exist"))),
        false => Ok(matches),
    }
}

/// Mirrors `filepath.Glob`.
fn glob(session: &Session<'_>, pattern: &str) -> Vec<String> {
    let mut found = vec![if pattern.starts_with('/') { "/".to_string() } else { String::new() }];
    for part in pattern.split('/').filter(|p| !p.is_empty()) {
        let join = |folder: &str, leaf: &str| match folder {
            "" | "/" => format!("{folder}{leaf}"),
            _ => format!("{folder}/{leaf}"),
        };
        let mut next = Vec::new();
        for folder in &found {
            if !part.contains(['*', '?', '[', '\\']) {
                next.extend(Some(join(folder, part)).filter(|p| session.host.files.exists(p)));
                continue;
            }
            let entries = session.host.files.list(if folder.is_empty() { "." } else { folder });
            let entries = entries.into_iter().flatten();
            let leaves: Vec<String> = entries.filter_map(|e| e.name.into_string().ok()).collect();
            next.extend(leaves.iter().filter(|leaf| matches_glob(part, leaf)).map(|leaf| join(folder, leaf)));
        }
        found = next;
    }
    found
}

/// Mirrors `filepath.Match` for a name without slashes.
fn matches_glob(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    fn rest(pattern: &[char], name: &[char]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some(('*', after)), _) => (0..=name.len()).any(|skipped| rest(after, &name[skipped..])),
            (Some(('?', after)), Some((_, name))) => rest(after, name),
            (Some(('\\', [c, after @ ..])), Some((first, name))) => c == first && rest(after, name),
            (Some(('[', class)), Some((first, name))) => {
                let Some(end) = class.iter().skip(1).position(|c| *c == ']').map(|at| at + 1) else { return false };
                in_class(&class[..end], *first) && rest(&class[end + 1..], name)
            }
            (Some((c, after)), Some((first, name))) => c == first && rest(after, name),
            _ => false,
        }
    }
    rest(&pattern, &name)
}

/// Whether a bracket's content, `a-z` or `^0-9`, lets a character through.
fn in_class(class: &[char], c: char) -> bool {
    let (negated, class) = match class {
        ['^', class @ ..] => (true, class),
        class => (false, class),
    };
    let mut found = false;
    let mut at = 0;
    while at < class.len() {
        match class[at..] {
            [low, '-', high, ..] => {
                found |= (low..=high).contains(&c);
                at += 3;
            }
            _ => {
                found |= class[at] == c;
                at += 1;
            }
        }
    }
    found != negated
}

impl Source {
    /// What it holds.
    pub(super) fn read(&self, reading: Reading, session: &Session<'_>) -> Vec<Step> {
        let (shown, bytes) = match self {
            Source::Stdin => ("STDIN", session.stdin().map_err(|e| go_io_error("read", "/dev/stdin", &e))),
            Source::File(name) => (name.as_str(), read_file(session, name)),
            Source::Text(name, text) => (*name, Ok(text.clone().into_bytes())),
            Source::Kustomization(folder) => {
                let options = Options {
                    reorder: Reorder::Legacy,
                    reorder_given: false,
                    root_only: true,
                    managed_by_label: false,
                };
                let built = kustomization::build(session, folder, &options);
                (folder.as_str(), built.map(|objects| kustomize::to_yaml(&objects).into_bytes()))
            }
        };
        match bytes {
            Ok(bytes) => read_documents(session, shown, &bytes, reading),
            Err(text) => vec![Step::End(Fault::plain(text))],
        }
    }
}

fn read_file(session: &Session<'_>, name: &str) -> Result<Vec<u8>, String> {
    session.read(name).map_err(|e| match e.kind() {
        ErrorKind::PermissionDenied | ErrorKind::TimedOut => go_io_error("open", name, &e),
        _ => format!("error parsing {name}: read {name}: {}", reason(&e)),
    })
}

fn read_documents(session: &Session<'_>, source: &str, bytes: &[u8], reading: Reading) -> Vec<Step> {
    let (documents, end) = match stream::documents(bytes) {
        Ok(documents) => (documents, None),
        Err(e) => {
            let text = e.parsing(source);
            (e.before, Some(Step::End(Fault::plain(text))))
        }
    };
    let mut steps = Vec::new();
    for tree in documents.into_iter().map(|document| document.value).filter(|tree| !tree.is_null()) {
        if let Err(fault) = shape::validate(session, source, &tree, reading.validate) {
            steps.push(Step::End(fault));
            return steps;
        }
        if let Err(fault) = decode(session, source, tree, reading, &mut steps) {
            steps.push(Step::Fault(fault));
        }
    }
    steps.extend(end);
    steps
}

/// A document as an object, or a list's items as objects. Mirrors `infoForData` and `FlattenListVisitor`.
fn decode(
    session: &Session<'_>,
    source: &str,
    tree: Value,
    reading: Reading,
    steps: &mut Vec<Step>,
) -> Result<(), Fault> {
    let undecodable = |what: String| Fault::plain(format!("unable to decode {source:?}: {what}"));
    let Some(map) = tree.as_object() else {
        let kind = crate::manifest::json::go_kind(&tree);
        let text = format!("json: cannot unmarshal {kind} into Go value of type unstructured.detector");
        return Err(undecodable(text));
    };
    let text = |key: &str| map.get(key).and_then(Value::as_str).unwrap_or_default();
    if text("kind").is_empty() {
        return Err(undecodable(format!("Object 'Kind' is missing in '{}'", to_compact(&tree))));
    }
    if text("apiVersion").is_empty() {
        return Err(undecodable(format!("Object 'apiVersion' is missing in '{}'", to_compact(&tree))));
    }
    if let Err(e) = strict::check_metadata(&tree) {
        return Err(undecodable(e.to_string()));
    }
    if map.get("items").is_none_or(Value::is_null) {
        let info = to_info(session, source, tree, reading).map_err(|what| {
            let (name, namespace) = (what.name, what.namespace);
            Fault::plain(format!(
                "resource mapping not found for name: {name:?} namespace: {namespace:?} from {source:?}: {}\nensure CRDs are \
                 installed first",
                what.text
            ))
        })?;
        steps.push(Step::Info(Box::new(info)));
        return Ok(());
    }
    check_list(session, source, &tree)?;
    steps.push(Step::ListBegins);
    flatten(session, source, &tree, reading, steps);
    steps.push(Step::ListEnds);
    Ok(())
}

/// Whether the server knows what is in a list: any of its versions has a `List`, and each kind its own.
fn check_list(session: &Session<'_>, source: &str, tree: &Value) -> Result<(), Fault> {
    let (version, kind) = (tree["apiVersion"].as_str().unwrap_or_default(), tree["kind"].as_str().unwrap_or_default());
    let serving = session.client.serving();
    let item = kind.strip_suffix("List").unwrap_or(kind);
    let known = match item {
        "" => served::versions(&serving).iter().any(|served| served == version),
        item => served_kind(&serving, version, item).is_some(),
    };
    if known {
        return Ok(());
    }
    let name = tree["metadata"]["name"].as_str().unwrap_or_default();
    let namespace = tree["metadata"]["namespace"].as_str().unwrap_or_default();
    Err(Fault::plain(format!(
        "resource mapping not found for name: {name:?} namespace: {namespace:?} from {source:?}: no matches for kind \
         {kind:?} in version {version:?}\nensure CRDs are installed first"
    )))
}

fn flatten(session: &Session<'_>, source: &str, list: &Value, reading: Reading, steps: &mut Vec<Step>) {
    let text = |key: &str| list[key].as_str().unwrap_or_default();
    let (version, item_kind) = (text("apiVersion"), text("kind").strip_suffix("List").unwrap_or_default());
    for item in list["items"].as_array().into_iter().flatten() {
        let mut item = item.clone();
        let missing = |item: &Value, key: &str| item[key].as_str().unwrap_or_default().is_empty();
        if item.is_object() && missing(&item, "kind") && missing(&item, "apiVersion") {
            (item["kind"], item["apiVersion"]) = (item_kind.into(), version.into());
        }
        if item["items"].is_array() {
            flatten(session, source, &item, reading, steps);
            continue;
        }
        let untyped = |field: &str, text: &str| {
            Fault::plain(format!(
                "unable to get type info from the object \"*unstructured.Unstructured\": Object '{field}' is missing in '{text}'"
            ))
        };
        steps.push(if missing(&item, "kind") {
            Step::Fault(untyped("Kind", "object has no kind field "))
        } else if missing(&item, "apiVersion") {
            Step::Fault(untyped("apiVersion", "object has no apiVersion field"))
        } else {
            match to_info(session, source, item, reading) {
                Ok(info) => Step::Info(Box::new(info)),
                Err(what) => Step::Fault(Fault::plain(format!("unable to recognize {}", what.text))),
            }
        });
    }
}

/// A manifest whose kind the server does not have.
struct Unknown {
    name: String,
    namespace: String,
    text: String,
}

fn to_info(session: &Session<'_>, source: &str, tree: Value, reading: Reading) -> Result<Info, Unknown> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let (api_version, kind) = (text(&tree["apiVersion"]), text(&tree["kind"]));
    let (name, namespace) = (text(&tree["metadata"]["name"]), text(&tree["metadata"]["namespace"]));
    let serving = session.client.serving();
    let served = served_kind(&serving, &api_version, &kind);
    // kubectl knows versions that the server has no more.
    let known = served.or_else(|| if reading.local { of_any_version(&serving, &api_version, &kind) } else { None });
    let Some(served) = known else {
        let text = format!("no matches for kind {kind:?} in version {api_version:?}");
        return Err(Unknown { name, namespace, text });
    };
    Ok(Info { source: source.to_string(), name, namespace, tree, ..Info::named(served, "", "") })
}

/// A kind that the server has in another version.
fn of_any_version(serving: &Serving, api_version: &str, kind: &str) -> Option<Served> {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let kinds = serving.kinds().filter(|k| k.name() == kind && k.group() == group);
    kinds.flat_map(|k| served::versions_of(k, serving.minor)).next()
}

#[cfg(test)]
mod tests {
    use super::matches_glob;

    #[test]
    fn patterns_are_gos() {
        let cases = [
            ("*.json", "a.json", true),
            ("*.json", "a.jsonx", false),
            ("a?c", "abc", true),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[]a]x", "]x", true),
            ("\\*", "*", true),
            ("[a", "a", false),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(matches_glob(pattern, name), expected, "{pattern} {name}");
        }
    }
}
