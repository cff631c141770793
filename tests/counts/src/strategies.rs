//! Types that declare the fields of a strategy.
//!
//! A type declares a strategy when it has at least [`LEAST`] of the fields in [`FIELDS`], in Rust or in a
//! proto file. Views of a flow show some fields of its strategy, too few for that. Fields of a type that is
//! flattened do not count: they are declared once.

use crate::count::Figure;
use crate::types::Declared;

const LEAST: usize = 4;
/// Without the unit that some of them name.
const FIELDS: [&str; 6] =
    ["batch_interval", "drain", "failure_threshold", "max_unavailable", "on_failure", "progress_deadline"];

pub(crate) fn figure(types: &[Declared]) -> Figure {
    let strategies = types.iter().filter(|declared| {
        let names = declared.fields.iter().map(|field| field.name.trim_end_matches("_seconds"));
        names.filter(|name| FIELDS.contains(name)).count() >= LEAST
    });
    Figure::of(types.len(), strategies.map(ToString::to_string).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::samples::types;

    #[test]
    fn four_fields_of_a_strategy_declare_one_and_three_do_not() {
        let rust = "struct A { drain: u8, on_failure: u8, max_unavailable: u8, progress_deadline_seconds: u8 }\n\
            struct B { drain_seconds: u8, on_failure: u8, max_unavailable: u8, other: u8 }\n\
            struct C { #[serde(flatten)] a: A, x: u8, y: u8 }\n";
        let proto = "message D {\n  int32 drainSeconds = 1;\n  string onFailure = 2;\n  \
            string maxUnavailable = 3;\n  string failureThreshold = 4;\n}\n";
        let figure = figure(&types(rust, proto));
        assert_eq!(figure.found, ["A (core/src/lib.rs:1)", "D (core/a.proto:1)"]);
        assert_eq!((figure.number, figure.examined), (2, 4));
    }
}
