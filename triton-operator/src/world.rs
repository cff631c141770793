//! What this process knows of the cluster: one pruned cache per kind, each fed by one watch.

mod apis;
pub mod cache;
pub mod container;
pub mod ended;
pub mod endpoints;
mod feed;
pub mod offer;
pub mod pods;
mod served;
pub mod starts;
pub mod stuck;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{ApiResource, DynamicObject};
use tokio::sync::broadcast;
use tokio::task::JoinSet;
use triton_core::engine::Why;
use triton_core::model::{FlowId, Seconds, Silence};
use triton_core::ports::{Loaded, PortError, PortErrorKind};

use self::apis::{always, dynamic, scoped};
use self::cache::{Cache, Entry as _, Key};
use self::endpoints::{ServiceEntry, SliceEntry};
use self::pods::PodEntry;
use self::served::Served;
use crate::backend::cloneset::api_version::ApiVersion;
use crate::backend::cloneset::state::CloneSetState;
use crate::crd::DeployFlow;
use crate::crd::convert::FlowEntry;
use crate::kube_error::told;
use crate::limits::Limits;
use crate::supervise::{part, part_that_tells};

pub use self::feed::WatchError;

/// A change of a flow, for those who watch the store.
#[derive(Clone, Debug)]
pub enum FlowChange {
    /// Made or changed.
    Changed(Arc<FlowEntry>),
    /// Gone; this is how it last was.
    Removed(Arc<FlowEntry>),
    /// Its status cannot be read any more, or is wrong in another way than before; why it holds.
    Spoilt(Key, Why),
}

/// Everything this process knows of the cluster.
pub struct World {
    /// Flows, by instance.
    pub flows: Cache<FlowEntry>,
    /// CloneSets.
    pub clonesets: Cache<CloneSetState>,
    /// Pods of CloneSets, by UID of the CloneSet.
    pub pods: Cache<PodEntry>,
    /// Services, by namespace.
    pub services: Cache<ServiceEntry>,
    /// EndpointSlices, by Service.
    pub slices: Cache<SliceEntry>,
    /// How to address flows.
    pub flow_resource: ApiResource,
    served: Arc<Served>,
    changes: broadcast::Sender<FlowChange>,
    limits: Limits,
    wake: Wake,
}

/// What is watched of a cluster. Of the rest nobody asks: it counts as absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kinds {
    /// Flows alone.
    Flows,
    /// Flows, and the CloneSets and pods that orders are checked against.
    Workloads,
    /// Everything that decisions read.
    All,
}

/// Called with a kind and why it is listed anew; that is done without anybody's doing.
pub type Failed = Arc<dyn Fn(&'static str, &WatchError) + Send + Sync>;

/// Called with the namespace and the name of an instance that something happened to.
pub type Wake = Arc<dyn Fn(Key) + Send + Sync>;

/// Changes of flows that a watcher may be behind before it is dropped.
const BACKLOG: usize = 4096;

impl World {
    /// Empty caches that call `wake` for every change.
    #[must_use]
    pub fn new(wake: Wake, limits: Limits) -> Arc<Self> {
        let changes = broadcast::Sender::new(BACKLOG);
        Arc::new_cyclic(|world: &std::sync::Weak<Self>| {
            let [w1, w2, w3, w4, w5] = [(); 5].map(|()| Arc::clone(&wake));
            let (told, around, world) = (changes.clone(), world.clone(), world.clone());
            Self {
                flows: Cache::new(
                    "deployflows",
                    Box::new(move |old, new| flow_changed(&told, &w1, old, new)),
                ),
                clonesets: Cache::new(
                    "clonesets",
                    Box::new(move |old, new| {
                        new.or(old).into_iter().for_each(|entry| w2(entry.key().clone()));
                    }),
                ),
                pods: Cache::new(
                    "pods",
                    Box::new(move |old, new| {
                        let owner = |pod: &Arc<PodEntry>| Key::new(&pod.key.namespace, &pod.owner_name);
                        new.or(old).into_iter().for_each(|pod| w3(owner(pod)));
                    }),
                ),
                services: Cache::new(
                    "services",
                    Box::new(move |old, new| {
                        // Rare, and it may concern every instance of the namespace.
                        let (Some(world), Some(service)) = (around.upgrade(), new.or(old)) else { return };
                        let same = |set: &Arc<CloneSetState>| set.key().namespace == service.key.namespace;
                        world
                            .clonesets
                            .all()
                            .iter()
                            .filter(|set| same(set))
                            .for_each(|set| w5(set.key().clone()));
                    }),
                ),
                slices: Cache::new(
                    "endpointslices",
                    Box::new(move |old, new| {
                        let Some(world) = world.upgrade() else { return };
                        world.owners(old, new).into_iter().for_each(|key| w4(key));
                    }),
                ),
                flow_resource: ApiResource::erase::<DeployFlow>(&()),
                served: Arc::default(),
                changes,
                limits,
                wake,
            }
        })
    }

    /// Changes of flows from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<FlowChange> {
        self.changes.subscribe()
    }

    /// Whether every cache holds its first complete list.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.flows.is_ready()
            && self.clonesets.is_ready()
            && self.pods.is_ready()
            && self.services.is_ready()
            && self.slices.is_ready()
    }

    /// # Errors
    /// `Transient` before every cache holds its first complete list: unknown is never absent.
    pub fn check_ready(&self) -> Result<(), PortError> {
        let error = || PortError::new(PortErrorKind::Transient, "the cluster was not read completely yet");
        if self.is_ready() { Ok(()) } else { Err(error()) }
    }

    /// The version of CloneSets that is read and written.
    ///
    /// # Errors
    /// `Transient` before they were listed first.
    pub fn api_version(&self) -> Result<ApiVersion, PortError> {
        self.served
            .chosen()
            .ok_or_else(|| PortError::new(PortErrorKind::Transient, "no CloneSets were read yet"))
    }

    /// Waits until every cache holds its first complete list.
    pub async fn until_ready(&self) {
        self.flows.until_ready().await;
        self.clonesets.until_ready().await;
        self.pods.until_ready().await;
        self.services.until_ready().await;
        self.slices.until_ready().await;
    }

    /// Takes the answer to a write to a pod. A pod that is gone, or was replaced by another of its name,
    /// is no error: there is nothing to be done to it any more.
    ///
    /// # Errors
    /// The other errors of the write.
    pub fn took_pod(&self, answer: Result<Pod, PortError>) -> Result<(), PortError> {
        match answer {
            Ok(pod) => {
                PodEntry::of(&pod).into_iter().for_each(|pod| self.pods.wrote(pod));
                Ok(())
            }
            Err(error) if error.kind == PortErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// How long nothing was heard of each kind that is watched.
    pub fn ages(&self) -> impl Iterator<Item = (&'static str, Duration)> {
        let ages = [
            (self.flows.kind(), self.flows.age()),
            (self.clonesets.kind(), self.clonesets.age()),
            (self.pods.kind(), self.pods.age()),
            (self.services.kind(), self.services.age()),
            (self.slices.kind(), self.slices.age()),
        ];
        ages.into_iter().filter_map(|(kind, age)| Some((kind, age?)))
    }

    /// The kind that was not heard of for longest, and how long that is.
    #[must_use]
    pub fn oldest(&self) -> Option<(&'static str, Duration)> {
        self.ages().max_by_key(|(_, age)| *age)
    }

    /// The same, where that is too long to decide anything.
    #[must_use]
    pub fn silence(&self) -> Option<Silence> {
        let (kind, age) = self.oldest()?;
        Silence::beyond(self.limits.view(), kind, age)
    }

    /// A kind whose watch broke and that is not read anew yet. What others show by then may be of another history,
    /// in which it is not what is known of it here: after a restore of etcd, for one.
    #[must_use]
    pub fn broken(&self) -> Option<Silence> {
        let kinds = [
            (self.flows.kind(), self.flows.is_broken()),
            (self.clonesets.kind(), self.clonesets.is_broken()),
            (self.pods.kind(), self.pods.is_broken()),
            (self.services.kind(), self.services.is_broken()),
            (self.slices.kind(), self.slices.is_broken()),
        ];
        let (kind, _) = kinds.into_iter().find(|(_, broken)| *broken)?;
        Some(Silence { kind, age: Seconds(0) })
    }

    /// How many lists of any kind were complete.
    fn lists(&self) -> u64 {
        let each = [self.clonesets.lists(), self.pods.lists(), self.services.lists(), self.slices.lists()];
        each.into_iter().fold(self.flows.lists(), u64::saturating_add)
    }

    /// Starts one watch per kind, in one namespace or in all. They end when the set is dropped; one that ends
    /// before says why.
    pub fn watch(self: &Arc<Self>, client: &Client, namespace: Option<&str>) -> JoinSet<String> {
        let warn = |kind: &'static str, error: &WatchError| {
            // Of this one the whole process ends, and says so.
            if !matches!(error, WatchError::Replaced { .. }) {
                tracing::warn!(kind, error = told(kind, error), "a kind is listed and watched anew");
            }
        };
        let mut tasks = self.watch_some(client, namespace, Kinds::All, Arc::new(warn));
        let world = Arc::clone(self);
        part(&mut tasks, "the watch over the ages", async move { world.mind().await });
        tasks
    }

    /// The same for some kinds; `failed` hears of every error of a watch.
    pub fn watch_some(
        self: &Arc<Self>,
        client: &Client,
        namespace: Option<&str>,
        kinds: Kinds,
        failed: Failed,
    ) -> JoinSet<String> {
        let mut tasks = JoinSet::new();
        let limits = self.limits;
        macro_rules! follow {
            ($cache:ident, $open:expr, $prune:expr) => {
                let (world, failed, open) = (Arc::clone(self), Arc::clone(&failed), $open);
                self.$cache.heard();
                part_that_tells(&mut tasks, self.$cache.kind(), async move {
                    feed::feed(open, $prune, &world.$cache, limits, &failed).await
                });
            };
        }
        follow!(flows, always(dynamic(client, namespace, &self.flow_resource)), FlowEntry::of);
        if kinds >= Kinds::Workloads {
            follow!(clonesets, Arc::clone(&self.served).opens(client, namespace, limits), readable);
            follow!(pods, always(scoped(client, namespace)), PodEntry::of);
        } else {
            self.clonesets.relisted();
            self.pods.relisted();
        }
        if kinds == Kinds::All {
            follow!(services, always(scoped(client, namespace)), ServiceEntry::of);
            follow!(slices, always(scoped(client, namespace)), SliceEntry::of);
        } else {
            self.services.relisted();
            self.slices.relisted();
        }
        tasks
    }

    /// Has everybody look again when a kind falls silent, so that people are told, and when all are heard of again
    /// or were read anew, so that nobody waits for longer than that.
    async fn mind(&self) {
        let (mut before, mut lists): (Option<&'static str>, u64) = (None, self.lists());
        loop {
            tokio::time::sleep(self.limits.view() / 75).await;
            let silence = self.silence();
            let now = silence.map(|silence| silence.kind);
            let anew = self.broken().is_none() && self.lists() != lists;
            match silence {
                _ if now == before && !anew => continue,
                Some(Silence { kind, age }) if now != before => {
                    tracing::warn!(kind, %age, "nothing was heard of it for so long: everything is left alone");
                }
                None if now != before => tracing::info!("every kind is heard of again"),
                Some(_) | None => {}
            }
            if anew {
                lists = self.lists();
            }
            before = now;
            self.flows.all().iter().filter_map(|flow| flow.group()).for_each(|key| (self.wake)(key));
            self.clonesets.all().iter().for_each(|set| (self.wake)(set.key().clone()));
        }
    }

    /// Instances whose pods changed their place in a slice.
    fn owners(&self, old: Option<&Arc<SliceEntry>>, new: Option<&Arc<SliceEntry>>) -> BTreeSet<Key> {
        let endpoints =
            |slice: Option<&Arc<SliceEntry>>| slice.map_or(&[][..], |slice| &slice.endpoints).to_vec();
        let (before, after) = (endpoints(old), endpoints(new));
        let ports = |slice: Option<&Arc<SliceEntry>>| slice.map(|slice| slice.ports.clone());
        // Other ports are news of every pod in it.
        let moved = ports(old) != ports(new);
        let left = before.iter().filter(|endpoint| moved || !after.contains(endpoint));
        let came = after.iter().filter(|endpoint| moved || !before.contains(endpoint));
        let Some(slice) = new.or(old) else { return BTreeSet::new() };
        let owner = |pod: &str| {
            let pod = self.pods.get(&Key::new(&slice.key.namespace, pod))?.entry;
            Some(Key::new(&pod.key.namespace, &pod.owner_name))
        };
        left.chain(came).filter_map(|endpoint| owner(&endpoint.pod)).collect()
    }
}

fn flow_changed(
    changes: &broadcast::Sender<FlowChange>,
    wake: &Wake,
    old: Option<&Arc<FlowEntry>>,
    new: Option<&Arc<FlowEntry>>,
) {
    let Some(entry) = new.or(old) else { return };
    if let (Loaded::Corrupt { id, error, .. }, Some(_), false) = (&entry.loaded, new, entry.finished)
        && !old.is_some_and(|old| matches!(&old.loaded, Loaded::Corrupt { error: told, .. } if told == error))
    {
        let why = Why::Corrupt { what: error.clone() };
        tracing::warn!(flow = %id, reason = why.reason(), "{why}");
        let _ = changes.send(FlowChange::Spoilt(entry.key.clone(), why));
    }
    if let (None, Loaded::Corrupt { id, .. }, false) = (new, &entry.loaded, entry.finished) {
        left(id);
    }
    if let (None, Loaded::Invalid(flow), false) = (new, &entry.loaded, entry.finished) {
        left(&flow.id);
    }
    let change = match new {
        Some(entry) => FlowChange::Changed(Arc::clone(entry)),
        None => FlowChange::Removed(Arc::clone(entry)),
    };
    // Nobody may be watching.
    let _ = changes.send(change);
    entry.group().into_iter().for_each(|key| wake(key));
}

/// A flow that could not be read was deleted.
fn left(flow: &FlowId) {
    tracing::warn!(%flow, "the flow is gone before it ended; its workload stays as it is until another flow succeeds");
}

/// A CloneSet, also one that cannot be read.
fn readable(object: &DynamicObject) -> Option<CloneSetState> {
    let state = CloneSetState::of(object)?;
    match &state {
        CloneSetState::Unreadable { key, fault, .. } => {
            tracing::warn!(namespace = %key.namespace, name = %key.name, %fault, "a CloneSet cannot be read");
        }
        CloneSetState::Read(entry) => {
            if let Some(fault) = &entry.lock_fault {
                tracing::warn!("a lock cannot be read: {}", fault.says(&entry.key));
            }
        }
    }
    Some(state)
}
