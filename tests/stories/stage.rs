//! The stage of a story: a simulated world in which everything takes its fixed time, one driver, one
//! keeper, and the text of what happens.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use serde_json::json;
use triton_core::driver::{Driver, Rest, Step};
use triton_core::engine::{Effect, Waiting};
use triton_core::model::{
    FlowId, InstanceId, PodChange, RawSize, Seconds, Template, TrafficChange, UpdateStrategy, WorkloadChange,
};
use triton_core::service::{CreateFlow, DeployApi, Service};
use triton_core::sim::cloneset::UpdatePolicy;
use triton_core::sim::{BEGINNING, Host, NewWorkload, Pod, Sim, Timing, Workload};

const MILLI: i64 = 1_000;
/// Longest story, in virtual seconds.
const LONGEST: Seconds = Seconds(600);

/// What a person orders, beside action and size.
#[derive(Clone, Copy)]
pub(crate) struct Draft {
    pub(crate) batch: i64,
    pub(crate) canary: i32,
    pub(crate) interval: i32,
    pub(crate) drain: i32,
    pub(crate) manual: bool,
}

impl Default for Draft {
    fn default() -> Self {
        Self { batch: 1, canary: 0, interval: 0, drain: 2, manual: false }
    }
}

pub(crate) struct Stage {
    sim: Sim,
    service: Service<Host, Host>,
    driver: Driver<Host, Host, Host>,
    flow: Option<FlowId>,
    text: String,
    /// What was last told of the pods and of what is waited for.
    pods: String,
    waits: String,
}

impl Stage {
    pub(crate) fn new(title: &str) -> Self {
        let timing = Timing {
            boot: (2_000 * MILLI, 2_000 * MILLI),
            react: (100 * MILLI, 100 * MILLI),
            endpoints: (300 * MILLI, 300 * MILLI),
            terminate: (1_000 * MILLI, 1_000 * MILLI),
            fail: (1_000 * MILLI, 1_000 * MILLI),
            heal: (1_000 * MILLI, 1_000 * MILLI),
        };
        let sim = Sim::new(1, timing);
        let host = sim.host();
        Self {
            service: Service { store: host.clone(), names: host.clone() },
            driver: Driver { store: host.clone(), clock: host.clone(), adapters: host },
            sim,
            flow: None,
            text: format!("{title}.\n\n"),
            pods: String::new(),
            waits: String::new(),
        }
    }

    /// There is a workload whose pods serve.
    pub(crate) fn serves(&mut self, replicas: u32) {
        self.serves_by(replicas, UpdatePolicy::ReCreate);
    }

    /// There is one that updates its pods in this way.
    pub(crate) fn serves_by(&mut self, replicas: u32, policy: UpdatePolicy) {
        self.sim.world().add_workload(NewWorkload {
            id: instance(),
            template: Template::from_json(&template("nginx:1")),
            replicas,
            gated: true,
            hooked: true,
            policy,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
        });
    }

    /// A person makes a flow.
    pub(crate) fn orders(&mut self, action: &str, replicas: i64, draft: Draft) {
        let strategy = UpdateStrategy {
            batch_size: Some(RawSize::Int(draft.batch)),
            batch_interval_seconds: Some(draft.interval),
            canary: (draft.canary > 0).then_some(draft.canary),
            mode: Some(if draft.manual { "manual" } else { "auto" }.into()),
            drain_seconds: Some(draft.drain),
            ..UpdateStrategy::default()
        };
        let InstanceId { namespace, name } = instance();
        let draft = triton_core::model::Draft {
            action: action.into(),
            app_id: 12_122,
            group_id: 10_010,
            app_name: "deploy-demo-hello".into(),
            instance_name: name.to_string(),
            replicas: Some(replicas),
            template: Some(template("nginx:2")),
            update_strategy: Some(strategy),
            ..triton_core::model::Draft::default()
        };
        self.tell("person", &format!("{action} to {replicas} pods"));
        let flow = CreateFlow { namespace, name: Some("story".parse().expect("a name")), draft };
        self.flow = Some(ready(self.service.create(flow)).expect("a good draft").id);
    }

    pub(crate) fn next(&mut self) {
        self.tell("person", "Next");
        ready(self.service.next(&self.id(), None)).expect("something waits for a person");
    }

    pub(crate) fn pause(&mut self) {
        self.tell("person", "Pause");
        ready(self.service.pause(&self.id())).expect("a running flow can be paused");
    }

    pub(crate) fn resume(&mut self) {
        self.tell("person", "Resume");
        ready(self.service.resume(&self.id())).expect("a paused flow can be resumed");
    }

    pub(crate) fn cancel(&mut self) {
        self.tell("person", "Cancel");
        ready(self.service.cancel(&self.id())).expect("a running flow can be cancelled");
    }

    /// A pod vanishes with its node: the newest one, or the oldest one.
    pub(crate) fn loses_a_pod(&mut self, newest: bool) {
        self.tell("world", if newest { "the newest pod is lost" } else { "the oldest pod is lost" });
        let mut world = self.sim.world();
        let pods = world.workload(&instance()).map(|workload| workload.active().map(|pod| pod.uid.clone()));
        let mut pods: Vec<_> = pods.expect("there is a workload").collect();
        let uid = if newest { pods.pop() } else { Some(pods.remove(0)) };
        world.lose_pod(&instance(), &uid.expect("there is a pod"));
    }

    /// Somebody else changes the workload.
    pub(crate) fn edits(&mut self, what: &str, change: impl FnOnce(&mut Workload)) {
        self.tell("world", what);
        self.sim.world().edit(&instance(), change);
    }

    /// Until the second batch starts its pods.
    pub(crate) fn until_next_batch(&mut self) {
        let two = |text: &str| text.contains("batch 2: new pods are starting");
        while !two(&self.text) {
            self.for_seconds(1);
        }
    }

    /// Until a person is asked.
    pub(crate) fn until_asked(&mut self) {
        self.go_on(LONGEST, |rest| matches!(rest, Rest::Until(_, Waiting::Approval { .. })));
    }

    pub(crate) fn for_seconds(&mut self, seconds: u32) {
        self.go_on(Seconds(seconds), |_| false);
    }

    /// Until the flow has ended and the world is calm.
    pub(crate) fn until_ended(&mut self) {
        self.go_on(LONGEST, |rest| *rest == Rest::Done);
        self.waits.clear();
        let phase = ready(self.service.get(&self.id())).expect("the flow is there").record.phase;
        self.tell("end", &phase.to_string());
    }

    fn go_on(&mut self, most: Seconds, enough: impl Fn(&Rest) -> bool) {
        let end = self.sim.world().now().plus(most);
        loop {
            let mut lines = Vec::new();
            let rest = ready(self.driver.advance(&self.id(), &mut |_, step| lines.push(step)));
            lines.iter().for_each(|step| self.step(step));
            self.look();
            let rest = rest.expect("nothing fails in a story");
            if let Rest::Until(_, waiting) = &rest {
                self.wait(waiting);
            }
            if enough(&rest) {
                return;
            }
            let until = match rest {
                Rest::Until(until, _) => until,
                Rest::Again => continue,
                rest => panic!("the flow is {rest:?}:\n{}", self.text),
            };
            let mut world = self.sim.world();
            let next = world.next_event().map_or(until, |event| event.min(until)).min(end);
            world.advance(next);
            if next >= end {
                assert!(most < LONGEST, "the story does not end:\n{}", self.text);
                return;
            }
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Saved(moves) => {
                for why in moves {
                    self.tell("flow", &why.to_string());
                }
            }
            Step::Did(effect) => self.tell("does", &named(effect)),
        }
    }

    /// Tells how the pods are, when that changed.
    fn look(&mut self) {
        let pods = self.sim.world().workload(&instance()).map_or_else(String::new, pods);
        if pods != self.pods {
            self.pods.clone_from(&pods);
            self.tell("pods", if pods.is_empty() { "none" } else { &pods });
        }
    }

    fn wait(&mut self, waiting: &Waiting) {
        let text = waiting.to_string();
        if text != self.waits {
            self.tell("", &format!("({text})"));
            self.waits = text;
        }
    }

    fn tell(&mut self, who: &str, what: &str) {
        let micros = self.sim.world().now().micros_since(BEGINNING);
        let (seconds, tenths) = (micros / 1_000_000, micros / 100_000 % 10);
        let line = format!("{seconds:>4}.{tenths} s  {who:<7} {what}");
        writeln!(self.text, "{}", line.trim_end()).expect("writing to a text does not fail");
    }

    /// Compares the story with the one that is kept.
    pub(crate) fn compare(self, name: &str) {
        let path = format!("{}/stories/{name}.txt", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("TRITON_BLESS").is_some() {
            std::fs::write(&path, &self.text).expect("the story can be written");
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        let hint = "`make gen` writes it anew";
        assert!(kept == self.text, "{path} tells it differently; {hint}. Now:\n{}", self.text);
    }

    fn id(&self) -> FlowId {
        self.flow.clone().expect("a person made a flow first")
    }
}

fn instance() -> InstanceId {
    let (namespace, name) = ("default".parse(), "12122-sample-10010".parse());
    InstanceId { namespace: namespace.expect("a name"), name: name.expect("a name") }
}

fn template(image: &str) -> serde_json::Value {
    let container = json!({ "name": "app", "image": image, "ports": [{ "containerPort": 80 }] });
    json!({ "metadata": {}, "spec": { "containers": [container] } })
}

/// How many pods of which image are how far.
fn pods(workload: &Workload) -> String {
    let mut counts = BTreeMap::<String, u32>::new();
    for pod in workload.active() {
        let old = pod.revision != workload.template_revision();
        let state = format!("{} {}", if old { "old" } else { "new" }, state(pod));
        *counts.entry(state).or_default() += 1;
    }
    let parts: Vec<String> = counts.into_iter().map(|(state, count)| format!("{count} {state}")).collect();
    parts.join(", ")
}

fn state(pod: &Pod) -> &'static str {
    match (pod.marked(), pod.listed, pod.booted) {
        (true, true, _) => "leaving, in traffic",
        (true, false, _) => "leaving, out of traffic",
        (false, true, _) => "in traffic",
        (false, false, true) => "running, out of traffic",
        (false, false, false) => "starting",
    }
}

fn named(effect: &Effect) -> String {
    match effect {
        Effect::Workload(WorkloadChange::Lock { .. }) => "locks the workload".into(),
        Effect::Workload(WorkloadChange::Release { .. }) => "gives the lock back".into(),
        Effect::Workload(WorkloadChange::Remove) => "deletes the workload".into(),
        Effect::Pods(PodChange::MarkForReplacement(pods)) => {
            format!("marks {} pods to be replaced", pods.len())
        }
        Effect::Pods(PodChange::ClearSpecifiedDelete(pods)) => format!("keeps {} pods after all", pods.len()),
        Effect::Supersede(rival) => format!("takes over from {}", rival.name),
        Effect::Workload(WorkloadChange::Reshape(shape)) => {
            let old = shape.partition.unwrap_or(0).min(shape.replicas);
            format!("asks for {} pods, {old} of them kept as they are", shape.replicas)
        }
        Effect::Workload(WorkloadChange::SetPaused(true)) => "pauses the workload's controller".into(),
        Effect::Workload(WorkloadChange::SetPaused(false)) => "lets the workload's controller go on".into(),
        Effect::Pods(PodChange::Hook(pods)) => format!("protects {} pods", pods.len()),
        Effect::Pods(PodChange::Unhook(pods)) => format!("lets {} pods go", pods.len()),
        Effect::Traffic(TrafficChange::PullIn(pods)) => format!("pulls {} pods in", pods.len()),
        Effect::Traffic(TrafficChange::PullOut(pods)) => format!("pulls {} pods out", pods.len()),
    }
}

/// What a future comes to that has nothing to wait for.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the simulated world answers at once"),
    }
}
