//! Every kind of flow in a small world, and what it must leave behind.

use serde_json::{Value, json};
use triton_core::model::{
    Command, Draft, FlowPhase, NonUpdateStrategy, OnFailure, PodName, RawSize, Stage, UpdateStrategy,
};

/// A kind of flow.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Pods that serve before the first flow; `None` when there is no workload.
    pub(crate) pods: Option<u32>,
    /// They have triton's gate and hook.
    pub(crate) ours: bool,
    /// The flows; each is made when the one before has ended.
    pub(crate) flows: Vec<Maker>,
    /// What people order, one after the other.
    pub(crate) cues: Vec<Cue>,
    pub(crate) ends: Ends,
}

/// Makes the draft of a flow; it may name pods that are there.
pub(crate) type Maker = fn(&[PodName]) -> Draft;

/// An order as soon as the first flow is at this stage of this batch, or beyond it.
#[derive(Clone, Copy)]
pub(crate) struct Cue {
    pub(crate) batch: u32,
    pub(crate) stage: Stage,
    pub(crate) what: What,
}

#[derive(Clone, Copy)]
pub(crate) enum What {
    Order(Command),
    /// The next flow is made although this one runs.
    MakeNext,
}

/// What is there at the end.
#[derive(Clone, Debug)]
pub(crate) struct Ends {
    /// How the flows end; `None` for one that is gone.
    pub(crate) phases: Vec<Option<FlowPhase>>,
    /// Pods from before that are there still.
    pub(crate) stay: u32,
    /// Pods that were made on the way.
    pub(crate) new: u32,
    /// Pods of the template from before.
    pub(crate) original: u32,
    /// Pods that were made and did not stay, at most: a cancelled batch sheds its own.
    pub(crate) shed: u32,
    /// Pods from before that another of the same template may have replaced, at most: what was let go before
    /// the flow was cancelled is gone.
    pub(crate) let_go: u32,
    /// Of the pods from before these are gone, in the order in which they were made.
    pub(crate) gone: Vec<usize>,
    /// The workload is there.
    pub(crate) exists: bool,
}

impl Case {
    /// A case on so many pods that serve, which ends in success.
    fn new(name: &'static str, pods: u32, flow: Maker, (stay, new): (u32, u32)) -> Self {
        let ends = Ends {
            phases: vec![Some(FlowPhase::Success)],
            stay,
            new,
            original: stay,
            shed: 0,
            let_go: 0,
            gone: Vec::new(),
            exists: true,
        };
        Self { name, pods: Some(pods), ours: true, flows: vec![flow], cues: Vec::new(), ends }
    }

    /// What `onFailure` of its flows may be: only flows that bring a template roll back.
    pub(crate) fn policies(&self) -> &'static [OnFailure] {
        let pods = ["a", "b", "c", "d"].map(|name| PodName::new(name).expect("a name"));
        let brings = |maker: &Maker| maker(&pods).update_strategy.is_some();
        if self.flows.iter().all(brings) {
            &[OnFailure::Pause, OnFailure::Cancel, OnFailure::Rollback]
        } else {
            &[OnFailure::Pause, OnFailure::Cancel]
        }
    }

    fn on_nothing(self) -> Self {
        Self { pods: None, ..self }
    }

    fn adopted(self) -> Self {
        Self { ours: false, ..self }
    }

    /// Another flow after those before, which ends like this.
    fn then(mut self, flow: Maker, phase: FlowPhase) -> Self {
        self.flows.push(flow);
        self.ends.phases.push(Some(phase));
        self
    }

    fn cue(mut self, batch: u32, stage: Stage, what: What) -> Self {
        self.cues.push(Cue { batch, stage, what });
        self
    }

    /// Cancelled at this stage of this batch; at most so many pods are shed.
    fn canceled(self, batch: u32, stage: Stage, shed: u32) -> Self {
        let ends = Ends { phases: vec![Some(FlowPhase::Canceled)], shed, ..self.ends.clone() };
        Self { ends, ..self }.cue(batch, stage, What::Order(Command::Cancel))
    }

    fn first_ends(mut self, phase: Option<FlowPhase>) -> Self {
        self.ends.phases[0] = phase;
        self
    }

    /// So many pods of the template from before, where that is not those that stay.
    fn original(mut self, original: u32) -> Self {
        self.ends.original = original;
        self
    }

    fn shedding(mut self, shed: u32) -> Self {
        self.ends.shed = shed;
        self
    }

    fn letting_go(mut self, pods: u32) -> Self {
        self.ends.let_go = pods;
        self
    }

    fn without(mut self, gone: &[usize]) -> Self {
        self.ends.gone = gone.to_vec();
        self
    }

    fn removes(mut self) -> Self {
        self.ends.exists = false;
        self
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = brings();
    cases.extend(sizes());
    cases.extend(restarts());
    cases.extend(cancels());
    cases.extend(orders());
    cases
}

/// Flows that bring a template.
fn brings() -> Vec<Case> {
    vec![
        Case::new("create 3, batches of 2", 0, |_| create(3, strategy(2)), (0, 3)).on_nothing(),
        Case::new("create 3, canary", 0, |_| create(3, canary(2)), (0, 3)).on_nothing(),
        Case::new("create 2, no pull-in", 0, |_| create(2, no_pull_in()), (0, 2)).on_nothing(),
        Case::new("update 3, batches of 2", 3, |_| update(3, strategy(2)), (0, 3)),
        Case::new("update 3, canary", 3, |_| update(3, canary(2)), (0, 3)),
        Case::new("update 2, manual", 2, |_| update(2, manual()), (0, 2)),
        Case::new("update 2 to 3, growing", 2, |_| update(3, strategy(1)), (0, 3)),
        Case::new("update 4 to 2, shrinking", 4, |_| update(2, strategy(2)), (0, 2)),
        Case::new("update 2, no pull-in", 2, |_| update(2, no_pull_in()), (0, 2)),
        Case::new("update 2 that never had gates", 2, |_| update(2, strategy(1)), (0, 2)).adopted(),
        Case::new("update 3 without surge", 3, |_| update(3, swap(strategy(2), 2)), (0, 3)),
        Case::new("update 3 without surge, canary", 3, |_| update(3, swap(canary(1), 1)), (0, 3)),
        Case::new("rollback 3 to a template", 3, |_| rollback(strategy(2)), (0, 3)),
        Case::new("update 2 and roll back", 2, |_| update(2, strategy(1)), (0, 2))
            .then(|_| Draft { template: Some(template(1)), ..rollback(strategy(2)) }, FlowPhase::Success)
            .shedding(2)
            .original(2),
    ]
}

/// Changes of size.
fn sizes() -> Vec<Case> {
    vec![
        Case::new("scale out 1 to 3", 1, |_| sized("scale_out", Some(3), 1), (1, 2)).original(3),
        Case::new("scale 1 to 3, batches of 2", 1, |_| sized("scale", Some(3), 2), (1, 2)).original(3),
        Case::new("scale in 3 to 1", 3, |_| sized("scale_in", Some(1), 1), (1, 0)),
        Case::new("scale in 4 to 2 by name", 4, |pods| named("scale_in", Some(2), 2, &pods[..2]), (2, 0))
            .without(&[0, 1]),
        Case::new("scale in 3 to 1 of pods that never had gates", 3, |_| sized("scale", Some(1), 2), (1, 0))
            .adopted(),
        Case::new("stop 3", 3, |_| sized("stop", None, 2), (0, 0)),
        Case::new("stop 2 and start", 2, |_| sized("stop", None, 1), (0, 2))
            .then(|_| sized("start", None, 1), FlowPhase::Success)
            .original(2),
        Case::new("delete 3, batches of 2", 3, |_| sized("delete", None, 2), (0, 0)).removes(),
    ]
}

fn restarts() -> Vec<Case> {
    vec![
        Case::new("restart 3, batches of 2", 3, |_| sized("restart", None, 2), (0, 3)).original(3),
        Case::new("restart 2 of 3 by name", 3, |pods| named("restart", None, 1, &pods[1..]), (1, 2))
            .original(3)
            .without(&[1, 2]),
        Case::new("restart 2 without surge", 2, |_| unavailable(sized("restart", None, 1), 1), (0, 2))
            .original(2),
    ]
}

/// Flows that are cancelled on the way.
fn cancels() -> Vec<Case> {
    use Stage::{Baked, Leaving, PullingIn, Smoked, Smoking, Vacating};
    let revert = |_: &[PodName]| {
        let strategy = UpdateStrategy { cancel_policy: Some("revert".into()), ..strategy(1) };
        update(3, strategy)
    };
    let swapping = |_: &[PodName]| update(3, swap(strategy(1), 1));
    vec![
        Case::new("create 3, cancelled in batch 2", 0, |_| create(3, strategy(1)), (0, 1))
            .on_nothing()
            .canceled(2, Smoking, 1),
        Case::new("update 3, cancelled before it takes traffic", 3, |_| update(3, strategy(2)), (3, 0))
            .canceled(1, Smoking, 2),
        Case::new("update 3, canary cancelled", 3, |_| update(3, canary(2)), (3, 0)).canceled(1, Smoked, 1),
        Case::new("update 3, cancelled in traffic", 3, |_| update(3, strategy(1)), (2, 1))
            .canceled(2, PullingIn, 1),
        Case::new("update 3, cancelled while old pods leave", 3, |_| update(3, strategy(1)), (2, 1))
            .canceled(2, Leaving, 1)
            .letting_go(1),
        Case::new("update 3, cancelled between batches", 3, |_| update(3, strategy(1)), (2, 1))
            .canceled(1, Baked, 1),
        Case::new("update 3 that reverts, cancelled in batch 2", 3, revert, (2, 1))
            .canceled(2, Smoking, 2)
            .original(3),
        Case::new("update 3 that reverts, cancelled after batch 2", 3, revert, (1, 2))
            .canceled(2, Baked, 2)
            .original(3),
        Case::new("update 3 without surge, cancelled as a pod leaves", 3, swapping, (2, 1))
            .canceled(2, Vacating, 1)
            .letting_go(1),
        Case::new("update 3 without surge, cancelled between batches", 3, swapping, (1, 2))
            .canceled(2, Baked, 1)
            .letting_go(1),
        Case::new("scale out 1 to 3, cancelled", 1, |_| sized("scale_out", Some(3), 1), (1, 1))
            .canceled(2, Smoking, 1)
            .original(2),
        Case::new("scale in 4 to 1, cancelled", 4, |_| sized("scale_in", Some(1), 1), (3, 0))
            .canceled(2, Vacating, 0),
        Case::new("delete 3, cancelled", 3, |_| sized("delete", None, 1), (2, 0)).canceled(2, Vacating, 0),
        Case::new("restart 3, cancelled", 3, |_| sized("restart", None, 1), (2, 1))
            .canceled(2, Smoking, 1)
            .original(3),
    ]
}

/// Other orders on the way.
fn orders() -> Vec<Case> {
    use Stage::{Leaving, PullingIn, Smoking};
    let (pause, make) = (What::Order(Command::Pause), What::MakeNext);
    vec![
        Case::new("update 3, paused twice", 3, |_| update(3, strategy(2)), (0, 3))
            .cue(1, Smoking, pause)
            .cue(2, Leaving, pause),
        Case::new("update 3, deleted while it runs", 3, |_| update(3, strategy(1)), (2, 1))
            .first_ends(None)
            .cue(2, PullingIn, What::Order(Command::Delete))
            .shedding(1),
        Case::new("update 3, paused, another one takes over", 3, |_| update(3, strategy(1)), (0, 3))
            .first_ends(Some(FlowPhase::Aborted))
            .then(|_| Draft { template: Some(template(3)), ..update(3, strategy(2)) }, FlowPhase::Success)
            .cue(2, PullingIn, pause)
            .cue(2, PullingIn, make)
            .shedding(2),
        Case::new("update 3, a rollback takes over", 3, |_| update(3, strategy(1)), (2, 1))
            .first_ends(Some(FlowPhase::Aborted))
            .then(|_| Draft { template: Some(template(1)), ..rollback(strategy(1)) }, FlowPhase::Success)
            .cue(2, Smoking, make)
            .shedding(2)
            .original(3),
    ]
}

fn create(replicas: i64, strategy: UpdateStrategy) -> Draft {
    let template = Some(template(1));
    Draft { replicas: Some(replicas), template, update_strategy: Some(strategy), ..bare("create") }
}

fn update(replicas: i64, strategy: UpdateStrategy) -> Draft {
    let template = Some(template(2));
    Draft { replicas: Some(replicas), template, update_strategy: Some(strategy), ..bare("update") }
}

fn rollback(strategy: UpdateStrategy) -> Draft {
    Draft { template: Some(template(2)), update_strategy: Some(strategy), ..bare("rollback") }
}

fn sized(action: &str, replicas: Option<i64>, batch: i64) -> Draft {
    let strategy = NonUpdateStrategy {
        batch_size: Some(RawSize::Int(batch)),
        mode: Some("auto".into()),
        drain_seconds: Some(1),
        ..NonUpdateStrategy::default()
    };
    Draft { replicas, non_update_strategy: Some(strategy), ..bare(action) }
}

fn named(action: &str, replicas: Option<i64>, batch: i64, pods: &[PodName]) -> Draft {
    let mut draft = sized(action, replicas, batch);
    if let Some(strategy) = &mut draft.non_update_strategy {
        strategy.pods_to_delete = Some(pods.iter().map(ToString::to_string).collect());
    }
    draft
}

fn unavailable(mut draft: Draft, most: i64) -> Draft {
    if let Some(strategy) = &mut draft.non_update_strategy {
        strategy.max_unavailable = Some(RawSize::Int(most));
    }
    draft
}

fn strategy(batch: i64) -> UpdateStrategy {
    UpdateStrategy {
        batch_size: Some(RawSize::Int(batch)),
        batch_interval_seconds: Some(1),
        mode: Some("auto".into()),
        drain_seconds: Some(1),
        ..UpdateStrategy::default()
    }
}

fn canary(batch: i64) -> UpdateStrategy {
    UpdateStrategy { canary: Some(1), ..strategy(batch) }
}

fn manual() -> UpdateStrategy {
    UpdateStrategy { mode: Some("manual".into()), ..strategy(1) }
}

fn no_pull_in() -> UpdateStrategy {
    UpdateStrategy { no_pull_in: Some(true), ..strategy(1) }
}

fn swap(strategy: UpdateStrategy, most: i64) -> UpdateStrategy {
    UpdateStrategy { max_unavailable: Some(RawSize::Int(most)), ..strategy }
}

fn bare(action: &str) -> Draft {
    Draft {
        action: action.into(),
        app_id: 1,
        group_id: 1,
        app_name: "app".into(),
        instance_name: "app".into(),
        ..Draft::default()
    }
}

/// Version 1 is what serves before the first flow.
pub(crate) fn template(version: u32) -> Value {
    let image = format!("app:{version}");
    json!({ "spec": { "containers": [{ "name": "app", "image": image }] } })
}
