//! How far a flow is, as something that can be compared.

use serde::{Deserialize, Serialize};

use super::progress::Step;
use super::progress::{Batch, Progress, Stage};
use super::time::{Seconds, Timestamp};

/// A point in the life of a flow. It only ever grows: of two records of a flow the one that is further back is
/// the older one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Position {
    /// The flow returns what it had changed, and begins anew for that.
    turned: bool,
    step: Step,
    /// Number of the batch, while batches run.
    batch: u32,
    stage: Option<Stage>,
    /// A flow that closes has no new pods left that it does not keep.
    shed: bool,
    /// The size that the base was read with, before the first batch: until the lock is taken it may be read anew.
    from: u32,
}

impl Position {
    /// Whether a record that is here is older than one that is at `other`, or was never the one to go on with.
    #[must_use]
    pub fn is_behind(self, other: Self) -> bool {
        let prepares = [self.step, other.step] == [Step::Preparing; 2] && self.turned == other.turned;
        self < other || prepares && self != other
    }
}

impl Progress {
    /// The stage that a deadline runs for, and when it began or was resumed: as long as this stays the same, the
    /// time adds up. `None` where no deadline runs.
    #[must_use]
    pub fn timed(&self) -> Option<(Position, Timestamp)> {
        match self {
            Self::Rolling { batch: Batch { since, .. }, .. } | Self::Verifying { since, .. } => {
                Some((self.position(), *since))
            }
            Self::Pending | Self::Preparing { .. } | Self::Closing { .. } | Self::Finished { .. } => None,
        }
    }

    /// The time that counts against the deadline of the stage; none where no deadline runs.
    #[must_use]
    pub const fn counted(&self) -> Seconds {
        match self {
            Self::Rolling { batch: Batch { counted, .. }, .. } | Self::Verifying { counted, .. } => *counted,
            Self::Pending | Self::Preparing { .. } | Self::Closing { .. } | Self::Finished { .. } => {
                Seconds(0)
            }
        }
    }

    /// The same, to be changed, where a deadline runs.
    pub const fn counted_mut(&mut self) -> Option<&mut Seconds> {
        match self {
            Self::Rolling { batch: Batch { counted, .. }, .. } | Self::Verifying { counted, .. } => {
                Some(counted)
            }
            Self::Pending | Self::Preparing { .. } | Self::Closing { .. } | Self::Finished { .. } => None,
        }
    }

    /// How far this is.
    #[must_use]
    pub fn position(&self) -> Position {
        let turned = self.base().is_some_and(|base| base.turned);
        let at = |step| Position { turned, step, ..Position::default() };
        match self {
            Self::Pending => at(Step::Pending),
            Self::Preparing { base } => Position { from: base.from, ..at(Step::Preparing) },
            Self::Rolling { batch, .. } => {
                Position { batch: batch.number, stage: Some(batch.stage), ..at(Step::Rolling) }
            }
            Self::Verifying { .. } => at(Step::Verifying),
            Self::Closing { shed, .. } => Position { shed: *shed, ..at(Step::Closing) },
            Self::Finished { .. } => Position { turned: true, ..at(Step::Finished) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_that_turns_round_is_further_than_it_was_and_its_end_is_furthest() {
        let at = |turned, step| Position { turned, step, ..Position::default() };
        let batch = |batch, stage| Position { batch, stage: Some(stage), ..at(false, Step::Rolling) };
        let shed = Position { shed: true, ..at(false, Step::Closing) };
        let order = [
            at(false, Step::Pending),
            at(false, Step::Preparing),
            batch(1, Stage::Queued),
            batch(1, Stage::Baked),
            batch(2, Stage::Queued),
            at(false, Step::Verifying),
            at(false, Step::Closing),
            shed,
            at(true, Step::Preparing),
            at(true, Step::Rolling),
            Progress::Finished {
                verdict: crate::model::Verdict::Canceled,
                at: crate::model::Timestamp::default(),
            }
            .position(),
        ];
        assert!(order.is_sorted_by(|before, after| before < after), "{order:?}");
    }

    #[test]
    fn a_base_that_was_read_anew_leaves_the_other_one_behind() {
        let read = |from| Position { step: Step::Preparing, from, ..Position::default() };
        assert!(read(6).is_behind(read(0)) && read(0).is_behind(read(6)) && !read(6).is_behind(read(6)));
        let begun = Position { step: Step::Rolling, ..Position::default() };
        assert!(!begun.is_behind(read(6)) && read(6).is_behind(begun));
    }
}
