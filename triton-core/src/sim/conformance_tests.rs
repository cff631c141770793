use core::future::Future;
use core::pin::pin;
use core::task::Waker;

use super::*;
use crate::model::{Flow, FlowUid, Seconds};
use crate::ports::{Loaded, NewFlow};
use crate::testing::{rig::Rig, store_suite, traffic_suite, workload_suite};

#[test]
fn the_simulated_backend_and_registry_keep_every_promise() {
    ready(workload_suite::all(&Desk::new(Faults::NONE), "default"));
    ready(traffic_suite::all(&Desk::new(Faults::NONE), "default"));
}

#[test]
fn they_keep_them_with_stale_views_too() {
    let faults = Faults { stale: 500, lag: 2_000_000, ..Faults::NONE };
    ready(traffic_suite::all(&Desk::new(faults), "default"));
}

#[test]
fn the_simulated_store_keeps_every_promise_with_stale_views_too() {
    for stale in [0, 700] {
        let desk = Desk::new(Faults { stale, lag: 2_000_000, ..Faults::NONE });
        ready(store_suite::all(&desk.host, "default", || desk.pass_time()));
    }
}

struct Desk {
    host: Host,
}

impl Desk {
    fn new(faults: Faults) -> Self {
        Self { host: Sim::new(3, Timing::default()).faulty_host(faults) }
    }
}

impl Rig for Desk {
    fn workload(&self) -> &dyn WorkloadBackend {
        &self.host
    }

    fn traffic(&self) -> &dyn TrafficRegistry {
        &self.host
    }

    async fn register(&self, flow: &Flow) -> FlowUid {
        let name = flow.spec.identity.instance.clone();
        let template = if flow.spec.action == crate::model::Action::Create { 1 } else { 2 };
        let draft = crate::testing::rig::draft(name.as_str(), template, 1);
        let new = NewFlow { id: flow.id.clone(), draft, instance: name };
        match self.host.sim.world().create_flow(new) {
            Ok(Loaded::Flow(stored)) => stored.flow.uid,
            other => panic!("{other:?}"),
        }
    }

    async fn pass_time(&self) {
        self.host.sim.world().advance_by(Seconds(1));
    }
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(answer) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return answer;
        }
    }
}
