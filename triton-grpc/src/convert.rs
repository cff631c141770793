//! Between the messages of the wire and the types of the core. Only this module and the ones below it name
//! both.
//!
//! What comes from a caller is checked: an error names the field as the request has it. What comes from a
//! server is believed, except for names and phases: an error is then `Internal`.

#![cfg_attr(
    not(all(feature = "client", feature = "server")),
    allow(dead_code, unused_imports, reason = "one side sends what the other side receives")
)]

mod create;
mod deploy;
mod edit;
mod instance;
mod json;
mod order;
mod paths;
mod request;
mod strategy;

pub(crate) use create::{create_flow, create_request};
pub(crate) use deploy::{deploy_reply, first_reply, flow_event, flow_view, flow_views, ordered};
pub(crate) use edit::{edit, edit_request};
pub(crate) use instance::{
    instance_id, instance_reply, instance_request, instance_view, instance_views, instances_namespace,
    instances_reply, instances_request, pod_filter, pod_id, pod_reply, pod_request, pod_view, pod_views,
    pods_reply, pods_request, warnings_request, warnings_template,
};
pub(crate) use order::{
    Asked, OrderCall, delete_reply, deploy_name, made_name, order_call, paths, rollback_reply,
};
pub(crate) use paths::{CREATE, Paths, in_request_terms, manifest_terms};
pub(crate) use request::{
    continue_request, continue_target, expected, flow_filter, flow_id, list_request, meta_request,
    more_reply, next_request, removed_reply, watch_request, watch_target,
};

use prost_types::Timestamp as WireTime;
use serde::Serialize;
use serde::de::value::{Error as NameError, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde_json::Value;
use triton_core::model::{BatchPhase, Timestamp};
use triton_core::service::{ApiError, ApiErrorKind};

const MICROS: i64 = 1_000_000;
const NANOS_PER_MICRO: i64 = 1_000;

/// Refused input.
pub(crate) fn fault(field: &str, message: impl std::fmt::Display) -> ApiError {
    ApiError::new(ApiErrorKind::InvalidArgument, format!("{field}: {message}"))
}

/// An answer that is none.
fn broken(what: impl std::fmt::Display) -> ApiError {
    ApiError::new(ApiErrorKind::Internal, format!("the server's answer cannot be read: {what}"))
}

/// A count for the wire, which has signed numbers.
fn wire_count(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// A count from a server.
fn count(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

/// A count from a caller.
fn at_least(least: u32, field: &str, number: i32) -> Result<u32, ApiError> {
    let number = u32::try_from(number).ok().filter(|number| *number >= least);
    number.ok_or_else(|| fault(field, format!("must be at least {least}")))
}

/// A stage from a caller.
pub(crate) fn stage(field: &str, name: &str) -> Result<BatchPhase, ApiError> {
    let names = "must be one of Pending, Smoking, Smoked, Baking, Baked";
    BatchPhase::parse_target(name).ok_or_else(|| fault(field, names))
}

/// The hash at the end of a revision's name (OpenKruise: `<workload>-<hash>`).
pub(crate) fn short_hash(revision: &str) -> &str {
    revision.rsplit('-').next().unwrap_or_default()
}

/// A text that may be left out.
fn given(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn wire_time(time: Timestamp) -> WireTime {
    let micros = time.as_micros();
    let nanos = micros.rem_euclid(MICROS).saturating_mul(NANOS_PER_MICRO);
    WireTime { seconds: micros.div_euclid(MICROS), nanos: i32::try_from(nanos).unwrap_or(0) }
}

/// `None` when it is not a time, or one that microseconds cannot count.
fn time(time: WireTime) -> Option<Timestamp> {
    let nanos = i64::from(time.nanos);
    if !(0..MICROS * NANOS_PER_MICRO).contains(&nanos) {
        return None;
    }
    let micros = i128::from(time.seconds) * i128::from(MICROS) + i128::from(nanos / NANOS_PER_MICRO);
    i64::try_from(micros).ok().map(Timestamp::from_micros)
}

/// The word for a value on the wire: that of the core's own serialisation.
fn word(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        Ok(_) | Err(_) => String::new(),
    }
}

/// The value that a word of the wire names; the words are those of the core's own serialisation.
fn named<T: DeserializeOwned>(word: &str) -> Option<T> {
    let word: StrDeserializer<'_, NameError> = word.into_deserializer();
    T::deserialize(word).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use triton_core::model::PullIn;

    #[test]
    fn times_keep_their_microseconds_on_the_wire_before_and_after_1970() {
        for micros in [0, 1, -1, 999_999, -1_000_001, 1_631_537_344_123_456, i64::MIN, i64::MAX] {
            let there = Timestamp::from_micros(micros);
            assert_eq!(time(wire_time(there)), Some(there), "{micros}");
        }
    }

    #[test]
    fn impossible_times_are_no_times() {
        for (seconds, nanos) in [(0, -1), (0, 1_000_000_000), (i64::MAX, 0), (i64::MIN, 0)] {
            assert_eq!(time(WireTime { seconds, nanos }), None, "{seconds} {nanos}");
        }
    }

    #[test]
    fn words_name_values_and_other_words_name_none() {
        assert_eq!(named("Smoked"), Some(BatchPhase::Smoked));
        assert_eq!(named(""), Some(PullIn::None));
        assert_eq!(named::<BatchPhase>("smoked"), None);
    }
}
