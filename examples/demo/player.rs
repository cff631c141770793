//! Plays the tutorial over any API: makes the flow, looks on, and says Next where a person is asked.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::StreamExt;
use tokio::time::sleep;
use triton_core::model::{BatchPhase, Draft, FlowPhase, MAX_BATCHES, Target};
use triton_core::service::{CreateFlow, DeployApi, FlowView};

use super::screen::Screen;

/// How often a countdown is drawn anew.
const TICK: Duration = Duration::from_millis(200);
/// Longest that nothing may change.
const PATIENCE: Duration = Duration::from_secs(60);

/// Plays it; `look` is how long each gate is shown before it opens.
pub(crate) async fn play<W: Write>(
    api: &impl DeployApi,
    address: SocketAddr,
    draft: Draft,
    look: Duration,
    screen: &mut Screen<W>,
) -> Result<()> {
    screen.say(&format!("An embedded world serves gRPC on {address}; it needs no cluster."))?;
    screen.say("> deployflow.DeployFlow/Create with docs/tutorial/nginx-deployflow.yaml")?;
    let name = Some(format!("{}-df", draft.instance_name).parse()?);
    let flow = CreateFlow { namespace: "default".parse()?, name, draft };
    let id = api.create(flow).await?.id;

    let end = Target { batch: MAX_BATCHES, phase: BatchPhase::Baked };
    let mut changes = api.watch(&id, Some(end)).await?;
    let (mut asked, mut quiet) = (None, Duration::ZERO);
    let last = loop {
        let next = tokio::select! {
            change = changes.next() => Some(change.context("the watch ended before the flow did")??),
            () = sleep(TICK) => None,
        };
        let Some(view) = next else {
            quiet += TICK;
            ensure!(quiet < PATIENCE, "nothing has changed for {} s", PATIENCE.as_secs());
            screen.tick()?;
            continue;
        };
        quiet = Duration::ZERO;
        screen.show(&view)?;
        if view.record.finished {
            break view;
        }
        let gate = gate(&view).filter(|gate| asked != Some(*gate));
        if let Some(gate) = gate {
            sleep(look).await;
            let body = format!(r#"{{"deploy":{{"name":"{}","namespace":"{}"}}}}"#, id.name, id.namespace);
            screen.say(&format!("> grpcurl --plaintext -d '{body}' {address} deployflow.DeployFlow/Next"))?;
            api.next(&id, Some(gate)).await?;
            asked = Some(gate);
        }
    };
    ensure!(last.record.phase == FlowPhase::Success, "{}: {}", last.record.phase, last.record.message);
    screen.end(&summary(&last))
}

/// Where a person is asked, if one is.
fn gate(view: &FlowView) -> Option<Target> {
    view.record.waiting.as_ref().filter(|waiting| waiting.reason == "Approval")?;
    view.record.conditions.last().map(|batch| Target { batch: batch.batch, phase: batch.phase })
}

fn summary(view: &FlowView) -> String {
    let batches = &view.record.conditions;
    let apart = batches.windows(2).last().and_then(|pair| {
        let (before, after) = (pair.first()?, pair.last()?);
        Some(after.started_at?.micros_since(before.finished_at?))
    });
    let tenths = apart.unwrap_or(0) / 100_000;
    let (ready, all) = (view.record.updated_ready_replicas, view.replicas);
    format!(
        "Success: {ready} of {all} pods in traffic, in {} batches; the last batches {}.{} s apart.",
        view.record.batches,
        tenths / 10,
        tenths % 10
    )
}
