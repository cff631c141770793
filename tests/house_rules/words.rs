//! Words that no file holds.

use super::source::{Fault, File};

/// Marks of things left for later, spelt so that this file does not hold them.
const LATER: [&str; 4] =
    [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX"), concat!("#[ig", "nore")];
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
    for (at, line) in file.text.lines().enumerate() {
        let found = LATER.iter().chain(&MACHINES).find(|word| line.contains(**word));
        faults.extend(found.map(|word| file.fault(at + 1, format!("holds {word:?}"))));
    }
    faults
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
}
