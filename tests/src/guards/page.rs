//! The page that says which test noticed that a guard was taken out.

use std::{collections::BTreeMap, fmt::Write};

use super::Guard;

/// The page, relative to the root of the repository.
pub const PATH: &str = "docs/proof.md";

const HEAD: &str = "\
# Proof

What keeps a rollout safe is a few conditions in the engine and its driver. This page lists them. Each one
was taken out, alone, and the tests were run until one failed: a guard that no test misses could go
unnoticed. One that was not tried yet says so. `make guards` does it again and writes this page; a house rule
checks that every guard named here is still in the code, word for word, and that every guard in
`tests/guards/` is named here.

The order in which the tests were asked: *unit* are the tests beside the code (`cargo test --package
triton-core --features sim,testing --lib`); *runs* are seeded simulated runs with people and faults, every
property checked after every step, and a good end demanded (`make sim` shows one); *search* visits every state
of small worlds. Where runs or search noticed, the property that broke is named; [what the properties
say](../tests/invariants.rs) is in the code, one file each.
";

/// What noticed that a guard was gone, by the guard's name.
pub type Noticed = BTreeMap<String, String>;

/// Reads what the page says.
#[must_use]
pub fn read(page: &str) -> Noticed {
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ");
        let (says, noticed) = (cells.next()?, cells.next()?);
        (says != "guard" && cells.next().is_none()).then(|| (says.to_owned(), noticed.to_owned()))
    };
    page.lines().filter_map(row).collect()
}

/// The page; a guard that was not tried yet says so.
#[must_use]
pub fn write(guards: &[Guard], noticed: &Noticed) -> String {
    let (mut page, mut file) = (HEAD.to_owned(), "");
    for guard in guards {
        if guard.file != file {
            file = guard.file;
            let name = file.rsplit('/').next().unwrap_or(file);
            _ = write!(page, "\n## [{name}](../{file})\n| guard | noticed by |\n|---|---|\n");
        }
        let by = noticed.get(&guard.says).map_or("not tried", String::as_str);
        _ = writeln!(page, "| {} | {by} |", guard.says);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_as_it_was_written() {
        let guard =
            |says: &str, file| Guard { says: says.into(), file, old: String::new(), new: String::new() };
        let guards = [guard("a holds", "x/a.rs"), guard("b holds", "x/b.rs")];
        let noticed = Noticed::from([("a holds".into(), "unit: t".into())]);
        let page = write(&guards, &noticed);
        let expected =
            Noticed::from([("a holds".into(), "unit: t".into()), ("b holds".into(), "not tried".into())]);
        assert_eq!(read(&page), expected, "{page}");
    }
}
