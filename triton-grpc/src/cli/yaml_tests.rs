use super::*;
use serde_json::json;

fn read(text: &str) -> Vec<Value> {
    documents(text.as_bytes()).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

#[test]
fn a_merge_key_counts_where_it_stands() {
    let anchors = "x: &x {a: 1}\ny: &y {a: 2, b: 3}\n";
    for (written, merged) in [
        ("{<<: *x, a: 5}", json!({"a": 5})),
        ("{a: 5, <<: *x}", json!({"a": 1})),
        ("{<<: [*x, *y]}", json!({"a": 1, "b": 3})),
        ("{<<: [*y, *x], c: 4}", json!({"a": 2, "b": 3, "c": 4})),
        ("{\"<<\": *x}", json!({"<<": {"a": 1}})),
    ] {
        assert_eq!(read(&format!("{anchors}v: {written}\n"))[0]["v"], merged, "{written}");
    }
}

#[test]
fn a_fault_names_its_line_in_the_whole_text() {
    for (text, line) in [
        ("a: 1\n---\nb: [1\n", 3),
        ("a: 1\n---\n# c\n\nb: *x\n", 5),
        ("a: 1\n---\nb: 2\n---x\n", 4),
        ("{\"a\": 1}\n---\nb: *x\n", 3),
        ("a: |\n  b\nc: d\n\te: f\n", 3),
    ] {
        let told = documents(text.as_bytes());
        assert!(matches!(told, Err(Unreadable::Line { line: at, .. }) if at == line), "{text:?}: {told:?}");
    }
}

#[test]
fn what_grows_without_bound_is_refused() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for n in 1..10 {
        let list = vec![format!("*a{}", n - 1); 9].join(", ");
        text.push_str(&format!("a{n}: &a{n} [{list}]\n"));
    }
    let told = documents(text.as_bytes()).unwrap_err().to_string();
    assert!(told.contains("aliases make this document too large"), "{told}");
    let deep = format!("a: {}{}\n", "[".repeat(5_000), "]".repeat(5_000));
    assert!(documents(deep.as_bytes()).is_err());
    let mut nested = String::from("a0: &a0 [x]\n");
    (1..1_000).for_each(|n| nested.push_str(&format!("a{n}: &a{n} [*a{}]\n", n - 1)));
    let told = documents(nested.as_bytes()).unwrap_err().to_string();
    assert!(told.contains("nested too deep"), "{told}");
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn what_is_printed_as_yaml_is_read_as_it_was() {
    let texts = [
        "yes",
        "no",
        "on",
        "off",
        "y",
        "n",
        "Y",
        "N",
        "true",
        "~",
        "null",
        "",
        "0777",
        "0o17",
        "0x1F",
        "1_000",
        "1e3",
        ".5",
        ".inf",
        ".NaN",
        "12:30:45",
        "2001-01-01",
        "<<",
        "=",
        "a: b",
        "a #b",
        "- a",
        "?a",
        "a\nb",
        "a\n",
        "\ta",
        " a ",
        "é😀",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "1.10",
        "0b11",
        "+5",
        "-",
        "---",
        "...",
        "{a}",
        "[a]",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a",
        "'a'",
        "\"a\"",
        "a\r\nb",
        "08",
        "1:2",
    ];
    for text in texts {
        let value = json!({ "value": text, "list": [text], "keys": { text: text } });
        let printed = super::super::screen::yaml(&value).unwrap();
        assert_eq!(documents(printed.as_bytes()), Ok(vec![value]), "{printed}");
    }
}
