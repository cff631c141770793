//! Mutation testing of the engine. Each mutant is the engine with one small change, made by cargo-mutants;
//! the unit tests of triton-core and 200 seeded runs have to notice it.
//!
//! Run it by `make mutants`, which installs cargo-mutants first.

mod accepted;
mod choice;
mod lab;
mod score;
mod tree;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use clap::Parser;

use accepted::Accepted;
use choice::{Choice, Shard};
use lab::Lab;
use score::{End, Mutant, Outcome, Score};

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
    let shards = match choice {
        Choice::Shard(shard) => Some(Shards::open(&root.join("target/mutants/shards"), shard, &all)?),
        Choice::Sample(_) | Choice::File(_) => None,
    };
    let judged = judged(&lab, &all, &chosen, limit, shards.as_ref())?;

    let mut faults = accepted.faults(&all, &judged, false);
    let score = Score::of(&judged);
    println!("{score}");
    faults.extend(score.fault());
    if let Some(shards) = shards {
        faults.extend(whole(&shards, &all, &accepted)?);
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

/// Lets the tests judge the mutants, in this order, until none is left or the time is over. Those of a shard that were
/// noticed before are not judged again; those that were missed are, because there may be more tests now.
fn judged(
    lab: &Lab,
    all: &[Mutant],
    chosen: &[usize],
    limit: Option<Duration>,
    shards: Option<&Shards>,
) -> Result<Vec<Outcome>> {
    let patience = lab.baseline()?;
    let begun = Instant::now();
    let mut judged = shards.map(Shards::judged).transpose()?.unwrap_or_default();
    judged.retain(|outcome| outcome.end != End::Missed);
    let before = judged.len();
    if before > 0 {
        println!("{before} of {} were noticed before", chosen.len());
    }
    let left: Vec<usize> =
        chosen.iter().copied().filter(|&at| judged.iter().all(|known| known.mutant != all[at])).collect();
    for at in left {
        if limit.is_some_and(|limit| begun.elapsed() >= limit) {
            break;
        }
        let outcome = lab.judge(all, at, patience)?;
        let (count, seconds) = (judged.len() + 1, begun.elapsed().as_secs_f64());
        println!("{count}/{} {:?}: {}", chosen.len(), outcome.end, outcome.mutant.name);
        if count % 10 == 0 {
            println!("{:.1} s per mutant", seconds / (count - before) as f64);
        }
        judged.push(outcome);
        shards.map_or(Ok(()), |shards| shards.keep(&judged))?;
    }
    Ok(judged)
}

/// When all shards of this code are there: what is wrong with the whole.
fn whole(shards: &Shards, all: &[Mutant], accepted: &Accepted) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for part in 1..=shards.shard.of {
        let outcomes = shards.read(part)?;
        if outcomes.len() < Choice::Shard(Shard { part, ..shards.shard }).of(all).len() {
            println!("shard {part}/{} is still to be run", shards.shard.of);
            return Ok(Vec::new());
        }
        found.extend(outcomes);
    }
    let score = Score::of(&found);
    println!("all {} shards: {score}", shards.shard.of);
    Ok(accepted.faults(all, &found, true).into_iter().chain(score.fault()).collect())
}

/// What was found of the shards of this code, one file each: a run that was interrupted goes on.
#[derive(Debug)]
struct Shards {
    folder: PathBuf,
    shard: Shard,
}

impl Shards {
    fn open(folder: &Path, shard: Shard, all: &[Mutant]) -> Result<Self> {
        let folder = folder.join(format!("{:016x}-{}", choice::fingerprint(all), shard.of));
        std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        Ok(Self { folder, shard })
    }

    /// What was found of a part so far.
    fn read(&self, part: usize) -> Result<Vec<Outcome>> {
        let path = self.path(part);
        match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).with_context(|| format!("reading {}", path.display())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
        }
    }

    fn judged(&self) -> Result<Vec<Outcome>> {
        self.read(self.shard.part)
    }

    /// The file is written beside its place first: a run may be interrupted at any time.
    fn keep(&self, judged: &[Outcome]) -> Result<()> {
        let path = self.path(self.shard.part);
        let written = path.with_extension("new");
        std::fs::write(&written, serde_json::to_vec_pretty(judged)?)?;
        std::fs::rename(&written, &path).with_context(|| format!("writing {}", path.display()))
    }

    fn path(&self, part: usize) -> PathBuf {
        self.folder.join(format!("{part}.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_that_was_interrupted_goes_on_where_it_was() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let mutant = Mutant::sample("a.rs", "run", "replace run with ()");
        let all = [mutant.clone(), Mutant::sample("a.rs", "stop", "replace stop with ()")];
        let open = || Shards::open(folder.path(), Shard { part: 1, of: 2 }, &all);
        assert_eq!(open()?.judged()?, []);
        let judged = [Outcome { mutant, end: End::Caught }];
        open()?.keep(&judged)?;
        assert_eq!(open()?.judged()?, judged);
        assert_eq!(open()?.read(2)?, []);
        let other = Shards::open(folder.path(), Shard { part: 1, of: 2 }, &all[1..])?;
        assert_eq!(other.judged()?, [], "it was found of other code");
        Ok(())
    }
}
