//! Tables whose columns the user names: `-o custom-columns=NAME:.metadata.name,...`.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/get/customcolumn.go`.

use serde_json::Value;

use super::PrintFailure;
use super::columns::Columns;
use super::go_value::sprint;
use super::jsonpath::{JsonPath, JsonPathError, relaxed};
use crate::api::printable::escape_terminal;

/// Prints objects under headers that come once.
#[derive(Debug, Clone)]
pub struct CustomColumns {
    headers: Vec<String>,
    /// A path that can't be read is found to be so when the headers have been printed.
    paths: Result<Vec<JsonPath>, JsonPathError>,
    no_headers: bool,
    printed_headers: bool,
    columns: Columns,
}

fn error<T>(text: impl Into<String>) -> Result<T, JsonPathError> {
    Err(JsonPathError(text.into()))
}

impl CustomColumns {
    /// Reads `HEADER:PATH,HEADER:PATH`.
    ///
    /// # Errors
    /// kubectl's texts: `unexpected custom-columns spec: NAME, expected <header>:<json-path-expr>`, ...
    pub fn from_spec(spec: &str, no_headers: bool) -> Result<CustomColumns, JsonPathError> {
        if spec.is_empty() {
            return error("custom-columns format specified but no custom columns given");
        }
        let mut columns = Vec::new();
        for part in spec.split(',') {
            let Some((header, path)) = part.split_once(':') else {
                return error(format!("unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>"));
            };
            columns.push((header, relaxed(path)?));
        }
        Ok(CustomColumns::new(columns, no_headers))
    }

    /// Reads a file of two lines: headers, and under each its path (`-o custom-columns-file=FILE`).
    ///
    /// # Errors
    /// kubectl's texts: `number of headers (2) and field specifications (1) don't match`, ...
    pub fn from_template(text: &str) -> Result<CustomColumns, JsonPathError> {
        let mut lines = text.lines();
        let mut line = |name: &str| match lines.next() {
            Some(line) => Ok(line.split_whitespace().collect::<Vec<_>>()),
            None => error(format!(
                "invalid template, missing {name} line. Expected format is one line of space separated headers, \
                 one line of space separated column specs."
            )),
        };
        let (headers, specs) = (line("header")?, line("spec")?);
        if headers.len() != specs.len() {
            let (headers, specs) = (headers.len(), specs.len());
            return error(format!("number of headers ({headers}) and field specifications ({specs}) don't match"));
        }
        let specs = specs.into_iter().map(relaxed).collect::<Result<Vec<_>, _>>()?;
        Ok(CustomColumns::new(headers.into_iter().zip(specs).collect(), false))
    }

    fn new(columns: Vec<(&str, String)>, no_headers: bool) -> CustomColumns {
        let parse = |(_, path): &(&str, String)| JsonPath::parse(path).map(|path| path.allow_missing_keys(true));
        CustomColumns {
            headers: columns.iter().map(|(header, _)| (*header).to_string()).collect(),
            paths: columns.iter().map(parse).collect(),
            no_headers,
            printed_headers: false,
            columns: Columns::default(),
        }
    }

    /// Prints objects, after the headers the first time.
    ///
    /// # Errors
    /// A path that cannot be read or followed: `array index out of bounds: index 1, length 1`, after the rows before it.
    pub fn print<'a>(&mut self, objects: impl IntoIterator<Item = &'a Value>) -> Result<String, PrintFailure> {
        let mut lines = Vec::new();
        if !self.no_headers && !self.printed_headers {
            lines.push(self.headers.clone());
            self.printed_headers = true;
        }
        let found = self.find_cells(objects, &mut lines);
        let output = self.columns.lay_out(&lines);
        found.map(|()| output.clone()).map_err(|e| PrintFailure { output, message: e.0 })
    }

    fn find_cells<'a>(
        &self,
        objects: impl IntoIterator<Item = &'a Value>,
        lines: &mut Vec<Vec<String>>,
    ) -> Result<(), JsonPathError> {
        let paths = self.paths.as_ref().map_err(Clone::clone)?;
        for object in objects {
            lines.push(paths.iter().map(|path| cell(path, object)).collect::<Result<_, _>>()?);
        }
        Ok(())
    }
}

fn cell(path: &JsonPath, object: &Value) -> Result<String, JsonPathError> {
    let found = path.find_results(object)?;
    let mut values: Vec<String> = Vec::new();
    if found.first().is_none_or(Vec::is_empty) {
        values.push("<none>".into());
    }
    values.extend(found.iter().flatten().map(|value| escape_terminal(&sprint(value))));
    Ok(values.join(","))
}

#[cfg(test)]
mod tests {
    use super::CustomColumns;
    use serde_json::json;

    #[test]
    fn columns_of_two_pods() {
        let pod = |name: &str, images: &[&str]| {
            let containers: Vec<_> = images.iter().map(|i| json!({ "image": i })).collect();
            json!({"metadata": {"name": name, "labels": {"a": "1"}}, "spec": {"containers": containers, "x": null}})
        };
        let spec = "NAME:.metadata.name,IMAGES:.spec.containers[*].image,L:metadata.labels,X:{.spec.x},NONE:.nope";
        let mut printer = CustomColumns::from_spec(spec, false).unwrap();
        let pods = [pod("web-0", &["nginx", "busybox"]), pod("b", &[])];
        insta::assert_snapshot!(printer.print(&pods).unwrap(), @"
        NAME    IMAGES          L          X       NONE
        web-0   nginx,busybox   map[a:1]   <nil>   <none>
        b       <none>          map[a:1]   <nil>   <none>
        ");
        assert_eq!(printer.print([&pods[1]]).unwrap(), "b       <none>          map[a:1]   <nil>   <none>\n");
        let mut file = CustomColumns::from_template("A  B\nmetadata.name {.spec.x}\n").unwrap();
        assert_eq!(file.print(&pods).unwrap(), "A       B\nweb-0   <nil>\nb       <nil>\n");
    }

    #[test]
    fn errors_in_kubectls_words() {
        let refused = |spec: &str| CustomColumns::from_spec(spec, false).unwrap_err().to_string();
        assert_eq!(refused(""), "custom-columns format specified but no custom columns given");
        assert_eq!(refused("NAME"), "unexpected custom-columns spec: NAME, expected <header>:<json-path-expr>");
        assert!(refused("A:{.a}{.b}").starts_with("unexpected path string, expected a"));
        let mut late = CustomColumns::from_spec("A:.a[x]", false).unwrap();
        let failure = late.print(&[json!({"a": []})]).unwrap_err();
        assert_eq!((failure.output.as_str(), failure.message.as_str()), ("A\n", "invalid array index x"));
        let template = |text: &str| CustomColumns::from_template(text).unwrap_err().to_string();
        assert!(template("").starts_with("invalid template, missing header line."));
        assert_eq!(template("A B\n.a"), "number of headers (2) and field specifications (1) don't match");
    }
}
