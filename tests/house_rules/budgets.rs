//! How long files and functions may be.

use super::source::{Fault, File, code};

const FUNCTION: usize = 60;

pub(crate) fn check(file: &File) -> Vec<Fault> {
    let mut faults = Vec::new();
    let (lines, most) = (file.text.lines().count(), most(&file.path));
    if lines > most {
        faults.push(file.fault(lines, format!("{lines} lines; at most {most}")));
    }
    for (line, length) in functions(&file.text) {
        if length > FUNCTION {
            faults.push(file.fault(line, format!("a function of {length} lines; at most {FUNCTION}")));
        }
    }
    faults
}

fn most(path: &str) -> usize {
    match path.rsplit('/').next() {
        Some("decide.rs") if path.contains("/engine/") => 150,
        Some("main.rs") => 40,
        _ => 400,
    }
}

/// First line and length of every function. Relies on rustfmt: a body ends at the first line that is one
/// closing brace as far in as the function began.
fn functions(text: &str) -> Vec<(usize, usize)> {
    let code = code(text);
    let lines: Vec<&str> = code.lines().collect();
    let starts = lines.iter().enumerate().filter(|(_, line)| begins_function(line));
    starts
        .filter_map(|(at, line)| {
            let indent = line.len() - line.trim_start().len();
            let close = format!("{}}}", &line[..indent]);
            let opens = lines[at..].iter().position(|line| line.trim_end().ends_with(['{', '}', ';']))?;
            if !lines[at + opens].trim_end().ends_with('{') {
                return None;
            }
            let length = lines[at..].iter().position(|line| line.trim_end() == close)? + 1;
            Some((at + 1, length))
        })
        .collect()
}

fn begins_function(line: &str) -> bool {
    let mut words = line.split_whitespace().skip_while(|word| {
        matches!(*word, "const" | "async" | "unsafe" | "extern") || word.starts_with("pub")
    });
    words.next() == Some("fn")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_a_fault() {
        let (fits, long) = ("x\n".repeat(400), "x\n".repeat(401));
        assert_eq!(check(&File::sample("a/b.rs", &fits)), []);
        assert_eq!(check(&File::sample("a/b.rs", &long)).len(), 1);
    }

    #[test]
    fn decide_and_main_have_less() {
        let text = "x\n".repeat(151);
        assert_eq!(check(&File::sample("triton-core/src/engine/decide.rs", &text)).len(), 1);
        let text = "x\n".repeat(41);
        assert_eq!(check(&File::sample("triton-operator/src/main.rs", &text)).len(), 1);
        assert_eq!(check(&File::sample("triton-core/src/lib.rs", &text)), []);
    }

    #[test]
    fn a_long_function_is_a_fault_at_its_first_line() {
        let fits = format!("impl X {{\n    pub fn a(&self) -> [u8; 3] {{\n{}    }}\n}}\n", "x\n".repeat(58));
        assert_eq!(check(&File::sample("a/b.rs", &fits)), []);
        let long =
            format!("trait T {{\n    fn short();\n    async fn a() {{\n{}    }}\n}}\n", "x\n".repeat(59));
        let faults = check(&File::sample("a/b.rs", &long));
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [3]);
    }
}
