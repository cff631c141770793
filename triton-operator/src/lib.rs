//! Carries flows out on Kubernetes, or in an embedded world.
//!
//! The map of the house:
//! - [`crd`]: the custom resource, its rules, and the way to and from the core;
//! - [`world`]: what this process knows of the cluster, one pruned cache per kind;
//! - [`store`], [`backend`], [`registry`], [`clock`], [`contact`]: the ports of the core;
//! - [`kube_error`], `warnings`: what an answer of the API server means;
//! - [`queue`], [`controller`]: what to look at, and looking at it;
//! - [`limits`], [`panics`], [`supervise`]: how long to wait, and what becomes of what panics or ends;
//! - [`instances`], [`api`], [`doors`], [`report`], [`telemetry`]: what others get to see;
//! - [`run()`], [`standalone`]: the two places that wire all of that; [`release`]: the way out;
//! - [`unknown`]: what an API server would refuse of a template, where none is asked;
//! - [`args`], [`program`]: the command line, and the whole program behind it;
//! - [`direct`], `kubectl` (feature `cli`): the API without an operator's door, and `kubectl triton` over both.

pub mod api;
pub mod args;
pub mod backend;
pub mod clock;
pub mod concurrent;
mod connect;
pub mod contact;
pub mod controller;
pub mod crd;
pub mod direct;
pub mod doors;
pub mod instances;
pub mod kube_error;
#[cfg(feature = "cli")]
pub mod kubectl;
pub mod labels;
pub mod limits;
pub mod panics;
pub mod program;
pub mod queue;
pub mod registry;
pub mod release;
pub mod report;
pub mod run;
pub mod standalone;
pub mod stop;
pub mod store;
pub mod supervise;
pub mod telemetry;
pub mod unknown;
mod warnings;
pub mod world;

#[cfg(test)]
mod deploy_tests;

pub use run::{Config, Operator, run};
