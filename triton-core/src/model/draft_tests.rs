use alloc::string::ToString;
use alloc::{format, vec};

use serde_json::json;

use super::*;
use crate::model::{BatchSize, CancelPolicy, Mode, OnFailure, RawSize, Seconds, Sizes, Target, Tolerance};

#[test]
fn the_tutorial_draft_is_accepted() {
    let (spec, orders) = tutorial().parse().expect("the tutorial is valid");
    assert_eq!(
        (spec.action, spec.replicas, spec.canary, spec.mode),
        (Action::Create, Some(3), 1, Mode::Auto)
    );
    assert_eq!(orders.sizes, Sizes(vec![BatchSize::Pods(1)]));
    assert_eq!((orders.interval, orders.deadline, spec.drain), (Seconds(10), Seconds(600), Seconds(10)));
}

#[test]
fn unknown_words_are_refused_with_the_known_ones() {
    refuses(Draft { action: "explode".into(), ..tutorial() }, "spec.action", "create, update");
    refuses(with(|s| s.mode = Some("fast".into())), "spec.updateStrategy.mode", "auto or manual");
    refuses(with(|s| s.stage = Some("SmokeFailed".into())), "spec.updateStrategy.stage", "Baked");
    let kind = Draft { application_type: "deployment".into(), ..tutorial() };
    refuses(kind, "spec.application.applicationType", "cloneset");
}

#[test]
fn create_without_replicas_is_refused_and_update_keeps_the_size() {
    refuses(Draft { replicas: None, ..tutorial() }, "spec.application.replicas", "required");
    let update = Draft { action: "update".into(), replicas: None, ..tutorial() };
    assert_eq!(update.parse().expect("valid").0.replicas, None);
}

#[test]
fn sizes_outside_their_bounds_are_refused() {
    for replicas in [-1, 10_001, i64::MAX] {
        refuses(Draft { replicas: Some(replicas), ..tutorial() }, "spec.application.replicas", "10000");
    }
    for size in [RawSize::Int(0), RawSize::Int(-3), RawSize::Text("0%".into()), RawSize::Text("x".into())] {
        refuses(with(|s| s.batch_size = Some(size.clone())), "spec.updateStrategy.batchSize", "must be");
    }
    refuses(with(|s| s.canary = Some(-1)), "spec.updateStrategy.canary", "between 0 and 10000");
    let superseded = with(|s| s.superseded_by = Some("ghost".into()));
    refuses(superseded, "spec.updateStrategy.supersededBy", "beside canceled: true");
    let taken = with(|s| (s.canceled, s.superseded_by) = (Some(true), Some("other".into())));
    assert!(taken.parse().is_ok());
    refuses(
        with(|s| s.batch_interval_seconds = Some(-1)),
        "spec.updateStrategy.batchIntervalSeconds",
        "between",
    );
    refuses(with(|s| s.batches = Some(1001)), "spec.updateStrategy.batches", "between 0 and 1000");
    refuses(
        with(|s| s.progress_deadline_seconds = Some(0)),
        "spec.updateStrategy.progressDeadlineSeconds",
        "1",
    );
    let many = Draft { replicas: Some(1001), ..tutorial() };
    refuses(many, "spec.updateStrategy.batchSize", "1000 batches");
}

#[test]
fn a_list_of_sizes_names_the_entry_that_is_wrong() {
    let sizes = vec![RawSize::Int(1), RawSize::Text("0%".into())];
    let draft = with(|s| (s.batch_size, s.batch_sizes) = (None, Some(sizes.clone())));
    refuses(draft, "spec.updateStrategy.batchSizes[1]", "between 1% and 100%");
    refuses(
        with(|s| s.batch_sizes = Some(vec![RawSize::Int(1)])),
        "spec.updateStrategy.batchSizes",
        "instead",
    );
    refuses(
        with(|s| (s.batch_size, s.batch_sizes) = (None, Some(vec![]))),
        "spec.updateStrategy.batchSizes",
        "empty",
    );
}

#[test]
fn a_strategy_of_the_wrong_kind_is_refused() {
    let draft = Draft { non_update_strategy: Some(NonUpdateStrategy::default()), ..tutorial() };
    refuses(draft, "spec.nonUpdateStrategy", "spec.updateStrategy");
    let draft = Draft { action: "restart".into(), ..tutorial() };
    refuses(draft, "spec.updateStrategy", "spec.nonUpdateStrategy");
}

#[test]
fn illegal_names_are_refused() {
    refuses(Draft { instance_name: String::new(), ..tutorial() }, "spec.application.instanceName", "empty");
    refuses(
        Draft { instance_name: "Not-Legal".into(), ..tutorial() },
        "spec.application.instanceName",
        "lower",
    );
    refuses(Draft { app_name: String::new(), ..tutorial() }, "spec.application.appName", "empty");
    refuses(Draft { app_name: "a b".into(), ..tutorial() }, "spec.application.appName", "letters");
    refuses(Draft { app_id: -1, ..tutorial() }, "spec.application.appID", "between");
    refuses(Draft { group_id: i64::MAX, ..tutorial() }, "spec.application.groupID", "between");
}

#[test]
fn a_label_that_an_identity_label_would_overwrite_is_refused_by_name() {
    let labels = "spec.application.template.metadata.labels";
    let (of_workload, all) = ("spec.application.applicationLabel", tutorial());
    let template = |key: &str, value: Value| {
        let mut template = all.template.clone().unwrap();
        template["metadata"] = json!({ "labels": { key: value, "line": "green" } });
        Draft { template: Some(template), ..all.clone() }
    };
    let workload = |key: &str, value: &str| Draft {
        application_label: [(key.to_string(), value.to_string())].into(),
        ..all.clone()
    };
    let update = |draft: Draft| Draft { action: "update".into(), ..draft };
    // The draft, and the label that is refused.
    let rows = [
        (template("app", json!("drinks")), Some(format!("{labels}.app"))),
        (template("app", json!("")), Some(format!("{labels}.app"))),
        (template("group", json!("1")), Some(format!("{labels}.group"))),
        (template("app.kubernetes.io/name", json!("x")), Some(format!("{labels}.app.kubernetes.io/name"))),
        (
            template("app.kubernetes.io/instance", json!("x")),
            Some(format!("{labels}.app.kubernetes.io/instance")),
        ),
        (template("managed-by", json!("helm")), Some(format!("{labels}.managed-by"))),
        (update(template("app", json!("drinks"))), Some(format!("{labels}.app"))),
        (workload("app", "drinks"), Some(format!("{of_workload}.app"))),
        // The same value, a number that is it, nothing, and keys of one's own.
        (template("app", json!(all.app_id.to_string())), None),
        (template("app", json!(all.app_id)), None),
        (template("app", Value::Null), None),
        (template("app.kubernetes.io/component", json!("x")), None),
        (workload("team", "drinks"), None),
        // Written when a workload is made, and never again.
        (update(workload("app", "drinks")), None),
        (all.clone(), None),
    ];
    for (draft, wanted) in rows {
        let refused = draft.parse_new().err().map(|Faults(faults)| faults[0].field.clone());
        assert_eq!(refused, wanted, "{draft:?}");
        assert!(draft.parse().is_ok(), "a flow that was made before can be read: {draft:?}");
    }
}

#[test]
fn a_selector_must_match_the_labels_under_the_identity_labels() {
    let wrong = json!({ "matchLabels": { "app": "other" } });
    refuses(Draft { selector: Some(wrong), ..tutorial() }, "spec.application.selector", "app=other");
    // The expression, and what is said of it.
    let rows = [
        (json!({ "key": "app", "operator": "DoesNotExist" }), "app"),
        (json!({ "key": "", "operator": "Exists" }), "give it a key"),
        (json!({ "operator": "Exists" }), "give it a key"),
        (json!({ "key": "app", "operator": "exists" }), "the operator of the expression on app must be In"),
    ];
    for (expression, says) in rows {
        let selector = json!({ "matchExpressions": [expression] });
        refuses(Draft { selector: Some(selector), ..tutorial() }, "spec.application.selector", says);
    }
    let own = json!({ "matchLabels": { "team": "a" } });
    refuses(Draft { selector: Some(own.clone()), ..tutorial() }, "spec.application.selector", "team=a");
    let template =
        json!({ "metadata": { "labels": { "team": "a" } }, "spec": { "containers": [{ "name": "c" }] } });
    assert!(Draft { selector: Some(own), template: Some(template), ..tutorial() }.parse().is_ok());
}

#[test]
fn a_selector_of_a_new_flow_has_the_fields_of_a_label_selector_and_no_others() {
    let expression = |expression: Value| json!({ "matchExpressions": [expression] });
    let exists = || json!({ "key": "app", "operator": "Exists" });
    // The selector, and below it the field that is refused.
    let rows = [
        (json!({ "matchLabel": { "a": "b" } }), Some(".matchLabel: unknown field `matchLabel`")),
        (json!({ "matchLabels": { "app": "12122" }, "app": "12122" }), Some(".app: unknown field")),
        (json!({ "matchLabels": ["app"] }), Some(".matchLabels: ")),
        (json!({ "matchLabels": { "app": 12122 } }), Some(".matchLabels.app: ")),
        (json!({ "matchExpressions": exists() }), Some(".matchExpressions: ")),
        (expression(json!({ "key": "app", "operator": "Exists", "value": [] })), Some("[0].value: unknown")),
        (expression(json!({ "key": "app", "operator": "Exists", "values": "a" })), Some("[0].values: ")),
        (expression(json!({ "key": "app" })), Some("[0]: missing field `operator`")),
        (expression(json!(["app", "Exists"])), Some("[0]: must be an object")),
        (json!([{ "app": "12122" }]), Some(": must be an object")),
        (json!("app=12122"), Some(": ")),
        (expression(exists()), None),
        (expression(json!({ "key": "app", "operator": "Exists", "values": null })), None),
        (json!({ "matchLabels": { "app": "12122" }, "matchExpressions": null }), None),
        (json!({}), None),
    ];
    for (selector, wanted) in rows {
        // Nothing is compared where no template is brought.
        let of =
            |action: &str| Draft { selector: Some(selector.clone()), action: action.into(), ..tutorial() };
        for draft in [of("update"), Draft { template: None, ..of("rollback") }] {
            let refused = draft.parse_new().map(|_| ()).map_err(|faults| faults.to_string());
            let below = wanted
                .map(|at| if at.starts_with('[') { format!(".matchExpressions{at}") } else { at.into() });
            match (refused, below) {
                (Ok(()), None) => {}
                (Err(says), Some(below)) => {
                    assert!(says.contains(&format!("spec.application.selector{below}")), "{below}: {says}");
                }
                (refused, below) => panic!("{selector} {below:?}: {refused:?}"),
            }
        }
    }
}

#[test]
fn a_template_is_needed_and_needs_a_container() {
    refuses(Draft { template: None, ..tutorial() }, "spec.application.template", "required");
    let empty = json!({ "metadata": {}, "spec": { "containers": [] } });
    let draft = Draft { template: Some(empty), ..tutorial() };
    refuses(draft, "spec.application.template.spec.containers", "at least one");
}

#[test]
fn policies_and_thresholds_are_words_and_sizes() {
    refuses(
        with(|s| s.max_unavailable = Some(RawSize::Int(0))),
        "spec.updateStrategy.maxUnavailable",
        "least 1",
    );
    let threshold = |raw| with(|s| s.failure_threshold = Some(raw));
    refuses(threshold(RawSize::Int(-1)), "spec.updateStrategy.failureThreshold", "least 1");
    let tolerance = |raw| threshold(raw).parse().expect("valid").0.tolerance;
    assert_eq!(tolerance(RawSize::Text("0%".into())), Tolerance::Nothing);
    assert_eq!(tolerance(RawSize::Text("50%".into())), Tolerance::UpTo(BatchSize::Percent(50)));
    refuses(with(|s| s.on_failure = Some("stop".into())), "spec.updateStrategy.onFailure", "pause, cancel");
    refuses(with(|s| s.cancel_policy = Some("undo".into())), "spec.updateStrategy.cancelPolicy", "revert");
    refuses(
        with(|s| s.pod_replacement_policy = Some("Failed".into())),
        "spec.updateStrategy.podReplacementPolicy",
        "TerminationStarted or TerminationComplete",
    );
    let set = with(|s| {
        s.on_failure = Some("rollback".into());
        s.cancel_policy = Some("revert".into());
    });
    let (spec, _) = set.parse().expect("valid");
    assert_eq!((spec.on_failure, spec.cancel_policy), (OnFailure::Rollback, CancelPolicy::Revert));
}

#[test]
fn a_change_of_size_is_told_in_the_other_strategy_and_says_how_many() {
    let scale = |action: &str, replicas, strategy| Draft {
        action: action.into(),
        replicas,
        update_strategy: None,
        non_update_strategy: Some(strategy),
        template: None,
        selector: None,
        ..tutorial()
    };
    let plain = NonUpdateStrategy::default;
    for action in ["scale", "scale_in", "scale_out"] {
        refuses(scale(action, None, plain()), "spec.application.replicas", "required");
    }
    for action in ["stop", "delete"] {
        refuses(scale(action, Some(1), plain()), "spec.application.replicas", "must be 0");
        assert!(scale(action, None, plain()).parse().is_ok());
    }
    let strategy = NonUpdateStrategy { batch_size: Some(RawSize::Int(0)), ..plain() };
    refuses(scale("scale", Some(1), strategy), "spec.nonUpdateStrategy.batchSize", "least 1");
    let named = |names: &[&str]| NonUpdateStrategy {
        pods_to_delete: Some(names.iter().map(ToString::to_string).collect()),
        ..plain()
    };
    let field = "spec.nonUpdateStrategy.podsToDelete";
    refuses(scale("scale_out", Some(1), named(&["a"])), field, "scale_in and restart");
    refuses(scale("scale_in", Some(1), named(&["a", "a"])), &format!("{field}[1]"), "twice");
    refuses(scale("restart", None, named(&["A b"])), &format!("{field}[0]"), "lower");
    let many = NonUpdateStrategy {
        pods_to_delete: Some((0..1001).map(|at| format!("a-{at}")).collect()),
        ..plain()
    };
    refuses(scale("scale_in", Some(1), many), field, "at most 1000 names");
    let (spec, _) = scale("scale_in", Some(1), named(&["b", "a"])).parse().expect("valid");
    assert_eq!(spec.pods.iter().map(ToString::to_string).collect::<Vec<_>>(), ["b", "a"]);
}

#[test]
fn a_rollback_returns_to_a_template_or_a_revision_and_not_both() {
    let to = Some(RollbackTarget { revision: "app-1".into() });
    refuses(Draft { rollback_to: to.clone(), ..tutorial() }, "spec.rollbackTo", "action rollback only");
    let both = Draft { action: "rollback".into(), rollback_to: to.clone(), ..tutorial() };
    refuses(both.clone(), "spec.rollbackTo", "one of them");
    let (spec, _) = Draft { template: None, ..both }.parse().expect("valid");
    assert_eq!(spec.rollback_to.map(|revision| revision.to_string()), Some("app-1".into()));
}

#[test]
fn a_new_instance_leaves_room_for_a_hash_in_its_label_and_one_that_is_there_may_not() {
    let named = |action: &str, length| {
        let instance_name = "a".repeat(length);
        Draft { action: action.into(), instance_name, selector: None, ..tutorial() }
    };
    let field = "spec.application.instanceName";
    assert!(named("create", 52).parse().is_ok() && named("update", 63).parse().is_ok());
    for length in [53, 63] {
        refuses(named("create", length), field, "must have at most 52 characters for action create");
    }
    refuses(named("update", 64), field, "must have at most 63 characters");
}

#[test]
fn all_faults_are_told_at_once() {
    let draft = Draft { app_id: -1, replicas: Some(-1), ..tutorial() };
    assert_eq!(draft.parse().expect_err("two faults").0.len(), 2);
}

fn refuses(draft: Draft, field: &str, part: &str) {
    let faults = draft.parse().expect_err(field);
    let found = faults.0.iter().any(|fault| fault.field == field && fault.message.contains(part));
    assert!(found, "{field} ({part}): {faults}");
}

#[test]
fn orders_that_could_not_be_read_again_are_refused_with_their_field() {
    let mut scale = Draft { action: "scale".into(), replicas: Some(5_000), ..tutorial() };
    (scale.template, scale.selector, scale.update_strategy) = (None, None, None);
    for (draft, strategy) in
        [(Draft { replicas: Some(5_000), ..with(|it| it.batch_size = None) }, "update"), (scale, "nonUpdate")]
    {
        let (spec, good) = draft.parse().expect("a good one");
        assert_eq!(spec.takes(&good), Ok(()));
        let sizes = |sizes: &[BatchSize]| Orders { sizes: Sizes(sizes.to_vec()), ..good.clone() };
        let far = Target { batch: 1_001, ..good.target };
        let rows = [
            ("batchSize", sizes(&[BatchSize::Pods(4)])),
            ("batchSize", sizes(&[BatchSize::Pods(9), BatchSize::Pods(1)])),
            ("batches", Orders { target: far, ..good.clone() }),
            ("resumes", Orders { resumes: u32::MAX, ..good.clone() }),
            ("batchIntervalSeconds", Orders { interval: Seconds(u32::MAX), ..good.clone() }),
            ("progressDeadlineSeconds", Orders { deadline: Seconds(u32::MAX), ..good.clone() }),
            ("progressDeadlineSeconds", Orders { deadline: Seconds(0), ..good.clone() }),
            ("failureGraceSeconds", Orders { grace: Seconds(u32::MAX), ..good.clone() }),
        ];
        for (field, orders) in rows {
            let faults = spec.takes(&orders).expect_err(field);
            assert_eq!(faults.0[0].field, format!("spec.{strategy}Strategy.{field}"), "{faults}");
        }
        assert_eq!(spec.takes(&sizes(&[BatchSize::Pods(5)])), Ok(()));
    }
}

fn with(change: impl FnOnce(&mut UpdateStrategy)) -> Draft {
    let mut draft = tutorial();
    change(draft.update_strategy.get_or_insert_default());
    draft
}

fn tutorial() -> Draft {
    Draft {
        action: "create".into(),
        app_id: 12122,
        group_id: 10010,
        app_name: "deploy-demo-hello".into(),
        instance_name: "12122-sample-10010".into(),
        replicas: Some(3),
        selector: Some(json!({ "matchLabels": {
            "app": "12122",
            "app.kubernetes.io/instance": "12122-sample-10010",
            "app.kubernetes.io/name": "deploy-demo-hello",
            "group": "10010",
            "managed-by": "triton-io",
        } })),
        template: Some(json!({
            "metadata": {},
            "spec": { "containers": [{ "image": "nginx:latest", "name": "12122-sample-10010-container" }] },
        })),
        update_strategy: Some(UpdateStrategy {
            batch_size: Some(RawSize::Int(1)),
            batch_interval_seconds: Some(10),
            canary: Some(1),
            mode: Some("auto".into()),
            ..UpdateStrategy::default()
        }),
        ..Draft::default()
    }
}
