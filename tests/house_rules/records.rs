//! The form of decision records.

use super::source::{Fault, File};

const FOLDER: &str = "docs/decisions/";
const PARTS: [&str; 3] = ["## The design says", "## What is built", "## Why"];
const MOST_LINES: usize = 60;

pub(crate) fn check(files: &[File]) -> Vec<Fault> {
    let in_folder = files.iter().filter(|file| file.path.starts_with(FOLDER));
    let (index, records): (Vec<_>, Vec<_>) = in_folder.partition(|file| file.path.ends_with("/README.md"));
    let index = index.first().map_or("", |file| file.text.as_str());
    let mut faults = Vec::new();
    for (at, record) in records.iter().enumerate() {
        faults.extend(form(record, at + 1));
        let name = record.path.trim_start_matches(FOLDER);
        if !index.contains(&format!("({name})")) {
            faults.push(record.fault(1, "is not listed in docs/decisions/README.md"));
        }
    }
    faults
}

fn form(record: &File, number: usize) -> Vec<Fault> {
    let name = record.path.trim_start_matches(FOLDER);
    let mut faults = Vec::new();
    let number = format!("{number:04}");
    let slug = name.strip_prefix(&format!("{number}-")).and_then(|rest| rest.strip_suffix(".md"));
    if !slug
        .is_some_and(|slug| slug.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'))
    {
        faults.push(record.fault(1, format!("the next record is {number}-some-words.md")));
    }
    if !record.text.starts_with(&format!("# {number}: ")) {
        faults.push(record.fault(1, format!("begins with \"# {number}: \" and a sentence")));
    }
    let headings: Vec<&str> = record.text.lines().filter(|line| line.starts_with("## ")).collect();
    if headings != PARTS {
        faults.push(record.fault(1, format!("has the parts {PARTS:?}, in this order")));
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
    }

    #[test]
    fn everything_else_is_a_fault() {
        let bad = [
            record("0002-it-is-so.md", GOOD),
            record("0001-It is.md", GOOD),
            record("0001-it-is-so.md", &GOOD.replace("0001", "0002")),
            record("0001-it-is-so.md", &GOOD.replace("## Why", "## Because")),
            record("0001-it-is-so.md", &format!("{GOOD}{}", "\n".repeat(60))),
            record("0001-not-listed.md", GOOD),
        ];
        for record in bad {
            assert_ne!(check(&[index(), record.clone()]), [], "{record:?}");
        }
    }

    fn index() -> File {
        File::sample("docs/decisions/README.md", "[0001](0001-it-is-so.md)\n")
    }

    fn record(name: &str, text: &str) -> File {
        File::sample(&format!("{FOLDER}{name}"), text)
    }
}
