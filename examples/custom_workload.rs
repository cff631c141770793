//! A workload backend of your own: processes on one machine, behind a load balancer.
//!
//! `cargo run --example custom_workload`; the guide is docs/adding-a-backend.md.

#[path = "custom_workload/machine.rs"]
mod machine;
#[path = "custom_workload/ports.rs"]
mod ports;

use std::io::Write;

use anyhow::Result;
use triton_core::driver::Adapters;
use triton_core::model::Spec;
use triton_core::ports::{TrafficRegistry, WorkloadBackend};
use triton_core::sim::{Sim, Timing};
use triton_examples::{Play, shop, show};

use ports::Machine;

impl Adapters for Machine {
    fn workload(&self, kind: &str) -> Option<&dyn WorkloadBackend> {
        // The kind is `spec.application.applicationType`; admission lets in only what is built.
        (kind == "cloneset").then_some(self)
    }

    fn traffic(&self, _: Option<&Spec>) -> &dyn TrafficRegistry {
        self
    }
}

fn main() -> Result<()> {
    show(run)
}

fn run(out: &mut dyn Write) -> Result<()> {
    let sim = Sim::new(8, Timing::default());
    let machine = Machine::new(sim.host());
    let play = Play::over(&sim, machine.clone());
    let flow = play.create(shop("create", "shop:1", 3))?;
    play.carry(&flow, out)?;
    writeln!(out, "{}\n", machine.processes().join("\n"))?;
    let flow = play.create(shop("update", "shop:2", 3))?;
    play.carry(&flow, out)?;
    writeln!(out, "{}", machine.processes().join("\n"))?;
    writeln!(out, "{}", play.get(&flow)?.record.phase)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use triton_core::model::{Flow, FlowUid, Seconds};
    use triton_core::testing::{rig::Rig, traffic_suite, workload_suite};
    use triton_examples::ready;

    use super::*;

    #[test]
    fn processes_are_replaced_one_by_one() {
        let text = triton_examples::printed(run);
        assert!(text.ends_with("Success\n"), "{text}");
        assert_eq!(text.matches("shop-1 serving").count(), 3, "{text}");
        assert_eq!(text.matches("shop-2 serving").count(), 3, "{text}");
    }

    #[test]
    fn the_machine_keeps_every_promise_of_a_backend_and_of_a_registry() {
        let sim = Sim::new(9, Timing::default());
        let desk = Desk { machine: Machine::new(sim.host()), sim };
        ready(workload_suite::all(&desk, "default"));
        ready(traffic_suite::all(&desk, "default"));
    }

    struct Desk {
        sim: Sim,
        machine: Machine,
    }

    impl Rig for Desk {
        fn workload(&self) -> &dyn WorkloadBackend {
            &self.machine
        }

        fn traffic(&self) -> &dyn TrafficRegistry {
            &self.machine
        }

        async fn register(&self, flow: &Flow) -> FlowUid {
            flow.uid.clone()
        }

        async fn pass_time(&self) {
            self.sim.world().advance_by(Seconds(1));
        }
    }
}
