//! Every guard that `docs/proof.md` tells of is in the code once, and none was taken out unnoticed. A guard
//! that was not tried yet says so.

use std::fs;

use triton_tests::guards::{Guard, page};

/// What is wrong with the guards and the page.
pub(crate) fn check(guards: &[Guard], page: &str, text: impl Fn(&str) -> String) -> Vec<String> {
    let mut faults: Vec<String> = guards
        .iter()
        .filter_map(|guard| guard.taken_out(&text(guard.file)).err().map(|error| error.to_string()))
        .collect();
    let noticed = page::read(page);
    for guard in guards {
        if noticed.get(&guard.says).is_some_and(|by| by == "nothing") {
            faults.push(format!("{}: missed by no test", guard.says));
        }
        if guards.iter().filter(|other| other.says == guard.says).count() > 1 {
            faults.push(format!("two guards say: {}", guard.says));
        }
    }
    if faults.is_empty() && page != page::write(guards, &noticed) {
        faults.push(format!("{} tells of other guards, or in another order: make guards", page::PATH));
    }
    faults
}

/// A file of the repository.
pub(crate) fn text(path: &str) -> String {
    fs::read_to_string(super::root().join(path)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_that_is_gone_or_missed_by_no_test_is_a_fault() {
        let guard = Guard { says: "a holds".into(), file: "a.rs", old: "if a {".into(), new: String::new() };
        let guards = [guard];
        let told = |by: &str| page::write(&guards, &page::Noticed::from([("a holds".into(), by.into())]));
        let there = |_: &str| "if a {}".to_owned();
        assert_eq!(check(&guards, &told("unit: t"), there), Vec::<String>::new());
        assert_eq!(check(&guards, &told("not tried"), there), Vec::<String>::new());
        assert_eq!(check(&guards, &told("unit: t"), |_| String::new()).len(), 1);
        assert_eq!(check(&guards, &told("unit: t"), |_| "if a {} if a {}".into()).len(), 1);
        assert_eq!(check(&guards, &told("nothing"), there).len(), 1);
        assert_eq!(check(&guards, "", there).len(), 1);
        assert_eq!(check(&guards, &(told("unit: t") + "| b holds | unit: t |\n"), there).len(), 1);
    }
}
