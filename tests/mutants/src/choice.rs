//! Which mutants are run, and in which order.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::str::FromStr;

use crate::score::Mutant;

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// All mutants, in an order that the seed gives.
    Sample(u64),
    /// The mutants of files whose path ends like this.
    File(String),
    Shard(Shard),
}

/// One of `of` parts; counts from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    pub(crate) part: usize,
    pub(crate) of: usize,
}

impl Choice {
    /// The places of the chosen mutants in the list of all.
    pub(crate) fn of(&self, all: &[Mutant]) -> Vec<usize> {
        let places = 0..all.len();
        match self {
            Self::Sample(seed) => {
                let mut chosen: Vec<usize> = places.collect();
                fastrand::Rng::with_seed(*seed).shuffle(&mut chosen);
                chosen
            }
            Self::File(path) => places.filter(|&at| all[at].is_in(path)).collect(),
            Self::Shard(shard) => places.skip(shard.part - 1).step_by(shard.of).collect(),
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sample(seed) => write!(f, "a sample: SEED={seed}"),
            Self::File(path) => write!(f, "those in ONLY={path}"),
            Self::Shard(shard) => write!(f, "SHARD={}/{}", shard.part, shard.of),
        }
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers =
            text.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((part, of)) if 1 <= part && part <= of => Ok(Self { part, of }),
            _ => Err(format!("{text:?} is no shard: say 1/8 to 8/8")),
        }
    }
}

/// Tells two versions of the code apart when their mutants differ.
pub(crate) fn fingerprint(all: &[Mutant]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for mutant in all {
        mutant.name.hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_gives_one_order_of_all_mutants() {
        let all = mutants();
        let places = |seed| Choice::Sample(seed).of(&all);
        assert_eq!(places(7), places(7));
        assert_ne!(places(7), places(8));
        assert!(places(7).into_iter().collect::<BTreeSet<_>>().into_iter().eq(0..all.len()));
    }

    #[test]
    fn shards_have_every_mutant_once() {
        let all = mutants();
        let shards = (1..=3).map(|part| Choice::Shard(Shard { part, of: 3 }));
        let mut found: Vec<usize> = shards.flat_map(|shard| shard.of(&all)).collect();
        found.sort_unstable();
        assert!(found.into_iter().eq(0..all.len()));
    }

    #[test]
    fn a_shard_is_one_of_a_few() {
        assert_eq!("2/3".parse(), Ok(Shard { part: 2, of: 3 }));
        for wrong in ["0/3", "4/3", "3", "a/b", ""] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_file_is_named_by_the_end_of_its_path() {
        let all = mutants();
        assert_eq!(Choice::File("goal.rs".into()).of(&all).len(), 10);
        assert_eq!(Choice::File("engine/goal.rs".into()).of(&all).len(), 10);
        assert_eq!(Choice::File("oal.rs".into()).of(&all).len(), 0);
    }

    fn mutants() -> Vec<Mutant> {
        let of =
            |file: &'static str| (0..10).map(move |at| Mutant::sample(file, "f", &format!("{file}:{at}")));
        of("a/engine/goal.rs").chain(of("a/engine/tend.rs")).collect()
    }
}
