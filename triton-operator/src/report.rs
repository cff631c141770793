//! Moves of flows as Kubernetes events. Publishing never holds a flow up: what cannot be told in time is
//! left out.

use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
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
    /// Where events are taken, and the work that publishes them. The work lasts until it is dropped, and is to be
    /// [watched over](crate::supervise::part): without it events would pile up and be left out, unnoticed.
    pub fn new(client: Client, world: Arc<World>) -> (Self, impl Future<Output = ()> + Send) {
        let (queue, waiting) = mpsc::channel(BACKLOG);
        (Self { queue, world }, publish(client, waiting))
    }
}

async fn publish(client: Client, mut waiting: mpsc::Receiver<(ObjectReference, Event)>) {
    let reporter = Reporter { controller: labels::MANAGER.into(), instance: None };
    loop {
        let recorder = Recorder::new(client.clone(), reporter.clone());
        for _ in 0..REMEMBERED {
            let Some((flow, event)) = waiting.recv().await else { return std::future::pending().await };
            if let Err(error) = recorder.publish(&event, &flow).await {
                tracing::debug!(%error, flow = flow.name, "an event could not be published");
            }
        }
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
    // Longer ones are refused.
    let note = shorten(&why.to_string(), TextFor::Status);
    Event {
        type_: if is_warning(why) { EventType::Warning } else { EventType::Normal },
        reason: why.reason().into(),
        action: action(why, &note),
        note: Some(note),
        secondary: None,
    }
}

/// Of the events of one reason and action the recorder keeps the note of the first one and counts the others: those
/// of another batch, or with another note, have another action.
fn action(why: &Why, note: &str) -> String {
    let of = match why {
        Why::BatchStarted { batch, .. }
        | Why::Reached { batch, .. }
        | Why::PodsMissing { batch }
        | Why::GoesOnWithout { batch, .. } => format!("Batch{batch}"),
        Why::PodStuck { pod, .. } => pod.to_string(),
        Why::Started
        | Why::AllBatchesDone
        | Why::Held { .. }
        | Why::Edited { .. }
        | Why::Drifted { .. }
        | Why::Resized { .. }
        | Why::Fits
        | Why::Unread { .. }
        | Why::Resumed
        | Why::Mended
        | Why::Canceling
        | Why::Stopping { .. }
        | Why::GivingWay { .. }
        | Why::Reverting
        | Why::Shed
        | Why::ServiceLost { .. }
        | Why::ServiceAtRisk { .. }
        | Why::Ended { .. } => "Flow".into(),
    };
    let mut hasher = DefaultHasher::new();
    note.hash(&mut hasher);
    format!("{of}/{:016x}", hasher.finish())
}

const fn is_warning(why: &Why) -> bool {
    matches!(
        why,
        Why::PodsMissing { .. }
            | Why::PodStuck { .. }
            | Why::Held { .. }
            | Why::Edited { .. }
            | Why::Drifted { .. }
            | Why::Resized { .. }
            | Why::Stopping { .. }
            | Why::Unread { .. }
            | Why::GoesOnWithout { .. }
            | Why::ServiceLost { .. }
            | Why::ServiceAtRisk { .. }
            | Why::Ended { verdict: Verdict::Failed(_) | Verdict::Aborted { .. } }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use axum::http::{Request, Response};
    use futures::FutureExt;
    use kube::client::Body;
    use tokio::task::JoinSet;
    use triton_core::model::{Failure, Field, FieldEdit, HoldReason, Stage};

    use crate::limits::Limits;
    use crate::supervise::part;

    #[test]
    fn batches_have_events_of_their_own_and_failures_warn() {
        let smoked = |batch| event(&Why::Reached { batch, stage: Stage::Smoked });
        assert!(smoked(1).action.starts_with("Batch1/") && smoked(2).action.starts_with("Batch2/"));
        assert_eq!(smoked(1).reason, "Smoked");
        assert!(matches!(smoked(1).type_, EventType::Normal));
        let held = event(&Why::Held { reason: HoldReason::PodsFailed });
        assert!(matches!(held.type_, EventType::Warning));
    }

    #[test]
    fn events_that_say_something_else_are_not_counted_as_one() {
        let edited = |by: &str| {
            let edits = vec![FieldEdit { field: Field::MaxSurge, by: Some(by.into()) }];
            event(&Why::Edited { edits })
        };
        let people = ["alice", "bob", "carol"].map(edited);
        for (one, other) in [(0, 1), (0, 2), (1, 2)] {
            assert_eq!(people[one].reason, people[other].reason);
            assert_ne!(people[one].action, people[other].action);
        }
        assert_eq!(edited("alice").action, people[0].action, "the same again is counted");
        let unread = |faults: &str| event(&Why::Unread { faults: faults.into() }).action;
        assert_ne!(unread("spec.replicas: is odd"), unread("spec.replicas: is even"));
        // Kubernetes: `ActionLengthLimit` of `events.k8s.io`.
        let longest = event(&Why::Reached { batch: u32::MAX, stage: Stage::Baked }).action;
        assert!(longest.len() <= 128, "{longest}");
    }

    #[test]
    fn a_long_note_is_shortened_to_what_events_may_have() {
        let failure = Failure::InvalidSpec { fault: "é".repeat(5_000) };
        let told = event(&Why::Ended { verdict: Verdict::Failed(failure) });
        let note = told.note.unwrap_or_default();
        assert!((900..=1024).contains(&note.len()) && note.contains("shortened"), "{note}");
    }

    #[tokio::test]
    async fn a_panic_of_what_publishes_is_noticed_and_the_end_of_whoever_tells_is_none() {
        let (events, mut publishes) = (told_by(false), JoinSet::new());
        let (queue, publishing) = events;
        drop(queue);
        assert_eq!(publishing.now_or_never(), None, "it lasts until it is dropped");
        let (events, publishing) = told_by(true);
        part(&mut publishes, "what publishes events", publishing);
        let why = Why::Started;
        events.queue.send((ObjectReference::default(), event(&why))).await.expect("there is room");
        let ended = tokio::time::timeout(Duration::from_secs(30), publishes.join_next()).await;
        let why = ended.expect("it is noticed").expect("there is a part").expect("it tells why");
        assert_eq!(why, "what publishes events panicked: out of luck");
    }

    /// Over a client that has no luck, or never answers.
    fn told_by(panics: bool) -> (Events, impl Future<Output = ()> + Send) {
        let service = tower::service_fn(move |_: Request<Body>| async move {
            assert!(!panics, "out of luck");
            std::future::pending::<Result<Response<Body>, std::io::Error>>().await
        });
        Events::new(Client::new(service, "default"), World::new(Arc::new(|_| {}), Limits::default()))
    }
}
