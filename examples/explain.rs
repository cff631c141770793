//! Why is my flow not moving? Five flows that stand still, and what their status says.
//!
//! `cargo run --example explain`

use std::io::Write;

use anyhow::Result;
use triton_core::model::{FailureClass, FlowId, Timestamp, UpdateStrategy};
use triton_core::service::DeployApi;
use triton_core::sim::Mishap;
use triton_examples::{Play, ready, shop, show};

fn main() -> Result<()> {
    show(run)
}

fn run(out: &mut dyn Write) -> Result<()> {
    writeln!(out, "A canary that nobody approved")?;
    let play = Play::new(3);
    let mut canary = shop("create", "shop:1", 3);
    canary.update_strategy = Some(UpdateStrategy { canary: Some(1), ..UpdateStrategy::default() });
    let flow = play.create(canary)?;
    play.carry_for(&flow, 60)?;
    explain(&play, &flow, out)?;

    writeln!(out, "\nPaused by a person")?;
    ready(play.service.pause(&flow))?;
    play.carry_for(&flow, 60)?;
    explain(&play, &flow, out)?;

    writeln!(out, "\nA second flow for the same application")?;
    let second = play.create(shop("update", "shop:2", 3))?;
    play.carry_for(&second, 60)?;
    explain(&play, &second, out)?;

    writeln!(out, "\nAn image that cannot be pulled")?;
    let play = Play::new(4);
    play.sim.world().set_mishaps(&[(Mishap::Fails(FailureClass::ImagePull), 1000)]);
    let flow = play.create(shop("create", "shop:does-not-exist", 2))?;
    play.carry_for(&flow, 200)?;
    explain(&play, &flow, out)?;

    writeln!(out, "\nAn update of something that is not there")?;
    let play = Play::new(5);
    let flow = play.create(shop("update", "shop:2", 3))?;
    play.carry_for(&flow, 60)?;
    explain(&play, &flow, out)
}

/// What `kubectl get df <name> -o yaml` shows of it.
fn explain(play: &Play, flow: &FlowId, out: &mut dyn Write) -> Result<()> {
    let record = play.get(flow)?.record;
    writeln!(out, "  phase:   {}", record.phase)?;
    writeln!(out, "  reason:  {}", record.reason)?;
    writeln!(out, "  message: {}", record.message)?;
    if let Some(waiting) = record.waiting {
        let since = play.sim.world().now().micros_since(waiting.since) / 1_000_000;
        let again = waiting.until.micros_since(Timestamp::min(waiting.since, waiting.until)) / 1_000_000;
        writeln!(
            out,
            "  waiting: {} for {since} s; looked at again at most {again} s after that",
            waiting.reason
        )?;
    }
    Ok(())
}

#[test]
fn every_standstill_says_who_must_do_something() {
    let text = triton_examples::printed(run);
    for words in ["Next lets batch 1", "Resume lets it go on", "Rival", "PodsFailed", "use action create"] {
        assert!(text.contains(words), "{words} is not in\n{text}");
    }
}
