//! Files that come from the code.

use std::{env, fs, io, path::Path};

/// Every generated file: path and text.
pub(crate) fn all() -> Vec<(&'static str, String)> {
    let crd = triton_operator::crd::yaml().expect("the definition can be written");
    vec![("docs/states.md", super::states::page()), ("triton-operator/deploy/crd.yaml", crd)]
}

/// Compares a file with what the code says now, or writes it when `TRITON_BLESS` is set.
pub(crate) fn compare_or_write(path: &Path, text: &str) -> Result<(), String> {
    let failed = |error: io::Error| format!("{}: {error}", path.display());
    if env::var_os("TRITON_BLESS").is_some() {
        return fs::write(path, text).map_err(failed);
    }
    compare(path, &fs::read_to_string(path).map_err(failed)?, text)
}

fn compare(path: &Path, is: &str, wanted: &str) -> Result<(), String> {
    let (is, wanted): (Vec<_>, Vec<_>) = (is.lines().collect(), wanted.lines().collect());
    let same = is.iter().zip(&wanted).take_while(|(a, b)| a == b).count();
    if is == wanted {
        return Ok(());
    }
    let (is, wanted) = (is.get(same), wanted.get(same));
    Err(format!(
        "{} is not what the code says, at line {}:\n  is     {is:?}\n  wanted {wanted:?}\n  make gen writes it anew",
        path.display(),
        same + 1,
    ))
}

#[test]
fn a_file_that_differs_is_a_fault_at_its_first_line_that_does() {
    let path = Path::new("docs/x.md");
    assert_eq!(compare(path, "a\nb\n", "a\nb\n"), Ok(()));
    let fault = compare(path, "a\nb\n", "a\nc\n").expect_err("they differ");
    assert!(fault.contains("line 2"), "{fault}");
    assert!(compare(path, "a\n", "a\nb\n").is_err());
}
