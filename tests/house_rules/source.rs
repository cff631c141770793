//! The files of the repository, and what of them is code.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

/// A text file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    /// Relative to the root, with slashes.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A line that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) path: String,
    /// From 1.
    pub(crate) line: usize,
    pub(crate) what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

impl File {
    pub(crate) fn fault(&self, line: usize, what: impl Into<String>) -> Fault {
        Fault { path: self.path.clone(), line, what: what.into() }
    }

    /// A made-up file.
    #[cfg(test)]
    pub(crate) fn sample(path: &str, text: &str) -> Self {
        Self { path: path.into(), text: text.into() }
    }
}

/// The top of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests is a room of the house").to_path_buf()
}

/// Every text file, sorted; without what is built or belongs to tools.
pub(crate) fn files() -> Vec<File> {
    let (root, mut found) = (root(), Vec::new());
    walk(&root, &root, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<File>) {
    for entry in fs::read_dir(folder).expect("a folder of the repository can be read") {
        let path = entry.expect("an entry of the repository can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !is_of_tools(&name) {
                walk(root, &path, found);
            }
        } else if let Ok(text) = fs::read_to_string(&path) {
            let relative = path.strip_prefix(root).expect("found below the root");
            let path = relative.to_string_lossy().replace('\\', "/");
            found.push(File { path, text });
        }
    }
}

/// Folders that no commit holds.
pub(crate) fn is_of_tools(name: &str) -> bool {
    name == "target" || name.starts_with("target-") || (name.starts_with('.') && name != ".ci")
}

/// The same text with comments and the insides of literals blanked; lines stay where they are.
pub(crate) fn code(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = skipped(&chars, at);
        if end > at {
            blank(&chars[at..end], &mut out);
            at = end;
        } else {
            out.push(chars[at]);
            at += 1;
        }
    }
    out
}

/// Where a comment or literal that begins at `at` ends; `at` itself when none begins there.
fn skipped(chars: &[char], at: usize) -> usize {
    let rest = &chars[at..];
    let word_before = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    match rest {
        ['/', '/', ..] => at + rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
        ['/', '*', ..] => at + find(rest, &['*', '/'], 2),
        ['r', '#' | '"', ..] if !word_before => {
            let hashes = rest[1..].iter().take_while(|c| **c == '#').count();
            if rest.get(1 + hashes) != Some(&'"') {
                return at;
            }
            let mut close = vec!['"'];
            close.resize(1 + hashes, '#');
            at + find(rest, &close, 2 + hashes)
        }
        ['"', ..] => at + quoted(rest),
        ['\'', '\\', ..] => at + find(rest, &['\''], 3),
        ['\'', _, '\'', ..] => at + 3,
        _ => at,
    }
}

fn quoted(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

fn find(rest: &[char], close: &[char], from: usize) -> usize {
    (from..rest.len()).find(|at| rest[*at..].starts_with(close)).map_or(rest.len(), |at| at + close.len())
}

fn blank(chars: &[char], out: &mut String) {
    out.extend(chars.iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
}

/// The words of a line of code.
pub(crate) fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

#[test]
fn comments_and_literals_are_not_code() {
    let text = "a // b\nc /* d\ne */ f \"g \\\" h\" r#\"i \" j\"# 'k' '\\'' 'l: m";
    let code = code(text);
    assert_eq!(code.lines().count(), 3);
    assert_eq!(words(&code).collect::<Vec<_>>(), ["a", "c", "f", "l", "m"]);
}
