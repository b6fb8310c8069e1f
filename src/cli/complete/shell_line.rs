//! Completion of a line of a shell: the last command in it, its programs and its files.

use super::{Ask, words_of};
use crate::cli::help::ENGLISH;
use crate::host::files::Files;
use crate::machine::{shell, tools};
use crate::ui::Completions;

/// The programs of a desk beside its tools.
const PROGRAMS: [&str; 3] = ["kubectl", "kstate", "k"];

/// What the end of a line could go on with.
pub(in crate::cli) fn complete(line: &str, files: &Files, ask: Ask<'_>) -> Completions {
    let (words, start, quote) = last_command(line);
    let Some((last, before)) = words.split_last() else { return Completions::default() };
    let candidates = match before.first().map(|first| first.rsplit('/').next().unwrap_or(first)) {
        None if last.contains('/') => file_names(last, &[], files),
        None => programs(last),
        Some("kubectl" | "k") => of_program("kubectl", &words[1..], last, files, ask),
        Some("kstate") => of_program("kstate", &words[1..], last, files, ask),
        Some(_) => file_names(last, &[], files),
    };
    let mut candidates = candidates;
    if let Some(quote) = quote {
        candidates.iter_mut().for_each(|(text, _)| text.insert(0, quote));
    }
    Completions { start, candidates }
}

/// The words of the last simple command in a line, the last of them unfinished or empty; where that begins, and its quote.
fn last_command(line: &str) -> (Vec<String>, usize, Option<char>) {
    let mut words: Vec<String> = Vec::new();
    let (mut word, mut start, mut open) = (String::new(), 0, false);
    let mut quote: Option<char> = None;
    let mut begun_by = None;
    let mut chars = line.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match (quote, c) {
            (Some(q), c) if q == c => quote = None,
            (Some(_), c) => word.push(c),
            (None, '\'' | '"') => {
                if !open {
                    (start, open, begun_by) = (at, true, Some(c));
                }
                quote = Some(c);
            }
            (None, '\\') => {
                if !open {
                    (start, open) = (at, true);
                }
                word.extend(chars.next().map(|(_, c)| c));
            }
            (None, ' ' | '\t') => {
                if open {
                    words.push(std::mem::take(&mut word));
                }
                (open, begun_by) = (false, None);
            }
            (None, '|' | ';' | '&' | '(' | '`' | '\n' | '{' | '!') if !open || c != '{' && c != '!' => {
                words.clear();
                word.clear();
                (open, begun_by) = (false, None);
            }
            // What a redirection leads to is a file.
            (None, '<' | '>') => {
                words = vec!["cat".into()];
                word.clear();
                (open, begun_by) = (false, None);
            }
            (None, c) => {
                if !open {
                    (start, open) = (at, true);
                }
                word.push(c);
            }
        }
    }
    if !open {
        start = line.len();
    }
    words.push(word);
    // What stands before a command in a loop or a test is none of it, and neither are assignments.
    let skips = |word: &String| {
        matches!(
            word.as_str(),
            "do" | "then" | "else" | "time" | "while" | "until" | "if" | "watch" | "xargs" | "sudo" | "env"
        ) || word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && !name.starts_with('-') && name.chars().all(|c| c.is_alphanumeric() || c == '_')
        })
    };
    while words.len() > 1 && skips(&words[0]) {
        words.remove(0);
        while words.len() > 1 && words[0].starts_with('-') {
            words.remove(0);
        }
    }
    (words, start, quote.filter(|q| begun_by == Some(*q)))
}

/// The programs and builtins whose names begin so.
fn programs(last: &str) -> Vec<(String, String)> {
    let all = PROGRAMS.into_iter().chain(tools::names()).chain(shell::words());
    let all: std::collections::BTreeSet<&str> =
        all.filter(|name| name.starts_with(last) && name.starts_with(|c: char| c.is_ascii_alphabetic())).collect();
    // Before anything is typed, what one comes for.
    let all = all.into_iter().filter(|name| !last.is_empty() || PROGRAMS.contains(name));
    all.map(|name| (format!("{name} "), String::new())).collect()
}

fn of_program(
    program: &'static str,
    words: &[String],
    last: &str,
    files: &Files,
    ask: Ask<'_>,
) -> Vec<(String, String)> {
    let found = words_of((program, &ENGLISH), words, ask);
    // The value of `--flag=` is completed behind it.
    let flag = match last.split_once('=') {
        Some((flag, _)) if last.starts_with('-') => format!("{flag}="),
        _ => String::new(),
    };
    if let Some(endings) = found.files() {
        let name = last.strip_prefix(flag.as_str()).unwrap_or(last);
        let names = file_names(name, &endings, files).into_iter();
        return names.map(|(name, about)| (format!("{flag}{name}"), about)).collect();
    }
    let end = if found.ends_word() { " " } else { "" };
    let whole = |word: String| if word.ends_with(['/', '=', ':']) { word } else { format!("{word}{end}") };
    found.words.into_iter().map(|(word, about)| (format!("{flag}{}", whole(word)), about)).collect()
}

/// The files that begin so and end in one of those ways, and the folders on the way.
fn file_names(last: &str, endings: &[&str], files: &Files) -> Vec<(String, String)> {
    let (folder, leaf) = last.rsplit_once('/').map_or(("", last), |(folder, leaf)| (folder, leaf));
    let shown = if last.contains('/') { format!("{folder}/") } else { String::new() };
    let place = match (folder, last.contains('/')) {
        ("", true) => "/",
        ("", false) => ".",
        (folder, _) => folder,
    };
    let home = place.strip_prefix('~').map(|rest| format!("/lesson{rest}"));
    let Ok(entries) = files.list(home.as_deref().unwrap_or(place)) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries {
        let Some(name) = entry.name.to_str() else { continue };
        let hidden = name.starts_with('.') && !leaf.starts_with('.');
        let ends = entry.is_folder || endings.is_empty() || endings.iter().any(|e| name.ends_with(&format!(".{e}")));
        if name.starts_with(leaf) && !hidden && ends {
            let end = if entry.is_folder { "/" } else { " " };
            found.push((format!("{shown}{}{end}", name.replace(' ', "\\ ")), String::new()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::last_command;

    #[test]
    fn finds_the_last_command_of_a_line() {
        let words = |line: &str| {
            let (words, start, _) = last_command(line);
            (words.join("|"), start)
        };
        assert_eq!(words("kubectl get po"), ("kubectl|get|po".into(), 12));
        assert_eq!(words("kubectl get "), ("kubectl|get|".into(), 12));
        assert_eq!(words("cat a | kubectl apply -f "), ("kubectl|apply|-f|".into(), 25));
        assert_eq!(words("for i in 1 2; do k get pods $(k g"), ("k|g".into(), 32));
        assert_eq!(words("A=1 k get 'a b"), ("k|get|a b".into(), 10));
        assert_eq!(words("k get pods > x"), ("cat|x".into(), 13));
        assert_eq!(words("watch -n1 kubectl "), ("kubectl|".into(), 18));
        assert_eq!(words(""), (String::new(), 0));
    }
}
