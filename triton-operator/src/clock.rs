//! The wall clock, and random names: the two things the core never has.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use triton_core::model::{FlowName, InstanceName, Timestamp};
use triton_core::ports::Names;

/// The time of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct WallClock;

impl WallClock {
    /// The time now. It jumps when somebody sets the clock.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that everybody else takes the time from"
    )]
    pub fn now(&self) -> Timestamp {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(now.as_micros()).unwrap_or(i64::MAX))
    }

    /// How long it is from now until then; zero when it is past.
    #[must_use]
    pub fn until(&self, then: Timestamp) -> Duration {
        let micros = then.micros_since(self.now());
        Duration::from_micros(micros.unsigned_abs())
    }

    /// The time that long from now.
    #[must_use]
    pub fn after(&self, wait: Duration) -> Timestamp {
        let micros = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(self.now().as_micros().saturating_add(micros))
    }
}

/// Names like those that `metadata.generateName` makes: `<instance>-kvn6b`.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomNames;

/// Letters and digits that make no words (Kubernetes: `k8s.io/apimachinery/pkg/util/rand`).
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

impl Names for RandomNames {
    fn fresh(&self, instance: &InstanceName) -> FlowName {
        loop {
            // Every RandomState is seeded anew by the standard library.
            let mut random = RandomState::new().hash_one(instance.as_str());
            let mut suffix = String::with_capacity(5);
            for _ in 0..5 {
                let at = random % LETTERS.len() as u64;
                random /= LETTERS.len() as u64;
                suffix.extend(LETTERS.get(at as usize).map(|letter| char::from(*letter)));
            }
            // An instance has at most 63 characters, so this is always a name.
            if let Ok(name) = FlowName::new(format!("{instance}-{suffix}")) {
                return name;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_fresh_and_legal() {
        let instance = InstanceName::new("a".repeat(63)).unwrap();
        let names: std::collections::BTreeSet<_> = (0..100).map(|_| RandomNames.fresh(&instance)).collect();
        assert!(names.len() > 95);
        assert!(names.iter().all(|name| name.as_str().len() == 69));
    }

    #[test]
    fn a_past_time_is_no_wait() {
        assert_eq!(WallClock.until(Timestamp::default()), Duration::ZERO);
        assert!(WallClock.until(Timestamp::from_micros(i64::MAX)) > Duration::from_secs(1));
    }
}
