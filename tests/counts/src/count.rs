//! What is counted, and the goals.

use anyhow::{Result, ensure};
use clap::ValueEnum;

/// One of the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Count {
    /// Lines of code.
    Lines,
    /// Types that hold a flow.
    Types,
    /// Types that declare the fields of a strategy.
    Strategies,
    /// Implementations of the API that are written by hand.
    Apis,
    /// Pairs of places with equal lines.
    Twins,
    /// Circles of imports.
    Circles,
    /// Words of the list of words to replace.
    Words,
}

impl Count {
    pub(crate) const ALL: [Self; 7] =
        [Self::Lines, Self::Types, Self::Strategies, Self::Apis, Self::Twins, Self::Circles, Self::Words];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Lines => "lines",
            Self::Types => "types",
            Self::Strategies => "strategies",
            Self::Apis => "apis",
            Self::Twins => "twins",
            Self::Circles => "circles",
            Self::Words => "words",
        }
    }

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Lines => "lines of product code",
            Self::Types => "types that hold a flow",
            Self::Strategies => "declarations of a strategy's fields",
            Self::Apis => "handwritten implementations of DeployApi",
            Self::Twins => "pairs of places with six or more equal lines",
            Self::Circles => "circles of imports",
            Self::Words => "words to replace",
        }
    }

    /// The largest number that meets the goal.
    pub(crate) const fn goal(self, baseline: usize) -> usize {
        match self {
            // 15 percent fewer.
            Self::Lines => baseline * 85 / 100,
            Self::Types => 12,
            Self::Strategies => 3,
            Self::Apis => 4,
            Self::Twins => 20,
            Self::Circles | Self::Words => 0,
        }
    }

    /// Whether nothing at all can be the truth. Elsewhere it shows that the rule no longer fits the code.
    const fn may_be_zero(self) -> bool {
        matches!(self, Self::Twins | Self::Circles | Self::Words)
    }
}

/// What a count found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figure {
    pub(crate) number: usize,
    /// How many lines, types, files or the like were examined.
    pub(crate) examined: usize,
    /// What `--list` prints.
    pub(crate) found: Vec<String>,
}

impl Figure {
    /// The number of what was found.
    pub(crate) fn of(examined: usize, found: Vec<String>) -> Self {
        Self { number: found.len(), examined, found }
    }

    /// Makes sure that the goal is not met merely because nothing was seen.
    ///
    /// # Errors
    /// When nothing was examined, or nothing was found where there must be something.
    pub(crate) fn checked(self, count: Count) -> Result<Self> {
        let title = count.title();
        ensure!(self.examined > 0, "{title}: nothing was examined");
        ensure!(self.number > 0 || count.may_be_zero(), "{title}: none; the rule no longer fits the code");
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_goal_is_met_by_having_seen_nothing() {
        for count in Count::ALL {
            let nothing = Figure::default().checked(count).expect_err("nothing was examined");
            assert!(nothing.to_string().contains("nothing was examined"), "{nothing}");
            let none = Figure { examined: 9, ..Figure::default() }.checked(count);
            let is_goal = count.goal(0) == 0 || count == Count::Twins;
            assert_eq!(none.is_ok(), is_goal && count != Count::Lines, "{count:?}");
        }
    }

    #[test]
    fn the_goal_of_lines_is_15_percent_below_the_baseline() {
        assert_eq!(Count::Lines.goal(1000), 850);
        assert_eq!(Count::Types.goal(1000), 12);
    }
}
