//! Feeds a cache for ever: one list, then one short watch after the other.
//!
//! A watch that is well ends after [`Limits::watch`] and the next one begins where it ended, so that the cache
//! hears of the API server often, also when nothing happens. After anything else the kind is listed anew: after
//! a connection that broke nobody can tell whether the API server still tells the same history. One whose etcd
//! was restored counts resource versions from an older one on, and a watch that begins at a version from before
//! the restore is silent, or leaves out what happened since.

use std::convert::Infallible;
use std::fmt::Debug;
use std::pin::pin;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use futures::{Stream, StreamExt};
use kube::Resource;
use kube::api::{Api, ListParams, WatchEvent, WatchParams};
use kube::core::Status;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout};

use super::Failed;
use super::cache::{Cache, Entry, Key};
use crate::limits::Limits;

/// Objects per page of a list (client-go: 500).
const PAGE: u32 = 500;
/// The shortest pause before a list is tried again.
const PAUSE: Duration = Duration::from_millis(200);
/// A watch that ends at most so much before its time has run its time.
const EARLY: Duration = Duration::from_millis(500);

/// Why a kind is listed anew.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// A list or the opening of a watch failed.
    #[error(transparent)]
    Refused(kube::Error),
    /// A watch broke.
    #[error("the watch broke: {0}")]
    Broken(#[source] kube::Error),
    /// The API server ended a watch with this status; 410 says that what the watch began with is too old.
    #[error("the API server ended the watch: {}", .0.message)]
    Ended(Box<Status>),
    /// Nothing came in time.
    #[error("the API server was silent for {} s", .0.as_secs())]
    Silent(Duration),
    /// CloneSets are not defined, or in no version that is known.
    #[error("the API server serves no CloneSets that this triton knows: OpenKruise defines them")]
    Unserved,
    /// They are defined in another way now.
    #[error(
        "the API server serves CloneSets as {now} now, and what is known of them was read as {was}: start again"
    )]
    Replaced {
        /// The version that was chosen.
        was: &'static str,
        /// The one that would be chosen now.
        now: &'static str,
    },
    /// A watch ended before its time: the API server stops, or somebody between it and here does.
    #[error("the watch ended before its time")]
    Early,
}

impl WatchError {
    /// What the API server answered, if it did.
    #[must_use]
    pub fn status(&self) -> Option<&Status> {
        match self {
            Self::Refused(kube::Error::Api(status))
            | Self::Broken(kube::Error::Api(status))
            | Self::Ended(status) => Some(status),
            Self::Refused(_)
            | Self::Broken(_)
            | Self::Silent(_)
            | Self::Unserved
            | Self::Replaced { .. }
            | Self::Early => None,
        }
    }
}

/// Follows one kind until it is another one, and tells so. `open` gives it before each list; what `prune` refuses is
/// not, or no longer, kept.
pub(super) async fn feed<K, T, F>(
    open: impl Fn() -> F,
    prune: fn(&K) -> Option<T>,
    cache: &Cache<T>,
    limits: Limits,
    failed: &Failed,
) -> String
where
    K: Resource + Clone + DeserializeOwned + Debug,
    T: Entry,
    F: Future<Output = Result<Api<K>, WatchError>>,
{
    let pauses = || {
        let pauses = ExponentialBuilder::new().with_min_delay(PAUSE).with_max_delay(limits.pause());
        pauses.without_max_times().with_jitter().build()
    };
    let mut pause = pauses();
    loop {
        let follow = async {
            let feed = Feed { api: open().await?, prune, cache, limits };
            let version = feed.list().await?;
            Err(feed.watches(version, &mut || pause = pauses()).await)
        };
        let Err::<Infallible, _>(error) = follow.await;
        cache.broke();
        failed(cache.kind(), &error);
        if matches!(error, WatchError::Replaced { .. }) {
            return format!("ended: {error}");
        }
        tokio::time::sleep(pause.next().unwrap_or(PAUSE)).await;
    }
}

struct Feed<'a, K, T> {
    api: Api<K>,
    prune: fn(&K) -> Option<T>,
    cache: &'a Cache<T>,
    limits: Limits,
}

impl<K, T> Feed<'_, K, T>
where
    K: Resource + Clone + DeserializeOwned + Debug,
    T: Entry,
{
    /// Lists everything; answers the version that watches begin at. A list that names no version shows the
    /// newest state (Kubernetes: "API concepts", consistent reads).
    async fn list(&self) -> Result<String, WatchError> {
        let mut page = ListParams::default().limit(PAGE);
        self.cache.relisting();
        loop {
            let list = self.in_time(self.api.list(&page)).await?;
            list.items.iter().for_each(|object| self.take(object));
            match list.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => page.continue_token = Some(token),
                None => {
                    self.cache.relisted();
                    self.cache.heard();
                    return Ok(list.metadata.resource_version.unwrap_or_default());
                }
            }
        }
    }

    /// Watches from this version on, until something is not as it should be; `well` hears of every watch that
    /// ran its time.
    async fn watches(&self, mut version: String, well: &mut impl FnMut()) -> WatchError {
        let lasts = self.limits.watch();
        let params = WatchParams::default().timeout(u32::try_from(lasts.as_secs()).unwrap_or(u32::MAX));
        loop {
            let began = Instant::now();
            let events = match self.in_time(self.api.watch(&params, &version)).await {
                Ok(events) => events,
                Err(error) => return error,
            };
            self.cache.heard();
            if let Err(error) = self.events(events, &mut version).await {
                return error;
            }
            if began.elapsed() + EARLY < lasts {
                return WatchError::Early;
            }
            self.cache.heard();
            well();
        }
    }

    /// Takes what one watch brings, up to its end.
    async fn events(
        &self,
        events: impl Stream<Item = kube::Result<WatchEvent<K>>>,
        version: &mut String,
    ) -> Result<(), WatchError> {
        let (mut events, silence) = (pin!(events), self.limits.read());
        loop {
            let event = timeout(silence, events.next()).await.map_err(|_| WatchError::Silent(silence))?;
            let Some(event) = event else { return Ok(()) };
            let newest = match event.map_err(WatchError::Broken)? {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                    self.take(&object);
                    object.meta().resource_version.clone()
                }
                WatchEvent::Deleted(object) => {
                    self.forget(&object);
                    object.meta().resource_version.clone()
                }
                WatchEvent::Bookmark(bookmark) => Some(bookmark.metadata.resource_version),
                WatchEvent::Error(status) => return Err(WatchError::Ended(status)),
            };
            self.cache.heard();
            *version = newest.unwrap_or_else(|| std::mem::take(version));
        }
    }

    async fn in_time<R>(&self, request: impl Future<Output = kube::Result<R>>) -> Result<R, WatchError> {
        let patience = self.limits.answer();
        let answer = timeout(patience, request).await.map_err(|_| WatchError::Silent(patience))?;
        answer.map_err(WatchError::Refused)
    }

    fn take(&self, object: &K) {
        match (self.prune)(object) {
            Some(entry) => self.cache.watched(entry),
            None => self.forget(object),
        }
    }

    fn forget(&self, object: &K) {
        let meta = object.meta();
        if let (Some(namespace), Some(name), Some(uid)) = (&meta.namespace, &meta.name, &meta.uid) {
            self.cache.removed(&Key::new(namespace, name), uid);
        }
    }
}

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;
