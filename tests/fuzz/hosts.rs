//! What a host decided and wrote, judged by what it saw.

use triton_core::engine::{Decision, decide, look};
use triton_core::model::{
    Flow, Observation, Progress, Seconds, Silence, Timestamp, TrafficView, WorkloadView,
};
use triton_core::sim::Happening;

use crate::invariants::{Intent, judge_intent};

/// Moves that the driver folds into one save.
const FOLD: usize = 16;

/// Nothing is removed, exposed or ended by a host that has not heard of a kind for too long. What it shows
/// people is no progress.
pub(super) fn left_alone(happening: &Happening) -> Result<(), String> {
    let write = match happening {
        Happening::Workload { write, .. }
        | Happening::Pods { write, .. }
        | Happening::Traffic { write, .. }
        | Happening::Orders { write, .. } => write,
        // One that was refused was of another state of the flow, and changed nothing. The time that was watched
        // before goes with any save.
        Happening::Progress { write, before, after, .. }
            if write.result.is_ok() && before.as_ref().map(uncounted) != Some(uncounted(after)) =>
        {
            write
        }
        Happening::Progress { .. }
        | Happening::Saw { .. }
        | Happening::Created { .. }
        | Happening::Marked { .. }
        | Happening::Swapped { .. }
        | Happening::Deleted { .. } => return Ok(()),
    };
    write.stale.map_or(Ok(()), |silence| Err(format!("S15: {happening:?} after {silence:?}")))
}

/// The progress without the time counted so far.
fn uncounted(progress: &Progress) -> Progress {
    let mut progress = progress.clone();
    if let Some(counted) = progress.counted_mut() {
        *counted = Seconds(0);
    }
    progress
}

/// Decides again what the host decided on this look, and judges it.
pub(super) fn decisions(
    flow: &Flow,
    workload: Option<&WorkloadView>,
    traffic: &TrafficView,
    stale: Option<Silence>,
    now: Timestamp,
    judged: impl Fn(&Flow, &Decision) -> Result<(), String>,
) -> Result<(), String> {
    let mut flow = flow.clone();
    let seen = Observation { stale, ..look(Some(&flow), workload, traffic) };
    for _ in 0..FOLD {
        let decision = decide(&flow, &seen, now);
        judge_intent(&Intent { flow: &flow, seen: &seen, now, decision: &decision })
            .map_err(|violation| format!("{violation}\non {seen:?}\nof {:?}", flow.progress))?;
        judged(&flow, &decision)?;
        match decision {
            Decision::Move(progress, _) => flow.progress = progress,
            Decision::Act(_) | Decision::Wait(..) | Decision::Done => break,
        }
    }
    Ok(())
}
