//! Reading what `-l` takes; mirrors the lexer and parser of `k8s.io/apimachinery/pkg/labels`.

use std::collections::BTreeSet;

use super::{Operator, Requirement, SelectorError};
use crate::api::names;
use crate::error::FieldError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    End,
    Open,
    Close,
    Comma,
    Not,
    Identifier,
    /// `in` and `notin` are operators after a key and plain words elsewhere.
    Word(Operator),
    Sign(Operator),
}

type Item<'a> = (Token, &'a str);

const SIGNS: [(&str, Token); 9] = [
    // The longer ones first.
    ("==", Token::Sign(Operator::DoubleEquals)),
    ("!=", Token::Sign(Operator::NotEquals)),
    ("=", Token::Sign(Operator::Equals)),
    (">", Token::Sign(Operator::GreaterThan)),
    ("<", Token::Sign(Operator::LessThan)),
    ("!", Token::Not),
    ("(", Token::Open),
    (")", Token::Close),
    (",", Token::Comma),
];

fn lex(text: &str) -> Vec<Item<'_>> {
    let blank = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n');
    let mut items = Vec::new();
    let mut rest = text.trim_start_matches(blank);
    while !rest.is_empty() {
        let item = match SIGNS.iter().find(|(sign, _)| rest.starts_with(sign)) {
            Some((sign, token)) => (*token, &rest[..sign.len()]),
            None => {
                let end = rest.find(|c| blank(c) || "=!(),><".contains(c)).unwrap_or(rest.len());
                let word = &rest[..end];
                match word {
                    "in" => (Token::Word(Operator::In), word),
                    "notin" => (Token::Word(Operator::NotIn), word),
                    _ => (Token::Identifier, word),
                }
            }
        };
        items.push(item);
        rest = rest[item.1.len()..].trim_start_matches(blank);
    }
    items.push((Token::End, ""));
    items
}

struct Parser<'a> {
    items: Vec<Item<'a>>,
    at: usize,
}

fn expected<T>(found: &str, what: &str) -> Result<T, SelectorError> {
    Err(SelectorError(format!("found '{found}', expected: {what}")))
}

impl<'a> Parser<'a> {
    fn item(&self) -> Item<'a> {
        self.items.get(self.at).copied().unwrap_or((Token::End, ""))
    }

    /// The next item with `in` and `notin` taken as words.
    fn peek(&self) -> Item<'a> {
        match self.item() {
            (Token::Word(_), text) => (Token::Identifier, text),
            item => item,
        }
    }

    fn next(&mut self) -> Item<'a> {
        let item = self.peek();
        self.at += 1;
        item
    }

    fn selector(&mut self) -> Result<Vec<Requirement>, SelectorError> {
        let mut all = Vec::new();
        loop {
            match self.peek() {
                (Token::Identifier | Token::Not, _) => {}
                (Token::End, _) => return Ok(all),
                (_, text) => return expected(text, "!, identifier, or 'end of string'"),
            }
            let requirement =
                self.requirement().map_err(|e| SelectorError(format!("unable to parse requirement: {e}")))?;
            all.push(requirement);
            match self.next() {
                (Token::End, _) => return Ok(all),
                (Token::Comma, _) => match self.peek() {
                    (Token::Identifier | Token::Not, _) => {}
                    (_, text) => return expected(text, "identifier after ','"),
                },
                (_, text) => return expected(text, "',' or 'end of string'"),
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, SelectorError> {
        let (mut token, mut key) = self.next();
        let negated = token == Token::Not;
        if negated {
            (token, key) = self.next();
        }
        if token != Token::Identifier {
            return expected(key, "identifier");
        }
        let faults = names::qualified_name(key);
        if !faults.is_empty() {
            // Go has no path here and prints that.
            return Err(SelectorError(FieldError::invalid("<nil>", key, &faults.join("; ")).to_string()));
        }
        if negated {
            return Requirement::new(key, Operator::DoesNotExist, Vec::new(), "");
        }
        if matches!(self.peek().0, Token::End | Token::Comma) {
            return Requirement::new(key, Operator::Exists, Vec::new(), "");
        }
        let (token, text) = self.item();
        self.at += 1;
        let (operator, values) = match token {
            Token::Word(operator) => (operator, self.values()?),
            Token::Sign(operator) => (operator, self.exact_value()?),
            _ => return expected(text, "in, notin, =, ==, !=, gt, lt"),
        };
        Requirement::new(key, operator, values, "")
    }

    fn values(&mut self) -> Result<Vec<String>, SelectorError> {
        match self.next() {
            (Token::Open, _) => {}
            // Go's text lacks the comma here.
            (_, text) => return Err(SelectorError(format!("found '{text}' expected: '('"))),
        }
        match self.peek() {
            (Token::Close, _) => {
                self.next();
                Ok(vec![String::new()])
            }
            (Token::Identifier | Token::Comma, first) => {
                let values = self.identifiers()?;
                match self.next() {
                    (Token::Close, _) => Ok(values.into_iter().map(str::to_string).collect()),
                    _ => expected(first, "')'"),
                }
            }
            (_, text) => expected(text, "',', ')' or identifier"),
        }
    }

    fn identifiers(&mut self) -> Result<BTreeSet<&'a str>, SelectorError> {
        let mut all = BTreeSet::new();
        loop {
            match self.next() {
                (Token::Identifier, text) => {
                    all.insert(text);
                    match self.peek() {
                        (Token::Comma, _) => {}
                        (Token::Close, _) => return Ok(all),
                        (_, text) => return expected(text, "',' or ')'"),
                    }
                }
                (Token::Comma, _) => {
                    let following = self.peek().0;
                    if all.is_empty() || matches!(following, Token::Close | Token::Comma) {
                        all.insert("");
                    }
                    if following == Token::Close {
                        return Ok(all);
                    }
                }
                (_, text) => return expected(text, "',', or identifier"),
            }
        }
    }

    fn exact_value(&mut self) -> Result<Vec<String>, SelectorError> {
        if matches!(self.peek().0, Token::End | Token::Comma) {
            return Ok(vec![String::new()]);
        }
        match self.next() {
            (Token::Identifier, text) => Ok(vec![text.to_string()]),
            (_, text) => expected(text, "identifier"),
        }
    }
}

/// The requirements as written, unsorted.
pub(super) fn parse(text: &str) -> Result<Vec<Requirement>, SelectorError> {
    Parser { items: lex(text), at: 0 }.selector()
}

#[cfg(test)]
mod tests {
    use crate::api::selector::Selector;

    #[test]
    fn canonical_forms() {
        for (written, printed) in [
            ("", ""),
            ("x", "x"),
            ("! x", "!x"),
            ("x=a,y==b", "x=a,y==b"),
            ("y=b , x = a", "x=a,y=b"),
            ("x=", "x="),
            ("x=,y", "x=,y"),
            ("x in (b,a,a)", "x in (a,b)"),
            ("x in ()", "x in ()"),
            ("x in (,a,,)", "x in (,a)"),
            ("x notin (in)", "x notin (in)"),
            ("in in (in)", "in in (in)"),
            ("x>1,y<0", "x>1,y<0"),
        ] {
            assert_eq!(Selector::parse(written).unwrap().to_string(), printed, "{written}");
        }
    }

    #[test]
    fn refuses_in_kubernetes_words() {
        let refused = |text: &str| Selector::parse(text).unwrap_err().to_string();
        insta::assert_snapshot!(refused("a in b"), @"unable to parse requirement: found 'b' expected: '('");
        insta::assert_snapshot!(refused("a b"), @"unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt");
        insta::assert_snapshot!(refused("a=b,"), @"found '', expected: identifier after ','");
        insta::assert_snapshot!(refused(",a"), @"found ',', expected: !, identifier, or 'end of string'");
        insta::assert_snapshot!(refused("a=b=c"), @"found '=', expected: ',' or 'end of string'");
        insta::assert_snapshot!(refused("a=(b)"), @"unable to parse requirement: found '(', expected: identifier");
        insta::assert_snapshot!(refused("a in (b"), @"unable to parse requirement: found '', expected: ',' or ')'");
        insta::assert_snapshot!(refused("a in (b c)"), @"unable to parse requirement: found 'c', expected: ',' or ')'");
        insta::assert_snapshot!(refused("a in ((b)"), @"unable to parse requirement: found '(', expected: ',', ')' or identifier");
        insta::assert_snapshot!(refused("!"), @"unable to parse requirement: found '', expected: identifier");
        insta::assert_snapshot!(refused("!a=b"), @"found '=', expected: ',' or 'end of string'");
        insta::assert_snapshot!(refused("a>b"), @"unable to parse requirement: values[0]: Invalid value: \"b\": for 'Gt', 'Lt' operators, the value must be an integer");
        insta::assert_snapshot!(refused("a/b/c=d"), @r#"unable to parse requirement: <nil>: Invalid value: "a/b/c": a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"#);
        insta::assert_snapshot!(refused("a=b*"), @r#"unable to parse requirement: values[0][a]: Invalid value: "b*": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"#);
    }
}
