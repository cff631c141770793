//! Modules that import each other in a circle.

use std::collections::{BTreeMap, BTreeSet};

use crate::count::Figure;
use crate::imports::{self, Path};
use crate::product::{Product, Source};

/// Among the modules of each folder: a module, and one that it imports.
type Edges = BTreeMap<Path, BTreeSet<(String, String)>>;

/// Circles among the modules of one folder. A module counts together with the modules below it, so a path
/// from one to another belongs to the folder in which they part.
pub(crate) fn figure(product: &Product) -> Figure {
    let edges = edges(&product.sources);
    let mut found = Vec::new();
    for (folder, edges) in &edges {
        let modules: BTreeSet<&str> = edges.iter().map(|(module, _)| &**module).collect();
        let circles: BTreeSet<Vec<&str>> = modules.iter().map(|module| circle(module, edges)).collect();
        let circles = circles.iter().filter(|circle| !circle.is_empty());
        found.extend(circles.map(|circle| format!("{}: {}", folder.join("::"), circle.join(", "))));
    }
    Figure::of(edges.values().map(BTreeSet::len).sum(), found)
}

/// The modules that a module imports and that import it, itself among them; none if it is in no circle.
fn circle<'a>(module: &'a str, edges: &'a BTreeSet<(String, String)>) -> Vec<&'a str> {
    let is_back = |other: &&str| reached(other, edges).contains(module);
    reached(module, edges).into_iter().filter(is_back).collect()
}

fn edges(sources: &[Source]) -> Edges {
    let mut edges = Edges::new();
    for (from, to) in imports::all(sources) {
        let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
        if let (Some(a), Some(b)) = (from.get(common), to.get(common)) {
            edges.entry(from[..common].to_vec()).or_default().insert((a.clone(), b.clone()));
        }
    }
    edges
}

/// What a module imports, and what that imports, and so on.
fn reached<'a>(module: &str, edges: &'a BTreeSet<(String, String)>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut next = vec![module];
    while let Some(module) = next.pop() {
        for (_, to) in edges.iter().filter(|(from, _)| from == module) {
            if reached.insert(&**to) {
                next.push(to);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::samples::product;

    const ROOT: &str = "mod a;\nmod b;\nmod c;\n";

    #[test]
    fn two_that_import_each_other_are_a_circle() {
        let circle = ["core/src/lib.rs: a, b"];
        assert_eq!(found("use crate::b::B;\n", "use super::a;\n", ""), circle);
        assert_eq!(found("use super::{c, b::{self, B}};\n", "use crate::a::*;\n", ""), circle);
        assert_eq!(found("fn f() { crate::b::f(); }\n", "m!(super::a::X);\n", ""), circle);
        assert_eq!(found("use crate::b::B;\n", "use crate::c::C;\n", ""), [""; 0]);
    }

    #[test]
    fn a_circle_of_three_is_one() {
        let three = ["core/src/lib.rs: a, b, c"];
        assert_eq!(found("use crate::b::B;\n", "use crate::c::C;\n", "use crate::a::A;\n"), three);
        assert_eq!(
            found("use crate::b::B;\n", "use crate::c::C;\nuse crate::a::A;\n", "use crate::b::B;\n"),
            three
        );
    }

    #[test]
    fn tests_parents_and_other_crates_make_no_circle() {
        for other in [
            "#[cfg(test)]\nuse crate::a::A;\n",
            "use crate::X;\n",
            "use a::A;\n",
            "pub(in crate::a) fn f() {}\n",
        ] {
            assert_eq!(found("use crate::b::B;\n", other, "use crate::b::B;\n"), [""; 0], "{other}");
        }
    }

    #[test]
    fn what_is_below_a_module_counts_with_it_and_in_its_own_folder() {
        let files = [
            ("lib.rs", "mod a;\nmod b;\n"),
            ("a.rs", "mod x;\nmod y;\n"),
            ("a/x.rs", "use crate::b::B;\nuse super::y;\n"),
            ("a/y.rs", "use super::x;\n"),
            ("b.rs", "use crate::a::x::X;\n"),
        ];
        let figure = figure(&product(&files));
        assert_eq!(figure.found, ["core/src/lib.rs: a, b", "core/src/lib.rs::a: x, y"]);
        assert_eq!((figure.number, figure.examined), (2, 4));
    }

    fn found(a: &str, b: &str, c: &str) -> Vec<String> {
        figure(&product(&[("lib.rs", ROOT), ("a.rs", a), ("b.rs", b), ("c.rs", c)])).found
    }
}
