//! Who else has to do with an instance: the flow that holds it, those that wait for it, and what a rollback returns to.

use triton_core::model::{Action, FlowId, FlowPhase, InstanceId, InstanceName};
use triton_core::service::{DeployApi, FlowFilter, FlowView, InstanceApi, InstanceView};

use super::{Session, phrase};

impl<A: DeployApi + InstanceApi, L> Session<'_, A, L> {
    /// The flows of an instance, newest first; none where nobody can tell.
    pub(super) async fn flows_of(&self, instance: &InstanceId) -> Vec<FlowView> {
        let filter = FlowFilter {
            namespace: Some(instance.namespace.clone()),
            instance_name: Some(instance.name.clone()),
            ..FlowFilter::default()
        };
        self.api.list(&filter).await.unwrap_or_default()
    }

    /// The other flows of the same instance, newest first.
    pub(super) async fn beside(&self, view: &FlowView) -> Vec<FlowView> {
        let Some(instance) = instance_of(view) else { return Vec::new() };
        let mut flows = self.flows_of(&instance).await;
        flows.retain(|flow| flow.id != view.id);
        flows
    }

    /// What a flow that has not ended returns to.
    pub(super) async fn returns_to(&self, view: &FlowView) -> Option<String> {
        let rolls_back = view.action == Action::Rollback.as_str() || !view.rollback_to.is_empty();
        if view.record.finished || !rolls_back {
            return None;
        }
        if !view.image.is_empty() {
            return Some(format!("the template of the flow itself ({})", view.image));
        }
        let there = self.api.instance(&instance_of(view)?).await.ok()?;
        match phrase::hash(&view.rollback_to, &view.instance_name) {
            "" => target(&there),
            chosen => Some(revision(&there, chosen)),
        }
    }
}

/// The instance that a flow acts on; `None` of one that cannot be read.
pub(super) fn instance_of(view: &FlowView) -> Option<InstanceId> {
    let name = InstanceName::new(&view.instance_name).ok()?;
    Some(InstanceId { namespace: view.id.namespace.clone(), name })
}

/// What a rollback without a target returns to.
pub(super) fn target(there: &InstanceView) -> Option<String> {
    (!there.rollback_to.is_empty()).then(|| revision(there, &there.rollback_to))
}

/// A revision with its images, where they are known.
pub(super) fn revision(there: &InstanceView, revision: &str) -> String {
    let image = match revision {
        _ if there.rollback_to == revision && !there.rollback_image.is_empty() => &there.rollback_image,
        _ if there.update_revision == revision => &there.image,
        _ => "",
    };
    let image = if image.is_empty() { String::new() } else { format!(" ({image})") };
    format!("revision {revision}{image}")
}

/// The flows that wait for the workload, in the order in which they get it: see `engine::place`.
fn line(flows: &[FlowView]) -> Vec<&FlowView> {
    let waits = |flow: &&FlowView| {
        flow.record.phase == FlowPhase::Pending
            && !flow.canceled
            && !flow.record.paused
            && !flow.record.finished
    };
    let mut line: Vec<&FlowView> = flows.iter().filter(waits).collect();
    line.sort_by_key(|flow| (flow.action != Action::Rollback.as_str(), flow.created_at, &flow.id));
    line
}

/// A flow with what it does.
fn named(flow: &FlowView) -> String {
    format!("flow {} ({})", flow.id, flow.action)
}

/// Who goes ahead once a flow has ended, if anybody waits.
pub(super) fn next(beside: &[FlowView]) -> Option<String> {
    let first = *line(beside).first()?;
    Some(format!("{} goes ahead once this one has ended", named(first)))
}

/// What a pause of this flow brings about, if anybody waits.
pub(super) fn after_pause(paused: &FlowView, beside: &[FlowView]) -> Option<String> {
    let line = line(beside);
    if paused.record.phase == FlowPhase::Pending {
        return line.first().map(|first| format!("{} goes ahead meanwhile", named(first)));
    }
    let takes_over =
        |flow: &&&FlowView| [Action::Update, Action::Rollback].map(Action::as_str).contains(&&*flow.action);
    let first = line.iter().find(takes_over)?;
    Some(format!(
        "warning: {} was waiting and takes over from a flow that is paused: this one closes and ends Aborted, unless you \
         resume it, or cancel the other one, before that has begun",
        named(first)
    ))
}

/// What an order finds that comes to a workload which another flow holds.
pub(super) fn found(action: Action, holder: &FlowView) -> String {
    let (who, paused) = (named(holder), holder.record.paused);
    let outranked = match action {
        Action::Rollback => paused || holder.action == Action::Update.as_str(),
        Action::Update => paused,
        _ => false,
    };
    match (holder.canceled, outranked) {
        (true, _) => format!("{who} holds the workload and closes: this waits until it has ended"),
        (false, true) => {
            format!("{who} holds the workload: this takes over, and that one closes and ends Aborted")
        }
        (false, false) => format!("{who} holds the workload: this waits until it has ended"),
    }
}

/// Which flows wait for the workload already, and when they go ahead.
pub(super) fn queued(action: Action, flows: &[FlowView]) -> Option<String> {
    let back = Action::Rollback;
    let (before, after): (Vec<_>, Vec<_>) =
        line(flows).into_iter().partition(|flow| action != back || flow.action == back.as_str());
    let names = |flows: &[&FlowView]| flows.iter().map(|flow| named(flow)).collect::<Vec<_>>().join(", ");
    match (before.is_empty(), after.first()) {
        (false, _) => Some(format!("before this: {}", names(&before))),
        (true, Some(first)) => {
            let cancel = format!("kubectl triton cancel {}", phrase::typed(&first.id, true));
            Some(format!(
                "after this: {}, which would change the workload again; {cancel} if it is not to",
                names(&after)
            ))
        }
        (true, None) => None,
    }
}

/// Says that a cancelled flow has put the template before it back, so that a rollback goes one further.
pub(super) fn back_already(there: &InstanceView, flows: &[FlowView]) -> Option<String> {
    let last = flows.iter().filter(|flow| flow.record.finished).max_by_key(|flow| flow.record.finished_at)?;
    let brings = [Action::Update, Action::Rollback].map(Action::as_str).contains(&&*last.action);
    let ended = matches!(last.record.phase, FlowPhase::Canceled | FlowPhase::Aborted);
    let own = phrase::revision(last);
    let back = there.held_by.is_empty() && ended && brings && !own.is_empty() && own != there.update_revision;
    back.then(|| {
        let now = revision(there, &there.update_revision);
        format!(
            "{} was cancelled, and {now} is back already: a rollback goes to the one before that",
            named(last)
        )
    })
}

/// Reads the flow that `held_by` names.
pub(super) fn holder(held_by: &str) -> Option<FlowId> {
    let (namespace, name) = held_by.split_once('/')?;
    Some(FlowId { namespace: namespace.parse().ok()?, name: name.parse().ok()? })
}

#[cfg(test)]
#[path = "others_tests.rs"]
mod tests;
