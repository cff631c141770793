//! What happens to a run from outside, again and again: its numbers, and when it happens next.

use super::super::random::Random;
use crate::model::{Seconds, Timestamp};

/// One kind of event. It draws from a stream of its own, so that what else a seed gives does not depend on it.
pub(super) struct Stream {
    random: Random,
    next_at: Timestamp,
}

impl Stream {
    pub(super) const fn new(seed: u64, number: u64, first_at: Timestamp) -> Self {
        Self { random: Random::new(seed, number), next_at: first_at }
    }

    /// The numbers of the event, if it is due. The next one is due after at least and at most so many seconds.
    pub(super) fn due(&mut self, now: Timestamp, least: u32, most: u32) -> Option<&mut Random> {
        if now < self.next_at {
            return None;
        }
        self.next_at = now.plus(Seconds(self.random.between(least, most)));
        Some(&mut self.random)
    }
}
