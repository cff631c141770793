//! The suite of the API, over REST.

use std::time::Duration;

use triton_core::sim::{Sim, Timing};
use triton_core::testing::api_suite;
use triton_grpc::rest::Config;

use crate::http::Served;
use crate::rest::Rest;
use crate::rig::{Rig, lifecycle, namespace, service};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_keeps_the_promises_of_the_api_over_rest() {
    let sim = Sim::new(1, Timing::default());
    let host = sim.host();
    let (service, lifecycle) = (service(&host), lifecycle(&host));
    let served = Served::start(service, host, lifecycle, Config::default()).await;
    let flows = Rest { address: served.address, home: namespace("api") };
    let rig = Rig::new(sim, flows, Some(Duration::from_millis(1)));
    api_suite::all(&rig, &namespace("api")).await;
    let shown = Rest { address: served.address, home: namespace("shown") };
    api_suite::instances(&rig, &shown, &namespace("shown")).await;
    let ordered = Rest { address: served.address, home: namespace("ordered") };
    api_suite::lifecycle(&rig, &ordered, &namespace("ordered")).await;
    let lived = Rest { address: served.address, home: namespace("lived") };
    api_suite::lifecycle_carried_out(&rig, &lived, &namespace("lived")).await;
    served.stop().await.unwrap();
}
