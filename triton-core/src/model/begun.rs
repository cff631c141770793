//! What the spec of a flow said when the flow began.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fault::{Fault, Faults};
use super::hash::{hash_of, said};
use super::name::InstanceName;
use super::spec::Spec;

/// Bytes of the longest value that is kept as it was said.
const PLAIN: usize = 63;
/// What a value begins with that is kept as a hash.
const HASHED: &str = "sha256:";

/// The fields of a spec that never change, as they were when the flow began, by name. A flow in the middle of its batches
/// whose spec says something else by now was changed past the checks of its store, and nobody asked for what it says. Short
/// values stand there as they were said, longer ones as a [hash](hash_of); fields that say nothing are missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct BegunWith(BTreeMap<String, String>);

impl BegunWith {
    /// What this spec says.
    #[must_use]
    pub fn of(spec: &Spec) -> Self {
        let fields = said(spec).into_iter().filter(|(_, value)| !value.is_null());
        Self(fields.map(|(name, value)| (name, kept(&value))).collect())
    }

    /// The instance that the flow acts on; `None` where that cannot be told.
    #[must_use]
    pub fn instance(&self) -> Option<InstanceName> {
        InstanceName::new(self.0.get("instanceName")?).ok()
    }

    /// The fields of a spec that say something else by now; `None` where there are none.
    #[must_use]
    pub fn faults(&self, spec: &Spec) -> Option<Faults> {
        let Self(now) = Self::of(spec);
        let changed = |name: &&String| self.0.get(*name) != now.get(*name);
        let mut names: Vec<&String> = self.0.keys().chain(now.keys()).filter(changed).collect();
        names.sort_unstable();
        names.dedup();
        let fault = |name: &String| {
            let was = match self.0.get(name) {
                None => "was not there when the flow began: take it away".to_string(),
                Some(hash) if hash.starts_with(HASHED) => {
                    "is not what it was when the flow began: put that back".to_string()
                }
                Some(was) => format!("was {was} when the flow began: put that back"),
            };
            Fault {
                field: field(spec, name),
                message: format!("{was}; only orders of a flow can be changed"),
            }
        };
        (!names.is_empty()).then(|| Faults(names.into_iter().map(fault).collect()))
    }
}

fn kept(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let plain = !value.is_object() && text.len() <= PLAIN && !text.starts_with(HASHED);
    if plain { text } else { format!("{HASHED}{}", hash_of(value)) }
}

/// The path of a field in the manifest.
fn field(spec: &Spec, name: &str) -> String {
    let part = match name {
        "action" | "rollbackTo" => return format!("spec.{name}"),
        "appID"
        | "groupID"
        | "appName"
        | "instanceName"
        | "applicationType"
        | "replicas"
        | "template"
        | "selector"
        | "applicationLabel"
        | "volumeClaimTemplates" => "application",
        _ if spec.action.is_update() => "updateStrategy",
        _ => "nonUpdateStrategy",
    };
    format!("spec.{part}.{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Draft, NonUpdateStrategy, RawSize, UpdateStrategy};
    use serde_json::json;

    #[test]
    fn a_field_that_says_something_else_than_when_the_flow_began_is_named_with_what_stood_there() {
        type Row = (fn(&mut Draft), &'static str, &'static str);
        let rows: [Row; 9] = [
            (|draft| draft.action = "create".into(), "spec.action", "was update when"),
            (|draft| draft.instance_name = "other".into(), "spec.application.instanceName", "was shop when"),
            (|draft| draft.app_id = 7, "spec.application.appID", "was 1 when"),
            (|draft| draft.replicas = Some(9), "spec.application.replicas", "was 3 when"),
            (|draft| draft.replicas = None, "spec.application.replicas", "was 3 when"),
            (
                |draft| draft.template = Some(template("app:9")),
                "spec.application.template",
                "is not what it was",
            ),
            (|draft| strategy(draft).mode = Some("auto".into()), "spec.updateStrategy.mode", "was not there"),
            (|draft| strategy(draft).canary = None, "spec.updateStrategy.canary", "was 1 when"),
            (
                |draft| strategy(draft).max_unavailable = Some(RawSize::Text("50%".into())),
                "spec.updateStrategy.maxUnavailable",
                "was not there",
            ),
        ];
        let began = BegunWith::of(&spec(&draft()));
        for (change, field, message) in rows {
            let mut changed = draft();
            change(&mut changed);
            let Faults(faults) = began.faults(&spec(&changed)).unwrap_or_else(|| panic!("{field}"));
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert_eq!(faults[0].field, field);
            assert!(faults[0].message.starts_with(message), "{faults:?}");
        }
    }

    #[test]
    fn orders_and_what_means_the_same_are_no_change() {
        let began = BegunWith::of(&spec(&draft()));
        let mut ordered = draft();
        let orders = UpdateStrategy {
            paused: Some(true),
            canceled: Some(true),
            resumes: Some(3),
            batch_size: Some(RawSize::Int(2)),
            progress_deadline_seconds: Some(70),
            ..strategy(&mut ordered).clone()
        };
        *strategy(&mut ordered) = orders;
        ordered.template.as_mut().expect("one")["metadata"] = Value::Null;
        assert_eq!(began.faults(&spec(&ordered)), None);
        let stored: BegunWith = serde_json::from_value(json!(began)).expect("it was written so");
        assert_eq!((stored.instance(), &stored), ("shop".parse().ok(), &began));
    }

    #[test]
    fn fields_of_other_actions_are_named_where_they_stand() {
        let restart = |drain| {
            let strategy = NonUpdateStrategy { drain_seconds: drain, ..NonUpdateStrategy::default() };
            let draft = Draft {
                action: "restart".into(),
                template: None,
                replicas: None,
                update_strategy: None,
                non_update_strategy: Some(strategy),
                ..draft()
            };
            spec(&draft)
        };
        let Faults(faults) = BegunWith::of(&restart(Some(5))).faults(&restart(Some(6))).expect("a change");
        assert_eq!(faults[0].field, "spec.nonUpdateStrategy.drainSeconds");
    }

    fn draft() -> Draft {
        Draft {
            action: "update".into(),
            app_id: 1,
            group_id: 2,
            app_name: "shop".into(),
            instance_name: "shop".into(),
            replicas: Some(3),
            template: Some(template("app:1")),
            update_strategy: Some(UpdateStrategy { canary: Some(1), ..UpdateStrategy::default() }),
            ..Draft::default()
        }
    }

    fn template(image: &str) -> Value {
        json!({ "spec": { "containers": [{ "name": "app", "image": image }] } })
    }

    fn strategy(draft: &mut Draft) -> &mut UpdateStrategy {
        draft.update_strategy.as_mut().expect("one")
    }

    fn spec(draft: &Draft) -> Spec {
        draft.parse().unwrap_or_else(|faults| panic!("{faults}")).0
    }
}
