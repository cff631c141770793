use super::*;
use triton_core::model::RawSize;
use triton_core::service::ApiErrorKind;

#[test]
fn every_order_survives_the_round_trip() {
    let revision = RollbackTo::Revision(Revision::new("6ddf9b7cf4").unwrap());
    let flow = RollbackTo::Flow(FlowName::new("12122-sample-10010-df").unwrap());
    let rollback = |to| InstanceOrder::Rollback { to, strategy: canary() };
    for order in [
        InstanceOrder::Restart { strategy: some() },
        InstanceOrder::Scale { replicas: 2, strategy: some() },
        InstanceOrder::Scale { replicas: 0, strategy: NonUpdateStrategy::default() },
        rollback(RollbackTo::LastGood),
        rollback(flow),
        rollback(revision),
        InstanceOrder::Start { replicas: None, strategy: some() },
        InstanceOrder::Start { replicas: Some(0), strategy: some() },
        InstanceOrder::Stop { strategy: some() },
        InstanceOrder::Delete { strategy: some() },
    ] {
        for request in [None, Some("7f3a")] {
            let call = order_call(&instance(), order.clone(), request).unwrap();
            let there =
                Asked { instance: instance(), order: order.clone(), request: request.map(Into::into) };
            assert_eq!(read(call), Ok(there));
        }
    }
}

#[test]
fn an_order_without_a_strategy_goes_as_a_manifest_without_one() {
    let request = ScaleRequest { instance: meta(), replicas: 2, ..ScaleRequest::default() };
    let InstanceOrder::Scale { strategy, .. } = Asked::try_from(request).unwrap().order else {
        panic!("another order came of a scale");
    };
    assert_eq!(strategy, NonUpdateStrategy::default());
}

#[test]
fn bad_orders_are_refused_with_their_fields() {
    let scale = ScaleRequest { instance: meta(), replicas: -1, ..ScaleRequest::default() };
    assert_eq!(refusal(scale), "replicas: must be at least 0");
    let start = StartRequest { instance: meta(), replicas: Some(-1), ..StartRequest::default() };
    assert_eq!(refusal(start), "replicas: must be at least 0");
    assert_eq!(refusal(StopRequest::default()), "instance: must be given");
    let back = RollbackRequest { instance: meta(), ..RollbackRequest::default() };
    let both = RollbackRequest { deploy_name: "df".into(), revision: "1".into(), ..back.clone() };
    assert_eq!(refusal(both), "revision: stands instead of deployName: give one of them");
    assert!(refusal(RollbackRequest { deploy_name: "DF".into(), ..back }).starts_with("deployName: "));
}

#[test]
fn what_a_server_made_has_a_name_or_is_nothing() {
    assert_eq!(made_name(""), Ok(None));
    assert_eq!(made_name("df"), Ok(FlowName::new("df").ok()));
    assert_eq!(made_name("DF").map_err(|error| error.kind), Err(ApiErrorKind::Internal));
}

fn read(call: OrderCall) -> Result<Asked, ApiError> {
    match call {
        OrderCall::Restart(request) => request.try_into(),
        OrderCall::Scale(request) => request.try_into(),
        OrderCall::Rollback(request) => request.try_into(),
        OrderCall::Start(request) => request.try_into(),
        OrderCall::Stop(request) => request.try_into(),
        OrderCall::Delete(request) => request.try_into(),
    }
}

fn refusal(request: impl TryInto<Asked, Error = ApiError>) -> String {
    let Err(error) = request.try_into() else { panic!("the order is bad") };
    assert_eq!(error.kind, ApiErrorKind::InvalidArgument);
    error.message
}

fn instance() -> InstanceId {
    InstanceId {
        namespace: "default".parse().expect("a namespace"),
        name: "12122-sample-10010".parse().expect("a name"),
    }
}

fn meta() -> Option<InstanceMeta> {
    Some(InstanceMeta { namespace: "default".into(), name: "12122-sample-10010".into() })
}

fn some() -> NonUpdateStrategy {
    NonUpdateStrategy {
        batch_size: Some(RawSize::Int(1)),
        batches: Some(1),
        batch_interval_seconds: Some(10),
        pods_to_delete: Some(vec!["12122-sample-10010-zh98f".into()]),
        ..NonUpdateStrategy::default()
    }
}

fn canary() -> UpdateStrategy {
    UpdateStrategy { canary: Some(1), mode: Some("auto".into()), ..UpdateStrategy::default() }
}
