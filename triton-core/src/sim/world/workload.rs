//! One workload: what a CloneSet object holds, and its pods.

use core::fmt;
use std::collections::BTreeMap;
use std::string::String;
use std::sync::Arc;
use std::vec::Vec;

use super::super::cloneset::UpdatePolicy;
use super::pod::Pod;
use super::template::PodTemplate;
use crate::model::{
    CarriedOut, Flow, Holder, InstanceId, LastHolder, PodName, PodUid, Revision, Seconds, Timestamp, Wrote,
};

/// The lock of a workload and what its holder found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Who holds it.
    pub holder: Holder,
    /// `maxSurge` before.
    pub surge: u32,
    /// `maxUnavailable` before.
    pub unavailable: u32,
    /// `paused` before.
    pub paused: bool,
    /// What its holder wrote last.
    pub wrote: Wrote,
    /// The size that the workload is to have, where pods are exchanged.
    pub size: Option<u32>,
    /// The holder brings a template: its new pods may be ones that nobody has agreed to.
    pub brings: bool,
    /// The flow that held it before was in the middle of its batches, and brought a template.
    pub left: bool,
    /// Somebody made it unreadable.
    pub spoilt: bool,
}

impl Held {
    /// Whether what was left before it stays left when its holder, which has ended, gives it back.
    pub(in crate::sim) fn stays(&self, flow: &Flow) -> bool {
        self.left && !flow.replaced_what_was_left()
    }
}

/// A workload and its pods.
#[derive(Clone, PartialEq, Eq)]
pub struct Workload {
    /// Where it lives.
    pub id: InstanceId,
    /// Identity.
    pub uid: String,
    /// Changes with every change of the object, its status aside.
    pub version: u64,
    /// Labels; those that triton does not own must survive every action.
    pub labels: BTreeMap<String, String>,
    /// Annotations; likewise.
    pub annotations: BTreeMap<String, String>,
    /// Another controller that it belongs to.
    pub owner: Option<String>,
    /// It is being deleted.
    pub deleting: bool,
    /// `spec.updateStrategy.type`.
    pub policy: UpdatePolicy,
    /// Who acts on it.
    pub lock: Option<Held>,
    /// Who took the lock last.
    pub last: Option<LastHolder>,
    /// `spec.replicas`.
    pub replicas: u32,
    /// `spec.updateStrategy.partition`.
    pub partition: u32,
    /// `spec.updateStrategy.maxSurge`.
    pub surge: u32,
    /// `spec.updateStrategy.maxUnavailable`.
    pub unavailable: u32,
    /// `spec.minReadySeconds`.
    pub min_ready: Seconds,
    /// `spec.updateStrategy.paused`.
    pub paused: bool,
    /// `spec.scaleStrategy.podsToDelete`.
    pub pods_to_delete: Vec<PodName>,
    /// `spec.lifecycle.preDelete` asks for triton's hook label.
    pub hook: bool,
    /// `spec.lifecycle.inPlaceUpdate` asks for it, too.
    pub in_place_hook: bool,
    /// Pods in `PreparingDelete` do not count when it scales.
    pub exclude_preparing_delete: bool,
    /// The size that a flow remembered when it stopped it.
    pub remembered: Option<u32>,
    /// Revisions that flows brought successfully, newest first.
    pub good: Vec<Revision>,
    /// Orders that flows carried out on it.
    pub carried: CarriedOut,
    /// `spec.template`.
    pub template: Arc<PodTemplate>,
    /// Every template it ever had, by revision.
    pub revisions: BTreeMap<Revision, Arc<PodTemplate>>,
    /// `metadata.generation`.
    pub generation: u64,
    /// `status.observedGeneration`.
    pub observed: u64,
    /// `status.updateRevision`.
    pub update_revision: Option<Revision>,
    /// `status.currentRevision`.
    pub current_revision: Option<Revision>,
    /// Its pods in the order they were made, those that are being deleted included.
    pub pods: Vec<Pod>,
    /// When its controller looks at it next.
    pub(in crate::sim) sync_at: Option<Timestamp>,
    /// When a pod has been ready for long enough, and its controller looks again.
    pub(in crate::sim) ages_at: Option<Timestamp>,
    /// Until when its controller is dead.
    pub(in crate::sim) stalled_until: Option<Timestamp>,
    /// Its pods are labelled with the hash of their revision alone (OpenKruise: `CloneSetShortHash`).
    pub short_hash: bool,
    /// What its controller said when it failed to make pods (OpenKruise: condition `FailedScale`, which stays).
    pub trouble: Option<String>,
    /// The revision whose pods alone its Services can send to, by their selectors and ports; `None`: to all pods.
    pub only: Option<Revision>,
    /// Names that the next pods get (Kubernetes: a pod that reuses its volume claim keeps its name).
    pub(in crate::sim) reuse: Vec<PodName>,
}

impl Workload {
    /// A workload without pods, as one whose spec says nothing.
    pub(in crate::sim) fn empty(id: InstanceId, uid: String, template: Arc<PodTemplate>) -> Self {
        Self {
            uid,
            version: 0,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            owner: None,
            deleting: false,
            policy: UpdatePolicy::ReCreate,
            lock: None,
            last: None,
            replicas: 1,
            partition: 0,
            surge: 0,
            unavailable: default_unavailable(1),
            min_ready: Seconds(0),
            paused: false,
            pods_to_delete: Vec::new(),
            hook: false,
            in_place_hook: false,
            exclude_preparing_delete: false,
            remembered: None,
            good: Vec::new(),
            carried: CarriedOut::default(),
            revisions: [(template.revision(&id.name), Arc::clone(&template))].into(),
            template,
            generation: 1,
            observed: 0,
            update_revision: None,
            current_revision: None,
            pods: Vec::new(),
            sync_at: None,
            ages_at: None,
            stalled_until: None,
            only: None,
            reuse: Vec::new(),
            short_hash: false,
            trouble: None,
            id,
        }
    }

    /// Pods that count.
    pub fn active(&self) -> impl Iterator<Item = &Pod> {
        self.pods.iter().filter(|pod| pod.active())
    }

    /// How many pods count.
    #[must_use]
    pub fn active_count(&self) -> u32 {
        count(self.active())
    }

    /// How many pods take traffic and are meant to.
    #[must_use]
    pub fn serving(&self) -> u32 {
        count(self.pods.iter().filter(|pod| pod.listed && pod.serves()))
    }

    /// Whether its Services can send to pods of this revision.
    #[must_use]
    pub fn reaches(&self, revision: &Revision) -> bool {
        self.only.as_ref().is_none_or(|only| only == revision)
    }

    /// The pod with this identity, being deleted or not.
    #[must_use]
    pub fn pod(&self, uid: &PodUid) -> Option<&Pod> {
        self.pods.iter().find(|pod| pod.uid == *uid)
    }

    /// Whether its controller has seen its latest spec.
    #[must_use]
    pub const fn observed_latest(&self) -> bool {
        self.observed >= self.generation
    }

    /// The revision of its template.
    #[must_use]
    pub fn template_revision(&self) -> Revision {
        self.template.revision(&self.id.name)
    }

    pub(super) fn next_event(&self) -> Option<Timestamp> {
        let due = [self.sync_at, self.ages_at].into_iter().flatten().min();
        let sync = match (due, self.stalled_until) {
            (Some(at), Some(until)) => Some(at.max(until)),
            (sync, _) => sync,
        };
        self.pods.iter().filter_map(Pod::next_event).chain(sync).min()
    }
}

impl fmt::Debug for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, replicas, partition, surge, unavailable, paused, generation, observed, .. } = self;
        writeln!(
            f,
            "{id}: replicas {replicas} partition {partition} surge {surge} unavailable {unavailable} \
             paused {paused} generation {generation}/{observed} template {} update {:?} lock {:?}",
            self.template_revision(),
            self.update_revision,
            self.lock.as_ref().map(|held| &held.holder.id),
        )?;
        for pod in &self.pods {
            let flag = |on: bool, name: &'static str| if on { name } else { "" };
            writeln!(
                f,
                "  {} {} {:?} {:?} gate {:?}{}{}{}{}{} {}",
                pod.name,
                pod.revision,
                pod.phase(),
                pod.state,
                pod.gate,
                flag(pod.listed, " listed"),
                flag(pod.held_back, " held back"),
                flag(pod.hooked, " hooked"),
                flag(pod.specified, " specified"),
                flag(!pod.active(), " terminating"),
                pod.failure.as_ref().map_or("", |failure| &failure.message),
            )?;
        }
        Ok(())
    }
}

/// `maxUnavailable` of a CloneSet that says nothing: 20 %, rounded up, and never nothing.
pub(in crate::sim) const fn default_unavailable(replicas: u32) -> u32 {
    let unavailable = replicas.div_ceil(5);
    if unavailable == 0 { 1 } else { unavailable }
}

fn count<'a>(pods: impl Iterator<Item = &'a Pod>) -> u32 {
    u32::try_from(pods.count()).unwrap_or(u32::MAX)
}
