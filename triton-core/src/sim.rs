//! A seeded world in memory: workloads and their controller, a kubelet, endpoints, a store, a virtual
//! clock, and everything that goes wrong. Tests, examples, benches and the embedded default run on it.
//!
//! - [`Sim`] is the world as it can be shared; [`World`] is what is in it.
//! - [`Host`] is a process beside the world: it implements all five ports and the read model.
//! - [`Faults`] is what goes wrong for a host; what others do to the world are methods of [`World`].
//! - [`cloneset`] is the workload's controller as a pure function.

pub mod cloneset;
mod fault;
mod flows;
mod host;
mod journal;
mod past;
mod random;
pub mod scenario;
mod tally;
mod watch;
mod world;

pub use fault::{Death, Faults, Moment, Upset, Upsetting};
pub use flows::{Entry, Flows};
pub use host::{Host, Sim, TimeSource};
pub use journal::{Cause, Happening, Write};
pub use random::Random;
pub use tally::{Fault, Tally};
pub use watch::WorldWatch;
pub use world::{BEGINNING, Held, Mishap, Mishaps, NewWorkload, Pod, PodTemplate, Timing, Workload, World};
