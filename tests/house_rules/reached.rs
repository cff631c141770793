//! Every file of code is part of some target: one that no `mod`, path or target names is never compiled.

use std::collections::BTreeSet;

use super::source::{Fault, File};

pub(crate) fn check(files: &[File]) -> Vec<Fault> {
    let reached: BTreeSet<String> = files.iter().flat_map(named).collect();
    let crates: Vec<&str> = files.iter().filter_map(|file| file.path.strip_suffix("/Cargo.toml")).collect();
    let code = files.iter().filter(|file| file.path.ends_with(".rs"));
    code.filter(|file| !reached.contains(&file.path) && !is_target(&file.path, &crates))
        .map(|file| file.fault(1, "no mod, path or target names this file"))
        .collect()
}

/// The files that a file names: the paths of a manifest, the modules of a source.
fn named(file: &File) -> Vec<String> {
    let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
    if name == "Cargo.toml" {
        return paths(&file.text).map(|path| format!("{folder}/{path}")).collect();
    }
    let Some(stem) = name.strip_suffix(".rs") else { return Vec::new() };
    let inner = if matches!(stem, "lib" | "main") { folder.to_owned() } else { format!("{folder}/{stem}") };
    let written = paths(&file.text).map(|path| format!("{folder}/{path}"));
    let modules = file.text.lines().filter_map(module);
    // A target beside its modules has them in its own folder.
    modules
        .flat_map(|module| [format!("{inner}/{module}.rs"), format!("{folder}/{module}.rs")])
        .chain(written)
        .collect()
}

/// What `path = "..."` says, in a manifest or an attribute.
fn paths(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.lines().filter_map(|line| line.split_once("path = \"").map(|(_, rest)| rest));
    quoted.filter_map(|rest| rest.split_once('"').map(|(path, _)| path))
}

/// The name in `mod name;`, with whatever visibility.
fn module(line: &str) -> Option<&str> {
    let (before, name) = line.split_once("mod ")?;
    let before = before.trim();
    (before.is_empty() || before.starts_with("pub")).then(|| name.strip_suffix(';'))?
}

/// What cargo finds by itself.
fn is_target(path: &str, crates: &[&str]) -> bool {
    let of = crates.iter().filter_map(|folder| path.strip_prefix(folder)?.strip_prefix('/'));
    of.map(|rest| rest.split('/').collect::<Vec<_>>()).any(|rest| {
        matches!(
            rest[..],
            ["build.rs"]
                | ["src", "lib.rs" | "main.rs"]
                | ["src", "bin", _]
                | ["tests" | "examples" | "benches", _]
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_nothing_names_is_a_fault() {
        let files = [
            File::sample("a/Cargo.toml", "[[test]]\npath = \"story.rs\"\n"),
            File::sample("a/src/lib.rs", "pub mod b;\n#[cfg(test)]\n#[path = \"c_tests.rs\"]\nmod tests;\n"),
            File::sample("a/src/b.rs", "mod d;\n"),
            File::sample("a/src/b/d.rs", "// mod e;\n"),
            File::sample("a/src/b/d/e.rs", ""),
            File::sample("a/src/c_tests.rs", ""),
            File::sample("a/story.rs", ""),
            File::sample("a/tests/all.rs", ""),
            File::sample("a/tests/support/lost.rs", ""),
        ];
        let lost: Vec<String> = check(&files).into_iter().map(|fault| fault.path).collect();
        assert_eq!(lost, ["a/src/b/d/e.rs", "a/tests/support/lost.rs"]);
    }
}
