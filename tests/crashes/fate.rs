//! When hosts die.

use std::fmt;

use triton_core::model::Seconds;
use triton_core::sim::{Death, Moment};

/// What becomes of the hosts of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The first one lives to the end.
    Lives,
    /// The first one dies, and the next one takes over after so long.
    Dies(Death, Seconds),
    /// Each one dies at this one of its writes.
    Each(Death),
}

/// A write of the undisturbed run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Written {
    /// The host's how manieth.
    pub(crate) nth: u32,
    /// It was to several pods: a host can die in the middle of it.
    pub(crate) several: bool,
}

/// How long it takes until a host is replaced.
const PAUSES: [Seconds; 3] = [Seconds(0), Seconds(1), Seconds(4)];

impl Fate {
    /// Every crash that can befall a run with these writes.
    pub(crate) fn all(writes: &[Written]) -> Vec<Self> {
        let mut fates = Vec::new();
        for written in writes {
            for moment in [Moment::Before, Moment::Midway, Moment::After] {
                if moment == Moment::Midway && !written.several {
                    continue;
                }
                let death = Death { write: written.nth, moment };
                fates.extend(PAUSES.map(|pause| Self::Dies(death, pause)));
            }
        }
        let each = |write, moment| Self::Each(Death { write, moment });
        fates.extend([each(1, Moment::After), each(1, Moment::Midway), each(2, Moment::Before)]);
        fates
    }

    /// When the host dies that is the `nth` of a run, from 1.
    pub(crate) fn of(self, nth: u32) -> Option<Death> {
        match self {
            Self::Lives => None,
            Self::Dies(death, _) => (nth == 1).then_some(death),
            Self::Each(death) => Some(death),
        }
    }

    /// How long it takes until a dead host is replaced.
    pub(crate) const fn pause(self) -> Seconds {
        match self {
            Self::Lives | Self::Each(_) => Seconds(0),
            Self::Dies(_, pause) => pause,
        }
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lives => f.write_str("no crash"),
            Self::Dies(Death { write, moment }, pause) => {
                write!(f, "{} write {write}, replaced after {pause}", when(*moment))
            }
            Self::Each(Death { write, moment }) => {
                write!(f, "every host {} its write {write}", when(*moment))
            }
        }
    }
}

const fn when(moment: Moment) -> &'static str {
    match moment {
        Moment::Before => "before",
        Moment::Midway => "in the middle of",
        Moment::After => "after",
    }
}
