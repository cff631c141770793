//! What flows have carried out, as their workload remembers it.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::flow::Flow;
use super::hash::SpecHash;
use super::name::{FlowName, Revision};
use super::progress::{Progress, Verdict};
use super::spec::{Action, Spec};

/// Most orders of each sort that a workload remembers: of those that bring a revision, and of others. However many
/// others there are, they let no older template come back.
const MOST: usize = 64;

/// An order that was carried out, and what it brought.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Carried {
    /// The name of the flow.
    pub name: FlowName,
    /// The part of its spec that never changes.
    pub spec: SpecHash,
    /// The size that it ordered; `None` where it ordered none.
    pub size: Option<u32>,
    /// The revision that it brought; `None` where it brought none.
    pub revision: Option<Revision>,
}

/// The orders that were carried out on a workload, newest first, as one line of text that is stored beside it:
/// entries `name:hash:size:revision` with commas between them. At most 64 of those that brought a revision and 64 others;
/// who is told of more forgets the oldest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CarriedOut(Arc<str>);

impl CarriedOut {
    /// Takes the line as it was stored.
    ///
    /// # Errors
    /// Which entry cannot be read, and why.
    pub fn parse(line: &str) -> Result<Self, String> {
        for entry in entries(line) {
            read(entry).ok_or_else(|| format!("{entry:?} is not name:hash:size:revision"))?;
        }
        Ok(Self(Arc::from(line)))
    }

    /// The line.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The order of this flow, if it was carried out: one of the same name and the same spec.
    #[must_use]
    pub fn find(&self, flow: &Flow) -> Option<Carried> {
        let named = |entry: &&str| entry.split(':').next() == Some(flow.id.name.as_str());
        let mut named = entries(&self.0).filter(named).filter_map(read).peekable();
        named.peek()?;
        let spec = SpecHash::of(&flow.spec);
        named.find(|carried| carried.spec == spec)
    }

    /// These orders and that of a flow, if it has succeeded. `revision` and `replicas` are those of the workload.
    #[must_use]
    pub fn noted(&self, flow: &Flow, revision: Option<&Revision>, replicas: u32) -> Self {
        if !matches!(flow.progress, Progress::Finished { verdict: Verdict::Succeeded, .. }) {
            return self.clone();
        }
        let carried = Carried {
            name: flow.id.name.clone(),
            spec: SpecHash::of(&flow.spec),
            size: size(&flow.spec, replicas),
            revision: revision.filter(|revision| flow.spec.action.is_update() && is_plain(revision)).cloned(),
        };
        let same =
            |entry: &&str| read(entry).is_some_and(|it| it.name == carried.name && it.spec == carried.spec);
        let newest = carried.to_string();
        let others = entries(&self.0).filter(|entry| !same(entry));
        let (mut brought, mut rest) = (0, 0);
        let stays = |entry: &&str| {
            let sort = if entry.split(':').nth(3) == Some("") { &mut rest } else { &mut brought };
            *sort += 1;
            *sort <= MOST
        };
        let all: Vec<&str> = core::iter::once(newest.as_str()).chain(others).filter(stays).collect();
        Self(Arc::from(all.join(",")))
    }
}

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, spec, size, revision } = self;
        let size = size.map(|size| size.to_string()).unwrap_or_default();
        write!(f, "{name}:{spec}:{size}:{}", revision.as_ref().map_or("", Revision::as_str))
    }
}

fn entries(line: &str) -> impl Iterator<Item = &str> {
    line.split(',').filter(|entry| !entry.is_empty())
}

/// What stands behind the fourth part is of a later version.
fn read(entry: &str) -> Option<Carried> {
    let mut parts = entry.split(':');
    let (name, spec) = (FlowName::new(parts.next()?).ok()?, SpecHash::parse(parts.next()?)?);
    let size = match parts.next()? {
        "" => None,
        size => Some(size.parse().ok()?),
    };
    let revision = Revision::new(parts.next()?).ok();
    Some(Carried { name, spec, size, revision })
}

/// A revision has any name that its controller gives it.
fn is_plain(revision: &Revision) -> bool {
    !revision.as_str().contains([',', ':'])
}

/// The size that was ordered.
const fn size(spec: &Spec, reached: u32) -> Option<u32> {
    match (spec.action, spec.replicas) {
        (Action::Restart, _) => None,
        (Action::Stop | Action::Start, None) => Some(reached),
        (_, ordered) => ordered,
    }
}

#[cfg(test)]
#[path = "carried_tests.rs"]
mod tests;
