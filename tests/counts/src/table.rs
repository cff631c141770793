//! The table that is printed.

use std::fmt::Write;

use crate::count::{Count, Figure};

/// Letters of a commit that are printed.
const SHORT: usize = 7;

/// One count of both trees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    count: Count,
    baseline: usize,
    now: usize,
    goal: usize,
}

impl Row {
    pub(crate) const fn new(count: Count, baseline: &Figure, now: &Figure) -> Self {
        Self { count, baseline: baseline.number, now: now.number, goal: count.goal(baseline.number) }
    }

    pub(crate) const fn is_met(&self) -> bool {
        self.now <= self.goal
    }
}

/// The table, with a heading and one line for each count.
pub(crate) fn print(baseline: &str, rows: &[Row]) -> String {
    let short: String = baseline.chars().take(SHORT).collect();
    let mut table = format!("{:11}{:46}{short:>9}{:>9}{:>9}\n", "", "", "now", "goal");
    for row in rows {
        let Row { count, baseline, now, goal } = row;
        let verdict = if row.is_met() { "met" } else { "not met" };
        let (name, title) = (count.name(), count.title());
        let _ = writeln!(table, "{name:11}{title:46}{baseline:>9}{now:>9}{goal:>9}  {verdict}");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_met_by_its_number_and_not_by_one_more() {
        let figure = |number| Figure { number, examined: 1, found: Vec::new() };
        for (now, is_met) in [(12, true), (13, false)] {
            assert_eq!(Row::new(Count::Types, &figure(27), &figure(now)).is_met(), is_met, "{now}");
        }
        for (now, is_met) in [(85, true), (86, false)] {
            assert_eq!(Row::new(Count::Lines, &figure(100), &figure(now)).is_met(), is_met, "{now}");
        }
    }

    #[test]
    fn the_table_shows_both_numbers_and_the_goal() {
        let figure = |number| Figure { number, examined: 1, found: Vec::new() };
        let rows = [Row::new(Count::Apis, &figure(9), &figure(5))];
        let table = print("0123456789abcdef", &rows);
        let words: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(words[0], ["0123456", "now", "goal"]);
        assert_eq!(words[1][words[1].len() - 5..], ["9", "5", "4", "not", "met"]);
        assert!(table.lines().nth(1).is_some_and(|line| line.starts_with("apis ")), "{table}");
    }
}
