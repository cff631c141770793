//! The loop behind the live view: changes, keys and the clock.

use std::pin::pin;
use std::time::Duration;

use ratatui::DefaultTerminal;
use triton_core::service::{ApiError, DeployApi, InstanceApi};

use super::Source;
use super::draw::draw;
use super::keys::keys;
use super::state::{Order, State, Turn};
use crate::cli::failure::{DONE, Failure};
use crate::cli::screen::Screen;
use crate::cli::{Session, phrase};

/// How often ages and countdowns are drawn anew.
const TICK: Duration = Duration::from_millis(500);

impl<A: DeployApi + InstanceApi, L> Session<'_, A, L> {
    /// Shows the view until a person ends it.
    pub(super) async fn live(
        &self,
        source: &mut Source<'_, A>,
        screen: &mut Screen<'_>,
    ) -> Result<u8, Failure> {
        // The first answer comes before the screen is taken: an error is then told as any other.
        let first = source.first().await.map_err(|error| self.failed(error))?;
        let mut state = State { flow: first, ..State::default() };
        let mut terminal = ratatui::try_init()?;
        let shown = self.show(source, &mut state, &mut terminal, screen).await;
        ratatui::restore();
        shown?;
        if let Some(view) = &state.flow {
            screen.line(format!("flow {}: {} {}", view.id, view.record.phase, phrase::message(view)))?;
        }
        Ok(DONE)
    }

    async fn show(
        &self,
        source: &mut Source<'_, A>,
        state: &mut State,
        terminal: &mut DefaultTerminal,
        screen: &Screen<'_>,
    ) -> Result<(), Failure> {
        let (mut keys, mut tick) = (keys(), tokio::time::interval(TICK));
        let ends = source.ends();
        loop {
            // A change is awaited across keys and ticks, or the pauses between tries would be cut short.
            let mut next = pin!(source.next());
            let view = loop {
                terminal.draw(|frame| draw(frame, state, screen.now(), screen.paint))?;
                let ended = ends && state.flow.as_ref().is_some_and(|view| view.record.finished);
                tokio::select! {
                    view = &mut next, if !ended => break view,
                    key = keys.recv() => match key.map_or(Turn::Quit, |key| state.press(key)) {
                        Turn::Draw => {}
                        Turn::Quit => return Ok(()),
                        Turn::Give(order) => state.notice = Some(self.obey(order).await),
                    },
                    _ = tick.tick() => {}
                }
            };
            state.show(view.map_err(|error| self.failed(error))?);
        }
    }

    /// Gives the order; answers what it came to.
    async fn obey(&self, order: Order) -> String {
        let done: Result<&str, ApiError> = match order {
            Order::Next(id, gate) => self.api.next(&id, Some(gate)).await.map(|_| "it goes on"),
            Order::Pause(id) => self.api.pause(&id).await.map(|_| "paused"),
            Order::Resume(id) => self.api.resume(&id).await.map(|_| "resumed"),
            Order::Cancel(id) => {
                self.api.cancel(&id).await.map(|_| "cancelled; it leaves the workload clean")
            }
        };
        done.map_or_else(|error| error.message, ToOwned::to_owned)
    }
}
