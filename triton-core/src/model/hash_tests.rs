use super::*;
use crate::model::{Draft, NonUpdateStrategy, RollbackTarget, UpdateStrategy};

/// A later version has to find the orders that an earlier one noted: these texts never change.
#[test]
fn the_hash_of_a_spec_is_the_same_in_every_version() {
    let hashes = [
        (update(|_| {}), "af92cd582fdd9de0"),
        (update(|draft| draft.replicas = Some(3)), "9defb1b628594f6c"),
        (full(), "4527505d0d4c2ac4"),
        (other("restart", |_| {}), "ae713d9d489ad2de"),
    ];
    for (draft, hash) in hashes {
        let (spec, _) = draft.parse().expect("a good draft");
        assert_eq!(SpecHash::of(&spec).to_string(), hash, "{}", canonical(&spec));
    }
}

#[test]
fn the_text_that_is_hashed_says_what_was_said_and_nothing_else() {
    let (spec, _) = update(|_| {}).parse().expect("a good draft");
    let text = concat!(
        r#"{"action":"update","appID":1,"appName":"shop","groupID":2,"instanceName":"shop","#,
        r#""template":{"spec":{"containers":[{"image":"app:1","name":"app"}]}}}"#
    );
    assert_eq!(canonical(&spec), text);
}

#[test]
fn what_means_the_same_has_the_same_hash() {
    let same: [(&str, Draft); 9] = [
        (
            "empty fields of the template",
            update(|draft| {
                let template = draft.template.as_mut().expect("a template");
                template["metadata"] = json!({ "labels": {}, "annotations": null });
                template["spec"]["containers"][0]["env"] = json!([]);
            }),
        ),
        (
            "defaults that are said",
            update(|draft| {
                draft.application_type = "CloneSet".into();
                draft.update_strategy = Some(defaults());
            }),
        ),
        ("an empty strategy", update(|draft| draft.update_strategy = None)),
        ("empty labels", update(|draft| draft.application_label.clear())),
        (
            "what a person ordered",
            update(|draft| {
                strategy(draft, |strategy| {
                    strategy.paused = Some(true);
                    strategy.canceled = Some(true);
                    strategy.resumes = Some(3);
                    strategy.batches = Some(4);
                    strategy.stage = Some("Baked".into());
                    strategy.superseded_by = Some("other".into());
                })
            }),
        ),
        (
            "sizes and times that may change",
            update(|draft| {
                strategy(draft, |strategy| {
                    strategy.batch_size = Some(RawSize::Int(3));
                    strategy.batch_interval_seconds = Some(7);
                    strategy.progress_deadline_seconds = Some(70);
                })
            }),
        ),
        (
            "nothing, as Go's clients write it",
            update(|draft| {
                let template = draft.template.as_mut().expect("one");
                template["metadata"] = Value::Null;
                template["spec"]["containers"][0]["resources"] = Value::Null;
            }),
        ),
        ("a selector that is null", update(|draft| draft.selector = Some(Value::Null))),
        ("claims that are null", update(|draft| draft.volume_claim_templates = Some(Value::Null))),
    ];
    let plain = hash(&update(|_| {}));
    for (what, draft) in same {
        assert_eq!(hash(&draft), plain, "{what}");
    }
    let named = |pods: [&str; 2]| {
        other("restart", |strategy| strategy.pods_to_delete = Some(pods.map(String::from).to_vec()))
    };
    assert_eq!(hash(&named(["a", "b"])), hash(&named(["b", "a"])), "names in another order");
}

#[test]
fn everything_that_may_not_change_after_a_flow_was_made_changes_its_hash() {
    let drafts = [
        update(|_| {}),
        update(|draft| draft.action = "create".into()).replicas(1),
        update(|draft| draft.action = "rollback".into()),
        update(|draft| draft.app_id = 7),
        update(|draft| draft.group_id = 7),
        update(|draft| draft.app_name = "other".into()),
        update(|draft| draft.instance_name = "other".into()),
        update(|_| {}).replicas(0),
        update(|_| {}).replicas(1),
        update(|draft| {
            draft.template.as_mut().expect("one")["spec"]["containers"][0]["image"] = json!("app:2")
        }),
        update(|draft| {
            draft.template.as_mut().expect("one")["metadata"] = json!({ "annotations": { "a": "b" } });
        }),
        update(|draft| draft.application_label = [("a".into(), "b".into())].into()),
        update(|draft| draft.volume_claim_templates = Some(json!([{ "metadata": { "name": "data" } }]))),
        update(|draft| draft.selector = Some(json!({ "matchLabels": { "app": "1" } }))),
        update(|draft| strategy(draft, |strategy| strategy.canary = Some(1))),
        update(|draft| strategy(draft, |strategy| strategy.mode = Some("auto".into()))),
        update(|draft| strategy(draft, |strategy| strategy.no_pull_in = Some(true))),
        update(|draft| strategy(draft, |strategy| strategy.drain_seconds = Some(11))),
        update(|draft| strategy(draft, |strategy| strategy.max_unavailable = Some(RawSize::Int(1)))),
        update(|draft| {
            strategy(draft, |strategy| strategy.max_unavailable = Some(RawSize::Text("1%".into())))
        }),
        update(|draft| strategy(draft, |strategy| strategy.failure_threshold = Some(RawSize::Int(1)))),
        update(|draft| strategy(draft, |strategy| strategy.on_failure = Some("cancel".into()))),
        update(|draft| strategy(draft, |strategy| strategy.on_failure = Some("rollback".into()))),
        update(|draft| strategy(draft, |strategy| strategy.cancel_policy = Some("revert".into()))),
        update(|draft| {
            strategy(draft, |strategy| strategy.pod_replacement_policy = Some("TerminationComplete".into()))
        }),
        other("restart", |_| {}),
        other("restart", |strategy| strategy.pods_to_delete = Some(["a".into()].to_vec())),
        other("restart", |strategy| strategy.pods_to_delete = Some(["b".into()].to_vec())),
        other("stop", |_| {}),
        Draft {
            template: None,
            rollback_to: to("shop-1"),
            ..update(|draft| draft.action = "rollback".into())
        },
        Draft {
            template: None,
            rollback_to: to("shop-2"),
            ..update(|draft| draft.action = "rollback".into())
        },
    ];
    let hashes: alloc::collections::BTreeSet<SpecHash> = drafts.iter().map(hash).collect();
    assert_eq!(hashes.len(), drafts.len());
}

#[test]
fn a_hash_is_read_as_it_was_written_and_nothing_else_is() {
    for hash in [SpecHash(0), SpecHash(u64::MAX), hash(&full())] {
        assert_eq!(SpecHash::parse(&hash.to_string()), Some(hash));
    }
    for other in ["", "1", "00000000000000001", "+000000000000001", "000000000000000g", "0x00000000000000"] {
        assert_eq!(SpecHash::parse(other), None, "{other}");
    }
}

trait Sized {
    fn replicas(self, replicas: i64) -> Self;
}

impl Sized for Draft {
    fn replicas(self, replicas: i64) -> Self {
        Self { replicas: Some(replicas), ..self }
    }
}

fn update(change: impl FnOnce(&mut Draft)) -> Draft {
    let mut draft = Draft {
        action: "update".into(),
        app_id: 1,
        group_id: 2,
        app_name: "shop".into(),
        instance_name: "shop".into(),
        template: Some(json!({ "spec": { "containers": [{ "name": "app", "image": "app:1" }] } })),
        update_strategy: Some(UpdateStrategy::default()),
        ..Draft::default()
    };
    change(&mut draft);
    draft
}

/// What counts where nothing is said.
fn defaults() -> UpdateStrategy {
    UpdateStrategy {
        mode: Some("manual".into()),
        drain_seconds: Some(10),
        canary: Some(0),
        no_pull_in: Some(false),
        failure_threshold: Some(RawSize::Text("0%".into())),
        on_failure: Some("pause".into()),
        cancel_policy: Some("freeze".into()),
        pod_replacement_policy: Some("TerminationStarted".into()),
        ..UpdateStrategy::default()
    }
}

fn strategy(draft: &mut Draft, change: impl FnOnce(&mut UpdateStrategy)) {
    change(draft.update_strategy.get_or_insert_default());
}

fn other(action: &str, change: impl FnOnce(&mut NonUpdateStrategy)) -> Draft {
    let mut strategy = NonUpdateStrategy::default();
    change(&mut strategy);
    let draft = update(|draft| draft.action = action.into());
    Draft { template: None, update_strategy: None, non_update_strategy: Some(strategy), ..draft }
}

fn to(revision: &str) -> Option<RollbackTarget> {
    Some(RollbackTarget { revision: revision.into() })
}

/// Every field that the hash covers of a flow that brings a template.
fn full() -> Draft {
    update(|draft| {
        draft.replicas = Some(5);
        draft.application_label = [("team".into(), "tea".into()), ("a/b".into(), "c".into())].into();
        draft.volume_claim_templates = Some(json!([{
            "metadata": { "name": "data", "annotations": { "says": "\"ä\"" } },
        }]));
        draft.selector = Some(json!({ "matchLabels": { "app": "1" } }));
        strategy(draft, |strategy| {
            strategy.canary = Some(1);
            strategy.mode = Some("auto".into());
            strategy.no_pull_in = Some(true);
            strategy.drain_seconds = Some(0);
            strategy.max_unavailable = Some(RawSize::Text("25%".into()));
            strategy.failure_threshold = Some(RawSize::Int(1));
            strategy.on_failure = Some("rollback".into());
            strategy.cancel_policy = Some("revert".into());
        });
    })
}

fn hash(draft: &Draft) -> SpecHash {
    SpecHash::of(&draft.parse().unwrap_or_else(|faults| panic!("{faults}: {draft:?}")).0)
}
