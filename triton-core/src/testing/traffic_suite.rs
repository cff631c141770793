//! What every traffic registry must do. Run [`all`] on yours.

use alloc::vec;

use super::rig::{PATIENCE, Rig, flow, until};
use crate::model::{
    Flow, PodRef, PodTraffic, Shape, TemplateRef, Traffic, TrafficChange, WorkloadChange, WorkloadPod,
};
use crate::ports::{PortErrorKind, Subject};

/// Runs every check on one pod of an instance of its own in `namespace`.
///
/// # Panics
/// At the first promise that is not kept.
pub async fn all<R: Rig>(rig: &R, namespace: &str) {
    let mut flow = flow(namespace, "traffic", 1, 1);
    flow.uid = rig.register(&flow).await;
    let shape = Shape {
        template: Some(TemplateRef::Flow),
        replicas: 1,
        partition: Some(0),
        doomed: None,
        surge: 1,
        unavailable: 0,
    };
    let instance = flow.instance();
    let subject = Subject { instance: &instance, flow: Some(&flow) };
    let made = rig.workload().change_workload(subject, &WorkloadChange::Reshape(shape), None).await;
    made.expect("the workload is made");
    let pod = booted(rig, &flow).await;

    shown(rig, &flow, "a new pod is out until it is asked in", |t| out(t) && t.asked == Some(false)).await;
    ask(rig, &flow, TrafficChange::PullIn(vec![pod_ref(&pod)])).await.expect("pulled in");
    shown(rig, &flow, "a pulled-in pod is shown", |t| t.shown == Traffic::In && t.asked == Some(true)).await;
    let pod = booted(rig, &flow).await;
    ask(rig, &flow, TrafficChange::PullIn(vec![pod_ref(&pod)])).await.expect("asking twice is no error");

    let stale = PodRef { version: "1".parse().expect("a version"), ..pod_ref(&pod) };
    let error = ask(rig, &flow, TrafficChange::PullOut(vec![stale])).await.expect_err("a stale pull-out");
    assert_eq!(error.kind, PortErrorKind::Conflict, "a pod that changed is not pulled out");
    let other = PodRef { uid: "another-uid".parse().expect("a uid"), ..pod_ref(&pod) };
    let _ = ask(rig, &flow, TrafficChange::PullOut(vec![other])).await;
    shown(rig, &flow, "another pod of that name is not touched", |t| t.shown == Traffic::In).await;

    let pod = booted(rig, &flow).await;
    ask(rig, &flow, TrafficChange::PullOut(vec![pod_ref(&pod)])).await.expect("pulled out");
    let first = shown(rig, &flow, "a pulled-out pod is out", |t| out(t) && t.asked == Some(false)).await;
    rig.pass_time().await;
    let second = shown(rig, &flow, "it stays out", out).await;
    let longer = matches!(
        (first.shown, second.shown),
        (Traffic::Out { lasts: before }, Traffic::Out { lasts: after }) if before < after
    );
    assert!(
        longer,
        "a pod that stays out has been out for longer: {:?}, then {:?}",
        first.shown, second.shown
    );
}

async fn booted<R: Rig>(rig: &R, flow: &Flow) -> WorkloadPod {
    let view =
        until(rig, flow, "a booted pod", |v| v.pods.len() == 1 && v.pods.iter().all(|p| p.booted)).await;
    view.pods.into_iter().next().expect("one pod")
}

async fn shown<R: Rig>(
    rig: &R,
    flow: &Flow,
    what: &str,
    wanted: impl Fn(&PodTraffic) -> bool + Send,
) -> PodTraffic {
    let instance = flow.instance();
    let mut last = None;
    for _ in 0..PATIENCE {
        let pod = booted(rig, flow).await;
        let view = rig.traffic().observe(&instance, core::slice::from_ref(&pod)).await;
        last = view.expect("the registry can be asked").pods.get(&pod.uid).copied();
        if let Some(traffic) = last.filter(&wanted) {
            return traffic;
        }
        rig.pass_time().await;
    }
    panic!("{what}: did not come true, the registry shows {last:?}")
}

async fn ask<R: Rig>(rig: &R, flow: &Flow, change: TrafficChange) -> Result<(), crate::ports::PortError> {
    rig.traffic().change_traffic(&flow.instance(), &change).await
}

const fn out(traffic: &PodTraffic) -> bool {
    matches!(traffic.shown, Traffic::Out { .. })
}

fn pod_ref(pod: &WorkloadPod) -> PodRef {
    PodRef { name: pod.name.clone(), uid: pod.uid.clone(), version: pod.version.clone() }
}
