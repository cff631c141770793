//! What a scenario consists of, drawn from its seed.

use std::collections::BTreeMap;
use std::string::{String, ToString};
use std::vec::Vec;

use serde_json::json;

use super::super::random::Random;
use super::super::world::{NewWorkload, Timing};
use crate::model::{
    Draft, FlowId, FlowName, InstanceId, InstanceName, Namespace, RawSize, Template, UpdateStrategy,
};

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

pub(super) fn timing(random: &mut Random) -> Timing {
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
    if random.chance(200) {
        timing.boot = (0, 30_000_000);
    }
    timing
}

/// The workload that is there before the first flow, if there is one.
pub(super) fn workload(random: &mut Random) -> Option<NewWorkload> {
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
        labels: foreign("team"),
        annotations: foreign("owner.example.com/contact"),
    })
}

/// The drafts of the flows, in the order in which they are made.
pub(super) fn drafts(random: &mut Random, exists: bool) -> Vec<Draft> {
    let count = random.between(1, 3);
    let mut drafts = Vec::new();
    for nth in 0..count {
        let create = !exists && nth == 0;
        let least = u32::from(random.chance(950));
        let replicas = random.between(least, 8);
        let revision = if random.chance(150) { 0 } else { nth + 1 };
        drafts.push(Draft {
            action: if create { "create" } else { "update" }.into(),
            app_id: 12_122,
            group_id: 10_010,
            app_name: "sample".into(),
            instance_name: instance().name.to_string(),
            replicas: (create || random.chance(600)).then_some(i64::from(replicas)),
            template: Some(template(revision)),
            update_strategy: Some(strategy(random)),
            ..Draft::default()
        });
    }
    drafts
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
        ..UpdateStrategy::default()
    }
}

fn template(revision: u32) -> serde_json::Value {
    json!({
        "metadata": {},
        "spec": { "containers": [{
            "name": "app",
            "image": std::format!("nginx:1.{revision}"),
            "ports": [{ "containerPort": 80 }],
        }] },
    })
}

/// Drafts that no admission lets in.
pub(super) fn bad_draft(random: &mut Random) -> Draft {
    let good = drafts(random, true).swap_remove(0);
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
