//! Watch, ListAndWatch.

use alloc::vec::Vec;
use core::future::poll_fn;
use core::task::Poll;

use super::orders::forget;
use super::{ApiRig, PATIENCE, asks, create, get, id, until};
use crate::model::{BatchPhase, FlowPhase, Namespace, Target};
use crate::service::{ApiStream, DeployApi, FlowEvent, FlowFilter, FlowView};

pub(super) async fn a_watch_ends_where_a_person_is_asked<R: ApiRig>(rig: &R, namespace: &Namespace) {
    let id = create(rig, namespace, "api-watched", |_| {}).await.id;
    let seen = watch(rig, &id, None).await;
    assert_eq!(seen.first().map(|view| &view.id), Some(&id));
    let last = seen.last().expect("the flow itself");
    assert!(asks(last, 1, BatchPhase::Smoked), "{last:#?}");
    assert!(seen.iter().rev().skip(1).all(|view| !view.ends_watch(None)));

    rig.api().next(&id, None).await.expect("allowed");
    let seen = watch(rig, &id, None).await;
    let last = seen.last().expect("the flow itself");
    assert!(asks(last, 1, BatchPhase::Baking), "an approval that was given ended the watch: {last:#?}");
}

pub(super) async fn a_watch_ends_at_its_target<R: ApiRig>(rig: &R, namespace: &Namespace) {
    let id = create(rig, namespace, "api-aimed", |_| {}).await.id;
    let far = Target { batch: 2, phase: BatchPhase::Baked };
    rig.api().go_to(&id, far).await.expect("allowed");
    let target = Target { batch: 1, phase: BatchPhase::Baked };
    let seen = watch(rig, &id, Some(target)).await;
    assert!(seen.last().is_some_and(|view| view.ends_watch(Some(target))));
    assert!(seen.iter().rev().skip(1).all(|view| !view.ends_watch(Some(target))));
}

pub(super) async fn a_watch_ends_with_the_flow<R: ApiRig>(rig: &R, namespace: &Namespace) {
    let id = create(rig, namespace, "api-ended", |draft| {
        let strategy = draft.update_strategy.get_or_insert_default();
        strategy.canary = None;
        strategy.mode = Some("auto".into());
    })
    .await
    .id;
    let never = Target { batch: 1_000, phase: BatchPhase::Baked };
    let seen = watch(rig, &id, Some(never)).await;
    let last = seen.last().expect("the flow itself");
    assert_eq!(last.record.phase, FlowPhase::Success);
    let again = watch(rig, &id, Some(never)).await;
    assert_eq!(again, [get(rig, &id).await], "a flow that has ended is told once");
}

pub(super) async fn a_list_is_kept_up_to_date<R: ApiRig>(rig: &R, namespace: &Namespace) {
    let filter = FlowFilter {
        namespace: Some(namespace.clone()),
        instance_name: Some("api-listed".parse().expect("an instance name")),
        ..FlowFilter::default()
    };
    let mut list = rig.api().list_and_watch(&filter).await.expect("listed");
    assert_eq!(next(rig, &mut list).await, Some(FlowEvent::Listed(Vec::new())));

    create(rig, namespace, "api-unlisted", |_| {}).await;
    let made = create(rig, namespace, "api-listed", |_| {}).await.id;
    let first = next(rig, &mut list).await;
    assert!(matches!(&first, Some(FlowEvent::Changed(view)) if view.id == made), "{first:?}");

    until(rig, &made, "a person is asked", |view| asks(view, 1, BatchPhase::Smoked)).await;
    rig.api().cancel(&made).await.expect("allowed");
    let mut ended = false;
    while !ended {
        match next(rig, &mut list).await {
            Some(FlowEvent::Changed(view)) => {
                assert_eq!(view.id, made);
                ended = view.record.phase == FlowPhase::Canceled;
            }
            other => panic!("{other:?} came before the end of {made}"),
        }
    }
    let mut anew = rig.api().list_and_watch(&filter).await.expect("listed");
    assert_eq!(next(rig, &mut anew).await, Some(FlowEvent::Listed(alloc::vec![get(rig, &made).await])));

    assert_eq!(forget(rig, &made).await, Ok(()));
    loop {
        match next(rig, &mut list).await {
            Some(FlowEvent::Removed(gone)) => break assert_eq!(gone, id(namespace, "api-listed")),
            Some(FlowEvent::Changed(view)) => assert_eq!(view.id, made),
            other => panic!("{other:?} came before the removal of {made}"),
        }
    }
}

/// Watches to the end of the watch.
async fn watch<R: ApiRig>(rig: &R, id: &crate::model::FlowId, target: Option<Target>) -> Vec<FlowView> {
    let mut stream = rig.api().watch(id, target).await.expect("watched");
    let mut seen = Vec::new();
    while let Some(view) = next(rig, &mut stream).await {
        seen.push(view);
    }
    seen
}

/// The next item; time passes meanwhile.
async fn next<R: ApiRig, T>(rig: &R, stream: &mut ApiStream<T>) -> Option<T> {
    for _ in 0..PATIENCE {
        let poll = poll_fn(|cx| Poll::Ready(stream.as_mut().poll_next(cx))).await;
        if let Poll::Ready(item) = poll {
            return item.map(|item| item.expect("the watch goes on"));
        }
        rig.pass_time().await;
    }
    panic!("nothing came of the watch")
}
