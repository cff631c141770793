//! What somebody writes over who should not: records, specs and locks (F16).

use std::string::String;
use std::vec::Vec;

use super::Runner;
use crate::model::{Draft, FlowId, FlowName, FlowPhase, FlowUid, Record, Step};
use crate::ports::NewFlow;
use crate::sim::scenario::draw;

impl Runner<'_> {
    /// F16: the record of a running flow is overwritten with something that no engine wrote.
    pub(super) fn tamper(&mut self) -> Option<String> {
        let open: Vec<FlowId> = self.flows.iter().filter(|id| !self.has_ended(id)).cloned().collect();
        let id = open.get(self.random.index(open.len())?)?.clone();
        if self.tampered.iter().any(|(tampered, _)| *tampered == id) {
            return None;
        }
        let mut world = self.sim.world();
        let record = world.flows().get(&id)?.record.clone();
        record.progress.as_ref()?;
        let how = [
            "the progress is gone",
            "the phase says that it has not begun",
            "the sizes are absurd",
            "the status says that it has ended",
        ];
        let at = self.random.index(how.len())?;
        world.tamper(&id, |entry| spoil(&mut entry.record, at));
        drop(world);
        self.tampered.push((id.clone(), record));
        Some(std::format!("{id} is tampered with: {}", how[at]))
    }

    /// F16: the spec of a running flow becomes one that cannot be read, or is mended again.
    pub(super) fn spoil_spec(&mut self) -> Option<String> {
        if let Some(at) = self.random.index(self.spoilt.len()).filter(|_| self.random.chance(600)) {
            let spoilt = self.spoilt.swap_remove(at);
            return self.mend(&spoilt).then(|| std::format!("the spec of {} is mended", spoilt.0));
        }
        let open: Vec<FlowId> = self.flows.iter().filter(|id| !self.has_ended(id)).cloned().collect();
        let id = open.get(self.random.index(open.len())?)?.clone();
        let mut world = self.sim.world();
        let entry = world.flows().get(&id)?;
        entry.spec()?;
        let (uid, good) = (entry.uid.clone(), entry.draft.clone());
        let bad = draw::spoilt(&mut self.random, &good);
        world.tamper(&id, |entry| entry.draft = bad);
        drop(world);
        self.spoilt.push((id.clone(), uid, good));
        Some(std::format!("the spec of {id} can not be read any more"))
    }

    /// Puts a spec back; false where that flow is gone.
    pub(in crate::sim::scenario) fn mend(&self, (id, uid, good): &(FlowId, FlowUid, Draft)) -> bool {
        let mut world = self.sim.world();
        let same = world.flows().get(id).is_some_and(|entry| entry.uid == *uid);
        same && world.tamper(id, |entry| entry.draft = good.clone())
    }

    /// F16: the lock of the workload becomes one that cannot be read, or is mended again.
    pub(super) fn spoil_lock(&mut self) -> Option<String> {
        let mut world = self.sim.world();
        let held = world.workload(&draw::instance())?.lock.as_ref()?;
        let spoilt = !held.spoilt;
        world.edit(&draw::instance(), |workload| {
            if let Some(held) = &mut workload.lock {
                held.spoilt = spoilt;
            }
        });
        Some(if spoilt { "the lock can not be read any more" } else { "the lock is mended" }.into())
    }

    /// F16: somebody takes the lock off the workload.
    pub(super) fn remove_lock(&self) -> Option<String> {
        let done = self.sim.world().edit(&draw::instance(), |workload| workload.lock = None);
        done.then(|| "the lock is taken off the workload".into())
    }

    /// F16: a flow that no admission let in is put into the store.
    pub(super) fn bad_flow(&mut self) -> Option<String> {
        let name = FlowName::new(std::format!("bad-{}", self.outside)).ok()?;
        let id = FlowId { namespace: draw::namespace(), name };
        let draft = draw::bad_draft(&mut self.random);
        let new = NewFlow { id: id.clone(), draft, instance: draw::instance().name };
        self.sim.world().create_flow(new).ok()?;
        Some(std::format!("{id} put into the store with a bad spec"))
    }
}

/// Makes a record one that no engine wrote.
fn spoil(record: &mut Record, how: usize) {
    match (how, &mut record.progress) {
        (1, Some(progress)) if progress.step != Step::Pending => record.phase = FlowPhase::Pending,
        (2, Some(progress)) if progress.from.is_some() => progress.from = Some(u32::MAX),
        (3, _) => (record.finished, record.phase) = (true, FlowPhase::Success),
        (_, progress) => *progress = None,
    }
}
