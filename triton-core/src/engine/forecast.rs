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
    /// The permissions that it asks a person for, in order.
    pub asks: Vec<Target>,
    /// Earliest start after the start of the flow: intervals and drain times are counted, people, boots and
    /// registries are taken to need no time.
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
        self.batches.iter().map(|batch| batch.peak).fold(self.plan.base.from, u32::max)
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
}

/// What a flow would do to a workload of which only that is known. Pods are taken to be of another revision than the
/// flow's.
#[must_use]
pub fn forecast_from(spec: &Spec, orders: &Orders, found: Found) -> Forecast {
    let Found { from, remembered, in_place } = found;
    let to = prepare::size(spec, from, remembered);
    let listed = if spec.pods.is_empty() { from } else { u32::try_from(spec.pods.len()).unwrap_or(from) };
    let restarts = spec.action == Action::Restart;
    let base = Base {
        kind: prepare::kind(spec, (from, to), in_place),
        brings: if spec.action.is_update() { Brings::Flow } else { Brings::Nothing },
        in_place,
        degraded: 0,
        turned: false,
        from,
        to,
        partition: 0,
        previous: None,
        brought: None,
        followed: None,
    };
    forecast(spec, orders, base, if restarts { from.saturating_sub(listed) } else { 0 })
}

/// What a flow would do to a workload that is as `base` says, `fresh` pods of which need no
/// work.
#[must_use]
pub fn forecast(spec: &Spec, orders: &Orders, base: Base, fresh: u32) -> Forecast {
    let plan = goal::plan(base, fresh);
    let (mut batches, mut done, mut starts) = (Vec::new(), 0_u32, Seconds(0));
    while done < plan.work {
        let number = u32::try_from(batches.len()).unwrap_or(u32::MAX).saturating_add(1);
        let (batch, wait) = coming((spec, orders), &plan, (number, done), starts);
        done = done.saturating_add(batch.size.max(1));
        starts = add(batch.ends, wait);
        batches.push(batch);
    }
    Forecast { plan, batches }
}

/// Batch `number`, walked through its stages, and the interval after it.
fn coming(
    (spec, orders): (&Spec, &Orders),
    plan: &Plan,
    (number, done): (u32, u32),
    starts: Seconds,
) -> (Coming, Seconds) {
    let size = goal::batch_size(spec, orders, plan, done, number);
    let end = done.saturating_add(size);
    let last = end >= plan.work;
    let mut batch = rolling::queued(spec, plan, number, size);
    let (mut peak, mut asks, mut free, mut next) = (0, Vec::new(), false, Some(Stage::Queued));
    while let Some(stage) = next {
        let row = table::of(plan.base.kind, stage);
        batch.stage = stage;
        peak = shape::rolling(plan, done, end, row).replicas.max(peak);
        asks.extend(gate::missing(spec, orders, plan, &batch, last));
        free = gate::asked(spec, plan, &batch, last).is_none();
        next = row.next;
    }
    let (before, after) = (goal::goal(plan, done), goal::goal(plan, end));
    let leave = after.stale < before.stale || plan.base.kind == Kind::Shrink;
    let drained = if leave { spec.drain } else { Seconds(0) };
    // The approval of a person replaces the interval.
    let wait = if free && !last { orders.interval } else { Seconds(0) };
    let (canary, ends) = (batch.canary, add(starts, drained));
    (Coming { number, size, canary, after, peak, asks, starts, ends }, wait)
}

const fn add(a: Seconds, b: Seconds) -> Seconds {
    Seconds(a.0.saturating_add(b.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::batches;
    use crate::model::{Draft, RawSize, UpdateStrategy};

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

    fn of(kind: Kind, action: &str, from: u32, to: u32, mode: Option<&str>) -> Forecast {
        let (spec, orders) = spec(action, to, mode);
        forecast(&spec, &orders, crate::engine::fixtures::base_of(kind, from, to), 0)
    }

    fn spec(action: &str, to: u32, mode: Option<&str>) -> (Spec, Orders) {
        let draft = Draft {
            action: action.into(),
            app_name: "shop".into(),
            instance_name: "shop".into(),
            replicas: Some(to.into()),
            template: Some(serde_json::json!({ "spec": { "containers": [{ "name": "shop" }] } })),
            update_strategy: Some(UpdateStrategy {
                batch_size: Some(RawSize::Int(1)),
                canary: Some(1),
                batch_interval_seconds: Some(10),
                mode: mode.map(Into::into),
                ..UpdateStrategy::default()
            }),
            ..Draft::default()
        };
        draft.parse().unwrap()
    }
}
