//! What the ports would say of a state, and what a write does to it.

use std::sync::LazyLock;
use std::time::Duration;

use triton_core::engine::{Effect, look};
use triton_core::model::{
    Edits, FailureClass, Flow, Heals, Lasts, Lock, Observation, PodChange, PodFailure, PodName, PodPhase,
    PodRef, PodTraffic, PodUid, Position, Revision, RevisionLabel, Seconds, Shape, Steps, TemplateRef,
    Traffic, TrafficChange, TrafficView, Version, WorkloadChange, WorkloadPod, WorkloadUid, WorkloadView,
};

use triton_core::sim::cloneset::Lifecycle;

use super::state::{Pod, Rev, Set, State, UNAVAILABLE};

static NAMES: LazyLock<Vec<PodRef>> = LazyLock::new(|| {
    let at = |at| PodRef {
        name: PodName::new(format!("p{at}")).expect("a name"),
        uid: PodUid::new(format!("{at}")).expect("not empty"),
        version: VERSION.clone(),
    };
    (0..32).map(at).collect()
});
static WORKLOAD: LazyLock<WorkloadUid> = LazyLock::new(|| WorkloadUid::new("w").expect("not empty"));
static VERSION: LazyLock<Version> = LazyLock::new(|| Version::new("v").expect("not empty"));
static REVISIONS: LazyLock<[Revision; 2]> =
    LazyLock::new(|| ["old", "new"].map(|name| Revision::new(name).expect("not empty")));

fn revision(rev: Rev) -> Revision {
    let [old, new] = &*REVISIONS;
    if rev == Rev::Old { old.clone() } else { new.clone() }
}

/// One look at the state through the real `look`. `mine`: through the eyes of the flow, which holds the
/// lock where the workload is locked; the keeper sees another's lock.
pub(crate) fn see(state: &State, flow: Option<&Flow>) -> Observation {
    let Some(set) = state.set else { return Observation::absent() };
    let mut traffic = TrafficView::default();
    let mut pods = Vec::with_capacity(state.pods.len());
    for (at, pod) in state.pods.iter().enumerate().filter(|(_, pod)| !pod.gone) {
        pods.push(workload_pod(at, *pod));
        traffic.pods.insert(NAMES[at].uid.clone(), shown(*pod));
    }
    let doomed = state.pods.iter().enumerate().filter(|(_, pod)| pod.doomed && !pod.gone);
    let doomed = doomed.map(|(at, _)| NAMES[at].name.clone()).collect();
    let view = WorkloadView {
        uid: WORKLOAD.clone(),
        version: VERSION.clone(),
        settled: set.observed,
        lock: if set.locked { Lock::Mine } else { Lock::Free },
        last: None,
        settings: None,
        left: None,
        paused: set.paused,
        shape: Shape {
            template: Some(if set.template == Rev::New {
                TemplateRef::Flow
            } else {
                TemplateRef::Revision(revision(Rev::Old))
            }),
            replicas: set.replicas,
            partition: Some(set.partition),
            doomed: Some(doomed),
            surge: set.surge,
            unavailable: set.unavailable,
        },
        revision: set.told.map(revision),
        stable: Some(revision(set.current)),
        label: RevisionLabel::Unknown,
        obstacle: None,
        trouble: None,
        note: None,
        in_place: set.in_place,
        available: None,
        unhooked: false,
        remembered: set.remembered,
        good: Vec::new(),
        carried: triton_core::model::CarriedOut::default(),
        differs: Vec::new(),
        edits: Edits { at: set.at, ..Edits::default() },
        pods,
        // Nothing is known of them but that they are there.
        terminating: (0..state.terminating).map(|_| workload_pod(31, ENDING)).collect(),
        ended: Vec::new(),
        min_ready: Seconds(0),
    };
    look(flow, Some(&view), &traffic)
}

fn workload_pod(at: usize, pod: Pod) -> WorkloadPod {
    let PodRef { name, uid, version } = NAMES[at].clone();
    let failure =
        || PodFailure { class: FailureClass::CrashLoop, heals: Heals::Never, message: String::new() };
    WorkloadPod {
        name,
        uid,
        version,
        revision: Some(revision(pod.rev)),
        booted: pod.booted && pod.state != Lifecycle::Updating,
        marked: pod.marked(),
        swaps: pod.state == Lifecycle::PreparingUpdate,
        in_grace: false,
        hooked: pod.hooked,
        listed: pod.due,
        specified: pod.specified,
        gated: pod.gated,
        ready: pod.ready(),
        failure: pod.failed.then(failure),
        starts: None,
        steps: Steps::default(),
        lasts: Lasts::default(),
        phase: PodPhase::Pending,
        ip: None,
        port: 0,
    }
}

fn shown(pod: Pod) -> PodTraffic {
    PodTraffic {
        asked: pod.gated.then_some(pod.asked),
        shown: match (pod.listed, pod.ready()) {
            (true, true) => Traffic::In,
            (false, false) => Traffic::Out { lasts: Duration::from_secs(pod.out_for.into()) },
            (true, false) | (false, true) => Traffic::Moving,
        },
    }
}

/// A pod that is being deleted, of which the registry says nothing.
const ENDING: Pod = Pod {
    rev: Rev::Old,
    booted: false,
    failed: false,
    state: Lifecycle::Normal,
    swapped: true,
    hooked: false,
    gated: true,
    asked: false,
    listed: false,
    specified: false,
    doomed: false,
    due: false,
    out_for: 0,
    gone: false,
    untouched: true,
    told: None,
};

/// How much of a write to several pods gets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Reach {
    All,
    First,
}

/// Does to `state` what was decided on `seen`, as far as the guards allow.
pub(crate) fn execute(state: &mut State, seen: &State, effect: &Effect, reach: Reach) {
    match effect {
        Effect::Pods(PodChange::Hook(pods)) => {
            each(state, seen, pods, (false, reach), |pod| pod.hooked = true)
        }
        Effect::Pods(PodChange::Unhook(pods)) => {
            each(state, seen, pods, (true, reach), |pod| pod.hooked = false)
        }
        Effect::Traffic(TrafficChange::PullIn(pods)) => {
            each(state, seen, pods, (true, reach), |pod| pod.asked = true)
        }
        Effect::Traffic(TrafficChange::PullOut(pods)) => {
            each(state, seen, pods, (true, reach), |pod| pod.asked = false)
        }
        Effect::Pods(PodChange::MarkForReplacement(pods)) => {
            each(state, seen, pods, (false, reach), |pod| pod.due = true)
        }
        Effect::Pods(PodChange::ClearSpecifiedDelete(pods)) => {
            each(state, seen, pods, (false, reach), |pod| pod.specified = false)
        }
        Effect::Supersede(_) => {}
        Effect::Workload(WorkloadChange::Remove) => {
            if unobserved(state.set) == unobserved(seen.set) && state.pods.is_empty() {
                state.set = None;
            }
        }
        // Guarded by the version of the workload, which its status does not change here: the harder case.
        Effect::Workload(change) => {
            if unobserved(state.set) == unobserved(seen.set) {
                state.set = Some(changed(state.set, change, seen.progress.position()));
                if let WorkloadChange::Reshape(Shape { doomed: Some(doomed), .. }) = change {
                    for (at, pod) in state.pods.iter_mut().enumerate() {
                        pod.doomed = doomed.contains(&NAMES[at].name);
                    }
                }
            }
        }
    }
}

/// A workload without what its controller tells.
pub(crate) fn unobserved(set: Option<Set>) -> Option<Set> {
    set.map(|set| Set { observed: true, told: None, current: Rev::Old, ..set })
}

fn each(
    state: &mut State,
    seen: &State,
    pods: &[PodRef],
    (fenced, reach): (bool, Reach),
    change: fn(&mut Pod),
) {
    let most = if reach == Reach::First { 1 } else { pods.len() };
    for reference in pods.iter().take(most) {
        let at: usize = reference.uid.as_str().parse().expect("positions are the identities of pods");
        if let Some(pod) = state.pods.get_mut(at)
            && !pod.gone
            && (!fenced || seen.pods.get(at).is_some_and(|seen| seen.version() == pod.version()))
        {
            change(pod);
        }
    }
}

/// A workload after a change by a flow that is `at` this point.
fn changed(set: Option<Set>, change: &WorkloadChange, at: Position) -> Set {
    let set = set.unwrap_or(Set {
        template: Rev::New,
        replicas: 0,
        partition: 0,
        surge: 0,
        unavailable: 0,
        paused: false,
        locked: true,
        hook: true,
        in_place: false,
        observed: false,
        told: None,
        current: Rev::New,
        remembered: None,
        at,
    });
    match change {
        WorkloadChange::Lock { remember } => Set {
            locked: true,
            hook: true,
            observed: set.observed && set.hook,
            remembered: remember.or(set.remembered),
            at,
            ..set
        },
        WorkloadChange::Release { .. } => {
            let (surge, unavailable, at) = (0, UNAVAILABLE, Position::default());
            Set { locked: false, surge, unavailable, paused: false, observed: false, at, ..set }
        }
        WorkloadChange::SetPaused(on) => Set { paused: *on, observed: false, ..set },
        WorkloadChange::Reshape(shape) => Set {
            template: match shape.template {
                Some(TemplateRef::Flow) => Rev::New,
                Some(TemplateRef::Revision(_)) => Rev::Old,
                None => set.template,
            },
            replicas: shape.replicas,
            partition: shape.partition.unwrap_or(set.partition),
            surge: shape.surge,
            unavailable: shape.unavailable,
            observed: false,
            at,
            ..set
        },
        WorkloadChange::Remove => set,
    }
}
