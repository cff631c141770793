//! What others do to the world: autoscalers, people, node losses, other controllers.

use std::collections::BTreeMap;
use std::string::String;
use std::sync::Arc;
use std::vec::Vec;

use super::super::cloneset::UpdatePolicy;
use super::super::journal::Cause;
use super::pod::Fate;
use super::workload::default_unavailable;
use super::{Held, Mishap, Pod, Workload, World};
use crate::model::{FailureClass, InstanceId, PodName, PodUid, Revision, Seconds, Template};

/// A workload that is there before any flow.
#[derive(Clone, Debug)]
pub struct NewWorkload {
    /// Where.
    pub id: InstanceId,
    /// Its pod template.
    pub template: Template,
    /// How many pods.
    pub replicas: u32,
    /// Its pods have triton's readiness gate; the gate of those that serve is true.
    pub gated: bool,
    /// Its pods carry the hook label and it asks before it removes one: a workload that triton made.
    pub hooked: bool,
    /// How its pods are updated.
    pub policy: UpdatePolicy,
    /// Labels that are not triton's.
    pub labels: BTreeMap<String, String>,
    /// Annotations that are not triton's.
    pub annotations: BTreeMap<String, String>,
}

impl World {
    /// Puts up a workload whose pods all serve already. Does nothing when there is one of that name.
    pub fn add_workload(&mut self, new: NewWorkload) {
        if self.workloads.contains_key(&new.id) {
            return;
        }
        let template = self.templates.read(&new.template, new.gated, new.hooked);
        let revision = template.revision(&new.id.name);
        let workload = Workload {
            version: self.bump(),
            labels: new.labels,
            annotations: new.annotations,
            replicas: new.replicas,
            unavailable: default_unavailable(new.replicas),
            policy: new.policy,
            hook: new.hooked,
            in_place_hook: new.hooked && new.policy.in_place(),
            exclude_preparing_delete: new.hooked,
            observed: 1,
            update_revision: Some(revision.clone()),
            current_revision: Some(revision.clone()),
            ..Workload::empty(new.id.clone(), self.fresh_uid("workload"), template)
        };
        self.workloads.insert(new.id.clone(), workload);
        let mishaps = core::mem::take(&mut self.mishaps);
        for _ in 0..new.replicas {
            self.start_pod(&new.id, &revision);
        }
        self.mishaps = mishaps;
        let now = self.now;
        if let Some(workload) = self.workloads.get_mut(&new.id) {
            for pod in &mut workload.pods {
                (pod.booted, pod.listed, pod.fate) = (true, true, Fate::Steady);
                pod.gate = new.gated.then_some(true);
                pod.turned_at = now;
            }
        }
    }

    /// Changes a workload's object as somebody else would; the new version and generation come by
    /// themselves. Answers whether there is such a workload.
    pub fn edit(&mut self, id: &InstanceId, change: impl FnOnce(&mut Workload)) -> bool {
        let seq = self.bump();
        let Some(workload) = self.workloads.get_mut(id) else { return false };
        change(workload);
        workload.generation += 1;
        workload.version = seq;
        self.wake(id);
        true
    }

    /// An autoscaler or a person sets the size.
    pub fn scale_by_hand(&mut self, id: &InstanceId, replicas: u32) -> bool {
        self.edit(id, |workload| workload.replicas = replicas)
    }

    /// Somebody brings another template; gate and hook label of its pods stay as they are.
    pub fn edit_template(&mut self, id: &InstanceId, template: &Template) -> bool {
        let kept = |workload: &Workload| (workload.template.gated, workload.template.hooked);
        let Some((gated, hooked)) = self.workload(id).map(kept) else { return false };
        let template = self.templates.read(template, gated, hooked);
        let revision = template.revision(&id.name);
        self.edit(id, |workload| {
            workload.revisions.insert(revision, Arc::clone(&template));
            workload.template = template;
        })
    }

    /// The whole workload is gone at once with its pods, and another one of its name, size and template
    /// serves in its place, of which no flow knows.
    pub fn recreate_workload(&mut self, id: &InstanceId) -> bool {
        let Some(old) = self.workloads.get(id) else { return false };
        let (labels, annotations) = (old.labels.clone(), old.annotations.clone());
        let new = NewWorkload {
            id: id.clone(),
            template: old.template.json.clone(),
            replicas: old.replicas,
            gated: true,
            hooked: true,
            policy: old.policy,
            labels,
            annotations,
        };
        let pods: Vec<PodUid> = old.active().map(|pod| pod.uid.clone()).collect();
        for uid in pods {
            self.lose_pod(id, &uid);
        }
        self.workloads.remove(id);
        self.add_workload(new);
        true
    }

    /// Somebody deletes the whole workload.
    pub fn delete_workload(&mut self, id: &InstanceId) -> bool {
        self.edit(id, |workload| workload.deleting = true)
    }

    /// A pod is deleted by hand or evicted: it gets its time to end. Answers whether it was there.
    pub fn delete_pod_by_hand(&mut self, id: &InstanceId, uid: &PodUid) -> bool {
        let there = self.workload(id).and_then(|workload| workload.pod(uid)).is_some_and(Pod::active);
        if there {
            self.delete_pod(id, uid, Cause::Outside);
        }
        there
    }

    /// A pod is gone at once, with its node; its endpoint stays for a while. Answers whether it was there.
    pub fn lose_pod(&mut self, id: &InstanceId, uid: &PodUid) -> bool {
        let there = self.delete_pod_by_hand(id, uid);
        if there && let Some(workload) = self.workloads.get_mut(id) {
            workload.pods.retain(|pod| pod.uid != *uid);
        }
        there
    }

    /// A pod is deleted and the next one made gets its name, but another identity.
    pub fn recreate_pod(&mut self, id: &InstanceId, uid: &PodUid) -> bool {
        let name = self.workload(id).and_then(|workload| workload.pod(uid)).map(|pod| pod.name.clone());
        let Some(name) = name.filter(|_| self.lose_pod(id, uid)) else { return false };
        if let Some(workload) = self.workloads.get_mut(id) {
            workload.reuse.push(name);
        }
        true
    }

    /// A running pod fails now, in this way, and stays so.
    pub fn break_pod(&mut self, id: &InstanceId, uid: &PodUid, class: FailureClass) -> bool {
        let at = self.now;
        self.change_pod(id, uid, |pod| pod.fate = Fate::Fails { at, class, heals: false })
    }

    /// What happens to new pods from now on, in cases of 1,000.
    pub fn set_mishaps(&mut self, mishaps: &[(Mishap, u32)]) {
        self.mishaps.0 = mishaps.to_vec();
    }

    /// Pods of a workload that fail, or never get ready, start anew and succeed.
    pub fn repair(&mut self, id: &InstanceId) {
        let well = |pod: &Pod| match pod.fate {
            Fate::Steady => pod.booted,
            Fate::Boots { flaps, .. } => flaps == 0,
            Fate::Restarts { mishap, .. } => mishap.is_none(),
            Fate::Fails { .. } | Fate::Stumbles { .. } => false,
        };
        let broken = |workload: &Workload| -> Vec<PodUid> {
            workload.active().filter(|pod| !well(pod)).map(|pod| pod.uid.clone()).collect()
        };
        for uid in self.workload(id).map(broken).unwrap_or_default() {
            let at = self.after(self.timing.boot);
            self.change_pod(id, &uid, |pod| {
                pod.fate = match pod.fate {
                    Fate::Restarts { at, .. } => Fate::Restarts { at, mishap: None },
                    _ => Fate::Boots { at, flaps: 0 },
                };
            });
        }
    }

    /// The workload's controller does nothing for so long: it is slow, or dead.
    pub fn stall_controller(&mut self, id: &InstanceId, seconds: Seconds) {
        let until = self.now.plus(seconds);
        if let Some(workload) = self.workloads.get_mut(id) {
            workload.stalled_until = Some(until);
        }
        self.wake(id);
    }

    /// The workload's controller works again.
    pub fn revive_controller(&mut self, id: &InstanceId) {
        if let Some(workload) = self.workloads.get_mut(id) {
            workload.stalled_until = None;
        }
        self.wake(id);
    }

    /// The Services of a workload can send to pods of this revision alone from now on, or to all pods. Does nothing
    /// where that changes nothing, or would take pods out of traffic. Answers whether it was done.
    pub fn serve_only(&mut self, id: &InstanceId, only: Option<&Revision>) -> bool {
        let left_out = |pod: &Pod| only.is_some_and(|only| pod.revision != *only);
        let refused = |workload: &Workload| {
            workload.only.as_ref() == only || workload.pods.iter().any(|pod| pod.listed && left_out(pod))
        };
        if self.workload(id).is_none_or(refused) {
            return false;
        }
        self.bump();
        let Some(mut workload) = self.workloads.remove(id) else { return false };
        workload.only = only.cloned();
        for pod in &mut workload.pods {
            pod.reached = !left_out(pod);
            self.follow(pod);
        }
        self.workloads.insert(id.clone(), workload);
        self.watchers.touched(id);
        self.wake(id);
        true
    }

    /// Lists a pod in `scaleStrategy.podsToDelete`.
    pub fn list_to_delete(&mut self, id: &InstanceId, name: PodName) -> bool {
        self.edit(id, |workload| workload.pods_to_delete.push(name))
    }

    /// Takes away a lock as if its flow had never been; for tests of takeover.
    pub fn take_lock(&mut self, id: &InstanceId) -> Option<Held> {
        self.workloads.get_mut(id).and_then(|workload| workload.lock.take())
    }
}
