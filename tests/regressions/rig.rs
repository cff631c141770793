//! One driver and one keeper beside a simulated world, carried on until something is so.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use serde_json::json;
use triton_core::driver::{Driver, Rest};
use triton_core::model::{
    Draft, FlowId, FlowPhase, InstanceId, Progress, RawSize, Seconds, Stage, Template, Timestamp,
    UpdateStrategy,
};
use triton_core::service::{CreateFlow, DeployApi, Service};
use triton_core::sim::cloneset::UpdatePolicy;
use triton_core::sim::{Faults, Host, NewWorkload, Sim, Timing, Workload};

/// Longest run, in virtual seconds.
const LONGEST: Seconds = Seconds(3_600);
/// How often the driver looks at least, in microseconds.
const TICK: i64 = 100_000;

pub(crate) struct Rig {
    pub(crate) host: Host,
    pub(crate) service: Service<Host, Host>,
    driver: Driver<Host, Host, Host>,
    flows: Vec<FlowId>,
    faults: Faults,
    /// Flows that have ended and are kept; all where it is absent.
    history: Option<u32>,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::of_seed(3)
    }

    pub(crate) fn of_seed(seed: u64) -> Self {
        let sim = Sim::new(seed, Timing::default());
        let (host, person) = (sim.host(), sim.host());
        Self {
            service: Service { store: person.clone(), names: person },
            driver: driver(&host),
            host,
            flows: Vec::new(),
            faults: Faults::NONE,
            history: None,
        }
    }

    /// A host with these faults that keeps so many flows that have ended.
    pub(crate) fn faulty(seed: u64, faults: Faults, history: u32) -> Self {
        let mut rig = Self::of_seed(seed);
        (rig.faults, rig.history) = (faults, Some(history));
        rig.host.set_faults(faults);
        rig
    }

    /// A workload that serves already and carries what others have set.
    pub(crate) fn serving(replicas: u32) -> Self {
        Self::with(replicas, UpdatePolicy::ReCreate, true)
    }

    /// One that updates its pods in this way; `ours`: with triton's gate, label and hook.
    pub(crate) fn with(replicas: u32, policy: UpdatePolicy, ours: bool) -> Self {
        let rig = Self::new();
        let foreign = |key: &str| BTreeMap::from([(key.to_owned(), "keep me".to_owned())]);
        rig.host.sim().world().add_workload(NewWorkload {
            id: instance(),
            template: Template::from_json(&template("app:1")),
            replicas,
            gated: ours,
            hooked: ours,
            policy,
            labels: foreign("team"),
            annotations: foreign("owner.example.com/contact"),
        });
        rig
    }

    pub(crate) fn create(&mut self, replicas: i64) -> FlowId {
        self.make("create", replicas)
    }

    pub(crate) fn update(&mut self, replicas: i64) -> FlowId {
        self.make("update", replicas)
    }

    fn make(&mut self, action: &str, replicas: i64) -> FlowId {
        self.image(action, Some(replicas), Some("app:2"))
    }

    /// Makes a flow that brings a template with this image, or none.
    pub(crate) fn image(&mut self, action: &str, replicas: Option<i64>, image: Option<&str>) -> FlowId {
        self.order(action, replicas, image.map(template), one_by_one())
    }

    pub(crate) fn order(
        &mut self,
        action: &str,
        replicas: Option<i64>,
        template: Option<serde_json::Value>,
        strategy: UpdateStrategy,
    ) -> FlowId {
        let InstanceId { namespace, name } = instance();
        let draft = Draft {
            action: action.into(),
            app_id: 1,
            group_id: 1,
            app_name: "app".into(),
            instance_name: name.to_string(),
            replicas,
            template,
            update_strategy: Some(strategy),
            ..Draft::default()
        };
        let flow = CreateFlow { namespace, name: None, draft };
        let id = ready(self.service.create(flow)).expect("a good draft").id;
        self.flows.push(id.clone());
        id
    }

    /// An update in batches of two reaches a stage, cannot be read any more, and is deleted.
    pub(crate) fn leave(&mut self, image: &str, unavailable: Option<i64>, stage: Stage) {
        let strategy = UpdateStrategy {
            batch_size: Some(RawSize::Int(2)),
            max_unavailable: unavailable.map(RawSize::Int),
            ..one_by_one()
        };
        let flow = self.order("update", None, Some(template(image)), strategy);
        self.until(|rig| rig.stage(&flow).is_some_and(|at| at >= stage));
        let mut world = self.host.sim().world();
        assert!(world.tamper(&flow, |entry| entry.draft.action = "explode".into()), "it is there");
        world.delete_flow(&flow);
        drop(world);
        self.until(|rig| rig.is_gone(&flow));
        self.flows.retain(|known| *known != flow);
    }

    /// The host dies and another one takes its place.
    pub(crate) fn crash(&mut self) {
        self.host.kill();
        self.host = self.host.sim().faulty_host(self.faults);
        self.driver = driver(&self.host);
    }

    /// Nothing goes wrong any more.
    pub(crate) fn heal(&mut self) {
        self.faults = Faults::NONE;
        self.host.set_faults(Faults::NONE);
        let mut world = self.host.sim().world();
        world.set_mishaps(&[]);
        world.repair(&instance());
    }

    /// One turn of the driver; whatever fails is tried again later.
    pub(crate) fn advance(&self, flow: &FlowId) -> Rest {
        ready(self.driver.advance(flow, &mut |_, _| {})).unwrap_or(Rest::Again)
    }

    /// Carries on, one write or a tenth of a second at a time, until something is so.
    pub(crate) fn until(&mut self, mut is_so: impl FnMut(&Self) -> bool) {
        let end = self.host.sim().world().now().plus(LONGEST);
        while !is_so(self) {
            assert!(self.host.sim().world().now() < end, "it never comes to that: {:?}", self.host.sim());
            self.turn(end);
        }
    }

    pub(crate) fn for_seconds(&mut self, seconds: u32) {
        let end = self.host.sim().world().now().plus(Seconds(seconds));
        while self.host.sim().world().now() < end {
            self.turn(end);
        }
    }

    /// Until every flow has ended and holds nothing.
    pub(crate) fn until_ended(&mut self) {
        self.until(|rig| {
            let free = rig.workload().is_none_or(|workload| workload.lock.is_none());
            free && rig.flows.iter().all(|flow| rig.is_gone(flow) || rig.phase(flow).is_final())
        });
    }

    /// One turn, of a tenth of a second at most.
    pub(crate) fn once(&mut self) {
        let now = self.host.sim().world().now();
        self.turn(now.plus(LONGEST));
    }

    pub(crate) fn flows(&self) -> &[FlowId] {
        &self.flows
    }

    fn turn(&mut self, end: Timestamp) {
        if self.host.is_down() {
            self.crash();
        }
        for flow in &self.flows {
            self.advance(flow);
        }
        if let Some(limit) = self.history {
            _ = ready(self.driver.trim(&instance(), limit, &mut |_| {}));
        }
        _ = ready(self.driver.tend("cloneset", &instance(), Seconds(1)));
        let mut world = self.host.sim().world();
        let now = world.now();
        let tick = Timestamp::from_micros(now.as_micros() + TICK);
        let next = world.next_event().map_or(tick, |event| event.min(tick)).min(end);
        world.advance(next.max(Timestamp::from_micros(now.as_micros() + 1)));
    }

    pub(crate) fn workload(&self) -> Option<Workload> {
        self.host.sim().world().workload(&instance()).cloned()
    }

    /// The flows that are there.
    pub(crate) fn kept(&self) -> Vec<FlowId> {
        self.host.sim().world().flows().iter().map(|entry| entry.id.clone()).collect()
    }

    pub(crate) fn is_gone(&self, flow: &FlowId) -> bool {
        self.host.sim().world().flows().get(flow).is_none()
    }

    pub(crate) fn phase(&self, flow: &FlowId) -> FlowPhase {
        FlowPhase::from(&self.progress(flow))
    }

    pub(crate) fn progress(&self, flow: &FlowId) -> Progress {
        let world = self.host.sim().world();
        let entry = world.flows().get(flow).expect("the flow is there");
        entry.progress().expect("nobody corrupts it")
    }

    pub(crate) fn stage(&self, flow: &FlowId) -> Option<Stage> {
        self.progress(flow).batch().map(|batch| batch.stage)
    }

    pub(crate) fn batch(&self, flow: &FlowId) -> Option<u32> {
        self.progress(flow).batch().map(|batch| batch.number)
    }
}

pub(crate) fn instance() -> InstanceId {
    InstanceId { namespace: "default".parse().expect("a name"), name: "app".parse().expect("a name") }
}

fn driver(host: &Host) -> Driver<Host, Host, Host> {
    Driver { store: host.clone(), clock: host.clone(), adapters: host.clone() }
}

/// Batches of one pod, which drains for a second.
pub(crate) fn one_by_one() -> UpdateStrategy {
    UpdateStrategy {
        batch_size: Some(RawSize::Int(1)),
        mode: Some("auto".into()),
        drain_seconds: Some(1),
        ..UpdateStrategy::default()
    }
}

pub(crate) fn template(image: &str) -> serde_json::Value {
    json!({ "spec": { "containers": [{ "name": "app", "image": image }] } })
}

/// What a future comes to that has nothing to wait for.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the simulated world answers at once"),
    }
}
