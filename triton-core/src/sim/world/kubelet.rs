//! The kubelet and the endpoints: pods boot, fail, end, and get into and out of the endpoints.

use std::format;

use super::super::cloneset::Lifecycle;
use super::super::journal::{Cause, Happening};
use super::super::tally::Fault;
use super::pod::{Fate, Mishap, Pod, heals as may_heal, words};
use super::{World, shown, version};
use crate::model::{FailureClass, InstanceId, MAX_LABEL, PodFailure, PodName, PodUid, Revision, Timestamp};

/// How often a flapping pod loses its readiness.
const FLAPS: u32 = 3;

impl World {
    /// Fires what is due for the pods of a workload.
    pub(super) fn live(&mut self, id: &InstanceId) {
        let Some(mut workload) = self.workloads.remove(id) else { return };
        let now = self.now;
        let mut changed = false;
        for pod in &mut workload.pods {
            if pod.next_event().is_none_or(|at| at > now) {
                continue;
            }
            if pod.flips_at.is_some_and(|at| at <= now) {
                pod.flips_at = None;
                pod.listed = pod.serves() && pod.reached;
                pod.out_since = now;
                self.bump();
                self.watchers.touched(id);
            }
            if pod.active() && self.fate(pod) {
                self.turned(pod);
                changed = true;
            }
        }
        let before = workload.pods.len();
        workload.pods.retain(|pod| pod.ends_at.is_none_or(|at| at > now));
        if before != workload.pods.len() {
            self.bump();
            changed = true;
        }
        self.workloads.insert(id.clone(), workload);
        if changed {
            self.wake(id);
        }
    }

    /// What a pod does by itself now; whether it changed.
    fn fate(&mut self, pod: &mut Pod) -> bool {
        let now = self.now;
        match pod.fate {
            Fate::Restarts { at, mishap } if at <= now => self.restarts(pod, mishap),
            Fate::Boots { at, flaps } if at <= now => {
                pod.booted = true;
                pod.swapped = true;
                pod.scheduled = true;
                pod.turned_at = now;
                pod.failure = None;
                let at = self.after(self.timing.fail);
                pod.fate = if flaps > 0 { Fate::Stumbles { at, flaps: flaps - 1 } } else { Fate::Steady };
            }
            Fate::Stumbles { at, flaps } if at <= now => {
                pod.booted = false;
                pod.turned_at = now;
                pod.restarts += 1;
                pod.fate = Fate::Boots { at: self.after(self.timing.boot), flaps };
            }
            Fate::Fails { at, class, heals } if at <= now => {
                pod.booted = false;
                pod.turned_at = now;
                pod.restarts += match (class, heals) {
                    (FailureClass::CrashLoop, true) => 1,
                    (FailureClass::CrashLoop, false) => 3,
                    (_, _) => 0,
                };
                pod.failure =
                    Some(PodFailure { class, heals: may_heal(class, heals), message: words(class) });
                pod.fate = if heals {
                    Fate::Boots { at: self.after(self.timing.heal), flaps: 0 }
                } else {
                    Fate::Steady
                };
            }
            Fate::Steady
            | Fate::Boots { .. }
            | Fate::Stumbles { .. }
            | Fate::Fails { .. }
            | Fate::Restarts { .. } => return false,
        }
        true
    }

    /// The containers of a pod that was updated in place go down and come up again with their new images,
    /// if these can be had.
    fn restarts(&mut self, pod: &mut Pod, mishap: Option<Mishap>) {
        let (boots_at, fails_at) = (self.after(self.timing.boot), self.after(self.timing.fail));
        pod.booted = false;
        pod.turned_at = self.now;
        pod.failure = None;
        pod.restarts += 1;
        let stays_old = |class| class != FailureClass::CrashLoop;
        pod.swapped =
            !matches!(mishap, Some(Mishap::Fails(class) | Mishap::Heals(class)) if stays_old(class));
        pod.fate = fate(mishap, boots_at, fails_at);
    }

    /// Updates a pod in place: it keeps name, identity and address, and gets the images and the changed
    /// labels of another revision.
    pub(super) fn swap_pod(&mut self, id: &InstanceId, uid: &PodUid, revision: &Revision) {
        let mishap = match self.mishap() {
            // It has its node.
            Some(Mishap::Fails(FailureClass::Unschedulable)) => Some(Mishap::Fails(FailureClass::ImagePull)),
            Some(Mishap::Heals(FailureClass::Unschedulable)) => Some(Mishap::Heals(FailureClass::ImagePull)),
            other => other,
        };
        let at = self.after(self.timing.react);
        let Some(workload) = self.workload(id) else { return };
        let Some(template) = workload.revisions.get(revision).cloned() else { return };
        let Some(pod) = workload.pod(uid) else { return };
        let (traffic, steered, reference) = (shown(pod, self.now), pod.gated(), pod.reference());
        let reached = workload.reaches(revision);
        self.change_pod(id, uid, |pod| {
            if !template.has_images_of(&pod.template) {
                (pod.swapped, pod.fate) = (false, Fate::Restarts { at, mishap });
            }
            // Of the labels only those change that are not the same in both templates.
            if template.hooked != pod.template.hooked {
                pod.hooked = template.hooked;
            }
            pod.reached = reached;
            (pod.held_back, pod.state) = (true, Lifecycle::Updating);
            (pod.revision, pod.template) = (revision.clone(), template);
        });
        let (instance, revision) = (id.clone(), revision.clone());
        self.journal.write(|| Happening::Swapped { instance, pod: reference, revision, traffic, steered });
    }

    /// A pod changed: it gets a new version, and the endpoints follow after a while.
    pub(super) fn turned(&mut self, pod: &mut Pod) {
        pod.version = version(self.bump());
        self.follow(pod);
    }

    /// The endpoints follow after a while.
    pub(super) fn follow(&mut self, pod: &mut Pod) {
        let differs = pod.listed != (pod.serves() && pod.reached);
        if !differs {
            pod.flips_at = None;
        } else if pod.flips_at.is_none() {
            pod.flips_at = Some(self.after(self.timing.endpoints));
        }
    }

    /// Starts a pod.
    #[expect(clippy::too_many_lines, reason = "one arm per mishap")]
    pub(super) fn start_pod(&mut self, id: &InstanceId, revision: &Revision) {
        let (boots_at, fails_at) = (self.after(self.timing.boot), self.after(self.timing.fail));
        let uid = self.fresh_uid("pod");
        let mishap = self.mishap();
        let suffix = self.random.letters(5);
        let (seq, node) = (self.bump(), self.random.below(3));
        let Some(workload) = self.workloads.get_mut(id) else { return };
        let Some(template) = workload.revisions.get(revision).cloned() else { return };
        if !workload.short_hash && revision.as_str().len() > MAX_LABEL {
            let text = format!(
                "metadata.labels: Invalid value: \"{revision}\": must be no more than {MAX_LABEL} bytes"
            );
            workload.trouble = Some(text);
            return;
        }
        let name = workload.reuse.pop().unwrap_or_else(|| {
            PodName::new(format!("{}-{suffix}", id.name)).expect("an instance name and letters make a name")
        });
        match mishap {
            None => {}
            Some(Mishap::Flaps) => self.tally.count(Fault::PodFlaps),
            Some(Mishap::Fails(FailureClass::CrashLoop)) => self.tally.count(Fault::PodCrashes),
            Some(Mishap::Fails(_) | Mishap::NeverReady) => self.tally.count(Fault::PodStuck),
            Some(Mishap::Heals(_)) => self.tally.count(Fault::PodHeals),
        }
        let fate = fate(mishap, boots_at, fails_at);
        let pod = Pod {
            name,
            uid: PodUid::new(uid).expect("a number is not empty"),
            version: version(seq),
            revision: revision.clone(),
            created_at: self.now,
            ip: format!("10.244.{}.{}", seq / 250 % 250, seq % 250 + 1).into(),
            host_ip: format!("192.168.0.{}", node + 10).into(),
            scheduled: !matches!(
                mishap,
                Some(Mishap::Fails(FailureClass::Unschedulable) | Mishap::Heals(FailureClass::Unschedulable))
            ),
            booted: false,
            turned_at: self.now,
            failure: None,
            restarts: 0,
            state: Lifecycle::Normal,
            swapped: true,
            held_back: false,
            hooked: template.hooked,
            specified: false,
            due: None,
            gate: None,
            ends_at: None,
            listed: false,
            reached: workload.reaches(revision),
            out_since: self.now,
            flips_at: None,
            fate,
            template,
        };
        self.journal.write(|| Happening::Created {
            instance: id.clone(),
            pod: pod.reference(),
            revision: revision.clone(),
        });
        workload.pods.push(pod);
    }

    /// What happens to a new pod.
    fn mishap(&mut self) -> Option<Mishap> {
        if self.mishaps.0.is_empty() {
            return None;
        }
        let mut draw = self.random.between(0, 999);
        for (mishap, per_mille) in &self.mishaps.0 {
            match draw.checked_sub(*per_mille) {
                Some(rest) => draw = rest,
                None => return Some(*mishap),
            }
        }
        None
    }

    /// Deletes a pod: it counts for nothing from now on, ends later, and leaves the endpoints.
    pub(super) fn delete_pod(&mut self, id: &InstanceId, uid: &PodUid, cause: Cause) {
        let ends_at = self.after(self.timing.terminate);
        let Some(mut workload) = self.workloads.remove(id) else { return };
        let serving = workload.serving();
        if let Some(pod) = workload.pods.iter_mut().find(|pod| pod.uid == *uid && pod.active()) {
            let traffic = shown(pod, self.now);
            pod.ends_at = Some(ends_at);
            self.turned(pod);
            let (instance, steered, hooked, pod) = (id.clone(), pod.gated(), pod.hooked, pod.reference());
            self.journal.write(|| Happening::Deleted {
                instance,
                pod,
                traffic,
                steered,
                hooked,
                serving,
                cause,
            });
        }
        self.workloads.insert(id.clone(), workload);
        self.wake(id);
    }

    /// Changes a pod in place; whether there was one of that identity.
    pub(in crate::sim) fn change_pod(
        &mut self,
        id: &InstanceId,
        uid: &PodUid,
        change: impl FnOnce(&mut Pod),
    ) -> bool {
        let Some(mut workload) = self.workloads.remove(id) else { return false };
        let pod = workload.pods.iter_mut().find(|pod| pod.uid == *uid && pod.active());
        let found = pod.is_some();
        if let Some(pod) = pod {
            let was_ready = pod.ready();
            change(pod);
            pod.turned_at = if pod.ready() == was_ready && was_ready { pod.turned_at } else { self.now };
            self.turned(pod);
        }
        self.workloads.insert(id.clone(), workload);
        if found {
            self.wake(id);
        }
        found
    }
}

/// What becomes of containers that start.
const fn fate(mishap: Option<Mishap>, boots_at: Timestamp, fails_at: Timestamp) -> Fate {
    match mishap {
        None => Fate::Boots { at: boots_at, flaps: 0 },
        Some(Mishap::Flaps) => Fate::Boots { at: boots_at, flaps: FLAPS },
        Some(Mishap::NeverReady) => Fate::Steady,
        Some(Mishap::Fails(class)) => Fate::Fails { at: fails_at, class, heals: false },
        Some(Mishap::Heals(class)) => Fate::Fails { at: fails_at, class, heals: true },
    }
}
