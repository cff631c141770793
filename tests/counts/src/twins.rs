//! Pairs of places in the product that have six or more equal lines.
//!
//! Lines are compared without the space around them. Code, its attributes and its documentation count. Lines
//! without a letter or a digit, comments that are no documentation, `use` and the signatures of functions of
//! a trait, where it is declared and where it is implemented, do not: lines before and after them are
//! neighbours. A pair is as long as it can be, and counts once, however long it is. Three places with the
//! same lines are three pairs. Places that overlap are no pair.

use std::collections::{BTreeSet, HashMap};

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::count::Figure;
use crate::lines;
use crate::product::{Product, Source};

const LEAST: usize = 6;

/// Where a line is.
type Place<'a> = (&'a str, usize);

pub(crate) fn figure(product: &Product) -> Figure {
    let mut places: Vec<Place<'_>> = Vec::new();
    let mut texts: Vec<&str> = Vec::new();
    for source in &product.sources {
        for (number, text) in compared(source) {
            places.push((&source.path, number));
            texts.push(text);
        }
    }
    let pairs = pairs(&places, &texts);
    let found = pairs.into_iter().map(|(a, b, length)| {
        let [(a, of_a), (b, of_b)] = [places[a], places[b]];
        format!("{length} lines: {a}:{of_a} and {b}:{of_b}")
    });
    Figure::of(texts.len(), found.collect())
}

/// The lines of a file that are compared, with their numbers.
fn compared(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    let mut without = Without(BTreeSet::new());
    without.visit_file(&source.code);
    let counted = &(&source.lines.code | &source.lines.documentation) - &without.0;
    let numbered = source.text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    numbered.filter(move |(number, line)| counted.contains(number) && line.contains(char::is_alphanumeric))
}

/// Pairs of equal places and their length, the longest first.
fn pairs(places: &[Place<'_>], texts: &[&str]) -> Vec<(usize, usize, usize)> {
    let mut windows: HashMap<&[&str], Vec<usize>> = HashMap::new();
    for (at, window) in texts.windows(LEAST).enumerate() {
        if places[at].0 == places[at + LEAST - 1].0 {
            windows.entry(window).or_default().push(at);
        }
    }
    let mut pairs = Vec::new();
    for equal in windows.values() {
        for (index, &a) in equal.iter().enumerate() {
            let others = equal[index + 1..].iter();
            pairs.extend(others.filter_map(|&b| Some((a, b, length(a, b, places, texts)?))));
        }
    }
    pairs.sort_unstable_by_key(|&(a, b, length)| (usize::MAX - length, a, b));
    pairs
}

/// How many lines are equal from two places on; `None` where these are the middle of a longer pair, or overlap.
fn length(a: usize, b: usize, places: &[Place<'_>], texts: &[&str]) -> Option<usize> {
    let [of_a, of_b] = [places[a].0, places[b].0];
    let equal = |a: usize, b: usize| {
        let ends = [places.get(a), places.get(b)].map(|place| place.map(|place| place.0));
        ends == [Some(of_a), Some(of_b)] && texts[a] == texts[b]
    };
    let goes_on = a > 0 && equal(a - 1, b - 1);
    let overlaps = of_a == of_b && b - a < LEAST;
    (!goes_on && !overlaps).then(|| (LEAST..).find(|at| !equal(a + at, b + at)))?
}

/// Lines that are not compared.
struct Without(BTreeSet<usize>);

impl Without {
    fn add(&mut self, node: &impl Spanned) {
        self.0.extend(lines::covered(node.span()));
    }
}

impl<'ast> Visit<'ast> for Without {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add(item);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        for inner in &item.items {
            if let (Some(_), syn::ImplItem::Fn(function)) = (&item.trait_, inner) {
                self.add(&function.sig);
            }
        }
        visit::visit_item_impl(self, item);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        self.add(&function.sig);
        visit::visit_trait_item_fn(self, function);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::samples::product;

    #[test]
    fn six_equal_lines_are_a_pair_and_five_are_not() {
        assert_eq!(found(&["a", "b", "c", "d", "e", "f"], &["a", "b", "c", "d", "e", "f"]), ["6"]);
        assert_eq!(found(&["a", "b", "c", "d", "e", "f"], &["a", "b", "c", "d", "e", "x"]), [""; 0]);
    }

    #[test]
    fn a_longer_pair_counts_once_and_three_places_are_three_pairs() {
        let eight = ["a", "b", "c", "d", "e", "f", "g", "h"];
        assert_eq!(found(&eight, &eight), ["8"]);
        let text = block(&eight);
        let files =
            [("lib.rs", "mod a;\nmod b;\nmod c;\n"), ("a.rs", &text), ("b.rs", &text), ("c.rs", &text)];
        assert_eq!(figure(&product(&files)).number, 3);
    }

    #[test]
    fn lines_that_repeat_at_once_are_no_pair() {
        assert_eq!(found(&["a"; 9], &["x"]), [""; 0]);
        assert_eq!(found(&["a"; 12], &["x"]), ["6"]);
    }

    #[test]
    fn imports_signatures_of_traits_and_lines_without_a_word_do_not_count() {
        let uses = "use a::{\n    b,\n    c,\n    d,\n    e,\n    f,\n};\n";
        let signature = "    fn g(\n        a: A,\n        b: B,\n        c: C,\n        d: D,\n    ) -> E";
        let declared = format!("trait T {{\n{signature};\n}}\n");
        let implemented = format!("impl T for X {{\n{signature} {{\n    }}\n}}\n");
        let own = format!("impl X {{\n{signature} {{\n    }}\n}}\n");
        let five = "fn f() {\n    a();\n    {\n        b();\n    }\n    c();\n    d();\n}\n";
        for (a, b, number) in [
            (five, five, 0),
            (uses, uses, 0),
            (&declared, &implemented, 0),
            (&implemented, &implemented, 0),
            // The line of the `impl` and five of the signature.
            (&own, &own, 1),
        ] {
            let files = [("lib.rs", "mod a;\nmod b;\n"), ("a.rs", a), ("b.rs", b)];
            assert_eq!(figure(&product(&files)).number, number, "{a}\n{b}");
        }
    }

    #[test]
    fn documentation_counts_and_tests_do_not() {
        let fields =
            "struct A {\n    /// A.\n    a: A,\n    /// B.\n    b: B,\n    // A comment.\n    c: C,\n}\n";
        for (before, number) in [("", 1), ("#[cfg(test)]\n", 0)] {
            let text = format!("{before}{fields}");
            let files = [("lib.rs", "mod a;\nmod b;\n"), ("a.rs", &text), ("b.rs", &text)];
            assert_eq!(figure(&product(&files)).number, number, "{text}");
        }
    }

    /// The lengths of the pairs in two files, each a function of these statements and of others around them.
    fn found(a: &[&str], b: &[&str]) -> Vec<String> {
        let (a, b) = (block(a), block(b).replace("before", "first").replace("after", "last"));
        let figure = figure(&product(&[("lib.rs", "mod a;\nmod b;\n"), ("a.rs", &a), ("b.rs", &b)]));
        figure.found.iter().map(|line| line.split(' ').next().unwrap_or_default().to_owned()).collect()
    }

    fn block(names: &[&str]) -> String {
        let calls: Vec<String> = names.iter().map(|name| format!("    {name}();\n")).collect();
        format!("fn before() {{\n{}    after();\n}}\n", calls.concat())
    }
}
