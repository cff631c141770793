//! WHERE A COMMAND IS ALLOWED OR REFUSED.

use alloc::string::String;
use core::fmt;

use super::gate;
use crate::model::{
    Action, Command, Edit, Flow, FlowPhase, MAX_BATCHES, Orders, Progress, Stage, Target, Verdict,
};

/// What becomes of a command that is allowed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// These are the orders from now on.
    Orders(Orders),
    /// It stands already; nothing changes.
    AlreadySo,
    /// The flow may be forgotten.
    Remove,
}

/// Why a command is refused; the text says what a person can do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The flow has ended.
    Finished {
        /// How.
        phase: FlowPhase,
    },
    /// The flow has not ended.
    Unfinished {
        /// Where it is.
        phase: FlowPhase,
    },
    /// The flow was cancelled and is closing.
    Closing,
    /// The flow is paused.
    Paused,
    /// Nothing waits for a person.
    NotWaiting {
        /// Where the flow is.
        at: String,
    },
    /// Something else waits than the caller believes.
    Stale {
        /// What the caller believes.
        expected: Target,
        /// What does.
        actual: Target,
    },
    /// The target lies behind the permission that was given.
    Backwards {
        /// The target.
        asked: Target,
        /// The permission.
        given: Target,
    },
    /// No flow has that many batches.
    TooFar,
    /// The flow does not give way to the other one.
    Unyielding,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished { phase } => write!(f, "Finished: the flow has ended ({phase})"),
            Self::Unfinished { phase } => {
                write!(f, "Unfinished: the flow is in {phase}; cancel it first, or wait until it has ended")
            }
            Self::Closing => f.write_str("Closing: the flow was cancelled and is leaving the workload clean"),
            Self::Paused => f.write_str("Paused: the flow is paused; resume it first"),
            Self::NotWaiting { at } => {
                write!(f, "NotWaiting: nothing waits for a person; the flow is at {at}")
            }
            Self::Stale { expected, actual } => {
                write!(f, "Stale: {expected} was expected to wait, but it is {actual} that asks")
            }
            Self::Backwards { asked, given } => {
                write!(f, "Backwards: the flow may already go as far as {given}; {asked} lies behind that")
            }
            Self::Unyielding => {
                f.write_str("Unyielding: the flow runs and does not give way; pause or cancel it first")
            }
            Self::TooFar => write!(f, "TooFar: batches must be at most {MAX_BATCHES}"),
        }
    }
}

impl core::error::Error for Refusal {}

/// What a command makes of a flow's orders. Pure: the world is not asked.
///
/// # Errors
/// The [`Refusal`] says why the command is not allowed now.
pub fn admit(flow: &Flow, command: Command) -> Result<Answer, Refusal> {
    let (orders, phase) = (&flow.orders, FlowPhase::from(&flow.progress));
    if flow.progress.is_finished() {
        let canceled = matches!(flow.progress, Progress::Finished { verdict: Verdict::Canceled, .. });
        return match command {
            Command::Delete => Ok(Answer::Remove),
            Command::Cancel if canceled => Ok(Answer::AlreadySo),
            Command::Cancel | Command::Next { .. } | Command::GoTo(_) | Command::Pause | Command::Resume => {
                Err(Refusal::Finished { phase })
            }
        };
    }
    let (turned, closing) = (turned(flow), closes(flow));
    match command {
        Command::Delete => Err(Refusal::Unfinished { phase }),
        Command::Cancel if closing || turned => Ok(Answer::AlreadySo),
        // A pause would keep what is to return where it is.
        Command::Cancel => Ok(Answer::Orders(Orders { canceled: true, paused: false, ..orders.clone() })),
        Command::Next { .. } | Command::GoTo(_) | Command::Pause | Command::Resume if closing => {
            Err(Refusal::Closing)
        }
        Command::Pause if orders.paused => Ok(Answer::AlreadySo),
        Command::Pause => Ok(Answer::Orders(Orders { paused: true, ..orders.clone() })),
        Command::Resume => Ok(resume(flow)),
        Command::Next { expected } => next(flow, expected),
        Command::GoTo(target) => go_to(orders, target),
    }
}

/// What a change of standing orders makes of a flow's orders: all of it, or nothing.
///
/// # Errors
/// The [`Refusal`] says why a part of it is not allowed now.
pub fn edit(flow: &Flow, edit: &Edit) -> Result<Answer, Refusal> {
    let phase = FlowPhase::from(&flow.progress);
    if flow.progress.is_finished() {
        return Err(Refusal::Finished { phase });
    }
    let mut edited = flow.clone();
    if closes(flow) && *edit != (Edit { canceled: Some(true), ..Edit::default() }) {
        return Err(Refusal::Closing);
    }
    let Edit { paused, canceled, target, sizes, interval, deadline, grace } = edit;
    let orders = &mut edited.orders;
    if let Some(sizes) = sizes {
        orders.sizes.clone_from(sizes);
    }
    orders.interval = interval.unwrap_or(orders.interval);
    orders.deadline = deadline.unwrap_or(orders.deadline);
    orders.grace = grace.unwrap_or(orders.grace);
    let commands = [
        target.map(Command::GoTo),
        paused.map(|paused| if paused { Command::Pause } else { Command::Resume }),
        canceled.filter(|canceled| *canceled).map(|_| Command::Cancel),
    ];
    for command in commands.into_iter().flatten() {
        if let Answer::Orders(orders) = admit(&edited, command)? {
            edited.orders = orders;
        }
    }
    Ok(if edited.orders == flow.orders { Answer::AlreadySo } else { Answer::Orders(edited.orders) })
}

/// What becomes of a flow when another one, `by`, is to take over: it is cancelled, if it gives way.
///
/// # Errors
/// [`Refusal::Unyielding`] when it does not; [`Refusal::Finished`].
pub fn supersede(flow: &Flow, by: &Flow) -> Result<Answer, Refusal> {
    if flow.progress.is_finished() {
        return Err(Refusal::Finished { phase: FlowPhase::from(&flow.progress) });
    }
    if flow.orders.canceled {
        return Ok(Answer::AlreadySo);
    }
    if !yields(flow, by) {
        return Err(Refusal::Unyielding);
    }
    let superseded = Some(by.id.name.clone());
    Ok(Answer::Orders(Orders { canceled: true, superseded, ..flow.orders.clone() }))
}

/// Whether a flow gives way to another: to an update or a rollback when it is paused, to a rollback also when
/// it is an update.
#[must_use]
pub fn yields(flow: &Flow, by: &Flow) -> bool {
    let paused = flow.orders.paused || flow.progress.hold().is_some();
    let going = !flow.progress.is_finished() && !flow.orders.canceled;
    let outranked = match by.spec.action {
        Action::Rollback => paused || flow.spec.action == Action::Update,
        Action::Update => paused,
        Action::Create
        | Action::Restart
        | Action::Scale
        | Action::ScaleIn
        | Action::ScaleOut
        | Action::Start
        | Action::Stop
        | Action::Delete => false,
    };
    going && outranked && flow.instance() == by.instance() && flow.uid != by.uid
}

/// Whether a flow that has begun and whose spec cannot be read loses its workload to another: to an update or
/// a rollback, which leaves nothing of it. It cannot close, because it cannot be told what was ordered.
#[must_use]
pub fn gives_up(progress: &Progress, by: &Flow) -> bool {
    let begun = !matches!(progress, Progress::Pending | Progress::Finished { .. });
    begun && matches!(by.spec.action, Action::Update | Action::Rollback)
}

/// Whether a flow returns what it had changed.
fn turned(flow: &Flow) -> bool {
    flow.progress.base().is_some_and(|base| base.turned)
}

/// Whether a flow was cancelled and only leaves its workload clean. One that returns what it changed goes on.
fn closes(flow: &Flow) -> bool {
    (flow.orders.canceled && !turned(flow)) || matches!(flow.progress, Progress::Closing { .. })
}

/// Lifts a pause by order and a hold by failure, both in one.
fn resume(flow: &Flow) -> Answer {
    let held = flow.progress.hold().filter(|hold| hold.resumes >= flow.orders.resumes);
    match held {
        None if !flow.orders.paused => Answer::AlreadySo,
        None => Answer::Orders(Orders { paused: false, ..flow.orders.clone() }),
        Some(hold) => {
            let resumes = hold.resumes.saturating_add(1);
            Answer::Orders(Orders { paused: false, resumes, ..flow.orders.clone() })
        }
    }
}

fn next(flow: &Flow, expected: Option<Target>) -> Result<Answer, Refusal> {
    let orders = &flow.orders;
    let Progress::Rolling { plan, done, batch } = &flow.progress else {
        return Err(Refusal::NotWaiting { at: at(flow) });
    };
    let last = done.saturating_add(batch.size) >= plan.work;
    let Some(wanted) = gate::missing(&flow.spec, orders, plan, batch, last) else {
        return Err(Refusal::NotWaiting { at: at(flow) });
    };
    let waiting = Target { batch: batch.number, phase: batch.phase() };
    if let Some(expected) = expected.filter(|expected| *expected != waiting) {
        return Err(Refusal::Stale { expected, actual: waiting });
    }
    let held = batch.hold.is_some_and(|hold| hold.resumes >= orders.resumes);
    if orders.paused || held {
        return Err(Refusal::Paused);
    }
    Ok(Answer::Orders(Orders { target: wanted, ..orders.clone() }))
}

fn go_to(orders: &Orders, target: Target) -> Result<Answer, Refusal> {
    if target.batch > MAX_BATCHES {
        Err(Refusal::TooFar)
    } else if target < orders.target {
        Err(Refusal::Backwards { asked: target, given: orders.target })
    } else if target == orders.target {
        Ok(Answer::AlreadySo)
    } else {
        Ok(Answer::Orders(Orders { target, ..orders.clone() }))
    }
}

/// Where a flow is, for people.
fn at(flow: &Flow) -> String {
    let phase = FlowPhase::from(&flow.progress);
    match flow.progress.batch() {
        Some(batch) if batch.stage == Stage::Baked => {
            alloc::format!("batch {} Baked, interval running", batch.number)
        }
        Some(batch) => alloc::format!("batch {} {}", batch.number, batch.phase()),
        None => alloc::format!("{phase}"),
    }
}

#[cfg(test)]
#[path = "admit_tests.rs"]
mod tests;
