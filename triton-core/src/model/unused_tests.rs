use alloc::collections::BTreeMap;
use alloc::string::ToString;

use serde_json::{Value, json};

use super::*;
use crate::model::{Draft, NonUpdateStrategy, RawSize, RollbackTarget, UpdateStrategy};

/// What becomes of a field that is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It has an effect.
    Acts,
    /// It is refused when the flow is made.
    Refused,
    /// It is taken, and named as one without effect.
    Unused,
    /// It is compared with the workload, which has it already: a flow with another value fails.
    Compared,
}
use Fate::{Acts, Compared, Refused, Unused};

/// A field, and what becomes of it for each action, in the order of [`Action::ALL`]: create, update, rollback,
/// restart, scale, scale_in, scale_out, start, stop, delete.
const FIELDS: [(&str, [Fate; 10]); 34] = [
    ("application.replicas", [Acts, Acts, Acts, Unused, Acts, Acts, Acts, Acts, Refused, Refused]),
    ("application.template", [Acts, Acts, Acts, Unused, Unused, Unused, Unused, Unused, Unused, Unused]),
    (
        "application.selector",
        [Acts, Compared, Compared, Compared, Compared, Compared, Compared, Compared, Compared, Compared],
    ),
    (
        "application.applicationLabel",
        [Acts, Compared, Compared, Compared, Compared, Compared, Compared, Compared, Compared, Compared],
    ),
    (
        "application.volumeClaimTemplates",
        [Acts, Compared, Compared, Compared, Compared, Compared, Compared, Compared, Compared, Compared],
    ),
    ("application.applicationType", [Refused; 10]),
    ("rollbackTo", [Refused, Refused, Acts, Refused, Refused, Refused, Refused, Refused, Refused, Refused]),
    ("updateStrategy", UPDATE),
    ("updateStrategy.paused", UPDATE),
    ("updateStrategy.canceled", UPDATE),
    ("updateStrategy.resumes", UPDATE),
    ("updateStrategy.batchSize", UPDATE),
    ("updateStrategy.batchSizes", UPDATE),
    ("updateStrategy.batchIntervalSeconds", UPDATE),
    ("updateStrategy.mode", UPDATE),
    ("updateStrategy.batches", UPDATE),
    ("updateStrategy.stage", UPDATE),
    ("updateStrategy.noPullIn", UPDATE),
    ("updateStrategy.canary", UPDATE),
    ("updateStrategy.progressDeadlineSeconds", UPDATE),
    ("updateStrategy.failureGraceSeconds", UPDATE),
    ("updateStrategy.drainSeconds", UPDATE),
    (
        "updateStrategy.maxUnavailable",
        [Unused, Acts, Acts, Refused, Refused, Refused, Refused, Refused, Refused, Refused],
    ),
    ("updateStrategy.failureThreshold", UPDATE),
    ("updateStrategy.onFailure", UPDATE),
    (
        "updateStrategy.cancelPolicy",
        [Unused, Acts, Acts, Refused, Refused, Refused, Refused, Refused, Refused, Refused],
    ),
    ("updateStrategy.podReplacementPolicy", UPDATE),
    ("updateStrategy.supersededBy", UPDATE),
    ("nonUpdateStrategy", OTHER),
    (
        "nonUpdateStrategy.podsToDelete",
        [Refused, Refused, Refused, Acts, Refused, Acts, Refused, Refused, Refused, Refused],
    ),
    (
        "nonUpdateStrategy.maxUnavailable",
        [Refused, Refused, Refused, Acts, Unused, Unused, Unused, Unused, Unused, Unused],
    ),
    (
        "nonUpdateStrategy.failureThreshold",
        [Refused, Refused, Refused, Acts, Acts, Unused, Acts, Acts, Unused, Unused],
    ),
    ("nonUpdateStrategy.onFailure", OTHER),
    (
        "nonUpdateStrategy.podReplacementPolicy",
        [Refused, Refused, Refused, Acts, Acts, Unused, Acts, Acts, Unused, Unused],
    ),
];
const UPDATE: [Fate; 10] = [Acts, Acts, Acts, Refused, Refused, Refused, Refused, Refused, Refused, Refused];
const OTHER: [Fate; 10] = [Refused, Refused, Refused, Acts, Acts, Acts, Acts, Acts, Acts, Acts];

/// Fields of the other strategy that stand in both, and have an effect wherever it is taken.
const ALIKE: [&str; 14] = [
    "paused",
    "canceled",
    "resumes",
    "batchSize",
    "batchSizes",
    "batchIntervalSeconds",
    "mode",
    "batches",
    "stage",
    "progressDeadlineSeconds",
    "failureGraceSeconds",
    "drainSeconds",
    "onFailure",
    "supersededBy",
];

#[test]
fn every_field_has_an_effect_or_is_refused_or_is_named_for_every_action() {
    let alike = ALIKE.map(|field| (alloc::format!("nonUpdateStrategy.{field}"), OTHER));
    let rows = FIELDS.map(|(field, fates)| (field.to_string(), fates)).into_iter().chain(alike);
    for (field, fates) in rows {
        for (action, fate) in Action::ALL.into_iter().zip(fates) {
            let told = match with(action, &field).parse() {
                Err(_) => Refused,
                Ok((spec, _)) if spec.unused().contains(&alloc::format!("spec.{field}").as_str()) => Unused,
                Ok(_) if fate == Compared => Compared,
                Ok(_) => Acts,
            };
            assert_eq!(told, fate, "{field} of {action}");
        }
    }
}

#[test]
fn the_table_has_every_field_that_there_is() {
    let set = |json: Value| -> Vec<String> { json.as_object().expect("fields").keys().cloned().collect() };
    let listed = |of: &str| -> Vec<String> {
        let below = FIELDS.iter().filter_map(|(field, _)| field.strip_prefix(of)?.strip_prefix('.'));
        below.map(ToString::to_string).collect()
    };
    let every = BTreeMap::from([
        ("updateStrategy", set(json!(update_strategy()))),
        ("nonUpdateStrategy", set(json!(non_update_strategy()))),
    ]);
    for (of, fields) in every {
        for field in fields {
            let alike = of == "nonUpdateStrategy" && ALIKE.contains(&field.as_str());
            assert!(alike || listed(of).contains(&field), "{of}.{field} is in no table");
        }
    }
}

#[test]
fn a_flow_whose_fields_all_have_an_effect_says_nothing() {
    for action in Action::ALL {
        let (spec, _) = plain(action).parse().expect("a good draft");
        assert_eq!(spec.unused_note(), None, "{action}");
    }
    let (spec, _) = Draft { replicas: Some(3), template: Some(template()), ..plain(Action::Restart) }
        .parse()
        .expect("a good draft");
    let note = "spec.application.template, spec.application.replicas have no effect for action restart";
    assert_eq!(spec.unused_note().as_deref(), Some(note));
}

/// A good draft, with a value in this field that is not the one where nothing is said.
fn with(action: Action, field: &str) -> Draft {
    let mut draft = plain(action);
    match field {
        "application.replicas" => draft.replicas = Some(3),
        "application.template" => draft.template = Some(template()),
        "application.selector" => draft.selector = Some(json!({ "matchLabels": { "group": "0" } })),
        "application.applicationLabel" => draft.application_label = [("a".into(), "b".into())].into(),
        "application.volumeClaimTemplates" => draft.volume_claim_templates = Some(json!([{}])),
        "application.applicationType" => draft.application_type = "statefulset".into(),
        "rollbackTo" => {
            draft.rollback_to = Some(RollbackTarget { revision: "shop-1".into() });
            if action == Action::Rollback {
                draft.template = None;
            }
        }
        "updateStrategy" => draft.update_strategy = Some(UpdateStrategy::default()),
        "nonUpdateStrategy" => draft.non_update_strategy = Some(NonUpdateStrategy::default()),
        _ => match field.split_once('.').expect("a path") {
            ("updateStrategy", name) => {
                draft.update_strategy = Some(only(json!(update_strategy()), name));
                if name == "noPullIn" && action == Action::Rollback {
                    draft.template = Some(template());
                }
            }
            ("nonUpdateStrategy", name) => {
                draft.non_update_strategy = Some(only(json!(non_update_strategy()), name));
            }
            other => panic!("{other:?}"),
        },
    }
    draft
}

fn only<T: serde::de::DeserializeOwned>(all: Value, name: &str) -> T {
    assert!(!all[name].is_null(), "there is no field {name}");
    let mut one = json!({ name: all[name] });
    if name == "supersededBy" {
        // By itself it is refused.
        one["canceled"] = json!(true);
    }
    serde_json::from_value(one).expect("it is one")
}

fn plain(action: Action) -> Draft {
    let sized = matches!(action, Action::Create | Action::Scale | Action::ScaleIn | Action::ScaleOut);
    let brings = matches!(action, Action::Create | Action::Update);
    Draft {
        action: action.as_str().into(),
        app_name: "shop".into(),
        instance_name: "shop".into(),
        replicas: sized.then_some(2),
        template: brings.then(template),
        ..Draft::default()
    }
}

fn template() -> Value {
    json!({ "spec": { "containers": [{ "name": "shop" }] } })
}

fn update_strategy() -> UpdateStrategy {
    UpdateStrategy {
        paused: Some(true),
        canceled: Some(true),
        resumes: Some(1),
        batch_size: Some(RawSize::Int(1)),
        batch_sizes: Some([RawSize::Int(1)].to_vec()),
        batch_interval_seconds: Some(1),
        mode: Some("auto".into()),
        batches: Some(2),
        stage: Some("Baked".into()),
        no_pull_in: Some(true),
        canary: Some(1),
        progress_deadline_seconds: Some(7),
        failure_grace_seconds: Some(7),
        drain_seconds: Some(7),
        max_unavailable: Some(RawSize::Int(1)),
        failure_threshold: Some(RawSize::Int(1)),
        on_failure: Some("cancel".into()),
        cancel_policy: Some("revert".into()),
        pod_replacement_policy: Some("TerminationComplete".into()),
        superseded_by: Some("other".into()),
    }
}

fn non_update_strategy() -> NonUpdateStrategy {
    NonUpdateStrategy {
        paused: Some(true),
        canceled: Some(true),
        resumes: Some(1),
        batch_size: Some(RawSize::Int(1)),
        batch_interval_seconds: Some(1),
        mode: Some("auto".into()),
        batches: Some(2),
        stage: Some("Baked".into()),
        batch_sizes: Some([RawSize::Int(1)].to_vec()),
        progress_deadline_seconds: Some(7),
        failure_grace_seconds: Some(7),
        drain_seconds: Some(7),
        max_unavailable: Some(RawSize::Int(1)),
        failure_threshold: Some(RawSize::Int(1)),
        on_failure: Some("cancel".into()),
        pod_replacement_policy: Some("TerminationComplete".into()),
        superseded_by: Some("other".into()),
        pods_to_delete: Some(["a".into()].to_vec()),
    }
}
