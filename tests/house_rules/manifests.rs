//! What every crate declares. Cargo does not mind a crate that leaves the lints of the workspace out.

use super::source::{Fault, File};

/// Every member has the workspace's lints, version and edition.
pub(crate) fn lints(file: &File) -> Vec<Fault> {
    if !file.path.ends_with("/Cargo.toml") {
        return Vec::new();
    }
    let wanted = [
        "[lints]\nworkspace = true",
        "version.workspace = true",
        "edition.workspace = true",
        "rust-version.workspace = true",
        "license.workspace = true",
    ];
    let missing = wanted.iter().filter(|wanted| !file.text.contains(**wanted));
    missing.map(|wanted| file.fault(1, format!("does not say {wanted:?}"))).collect()
}

#[test]
fn a_crate_without_the_lint_wall_is_a_fault() {
    assert_eq!(lints(&File::sample("x/Cargo.toml", "[package]\n")).len(), 5);
    assert_eq!(lints(&File::sample("Cargo.toml", "[workspace]\n")), []);
}
