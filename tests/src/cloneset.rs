//! Plays OpenKruise's CloneSet controller against a real API server: the simulator's pure function
//! ([`triton_core::sim::cloneset`]) with watches in front of it and writes behind it.
//!
//! It stands where OpenKruise cannot be had, and only there: on a cluster given by `TRITON_KUBECONFIG` the
//! real one works. What it leaves out is what the pure function leaves out.

mod cache;
mod claims;
mod connect;
mod crd;
mod history;
mod in_place;
mod object;
mod reconcile;

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject},
    runtime::watcher,
};
use tokio::sync::{Notify, oneshot};
use triton_operator::backend::cloneset::api_version::ApiVersion;

use self::{
    cache::{Cache, Key},
    reconcile::Reconciler,
};
pub use self::{connect::connect, crd::definition};
use crate::watches::watch;

/// The program that its calls are counted under in the audit log.
pub const AGENT: &str = "cloneset-stand-in";

/// A CloneSet controller at work; it stops when dropped.
#[derive(Debug)]
pub struct StandIn {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl StandIn {
    /// Starts it in a thread of its own, for all namespaces. The CloneSet resource must be there; the oldest
    /// version of it that is served is read and written.
    ///
    /// # Errors
    /// When the kubeconfig cannot be used, or a thread not be started.
    pub fn start(kubeconfig: &Path) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let kubeconfig = kubeconfig.to_owned();
        let (stop, stopped) = oneshot::channel();
        let (connected, connection) = mpsc::channel();
        let work = async move {
            let (client, version) = match open(&kubeconfig).await {
                Ok(opened) => opened,
                Err(error) => return drop(connected.send(Err(error))),
            };
            let _ = connected.send(Ok(()));
            tokio::select! {
                () = serve(client, version.resource()) => {}
                _ = stopped => {}
            }
        };
        let thread = thread::Builder::new().name(AGENT.to_owned()).spawn(move || runtime.block_on(work))?;
        connection.recv_timeout(Duration::from_secs(60)).context("the thread ended")??;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn open(kubeconfig: &Path) -> Result<(Client, ApiVersion)> {
    let client = connect(kubeconfig, AGENT).await?;
    let version = ApiVersion::oldest_served(&client).await?.context("CloneSets are not defined")?;
    Ok((client, version))
}

/// One worker per CloneSet, woken by every change of it or of its pods.
struct Workers {
    client: Client,
    resource: ApiResource,
    sets: Cache<DynamicObject>,
    pods: Cache<Pod>,
    wakes: parking_lot::Mutex<HashMap<Key, Arc<Notify>>>,
}

impl Workers {
    fn wake(self: &Arc<Self>, key: Key) {
        let mut wakes = self.wakes.lock();
        let wake = wakes.entry(key.clone()).or_insert_with(|| {
            let wake = Arc::new(Notify::new());
            let set_api = Api::namespaced_with(self.client.clone(), &key.0, &self.resource);
            let reconciler =
                Reconciler::new(self.client.clone(), key, set_api, self.sets.clone(), self.pods.clone());
            tokio::spawn(reconciler.run(Arc::clone(&wake)));
            wake
        });
        wake.notify_one();
    }
}

async fn serve(client: Client, resource: ApiResource) {
    let workers = Arc::new(Workers {
        sets: Cache::default(),
        pods: Cache::default(),
        wakes: parking_lot::Mutex::default(),
        client: client.clone(),
        resource: resource.clone(),
    });
    let sets = Api::<DynamicObject>::all_with(client.clone(), &resource);
    tokio::join!(
        follow(watch(sets), &workers.sets, |set| workers.wake(cache::key(set))),
        follow(watch(Api::<Pod>::all(client)), &workers.pods, |pod| {
            if let Some(owner) = object::owner(&pod.metadata) {
                let namespace = pod.metadata.namespace.clone().unwrap_or_default();
                workers.wake((namespace, owner.name.clone()));
            }
        }),
    );
}

/// Keeps a cache in step with a watch; the watch comes back by itself after an error.
async fn follow<K>(
    events: impl futures::Stream<Item = watcher::Result<watcher::Event<K>>>,
    cache: &Cache<K>,
    changed: impl Fn(&K),
) where
    K: kube::Resource + Clone,
{
    let mut events = std::pin::pin!(events.into_stream());
    while let Some(event) = events.next().await {
        match event.context("a watch failed") {
            Ok(event) => cache.apply(event).iter().for_each(|object| changed(object)),
            Err(error) => eprintln!("{AGENT}: {error:#}"),
        }
    }
}
