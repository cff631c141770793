//! Who holds a CloneSet, and how a flow takes it.

use kube::api::{Patch, PatchParams};
use triton_core::model::{Flow, Left, Lock};
use triton_core::ports::{PortError, PortErrorKind};

use super::entry::CloneSetEntry;
use super::lock::LockNote;
use super::{CloneSets, patch, sizer};
use crate::crd::convert::Fate;
use crate::kube_error::call;
use crate::labels;

impl CloneSets {
    /// Who holds a workload, and what a flow before left behind.
    pub(super) async fn lock(
        &self,
        cloneset: &CloneSetEntry,
        flow: Option<&Flow>,
    ) -> Result<(Lock, Option<Left>), PortError> {
        if let Some(fault) = &cloneset.lock_fault {
            return Ok((Lock::Unreadable { what: fault.says(&cloneset.key) }, None));
        }
        let Some(note) = &cloneset.lock else { return self.unlocked(cloneset, flow).await };
        let left = Some(Left { size: note.size });
        if flow.is_some_and(|flow| flow.uid == note.holder.uid) {
            return Ok((Lock::Mine, left.filter(|_| note.left)));
        }
        Ok(match self.flows.fate(&note.holder, &cloneset.key).await? {
            Fate::Alive => (Lock::Theirs(note.holder.id.clone()), None),
            Fate::Ended => (Lock::Free, left.filter(|_| self.still_left(note))),
            Fate::Left | Fate::Gone => (Lock::Free, left),
        })
    }

    /// Whose a workload without a lock is: others took it off where the flow that had it last did not give it back.
    async fn unlocked(
        &self,
        cloneset: &CloneSetEntry,
        flow: Option<&Flow>,
    ) -> Result<(Lock, Option<Left>), PortError> {
        let Some(last) =
            cloneset.taken_off().filter(|last| flow.is_none_or(|flow| flow.uid != last.holder.uid))
        else {
            return Ok((Lock::Free, None));
        };
        Ok(match self.flows.fate(&last.holder, &cloneset.key).await? {
            Fate::Alive => (Lock::Theirs(last.holder.id.clone()), None),
            Fate::Ended => (Lock::Free, None),
            // What it left stays left, also where others take the mark of that off.
            Fate::Gone | Fate::Left => (Lock::Free, Some(Left { size: last.size })),
        })
    }

    /// Whether what was left of a workload still is, although the flow that took it has ended: it has not given the lock back
    /// yet.
    fn still_left(&self, note: &LockNote) -> bool {
        let replaced = |flow: Flow| flow.replaced_what_was_left();
        note.left && !self.flows.ended(&note.holder).is_some_and(replaced)
    }

    /// The note of a flow beside its lock, also where others took that off the workload since.
    fn own_note(&self, cloneset: &CloneSetEntry, flow: &Flow) -> Option<LockNote> {
        let before = self.looks.lock().get(&cloneset.key).and_then(|look| look.locked.clone());
        let before = before.filter(|before| before.uid == cloneset.uid);
        let notes = [Some(cloneset), before.as_deref()].into_iter().flatten();
        notes.filter_map(|cloneset| cloneset.lock.as_ref()).find(|note| note.holder.uid == flow.uid).cloned()
    }

    pub(super) async fn take_lock(
        &self,
        cloneset: &CloneSetEntry,
        flow: &Flow,
        remember: Option<u32>,
    ) -> Result<(), PortError> {
        // A holder that has not ended gave the workload up, or is gone.
        let (before, left) = match &cloneset.lock {
            None => (None, self.unlocked(cloneset, Some(flow)).await?.1.is_some()),
            Some(note) => match self.flows.fate(&note.holder, &cloneset.key).await? {
                Fate::Ended => (self.flows.ended(&note.holder), self.still_left(note)),
                // One that takes its own again has left nothing.
                Fate::Alive | Fate::Left | Fate::Gone => {
                    (None, !flow.progress.has_begun() && (note.brings || note.left))
                }
            },
        };
        let resizes = flow.progress.base().is_some_and(|base| base.kind.exchanges() && base.from != base.to);
        let sized_by = if resizes { sizer::sizer(&self.client, cloneset).await } else { None };
        let note = self.own_note(cloneset, flow);
        let note = note.unwrap_or_else(|| LockNote { left, sized_by, ..patch::note_of_lock(cloneset, flow) });
        let body = patch::lock(cloneset, flow, remember, before.as_ref(), &note);
        let api = self.api(&cloneset.key.namespace)?;
        let params = PatchParams::apply(labels::MANAGER).force();
        let patch = Patch::Apply(&body);
        let request = api.patch(&cloneset.key.name, &params, &patch);
        let taken = self.watched(&cloneset.key, call(request).await)?;
        if taken.unhooked() {
            let what = "the API server took the lock but left the hooks of spec.lifecycle, or the label that counts \
                        leaving pods, away: look for an admission webhook that changes them";
            return Err(PortError::new(PortErrorKind::Rejected, what));
        }
        Ok(())
    }
}

/// Whether a flow that has the workload does not find its lock there: the cache may be behind, and it must not
/// take the lock as lost.
pub(super) fn misses_lock(cloneset: &CloneSetEntry, flow: Option<&Flow>) -> bool {
    let held = |flow: &Flow| cloneset.lock.as_ref().is_some_and(|note| note.holder.uid == flow.uid);
    let misses = |flow: &Flow| !flow.progress.is_before_batches() && !held(flow);
    cloneset.lock_fault.is_none() && flow.is_some_and(misses)
}
