//! Edit, and requests that are repeated.

use alloc::vec;

use super::{ApiRig, asks, canary, create, get, id, refused, until};
use crate::model::{BatchPhase, BatchSize, Edit, FlowPhase, Namespace, RawSize, Seconds, Sizes, Target};
use crate::service::{ApiErrorKind, CreateFlow, DeployApi};

pub(super) async fn an_edit_is_taken_whole_or_not_at_all<R: ApiRig>(rig: &R, namespace: &Namespace) {
    let id = create(rig, namespace, "api-edited", |_| {}).await.id;
    let target = Target { batch: 1, phase: BatchPhase::Baked };
    let edit = Edit {
        target: Some(target),
        interval: Some(Seconds(7)),
        deadline: Some(Seconds(60)),
        ..Edit::default()
    };
    let ordered = rig.api().edit(&id, &edit).await.expect("allowed");
    let flow = &ordered.flow;
    assert!(!ordered.already);
    assert_eq!((flow.target, flow.interval, flow.deadline), (target, Seconds(7), Seconds(60)));
    assert!(rig.api().edit(&id, &edit).await.expect("allowed").already);
    assert!(rig.api().edit(&id, &Edit::default()).await.expect("allowed").already, "nothing is to change");

    let back = Target { batch: 1, phase: BatchPhase::Smoked };
    let half = Edit { paused: Some(true), target: Some(back), interval: Some(Seconds(9)), ..Edit::default() };
    refused(rig.api().edit(&id, &half).await, ApiErrorKind::FailedPrecondition);
    let view = until(rig, &id, "a person is asked", |view| asks(view, 1, BatchPhase::Baked)).await;
    assert_eq!((view.target, view.interval, view.record.paused), (target, Seconds(7), false));
}

pub(super) async fn an_edit_pauses_resumes_and_cancels<R: ApiRig>(rig: &R, namespace: &Namespace) {
    let id = create(rig, namespace, "api-halted", |_| {}).await.id;
    until(rig, &id, "a person is asked", |view| asks(view, 1, BatchPhase::Smoked)).await;
    let paused = |paused| Edit { paused: Some(paused), ..Edit::default() };
    assert!(!rig.api().edit(&id, &paused(true)).await.expect("allowed").already);
    assert!(rig.api().edit(&id, &paused(true)).await.expect("allowed").already);
    until(rig, &id, "the flow is paused", |view| view.record.paused).await;
    rig.api().edit(&id, &paused(false)).await.expect("allowed");
    until(rig, &id, "the flow is not paused", |view| !view.record.paused).await;

    let cancel = Edit { canceled: Some(true), ..Edit::default() };
    assert!(rig.api().edit(&id, &cancel).await.expect("allowed").flow.canceled);
    let end = until(rig, &id, "the flow has ended", |view| view.record.finished).await;
    assert_eq!(end.record.phase, FlowPhase::Canceled);
    refused(rig.api().edit(&id, &paused(true)).await, ApiErrorKind::FailedPrecondition);
}

pub(super) async fn new_sizes_hold_for_batches_that_have_not_started<R: ApiRig>(
    rig: &R,
    namespace: &Namespace,
) {
    let id = create(rig, namespace, "api-resized", |draft| draft.replicas = Some(6)).await.id;
    until(rig, &id, "a person is asked", |view| asks(view, 1, BatchPhase::Smoked)).await;
    let sizes = |sizes| Edit { sizes: Some(Sizes(sizes)), ..Edit::default() };
    rig.api().edit(&id, &sizes(vec![BatchSize::Pods(3)])).await.expect("allowed");
    rig.api().go_to(&id, Target { batch: 2, phase: BatchPhase::Baked }).await.expect("allowed");
    until(rig, &id, "a person is asked", |view| asks(view, 2, BatchPhase::Baked)).await;

    rig.api().edit(&id, &sizes(vec![BatchSize::Percent(100)])).await.expect("allowed");
    rig.api().go_to(&id, Target { batch: 3, phase: BatchPhase::Baked }).await.expect("allowed");
    let end = until(rig, &id, "the flow has ended", |view| view.record.finished).await.record;
    assert_eq!(end.phase, FlowPhase::Success);
    let sizes: vec::Vec<u32> = end.conditions.iter().map(|batch| batch.batch_size).collect();
    assert_eq!(sizes, [1, 3, 2]);
    let late = Edit { interval: Some(Seconds(1)), ..Edit::default() };
    refused(rig.api().edit(&id, &late).await, ApiErrorKind::FailedPrecondition);
}

pub(super) async fn what_could_not_be_read_again_is_refused_and_not_saved<R: ApiRig>(
    rig: &R,
    namespace: &Namespace,
) {
    let many = |draft: &mut crate::model::Draft| {
        draft.replicas = Some(5_000);
        draft.update_strategy.get_or_insert_default().batch_size = Some(RawSize::Int(10));
    };
    let id = create(rig, namespace, "api-many", many).await.id;
    let before = until(rig, &id, "a person is asked", |view| asks(view, 1, BatchPhase::Smoked)).await;
    let sizes = |sizes| Edit { sizes: Some(Sizes(sizes)), ..Edit::default() };
    for edit in [sizes(vec![BatchSize::Pods(1)]), sizes(vec![BatchSize::Pods(9), BatchSize::Pods(4)])] {
        let refusal = rig.api().edit(&id, &edit).await.expect_err("too many batches");
        assert_eq!(refusal.kind, ApiErrorKind::InvalidArgument, "{refusal}");
        assert!(refusal.message.contains("spec.updateStrategy.batchSize: makes more than"), "{refusal}");
    }
    let after = get(rig, &id).await;
    assert_eq!((after.target, after.record.phase), (before.target, before.record.phase));
    assert!(asks(&after, 1, BatchPhase::Smoked), "{after:?}");
    rig.api().cancel(&id).await.expect("it can be read as before");
}

pub(super) async fn a_request_that_is_repeated_makes_one_flow<R: ApiRig>(rig: &R, namespace: &Namespace) {
    let flow = |instance| CreateFlow { namespace: namespace.clone(), name: None, draft: canary(instance) };
    let made = rig.api().create_once(flow("api-once"), "7f3a").await.expect("made");
    assert!(made.id.name.as_str().starts_with("api-once-"), "{}", made.id);
    until(rig, &made.id, "a person is asked", |view| asks(view, 1, BatchPhase::Smoked)).await;
    let again = rig.api().create_once(flow("api-once"), "7f3a").await.expect("answered");
    assert_eq!(again, get(rig, &made.id).await, "the flow is answered as it is now");

    let mut update = flow("api-once");
    update.draft.action = "update".into();
    let other = rig.api().create_once(update.clone(), "7f3b").await.expect("made");
    assert_ne!(other.id, made.id);
    refused(rig.api().create_once(update, "7f3a").await, ApiErrorKind::AlreadyExists);
    let name = Some(id(namespace, "api-once-named").name);
    let named = rig.api().create_once(CreateFlow { name, ..flow("api-once") }, "7f3c").await;
    refused(named, ApiErrorKind::InvalidArgument);
}
