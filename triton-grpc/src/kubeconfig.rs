//! Which kubeconfigs a program reads.

use std::env;
use std::path::{Path, PathBuf};

/// The files that kubectl reads: the one that was typed, else those of `KUBECONFIG`, else the one in the home
/// folder; what is not there is left out, unless it was typed.
#[must_use]
pub fn files(typed: Option<&Path>) -> Vec<PathBuf> {
    if let Some(typed) = typed {
        return vec![typed.to_owned()];
    }
    let mut files: Vec<PathBuf> = match env::var_os("KUBECONFIG").filter(|paths| !paths.is_empty()) {
        Some(paths) => env::split_paths(&paths).collect(),
        None => env::home_dir().map(|home| home.join(".kube").join("config")).into_iter().collect(),
    };
    files.retain(|file| file.is_file());
    files
}
