//! A queue of instances to look at: each at most once at a time, woken by changes and by exact timers.
//! Those where a flow begins wait apart, so that none of them is in the way of flows that are under way.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::world::cache::Key;

/// What a look at an instance is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// A flow begins: nobody loses by it when that is a little later.
    Begins,
    /// Everything else: pods are ready, time is up, somebody gave an order.
    Goes,
}

/// What may be handed out now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Instances where a flow begins.
    pub begins: bool,
    /// All others.
    pub goes: bool,
}

/// What is to be looked at, and when.
#[derive(Default)]
pub struct Queue {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// By time, then in the order they came.
    due: BTreeSet<(Instant, u64, Key)>,
    planned: HashMap<Key, (Instant, u64)>,
    /// Due, and a flow begins there; in the order that they became due.
    begin: VecDeque<Key>,
    /// Being looked at now.
    running: HashMap<Key, Look>,
    /// When a part of a look was finished last, well or not.
    finished: Option<Instant>,
    count: u64,
}

/// A look that is under way.
struct Look {
    since: Instant,
    /// Something happened meanwhile.
    again: bool,
}

impl Queue {
    /// Something happened to it: look at once, or again when it is being looked at.
    pub fn wake(&self, key: Key) {
        self.state.lock().wake(key);
        self.changed.notify_one();
    }

    /// Waits for the next one that is due and for which there is room. It is not handed out again before
    /// [`Queue::done`]. `lane` says what a look would be for.
    pub async fn next(&self, room: Room, lane: impl Fn(&Key) -> Lane) -> (Lane, Key) {
        loop {
            let next = match self.state.lock().take(Instant::now(), room, &lane) {
                Ok(taken) => return taken,
                Err(next) => next,
            };
            tokio::select! {
                () = self.changed.notified() => {}
                () = until(next) => {}
            }
        }
    }

    /// It was looked at; look again at that time although nothing happens.
    pub fn done(&self, key: Key, again: Option<Instant>) {
        {
            let mut state = self.state.lock();
            let happened = state.running.remove(&key).is_some_and(|look| look.again);
            state.finished = Some(Instant::now());
            match again {
                _ if happened => state.plan(key, Instant::now()),
                Some(at) => state.plan(key, at),
                None => {}
            }
        }
        self.changed.notify_one();
    }

    /// A part of a look was finished, well or not.
    pub fn finished_part(&self) {
        self.state.lock().finished = Some(Instant::now());
    }

    /// Since when something has been due and nothing was finished; `None` where nothing is due.
    #[must_use]
    pub fn stuck(&self) -> Option<Duration> {
        let (state, now) = (self.state.lock(), Instant::now());
        let planned = state.planned.values().map(|(at, _)| *at).filter(|at| *at <= now);
        let oldest = planned.chain(state.running.values().map(|look| look.since)).min()?;
        let since = state.finished.map_or(oldest, |finished| finished.max(oldest));
        Some(now.saturating_duration_since(since))
    }

    /// How many are due or planned.
    #[must_use]
    pub fn len(&self) -> usize {
        let state = self.state.lock();
        state.due.len() + state.begin.len()
    }

    /// How many are due where a flow begins.
    #[must_use]
    pub fn beginning(&self) -> usize {
        self.state.lock().begin.len()
    }

    /// Whether there is nothing to look at.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl State {
    fn wake(&mut self, key: Key) {
        match self.running.get_mut(&key) {
            Some(look) => look.again = true,
            None => self.plan(key, Instant::now()),
        }
    }

    /// The earlier of two plans holds.
    fn plan(&mut self, key: Key, at: Instant) {
        if let Some((planned, count)) = self.planned.get(&key) {
            // One that waits to begin is due already.
            if *planned <= at {
                return;
            }
            self.due.remove(&(*planned, *count, key.clone()));
        }
        self.count += 1;
        self.planned.insert(key.clone(), (at, self.count));
        self.due.insert((at, self.count, key));
    }

    /// The first one that is due, or when the first one will be.
    fn take(
        &mut self,
        now: Instant,
        room: Room,
        lane: &impl Fn(&Key) -> Lane,
    ) -> Result<(Lane, Key), Option<Instant>> {
        while let Some(key) = room.goes.then(|| self.pop_due(now)).flatten() {
            match lane(&key) {
                Lane::Goes => return Ok(self.hand_out(Lane::Goes, key)),
                Lane::Begins => self.begin.push_back(key),
            }
        }
        if room.begins
            && let Some(key) = self.begin.pop_front()
        {
            return Ok(self.hand_out(Lane::Begins, key));
        }
        let next = self.due.first().map(|(at, _, _)| *at);
        Err(next.filter(|_| room.goes))
    }

    fn pop_due(&mut self, now: Instant) -> Option<Key> {
        self.due.first().filter(|(at, _, _)| *at <= now)?;
        self.due.pop_first().map(|(_, _, key)| key)
    }

    fn hand_out(&mut self, lane: Lane, key: Key) -> (Lane, Key) {
        self.planned.remove(&key);
        self.running.insert(key.clone(), Look { since: Instant::now(), again: false });
        (lane, key)
    }
}

async fn until(next: Option<Instant>) {
    match next {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn one_is_handed_out_once_and_again_after_it_was_woken_meanwhile() {
        let queue = Queue::default();
        queue.wake(key("a"));
        queue.wake(key("a"));
        assert_eq!(next(&queue).await, key("a"));
        queue.wake(key("a"));
        assert!(queue.is_empty(), "it is not handed out while it is being looked at");
        queue.done(key("a"), None);
        assert_eq!(next(&queue).await, key("a"));
        queue.done(key("a"), None);
        assert!(queue.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_stuck_only_while_something_is_due_and_nothing_is_finished() {
        let (queue, minute) = (Queue::default(), Duration::from_secs(60));
        let pass = || tokio::time::advance(minute);
        assert_eq!(queue.stuck(), None, "nothing is due");
        queue.wake(key("a"));
        pass().await;
        assert_eq!(queue.stuck(), Some(minute), "nobody takes it");
        let a = next(&queue).await;
        pass().await;
        assert_eq!(queue.stuck(), Some(minute), "it is looked at, and that does not end");
        queue.finished_part();
        assert_eq!(queue.stuck(), Some(Duration::ZERO));
        queue.done(a, Some(Instant::now() + minute * 10));
        pass().await;
        assert_eq!(queue.stuck(), None, "it is due later");
        queue.wake(key("a"));
        assert_eq!(queue.stuck(), Some(Duration::ZERO), "however long the quiet was before");
        queue.next(Room { begins: false, goes: true }, |_| Lane::Goes).await;
        queue.wake(key("b"));
        let full = Room { begins: false, goes: true };
        let none = tokio::time::timeout(minute, queue.next(full, |_| Lane::Begins)).await;
        assert!(none.is_err() && queue.stuck() == Some(minute), "one that waits to begin is due, too");
    }

    #[tokio::test(start_paused = true)]
    async fn timers_are_exact_and_a_change_comes_before_them() {
        let queue = Queue::default();
        let start = Instant::now();
        queue.wake(key("a"));
        queue.done(next(&queue).await, Some(start + Duration::from_secs(10)));
        assert_eq!(next(&queue).await, key("a"));
        assert_eq!(start.elapsed(), Duration::from_secs(10));
        queue.done(key("a"), Some(start + Duration::from_secs(60)));
        queue.wake(key("a"));
        assert_eq!(next(&queue).await, key("a"));
        assert_eq!(start.elapsed(), Duration::from_secs(10));
        queue.done(key("a"), None);
        assert!(queue.is_empty(), "a change replaces the timer");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_one_that_is_being_looked_at() {
        let queue = Queue::default();
        queue.wake(key("a"));
        let busy = next(&queue).await;
        queue.wake(key("b"));
        assert_eq!(next(&queue).await, key("b"));
        queue.done(busy, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flow_that_begins_is_in_nobodys_way() {
        let queue = Queue::default();
        let lane = |key: &Key| if &*key.name == "new" { Lane::Begins } else { Lane::Goes };
        queue.wake(key("new"));
        queue.wake(key("a"));
        let room = Room { begins: true, goes: true };
        assert_eq!(queue.next(room, lane).await, (Lane::Goes, key("a")), "though it was woken later");
        assert_eq!((queue.beginning(), queue.len()), (1, 1));
        queue.wake(key("new"));
        assert_eq!(queue.len(), 1, "it waits once");
        queue.wake(key("b"));
        let full = Room { begins: false, goes: true };
        assert_eq!(queue.next(full, lane).await, (Lane::Goes, key("b")));
        let begins = Room { begins: true, goes: false };
        assert_eq!(queue.next(begins, lane).await, (Lane::Begins, key("new")), "beside many others");
        queue.wake(key("new"));
        queue.done(key("new"), None);
        assert_eq!(queue.next(room, lane).await, (Lane::Begins, key("new")), "it was woken meanwhile");
    }

    #[tokio::test(start_paused = true)]
    async fn without_room_a_flow_that_begins_waits() {
        let queue = Queue::default();
        queue.wake(key("new"));
        let full = Room { begins: false, goes: true };
        let waits = tokio::time::timeout(Duration::from_secs(60), queue.next(full, |_| Lane::Begins)).await;
        assert!(waits.is_err(), "{waits:?}");
        assert_eq!(queue.beginning(), 1);
    }

    async fn next(queue: &Queue) -> Key {
        queue.next(Room { begins: true, goes: true }, |_| Lane::Goes).await.1
    }

    fn key(name: &str) -> Key {
        Key::new("ns", name)
    }
}
