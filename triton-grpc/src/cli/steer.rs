//! Orders to flows: next, continue, pause, resume, cancel, delete.

use triton_core::model::{BatchPhase, FlowName, FlowPhase, Target};
use triton_core::service::{ApiError, ApiErrorKind, DeployApi, FlowView, InstanceApi, Ordered};

use super::failure::{DONE, Failure};
use super::follow::insist;
use super::screen::Screen;
use super::{Session, object, others, phrase};

impl<A: DeployApi + InstanceApi, L> Session<'_, A, L> {
    /// `next`: for what is seen waiting, so that pressing twice lets one batch go.
    pub(super) async fn next(
        &self,
        name: &FlowName,
        expect: Option<Target>,
        screen: &mut Screen<'_>,
    ) -> Result<u8, Failure> {
        let gate = match expect {
            Some(expect) => expect,
            None => {
                let view = self.look(name).await?;
                // Whether a person is asked there is the service's to say: what is shown may be a moment old.
                let here = view.here().filter(|_| !view.record.finished && !view.agreed());
                here.ok_or_else(|| self.not_waiting(&view))?
            }
        };
        let id = self.id(name);
        // The first try may have acted although no answer came: then nothing waits at this gate any more.
        let mut tries = 0_u32;
        let flow = insist(async || {
            tries += 1;
            match self.api.next(&id, Some(gate)).await {
                Err(error) if tries > 1 && error.kind == ApiErrorKind::FailedPrecondition => {
                    let view = self.api.get(&id).await?;
                    if view.target > gate { Ok(view) } else { Err(error) }
                }
                answer => answer,
            }
        });
        let flow = flow.await.map_err(|error| self.refused(error, name))?;
        let Target { batch, phase } = flow.target;
        self.told(&flow, &format!("batch {batch} may go on to {phase}"), screen)
    }

    /// Nobody is asked: what the flow does instead.
    fn not_waiting(&self, view: &FlowView) -> Failure {
        let name = &view.id.name;
        let does = match phrase::message(view) {
            _ if view.agreed() => "the permission was given a moment ago",
            "" => view.record.phase.as_str(),
            message => message,
        };
        let phase = view.record.phase;
        let text = format!("NotWaiting: flow {} ({phase}) does not wait for a permission: {does}", view.id);
        let failure = Failure::new(text).kind(ApiErrorKind::FailedPrecondition);
        let words = self.words(name);
        failure.hint(if phrase::stands(view) {
            format!("kubectl triton explain {words}")
        } else {
            format!("kubectl triton wait {words} --for=waiting")
        })
    }

    /// `continue`.
    pub(super) async fn go_to(
        &self,
        name: &FlowName,
        batch: u32,
        phase: BatchPhase,
        screen: &mut Screen<'_>,
    ) -> Result<u8, Failure> {
        let (id, target) = (self.id(name), Target { batch, phase });
        let ordered = insist(async || self.api.go_to(&id, target).await).await;
        self.ordered(name, ordered, &format!("goes on to batch {batch} {phase} without asking"), screen)
    }

    /// `pause`.
    pub(super) async fn pause(&self, name: &FlowName, screen: &mut Screen<'_>) -> Result<u8, Failure> {
        let id = self.id(name);
        let ordered = insist(async || self.api.pause(&id).await).await;
        let flow = ordered.as_ref().ok().map(|ordered| ordered.flow.clone());
        let done = self.ordered(name, ordered, "paused", screen)?;
        if let Some(flow) = flow.filter(|flow| !flow.record.finished) {
            let then = others::after_pause(&flow, &self.beside(&flow).await);
            then.map_or(Ok(()), |then| screen.note(then))?;
        }
        Ok(done)
    }

    /// `resume`.
    pub(super) async fn resume(&self, name: &FlowName, screen: &mut Screen<'_>) -> Result<u8, Failure> {
        let id = self.id(name);
        let ordered = insist(async || self.api.resume(&id).await).await;
        self.ordered(name, ordered, "resumed", screen)
    }

    /// `cancel`.
    pub(super) async fn cancel(&self, name: &FlowName, screen: &mut Screen<'_>) -> Result<u8, Failure> {
        let id = self.id(name);
        let ordered = insist(async || self.api.cancel(&id).await).await;
        let flow = ordered.as_ref().ok().map(|ordered| ordered.flow.clone());
        let done = self.ordered(name, ordered, "cancelled; it ends once its workload is clean", screen)?;
        if let Some(flow) = flow.filter(|flow| flow.record.phase != FlowPhase::Pending) {
            let then = others::next(&self.beside(&flow).await);
            then.map_or(Ok(()), |then| screen.note(then))?;
        }
        Ok(done)
    }

    /// `delete flow`.
    pub(super) async fn forget(&self, name: &FlowName, screen: &mut Screen<'_>) -> Result<u8, Failure> {
        let id = self.id(name);
        let deleted = insist(async || self.api.delete(&id).await).await;
        deleted.map_err(|error| self.refused(error, name))?;
        screen.line(format!("flow {id}: forgotten; its workload stays as it is"))?;
        Ok(DONE)
    }

    fn ordered(
        &self,
        name: &FlowName,
        ordered: Result<Ordered, ApiError>,
        done: &str,
        screen: &mut Screen<'_>,
    ) -> Result<u8, Failure> {
        let Ordered { flow, already } = ordered.map_err(|error| self.refused(error, name))?;
        let text = if already { format!("{done} (it was so already)") } else { done.to_owned() };
        self.told(&flow, &text, screen)
    }

    /// Tells what was ordered.
    pub(super) fn told(&self, flow: &FlowView, done: &str, screen: &mut Screen<'_>) -> Result<u8, Failure> {
        if screen.objects(&[object::flow(flow)], true)? {
            screen.note(format!("flow {}: {done}", flow.id))?;
        } else {
            screen.line(format!("flow {}: {done}", flow.id))?;
        }
        Ok(DONE)
    }

    /// A refused order, with the command that says why.
    fn refused(&self, error: ApiError, name: &FlowName) -> Failure {
        let refused = error.kind == ApiErrorKind::FailedPrecondition;
        let failure = self.failed(error);
        if refused { failure.hint(format!("kubectl triton explain {}", self.words(name))) } else { failure }
    }
}
