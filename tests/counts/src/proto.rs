//! Reads what of a proto file is counted: messages, their fields, and comments.

use crate::tree::File;
use crate::types::{Declared, Field, snake};

/// The messages of a file. A message ends with the line that closes it; the fields of a `oneof` are its own.
pub(crate) fn messages(file: &File) -> Vec<Declared> {
    let mut found = Vec::new();
    let mut open: Vec<Option<Declared>> = Vec::new();
    for (at, line) in file.text.lines().enumerate() {
        let code = code(line);
        let mut words = code.split_whitespace();
        if let (Some("message"), Some(name)) = (words.next(), words.next()) {
            let (name, path) = (name.trim_end_matches('{').to_owned(), file.path.clone());
            open.push(Some(Declared { name, path, line: at + 1, fields: Vec::new() }));
        } else if code.contains('{') {
            open.push(None);
        } else if let (Some(field), Some(message)) = (field(code), open.iter_mut().rev().flatten().next()) {
            message.fields.push(field);
        }
        for _ in code.matches('}') {
            found.extend(open.pop().flatten());
        }
    }
    found
}

/// The comments of a file. Lines that follow each other are one comment.
pub(crate) fn comments(file: &File) -> Vec<String> {
    let lines: Vec<Option<&str>> =
        file.text.lines().map(|line| line.split_once("//").map(|(_, comment)| comment)).collect();
    let blocks = lines.split(Option::is_none).filter(|block| !block.is_empty());
    blocks.map(|block| block.iter().copied().flatten().collect::<Vec<_>>().join(" ")).collect()
}

/// What stands before a comment.
fn code(line: &str) -> &str {
    line.split_once("//").map_or(line, |(code, _)| code).trim()
}

/// `repeated Pod pods = 2;` is a field.
fn field(code: &str) -> Option<Field> {
    let (declared, _) = code.split_once('=')?;
    let (of, name) = declared.trim().rsplit_once(' ')?;
    let types = of.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    Some(Field { name: snake(name), types: types.map(ToOwned::to_owned).collect(), is_flat: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "syntax = \"proto3\";\n// A flow, = 1;\n// as shown.\nmessage Deploy { // as is\n  \
        string appID = 1;\n  repeated pod.Batch conditions = 13 [deprecated = true];\n  oneof size {\n    \
        int32 pods = 2; // a\n  }\n  message Inner {\n    optional bool paused = 1;\n  }\n  \
        map<string, Label> labels = 4;\n}\nmessage Empty {}\nservice S {\n  rpc Get(A) returns (B) {}\n}\n";

    #[test]
    fn messages_have_their_own_fields() {
        let found = messages(&File::sample("a.proto", FILE));
        let named: Vec<(&str, usize, Vec<&str>)> = found
            .iter()
            .map(|message| {
                let fields = message.fields.iter().map(|field| &*field.name);
                (&*message.name, message.line, fields.collect())
            })
            .collect();
        assert_eq!(
            named,
            [
                ("Inner", 10, vec!["paused"]),
                ("Deploy", 4, vec!["app_id", "conditions", "pods", "labels"]),
                ("Empty", 15, vec![]),
            ]
        );
        let types: Vec<&str> = found[1].fields[1].types.iter().map(|name| &**name).collect();
        assert_eq!(types, ["Batch", "pod", "repeated"]);
    }

    #[test]
    fn comments_of_lines_in_a_row_are_one() {
        let found = comments(&File::sample("a.proto", FILE));
        assert_eq!(found, [" A flow, = 1;  as shown.  as is", " a"]);
    }
}
