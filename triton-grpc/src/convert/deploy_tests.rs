use super::*;
use crate::views;
use triton_core::model::{BatchPhase, FlowPhase, PodPhase, PullIn};
use triton_core::service::ApiErrorKind;

#[test]
fn a_flow_survives_the_round_trip_at_every_step_of_its_life() {
    for view in [views::pending("df"), views::smoked("df"), views::success("df"), odd()] {
        assert_eq!(flow_view(deploy_reply(&view)), Ok(view));
    }
}

#[test]
fn every_phase_and_pull_in_status_survives_the_round_trip() {
    use BatchPhase::*;
    let flow = [
        FlowPhase::Pending,
        FlowPhase::Initializing,
        FlowPhase::BatchStarted,
        FlowPhase::BatchFinished,
        FlowPhase::Success,
        FlowPhase::Failed,
        FlowPhase::Aborted,
        FlowPhase::Canceled,
    ];
    let batch = [Pending, Smoking, Smoked, Baking, Baked, SmokeFailed, BakeFailed];
    let pod = [
        PodPhase::Pending,
        PodPhase::Running,
        PodPhase::ContainersReady,
        PodPhase::Ready,
        PodPhase::Failed,
        PodPhase::Outdated,
    ];
    let pull_in = [PullIn::None, PullIn::PullInSucceeded, PullIn::PullInFailed];
    for at in 0..flow.len() {
        let mut view = views::smoked("df");
        view.record.phase = flow[at];
        view.record.conditions[0].phase = batch[at % batch.len()];
        view.record.conditions[0].pods[0].phase = pod[at % pod.len()];
        view.record.conditions[0].pods[0].pull_in_status = pull_in[at % pull_in.len()];
        assert_eq!(flow_view(deploy_reply(&view)), Ok(view));
    }
}

#[test]
fn the_names_on_the_wire_are_those_of_the_article() {
    let deploy = deploy_reply(&views::success("12122-sample-10010-df")).deploy.unwrap();
    assert_eq!((deploy.namespace.as_str(), deploy.name.as_str()), ("default", "12122-sample-10010-df"));
    assert_eq!(deploy.update_revision, "6ddf9b7cf4");
    assert_eq!(deploy.update_revision_name, "12122-sample-10010-6ddf9b7cf4");
    assert_eq!((deploy.phase.as_str(), deploy.finished), ("Success", true));
    assert_eq!((deploy.replicas, deploy.batch_interval_seconds, deploy.canary), (3, 10, 1));
    let batch = &deploy.conditions[0];
    assert_eq!((batch.phase.as_str(), batch.canary), ("Baked", true));
    let pod = &batch.pods[0];
    assert_eq!((pod.phase.as_str(), pod.pull_in_status.as_str()), ("Ready", "PullInSucceeded"));
    assert_eq!(deploy.started_at.unwrap().seconds, views::START / 1_000_000);
}

#[test]
fn a_revision_without_a_hash_is_shown_whole() {
    assert_eq!(short_hash("12122-sample-10010-6ddf9b7cf4"), "6ddf9b7cf4");
    assert_eq!(short_hash("6ddf9b7cf4"), "6ddf9b7cf4");
    assert_eq!(short_hash(""), "");
}

#[test]
fn numbers_that_the_wire_cannot_carry_are_cut_and_never_wrap() {
    let mut view = views::pending("df");
    view.interval = Seconds(u32::MAX);
    let deploy = deploy_reply(&view).deploy.unwrap();
    assert_eq!(deploy.batch_interval_seconds, i32::MAX);
    assert_eq!(count(-1), 0);
}

#[test]
fn an_order_that_stood_already_says_so() {
    for already in [true, false] {
        let answer = Ordered { flow: views::smoked("df"), already };
        assert_eq!(ordered(first_reply(&answer)), Ok(answer));
    }
}

#[test]
fn answers_that_are_none_are_internal_errors() {
    let kind = |reply| flow_view(reply).map_err(|error| error.kind);
    let broken = |change: fn(&mut Deploy)| {
        let mut reply = deploy_reply(&views::smoked("df"));
        change(reply.deploy.as_mut().unwrap());
        reply
    };
    let cases = [
        DeployReply::default(),
        broken(|deploy| deploy.phase = "Sleeping".into()),
        broken(|deploy| deploy.name = String::new()),
        broken(|deploy| deploy.namespace = "Not A Name".into()),
        broken(|deploy| deploy.conditions[0].phase = "smoked".into()),
        broken(|deploy| deploy.conditions[0].pods[0].name = String::new()),
        broken(|deploy| deploy.target.as_mut().unwrap().stage = "Now".into()),
        broken(|deploy| deploy.started_at.as_mut().unwrap().nanos = -1),
    ];
    for reply in cases {
        assert_eq!(kind(reply.clone()), Err(ApiErrorKind::Internal), "{reply:?}");
    }
}

/// A flow with every field that the tutorial's leaves at zero.
fn odd() -> FlowView {
    let mut view = views::smoked("df");
    view.canceled = true;
    view.superseded_by = "df-2".into();
    view.rollback_to = "web-5b8d7f6c9".into();
    view.mode = "manual".into();
    view.canary = 0;
    view.record.paused = true;
    view.record.failed_replicas = 2;
    view.record.finished_batches = 1;
    view.record.finished_replicas = 7;
    view.record.finished_at = Some(views::at(5));
    view.record.conditions[0].failed_replicas = 2;
    view.record.conditions[0].pods_total = 250;
    view.record.conditions[0].pulled_in_at = Some(views::at(3));
    view.record.conditions[0].finished_at = Some(views::at(4));
    view
}
