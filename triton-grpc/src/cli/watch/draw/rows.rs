//! The tables of the live view: batches with their bars, pods with their traffic.

use ratatui::layout::{Constraint, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell, Row, Table};
use triton_core::model::{BatchPhase, BatchReport, PodPhase, PodReport, PullIn, Timestamp};
use triton_core::service::FlowView;

use super::Ink;
use crate::cli::screen::Tone;
use crate::cli::{detail, phrase};

/// Width of the bar of a batch.
const BAR: usize = 20;
/// Lines of a table that are not rows: two of the border, one of titles.
const FRAME: u16 = 3;

/// How many batches there are to show, listed or not.
pub(super) fn shown_batches(view: &FlowView) -> usize {
    begun(view).max(view.record.batches as usize)
}

/// How many batches have begun.
fn begun(view: &FlowView) -> usize {
    view.record.conditions.last().map_or(view.record.finished_batches, |batch| batch.batch) as usize
}

/// A bar of `width` characters for `all`: these parts in order, then what is missing.
pub(super) fn bar(width: usize, parts: &[(u32, Tone)], all: u32, ink: Ink) -> Vec<Span<'static>> {
    let (mut spans, mut sum, mut drawn) = (Vec::new(), 0_u64, 0);
    for (count, tone) in parts {
        sum += u64::from(*count);
        let end = usize::try_from(sum * width as u64 / u64::from(all.max(1))).unwrap_or(width).min(width);
        spans.push(Span::styled(glyph(*tone).repeat(end - drawn), ink.of(*tone)));
        drawn = end;
    }
    spans.push(Span::styled("░".repeat(width - drawn), ink.of(Tone::Faint)));
    spans
}

/// What a part of a bar is made of: it can be told from the others without colours too.
const fn glyph(tone: Tone) -> &'static str {
    match tone {
        Tone::Good | Tone::Title => "█",
        Tone::Busy | Tone::Faint => "▓",
        Tone::Bad => "×",
    }
}

/// The batches; where there are more than fit, those around the current one.
pub(super) fn batches(view: &FlowView, area: Rect, now: Timestamp, ink: Ink) -> Table<'static> {
    let (begun, all) = (begun(view), shown_batches(view));
    let room = usize::from(area.height.saturating_sub(FRAME)).max(1);
    let first = begun.saturating_sub(room / 2 + 1).min(all.saturating_sub(room));
    let shown = (first..all).take(room);
    let rows = shown.map(|at| {
        let number = at + 1;
        let listed = view.record.conditions.iter().find(|batch| batch.batch as usize == number);
        let unlisted = |stage, tone, parts: &[(u32, Tone)]| {
            let stage = Span::styled(stage, ink.of(tone));
            let bar = Line::from(bar(BAR, parts, 1, ink));
            Row::new([Cell::from(number.to_string()), Cell::from(stage), Cell::from(bar)])
        };
        match listed {
            Some(batch) => started(batch, now, ink),
            // Of a finished batch that the status has no room for nothing else is known.
            None if number < begun => unlisted(BatchPhase::Baked.as_str(), Tone::Good, &[(1, Tone::Good)]),
            None => unlisted("planned", Tone::Faint, &[]),
        }
    });
    let widths = [
        Constraint::Length(9),
        Constraint::Length(12),
        Constraint::Length(21),
        Constraint::Length(18),
        Constraint::Min(8),
    ];
    let done = view.record.finished_batches;
    let title = format!(" batches  {done} of {all} finished ");
    Table::new(rows.collect::<Vec<_>>(), widths)
        .header(titles(["BATCH", "STAGE", "", "NEW IN TRAFFIC", "TOOK"], ink))
        .block(ink.block(&title))
}

fn started(batch: &BatchReport, now: Timestamp, ink: Ink) -> Row<'static> {
    let name = phrase::number(batch.batch, batch.canary);
    let stage = Span::styled(batch.phase.as_str().to_owned(), ink.of(detail::tone(batch)));
    let (pulled_in, all_pods) = (phrase::pulled_in(batch), batch.pods_total);
    let counted = |of: fn(&PodReport) -> bool| u32::try_from(batch.pods.iter().filter(|pod| of(pod)).count());
    let ready = counted(|pod| pod.phase == PodPhase::ContainersReady && pod.pull_in_status == PullIn::None);
    let failed = batch.failed_replicas.min(all_pods.saturating_sub(pulled_in));
    let parts = if batch.phase == BatchPhase::Baked {
        vec![(1, Tone::Good)]
    } else {
        vec![(pulled_in, Tone::Good), (ready.unwrap_or(0), Tone::Busy), (failed, Tone::Bad)]
    };
    let all = if batch.phase == BatchPhase::Baked { 1 } else { batch.batch_size.max(all_pods) };
    Row::new([
        Cell::from(name),
        Cell::from(stage),
        Cell::from(Line::from(bar(BAR, &parts, all, ink))),
        Cell::from(format!("{pulled_in} of {}", all_pods.max(batch.batch_size))),
        Cell::from(phrase::took(batch.started_at, batch.finished_at, now)),
    ])
}

/// The pods, those of the current batch first.
pub(super) fn pods(view: &FlowView, area: Rect, ink: Ink) -> Table<'static> {
    let batches = view.record.conditions.iter().rev();
    let pods: Vec<_> =
        batches.flat_map(|batch| batch.pods.iter().map(move |pod| (batch.batch, pod))).collect();
    let all =
        view.record.conditions.iter().map(|batch| batch.pods_total as usize).sum::<usize>().max(pods.len());
    let room = usize::from(area.height.saturating_sub(FRAME));
    let shown = if all > room { room.saturating_sub(1) } else { room };
    let mut rows: Vec<Row<'static>> =
        pods.iter().take(shown).map(|(batch, pod)| row(*batch, pod, ink)).collect();
    let hidden = all - rows.len();
    if hidden > 0 {
        let more = Span::styled(format!("and {hidden} more"), ink.of(Tone::Faint));
        rows.push(Row::new([Cell::from(more)]));
    }
    // As wide as what stands in them: on a narrow terminal nothing is cut for the sake of an empty place.
    let widest = |of: fn(&PodReport) -> usize, title: usize| {
        let most = pods.iter().map(|(_, pod)| of(pod)).max().unwrap_or(0).max(title);
        u16::try_from(most).unwrap_or(u16::MAX)
    };
    let widths = [
        Constraint::Length(widest(|pod| pod.name.as_str().len(), 14)),
        Constraint::Length(5),
        Constraint::Length(widest(|pod| phrase::address(pod).len(), 7)),
        Constraint::Length(widest(|pod| format!("{:?}", pod.phase).len(), 5)),
        Constraint::Min(14),
    ];
    Table::new(rows, widths)
        .header(titles(["POD", "BATCH", "ADDRESS", "PHASE", "TRAFFIC"], ink))
        .block(ink.block(" new pods "))
}

fn row(batch: u32, pod: &PodReport, ink: Ink) -> Row<'static> {
    let tone = match pod.pull_in_status {
        PullIn::PullInSucceeded => Tone::Good,
        PullIn::PullInFailed => Tone::Bad,
        PullIn::None => Tone::Faint,
    };
    Row::new([
        Cell::from(pod.name.to_string()),
        Cell::from(batch.to_string()),
        Cell::from(phrase::address(pod)),
        Cell::from(Span::styled(format!("{:?}", pod.phase), ink.of(detail::pod_tone(pod.phase)))),
        Cell::from(Span::styled(phrase::traffic(pod), ink.of(tone))),
    ])
}

fn titles(titles: [&'static str; 5], ink: Ink) -> Row<'static> {
    let style: Style = ink.of(Tone::Faint).add_modifier(Modifier::BOLD);
    Row::new(titles).style(style)
}
