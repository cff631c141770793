//! WHICH ENDED FLOWS ARE KEPT.

use alloc::vec::Vec;

use crate::model::Peer;

/// The flows of one application that may be removed, oldest first, so that the `limit` that ended last are
/// kept. One that has not ended, of which that cannot be told, or that still holds something, is never among
/// them. No flow needs another one that has ended: a rollback to a flow was made with its template, and what
/// was good is remembered on the workload.
#[must_use]
pub fn surplus(peers: &[Peer], limit: u32) -> Vec<&Peer> {
    let mut ended: Vec<&Peer> = peers.iter().filter(|peer| peer.ended_at.is_some()).collect();
    ended.sort_by_key(|peer| (peer.ended_at, peer.created_at, &peer.id));
    let beyond = ended.len().saturating_sub(usize::try_from(limit).unwrap_or(usize::MAX));
    ended.truncate(beyond);
    ended.retain(|peer| !peer.held);
    ended
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    #[test]
    fn those_that_ended_first_go_first_and_as_many_as_the_limit_says_stay() {
        let peers = [ended("c", 3), ended("a", 9), ended("d", 1), ended("b", 2)];
        assert_eq!(names(&surplus(&peers, 2)), ["d", "b"]);
        assert_eq!(names(&surplus(&peers, 0)), ["d", "b", "c", "a"], "0 keeps none");
        for limit in [4, 5, u32::MAX] {
            assert_eq!(names(&surplus(&peers, limit)), [""; 0], "{limit}");
        }
    }

    #[test]
    fn of_those_that_ended_at_once_the_one_made_first_goes_first_then_by_name() {
        let mut late = ended("a", 5);
        late.created_at = Timestamp::from_micros(1);
        assert_eq!(names(&surplus(&[late, ended("c", 5), ended("b", 5)], 1)), ["b", "c"]);
    }

    #[test]
    fn a_flow_that_has_not_ended_stays_and_takes_no_place() {
        let open = Peer { ended_at: None, ..ended("open", 0) };
        assert_eq!(names(&surplus(&[open.clone(), ended("b", 2), ended("a", 1)], 1)), ["a"]);
        assert_eq!(names(&surplus(&[open], 0)), [""; 0]);
    }

    #[test]
    fn a_flow_that_still_holds_something_stays_and_no_other_goes_in_its_place() {
        let held = Peer { held: true, ..ended("held", 1) };
        assert_eq!(names(&surplus(&[held, ended("b", 2), ended("c", 3)], 1)), ["b"]);
        let held = Peer { held: true, ..ended("held", 9) };
        assert_eq!(names(&surplus(&[held, ended("b", 2)], 1)), ["b"]);
    }

    fn ended(name: &str, at: i64) -> Peer {
        Peer {
            id: crate::model::FlowId {
                namespace: "default".parse().expect("a name"),
                name: name.parse().expect("a name"),
            },
            version: "1".parse().expect("a version"),
            created_at: Timestamp::default(),
            ended_at: Some(Timestamp::from_micros(at)),
            held: false,
            begun: false,
            waits: false,
            rollback: false,
        }
    }

    fn names<'a>(peers: &[&'a Peer]) -> Vec<&'a str> {
        peers.iter().map(|peer| peer.id.name.as_str()).collect()
    }
}
