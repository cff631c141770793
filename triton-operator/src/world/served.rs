//! Which version of CloneSets this process reads and writes.

use std::sync::{Arc, OnceLock};

use futures::future::BoxFuture;
use kube::Client;
use kube::api::{Api, DynamicObject, ListParams};
use tokio::time::timeout;

use super::WatchError;
use super::apis::dynamic;
use crate::backend::cloneset::api_version::ApiVersion;
use crate::limits::Limits;

/// The oldest version that the API server served when CloneSets were first listed. It stays for as long as it is served
/// and this process lasts: what is cached was read in it, and so was what the changes on their way follow from.
#[derive(Debug, Default)]
pub(super) struct Served {
    chosen: OnceLock<ApiVersion>,
}

impl Served {
    /// That version, once it is chosen.
    pub(super) fn chosen(&self) -> Option<ApiVersion> {
        self.chosen.get().copied()
    }

    /// What gives the CloneSets before each list: a definition that changes ends every watch of its kind.
    pub(super) fn opens(
        self: Arc<Self>,
        client: &Client,
        namespace: Option<&str>,
        limits: Limits,
    ) -> impl Fn() -> BoxFuture<'static, Result<Api<DynamicObject>, WatchError>> + use<> {
        let (client, namespace) = (client.clone(), namespace.map(str::to_owned));
        move || {
            let (served, client, namespace) = (Arc::clone(&self), client.clone(), namespace.clone());
            Box::pin(async move {
                let patience = limits.answer();
                let version = timeout(patience, served.version(&client, namespace.as_deref())).await;
                let version = version.map_err(|_| WatchError::Silent(patience))??;
                Ok(dynamic(&client, namespace.as_deref(), &version.resource()))
            })
        }
    }

    /// Chooses the version, or sees that it is still served.
    ///
    /// # Errors
    /// [`WatchError::Replaced`] when another one is served in its place.
    async fn version(&self, client: &Client, namespace: Option<&str>) -> Result<ApiVersion, WatchError> {
        let oldest = async || {
            let served = ApiVersion::oldest_served(client).await.map_err(WatchError::Refused)?;
            served.ok_or(WatchError::Unserved)
        };
        let Some(chosen) = self.chosen() else {
            let oldest = oldest().await?;
            return Ok(*self.chosen.get_or_init(|| oldest));
        };
        // Not asked by discovery: an API server that starts may serve what it does not tell of yet.
        let one = ListParams::default().limit(1);
        match dynamic(client, namespace, &chosen.resource()).list_metadata(&one).await {
            Ok(_) => Ok(chosen),
            Err(kube::Error::Api(status)) if status.code == 404 => match oldest().await? {
                now if now == chosen => Err(WatchError::Refused(kube::Error::Api(status))),
                now => Err(WatchError::Replaced { was: chosen.name(), now: now.name() }),
            },
            Err(error) => Err(WatchError::Refused(error)),
        }
    }
}

#[cfg(test)]
#[path = "served_tests.rs"]
mod tests;
