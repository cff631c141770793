//! `wait`: until a flow has come so far; the exit code says how it went.

use std::time::Duration;

use triton_core::model::FlowPhase;
use triton_core::service::{DeployApi, FlowView, InstanceApi};

use super::args::{Goal, WaitArgs};
use super::failure::{CANCELED, DONE, FAILED, Failure, PERSON, TIMEOUT};
use super::follow::{Follow, One};
use super::screen::Screen;
use super::{Session, object, phrase};

/// A pause that was seen first may have been lifted already: how long it must stand.
const SETTLE: Duration = Duration::from_secs(2);

impl<A: DeployApi + InstanceApi, L> Session<'_, A, L> {
    /// `wait`.
    pub(super) async fn wait(&self, wait: &WaitArgs, screen: &mut Screen<'_>) -> Result<u8, Failure> {
        let mut last = None;
        let waited = self.until(wait, &mut last);
        let code = if wait.timeout.0.is_zero() {
            waited.await?
        } else {
            match tokio::time::timeout(wait.timeout.0, waited).await {
                Ok(code) => code?,
                Err(_) => TIMEOUT,
            }
        };
        let Some(view) = last else {
            let text = "the time was over before anybody answered";
            let mut failure = self.unanswered(text);
            failure.code = TIMEOUT;
            return Err(failure);
        };
        if code == DONE && screen.objects(&[object::flow(&view)], true)? {
            return Ok(code);
        }
        let (id, line) = (&view.id, said(&view));
        match code {
            DONE => screen.line(format!("flow {id}: {line}"))?,
            TIMEOUT => screen.note(format!("flow {id}: the time was over; {line}"))?,
            _ => screen.note(format!("flow {id}: {line}"))?,
        }
        if code != DONE && !view.record.finished {
            screen.note(format!("  try: kubectl triton explain {}", self.words(&id.name)))?;
        }
        Ok(code)
    }

    async fn until(&self, wait: &WaitArgs, last: &mut Option<FlowView>) -> Result<u8, Failure> {
        let mut follow = Follow::new(One(self.api, self.id(&wait.name)));
        loop {
            let view = match follow.next().await {
                Ok(view) => view,
                Err(error) => return Err(self.unknown(error, &wait.name).await),
            };
            let first = last.replace(view.clone()).is_none();
            let Some(code) = judge(&view, wait.goal, wait.stay) else { continue };
            if !(first && view.record.paused && !view.record.finished) {
                return Ok(code);
            }
            match tokio::time::timeout(SETTLE, follow.next()).await {
                Err(_) => return Ok(code),
                Ok(changed) => {
                    let view = changed.map_err(|error| self.failed(error))?;
                    *last = Some(view.clone());
                    if let Some(code) = judge(&view, wait.goal, wait.stay) {
                        return Ok(code);
                    }
                }
            }
        }
    }

    fn unanswered(&self, text: &str) -> Failure {
        self.failed(triton_core::service::ApiError::new(
            triton_core::service::ApiErrorKind::Unavailable,
            text,
        ))
    }
}

/// The exit code, once there is one.
pub(super) fn judge(view: &FlowView, goal: Goal, stay: bool) -> Option<u8> {
    let person = phrase::waits_for_a_person(view);
    let reached = match goal {
        Goal::Success => view.record.phase == FlowPhase::Success,
        Goal::Finished => view.record.finished,
        Goal::Waiting => person,
        Goal::Point(target) => phrase::reached(view, target),
    };
    match (reached, view.record.phase) {
        (true, _) => Some(DONE),
        (false, FlowPhase::Canceled) => Some(CANCELED),
        (false, _) if view.record.finished => Some(FAILED),
        (false, _) if person && !stay => Some(PERSON),
        (false, _) => None,
    }
}

/// Where a flow is, in one line.
fn said(view: &FlowView) -> String {
    let batch = view.here().map(|here| format!(", {here}")).unwrap_or_default();
    let message = phrase::message(view);
    let gap = if message.is_empty() { "" } else { ": " };
    format!("{}{batch}{gap}{message}", view.record.phase)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views;
    use triton_core::model::{BatchPhase, Target};

    #[test]
    fn the_code_says_how_it_went() {
        let code = |view: &FlowView, goal| judge(view, goal, false);
        let (smoked, success) = (views::smoked("a"), views::success("a"));
        assert_eq!(code(&success, Goal::Success), Some(0));
        assert_eq!(code(&success, Goal::Finished), Some(0));
        assert_eq!(code(&success, Goal::Waiting), Some(3), "nothing waits any more");
        assert_eq!(code(&ended(FlowPhase::Failed), Goal::Success), Some(3));
        assert_eq!(code(&ended(FlowPhase::Aborted), Goal::Success), Some(3));
        assert_eq!(code(&ended(FlowPhase::Canceled), Goal::Success), Some(4));
        assert_eq!(code(&ended(FlowPhase::Canceled), Goal::Finished), Some(0));
        assert_eq!(code(&smoked, Goal::Success), Some(6));
        assert_eq!(code(&smoked, Goal::Waiting), Some(0));
        assert_eq!(code(&views::pending("a"), Goal::Success), None);
    }

    #[test]
    fn a_point_is_reached_at_it_and_beyond_it() {
        let point = |phase| Goal::Point(Target { batch: 1, phase });
        let smoked = views::smoked("a");
        assert_eq!(judge(&smoked, point(BatchPhase::Smoking), false), Some(0));
        assert_eq!(judge(&smoked, point(BatchPhase::Smoked), false), Some(0));
        assert_eq!(judge(&smoked, point(BatchPhase::Baked), false), Some(6));
        let beyond = Goal::Point(Target { batch: 9, phase: BatchPhase::Baked });
        assert_eq!(judge(&views::success("a"), beyond, false), Some(3), "there never was such a batch");
    }

    #[test]
    fn a_stage_that_failed_was_not_passed() {
        let mut view = views::smoked("a");
        view.record.conditions[0].phase = BatchPhase::SmokeFailed;
        view.record.paused = true;
        let baked = Goal::Point(Target { batch: 1, phase: BatchPhase::Baked });
        assert_eq!(judge(&view, baked, false), Some(6));
    }

    #[test]
    fn whoever_stays_outwaits_people() {
        assert_eq!(judge(&views::smoked("a"), Goal::Success, true), None);
    }

    #[test]
    fn a_permission_that_was_just_given_is_not_waited_for_again() {
        let mut view = views::smoked("a");
        view.target = Target { batch: 1, phase: BatchPhase::Baking };
        assert_eq!(judge(&view, Goal::Waiting, false), None);
        view.target = Target::default();
        view.canceled = true;
        assert_eq!(judge(&view, Goal::Finished, false), None);
    }

    fn ended(phase: FlowPhase) -> FlowView {
        let mut view = views::success("a");
        view.record.phase = phase;
        view
    }
}
