//! Flows and worlds for the tests of the engine, written as sentences.

use alloc::collections::BTreeSet;
use alloc::format;
use core::time::Duration;

use super::decision::{Decision, Effect};
use super::goal::plan;
use crate::model::{
    Action, Base, Batch, BatchSize, CancelPolicy, Facts, Flow, FlowId, FlowName, FlowUid, Identity,
    InstanceName, Kind, Lock, Mode, Namespace, Observation, OnFailure, Orders, Plan, PodName, PodRef,
    PodReplacementPolicy, PodUid, Pods, Progress, Revision, Seconds, Shape, Sizes, Spec, Stage, TemplateRef,
    Timestamp, Tolerance, Verdict, Version, WorkloadChange,
};

pub(in crate::engine) const NOW: Timestamp = Timestamp::from_micros(1_000_000_000);
pub(in crate::engine) const RUNS: Facts =
    Facts::FRESH.union(Facts::BOOTED).union(Facts::HOOKED).union(Facts::GATED).union(Facts::OUT);
pub(in crate::engine) const SERVES: Facts = Facts::FRESH
    .union(Facts::BOOTED)
    .union(Facts::HOOKED)
    .union(Facts::GATED)
    .union(Facts::ASKED)
    .union(Facts::IN);
pub(in crate::engine) const OLD: Facts = SERVES.difference(Facts::FRESH);

impl Flow {
    pub(in crate::engine) fn test(action: Action, replicas: u32) -> Self {
        Self {
            id: FlowId {
                namespace: Namespace::new("default").expect("a name"),
                name: FlowName::new("df").expect("a name"),
            },
            uid: FlowUid::new("flow-uid").expect("a uid"),
            spec: Spec {
                action,
                identity: Identity {
                    app_id: 1,
                    group_id: 2,
                    app_name: "app".into(),
                    instance: InstanceName::new("app").expect("a name"),
                },
                workload_kind: "cloneset".into(),
                replicas: Some(replicas),
                template: None,
                selector: None,
                labels: alloc::vec![],
                volume_claims: None,
                canary: 0,
                mode: Mode::Auto,
                no_pull_in: false,
                drain: Seconds(10),
                pods: alloc::vec![],
                rollback_to: None,
                max_unavailable: None,
                tolerance: Tolerance::default(),
                on_failure: OnFailure::default(),
                cancel_policy: CancelPolicy::default(),
                pod_replacement_policy: PodReplacementPolicy::default(),
            },
            orders: Orders::default(),
            progress: Progress::Pending,
        }
    }

    pub(in crate::engine) fn batches_of(mut self, size: u32) -> Self {
        self.orders.sizes = Sizes(alloc::vec![BatchSize::Pods(size)]);
        self
    }

    pub(in crate::engine) fn canary(mut self, pods: u32) -> Self {
        self.spec.canary = pods;
        self
    }

    pub(in crate::engine) fn same_size(mut self) -> Self {
        self.spec.replicas = None;
        self
    }

    pub(in crate::engine) fn manual(mut self) -> Self {
        self.spec.mode = Mode::Manual;
        self
    }

    /// In a stage of batch `number`, after `done` pods of work, with `size` pods.
    pub(in crate::engine) fn at(
        mut self,
        plan: Plan,
        number: u32,
        done: u32,
        size: u32,
        stage: Stage,
    ) -> Self {
        let serving = plan.base.from.saturating_add(done);
        let batch = Batch {
            number,
            size,
            canary: number == 1 && self.spec.canary > 0,
            stage,
            since: NOW,
            counted: Seconds(0),
            serving,
            hold: None,
            forgiven: false,
            met: true,
            edited: None,
        };
        self.progress = Progress::Rolling { plan, done, batch };
        self
    }
}

/// The flow after so many seconds that count against the deadline of its stage.
pub(in crate::engine) fn counted(flow: &Flow, seconds: u32) -> Flow {
    let mut flow = flow.clone();
    *flow.progress.counted_mut().expect("a deadline runs") = Seconds(seconds);
    flow
}

pub(in crate::engine) fn base(from: u32, to: u32) -> Base {
    base_of(if from > 0 { Kind::Replace } else { Kind::Grow }, from, to)
}

pub(in crate::engine) fn base_of(kind: Kind, from: u32, to: u32) -> Base {
    let previous = (from > 0).then(|| Revision::new("app-old").expect("a revision"));
    Base { previous, ..Base::new(kind, from, to) }
}

pub(in crate::engine) fn plan_of(kind: Kind, from: u32, to: u32) -> Plan {
    plan(base_of(kind, from, to), 0)
}

/// A cancelled flow that keeps nothing of its work and sheds its new pods.
pub(in crate::engine) fn closing(action: Action, base: Base) -> Flow {
    let (size, verdict) = (base.from, Verdict::Canceled);
    let progress = Progress::Closing { plan: plan(base, 0), verdict, keep: 0, floor: size, shed: false };
    let mut flow = Flow { progress, ..Flow::test(action, size) };
    flow.orders.canceled = true;
    flow
}

pub(in crate::engine) fn shape() -> Shape {
    Shape {
        template: Some(TemplateRef::Flow),
        replicas: 0,
        partition: Some(0),
        doomed: None,
        surge: 1,
        unavailable: 0,
    }
}

pub(in crate::engine) fn reshape(shape: Shape) -> Decision {
    Decision::Act(Effect::Workload(WorkloadChange::Reshape(shape)))
}

pub(in crate::engine) fn revision(name: &str) -> Revision {
    Revision::new(name).expect("a revision")
}

impl Observation {
    /// Our workload, settled, with these numbers and no pods.
    pub(in crate::engine) fn mine(replicas: u32, partition: u32, surge: u32) -> Self {
        Self {
            lock: Lock::Mine,
            revision: Some(Revision::new("app-new").expect("a revision")),
            shape: Some(Shape {
                template: Some(TemplateRef::Flow),
                replicas,
                partition: Some(partition),
                doomed: Some(BTreeSet::new()),
                surge,
                unavailable: 0,
            }),
            ..Self::absent()
        }
    }

    pub(in crate::engine) fn with(mut self, count: u32, facts: Facts) -> Self {
        let mut pods = core::mem::take(&mut self.pods);
        for _ in 0..count {
            push(&mut pods, facts, Duration::ZERO);
        }
        self.pods = pods;
        self
    }

    pub(in crate::engine) fn out_for(mut self, facts: Facts, seconds: u64) -> Self {
        push(&mut self.pods, facts, Duration::from_secs(seconds));
        self
    }
}

fn push(pods: &mut Pods, facts: Facts, out_for: Duration) {
    let number = pods.len();
    pods.push(
        PodRef {
            name: PodName::new(format!("app-{number}")).expect("a name"),
            uid: PodUid::new(format!("uid-{number}")).expect("a uid"),
            version: Version::new(format!("{number}")).expect("a version"),
        },
        facts,
        out_for,
    );
}
