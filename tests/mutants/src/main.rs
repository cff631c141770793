//! Mutation testing of the engine. Each mutant is the engine with one small change, made by cargo-mutants;
//! the unit tests of triton-core and 200 seeded runs have to notice it.
//!
//! Run it by `make mutants`, which installs cargo-mutants first.

mod accepted;
mod choice;
mod lab;
mod score;
mod tree;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use clap::Parser;

use accepted::Accepted;
use choice::{Choice, Shard};
use lab::Lab;
use score::{Mutant, Outcome, Score};

/// Changes the engine in one place at a time and says which changes no test notices.
///
/// Without options: mutants in a random order that the seed gives, for 20 minutes.
#[derive(Debug, Parser)]
struct Options {
    /// Gives the order of the sample; drawn and printed when it is left out.
    #[arg(long)]
    seed: Option<u64>,
    /// How long the sample may take, in minutes. The mutant that was begun last is finished.
    #[arg(long, default_value_t = 20)]
    minutes: u64,
    /// All mutants of the files whose path ends like this.
    #[arg(long, conflicts_with = "shard")]
    only: Option<String>,
    /// One of n parts of all mutants: 1/8 to 8/8. When all n parts of the same code have been run, the whole
    /// is judged.
    #[arg(long)]
    shard: Option<Shard>,
}

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let lab = Lab::open(&root)?;
    let all = lab.mutants()?;
    let accepted = Accepted::read(&root.join("tests/mutants/accepted.yaml"))?;
    let choice = choice(&options);
    let chosen = choice.of(&all);
    ensure!(!chosen.is_empty(), "no mutant is chosen: {choice} of {}", all.len());
    println!("{} mutants of the engine; {choice}", all.len());
    let limit = matches!(choice, Choice::Sample(_)).then(|| Duration::from_secs(60 * options.minutes));
    let judged = judged(&lab, &all, &chosen, limit)?;

    let mut faults = accepted.faults(&all, &judged, false);
    let score = Score::of(&judged);
    println!("{score}");
    faults.extend(score.fault());
    if let Choice::Shard(shard) = choice {
        faults.extend(whole(&root.join("target/mutants/shards"), shard, &all, &judged, &accepted)?);
    }
    faults.dedup();
    for fault in &faults {
        println!("fails: {fault}");
    }
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn choice(options: &Options) -> Choice {
    match (&options.only, options.shard) {
        (Some(path), _) => Choice::File(path.clone()),
        (None, Some(shard)) => Choice::Shard(shard),
        (None, None) => Choice::Sample(options.seed.unwrap_or_else(drawn)),
    }
}

/// A seed that is short to type.
#[expect(clippy::disallowed_methods, reason = "the one number that is drawn; it is printed")]
fn drawn() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    now.as_secs() % 100_000
}

/// Lets the tests judge the mutants, in this order, until none is left or the time is over.
fn judged(lab: &Lab, all: &[Mutant], chosen: &[usize], limit: Option<Duration>) -> Result<Vec<Outcome>> {
    let patience = lab.baseline()?;
    let begun = Instant::now();
    let mut judged = Vec::new();
    for &at in chosen {
        if limit.is_some_and(|limit| begun.elapsed() >= limit) {
            break;
        }
        let outcome = lab.judge(all, at, patience)?;
        let (count, seconds) = (judged.len() + 1, begun.elapsed().as_secs_f64());
        println!("{count}/{} {:?}: {}", chosen.len(), outcome.end, outcome.mutant.name);
        if count % 10 == 0 {
            println!("{:.1} s per mutant", seconds / count as f64);
        }
        judged.push(outcome);
    }
    Ok(judged)
}

/// Keeps what was found of one shard. When all shards of this code are there: what is wrong with the whole.
fn whole(
    folder: &Path,
    shard: Shard,
    all: &[Mutant],
    judged: &[Outcome],
    accepted: &Accepted,
) -> Result<Vec<String>> {
    let folder: PathBuf = folder.join(format!("{:016x}-{}", choice::fingerprint(all), shard.of));
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let file = |part: usize| folder.join(format!("{part}.json"));
    std::fs::write(file(shard.part), serde_json::to_vec_pretty(judged)?)?;
    let mut found = Vec::new();
    for part in 1..=shard.of {
        let Ok(text) = std::fs::read(file(part)) else {
            println!("shard {part}/{} is still to be run", shard.of);
            return Ok(Vec::new());
        };
        let outcomes: Vec<Outcome> = serde_json::from_slice(&text)?;
        found.extend(outcomes);
    }
    let score = Score::of(&found);
    println!("all {} shards: {score}", shard.of);
    Ok(accepted.faults(all, &found, true).into_iter().chain(score.fault()).collect())
}
