//! What is wrong with an input.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::text::LISTED;

/// One thing that is wrong with an input.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fault {
    /// Path of the field, as in the manifest: `spec.updateStrategy.batchSize`; empty where it is the whole.
    pub field: String,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, message } = self;
        if field.is_empty() { f.write_str(message) } else { write!(f, "{field}: {message}") }
    }
}

/// Everything that is wrong with an input; never empty. The first 20 faults are told one by one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.0.iter().take(LISTED).enumerate() {
            let gap = if at == 0 { "" } else { "; " };
            write!(f, "{gap}{fault}")?;
        }
        match self.0.len().saturating_sub(LISTED) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl core::error::Error for Faults {}
