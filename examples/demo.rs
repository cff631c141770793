//! The nginx tutorial, played through gRPC against an embedded world: canary Smoked, Next, Baking, Next,
//! Baked, Next, two more batches, Success.
//!
//! `make demo`, or `cargo run --example demo`

#[path = "demo/player.rs"]
mod player;
#[path = "demo/screen.rs"]
mod screen;

use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::oneshot;
use triton_core::model::Draft;
use triton_core::sim::Timing;
use triton_grpc::client::Client;
use triton_operator::crd::convert;
use triton_operator::doors::Addresses;
use triton_operator::standalone::{Config, Standalone};

use player::play;
use screen::Screen;

/// The manifest of the tutorial; its first document is the flow.
const MANIFEST: &str = include_str!("../docs/tutorial/nginx-deployflow.yaml");

#[tokio::main]
async fn main() -> Result<()> {
    let live = io::stdout().is_terminal();
    // Somebody who looks on wants to see each gate before it opens.
    let look = if live { Duration::from_secs(3) } else { Duration::ZERO };
    let mut out = io::stdout();
    run(&mut Screen::new(&mut out, live), Timing::default(), tutorial()?, look).await
}

/// Starts an embedded world, plays the tutorial in it, and ends it.
async fn run<W: Write + Send>(
    screen: &mut Screen<W>,
    timing: Timing,
    draft: Draft,
    look: Duration,
) -> Result<()> {
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let addresses = Addresses { grpc: free, rest: free, health: free, metrics: free };
    let world = Standalone::bind(Config { addresses, seed: 1, history: 10 }).await?;
    let [(_, address), ..] = world.addresses();
    world.sim().world().timing = timing;
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(world.serve(async {
        let _ = stopped.await;
    }));
    let client = Client::connect(&format!("http://{address}")).await?;
    let played = play(&client, address, draft, look, screen).await;
    drop((client, stop));
    serving.await.context("the world panicked")??;
    played
}

fn tutorial() -> Result<Draft> {
    let first = serde_norway::Deserializer::from_str(MANIFEST).next().context("the manifest is empty")?;
    let manifest = Value::deserialize(first)?;
    Ok(convert::draft(&manifest["spec"])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_tutorial_is_played_to_its_end() -> Result<()> {
        let text = played(false, tutorial()?).await?;
        let mut rest = text.as_str();
        for step in [
            "batch 1 canary Smoked",
            "DeployFlow/Next",
            "batch 1 canary Baking",
            "DeployFlow/Next",
            "batch 1 canary Baked",
            "DeployFlow/Next",
            "batch 2 Baked",
            "batch 3 Baked",
            "Success",
        ] {
            let at =
                rest.find(step).with_context(|| format!("{step} is missing or out of order in\n{text}"))?;
            rest = &rest[at + step.len()..];
        }
        assert!(text.contains("batches 10."), "{text}");
        Ok(())
    }

    #[tokio::test]
    async fn a_terminal_shows_a_live_view_that_is_drawn_over_itself() -> Result<()> {
        let mut draft = tutorial()?;
        let strategy = draft.update_strategy.as_mut().context("the tutorial has a strategy")?;
        strategy.batch_interval_seconds = Some(1);
        let text = played(true, draft).await?;
        let views = text.split("\x1b[?7l").skip(1).filter_map(|rest| rest.split_once("\x1b[?7h"));
        let views: Vec<(&str, &str)> = views.collect();
        let ((last, _), before) = views.split_last().context("no view")?;
        for (view, rest) in before {
            let over = format!("\x1b[{}F\x1b[J", view.lines().count());
            assert!(rest.starts_with(&over), "{view:?} is followed by {rest:?}");
        }
        assert_eq!(last.matches("in traffic").count(), 3, "{last}");
        Ok(())
    }

    async fn played(live: bool, draft: Draft) -> Result<String> {
        let fast = (20_000, 200_000);
        let timing =
            Timing { boot: fast, react: fast, endpoints: fast, terminate: fast, fail: fast, heal: fast };
        let mut out = Vec::new();
        run(&mut Screen::new(&mut out, live), timing, draft, Duration::ZERO).await?;
        Ok(String::from_utf8(out)?)
    }
}
