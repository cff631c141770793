//! Next, Continue, Pause, Resume, Cancel, Delete.

use super::{ApiRig, asks, create, get, refused, until};
use crate::model::{BatchPhase, FlowPhase, Namespace, Target};
use crate::service::{ApiErrorKind, DeployApi};

pub(super) async fn a_person_leads_a_flow_to_its_end<R: ApiRig>(rig: &R, namespace: &Namespace) {
    let id = create(rig, namespace, "api-led", |_| {}).await.id;
    let steps = [
        (1, BatchPhase::Smoked, (1, BatchPhase::Baking)),
        (1, BatchPhase::Baking, (1, BatchPhase::Baked)),
        (1, BatchPhase::Baked, (2, BatchPhase::Smoking)),
        (2, BatchPhase::Baked, (3, BatchPhase::Smoking)),
    ];
    for (batch, phase, (to_batch, to_phase)) in steps {
        until(rig, &id, "a person is asked", |view| asks(view, batch, phase)).await;
        let ordered = rig.api().next(&id, Some(Target { batch, phase })).await.expect("allowed");
        assert_eq!(ordered.target, Target { batch: to_batch, phase: to_phase });
    }
    let end = until(rig, &id, "success", |view| view.record.finished).await.record;
    assert_eq!((end.phase, end.finished_batches, end.batches), (FlowPhase::Success, 3, 3));
    assert_eq!((end.replicas, end.updated_ready_replicas, end.finished_replicas), (3, 3, 3));
    assert_eq!(
        end.conditions.iter().map(|batch| batch.phase).collect::<alloc::vec::Vec<_>>(),
        [BatchPhase::Baked; 3]
    );
    assert!(end.conditions.iter().all(|batch| batch.pods_total == 1 && batch.finished_at.is_some()));
    assert!(end.started_at.is_some() && end.finished_at.is_some() && end.waiting.is_none());
    let refusal = refused(rig.api().next(&id, None).await, ApiErrorKind::FailedPrecondition);
    assert!(refusal.message.contains("Success"), "{refusal}");
}

pub(super) async fn a_double_click_never_advances_twice<R: ApiRig>(rig: &R, namespace: &Namespace) {
    let id = create(rig, namespace, "api-clicked", |_| {}).await.id;
    let refusal = refused(rig.api().next(&id, None).await, ApiErrorKind::FailedPrecondition);
    assert!(refusal.message.starts_with("NotWaiting"), "{refusal}");

    let smoked = Target { batch: 1, phase: BatchPhase::Smoked };
    until(rig, &id, "a person is asked", |view| asks(view, 1, BatchPhase::Smoked)).await;
    let wrong = Some(Target { batch: 1, phase: BatchPhase::Baked });
    let refusal = refused(rig.api().next(&id, wrong).await, ApiErrorKind::FailedPrecondition);
    assert!(refusal.message.starts_with("Stale"), "{refusal}");
    rig.api().next(&id, Some(smoked)).await.expect("allowed");
    refused(rig.api().next(&id, Some(smoked)).await, ApiErrorKind::FailedPrecondition);
    let view = until(rig, &id, "a person is asked again", |view| asks(view, 1, BatchPhase::Baking)).await;
    assert_eq!(view.target, Target { batch: 1, phase: BatchPhase::Baking });
    refused(rig.api().next(&id, Some(smoked)).await, ApiErrorKind::FailedPrecondition);
}

pub(super) async fn a_flow_goes_as_far_as_it_is_told_and_never_back<R: ApiRig>(
    rig: &R,
    namespace: &Namespace,
) {
    let id = create(rig, namespace, "api-told", |_| {}).await.id;
    let baked = Target { batch: 1, phase: BatchPhase::Baked };
    let ordered = rig.api().go_to(&id, baked).await.expect("allowed");
    assert_eq!((ordered.already, ordered.flow.target), (false, baked));
    let again = rig.api().go_to(&id, baked).await.expect("allowed");
    assert_eq!((again.already, again.flow.target), (true, baked));
    until(rig, &id, "the canary is finished without a question", |view| asks(view, 1, BatchPhase::Baked))
        .await;

    let back = Target { batch: 1, phase: BatchPhase::Smoked };
    refused(rig.api().go_to(&id, back).await, ApiErrorKind::FailedPrecondition);
    let far = Target { batch: 1_001, phase: BatchPhase::Baked };
    refused(rig.api().go_to(&id, far).await, ApiErrorKind::FailedPrecondition);
    assert_eq!(get(rig, &id).await.target, baked);
}

pub(super) async fn a_flow_is_paused_and_resumed<R: ApiRig>(rig: &R, namespace: &Namespace) {
    let id = create(rig, namespace, "api-paused", |_| {}).await.id;
    until(rig, &id, "a person is asked", |view| asks(view, 1, BatchPhase::Smoked)).await;
    assert!(!rig.api().pause(&id).await.expect("allowed").already);
    assert!(rig.api().pause(&id).await.expect("allowed").already);
    until(rig, &id, "the flow is paused", |view| view.record.paused).await;
    let refusal = refused(rig.api().next(&id, None).await, ApiErrorKind::FailedPrecondition);
    assert!(refusal.message.starts_with("Paused"), "{refusal}");

    assert!(!rig.api().resume(&id).await.expect("allowed").already);
    assert!(rig.api().resume(&id).await.expect("allowed").already);
    until(rig, &id, "the flow is not paused", |view| !view.record.paused).await;
    rig.api().next(&id, None).await.expect("allowed");
}

pub(super) async fn a_flow_is_cancelled_and_then_forgotten<R: ApiRig>(rig: &R, namespace: &Namespace) {
    let id = create(rig, namespace, "api-cancelled", |_| {}).await.id;
    until(rig, &id, "a person is asked", |view| asks(view, 1, BatchPhase::Smoked)).await;
    let refusal = refused(rig.api().delete(&id).await, ApiErrorKind::FailedPrecondition);
    assert!(refusal.message.starts_with("Unfinished"), "{refusal}");

    let ordered = rig.api().cancel(&id).await.expect("allowed");
    assert_eq!((ordered.already, ordered.flow.canceled), (false, true));
    assert!(rig.api().cancel(&id).await.expect("allowed").already);
    refused(rig.api().next(&id, None).await, ApiErrorKind::FailedPrecondition);
    let end = until(rig, &id, "the flow has ended", |view| view.record.finished).await;
    assert_eq!((end.record.phase, end.canceled), (FlowPhase::Canceled, true));
    assert!(rig.api().cancel(&id).await.expect("allowed").already);
    refused(rig.api().pause(&id).await, ApiErrorKind::FailedPrecondition);
    refused(rig.api().resume(&id).await, ApiErrorKind::FailedPrecondition);

    assert_eq!(forget(rig, &id).await, Ok(()));
    refused(rig.api().get(&id).await, ApiErrorKind::NotFound);
    assert_eq!(rig.api().delete(&id).await, Ok(()), "deleting what is absent succeeds");
}

/// Deletes a finished flow, and waits until what kept it is gone.
pub(super) async fn forget<R: ApiRig>(
    rig: &R,
    id: &crate::model::FlowId,
) -> Result<(), crate::service::ApiError> {
    rig.api().delete(id).await?;
    for _ in 0..super::PATIENCE {
        match rig.api().get(id).await {
            Err(error) if error.kind == ApiErrorKind::NotFound => break,
            Err(error) => return Err(error),
            Ok(_) => rig.pass_time().await,
        }
    }
    Ok(())
}
