//! One order, carried out once.

use super::base::Brings;
use super::name::{FlowId, FlowUid, InstanceId, Revision};
use super::orders::Orders;
use super::progress::{Progress, Verdict};
use super::spec::{Action, Spec};

/// One flow: what was declared, what people ordered since, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// Where it lives.
    pub id: FlowId,
    /// Which flow of that name.
    pub uid: FlowUid,
    /// What was declared; immutable.
    pub spec: Spec,
    /// Standing orders; written by the service.
    pub orders: Orders,
    /// How far it is; written by the driver.
    pub progress: Progress,
}

impl Flow {
    /// The application instance it acts on, which is also the name of the workload.
    #[must_use]
    pub fn instance(&self) -> InstanceId {
        InstanceId { namespace: self.id.namespace.clone(), name: self.spec.identity.instance.clone() }
    }

    /// The revision that it returns to: the one that was ordered, or that it has chosen. `None` where it returns to none,
    /// and before it has chosen.
    #[must_use]
    pub fn returns_to(&self) -> Option<&Revision> {
        match self.progress.base().map(|base| &base.brings) {
            Some(Brings::Revision(revision)) => Some(revision),
            Some(Brings::Flow | Brings::Nothing) => None,
            None => self.spec.rollback_to.as_ref(),
        }
    }

    /// Whether it takes no steps of its own: by order or by failure.
    #[must_use]
    pub const fn is_paused(&self) -> bool {
        !self.progress.is_finished() && (self.orders.paused || self.progress.hold().is_some())
    }

    /// Whether nothing stays of what another flow had left of its workload, now that it has ended. A `stop` takes the
    /// pods away and keeps the template, which nobody may have approved.
    #[must_use]
    pub fn replaced_what_was_left(&self) -> bool {
        let succeeded = matches!(self.progress, Progress::Finished { verdict: Verdict::Succeeded, .. });
        succeeded && self.spec.action != Action::Stop
    }
}
