//! JSONPath in kubectl's dialect: templates of text and `{expressions}` with ranges, filters and unions.
//!
//! Mirrors `k8s.io/client-go/util/jsonpath`. Maps are walked in the order of their keys, where Go draws lots.

mod eval;
mod parse;

use std::borrow::Cow;

use serde_json::Value;

use super::go_value::{quote, sprint, sprint_syntax};
use super::json;

/// Why a template cannot be read or carried out, in kubectl's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct JsonPathError(pub String);

/// A value that was found: part of the object, or made by the template itself.
pub type Found<'a> = Cow<'a, Value>;

/// A piece of a template.
#[derive(Debug, Clone, PartialEq)]
enum Node {
    /// What stands in one pair of braces.
    List(Vec<Node>),
    Text(String),
    Field(String),
    /// `range` and `end`; others are errors when they are met.
    Identifier(String),
    Array([Param; 3]),
    Filter {
        left: Vec<Node>,
        operator: String,
        right: Vec<Node>,
    },
    Int(i64),
    Float(f64),
    Bool(bool),
    Wildcard,
    Recursive,
    Union(Vec<Vec<Node>>),
}

/// Start, end or step of a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Param {
    value: i64,
    known: bool,
    /// An end that follows from a single index.
    derived: bool,
}

/// A template that has been read.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonPath {
    text: String,
    root: Vec<Node>,
    allow_missing_keys: bool,
    json_output: bool,
}

impl JsonPath {
    /// Reads a template. Missing keys are errors until they are allowed.
    ///
    /// # Errors
    /// client-go's texts: `unclosed action`, `unterminated array`, ...
    pub fn parse(text: &str) -> Result<JsonPath, JsonPathError> {
        let root = parse::parse(text)?;
        Ok(JsonPath { text: text.into(), root, allow_missing_keys: false, json_output: false })
    }

    /// Whether a key that is not there gives nothing instead of an error.
    #[must_use]
    pub fn allow_missing_keys(mut self, allow: bool) -> JsonPath {
        self.allow_missing_keys = allow;
        self
    }

    /// Whether results are printed as JSON arrays (`-o jsonpath-as-json`).
    #[must_use]
    pub fn json_output(mut self, json: bool) -> JsonPath {
        self.json_output = json;
        self
    }

    /// What each piece of the template finds, in order.
    ///
    /// # Errors
    /// client-go's texts: `array index out of bounds: index 5, length 3`, `x is not found`, ...
    pub fn find_results<'a>(&self, data: &'a Value) -> Result<Vec<Vec<Found<'a>>>, JsonPathError> {
        eval::find_results(&self.root, data, self.allow_missing_keys)
    }

    /// The first value that the first piece finds; mirrors what `--sort-by` and `wait --for=jsonpath` look at.
    ///
    /// # Errors
    /// Those of [`JsonPath::find_results`].
    pub fn first<'a>(&self, data: &'a Value) -> Result<Option<Found<'a>>, JsonPathError> {
        Ok(self.find_results(data)?.into_iter().next().and_then(|found| found.into_iter().next()))
    }

    /// The template's output for an object.
    ///
    /// # Errors
    /// Those of [`JsonPath::find_results`].
    pub fn execute(&self, data: &Value) -> Result<String, JsonPathError> {
        let mut out = String::new();
        for found in self.find_results(data)? {
            if self.json_output {
                out += &json::to_pretty(&found.into_iter().map(Cow::into_owned).collect());
                continue;
            }
            let texts: Vec<String> = found.iter().map(|value| text_of(value)).collect();
            out += &texts.join(" ");
        }
        Ok(out)
    }

    /// The output of `-o jsonpath` for an object. The error is the whole text that kubectl prints after
    /// `error: `, the object that the template was given included, but for the last line break.
    ///
    /// # Errors
    /// `error executing jsonpath "...": Error executing template: ...`
    pub fn print(&self, data: &Value) -> Result<String, JsonPathError> {
        self.execute(data).map_err(|e| {
            let (template, text, object) = (quote(&self.text), &self.text, sprint_syntax(data));
            JsonPathError(format!(
                "error executing jsonpath {template}: Error executing template: {e}. Printing more information for \
                 debugging the template:\n\ttemplate was:\n\t\t{text}\n\tobject given to jsonpath engine was:\n\t\t\
                 {object}\n\n"
            ))
        })
    }
}

/// A value as text: strings bare, lists and maps as JSON.
pub fn text_of(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Object(_) => json::to_compact(value),
        Value::Null => "null".into(),
        _ => sprint(value),
    }
}

/// A path as `--sort-by` and custom columns take it, with or without braces and the first dot, made a template;
/// mirrors `get.RelaxedJSONPathExpression`.
///
/// # Errors
/// Braces inside of the path.
pub fn relaxed(path: &str) -> Result<String, JsonPathError> {
    if path.is_empty() {
        return Ok(String::new());
    }
    let inner = path.strip_prefix('{').and_then(|p| p.strip_suffix('}')).unwrap_or(path);
    if inner.is_empty() || inner.contains(['{', '}']) {
        return Err(JsonPathError(
            "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'"
                .into(),
        ));
    }
    let inner = inner.strip_prefix('.').filter(|rest| !rest.is_empty()).unwrap_or(inner);
    Ok(format!("{{.{inner}}}"))
}

#[cfg(test)]
mod tests {
    use super::{JsonPath, relaxed};
    use serde_json::{Value, json};

    fn pods() -> Value {
        let pod = |name: &str, node: &str, restarts: u64| {
            json!({
                "metadata": {"name": name, "labels": {"app": "web"}, "annotations": {"a.b/c": "<x>"}},
                "spec": {"nodeName": node, "containers": [{"name": "c", "image": "nginx"}]},
                "status": {"restarts": restarts, "ready": true, "note": null},
            })
        };
        json!({"kind": "List", "items": [pod("a", "n1", 0), pod("b", "n2", 7), pod("c", "n1", 12)]})
    }

    fn run(template: &str) -> String {
        let printed = JsonPath::parse(template).and_then(|p| p.allow_missing_keys(true).execute(&pods()));
        printed.unwrap_or_else(|e| format!("error: {e}"))
    }

    #[test]
    fn expressions() {
        for (template, printed) in [
            ("{.kind}", "List"),
            ("kind is {.kind}.", "kind is List."),
            ("{.items[*].metadata.name}", "a b c"),
            ("{.items[0].metadata.name}", "a"),
            ("{.items[-1].metadata.name}", "c"),
            ("{.items[1:].metadata.name}", "b c"),
            ("{.items[:2].metadata.name}", "a b"),
            ("{.items[-2:].metadata.name}", "b c"),
            ("{.items[::2].metadata.name}", "a c"),
            ("{.items[0,2].metadata.name}", "a c"),
            ("{.items[*]['metadata.name', 'spec.nodeName']}", "a b c n1 n2 n1"),
            ("{.items[0]['metadata']['name']}", "a"),
            (r"{.items[0].metadata.annotations.a\.b/c}", "<x>"),
            (r"{.items[0].metadata.annotations['a\.b/c']}", "<x>"),
            ("{.items[0].metadata.annotations}", r#"{"a.b/c":"\u003cx\u003e"}"#),
            ("{..image}", "nginx nginx nginx"),
            ("{.items..nodeName}", "n1 n2 n1"),
            ("{.items[0].metadata.labels.*}", "web"),
            (r#"{.items[?(@.spec.nodeName=="n1")].metadata.name}"#, "a c"),
            ("{.items[?(@.spec.nodeName!='n1')].metadata.name}", "b"),
            ("{.items[?(@.status.restarts>7)].metadata.name}", "c"),
            ("{.items[?(@.status.restarts>=7)].metadata.name}", "b c"),
            ("{.items[?(@.status.ready==true)].metadata.name}", "a b c"),
            ("{.items[?(@.status.none)].metadata.name}", ""),
            ("{.items[?(@.spec.nodeName)].metadata.name}", "a b c"),
            ("{range .items[*]}{.metadata.name}{'\\t'}{.spec.nodeName}{\"\\n\"}{end}", "a\tn1\nb\tn2\nc\tn1\n"),
            ("{range .items[*]}[{range .spec.containers[*]}{.name}{end}]{end}!", "[c][c][c]!"),
            ("{range .nothing[*]}{.x}{end}none", "none"),
            ("{.items[0].status.restarts} {.items[0].status.ready} {.items[0].status.note}", "0 true null"),
            ("{.nope.nope}", ""),
            ("{@.kind}{$.kind}", "ListList"),
            ("{'it''s'}", "s"),
            ("{3}{true}{1.5}", "3true1.5"),
        ] {
            assert_eq!(run(template), printed, "{template}");
        }
        let as_json = JsonPath::parse("{.items[*].spec.nodeName}").unwrap().json_output(true).execute(&pods());
        assert_eq!(as_json.unwrap(), "[\n    \"n1\",\n    \"n2\",\n    \"n1\"\n]\n");
    }

    #[test]
    fn errors_in_kubectls_words() {
        for (template, error) in [
            ("{.x", "unclosed action"),
            ("{.items[0}", "unterminated array"),
            ("{.items[x]}", "invalid array index x"),
            ("{.items[?(@.a==1]}", "unterminated filter"),
            ("{.items[?(@.a==1).b]}", "unclosed array expect ]"),
            ("{.items[?(@.a==1&&@.b==2)]}", "unrecognized character in action: U+0026 '&'"),
            ("{'x}", "unterminated quoted string"),
            (r"{'\q'}", r"unquote string '\q' error invalid syntax"),
            ("{....a}", "invalid multiple recursive descent"),
            ("{1.2.3}", "cannot parse number 1.2.3"),
            ("{..*}", "unrecognized character in action: U+002A '*'"),
            ("{end}", "not in range, nothing to end"),
            ("{foo}", "unrecognized identifier foo"),
            ("{.items[5].metadata}", "array index out of bounds: index 5, length 3"),
            ("{.items[0:9].metadata}", "array index out of bounds: index 8, length 3"),
            ("{.items[2:1].metadata}", "starting index 2 is greater than ending index 1"),
            ("{.items[::0]}", "step must be > 0"),
            ("{.kind[0]}", "string is not array or slice"),
            ("{.items[0].metadata[0]}", "map[string]interface {} is not array or slice"),
            ("{.kind[?(@.a)]}", "List is not array or slice and cannot be filtered"),
            ("{.items[?(@.spec==1)]}", "invalid type for comparison"),
            ("{.items[?(@.kind==1)]}", ""),
            ("{.items[?(@.spec.nodeName==1)]}", "incompatible types for comparison"),
            ("{.items[?(@.status.*==1)]}", "can only compare one element at a time"),
            ("{.items[?(@.spec.nodeName=!1)]}", "unrecognized filter operator =!"),
        ] {
            let printed = run(template);
            assert_eq!(printed.strip_prefix("error: ").unwrap_or(""), error, "{template}");
        }
        let missing = JsonPath::parse("{.a.b}").unwrap().print(&json!({"x": 1})).unwrap_err().to_string();
        insta::assert_snapshot!(missing, @r#"
        error executing jsonpath "{.a.b}": Error executing template: a is not found. Printing more information for debugging the template:
        	template was:
        		{.a.b}
        	object given to jsonpath engine was:
        		map[string]interface {}{"x":1}
        "#);
    }

    #[test]
    fn relaxed_paths() {
        for path in ["a.b", ".a.b", "{a.b}", "{.a.b}"] {
            assert_eq!(relaxed(path).unwrap(), "{.a.b}");
        }
        assert_eq!((relaxed("").unwrap(), relaxed("..a").unwrap()), (String::new(), "{..a}".into()));
        assert!(relaxed("{range .a}{.b}").is_err() && relaxed("{}").is_err());
    }

    #[test]
    fn hostile_templates_end() {
        let bomb = "{range @}".repeat(40) + "x";
        assert!(run(&bomb).starts_with("error: "));
        assert!(run(&"{range @}".repeat(5000)).starts_with("error: "));
        run(&format!("{{{}}}", "[?(\"a".repeat(2000)));
        run(&"{..[*]".repeat(30));
        run(&format!("{{{}}}", "..[*]".repeat(30)));
    }

    proptest::proptest! {
        #[test]
        fn any_template_is_an_answer(template in "[{}.\\[\\]?()@$*:,'\"a-b1 =<>!\\\\-]{0,40}|\\{[a-z.\\[\\]*@?()='\"0-9:, -]{0,30}\\}") {
            run(&template);
        }
    }
}
