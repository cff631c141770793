//! Flows and their changes, across broken connections.

use std::time::Duration;

use futures::StreamExt;
use triton_core::model::{FlowId, Target};
use triton_core::service::{ApiError, ApiErrorKind, ApiStream, DeployApi, FlowEvent, FlowFilter, FlowView};

/// Failures in a row that are borne.
const PATIENCE: u32 = 6;
/// First pause after a failure; each later one is twice as long.
const PAUSE: Duration = Duration::from_millis(250);

/// What can be watched, again and again.
pub(super) trait Watched {
    /// What it tells.
    type Item;

    /// Everything as it is now, then each change.
    async fn open(&self) -> Result<ApiStream<Self::Item>, ApiError>;
}

/// One flow, until it has ended.
pub(super) struct One<'a, A>(pub(super) &'a A, pub(super) FlowId);

impl<A: DeployApi> Watched for One<'_, A> {
    type Item = FlowView;

    async fn open(&self) -> Result<ApiStream<FlowView>, ApiError> {
        self.0.watch(&self.1, Some(Target::END)).await
    }
}

/// The flows that match.
pub(super) struct All<'a, A>(pub(super) &'a A, pub(super) FlowFilter);

impl<A: DeployApi> Watched for All<'_, A> {
    type Item = FlowEvent;

    async fn open(&self) -> Result<ApiStream<FlowEvent>, ApiError> {
        self.0.list_and_watch(&self.1).await
    }
}

/// A watch that is taken up again when it breaks. After the last view of a flow that has ended, there is
/// nothing to ask for.
pub(super) struct Follow<W: Watched> {
    watched: W,
    changes: Option<ApiStream<W::Item>>,
    failures: u32,
}

impl<W: Watched> Follow<W> {
    /// Follows it.
    pub(super) const fn new(watched: W) -> Self {
        Self { watched, changes: None, failures: 0 }
    }

    /// What it tells next.
    ///
    /// # Errors
    /// What the API says, once it has said it several times where trying again may help.
    pub(super) async fn next(&mut self) -> Result<W::Item, ApiError> {
        loop {
            let failed = match &mut self.changes {
                None => match self.watched.open().await {
                    Ok(changes) => {
                        self.changes = Some(changes);
                        continue;
                    }
                    Err(error) => Some(error),
                },
                Some(changes) => match changes.next().await {
                    Some(Ok(item)) => {
                        self.failures = 0;
                        return Ok(item);
                    }
                    Some(Err(error)) => Some(error),
                    None => None,
                },
            };
            self.changes = None;
            self.failures += 1;
            let passing = failed.as_ref().is_none_or(|error| error.kind.is_passing());
            if !passing || self.failures > PATIENCE {
                let ended = || ApiError::new(ApiErrorKind::Unavailable, "the watch keeps ending");
                return Err(failed.unwrap_or_else(ended));
            }
            tokio::time::sleep(PAUSE * 2_u32.pow(self.failures - 1)).await;
        }
    }
}

/// Does something that acts once however often it is tried, until it is answered.
///
/// # Errors
/// As [`Follow::next`].
pub(super) async fn insist<T>(mut ask: impl AsyncFnMut() -> Result<T, ApiError>) -> Result<T, ApiError> {
    let mut tries = 0;
    loop {
        match ask().await {
            Err(error) if error.kind.is_passing() && tries < 3 => {
                tokio::time::sleep(PAUSE * 2_u32.pow(tries)).await;
                tries += 1;
            }
            answer => return answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::VecDeque;

    use super::*;

    /// A watch that cannot be opened, or what it tells before it ends.
    type Opened = Result<Vec<Result<u32, ApiError>>, ApiError>;

    /// Opens what it was told to, and then nothing any more.
    struct Told(RefCell<VecDeque<Opened>>);

    impl Watched for Told {
        type Item = u32;

        async fn open(&self) -> Result<ApiStream<u32>, ApiError> {
            let next =
                self.0.borrow_mut().pop_front().unwrap_or_else(|| Err(error(ApiErrorKind::Unavailable)));
            next.map(|items| futures::stream::iter(items).boxed())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_breaks_is_taken_up_again() {
        let down = || Err(error(ApiErrorKind::Unavailable));
        let streams = [Ok(vec![Ok(1), Err(error(ApiErrorKind::Aborted))]), down(), down(), Ok(vec![Ok(2)])];
        let mut follow = Follow::new(Told(RefCell::new(streams.into())));
        assert_eq!(follow.next().await, Ok(1));
        assert_eq!(follow.next().await, Ok(2));
    }

    #[tokio::test(start_paused = true)]
    async fn patience_ends_and_what_cannot_pass_is_told_at_once() {
        let mut follow = Follow::new(Told(RefCell::default()));
        assert_eq!(follow.next().await, Err(error(ApiErrorKind::Unavailable)));
        assert_eq!(follow.failures, PATIENCE + 1);
        let gone = Err(error(ApiErrorKind::NotFound));
        let mut follow = Follow::new(Told(RefCell::new([gone].into())));
        assert_eq!(follow.next().await, Err(error(ApiErrorKind::NotFound)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_order_that_is_not_answered_is_given_again_but_a_refusal_stands() {
        let mut tries = 0;
        let answer = insist(async || {
            tries += 1;
            if tries < 3 { Err(error(ApiErrorKind::Unavailable)) } else { Ok(tries) }
        });
        assert_eq!(answer.await, Ok(3));
        let mut tries = 0;
        let refused = insist(async || {
            tries += 1;
            Err::<(), _>(error(ApiErrorKind::FailedPrecondition))
        });
        assert!(refused.await.is_err());
        assert_eq!(tries, 1);
    }

    fn error(kind: ApiErrorKind) -> ApiError {
        ApiError::new(kind, "so")
    }
}
