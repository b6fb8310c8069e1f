//! `-f`: files, folders and standard input, read into objects as kubectl's resource builder does.
//!
//! Mirrors `k8s.io/cli-runtime/pkg/resource` (FileVisitor, StreamVisitor, mapper).

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::api::selector::Selector;
use crate::api::{Kind, ObjectKey};
use crate::kubectl::print::errors::Fault;
use crate::kubectl::session::Session;
use crate::manifest::{stream, strict};
use crate::server::served::{self, Served};

/// An object that a manifest asks for, before the server has seen it.
#[derive(Debug, Clone)]
pub struct Info {
    /// The file as kubectl names it in texts: its path, or `STDIN`.
    pub source: String,
    /// Its kind.
    pub kind: Kind,
    /// What the server offers of it.
    pub served: Served,
    /// The `apiVersion` as written; it may be another version than the stored one.
    pub api_version: String,
    /// The namespace it goes to; empty for cluster-wide kinds.
    pub namespace: String,
    /// Whether the manifest itself names the namespace.
    pub namespace_written: bool,
    /// Its name; empty if the manifest has none.
    pub name: String,
    /// The manifest, with the namespace filled in.
    pub tree: Value,
}

impl Info {
    /// What names it.
    pub fn key(&self) -> ObjectKey {
        ObjectKey::new(self.kind, self.namespace.clone(), self.name.clone())
    }

    /// The manifest without the namespace that the user's place would add.
    pub fn into_written(self) -> Value {
        let mut tree = self.tree;
        if !self.namespace_written
            && let Some(metadata) = tree["metadata"].as_object_mut()
        {
            metadata.remove("namespace");
        }
        tree
    }
}

/// `-f`, `-R`, `-k`.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct FileArgs {
    /// The files that contain the configurations
    #[arg(short = 'f', long = "filename", value_name = "FILENAME", value_delimiter = ',')]
    pub filename: Vec<String>,
    /// Process the directory used in -f, --filename recursively
    #[arg(short = 'R', long)]
    pub recursive: bool,
    /// Process a kustomization directory
    #[arg(short = 'k', long, value_name = "DIR")]
    pub kustomize: Option<String>,
}

const EXTENSIONS: [&str; 3] = ["json", "yaml", "yml"];

impl FileArgs {
    /// Whether the flags name anything.
    pub fn is_empty(&self) -> bool {
        self.filename.is_empty() && self.kustomize.is_none()
    }

    /// Reads all files. What can't be read is a fault; the rest is there all the same.
    pub fn read(&self, session: &Session<'_>, validate: bool) -> (Vec<Info>, Vec<Fault>) {
        let (mut infos, mut faults) = (Vec::new(), Vec::new());
        if self.kustomize.is_some() {
            faults.push(Fault::plain(
                "kustomizations are not built by kstate: build them first, and apply the result with -f -",
            ));
            return (infos, faults);
        }
        // A path that does not exist ends it all before anything is read.
        let mut sources = Vec::new();
        for name in &self.filename {
            match self.sources(session, name) {
                Ok(found) => sources.extend(found),
                Err(fault) => faults.push(fault),
            }
        }
        if !faults.is_empty() {
            return (infos, faults);
        }
        for (source, bytes) in sources {
            let bytes = match bytes {
                Ok(bytes) => bytes,
                Err(text) => {
                    faults.push(Fault::plain(text));
                    continue;
                }
            };
            read_documents(session, &source, &bytes, validate, &mut infos, &mut faults);
        }
        (infos, faults)
    }

    fn sources(&self, session: &Session<'_>, name: &str) -> Result<Vec<(String, Result<Vec<u8>, String>)>, Fault> {
        if name == "-" {
            let bytes = session.disk.ahead.stdin(session.ui).map_err(|e| format!("read /dev/stdin: {e}"));
            return Ok(vec![("STDIN".into(), bytes)]);
        }
        if name.starts_with("http://") || name.starts_with("https://") {
            return Err(Fault::plain(format!("unable to read URL {name:?}: kstate does not use the network")));
        }
        let path = session.disk.path(name);
        if !path.exists() {
            return Err(Fault::plain(format!("the path {name:?} does not exist")));
        }
        if !path.is_dir() {
            return Ok(vec![(name.to_string(), read_file(session, &path, name))]);
        }
        let mut files = Vec::new();
        self.walk(session, &path, name, &mut files);
        if files.is_empty() {
            return Err(Fault::plain(format!(
                "error reading {:?}: recognized file extensions are [.json .yaml .yml]",
                [name]
            )));
        }
        Ok(files)
    }

    /// The files of a folder in name order, those with a manifest's extension only.
    fn walk(
        &self,
        session: &Session<'_>,
        folder: &Path,
        shown: &str,
        files: &mut Vec<(String, Result<Vec<u8>, String>)>,
    ) {
        let Ok(entries) = std::fs::read_dir(folder) else {
            files.push((shown.to_string(), Err(format!("open {shown}: permission denied"))));
            return;
        };
        let mut entries: Vec<_> = entries.filter_map(Result::ok).map(|e| e.path()).collect();
        entries.sort();
        for path in entries {
            let Some(leaf) = path.file_name().and_then(|n| n.to_str()) else { continue };
            let shown = match shown {
                "." => leaf.to_string(),
                _ => format!("{}/{leaf}", shown.trim_end_matches('/')),
            };
            if path.is_dir() {
                if self.recursive {
                    self.walk(session, &path, &shown, files);
                }
            } else if path.extension().and_then(|e| e.to_str()).is_some_and(|e| EXTENSIONS.contains(&e)) {
                let text = read_file(session, &path, &shown);
                files.push((shown, text));
            }
        }
    }
}

/// Drops the manifests that a label selector does not let through.
///
/// # Errors
/// When the selector can't be read.
pub fn retain_selected(infos: &mut Vec<Info>, selector: &str) -> Result<(), Fault> {
    let selector = Selector::parse(selector).map_err(|e| Fault::plain(e.to_string()))?;
    infos.retain(|info| {
        let labels = info.tree["metadata"]["labels"].as_object().into_iter().flatten();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        selector.matches(&labels.map(|(key, value)| (key.clone(), text(value))).collect::<BTreeMap<_, _>>())
    });
    Ok(())
}

/// The objects of a text that was edited rather than named by a flag.
pub fn read_text(session: &Session<'_>, source: &str, text: &str) -> (Vec<Info>, Vec<Fault>) {
    let (mut infos, mut faults) = (Vec::new(), Vec::new());
    read_documents(session, source, text.as_bytes(), false, &mut infos, &mut faults);
    (infos, faults)
}

fn read_documents(
    session: &Session<'_>,
    source: &str,
    bytes: &[u8],
    validate: bool,
    infos: &mut Vec<Info>,
    faults: &mut Vec<Fault>,
) {
    let documents = match stream::documents(bytes) {
        Ok(documents) => documents,
        Err(e) => {
            faults.push(Fault::plain(e.parsing(source)));
            e.before
        }
    };
    for document in documents {
        flatten(session, source, document.value, validate, infos, faults);
    }
}

fn read_file(session: &Session<'_>, path: &Path, shown: &str) -> Result<Vec<u8>, String> {
    session.disk.ahead.file(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::PermissionDenied => format!("open {shown}: permission denied"),
        _ => format!("read {shown}: {e}"),
    })
}

/// Lists become their items; each is checked as kubectl's schema and mapper do.
fn flatten(
    session: &Session<'_>,
    source: &str,
    tree: Value,
    validate: bool,
    infos: &mut Vec<Info>,
    faults: &mut Vec<Fault>,
) {
    if tree.is_null() {
        return;
    }
    if let Err(fault) = check_shape(source, &tree, validate) {
        faults.push(fault);
        return;
    }
    let kind = tree["kind"].as_str().unwrap_or_default();
    if kind == "List" || (kind.ends_with("List") && tree["items"].is_array()) {
        for item in tree["items"].as_array().cloned().unwrap_or_default() {
            flatten(session, source, item, validate, infos, faults);
        }
        return;
    }
    match to_info(session, source, tree) {
        Ok(info) => infos.push(info),
        Err(fault) => faults.push(fault),
    }
}

fn check_shape(source: &str, tree: &Value, validate: bool) -> Result<(), Fault> {
    let hint = "if you choose to ignore these errors, turn validation off with --validate=false";
    let invalid =
        |what: &str| Fault::plain(format!("error validating {source:?}: error validating data: {what}; {hint}"));
    let Some(map) = tree.as_object() else { return Err(invalid("invalid object to validate")) };
    let text = |key: &str| map.get(key).and_then(Value::as_str).unwrap_or_default();
    let missing: Vec<&str> = ["apiVersion", "kind"].into_iter().filter(|key| text(key).is_empty()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if validate {
        return Err(invalid(&match missing.as_slice() {
            [one] => format!("{one} not set"),
            all => format!("[{}]", all.iter().map(|k| format!("{k} not set")).collect::<Vec<_>>().join(", ")),
        }));
    }
    let shown = crate::printers::json::to_compact(tree);
    Err(Fault::plain(match missing.contains(&"kind") {
        true => format!("unable to decode {source:?}: Object 'Kind' is missing in '{shown}'"),
        false => format!("unable to decode {source:?}: Object 'apiVersion' is missing in '{shown}'"),
    }))
}

fn to_info(session: &Session<'_>, source: &str, mut tree: Value) -> Result<Info, Fault> {
    if let Err(e) = strict::check_metadata(&tree) {
        return Err(Fault::plain(format!("unable to decode {source:?}: {e}")));
    }
    let api_version = tree["apiVersion"].as_str().unwrap_or_default().to_string();
    let kind_name = tree["kind"].as_str().unwrap_or_default().to_string();
    let name = tree["metadata"]["name"].as_str().unwrap_or_default().to_string();
    let written = tree["metadata"]["namespace"].as_str().unwrap_or_default().to_string();
    let Some(served) = served_kind(session.client.minor(), &api_version, &kind_name) else {
        return Err(Fault::plain(format!(
            "resource mapping not found for name: {name:?} namespace: {written:?} from {source:?}: no matches for kind \
             {kind_name:?} in version {api_version:?}\nensure CRDs are installed first"
        )));
    };
    let kind = served.kind;
    let mut namespace = String::new();
    let namespace_written = !written.is_empty();
    if kind.is_namespaced() {
        namespace = if written.is_empty() { session.namespace.clone() } else { written };
        if session.namespace_given && namespace != session.namespace {
            return Err(Fault::plain(format!(
                "the namespace from the provided object {namespace:?} does not match the namespace {:?}. You must pass \
                 '--namespace={namespace}' to perform this operation.",
                session.namespace
            )));
        }
        if !tree["metadata"].is_object() {
            tree["metadata"] = Value::Object(Default::default());
        }
        tree["metadata"]["namespace"] = Value::String(namespace.clone());
    } else if let Some(metadata) = tree["metadata"].as_object_mut() {
        metadata.remove("namespace");
    }
    Ok(Info { source: source.to_string(), kind, served, api_version, namespace, namespace_written, name, tree })
}

/// What a server of v1.`minor` offers under that `apiVersion` and `kind`.
pub fn served_kind(minor: u32, api_version: &str, kind: &str) -> Option<Served> {
    let kinds = Kind::known().filter(|k| k.name() == kind);
    kinds.flat_map(|k| served::versions_of(k, minor)).find(|served| served.api_version() == api_version)
}
