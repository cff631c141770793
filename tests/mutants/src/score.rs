//! What became of the mutants, as cargo-mutants writes it, and the score.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Percent of the mutants that the tests must notice.
const GOAL: f64 = 95.0;
/// A sample of fewer mutants says too little to be held against the goal.
const ENOUGH: usize = 100;

/// One small change of the code.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Mutant {
    /// File, place and change; differs for each mutant.
    pub(crate) name: String,
    /// Relative to the root of the repository.
    pub(crate) file: String,
    function: Option<Function>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
struct Function {
    function_name: String,
}

impl Mutant {
    /// The function that is changed; empty outside of functions.
    pub(crate) fn function(&self) -> &str {
        self.function.as_ref().map_or("", |function| &function.function_name)
    }

    /// Whether the path of its file ends like this, by whole names.
    pub(crate) fn is_in(&self, path: &str) -> bool {
        self.file == path || self.file.ends_with(&format!("/{path}"))
    }

    /// A made-up mutant.
    #[cfg(test)]
    pub(crate) fn sample(file: &str, function: &str, name: &str) -> Self {
        let function = Some(Function { function_name: function.into() });
        Self { name: name.into(), file: file.into(), function }
    }
}

/// What became of one mutant.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Outcome {
    pub(crate) mutant: Mutant,
    pub(crate) end: End,
}

/// How the tests of a mutant ended, in the words of cargo-mutants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) enum End {
    #[serde(rename = "CaughtMutant")]
    Caught,
    #[serde(rename = "MissedMutant")]
    Missed,
    /// The tests did not come to an end: noticed, too.
    Timeout,
    /// It does not compile.
    Unviable,
}

/// Reads `outcomes.json`.
///
/// # Errors
/// When it is not as cargo-mutants 27.1 writes it.
pub(crate) fn read(json: &[u8]) -> serde_json::Result<Vec<Outcome>> {
    #[derive(Deserialize)]
    struct Run {
        outcomes: Vec<Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        scenario: Scenario,
        summary: End,
    }
    #[derive(Deserialize)]
    enum Scenario {
        Mutant(Mutant),
    }
    let run: Run = serde_json::from_slice(json)?;
    let outcome = |entry: Entry| {
        let Scenario::Mutant(mutant) = entry.scenario;
        Outcome { mutant, end: entry.summary }
    };
    Ok(run.outcomes.into_iter().map(outcome).collect())
}

/// How many mutants ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Score {
    caught: usize,
    missed: usize,
    timeouts: usize,
    unviable: usize,
}

impl Score {
    pub(crate) fn of(outcomes: &[Outcome]) -> Self {
        let count = |end| outcomes.iter().filter(|outcome| outcome.end == end).count();
        Self {
            caught: count(End::Caught),
            missed: count(End::Missed),
            timeouts: count(End::Timeout),
            unviable: count(End::Unviable),
        }
    }

    /// Mutants that compile.
    fn viable(self) -> usize {
        self.caught + self.missed + self.timeouts
    }

    /// Percent of the mutants that compile which the tests noticed.
    fn percent(self) -> f64 {
        100.0 * (self.caught + self.timeouts) as f64 / self.viable().max(1) as f64
    }

    /// What is wrong with the score, if there are enough mutants to say so.
    pub(crate) fn fault(self) -> Option<String> {
        let low = self.viable() > ENOUGH && self.percent() < GOAL;
        low.then(|| format!("the tests notice {:.1} % of the mutants; the goal is {GOAL} %", self.percent()))
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { caught, missed, timeouts, unviable } = self;
        write!(f, "{caught} caught, {missed} missed, {timeouts} timeouts, {unviable} unviable: ")?;
        write!(f, "{:.1} % noticed", self.percent())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_read_as_cargo_mutants_writes_them() {
        let json = br#"{"outcomes": [
            {"scenario": {"Mutant": {"name": "a.rs:1:2: replace f -> u32 with 0", "package": "p",
                "file": "a.rs", "function": {"function_name": "X::f", "return_type": "-> u32",
                "span": {}}, "span": {}, "replacement": "0", "genre": "FnValue"}},
             "summary": "MissedMutant", "log_path": "", "diff_path": "", "phase_results": []},
            {"scenario": {"Mutant": {"name": "a.rs:9:2: replace + with -", "file": "a.rs",
                "function": null}}, "summary": "Unviable"}],
            "total_mutants": 2, "missed": 1}"#;
        let outcomes = read(json).expect("it can be read");
        let told: Vec<_> = outcomes.iter().map(|one| (one.mutant.function(), one.end)).collect();
        assert_eq!(told, [("X::f", End::Missed), ("", End::Unviable)]);
        assert!(read(br#"{"outcomes": [{"scenario": "Baseline", "summary": "Failure"}]}"#).is_err());
    }

    #[test]
    fn only_mutants_that_compile_count_and_endless_ones_are_noticed() {
        let score = Score { caught: 94, missed: 5, timeouts: 1, unviable: 50 };
        assert_eq!(score.to_string(), "94 caught, 5 missed, 1 timeouts, 50 unviable: 95.0 % noticed");
        assert_eq!(Score::default().percent(), 0.0);
    }

    #[test]
    fn a_low_score_is_a_fault_where_there_are_enough_mutants() {
        let rows = [(95, 6, true), (96, 5, false), (94, 6, false), (0, 100, false), (0, 101, true)];
        for (caught, missed, fault) in rows {
            let score = Score { caught, missed, ..Score::default() };
            assert_eq!(score.fault().is_some(), fault, "{score}");
        }
    }
}
