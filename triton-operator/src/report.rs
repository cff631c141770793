//! Moves of flows as Kubernetes events. Publishing never holds a flow up: what cannot be told in time is
//! left out.

use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};
use triton_core::engine::Why;
use triton_core::model::{FlowId, TextFor, Verdict, shorten};

use crate::controller::Listener;
use crate::labels;
use crate::world::cache::Key;
use crate::world::{FlowChange, World};

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
        let publishes = publish(client, waiting, Arc::clone(&world), world.subscribe());
        (Self { queue, world }, publishes)
    }
}

async fn publish(
    client: Client,
    mut waiting: mpsc::Receiver<(ObjectReference, Event)>,
    world: Arc<World>,
    mut changes: broadcast::Receiver<FlowChange>,
) {
    let reporter = Reporter { controller: labels::MANAGER.into(), instance: None };
    loop {
        let recorder = Recorder::new(client.clone(), reporter.clone());
        for _ in 0..REMEMBERED {
            let told = tokio::select! {
                told = waiting.recv() => told,
                told = spoilt(&world, &mut changes) => told,
            };
            let Some((flow, event)) = told else { return std::future::pending().await };
            if let Err(error) = recorder.publish(&event, &flow).await {
                tracing::debug!(%error, flow = flow.name, "an event could not be published");
            }
        }
    }
}

/// The next flow whose status cannot be read any more: nobody moves it, so nobody else tells of it.
async fn spoilt(
    world: &World,
    changes: &mut broadcast::Receiver<FlowChange>,
) -> Option<(ObjectReference, Event)> {
    loop {
        match changes.recv().await {
            Ok(FlowChange::Spoilt(key, why)) => {
                if let Some(flow) = reference(world, &key) {
                    return Some((flow, event(&why)));
                }
            }
            Ok(FlowChange::Changed(_) | FlowChange::Removed(_)) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return None,
        }
    }
}

fn reference(world: &World, key: &Key) -> Option<ObjectReference> {
    Some(ObjectReference {
        api_version: Some("apps.triton.io/v1alpha1".into()),
        kind: Some("DeployFlow".into()),
        namespace: Some(key.namespace.to_string()),
        name: Some(key.name.to_string()),
        uid: Some(world.flows.get(key)?.entry.uid.clone()),
        ..ObjectReference::default()
    })
}

impl Listener for Events {
    fn moved(&self, flow: &FlowId, why: &Why) {
        let key = Key::new(flow.namespace.as_str(), flow.name.as_str());
        let Some(flow) = reference(&self.world, &key) else { return };
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
        | Why::Relocked
        | Why::Drifted { .. }
        | Why::Resized { .. }
        | Why::Fits
        | Why::Unread { .. }
        | Why::Corrupt { .. }
        | Why::LockUnreadable { .. }
        | Why::Resumed
        | Why::Mended
        | Why::CameLate
        | Why::Canceling
        | Why::Stopping { .. }
        | Why::GivingWay { .. }
        | Why::Reverting
        | Why::Shed
        | Why::ServiceLost { .. }
        | Why::ServiceAtRisk { .. }
        | Why::PodsNotMade { .. }
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
            | Why::Corrupt { .. }
            | Why::LockUnreadable { .. }
            | Why::GoesOnWithout { .. }
            | Why::ServiceLost { .. }
            | Why::ServiceAtRisk { .. }
            | Why::PodsNotMade { .. }
            | Why::Ended { verdict: Verdict::Failed(_) | Verdict::Aborted { .. }, .. }
            | Why::Ended { verdict: Verdict::Canceled, cause: Some(_) }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use axum::http::{Request, Response};
    use futures::FutureExt;
    use kube::client::Body;
    use serde_json::{Value, json};
    use tokio::task::JoinSet;
    use triton_core::model::{Failure, Field, FieldEdit, HoldReason, Progress, Report, Stage};

    use crate::crd::convert::FlowEntry;
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
        let told = event(&Why::Ended { verdict: Verdict::Failed(failure), cause: None });
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

    #[test]
    fn a_status_that_cannot_be_read_is_told_once_and_again_only_when_something_else_is_wrong() {
        let world = World::new(Arc::new(|_| {}), Limits::default());
        let mut changes = world.subscribe();
        let status = |progress| json!({ "phase": "BatchStarted", "progress": progress });
        let good = crate::crd::convert::status(&Progress::Pending, &Report::default(), 1, None, None)
            .expect("a status");
        let ended = json!({ "phase": "Success", "finished": true });
        // The status, and what is told when it is seen.
        let rows = [
            (good.clone(), ""),
            (status(Value::Null), "is missing although the flow has started"),
            (status(Value::Null), ""),
            (status(json!({ "step": "Rolling" })), "is missing"),
            (status(json!({ "step": "Rolling" })), ""),
            (good, ""),
            (status(Value::Null), "is missing although the flow has started"),
            (ended, ""),
        ];
        for (at, (status, told)) in rows.into_iter().enumerate() {
            world.flows.watched(entry(at, &status));
            let event = spoilt(&world, &mut changes).now_or_never().flatten();
            let (flow, event) = match event {
                None => (None, None),
                Some((flow, event)) => (flow.uid, Some(event)),
            };
            let note = event.as_ref().and_then(|event| event.note.clone()).unwrap_or_default();
            assert_eq!(event.is_some(), !told.is_empty(), "{at}: {status} {note}");
            assert!(note.contains(told), "{at}: {note}");
            if let Some(event) = event {
                assert_eq!((event.reason.as_str(), flow.as_deref()), ("CorruptStatus", Some("u-1")));
                assert!(
                    note.contains("put back what stood there") && note.contains("delete the flow"),
                    "{note}"
                );
            }
        }
    }

    fn entry(at: usize, status: &Value) -> FlowEntry {
        let object = json!({
            "apiVersion": "apps.triton.io/v1alpha1",
            "kind": "DeployFlow",
            "metadata": {
                "name": "f", "namespace": "default", "uid": "u-1", "resourceVersion": format!("{}", 10 + at),
            },
            "spec": {
                "action": "stop",
                "application": { "appID": 1, "groupID": 1, "appName": "web", "instanceName": "web" },
            },
            "status": status,
        });
        FlowEntry::of(&serde_json::from_value(object).expect("an object")).expect("a flow")
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
