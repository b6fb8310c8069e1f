//! What the provisioners that run as pods say in their logs.
//!
//! Mirrors `controller.go` and `volume_store.go` of sig-storage-lib-external-provisioner, in the version that each is built
//! with; `provisioner.go` of rancher/local-path-provisioner.

use super::pods::Served;
use crate::api::scalar::quote;
use crate::controllers::{Action, EventDraft};
use crate::store::{View, Which, klog, lines, logrus};

impl Served {
    /// Writes a line of its log.
    fn line(&self, severity: char, place: &'static str, text: String) -> Action {
        let (uid, container) = self.place();
        Action::Machine(Box::new(move |store, now| {
            store.as_container(&uid, &container, now, |sys| sys.err(klog(now, severity, place, &text)));
            Vec::new()
        }))
    }

    /// Writes a line of local-path-provisioner's own.
    fn plain_line(&self, text: String) -> Action {
        let (uid, container) = self.place();
        Action::Machine(Box::new(move |store, now| {
            store.as_container(&uid, &container, now, |sys| sys.err(logrus(now, "info", &text)));
            Vec::new()
        }))
    }

    /// What it says when it begins with a claim.
    pub(super) fn begins(&self, claim: &str, class: &str, volume: &str, path: Option<&str>) -> Vec<Action> {
        let lines = lines(self.which());
        match (self.which(), path) {
            (Which::LocalPath, path) => vec![
                self.plain_line(format!("Creating volume {volume} at {}", path.unwrap_or_default())),
                self.plain_line(format!(
                    "create the helper pod helper-pod-create-{volume} into {}",
                    self.setting("namespace")
                )),
            ],
            _ => vec![self.line(
                'I',
                lines.provision[0],
                format!("provision {} class {}: started", quote(claim), quote(class)),
            )],
        }
    }

    /// What it says when a volume is made and stored.
    pub(super) fn made(&self, claim: &str, class: &str, volume: &str, path: Option<&str>) -> Vec<Action> {
        let lines = lines(self.which());
        let operation = format!("provision {} class {}", quote(claim), quote(class));
        let name = quote(volume);
        let say = |place, text: String| self.line('I', place, text);
        match self.which() {
            Which::LocalPath => {
                vec![self.plain_line(format!("Volume {volume} has been created on {}", path.unwrap_or_default()))]
            }
            Which::NfsClient | Which::NfsClientLocked => vec![
                say(lines.provision[2], format!("{operation}: volume {name} provisioned")),
                say(lines.store[0], format!("{operation}: trying to save persistentvolume {name}")),
                say(lines.store[1], format!("{operation}: persistentvolume {name} saved")),
                say(lines.provision[3], format!("{operation}: succeeded")),
            ],
            Which::NfsSubdir | Which::NfsServer => vec![
                say(lines.provision[2], format!("{operation}: volume {name} provisioned")),
                say(lines.provision[3], format!("{operation}: succeeded")),
                say(lines.store[0], format!("Trying to save persistentvolume {name}")),
                say(lines.store[1], format!("persistentvolume {name} saved")),
            ],
        }
    }

    /// What it says when it could not store a volume.
    pub(super) fn could_not_store(&self, volume: &str, why: &str) -> Vec<Action> {
        let lines = lines(self.which());
        vec![
            self.line('I', lines.store[0], format!("Trying to save persistentvolume {}", quote(volume))),
            self.line('I', lines.store[2], format!("Failed to save persistentvolume {}: {why}", quote(volume))),
        ]
    }

    /// What it says when it deletes a volume: whether that was done, or why not.
    pub(super) fn deletes(&self, volume: &str, answer: &Result<(), String>) -> Vec<Action> {
        if self.which() == Which::LocalPath {
            return Vec::new();
        }
        let lines = lines(self.which());
        let operation = format!("delete {}", quote(volume));
        let mut all = vec![self.line('I', lines.delete[0], format!("{operation}: started"))];
        match answer {
            Err(why) => {
                all.push(self.line('E', lines.delete[1], format!("{operation}: volume deletion failed: {why}")))
            }
            Ok(()) => {
                for (place, what) in [(2, "volume deleted"), (3, "persistentvolume deleted"), (4, "succeeded")] {
                    let place = lines.delete.get(place).copied().unwrap_or_default();
                    all.push(self.line('I', place, format!("{operation}: {what}")));
                }
            }
        }
        all
    }

    /// What it says of something that is wrong with a volume that it deletes.
    pub(super) fn complains(&self, volume: &str, text: &str) -> Action {
        self.line('I', lines(self.which()).delete[3], format!("delete {}: {text}", quote(volume)))
    }

    /// What the server says of an event of its in a namespace, where it may not create one.
    pub(super) fn rejected(&self, view: &View<'_>, namespace: &str) -> Option<String> {
        let namespace = if namespace.is_empty() { "default" } else { namespace };
        self.forbidden(view, "create", "events", (namespace, ""))
    }

    /// The same actions with events as it tells them: they are in its log, and with the server unless that rejects them.
    pub(super) fn voiced(&self, rejected: Option<&str>, actions: Vec<Action>) -> Vec<Action> {
        let mut all = Vec::new();
        for action in actions {
            let Action::Event(event) = action else {
                all.push(action);
                continue;
            };
            all.push(self.line('I', lines(self.which()).event, self.event_text(&event)));
            match rejected {
                None => all.push(Action::Event(event)),
                Some(why) => {
                    let text = format!("Server rejected event '&v1.Event{{...}}': '{why}' (will not retry!)");
                    all.push(self.line('E', "event.go:260", text));
                }
            }
        }
        all
    }

    fn event_text(&self, event: &EventDraft) -> String {
        let key = &event.about.key;
        let kind = if event.warning { "Warning" } else { "Normal" };
        if self.which() == Which::LocalPath {
            let object =
                if key.namespace.is_empty() { key.name.to_string() } else { format!("{}/{}", key.namespace, key.name) };
            return format!(
                "\"Event occurred\" object={} fieldPath=\"\" kind=\"{}\" apiVersion=\"v1\" type=\"{kind}\" reason=\"{}\" message={}",
                quote(&object),
                key.kind.name(),
                event.reason,
                quote(&event.message)
            );
        }
        format!(
            "Event(v1.ObjectReference{{Kind:\"{}\", Namespace:\"{}\", Name:\"{}\", UID:\"{}\", APIVersion:\"v1\", \
             ResourceVersion:\"{}\", FieldPath:\"\"}}): type: '{kind}' reason: '{}' {}",
            key.kind.name(),
            key.namespace,
            key.name,
            event.about.uid,
            event.about.resource_version,
            event.reason,
            event.message
        )
    }
}
