//! With which fields of a CloneSet a flow cannot go on. What triton makes of the others: [`known`](super::known).

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use triton_core::model::{Action, Flow, selector_mismatch};

use super::api_version::ApiVersion;
use super::entry::CloneSetEntry;

/// Which field of a CloneSet keeps this flow from being carried out, why, and what to do.
#[must_use]
pub fn refused(cloneset: &CloneSetEntry, flow: &Flow) -> Option<String> {
    selector(cloneset, flow).or_else(|| kind(cloneset, flow)).or_else(|| scale_limit(cloneset, flow))
}

/// What OpenKruise waits for that holds new pods back, for people.
#[must_use]
pub fn limited(cloneset: &CloneSetEntry) -> Option<String> {
    let limit = cloneset.scale_limit.as_ref()?;
    Some(format!(
        "{}: OpenKruise starts no pod while so many are out of service; take the field away",
        named(cloneset, "scaleStrategy.maxUnavailable", limit)
    ))
}

/// The selector never changes: a template that it does not match makes pods that are nobody's (OpenKruise refuses
/// such a CloneSet).
fn selector(cloneset: &CloneSetEntry, flow: &Flow) -> Option<String> {
    let spec = &flow.spec;
    let template = spec.template.as_ref().filter(|_| spec.action.is_update())?;
    let mismatch = selector_mismatch(&cloneset.fixed.selector, &template.to_json(), &spec.identity)?;
    Some(format!(
        "spec.selector of CloneSet {}/{}: {mismatch}. A selector cannot be changed: make the labels match, or create \
         another instance and delete this one",
        cloneset.key.namespace, cloneset.key.name
    ))
}

/// A type by which OpenKruise exchanges no pod.
fn kind(cloneset: &CloneSetEntry, flow: &Flow) -> Option<String> {
    let kind = cloneset.kind.as_deref().unwrap_or_default();
    let known = matches!(kind, "" | "ReCreate" | "InPlaceIfPossible" | "InPlaceOnly");
    let exchanges = matches!(flow.spec.action, Action::Update | Action::Rollback);
    (exchanges && !known).then(|| {
        let field = named(cloneset, cloneset.kind_field, &IntOrString::String(kind.into()));
        let types = match cloneset.api_version {
            ApiVersion::V1Beta1 if cloneset.kind_field == "updateStrategy.type" => "RollingUpdate",
            ApiVersion::V1Alpha1 | ApiVersion::V1Beta1 => "ReCreate, InPlaceIfPossible or InPlaceOnly",
        };
        format!("{field}: no pod would be exchanged; make it {types}")
    })
}

/// New pods are out of service until they take traffic, and those of a batch wait for each other and for a person.
/// A limit for them would keep the rest of the batch from starting, and lost pods from being replaced (OpenKruise:
/// `scaleUpLimit`).
fn scale_limit(cloneset: &CloneSetEntry, flow: &Flow) -> Option<String> {
    let limit = cloneset.scale_limit.as_ref()?;
    let spec = &flow.spec;
    let starts = match spec.action {
        Action::Create | Action::ScaleIn | Action::Stop | Action::Delete => false,
        Action::Scale => spec.replicas.is_some_and(|replicas| replicas > cloneset.replicas),
        Action::Update | Action::Rollback | Action::Restart | Action::ScaleOut | Action::Start => true,
    };
    starts.then(|| {
        format!(
            "{}: OpenKruise starts no pod while so many are out of service, as new pods are until the flow brings \
             them into traffic. Take the field away: batchSize and canary say how many start at once",
            named(cloneset, "scaleStrategy.maxUnavailable", limit)
        )
    })
}

fn named(cloneset: &CloneSetEntry, field: &str, value: &IntOrString) -> String {
    let value = match value {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(text) => text.clone(),
    };
    format!("spec.{field} of CloneSet {}/{} is {value}", cloneset.key.namespace, cloneset.key.name)
}

#[cfg(test)]
#[path = "fields_tests.rs"]
mod tests;
