//! How often what went wrong: a run that had no fault proves nothing about it.

use core::fmt;

/// The faults, each with its letter in the project's list and what it is.
macro_rules! faults {
    ($($name:ident $letter:literal $what:literal,)*) => {
        /// Something that goes wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault {
            $(#[doc = concat!($letter, ": ", $what, ".")] $name,)*
        }

        impl Fault {
            /// Every fault.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its letter in the project's list of faults, and what it is.
            #[must_use]
            pub const fn says(self) -> (&'static str, &'static str) {
                match self {
                    $(Self::$name => ($letter, $what),)*
                }
            }
        }
    };
}

faults! {
    DiedBefore "F1" "a host died before a write",
    DiedAfter "F1" "a host died after a write",
    LongAbsence "F1" "no host ran for 12 minutes or more",
    OldLook "F2" "a look showed an older state of a workload",
    OldFlow "F2" "a look showed an older state of a flow",
    TimeTravel "F2" "a new host saw a state from before the end of the one before",
    LostWake "F3" "a wake-up was lost",
    SilentWatch "F3" "a look showed a kind of which nothing had been heard for a while",
    MixedLook "F4" "one look showed object, pods and endpoints of different ages",
    Conflict "F5" "a write was a conflict",
    NoList "F6" "a list had expired",
    PartOfList "F6" "pods were missing in a list",
    Refusal "F7" "a call was refused for the moment",
    Outage "F7" "a call came to nothing in a long outage",
    LongOutage "F7" "nothing could be reached for 12 minutes or more",
    LostAnswer "F8" "a write was done and its answer lost",
    DeadWatch "F9" "a watch was silent for good",
    StaleView "F9" "a host heard nothing of a kind for too long and left everything alone",
    SecondHost "F11" "two hosts drove the same flows",
    NotConfirmed "F11" "a change of pods did not go out: their workload was not as it had been seen",
    HeldUp "F11" "a host was held up before a write",
    WrongClock "F12" "a host had a wrong clock",
    ClockJump "F12" "a clock jumped",
    ClockStep "F12" "a clock jumped by ten minutes or so",
    Resized "F13" "somebody else changed the size",
    PartitionEdited "F13" "somebody else changed the partition",
    PodNamed "F13" "somebody else named a pod to be deleted",
    TemplateEdited "F13" "somebody else changed the template",
    WorkloadDeleted "F13" "somebody else deleted the workload",
    WorkloadRecreated "F13" "another workload got the name of one that was lost",
    ServicesMoved "F13" "the Services of a workload could send to one revision alone",
    PodDeleted "F13" "a pod was deleted by hand or evicted",
    PodRecreated "F13" "another pod got the name of a lost one",
    FlowRecreated "F13" "another flow got the name of a deleted one",
    FlowAgain "F13" "a flow that had ended was made again",
    AlreadyCarriedOut "F13" "a flow that was made again had been carried out already",
    PodStuck "F14" "a new pod was stuck: no image, no node, never ready",
    PodHeals "F14" "a new pod failed and healed by itself",
    PodCrashes "F14" "a new pod crashed over and over",
    PodFlaps "F14" "a new pod lost its readiness again and again",
    PodBreaks "F14" "a running pod broke",
    NodeLost "F14" "a pod was lost with its node",
    ControllerDead "F15" "the workload's controller was dead for a while",
    ControllerBehind "F15" "a look showed a generation that the controller had not seen",
    RecordSpoilt "F16" "the record of a running flow was spoilt",
    BadSpec "F16" "a flow with a bad spec was in the store",
    SpecSpoilt "F16" "the spec of a running flow became one that cannot be read",
    LockSpoilt "F16" "the lock of a workload could not be read",
    LockRemoved "F16" "somebody took the lock off a workload",
}

/// How often each fault happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally([u64; Fault::ALL.len()]);

impl Default for Tally {
    fn default() -> Self {
        Self([0; Fault::ALL.len()])
    }
}

impl Tally {
    /// Once more.
    pub const fn count(&mut self, fault: Fault) {
        self.0[fault as usize] += 1;
    }

    /// How often this happened.
    #[must_use]
    pub const fn of(&self, fault: Fault) -> u64 {
        self.0[fault as usize]
    }

    /// What happened in another run, too.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            *sum += more;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in Fault::ALL {
            let (letter, what) = fault.says();
            writeln!(f, "{letter:>4} {:>9} times {what}", self.of(*fault))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_its_own_place_and_is_counted_there() {
        let mut tally = Tally::default();
        for (at, fault) in Fault::ALL.iter().enumerate() {
            assert_eq!(*fault as usize, at);
            tally.count(*fault);
        }
        let once = tally;
        tally.add(&once);
        assert!(Fault::ALL.iter().all(|fault| tally.of(*fault) == 2));
    }
}
