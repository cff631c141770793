//! What a run came to.

use triton_core::model::FlowId;

use super::fate::Written;

/// A batch of a flow that began; a flow that returns what it changed has batches of its own.
pub(crate) type Begun = (FlowId, bool, u32);

/// A run that ended as it must.
#[derive(Clone, Debug)]
pub(crate) struct Played {
    /// The writes of the first host.
    pub(crate) writes: Vec<Written>,
    /// Batches that began, in order.
    pub(crate) batches: Vec<Begun>,
    /// Pods that were made. `None` where that hangs on the moment at which people ordered something.
    pub(crate) made: Option<u32>,
}

impl Played {
    /// Whether the same batches were carried out as in another run, each once, and with as many new pods.
    ///
    /// # Errors
    /// How they differ.
    pub(crate) fn is_like(&self, quiet: &Self) -> Result<(), String> {
        let twice = (1..self.batches.len()).find(|at| self.batches[..*at].contains(&self.batches[*at]));
        match twice.map(|at| &self.batches[at]) {
            Some((flow, _, number)) => Err(format!("batch {number} of {flow} began twice")),
            None => {
                same("batches", &self.batches, &quiet.batches)?;
                same("pods made", &self.made, &quiet.made)
            }
        }
    }
}

/// An error unless something is as wanted.
///
/// # Errors
/// How it differs.
pub(crate) fn same<T: PartialEq + std::fmt::Debug>(what: &str, is: &T, wanted: &T) -> Result<(), String> {
    if is == wanted { Ok(()) } else { Err(format!("{what}: {is:?}, must be {wanted:?}")) }
}
