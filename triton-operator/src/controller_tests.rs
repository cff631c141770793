use std::sync::atomic::{AtomicU64, Ordering};

use triton_core::sim::{Faults, Sim, Timing};

use super::*;

/// One flow and no workload.
struct One(AtomicU64);

impl Directory for One {
    async fn flows(&self, _: &Key) -> Vec<(FlowId, Edition)> {
        let id = FlowId { namespace: "ns".parse().unwrap(), name: "df".parse().unwrap() };
        vec![(id, self.0.load(Ordering::Relaxed))]
    }

    async fn kept(&self, _: &Key) -> Option<(InstanceId, Seconds)> {
        None
    }
}

struct Deaf;

impl Listener for Deaf {
    fn moved(&self, _: &FlowId, _: &Why) {}
}

#[tokio::test(start_paused = true)]
async fn an_order_is_heard_while_the_flow_waits_after_a_failure() {
    let host = Sim::new(1, Timing::default()).faulty_host(Faults { refuse: 1000, ..Faults::NONE });
    let driver = Driver { store: host.clone(), clock: WallClock, adapters: host };
    let controller = Controller::new(driver, One(AtomicU64::new(1)), Deaf, Arc::new(Metrics::default()), 10);
    let key = Key::new("ns", "app");
    let first = controller.look(&key).await;
    tokio::time::advance(std::time::Duration::from_millis(1)).await;
    assert_eq!(controller.look(&key).await, first, "what failed is left alone for a while");
    controller.directory.0.store(2, Ordering::Relaxed);
    let second = controller.look(&key).await;
    assert!(second > first, "it was tried again: {second:?} after {first:?}");
}
