//! What a scenario consists of, drawn from its seed.

use std::collections::BTreeMap;
use std::string::{String, ToString};
use std::vec::Vec;

use serde_json::json;

use super::super::cloneset::UpdatePolicy;
use super::super::random::Random;
use super::super::world::{NewWorkload, Timing};
use crate::model::{
    Draft, FlowId, FlowName, InstanceId, InstanceName, Namespace, NonUpdateStrategy, RawSize, Seconds,
    Template, UpdateStrategy,
};

/// Most pods of a workload.
const MOST: u32 = 9;
/// The template of the flow that is made when all others have ended, if they left the workload half-way.
const LAST: u32 = 70;

/// The one application that all flows of a scenario act on.
pub(super) fn instance() -> InstanceId {
    InstanceId {
        namespace: namespace(),
        name: InstanceName::new("12122-sample-10010").expect("it is a name"),
    }
}

pub(super) fn namespace() -> Namespace {
    Namespace::new("default").expect("it is a name")
}

/// The name of the `nth` flow.
pub(super) fn flow_id(nth: usize) -> FlowId {
    let name = std::format!("{}-flow{nth}", instance().name);
    FlowId { namespace: namespace(), name: FlowName::new(name).expect("it is a name") }
}

pub(super) fn timing(random: &mut Random, seed: u64) -> Timing {
    let mut timing = Timing::default();
    if random.chance(300) {
        timing.react = (0, 3_000_000);
    }
    if random.chance(300) {
        timing.endpoints = (0, 3_000_000);
    }
    if random.chance(200) {
        timing.terminate = (0, 15_000_000);
    }
    // Pods that take long to end; from a stream of its own.
    if Random::new(seed, 9).below(10) == 0 {
        timing.terminate = (0, 400_000_000);
    }
    if random.chance(200) {
        timing.boot = (0, 30_000_000);
    }
    timing
}

/// How the workload updates its pods: in one run of four in place. From a stream of its own, so that what
/// else a seed gives does not depend on it.
pub(super) fn policy(seed: u64) -> UpdatePolicy {
    match Random::new(seed, 5).below(12) {
        0 => UpdatePolicy::InPlaceOnly,
        1 | 2 => UpdatePolicy::InPlaceIfPossible,
        _ => UpdatePolicy::ReCreate,
    }
}

/// For how many seconds pods of the workload have to be ready: in one run of eight. From a stream of its own.
pub(super) fn min_ready(seed: u64) -> Seconds {
    let mut random = Random::new(seed, 10);
    Seconds(if random.below(8) == 0 { random.between(1, 30) } else { 0 })
}

/// Lets some flows wait for the end of pods that are being deleted: in one run of four. From a stream of its own.
pub(super) fn waits_for_termination(seed: u64, policy: UpdatePolicy, drafts: &mut [Draft]) {
    let mut random = Random::new(seed, 11);
    if policy != UpdatePolicy::ReCreate || random.below(4) > 0 {
        return;
    }
    for draft in drafts {
        let policy = random.chance(700).then(|| "TerminationComplete".to_string());
        match (&mut draft.update_strategy, &mut draft.non_update_strategy) {
            (Some(strategy), _) => strategy.pod_replacement_policy = policy,
            (None, Some(strategy)) => strategy.pod_replacement_policy = policy,
            (None, None) => {}
        }
    }
}

/// How much longer than others the flows may take that wait for the end of pods: as long as it takes for as many pods, one
/// after the other, as a workload has.
pub(super) fn waits_for(timing: Timing, drafts: &[Draft]) -> Seconds {
    let policy = |draft: &Draft| {
        let update = draft.update_strategy.as_ref().and_then(|it| it.pod_replacement_policy.clone());
        update.or_else(|| draft.non_update_strategy.as_ref().and_then(|it| it.pod_replacement_policy.clone()))
    };
    let waiting = drafts.iter().filter(|draft| policy(draft).is_some()).count();
    let end = u32::try_from(timing.terminate.1 / 1_000_000).unwrap_or(u32::MAX);
    Seconds(u32::try_from(waiting).unwrap_or(u32::MAX).saturating_mul(MOST).saturating_mul(end))
}

/// The workload that is there before the first flow, if there is one.
pub(super) fn workload(random: &mut Random, policy: UpdatePolicy) -> Option<NewWorkload> {
    if random.chance(400) {
        return None;
    }
    let ours = random.chance(600);
    let foreign = |key: &str| BTreeMap::from([(key.to_string(), "keep me".to_string())]);
    Some(NewWorkload {
        id: instance(),
        template: Template::from_json(&template(0)),
        replicas: random.between(0, 8),
        gated: ours,
        hooked: ours,
        policy,
        labels: foreign("team"),
        annotations: foreign("owner.example.com/contact"),
    })
}

/// The drafts of the flows, in the order in which they are made. Each fits what the ones before it lead to,
/// if they come to their ends.
pub(super) fn drafts(
    random: &mut Random,
    size: Option<u32>,
    policy: UpdatePolicy,
    crowd: bool,
) -> Vec<Draft> {
    let count = if crowd { random.between(3, 6) } else { random.between(1, 3) };
    let mixed = policy == UpdatePolicy::InPlaceIfPossible;
    let mut plan = Plan { size, remembered: None, revision: 0, mixed };
    (0..count).map(|_| plan.next(random)).collect()
}

/// What the flows drawn so far lead to.
struct Plan {
    /// Size of the workload; `None` while there is none.
    size: Option<u32>,
    /// The size to return to, while it is stopped.
    remembered: Option<u32>,
    /// Number of its template.
    revision: u32,
    /// Some templates differ in more than images.
    mixed: bool,
}

impl Plan {
    fn next(&mut self, random: &mut Random) -> Draft {
        let Some(size) = self.size else { return self.brings(random, "create") };
        if let (0, Some(remembered)) = (size, self.remembered) {
            self.size = Some(remembered);
            let named = random.chance(500).then_some(remembered);
            return changes(random, "start", named);
        }
        match random.below(20) {
            0..=8 => self.brings(random, "update"),
            9 | 10 => self.brings(random, "rollback"),
            11..=13 => changes(random, "restart", None),
            14 | 15 => {
                let to = random.between(0, 8);
                self.size = Some(to);
                changes(random, "scale", Some(to))
            }
            16 => {
                let to = random.between(0, size);
                self.size = Some(to);
                changes(random, "scale_in", Some(to))
            }
            17 => {
                let to = random.between(size, 8.max(size));
                self.size = Some(to);
                changes(random, "scale_out", Some(to))
            }
            18 => {
                (self.size, self.remembered) = (Some(0), (size > 0).then_some(size).or(self.remembered));
                changes(random, "stop", None)
            }
            _ => {
                (self.size, self.remembered) = (None, None);
                changes(random, "delete", None)
            }
        }
    }

    /// A flow that brings a template.
    fn brings(&mut self, random: &mut Random, action: &str) -> Draft {
        let least = u32::from(random.chance(950));
        let replicas = random.between(least, 8);
        self.revision = if random.chance(150) { 0 } else { self.revision + 1 };
        let replicas = (action == "create" || random.chance(600)).then_some(replicas);
        self.size = replicas.or(self.size);
        Draft {
            action: action.into(),
            replicas: replicas.map(i64::from),
            template: Some(if self.mixed { mixed(self.revision) } else { template(self.revision) }),
            update_strategy: Some(strategy(random)),
            ..bare()
        }
    }
}

/// A flow that leaves the template alone.
fn changes(random: &mut Random, action: &str, replicas: Option<u32>) -> Draft {
    let UpdateStrategy { batch_size, batch_sizes, batch_interval_seconds, mode, .. } = strategy(random);
    let strategy = NonUpdateStrategy {
        batch_size,
        batch_sizes,
        batch_interval_seconds,
        mode,
        progress_deadline_seconds: random.chance(600).then(|| 20 + i32::from(random.chance(500)) * 100),
        drain_seconds: Some(i32::from(random.chance(500)) * 3),
        max_unavailable: (action == "restart" && random.chance(300)).then_some(RawSize::Int(2)),
        ..NonUpdateStrategy::default()
    };
    Draft {
        action: action.into(),
        replicas: replicas.map(i64::from),
        non_update_strategy: Some(strategy),
        ..bare()
    }
}

fn bare() -> Draft {
    Draft {
        app_id: 12_122,
        group_id: 10_010,
        app_name: "sample".into(),
        instance_name: instance().name.to_string(),
        ..Draft::default()
    }
}

fn strategy(random: &mut Random) -> UpdateStrategy {
    let small = |random: &mut Random, most: u32| i32::try_from(random.between(0, most)).unwrap_or(0);
    let size = |random: &mut Random| match random.below(4) {
        0 => RawSize::Text(std::format!("{}%", random.between(1, 100))),
        _ => RawSize::Int(i64::from(random.between(1, 4))),
    };
    let (batch_size, batch_sizes) = match random.below(10) {
        0 => (None, None),
        1 | 2 => (None, Some((0..random.between(1, 3)).map(|_| size(random)).collect())),
        _ => (Some(size(random)), None),
    };
    UpdateStrategy {
        batch_size,
        batch_sizes,
        batch_interval_seconds: Some(small(random, 6)),
        mode: Some(String::from(if random.chance(700) { "auto" } else { "manual" })),
        canary: random.chance(400).then(|| small(random, 3)),
        no_pull_in: random.chance(50).then_some(true),
        progress_deadline_seconds: random.chance(600).then(|| 20 + small(random, 200)),
        drain_seconds: Some(small(random, 5)),
        max_unavailable: random.chance(200).then(|| size(random)),
        failure_threshold: random.chance(150).then(|| size(random)),
        on_failure: random.chance(200).then(|| if random.chance(500) { "cancel" } else { "rollback" }.into()),
        cancel_policy: random.chance(200).then(|| "revert".into()),
        ..UpdateStrategy::default()
    }
}

pub(super) fn template(revision: u32) -> serde_json::Value {
    json!({
        "metadata": {},
        "spec": { "containers": [{
            "name": "app",
            "image": std::format!("nginx:1.{revision}"),
            "ports": [{ "containerPort": 80 }],
        }] },
    })
}

/// A template of which every third differs in more than its image.
fn mixed(revision: u32) -> serde_json::Value {
    let mut template = template(revision);
    if revision % 3 == 2 {
        template["spec"]["containers"][0]["ports"] = json!([{ "containerPort": 81 }]);
    }
    template
}

/// A flow that replaces what others left in the middle of their batches.
pub(super) fn last(random: &mut Random, policy: UpdatePolicy) -> Draft {
    let mixed = policy == UpdatePolicy::InPlaceIfPossible;
    Plan { size: Some(3), remembered: None, revision: LAST, mixed }.brings(random, "update")
}

/// A draft that was a good one, with one field that admission does not let in. Some of them order something else,
/// too, which must not be carried out.
pub(super) fn spoilt(random: &mut Random, good: &Draft) -> Draft {
    let mut bad = good.clone();
    let (kind, cancel) = (random.below(4), random.chance(300).then_some(true));
    let strategy = UpdateStrategy::from(bad.non_update_strategy.clone().unwrap_or_default());
    let mut strategy = bad.update_strategy.clone().unwrap_or(strategy);
    match kind {
        0 => strategy.superseded_by = Some("no name".into()),
        1 => strategy.batch_size = Some(RawSize::Text("all".into())),
        2 => strategy.resumes = Some(-1),
        _ => bad.replicas = Some(-3),
    }
    strategy.batch_sizes = None;
    strategy.canceled = cancel.or(strategy.canceled);
    strategy.paused = None;
    strategy.batches = Some(1_000);
    match (&mut bad.update_strategy, &mut bad.non_update_strategy) {
        (Some(update), _) => *update = strategy,
        (None, Some(other)) => other.take_orders(&strategy),
        (None, None) => bad.replicas = Some(-3),
    }
    bad
}

/// Drafts that no admission lets in.
pub(super) fn bad_draft(random: &mut Random) -> Draft {
    let good = Plan { size: Some(3), remembered: None, revision: 0, mixed: false }.brings(random, "update");
    match random.below(4) {
        0 => Draft { action: "explode".into(), ..good },
        1 => Draft { replicas: Some(-3), ..good },
        2 => Draft { template: None, ..good },
        _ => Draft {
            update_strategy: Some(UpdateStrategy {
                batch_size: Some(RawSize::Text("all".into())),
                ..UpdateStrategy::default()
            }),
            ..good
        },
    }
}
