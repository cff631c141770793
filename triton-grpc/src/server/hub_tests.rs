use super::*;
use crate::views;

#[tokio::test]
async fn a_change_is_encoded_once_for_any_number_of_watchers() {
    let hub = fed();
    let mut watchers = Vec::new();
    for _ in 0..100 {
        watchers.push(hub.watch(&views::id("df")).await.unwrap());
    }
    let mut every = hub.watch_every().await.unwrap();

    hub.publish(views::smoked("df"));

    let mut frames = Vec::new();
    for watcher in &mut watchers {
        frames.push(changed(watcher.next().await).frame.clone());
    }
    frames.push(changed(every.next().await).frame.clone());
    assert_eq!(hub.encodings(), 1);
    assert_eq!(frames.len(), 101);
    assert!(frames.windows(2).all(|pair| pair[0].shares_bytes_with(&pair[1])));
}

#[tokio::test]
async fn what_nobody_watches_is_not_encoded() {
    let hub = fed();
    let _other = hub.watch(&views::id("other")).await.unwrap();
    hub.publish(views::smoked("df"));
    assert_eq!(hub.encodings(), 0);
}

#[tokio::test]
async fn nothing_is_left_of_a_watcher_that_is_gone() {
    let hub = fed();
    let one = hub.watch(&views::id("df")).await.unwrap();
    let other = hub.watch(&views::id("df")).await.unwrap();
    let every = hub.watch_every().await.unwrap();
    assert_eq!((hub.live(), topics(&hub)), (3, 1));
    drop(one);
    assert_eq!((hub.live(), topics(&hub)), (2, 1));
    drop((other, every));
    assert_eq!((hub.live(), topics(&hub)), (0, 0));
    hub.publish(views::smoked("df"));
    assert_eq!(hub.encodings(), 0);
}

#[tokio::test]
async fn an_unchanged_flow_is_not_repeated() {
    let hub = fed();
    let mut watcher = hub.watch(&views::id("df")).await.unwrap();
    for view in [views::pending("df"), views::pending("df"), views::smoked("df")] {
        hub.publish(view);
    }
    assert_eq!(changed(watcher.next().await).view, views::pending("df"));
    assert_eq!(changed(watcher.next().await).view, views::smoked("df"));
}

#[tokio::test]
async fn a_slow_watcher_of_a_flow_loses_old_states_and_gets_the_newest() {
    let hub = fed();
    let mut watcher = hub.watch(&views::id("df")).await.unwrap();
    for step in 1..=100 {
        hub.publish(step_of("df", step));
    }
    let mut seen = Vec::new();
    for _ in 0..LIMITS.queue {
        seen.push(changed(watcher.next().await).view.record.finished_replicas);
    }
    assert_eq!(seen, [97, 98, 99, 100]);
}

#[tokio::test]
async fn a_slow_watcher_of_lists_is_ended() {
    let hub = fed();
    let mut every = hub.watch_every().await.unwrap();
    for step in 1..=100 {
        hub.publish(step_of("df", step));
    }
    assert_eq!(every.next().await.unwrap_err(), End::Behind);
    assert_eq!(ApiError::from(End::Behind).kind, ApiErrorKind::Aborted);
}

#[tokio::test]
async fn too_many_watchers_are_refused_and_there_is_room_again_when_some_leave() {
    let hub = fed();
    let mut watchers = Vec::new();
    for _ in 0..LIMITS.watchers {
        watchers.push(hub.watch(&views::id("df")).await.unwrap());
    }
    let refused = hub.watch(&views::id("df")).await.unwrap_err();
    assert_eq!(refused.kind, ApiErrorKind::ResourceExhausted);
    assert_eq!(hub.live(), LIMITS.watchers);
    watchers.pop();
    assert!(hub.watch_every().await.is_ok());
}

#[tokio::test]
async fn a_closed_hub_ends_its_watches_and_takes_no_more() {
    let hub = fed();
    let mut watcher = hub.watch(&views::id("df")).await.unwrap();
    let mut every = hub.watch_every().await.unwrap();
    hub.close();
    assert_eq!(watcher.next().await.unwrap_err(), End::Closed);
    assert_eq!(every.next().await.unwrap_err(), End::Closed);
    assert_eq!(hub.watch(&views::id("df")).await.unwrap_err().kind, ApiErrorKind::Unavailable);
    drop((watcher, every));
    assert_eq!(hub.live(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_is_not_fed_says_so_after_a_while() {
    let hub = Hub::new(LIMITS);
    let refused = hub.watch(&views::id("df")).await.unwrap_err();
    assert_eq!(refused.kind, ApiErrorKind::Unavailable);
    assert_eq!(hub.live(), 0);
}

#[test]
fn a_state_tells_its_age_by_time_and_by_orders() {
    let mark = |view: FlowView| Change::new(view).mark;
    let (old, new) = (mark(views::pending("df")), mark(views::smoked("df")));
    assert!(old.looks_older(&new));
    assert!(!new.looks_older(&old));
    assert!(!new.looks_older(&new));
    let mut canceled = views::smoked("df");
    canceled.canceled = true;
    assert!(new.looks_older(&mark(canceled)));
    let mut approved = views::smoked("df");
    approved.target.batch = 2;
    assert!(new.looks_older(&mark(approved)));
}

const LIMITS: Limits = Limits { watchers: 200, queue: 4, list_queue: 8, patience: Duration::from_secs(5) };

/// A hub that believes that somebody feeds it.
fn fed() -> Hub {
    let hub = Hub::new(LIMITS);
    hub.0.state.send_replace(State::Fed);
    hub
}

fn topics(hub: &Hub) -> usize {
    hub.0.topics.lock().flows.len()
}

fn changed(note: Result<Note, End>) -> Arc<Change> {
    match note {
        Ok(Note::Changed(change)) => change,
        other => panic!("{other:?} is not a change"),
    }
}

fn step_of(name: &str, step: u32) -> FlowView {
    let mut view = views::smoked(name);
    view.record.finished_replicas = step;
    view
}
