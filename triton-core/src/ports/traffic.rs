//! The thing that sends requests to pods.

use alloc::boxed::Box;

use async_trait::async_trait;

use super::PortError;
use crate::model::{Exchange, InstanceId, Succession, TrafficChange, TrafficView, WorkloadPod};

/// Decides which pods get traffic.
///
/// # Contract
/// - `change_traffic` asks; `Ok` means accepted, not effective. Only `observe` tells what is in effect.
/// - All pods of a change go out at once, each guarded by its own reference; pods that are gone or
///   already asked so cost nothing and are no error. The first error is returned after all were tried.
/// - **In** is reported only when the registry itself was read back and shows the pod; **out** only when
///   it was read back and does not, with how long that has been certain by a clock that never jumps. After a
///   restart that may begin anew. Everything else is `Moving`: it stops removals and does not count as a pull-in.
#[async_trait]
pub trait TrafficRegistry: Send + Sync {
    /// What the registry shows of these pods.
    ///
    /// # Errors
    /// `Transient` when the registry cannot be asked at all.
    async fn observe(&self, instance: &InstanceId, pods: &[WorkloadPod]) -> Result<TrafficView, PortError>;

    /// What becomes of the places that send traffic to pods which are to be exchanged, and can send none to those that
    /// take their places, however long one waits: with what to change. Where there are no new pods yet, it is told of
    /// those that the flow's template would make. A registry in which every pod has the same place has nothing to say.
    ///
    /// # Errors
    /// `Transient` when the registry cannot be asked at all.
    async fn succession(&self, exchange: &Exchange<'_>) -> Result<Succession, PortError> {
        let _ = exchange;
        Ok(Succession::default())
    }

    /// Asks for one change.
    ///
    /// # Errors
    /// `Conflict`: a pod changed meanwhile; look again. `Rejected`: refused. `Transient`: unknown whether
    /// done; safe to repeat.
    async fn change_traffic(&self, instance: &InstanceId, change: &TrafficChange) -> Result<(), PortError>;
}
