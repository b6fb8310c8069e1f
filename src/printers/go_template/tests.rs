//! Go templates.

use serde_json::{Value, json};

use super::GoTemplate;

fn data() -> Value {
    json!({
        "kind": "List",
        "items": [
            {"metadata": {"name": "a", "labels": {"app": "web", "tier": "x"}}, "n": 1, "ready": true},
            {"metadata": {"name": "b"}, "n": 12, "ready": false, "none": null},
        ],
        "empty": [],
        "f": 1.5,
        "secret": "c3Bhcms=",
    })
}

fn run(template: &str) -> String {
    match GoTemplate::parse(template) {
        Ok(template) => template.execute(&data()).unwrap_or_else(|(printed, e)| format!("{printed}!{e}")),
        Err(e) => format!("!{e}"),
    }
}

#[test]
fn prints() {
    for (template, printed) in [
        ("{{.kind}}", "List"),
        ("a{{/* no */}}b", "ab"),
        ("a {{- /* no */ -}} b", "ab"),
        ("a {{- .kind -}} b", "aListb"),
        ("{{range .items}}{{.metadata.name}}{{\"\\n\"}}{{end}}", "a\nb\n"),
        ("{{range $i, $x := .items}}{{$i}}={{$x.metadata.name}} {{end}}", "0=a 1=b "),
        ("{{range $k, $v := (index .items 0).metadata.labels}}{{$k}}:{{$v}},{{end}}", "app:web,tier:x,"),
        ("{{range .empty}}x{{else}}nothing{{end}}", "nothing"),
        ("{{range .nope}}x{{else}}nothing{{end}}", "nothing"),
        ("{{range .items}}{{if .ready}}{{.n}}{{else if gt .n 10}}big{{else}}small{{end}} {{end}}", "1 big "),
        ("{{with .kind}}{{.}}{{$.f}}{{end}}{{with .nope}}x{{else with .f}}f{{.}}{{end}}", "List1.5f1.5"),
        ("{{.nope}} {{.nope.nope}} {{(index .items 1).none}}", "<no value> <no value> <no value>"),
        ("{{(index .items 0).metadata.labels}}", "map[app:web tier:x]"),
        ("{{len .items}} {{len .kind}} {{index .items 0 \"metadata\" \"name\"}}", "2 4 a"),
        (
            "{{printf \"%-5s|%5d|%05.1f|%q|%v|%t|%x\" .kind 7 .f .kind .empty true 255}}",
            "List |    7|001.5|\"List\"|[]|true|ff",
        ),
        ("{{printf \"%d %s\" .kind}} {{printf \"%d\" 1 2}}", "%!d(string=List) %!s(MISSING) 1%!(EXTRA int64=2)"),
        ("{{print 1 2 \"a\" \"b\" 3}}{{println .kind .f}}", "1 2ab3List 1.5\n"),
        ("{{.kind | printf \"%s-%s\" \"x\" | printf \"<%s>\"}}", "<x-List>"),
        ("{{$x := 1}}{{if true}}{{$x = 2}}{{$y := 3}}{{end}}{{$x}}", "2"),
        ("{{define \"t\"}}[{{.}}]{{end}}{{template \"t\" .kind}}{{block \"u\" .f}}<{{.}}>{{end}}", "[List]<1.5>"),
        (
            "{{eq .kind \"Pod\" \"List\"}} {{ne 1 2}} {{lt 1 2}} {{le 2 2}} {{ge .f 1.5}} {{not .empty}}",
            "true true true true true true",
        ),
        ("{{and .kind .f}} {{and .nope .f}} {{or .nope .kind}} {{or false 0}}", "1.5 <no value> List 0"),
        ("{{eq .nope \"x\"}} {{eq .nope .also}}", "false true"),
        (
            "{{.secret | base64decode}} {{exists .items 0 \"n\"}} {{exists . \"nope\"}} {{slice .kind 1 3}}",
            "spark true false is",
        ),
        ("{{html \"<a&'>\"}} {{js \"'<\"}} {{urlquery \"a b&c\"}}", "&lt;a&amp;&#39;&gt; \\'\\u003C a+b%26c"),
        (
            "{{range .items}}{{if eq .n 12}}{{break}}{{end}}{{.n}}{{end}} {{range 3}}{{if eq . 1}}{{continue}}{{end}}{{.}}{{end}}",
            "1 02",
        ),
        ("{{`raw\\n`}} {{'a'}} {{0x10}} {{1_000}} {{-2}} {{1e3}} {{010}}", "raw\\n 97 16 1000 -2 1000 8"),
        ("{{if\n.kind\n}}multi{{end}}", "multi"),
        ("{{.f}}}}{{ \"}}\" }}", "1.5}}}}"),
    ] {
        assert_eq!(run(template), printed, "{template}");
    }
}

#[test]
fn errors_in_gos_words() {
    for (template, error) in [
        ("{{.x", "template: output:1: unclosed action"),
        ("a\n{{.x\n", "template: output:3: unclosed action started at output:2"),
        ("{{.x}", "template: output:1: bad character U+007D '}'"),
        ("{{nope .x}}", "template: output:1: function \"nope\" not defined"),
        ("{{$x}}", "template: output:1: undefined variable \"$x\""),
        ("{{range .x}}", "template: output:1: unexpected EOF"),
        ("{{end}}", "template: output:1: unexpected {{end}}"),
        ("{{if .x}}{{else}}{{else}}{{end}}", "template: output:1: expected end; found {{else}}"),
        ("{{}}", "template: output:1: missing value for command"),
        ("{{if}}{{end}}", "template: output:1: missing value for if"),
        ("{{\"a}}", "template: output:1: unterminated quoted string"),
        ("{{(.x}}", "template: output:1: unclosed left paren"),
        ("{{.x)}}", "template: output:1: unexpected right paren"),
        ("{{/* }}", "template: output:1: unclosed comment"),
        ("{{.a | 3}}", "template: output:1: non executable command in pipeline stage 2"),
        ("{{3k}}", "template: output:1: bad number syntax: \"3k\""),
        ("{{.a, .b}}", "template: output:1: unexpected \",\" in operand"),
        ("{{if .a end}}", "template: output:1: unexpected <end> in operand"),
        ("{{break}}", "template: output:1: {{break}} outside {{range}}"),
        ("{{\"a\".b}}", "template: output:1: unexpected . after term \"\\\"a\\\"\""),
        (
            "{{template \"x\"}}",
            "template: output:1:11: executing \"output\" at <{{template \"x\"}}>: template \"x\" not defined",
        ),
        (
            "{{.kind.x}}",
            "template: output:1:7: executing \"output\" at <.kind.x>: can't evaluate field x in type interface {}",
        ),
        (
            "{{with .kind}}{{.x}}{{end}}",
            "template: output:1:16: executing \"output\" at <.x>: can't evaluate field x in type string",
        ),
        (
            "{{(index .items 1).none.x}}",
            "template: output:1:16: executing \"output\" at <1>: nil pointer evaluating interface {}.x",
        ),
        (
            "{{range .kind}}{{end}}",
            "template: output:1:8: executing \"output\" at <.kind>: range can't iterate over List",
        ),
        (
            "{{index .items 5}}",
            "template: output:1:2: executing \"output\" at <index .items 5>: error calling index: index out of range: 5",
        ),
        (
            "{{index .items 2}}",
            "template: output:1:2: executing \"output\" at <index .items 2>: error calling index: reflect: slice index out of range",
        ),
        (
            "{{index .nope 2}}",
            "template: output:1:2: executing \"output\" at <index .nope 2>: error calling index: index of untyped nil",
        ),
        (
            "x\n {{lt .kind 2}}",
            "x\n !template: output:2:3: executing \"output\" at <lt .kind 2>: error calling lt: incompatible types for comparison",
        ),
        ("{{len}}", "template: output:1:2: executing \"output\" at <len>: wrong number of args for len: want 1 got 0"),
        (
            "{{.kind 3}}",
            "template: output:1:2: executing \"output\" at <.kind>: kind is not a method but has arguments",
        ),
        (
            "{{base64decode .f}}",
            "template: output:1:15: executing \"output\" at <.f>: wrong type for value; expected string; got float64",
        ),
        (
            "{{base64decode \"x=y\"}}",
            "template: output:1:2: executing \"output\" at <base64decode \"x=y\">: error calling base64decode: base64 decode failed: illegal base64 data at input byte 1",
        ),
        (
            "{{define \"t\"}}{{template \"t\"}}{{end}}{{template \"t\"}}",
            "template: output:1:25: executing \"t\" at <{{template \"t\"}}>: exceeded maximum template depth (100000)",
        ),
    ] {
        let printed = run(template);
        assert_eq!(printed.strip_prefix('!').unwrap_or(&printed), error, "{template}");
    }
    let strict = GoTemplate::parse("{{.kind}} {{.nope}}").unwrap().allow_missing_keys(false);
    let failure = strict.print_in(None, &json!({"kind": "A"})).unwrap_err();
    insta::assert_snapshot!(failure.message, @r#"error executing template "{{.kind}} {{.nope}}": template: output:1:12: executing "output" at <.nope>: map has no entry for key "nope""#);
    insta::assert_snapshot!(failure.output, @r#"
    A Error executing template: template: output:1:12: executing "output" at <.nope>: map has no entry for key "nope". Printing more information for debugging the template:
    	template was:
    		{{.kind}} {{.nope}}
    	raw data was:
    		{"kind":"A"}
    	object given to template engine was:
    		map[kind:A]
    "#);
}

#[test]
fn hostile_templates_end() {
    for template in [
        "{{define \"t\"}}{{template \"t\"}}{{template \"t\"}}{{end}}{{template \"t\"}}".to_string(),
        "{{range 9000000000000}}{{end}}".into(),
        format!("{{{{{}1{}}}}}", "(".repeat(5000), ")".repeat(5000)),
        "{{if 1}}".repeat(5000),
        "{{if 1}}{{else if 1}}".to_string() + &"{{else if 1}}".repeat(5000),
        "{{printf \"%999999999d\" 1}}{{printf \"%*d\" 999999999 1}}".into(),
        "{{range 100000}}{{$.items}}{{printf \"%9999d\" 1}}{{end}}".into(),
    ] {
        run(&template);
    }
}

proptest::proptest! {
    #[test]
    fn any_template_is_an_answer(template in "(\\{\\{-? ?|-? ?\\}\\}|if|end|else|range|with|define|\\.|\\.kind|\\.items|\\$x|:=|=|\\||len|index|printf|\"a\"|\"%d\"|\\(|\\)|,| |[0-9]|\u{e9}){0,20}") {
        run(&template);
    }
}
