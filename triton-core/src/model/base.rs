//! What a workload was like when a flow started, and what the flow is to do.

use alloc::collections::BTreeSet;
use alloc::string::String;

use super::kind::Kind;
use super::name::{Revision, WorkloadUid};
use super::shape::TemplateRef;

/// What a flow does to the template of its workload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Brings {
    /// The flow's own comes in its place.
    #[default]
    Flow,
    /// That of an earlier revision comes back.
    Revision(Revision),
    /// Nothing.
    Nothing,
}

impl Brings {
    /// The template that the workload is to have, as it is asked for; `None` where the one that is there stays.
    #[must_use]
    pub fn template(&self) -> Option<TemplateRef> {
        match self {
            Self::Flow => Some(TemplateRef::Flow),
            Self::Revision(revision) => Some(TemplateRef::Revision(revision.clone())),
            Self::Nothing => None,
        }
    }
}

/// What the workload was like when the flow started, and what is to become of it; read once, durable
/// before the first write.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Base {
    /// What its batches do to pods.
    pub kind: Kind,
    /// What becomes of the template.
    pub brings: Brings,
    /// The workload updates in place, and takes no surge.
    pub in_place: bool,
    /// Pods that were out of service then and that batches do not wait for: where pods are only added.
    pub degraded: u32,
    /// The flow was stopped and returns what it had changed; it ends as this says.
    pub turned: bool,
    /// Size of the workload then.
    pub from: u32,
    /// Size to reach.
    pub to: u32,
    /// Partition then (pods kept at the old revision).
    pub partition: u32,
    /// Revision that served then; `None` when there was no workload.
    pub previous: Option<Revision>,
    /// Revision of the template that the flow brought, once the workload's controller has told it.
    pub brought: Option<Revision>,
    /// The generation of the workload at which the flow followed a size that others gave it last.
    pub followed: Option<u64>,
    /// The workload, once batches begin: one of the same name made later is another one.
    pub workload: Option<WorkloadUid>,
    /// How often flows had taken the lock of the workload when this one did ([`LastHolder::turn`](super::LastHolder)).
    pub turn: Option<u64>,
    /// What the flow gives back at its end ([`WorkloadView::settings`](super::WorkloadView::settings)).
    pub settings: Option<String>,
    /// Revisions of the pods then, and of the template: beside the revision that the flow brings, pods of these alone
    /// are asked into traffic. `None` where that is not known: more than [`MAX_REVISIONS`](Self::MAX_REVISIONS), or a
    /// record of an earlier version.
    pub revisions: Option<BTreeSet<Revision>>,
}

impl Base {
    /// Most revisions that are noted.
    pub const MAX_REVISIONS: usize = 8;

    /// The size that the workload is to have, where the flow exchanges pods: its numbers are larger in the middle of that.
    #[must_use]
    pub fn size_of_exchange(&self) -> Option<u32> {
        self.kind.exchanges().then_some(self.to)
    }

    /// The base of a flow of which nothing but this is known: it brings its own template.
    #[must_use]
    pub const fn new(kind: Kind, from: u32, to: u32) -> Self {
        Self {
            kind,
            brings: Brings::Flow,
            in_place: false,
            degraded: 0,
            turned: false,
            from,
            to,
            partition: 0,
            previous: None,
            brought: None,
            followed: None,
            workload: None,
            turn: None,
            settings: None,
            revisions: None,
        }
    }

    /// Whether pods of this revision came neither with the flow nor were there before it.
    #[must_use]
    pub fn is_foreign(&self, revision: &Revision) -> bool {
        let known = |revisions: &BTreeSet<Revision>| revisions.contains(revision);
        self.brought.as_ref() != Some(revision) && self.revisions.as_ref().is_some_and(|all| !known(all))
    }

    /// Notes a revision as one whose pods may be asked into traffic.
    pub fn knows(&mut self, revision: Option<Revision>) {
        if let Some(revisions) = &mut self.revisions {
            revisions.extend(revision);
        }
    }

    /// Whether the flow brings another template than the one that served before: its pods are new to traffic. `current`:
    /// the revision of the template that is there, which tells where the flow has not brought its own yet.
    #[must_use]
    pub fn is_new(&self, current: Option<&Revision>) -> bool {
        let brings = self.brought.as_ref().or(current);
        self.brings != Brings::Nothing && (brings.is_none() || self.previous.as_ref() != brings)
    }

    /// Whether pods are exchanged without a template to tell the new ones by: those that leave are named.
    #[must_use]
    pub fn by_name(&self) -> bool {
        self.kind.exchanges() && self.brings == Brings::Nothing
    }

    /// Pods that may be missing where none of a batch is: without a surge, a pod that others had exchanged returns
    /// only while it is missing.
    #[must_use]
    pub fn spares(&self) -> u32 {
        u32::from(self.kind == Kind::Swap)
    }

    /// Whether a new pod starts only when the one in whose place it comes is gone: there may be no room, or no
    /// quota, for both.
    #[must_use]
    pub fn waits_for_room(&self) -> bool {
        self.kind == Kind::Swap
    }
}

/// The base, and what is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Plan {
    /// The workload at the start.
    pub base: Base,
    /// Pods that were of the target revision and in traffic already.
    pub fresh: u32,
    /// Pods of work; the sizes of all batches add up to it.
    pub work: u32,
}
