//! A flow as somebody wrote it, and the check that makes a [`Spec`] and [`Orders`] of it.

mod check;

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde_json::Value;

use self::check::Check;
use super::count::MAX_REPLICAS;
use super::fault::{Fault, Faults};
use super::orders::{DEFAULT_DRAIN, Orders};
use super::selector;
use super::spec::{Action, Spec, Template};
use super::strategy::{NonUpdateStrategy, RollbackTarget, UpdateStrategy};

/// A flow as somebody wrote it: nothing is checked yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// `spec.action`.
    pub action: String,
    /// `spec.application.appID`.
    pub app_id: i64,
    /// `spec.application.groupID`.
    pub group_id: i64,
    /// `spec.application.appName`.
    pub app_name: String,
    /// `spec.application.instanceName`.
    pub instance_name: String,
    /// `spec.application.replicas`.
    pub replicas: Option<i64>,
    /// `spec.application.applicationType`; `cloneset` when empty.
    pub application_type: String,
    /// `spec.application.applicationLabel`.
    pub application_label: BTreeMap<String, String>,
    /// `spec.application.selector`.
    pub selector: Option<Value>,
    /// `spec.application.template`.
    pub template: Option<Value>,
    /// `spec.application.volumeClaimTemplates`.
    pub volume_claim_templates: Option<Value>,
    /// `spec.updateStrategy`.
    pub update_strategy: Option<UpdateStrategy>,
    /// `spec.nonUpdateStrategy`.
    pub non_update_strategy: Option<NonUpdateStrategy>,
    /// `spec.rollbackTo`.
    pub rollback_to: Option<RollbackTarget>,
    /// `metadata.labels` of the flow that is made, beside those of its application.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations` of the flow that is made.
    pub annotations: BTreeMap<String, String>,
}

impl Draft {
    /// Checks everything that the object alone shows.
    ///
    /// # Errors
    /// All [`Faults`] with their field paths.
    pub fn parse(&self) -> Result<(Spec, Orders), Faults> {
        let action = Action::parse(&self.action);
        let is_update = action.is_none_or(Action::is_update);
        let strategy = if is_update { check::UPDATE } else { check::NON_UPDATE };
        let mut check = Check { faults: Vec::new(), strategy };
        check.action(&self.action);
        let identity = check.identity(action, self);
        let replicas = check.number("spec.application.replicas", self.replicas, 0, MAX_REPLICAS);
        check.replicas(action, self.replicas);
        check.strategy_kind(action, self);
        let template = check.template(action, self, identity.as_ref());
        let strategy = match (is_update, &self.update_strategy, &self.non_update_strategy) {
            (true, Some(strategy), _) => strategy.clone(),
            (false, _, Some(strategy)) => strategy.clone().into(),
            (true, None, _) | (false, _, None) => UpdateStrategy::default(),
        };
        let orders = check.orders(&strategy, replicas);
        let canary = check.number(&check.at("canary"), strategy.canary.map(i64::from), 0, MAX_REPLICAS);
        let mode = check.mode(strategy.mode.as_deref());
        let drain = check.seconds("drainSeconds", strategy.drain_seconds, DEFAULT_DRAIN);
        let pods = check.pods(action, self.non_update_strategy.as_ref());
        let max_unavailable = check.size("maxUnavailable", strategy.max_unavailable.as_ref());
        let tolerance = check.tolerance(strategy.failure_threshold.as_ref());
        let on_failure = check.on_failure(strategy.on_failure.as_deref());
        let cancel_policy = check.cancel_policy(strategy.cancel_policy.as_deref());
        let pod_replacement_policy = check.pod_replacement_policy(strategy.pod_replacement_policy.as_deref());
        let rollback_to = check.rollback_to(action, self);
        check.workload_kind(&self.application_type);
        let (Some(action), Some(identity), true) = (action, identity, check.faults.is_empty()) else {
            return Err(Faults(check.faults));
        };
        let kind = if self.application_type.is_empty() { "cloneset" } else { &self.application_type };
        let spec = Spec {
            action,
            identity,
            workload_kind: kind.to_ascii_lowercase(),
            replicas,
            template,
            selector: self.selector.as_ref().map(Template::from_json),
            labels: self.application_label.clone().into_iter().collect(),
            volume_claims: self.volume_claim_templates.as_ref().map(Template::from_json),
            canary: canary.unwrap_or(0),
            mode,
            no_pull_in: strategy.no_pull_in.unwrap_or(false),
            drain,
            pods,
            rollback_to,
            max_unavailable,
            tolerance,
            on_failure,
            cancel_policy,
            pod_replacement_policy,
        };
        Ok((spec, orders))
    }
}

impl Draft {
    /// The same for a flow that is to be made: with the rules that flows which were made before may break, because
    /// their pods have the labels that they have, and with a look at fields that the API server would leave out.
    ///
    /// # Errors
    /// As [`Draft::parse`] and [`Spec::keeps_labels`], and what a selector cannot say.
    pub fn parse_new(&self) -> Result<(Spec, Orders), Faults> {
        let read = |wanted| selector::read_as_written(wanted, "spec.application.selector").err();
        let unread = self.selector.as_ref().and_then(read);
        let (spec, orders) = match (self.parse(), unread) {
            (Ok(parsed), None) => parsed,
            (parsed, unread) => {
                let faults = parsed.err().into_iter().flat_map(|Faults(faults)| faults);
                return Err(Faults(faults.chain(unread).collect()));
            }
        };
        spec.keeps_labels()?;
        Ok((spec, orders))
    }
}

impl Spec {
    /// Whether no label that is given for the pods, or for a workload that is to be made, would be overwritten by an
    /// identity label.
    ///
    /// # Errors
    /// All labels that would be.
    pub fn keeps_labels(&self) -> Result<(), Faults> {
        let template = self.template.as_ref().map(Template::to_json).unwrap_or_default();
        let given = template["metadata"]["labels"].as_object().into_iter().flatten();
        let given = given
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key.as_str(), value.as_str().map_or_else(|| value.to_string(), Into::into)));
        let mut faults = self.overwritten("spec.application.template.metadata.labels", given.collect());
        if self.action == Action::Create {
            let given = self.labels.iter().map(|(key, value)| (key.as_str(), value.clone()));
            faults.extend(self.overwritten("spec.application.applicationLabel", given.collect()));
        }
        if faults.is_empty() { Ok(()) } else { Err(Faults(faults)) }
    }

    /// One fault for each of these labels that an identity label would overwrite with another value.
    fn overwritten(&self, field: &str, labels: BTreeMap<&str, String>) -> Vec<Fault> {
        let faults = selector::overwritten(&labels, &self.identity).into_iter().map(|(key, value, source)| {
            let message = format!(
                "must be {value}, the identity label that comes from {source}, or be left out; give a label of \
                 your own another key, and let Services select by that"
            );
            Fault { field: format!("{field}.{key}"), message }
        });
        faults.collect()
    }

    /// Whether a flow of this spec can be read again with these orders in its strategy.
    ///
    /// # Errors
    /// All [`Faults`] with the field paths that [`Draft::parse`] would name.
    pub fn takes(&self, orders: &Orders) -> Result<(), Faults> {
        let strategy = if self.action.is_update() { check::UPDATE } else { check::NON_UPDATE };
        let mut check = Check { faults: Vec::new(), strategy };
        let mut written = UpdateStrategy::default();
        written.write(orders);
        for (field, number) in [
            ("resumes", orders.resumes),
            ("batchIntervalSeconds", orders.interval.0),
            ("progressDeadlineSeconds", orders.deadline.0),
            ("failureGraceSeconds", orders.grace.0),
        ] {
            let field = check.at(field);
            check.number(&field, Some(number.into()), 0, i32::MAX.unsigned_abs());
        }
        check.orders(&written, self.replicas);
        if check.faults.is_empty() { Ok(()) } else { Err(Faults(check.faults)) }
    }
}

#[cfg(test)]
#[path = "draft_tests.rs"]
mod tests;
