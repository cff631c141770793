//! Nodes of a document: mappings with merge keys, sequences, aliases.

use std::collections::{BTreeMap, BTreeSet};

use granit_parser::{Event, Options, Parser, ScalarStyle, Span, StrInput, StructureStyle, options};
use serde_json::{Map, Value};

use super::Unreadable;
use super::scalar::{Scalar, Tag};

/// Most nodes that aliases may add to a document.
const MOST_ALIASED: usize = 100_000;
/// Deepest nesting, aliases included.
const DEEPEST: usize = 200;

/// A document that is read.
pub(super) struct Nodes<'a> {
    parser: Parser<'a, StrInput<'a>>,
    text: &'a str,
    /// Number of the first line of the document.
    first: usize,
    /// The line that was read last, within the document, from 1.
    line: usize,
    /// Nodes that are complete, by their anchors.
    anchors: BTreeMap<usize, Value>,
    aliased: usize,
    depth: usize,
    /// How many brackets are open.
    flow: usize,
}

type Read<T> = Result<T, Unreadable>;

impl<'a> Nodes<'a> {
    /// The only document of a text that begins at this line; null where there is none.
    pub(super) fn document(text: &'a str, first: usize) -> Read<Value> {
        let options: Options =
            options! { emit_comments: false, disallow_directives: true, emit_anchor_events: true };
        let parser = Parser::new_from_str_with_options(text, options);
        let anchors = BTreeMap::new();
        let mut nodes = Self { parser, text, first, line: 1, anchors, aliased: 0, depth: 0, flow: 0 };
        let mut document = None;
        loop {
            match nodes.next()? {
                Event::StreamEnd => return Ok(document.unwrap_or_default()),
                Event::DocumentStart(..) if document.is_some() => {
                    return nodes
                        .fault("another document begins here, which kubectl leaves out: put --- before it");
                }
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                event => document = Some(nodes.value(event)?),
            }
        }
    }

    fn next(&mut self) -> Read<Event<'a>> {
        match self.parser.next() {
            Some(Ok((event, span))) => {
                self.line = span.start.line();
                if let Event::Anchor(_, name) = &event {
                    if !name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)) {
                        return self
                            .fault(format!("&{name} is no name of an anchor: use letters, digits, _ and -"));
                    }
                    return self.next();
                }
                self.check(&event, &span)?;
                Ok(event)
            }
            Some(Err(error)) => {
                self.line = error.marker().line();
                self.fault(error.info())
            }
            None => Ok(Event::StreamEnd),
        }
    }

    fn fault<T>(&self, fault: impl Into<String>) -> Read<T> {
        Err(Unreadable::Line { line: self.first + self.line - 1, fault: fault.into() })
    }

    /// Refuses what kubectl's parser refuses, or takes for something else, by the letters themselves.
    fn check(&mut self, event: &Event<'_>, span: &Span) -> Read<()> {
        let at = span.byte_range().unwrap_or_default();
        match event {
            Event::MappingStart(StructureStyle::Flow, ..)
            | Event::SequenceStart(StructureStyle::Flow, ..) => {
                self.flow += 1;
            }
            Event::MappingEnd | Event::SequenceEnd => self.flow = self.flow.saturating_sub(1),
            _ => {}
        }
        let is_node = matches!(event, Event::Scalar(..) | Event::MappingStart(..) | Event::SequenceStart(..));
        if !is_node {
            return Ok(());
        }
        let (before, after) = self.text.split_at_checked(at.end).unwrap_or_default();
        if let Event::Scalar(text, ScalarStyle::Plain, ..) = event
            && self.flow > 0
        {
            if text.contains('?') || text.starts_with(':') {
                return self.fault(format!("{text} between brackets is refused: quote it"));
            }
            if after.strip_prefix(':').is_some_and(|after| after.starts_with([',', '[', ']', '{', '}'])) {
                return self.fault("a value is missing: write null, or put a space after the colon");
            }
        }
        let line = before[..at.start.min(before.len())].rsplit('\n').next().unwrap_or_default();
        if self.flow == 0 && line.contains('\t') && line.trim_matches([' ', '\t', '-', '?']).is_empty() {
            return self.fault("a tab stands before the first word of the line: use spaces");
        }
        if let Event::Scalar(_, ScalarStyle::DoubleQuoted, ..) = event {
            let written = self.text.get(at).unwrap_or_default();
            if let Some(escape) = foreign_escape(written) {
                return self.fault(format!("{escape} is no escape in YAML: write the character itself"));
            }
        }
        Ok(())
    }

    fn value(&mut self, event: Event<'a>) -> Read<Value> {
        self.depth += 1;
        self.check_depth(0)?;
        let (value, anchor) = match event {
            Event::Alias(of) => (self.alias(of)?, 0),
            Event::Scalar(text, style, anchor, tag) => {
                let scalar = self.scalar(&text, style, tag.as_deref())?;
                let Some(value) = scalar.value() else {
                    return self.fault(format!("{text} is no number in JSON"));
                };
                (value, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.check_tag("seq", tag.as_deref())?;
                (Value::Array(self.sequence()?), anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.check_tag("map", tag.as_deref())?;
                (Value::Object(self.mapping()?), anchor)
            }
            other => return self.fault(format!("a value is missing before {other:?}")),
        };
        self.depth -= 1;
        if anchor != 0 {
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    fn scalar<'t>(
        &self,
        text: &'t str,
        style: ScalarStyle,
        tag: Option<&granit_parser::Tag>,
    ) -> Read<Scalar<'t>> {
        let Some(tag) = tag else {
            let plain = style == ScalarStyle::Plain;
            return Ok(Scalar::resolve(text, None).filter(|_| plain).unwrap_or(Scalar::Text(text)));
        };
        // Between brackets kubectl takes the comma for a part of the tag.
        let bare = self.flow > 0 && text.is_empty() && style == ScalarStyle::Plain;
        let known = tag.core_suffix().and_then(Tag::of).filter(|_| !bare);
        let resolved = known.and_then(|tag| Scalar::resolve(text, Some(tag)));
        resolved.map_or_else(|| self.fault(format!("the tag {tag} does not fit {text:?}: leave it out")), Ok)
    }

    fn check_tag(&self, fits: &str, tag: Option<&granit_parser::Tag>) -> Read<()> {
        match tag {
            Some(tag) if tag.core_suffix() != Some(fits) => {
                self.fault(format!("the tag {tag} does not fit: leave it out"))
            }
            _ => Ok(()),
        }
    }

    fn sequence(&mut self) -> Read<Vec<Value>> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                Event::SequenceEnd => return Ok(items),
                event => items.push(self.value(event)?),
            }
        }
    }

    /// Of a key that stands twice the later value counts, and a merge counts where it stands: both as in kubectl.
    fn mapping(&mut self) -> Read<Map<String, Value>> {
        let (mut fields, mut texts, mut others) = (Map::new(), BTreeSet::new(), BTreeSet::new());
        loop {
            let (key, is_text) = match self.next()? {
                Event::MappingEnd => return Ok(fields),
                Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<" => {
                    self.merge(&mut fields)?;
                    continue;
                }
                Event::Scalar(text, style, anchor, tag) => {
                    let scalar = self.scalar(&text, style, tag.as_deref())?;
                    let Some(key) = scalar.key() else {
                        return self.fault(format!("{text:?} is no name of a field: quote it"));
                    };
                    if let Some(value) = scalar.value().filter(|_| anchor != 0) {
                        self.anchors.insert(anchor, value);
                    }
                    (key, matches!(scalar, Scalar::Text(_)))
                }
                Event::Alias(of) => match self.alias(of)? {
                    Value::String(key) => (key, true),
                    _ => return self.fault("only text can be the name of a field"),
                },
                _ => return self.fault("only text can be the name of a field"),
            };
            let (same, other) = if is_text { (&mut texts, &others) } else { (&mut others, &texts) };
            if other.contains(&key) {
                return self
                    .fault(format!("the field {key} stands here as text and as something else: quote both"));
            }
            same.insert(key.clone());
            let event = self.next()?;
            let value = self.value(event)?;
            fields.insert(key, value);
        }
    }

    fn merge(&mut self, fields: &mut Map<String, Value>) -> Read<()> {
        let event = self.next()?;
        let is_list = matches!(event, Event::SequenceStart(..));
        let merged = match self.value(event)? {
            Value::Array(items) if is_list => items,
            other => vec![other],
        };
        // The first of a list counts most.
        for value in merged.into_iter().rev() {
            let Value::Object(value) = value else {
                return self.fault("<< takes a mapping, or a list of mappings");
            };
            fields.extend(value);
        }
        Ok(())
    }

    fn alias(&mut self, of: usize) -> Read<Value> {
        let Some(value) = self.anchors.get(&of) else {
            return self.fault("an alias stands inside of what it names");
        };
        let (nodes, depth) = size(value);
        let value = value.clone();
        self.aliased += nodes;
        if self.aliased > MOST_ALIASED {
            return self.fault("aliases make this document too large");
        }
        self.check_depth(depth)?;
        Ok(value)
    }

    fn check_depth(&self, more: usize) -> Read<()> {
        if self.depth + more > DEEPEST { self.fault("this is nested too deep") } else { Ok(()) }
    }
}

/// An escape of JSON that kubectl does not know in YAML: a slash, or half of a character beyond 16 bits.
fn foreign_escape(written: &str) -> Option<&str> {
    let mut rest = written;
    while let Some((_, escape)) = rest.split_once('\\') {
        let half = escape.strip_prefix(['u']).is_some_and(|code| {
            let code = code.as_bytes();
            matches!(code, [b'd' | b'D', b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F', ..])
        });
        if half || escape.starts_with('/') {
            return Some(&rest[rest.len() - escape.len() - 1..][..2]);
        }
        rest = escape.get(1..).unwrap_or_default();
    }
    None
}

/// How many nodes there are, and how deep they are nested.
fn size(value: &Value) -> (usize, usize) {
    let add = |(nodes, depth): (usize, usize), child: &Value| {
        let (more, deep) = size(child);
        (nodes + more, depth.max(deep + 1))
    };
    match value {
        Value::Array(items) => items.iter().fold((1, 1), add),
        Value::Object(fields) => fields.values().fold((1, 1), add),
        _ => (1, 1),
    }
}
