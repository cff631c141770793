//! What the examples share: a simulated world on a virtual clock, and a loop that carries flows out.

use std::future::Future;
use std::io::{self, Write};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use anyhow::Result;
use serde_json::json;
use triton_core::driver::{Adapters, Driver, Rest, Step};
use triton_core::engine::{Effect, Waiting};
use triton_core::model::{
    Draft, FlowId, PodChange, RawSize, Timestamp, TrafficChange, UpdateStrategy, WorkloadChange,
};
use triton_core::service::{CreateFlow, DeployApi, FlowView, Service};
use triton_core::sim::{BEGINNING, Host, Sim, Timing};

/// A world with one host that drives flows in it. `A` finds backend and registry; a host is both.
pub struct Play<A = Host> {
    /// The world.
    pub sim: Sim,
    /// What people ask.
    pub service: Service<Host, Host>,
    driver: Driver<Host, Host, A>,
}

impl Play<Host> {
    /// A world in which everything is simulated.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let sim = Sim::new(seed, Timing::default());
        let host = sim.host();
        Self::over(&sim, host)
    }
}

impl<A: Adapters> Play<A> {
    /// A world with backend and registry of the caller's.
    #[must_use]
    pub fn over(sim: &Sim, adapters: A) -> Self {
        let host = sim.host();
        Self {
            sim: sim.clone(),
            service: Service { store: host.clone(), names: host.clone() },
            driver: Driver { store: host.clone(), clock: host, adapters },
        }
    }

    /// Makes a flow in namespace `default`, with a name of the world's choice.
    ///
    /// # Errors
    /// What the service says of the draft.
    pub fn create(&self, draft: Draft) -> Result<FlowId> {
        let flow = CreateFlow { namespace: "default".parse()?, name: None, draft };
        Ok(ready(self.service.create(flow))?.id)
    }

    /// The flow as people see it.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn get(&self, id: &FlowId) -> Result<FlowView> {
        Ok(ready(self.service.get(id))?)
    }

    /// Carries a flow on until a person is asked or it has ended, and writes a line for everything that
    /// is decided. Answers what the person is asked.
    ///
    /// # Errors
    /// When the world refuses, or nothing comes of it within a virtual hour.
    pub fn carry(&self, id: &FlowId, out: &mut dyn Write) -> Result<Option<Waiting>> {
        let end = self.sim.world().now().plus(triton_core::model::Seconds(3600));
        while self.sim.world().now() < end {
            let mut lines = Vec::new();
            let rest = ready(self.driver.advance(id, &mut |_, step| lines.extend(told(&step))))?;
            for line in lines {
                writeln!(out, "{:>6.1} s  {line}", self.seconds())?;
            }
            match rest {
                Rest::Until(_, waiting) if waiting.asks_a_person() => return Ok(Some(waiting)),
                Rest::Until(until, _) => self.pass_time(until),
                Rest::Again => {}
                Rest::Done => return Ok(None),
                rest @ (Rest::Corrupt | Rest::Gone) => anyhow::bail!("the flow is {rest:?}"),
            }
        }
        anyhow::bail!("nothing came of it within an hour: {:?}", self.get(id)?.record.message)
    }

    /// As [`Play::carry`], for at most so many virtual seconds, and without a word.
    ///
    /// # Errors
    /// When the world refuses.
    pub fn carry_for(&self, id: &FlowId, seconds: u32) -> Result<()> {
        let end = self.sim.world().now().plus(triton_core::model::Seconds(seconds));
        while self.sim.world().now() < end {
            match ready(self.driver.advance(id, &mut |_, _| {}))? {
                Rest::Until(until, _) => self.pass_time(until.min(end)),
                Rest::Again => {}
                Rest::Done | Rest::Corrupt | Rest::Gone => return Ok(()),
            }
        }
        Ok(())
    }

    /// Virtual seconds since the world began.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        let micros = self.sim.world().now().micros_since(BEGINNING);
        // A virtual day has far fewer microseconds than a float has digits.
        #[expect(clippy::cast_precision_loss, reason = "only shown")]
        let seconds = micros as f64 / 1e6;
        seconds
    }

    /// To the next thing that happens, at most a tenth of a second on: worlds of the caller's have no
    /// list of what happens next.
    fn pass_time(&self, until: Timestamp) {
        let mut world = self.sim.world();
        let now = world.now();
        let tick = Timestamp::from_micros(now.as_micros() + 100_000);
        let next = world.next_event().map_or(tick, |event| event.min(tick));
        world.advance(next.min(until).max(now));
    }
}

/// An application named `shop` of `replicas` pods that run `image`, in batches of one pod, mode auto.
#[must_use]
pub fn shop(action: &str, image: &str, replicas: i64) -> Draft {
    let container = json!({ "name": "shop", "image": image, "ports": [{ "containerPort": 80 }] });
    Draft {
        action: action.into(),
        app_id: 1,
        group_id: 1,
        app_name: "shop".into(),
        instance_name: "shop".into(),
        replicas: Some(replicas),
        template: Some(json!({ "spec": { "containers": [container] } })),
        update_strategy: Some(UpdateStrategy {
            batch_size: Some(RawSize::Int(1)),
            mode: Some("auto".into()),
            ..UpdateStrategy::default()
        }),
        ..Draft::default()
    }
}

/// Lines for what a driver did.
#[must_use]
pub fn told(step: &Step) -> Vec<String> {
    match step {
        Step::Saved(moves) => moves.iter().map(ToString::to_string).collect(),
        Step::Did(effect) => vec![format!("  -> {}", named(effect))],
    }
}

fn named(effect: &Effect) -> String {
    match effect {
        Effect::Workload(WorkloadChange::Lock { .. }) => "lock the workload".into(),
        Effect::Workload(WorkloadChange::Release { .. }) => "give the lock back".into(),
        Effect::Workload(WorkloadChange::Remove) => "delete the workload".into(),
        Effect::Pods(PodChange::MarkForReplacement(pods)) => {
            format!("mark {} pods to be replaced", pods.len())
        }
        Effect::Pods(PodChange::ClearSpecifiedDelete(pods)) => format!("keep {} pods after all", pods.len()),
        Effect::Supersede(rival) => format!("take over from {rival}"),
        Effect::Workload(WorkloadChange::Reshape(shape)) => {
            let old = shape.partition.map(|old| format!(", {} of them old", old.min(shape.replicas)));
            format!("ask for {} pods{}", shape.replicas, old.unwrap_or_default())
        }
        Effect::Workload(WorkloadChange::SetPaused(on)) => format!("pause the workload's controller: {on}"),
        Effect::Pods(PodChange::Hook(pods)) => format!("protect {} pods", pods.len()),
        Effect::Pods(PodChange::Unhook(pods)) => format!("let {} pods go", pods.len()),
        Effect::Traffic(TrafficChange::PullIn(pods)) => format!("pull {} pods into traffic", pods.len()),
        Effect::Traffic(TrafficChange::PullOut(pods)) => format!("pull {} pods out of traffic", pods.len()),
    }
}

/// What a future comes to that has nothing to wait for: the simulated world answers at once.
///
/// # Panics
/// When it waits after all.
pub fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the simulated world answers at once"),
    }
}

/// Runs an example on standard output.
///
/// # Errors
/// What the example says.
pub fn show(example: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    example(&mut io::stdout().lock())
}

/// What an example prints.
///
/// # Panics
/// When it fails.
#[must_use]
pub fn printed(example: impl FnOnce(&mut dyn Write) -> Result<()>) -> String {
    let mut out = Vec::new();
    example(&mut out).expect("the example runs");
    String::from_utf8(out).expect("the example prints text")
}
