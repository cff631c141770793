//! Fields of a spec that are set and have no effect. Manifests of the original have them, and are taken.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::spec::{Action, CancelPolicy, Spec, Tolerance};

impl Spec {
    /// Paths of the fields that are set and have no effect for the action.
    #[must_use]
    pub fn unused(&self) -> Vec<&'static str> {
        use Action::{Create, Delete, Restart, Rollback, ScaleIn, Stop, Update};
        let action = self.action;
        let brings = matches!(action, Create | Update) || (action == Rollback && self.rollback_to.is_none());
        let exchanges = matches!(action, Update | Rollback | Restart);
        let only_leave = matches!(action, ScaleIn | Stop | Delete);
        let (template, tolerant) = (self.template.is_some(), self.tolerance != Tolerance::Nothing);
        let revert = self.cancel_policy == CancelPolicy::Revert;
        let waits = self.pod_replacement_policy.waits();
        let strategy = |update, other| if action.is_update() { update } else { other };
        let rows = [
            (template && !action.is_update(), "spec.application.template"),
            (self.replicas.is_some() && action == Restart, "spec.application.replicas"),
            (
                self.max_unavailable.is_some() && !exchanges,
                strategy("spec.updateStrategy.maxUnavailable", "spec.nonUpdateStrategy.maxUnavailable"),
            ),
            (tolerant && only_leave, "spec.nonUpdateStrategy.failureThreshold"),
            (self.no_pull_in && !(brings && template), "spec.updateStrategy.noPullIn"),
            (revert && action == Create, "spec.updateStrategy.cancelPolicy"),
            (waits && only_leave, "spec.nonUpdateStrategy.podReplacementPolicy"),
        ];
        rows.into_iter().filter_map(|(unused, path)| unused.then_some(path)).collect()
    }

    /// The same as a sentence for people; `None` where every field has an effect.
    #[must_use]
    pub fn unused_note(&self) -> Option<String> {
        let unused = self.unused();
        let are = if unused.len() == 1 { "has" } else { "have" };
        (!unused.is_empty())
            .then(|| format!("{} {are} no effect for action {}", unused.join(", "), self.action))
    }
}

#[cfg(test)]
#[path = "unused_tests.rs"]
mod tests;
