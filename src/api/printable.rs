//! Text that a stranger wrote, made fit for a terminal: as kubectl does it, and so that nothing at all is obeyed.

use std::borrow::Cow;

/// The text with what a terminal would obey shown instead: `^[` for an escape, `\u202e` for what turns the direction of
/// a line. Line breaks and tabs stay.
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_printable) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            c if is_printable(c) => shown.push(c),
            '\r' if rest.peek() == Some(&'\n') => {}
            c @ '\0'..='\u{1f}' => shown.extend(['^', char::from(c as u8 + b'@')]),
            '\u{7f}' => shown.push_str("^?"),
            c => shown.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    Cow::Owned(shown)
}

/// What kubectl replaces in tables, custom columns and descriptions, and nowhere else: templates, `annotate --list`,
/// `set env --list` and the causes of `rollout history` print what objects hold as it is. Mirrors `EscapeTerminal` of
/// `k8s.io/cli-runtime/pkg/printers`.
pub fn escape_terminal(text: &str) -> String {
    text.replace('\u{1b}', "^[").replace('\r', "\\r")
}

/// Whether a terminal shows a character, and does nothing else.
pub fn is_printable(c: char) -> bool {
    match c {
        '\n' | '\t' => true,
        // Line and paragraph separators, marks and overrides of the direction, invisible tags.
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => false,
        '\u{e0000}'..='\u{e007f}' => false,
        c => !c.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn nothing_is_obeyed() {
        assert_eq!(printable("a\tb\nü 👩‍💻"), "a\tb\nü 👩‍💻");
        assert_eq!(printable("\u{1b}]0;x\u{7}\u{9b}2J\u{7f}\u{202e}\r"), "^[]0;x^G\\u009b2J^?\\u202e^M");
        assert_eq!(printable("a\r\nb\0"), "a\nb^@");
    }
}
