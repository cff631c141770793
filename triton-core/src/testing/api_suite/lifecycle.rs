//! Orders to instances.

use alloc::format;

use super::super::rig::draft;
use super::{ApiRig, asks, create, get, id, refused, until};
use crate::model::{
    BatchPhase, FlowPhase, InstanceId, Namespace, NonUpdateStrategy, RawSize, UpdateStrategy,
};
use crate::service::{ApiErrorKind, CreateFlow, DeployApi, InstanceOrder, LifecycleApi, Made, RollbackTo};

pub(super) async fn what_is_absent_is_not_found_and_needs_no_removal(
    api: &impl LifecycleApi,
    namespace: &Namespace,
) {
    let absent = instance(namespace, "api-absent");
    let strategy = NonUpdateStrategy::default;
    for order in [
        InstanceOrder::Restart { strategy: strategy() },
        InstanceOrder::Scale { replicas: 1, strategy: strategy() },
        InstanceOrder::Rollback { to: RollbackTo::LastGood, strategy: UpdateStrategy::default() },
        InstanceOrder::Start { replicas: None, strategy: strategy() },
        InstanceOrder::Stop { strategy: strategy() },
    ] {
        for request in [None, Some("7f3a")] {
            refused(api.order(&absent, order.clone(), request).await, ApiErrorKind::NotFound);
        }
    }
    let nothing = Made { flow: None, rollback_to: "".into() };
    for request in [None, Some("7f3a")] {
        let delete = InstanceOrder::Delete { strategy: strategy() };
        assert_eq!(api.order(&absent, delete, request).await, Ok(nothing.clone()));
    }
}

pub(super) async fn what_a_rollback_returns_to_has_to_be_there<R: ApiRig>(
    rig: &R,
    api: &impl LifecycleApi,
    namespace: &Namespace,
) {
    let made = create(rig, namespace, "api-unrolled", |_| {}).await.id;
    until(rig, &made, "the canary runs", |view| asks(view, 1, BatchPhase::Smoked)).await;
    let to = RollbackTo::Flow(id(namespace, "api-absent").name);
    let order = InstanceOrder::Rollback { to, strategy: UpdateStrategy::default() };
    let refusal = api.order(&instance(namespace, "api-unrolled"), order, None).await.expect_err("refused");
    assert_eq!(refusal.kind, ApiErrorKind::NotFound, "{refusal}");
    let told = ["not kept any more", made.name.as_str(), "a revision", "nothing for the last good revision"];
    assert!(told.iter().all(|text| refusal.message.contains(text)), "{refusal}");

    let other = create(rig, namespace, "api-rolled", |_| {}).await.id;
    let rows = [
        ("api-unrolled", &made, format!("flow {made} has not ended")),
        ("api-unrolled", &other, format!("flow {other} is one of instance api-rolled")),
    ];
    for (of, to, wanted) in rows {
        let to = RollbackTo::Flow(to.name.clone());
        let order = InstanceOrder::Rollback { to, strategy: UpdateStrategy::default() };
        let refusal = api.order(&instance(namespace, of), order, None).await.expect_err("refused");
        assert_eq!(refusal.kind, ApiErrorKind::FailedPrecondition, "{refusal}");
        assert!(refusal.message.contains(&wanted), "{refusal}");
    }
}

pub(super) async fn an_instance_is_led_through_its_life<R: ApiRig>(
    rig: &R,
    api: &impl LifecycleApi,
    namespace: &Namespace,
) {
    let first = create(rig, namespace, "api-lived", |draft| {
        let strategy = draft.update_strategy.get_or_insert_default();
        (strategy.canary, strategy.mode) = (None, Some("auto".into()));
    });
    let first = first.await.id;
    until(rig, &first, "the first version serves", |view| view.record.finished).await;
    let second = CreateFlow { namespace: namespace.clone(), name: None, draft: draft("api-lived", 2, 3) };
    let second = rig.api().create(second).await.expect("made").id;
    until(rig, &second, "the second version serves", |view| view.record.finished).await;

    let rollback = |to| InstanceOrder::Rollback { to, strategy: updating() };
    let steps = [
        (rollback(RollbackTo::Flow(first.name.clone())), "rollback", 3),
        (rollback(RollbackTo::Flow(second.name.clone())), "rollback", 3),
        (rollback(RollbackTo::LastGood), "rollback", 3),
        (InstanceOrder::Scale { replicas: 5, strategy: quick() }, "scale", 5),
        (InstanceOrder::Scale { replicas: 2, strategy: quick() }, "scale", 2),
        (InstanceOrder::Restart { strategy: quick() }, "restart", 2),
        (InstanceOrder::Stop { strategy: quick() }, "stop", 0),
        (InstanceOrder::Start { replicas: None, strategy: quick() }, "start", 2),
        (InstanceOrder::Delete { strategy: quick() }, "delete", 0),
    ];
    let lived = instance(namespace, "api-lived");
    for (at, (order, action, replicas)) in steps.into_iter().enumerate() {
        let request = format!("step-{at}");
        let made = api.order(&lived, order.clone(), Some(&request)).await.expect("ordered");
        let flow = made.flow.expect("a flow carries it out");
        assert_eq!(flow.action, action);
        let again = api.order(&lived, order, Some(&request)).await.expect("answered");
        assert_eq!(again.flow.map(|flow| flow.id), Some(flow.id.clone()), "a repeated {action} acts once");
        let end = until(rig, &flow.id, "the order is carried out", |view| view.record.finished).await;
        assert_eq!((end.record.phase, end.record.replicas), (FlowPhase::Success, replicas), "{action}");
        assert_eq!(end.replicas, replicas, "the size that a finished {action} tells");
    }
    let gone = api.order(&lived, InstanceOrder::Stop { strategy: quick() }, None).await;
    refused(gone, ApiErrorKind::NotFound);
    assert_eq!(get(rig, &first).await.id, first, "flows outlive their workload");
}

fn instance(namespace: &Namespace, name: &str) -> InstanceId {
    InstanceId { namespace: namespace.clone(), name: name.parse().expect("a name") }
}

fn quick() -> NonUpdateStrategy {
    NonUpdateStrategy {
        batch_size: Some(RawSize::Int(2)),
        mode: Some("auto".into()),
        drain_seconds: Some(1),
        ..NonUpdateStrategy::default()
    }
}

fn updating() -> UpdateStrategy {
    quick().into()
}
