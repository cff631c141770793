//! What is refused before a flow is made, and what is not.

use std::fs;

use super::rig::Play;
use crate::views::id;

/// Types `command -f` for a flow of instance `web`: what it did, or why it was refused.
fn typed(play: &Play, command: &str, flow: &str) -> Result<String, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), manifest(flow)).unwrap();
    let (done, text) = play.typed(&[command, "-f", file.path().to_str().unwrap()]);
    done.map(|_| text).map_err(|failure| failure.message)
}

/// `name action`, then fields of the application, and after a `|` fields of the strategy, after another of the spec.
fn manifest(flow: &str) -> String {
    let mut parts = flow.split('|').map(str::trim);
    let mut words = parts.next().unwrap().splitn(3, ' ');
    let (name, action) = (words.next().unwrap(), words.next().unwrap());
    let (application, strategy) = (words.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let kind = match action {
        "create" | "update" | "rollback" => "updateStrategy",
        _ => "nonUpdateStrategy",
    };
    let spec = parts.next().unwrap_or_default();
    format!(
        "apiVersion: apps.triton.io/v1alpha1\nkind: DeployFlow\nmetadata: {{name: {name}}}\nspec:\n  action: {action}\n  \
         application: {{appID: 1, groupID: 1, appName: web, instanceName: web, {application}}}\n  \
         {kind}: {{mode: auto, {strategy}}}\n  {spec}\n"
    )
}

/// The template with this version.
fn of(version: u32) -> String {
    format!("template: {{spec: {{containers: [{{name: web, image: 'web:{version}'}}]}}}}")
}

/// Makes a flow and lets it come to its end, or to a person; whether it waits for one.
fn carried(play: &Play, flow: &str) -> bool {
    typed(play, "create", flow).unwrap();
    play.carry(&id(flow.split(' ').next().unwrap()))
}

/// `web` with so many pods of version 1, and an update to version 2 whose canary waits for a person.
fn updating(replicas: u32, canary: u32) -> Play {
    let play = Play::new(1);
    assert!(!carried(&play, &format!("one create replicas: {replicas}, {}", of(1))));
    assert!(carried(&play, &format!("two update {} | canary: {canary}", of(2))));
    play
}

/// Makes a flow, or tells why it is refused. A plan refuses the same in the same words, and makes nothing.
fn ordered(play: &Play, order: &str) -> Result<String, String> {
    let flows = || play.typed(&["list", "-o", "name"]).1;
    let before = flows();
    let plan = typed(play, "plan", order);
    assert_eq!(flows(), before, "{order}");
    let made = typed(play, "create", order);
    assert_eq!(plan.err().as_ref(), made.as_ref().err(), "{order}");
    made
}

#[test]
fn a_plan_refuses_what_create_refuses() {
    let one = format!("one create replicas: 2, {}", of(1));
    let rows = [
        (one.replace("one", "again"), "WorkloadExists"),
        ("back rollback".into(), "NoRevision"),
        ("less scale_in replicas: 5".into(), "WrongSize"),
        ("more scale_out replicas: 1".into(), "WrongSize"),
        ("less scale_in replicas: 1 | podsToDelete: [nope]".into(), "WrongPods"),
        (format!("next update {}", of(2)), ""),
        ("all scale replicas: 4".into(), ""),
    ];
    let play = Play::new(1);
    assert!(ordered(&play, &one).is_ok() && !play.carry(&id("one")));
    play.settle();
    for (order, reason) in rows {
        match ordered(&play, &order) {
            Ok(_) => assert_eq!(reason, "", "{order}"),
            Err(message) => assert!(!reason.is_empty() && message.contains(reason), "{order}: {message}"),
        }
    }
}

#[test]
fn an_order_without_an_instance_is_refused_in_the_same_words_and_a_delete_is_none() {
    let update = format!("next update {}", of(2));
    for (order, reason) in [
        (&*update, "WorkloadMissing"),
        ("back rollback", "WorkloadMissing"),
        ("less scale_in replicas: 5", "WorkloadMissing"),
        ("all restart", "WorkloadMissing"),
        ("all delete", ""),
    ] {
        match ordered(&Play::new(1), order) {
            Ok(_) => assert_eq!(reason, "", "{order}"),
            Err(message) => assert!(!reason.is_empty() && message.contains(reason), "{order}: {message}"),
        }
    }
}

#[test]
fn sizes_are_compared_with_the_one_that_the_application_has_without_the_pods_of_a_batch() {
    let named = |play: &Play| {
        let (_, pods) = play.typed(&["pods", "web", "-o", "name"]);
        let mut names = pods.lines().map(|line| line.trim_start_matches("pod/").to_owned());
        format!("podsToDelete: [{}, {}]", names.next().unwrap(), names.next().unwrap())
    };
    // Pods, those of the canary beside them, the order, and what is refused of it.
    let rows = [
        (6, 3, "x scale_out replicas: 8", ""),
        (6, 3, "x scale_out replicas: 6", ""),
        (6, 3, "x scale_out replicas: 5", "there are more pods (6) than 5"),
        (4, 1, "x scale_in replicas: 5", "there are fewer pods (4) than 5"),
        (4, 1, "x scale_in replicas: 4", ""),
        (4, 1, "x scale_in replicas: 3 | NAMED", "more pods are named (2) than leave (1)"),
        (4, 1, "x scale_in replicas: 2 | NAMED", ""),
        (4, 1, "x scale replicas: 5", ""),
    ];
    for (replicas, canary, order, refused) in rows {
        let play = updating(replicas, canary);
        let order = order.replace("NAMED", &named(&play));
        match ordered(&play, &order) {
            Ok(_) => assert_eq!(refused, "", "{order}"),
            Err(message) => assert!(!refused.is_empty() && message.contains(refused), "{order}: {message}"),
        }
    }
}

#[test]
fn what_was_carried_out_is_made_again_whatever_would_be_refused_of_it_and_ends_at_once() {
    let play = Play::new(1);
    let orders = [
        ("one", format!("one create replicas: 3, {}", of(1))),
        ("two", format!("two update {}", of(2))),
        ("back", "back rollback".into()),
        ("less", "less scale_in replicas: 2".into()),
        ("more", "more scale_out replicas: 4".into()),
    ];
    for (name, order) in &orders {
        assert!(!carried(&play, order), "{name}");
        play.remove(&id(name));
    }
    assert!(!carried(&play, "small scale_in replicas: 1"));
    for (name, order) in &orders {
        let made = typed(&play, "create", order).unwrap_or_else(|refused| panic!("{name}: {refused}"));
        assert!(made.contains("remembers that flow") && made.contains("AlreadyCarriedOut"), "{name}: {made}");
        assert!(!play.carry(&id(name)));
        assert!(play.did(&["get", name]).contains("AlreadyCarriedOut"), "{name}");
    }
}

#[test]
fn a_flow_that_has_not_ended_is_nothing_to_return_to() {
    let revision = |play: &Play| {
        let shown = play.did(&["instances", "-o", "json"]);
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        format!("rollbackTo: {{revision: {}}}", shown["items"][0]["updateRevision"].as_str().unwrap())
    };
    let template = format!("back rollback {}", of(2));
    let play = updating(4, 1);
    let by_revision = format!("back rollback || {}", revision(&play));
    for order in [&template, &by_revision] {
        let refused = typed(&play, "create", order).unwrap_err();
        assert!(refused.starts_with("NoRevision: flow default/two has not ended"), "{order}: {refused}");
        assert!(refused.contains("kubectl triton next") && refused.contains("another"), "{refused}");
    }
    let refused = play.typed(&["rollback", "web", "--to-flow", "two"]).0.unwrap_err().message;
    assert!(refused.starts_with("NoRevision: flow default/two has not ended"), "{refused}");
    assert!(typed(&play, "create", &format!("other rollback {}", of(1))).is_ok(), "that was good before");

    // Whoever names a flow that was cancelled wants what it brought.
    let play = updating(4, 1);
    play.did(&["cancel", "two"]);
    let refused = play.typed(&["rollback", "web", "--to-flow", "two"]).0.unwrap_err().message;
    assert!(refused.contains("has not ended"), "{refused}");
    assert!(!play.carry(&id("two")));
    let done = play.did(&["rollback", "web", "--to-flow", "two"]);
    assert!(done.contains("carries out rollback to flow two"), "{done}");
}

/// The same by kubectl, which nobody stops from making the flow.
#[test]
fn a_rollback_to_what_runs_fails_before_anything_is_touched() {
    let play = updating(4, 1);
    let before = play.did(&["pods", "web", "-o", "name"]);
    play.apply(&manifest(&format!("back rollback {}", of(2))));
    play.look(&id("back"));
    let ended = play.did(&["get", "back"]);
    assert!(ended.contains("Failed") && ended.contains("flow default/two has not ended"), "{ended}");
    assert!(play.carry(&id("two")), "the update still asks a person");
    assert_eq!(play.did(&["pods", "web", "-o", "name"]), before);
}
