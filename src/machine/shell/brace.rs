//! Brace expansion: `{a,b}` and `{1..5}`.

use super::ast::{Part, Word};

/// How many words a word can become.
const MAX_WORDS: usize = 100_000;

#[derive(Debug, Clone)]
enum Atom {
    Char(char),
    Part(Part),
}

impl Atom {
    fn is(&self, c: char) -> bool {
        matches!(self, Atom::Char(x) if *x == c)
    }
}

/// The words that a word stands for.
pub(super) fn braces(word: &Word) -> Vec<Word> {
    let mut atoms = Vec::new();
    for part in &word.parts {
        match part {
            Part::Lit(text) => atoms.extend(text.chars().map(Atom::Char)),
            other => atoms.push(Atom::Part(other.clone())),
        }
    }
    let all = expand(&atoms, 0);
    all.into_iter().map(|atoms| Word { has_subst: word.has_subst, ..Word::of(join(atoms)) }).collect()
}

fn join(atoms: Vec<Atom>) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for atom in atoms {
        match (atom, parts.last_mut()) {
            (Atom::Char(c), Some(Part::Lit(text))) => text.push(c),
            (Atom::Char(c), _) => parts.push(Part::Lit(c.to_string())),
            (Atom::Part(part), _) => parts.push(part),
        }
    }
    // A tilde that a brace brought to the front counts.
    if let Some(Part::Lit(text)) = parts.first()
        && let Some(rest) = text.strip_prefix('~')
    {
        let len = rest.find('/').unwrap_or(rest.len());
        if rest[..len].chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
            && (len < rest.len() || parts.len() == 1)
        {
            let (name, rest) = (rest[..len].to_string(), rest[len..].to_string());
            parts[0] = Part::Lit(rest);
            parts.insert(0, Part::Tilde(name));
        }
    }
    parts
}

fn expand(atoms: &[Atom], depth: u32) -> Vec<Vec<Atom>> {
    let mut from = 0;
    while let Some(open) = atoms[from..].iter().position(|a| a.is('{')).map(|i| i + from) {
        if let Some((close, pieces)) = alternatives(atoms, open).filter(|_| depth < 30) {
            let tails = expand(&atoms[close + 1..], depth + 1);
            let mut all = Vec::new();
            for piece in pieces.iter().flat_map(|p| expand(p, depth + 1)) {
                for tail in &tails {
                    if all.len() >= MAX_WORDS {
                        return all;
                    }
                    let mut word = atoms[..open].to_vec();
                    word.extend(piece.iter().cloned());
                    word.extend(tail.iter().cloned());
                    all.push(word);
                }
            }
            return all;
        }
        from = open + 1;
    }
    vec![atoms.to_vec()]
}

fn alternatives(atoms: &[Atom], open: usize) -> Option<(usize, Vec<Vec<Atom>>)> {
    let (mut depth, mut start, mut pieces) = (0u32, open + 1, Vec::new());
    for (at, atom) in atoms.iter().enumerate().skip(open) {
        match atom {
            Atom::Char('{') => depth += 1,
            Atom::Char(',') if depth == 1 => {
                pieces.push(atoms[start..at].to_vec());
                start = at + 1;
            }
            Atom::Char('}') => {
                depth -= 1;
                if depth == 0 {
                    if pieces.is_empty() {
                        return range(&atoms[start..at]).map(|r| (at, r));
                    }
                    pieces.push(atoms[start..at].to_vec());
                    return Some((at, pieces));
                }
            }
            _ => {}
        }
    }
    None
}

/// `a..b` or `a..b..step`
fn range(atoms: &[Atom]) -> Option<Vec<Vec<Atom>>> {
    let text: String =
        atoms.iter().map(|a| if let Atom::Char(c) = a { Some(*c) } else { None }).collect::<Option<_>>()?;
    let mut parts = text.split("..");
    let (from, to) = (parts.next()?, parts.next()?);
    let step = parts.next().map_or(Some(0), |s| s.parse::<i64>().ok())?;
    if parts.next().is_some() {
        return None;
    }
    let spell = |text: String| text.chars().map(Atom::Char).collect::<Vec<_>>();
    let single = |t: &str| t.chars().next().filter(|c| t.len() == 1 && c.is_ascii_alphabetic());
    let steps = |from: i64, to: i64| {
        let step = (step.unsigned_abs().max(1)).min(i64::MAX as u64) as i64;
        let count = (from.abs_diff(to) / step as u64).min(MAX_WORDS as u64) as i64;
        (0..=count).map(move |n| if from <= to { from + n * step } else { from - n * step })
    };
    if let (Ok(a), Ok(b)) = (from.parse::<i64>(), to.parse::<i64>()) {
        let padded = |t: &str| t.trim_start_matches('-').len() > 1 && t.trim_start_matches('-').starts_with('0');
        let width = if padded(from) || padded(to) { from.len().max(to.len()) } else { 0 };
        let spelled = |n: i64| match n < 0 {
            true => format!("-{:0w$}", n.unsigned_abs(), w = width.saturating_sub(1)),
            false => format!("{n:0width$}"),
        };
        return Some(steps(a, b).map(|n| spell(spelled(n))).collect());
    }
    let (a, b) = (single(from)?, single(to)?);
    Some(
        steps(a as i64, b as i64)
            .filter_map(|n| u8::try_from(n).ok())
            .map(|n| spell(char::from(n).to_string()))
            .collect(),
    )
}
