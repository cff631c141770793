//! The doors of triton: gRPC and REST.
//!
//! - [`server`] serves any [`DeployApi`](triton_core::service::DeployApi),
//!   [`InstanceApi`](triton_core::service::InstanceApi) and
//!   [`LifecycleApi`](triton_core::service::LifecycleApi);
//! - [`client`] is all of them again, over the wire; it tries again what it may, and follows flows over broken
//!   connections;
//! - [`rest`] serves the same as JSON over HTTP;
//! - `cli` (feature) is the command line over the client;
//! - [`kubeconfig`] tells which kubeconfigs a program reads;
//! - [`status`] is the one table of API errors, for every door;
//! - [`deployflow`], [`application`] and [`pod`] are the messages of `proto/`.
//!
//! Everything that knows a message and a core type at once is in the private module `convert`.

mod age;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "client")]
pub mod client;
mod convert;
pub mod kubeconfig;
#[cfg(feature = "rest")]
pub mod rest;
#[cfg(feature = "server")]
pub mod server;
pub mod status;
#[cfg(test)]
#[path = "../tests/support/views.rs"]
#[allow(clippy::unwrap_used, reason = "test data")]
mod views;

pub use age::{Age, ViewAge};

/// Messages and client of package `deployflow`.
pub mod deployflow {
    #![allow(missing_docs, clippy::use_self, reason = "generated")]
    include!(concat!(env!("OUT_DIR"), "/messages/deployflow.rs"));
}

/// Messages and client of package `application`.
pub mod application {
    #![allow(missing_docs, clippy::use_self, reason = "generated")]
    include!(concat!(env!("OUT_DIR"), "/messages/application.rs"));
}

/// Messages and client of package `pod`.
pub mod pod {
    #![allow(missing_docs, clippy::use_self, reason = "generated")]
    include!(concat!(env!("OUT_DIR"), "/messages/pod.rs"));
}

/// The three proto files and what they import, as an encoded `google.protobuf.FileDescriptorSet`.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/triton.bin"));
