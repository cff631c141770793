//! One suite, in-process and over the wire.

use std::sync::Arc;
use std::time::Duration;

use triton_core::sim::{Sim, Timing};
use triton_core::testing::api_suite;
use triton_grpc::client::Client;
use triton_grpc::server::Config;

use crate::rig::{Rig, lifecycle, namespace, service};
use crate::server::{self, Served};

#[tokio::test]
async fn the_service_keeps_the_promises_of_the_api_in_process() {
    let sim = Sim::new(1, Timing::default());
    let host = sim.host();
    let rig = Rig::new(sim, service(&host), None);
    api_suite::all(&rig, &namespace("api")).await;
    api_suite::dry_run(&rig, &namespace("dry")).await;
    api_suite::instances(&rig, &host, &namespace("shown")).await;
    api_suite::lifecycle(&rig, &lifecycle(&host), &namespace("ordered")).await;
    api_suite::lifecycle_carried_out(&rig, &lifecycle(&host), &namespace("lived")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_keeps_the_promises_of_the_api_over_the_wire() {
    let sim = Sim::new(1, Timing::default());
    let host = sim.host();
    let (service, lifecycle) = (Arc::new(service(&host)), Arc::new(lifecycle(&host)));
    let served = Served::start_each(service, Arc::new(host), lifecycle, Config::default()).await;
    let client: Client = served.client().await;
    let rig = Rig::new(sim, client.clone(), Some(Duration::from_millis(1)));
    api_suite::all(&rig, &namespace("api")).await;
    api_suite::dry_run(&rig, &namespace("dry")).await;
    api_suite::instances(&rig, &client, &namespace("shown")).await;
    api_suite::lifecycle(&rig, &client, &namespace("ordered")).await;
    api_suite::lifecycle_carried_out(&rig, &client, &namespace("lived")).await;
    server::until("all watches are gone", || served.watches.live() == 0).await;
    served.stop().await;
}
