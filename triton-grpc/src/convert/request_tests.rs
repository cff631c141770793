use super::*;
use crate::views;
use triton_core::service::ApiErrorKind;

#[test]
fn a_flow_is_named_by_namespace_and_name() {
    let id = views::id("12122-sample-10010-df");
    assert_eq!(flow_id(meta_request(&id).deploy.as_ref()), Ok(id));
}

#[test]
fn names_that_are_none_are_refused_with_their_fields() {
    let named = |namespace: &str, name: &str| {
        let meta = DeployMeta { namespace: namespace.into(), name: name.into() };
        flow_id(Some(&meta)).map_err(refusal)
    };
    assert_eq!(flow_id(None).map_err(refusal), Err("deploy: must be given".into()));
    assert_eq!(named("", "df"), Err("deploy.namespace: must not be empty".into()));
    assert_eq!(named("default", ""), Err("deploy.name: must not be empty".into()));
    assert!(named("default", "Upper").unwrap_err().starts_with("deploy.name: must consist of"));
}

#[test]
fn what_the_caller_saw_waiting_survives_the_round_trip() {
    for phase in BatchPhase::TARGETS {
        let seen = Some(Target { batch: 2, phase });
        assert_eq!(expected(&next_request(&views::id("df"), seen)), Ok(seen));
    }
    assert_eq!(expected(&next_request(&views::id("df"), None)), Ok(None));
}

#[test]
fn what_cannot_wait_is_refused() {
    let seen = |batch, stage: &str| {
        let expected_stage = BatchStage { batch, stage: stage.into() };
        expected(&NextRequest { deploy: None, expected: Some(expected_stage) }).map_err(refusal)
    };
    let stages = "must be one of Pending, Smoking, Smoked, Baking, Baked";
    assert_eq!(seen(0, "Smoked"), Err("expected.batch: must be at least 1".into()));
    assert_eq!(seen(-1, "Smoked"), Err("expected.batch: must be at least 1".into()));
    assert_eq!(seen(1, "SmokeFailed"), Err(format!("expected.stage: {stages}")));
    assert_eq!(seen(1, ""), Err(format!("expected.stage: {stages}")));
}

#[test]
fn targets_survive_the_round_trip() {
    for phase in BatchPhase::TARGETS {
        let target = Target { batch: 3, phase };
        assert_eq!(continue_target(&continue_request(&views::id("df"), target)), Ok(target));
        assert_eq!(watch_target(&watch_request(&views::id("df"), Some(target))), Ok(Some(target)));
    }
    assert_eq!(watch_target(&watch_request(&views::id("df"), None)), Ok(None));
}

#[test]
fn a_batch_without_a_stage_means_its_start_to_continue_and_its_end_to_watch() {
    let target = Some(TargetState { stage: String::new(), batches: 2 });
    let go_on = ContinueRequest { deploy: None, target: target.clone() };
    assert_eq!(continue_target(&go_on), Ok(Target { batch: 2, phase: BatchPhase::Smoking }));
    let watch = WatchRequest { deploy: None, target };
    assert_eq!(watch_target(&watch), Ok(Some(Target { batch: 2, phase: BatchPhase::Baked })));
}

#[test]
fn an_empty_target_is_none_to_watch_and_refused_to_continue() {
    let target = Some(TargetState::default());
    assert_eq!(watch_target(&WatchRequest { deploy: None, target: target.clone() }), Ok(None));
    let refused = continue_target(&ContinueRequest { deploy: None, target }).map_err(refusal);
    assert_eq!(refused, Err("target.batches: must be at least 1".into()));
    let absent = continue_target(&ContinueRequest::default()).map_err(refusal);
    assert_eq!(absent, Err("target: must be given".into()));
    let half = TargetState { stage: "Baked".into(), batches: 0 };
    let refused = watch_target(&WatchRequest { deploy: None, target: Some(half) }).map_err(refusal);
    assert_eq!(refused, Err("target.batches: must be at least 1".into()));
}

#[test]
fn filters_survive_the_round_trip() {
    let filter = FlowFilter {
        namespace: Some(Namespace::new("default").unwrap()),
        instance_name: Some(InstanceName::new("12122-sample-10010").unwrap()),
        action: Some("update".into()),
        after: Some(views::at(5)),
        start: 20,
        page_size: 10,
    };
    assert_eq!(flow_filter(list_request(&filter)), Ok(filter));
    assert_eq!(flow_filter(list_request(&FlowFilter::default())), Ok(FlowFilter::default()));
    assert_eq!(flow_filter(DeploysRequest::default()), Ok(FlowFilter::default()));
}

#[test]
fn filters_that_make_no_sense_are_refused_with_their_fields() {
    let filtered = |change: fn(&mut DeployFilter)| {
        let mut filter = DeployFilter::default();
        change(&mut filter);
        flow_filter(DeploysRequest { filter: Some(filter) }).map_err(refusal).unwrap_err()
    };
    assert_eq!(filtered(|f| f.start = -1), "filter.start: must be at least 0");
    assert_eq!(filtered(|f| f.page_size = i32::MIN), "filter.pageSize: must be at least 0");
    assert_eq!(filtered(|f| f.namespace = "a.b".into()), "filter.namespace: must not contain '.'");
    assert!(filtered(|f| f.instance_name = "A".into()).starts_with("filter.instanceName: "));
    assert_eq!(filtered(|f| f.action = "explode".into()), "filter.action: \"explode\" is not an action");
    let after = |f: &mut DeployFilter| f.after = Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 });
    assert_eq!(filtered(after), "filter.after: is not a time");
}

fn refusal(error: ApiError) -> String {
    assert_eq!(error.kind, ApiErrorKind::InvalidArgument);
    error.message
}
