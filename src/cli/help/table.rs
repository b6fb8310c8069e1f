//! What kubectl says of its commands and flags, from `commands.txt` and `flags.txt`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

/// What kubectl says of a command.
#[derive(Default)]
pub struct Entry {
    /// Its line in a list of commands.
    pub short: &'static str,
    /// Its usage, from its own name on.
    pub usage: &'static str,
    /// Its name and those that stand for it.
    pub aliases: &'static str,
    /// Words that it is suggested for.
    pub suggest: &'static str,
    /// The flags that its help lists.
    pub flags: Vec<&'static str>,
    /// What it does.
    pub long: &'static str,
    /// How it is used.
    pub examples: &'static str,
}

const SOURCE: &str = include_str!("commands.txt");

/// The commands by their paths: `create configmap`.
pub fn commands() -> &'static BTreeMap<&'static str, Entry> {
    static COMMANDS: OnceLock<BTreeMap<&'static str, Entry>> = OnceLock::new();
    COMMANDS.get_or_init(|| read_entries(SOURCE))
}

/// The commands of a text in that form, by their paths.
pub(super) fn read_entries(text: &'static str) -> BTreeMap<&'static str, Entry> {
    text.split("\n@ ").skip(1).map(read_entry).collect()
}

/// Whether kubectl has a command, `create configmap`, too.
pub fn is_kubectl(path: &str) -> bool {
    commands().contains_key(path)
}

fn read_entry(part: &'static str) -> (&'static str, Entry) {
    let (name, mut rest) = part.split_once('\n').unwrap_or((part, ""));
    let mut entry = Entry::default();
    while let Some(line) = rest.strip_prefix('@').filter(|line| !line.starts_with("examples\n")) {
        let (line, after) = line.split_once('\n').unwrap_or((line, ""));
        match line.split_once(' ') {
            Some(("short", text)) => entry.short = text,
            Some(("use", text)) => entry.usage = text,
            Some(("aliases", text)) => entry.aliases = text,
            Some(("suggest", text)) => entry.suggest = text,
            Some(("flags", text)) => entry.flags = text.split(' ').collect(),
            _ => {}
        }
        rest = after;
    }
    // A translation may have examples alone.
    let (long, examples) = match rest.strip_prefix("@examples\n") {
        Some(examples) => ("", examples),
        None => rest.split_once("\n@examples\n").unwrap_or((rest, "")),
    };
    (entry.long, entry.examples) = (long.trim_end_matches('\n'), examples.trim_end_matches('\n'));
    (name, entry)
}

/// kubectl's groups of commands: the title and the names.
pub fn groups_of_commands() -> Vec<(&'static str, Vec<&'static str>)> {
    let groups = SOURCE.lines().filter_map(|l| l.strip_prefix("@group "));
    groups
        .map(|group| {
            let (title, names) = group.split_once(':').unwrap_or((group, ""));
            (title, names.split_whitespace().collect())
        })
        .collect()
}

/// The commands right below one, sorted.
pub fn subcommands(path: &str) -> impl Iterator<Item = (&'static str, &'static Entry)> {
    let start = format!("{path} ");
    commands().iter().filter_map(move |(name, entry)| {
        let name = name.strip_prefix(start.as_str())?;
        (!name.contains(' ')).then_some((name, entry))
    })
}

type Flags = BTreeMap<(&'static str, &'static str), (&'static str, &'static str)>;

/// What kubectl says of a flag of a command: the flag with its default, and its usage. `kstate` has the flags of `options`
/// in words of its own where they mean something else.
pub fn flag(command: &str, name: &str) -> Option<(&'static str, &'static str)> {
    static FLAGS: OnceLock<Flags> = OnceLock::new();
    let flags = FLAGS.get_or_init(|| {
        let mut table = BTreeMap::new();
        for line in include_str!("flags.txt").lines().filter(|l| !l.starts_with('#')) {
            let Some((commands, flag)) = line.split_once(": ") else { continue };
            let (head, usage) = flag.split_once('\t').unwrap_or((flag, ""));
            for command in commands.split(", ") {
                table.insert((command, name_of(head)), (head, usage));
            }
        }
        table
    });
    let places = [command, if command == "kstate" { "options" } else { command }, "*"];
    places.iter().find_map(|place| flags.get(&(*place, name))).copied()
}

/// The name of `-n, --namespace=''`.
fn name_of(head: &str) -> &str {
    head.split_once("--").and_then(|(_, n)| n.split('=').next()).unwrap_or_default()
}
