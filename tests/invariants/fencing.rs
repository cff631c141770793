//! S16: every write says what it was decided on.

use triton_core::model::PodRef;

use super::reading::pods_of;
use super::{Intent, Invariant, Outcome, Property, ensure};

pub(super) const ROW: Invariant = Invariant {
    property: Property::S16Fencing,
    says: "a write to pods names each by the identity and the version that were seen",
    source: "reliability S16",
    intent: Some(intent),
    change: None,
};

fn intent(intent: &Intent<'_>) -> Outcome {
    let Some(pods) = pods_of(intent.decision) else { return Ok(()) };
    let seen = |pod: &PodRef| intent.seen.pods.iter().any(|(at, _, _)| at == pod);
    let stranger = pods.iter().find(|pod| !seen(pod));
    stranger.map_or(Ok(()), |pod| Err(format!("{pod:?} was not seen")))?;
    let twice = (1..pods.len()).any(|at| pods[..at].contains(&pods[at]));
    ensure(!twice, || format!("a pod comes twice in {:?}", intent.decision))
}
