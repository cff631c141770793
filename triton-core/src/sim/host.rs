//! A host: one process that runs drivers and services against the simulated world. It implements all
//! five ports, has its own clock, its own memory of what it saw and wrote, and its own faults.

mod backend;
mod change;
mod instances;
mod memory;
mod registry;
mod store;

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(super) use self::backend::left;
use self::memory::Memory;
pub(super) use self::memory::Watched;
use super::fault::{Faults, Moment};
use super::journal::{Happening, Write};
use super::tally::Fault;
use super::watch::WorldWatch;
use super::world::{Timing, World};
use crate::driver::Adapters;
use crate::model::{FlowName, InstanceName, Silence, Spec, Timestamp};
use crate::ports::{
    Clock, Names, PortError, PortErrorKind, Reading, TrafficRegistry, Watching, WorkloadBackend,
};

/// Tells a simulation the time when it runs beside the real world.
pub type TimeSource = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A simulated world that can be shared: cheap to clone, all clones are the same world.
#[derive(Clone)]
pub struct Sim {
    world: Arc<Mutex<World>>,
    time: Option<TimeSource>,
    hosts: Arc<core::sync::atomic::AtomicU32>,
}

impl core::fmt::Debug for Sim {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.world().fmt(f)
    }
}

impl Sim {
    /// An empty world on a virtual clock: time passes only by [`World::advance`].
    #[must_use]
    pub fn new(seed: u64, timing: Timing) -> Self {
        let world = Arc::new(Mutex::new(World::new(seed, timing)));
        Self { world, time: None, hosts: Arc::default() }
    }

    /// An empty world that goes with a clock of the caller, such as the wall clock: it catches up whenever
    /// it is used. See [`World::next_event`] for when to use it next.
    #[must_use]
    pub fn on_clock(seed: u64, timing: Timing, time: TimeSource) -> Self {
        Self { time: Some(time), ..Self::new(seed, timing) }
    }

    /// The world, for as long as the guard lives. Must not be held over an await.
    pub fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(time) = &self.time {
            world.advance(time());
        }
        world
    }

    /// A stream of the workloads that change from now on, each once however often it did meanwhile.
    #[must_use]
    pub fn watch(&self) -> WorldWatch {
        self.world().watchers.watch_world()
    }

    /// A host without faults.
    #[must_use]
    pub fn host(&self) -> Host {
        self.faulty_host(Faults::NONE)
    }

    /// A new host with these faults. A host that crashed is replaced by another new one: nothing of its
    /// memory is left.
    #[must_use]
    pub fn faulty_host(&self, faults: Faults) -> Host {
        let number = self.hosts.fetch_add(1, core::sync::atomic::Ordering::Relaxed);
        let mut world = self.world();
        let memory = Memory::new(number, faults, &mut world);
        drop(world);
        Host { sim: self.clone(), memory: Arc::new(Mutex::new(memory)) }
    }
}

/// One process beside the world; all clones are the same process.
#[derive(Clone)]
pub struct Host {
    sim: Sim,
    memory: Arc<Mutex<Memory>>,
}

impl core::fmt::Debug for Host {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let memory = self.memory();
        write!(f, "host {} (down {})", memory.number, memory.down)
    }
}

impl Host {
    /// The world that it lives beside.
    #[must_use]
    pub const fn sim(&self) -> &Sim {
        &self.sim
    }

    /// Its number; every host has another.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.memory().number
    }

    /// Whether it died of a fault. All its calls fail from then on.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.memory().down
    }

    /// How many writes it has made or tried: the boundaries at which it can die.
    #[must_use]
    pub fn writes(&self) -> u32 {
        self.memory().writes
    }

    /// Kills it.
    pub fn kill(&self) {
        self.memory().down = true;
    }

    /// Other faults from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.memory().faults = faults;
    }

    /// F7: all calls are refused until then, on the world's clock.
    pub fn cut_off(&self, until: Timestamp) {
        let now = self.sim.world().now();
        self.memory().cut_off(now, until);
    }

    /// F9: nothing is heard of a kind until then, on the world's clock. What was known of it stays as it is, and
    /// from [`Faults::lag`] on the host knows that it is too old.
    pub(super) fn hush(&self, kind: Watched, until: Timestamp) {
        let mut world = self.sim.world();
        self.memory().hush(&mut world, kind, until);
    }

    /// Everything is heard of again.
    pub(super) fn hear(&self) {
        self.memory().quiet = None;
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A read may be made now.
    fn may_read(&self, world: &mut World) -> Result<(), PortError> {
        let mut memory = self.memory();
        memory.reachable(world)?;
        let refuse = memory.faults.refuse;
        if memory.random.chance(refuse) {
            world.tally.count(Fault::Refusal);
            return Err(refused());
        }
        Ok(())
    }

    /// Makes a write, with everything that may go wrong around it. `act` answers whether anything changed.
    async fn write<T: Send>(
        &self,
        act: impl FnOnce(&mut World, &mut Memory) -> (Result<T, PortError>, Option<Happening>) + Send,
    ) -> Result<T, PortError> {
        if self.before_write()? {
            HeldUp(false).await;
        }
        let mut world = self.sim.world();
        let mut memory = self.memory();
        memory.reachable(&mut world)?;
        let (result, happening) = act(&mut world, &mut memory);
        if let Some(happening) = happening {
            world.journal.write(|| happening);
        }
        let Faults { crash, lost_answer, .. } = memory.faults;
        let dies = memory.dies_at(Moment::Midway) || memory.dies_at(Moment::After);
        if memory.random.chance(crash / 2) || dies {
            world.tally.count(Fault::DiedAfter);
            memory.down = true;
            return Err(down());
        }
        if memory.random.chance(lost_answer) {
            world.tally.count(Fault::LostAnswer);
            return Err(PortError::new(PortErrorKind::Transient, "timeout: the answer was lost"));
        }
        result
    }

    /// Faults before a write; whether the host is held up first.
    fn before_write(&self) -> Result<bool, PortError> {
        let mut world = self.sim.world();
        let mut memory = self.memory();
        memory.reachable(&mut world)?;
        memory.writes += 1;
        if memory.is_upset(&mut world) {
            return Err(refused());
        }
        let Faults { crash, refuse, conflict, hiccup, .. } = memory.faults;
        if memory.random.chance(crash.div_ceil(2)) || memory.dies_at(Moment::Before) {
            world.tally.count(Fault::DiedBefore);
            memory.down = true;
            return Err(down());
        }
        if memory.random.chance(refuse) {
            world.tally.count(Fault::Refusal);
            return Err(refused());
        }
        if memory.random.chance(conflict) {
            world.tally.count(Fault::Conflict);
            return Err(PortError::new(PortErrorKind::Conflict, "the object has been modified"));
        }
        let held_up = memory.random.chance(hiccup);
        if held_up {
            world.tally.count(Fault::HeldUp);
        }
        Ok(held_up)
    }
}

/// The outcome of a write for the journal.
fn outcome<T>(world: &World, memory: &Memory, result: &Result<T, PortError>, changed: bool) -> Write {
    Write {
        host: memory.number,
        nth: memory.writes,
        at: world.now(),
        host_time: memory.time(world.now()),
        stale: memory.stale,
        result: result.as_ref().map(|_| changed).map_err(|error| error.kind),
    }
}

fn down() -> PortError {
    PortError::new(PortErrorKind::Transient, "this host is down")
}

fn refused() -> PortError {
    PortError::new(PortErrorKind::Transient, "too many requests, try again later")
}

/// Pending once: others have a turn.
struct HeldUp(bool);

impl Future for HeldUp {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Clock for Host {
    fn now(&self) -> Timestamp {
        let now = self.sim.world().now();
        self.memory().time(now)
    }

    fn watching(&self, apply: &mut dyn FnMut(&mut Watching, Reading)) {
        let now = self.sim.world().now();
        let mut memory = self.memory();
        let reading = Reading::exact(memory.watched(now));
        apply(&mut memory.watching, reading);
    }
}

impl Names for Host {
    fn fresh(&self, instance: &InstanceName) -> FlowName {
        let mut world = self.sim.world();
        loop {
            let name = std::format!("{instance}-{}", world.letters(5));
            let name = FlowName::new(name).expect("an instance name and letters make a name");
            if !world.flows().iter().any(|entry| entry.id.name == name) {
                return name;
            }
        }
    }
}

impl Adapters for Host {
    fn workload(&self, kind: &str) -> Option<&dyn WorkloadBackend> {
        (kind == "cloneset").then_some(self)
    }

    fn traffic(&self, _: Option<&Spec>) -> &dyn TrafficRegistry {
        self
    }

    fn silence(&self) -> Option<Silence> {
        let mut world = self.sim.world();
        let silence = self.memory().silence(world.now());
        if silence.is_some() {
            world.tally.count(Fault::StaleView);
        }
        silence
    }
}

#[cfg(test)]
#[path = "host_tests.rs"]
mod tests;

#[cfg(all(test, feature = "testing"))]
#[path = "conformance_tests.rs"]
mod conformance;
