//! How a flow takes the lock of a workload and gives it back.

use super::super::backend::{left, taken_off};
use super::edit;
use crate::model::{Base, Brings, Flow, FlowUid, Holder, InstanceId, LastHolder, Wrote};
use crate::ports::PortError;
use crate::sim::world::{Held, Workload, World};

pub(super) fn lock(
    world: &mut World,
    id: &InstanceId,
    flow: &Flow,
    remember: Option<u32>,
) -> Result<bool, PortError> {
    let before = world.workload(id).and_then(|workload| workload.lock.as_ref());
    let ended = before.is_some_and(|held| world.flows().ended(&held.holder));
    let was_left =
        world.workload(id).is_some_and(|workload| left(world, workload, Some(&flow.uid)).is_some());
    let before = before.and_then(|held| world.flows().flow(&held.holder));
    edit(world, id, |workload| {
        if let Some(before) = &before {
            note(workload, before);
        }
        // What a dead holder found is what must return, not what it left.
        let Workload { surge, unavailable, paused, .. } = *workload;
        let left = !flow.progress.has_begun()
            && workload.lock.as_ref().filter(|_| !ended).map_or(was_left, |held| held.brings || held.left);
        let mine = Held { left, ..held(workload, flow, paused) };
        workload.lock = Some(match workload.lock.take() {
            None => Held { surge, unavailable, ..mine },
            Some(own) if own.holder.uid == flow.uid => own,
            Some(Held { surge, unavailable, paused, .. }) => Held { surge, unavailable, paused, ..mine },
        });
        workload.last = Some(LastHolder::taken(workload.last.as_ref(), flow));
        workload.hook = true;
        workload.in_place_hook = workload.policy.in_place();
        workload.exclude_preparing_delete = !flow.progress.base().is_some_and(Base::waits_for_room);
        workload.remembered = remember.or(workload.remembered);
    })
}

pub(super) fn release(
    world: &mut World,
    id: &InstanceId,
    flow: &Flow,
    good: Option<&std::vec::Vec<crate::model::Revision>>,
) -> Result<bool, PortError> {
    edit(world, id, |workload| {
        if let Some(good) = good {
            workload.good.clone_from(good);
        }
        let had = taken_off(workload).is_some_and(|last| last.holder.uid == flow.uid);
        if had || workload.lock.as_ref().is_some_and(|held| held.holder.uid == flow.uid) {
            note(workload, flow);
        }
        if let Some(last) = workload.last.as_mut().filter(|_| had) {
            last.gave_back = true;
        }
        if let Some(held) =
            workload.lock.as_mut().filter(|held| held.holder.uid == flow.uid && held.stays(flow))
        {
            held.holder = nobody(flow);
            if let Some(last) = &mut workload.last {
                (last.holder, last.size) = (held.holder.clone(), held.size);
            }
            return;
        }
        if let Some(held) = workload.lock.take_if(|held| held.holder.uid == flow.uid) {
            if let Some(last) = &mut workload.last {
                last.gave_back = true;
            }
            workload.surge = held.surge;
            workload.unavailable = held.unavailable;
            workload.paused = held.paused;
            workload.exclude_preparing_delete = true;
        }
    })
}

/// Remembers what a flow carried out, if it did.
fn note(workload: &mut Workload, flow: &Flow) {
    workload.carried = workload.carried.noted(flow, workload.update_revision.as_ref(), workload.replicas);
}

pub(super) fn held(workload: &Workload, flow: &Flow, paused: bool) -> Held {
    let policy = flow.spec.action.exchanges().then(|| workload.policy.as_str());
    Held {
        holder: holder(flow),
        surge: 0,
        unavailable: 0,
        paused,
        wrote: Wrote::relocked(policy, paused, &flow.progress),
        size: flow.progress.base().and_then(Base::size_of_exchange),
        brings: flow.progress.base().is_none_or(|base| base.brings != Brings::Nothing),
        left: false,
        spoilt: false,
    }
}

fn holder(flow: &Flow) -> Holder {
    Holder { id: flow.id.clone(), uid: flow.uid.clone() }
}

/// No flow has this identity: what was left waits for the next one.
fn nobody(flow: &Flow) -> Holder {
    Holder { uid: FlowUid::new("nobody").expect("it is not empty"), ..holder(flow) }
}
