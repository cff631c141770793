//! The mutants that may survive.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::score::{End, Mutant, Outcome};

/// Mutants that may survive, of all functions together.
const MOST: usize = 15;

/// The list.
#[derive(Clone, Debug)]
pub(crate) struct Accepted(Vec<Entry>);

/// A function with mutants that may survive.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// Relative to the root of the repository.
    file: String,
    /// As cargo-mutants names it.
    function: String,
    /// How many of its mutants survive.
    survivors: usize,
    reason: String,
}

impl Accepted {
    /// Reads the list.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let entries = serde_norway::from_str(&text).with_context(|| format!("in {}", path.display()))?;
        Ok(Self(entries))
    }

    /// What is wrong: survivors that are not in the list, and entries that are out of date. Whether fewer
    /// survive than the list says is known only when all mutants were judged.
    pub(crate) fn faults(&self, all: &[Mutant], judged: &[Outcome], is_whole: bool) -> Vec<String> {
        let survivors: Vec<&Mutant> =
            judged.iter().filter(|one| one.end == End::Missed).map(|one| &one.mutant).collect();
        let mut faults: Vec<String> = survivors
            .iter()
            .filter(|mutant| self.0.iter().all(|entry| !entry.is_of(mutant)))
            .map(|mutant| format!("no test notices {}", mutant.name))
            .collect();
        for entry in &self.0 {
            let found = survivors.iter().filter(|mutant| entry.is_of(mutant)).count();
            faults.extend(
                entry
                    .fault(all, found, is_whole)
                    .map(|what| format!("accepted.yaml, {} in {}: {what}", entry.function, entry.file)),
            );
        }
        let listed: usize = self.0.iter().map(|entry| entry.survivors).sum();
        if listed > MOST {
            faults.push(format!("accepted.yaml: {listed} survivors; at most {MOST}"));
        }
        faults
    }
}

impl Entry {
    fn is_of(&self, mutant: &Mutant) -> bool {
        mutant.file == self.file && mutant.function() == self.function
    }

    fn fault(&self, all: &[Mutant], found: usize, is_whole: bool) -> Option<String> {
        if self.reason.trim().is_empty() {
            return Some("it gives no reason".into());
        }
        if !all.iter().any(|mutant| self.is_of(mutant)) {
            return Some("there is no such function, or it has no mutants".into());
        }
        let wrong = found > self.survivors || is_whole && found < self.survivors;
        wrong.then(|| format!("{found} survive, and it says {}", self.survivors))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_survivor_is_a_fault_unless_its_function_is_listed() {
        let rows = [
            (list(&[("f", 1)]), vec![missed("f")], false, None),
            (list(&[("f", 1)]), vec![missed("g")], false, Some("no test notices g")),
            (list(&[]), vec![missed("f")], false, Some("no test notices f")),
            (list(&[("f", 1)]), vec![missed("f"), missed("f")], false, Some("2 survive")),
            (list(&[("f", 1)]), vec![], false, None),
            (list(&[("f", 1)]), vec![], true, Some("0 survive")),
            (list(&[("gone", 1)]), vec![], false, Some("no such function")),
            (list(&[("f", 16)]), vec![], false, Some("at most 15")),
        ];
        for (accepted, judged, is_whole, wanted) in rows {
            let faults = accepted.faults(&all(), &judged, is_whole);
            let as_wanted = match wanted {
                None => faults.is_empty(),
                Some(text) => faults.len() == 1 && faults[0].contains(text),
            };
            assert!(as_wanted, "{accepted:?} {judged:?}: {faults:?} instead of {wanted:?}");
        }
    }

    #[test]
    fn an_entry_without_a_reason_is_a_fault() {
        let entry = Entry { reason: " ".into(), ..list(&[("f", 1)]).0.remove(0) };
        assert_eq!(Accepted(vec![entry]).faults(&all(), &[], false).len(), 1);
    }

    fn list(functions: &[(&str, usize)]) -> Accepted {
        let entry = |&(function, survivors): &(&str, usize)| Entry {
            file: "a.rs".into(),
            function: function.into(),
            survivors,
            reason: "the result is the same".into(),
        };
        Accepted(functions.iter().map(entry).collect())
    }

    fn all() -> Vec<Mutant> {
        ["f", "g"].map(|function| Mutant::sample("a.rs", function, function)).into()
    }

    fn missed(function: &str) -> Outcome {
        Outcome { mutant: Mutant::sample("a.rs", function, function), end: End::Missed }
    }
}
