//! Two hosts: what is searched of them, few configurations in `make test`, more and larger ones in `make search`.

use triton_core::model::Action;

use super::other::Kind;
use super::setup::{Budget, Setup, Start};

/// A person may cancel the flow.
const CANCEL: Budget = Budget {
    losses: 0,
    failures: 0,
    stale: 0,
    partial: 0,
    pauses: 0,
    cancels: 1,
    deletions: 0,
    jumps: 0,
    lags: 0,
};
/// A person stops it once, for good or not.
const STOPS: Budget = Budget { pauses: 1, ..CANCEL };

/// One or two pods, a canary in each.
pub(crate) fn few() -> Vec<Setup> {
    use Kind::{Flow, Workload};
    vec![
        create("two hosts, create 2, any two kinds behind").with(STOPS).other(&Kind::ALL, 2),
        update("two hosts, update 1, any two kinds behind", 1).with(STOPS).other(&Kind::ALL, 2),
        update("two hosts, update 2, flow and workload behind", 2).with(CANCEL).other(&[Flow, Workload], 2),
        update("two hosts, update 1 in place, flow and workload behind", 1)
            .in_place()
            .with(STOPS)
            .other(&[Flow, Workload], 2),
        grow("two hosts, scale out 1 to 2, any two kinds behind").with(STOPS).other(&Kind::ALL, 2),
        restart("two hosts, restart 1, any two kinds behind", 1).with(STOPS).other(&Kind::ALL, 2),
    ]
}

/// What takes too long for every day.
pub(crate) fn many() -> Vec<Setup> {
    use Kind::{Flow, Pods, Traffic, Workload};
    let lost = Budget { losses: 1, ..CANCEL };
    vec![
        update("two hosts, update 2, flow and workload behind, stopped", 2)
            .with(STOPS)
            .other(&[Flow, Workload], 2),
        update("two hosts, update 2, pods and traffic behind, stopped", 2)
            .with(STOPS)
            .other(&[Pods, Traffic], 2),
        update("two hosts, update 1, all kinds behind", 1).with(STOPS).other(&Kind::ALL, 4),
        update("two hosts, update 2, a lost pod, flow and workload behind", 2)
            .with(lost)
            .other(&[Flow, Workload], 2),
        update("two hosts, update 1 in place, any two kinds behind", 1)
            .in_place()
            .with(STOPS)
            .other(&Kind::ALL, 2),
        update("two hosts, update 2 in place, flow and workload behind", 2)
            .in_place()
            .with(STOPS)
            .other(&[Flow, Workload], 2),
        grow("two hosts, scale out 1 to 2, all kinds behind, a lost pod").with(lost).other(&Kind::ALL, 4),
        restart("two hosts, restart 2, flow and workload behind", 2).with(STOPS).other(&[Flow, Workload], 2),
    ]
}

fn update(name: &'static str, pods: u32) -> Setup {
    Setup::new(name, Action::Update, pods).from(old(pods)).canary(1)
}

fn create(name: &'static str) -> Setup {
    Setup::new(name, Action::Create, 2).canary(1)
}

fn grow(name: &'static str) -> Setup {
    Setup::new(name, Action::ScaleOut, 2).from(old(1)).canary(1)
}

fn restart(name: &'static str, pods: u32) -> Setup {
    Setup::new(name, Action::Restart, pods).same_size().from(old(pods)).canary(1)
}

fn old(pods: u32) -> Start {
    Start { old: pods, ..Start::default() }
}
