//! An order that its workload remembers as carried out, told before a flow is made of it.

use alloc::format;
use alloc::string::String;

use crate::model::{CarriedOut, Flow, FlowId, FlowUid, NameError, Orders, Progress, Spec};

/// What becomes of a flow whose order is one of these.
pub(super) fn note(memory: &CarriedOut, flow: &Flow) -> Option<String> {
    memory.find(flow)?;
    let (name, instance) = (&flow.id.name, flow.instance());
    Some(format!(
        "{instance} remembers that flow {name} carried this order out: nothing will be done, and the flow ends with \
         AlreadyCarriedOut; to carry it out again, give it a new name"
    ))
}

/// A flow that nobody has made yet.
///
/// # Errors
/// None is known: the identification is a good one.
pub(super) fn unmade(id: FlowId, spec: Spec) -> Result<Flow, NameError> {
    let uid = FlowUid::new("unmade")?;
    Ok(Flow { id, uid, spec, orders: Orders::default(), progress: Progress::Pending })
}
