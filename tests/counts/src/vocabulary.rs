//! The list of words to replace.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// So many words in a row can be found.
pub(crate) const LONGEST: usize = 3;

/// The list.
#[derive(Clone, Debug)]
pub(crate) struct Vocabulary(pub(crate) Vec<Entry>);

/// Words that one other takes the place of.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// In lower case; more than one in a row with spaces.
    pub(crate) words: Vec<String>,
    /// What to write in their place.
    pub(crate) instead: String,
    /// Counts only what is declared with exactly this name, and is of these kinds. Empty: any identifier that
    /// has the word in it, and documentation.
    #[serde(default)]
    pub(crate) named: Vec<Kind>,
    /// So many may stay.
    #[serde(default)]
    pub(crate) remain: usize,
    /// Why they may.
    #[serde(default)]
    reason: String,
}

/// What is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Fields,
    Functions,
    Modules,
    Types,
    Variants,
}

impl Vocabulary {
    /// Reads the list.
    ///
    /// # Errors
    /// When it cannot be read, is empty, or lets words stay without a reason.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("in {}", path.display()))
    }

    /// # Errors
    /// See [`Vocabulary::read`].
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let entries: Vec<Entry> = serde_norway::from_str(text)?;
        ensure!(!entries.is_empty(), "there are no words");
        for Entry { words, instead, remain, reason, .. } in &entries {
            ensure!(
                !words.is_empty() && !instead.trim().is_empty(),
                "{words:?} without words or replacement"
            );
            let longest = words.iter().map(|word| word.split(' ').count()).max();
            ensure!(longest <= Some(LONGEST), "{words:?}: at most {LONGEST} in a row");
            ensure!(
                (*remain > 0) != reason.trim().is_empty(),
                "{words:?}: `remain` and `reason` go together"
            );
        }
        Ok(Self(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_needs_a_reason() {
        let rows = [
            ("[{words: [told], instead: recorded}]", true),
            ("[{words: [told], instead: recorded, remain: 1, reason: it is on the wire}]", true),
            ("[{words: [told], instead: recorded, named: [functions]}]", true),
            ("[{words: [told], instead: recorded, remain: 1}]", false),
            ("[{words: [told], instead: recorded, remain: 1, reason: ' '}]", false),
            ("[{words: [told], instead: recorded, reason: it is on the wire}]", false),
            ("[{words: [], instead: recorded}]", false),
            ("[{words: [told], instead: ''}]", false),
            ("[{words: [told], instead: recorded, where: docs}]", false),
            ("[{words: [a b c d], instead: e}]", false),
            ("[]", false),
        ];
        for (text, is_good) in rows {
            assert_eq!(Vocabulary::parse(text).is_ok(), is_good, "{text}");
        }
    }

    #[test]
    fn the_list_of_the_repository_can_be_read() -> Result<()> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("words.yaml");
        assert!(Vocabulary::read(&path)?.0.len() > 1);
        Ok(())
    }
}
