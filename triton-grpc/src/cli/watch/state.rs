//! What the live view shows, and what keys do to it.

use triton_core::model::{FlowId, Target};
use triton_core::service::FlowView;

use super::keys::Key;
use crate::cli::phrase;

/// An order that a key gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// For this gate.
    Next(FlowId, Target),
    /// Of this flow.
    Pause(FlowId),
    /// Of this flow.
    Resume(FlowId),
    /// Of this flow.
    Cancel(FlowId),
}

/// What a key comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Draw anew.
    Draw,
    /// Give this order.
    Give(Order),
    /// End.
    Quit,
}

/// The live view.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    /// The flow, once it is known.
    pub(super) flow: Option<FlowView>,
    /// A question that waits for y, and the order behind it.
    pub(super) question: Option<(String, Order)>,
    /// What the last order came to.
    pub(super) notice: Option<String>,
}

impl State {
    /// The flow has changed. A question about a gate that is no longer there is void.
    pub(super) fn show(&mut self, view: FlowView) {
        let gate = phrase::gate(&view);
        let stale = match &self.question {
            Some((_, Order::Next(id, asked))) => *id != view.id || gate != Some(*asked),
            Some((_, Order::Cancel(id) | Order::Pause(id) | Order::Resume(id))) => {
                *id != view.id || view.record.finished
            }
            None => false,
        };
        if stale {
            self.question = None;
            self.notice = Some("the flow went on meanwhile: nothing was ordered".into());
        }
        self.flow = Some(view);
    }

    /// The keys that do something now, and what.
    pub(super) fn keys(&self) -> Vec<(char, &'static str)> {
        let orders = |view: &FlowView| {
            let goes = !view.record.finished && !view.canceled;
            let all = [
                ('n', "next", phrase::gate(view).is_some() && !view.record.paused),
                ('p', "pause", goes && !view.record.paused),
                ('r', "resume", goes && view.record.paused),
                ('c', "cancel", goes),
            ];
            all.into_iter().filter(|(_, _, does)| *does).map(|(key, what, _)| (key, what)).collect()
        };
        let mut keys: Vec<_> = self.flow.as_ref().map_or_else(Vec::new, orders);
        keys.push(('q', "quit"));
        keys
    }

    /// A key was pressed.
    pub(super) fn press(&mut self, key: Key) -> Turn {
        if key == Key::Interrupt {
            return Turn::Quit;
        }
        if let Some((_, order)) = self.question.take() {
            self.notice = None;
            return match key {
                Key::Letter('y' | 'Y') => Turn::Give(order),
                _ => Turn::Draw,
            };
        }
        self.notice = None;
        let Some(view) = &self.flow else {
            return if key == Key::Letter('q') { Turn::Quit } else { Turn::Draw };
        };
        let id = view.id.clone();
        match key {
            Key::Letter('q') | Key::Escape => return Turn::Quit,
            Key::Letter('n') => match phrase::gate(view) {
                Some(gate) => {
                    let question = format!("{}. Let it? y/N", sentence(phrase::message(view)));
                    self.question = Some((question, Order::Next(id, gate)));
                }
                None => self.notice = Some("no permission is asked for now".into()),
            },
            Key::Letter('p' | 'r' | 'c') if view.record.finished => {
                self.notice = Some("the flow has ended".into());
            }
            Key::Letter('p') => return Turn::Give(Order::Pause(id)),
            Key::Letter('r') => return Turn::Give(Order::Resume(id)),
            Key::Letter('c') => {
                let question = format!("Cancel {} for good? y/N", id.name);
                self.question = Some((question, Order::Cancel(id)));
            }
            Key::Letter(_) | Key::Interrupt | Key::Resize => {}
        }
        Turn::Draw
    }
}

/// What Next comes to, without whom it waits for.
fn sentence(message: &str) -> String {
    message.strip_prefix("waits for a person: ").unwrap_or(message).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views;
    use triton_core::model::BatchPhase;

    #[test]
    fn next_asks_first_and_is_given_for_the_gate_that_was_seen() {
        let mut state = at(views::smoked("a"));
        assert_eq!(state.press(Key::Letter('n')), Turn::Draw);
        assert_eq!(state.question.as_ref().unwrap().0, "Next lets batch 1 take traffic. Let it? y/N");
        let gate = Target { batch: 1, phase: BatchPhase::Smoked };
        assert_eq!(state.press(Key::Letter('y')), Turn::Give(Order::Next(views::id("a"), gate)));
    }

    #[test]
    fn any_other_key_than_y_takes_the_question_back() {
        for key in [Key::Letter('n'), Key::Letter('c'), Key::Escape, Key::Letter('q')] {
            let mut state = at(views::smoked("a"));
            state.press(Key::Letter('c'));
            assert_eq!(state.press(key), Turn::Draw);
            assert_eq!(state.question, None);
        }
    }

    #[test]
    fn a_question_is_void_once_the_flow_went_on() {
        let mut state = at(views::smoked("a"));
        state.press(Key::Letter('n'));
        state.show(views::success("a"));
        assert_eq!(state.press(Key::Letter('y')), Turn::Draw);
    }

    #[test]
    fn pause_and_resume_act_at_once_and_nothing_acts_on_the_end() {
        let mut state = at(views::smoked("a"));
        assert_eq!(state.press(Key::Letter('p')), Turn::Give(Order::Pause(views::id("a"))));
        assert_eq!(state.press(Key::Letter('r')), Turn::Give(Order::Resume(views::id("a"))));
        let mut state = at(views::success("a"));
        for key in ['n', 'p', 'r', 'c'] {
            assert_eq!(state.press(Key::Letter(key)), Turn::Draw, "{key}");
            assert!(state.notice.is_some(), "{key}");
        }
        assert_eq!(state.press(Key::Letter('q')), Turn::Quit);
    }

    #[test]
    fn keys_are_shown_where_they_do_something() {
        let with = |change: fn(&mut FlowView)| {
            let mut view = views::smoked("a");
            change(&mut view);
            at(view)
        };
        let rows = [
            (with(|_| {}), "npcq"),
            (with(|view| view.record.paused = true), "rcq"),
            (with(|view| view.canceled = true), "q"),
            (with(|view| view.target = Target { batch: 1, phase: BatchPhase::Baking }), "pcq"),
            (at(views::success("a")), "q"),
            (State::default(), "q"),
        ];
        for (state, keys) in rows {
            assert_eq!(state.keys().into_iter().map(|(key, _)| key).collect::<String>(), keys);
        }
    }

    #[test]
    fn an_interrupt_always_ends_it() {
        let mut state = at(views::smoked("a"));
        state.press(Key::Letter('n'));
        assert_eq!(state.press(Key::Interrupt), Turn::Quit);
        assert_eq!(State::default().press(Key::Letter('q')), Turn::Quit);
    }

    fn at(view: FlowView) -> State {
        State { flow: Some(view), ..State::default() }
    }
}
