//! What others change of a workload that a flow holds.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::name::{PodName, Revision};
use super::position::Position;
use super::progress::Progress;
use super::shape::{Shape, TemplateRef};

/// A setting of a workload that belongs to the flow which holds it, or on which that flow relies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// The pod template.
    Template,
    /// The pod template in a flow that brings none: the workload's controller gives new pods a revision that was not there
    /// before. No flow puts it back.
    Revision,
    /// How pods are exchanged (OpenKruise: `updateStrategy.type`). A flow relies on it and never writes it.
    Policy,
    /// The size.
    Replicas,
    /// Pods kept at old revisions.
    Partition,
    /// Extra pods during an exchange.
    MaxSurge,
    /// Pods that may be unavailable during an exchange.
    MaxUnavailable,
    /// Whether updates stand still.
    Paused,
    /// Pods that leave first, by name.
    PodsToDelete,
}

impl Field {
    /// Every field, in the order in which people are told of them.
    pub const ALL: [Self; 9] = [
        Self::Template,
        Self::Revision,
        Self::Policy,
        Self::Replicas,
        Self::Partition,
        Self::MaxSurge,
        Self::MaxUnavailable,
        Self::Paused,
        Self::PodsToDelete,
    ];

    /// The name of the field in a CloneSet.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Template => "template",
            Self::Revision => "template (which this flow does not bring)",
            Self::Policy => "updateStrategy.type",
            Self::Replicas => "replicas",
            Self::Partition => "partition",
            Self::MaxSurge => "maxSurge",
            Self::MaxUnavailable => "maxUnavailable",
            Self::Paused => "paused",
            Self::PodsToDelete => "podsToDelete",
        }
    }
}

/// One field that is not as the flow wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldEdit {
    /// Which.
    pub field: Field,
    /// Who wrote it last, where the backend can tell (Kubernetes: field management).
    pub by: Option<String>,
}

impl fmt::Display for FieldEdit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.by {
            Some(by) => write!(f, "{} (by {by})", self.field.as_str()),
            None => f.write_str(self.field.as_str()),
        }
    }
}

/// What others changed since the flow that looks wrote last. Empty where it holds no lock, and where the
/// backend keeps no note of what was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Edits {
    /// The fields.
    pub fields: Vec<FieldEdit>,
    /// Grows with every change of what the workload is told (Kubernetes: `metadata.generation`).
    pub generation: u64,
    /// The generation that was seen by the last write after which everything was as written. What was edited
    /// at this generation or before has been set right.
    pub clean: u64,
    /// How far the flow was at its last write. Whoever looks with a record that is further back has an old one.
    pub at: Position,
}

impl Edits {
    /// Whether somebody else changed this field.
    #[must_use]
    pub fn has(&self, field: Field) -> bool {
        self.fields.iter().any(|edit| edit.field == field)
    }

    /// Whether somebody else changed anything.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

/// What the flow that holds a workload wrote to it last: a note that backends keep beside the lock, changed
/// by the very write that it is about. What is `None` was not asked for, and belongs to nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Wrote {
    /// How pods were exchanged when the lock was taken, in the words of the workload's controller; `None` where the flow
    /// exchanges none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// See [`Shape::template`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<TemplateRef>,
    /// See [`Shape::replicas`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
    /// See [`Shape::partition`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<u32>,
    /// See [`Shape::surge`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_surge: Option<u32>,
    /// See [`Shape::unavailable`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<u32>,
    /// Whether updates stand still.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// See [`Shape::doomed`]; not kept where there are more than 100 names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pods_to_delete: Option<BTreeSet<PodName>>,
    /// See [`Edits::clean`].
    pub clean: u64,
    /// See [`Edits::at`].
    pub at: Position,
}

/// Most names that a note keeps.
const MOST_NAMES: usize = 100;

impl Wrote {
    /// The note of a flow that has just taken the lock; `policy`: see [`Wrote::policy`], `at`: how far it is.
    #[must_use]
    pub fn locked(policy: Option<&str>, paused: bool, at: Position) -> Self {
        Self { policy: policy.map(Into::into), paused: Some(paused), at, ..Self::default() }
    }

    /// The note of a flow that takes its lock again, and does not know any more what it wrote: of all it knows which
    /// template the workload is to have.
    #[must_use]
    pub fn relocked(policy: Option<&str>, paused: bool, progress: &Progress) -> Self {
        let base = progress.base().filter(|base| base.workload.is_some());
        let template = base.and_then(|base| {
            base.brings.template().or_else(|| base.previous.clone().map(TemplateRef::Revision))
        });
        Self { template, ..Self::locked(policy, paused, progress.position()) }
    }

    /// The note after a flow that is so far brought the workload to this shape; `generation` and `paused` are
    /// those that were seen.
    #[must_use]
    pub fn reshaped(&self, shape: &Shape, at: Position, paused: bool, generation: u64) -> Self {
        let clean = self.paused.is_none_or(|wrote| wrote == paused);
        Self {
            policy: self.policy.clone(),
            template: shape.template.clone(),
            replicas: Some(shape.replicas),
            partition: shape.partition,
            max_surge: Some(shape.surge),
            max_unavailable: Some(shape.unavailable),
            paused: self.paused,
            pods_to_delete: shape.doomed.clone().filter(|names| names.len() <= MOST_NAMES),
            clean: if clean { generation } else { self.clean },
            at,
        }
    }

    /// The note after updates were made to stand still, or to go on. `edits` are the fields that differed before this
    /// write; it sets right [`Field::Paused`] alone.
    #[must_use]
    pub fn froze(&self, on: bool, edits: &[Field], generation: u64) -> Self {
        let new = Self { paused: Some(on), ..self.clone() };
        let clean = if edits.iter().all(|edit| *edit == Field::Paused) { generation } else { self.clean };
        Self { clean, ..new }
    }

    /// Whether both say that the same was written.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        let bare = |note: &Self| Self { clean: 0, at: Position::default(), ..note.clone() };
        bare(self) == bare(other)
    }

    /// The fields that are not as they were written. `revision`: what the workload's controller tells of the
    /// template, `policy`: see [`Wrote::policy`].
    #[must_use]
    pub fn edits(&self, now: &Shape, revision: Option<&Revision>, policy: &str, paused: bool) -> Vec<Field> {
        let differs = |field: &Field| match field {
            Field::Template => self.template.as_ref().is_some_and(|wrote| !now.is_template(wrote, revision)),
            // What the flow has found tells it, and no note of what was written.
            Field::Revision => false,
            Field::Policy => self.policy.as_ref().is_some_and(|wrote| wrote != policy),
            Field::Replicas => self.replicas.is_some_and(|wrote| wrote != now.replicas),
            // A smaller size makes the partition smaller.
            Field::Partition => {
                self.partition.is_some_and(|wrote| now.partition != Some(wrote.min(now.replicas)))
            }
            Field::MaxSurge => self.max_surge.is_some_and(|wrote| wrote != now.surge),
            Field::MaxUnavailable => self.max_unavailable.is_some_and(|wrote| wrote != now.unavailable),
            Field::Paused => self.paused.is_some_and(|wrote| wrote != paused),
            // Names of pods that are gone disappear by themselves.
            Field::PodsToDelete => match (&self.pods_to_delete, &now.doomed) {
                (Some(wrote), Some(names)) => !names.is_subset(wrote),
                (_, _) => false,
            },
        };
        Field::ALL.into_iter().filter(differs).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Progress, Timestamp, Verdict};

    #[test]
    fn what_was_written_is_no_edit_and_every_field_that_differs_is_one() {
        let wrote = Wrote::locked(Some("ReCreate"), false, Position::default()).reshaped(
            &shape(),
            Position::default(),
            false,
            7,
        );
        let revision = Revision::new("app-2").ok();
        assert_eq!(wrote.edits(&shape(), revision.as_ref(), "ReCreate", false), []);
        let name = PodName::new("app-x").expect("a name");
        let other = Shape {
            template: Some(TemplateRef::Revision(Revision::new("app-3").expect("a revision"))),
            replicas: 9,
            partition: Some(1),
            doomed: Some([name].into()),
            surge: 5,
            unavailable: 5,
        };
        let written = Field::ALL.into_iter().filter(|field| *field != Field::Revision);
        assert_eq!(wrote.edits(&other, revision.as_ref(), "OnDelete", true), written.collect::<Vec<_>>());
    }

    #[test]
    fn what_was_not_asked_for_belongs_to_nobody() {
        let asked = Shape { template: None, partition: None, doomed: None, ..shape() };
        let wrote = Wrote::default().reshaped(&asked, Position::default(), false, 7);
        let others = Shape { partition: Some(9), template: Some(TemplateRef::Flow), ..shape() };
        assert_eq!(wrote.edits(&others, None, "OnDelete", true), []);
    }

    #[test]
    fn a_smaller_size_is_no_edit_of_the_partition() {
        let wrote = Wrote::default().reshaped(
            &Shape { partition: Some(3), ..shape() },
            Position::default(),
            false,
            7,
        );
        let smaller = Shape { replicas: 2, partition: Some(2), ..shape() };
        assert_eq!(wrote.edits(&smaller, None, "ReCreate", false), [Field::Replicas]);
    }

    #[test]
    fn only_a_write_after_which_nothing_differs_sets_right() {
        let wrote = Wrote::locked(Some("ReCreate"), false, Position::default()).reshaped(
            &shape(),
            Position::default(),
            false,
            7,
        );
        assert_eq!(wrote.clean, 7);
        assert_eq!(wrote.reshaped(&shape(), Position::default(), true, 9).clean, 7, "it is still paused");
        assert_eq!(
            wrote.froze(true, &[Field::Paused, Field::Replicas], 9).clean,
            7,
            "it still has another size"
        );
        assert_eq!(wrote.froze(true, &[Field::Paused], 9).clean, 9);
        let ended = Progress::Finished { verdict: Verdict::Canceled, at: Timestamp::default() };
        let far = ended.position();
        assert!(wrote.same(&wrote.reshaped(&shape(), far, false, 9)));
    }

    fn shape() -> Shape {
        Shape {
            template: Some(TemplateRef::Flow),
            replicas: 4,
            partition: Some(3),
            doomed: Some(BTreeSet::new()),
            surge: 1,
            unavailable: 0,
        }
    }
}
