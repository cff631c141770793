//! The embedded default: the core, a simulated world and a store in memory on the wall clock, behind the
//! same doors. Needs nothing but this process.

use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::task::JoinSet;
use triton_core::driver::Driver;
use triton_core::engine::Why;
use triton_core::model::{DEFAULT_DRAIN, FlowId, InstanceId, InstanceName, Namespace, Seconds};
use triton_core::ports::{FlowStore, Loaded, StoreEvent};
use triton_core::service::{Checked, Lifecycle, Service};
use triton_core::sim::{Host, Sim, Timing};
use triton_grpc::{Age, ViewAge};

use crate::clock::WallClock;
use crate::contact::Contact;
use crate::controller::{Controller, Directory, Edition, Listener};
use crate::doors::{Addresses, Apis, Checks, Doors};
use crate::queue::{Lane, Queue};
use crate::stop::Stop;
use crate::supervise::{alive, part, supervised};
use crate::telemetry::metrics::Metrics;
use crate::unknown::Checking;
use crate::world::cache::Key;

/// How to run the embedded world.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Where to listen.
    pub addresses: Addresses,
    /// Chooses names, boot times and everything else that is chosen.
    pub seed: u64,
    /// Flows that have ended and are kept, per instance.
    pub history: u32,
}

/// An embedded world that listens and does not move yet.
pub struct Standalone {
    doors: Doors,
    sim: Sim,
    history: u32,
}

impl Standalone {
    /// Makes the world and binds the addresses.
    ///
    /// # Errors
    /// When an address cannot be bound.
    pub async fn bind(config: Config) -> anyhow::Result<Self> {
        let doors = Doors::bind(&config.addresses).await?;
        let sim = Sim::on_clock(config.seed, Timing::default(), Arc::new(|| WallClock.now()));
        Ok(Self { doors, sim, history: config.history })
    }

    /// The addresses that are listened on, with the ports that were free.
    #[must_use]
    pub const fn addresses(&self) -> [(&'static str, SocketAddr); 4] {
        self.doors.addresses()
    }

    /// The world, for those who want to do something to it.
    #[must_use]
    pub fn sim(&self) -> Sim {
        self.sim.clone()
    }

    /// Works until `shutdown` resolves.
    ///
    /// # Errors
    /// When a door breaks down.
    pub async fn serve(self, shutdown: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
        let Self { doors, sim, history } = self;
        let stop = Stop::on(shutdown);
        let (queue, metrics) = (Arc::new(Queue::default()), Arc::new(Metrics::default()));
        let host = sim.host();
        let mut tasks = JoinSet::new();
        part(&mut tasks, "the embedded world", live(sim.clone()));
        part(&mut tasks, "the watch of workloads", wake_for_workloads(sim.clone(), Arc::clone(&queue)));
        part(&mut tasks, "the watch of flows", wake_for_flows(host.clone(), Arc::clone(&queue)));
        let deploys = Service { store: host.clone(), names: host.clone() };
        let deploys = Checked { deploys, workloads: Checking(host.clone()) };
        let lifecycle = Lifecycle { deploys: deploys.clone(), instances: host.clone() };
        let (waiting, due) = (Arc::clone(&queue), Arc::clone(&queue));
        let open = doors.open(
            Apis {
                deploys: Arc::new(deploys),
                instances: Arc::new(host.clone()),
                lifecycle: Arc::new(lifecycle),
            },
            Arc::clone(&metrics),
            Checks {
                alive: Arc::new(move || alive(&due)),
                ready: Arc::new(|| Ok(())),
                // Every look is at the world itself.
                age: Age::new(|| Some(ViewAge { age: Duration::ZERO, stale: None })),
            },
            Arc::new(move |metrics| metrics.size("queue", waiting.len())),
            &stop,
        );
        let driver = Driver { store: host.clone(), clock: Contact::always(), adapters: host.clone() };
        let controller = Controller::new(driver, Embedded(host), Silent, metrics, history);
        supervised(Arc::new(controller).work(queue, stop.watch()), tasks, open).await
    }
}

/// Runs until `shutdown` resolves.
///
/// # Errors
/// When an address cannot be bound, or a door breaks down.
pub async fn run(config: Config, shutdown: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
    Standalone::bind(config).await?.serve(shutdown).await
}

/// Lets the world catch up whenever something in it is due.
async fn live(sim: Sim) {
    let mut changes = sim.watch();
    loop {
        let next = sim.world().next_event();
        tokio::select! {
            _ = changes.next() => {}
            () = sleep_until(next) => {}
        }
    }
}

async fn sleep_until(next: Option<triton_core::model::Timestamp>) {
    match next {
        Some(at) => tokio::time::sleep(WallClock.until(at)).await,
        None => std::future::pending().await,
    }
}

async fn wake_for_workloads(sim: Sim, queue: Arc<Queue>) {
    let mut changes = sim.watch();
    while let Some(instance) = changes.next().await {
        queue.wake(Key::new(instance.namespace.as_str(), instance.name.as_str()));
    }
}

async fn wake_for_flows(host: Host, queue: Arc<Queue>) {
    loop {
        // A watch that fell behind starts anew with everything there is.
        let mut changes = host.watch();
        for loaded in host.list(None).await.unwrap_or_default() {
            queue.wake(key(&loaded));
        }
        while let Some(event) = changes.next().await {
            if let StoreEvent::Changed(loaded) = event {
                queue.wake(key(&loaded));
            }
        }
    }
}

/// The instance of a flow; of a flow that cannot be read, a key that is no instance's.
fn key(loaded: &Loaded) -> Key {
    let id = loaded.id();
    match loaded {
        Loaded::Flow(stored) => Key::new(id.namespace.as_str(), stored.flow.spec.identity.instance.as_str()),
        Loaded::Invalid(invalid) if invalid.instance.is_some() => {
            let name = invalid.instance.as_ref().map_or("", |instance| instance.name.as_str());
            Key::new(id.namespace.as_str(), name)
        }
        Loaded::Invalid(_) | Loaded::Corrupt { .. } => {
            Key::new(id.namespace.as_str(), format!("/{}", id.name))
        }
    }
}

fn edition(loaded: &Loaded) -> Edition {
    match loaded {
        Loaded::Flow(stored) => {
            let mut hasher = DefaultHasher::new();
            (&stored.flow.orders, stored.leaving).hash(&mut hasher);
            hasher.finish()
        }
        Loaded::Invalid(_) | Loaded::Corrupt { .. } => 0,
    }
}

/// What the store in memory knows of an instance.
struct Embedded(Host);

impl Embedded {
    async fn of(&self, of: &Key) -> Vec<Loaded> {
        let all = match Namespace::new(&of.namespace) {
            Ok(namespace) => self.0.list(Some(&namespace)).await.unwrap_or_default(),
            Err(_) => Vec::new(),
        };
        all.into_iter().filter(|loaded| key(loaded) == *of).collect()
    }
}

impl Directory for Embedded {
    async fn flows(&self, key: &Key) -> Vec<(FlowId, Edition)> {
        let mut flows = self.of(key).await;
        flows.retain(|loaded| match loaded {
            Loaded::Flow(stored) => !stored.flow.progress.is_finished() || stored.leaving,
            Loaded::Invalid(invalid) => !invalid.progress.is_finished() || invalid.leaving,
            Loaded::Corrupt { leaving, .. } => *leaving,
        });
        flows.iter().map(|loaded| (loaded.id().clone(), edition(loaded))).collect()
    }

    /// Nothing that is written here takes time.
    fn lane(&self, _: &Key) -> Lane {
        Lane::Goes
    }

    async fn kept(&self, key: &Key) -> Option<(InstanceId, Seconds)> {
        let instance = InstanceId {
            namespace: Namespace::new(&key.namespace).ok()?,
            name: InstanceName::new(&key.name).ok()?,
        };
        self.0.sim().world().workload(&instance)?;
        let flows = self.of(key).await;
        let drain = flows.iter().rev().find_map(|loaded| match loaded {
            Loaded::Flow(stored) => Some(stored.flow.spec.drain),
            Loaded::Invalid(_) | Loaded::Corrupt { .. } => None,
        });
        Some((instance, drain.unwrap_or(DEFAULT_DRAIN)))
    }
}

/// Moves are in the log already.
struct Silent;

impl Listener for Silent {
    fn moved(&self, _: &FlowId, _: &Why) {}
}

#[cfg(test)]
#[path = "standalone_tests.rs"]
mod tests;
