//! What stands at the top of the repository, and what every crate declares.

use std::{fs, path::Path};

use super::source::{Fault, File, is_of_tools};

const ROOMS: [&str; 8] =
    [".ci", "benches", "docs", "examples", "tests", "triton-core", "triton-grpc", "triton-operator"];
const FILES: [&str; 11] = [
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "Makefile",
    "README.md",
    "clippy.toml",
    "deny.toml",
    "rustfmt.toml",
];
/// Files that need not be there.
const OPTIONAL: [&str; 1] = ["deny.toml"];

pub(crate) fn check(root: &Path) -> Vec<String> {
    let entries = fs::read_dir(root).expect("the root can be read");
    let entries: Vec<(String, bool)> = entries
        .filter_map(Result::ok)
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path().is_dir()))
        .collect();
    judge(&entries)
}

fn judge(entries: &[(String, bool)]) -> Vec<String> {
    let mut faults: Vec<String> = entries
        .iter()
        .filter(|(name, folder)| match *folder {
            true => !ROOMS.contains(&name.as_str()) && !is_of_tools(name),
            false => !FILES.contains(&name.as_str()) && !name.starts_with('.'),
        })
        .map(|(name, _)| format!("{name} has no place at the top"))
        .collect();
    let there = |name: &str| entries.iter().any(|(entry, _)| entry == name);
    let needed = ROOMS.iter().chain(&FILES).filter(|name| !OPTIONAL.contains(name));
    faults.extend(needed.filter(|name| !there(name)).map(|name| format!("{name} is missing")));
    faults.sort();
    faults
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_too_many_and_a_room_too_few_are_faults() {
        let all = || ROOMS.map(|name| (name.to_string(), true)).into_iter();
        let mut entries: Vec<_> = all().chain(FILES.map(|name| (name.to_string(), false))).collect();
        assert_eq!(judge(&entries), Vec::<String>::new());
        entries.push(("scripts".into(), true));
        entries.push(("notes.txt".into(), false));
        entries.push(("target".into(), true));
        entries.retain(|(name, _)| name != "docs");
        assert_eq!(
            judge(&entries),
            ["docs is missing", "notes.txt has no place at the top", "scripts has no place at the top"]
        );
    }

    #[test]
    fn a_crate_without_the_lint_wall_is_a_fault() {
        assert_eq!(lints(&File::sample("x/Cargo.toml", "[package]\n")).len(), 5);
        assert_eq!(lints(&File::sample("Cargo.toml", "[workspace]\n")), []);
    }
}
