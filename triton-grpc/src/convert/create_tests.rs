use super::*;
use crate::convert::strategy::{size, wire_size};
use serde_json::json;
use triton_core::model::{NonUpdateStrategy, RawSize, UpdateStrategy};
use triton_core::service::ApiErrorKind;

#[test]
fn a_whole_application_survives_the_round_trip() {
    let flow = CreateFlow { namespace: namespace(), name: FlowName::new("df").ok(), draft: full() };
    assert_eq!(create_request(flow.clone(), None).and_then(create_flow), Ok((flow, None)));
    let flow = CreateFlow { namespace: namespace(), name: None, draft: tutorial() };
    let there = create_request(flow.clone(), Some("7f3a"));
    assert_eq!(there.and_then(create_flow), Ok((flow, Some("7f3a".into()))));
}

#[test]
fn the_tutorials_application_as_a_client_writes_it_is_one_that_the_core_admits() {
    let request = wire::CreateRequest {
        namespace: "default".into(),
        application_spec: Some(wire::ApplicationSpec {
            app_id: 12122,
            group_id: 10010,
            app_name: "deploy-demo-hello".into(),
            instance_name: "12122-sample-10010".into(),
            replicas: Some(3),
            ..Default::default()
        }),
        strategy: Some(wire::UpdateStrategy {
            canary: 1,
            batch_size: "1".into(),
            batch_interval_seconds: 10,
            mode: "auto".into(),
            ..Default::default()
        }),
        template: wire_object("template", &tutorial().template.unwrap()).ok(),
        ..Default::default()
    };
    let (flow, _) = create_flow(request).unwrap();
    let (spec, orders) = flow.draft.parse().unwrap();
    assert_eq!((spec.identity.app_id, spec.replicas, spec.canary), (12122, Some(3), 1));
    assert_eq!(orders.sizes.nth(0, 3), Some(1));
    assert_eq!(flow.draft.action, "create");
}

#[test]
fn what_stands_twice_must_agree() {
    let twice = |inner: i32| {
        let spec = wire::ApplicationSpec { app_id: inner, app_name: "a".into(), ..Default::default() };
        let request = wire::CreateRequest {
            namespace: "default".into(),
            app_id: 7,
            application_spec: Some(spec),
            ..Default::default()
        };
        create_flow(request).map(|(flow, _)| (flow.draft.app_id, flow.draft.app_name))
    };
    assert_eq!(twice(7), Ok((7, "a".into())));
    assert_eq!(twice(0), Ok((7, "a".into())));
    let refused = twice(8).unwrap_err();
    assert_eq!(refused.kind, ApiErrorKind::InvalidArgument);
    assert!(refused.message.starts_with("applicationSpec.appID: must equal"), "{refused}");
}

#[test]
fn names_that_are_none_are_refused_with_their_fields() {
    let refused = |request| create_flow(request).unwrap_err().message;
    assert_eq!(refused(wire::CreateRequest::default()), "namespace: must not be empty");
    let request = wire::CreateRequest { namespace: "default".into(), name: "A".into(), ..Default::default() };
    assert!(refused(request).starts_with("name: must consist of"));
}

#[test]
fn a_size_is_pods_or_percent_also_when_it_is_neither() {
    assert_eq!(size("3"), RawSize::Int(3));
    assert_eq!(size("25%"), RawSize::Text("25%".into()));
    assert_eq!(size("all"), RawSize::Text("all".into()));
    assert_eq!(wire_size(size("-1")), "-1");
}

#[test]
fn the_client_refuses_what_the_wire_cannot_carry_in_the_words_of_the_core() {
    let refused = |change: fn(&mut Draft)| {
        let mut draft = tutorial();
        change(&mut draft);
        let words = draft.parse().unwrap_err().to_string();
        let flow = CreateFlow { namespace: namespace(), name: None, draft };
        let refused = create_request(flow, None).unwrap_err();
        assert_eq!((refused.kind, refused.message), (ApiErrorKind::InvalidArgument, words));
    };
    refused(|draft| draft.app_id = i64::MAX);
    refused(|draft| draft.group_id = i64::MIN);
    refused(|draft| draft.replicas = Some(i64::MAX));
    refused(|draft| draft.action = String::new());
    refused(|draft| draft.update_strategy.as_mut().unwrap().batch_sizes = Some(Vec::new()));
}

fn namespace() -> Namespace {
    Namespace::new("default").unwrap()
}

fn tutorial() -> Draft {
    Draft {
        action: "create".into(),
        app_id: 12122,
        group_id: 10010,
        app_name: "deploy-demo-hello".into(),
        instance_name: "12122-sample-10010".into(),
        replicas: Some(3),
        template: Some(json!({
            "metadata": {},
            "spec": { "containers": [{ "name": "web", "image": "nginx:latest", "ports": [{ "containerPort": 80 }] }] },
        })),
        update_strategy: Some(UpdateStrategy {
            canary: Some(1),
            batch_interval_seconds: Some(10),
            mode: Some("auto".into()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// Every field that can be written.
fn full() -> Draft {
    Draft {
        application_type: "cloneset".into(),
        application_label: [("team".to_owned(), "web".to_owned())].into(),
        selector: Some(json!({ "matchLabels": { "app": "12122" } })),
        volume_claim_templates: Some(json!([{ "metadata": { "name": "data" } }])),
        update_strategy: Some(UpdateStrategy {
            paused: Some(true),
            canceled: Some(false),
            resumes: None,
            batch_size: Some(RawSize::Int(2)),
            batch_sizes: Some(vec![RawSize::Int(1), RawSize::Text("25%".into())]),
            batch_interval_seconds: Some(10),
            mode: Some("auto".into()),
            batches: Some(2),
            stage: Some("Smoked".into()),
            no_pull_in: Some(true),
            canary: Some(1),
            progress_deadline_seconds: Some(0),
            failure_grace_seconds: Some(0),
            drain_seconds: Some(0),
            max_unavailable: Some(RawSize::Int(1)),
            failure_threshold: Some(RawSize::Text("10%".into())),
            on_failure: Some("cancel".into()),
            cancel_policy: Some("revert".into()),
            pod_replacement_policy: Some("TerminationComplete".into()),
            superseded_by: None,
        }),
        non_update_strategy: Some(NonUpdateStrategy {
            paused: Some(false),
            canceled: Some(true),
            resumes: None,
            batch_size: Some(RawSize::Int(1)),
            batch_interval_seconds: Some(10),
            mode: Some("manual".into()),
            batches: Some(1),
            stage: Some("Baked".into()),
            batch_sizes: Some(vec![RawSize::Text("10%".into())]),
            progress_deadline_seconds: Some(60),
            failure_grace_seconds: Some(60),
            drain_seconds: Some(0),
            max_unavailable: Some(RawSize::Int(1)),
            failure_threshold: Some(RawSize::Text("10%".into())),
            on_failure: Some("cancel".into()),
            pod_replacement_policy: Some("TerminationComplete".into()),
            superseded_by: None,
            pods_to_delete: Some(vec!["12122-sample-10010-zh98f".into()]),
        }),
        rollback_to: Some(RollbackTarget { revision: "6ddf9b7cf4".into() }),
        labels: [("team".to_owned(), "web".to_owned())].into(),
        annotations: [("note".to_owned(), "made by hand".to_owned())].into(),
        ..tutorial()
    }
}
