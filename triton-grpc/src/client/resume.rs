//! Following a flow over broken connections.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::unfold;
use triton_core::model::{FlowId, Target};
use triton_core::service::{ApiError, ApiErrorKind, ApiStream, DeployApi, FlowView};

use super::retry::Retry;

/// The flow now and each change, until the flow has ended or `until` is reached. A watch that breaks is begun
/// anew, with a look at the flow; `retry` counts from the last item.
pub(super) fn follow<A: DeployApi + 'static>(
    api: A,
    id: FlowId,
    until: Option<Target>,
    retry: Retry,
) -> ApiStream<FlowView> {
    let waits = waits(retry);
    let follow =
        Follow { api, id, target: until.unwrap_or(Target::END), retry, waits, watch: None, last: None };
    Box::pin(unfold(Some(follow), |follow| async {
        let mut follow = follow?;
        match follow.next().await {
            Some(Ok(view)) => Some((Ok(view), Some(follow))),
            Some(Err(error)) => Some((Err(error), None)),
            None => None,
        }
    }))
}

type Waits = Box<dyn Iterator<Item = Duration> + Send>;

struct Follow<A> {
    api: A,
    id: FlowId,
    target: Target,
    retry: Retry,
    waits: Waits,
    watch: Option<ApiStream<FlowView>>,
    last: Option<FlowView>,
}

impl<A: DeployApi> Follow<A> {
    async fn next(&mut self) -> Option<Result<FlowView, ApiError>> {
        loop {
            if self.last.as_ref().is_some_and(|view| view.ends_watch(Some(self.target))) {
                return None;
            }
            let broken = match self.item().await {
                Ok(view) => {
                    self.waits = waits(self.retry);
                    // After a break the flow is told as it is now, which may be as it was.
                    if self.last.as_ref() == Some(&view) {
                        continue;
                    }
                    self.last = Some(view.clone());
                    return Some(Ok(view));
                }
                Err(error) => error,
            };
            self.watch = None;
            let wait = if broken.kind.is_passing() { self.waits.next() } else { None };
            match wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Some(Err(broken)),
            }
        }
    }

    /// The next item of the watch, which is begun where there is none.
    async fn item(&mut self) -> Result<FlowView, ApiError> {
        let watch = match &mut self.watch {
            Some(watch) => watch,
            watch => watch.insert(self.api.watch(&self.id, Some(self.target)).await?),
        };
        let early = || ApiError::new(ApiErrorKind::Unavailable, "the watch ended before the flow did");
        watch.next().await.unwrap_or_else(|| Err(early()))
    }
}

fn waits(retry: Retry) -> Waits {
    Box::new(retry.waits())
}
