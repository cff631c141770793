//! How long to leave alone what failed: each flow by itself, longer each time.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use triton_core::engine::Effect;
use triton_core::model::{PodChange, TrafficChange, WorkloadChange};
use triton_core::ports::PortErrorKind;

use super::Edition;

/// Longest wait before the next try.
const LONGEST: Duration = Duration::from_secs(60);
/// Longest wait after a conflict: looking again mends it.
const LONGEST_CONFLICT: Duration = Duration::from_secs(1);

/// Longest wait where somebody has to mend what is stored: to look again asks nobody.
const LONGEST_UNREADABLE: Duration = Duration::from_secs(5);

/// A failure that was not followed by another look for so long is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// Failures in a row, by name of what failed.
#[derive(Default)]
pub(super) struct Errors(Mutex<HashMap<String, Row>>);

/// How often something failed in a row.
struct Row {
    times: u32,
    /// When to try again.
    at: Instant,
    /// The orders that it failed under.
    edition: Edition,
}

impl Errors {
    /// Until when to leave it alone, if it failed lately and under these orders: other ones are heard at
    /// once.
    pub(super) fn waits(&self, name: &str, edition: Edition) -> Option<Instant> {
        let all = self.0.lock();
        let row = all.get(name).filter(|row| row.edition == edition)?;
        (row.at > Instant::now()).then_some(row.at)
    }

    /// It worked.
    pub(super) fn over(&self, name: &str) {
        self.0.lock().remove(name);
    }

    /// It failed: when to try again, how long that is, how often it failed in a row.
    pub(super) fn failed(
        &self,
        name: &str,
        edition: Edition,
        kind: PortErrorKind,
    ) -> (Instant, Duration, u32) {
        let mut all = self.0.lock();
        // Of what was deleted while it failed nobody says that it is over.
        all.retain(|_, row| row.at.elapsed() < FORGOTTEN);
        let before = all.get(name).filter(|row| row.edition == edition).map_or(0, |row| row.times);
        let times = before.saturating_add(1);
        let wait = wait(times, kind);
        let at = Instant::now() + wait;
        all.insert(name.to_owned(), Row { times, at, edition });
        (at, wait, times)
    }
}

fn wait(times: u32, kind: PortErrorKind) -> Duration {
    let (first, longest) = match kind {
        PortErrorKind::Conflict => (Duration::from_millis(5), LONGEST_CONFLICT),
        PortErrorKind::Transient | PortErrorKind::NotFound | PortErrorKind::Exists => {
            (Duration::from_millis(100), LONGEST)
        }
        PortErrorKind::Unreadable => (Duration::from_secs(1), LONGEST_UNREADABLE),
        PortErrorKind::Rejected | PortErrorKind::NoRevision | PortErrorKind::TooLarge => {
            (Duration::from_secs(1), LONGEST)
        }
    };
    first.saturating_mul(1 << times.saturating_sub(1).min(16)).min(longest)
}

/// One word for an effect, for logs and metrics.
pub(super) const fn kind_of(effect: &Effect) -> &'static str {
    match effect {
        Effect::Workload(WorkloadChange::Lock { .. }) => "lock",
        Effect::Workload(WorkloadChange::Release { .. }) => "release",
        Effect::Workload(WorkloadChange::Remove) => "remove",
        Effect::Pods(PodChange::MarkForReplacement(_)) => "list",
        Effect::Pods(PodChange::ClearSpecifiedDelete(_)) => "spare",
        Effect::Supersede(_) => "supersede",
        Effect::Workload(WorkloadChange::Reshape(_)) => "reshape",
        Effect::Workload(WorkloadChange::SetPaused(_)) => "pause",
        Effect::Pods(PodChange::Hook(_)) => "hook",
        Effect::Pods(PodChange::Unhook(_)) => "let_go",
        Effect::Traffic(TrafficChange::PullIn(_)) => "pull_in",
        Effect::Traffic(TrafficChange::PullOut(_)) => "pull_out",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn other_orders_end_the_wait_and_count_anew() {
        let errors = Errors::default();
        let times = (0..12).map(|_| errors.failed("a", 1, PortErrorKind::Transient).2).max();
        assert_eq!(times, Some(12));
        assert_eq!(errors.waits("a", 2), None);
        assert_eq!(errors.failed("a", 2, PortErrorKind::Transient).1, Duration::from_millis(100));
    }

    #[tokio::test(start_paused = true)]
    async fn each_failure_in_a_row_waits_longer_and_success_forgets() {
        let errors = Errors::default();
        assert_eq!(errors.waits("a", 1), None);
        let waits: Vec<_> = (0..12).map(|_| errors.failed("a", 1, PortErrorKind::Transient).1).collect();
        assert_eq!(waits[..3], [100, 200, 400].map(Duration::from_millis));
        assert_eq!(waits[11], LONGEST);
        assert!(errors.waits("a", 1).is_some() && errors.waits("b", 1).is_none());
        errors.over("a");
        assert_eq!(errors.failed("a", 1, PortErrorKind::Conflict).1, Duration::from_millis(5));
    }
}
