//! From a CloneSet and its pods to what the core sees. Pure.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use triton_core::model::{
    Brings, Edits, EndedPod, Field, FieldEdit, Flow, Lasts, Lock, Obstacle, PodName, PodUid, Revision,
    RevisionLabel, Seconds, Shape, TemplateRef, Timestamp, Trouble, Version, WorkloadPod, WorkloadUid,
    WorkloadView, Wrote,
};

use super::entry::CloneSetEntry;
use super::{fields, patch};
use crate::world::pods::PodEntry;

/// What the core sees of a workload. `flow` is the one that is looking, if any; `certain` is false while
/// it cannot be told whether the cache has seen our own last write.
///
/// `None` when the API server handed out an object without identity or version, which it never does.
#[must_use]
pub fn view(
    cloneset: &CloneSetEntry,
    pods: &[Arc<PodEntry>],
    flow: Option<&Flow>,
    lock: Lock,
    certain: bool,
) -> Option<WorkloadView> {
    let observed = cloneset.is_observed();
    let revision = revision(cloneset);
    let active = in_order(pods, |pod| pod.is_active());
    let terminating = pods.iter().filter(|pod| pod.terminating);
    let ended = in_order(pods, |pod| pod.ended && !pod.terminating).into_iter().filter_map(|pod| {
        Some(EndedPod { pod: seen(cloneset, pod, flow)?, made: Timestamp::from_micros(pod.created) })
    });
    let shape = shape(cloneset, flow, doomed(cloneset, &active))?;
    let mine = lock == Lock::Mine;
    Some(WorkloadView {
        uid: WorkloadUid::new(&cloneset.uid).ok()?,
        version: Version::new(&cloneset.version).ok()?,
        settled: observed && certain,
        edits: if mine { edits(cloneset, &shape) } else { Edits::default() },
        lock,
        last: cloneset.last.clone(),
        settings: flow.filter(|flow| flow.progress.is_before_batches()).and_then(|_| settings(cloneset)),
        left: None,
        paused: cloneset.paused(),
        shape,
        revision,
        stable: cloneset.current_revision.as_deref().and_then(|told| named(cloneset, told)),
        label: active.last().map_or(RevisionLabel::Unknown, |pod| label(&cloneset.key.name, pod)),
        obstacle: obstacle(cloneset, flow),
        trouble: cloneset
            .trouble
            .clone()
            .or_else(|| Some(Trouble { at: None, what: fields::limited(cloneset)? })),
        note: note(cloneset, mine),
        in_place: cloneset.in_place,
        available: Some(cloneset.available),
        unhooked: cloneset.unhooked(),
        remembered: cloneset.remembered,
        carried: cloneset.carried.clone(),
        differs: flow.map_or_else(Vec::new, |flow| cloneset.fixed.differs(flow)),
        good: cloneset.good.iter().filter_map(|name| Revision::new(name).ok()).collect(),
        pods: active.into_iter().filter_map(|pod| seen(cloneset, pod, flow)).collect(),
        terminating: terminating.filter_map(|pod| seen(cloneset, pod, flow)).collect(),
        ended: ended.collect(),
        min_ready: Seconds(cloneset.min_ready),
    })
}

/// The pods of this sort, in the order in which they were made.
fn in_order(pods: &[Arc<PodEntry>], sort: impl Fn(&PodEntry) -> bool) -> Vec<&Arc<PodEntry>> {
    let mut found: Vec<_> = pods.iter().filter(|pod| sort(pod)).collect();
    found.sort_by(|a, b| (a.created, &a.key.name).cmp(&(b.created, &b.key.name)));
    found
}

fn settings(cloneset: &CloneSetEntry) -> Option<String> {
    serde_json::to_string(&patch::given_back(cloneset)).ok()
}

/// The numbers of a CloneSet, through the eyes of the flow that looks, if any.
pub(super) fn shape(
    cloneset: &CloneSetEntry,
    flow: Option<&Flow>,
    doomed: BTreeSet<PodName>,
) -> Option<Shape> {
    let mine = flow.is_some_and(|flow| is_template_of(cloneset, flow));
    let template = match (mine, revision(cloneset)) {
        (true, _) => TemplateRef::Flow,
        (false, Some(revision)) => TemplateRef::Revision(revision),
        (false, None) => TemplateRef::Revision(Revision::new("unknown").ok()?),
    };
    Some(Shape {
        template: Some(template),
        replicas: cloneset.replicas,
        partition: Some(cloneset.partition),
        doomed: Some(doomed),
        surge: cloneset.surge(),
        unavailable: cloneset.unavailable(),
    })
}

/// The full name of the revision that new pods get, once the controller has seen the latest spec.
#[must_use]
pub fn revision(cloneset: &CloneSetEntry) -> Option<Revision> {
    told_revision(cloneset).filter(|_| cloneset.is_observed())
}

/// The full name of the revision that the controller told last, whatever it has seen since.
#[must_use]
pub fn told_revision(cloneset: &CloneSetEntry) -> Option<Revision> {
    named(cloneset, cloneset.update_revision.as_deref()?)
}

/// The full name of the revision of a pod; `None` where it has none.
#[must_use]
pub fn revision_of(cloneset: &CloneSetEntry, pod: &PodEntry) -> Option<Revision> {
    pod.labels.get(crate::labels::REVISION).and_then(|label| named(cloneset, label))
}

fn named(cloneset: &CloneSetEntry, revision: &str) -> Option<Revision> {
    Revision::new(full_name(&cloneset.key.name, revision)).ok()
}

/// Whether a CloneSet has the template that this flow brought: its revision tells, and before that is known the note of
/// whose it is.
#[must_use]
pub fn is_template_of(cloneset: &CloneSetEntry, flow: &Flow) -> bool {
    let base = flow.progress.base().filter(|base| base.brings == Brings::Flow);
    let brought = base.and_then(|base| base.brought.as_ref());
    match (brought, revision(cloneset)) {
        (Some(brought), Some(now)) => *brought == now,
        (_, _) => cloneset.template_of.as_deref() == Some(flow.uid.as_str()),
    }
}

/// What others changed since the flow that holds the lock wrote last.
fn edits(cloneset: &CloneSetEntry, shape: &Shape) -> Edits {
    let Some(wrote) = cloneset.lock.as_ref().and_then(|note| note.wrote.as_ref()) else {
        return Edits::default();
    };
    let by = |field: Field| cloneset.editors.iter().find(|(of, _)| *of == field).map(|(_, by)| by.clone());
    Edits {
        fields: edited(cloneset, wrote, shape)
            .into_iter()
            .map(|field| FieldEdit { field, by: by(field) })
            .collect(),
        generation: cloneset.generation(),
        clean: wrote.clean,
        at: wrote.at,
    }
}

/// Which fields others changed since this was written.
pub(super) fn edited(cloneset: &CloneSetEntry, wrote: &Wrote, shape: &Shape) -> Vec<Field> {
    wrote.edits(shape, revision(cloneset).as_ref(), cloneset.policy(), cloneset.paused())
}

/// What a person should know of the CloneSet, whatever the flow waits for; `mine`: the flow that looks holds it.
fn note(cloneset: &CloneSetEntry, mine: bool) -> Option<String> {
    if mine && cloneset.terminating {
        return Some("the CloneSet is being deleted: OpenKruise changes nothing of it any more".into());
    }
    cloneset.lock.as_ref().filter(|_| mine).and_then(|note| note.sized_by.as_deref()).map(resizes)
}

fn resizes(who: &str) -> String {
    format!(
        "{who} sets the size of this workload, too: spec.application.replicas changes it in spite of that; an update \
         without it keeps the size that there is"
    )
}

fn label(workload: &str, pod: &PodEntry) -> RevisionLabel {
    match pod.labels.get(crate::labels::REVISION) {
        None => RevisionLabel::Unknown,
        Some(label) if full_name(workload, label) == *label => RevisionLabel::Name,
        Some(_) => RevisionLabel::Hash,
    }
}

fn obstacle(cloneset: &CloneSetEntry, flow: Option<&Flow>) -> Option<Obstacle> {
    if cloneset.terminating {
        return Some(Obstacle::Deleted);
    }
    let owned = cloneset.owner.clone().map(|owner| Obstacle::Owned { owner });
    // Afterwards nobody asks.
    let begins = flow.filter(|flow| flow.progress.is_before_batches());
    let refused = || begins.and_then(|flow| fields::refused(cloneset, flow));
    owned.or_else(|| refused().map(|what| Obstacle::Unsupported { what }))
}

/// Names of `podsToDelete` that are those of pods that are there; OpenKruise takes the others away.
fn doomed(cloneset: &CloneSetEntry, active: &[&Arc<PodEntry>]) -> BTreeSet<PodName> {
    let there = |name: &&String| active.iter().any(|pod| *pod.key.name == ***name);
    cloneset.pods_to_delete.iter().filter(there).filter_map(|name| PodName::new(name).ok()).collect()
}

fn seen(cloneset: &CloneSetEntry, pod: &PodEntry, flow: Option<&Flow>) -> Option<WorkloadPod> {
    Some(WorkloadPod {
        name: PodName::new(&pod.key.name).ok()?,
        uid: PodUid::new(&pod.uid).ok()?,
        version: Version::new(&pod.version).ok()?,
        revision: revision_of(cloneset, pod),
        // Until its controller says that it was swapped, the old container may be the one that runs.
        booted: pod.booted && !pod.updating(),
        marked: pod.marked(),
        swaps: pod.swaps(),
        in_grace: pod.in_grace && pod.updating(),
        hooked: pod.hooked(),
        listed: flow.is_some_and(|flow| pod.listed_by(flow.uid.as_str())),
        specified: pod.specified(),
        gated: pod.gated,
        ready: pod.ready,
        failure: pod.failure.clone(),
        starts: pod.starts.clone(),
        steps: pod.steps,
        lasts: Lasts::default(),
        phase: pod.phase,
        ip: pod.ip.clone(),
        port: pod.port(&cloneset.containers),
    })
}

/// The pods of a CloneSet by their metadata alone: identity and version of the active ones, and identity of those that
/// are being deleted. Which have ended the metadata does not tell: they are given.
pub(super) fn owned<'a>(
    pods: impl Iterator<Item = &'a ObjectMeta>,
    owner: &str,
    ended: &HashSet<&str>,
) -> (Vec<(PodUid, Version)>, Vec<PodUid>) {
    let owned = |pod: &&ObjectMeta| {
        let mut owners = pod.owner_references.iter().flatten();
        owners.any(|reference| reference.controller == Some(true) && reference.uid == owner)
    };
    let (leave, stay): (Vec<_>, Vec<_>) =
        pods.filter(owned).partition(|pod| pod.deletion_timestamp.is_some());
    let active = stay.into_iter().filter_map(|pod| {
        let uid = pod.uid.as_deref().filter(|uid| !ended.contains(uid))?;
        Some((PodUid::new(uid).ok()?, Version::new(pod.resource_version.as_deref()?).ok()?))
    });
    (active.collect(), leave.into_iter().filter_map(|pod| PodUid::new(pod.uid.as_deref()?).ok()).collect())
}

/// The full name of a revision. The label of a pod holds it, or its hash alone (OpenKruise feature gate
/// `CloneSetShortHash`).
fn full_name(workload: &str, revision: &str) -> String {
    let prefixed = revision.strip_prefix(workload).is_some_and(|hash| hash.starts_with('-'));
    if revision.is_empty() || prefixed { revision.into() } else { format!("{workload}-{revision}") }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
    use kube::api::DynamicObject;
    use serde_json::json;

    use super::super::api_version::ApiVersion;
    use super::super::fixtures::object;
    use super::*;

    #[test]
    fn pods_are_told_apart_by_whether_they_belong_to_the_cloneset_leave_or_have_ended() {
        let pod = |uid: &str, owner: &str| ObjectMeta {
            uid: Some(uid.into()),
            resource_version: Some("7".into()),
            owner_references: Some(vec![OwnerReference {
                uid: owner.into(),
                controller: Some(true),
                ..OwnerReference::default()
            }]),
            ..ObjectMeta::default()
        };
        let at = serde_json::from_value(json!("2026-01-01T00:00:00Z")).expect("a time");
        let leaves = ObjectMeta { deletion_timestamp: Some(at), ..pod("b", "web") };
        let orphan = ObjectMeta { owner_references: None, ..pod("c", "web") };
        let pods = [pod("a", "web"), leaves, orphan, pod("d", "other"), pod("e", "web")];
        let (active, terminating) = owned(pods.iter(), "web", &["e"].into());
        let named: Vec<_> = active.iter().map(|(uid, version)| (uid.as_str(), version.as_str())).collect();
        assert_eq!(named, [("a", "7")]);
        assert_eq!(terminating.iter().map(PodUid::as_str).collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn a_pod_that_has_ended_is_none_of_the_pods_and_is_told_until_it_is_deleted() {
        let cloneset = object(ApiVersion::V1Alpha1, &json!({}));
        let cloneset =
            CloneSetEntry::of(&serde_json::from_value::<DynamicObject>(cloneset).expect("an object"));
        let cloneset = cloneset.expect("it is read");
        let deleted = json!("2026-01-01T00:00:00Z");
        // The phase, whether it is being deleted; whether it is one of the pods, of those that leave, of those that ended.
        let rows = [
            ("Running", false, [true, false, false]),
            ("Running", true, [false, true, false]),
            ("Failed", false, [false, false, true]),
            ("Succeeded", false, [false, false, true]),
            ("Failed", true, [false, true, false]),
        ];
        for (phase, leaves, wanted) in rows {
            let mut pod = json!({
                "metadata": { "name": "demo-a", "namespace": "default", "uid": "a", "resourceVersion": "1",
                    "creationTimestamp": "2026-01-01T00:00:00Z", "ownerReferences": [{ "controller": true,
                    "kind": "CloneSet", "apiVersion": "apps.kruise.io/v1alpha1", "name": "demo", "uid": "cs-uid" }] },
                "status": { "phase": phase, "reason": "Evicted", "message": "because" },
            });
            if leaves {
                pod["metadata"]["deletionTimestamp"] = deleted.clone();
            }
            let pod =
                PodEntry::of(&serde_json::from_value(pod).expect("a pod")).expect("it is of a CloneSet");
            let seen = view(&cloneset, &[Arc::new(pod)], None, Lock::Free, true).expect("a view");
            let found = [!seen.pods.is_empty(), !seen.terminating.is_empty(), !seen.ended.is_empty()];
            assert_eq!(found, wanted, "{phase} {leaves}");
            for ended in &seen.ended {
                let words = ended.pod.failure.as_ref().map(|failure| failure.message.as_str());
                assert_eq!(
                    (words, ended.made.to_string().as_str()),
                    (Some("Evicted: because"), "2026-01-01T00:00:00Z")
                );
            }
        }
    }

    #[test]
    fn a_revision_is_known_by_its_full_name_and_by_its_hash_alone() {
        for label in ["web-6f7d9", "6f7d9"] {
            assert_eq!(full_name("web", label), "web-6f7d9");
        }
        assert_eq!(full_name("web", "web6f7d9"), "web-web6f7d9", "a hash that begins like the workload");
        assert_eq!(full_name("web", ""), "");
    }
}
