//! What a workload is asked for.

use alloc::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::name::{PodName, Revision};

/// Which template a workload has.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TemplateRef {
    /// The template of the flow that is looking.
    Flow,
    /// A template known by its revision.
    Revision(Revision),
}

/// Absolute desired numbers of a workload; nothing in it is relative to what is observed. What is `None`
/// is left as it is; a look always tells everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shape {
    /// The template that new pods get.
    pub template: Option<TemplateRef>,
    /// Pods wanted.
    pub replicas: u32,
    /// Pods to keep at the old revision.
    pub partition: Option<u32>,
    /// Pods that leave first, by name; a look tells only of those that are there.
    pub doomed: Option<BTreeSet<PodName>>,
    /// Extra pods the workload's controller may start to repair losses (`maxSurge`).
    pub surge: u32,
    /// Pods that may be unavailable during an exchange (`maxUnavailable`).
    pub unavailable: u32,
}

impl Shape {
    /// Whether the template is the wanted one, by whichever name: a flow may bring the very template that
    /// served before, and is then asked to restore its own. `revision`: what the workload's controller tells
    /// of the template.
    #[must_use]
    pub fn is_template(&self, wanted: &TemplateRef, revision: Option<&Revision>) -> bool {
        match (&self.template, wanted) {
            (Some(TemplateRef::Flow), TemplateRef::Revision(wanted)) => revision == Some(wanted),
            (Some(template), wanted) => template == wanted,
            (None, _) => false,
        }
    }
}
