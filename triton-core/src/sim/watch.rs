//! Who is told of changes: watchers of the store, and of the world.

use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::vec::Vec;

use futures_core::Stream;

use crate::model::InstanceId;
use crate::ports::StoreEvent;

/// How far a watcher of the store may fall behind before its stream ends.
const BACKLOG: usize = 1_024;

/// A line to one watcher.
struct Line<Q> {
    queue: Q,
    waker: Option<Waker>,
    ended: bool,
}

type Shared<Q> = Arc<Mutex<Line<Q>>>;

/// Everybody who watches. A watcher that went away is forgotten at the next change.
#[derive(Default)]
pub(super) struct Watchers {
    store: Vec<Weak<Mutex<Line<VecDeque<StoreEvent>>>>>,
    world: Vec<Weak<Mutex<Line<BTreeSet<InstanceId>>>>>,
}

impl Watchers {
    /// A stream of everything that changes in the store from now on.
    pub(super) fn watch_store(&mut self) -> StoreWatch {
        let line: Shared<VecDeque<StoreEvent>> = line();
        self.store.push(Arc::downgrade(&line));
        StoreWatch(line)
    }

    /// A stream of the workloads that change from now on.
    pub(super) fn watch_world(&mut self) -> WorldWatch {
        let line: Shared<BTreeSet<InstanceId>> = line();
        self.world.push(Arc::downgrade(&line));
        WorldWatch(line)
    }

    /// Tells the watchers of the store.
    pub(super) fn tell(&mut self, event: impl Fn() -> StoreEvent) {
        tell(&mut self.store, |line| {
            if line.queue.len() >= BACKLOG {
                line.ended = true;
            } else {
                line.queue.push_back(event());
            }
        });
    }

    /// Tells the watchers of the world that a workload or its pods changed.
    pub(super) fn touched(&mut self, id: &InstanceId) {
        tell(&mut self.world, |line| {
            if !line.queue.contains(id) {
                line.queue.insert(id.clone());
            }
        });
    }
}

fn line<Q: Default>() -> Shared<Q> {
    Arc::new(Mutex::new(Line { queue: Q::default(), waker: None, ended: false }))
}

fn tell<Q>(lines: &mut Vec<Weak<Mutex<Line<Q>>>>, tell: impl Fn(&mut Line<Q>)) {
    lines.retain(|line| {
        let Some(line) = line.upgrade() else { return false };
        let mut line = line.lock().unwrap_or_else(PoisonError::into_inner);
        if line.ended {
            return false;
        }
        tell(&mut line);
        if let Some(waker) = line.waker.take() {
            waker.wake();
        }
        true
    });
}

fn poll<Q, T>(line: &Shared<Q>, cx: &Context<'_>, next: impl FnOnce(&mut Q) -> Option<T>) -> Poll<Option<T>> {
    let mut line = line.lock().unwrap_or_else(PoisonError::into_inner);
    match next(&mut line.queue) {
        Some(item) => Poll::Ready(Some(item)),
        None if line.ended => Poll::Ready(None),
        None => {
            line.waker = Some(cx.waker().clone());
            Poll::Pending
        }
    }
}

/// Changes of the store, in order. Ends when the watcher fell too far behind.
pub(super) struct StoreWatch(Shared<VecDeque<StoreEvent>>);

impl Stream for StoreWatch {
    type Item = StoreEvent;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<StoreEvent>> {
        poll(&self.0, cx, VecDeque::pop_front)
    }
}

/// Workloads that changed, each once however often it did. Never ends.
pub struct WorldWatch(Shared<BTreeSet<InstanceId>>);

impl core::fmt::Debug for WorldWatch {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("WorldWatch")
    }
}

impl Stream for WorldWatch {
    type Item = InstanceId;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<InstanceId>> {
        poll(&self.0, cx, BTreeSet::pop_first)
    }
}
