//! What goes wrong, how often. Everything is off by default and drawn from the host's own seed.

use super::random::Random;
use crate::model::Seconds;

/// How often a host's calls go wrong, in cases of 1,000, and how its clock runs.
///
/// The letters are those of the project's list of faults. Crashes, stale views, refusals and the like are
/// faults of a host and live here; what others do to the world (F13 to F16) is done to
/// [`World`](super::World), and skipped wake-ups (F3, F9) are up to whoever runs the hosts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// F1: the host dies right before a write, or right after it. It answers nothing from then on.
    pub crash: u32,
    /// F1: the host dies at this one of its writes.
    pub dies: Option<Death>,
    /// F2, F3, F4: a look shows an older state, per kind of object, never older than the host's last look
    /// or [`Faults::lag`].
    pub stale: u32,
    /// Oldest state that a look may show, in microseconds.
    pub lag: i64,
    /// F2: a host that starts may see states from before the end of the host before it.
    pub time_travel: bool,
    /// F3, F4: after a look nothing more is heard of that kind of object for a while, at a host that has such a watch
    /// (each of its kinds in half of the cases), and it does not know. Own writes show what was there then.
    pub silent: u32,
    /// Longest such while, in microseconds.
    pub silence: i64,
    /// F5: a write is refused because something changed, although nothing that matters did.
    pub conflict: u32,
    /// F6: a list is broken: an error, or pods are missing and the view says that it is not settled.
    pub broken_list: u32,
    /// F7: a call is refused for the moment.
    pub refuse: u32,
    /// F8: a write is done, but the answer is an error.
    pub lost_answer: u32,
    /// F11: the host is held up right before a write, with an old view in hand.
    pub hiccup: u32,
    /// F12: how far the host's clock is ahead, in microseconds.
    pub skew: i64,
    /// F7, F12: what befalls the host right before one of its writes.
    pub upset: Option<Upset>,
}

/// When exactly a host dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Death {
    /// At which of its writes, from 1; see [`Host::writes`](super::Host::writes).
    pub write: u32,
    /// And when of it.
    pub moment: Moment,
}

/// What befalls a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upset {
    /// Right before which of its writes, from 1.
    pub write: u32,
    /// What.
    pub what: Upsetting,
}

/// What may befall a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upsetting {
    /// Nothing can be reached for so long.
    CutOff(Seconds),
    /// Its clock jumps by so many microseconds.
    Jump(i64),
}

/// A moment of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// Nothing was done yet.
    Before,
    /// Of several pods the first half was reached. A write to one thing is done.
    Midway,
    /// It was done, and nobody heard the answer.
    After,
}

impl Faults {
    /// Nothing goes wrong.
    pub const NONE: Self = Self {
        crash: 0,
        dies: None,
        stale: 0,
        lag: 0,
        time_travel: false,
        silent: 0,
        silence: 0,
        conflict: 0,
        broken_list: 0,
        refuse: 0,
        lost_answer: 0,
        hiccup: 0,
        skew: 0,
        upset: None,
    };

    /// The same, and watches that fall silent for up to a quarter of a minute, or for up to five minutes.
    #[must_use]
    pub fn with_silence(self, random: &mut Random) -> Self {
        let silence = if random.chance(500) { 15_000_000 } else { 300_000_000 };
        Self { silent: random.between(2, 60), silence, ..self }
    }

    /// Some faults, each present in about half of all draws.
    #[must_use]
    pub fn draw(random: &mut Random) -> Self {
        const SECOND: i64 = 1_000_000;
        let mut some = |most: u32| if random.chance(500) { random.between(1, most) } else { 0 };
        Self {
            crash: some(60),
            dies: None,
            stale: some(500),
            conflict: some(100),
            broken_list: some(60),
            refuse: some(100),
            lost_answer: some(80),
            hiccup: some(150),
            lag: i64::from(random.between(1, 4)) * SECOND,
            time_travel: random.chance(500),
            skew: if random.chance(500) { random.within((-10 * SECOND, 10 * SECOND)) } else { 0 },
            upset: None,
            silent: 0,
            silence: 0,
        }
    }
}
