use super::*;
use crate::engine::fixtures::base_of;
use crate::engine::forecast::forecast;
use crate::model::{Action, BatchSize, Brings, Flow, Seconds, Sizes, Tolerance};

#[test]
fn batch_sizes_add_up_to_the_work_whatever_the_sizes() {
    for (from, to, fresh) in cases() {
        for kind in [Kind::Grow, Kind::Replace] {
            for size in
                [BatchSize::Pods(1), BatchSize::Pods(3), BatchSize::Percent(25), BatchSize::Percent(100)]
            {
                for canary in [0, 1, 2, 50] {
                    let plan = plan(base_of(kind, from, to), fresh);
                    let mut flow = Flow::test(Action::Update, to).canary(canary);
                    flow.orders.sizes = Sizes(alloc::vec![size]);
                    let (mut done, mut number) = (0, 0);
                    while done < plan.work {
                        number += 1;
                        let size = batch_size(&flow.spec, &flow.orders, &plan, done, number);
                        assert!(size > 0 && done + size <= plan.work);
                        done += size;
                    }
                    assert_eq!(
                        batches(&flow.spec, &flow.orders, &plan, None),
                        number,
                        "{plan:?} {size} {canary}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_goal_ends_at_the_target_and_never_has_fewer_pods_than_the_smaller_size() {
    for (from, to, fresh) in cases() {
        let plan = plan(base_of(Kind::Replace, from, to), fresh);
        let end = goal(&plan, plan.work);
        assert_eq!(end, Goal { fresh: to, stale: 0 }, "{plan:?}");
        for done in 0..=plan.work {
            let total = goal(&plan, done).total();
            assert!((from.min(to)..=from.max(to)).contains(&total), "{plan:?} at {done}: {total}");
        }
    }
}

#[test]
fn growing_starts_pods_without_a_counterpart_first_and_shrinking_sheds_the_surplus_last() {
    let at = |from, to, done| goal(&plan(base_of(Kind::Replace, from, to), 0), done);
    assert_eq!(at(3, 5, 2), Goal { fresh: 2, stale: 3 });
    assert_eq!(at(3, 5, 3), Goal { fresh: 3, stale: 2 });
    assert_eq!(at(5, 3, 3), Goal { fresh: 3, stale: 2 });
    assert_eq!(at(5, 3, 4), Goal { fresh: 3, stale: 1 });
}

#[test]
fn no_batch_size_means_one_batch_and_a_canary_larger_than_the_work_is_all_of_it() {
    let plan = plan(base_of(Kind::Replace, 5, 5), 0);
    let flow = Flow::test(Action::Update, 5);
    assert_eq!(batch_size(&flow.spec, &flow.orders, &plan, 0, 1), 5);
    let flow = flow.canary(9);
    assert_eq!(batch_size(&flow.spec, &flow.orders, &plan, 0, 1), 5);
}

#[test]
fn a_batch_whose_pods_leave_by_name_holds_at_most_a_thousand_and_the_rest_follows() {
    let restart = Base { brings: Brings::Nothing, ..base_of(Kind::Replace, 2500, 2500) };
    let swap = Base { brings: Brings::Nothing, ..base_of(Kind::Swap, 2500, 2500) };
    let shrink = base_of(Kind::Shrink, 2500, 0);
    let update = base_of(Kind::Replace, 2500, 2500);
    let named = |mut flow: Flow| {
        flow.spec.pods = alloc::vec!["app-1".parse().expect("a name")];
        flow
    };
    let tolerant = |mut flow: Flow, percent| {
        flow.spec.tolerance = Tolerance::UpTo(BatchSize::Percent(percent));
        flow
    };
    let flow = || Flow::test(Action::Restart, 2500);
    let rows = [
        ("a restart", restart.clone(), flow(), &[1000, 1000, 500][..]),
        ("a restart that ordered more", restart.clone(), flow().batches_of(1500), &[1000, 1000, 500]),
        ("a restart that ordered less", restart, flow().batches_of(900), &[900, 900, 700]),
        ("a restart, old pods first", swap, flow(), &[1000, 1000, 500]),
        ("named pods", shrink.clone(), named(flow()), &[1000, 1000, 500]),
        ("pods that nobody names", shrink, flow(), &[2500]),
        ("an update", update.clone(), flow(), &[2500]),
        ("an update of which half may fail", update.clone(), tolerant(flow(), 50), &[1000, 1000, 500]),
        ("an update of which a tenth may fail", update, tolerant(flow(), 10), &[2500]),
    ];
    for (what, base, flow, sizes) in rows {
        let told = forecast(&flow.spec, &flow.orders, plan(base, 0), Seconds(0));
        let planned: alloc::vec::Vec<u32> = told.batches.iter().map(|batch| batch.size).collect();
        assert_eq!(planned, sizes, "{what}");
        let counted = batches(&flow.spec, &flow.orders, &told.plan, None);
        assert_eq!(usize::try_from(counted), Ok(sizes.len()), "{what}");
    }
}

fn cases() -> impl Iterator<Item = (u32, u32, u32)> {
    (0..8).flat_map(|from| (0..8).flat_map(move |to| (0..4).map(move |fresh| (from, to, fresh))))
}
