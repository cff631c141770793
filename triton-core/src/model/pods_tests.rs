use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn the_tally_says_what_a_walk_over_the_pods_says(
        all in prop::collection::vec((0_u32..64, 0_u64..10), 0..40),
        with in 0_u32..64,
        without in 0_u32..64,
    ) {
        let (with, without) = (Facts::from_bits_truncate(with), Facts::from_bits_truncate(without));
        let mut pods = Pods::default();
        for (number, (facts, out_for)) in all.into_iter().enumerate() {
            pods.push(pod(number), Facts::from_bits_truncate(facts), Duration::from_secs(out_for));
        }
        let hit = |facts: Facts| facts.contains(with) && !facts.intersects(without);
        let out_for = || pods.iter().filter(|(_, facts, _)| hit(*facts)).map(|(_, _, out_for)| out_for);
        prop_assert_eq!(usize::try_from(pods.count(with, without)), Ok(out_for().count()));
        prop_assert_eq!(pods.any(with, without), out_for().count() > 0);
        prop_assert_eq!(pods.longest_out(with, without), out_for().max());
        let walked: Vec<_> = pods.iter().filter(|(_, facts, _)| hit(*facts)).collect();
        prop_assert_eq!(pods.matching(with, without).collect::<Vec<_>>(), walked);
    }
}

#[test]
fn nothing_has_a_fact_and_lacks_it() {
    let mut pods = Pods::default();
    pods.push(pod(0), Facts::IN, Duration::ZERO);
    pods.push(pod(1), Facts::empty(), Duration::ZERO);
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
