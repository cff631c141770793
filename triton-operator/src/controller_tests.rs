use triton_core::sim::{Faults, Sim, Timing};

use super::*;

/// Nothing.
struct Empty;

impl Directory for Empty {
    async fn flows(&self, _: &Key) -> Vec<(FlowId, Edition)> {
        Vec::new()
    }

    fn lane(&self, _: &Key) -> Lane {
        Lane::Goes
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
    let controller = Controller::new(driver, Empty, Deaf, Arc::new(Metrics::default()), 10);
    let flow = FlowId { namespace: "ns".parse().unwrap(), name: "df".parse().unwrap() };
    let first = controller.advance(&flow, 1, &mut 0).await;
    tokio::time::advance(std::time::Duration::from_millis(1)).await;
    assert_eq!(controller.advance(&flow, 1, &mut 0).await, first, "what failed is left alone for a while");
    let second = controller.advance(&flow, 2, &mut 0).await;
    assert!(second > first, "it was tried again: {second:?} after {first:?}");
}
