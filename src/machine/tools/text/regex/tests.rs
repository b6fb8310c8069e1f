//! The expressions of POSIX, of GNU and of musl, against what the real engines find.

use super::*;

fn find(pattern: &str, text: &str, extended: bool) -> Option<(usize, usize)> {
    let flags = Flags { extended, ..Flags::default() };
    Regex::new(pattern.as_bytes(), flags).unwrap().find(text.as_bytes()).map(|m| (m.start(), m.end()))
}

#[test]
fn finds_the_longest_of_the_leftmost() {
    for (pattern, text, span) in [
        ("a|ab|abc", "xabcd", Some((1, 4))),
        ("(a*)*", "b", Some((0, 0))),
        ("(a|b)*c", "ababc", Some((0, 5))),
        ("x{2,3}", "axxxx", Some((1, 4))),
        ("^$", "", Some((0, 0))),
        ("[[:digit:]]+", "ab123c", Some((2, 5))),
        ("[]x]", "a]", Some((1, 2))),
        ("a{,2}b", "aaab", Some((1, 4))),
        ("a{x", "a{x", Some((0, 3))),
        ("\\bfoo\\b", "a foo b", Some((2, 5))),
        ("(.)\\1", "abccd", Some((2, 4))),
        ("q", "abc", None),
    ] {
        assert_eq!(find(pattern, text, true), span, "{pattern} on {text}");
    }
    assert_eq!(find("a\\+b\\?", "xaab", false), Some((1, 4)));
    assert_eq!(find("*a", "b*a", false), Some((1, 3)));
    assert_eq!(find("\\(a\\|b\\)\\{2\\}", "xabb", false), Some((1, 3)));
}

#[test]
fn a_text_that_explodes_elsewhere_does_not() {
    let text = "a".repeat(3000);
    assert_eq!(find("(a*)*b", &text, true), None);
    assert_eq!(find("(a|aa)+$", &text, true), Some((0, 3000)));
}
