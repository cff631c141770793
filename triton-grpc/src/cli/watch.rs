//! `watch`: a live view on a terminal, a line per change elsewhere.

mod draw;
mod keys;
mod live;
mod state;

use std::io::IsTerminal;

use triton_core::model::{InstanceId, Timestamp};
use triton_core::service::{ApiError, ApiErrorKind, DeployApi, FlowEvent, FlowFilter, FlowView, InstanceApi};

use super::args::{Format, WatchArgs};
use super::failure::{DONE, Failure};
use super::follow::{All, Follow, One};
use super::screen::Screen;
use super::{Session, object, phrase};

impl<A: DeployApi + InstanceApi, L> Session<'_, A, L> {
    /// `watch`.
    pub(super) async fn watch(&self, watch: WatchArgs, screen: &mut Screen<'_>) -> Result<u8, Failure> {
        let people = screen.format == Format::Text && std::io::stdout().is_terminal();
        let mut source = self.source(watch)?;
        if people && std::io::stdin().is_terminal() {
            return self.live(&mut source, screen).await;
        }
        self.plain(&mut source, screen).await
    }

    /// Where the views come from.
    fn source(&self, watch: WatchArgs) -> Result<Source<'_, A>, Failure> {
        match (watch.name, watch.instance) {
            (Some(name), _) => Ok(Source::Flow(Follow::new(One(self.api, self.id(&name))))),
            (None, Some(instance)) => {
                let filter = FlowFilter {
                    namespace: Some(self.namespace.clone()),
                    instance_name: Some(instance.clone()),
                    ..FlowFilter::default()
                };
                let (instance, follow) = (self.instance(&instance), Follow::new(All(self.api, filter)));
                Ok(Source::Newest(Newest { instance, follow, shown: None }))
            }
            (None, None) => Err(Failure::usage("say which flow, or which --instance")),
        }
    }

    /// A line, or an object, for each change until the flow has ended.
    async fn plain(&self, source: &mut Source<'_, A>, screen: &mut Screen<'_>) -> Result<u8, Failure> {
        let mut before = String::new();
        let mut first = source.first().await.map_err(|error| self.failed(error))?;
        if let (None, Source::Newest(Newest { instance, .. })) = (&first, &*source) {
            screen.note(self.without_flow(instance).await)?;
        }
        loop {
            let view = match first.take() {
                Some(view) => view,
                None => source.next().await.map_err(|error| self.failed(error))?,
            };
            let line = line(&view);
            if line != before && !screen.objects(&[object::flow(&view)], true)? {
                screen.line(format!("{}  {line}", clock_time(screen)))?;
            }
            screen.out.flush()?;
            before = line;
            if view.record.finished && source.ends() {
                return Ok(DONE);
            }
        }
    }

    /// What is said of an instance that no flow acts on.
    async fn without_flow(&self, instance: &InstanceId) -> String {
        match self.api.instance(instance).await {
            Err(error) if error.kind == ApiErrorKind::NotFound => {
                format!("there is no instance {instance}, and no flow of it yet: the first one will be shown")
            }
            Ok(_) | Err(_) => format!("instance {instance} has no flow: the next one will be shown"),
        }
    }
}

/// Where views come from.
enum Source<'a, A: DeployApi> {
    /// One flow.
    Flow(Follow<One<'a, A>>),
    /// The newest flow of an instance.
    Newest(Newest<'a, A>),
}

/// The newest flow of an instance.
struct Newest<'a, A: DeployApi> {
    instance: InstanceId,
    follow: Follow<All<'a, A>>,
    /// When the flow that was shown last was made.
    shown: Option<Timestamp>,
}

impl<A: DeployApi> Source<'_, A> {
    /// The view now; `None` when an instance has no flow yet.
    async fn first(&mut self) -> Result<Option<FlowView>, ApiError> {
        match self {
            Self::Flow(follow) => follow.next().await.map(Some),
            Self::Newest(newest) => newest.first().await,
        }
    }

    /// The next view.
    async fn next(&mut self) -> Result<FlowView, ApiError> {
        match self {
            Self::Flow(follow) => follow.next().await,
            Self::Newest(newest) => newest.next().await,
        }
    }

    /// Whether the end of a flow is the end of what there is to see.
    const fn ends(&self) -> bool {
        matches!(self, Self::Flow(_))
    }
}

impl<A: DeployApi> Newest<'_, A> {
    async fn first(&mut self) -> Result<Option<FlowView>, ApiError> {
        let event = self.follow.next().await?;
        Ok(self.taken(event))
    }

    async fn next(&mut self) -> Result<FlowView, ApiError> {
        loop {
            let event = self.follow.next().await?;
            if let Some(view) = self.taken(event) {
                return Ok(view);
            }
        }
    }

    /// The view, if it is of the newest flow.
    fn taken(&mut self, event: FlowEvent) -> Option<FlowView> {
        let view = match event {
            FlowEvent::Listed(flows) => flows.into_iter().next(),
            FlowEvent::Changed(view) => Some(view),
            FlowEvent::Removed(_) => None,
        };
        let newest = |view: &FlowView| self.shown.is_none_or(|shown| shown <= view.created_at);
        let view = view.filter(newest)?;
        self.shown = Some(view.created_at);
        Some(view)
    }
}

/// One line for a flow.
fn line(view: &FlowView) -> String {
    let record = &view.record;
    let batch = record.conditions.last().map(|batch| format!("{} {}", phrase::title(batch), batch.phase));
    let (ready, all) = (record.updated_ready_replicas, view.replicas);
    let line = format!(
        "{}  {:<13} {:<22} {ready}/{all} in traffic  {}",
        view.id.name,
        record.phase.as_str(),
        batch.unwrap_or_default(),
        phrase::message(view),
    );
    line.trim_end().to_owned()
}

/// The time of day, to the second, in UTC.
fn clock_time(screen: &Screen<'_>) -> String {
    let time = screen.now().to_string();
    time.get(11..19).map_or_else(|| time.clone(), |clock| format!("{clock}Z"))
}
