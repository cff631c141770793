use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn the_tally_says_what_a_walk_over_the_pods_says(
        all in prop::collection::vec((0_u16..64, 0_i64..10), 0..40),
        with in 0_u16..64,
        without in 0_u16..64,
    ) {
        let (with, without) = (Facts::from_bits_truncate(with), Facts::from_bits_truncate(without));
        let mut pods = Pods::default();
        for (number, (facts, since)) in all.into_iter().enumerate() {
            pods.push(pod(number), Facts::from_bits_truncate(facts), Timestamp::from_micros(since));
        }
        let hit = |facts: Facts| facts.contains(with) && !facts.intersects(without);
        let since = || pods.iter().filter(|(_, facts, _)| hit(*facts)).map(|(_, _, since)| since);
        prop_assert_eq!(usize::try_from(pods.count(with, without)), Ok(since().count()));
        prop_assert_eq!(pods.any(with, without), since().count() > 0);
        prop_assert_eq!(pods.earliest_out(with, without), since().min());
        let walked: Vec<_> = pods.iter().filter(|(_, facts, _)| hit(*facts)).collect();
        prop_assert_eq!(pods.matching(with, without).collect::<Vec<_>>(), walked);
    }
}

#[test]
fn nothing_has_a_fact_and_lacks_it() {
    let mut pods = Pods::default();
    pods.push(pod(0), Facts::IN, Timestamp::default());
    pods.push(pod(1), Facts::empty(), Timestamp::default());
    assert_eq!(pods.count(Facts::IN, Facts::IN), 0);
    assert!(!pods.any(Facts::IN, Facts::IN));
}

fn pod(number: usize) -> PodRef {
    PodRef {
        name: alloc::format!("app-{number}").parse().expect("a name"),
        uid: alloc::format!("uid-{number}").parse().expect("a uid"),
        version: "1".parse().expect("a version"),
    }
}
