//! What feeds a hub: the one subscription to the API's changes.

use std::time::Duration;

use futures::StreamExt;
use triton_core::service::{ApiError, ApiErrorKind, ApiStream, DeployApi, FlowEvent, FlowFilter};

use super::{Hub, State};

/// First and longest wait after the stream of changes broke.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

impl Hub {
    /// Feeds this hub until it is closed. When the stream of changes breaks it is taken up again; then the
    /// watched flows are read anew, so that no watcher waits for a change that has passed.
    pub(crate) async fn feed<A: DeployApi>(&self, api: &A) {
        let mut closed = self.0.state.subscribe();
        let (mut backoff, mut fed) = (BACKOFF.0, false);
        loop {
            let round = async {
                match self.subscribe(api).await {
                    Ok(changes) => {
                        self.open();
                        (backoff, fed) = (BACKOFF.0, true);
                        self.pass_on(changes).await
                    }
                    Err(error) => error,
                }
            };
            tokio::select! {
                biased;
                _ = closed.wait_for(|state| *state == State::Closed) => return,
                error = round => Self::tell(fed, &error),
            }
            self.dry_up();
            tokio::select! {
                _ = closed.wait_for(|state| *state == State::Closed) => return,
                () = tokio::time::sleep(backoff) => {}
            }
            backoff = backoff.saturating_mul(2).min(BACKOFF.1);
        }
    }

    /// While an operator starts, its caches are not filled yet: nothing to worry about.
    fn tell(fed: bool, error: &ApiError) {
        if fed {
            tracing::warn!(%error, "the stream of flow changes ended; taking it up again");
        } else {
            tracing::info!(%error, "flow changes cannot be followed yet; trying again");
        }
    }

    /// Subscribes, then reads what is watched: in this order nothing falls between.
    async fn subscribe<A: DeployApi>(&self, api: &A) -> Result<ApiStream<FlowEvent>, ApiError> {
        // The list at the head of the stream is of no use: a page has an end. One flow keeps it short.
        let mut changes = api.list_and_watch(&FlowFilter { page_size: 1, ..FlowFilter::default() }).await?;
        changes.next().await.unwrap_or_else(|| Err(ended()))?;
        for id in self.lost() {
            match api.get(&id).await {
                Ok(view) => self.publish(view),
                Err(error) if error.kind == ApiErrorKind::NotFound => self.removed(&id),
                Err(error) => return Err(error),
            }
        }
        Ok(changes)
    }

    async fn pass_on(&self, mut changes: ApiStream<FlowEvent>) -> ApiError {
        while let Some(event) = changes.next().await {
            match event {
                Ok(FlowEvent::Listed(views)) => views.into_iter().for_each(|view| self.publish(view)),
                Ok(FlowEvent::Changed(view)) => self.publish(view),
                Ok(FlowEvent::Removed(id)) => self.removed(&id),
                Err(error) => return error,
            }
        }
        ended()
    }

    fn open(&self) {
        self.0.state.send_if_modified(|state| {
            let dry = *state == State::Dry;
            if dry {
                *state = State::Fed;
            }
            dry
        });
    }

    fn dry_up(&self) {
        self.0.state.send_if_modified(|state| {
            let fed = *state == State::Fed;
            if fed {
                *state = State::Dry;
            }
            fed
        });
    }
}

fn ended() -> ApiError {
    ApiError::new(ApiErrorKind::Unavailable, "it ended without an error")
}
