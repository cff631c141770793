//! The check of a draft, field by field.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde_json::Value;

use super::{Draft, Fault};
use crate::model::count::{BatchSize, MAX_BATCHES, MAX_NAMED, RawSize, Sizes};
use crate::model::name::{FlowName, InstanceName, MAX_CREATED, MAX_LABEL, PodName, Revision};
use crate::model::orders::{BatchPhase, DEFAULT_DEADLINE, DEFAULT_GRACE, Orders, SUPERSEDED_ALONE, Target};
use crate::model::selector;
use crate::model::spec::{
    Action, CancelPolicy, Identity, Mode, OnFailure, PodReplacementPolicy, Template, Tolerance,
};
use crate::model::strategy::{NonUpdateStrategy, UpdateStrategy};
use crate::model::time::Seconds;

/// Where the strategy of a create, an update or a rollback stands.
pub(super) const UPDATE: &str = "spec.updateStrategy";
/// Where that of the other actions stands.
pub(super) const NON_UPDATE: &str = "spec.nonUpdateStrategy";

/// Collects faults while fields are read.
pub(super) struct Check {
    pub(super) faults: Vec<Fault>,
    /// Which strategy the fields are of.
    pub(super) strategy: &'static str,
}

impl Check {
    fn fault(&mut self, field: &str, message: impl Into<String>) {
        self.faults.push(Fault { field: field.to_string(), message: message.into() });
    }

    /// The path of a field of the strategy.
    pub(super) fn at(&self, field: &str) -> String {
        format!("{}.{field}", self.strategy)
    }

    pub(super) fn action(&mut self, name: &str) {
        if Action::parse(name).is_none() {
            let names = Action::ALL.map(Action::as_str).join(", ");
            self.fault("spec.action", format!("must be one of {names}"));
        }
    }

    pub(super) fn replicas(&mut self, action: Option<Action>, replicas: Option<i64>) {
        let Some(action) = action else { return };
        if action.needs_replicas() && replicas.is_none() {
            self.fault("spec.application.replicas", format!("is required for action {action}"));
        }
        if matches!(action, Action::Stop | Action::Delete) && replicas.is_some_and(|replicas| replicas != 0) {
            self.fault(
                "spec.application.replicas",
                format!("must be 0, or be left out, for action {action}"),
            );
        }
    }

    pub(super) fn pods(
        &mut self,
        action: Option<Action>,
        strategy: Option<&NonUpdateStrategy>,
    ) -> Vec<PodName> {
        let listed = strategy.and_then(|strategy| strategy.pods_to_delete.as_deref()).unwrap_or_default();
        if !listed.is_empty() && !matches!(action, Some(Action::ScaleIn | Action::Restart)) {
            let text = "is for actions scale_in and restart only; leave it out";
            self.fault("spec.nonUpdateStrategy.podsToDelete", text);
        }
        if listed.len() > usize::try_from(MAX_NAMED).unwrap_or(usize::MAX) {
            let text = format!("must have at most {MAX_NAMED} names");
            self.fault("spec.nonUpdateStrategy.podsToDelete", text);
        }
        let mut pods: Vec<PodName> = Vec::new();
        for (at, name) in listed.iter().enumerate() {
            let field = format!("spec.nonUpdateStrategy.podsToDelete[{at}]");
            match PodName::new(name) {
                Ok(pod) if pods.contains(&pod) => self.fault(&field, "is listed twice"),
                Ok(pod) => pods.push(pod),
                Err(error) => self.fault(&field, error.fault),
            }
        }
        pods
    }

    pub(super) fn identity(&mut self, action: Option<Action>, draft: &Draft) -> Option<Identity> {
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
        let long = MAX_CREATED + 1..=MAX_LABEL;
        if action == Some(Action::Create) && long.contains(&draft.instance_name.len()) {
            let text = format!("must have at most {MAX_CREATED} characters for action create");
            self.fault("spec.application.instanceName", text);
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

    pub(super) fn number(&mut self, field: &str, value: Option<i64>, least: u32, most: u32) -> Option<u32> {
        let value = value?;
        let number = u32::try_from(value).ok().filter(|n| (least..=most).contains(n));
        if number.is_none() {
            self.fault(field, format!("must be between {least} and {most}"));
        }
        number
    }

    pub(super) fn seconds(&mut self, field: &str, value: Option<i32>, default: Seconds) -> Seconds {
        let field = self.at(field);
        self.number(&field, value.map(i64::from), 0, i32::MAX.unsigned_abs()).map_or(default, Seconds)
    }

    pub(super) fn mode(&mut self, mode: Option<&str>) -> Mode {
        match mode {
            None | Some("" | "manual") => Mode::Manual,
            Some("auto") => Mode::Auto,
            Some(_) => {
                let field = self.at("mode");
                self.fault(&field, "must be auto or manual");
                Mode::Manual
            }
        }
    }

    pub(super) fn strategy_kind(&mut self, action: Option<Action>, draft: &Draft) {
        let Some(action) = action else { return };
        if action.is_update() && draft.non_update_strategy.is_some() {
            self.fault("spec.nonUpdateStrategy", format!("action {action} takes spec.updateStrategy"));
        }
        if !action.is_update() && draft.update_strategy.is_some() {
            self.fault("spec.updateStrategy", format!("action {action} takes spec.nonUpdateStrategy"));
        }
    }

    pub(super) fn template(
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

    pub(super) fn workload_kind(&mut self, kind: &str) {
        if !kind.is_empty() && !kind.eq_ignore_ascii_case("cloneset") {
            self.fault("spec.application.applicationType", "must be cloneset, or be left out");
        }
    }

    pub(super) fn orders(&mut self, strategy: &UpdateStrategy, replicas: Option<u32>) -> Orders {
        let sizes = self.sizes(strategy, replicas);
        let field = self.at("batches");
        let batch = self.number(&field, strategy.batches.map(i64::from), 0, MAX_BATCHES).unwrap_or(1);
        let phase = match strategy.stage.as_deref() {
            None | Some("") => BatchPhase::Smoking,
            Some(name) => BatchPhase::parse_target(name).unwrap_or_else(|| {
                let field = self.at("stage");
                self.fault(&field, "must be one of Pending, Smoking, Smoked, Baking, Baked");
                BatchPhase::Pending
            }),
        };
        let superseded = strategy.superseded_by.as_deref().filter(|name| !name.is_empty());
        let superseded = superseded.and_then(|name| {
            let field = self.at("supersededBy");
            if strategy.canceled != Some(true) {
                self.fault(&field, SUPERSEDED_ALONE);
            }
            FlowName::new(name).map_err(|error| self.fault(&field, error.fault)).ok()
        });
        let field = self.at("resumes");
        let resumes = strategy.resumes.map(i64::from);
        let resumes = self.number(&field, resumes, 0, i32::MAX.unsigned_abs());
        let deadline = strategy.progress_deadline_seconds;
        if deadline == Some(0) {
            let field = self.at("progressDeadlineSeconds");
            self.fault(&field, "must be at least 1");
        }
        Orders {
            paused: strategy.paused.unwrap_or(false),
            canceled: strategy.canceled.unwrap_or(false),
            superseded,
            resumes: resumes.unwrap_or(0),
            target: Target { batch, phase },
            sizes,
            interval: self.seconds("batchIntervalSeconds", strategy.batch_interval_seconds, Seconds(0)),
            deadline: self.seconds("progressDeadlineSeconds", deadline, DEFAULT_DEADLINE),
            grace: self.seconds("failureGraceSeconds", strategy.failure_grace_seconds, DEFAULT_GRACE),
        }
    }

    fn sizes(&mut self, strategy: &UpdateStrategy, replicas: Option<u32>) -> Sizes {
        let mut sizes = Vec::new();
        if strategy.batch_size.is_some() && strategy.batch_sizes.is_some() {
            let field = self.at("batchSizes");
            self.fault(&field, "stands instead of batchSize: give one of them");
        }
        let single = strategy.batch_size.iter().map(|raw| (self.at("batchSize"), raw));
        let list = strategy.batch_sizes.iter().flatten().enumerate();
        let list = list.map(|(at, raw)| (self.at(&format!("batchSizes[{at}]")), raw));
        let given: Vec<_> = single.chain(list).collect();
        for (field, raw) in given {
            match BatchSize::parse(raw) {
                Ok(size) => sizes.push(size),
                Err(message) => self.fault(&field, message),
            }
        }
        if strategy.batch_sizes.as_ref().is_some_and(Vec::is_empty) {
            let field = self.at("batchSizes");
            self.fault(&field, "must not be empty");
        }
        let sizes = Sizes(sizes);
        if let (Some(replicas), Some(last)) = (replicas, sizes.0.last())
            && replicas.div_ceil(last.of(replicas)) > MAX_BATCHES
        {
            let field = self.at("batchSize");
            self.fault(&field, "makes more than 1000 batches; make it larger");
        }
        sizes
    }

    pub(super) fn size(&mut self, field: &str, raw: Option<&RawSize>) -> Option<BatchSize> {
        let size = raw.map(BatchSize::parse)?;
        let field = self.at(field);
        size.map_err(|message| self.fault(&field, message)).ok()
    }

    pub(super) fn tolerance(&mut self, raw: Option<&RawSize>) -> Tolerance {
        let nothing = match raw {
            None | Some(RawSize::Int(0)) => true,
            Some(RawSize::Text(text)) => matches!(text.as_str(), "0" | "0%"),
            Some(RawSize::Int(_)) => false,
        };
        let size = if nothing { None } else { self.size("failureThreshold", raw) };
        size.map_or(Tolerance::Nothing, Tolerance::UpTo)
    }

    pub(super) fn on_failure(&mut self, policy: Option<&str>) -> OnFailure {
        match policy {
            None | Some("" | "pause") => OnFailure::Pause,
            Some("cancel") => OnFailure::Cancel,
            Some("rollback") if self.strategy == UPDATE => OnFailure::Rollback,
            Some(_) => {
                let field = self.at("onFailure");
                let update = self.strategy == UPDATE;
                self.fault(
                    &field,
                    if update { "must be pause, cancel or rollback" } else { "must be pause or cancel" },
                );
                OnFailure::Pause
            }
        }
    }

    pub(super) fn cancel_policy(&mut self, policy: Option<&str>) -> CancelPolicy {
        match policy {
            None | Some("" | "freeze") => CancelPolicy::Freeze,
            Some("revert") => CancelPolicy::Revert,
            Some(_) => {
                let field = self.at("cancelPolicy");
                self.fault(&field, "must be freeze or revert");
                CancelPolicy::Freeze
            }
        }
    }

    pub(super) fn pod_replacement_policy(&mut self, policy: Option<&str>) -> PodReplacementPolicy {
        let name = policy.filter(|name| !name.is_empty());
        let known = |name: &str| PodReplacementPolicy::ALL.into_iter().find(|policy| policy.as_str() == name);
        name.map_or_else(Default::default, |name| {
            known(name).unwrap_or_else(|| {
                let field = self.at("podReplacementPolicy");
                self.fault(&field, "must be TerminationStarted or TerminationComplete");
                PodReplacementPolicy::default()
            })
        })
    }

    pub(super) fn rollback_to(&mut self, action: Option<Action>, draft: &Draft) -> Option<Revision> {
        let to = draft.rollback_to.as_ref()?;
        let field = "spec.rollbackTo";
        if action.is_some_and(|action| action != Action::Rollback) {
            self.fault(field, "is for action rollback only; leave it out");
        } else if draft.template.is_some() {
            self.fault(field, "stands instead of spec.application.template: give one of them");
        }
        Revision::new(&to.revision).map_err(|error| self.fault("spec.rollbackTo.revision", error.fault)).ok()
    }
}
