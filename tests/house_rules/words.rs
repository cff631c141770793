//! Words that no file holds.

use super::source::{Fault, File, code};

/// Marks of things left for later, spelt so that this file does not hold them.
const LATER: [&str; 6] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("X", "XX"),
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("#[ig", "nore"),
];
/// Folders of one machine, and places that packages are fetched from.
const MACHINES: [&str; 9] = [
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("/wo", "rk/"),
    concat!("proxy.", "golang.org"),
    concat!("sum.", "golang.org"),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("registry.", "npmjs.org"),
];

pub(crate) fn check(file: &File) -> Vec<Fault> {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    if matches!(name, "Cargo.lock" | "go.sum" | "LICENSE") {
        return Vec::new();
    }
    let mut faults = Vec::new();
    if name == "mod.rs" {
        faults.push(file.fault(1, "a module is named after itself: foo.rs and foo/"));
    }
    for (at, line) in file.text.lines().enumerate() {
        let found = LATER.iter().chain(&MACHINES).find(|word| line.contains(**word));
        faults.extend(found.map(|word| file.fault(at + 1, format!("holds {word:?}"))));
    }
    faults.extend(unwraps(file));
    faults
}

/// The engine is total: what clippy is told there must stay told.
fn unwraps(file: &File) -> Vec<Fault> {
    let is_engine = file.path.starts_with("triton-core/src/engine/");
    if !is_engine || file.path.ends_with("_tests.rs") || file.path.ends_with("/fixtures.rs") {
        return Vec::new();
    }
    let code = code(&file.text);
    let allowed = code.lines().enumerate().filter(|(_, line)| {
        (line.contains("#[allow(") || line.contains("#[expect(")) && line.contains("clippy::")
    });
    allowed.map(|(at, _)| file.fault(at + 1, "the lint wall of the engine has no doors")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_found() {
        for word in LATER.iter().chain(&MACHINES) {
            let text = format!("fine\n// {word} x\n");
            let faults = check(&File::sample("docs/page.md", &text));
            assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [2], "{word}");
        }
    }

    #[test]
    fn a_dumping_ground_is_found() {
        assert_eq!(check(&File::sample("triton-core/src/model/mod.rs", "")).len(), 1);
    }

    #[test]
    fn a_door_in_the_lint_wall_of_the_engine_is_found() {
        let text = "#[allow(clippy::unwrap_used)]\nfn a() {}\n";
        assert_eq!(check(&File::sample("triton-core/src/engine/goal.rs", text)).len(), 1);
        assert_eq!(check(&File::sample("triton-core/src/model/goal.rs", text)), []);
    }
}
