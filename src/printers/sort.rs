//! The order that `--sort-by` brings objects into.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/get/sorter.go`: quantities as quantities, numbers as numbers, all else as text.

use serde_json::Value;

use super::go_value::{quote, type_name};
use super::jsonpath::{Found, JsonPath, JsonPathError, relaxed};
use crate::api::{Quantity, go_sort};

/// What is printed, which decides what an error says and whether a path in full template form is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// A table of one kind.
    Table,
    /// A list of objects for `-o yaml`, `-o name` and the like.
    List,
}

/// Why objects have no order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SortError {
    /// The path can't be read or followed.
    #[error("{0}")]
    Path(JsonPathError),
    /// No object has the field.
    #[error("couldn't find any field with path {0} in the list of objects")]
    NoField(String),
    /// The values have no order. kubectl notices it in the middle, and ends with a line of its log.
    #[error("{0}")]
    Unsortable(String),
}

/// Where each place's object is found now: the objects' indexes in their new order.
///
/// # Errors
/// An unreadable path, a path that no object has (`couldn't find any field with path "{.x}" in the list of
/// objects`), or values that have no order.
pub fn order<'a>(
    path: &str,
    objects: impl IntoIterator<Item = &'a Value>,
    target: Listing,
) -> Result<Vec<usize>, SortError> {
    let template = match (relaxed(path), target) {
        (Ok(template), _) => template,
        (Err(_), Listing::Table) => path.to_string(),
        (Err(e), Listing::List) => return Err(SortError::Path(e)),
    };
    let path = JsonPath::parse(&template).map_err(|e| match target {
        Listing::Table => SortError::Path(JsonPathError(format!("sorting error: {e}"))),
        Listing::List => SortError::Path(e),
    })?;
    let path = path.allow_missing_keys(true);
    let keys: Vec<Option<Found<'a>>> =
        objects.into_iter().map(|object| path.first(object)).collect::<Result<_, _>>().map_err(SortError::Path)?;
    if !keys.is_empty() && keys.iter().all(Option::is_none) {
        return Err(SortError::NoField(quote(&template)));
    }
    let mut order: Vec<usize> = (0..keys.len()).collect();
    let mut fault = None;
    go_sort::sort(&mut order, |a, b| {
        less(&keys[*a], &keys[*b]).unwrap_or_else(|why| {
            let of = if target == Listing::Table { "[][][]reflect.Value" } else { "*unstructured.Unstructured" };
            fault.get_or_insert(format!("Field {template} in {of} is an unsortable type: interface, err: {why}"));
            false
        })
    });
    match fault {
        Some(fault) => Err(SortError::Unsortable(fault)),
        None => Ok(order),
    }
}

/// Mirrors `isLess`.
fn less(a: &Option<Found<'_>>, b: &Option<Found<'_>>) -> Result<bool, String> {
    let (Some(a), Some(b)) = (a, b) else { return Ok(a.is_none()) };
    match (a.as_ref(), b.as_ref()) {
        (Value::Null, other) => Ok(!other.is_null()),
        (_, Value::Null) => Ok(false),
        (Value::String(a), Value::String(b)) => Ok(match (Quantity::parse(a), Quantity::parse(b)) {
            (Ok(a), Ok(b)) => a < b,
            _ => a < b,
        }),
        (Value::Number(a), Value::Number(b)) if a.is_i64() && b.is_i64() => Ok(a.as_i64() < b.as_i64()),
        (Value::Number(a), Value::Number(b)) if !a.is_i64() && !b.is_i64() => Ok(a.as_f64() < b.as_f64()),
        (Value::Bool(_) | Value::Array(_) | Value::Object(_), _) => Err(format!("unsortable type: {}", type_name(a))),
        _ => Err("unsortable interface: interface".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Listing, order};
    use serde_json::{Value, json};

    fn sorted(values: &[Value], path: &str) -> Result<Vec<usize>, String> {
        let objects: Vec<Value> = values.iter().map(|v| json!({"a": v, "b": {"c": v}})).collect();
        order(path, &objects, Listing::Table).map_err(|e| e.to_string())
    }

    #[test]
    fn by_value() {
        assert_eq!(sorted(&[json!("10Gi"), json!("2Gi"), json!("512Mi")], ".b.c"), Ok(vec![2, 1, 0]));
        assert_eq!(sorted(&[json!("b"), json!("a"), json!("10")], "{.a}"), Ok(vec![2, 1, 0]));
        assert_eq!(sorted(&[json!(10), json!(9), json!(9)], "a"), Ok(vec![1, 2, 0]));
        let times = [json!("2026-11-20T22:05:20Z"), json!("2026-11-20T22:05:19Z")];
        assert_eq!(sorted(&times, ".a"), Ok(vec![1, 0]));
        let many: Vec<Value> = (0..40).map(|i| json!(i % 4)).collect();
        let sorted = sorted(&many, ".a").unwrap();
        assert!(sorted.is_sorted_by_key(|&i| i % 4));
    }

    #[test]
    fn missing_fields_come_first() {
        let objects = [json!({"a": "x"}), json!({"n": 1}), json!({"a": "b"}), json!({"n": 2})];
        assert_eq!(order(".a", &objects, Listing::Table).unwrap(), [3, 1, 2, 0]);
        assert_eq!(
            order(".none", &objects, Listing::Table).unwrap_err().to_string(),
            "couldn't find any field with path \"{.none}\" in the list of objects"
        );
        assert!(order(".none", &[], Listing::Table).unwrap().is_empty());
    }

    #[test]
    fn errors_in_kubectls_words() {
        let objects = [json!({"a": true}), json!({"a": false})];
        assert_eq!(
            order(".a", &objects, Listing::Table).unwrap_err().to_string(),
            "Field {.a} in [][][]reflect.Value is an unsortable type: interface, err: unsortable type: bool"
        );
        let refused = |path: &str, target| order(path, &objects, target).unwrap_err().to_string();
        assert_eq!(refused("{.a", Listing::Table), "sorting error: unclosed action");
        assert!(refused("{.a", Listing::List).starts_with("unexpected path string"));
    }
}
