//! The text that is edited: its header, its comments, and what it says without them.

use serde_json::Value;

use crate::kubectl::builder::shape;
use crate::manifest::yaml;

/// What stands above objects that are edited.
pub(super) const HEADER: &str = "# Please edit the object below. Lines beginning with a '#' will be ignored,\n\
     # and an empty file will abort the edit. If an error occurs while saving this file will be\n\
     # reopened with the relevant failures.\n#\n";

/// What stands above last-applied annotations that are edited.
pub(super) const LAST_APPLIED_HEADER: &str = "# Please edit the 'last-applied-configuration' annotations below.\n\
     # Lines beginning with a '#' will be ignored, and an empty file will abort the edit.\n#\n";

/// Why the file is opened again.
pub(super) struct Complaint {
    /// What is wrong.
    pub(super) head: String,
    /// In detail.
    pub(super) others: Vec<String>,
}

/// What stands above the objects in the file: how to go on, and what was wrong.
pub(super) fn header(first: &str, complaints: &[Complaint]) -> String {
    let mut text = first.to_string();
    for complaint in complaints {
        let colon = if complaint.others.is_empty() { "" } else { ":" };
        text.push_str(&format!("# {}{colon}\n", commented(&complaint.head)));
        for other in &complaint.others {
            text.push_str(&format!("# * {}\n", commented(other)));
        }
        text.push_str("#\n");
    }
    text
}

/// A text of several lines, each of which is a comment.
fn commented(text: &str) -> String {
    text.trim_end_matches('\n').replace('\n', "\n# ")
}

/// The text without the lines that are comments.
pub(super) fn without_comments(text: &str) -> String {
    let is_comment = |l: &str| l.trim().starts_with('#') && !l.trim().starts_with("#!");
    text.split('\n').filter(|l| !is_comment(l)).collect::<Vec<_>>().join("\n")
}

/// What a text says, whatever its form; a text that says nothing readable stands for itself.
pub(super) fn content(text: &str) -> Result<Value, String> {
    parse(text).map_err(|_| without_comments(text))
}

fn parse(text: &str) -> Result<Value, String> {
    match crate::manifest::stream::is_json(text) {
        true => serde_json::from_str(text).map_err(|e| e.to_string()),
        false => yaml::to_json(text).map_err(|e| e.to_string()),
    }
}

/// The check that kubectl makes before it reads the objects: something with a version and a kind.
pub(super) fn check_shape(text: &str) -> Result<(), String> {
    let tree = parse(text)?;
    shape::check(&tree)
}

/// Whether a text has a line that says something. Mirrors `hasLines`.
pub(super) fn has_lines(text: &str) -> bool {
    text.lines().any(|line| !line.trim().is_empty() && !line.trim().starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::{Complaint, HEADER, check_shape, content, header};

    #[test]
    fn comments_do_not_count() {
        assert_eq!(content("# x\na: 1\n"), content("a: 1"));
        assert_ne!(content("a: 1"), content("a: 2"));
        assert_eq!(check_shape("a: 1").unwrap_err(), "[apiVersion not set, kind not set]");
        assert_eq!(check_shape("# all\n").unwrap_err(), "invalid object to validate");
    }

    #[test]
    fn the_header_says_what_was_wrong() {
        let others = vec!["spec.clusterIP: Invalid value: \"x\": field is immutable".to_string()];
        let complaint = Complaint { head: "services \"svc1\" was not valid".into(), others };
        insta::assert_snapshot!(header(HEADER, &[complaint]), @r#"
        # Please edit the object below. Lines beginning with a '#' will be ignored,
        # and an empty file will abort the edit. If an error occurs while saving this file will be
        # reopened with the relevant failures.
        #
        # services "svc1" was not valid:
        # * spec.clusterIP: Invalid value: "x": field is immutable
        #
        "#);
    }
}
