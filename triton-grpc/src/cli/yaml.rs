//! YAML and JSON as kubectl reads them, so that a manifest means the same here and there.
//!
//! kubectl reads through `k8s.io/apimachinery/pkg/util/yaml` and `sigs.k8s.io/yaml`, which is YAML 1.1 with rules of
//! its own: `yes` is a boolean, `0777` is octal, a merge key counts where it stands. [`granit_parser`] takes the text
//! apart; what the parts mean is decided here. Where the two parsers may differ the text is refused: it never means
//! something else. What kubectl reads of the manifests in `tests/manifests` is kept beside them, and compared.

mod node;
mod scalar;

use std::borrow::Cow;

use serde_json::{Number, Value};

use self::node::Nodes;

/// Why a text cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    /// It is in no encoding that kubectl reads.
    #[error("it is neither UTF-8 nor UTF-16 with a byte order mark")]
    Encoding,
    /// It begins as JSON and does not go on so.
    #[error("it is not JSON as it begins: {0}")]
    Json(String),
    /// A line is wrong, or could mean something else to kubectl.
    #[error("line {line}: {fault}")]
    Line {
        /// From 1.
        line: usize,
        /// What is wrong, and what to do.
        fault: String,
    },
}

/// The documents of a text, without empty ones.
///
/// # Errors
/// See [`Unreadable`].
pub(super) fn documents(bytes: &[u8]) -> Result<Vec<Value>, Unreadable> {
    let text = decoded(bytes)?;
    let (mut documents, mut rest, mut line) = (Vec::new(), &*text, 1);
    if text.trim_start().starts_with('{') {
        let (read, fault);
        (documents, read, fault) = json(&text);
        let Some(fault) = fault else { return Ok(documents) };
        if documents.len() > 1 || fault.starts_with("number out of range") {
            return Err(Unreadable::Json(fault));
        }
        // Of what is between, no more than a line is skipped: "---" is for the reader of YAML.
        let blank =
            text[read..].find(|c: char| !c.is_whitespace() || c == '\n').map_or(text.len(), |at| at + read);
        let after = &text[blank..];
        rest = after.strip_prefix('\n').unwrap_or(after);
        line += text[..text.len() - rest.len()].matches('\n').count();
    }
    for (first, chunk) in chunks(rest, line)? {
        documents.push(document(&chunk, first)?);
    }
    documents.retain(|document| !document.is_null());
    Ok(documents)
}

/// One document. JSON may stand between documents of YAML, with tabs before its fields.
fn document(chunk: &str, first: usize) -> Result<Value, Unreadable> {
    let text =
        chunk.strip_prefix("---").map_or(chunk, |rest| rest.split_once('\n').map_or("", |(_, text)| text));
    if text.trim_start().starts_with('{')
        && let (mut documents, _, None) = json(text)
        && documents.len() == 1
    {
        return Ok(documents.remove(0));
    }
    Nodes::document(chunk, first)
}

/// UTF-8, or what a byte order mark says.
fn decoded(bytes: &[u8]) -> Result<Cow<'_, str>, Unreadable> {
    let utf16 = |bytes: &[u8], read: fn([u8; 2]) -> u16| {
        let (pairs, odd) = bytes.as_chunks::<2>();
        let units: Vec<u16> = pairs.iter().map(|pair| read(*pair)).collect();
        let text = String::from_utf16(&units).ok().filter(|_| odd.is_empty());
        text.map(Cow::Owned).ok_or(Unreadable::Encoding)
    };
    match bytes {
        [0xEF, 0xBB, 0xBF, text @ ..] => {
            std::str::from_utf8(text).map(Cow::Borrowed).map_err(|_| Unreadable::Encoding)
        }
        [0xFF, 0xFE, text @ ..] => utf16(text, u16::from_le_bytes),
        [0xFE, 0xFF, text @ ..] => utf16(text, u16::from_be_bytes),
        text => std::str::from_utf8(text).map(Cow::Borrowed).map_err(|_| Unreadable::Encoding),
    }
}

/// Objects of JSON one after the other, where they end, and what is wrong with what follows.
fn json(text: &str) -> (Vec<Value>, usize, Option<String>) {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let (mut documents, mut read) = (Vec::new(), 0);
    while let Some(next) = stream.next() {
        match next {
            Ok(mut document) => {
                whole(&mut document);
                documents.push(document);
                read = stream.byte_offset();
            }
            Err(error) => return (documents, read, Some(error.to_string())),
        }
    }
    (documents, read, None)
}

/// Numbers as they arrive at the API server.
fn whole(value: &mut Value) {
    match value {
        Value::Number(number) if number.as_i64().is_none() => {
            if let Some(same) = number.as_f64().and_then(float) {
                *number = same;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole),
        Value::Object(fields) => fields.values_mut().for_each(whole),
        _ => {}
    }
}

/// A number as Go writes it and the API server reads it again: `1.0` goes as `1`, and what is beyond 64 bits with a
/// sign is no integer there. `None` for what JSON has no number for.
fn float(number: f64) -> Option<Number> {
    // Both languages write as few digits as tell the number from its neighbours, and then zeros.
    let read = (number.fract() == 0.0).then(|| number.to_string().parse::<i64>().ok()).flatten();
    read.map(Number::from).or_else(|| Number::from_f64(number))
}

/// The documents with the number of their first line. A line ends here, whatever it ended with, and the last one too.
fn chunks(text: &str, mut line: usize) -> Result<Vec<(usize, String)>, Unreadable> {
    let (mut chunks, mut chunk, mut first) = (Vec::new(), String::new(), line);
    for text in text.lines() {
        check(text, line)?;
        if let Some(after) = text.strip_prefix("---") {
            let after = after.trim();
            if !after.is_empty() && !after.starts_with('#') {
                let fault = "after --- nothing may stand but a comment: begin the document on the next line";
                return Err(Unreadable::Line { line, fault: fault.into() });
            }
            if !chunk.is_empty() {
                chunks.push((first, std::mem::take(&mut chunk)));
            }
            // The line stays for a document that has nothing else.
            first = line;
        }
        chunk.push_str(text);
        chunk.push('\n');
        line += 1;
    }
    chunks.push((first, chunk));
    Ok(chunks)
}

/// Refuses the characters on which readers of YAML differ, or that none takes.
fn check(text: &str, line: usize) -> Result<(), Unreadable> {
    let odd = text.chars().find(|c| match c {
        '\t' | ' '..='~' => false,
        '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => true,
        c => c.is_control(),
    });
    let Some(odd) = odd else { return Ok(()) };
    let code = u32::from(odd);
    let fault =
        format!("the character U+{code:04X} is refused: write it as \"\\u{code:04X}\" in double quotes");
    Err(Unreadable::Line { line, fault })
}

#[cfg(test)]
#[path = "yaml_tests.rs"]
mod tests;
