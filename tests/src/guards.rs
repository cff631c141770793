//! The guards of the engine: what each one says, and how it is taken out to see that a test notices.

pub mod page;
pub mod workshop;

use std::{fs, path::Path};

use anyhow::{Context, Result};
use serde::Deserialize;

/// The files that have guards, in the order in which the page tells of them. The guards of `tend.rs` are
/// in `tests/guards/tend.yaml`.
const FILES: [&str; 17] = [
    "triton-core/src/engine/admit.rs",
    "triton-core/src/engine/decide.rs",
    "triton-core/src/engine/prepare.rs",
    "triton-core/src/engine/stopped.rs",
    "triton-core/src/engine/drift.rs",
    "triton-core/src/engine/resized.rs",
    "triton-core/src/engine/rolling.rs",
    "triton-core/src/engine/tend.rs",
    "triton-core/src/engine/until.rs",
    "triton-core/src/engine/gate.rs",
    "triton-core/src/engine/goal.rs",
    "triton-core/src/engine/shape.rs",
    "triton-core/src/engine/look.rs",
    "triton-core/src/engine/closing.rs",
    "triton-core/src/engine/line.rs",
    "triton-core/src/engine/history.rs",
    "triton-core/src/driver.rs",
];

/// One guard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// What holds because of it; names it.
    pub says: String,
    /// The file that it is in, relative to the root of the repository.
    pub file: &'static str,
    /// The code that is the guard; occurs once in the file.
    pub old: String,
    /// The code without it.
    pub new: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    guard: String,
    old: String,
    new: String,
}

/// Every guard, file by file.
///
/// # Errors
/// When a list of guards cannot be read.
pub fn all() -> Result<Vec<Guard>> {
    let mut guards = Vec::new();
    for file in FILES {
        let name = Path::new(file).file_stem().unwrap_or_default().to_string_lossy();
        let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("guards").join(format!("{name}.yaml"));
        let text = fs::read_to_string(&list).with_context(|| format!("reading {}", list.display()))?;
        let entries: Vec<Entry> =
            serde_norway::from_str(&text).with_context(|| format!("in {}", list.display()))?;
        let guard = |entry: Entry| Guard { says: entry.guard, file, old: entry.old, new: entry.new };
        guards.extend(entries.into_iter().map(guard));
    }
    Ok(guards)
}

impl Guard {
    /// The text of the file without the guard.
    ///
    /// # Errors
    /// When the guard is not exactly once in the text.
    pub fn taken_out(&self, text: &str) -> Result<String> {
        match text.matches(&self.old).count() {
            1 => Ok(text.replacen(&self.old, &self.new, 1)),
            times => anyhow::bail!("{}: {:?} is there {times} times instead of once", self.file, self.old),
        }
    }
}
