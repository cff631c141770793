//! Texts from outside: the words of an API server, of a kubelet, lists of fields. They have no limit of
//! their own, and every place that they go to has one.

use alloc::format;
use alloc::string::String;

/// Most bytes of a text in a status or in an event, as JSON. An event with more is refused (Kubernetes:
/// `NoteLengthLimit` of `events.k8s.io/v1` says characters and counts bytes).
pub const STATUS_TEXT: usize = 1024;

/// Most bytes of what a status says of one pod, as JSON: there is room for many of them.
pub const POD_TEXT: usize = 256;

/// Most bytes of a text in an answer of the API, as a gRPC header carries it. Clients refuse headers from
/// 8 KiB on (gRPC: `grpc.max_metadata_size`), and do not get to see the code of the error then either.
pub const ANSWER_TEXT: usize = 4096;

/// Most things that a message lists one by one.
pub const LISTED: usize = 20;

/// Room that is kept for saying that a text was shortened.
const MARK: usize = 48;

/// Where a text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextFor {
    /// A status or an event: [`STATUS_TEXT`].
    Status,
    /// What a status says of one pod of many: [`POD_TEXT`].
    Pod,
    /// An answer of the API: [`ANSWER_TEXT`].
    Answer,
}

impl TextFor {
    const fn most(self) -> usize {
        match self {
            Self::Status => STATUS_TEXT,
            Self::Pod => POD_TEXT,
            Self::Answer => ANSWER_TEXT,
        }
    }

    /// Bytes that a character takes there.
    const fn cost(self, c: char) -> usize {
        match (self, c) {
            (Self::Status | Self::Pod, '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}') => 2,
            (Self::Status | Self::Pod, '\0'..='\u{1f}') => 6,
            (Self::Status | Self::Pod, _) => c.len_utf8(),
            // What a header does not carry as it is, is written as `%` and two digits for each byte.
            (Self::Answer, ' ' | '"' | '#' | '%' | '<' | '>' | '?' | '`' | '{' | '}') => 3,
            (Self::Answer, '!'..='~') => 1,
            (Self::Answer, _) => 3 * c.len_utf8(),
        }
    }
}

/// The text, or as much of its beginning as fits there, whole characters only, and how long it was.
#[must_use]
pub fn shorten(text: &str, place: TextFor) -> String {
    let fits = |most: usize| {
        let mut left = most;
        let over = text.char_indices().find(|(_, c)| match left.checked_sub(place.cost(*c)) {
            Some(rest) => {
                left = rest;
                false
            }
            None => true,
        });
        over.map(|(at, _)| at)
    };
    match fits(place.most()) {
        None => text.into(),
        Some(_) => {
            let end = fits(place.most().saturating_sub(MARK)).unwrap_or(text.len());
            let kept = text.get(..end).unwrap_or_default();
            format!("{kept}... (shortened, {} bytes in all)", text.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    /// Bytes of a text as JSON, without the quotes.
    fn as_json(text: &str) -> usize {
        serde_json::to_string(text).map_or(0, |json| json.len() - 2)
    }

    #[test]
    fn a_text_that_fits_stays_as_it_is_and_one_byte_more_is_shortened() {
        for (place, most) in [(TextFor::Status, 1024), (TextFor::Pod, 256), (TextFor::Answer, 4096)] {
            assert_eq!(shorten(&"x".repeat(most), place), "x".repeat(most));
            let cut = shorten(&"x".repeat(most + 1), place);
            let (kept, mark) = cut.split_at(most - MARK);
            assert_eq!(kept, "x".repeat(most - MARK));
            assert_eq!(mark, format!("... (shortened, {} bytes in all)", most + 1));
        }
    }

    #[test]
    fn a_thousand_faults_are_told_as_twenty_and_how_many_more() {
        let fault = |at| crate::model::Fault { field: format!("spec.pods[{at}]"), message: "is bad".into() };
        let of = |count| crate::model::Faults((0..count).map(fault).collect()).to_string();
        assert!(of(20).ends_with("; spec.pods[19]: is bad"), "{}", of(20));
        assert!(of(1000).ends_with("; spec.pods[19]: is bad; and 980 more"), "{}", of(1000));
    }

    proptest! {
        #[test]
        fn whatever_the_text_it_fits_where_it_goes_and_is_the_beginning_of_it(
            piece in prop_oneof!["\\PC{1,20}", "[\\x00-\\x7f]{1,20}", "[\"\\\\é漢😀 %]{1,20}"],
            times in 1_usize..3000,
        ) {
            let text = piece.repeat(times);
            for place in [TextFor::Status, TextFor::Pod, TextFor::Answer] {
                let short = shorten(&text, place);
                let size = match place {
                    TextFor::Status | TextFor::Pod => as_json(&short),
                    TextFor::Answer => short.chars().map(|c| place.cost(c)).sum(),
                };
                prop_assert!(size <= place.most() && short.len() <= place.most(), "{size}");
                prop_assert_eq!(&shorten(&short, place), &short, "once is enough");
                match short.rsplit_once("... (shortened, ") {
                    Some((kept, _)) if short != text => prop_assert!(text.starts_with(kept)),
                    _ => prop_assert_eq!(&short, &text),
                }
            }
        }
    }
}
