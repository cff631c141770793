//! How long texts, lists and maps may be, so that the estimated cost of the rules stays within what the API
//! server allows.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;

/// A bound for the cost estimate.
#[derive(Clone, Copy)]
pub(super) enum Bound {
    Items(i64),
    Length(i64),
    Properties(i64),
}

impl Bound {
    pub(super) fn set(self, node: &mut JSONSchemaProps) {
        match self {
            Self::Items(most) => node.max_items = Some(most),
            Self::Length(most) => node.max_length = Some(most),
            Self::Properties(most) => node.max_properties = Some(most),
        }
    }
}

/// Every bound with the path of its schema node.
pub(super) fn all() -> Vec<(&'static str, Bound)> {
    use Bound::{Items, Length, Properties};
    vec![
        ("spec.action", Length(32)),
        ("spec.application.appName", Length(253)),
        ("spec.application.instanceName", Length(253)),
        ("spec.application.applicationType", Length(63)),
        ("spec.application.applicationLabel", Properties(64)),
        ("spec.application.applicationLabel.*", Length(253)),
        ("spec.application.volumeClaimTemplates", Items(32)),
        ("spec.application.selector.matchLabels", Properties(32)),
        ("spec.application.selector.matchLabels.*", Length(63)),
        ("spec.application.selector.matchExpressions", Items(16)),
        ("spec.application.selector.matchExpressions.*.key", Length(317)),
        ("spec.application.selector.matchExpressions.*.operator", Length(32)),
        ("spec.application.selector.matchExpressions.*.values", Items(32)),
        ("spec.application.selector.matchExpressions.*.values.*", Length(63)),
        ("spec.application.template.metadata.labels", Properties(128)),
        ("spec.application.template.metadata.labels.*", Length(63)),
        ("spec.application.template.spec.containers", Items(64)),
        ("spec.updateStrategy.mode", Length(32)),
        ("spec.updateStrategy.stage", Length(32)),
        ("spec.updateStrategy.onFailure", Length(32)),
        ("spec.updateStrategy.cancelPolicy", Length(32)),
        ("spec.updateStrategy.podReplacementPolicy", Length(32)),
        ("spec.updateStrategy.batchSize", Length(32)),
        ("spec.updateStrategy.batchSizes", Items(1000)),
        ("spec.updateStrategy.batchSizes.*", Length(32)),
        ("spec.updateStrategy.maxUnavailable", Length(32)),
        ("spec.updateStrategy.failureThreshold", Length(32)),
        ("spec.updateStrategy.supersededBy", Length(253)),
        ("spec.nonUpdateStrategy.supersededBy", Length(253)),
        ("spec.rollbackTo.revision", Length(253)),
        ("spec.nonUpdateStrategy.stage", Length(32)),
        ("spec.nonUpdateStrategy.onFailure", Length(32)),
        ("spec.nonUpdateStrategy.podReplacementPolicy", Length(32)),
        ("spec.nonUpdateStrategy.batchSizes", Items(1000)),
        ("spec.nonUpdateStrategy.batchSizes.*", Length(32)),
        ("spec.nonUpdateStrategy.maxUnavailable", Length(32)),
        ("spec.nonUpdateStrategy.failureThreshold", Length(32)),
        ("spec.nonUpdateStrategy.mode", Length(32)),
        ("spec.nonUpdateStrategy.batchSize", Length(32)),
        ("spec.nonUpdateStrategy.podsToDelete", Items(1000)),
        ("spec.nonUpdateStrategy.podsToDelete.*", Length(253)),
    ]
}
