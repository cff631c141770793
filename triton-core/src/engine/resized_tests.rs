use super::super::closing::verifying;
use super::super::decide;
use super::super::decision::{Effect, Waiting};
use super::super::fixtures::{NOW, OLD, RUNS, SERVES, base_of, plan_of};
use super::super::goal::{Goal, goal, plan};
use super::*;
use crate::model::{
    Action, Facts, FieldEdit, Hold, HoldReason, Kind, Mode, Pods, Stage, TrafficChange, WorkloadChange,
};

#[test]
fn pods_that_come_are_old_ones_and_work_for_later_batches() {
    let flow = update(4);
    let (plan, done, batch) = followed(&flow, &sized(8, 4));
    assert_eq!((plan.base.from, plan.base.to, plan.work, done, batch.size), (8, 8, 8, 2, 2));
    assert_eq!(goal(&plan, 4), Goal { fresh: 4, stale: 4 });
    let next = Flow { progress: Progress::Rolling { plan, done, batch }, ..flow };
    match decide(&next, &sized(8, 4), NOW) {
        Decision::Act(Effect::Workload(WorkloadChange::Reshape(shape))) => {
            assert_eq!((shape.replicas, shape.partition), (10, Some(6)), "no new pod beyond the batch");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn pods_that_go_are_old_ones_and_the_batch_keeps_its_pods_where_they_fit() {
    let (plan, done, batch) = followed(&update(8), &sized(5, 6));
    assert_eq!((plan.work, done, batch.size), (5, 2, 2));
    assert_eq!(goal(&plan, 4), Goal { fresh: 4, stale: 1 });
    let (plan, done, batch) = followed(&update(8), &sized(3, 6));
    assert_eq!((plan.work, done, batch.size), (3, 2, 1));
    match decide(&update(8), &sized(2, 6), NOW) {
        Decision::Move(Progress::Verifying { plan, .. }, Why::Resized { from: 8, to: 2, .. }) => {
            assert_eq!(goal(&plan, plan.work), Goal { fresh: 2, stale: 0 });
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_size_that_comes_back_before_the_one_between_was_written_is_followed_in_a_swap() {
    for (kind, later, follows) in [(Kind::Swap, 1, true), (Kind::Swap, 0, false), (Kind::Replace, 1, false)] {
        let base = Base { followed: Some(7), ..base_of(kind, 5, 5) };
        let flow = Flow::test(Action::Update, 5).at(plan(base, 0), 2, 2, 1, Stage::Smoking);
        let mut seen = sized(8, 4);
        seen.edits.fields.clear();
        (seen.edits.generation, seen.edits.clean) = (7 + later, 6);
        assert_eq!(size(&flow, &seen).is_some(), follows, "{kind:?}, {later} generations later");
    }
}

/// A smaller size ended such flows as `Success`, and once the size was back all pods were new: nobody was asked.
#[test]
fn a_size_that_would_take_a_question_away_is_not_followed() {
    use Stage::{Baked, Proving, PullingIn, Smoked, Smoking};
    let (canary, manual, auto) = ((2, Mode::Auto), (0, Mode::Manual), (0, Mode::Auto));
    // What asks; batch, work done before it and its size, of 10 pods; new pods from before; the least size that is
    // followed, and how many pods of the batch stay with it.
    let rows = [
        (Kind::Replace, canary, (1, 0, 2, Smoking), 0, (1, 1)),
        (Kind::Replace, canary, (1, 0, 2, Smoked), 0, (1, 1)),
        (Kind::Replace, canary, (1, 0, 2, PullingIn), 0, (3, 2)),
        (Kind::Replace, canary, (1, 0, 2, Baked), 0, (3, 2)),
        (Kind::Replace, canary, (2, 2, 4, Smoking), 0, (1, 0)),
        (Kind::Replace, manual, (1, 0, 5, Smoking), 0, (2, 1)),
        (Kind::Replace, manual, (2, 3, 5, Smoked), 0, (5, 1)),
        (Kind::Replace, manual, (2, 3, 5, Proving), 0, (9, 5)),
        (Kind::Replace, manual, (2, 5, 5, Smoked), 0, (1, 0)),
        (Kind::Replace, manual, (2, 3, 3, Baked), 2, (9, 3)),
        (Kind::Replace, auto, (2, 3, 5, Smoking), 0, (1, 0)),
        (Kind::Swap, canary, (1, 0, 2, Smoking), 0, (2, 1)),
        (Kind::Swap, canary, (1, 0, 2, Smoked), 0, (2, 1)),
        (Kind::Swap, canary, (1, 0, 2, Baked), 0, (3, 2)),
        (Kind::Swap, canary, (2, 2, 4, Smoking), 0, (1, 0)),
        (Kind::Swap, manual, (2, 3, 5, Smoked), 0, (5, 1)),
        (Kind::Swap, auto, (1, 0, 5, Smoked), 0, (1, 1)),
    ];
    for (kind, asks, at, fresh, wanted) in rows {
        let (number, done, batch, stage) = at;
        let mut flow = Flow::test(Action::Update, 10).canary(asks.0);
        flow.spec.mode = asks.1;
        let flow = flow.at(plan(base_of(kind, 10, 10), fresh), number, done, batch, stage);
        let seen = |size| Observation { pods: Pods::default(), ..sized(size, 4) };
        let follows = |of: &u32| size(&flow, &seen(*of)) == Some(Size::Within(*of));
        let least = (1..10).find(follows).expect("one that it follows");
        let Some(Decision::Move(progress, _)) = follow(&flow, least, &seen(least).edits, NOW) else {
            panic!("{kind:?} {asks:?} {at:?}")
        };
        let size = progress.batch().map_or(0, |batch| batch.size);
        assert_eq!((least, size), wanted, "{kind:?} {asks:?} {at:?}");
    }
}

/// They were kept in `replicas`, so that the size stood nowhere: one that came back to the same number was no change.
#[test]
fn old_pods_that_are_too_many_leave_by_name_and_those_that_leave_already_keep_their_names() {
    let leaves = OLD | Facts::MARKED | Facts::DOOMED;
    let named = OLD | Facts::DOOMED;
    // The old pods of five beside a new one, where two of three pods of the size are to be old.
    let rows = [
        ([OLD, OLD, OLD, OLD, OLD], &[0, 1, 2][..]),
        ([OLD, OLD, OLD, OLD, leaves], &[0, 1, 4]),
        ([named, OLD, OLD, leaves, OLD | Facts::MARKED], &[0, 3, 4]),
        ([OLD, leaves, leaves, leaves, OLD], &[1, 2, 3]),
    ];
    for (old, names) in rows {
        let base = Base { followed: Some(7), ..base_of(Kind::Replace, 2, 2) };
        let flow = Flow::test(Action::Update, 2).canary(1).at(plan(base, 0), 1, 0, 1, Stage::Smoked);
        let seen = Observation { pods: Pods::default(), ..sized(2, 5) };
        let seen = old.iter().fold(seen, |seen, facts| seen.with(1, *facts)).with(1, RUNS);
        let seen = Observation { edits: Edits::default(), ..seen };
        let Decision::Act(Effect::Workload(WorkloadChange::Reshape(shape))) = decide(&flow, &seen, NOW)
        else {
            panic!("{old:?}")
        };
        assert_eq!((shape.replicas, shape.partition), (3, Some(2)), "{old:?}");
        let all: Vec<_> = seen.pods.matching(Facts::empty(), Facts::empty()).map(|(pod, _, _)| pod).collect();
        let wanted = names.iter().map(|at: &usize| all[*at].name.clone()).collect();
        assert_eq!(shape.doomed, Some(wanted), "{old:?}");
    }
}

#[test]
fn pods_that_come_during_a_restart_need_no_restart() {
    let base = Base { brings: Brings::Nothing, ..base_of(Kind::Replace, 4, 4) };
    let flow = Flow::test(Action::Restart, 4).at(plan(base, 0), 2, 2, 1, Stage::Smoking);
    let (plan, ..) = followed(&flow, &sized(6, 0));
    assert_eq!((plan.work, goal(&plan, 3)), (4, Goal { fresh: 5, stale: 1 }));
}

#[test]
fn a_restart_holds_where_fewer_pods_are_left_than_it_restarts() {
    let base = Base { brings: Brings::Nothing, ..base_of(Kind::Replace, 4, 4) };
    let flow = Flow::test(Action::Restart, 4).at(plan(base, 1), 2, 2, 1, Stage::Smoking);
    assert_eq!(size(&flow, &sized(3, 0)), Some(Size::Within(3)));
    assert_eq!(size(&flow, &sized(2, 0)), Some(Size::Beyond));
}

#[test]
fn the_final_check_follows_too() {
    let plan = plan(base_of(Kind::Replace, 4, 4), 0);
    let progress = verifying(plan, NOW);
    let flow = Flow { progress, ..Flow::test(Action::Update, 4) };
    match decide(&flow, &sized(6, 0), NOW) {
        Decision::Move(Progress::Verifying { plan, .. }, Why::Resized { .. }) => {
            assert_eq!(goal(&plan, plan.work), Goal { fresh: 6, stale: 0 });
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_and_too_much_hold_and_resume_gives_the_size_back() {
    for size in [0, MAX_REPLICAS + 1] {
        let mut flow = update(4);
        let Decision::Move(progress, Why::Drifted { reason, .. }) = decide(&flow, &sized(size, 4), NOW)
        else {
            panic!("{size} does not hold")
        };
        assert_eq!(reason, HoldReason::Resized);
        flow.progress = progress;
        let stopped = Observation { paused: true, ..sized(size, 4) };
        let waits = decide(&flow, &stopped, NOW);
        assert!(
            matches!(&waits, Decision::Wait(held @ Waiting::Held { .. }, _) if held.reason() == "Resized")
        );
        flow.orders.resumes = 1;
        let Decision::Move(progress, Why::Resumed) = decide(&flow, &stopped, NOW) else { panic!("held") };
        flow.progress = progress;
        assert!(matches!(decide(&flow, &sized(size, 4), NOW), Decision::Act(_)));
    }
    let held = decide(&update(4).batches_of(1), &sized(MAX_BATCHES + 5, 4), NOW);
    assert!(matches!(held, Decision::Move(_, Why::Drifted { reason: HoldReason::Resized, .. })), "{held:?}");
}

#[test]
fn a_flow_that_is_stopped_follows_a_size_to_the_final_check_and_stays_stopped() {
    let hold = |reason| Some(Hold { reason, resumes: 0 });
    let (failed, late) = (hold(HoldReason::PodsFailed), hold(HoldReason::DeadlineExceeded));
    for (hold, paused, stays) in
        [(failed, false, failed), (None, true, None), (late, true, None), (late, false, None)]
    {
        let mut flow = update(8);
        flow.orders.paused = paused;
        if let Progress::Rolling { batch, .. } = &mut flow.progress {
            batch.hold = hold;
        }
        let stopped = |seen: Observation| Observation { paused: true, ..seen };
        for size in [2, 4] {
            let decision = decide(&flow, &stopped(sized(size, 6)), NOW);
            let Decision::Move(progress, Why::Resized { to, .. }) = decision else { panic!("{decision:?}") };
            assert_eq!((to, progress.hold()), (size, stays));
            flow.progress = progress;
        }
        assert!(matches!(flow.progress, Progress::Verifying { .. }));
        if hold == late && !paused {
            continue;
        }
        // Two were agreed to beside the two that came with the size; nobody has agreed to a fifth.
        let seen = stopped(sized(4, 0));
        let pods = Observation::mine(4, 0, 0).with(4, SERVES).with(1, RUNS).pods;
        let next = decide(&flow, &Observation { pods, edits: Edits::default(), ..seen }, NOW);
        assert!(!matches!(next, Decision::Act(Effect::Traffic(TrafficChange::PullIn(_)))), "{next:?}");
    }
}

/// A size that is back where it was before the flow followed another one would be no edit of what was written last.
#[test]
fn a_flow_that_is_stopped_notes_a_size_that_it_follows_also_where_it_asks_for_no_pods() {
    let swap = |stage| Flow::test(Action::Update, 5).at(plan_of(Kind::Swap, 5, 5), 1, 0, 2, stage);
    let mut flows = [swap(Stage::Queued), swap(Stage::Vacating), swap(Stage::Smoking), update(8)];
    flows[3].progress = verifying(plan_of(Kind::Replace, 5, 5), NOW);
    for mut flow in flows {
        flow.orders.paused = true;
        // The two new ones of the batch are those that were taken away.
        let seen = |size: u32, edits| {
            let seen = Observation::mine(size, size, 1).with(size, OLD);
            Observation { paused: true, edits, ..seen }
        };
        let edits = sized(3, 3).edits;
        let Decision::Move(progress, Why::Resized { .. }) = decide(&flow, &seen(3, edits.clone()), NOW)
        else {
            panic!("not followed")
        };
        flow.progress = progress;
        let next = decide(&flow, &seen(3, edits.clone()), NOW);
        let Decision::Act(Effect::Workload(WorkloadChange::Reshape(shape))) = next else {
            panic!("{next:?}")
        };
        assert_eq!((shape.replicas, shape.partition), (3, Some(3)), "nothing more is asked for");
        // Once it is noted nothing is written again; what others change besides is theirs.
        let noted = Edits { clean: edits.generation, fields: Vec::new(), ..edits.clone() };
        let next = decide(&flow, &seen(3, noted), NOW);
        assert!(matches!(next, Decision::Wait(Waiting::Paused, _)), "{next:?}");
        let mut both = edits.clone();
        both.fields.push(FieldEdit { field: Field::Partition, by: None });
        let seen = seen(3, both);
        let next = decide(&flow, &seen, NOW);
        let noted = Effect::Workload(WorkloadChange::Reshape(seen.shape.expect("a workload")));
        assert_ne!(next, Decision::Act(noted));
    }
}

#[test]
fn a_hold_for_a_size_lifts_itself_when_the_size_fits_again_and_not_before() {
    let held = |size| match decide(&update(4), &sized(size, 4), NOW) {
        Decision::Move(progress, Why::Drifted { .. }) => Flow { progress, ..update(4) },
        other => panic!("{other:?}"),
    };
    let stopped = |seen: Observation| Observation { paused: true, ..seen };
    let own = || stopped(Observation { edits: Edits::default(), ..sized(6, 4) });
    for beyond in [0, MAX_REPLICAS + 1] {
        let flow = held(beyond);
        for still in [0, MAX_REPLICAS + 1] {
            let waits = decide(&flow, &stopped(sized(still, 4)), NOW);
            assert!(matches!(waits, Decision::Wait(Waiting::Held { .. }, _)), "{still}: {waits:?}");
        }
        // Others took off the lock since: whose size it is cannot be told any more.
        let unknown = Observation { edits: Edits::default(), ..stopped(sized(beyond, 4)) };
        assert!(matches!(decide(&flow, &unknown, NOW), Decision::Wait(..)), "{beyond}");
        let mut paused = flow.clone();
        paused.orders.paused = true;
        assert!(!matches!(decide(&paused, &own(), NOW), Decision::Move(..)), "a person has paused it");
        // Its own size is back, or another one that it can follow.
        for (seen, follows) in [(own(), false), (stopped(sized(8, 4)), true)] {
            let Decision::Move(progress, Why::Fits) = decide(&flow, &seen, NOW) else { panic!("held") };
            let flow = Flow { progress, ..flow.clone() };
            assert_eq!(
                (flow.progress.hold(), flow.progress.batch().and_then(|batch| batch.edited)),
                (None, None)
            );
            let next = decide(&flow, &seen, NOW);
            let followed = matches!(next, Decision::Move(_, Why::Resized { to: 8, .. }));
            let thawed = next == Decision::Act(Effect::Workload(WorkloadChange::SetPaused(false)));
            assert_eq!((followed, thawed), (follows, !follows), "{next:?}");
            // Nobody has agreed to set the next one right.
            let again = decide(&flow, &sized(0, 4), NOW);
            assert!(matches!(again, Decision::Move(_, Why::Drifted { .. })), "{again:?}");
        }
    }
}

#[test]
fn a_size_that_was_followed_does_not_count_as_an_edit() {
    let flow = update(4);
    let Decision::Move(progress, Why::Resized { .. }) = decide(&flow, &sized(8, 4), NOW) else {
        panic!("not followed")
    };
    let flow = Flow { progress, ..flow };
    assert!(matches!(decide(&flow, &sized(8, 4), NOW), Decision::Act(_)));
    assert_eq!(flow.progress.batch().and_then(|batch| batch.edited), None);
}

#[test]
fn who_takes_the_extra_pods_away_or_sizes_a_scaling_edits() {
    let surge = decide(&update(4), &sized(4, 4), NOW);
    assert!(matches!(surge, Decision::Move(_, Why::Edited { .. })), "{surge:?}");
    let some = decide(&update(4), &sized(5, 4), NOW);
    assert!(matches!(some, Decision::Move(_, Why::Edited { .. })), "an autoscaler is at its most: {some:?}");
    let later = Flow::test(Action::Update, 4);
    let later = later.at(plan(base_of(Kind::Replace, 4, 4), 0), 2, 2, 2, Stage::Leaving);
    assert_eq!(size(&later, &sized(5, 0)), Some(Size::Within(5)), "none is asked for any more");
    let grows = Flow::test(Action::ScaleOut, 6);
    let grows = grows.at(plan(base_of(Kind::Grow, 4, 6), 0), 1, 0, 1, Stage::Smoking);
    let scaled = decide(&grows, &sized(9, 0), NOW);
    assert!(matches!(scaled, Decision::Move(_, Why::Edited { .. })), "{scaled:?}");
    let larger = Flow::test(Action::Update, 6);
    let larger = larger.at(plan(base_of(Kind::Replace, 4, 6), 0), 1, 0, 1, Stage::Smoking);
    let both = decide(&larger, &sized(9, 4), NOW);
    assert!(matches!(both, Decision::Move(_, Why::Edited { .. })), "{both:?}");
    let own = Observation { edits: Edits::default(), ..sized(8, 4) };
    assert_eq!(size(&update(4), &own), None, "nobody else changed it");
}

#[test]
fn a_smaller_size_in_a_swap_takes_out_no_more_pods_than_may_be_missing_of_it() {
    use crate::model::BatchSize::{Percent, Pods as Of};
    let leaves = OLD | Facts::MARKED;
    let drains = leaves.difference(Facts::ASKED | Facts::IN) | Facts::OUT;
    let starts = RUNS.difference(Facts::BOOTED);
    // What may be missing; where three of six old pods have left; the size that is set; how many stay in traffic.
    let rows = [
        (Some(Of(3)), Stage::Vacating, 3, 1),
        (Some(Percent(50)), Stage::Vacating, 3, 1),
        (Some(Of(1)), Stage::Vacating, 3, 2),
        (None, Stage::Vacating, 3, 1),
        (Some(Of(3)), Stage::Smoking, 3, 1),
        (Some(Percent(50)), Stage::Smoking, 3, 1),
        (Some(Of(1)), Stage::Smoking, 3, 2),
        (None, Stage::Smoking, 3, 1),
        (Some(Of(3)), Stage::Smoking, 5, 2),
        (Some(Of(3)), Stage::Vacating, 2, 1),
        (Some(Of(3)), Stage::Vacating, 1, 0),
    ];
    for (most, stage, size, stay) in rows {
        let mut flow = Flow::test(Action::Update, 6).at(plan_of(Kind::Swap, 6, 6), 1, 0, 3, stage);
        flow.spec.max_unavailable = most;
        let gone = if stage == Stage::Vacating { drains } else { starts };
        let seen = Observation { pods: Pods::default(), ..sized(size, 3) }.with(3, gone).with(3, leaves);
        let (plan, done, batch) = followed(&flow, &seen);
        let seen = Observation { edits: Edits::default(), ..seen };
        let next = Flow { progress: Progress::Rolling { plan, done, batch }, ..flow };
        let mut canceled = next.clone();
        canceled.orders.canceled = true;
        for flow in [next, canceled] {
            assert_eq!(stays(flow, seen.clone()), stay, "{most:?} {stage:?} {size}");
        }
    }
}

/// How many of the pods in traffic stay there when the flow takes out the next ones, or waits.
fn stays(mut flow: Flow, mut seen: Observation) -> u32 {
    let serve = seen.pods.count(Facts::IN, Facts::empty());
    for _ in 0..9 {
        match decide(&flow, &seen, NOW) {
            Decision::Move(progress, _) => flow.progress = progress,
            Decision::Act(Effect::Workload(WorkloadChange::Reshape(shape))) => seen.shape = Some(shape),
            Decision::Act(Effect::Traffic(TrafficChange::PullOut(pods))) => {
                return serve - u32::try_from(pods.len()).expect("few pods");
            }
            Decision::Wait(..) => return serve,
            other => panic!("{other:?}"),
        }
    }
    panic!("{:?} takes no end", flow.progress)
}

/// An update in its second batch of two, whose new pods start.
fn update(size: u32) -> Flow {
    let plan = plan(base_of(Kind::Replace, size, size), 0);
    Flow::test(Action::Update, size).at(plan, 2, 2, 2, Stage::Smoking)
}

/// Others set the size.
fn sized(replicas: u32, partition: u32) -> Observation {
    let edit = FieldEdit { field: Field::Replicas, by: None };
    let edits = Edits { fields: alloc::vec![edit], generation: 7, clean: 5, ..Edits::default() };
    let seen = Observation::mine(replicas, partition, 2).with(2, SERVES).with(1, RUNS).with(2, OLD);
    Observation { edits, ..seen }
}

fn followed(flow: &Flow, seen: &Observation) -> (Plan, u32, Batch) {
    match decide(flow, seen, NOW) {
        Decision::Move(Progress::Rolling { plan, done, batch }, Why::Resized { .. }) => (plan, done, batch),
        other => panic!("{other:?}"),
    }
}
