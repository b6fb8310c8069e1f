//! The way from one object to the next, and what becomes of faults on it.
//!
//! Mirrors the visitors of `k8s.io/cli-runtime/pkg/resource/visitor.go`: `VisitorList`, `EagerVisitorList`,
//! `ContinueOnErrorVisitor`, `FlattenListVisitor`, `DecoratedVisitor` and `Selector`.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use super::info::Info;
use super::paths::Step;
use super::plan::{Builder, Kept, Plan, Sources};
use crate::api::request::{ListOptions, Resource, Target, Verb};
use crate::error::{ApiError, Reason};
use crate::kubectl::print::errors::Fault;
use crate::kubectl::session::Session;
use crate::server::Reply;
use crate::server::served::Served;

/// A visit at work.
pub(super) struct Walk<'p> {
    plan: &'p Plan<'p>,
    /// The source that is read next.
    next: usize,
    /// Where the next piece of a list begins that is read in pieces.
    continue_at: String,
    steps: VecDeque<Step>,
    /// What went wrong with objects of the list that is being gone through.
    list: Option<Vec<Fault>>,
    /// What went wrong with objects, where the others are visited all the same.
    with_objects: Vec<Fault>,
    /// What went wrong on the way to objects, where others are visited all the same.
    on_the_way: Vec<Fault>,
    /// What ended the visit, of one source at least.
    first: Option<Fault>,
    over: bool,
}

impl<'p> Walk<'p> {
    pub(super) fn new(plan: &'p Plan<'p>) -> Walk<'p> {
        Walk {
            plan,
            next: 0,
            continue_at: String::new(),
            steps: VecDeque::new(),
            list: None,
            with_objects: Vec::new(),
            on_the_way: Vec::new(),
            first: None,
            over: false,
        }
    }

    fn builder(&self) -> &'p Builder<'p> {
        &self.plan.builder
    }

    /// The next object.
    pub(super) fn next(&mut self, session: &Session<'_>) -> Option<Info> {
        loop {
            match self.steps.pop_front() {
                None if self.over || !self.load(session) => return None,
                None => {}
                Some(Step::ListBegins) if self.refuses_lists() => {
                    let end = self.steps.iter().position(|step| matches!(step, Step::ListEnds));
                    self.steps.drain(..=end.unwrap_or(0));
                    self.lost(Fault::plain(
                        "watch is only supported on individual resources and resource collections, but a list of \
                         resources is found",
                    ));
                }
                Some(Step::ListBegins) => self.list = Some(Vec::new()),
                Some(Step::ListEnds) => {
                    let faults = self.list.take().unwrap_or_default();
                    if !faults.is_empty() {
                        self.lost(Fault::Many(faults));
                    }
                }
                Some(Step::Fault(fault)) => self.lost(fault),
                Some(Step::End(fault)) => {
                    self.list = None;
                    self.lost(fault);
                    self.steps.clear();
                }
                Some(Step::Info(info)) => {
                    if let Some(info) = self.prepared(*info, session) {
                        return Some(info);
                    }
                }
            }
        }
    }

    fn refuses_lists(&self) -> bool {
        self.builder().unflattened && matches!(self.plan.sources, Sources::Paths(_))
    }

    /// Notes what went wrong with the object that was visited last.
    pub(super) fn refuse(&mut self, fault: Fault) {
        match self.builder().continue_on_error {
            true => self.with_objects.push(fault),
            false => self.lost(fault),
        }
    }

    /// Notes what went wrong on the way.
    fn lost(&mut self, fault: Fault) {
        if let Some(list) = &mut self.list {
            // The other items of a list are visited all the same.
            list.push(fault);
        } else if self.builder().continue_on_error {
            self.on_the_way.push(fault);
        } else {
            self.first.get_or_insert(fault);
            self.steps.clear();
            // OBSERVATION: of several files each is read, and the first fault is told.
            self.over = !matches!(self.plan.sources, Sources::Paths(_));
        }
    }

    /// What went wrong, if anything did.
    pub(super) fn finish(mut self) -> Result<(), Fault> {
        if !self.on_the_way.is_empty() {
            self.with_objects.push(Fault::Many(self.on_the_way));
        }
        let fault = match self.with_objects.len() {
            0 => self.first,
            1 => self.with_objects.pop(),
            _ => Some(Fault::Many(self.with_objects)),
        };
        let fault = match self.plan.ignored {
            Some(ignored) => fault.and_then(|fault| fault.without(ignored)),
            None => fault,
        };
        fault.map_or(Ok(()), Err)
    }

    /// Reads the next source; false if there is none.
    fn load(&mut self, session: &Session<'_>) -> bool {
        let at = self.next;
        match &self.plan.sources {
            Sources::Paths(sources) => {
                let Some(source) = sources.get(at) else { return false };
                self.steps.extend(source.read(self.builder().reading(), session));
            }
            Sources::Names(infos) => {
                let Some(info) = infos.get(at) else { return false };
                self.steps.push_back(Step::Info(Box::new(info.clone())));
            }
            Sources::Kinds(kinds) => {
                let Some(served) = kinds.get(at) else { return false };
                match self.list(*served, session) {
                    Ok(steps) => self.steps.extend(steps),
                    Err(fault) => {
                        self.continue_at.clear();
                        self.lost(fault);
                    }
                }
                if !self.continue_at.is_empty() {
                    return true;
                }
            }
        }
        self.next += 1;
        true
    }

    /// A list, or a piece of one.
    fn list(&mut self, served: Served, session: &Session<'_>) -> Result<Vec<Step>, Fault> {
        let builder = self.builder();
        let namespace = if builder.all_namespaces || !served.namespaced { "" } else { session.namespace.as_str() };
        let options = ListOptions {
            label_selector: builder.selector.trim().to_string(),
            field_selector: builder.field_selector.trim().to_string(),
            limit: builder.chunk,
            continue_at: std::mem::take(&mut self.continue_at),
            ..ListOptions::default()
        };
        let target = Resource::kind(served.kind).of_version(&served.api_version()).within(namespace);
        let reply = session.client.read(Verb::List(options.clone()), Target::Resource(target), builder.form);
        let reply = reply.map_err(|refused| enhance_list_error(refused, &options, served))?;
        // The trees follow as each object is visited: all at once they would be many times what the objects are.
        let info = |object| Info { treeless: builder.treeless, ..Info::treeless(served, object) };
        let infos: Vec<Info> = match reply {
            Reply::List(list) => {
                self.continue_at = list.continue_at;
                match builder.kept {
                    Kept::Names => list.items.iter().map(|object| Info::name_only(served, object)).collect(),
                    _ => list.items.into_iter().map(info).collect(),
                }
            }
            Reply::Table(table) => {
                self.continue_at = table.continue_at;
                match builder.kept {
                    Kept::Rows => table.rows.into_iter().map(|row| Info::row(served, row)).collect(),
                    _ => table.rows.into_iter().map(|row| info(row.object)).collect(),
                }
            }
            _ => return Err(ApiError::internal("the server did not answer with a list").into()),
        };
        let infos = infos.into_iter().map(|info| Step::Info(Box::new(info)));
        Ok(std::iter::once(Step::ListBegins).chain(infos).chain([Step::ListEnds]).collect())
    }

    /// An object as the visitor gets it: in its namespace, asked for if it must be; none if it is not visited.
    fn prepared(&mut self, mut info: Info, session: &Session<'_>) -> Option<Info> {
        let builder = self.builder();
        let is_file = matches!(self.plan.sources, Sources::Paths(_));
        info.unfold(session);
        if is_file && builder.latest && !info.name.is_empty() {
            set_namespace(&mut info, session);
            info.subresource = builder.subresource.into();
            if let Err(fault) = info.get(builder.form, session) {
                self.lost(fault);
                return None;
            }
        }
        if !self.passes(&info) {
            return None;
        }
        if let Err(fault) = self.decorate(&mut info, session) {
            self.refuse(fault);
            return None;
        }
        Some(info)
    }

    /// Whether the label selector lets an object of a file through.
    fn passes(&self, info: &Info) -> bool {
        let Some(selector) = &self.plan.filter else { return true };
        let labels = info.tree["metadata"]["labels"].as_object().into_iter().flatten();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        selector.matches(&labels.map(|(key, value)| (key.clone(), text(value))).collect::<BTreeMap<_, _>>())
    }

    /// Mirrors `SetNamespace`, `RequireNamespace`, `FilterNamespace` and `RetrieveLazy`.
    fn decorate(&self, info: &mut Info, session: &Session<'_>) -> Result<(), Fault> {
        let builder = self.builder();
        // Without the server kubectl takes for namespaced what names a namespace.
        let namespaced = if builder.local { !info.namespace.is_empty() } else { info.served.namespaced };
        if namespaced {
            set_namespace(info, session);
        }
        let required = builder.files.is_some() && session.namespace_given && !builder.all_namespaces;
        if required && namespaced && info.namespace != session.namespace {
            let namespace = &info.namespace;
            return Err(Fault::plain(format!(
                "the namespace from the provided object {namespace:?} does not match the namespace {:?}. You must pass \
                 '--namespace={namespace}' to perform this operation.",
                session.namespace
            )));
        }
        if !namespaced {
            info.namespace.clear();
            if let Some(metadata) = info.tree.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.remove("namespace");
            }
        }
        let is_known = !info.tree.is_null() || info.object.is_some() || info.row.is_some();
        if !is_known && !builder.unasked {
            info.get(builder.form, session)?;
        }
        Ok(())
    }
}

fn set_namespace(info: &mut Info, session: &Session<'_>) {
    if !info.served.namespaced || !info.namespace.is_empty() {
        return;
    }
    info.namespace = session.namespace.clone();
    if info.tree.is_object() {
        if !info.tree["metadata"].is_object() {
            info.tree["metadata"] = json!({});
        }
        info.tree["metadata"]["namespace"] = json!(info.namespace);
    }
}

/// Mirrors `EnhanceListError`.
fn enhance_list_error(refused: ApiError, options: &ListOptions, served: Served) -> Fault {
    if !matches!(refused.reason, Reason::BadRequest | Reason::NotFound) {
        return refused.into();
    }
    let (labels, fields) = (&options.label_selector, &options.field_selector);
    let resource = format!("{}/{}, Resource={}", served.group, served.version, served.plural);
    let message = match labels.is_empty() && fields.is_empty() {
        true => format!("Unable to list {resource:?}: {}", refused.message),
        false => format!(
            "Unable to find {resource:?} that match label selector {labels:?}, field selector {fields:?}: {}",
            refused.message
        ),
    };
    ApiError { message, ..refused }.into()
}
