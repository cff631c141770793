//! WHICH OF SEVERAL FLOWS THAT WAIT FOR A WORKLOAD IS NEXT.

use crate::model::{Action, Flow, FlowId, Lock, Peer, Place, Timestamp};

/// The place of a flow among those that wait for the same workload; `None` when nobody is before it. A
/// rollback comes before all others, else who was made first, then by name. Who cannot take the lock, or will
/// not, keeps nobody waiting: see [`Peer::waits`]. The order is the same through everybody's eyes, so there
/// always is one flow that has nobody before it.
#[must_use]
pub fn place(flow: &Flow, created_at: Timestamp, lock: &Lock, peers: &[Peer]) -> Option<Place> {
    let holds = |id: &FlowId| matches!(lock, Lock::Theirs(holder) if holder == id);
    let mine = (flow.spec.action != Action::Rollback, created_at, &flow.id);
    let (mut number, mut last) = (1_u32, None);
    for peer in peers.iter().filter(|peer| peer.waits && peer.id != flow.id && !holds(&peer.id)) {
        let theirs = (!peer.rollback, peer.created_at, &peer.id);
        if theirs < mine {
            number = number.saturating_add(1);
            last = last.max(Some(theirs));
        }
    }
    last.map(|(_, _, behind)| Place { number, behind: behind.clone() })
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn who_was_made_first_is_first_then_by_name() {
        let peers = [peer("c", 5), peer("a", 7), peer("b", 7), peer("d", 9)];
        let places = [("c", 5), ("a", 7), ("b", 7), ("d", 9)].map(|(name, at)| at_place(name, at, &peers));
        assert_eq!(places, [None, of(2, "c"), of(3, "a"), of(4, "b")]);
    }

    #[test]
    fn a_rollback_comes_before_all_others_and_after_earlier_ones() {
        let back = |name, at| Peer { rollback: true, ..peer(name, at) };
        let peers = [peer("update", 1), back("back", 5), back("again", 8)];
        let rollback = |name, at| place(&flow(Action::Rollback, name), micros(at), &Lock::Free, &peers);
        assert_eq!((rollback("back", 5), rollback("again", 8)), (None, of(2, "back")));
        assert_eq!(at_place("update", 1, &peers), of(3, "again"));
    }

    #[test]
    fn who_does_not_wait_or_holds_the_workload_keeps_nobody_waiting() {
        let idle = Peer { waits: false, ..peer("a", 1) };
        assert_eq!(at_place("b", 2, &[idle, peer("b", 2)]), None);
        let peers = [peer("a", 1), peer("b", 2), peer("c", 3)];
        let held = Lock::Theirs(peers[0].id.clone());
        let behind = |name, at| place(&flow(Action::Update, name), micros(at), &held, &peers);
        assert_eq!((behind("b", 2), behind("c", 3)), (None, of(2, "b")));
    }

    #[test]
    fn an_older_look_at_itself_keeps_no_flow_waiting() {
        assert_eq!(at_place("a", 5, &[peer("a", 1)]), None);
    }

    #[test]
    fn whoever_waits_exactly_one_of_them_is_first() {
        for waiting in 1_u32..64 {
            let all = (0..6_i64).map(|nth| Peer {
                waits: waiting >> nth & 1 == 1,
                rollback: nth % 3 == 2,
                ..peer(["f", "e", "d", "c", "b", "a"][usize::try_from(nth).expect("small")], nth / 2)
            });
            let all: Vec<Peer> = all.collect();
            let first = all.iter().filter(|peer| peer.waits).filter(|peer| {
                let action = if peer.rollback { Action::Rollback } else { Action::Scale };
                place(&flow(action, peer.id.name.as_str()), peer.created_at, &Lock::Free, &all).is_none()
            });
            assert_eq!(first.count(), 1, "{all:?}");
        }
    }

    fn at_place(name: &str, at: i64, peers: &[Peer]) -> Option<Place> {
        place(&flow(Action::Update, name), micros(at), &Lock::Free, peers)
    }

    fn of(number: u32, behind: &str) -> Option<Place> {
        Some(Place { number, behind: peer(behind, 0).id })
    }

    fn peer(name: &str, at: i64) -> Peer {
        Peer {
            id: flow(Action::Update, name).id,
            version: "1".parse().expect("a version"),
            created_at: micros(at),
            ended_at: None,
            held: true,
            begun: false,
            waits: true,
            rollback: false,
        }
    }

    fn flow(action: Action, name: &str) -> Flow {
        let flow = Flow::test(action, 2);
        Flow { id: FlowId { name: name.parse().expect("a name"), ..flow.id.clone() }, ..flow }
    }

    const fn micros(at: i64) -> Timestamp {
        Timestamp::from_micros(at)
    }
}
