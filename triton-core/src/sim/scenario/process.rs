//! A process that drives flows and tends workloads, as a list of duties and when each is due.

use core::future::Future;
use core::pin::Pin;
use std::boxed::Box;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::host::Host;
use crate::driver::{DriveError, Driver, Rest};
use crate::model::{FlowId, InstanceId, Seconds, Timestamp};

/// Something that a host does over and over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Duty {
    /// Drive a flow.
    Flow(FlowId),
    /// Tend a workload when no flow acts on it.
    Keeper(InstanceId),
}

pub(super) type Ports = Driver<Host, Host, Host>;
pub(super) type Turn = Pin<Box<dyn Future<Output = Result<Rest, DriveError>> + Send>>;

/// A process that drives.
pub(super) struct Process {
    pub(super) host: Host,
    pub(super) driver: Arc<Ports>,
    /// When each duty has its next turn.
    pub(super) due: BTreeMap<Duty, Timestamp>,
    /// Failures in a row per duty.
    pub(super) failed: BTreeMap<Duty, u32>,
    /// A turn that is held up.
    pub(super) held_up: Option<(Duty, Turn)>,
    /// When the held-up turn goes on, or a dead process is replaced.
    pub(super) back_at: Timestamp,
}

impl Process {
    pub(super) fn new(host: Host) -> Self {
        let driver = Driver { store: host.clone(), clock: host.clone(), adapters: host.clone() };
        Self {
            host,
            driver: Arc::new(driver),
            due: BTreeMap::new(),
            failed: BTreeMap::new(),
            held_up: None,
            back_at: Timestamp::default(),
        }
    }

    /// When it has its next turn.
    pub(super) fn next(&self) -> Option<Timestamp> {
        if self.held_up.is_some() || self.host.is_down() {
            return Some(self.back_at);
        }
        self.due.values().min().copied()
    }

    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<Duty> {
        let duty = self.due.iter().find(|(_, at)| **at <= now).map(|(duty, _)| duty.clone())?;
        self.due.remove(&duty);
        Some(duty)
    }

    /// It dies, and nobody takes its place before then.
    pub(super) fn away(&mut self, until: Timestamp) {
        self.host.kill();
        self.held_up = None;
        self.back_at = until;
    }

    /// Lets go of what it holds in hand and has every duty due now.
    pub(super) fn hurry(&mut self, now: Timestamp) {
        for at in self.due.values_mut() {
            *at = now;
        }
        self.failed.clear();
        self.back_at = self.back_at.min(now);
    }
}

/// A turn at a duty.
pub(super) fn begin(driver: Arc<Ports>, duty: Duty) -> Turn {
    Box::pin(async move {
        match duty {
            Duty::Flow(id) => driver.advance(&id, &mut |_, _| {}).await,
            Duty::Keeper(instance) => {
                let again = driver.tend("cloneset", &instance, Seconds(3)).await?;
                Ok(again.map_or(Rest::Done, |at| Rest::Until(at, crate::engine::Waiting::Backend)))
            }
        }
    })
}
