//! An API over a simulated world, and a driver that carries its flows out.

use std::time::Duration;

use triton_core::driver::{Driver, Rest};
use triton_core::model::{FlowId, Namespace, Seconds};
use triton_core::service::{Checked, DeployApi, Lifecycle, Service};
use triton_core::sim::{Host, Sim};
use triton_core::testing::api_suite::ApiRig;

/// The rig of the suite.
pub(crate) struct Rig<A> {
    sim: Sim,
    api: A,
    driver: Driver<Host, Host, Host>,
    /// Real time that an answer may be under way; `None` in the same process.
    delay: Option<Duration>,
}

impl<A: DeployApi> Rig<A> {
    /// An API that answers over this world.
    pub(crate) fn new(sim: Sim, api: A, delay: Option<Duration>) -> Self {
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

/// The service of flows over this world, as the operator has it.
pub(crate) fn service(host: &Host) -> Checked<Service<Host, Host>, Host> {
    let deploys = Service { store: host.clone(), names: host.clone() };
    Checked { deploys, workloads: host.clone() }
}

/// The service of orders to instances over this world.
pub(crate) fn lifecycle(host: &Host) -> Lifecycle<Checked<Service<Host, Host>, Host>, Host> {
    Lifecycle { deploys: service(host), instances: host.clone() }
}

/// A namespace for one part of the suite.
pub(crate) fn namespace(name: &str) -> Namespace {
    Namespace::new(name).unwrap()
}
