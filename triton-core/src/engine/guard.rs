//! What has to be made sure of before a write: guards of single objects do not show what is missing beside them.

use super::decision::Effect;
use super::table;
use crate::model::{
    Brings, Flow, Kind, PodChange, PodsAsSeen, Progress, Stage, TrafficChange, WorkloadChange,
};

/// Which pods of the workload have to be as they were seen for an effect of a flow to be right: numbers and names follow
/// from them, and how many may be taken out of traffic, or be exposed. `None` where it rests on no others than those
/// that it changes.
#[must_use]
pub fn rests_on_pods(flow: &Flow, effect: &Effect) -> Option<PodsAsSeen> {
    match effect {
        // Before the first batch the numbers are those of the base.
        Effect::Workload(WorkloadChange::Reshape(_)) => running_if(!flow.progress.is_before_batches()),
        Effect::Pods(PodChange::Unhook(_)) | Effect::Traffic(TrafficChange::PullOut(_)) => {
            Some(PodsAsSeen::Running)
        }
        // Another operator may have pulled in one since that was starting then: it has the place of this one.
        Effect::Traffic(TrafficChange::PullIn(_)) => (!admits_all(&flow.progress)).then_some(PodsAsSeen::All),
        // The base tells which revisions were there: pods of others are those of others that come later.
        Effect::Workload(WorkloadChange::Lock { .. }) => {
            running_if(matches!(flow.progress, Progress::Preparing { .. }))
        }
        Effect::Pods(
            PodChange::Hook(_) | PodChange::MarkForReplacement(_) | PodChange::ClearSpecifiedDelete(_),
        )
        | Effect::Workload(
            WorkloadChange::Release { .. } | WorkloadChange::Remove | WorkloadChange::SetPaused(_),
        )
        | Effect::Supersede(_) => None,
    }
}

/// Which pods have to be as they were seen for a progress to be stored, if it rests on them: when it is the last word;
/// where the first batch begins, and with it how many pods need no work and how many have to serve; at the end of a
/// batch, which no later stage looks back at; and where new pods are told from old ones by a mark, which a view from
/// before it does not show.
#[must_use]
pub fn tells_of_pods(before: &Progress, progress: &Progress) -> Option<PodsAsSeen> {
    let marks = |progress: &Progress| {
        let base = progress.base();
        base.is_some_and(|base| base.kind.exchanges() && base.brings == Brings::Nothing)
    };
    running_if(match progress {
        Progress::Rolling { .. } | Progress::Verifying { .. } => {
            before.is_before_batches() || finished(progress) > finished(before) || marks(progress)
        }
        Progress::Pending
        | Progress::Preparing { .. }
        | Progress::Closing { .. }
        | Progress::Finished { .. } => progress.is_last_word(),
    })
}

fn running_if(rests: bool) -> Option<PodsAsSeen> {
    rests.then_some(PodsAsSeen::Running)
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
        let let_go = Effect::Pods(PodChange::Unhook(vec![]));
        let out = Effect::Traffic(TrafficChange::PullOut(vec![]));
        let pull_in = Effect::Traffic(TrafficChange::PullIn(vec![]));
        let pause = Effect::Workload(WorkloadChange::SetPaused(true));
        let rests = |flow: &Flow| {
            [&reshape, &let_go, &out, &pull_in, &pause].map(|effect| rests_on_pods(flow, effect))
        };
        let base = |kind| base_of(kind, 3, 3);
        let at = |kind, canary: u32, stage| {
            let flow = Flow::test(Action::Update, 3).canary(canary);
            rests(&flow.at(plan(base(kind), 0), 1, 0, 1, stage))
        };
        let preparing = Progress::Preparing { base: base(Kind::Replace) };
        let preparing = Flow { progress: preparing, ..Flow::test(Action::Update, 3) };
        let (no, ran, all) = (None, Some(PodsAsSeen::Running), Some(PodsAsSeen::All));
        assert_eq!(rests(&preparing), [no, ran, ran, no, no]);
        let lock = Effect::Workload(WorkloadChange::Lock { remember: None });
        assert_eq!(
            rests_on_pods(&preparing, &lock),
            ran,
            "it is taken with a base that tells which revisions are there"
        );
        let again = Flow::test(Action::Update, 3).at(plan(base(Kind::Replace), 0), 1, 0, 1, Stage::Smoking);
        assert_eq!(rests_on_pods(&again, &lock), no, "one that others took off is taken again");
        assert_eq!(at(Kind::Replace, 1, Stage::Smoked), [ran, ran, ran, all, no]);
        assert_eq!(at(Kind::Replace, 1, Stage::PullingIn), [ran, ran, ran, no, no]);
        assert_eq!(at(Kind::Swap, 0, Stage::Smoking), [ran, ran, ran, no, no]);
        assert_eq!(at(Kind::Swap, 1, Stage::Smoking), [ran, ran, ran, all, no]);
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
            assert_eq!(tells_of_pods(&before, &progress), running_if(rests), "{progress:?}");
        }
        let baked = at(Brings::Flow, 1, Stage::Baked);
        assert_eq!(tells_of_pods(&baked, &at(Brings::Flow, 2, Stage::Queued)), None, "made sure of before");
        let preparing = Progress::Preparing { base: base_of(Kind::Replace, 3, 3) };
        let first = tells_of_pods(&preparing, &at(Brings::Flow, 1, Stage::Queued));
        assert_eq!(first, running_if(true), "what serves is counted now");
    }
}
