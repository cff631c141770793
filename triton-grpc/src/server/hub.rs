//! One stream of changes for all watchers.
//!
//! The hub is the only subscriber to the API's changes. It encodes each change once, and only when somebody
//! watches; watchers share the bytes. Each watcher has a bounded view into what was sent: one that is slow
//! loses the oldest and never holds up the others. A watcher that is dropped leaves nothing behind.

mod feed;

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{broadcast, watch};
use triton_core::model::{FlowId, Target, Timestamp};
use triton_core::service::{ApiError, ApiErrorKind, FlowView};

use super::frame::Frame;
use crate::convert;

/// Shared by the server, its watchers and the feed.
#[derive(Clone, Debug)]
pub(crate) struct Hub(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    topics: Mutex<Topics>,
    state: watch::Sender<State>,
    live: AtomicUsize,
    encodings: AtomicU64,
    limits: Limits,
}

/// How much a hub takes on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Most watchers at a time.
    pub(crate) watchers: usize,
    /// Changes of one flow that are kept for a slow watcher.
    pub(crate) queue: usize,
    /// Changes of all flows that are kept for a slow watcher of lists.
    pub(crate) list_queue: usize,
    /// How long a new watcher waits for the hub to be fed.
    pub(crate) patience: Duration,
}

#[derive(Debug)]
struct Topics {
    flows: HashMap<FlowId, Topic>,
    every: broadcast::Sender<Note>,
}

#[derive(Debug)]
struct Topic {
    notes: broadcast::Sender<Note>,
    watchers: usize,
    last: Option<Mark>,
}

/// Whether changes arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not yet, or not at the moment.
    Dry,
    /// They do.
    Fed,
    /// Nothing will come any more.
    Closed,
}

/// What watchers are told.
#[derive(Clone, Debug)]
pub(crate) enum Note {
    /// A flow was made or changed.
    Changed(Arc<Change>),
    /// A flow is gone.
    Removed(FlowId),
    /// Changes were lost; a list cannot be kept up to date any more.
    Lost,
}

/// A change, encoded.
#[derive(Debug)]
pub(crate) struct Change {
    /// The flow now.
    pub(crate) view: FlowView,
    /// The same as a reply.
    pub(crate) frame: Frame,
    /// Tells it from other states of the flow.
    pub(crate) mark: Mark,
}

/// Identifies a state of a flow and orders it, as far as a state tells its age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    updated_at: Option<Timestamp>,
    target: Target,
    canceled: bool,
    digest: u64,
}

/// A watcher of one flow.
#[derive(Debug)]
pub(crate) struct FlowWatcher {
    notes: broadcast::Receiver<Note>,
    id: FlowId,
    guard: Guard,
}

/// A watcher of all flows.
#[derive(Debug)]
pub(crate) struct EveryWatcher {
    notes: broadcast::Receiver<Note>,
    _guard: Guard,
}

/// Counts a watcher while it lives.
#[derive(Debug)]
struct Guard(Hub);

/// Why there is nothing more to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The watcher was too slow.
    Behind,
    /// The server stops.
    Closed,
}

impl Hub {
    /// A hub that nobody feeds yet.
    pub(crate) fn new(limits: Limits) -> Self {
        let topics = Topics { flows: HashMap::new(), every: broadcast::channel(limits.list_queue).0 };
        Self(Arc::new(Shared {
            topics: Mutex::new(topics),
            state: watch::Sender::new(State::Dry),
            live: AtomicUsize::new(0),
            encodings: AtomicU64::new(0),
            limits,
        }))
    }

    /// Watchers that live now.
    pub(crate) fn live(&self) -> usize {
        self.0.live.load(Ordering::Relaxed)
    }

    /// Changes that were encoded so far.
    pub(crate) fn encodings(&self) -> u64 {
        self.0.encodings.load(Ordering::Relaxed)
    }

    /// Watches one flow from now on: a state read after this is never newer than what the watcher gets.
    ///
    /// # Errors
    /// `ResourceExhausted` when there are too many watchers, `Unavailable` when no changes arrive.
    pub(crate) async fn watch(&self, id: &FlowId) -> Result<FlowWatcher, ApiError> {
        let guard = self.admit().await?;
        let mut topics = self.0.topics.lock();
        self.check_open()?;
        let queue = self.0.limits.queue;
        let topic = topics.flows.entry(id.clone()).or_insert_with(|| Topic {
            notes: broadcast::channel(queue).0,
            watchers: 0,
            last: None,
        });
        topic.watchers = topic.watchers.saturating_add(1);
        let notes = topic.notes.subscribe();
        Ok(FlowWatcher { notes, id: id.clone(), guard })
    }

    /// Watches every flow from now on; see [`Hub::watch`].
    ///
    /// # Errors
    /// As [`Hub::watch`].
    pub(crate) async fn watch_every(&self) -> Result<EveryWatcher, ApiError> {
        let guard = self.admit().await?;
        let topics = self.0.topics.lock();
        self.check_open()?;
        let notes = topics.every.subscribe();
        Ok(EveryWatcher { notes, _guard: guard })
    }

    /// Ends all watches; new ones are refused.
    pub(crate) fn close(&self) {
        self.0.state.send_replace(State::Closed);
        let mut topics = self.0.topics.lock();
        topics.flows.clear();
        // Dropping the sender tells the watchers.
        topics.every = broadcast::channel(1).0;
    }

    async fn admit(&self) -> Result<Guard, ApiError> {
        let most = self.0.limits.watchers;
        if self.0.live.fetch_add(1, Ordering::Relaxed) >= most {
            drop(Guard(self.clone()));
            let text = format!("{most} watches are open already; end some or ask again later");
            return Err(ApiError::new(ApiErrorKind::ResourceExhausted, text));
        }
        let guard = Guard(self.clone());
        let mut state = self.0.state.subscribe();
        let fed = state.wait_for(|state| *state != State::Dry);
        match tokio::time::timeout(self.0.limits.patience, fed).await {
            Ok(Ok(state)) if *state == State::Fed => Ok(guard),
            Ok(Ok(_) | Err(_)) => Err(End::Closed.into()),
            Err(_) => Err(ApiError::new(
                ApiErrorKind::Unavailable,
                "changes cannot be watched at the moment; try again",
            )),
        }
    }

    /// To be asked with the topics locked: [`Hub::close`] says so first and clears the topics then.
    fn check_open(&self) -> Result<(), ApiError> {
        if *self.0.state.borrow() == State::Closed { Err(End::Closed.into()) } else { Ok(()) }
    }

    /// Tells watchers of a change, if there are any and it is one.
    fn publish(&self, view: FlowView) {
        let id = view.id.clone();
        let wanted = {
            let topics = self.0.topics.lock();
            topics.flows.contains_key(&id) || topics.every.receiver_count() > 0
        };
        if !wanted {
            return;
        }
        let change = Arc::new(Change::new(view));
        self.0.encodings.fetch_add(1, Ordering::Relaxed);
        let mut topics = self.0.topics.lock();
        // A send without receivers is no error here.
        let _ = topics.every.send(Note::Changed(change.clone()));
        if let Some(topic) = topics.flows.get_mut(&id)
            && topic.last.replace(change.mark) != Some(change.mark)
        {
            let _ = topic.notes.send(Note::Changed(change));
        }
    }

    fn removed(&self, id: &FlowId) {
        let mut topics = self.0.topics.lock();
        let _ = topics.every.send(Note::Removed(id.clone()));
        if let Some(topic) = topics.flows.get_mut(id) {
            topic.last = None;
            let _ = topic.notes.send(Note::Removed(id.clone()));
        }
    }

    /// Changes may have been lost: lists end, and the flows that are watched are named.
    fn lost(&self) -> Vec<FlowId> {
        let topics = self.0.topics.lock();
        let _ = topics.every.send(Note::Lost);
        topics.flows.keys().cloned().collect()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.0.live.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for FlowWatcher {
    fn drop(&mut self) {
        let mut topics = self.guard.0.0.topics.lock();
        let Some(topic) = topics.flows.get_mut(&self.id) else { return };
        topic.watchers = topic.watchers.saturating_sub(1);
        if topic.watchers == 0 {
            topics.flows.remove(&self.id);
        }
    }
}

impl FlowWatcher {
    /// The next note; the newest ones when this watcher was slow.
    pub(crate) async fn next(&mut self) -> Result<Note, End> {
        loop {
            match self.notes.recv().await {
                Ok(note) => return Ok(note),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return Err(End::Closed),
            }
        }
    }
}

impl EveryWatcher {
    /// The next note. A watcher that was slow is told so: it cannot know which flows it missed.
    pub(crate) async fn next(&mut self) -> Result<Note, End> {
        self.notes.recv().await.map_err(|error| match error {
            broadcast::error::RecvError::Lagged(_) => End::Behind,
            broadcast::error::RecvError::Closed => End::Closed,
        })
    }
}

impl Change {
    /// Encodes a flow.
    pub(crate) fn new(view: FlowView) -> Self {
        let frame = Frame::encode(&convert::deploy_reply(&view));
        let mark = Mark::new(&view, &frame);
        Self { view, frame, mark }
    }
}

impl Mark {
    fn new(view: &FlowView, frame: &Frame) -> Self {
        let mut hasher = DefaultHasher::new();
        frame.hash(&mut hasher);
        Self {
            updated_at: view.record.updated_at,
            target: view.target,
            canceled: view.canceled,
            digest: hasher.finish(),
        }
    }

    /// Whether this state seems to come from before `other`. A clock that was set back makes a new state
    /// look old: read the flow again rather than leave it out.
    pub(crate) fn looks_older(&self, other: &Self) -> bool {
        self.updated_at < other.updated_at || self.target < other.target || (other.canceled && !self.canceled)
    }
}

impl From<End> for ApiError {
    fn from(end: End) -> Self {
        match end {
            End::Behind => Self::new(ApiErrorKind::Aborted, "the watch fell behind; list and watch again"),
            End::Closed => Self::new(ApiErrorKind::Unavailable, "the server is shutting down; watch again"),
        }
    }
}

#[cfg(test)]
#[path = "hub_tests.rs"]
mod tests;
