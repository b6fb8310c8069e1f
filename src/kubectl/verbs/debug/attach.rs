//! Waiting for the debugging container, and attaching to it.

use crate::api::k8s::api::core::v1::Pod;
use crate::api::request::ListOptions;
use crate::api::{Duration, Kind, Object, ObjectKey};
use crate::error::{ApiError, Failure};
use crate::kubectl::client::Waited;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::containers::exec::TerminalArgs;
use crate::kubectl::verbs::containers::{attach, logs};
use std::sync::Arc;

use super::{Options, status};

impl Options {
    /// Attaches to the container once it runs; of one that has ended already the log is printed.
    pub(super) fn handle_attach_pod(
        &self,
        pod: &ObjectKey,
        container: &str,
        session: &mut Session<'_>,
    ) -> Result<(), Failure> {
        let args = &self.args;
        let object = self.wait_for_container(pod, container, session)?;
        let Some(found) = object.get::<Pod>() else { return Ok(()) };
        let timeout = Duration::secs(60);
        let terminal =
            TerminalArgs { pod_running_timeout: timeout, quiet: args.quiet, stdin: args.stdin, tty: args.tty };
        let ended = status(found, container).and_then(|s| s.state.as_ref()).is_some_and(|s| s.terminated.is_some());
        if ended {
            return logs::of_pod(session, found, container, &terminal);
        }
        let Err(refused) = attach::attach(session, found, container, &terminal) else { return Ok(()) };
        let why = refused.message.strip_prefix("error: ").unwrap_or(&refused.message);
        let name = &pod.name;
        session.ui.err(&format!("warning: couldn't attach to pod/{name}, falling back to streaming logs: {why}\n"));
        logs::of_pod(session, found, container, &terminal)
    }

    /// Waits until a container runs or has ended, and says what it waits for.
    fn wait_for_container(
        &self,
        pod: &ObjectKey,
        container: &str,
        session: &mut Session<'_>,
    ) -> Result<Arc<Object>, Failure> {
        let options = ListOptions { field_selector: format!("metadata.name={}", pod.name), ..ListOptions::default() };
        let mut watch = session.client.watch(Kind::Pod, &pod.namespace, options)?;
        let (ui, quiet) = (session.ui, self.args.quiet);
        let mut begun = false;
        let waited = session.client.wait(None, |client| {
            let is_news = !client.events(&mut watch)?.is_empty() || !std::mem::replace(&mut begun, true);
            let Some(object) = watch.known().next() else { return Err(ApiError::not_found("pods", "")) };
            let state = object.get::<Pod>().and_then(|pod| status(pod, container)).and_then(|s| s.state.as_ref());
            let Some(state) = state else { return Ok(None) };
            if state.running.is_some() || state.terminated.is_some() {
                return Ok(Some(Arc::clone(object)));
            }
            let message = state.waiting.as_ref().and_then(|w| w.message.as_deref()).unwrap_or_default();
            if is_news && !quiet && !message.is_empty() {
                ui.err(&format!("Warning: container {container}: {message}\n"));
            }
            Ok(None)
        })?;
        match waited {
            Waited::Done(object) => Ok(object),
            Waited::Over | Waited::Never => Err(Failure::error("timed out waiting for the condition")),
        }
    }
}
