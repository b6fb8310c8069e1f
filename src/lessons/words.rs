//! Splits a command line into words as a POSIX shell does, without anything else that a shell can do.

use crate::api::printable::is_printable;

/// The words of `line`.
///
/// # Errors
/// An open quote, a character that no terminal shows, or something only a shell can do (a pipe, a list of commands, a substitution).
pub fn split(line: &str) -> Result<Vec<String>, String> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            c if !is_printable(c) || c == '\n' => return Err(unprintable(c)),
            ' ' | '\t' => words.extend(word.take()),
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                quoted(c, &mut chars, word)?;
            }
            // A line goes on in the next one.
            '\\' if chars.peek() == Some(&'\n') => _ = chars.next(),
            '\\' => word.get_or_insert_default().extend(chars.next()),
            '#' if word.is_none() => break,
            '|' | ';' | '&' | '<' | '>' | '`' => {
                let twice = chars.peek() == Some(&c) && matches!(c, '|' | '&' | '<' | '>');
                return Err(only_one_command(&c.to_string().repeat(if twice { 2 } else { 1 })));
            }
            '$' if chars.peek().is_some_and(|next| *next == '(' || *next == '{') => return Err(only_one_command("$")),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

fn quoted(quote: char, chars: &mut impl Iterator<Item = char>, word: &mut String) -> Result<(), String> {
    while let Some(c) = chars.next() {
        match c {
            c if !is_printable(c) => return Err(unprintable(c)),
            c if c == quote => return Ok(()),
            '\\' if quote == '"' => match chars.next() {
                Some('\n') => {}
                Some(c @ ('"' | '\\' | '$' | '`')) => word.push(c),
                Some(c) => word.extend(['\\', c]),
                None => break,
            },
            c => word.push(c),
        }
    }
    Err(format!("a quote ({quote}) is not closed"))
}

fn unprintable(c: char) -> String {
    format!("a command is made of printable characters, not {c:?}")
}

fn only_one_command(sign: &str) -> String {
    format!("there is no shell here that knows {sign}: one kubectl or kstate command, please")
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn splits_as_a_shell_does() {
        assert_eq!(
            split(r#"kubectl get po -o=jsonpath='{range .items[*]}{.spec.nodeName}{"\n"}{end}' "a \"b\"" c\ d # why"#),
            Ok([
                "kubectl",
                "get",
                "po",
                r#"-o=jsonpath={range .items[*]}{.spec.nodeName}{"\n"}{end}"#,
                "a \"b\"",
                "c d"
            ]
            .map(String::from)
            .to_vec())
        );
        let goes_on = split("kubectl get pv \\\n  -o na\\\nme \"a\\\nb\"");
        assert_eq!(goes_on, Ok(["kubectl", "get", "pv", "-o", "name", "ab"].map(String::from).to_vec()));
        assert_eq!(split("kubectl get ''"), Ok(vec!["kubectl".into(), "get".into(), String::new()]));
        assert_eq!(
            split("kubectl get a\u{1b}[2J"),
            Err("a command is made of printable characters, not '\\u{1b}'".into())
        );
        assert!(split("kubectl get 'a\u{202e}'").is_err());
        assert_eq!(split("kubectl get 'pv"), Err("a quote (') is not closed".into()));
        assert!(split("kubectl get pv | grep x").is_err() && split("a && b").is_err() && split("echo $(ls)").is_err());
    }
}
