//! How a provisioner that runs in a pod makes a volume, and deletes one.
//!
//! Mirrors `provisionClaimOperation`, `StoreVolume` and `deleteVolumeOperation` of sig-storage-lib-external-provisioner, as
//! far as they ask the program or the API server.

use super::options::Options;
use super::pods::Served;
use super::{Attempts, local_path, nfs, note};
use crate::api::k8s::api::core::v1::PersistentVolume;
use crate::api::{Object, Time};
use crate::controllers::{About, Action, Deletion, EventDraft, Outcome, Write};
use crate::store::{View, Which};

/// What a claim is called in events and logs, the class, and where a volume on a node will be.
fn names(served: &Served, options: &Options<'_>) -> (String, String, Option<String>) {
    let claim = format!("{}/{}", options.namespace(), options.claim_name());
    let class = options.class.metadata.name.clone().unwrap_or_default();
    let place = (served.which() == Which::LocalPath).then(|| {
        let node = options.node.and_then(|n| n.metadata.name.as_deref()).unwrap_or_default();
        format!("{node}:{}", local_path::place(options, served.setting("config")).unwrap_or_default())
    });
    (claim, class, place)
}

/// What it says when it begins with a claim.
pub(super) fn begins(served: &Served, options: &Options<'_>) -> Vec<Action> {
    let (claim, class, place) = names(served, options);
    served.begins(&claim, &class, options.volume_name, place.as_deref())
}

/// What is said of a claim in the end: that it is done, or how the reason begins why not; and what is remembered then.
pub(super) struct Ending {
    pub(super) done: EventDraft,
    pub(super) failed: EventDraft,
    pub(super) note: (String, String),
}

/// Makes what is behind a volume, and the volume.
pub(super) fn provision(
    served: &Served,
    options: &Options<'_>,
    volume: PersistentVolume,
    ending: Ending,
    outcome: &mut Outcome,
) {
    let (claim, class, place) = names(served, options);
    let Ending { done, mut failed, note: (note, remembered) } = ending;
    if let Some(why) = served.forbidden(options.view, "create", "persistentvolumes", ("", "")) {
        outcome.actions.extend(served.could_not_store(options.volume_name, &why));
        failed.message = format!("Error creating provisioned PV object for claim {claim}: {why}. Deleting the volume.");
        outcome.event(failed);
        outcome.note(note, remembered);
        return;
    }
    let said = served.made(&claim, &class, options.volume_name, place.as_deref());
    let rejected = served.rejected(options.view, options.namespace());
    let voice = served.clone();
    let then = move |made: Result<PersistentVolume, String>| match made {
        Ok(volume) => {
            let mut actions = said;
            actions.push(Write::create(volume).action());
            actions.push(Action::Note { name: note, value: String::new() });
            actions.push(Action::Event(done));
            actions
        }
        Err(why) => {
            failed.message.push_str(&why);
            vec![Action::Event(failed), Action::Note { name: note, value: remembered }]
        }
    };
    match served.which() {
        Which::LocalPath => outcome.actions.extend(then(Ok(volume))),
        _ => {
            let then = move |made| voice.voiced(rejected.as_deref(), then(made));
            nfs::work(served, options, volume, then, outcome);
        }
    }
}

/// Deletes what is behind a volume, and the volume.
pub(super) fn delete(
    view: &View<'_>,
    served: &Served,
    object: &Object,
    volume: &PersistentVolume,
    now: Time,
    outcome: &mut Outcome,
) {
    let mut attempts = Attempts::of(view, object);
    attempts.fail(now);
    let name = object.name().to_string();
    if let Some(why) = served.forbidden(view, "delete", "persistentvolumes", ("", &name)) {
        outcome.push(served.complains(&name, &format!("failed to delete persistentvolume: {why}")));
        attempts.save(object, outcome);
        attempts.come_back(false, now, outcome);
        return;
    }
    if served.which() == Which::LocalPath {
        outcome.write(Write::Delete(Deletion::of(object)));
        return;
    }
    let (note_name, remembered) = (note(&object.key()), attempts.note(object).1);
    let failed = EventDraft::warning(About::object(object), served.component(), "VolumeFailedDelete", "");
    let (voice, deletion, of) = (served.clone(), Deletion::of(object), name.clone());
    let rejected = served.rejected(view, "");
    let then = move |answer: Result<(), String>| {
        let mut actions = voice.deletes(&of, &answer);
        match answer {
            Ok(()) => {
                actions.push(Action::Note { name: note_name, value: String::new() });
                actions.push(Write::Delete(deletion).action());
            }
            Err(why) => {
                actions.push(Action::Event(EventDraft { message: why, ..failed }));
                actions.push(Action::Note { name: note_name, value: remembered });
            }
        }
        voice.voiced(rejected.as_deref(), actions)
    };
    if let Err(ignored) = nfs::dispose(served, view, volume, then, outcome) {
        outcome.push(served.complains(&name, &ignored));
        return;
    }
    attempts.come_back(false, now, outcome);
}
