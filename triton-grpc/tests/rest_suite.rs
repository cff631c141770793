//! The suite of the API, over REST.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests are sentences, and may panic")]

#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/http.rs"]
mod http;
#[path = "support/rest.rs"]
mod rest;
#[path = "support/rig.rs"]
mod rig;

use std::time::Duration;

use http::Served;
use rest::Rest;
use rig::Rig;
use triton_core::model::Namespace;
use triton_core::service::{Checked, Lifecycle, Service};
use triton_core::sim::{Sim, Timing};
use triton_core::testing::api_suite;
use triton_grpc::rest::Config;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_keeps_the_promises_of_the_api_over_rest() {
    let sim = Sim::new(1, Timing::default());
    let host = sim.host();
    let deploys = Service { store: host.clone(), names: host.clone() };
    let service = Checked { deploys, workloads: host.clone() };
    let lifecycle = Lifecycle { deploys: service.clone(), instances: host.clone() };
    let served = Served::start(service, host, lifecycle, Config::default()).await;
    let flows = Rest { address: served.address, home: namespace("api") };
    let rig = Rig::new(sim, flows, Duration::from_millis(1));
    api_suite::all(&rig, &namespace("api")).await;
    let shown = Rest { address: served.address, home: namespace("shown") };
    api_suite::instances(&rig, &shown, &namespace("shown")).await;
    let ordered = Rest { address: served.address, home: namespace("ordered") };
    api_suite::lifecycle(&rig, &ordered, &namespace("ordered")).await;
    let lived = Rest { address: served.address, home: namespace("lived") };
    api_suite::lifecycle_carried_out(&rig, &lived, &namespace("lived")).await;
    served.stop().await.unwrap();
}

fn namespace(name: &str) -> Namespace {
    Namespace::new(name).unwrap()
}
