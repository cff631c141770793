//! Carries flows out on Kubernetes, or in an embedded world.
//!
//! The map of the house:
//! - [`crd`]: the custom resource, its rules, and the way to and from the core;
//! - [`world`]: what this process knows of the cluster, one pruned cache per kind;
//! - [`store`], [`backend`], [`registry`], [`clock`]: the ports of the core;
//! - [`kube_error`]: what an answer of the API server means.

pub mod backend;
pub mod clock;
pub mod concurrent;
pub mod crd;
pub mod kube_error;
pub mod labels;
pub mod registry;
pub mod standalone;
pub mod store;
pub mod world;
