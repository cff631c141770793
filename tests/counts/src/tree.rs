//! Where files are read from: the tree that this program was built in, or a commit of it.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

/// A file of the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    /// Relative to the root, with slashes.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    /// A made-up file.
    #[cfg(test)]
    pub(crate) fn sample(path: &str, text: &str) -> Self {
        Self { path: path.into(), text: text.into() }
    }
}

/// The folder that a commit is unpacked to, below the temporary one.
pub(crate) const UNPACKED: &str = "tree";

/// Endings of the files that are read.
const ENDINGS: [&str; 3] = [".rs", ".proto", "Cargo.toml"];

/// Reads the sources below a folder, sorted by path; without what is built and hidden folders.
///
/// # Errors
/// When a file or folder cannot be read.
pub(crate) fn read(root: &Path) -> Result<Vec<File>> {
    let mut files = Vec::new();
    walk(root, root, &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn walk(root: &Path, folder: &Path, files: &mut Vec<File>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry.with_context(|| format!("reading {}", folder.display()))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !(name == "target" || name.starts_with("target-") || name.starts_with('.')) {
                walk(root, &path, files)?;
            }
        } else if ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
            let path = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            files.push(File { path, text });
        }
    }
    Ok(())
}

/// Unpacks a commit of the repository at `root` into a temporary folder, which is removed on drop.
///
/// # Errors
/// When git does not know the commit, or it cannot be unpacked.
pub(crate) fn unpack(root: &Path, commit: &str) -> Result<TempDir> {
    let folder = tempfile::tempdir().context("creating a temporary folder")?;
    let archive = folder.path().join("commit.tar");
    let tree = folder.path().join(UNPACKED);
    fs::create_dir(&tree).with_context(|| format!("creating {}", tree.display()))?;
    let mut git = Command::new("git");
    git.current_dir(root).args(["archive", "--format=tar"]).arg(format!("--output={}", archive.display()));
    run(git.arg(commit)).with_context(|| format!("reading commit {commit}; a shallow clone may lack it"))?;
    run(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&tree))?;
    Ok(folder)
}

fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("starting {program}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program}: {}: {}", output.status, errors.trim());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_read_without_what_is_built_or_hidden() -> Result<()> {
        let folder = tempfile::tempdir()?;
        fill(
            folder.path(),
            &["a/src/lib.rs", "a/Cargo.toml", "a/x.proto", "target/b.rs", ".git/c.rs", "d.md"],
        )?;
        let paths: Vec<String> = read(folder.path())?.into_iter().map(|file| file.path).collect();
        assert_eq!(paths, ["a/Cargo.toml", "a/src/lib.rs", "a/x.proto"]);
        Ok(())
    }

    #[test]
    fn a_commit_is_read_as_it_was() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let git = |arguments: &[&str]| {
            let identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
            run(Command::new("git").current_dir(folder.path()).args(identity).args(arguments))
        };
        fill(folder.path(), &["a.rs"])?;
        git(&["init", "--quiet"])?;
        git(&["add", "."])?;
        git(&["commit", "--quiet", "--message=One"])?;
        fs::write(folder.path().join("a.rs"), "changed")?;
        fill(folder.path(), &["b.rs"])?;

        let unpacked = unpack(folder.path(), "HEAD")?;
        assert_eq!(read(&unpacked.path().join(UNPACKED))?, [File::sample("a.rs", "a.rs")]);
        let error = unpack(folder.path(), "no-such-commit").expect_err("there is none");
        assert!(format!("{error:#}").contains("no-such-commit"), "{error:#}");
        Ok(())
    }

    /// Writes files that hold their paths.
    fn fill(folder: &Path, paths: &[&str]) -> Result<()> {
        for path in paths {
            let file = folder.join(path);
            fs::create_dir_all(file.parent().context("it is in a folder")?)?;
            fs::write(file, path)?;
        }
        Ok(())
    }
}
