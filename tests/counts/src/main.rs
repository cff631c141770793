//! Counts what of the product is written more than once, beside the goals and an earlier commit.
//!
//! Run it by `make counts`. Each count has a module, which says by which rule it counts.

mod apis;
mod circles;
mod count;
mod flows;
mod imports;
mod lines;
mod product;
mod proto;
mod strategies;
mod strip;
mod table;
mod tree;
mod twins;
mod types;
mod vocabulary;
mod words;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

use count::{Count, Figure};
use product::Product;
use table::Row;
use tree::File;
use vocabulary::Vocabulary;

/// The commit before repetition was reduced.
const BASELINE: &str = "df13552e72267382751edff448c90b5459e8f6d9";

/// Counts what of the product is written more than once. Fails while a goal is not met.
#[derive(Debug, Parser)]
struct Options {
    /// The commit to compare with.
    #[arg(long, default_value = BASELINE)]
    baseline: String,
    /// Prints what was found by this count, beside its number; can be given several times.
    #[arg(long, value_enum)]
    list: Vec<Count>,
}

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let vocabulary = Vocabulary::read(&root.join("tests/counts/words.yaml"))?;
    let now = tree::read(&root)?;
    let baseline = tree::unpack(&root, &options.baseline)?;
    let before = tree::read(&baseline.path().join(tree::UNPACKED))?;

    let before = figures(&before, &vocabulary).with_context(|| format!("in commit {}", options.baseline))?;
    let now = figures(&now, &vocabulary)?;
    for (count, figure) in &now {
        if options.list.contains(count) {
            println!("{}:", count.title());
            figure.found.iter().for_each(|line| println!("  {line}"));
        }
    }
    let pairs = before.iter().zip(&now);
    let rows: Vec<Row> = pairs.map(|((count, before), (_, now))| Row::new(*count, before, now)).collect();
    print!("{}", table::print(&options.baseline, &rows));
    Ok(if rows.iter().all(Row::is_met) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// All counts of one tree.
///
/// # Errors
/// When a file cannot be parsed, or a rule finds nothing where there must be something.
fn figures(files: &[File], vocabulary: &Vocabulary) -> Result<Vec<(Count, Figure)>> {
    let product = Product::new(files)?;
    let types = types::all(&product);
    let figure = |count| match count {
        Count::Lines => Ok(lines::figure(&product)),
        Count::Types => Ok(flows::figure(&types)),
        Count::Strategies => Ok(strategies::figure(&types)),
        Count::Apis => apis::figure(files),
        Count::Twins => Ok(twins::figure(&product)),
        Count::Circles => Ok(circles::figure(&product)),
        Count::Words => Ok(words::figure(&product, vocabulary)),
    };
    Count::ALL.into_iter().map(|count| Ok((count, figure(count)?.checked(count)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_without_product_code_is_an_error() -> Result<()> {
        let vocabulary = Vocabulary::parse("[{words: [told], instead: recorded}]")?;
        let files = [File::sample("tools/Cargo.toml", "[package]\npublish = false\n")];
        let error = figures(&files, &vocabulary).expect_err("there is nothing to count");
        assert!(error.to_string().contains("no file of the product"), "{error}");
        Ok(())
    }

    #[test]
    fn a_rule_that_finds_nothing_is_an_error() -> Result<()> {
        let vocabulary = Vocabulary::parse("[{words: [told], instead: recorded}]")?;
        let files = [
            File::sample("core/Cargo.toml", "[package]\n"),
            File::sample("core/src/lib.rs", "pub struct Other { name: String }\n"),
        ];
        let error = figures(&files, &vocabulary).expect_err("no type holds a flow");
        assert!(error.to_string().contains("types that hold a flow"), "{error}");
        Ok(())
    }
}
