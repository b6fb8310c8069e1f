//! A driver whose abilities are stated by whoever adds it, as words.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::model::{ANY, Expansion, Model, ROX, RWO, RWOP, RWX};

/// The words, with what each states.
pub const WORDS: &[&str] = &[
    "rwo",
    "rox",
    "rwx",
    "rwop",
    "block",
    "attach",
    "expand",
    "expand=offline",
    "clone",
    "snapshot",
    "modify",
    "capacity",
    "topology=zone",
    "topology=node",
];

/// How many models are kept for good: one for each set of words.
const MOST: usize = 8192;

/// The words as they are kept: each once, in order.
///
/// # Errors
/// The first word that there is not.
pub fn parse(words: &[String]) -> Result<Vec<&'static str>, String> {
    if let Some(unknown) = words.iter().find(|word| !WORDS.contains(&word.as_str())) {
        return Err(unknown.clone());
    }
    Ok(WORDS.iter().copied().filter(|known| words.iter().any(|word| word == known)).collect())
}

/// What a driver can do of which these words were said. Without any access mode it knows all.
pub(super) fn model(words: &[String]) -> &'static Model {
    static ALL: OnceLock<Mutex<BTreeMap<String, &'static Model>>> = OnceLock::new();
    static OTHER: Model = ANY;
    let known = parse(words).unwrap_or_default();
    let mut all = ALL.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let key = known.join(",");
    match all.get(&key) {
        Some(model) => model,
        None if all.len() >= MOST => &OTHER,
        None => {
            let model: &'static Model = Box::leak(Box::new(made_of(&known)));
            all.insert(key, model);
            model
        }
    }
}

fn made_of(words: &[&str]) -> Model {
    let says = |word: &str| words.contains(&word);
    let modes: Vec<&'static str> = [("rwo", RWO), ("rox", ROX), ("rwx", RWX), ("rwop", RWOP)]
        .into_iter()
        .filter(|(w, _)| says(w))
        .map(|m| m.1)
        .collect();
    let modes: &'static [&'static str] = if modes.is_empty() { ANY.file_modes } else { modes.leak() };
    Model {
        attach_required: says("attach"),
        storage_capacity: says("capacity"),
        file_modes: modes,
        block_modes: if says("block") { modes } else { &[] },
        expansion: match () {
            () if says("expand=offline") => Expansion::Offline,
            () if says("expand") => Expansion::Online,
            () => Expansion::No,
        },
        clone: says("clone"),
        snapshot: says("snapshot"),
        modify: ANY.modify.filter(|_| says("modify")),
        topology_keys: match () {
            () if says("topology=node") => &["kubernetes.io/hostname"],
            () if says("topology=zone") => &["topology.kubernetes.io/zone"],
            () => &[],
        },
        ..ANY
    }
}

#[cfg(test)]
mod tests {
    use super::{Expansion, model, parse};

    #[test]
    fn words_state_what_a_driver_can_do_and_nothing_else() {
        let words = |text: &str| text.split(',').map(String::from).collect::<Vec<_>>();
        let stated = model(&words("rwx,expand=offline,clone"));
        assert_eq!((stated.file_modes, stated.expansion), (&["ReadWriteMany"][..], Expansion::Offline));
        assert!(stated.clone && !stated.snapshot && !stated.attach_required && stated.block_modes.is_empty());
        assert!(std::ptr::eq(stated, model(&words("clone,rwx,expand=offline,clone"))));
        assert_eq!(parse(&words("rwo,fly")), Err("fly".to_string()));
    }
}
