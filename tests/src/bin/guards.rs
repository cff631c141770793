//! Takes guards out of the engine, one at a time, and says which test notices.

use std::{fs, path::Path, process::ExitCode};

use anyhow::{Result, ensure};
use clap::Parser;
use triton_tests::guards::{self, page, workshop::Workshop};

/// Takes each guard out of the engine, runs the tests until one fails, and writes docs/proof.md.
/// Some seconds to some minutes per guard.
#[derive(Debug, Parser)]
struct Options {
    /// Only guards with this text in their name or file; the others keep what the page says of them.
    #[arg(long, default_value = "")]
    only: String,
    /// Only guards of which the page does not say yet what noticed.
    #[arg(long)]
    untried: bool,
}

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(page::PATH);
    let guards = guards::all()?;
    let mut noticed = page::read(&fs::read_to_string(&path).unwrap_or_default());
    let tried = |says: &str, noticed: &page::Noticed| {
        noticed.get(says).is_some_and(|by| by != "nothing" && by != "not tried")
    };
    let workshop = Workshop::open()?;
    let whole = workshop.ask()?;
    ensure!(whole.is_none(), "the tests fail with every guard in place: {}", whole.unwrap_or_default());
    let mut missed = 0;
    for (at, guard) in guards.iter().enumerate() {
        let chosen = guard.says.contains(&options.only) || guard.file.contains(&options.only);
        if !chosen || options.untried && tried(&guard.says, &noticed) {
            continue;
        }
        let by = workshop.without(guard)?.unwrap_or_else(|| "nothing".into());
        println!("{:3}/{} {}: {by}", at + 1, guards.len(), guard.says);
        missed += u32::from(by == "nothing");
        noticed.insert(guard.says.clone(), by);
        fs::write(&path, page::write(&guards, &noticed))?;
    }
    fs::write(&path, page::write(&guards, &noticed))?;
    println!("{missed} were missed by no test; see {}", page::PATH);
    Ok(if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
