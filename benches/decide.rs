//! How fast is a decision that finds nothing to do, and does it allocate?

use std::hint::black_box;
use std::time::{Duration, Instant};

use triton_benches::{figure, head, machine};
use triton_core::engine::{Decision, decide};
use triton_core::model::{
    Action, Base, Batch, BatchSize, Draft, Facts, Flow, Kind, Lock, Observation, Plan, PodRef, Pods,
    Progress, Seconds, Shape, Sizes, Stage, TemplateRef, Timestamp, UpdateStrategy,
};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const PODS: u32 = 100;
const NOW: Timestamp = Timestamp::from_micros(1_000_000_000_000);
const LEAST_MILLIONS: f64 = 5.0;

fn main() {
    println!("machine: {}", machine());
    head(&format!("decide at {PODS} pods, nothing to do (steps per second and core)"));
    for (name, flow, seen) in waits() {
        assert!(matches!(decide(&flow, &seen, NOW), Decision::Wait(..)), "{name} does not wait");
        let millions = best_rate(&flow, &seen) / 1e6;
        figure(
            name,
            &format!("{millions:.1} M/s"),
            &format!(">= {LEAST_MILLIONS} M/s"),
            millions >= LEAST_MILLIONS,
        );
    }
    let profiler = dhat::Profiler::builder().testing().build();
    for (name, flow, seen) in waits() {
        let before = dhat::HeapStats::get().total_blocks;
        for _ in 0..1000 {
            black_box(decide(black_box(&flow), black_box(&seen), NOW));
        }
        let blocks = dhat::HeapStats::get().total_blocks - before;
        figure(&format!("{name}: allocations in 1000 steps"), &blocks.to_string(), "0", blocks == 0);
    }
    drop(profiler);
}

/// Steps per second; the best of several rounds, because others share the machine.
fn best_rate(flow: &Flow, seen: &Observation) -> f64 {
    const STEPS: u32 = 200_000;
    let round = || {
        let start = Instant::now();
        for _ in 0..STEPS {
            black_box(decide(black_box(flow), black_box(seen), black_box(NOW)));
        }
        f64::from(STEPS) / start.elapsed().as_secs_f64()
    };
    (0..15).map(|_| round()).fold(0.0, f64::max)
}

fn waits() -> [(&'static str, Flow, Observation); 5] {
    let runs = Facts::FRESH | Facts::BOOTED | Facts::HOOKED | Facts::GATED;
    let serves = runs | Facts::ASKED | Facts::IN;
    let old = serves.difference(Facts::FRESH);
    let half = PODS / 2;
    let mut interval = flow(Action::Create, Stage::Baked, 25);
    interval.orders.interval = Seconds(10);
    [
        (
            "create: new pods boot",
            flow(Action::Create, Stage::Smoking, PODS),
            world(PODS, 0, 1, &[(PODS - 1, runs.difference(Facts::BOOTED)), (1, runs | Facts::OUT)]),
        ),
        ("create: the interval runs", interval, world(25, 0, 1, &[(PODS, serves)])),
        (
            "update: new pods boot beside the old ones",
            flow(Action::Update, Stage::Smoking, half),
            world(PODS, half, half, &[(half, old), (half, runs.difference(Facts::BOOTED))]),
        ),
        (
            "update: new pods on their way into traffic",
            flow(Action::Update, Stage::PullingIn, half),
            world(PODS, half, half, &[(half, old), (half, runs | Facts::ASKED)]),
        ),
        (
            "update: old pods drain",
            flow(Action::Update, Stage::Leaving, half),
            world(
                half,
                0,
                half,
                &[
                    (half, serves),
                    (half, (old | Facts::MARKED | Facts::OUT).difference(Facts::ASKED | Facts::IN)),
                ],
            ),
        ),
    ]
}

fn flow(action: Action, stage: Stage, size: u32) -> Flow {
    let (from, to) = if action == Action::Create { (0, PODS) } else { (PODS / 2, PODS / 2) };
    let draft = Draft {
        action: action.as_str().into(),
        app_name: "app".into(),
        instance_name: "app".into(),
        replicas: Some(i64::from(to)),
        template: Some(serde_json::json!({ "spec": { "containers": [{ "name": "app", "image": "app" }] } })),
        update_strategy: Some(UpdateStrategy { mode: Some("auto".into()), ..UpdateStrategy::default() }),
        ..Draft::default()
    };
    let (spec, mut orders) = draft.parse().expect("a valid draft");
    orders.sizes = Sizes(vec![BatchSize::Pods(size)]);
    let kind = if action == Action::Create { Kind::Grow } else { Kind::Replace };
    let base = Base { previous: "old".parse().ok(), ..Base::new(kind, from, to) };
    let plan = Plan { base, fresh: 0, work: to };
    let batch = Batch {
        number: 1,
        size,
        canary: false,
        stage,
        since: NOW,
        counted: Seconds(0),
        serving: from,
        hold: None,
        forgiven: false,
        met: true,
        edited: None,
    };
    Flow {
        id: triton_core::model::FlowId {
            namespace: "default".parse().expect("a name"),
            name: "flow".parse().expect("a name"),
        },
        uid: "uid".parse().expect("a uid"),
        spec,
        orders,
        progress: Progress::Rolling { plan, done: 0, batch },
    }
}

fn world(replicas: u32, partition: u32, surge: u32, pods: &[(u32, Facts)]) -> Observation {
    let mut all = Pods::default();
    for (count, facts) in pods {
        for _ in 0..*count {
            let number = all.len();
            let pod = PodRef {
                name: format!("app-{number}").parse().expect("a name"),
                uid: format!("uid-{number}").parse().expect("a uid"),
                version: "1".parse().expect("a version"),
            };
            all.push(pod, *facts, Duration::ZERO);
        }
    }
    let shape = Shape {
        template: Some(TemplateRef::Flow),
        replicas,
        partition: Some(partition),
        doomed: None,
        surge,
        unavailable: 0,
    };
    Observation {
        stale: None,
        lock: Lock::Mine,
        shape: Some(shape),
        revision: "new".parse().ok(),
        pods: all,
        ..Observation::absent()
    }
}
