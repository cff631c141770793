//! An API over a simulated world, and a driver that carries its flows out.

use std::time::Duration;

use triton_core::driver::{Driver, Rest};
use triton_core::model::{FlowId, Seconds};
use triton_core::service::DeployApi;
use triton_core::sim::{Host, Sim};
use triton_core::testing::api_suite::ApiRig;

/// The rig of the suite.
pub(crate) struct Rig<A> {
    sim: Sim,
    api: A,
    driver: Driver<Host, Host, Host>,
    /// Real time that an answer may be under way.
    delay: Duration,
}

impl<A: DeployApi> Rig<A> {
    /// An API that answers over this world.
    pub(crate) fn new(sim: Sim, api: A, delay: Duration) -> Self {
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
        tokio::time::sleep(self.delay).await;
    }
}
