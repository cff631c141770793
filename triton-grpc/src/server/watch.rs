//! Streams: a flow until something is reached, and all flows without end.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;

use futures::Stream;
use futures::stream::unfold;
use tonic::Status;
use triton_core::model::{FlowId, Target};
use triton_core::service::{ApiError, ApiErrorKind, DeployApi, FlowFilter, FlowView};

use super::frame::{Frame, pages};
use super::hub::{Change, EveryWatcher, FlowWatcher, Mark, Note};
use crate::convert;
use crate::status::to_status;

/// A stream of replies. It ends after an error.
pub(crate) type Replies = Pin<Box<dyn Stream<Item = Result<Frame, Status>> + Send>>;

/// Where a stream over one flow ends; all end when the flow has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// The target is reached; without one, when the flow waits for a person.
    Reached(Option<Target>),
    /// The flow is paused.
    Paused,
    /// The flow is not paused.
    Resumed,
    /// The flow has ended.
    Ended,
}

impl Until {
    fn holds(self, view: &FlowView) -> bool {
        match self {
            Self::Reached(target) => view.ends_watch(target),
            Self::Paused => view.record.paused || view.record.finished,
            Self::Resumed => !view.record.paused || view.record.finished,
            Self::Ended => view.record.finished,
        }
    }
}

/// The flow as it is in `first`, then each change. The watcher was made before `first` was read.
pub(crate) fn one<A: DeployApi + 'static>(
    api: Arc<A>,
    watcher: FlowWatcher,
    first: Change,
    reply: Frame,
    until: Until,
) -> Replies {
    let over = until.holds(&first.view);
    let id = first.view.id;
    stream(One { api, watcher, id, last: first.mark, reply: Some(reply), until, over })
}

/// The flows in `list`, then each change of one that matches. The watcher was made before they were read.
pub(crate) fn every<A: DeployApi + 'static>(
    api: Arc<A>,
    watcher: EveryWatcher,
    filter: FlowFilter,
    list: Vec<FlowView>,
) -> Replies {
    let changes: Vec<Change> = list.into_iter().map(Change::new).collect();
    let replies = pages(changes.iter().map(|change| &change.frame)).into();
    let known = changes.into_iter().map(|change| (change.view.id, change.mark)).collect();
    stream(Every { api, watcher, filter, known, replies, over: false })
}

/// Something that answers until it has nothing more to say.
trait Answers: Send + 'static {
    fn next(&mut self) -> impl Future<Output = Option<Result<Frame, ApiError>>> + Send;
}

fn stream(answers: impl Answers) -> Replies {
    Box::pin(unfold(answers, |mut answers| async move {
        let answer = answers.next().await?;
        Some((answer.map_err(|error| to_status(&error)), answers))
    }))
}

struct One<A> {
    api: Arc<A>,
    watcher: FlowWatcher,
    id: FlowId,
    last: Mark,
    reply: Option<Frame>,
    until: Until,
    over: bool,
}

impl<A: DeployApi + 'static> Answers for One<A> {
    async fn next(&mut self) -> Option<Result<Frame, ApiError>> {
        if let Some(reply) = self.reply.take() {
            return Some(Ok(reply));
        }
        if self.over {
            return None;
        }
        let answer = self.change().await;
        self.over = match &answer {
            Ok(change) => self.until.holds(&change.view),
            Err(_) => true,
        };
        Some(answer.map(|change| {
            self.last = change.mark;
            change.frame.clone()
        }))
    }
}

impl<A: DeployApi> One<A> {
    async fn change(&mut self) -> Result<Arc<Change>, ApiError> {
        loop {
            match self.watcher.next().await? {
                Note::Changed(change) if change.mark == self.last => {}
                Note::Changed(change) if change.mark.looks_older(&self.last) => {
                    let now = read(&*self.api, &self.id).await?;
                    if now.mark != self.last {
                        return Ok(now);
                    }
                }
                Note::Changed(change) => return Ok(change),
                Note::Removed(id) => {
                    return Err(ApiError::new(ApiErrorKind::NotFound, format!("flow {id} was removed")));
                }
                // Flows that are watched are read anew by the feed.
                Note::Lost => {}
            }
        }
    }
}

struct Every<A> {
    api: Arc<A>,
    watcher: EveryWatcher,
    filter: FlowFilter,
    known: HashMap<FlowId, Mark>,
    replies: VecDeque<Frame>,
    over: bool,
}

impl<A: DeployApi + 'static> Answers for Every<A> {
    async fn next(&mut self) -> Option<Result<Frame, ApiError>> {
        if let Some(reply) = self.replies.pop_front() {
            return Some(Ok(reply));
        }
        if self.over {
            return None;
        }
        let answer = self.change().await;
        self.over = answer.is_err();
        Some(answer)
    }
}

impl<A: DeployApi> Every<A> {
    async fn change(&mut self) -> Result<Frame, ApiError> {
        loop {
            match self.watcher.next().await? {
                Note::Changed(change) if self.filter.matches(&change.view) => {
                    if let Some(change) = self.newer(change).await? {
                        self.known.insert(change.view.id.clone(), change.mark);
                        return Ok(change.frame.clone());
                    }
                }
                Note::Changed(_) => {}
                Note::Removed(id) => {
                    if self.known.remove(&id).is_some() || self.may_match(&id) {
                        return Ok(Frame::encode(&convert::removed_reply(&id)));
                    }
                }
                Note::Lost => {
                    let text = "changes were lost; list and watch again";
                    return Err(ApiError::new(ApiErrorKind::Aborted, text));
                }
            }
        }
    }

    /// The change, if it is news.
    async fn newer(&self, change: Arc<Change>) -> Result<Option<Arc<Change>>, ApiError> {
        let id = &change.view.id;
        let Some(last) = self.known.get(id) else { return Ok(Some(change)) };
        let now = if change.mark.looks_older(last) {
            match read(&*self.api, id).await {
                Ok(now) => now,
                // Its removal is on the way.
                Err(error) if error.kind == ApiErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            }
        } else {
            change
        };
        Ok((now.mark != *last).then_some(now))
    }

    /// Whether a flow of which only the name is left may have matched.
    fn may_match(&self, id: &FlowId) -> bool {
        let FlowFilter { namespace, instance_name, action, after, start: _, page_size: _ } = &self.filter;
        instance_name.is_none()
            && action.is_none()
            && after.is_none()
            && namespace.as_ref().is_none_or(|namespace| *namespace == id.namespace)
    }
}

async fn read<A: DeployApi>(api: &A, id: &FlowId) -> Result<Arc<Change>, ApiError> {
    api.get(id).await.map(|view| Arc::new(Change::new(view)))
}
