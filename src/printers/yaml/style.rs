//! Which quotes a string needs, so that it is read back as the same string.

use crate::api::scalar::{Scalar, resolve};

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Literal,
}

/// The style of a string; a simple key stands on one line with its colon.
pub(super) fn choose_style(s: &str, simple_key: bool) -> Style {
    let allowed = Allowed::of(s);
    let mut style = if s.contains('\n') {
        Style::Literal
    } else if resolve(s) == Scalar::Str && !is_base_60(s) {
        Style::Plain
    } else {
        Style::DoubleQuoted
    };
    if style == Style::Plain && !allowed.plain {
        style = Style::SingleQuoted;
    }
    if style == Style::SingleQuoted && !allowed.single_quoted
        || style == Style::Literal && (!allowed.block || simple_key)
    {
        style = Style::DoubleQuoted;
    }
    style
}

/// The styles in which a text survives.
struct Allowed {
    plain: bool,
    single_quoted: bool,
    block: bool,
}

impl Allowed {
    fn of(s: &str) -> Allowed {
        let mut indicators = s.starts_with("---") || s.starts_with("...");
        let mut line_breaks = false;
        let mut special = false;
        let mut break_space = false;
        let mut space_break = false;
        let mut previous = None;
        let mut chars = s.chars().peekable();
        while let Some(c) = chars.next() {
            let before_blank = chars.peek().is_none_or(|next| matches!(next, ' ' | '\t'));
            indicators |= match (previous, c) {
                (
                    None,
                    '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`',
                ) => true,
                (None, '?' | '-') | (_, ':') => before_blank,
                (Some(previous), '#') => matches!(previous, ' ' | '\t') || is_break(previous),
                _ => false,
            };
            special |= !is_printable(c);
            break_space |= c == ' ' && previous.is_some_and(is_break);
            space_break |= is_break(c) && previous == Some(' ');
            line_breaks |= is_break(c);
            previous = Some(c);
        }
        let blank = |c: char| c == ' ' || is_break(c);
        let edges = s.starts_with(blank) || s.ends_with(blank);
        let spoilt = space_break || special;
        Allowed {
            plain: !(edges || break_space || spoilt || line_breaks || indicators),
            single_quoted: !(break_space || spoilt),
            block: !(s.is_empty() || s.ends_with(' ') || spoilt),
        }
    }
}

/// `1:30`: a number to other readers of YAML 1.1, `^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$`.
fn is_base_60(s: &str) -> bool {
    let s = s.strip_prefix(['-', '+']).unwrap_or(s);
    let (whole, fraction) = s.split_once('.').unwrap_or((s, ""));
    let mut parts = whole.split(':');
    let head = parts.next().unwrap_or_default();
    let sixty = |part: &str| match part.as_bytes() {
        [one] => one.is_ascii_digit(),
        [ten, one] => matches!(ten, b'0'..=b'5') && one.is_ascii_digit(),
        _ => false,
    };
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    whole.contains(':')
        && head.starts_with(|c: char| c.is_ascii_digit())
        && digits(head)
        && parts.all(sixty)
        && digits(fraction)
}

/// What ends a line, to YAML 1.1.
pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// What is written as it is; the package holds everything beyond the basic plane for unprintable.
pub(super) fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}
