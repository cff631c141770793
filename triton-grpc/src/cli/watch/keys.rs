//! Keys, read beside everything else.

use std::thread;

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// A key that means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// A letter.
    Letter(char),
    /// Esc.
    Escape,
    /// Ctrl-C.
    Interrupt,
    /// None: the terminal has another size.
    Resize,
}

/// Keys as they are pressed. The thread that reads them ends with the program.
pub(super) fn keys() -> UnboundedReceiver<Key> {
    let (send, keys) = unbounded_channel();
    thread::spawn(move || {
        while let Ok(event) = event::read() {
            if let Some(key) = key(&event)
                && send.send(key).is_err()
            {
                return;
            }
        }
    });
    keys
}

fn key(event: &Event) -> Option<Key> {
    match event {
        Event::Resize(..) => Some(Key::Resize),
        Event::Key(key) if key.kind == KeyEventKind::Press => match key.code {
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => Some(Key::Interrupt),
            KeyCode::Char(letter) => Some(Key::Letter(letter)),
            KeyCode::Esc => Some(Key::Escape),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::crossterm::event::KeyEvent;

    #[test]
    fn ctrl_c_is_an_interrupt_and_c_is_a_letter() {
        let of = |modifiers| key(&Event::Key(KeyEvent::new(KeyCode::Char('c'), modifiers)));
        assert_eq!(of(KeyModifiers::CONTROL), Some(Key::Interrupt));
        assert_eq!(of(KeyModifiers::NONE), Some(Key::Letter('c')));
        assert_eq!(key(&Event::FocusGained), None);
    }
}
