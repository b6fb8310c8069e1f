//! YAML as Go's library reads it.

use proptest::prelude::{ProptestConfig, any, prop, proptest};
use serde_json::{Value, json};

use super::{duplicate_keys, to_json};
use crate::manifest::json::MAX_DEPTH;

fn fault(text: &str) -> String {
    match to_json(text) {
        Ok(value) => format!("no fault: {value}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn scalars_are_typed_as_kubectl_types_them() {
    let text = "
        mode: 0644
        octal: 0o644
        hex: 0x1F
        separated: 1_000
        size: 1e3
        nine: 089
        yes: [on, Yes, n, y]
        none: [~, null, ]
        empty:
        date: 2001-01-01
        time: 1:30
        quoted: '0644'
        1.50: float
        true: bool
        tags: [!!str 1, !!float 1, !!int '7', ! 8, !local 9, !!binary aGVsbG8=]
    ";
    let want = json!({
        "mode": 420, "octal": 420, "hex": 31, "separated": 1000, "size": 1000, "nine": 89,
        "true": "bool", "none": [null, null], "empty": null, "date": "2001-01-01", "time": "1:30", "quoted": "0644",
        "1.5": "float", "tags": ["1", 1, 7, "8", "9", "hello"],
    });
    assert_eq!(to_json(text), Ok(want));
}

#[test]
fn text_of_several_lines_is_folded_and_chomped() {
    for (text, want) in [
        ("a: |\n  x\n\n  y\n\n", "x\n\ny\n"),
        ("a: |-\n  x\n", "x"),
        ("a: |+\n  x\n\n", "x\n\n"),
        ("a: |2\n   x\n", " x\n"),
        ("a: >\n  x\n  y\n\n  z\n   w\n", "x y\nz\n w\n"),
        ("a: x\n  y\n\n  z\n", "x y\nz"),
        ("a: \"x\ny\\\n  z \\x41\"\n", "x yz A"),
        ("a: 'it''s\n\n  so'\n", "it's\nso"),
        ("a: b#c #d\n", "b#c"),
        ("a: |\r\n  x\r\n", "x\n"),
    ] {
        assert_eq!(to_json(text), Ok(json!({ "a": want })), "{text}");
    }
}

#[test]
fn what_yaml_1_2_refuses_is_taken() {
    // Observed with kubectl: brackets and quoted text may go on in column 0.
    assert_eq!(to_json("a:\n  b: [1,\n2\n]\n"), Ok(json!({"a": {"b": [1, 2]}})));
    assert_eq!(to_json("a:\n  b: \"x\ny\"\n"), Ok(json!({"a": {"b": "x y"}})));
    assert_eq!(to_json("a: {b: c, d}\ne:\n- f\n"), Ok(json!({"a": {"b": "c", "d": null}, "e": ["f"]})));
}

#[test]
fn aliases_merges_and_equal_keys() {
    let text = "base: &b {x: 1, z: 2}\nbehind: {<<: *b, x: 3}\nbefore: {x: 3, <<: *b}\nlist: [*b]\na: 1\na: 2\n";
    let want = json!({
        "base": {"x": 1, "z": 2}, "behind": {"x": 3, "z": 2}, "before": {"x": 1, "z": 2}, "list": [{"x": 1, "z": 2}],
        "a": 2,
    });
    assert_eq!(to_json(text), Ok(want));
    assert_eq!(to_json("a: 1\n...\nb: ["), Ok(json!({"a": 1})));
    assert_eq!(to_json("# only a comment\n"), Ok(Value::Null));
}

/// Each of these was given to kubectl, which said the same.
#[test]
fn faults_have_gos_words_and_lines() {
    for (text, want) in [
        ("a: b: c\n", "yaml: mapping values are not allowed in this context"),
        ("a: b\n c: d\n", "yaml: line 2: mapping values are not allowed in this context"),
        ("a:\n  b: 1\n\t- c\n", "yaml: line 3: found a tab character that violates indentation"),
        ("a:\n\t- c\n", "yaml: line 2: found character that cannot start any token"),
        ("x: 1\na: @b\n", "yaml: line 2: found character that cannot start any token"),
        ("a: b\nfoo\nc: d\n", "yaml: line 3: could not find expected ':'"),
        ("a:\n    b: 1\n   c: 2\n", "yaml: line 2: did not find expected key"),
        ("a:\n- b\n c\nd: e\n  f\n- g", "yaml: line 5: did not find expected key"),
        ("- a\nb: c\n", "yaml: line 1: did not find expected '-' indicator"),
        ("a: {b: c\nd: e\n", "yaml: line 1: did not find expected ',' or '}'"),
        ("a: [b\nc: e\n", "yaml: line 1: did not find expected ',' or ']'"),
        ("a: - b\n", "yaml: block sequence entries are not allowed in this context"),
        ("b: 1\na: }\n", "yaml: line 1: did not find expected node content"),
        ("a: 'x'y\n", "yaml: did not find expected key"),
        ("a: \"x\nb: 1\n", "yaml: line 3: found unexpected end of stream"),
        ("a: \"x\n...\ny\"\n", "yaml: line 2: found unexpected document indicator"),
        ("a: \"\\q\"\n", "yaml: found unknown escape character"),
        ("a:\n  b: \"\\ud83d\"\n", "yaml: line 2: found invalid Unicode character escape code"),
        ("a: |\n x\n\ty\n", "yaml: line 3: found a tab character where an indentation space is expected"),
        ("a: > x\n", "yaml: did not find expected comment or line break"),
        ("a: *nope\n", "yaml: unknown anchor 'nope' referenced"),
        ("a: &a [*a]\n", "yaml: anchor 'a' value contains itself"),
        ("a: &\n", "yaml: did not find expected alphabetic or numeric character"),
        ("a: !x!y z\n", "yaml: found undefined tag handle"),
        ("%YAML 1.2\n---\na: 1\n", "yaml: found incompatible YAML document"),
        ("a: \u{1}\n", "yaml: control characters are not allowed"),
        ("a: {{ foo }}\n", "yaml: invalid map key: map[interface {}]interface {}{\"foo\":interface {}(nil)}"),
        ("? [1, x]\n: b\n", "yaml: invalid map key: []interface {}{1, \"x\"}"),
        ("<<: 1\n", "yaml: map merge requires map or sequence of maps as the value"),
        ("a: !!int x\n", "yaml: cannot decode !!str `x` as a !!int"),
        ("a: !!binary aGk\n", "yaml: !!binary value contains invalid base64 data"),
        ("~: 1\n", "unsupported map key of type: %!s(<nil>), key: <nil>, value: 1"),
        ("a: .inf\n", "json: unsupported value: +Inf"),
    ] {
        assert_eq!(fault(text), want, "{text}");
    }
}

#[test]
fn bombs_end_in_a_fault_at_once() {
    let bomb: String = (1..10).fold("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".into(), |text, n| {
        let alias = format!("*a{}", n - 1);
        format!("{text}a{n}: &a{n} [{}]\n", [alias.as_str(); 9].join(", "))
    });
    assert_eq!(fault(&bomb), "yaml: document contains excessive aliasing");
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), "*a, ".repeat(64));
    assert_eq!(fault(&long), "yaml: document contains excessive aliasing");
    let deep = format!("yaml: exceeded max depth of {MAX_DEPTH}");
    for open in ["[", "{a: ", "- ", "? "] {
        assert_eq!(fault(&open.repeat(50_000)), deep, "{open}");
    }
    let huge = "y".repeat(1 << 20);
    assert_eq!(to_json(&huge), Ok(Value::from(huge.clone())));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_text_makes_it_panic(pieces in prop::collection::vec(prop::sample::select(vec![
        "a", "b: ", "- ", "? ", ": ", "\n", "\n  ", "\n ", "\t", "'", "\"", "[", "]", "{", "}", ", ", "&a ", "*a", "!", "!!int ",
        "|", ">-", "\\", "%", "---\n", "...\n", "#", "<<: ", "1", "é", "\u{1}", "!<", "%20", "x\\u12",
    ]), 0..40)) {
        let _ = to_json(&pieces.concat());
    }

    #[test]
    fn no_string_makes_it_panic(text in any::<String>()) {
        let _ = to_json(&text);
    }
}

#[test]
fn keys_that_stand_twice_are_told_with_the_line_of_their_value() {
    let found = |text: &str| duplicate_keys(text).unwrap().join("\n");
    assert_eq!(found("a: 1\nb: {a: 2}\nc: [{a: 1}, {a: 1}]\n"), "");
    insta::assert_snapshot!(found("a: 1\nb:\n  1: x\n  1:\n  - y\na:\n  c: {d: 1, d: 2}\nb:\n"), @r#"
    line 5: key 1 already set in map
    line 7: key "d" already set in map
    line 7: key "a" already set in map
    line 8: key "b" already set in map
    "#);
}
