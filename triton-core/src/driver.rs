//! Load, observe, decide, then exactly one of: save, change the world, return. No domain decision is taken here.

mod history;
mod keeper;
mod line;
mod outcome;
mod unread;
mod watching;
mod world;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use self::world::World;
use crate::engine::{
    Decision, Effect, LOOK_AGAIN, Seen, Waiting, Why, begins, besides, cause, decide, late, look,
    newly_stuck, report, rests_on_pods, tells_of_pods,
};
use crate::model::{
    Action, Flow, FlowId, FlowUid, PodsAsSeen, Progress, Report, Seconds, Silence, Spec, TextFor, Timestamp,
    Version, WaitingReport, WorkloadChange, shorten,
};
use crate::ports::{
    Clock, FlowStore, Loaded, PortError, PortErrorKind, Stored, Subject, TrafficRegistry, WorkloadBackend,
};

pub use self::outcome::{DriveError, Rest, Step};

/// Finds the ports that a flow needs.
pub trait Adapters: Send + Sync {
    /// The backend for this kind of workload (`cloneset`); `None` when there is none.
    fn workload(&self, kind: &str) -> Option<&dyn WorkloadBackend>;
    /// The registry that steers traffic; `spec` is absent for the keeper.
    fn traffic(&self, spec: Option<&Spec>) -> &dyn TrafficRegistry;
    /// What was not heard of for too long, beyond the limit of whoever keeps a picture of the world. The driver
    /// asks before each look. `None` is right for a world that is asked anew at every look.
    fn silence(&self) -> Option<Silence> {
        None
    }
}

/// Carries out what [`decide()`] decides.
#[derive(Clone, Debug)]
pub struct Driver<S, C, A> {
    /// Where flows are kept.
    pub store: S,
    /// The time.
    pub clock: C,
    /// The world.
    pub adapters: A,
}

/// Writes per call before others get a turn.
const BUDGET: u32 = 16;
/// Moves that are folded into one save: they follow from one look, so no crash can fall between them.
const FOLD: u32 = 16;
/// Least time between two saves that only refresh numbers.
const REFRESH: Seconds = Seconds(1);

impl<S: FlowStore, C: Clock, A: Adapters> Driver<S, C, A> {
    /// Brings one flow as far as it can go now. `on_step` hears of every write, after it was made.
    ///
    /// # Errors
    /// [`DriveError`] when a port failed; nothing is assumed of the write in flight.
    pub async fn advance(
        &self,
        id: &FlowId,
        on_step: &mut (dyn FnMut(&FlowId, Step) + Send),
    ) -> Result<Rest, DriveError> {
        for _ in 0..BUDGET {
            // Asked first: what is looked at after it is no older.
            let stale = self.adapters.silence();
            let loaded = self.store.load(id).await;
            if !matches!(loaded, Ok(Loaded::Flow(_))) {
                self.failed(id);
            }
            if let (Some(silence), Ok(Loaded::Invalid(_) | Loaded::Corrupt { .. })) = (stale, &loaded) {
                let again = self.clock.now().plus(LOOK_AGAIN);
                return Ok(Rest::Until(again, Waiting::Unreachable { silence }));
            }
            let outcome = match loaded {
                Ok(Loaded::Flow(stored)) => {
                    let stepped = self.step(stored, stale).await;
                    stepped.inspect_err(|_| self.failed(id))?
                }
                Ok(Loaded::Invalid(invalid)) => self.unread(&invalid).await?,
                // Nobody can tell what it did: the workload is left as it is, for the next flow.
                Ok(Loaded::Corrupt { id, uid, leaving: true, .. }) => return self.forget(&id, &uid).await,
                Ok(Loaded::Corrupt { .. }) => return Ok(Rest::Corrupt),
                Err(error) if error.kind == PortErrorKind::NotFound => {
                    self.is_gone(id);
                    return Ok(Rest::Gone);
                }
                Err(source) => {
                    return Err(DriveError { during: "reading the flow", source });
                }
            };
            match outcome {
                Outcome::Wrote(step) => on_step(id, step),
                Outcome::Rests(rest) => return Ok(rest),
            }
        }
        Ok(Rest::Again)
    }

    /// One look and at most one write; `stale` was asked before it.
    async fn step(&self, mut stored: Box<Stored>, stale: Option<Silence>) -> Result<Outcome, DriveError> {
        // Deletion of a running flow is an order to cancel it, whoever has paused it.
        if stored.leaving && !stored.flow.progress.is_finished() {
            (stored.flow.orders.canceled, stored.flow.orders.paused) = (true, false);
        }
        let reading = self.looks(&mut stored.flow);
        let world = self.observe(&stored, reading).await?;
        let mut seen = look(Some(&stored.flow), world.workload.as_ref(), &world.traffic);
        seen.stale = stale;
        self.confront(&stored, &mut seen).await?;
        let now = self.clock.now();
        if begins(&stored.flow, &seen, now) {
            seen.refused = self.dry_run(&stored.flow, &world).await?;
        }
        let shown = Seen { observation: &seen, workload: world.workload.as_ref(), traffic: &world.traffic };
        let (mut moves, mut rests) = (Vec::new(), None);
        for _ in 0..FOLD {
            let decision = decide(&stored.flow, &seen, now);
            if moves.is_empty() {
                self.looked(&stored.flow, reading, &decision);
            }
            match decision {
                Decision::Move(_, why) if holds_again(&moves, &why) => break,
                Decision::Move(progress, why) => {
                    rests = rests.or_else(|| tells_of_pods(&stored.flow.progress, &progress));
                    stored.report.cause = cause(&why, &stored.flow, &stored.report, shown);
                    let why = why.because(stored.report.cause.as_ref());
                    moves.extend(late(&why, &stored.flow, stored.report.started_at, world.workload.as_ref()));
                    stored.flow.progress = progress;
                    moves.extend(besides(&why, &world.traffic.succession));
                    moves.push(why);
                }
                Decision::Act(_) | Decision::Done if !moves.is_empty() => break,
                Decision::Act(effect) => return self.act_or_leave(&stored, &world, effect).await,
                Decision::Wait(waiting, until) => {
                    // The last words of a flow that has ended stay; what is over in a moment is not told.
                    let brief = stale.is_some_and(|silence| silence.age == Seconds(0));
                    if brief || stored.flow.progress.is_finished() {
                        return Ok(Outcome::Rests(Rest::Until(until, waiting)));
                    }
                    let waits = Some((&waiting, until));
                    let report = report(&stored.flow, &stored.report, shown, moves.last(), waits, now);
                    if moves.is_empty() {
                        return self.refresh((&stored, &world), report, waiting, until, now).await;
                    }
                    let told = moves.iter().any(|why| matches!(why, Why::ServiceLost { .. }));
                    moves.extend(Why::waits(&waiting).filter(|_| !told));
                    return self.moved(&stored, &world, &report, (moves, rests)).await;
                }
                Decision::Done => {
                    let Stored { flow, report, version, .. } = stored.as_ref();
                    if !stored.observed {
                        // People have changed its orders since it ended: its word is about them, too.
                        return self.save_at(&flow.id, (&flow.progress, report), version, moves).await;
                    }
                    return self.forget(&flow.id, &flow.uid).await.map(Outcome::Rests);
                }
            }
        }
        let report = report(&stored.flow, &stored.report, shown, moves.last(), None, now);
        self.moved(&stored, &world, &report, (moves, rests)).await
    }

    /// Saves moves. Before a move that rests on pods is saved, the pods are confirmed; before the last one of a flow,
    /// the workload is confirmed, too.
    async fn moved(
        &self,
        stored: &Stored,
        world: &World,
        report: &Report,
        (moves, rests): (Vec<Why>, Option<PodsAsSeen>),
    ) -> Result<Outcome, DriveError> {
        let Flow { spec, progress, .. } = &stored.flow;
        let backend = self.adapters.workload(&spec.workload_kind);
        self.confirm(backend, world, progress.is_last_word(), rests).await?;
        self.save((stored, Some(world)), report, moves).await
    }

    /// Does one thing. A flow that is being deleted, and has nothing to return to, leaves its workload as it is, for the
    /// next one.
    async fn act_or_leave(
        &self,
        stored: &Stored,
        world: &World,
        effect: Effect,
    ) -> Result<Outcome, DriveError> {
        let done = self.act(stored, world, effect).await;
        if stored.leaving && done.as_ref().is_err_and(DriveError::is_without_return) {
            return self.forget(&stored.flow.id, &stored.flow.uid).await.map(Outcome::Rests);
        }
        done.map(Outcome::Wrote)
    }

    async fn act(&self, stored: &Stored, world: &World, effect: Effect) -> Result<Step, DriveError> {
        let flow = &stored.flow;
        let subject = Subject { instance: &world.instance, flow: Some(flow) };
        let backend = self.adapters.workload(&flow.spec.workload_kind);
        let last = world.workload.as_ref().and_then(|view| view.last.as_ref());
        let again = flow.progress.has_begun() || last.is_some_and(|last| last.holds(&flow.uid));
        if again && matches!(effect, Effect::Workload(WorkloadChange::Lock { .. })) {
            // An old record does not know that its flow has given the lock back since.
            let confirmed = self.store.confirm_flow(&flow.id, &stored.version).await;
            confirmed.map_err(during("making sure that the flow is as it was read"))?;
        }
        let removes = flow.spec.action == Action::Delete && matches!(flow.progress, Progress::Rolling { .. });
        if removes && matches!(effect, Effect::Workload(WorkloadChange::Reshape(_))) {
            // Somebody may have protected the workload since the batch before.
            let refused = self.dry_run(flow, world).await?;
            let refused =
                refused.map(|failure| PortError::new(PortErrorKind::Rejected, alloc::format!("{failure}")));
            refused.map_or(Ok(()), Err).map_err(during("asking whether the workload may be deleted"))?;
        }
        self.execute(backend, Some(&flow.spec), subject, world, &effect).await?;
        Ok(Step::Did(effect))
    }

    async fn execute(
        &self,
        backend: Option<&dyn WorkloadBackend>,
        spec: Option<&Spec>,
        subject: Subject<'_>,
        world: &World,
        effect: &Effect,
    ) -> Result<(), DriveError> {
        let version = world.workload.as_ref().map(|view| &view.version);
        let rests = subject.flow.and_then(|flow| rests_on_pods(flow, effect));
        self.confirm(backend, world, effect.is_to_pods(), rests).await?;
        match (effect, backend) {
            (Effect::Workload(change), Some(backend)) => backend
                .change_workload(subject, change, version)
                .await
                .map_err(during("changing the workload")),
            (Effect::Pods(change), Some(backend)) => {
                backend.change_pods(subject, change).await.map_err(during("changing pods"))
            }
            (Effect::Traffic(change), _) => {
                let registry = self.adapters.traffic(spec);
                registry.change_traffic(subject.instance, change).await.map_err(during("steering traffic"))
            }
            (Effect::Supersede(rival), _) => match subject.flow {
                Some(flow) => self.supersede(flow, rival).await,
                None => Ok(()),
            },
            (Effect::Workload(_) | Effect::Pods(_), None) => Err(DriveError {
                during: "changing the workload",
                source: PortError::new(PortErrorKind::Rejected, "no backend for this kind of workload"),
            }),
        }
    }

    /// Where all of it is too large for the store the lists are left out: they are for people alone.
    async fn save(
        &self,
        (stored, world): (&Stored, Option<&World>),
        report: &Report,
        moves: Vec<Why>,
    ) -> Result<Outcome, DriveError> {
        let Stored { flow, version, .. } = stored;
        let workload = world.and_then(|world| world.workload.as_ref());
        let moves = moves.into_iter().chain(newly_stuck(&stored.report, report, workload)).collect();
        self.save_at(&flow.id, (&flow.progress, report), version, moves).await
    }

    /// Saves progress and report; where that is refused for its size, without the lists.
    async fn save_at(
        &self,
        id: &FlowId,
        (progress, report): (&Progress, &Report),
        version: &Version,
        moves: Vec<Why>,
    ) -> Result<Outcome, DriveError> {
        let mut saved = self.store.save_progress(id, progress, report, version).await;
        let refused = saved.as_ref().is_err_and(|error| error.kind == PortErrorKind::TooLarge);
        if refused && !report.batches.is_empty() {
            let rest = report.without_lists();
            saved = self.store.save_progress(id, progress, &rest, version).await;
        }
        saved.map_err(during("saving progress"))?;
        Ok(Outcome::Wrote(Step::Saved(moves)))
    }

    /// Keeps the status fresh while the flow waits: what a person must act on at once, mere numbers at
    /// most once a second.
    async fn refresh(
        &self,
        (stored, world): (&Stored, &World),
        new: Report,
        waiting: Waiting,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Outcome, DriveError> {
        let old = &stored.report;
        // Looked at again when people were told so.
        let until = new.waiting.as_ref().map_or(until, |shown| shown.until.min(until));
        let settled = Report { updated_at: old.updated_at, ..new.clone() };
        // Lists that were left out are tried again when there is something else to save.
        let same = settled == *old || (old.batches.is_empty() && settled.without_lists() == *old);
        if same && stored.observed {
            return Ok(Outcome::Rests(Rest::Until(until, waiting)));
        }
        let urgent = !stored.observed
            || new.paused != old.paused
            || (waiting.asks_a_person() && new.reason != old.reason);
        // A clock that was set back makes nobody wait.
        let due = old.updated_at.filter(|at| *at <= now).map_or(now, |at| at.plus(REFRESH));
        if urgent || now >= due {
            let told = new.reason == old.reason && new.message == old.message;
            let why = Why::waits(&waiting).filter(|_| !told).into_iter().collect();
            return self.save((stored, Some(world)), &new, why).await;
        }
        Ok(Outcome::Rests(Rest::Until(until.min(due), waiting)))
    }

    async fn forget(&self, id: &FlowId, uid: &FlowUid) -> Result<Rest, DriveError> {
        self.store.forget(id, uid).await.map_err(during("giving the flow free"))?;
        Ok(Rest::Done)
    }

    /// Shows people an error that [`Driver::advance`] returned and when it is tried again. A conflict is
    /// not shown, because looking again mends it; an error that is shown already costs no write.
    ///
    /// # Errors
    /// [`DriveError`] when the store failed.
    pub async fn show_error(
        &self,
        id: &FlowId,
        error: &DriveError,
        until: Timestamp,
    ) -> Result<(), DriveError> {
        if error.source.kind == PortErrorKind::Conflict {
            return Ok(());
        }
        self.show(id, error.reason(), alloc::format!("{error}; trying again"), until).await
    }

    /// Shows people why a flow does not go on, and when it is tried again; what is shown already costs no write.
    /// `reason` is one CamelCase word.
    ///
    /// # Errors
    /// [`DriveError`] when the store failed.
    pub async fn show(
        &self,
        id: &FlowId,
        reason: &'static str,
        message: String,
        until: Timestamp,
    ) -> Result<(), DriveError> {
        let loaded = self.store.load(id).await.map_err(during("reading the flow"))?;
        let Loaded::Flow(stored) = loaded else { return Ok(()) };
        let message = shorten(&message, TextFor::Status);
        if stored.flow.progress.is_finished() || stored.report.message == message {
            return Ok(());
        }
        let now = self.clock.now();
        let reason: String = reason.into();
        let since = stored.report.waiting.as_ref().filter(|w| w.reason == reason).map_or(now, |w| w.since);
        let waiting = WaitingReport { reason: reason.clone(), message: message.clone(), since, until };
        let report = Report {
            reason,
            message,
            waiting: Some(waiting),
            updated_at: Some(now),
            ..stored.report.clone()
        };
        self.save((&stored, None), &report, Vec::new()).await.map(|_| ())
    }
}

/// What one step came to.
enum Outcome {
    Wrote(Step),
    Rests(Rest),
}

/// Whether a flow that was resumed a moment ago is to hold again: who resumed it waits to see that it went on.
fn holds_again(moves: &[Why], next: &Why) -> bool {
    let holds = matches!(next, Why::Held { .. } | Why::Drifted { .. });
    holds && matches!(moves.last(), Some(Why::Resumed))
}

fn during(during: &'static str) -> impl FnOnce(PortError) -> DriveError {
    move |source| DriveError { during, source }
}

#[cfg(test)]
#[path = "driver_tests.rs"]
mod tests;
