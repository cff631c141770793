//! The API without an operator's door, for programs that end soon: what a call needs is read, and no more.
//!
//! Orders to flows ask the API server for that flow alone. Lists and watches of flows watch the flows of one
//! namespace, everything else its CloneSets and pods too. Nothing is decided here: an operator carries out what
//! is written.

mod place;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use kube::Client;
use serde_json::Value;
use tokio::sync::Mutex;
use triton_core::model::{Edit, FlowId, InstanceId, Namespace, Target};
use triton_core::service::{
    ApiError, ApiStream, CreateFlow, DeployApi, FlowEvent, FlowFilter, FlowView, InstanceApi, InstanceOrder,
    InstanceView, LifecycleApi, Made, Ordered, PodFilter, PodId, PodView,
};

use self::place::Place;
use crate::api::Api;
use crate::connect;
use crate::limits::Limits;
use crate::run::limit;
use crate::world::{Kinds, World};

/// The name that calls are counted under at the API server.
const AGENT: &str = concat!("kubectl-triton/", env!("CARGO_PKG_VERSION"));

type Places = HashMap<(Option<Namespace>, Kinds), Arc<Place>>;

/// A cluster, worked on with the rights of whoever its kubeconfig is of.
pub struct Direct {
    client: Client,
    /// What is watched so far: a namespace, or all of them, and how much of it.
    places: Mutex<Places>,
    known: Known,
}

/// Everything that is known of a cluster so far.
#[derive(Clone, Default)]
pub struct Known(Arc<parking_lot::Mutex<Vec<Arc<World>>>>);

impl Known {
    /// How long nothing was heard of the kind for which that is longest, and that kind where it is too long. `None`
    /// while nothing is watched: whoever asks for one flow is answered by the API server itself.
    #[must_use]
    pub fn oldest(&self) -> Option<(Duration, Option<&'static str>)> {
        let of = |world: &Arc<World>| {
            let (_, age) = world.oldest()?;
            Some((age, world.silence().map(|silence| silence.kind)))
        };
        self.0.lock().iter().filter_map(of).max_by_key(|(age, _)| *age)
    }
}

impl Direct {
    /// Reads the kubeconfig, merged of these files as kubectl does it, and takes its context of that name, or
    /// the current one. Nothing is asked of the cluster yet.
    ///
    /// # Errors
    /// When there is no such context, or a file cannot be read.
    pub async fn open(files: &[PathBuf], context: Option<String>) -> anyhow::Result<Self> {
        ensure!(!files.is_empty(), "there is no kubeconfig");
        let config = connect::of_kubeconfig(connect::merged(files)?, context).await;
        let mut config = config.context("the kubeconfig names no cluster that can be addressed")?;
        config.headers.push(("user-agent".parse()?, AGENT.parse()?));
        limit(&mut config, Limits::default());
        Ok(Self { client: connect::client(config)?, places: Mutex::default(), known: Known::default() })
    }

    /// What is known of the cluster, also later.
    #[must_use]
    pub fn known(&self) -> Known {
        self.known.clone()
    }

    /// Single flows, of which the API server is asked.
    fn flows(&self) -> Api {
        Api::new(&self.client, &World::new(Arc::new(|_| {}), Limits::default()))
    }

    /// What is known of a namespace, or of all.
    async fn place(&self, namespace: Option<&Namespace>, kinds: Kinds) -> Result<Arc<Place>, ApiError> {
        let mut places = self.places.lock().await;
        let key = (namespace.cloned(), kinds);
        if let Some(place) = places.get(&key) {
            return Ok(Arc::clone(place));
        }
        let place = Arc::new(Place::open(&self.client, namespace, kinds).await?);
        self.known.0.lock().push(Arc::clone(&place.world));
        places.insert(key, Arc::clone(&place));
        Ok(place)
    }

    async fn whole(&self, namespace: &Namespace) -> Result<Arc<Place>, ApiError> {
        self.place(Some(namespace), Kinds::Workloads).await
    }
}

impl DeployApi for Direct {
    async fn get(&self, id: &FlowId) -> Result<FlowView, ApiError> {
        self.flows().deploys.get(id).await
    }

    async fn list(&self, filter: &FlowFilter) -> Result<Vec<FlowView>, ApiError> {
        self.place(filter.namespace.as_ref(), Kinds::Flows).await?.api().deploys.list(filter).await
    }

    async fn create(&self, flow: CreateFlow) -> Result<FlowView, ApiError> {
        self.whole(&flow.namespace).await?.api().deploys.create(flow).await
    }

    async fn dry_run(&self, flow: &CreateFlow) -> Result<Option<String>, ApiError> {
        self.whole(&flow.namespace).await?.api().deploys.dry_run(flow).await
    }

    async fn next(&self, id: &FlowId, expected: Option<Target>) -> Result<FlowView, ApiError> {
        self.flows().deploys.next(id, expected).await
    }

    async fn go_to(&self, id: &FlowId, target: Target) -> Result<Ordered, ApiError> {
        self.flows().deploys.go_to(id, target).await
    }

    async fn pause(&self, id: &FlowId) -> Result<Ordered, ApiError> {
        self.flows().deploys.pause(id).await
    }

    async fn resume(&self, id: &FlowId) -> Result<Ordered, ApiError> {
        self.flows().deploys.resume(id).await
    }

    async fn cancel(&self, id: &FlowId) -> Result<Ordered, ApiError> {
        self.flows().deploys.cancel(id).await
    }

    async fn edit(&self, id: &FlowId, edit: &Edit) -> Result<Ordered, ApiError> {
        self.flows().deploys.edit(id, edit).await
    }

    async fn delete(&self, id: &FlowId) -> Result<(), ApiError> {
        self.flows().deploys.delete(id).await
    }

    async fn watch(&self, id: &FlowId, target: Option<Target>) -> Result<ApiStream<FlowView>, ApiError> {
        let place = self.place(Some(&id.namespace), Kinds::Flows).await?;
        Ok(place.guarded(place.api().deploys.watch(id, target).await?))
    }

    async fn list_and_watch(&self, filter: &FlowFilter) -> Result<ApiStream<FlowEvent>, ApiError> {
        let place = self.place(filter.namespace.as_ref(), Kinds::Flows).await?;
        Ok(place.guarded(place.api().deploys.list_and_watch(filter).await?))
    }
}

impl InstanceApi for Direct {
    async fn instance(&self, id: &InstanceId) -> Result<InstanceView, ApiError> {
        self.whole(&id.namespace).await?.api().instances.instance(id).await
    }

    async fn warnings(&self, id: &InstanceId, template: Option<&Value>) -> Result<Vec<String>, ApiError> {
        self.place(Some(&id.namespace), Kinds::All).await?.api().instances.warnings(id, template).await
    }

    async fn instances(&self, namespace: Option<&Namespace>) -> Result<Vec<InstanceView>, ApiError> {
        self.place(namespace, Kinds::Workloads).await?.api().instances.instances(namespace).await
    }

    async fn pod(&self, id: &PodId) -> Result<PodView, ApiError> {
        self.whole(&id.namespace).await?.api().instances.pod(id).await
    }

    async fn pods(&self, filter: &PodFilter) -> Result<Vec<PodView>, ApiError> {
        let place = self.place(filter.namespace.as_ref(), Kinds::Workloads).await?;
        place.api().instances.pods(filter).await
    }
}

impl LifecycleApi for Direct {
    async fn order(
        &self,
        instance: &InstanceId,
        order: InstanceOrder,
        request: Option<&str>,
    ) -> Result<Made, ApiError> {
        self.whole(&instance.namespace).await?.api().lifecycle.order(instance, order, request).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_has_an_age_from_the_first_news_on() {
        let known = Known::default();
        assert_eq!(known.oldest(), None, "nothing is watched");
        let world = World::new(Arc::new(|_| {}), Limits::default());
        known.clone().0.lock().push(Arc::clone(&world));
        assert_eq!(known.oldest(), None, "nothing was heard yet");
        world.pods.heard();
        assert!(matches!(known.oldest(), Some((_, None))), "a watch may be silent for so long");
    }
}
