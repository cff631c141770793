//! The workload's controller in the simulated world: runs the CloneSet function and applies its answer.

use std::vec::Vec;

use super::super::cloneset::{self, CloneSet, CloneSetPod, ControllerChange, Lifecycle};
use super::super::journal::{Cause, Happening};
use super::{Workload, World};
use crate::model::{InstanceId, PodUid, Revision, Timestamp};

impl World {
    /// Something changed that the workload's controller watches: it looks after its reaction time.
    pub(super) fn wake(&mut self, id: &InstanceId) {
        let at = self.after(self.timing.react);
        self.bump();
        self.watchers.touched(id);
        if let Some(workload) = self.workloads.get_mut(id) {
            workload.sync_at = workload.sync_at.or(Some(at));
        }
    }

    /// One reconcile, when it is due.
    pub(super) fn reconcile(&mut self, id: &InstanceId) {
        let now = self.now;
        let Some(workload) = self.workloads.get_mut(id) else { return };
        let stalled = workload.stalled_until.is_some_and(|until| until > now);
        let due = [workload.sync_at, workload.ages_at].into_iter().flatten().min();
        if stalled || due.is_none_or(|at| at > now) {
            return;
        }
        (workload.sync_at, workload.stalled_until) = (None, None);
        workload.ages_at =
            workload.active().filter_map(|pod| pod.ages_at(workload.min_ready)).filter(|at| *at > now).min();
        let revision = workload.template_revision();
        workload.observed = workload.generation;
        workload.update_revision = Some(revision.clone());
        workload.current_revision.get_or_insert_with(|| revision.clone());
        if workload.deleting {
            return self.collect(id);
        }
        let order = self.random.next();
        let Some(workload) = self.workloads.get_mut(id) else { return };
        let (uids, pods) = listed(workload, order, now);
        let names: Vec<_> = workload.active().map(|pod| pod.name.clone()).collect();
        workload.pods_to_delete.retain(|name| names.contains(name));
        let set = numbers(workload);
        let changes = cloneset::decide(&set, &pods);
        if cloneset::status(&set, &pods).current_follows {
            workload.current_revision = Some(revision.clone());
        }
        self.bump();
        self.watchers.touched(id);
        if changes.is_empty() {
            return;
        }
        for (at, change) in &changes.pods {
            self.apply(id, &uids[*at], *change, &revision);
        }
        let count = |world: &Self| world.workload(id).map_or(0, |workload| workload.pods.len());
        let (before, changed) = (count(self), !changes.pods.is_empty());
        let current = self.workload(id).and_then(|workload| workload.current_revision.clone());
        for _ in 0..changes.create_current {
            self.start_pod(id, current.as_ref().unwrap_or(&revision));
        }
        for _ in 0..changes.create_updated {
            self.start_pod(id, &revision);
        }
        // What is refused is refused again until something else changes.
        if changed || count(self) > before {
            self.wake(id);
        }
    }

    fn apply(&mut self, id: &InstanceId, uid: &PodUid, change: ControllerChange, update: &Revision) {
        let marked = |world: &Self| {
            let pod = world.workload(id).and_then(|workload| workload.pod(uid));
            pod.is_some_and(super::Pod::marked)
        };
        let before = marked(self);
        match change {
            ControllerChange::Delete => return self.delete_pod(id, uid, Cause::Controller),
            ControllerChange::Swap => return self.swap_pod(id, uid, update),
            ControllerChange::Mark => self.change_pod(id, uid, |pod| pod.state = Lifecycle::PreparingDelete),
            ControllerChange::Prepare => {
                self.change_pod(id, uid, |pod| pod.state = Lifecycle::PreparingUpdate)
            }
            ControllerChange::PrepareAgain => self.change_pod(id, uid, |pod| {
                (pod.state, pod.hooked) = (Lifecycle::PreparingUpdate, true);
            }),
            ControllerChange::Finish => self.change_pod(id, uid, |pod| pod.state = Lifecycle::Updated),
            ControllerChange::Unmark | ControllerChange::Settle => {
                self.change_pod(id, uid, |pod| pod.state = Lifecycle::Normal)
            }
            ControllerChange::Admit => self.change_pod(id, uid, |pod| pod.held_back = false),
            ControllerChange::Specify => self.change_pod(id, uid, |pod| pod.specified = true),
        };
        let after = marked(self);
        let pod = self.workload(id).and_then(|workload| workload.pod(uid)).map(super::Pod::reference);
        if let (Some(pod), true) = (pod, before != after) {
            self.journal.write(|| Happening::Marked { instance: id.clone(), pod, marked: after });
        }
    }

    /// Garbage collection of a workload that is being deleted: its pods, then itself.
    fn collect(&mut self, id: &InstanceId) {
        let left = |world: &Self| world.workload(id).map(|workload| workload.pods.is_empty());
        let uids: Vec<PodUid> =
            self.workload(id).into_iter().flat_map(Workload::active).map(|pod| pod.uid.clone()).collect();
        for uid in uids {
            self.delete_pod(id, &uid, Cause::Outside);
        }
        if left(self) == Some(true) {
            self.workloads.remove(id);
            self.bump();
        }
    }
}

/// The pods in some order: the cache of the real controller has none, so none may be relied on.
fn listed(workload: &Workload, order: u64, now: Timestamp) -> (Vec<PodUid>, Vec<CloneSetPod>) {
    let update = workload.template_revision();
    let mut pods: Vec<_> = workload.active().collect();
    let turns = usize::try_from(order % (pods.len() as u64).max(1)).unwrap_or(0);
    pods.rotate_left(turns);
    if order & (1 << 40) != 0 {
        pods.reverse();
    }
    let seen = |pod: &&super::Pod| {
        let age = (workload.min_ready, now);
        pod.as_seen((&update, &workload.template), &workload.pods_to_delete, age)
    };
    (pods.iter().map(|pod| pod.uid.clone()).collect(), pods.iter().map(seen).collect())
}

const fn numbers(workload: &Workload) -> CloneSet {
    CloneSet {
        replicas: workload.replicas,
        partition: workload.partition,
        max_surge: workload.surge,
        max_unavailable: workload.unavailable,
        paused: workload.paused,
        policy: workload.policy,
        pre_delete_hook: workload.hook,
        in_place_hook: workload.in_place_hook,
        exclude_preparing_delete: workload.exclude_preparing_delete,
    }
}
