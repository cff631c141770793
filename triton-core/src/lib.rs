//! A progressive-delivery engine that knows nothing of Kubernetes, of clocks, or of I/O.
//!
//! Three rules carry the design:
//! - **Two pure functions decide everything.** [`engine::admit()`] decides what a person may ask;
//!   [`engine::decide()`] decides what happens next. Nothing else decides.
//! - **One step, one write.** A decision is *one* of: change progress, act on the world, wait, done.
//! - **Each half of a flow has one writer.** The service writes orders, the driver writes progress.
//!
//! The map of the house:
//! - [`model`]: the nouns, plain data;
//! - [`engine`]: the verbs, pure functions over the nouns;
//! - [`ports`]: five traits that a host implements;
//! - [`driver`]: load, observe, decide, one write;
//! - [`service`]: the API as a trait, and its implementation over the ports;
//! - `sim` (feature): a seeded in-memory world;
//! - `testing` (feature): conformance suites for people who implement a port.
#![cfg_attr(not(any(feature = "sim", feature = "testing", test)), no_std)]

extern crate alloc;

pub mod driver;
pub mod engine;
pub mod model;
pub mod ports;
pub mod service;
#[cfg(feature = "sim")]
pub mod sim;
#[cfg(feature = "testing")]
pub mod testing;
