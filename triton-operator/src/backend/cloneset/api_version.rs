//! Which version of CloneSets the API server serves, and where that version has what triton reads and writes.
//!
//! OpenKruise 1.9 serves `v1alpha1` alone. Later ones store `v1beta1` and serve both, with a webhook that converts;
//! of what only one of them has, a write through the other takes some away.

use kube::Client;
use kube::api::{ApiResource, DynamicObject};
use serde_json::{Value, json};
use triton_core::model;

use super::binding::{CloneSet, UpdateStrategy};

/// The API group of CloneSets.
const GROUP: &str = "apps.kruise.io";

/// A version of the API of CloneSets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiVersion {
    /// `apps.kruise.io/v1alpha1`: numbers and type of an update stand in `updateStrategy`; the label
    /// [`EXCLUDE_PREPARING_DELETE`](crate::labels::EXCLUDE_PREPARING_DELETE) is obeyed.
    V1Alpha1,
    /// `apps.kruise.io/v1beta1`: they stand in `updateStrategy.rollingUpdate`, the type as `podUpdatePolicy`; in
    /// place of the label `scaleStrategy.excludePreparingDelete` is obeyed.
    V1Beta1,
}
use ApiVersion::{V1Alpha1, V1Beta1};

impl ApiVersion {
    /// The oldest first.
    pub const ALL: [Self; 2] = [V1Alpha1, V1Beta1];

    /// Group and version, as objects name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            V1Alpha1 => "apps.kruise.io/v1alpha1",
            V1Beta1 => "apps.kruise.io/v1beta1",
        }
    }

    /// How to address CloneSets of this version.
    #[must_use]
    pub fn resource(self) -> ApiResource {
        let version = self.name().split_once('/').map_or_else(String::new, |(_, version)| version.into());
        ApiResource { version, api_version: self.name().into(), ..ApiResource::erase::<CloneSet>(&()) }
    }

    /// The oldest version that the API server serves, which is the one to read and write (decision 0054); `None` where
    /// it serves no CloneSets.
    ///
    /// # Errors
    /// When it cannot be told: the API server does not answer, or refuses to say what it serves.
    pub async fn oldest_served(client: &Client) -> kube::Result<Option<Self>> {
        for version in Self::ALL {
            match client.list_api_group_resources(version.name()).await {
                Ok(served) if served.resources.iter().any(|kind| kind.name == "clonesets") => {
                    return Ok(Some(version));
                }
                Ok(_) => {}
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// The version that an object is in.
    ///
    /// # Errors
    /// One that is none of these.
    pub fn of(object: &DynamicObject) -> Result<Self, String> {
        let told = object.types.as_ref().map_or("", |types| types.api_version.as_str());
        let known = Self::ALL.into_iter().find(|version| version.name() == told);
        known.ok_or_else(|| format!("apiVersion: {told:?} is not one of {GROUP} that this triton knows"))
    }

    /// The path of a field that concerns the exchange of pods, below `spec`.
    #[must_use]
    pub fn strategy(self, field: &str) -> String {
        match self {
            V1Alpha1 => format!("updateStrategy.{field}"),
            V1Beta1 => format!("updateStrategy.rollingUpdate.{field}"),
        }
    }

    /// The same as a pointer into the object (RFC 6901).
    #[must_use]
    pub fn pointer(self, field: &str) -> String {
        format!("/spec/{}", self.strategy(field).replace('.', "/"))
    }

    /// What stands in `updateStrategy` for these fields that concern the exchange of pods.
    #[must_use]
    pub fn wrapped(self, fields: Value) -> Value {
        match self {
            V1Alpha1 => fields,
            V1Beta1 => json!({ "rollingUpdate": fields }),
        }
    }

    /// `updateStrategy` with everything where `v1alpha1` has it, and the path of its type below `spec`.
    ///
    /// # Errors
    /// Which field cannot be read. A type that only the other version has is in the object where the definition of
    /// CloneSets serves two versions and converts nothing: then no number is where this version has it.
    pub(super) fn unwrapped(
        self,
        mut strategy: UpdateStrategy,
    ) -> Result<(UpdateStrategy, &'static str), String> {
        let kind = strategy.kind.take().unwrap_or_default();
        let others = match self {
            V1Alpha1 => ["RollingUpdate"].as_slice(),
            V1Beta1 => ["ReCreate", "InPlaceIfPossible", "InPlaceOnly"].as_slice(),
        };
        if others.contains(&kind.as_str()) {
            return Err(format!(
                "spec.updateStrategy.type: {kind} is none of {}: does the definition of CloneSets convert between \
                 its versions (spec.conversion)?",
                self.name()
            ));
        }
        let named = |kind: String| Some(kind).filter(|kind| !kind.is_empty());
        match self {
            V1Alpha1 => Ok((UpdateStrategy { kind: named(kind), ..strategy }, "updateStrategy.type")),
            V1Beta1 => {
                let rolling = strategy.rest.remove("rollingUpdate").filter(|it| !it.is_null());
                let rolling = rolling.unwrap_or_else(|| json!({}));
                let rolling: UpdateStrategy =
                    model::read(rolling, "spec.updateStrategy.rollingUpdate").map_err(|e| e.to_string())?;
                if !matches!(kind.as_str(), "" | "RollingUpdate") {
                    return Ok((UpdateStrategy { kind: named(kind), ..rolling }, "updateStrategy.type"));
                }
                let policy = rolling.rest.get("podUpdatePolicy").and_then(Value::as_str).map(str::to_owned);
                let strategy = UpdateStrategy { kind: policy.and_then(named), ..rolling };
                Ok((strategy, "updateStrategy.rollingUpdate.podUpdatePolicy"))
            }
        }
    }

    /// The field beside those numbers that says how a pod is updated.
    #[must_use]
    pub const fn policy(self) -> &'static str {
        match self {
            V1Alpha1 => "type",
            V1Beta1 => "podUpdatePolicy",
        }
    }

    /// Whether `scaleStrategy.excludePreparingDelete` is obeyed. The label stays beside it: a write through `v1alpha1`
    /// sets the field to what the label says.
    #[must_use]
    pub const fn excludes_by_field(self) -> bool {
        matches!(self, V1Beta1)
    }

    /// The objects that changes of fields are written into, as pointers (RFC 6901), outermost first.
    #[must_use]
    pub const fn parents(self) -> &'static [&'static str] {
        match self {
            V1Alpha1 => &["/spec/scaleStrategy", "/spec/updateStrategy"],
            V1Beta1 => &["/spec/scaleStrategy", "/spec/updateStrategy", "/spec/updateStrategy/rollingUpdate"],
        }
    }
}

#[cfg(test)]
#[path = "api_version_tests.rs"]
mod tests;
