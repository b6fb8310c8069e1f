//! From a command line to the objects that it is about: names, types with selectors, or files.
//!
//! Mirrors `Builder` and `Result` of `k8s.io/cli-runtime/pkg/resource`.

use super::info::Info;
use super::mapper::{mapping_for, replace_aliases};
use super::paths::{Paths, Reading, STDIN_USED_TWICE, Source};
use super::plan::Sources;
pub use super::plan::{Builder, Kept, Plan};
use super::walk::Walk;
use crate::api::selector::Selector;
use crate::error::Failure;
use crate::kubectl::print::errors::Fault;
use crate::kubectl::session::Session;
use crate::server::served::Served;

/// What kubectl says where neither names nor files are given.
pub const NOTHING_NAMED: &str = "You must provide one or more resources by argument or filename.\n\
     Example resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'";

/// What kubectl says of names where only files are allowed.
pub const LOCAL_NEEDS_FILES: &str = "error: you must specify resources by --filename when --local is set.\n\
     Example resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'";

/// Arguments as the builder keeps them.
#[derive(Debug, Default)]
struct Arguments {
    types: Vec<String>,
    names: Vec<String>,
    tuples: Vec<(String, String)>,
}

impl<'a> Builder<'a> {
    /// Resolves files, types and names. Mirrors `Do` and `Err`.
    ///
    /// # Errors
    /// When they contradict each other, or name what is not there.
    pub fn plan(self, session: &Session<'_>) -> Result<Plan<'a>, Fault> {
        let mut faults = Vec::new();
        let paths = match self.files {
            Some(files) => files.paths(session).unwrap_or_else(|found| {
                faults.extend(found);
                Paths::default()
            }),
            None => Paths::default(),
        };
        if self.stdin_in_use && paths.stream {
            faults.push(Fault::plain(STDIN_USED_TWICE));
        }
        let selector = self.selector.trim();
        let selects = !selector.is_empty() || !self.field_selector.trim().is_empty();
        if self.all && selects {
            faults.push(Fault::plain("setting 'all' parameter but found a non empty selector. "));
        }
        let arguments = self.arguments(session).unwrap_or_else(|fault| {
            faults.push(fault);
            Arguments::default()
        });
        if !faults.is_empty() {
            return Err(Fault::Many(faults));
        }
        let text = self.text.map(|(name, text)| Source::Text(name, text.to_string()));
        if !paths.sources.is_empty() || text.is_some() {
            return self.by_paths(paths, text, &arguments);
        }
        let types_alone = self.types_alone && self.args.len() == 1 && arguments.tuples.is_empty();
        if self.all || selects || types_alone {
            return self.by_selector(&arguments, session);
        }
        if !arguments.tuples.is_empty() {
            return self.by_resource(&arguments, paths.single, session);
        }
        if !arguments.names.is_empty() {
            return self.by_name(&arguments, session);
        }
        for name in &arguments.types {
            mapping_for(session, name)?;
        }
        Err(Fault::plain(match arguments.types.is_empty() {
            true => NOTHING_NAMED,
            false => "resource(s) were provided, but no name was specified",
        }))
    }

    /// Mirrors `ResourceTypeOrNameArgs`, `ResourceNames` and `ResourceTypes`.
    fn arguments(&self, session: &Session<'_>) -> Result<Arguments, Fault> {
        let mut arguments = Arguments::default();
        arguments.types.extend((!self.of_type.is_empty()).then(|| self.of_type.to_string()));
        if !self.default_type.is_empty() {
            for name in self.args {
                let tuple = split_type_and_name(name)?.unwrap_or_else(|| (self.default_type.into(), name.clone()));
                arguments.tuples.push(tuple);
            }
            return Ok(arguments);
        }
        let args = normalize(self.args);
        let slashes = args.iter().filter(|a| a.contains('/')).count();
        if slashes > 0 {
            if slashes != args.len() {
                let program = session.line.program;
                return Err(Fault::plain(format!(
                    "there is no need to specify a resource type as a separate argument when passing arguments in resource/name \
                     form (e.g. '{program} get resource/<resource_name>' instead of '{program} get resource \
                     resource/<resource_name>'"
                )));
            }
            for arg in &args {
                arguments.tuples.extend(split_type_and_name(arg)?);
            }
            return Ok(arguments);
        }
        if let Some((types, names)) = args.split_first() {
            let types = replace_aliases(&session.client.serving(), types);
            arguments.types.extend(unique(types.iter().map(String::as_str)));
            arguments.names.extend_from_slice(names);
        }
        Ok(arguments)
    }

    fn by_paths(self, paths: Paths, text: Option<Source>, arguments: &Arguments) -> Result<Plan<'a>, Fault> {
        let refused = if !arguments.types.is_empty() {
            "when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well"
        } else if !arguments.names.is_empty() {
            "name cannot be provided when a path is specified"
        } else if !arguments.tuples.is_empty() {
            "resource/name arguments cannot be provided when a path is specified"
        } else {
            ""
        };
        if !refused.is_empty() {
            return Err(Fault::plain(refused));
        }
        let selector = self.selector.trim();
        let filter = match selector.is_empty() {
            true => None,
            false => Some(
                Selector::parse(selector)
                    .map_err(|e| Fault::plain(format!("the provided selector {selector:?} is not valid: {e}")))?,
            ),
        };
        let stream = paths.stream || text.is_some();
        let single_item_implied = !paths.dir && !stream && paths.sources.len() == 1;
        let sources = Sources::Paths(paths.sources.into_iter().chain(text).collect());
        Ok(Plan { builder: self, sources, filter, single_item_implied, targets_single_items: true, ignored: None })
    }

    fn by_selector(self, arguments: &Arguments, session: &Session<'_>) -> Result<Plan<'a>, Fault> {
        let refused = if !arguments.names.is_empty() {
            "name cannot be provided when a selector is specified"
        } else if !arguments.tuples.is_empty() {
            "selectors and the all flag cannot be used when passing resource/name arguments"
        } else if arguments.types.is_empty() {
            "at least one resource must be specified to use a selector"
        } else if !self.subresource.is_empty() {
            "subresource cannot be used when bulk resources are specified"
        } else {
            ""
        };
        if !refused.is_empty() {
            return Err(Fault::plain(refused));
        }
        let sources = Sources::Kinds(self.mappings(&arguments.types, session)?);
        Ok(Plan {
            builder: self,
            sources,
            filter: None,
            single_item_implied: false,
            targets_single_items: false,
            ignored: None,
        })
    }

    fn by_resource(self, arguments: &Arguments, single: bool, session: &Session<'_>) -> Result<Plan<'a>, Fault> {
        if !arguments.types.is_empty() {
            return Err(Fault::plain("you may not specify individual resources and bulk resources in the same call"));
        }
        let mut infos = Vec::new();
        let mut kinds: Vec<Served> = Vec::new();
        for (resource, name) in &arguments.tuples {
            let served = mapping_for(session, resource)?;
            if !kinds.contains(&served) {
                kinds.push(served);
            }
            infos.push((served, name));
        }
        if kinds.len() > 1 && self.single_type {
            return Err(single_type());
        }
        let infos = infos.into_iter().map(|(served, name)| self.info(served, name, session));
        let infos = infos.collect::<Result<Vec<_>, _>>()?;
        Ok(Plan {
            single_item_implied: single || infos.len() == 1,
            builder: self,
            sources: Sources::Names(infos),
            filter: None,
            targets_single_items: true,
            ignored: None,
        })
    }

    fn by_name(self, arguments: &Arguments, session: &Session<'_>) -> Result<Plan<'a>, Fault> {
        match arguments.types.len() {
            0 => return Err(Fault::plain("you must provide a resource and a resource name together")),
            1 => {}
            _ => return Err(Fault::plain("you must specify only one resource")),
        }
        let served = mapping_for(session, &arguments.types[0])?;
        let infos = arguments.names.iter().map(|name| self.info(served, name, session));
        let infos = infos.collect::<Result<Vec<_>, _>>()?;
        Ok(Plan {
            single_item_implied: infos.len() == 1,
            builder: self,
            sources: Sources::Names(infos),
            filter: None,
            targets_single_items: true,
            ignored: None,
        })
    }

    fn info(&self, served: Served, name: &str, session: &Session<'_>) -> Result<Info, Fault> {
        if served.namespaced && self.all_namespaces {
            return Err(Fault::plain("a resource cannot be retrieved by name across all namespaces"));
        }
        let info = Info { treeless: self.treeless, ..Info::named(served, &session.namespace, name) };
        Ok(Info { subresource: self.subresource.into(), ..info })
    }

    /// Mirrors `resourceMappings`: each type once.
    fn mappings(&self, types: &[String], session: &Session<'_>) -> Result<Vec<Served>, Fault> {
        if types.len() > 1 && self.single_type {
            return Err(single_type());
        }
        let mut kinds = Vec::new();
        for name in types {
            let served = mapping_for(session, name)?;
            if !kinds.contains(&served) {
                kinds.push(served);
            }
        }
        Ok(kinds)
    }

    pub(super) fn reading(&self) -> Reading {
        Reading { validate: self.validate, local: self.local }
    }
}

fn single_type() -> Fault {
    Fault::plain("you may only specify a single resource type")
}

/// `a,b c` stands for `a/c b/c`. Mirrors `normalizeMultipleResourcesArgs`.
fn normalize(args: &[String]) -> Vec<String> {
    if let Some((types, names)) = args.split_first()
        && !names.is_empty()
    {
        let types = unique(types.split(','));
        if types.len() > 1 {
            return types.iter().flat_map(|kind| names.iter().map(move |name| format!("{kind}/{name}"))).collect();
        }
    }
    args.to_vec()
}

fn unique<'s>(words: impl Iterator<Item = &'s str>) -> Vec<String> {
    let mut unique: Vec<String> = Vec::new();
    for word in words {
        if !unique.iter().any(|known| known == word) {
            unique.push(word.to_string());
        }
    }
    unique
}

/// Mirrors `splitResourceTypeName`: none for a word without a slash.
fn split_type_and_name(arg: &str) -> Result<Option<(String, String)>, Fault> {
    let Some((resource, name)) = arg.split_once('/') else { return Ok(None) };
    if name.contains('/') {
        return Err(Fault::plain("arguments in resource/name form may not have more than one slash"));
    }
    if resource.is_empty() || name.is_empty() || unique(resource.split(',')).len() != 1 {
        return Err(Fault::plain("arguments in resource/name form must have a single resource and name"));
    }
    Ok(Some((resource.to_string(), name.to_string())))
}

impl<'a> Plan<'a> {
    /// The same without faults of a sort.
    pub fn ignoring(mut self, ignored: Option<fn(&Fault) -> bool>) -> Plan<'a> {
        self.ignored = ignored;
        self
    }

    /// The types that are listed; empty where objects are named.
    pub fn kinds(&self) -> &[Served] {
        match &self.sources {
            Sources::Kinds(kinds) => kinds,
            _ => &[],
        }
    }

    /// How many sources there are: files, types or names.
    pub fn source_count(&self) -> usize {
        match &self.sources {
            Sources::Paths(all) => all.len(),
            Sources::Kinds(all) => all.len(),
            Sources::Names(all) => all.len(),
        }
    }

    /// All objects, and what went wrong on the way to them. Mirrors `Infos`.
    pub fn infos(&self, session: &Session<'_>) -> (Vec<Info>, Option<Fault>) {
        let mut walk = Walk::new(self);
        let mut infos = Vec::new();
        while let Some(info) = walk.next(session) {
            infos.push(info);
        }
        (infos, walk.finish().err())
    }

    /// The one object that was asked for; none where it is a list, of one or of any number. Mirrors `Object`.
    ///
    /// # Errors
    /// What went wrong.
    pub fn object(&self, session: &Session<'_>) -> Result<Option<Info>, Fault> {
        match self.infos(session) {
            (_, Some(fault)) => Err(fault),
            (mut infos, None) => Ok(infos.pop().filter(|_| self.single_item_implied && infos.is_empty())),
        }
    }

    /// All objects, if nothing goes wrong.
    ///
    /// # Errors
    /// What went wrong.
    pub fn all(&self, session: &Session<'_>) -> Result<Vec<Info>, Failure> {
        match self.infos(session) {
            (infos, None) => Ok(infos),
            (_, Some(fault)) => Err(fault.into()),
        }
    }

    /// Does something with each object, in the order in which they are found. Mirrors `Visit`.
    ///
    /// # Errors
    /// What went wrong: all of it or the first fault, as `continue_on_error` has it.
    pub fn visit<'s>(
        &self,
        session: &mut Session<'s>,
        mut f: impl FnMut(Info, &mut Session<'s>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut walk = Walk::new(self);
        while let Some(info) = walk.next(session) {
            if let Err(fault) = f(info, session) {
                walk.refuse(fault);
            }
        }
        walk.finish()
    }
}
