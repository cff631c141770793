//! Flows whose spec cannot be read.

use alloc::vec;

use super::{Adapters, DriveError, Driver, Outcome, Rest, during};
use crate::engine::{Decision, Why, is_passed_on, unread, unread_report};
use crate::model::{Lock, Progress, Report};
use crate::ports::{Clock, FlowStore, Invalid, Loaded, Subject};

/// The kind of workload of a flow that does not say any other; of one that cannot be read nobody can tell.
const KIND: &str = "cloneset";

impl<S: FlowStore, C: Clock, A: Adapters> Driver<S, C, A> {
    /// One look and at most one write, of the status alone. One that is deleted leaves its workload as it is,
    /// for the next flow.
    pub(super) async fn unread(&self, invalid: &Invalid) -> Result<Outcome, DriveError> {
        let Invalid { id, uid, version, progress, faults, report: old, .. } = invalid;
        if invalid.leaving {
            return self.forget(id, uid).await.map(Outcome::Rests);
        }
        let (lock, now) = (self.holder(invalid).await?, self.clock.now());
        let decision = unread(id, progress, lock.as_ref(), faults, now);
        let new = unread_report(old, &decision, now);
        match decision {
            Decision::Move(progress, why) => self.save_at(id, (&progress, &new), version, vec![why]).await,
            Decision::Wait(waiting, until) => {
                let until = new.waiting.as_ref().map_or(until, |shown| shown.until.min(until));
                let settled = Report { updated_at: old.updated_at, ..new.clone() };
                if settled == *old && invalid.observed {
                    return Ok(Outcome::Rests(Rest::Until(until, waiting)));
                }
                let told = old.message == new.message;
                let why = Why::waits(&waiting).filter(|_| !told).into_iter().collect();
                self.save_at(id, (progress, &new), version, why).await
            }
            Decision::Done if !invalid.observed => self.save_at(id, (progress, &new), version, vec![]).await,
            Decision::Done | Decision::Act(_) => self.forget(id, uid).await.map(Outcome::Rests),
        }
    }

    /// Who holds the workload of a flow that has begun; `None` where there is none, or nobody can tell.
    async fn holder(&self, invalid: &Invalid) -> Result<Option<Lock>, DriveError> {
        let begun = !matches!(invalid.progress, Progress::Pending | Progress::Finished { .. });
        let (Some(instance), Some(backend), true) = (&invalid.instance, self.adapters.workload(KIND), begun)
        else {
            return Ok(None);
        };
        let view = backend.observe(Subject { instance, flow: None }).await;
        let view = view.map_err(during("looking at the workload"))?;
        // Another flow has had it since, and has ended.
        let last = view.as_ref().and_then(|view| view.last.clone());
        let last = last.filter(|last| is_passed_on(invalid.progress.base(), Some(last)));
        let lock = view.map(|view| view.lock);
        if let (Some(Lock::Free), Some(last)) = (&lock, last) {
            return Ok(Some(Lock::Theirs(last.holder.id)));
        }
        if let Some(Lock::Theirs(other)) = &lock
            && *other != invalid.id
        {
            let loaded =
                self.rival(other).await.map_err(during("reading the flow that holds the workload"))?;
            // Another one that cannot be read took nothing.
            return Ok(lock.filter(|_| matches!(loaded, Some(Loaded::Flow(_)))));
        }
        Ok(lock)
    }
}
