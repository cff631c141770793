//! What is searched: one small world and how much may go wrong in it.

use super::other::Kind;
use triton_core::model::{
    Action, BatchSize, CancelPolicy, Flow, FlowId, FlowName, FlowUid, Identity, InstanceName, Mode,
    Namespace, OnFailure, Orders, PodReplacementPolicy, Progress, Seconds, Sizes, Spec, Template, Tolerance,
};

/// Pods at the start, all of them equal in what is not said.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Start {
    /// Pods of the old revision that serve.
    pub(crate) old: u32,
    /// Pods of the old revision that do not get ready until they are mended.
    pub(crate) degraded: u32,
    /// Pods of the new revision that serve: an earlier flow to the same template was cancelled.
    pub(crate) new: u32,
    /// Old pods have neither triton's readiness gate nor its hook label: others made them.
    pub(crate) adopted: bool,
    /// The workload has no pods.
    pub(crate) stopped: bool,
}

/// How often things may go wrong or be ordered, in one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    /// Pods that vanish.
    pub(crate) losses: u8,
    /// Pods that fail.
    pub(crate) failures: u8,
    /// Writes decided on a view that lacks the last change, or repeated by a second leader.
    pub(crate) stale: u8,
    /// Writes to several pods of which only the first got through.
    pub(crate) partial: u8,
    /// Pauses by order.
    pub(crate) pauses: u8,
    /// Cancels by order.
    pub(crate) cancels: u8,
    /// Deletions of the flow while it runs.
    pub(crate) deletions: u8,
    /// `Continue` to a target instead of `Next`.
    pub(crate) jumps: u8,
    /// Kinds of which the other host hears nothing more.
    pub(crate) lags: u8,
}

/// One configuration of the search.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) name: &'static str,
    pub(crate) flow: Flow,
    pub(crate) start: Start,
    /// Pods of the flow's template have the readiness gate.
    pub(crate) gated: bool,
    /// The workload updates pods in place.
    pub(crate) in_place: bool,
    pub(crate) budget: Budget,
    /// Of which kinds the other host may fall behind.
    pub(crate) behind: &'static [Kind],
    /// The deadline of a stage can pass.
    pub(crate) deadline: bool,
    /// Moves that follow from one look are saved together, as the driver does it.
    pub(crate) folded: bool,
}

/// Seconds of interval and drain, and of a deadline that can pass: time is only "over" or "not over".
pub(crate) const SHORT: Seconds = Seconds(1);
/// Two ticks.
pub(crate) const DEADLINE: Seconds = Seconds(2);
const NEVER: Seconds = Seconds(1_000_000);

impl Setup {
    /// A flow in mode auto with batches of one pod and nothing that goes wrong.
    pub(crate) fn new(name: &'static str, action: Action, replicas: u32) -> Self {
        let spec = Spec {
            action,
            identity: Identity {
                app_id: 1,
                group_id: 2,
                app_name: "app".into(),
                instance: InstanceName::new("app").expect("a name"),
            },
            workload_kind: "cloneset".into(),
            replicas: Some(replicas),
            template: Some(Template::from_json(&serde_json::Value::Null)),
            selector: None,
            labels: Vec::new(),
            volume_claims: None,
            canary: 0,
            mode: Mode::Auto,
            no_pull_in: false,
            drain: SHORT,
            pods: Vec::new(),
            rollback_to: None,
            max_unavailable: None,
            tolerance: Tolerance::default(),
            on_failure: OnFailure::default(),
            cancel_policy: CancelPolicy::default(),
            pod_replacement_policy: PodReplacementPolicy::default(),
        };
        let orders = Orders { sizes: sizes(1), interval: SHORT, deadline: NEVER, ..Orders::default() };
        let id = FlowId {
            namespace: Namespace::new("ns").expect("a name"),
            name: FlowName::new("flow").expect("a name"),
        };
        let uid = FlowUid::new("uid").expect("not empty");
        let flow = Flow { id, uid, spec, orders, progress: Progress::Pending };
        let budget = Budget::default();
        let start = Start::default();
        let (in_place, behind, deadline) = (false, &[][..], false);
        Self { name, flow, start, gated: true, in_place, budget, behind, deadline, folded: true }
    }

    /// A second host falls behind in so many of these kinds.
    pub(crate) fn other(mut self, behind: &'static [Kind], lags: u8) -> Self {
        (self.behind, self.budget.lags) = (behind, lags);
        self
    }

    pub(crate) fn canary(mut self, canary: u32) -> Self {
        self.flow.spec.canary = canary;
        self
    }

    pub(crate) fn batch(mut self, size: u32) -> Self {
        self.flow.orders.sizes = sizes(size);
        self
    }

    pub(crate) fn manual(mut self) -> Self {
        self.flow.spec.mode = Mode::Manual;
        self
    }

    /// Old pods leave before new ones start, so many at a time.
    pub(crate) fn unavailable(mut self, pods: u32) -> Self {
        self.flow.spec.max_unavailable = Some(BatchSize::Pods(pods));
        self
    }

    /// New pods are asked for when old ones are gone.
    pub(crate) fn waiting_for_termination(mut self) -> Self {
        self.flow.spec.pod_replacement_policy = PodReplacementPolicy::TerminationComplete;
        self
    }

    /// Pods are updated in place; those without the gate do not get it.
    pub(crate) fn in_place(mut self) -> Self {
        self.in_place = true;
        self.gated = !self.start.adopted;
        self
    }

    /// So many pods of a batch may fail.
    pub(crate) fn tolerating(mut self, pods: u32) -> Self {
        self.flow.spec.tolerance = Tolerance::UpTo(BatchSize::Pods(pods));
        self
    }

    /// What happens when more fail.
    pub(crate) fn on_failure(mut self, policy: OnFailure) -> Self {
        self.flow.spec.on_failure = policy;
        self
    }

    /// A cancelled flow returns what it had changed.
    pub(crate) fn reverting(mut self) -> Self {
        self.flow.spec.cancel_policy = CancelPolicy::Revert;
        self
    }

    /// The size stays as it is.
    pub(crate) fn same_size(mut self) -> Self {
        self.flow.spec.replicas = None;
        self
    }

    pub(crate) fn no_pull_in(mut self) -> Self {
        self.flow.spec.no_pull_in = true;
        self.gated = false;
        self
    }

    pub(crate) fn from(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    pub(crate) fn with(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    pub(crate) fn deadline(mut self) -> Self {
        self.deadline = true;
        self.flow.orders.deadline = DEADLINE;
        self
    }

    pub(crate) fn unfolded(mut self) -> Self {
        self.folded = false;
        self
    }
}

fn sizes(pods: u32) -> Sizes {
    Sizes(vec![BatchSize::Pods(pods)])
}
