//! A namespace, or all of them, that is watched from the first question on.

use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use kube::Client;
use tokio::sync::watch;
use tokio::task::JoinSet;
use triton_core::model::Namespace;
use triton_core::service::{ApiError, ApiErrorKind, ApiStream};

use crate::api::Api;
use crate::kube_error::watching;
use crate::limits::Limits;
use crate::world::{Kinds, World};

/// How long the first complete lists may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is known of a place, for as long as this is held.
pub(super) struct Place {
    pub(super) world: Arc<World>,
    api: Api,
    trouble: watch::Receiver<Option<ApiError>>,
    _watches: JoinSet<String>,
}

impl Place {
    /// Reads it, and watches it from then on.
    ///
    /// # Errors
    /// What the first watch that fails says: nobody waits for what may not be read.
    pub(super) async fn open(
        client: &Client,
        namespace: Option<&Namespace>,
        kinds: Kinds,
    ) -> Result<Self, ApiError> {
        let world = World::new(Arc::new(|_| {}), Limits::default());
        let (tell, trouble) = watch::channel(None);
        let failed = Arc::new(move |_: &'static str, error: &_| {
            tell.send_if_modified(|told| {
                let stays = told.as_ref().is_some_and(|told: &ApiError| !told.kind.is_passing());
                if !stays {
                    *told = Some(watching(error));
                }
                !stays
            });
        });
        let watches = world.watch_some(client, namespace.map(Namespace::as_str), kinds, failed);
        let mut troubled = trouble.clone();
        tokio::select! {
            () = world.until_ready() => {}
            error = first(&mut troubled) => return Err(error),
            () = tokio::time::sleep(PATIENCE) => {
                let text = "the API server did not answer in time";
                return Err(ApiError::new(ApiErrorKind::Unavailable, text));
            }
        }
        Ok(Self { api: Api::new(client, &world), world, trouble, _watches: watches })
    }

    /// What answers.
    pub(super) const fn api(&self) -> &Api {
        &self.api
    }

    /// The same stream, which ends with an error when a watch may not go on. One that merely broke is taken up
    /// again, and nobody needs to hear of it.
    pub(super) fn guarded<T: Send + 'static>(self: &Arc<Self>, items: ApiStream<T>) -> ApiStream<T> {
        Box::pin(guarded(items, self.trouble.clone(), Arc::clone(self)))
    }
}

fn guarded<T>(
    items: ApiStream<T>,
    trouble: watch::Receiver<Option<ApiError>>,
    held: impl Send,
) -> impl Stream<Item = Result<T, ApiError>> + Send
where
    T: Send + 'static,
{
    stream::unfold(Some((items, trouble, held)), |state| async move {
        let (mut items, mut trouble, held) = state?;
        tokio::select! {
            biased;
            item = items.next() => Some((item?, Some((items, trouble, held)))),
            error = lasting(&mut trouble) => Some((Err(error), None)),
        }
    })
}

/// The first error of a watch.
async fn first(trouble: &mut watch::Receiver<Option<ApiError>>) -> ApiError {
    until(trouble, |_| true).await
}

/// An error of a watch that trying again does not mend.
async fn lasting(trouble: &mut watch::Receiver<Option<ApiError>>) -> ApiError {
    until(trouble, |error| !error.kind.is_passing()).await
}

async fn until(
    trouble: &mut watch::Receiver<Option<ApiError>>,
    counts: impl Fn(&ApiError) -> bool,
) -> ApiError {
    let told = trouble.wait_for(|told| told.as_ref().is_some_and(&counts)).await;
    let error = told.ok().and_then(|told| told.clone());
    error.unwrap_or_else(|| ApiError::new(ApiErrorKind::Unavailable, "the watch has ended"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stream_ends_with_what_forbids_its_watch_and_not_with_what_passes() {
        let (tell, trouble) = watch::channel(None);
        let items: ApiStream<u32> = Box::pin(stream::iter([Ok(1)]).chain(stream::pending()));
        let mut guarded = Box::pin(guarded(items, trouble, ()));
        assert_eq!(guarded.next().await, Some(Ok(1)));
        let passing = ApiError::new(ApiErrorKind::Unavailable, "for a moment");
        tell.send_replace(Some(passing));
        assert!(futures::poll!(guarded.next()).is_pending());
        let lasting = ApiError::new(ApiErrorKind::PermissionDenied, "no right to watch");
        tell.send_replace(Some(lasting.clone()));
        assert_eq!(guarded.next().await, Some(Err(lasting)));
        assert_eq!(guarded.next().await, None);
    }
}
