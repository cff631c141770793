//! Wires everything for a cluster: the only place, beside [`standalone`](crate::standalone), that knows
//! all parts.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use kube::Client;
use triton_core::driver::{Adapters, Driver};
use triton_core::model::{
    DEFAULT_DRAIN, FlowId, Holder, InstanceId, InstanceName, Namespace, Seconds, Silence, Spec,
};
use triton_core::ports::{Loaded, TrafficRegistry, WorkloadBackend};
use triton_grpc::{Age, ViewAge, kubeconfig};

use crate::api::Api;
use crate::backend::cloneset::CloneSets;
use crate::clock::WallClock;
use crate::connect;
use crate::contact::Contact;
use crate::controller::{Controller, Directory, Edition};
use crate::crd::convert::{Fate, FlowEntry};
use crate::doors::{Addresses, Apis, Checks, Doors};
use crate::limits::Limits;
use crate::queue::{Lane, Queue};
use crate::registry::readiness_gate::ReadinessGate;
use crate::report::Events;
use crate::stop::Stop;
use crate::supervise::{alive, part, supervised};
use crate::telemetry::metrics::Metrics;
use crate::world::World;
use crate::world::cache::Key;

/// How to run on a cluster.
#[derive(Clone, Debug)]
pub struct Config {
    /// The kubeconfig to use; where it is absent, the one of the environment or of the pod.
    pub kubeconfig: Option<PathBuf>,
    /// Only this namespace is looked at; all when absent.
    pub namespace: Option<String>,
    /// Where to listen.
    pub addresses: Addresses,
    /// Flows that have ended and are kept, per instance.
    pub history: u32,
    /// How long to wait for the API server.
    pub limits: Limits,
}

/// The name that calls are counted under at the API server.
const AGENT: &str = concat!("triton-operator/", env!("CARGO_PKG_VERSION"));

/// An operator that listens and is not at work yet.
pub struct Operator {
    config: Config,
    client: Client,
    doors: Doors,
}

impl Operator {
    /// Reads the kubeconfig and binds the addresses.
    ///
    /// # Errors
    /// When one of that cannot be done.
    pub async fn bind(config: Config) -> anyhow::Result<Self> {
        let client = connect(config.kubeconfig.as_ref(), config.limits).await?;
        let doors = Doors::bind(&config.addresses).await?;
        Ok(Self { config, client, doors })
    }

    /// The addresses that are listened on, with the ports that were free.
    #[must_use]
    pub const fn addresses(&self) -> [(&'static str, SocketAddr); 4] {
        self.doors.addresses()
    }

    /// Works until `shutdown` resolves; then writes under way are finished.
    ///
    /// # Errors
    /// When a watch ends or a door breaks down.
    pub async fn serve(self, shutdown: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
        let Self { config, client, doors } = self;
        let stop = Stop::on(shutdown);
        let queue = Arc::new(Queue::default());
        let wake = Arc::clone(&queue);
        let world = World::new(Arc::new(move |key| wake.wake(key)), config.limits);
        let mut watches = world.watch(&client, config.namespace.as_deref());
        let contact = Contact::default();
        let (keeps, asked, namespace) = (contact.clone(), client.clone(), config.namespace.clone());
        part(&mut watches, "the watch over signs of life", async move {
            keeps.keep(asked, namespace.as_deref()).await;
        });
        let (events, publishes) = Events::new(client.clone(), Arc::clone(&world));
        part(&mut watches, "the publishing of events", publishes);
        let metrics = Arc::new(Metrics::default());
        let Api { store, deploys, instances, lifecycle } = Api::new(&client, &world);
        let (sizes, waiting) = (Arc::clone(&world), Arc::clone(&queue));
        let open = doors.open(
            Apis {
                deploys: Arc::new(deploys),
                instances: Arc::new(instances),
                lifecycle: Arc::new(lifecycle),
            },
            Arc::clone(&metrics),
            checks(&world, &queue),
            Arc::new(move |metrics| measure(metrics, &sizes, &waiting)),
            &stop,
        );
        let work = async {
            tokio::select! {
                () = stop.wait() => return,
                () = world.until_ready() => {}
            }
            tracing::info!(flows = world.flows.len(), pods = world.pods.len(), "the cluster is known");
            let driver = Driver {
                store: store.clone(),
                clock: contact,
                adapters: Ports {
                    clonesets: CloneSets::new(client.clone(), Arc::clone(&world), store),
                    gate: ReadinessGate::new(client, Arc::clone(&world), WallClock),
                    world: Arc::clone(&world),
                },
            };
            let known = Known(Arc::clone(&world));
            let controller = Controller::new(driver, known, events, metrics, config.history);
            Arc::new(controller).work(queue, stop.watch()).await;
        };
        supervised(work, watches, open).await
    }
}

/// Runs until `shutdown` resolves.
///
/// # Errors
/// When the cluster cannot be addressed, an address not be bound, or a door breaks down.
pub async fn run(config: Config, shutdown: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
    Operator::bind(config).await?.serve(shutdown).await
}

/// A client for this kubeconfig, or the one of the environment or of the pod.
///
/// # Errors
/// When there is none, or it cannot be read.
pub async fn connect(path: Option<&PathBuf>, limits: Limits) -> anyhow::Result<Client> {
    let files = kubeconfig::files(path.map(PathBuf::as_path));
    let mut config = match files.as_slice() {
        [] => connect::of_pod()?,
        files => connect::of_kubeconfig(connect::merged(files)?, None).await?,
    };
    config.headers.push(("user-agent".parse()?, AGENT.parse()?));
    limit(&mut config, limits);
    connect::client(config)
}

/// Lets no connection be silent for long, and no write be tried again unasked: whoever made it looks first.
pub(crate) fn limit(config: &mut kube::Config, limits: Limits) {
    config.connect_timeout = Some(limits.connect());
    config.write_timeout = Some(limits.connect());
    config.read_timeout = Some(limits.read());
    // Else the time that a connection was not used counts against the next answer.
    config.reset_reader_on_write = true;
    config.default_retry = false;
}

fn checks(world: &Arc<World>, queue: &Arc<Queue>) -> Checks {
    let (known, aged, queue) = (Arc::clone(world), Arc::clone(world), Arc::clone(queue));
    Checks {
        alive: Arc::new(move || alive(&queue)),
        ready: Arc::new(move || ready(&known)),
        age: Age::new(move || {
            let (_, age) = aged.oldest()?;
            Some(ViewAge { age, stale: aged.silence().map(|silence| silence.kind.into()) })
        }),
    }
}

/// Whether the cluster is known, and as it is now.
fn ready(world: &World) -> Result<(), String> {
    if let Some(Silence { kind, age }) = world.silence() {
        return Err(format!("not ready: nothing was heard of {kind} for more than {age}"));
    }
    world.check_ready().map_err(|error| format!("not ready: {error}"))
}

fn measure(metrics: &Metrics, world: &World, queue: &Queue) {
    metrics.size("flows", world.flows.len());
    metrics.size("clonesets", world.clonesets.len());
    metrics.size("pods", world.pods.len());
    metrics.size("services", world.services.len());
    metrics.size("endpointslices", world.slices.len());
    world.ages().for_each(|(kind, age)| metrics.age(kind, age));
    metrics.size("queue", queue.len());
    metrics.size("beginning", queue.beginning());
    unreadable(metrics, world);
}

/// What is stored and cannot be read, by what it is.
fn unreadable(metrics: &Metrics, world: &World) {
    let clonesets = world.clonesets.all();
    let read: Vec<_> = clonesets.iter().filter_map(|cloneset| cloneset.read().ok()).collect();
    let locks = read.iter().filter(|cloneset| cloneset.lock_fault.is_some()).count();
    let flows = world.flows.all();
    let open = || flows.iter().filter(|flow| !flow.finished);
    let specs = open().filter(|flow| matches!(flow.loaded, Loaded::Invalid(_))).count();
    let statuses = open().filter(|flow| matches!(flow.loaded, Loaded::Corrupt { .. })).count();
    metrics.unreadable("clonesets", clonesets.len() - read.len());
    metrics.unreadable("locks", locks);
    metrics.unreadable("specs", specs);
    metrics.unreadable("statuses", statuses);
}

/// One arm per kind of workload and of registry.
struct Ports {
    clonesets: CloneSets,
    gate: ReadinessGate,
    world: Arc<World>,
}

impl Adapters for Ports {
    fn workload(&self, kind: &str) -> Option<&dyn WorkloadBackend> {
        match kind {
            "cloneset" => Some(&self.clonesets),
            _ => None,
        }
    }

    fn traffic(&self, _: Option<&Spec>) -> &dyn TrafficRegistry {
        &self.gate
    }

    fn silence(&self) -> Option<Silence> {
        self.world.silence().or_else(|| self.world.broken())
    }
}

/// What the caches know of an instance.
struct Known(Arc<World>);

impl Known {
    /// Whether a flow that is known to be at work holds the workload: the keeper need not look.
    fn is_held(&self, holder: &Holder) -> bool {
        let flow = self.0.flows.get(&Key::new(holder.id.namespace.as_str(), holder.id.name.as_str()));
        flow.is_some_and(|cached| {
            cached.entry.uid == holder.uid.as_str() && cached.entry.fate() == Fate::Alive
        })
    }
}

impl Directory for Known {
    async fn flows(&self, key: &Key) -> Vec<(FlowId, Edition)> {
        let mut flows = self.0.flows.group(key);
        flows.retain(|flow| flow.is_driven());
        flows.sort_by(|a, b| (a.created, &a.key).cmp(&(b.created, &b.key)));
        let edition = |flow: &FlowEntry| flow.generation.unsigned_abs();
        flows.iter().map(|flow| (flow.loaded.id().clone(), edition(flow))).collect()
    }

    fn lane(&self, key: &Key) -> Lane {
        let flows = self.0.flows.group(key);
        let mut driven = flows.iter().filter(|flow| flow.is_driven()).peekable();
        let begins = driven.peek().is_some() && driven.all(|flow| flow.is_pending());
        if begins { Lane::Begins } else { Lane::Goes }
    }

    async fn kept(&self, key: &Key) -> Option<(InstanceId, Seconds)> {
        // Only workloads that ask before they touch a pod: others were never triton's.
        let cloneset = self.0.clonesets.get(key)?.entry.read().ok().filter(|cloneset| cloneset.hooked)?;
        if cloneset.lock_fault.is_some() {
            return None;
        }
        if cloneset.lock.as_ref().is_some_and(|note| self.is_held(&note.holder)) {
            return None;
        }
        let instance = InstanceId {
            namespace: Namespace::new(&cloneset.key.namespace).ok()?,
            name: InstanceName::new(&cloneset.key.name).ok()?,
        };
        let flows = self.0.flows.group(key);
        // One that was only made again is older than it looks.
        let acted = |flow: &FlowEntry| flow.ended.is_none() || flow.peer().ended_at.is_some();
        let last = flows.iter().filter_map(|flow| Some((acted(flow), flow.created, flow.flow()?.spec.drain)));
        Some((instance, last.max().map_or(DEFAULT_DRAIN, |(_, _, drain)| drain)))
    }
}

#[cfg(test)]
mod tests {
    use kube::api::DynamicObject;
    use serde_json::{Value, json};

    use super::*;
    use crate::backend::cloneset::state::CloneSetState;
    use crate::crd::convert::FlowEntry;
    use crate::labels;

    #[test]
    fn what_is_stored_and_cannot_be_read_is_counted_by_what_it_is() {
        let world = World::new(Arc::new(|_| {}), Limits::default());
        let metrics = Metrics::default();
        let told = || {
            unreadable(&metrics, &world);
            let text = metrics.text();
            ["clonesets", "locks", "specs", "statuses"].map(|what| {
                let label = format!("triton_unreadable{{what=\"{what}\"}} ");
                let value = text.lines().find_map(|line| line.strip_prefix(label.as_str()));
                value.and_then(|value| value.parse::<u32>().ok()).unwrap_or(u32::MAX)
            })
        };
        assert_eq!(told(), [0; 4], "nothing is there");
        let changes: [fn(&mut Value); 3] = [
            |_| {},
            |set| set["spec"]["replicas"] = json!(-1),
            |set| set["metadata"]["annotations"] = json!({ labels::LOCK: "{" }),
        ];
        for change in changes {
            let name = format!("web-{}", world.clonesets.len());
            let set = cloneset(&name, change);
            world.clonesets.watched(CloneSetState::of(&set).expect("it has a name"));
        }
        let flows: [(Value, Value); 5] = [
            (spec("create"), Value::Null),
            (spec("explode"), Value::Null),
            (spec("explode"), json!({ "phase": "Success", "finished": true })),
            (spec("create"), json!({ "phase": "BatchStarted" })),
            (spec("create"), json!({ "phase": "Success", "finished": true })),
        ];
        for (nth, (spec, status)) in flows.into_iter().enumerate() {
            let flow = flow(&format!("df-{nth}"), spec, status);
            world.flows.watched(FlowEntry::of(&flow).expect("it has a name"));
        }
        assert_eq!(told(), [1, 1, 1, 1], "of flows those that have not ended");
        let mended = cloneset("web-1", |set| set["metadata"]["resourceVersion"] = json!("10"));
        world.clonesets.watched(CloneSetState::of(&mended).expect("it has a name"));
        assert_eq!(told(), [0, 1, 1, 1], "it is mended");
    }

    fn cloneset(name: &str, change: impl FnOnce(&mut Value)) -> DynamicObject {
        let mut object = json!({
            "apiVersion": "apps.kruise.io/v1alpha1", "kind": "CloneSet",
            "metadata": { "name": name, "namespace": "default", "uid": name, "resourceVersion": "9" },
            "spec": { "replicas": 1, "selector": {}, "template": {} },
        });
        change(&mut object);
        serde_json::from_value(object).expect("an object")
    }

    fn spec(action: &str) -> Value {
        json!({
            "action": action,
            "application": {
                "appID": 1, "groupID": 1, "appName": "web", "instanceName": "web", "replicas": 1,
                "template": { "spec": { "containers": [{ "name": "web", "image": "web:1" }] } },
            },
        })
    }

    fn flow(name: &str, spec: Value, status: Value) -> DynamicObject {
        let object = json!({
            "apiVersion": "apps.triton.io/v1alpha1", "kind": "DeployFlow",
            "metadata": { "name": name, "namespace": "default", "uid": name, "resourceVersion": "9" },
            "spec": spec, "status": status,
        });
        serde_json::from_value(object).expect("an object")
    }
}
