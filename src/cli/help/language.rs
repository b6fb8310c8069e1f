//! Help in the language of the user's surroundings, as far as kubectl has it.
//!
//! Mirrors `k8s.io/kubectl/pkg/util/i18n`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::table::{Entry, read_entries};
use crate::host::Host;

/// What kubectl says in another language.
pub(in crate::cli) struct Language {
    /// Commands, with the texts that differ from English.
    entries: BTreeMap<&'static str, Entry>,
    /// Titles and what flags are for, by the English.
    words: BTreeMap<&'static str, &'static str>,
}

/// What everything is written in.
pub(in crate::cli) static ENGLISH: Language = Language { entries: BTreeMap::new(), words: BTreeMap::new() };

/// The languages and their words.
const KNOWN: [(&str, &str); 8] = [
    ("de_DE", include_str!("words/de_DE.txt")),
    ("fr_FR", include_str!("words/fr_FR.txt")),
    ("it_IT", include_str!("words/it_IT.txt")),
    ("ja_JP", include_str!("words/ja_JP.txt")),
    ("ko_KR", include_str!("words/ko_KR.txt")),
    ("pt_BR", include_str!("words/pt_BR.txt")),
    ("zh_CN", include_str!("words/zh_CN.txt")),
    ("zh_TW", include_str!("words/zh_TW.txt")),
];

impl Language {
    /// That of whoever types, `de_DE.UTF-8`; English where kubectl has none. Mirrors `loadSystemLanguage`.
    pub(in crate::cli) fn of(host: &Host) -> &'static Language {
        static READ: [OnceLock<Language>; KNOWN.len()] = [const { OnceLock::new() }; KNOWN.len()];
        let set = |name: &&str| host.variable_text(name).filter(|value| !value.is_empty());
        let Some(said) = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(set) else { return &ENGLISH };
        // OBSERVATION: without a point, or with two, it is no language that is known.
        let Some((name, rest)) = said.split_once('.') else { return &ENGLISH };
        match KNOWN.iter().position(|(known, _)| *known == name).filter(|_| !rest.contains('.')) {
            Some(at) => READ[at].get_or_init(|| Language::read(KNOWN[at].1)),
            None => &ENGLISH,
        }
    }

    fn read(text: &'static str) -> Language {
        let words = text.lines().filter_map(|line| line.strip_prefix("@word ")?.split_once('\t')).collect();
        Language { entries: read_entries(text), words }
    }

    /// A title, or what a flag is for.
    pub(in crate::cli) fn word(&self, english: &'static str) -> &'static str {
        self.words.get(english).copied().unwrap_or(english)
    }

    /// A command's line in a list, what it does, and how it is used.
    pub(in crate::cli) fn entry(&self, path: &str, english: &Entry) -> [&'static str; 3] {
        let texts = [english.short, english.long, english.examples];
        let Some(own) = self.entries.get(path) else { return texts };
        let own = [own.short, own.long, own.examples];
        std::array::from_fn(|at| if own[at].is_empty() { texts[at] } else { own[at] })
    }
}
