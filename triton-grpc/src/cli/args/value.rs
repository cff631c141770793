//! Values that are typed in a form of their own.

use std::str::FromStr;
use std::time::Duration;

use triton_core::model::{BatchPhase, FlowName, InstanceName, NameError, Target};

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// The end, and a good one.
    Success,
    /// The end, whichever.
    Finished,
    /// A gate, or a pause: somebody has to do something.
    Waiting,
    /// A batch and phase.
    Point(Target),
}

/// A length of time, such as `90s`, `10m`, `1h30m`, or seconds without a unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Length(pub(crate) Duration);

impl FromStr for Length {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "must be a time such as 90s, 10m or 1h30m";
        let (mut total, mut digits) = (0_u64, String::new());
        for letter in text.chars() {
            let unit = match letter {
                '0'..='9' => {
                    digits.push(letter);
                    continue;
                }
                's' => 1,
                'm' => 60,
                'h' => 3600,
                _ => return Err(wrong),
            };
            let number: u64 = digits.parse().map_err(|_| wrong)?;
            total = number.checked_mul(unit).and_then(|part| total.checked_add(part)).ok_or(wrong)?;
            digits.clear();
        }
        let rest: u64 = if digits.is_empty() { 0 } else { digits.parse().map_err(|_| wrong)? };
        if text.is_empty() {
            return Err(wrong);
        }
        total.checked_add(rest).map(Duration::from_secs).map(Self).ok_or(wrong)
    }
}

/// What stands before the name of a flow, as `-o name` prints it and as kubectl takes it.
const FLOWS: [&str; 4] = ["deployflow.apps.triton.io", "deployflows.apps.triton.io", "deployflow", "df"];

/// The name of a flow, with its kind or without.
pub(super) fn flow(text: &str) -> Result<FlowName, NameError> {
    FlowName::new(named(text, &FLOWS))
}

/// The name of an instance, with its kind or without.
pub(super) fn instance(text: &str) -> Result<InstanceName, NameError> {
    InstanceName::new(named(text, &["instance"]))
}

fn named<'a>(text: &'a str, kinds: &[&str]) -> &'a str {
    match text.split_once('/') {
        Some((kind, name)) if kinds.contains(&kind) => name,
        Some(_) | None => text,
    }
}

/// `1/Smoked`.
pub(super) fn target(text: &str) -> Result<Target, String> {
    let wrong = || "must be a batch and a stage, such as 1/Smoked".to_owned();
    let (batch, phase) = text.split_once('/').ok_or_else(wrong)?;
    let batch = batch.parse().ok().filter(|batch| *batch > 0).ok_or_else(wrong)?;
    Ok(Target { batch, phase: stage(phase)? })
}

/// A stage by its name, in capitals or not.
pub(super) fn stage(text: &str) -> Result<BatchPhase, String> {
    let known = BatchPhase::TARGETS.into_iter().find(|phase| phase.as_str().eq_ignore_ascii_case(text));
    known.ok_or_else(|| "must be Pending, Smoking, Smoked, Baking or Baked".to_owned())
}

/// `success`, `finished`, `waiting` or `batch=2/Baked`.
pub(super) fn goal(text: &str) -> Result<Goal, String> {
    match text {
        "success" => Ok(Goal::Success),
        "finished" => Ok(Goal::Finished),
        "waiting" => Ok(Goal::Waiting),
        _ => match text.strip_prefix("batch=") {
            Some(point) => target(point).map(Goal::Point),
            None => Err("must be success, finished, waiting or batch=N/STAGE".to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_and_without_units() {
        let seconds = |text: &str| text.parse().map(|Length(time)| time.as_secs());
        assert_eq!(seconds("0"), Ok(0));
        assert_eq!(seconds("90"), Ok(90));
        assert_eq!(seconds("1h30m5s"), Ok(5405));
        for bad in ["", "s", "5d", "-1", "1.5m", "99999999999999999999s"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_is_taken_as_it_is_printed_with_its_kind() {
        for text in ["web", "deployflow.apps.triton.io/web", "deployflow/web", "df/web"] {
            assert_eq!(flow(text).map(|name| name.to_string()), Ok("web".into()), "{text}");
        }
        assert_eq!(instance("instance/web").map(|name| name.to_string()), Ok("web".into()));
        for text in ["pod/web", "instance/web", "df/df/web", "df/"] {
            assert!(flow(text).is_err(), "{text}");
        }
    }

    #[test]
    fn points_and_goals_are_read_in_any_case() {
        let baking = Target { batch: 2, phase: BatchPhase::Baking };
        assert_eq!(target("2/baking"), Ok(baking));
        assert_eq!(goal("batch=2/Baking"), Ok(Goal::Point(baking)));
        assert_eq!(goal("waiting"), Ok(Goal::Waiting));
        assert!(target("2").is_err() && target("x/Baked").is_err() && goal("batch=2").is_err());
    }
}
