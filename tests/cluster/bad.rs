//! What is wrong with a flow, and how the refusal says so.

use serde_json::{Value, json};

use crate::app;

/// A field below `spec`, a value that is refused there (null: the field is missing), the field that the
/// refusal names, and words of it.
pub(crate) type Case = (&'static str, Value, &'static str, &'static str);

/// Everything of semantics.md, section 9, that the object alone shows.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![
        ("action", json!("destroy"), "action", "must be one of"),
        ("nonUpdateStrategy", json!({"podsToDelete": ["web-1"]}), "nonUpdateStrategy", "updateStrategy"),
        ("updateStrategy.mode", json!("fast"), "updateStrategy.mode", "auto or manual"),
        ("updateStrategy.stage", json!("Frying"), "updateStrategy.stage", "must be one of"),
        ("updateStrategy.onFailure", json!("explode"), "updateStrategy.onFailure", "pause, cancel or"),
        ("updateStrategy.onFailure", json!("stop"), "updateStrategy.onFailure", "pause, cancel or"),
        ("updateStrategy.cancelPolicy", json!("undo"), "updateStrategy.cancelPolicy", "freeze or revert"),
        (
            "updateStrategy.podReplacementPolicy",
            json!("Failed"),
            "updateStrategy.podReplacementPolicy",
            "TerminationStarted or TerminationComplete",
        ),
        ("updateStrategy.maxUnavailable", json!(0), "updateStrategy.maxUnavailable", "at least 1"),
        ("updateStrategy.failureThreshold", json!(-1), "updateStrategy.failureThreshold", "at least 1"),
        (
            "updateStrategy.failureThreshold",
            json!("101%"),
            "updateStrategy.failureThreshold",
            "between 1% and",
        ),
        ("rollbackTo", json!({"revision": "web-1"}), "rollbackTo", "action rollback only"),
        ("updateStrategy.canary", json!(-1), "updateStrategy.canary", "between 0 and 10000"),
        ("updateStrategy.canary", json!(10_001), "updateStrategy.canary", "between 0 and 10000"),
        ("updateStrategy.batches", json!(-1), "updateStrategy.batches", "between 0 and 1000"),
        ("updateStrategy.batches", json!(1_001), "updateStrategy.batches", "between 0 and 1000"),
        (
            "updateStrategy.batchIntervalSeconds",
            json!(-1),
            "updateStrategy.batchIntervalSeconds",
            "between 0",
        ),
        ("updateStrategy.drainSeconds", json!(-1), "updateStrategy.drainSeconds", "between 0"),
        ("updateStrategy.resumes", json!(-1), "updateStrategy.resumes", "between 0 and 2147483647"),
        ("updateStrategy.supersededBy", json!("A B"), "updateStrategy.supersededBy", "lower case letters"),
        (
            "updateStrategy.supersededBy",
            json!("ghost"),
            "updateStrategy.supersededBy",
            "beside canceled: true",
        ),
        (
            "updateStrategy.progressDeadlineSeconds",
            json!(0),
            "updateStrategy.progressDeadlineSeconds",
            "at least 1",
        ),
    ];
    cases.extend(applications());
    cases.extend(sizes());
    cases
}

/// The same for flows that bring no template.
pub(crate) fn orders() -> Vec<(Value, Case)> {
    let order = |action: &str, replicas| app::order("bad", action, replicas, json!({"batchSize": 1}));
    let mut cases: Vec<(Value, Case)> = ["scale", "scale_in", "scale_out"]
        .map(|action| {
            let case = ("application.replicas", Value::Null, "application.replicas", "required for action");
            (order(action, Some(2)), case)
        })
        .into();
    let many = "nonUpdateStrategy.batchSize";
    for size in [json!(4), json!("4")] {
        cases.push((order("scale", Some(5_000)), (many, size, many, "more than 1000 batches")));
    }
    for action in ["stop", "delete"] {
        let case = ("application.replicas", json!(1), "application.replicas", "must be 0, or be left out");
        cases.push((order(action, None), case));
    }
    let pods = "nonUpdateStrategy.podsToDelete";
    for (action, replicas) in [("scale_out", Some(9)), ("scale", Some(1)), ("stop", None), ("start", None)] {
        cases.push((order(action, replicas), (pods, json!(["web-1"]), pods, "scale_in and restart only")));
    }
    let template = json!({"spec": {"containers": [{"name": "web", "image": "nginx:1"}]}});
    let mut back = order("rollback", None);
    back["spec"]["rollbackTo"] = json!({"revision": "web-1"});
    cases.extend([
        (back.clone(), ("application.template", template, "rollbackTo", "give one of them")),
        (back.clone(), ("rollbackTo", json!({"revision": ""}), "rollbackTo.revision", "not be empty")),
        (
            back,
            ("nonUpdateStrategy", json!({"mode": "auto"}), "nonUpdateStrategy", "takes spec.updateStrategy"),
        ),
        (
            order("restart", None),
            ("updateStrategy", json!({"mode": "auto"}), "updateStrategy", "takes spec.nonUpdateStrategy"),
        ),
    ]);
    for (path, value, words) in [
        ("nonUpdateStrategy.onFailure", json!("stop"), "pause or cancel"),
        ("nonUpdateStrategy.maxUnavailable", json!("0%"), "between 1% and 100%"),
        ("nonUpdateStrategy.failureThreshold", json!(-1), "at least 1"),
        ("nonUpdateStrategy.batchSize", json!(0), "at least 1"),
        ("nonUpdateStrategy.drainSeconds", json!(-1), "between 0"),
        ("nonUpdateStrategy.resumes", json!(-1), "between 0"),
        ("nonUpdateStrategy.supersededBy", json!("web_2"), "lower case letters"),
    ] {
        cases.push((order("restart", None), (path, value, path, words)));
    }
    cases
}

fn applications() -> Vec<Case> {
    let long = "a".repeat(64);
    let mut cases = vec![
        ("application.replicas", Value::Null, "application.replicas", "required"),
        ("application.replicas", json!(-1), "application.replicas", "between 0 and 10000"),
        ("application.replicas", json!(10_001), "application.replicas", "between 0 and 10000"),
        ("application.template", Value::Null, "application.template", "required"),
        ("application.template.spec.containers", json!([]), "application.template", "at least one container"),
        ("application.appID", json!(-1), "application.appID", "between 0"),
        ("application.groupID", json!(-1), "application.groupID", "between 0"),
        ("application.appName", json!(""), "application.appName", "not be empty"),
        ("application.appName", json!("a".repeat(64)), "application.appName", "at most 63"),
        (
            "application.applicationLabel",
            json!({"team": "-x"}),
            "application.applicationLabel",
            "letters, digits",
        ),
        ("application.appName", json!("no spaces"), "application.appName", "letters, digits"),
        ("application.applicationType", json!("deployment"), "application.applicationType", "cloneset"),
    ];
    let longer = "a".repeat(53);
    for (name, words) in [
        ("", "not be empty"),
        ("Web", "lower case"),
        ("a_b", "lower case"),
        (&*long, "at most 63"),
        (&*longer, "at most 52 characters for action create"),
    ] {
        cases.push(("application.instanceName", json!(name), "application.instanceName", words));
    }
    for labels in [json!({"app": "other"}), json!({"tier": "front"})] {
        let selector = json!({"matchLabels": labels});
        cases.push(("application.selector", selector, "application.selector", "does not match the labels"));
    }
    let expression = json!({"matchExpressions": [{"key": "tier", "operator": "Exists"}]});
    cases.push(("application.selector", expression, "application.selector", "does not match the labels"));
    cases
}

fn sizes() -> Vec<Case> {
    let mut cases = Vec::new();
    let sizes = [
        (json!(0), "at least 1"),
        (json!(-1), "at least 1"),
        (json!("0"), "at least 1"),
        (json!("-3"), "at least 1"),
        (json!(10_001), "at most 10000"),
        (json!("10001"), "at most 10000"),
        (json!("0%"), "between 1% and 100%"),
        (json!("101%"), "between 1% and 100%"),
        (json!("many"), "whole number or a percentage"),
        (json!(""), "whole number or a percentage"),
        (json!("+5"), "whole number or a percentage"),
        (json!(" 5%"), "whole number or a percentage"),
        (json!("010"), "whole number or a percentage"),
    ];
    for (size, words) in sizes {
        cases.push(("updateStrategy.batchSize", size.clone(), "updateStrategy.batchSize", words));
        let strategy = json!({"batchSizes": [1, size]});
        cases.push(("updateStrategy", strategy, "updateStrategy.batchSizes[1]", words));
    }
    cases.push(("updateStrategy", json!({"batchSizes": []}), "updateStrategy.batchSizes", "not be empty"));
    let both = json!({"batchSize": 1, "batchSizes": [1]});
    cases.push(("updateStrategy", both, "updateStrategy.batchSizes", "one of them"));
    cases.push(("application.replicas", json!(1_001), "updateStrategy.batchSize", "more than 1000 batches"));
    cases
}

/// What an older definition may have let in.
pub(crate) fn wrong_values() -> Vec<Case> {
    vec![
        ("action", json!("destroy"), "action", ""),
        ("application.replicas", json!(-1), "application.replicas", ""),
        ("updateStrategy.batchSize", json!(0), "updateStrategy.batchSize", ""),
        ("updateStrategy.batchSize", json!("many"), "updateStrategy.batchSize", ""),
        ("updateStrategy.mode", json!("fast"), "updateStrategy.mode", ""),
        ("nonUpdateStrategy", json!({"podsToDelete": ["web-1"]}), "nonUpdateStrategy", ""),
        ("application.template.spec.containers", json!([]), "application.template", ""),
        ("application.replicas", Value::Null, "application.replicas", ""),
        ("application.selector", json!({"matchLabels": {"app": "other"}}), "application.selector", ""),
    ]
}

/// What only a definition without types lets in.
pub(crate) fn wrong_types() -> Vec<Case> {
    vec![
        ("action", json!(7), "action", ""),
        ("application.replicas", json!("three"), "application.replicas", ""),
        ("application.template", json!("nginx"), "application", ""),
        ("application", Value::Null, "application", ""),
        ("updateStrategy", json!([1]), "updateStrategy", ""),
    ]
}
