//! What a suite needs of an implementation under test.

use core::future::Future;

use serde_json::json;

use crate::model::{
    Draft, Flow, FlowId, FlowUid, InstanceId, Orders, Progress, RawSize, Spec, UpdateStrategy, Version,
    WorkloadView,
};
use crate::ports::{Subject, TrafficRegistry, WorkloadBackend};

/// A world with a workload backend and a registry, and the means to let time pass in it.
pub trait Rig: Send + Sync {
    /// The backend under test.
    fn workload(&self) -> &dyn WorkloadBackend;

    /// The registry under test.
    fn traffic(&self) -> &dyn TrafficRegistry;

    /// Makes the flow known to the world, so that a lock that names it counts as held. A world that does
    /// not check does nothing.
    fn register(&self, flow: &Flow) -> impl Future<Output = FlowUid> + Send;

    /// Lets the world go on for a moment: pods boot, controllers act. Called again and again until a
    /// condition holds, at most [`PATIENCE`] times.
    fn pass_time(&self) -> impl Future<Output = ()> + Send;
}

/// How often a suite lets time pass before it gives up on a condition.
pub const PATIENCE: u32 = 600;

/// A flow that creates (`template` 1) or updates (any other) instance `name` to `replicas` pods.
///
/// # Panics
/// When `namespace` or `name` is not a name.
#[must_use]
pub fn flow(namespace: &str, name: &str, template: u32, replicas: u32) -> Flow {
    let (spec, orders) = parsed(name, template, replicas);
    let id = FlowId {
        namespace: namespace.parse().expect("a namespace"),
        name: alloc::format!("{name}-{template}").parse().expect("a flow name"),
    };
    let uid = alloc::format!("{id}-uid").parse().expect("a uid");
    Flow { id, uid, spec, orders, progress: Progress::Pending }
}

/// The draft behind [`flow`].
#[must_use]
pub fn draft(name: &str, template: u32, replicas: u32) -> Draft {
    let container = json!({
        "name": "app",
        "image": alloc::format!("app:{template}"),
        "ports": [{ "containerPort": 80 }],
    });
    Draft {
        action: if template == 1 { "create" } else { "update" }.into(),
        app_id: 1,
        group_id: 1,
        app_name: "app".into(),
        instance_name: name.into(),
        replicas: Some(i64::from(replicas)),
        template: Some(json!({ "metadata": {}, "spec": { "containers": [container] } })),
        update_strategy: Some(UpdateStrategy {
            batch_size: Some(RawSize::Int(1)),
            mode: Some("auto".into()),
            drain_seconds: Some(1),
            ..UpdateStrategy::default()
        }),
        ..Draft::default()
    }
}

fn parsed(name: &str, template: u32, replicas: u32) -> (Spec, Orders) {
    draft(name, template, replicas).parse().expect("a valid draft")
}

/// The workload as `flow` sees it, once `wanted` holds.
///
/// # Panics
/// When it does not hold in time; says what is missing and what was seen last.
pub async fn until<R: Rig>(
    rig: &R,
    flow: &Flow,
    what: &str,
    wanted: impl Fn(&WorkloadView) -> bool + Send,
) -> WorkloadView {
    let mut last = None;
    for _ in 0..PATIENCE {
        last = observe(rig, flow).await;
        if let Some(view) = last.take_if(|view| view.settled && wanted(view)) {
            return view;
        }
        rig.pass_time().await;
    }
    panic!("{what} did not come true; the workload is {last:#?}")
}

/// One look at the workload.
///
/// # Panics
/// When it cannot be told.
pub async fn observe<R: Rig>(rig: &R, flow: &Flow) -> Option<WorkloadView> {
    let instance = flow.instance();
    let subject = Subject { instance: &instance, flow: Some(flow) };
    rig.workload().observe(subject).await.expect("the workload can be observed")
}

/// The instance of a flow and a version that nothing has.
#[must_use]
pub fn stale(flow: &Flow) -> (InstanceId, Version) {
    (flow.instance(), "1".parse().expect("a version"))
}
