//! The live view, drawn: header, batches, pods, what is waited for, keys.

mod rows;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Padding, Paragraph, Wrap};
use triton_core::model::Timestamp;
use triton_core::service::FlowView;

use super::state::State;
use crate::cli::screen::{Paint, Tone};
use crate::cli::{detail, phrase};

/// Width of the bar over all pods.
const BAR: usize = 30;

/// Draws the view.
pub(super) fn draw(frame: &mut Frame<'_>, state: &State, now: Timestamp, paint: Paint) {
    let ink = Ink(paint.is_on());
    let Some(view) = &state.flow else {
        let text = "no flow yet: it is shown once there is one";
        let [body, foot] = Layout::vertical([Constraint::Min(1), Constraint::Length(1)]).areas(frame.area());
        frame.render_widget(Paragraph::new(text).block(ink.block(" triton ")), body);
        frame.render_widget(keys(state, foot.width, ink), foot);
        return;
    };
    let begun = rows::shown_batches(view);
    let batches = u16::try_from(begun.clamp(1, 8)).unwrap_or(8).saturating_add(3);
    let [head, middle, pods, wait, foot] = Layout::vertical([
        Constraint::Length(5),
        Constraint::Length(batches),
        Constraint::Min(3),
        Constraint::Length(waiting_lines(view, frame.area().width)),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    header(frame, head, view, now, ink);
    frame.render_widget(rows::batches(view, middle, now, ink), middle);
    frame.render_widget(rows::pods(view, pods, ink), pods);
    waiting(frame, wait, view, now, ink);
    frame.render_widget(keys(state, foot.width, ink), foot);
}

fn header(frame: &mut Frame<'_>, area: Rect, view: &FlowView, now: Timestamp, ink: Ink) {
    let record = &view.record;
    let time = match record.finished_at {
        Some(end) => format!("took {}", phrase::took(record.started_at, Some(end), now)),
        None => format!("running for {}", phrase::took(record.started_at.or(Some(now)), None, now)),
    };
    let first = Line::from(vec![
        Span::styled(record.phase.as_str().to_owned(), ink.bold(phrase::tone(view))),
        Span::raw("  "),
        Span::styled(phrase::reason(view).to_owned(), ink.of(phrase::tone(view))),
        Span::raw(format!("   {} {}, mode {}", view.action, view.instance_name, view.mode)),
    ]);
    let (done, all) = (record.updated_ready_replicas, view.replicas.max(1));
    let mut bar = rows::bar(BAR, &[(done, Tone::Good)], all, ink);
    bar.push(Span::raw(format!("  {done} of {} new pods in traffic", view.replicas)));
    let numbers =
        Line::from(Span::styled(format!("{}   {time}", detail::numbers(view)), ink.of(Tone::Faint)));
    let title = format!(" triton watch  {} ", view.id);
    let text = Paragraph::new(vec![first, Line::from(bar), numbers]).block(ink.block(&title));
    frame.render_widget(text, area);
}

/// How high the pane of what is waited for is: the whole message has room, as far as there is some.
fn waiting_lines(view: &FlowView, width: u16) -> u16 {
    const FRAME: u16 = 2;
    const MOST: usize = 8;
    let room = usize::from(width.saturating_sub(4)).max(1);
    // Lines are broken between words, so that some stay short.
    let message = phrase::message(view).chars().count().div_ceil(room.saturating_sub(room / 10).max(1));
    u16::try_from((message + 1).clamp(2, MOST)).unwrap_or(FRAME).saturating_add(FRAME)
}

fn waiting(frame: &mut Frame<'_>, area: Rect, view: &FlowView, now: Timestamp, ink: Ink) {
    let tone = phrase::tone(view);
    let mut lines = vec![Line::from(Span::styled(phrase::message(view).to_owned(), ink.bold(tone)))];
    if let Some(waiting) = view.record.waiting.as_ref().filter(|_| !view.record.finished) {
        let (since, again) = (phrase::ago(waiting.since, now), phrase::again(waiting.until, now));
        let text = format!("for {since}; {again}");
        lines.push(Line::from(Span::styled(text, ink.of(Tone::Faint))));
    }
    let title = if view.record.finished { " ended " } else { " waiting " };
    let text = Paragraph::new(lines).wrap(Wrap { trim: true }).block(ink.block(title));
    frame.render_widget(text, area);
}

/// The last line: a question, or the keys and what the last order came to.
fn keys(state: &State, width: u16, ink: Ink) -> Line<'static> {
    if let Some((question, _)) = &state.question {
        return Line::from(Span::styled(format!("  {question}"), ink.bold(Tone::Busy)));
    }
    let spans = state.keys().into_iter().flat_map(|(key, what)| {
        [
            Span::styled(format!("  {key}"), ink.bold(Tone::Title)),
            Span::styled(format!(" {what} "), ink.of(Tone::Faint)),
        ]
    });
    let mut line = Line::from(spans.collect::<Vec<_>>());
    if let Some(notice) = &state.notice {
        let notice = Span::styled(format!("  {notice}"), ink.of(Tone::Busy));
        if line.width() + notice.width() > usize::from(width) {
            return Line::from(notice);
        }
        line.push_span(notice);
    }
    line
}

/// Colours, or none.
#[derive(Clone, Copy, Debug)]
struct Ink(bool);

impl Ink {
    fn of(self, tone: Tone) -> Style {
        if !self.0 {
            return Style::default();
        }
        match tone {
            Tone::Good => Style::default().fg(Color::Green),
            Tone::Busy => Style::default().fg(Color::Yellow),
            Tone::Bad => Style::default().fg(Color::Red),
            Tone::Faint => Style::default().fg(Color::DarkGray),
            Tone::Title => Style::default(),
        }
    }

    fn bold(self, tone: Tone) -> Style {
        self.of(tone).add_modifier(Modifier::BOLD)
    }

    fn block(self, title: &str) -> Block<'static> {
        let title =
            Span::styled(title.to_owned(), Style::default().fg(Color::Reset).add_modifier(Modifier::BOLD));
        Block::bordered()
            .padding(Padding::horizontal(1))
            .border_type(BorderType::Rounded)
            .border_style(self.of(Tone::Faint))
            .title(title)
    }
}

#[cfg(test)]
#[path = "draw_tests.rs"]
mod tests;
