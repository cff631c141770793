//! Changes of standing orders.

use triton_core::model::{BatchSize, Edit, FlowId, RawSize, Seconds, Sizes};
use triton_core::service::ApiError;

use super::request::{meta, read_target, target_state};
use super::strategy::{size, wire_size};
use super::{at_least, fault, wire_count};
use crate::deployflow::EditRequest;

/// Asks to change standing orders.
pub(crate) fn edit_request(id: &FlowId, edit: &Edit) -> EditRequest {
    let Edit { paused, canceled, target, sizes, interval, deadline, grace } = edit;
    let texts: Vec<String> =
        sizes.iter().flat_map(|sizes| &sizes.0).map(|size| wire_size(RawSize::from(*size))).collect();
    let (batch_size, batch_sizes) = match (sizes, texts.as_slice()) {
        (None, _) => (None, Vec::new()),
        (Some(_), []) => (Some(String::new()), Vec::new()),
        (Some(_), [_, ..]) => (None, texts),
    };
    EditRequest {
        deploy: Some(meta(id)),
        paused: *paused,
        canceled: *canceled,
        target: target.map(target_state),
        batch_size,
        batch_sizes,
        batch_interval_seconds: interval.map(|seconds| wire_count(seconds.0)),
        progress_deadline_seconds: deadline.map(|seconds| wire_count(seconds.0)),
        failure_grace_seconds: grace.map(|seconds| wire_count(seconds.0)),
    }
}

/// What is to change.
pub(crate) fn edit(request: &EditRequest) -> Result<Edit, ApiError> {
    let target = request.target.as_ref();
    Ok(Edit {
        paused: request.paused,
        canceled: request.canceled,
        target: target.map(|target| read_target(target, super::request::START)).transpose()?,
        sizes: sizes(request)?,
        interval: seconds("batchIntervalSeconds", request.batch_interval_seconds, 0)?,
        deadline: seconds("progressDeadlineSeconds", request.progress_deadline_seconds, 1)?,
        grace: seconds("failureGraceSeconds", request.failure_grace_seconds, 0)?,
    })
}

fn sizes(request: &EditRequest) -> Result<Option<Sizes>, ApiError> {
    let list = &request.batch_sizes;
    let parse = |field: &str, text: &str| BatchSize::parse(&size(text)).map_err(|text| fault(field, text));
    match (request.batch_size.as_deref(), list.is_empty()) {
        (Some(_), false) => Err(fault("batchSizes", "stands instead of batchSize: give one of them")),
        (None, true) => Ok(None),
        (Some(""), true) => Ok(Some(Sizes::default())),
        (Some(text), true) => Ok(Some(Sizes(vec![parse("batchSize", text)?]))),
        (None, false) => {
            let sizes = list.iter().enumerate().map(|(at, text)| parse(&format!("batchSizes[{at}]"), text));
            sizes.collect::<Result<_, _>>().map(|sizes| Some(Sizes(sizes)))
        }
    }
}

fn seconds(field: &str, number: Option<i32>, least: u32) -> Result<Option<Seconds>, ApiError> {
    number.map(|number| at_least(least, field, number).map(Seconds)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployflow::TargetState;
    use crate::views;
    use triton_core::model::{BatchPhase, Target};

    #[test]
    fn every_edit_survives_the_round_trip() {
        let sizes = |sizes: &[BatchSize]| Some(Sizes(sizes.to_vec()));
        let full = Edit {
            paused: Some(false),
            canceled: Some(true),
            target: Some(Target { batch: 3, phase: BatchPhase::Smoked }),
            sizes: sizes(&[BatchSize::Pods(1), BatchSize::Percent(10)]),
            interval: Some(Seconds(0)),
            deadline: Some(Seconds(60)),
            grace: Some(Seconds(0)),
        };
        let one = Edit { sizes: sizes(&[BatchSize::Percent(25)]), ..Edit::default() };
        let everything = Edit { sizes: sizes(&[]), ..Edit::default() };
        for there in [full, one, everything, Edit::default()] {
            assert_eq!(edit(&edit_request(&views::id("df"), &there)), Ok(there));
        }
    }

    #[test]
    fn a_size_alone_is_a_list_of_one() {
        let request = EditRequest { batch_size: Some("2".into()), ..EditRequest::default() };
        let sizes = Some(Sizes(vec![BatchSize::Pods(2)]));
        assert_eq!(edit(&request), Ok(Edit { sizes, ..Edit::default() }));
    }

    #[test]
    fn bad_edits_are_refused_with_their_fields() {
        let refused = |change: fn(&mut EditRequest)| {
            let mut request = EditRequest::default();
            change(&mut request);
            edit(&request).unwrap_err().message
        };
        assert_eq!(refused(|e| e.batch_size = Some("0".into())), "batchSize: must be at least 1");
        let list = refused(|e| e.batch_sizes = vec!["1".into(), "0%".into()]);
        assert_eq!(list, "batchSizes[1]: must be between 1% and 100%");
        let both = refused(|e| {
            e.batch_size = Some("1".into());
            e.batch_sizes = vec!["1".into()];
        });
        assert_eq!(both, "batchSizes: stands instead of batchSize: give one of them");
        let interval = refused(|e| e.batch_interval_seconds = Some(-1));
        assert_eq!(interval, "batchIntervalSeconds: must be at least 0");
        let deadline = refused(|e| e.progress_deadline_seconds = Some(0));
        assert_eq!(deadline, "progressDeadlineSeconds: must be at least 1");
        let grace = refused(|e| e.failure_grace_seconds = Some(-1));
        assert_eq!(grace, "failureGraceSeconds: must be at least 0");
        let target = refused(|e| e.target = Some(TargetState::default()));
        assert_eq!(target, "target.batches: must be at least 1");
    }
}
