//! What every flow store must do. Run [`all`] on yours.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::future::{Future, poll_fn};

use super::rig::draft;
use crate::model::{BatchPhase, FlowId, Orders, Progress, Report, Target, Timestamp, Verdict};
use crate::ports::{FlowStore, Loaded, NewFlow, PortErrorKind, StoreEvent, Stored};

/// Runs every check, each on flows of its own in `namespace`. `pass_time` lets a store that reads through
/// a cache catch up; it is called again and again until a condition holds.
///
/// # Panics
/// At the first promise that is not kept.
pub async fn all<S: FlowStore, T: Future<Output = ()>>(
    store: &S,
    namespace: &str,
    pass_time: impl Fn() -> T,
) {
    what_was_created_is_read_back(store, namespace).await;
    a_name_is_taken_once(store, namespace).await;
    each_half_is_saved_without_the_other(store, namespace).await;
    a_stale_save_is_a_conflict(store, namespace).await;
    an_own_write_is_read_at_once(store, namespace).await;
    a_deleted_flow_is_gone(store, namespace, &pass_time).await;
    the_flows_of_an_application_know_of_each_other(store, namespace, &pass_time).await;
    a_watch_tells_of_changes(store, namespace).await;
}

async fn what_was_created_is_read_back<S: FlowStore>(store: &S, namespace: &str) {
    let id = created(store, namespace, "read-back").await;
    let stored = load(store, &id).await;
    let (spec, orders) = draft("read-back", 1, 3).parse().expect("a valid draft");
    assert_eq!((stored.flow.spec, stored.flow.orders), (spec, orders));
    assert_eq!(stored.flow.progress, Progress::Pending);
    let listed = store.list(Some(&id.namespace)).await.expect("listed");
    assert!(listed.iter().any(|loaded| *loaded.id() == id));
}

async fn a_name_is_taken_once<S: FlowStore>(store: &S, namespace: &str) {
    let id = created(store, namespace, "taken").await;
    let again = store.create(new(&id)).await.expect_err("the name is taken");
    assert_eq!(again.kind, PortErrorKind::Exists);
    let absent = FlowId { name: "never-made".parse().expect("a name"), ..id };
    assert_eq!(store.load(&absent).await.expect_err("absent").kind, PortErrorKind::NotFound);
}

async fn each_half_is_saved_without_the_other<S: FlowStore>(store: &S, namespace: &str) {
    let id = created(store, namespace, "halves").await;
    let before = load(store, &id).await;
    let target = Target { batch: 2, phase: BatchPhase::Baking };
    let orders = Orders { paused: true, resumes: 3, target, ..before.flow.orders.clone() };
    let saved = store.save_orders(&id, &orders, &before.version).await.expect("saved");
    let Loaded::Flow(saved) = saved else { panic!("{saved:?}") };
    assert_eq!((&saved.flow.orders, &saved.flow.progress), (&orders, &Progress::Pending));
    let report = Report { reason: "Testing".into(), message: "as saved".into(), ..Report::default() };
    store.save_progress(&id, &finished(), &report, &saved.version).await.expect("saved");
    let after = load(store, &id).await;
    assert_eq!((after.flow.orders, after.flow.progress), (orders, finished()));
    assert_eq!((after.report.reason.as_str(), after.report.message.as_str()), ("Testing", "as saved"));
}

async fn a_stale_save_is_a_conflict<S: FlowStore>(store: &S, namespace: &str) {
    let id = created(store, namespace, "stale-save").await;
    let before = load(store, &id).await;
    let orders = Orders { paused: true, ..before.flow.orders.clone() };
    store.save_orders(&id, &orders, &before.version).await.expect("saved");
    let late = store.save_orders(&id, &Orders::default(), &before.version).await.expect_err("stale");
    assert_eq!(late.kind, PortErrorKind::Conflict);
    let late = store.save_progress(&id, &finished(), &Report::default(), &before.version).await;
    assert_eq!(late.expect_err("stale").kind, PortErrorKind::Conflict);
    assert_eq!(load(store, &id).await.flow.orders, orders);
}

async fn an_own_write_is_read_at_once<S: FlowStore>(store: &S, namespace: &str) {
    let id = created(store, namespace, "own-write").await;
    for resumes in 1..20 {
        let before = load(store, &id).await;
        let orders = Orders { resumes, ..before.flow.orders };
        store.save_orders(&id, &orders, &before.version).await.expect("saved");
        assert_eq!(load(store, &id).await.flow.orders.resumes, resumes);
    }
}

async fn a_deleted_flow_is_gone<S: FlowStore, T: Future<Output = ()>>(
    store: &S,
    namespace: &str,
    pass_time: &impl Fn() -> T,
) {
    let id = created(store, namespace, "deleted").await;
    let stored = load(store, &id).await;
    store.save_progress(&id, &finished(), &Report::default(), &stored.version).await.expect("saved");
    store.forget(&id, &stored.flow.uid).await.expect("nothing keeps it");
    let stored = load(store, &id).await;
    store.delete(&id, &stored.version).await.expect("deleted");
    for _ in 0..super::rig::PATIENCE {
        match store.load(&id).await {
            Err(error) if error.kind == PortErrorKind::NotFound => {
                return store.delete(&id, &stored.version).await.expect("deleting what is absent succeeds");
            }
            Ok(_) => pass_time().await,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("{id} was deleted and is still there")
}

async fn the_flows_of_an_application_know_of_each_other<S: FlowStore, T: Future<Output = ()>>(
    store: &S,
    namespace: &str,
    pass_time: &impl Fn() -> T,
) {
    let first = created(store, namespace, "peers").await;
    let name = "peers-again".parse().expect("a flow name");
    let second = FlowId { name, ..first.clone() };
    let again = NewFlow { id: second.clone(), ..new(&first) };
    store.create(again).await.expect("created");
    created(store, namespace, "peers-not").await;
    let stored = load(store, &first).await;
    store.save_progress(&first, &finished(), &Report::default(), &stored.version).await.expect("saved");
    store.forget(&first, &stored.flow.uid).await.expect("nothing keeps it");
    let Progress::Finished { at, .. } = finished() else { panic!("it has ended") };
    let instance = load(store, &second).await.flow.instance();
    for _ in 0..super::rig::PATIENCE {
        let mut peers = store.peers(&instance).await.expect("listed");
        peers.sort_by(|a, b| a.id.cmp(&b.id));
        let known: Vec<_> = peers.iter().map(|peer| (peer.id.clone(), peer.ended_at)).collect();
        if known == [(first.clone(), Some(at)), (second.clone(), None)] && !peers[0].held {
            let now = load(store, &first).await;
            assert_eq!((&peers[0].version, peers[0].created_at), (&now.version, now.created_at));
            return;
        }
        pass_time().await;
    }
    panic!("the flows of {instance} do not know of each other")
}

async fn a_watch_tells_of_changes<S: FlowStore>(store: &S, namespace: &str) {
    let mut watch = store.watch();
    let id = created(store, namespace, "watched").await;
    let stored = load(store, &id).await;
    let orders = Orders { paused: true, ..stored.flow.orders };
    store.save_orders(&id, &orders, &stored.version).await.expect("saved");
    loop {
        let event = poll_fn(|cx| watch.as_mut().poll_next(cx)).await.expect("the watch goes on");
        if let StoreEvent::Changed(Loaded::Flow(seen)) = event
            && seen.flow.id == id
            && seen.flow.orders.paused
        {
            return;
        }
    }
}

async fn created<S: FlowStore>(store: &S, namespace: &str, name: &str) -> FlowId {
    let id = FlowId {
        namespace: namespace.parse().expect("a namespace"),
        name: name.parse().expect("a flow name"),
    };
    let made = store.create(new(&id)).await.expect("created");
    assert_eq!(*made.id(), id);
    id
}

fn new(id: &FlowId) -> NewFlow {
    let name = id.name.as_str();
    let instance = name.parse().expect("an instance name");
    NewFlow { id: id.clone(), draft: draft(name, 1, 3), instance }
}

async fn load<S: FlowStore>(store: &S, id: &FlowId) -> Box<Stored> {
    match store.load(id).await.expect("it is there") {
        Loaded::Flow(stored) => stored,
        other @ (Loaded::Invalid(_) | Loaded::Corrupt { .. }) => panic!("{other:?}"),
    }
}

fn finished() -> Progress {
    Progress::Finished { verdict: Verdict::Canceled, at: Timestamp::from_micros(1_631_537_344_123_456) }
}
