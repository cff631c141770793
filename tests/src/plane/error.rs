//! What can go wrong before a test has its cluster.

use std::{io, path::Path};

/// Why a program could not be built, a component did not start, or a client command failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlaneError {
    /// The Go toolchain is not on `PATH`.
    #[error(
        "`go` is missing: the test control plane is built from source; install Go 1.26 or newer (https://go.dev/dl)"
    )]
    GoMissing,
    /// A version of Kubernetes was asked for that is not pinned.
    #[error("{variable}={version} is not pinned here: choose one of {known}")]
    UnknownVersion {
        /// The variable that names it.
        variable: &'static str,
        /// What it says.
        version: String,
        /// The versions that are pinned.
        known: String,
    },
    /// A `go` command failed.
    #[error("{command} failed:\n{tail}")]
    Build {
        /// The command, without its flags.
        command: String,
        /// The last lines it printed.
        tail: String,
    },
    /// A component ended, or was not ready in time.
    #[error("{component} {reason}; end of its log:\n{tail}")]
    Component {
        /// The program's name.
        component: &'static str,
        /// What happened to it.
        reason: String,
        /// The last lines of its log.
        tail: String,
    },
    /// `kubectl`, `grpcurl` or a shell command ended with an error.
    #[error("{command}: {status}\n{stderr}")]
    Command {
        /// The command line.
        command: String,
        /// How it ended.
        status: String,
        /// What it printed as its error.
        stderr: String,
    },
    /// The key pair or certificate of the API server could not be made.
    #[error("making the API server's certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The operating system refused.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: String,
        /// The refusal.
        source: io::Error,
    },
}

/// Names what was being done when the operating system refused.
pub(super) trait Doing<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, PlaneError>;
    fn at(self, verb: &str, path: &Path) -> Result<T, PlaneError>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, PlaneError> {
        self.map_err(|source| PlaneError::Io { doing: what(), source })
    }

    fn at(self, verb: &str, path: &Path) -> Result<T, PlaneError> {
        self.doing(|| format!("{verb} {}", path.display()))
    }
}

/// Returns the last `lines` lines of `text`.
pub(crate) fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
