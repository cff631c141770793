//! Whole commands, typed at the API in-process over a simulated world.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;
use triton_core::model::FlowId;

use super::failure::Failure;
use super::rig::Play;

const TUTORIAL: &str = include_str!("../../../docs/tutorial/nginx-deployflow.yaml");
const NAME: &str = "12122-sample-10010-df";
const INSTANCE: &str = "12122-sample-10010";

#[test]
fn the_tutorial_is_typed_from_create_to_success() {
    let play = Play::new(1);
    let (folder, file) = manifest(TUTORIAL);
    let (done, text) = play.typed(&["create", "-f", &file]);
    assert_eq!(done, Ok(0), "{text}");
    assert!(
        text.starts_with("flow default/12122-sample-10010-df: made, create 12122-sample-10010\n"),
        "{text}"
    );
    assert!(text.contains("Service sample-12122-svc is no flow and was left alone"), "{text}");
    drop(folder);

    for (gate, then) in [("Smoked", "batch 1 may go on to Baking"), ("Baking", "batch 1 may go on to Baked")]
    {
        assert!(play.carry(&id()));
        let (done, text) = play.typed(&["explain", NAME]);
        assert_eq!(done, Ok(0));
        assert!(text.contains(&format!("kubectl triton next {NAME} --expect 1/{gate}")), "{text}");
        let (done, text) = play.typed(&["next", NAME]);
        assert_eq!((done, text), (Ok(0), format!("flow default/{NAME}: {then}\n")));
    }
    assert!(play.carry(&id()));
    let (done, text) = play.typed(&["continue", NAME, "--batch", "3"]);
    assert_eq!(done, Ok(0), "{text}");
    assert!(!play.carry(&id()), "nothing asks any more");
    let (done, text) = play.typed(&["wait", NAME]);
    assert_eq!(done, Ok(0));
    assert!(text.starts_with(&format!("flow default/{NAME}: Success")), "{text}");
    let (done, text) = play.typed(&["history", INSTANCE]);
    assert!(done == Ok(0) && text.contains("create   Success   3"), "{text}");
    let (done, text) = play.typed(&["pods", INSTANCE, "-o", "name"]);
    assert!(done == Ok(0) && text.lines().filter(|line| line.starts_with("pod/")).count() == 3, "{text}");
}

#[test]
fn next_is_refused_where_nobody_is_asked_and_where_another_gate_was_meant() {
    let play = started();
    let refused = play.typed(&["next", NAME, "--expect", "2/Baked"]).0.unwrap_err();
    assert_eq!(refused.hint, Some(format!("kubectl triton explain {NAME}")));
    assert_eq!(play.typed(&["next", NAME]).0, Ok(0));
    let refused = play.typed(&["next", NAME]).0.unwrap_err();
    assert!(refused.message.contains("the permission was given a moment ago"), "{refused:?}");
    assert_eq!(refused.hint, Some(format!("kubectl triton wait {NAME} --for=waiting")));
    play.did(&["cancel", NAME]);
    play.carry(&id());
    let refused = play.typed(&["next", NAME]).0.unwrap_err();
    assert_eq!(refused.hint, Some(format!("kubectl triton explain {NAME}")), "it has ended: {refused:?}");
}

#[test]
fn wait_ends_with_the_code_of_what_came() {
    let play = started();
    assert_eq!(play.typed(&["wait", NAME, "--for=waiting"]).0, Ok(0));
    assert_eq!(play.typed(&["wait", NAME, "--for=batch=1/Smoked"]).0, Ok(0));
    let (done, text) = play.typed(&["wait", NAME]);
    assert_eq!(done, Ok(6));
    assert!(text.contains(&format!("try: kubectl triton explain {NAME}")), "{text}");
    assert_eq!(play.typed(&["cancel", NAME]).0, Ok(0));
    play.carry(&id());
    assert_eq!(play.typed(&["wait", NAME]).0, Ok(4));
    assert_eq!(play.typed(&["wait", NAME, "--for=finished"]).0, Ok(0));
    assert_eq!(play.typed(&["wait", "nobody"]).0.unwrap_err().code, 1);
}

#[test]
fn a_pause_waits_for_a_person_and_a_deadline_is_kept() {
    let play = started();
    play.did(&["next", NAME]);
    play.did(&["pause", NAME]);
    play.carry(&id());
    assert_eq!(play.typed(&["wait", NAME]).0, Ok(6));
    assert_eq!(play.typed(&["wait", NAME, "--stay", "--timeout=1h"]).0, Ok(5));
    let text = play.did(&["explain", NAME]);
    assert!(text.contains("WHY        Paused: paused by order"), "{text}");
    assert!(text.contains(&format!("kubectl triton resume {NAME}")), "{text}");
    let again = play.did(&["pause", NAME]);
    assert!(again.contains("it was so already"), "{again}");
}

#[test]
fn programs_get_objects_and_names() {
    let play = started();
    let (_, text) = play.typed(&["get", NAME, "-o", "json"]);
    let object: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(object["status"]["conditions"][0]["phase"], "Smoked");
    let (_, text) = play.typed(&["list", "-o", "name"]);
    assert_eq!(text, format!("deployflow.apps.triton.io/{NAME}\n"));
    let (_, text) = play.typed(&["list", "-o", "yaml"]);
    assert!(text.contains("kind: List") && text.contains("reason: Approval"), "{text}");
    let (_, text) = play.typed(&["instances"]);
    assert!(text.starts_with("NAME                 STATUS       READY"), "{text}");
}

#[test]
fn a_list_shows_who_is_waited_for() {
    let play = started();
    let (_, text) = play.typed(&["list"]);
    let row = text.lines().nth(1).unwrap_or_default();
    assert!(row.starts_with(&format!("{NAME}   create   BatchStarted   0/3       0/3")), "{text}");
    assert!(row.ends_with("Approval"), "{text}");
    let (_, text) = play.typed(&["list", "--action", "update"]);
    assert!(text.contains("no flows in default"), "{text}");
}

#[test]
fn a_plan_is_what_the_simulated_flow_then_does() {
    for (size, canary) in [("1", 1), ("25%", 1), ("3", 2), ("100%", 0)] {
        let play = Play::new(7);
        let text = TUTORIAL
            .replace("replicas: 3", "replicas: 7")
            .replace("batchSize: 1", &format!("batchSize: {size}"))
            .replace("canary: 1", &format!("canary: {canary}"));
        let (_folder, file) = manifest(&text);
        let (done, text) = play.typed(&["plan", "-f", &file, "-o", "json"]);
        assert_eq!(done, Ok(0), "{text}");
        let plan: Value = serde_json::from_str(&text).unwrap();
        let planned: Vec<u64> = sizes(&plan["batches"]);

        assert_eq!(play.typed(&["create", "-f", &file]).0, Ok(0));
        play.did(&["continue", NAME, "--batch", "100"]);
        assert!(!play.carry(&id()), "{size}");
        let (_, text) = play.typed(&["get", NAME, "-o", "json"]);
        let flow: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(planned, sizes(&flow["status"]["conditions"]), "{size} {canary}");
        assert_eq!(flow["status"]["phase"], "Success");
        let took = took(&flow);
        assert!(plan["earliestEndSeconds"].as_u64().is_some_and(|least| least <= took), "{took} {plan}");
    }
}

#[test]
fn an_update_is_planned_with_the_size_that_there_is() {
    let play = started();
    play.did(&["continue", NAME, "--batch", "100"]);
    play.carry(&id());
    let (done, text) = play.typed(&["plan", INSTANCE, "--batch-size", "2", "--mode", "auto"]);
    assert_eq!(done, Ok(0), "{text}");
    let wanted = "\
update default/12122-sample-10010: 3 pods now, 3 wanted; 2 batches, at most 5 pods at once (6 with those that are being deleted), 20s at the earliest

BATCH   PODS   NEW AFTER   OLD AFTER   PEAK   WITH TERMINATING   STARTS   ENDS   ASKS A PERSON
1       2      2           1           5      5                  +0s      +10s
2       1      3           0           4      6                  +10s     +20s

Earliest times: people, booting pods, registries and the end of deleted pods are taken to need no time.
";
    assert_eq!(text, wanted);
}

#[test]
fn what_is_refused_names_the_field_and_does_nothing() {
    let play = Play::new(1);
    let (_folder, file) = manifest(&TUTORIAL.replace("batchSize: 1", "batchSize: 0"));
    for command in ["create", "plan"] {
        let Failure { code, message, .. } = play.typed(&[command, "-f", &file]).0.unwrap_err();
        assert_eq!(code, 1);
        assert!(message.contains("spec.updateStrategy.batchSize: must be at least 1"), "{message}");
    }
    assert!(play.typed(&["list"]).1.contains("no flows"));
    let (_folder, file) = manifest("kind: Service\nmetadata: {name: a}\n");
    let failure = play.typed(&["create", "-f", &file]).0.unwrap_err();
    assert!(failure.message.contains("it holds Service a"), "{failure:?}");
}

#[test]
fn orders_to_instances_reach_the_core() {
    let play = started();
    let failure = play.typed(&["restart", "nobody"]).0.unwrap_err();
    assert_eq!(failure.hint, Some("kubectl triton instances -n default".into()));
    let failure = play.typed(&["restart", INSTANCE, "--canary", "1"]).0.unwrap_err();
    assert_eq!(failure.code, 2);
    let (done, text) = play.typed(&["delete", "instance", "nobody", "--yes"]);
    assert!(done == Ok(0) && text.contains("there is none"), "{text}");
}

#[test]
fn who_names_an_instance_where_a_flow_is_meant_is_told_of_its_history() {
    let play = started();
    for command in ["get", "explain", "wait", "next"] {
        let failure = play.typed(&[command, INSTANCE]).0.unwrap_err();
        let hint = failure.hint.unwrap_or_default();
        assert!(hint.starts_with(&format!("kubectl triton history {INSTANCE} shows")), "{command}: {hint}");
        let failure = play.typed(&[command, "nobody"]).0.unwrap_err();
        assert_eq!(failure.hint, Some("kubectl triton list shows what there is".into()), "{command}");
    }
}

#[test]
fn who_creates_what_is_there_is_told_to_update_it_and_who_takes_a_name_twice_to_take_another() {
    let play = started();
    let (_folder, again) = manifest(&TUTORIAL.replace(NAME, "next-df"));
    let (_folder_too, same) = manifest(&TUTORIAL.replace("action: create", "action: update"));
    for (file, error, hint) in [
        (&again, "WorkloadExists: the workload exists already", "action: update in the manifest"),
        (&same, "exists already", "give it another metadata.name"),
    ] {
        let failure = play.typed(&["create", "-f", file]).0.unwrap_err();
        let told = failure.hint.unwrap_or_default();
        assert!(failure.message.contains(error) && told.contains(hint), "{}: {told}", failure.message);
    }
}

#[test]
fn who_orders_again_what_was_carried_out_is_told_so_before_and_when_the_flow_is_made() {
    let play = started();
    play.did(&["continue", NAME, "--batch", "100"]);
    play.carry(&id());
    let text = TUTORIAL.replace("action: create", "action: update").replace("mode: manual", "mode: auto");
    let update = |name: &str| manifest(&text.replace(NAME, name));
    let (_folder, file) = update("next-df");
    let next = crate::views::id("next-df");
    play.did(&["create", "-f", &file]);
    play.did(&["continue", "next-df", "--batch", "100"]);
    assert!(!play.carry(&next));
    play.remove(&next);
    play.remove(&id());
    let (_folder_first, first) = manifest(TUTORIAL);
    assert!(
        play.did(&["create", "-f", &first]).contains("AlreadyCarriedOut"),
        "not that the workload exists"
    );
    let (_folder_too, other) = update("other-df");
    for (file, again) in [(&file, true), (&other, false)] {
        let plan = play.did(&["plan", "-f", file]);
        let made = play.did(&["create", "-f", file]);
        for told in [&plan, &made] {
            let says = told.contains("AlreadyCarriedOut") && told.contains("give it a new name");
            assert_eq!(says, again, "{told}");
        }
        assert_eq!(plan.contains("BATCH"), !again, "{plan}");
        assert!(!plan.contains("Success at once"), "{plan}");
        let object: Value = serde_json::from_str(&play.did(&["plan", "-f", file, "-o", "json"])).unwrap();
        assert_eq!(object["batches"].as_array().is_some_and(Vec::is_empty), again, "{object}");
    }
    assert!(!play.carry(&next));
    assert!(play.did(&["get", "next-df"]).contains("AlreadyCarriedOut"));
}

#[test]
fn a_plan_names_what_is_wrong_with_a_template_also_where_nobody_is_asked() {
    let play = started();
    let (_folder, file) =
        manifest(&TUTORIAL.replace("containers:", "restartPolicyy: Always\n        containers:"));
    for words in [&["plan", "-f", &file][..], &["plan", "-f", &file, "--current", "3"]] {
        let failure = play.typed(words).0.unwrap_err();
        assert!(failure.message.contains("template.spec.restartPolicyy"), "{words:?}: {}", failure.message);
    }
}

#[test]
fn a_workload_that_a_flow_left_is_named_with_what_it_takes() {
    let (play, update) = updating();
    let before = play.did(&["instances"]);
    assert!(before.contains("InProgress") && !before.contains("was left"), "{before}");
    play.remove(&update);
    let left = "was left by flow default/next-df in the middle of its batches";
    let instances = play.did(&["instances"]);
    assert!(instances.contains("Left") && instances.contains(left), "{instances}");
    let object: Value = serde_json::from_str(&play.did(&["instances", "-o", "json"])).unwrap();
    assert_eq!(object["items"][0]["leftBy"], "default/next-df", "{object}");
    // The canary comes beside the size that the instance is to have.
    assert_eq!((&object["items"][0]["replicas"], play.pods()), (&3.into(), 4), "{object}");
    let plan = play.did(&["plan", INSTANCE, "--batch-size", "2"]);
    assert!(plan.contains("3 pods now, 3 wanted") && plan.contains(left), "{plan}");
    let hint = play.typed(&["get", INSTANCE]).0.unwrap_err().hint.unwrap_or_default();
    assert!(hint.contains(left) && hint.contains("stop and delete are taken too"), "{hint}");
}

#[test]
fn a_workload_that_was_left_and_is_stopped_is_started_by_nobody_before_what_was_left_is_replaced() {
    let (play, update) = updating();
    play.remove(&update);
    play.order("stop", INSTANCE);
    let instances = play.did(&["instances"]);
    assert!(play.pods() == 0 && instances.contains("Left"), "{instances}");
    for action in ["start", "restart"] {
        let failure = play.typed(&[action, INSTANCE]).0.unwrap_err();
        assert!(failure.message.contains("Abandoned: "), "{action}: {}", failure.message);
    }
    let (_folder, file) = manifest(
        &TUTORIAL
            .replace("action: create", "action: update")
            .replace("    replicas: 3\n", "")
            .replace(NAME, "good-df")
            .replace("nginx:latest", "nginx:good"),
    );
    play.did(&["create", "-f", &file]);
    assert!(!play.carry(&crate::views::id("good-df")));
    let ended = play.did(&["get", "good-df"]);
    assert!(ended.contains("Success") && ended.contains("has 0 pods and keeps them"), "{ended}");
    play.order("start", INSTANCE);
    let instances = play.did(&["instances"]);
    assert!(
        play.pods() == 3 && instances.contains("nginx:good") && !instances.contains("Left"),
        "{instances}"
    );
}

#[test]
fn only_a_finished_flow_is_forgotten() {
    let play = started();
    assert!(play.typed(&["delete", "flow", NAME]).0.is_err());
    play.did(&["cancel", NAME]);
    play.carry(&id());
    assert_eq!(play.typed(&["delete", "flow", NAME]).0, Ok(0));
    assert_eq!(play.typed(&["get", NAME]).0.unwrap_err().code, 1);
}

#[test]
fn watching_something_else_than_a_terminal_prints_a_line_per_change() {
    let play = started();
    play.did(&["cancel", NAME]);
    play.carry(&id());
    let (done, text) = play.typed(&["watch", NAME]);
    assert_eq!(done, Ok(0));
    assert!(text.contains("Canceled") && text.lines().count() == 1, "{text}");
}

#[test]
fn who_watches_an_instance_without_a_flow_is_told_so() {
    let play = started();
    play.did(&["cancel", NAME]);
    play.carry(&id());
    play.did(&["delete", "flow", NAME]);
    for (instance, what) in [(INSTANCE, "has no flow"), ("nope", "there is no instance")] {
        let (done, text) = play.typed(&["watch", "--instance", instance]);
        assert!(done.is_err(), "it goes on and on");
        assert!(
            text.contains(what) && text.contains(instance) && text.lines().count() == 1,
            "{what}: {text}"
        );
    }
}

#[test]
fn a_canary_is_refused_where_there_can_be_none() {
    let play = started();
    for action in ["restart", "scale", "start", "stop", "delete"] {
        for words in [
            &["plan", INSTANCE, "--action", action][..],
            &["plan", INSTANCE, "--current", "3", "--action", action],
        ] {
            let refused = play.typed(&[words, &["--replicas", "0", "--canary", "1"]].concat()).0.unwrap_err();
            assert!(
                refused.message.contains("--canary is for update and rollback"),
                "{words:?}: {refused:?}"
            );
        }
    }
    for action in ["update", "rollback"] {
        play.did(&["plan", INSTANCE, "--current", "3", "--action", action, "--canary", "1"]);
    }
}

#[test]
fn a_flow_as_ordered_says_whether_it_was_paused() {
    let play = started();
    for (order, paused) in [("pause", true), ("resume", false)] {
        let object: Value = serde_json::from_str(&play.printed(&[order, NAME, "-o", "json"]).1).unwrap();
        let told = (&object["status"]["paused"], object["spec"]["updateStrategy"]["paused"].as_bool());
        assert_eq!(told, (&paused.into(), (!paused).then_some(false)), "{order}: {object}");
    }
}

/// The tutorial's flow at its first gate.
fn started() -> Play {
    let play = Play::new(1);
    let (_folder, file) = manifest(TUTORIAL);
    assert_eq!(play.typed(&["create", "-f", &file]).0, Ok(0));
    assert!(play.carry(&id()));
    play
}

/// An update of the tutorial's application, which runs; its canary waits for a person.
fn updating() -> (Play, FlowId) {
    let play = started();
    play.did(&["continue", NAME, "--batch", "100"]);
    play.carry(&id());
    let (_folder, file) = manifest(
        &TUTORIAL
            .replace("action: create", "action: update")
            .replace(NAME, "next-df")
            .replace("nginx:latest", "nginx:next"),
    );
    play.did(&["create", "-f", &file]);
    let update = crate::views::id("next-df");
    assert!(play.carry(&update));
    (play, update)
}

fn id() -> FlowId {
    crate::views::id(NAME)
}

fn manifest(text: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flow.yaml");
    fs::write(&file, text).unwrap();
    let name = file.to_str().unwrap().to_owned();
    (folder, name)
}

fn sizes(batches: &Value) -> Vec<u64> {
    batches.as_array().unwrap().iter().map(|batch| batch["batchSize"].as_u64().unwrap()).collect()
}

/// Whole seconds from start to end.
fn took(flow: &Value) -> u64 {
    let at = |field: &str| {
        let time: triton_core::model::Timestamp = flow["status"][field].as_str().unwrap().parse().unwrap();
        time
    };
    u64::try_from(at("finishedAt").micros_since(at("startedAt")) / 1_000_000).unwrap()
}
