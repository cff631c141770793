//! What every workload backend must do. Run [`all`] on yours.

use alloc::vec;
use alloc::vec::Vec;

use super::rig::{Rig, flow, observe, stale, until};
use crate::model::{
    Flow, Lock, PodChange, PodRef, PodsAsSeen, Shape, TemplateRef, TrafficChange, Version, WorkloadChange,
    WorkloadPod, WorkloadView,
};
use crate::ports::{PortError, PortErrorKind, Subject};

/// Runs every check, each on an instance of its own in `namespace`.
///
/// # Panics
/// At the first promise that is not kept.
pub async fn all<R: Rig>(rig: &R, namespace: &str) {
    absent_is_none(rig, namespace).await;
    reshape_creates_a_locked_workload_once(rig, namespace).await;
    a_stale_version_is_a_conflict(rig, namespace).await;
    a_lock_is_seen_by_others_and_given_back(rig, namespace).await;
    pausing_is_seen(rig, namespace).await;
    a_template_can_be_replaced_and_restored(rig, namespace).await;
    hooked_pods_are_marked_and_leave_only_when_let_go(rig, namespace).await;
    letting_go_is_guarded_by_the_version_of_the_pod(rig, namespace).await;
    a_workload_is_confirmed_until_it_is_changed(rig, namespace).await;
    pods_are_confirmed_until_one_of_them_is_changed(rig, namespace).await;
}

async fn absent_is_none<R: Rig>(rig: &R, namespace: &str) {
    assert_eq!(observe(rig, &flow(namespace, "absent", 1, 1)).await, None);
}

async fn reshape_creates_a_locked_workload_once<R: Rig>(rig: &R, namespace: &str) {
    let flow = registered(rig, flow(namespace, "created", 1, 2)).await;
    let view = grown(rig, &flow, 2).await;
    assert_eq!((&view.lock, view.shape.replicas), (&Lock::Mine, 2));
    assert!(view.revision.is_some() && view.pods.iter().all(|pod| pod.hooked && pod.gated), "{view:#?}");
    // Asked again as it was first, it does not touch what is there.
    let again = execute(rig, &flow, WorkloadChange::Reshape(shape(5, 0)), None).await;
    assert_eq!(kind(again), Some(PortErrorKind::Conflict), "creating over an existing workload");
    let same = execute(rig, &flow, WorkloadChange::Reshape(shape(2, 0)), Some(&view.version)).await;
    assert_eq!(kind(same), None);
    assert_eq!(until(rig, &flow, "still two pods", |v| v.pods.len() == 2).await.shape.replicas, 2);
}

async fn a_stale_version_is_a_conflict<R: Rig>(rig: &R, namespace: &str) {
    let flow = registered(rig, flow(namespace, "stale", 1, 1)).await;
    let before = grown(rig, &flow, 1).await;
    reshape(rig, &flow, shape(2, 0)).await;
    for change in [
        WorkloadChange::Reshape(shape(9, 0)),
        WorkloadChange::SetPaused(true),
        WorkloadChange::Release { good: None },
    ] {
        let error = execute(rig, &flow, change.clone(), Some(&before.version)).await;
        assert_eq!(kind(error), Some(PortErrorKind::Conflict), "{change:?} on a stale version");
    }
    assert_eq!(until(rig, &flow, "two pods", |v| v.pods.len() == 2).await.shape.replicas, 2);
}

async fn a_lock_is_seen_by_others_and_given_back<R: Rig>(rig: &R, namespace: &str) {
    let first = registered(rig, flow(namespace, "locked", 1, 1)).await;
    let second = registered(rig, flow(namespace, "locked", 2, 1)).await;
    let view = grown(rig, &first, 1).await;
    let other = until(rig, &second, "the lock of the first flow", |v| v.lock != Lock::Free).await;
    assert_eq!(other.lock, Lock::Theirs(first.id.clone()));
    execute(rig, &first, WorkloadChange::Release { good: None }, Some(&view.version))
        .await
        .expect("released");
    let free = until(rig, &second, "a free workload", |v| v.lock == Lock::Free).await;
    execute(rig, &second, WorkloadChange::Lock { remember: None }, Some(&free.version))
        .await
        .expect("locked");
    until(rig, &second, "the lock of the second flow", |v| v.lock == Lock::Mine).await;
}

async fn pausing_is_seen<R: Rig>(rig: &R, namespace: &str) {
    let flow = registered(rig, flow(namespace, "paused", 1, 1)).await;
    for paused in [true, false] {
        let view = grown(rig, &flow, 1).await;
        execute(rig, &flow, WorkloadChange::SetPaused(paused), Some(&view.version)).await.expect("accepted");
        until(rig, &flow, "the pause", |view| view.paused == paused).await;
    }
}

async fn a_template_can_be_replaced_and_restored<R: Rig>(rig: &R, namespace: &str) {
    let first = registered(rig, flow(namespace, "template", 1, 1)).await;
    let view = grown(rig, &first, 1).await;
    let old = view.revision.clone().expect("a revision");
    execute(rig, &first, WorkloadChange::Release { good: None }, Some(&view.version))
        .await
        .expect("released");
    let second = registered(rig, flow(namespace, "template", 2, 1)).await;
    let free = until(rig, &second, "a free workload", |v| v.lock == Lock::Free).await;
    assert_eq!(free.shape.template, Some(TemplateRef::Revision(old.clone())));
    execute(rig, &second, WorkloadChange::Lock { remember: None }, Some(&free.version))
        .await
        .expect("locked");
    // Partition 1 of 1: the template changes and no pod moves.
    reshape(rig, &second, shape(1, 1)).await;
    let new = until(rig, &second, "a new revision", |v| v.revision.as_ref().is_some_and(|r| *r != old)).await;
    assert_eq!(new.shape.template, Some(TemplateRef::Flow));
    assert!(new.pods.iter().all(|pod| pod.revision.as_ref() == Some(&old)), "{new:#?}");
    let restored = Shape { template: Some(TemplateRef::Revision(old.clone())), ..shape(1, 0) };
    reshape(rig, &second, restored).await;
    let back = until(rig, &second, "the old revision", |v| v.revision.as_ref() == Some(&old)).await;
    assert_eq!(back.shape.template, Some(TemplateRef::Revision(old)));
    assert_eq!(uids(&back), uids(&free), "restoring a template restarts nothing");
}

async fn hooked_pods_are_marked_and_leave_only_when_let_go<R: Rig>(rig: &R, namespace: &str) {
    let flow = registered(rig, flow(namespace, "leaving", 1, 2)).await;
    grown(rig, &flow, 2).await;
    reshape(rig, &flow, shape(1, 0)).await;
    let marked =
        until(rig, &flow, "one marked pod", |v| v.pods.iter().filter(|p| p.marked).count() == 1).await;
    for _ in 0..5 {
        rig.pass_time().await;
    }
    assert_eq!(observe(rig, &flow).await.map(|view| view.pods.len()), Some(2), "a hooked pod waits");
    let pods: Vec<PodRef> = marked.pods.iter().filter(|pod| pod.marked).map(pod_ref).collect();
    change_pods(rig, &flow, PodChange::Unhook(pods.clone())).await.expect("let go");
    until(rig, &flow, "one pod", |v| v.pods.len() == 1 && v.terminating.is_empty()).await;
    change_pods(rig, &flow, PodChange::Unhook(pods)).await.expect("a pod that is gone is no error");
}

async fn letting_go_is_guarded_by_the_version_of_the_pod<R: Rig>(rig: &R, namespace: &str) {
    let flow = registered(rig, flow(namespace, "guarded", 1, 1)).await;
    let view = grown(rig, &flow, 1).await;
    let pods: Vec<PodRef> = view.pods.iter().map(pod_ref).collect();
    let (instance, _) = stale(&flow);
    // Pulling in changes the pod, so what was seen before is stale.
    rig.traffic().change_traffic(&instance, &TrafficChange::PullIn(pods.clone())).await.expect("accepted");
    until(rig, &flow, "a changed pod", |v| v.pods.iter().any(|p| p.version != pods[0].version)).await;
    let error = change_pods(rig, &flow, PodChange::Unhook(pods)).await;
    assert_eq!(kind(error), Some(PortErrorKind::Conflict));
    assert!(observe(rig, &flow).await.is_some_and(|view| view.pods.iter().all(|pod| pod.hooked)));
}

async fn a_workload_is_confirmed_until_it_is_changed<R: Rig>(rig: &R, namespace: &str) {
    let flow = registered(rig, flow(namespace, "confirmed", 1, 1)).await;
    let seen = grown(rig, &flow, 1).await.version;
    let instance = flow.instance();
    rig.workload().confirm(&instance, &seen).await.expect("nobody has changed it");
    execute(rig, &flow, WorkloadChange::SetPaused(true), Some(&seen)).await.expect("accepted");
    // Nobody has looked since.
    let changed = rig.workload().confirm(&instance, &seen).await;
    assert_eq!(kind(changed), Some(PortErrorKind::Conflict), "it was changed");
    let (instance, never) = stale(&registered(rig, super::rig::flow(namespace, "never-made", 1, 1)).await);
    let absent = rig.workload().confirm(&instance, &never).await;
    assert_eq!(kind(absent), Some(PortErrorKind::Conflict), "there is none");
}

async fn pods_are_confirmed_until_one_of_them_is_changed<R: Rig>(rig: &R, namespace: &str) {
    let flow = registered(rig, flow(namespace, "confirmed-pods", 1, 2)).await;
    let mut seen = grown(rig, &flow, 2).await;
    let instance = flow.instance();
    let confirm = async |seen: &WorkloadView, pods: &[WorkloadPod], which| {
        let seen = WorkloadView { pods: pods.to_vec(), ..seen.clone() };
        kind(rig.workload().confirm_pods(&instance, &seen, which).await)
    };
    let confirmed =
        async |seen: &WorkloadView, pods: &[WorkloadPod]| confirm(seen, pods, PodsAsSeen::Running).await;
    // Pods that have just got ready may still be changed by whoever runs them.
    for _ in 0..20 {
        if confirmed(&seen, &seen.pods).await.is_none() {
            break;
        }
        rig.pass_time().await;
        seen = grown(rig, &flow, 2).await;
    }
    assert_eq!(confirmed(&seen, &seen.pods).await, None, "nobody has changed one");
    assert_eq!(
        confirmed(&seen, &seen.pods[1..]).await,
        Some(PortErrorKind::Conflict),
        "another one is there"
    );
    let other = WorkloadPod { uid: "no-such-pod".parse().expect("a uid"), ..seen.pods[0].clone() };
    let gone = [seen.pods[1].clone(), other];
    assert_eq!(confirmed(&seen, &gone).await, Some(PortErrorKind::Conflict), "one is gone");
    let change = PodChange::MarkForReplacement(vec![pod_ref(&seen.pods[0])]);
    change_pods(rig, &flow, change).await.expect("accepted");
    // Nobody has looked since.
    assert_eq!(confirmed(&seen, &seen.pods).await, Some(PortErrorKind::Conflict), "one was changed");
    let starting: Vec<_> = seen.pods.iter().map(|pod| WorkloadPod { booted: false, ..pod.clone() }).collect();
    assert_eq!(confirmed(&seen, &starting).await, None, "one that was starting may have changed");
    let all = confirm(&seen, &starting, PodsAsSeen::All).await;
    assert_eq!(all, Some(PortErrorKind::Conflict), "where all count none may");
}

async fn registered<R: Rig>(rig: &R, mut flow: Flow) -> Flow {
    flow.uid = rig.register(&flow).await;
    flow
}

/// The workload of a flow with so many booted pods; made when it is not there.
async fn grown<R: Rig>(rig: &R, flow: &Flow, replicas: u32) -> WorkloadView {
    if observe(rig, flow).await.is_none() {
        let made = execute(rig, flow, WorkloadChange::Reshape(shape(replicas, 0)), None).await;
        made.expect("the workload is made");
    }
    let booted = |view: &WorkloadView| {
        view.pods.len() == replicas as usize
            && view.pods.iter().all(|pod| pod.booted)
            && view.revision.is_some()
    };
    until(rig, flow, "booted pods", booted).await
}

async fn reshape<R: Rig>(rig: &R, flow: &Flow, shape: Shape) {
    let view = until(rig, flow, "a settled workload", |_| true).await;
    let change = WorkloadChange::Reshape(shape);
    execute(rig, flow, change, Some(&view.version)).await.expect("the change is accepted");
}

async fn execute<R: Rig>(
    rig: &R,
    flow: &Flow,
    change: WorkloadChange,
    seen: Option<&Version>,
) -> Result<(), PortError> {
    let instance = flow.instance();
    rig.workload().change_workload(Subject { instance: &instance, flow: Some(flow) }, &change, seen).await
}

async fn change_pods<R: Rig>(rig: &R, flow: &Flow, change: PodChange) -> Result<(), PortError> {
    let instance = flow.instance();
    rig.workload().change_pods(Subject { instance: &instance, flow: Some(flow) }, &change).await
}

const fn shape(replicas: u32, partition: u32) -> Shape {
    Shape {
        template: Some(TemplateRef::Flow),
        replicas,
        partition: Some(partition),
        doomed: None,
        surge: 1,
        unavailable: 0,
    }
}

fn pod_ref(pod: &WorkloadPod) -> PodRef {
    PodRef { name: pod.name.clone(), uid: pod.uid.clone(), version: pod.version.clone() }
}

fn uids(view: &WorkloadView) -> Vec<&str> {
    let mut uids = vec![];
    uids.extend(view.pods.iter().map(|pod| pod.uid.as_str()));
    uids
}

fn kind(result: Result<(), PortError>) -> Option<PortErrorKind> {
    result.err().map(|error| error.kind)
}
