//! What a workload's controller told of its failures.

use alloc::format;
use alloc::string::String;

use super::time::{Seconds, Timestamp};

/// What a workload's controller failed at when it made or deleted pods.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Trouble {
    /// When it failed first; `None` where it is so now. It may say nothing of later failures, nor that it has none any
    /// more (OpenKruise 1.9.0: condition `FailedScale` is set once and stays).
    pub at: Option<Timestamp>,
    /// Its own words.
    pub what: String,
}

impl Trouble {
    /// What every text of a failure that has a time says.
    pub const MARK: &str = "failed to make or delete pods";

    /// In words, for a flow that began then.
    #[must_use]
    pub fn told(&self, began: Option<Timestamp>) -> String {
        let Self { at, what } = self;
        let mark = Self::MARK;
        match at {
            None => what.clone(),
            // It has whole seconds.
            Some(at) if began.is_some_and(|began| at.plus(Seconds(1)) <= began) => format!(
                "the workload's controller {mark} at {at}, before this flow began, and keeps no later failure; its \
                 events tell whether it still does: {what}"
            ),
            Some(at) => format!("the workload's controller {mark} at {at}: {what}"),
        }
    }
}
