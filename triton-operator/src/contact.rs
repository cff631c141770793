//! For how long this process has been in touch with the cluster: deadlines count no other time.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};
use kube::{Client, Error};
use parking_lot::Mutex;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use triton_core::model::Timestamp;
use triton_core::ports::{Clock, Reading, Watching};

use crate::clock::WallClock;

/// How often the API server is asked for a sign of life, and how long it may take to give one.
const BEAT: Duration = Duration::from_secs(5);

/// The clock of a process that looks at a cluster: the wall clock, and a stopwatch that runs while the cluster
/// answers. It measures with the monotonic clock of the machine, so that nobody can set it.
#[derive(Clone, Debug, Default)]
pub struct Contact {
    state: Arc<Mutex<State>>,
    watching: Arc<Mutex<Watching>>,
}

#[derive(Debug, Default)]
struct State {
    /// Time in touch before the last sign of life.
    before: Duration,
    /// Since when signs of life came one after the other, and when the last one did.
    beats: Option<(Instant, Instant)>,
    /// It is always in touch.
    always: Option<Instant>,
}

impl Contact {
    /// One that is never out of touch, for a world inside this process.
    #[must_use]
    pub fn always() -> Self {
        let state = State { always: Some(Instant::now()), ..State::default() };
        Self { state: Arc::new(Mutex::new(state)), ..Self::default() }
    }

    /// Asks for signs of life for ever: a list of one object, which etcd has to answer too. What is allowed of that
    /// is what the watch of pods needs.
    pub async fn keep(&self, client: Client, namespace: Option<&str>) {
        let pods: Api<Pod> = match namespace {
            Some(namespace) => Api::namespaced(client, namespace),
            None => Api::all(client),
        };
        self.beat(|| async { pods.list_metadata(&ListParams::default().limit(1)).await.map(|_| ()) }).await;
    }

    async fn beat<F: Future<Output = Result<(), Error>>>(&self, ask: impl Fn() -> F) {
        let mut beats = interval(BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            beats.tick().await;
            match timeout(BEAT, ask()).await {
                Ok(Ok(())) => self.answered(Instant::now()),
                Ok(Err(error)) => self.lost(&error.to_string()),
                Err(_) => self.lost("no answer came in time"),
            }
        }
    }

    fn answered(&self, now: Instant) {
        let mut state = self.state.lock();
        let since = state.beats.map_or(now, |(since, _)| since);
        state.beats = Some((since, now));
    }

    /// The time since the last sign of life is not known to be time in touch.
    fn lost(&self, why: &str) {
        let mut state = self.state.lock();
        if let Some((since, last)) = state.beats.take() {
            state.before += last - since;
            tracing::warn!(why, "the API server gives no sign of life: no time counts against deadlines");
        }
    }

    fn reading(&self) -> Reading {
        let state = self.state.lock();
        if let Some(since) = state.always {
            return Reading::exact(since.elapsed());
        }
        let Some((since, last)) = state.beats else { return Reading::exact(state.before) };
        Reading { sure: state.before + (last - since), likely: state.before + since.elapsed() }
    }
}

impl Clock for Contact {
    fn now(&self) -> Timestamp {
        WallClock.now()
    }

    fn watching(&self, apply: &mut dyn FnMut(&mut Watching, Reading)) {
        let reading = self.reading();
        apply(&mut self.watching.lock(), reading);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn the_stopwatch_runs_from_sign_of_life_to_sign_of_life_and_stands_in_silence() {
        let (contact, silent) = (Contact::default(), Arc::new(AtomicBool::new(false)));
        let (beats, hears) = (contact.clone(), Arc::clone(&silent));
        let keeps = tokio::spawn(async move {
            let ask = || async {
                if hears.load(Ordering::Relaxed) { std::future::pending().await } else { Ok(()) }
            };
            beats.beat(ask).await;
        });
        let after = |wait: u64| {
            let contact = contact.clone();
            async move {
                tokio::time::sleep(seconds(wait)).await;
                contact.reading()
            }
        };
        // The first answer comes at once, the next ones every five seconds.
        assert_eq!(after(12).await, Reading { sure: seconds(10), likely: seconds(12) });
        silent.store(true, Ordering::Relaxed);
        assert_eq!(after(10).await, Reading::exact(seconds(10)), "an answer that is late is none");
        assert_eq!(after(720).await, Reading::exact(seconds(10)), "nobody could look");
        silent.store(false, Ordering::Relaxed);
        let again = after(20).await;
        assert!((seconds(15)..=seconds(30)).contains(&again.sure) && again.likely >= again.sure, "{again:?}");
        keeps.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_world_inside_this_process_is_always_in_touch() {
        let contact = Contact::always();
        tokio::time::sleep(seconds(90)).await;
        assert_eq!(contact.reading(), Reading::exact(seconds(90)));
    }
}
