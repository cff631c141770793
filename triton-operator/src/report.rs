//! Moves of flows as Kubernetes events. Publishing never holds a flow up: what cannot be told in time is
//! left out.

use std::sync::Arc;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use tokio::sync::mpsc;
use triton_core::engine::Why;
use triton_core::model::{FlowId, TextFor, Verdict, shorten};

use crate::controller::Listener;
use crate::labels;
use crate::world::World;
use crate::world::cache::Key;

/// Events that may wait to be published.
const BACKLOG: usize = 1024;

/// Events after which a recorder is replaced. To count repetitions it keeps each one for minutes, and looks
/// through all of them for the next: of a thousand flows that was half of the memory.
const REMEMBERED: usize = 1_000;

/// Publishes why flows moved.
pub struct Events {
    queue: mpsc::Sender<(ObjectReference, Event)>,
    world: Arc<World>,
}

impl Events {
    /// Starts publishing; the task ends with the last [`Events`].
    #[must_use]
    pub fn start(client: Client, world: Arc<World>) -> Self {
        let (queue, mut waiting) = mpsc::channel::<(ObjectReference, Event)>(BACKLOG);
        let reporter = Reporter { controller: labels::MANAGER.into(), instance: None };
        tokio::spawn(async move {
            loop {
                let recorder = Recorder::new(client.clone(), reporter.clone());
                for _ in 0..REMEMBERED {
                    let Some((flow, event)) = waiting.recv().await else { return };
                    if let Err(error) = recorder.publish(&event, &flow).await {
                        tracing::debug!(%error, flow = flow.name, "an event could not be published");
                    }
                }
            }
        });
        Self { queue, world }
    }
}

impl Listener for Events {
    fn moved(&self, flow: &FlowId, why: &Why) {
        let key = Key::new(flow.namespace.as_str(), flow.name.as_str());
        let Some(cached) = self.world.flows.get(&key) else { return };
        let flow = ObjectReference {
            api_version: Some("apps.triton.io/v1alpha1".into()),
            kind: Some("DeployFlow".into()),
            namespace: Some(flow.namespace.to_string()),
            name: Some(flow.name.to_string()),
            uid: Some(cached.entry.uid.clone()),
            ..ObjectReference::default()
        };
        if self.queue.try_send((flow, event(why))).is_err() {
            tracing::debug!("too many events wait to be published; one is left out");
        }
    }
}

fn event(why: &Why) -> Event {
    Event {
        type_: if is_warning(why) { EventType::Warning } else { EventType::Normal },
        reason: why.reason().into(),
        // Longer ones are refused.
        note: Some(shorten(&why.to_string(), TextFor::Status)),
        action: action(why),
        secondary: None,
    }
}

/// Longest action (Kubernetes: `events.k8s.io`).
const MOST: usize = 128;

/// Kubernetes counts events of one reason and action as one: those of different batches are not.
fn action(why: &Why) -> String {
    match why {
        Why::BatchStarted { batch, .. }
        | Why::Reached { batch, .. }
        | Why::PodsMissing { batch }
        | Why::GoesOnWithout { batch, .. } => format!("Batch{batch}"),
        // Each field is news.
        Why::Unread { faults } => faults.split(": ").next().unwrap_or_default().chars().take(MOST).collect(),
        Why::Started
        | Why::AllBatchesDone
        | Why::Held { .. }
        | Why::Edited { .. }
        | Why::Drifted { .. }
        | Why::Resized { .. }
        | Why::Fits
        | Why::Resumed
        | Why::Canceling
        | Why::Stopping { .. }
        | Why::GivingWay { .. }
        | Why::Reverting
        | Why::Shed
        | Why::Ended { .. } => "Flow".into(),
    }
}

const fn is_warning(why: &Why) -> bool {
    matches!(
        why,
        Why::PodsMissing { .. }
            | Why::Held { .. }
            | Why::Edited { .. }
            | Why::Drifted { .. }
            | Why::Resized { .. }
            | Why::Stopping { .. }
            | Why::Unread { .. }
            | Why::GoesOnWithout { .. }
            | Why::Ended { verdict: Verdict::Failed(_) | Verdict::Aborted { .. } }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use triton_core::model::{Failure, HoldReason, Stage};

    #[test]
    fn batches_have_events_of_their_own_and_failures_warn() {
        let smoked = |batch| event(&Why::Reached { batch, stage: Stage::Smoked });
        assert_eq!((smoked(1).action.as_str(), smoked(2).action.as_str()), ("Batch1", "Batch2"));
        assert_eq!(smoked(1).reason, "Smoked");
        assert!(matches!(smoked(1).type_, EventType::Normal));
        let held = event(&Why::Held { reason: HoldReason::PodsFailed });
        assert!(matches!(held.type_, EventType::Warning));
    }

    #[test]
    fn a_long_note_is_shortened_to_what_events_may_have() {
        let failure = Failure::InvalidSpec { fault: "é".repeat(5_000) };
        let told = event(&Why::Ended { verdict: Verdict::Failed(failure) });
        let note = told.note.unwrap_or_default();
        assert!((900..=1024).contains(&note.len()) && note.contains("shortened"), "{note}");
    }
}
