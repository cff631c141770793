//! Calls cargo and cargo-mutants on the copy of the repository.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::score::{self, End, Mutant, Outcome};
use crate::tree;

/// Where mutants are made.
const SCOPE: [&str; 4] = [
    "triton-core/src/engine.rs",
    "triton-core/src/engine/**/*.rs",
    "triton-core/src/driver.rs",
    "triton-core/src/driver/**/*.rs",
];
/// What judges them, as arguments of `cargo test`: the second only what the first missed. The exhaustive search would
/// take minutes per mutant.
const TESTS: [&str; 2] = ["--lib", "--test=fuzz"];
const FEATURES: &str = "--features=sim,testing";
const PROFILE: &str = "--profile=mutants";
/// Seeded runs per mutant.
const RUNS: &str = "200";
/// KiB of memory that a program may take: tests that do not end remember every step.
const MEMORY: u32 = 8 << 20;
/// The tests of a mutant may take so many times as long as those of the code without a change, and not less
/// than `LEAST`. Generous, because a busy machine must not make a mutant look noticed.
const FACTOR: u32 = 10;
const LEAST: Duration = Duration::from_secs(60);
/// Exit codes of cargo-mutants that tell of judged mutants: all caught, some missed, some timeouts.
const JUDGED: [i32; 3] = [0, 2, 3];

/// The copy, and the tools.
#[derive(Debug)]
pub(crate) struct Lab {
    tool: PathBuf,
    tree: PathBuf,
    home: PathBuf,
}

impl Lab {
    /// Copies the repository to `target/mutants/tree`.
    ///
    /// # Errors
    /// When a file cannot be copied, or cargo-mutants is not installed.
    pub(crate) fn open(root: &Path) -> Result<Self> {
        let tool = root.join("target/tools/bin/cargo-mutants");
        ensure!(tool.exists(), "{} is missing: make mutants installs it", tool.display());
        let home = root.join("target/mutants");
        let tree = home.join("tree");
        tree::mirror(root, &tree)?;
        Ok(Self { tool, tree, home })
    }

    /// All mutants there are.
    ///
    /// # Errors
    /// When cargo-mutants does not list them.
    pub(crate) fn mutants(&self) -> Result<Vec<Mutant>> {
        let listed = self.cargo_mutants().args(["--list", "--json"]).stderr(Stdio::inherit()).output()?;
        ensure!(listed.status.success(), "cargo-mutants --list: {}", listed.status);
        serde_json::from_slice(&listed.stdout).context("reading the list of mutants")
    }

    /// Builds and tests the code without a change. Answers how long the tests of a mutant may take.
    ///
    /// # Errors
    /// When a test fails: then no mutant can be judged.
    pub(crate) fn baseline(&self) -> Result<Duration> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut took = [Duration::ZERO; 2];
        for (took, step) in took.iter_mut().zip([&["--no-run"][..], &[]]) {
            let begun = Instant::now();
            let mut command = self.command(&cargo);
            command.args(["test", "--quiet", "--package=triton-core", PROFILE, FEATURES]);
            let status = command.args(TESTS).args(step).stdout(Stdio::null()).status()?;
            ensure!(status.success(), "the tests fail without any mutant");
            *took = begun.elapsed();
        }
        println!(
            "without a mutant: {:.0?} to build what was not built yet, {:.1?} to test",
            took[0], took[1]
        );
        Ok((took[1] * FACTOR).max(LEAST))
    }

    /// Lets the tests judge the mutant at a place of the list: one after the other, until one notices it.
    ///
    /// # Errors
    /// See [`Lab::judge_by`].
    pub(crate) fn judge(&self, all: &[Mutant], at: usize, patience: Duration) -> Result<Outcome> {
        let [first, second] = TESTS;
        let outcome = self.judge_by(first, all, at, patience)?;
        if outcome.end == End::Missed { self.judge_by(second, all, at, patience) } else { Ok(outcome) }
    }

    /// Lets one test judge the mutant at a place of the list.
    ///
    /// It is chosen as one shard of as many as there are mutants: the filter by names (`--re`) of
    /// cargo-mutants 27.1 lets every mutant pass that leaves a field of a struct out.
    ///
    /// # Errors
    /// When cargo-mutants does not come to an end, or judges another mutant.
    fn judge_by(&self, test: &str, all: &[Mutant], at: usize, patience: Duration) -> Result<Outcome> {
        let mut command = self.cargo_mutants();
        command
            .args(["--in-place", "--baseline=skip", PROFILE, FEATURES, "--test-package=triton-core"])
            .arg(format!("--timeout={}", patience.as_secs()))
            .arg(format!("--output={}", self.home.display()))
            .arg(format!("--cargo-arg={test}"))
            .args(["--sharding=round-robin", &format!("--shard={at}/{}", all.len())]);
        let ran = command.output()?;
        let judged = ran.status.code().is_some_and(|code| JUDGED.contains(&code));
        ensure!(judged, "cargo-mutants: {}\n{}", ran.status, String::from_utf8_lossy(&ran.stderr));
        let path = self.home.join("mutants.out/outcomes.json");
        let json = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let mut outcomes = score::read(&json).with_context(|| format!("in {}", path.display()))?;
        let outcome = outcomes.pop().context("cargo-mutants judged nothing")?;
        ensure!(
            outcomes.is_empty() && outcome.mutant == all[at],
            "cargo-mutants judged {} instead of {}",
            outcome.mutant.name,
            all[at].name
        );
        Ok(outcome)
    }

    fn cargo_mutants(&self) -> Command {
        let mut command = self.command(&self.tool);
        command.args(["mutants", "--no-config", "--colors=never", "--no-times", "--dir"]).arg(&self.tree);
        command.args(SCOPE.map(|files| format!("--file={files}")));
        command
    }

    /// A program in the copy, with limited memory.
    fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("ulimit -v {MEMORY}; exec \"$0\" \"$@\"")])
            .arg(program)
            .current_dir(&self.tree)
            .env("CARGO_TARGET_DIR", self.home.join("build"))
            .env("CARGO_INCREMENTAL", "1")
            .env("PROPTEST_RNG_SEED", "1")
            .env("RUST_BACKTRACE", "0")
            .env("TRITON_RUNS", RUNS)
            .env_remove("RUSTFLAGS")
            .stdin(Stdio::null());
        command
    }
}
