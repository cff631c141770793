//! What a flow would do, told before it is made: its batches, whom they ask, and the earliest times.
//!
//! Every number comes from the functions that carry a flow out; nothing is counted a second way.

use alloc::vec::Vec;

use super::{gate, goal, prepare, rolling, shape, table};
use crate::model::{Action, Base, Brings, Kind, Orders, Plan, Seconds, Spec, Stage, Target};

/// A batch to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coming {
    /// From 1.
    pub number: u32,
    /// Pods of work in it.
    pub size: u32,
    /// Whether it is the canary batch.
    pub canary: bool,
    /// Pods wanted once it is finished.
    pub after: goal::Goal,
    /// Most pods that are asked for at once while it runs.
    pub peak: u32,
    /// Most pods that there may be at once, those that are being deleted included, however long they take to end.
    pub peak_with_terminating: u32,
    /// The permissions that it asks a person for, in order.
    pub asks: Vec<Target>,
    /// Earliest start after the start of the flow: intervals, drain times and `minReadySeconds` are counted, people,
    /// boots, registries and the end of pods that are being deleted are taken to need no time.
    pub starts: Seconds,
    /// Earliest end, likewise.
    pub ends: Seconds,
}

/// A flow to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// The base and the work.
    pub plan: Plan,
    /// The batches, in order.
    pub batches: Vec<Coming>,
}

impl Forecast {
    /// Most pods that are asked for at once.
    #[must_use]
    pub fn peak(&self) -> u32 {
        self.most(|batch| batch.peak)
    }

    /// Most pods that there may be at once; see [`Coming::peak_with_terminating`].
    #[must_use]
    pub fn peak_with_terminating(&self) -> u32 {
        self.most(|batch| batch.peak_with_terminating)
    }

    /// [`Self::peak_with_terminating`] where pods of an update in place have to be recreated: each new pod starts as soon
    /// as the old one is let go, whatever that takes to end (OpenKruise: `InPlaceIfPossible`, where more than images,
    /// labels and annotations differs). `None` where no pod is to be updated in place.
    #[must_use]
    pub fn peak_recreated(&self) -> Option<u32> {
        let Plan { base, .. } = &self.plan;
        if base.kind != Kind::Swap || !base.in_place || base.by_name() || self.batches.is_empty() {
            return None;
        }
        let begin = goal::goal(&self.plan, 0);
        let ending = |wanted: goal::Goal| begin.stale.saturating_sub(wanted.stale);
        let before = core::iter::once(begin).chain(self.batches.iter().map(|batch| batch.after));
        let peaks = self.batches.iter().zip(before).map(|(batch, before)| {
            let after = batch.after.total().saturating_add(ending(batch.after));
            batch.peak.saturating_add(ending(before)).max(after)
        });
        peaks.max()
    }

    fn most(&self, pods: impl Fn(&Coming) -> u32) -> u32 {
        self.batches.iter().map(pods).fold(self.plan.base.from, u32::max)
    }

    /// Earliest end after the start of the flow; see [`Coming::starts`].
    #[must_use]
    pub fn ends(&self) -> Seconds {
        self.batches.last().map_or(Seconds(0), |batch| batch.ends)
    }
}

/// What is known of a workload before a flow looks at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Pods now.
    pub from: u32,
    /// Pods before it was stopped.
    pub remembered: Option<u32>,
    /// Whether it updates its pods in place: then no pod comes beside the others.
    pub in_place: bool,
    /// How long a pod has to be ready before old ones leave for it.
    pub min_ready: Seconds,
}

/// What a flow would do to a workload of which only that is known. Pods are taken to be of another revision than the
/// flow's.
#[must_use]
pub fn forecast_from(spec: &Spec, orders: &Orders, found: Found) -> Forecast {
    let Found { from, remembered, in_place, min_ready } = found;
    let to = prepare::size_to_reach(spec, from, remembered);
    let listed = if spec.pods.is_empty() { from } else { u32::try_from(spec.pods.len()).unwrap_or(from) };
    let restarts = spec.action == Action::Restart;
    let base = Base {
        brings: if spec.action.is_update() { Brings::Flow } else { Brings::Nothing },
        in_place,
        ..Base::new(prepare::kind(spec, (from, to), in_place), from, to)
    };
    let plan = goal::plan(base, if restarts { from.saturating_sub(listed) } else { 0 });
    forecast(spec, orders, plan, min_ready)
}

/// What a flow with this plan would do.
pub(super) fn forecast(spec: &Spec, orders: &Orders, plan: Plan, min_ready: Seconds) -> Forecast {
    let (mut batches, mut done, mut starts) = (Vec::new(), 0_u32, Seconds(0));
    while done < plan.work {
        let number = u32::try_from(batches.len()).unwrap_or(u32::MAX).saturating_add(1);
        let (batch, wait) = coming((spec, orders), (&plan, min_ready), (number, done), starts);
        done = done.saturating_add(batch.size.max(1));
        starts = add(batch.ends, wait);
        batches.push(batch);
    }
    Forecast { plan, batches }
}

/// Batch `number`, walked through its stages, and the interval after it.
fn coming(
    (spec, orders): (&Spec, &Orders),
    (plan, min_ready): (&Plan, Seconds),
    (number, done): (u32, u32),
    starts: Seconds,
) -> (Coming, Seconds) {
    let size = goal::batch_size(spec, orders, plan, done, number);
    let end = done.saturating_add(size);
    let last = end >= plan.work;
    let mut batch = rolling::queued(spec, plan, number, size);
    let (mut peak, mut asks, mut free, mut next) = (0, Vec::new(), false, Some(Stage::Queued));
    while let Some(stage) = next {
        let row = table::row_of(spec, plan.base.kind, stage);
        batch.stage = stage;
        peak = shape::rolling(plan, done, end, row).replicas.max(peak);
        asks.extend(gate::missing(spec, orders, plan, &batch, last));
        free = gate::asked(spec, plan, &batch, last).is_none();
        next = row.next;
    }
    let (before, after) = (goal::goal(plan, done), goal::goal(plan, end));
    let leave = after.stale < before.stale || plan.base.kind == Kind::Shrink;
    let drained = if leave { spec.drain } else { Seconds(0) };
    let available = if leave && plan.base.kind.exchanges() { min_ready } else { Seconds(0) };
    // The approval of a person replaces the interval.
    let wait = if free && !last { orders.interval } else { Seconds(0) };
    let (canary, ends) = (batch.canary, add(starts, add(available, drained)));
    let peak_with_terminating = peak
        .saturating_add(terminating(spec, plan, before))
        .max(after.total().saturating_add(terminating(spec, plan, after)));
    (Coming { number, size, canary, after, peak, peak_with_terminating, asks, starts, ends }, wait)
}

/// Pods that may be ending beside those that are wanted then: all that left before, where nobody waits for them.
fn terminating(spec: &Spec, plan: &Plan, wanted: goal::Goal) -> u32 {
    let Plan { base, .. } = plan;
    let left = goal::goal(plan, 0).stale.saturating_sub(wanted.stale);
    let fewer = base.from.saturating_sub(wanted.total());
    match base.kind {
        Kind::Shrink => fewer,
        Kind::Grow => 0,
        Kind::Replace | Kind::Swap if spec.pod_replacement_policy.waits() => 0,
        // Updated in place they stay; only those that are too many leave.
        Kind::Swap if base.in_place && !base.by_name() => fewer,
        Kind::Replace | Kind::Swap => left,
    }
}

const fn add(a: Seconds, b: Seconds) -> Seconds {
    Seconds(a.0.saturating_add(b.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::batches;
    use crate::model::{Draft, PodReplacementPolicy, RawSize, UpdateStrategy};

    #[test]
    fn the_tutorial_is_three_batches_the_first_of_which_asks_three_times() {
        let told = of(Kind::Grow, "create", 0, 3, Some("auto"));
        let sizes: Vec<_> = told.batches.iter().map(|batch| (batch.size, batch.canary, batch.peak)).collect();
        assert_eq!(sizes, [(1, true, 1), (1, false, 2), (1, false, 3)]);
        let asks: Vec<_> = told.batches.iter().map(|batch| batch.asks.len()).collect();
        assert_eq!(asks, [3, 0, 0]);
        let starts: Vec<_> = told.batches.iter().map(|batch| batch.starts.0).collect();
        assert_eq!(starts, [0, 0, 10], "the approval stands for the first interval");
    }

    #[test]
    fn a_replacement_peaks_by_its_batch_and_drains_in_each() {
        let told = of(Kind::Replace, "update", 3, 3, Some("auto"));
        assert_eq!(told.peak(), 4);
        assert_eq!(told.ends(), Seconds(3 * 10 + 10));
        assert!(told.batches.iter().all(|batch| batch.after.total() == 3));
    }

    #[test]
    fn an_update_in_place_asks_for_no_pod_beside_those_there_are() {
        for (action, to, in_place, peak) in [
            ("update", 8, true, 8),
            ("update", 8, false, 9),
            ("update", 10, true, 10),
            ("update", 5, true, 8),
            ("rollback", 8, true, 8),
            ("rollback", 8, false, 9),
        ] {
            let (spec, orders) = spec(action, to, Some("auto"));
            let told = forecast_from(&spec, &orders, Found { from: 8, in_place, ..Found::default() });
            assert_eq!(told.peak(), peak, "{action} to {to}, in place: {in_place}");
        }
    }

    #[test]
    fn pods_of_an_update_in_place_that_are_recreated_peak_like_old_ones_that_leave_first() {
        // Action, size to reach, batches of, and the peak.
        let rows = [
            ("update", 6, 1, 12),
            ("update", 6, 3, 12),
            ("rollback", 6, 6, 12),
            ("update", 4, 2, 10),
            ("update", 9, 2, 15),
        ];
        for (action, to, size, peak) in rows {
            let of = |max_unavailable, in_place| {
                let strategy = UpdateStrategy {
                    batch_size: Some(RawSize::Int(size)),
                    max_unavailable,
                    ..UpdateStrategy::default()
                };
                let (spec, orders) = parsed(action, to, strategy);
                forecast_from(&spec, &orders, Found { from: 6, in_place, ..Found::default() })
            };
            let first = of(Some(RawSize::Int(size)), false);
            assert_eq!(of(None, true).peak_recreated(), Some(peak), "{action} to {to} in {size}");
            assert_eq!(first.peak_with_terminating(), peak, "{action} to {to} in {size}");
            assert_eq!(first.peak_recreated(), None);
        }
    }

    #[test]
    fn a_manual_flow_asks_before_every_batch_but_the_first() {
        let told = of(Kind::Replace, "update", 3, 3, None);
        assert_eq!(told.batches[1].asks, [Target { batch: 3, phase: crate::model::BatchPhase::Smoking }]);
        assert_eq!(told.batches[2].asks, []);
        assert_eq!(told.ends(), Seconds(30));
    }

    #[test]
    fn there_are_as_many_batches_as_the_flow_will_count() {
        for (from, to) in [(0, 0), (3, 3), (3, 7), (7, 3), (10, 1)] {
            let (spec, orders) = spec("update", to, None);
            let told = of(Kind::Replace, "update", from, to, None);
            let counted = batches(&spec, &orders, &told.plan, None);
            assert_eq!(u32::try_from(told.batches.len()), Ok(counted), "{from} to {to}");
        }
    }

    #[test]
    fn pods_that_are_being_deleted_are_there_beside_the_others_unless_the_flow_waits_for_their_end() {
        let rows = [
            // A batch of 2 of 8 pods: kind, size to reach, in place, peak, with those being deleted, where it waits.
            ("update", 8, None, false, 10, 16, 10),
            ("update", 8, Some(2), false, 8, 16, 8),
            ("update", 8, None, true, 8, 8, 8),
            ("update", 5, None, true, 8, 8, 8),
            ("update", 12, None, false, 14, 20, 14),
            ("update", 4, None, false, 10, 12, 10),
            ("create", 8, None, false, 8, 8, 8),
        ];
        for (action, to, max_unavailable, in_place, peak, most, waits) in rows {
            for (policy, with) in PodReplacementPolicy::ALL.into_iter().zip([most, waits]) {
                let strategy = UpdateStrategy {
                    batch_size: Some(RawSize::Int(2)),
                    max_unavailable: max_unavailable.map(RawSize::Int),
                    pod_replacement_policy: Some(policy.as_str().into()),
                    ..UpdateStrategy::default()
                };
                let (spec, orders) = parsed(action, to, strategy);
                let from = if action == "create" { 0 } else { 8 };
                let told = forecast_from(&spec, &orders, Found { from, in_place, ..Found::default() });
                let row = (action, to, max_unavailable, in_place, policy);
                assert_eq!((told.peak(), told.peak_with_terminating()), (peak, with), "{row:?}");
            }
        }
    }

    #[test]
    fn a_batch_that_exchanges_pods_takes_min_ready_seconds_whichever_leave_first() {
        let found = Found { from: 3, min_ready: Seconds(60), ..Found::default() };
        for max_unavailable in [None, Some(1)] {
            let strategy = UpdateStrategy {
                batch_size: Some(RawSize::Int(1)),
                mode: Some("auto".into()),
                max_unavailable: max_unavailable.map(RawSize::Int),
                ..UpdateStrategy::default()
            };
            let (spec, orders) = parsed("update", 3, strategy);
            let ends = forecast_from(&spec, &orders, found).ends();
            assert_eq!(ends, Seconds(3 * (60 + 10)), "{max_unavailable:?}");
        }
    }

    fn of(kind: Kind, action: &str, from: u32, to: u32, mode: Option<&str>) -> Forecast {
        let (spec, orders) = spec(action, to, mode);
        let plan = goal::plan(crate::engine::fixtures::base_of(kind, from, to), 0);
        forecast(&spec, &orders, plan, Seconds(0))
    }

    fn spec(action: &str, to: u32, mode: Option<&str>) -> (Spec, Orders) {
        let strategy = UpdateStrategy {
            batch_size: Some(RawSize::Int(1)),
            canary: Some(1),
            batch_interval_seconds: Some(10),
            mode: mode.map(Into::into),
            ..UpdateStrategy::default()
        };
        parsed(action, to, strategy)
    }

    fn parsed(action: &str, to: u32, strategy: UpdateStrategy) -> (Spec, Orders) {
        let draft = Draft {
            action: action.into(),
            app_name: "shop".into(),
            instance_name: "shop".into(),
            replicas: Some(to.into()),
            template: Some(serde_json::json!({ "spec": { "containers": [{ "name": "shop" }] } })),
            update_strategy: Some(strategy),
            ..Draft::default()
        };
        draft.parse().unwrap()
    }
}
