//! A driver between mocked ports and a store of one flow.

use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use mockall::mock;
use serde_json::json;

use super::super::*;
use crate::model::{
    Base, Draft, Failure, Flow, FlowUid, InstanceId, Kind, Namespace, Orders, Peer, Plan, PodChange,
    PodsAsSeen, RawSize, TrafficChange, TrafficView, UpdateStrategy, Version, WorkloadChange, WorkloadPod,
    WorkloadView,
};
use crate::ports::{NewFlow, Reading, StoreEvent, Watching};

mock! {
    pub(super) Backend {
        pub(super) fn observe(&self) -> Result<Option<WorkloadView>, PortError>;
        pub(super) fn change_workload(&self, change: &WorkloadChange, seen: Option<Version>) -> Result<(), PortError>;
        pub(super) fn change_pods(&self, change: &PodChange) -> Result<(), PortError>;
        pub(super) fn confirm(&self, seen: &Version) -> Result<(), PortError>;
        pub(super) fn confirm_pods(&self, seen: &WorkloadView, which: PodsAsSeen) -> Result<(), PortError>;
        pub(super) fn dry_run(&self, flow: &Flow) -> Result<Option<Failure>, PortError>;
    }
}

#[async_trait]
impl WorkloadBackend for MockBackend {
    async fn observe(&self, _: Subject<'_>) -> Result<Option<WorkloadView>, PortError> {
        Self::observe(self)
    }

    async fn change_workload(
        &self,
        _: Subject<'_>,
        change: &WorkloadChange,
        seen: Option<&Version>,
    ) -> Result<(), PortError> {
        Self::change_workload(self, change, seen.cloned())
    }

    async fn change_pods(&self, _: Subject<'_>, change: &PodChange) -> Result<(), PortError> {
        Self::change_pods(self, change)
    }

    async fn confirm(&self, _: &InstanceId, seen: &Version) -> Result<(), PortError> {
        Self::confirm(self, seen)
    }

    async fn confirm_pods(
        &self,
        _: &InstanceId,
        seen: &WorkloadView,
        which: PodsAsSeen,
    ) -> Result<(), PortError> {
        Self::confirm_pods(self, seen, which)
    }

    async fn dry_run(&self, flow: &Flow, _: Option<&Version>) -> Result<Option<Failure>, PortError> {
        Self::dry_run(self, flow)
    }
}

mock! {
    pub(super) Registry {}
    #[async_trait]
    impl TrafficRegistry for Registry {
        async fn observe(&self, instance: &InstanceId, pods: &[WorkloadPod]) -> Result<TrafficView, PortError>;
        async fn change_traffic(&self, instance: &InstanceId, change: &TrafficChange) -> Result<(), PortError>;
    }
}

pub(super) struct Rig {
    pub(super) loaded: Mutex<Loaded>,
    /// What every other name stands for.
    pub(super) rival: Option<Loaded>,
    pub(super) saved: Mutex<Vec<(Progress, Report)>>,
    pub(super) driver_time: Mutex<Timestamp>,
    pub(super) stopwatch: Mutex<Duration>,
    pub(super) watching: Mutex<Watching>,
    pub(super) forgotten: Mutex<Vec<FlowUid>>,
    /// Flows of the same application.
    pub(super) peers: Mutex<Vec<Peer>>,
    /// Flows that were removed, and when that fails.
    pub(super) removed: Mutex<Vec<(FlowId, Version)>>,
    pub(super) refused: Option<PortErrorKind>,
    /// The store has no room for lists.
    pub(super) full: bool,
    /// What was not heard of for too long.
    pub(super) silence: Option<Silence>,
    pub(super) backend: MockBackend,
    pub(super) registry: MockRegistry,
    pub(super) steps: Vec<Step>,
}

impl Rig {
    pub(super) fn new(flow: Flow) -> Self {
        let stored = Stored {
            flow,
            report: Report::default(),
            version: "1".parse().expect("a version"),
            created_at: Timestamp::default(),
            observed: true,
            leaving: false,
        };
        let mut registry = MockRegistry::new();
        registry.expect_observe().returning(|_, _| Ok(TrafficView::default()));
        let mut backend = MockBackend::new();
        backend.expect_confirm().returning(|_| Ok(()));
        backend.expect_confirm_pods().returning(|_, _| Ok(()));
        backend.expect_dry_run().returning(|_| Ok(None));
        Self {
            loaded: Mutex::new(Loaded::Flow(Box::new(stored))),
            rival: None,
            saved: Mutex::default(),
            stopwatch: Mutex::default(),
            watching: Mutex::default(),
            forgotten: Mutex::default(),
            peers: Mutex::default(),
            removed: Mutex::default(),
            refused: None,
            full: false,
            silence: None,
            driver_time: Mutex::new(Timestamp::from_micros(1_000_000_000)),
            backend,
            registry,
            steps: vec![],
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        *self.driver_time.lock().expect("time")
    }

    pub(super) fn set(&self, loaded: Loaded) {
        *self.loaded.lock().expect("flow") = loaded;
    }

    pub(super) fn loaded(&self) -> Loaded {
        self.loaded.lock().expect("flow").clone()
    }

    pub(super) fn saved(&self) -> Vec<(Progress, Report)> {
        self.saved.lock().expect("saves").clone()
    }

    pub(super) fn advance(&mut self) -> Result<Rest, DriveError> {
        let mut steps = core::mem::take(&mut self.steps);
        let driver = Driver { store: &*self, clock: &*self, adapters: &*self };
        let rest = ready(driver.advance(&id(), &mut |_, step| steps.push(step)));
        self.steps = steps;
        rest
    }

    pub(super) fn show(&self, error: &DriveError, until: Timestamp) {
        let driver = Driver { store: self, clock: self, adapters: self };
        ready(driver.show_error(&id(), error, until)).expect("shown");
    }

    /// Trims to so many; answers how that ended and the names of those removed.
    pub(super) fn trim(&self, limit: u32) -> (Result<Rest, DriveError>, Vec<String>) {
        let driver = Driver { store: self, clock: self, adapters: self };
        let (instance, mut told) = (flow(Progress::Pending).instance(), Vec::new());
        let rest = ready(driver.trim(&instance, limit, &mut |id| told.push(id.name.to_string())));
        (rest, told)
    }

    pub(super) fn tend(&self) -> Result<Option<Timestamp>, DriveError> {
        let driver = Driver { store: self, clock: self, adapters: self };
        ready(driver.tend("cloneset", &flow(Progress::Pending).instance(), Seconds(10)))
    }
}

impl Clock for &Rig {
    fn now(&self) -> Timestamp {
        Rig::now(self)
    }

    fn watching(&self, apply: &mut dyn FnMut(&mut Watching, Reading)) {
        let reading = *self.stopwatch.lock().expect("time");
        apply(&mut self.watching.lock().expect("looks"), Reading::exact(reading));
    }
}

impl Adapters for &Rig {
    fn workload(&self, _: &str) -> Option<&dyn WorkloadBackend> {
        Some(&self.backend)
    }

    fn traffic(&self, _: Option<&Spec>) -> &dyn TrafficRegistry {
        &self.registry
    }

    fn silence(&self) -> Option<Silence> {
        self.silence
    }
}

impl FlowStore for &Rig {
    async fn load(&self, asked: &FlowId) -> Result<Loaded, PortError> {
        let rival = self.rival.clone().filter(|_| *asked != id());
        Ok(rival.unwrap_or_else(|| self.loaded()))
    }

    async fn list(&self, _: Option<&Namespace>) -> Result<Vec<Loaded>, PortError> {
        Ok(vec![self.loaded()])
    }

    async fn peers(&self, _: &InstanceId) -> Result<Vec<Peer>, PortError> {
        Ok(self.peers.lock().expect("peers").clone())
    }

    async fn create(&self, _: NewFlow) -> Result<Loaded, PortError> {
        Err(PortError::new(PortErrorKind::Rejected, "not in this test"))
    }

    async fn save_orders(&self, _: &FlowId, _: &Orders, _: &Version) -> Result<Loaded, PortError> {
        Err(PortError::new(PortErrorKind::Rejected, "not in this test"))
    }

    async fn save_progress(
        &self,
        _: &FlowId,
        progress: &Progress,
        report: &Report,
        _: &Version,
    ) -> Result<(), PortError> {
        if self.full && !report.batches.is_empty() {
            return Err(PortError::new(PortErrorKind::TooLarge, "etcdserver: request is too large"));
        }
        self.saved.lock().expect("saves").push((progress.clone(), report.clone()));
        match self.loaded() {
            Loaded::Flow(mut stored) => {
                stored.flow.progress = progress.clone();
                stored.report = report.clone();
                stored.observed = true;
                self.set(Loaded::Flow(stored));
            }
            Loaded::Invalid(mut invalid) => {
                invalid.progress = progress.clone();
                invalid.report = report.clone();
                self.set(Loaded::Invalid(invalid));
            }
            Loaded::Corrupt { .. } => {}
        }
        Ok(())
    }

    async fn confirm_flow(&self, _: &FlowId, version: &Version) -> Result<(), PortError> {
        let Loaded::Flow(stored) = self.loaded() else { return Err(conflict()) };
        if stored.version == *version { Ok(()) } else { Err(conflict()) }
    }

    async fn forget(&self, _: &FlowId, uid: &FlowUid) -> Result<(), PortError> {
        self.forgotten.lock().expect("forgotten").push(uid.clone());
        Ok(())
    }

    async fn delete(&self, id: &FlowId, version: &Version) -> Result<(), PortError> {
        if let Some(kind) = self.refused {
            return Err(PortError::new(kind, "not now"));
        }
        self.removed.lock().expect("removed").push((id.clone(), version.clone()));
        self.peers.lock().expect("peers").retain(|peer| peer.id != *id);
        Ok(())
    }

    fn watch(&self) -> core::pin::Pin<Box<dyn futures_core::Stream<Item = StoreEvent> + Send>> {
        unreachable!("the driver does not watch")
    }
}

/// Polls once: nothing here waits for anything.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the driver waits by itself"),
    }
}

pub(super) fn conflict() -> PortError {
    PortError::new(PortErrorKind::Conflict, "changed meanwhile")
}

pub(super) fn id() -> FlowId {
    FlowId { namespace: "default".parse().expect("a name"), name: "df".parse().expect("a name") }
}

pub(super) fn uid() -> FlowUid {
    "flow-uid".parse().expect("a uid")
}

pub(super) fn base() -> Base {
    Base::new(Kind::Grow, 0, 2)
}

pub(super) fn flow(progress: Progress) -> Flow {
    let draft = Draft {
        action: "create".into(),
        app_name: "app".into(),
        instance_name: "app".into(),
        replicas: Some(2),
        template: Some(json!({ "spec": { "containers": [{ "name": "app", "image": "app" }] } })),
        update_strategy: Some(UpdateStrategy {
            batch_size: Some(RawSize::Int(2)),
            ..UpdateStrategy::default()
        }),
        ..Draft::default()
    };
    let (spec, orders) = draft.parse().expect("valid");
    Flow { id: id(), uid: uid(), spec, orders, progress }
}

/// A flow whose new pods may take traffic.
pub(super) fn pulling_in() -> Flow {
    let mut flow = rolling();
    if let Progress::Rolling { batch, .. } = &mut flow.progress {
        batch.stage = crate::model::Stage::PullingIn;
    }
    flow
}

pub(super) fn rolling() -> Flow {
    let batch = crate::model::Batch {
        number: 1,
        size: 2,
        canary: false,
        stage: crate::model::Stage::Smoking,
        since: Timestamp::from_micros(1_000_000_000),
        counted: Seconds(0),
        serving: 0,
        hold: None,
        forgiven: false,
        met: true,
        edited: None,
    };
    flow(Progress::Rolling { plan: Plan { base: base(), fresh: 0, work: 2 }, done: 0, batch })
}

/// Our workload with so many pods that have not booted.
pub(super) fn view(replicas: u32, pods: u32) -> WorkloadView {
    let pod = |number| {
        let name = format!("app-{number}").parse().expect("a name");
        WorkloadPod { booted: false, phase: crate::model::PodPhase::Pending, ..WorkloadPod::test(name) }
    };
    WorkloadView::test(replicas, (0..pods).map(pod).collect())
}

/// A flow of the same application that has ended, the `nth` of all.
pub(super) fn ended(nth: i64) -> Peer {
    Peer {
        id: FlowId { name: alloc::format!("df-{nth}").parse().expect("a name"), ..id() },
        version: alloc::format!("{}", nth + 40).parse().expect("a version"),
        created_at: Timestamp::from_micros(nth),
        ended_at: Some(Timestamp::from_micros(nth)),
        held: false,
        begun: false,
        waits: false,
        rollback: false,
    }
}
