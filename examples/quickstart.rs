//! Three pods, one after the other: the smallest rollout there is.
//!
//! `cargo run --example quickstart`

use std::io::Write;

use anyhow::Result;
use triton_examples::{Play, shop, show};

fn main() -> Result<()> {
    show(run)
}

fn run(out: &mut dyn Write) -> Result<()> {
    let play = Play::new(1);
    let flow = play.create(shop("create", "shop:1", 3))?;
    writeln!(out, "flow {flow} is to start 3 pods, one at a time")?;
    play.carry(&flow, out)?;
    let record = play.get(&flow)?.record;
    writeln!(
        out,
        "{}: {} of {} pods are in traffic",
        record.phase, record.available_replicas, record.replicas
    )?;
    Ok(())
}

#[test]
fn three_batches_end_in_success() {
    let text = triton_examples::printed(run);
    assert!(text.contains("batch 3 is finished"), "{text}");
    assert!(text.ends_with("Success: 3 of 3 pods are in traffic\n"), "{text}");
}
