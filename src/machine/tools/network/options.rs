//! Command lines in the way of `getopt_long`.

/// An option: its letter, its long name, and whether a value follows.
pub(super) struct Option_ {
    /// The letter; `\0` for none.
    pub letter: char,
    /// The long name; empty for none.
    pub long: &'static str,
    /// Whether a value follows.
    pub takes: bool,
}

/// An option without a value.
pub(super) const fn flag(letter: char, long: &'static str) -> Option_ {
    Option_ { letter, long, takes: false }
}

/// An option with a value.
pub(super) const fn value(letter: char, long: &'static str) -> Option_ {
    Option_ { letter, long, takes: true }
}

/// What is wrong with a command line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// No such letter.
    Letter(char),
    /// No such long name.
    Long(String),
    /// A value is missing after that option, as written.
    Missing(String),
}

impl Wrong {
    /// As `getopt_long` says it, of glibc or of busybox, which are the same.
    pub(super) fn text(&self, name: &str) -> String {
        match self {
            Wrong::Letter(letter) => format!("{name}: invalid option -- '{letter}'\n"),
            Wrong::Long(long) => format!("{name}: unrecognized option '--{long}'\n"),
            Wrong::Missing(option) => match option.strip_prefix("--") {
                Some(long) => format!("{name}: option '--{long}' requires an argument\n"),
                None => format!("{name}: option requires an argument -- '{}'\n", option.trim_start_matches('-')),
            },
        }
    }
}

/// A command line, read: options in order by long name (or letter where there is none), and the other words.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub options: Vec<(String, String)>,
    pub words: Vec<String>,
}

impl Read {
    /// Whether an option is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.options.iter().any(|(n, _)| n == name)
    }

    /// The last value of an option.
    pub(super) fn last(&self, name: &str) -> Option<&str> {
        self.options.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// All values of an option.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.options.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// Reads a command line.
///
/// # Errors
/// The first thing that is wrong with it.
pub(super) fn read(args: &[String], known: &[Option_]) -> Result<Read, Wrong> {
    let mut read = Read::default();
    let mut words = args.iter().skip(1);
    let name_of = |o: &Option_| if o.long.is_empty() { o.letter.to_string() } else { o.long.to_string() };
    while let Some(word) = words.next() {
        if word == "--" {
            read.words.extend(words.by_ref().cloned());
            break;
        }
        if let Some(long) = word.strip_prefix("--") {
            let (long, given) = long.split_once('=').map_or((long, None), |(l, v)| (l, Some(v.to_string())));
            let exact = known.iter().find(|o| o.long == long);
            let mut begins = known.iter().filter(|o| !o.long.is_empty() && o.long.starts_with(long));
            let option = exact.or_else(|| begins.next().filter(|_| begins.next().is_none()));
            let Some(option) = option else { return Err(Wrong::Long(long.to_string())) };
            let value = match (option.takes, given) {
                (true, Some(value)) => value,
                (true, None) => words.next().cloned().ok_or_else(|| Wrong::Missing(format!("--{}", option.long)))?,
                (false, _) => String::new(),
            };
            read.options.push((name_of(option), value));
            continue;
        }
        let Some(letters) = word.strip_prefix('-').filter(|l| !l.is_empty()) else {
            read.words.push(word.clone());
            continue;
        };
        for (at, letter) in letters.char_indices() {
            let Some(option) = known.iter().find(|o| o.letter == letter) else { return Err(Wrong::Letter(letter)) };
            if !option.takes {
                read.options.push((name_of(option), String::new()));
                continue;
            }
            let rest = &letters[at + letter.len_utf8()..];
            let value = match rest.is_empty() {
                false => rest.to_string(),
                true => words.next().cloned().ok_or_else(|| Wrong::Missing(format!("-{letter}")))?,
            };
            read.options.push((name_of(option), value));
            break;
        }
    }
    Ok(read)
}
