//! What may be true of the world when a flow has ended: written from the semantics, apart from the engine.

use triton_core::model::{Action, Facts, Lock, Observation, Spec, TemplateRef, Verdict};

/// A flow that has ended, and what it found.
pub(crate) struct Ending<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) verdict: &'a Verdict,
    /// Size of the workload when it began; 0 when there was none.
    pub(crate) from: u32,
}

/// Judges a world at rest after the end of a flow; the world is seen with the eyes of that flow.
///
/// # Errors
/// How it differs from what must be.
pub(crate) fn judge(ending: &Ending<'_>, world: &Observation) -> Result<(), String> {
    match ending.verdict {
        Verdict::Succeeded => succeeded(ending, world),
        // A flow that gave way and had begun closed like one that was cancelled.
        Verdict::Canceled | Verdict::Aborted { .. } => canceled(ending, world),
        Verdict::Failed(_) | Verdict::AlreadyCarriedOut { .. } => untouched(ending, world),
    }
}

/// Success: the ordered size, all of the new revision, all serving.
fn succeeded(ending: &Ending<'_>, world: &Observation) -> Result<(), String> {
    let spec = ending.spec;
    let wanted = match spec.action {
        Action::Stop => 0,
        Action::Delete => {
            return ensure(world.shape.is_none(), || "the workload is still there".into());
        }
        Action::Start => match (spec.replicas, &world.shape) {
            (Some(replicas), _) => replicas,
            (None, Some(shape)) => shape.replicas,
            (None, None) => 0,
        },
        _ => spec.replicas.unwrap_or(ending.from),
    };
    at_ease(world)?;
    let shape = world.shape.as_ref().ok_or("there is no workload")?;
    same("pods asked for", shape.replicas, wanted)?;
    same("pods", world.pods.len(), wanted)?;
    if !matches!(spec.action, Action::Create | Action::Update) {
        return Ok(());
    }
    same("partition", shape.partition.unwrap_or(0), 0)?;
    ensure(shape.template == Some(TemplateRef::Flow), || "the template is not the flow's".into())?;
    let new = world.pods.count(Facts::FRESH, Facts::empty());
    same("new pods", new, if ending.spec.action == Action::Create { world.pods.len() } else { wanted })
}

/// Cancel, and giving way: some size between both, everything serving, and the next scale-out starts what serves.
fn canceled(ending: &Ending<'_>, world: &Observation) -> Result<(), String> {
    let from = ending.from;
    let to = match ending.spec.action {
        Action::Stop | Action::Delete => 0,
        Action::Start if ending.spec.replicas.is_none() => u32::MAX,
        _ => ending.spec.replicas.unwrap_or(from),
    };
    let Some(shape) = &world.shape else {
        return ensure(ending.spec.action == Action::Create, || "the workload is gone".into());
    };
    at_ease(world)?;
    let pods = world.pods.len();
    same("pods, of those asked for", pods, shape.replicas)?;
    let within = (from.min(to)..=from.max(to)).contains(&pods);
    ensure(within, || format!("{pods} pods are left, not between {from} and {to}"))?;
    if ending.spec.action == Action::Update && shape.template == Some(TemplateRef::Flow) {
        // All that is left is new, or a later scale-out would start pods that do not serve yet.
        let old = world.pods.count(Facts::empty(), Facts::FRESH);
        return same("old pods under the new template", old, 0);
    }
    Ok(())
}

/// Nothing could be done, and nothing was.
fn untouched(ending: &Ending<'_>, world: &Observation) -> Result<(), String> {
    let pods = world.shape.as_ref().map_or(0, |shape| shape.replicas);
    same("pods asked for", pods, ending.from)?;
    ensure(world.lock != Lock::Mine, || "the lock is still held".into())
}

/// Nobody holds the workload, nothing leaves, every pod serves and is asked before it is touched.
fn at_ease(world: &Observation) -> Result<(), String> {
    ensure(world.lock != Lock::Mine, || "the lock is still held".into())?;
    ensure(!world.paused, || "the workload's controller is still paused".into())?;
    same("pods ending", world.terminating, 0)?;
    same("pods chosen to leave", world.pods.count(Facts::MARKED, Facts::empty()), 0)?;
    same("pods without the hook label", world.pods.count(Facts::empty(), Facts::HOOKED), 0)?;
    let serving = world.pods.count(Facts::BOOTED | Facts::IN, Facts::FAILED);
    same("serving pods", serving, world.pods.len())
}

fn same(what: &str, is: u32, wanted: u32) -> Result<(), String> {
    ensure(is == wanted, || format!("{what}: {is}, must be {wanted}"))
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}
