//! A workload and a pod for tests, as their backend would show them.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec::Vec;

use super::{
    CarriedOut, Edits, Lasts, Lock, PodName, PodPhase, RevisionLabel, Seconds, Shape, Steps, TemplateRef,
    WorkloadPod, WorkloadView,
};

impl WorkloadPod {
    /// A pod of revision `app-1` that runs and has hook and gate; `name` is its identity, too.
    pub(crate) fn test(name: PodName) -> Self {
        Self {
            uid: format!("uid-{name}").parse().expect("a uid"),
            name,
            version: "1".parse().expect("a version"),
            revision: "app-1".parse().ok(),
            booted: true,
            marked: false,
            swaps: false,
            in_grace: false,
            hooked: true,
            listed: false,
            specified: false,
            gated: true,
            ready: false,
            failure: None,
            starts: None,
            steps: Steps::default(),
            lasts: Lasts::default(),
            phase: PodPhase::Running,
            ip: None,
            port: 80,
        }
    }
}

impl WorkloadView {
    /// A workload of the flow that looks, at version `7`, that is to have so many pods of revision `app-1`.
    pub(crate) fn test(replicas: u32, pods: Vec<WorkloadPod>) -> Self {
        Self {
            uid: "workload-uid".parse().expect("a uid"),
            version: "7".parse().expect("a version"),
            settled: true,
            lock: Lock::Mine,
            last: None,
            settings: None,
            left: None,
            paused: false,
            shape: Shape {
                template: Some(TemplateRef::Flow),
                replicas,
                partition: Some(0),
                doomed: Some(BTreeSet::new()),
                surge: 1,
                unavailable: 0,
            },
            revision: "app-1".parse().ok(),
            stable: None,
            label: RevisionLabel::Unknown,
            obstacle: None,
            trouble: None,
            note: None,
            in_place: false,
            available: None,
            unhooked: false,
            remembered: None,
            good: Vec::new(),
            carried: CarriedOut::default(),
            differs: Vec::new(),
            edits: Edits::default(),
            pods,
            terminating: Vec::new(),
            ended: Vec::new(),
            min_ready: Seconds(0),
        }
    }
}
