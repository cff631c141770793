//! What a workload comes to by the flow that holds it, for whoever comes next: its size, and what a rollback returns to.

use alloc::format;

use super::{goal, shape, yields};
use crate::model::{Action, Brings, Failure, Flow, FlowId, Progress, Revision};

/// The size of a workload without the pods that the flow that holds it asks for beside: what that flow leads to, or, where
/// it closes, the size that it keeps. `there`: the number that the workload has; `noted`: what the lock remembers, where the
/// holder cannot be read.
#[must_use]
pub fn size(there: u32, holder: Option<&Flow>, noted: Option<u32>) -> u32 {
    match holder.map(|flow| &flow.progress) {
        Some(Progress::Closing { plan, keep, .. }) => goal::goal(plan, *keep).total(),
        Some(progress) => progress.base().map_or(there, |base| base.to),
        None => noted.unwrap_or(there),
    }
}

/// The revision that a rollback without a target returns to: the last good one before the current one, as they are when
/// the rollback looks. It waits for a flow that closes, or that it does not take over from; until then the template
/// before is back, and what another rollback leaves behind is not good any more.
#[must_use]
pub fn rollback_target<'a>(
    current: Option<&Revision>,
    good: &'a [Revision],
    holder: Option<&Flow>,
) -> Option<&'a Revision> {
    let back = holder.filter(|flow| closes(flow)).and_then(restored);
    let current = back.or(current);
    let rolls_back = holder.is_some_and(|flow| flow.spec.action == Action::Rollback && !closes(flow));
    let reached = good.iter().position(|good| Some(good) == current).filter(|_| rolls_back);
    good.iter().skip(reached.unwrap_or(0)).find(|good| Some(*good) != current)
}

/// What a rollback without a template returns to: the revision it names, or the last good one before the
/// current one.
///
/// # Errors
/// [`Failure::NoRevision`] where there is none.
pub fn rollback_revision(
    flow: &Flow,
    current: Option<&Revision>,
    good: &[Revision],
) -> Result<Revision, Failure> {
    let none = || {
        let what = "no flow has brought a revision successfully before the current one; name a flow or a \
                    revision to return to";
        Failure::NoRevision { what: what.into() }
    };
    match &flow.spec.rollback_to {
        Some(named) => Ok(full_name(flow, named)),
        None => rollback_target(current, good, None).cloned().ok_or_else(none),
    }
}

/// The full name of a revision; people may name its hash alone.
pub(super) fn full_name(flow: &Flow, named: &Revision) -> Revision {
    let workload = flow.spec.identity.instance.as_str();
    let prefixed = named.as_str().strip_prefix(workload).is_some_and(|hash| hash.starts_with('-'));
    let full = if prefixed { None } else { Revision::new(format!("{workload}-{named}")).ok() };
    full.unwrap_or_else(|| named.clone())
}

/// Why a rollback may not take over from the flow that holds its workload: it names the very template or revision that this
/// one brings, and nobody knows yet whether that is good. What was good before, or was there before, is. `None` where
/// nothing is against it.
#[must_use]
pub fn unproven(holder: &Flow, back: &Flow, good: &[Revision]) -> Option<Failure> {
    let base = holder.progress.base().filter(|base| base.brings == Brings::Flow)?;
    let brought = base.brought.as_ref();
    let same = match (&back.spec.template, &back.spec.rollback_to) {
        (Some(template), _) => holder.spec.template.as_ref() == Some(template),
        (None, Some(named)) => brought == Some(&full_name(back, named)),
        (None, None) => false,
    };
    let known =
        brought.is_some_and(|brought| good.contains(brought) || base.previous.as_ref() == Some(brought));
    let refused = back.spec.action == Action::Rollback && same && !known && yields(holder, back);
    refused.then(|| unended(&holder.id))
}

/// A flow that has not ended is nothing to return to.
#[must_use]
pub fn unended(id: &FlowId) -> Failure {
    let FlowId { namespace, name } = id;
    let what = format!(
        "flow {id} has not ended, and nobody knows yet whether what it brings is good: let it go on (kubectl triton next \
         {name} -n {namespace}), or name another flow or revision to return to"
    );
    Failure::NoRevision { what }
}

/// Whether a flow leaves its workload clean, or returns what it had changed.
fn closes(flow: &Flow) -> bool {
    flow.orders.canceled || matches!(flow.progress, Progress::Closing { .. })
}

/// The revision that is back once a flow has closed; `None` where its own stays.
fn restored(flow: &Flow) -> Option<&Revision> {
    let base = flow.progress.base()?;
    match (&flow.progress, &base.brings) {
        (_, Brings::Revision(back)) if base.turned => Some(back),
        (Progress::Closing { plan, keep, .. }, _) if !shape::restores(plan, *keep) => None,
        (_, Brings::Nothing) => None,
        (_, Brings::Flow | Brings::Revision(_)) => base.previous.as_ref(),
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::engine::fixtures::base_of;
    use crate::model::{Base, Kind, Plan, Verdict};

    #[test]
    fn the_size_of_a_workload_is_what_its_flow_leads_to_however_many_pods_it_asks_for_meanwhile() {
        let exchange = base_of(Kind::Replace, 3, 5);
        let closing = |keep| Progress::Closing {
            plan: plan(&exchange),
            verdict: Verdict::Canceled,
            keep,
            floor: 0,
            shed: false,
        };
        let rows = [
            (Progress::Pending, 4),
            (Progress::Preparing { base: exchange.clone() }, 5),
            (Progress::Preparing { base: base_of(Kind::Replace, 3, 3) }, 3),
            (Progress::Preparing { base: base_of(Kind::Grow, 3, 8) }, 8),
            (Progress::Preparing { base: base_of(Kind::Shrink, 3, 0) }, 0),
            (closing(0), 3),
            (closing(1), 4),
            (closing(5), 5),
        ];
        for (progress, wanted) in rows {
            let flow = Flow { progress: progress.clone(), ..Flow::test(Action::Update, 3) };
            assert_eq!(size(4, Some(&flow), Some(9)), wanted, "{progress:?}");
        }
        assert_eq!((size(4, None, Some(3)), size(4, None, None)), (3, 4), "what the lock remembers");
    }

    #[test]
    fn a_rollback_returns_to_the_good_revision_before_the_one_that_is_there_when_it_looks() {
        let good: Vec<Revision> = ["web-3", "web-2", "web-1"].map(revision).into();
        let update = |canceled: bool| {
            let base = Base { previous: Some(revision("web-3")), ..base_of(Kind::Replace, 3, 3) };
            let mut flow = flow(Action::Update, base);
            flow.orders.canceled = canceled;
            flow
        };
        let back = |to: &str, turned| {
            let base =
                Base { brings: Brings::Revision(revision(to)), turned, ..base_of(Kind::Replace, 3, 3) };
            let mut flow = flow(if turned { Action::Update } else { Action::Rollback }, base);
            flow.orders.canceled = turned;
            flow
        };
        let scale = flow(Action::Scale, Base { brings: Brings::Nothing, ..base_of(Kind::Grow, 3, 5) });
        let rows = [
            ("web-3", None, Some("web-2"), "nothing runs: after a cancel, too"),
            ("web-4", Some(update(false)), Some("web-3"), "it takes over from an update that runs"),
            ("web-4", Some(update(true)), Some("web-2"), "it waits until the update has closed"),
            ("web-2", Some(back("web-2", false)), Some("web-1"), "it waits for another rollback"),
            ("web-3", Some(back("web-3", true)), Some("web-2"), "it waits until all is returned"),
            ("web-3", Some(scale), Some("web-2"), "it waits for a flow that brings nothing"),
            ("web-1", Some(back("web-1", false)), None, "nothing is left"),
        ];
        for (current, holder, wanted, why) in rows {
            let target = rollback_target(Some(&revision(current)), &good, holder.as_ref());
            assert_eq!(target.map(Revision::as_str), wanted, "{why}");
        }
    }

    #[test]
    fn what_the_flow_that_would_give_way_brings_is_nothing_to_return_to() {
        let brought = |mut flow: Flow, revision: Option<Revision>| {
            if let Progress::Preparing { base } = &mut flow.progress {
                base.brought = revision;
            }
            flow
        };
        let update = || {
            let base = Base { previous: Some(revision("app-1")), ..base_of(Kind::Replace, 3, 3) };
            let flow = flow(Action::Update, Base { brings: Brings::Flow, ..base });
            brought(flow, Some(revision("app-2")))
        };
        let back = |named: Option<&str>| {
            let flow = Flow { uid: "other".parse().expect("a uid"), ..Flow::test(Action::Rollback, 3) };
            Flow { spec: crate::model::Spec { rollback_to: named.map(revision), ..flow.spec }, ..flow }
        };
        let closing = || {
            let mut flow = update();
            flow.orders.canceled = true;
            flow
        };
        let other = |brings| {
            let mut flow = update();
            if let Progress::Preparing { base } = &mut flow.progress {
                base.brings = brings;
            }
            flow
        };
        let rows = [
            (update(), back(Some("app-2")), true, "the full name"),
            (update(), back(Some("2")), true, "the hash"),
            (update(), back(Some("app-1")), false, "what was there before"),
            (update(), back(None), false, "the last good one"),
            (
                brought(update(), Some(revision("app-1"))),
                back(Some("app-1")),
                false,
                "it brings what was there",
            ),
            (
                brought(update(), Some(revision("app-0"))),
                back(Some("app-0")),
                false,
                "it brings what was good",
            ),
            (closing(), back(Some("app-2")), false, "it is waited for until it has ended"),
            (other(Brings::Nothing), back(Some("app-2")), false, "it brings nothing"),
            (
                other(Brings::Revision(revision("app-2"))),
                back(Some("app-2")),
                false,
                "it returns to that, too",
            ),
        ];
        let good = [revision("app-1"), revision("app-0")];
        for (holder, back, refused, why) in rows {
            let found = unproven(&holder, &back, &good);
            assert_eq!(found.is_some(), refused, "{why}");
        }
    }

    fn revision(name: &str) -> Revision {
        Revision::new(name).expect("a name")
    }

    fn plan(base: &Base) -> Plan {
        goal::plan(base.clone(), 0)
    }

    fn flow(action: Action, base: Base) -> Flow {
        Flow { progress: Progress::Preparing { base }, ..Flow::test(action, 3) }
    }
}
