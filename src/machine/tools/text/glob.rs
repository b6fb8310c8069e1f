//! File name patterns, as `--include` and `--exclude` take them.

/// Whether a name matches a pattern of `*`, `?`, `[...]` and `\`.
pub fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    // Where the last star was, and how much of the name it has taken.
    let mut star: Option<(usize, usize)> = None;
    loop {
        let step = match pattern.get(p) {
            None if n == name.len() => return true,
            None => None,
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
                continue;
            }
            Some(b'?') if n < name.len() => Some((p + 1, n + 1)),
            Some(b'[') if n < name.len() => {
                bracket(pattern.get(p..).unwrap_or_default(), name.get(n).copied().unwrap_or_default())
                    .and_then(|(is, len)| is.then_some((p + len, n + 1)))
            }
            Some(b'\\') if p + 1 < pattern.len() => (pattern.get(p + 1) == name.get(n)).then_some((p + 2, n + 1)),
            Some(b) => (name.get(n) == Some(b)).then_some((p + 1, n + 1)),
        };
        match (step, star) {
            (Some(next), _) => (p, n) = next,
            (None, Some((at, taken))) if taken < name.len() => {
                star = Some((at, taken + 1));
                (p, n) = (at + 1, taken + 1);
            }
            _ => return false,
        }
    }
}

/// Whether a byte is in the set that a pattern begins with, and the set's length.
fn bracket(pattern: &[u8], b: u8) -> Option<(bool, usize)> {
    let negated = matches!(pattern.get(1), Some(b'!' | b'^'));
    let begin = if negated { 2 } else { 1 };
    let mut at = begin;
    let mut found = false;
    loop {
        let from = *pattern.get(at)?;
        if from == b']' && at > begin {
            return Some((found != negated, at + 1));
        }
        if pattern.get(at + 1) == Some(&b'-') && pattern.get(at + 2).is_some_and(|c| *c != b']') {
            let to = *pattern.get(at + 2)?;
            found |= (from..=to).contains(&b);
            at += 3;
        } else {
            found |= from == b;
            at += 1;
        }
    }
}
