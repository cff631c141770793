//! Watches that pause after a failure.

use std::fmt::Debug;

use futures::Stream;
use kube::{
    Api,
    runtime::{
        WatchStreamExt,
        watcher::{self, Event},
    },
};
use serde::de::DeserializeOwned;

/// Watches `api` for as long as the stream is polled: after a failure the stream pauses, longer each time, before
/// it tries again.
///
/// Without the pause a client whose runtime has ended fails at once, every time, and whoever follows the stream
/// spins.
pub fn watch<K>(api: Api<K>) -> impl Stream<Item = watcher::Result<Event<K>>> + Send
where
    K: kube::Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    #[expect(clippy::disallowed_methods, reason = "the one place in the tests that adds the pause")]
    watcher::watcher(api, watcher::Config::default()).default_backoff()
}

#[cfg(test)]
mod tests {
    use std::{pin::pin, time::Duration};

    use futures::StreamExt;
    use k8s_openapi::api::core::v1::Pod;
    use kube::{Client, Config};

    use super::*;
    use crate::plane::free_port;

    /// Where nobody answers.
    fn client() -> Client {
        let url = format!("http://127.0.0.1:{}", free_port());
        Client::try_from(Config::new(url.parse().expect("a URL"))).expect("a client")
    }

    async fn failures_in_a_second(client: Client) -> usize {
        let failures = watch(Api::<Pod>::all(client)).filter(|event| std::future::ready(event.is_err()));
        let a_second = tokio::time::sleep(Duration::from_secs(1));
        pin!(failures.take_until(a_second)).count().await
    }

    #[tokio::test]
    async fn a_watch_that_only_fails_pauses_in_between() {
        let failures = failures_in_a_second(client()).await;
        assert!((1..=5).contains(&failures), "{failures} failures in a second");
    }

    /// The kind of client that once filled the output of the suite: it fails without ever waiting.
    #[test]
    fn a_client_of_a_runtime_that_has_ended_does_not_make_a_watch_spin() {
        let runtime =
            || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let ended = runtime();
        let client = ended.block_on(async { client() });
        drop(ended);
        let failures = runtime().block_on(failures_in_a_second(client));
        assert!((1..=5).contains(&failures), "{failures} failures in a second");
    }
}
