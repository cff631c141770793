//! What others did to a workload: pods that failed or were taken away, and pods that they asked for. The
//! true world is judged without holding this against the flow.
//!
//! A pod that failed, lost its readiness, was deleted by somebody else, or was removed without triton's hook
//! because somebody else wanted fewer, counts as *lost* until the workload is whole again: as many pods as
//! it asks for, and all of them serving; so does a pod that nobody steers and that was updated in place
//! after somebody else changed the numbers. Pods that somebody else asked for, or told the workload to do
//! without, count as *added* until another flow holds the workload: that one finds them there. Those of them that
//! are to be deleted whatever the numbers say (a flow that could not be read, or is gone, left them in the middle
//! of an exchange, or others named them) are replaced while they drain: they count as added until they are gone.
//! Pods that come of a template or a partition of others count as *exchanged* until the workload is whole again, with as many
//! pods of its template as its partition asks for, and no flow or another one holds it. Until it is whole,
//! pods that others asked for and that do not serve yet count as lost, and so do those that the keeper let go.

use std::collections::BTreeSet;

use triton_core::model::{Facts, FlowId, Observation, PodChange, PodRef, PodUid, Shape};
use triton_core::sim::scenario::{Step, StepKind};
use triton_core::sim::{Cause, Happening};

/// What was lost, and what was added.
#[derive(Default)]
pub(crate) struct Others {
    lost: BTreeSet<PodUid>,
    added: u32,
    /// Pods that were leaving when the holder took the workload, or that others named since, and are there still.
    leaving: BTreeSet<PodUid>,
    /// Pods that others named to be deleted.
    named: BTreeSet<PodUid>,
    /// Pods more that come of templates and partitions of others.
    exchanged: u32,
    /// Pods that others asked for while not all serve.
    unfilled: u32,
    /// Pods that others told the workload to do without, and that are there still.
    unwanted: u32,
    /// Pods that others told the workload to do without while this flow has held it.
    fewer: u32,
    /// Pods that hosts let go.
    let_go: BTreeSet<PodUid>,
    /// Others have changed numbers while this flow has held the workload.
    edited: bool,
    holder: Option<FlowId>,
}

impl Others {
    /// Takes note of a step, before it is judged.
    pub(crate) fn note(
        &mut self,
        step: &Step,
        journal: &[Happening],
        (before, after): (&Observation, &Observation),
        holder: Option<&FlowId>,
    ) {
        let well = after.pods.count(Facts::BOOTED | Facts::IN, Facts::FAILED | Facts::MARKED);
        let wanted = after.shape.as_ref().map_or(0, |shape| shape.replicas);
        if well == wanted && after.pods.len() == wanted {
            self.lost.clear();
            self.unfilled = 0;
            let wanted = after.shape.as_ref().map_or(0, newest);
            let exchanged = after.pods.count(Facts::FRESH, Facts::empty()) >= wanted;
            // A flow keeps what came of a foreign template until its old pods leave.
            let keeps = holder.is_some() && self.holder.as_ref() == holder;
            if after.settled && exchanged && !keeps {
                self.exchanged = 0;
            }
        }
        if self.holder.as_ref() != holder {
            let leaving = after.pods.matching(Facts::DOOMED, Facts::empty());
            self.leaving = leaving.map(|(pod, _, _)| pod.uid.clone()).collect();
            let staying = after.pods.count(Facts::empty(), Facts::DOOMED);
            (self.added, self.holder) = (staying.saturating_sub(wanted), holder.cloned());
            (self.edited, self.fewer) = (false, 0);
        }
        self.leaving.retain(|uid| after.pods.iter().any(|(pod, _, _)| pod.uid == *uid));
        self.lost.extend(journal.iter().filter_map(deleted).cloned());
        journal.iter().for_each(|happening| self.removed(happening));
        let ran = |uid: &PodUid| {
            before.pods.iter().any(|(pod, facts, _)| pod.uid == *uid && facts.contains(Facts::BOOTED))
        };
        let lost = after.pods.iter().filter(|(pod, facts, _)| {
            facts.contains(Facts::FAILED) || !facts.contains(Facts::BOOTED) && ran(&pod.uid)
        });
        self.lost.extend(lost.map(|(pod, _, _)| pod.uid.clone()));
        if let StepKind::Outside(_) = step.what {
            let was = |uid: &PodUid| {
                before.pods.iter().any(|(pod, facts, _)| pod.uid == *uid && facts.contains(Facts::DOOMED))
            };
            let named = after.pods.matching(Facts::DOOMED, Facts::empty()).map(|(pod, _, _)| &pod.uid);
            let named: Vec<PodUid> = named.filter(|uid| !was(uid)).cloned().collect();
            self.leaving.extend(named.iter().cloned());
            self.named.extend(named);
        }
        if let (StepKind::Outside(_), Some(before), Some(after)) = (&step.what, &before.shape, &after.shape) {
            self.edited = true;
            self.unwanted += before.replicas.saturating_sub(after.replicas);
            let fewer = (self.fewer + before.replicas).saturating_sub(after.replicas);
            self.fewer = fewer;
            self.unfilled += after.replicas.saturating_sub(before.replicas);
            self.added += before.replicas.abs_diff(after.replicas);
            self.exchanged += kept(before).abs_diff(kept(after));
        }
    }

    /// Takes note of another template: pods are exchanged for it, and once more when it is set right. So are those that
    /// others asked the workload to do without and that are there still: the flow gives it its size back.
    pub(crate) fn brought_a_template(&mut self, shape: &Shape, pods: u32) {
        self.edited = true;
        self.exchanged += 2 * newest(&Shape { replicas: shape.replicas.max(pods), ..shape.clone() });
    }

    /// A pod that did not ask before it was touched and that no host let go was removed because somebody else
    /// named it, or wanted fewer.
    fn removed(&mut self, happening: &Happening) {
        match happening {
            // Without a flow pods leave because others brought a template or numbers.
            Happening::Pods { change: PodChange::Unhook(pods), flow: None, .. } => {
                self.lost.extend(pods.iter().map(|pod| pod.uid.clone()));
            }
            Happening::Pods { change: PodChange::Unhook(pods), .. } => {
                self.let_go.extend(pods.iter().map(|pod| pod.uid.clone()));
            }
            Happening::Deleted { pod, hooked: false, cause: Cause::Controller, .. }
                if (self.unwanted + self.exchanged > 0 || self.named.contains(&pod.uid))
                    && !self.let_go.contains(&pod.uid) =>
            {
                self.unwanted = self.unwanted.saturating_sub(1);
                self.lost.insert(pod.uid.clone());
            }
            // Pods that nobody steers are updated in place as soon as the numbers say so.
            Happening::Swapped { pod, steered: false, .. } if self.edited || self.exchanged > 0 => {
                self.lost.insert(pod.uid.clone());
            }
            _ => {}
        }
    }

    /// Pods that are not there, or do not serve, through no fault of the flow.
    pub(crate) fn lost(&self) -> u32 {
        count(&self.lost).saturating_add(self.unfilled)
    }

    /// Pods fewer than when the flow took the workload, because others asked for fewer.
    pub(crate) const fn fewer(&self) -> u32 {
        self.fewer
    }

    /// Pods that others asked for, or that leave because others did not want them.
    pub(crate) fn added(&self) -> u32 {
        count(&self.leaving) + self.added + self.exchanged
    }
}

fn count(pods: &BTreeSet<PodUid>) -> u32 {
    u32::try_from(pods.len()).expect("a count of pods fits")
}

/// Pods that are to be of the newest revision.
fn newest(shape: &Shape) -> u32 {
    shape.replicas.saturating_sub(shape.partition.unwrap_or(0))
}

/// Pods that are kept at old revisions: others are started beside those that are not any more.
fn kept(shape: &Shape) -> u32 {
    shape.replicas - newest(shape)
}

/// The pod that somebody else deleted.
pub(crate) const fn deleted(happening: &Happening) -> Option<&PodUid> {
    match happening {
        Happening::Deleted { pod, cause: Cause::Outside, .. } => Some(&pod.uid),
        _ => None,
    }
}

/// Whether pods went out of traffic because they failed, and no others did.
pub(crate) fn failed(before: &Observation, after: &Observation) -> bool {
    let now = |pod: &PodRef| {
        let found = after.pods.iter().find(|(other, _, _)| other.uid == pod.uid);
        found.map_or(Facts::empty(), |(_, facts, _)| facts)
    };
    let was_in = before.pods.matching(Facts::IN, Facts::empty());
    let mut out = was_in.map(|(pod, _, _)| now(pod)).filter(|facts| !facts.contains(Facts::IN)).peekable();
    out.peek().is_some() && out.all(|facts| facts.contains(Facts::FAILED))
}

#[cfg(test)]
mod tests {
    use triton_core::model::{Pods, Timestamp};

    use super::*;

    const SERVES: Facts = Facts::BOOTED.union(Facts::IN);

    #[test]
    fn a_pod_that_fails_is_lost_until_the_workload_is_whole_again() {
        let mut others = Others::default();
        let (whole, hurt) = (world(2, &[SERVES, SERVES]), world(2, &[SERVES, Facts::FAILED]));
        others.note(&step(StepKind::World), &[], (&whole, &hurt), None);
        others.note(&step(StepKind::World), &[], (&hurt, &world(2, &[SERVES])), None);
        assert_eq!(others.lost(), 1);
        others.note(&step(StepKind::World), &[], (&hurt, &whole), None);
        assert_eq!(others.lost(), 0);
    }

    #[test]
    fn pods_that_others_asked_for_are_those_of_the_next_flow() {
        let mut others = Others::default();
        let (few, more) = (world(2, &[SERVES; 2]), world(5, &[SERVES; 2]));
        others.note(&step(StepKind::World), &[], (&few, &more), None);
        assert_eq!(others.added(), 0, "a flow asked for them");
        others.note(&step(StepKind::Outside(String::new())), &[], (&few, &more), None);
        assert_eq!(others.added(), 3);
        let next = FlowId { namespace: "a".parse().expect("a name"), name: "b".parse().expect("a name") };
        others.note(&step(StepKind::World), &[], (&more, &more), Some(&next));
        assert_eq!(others.added(), 0);
    }

    #[test]
    fn a_template_is_brought_to_all_pods_that_are_there() {
        let mut others = Others::default();
        let shape = |replicas| world(replicas, &[]).shape.expect("a shape");
        others.brought_a_template(&shape(2), 1);
        assert_eq!(others.added(), 4);
        others.brought_a_template(&shape(0), 3);
        assert_eq!(others.added(), 10, "they have not left, and stay when the size is given back");
    }

    #[test]
    fn pods_that_were_leaving_when_a_flow_took_the_workload_count_until_they_are_gone() {
        let next = FlowId { namespace: "a".parse().expect("a name"), name: "b".parse().expect("a name") };
        let (leaves, new) = (SERVES | Facts::DOOMED, Facts::empty());
        let (left, replaced) = (world(2, &[SERVES, leaves]), world(2, &[SERVES, leaves, new]));
        let mut others = Others::default();
        let mut added = |before: &Observation, after: &Observation| {
            others.note(&step(StepKind::World), &[], (before, after), Some(&next));
            others.added()
        };
        assert_eq!(added(&left, &left), 1, "another pod is started in its place");
        assert_eq!(added(&left, &replaced), 1);
        assert_eq!(added(&replaced, &world(2, &[SERVES])), 0);
        assert_eq!(added(&left, &replaced), 0, "the flow itself chose it");
    }

    fn step(what: StepKind) -> Step {
        Step { number: 1, at: Timestamp::default(), what, healed: false }
    }

    fn world(replicas: u32, facts: &[Facts]) -> Observation {
        let mut pods = Pods::default();
        for (at, facts) in facts.iter().enumerate() {
            let text = format!("{at}");
            let name = format!("pod-{at}").parse().expect("a name");
            let uid = PodUid::new(text.clone()).expect("not empty");
            let version = triton_core::model::Version::new(text).expect("not empty");
            pods.push(PodRef { name, uid, version }, *facts, std::time::Duration::ZERO);
        }
        let shape =
            Shape { template: None, replicas, partition: None, doomed: None, surge: 1, unavailable: 0 };
        Observation { shape: Some(shape), pods, ..Observation::absent() }
    }
}
