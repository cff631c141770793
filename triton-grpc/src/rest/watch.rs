//! Watches as server-sent events.

use std::convert::Infallible;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive};
use axum::response::{IntoResponse, Sse};
use futures::StreamExt;
use futures::stream::unfold;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, watch as signal};
use triton_core::model::{FlowId, Namespace};
use triton_core::service::{ApiError, ApiErrorKind, ApiStream, FlowEvent, FlowView};

use super::Door;
use super::answer::{Answer, GetRefused, ListRefused, Refusal};
use super::ask::{FlowQuery, UntilQuery};
use super::extract::{Asked, At, InNamespace, Named};
use super::show::{Flow, FlowName};

/// The flow now, then each change, one event with the flow as JSON each. Ends when the flow has ended or the
/// target is reached; without a target also when the flow waits for a person. An event `error`, with the
/// envelope of an error, ends it early.
#[utoipa::path(
    get,
    path = "/namespaces/{namespace}/deployflows/{name}/watch",
    operation_id = "watch",
    tag = "flows",
    params(Named, UntilQuery),
    responses(
        (status = 200, description = "Events", body = String, content_type = "text/event-stream"),
        GetRefused
    )
)]
pub(super) async fn one(
    State(door): State<Door>,
    At(id): At<FlowId>,
    Asked(until): Asked<UntilQuery>,
) -> Answer {
    let target = until.target()?;
    let permit = permit(&door)?;
    let flows = door.api.watch(&id, target).await?;
    Ok(events(&door, permit, flows, |flow: FlowView| event(None, &Flow::from(flow))))
}

/// The flows that match now as one event `list`, then an event `changed` with the flow for each change of one
/// that matches, or `removed` with namespace and name, without end. An event `error`, with the envelope of an
/// error, ends it: list and watch again.
#[utoipa::path(
    get,
    path = "/namespaces/{namespace}/deployflows/watch",
    operation_id = "list_and_watch",
    tag = "flows",
    params(InNamespace, FlowQuery),
    responses(
        (status = 200, description = "Events", body = String, content_type = "text/event-stream"),
        ListRefused
    )
)]
pub(super) async fn list(
    State(door): State<Door>,
    At(namespace): At<Namespace>,
    Asked(query): Asked<FlowQuery>,
) -> Answer {
    let filter = query.filter(namespace)?;
    let permit = permit(&door)?;
    let changes = door.api.list_and_watch(&filter).await?;
    Ok(events(&door, permit, changes, |change| match change {
        FlowEvent::Listed(flows) => {
            event(Some("list"), &flows.into_iter().map(Flow::from).collect::<Vec<_>>())
        }
        FlowEvent::Changed(flow) => event(Some("changed"), &Flow::from(flow)),
        FlowEvent::Removed(id) => event(Some("removed"), &FlowName::from(id)),
    }))
}

fn permit(door: &Door) -> Result<OwnedSemaphorePermit, Refusal> {
    let most = door.config.max_watches;
    door.watches.clone().try_acquire_owned().map_err(|_| {
        let text = format!("{most} watches are open already; end some or ask again later");
        ApiError::new(ApiErrorKind::ResourceExhausted, text).into()
    })
}

/// A watch that is open.
struct Watch<T> {
    items: ApiStream<T>,
    show: fn(T) -> Event,
    closing: signal::Receiver<bool>,
    over: bool,
    _permit: OwnedSemaphorePermit,
}

impl<T> Watch<T> {
    async fn next(&mut self) -> Option<Event> {
        if self.over {
            return None;
        }
        let item = tokio::select! {
            biased;
            _ = self.closing.wait_for(|closing| *closing) => {
                let text = "the server is shutting down; watch again";
                Some(Err(ApiError::new(ApiErrorKind::Unavailable, text)))
            }
            item = self.items.next() => item,
        };
        Some(match item? {
            Ok(item) => (self.show)(item),
            Err(error) => {
                self.over = true;
                event(Some("error"), &Refusal::from(error).envelope())
            }
        })
    }
}

fn events<T: Send + 'static>(
    door: &Door,
    permit: OwnedSemaphorePermit,
    items: ApiStream<T>,
    show: fn(T) -> Event,
) -> axum::response::Response {
    let closing = door.closing.subscribe();
    let watch = Watch { items, show, closing, over: false, _permit: permit };
    let events = unfold(watch, |mut watch| async move {
        let event = watch.next().await?;
        Some((Ok::<_, Infallible>(event), watch))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(door.config.keepalive)).into_response()
}

fn event(name: Option<&str>, data: &impl Serialize) -> Event {
    let event = name.map_or_else(Event::default, |name| Event::default().event(name));
    // JSON has no line breaks of its own. A serialiser that fails is a bug; the event is then empty.
    event.data(serde_json::to_string(data).unwrap_or_default())
}
