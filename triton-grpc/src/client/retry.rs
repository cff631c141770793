//! Trying again what may be tried again.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder, Retryable};
use triton_core::service::{ApiError, ApiErrorKind};

/// How often a call that finds nobody is tried again, and after which waits.
///
/// The waits double from one to the next, and each is longer by a random part of itself, so that clients which
/// lost the same server do not come back at the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Calls in all; 1 means that nothing is tried again.
    pub tries: u32,
    /// The first wait.
    pub first: Duration,
    /// The longest wait, its random part aside.
    pub longest: Duration,
}

impl Default for Retry {
    /// Five calls within 1.5 to 3 seconds.
    fn default() -> Self {
        Self { tries: 5, first: Duration::from_millis(100), longest: Duration::from_secs(2) }
    }
}

impl Retry {
    /// Nothing is tried again.
    pub const NEVER: Self = Self { tries: 1, first: Duration::ZERO, longest: Duration::ZERO };

    /// For whoever can wait until a server is there again: 5 to 10 minutes.
    pub const PATIENT: Self =
        Self { tries: 65, first: Duration::from_millis(100), longest: Duration::from_secs(5) };

    /// The waits between calls, in order.
    pub(super) fn waits(self) -> impl Iterator<Item = Duration> + Send {
        self.builder().build()
    }

    /// Calls until the answer is another than `Unavailable`, or there were enough calls. What must not happen
    /// twice (not `repeatable`) is called once.
    pub(super) async fn call<T, F>(
        self,
        repeatable: bool,
        call: impl FnMut() -> F + Send,
    ) -> Result<T, ApiError>
    where
        T: Send,
        F: Future<Output = Result<T, ApiError>> + Send,
    {
        let retry = if repeatable { self } else { Self::NEVER };
        call.retry(retry.builder()).when(|error| error.kind == ApiErrorKind::Unavailable).await
    }

    fn builder(self) -> ExponentialBuilder {
        let again = usize::try_from(self.tries.saturating_sub(1)).unwrap_or(usize::MAX);
        ExponentialBuilder::new()
            .with_min_delay(self.first)
            .with_max_delay(self.longest)
            .with_max_times(again)
            .with_jitter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_are_longer_by_a_part_of_themselves() {
        let waits: Vec<u128> =
            Retry { tries: 8, ..Retry::default() }.waits().map(|w| w.as_millis()).collect();
        let least = [100, 200, 400, 800, 1600, 2000, 2000];
        assert_eq!(waits.len(), least.len());
        for (wait, least) in waits.iter().zip(least) {
            assert!((least - 1..=2 * least).contains(wait), "{wait} beside {least}");
        }
    }

    #[test]
    fn patience_lasts_some_minutes() {
        let (least, most) = (Duration::from_secs(5 * 60 - 10), Duration::from_secs(10 * 60 + 10));
        assert!((least..=most).contains(&Retry::PATIENT.waits().sum()));
        assert_eq!(Retry::NEVER.waits().count(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_is_tried_again_until_it_is_answered_or_there_were_enough() {
        for (failures, repeatable, calls, answered) in
            [(0, true, 1, true), (4, true, 5, true), (5, true, 5, false), (1, false, 1, false)]
        {
            let mut made = 0;
            let answer = Retry::default().call(repeatable, || {
                made += 1;
                let answer = if made > failures { Ok(()) } else { Err(error(ApiErrorKind::Unavailable)) };
                async { answer }
            });
            let answer = answer.await;
            assert_eq!((made, answer.is_ok()), (calls, answered), "{failures} failures");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_an_answer_also_when_it_is_a_refusal() {
        let mut made = 0;
        let call = || {
            made += 1;
            async { Err::<(), _>(error(ApiErrorKind::Aborted)) }
        };
        assert_eq!(Retry::default().call(true, call).await, Err(error(ApiErrorKind::Aborted)));
        assert_eq!(made, 1);
    }

    fn error(kind: ApiErrorKind) -> ApiError {
        ApiError::new(kind, "no")
    }
}
