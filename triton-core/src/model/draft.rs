//! A flow as somebody wrote it, and the check that makes a [`Spec`] and [`Orders`] of it.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde_json::Value;

use super::count::{BatchSize, MAX_BATCHES, MAX_REPLICAS, Sizes};
use super::name::InstanceName;
use super::orders::{BatchPhase, DEFAULT_DEADLINE, DEFAULT_DRAIN, Orders, Target};
use super::selector;
use super::spec::{Action, Identity, Mode, Spec, Template};
use super::strategy::{NonUpdateStrategy, UpdateStrategy};
use super::time::Seconds;

/// One thing that is wrong with an input.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fault {
    /// Path of the field, as in the manifest: `spec.updateStrategy.batchSize`.
    pub field: String,
    /// What is wrong and what to write instead.
    pub message: String,
}

/// Everything that is wrong with an input; never empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.0.iter().enumerate() {
            let gap = if at == 0 { "" } else { "; " };
            write!(f, "{gap}{}: {}", fault.field, fault.message)?;
        }
        Ok(())
    }
}

impl core::error::Error for Faults {}

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
}

impl Draft {
    /// Checks everything that the object alone shows.
    ///
    /// # Errors
    /// All [`Faults`] with their field paths.
    pub fn parse(&self) -> Result<(Spec, Orders), Faults> {
        let mut check = Check::default();
        let action = check.action(&self.action);
        let identity = check.identity(self);
        let replicas = check.number("spec.application.replicas", self.replicas, 0, MAX_REPLICAS);
        if action == Some(Action::Create) && self.replicas.is_none() {
            check.fault("spec.application.replicas", "is required for action create");
        }
        check.strategy_kind(action, self);
        let template = check.template(action, self, identity.as_ref());
        let strategy = self.update_strategy.clone().unwrap_or_default();
        let orders = check.orders(&strategy, replicas);
        let canary =
            check.number("spec.updateStrategy.canary", strategy.canary.map(i64::from), 0, MAX_REPLICAS);
        let mode = check.mode(strategy.mode.as_deref());
        let drain = check.seconds("spec.updateStrategy.drainSeconds", strategy.drain_seconds, DEFAULT_DRAIN);
        check.unbuilt(&strategy);
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
            pods: Vec::new(),
        };
        Ok((spec, orders))
    }
}

/// Collects faults while fields are read.
#[derive(Default)]
struct Check {
    faults: Vec<Fault>,
}

impl Check {
    fn fault(&mut self, field: &str, message: impl Into<String>) {
        self.faults.push(Fault { field: field.to_string(), message: message.into() });
    }

    fn action(&mut self, name: &str) -> Option<Action> {
        let action = Action::parse(name);
        match action {
            None => {
                let names = Action::ALL.map(Action::as_str).join(", ");
                self.fault("spec.action", format!("must be one of {names}"));
            }
            Some(action) if !Action::BUILT.contains(&action) => {
                let text = format!("{action} is not carried out by this version; use create or update");
                self.fault("spec.action", text);
            }
            Some(_) => {}
        }
        action
    }

    fn identity(&mut self, draft: &Draft) -> Option<Identity> {
        let app_id = self.id("spec.application.appID", draft.app_id);
        let group_id = self.id("spec.application.groupID", draft.group_id);
        if let Some(fault) = selector::label_value_fault(&draft.app_name) {
            self.fault("spec.application.appName", fault);
        }
        for (key, value) in &draft.application_label {
            if let Some(fault) = selector::label_value_fault(value).filter(|_| !value.is_empty()) {
                self.fault(&format!("spec.application.applicationLabel.{key}"), fault);
            }
        }
        match InstanceName::new(&draft.instance_name) {
            Ok(instance) => Some(Identity {
                app_id: app_id?,
                group_id: group_id?,
                app_name: draft.app_name.clone(),
                instance,
            }),
            Err(error) => {
                self.fault("spec.application.instanceName", error.fault);
                None
            }
        }
    }

    fn id(&mut self, field: &str, id: i64) -> Option<i32> {
        let id = i32::try_from(id).ok().filter(|id| *id >= 0);
        if id.is_none() {
            self.fault(field, "must be between 0 and 2147483647");
        }
        id
    }

    fn number(&mut self, field: &str, value: Option<i64>, least: u32, most: u32) -> Option<u32> {
        let value = value?;
        let number = u32::try_from(value).ok().filter(|n| (least..=most).contains(n));
        if number.is_none() {
            self.fault(field, format!("must be between {least} and {most}"));
        }
        number
    }

    fn seconds(&mut self, field: &str, value: Option<i32>, default: Seconds) -> Seconds {
        self.number(field, value.map(i64::from), 0, i32::MAX.unsigned_abs()).map_or(default, Seconds)
    }

    fn mode(&mut self, mode: Option<&str>) -> Mode {
        match mode {
            None | Some("" | "manual") => Mode::Manual,
            Some("auto") => Mode::Auto,
            Some(_) => {
                self.fault("spec.updateStrategy.mode", "must be auto or manual");
                Mode::Manual
            }
        }
    }

    fn strategy_kind(&mut self, action: Option<Action>, draft: &Draft) {
        let Some(action) = action else { return };
        if action.is_update() && draft.non_update_strategy.is_some() {
            self.fault("spec.nonUpdateStrategy", format!("action {action} takes spec.updateStrategy"));
        }
        if !action.is_update() && draft.update_strategy.is_some() {
            self.fault("spec.updateStrategy", format!("action {action} takes spec.nonUpdateStrategy"));
        }
    }

    fn template(
        &mut self,
        action: Option<Action>,
        draft: &Draft,
        who: Option<&Identity>,
    ) -> Option<Template> {
        let (action, template) = (action?, draft.template.as_ref());
        let needed = matches!(action, Action::Create | Action::Update);
        let empty = |t: &&Value| t["spec"]["containers"].as_array().is_none_or(Vec::is_empty);
        match template {
            None if needed => {
                self.fault("spec.application.template", format!("is required for action {action}"))
            }
            Some(_) if template.is_some_and(|t| empty(&t)) => {
                self.fault("spec.application.template.spec.containers", "must have at least one container");
            }
            None | Some(_) => {}
        }
        if let (Some(template), Some(who), Some(wanted)) = (template, who, &draft.selector)
            && let Some(fault) = selector::mismatch(wanted, template, who)
        {
            self.fault("spec.application.selector", fault);
        }
        template.map(Template::from_json)
    }

    fn workload_kind(&mut self, kind: &str) {
        if !kind.is_empty() && !kind.eq_ignore_ascii_case("cloneset") {
            self.fault("spec.application.applicationType", "must be cloneset, or be left out");
        }
    }

    fn orders(&mut self, strategy: &UpdateStrategy, replicas: Option<u32>) -> Orders {
        let sizes = self.sizes(strategy, replicas);
        let field = "spec.updateStrategy.batches";
        let batch = self.number(field, strategy.batches.map(i64::from), 0, MAX_BATCHES).unwrap_or(1);
        let phase = match strategy.stage.as_deref() {
            None | Some("") => BatchPhase::Smoking,
            Some(name) => BatchPhase::parse_target(name).unwrap_or_else(|| {
                self.fault(
                    "spec.updateStrategy.stage",
                    "must be one of Pending, Smoking, Smoked, Baking, Baked",
                );
                BatchPhase::Pending
            }),
        };
        let resumes = strategy.resumes.unwrap_or(0);
        let deadline = strategy.progress_deadline_seconds;
        if deadline == Some(0) {
            self.fault("spec.updateStrategy.progressDeadlineSeconds", "must be at least 1");
        }
        Orders {
            paused: strategy.paused.unwrap_or(false),
            canceled: strategy.canceled.unwrap_or(false),
            resumes: u32::try_from(resumes).unwrap_or(0),
            target: Target { batch, phase },
            sizes,
            interval: self.seconds(
                "spec.updateStrategy.batchIntervalSeconds",
                strategy.batch_interval_seconds,
                Seconds(0),
            ),
            deadline: self.seconds("spec.updateStrategy.progressDeadlineSeconds", deadline, DEFAULT_DEADLINE),
        }
    }

    fn sizes(&mut self, strategy: &UpdateStrategy, replicas: Option<u32>) -> Sizes {
        let mut sizes = Vec::new();
        if strategy.batch_size.is_some() && strategy.batch_sizes.is_some() {
            self.fault("spec.updateStrategy.batchSizes", "stands instead of batchSize: give one of them");
        }
        let single = strategy.batch_size.iter().map(|raw| ("spec.updateStrategy.batchSize".to_string(), raw));
        let list = strategy.batch_sizes.iter().flatten().enumerate();
        let list = list.map(|(at, raw)| (format!("spec.updateStrategy.batchSizes[{at}]"), raw));
        for (field, raw) in single.chain(list) {
            match BatchSize::parse(raw) {
                Ok(size) => sizes.push(size),
                Err(message) => self.fault(&field, message),
            }
        }
        if strategy.batch_sizes.as_ref().is_some_and(Vec::is_empty) {
            self.fault("spec.updateStrategy.batchSizes", "must not be empty");
        }
        let sizes = Sizes(sizes);
        if let (Some(replicas), Some(last)) = (replicas, sizes.0.last())
            && replicas.div_ceil(last.of(replicas)) > MAX_BATCHES
        {
            self.fault("spec.updateStrategy.batchSize", "makes more than 1000 batches; make it larger");
        }
        sizes
    }

    fn unbuilt(&mut self, strategy: &UpdateStrategy) {
        let refuse = "is not carried out by this version; leave it out";
        if strategy.max_unavailable.is_some() {
            self.fault("spec.updateStrategy.maxUnavailable", refuse);
        }
        if strategy.failure_threshold.is_some() {
            self.fault("spec.updateStrategy.failureThreshold", refuse);
        }
        if strategy.on_failure.as_deref().is_some_and(|policy| policy != "pause") {
            self.fault("spec.updateStrategy.onFailure", "must be pause, or be left out, in this version");
        }
        if strategy.cancel_policy.as_deref().is_some_and(|policy| policy != "freeze") {
            self.fault("spec.updateStrategy.cancelPolicy", "must be freeze, or be left out, in this version");
        }
    }
}

#[cfg(test)]
#[path = "draft_tests.rs"]
mod tests;
