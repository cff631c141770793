//! One suite, in-process and over the wire.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests are sentences, and may panic")]

#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/server.rs"]
mod server;

use std::sync::Arc;
use std::time::Duration;

use server::Served;
use triton_core::driver::{Driver, Rest};
use triton_core::model::{FlowId, Namespace, Seconds};
use triton_core::service::{Checked, DeployApi, Lifecycle, Service};
use triton_core::sim::{Host, Sim, Timing};
use triton_core::testing::api_suite::{self, ApiRig};
use triton_grpc::client::Client;
use triton_grpc::server::Config;

#[tokio::test]
async fn the_service_keeps_the_promises_of_the_api_in_process() {
    let sim = Sim::new(1, Timing::default());
    let host = sim.host();
    let rig = Rig::new(sim, service(&host), None);
    api_suite::all(&rig, &namespace("api")).await;
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
    api_suite::instances(&rig, &client, &namespace("shown")).await;
    api_suite::lifecycle(&rig, &client, &namespace("ordered")).await;
    api_suite::lifecycle_carried_out(&rig, &client, &namespace("lived")).await;
    server::until("all watches are gone", || served.watches.live() == 0).await;
    served.stop().await;
}

/// An API over a simulated world, and a driver that carries its flows out.
struct Rig<A> {
    sim: Sim,
    api: A,
    driver: Driver<Host, Host, Host>,
    /// Real time that an answer may be under way.
    delay: Option<Duration>,
}

impl<A: DeployApi> Rig<A> {
    fn new(sim: Sim, api: A, delay: Option<Duration>) -> Self {
        let host = sim.host();
        let driver = Driver { store: host.clone(), clock: host.clone(), adapters: host };
        Self { sim, api, driver, delay }
    }
}

impl<A: DeployApi> ApiRig for Rig<A> {
    type Api = A;

    fn api(&self) -> &A {
        &self.api
    }

    async fn pass_time(&self) {
        let ids: Vec<FlowId> = self.sim.world().flows().iter().map(|entry| entry.id.clone()).collect();
        let mut next = None;
        for id in ids {
            loop {
                match self.driver.advance(&id, &mut |_, _| {}).await.expect("the world is sound") {
                    Rest::Again => {}
                    Rest::Until(until, _) => break next = [next, Some(until)].into_iter().flatten().min(),
                    Rest::Done | Rest::Corrupt | Rest::Gone => break,
                }
            }
        }
        {
            let mut world = self.sim.world();
            let soon = world.now().plus(Seconds(1));
            let event = [next, world.next_event(), Some(soon)].into_iter().flatten().min().unwrap_or(soon);
            world.advance(event);
        }
        match self.delay {
            Some(delay) => tokio::time::sleep(delay).await,
            None => tokio::task::yield_now().await,
        }
    }
}

fn service(host: &Host) -> Checked<Service<Host, Host>, Host> {
    let deploys = Service { store: host.clone(), names: host.clone() };
    Checked { deploys, workloads: host.clone() }
}

fn lifecycle(host: &Host) -> Lifecycle<Checked<Service<Host, Host>, Host>, Host> {
    Lifecycle { deploys: service(host), instances: host.clone() }
}

fn namespace(name: &str) -> Namespace {
    Namespace::new(name).unwrap()
}
