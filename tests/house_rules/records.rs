//! The form of decision records.

use super::source::{Fault, File};

const FOLDER: &str = "docs/decisions/";
/// The parts of a record, and those that records had before.
const PARTS: [[&str; 3]; 2] =
    [["## Context", "## Decision", "## Consequences"], ["## The design says", "## What is built", "## Why"]];
const MOST_LINES: usize = 60;

pub(crate) fn check(files: &[File]) -> Vec<Fault> {
    let in_folder = files.iter().filter(|file| file.path.starts_with(FOLDER));
    let (index, records): (Vec<_>, Vec<_>) = in_folder.partition(|file| file.path.ends_with("/README.md"));
    let index = index.first().map_or("", |file| file.text.as_str());
    let mut faults = Vec::new();
    let mut before = "";
    for record in records {
        let name = record.path.trim_start_matches(FOLDER);
        let (number, words) = name.split_once('-').unwrap_or((name, ""));
        faults.extend(form(record, number, words));
        if number == before {
            faults.push(record.fault(1, format!("another record has the number {number}")));
        }
        before = number;
        if !index.contains(&format!("({name})")) {
            faults.push(record.fault(1, "is not listed in docs/decisions/README.md"));
        }
    }
    faults
}

fn form(record: &File, number: &str, words: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let named = number.len() == 4 && number.chars().all(|c| c.is_ascii_digit());
    if !named || !words.strip_suffix(".md").is_some_and(|words| words.chars().all(plain)) {
        faults.push(record.fault(1, "is named by four digits and some words: 0001-some-words.md"));
    }
    if !record.text.starts_with(&format!("# {number}: ")) {
        faults.push(record.fault(1, format!("begins with \"# {number}: \" and a sentence")));
    }
    let headings: Vec<&str> = record.text.lines().filter(|line| line.starts_with("## ")).collect();
    if !PARTS.iter().any(|parts| headings == parts) {
        faults.push(record.fault(1, format!("has the parts {:?}, in this order", PARTS[0])));
    }
    let lines = record.text.lines().count();
    if lines > MOST_LINES {
        faults.push(record.fault(lines, format!("is short: at most {MOST_LINES} lines")));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# 0001: It is so\n## The design says\na\n## What is built\nb\n## Why\nc\n";

    #[test]
    fn a_record_of_the_form_that_is_listed_is_no_fault() {
        assert_eq!(check(&[index(), record("0001-it-is-so.md", GOOD)]), []);
        let new = GOOD.replace("The design says", "Context").replace("What is built", "Decision");
        assert_ne!(check(&[index(), record("0001-it-is-so.md", &new)]), []);
        let new = new.replace("Why", "Consequences");
        assert_eq!(check(&[index(), record("0001-it-is-so.md", &new)]), []);
    }

    #[test]
    fn everything_else_is_a_fault() {
        let bad = [
            record("0002-it-is-so.md", GOOD),
            record("0001-It is.md", GOOD),
            record("1-it-is-so.md", &GOOD.replace("0001", "1")),
            record("0001-it-is-so.md", &GOOD.replace("0001", "0002")),
            record("0001-it-is-so.md", &GOOD.replace("## Why", "## Because")),
            record("0001-it-is-so.md", &format!("{GOOD}{}", "\n".repeat(60))),
            record("0001-not-listed.md", GOOD),
        ];
        for record in bad {
            assert_ne!(check(&[index(), record.clone()]), [], "{record:?}");
        }
    }

    #[test]
    fn two_records_of_one_number_are_a_fault() {
        let both = [index(), record("0001-it-is-so.md", GOOD), record("0001-it-is.md", GOOD)];
        let faults = check(&both);
        assert!(faults.iter().any(|fault| fault.what.contains("another record")), "{faults:?}");
    }

    fn index() -> File {
        File::sample("docs/decisions/README.md", "[0001](0001-it-is-so.md)\n")
    }

    fn record(name: &str, text: &str) -> File {
        File::sample(&format!("{FOLDER}{name}"), text)
    }
}
