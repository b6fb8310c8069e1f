//! Expansion of parameters with all their operators.

use super::Flavor;
use super::ast::{Index, Param, ParamOp, Word};
use super::expand::{Expander, Mode};
use super::pattern::Pattern;
use super::quote;
use super::vars::Value;
use super::words::Stop;
use crate::machine::kernel::Sys;
use crate::machine::tools::regex::{Flags, Regex};

/// What a parameter is before its operator.
pub(super) enum Is {
    Unset,
    One(String),
    /// Several, from `$*` where true.
    Many(Vec<String>, bool),
}

impl Expander<'_, '_, '_> {
    pub fn param(&mut self, param: &Param, quoted: bool) -> Result<(), Stop> {
        if let ParamOp::Names(at) = &param.op {
            let mut all: Vec<String> = self
                .sh
                .vars
                .iter()
                .filter(|(n, v)| n.starts_with(&param.name) && v.value != Value::Unset)
                .map(|(n, _)| n.to_string())
                .collect();
            all.sort_unstable();
            return self.add_many(&all, !*at, quoted);
        }
        let mut param = std::borrow::Cow::Borrowed(param);
        if param.indirect {
            if let Some(Index::At | Index::Star) = param.index {
                let keys = self.sh.elements(self.sys, &param.name).into_iter().map(|(k, _)| k).collect::<Vec<_>>();
                return self.add_many(&keys, matches!(param.index, Some(Index::Star)), quoted);
            }
            match self.resolve(&param)? {
                Some(target) => param = std::borrow::Cow::Owned(target),
                None => return Ok(()),
            }
        }
        let param = &*param;
        let value = self.value(param)?;
        self.operate(param, value, quoted)
    }

    /// The parameter that `${!x}` leads to.
    fn resolve(&mut self, param: &Param) -> Result<Option<Param>, Stop> {
        let direct = Param { indirect: false, op: ParamOp::None, ..param.clone() };
        let name = match self.value(&direct)? {
            Is::One(name) => name,
            Is::Many(all, _) => all.join(" "),
            Is::Unset => {
                self.sh.complain(self.sys, format!("{}: invalid indirect expansion", param.name));
                return Err(Stop::Discard(1));
            }
        };
        let (name, index) = match name.split_once('[') {
            Some((name, rest)) => {
                let text = rest.strip_suffix(']').unwrap_or(rest);
                let index = match text {
                    "@" => Index::At,
                    "*" => Index::Star,
                    text => Index::Expr(Word::of(vec![super::ast::Part::Lit(text.into())])),
                };
                (name.to_string(), Some(index))
            }
            None => (name, None),
        };
        let ok = super::lex::is_identifier(&name)
            || name.bytes().all(|b| b.is_ascii_digit()) && !name.is_empty()
            || matches!(name.as_str(), "@" | "*" | "#" | "?" | "$" | "!" | "-");
        if !ok {
            self.sh.complain(self.sys, format!("{name}: invalid variable name"));
            return Err(Stop::Discard(1));
        }
        Ok(Some(Param { name, index, indirect: false, ..param.clone() }))
    }

    fn value(&mut self, param: &Param) -> Result<Is, Stop> {
        let name = param.name.as_str();
        match &param.index {
            None => {
                if name == "@" || name == "*" {
                    return Ok(Is::Many(self.sh.args.to_vec(), name == "*"));
                }
                Ok(match self.sh.lookup(self.sys, name) {
                    Some(text) => Is::One(text),
                    None => Is::Unset,
                })
            }
            Some(Index::At | Index::Star) => {
                let all = self.sh.elements(self.sys, name).into_iter().map(|(_, v)| v).collect();
                Ok(Is::Many(all, matches!(param.index, Some(Index::Star))))
            }
            Some(Index::Expr(word)) => {
                let index = self.side(word, Mode::One)?;
                let found = self.sh.element(self.sys, name, &index)?;
                Ok(found.map_or(Is::Unset, Is::One))
            }
        }
    }

    fn operate(&mut self, param: &Param, value: Is, quoted: bool) -> Result<(), Stop> {
        if self.sh.options.nounset
            && !matches!(param.op, ParamOp::Default { .. })
            && let Is::Unset = value
        {
            return self.unset(param);
        }
        match &param.op {
            ParamOp::None => match value {
                Is::Unset => Ok(()),
                Is::One(text) => self.add(&text, quoted),
                Is::Many(all, star) => self.add_many(&all, star, quoted),
            },
            ParamOp::Length => {
                let len = match value {
                    Is::Unset => 0,
                    Is::One(text) if self.sh.is_utf8() => text.chars().count(),
                    Is::One(text) => text.len(),
                    Is::Many(all, _) => all.len(),
                };
                self.add(&len.to_string(), quoted)
            }
            ParamOp::Default { colon, kind, word } => self.default(param, value, (*colon, *kind), word, quoted),
            ParamOp::Trim { suffix, longest, word } => {
                let pattern = self.side(word, Mode::Pattern)?;
                let pattern = Pattern::new(&pattern, self.sh.shopt("extglob"));
                self.each(value, quoted, |text| trim(text, &pattern, *suffix, *longest))
            }
            ParamOp::Replace { all, anchor, pattern, with } => {
                let pattern = self.side(pattern, Mode::Pattern)?;
                let pattern = Pattern::new(&pattern, self.sh.shopt("extglob"));
                let with = self.replacement(with)?;
                self.each(value, quoted, |text| replace(text, &pattern, &with, *all, *anchor))
            }
            ParamOp::Case { upper, all, pattern } => {
                let pattern = self.side(pattern, Mode::Pattern)?;
                let pattern = Pattern::new(if pattern.is_empty() { "?" } else { &pattern }, false);
                self.each(value, quoted, |text| change_case(text, &pattern, *upper, *all))
            }
            ParamOp::Slice { from, len } => self.slice(param, value, from, len.as_ref(), quoted),
            ParamOp::At(kind) => self.transform(param, value, *kind, quoted),
            ParamOp::Names(_) => Ok(()),
        }
    }

    /// The text to put in: in bash an unquoted `&` is what matched.
    fn replacement(&mut self, with: &Word) -> Result<Vec<Option<String>>, Stop> {
        if !self.sh.bash() {
            return Ok(vec![Some(self.side(with, Mode::One)?)]);
        }
        let marked = self.side(with, Mode::Pattern)?;
        let (mut pieces, mut text) = (Vec::new(), String::new());
        let mut chars = marked.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                super::pattern::ESC => text.extend(chars.next()),
                '\\' if matches!(chars.peek(), Some('&' | '\\')) => text.extend(chars.next()),
                '&' => {
                    pieces.push(Some(std::mem::take(&mut text)));
                    pieces.push(None);
                }
                c => text.push(c),
            }
        }
        pieces.push(Some(text));
        Ok(pieces)
    }

    fn each(&mut self, value: Is, quoted: bool, change: impl Fn(&str) -> String) -> Result<(), Stop> {
        match value {
            Is::Unset => Ok(()),
            Is::One(text) => self.add(&change(&text), quoted),
            Is::Many(all, star) => {
                let all: Vec<String> = all.iter().map(|t| change(t)).collect();
                self.add_many(&all, star, quoted)
            }
        }
    }

    fn unset<T>(&mut self, param: &Param) -> Result<T, Stop> {
        let name = match &param.index {
            Some(Index::Expr(_)) => param.text.trim_start_matches("${").trim_end_matches('}').to_string(),
            _ => param.name.clone(),
        };
        let bash = self.sh.bash();
        let name = if bash && name.bytes().all(|b| b.is_ascii_digit()) { format!("${name}") } else { name };
        self.sh.builtin = None;
        self.sh.complain(self.sys, format!("{name}: {}", if bash { "unbound variable" } else { "parameter not set" }));
        Err(Stop::Exit(self.sh.unset_code()))
    }

    fn default(
        &mut self,
        param: &Param,
        value: Is,
        (colon, kind): (bool, char),
        word: &Word,
        quoted: bool,
    ) -> Result<(), Stop> {
        let has = match &value {
            Is::Unset => false,
            Is::One(text) => !colon || !text.is_empty(),
            Is::Many(all, _) => match all.as_slice() {
                [] => false,
                [one] => !colon || !one.is_empty(),
                _ => true,
            },
        };
        match (kind, has) {
            ('+', true) | ('-', false) => return self.chosen(&word.parts, quoted),
            ('+', false) => return Ok(()),
            ('=', false) => {
                let text = self.side(word, Mode::One)?;
                if !super::lex::is_identifier(&param.name) {
                    self.sh.complain(
                        self.sys,
                        match self.sh.flavor {
                            Flavor::Bash => format!("${}: cannot assign in this way", param.name),
                            _ => format!("{}: bad variable name", param.name),
                        },
                    );
                    return Err(if self.sh.bash() { Stop::Discard(1) } else { Stop::Exit(2) });
                }
                match &param.index {
                    Some(Index::Expr(index)) => {
                        let index = self.side(index, Mode::One)?;
                        self.sh.assign_element(self.sys, &param.name, &index, &text, false)?;
                    }
                    _ => self.sh.assign(self.sys, &param.name, &text)?,
                }
                return self.add(&text, quoted);
            }
            ('?', false) => {
                let text = self.side(word, Mode::One)?;
                let bash = self.sh.bash();
                let is_empty = word.parts.is_empty();
                let text = match (is_empty, bash, colon) {
                    (false, ..) => text,
                    (true, false, true) => "parameter not set or null".into(),
                    (true, true, true) => "parameter null or not set".into(),
                    (true, _, false) => "parameter not set".into(),
                };
                let name = if self.sh.bash() && param.index.is_some() {
                    param.text.trim_start_matches("${").split([':', '?']).next().unwrap_or("").to_string()
                } else {
                    param.name.clone()
                };
                self.sh.complain(self.sys, format!("{name}: {text}"));
                return Err(Stop::Exit(self.sh.unset_code()));
            }
            _ => {}
        }
        match value {
            Is::Unset => Ok(()),
            Is::One(text) => self.add(&text, quoted),
            Is::Many(all, star) => self.add_many(&all, star, quoted),
        }
    }

    fn slice(&mut self, param: &Param, value: Is, from: &Word, len: Option<&Word>, quoted: bool) -> Result<(), Stop> {
        let from_text = self.side(from, Mode::One)?;
        let start = self.arithmetic(&from_text)?;
        let len = match len {
            Some(word) => {
                let text = self.side(word, Mode::One)?;
                Some((self.arithmetic(&text)?, text))
            }
            None => None,
        };
        match value {
            Is::Unset => Ok(()),
            Is::One(text) => {
                let chars: Vec<char> = text.chars().collect();
                let total = chars.len() as i64;
                let start = if start < 0 { start.saturating_add(total) } else { start };
                if start < 0 || start > total {
                    return if quoted { self.add_quoted("") } else { Ok(()) };
                }
                let end = match len {
                    Some((len, text)) if len < 0 => {
                        let end = total.saturating_add(len);
                        if end < start {
                            self.sh.complain(
                                self.sys,
                                match self.sh.flavor {
                                    Flavor::Bash => format!("{}: substring expression < 0", text.trim()),
                                    _ => return self.add("", quoted),
                                },
                            );
                            return Err(Stop::Discard(1));
                        }
                        end
                    }
                    Some((len, _)) => start.saturating_add(len).min(total),
                    None => total,
                };
                let piece: String = chars.get(start as usize..end as usize).unwrap_or_default().iter().collect();
                self.add(&piece, quoted)
            }
            Is::Many(all, star) => {
                let mut list = all;
                let positional = param.index.is_none();
                if positional {
                    list.insert(0, self.sh.name.to_string());
                }
                let total = list.len() as i64;
                let start = if start < 0 { start.saturating_add(total) } else { start };
                if let Some((len, text)) = len.as_ref().filter(|(len, _)| *len < 0) {
                    let _ = len;
                    self.sh.complain(self.sys, format!("{}: substring expression < 0", text.trim()));
                    return Err(Stop::Discard(1));
                }
                let end = len.map_or(total, |(len, _)| start.saturating_add(len).min(total));
                let piece =
                    if start < 0 { &[] } else { list.get(start as usize..end.max(start) as usize).unwrap_or_default() };
                let piece = piece.to_vec();
                self.add_many(&piece, star, quoted)
            }
        }
    }

    fn transform(&mut self, param: &Param, value: Is, kind: char, quoted: bool) -> Result<(), Stop> {
        match kind {
            'Q' => self.each(value, quoted, quote::reusable),
            'U' => self.each(value, quoted, |t| t.to_uppercase()),
            'L' => self.each(value, quoted, |t| t.to_lowercase()),
            'u' => self.each(value, quoted, |t| {
                let mut chars = t.chars();
                chars.next().map(|c| c.to_uppercase().chain(chars).collect()).unwrap_or_default()
            }),
            'E' => self.each(value, quoted, |t| super::dollar::unescape(t.as_bytes(), true)),
            'P' => {
                let Is::One(text) = value else { return Ok(()) };
                let text = self.sh.prompt(self.sys, &text);
                self.add(&text, quoted)
            }
            'a' => {
                let text = self.sh.vars.find(&param.name).map(quote::attributes).unwrap_or_default();
                self.add(&text, quoted)
            }
            'A' => {
                let text = match self.sh.vars.find(&param.name) {
                    Some(var) => quote::declaration(&param.name, var, true),
                    None => String::new(),
                };
                self.add(&text, quoted)
            }
            'K' | 'k' => {
                let all = self.sh.elements(self.sys, &param.name);
                if kind == 'k' {
                    let list: Vec<String> = all.into_iter().flat_map(|(k, v)| [k, v]).collect();
                    return self.add_many(&list, matches!(param.index, Some(Index::Star)), quoted);
                }
                let list: Vec<String> = all.iter().map(|(k, v)| format!("{k} {}", quote::double(v))).collect();
                self.add(&list.join(" "), quoted)
            }
            _ => {
                let text = param.text.clone();
                self.bad_substitution(&text)
            }
        }
    }
}

/// What a pattern leaves of a text.
fn trim(text: &str, pattern: &Pattern, suffix: bool, longest: bool) -> String {
    let chars: Vec<char> = text.chars().collect();
    let total = chars.len();
    let take = |n: usize| if suffix { &chars[total - n..] } else { &chars[..n] };
    let mut sizes: Box<dyn Iterator<Item = usize>> =
        if longest { Box::new((0..=total).rev()) } else { Box::new(0..=total) };
    match sizes.find(|n| pattern.matches(take(*n))) {
        Some(n) => (if suffix { &chars[..total - n] } else { &chars[n..] }).iter().collect(),
        None => text.to_string(),
    }
}

fn replace(text: &str, pattern: &Pattern, with: &[Option<String>], all: bool, anchor: char) -> String {
    let put = |out: &mut String, matched: &str| with.iter().for_each(|p| out.push_str(p.as_deref().unwrap_or(matched)));
    if let Some(literal) = pattern.literal().filter(|_| anchor == ' ') {
        if literal.is_empty() {
            return text.to_string();
        }
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(&literal) {
            out.push_str(&rest[..at]);
            put(&mut out, &literal);
            rest = &rest[at + literal.len()..];
            if !all {
                break;
            }
        }
        out.push_str(rest);
        return out;
    }
    let chars: Vec<char> = text.chars().collect();
    let total = chars.len();
    let (mut out, mut at) = (String::new(), 0);
    let starts = |at: usize| (at..=total).rev().find(|end| pattern.matches(&chars[at..*end]));
    if anchor == '%' {
        return match (0..=total).find(|s| pattern.matches(&chars[*s..])) {
            Some(s) => {
                out.extend(&chars[..s]);
                put(&mut out, &chars[s..].iter().collect::<String>());
                out
            }
            None => text.to_string(),
        };
    }
    while at <= total {
        match starts(at) {
            Some(end) if end > at || anchor == '#' => {
                put(&mut out, &chars[at..end].iter().collect::<String>());
                at = end;
                if !all {
                    break;
                }
            }
            _ if anchor == '#' => break,
            _ => {
                out.extend(chars.get(at));
                at += 1;
            }
        }
    }
    out.extend(chars.get(at..).unwrap_or_default());
    out
}

fn change_case(text: &str, pattern: &Pattern, upper: bool, all: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.chars().enumerate() {
        if (all || at == 0) && pattern.matches(&[c]) {
            if upper { out.extend(c.to_uppercase()) } else { out.extend(c.to_lowercase()) }
        } else {
            out.push(c);
        }
    }
    out
}

/// A marked pattern as an extended regular expression: what was quoted means itself.
pub(super) fn regex_of(marked: &str) -> String {
    let mut out = String::with_capacity(marked.len());
    let mut chars = marked.chars();
    while let Some(c) = chars.next() {
        if c == super::pattern::ESC {
            let Some(c) = chars.next() else { break };
            if "\\^$.[]|()*+?{}".contains(c) {
                out.push('\\');
            }
            out.push(c);
        } else {
            out.push(c);
        }
    }
    out
}

impl super::Shell {
    /// `=~`: what matched is in `BASH_REMATCH`.
    pub(super) fn matches_regex(&mut self, sys: &mut Sys<'_>, text: &str, regex: &str) -> Result<u8, Stop> {
        let flags = Flags { extended: true, utf8: true, icase: self.shopt("nocasematch"), ..Flags::default() };
        let Ok(regex) = Regex::new(regex.as_bytes(), flags) else { return Ok(2) };
        let found = regex.find(text.as_bytes());
        let groups = match &found {
            None => Vec::new(),
            Some(found) => (0..=regex.groups())
                .map(|n| found.group(n).and_then(|(from, to)| text.get(from..to)).unwrap_or("").to_string())
                .map(|text| (None, false, text))
                .collect(),
        };
        self.assign_array(sys, "BASH_REMATCH", groups, false)?;
        Ok(u8::from(found.is_none()))
    }
}
