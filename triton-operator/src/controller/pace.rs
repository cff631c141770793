//! How fast flows begin: while the API server answers as swiftly as it can, at once; when it is slow, less
//! often, so that flows under way do not wait for those that could as well begin later.

use std::time::Duration;

use parking_lot::Mutex;

/// A write may take so many times as long as the swiftest before anybody rests.
const PATIENCE: u32 = 2;
/// A rest is so many times as long as what the writes took too long.
const REST: u32 = 4;
/// No rest is longer.
const LONGEST: Duration = Duration::from_secs(5);
/// The share by which the swiftest write is forgotten with every look.
const FORGOTTEN: u32 = 256;

/// Knows how swift a write is at best.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Zero before the first.
    swiftest: Mutex<Duration>,
}

impl Pace {
    /// How long to rest after a look that took so long and made so many writes, one after the other.
    pub(super) fn rest(&self, took: Duration, writes: u32) -> Duration {
        let Some(each) = took.checked_div(writes) else { return Duration::ZERO };
        let mut swiftest = self.swiftest.lock();
        *swiftest = match *swiftest + *swiftest / FORGOTTEN {
            Duration::ZERO => each,
            known => known.min(each),
        };
        let too_long = took.saturating_sub(*swiftest * PATIENCE * writes);
        (too_long * REST).min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn nobody_rests_while_writes_are_as_swift_as_usual() {
        let pace = Pace::default();
        assert_eq!(pace.rest(ms(50), 5), ms(0), "the first is what is usual");
        assert_eq!(pace.rest(ms(100), 5), ms(0), "twice as long is no sign");
        assert_eq!(pace.rest(ms(3), 0), ms(0), "nothing was written");
    }

    #[test]
    fn slow_writes_are_followed_by_a_rest_that_grows_with_them() {
        let pace = Pace::default();
        pace.rest(ms(50), 5);
        let (some, more) = (pace.rest(ms(200), 5), pace.rest(ms(400), 5));
        assert!(some > ms(150) && more > some * 3, "{some:?} {more:?}");
        assert_eq!(pace.rest(Duration::from_secs(60), 5), LONGEST);
    }

    #[test]
    fn what_is_always_slow_becomes_usual() {
        let pace = Pace::default();
        pace.rest(ms(5), 1);
        assert!(pace.rest(ms(50), 1) > ms(100));
        let rested = (0..1_000).map(|_| pace.rest(ms(50), 1)).last();
        assert_eq!(rested, Some(ms(0)));
    }
}
