//! Counts of pods and batch sizes.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

/// Most pods a flow may ask for.
pub const MAX_REPLICAS: u32 = 10_000;
/// Most batches a flow may have.
pub const MAX_BATCHES: u32 = 1_000;
/// Most pods that leave by name at once: all their names stand in one object (253 bytes each at most, and
/// etcd keeps objects up to 1.5 MiB).
pub const MAX_NAMED: u32 = 1_000;

/// A size as people write it: a number of pods, or a percentage such as `"25%"`.
///
/// A text without a percent sign, such as `"10"`, is a number of pods.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged, expecting = "must be a whole number or a percentage such as \"25%\"")]
pub enum RawSize {
    /// Pods.
    Int(i64),
    /// Pods or percent as text.
    Text(String),
}

impl From<BatchSize> for RawSize {
    fn from(size: BatchSize) -> Self {
        match size {
            BatchSize::Pods(n) => Self::Int(i64::from(n)),
            BatchSize::Percent(_) => Self::Text(size.to_string()),
        }
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for RawSize {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> alloc::borrow::Cow<'static, str> {
        "IntOrString".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "x-kubernetes-int-or-string": true })
    }
}

/// The size of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BatchSize {
    /// So many pods, 1 to [`MAX_REPLICAS`].
    Pods(u32),
    /// So many percent of the target replicas, rounded up, 1 to 100.
    Percent(u32),
}

impl BatchSize {
    /// Reads a size.
    ///
    /// # Errors
    /// A sentence for people when it is zero, negative, over [`MAX_REPLICAS`], over 100 %, or neither a plain
    /// number nor a percentage: with spaces, a sign or zeros before it, it is none. It is never taken for "everything".
    pub fn parse(raw: &RawSize) -> Result<Self, &'static str> {
        let text = match raw {
            RawSize::Int(n) => return pods(*n),
            RawSize::Text(text) => text,
        };
        let number = |text: &str| {
            let parsed = text.parse::<i64>().ok().filter(|n| n.to_string() == text);
            parsed.ok_or("must be a whole number or a percentage such as 25%")
        };
        match text.strip_suffix('%') {
            None => pods(number(text)?),
            Some(percent) => match number(percent)? {
                n @ 1..=100 => Ok(Self::Percent(n.unsigned_abs() as u32)),
                _ => Err("must be between 1% and 100%"),
            },
        }
    }

    /// The size in pods for `replicas` target pods; at least 1.
    #[must_use]
    pub const fn of(self, replicas: u32) -> u32 {
        match self {
            Self::Pods(n) => n,
            Self::Percent(p) => {
                let pods = (replicas as u64 * p as u64).div_ceil(100) as u32;
                if pods == 0 { 1 } else { pods }
            }
        }
    }
}

impl fmt::Display for BatchSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pods(n) => n.fmt(f),
            Self::Percent(p) => write!(f, "{p}%"),
        }
    }
}

fn pods(n: i64) -> Result<BatchSize, &'static str> {
    match u32::try_from(n) {
        Ok(n @ 1..=MAX_REPLICAS) => Ok(BatchSize::Pods(n)),
        Ok(0) | Err(_) if n <= 0 => Err("must be at least 1"),
        _ => Err("must be at most 10000"),
    }
}

/// The sizes of the batches after the canary: the last entry repeats; none means one batch with
/// everything that is left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sizes(pub Vec<BatchSize>);

impl Sizes {
    /// The size of the `nth` batch after the canary (from 0), in pods; `None` means all that is left.
    #[must_use]
    pub fn nth(&self, nth: u32, replicas: u32) -> Option<u32> {
        let at = usize::try_from(nth).unwrap_or(usize::MAX);
        self.0.get(at).or_else(|| self.0.last()).map(|size| size.of(replicas))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn a_quoted_number_is_pods_and_not_percent() {
        assert_eq!(BatchSize::parse(&text("10")), Ok(BatchSize::Pods(10)));
        assert_eq!(BatchSize::parse(&text("10%")), Ok(BatchSize::Percent(10)));
        assert_eq!(BatchSize::parse(&RawSize::Int(3)), Ok(BatchSize::Pods(3)));
    }

    #[test]
    fn zero_negative_huge_and_unreadable_sizes_are_refused() {
        for bad in
            [text("0"), text("-1"), text("0%"), text("101%"), text(""), text("all"), text("1.5"), text("-0")]
        {
            assert!(BatchSize::parse(&bad).is_err(), "{bad:?}");
        }
        for bad in [0, -1, i64::MIN, 10_001, i64::MAX] {
            assert!(BatchSize::parse(&RawSize::Int(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_not_plainly_a_number_or_a_percentage_is_refused() {
        let odd = [
            "+5", " 5", "5 ", "010", "00", "+5%", " 5%", "5 %", "5% ", "010%", "5%%", "%", "0x5", "5e1", "٥",
        ];
        for bad in odd {
            let told = BatchSize::parse(&text(bad));
            assert_eq!(told, Err("must be a whole number or a percentage such as 25%"), "{bad:?}");
        }
    }

    #[test]
    fn percent_rounds_up_and_the_last_size_repeats() {
        let sizes = Sizes(vec![BatchSize::Pods(1), BatchSize::Percent(10)]);
        let of = |n| sizes.nth(n, 15);
        assert_eq!((of(0), of(1), of(2), of(99)), (Some(1), Some(2), Some(2), Some(2)));
        assert_eq!(Sizes::default().nth(0, 15), None);
    }

    fn text(t: &str) -> RawSize {
        RawSize::Text(t.into())
    }
}
