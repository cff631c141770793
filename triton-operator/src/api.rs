//! The API over a cluster: what every door of it answers with.

use std::sync::Arc;

use kube::Client;
use triton_core::service::{Checked, Lifecycle, Service};

use crate::backend::cloneset::CloneSets;
use crate::clock::RandomNames;
use crate::instances::Instances;
use crate::store::Flows;
use crate::world::World;

/// Flows, none of which is made that would not fit its workload.
pub type Deploys = Checked<Service<Flows, RandomNames>, Arc<CloneSets>>;

/// Everything that can be asked of a cluster.
#[derive(Clone)]
pub struct Api {
    /// Where flows are kept.
    pub store: Flows,
    /// Orders to flows.
    pub deploys: Deploys,
    /// Instances and pods.
    pub instances: Instances,
    /// Orders to instances.
    pub lifecycle: Lifecycle<Deploys, Instances>,
}

impl Api {
    /// The API over what `world` knows.
    #[must_use]
    pub fn new(client: &Client, world: &Arc<World>) -> Self {
        let store = Flows::new(client.clone(), Arc::clone(world));
        let workloads = Arc::new(CloneSets::new(client.clone(), Arc::clone(world), store.clone()));
        let service = Service { store: store.clone(), names: RandomNames };
        let deploys = Checked { deploys: service, workloads };
        let instances = Instances::new(client.clone(), Arc::clone(world), store.clone());
        let lifecycle = Lifecycle { deploys: deploys.clone(), instances: instances.clone() };
        Self { store, deploys, instances, lifecycle }
    }
}
