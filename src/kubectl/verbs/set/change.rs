//! What all of `set` share: the objects, found or read from files, and the way of a change to the server.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/set/helper.go`.

use serde_json::{Value, json};

use crate::api::Kind;
use crate::api::request::{PatchType, Verb};
use crate::error::{ApiError, Failure};
use crate::kubectl::builder::build::{Builder, LOCAL_NEEDS_FILES};
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::builder::info::Info;
use crate::kubectl::print::errors::{self, Fault};
use crate::kubectl::print::made::{ObjectPrinter, OutputArgs};
use crate::kubectl::request::{DryRun, Validate, Writing};
use crate::kubectl::session::Session;
use crate::manifest::merge;
use crate::manifest::strict::normalise;
use crate::printers::json::to_compact;

/// The arguments that all take.
#[derive(Debug, Clone, clap::Args)]
pub struct Common {
    /// TYPE NAME or TYPE/NAME, and what to set
    #[arg(value_name = "TYPE")]
    pub args: Vec<String>,
    /// The files that name objects.
    #[command(flatten)]
    pub files: FileArgs,
    /// The form that objects are printed in.
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

/// Objects, and how they are changed and printed.
pub struct Change<'a> {
    /// The objects, as kubectl's structs hold them.
    pub infos: Vec<Info>,
    common: &'a Common,
    printer: ObjectPrinter,
}

/// A change of an object that is worked out, or why there is none.
pub struct Patch {
    /// The object as it shall be.
    pub info: Info,
    /// What changes; null for nothing.
    pub patch: Value,
}

impl Common {
    /// The printer that the flags ask for.
    ///
    /// # Errors
    /// kubectl's texts for bad values.
    pub fn printer(&self, session: &Session<'_>) -> Result<ObjectPrinter, Failure> {
        ObjectPrinter::new(&self.output, DryRun::parse(&self.dry_run)?, session)
    }

    /// What finds the objects; with `--local` only files are looked at.
    pub fn builder<'a>(&'a self, resources: &'a [String], selector: &'a str) -> Builder<'a> {
        let builder =
            Builder { files: Some(&self.files), continue_on_error: true, local: self.local, ..Builder::default() };
        match self.local {
            true => builder,
            false => Builder { args: resources, selector, types_alone: self.all, latest: true, ..builder },
        }
    }

    /// Refuses objects of the server with `--local`.
    ///
    /// # Errors
    /// kubectl's text.
    pub fn check_files(&self, resources: &[String]) -> Result<(), Failure> {
        match self.local && !resources.is_empty() {
            true => Err(Fault::plain(LOCAL_NEEDS_FILES).into()),
            false => Ok(()),
        }
    }

    /// Finds the objects that a builder names.
    ///
    /// # Errors
    /// Whatever is not there: nothing is changed then.
    pub fn find(
        &self,
        builder: Builder<'_>,
        printer: ObjectPrinter,
        session: &Session<'_>,
    ) -> Result<Change<'_>, Failure> {
        let mut infos = builder.plan(session)?.all(session)?;
        for info in &mut infos {
            normalise(info.kind(), &mut info.tree);
        }
        Ok(Change { infos, common: self, printer })
    }

    /// Refuses `--local` with a dry run on the server.
    ///
    /// # Errors
    /// kubectl's text.
    pub fn check_local(&self, printer: &ObjectPrinter) -> Result<(), Failure> {
        match self.local && printer.dry_run() == DryRun::Server {
            true => Err(Failure::error("cannot specify --local and --dry-run=server - did you mean --dry-run=client?")),
            false => Ok(()),
        }
    }
}

/// Works out what a change comes to; none where it has nothing to do with the object. Mirrors `CalculatePatch`.
///
/// # Errors
/// What the change itself refuses.
pub fn calculate_patch(
    info: &Info,
    change: impl FnOnce(&Info, &mut Value) -> Result<bool, String>,
) -> Result<Option<Patch>, String> {
    let mut before = info.tree.clone();
    normalise(info.kind(), &mut before);
    let mut after = before.clone();
    if !change(info, &mut after)? {
        return Ok(None);
    }
    normalise(info.kind(), &mut after);
    let patch = match after == before {
        true => Value::Null,
        false => merge::two_way_strategic(info.kind(), &before, &after).map_err(|e| ApiError::from(e).message)?,
    };
    let patch = if patch.as_object().is_some_and(|fields| fields.is_empty()) { Value::Null } else { patch };
    Ok(Some(Patch { info: Info { tree: after, ..info.clone() }, patch }))
}

impl Change<'_> {
    /// Changes each object. `change` gives false for an object that it has nothing to do with. Faults that it found
    /// without failing are put in its last argument; `failed` and `done` are what kubectl says of a refusal and of a
    /// success.
    ///
    /// # Errors
    /// All that went wrong.
    pub fn run(
        &mut self,
        session: &mut Session<'_>,
        mut change: impl FnMut(&Info, &mut Value, &mut Vec<Fault>) -> Result<bool, String>,
        failed: &str,
        done: &str,
    ) -> Result<(), Failure> {
        let mut faults = Vec::new();
        let mut patches = Vec::new();
        for info in &self.infos {
            match calculate_patch(info, |info, tree| change(info, tree, &mut faults)) {
                Ok(None) => {}
                Ok(Some(patch)) => patches.push(Ok(patch)),
                Err(text) => patches.push(Err(self.fault(info, &text))),
            }
        }
        for patch in patches {
            match patch {
                Ok(patch) if patch.patch.is_null() => {}
                Ok(patch) => self.finish(patch, (failed, done), &mut faults, session),
                Err(fault) => faults.push(fault),
            }
        }
        errors::check(faults)
    }

    /// Sends a patch, and prints what became of the object.
    pub fn finish(
        &mut self,
        patch: Patch,
        (failed, done): (&str, &str),
        faults: &mut Vec<Fault>,
        session: &mut Session<'_>,
    ) {
        let printed = match self.send(patch, session) {
            Ok(info) => self.printer.print_struct(info.kind(), &info.tree, done, session),
            Err(fault) if failed.is_empty() => Err(fault),
            Err(fault) => Err(Fault::plain(format!("{failed}{}", fault.message()))),
        };
        faults.extend(printed.err());
    }

    /// Sends a patch, also one of nothing, if anything is to be sent at all; gives the object as it then is.
    fn send(&self, patch: Patch, session: &mut Session<'_>) -> Result<Info, Fault> {
        let mut info = patch.info;
        let dry_run = self.printer.dry_run();
        if self.common.local || dry_run == DryRun::Client {
            return Ok(info);
        }
        let body = if patch.patch.is_null() { json!({}) } else { patch.patch };
        let writing = Writing::by(&self.common.field_manager).dry_run(dry_run).validate(Validate::Warn);
        let verb = Verb::Patch(writing.patch_options(), PatchType::Strategic, to_compact(&body));
        let reply = session.client.send(verb, info.whole())?;
        info.refresh(reply, session)?;
        Ok(info)
    }

    /// What kubectl says of an object that can't be changed.
    pub fn fault(&self, info: &Info, text: &str) -> Fault {
        Fault::plain(format!("error: {} {text}\n", self.shown(info)))
    }

    /// Mirrors `ObjectName`: without a server the resource is not known.
    fn shown(&self, info: &Info) -> String {
        let (group, name, kind) = (info.served.group, &info.name, info.kind().name().to_lowercase());
        match (self.common.local, group) {
            (false, _) => info.object_name(),
            (true, "") => format!("{kind}/{name}"),
            (true, group) => format!("{kind}.{group}/{name}\n"),
        }
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
