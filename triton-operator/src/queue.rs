//! A queue of instances to look at: each at most once at a time, woken by changes and by exact timers.

use std::collections::{BTreeSet, HashMap};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::world::cache::Key;

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
    /// Being looked at now; true: something happened meanwhile.
    running: HashMap<Key, bool>,
    count: u64,
}

impl Queue {
    /// Something happened to it: look at once, or again when it is being looked at.
    pub fn wake(&self, key: Key) {
        self.state.lock().wake(key);
        self.changed.notify_one();
    }

    /// Waits for the next one that is due. It is not handed out again before [`Queue::done`].
    pub async fn next(&self) -> Key {
        loop {
            let next = match self.state.lock().take(Instant::now()) {
                Ok(key) => return key,
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
            let happened = state.running.remove(&key).unwrap_or(false);
            match again {
                _ if happened => state.plan(key, Instant::now()),
                Some(at) => state.plan(key, at),
                None => {}
            }
        }
        self.changed.notify_one();
    }

    /// How many are due or planned.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state.lock().due.len()
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
            Some(again) => *again = true,
            None => self.plan(key, Instant::now()),
        }
    }

    /// The earlier of two plans holds.
    fn plan(&mut self, key: Key, at: Instant) {
        if let Some((planned, count)) = self.planned.get(&key) {
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
    fn take(&mut self, now: Instant) -> Result<Key, Option<Instant>> {
        match self.due.first() {
            Some((at, _, _)) if *at > now => Err(Some(*at)),
            None => Err(None),
            Some(_) => {
                let (_, _, key) = self.due.pop_first().ok_or(None)?;
                self.planned.remove(&key);
                self.running.insert(key.clone(), false);
                Ok(key)
            }
        }
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
        assert_eq!(queue.next().await, key("a"));
        queue.wake(key("a"));
        assert!(queue.is_empty(), "it is not handed out while it is being looked at");
        queue.done(key("a"), None);
        assert_eq!(queue.next().await, key("a"));
        queue.done(key("a"), None);
        assert!(queue.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn timers_are_exact_and_a_change_comes_before_them() {
        let queue = Queue::default();
        let start = Instant::now();
        queue.wake(key("a"));
        queue.done(queue.next().await, Some(start + Duration::from_secs(10)));
        assert_eq!(queue.next().await, key("a"));
        assert_eq!(start.elapsed(), Duration::from_secs(10));
        queue.done(key("a"), Some(start + Duration::from_secs(60)));
        queue.wake(key("a"));
        assert_eq!(queue.next().await, key("a"));
        assert_eq!(start.elapsed(), Duration::from_secs(10));
        queue.done(key("a"), None);
        assert!(queue.is_empty(), "a change replaces the timer");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_one_that_is_being_looked_at() {
        let queue = Queue::default();
        queue.wake(key("a"));
        let busy = queue.next().await;
        queue.wake(key("b"));
        assert_eq!(queue.next().await, key("b"));
        queue.done(busy, None);
    }

    fn key(name: &str) -> Key {
        Key::new("ns", name)
    }
}
