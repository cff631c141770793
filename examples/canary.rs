//! An update of a serving application: one new pod first, and a person decides at each of its steps.
//!
//! `cargo run --example canary`

use std::io::Write;

use anyhow::Result;
use triton_core::model::{FlowId, UpdateStrategy};
use triton_core::service::DeployApi;
use triton_examples::{Play, ready, shop, show};

fn main() -> Result<()> {
    show(run)
}

fn run(out: &mut dyn Write) -> Result<()> {
    let play = Play::new(2);
    let first = play.create(shop("create", "shop:1", 4))?;
    play.carry_for(&first, 600)?;
    writeln!(out, "4 pods of shop:1 are in traffic")?;

    let mut update = shop("update", "shop:2", 4);
    let strategy = update.update_strategy.take().unwrap_or_default();
    update.update_strategy = Some(UpdateStrategy { canary: Some(1), ..strategy });
    let flow = play.create(update)?;
    while let Some(waiting) = play.carry(&flow, out)? {
        writeln!(out, "\n          {waiting}\n          {}\n", traffic(&play, &flow)?)?;
        ready(play.service.next(&flow, None))?;
    }
    writeln!(out, "{}: {}", play.get(&flow)?.record.phase, traffic(&play, &flow)?)?;
    Ok(())
}

fn traffic(play: &Play, flow: &FlowId) -> Result<String> {
    let record = play.get(flow)?.record;
    let (new, all) = (record.updated_ready_replicas, record.available_replicas);
    Ok(format!("in traffic: {new} pods of shop:2, {} of shop:1", all - new))
}

#[test]
fn the_canary_asks_three_times_and_capacity_never_falls() {
    let text = triton_examples::printed(run);
    assert_eq!(text.matches("waits for a person").count(), 3, "{text}");
    assert!(text.contains("in traffic: 0 pods of shop:2, 4 of shop:1"), "{text}");
    assert!(text.contains("in traffic: 1 pods of shop:2, 4 of shop:1"), "{text}");
    assert!(text.ends_with("Success: in traffic: 4 pods of shop:2, 0 of shop:1\n"), "{text}");
}
