//! Where streams begin, what they leave out, and where they end.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tonic::Streaming;
use tonic::transport::Channel;
use triton_core::model::{BatchPhase, FlowPhase, Target};
use triton_core::service::{ApiErrorKind, ApiStream, DeployApi, FlowEvent, FlowFilter, FlowView};
use triton_grpc::client::Client;
use triton_grpc::deployflow::deploy_flow_client::DeployFlowClient;
use triton_grpc::deployflow::{DeployMeta, DeployMetaRequest, DeployReply};
use triton_grpc::server::Config;

use crate::fake::Fake;
use crate::server::{Served, in_time, until};
use crate::views;

#[tokio::test]
async fn a_flow_that_is_not_there_is_not_watched() {
    let (_fake, served, client) = start([]).await;
    let refused = in_time(client.watch(&views::id("df"), None)).await.map(|_| ()).unwrap_err();
    assert_eq!(refused.kind, ApiErrorKind::NotFound);
    assert_eq!(served.watches.live(), 0);
}

#[tokio::test]
async fn a_pause_is_followed_until_the_flow_is_paused() {
    let (fake, served, _) = start([views::pending("df")]).await;
    let mut replies = raw(&served).await.pause(request("df")).await.unwrap().into_inner();
    let first = message(&mut replies).await.unwrap();
    assert!(!first.already);
    assert!(!first.deploy.unwrap().paused);

    fake.set(views::smoked("df"));
    assert_eq!(message(&mut replies).await.unwrap().deploy.unwrap().phase, "BatchStarted");
    fake.set(paused("df"));
    assert!(message(&mut replies).await.unwrap().deploy.unwrap().paused);
    assert!(message(&mut replies).await.is_none(), "the order has taken effect");
    until("the watch is gone", || served.watches.live() == 0).await;
}

#[tokio::test]
async fn a_pause_that_stands_already_is_answered_once() {
    let (_fake, served, _) = start([paused("df")]).await;
    let mut replies = raw(&served).await.pause(request("df")).await.unwrap().into_inner();
    assert!(message(&mut replies).await.unwrap().already);
    assert!(message(&mut replies).await.is_none());
}

#[tokio::test]
async fn a_resume_is_followed_until_the_flow_is_not_paused() {
    let (fake, served, _) = start([paused("df")]).await;
    let mut replies = raw(&served).await.resume(request("df")).await.unwrap().into_inner();
    assert!(message(&mut replies).await.unwrap().deploy.unwrap().paused);
    let mut resumed = views::smoked("df");
    resumed.record.updated_at = Some(views::at(100));
    fake.set(resumed);
    assert!(!message(&mut replies).await.unwrap().deploy.unwrap().paused);
    assert!(message(&mut replies).await.is_none());
}

#[tokio::test]
async fn a_cancel_is_followed_until_the_flow_has_ended() {
    let (fake, served, _) = start([views::smoked("df")]).await;
    let mut replies = raw(&served).await.cancel(request("df")).await.unwrap().into_inner();
    assert_eq!(message(&mut replies).await.unwrap().deploy.unwrap().phase, "BatchStarted");
    let mut closing = views::smoked("df");
    closing.canceled = true;
    closing.record.phase = FlowPhase::BatchFinished;
    fake.set(closing);
    assert_eq!(message(&mut replies).await.unwrap().deploy.unwrap().phase, "BatchFinished");
    let mut canceled = views::success("df");
    canceled.canceled = true;
    canceled.record.phase = FlowPhase::Canceled;
    fake.set(canceled);
    assert_eq!(message(&mut replies).await.unwrap().deploy.unwrap().phase, "Canceled");
    assert!(message(&mut replies).await.is_none());
}

#[tokio::test]
async fn a_refused_order_has_no_stream() {
    let (_fake, served, _) = start([views::success("df")]).await;
    let refused = raw(&served).await.resume(request("df")).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::FailedPrecondition);
    assert_eq!(refused.message(), "Finished: the flow has ended");
    assert_eq!(served.watches.live(), 0);
}

#[tokio::test]
async fn a_watch_of_a_flow_that_is_removed_says_so() {
    let (fake, served, client) = start([views::pending("df")]).await;
    let mut watch = client.watch(&views::id("df"), None).await.unwrap();
    assert_eq!(next(&mut watch).await, Some(views::pending("df")));
    fake.remove(&views::id("df"));
    let error = in_time(watch.next()).await.unwrap().unwrap_err();
    assert_eq!(error.kind, ApiErrorKind::NotFound);
    assert!(in_time(watch.next()).await.is_none(), "a stream ends after an error");
    until("the watch is gone", || served.watches.live() == 0).await;
}

#[tokio::test]
async fn a_watch_never_goes_back_to_a_state_from_before_it_began() {
    let (fake, _served, client) = start([views::smoked("df")]).await;
    let far = Some(Target { batch: 9, phase: BatchPhase::Baked });
    let mut watch = client.watch(&views::id("df"), far).await.unwrap();
    assert_eq!(next(&mut watch).await, Some(views::smoked("df")));
    // Events that were under way when the watch began, then news.
    fake.tell(FlowEvent::Changed(views::pending("df")));
    fake.tell(FlowEvent::Changed(views::smoked("df")));
    fake.set(views::success("df"));
    assert_eq!(next(&mut watch).await, Some(views::success("df")));
    assert_eq!(next(&mut watch).await, None);
}

#[tokio::test]
async fn a_state_that_only_looks_old_is_not_left_out() {
    let (fake, _served, client) = start([views::smoked("df")]).await;
    let far = Some(Target { batch: 9, phase: BatchPhase::Baked });
    let mut watch = client.watch(&views::id("df"), far).await.unwrap();
    assert_eq!(next(&mut watch).await, Some(views::smoked("df")));
    let mut set_back = paused("df");
    set_back.record.updated_at = Some(views::at(-3600));
    fake.set(set_back.clone());
    assert_eq!(next(&mut watch).await, Some(set_back));
}

#[tokio::test]
async fn a_broken_stream_of_changes_is_taken_up_again_and_nothing_is_missed() {
    let (fake, served, client) = start([views::pending("df"), views::pending("gone")]).await;
    let mut watch = client.watch(&views::id("df"), None).await.unwrap();
    let mut gone = client.watch(&views::id("gone"), None).await.unwrap();
    let mut list = client.list_and_watch(&FlowFilter::default()).await.unwrap();
    assert_eq!(next(&mut watch).await, Some(views::pending("df")));
    assert_eq!(next(&mut gone).await, Some(views::pending("gone")));
    assert!(matches!(next(&mut list).await, Some(FlowEvent::Listed(flows)) if flows.len() == 2));

    fake.die(true);
    fake.break_streams();
    fake.store(views::success("df"));
    fake.remove(&views::id("gone"));
    fake.die(false);

    assert_eq!(next(&mut watch).await, Some(views::success("df")));
    assert_eq!(next(&mut watch).await, None);
    assert_eq!(in_time(gone.next()).await.unwrap().unwrap_err().kind, ApiErrorKind::NotFound);
    assert_eq!(in_time(list.next()).await.unwrap().unwrap_err().kind, ApiErrorKind::Aborted);
    assert_eq!(fake.subscriptions(), 2);
    until("the watches are gone", || served.watches.live() == 0).await;
}

#[tokio::test]
async fn while_changes_cannot_be_watched_a_watch_is_refused_and_other_calls_go_on() {
    let fake = Arc::new(Fake::with([views::pending("df")]));
    fake.die(true);
    let config = Config { watch_patience: Duration::from_millis(20), ..Config::default() };
    let served = Served::start(fake.clone(), config).await;
    let client = served.client().await;
    let refused = in_time(client.watch(&views::id("df"), None)).await.map(|_| ()).unwrap_err();
    assert_eq!(refused.kind, ApiErrorKind::Unavailable);
    assert_eq!(client.list(&FlowFilter::default()).await.map(|flows| flows.len()), Ok(1));
}

#[tokio::test]
async fn all_watches_are_fed_by_one_subscription() {
    let (fake, _served, client) = start([views::pending("a"), views::pending("b")]).await;
    let _watches = (
        client.watch(&views::id("a"), None).await.unwrap(),
        client.watch(&views::id("b"), None).await.unwrap(),
        client.list_and_watch(&FlowFilter::default()).await.unwrap(),
    );
    assert_eq!(fake.subscriptions(), 1);
}

#[tokio::test]
async fn a_server_that_stops_ends_its_watches_and_does_not_wait_for_them() {
    let (_fake, served, client) = start([views::pending("df")]).await;
    let mut watch = client.watch(&views::id("df"), None).await.unwrap();
    let mut list = client.list_and_watch(&FlowFilter::default()).await.unwrap();
    assert!(next(&mut watch).await.is_some());
    assert!(next(&mut list).await.is_some());
    let watches = served.watches.clone();
    served.stop().await;
    assert_eq!(in_time(watch.next()).await.unwrap().unwrap_err().kind, ApiErrorKind::Unavailable);
    assert_eq!(in_time(list.next()).await.unwrap().unwrap_err().kind, ApiErrorKind::Unavailable);
    assert_eq!(watches.live(), 0);
}

#[tokio::test]
async fn a_list_tells_of_what_matches_and_of_nothing_twice() {
    let (fake, _served, client) = start([views::smoked("df")]).await;
    let filter = FlowFilter { action: Some("create".into()), ..FlowFilter::default() };
    let mut list = client.list_and_watch(&filter).await.unwrap();
    assert_eq!(next(&mut list).await, Some(FlowEvent::Listed(vec![views::smoked("df")])));
    let mut update = views::smoked("other");
    update.action = "update".into();
    fake.set(update);
    fake.tell(FlowEvent::Changed(views::pending("df")));
    fake.tell(FlowEvent::Changed(views::smoked("df")));
    fake.remove(&views::id("other"));
    fake.set(views::success("df"));
    assert_eq!(next(&mut list).await, Some(FlowEvent::Changed(views::success("df"))));
    fake.remove(&views::id("df"));
    assert_eq!(next(&mut list).await, Some(FlowEvent::Removed(views::id("df"))));
}

async fn start(flows: impl IntoIterator<Item = FlowView>) -> (Arc<Fake>, Served, Client) {
    let fake = Arc::new(Fake::with(flows));
    let served = Served::start(fake.clone(), Config::default()).await;
    let client = served.client().await;
    (fake, served, client)
}

/// A client that speaks messages.
async fn raw(served: &Served) -> DeployFlowClient<Channel> {
    DeployFlowClient::connect(served.address.clone()).await.unwrap()
}

fn request(name: &str) -> DeployMetaRequest {
    let id = views::id(name);
    let deploy = DeployMeta { namespace: id.namespace.into(), name: id.name.into() };
    DeployMetaRequest { deploy: Some(deploy) }
}

async fn message(replies: &mut Streaming<DeployReply>) -> Option<DeployReply> {
    in_time(replies.message()).await.unwrap()
}

async fn next<T>(stream: &mut ApiStream<T>) -> Option<T> {
    in_time(stream.next()).await.map(|item| item.expect("the watch goes on"))
}

fn paused(name: &str) -> FlowView {
    let mut view = views::smoked(name);
    view.record.paused = true;
    view.record.updated_at = Some(views::at(50));
    view
}
