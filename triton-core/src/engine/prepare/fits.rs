//! Whether what a flow orders can be done with its workload.

use alloc::format;
use alloc::string::{String, ToString};

use crate::model::{
    Action, Base, Brings, Failure, Flow, Kind, MAX_CREATED, MAX_LABEL, Observation, PodName, RevisionLabel,
};

/// Whether sizes and pods fit the action.
pub(super) fn fits(flow: &Flow, seen: &Observation, base: &Base) -> Result<(), Failure> {
    // A template that would not do what it says is refused before anything is touched.
    flow.spec.keeps_labels().map_err(|faults| Failure::InvalidSpec { fault: faults.to_string() })?;
    same(seen)?;
    replaces(flow, base)?;
    labelled(flow, seen, base)?;
    let (action, from, to) = (flow.spec.action, base.from, base.to);
    let size = |what: String| Err(Failure::WrongSize { what });
    match action {
        Action::ScaleIn if to > from => {
            return size(format!("there are fewer pods ({from}) than {to}; use action scale_out or scale"));
        }
        Action::ScaleOut if to < from => {
            return size(format!("there are more pods ({from}) than {to}; use action scale_in or scale"));
        }
        Action::Start if to < from => {
            return size(format!("there are more pods ({from}) than {to}; use action scale_in or scale"));
        }
        Action::Start if to == 0 && flow.spec.replicas.is_none() => {
            return size("nothing remembers the size from before it was stopped; name the replicas".into());
        }
        Action::Create
        | Action::Update
        | Action::Rollback
        | Action::Restart
        | Action::Scale
        | Action::ScaleIn
        | Action::ScaleOut
        | Action::Start
        | Action::Stop
        | Action::Delete => {}
    }
    let named = u32::try_from(flow.spec.pods.len()).unwrap_or(u32::MAX);
    if base.kind == Kind::Shrink && named > from.saturating_sub(to) {
        let what = format!("more pods are named ({named}) than leave ({})", from.saturating_sub(to));
        return Err(Failure::WrongPods { what });
    }
    let there = |name: &PodName| seen.pods.iter().any(|(pod, _, _)| pod.name == *name);
    match flow.spec.pods.iter().find(|name| !there(name)) {
        Some(name) => Err(Failure::WrongPods { what: format!("there is no pod {name} of this workload") }),
        None => Ok(()),
    }
}

/// Whether the workload has what only a `create` sets, where the flow orders it, too.
fn same(seen: &Observation) -> Result<(), Failure> {
    if seen.differs.is_empty() {
        return Ok(());
    }
    let what = format!(
        "{}: the workload has it in another way, and it is set when a workload is made and never again; leave it \
         out or write what the workload has, or make another instance",
        seen.differs.join(", ")
    );
    Err(Failure::Unsupported { what })
}

/// Whether new pods can wait for the end of old ones: where a workload updates in place, its controller decides which
/// pods it makes anew, and starts the new ones at once.
fn replaces(flow: &Flow, base: &Base) -> Result<(), Failure> {
    let waits = flow.spec.pod_replacement_policy.waits();
    if !(waits && base.in_place && base.kind == Kind::Swap && !base.by_name()) {
        return Ok(());
    }
    let what = "podReplacementPolicy: must be TerminationStarted, or be left out, for a workload that updates its pods \
                in place: its controller starts new ones at once where it cannot";
    Err(Failure::Unsupported { what: what.into() })
}

/// Whether new pods can carry the label of their revision: its full name may be too long for one, and then
/// none is ever made. A template that the flow brings may get a hash of 10 characters.
fn labelled(flow: &Flow, seen: &Observation, base: &Base) -> Result<(), Failure> {
    let name = flow.spec.identity.instance.as_str().len();
    let longest = match &base.brings {
        Brings::Flow => name.saturating_add(MAX_LABEL).saturating_sub(MAX_CREATED),
        Brings::Revision(revision) => revision.as_str().len(),
        Brings::Nothing => seen.revision.as_ref().map_or(0, |revision| revision.as_str().len()),
    };
    if seen.label != RevisionLabel::Name || base.kind == Kind::Shrink || longest <= MAX_LABEL {
        return Ok(());
    }
    let could = name.saturating_add(MAX_LABEL).saturating_sub(MAX_CREATED);
    if matches!(base.brings, Brings::Revision(_)) && longest > could {
        let what = format!(
            "spec.rollbackTo.revision: there is no such revision: its full name would have {longest} characters, and pods \
             carry it as a label ({MAX_LABEL} at most)"
        );
        return Err(Failure::NoRevision { what });
    }
    let what = format!(
        "spec.application.instanceName: has {name} characters, and no pod can carry the name of its revision \
         as a label ({longest} characters, {MAX_LABEL} at most); turn OpenKruise's feature gate \
         CloneSetShortHash on, or move to an instance with a shorter name"
    );
    Err(Failure::Unsupported { what })
}
