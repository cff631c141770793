//! The flow store over the simulated world.

use core::pin::Pin;
use std::boxed::Box;
use std::vec::Vec;

use futures_core::Stream;

use super::super::flows::Entry;
use super::super::journal::Happening;
use super::super::tally::Fault;
use super::super::world::{World, version};
use super::memory::Memory;
use super::{Host, outcome};
use crate::model::{
    FlowId, FlowUid, InstanceId, Namespace, Orders, Peer, Progress, Report, Verdict, Version,
};
use crate::ports::{FlowStore, Loaded, NewFlow, PortError, PortErrorKind, StoreEvent};

impl FlowStore for Host {
    async fn load(&self, id: &FlowId) -> Result<Loaded, PortError> {
        let mut world = self.sim.world();
        self.may_read(&mut world)?;
        let mut memory = self.memory();
        memory.stale = memory.silence(world.now());
        let loaded = memory.look_at_flow(&mut world, id);
        loaded.ok_or_else(|| gone(id))
    }

    async fn list(&self, namespace: Option<&Namespace>) -> Result<Vec<Loaded>, PortError> {
        let mut world = self.sim.world();
        self.may_read(&mut world)?;
        let wanted = |entry: &&Entry| namespace.is_none_or(|namespace| entry.id.namespace == *namespace);
        let mut entries: Vec<&Entry> = world.flows.iter().filter(wanted).collect();
        entries.sort_by_key(|entry| (entry.created_at, &entry.id));
        Ok(entries.into_iter().map(Entry::load).collect())
    }

    async fn peers(&self, instance: &InstanceId) -> Result<Vec<Peer>, PortError> {
        let mut world = self.sim.world();
        self.may_read(&mut world)?;
        let ours: Vec<FlowId> = world
            .flows
            .iter()
            .filter(|entry| entry.acts_on(instance))
            .map(|entry| entry.id.clone())
            .collect();
        let mut memory = self.memory();
        let peer = |id: &FlowId| {
            let loaded = memory.look_at_flow(&mut world, id)?;
            let entry = world.flows.get(id)?;
            Some(loaded.peer(entry.created_at, entry.ended_at(), entry.kept || entry.leaving))
        };
        Ok(ours.iter().filter_map(peer).collect())
    }

    async fn create(&self, new: NewFlow) -> Result<Loaded, PortError> {
        self.write(|world, _| (world.create_flow(new), None)).await
    }

    async fn save_orders(&self, id: &FlowId, orders: &Orders, seen: &Version) -> Result<Loaded, PortError> {
        self.write(|world, memory| {
            let result = world.change_flow(id, seen, |entry| entry.set_orders(orders));
            let write = saved(world, memory, id, &result);
            let happening = Happening::Orders { write, id: id.clone(), orders: orders.clone() };
            (result, Some(happening))
        })
        .await
    }

    async fn save_progress(
        &self,
        id: &FlowId,
        progress: &Progress,
        report: &Report,
        seen: &Version,
    ) -> Result<(), PortError> {
        self.write(|world, memory| {
            let before = world.flows.get(id).and_then(Entry::progress);
            let result = world.change_flow(id, seen, |entry| entry.set_progress(progress, report));
            let write = saved(world, memory, id, &result);
            let already =
                matches!(progress, Progress::Finished { verdict: Verdict::AlreadyCarriedOut { .. }, .. });
            if already && result.is_ok() {
                world.tally.count(Fault::AlreadyCarriedOut);
            }
            let after = progress.clone();
            let happening = Happening::Progress { write, id: id.clone(), before, after };
            (result.map(|_| ()), Some(happening))
        })
        .await
    }

    async fn confirm_flow(&self, id: &FlowId, seen: &Version) -> Result<(), PortError> {
        let mut world = self.sim.world();
        self.may_read(&mut world)?;
        match world.flows.get(id) {
            Some(entry) if version(entry.version) == *seen => Ok(()),
            Some(_) | None => Err(conflict(id)),
        }
    }

    async fn forget(&self, id: &FlowId, uid: &FlowUid) -> Result<(), PortError> {
        let kept = {
            let mut world = self.sim.world();
            self.may_read(&mut world)?;
            world.flows.get(id).is_some_and(|entry| entry.uid == *uid && entry.kept)
        };
        if !kept {
            return Ok(());
        }
        self.write(|world, memory| {
            world.let_flow_go(id, uid);
            memory.remember_flow(id, world.sequence());
            (Ok(()), None)
        })
        .await
    }

    async fn delete(&self, id: &FlowId, seen: &Version) -> Result<(), PortError> {
        self.write(|world, _| {
            let changed = world.flows.get(id).is_some_and(|entry| version(entry.version) != *seen);
            if changed {
                return (Err(conflict(id)), None);
            }
            world.delete_flow(id);
            (Ok(()), None)
        })
        .await
    }

    fn watch(&self) -> Pin<Box<dyn Stream<Item = StoreEvent> + Send>> {
        Box::pin(self.sim.world().watchers.watch_store())
    }
}

fn saved(
    world: &World,
    memory: &mut Memory,
    id: &FlowId,
    result: &Result<Loaded, PortError>,
) -> super::super::journal::Write {
    match result {
        Ok(_) => memory.remember_flow(id, world.sequence()),
        Err(_) if memory.hears_flows(world.now()) => {}
        Err(_) => memory.forget_flow(id),
    }
    outcome(world, memory, result, result.is_ok())
}

impl World {
    /// Keeps a new flow, whatever is in its draft.
    ///
    /// # Errors
    /// `Exists` when the name is taken.
    pub fn create_flow(&mut self, new: NewFlow) -> Result<Loaded, PortError> {
        let NewFlow { id, draft, .. } = new;
        if self.flows.0.contains_key(&id) {
            return Err(PortError::new(PortErrorKind::Exists, std::format!("flow {id} exists already")));
        }
        let uid = FlowUid::new(self.fresh_uid("flow")).expect("a number is not empty");
        let entry = Entry { version: self.bump(), ..Entry::new(id.clone(), uid, draft, self.now()) };
        let loaded = entry.load();
        self.flows.0.insert(id, entry);
        self.watchers.tell(|| StoreEvent::Changed(loaded.clone()));
        Ok(loaded)
    }

    /// Asks for the deletion of a flow as `kubectl delete` does: one that holds nothing is gone at once,
    /// one that runs is marked as leaving. Answers whether it is gone.
    pub fn delete_flow(&mut self, id: &FlowId) -> bool {
        let seq = self.bump();
        match self.flows.0.get_mut(id) {
            Some(entry) if entry.kept => {
                (entry.leaving, entry.version) = (true, seq);
                self.flow_changed(id);
                false
            }
            Some(_) => {
                self.remove_flow(id);
                true
            }
            None => true,
        }
    }

    /// A flow vanishes at once, whatever it holds: somebody tore off its finalizer.
    pub fn remove_flow(&mut self, id: &FlowId) {
        self.bump();
        if self.flows.0.remove(id).is_some() {
            self.watchers.tell(|| StoreEvent::Removed(id.clone()));
        }
    }

    /// F16: overwrites what is stored of a flow, as somebody with too many rights would.
    pub fn tamper(&mut self, id: &FlowId, change: impl FnOnce(&mut Entry)) -> bool {
        let seq = self.bump();
        let Some(entry) = self.flows.0.get_mut(id) else { return false };
        change(entry);
        entry.set_draft(entry.draft.clone());
        entry.version = seq;
        self.flow_changed(id);
        true
    }

    fn change_flow(
        &mut self,
        id: &FlowId,
        seen: &Version,
        change: impl FnOnce(&mut Entry),
    ) -> Result<Loaded, PortError> {
        let seq = self.bump();
        let entry = self.flows.0.get_mut(id).ok_or_else(|| gone(id))?;
        if version(entry.version) != *seen {
            return Err(conflict(id));
        }
        change(entry);
        entry.version = seq;
        let loaded = entry.load();
        self.watchers.tell(|| StoreEvent::Changed(loaded.clone()));
        Ok(loaded)
    }

    fn flow_changed(&mut self, id: &FlowId) {
        if let Some(entry) = self.flows.0.get(id) {
            self.watchers.tell(|| StoreEvent::Changed(entry.load()));
        }
    }

    /// Takes away what keeps a flow; one whose deletion was asked for disappears.
    fn let_flow_go(&mut self, id: &FlowId, uid: &FlowUid) {
        let seq = self.bump();
        let Some(entry) = self.flows.0.get_mut(id).filter(|entry| entry.uid == *uid) else { return };
        (entry.kept, entry.version) = (false, seq);
        if entry.leaving {
            self.remove_flow(id);
        }
    }
}

fn gone(id: &FlowId) -> PortError {
    PortError::new(PortErrorKind::NotFound, std::format!("there is no flow {id}"))
}

fn conflict(id: &FlowId) -> PortError {
    PortError::new(PortErrorKind::Conflict, std::format!("flow {id} has been modified"))
}
