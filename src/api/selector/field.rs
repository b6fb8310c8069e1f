//! Selecting by fields (`--field-selector`); mirrors `k8s.io/apimachinery/pkg/fields`.

use std::fmt;

use super::SelectorError;

/// One condition: a field has, or has not, a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldTerm {
    /// The field, `status.phase`.
    pub field: String,
    /// Whether the field must not have the value.
    pub negated: bool,
    /// The value, unescaped.
    pub value: String,
}

/// Conditions on fields that must all hold. The default selects everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldSelector {
    /// The conditions, sorted as written.
    pub terms: Vec<FieldTerm>,
}

impl FieldSelector {
    /// Reads `metadata.name=x,status.phase!=Running`.
    ///
    /// # Errors
    /// The texts of `fields.ParseSelector`.
    pub fn parse(text: &str) -> Result<FieldSelector, SelectorError> {
        let mut parts = split_terms(text);
        parts.sort_unstable();
        let mut terms = Vec::new();
        for part in parts.into_iter().filter(|part| !part.is_empty()) {
            let Some((field, operator, value)) = split_term(part) else {
                return Err(SelectorError(format!("invalid selector: '{text}'; can't understand '{part}'")));
            };
            terms.push(FieldTerm { field: field.into(), negated: operator == "!=", value: unescape(value)? });
        }
        Ok(FieldSelector { terms })
    }

    /// Whether it restricts nothing.
    pub fn is_everything(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether it selects an object; `value_of` gives a field's value, empty for one that is not there.
    pub fn matches(&self, value_of: impl Fn(&str) -> String) -> bool {
        self.terms.iter().all(|term| (value_of(&term.field) == term.value) != term.negated)
    }
}

impl fmt::Display for FieldSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let terms = self.terms.iter().map(|term| {
            let value = term.value.replace('\\', r"\\").replace(',', r"\,").replace('=', r"\=");
            format!("{}{}{value}", term.field, if term.negated { "!=" } else { "=" })
        });
        f.write_str(&terms.collect::<Vec<_>>().join(","))
    }
}

/// Splits at commas that no backslash stands before.
fn split_terms(text: &str) -> Vec<&str> {
    let (mut terms, mut start, mut escaped) = (Vec::new(), 0, false);
    for (i, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => {
                terms.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    terms.push(&text[start..]);
    terms
}

fn split_term(term: &str) -> Option<(&str, &str, &str)> {
    term.char_indices().find_map(|(i, _)| {
        let rest = &term[i..];
        let operator = ["!=", "==", "="].into_iter().find(|operator| rest.starts_with(operator))?;
        Some((&term[..i], operator, &rest[operator.len()..]))
    })
}

fn unescape(text: &str) -> Result<String, SelectorError> {
    let mut value = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(c @ ('\\' | ',' | '=')) => value.push(c),
                other => {
                    let sequence: String = other.into_iter().collect();
                    return Err(SelectorError(format!(
                        "invalid field selector: invalid escape sequence: \\{sequence}"
                    )));
                }
            },
            ',' | '=' => {
                let code = u32::from(c);
                return Err(SelectorError(format!("invalid field selector: unescaped character in value: {code}")));
            }
            _ => value.push(c),
        }
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::FieldSelector;

    #[test]
    fn reads_and_selects() {
        let selector = FieldSelector::parse("status.phase!=Running,metadata.name=x").unwrap();
        assert_eq!(selector.to_string(), "metadata.name=x,status.phase!=Running");
        let phase =
            |phase: &'static str| move |field: &str| if field == "metadata.name" { "x" } else { phase }.to_string();
        assert!(selector.matches(phase("Pending")) && !selector.matches(phase("Running")));
        assert_eq!(FieldSelector::parse(r"a==b\,c").unwrap().to_string(), r"a=b\,c");
        assert!(FieldSelector::parse("").unwrap().is_everything());
    }

    #[test]
    fn refuses_in_kubernetes_words() {
        let refused = |text: &str| FieldSelector::parse(text).unwrap_err().to_string();
        assert_eq!(refused("a=b,foo"), "invalid selector: 'a=b,foo'; can't understand 'foo'");
        assert_eq!(refused("a=b=c"), "invalid field selector: unescaped character in value: 61");
        assert_eq!(refused(r"a=\b"), r"invalid field selector: invalid escape sequence: \b");
        assert_eq!(refused(r"a=b\"), r"invalid field selector: invalid escape sequence: \");
    }
}
