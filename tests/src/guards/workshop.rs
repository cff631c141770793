//! A small workspace in which a guard is taken out: the core, the seeded runs and the search, and nothing
//! of what needs a cluster, so that a trial takes seconds to build.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};

use super::Guard;

/// Seeded runs of a trial.
const RUNS: &str = "1500";
/// Seconds of processor time that a suite may take: without a guard some go on for ever.
const PATIENCE: u32 = 600;
/// KiB of memory that a suite may take: those that go on for ever remember every step.
const MEMORY: u32 = 8 << 20;
/// What the runs and the search need of the tests.
const PARTS: [&str; 7] = ["fuzz", "fuzz.rs", "invariants", "invariants.rs", "model", "model.rs", "oracle.rs"];

const MANIFEST: &str = r#"
[package]
name = "triton-proof"
publish = false
version.workspace = true
edition.workspace = true

[dependencies]
thiserror.workspace = true
triton-core = { workspace = true, features = ["sim", "testing"] }

[dev-dependencies]
serde_json.workspace = true
stateright.workspace = true

[[test]]
name = "fuzz"
path = "fuzz.rs"

[[test]]
name = "model"
path = "model.rs"
"#;

/// The workspace.
#[derive(Debug)]
pub struct Workshop {
    origin: PathBuf,
    path: PathBuf,
}

/// How one suite of a trial ended.
struct Ran {
    passed: bool,
    output: String,
}

impl Workshop {
    /// Copies what a trial needs to `target/guards`.
    ///
    /// # Errors
    /// When a file cannot be copied.
    pub fn open() -> Result<Self> {
        let origin = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
        let path = origin.join("target/guards");
        let workshop = Self { origin, path };
        for room in ["triton-core", "triton-proof"] {
            let old = workshop.path.join(room);
            if old.exists() {
                fs::remove_dir_all(&old).with_context(|| format!("removing {}", old.display()))?;
            }
        }
        workshop.copy("triton-core", "triton-core")?;
        workshop.copy("Cargo.lock", "Cargo.lock")?;
        for part in PARTS {
            workshop.copy(&format!("tests/{part}"), &format!("triton-proof/{part}"))?;
        }
        fs::write(workshop.path.join("triton-proof/Cargo.toml"), MANIFEST)?;
        let root = fs::read_to_string(workshop.origin.join("Cargo.toml"))?;
        let (before, rest) = root.split_once("members = [").context("the workspace lists its members")?;
        let (_, after) = rest.split_once(']').context("the list of members ends")?;
        let after = after.replace("package.triton-tests]", "package.triton-proof]");
        let manifest = format!("{before}members = [\"triton-core\", \"triton-proof\"]{after}");
        fs::write(workshop.path.join("Cargo.toml"), manifest)?;
        Ok(workshop)
    }

    fn copy(&self, from: &str, to: &str) -> Result<()> {
        copy(&self.origin.join(from), &self.path.join(to))
    }

    /// Takes one guard out, asks the tests, and puts it back. Answers which test noticed; `None` when
    /// none did.
    ///
    /// # Errors
    /// When the guard is not in its file, or the code does not build without it.
    pub fn without(&self, guard: &Guard) -> Result<Option<String>> {
        let file = self.path.join(guard.file);
        let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        fs::write(&file, guard.taken_out(&text)?)?;
        let noticed = self.ask();
        fs::write(&file, text)?;
        noticed
    }

    /// Asks the tests of the code as it is. Answers which one failed.
    ///
    /// # Errors
    /// When the code does not build.
    pub fn ask(&self) -> Result<Option<String>> {
        let unit = self.run(&["--package", "triton-core", "--features", "sim,testing", "--lib"])?;
        if !unit.passed {
            return Ok(Some(format!("unit: {}", failed_tests(&unit.output))));
        }
        for (suite, name) in [("fuzz", "runs"), ("model", "search")] {
            let ran = self.run(&["--package", "triton-proof", "--test", suite])?;
            if !ran.passed {
                return Ok(Some(format!("{name}: {}", broken_property(&ran.output))));
            }
        }
        Ok(None)
    }

    fn run(&self, what: &[&str]) -> Result<Ran> {
        let program = self.build(what)?;
        let folder =
            self.path.join(if what.contains(&"triton-core") { "triton-core" } else { "triton-proof" });
        let ran = Command::new("sh")
            .args(["-c", &format!("ulimit -v {MEMORY}; ulimit -t {PATIENCE}; exec \"$0\""), &program])
            .env("TRITON_RUNS", RUNS)
            .env("RUST_BACKTRACE", "0")
            .current_dir(folder)
            .stdin(Stdio::null())
            .output()?;
        let output = String::from_utf8_lossy(&ran.stdout).into_owned();
        Ok(Ran { passed: ran.status.success(), output })
    }

    /// Builds a suite; answers its program.
    fn build(&self, what: &[&str]) -> Result<String> {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
        let built = Command::new(cargo)
            .args(["test", "--offline", "--no-run", "--message-format=json-render-diagnostics"])
            .args(what)
            .env("CARGO_TARGET_DIR", self.path.join("target"))
            .env_remove("RUSTFLAGS")
            .current_dir(&self.path)
            .output()
            .context("starting cargo")?;
        ensure!(built.status.success(), "it does not build:\n{}", String::from_utf8_lossy(&built.stderr));
        for line in String::from_utf8_lossy(&built.stdout).lines() {
            let message: serde_json::Value = serde_json::from_str(line)?;
            if let Some(program) = message["executable"].as_str() {
                return Ok(program.to_owned());
            }
        }
        bail!("cargo named no program")
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    fs::copy(from, to).map(drop).with_context(|| format!("copying {}", from.display()))
}

/// The first test that failed, and how many more.
fn failed_tests(output: &str) -> String {
    let failed = |line: &str| {
        let path = line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?;
        Some(path.rsplit("::").next().unwrap_or(path).to_owned())
    };
    let mut tests: Vec<String> = output.lines().filter_map(failed).collect();
    tests.sort();
    match tests.as_slice() {
        [] => "does not end, or panics".into(),
        [one] => format!("`{one}`"),
        [first, more @ ..] => format!("`{first}` and {} more", more.len()),
    }
}

/// The property that the first failure names.
fn broken_property(output: &str) -> String {
    let property = |word: &&str| {
        let digits = word.strip_prefix('S').map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
        digits.is_some_and(|rest| {
            rest.len() + 1 < word.len() && rest.starts_with(|c: char| c.is_ascii_uppercase())
        })
    };
    let words = output.split(|c: char| !c.is_ascii_alphanumeric());
    words.into_iter().find(property).map_or_else(|| "no good end".into(), |name| format!("`{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failed_test_is_named() {
        let output = "test m::b ... FAILED\ntest c ... ok\ntest m::a ... FAILED\n";
        assert_eq!(failed_tests(output), "`a` and 1 more");
        assert_eq!(failed_tests("killed"), "does not end, or panics");
    }

    #[test]
    fn the_broken_property_is_named() {
        assert_eq!(broken_property("seed 3, step 2: S7Pause: it went on (must hold: S1 ..)"), "`S7Pause`");
        assert_eq!(broken_property("seed 3: not at rest"), "no good end");
    }
}
