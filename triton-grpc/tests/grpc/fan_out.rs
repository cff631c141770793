//! Many watchers: each change is encoded once, a reader that never reads holds up nobody, and nothing is
//! left of clients that are gone.

use std::sync::Arc;

use futures::StreamExt;
use futures::future::join_all;
use tonic::transport::Endpoint;
use triton_core::model::{BatchPhase, Target};
use triton_core::service::{ApiErrorKind, ApiStream, DeployApi, FlowEvent, FlowFilter, FlowView};
use triton_grpc::client::Client;
use triton_grpc::server::Config;

use crate::fake::Fake;
use crate::server::{Served, in_time, until};
use crate::views;

/// Where a watch goes on until the flow has ended.
const FAR: Option<Target> = Some(Target { batch: 9, phase: BatchPhase::Baked });
const WATCHERS: usize = 1_000;
const CONNECTIONS: usize = 4;
const CHANGES: u32 = 500;
/// Bytes that HTTP/2 lets a server send before the client reads, at the least.
const WINDOW: u32 = 65_535;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_watchers_see_the_end_although_one_never_reads() {
    let (fake, served) = start().await;
    let mut unread = narrow(&served).await.watch(&views::id("df"), FAR).await.unwrap();
    let watches = watches(&served, WATCHERS).await;
    assert_eq!(served.watches.live(), WATCHERS + 1);

    let readers = tokio::spawn(join_all(watches.into_iter().map(last)));
    for step in 1..=CHANGES {
        fake.set(large(step));
        tokio::task::yield_now().await;
    }
    fake.set(end());

    let seen = in_time(readers).await.unwrap();
    assert!(seen.iter().all(|view| *view == end()), "every reader sees the end");
    assert!(
        served.watches.encodings() <= u64::from(CHANGES) + 1,
        "{} encodings of {CHANGES} changes",
        served.watches.encodings()
    );
    assert_eq!(served.watches.live(), 1, "the reader that never reads is still there");

    let first = in_time(unread.next()).await.unwrap().unwrap();
    assert_eq!(first, views::smoked("df"));
    let mut read = Vec::new();
    while let Some(view) = in_time(unread.next()).await {
        read.push(view.unwrap());
    }
    assert_eq!(read.last(), Some(&end()), "late, but it sees the end");
    assert!(read.len() < CHANGES as usize, "states in between were left out: {}", read.len());
    until("the last watch is gone", || served.watches.live() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_of_clients_that_are_gone() {
    let (fake, served) = start().await;
    for _ in 0..3 {
        let one = watches(&served, 100).await;
        let client = served.client().await;
        let mut lists = Vec::new();
        for _ in 0..20 {
            lists.push(client.list_and_watch(&FlowFilter::default()).await.unwrap());
        }
        let pause = client.pause(&views::id("df")).await.unwrap();
        assert!(!pause.already);
        assert!(served.watches.live() >= 120);
        // All at once, in the middle of their streams, together with their connections.
        drop((one, lists, client));
        until("the watches are gone", || served.watches.live() == 0).await;
    }
    let before = served.watches.encodings();
    let client = served.client().await;
    let mut other = client.watch(&views::id("other"), FAR).await.unwrap();
    assert_eq!(in_time(other.next()).await, Some(Ok(views::pending("other"))));
    fake.set(large(1));
    fake.set(views::smoked("other"));
    assert_eq!(in_time(other.next()).await, Some(Ok(views::smoked("other"))));
    assert_eq!(served.watches.encodings(), before + 1, "nothing is encoded for nobody");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_is_not_read_is_ended_and_the_others_go_on() {
    let fake = Arc::new(Fake::with([views::smoked("df")]));
    let config = Config { list_queue: 32, ..Config::default() };
    let served = Served::start(fake.clone(), config).await;
    let filter = FlowFilter::default();
    let mut unread = narrow(&served).await.list_and_watch(&filter).await.unwrap();
    let mut list = served.client().await.list_and_watch(&filter).await.unwrap();
    assert!(matches!(in_time(list.next()).await, Some(Ok(FlowEvent::Listed(_)))));

    for step in 1..=CHANGES {
        fake.set(large(step));
        let told = in_time(list.next()).await.unwrap().unwrap();
        assert_eq!(told, FlowEvent::Changed(large(step)), "who reads misses nothing");
    }
    let mut error = None;
    while let Some(item) = in_time(unread.next()).await {
        error = item.err();
    }
    assert_eq!(error.map(|error| error.kind), Some(ApiErrorKind::Aborted));
}

#[tokio::test]
async fn more_watches_than_allowed_are_refused() {
    let fake = Arc::new(Fake::with([views::smoked("df")]));
    let config = Config { max_watches: 2, ..Config::default() };
    let served = Served::start(fake.clone(), config).await;
    let client = served.client().await;
    let one = client.watch(&views::id("df"), FAR).await.unwrap();
    let _two = client.watch(&views::id("df"), FAR).await.unwrap();
    let refused = client.watch(&views::id("df"), FAR).await.map(|_| ()).unwrap_err();
    assert_eq!(refused.kind, ApiErrorKind::ResourceExhausted);
    drop(one);
    until("there is room again", || served.watches.live() == 1).await;
    assert!(client.watch(&views::id("df"), FAR).await.is_ok());
}

async fn start() -> (Arc<Fake>, Served) {
    let fake = Arc::new(Fake::with([views::smoked("df"), views::pending("other")]));
    let served = Served::start(fake.clone(), Config::default()).await;
    (fake, served)
}

/// A client that takes in little before it reads.
async fn narrow(served: &Served) -> Client {
    let endpoint = Endpoint::from_shared(served.address.clone()).unwrap();
    let endpoint = endpoint.initial_stream_window_size(WINDOW).initial_connection_window_size(WINDOW);
    Client::new(endpoint.connect().await.unwrap())
}

/// So many watches of one flow, over a few connections.
async fn watches(served: &Served, number: usize) -> Vec<ApiStream<FlowView>> {
    let mut clients: Vec<Client> = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(served.client().await);
    }
    let mut watches = Vec::new();
    for at in 0..number {
        watches.push(clients[at % CONNECTIONS].watch(&views::id("df"), FAR).await.unwrap());
    }
    watches
}

async fn last(mut watch: ApiStream<FlowView>) -> FlowView {
    let mut last = None;
    while let Some(view) = watch.next().await {
        last = Some(view.expect("the watch goes on"));
    }
    last.expect("a watch begins with the flow")
}

/// A state of some kilobytes: streams that nobody reads fill up.
fn large(step: u32) -> FlowView {
    let mut view = views::smoked("df");
    view.record.finished_replicas = step;
    view.record.updated_at = Some(views::at(100 + i64::from(step)));
    view.record.message = "x".repeat(4_000);
    view
}

fn end() -> FlowView {
    let mut view = views::success("df");
    view.record.updated_at = Some(views::at(10_000));
    view
}
