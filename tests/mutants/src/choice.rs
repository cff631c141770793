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
    /// The chosen ones of all mutants.
    pub(crate) fn of<'a>(&self, all: &'a [Mutant]) -> Vec<&'a Mutant> {
        match self {
            Self::Sample(seed) => {
                let mut chosen: Vec<&Mutant> = all.iter().collect();
                fastrand::Rng::with_seed(*seed).shuffle(&mut chosen);
                chosen
            }
            Self::File(path) => all.iter().filter(|mutant| mutant.is_in(path)).collect(),
            Self::Shard(shard) => all.iter().skip(shard.part - 1).step_by(shard.of).collect(),
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
        let names = |seed| names(&Choice::Sample(seed).of(&all));
        assert_eq!(names(7), names(7));
        assert_ne!(names(7), names(8));
        let whole: BTreeSet<String> = names(7).into_iter().collect();
        assert_eq!(whole.len(), all.len());
    }

    #[test]
    fn shards_have_every_mutant_once() {
        let all = mutants();
        let shards = (1..=3).map(|part| Choice::Shard(Shard { part, of: 3 }));
        let mut found: Vec<String> = shards.flat_map(|shard| names(&shard.of(&all))).collect();
        found.sort();
        let mut wanted = names(&all.iter().collect::<Vec<_>>());
        wanted.sort();
        assert_eq!(found, wanted);
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

    fn names(mutants: &[&Mutant]) -> Vec<String> {
        mutants.iter().map(|mutant| mutant.name.clone()).collect()
    }
}
