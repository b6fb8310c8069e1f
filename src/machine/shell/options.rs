//! The options of `set`.

use serde::{Deserialize, Serialize};

use super::Flavor;

/// The options that are on.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Options {
    pub allexport: bool,
    pub braces: bool,
    pub noclobber: bool,
    pub errexit: bool,
    pub noglob: bool,
    pub hashall: bool,
    pub ignoreeof: bool,
    pub interactive: bool,
    pub monitor: bool,
    pub noexec: bool,
    pub notify: bool,
    pub nounset: bool,
    pub pipefail: bool,
    pub stdin: bool,
    pub verbose: bool,
    pub xtrace: bool,
    pub posix: bool,
    pub nolog: bool,
    pub errtrace: bool,
    pub functrace: bool,
    pub histexpand: bool,
    pub history: bool,
    pub privileged: bool,
    pub onecmd: bool,
    pub keyword: bool,
    pub physical: bool,
    pub emacs: bool,
    pub vi: bool,
    /// `-c` was given.
    pub command: bool,
}

/// An option: its letter (or a space), its name and where it is.
type Entry = (char, &'static str, fn(&mut Options) -> &mut bool);

const BASH: [Entry; 27] = [
    ('a', "allexport", |o| &mut o.allexport),
    ('B', "braceexpand", |o| &mut o.braces),
    (' ', "emacs", |o| &mut o.emacs),
    ('e', "errexit", |o| &mut o.errexit),
    ('E', "errtrace", |o| &mut o.errtrace),
    ('T', "functrace", |o| &mut o.functrace),
    ('h', "hashall", |o| &mut o.hashall),
    ('H', "histexpand", |o| &mut o.histexpand),
    (' ', "history", |o| &mut o.history),
    (' ', "ignoreeof", |o| &mut o.ignoreeof),
    (' ', "interactive-comments", |o| &mut o.braces),
    ('k', "keyword", |o| &mut o.keyword),
    ('m', "monitor", |o| &mut o.monitor),
    ('C', "noclobber", |o| &mut o.noclobber),
    ('n', "noexec", |o| &mut o.noexec),
    ('f', "noglob", |o| &mut o.noglob),
    (' ', "nolog", |o| &mut o.nolog),
    ('b', "notify", |o| &mut o.notify),
    ('u', "nounset", |o| &mut o.nounset),
    ('t', "onecmd", |o| &mut o.onecmd),
    ('P', "physical", |o| &mut o.physical),
    (' ', "pipefail", |o| &mut o.pipefail),
    (' ', "posix", |o| &mut o.posix),
    ('p', "privileged", |o| &mut o.privileged),
    ('v', "verbose", |o| &mut o.verbose),
    (' ', "vi", |o| &mut o.vi),
    ('x', "xtrace", |o| &mut o.xtrace),
];

const DASH: [Entry; 17] = [
    ('e', "errexit", |o| &mut o.errexit),
    ('f', "noglob", |o| &mut o.noglob),
    ('I', "ignoreeof", |o| &mut o.ignoreeof),
    ('i', "interactive", |o| &mut o.interactive),
    ('m', "monitor", |o| &mut o.monitor),
    ('n', "noexec", |o| &mut o.noexec),
    ('s', "stdin", |o| &mut o.stdin),
    ('x', "xtrace", |o| &mut o.xtrace),
    ('v', "verbose", |o| &mut o.verbose),
    ('V', "vi", |o| &mut o.vi),
    ('E', "emacs", |o| &mut o.emacs),
    ('C', "noclobber", |o| &mut o.noclobber),
    ('a', "allexport", |o| &mut o.allexport),
    ('b', "notify", |o| &mut o.notify),
    ('u', "nounset", |o| &mut o.nounset),
    (' ', "nolog", |o| &mut o.nolog),
    (' ', "debug", |o| &mut o.functrace),
];

const ASH: [Entry; 16] = [
    ('e', "errexit", |o| &mut o.errexit),
    ('f', "noglob", |o| &mut o.noglob),
    ('I', "ignoreeof", |o| &mut o.ignoreeof),
    ('i', "interactive", |o| &mut o.interactive),
    ('m', "monitor", |o| &mut o.monitor),
    ('n', "noexec", |o| &mut o.noexec),
    ('s', "stdin", |o| &mut o.stdin),
    ('c', "", |o| &mut o.command),
    ('x', "xtrace", |o| &mut o.xtrace),
    ('v', "verbose", |o| &mut o.verbose),
    ('C', "noclobber", |o| &mut o.noclobber),
    ('a', "allexport", |o| &mut o.allexport),
    ('b', "notify", |o| &mut o.notify),
    ('u', "nounset", |o| &mut o.nounset),
    (' ', "vi", |o| &mut o.vi),
    (' ', "pipefail", |o| &mut o.pipefail),
];

fn table(flavor: Flavor) -> &'static [Entry] {
    match flavor {
        Flavor::Bash => &BASH,
        Flavor::Dash => &DASH,
        Flavor::Ash => &ASH,
    }
}

impl Options {
    pub fn by_letter(&mut self, flavor: Flavor, letter: char) -> Option<&mut bool> {
        let entry = table(flavor).iter().find(|e| e.0 == letter && letter != ' ')?;
        Some(entry.2(self))
    }

    pub fn by_name(&mut self, flavor: Flavor, name: &str) -> Option<&mut bool> {
        let entry = table(flavor).iter().find(|e| e.1 == name && !name.is_empty())?;
        Some(entry.2(self))
    }

    /// All options with their state, as `set -o` lists them.
    pub fn list(&self, flavor: Flavor) -> Vec<(&'static str, bool)> {
        let mut copy = self.clone();
        table(flavor).iter().filter(|e| !e.1.is_empty()).map(|e| (e.1, *e.2(&mut copy))).collect()
    }

    /// `$-`
    pub fn letters(&self, flavor: Flavor) -> String {
        let mut copy = self.clone();
        if flavor != Flavor::Bash {
            let all = table(flavor).iter().filter(|e| e.0 != ' ').filter(|e| *e.2(&mut copy)).map(|e| e.0).collect();
            return all;
        }
        let order = "abefhikmnptuvxBCEHPT";
        let mut text: String = order
            .chars()
            .filter(|c| if *c == 'i' { self.interactive } else { copy.by_letter(flavor, *c).is_some_and(|b| *b) })
            .collect();
        if self.command {
            text.push('c');
        } else if self.stdin {
            text.push('s');
        }
        text
    }
}
