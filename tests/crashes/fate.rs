//! When hosts die.

use std::fmt;

use triton_core::model::{OnFailure, Seconds};
use triton_core::sim::{Death, Faults, Moment, Upset, Upsetting};

/// What becomes of the hosts of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The first one lives to the end.
    Lives,
    /// The first one dies, and the next one takes over after so long.
    Dies(Death, Seconds),
    /// Each one dies at this one of its writes.
    Each(Death),
    /// Something befalls the first one, and `onFailure` of its flows is this.
    Upset(Upset, OnFailure),
    /// The first one dies and is away for long, and `onFailure` of its flows is this.
    Away(Death, OnFailure),
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
/// A time in which nobody looks that is longer than every deadline.
const LONG: Seconds = Seconds(720);
/// By so many microseconds a clock jumps.
const STEP: i64 = 600_000_000;

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
        // A host that sees pods drain shows that first, and measures the drain anew: it needs a second write.
        fates.extend([each(1, Moment::After), each(1, Moment::Midway), each(3, Moment::Before)]);
        fates
    }

    /// Every long time in which nobody looks, in a run with these writes, with each of these values of `onFailure`;
    /// and every jump of a clock with the last of them, where `jumps`.
    pub(crate) fn absences(writes: &[Written], policies: &[OnFailure], jumps: bool) -> Vec<Self> {
        let mut fates = Vec::new();
        for write in writes.iter().map(|written| written.nth) {
            let befalls = |what, policy: &OnFailure| Self::Upset(Upset { write, what }, *policy);
            for policy in policies {
                fates.push(befalls(Upsetting::CutOff(LONG), policy));
                fates.push(Self::Away(Death { write, moment: Moment::After }, *policy));
            }
            if let Some(policy) = policies.last().filter(|_| jumps) {
                fates.extend([STEP, -STEP].map(|step| befalls(Upsetting::Jump(step), policy)));
            }
        }
        fates
    }

    /// What goes wrong for the host that is the `nth` of a run, from 1.
    pub(crate) fn of(self, nth: u32) -> Faults {
        let dies = match self {
            Self::Lives | Self::Upset(..) => None,
            Self::Dies(death, _) | Self::Away(death, _) => (nth == 1).then_some(death),
            Self::Each(death) => Some(death),
        };
        let upset = if let Self::Upset(upset, _) = self { (nth == 1).then_some(upset) } else { None };
        Faults { dies, upset, ..Faults::NONE }
    }

    /// `onFailure` of the flows.
    pub(crate) const fn policy(self) -> OnFailure {
        match self {
            Self::Lives | Self::Dies(..) | Self::Each(_) => OnFailure::Pause,
            Self::Upset(_, policy) | Self::Away(_, policy) => policy,
        }
    }

    /// How often people and the driver look at least, in seconds.
    pub(crate) const fn tick(self) -> Seconds {
        match self {
            Self::Lives | Self::Dies(..) | Self::Each(_) => Seconds(1),
            Self::Upset(..) | Self::Away(..) => Seconds(30),
        }
    }

    /// How long it takes until a dead host is replaced.
    pub(crate) const fn pause(self) -> Seconds {
        match self {
            Self::Lives | Self::Each(_) | Self::Upset(..) => Seconds(0),
            Self::Dies(_, pause) => pause,
            Self::Away(..) => LONG,
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
            Self::Upset(Upset { write, what }, policy) => {
                write!(f, "{what:?} before write {write}, onFailure {policy:?}")
            }
            Self::Away(Death { write, moment }, policy) => {
                write!(f, "away for {LONG} {} write {write}, onFailure {policy:?}", when(*moment))
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
