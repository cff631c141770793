//! The whole life of a batch on one screen: kind × stage → row.

use crate::model::{Kind, Spec, Stage};

/// What ends a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Nothing has to happen.
    Now,
    /// All new pods of the batch run.
    Booted,
    /// All new pods of the batch are verified in traffic.
    In,
    /// No pod is leaving any more and no old pod is too many.
    Gone,
    /// The interval is over, or this was the last batch.
    Interval,
}

/// A stage of one kind of batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The workload is asked for the new pods of the batch.
    pub grown: bool,
    /// The workload is asked to do without the old pods of the batch.
    pub shrunk: bool,
    /// The batch's new pods may take traffic.
    pub admit: bool,
    /// What ends the stage.
    pub until: Until,
    /// Whether a person may be asked before it ends.
    pub ask: bool,
    /// The stage after it; `None` ends the batch.
    pub next: Option<Stage>,
}

const fn row(flags: [bool; 3], until: Until, ask: bool, next: Option<Stage>) -> Row {
    let [grown, shrunk, admit] = flags;
    Row { grown, shrunk, admit, until, ask, next }
}

/// The row of a stage in the batches of a flow. Where new pods are asked for only once those before them are gone, they
/// are not asked for while old ones leave.
#[must_use]
pub(super) const fn row_of(spec: &Spec, kind: Kind, stage: Stage) -> Row {
    let row = of(kind, stage);
    let leaves_first = matches!((kind, stage), (Kind::Swap, Stage::Vacating));
    if leaves_first && spec.pod_replacement_policy.waits() { Row { grown: false, ..row } } else { row }
}

/// The row of a stage.
#[must_use]
pub const fn of(kind: Kind, stage: Stage) -> Row {
    use Kind::{Grow, Replace, Shrink, Swap};
    use Stage::{Baked, Leaving, Proving, PullingIn, Queued, Smoked, Smoking, Vacating};
    use Until::{Booted, Gone, In, Interval, Now};
    const X: bool = true;
    const O: bool = false;
    match (kind, stage) {
        //                                       grown shrunk admit
        (Grow | Replace, Queued) => row([O, O, O], Now, O, Some(Smoking)),
        (Shrink | Swap, Queued) => row([O, O, O], Now, O, Some(Vacating)),
        (Shrink, Vacating) => row([X, X, X], Gone, O, Some(Baked)),
        (_, Vacating) => row([X, X, O], Gone, O, Some(Smoking)),
        (Swap, Smoking) => row([X, X, O], Booted, O, Some(Smoked)),
        (_, Smoking) => row([X, O, O], Booted, O, Some(Smoked)),
        (Swap, Smoked) => row([X, X, O], Booted, X, Some(PullingIn)),
        (_, Smoked) => row([X, O, O], Booted, X, Some(PullingIn)),
        (Swap, PullingIn) => row([X, X, X], In, O, Some(Proving)),
        (_, PullingIn) => row([X, O, X], In, O, Some(Proving)),
        (Replace, Proving) => row([X, O, X], In, X, Some(Leaving)),
        (_, Proving) => row([X, X, X], In, X, Some(Baked)),
        (_, Leaving) => row([X, X, X], Gone, O, Some(Baked)),
        (_, Baked) => row([X, X, X], Interval, X, None),
    }
}
