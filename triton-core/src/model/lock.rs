//! Who holds a workload, who held it before, and what was left behind.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::base::Base;
use super::flow::Flow;
use super::name::{FlowId, FlowUid};

/// Who holds the lock of a workload.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lock {
    /// Nobody, or a flow that no longer exists or has ended.
    Free,
    /// The flow that is looking.
    Mine,
    /// Another flow that has not ended.
    Theirs(FlowId),
    /// It is there and cannot be read, so it is somebody's: nothing is written.
    Unreadable {
        /// What is wrong with it, whose it is where that can be read, and what to do.
        what: String,
    },
}

/// What a flow left behind that held a workload and is gone, or gave way, before it ended. Pods that it had not
/// brought into traffic stay out of it until another flow has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Left {
    /// The size that the workload was to have, where it has extra pods because old ones were being exchanged.
    pub size: Option<u32>,
}

/// The flow that a lock names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Holder {
    /// Where the flow lives.
    #[serde(flatten)]
    pub id: FlowId,
    /// Which flow of that name.
    pub uid: FlowUid,
}

/// The flow that took the lock of a workload last.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LastHolder {
    /// Which flow.
    pub holder: Holder,
    /// How often flows had taken the lock of this workload then. A flow that takes its own again counts once.
    pub turn: u64,
    /// The size that the workload is to have, where the flow exchanges pods.
    pub size: Option<u32>,
    /// It has given the lock back.
    pub gave_back: bool,
}

impl LastHolder {
    /// Whether this flow has not given the lock back: where it does not stand there any more, others took it off.
    #[must_use]
    pub fn holds(&self, flow: &FlowUid) -> bool {
        self.holder.uid == *flow && !self.gave_back
    }

    /// A flow that takes the lock, perhaps again; `before`: who took it last.
    #[must_use]
    pub fn taken(before: Option<&Self>, flow: &Flow) -> Self {
        let noted = flow.progress.base().and_then(|base| base.turn);
        let own = before.filter(|before| before.holder.uid == flow.uid).map(|before| before.turn);
        let next = || before.map_or(0, |before| before.turn).saturating_add(1);
        let holder = Holder { id: flow.id.clone(), uid: flow.uid.clone() };
        let size = flow.progress.base().and_then(Base::size_of_exchange);
        Self { holder, turn: noted.or(own).unwrap_or_else(next), size, gave_back: false }
    }
}
