//! What all of `set` share: the objects, found or read from files, and the way of a change to the server.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/set/helper.go`.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::request::PatchType;
use crate::api::{Kind, Object};
use crate::error::{ApiError, Failure};
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::builder::target::{LOCAL_NEEDS_FILES, NOTHING_NAMED, Target};
use crate::kubectl::print::errors::{self, Fault};
use crate::kubectl::print::made::{OutputArgs, Printer};
use crate::kubectl::request::{self, DryRun, Validate, Writing};
use crate::kubectl::session::Session;
use crate::manifest::merge;
use crate::manifest::strict::normalise;
use crate::printers::json::to_compact;
use crate::server::tree_of;

/// The arguments that all take.
#[derive(Debug, Clone, clap::Args)]
pub struct Common {
    /// TYPE NAME or TYPE/NAME, and what to set
    #[arg(value_name = "TYPE")]
    pub args: Vec<String>,
    #[command(flatten)]
    pub files: FileArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    /// Select all resources, in the namespace of the specified resource types
    #[arg(long)]
    pub all: bool,
    /// Must be "none", "server", or "client"
    #[arg(long, default_value = "none")]
    pub dry_run: String,
    /// Name of the manager used to track field ownership
    #[arg(long, default_value = "kubectl-set")]
    pub field_manager: String,
    /// If true, the command will NOT contact api-server but run locally
    #[arg(long)]
    pub local: bool,
}

/// `-l`.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct SelectorArg {
    /// Selector (label query) to filter on
    #[arg(short = 'l', long, default_value = "")]
    pub selector: String,
}

/// An object to change.
pub struct Item {
    /// Its kind.
    pub kind: Kind,
    /// Its content as kubectl's structs hold it.
    pub tree: Value,
    live: Option<Arc<Object>>,
}

impl Item {
    /// Its name.
    pub fn name(&self) -> String {
        self.tree["metadata"]["name"].as_str().unwrap_or_default().to_string()
    }

    /// A fault of this object.
    pub fn fault(&self, text: &str) -> Fault {
        Fault::plain(format!("error: {} {text}\n", self.shown()))
    }

    fn shown(&self) -> String {
        let (group, name) = (self.kind.group(), self.name());
        match &self.live {
            Some(_) => format!("{}/{name}", self.kind.plural()),
            None if group.is_empty() => format!("{}/{name}", self.kind.singular()),
            None => format!("{}/{name}\n", self.kind.qualified()),
        }
    }
}

/// A change at work: objects and flags are known.
pub struct Change {
    /// The objects.
    pub items: Vec<Item>,
    printer: Printer,
    manager: String,
}

impl Common {
    /// The printer that the flags ask for.
    ///
    /// # Errors
    /// kubectl's texts for bad values.
    pub fn printer(&self, session: &Session<'_>) -> Result<Printer, Failure> {
        Printer::new(&self.output, &self.dry_run, session)
    }

    /// Finds the objects that `resources` names, or reads those of the files.
    ///
    /// # Errors
    /// Whatever is not there: nothing is changed then.
    pub fn find(
        &self,
        resources: &[String],
        selector: &str,
        printer: Printer,
        session: &Session<'_>,
    ) -> Result<Change, Failure> {
        let items = match self.local {
            true if !resources.is_empty() => return Err(Failure::error(LOCAL_NEEDS_FILES)),
            true => self.read_files(session)?,
            false => self.find_live(resources, selector, session)?,
        };
        Ok(Change { items, printer, manager: self.field_manager.clone() })
    }

    fn find_live(&self, resources: &[String], selector: &str, session: &Session<'_>) -> Result<Vec<Item>, Failure> {
        let selector = Some(selector).filter(|s| !s.is_empty());
        let target = Target { args: resources, files: &self.files, selector, all: self.all, ..Target::default() };
        let found = target.find(session)?;
        errors::check(found.faults)?;
        let item = |live: Arc<Object>| {
            let kind = live.kind();
            let mut tree = tree_of(&live);
            normalise(kind, &mut tree);
            Item { kind, tree, live: Some(live) }
        };
        Ok(found.objects.into_iter().map(item).collect())
    }

    fn read_files(&self, session: &Session<'_>) -> Result<Vec<Item>, Failure> {
        if self.files.is_empty() {
            return Err(Failure::error(NOTHING_NAMED));
        }
        let (infos, faults) = self.files.read(session, false);
        errors::check(faults)?;
        let items = infos.into_iter().map(|info| {
            let (kind, mut tree) = (info.kind, info.into_written());
            normalise(kind, &mut tree);
            Item { kind, tree, live: None }
        });
        Ok(items.collect())
    }

    /// Refuses `--local` with a dry run on the server.
    ///
    /// # Errors
    /// kubectl's text.
    pub fn check_local(&self, printer: &Printer) -> Result<(), Failure> {
        match self.local && printer.dry_run() == DryRun::Server {
            true => Err(Failure::error("cannot specify --local and --dry-run=server - did you mean --dry-run=client?")),
            false => Ok(()),
        }
    }
}

impl Change {
    /// Changes each object. `change` gives false for an object that it has nothing to do with. Faults that it found
    /// without failing are in `faults`; `failed` and `done` are what kubectl says of a refusal and of a success.
    ///
    /// # Errors
    /// All that went wrong.
    pub fn run(
        &self,
        session: &mut Session<'_>,
        mut faults: Vec<Fault>,
        mut change: impl FnMut(&Item, &mut Value, &mut Vec<Fault>) -> Result<bool, String>,
        failed: &str,
        done: &str,
    ) -> Result<(), Failure> {
        let mut changed = Vec::new();
        for item in &self.items {
            let mut tree = item.tree.clone();
            match change(item, &mut tree, &mut faults) {
                Ok(true) => changed.push((item, Ok(tree))),
                Ok(false) => {}
                Err(text) => changed.push((item, Err(text))),
            }
        }
        for (item, tree) in changed {
            let tree = match tree {
                Ok(tree) => tree,
                Err(text) => {
                    faults.push(item.fault(&text));
                    continue;
                }
            };
            match self.send(item, tree, session) {
                Ok(None) => {}
                Ok(Some(tree)) => self.print(session, item.kind, &tree, done)?,
                Err(fault) => faults.push(Fault::plain(format!("{failed}{}", fault.message()))),
            }
        }
        errors::check(faults)
    }

    /// Sends what changed, and gives the object back as it then is; nothing if nothing changed.
    ///
    /// # Errors
    /// The server's refusal.
    fn send(&self, item: &Item, mut tree: Value, session: &mut Session<'_>) -> Result<Option<Value>, Fault> {
        normalise(item.kind, &mut tree);
        if tree == item.tree {
            return Ok(None);
        }
        self.send_anyway(item, tree, session).map(Some)
    }

    /// The same, also when nothing changed.
    ///
    /// # Errors
    /// The server's refusal.
    pub fn send_anyway(&self, item: &Item, mut tree: Value, session: &mut Session<'_>) -> Result<Value, Fault> {
        normalise(item.kind, &mut tree);
        let dry_run = self.printer.dry_run();
        let Some(live) = item.live.as_ref().filter(|_| dry_run != DryRun::Client) else { return Ok(tree) };
        let patch = merge::two_way_strategic(item.kind, &item.tree, &tree).map_err(ApiError::from)?;
        let body = to_compact(&patch);
        let writing = Writing::by(&self.manager).dry_run(dry_run).validate(Validate::Warn);
        let object = request::patch(session, live, (PatchType::Strategic, &body), &writing)?;
        let mut tree = tree_of(&object);
        normalise(item.kind, &mut tree);
        Ok(tree)
    }

    /// Prints an object.
    ///
    /// # Errors
    /// What is wrong with a template.
    pub fn print(&self, session: &Session<'_>, kind: Kind, tree: &Value, done: &str) -> Result<(), Failure> {
        self.printer.print(session, kind, tree, done)
    }
}

/// The pod template's spec of an object that has one.
///
/// # Errors
/// kubectl's text for a kind without.
pub fn pod_spec(kind: Kind, tree: &mut Value) -> Result<&mut Value, String> {
    let path = match kind {
        Kind::Pod => "/spec",
        Kind::ReplicationController
        | Kind::Deployment
        | Kind::DaemonSet
        | Kind::ReplicaSet
        | Kind::StatefulSet
        | Kind::Job => "/spec/template/spec",
        Kind::CronJob => "/spec/jobTemplate/spec/template/spec",
        _ => {
            return Err(format!(
                "the object is not a pod or does not have a pod template: *{}.{}",
                kind.version(),
                kind.name()
            ));
        }
    };
    tree.pointer_mut(path).ok_or_else(|| "the object has no pod template".to_string())
}

/// The containers of a list (`containers`, `initContainers`), to change them.
pub fn containers<'a>(spec: &'a mut Value, list: &str) -> impl Iterator<Item = &'a mut Value> {
    spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten()
}

/// Whether a container's name is what `--containers` means; `*` stands for anything.
///
/// Mirrors `selectString`, whose wildcard is simpler than a shell's.
pub fn selects(spec: &str, name: &str) -> bool {
    if spec == "*" || !spec.contains('*') {
        return spec == "*" || spec == name;
    }
    let parts: Vec<&str> = spec.split('*').collect();
    let mut at = 0;
    for (i, part) in parts.iter().enumerate().filter(|(_, p)| !p.is_empty()) {
        let Some(next) = name.get(at..).and_then(|rest| rest.find(part)) else { return false };
        if next < at || (i == 0 && at != 0) || (i == parts.len() - 1 && name.len() != part.len() + next) {
            return false;
        }
        at = next;
    }
    true
}

/// Splits `TYPE NAME KEY=VALUE...` into what names objects and what is set.
///
/// # Errors
/// kubectl's text for a name that comes after a pair.
pub fn split_pairs<'a>(args: &'a [String], what: &str) -> Result<(&'a [String], &'a [String]), Failure> {
    let is_pair = |a: &String| (a.contains('=') && !a.starts_with('=')) || (a.ends_with('-') && a != "-");
    let at = args.iter().position(is_pair).unwrap_or(args.len());
    let (resources, pairs) = args.split_at(at);
    match pairs.iter().find(|p| !is_pair(p)) {
        Some(stray) => Err(Failure::error(format!("all resources must be specified before {what} changes: {stray}"))),
        None => Ok((resources, pairs)),
    }
}

/// An empty object where there is none.
pub fn object_at<'a>(tree: &'a mut Value, key: &str) -> &'a mut Value {
    if !tree[key].is_object() {
        tree[key] = json!({});
    }
    &mut tree[key]
}

#[cfg(test)]
mod tests {
    use super::selects;

    #[test]
    fn wildcards_are_kubectls() {
        let cases = [("*", "a", true), ("a", "a", true), ("a", "b", false), ("a*", "ab", true), ("*b", "ab", true)];
        for (spec, name, expected) in cases {
            assert_eq!(selects(spec, name), expected, "{spec} {name}");
        }
        assert!(selects("a*c", "abc") && !selects("a*c", "abcd"));
    }
}
