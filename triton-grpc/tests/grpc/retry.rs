//! What a client does when nobody answers: tries again what may happen twice, and follows flows over broken
//! connections.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::net::TcpListener;
use triton_core::model::{BatchPhase, Draft, Edit, InstanceId, NonUpdateStrategy, Seconds, Target};
use triton_core::service::{
    ApiError, ApiErrorKind, CreateFlow, DeployApi, FlowFilter, FlowView, InstanceApi, InstanceOrder,
    LifecycleApi, PodFilter,
};
use triton_core::testing::rig;
use triton_grpc::client::{Client, Retry};
use triton_grpc::server::{Config, Server};

use crate::fake::Fake;
use crate::server::{Served, in_time, until};
use crate::views;

const SMOKED: Target = Target { batch: 1, phase: BatchPhase::Smoked };
const FAR: Target = Target { batch: 9, phase: BatchPhase::Baked };
const QUICK: Retry = Retry { tries: 5, first: Duration::from_millis(1), longest: Duration::from_millis(10) };

/// For who waits for a server that starts anew.
const LONG: Retry = Retry { tries: 1000, ..QUICK };

#[tokio::test]
async fn what_may_happen_twice_is_tried_again() {
    let (fake, _served, client) = start().await;
    let id = views::id("df");
    // From here on changes are watched: all calls that are counted are the client's.
    let _held = client.watch(&id, Some(FAR)).await.unwrap();
    macro_rules! again {
        ($($call:expr),+ $(,)?) => {$(
            fake.fail(2);
            let outcome = in_time($call).await.map(|_| ());
            assert!(
                !matches!(&outcome, Err(error) if error.kind == ApiErrorKind::Unavailable),
                "{}: {outcome:?}", stringify!($call),
            );
            assert!(fake.calls() >= 3, "{}: {} calls", stringify!($call), fake.calls());
        )+};
    }
    again!(
        client.get(&id),
        client.list(&FlowFilter::default()),
        client.next(&id, Some(SMOKED)),
        client.go_to(&id, SMOKED),
        client.pause(&id),
        client.resume(&id),
        client.cancel(&id),
        client.edit(&id, &Edit::default()),
        client.watch(&id, None),
        client.list_and_watch(&FlowFilter::default()),
        client.create_once(flow(), "7f3a"),
        client.order(&instance(), stop(), Some("7f3a")),
        client.instance(&instance()),
        client.instances(None),
        client.pods(&PodFilter::default()),
        client.delete(&id),
    );
}

#[tokio::test]
async fn what_must_not_happen_twice_is_tried_once() {
    let (fake, _served, client) = start().await;
    fake.fail(1);
    unavailable(client.next(&views::id("df"), None).await);
    assert_eq!(fake.calls(), 1);
    fake.fail(1);
    let both = Edit { canceled: Some(true), interval: Some(Seconds(1)), ..Edit::default() };
    unavailable(client.edit(&views::id("df"), &both).await);
    assert_eq!(fake.calls(), 1);
    fake.fail(1);
    unavailable(client.create(flow()).await);
    assert_eq!(fake.calls(), 1);
    fake.fail(1);
    unavailable(client.order(&instance(), stop(), None).await);
    assert_eq!(fake.calls(), 1);
}

#[tokio::test]
async fn a_client_gives_up_after_as_many_calls_as_it_was_told() {
    let (fake, served, client) = start().await;
    fake.fail(usize::MAX);
    unavailable(client.get(&views::id("df")).await);
    assert_eq!(fake.calls(), 5);
    let hasty = served.client().await.with_retry(Retry::NEVER);
    fake.fail(usize::MAX);
    unavailable(hasty.get(&views::id("df")).await);
    assert_eq!(fake.calls(), 1);
}

#[tokio::test]
async fn a_next_that_was_heard_although_its_answer_was_lost_succeeds() {
    let (fake, _served, client) = start().await;
    let mut given = views::success("df");
    given.target = Target { batch: 1, phase: BatchPhase::Baking };
    fake.set(given.clone());
    fake.fail(1);
    assert_eq!(client.next(&views::id("df"), Some(SMOKED)).await, Ok(given));

    let refused = client.next(&views::id("df"), Some(SMOKED)).await.unwrap_err();
    assert_eq!(refused.kind, ApiErrorKind::FailedPrecondition, "the first answer is believed");
}

#[tokio::test]
async fn a_flow_is_followed_over_a_server_that_starts_anew_and_nothing_is_told_twice() {
    let (fake, served, client) = start().await;
    let mut seen = client.follow(&views::id("df"), None, LONG);
    assert_eq!(next(&mut seen).await, Some(views::smoked("df")), "it does not end where a person is asked");

    let served = restart(&fake, served).await;
    let mut paused = views::smoked("df");
    paused.record.paused = true;
    paused.record.updated_at = Some(views::at(50));
    let change = async {
        until("the flow is watched again", || served.watches.live() == 1).await;
        fake.set(paused.clone());
    };
    let (told, ()) = tokio::join!(next(&mut seen), change);
    assert_eq!(told, Some(paused.clone()), "what was told before the break is not told again");

    let stopped = address(&served);
    served.stop().await;
    fake.set(views::success("df"));
    let _served = listen(&fake, &stopped).await;
    assert_eq!(next(&mut seen).await, Some(views::success("df")), "what happened meanwhile is told");
    assert_eq!(next(&mut seen).await, None, "the flow has ended");
}

#[tokio::test]
async fn following_ends_at_the_target_and_with_the_flow_and_when_it_is_removed() {
    let (fake, _served, client) = start().await;
    let mut seen = client.follow(&views::id("df"), Some(SMOKED), QUICK);
    assert_eq!(next(&mut seen).await, Some(views::smoked("df")));
    assert_eq!(next(&mut seen).await, None);

    let mut seen = client.follow(&views::id("df"), None, QUICK);
    assert_eq!(next(&mut seen).await, Some(views::smoked("df")));
    fake.remove(&views::id("df"));
    let error = in_time(seen.next()).await.unwrap().unwrap_err();
    assert_eq!(error.kind, ApiErrorKind::NotFound);
    assert!(in_time(seen.next()).await.is_none(), "a stream ends after an error");
}

#[tokio::test]
async fn following_gives_up_when_nobody_comes_back() {
    let (_fake, served, client) = start().await;
    let mut seen = client.follow(&views::id("df"), None, QUICK);
    assert_eq!(next(&mut seen).await, Some(views::smoked("df")));
    served.stop().await;
    let error = in_time(seen.next()).await.unwrap().unwrap_err();
    assert_eq!(error.kind, ApiErrorKind::Unavailable);
    assert!(in_time(seen.next()).await.is_none());
}

async fn start() -> (Arc<Fake>, Served, Client) {
    let fake = Arc::new(Fake::with([views::smoked("df")]));
    let served = Served::start(fake.clone(), Config::default()).await;
    let client = served.client().await.with_retry(QUICK);
    (fake, served, client)
}

/// Stops a server and starts another one in its place.
async fn restart(fake: &Arc<Fake>, served: Served) -> Served {
    let address = address(&served);
    served.stop().await;
    listen(fake, &address).await
}

fn address(served: &Served) -> String {
    served.address.trim_start_matches("http://").into()
}

async fn listen(fake: &Arc<Fake>, address: &str) -> Served {
    let listener = TcpListener::bind(address).await.unwrap();
    Served::listen(listener, Server::new(fake.clone(), fake.clone(), fake.clone(), Config::default()))
}

async fn next(stream: &mut triton_core::service::ApiStream<FlowView>) -> Option<FlowView> {
    in_time(stream.next()).await.map(|item| item.expect("following goes on"))
}

fn unavailable<T: std::fmt::Debug>(outcome: Result<T, ApiError>) {
    assert_eq!(outcome.unwrap_err().kind, ApiErrorKind::Unavailable);
}

fn flow() -> CreateFlow {
    let draft: Draft = rig::draft("12122-sample-10010", 1, 3);
    CreateFlow { namespace: "default".parse().unwrap(), name: None, draft }
}

fn instance() -> InstanceId {
    InstanceId { namespace: "default".parse().unwrap(), name: "12122-sample-10010".parse().unwrap() }
}

fn stop() -> InstanceOrder {
    InstanceOrder::Stop { strategy: NonUpdateStrategy::default() }
}
