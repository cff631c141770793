//! Brings every instance as far as it can go now: its flows one after the other, oldest first, then the
//! keeper, then flows that have ended and are not kept any more. Instances go side by side; one that fails
//! waits by itself. Flows that are under way come before those that begin, and these begin as fast as the
//! API server answers.

mod errors;
mod pace;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use triton_core::driver::{Adapters, DriveError, Driver, Rest, Step};
use triton_core::engine::Why;
use triton_core::model::{FlowId, InstanceId, InstanceName, Namespace, Seconds, Timestamp};
use triton_core::ports::{FlowStore, PortErrorKind};

use self::errors::Errors;
use self::pace::Pace;
use crate::clock::WallClock;
use crate::contact::Contact;
use crate::panics::caught;
use crate::queue::{Lane, Queue, Room};
use crate::telemetry::metrics::Metrics;
use crate::world::cache::Key;

/// The reason that a panic is shown with.
const PANICKED: &str = "Panicked";
/// Instances that are looked at at the same time.
const WORKERS: usize = 64;
/// Instances beside these where a flow begins at the same time.
const BEGINNERS: usize = 3;
/// A look that panicked where no flow is to blame is taken again after this.
const AFTER_PANIC: Duration = Duration::from_secs(60);

/// Knows which flows there are for an instance, and whether its workload is to be tended.
pub trait Directory: Send + Sync + 'static {
    /// Flows that the driver has something to do with, oldest first, each with the edition of its orders.
    fn flows(&self, key: &Key) -> impl Future<Output = Vec<(FlowId, Edition)>> + Send;

    /// What a look at the instance would be for.
    fn lane(&self, key: &Key) -> Lane;

    /// The workload to tend while no flow acts on it, and how long its pods drain.
    fn kept(&self, key: &Key) -> impl Future<Output = Option<(InstanceId, Seconds)>> + Send;
}

/// A number that is another one when people changed the orders of a flow.
pub type Edition = u64;

/// Hears why flows moved.
pub trait Listener: Send + Sync + 'static {
    /// A flow moved.
    fn moved(&self, flow: &FlowId, why: &Why);
}

/// Looks at instances.
pub struct Controller<S, A, D, L> {
    /// Carries out what the engine decides.
    pub driver: Driver<S, Contact, A>,
    /// What there is to look at.
    pub directory: D,
    /// Hears of every move.
    pub listener: L,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// Flows that have ended and are kept, per instance.
    pub history: u32,
    errors: Errors,
    pace: Pace,
}

impl<S, A, D, L> Controller<S, A, D, L>
where
    S: FlowStore + 'static,
    A: Adapters + 'static,
    D: Directory,
    L: Listener,
{
    /// A controller that is not at work yet.
    pub fn new(
        driver: Driver<S, Contact, A>,
        directory: D,
        listener: L,
        metrics: Arc<Metrics>,
        history: u32,
    ) -> Self {
        Self {
            driver,
            directory,
            listener,
            metrics,
            history,
            errors: Errors::default(),
            pace: Pace::default(),
        }
    }

    /// Works until `stop` says so, then waits for the writes under way.
    pub async fn work(self: Arc<Self>, queue: Arc<Queue>, mut stop: watch::Receiver<bool>) {
        let seats = [WORKERS, BEGINNERS].map(|seats| Arc::new(Semaphore::new(seats)));
        let mut tasks = JoinSet::new();
        loop {
            let [goes, begins] = seats.each_ref().map(|seats| Arc::clone(seats).try_acquire_owned().ok());
            let room = Room { goes: goes.is_some(), begins: begins.is_some() };
            let (lane, key) = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                Some(_) = tasks.join_next(), if !tasks.is_empty() => continue,
                next = queue.next(room, |key| self.directory.lane(key)) => next,
            };
            let seat = if lane == Lane::Goes { goes } else { begins };
            let (controller, queue, mut stop) = (Arc::clone(&self), Arc::clone(&queue), stop.clone());
            tasks.spawn(async move {
                let started = Instant::now();
                let looked = caught(controller.look(&queue, &key)).await;
                let (again, writes) = looked.unwrap_or_else(|panic| {
                    controller.panicked(&format!("{}/{}", key.namespace, key.name), &panic);
                    (Some(Instant::now() + AFTER_PANIC), 0)
                });
                queue.done(key, again);
                if lane == Lane::Begins {
                    tokio::select! {
                        () = tokio::time::sleep(controller.pace.rest(started.elapsed(), writes)) => {}
                        _ = stop.wait_for(|stop| *stop) => {}
                    }
                }
                drop(seat);
            });
        }
        while tasks.join_next().await.is_some() {}
    }

    /// Brings one instance as far as it can go now; says when to look again although nothing happens, and
    /// how many writes its flows made.
    async fn look(&self, queue: &Queue, key: &Key) -> (Option<Instant>, u32) {
        let started = Instant::now();
        let (mut again, mut writes) = (Vec::new(), 0);
        for (flow, edition) in self.directory.flows(key).await {
            again.extend(self.advance(queue, &flow, edition, &mut writes).await);
            queue.finished_part();
        }
        // A flow may wait for long without holding the workload; whether one holds it the lock says.
        if let Some((instance, drain)) = self.directory.kept(key).await {
            again.extend(self.tend(key, &instance, drain).await);
            queue.finished_part();
        }
        again.extend(self.trim(key).await);
        self.metrics.looked(started.elapsed());
        (again.into_iter().min(), writes)
    }

    /// When to go on with the flow although nothing happens; adds up the writes.
    async fn advance(
        &self,
        queue: &Queue,
        flow: &FlowId,
        edition: Edition,
        writes: &mut u32,
    ) -> Option<Instant> {
        let name = flow.to_string();
        if let Some(at) = self.errors.waits(&name, edition) {
            return Some(at);
        }
        let mut on_step = |flow: &FlowId, step: Step| {
            *writes += 1;
            queue.finished_part();
            self.stepped(flow, &step);
        };
        match caught(self.driver.advance(flow, &mut on_step)).await {
            Err(panic) => Some(self.advance_panicked(flow, edition, &panic).await),
            Ok(Ok(rest)) => {
                self.errors.over(&name);
                match rest {
                    Rest::Until(at, _) => Some(self.instant(at)),
                    Rest::Again => Some(Instant::now()),
                    Rest::Done | Rest::Gone | Rest::Corrupt => None,
                }
            }
            Ok(Err(error)) => {
                let (at, wait) = self.failed(&name, edition, &error);
                let until = WallClock.after(wait);
                if let Err(error) = self.driver.show_error(flow, &error, until).await {
                    tracing::debug!(%flow, %error, "the error could not be shown");
                }
                Some(at)
            }
        }
    }

    /// Leaves the flow alone for a while, longer each time, and says so in its status.
    async fn advance_panicked(&self, flow: &FlowId, edition: Edition, panic: &str) -> Instant {
        let name = flow.to_string();
        self.panicked(&name, panic);
        let (at, wait, _) = self.errors.failed(&name, edition, PortErrorKind::Transient);
        let text = format!("a look at this flow panicked, which is a bug in triton: {panic}; trying again");
        let until = WallClock.after(wait);
        match caught(self.driver.show(flow, PANICKED, text, until)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%flow, %error, "the panic could not be shown"),
            Err(panic) => self.panicked(&name, &panic),
        }
        at
    }

    fn panicked(&self, name: &str, panic: &str) {
        self.metrics.failed(PANICKED);
        tracing::error!(name, panic, "a look panicked, which is a bug; it is taken again");
    }

    async fn tend(&self, key: &Key, instance: &InstanceId, drain: Seconds) -> Option<Instant> {
        let name = format!("{}/{} keeper", key.namespace, key.name);
        if let Some(at) = self.errors.waits(&name, 0) {
            return Some(at);
        }
        match self.driver.tend("cloneset", instance, drain).await {
            Ok(again) => {
                self.errors.over(&name);
                again.map(|at| self.instant(at))
            }
            Err(error) => Some(self.failed(&name, 0, &error).0),
        }
    }

    /// Removes flows that have ended and are not kept any more.
    async fn trim(&self, key: &Key) -> Option<Instant> {
        let instance = InstanceId {
            namespace: Namespace::new(&key.namespace).ok()?,
            name: InstanceName::new(&key.name).ok()?,
        };
        let name = format!("{instance} history");
        if let Some(at) = self.errors.waits(&name, 0) {
            return Some(at);
        }
        let mut on_removed = |flow: &FlowId| {
            self.metrics.wrote("remove_flow");
            tracing::info!(%flow, kept = self.history, "removed: it has ended, and newer ones are kept");
        };
        match self.driver.trim(&instance, self.history, &mut on_removed).await {
            Ok(rest) => {
                self.errors.over(&name);
                (rest == Rest::Again).then(Instant::now)
            }
            Err(error) => Some(self.failed(&name, 0, &error).0),
        }
    }

    fn stepped(&self, flow: &FlowId, step: &Step) {
        match step {
            Step::Saved(moves) => {
                self.metrics.wrote("progress");
                for why in moves {
                    tracing::info!(%flow, reason = why.reason(), "{why}");
                    self.metrics.moved(why.reason());
                    self.listener.moved(flow, why);
                }
            }
            Step::Did(effect) => {
                let kind = errors::kind_of(effect);
                tracing::debug!(%flow, effect = kind, "{effect:?}");
                self.metrics.wrote(kind);
            }
        }
    }

    fn failed(&self, name: &str, edition: Edition, error: &DriveError) -> (Instant, std::time::Duration) {
        let (at, wait, times) = self.errors.failed(name, edition, error.source.kind);
        self.metrics.failed(error.reason());
        if times > 1 {
            tracing::warn!(flow = name, %error, times, retry_in = ?wait, "a step failed");
        } else {
            tracing::debug!(flow = name, %error, retry_in = ?wait, "a step failed");
        }
        (at, wait)
    }

    fn instant(&self, at: Timestamp) -> Instant {
        Instant::now() + WallClock.until(at)
    }
}

#[cfg(test)]
#[path = "controller_tests.rs"]
mod tests;
