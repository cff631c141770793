//! Where golden files are kept, and what may become of them.
//!
//! `expected.txt` has a line for each: name, digest of the file, and what has to be read from it. Before there is a
//! file `FIRST`, blessing writes all of them anew. From then on it adds those that are missing and leaves the rest,
//! and a file that differs from its digest, or is gone, is a fault.

use std::fs;
use std::path::{Path, PathBuf};

/// A golden file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Golden {
    pub(crate) name: String,
    pub(crate) text: String,
    /// What has to be read from it.
    pub(crate) expected: String,
}

/// The folder of them.
pub(crate) struct Shelf {
    folder: PathBuf,
}

/// The list of all files.
const LIST: &str = "expected.txt";
/// Names the commit whose files are the first that are kept for ever.
const FIRST: &str = "FIRST";

impl Shelf {
    pub(crate) fn of(folder: &Path) -> Self {
        Self { folder: folder.into() }
    }

    /// Every file that is kept.
    ///
    /// # Errors
    /// The file that differs from what was written first, is gone, or is on no list.
    pub(crate) fn kept(&self) -> Result<Vec<Golden>, String> {
        let list = match fs::read_to_string(self.folder.join(LIST)) {
            Ok(list) => list,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(format!("{LIST}: {error}")),
        };
        let kept: Vec<Golden> = list.lines().map(|line| self.listed(line)).collect::<Result<_, _>>()?;
        let known = |name: &String| kept.iter().any(|golden| golden.name == *name);
        match self.names()?.into_iter().find(|name| !known(name)) {
            Some(stray) => Err(format!("{stray}.json is not in {LIST}: only `make gen` adds files")),
            None => Ok(kept),
        }
    }

    fn listed(&self, line: &str) -> Result<Golden, String> {
        let mut parts = line.splitn(3, ' ');
        let (Some(name), Some(sum), Some(expected)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(format!("{LIST}: a line has a name, a digest and what is read, not {line:?}"));
        };
        let text = fs::read_to_string(self.path(name)).map_err(|error| format!("{name}.json: {error}"))?;
        if digest(&text) != sum {
            return Err(format!("{name}.json was changed: golden files are only added to"));
        }
        Ok(Golden { name: name.into(), text, expected: expected.into() })
    }

    /// Writes these files: all of them before there is a `FIRST`, from then on those that are missing.
    ///
    /// # Errors
    /// See [`Shelf::kept`], where a `FIRST` is there; else a file that cannot be written.
    pub(crate) fn bless(&self, made: &[Golden]) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("{}: {error}", self.folder.display());
        let mut all = if self.folder.join(FIRST).exists() {
            self.kept()?
        } else {
            for name in self.names()? {
                fs::remove_file(self.path(&name)).map_err(failed)?;
            }
            Vec::new()
        };
        for golden in made {
            if all.iter().all(|kept| kept.name != golden.name) {
                fs::write(self.path(&golden.name), &golden.text).map_err(failed)?;
                all.push(golden.clone());
            }
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        let line =
            |golden: &Golden| format!("{} {} {}\n", golden.name, digest(&golden.text), golden.expected);
        fs::write(self.folder.join(LIST), all.iter().map(line).collect::<String>()).map_err(failed)
    }

    /// Names of the files that are there.
    fn names(&self) -> Result<Vec<String>, String> {
        let files =
            fs::read_dir(&self.folder).map_err(|error| format!("{}: {error}", self.folder.display()))?;
        let names = files.filter_map(|file| file.ok()?.file_name().into_string().ok());
        Ok(names.filter_map(|name| name.strip_suffix(".json").map(String::from)).collect())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.json"))
    }
}

/// A digest that stays the same on every machine and in every version: FNV-1a of 64 bits.
fn digest(text: &str) -> String {
    let mix = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
    format!("{:016x}", text.bytes().fold(0xCBF2_9CE4_8422_2325, mix))
}

#[test]
fn before_the_first_commit_blessing_writes_everything_anew() {
    let (_root, shelf) = sample(&[("a", "1"), ("b", "2")]);
    shelf.bless(&[golden("a", "3")]).expect("written");
    assert_eq!(shelf.kept(), Ok(vec![golden("a", "3")]));
}

#[test]
fn after_it_blessing_only_adds_files() {
    let (root, shelf) = sample(&[("a", "1"), ("b", "2")]);
    fs::write(root.path().join(FIRST), "c0ffee\n").expect("written");
    shelf.bless(&[golden("a", "3"), golden("c", "4")]).expect("written");
    assert_eq!(shelf.kept(), Ok(vec![golden("a", "1"), golden("b", "2"), golden("c", "4")]));
}

#[test]
fn a_file_that_is_changed_gone_or_on_no_list_is_a_fault_with_its_name() {
    type Harm = fn(&Path);
    let harms: [(&str, Harm); 3] = [
        ("a.json was changed", |folder| fs::write(folder.join("a.json"), "{}").expect("written")),
        ("a.json: ", |folder| fs::remove_file(folder.join("a.json")).expect("removed")),
        ("x.json is not in", |folder| fs::write(folder.join("x.json"), "{}").expect("written")),
    ];
    for (says, harm) in harms {
        let (root, shelf) = sample(&[("a", "1")]);
        fs::write(root.path().join(FIRST), "c0ffee\n").expect("written");
        harm(root.path());
        let fault = shelf.kept().expect_err(says);
        assert!(fault.contains(says), "{fault}");
        assert_eq!(shelf.bless(&[golden("a", "1")]), Err(fault), "blessing mends nothing once they are kept");
    }
}

#[cfg(test)]
fn sample(files: &[(&str, &str)]) -> (tempfile::TempDir, Shelf) {
    let root = tempfile::tempdir().expect("a folder");
    let shelf = Shelf::of(root.path());
    let made: Vec<Golden> = files.iter().map(|(name, text)| golden(name, text)).collect();
    shelf.bless(&made).expect("written");
    (root, shelf)
}

#[cfg(test)]
fn golden(name: &str, text: &str) -> Golden {
    Golden { name: name.into(), text: text.into(), expected: format!("reads {text}") }
}
