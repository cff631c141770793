use std::fs;

use serde_json::Value;

use super::super::rig::Play;
use super::*;
use crate::views;

#[test]
fn who_waits_is_named_with_what_becomes_of_the_flow_at_hand() {
    let waits = |name: &str, action: &str| FlowView { action: action.into(), ..views::pending(name) };
    let runs = FlowView { action: "update".into(), ..views::smoked("a") };
    let paused = |flow: &FlowView| {
        let mut flow = flow.clone();
        flow.record.paused = true;
        flow
    };
    let says = |text: Option<String>, words: &str| match text {
        None => assert_eq!(words, "", "nothing was said"),
        Some(text) => assert!(!words.is_empty() && text.contains(words), "{text} does not say {words:?}"),
    };
    let rows = [
        (vec![], "", ""),
        (vec![waits("b", "update")], "b (update) goes ahead once", "b (update) was waiting and takes over"),
        (vec![waits("b", "scale")], "b (scale) goes ahead once", ""),
        (vec![waits("b", "update"), waits("c", "rollback")], "c (rollback)", "c (rollback)"),
        (vec![paused(&waits("b", "update"))], "", ""),
        (vec![views::success("b")], "", ""),
    ];
    for (beside, then, takes_over) in rows {
        says(next(&beside), then);
        says(after_pause(&runs, &beside), takes_over);
    }
    says(after_pause(&waits("a", "update"), &[waits("b", "update")]), "b (update) goes ahead meanwhile");
    let closes = FlowView { canceled: true, ..runs.clone() };
    for (action, holder, words) in [
        (Action::Update, &runs, "this waits"),
        (Action::Update, &paused(&runs), "this takes over"),
        (Action::Rollback, &runs, "this takes over"),
        (Action::Rollback, &closes, "closes: this waits"),
        (Action::Scale, &paused(&runs), "this waits"),
    ] {
        says(Some(found(action, holder)), words);
    }
    let both = [waits("b", "update"), waits("c", "rollback")];
    says(queued(Action::Rollback, &both), "before this: flow default/c (rollback)");
    says(queued(Action::Rollback, &both[..1]), "after this: flow default/b (update)");
    says(queued(Action::Update, &both[..1]), "before this: flow default/b (update)");
    says(queued(Action::Update, &[]), "");
}

#[test]
fn a_rollback_after_a_cancel_says_that_the_template_is_back_already() {
    let there = InstanceView {
        update_revision: "old".into(),
        image: "web:1".into(),
        rollback_to: "older".into(),
        rollback_image: "web:0".into(),
        ..InstanceView::default()
    };
    assert_eq!(target(&there).as_deref(), Some("revision older (web:0)"));
    let ended = |phase| {
        let mut flow = FlowView { action: "update".into(), ..views::success("a") };
        flow.record.phase = phase;
        flow
    };
    for (phase, says) in
        [(FlowPhase::Canceled, true), (FlowPhase::Aborted, true), (FlowPhase::Success, false)]
    {
        let text = back_already(&there, &[ended(phase)]);
        assert_eq!(text.is_some(), says, "{phase}");
        assert!(text.is_none_or(|text| text.contains("revision old (web:1) is back already")), "{phase}");
    }
    assert_eq!(
        back_already(
            &InstanceView { update_revision: "6ddf9b7cf4".into(), ..there },
            &[ended(FlowPhase::Canceled)]
        ),
        None
    );
}

#[test]
fn a_rollback_says_where_it_goes_before_anything_happens_also_right_after_a_cancel() {
    let play = Play::new(1);
    for version in 1..=3 {
        make(&play, version, "");
        assert!(!play.carry(&views::id(&format!("web-{version}"))), "it ends");
    }
    let running = "canary: 1";
    make(&play, 4, running);
    assert!(play.carry(&views::id("web-4")));
    let plan = play.did(&["plan", "web", "--action", "rollback"]);
    assert!(
        plan.contains("(web:3): 3 pods now, 3 wanted") && plan.contains("web-4 (update) holds"),
        "{plan}"
    );
    play.did(&["cancel", "web-4"]);
    let closing = play.did(&["plan", "web", "--action", "rollback"]);
    assert!(
        closing.contains("(web:2)") && closing.contains("web-4 (update) holds the workload and closes"),
        "{closing}"
    );
    play.carry(&views::id("web-4"));
    let plan = play.did(&["plan", "web", "--action", "rollback"]);
    assert!(plan.contains("(web:2)") && plan.contains("(web:3) is back already"), "{plan}");
    let object: Value =
        serde_json::from_str(&play.did(&["plan", "web", "--action", "rollback", "-o", "json"])).unwrap();
    assert!(object["rollbackTo"].as_str().is_some_and(|to| to.ends_with("(web:2)")), "{object}");
    let answer = play.did(&["rollback", "web"]);
    assert!(answer.contains("carries out rollback to revision") && answer.contains("(web:2)"), "{answer}");
    let name = answer.split(' ').nth(3).unwrap();
    for command in ["explain", "get"] {
        let text = play.did(&[command, name]);
        assert!(text.contains("(web:2)"), "before its first look: {text}");
    }
    play.carry(&views::id(name));
    let told = play.did(&["instances"]);
    assert!(told.contains("web:2"), "{told}");
}

#[test]
fn sizes_are_those_of_the_instance_however_many_pods_a_flow_asks_for_beside() {
    let play = Play::new(1);
    make(&play, 1, "");
    play.carry(&views::id("web-1"));
    make(&play, 2, "canary: 1");
    assert!(play.carry(&views::id("web-2")));
    assert_eq!(play.pods(), 4, "the canary runs beside the others");
    let made = make(&play, 3, "");
    assert!(made.contains("flow default/web-2 (update) holds the workload: this waits"), "{made}");
    play.look(&views::id("web-3"));
    let waits = play.did(&["get", "web-3"]);
    assert!(waits.contains("3 wanted, 4 there, 0 of them new"), "{waits}");
    let plan = play.did(&["plan", "web"]);
    assert!(
        plan.contains("3 pods now, 3 wanted") && plan.contains("before this: flow default/web-3"),
        "{plan}"
    );
    let instances: Value = serde_json::from_str(&play.did(&["instances", "-o", "json"])).unwrap();
    let item = &instances["items"][0];
    assert_eq!((&item["replicas"], &item["heldBy"]), (&3.into(), &"default/web-2".into()), "{item}");
    let next = play.did(&["explain", "web-2"]);
    assert!(next.contains("NEXT       flow default/web-3 (update) goes ahead"), "{next}");
    let paused = play.did(&["pause", "web-2"]);
    assert!(
        paused.contains("web-3 (update) was waiting and takes over from a flow that is paused"),
        "{paused}"
    );
    play.look(&views::id("web-3"));
    play.look(&views::id("web-2"));
    let closing = play.did(&["explain", "web-2"]);
    assert!(closing.contains("nobody: flow default/web-3 takes over from it"), "{closing}");
}

#[test]
fn an_instance_without_pods_is_said_to_keep_none() {
    let play = Play::new(1);
    make(&play, 1, "canary: 1");
    assert!(play.carry(&views::id("web-1")));
    play.did(&["cancel", "web-1"]);
    play.carry(&views::id("web-1"));
    let warning = "default/web has 0 pods and keeps them";
    let plan = play.did(&["plan", "web"]);
    assert!(plan.contains(warning) && plan.contains("kubectl triton scale web --replicas N"), "{plan}");
    let made = make(&play, 2, "");
    assert!(made.contains(warning), "{made}");
    play.carry(&views::id("web-2"));
    let ended = play.did(&["get", "web-2"]);
    assert!(
        ended.contains("Success") && ended.contains("the application has 0 pods and keeps them"),
        "{ended}"
    );
}

#[test]
fn a_start_is_planned_with_the_size_from_before_the_stop() {
    let play = Play::new(1);
    make(&play, 1, "");
    play.carry(&views::id("web-1"));
    play.order("stop", "web");
    let start = ["plan", "web", "--action", "start", "--batch-size", "2", "--mode", "auto"];
    let plan = play.did(&start);
    assert!(plan.contains("0 pods now, 3 wanted; 2 batches"), "{plan}");
    play.order("start", "web");
    assert_eq!(play.pods(), 3, "as planned");
    let scaled = play.did(&["plan", "web", "--action", "start"]);
    assert!(scaled.contains("3 pods now, 3 wanted; 0 batches"), "{scaled}");
    let unknown = play.typed(&["plan", "web", "--action", "start", "--current", "0"]).0.unwrap_err();
    assert!(unknown.message.contains("nothing remembers the size"), "{}", unknown.message);
}

/// Makes version `version` of an instance with 3 pods, in one batch; answers what was printed.
fn make(play: &Play, version: u32, strategy: &str) -> String {
    let action = if version == 1 { "create" } else { "update" };
    let replicas = if version == 1 { ", replicas: 3" } else { "" };
    let text = format!(
        "apiVersion: apps.triton.io/v1alpha1\nkind: DeployFlow\nmetadata: {{ name: web-{version} }}\nspec:\n  action: {action}\n  application: \
         {{ appID: 1, groupID: 1, appName: web, instanceName: web{replicas}, template: {{ spec: {{ containers: [{{ name: web, image: \
         'web:{version}' }}] }} }} }}\n  updateStrategy: {{ mode: auto, {strategy} }}\n"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flow.yaml");
    fs::write(&file, text).unwrap();
    play.did(&["create", "-f", file.to_str().unwrap()])
}
