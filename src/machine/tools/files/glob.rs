//! Patterns of names, as `fnmatch` reads them.

/// Whether a pattern matches a whole text; `*` and `?` match a slash too, as in `find -path`.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut pi, mut ti) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        if pi < p.len() && p[pi] == '*' {
            retry = Some((pi, ti));
            pi += 1;
            continue;
        }
        let step = match t.get(ti) {
            Some(c) if pi < p.len() => one(&p, pi, *c),
            Some(_) => None,
            None if pi == p.len() => return true,
            None => return false,
        };
        match (step, retry) {
            (Some(next), _) => (pi, ti) = (next, ti + 1),
            (None, Some((star, from))) if from < t.len() => {
                retry = Some((star, from + 1));
                (pi, ti) = (star + 1, from + 1);
            }
            _ => return false,
        }
    }
}

/// Whether one element of a pattern matches a character, and where the next begins.
fn one(p: &[char], at: usize, c: char) -> Option<usize> {
    match p.get(at)? {
        '?' => Some(at + 1),
        '\\' if at + 1 < p.len() => (p[at + 1] == c).then_some(at + 2),
        '[' => match class(p, at, c) {
            Some((true, next)) => Some(next),
            Some((false, _)) => None,
            None => (c == '[').then_some(at + 1),
        },
        other => (*other == c).then_some(at + 1),
    }
}

fn class(p: &[char], at: usize, c: char) -> Option<(bool, usize)> {
    let mut i = at + 1;
    let negated = matches!(p.get(i), Some('!' | '^'));
    i += usize::from(negated);
    let first = i;
    let mut found = false;
    loop {
        let mut low = *p.get(i)?;
        if low == ']' && i > first {
            return Some((found != negated, i + 1));
        }
        if low == '[' && p.get(i + 1) == Some(&':') {
            let end = (i + 2..p.len().saturating_sub(1)).find(|e| p[*e] == ':' && p[e + 1] == ']')?;
            let name: String = p[i + 2..end].iter().collect();
            found |= match name.as_str() {
                "alpha" => c.is_alphabetic(),
                "digit" => c.is_ascii_digit(),
                "alnum" => c.is_alphanumeric(),
                "upper" => c.is_uppercase(),
                "lower" => c.is_lowercase(),
                "space" => c.is_whitespace(),
                "blank" => c == ' ' || c == '\t',
                "punct" => c.is_ascii_punctuation(),
                "xdigit" => c.is_ascii_hexdigit(),
                "cntrl" => c.is_control(),
                _ => false,
            };
            i = end + 2;
            continue;
        }
        if low == '\\' {
            i += 1;
            low = *p.get(i)?;
        }
        if p.get(i + 1) == Some(&'-') && p.get(i + 2).is_some_and(|h| *h != ']') {
            found |= low <= c && c <= p[i + 2];
            i += 3;
        } else {
            found |= low == c;
            i += 1;
        }
    }
}
