//! Why a claim is pending, lost, or larger than it asked to be.

use serde_json::{Value, json};

use super::repair::{apply, made_anew, on, patch, quoted, volume_for};
use super::{Candidate, Mend, Rule, Verdict, events_of};
use crate::api::k8s::api::core::v1::{PersistentVolume, PersistentVolumeClaim, Pod};
use crate::api::k8s::api::storage::v1::StorageClass;
use crate::api::object::annotation_of;
use crate::api::{Kind, Object, Time};
use crate::controllers::persistent_volume::PersistentVolumeController;
use crate::controllers::persistent_volume::explain::{Mismatch, mismatches};
use crate::controllers::persistent_volume::helpers::{
    ANN_BIND_COMPLETED, ANN_BOUND_BY_CONTROLLER, ANN_DYNAMICALLY_PROVISIONED, NOT_SUPPORTED_PROVISIONER, claim_key,
    is_delay_binding_mode, requested_storage, volume_capacity,
};
use crate::controllers::provisioner::ProvisionController;
use crate::controllers::{csi, scheduler};
use crate::kinds::core::persistent_volume_claim::{get_persistent_volume_claim_class, requested_class};
use crate::kinds::storage::storage_class::get_default_class;
use crate::store::{Index, View};

const BINDING: Rule = (
    "A claim binds to the smallest volume of its class that offers its access modes, its volumeMode and its size, and \
     carries the labels of its selector; one volume serves one claim.",
    "concepts/storage/persistent-volumes/#binding",
);
const CLASS: Rule = (
    "A claim gets a volume made for it only by a StorageClass whose provisioner runs; without a class it takes what \
     there is.",
    "concepts/storage/dynamic-provisioning/",
);
const DEFAULT_CLASS: Rule = (
    "A claim that names no class gets the default class, if the cluster has one; an empty name means no class at all.",
    "concepts/storage/persistent-volumes/#class-1",
);
const CONSUMER: Rule = (
    "A class with volumeBindingMode WaitForFirstConsumer leaves the choice of the volume until a pod that uses the claim \
     is scheduled.",
    "concepts/storage/storage-classes/#volume-binding-mode",
);
const LOST: Rule = (
    "A claim that was bound and whose volume is gone is Lost, and so is what was on the volume.",
    "concepts/storage/persistent-volumes/#phase",
);
const RESERVED: Rule = (
    "A claim that names its volume gets that one or none, and a volume that names its claim is kept for it.",
    "concepts/storage/persistent-volumes/#reserving-a-persistentvolume",
);

/// Why a claim is as it is.
pub(super) fn explain(view: &View<'_>, object: &Object, claim: &PersistentVolumeClaim, now: Time) -> Verdict {
    let phase = claim.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or("Pending");
    match phase {
        "Bound" => bound(view, object, claim),
        "Lost" => lost(view, object, claim),
        _ => pending(view, object, claim, now),
    }
}

fn volume_name(claim: &PersistentVolumeClaim) -> &str {
    claim.spec.as_ref().and_then(|s| s.volume_name.as_deref()).unwrap_or_default()
}

/// Every volume with what keeps it from the claim.
fn volumes(view: &View<'_>, claim: &PersistentVolumeClaim) -> Vec<(String, Vec<Mismatch>)> {
    let all = view.list_as::<PersistentVolume>();
    all.map(|v| (v.metadata.name.clone().unwrap_or_default(), mismatches(v, claim))).collect()
}

fn candidates(volumes: &[(String, Vec<Mismatch>)]) -> impl Iterator<Item = Candidate> + '_ {
    volumes.iter().map(|(name, why)| Candidate::new("pv", name, why.iter().map(Mismatch::text).collect()))
}

fn classes(view: &View<'_>, claim: &PersistentVolumeClaim) -> Vec<Candidate> {
    let wanted = get_persistent_volume_claim_class(claim);
    let all = view.list_as::<StorageClass>().map(|class| {
        let name = class.metadata.name.as_deref().unwrap_or_default();
        let mut why = Vec::new();
        if name != wanted {
            why.push("is not the class that the claim asks for".to_string());
        }
        if class.provisioner == NOT_SUPPORTED_PROVISIONER {
            why.push("makes no volumes (no-provisioner)".to_string());
        }
        Candidate::new("sc", name, why)
    });
    all.collect()
}

fn bound(view: &View<'_>, object: &Object, claim: &PersistentVolumeClaim) -> Verdict {
    let name = volume_name(claim);
    let Some(volume) = view.get_as::<PersistentVolume>("", name) else {
        return Verdict::of(object, "Bound", format!("Its volume {name:?} is gone; the binder has yet to see it."))
            .rule(LOST);
    };
    let (asked, has) = (requested_storage(claim), volume_capacity(volume));
    let how = match annotation_of(&volume.metadata, ANN_DYNAMICALLY_PROVISIONED) {
        Some(provisioner) => format!("{provisioner} made the volume {name} for it"),
        None if annotation_of(&claim.metadata, ANN_BOUND_BY_CONTROLLER).is_none() => {
            format!("it names the volume {name}")
        }
        None if annotation_of(&volume.metadata, ANN_BOUND_BY_CONTROLLER).is_none() => {
            format!("the volume {name} is reserved for it by its claimRef")
        }
        None => format!("the binder chose the volume {name}"),
    };
    let size = match has > asked {
        true => format!(
            " It asked for {asked} and got {has}, because no smaller volume suits it; the rest is nobody else's: a volume \
             has one claim."
        ),
        false => String::new(),
    };
    let others = volumes(view, claim);
    let verdict = Verdict::well(object, "Bound", format!("It is bound: {how}.{size}")).rule(BINDING);
    verdict.seen(candidates(&others).filter(|c| has > asked || c.suits))
}

fn lost(view: &View<'_>, object: &Object, claim: &PersistentVolumeClaim) -> Verdict {
    let name = volume_name(claim);
    let text = match name {
        "" => "It was bound, and somebody took the name of its volume out of it.".to_string(),
        name => format!("It was bound to {name}, and that volume was deleted. Its data is lost."),
    };
    let anew = made_anew(object, |tree| without(tree, "volumeName"));
    let verdict =
        Verdict::of(object, "Lost", text).rule(LOST).mend(users(view, claim).map(|pod| Mend::line(on(pod, "delete"))));
    verdict.mend([anew]).mend(static_volume(claim))
}

/// A volume for a claim for which nobody makes one.
fn static_volume(claim: &PersistentVolumeClaim) -> Option<Mend> {
    get_persistent_volume_claim_class(claim).is_empty().then(|| apply(&volume_for(claim)))
}

/// The pods that use a claim.
fn users<'a>(view: &View<'a>, claim: &PersistentVolumeClaim) -> impl Iterator<Item = &'a Object> + use<'a> {
    view.indexed(Kind::Pod, Index::PodClaim, &claim_key(claim)).map(|pod| pod.as_ref())
}

fn pending(view: &View<'_>, object: &Object, claim: &PersistentVolumeClaim, now: Time) -> Verdict {
    if annotation_of(&claim.metadata, ANN_BIND_COMPLETED).is_some() {
        return Verdict::well(object, "Pending", "It is being bound just now.").rule(BINDING);
    }
    let asked_for = volume_name(claim);
    if !asked_for.is_empty() {
        return asks_for_a_volume(view, object, claim, asked_for);
    }
    let found = volumes(view, claim);
    if let Some((name, _)) = found.iter().find(|(_, why)| why.is_empty())
        && !is_delay_binding_mode(view, claim)
    {
        let text = format!("The volume {name} suits it, and is bound to it at the binder's next look.");
        return Verdict::well(object, "Pending", text).rule(BINDING).seen(candidates(&found));
    }
    let class_name = get_persistent_volume_claim_class(claim);
    if requested_class(claim).is_none() && class_name.is_empty() {
        return without_a_class(view, object, claim, &found);
    }
    let class = view.get_as::<StorageClass>("", class_name);
    match class {
        None if class_name.is_empty() => {
            let text = "It asks for no class (storageClassName is \"\"), so nobody makes a volume for it, and none that is \
                        there suits it.";
            Verdict::of(object, "Pending", text)
                .rule(BINDING)
                .seen(candidates(&found))
                .mend(suited(view, claim, &found))
        }
        None => {
            let text = format!("There is no StorageClass {class_name:?}, and no volume of that class suits it.");
            let verdict = Verdict::of(object, "Pending", text).rule(CLASS);
            let seen = candidates(&found).chain(classes(view, claim));
            verdict.seen(seen).mend([another_class(view, object, class_name)])
        }
        Some(class) if is_delay_binding_mode(view, claim) => delayed(view, object, claim, class, &found, now),
        Some(class) => provisioned(view, object, claim, class, &found, now),
    }
}

fn asks_for_a_volume(view: &View<'_>, object: &Object, claim: &PersistentVolumeClaim, name: &str) -> Verdict {
    let Some(volume) = view.get_as::<PersistentVolume>("", name) else {
        let text = format!("It asks for the volume {name:?} by name, and there is none of that name.");
        let mut tree = volume_for(claim);
        tree["metadata"]["name"] = json!(name);
        return Verdict::of(object, "Pending", text).rule(RESERVED).mend([apply(&tree)]);
    };
    let why = mismatches(volume, claim);
    let seen = vec![(name.to_string(), why.clone())];
    let texts: Vec<String> = why.iter().map(Mismatch::text).collect();
    let text = format!("It asks for the volume {name:?} by name, which {}.", texts.join(", "));
    let verdict = Verdict::of(object, "Pending", text).rule(RESERVED).seen(candidates(&seen));
    match why.iter().any(|why| matches!(why, Mismatch::Bound(_) | Mismatch::Reserved(_) | Mismatch::Terminating)) {
        true => {
            let anew = made_anew(object, |tree| without(tree, "volumeName"));
            verdict.mend([anew]).mend(static_volume(claim))
        }
        false => verdict.mend(suited(view, claim, &seen)),
    }
}

fn without_a_class(
    view: &View<'_>,
    object: &Object,
    claim: &PersistentVolumeClaim,
    found: &[(String, Vec<Mismatch>)],
) -> Verdict {
    let makes = |class: &&StorageClass| class.provisioner != NOT_SUPPORTED_PROVISIONER;
    let text = "It names no class, the cluster has no default class, and no volume without a class suits it.";
    let verdict = Verdict::of(object, "Pending", text).rule(DEFAULT_CLASS).seen(candidates(found));
    let verdict = verdict.seen(classes(view, claim));
    if get_default_class(view.list_as::<StorageClass>()).is_some() {
        let text = "It names no class; the default class is given to it at the binder's next look.";
        return Verdict::well(object, "Pending", text).rule(DEFAULT_CLASS);
    }
    match view.list_as::<StorageClass>().find(makes) {
        Some(class) => {
            let name = class.metadata.name.as_deref().unwrap_or_default();
            let change = json!({"metadata": {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}});
            let line = format!("kubectl patch storageclass {name} -p {}", quoted(&change.to_string()));
            verdict.mend([Mend::line(line)])
        }
        None => verdict.mend(suited(view, claim, found)),
    }
}

/// Makes the claim anew with the class whose name is most like the one that it asks for.
fn another_class(view: &View<'_>, object: &Object, wanted: &str) -> Mend {
    let default = get_default_class(view.list_as::<StorageClass>()).and_then(|c| c.metadata.name.clone());
    let names = view.list_as::<StorageClass>().filter_map(|c| c.metadata.name.clone());
    let like =
        names.filter(|name| distance(name, wanted) <= wanted.len().div_ceil(3)).min_by_key(|n| distance(n, wanted));
    let class = like.or(default).or_else(|| view.list_as::<StorageClass>().find_map(|c| c.metadata.name.clone()));
    made_anew(object, |tree| tree["spec"]["storageClassName"] = json!(class.unwrap_or_default()))
}

/// How many letters must change to make one word of the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut last = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let next = (last + usize::from(x != *y)).min(row[j] + 1).min(row[j + 1] + 1);
            last = row[j + 1];
            row[j + 1] = next;
        }
    }
    row.last().copied().unwrap_or(0)
}

fn delayed(
    view: &View<'_>,
    object: &Object,
    claim: &PersistentVolumeClaim,
    class: &StorageClass,
    found: &[(String, Vec<Mismatch>)],
    now: Time,
) -> Verdict {
    let name = class.metadata.name.as_deref().unwrap_or_default();
    let waiting = users(view, claim).find(|pod| scheduler::explain::is_waiting(pod));
    let static_only = class.provisioner == NOT_SUPPORTED_PROVISIONER;
    let Some(pod) = waiting else {
        if users(view, claim).next().is_some() {
            return provisioned(view, object, claim, class, found, now);
        }
        let text = format!(
            "Nothing is wrong: its class {name:?} waits for the first pod that uses the claim, and there is none yet."
        );
        let claim_name = object.name();
        let spec = json!({"spec": {"containers": [{"name": "user", "image": "busybox", "command": ["sleep", "3600"],
            "volumeMounts": [{"name": "data", "mountPath": "/data"}]}],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": claim_name}}]}});
        let run = format!(
            "kubectl run{} {claim_name}-user --image=busybox --overrides={}",
            super::repair::in_namespace(object),
            quoted(&spec.to_string())
        );
        let seen = candidates(found).filter(|_| static_only);
        return Verdict::well(object, "Pending", text).rule(CONSUMER).seen(seen).mend([Mend::line(run)]);
    };
    let events = events_of(&ProvisionController, view, object, now);
    if let Some((_, _, why)) = events.iter().find(|(warning, reason, _)| *warning && reason == "ProvisioningFailed") {
        return refused(object, claim, class, why);
    }
    if super::pod::is_being_placed(pod) {
        return provisioned(view, object, claim, class, found, now);
    }
    let text = format!("It waits for the pod {} to be scheduled.", pod.name());
    let Some(inner) = pod.get::<Pod>() else { return Verdict::of(object, "Pending", text) };
    let cause = super::pod::unscheduled(view, pod, inner, now);
    let mut verdict = Verdict::of(object, "Pending", text).rule(CONSUMER);
    if static_only {
        verdict = verdict.seen(candidates(found));
    }
    verdict.because(cause)
}

fn provisioned(
    view: &View<'_>,
    object: &Object,
    claim: &PersistentVolumeClaim,
    class: &StorageClass,
    found: &[(String, Vec<Mismatch>)],
    now: Time,
) -> Verdict {
    let name = class.metadata.name.as_deref().unwrap_or_default();
    if class.provisioner == NOT_SUPPORTED_PROVISIONER {
        let text = format!("Its class {name:?} makes no volumes (no-provisioner), and none that is there suits it.");
        let verdict = Verdict::of(object, "Pending", text).rule(BINDING).seen(candidates(found));
        return verdict.mend(suited(view, claim, found));
    }
    let events = events_of(&ProvisionController, view, object, now);
    if let Some((_, _, why)) = events.iter().find(|(warning, reason, _)| *warning && reason == "ProvisioningFailed") {
        return refused(object, claim, class, why);
    }
    if events.iter().any(|(_, reason, _)| reason == "Provisioning") {
        let text = format!("{} is making a volume for it.", class.provisioner);
        return Verdict::well(object, "Pending", text).rule(CLASS);
    }
    let events = events_of(&PersistentVolumeController, view, object, now);
    if let Some((_, _, why)) = events.iter().find(|(warning, reason, _)| *warning && reason == "ProvisioningFailed") {
        return refused(object, claim, class, why);
    }
    let text = format!(
        "Its class {name:?} is served by {:?}, and no provisioner of that name runs here; nobody makes a volume for it.",
        class.provisioner
    );
    let verdict = Verdict::of(object, "Pending", text).rule(CLASS).seen(candidates(found)).seen(classes(view, claim));
    match csi::MODELS.iter().any(|model| model.name == class.provisioner) {
        true => verdict.mend([Mend::line(format!("kstate csi add {}", class.provisioner))]),
        false => verdict.mend([apply(&volume_for(claim))]),
    }
}

/// The provisioner said no.
fn refused(object: &Object, claim: &PersistentVolumeClaim, class: &StorageClass, why: &str) -> Verdict {
    let name = class.metadata.name.as_deref().unwrap_or_default();
    let reasons = vec![why.to_string()];
    let text = format!("The provisioner {} refuses to make a volume for it.", class.provisioner);
    let verdict = Verdict::of(object, "Pending", text).rule(CLASS).seen([Candidate::new("sc", name, reasons)]);
    let spec = claim.spec.as_ref();
    let fix = match () {
        () if spec.is_some_and(|s| s.selector.is_some()) => made_anew(object, |tree| without(tree, "selector")),
        () if spec.and_then(|s| s.volume_mode.as_deref()) == Some("Block") => {
            made_anew(object, |tree| without(tree, "volumeMode"))
        }
        () if spec.is_some_and(|s| s.data_source.is_some() || s.data_source_ref.is_some()) => {
            made_anew(object, |tree| {
                without(tree, "dataSource");
                without(tree, "dataSourceRef");
            })
        }
        () if spec.and_then(|s| s.access_modes.as_ref()).is_some_and(|m| m.iter().any(|m| m != "ReadWriteOnce")) => {
            made_anew(object, |tree| tree["spec"]["accessModes"] = json!(["ReadWriteOnce"]))
        }
        () => return verdict,
    };
    verdict.mend([fix])
}

fn without(tree: &mut Value, field: &str) {
    if let Some(spec) = tree["spec"].as_object_mut() {
        spec.remove(field);
    }
}

/// Makes the volume suit that is nearest to it: one step from it if there is such a one, else a new one.
fn suited(view: &View<'_>, claim: &PersistentVolumeClaim, found: &[(String, Vec<Mismatch>)]) -> Vec<Mend> {
    let one_step = found.iter().find_map(|(name, why)| match why.as_slice() {
        [one] => step(view, claim, name, one),
        _ => None,
    });
    vec![one_step.unwrap_or_else(|| apply(&volume_for(claim)))]
}

fn step(view: &View<'_>, claim: &PersistentVolumeClaim, name: &str, why: &Mismatch) -> Option<Mend> {
    let object = view.get(&crate::api::ObjectKey::cluster(Kind::PersistentVolume, name))?;
    let spec = claim.spec.as_ref()?;
    match why {
        Mismatch::Released(_) => {
            let change = r#"[{"op":"remove","path":"/spec/claimRef"}]"#;
            Some(Mend::line(format!("kubectl patch pv {name} --type=json -p '{change}'")))
        }
        Mismatch::Class(_) => {
            Some(patch(object, &json!({"spec": {"storageClassName": get_persistent_volume_claim_class(claim)}})))
        }
        Mismatch::AccessModes(offered) => {
            let wanted = spec.access_modes.iter().flatten().filter(|mode| !offered.contains(mode));
            let modes: Vec<&String> = offered.iter().chain(wanted).collect();
            Some(patch(object, &json!({"spec": {"accessModes": modes}})))
        }
        Mismatch::Selector => {
            let labels = spec.selector.as_ref()?.match_labels.as_ref().filter(|_| {
                spec.selector.as_ref().is_none_or(|s| s.match_expressions.as_ref().is_none_or(Vec::is_empty))
            })?;
            let words: Vec<String> = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
            Some(Mend::line(format!("kubectl label --overwrite pv {name} {}", words.join(" "))))
        }
        _ => None,
    }
}
