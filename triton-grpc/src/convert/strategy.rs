//! How a flow goes: the strategies of manifests.

use triton_core::model::{NonUpdateStrategy, RawSize, UpdateStrategy};
use triton_core::service::ApiError;

use super::{fault, given};
use crate::deployflow as wire;

/// A number that is set when it is not zero.
fn set(number: i32) -> Option<i32> {
    (number != 0).then_some(number)
}

/// A size; one without a percent sign is a number of pods.
pub(super) fn size(text: &str) -> RawSize {
    let plain = text.parse().ok().filter(|pods: &i64| pods.to_string() == text);
    plain.map_or_else(|| RawSize::Text(text.to_owned()), RawSize::Int)
}

pub(super) fn wire_size(size: RawSize) -> String {
    match size {
        RawSize::Int(pods) => pods.to_string(),
        RawSize::Text(text) => text,
    }
}

pub(super) fn update_strategy(wire: wire::UpdateStrategy) -> UpdateStrategy {
    let sizes: Vec<_> = wire.batch_sizes.iter().map(|text| size(text)).collect();
    UpdateStrategy {
        paused: wire.paused,
        canceled: wire.canceled,
        resumes: None,
        batch_size: given(&wire.batch_size).map(size),
        batch_sizes: (!sizes.is_empty()).then_some(sizes),
        batch_interval_seconds: set(wire.batch_interval_seconds),
        mode: given(&wire.mode).map(str::to_owned),
        batches: set(wire.batches),
        stage: given(&wire.stage).map(str::to_owned),
        no_pull_in: wire.no_pull_in.then_some(true),
        canary: set(wire.canary),
        progress_deadline_seconds: wire.progress_deadline_seconds,
        failure_grace_seconds: wire.failure_grace_seconds,
        drain_seconds: wire.drain_seconds,
        max_unavailable: given(&wire.max_unavailable).map(size),
        failure_threshold: given(&wire.failure_threshold).map(size),
        on_failure: given(&wire.on_failure).map(str::to_owned),
        cancel_policy: given(&wire.cancel_policy).map(str::to_owned),
        pod_replacement_policy: given(&wire.pod_replacement_policy).map(str::to_owned),
        superseded_by: None,
    }
}

pub(super) fn wire_update_strategy(strategy: UpdateStrategy) -> Result<wire::UpdateStrategy, ApiError> {
    let text = |size: Option<RawSize>| size.map(wire_size).unwrap_or_default();
    Ok(wire::UpdateStrategy {
        canary: strategy.canary.unwrap_or_default(),
        batch_size: text(strategy.batch_size),
        no_pull_in: strategy.no_pull_in.unwrap_or_default(),
        stage: strategy.stage.unwrap_or_default(),
        batches: strategy.batches.unwrap_or_default(),
        batch_interval_seconds: strategy.batch_interval_seconds.unwrap_or_default(),
        mode: strategy.mode.unwrap_or_default(),
        paused: strategy.paused,
        canceled: strategy.canceled,
        batch_sizes: wire_sizes("spec.updateStrategy.batchSizes", strategy.batch_sizes)?,
        progress_deadline_seconds: strategy.progress_deadline_seconds,
        failure_grace_seconds: strategy.failure_grace_seconds,
        drain_seconds: strategy.drain_seconds,
        max_unavailable: text(strategy.max_unavailable),
        failure_threshold: text(strategy.failure_threshold),
        on_failure: strategy.on_failure.unwrap_or_default(),
        cancel_policy: strategy.cancel_policy.unwrap_or_default(),
        pod_replacement_policy: strategy.pod_replacement_policy.unwrap_or_default(),
    })
}

pub(super) fn non_update_strategy(wire: wire::NonUpdateStrategy) -> NonUpdateStrategy {
    let sizes: Vec<_> = wire.batch_sizes.iter().map(|text| size(text)).collect();
    let pods = wire.pods_to_delete;
    NonUpdateStrategy {
        paused: wire.paused,
        canceled: wire.canceled,
        resumes: None,
        batch_size: given(&wire.batch_size).map(size),
        batch_sizes: (!sizes.is_empty()).then_some(sizes),
        batch_interval_seconds: set(wire.batch_interval_seconds),
        mode: given(&wire.mode).map(str::to_owned),
        batches: set(wire.batches),
        stage: given(&wire.stage).map(str::to_owned),
        progress_deadline_seconds: wire.progress_deadline_seconds,
        failure_grace_seconds: wire.failure_grace_seconds,
        drain_seconds: wire.drain_seconds,
        max_unavailable: given(&wire.max_unavailable).map(size),
        failure_threshold: given(&wire.failure_threshold).map(size),
        on_failure: given(&wire.on_failure).map(str::to_owned),
        pod_replacement_policy: given(&wire.pod_replacement_policy).map(str::to_owned),
        superseded_by: None,
        pods_to_delete: (!pods.is_empty()).then_some(pods),
    }
}

pub(super) fn wire_non_update_strategy(
    strategy: NonUpdateStrategy,
) -> Result<wire::NonUpdateStrategy, ApiError> {
    Ok(wire::NonUpdateStrategy {
        batch_size: strategy.batch_size.map(wire_size).unwrap_or_default(),
        pods_to_delete: strategy.pods_to_delete.unwrap_or_default(),
        batches: strategy.batches.unwrap_or_default(),
        batch_interval_seconds: strategy.batch_interval_seconds.unwrap_or_default(),
        mode: strategy.mode.unwrap_or_default(),
        paused: strategy.paused,
        canceled: strategy.canceled,
        batch_sizes: wire_sizes("spec.nonUpdateStrategy.batchSizes", strategy.batch_sizes)?,
        progress_deadline_seconds: strategy.progress_deadline_seconds,
        failure_grace_seconds: strategy.failure_grace_seconds,
        drain_seconds: strategy.drain_seconds,
        stage: strategy.stage.unwrap_or_default(),
        max_unavailable: strategy.max_unavailable.map(wire_size).unwrap_or_default(),
        failure_threshold: strategy.failure_threshold.map(wire_size).unwrap_or_default(),
        on_failure: strategy.on_failure.unwrap_or_default(),
        pod_replacement_policy: strategy.pod_replacement_policy.unwrap_or_default(),
    })
}

/// A list of sizes; the wire cannot tell an empty one from none.
fn wire_sizes(field: &str, sizes: Option<Vec<RawSize>>) -> Result<Vec<String>, ApiError> {
    if sizes.as_ref().is_some_and(Vec::is_empty) {
        return Err(fault(field, "must not be empty"));
    }
    Ok(sizes.unwrap_or_default().into_iter().map(wire_size).collect())
}
