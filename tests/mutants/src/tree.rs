//! A copy of the repository in which mutants are made, so that nobody's working tree is changed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Makes `to` the same as `from`, without what is built or belongs to tools. A file that is the same is not
/// written again: cargo would build what depends on it anew.
///
/// # Errors
/// When a file or folder cannot be read or written.
pub(crate) fn mirror(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("making {}", to.display()))?;
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        if is_of_tools(&name.to_string_lossy()) {
            continue;
        }
        let (old, new) = (entry.path(), to.join(&name));
        if old.is_dir() {
            mirror(&old, &new)?;
        } else {
            let text = fs::read(&old).with_context(|| format!("reading {}", old.display()))?;
            if fs::read(&new).ok().as_ref() != Some(&text) {
                fs::write(&new, text).with_context(|| format!("writing {}", new.display()))?;
            }
        }
        names.insert(name);
    }
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        if !names.contains(&entry.file_name()) {
            let path = entry.path();
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.with_context(|| format!("removing {}", path.display()))?;
        }
    }
    Ok(())
}

fn is_of_tools(name: &str) -> bool {
    name == "target" || name.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_has_what_there_is_and_nothing_else() -> Result<()> {
        let (from, to) = (tempfile::tempdir()?, tempfile::tempdir()?);
        let text = |path: &str| fs::read_to_string(to.path().join(path)).ok();
        for (path, content) in [("a/b.rs", "1"), ("c.rs", "2"), ("target/x", "3"), (".git/x", "4")] {
            let path = from.path().join(path);
            fs::create_dir_all(path.parent().context("it is in a folder")?)?;
            fs::write(path, content)?;
        }
        fs::create_dir_all(to.path().join("old"))?;
        fs::write(to.path().join("old/x.rs"), "5")?;
        fs::write(to.path().join("c.rs"), "changed")?;
        mirror(from.path(), to.path())?;
        let told = ["a/b.rs", "c.rs", "target/x", ".git/x", "old/x.rs"].map(text);
        assert_eq!(told, [Some("1".into()), Some("2".into()), None, None, None]);

        let written = fs::metadata(to.path().join("c.rs"))?.modified()?;
        mirror(from.path(), to.path())?;
        assert_eq!(fs::metadata(to.path().join("c.rs"))?.modified()?, written, "it was written again");
        Ok(())
    }
}
