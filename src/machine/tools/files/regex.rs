//! Regular expressions of whole paths, for `find -regex`.

/// Whether a pattern matches a whole text: POSIX with the groups, bars and counts of both of its forms.
pub(super) fn matches(pattern: &str, text: &str, fold: bool) -> bool {
    let fold_case = |s: &str| if fold { s.to_lowercase() } else { s.to_string() };
    let (pattern, text) = (fold_case(pattern), fold_case(text));
    let chars: Vec<char> = pattern.chars().collect();
    let mut parser = Parser { chars: &chars, at: 0, nodes: Vec::new(), depth: 0 };
    let whole = parser.alternatives();
    let text: Vec<char> = text.chars().collect();
    let ends = parser.ends(whole, &text, &[0], 0);
    ends.contains(&text.len())
}

enum Node {
    Char(char),
    Any,
    Set(Vec<(char, char)>, bool),
    Start,
    End,
    Seq(Vec<usize>),
    Either(Vec<usize>),
    Repeat(usize, usize, usize),
}

struct Parser<'a> {
    chars: &'a [char],
    at: usize,
    nodes: Vec<Node>,
    depth: usize,
}

impl Parser<'_> {
    fn push(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn is_bar(&self) -> Option<usize> {
        match (self.chars.get(self.at), self.chars.get(self.at + 1)) {
            (Some('\\'), Some('|')) => Some(2),
            (Some('|'), _) => Some(1),
            _ => None,
        }
    }

    fn is_close(&self) -> Option<usize> {
        match (self.chars.get(self.at), self.chars.get(self.at + 1)) {
            (Some('\\'), Some(')')) => Some(2),
            (Some(')'), _) if self.depth > 0 => Some(1),
            _ => None,
        }
    }

    fn alternatives(&mut self) -> usize {
        let mut all = Vec::new();
        loop {
            let mut seq = Vec::new();
            while self.at < self.chars.len() && self.is_bar().is_none() && self.is_close().is_none() {
                let atom = self.atom();
                seq.push(self.repeats(atom));
            }
            all.push(self.push(Node::Seq(seq)));
            match self.is_bar() {
                Some(width) => self.at += width,
                None => break,
            }
        }
        if all.len() == 1 { all[0] } else { self.push(Node::Either(all)) }
    }

    fn atom(&mut self) -> usize {
        let c = self.chars[self.at];
        self.at += 1;
        match c {
            '.' => self.push(Node::Any),
            '^' => self.push(Node::Start),
            '$' => self.push(Node::End),
            '[' => self.set(),
            '(' if self.depth < 40 => self.group(),
            '\\' => {
                let next = self.chars.get(self.at).copied().unwrap_or('\\');
                self.at += 1;
                match next {
                    '(' if self.depth < 40 => self.group(),
                    'w' => self.push(Node::Set(vec![('a', 'z'), ('A', 'Z'), ('0', '9'), ('_', '_')], false)),
                    'd' => self.push(Node::Set(vec![('0', '9')], false)),
                    other => self.push(Node::Char(other)),
                }
            }
            other => self.push(Node::Char(other)),
        }
    }

    fn group(&mut self) -> usize {
        self.depth += 1;
        let inner = self.alternatives();
        if let Some(width) = self.is_close() {
            self.at += width;
        }
        self.depth -= 1;
        inner
    }

    fn set(&mut self) -> usize {
        let negated = self.chars.get(self.at) == Some(&'^');
        self.at += usize::from(negated);
        let first = self.at;
        let mut ranges = Vec::new();
        while let Some(&c) = self.chars.get(self.at) {
            if c == ']' && self.at > first {
                self.at += 1;
                break;
            }
            if c == '[' && self.chars.get(self.at + 1) == Some(&':') {
                let rest: String = self.chars[self.at + 2..].iter().take(8).collect();
                for (name, of) in [
                    ("alpha:]", &[('a', 'z'), ('A', 'Z')][..]),
                    ("digit:]", &[('0', '9')][..]),
                    ("alnum:]", &[('a', 'z'), ('A', 'Z'), ('0', '9')][..]),
                    ("upper:]", &[('A', 'Z')][..]),
                    ("lower:]", &[('a', 'z')][..]),
                    ("space:]", &[(' ', ' '), ('\t', '\r')][..]),
                ] {
                    if rest.starts_with(name) {
                        ranges.extend_from_slice(of);
                        self.at += 2 + name.len();
                        break;
                    }
                }
                if self.chars.get(self.at) == Some(&'[') {
                    self.at += 1;
                }
                continue;
            }
            match (self.chars.get(self.at + 1), self.chars.get(self.at + 2)) {
                (Some('-'), Some(&high)) if high != ']' => {
                    ranges.push((c, high));
                    self.at += 3;
                }
                _ => {
                    ranges.push((c, c));
                    self.at += 1;
                }
            }
        }
        self.push(Node::Set(ranges, negated))
    }

    fn repeats(&mut self, mut atom: usize) -> usize {
        loop {
            let (width, low, high) = match (self.chars.get(self.at), self.chars.get(self.at + 1)) {
                (Some('*'), _) => (1, 0, usize::MAX),
                (Some('+'), _) => (1, 1, usize::MAX),
                (Some('?'), _) => (1, 0, 1),
                (Some('\\'), Some('+')) => (2, 1, usize::MAX),
                (Some('\\'), Some('?')) => (2, 0, 1),
                (Some('{'), _) => match self.count(1) {
                    Some(found) => found,
                    None => return atom,
                },
                (Some('\\'), Some('{')) => match self.count(2) {
                    Some(found) => found,
                    None => return atom,
                },
                _ => return atom,
            };
            self.at += width;
            atom = self.push(Node::Repeat(atom, low, high));
        }
    }

    fn count(&self, open: usize) -> Option<(usize, usize, usize)> {
        let rest: String = self.chars[self.at + open..].iter().take(20).collect();
        let (body, _) = rest.split_once('}')?;
        let inner = body.trim_end_matches('\\');
        let (low, high) = match inner.split_once(',') {
            Some((low, "")) => (low.parse().ok()?, usize::MAX),
            Some((low, high)) => (low.parse().ok()?, high.parse().ok()?),
            None => (inner.parse().ok()?, inner.parse().ok()?),
        };
        Some((open + body.len() + 1, low, high))
    }

    /// Where matches of a node can end that begin at one of `starts`.
    fn ends(&self, node: usize, text: &[char], starts: &[usize], depth: usize) -> Vec<usize> {
        let Some(node) = self.nodes.get(node).filter(|_| depth < 200) else { return Vec::new() };
        let mut out: Vec<usize> = match node {
            Node::Char(c) => starts.iter().filter(|s| text.get(**s) == Some(c)).map(|s| s + 1).collect(),
            Node::Any => starts.iter().filter(|s| **s < text.len()).map(|s| s + 1).collect(),
            Node::Set(ranges, negated) => {
                let holds = |c: &char| ranges.iter().any(|r| r.0 <= *c && *c <= r.1) != *negated;
                starts.iter().filter(|s| text.get(**s).is_some_and(holds)).map(|s| s + 1).collect()
            }
            Node::Start => starts.iter().filter(|s| **s == 0).copied().collect(),
            Node::End => starts.iter().filter(|s| **s == text.len()).copied().collect(),
            Node::Seq(parts) => {
                let mut at = starts.to_vec();
                for part in parts {
                    if at.is_empty() {
                        break;
                    }
                    at = self.ends(*part, text, &at, depth + 1);
                }
                at
            }
            Node::Either(parts) => parts.iter().flat_map(|p| self.ends(*p, text, starts, depth + 1)).collect(),
            Node::Repeat(inner, low, high) => {
                let mut at = starts.to_vec();
                let mut all: Vec<usize> = if *low == 0 { at.clone() } else { Vec::new() };
                for round in 1..=(*high).min(text.len() + 1) {
                    let next = self.ends(*inner, text, &at, depth + 1);
                    let fresh: Vec<usize> = next.into_iter().filter(|e| round <= *low || !all.contains(e)).collect();
                    if fresh.is_empty() {
                        break;
                    }
                    if round >= *low {
                        all.extend(&fresh);
                    }
                    at = fresh;
                }
                all
            }
        };
        out.sort_unstable();
        out.dedup();
        out
    }
}
