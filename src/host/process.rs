//! How a process is told to those who wait for it.

use std::path::Path;

/// How many characters of a command line are shown.
const SHOWN: usize = 120;

/// This process: its number and its command line.
pub fn described() -> String {
    let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let (first, rest) = words.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    let program = Path::new(first).file_stem().unwrap_or_default().to_string_lossy();
    let line = format!("{program} {}", rest.join(" "));
    format!("process {} ({})", std::process::id(), shortened(line.trim_end()))
}

/// What another process said of itself.
pub fn shown(bytes: &[u8]) -> String {
    let text = shortened(&String::from_utf8_lossy(bytes));
    if text.is_empty() { "another process".into() } else { text }
}

fn shortened(text: &str) -> String {
    let printable = text.chars().filter(|c| !c.is_control());
    let mut short: String = printable.clone().take(SHOWN).collect();
    if printable.count() > SHOWN {
        short.push_str("...");
    }
    short
}
