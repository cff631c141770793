//! How old a view of the world is.

use core::time::Duration;

use super::time::Seconds;

/// Objects of one kind of which nothing was heard for too long: what is known of them may be wrong by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Silence {
    /// The kind, as its API calls it (`pods`).
    pub kind: &'static str,
    /// For at least so long; 0 while it is read anew after its watch broke. It grows in steps, each twice as long as the one before: telling people of it is
    /// not a write a second.
    pub age: Seconds,
}

impl Silence {
    /// The silence of a kind that was heard of so long ago; `None` up to the limit.
    #[must_use]
    pub fn beyond(limit: Duration, kind: &'static str, age: Duration) -> Option<Self> {
        if age <= limit {
            return None;
        }
        let mut step = limit.max(Duration::from_secs(1));
        while let Some(next) = step.checked_mul(2).filter(|next| *next <= age) {
            step = next;
        }
        Some(Self { kind, age: Seconds(u32::try_from(step.as_secs()).unwrap_or(u32::MAX)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_begins_beyond_the_limit_and_is_told_in_steps_that_double() {
        let limit = Duration::from_secs(75);
        let told =
            |age| Silence::beyond(limit, "pods", Duration::from_secs(age)).map(|silence| silence.age.0);
        let cases = [
            (0, None),
            (75, None),
            (76, Some(75)),
            (149, Some(75)),
            (150, Some(150)),
            (299, Some(150)),
            (1_800, Some(1_200)),
        ];
        for (age, wanted) in cases {
            assert_eq!(told(age), wanted, "{age} s");
        }
        let short = Silence::beyond(Duration::from_millis(7_500), "pods", Duration::from_secs(8));
        assert_eq!(short.map(|silence| silence.age), Some(Seconds(7)));
        assert!(Silence::beyond(Duration::ZERO, "pods", Duration::MAX).is_some(), "it ends");
    }
}
