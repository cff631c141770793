//! What has to be made sure of before a write: guards of single objects do not show what is missing beside them.

use super::decision::Effect;
use super::table;
use crate::model::{Brings, Flow, Kind, Progress, Stage, TrafficChange, WorkloadChange};

/// Whether an effect of a flow is right only if the pods of its workload are those that were seen: numbers and names
/// follow from them, and how many may be taken out of traffic, or be exposed.
#[must_use]
pub fn rests_on_pods(flow: &Flow, effect: &Effect) -> bool {
    match effect {
        // Before the first batch the numbers are those of the base.
        Effect::Workload(WorkloadChange::Reshape(_)) => !flow.progress.is_before_batches(),
        Effect::Workload(WorkloadChange::LetGo(_)) | Effect::Traffic(TrafficChange::PullOut(_)) => true,
        Effect::Traffic(TrafficChange::PullIn(_)) => !admits_all(&flow.progress),
        // The base tells which revisions were there: pods of others are those of others that come later.
        Effect::Workload(WorkloadChange::Lock { .. }) => matches!(flow.progress, Progress::Preparing { .. }),
        Effect::Workload(
            WorkloadChange::Hook(_)
            | WorkloadChange::List(_)
            | WorkloadChange::Spare(_)
            | WorkloadChange::Release { .. }
            | WorkloadChange::Remove
            | WorkloadChange::Freeze(_),
        )
        | Effect::Supersede(_) => false,
    }
}

/// Whether a progress may be stored only if the pods are those that were seen: when it is the last word; where the first
/// batch begins, and with it how many pods need no work and how many have to serve; at the end of a batch, which no
/// later stage looks back at; and where new pods are told from old ones by a mark, which a view from before it does not
/// show.
#[must_use]
pub fn tells_of_pods(before: &Progress, progress: &Progress) -> bool {
    let marks = |progress: &Progress| {
        let base = progress.base();
        base.is_some_and(|base| base.kind.exchanges() && base.brings == Brings::Nothing)
    };
    match progress {
        Progress::Rolling { .. } | Progress::Verifying { .. } => {
            before.is_before_batches() || finished(progress) > finished(before) || marks(progress)
        }
        Progress::Pending
        | Progress::Preparing { .. }
        | Progress::Closing { .. }
        | Progress::Finished { .. } => progress.is_last_word(),
    }
}

/// Batches that are finished. After the last one they count as all.
const fn finished(progress: &Progress) -> u32 {
    match progress {
        Progress::Rolling { batch, .. } if matches!(batch.stage, Stage::Baked) => batch.number,
        Progress::Rolling { batch, .. } => batch.number.saturating_sub(1),
        Progress::Verifying { .. } | Progress::Closing { .. } | Progress::Finished { .. } => u32::MAX,
        Progress::Pending | Progress::Preparing { .. } => 0,
    }
}

/// Whether every pod that runs may be pulled in: how many are in already does not matter then.
fn admits_all(progress: &Progress) -> bool {
    match progress {
        Progress::Preparing { .. } | Progress::Verifying { .. } => true,
        Progress::Rolling { plan, batch, .. } => {
            let kind = plan.base.kind;
            table::of(kind, batch.stage).admit || (kind == Kind::Swap && !batch.canary)
        }
        Progress::Pending | Progress::Closing { .. } | Progress::Finished { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::super::fixtures::{NOW, base_of};
    use super::super::goal::plan;
    use super::*;
    use crate::model::{Action, Base, Shape, Verdict};

    #[test]
    fn what_follows_from_pods_is_written_only_when_they_are_as_they_were_seen() {
        let shape =
            Shape { template: None, replicas: 3, partition: None, doomed: None, surge: 1, unavailable: 0 };
        let reshape = Effect::Workload(WorkloadChange::Reshape(shape));
        let let_go = Effect::Workload(WorkloadChange::LetGo(vec![]));
        let out = Effect::Traffic(TrafficChange::PullOut(vec![]));
        let pull_in = Effect::Traffic(TrafficChange::PullIn(vec![]));
        let freeze = Effect::Workload(WorkloadChange::Freeze(true));
        let rests = |flow: &Flow| {
            [&reshape, &let_go, &out, &pull_in, &freeze].map(|effect| rests_on_pods(flow, effect))
        };
        let base = |kind| base_of(kind, 3, 3);
        let at = |kind, canary: u32, stage| {
            let flow = Flow::test(Action::Update, 3).canary(canary);
            rests(&flow.at(plan(base(kind), 0), 1, 0, 1, stage))
        };
        let preparing = Progress::Preparing { base: base(Kind::Replace) };
        let preparing = Flow { progress: preparing, ..Flow::test(Action::Update, 3) };
        assert_eq!(rests(&preparing), [false, true, true, false, false]);
        let lock = Effect::Workload(WorkloadChange::Lock { remember: None });
        assert!(
            rests_on_pods(&preparing, &lock),
            "it is taken with a base that tells which revisions are there"
        );
        let again = Flow::test(Action::Update, 3).at(plan(base(Kind::Replace), 0), 1, 0, 1, Stage::Smoking);
        assert!(!rests_on_pods(&again, &lock), "one that others took off is taken again");
        assert_eq!(at(Kind::Replace, 1, Stage::Smoked), [true, true, true, true, false]);
        assert_eq!(at(Kind::Replace, 1, Stage::PullingIn), [true, true, true, false, false]);
        assert_eq!(at(Kind::Swap, 0, Stage::Smoking), [true, true, true, false, false]);
        assert_eq!(at(Kind::Swap, 1, Stage::Smoking), [true, true, true, true, false]);
    }

    #[test]
    fn the_last_word_the_end_of_a_batch_and_stages_of_what_is_told_by_a_mark_rest_on_pods() {
        let at = |brings, batch, stage| {
            let plan = plan(Base { brings, ..base_of(Kind::Replace, 3, 3) }, 0);
            Flow::test(Action::Restart, 3).at(plan, batch, batch - 1, 1, stage).progress
        };
        let before = at(Brings::Flow, 1, Stage::Leaving);
        let rolling = |brings| at(brings, 1, Stage::Smoking);
        let grows = plan(Base { brings: Brings::Nothing, ..base_of(Kind::Grow, 1, 3) }, 0);
        let grows = Flow::test(Action::Scale, 3).at(grows, 1, 0, 1, Stage::Smoking).progress;
        let rows = [
            (rolling(Brings::Nothing), true),
            (rolling(Brings::Flow), false),
            (at(Brings::Flow, 1, Stage::Leaving), false),
            (at(Brings::Flow, 1, Stage::Baked), true),
            (at(Brings::Flow, 2, Stage::Smoking), true),
            (grows, false),
            (Progress::Preparing { base: base_of(Kind::Replace, 3, 3) }, false),
            (Progress::Finished { verdict: Verdict::Succeeded, at: NOW }, true),
        ];
        for (progress, rests) in rows {
            assert_eq!(tells_of_pods(&before, &progress), rests, "{progress:?}");
        }
        let baked = at(Brings::Flow, 1, Stage::Baked);
        assert!(!tells_of_pods(&baked, &at(Brings::Flow, 2, Stage::Queued)), "made sure of before");
        let preparing = Progress::Preparing { base: base_of(Kind::Replace, 3, 3) };
        assert!(tells_of_pods(&preparing, &at(Brings::Flow, 1, Stage::Queued)), "what serves is counted now");
    }
}
